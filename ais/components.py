"""Connected components of the voxels at or above a level, kept as runs along x: small, and quickly found."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ais.errors import AisError

SLAB_VOXELS = 1 << 23
GATHERED_VOXELS = 1 << 22
"""So many voxels are looked at at once where something is summed over components."""

Indices = NDArray[np.intp]
Slabs = Iterable[tuple[int, NDArray[np.bool_]]]


@dataclass(frozen=True, eq=False)
class Components:
    """Sets of face-connected voxels of a mask, the largest first.

    Voxels are counted by flat index in a grid that is a little larger than the volume, so that no run goes past the end
    of a row, and what lies in neighbouring rows of the grid are neighbours.

    Attributes
    ----------
    starts, ends
        (r,) flat index of the first voxel of each run along x, and one past its last; ascending.
    owners
        (r,) int32, the component of each run.
    voxels
        (k,) float64, how many voxels each component has, descending.
    grid
        (nz, ny, nx) of the grid.
    first
        Grid index, the same along all axes, of the volume's first voxel.
    shape
        (nz, ny, nx) of the volume.
    """

    starts: Indices
    ends: Indices
    owners: NDArray[np.int32]
    voxels: NDArray[np.float64]
    grid: tuple[int, int, int]
    first: int
    shape: tuple[int, int, int]

    @classmethod
    def of_padded(cls, padded: NDArray[Any], cut: Any, most_runs: int | None = None) -> Components:
        """Those of the values at or above `cut` in an array whose border, one voxel wide, lies below it.

        Raises
        ------
        AisError
            If there are more runs than `most_runs`, and before the memory is taken that they would need.
        """
        nz, ny, nx = padded.shape

        def slabs() -> Iterator[tuple[int, NDArray[np.bool_]]]:
            step = max(1, SLAB_VOXELS // (ny * nx))
            for z in range(0, nz, step):
                yield z, padded[z : z + step] >= cut

        return cls.of_padded_slabs(slabs(), (nz, ny, nx), most_runs)

    @classmethod
    def of_padded_slabs(cls, slabs: Slabs, grid: tuple[int, int, int], most_runs: int | None = None) -> Components:
        """Those of a mask whose border, one voxel wide, is not set, in slabs (first slice, (n, ny, nx) bool).

        They come in order of z, and the grid is the shape of them all; slices of which nothing is set may be left out.
        Raises as `of_padded`.
        """
        nz, ny, nx = grid
        return cls._of_grid(slabs, grid, 1, (nz - 2, ny - 2, nx - 2), most_runs)

    @classmethod
    def of_slabs(cls, slabs: Slabs, shape: tuple[int, int, int]) -> Components:
        """Those of a mask that comes as slabs (first slice, (n, ny, nx) bool) in order of z."""
        nz, ny, nx = shape

        def widened() -> Iterator[tuple[int, NDArray[np.bool_]]]:
            for z, slab in slabs:
                wide = np.zeros((len(slab), ny + 1, nx + 1), np.bool_)
                wide[:, :ny, :nx] = slab
                yield z, wide

        return cls._of_grid(widened(), (nz, ny + 1, nx + 1), 0, shape)

    @classmethod
    def _of_grid(
        cls,
        slabs: Slabs,
        grid: tuple[int, int, int],
        first: int,
        shape: tuple[int, int, int],
        most_runs: int | None = None,
    ) -> Components:
        _, ny, nx = grid
        starts, ends = [np.zeros(0, np.intp)], [np.zeros(0, np.intp)]
        count = 0
        for z, slab in slabs:
            above, offset = slab.ravel(), z * ny * nx
            # The last voxel of each row of the grid is never set, so a slab ends outside of all runs.
            borders = np.flatnonzero(above[1:] != above[:-1]) + (offset + 1)
            if above[0]:
                borders = np.concatenate([[offset], borders])
            count += borders.size // 2
            if most_runs is not None and count > most_runs:
                raise AisError("At this level the volume falls into too many pieces: choose a higher level or bin it.")
            starts.append(borders[::2])
            ends.append(borders[1::2])
        start, end = np.concatenate(starts), np.concatenate(ends)
        owners, voxels = _labelled(start, end, (nx, nx * ny))
        return cls(start, end, owners, voxels, grid, first, shape)

    @property
    def count(self) -> int:
        """How many there are."""
        return int(self.voxels.size)

    # Where they are

    def at(self, places: ArrayLike) -> NDArray[np.int32]:
        """The component at each voxel.

        Parameters
        ----------
        places
            (n, 3) whole numbers: z, y, x of voxels of the volume.

        Returns
        -------
        ndarray
            (n,) int32; -1 where there is none, also outside the volume.
        """
        voxels = np.asarray(places, np.intp).reshape(-1, 3)
        inside = np.all((voxels >= 0) & (voxels < np.array(self.shape)), axis=1)
        found = np.full(len(voxels), -1, np.int32)
        if self.starts.size:
            z, y, x = (np.where(inside[:, None], voxels, 0) + self.first).T
            flat = np.asarray(np.ravel_multi_index((z, y, x), self.grid))
            run = np.searchsorted(self.starts, flat, side="right") - 1
            hit = inside & (run >= 0) & (flat < self.ends[run])
            found[hit] = self.owners[run[hit]]
        return found

    def holding(self, flat: Indices) -> NDArray[np.int32]:
        """The component of each of some voxels, given by flat index in the grid, all of which belong to one."""
        return self.owners[np.searchsorted(self.starts, flat, side="right") - 1]

    def places(self, flat: Indices) -> Indices:
        """(n, 3): z, y, x in the volume of voxels given by flat index in the grid."""
        return np.stack(np.unravel_index(flat, self.grid), axis=1) - self.first

    @cached_property
    def some_voxels(self) -> Indices:
        """(k, 3): z, y, x of a voxel of each component."""
        first = np.full(self.count, -1, np.intp)
        first[self.owners[::-1]] = self.starts[::-1]
        return self.places(first)

    def flat(self, components: ArrayLike) -> Indices:
        """Flat indices in the grid of all voxels of some components, ascending."""
        wanted = np.zeros(self.count, np.bool_)
        wanted[np.asarray(components, np.intp)] = True
        chosen = wanted[self.owners]
        return expanded(self.starts[chosen], self.ends[chosen])

    # What they are like

    def centroids(self) -> NDArray[np.float64]:
        """(k, 3): mean z, y, x of the voxels of each component, in voxels of the volume."""
        z, y, x = np.unravel_index(self.starts, self.grid)
        lengths = (self.ends - self.starts).astype(np.float64)
        middles = (z, y, x + (lengths - 1) / 2)
        sums = [np.bincount(self.owners, axis * lengths, minlength=self.count) for axis in middles]
        return np.stack(sums, axis=1) / np.maximum(self.voxels, 1)[:, None] - self.first

    def at_border(self) -> NDArray[np.bool_]:
        """(k,) whether each component reaches a face of the volume."""
        z, y, x = (axis - self.first for axis in np.unravel_index(self.starts, self.grid))
        last = x + (self.ends - self.starts) - 1
        nz, ny, nx = self.shape
        outer = (z == 0) | (z == nz - 1) | (y == 0) | (y == ny - 1) | (x == 0) | (last == nx - 1)
        return np.bincount(self.owners, outer, minlength=self.count) > 0

    def sums_and_peaks(self, values: NDArray[Any]) -> tuple[NDArray[np.float64], Indices]:
        """Sum of the values in each component, and the flat index of its highest one.

        Parameters
        ----------
        values
            In the shape of the grid.

        Returns
        -------
        tuple of ndarray
            (k,) float64 and (k,).
        """
        flat = values.reshape(-1)
        sums = np.zeros(self.starts.size)
        tops = np.zeros(self.starts.size)
        lengths = self.ends - self.starts
        for part in _parts(lengths):
            found = flat[expanded(self.starts[part], self.ends[part])]
            begins = np.cumsum(lengths[part]) - lengths[part]
            wide = np.float64 if found.dtype.kind == "f" else np.int64
            sums[part] = np.add.reduceat(found, begins, dtype=wide)
            tops[part] = np.maximum.reduceat(found, begins)
        order = np.lexsort((tops, self.owners))
        last = np.flatnonzero(np.diff(self.owners[order], append=self.count))
        best = order[last]
        within = expanded(self.starts[best], self.ends[best])
        begins = np.cumsum(lengths[best]) - lengths[best]
        is_top = flat[within] == np.repeat(tops[best], lengths[best])
        _, place = np.unique(np.repeat(np.arange(best.size), lengths[best])[is_top], return_index=True)
        peaks = within[np.flatnonzero(is_top)[place]]
        return np.bincount(self.owners, sums, minlength=self.count).astype(np.float64), peaks


def expanded(starts: Indices, ends: Indices) -> Indices:
    """All whole numbers of half-open ranges, range after range."""
    lengths = ends - starts
    before = np.cumsum(lengths) - lengths
    numbers: Indices = np.arange(int(lengths.sum()), dtype=np.intp)
    numbers += np.repeat(starts - before, lengths)
    return numbers


def graph_of(first: NDArray[Any], second: NDArray[Any], nodes: int) -> Any:
    """The sparse matrix of a graph with an edge from each of `first` to that of `second`."""
    from scipy.sparse import coo_array

    return coo_array((np.ones(first.size, np.float32), (first, second)), shape=(nodes, nodes)).tocsr()


def _labelled(starts: Indices, ends: Indices, shifts: tuple[int, ...]) -> tuple[NDArray[np.int32], NDArray[np.float64]]:
    """Component of each run, the largest first, and the number of voxels of each component."""
    from scipy.sparse.csgraph import connected_components

    if not starts.size:
        return np.zeros(0, np.int32), np.zeros(0)
    pairs = [_touching(starts, ends, shift) for shift in shifts]
    first = np.concatenate([pair[0] for pair in pairs])
    second = np.concatenate([pair[1] for pair in pairs])
    _, labels = connected_components(graph_of(first, second, starts.size), directed=False)
    voxels = np.bincount(labels, ends - starts)
    order = np.argsort(-voxels, kind="stable")
    rank = np.empty(order.size, np.int32)
    rank[order] = np.arange(order.size, dtype=np.int32)
    return rank[labels], voxels[order].astype(np.float64)


def _touching(starts: Indices, ends: Indices, shift: int) -> tuple[Indices, Indices]:
    """Pairs of runs that overlap when the first is moved on by `shift` voxels."""
    low = np.searchsorted(ends, starts + shift, side="right")
    high = np.searchsorted(starts, ends + shift, side="left")
    counts = high - low
    first = np.repeat(np.arange(counts.size), counts)
    within = np.arange(first.size) - np.repeat(np.cumsum(counts) - counts, counts)
    return first, within + np.repeat(low, counts)


def _parts(lengths: Indices) -> Iterator[slice]:
    """Slices of runs, each of about `GATHERED_VOXELS` voxels."""
    total = np.cumsum(lengths)
    begin = 0
    while begin < lengths.size:
        before = int(total[begin - 1]) if begin else 0
        end = max(begin + 1, int(np.searchsorted(total, before + GATHERED_VOXELS, side="right")))
        yield slice(begin, end)
        begin = end


LevelComponents = Callable[[float], Components]
"""The components at a level of the scale of 0 to 255."""
