"""Filters on volumes in memory: Gaussian, median, anisotropic diffusion, inversion, binning, another order of axes."""

from __future__ import annotations

import math
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from ais.errors import AisError
from ais.formats.volume import Array

FloatArray: TypeAlias = npt.NDArray[np.float32]
VoxelSizes: TypeAlias = tuple[float, float, float]

GAUSSIAN_REACH = 4.0
"""How far a Gaussian is followed, in standard deviations."""
LARGEST_BIN = 64

_WIDEST_VOXELS = 100.0
_LARGEST_MEDIAN = 31
_MOST_ITERATIONS = 200
_DIFFUSION_STEP = 1.0 / 7.0  # below 1/6, so that each value stays between its six neighbours
_EDGE_QUANTILE = 0.9
_SAMPLED_SLICES = 32


def gaussian(volume: Array, sigma: float, voxel_sizes: VoxelSizes | float) -> FloatArray:
    """Smooth with a Gaussian, reflected at the faces and cut off at four standard deviations.

    Parameters
    ----------
    volume
        (z, y, x).
    sigma
        Standard deviation in A, above 0.
    voxel_sizes
        (z, y, x) in A, or one number.

    Returns
    -------
    ndarray
        float32, same shape.
    """
    from scipy import ndimage

    widths = [sigma / size for size in three_sizes(voxel_sizes)]
    smooth = np.array(volume, dtype=np.float32)
    ndimage.gaussian_filter(smooth, widths, output=smooth, truncate=GAUSSIAN_REACH)
    return smooth


def median(volume: Array, size: int, *, dimensions: int = 2) -> Array:
    """Replace each voxel by the median of its surroundings, reflected at the faces.

    Parameters
    ----------
    volume
        (z, y, x).
    size
        Edge of the window in voxels, odd, 3 to 31.
    dimensions
        2: within each slice; 3: in a cube.

    Returns
    -------
    ndarray
        Same shape and type.

    Raises
    ------
    AisError
        If the size is even or out of range.
    """
    from scipy import ndimage

    size = checked_median(size)
    if dimensions not in (2, 3):
        raise AisError(f"A median works in 2 or 3 dimensions, not {dimensions}.")
    # scipy has no median of float16.
    working = volume.astype(np.float32) if volume.dtype == np.float16 else volume
    filtered = ndimage.median_filter(working, size=(size if dimensions == 3 else 1, size, size))
    return np.asarray(filtered, dtype=volume.dtype)


def anisotropic_diffusion(volume: Array, iterations: int, edge: float | None = None) -> FloatArray:
    """Smooth within regions and keep their edges; the mean stays, and no value leaves the range of the input.

    Parameters
    ----------
    volume
        (z, y, x); voxels are taken as cubes.
    iterations
        1 to 200; each reaches one voxel further.
    edge
        Difference of neighbouring voxels above which the flow between them declines; by default `edge_strength`.

    Returns
    -------
    ndarray
        float32, same shape.

    References
    ----------
    Perona and Malik, IEEE Trans. Pattern Anal. Mach. Intell. 12 (1990) 629-639, with their conductance
    1 / (1 + (d / K)^2).
    """
    iterations = checked_iterations(iterations)
    smooth = np.array(volume, dtype=np.float32)
    scale = np.float32(edge_strength(smooth) if edge is None else edge)
    if scale <= 0.0:
        return smooth
    for _ in range(iterations):
        change = np.zeros_like(smooth)
        for axis in range(3):
            difference = np.diff(smooth, axis=axis)
            flow = difference / scale
            np.multiply(flow, flow, out=flow)
            flow += np.float32(1.0)
            np.divide(difference, flow, out=flow)
            _along(change, axis, slice(None, -1))[...] += flow
            _along(change, axis, slice(1, None))[...] -= flow
        change *= np.float32(_DIFFUSION_STEP)
        smooth += change
    return smooth


def edge_strength(volume: Array) -> float:
    """A difference that few neighbouring voxels exceed, after Perona and Malik (1990).

    It is the 90th percentile of the differences between neighbours within a slice, the median of it over at most 32
    evenly spaced slices of a (z, y, x) volume.
    """
    return float(np.median([_edge_strength_of(volume[z]) for z in sampled_slices(len(volume))]))


def sampled_slices(count: int) -> list[int]:
    """At most 32 evenly spaced slices out of `count`."""
    return [int(z) for z in np.unique(np.linspace(0, count - 1, min(_SAMPLED_SLICES, count)).astype(int))]


def _edge_strength_of(plane: Array) -> float:
    values = plane.astype(np.float32)
    differences = np.concatenate([np.abs(np.diff(values, axis=axis)).ravel() for axis in (0, 1)])
    return float(np.quantile(differences, _EDGE_QUANTILE)) if differences.size else 0.0


