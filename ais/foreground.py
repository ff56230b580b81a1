"""A prediction read in slabs, with what of it reaches a threshold."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np

from ais.prediction import reaching, scale_of, slabs

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ais.tomogram import Tomogram


class ThresholdedSlabs:
    """Slabs of a prediction, each with what of it reaches a threshold, and afterwards a note on what there was.

    Parameters
    ----------
    volume
        Prediction of shape (nz, ny, nx).
    threshold
        On the 0-255 scale. 0 takes every voxel above zero.

    Attributes
    ----------
    scale
        How stored values are understood.

    Raises
    ------
    AisError
        If the values are not finite numbers.
    """

    def __init__(self, volume: NDArray[Any] | Tomogram, threshold: float) -> None:
        self.scale = scale_of(volume)
        self._volume = volume
        self._threshold = threshold
        self._highest = 0.0
        self._empty = True

    def __iter__(self) -> Iterator[tuple[int, NDArray[np.bool_], NDArray[Any]]]:
        """First slice, where the threshold is reached, and stored values of each slab."""
        for z, slab in slabs(self._volume):
            above = reaching(slab, self._threshold, self.scale)
            if above.any():
                self._empty = False
            elif self._empty:
                self._highest = max(self._highest, float(slab.max()))
            yield z, above, slab

    @property
    def note(self) -> str:
        """How the values were understood, as a sentence; and if none reaches the threshold, the highest."""
        return self.scale.missed(self._threshold, self._highest) if self._empty else self.scale.note
