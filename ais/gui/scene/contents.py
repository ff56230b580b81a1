"""What is in the 3D scene, as plain data: made by those who know it, drawn by `ais.gui.scene.renderer`."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass, field
from enum import Enum
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from ais.surfaces import Surface

Rgb = tuple[float, float, float]
Point = tuple[float, float, float]
Affine = tuple[Point, Point]

HIDDEN, SHOWN, HIGHLIGHTED = 0, 1, 2
"""States of a component or a particle."""


class Shading(Enum):
    """How light falls on surfaces; the value is what the user reads."""

    PHONG = "Phong"
    CARTOON = "Cartoon"
    FLAT = "Flat"


@dataclass(frozen=True, eq=False)
class SurfaceItem:
    """A surface of one or many components, drawn in one call.

    Attributes
    ----------
    key
        What it is of; the same surface keeps its key, and another surface under the same key replaces it.
    surface
        Vertices in angstrom, x, y, z; its buffers are made once per object, so it must not be changed.
    colour, alpha
        0 to 1; an alpha below 1 is drawn transparently.
    states
        (k,) uint8, HIDDEN, SHOWN or HIGHLIGHTED for each component; a new array when something changes (no buffer of
        vertices is made anew then).
    colours
        (k, 3) float32 or None; a colour for each component in place of `colour`.
    """

    key: Hashable
    surface: Surface
    colour: Rgb
    alpha: float
    states: NDArray[np.uint8]
    colours: NDArray[np.float32] | None = None


@dataclass(frozen=True, eq=False)
class ParticleItem:
    """Particles, each drawn as the same small body; all in one call.

    Attributes
    ----------
    key
        What they are; see `SurfaceItem.key`.
    positions
        (n, 3) float32, x, y, z in angstrom.
    directions
        (n, 3) float32 unit vectors x, y, z, for arrows; None where the particles have no orientation.
    colours
        (n, 3) float32, 0 to 1.
    states
        (n,) uint8, as in `SurfaceItem`.
    radius
        In angstrom.
    body
        Arrows begin at the position and are three radii long.
    alpha
        0 to 1.
    """

    key: Hashable
    positions: NDArray[np.float32]
    directions: NDArray[np.float32] | None
    colours: NDArray[np.float32]
    states: NDArray[np.uint8]
    radius: float
    body: Literal["sphere", "arrow"] = "sphere"
    alpha: float = 1.0


@dataclass(frozen=True, eq=False)
class SliceItem:
    """A picture as a plane in the scene, such as a slice of the tomogram.

    Attributes
    ----------
    picture
        (rows, columns) uint8 grey values, row 0 at the corner; the same object as long as it is the same picture.
    corner
        x, y, z in angstrom of the outer corner of the first pixel.
    along_columns, along_rows
        Vectors from the corner to the end of the first row, and to the end of the first column.
    alpha
        0 to 1.
    """

    picture: NDArray[np.uint8]
    corner: Point
    along_columns: Point
    along_rows: Point
    alpha: float = 1.0


@dataclass(frozen=True, eq=False)
class ProjectionItem:
    """An image thrown through the tomogram along z: a body of light or of coloured glass, the same at every z.

    Attributes
    ----------
    pixels
        (rows, columns, 4) uint8: red, green and blue of its light on black, and how bright it is, by which the colours
        are premultiplied; the same object as long as it is the same image.
    to_scene
        Rows (a, b, c) and (d, e, f): the middle of a pixel (column, row) is at x = a column + b row + c,
        y = d column + e row + f in angstrom.
    low, high
        Opposite corners of the box that it fills, x, y, z in angstrom.
    density
        Of 1 adds the image as it is to what is behind it where it is seen along z through the whole of its box, or
        covers 63 % (1 - 1/e) behind its brightest pixels. The longer the way through the box, the more it is.
    """

    pixels: NDArray[np.uint8]
    to_scene: Affine
    low: Point
    high: Point
    density: float = 1.0


@dataclass(frozen=True)
class SceneLook:
    """How the scene is drawn.

    Attributes
    ----------
    shading
        How light falls.
    ambient, head_light
        Strength of the light from everywhere, and of that from the viewer, 0 to 1.
    depth_cue
        How much what is far fades into the background, 0 to 1.
    occlusion
        How dark hollows are (ambient occlusion in the picture), 0 to 1; 0 costs nothing.
    edges
        Whether silhouettes are lined.
    background
        Red, green, blue, each 0 to 1.
    box, axes
        Whether the outline of the tomogram with its size, and the axes in a corner, are drawn.
    """

    shading: Shading = Shading.PHONG
    ambient: float = 0.35
    head_light: float = 0.75
    depth_cue: float = 0.3
    occlusion: float = 0.0
    edges: bool = True
    background: Rgb = (0.08, 0.085, 0.095)
    box: bool = True
    axes: bool = True


@dataclass(frozen=True)
class Scene:
    """All that is drawn.

    Attributes
    ----------
    surfaces, particles, slices
        In no particular order.
    low, high
        Opposite outer corners of the tomogram, x, y, z in angstrom.
    look
        How it is drawn.
    projections
        Images thrown through it; in no particular order.
    projections_cover
        Whether they cover what is behind them, as coloured glass does; else their light is added, as that of a glowing
        gas.
    """

    surfaces: tuple[SurfaceItem, ...] = ()
    particles: tuple[ParticleItem, ...] = ()
    slices: tuple[SliceItem, ...] = ()
    low: Point = (0.0, 0.0, 0.0)
    high: Point = (1.0, 1.0, 1.0)
    look: SceneLook = field(default_factory=SceneLook)
    projections: tuple[ProjectionItem, ...] = ()
    projections_cover: bool = False


@dataclass(frozen=True)
class Hit:
    """What lies under a pixel.

    Attributes
    ----------
    key
        Of the `SurfaceItem` or `ParticleItem`.
    index
        Number of the component or of the particle.
    position
        x, y, z in angstrom, of the point that is seen.
    """

    key: Hashable
    index: int
    position: Point
