"""What a project holds, as plain values: tomograms, features, boxes, models, picks and where an edit acted."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ais.tomogram import Normalization

IGNORE = 0
"""The feature id that stands for a tomogram's ignore regions in every operation on masks."""

Colour = tuple[float, float, float]
"""Red, green and blue, each 0 to 1."""


@dataclass(frozen=True)
class TomogramEntry:
    """A tomogram of a project.

    Attributes
    ----------
    id
        Its number in the project; never used again once removed.
    name
        The file's name without folder and extension.
    path
        Where the file is; where it was last known when it is missing.
    shape
        (nz, ny, nx) in voxels.
    voxel_size
        In angstrom: the user's override, else the header's; 0.0 when unknown.
    header_voxel_size
        What the file says, in angstrom; 0.0 when it does not.
    normalization
        Centre and scale of the rule ``global_mad``, if they have been computed for the file as it is now.
    missing
        Whether the file is at neither of its known places.
    """

    id: int
    name: str
    path: Path
    shape: tuple[int, int, int]
    voxel_size: float
    header_voxel_size: float
    normalization: Normalization | None
    missing: bool


@dataclass(frozen=True)
class Feature:
    """A kind of structure that is annotated.

    Attributes
    ----------
    id
        Its number in the project; never used again once deleted.
    name
        Unique in the project, whatever the case of its letters.
    colour
        Red, green, blue, each 0 to 1.
    box_size
        Side of its training boxes in pixels.
    brush_radius
        In pixels.
    alpha
        Opacity of its overlay, 0 to 1.
    visible, outline
        Whether it is shown, and whether as an outline.
    level
        Isosurface level on the 0-255 scale.
    dust
        Components below this volume are hidden in 3D, in cubic angstrom.
    """

    id: int
    name: str
    colour: Colour
    box_size: int
    brush_radius: float
    alpha: float
    visible: bool
    outline: bool
    level: float
    dust: float


@dataclass(frozen=True)
class Box:
    """The centre of a training box.

    Attributes
    ----------
    id
        Its number in the project.
    z, y, x
        Voxel at the centre, 0-based.
    negative
        Whether the box shows what the feature is not.
    """

    id: int
    z: int
    y: int
    x: int
    negative: bool


@dataclass(frozen=True)
class ModelEntry:
    """A model that a project uses.

    Attributes
    ----------
    id
        Its number in the project.
    name
        Shown in lists.
    path
        The model file, or where it was last known.
    settings
        How the project uses it: threshold, opacity, active and the like.
    missing
        Whether the file is at neither of its known places.
    """

    id: int
    name: str
    path: Path
    settings: dict[str, Any] = field(hash=False)
    missing: bool


@dataclass(frozen=True)
class PickSet:
    """Particles of one tomogram.

    Attributes
    ----------
    id, tomogram
        Its own number and the tomogram's.
    name
        Shown in lists.
    data
        Positions and columns, as a JSON object.
    """

    id: int
    tomogram: int
    name: str
    data: dict[str, Any] = field(hash=False)


@dataclass(frozen=True)
class HandPick:
    """A particle that was picked by hand.

    Attributes
    ----------
    id
        Its number among the picks of this feature in this tomogram; never used again once removed.
    z, y, x
        Centre in voxels, 0-based; a whole number is a voxel's centre.
    """

    id: int
    z: float
    y: float
    x: float


@dataclass(frozen=True)
class HandPicks:
    """The particles of a feature that were picked by hand in a tomogram; kept as a `PickSet`.

    Attributes
    ----------
    pick_set
        Number of the pick set; its name is the feature's.
    tomogram, feature
        Where, and of what.
    radius
        Of the particles, in voxels.
    picks
        In the order in which they were picked.
    """

    pick_set: int
    tomogram: int
    feature: int
    radius: float
    picks: tuple[HandPick, ...]


@dataclass(frozen=True)
class Region:
    """Where an edit acted, so that undo can move the view there.

    Attributes
    ----------
    tomogram, feature, z
        Numbers of the tomogram and feature, and the slice; None where the edit has none.
    bounds
        (y0, y1, x0, x1) of the changed pixels in that slice, half open; None where the edit changed none.
    """

    tomogram: int | None = None
    feature: int | None = None
    z: int | None = None
    bounds: tuple[int, int, int, int] | None = None


@dataclass(frozen=True)
class HistoryEntry:
    """One line of the history panel.

    Attributes
    ----------
    id
        Grows with time.
    text
        What was done, in the user's words.
    time
        When, as ISO 8601 in UTC.
    region
        Where.
    undone
        Whether it has been undone and can be redone.
    """

    id: int
    text: str
    time: str
    region: Region
    undone: bool
