"""Straight cylinders that lie in the slice, by correlation with a template in many directions."""

from __future__ import annotations

import math
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from ais.classic.filter import FloatArray, Reach, Sizes, StrengthFilter

ACROSS_PX, ACROSS_WALL_PX = 6, 1.5
"""Pixels that the diameter, and a wall, have at least where slices are binned to be compared with the template."""
SURROUNDINGS = 1.8
"""Radius of what is compared, with the cylinder in its middle, in radii of the cylinder."""
LEAST_VARIANCE = 1e-4
"""Of normalised values; where there is less, nothing is compared."""
Templates = NDArray[np.float32]


class Cylinder(StrengthFilter):
    """Normalised cross-correlation with a cylinder and its surroundings, the best of all directions in the slice.

    Slices are binned until the diameter is about `ACROSS_PX` pixels: that loses little of a cylinder and much of the
    time.

    Parameters
    ----------
    dark
        Whether it is darker than what is around it.
    diameter, length
        In angstrom.
    wall
        Thickness of the wall of a hollow one in angstrom; 0 for one that is filled.
    angles
        How many directions are tried, over half a turn.
    strength
        As in `StrengthFilter`.
    """

    whole_planes: ClassVar[bool] = True

    def __init__(
        self, *, dark: bool, diameter: float, length: float, wall: float, angles: int, strength: float
    ) -> None:
        super().__init__(strength)
        self.sign = -1 if dark else 1
        self.diameter = diameter
        self.length = length
        self.wall = min(wall, diameter / 2)
        self.angles = angles

    def bins(self, sizes: Sizes) -> Reach:
        """How many voxels along (z, y, x) are averaged."""
        finest = min(self.diameter / ACROSS_PX, self.wall / ACROSS_WALL_PX if self.wall > 0 else self.diameter)
        z, y, x = (max(int(finest / size), 1) for size in sizes)
        return z, y, x

    def reach(self, sizes: Sizes) -> Reach:
        """Slices above and below; in the plane the whole slice counts."""
        binned = self.bins(sizes)[0]
        return (binned * (2 * self._layers(sizes) + 1)) // 2, 0, 0

    def response(self, block: FloatArray, sizes: Sizes) -> FloatArray:
        """The largest correlation coefficient, -1 to 1."""
        bins = self.bins(sizes)
        layers = 2 * self._layers(sizes) + 1
        depth = 2 * self.reach(sizes)[0] + 1
        templates = self.templates(sizes)
        found = []
        for z in range(len(block) - depth + 1):
            around = block[z : z + bins[0] * layers].reshape(layers, bins[0], *block.shape[1:]).mean(axis=1)
            binned = _binned(around, bins[1:]) * np.float32(self.sign)
            found.append(_unbinned(best_correlation(binned, templates), bins[1:], block.shape[1:]))
        return np.stack(found)

    def templates(self, sizes: Sizes) -> tuple[Templates, Templates]:
        """Cylinder, and what is compared, for each direction: (angles, z, y, x) on the binned grid, odd sides."""
        sizes = tuple(size * count for size, count in zip(sizes, self.bins(sizes), strict=True))  # type: ignore[assignment]
        radius, half = self.diameter / 2, self.length / 2
        layers = self._layers_of(sizes[0])
        away = math.hypot(half, radius * SURROUNDINGS)
        rows, columns = (math.ceil(away / size) for size in sizes[1:])
        z, y, x = (
            np.arange(-count, count + 1) * size for count, size in zip((layers, rows, columns), sizes, strict=True)
        )
        z, y, x = z[:, None, None], y[None, :, None], x[None, None, :]
        cylinders, regions = [], []
        for number in range(self.angles):
            angle = math.pi * number / self.angles
            along, across = x * math.cos(angle) + y * math.sin(angle), y * math.cos(angle) - x * math.sin(angle)
            distance = np.sqrt(across**2 + z**2)
            ends = _soft((half - np.abs(along)) / sizes[2])
            filled = _soft((radius - distance) / sizes[2])
            hollow = _soft((radius - self.wall - distance) / sizes[2]) if self.wall > 0 else 0
            cylinders.append(ends * (filled - hollow))
            regions.append(ends * _soft((radius * SURROUNDINGS - distance) / sizes[2]))
        return np.array(cylinders, np.float32), np.array(regions, np.float32)

    def _layers(self, sizes: Sizes) -> int:
        return self._layers_of(sizes[0] * self.bins(sizes)[0])

    def _layers_of(self, size: float) -> int:
        return math.ceil(self.diameter / 2 * SURROUNDINGS / size)


def best_correlation(planes: FloatArray, templates: tuple[Templates, Templates]) -> FloatArray:
    """The largest weighted correlation coefficient of the middle of some slices with templates.

    Parameters
    ----------
    planes
        (k, y, x), mirrored beyond their borders.
    templates
        Values and weights, each (n, k, 2 * h + 1, 2 * w + 1).

    Returns
    -------
    ndarray
        (y, x) float32, -1 to 1; 0 where nothing varies.
    """
    from scipy import fft

    values, weights = templates
    height, width = planes.shape[1:]
    rows, columns = values.shape[2] // 2, values.shape[3] // 2
    padded = np.pad(planes, ((0, 0), (rows, rows), (columns, columns)), mode="symmetric")
    shape = tuple(fft.next_fast_len(side, real=True) for side in padded.shape[1:])
    seen = fft.rfft2(padded, shape)
    squared = fft.rfft2(padded * padded, shape)
    best = np.full((height, width), -1, np.float32)
    for value, weight in zip(values, weights, strict=True):
        total = float(weight.sum())
        centred = weight * (value - np.float32((weight * value).sum() / total))
        norm = float((weight * (centred / np.maximum(weight, 1e-6)) ** 2).sum())
        product, mean, power = (
            fft.irfft2((spectrum * np.conj(fft.rfft2(kernel, shape))).sum(axis=0), shape)[:height, :width]
            for spectrum, kernel in ((seen, centred), (seen, weight), (squared, weight))
        )
        variance = power - mean * mean / np.float32(total)
        usable = variance > LEAST_VARIANCE * total
        correlation = product / np.sqrt(np.where(usable, variance, 1) * np.float32(norm))
        np.maximum(best, np.where(usable, correlation, 0), out=best)
    return best


def _soft(inside: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.clip(inside + 0.5, 0, 1)


def _binned(planes: FloatArray, bins: tuple[int, int]) -> FloatArray:
    """Averages of blocks in the plane; what is missing at the far borders is mirrored."""
    (rows, columns), (_, height, width) = bins, planes.shape
    around = ((0, 0), (0, -height % rows), (0, -width % columns))
    padded = np.pad(planes, around, mode="symmetric")
    counts = padded.shape[1] // rows, padded.shape[2] // columns
    means: FloatArray = padded.reshape(len(planes), counts[0], rows, counts[1], columns).mean(axis=(2, 4))
    return means


def _unbinned(plane: FloatArray, bins: tuple[int, int], shape: tuple[int, ...]) -> FloatArray:
    """A binned plane on the pixels of the slice, between its own by straight lines."""
    from scipy import ndimage

    if bins == (1, 1):
        return plane
    scale = [1 / count for count in bins]
    offset = [(1 - count) / (2 * count) for count in bins]
    found: FloatArray = ndimage.affine_transform(plane, scale, offset, shape, order=1, mode="nearest")
    return found
