"""What every classic method does: a response to the values around each voxel, and where on its scale the feature is."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from ais.tomogram import MAD_TO_SIGMA

FloatArray = NDArray[np.float32]
Sizes = tuple[float, float, float]
"""(z, y, x) of a voxel in angstrom."""
Reach = tuple[int, int, int]
"""(z, y, x) in voxels."""

Measured = tuple[float, ...]
"""What is usual in a tomogram, as far as a method asks."""

LEAST_LIMIT = 1e-6
STEEPNESS = 4
SOFTNESS = 0.25
"""Spreads over which a threshold's probability rises from 0.5 to 0.73."""


class ClassicFilter(ABC):
    """A classic method with its options.

    A response is a number for each voxel that depends on the voxels within `reach` alone, so a part of a tomogram has
    the response that it has in the whole. What `measure` finds in responses from all over the tomogram gives the
    `limit`, and `values` gives probabilities: 0.5 where the response is at the limit.

    Attributes
    ----------
    whole_planes
        Whether the response depends on the whole slice, which is then always computed whole.
    """

    whole_planes: ClassVar[bool] = False

    @abstractmethod
    def reach(self, sizes: Sizes) -> Reach:
        """How far around a voxel its response depends on others, in voxels of these sizes in angstrom."""

    @abstractmethod
    def response(self, block: FloatArray, sizes: Sizes) -> FloatArray:
        """The response to normalised values.

        Parameters
        ----------
        block
            (z, y, x): what is asked for, and around it as many voxels as `reach` says; with `whole_planes` the slices
            themselves, with more slices above and below.
        sizes
            Of a voxel.

        Returns
        -------
        ndarray
            (z, y, x) float32 without what lay around it.
        """

    def measure(self, sample: FloatArray) -> Measured:
        """A few numbers about responses from all over the tomogram, any shape."""
        del sample
        return ()

    @abstractmethod
    def limit(self, measured: Measured) -> float:
        """The response at which the probability is 0.5, from what `measure` has found."""

    @abstractmethod
    def values(self, response: FloatArray, limit: float) -> FloatArray:
        """Probabilities 0 to 1 of responses."""

    @property
    def needs_sample(self) -> bool:
        """Whether it measures anything at all."""
        return True

    @property
    def measured_by(self) -> tuple[object, ...]:
        """All that `measure` depends on besides the tomogram: filters for which it is equal find the same."""
        return type(self).__name__, *(one for one in sorted(vars(self).items()) if one[0] != "strength")


class StrengthFilter(ClassicFilter):
    """A method whose response is compared with what is usual in the tomogram.

    Parameters
    ----------
    strength
        How many spreads above the median of the responses the limit is. Noise decides both, as long as the structure
        takes less than about a quarter of the tomogram.
    """

    def __init__(self, strength: float) -> None:
        self.strength = strength

    def measure(self, sample: FloatArray) -> Measured:
        """Median and spread."""
        median = float(np.median(sample))
        return median, MAD_TO_SIGMA * float(np.median(np.abs(sample - np.float32(median))))

    def limit(self, measured: Measured) -> float:
        """The median and so many spreads."""
        median, spread = measured
        return max(median + self.strength * spread, LEAST_LIMIT)

    def values(self, response: FloatArray, limit: float) -> FloatArray:
        """0 up to a response of 0, steepest at the limit, near 1 at twice the limit."""
        power = np.maximum(response, 0) / np.float32(limit)
        np.power(power, STEEPNESS, out=power)
        # In this form a response of any size gives a number.
        return np.subtract(1, 1 / (1 + power), dtype=np.float32)


def beyond(response: FloatArray, limit: float) -> FloatArray:
    """Probabilities of values in spreads: 0.5 at the limit, near 0 or 1 from a spread away."""
    half = (response - np.float32(limit)) * np.float32(0.5 / SOFTNESS)
    np.tanh(half, out=half)
    half += 1
    half *= np.float32(0.5)
    return half
