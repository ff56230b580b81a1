"""The voxels of a prediction at or above a threshold, read in slabs, with how strongly each is predicted."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from ais.prediction import reaching, scale_of, slabs
from ais.progress import SILENT, Progress

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ais.tomogram import Tomogram


@dataclass(frozen=True)
class Foreground:
    """The voxels at or above the threshold.

    Attributes
    ----------
    mask
        (nz, ny, nx) uint8: 1 there, 0 elsewhere.
    index
        (n,) int64: their flat indices, ascending.
    weight
        (n,) float64: their predictions on the 0 to 255 scale.
    note
        How the volume's values were understood, as a sentence.
    """

    mask: NDArray[np.uint8]
    index: NDArray[np.int64]
    weight: NDArray[np.float64]
    note: str


def foreground(volume: NDArray[Any] | Tomogram, threshold: float, progress: Progress = SILENT) -> Foreground:
    """Read what reaches a threshold.

    Parameters
    ----------
    volume
        Prediction of shape (nz, ny, nx).
    threshold
        On the 0-255 scale. 0 takes every voxel above zero.
    progress
        Told how far the reading is: the first half of the whole.

    Raises
    ------
    AisError
        If the values are not finite numbers.
    """
    slabs = ThresholdedSlabs(volume, threshold)
    nz, ny, nx = volume.shape
    mask = np.zeros((nz, ny, nx), dtype=np.uint8)
    indices, weights = [np.zeros(0, dtype=np.int64)], [np.zeros(0)]
    for z, above, slab in slabs:
        progress.report(z, 2 * nz, "reading")
        mask[z : z + len(slab)] = above
        index = np.flatnonzero(above)
        indices.append(index + z * ny * nx)
        weights.append(slab.reshape(-1)[index].astype(np.float64) * slabs.scale.factor)
    return Foreground(mask, np.concatenate(indices), np.concatenate(weights), slabs.note)


class ThresholdedSlabs:
    """Slabs of a prediction, each with what of it reaches a threshold, and afterwards a note on what there was.

    Parameters
    ----------
    volume, threshold
        See `foreground`.

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
