"""One threshold for a tomogram, or one for the surroundings of each voxel."""

from __future__ import annotations

import numpy as np

from ais.classic.filter import ClassicFilter, FloatArray, Measured, Reach, Sizes, beyond
from ais.classic.gaussians import reach_of, sigmas_in_voxels, smoothed

OTSU_BINS = 1024


class SmoothingFilter(ClassicFilter):
    """A method that looks at smoothed values, turned so that the structure is above the rest.

    Parameters
    ----------
    dark
        Whether the structure is darker than what is around it.
    smoothing
        Standard deviation in angstrom.
    flat
        Whether slices are smoothed each by itself.
    """

    def __init__(self, *, dark: bool, smoothing: float, flat: bool) -> None:
        self.sign = -1 if dark else 1
        self.smoothing = smoothing
        self.flat = flat

    def sigmas(self, sizes: Sizes) -> Sizes:
        """(z, y, x) in voxels."""
        return sigmas_in_voxels(self.smoothing, sizes, flat=self.flat)

    def reach(self, sizes: Sizes) -> Reach:
        """That of the Gaussian."""
        return reach_of(self.sigmas(sizes))

    def smooth(self, block: FloatArray, sizes: Sizes) -> FloatArray:
        """Smoothed values, above 0 on the structure's side of the mean."""
        return smoothed(block, self.sigmas(sizes)) * np.float32(self.sign)


class Threshold(SmoothingFilter):
    """What is beyond one value: `value` spreads from the mean, or None for the one that Otsu's method finds."""

    def __init__(self, *, dark: bool, smoothing: float, flat: bool, value: float | None) -> None:
        super().__init__(dark=dark, smoothing=smoothing, flat=flat)
        self.value = value

    @property
    def needs_sample(self) -> bool:
        """Only Otsu's method does."""
        return self.value is None

    def response(self, block: FloatArray, sizes: Sizes) -> FloatArray:
        """Smoothed values."""
        return self.smooth(block, sizes)

    def measure(self, sample: FloatArray) -> Measured:
        """Otsu's value."""
        return (otsu(sample),)

    def limit(self, measured: Measured) -> float:
        """The value, or Otsu's."""
        return measured[0] if self.value is None else self.value

    def values(self, response: FloatArray, limit: float) -> FloatArray:
        """By how far beyond the limit they are."""
        return beyond(response, limit)


class LocalThreshold(SmoothingFilter):
    """What is so many spreads beyond the mean of a square around it, whose edge is `window` angstrom."""

    def __init__(self, *, dark: bool, smoothing: float, flat: bool, window: float, offset: float) -> None:
        super().__init__(dark=dark, smoothing=smoothing, flat=flat)
        self.window = window
        self.offset = offset

    @property
    def needs_sample(self) -> bool:
        """It is compared with its surroundings only."""
        return False

    def reach(self, sizes: Sizes) -> Reach:
        """That of the Gaussian and of half the square."""
        z, y, x = super().reach(sizes)
        rows, columns = self._half(sizes)
        return z, y + rows, x + columns

    def response(self, block: FloatArray, sizes: Sizes) -> FloatArray:
        """Smoothed values without the mean around them."""
        from scipy import ndimage

        smooth = self.smooth(block, sizes)
        rows, columns = self._half(sizes)
        means = ndimage.uniform_filter(smooth, (1, 2 * rows + 1, 2 * columns + 1), mode="nearest")
        height, width = smooth.shape[1:]
        inside = (slice(None), slice(rows, height - rows), slice(columns, width - columns))
        return smooth[inside] - means[inside]

    def limit(self, measured: Measured) -> float:
        """The offset."""
        del measured
        return self.offset

    def values(self, response: FloatArray, limit: float) -> FloatArray:
        """By how far beyond the limit they are."""
        return beyond(response, limit)

    def _half(self, sizes: Sizes) -> tuple[int, int]:
        return tuple(max(round((self.window / size - 1) / 2), 1) for size in sizes[1:])  # type: ignore[return-value]


def otsu(sample: FloatArray) -> float:
    """The value that parts values, of any shape, into two groups with the least variance within them."""
    counts, edges = np.histogram(sample, OTSU_BINS)
    centres = (edges[:-1] + edges[1:]) / 2
    below = np.cumsum(counts)
    above = below[-1] - below
    sums = np.cumsum(counts * centres)
    inside = (below > 0) & (above > 0)
    if not inside.any():
        return float(centres[-1])
    first, second = below[inside].astype(np.float64), above[inside].astype(np.float64)
    between = first * second * (sums[inside] / first - (sums[-1] - sums[inside]) / second) ** 2
    return float(centres[inside][np.argmax(between)])
