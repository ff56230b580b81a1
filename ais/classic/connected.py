"""Methods that look at what is connected: two thresholds, and watershed."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from ais.classic.filter import FloatArray, Measured, Reach, Sizes, beyond
from ais.classic.thresholds import SmoothingFilter

Mask = NDArray[np.bool_]


class _ConnectedFilter(SmoothingFilter):
    """A method whose response is already a probability."""

    whole_planes: ClassVar[bool] = True

    @property
    def needs_sample(self) -> bool:
        """Its thresholds are given."""
        return False

    def reach(self, sizes: Sizes) -> Reach:
        """That of the Gaussian; in the plane the whole slice counts besides."""
        return super().reach(sizes)

    def limit(self, measured: Measured) -> float:
        """The middle."""
        del measured
        return 0.5

    def values(self, response: FloatArray, limit: float) -> FloatArray:
        """The response."""
        del limit
        return response


class Hysteresis(_ConnectedFilter):
    """What is beyond the low threshold and connected, face to face, with what is beyond the high one.

    A connection is followed through the whole slice and `depth` angstrom up and down from it. So every slice has a
    result of its own, the same on the screen as in a volume, and the memory does not grow with the volume.
    """

    def __init__(self, *, dark: bool, smoothing: float, flat: bool, low: float, high: float, depth: float) -> None:
        super().__init__(dark=dark, smoothing=smoothing, flat=flat)
        self.low = low
        self.high = high
        self.depth = depth

    def reach(self, sizes: Sizes) -> Reach:
        """That of the Gaussian, and of the connection along z."""
        z, y, x = super().reach(sizes)
        return z + self._slices(sizes), y, x

    def response(self, block: FloatArray, sizes: Sizes) -> FloatArray:
        """Probabilities by the low threshold, 0 where what is beyond it is not connected."""
        smooth, slices = self.smooth(block, sizes), self._slices(sizes)
        found = []
        for middle in range(slices, len(smooth) - slices):
            around = smooth[middle - slices : middle + slices + 1]
            kept = connected_to(around >= self.low, around >= self.high, slices)
            plane = smooth[middle]
            found.append(np.where((plane >= self.low) & ~kept, np.float32(0), beyond(plane, self.low)))
        return np.stack(found)

    def _slices(self, sizes: Sizes) -> int:
        return round(self.depth / sizes[0])


class Watershed(_ConnectedFilter):
    """Regions grown, in each slice, from what is certain to where the values change most steeply."""

    def __init__(self, *, dark: bool, smoothing: float, flat: bool, seed: float, background: float) -> None:
        super().__init__(dark=dark, smoothing=smoothing, flat=flat)
        self.seed = seed
        self.background = background

    def reach(self, sizes: Sizes) -> Reach:
        """One voxel more in the plane than the Gaussian, for the differences."""
        z, y, x = super().reach(sizes)
        return z, y + 1, x + 1

    def response(self, block: FloatArray, sizes: Sizes) -> FloatArray:
        """1 in the regions of the structure, 0 elsewhere."""
        return np.stack([self._regions(plane) for plane in self.smooth(block, sizes)])

    def _regions(self, plane: FloatArray) -> FloatArray:
        from scipy import ndimage
        from skimage.segmentation import watershed

        inner = plane[1:-1, 1:-1]
        inside, outside = inner >= self.seed, inner < self.background
        undecided = ~(inside | outside)
        if inside.any() and undecided.any():
            steepness = np.hypot(plane[2:, 1:-1] - plane[:-2, 1:-1], plane[1:-1, 2:] - plane[1:-1, :-2])
            # Only the rims of what is decided can grow; to queue all of it would take most of the time.
            where = ndimage.binary_dilation(undecided)
            markers = np.where(inside, 1, np.where(outside, 2, 0))
            inside = inside | (undecided & (watershed(steepness, markers * where, mask=where) == 1))
        return inside.astype(np.float32)


def connected_to(mask: Mask, seeds: Mask, middle: int) -> Mask:
    """The part of slice `middle` of a mask (z, y, x) that is connected, face to face, with a seed; (y, x)."""
    from scipy import ndimage

    labels, count = ndimage.label(mask)
    kept = np.zeros(count + 1, bool)
    kept[labels[seeds & mask]] = True
    kept[0] = False
    part: Mask = kept[labels[middle]]
    return part
