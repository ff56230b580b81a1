"""Pictures of any plane made from a tomogram's file, or from a copy of the volume in memory where it is small enough.

A file holds its slices one after the other, so a picture across them (xz, yz) is scattered over the whole of it:
reading one column of a volume of 300 x 1024 x 1024 takes 50 ms where the file is in the system's cache and seconds
where it is not, against 3 ms from memory. A volume that fits is therefore copied, in its own type, once the
first such picture has been made; of a larger one several neighbouring pictures are made in one pass.

The copy is filled from the first slice upwards and such a picture is made from the last slice downwards, so that
until the copy is complete the two share the work instead of doing it twice.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ais.errors import AisError, Cancelled
from ais.gui.display import Plane
from ais.tomogram import Tomogram

CHUNK_BYTES = 16 << 20
COPY_SHARE = 0.8

Picture = NDArray[np.float32]


class SliceSource:
    """Makes pictures for threads that wait for them.

    Parameters
    ----------
    tomogram
        An open tomogram; it is not closed.
    memory_bytes
        The volume is copied to memory if it takes at most 80 % of this.
    """

    def __init__(self, tomogram: Tomogram, memory_bytes: int) -> None:
        self._tomogram = tomogram
        nz, ny, nx = tomogram.shape
        slice_bytes = ny * nx * tomogram.dtype.itemsize
        self._slices_per_chunk = max(1, CHUNK_BYTES // max(1, slice_bytes))
        self._volume_bytes = nz * slice_bytes
        self.fits = self._volume_bytes <= COPY_SHARE * memory_bytes
        self._lock = threading.Lock()
        self._copy: NDArray[Any] | None = None
        self._copier: threading.Thread | None = None
        self._copied = 0
        self._failed = False
        self._stopped = False

    @property
    def copy_bytes(self) -> int:
        """What the copy takes in memory, also while it is being filled; 0 without one."""
        return 0 if self._copier is None or self._failed or self._stopped else self._volume_bytes

    @property
    def in_memory(self) -> bool:
        """Whether the whole volume is in memory, so that every picture is at hand."""
        return self._copied == self._tomogram.shape[0]

    def pictures(self, plane: Plane, ranges: list[tuple[int, int]]) -> list[Picture]:
        """For each range (first, last + 1) along the plane's normal, the mean of these slices.

        Returns
        -------
        list
            C-contiguous float32 arrays (ny, nx) for xy, (nz, nx) for xz, (nz, ny) for yz. Values are as stored; NaN
            and infinity are kept.

        Raises
        ------
        AisError
            If the file cannot be read.
        Cancelled
            If `stop` was called meanwhile.
        """
        with np.errstate(all="ignore"):
            if plane == "xy":
                return [self._mean_of_slices(first, stop) for first, stop in ranges]
            return self._across(plane, ranges)

    def start_copy(self) -> None:
        """Begin to copy the volume into memory in the background, unless it does not fit."""
        with self._lock:
            if not self.fits or self._copier is not None or self._stopped:
                return
            self._copier = threading.Thread(target=self._fill, name="ais-volume-copy", daemon=True)
            self._copier.start()

    def stop(self) -> None:
        """Make the threads that read give up at their next piece, and let go of the copy."""
        with self._lock:
            self._stopped = True

    def join(self, timeout: float) -> None:
        """Wait for the copying thread, at most `timeout` seconds."""
        if self._copier is not None:
            self._copier.join(timeout)
        self._copy = None

    def _mean_of_slices(self, first: int, stop: int) -> Picture:
        total = np.empty(self._tomogram.shape[1:], np.float32)
        for z in range(first, stop, self._slices_per_chunk):
            block = self._raw(z, min(stop, z + self._slices_per_chunk))
            if z > first:
                total += block.sum(axis=0, dtype=np.float32)
            elif len(block) == 1:
                total[...] = block[0]
            else:
                block.sum(axis=0, dtype=np.float32, out=total)
        if stop - first > 1:
            total /= np.float32(stop - first)
        return total

    def _across(self, plane: Plane, ranges: list[tuple[int, int]]) -> list[Picture]:
        nz, ny, nx = self._tomogram.shape
        low, high = min(first for first, _ in ranges), max(stop for _, stop in ranges)
        axis, length = (1, nx) if plane == "xz" else (2, ny)
        found = [np.empty((nz, length), np.float32) for _ in ranges]
        for z, block in self._blocks(axis, low, high):
            for target, (first, stop) in zip(found, ranges, strict=True):
                rows = target[z : z + len(block)]
                if stop - first == 1:
                    rows[...] = block[:, first - low] if axis == 1 else block[:, :, first - low]
                else:
                    part = block[:, first - low : stop - low] if axis == 1 else block[:, :, first - low : stop - low]
                    part.mean(axis=axis, dtype=np.float32, out=rows)
        return found

    def _blocks(self, axis: int, low: int, high: int) -> Iterator[tuple[int, NDArray[Any]]]:
        """The voxels low to high - 1 of one axis, slab by slab, with the slab's first slice."""
        part = slice(low, high)
        nz = self._tomogram.shape[0]
        step = nz if self.in_memory else self._slices_per_chunk
        for z in reversed(range(0, nz, step)):
            stop = min(nz, z + step)
            yield z, self._raw(z, stop, y=part) if axis == 1 else self._raw(z, stop, x=part)

    def _raw(self, z0: int, z1: int, y: slice = slice(None), x: slice = slice(None)) -> NDArray[Any]:
        if self._stopped:
            raise Cancelled
        copy = self._copy
        if copy is not None and z1 <= self._copied:
            return copy[z0:z1, y, x]
        return self._tomogram.raw(z0, z1, y, x)

    def _fill(self) -> None:
        nz, step = self._tomogram.shape[0], self._slices_per_chunk
        try:
            self._copy = copy = np.empty(self._tomogram.shape, self._tomogram.dtype)
            for z in range(0, nz, step):
                stop = min(nz, z + step)
                copy[z:stop] = self._raw(z, stop)
                self._copied = stop
        except (AisError, OSError, MemoryError, Cancelled):
            # Whoever needs the pictures reads them from the file then, and is told what is wrong with it.
            self._failed, self._copy = True, None
