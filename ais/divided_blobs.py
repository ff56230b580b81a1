"""Blobs divided at their necks into particles, and the voxels of each particle, whatever the size of the volume."""

from __future__ import annotations

import logging
import math
import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from ais.blobs import LARGEST_BOX_VOXELS, Blobs
from ais.components import GATHERED_VOXELS, expanded
from ais.prediction import SLAB_VOXELS, slab_at, source_name
from ais.progress import SILENT, Progress
from ais.separation import separate

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ais.tomogram import Tomogram

    IndexArray: TypeAlias = NDArray[np.int64]

logger = logging.getLogger(__name__)

UNDIVIDED_VOXELS = 27
REPORT_EVERY = 64
MOST_THREADS = 8
SMALL_BOX_VOXELS = 1 << 18
"""Larger blobs are divided one after the other, lest several need their memory at once."""


@dataclass(frozen=True, eq=False)
class Voxels:
    """Some voxels of particles, in the order of the volume within each blob.

    Attributes
    ----------
    owner
        (n,) the particle of each, counted from 0.
    z, y, x
        (n,) where they are.
    values
        (n,) as stored; None where they were not asked for.
    """

    owner: NDArray[np.int32]
    z: NDArray[np.int32]
    y: NDArray[np.int32]
    x: NDArray[np.int32]
    values: NDArray[Any] | None


