"""Filters from file to file: read and written slab by slab, so that a volume may be larger than memory."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from ais.errors import AisError
from ais.filters.arrays import (
    GAUSSIAN_REACH,
    VoxelSizes,
    anisotropic_diffusion,
    bin_volume,
    checked_bin,
    checked_iterations,
    checked_median,
    checked_sigma,
    edge_strength,
    gaussian,
    median,
    mirrored,
    permutation,
    sampled_slices,
)
from ais.filters.large_spectrum import large_spectrum, match_large_spectrum
from ais.filters.spectrum import AmplitudeSpectrum, amplitude_spectrum, match_spectrum
from ais.formats.registry import write_volume
from ais.formats.volume import Array
from ais.progress import SILENT, Progress
from ais.tomogram import Tomogram

_SLAB_VOXELS = 1 << 25
WHOLE_TRANSFORM_VOXELS = 1 << 26
"""The transform of a volume of no more voxels is held in memory: 16 bytes per voxel."""


def filter_volume(
    input_path: Path | str,
    output_path: Path | str,
    kind: str,
    value: float | int | str | Path | AmplitudeSpectrum | None = None,
    *,
    dimensions: int = 2,
    voxel_size: float | None = None,
    progress: Progress = SILENT,
) -> None:
    """Filter a volume file into another, which appears whole or not at all.

    All work in parts of at most 2^25 voxels (ten slices or more of the largest tomograms), in less than 1.5 GB, so the
    volume may be larger than memory; the transform for ``match`` lies in a temporary file in the folder of the output,
    4 bytes per voxel, where the volume has more than `WHOLE_TRANSFORM_VOXELS`.

    The output is float32, except that ``swap-axes`` keeps the type and ``median`` and ``invert`` keep whole numbers.
    Header labels are kept; after binning and swapping, voxel size and origin are such that what is shown stays in place
    (on the exchanged axes).

    Parameters
    ----------
    input_path, output_path
        Volume files; they may not be the same.
    kind
        One of `KINDS`.
    value
        ``gaussian``: standard deviation in A. ``median``: window in voxels, odd. ``anisotropic``: iterations.
        ``bin``: factor. ``swap-axes``: the order, such as ``"yzx"``. ``match``: path of the reference tomogram, or its
        `spectrum_of` where several tomograms are matched to it. ``invert``: none.
    dimensions
        Of the median, 2 or 3.
    voxel_size
        Overrides the voxel size of the input, A.

    Raises
    ------
    AisError
        If a file cannot be read or written, the value is out of range, a voxel is not a finite number, the voxel size
        is needed and not known, or memory does not suffice.
    """
    if kind not in KINDS:
        raise AisError(f"There is no filter {kind!r}: choose one of {', '.join(KINDS)}.")
    source, target = Path(input_path), Path(output_path)
    if target.exists() and source.exists() and target.samefile(source):
        raise AisError(f"{target} is the input itself: give the filtered volume another name.")
    with Tomogram.open(source, voxel_size) as tomogram:
        try:
            prepared = KINDS[kind](tomogram, value, _Request(dimensions, target.parent))
            write_volume(
                target,
                _reported(prepared, progress, f"{tomogram.name}: {kind}"),
                voxel_sizes=prepared.voxel_sizes,
                shape=prepared.shape,
                dtype=prepared.dtype,
                origin=prepared.origin,
                like=tomogram.info,
                label=f"Filtered: {prepared.description}",
            )
        except MemoryError as error:
            size = " x ".join(map(str, tomogram.shape))
            raise AisError(f"{source} of {size} voxels does not fit into memory for the filter {kind}.") from error


def spectrum_of(path: Path | str, voxel_size: float | None = None, *, folder: Path | None = None) -> AmplitudeSpectrum:
    """Measure the amplitude spectrum of a tomogram file, as the reference of ``match``.

    That of a large one takes a temporary file of 4 bytes per voxel, in `folder` or where such files usually are.

    Raises
    ------
    AisError
        If the file cannot be read, a voxel is not a finite number, or its voxel size is not known; `voxel_size` in A
        overrides it.
    """
    with Tomogram.open(path, voxel_size) as reference:
        sizes = known_sizes(reference)
        if math.prod(reference.shape) > WHOLE_TRANSFORM_VOXELS:
            found = large_spectrum(reference, sizes, folder)
        else:
            found = amplitude_spectrum(reference.slab(0, reference.shape[0]), sizes)
        return replace(found, name=reference.name)


@dataclass(frozen=True)
class _Request:
    """What else is said of a filter: the dimensions of a median, and where the output goes."""

    dimensions: int
    folder: Path


@dataclass(frozen=True)
class _Prepared:
    """A filtered volume that is computed while its slabs are taken."""

    slabs: Iterator[Array]
    shape: tuple[int, int, int]
    dtype: np.dtype[Any]
    voxel_sizes: VoxelSizes
    description: str
    origin: tuple[float, float, float] | None = None


def _prepare_gaussian(tomogram: Tomogram, value: object, _request: _Request) -> _Prepared:
    sizes = known_sizes(tomogram)
    sigma = checked_sigma(value, sizes)
    halo = (int(GAUSSIAN_REACH * sigma / sizes[0] + 0.5), int(GAUSSIAN_REACH * sigma / sizes[1] + 0.5))
    slabs = _in_slabs(tomogram, halo, lambda slab: gaussian(slab, sigma, sizes))
    return _same_grid(tomogram, slabs, np.dtype(np.float32), f"Gaussian {sigma:g} A")


def _prepare_median(tomogram: Tomogram, value: object, request: _Request) -> _Prepared:
    size, dimensions = checked_median(value), request.dimensions
    halo = (size // 2 if dimensions == 3 else 0, size // 2)
    kept = tomogram.dtype if tomogram.dtype.kind in "iu" else np.dtype(np.float32)
    slabs = _in_slabs(tomogram, halo, lambda slab: median(slab, size, dimensions=dimensions), kept=kept)
    return _same_grid(tomogram, slabs, kept, f"median of {size} voxels, {dimensions}D")


def _prepare_anisotropic(tomogram: Tomogram, value: object, _request: _Request) -> _Prepared:
    iterations = checked_iterations(value)
    chosen = sampled_slices(tomogram.shape[0])
    edge = float(np.median([edge_strength(tomogram.slab(z, z + 1)) for z in chosen]))
    slabs = _in_slabs(tomogram, (iterations, iterations), lambda slab: anisotropic_diffusion(slab, iterations, edge))
    return _same_grid(tomogram, slabs, np.dtype(np.float32), f"anisotropic diffusion, {iterations} iterations")


def _prepare_invert(tomogram: Tomogram, value: object, _request: _Request) -> _Prepared:
    if value is not None:
        raise AisError(f"Inverting takes no value, but {value!r} was given.")
    real = tomogram.dtype.kind == "f"
    kept = np.dtype(np.float32) if real else tomogram.dtype
    mirror = _mirror_of(tomogram)
    slabs = _in_slabs(tomogram, (0, 0), lambda slab: mirrored(slab, mirror), kept=kept)
    return _same_grid(tomogram, slabs, kept, "inverted")


def _prepare_bin(tomogram: Tomogram, value: object, _request: _Request) -> _Prepared:
    factor = checked_bin(value, tomogram.shape)
    nz, ny, nx = (n // factor for n in tomogram.shape)
    step = max(1, _slab_thickness(tomogram.shape, 0) // factor)

    def slabs() -> Iterator[Array]:
        for z in range(0, nz, step):
            yield bin_volume(tomogram.slab(z * factor, min(z + step, nz) * factor), factor)

    size_z, size_y, size_x = tomogram.voxel_sizes
    # The centre of a new voxel is the mean of the centres it stands for.
    shift = (factor - 1) / 2
    x, y, z = tomogram.origin
    return _Prepared(
        slabs(),
        (nz, ny, nx),
        np.dtype(np.float32),
        (size_z * factor, size_y * factor, size_x * factor),
        f"binned by {factor}",
        (x + shift * size_x, y + shift * size_y, z + shift * size_z),
    )


def _prepare_swap(tomogram: Tomogram, value: object, _request: _Request) -> _Prepared:
    order = str(value).lower()
    axes = permutation(order)
    nz, ny, nx = (tomogram.shape[axis] for axis in axes)
    step = _slab_thickness((nz, ny, nx), 0)

    def slabs() -> Iterator[Array]:
        for start in range(0, nz, step):
            part = [slice(0, n) for n in tomogram.shape]
            part[axes[0]] = slice(start, min(start + step, nz))
            values = tomogram.raw(part[0].start, part[0].stop, part[1], part[2])
            _check_finite(tomogram, values)
            yield np.ascontiguousarray(values.transpose(axes))

    size_z, size_y, size_x = (tomogram.voxel_sizes[axis] for axis in axes)
    z, y, x = (tomogram.origin[::-1][axis] for axis in axes)
    return _Prepared(
        slabs(), (nz, ny, nx), tomogram.dtype, (size_z, size_y, size_x), f"axes {order} become zyx", (x, y, z)
    )


def _prepare_match(tomogram: Tomogram, value: object, request: _Request) -> _Prepared:
    sizes = known_sizes(tomogram)
    if isinstance(value, str | Path):
        value = spectrum_of(value, folder=request.folder)
    if not isinstance(value, AmplitudeSpectrum):
        raise AisError("Matching the spectrum needs the path of a reference tomogram.")
    target = value

    def slabs() -> Iterator[Array]:
        if math.prod(tomogram.shape) > WHOLE_TRANSFORM_VOXELS:
            yield from match_large_spectrum(tomogram, target, sizes, request.folder)
            return
        matched = match_spectrum(tomogram.slab(0, tomogram.shape[0]), target, sizes)
        yield from (matched[z : z + 1] for z in range(len(matched)))

    return _same_grid(tomogram, slabs(), np.dtype(np.float32), f"amplitude spectrum of {target.name}")


KINDS: dict[str, Callable[[Tomogram, object, _Request], _Prepared]] = {
    "match": _prepare_match,
    "gaussian": _prepare_gaussian,
    "median": _prepare_median,
    "anisotropic": _prepare_anisotropic,
    "invert": _prepare_invert,
    "bin": _prepare_bin,
    "swap-axes": _prepare_swap,
}
"""The filters by name, as the command line calls them."""


def _same_grid(tomogram: Tomogram, slabs: Iterator[Array], dtype: np.dtype[Any], description: str) -> _Prepared:
    return _Prepared(slabs, tomogram.shape, dtype, tomogram.voxel_sizes, description)


def _reported(prepared: _Prepared, progress: Progress, text: str) -> Iterator[Array]:
    done, total = 0, prepared.shape[0]
    progress.report(done, total, text)
    for slab in prepared.slabs:
        yield slab
        done += len(slab)
        progress.report(done, total, text)


def _in_slabs(
    tomogram: Tomogram,
    halo: tuple[int, int],
    function: Callable[[Array], Array],
    *,
    kept: np.dtype[Any] | None = None,
) -> Iterator[Array]:
    # Each part is read with `halo` more slices and rows on both sides, so that what is kept does not depend on where
    # it is cut.
    nz, ny, nx = tomogram.shape
    read = tomogram.raw if kept is not None and kept.kind in "iu" else tomogram.slab
    step = _slab_thickness(tomogram.shape, halo[0])
    rows = max(1, halo[1], _SLAB_VOXELS // (min(nz, step + 2 * halo[0]) * nx) - 2 * halo[1])
    for z0 in range(0, nz, step):
        z1 = min(z0 + step, nz)
        below, above = max(0, z0 - halo[0]), min(nz, z1 + halo[0])
        stripes = []
        for y0 in range(0, ny, rows):
            y1 = min(y0 + rows, ny)
            front, back = max(0, y0 - halo[1]), min(ny, y1 + halo[1])
            values: Array = function(read(below, above, slice(front, back)))
            stripes.append(values[z0 - below : z1 - below, y0 - front : y1 - front])
        yield np.concatenate(stripes, axis=1) if len(stripes) > 1 else stripes[0]


def _slab_thickness(shape: tuple[int, int, int], halo: int) -> int:
    slices = _SLAB_VOXELS // (shape[1] * shape[2])
    # Of very large slices more are taken, since with few the time would go into repeating the halo.
    return max(1, slices - 2 * halo, min(halo, 4 * slices))


def _mirror_of(tomogram: Tomogram) -> float | int:
    nz = tomogram.shape[0]
    step = _slab_thickness(tomogram.shape, 0)
    blocks = ((start, min(start + step, nz)) for start in range(0, nz, step))
    if tomogram.dtype.kind == "f":
        total = math.fsum(float(tomogram.slab(a, b).sum(dtype=np.float64)) for a, b in blocks)
        return 2.0 * total / math.prod(tomogram.shape)
    ranges = [(int(raw.min()), int(raw.max())) for raw in (tomogram.raw(a, b) for a, b in blocks)]
    return min(low for low, _ in ranges) + max(high for _, high in ranges)


def _check_finite(tomogram: Tomogram, values: Array) -> None:
    if values.dtype.kind == "f":
        tomogram.check_finite(values)


def known_sizes(tomogram: Tomogram) -> VoxelSizes:
    """Voxel sizes (z, y, x) in A; that in the plane where the one along z is not known. An AisError without any."""
    in_plane = tomogram.require_voxel_size()
    z, y, x = (size if size > 0.0 else in_plane for size in tomogram.voxel_sizes)
    return z, y, x
