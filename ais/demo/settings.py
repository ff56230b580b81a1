"""How large the demo is: its tomogram, what is annotated in it, and how long the networks are trained."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

Colour = tuple[float, float, float]

SKY_BLUE: Colour = (0.337, 0.706, 0.914)
ORANGE: Colour = (0.902, 0.624, 0.0)
REDDISH_PURPLE: Colour = (0.8, 0.475, 0.655)


@dataclass(frozen=True)
class FeaturePlan:
    """A feature that the demo annotates and learns.

    Attributes
    ----------
    name
        One of the simulated features.
    colour
        Red, green, blue from 0 to 1; those of the demo can be told apart by the colour-blind.
    boxes, background_boxes
        How many training boxes are spread over its annotation, and how many lie in the background.
    depth
        Slices that the network sees at once.
    """

    name: str
    colour: Colour
    depth: int = 5
    boxes: int = 60
    background_boxes: int = 40


# Background boxes keep away from what has been painted before, so the first features also learn from boxes of the
# others what they are not.
FEATURES = (
    FeaturePlan("microtubule", ORANGE, depth=9),
    FeaturePlan("ribosome", REDDISH_PURPLE, depth=9),
    FeaturePlan("membrane", SKY_BLUE),
)


@dataclass(frozen=True)
class DemoSettings:
    """Everything that decides what the demo does, besides its seed.

    Attributes
    ----------
    size
        Its name.
    shape
        (nz, ny, nx) of the simulated tomogram.
    voxel_size
        In angstrom.
    annotated
        Number of annotated slices, evenly spaced.
    features
        What is annotated and learnt. Ribosomes are picked.
    box_size
        Pixels of a training sample.
    first_filters, epochs, copies, batch_size, learning_rate
        Of the networks and their training; see `ais.training.train`.
    min_particle
        Smallest particle that is picked, in cubic angstrom.
    spacing
        Smallest distance between two picks, in angstrom.
    radius
        Largest distance of a correct pick from its particle, in angstrom.
    dust
        Components below this volume are not drawn, in cubic angstrom.
    """

    size: str
    shape: tuple[int, int, int]
    voxel_size: float = 10.0
    annotated: int = 7
    features: tuple[FeaturePlan, ...] = FEATURES
    box_size: int = 64
    first_filters: int = 32
    epochs: int = 10
    copies: int = 8
    batch_size: int = 32
    learning_rate: float = 2.5e-3
    min_particle: float = 1.5e6
    spacing: float = 180.0
    radius: float = 100.0
    dust: float = 1e6

    @property
    def annotated_slices(self) -> tuple[int, ...]:
        """Numbers of the annotated slices, 0-based."""
        nz = self.shape[0]
        return tuple(sorted({int((index + 0.5) * nz / self.annotated) for index in range(self.annotated)}))

    @property
    def held_out_slices(self) -> tuple[int, ...]:
        """Numbers of all other slices."""
        return tuple(sorted(set(range(self.shape[0])).difference(self.annotated_slices)))


SETTINGS: Mapping[str, DemoSettings] = MappingProxyType(
    {
        "small": DemoSettings("small", (64, 192, 192)),
        "medium": DemoSettings("medium", (128, 256, 256), annotated=9, epochs=12),
    }
)
"""The sizes that have a name."""
