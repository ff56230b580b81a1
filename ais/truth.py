"""What a volume says is true, and where it is known: a mask, a label of several, or 0, 1 and 2 for not known."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from ais.errors import AisError
from ais.prediction import (
    Scale,
    highest_value,
    reaching,
    scale_of,
    slab_at,
    slabs,
    slice_ranges,
    source_name,
    volume_shape,
)

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ais.tomogram import Tomogram

    Mask = NDArray[np.bool_]

POSITIVE, IGNORED = 1, 2
TRUTH_THRESHOLD = 128.0


class PredictedMask:
    """Where a prediction reaches a threshold, in any part of it.

    Parameters
    ----------
    volume
        Prediction of shape (nz, ny, nx), understood as `ais.prediction.scale_of` says.
    threshold
        On the 0 to 255 scale.

    Raises
    ------
    AisError
        If values are not finite, or no prediction.
    """

    def __init__(self, volume: NDArray[Any] | Tomogram, threshold: float) -> None:
        self._volume = volume
        self._threshold = threshold
        self._scale: Scale = scale_of(volume)
        self._highest = -math.inf
        self._empty = True

    def read(self, z0: int, z1: int) -> Mask:
        """Slices z0 to z1 - 1."""
        slab = slab_at(self._volume, z0, z1)
        mask = reaching(slab, self._threshold, self._scale)
        if self._empty:
            self._highest = max(self._highest, float(slab.max()))
            self._empty = not mask.any()
        return mask

    @property
    def note(self) -> str:
        """How the volume was understood, by what has been read of it."""
        return self._scale.missed(self._threshold, self._highest) if self._empty else self._scale.note


class Truth:
    """What is true and what is known, in any part of a volume.

    Parameters
    ----------
    volume
        Shape (nz, ny, nx).
    label
        The value of the feature. Without it, a volume of 0, 1 and 2 is 0 = not, 1 = true, 2 = not known; any other is a
        mask that is true from half of its scale on (128 of 255).

    Raises
    ------
    AisError
        If values are not finite or no truth, or the volume holds several labels and none was chosen.
    """

    def __init__(self, volume: NDArray[Any] | Tomogram, label: int | None = None) -> None:
        if volume.dtype.kind not in "biuf":
            raise AisError(f"{source_name(volume)} holds values of the type {volume.dtype}, which is no truth.")
        highest = highest_value(volume)
        self._volume = volume
        self._label = label
        self._met = False
        self._marks = label is None and volume.dtype.kind != "b" and highest <= IGNORED and _holds_marks(volume)
        self._mask: PredictedMask | None = None
        if label is not None or self._marks:
            return
        if volume.dtype.kind in "iu" and IGNORED < highest < _half(volume):
            raise AisError(
                f"{source_name(volume)} holds labels up to {highest:g}: choose the one to compare with, "
                "for example --label 1."
            )
        self._mask = PredictedMask(volume, TRUTH_THRESHOLD)

    def read(self, z0: int, z1: int) -> tuple[Mask, Mask]:
        """Where the feature is, and where it is known whether it is, in slices z0 to z1 - 1."""
        if self._mask is not None:
            true = self._mask.read(z0, z1)
            return true, np.ones_like(true)
        slab = slab_at(self._volume, z0, z1)
        if self._marks:
            return np.asarray(slab == POSITIVE), np.asarray(slab != IGNORED)
        true = np.asarray(slab == self._label)
        self._met = self._met or bool(true.any())
        return true, np.ones_like(true)

    @property
    def note(self) -> str:
        """How the volume was understood, by what has been read of it."""
        if self._mask is not None:
            return f"{self._mask.note} What is at least {TRUTH_THRESHOLD:g} was taken as true."
        if self._marks:
            return "1 was taken as true, 2 as not known, 0 as not."
        return f"a voxel is true where its value is {self._label}{'' if self._met else ', which does not occur'}."


def read_truth(
    volume: NDArray[Any] | Tomogram, label: int | None = None, slices: Sequence[int] | None = None
) -> tuple[Mask, Mask, str]:
    """What a volume says is true.

    Parameters
    ----------
    volume, label
        As of `Truth`.
    slices
        The slices to read, 0-based; by default all.

    Returns
    -------
    true, known, note
        Where the feature is, and where it is known whether it is, each (n, ny, nx) bool; and a sentence on how the
        volume was understood.

    Raises
    ------
    AisError
        As `Truth`.
    """
    truth = Truth(volume, label)
    parts = [truth.read(z0, z1) for z0, z1 in slice_ranges(volume_shape(volume), slices)]
    return np.concatenate([true for true, _ in parts]), np.concatenate([known for _, known in parts]), truth.note


def _half(volume: NDArray[Any] | Tomogram) -> int:
    """The lowest whole number, as stored, that reaches half of the scale."""
    return math.ceil(TRUTH_THRESHOLD / scale_of(volume).factor)


def _holds_marks(volume: NDArray[Any] | Tomogram) -> bool:
    """True if all values are 0, 1 or 2."""
    return all(bool(((slab == 0) | (slab == POSITIVE) | (slab == IGNORED)).all()) for _, slab in slabs(volume))
