"""OME-Zarr 0.4 volumes written: a folder, or one .zip file, with smaller levels for viewers.

Each level halves the one before in z, y and x.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from ais.errors import AisError
from ais.formats.volume import Array
from ais.formats.zarr_output import PlaneWriter, Put, folder_output, json_bytes, zip_output
from ais.formats.zarr_path import remote_address, zarr_path

SMALLEST_PX = 128
MAX_LEVELS = 6
WRITTEN_DTYPES = {"bool": "u1"}
AXES = [{"name": axis, "type": "space"} for axis in "zyx"]


def write_ome_zarr(
    path: Path,
    slabs: Iterable[Array],
    shape: tuple[int, int, int],
    dtype: np.dtype[Any],
    voxel_sizes: tuple[float, float, float],
    origin: tuple[float, ...] = (0.0, 0.0, 0.0),
) -> None:
    """Write a volume and its smaller levels, whole or not at all.

    Parameters
    ----------
    path
        ``.zarr`` or ``.ome.zarr`` is a folder, ``.zarr.zip`` and ``.ozx`` are files. An OME-Zarr volume that is
        there is replaced.
    slabs
        (n, ny, nx), in z order.
    shape
        (nz, ny, nx) of the whole volume.
    dtype
        Integers and floating point numbers are written as they are, bool as uint8.
    voxel_sizes
        (z, y, x) in angstrom; without a unit if one is not positive.
    origin
        (x, y, z) of the first voxel in angstrom.

    Raises
    ------
    AisError
        If the path is that of a level, an address, or a folder of something else, or the disk is full.
    """
    found = zarr_path(path)
    if found is None or found.inside or remote_address(path):
        raise AisError(f"{path} cannot be written: name an OME-Zarr folder as a whole, such as TS_001.zarr.")
    stored = np.dtype(WRITTEN_DTYPES.get(dtype.name, dtype)).newbyteorder("<")
    with zip_output(path) if found.zipped else folder_output(path) as put:
        levels = list(level_shapes(shape))
        put(".zgroup", json_bytes({"zarr_format": 2}))
        put(".zattrs", json_bytes({"multiscales": [multiscale(found.stem, levels, voxel_sizes, origin)]}))
        first = None
        for number, extents in reversed(list(enumerate(levels))):
            first = _LevelWriter(put, str(number), extents, stored, first)
        assert first is not None
        for slab in slabs:
            for plane in slab.reshape(-1, *slab.shape[-2:]):
                first.write(plane)
        first.close()


class _LevelWriter:
    """Writes a level, and hands every two planes, halved, to the next one."""

    def __init__(
        self, put: Put, key: str, shape: tuple[int, int, int], dtype: np.dtype[Any], following: _LevelWriter | None
    ) -> None:
        self._planes = PlaneWriter(put, key, shape, dtype)
        self._next = following
        self._waiting: Array | None = None

    def write(self, plane: Array) -> None:
        self._planes.write(plane)
        if self._next is not None:
            self._halve(plane)

    def close(self) -> None:
        self._planes.close()
        if self._next is not None:
            if self._waiting is not None:
                self._halve(self._waiting)
            self._next.close()

    def _halve(self, plane: Array) -> None:
        assert self._next is not None
        if self._waiting is None:
            self._waiting = np.array(plane)
            return
        both = np.stack([self._waiting, plane]).astype(np.float64 if plane.dtype.itemsize > 4 else np.float32)
        self._waiting = None
        ny, nx = both.shape[1:]
        both = np.pad(both, ((0, 0), (0, ny % 2), (0, nx % 2)), mode="edge")
        mean = both.reshape(2, (ny + 1) // 2, 2, (nx + 1) // 2, 2).mean(axis=(0, 2, 4))
        self._next.write(np.rint(mean) if self._planes.dtype.kind in "iu" else mean)


def level_shapes(shape: tuple[int, int, int]) -> Iterator[tuple[int, int, int]]:
    """Extents of the levels that a volume of a shape gets, itself first."""
    for _ in range(MAX_LEVELS):
        yield shape
        if max(shape) <= SMALLEST_PX:
            return
        shape = ((shape[0] + 1) // 2, (shape[1] + 1) // 2, (shape[2] + 1) // 2)


def multiscale(
    name: str,
    levels: list[tuple[int, int, int]],
    voxel_sizes: tuple[float, float, float],
    origin: tuple[float, ...],
) -> dict[str, Any]:
    """The entry ``multiscales`` of a volume: sizes (z, y, x) and origin (x, y, z) in angstrom."""
    known = all(math.isfinite(size) and size > 0 for size in voxel_sizes)
    sizes = voxel_sizes if known else (1.0, 1.0, 1.0)
    places = tuple(reversed(origin)) if known else (0.0, 0.0, 0.0)
    datasets = []
    for level in range(len(levels)):
        factor = 2**level
        # The middle of a larger voxel lies between those that it stands for.
        shift = [place + (factor - 1) / 2 * size for place, size in zip(places, sizes, strict=True)]
        steps: list[dict[str, Any]] = [{"type": "scale", "scale": [size * factor for size in sizes]}]
        if any(shift):
            steps.append({"type": "translation", "translation": shift})
        datasets.append({"path": str(level), "coordinateTransformations": steps})
    axes = [{**axis, "unit": "angstrom"} for axis in AXES] if known else AXES
    return {"version": "0.4", "name": name, "axes": axes, "datasets": datasets, "type": "mean"}
