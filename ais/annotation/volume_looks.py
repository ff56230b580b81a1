"""What a project keeps of a segmented volume: how its surface looks, and which of its components are not wanted."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ais.annotation.entries import Colour
from ais.errors import AisError

MAX_BIN = 32
MAX_SMOOTH = 100
FULL_SCALE = 255.0


@dataclass(frozen=True)
class Removal:
    """A component that somebody has chosen.

    Attributes
    ----------
    z, y, x
        A voxel of it, 0-based, in the volume as it is on disk.
    level
        At which it was chosen, on the scale of 0 to 255: it is the set of connected voxels at or above this level.
    """

    z: int
    y: int
    x: int
    level: float


@dataclass(frozen=True)
class Removals:
    """Which components of a volume are not wanted; false where nothing was chosen.

    Attributes
    ----------
    removed
        These are not.
    kept
        Unless there are none: all but these are not.
    """

    removed: tuple[Removal, ...] = ()
    kept: tuple[Removal, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.removed or self.kept)


@dataclass(frozen=True)
class SurfaceLook:
    """How the surface of a volume looks.

    Attributes
    ----------
    shown
        Whether it is in the scene.
    colour
        Red, green, blue, each 0 to 1; None for that of the feature.
    alpha
        Opacity, 0 to 1.
    level
        Of the surface, on the scale of 0 to 255; None for that of the feature.
    dust
        Components below this volume are not drawn, in cubic angstrom; None for that of the feature.
    bin
        The surface is that of the mean of bin x bin x bin voxels; None for the least that the memory allows.
    smooth
        Steps of smoothing.
    hidden
        Components that are not drawn, but used in all other respects.
    removals
        Components that are taken for false.
    """

    shown: bool = True
    colour: Colour | None = None
    alpha: float = 1.0
    level: float | None = None
    dust: float | None = None
    bin: int | None = None
    smooth: int = 0
    hidden: tuple[Removal, ...] = ()
    removals: Removals = field(default_factory=Removals)


@dataclass(frozen=True)
class VolumeEntry:
    """What a project knows of a segmented volume of a tomogram.

    Attributes
    ----------
    key
        Under which it is kept.
    path
        Where the file is; where it was last known when it is missing.
    missing
        Whether the file is at neither of its known places.
    look
        How it looks.
    by_hand
        Whether it was added by the user, wherever it lies.
    listed
        Whether it is in the list; one that was taken off is not, though it is found.
    """

    key: str
    path: Path
    missing: bool = False
    look: SurfaceLook = field(default_factory=SurfaceLook)
    by_hand: bool = False
    listed: bool = True

    @property
    def number(self) -> int:
        """Its own among those of the tomogram."""
        return int(self.key.rpartition(" ")[2])


LOOK_DEFAULT = SurfaceLook()


def volume_prefix(tomogram: int) -> str:
    """How the settings begin that hold the volumes of a tomogram; a number follows."""
    return f"volume {tomogram} "


def checked_look(look: SurfaceLook) -> SurfaceLook:
    """The same look.

    Raises
    ------
    AisError
        If a property is out of its range.
    """
    if look_of(look_values(look)) != look:
        raise AisError("A surface cannot look like this: a property of it is out of its range.")
    return look


def look_values(look: SurfaceLook) -> dict[str, Any]:
    """A look as a JSON object; what is as by default is left out."""
    values: dict[str, Any] = {}
    for name in ("shown", "colour", "alpha", "level", "dust", "bin", "smooth"):
        value = getattr(look, name)
        if value != getattr(LOOK_DEFAULT, name):
            values[name] = list(value) if isinstance(value, tuple) else value
    marks = {"hidden": look.hidden, "removed": look.removals.removed, "kept": look.removals.kept}
    return values | {name: [[m.z, m.y, m.x, m.level] for m in found] for name, found in marks.items() if found}


def look_of(values: Any) -> SurfaceLook:
    """A look from a JSON object; what makes no sense is as by default, so that a volume is shown at any rate."""
    if not isinstance(values, Mapping):
        return LOOK_DEFAULT
    smooth, binned = _whole(values.get("smooth"), 0, MAX_SMOOTH), _whole(values.get("bin"), 1, MAX_BIN)
    alpha = _real(values.get("alpha"), 1.0)
    return SurfaceLook(
        shown=values.get("shown") is not False,
        colour=_colour(values.get("colour")),
        alpha=1.0 if alpha is None else alpha,
        level=_real(values.get("level"), FULL_SCALE),
        dust=_real(values.get("dust"), math.inf),
        bin=binned,
        smooth=smooth or 0,
        hidden=_marks(values.get("hidden")),
        removals=Removals(_marks(values.get("removed")), _marks(values.get("kept"))),
    )


def _real(value: Any, high: float) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        return None
    return float(value) if 0 <= value <= high else None


def _whole(value: Any, low: int, high: int) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) and low <= value <= high else None


def _colour(value: Any) -> Colour | None:
    parts = [_real(part, 1.0) for part in value] if isinstance(value, list | tuple) else []
    known = [part for part in parts if part is not None]
    return (known[0], known[1], known[2]) if len(parts) == len(known) == 3 else None


def _marks(values: Any) -> tuple[Removal, ...]:
    return tuple(_each_mark(values)) if isinstance(values, list) else ()


def _each_mark(values: list[Any]) -> Iterable[Removal]:
    for value in values:
        if not isinstance(value, list | tuple) or len(value) != 4:
            continue
        place = [_whole(part, 0, 1 << 40) for part in value[:3]]
        level = _real(value[3], FULL_SCALE)
        known = [part for part in place if part is not None]
        if len(known) == 3 and level is not None:
            yield Removal(known[0], known[1], known[2], level)
