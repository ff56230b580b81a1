"""Volumes in the HDF5 files of EMAN2 (.hdf): the image ``/MDF/images/0/image`` and its attributes.

Chunks are taken packed from the file and unpacked here, never to more than their size. Links to other files, external
and virtual data are refused.
"""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np

from ais.errors import AisError, describe_os_error
from ais.formats.volume import Array, VolumeInfo
from ais.formats.voxel_file import VoxelFile
from ais.formats.zarr_array import ZarrArray
from ais.formats.zarr_metadata import MAX_CHUNK_BYTES, MAX_CHUNKS, MAX_EXTENT, ArrayMetadata, Packing

READ_DTYPES = ("u1", "i1", "u2", "i2", "u4", "i4", "f2", "f4", "f8")
DEFLATE, SHUFFLE, CHECKSUM = 1, 2, 3  # numbers of filters in HDF5
MAX_RENDER_BITS = 24
IMAGES = ("MDF", "images")

_DAMAGE = (ValueError, TypeError, KeyError, RuntimeError, AttributeError, OverflowError, MemoryError, EOFError)


class HdfVolume:
    """The volume in an HDF5 file of EMAN2, opened for reading.

    Values that EMAN2 has packed into few bits are given back as the numbers that they stand for, float32.

    Parameters
    ----------
    path
        The file.
    name
        How errors call it; by default its path.

    Raises
    ------
    AisError
        If the file is missing or damaged, holds no volume or several, or leads to other files.
    """

    def __init__(self, path: Path, name: str | None = None) -> None:
        import h5py

        self._name = name or str(path)
        self._array: ZarrArray | None = None
        self._voxels: VoxelFile | None = None
        self._rendered: tuple[float, float] | None = None
        try:
            path.stat()
            if not h5py.is_hdf5(path):
                raise AisError(f"{self._name} is not an HDF5 file, or it is damaged.")
            with h5py.File(path, "r") as file:
                self._open(path, file)
        except OSError as error:
            self.close()
            if error.errno is None:
                raise AisError(f"{self._name} is damaged: copy it again.") from error
            raise AisError(describe_os_error(error, self._name)) from error
        except _DAMAGE as error:
            self.close()
            raise AisError(f"{self._name} is damaged, or not a volume of EMAN2: copy it again.") from error
        except AisError:
            self.close()
            raise

    def read(self, z0: int, z1: int, y: slice = slice(None), x: slice = slice(None)) -> Array:
        """Voxels of slices z0 to z1 - 1 in native byte order; see `Volume.read`."""
        if self._voxels is not None:
            block = self._voxels.read(slice(z0, z1), y, x)
        elif self._array is not None:
            wanted = [range(n)[part] for n, part in zip(self.info.shape, (slice(z0, z1), y, x), strict=True)]
            spans = [range(min(s[0], s[-1]), max(s[0], s[-1]) + 1) if s else range(0) for s in wanted]
            block = self._array.read(spans)[tuple(slice(None, None, span.step) for span in wanted)]
        else:
            raise AisError(f"{self._name} has been closed.")
        if self._rendered is None:
            return np.asarray(block, self.info.dtype)
        low, step = self._rendered
        values: Array = np.multiply(block, np.float32(step), dtype=np.float32)
        values += np.float32(low)
        return values

    def close(self) -> None:
        """Release the file."""
        if self._array is not None:
            self._array.close()
        if self._voxels is not None:
            self._voxels.close()
        self._array = self._voxels = None

    def _open(self, path: Path, file: Any) -> None:
        if file.userblock_size:
            raise AisError(f"{self._name} begins with a block of other data, which Ais does not read.")
        group = file
        for step in IMAGES:
            group = self._inside(group, step)
        if len(group) != 1:
            raise AisError(f"{self._name} holds {len(group)} images where one volume is expected: save one by itself.")
        image = self._inside(group, next(iter(group)))
        data = self._inside(image, "image")
        shape = tuple(int(n) for n in data.shape)
        if not 2 <= len(shape) <= 3 or not all(0 < n <= MAX_EXTENT for n in shape):
            raise AisError(f"{self._name} holds an image of shape {shape}, which is no volume.")
        volume = (1, *shape)[-3:]
        if data.dtype.str[1:] not in READ_DTYPES:
            raise AisError(f"{self._name} holds voxels of type {data.dtype}, which Ais does not read.")
        if data.external or data.is_virtual:
            raise AisError(f"{self._name} takes its voxels from other files, which is not followed.")
        self._rendered = _rendering(image.attrs, data.dtype)
        dtype = np.dtype(np.float32) if self._rendered else data.dtype.newbyteorder("=")
        z, y, x = (_size(image.attrs.get(f"EMAN.apix_{axis}")) for axis in "zyx")
        self.info = VolumeInfo((volume[0], volume[1], volume[2]), dtype, (z, y, x))
        if data.chunks is None:
            offset = data.id.get_offset()
            needed = 0 if offset is None else offset + math.prod(shape) * data.dtype.itemsize
            if offset is None or needed > path.stat().st_size:
                raise AisError(f"{self._name} is truncated, or holds no voxels: copy it again.")
            self._voxels = VoxelFile(path, data.dtype, offset, self.info.shape, self._name)
        else:
            metadata = self._metadata(data, volume)
            self._array = ZarrArray(_Chunks(path, data, self._name), "", metadata, self._name)

    def _inside(self, group: Any, step: str) -> Any:
        import h5py

        link = group.get(step, getlink=True) if isinstance(group, h5py.Group) else None
        if link is None:
            raise AisError(f"{self._name} is not a volume of EMAN2: there is no {'/'.join(IMAGES)}/0/image in it.")
        if not isinstance(link, h5py.HardLink):
            raise AisError(f"{self._name} leads to another file or place ({step[:60]}), which is not followed.")
        return group[step]

    def _metadata(self, data: Any, volume: tuple[int, ...]) -> ArrayMetadata:
        chunks = (1, *(int(n) for n in data.chunks))[-3:]
        counts = [-(-n // chunk) for n, chunk in zip(volume, chunks, strict=True)]
        if math.prod(chunks) * data.dtype.itemsize > MAX_CHUNK_BYTES or math.prod(counts) > MAX_CHUNKS:
            raise AisError(f"{self._name} is cut into chunks of {chunks} voxels, which Ais does not read.")
        filters = data.id.get_create_plist()
        codecs = []
        for number in range(filters.get_nfilters()):
            kind = int(filters.get_filter(number)[0])
            if kind not in (DEFLATE, SHUFFLE, CHECKSUM):
                raise AisError(f"{self._name} is packed with the HDF5 filter {kind}, which Ais does not read.")
            codecs.append({DEFLATE: "zlib", SHUFFLE: f"shuffle{data.dtype.itemsize}", CHECKSUM: "crc32c"}[kind])
        packing = Packing(data.dtype, (0, 1, 2), tuple(codec for codec in codecs if codec != "shuffle1"))
        return ArrayMetadata(volume, chunks, packing, 0, "", ".", chunks)


class _Chunks:
    """The packed chunks of a dataset, by their indices joined with points.

    Where they lie is asked of HDF5 once; their bytes are read from the file past it, for HDF5 may not be used by
    several threads at once.
    """

    def __init__(self, path: Path, data: Any, name: str) -> None:
        self._name = name
        size = path.stat().st_size
        self._places: dict[str, tuple[int, int]] = {}
        stored: list[Any] = []
        data.id.chunk_iter(stored.append)
        for facts in stored:
            index = (start // chunk for start, chunk in zip(facts.chunk_offset, data.chunks, strict=True))
            key = ".".join(map(str, (0, *index)[-3:]))
            if facts.filter_mask or facts.byte_offset + facts.size > size:
                raise AisError(f"{name} is damaged: its chunk {key} cannot be read.")
            self._places[key] = facts.byte_offset, facts.size
        self._bytes = VoxelFile(path, np.dtype(np.uint8), 0, (1, 1, size), name)

    def get(self, key: str, limit: int) -> bytes | None:
        """See `Store.get`."""
        if key not in self._places:
            return None
        start, count = self._places[key]
        if count > limit:
            raise AisError(f"{self._name} is damaged: its chunk {key} cannot be unpacked.")
        return self._bytes.read(slice(0, 1), slice(0, 1), slice(start, start + count)).tobytes()

    def part(self, key: str, start: int | None, count: int) -> bytes | None:
        """There are no shards in HDF5."""
        raise NotImplementedError

    def close(self) -> None:
        """Release the file."""
        self._bytes.close()


def _rendering(attributes: Any, dtype: np.dtype[Any]) -> tuple[float, float] | None:
    """Value of the stored number 0, and of one step, where EMAN2 has packed the values into integers."""
    bits, low, high = (_number(attributes.get(f"EMAN.stored_render{part}")) for part in ("bits", "min", "max"))
    if dtype.kind != "u" or not 1 <= bits <= MAX_RENDER_BITS or not high > low:
        return None
    return low, (high - low) / (2 ** int(bits) - 1)


def _size(value: Any) -> float:
    """A positive number of an attribute, 0.0 where there is none."""
    number = _number(value)
    return float(f"{number:.7g}") if number > 0 else 0.0


def _number(value: Any) -> float:
    """The number of an attribute, which may be an array of one; NaN where there is none."""
    try:
        number = float(np.asarray(value).ravel()[0])
    except (TypeError, ValueError, IndexError):
        return math.nan
    return number if math.isfinite(number) else math.nan
