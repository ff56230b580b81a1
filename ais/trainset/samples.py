"""One training sample: which voxels of a tomogram it shows, and what each of its pixels is labelled."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from ais.formats.scnt import IGNORE_LABEL

if TYPE_CHECKING:
    from ais.tomogram import Tomogram

FILTER_WIDTHS = 4.0
"""The anti-aliasing Gaussian is cut off at this many standard deviations."""

Ints = NDArray[np.int64]
Mask = NDArray[np.uint8]


@dataclass(frozen=True)
class SampleFrame:
    """Where a sample lies in its tomogram.

    Attributes
    ----------
    z, y, x
        Voxel at its centre: pixel (size // 2, size // 2) of the middle slice.
    size, depth
        Side in pixels of the sample, and number of slices (odd).
    step
        Voxels of the tomogram per pixel of the sample; 1.0 where they have the same size.
    """

    z: int
    y: int
    x: int
    size: int
    depth: int
    step: float = 1.0

    def slices(self, nz: int) -> Ints:
        """The sample's slices in the tomogram; the ends of the tomogram are repeated."""
        around = np.arange(self.depth) - self.depth // 2
        return np.clip(self.z + around, 0, nz - 1)

    def image(self, tomogram: Tomogram) -> NDArray[np.float32]:
        """The sample's image (depth, size, size), normalised; outside the tomogram it is reflected.

        Where pixels and voxels differ in size the slices are resampled in the plane: smoothed if the pixels are
        larger, then interpolated linearly. Slices stay as far apart as they are.

        Raises
        ------
        AisError
            If the tomogram cannot be read or holds values that are not finite.
        """
        nz, ny, nx = tomogram.shape
        slices = self.slices(nz)
        if self.step == 1.0:
            rows, columns = (_reflected(self._nearest(centre), n) for centre, n in ((self.y, ny), (self.x, nx)))
            values = _read(tomogram, slices, rows, columns)
        else:
            (top, rows), (left, columns) = self._around(self.y), self._around(self.x)
            values = _read(tomogram, slices, _reflected(rows, ny), _reflected(columns, nx))
            values = self._resample(values, 1, self._positions(self.y) - top)
            values = self._resample(values, 2, self._positions(self.x) - left)
        return tomogram.normalization.apply(values)

    def labels(self, painted: Sequence[Mask], ignored: Mask, own_box: int) -> NDArray[np.uint8]:
        """The sample's labels (size, size), each taken from the nearest voxel of its middle slice.

        Parameters
        ----------
        painted
            Masks (ny, nx) of the features that the set shall learn, in order: the first gets label 1, the others 3, 4,
            ...; where several are painted the first of them counts. Empty for a sample that shows none of them.
        ignored
            Mask (ny, nx) of what neither trains nor counts.
        own_box
            Side in voxels of the box that the user has looked at; beyond it the label is 2.

        Returns
        -------
        ndarray of uint8
            0 background, 1 and 3... features, 2 ignore: outside the tomogram, beyond the user's box, or ignored.
        """
        rows, columns = self._nearest(self.y), self._nearest(self.x)
        seen = np.outer(
            _seen(rows, self.y, own_box, ignored.shape[0]), _seen(columns, self.x, own_box, ignored.shape[1])
        )
        window = np.ix_(np.clip(rows, 0, ignored.shape[0] - 1), np.clip(columns, 0, ignored.shape[1] - 1))
        labels = np.zeros((self.size, self.size), np.uint8)
        for index in reversed(range(len(painted))):
            labels[painted[index][window] != 0] = label_of(index)
        labels[~seen | (ignored[window] != 0)] = IGNORE_LABEL
        return labels

    def _positions(self, centre: int) -> NDArray[np.float64]:
        return centre + self.step * np.arange(-(self.size // 2), self.size - self.size // 2, dtype=np.float64)

    def _nearest(self, centre: int) -> Ints:
        return np.floor(self._positions(centre) + 0.5).astype(np.int64)

    def _around(self, centre: int) -> tuple[int, Ints]:
        """First index and all indices of the voxels that the resampled pixels depend on."""
        positions = self._positions(centre)
        margin = math.ceil(FILTER_WIDTHS * self._sigma) + 1
        first, last = math.floor(positions[0]) - margin, math.ceil(positions[-1]) + margin
        return first, np.arange(first, last + 1)

    @property
    def _sigma(self) -> float:
        return max((self.step - 1) / 2, 0.0)

    def _resample(self, values: NDArray[np.float32], axis: int, positions: NDArray[np.float64]) -> NDArray[np.float32]:
        """Smooth along an axis, then interpolate linearly at positions within it."""
        if self._sigma > 0:
            from scipy.ndimage import gaussian_filter1d

            values = gaussian_filter1d(values, self._sigma, axis=axis, truncate=FILTER_WIDTHS)
        below = np.floor(positions).astype(np.int64)
        shape = [1, 1, 1]
        shape[axis] = positions.size
        weight = (positions - below).astype(np.float32).reshape(shape)
        low, high = np.take(values, below, axis), np.take(values, below + 1, axis)
        resampled: NDArray[np.float32] = low + weight * (high - low)
        return resampled


def label_of(index: int) -> int:
    """The label of the feature at a place in the set's list: 1, then 3, 4, ... since 2 means ignore."""
    return 1 if index == 0 else index + IGNORE_LABEL


def _seen(indices: Ints, centre: int, own_box: int, count: int) -> NDArray[np.bool_]:
    """Which voxels along an axis are inside the tomogram and inside the user's own box."""
    first = centre - own_box // 2
    return (indices >= max(first, 0)) & (indices < min(first + own_box, count))


def _reflected(indices: Ints, count: int) -> Ints:
    """Indices outside 0 to count - 1 mirrored at the first and last voxel, as often as needed."""
    if count == 1:
        return np.zeros_like(indices)
    period = 2 * (count - 1)
    around = indices % period
    return np.minimum(around, period - around)


def _read(tomogram: Tomogram, slices: Ints, rows: Ints, columns: Ints) -> NDArray[np.float32]:
    top, left = int(rows.min()), int(columns.min())
    slab = tomogram.slab(
        int(slices.min()),
        int(slices.max()) + 1,
        slice(top, int(rows.max()) + 1),
        slice(left, int(columns.max()) + 1),
    )
    values: NDArray[np.float32] = slab[np.ix_(slices - slices.min(), rows - top, columns - left)]
    return values
