"""OME-Zarr 0.4 volumes written: a folder, or one .zip file, with smaller levels for viewers.

Each level halves the one before in z, y and x. Chunks are packed with Blosc and zstd, which every reader of Zarr knows.
"""

from __future__ import annotations

import json
import math
import shutil
import uuid
import zipfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from ais.errors import AisError, describe_os_error
from ais.formats.atomic import atomic_path
from ais.formats.volume import Array
from ais.formats.zarr_path import remote_address, zarr_path
from ais.formats.zarr_store import MARKERS

CHUNK = (16, 256, 256)
SMALLEST_PX = 128
MAX_LEVELS = 6
PACKER, EFFORT, SHUFFLE = "zstd", 5, 1
WRITTEN_DTYPES = {"bool": "u1"}
AXES = [{"name": axis, "type": "space"} for axis in "zyx"]

Put = Callable[[str, bytes], None]


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
    with _zipped(path) if found.zipped else _folder(path) as put:
        levels = list(_level_shapes(shape))
        put(".zgroup", _json({"zarr_format": 2}))
        put(".zattrs", _json({"multiscales": [_multiscale(found.stem, levels, voxel_sizes, origin)]}))
        first = None
        for number, extents in reversed(list(enumerate(levels))):
            first = _LevelWriter(put, str(number), extents, stored, first)
        assert first is not None
        for slab in slabs:
            for plane in slab.reshape(-1, *slab.shape[-2:]):
                first.write(plane)
        first.close()


class _LevelWriter:
    """Takes planes in z order, writes chunks, and hands every two planes, halved, to the next level."""

    def __init__(
        self, put: Put, key: str, shape: tuple[int, int, int], dtype: np.dtype[Any], following: _LevelWriter | None
    ) -> None:
        self._put = put
        self._key = key
        self._shape = shape
        self._next = following
        self._count = 0
        self._waiting: Array | None = None
        self._buffer = np.zeros((CHUNK[0], *shape[1:]), dtype)
        put(
            f"{key}/.zarray",
            _json(
                {
                    "zarr_format": 2,
                    "shape": list(shape),
                    "chunks": list(CHUNK),
                    "dtype": dtype.str,
                    "compressor": {
                        "id": "blosc",
                        "cname": PACKER,
                        "clevel": EFFORT,
                        "shuffle": SHUFFLE,
                        "blocksize": 0,
                    },
                    "fill_value": 0,
                    "order": "C",
                    "filters": None,
                    "dimension_separator": "/",
                }
            ),
        )

    def write(self, plane: Array) -> None:
        if plane.shape != self._shape[1:]:
            raise ValueError(f"a plane of shape {plane.shape} does not fit into a volume of {self._shape}")
        self._buffer[self._count % CHUNK[0]] = plane
        self._count += 1
        if self._count % CHUNK[0] == 0:
            self._flush()
        if self._next is not None:
            self._halve(plane)

    def close(self) -> None:
        if self._count != self._shape[0]:
            raise ValueError(f"{self._count} of {self._shape[0]} slices were written")
        if self._count % CHUNK[0]:
            self._buffer[self._count % CHUNK[0] :] = 0
            self._flush()
        if self._next is not None:
            if self._waiting is not None:
                self._halve(self._waiting)
            self._next.close()

    def _flush(self) -> None:
        from imagecodecs import blosc_encode

        z = (self._count - 1) // CHUNK[0]
        for y, x in np.ndindex(*(-(-n // extent) for n, extent in zip(self._shape[1:], CHUNK[1:], strict=True))):
            part = self._buffer[:, y * CHUNK[1] : (y + 1) * CHUNK[1], x * CHUNK[2] : (x + 1) * CHUNK[2]]
            chunk = np.zeros(CHUNK, self._buffer.dtype)
            chunk[:, : part.shape[1], : part.shape[2]] = part
            width = chunk.dtype.itemsize
            data = blosc_encode(
                chunk.tobytes(), level=EFFORT, compressor=PACKER, typesize=width, shuffle=SHUFFLE, numthreads=1
            )
            self._put(f"{self._key}/{z}/{y}/{x}", bytes(data))

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
        self._next.write(np.rint(mean) if self._buffer.dtype.kind in "iu" else mean)


def _level_shapes(shape: tuple[int, int, int]) -> Iterator[tuple[int, int, int]]:
    for _ in range(MAX_LEVELS):
        yield shape
        if max(shape) <= SMALLEST_PX:
            return
        shape = ((shape[0] + 1) // 2, (shape[1] + 1) // 2, (shape[2] + 1) // 2)


def _multiscale(
    name: str,
    levels: list[tuple[int, int, int]],
    voxel_sizes: tuple[float, float, float],
    origin: tuple[float, ...],
) -> dict[str, Any]:
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


@contextmanager
def _zipped(path: Path) -> Iterator[Put]:
    with atomic_path(path) as temporary, zipfile.ZipFile(temporary, "w", zipfile.ZIP_STORED) as archive:
        yield lambda key, data: archive.writestr(zipfile.ZipInfo(key), data)


@contextmanager
def _folder(path: Path) -> Iterator[Put]:
    """A folder beside the target that takes its name, and its place if it is an OME-Zarr volume, at the end."""
    mark = uuid.uuid4().hex
    temporary, old = path.with_name(f".{path.name}.{mark}.tmp"), path.with_name(f".{path.name}.{mark}.old")
    try:
        if path.exists() and not any((path / marker).exists() for marker in MARKERS):
            raise AisError(f"{path} exists and is no OME-Zarr volume: choose another name.")
        temporary.mkdir(parents=True)

        def put(key: str, data: bytes) -> None:
            target = temporary.joinpath(*key.split("/"))
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(data)

        yield put
        if path.exists():
            path.rename(old)
        temporary.rename(path)
    except OSError as error:
        raise AisError(describe_os_error(error, path)) from error
    finally:
        if temporary.exists():
            shutil.rmtree(temporary, ignore_errors=True)
        if old.exists():
            if path.exists():
                shutil.rmtree(old, ignore_errors=True)
            else:
                old.rename(path)


def _json(value: dict[str, Any]) -> bytes:
    return json.dumps(value, indent=2).encode()
