"""A tomogram whose next slab is read while the one before is computed."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from threading import Lock
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ais.errors import AisError, describe_os_error
from ais.tomogram import WHOLE, Normalization, Tomogram

Span = tuple[int, int]
MOST_BYTES = 64 << 20
"""What takes more memory, of slices of more than 4096 x 4096 pixels, is not read ahead."""


@dataclass(frozen=True)
class _Part:
    """A box of voxels, half open."""

    z: Span
    y: Span
    x: Span

    @property
    def size(self) -> int:
        """Number of voxels."""
        return (self.z[1] - self.z[0]) * (self.y[1] - self.y[0]) * (self.x[1] - self.x[0])

    def holds(self, other: _Part) -> bool:
        pairs = ((self.z, other.z), (self.y, other.y), (self.x, other.x))
        return all(mine[0] <= theirs[0] and theirs[1] <= mine[1] for mine, theirs in pairs)


class ReadAhead(Tomogram):
    """A tomogram that is gone through slab by slab; parameters are those of `Tomogram`.

    What was read of the last slabs, in the plane, is read of the next one in a thread, as soon as the first part of the
    slab before has been asked for. At most two slabs are in memory, as they are stored; the rest is read when it is
    asked for, and everything gives the same values as in a `Tomogram`.
    """

    def __init__(
        self, path: Path | str, voxel_size: float | None = None, normalization: Normalization | None = None
    ) -> None:
        super().__init__(path, voxel_size, normalization)
        self._reader = ThreadPoolExecutor(1, "read ahead")
        self._at_the_file = Lock()
        self._held: tuple[_Part, NDArray[Any]] | None = None
        self._coming: Future[tuple[_Part, NDArray[Any]]] | None = None
        self._following: Span | None = None
        self._asked: tuple[Span, Span] | None = None

    def go_on(self, following: Span | None) -> None:
        """Turn to the next slab.

        Parameters
        ----------
        following
            Slices that will be asked for with the slab after it, half open, and may reach beyond the tomogram; None if
            it is the last one.

        Raises
        ------
        AisError
            If this slab could not be read.
        """
        coming, self._coming, self._held = self._coming, None, None
        self._held = coming.result() if coming is not None else None
        self._following = None if following is None else (max(following[0], 0), min(following[1], self.shape[0]))

    def raw(self, z0: int, z1: int, y: slice = WHOLE, x: slice = WHOLE) -> NDArray[Any]:
        """As `Tomogram.raw`."""
        _, ny, nx = self.shape
        wanted = _Part((z0, z1), y.indices(ny)[:2], x.indices(nx)[:2])
        if self._held is not None and self._held[0].holds(wanted):
            held, block = self._held
            spans = zip((wanted.z, wanted.y, wanted.x), (held.z, held.y, held.x), strict=True)
            values = block[tuple(slice(mine[0] - all_[0], mine[1] - all_[0]) for mine, all_ in spans)]
        else:
            with self._from_the_file():
                values = super().raw(z0, z1, y, x)
        if self._following is not None:
            before = self._asked or (wanted.y, wanted.x)
            self._asked = _around(before[0], wanted.y), _around(before[1], wanted.x)
            part = _Part(self._following, *self._asked)
            if self._coming is None and part.size * self.dtype.itemsize <= MOST_BYTES:
                self._coming = self._reader.submit(self._block, part)
        return values

    @property
    def normalization(self) -> Normalization:
        """As `Tomogram.normalization`; that it looks at slices here and there does not count."""
        following, self._following = self._following, None
        try:
            return super().normalization
        finally:
            self._following = following

    def close(self) -> None:
        """Release the file, once nothing is read from it any more."""
        self._reader.shutdown(cancel_futures=True)
        self._held = self._coming = None
        super().close()

    @contextmanager
    def _from_the_file(self) -> Iterator[None]:
        """Within it, this thread alone reads; what fails is said of this file, and not of the one that is written."""
        with self._at_the_file:
            try:
                yield
            except OSError as error:
                raise AisError(describe_os_error(error, self.path)) from error

    def _block(self, part: _Part) -> tuple[_Part, NDArray[Any]]:
        with self._from_the_file():
            values = self._volume.read(*part.z, slice(*part.y), slice(*part.x))
        block = values if values.flags.owndata else np.array(values)  # what is mapped is read now, not when it is used
        block.flags.writeable = False
        return part, block


def _around(one: Span, other: Span) -> Span:
    return min(one[0], other[0]), max(one[1], other[1])
