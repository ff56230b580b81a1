"""How chunks of a Zarr array are packed; unpacking never yields more bytes than a chunk has.

References
----------
Zarr v2 and v3 specifications; Blosc 1 format; the names are those of numcodecs.
"""

from __future__ import annotations

import bz2
import lzma
import struct
import zlib
from collections.abc import Callable
from functools import partial

import numpy as np

MEMORY_BYTES = 1 << 28


def decode(codec: str, data: bytes, limit: int) -> bytes:
    """Unpack `data`.

    Parameters
    ----------
    codec
        One of `CODECS`.
    data
        As stored.
    limit
        More bytes than this are never made.

    Raises
    ------
    ValueError
        If the data is damaged, or unpacks to more than `limit` bytes. The libraries below raise further kinds of
        RuntimeError and MemoryError.
    """
    return CODECS[codec](data, limit)


def _blosc(data: bytes, limit: int) -> bytes:
    from imagecodecs import blosc_decode

    if len(data) < 16:
        raise ValueError("no Blosc header")
    unpacked, _, stored = struct.unpack("<III", data[4:16])
    if unpacked > limit or stored != len(data):
        raise ValueError("a Blosc header that does not fit")
    return bytes(blosc_decode(data, out=unpacked)) if unpacked else b""


def _zstd(data: bytes, limit: int) -> bytes:
    from imagecodecs import zstd_decode

    return bytes(zstd_decode(data, out=limit))


def _lz4(data: bytes, limit: int) -> bytes:
    from imagecodecs import lz4_decode

    (unpacked,) = struct.unpack("<I", data[:4])
    if unpacked > limit:
        raise ValueError("more than a chunk")
    return bytes(lz4_decode(data[4:], out=unpacked))


def _deflate(data: bytes, limit: int) -> bytes:
    parts: list[bytes] = []
    left = limit
    while data:
        unpacker = zlib.decompressobj(wbits=zlib.MAX_WBITS | 32)
        parts.append(unpacker.decompress(data, left + 1))
        left -= len(parts[-1])
        if left < 0 or not unpacker.eof:
            raise ValueError("more than a chunk, or less than promised")
        data = unpacker.unused_data
    return b"".join(parts)


def _bz2(data: bytes, limit: int) -> bytes:
    unpacker = bz2.BZ2Decompressor()
    return _whole(unpacker.decompress(data, limit + 1), limit, unpacker.eof)


def _lzma(data: bytes, limit: int) -> bytes:
    unpacker = lzma.LZMADecompressor(memlimit=MEMORY_BYTES)
    try:
        return _whole(unpacker.decompress(data, limit + 1), limit, unpacker.eof)
    except lzma.LZMAError as error:
        raise ValueError(str(error)) from error


def _whole(unpacked: bytes, limit: int, ended: bool) -> bytes:
    if len(unpacked) > limit or not ended:
        raise ValueError("more than a chunk, or less than promised")
    return unpacked


def _checksum(data: bytes, limit: int) -> bytes:  # noqa: ARG001 - all codecs are called alike
    """Four bytes of CRC-32C stand at the end; what is wrong in the others shows when they are unpacked."""
    if len(data) < 4:
        raise ValueError("no checksum")
    return data[:-4]


def _unshuffle(data: bytes, limit: int, width: int) -> bytes:
    """All first bytes of the numbers stand together, then all second ones; what does not fill a number follows."""
    if len(data) > limit:
        raise ValueError("more than a chunk")
    whole = len(data) // width * width
    return np.frombuffer(data[:whole], np.uint8).reshape(width, -1).T.tobytes() + data[whole:]


CODECS: dict[str, Callable[[bytes, int], bytes]] = {
    "blosc": _blosc,
    "zstd": _zstd,
    "lz4": _lz4,
    "gzip": _deflate,
    "zlib": _deflate,
    "bz2": _bz2,
    "lzma": _lzma,
    "crc32c": _checksum,
    **{f"shuffle{width}": partial(_unshuffle, width=width) for width in (2, 4, 8)},
}
