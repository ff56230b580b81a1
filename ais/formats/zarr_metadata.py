"""What the metadata of a Zarr array says, version 2 and 3, with every number checked before it is used."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from typing import Any

import numpy as np

from ais.errors import AisError
from ais.formats.zarr_codecs import CODECS

MAX_EXTENT = 1 << 20
MAX_VOXELS = 1 << 38
MAX_CHUNKS = 1 << 24
MAX_CHUNK_BYTES = 1 << 30
MAX_AXES = 6
TYPE_V2 = re.compile(r"[<>|=][biuf][1248]")
TYPES_V3 = {
    "bool": "b1",
    **{
        f"{kind}{8 * n}": f"{kind[0]}{n}"
        for kind in ("int", "uint", "float")
        for n in (1, 2, 4, 8)
        if (kind, n) != ("float", 1)
    },
}
SPECIAL_FILLS = {"NaN": math.nan, "Infinity": math.inf, "-Infinity": -math.inf}


@dataclass(frozen=True)
class Packing:
    """How the voxels of a chunk become bytes.

    Attributes
    ----------
    dtype
        Type and byte order as stored.
    order
        The stored array has axis ``order[i]`` of the chunk as its axis i.
    codecs
        Names of `CODECS`, in the order in which they were applied.
    """

    dtype: np.dtype[Any]
    order: tuple[int, ...]
    codecs: tuple[str, ...]


@dataclass(frozen=True)
class ArrayMetadata:
    """A Zarr array.

    Attributes
    ----------
    shape, chunks
        Extents of the array, and of what is unpacked at once.
    packing
        How a chunk is stored.
    fill
        Value of chunks that are not stored.
    key_start, separator
        A chunk's key is ``key_start`` and its indices, joined by ``separator``.
    shards
        Extents of the objects in the store; those of `chunks` where each is an object of its own.
    index_first
        Whether the table of a shard stands at its start.
    index_codecs
        How that table is packed; empty or with a checksum.
    """

    shape: tuple[int, ...]
    chunks: tuple[int, ...]
    packing: Packing
    fill: float | int
    key_start: str
    separator: str
    shards: tuple[int, ...]
    index_first: bool = False
    index_codecs: tuple[str, ...] = ()

    @property
    def chunk_bytes(self) -> int:
        """Size of an unpacked chunk."""
        return math.prod(self.chunks) * self.packing.dtype.itemsize

    @property
    def sharded(self) -> bool:
        """Whether several chunks share an object of the store."""
        return self.shards != self.chunks


def parse_v2(given: dict[str, Any], name: str) -> ArrayMetadata:
    """Metadata of version 2, the object in ``.zarray``.

    Raises
    ------
    AisError
        If something is missing, absurd, or packed in a way that Ais does not read.
    """
    if given.get("zarr_format") != 2:
        raise _damaged(name, "zarr_format")
    stored = given.get("dtype")
    if not isinstance(stored, str) or not TYPE_V2.fullmatch(stored) or stored[1:] in ("f1", "b2", "b4", "b8"):
        raise _refused(name, f"voxels of type {_shown(stored)}")
    if given.get("filters"):
        raise _refused(name, f"the filter {_shown(_named(given['filters'], 'id'))}")
    compressor = given.get("compressor")
    codecs = () if compressor is None else (_codec(_named([compressor], "id"), name),)
    shape = _extents(given.get("shape"), "shape", name)
    chunks = _extents(given.get("chunks"), "chunks", name, len(shape))
    separator = given.get("dimension_separator", ".")
    if separator not in (".", "/"):
        raise _damaged(name, "dimension_separator")
    order = given.get("order", "C")
    if order not in ("C", "F"):
        raise _damaged(name, "order")
    axes = range(len(shape))
    dtype = np.dtype(stored)
    packing = Packing(dtype, tuple(axes if order == "C" else reversed(axes)), codecs)
    return _checked(ArrayMetadata(shape, chunks, packing, _fill(given, dtype, name), "", separator, chunks), name)


def parse_v3(given: dict[str, Any], name: str) -> ArrayMetadata:
    """Metadata of version 3, the object in ``zarr.json``; raises as `parse_v2`."""
    if given.get("zarr_format") != 3 or given.get("node_type") != "array":
        raise _damaged(name, "zarr_format")
    kind = given.get("data_type")
    if not isinstance(kind, str) or kind not in TYPES_V3:
        raise _refused(name, f"voxels of type {_shown(kind)}")
    if given.get("storage_transformers"):
        raise _refused(name, "storage transformers")
    dtype = np.dtype(TYPES_V3[kind])
    shape = _extents(given.get("shape"), "shape", name)
    grid = _part(given, "chunk_grid", name)
    if grid.get("name") != "regular":
        raise _refused(name, f"a chunk grid {_shown(grid.get('name'))}")
    shards = _extents(_part(grid, "configuration", name).get("chunk_shape"), "chunk_shape", name, len(shape))
    encoding = _part(given, "chunk_key_encoding", name)
    settings = encoding.get("configuration") or {}
    plain = encoding.get("name") == "v2"
    separator = settings.get("separator", "." if plain else "/") if isinstance(settings, dict) else None
    if encoding.get("name") not in ("default", "v2") or separator not in (".", "/"):
        raise _refused(name, f"chunks named by {_shown(encoding.get('name'))}")
    fill = _fill(given, dtype, name)
    start = "" if plain else f"c{separator}"
    codecs = _codec_list(given.get("codecs"), name)
    if any(entry["name"] == "sharding_indexed" for entry in codecs):
        if len(codecs) != 1:
            raise _refused(name, "shards that are packed as a whole")
        inner = _part(codecs[0], "configuration", name)
        chunks = _extents(inner.get("chunk_shape"), "chunk_shape", name, len(shape))
        if any(shard % chunk for shard, chunk in zip(shards, chunks, strict=True)):
            raise _damaged(name, "chunk_shape")
        if math.prod(shard // chunk for shard, chunk in zip(shards, chunks, strict=True)) > MAX_CHUNKS >> 4:
            raise _damaged(name, "chunk_shape")
        index = _packing(_codec_list(inner.get("index_codecs"), name), np.dtype("u8"), len(shape) + 1, name)
        if index.dtype != np.dtype("<u8") or index.codecs not in ((), ("crc32c",)):
            raise _refused(name, "packed tables of shards")
        place = inner.get("index_location", "end")
        if place not in ("start", "end"):
            raise _damaged(name, "index_location")
        packing = _packing(_codec_list(inner.get("codecs"), name), dtype, len(shape), name)
        return _checked(
            ArrayMetadata(shape, chunks, packing, fill, start, separator, shards, place == "start", index.codecs),
            name,
        )
    packing = _packing(codecs, dtype, len(shape), name)
    return _checked(ArrayMetadata(shape, shards, packing, fill, start, separator, shards), name)


def _packing(codecs: list[dict[str, Any]], dtype: np.dtype[Any], axes: int, name: str) -> Packing:
    order: tuple[int, ...] = tuple(range(axes))
    names = [entry["name"] for entry in codecs]
    if names[:1] == ["transpose"]:
        given = _part(codecs[0], "configuration", name).get("order")
        if not isinstance(given, list) or sorted(map(str, given)) != sorted(map(str, range(axes))):
            raise _damaged(name, "order")
        order = tuple(int(axis) for axis in given)
        codecs, names = codecs[1:], names[1:]
    if names[:1] != ["bytes"]:
        raise _refused(name, f"the packing {_shown(names[0] if names else None)}")
    settings = codecs[0].get("configuration") or {}
    endian = settings.get("endian", "little") if isinstance(settings, dict) else None
    if endian not in ("little", "big"):
        raise _damaged(name, "endian")
    stored = dtype.newbyteorder("<" if endian == "little" else ">")
    return Packing(stored, order, tuple(_codec(entry, name) for entry in names[1:]))


def _codec_list(given: Any, name: str) -> list[dict[str, Any]]:
    if not isinstance(given, list) or not 0 < len(given) <= 16:
        raise _damaged(name, "codecs")
    entries = [{"name": entry} if isinstance(entry, str) else entry for entry in given]
    if not all(isinstance(entry, dict) and isinstance(entry.get("name"), str) for entry in entries):
        raise _damaged(name, "codecs")
    return entries


def _codec(given: Any, name: str) -> str:
    known = given.removeprefix("numcodecs.") if isinstance(given, str) else ""
    if known not in CODECS:
        raise _refused(name, f"the packing {_shown(given)}")
    return known


def _named(entries: Any, key: str) -> Any:
    first = entries[0] if isinstance(entries, list) and entries else None
    return first.get(key) if isinstance(first, dict) else None


def _part(given: dict[str, Any], key: str, name: str) -> dict[str, Any]:
    value = given.get(key)
    if not isinstance(value, dict):
        raise _damaged(name, key)
    return value


def _extents(given: Any, what: str, name: str, axes: int | None = None) -> tuple[int, ...]:
    usable = isinstance(given, list) and 2 <= len(given) <= MAX_AXES and (axes is None or len(given) == axes)
    if not usable or not all(type(n) is int and 0 < n <= MAX_EXTENT for n in given):
        raise _damaged(name, what)
    return tuple(given)


def _fill(given: dict[str, Any], dtype: np.dtype[Any], name: str) -> float | int:
    value = given.get("fill_value")
    if value is None or isinstance(value, bool):
        return int(bool(value))
    if isinstance(value, str):
        if value in SPECIAL_FILLS and dtype.kind == "f":
            return SPECIAL_FILLS[value]
        if dtype.kind == "f" and re.fullmatch(rf"0x[0-9a-fA-F]{{{2 * dtype.itemsize}}}", value):
            return float(np.frombuffer(bytes.fromhex(value[2:]), dtype.newbyteorder(">"))[0])
        raise _damaged(name, "fill_value")
    if not isinstance(value, int | float):
        raise _damaged(name, "fill_value")
    if dtype.kind in "iu":
        limits = np.iinfo(dtype)
        if not math.isfinite(value) or value != int(value) or not limits.min <= value <= limits.max:
            raise _damaged(name, "fill_value")
        return int(value)
    return value


def _checked(found: ArrayMetadata, name: str) -> ArrayMetadata:
    counts = [-(-n // chunk) for n, chunk in zip(found.shape, found.chunks, strict=True)]
    if math.prod(found.shape) > MAX_VOXELS or math.prod(counts) > MAX_CHUNKS:
        sizes = " x ".join(map(str, found.shape))
        raise AisError(f"{name} claims {sizes} voxels in {math.prod(counts):,} chunks, which cannot be a tomogram.")
    if found.chunk_bytes > MAX_CHUNK_BYTES:
        raise AisError(f"{name} has chunks of {found.chunk_bytes:,} bytes, more than Ais unpacks at once.")
    return found


def _shown(value: Any) -> str:
    return repr(value)[:60]


def _refused(name: str, what: str) -> AisError:
    return AisError(f"{name} holds {what}, which Ais does not read: save it with Blosc, zstd or gzip, or as MRC.")


def _damaged(name: str, what: str) -> AisError:
    return AisError(f"{name} is damaged: the {what} of its array is missing or makes no sense.")
