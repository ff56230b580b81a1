"""Where an image lies over a tomogram: moved, turned, scaled and flipped. Points are (column, row) or (x, y)."""

from __future__ import annotations

import math
from typing import Literal

from ais.fluorescence.overlay import Affine, Point

Shape = tuple[int, int]
"""(ny, nx)."""

LEAST_AREA, MOST_AREA = 1e-12, 1e12
"""Voxels that a pixel may cover."""


def at(affine: Affine, point: Point) -> Point:
    """Where a point goes."""
    (a, b, c), (d, e, f) = affine
    x, y = point
    return a * x + b * y + c, d * x + e * y + f


def then(first: Affine, second: Affine) -> Affine:
    """The first one, and after it the second."""
    (a, b, c), (d, e, f) = second
    (p, q, r), (s, t, u) = first
    return (a * p + b * s, a * q + b * t, a * r + b * u + c), (d * p + e * s, d * q + e * t, d * r + e * u + f)


def determinant(affine: Affine) -> float:
    """How many voxels a pixel covers; negative for an image that is flipped."""
    (a, b, _), (d, e, _) = affine
    return a * e - b * d


def is_usable(affine: Affine) -> bool:
    """Whether an image that lies so can be seen at all."""
    numbers = (*affine[0], *affine[1])
    return all(math.isfinite(value) for value in numbers) and LEAST_AREA <= abs(determinant(affine)) <= MOST_AREA


def inverse(affine: Affine) -> Affine:
    """From the tomogram back to the image; the affine must be usable."""
    (a, b, c), (d, e, f) = affine
    det = determinant(affine)
    return (e / det, -b / det, (b * f - c * e) / det), (-d / det, a / det, (c * d - a * f) / det)


def middle(affine: Affine, shape: Shape) -> Point:
    """Where the middle of an image lies."""
    return at(affine, ((shape[1] - 1) / 2, (shape[0] - 1) / 2))


def corners(affine: Affine, shape: Shape) -> tuple[Point, Point, Point, Point]:
    """Where the outer corners of an image lie, one after the other around it, from that of its first pixel."""
    ny, nx = shape
    around = ((-0.5, -0.5), (nx - 0.5, -0.5), (nx - 0.5, ny - 0.5), (-0.5, ny - 0.5))
    first, second, third, fourth = (at(affine, corner) for corner in around)
    return first, second, third, fourth


def moved(affine: Affine, dx: float, dy: float) -> Affine:
    """Moved by voxels."""
    return then(affine, ((1.0, 0.0, dx), (0.0, 1.0, dy)))


def turned(affine: Affine, shape: Shape, degrees: float) -> Affine:
    """Turned about its middle, counter-clockwise as it is drawn, with y upwards."""
    cosine, sine = math.cos(math.radians(degrees)), math.sin(math.radians(degrees))
    return _about_middle(affine, shape, ((cosine, -sine, 0.0), (sine, cosine, 0.0)))


def scaled(affine: Affine, shape: Shape, factor: float) -> Affine:
    """Made larger by a factor, its middle where it was."""
    return _about_middle(affine, shape, ((factor, 0.0, 0.0), (0.0, factor, 0.0)))


def flipped(affine: Affine, shape: Shape, way: Literal["horizontally", "vertically"]) -> Affine:
    """Mirrored as it is seen over the tomogram, its middle where it was."""
    x, y = (-1.0, 1.0) if way == "horizontally" else (1.0, -1.0)
    return _about_middle(affine, shape, ((x, 0.0, 0.0), (0.0, y, 0.0)))


def angle(affine: Affine) -> float:
    """By how much the rows of an image are turned, in degrees from -180 to 180, counter-clockwise as it is drawn."""
    return math.degrees(math.atan2(affine[1][0], affine[0][0]))


def voxels_per_pixel(affine: Affine) -> float:
    """The side of a square that covers as much as a pixel."""
    return math.sqrt(abs(determinant(affine)))


def fitted(shape: Shape, tomogram: Shape, *, first_row_at_top: bool) -> Affine:
    """The whole image over the middle of a tomogram's slices, as large as there is room for.

    Parameters
    ----------
    shape
        Of the image.
    tomogram
        Of a slice.
    first_row_at_top
        Whether its first row is the uppermost one, as programs for pictures draw it; y = 0 is drawn at the bottom.
    """
    ny, nx = shape
    scale = min(tomogram[0] / ny, tomogram[1] / nx)
    way = -scale if first_row_at_top else scale
    x, y = (tomogram[1] - 1) / 2, (tomogram[0] - 1) / 2
    return (scale, 0.0, x - scale * (nx - 1) / 2), (0.0, way, y - way * (ny - 1) / 2)


def of_reduced(affine: Affine, by: int) -> Affine:
    """For the same image with the mean of `by` x `by` pixels as one."""
    return affine if by == 1 else then(((by, 0.0, (by - 1) / 2), (0.0, by, (by - 1) / 2)), affine)


def _about_middle(affine: Affine, shape: Shape, change: Affine) -> Affine:
    x, y = middle(affine, shape)
    there = then(moved(affine, -x, -y), change)
    return moved(there, x, y)
