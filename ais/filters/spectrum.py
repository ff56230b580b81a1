"""The amplitude spectrum of a tomogram, and how one tomogram gets that of another."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ais.errors import AisError
from ais.filters.arrays import FloatArray, VoxelSizes, three_sizes
from ais.formats.volume import Array

_LEAST_AMPLITUDE = 1e-6  # of the strongest shell; weaker ones are rounding errors
_NOTHING = 1e-30
WHOLE = slice(None)


@dataclass(frozen=True)
class AmplitudeSpectrum:
    """How strong each spatial frequency is in a volume, averaged over directions.

    Parameters
    ----------
    frequencies
        (n,) mean spatial frequency of each shell, 1/A, ascending.
    amplitudes
        (n,) mean amplitude per shell, in grey values * A^1.5, so that volumes of different shape and voxel size
        compare.
    mean
        Mean grey value.
    nyquist
        Highest frequency that the sampling along each axis can hold, 1/A.
    name
        Of the tomogram, for the labels of what is matched to it.
    """

    frequencies: npt.NDArray[np.float64]
    amplitudes: npt.NDArray[np.float64]
    mean: float
    nyquist: float
    name: str = "another tomogram"


def amplitude_spectrum(volume: Array, voxel_sizes: VoxelSizes | float) -> AmplitudeSpectrum:
    """Measure the radially averaged amplitude spectrum of a (z, y, x) volume; voxel sizes in A."""
    sizes = three_sizes(voxel_sizes)
    mean = float(volume.mean(dtype=np.float64))
    return _averaged(_spectrum(volume, mean), volume.shape, sizes, mean)


def match_spectrum(volume: Array, reference: AmplitudeSpectrum, voxel_sizes: VoxelSizes | float) -> FloatArray:
    """Give a tomogram the amplitude spectrum of another, so that one network suits both.

    Each spatial frequency is multiplied by the ratio of the radially averaged amplitudes, at equal frequencies in 1/A;
    phases stay, and the mean becomes that of the reference. Above the reference's Nyquist frequency the last ratio
    holds. Needs about 16 bytes per voxel.

    Parameters
    ----------
    volume
        (z, y, x).
    reference
        From `amplitude_spectrum` of the tomogram to be matched.
    voxel_sizes
        (z, y, x) of `volume` in A, or one number.

    Returns
    -------
    ndarray
        float32, same shape.
    """
    from scipy import fft

    sizes = three_sizes(voxel_sizes)
    mean = float(volume.mean(dtype=np.float64))
    spectrum = _spectrum(volume, mean)
    own = _averaged(spectrum, volume.shape, sizes, mean)
    shells, gain = log_gain(own, reference)
    apply_gain(spectrum, WHOLE, volume.shape, sizes, shells, gain)
    matched = fft.irfftn(spectrum, s=volume.shape, workers=-1, overwrite_x=True)
    matched += np.float32(reference.mean)
    return np.asarray(matched, dtype=np.float32)


def _spectrum(volume: Array, mean: float) -> npt.NDArray[np.complex64]:
    from scipy import fft

    centred = volume.astype(np.float32)
    centred -= np.float32(mean)
    return np.asarray(fft.rfftn(centred, workers=-1, overwrite_x=True), dtype=np.complex64)


def _averaged(
    spectrum: npt.NDArray[np.complex64], shape: tuple[int, ...], sizes: VoxelSizes, mean: float
) -> AmplitudeSpectrum:
    sums = ShellSums(shape, sizes)
    sums.add(spectrum, WHOLE)
    return sums.spectrum(mean)


class ShellSums:
    """Amplitudes summed in shells of equal spatial frequency, block after block of a transform.

    Parameters
    ----------
    shape
        (nz, ny, nx) of the volume.
    sizes
        (z, y, x) of its voxels in A.
    """

    def __init__(self, shape: tuple[int, ...], sizes: VoxelSizes) -> None:
        self._shape, self._sizes = shape, sizes
        self._width = 1.0 / min(shape[1] * sizes[1], shape[2] * sizes[2])
        highest = math.sqrt(sum((0.5 / size) ** 2 for size in sizes))
        self._count = int(highest / self._width) + 2
        self._sums, self._weights, self._moments = np.zeros((3, self._count))

    def add(self, spectrum: npt.NDArray[np.complex64], rows: slice) -> None:
        """Add rows of the transform (nz, n, nx // 2 + 1)."""
        # A real volume's transform holds each column but the first (and the last of an even length) once for two.
        twice = np.full(spectrum.shape[2], 2.0)
        twice[0] = 1.0
        if self._shape[2] % 2 == 0:
            twice[-1] = 1.0
        twice = np.broadcast_to(twice, spectrum.shape[1:]).ravel()
        for z, frequency in enumerate(_shells_of_planes(self._shape, self._sizes, rows)):
            flat = frequency.ravel()
            shell = np.rint(flat / self._width).astype(np.intp)
            self._sums += np.bincount(shell, twice * np.abs(spectrum[z]).ravel(), minlength=self._count)
            self._weights += np.bincount(shell, twice, minlength=self._count)
            self._moments += np.bincount(shell, twice * flat, minlength=self._count)

    def spectrum(self, mean: float) -> AmplitudeSpectrum:
        """The averages, once all rows have been added."""
        filled = self._weights > 0
        filled[0] = False
        scale = math.sqrt(math.prod(self._sizes) / math.prod(self._shape))
        return AmplitudeSpectrum(
            frequencies=self._moments[filled] / self._weights[filled],
            amplitudes=scale * self._sums[filled] / self._weights[filled],
            mean=mean,
            nyquist=0.5 / max(self._sizes),
        )


def apply_gain(
    spectrum: npt.NDArray[np.complex64],
    rows: slice,
    shape: tuple[int, ...],
    sizes: VoxelSizes,
    shells: npt.NDArray[np.float64],
    gain: npt.NDArray[np.float64],
) -> None:
    """Multiply rows of a transform by a gain, of which the logarithm at some frequencies is given; the mean becomes 0.

    Parameters
    ----------
    spectrum
        (nz, n, nx // 2 + 1); it is changed.
    rows
        Which rows those are.
    shape, sizes
        Of the volume.
    shells, gain
        From `log_gain`.
    """
    for z, frequency in enumerate(_shells_of_planes(shape, sizes, rows)):
        spectrum[z] *= np.exp(np.interp(frequency, shells, gain).astype(np.float32))
    if not rows.start:
        spectrum[0, 0, 0] = 0.0


def _shells_of_planes(shape: tuple[int, ...], sizes: VoxelSizes, rows: slice) -> Iterator[npt.NDArray[np.float64]]:
    kz, ky = np.fft.fftfreq(shape[0], sizes[0]), np.fft.fftfreq(shape[1], sizes[1])[rows]
    in_plane = ky[:, None] ** 2 + np.fft.rfftfreq(shape[2], sizes[2])[None, :] ** 2
    for height in kz:
        yield np.sqrt(in_plane + height**2)


def log_gain(
    own: AmplitudeSpectrum, reference: AmplitudeSpectrum
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Frequencies, and the logarithm at each of what gives a volume the amplitudes of a reference."""
    # Logarithms, since amplitudes fall over orders of magnitude and are interpolated between shells.
    if reference.frequencies.size == 0 or own.frequencies.size == 0:
        raise AisError("A volume of a single voxel has no amplitude spectrum to match.")
    known = own.frequencies <= max(reference.nyquist, own.frequencies[0])
    shells, found = own.frequencies[known], own.amplitudes[known]
    wanted = np.interp(shells, reference.frequencies, np.log(np.maximum(reference.amplitudes, _NOTHING)))
    present = found > _LEAST_AMPLITUDE * own.amplitudes.max(initial=0.0)
    gain = np.where(present, wanted - np.log(np.maximum(found, _NOTHING)), math.log(_NOTHING))
    return shells, gain
