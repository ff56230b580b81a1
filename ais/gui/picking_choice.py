"""How particles or filaments are to be picked from the volumes of one feature, as the project remembers it."""

from __future__ import annotations

import logging
import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields, replace
from enum import Enum
from typing import Any

_log = logging.getLogger(__name__)

LARGEST_LENGTH_A = 100_000.0
LARGEST_VOLUME_A3 = 1e15
MOST_PARTICLES = 1_000_000


class Orient(Enum):
    """How particles are oriented; the value is what the user reads."""

    NONE = "None"
    NORMAL = "Normal of a surface"
    AXIS = "Long axis"


@dataclass(frozen=True)
class PickChoice:
    """How a feature is picked; lengths in angstrom, volumes in cubic angstrom.

    Attributes
    ----------
    threshold
        On the 0-255 scale.
    filaments
        Whether lines are traced instead of particles found.
    min_volume, spacing, margin
        Smallest particle, smallest distance between two, smallest distance to the volume's faces.
    max_count
        At most this many, the heaviest; 0 for all.
    orient
        How particles are oriented; filaments always have their tangent.
    min_length, step
        Shortest filament that is kept, and the distance between two points along it.
    twist
        Degrees about the filament from one point to the next.
    surface
        The feature to whose surface distances are measured, and whose normals orient; empty for none.
    surface_level
        Of that surface, on the 0-255 scale.
    nearest, farthest
        Smallest and largest distance to it of what is kept; a `farthest` of 0 is no limit.
    """

    threshold: float = 128.0
    filaments: bool = False
    min_volume: float = 0.0
    spacing: float = 0.0
    margin: float = 0.0
    max_count: int = 0
    orient: Orient = Orient.NONE
    min_length: float = 300.0
    step: float = 80.0
    twist: float = 0.0
    surface: str = ""
    surface_level: float = 128.0
    nearest: float = 0.0
    farthest: float = 0.0

    @property
    def needs_surface(self) -> bool:
        """Whether another feature's surface is asked for."""
        return bool(self.surface)

    @property
    def limited(self) -> bool:
        """Whether something is left out by its distance to the surface."""
        return self.needs_surface and (self.nearest > 0 or self.farthest > 0)

    def problem(self) -> str:
        """Why nothing can be picked so, in one sentence; empty if something can."""
        if self.orient is Orient.NORMAL and not self.filaments and not self.surface:
            return "Choose the surface whose normals orient the particles."
        if self.limited and 0 < self.farthest < self.nearest:
            return "The largest distance is below the smallest one."
        return ""

    def write(self) -> dict[str, Any]:
        """A JSON object."""
        return {**asdict(self), "orient": self.orient.name.casefold()}

    @classmethod
    def read(cls, value: Any) -> PickChoice:
        """What `write` has given; what makes no sense is as it is by default."""
        choice = cls()
        if not isinstance(value, Mapping):
            return choice
        for one in fields(cls):
            found, default = value.get(one.name), getattr(choice, one.name)
            try:
                choice = replace(choice, **{one.name: _like(default, found)})
            except (KeyError, TypeError, ValueError):
                _log.info("the setting %s of picking was ignored", one.name)
        return choice.clamped()

    def clamped(self) -> PickChoice:
        """The same with every number within what makes sense."""
        return replace(
            self,
            threshold=_within(self.threshold, 1.0, 255.0),
            surface_level=_within(self.surface_level, 1.0, 255.0),
            min_volume=_within(self.min_volume, 0.0, LARGEST_VOLUME_A3),
            max_count=int(_within(self.max_count, 0, MOST_PARTICLES)),
            step=_within(self.step, 0.1, LARGEST_LENGTH_A),
            twist=_within(self.twist, -360.0, 360.0),
            spacing=_within(self.spacing, 0.0, LARGEST_LENGTH_A),
            margin=_within(self.margin, 0.0, LARGEST_LENGTH_A),
            min_length=_within(self.min_length, 0.0, LARGEST_LENGTH_A),
            nearest=_within(self.nearest, 0.0, LARGEST_LENGTH_A),
            farthest=_within(self.farthest, 0.0, LARGEST_LENGTH_A),
        )


def _like(default: Any, found: Any) -> Any:
    """A value read from JSON as the type of the default; raises what tells that it is none."""
    match default:
        case Orient():
            return Orient[str(found).upper()]
        case bool():
            return bool(found)
        case int():
            return int(found)
        case float():
            if not math.isfinite(found):
                raise ValueError(found)
            return float(found)
        case _:
            return found if isinstance(found, str) else default


def _within(value: float, low: float, high: float) -> float:
    return min(max(value, low), high)
