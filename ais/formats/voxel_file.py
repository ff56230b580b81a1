"""Voxels that stand uncompressed in a file, read by position.

The file is not mapped into memory: touching a mapped page of a file that another program has shortened, or whose
network drive has gone, ends the whole process, where reading gives an error that can be told.
"""

from __future__ import annotations

import io
import os
import threading
import weakref
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ais.errors import AisError, describe_os_error
from ais.formats.volume import Array

READ_LIMIT_BYTES = 16 << 20
PART_BYTES = 1 << 18


class VoxelFile:
    """A box of voxels in a file that is open for reading; any number of threads may read at once.

    Parameters
    ----------
    path
        The file.
    dtype
        Type and byte order of the stored voxels.
    offset
        Position of the first voxel in bytes.
    shape
        (sections, rows, columns), columns running fastest.
    name
        How errors call the file.

    Raises
    ------
    OSError
        If the file cannot be opened.
    """

    def __init__(self, path: Path, dtype: np.dtype[Any], offset: int, shape: tuple[int, int, int], name: str) -> None:
        self.dtype = dtype
        self.shape = shape
        self._offset = offset
        self._name = name
        self._lock = threading.Lock()
        self._readers = 0
        self._closed = False
        self._file = io.FileIO(path)
        weakref.finalize(self, self._file.close)

    def read(self, sections: slice, rows: slice, columns: slice) -> Array:
        """A fresh array of the voxels in a range of each axis, in the stored type and byte order.

        Raises
        ------
        AisError
            If the file has been closed or shortened, or cannot be read.
        """
        spans = [range(count)[part] for count, part in zip(self.shape, (sections, rows, columns), strict=True)]
        (s0, s1), (r0, r1), (c0, c1) = (_bounds(span) for span in spans)
        block = np.empty((s1 - s0, r1 - r0, c1 - c0), self.dtype)
        if block.size:
            with self._in_use():
                self._fill(block, s0, r0, c0)
        if any(span.step != 1 for span in spans):
            return block[tuple(slice(None, None, span.step) for span in spans)]
        return block

    def close(self) -> None:
        """Release the file: at once, or when the threads that are reading have come to their next piece."""
        with self._lock:
            self._closed = True
            if not self._readers:
                self._file.close()

    @contextmanager
    def _in_use(self) -> Iterator[None]:
        # The number of a file that is closed during a read may soon belong to another file: the last reader closes.
        with self._lock:
            self._check_open()
            self._readers += 1
        try:
            yield
        except OSError as error:
            raise AisError(describe_os_error(error, self._name)) from error
        finally:
            with self._lock:
                self._readers -= 1
                if self._closed and not self._readers:
                    self._file.close()

    def _check_open(self) -> None:
        if self._closed:
            raise AisError(f"{self._name} has been closed.")

    def _fill(self, block: Array, section: int, row: int, column: int) -> None:
        _, n_rows, n_columns = self.shape
        width = block.shape[2]
        if width == n_columns and block.shape[1] == n_rows:
            self._read_into(block, (section * n_rows + row) * n_columns)
            return
        # Rows stand close together: reading them whole, some at a time, is faster than seeking to the part of each.
        step = block.shape[1] if width == n_columns else max(1, PART_BYTES // (n_columns * self.dtype.itemsize))
        whole_rows = np.empty((0 if width == n_columns else min(step, block.shape[1]), n_columns), self.dtype)
        for index, target in enumerate(block):
            for first in range(0, len(target), step):
                rows = target[first : first + step]
                position = ((section + index) * n_rows + row + first) * n_columns
                if width == n_columns:
                    self._read_into(rows, position)
                else:
                    self._read_into(whole_rows[: len(rows)], position)
                    rows[...] = whole_rows[: len(rows), column : column + width]

    def _read_into(self, target: Array, first_voxel: int) -> None:
        view = target.reshape(-1).view(np.uint8)
        position = self._offset + first_voxel * self.dtype.itemsize
        done = 0
        while done < view.size:
            self._check_open()
            count = self._read_at(view[done : done + READ_LIMIT_BYTES], position + done)
            if not count:
                raise AisError(f"{self._name} has become shorter since it was opened: copy it again.")
            done += count

    def _read_at(self, view: NDArray[np.uint8], position: int) -> int:
        if hasattr(os, "preadv"):
            return os.preadv(self._file.fileno(), [view.data], position)
        with self._lock:  # Windows
            self._file.seek(position)
            return self._file.readinto(view.data) or 0


def _bounds(span: range) -> tuple[int, int]:
    """First and last + 1 of the numbers in a range, whichever way it runs."""
    return (min(span[0], span[-1]), max(span[0], span[-1]) + 1) if span else (0, 0)
