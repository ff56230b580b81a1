"""A fluorescence image that lies over a tomogram: which file, where, and how it looks."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal, TypeAlias

Colour: TypeAlias = tuple[float, float, float]

Affine: TypeAlias = tuple[tuple[float, float, float], tuple[float, float, float]]
"""Rows (a, b, c) and (d, e, f): a point (column, row) goes to x = a column + b row + c, y = d column + e row + f."""

Blend = Literal["sum", "colourize", "mask", "overlay"]
"""How an image is laid over the tomogram: its light is added; the tomogram takes its colour where there is light; the
tomogram is seen only where there is light; its light covers the tomogram."""

Projection = Literal["maximum", "first"]
"""What is seen of a stack: the brightest of its planes at each pixel, or the first one."""

IDENTITY: Affine = ((1.0, 0.0, 0.0), (0.0, 1.0, 0.0))
GREEN: Colour = (0.2, 1.0, 0.35)


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
        Which of several channels is seen; None for the colours of an image that has them, or the only channel.
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