@dataclass(frozen=True, eq=False)
class DividedBlobs:
    """Complete blobs, and the particles that they consist of.

    Attributes
    ----------
    blobs
        What was divided.
    count
        How many particles there are.
    owners
        (n,) the particle of each voxel, run after run; None for a blob that is too large for that.
    cells
        The particle, counted from 1, of the cells of such a blob; None if it is one particle.
    first
        z, y, x of the first voxel of the first cell.
    bin
        Edge of a cell in voxels.
    volume
        Where the values of such a blob are read; None if they are not wanted.
    """

    blobs: Blobs
    count: int
    owners: NDArray[np.int32] | None
    cells: NDArray[np.int32] | None = None
    first: tuple[int, int, int] = (0, 0, 0)
    bin: int = 1
    volume: NDArray[Any] | Tomogram | None = None

    def voxels(self) -> Iterator[Voxels]:
        """All voxels, some at a time."""
        blobs = self.blobs
        total = np.cumsum(blobs.lengths, dtype=np.int64)
        if self.owners is not None:
            for runs in _shared_out(blobs, total, len(blobs.lengths)):
                z, y, x = _places(blobs, runs)
                here = slice(int(total[runs.start - 1]) if runs.start else 0, int(total[runs.stop - 1]))
                yield Voxels(self.owners[here], z, y, x, None if blobs.values is None else blobs.values[here])
            return
        step = max(1, SLAB_VOXELS // (blobs.shape[1] * blobs.shape[2]))
        for runs in _shared_out(blobs, total, step):
            z, y, x = _places(blobs, runs)
            values = None
            if self.volume is not None:
                low, high = int(z[0]), int(z[-1]) + 1
                values = slab_at(self.volume, low, high)[z - low, y, x]
            owner = np.zeros(len(z), np.int32)
            if self.cells is not None:
                cell = [(place - low) // self.bin for place, low in zip((z, y, x), self.first, strict=True)]
                owner = self.cells[tuple(cell)] - 1
            yield Voxels(owner, z, y, x, values)


def divide(
    blobs: Blobs,
    voxel_sizes: tuple[float, float, float],
    *,
    min_voxels: int = 0,
    volume: NDArray[Any] | Tomogram,
    largest_box: int = LARGEST_BOX_VOXELS,
    with_values: bool = True,
    progress: Progress = SILENT,
) -> DividedBlobs:
    """Divide blobs at their necks; see `ais.separation.separate`.

    Parameters
    ----------
    blobs
        Of `ais.blobs.complete_blobs` with the same `largest_box`: one whose box has more voxels comes by itself. It is
        divided in larger voxels, each of which is inside if any of its own is, and a sentence is logged.
    voxel_sizes
        (z, y, x), in any unit.
    min_voxels
        Smaller blobs are not divided.
    volume
        Where they were found.
    largest_box
        In voxels.
    with_values
        Whether the stored values of the voxels are wanted.
    progress
        Told how many blobs have been divided.
    """
    boxes = blobs.boxes
    if len(blobs) == 1 and math.prod((boxes[0, :, 1] - boxes[0, :, 0]).tolist()) > largest_box:
        return _divided_coarsely(blobs, voxel_sizes, volume, largest_box, with_values=with_values)
    firsts = np.concatenate([[0], np.cumsum(blobs.voxels)])
    owners = np.repeat(np.arange(len(blobs), dtype=np.int32), blobs.voxels)
    free = len(blobs)
    divisible = np.flatnonzero(blobs.voxels >= max(UNDIVIDED_VOXELS, min_voxels))
    for blob, particles in _particles(blobs, divisible, voxel_sizes, progress):
        own = owners[firsts[blob] : firsts[blob + 1]]
        further = particles > 1
        own[further] = particles[further] + (free - 2)
        free += int(particles.max()) - 1
    return DividedBlobs(blobs, free, owners)


def _particles(
    blobs: Blobs, divisible: IndexArray, voxel_sizes: tuple[float, float, float], progress: Progress
) -> Iterator[tuple[int, NDArray[np.int32]]]:
    """Blobs of several particles, with that of each of their voxels, from 1 on: small blobs in threads."""
    sizes = (blobs.boxes[:, :, 1] - blobs.boxes[:, :, 0]).prod(axis=1)

    def apart(blob: int) -> tuple[int, NDArray[np.int32] | None]:
        low, high = blobs.boxes[blob].T
        enclosed = bool((low > 0).all() and (high < blobs.shape).all())
        if not enclosed:
            low, high = np.maximum(low - 1, 0), np.minimum(high + 1, blobs.shape)
        mask = blobs.mask(blob, low, high)
        particles = separate(mask.view(np.uint8), voxel_sizes, enclosed=enclosed)
        return blob, None if particles is None else particles[mask]

    small = divisible[sizes[divisible] <= SMALL_BOX_VOXELS].tolist()
    large = divisible[sizes[divisible] > SMALL_BOX_VOXELS].tolist()
    with ThreadPoolExecutor(min(os.cpu_count() or 1, MOST_THREADS), "particles") as threads:
        for first in range(0, len(small), REPORT_EVERY):
            progress.report(first, len(divisible), "separating particles")
            for blob, particles in threads.map(apart, small[first : first + REPORT_EVERY]):
                if particles is not None:
                    yield blob, particles
    for done, blob in enumerate(large, len(small)):
        progress.report(done, len(divisible), "separating particles")
        _, particles = apart(blob)
        if particles is not None:
            yield blob, particles


def _divided_coarsely(
    blobs: Blobs,
    voxel_sizes: tuple[float, float, float],
    volume: NDArray[Any] | Tomogram,
    largest_box: int,
    *,
    with_values: bool,
) -> DividedBlobs:
    low, high = blobs.boxes[0].T
    bin_ = 2
    while math.prod((-(-(high - low) // bin_)).tolist()) > largest_box:
        bin_ += 1
    shape = np.array(blobs.shape)
    enclosed = bool((low > 0).all() and (high < shape).all())
    first = low if enclosed else low - bin_ * (low > 0)
    size = -(-(high - first) // bin_) + (0 if enclosed else (high < shape))
    inside = np.zeros(size, np.bool_)
    for begin in range(0, len(blobs.lengths), GATHERED_VOXELS):
        runs = slice(begin, begin + GATHERED_VOXELS)
        starts, last = blobs.starts[runs] - first, blobs.starts[runs, 2] + blobs.lengths[runs] - 1 - first[2]
        z, y, x = (starts // bin_).T
        row = (z * size[1] + y) * size[2]
        inside.reshape(-1)[expanded(row + x, row + last // bin_ + 1)] = True
    logger.warning(
        "%s: a blob of %d x %d x %d voxels is too large to be divided voxel by voxel; it was divided in voxels "
        "%d times as large. With a higher threshold it may fall into parts.",
        source_name(volume),
        *(high - low)[::-1].tolist(),
        bin_,
    )
    cells = separate(inside.view(np.uint8), voxel_sizes, enclosed=enclosed)
    return DividedBlobs(
        blobs,
        1 if cells is None else int(cells.max()),
        None,
        cells,
        (int(first[0]), int(first[1]), int(first[2])),
        bin_,
        volume if with_values else None,
    )


def _shared_out(blobs: Blobs, total: IndexArray, step: int) -> Iterator[slice]:
    """Runs of about so many voxels as are gathered at once, and of no more than `step` slices if it is one blob."""
    begin, count = 0, len(total)
    z = blobs.starts[:, 0]
    while begin < count:
        before = int(total[begin - 1]) if begin else 0
        end = max(begin + 1, int(np.searchsorted(total, before + GATHERED_VOXELS, side="right")))
        if len(blobs) == 1:
            end = min(end, int(np.searchsorted(z, z[begin] + step)))
        yield slice(begin, end)
        begin = end


def _places(blobs: Blobs, runs: slice) -> tuple[NDArray[np.int32], NDArray[np.int32], NDArray[np.int32]]:
    """z, y, x of all voxels of some runs."""
    starts, lengths = blobs.starts[runs], blobs.lengths[runs]
    z, y, _ = (np.repeat(axis, lengths) for axis in starts.T)
    x = expanded(first := starts[:, 2].astype(np.intp), first + lengths.astype(np.intp)).astype(np.int32)
    return z, y, x
