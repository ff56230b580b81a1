"""A volume kept inside or outside a mask; all other voxels become 0."""

from __future__ import annotations

import math
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import numpy.typing as npt

from ais.errors import AisError
from ais.filters.arrays import LARGEST_BIN, finite_number
from ais.formats.registry import write_volume
from ais.formats.volume import Array
from ais.progress import SILENT, Progress
from ais.tomogram import Tomogram

_SLAB_VOXELS = 1 << 25
_SIZE_TOLERANCE = 0.02
"""Relative difference of voxel sizes that comes from rounding in headers."""


def mask_volume(
    input_path: Path | str,
    output_path: Path | str,
    mask_path: Path | str,
    *,
    outside: bool = False,
    threshold: float | None = None,
    progress: Progress = SILENT,
) -> None:
    """Write a copy of a volume in which all voxels outside a mask are 0; it appears whole or not at all.

    Type, voxel size, origin and header labels stay. Both files are read in parts of at most 2^25 voxels, so they may be
    larger than memory.

    Parameters
    ----------
    input_path, output_path
        Volume files; the output may be neither the input nor the mask.
    mask_path
        A volume of the same shape, or one of the same region binned by a whole factor from 2 to 64; then each of its
        voxels stands for a block, and what binning left out at the far faces belongs to the nearest block.
    outside
        Whether the voxels inside the mask are the ones that become 0.
    threshold
        Voxels of the mask of at least this value are inside; by default those above 0.
    progress
        Told the slices done.

    Raises
    ------
    AisError
        If a file cannot be read or written, the shapes or voxel sizes do not fit, or a value is not a finite number.
    """
    source, target = Path(input_path), Path(output_path)
    if threshold is not None:
        finite_number(threshold, "The mask's threshold")
    for used, what in ((source, "the input"), (Path(mask_path), "the mask")):
        if target.exists() and used.exists() and target.samefile(used):
            raise AisError(f"{target} is {what} itself: give the new volume another name.")
    with Tomogram.open(source) as volume, Tomogram.open(mask_path) as mask:
        factor = _factor(volume, mask)
        write_volume(
            target,
            _slabs(volume, mask, factor, threshold, outside, progress),
            voxel_sizes=volume.voxel_sizes,
            shape=volume.shape,
            dtype=volume.dtype,
            origin=volume.origin,
            like=volume.info,
            label=f"Kept {'outside' if outside else 'inside'} {mask.name}",
        )


def _factor(volume: Tomogram, mask: Tomogram) -> int:
    """How many voxels of the volume a voxel of the mask spans along each axis."""
    if mask.shape == volume.shape:
        return 1
    factors = (round(whole / part) for whole, part in zip(volume.shape, mask.shape, strict=True))
    for factor in sorted(set(factors)):
        binned = tuple(count // factor for count in volume.shape) if 2 <= factor <= LARGEST_BIN else ()
        if binned == mask.shape:
            break
    else:
        raise AisError(
            f"The mask {mask.path} is {_words(mask.shape)} voxels and {volume.path} is {_words(volume.shape)} "
            "(z x y x x): give a mask of the same size, or of the same region binned by a whole factor."
        )
    own, coarse = volume.voxel_size, mask.voxel_size
    if own > 0 and coarse > 0 and not math.isclose(coarse, own * factor, rel_tol=_SIZE_TOLERANCE):
        raise AisError(
            f"The mask {mask.path} has the size of {volume.path} binned by {factor}, but its voxels are {coarse:g} A "
            f"and not {own * factor:g} A: correct the voxel size of one of them."
        )
    return factor


def _slabs(
    volume: Tomogram, mask: Tomogram, factor: int, threshold: float | None, outside: bool, progress: Progress
) -> Iterator[Array]:
    nz, ny, nx = volume.shape
    step = max(1, _SLAB_VOXELS // (ny * nx))
    rows, columns = (_nearest(count, part, factor) for count, part in zip((ny, nx), mask.shape[1:], strict=True))
    progress.report(0, nz, f"{volume.name}: mask")
    for start in range(0, nz, step):
        end = min(start + step, nz)
        values = volume.raw(start, end)
        if volume.dtype.kind == "f":
            volume.check_finite(values)
        layers = _nearest(nz, mask.shape[0], factor)[start:end]
        inside = _inside(mask, int(layers[0]), int(layers[-1]) + 1, threshold)
        if factor > 1:
            inside = inside[layers - layers[0]][:, rows][:, :, columns]
        yield np.where(inside != outside, values, np.zeros((), values.dtype))
        progress.report(end, nz, f"{volume.name}: mask")


def _inside(mask: Tomogram, start: int, end: int, threshold: float | None) -> npt.NDArray[np.bool_]:
    values = mask.raw(start, end)
    if mask.dtype.kind == "f":
        mask.check_finite(values)
    return np.asarray(values > 0 if threshold is None else values >= threshold)


def _nearest(count: int, parts: int, factor: int) -> npt.NDArray[np.intp]:
    """For each voxel of the volume along an axis, that of the mask which stands for it."""
    return np.minimum(np.arange(count) // factor, parts - 1)


def _words(shape: tuple[int, ...]) -> str:
    return " x ".join(map(str, shape))
