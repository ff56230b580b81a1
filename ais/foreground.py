"""The voxels of a prediction at or above a threshold, read in slabs, with how strongly each is predicted."""

from __future__ import annotations

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
    scale = scale_of(volume)
    nz, ny, nx = volume.shape
    mask = np.zeros((nz, ny, nx), dtype=np.uint8)
    indices, weights = [np.zeros(0, dtype=np.int64)], [np.zeros(0)]
    highest = 0.0
    for z, slab in slabs(volume):
        progress.report(z, 2 * nz, "reading")
        above = reaching(slab, threshold, scale)
        mask[z : z + len(slab)] = above
        index = np.flatnonzero(above)
        indices.append(index + z * ny * nx)
        weights.append(slab.reshape(-1)[index].astype(np.float64) * scale.factor)
        if not len(index):
            highest = max(highest, float(slab.max()))
    empty = not any(len(index) for index in indices)
    note = scale.missed(threshold, highest) if empty else scale.note
    return Foreground(mask, np.concatenate(indices), np.concatenate(weights), note)
