"""Connected voxels of a mask that comes slab by slab: each blob is given as soon as all of it has been seen."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from ais.components import expanded, graph_of
from ais.errors import AisError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    BoolArray: TypeAlias = NDArray[np.bool_]
    IndexArray: TypeAlias = NDArray[np.int64]
    MaskSlabs: TypeAlias = Iterable[tuple[int, BoolArray, NDArray[Any] | None]]
    """First slice, (n, ny, nx) of the mask, and the values there, of which those in blobs are kept."""

LARGEST_BOX_VOXELS = 3 << 23
"""What is done in the box of a blob takes about 40 bytes per voxel, so 1 GB; larger blobs are treated otherwise."""
MOST_RUNS = 1 << 24
MASK_VOXELS = 1 << 23
"""So many voxels of a mask are looked at at once."""


@dataclass(frozen=True, eq=False)
class Blobs:
    """Complete blobs of a volume, as runs of voxels along x, blob after blob, each from its first voxel to its last.

    Attributes
    ----------
    starts
        (r, 3) int32: z, y, x of the first voxel of each run.
    lengths
        (r,) int32, of each run.
    first_runs
        (k + 1,) int64: the runs of blob i are those from ``first_runs[i]`` to ``first_runs[i + 1] - 1``.
    shape
        (nz, ny, nx) of the volume.
    values
        Of all voxels, run after run; None where they were not asked for, or were too many to be kept.
    """

    starts: NDArray[np.int32]
    lengths: NDArray[np.int32]
    first_runs: IndexArray
    shape: tuple[int, int, int]
    values: NDArray[Any] | None = None

    def __len__(self) -> int:
        return len(self.first_runs) - 1

    @cached_property
    def voxels(self) -> IndexArray:
        """(k,) how many voxels each blob has."""
        if not len(self):
            return np.zeros(0, np.int64)
        return np.add.reduceat(self.lengths, self.first_runs[:-1], dtype=np.int64)

    @cached_property
    def boxes(self) -> IndexArray:
        """(k, 3, 2) first and behind-the-last index of each blob along z, y, x."""
        if not len(self):
            return np.zeros((0, 3, 2), np.int64)
        ends = self.starts + 1
        ends[:, 2] += self.lengths - 1
        low = np.minimum.reduceat(self.starts, self.first_runs[:-1], axis=0)
        high = np.maximum.reduceat(ends, self.first_runs[:-1], axis=0)
        return np.stack([low, high], axis=2).astype(np.int64)

    @cached_property
    def first_voxels(self) -> IndexArray:
        """(k,) flat index in the volume of the first voxel of each blob."""
        return self.flat_starts[self.first_runs[:-1]]

    @property
    def flat_starts(self) -> IndexArray:
        """(r,) flat index in the volume of the first voxel of each run."""
        z, y, x = self.starts.astype(np.int64).T
        return np.asarray((z * self.shape[1] + y) * self.shape[2] + x)

    @cached_property
    def centroids(self) -> NDArray[np.float64]:
        """(k, 3) mean z, y, x of the voxels of each blob."""
        if not len(self):
            return np.zeros((0, 3))
        middles = self.starts.astype(np.float64)
        middles[:, 2] += (self.lengths - 1) / 2
        sums = np.add.reduceat(middles * self.lengths[:, None], self.first_runs[:-1], axis=0)
        return np.asarray(sums / self.voxels[:, None])

    def mask(self, blobs: int | Sequence[int], low: NDArray[Any], high: NDArray[Any]) -> BoolArray:
        """A blob, or some, alone in a box that holds all of them, from `low` to before `high` (z, y, x)."""
        runs: slice | IndexArray
        if isinstance(blobs, int):
            runs = slice(self.first_runs[blobs], self.first_runs[blobs + 1])
        else:
            runs = expanded(self.first_runs[np.asarray(blobs)], self.first_runs[np.asarray(blobs) + 1])
        mask: BoolArray = np.zeros(np.asarray(high) - np.asarray(low), np.bool_)
        z, y, x = (self.starts[runs] - np.asarray(low)).astype(np.int64).T
        starts = (z * mask.shape[1] + y) * mask.shape[2] + x
        mask.reshape(-1)[expanded(starts, starts + self.lengths[runs])] = True
        return mask

    def only(self, chosen: NDArray[np.intp]) -> Blobs:
        """Some of them, in the order given."""
        first, counts = self.first_runs[chosen], np.diff(self.first_runs)[chosen]
        runs = expanded(first, first + counts)
        values = None
        if self.values is not None:
            behind = np.cumsum(self.voxels)
            values = self.values[expanded((behind - self.voxels)[chosen], behind[chosen])]
        ends = np.concatenate([[0], np.cumsum(counts)])
        return Blobs(self.starts[runs], self.lengths[runs], ends, self.shape, values)

    def groups(self, common_box: int, alone: int | None = None) -> Iterator[list[int]]:
        """Blobs in groups whose common box has at most so many voxels, in the order of their first slices.

        Those whose own box has more, or more than `alone`, come last and by themselves.
        """
        largest = common_box if alone is None else min(common_box, alone)
        low, high = self.boxes[:, :, 0], self.boxes[:, :, 1]
        single = (high - low).prod(axis=1) > largest
        order = np.argsort(low[:, 0], kind="stable")
        group: list[int] = []
        z0, y0, x0, z1, y1, x1 = 0, 0, 0, 0, 0, 0
        for blob, (a, b, c), (d, e, f) in zip(order.tolist(), low[order].tolist(), high[order].tolist(), strict=True):
            if single[blob]:
                continue
            wider = (min(z0, a), min(y0, b), min(x0, c), max(z1, d), max(y1, e), max(x1, f))
            if group and (wider[3] - wider[0]) * (wider[4] - wider[1]) * (wider[5] - wider[2]) > common_box:
                yield group
                group = []
            z0, y0, x0, z1, y1, x1 = wider if group else (a, b, c, d, e, f)
            group.append(blob)
        if group:
            yield group
        for blob in np.flatnonzero(single).tolist():
            yield [blob]

    def part(self, blob: int, low: NDArray[Any], high: NDArray[Any]) -> BoolArray:
        """What of a blob lies in a box, from `low` to before `high` (z, y, x)."""
        runs = slice(self.first_runs[blob], self.first_runs[blob + 1])
        first, behind = np.asarray(low, np.int64), np.asarray(high, np.int64)
        mask: BoolArray = np.zeros(behind - first, np.bool_)
        z, y = self.starts[runs, 0], self.starts[runs, 1]
        inside = (z >= first[0]) & (z < behind[0]) & (y >= first[1]) & (y < behind[1])
        z, y, x = self.starts[runs][inside].astype(np.int64).T
        start, end = np.maximum(x, first[2]), np.minimum(x + self.lengths[runs][inside], behind[2])
        end = np.maximum(start, end)
        row = ((z - first[0]) * mask.shape[1] + y - first[1]) * mask.shape[2] - first[2]
        mask.reshape(-1)[expanded(row + start, row + end)] = True
        return mask


def joined(parts: Sequence[Blobs], shape: tuple[int, int, int]) -> Blobs:
    """All blobs of several collections; with their values if all have kept them."""
    starts = [np.zeros((0, 3), np.int32), *(part.starts for part in parts)]
    lengths = [np.zeros(0, np.int32), *(part.lengths for part in parts)]
    before = np.cumsum([0, *(len(part.lengths) for part in parts)])
    firsts = [part.first_runs[:-1] + count for part, count in zip(parts, before[:-1], strict=True)]
    kept = [part.values for part in parts if part.values is not None]
    values = np.concatenate(kept) if kept and len(kept) == len(parts) else None
    return Blobs(np.concatenate(starts), np.concatenate(lengths), np.concatenate([*firsts, before[-1:]]), shape, values)


def complete_blobs(
    slabs: MaskSlabs,
    shape: tuple[int, int, int],
    *,
    diagonal: bool = False,
    largest_box: int = LARGEST_BOX_VOXELS,
) -> Iterator[Blobs]:
    """Blobs of a mask that comes slab by slab, in the order in which they end.

    Only what may go on in the next slab is kept, so the memory does not grow with the volume, but with its largest
    blobs. The blobs are the same however the volume is cut into slabs.

    Parameters
    ----------
    slabs
        Slabs of whole slices in order of z, all of them together the whole volume.
    shape
        (nz, ny, nx) of the volume.
    diagonal
        Whether voxels that share an edge or a corner are connected, not only those that share a face.
    largest_box
        Of blobs whose box has more voxels the values are not kept.

    Yields
    ------
    Blobs
        Those that have become complete, a blob without kept values by itself.

    Raises
    ------
    AisError
        If so many pieces lie in blobs that go on that memory would run out.
    """
    nz, ny, nx = shape
    grid = (ny + 1, nx + 1)
    section = grid[0] * grid[1]
    kept: list[_Runs] = []
    low, high = np.zeros((0, 3), np.int64), np.zeros((0, 3), np.int64)
    for z, mask, values in _parts(slabs):
        end = z + len(mask)
        new = _runs_of(mask, values, z, grid)
        labels, count = _labelled(kept, len(low), new, (z - 1) * section, grid, diagonal=diagonal)
        older, own = labels[: len(low)], labels[len(low) :]
        kept = [replace(runs, owners=older[runs.owners]) for runs in kept]
        new = replace(new, owners=own)
        low, high = _boxes(older, low, high, new, count, grid)
        complete = np.ones(count, np.bool_)
        if end < nz:
            complete[own[new.starts >= (end - 1) * section]] = False
        too_large = (high - low).prod(axis=1) > largest_box
        # What has grown too large loses its values, also those that are kept already.
        kept = [*(runs for one in kept for runs in one.without_values(too_large)), *new.without_values(too_large)]
        yield from _given(kept, complete, too_large, grid, shape)
        kept = [one for runs in kept if len((one := runs.of(~complete)).starts)]
        if sum(len(runs.starts) for runs in kept) > MOST_RUNS:
            raise AisError("At this threshold the volume falls into too many pieces: choose a higher one.")
        numbers = np.cumsum(~complete) - 1
        kept = [replace(runs, owners=numbers[runs.owners].astype(np.int32)) for runs in kept]
        low, high = low[~complete], high[~complete]


@dataclass(frozen=True, eq=False)
class _Runs:
    """Runs in order, in a grid with a free column behind each row and a free row behind each slice.

    Voxels are counted in that grid, so that what overlaps when it is moved by a row or a slice are neighbours.
    """

    starts: IndexArray
    ends: IndexArray
    owners: NDArray[np.int32]
    values: NDArray[Any] | None

    def of(self, wanted: BoolArray) -> _Runs:
        """Those of some owners."""
        chosen = wanted[self.owners]
        if chosen.all():
            return self
        values = None if self.values is None else self.values[np.repeat(chosen, self.ends - self.starts)]
        return _Runs(self.starts[chosen], self.ends[chosen], self.owners[chosen], values)

    def without_values(self, owners: BoolArray) -> list[_Runs]:
        """The same in two parts, if there are both: those that keep their values, and those of some owners."""
        if self.values is None or not owners[self.owners].any():
            return [self]
        return [self.of(~owners), replace(self.of(owners), values=None)]


def _parts(slabs: MaskSlabs) -> MaskSlabs:
    """Slabs in pieces of some slices, whose runs do not need much memory."""
    for z, mask, values in slabs:
        step = max(1, MASK_VOXELS // (mask.shape[1] * mask.shape[2]))
        for first in range(0, len(mask), step):
            part = slice(first, first + step)
            yield z + first, mask[part], None if values is None else values[part]


def _runs_of(mask: BoolArray, values: NDArray[Any] | None, z: int, grid: tuple[int, int]) -> _Runs:
    count, ny, nx = mask.shape
    wide = np.zeros((count, *grid), np.bool_)
    wide[:, :ny, :nx] = mask
    flat, offset = wide.reshape(-1), z * grid[0] * grid[1]
    # The last voxel of a slab of the grid is never set.
    borders = np.flatnonzero(flat[1:] != flat[:-1]) + 1
    if flat[0]:
        borders = np.concatenate([[0], borders])
    borders += offset
    inside = None if values is None else values[mask]
    starts, ends = borders[::2].copy(), borders[1::2].copy()
    return _Runs(starts, ends, np.zeros(len(starts), np.int32), inside)


def _labelled(
    kept: list[_Runs], nodes: int, new: _Runs, last_slice: int, grid: tuple[int, int], *, diagonal: bool
) -> tuple[NDArray[np.int32], int]:
    """The blob of each open one and then of each new run, and how many blobs there are."""
    from scipy.sparse.csgraph import connected_components

    row, section = grid[1], grid[0] * grid[1]
    reach = 1 if diagonal else 0
    firsts, seconds = [], []
    to_next = (section - row, section, section + row) if diagonal else (section,)
    for shift in (row, *to_next):
        first, second = _touching(new.starts, new.ends, new.starts, new.ends, shift, reach)
        firsts.append(first + nodes)
        seconds.append(second + nodes)
    for runs in kept:
        border = slice(int(np.searchsorted(runs.starts, last_slice)), None)
        for shift in to_next:
            first, second = _touching(runs.starts[border], runs.ends[border], new.starts, new.ends, shift, reach)
            firsts.append(runs.owners[border][first].astype(np.int64))
            seconds.append(second + nodes)
    total = nodes + len(new.starts)
    if not total:
        return np.zeros(0, np.int32), 0
    graph = graph_of(np.concatenate(firsts), np.concatenate(seconds), total)
    count, labels = connected_components(graph, directed=False)
    return labels, int(count)


def _touching(
    starts: IndexArray, ends: IndexArray, other_starts: IndexArray, other_ends: IndexArray, shift: int, reach: int
) -> tuple[IndexArray, IndexArray]:
    """Pairs of a run and another one that it overlaps when it is moved on by `shift`, longer by `reach` at its ends."""
    low = np.searchsorted(other_ends, starts + (shift - reach), side="right")
    high = np.searchsorted(other_starts, ends + (shift + reach), side="left")
    return np.repeat(np.arange(len(starts)), high - low), expanded(low, high)


def _boxes(
    older: NDArray[np.int32], low: IndexArray, high: IndexArray, new: _Runs, count: int, grid: tuple[int, int]
) -> tuple[IndexArray, IndexArray]:
    """First and behind-the-last index (count, 3) of the blobs, of what was open and of new runs."""
    lowest = np.full((count, 3), np.iinfo(np.int64).max)
    highest = np.zeros((count, 3), np.int64)
    np.minimum.at(lowest, older, low)
    np.maximum.at(highest, older, high)
    if len(new.starts):
        order = np.argsort(new.owners, kind="stable")
        firsts = np.flatnonzero(np.diff(new.owners[order], prepend=-1))
        owners = new.owners[order[firsts]]
        for axis, (start, end) in enumerate(_extents(new, grid)):
            lowest[owners, axis] = np.minimum(lowest[owners, axis], np.minimum.reduceat(start[order], firsts))
            highest[owners, axis] = np.maximum(highest[owners, axis], np.maximum.reduceat(end[order], firsts))
    return lowest, highest


def _extents(runs: _Runs, grid: tuple[int, int]) -> list[tuple[IndexArray, IndexArray]]:
    """First and behind-the-last index of each run along z, y, x."""
    rows, x = np.divmod(runs.starts, grid[1])
    z, y = np.divmod(rows, grid[0])
    return [(z, z + 1), (y, y + 1), (x, x + (runs.ends - runs.starts))]


def _given(
    kept: list[_Runs], complete: BoolArray, too_large: BoolArray, grid: tuple[int, int], shape: tuple[int, int, int]
) -> Iterator[Blobs]:
    done = [one for runs in kept if len((one := runs.of(complete)).starts)]
    usual = [one for runs in done if len((one := runs.of(~too_large)).starts)]
    if usual:
        yield _as_blobs(usual, grid, shape)
    for owner in np.flatnonzero(complete & too_large).tolist():
        alone = np.zeros(len(complete), np.bool_)
        alone[owner] = True
        yield _as_blobs([one for runs in done if len((one := runs.of(alone)).starts)], grid, shape)


def _as_blobs(parts: list[_Runs], grid: tuple[int, int], shape: tuple[int, int, int]) -> Blobs:
    owners = np.concatenate([part.owners for part in parts])
    starts = np.concatenate([part.starts for part in parts])
    order = np.lexsort((starts, owners))
    lengths = np.concatenate([part.ends - part.starts for part in parts])
    values = None
    if all(part.values is not None for part in parts):
        stored = np.concatenate([part.values for part in parts if part.values is not None])
        behind = np.cumsum(lengths)
        sorted_already = bool((order[1:] > order[:-1]).all())
        values = stored if sorted_already else stored[expanded((behind - lengths)[order], behind[order])]
    rows, x = np.divmod(starts[order], grid[1])
    z, y = np.divmod(rows, grid[0])
    firsts = np.flatnonzero(np.diff(owners[order], prepend=-1))
    return Blobs(
        starts=np.stack([z, y, x], axis=1).astype(np.int32),
        lengths=lengths[order].astype(np.int32),
        first_runs=np.append(firsts, len(order)),
        shape=shape,
        values=values,
    )