def invert(volume: Array) -> Array:
    """Exchange dark and bright.

    Real numbers are mirrored about their mean, which stays (2 * mean - v, float32). Whole numbers are mirrored within
    their range (min + max - v) and keep their type; doing it twice restores them.
    """
    if volume.dtype.kind == "f":
        return mirrored(volume, 2.0 * float(volume.mean(dtype=np.float64)))
    return mirrored(volume, int(volume.min()) + int(volume.max()))


def bin_volume(volume: Array, factor: int) -> FloatArray:
    """Average blocks of factor x factor x factor voxels; what remains at the far faces is left out.

    Parameters
    ----------
    volume
        (z, y, x), each at least `factor` long.
    factor
        2 to 64.

    Returns
    -------
    ndarray
        (z // factor, y // factor, x // factor) float32.

    Raises
    ------
    AisError
        If the factor is out of range or larger than the volume.
    """
    factor = checked_bin(factor, volume.shape)
    binned = np.asarray(volume, dtype=np.float32)
    for axis in range(3):
        whole = binned.shape[axis] // factor * factor
        parts = (_along(binned, axis, slice(start, whole, factor)) for start in range(factor))
        total = next(parts).copy()
        for part in parts:
            total += part
        binned = total
    binned /= np.float32(factor**3)
    return binned


def swap_axes(volume: Array, order: str) -> Array:
    """Give the axes another order.

    Parameters
    ----------
    volume
        (z, y, x).
    order
        Which old axes become the new z, y and x: ``"zyx"`` changes nothing, ``"yzx"`` turns xz sections into slices.
        Exchanging two axes shows the mirror image; ``"yxz"`` and ``"xzy"`` only turn the volume.

    Returns
    -------
    ndarray
        Same type; contiguous.

    Raises
    ------
    AisError
        If the order does not name each of x, y and z once.
    """
    return np.ascontiguousarray(volume.transpose(permutation(order)))


def mirrored(values: Array, mirror: float | int) -> Array:
    """Mirror - value: real numbers as float32, whole numbers in their type."""
    if values.dtype.kind == "f":
        return np.asarray(mirror - values.astype(np.float64), dtype=np.float32)
    return np.asarray(mirror - values.astype(np.int64), dtype=values.dtype)


def three_sizes(voxel_sizes: VoxelSizes | float) -> VoxelSizes:
    """Voxel sizes (z, y, x) in A from one number or three."""
    return (float(voxel_sizes),) * 3 if isinstance(voxel_sizes, int | float) else voxel_sizes


def finite_number(value: object, what: str) -> float:
    """The value, or an AisError that names `what` if it is not a finite number."""
    if not isinstance(value, int | float) or isinstance(value, bool) or not math.isfinite(value):
        raise AisError(f"{what} must be a number, not {value!r}.")
    return float(value)


def _whole_number(value: object, what: str, least: int, most: int) -> int:
    number = finite_number(value, what)
    if number != int(number) or not least <= number <= most:
        raise AisError(f"{what} must be a whole number from {least} to {most}, not {number:g}.")
    return int(number)


def checked_sigma(value: object, sizes: VoxelSizes) -> float:
    """The width of a Gaussian in A, or an AisError if it is not above 0 and at most 100 voxels."""
    sigma = finite_number(value, "The Gaussian's width in A")
    if not 0.0 < sigma / min(sizes) <= _WIDEST_VOXELS:
        raise AisError(f"A Gaussian of {sigma:g} A does not suit voxels of {min(sizes):g} A: give up to 100 voxels.")
    return sigma


def checked_median(value: object) -> int:
    """The edge of a median's window, or an AisError if it is not an odd number from 3 to 31."""
    size = _whole_number(value, "The median's window in voxels", 3, _LARGEST_MEDIAN)
    if size % 2 == 0:
        raise AisError(f"The median's window must be an odd number of voxels, not {size}.")
    return size


def checked_iterations(value: object) -> int:
    """The number of iterations, or an AisError if it is not from 1 to 200."""
    return _whole_number(value, "The number of iterations", 1, _MOST_ITERATIONS)


def checked_bin(value: object, shape: tuple[int, ...]) -> int:
    """The factor to bin by, or an AisError if it is not from 2 to 64 or larger than the volume."""
    factor = _whole_number(value, "The factor to bin by", 2, LARGEST_BIN)
    if factor > min(shape):
        size = " x ".join(map(str, shape))
        raise AisError(f"A volume of {size} voxels is too small to be binned by {factor}.")
    return factor


def permutation(order: str) -> tuple[int, int, int]:
    """Which old array axes become the new ones, or an AisError if `order` does not name x, y and z once each."""
    if sorted(order.lower()) != ["x", "y", "z"]:
        raise AisError(f"The axes {order!r} are not understood: name x, y and z once each, such as yzx.")
    z, y, x = ("zyx".index(axis) for axis in order.lower())
    return z, y, x


def _along(volume: Array, axis: int, part: slice) -> Array:
    index = [slice(None)] * 3
    index[axis] = part
    view: Array = volume[tuple(index)]
    return view
