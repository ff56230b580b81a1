"""Which voxels of a segmented volume belong to which instance."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from ais.blobs import LARGEST_BOX_VOXELS, Blobs, complete_blobs
from ais.components import expanded
from ais.divided_blobs import Voxels, divide
from ais.errors import AisError
from ais.foreground import ThresholdedSlabs
from ais.prediction import (
    ROUNDING,
    Scale,
    check_not_negative,
    check_threshold,
    checked_voxel_sizes,
    no_voxel_size,
    slabs,
    source_name,
    volume_shape,
)
from ais.progress import SILENT, Progress

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ais.tomogram import Tomogram

LABEL_SCALE = Scale(1.0, "Each value was taken as the number of an instance, 0 as background.")
HIGHEST_LABEL = 2**31 - 1
RUNS_AT_ONCE = 1 << 20


@dataclass(frozen=True, eq=False)
class Labelled:
    """The instances of a volume, as runs of voxels, so that a volume of any size has room.

    Attributes
    ----------
    runs
        Of the n instances, one after the other.
    ids
        (n,) int64, what the instances are called in tables: 1 to n, or the numbers that a volume of labels has.
    voxel_sizes
        (z, y, x) in angstrom.
    level
        From which stored value on a voxel counts; None for a volume of labels.
    graded
        Whether the volume has values between the background and its highest, so that a surface can be placed between
        voxels.
    note
        A sentence that says how the volume's values were understood.
    """

    runs: Blobs
    ids: NDArray[np.int64]
    voxel_sizes: tuple[float, float, float]
    level: float | None
    graded: bool
    note: str

    def __len__(self) -> int:
        return len(self.ids)

    @property
    def shape(self) -> tuple[int, int, int]:
        """(nz, ny, nx)."""
        return self.runs.shape

    @property
    def boxes(self) -> NDArray[np.int64]:
        """(n, 3, 2), for each instance first and behind-the-last index along z, y, x."""
        return self.runs.boxes

    @property
    def counts(self) -> NDArray[np.int64]:
        """(n,), voxels of each."""
        return self.runs.voxels

    @property
    def touches_border(self) -> NDArray[np.bool_]:
        """(n,), whether an instance has voxels on a face of the volume, so that a part of it may be missing."""
        low = (self.boxes[:, :, 0] == 0).any(axis=1)
        return np.asarray(low | (self.boxes[:, :, 1] == np.array(self.shape)).any(axis=1))

    @property
    def labels(self) -> NDArray[Any]:
        """(nz, ny, nx) unsigned: 0 outside, 1 to n for the n instances; a new array of the whole volume."""
        return self.crop((0, 0, 0), self.shape)

    def crop(self, low: Sequence[int] | NDArray[Any], high: Sequence[int] | NDArray[Any]) -> NDArray[np.uint32]:
        """The labels, 0 outside and 1 to n, in the box from `low` to before `high` (z, y, x)."""
        begin, end = np.asarray(low, np.int64), np.asarray(high, np.int64)
        labels = np.zeros(end - begin, np.uint32)
        order, z = self._by_slice
        here = order[np.searchsorted(z, begin[0]) : np.searchsorted(z, end[0])]
        for first in range(0, len(here), RUNS_AT_ONCE):
            self._paint(labels, here[first : first + RUNS_AT_ONCE], begin, end)
        return labels

    def named(self, z0: int = 0, z1: int | None = None) -> NDArray[Any]:
        """Slices z0 to z1 - 1: 0 outside, elsewhere the name of `ids`, in the smallest type that holds all."""
        _, ny, nx = self.shape
        names = np.concatenate([np.zeros(1, np.int64), self.ids])
        kind = np.uint16 if names.max() <= np.iinfo(np.uint16).max else np.uint32
        labels = self.crop((z0, 0, 0), (self.shape[0] if z1 is None else z1, ny, nx))
        return np.asarray(names.astype(kind)[labels])

    def at(self, places: NDArray[Any]) -> NDArray[np.int64]:
        """The label of each of some voxels (n, 3), z, y, x: 0 outside."""
        starts, owners, ends = self._in_order
        flat = np.ravel_multi_index(tuple(np.asarray(places).T), self.shape)
        run = np.searchsorted(starts, flat, side="right") - 1
        inside = (run >= 0) & (flat < ends[run])
        return np.where(inside, owners[run], 0)

    def shared_with(self, other: Labelled) -> tuple[NDArray[np.intp], NDArray[np.int64]]:
        """Which instances (k,), counted from 0, have voxels in those of another volume, and the first such (k, 3)."""
        starts, owners, ends = self._in_order
        other_starts, _, other_ends = other._in_order
        meeting = np.searchsorted(other_ends, starts, side="right")
        hit = np.flatnonzero(meeting < len(other_starts))
        hit = hit[other_starts[meeting[hit]] < ends[hit]]
        found, first = np.unique(owners[hit], return_index=True)
        flat = np.maximum(starts[hit], other_starts[meeting[hit]])[first]
        return found - 1, np.stack(np.unravel_index(flat, self.shape), axis=1).reshape(-1, 3)

    @cached_property
    def owners(self) -> NDArray[np.int64]:
        """The label, from 1 on, of each run."""
        return np.repeat(np.arange(1, len(self) + 1), np.diff(self.runs.first_runs))

    @cached_property
    def _by_slice(self) -> tuple[NDArray[np.intp], NDArray[np.int32]]:
        """Runs in the order of their slices, and these."""
        order = np.argsort(self.runs.starts[:, 0], kind="stable")
        return order, self.runs.starts[order, 0]

    @cached_property
    def _in_order(self) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
        """Flat index of the first voxel, label, and flat index behind the last voxel of all runs, in their order."""
        flat = self.runs.flat_starts
        order = np.argsort(flat)
        return flat[order], self.owners[order], (flat + self.runs.lengths)[order]

    def _paint(
        self, labels: NDArray[np.uint32], runs: NDArray[np.intp], low: NDArray[np.int64], high: NDArray[np.int64]
    ) -> None:
        z, y, x = self.runs.starts[runs].astype(np.int64).T
        start, end = np.maximum(x, low[2]), np.minimum(x + self.runs.lengths[runs], high[2])
        inside = (y >= low[1]) & (y < high[1]) & (start < end)
        row = ((z - low[0]) * labels.shape[1] + y - low[1]) * labels.shape[2] - low[2]
        begins, ends = (row + start)[inside], (row + end)[inside]
        labels.reshape(-1)[expanded(begins, ends)] = np.repeat(self.owners[runs][inside], ends - begins)


def label_instances(
    volume: NDArray[Any] | Tomogram,
    *,
    threshold: float = 128.0,
    labels: bool = False,
    separated: bool = False,
    min_volume: float = 0.0,
    remove_border: bool = False,
    voxel_sizes: float | tuple[float, float, float] | None = None,
    largest_box: int = LARGEST_BOX_VOXELS,
    progress: Progress = SILENT,
) -> Labelled:
    """Find the instances in a segmented volume.

    Parameters
    ----------
    volume
        Prediction of shape (nz, ny, nx), an array or a tomogram, which is read in slabs; its scale is understood as
        `ais.prediction.scale_of` says.
    threshold
        On the 0 to 255 scale. What is at or above it and connected by faces is one instance. 0 takes all above zero.
    labels
        The volume holds whole numbers, each of which is an instance, also where its voxels do not touch; the threshold
        does not count then.
    separated
        Divide what touches at its necks, as picking does; see `ais.separation`.
    min_volume
        Smallest instance kept, in cubic angstrom.
    remove_border
        Leave out instances with voxels on a face of the volume.
    voxel_sizes
        (z, y, x) or one number, in angstrom; by default the tomogram's.
    largest_box
        A blob whose box has more voxels is divided in larger voxels, which bounds the memory.
    progress
        Told how far the work is.

    Returns
    -------
    Labelled
        The largest instance first; of a volume of labels, the lowest number first.

    Raises
    ------
    AisError
        If the voxel size is not known, an option is out of range, or the volume's values are not finite or, as
        labels, not whole numbers.
    """
    shape = volume_shape(volume)
    check_threshold(threshold)
    check_not_negative(minimum_volume=min_volume)
    sizes = checked_voxel_sizes(volume, voxel_sizes)
    if not any(sizes):
        raise no_voxel_size(source_name(volume))
    least = max(1, math.ceil(min_volume / math.prod(sizes) - ROUNDING))
    names = np.zeros(0, np.int64)
    if labels:
        scale, graded, note = LABEL_SCALE, False, LABEL_SCALE.note
        found, names = _given_labels(volume, shape, progress)
    else:
        slabs_ = _Slabs(volume, threshold, progress)
        found = _connected(volume, slabs_, sizes if separated else None, least, largest_box)
        scale, graded, note = slabs_.scale, slabs_.graded, slabs_.note
    runs = _sorted(*found, shape)
    kept = runs.voxels >= least
    if remove_border:
        kept &= (runs.boxes[:, :, 0] > 0).all(axis=1) & (runs.boxes[:, :, 1] < np.array(shape)).all(axis=1)
    chosen = np.flatnonzero(kept)
    if not labels:
        chosen = chosen[np.lexsort((runs.first_voxels[chosen], -runs.voxels[chosen]))]
    return Labelled(
        runs.only(chosen),
        names[chosen] if labels else np.arange(1, len(chosen) + 1, dtype=np.int64),
        sizes,
        None if labels else threshold / scale.factor,
        graded,
        note,
    )


class _Slabs(ThresholdedSlabs):
    """Slabs of a prediction that also learn whether it has more than two values."""

    def __init__(self, volume: NDArray[Any] | Tomogram, threshold: float, progress: Progress) -> None:
        super().__init__(volume, threshold)
        self._count = volume_shape(volume)[0]
        self._progress = progress
        self._ends: set[float] = set()
        self._between = False

    def masks(self) -> Iterator[tuple[int, NDArray[np.bool_], None]]:
        """First slice of each slab, and where it reaches the threshold."""
        for z, above, slab in self:
            self._progress.report(z, self._count, "finding instances")
            if not self.graded:
                lowest, highest = slab.min(), slab.max()
                self._between = bool(((slab != lowest) & (slab != highest)).any())
                self._ends |= {float(lowest), float(highest)}
            yield z, above, None

    @property
    def graded(self) -> bool:
        """Whether there are more than two values in what has been read."""
        return self._between or len(self._ends) > 2


_Runs: TypeAlias = tuple["NDArray[np.int32]", "NDArray[np.int32]", "NDArray[np.int64]"]
"""Where runs start (r, 3), their lengths (r,) and their instances (r,), whose numbers have no gaps."""


def _connected(
    volume: NDArray[Any] | Tomogram,
    slabs_: _Slabs,
    divided_at: tuple[float, float, float] | None,
    least: int,
    largest_box: int,
) -> _Runs:
    """What is connected by faces, divided at its necks if voxel sizes for that are given; large enough ones only."""
    shape = volume_shape(volume)
    parts: list[_Runs] = [_NO_RUNS]
    free = 0
    for blobs in complete_blobs(slabs_.masks(), shape, largest_box=largest_box):
        if divided_at is None:
            found = [(blobs.starts, blobs.lengths, np.repeat(np.arange(len(blobs)), np.diff(blobs.first_runs)))]
            count = len(blobs)
        else:
            divided = divide(
                blobs, divided_at, min_voxels=least, volume=volume, largest_box=largest_box, with_values=False
            )
            found, count = [_runs_of(voxels) for voxels in divided.voxels()], divided.count
        starts, lengths, owners = (np.concatenate(arrays) for arrays in zip(*found, strict=True))
        large = np.bincount(owners, lengths, count) >= least
        kept = large[owners]
        parts.append((starts[kept], lengths[kept], (np.cumsum(large) - 1)[owners[kept]] + free))
        free += int(large.sum())
    starts, lengths, owners = (np.concatenate(arrays) for arrays in zip(*parts, strict=True))
    return starts, lengths, owners


def _runs_of(voxels: Voxels) -> _Runs:
    """Voxels in order as runs of the same owner."""
    further = np.ones(len(voxels.x), np.bool_)
    further[1:] = np.diff(voxels.x) != 1
    for array in (voxels.owner, voxels.y, voxels.z):
        further[1:] |= array[1:] != array[:-1]
    first = np.flatnonzero(further)
    starts = np.stack([voxels.z[first], voxels.y[first], voxels.x[first]], axis=1)
    return starts, np.diff(first, append=len(further)).astype(np.int32), voxels.owner[first].astype(np.int64)


def _sorted(
    starts: NDArray[np.int32], lengths: NDArray[np.int32], owners: NDArray[np.int64], shape: tuple[int, int, int]
) -> Blobs:
    """Runs one instance after the other; those of each are in order already."""
    order = np.argsort(owners, kind="stable")
    firsts = np.flatnonzero(np.diff(owners[order], prepend=-1))
    return Blobs(starts[order], lengths[order], np.append(firsts, len(order)), shape)


def _given_labels(
    volume: NDArray[Any] | Tomogram, shape: tuple[int, int, int], progress: Progress
) -> tuple[_Runs, NDArray[np.int64]]:
    """The runs of the volume's own labels, numbered in ascending order, and what they were called."""
    parts = [_NO_RUNS]
    for z, slab in slabs(volume):
        progress.report(z, shape[0], "reading")
        if slab.dtype.kind not in "biuf" or not np.isfinite(slab).all():
            raise AisError(f"{source_name(volume)} holds values that are no labels of instances.")
        if float(slab.min()) < 0 or float(slab.max()) > HIGHEST_LABEL or (slab != np.rint(slab)).any():
            raise AisError(
                f"{source_name(volume)} holds values that are no labels of instances: they must be whole numbers from "
                "0 on."
            )
        further = np.ones(slab.shape, np.bool_)
        further[:, :, 1:] = slab[:, :, 1:] != slab[:, :, :-1]
        first = np.flatnonzero(further)
        lengths = np.diff(first, append=further.size)
        values = slab.reshape(-1)[first].astype(np.int64)
        inside = values > 0
        places = np.stack(np.unravel_index(first[inside], slab.shape), axis=1).astype(np.int32)
        places[:, 0] += z
        parts.append((places, lengths[inside].astype(np.int32), values[inside]))
    starts, lengths, values = (np.concatenate(arrays) for arrays in zip(*parts, strict=True))
    names, numbers = np.unique(values, return_inverse=True)
    return (starts, lengths, numbers.astype(np.int64)), names


_NO_RUNS: _Runs = np.zeros((0, 3), np.int32), np.zeros(0, np.int32), np.zeros(0, np.int64)
