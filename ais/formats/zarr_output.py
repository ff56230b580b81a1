"""Where the parts of a Zarr store that is being written go: a folder or one .zip file, whole or not at all.

Also how an array is described and packed: chunks of Blosc and zstd, which every reader of Zarr knows.
"""

from __future__ import annotations

import json
import re
import shutil
import sys
import uuid
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, Any

import numpy as np

from ais.errors import AisError, describe_os_error
from ais.formats.atomic import atomic_path, flush_folder, flush_tree, make_folders, missing_folders
from ais.formats.volume import Array
from ais.formats.zarr_store import MARKERS

if sys.platform != "win32":
    import fcntl

CHUNK = (16, 256, 256)
PACKER, EFFORT, SHUFFLE = "zstd", 5, 1
_CLAIM = ".writing"

Put = Callable[[str, bytes], None]
"""Writes the bytes of a key."""


class PlaneWriter:
    """Takes the planes of an array in z order and writes them in chunks.

    Parameters
    ----------
    put
        Where they go.
    key
        Of the array in the store.
    shape
        (nz, ny, nx).
    dtype
        As stored, little-endian.
    zarr_format
        2 or 3.
    """

    def __init__(
        self, put: Put, key: str, shape: tuple[int, int, int], dtype: np.dtype[Any], zarr_format: int = 2
    ) -> None:
        self._put = put
        self._start = f"{key}/" if zarr_format == 2 else f"{key}/c/"
        self.shape = shape
        self.dtype = dtype
        self._count = 0
        self._buffer = np.zeros((CHUNK[0], *shape[1:]), dtype)
        if zarr_format == 2:
            put(f"{key}/.zarray", json_bytes(_array_v2(shape, dtype)))
        else:
            put(f"{key}/zarr.json", json_bytes(_array_v3(shape, dtype)))

    def write(self, plane: Array) -> None:
        """Take the next plane (ny, nx)."""
        if plane.shape != self.shape[1:]:
            raise ValueError(f"a plane of shape {plane.shape} does not fit into a volume of {self.shape}")
        self._buffer[self._count % CHUNK[0]] = plane
        self._count += 1
        if self._count % CHUNK[0] == 0:
            self._flush()

    def close(self) -> None:
        """Write what is left; all planes must have come."""
        if self._count != self.shape[0]:
            raise ValueError(f"{self._count} of {self.shape[0]} slices were written")
        if self._count % CHUNK[0]:
            self._buffer[self._count % CHUNK[0] :] = 0
            self._flush()

    def _flush(self) -> None:
        from imagecodecs import blosc_encode

        z = (self._count - 1) // CHUNK[0]
        for y, x in np.ndindex(*(-(-n // extent) for n, extent in zip(self.shape[1:], CHUNK[1:], strict=True))):
            part = self._buffer[:, y * CHUNK[1] : (y + 1) * CHUNK[1], x * CHUNK[2] : (x + 1) * CHUNK[2]]
            chunk = np.zeros(CHUNK, self.dtype)
            chunk[:, : part.shape[1], : part.shape[2]] = part
            data = blosc_encode(
                chunk.tobytes(),
                level=EFFORT,
                compressor=PACKER,
                typesize=self.dtype.itemsize,
                shuffle=SHUFFLE,
                numthreads=1,
            )
            self._put(f"{self._start}{z}/{y}/{x}", bytes(data))


def _array_v2(shape: tuple[int, int, int], dtype: np.dtype[Any]) -> dict[str, Any]:
    packer = {"id": "blosc", "cname": PACKER, "clevel": EFFORT, "shuffle": SHUFFLE, "blocksize": 0}
    return {
        "zarr_format": 2,
        "shape": list(shape),
        "chunks": list(CHUNK),
        "dtype": dtype.str,
        "compressor": packer,
        "fill_value": 0,
        "order": "C",
        "filters": None,
        "dimension_separator": "/",
    }


def _array_v3(shape: tuple[int, int, int], dtype: np.dtype[Any]) -> dict[str, Any]:
    packer = {"cname": PACKER, "clevel": EFFORT, "shuffle": "shuffle", "typesize": dtype.itemsize, "blocksize": 0}
    return {
        "zarr_format": 3,
        "node_type": "array",
        "shape": list(shape),
        "data_type": dtype.name,
        "chunk_grid": {"name": "regular", "configuration": {"chunk_shape": list(CHUNK)}},
        "chunk_key_encoding": {"name": "default", "configuration": {"separator": "/"}},
        "fill_value": 0,
        "codecs": [
            {"name": "bytes", "configuration": {"endian": "little"}},
            {"name": "blosc", "configuration": packer},
        ],
        "attributes": {},
        "dimension_names": ["z", "y", "x"],
    }


@contextmanager
def zip_output(path: Path) -> Iterator[Put]:
    """A .zip file that appears when the block ends well; raises as `ais.formats.atomic.atomic_path`."""
    with atomic_path(path) as temporary, zipfile.ZipFile(temporary, "w", zipfile.ZIP_STORED) as archive:
        yield lambda key, data: archive.writestr(zipfile.ZipInfo(key), data)


@contextmanager
def folder_output(path: Path) -> Iterator[Put]:
    """A folder beside the target that takes its name, and its place if it is a Zarr folder, when the block ends well.

    What a killed writer of the same folder has left is removed or, where it had been moved aside, put back first.

    Raises
    ------
    AisError
        If a folder of something else is in the way, or the disk is full.
    """
    mark = uuid.uuid4().hex
    temporary, old = path.with_name(f".{path.name}.{mark}.tmp"), path.with_name(f".{path.name}.{mark}.old")
    missing = missing_folders(path.parent)
    claim: IO[bytes] | None = None
    try:
        make_folders(path.parent)
        _take_up_leftovers(path)
        if path.exists() and not any((path / marker).exists() for marker in MARKERS):
            raise AisError(f"{path} exists and is no OME-Zarr volume: choose another name.")
        temporary.mkdir()
        claim = _claimed(temporary)

        def put(key: str, data: bytes) -> None:
            target = temporary.joinpath(*key.split("/"))
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(data)

        yield put
        claim.close()
        (temporary / _CLAIM).unlink()
        flush_tree(temporary)
        if path.exists():
            path.rename(old)
        temporary.rename(path)
        flush_folder(path.parent)
    except OSError as error:
        raise AisError(describe_os_error(error, path)) from error
    finally:
        if claim is not None:
            claim.close()
        if temporary.exists():
            shutil.rmtree(temporary, ignore_errors=True)
        if old.exists():
            if path.exists():
                shutil.rmtree(old, ignore_errors=True)
            else:
                old.rename(path)
        for folder in missing:
            with suppress(OSError):  # something is in it
                folder.rmdir()


def json_bytes(value: dict[str, Any]) -> bytes:
    """A metadata document."""
    return json.dumps(value, indent=2).encode()


def _take_up_leftovers(path: Path) -> None:
    if not path.parent.is_dir():
        return
    for entry in list(path.parent.glob(".*")):
        found = re.fullmatch(rf"\.{re.escape(path.name)}\.[0-9a-f]{{32}}\.(tmp|old)", entry.name)
        if found is None:
            continue
        if found[1] == "old" and not path.exists():
            entry.rename(path)
        elif found[1] == "old" or not _is_being_written(entry):
            shutil.rmtree(entry, ignore_errors=True)


def _claimed(folder: Path) -> IO[bytes]:
    """A file that is locked as long as its writer lives."""
    file = (folder / _CLAIM).open("wb")
    if sys.platform != "win32":
        with suppress(OSError):  # a file system without locks
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    return file


def _is_being_written(folder: Path) -> bool:
    claim = folder / _CLAIM
    try:
        if sys.platform == "win32":
            claim.unlink(missing_ok=True)  # an open file cannot be removed
            return False
        with claim.open("rb") as file:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return False
    except FileNotFoundError:
        return False
    except OSError:
        return True
