"""A part of one slice as a filter will make it, computed without the rest of the tomogram."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np

from ais.errors import AisError
from ais.filters.arrays import (
    GAUSSIAN_REACH,
    FloatArray,
    anisotropic_diffusion,
    checked_iterations,
    checked_median,
    checked_sigma,
    edge_strength,
    gaussian,
    median,
    mirrored,
    sampled_slices,
)
from ais.filters.spectrum import AmplitudeSpectrum, amplitude_spectrum, match_spectrum
from ais.filters.volumes import known_sizes
from ais.tomogram import Tomogram

SIDE_PX = 512
"""Parts are at most so long and wide."""
MEDIAN_SIDES_PX = {3: 512, 5: 256, 7: 128, 9: 128}
"""Of a median in 3D, by its window: what takes about a second."""
MATCHED_SLICES = 32
"""Around the slice, from which the amplitudes of a tomogram are estimated."""


def central_spectrum(tomogram: Tomogram) -> AmplitudeSpectrum:
    """An estimate of a tomogram's amplitude spectrum from its central 32 x 512 x 512 voxels."""
    (z0, z1), (y0, y1), (x0, x1) = (
        _around(count // 2, most, count)
        for count, most in zip(tomogram.shape, (MATCHED_SLICES, SIDE_PX, SIDE_PX), strict=True)
    )
    values = tomogram.slab(z0, z1, slice(y0, y1), slice(x0, x1))
    return replace(amplitude_spectrum(values, known_sizes(tomogram)), name=tomogram.name)


def filtered_part(
    tomogram: Tomogram,
    kind: str,
    value: float | int | AmplitudeSpectrum | None,
    z: int,
    centre: tuple[float, float],
    *,
    dimensions: int = 2,
) -> tuple[FloatArray, FloatArray]:
    """Filter a part of one slice, at most 512 x 512 pixels, and less for a wide median in 3D.

    Gaussian and median are exactly those of `ais.filters.filter_volume`. Anisotropic diffusion takes the strength of
    edges from this part of at most 32 slices, and ``match`` the amplitudes from 32 slices around this one: both are
    near to what the whole tomogram gives. ``invert`` mirrors about the mean of the part.

    Parameters
    ----------
    tomogram
        Open; only what is needed is read.
    kind, value, dimensions
        ``gaussian``, ``median``, ``anisotropic``, ``invert`` or ``match``, as of `ais.filters.filter_volume`; the value
        of ``match`` is the reference's spectrum.
    z
        The slice.
    centre
        (y, x) of the part, which is moved to lie inside the tomogram.

    Returns
    -------
    tuple of ndarray
        The part as it is and as it will be, float32 (rows, columns).

    Raises
    ------
    AisError
        If the value is out of range or takes too long, the voxel size is needed and not known, or a voxel is not a
        finite number.
    """
    ny, nx = tomogram.shape[1:]
    most = _side(kind, value, dimensions)
    (y0, y1), (x0, x1) = (_around(round(at), most, count) for at, count in zip(centre, (ny, nx), strict=True))
    halo_z, halo = _halo(tomogram, kind, value, dimensions)
    z0, z1 = max(0, z - halo_z), min(tomogram.shape[0], z + halo_z + 1)
    if kind == "match":
        z0, z1 = _around(z, MATCHED_SLICES, tomogram.shape[0])
    front, left = max(0, y0 - halo), max(0, x0 - halo)
    rows, columns = slice(front, min(ny, y1 + halo)), slice(left, min(nx, x1 + halo))
    values = tomogram.slab(z0, z1, rows, columns)
    inner = (z - z0, slice(y0 - front, y1 - front), slice(x0 - left, x1 - left))
    if kind == "gaussian":
        made = gaussian(values, checked_sigma(value, known_sizes(tomogram)), known_sizes(tomogram))
    elif kind == "median":
        made = median(values, checked_median(value), dimensions=dimensions)
    elif kind == "anisotropic":
        part = slice(y0, y1), slice(x0, x1)
        strengths = [edge_strength(tomogram.slab(at, at + 1, *part)) for at in sampled_slices(tomogram.shape[0])]
        made = anisotropic_diffusion(values, checked_iterations(value), float(np.median(strengths)))
    elif kind == "invert":
        made = mirrored(values, 2.0 * float(values.mean(dtype=np.float64)))
    elif isinstance(value, AmplitudeSpectrum):
        made = match_spectrum(values, value, known_sizes(tomogram))
    else:
        raise AisError(f"A part cannot be filtered by {kind!r}.")
    return values[inner], np.asarray(made[inner], dtype=np.float32)


def _side(kind: str, value: object, dimensions: int) -> int:
    """How long and wide the part may be."""
    if kind != "median" or dimensions != 3:
        return SIDE_PX
    size = checked_median(value)
    if size not in MEDIAN_SIDES_PX:
        raise AisError(f"A median of {size} voxels in 3D takes long and is not shown; the copy can be made.")
    return min(SIDE_PX, MEDIAN_SIDES_PX[size])


def _halo(tomogram: Tomogram, kind: str, value: object, dimensions: int) -> tuple[int, int]:
    """How many slices, and how many pixels, around the part it depends on."""
    if kind == "gaussian":
        sizes = known_sizes(tomogram)
        sigma = checked_sigma(value, sizes)
        reaches = [int(GAUSSIAN_REACH * sigma / size + 0.5) for size in sizes]
        return reaches[0], max(reaches[1:])
    if kind == "median":
        size = checked_median(value)
        return size // 2 if dimensions == 3 else 0, size // 2
    if kind == "anisotropic":
        # Values spread as by a random walk, so few come from as far as there are iterations.
        iterations = checked_iterations(value)
        reach = min(iterations, math.ceil(GAUSSIAN_REACH * math.sqrt(2 * iterations / 7)))
        return reach, reach
    return 0, 0


def _around(middle: int, count: int, whole: int) -> tuple[int, int]:
    """A range of at most `count` indices around one, inside 0 to `whole`."""
    count = min(count, whole)
    start = min(max(0, middle - count // 2), whole - count)
    return start, start + count
