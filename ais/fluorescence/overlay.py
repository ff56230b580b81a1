"""A fluorescence image that lies over a tomogram: which file, where, and how it looks."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal, TypeAlias

Colour: TypeAlias = tuple[float, float, float]

Point: TypeAlias = tuple[float, float]
"""Column and row of an image, or x and y of a tomogram."""

Affine: TypeAlias = tuple[tuple[float, float, float], tuple[float, float, float]]
"""Rows (a, b, c) and (d, e, f): a point (column, row) goes to x = a column + b row + c, y = d column + e row + f."""

Blend = Literal["sum", "colourize", "mask", "overlay"]
"""How an image is laid over the tomogram: its light is added; the tomogram takes its colour where there is light; the
tomogram is seen only where there is light; its light covers the tomogram."""

BLENDS: tuple[Blend, ...] = ("sum", "colourize", "mask", "overlay")

Projection = Literal["maximum", "first"]
"""What is seen of a stack: the brightest of its planes at each pixel, or the first one."""

PROJECTIONS: tuple[Projection, ...] = ("maximum", "first")

FitKind = Literal["affine", "similarity"]
"""What landmarks may do to an image: all that keeps lines straight and parallel, or only move, turn and scale it."""

FIT_KINDS: tuple[FitKind, ...] = ("affine", "similarity")

IDENTITY: Affine = ((1.0, 0.0, 0.0), (0.0, 1.0, 0.0))
GREEN: Colour = (0.2, 1.0, 0.35)


@dataclass(frozen=True)
class Landmark:
    """A thing that is seen in both.

    Attributes
    ----------
    image
        (column, row) of the image as it is read.
    tomogram
        (x, y) in voxels.
    """

    image: Point
    tomogram: Point


@dataclass(frozen=True)
class Overlay:
    """A fluorescence image over a tomogram.

    Attributes
    ----------
    name
        What it is called on the screen.
    path
        Where the file is; where it was last known when it is missing.
    content
        SHA-256 of the file in hexadecimal digits, by which it is recognised elsewhere.
    to_tomogram
        Takes pixels (column, row) of the image as it is read to voxels (x, y) of the tomogram; pixel centres are at
        whole numbers in both.
    channel
        Which of several channels is seen, from 0; None for the colours of an image that has them, else the first.
    projection
        What is seen of a stack.
    colour
        Red, green and blue, each 0 to 1, of the brightest pixels; white leaves a coloured image as it is.
    blend
        How it is laid over the tomogram.
    opacity
        0 to 1.
    low, high
        Values of the image that are drawn dark and in full colour; None for those measured in it.
    z_range
        The first slice over which it lies, and the one after the last; None for all.
    visible
        Whether it is shown.
    key
        Under which a project keeps it.
    missing
        Whether the file is at neither of its known places.
    shape
        (ny, nx) of the image as it is read.
    landmarks
        By which it was placed.
    fit
        What they may do to it.
    """

    name: str
    path: Path
    content: str = ""
    to_tomogram: Affine = IDENTITY
    channel: int | None = None
    projection: Projection = "maximum"
    colour: Colour = GREEN
    blend: Blend = "sum"
    opacity: float = 1.0
    low: float | None = None
    high: float | None = None
    z_range: tuple[int, int] | None = None
    visible: bool = True
    key: str = ""
    missing: bool = False
    shape: tuple[int, int] = (1, 1)
    landmarks: tuple[Landmark, ...] = ()
    fit: FitKind = "affine"

    @property
    def number(self) -> int:
        """Its own among those of the tomogram; 0 before a project keeps it."""
        number = self.key.rpartition(" ")[2]
        return int(number) if number.isdecimal() else 0

    def over(self, z: int) -> bool:
        """Whether it lies over slice z."""
        return self.z_range is None or self.z_range[0] <= z < self.z_range[1]
