"""The amplitude spectrum of a tomogram that is larger than memory: its transform lies in a file while it is used."""

from __future__ import annotations

import math
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

import numpy as np
import numpy.typing as npt

from ais.errors import AisError, describe_os_error
from ais.filters.arrays import FloatArray, VoxelSizes
from ais.filters.spectrum import AmplitudeSpectrum, ShellSums, apply_gain, log_gain
from ais.tomogram import Tomogram

HELD_BYTES = 1 << 28
"""So much of the transform is in memory at once."""
_COMPLEX_BYTES = 8

Complex = npt.NDArray[np.complex64]


def large_spectrum(tomogram: Tomogram, sizes: VoxelSizes, folder: Path | None) -> AmplitudeSpectrum:
    """As `ais.filters.spectrum.amplitude_spectrum`, with a file of 4 bytes per voxel for a while.

    Parameters
    ----------
    tomogram
        Is read twice.
    sizes
        (z, y, x) of its voxels in A.
    folder
        Where the file is, without a name; None: where temporary files usually are.

    Raises
    ------
    AisError
        If the disk is full, or a voxel is not a finite number.
    """
    with _transform(tomogram, folder) as transform:
        return transform.spectrum(sizes)


def match_large_spectrum(
    tomogram: Tomogram, reference: AmplitudeSpectrum, sizes: VoxelSizes, folder: Path | None
) -> Iterator[FloatArray]:
    """As `ais.filters.spectrum.match_spectrum`, in slabs (n, ny, nx); arguments and errors as of `large_spectrum`."""
    with _transform(tomogram, folder) as transform:
        own = transform.spectrum(sizes)
        transform.amplify(own, reference, sizes)
        for slab in transform.slabs():
            slab += np.float32(reference.mean)
            yield slab


@contextmanager
def _transform(tomogram: Tomogram, folder: Path | None) -> Iterator[_Transform]:
    place = folder
    while place is not None and not place.is_dir() and place != place.parent:
        place = place.parent  # it is made when the output is written
    try:
        with tempfile.TemporaryFile(prefix=".ais-", dir=place) as file:
            yield _Transform(tomogram, file)
    except OSError as error:
        where = place or Path(tempfile.gettempdir())
        raise AisError(describe_os_error(error, where / "a temporary file")) from error


class _Transform:
    """The transform of a tomogram less its mean: in the planes already, and along z where it is asked for."""

    def __init__(self, tomogram: Tomogram, file: IO[bytes]) -> None:
        from scipy import fft

        self._file = file
        self._volume_shape = tomogram.shape
        nz, ny, nx = tomogram.shape
        self._shape = (nz, ny, nx // 2 + 1)
        self._step = max(1, HELD_BYTES // (2 * _COMPLEX_BYTES * ny * nx))
        total = math.fsum(float(tomogram.slab(z, end).sum(dtype=np.float64)) for z, end in self._slab_ends())
        self._mean = total / math.prod(tomogram.shape)
        for z, end in self._slab_ends():
            values = tomogram.slab(z, end)
            values -= np.float32(self._mean)
            self._write(z, 0, np.asarray(fft.rfft2(values, workers=-1, overwrite_x=True), np.complex64))

    def spectrum(self, sizes: VoxelSizes) -> AmplitudeSpectrum:
        """The amplitude spectrum; from then on the transform is along z as well."""
        from scipy import fft

        sums = ShellSums(self._volume_shape, sizes)
        for rows in self._row_blocks():
            block = fft.fft(self._read(rows), axis=0, workers=-1, overwrite_x=True)
            sums.add(block, rows)
            self._write(0, rows.start, block)
        return sums.spectrum(self._mean)

    def amplify(self, own: AmplitudeSpectrum, reference: AmplitudeSpectrum, sizes: VoxelSizes) -> None:
        """Give it other amplitudes; from then on the transform is in the planes alone."""
        from scipy import fft

        shells, gain = log_gain(own, reference)
        for rows in self._row_blocks():
            block = self._read(rows)
            apply_gain(block, rows, self._volume_shape, sizes, shells, gain)
            self._write(0, rows.start, fft.ifft(block, axis=0, workers=-1, overwrite_x=True))

    def slabs(self) -> Iterator[FloatArray]:
        """The volume, slab by slab."""
        from scipy import fft

        for z, end in self._slab_ends():
            planes = self._read(slice(0, self._shape[1]), z, end)
            values = fft.irfft2(planes, s=self._volume_shape[1:], workers=-1, overwrite_x=True)
            yield np.asarray(values, np.float32)

    def _slab_ends(self) -> Iterator[tuple[int, int]]:
        for z in range(0, self._shape[0], self._step):
            yield z, min(z + self._step, self._shape[0])

    def _row_blocks(self) -> Iterator[slice]:
        nz, ny, nk = self._shape
        step = max(1, HELD_BYTES // (2 * _COMPLEX_BYTES * nz * nk))
        for y in range(0, ny, step):
            yield slice(y, min(y + step, ny))

    def _read(self, rows: slice, z0: int = 0, z1: int | None = None) -> Complex:
        z1 = self._shape[0] if z1 is None else z1
        block = np.empty((z1 - z0, rows.stop - rows.start, self._shape[2]), np.complex64)
        for z, plane in enumerate(block, z0):
            self._seek(z, rows.start)
            self._file.readinto(plane.data.cast("B"))  # type: ignore[attr-defined]
        return block

    def _write(self, z0: int, row: int, block: Complex) -> None:
        for z, plane in enumerate(np.ascontiguousarray(block), z0):
            self._seek(z, row)
            self._file.write(plane.data.cast("B"))

    def _seek(self, z: int, row: int) -> None:
        self._file.seek(((z * self._shape[1]) + row) * self._shape[2] * _COMPLEX_BYTES)
