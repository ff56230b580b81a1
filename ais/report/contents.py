"""What a report shows of one run from annotation to surfaces: figures, slices, picks, times and commands."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

Colour = tuple[float, float, float]


@dataclass(frozen=True)
class FeatureResult:
    """How one feature was annotated, trained and found.

    Attributes
    ----------
    name
        Such as ``"membrane"``.
    colour
        Red, green, blue from 0 to 1.
    annotated_slices
        Their numbers, 0-based.
    boxes, background_boxes
        Training boxes over the annotation, and those that show background.
    losses
        Training loss after each epoch.
    training_seconds
        Time of the training.
    scores
        By name: ``dice``, ``iou``, ``precision``, ``recall``, ``cldice`` from 0 to 1 over the slices held out, and
        ``surface_distance`` in angstrom. NaN where it is not defined.
    surfaces, triangles
        Connected components of the surface and its triangles.
    volume
        Of what was segmented, in cubic angstrom.
    """

    name: str
    colour: Colour
    annotated_slices: tuple[int, ...]
    boxes: int
    background_boxes: int
    losses: tuple[float, ...]
    training_seconds: float
    scores: dict[str, float]
    surfaces: int
    triangles: int
    volume: float


@dataclass(frozen=True)
class PickResult:
    """Picks of one feature against the true centres.

    Attributes
    ----------
    feature
        Its name.
    positions
        (n, 3) float, x, y, z of the picks in voxels, 0-based.
    correct
        (n,) bool, whether the pick is a particle.
    truth
        (m, 3) float, x, y, z of the true centres in voxels.
    found
        (m,) bool, whether it was picked.
    radius
        Largest distance of a correct pick to its particle, in angstrom.
    precision, recall, f1
        From 0 to 1.
    """

    feature: str
    positions: NDArray[np.float64]
    correct: NDArray[np.bool_]
    truth: NDArray[np.float64]
    found: NDArray[np.bool_]
    radius: float
    precision: float
    recall: float
    f1: float


@dataclass(frozen=True)
class SliceView:
    """One slice of the tomogram with what is there and what was found.

    Attributes
    ----------
    z
        Its number, 0-based.
    annotated
        Whether it was annotated; otherwise the networks have not seen its annotation.
    image
        (ny, nx) float32, values of the tomogram.
    truth, segmentation
        (ny, nx) bool for each feature by name.
    """

    z: int
    annotated: bool
    image: NDArray[np.float32]
    truth: dict[str, NDArray[np.bool_]]
    segmentation: dict[str, NDArray[np.bool_]]


@dataclass(frozen=True)
class Step:
    """One step of the run.

    Attributes
    ----------
    title
        In a few words, such as ``"Train membrane"``.
    seconds
        Time it took.
    commands
        Command lines that do the same.
    """

    title: str
    seconds: float
    commands: tuple[str, ...] = ()


@dataclass(frozen=True)
class DemoResult:
    """Everything that the demo has made and measured.

    Attributes
    ----------
    folder
        Where its files are.
    tomogram
        Name of the simulated tomogram.
    shape
        (nz, ny, nx) in voxels.
    voxel_size
        In angstrom.
    features
        One entry each.
    picks
        Of particles; None when no feature was picked.
    slices
        To be shown, in this order.
    pick_slice
        On which the picks are drawn; None without picks.
    surface_picture
        (ny, nx, 3) uint8, the rendered surfaces; None without surfaces.
    steps
        In the order in which they were done.
    settings
        Name and value of each, as text.
    versions
        Of Ais, Python and the libraries.
    date
        As text.
    report
        The page; None until it is written.
    """

    folder: Path
    tomogram: str
    shape: tuple[int, int, int]
    voxel_size: float
    features: tuple[FeatureResult, ...]
    picks: PickResult | None
    slices: tuple[SliceView, ...]
    pick_slice: SliceView | None
    surface_picture: NDArray[np.uint8] | None
    steps: tuple[Step, ...]
    settings: dict[str, str] = field(default_factory=dict)
    versions: dict[str, str] = field(default_factory=dict)
    date: str = ""
    report: Path | None = None

    @property
    def seconds(self) -> float:
        """Time of all steps together."""
        return sum(step.seconds for step in self.steps)

    @property
    def annotated_slices(self) -> tuple[int, ...]:
        """Slices in which at least one feature was annotated."""
        return tuple(sorted({z for feature in self.features for z in feature.annotated_slices}))
