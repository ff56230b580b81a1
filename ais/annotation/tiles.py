"""Masks of a slice cut into tiles of 256 x 256 pixels, one bit per pixel, as a project stores them."""

from __future__ import annotations

import zlib
from collections.abc import Iterator, Mapping
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from ais.errors import AisError

TILE_PX = 256
TILE_ROW_BYTES = TILE_PX // 8
TILE_BYTES = TILE_PX * TILE_ROW_BYTES
COMPRESSION_LEVEL = 1  # masks are long runs: a higher level gains little and costs a stroke its speed

Bits = NDArray[np.uint8]
"""A tile of shape (256, 32): 8 pixels per byte along x, the first pixel in the highest bit."""

TileIndex = tuple[int, int]
"""(row, column) of a tile in the slice."""

Tiles = Mapping[TileIndex, Bits]
"""The tiles of a slice that have painted pixels."""


def compress_tile(bits: Bits) -> bytes:
    """A tile as the bytes that a project stores."""
    return zlib.compress(bits.tobytes(), COMPRESSION_LEVEL)


def decompress_tile(data: bytes) -> Bits:
    """A tile from the bytes that a project stores, writeable.

    Raises
    ------
    AisError
        If the bytes are not a compressed tile.
    """
    try:
        raw = zlib.decompressobj().decompress(data, TILE_BYTES + 1)
    except (zlib.error, TypeError) as error:
        raise AisError("A mask tile of the project is damaged: restore the project from a copy.") from error
    if len(raw) != TILE_BYTES:
        raise AisError("A mask tile of the project has a wrong size: restore the project from a copy.")
    return np.frombuffer(bytearray(raw), np.uint8).reshape(TILE_PX, TILE_ROW_BYTES)


def cut_into_tiles(mask: NDArray[Any], y0: int = 0, x0: int = 0) -> dict[TileIndex, Bits]:
    """Cut a mask, or a part of one, into tiles.

    Parameters
    ----------
    mask
        (ny, nx); everything that is not 0 is painted.
    y0, x0
        Where its first pixel lies in the slice.

    Returns
    -------
    dict
        The tiles that have painted pixels.
    """
    painted = np.asarray(mask) != 0
    tiles = {}
    for row, column, here, there in _overlaps(painted.shape, y0, x0):
        part = painted[here]
        if part.any():
            tile = np.zeros((TILE_PX, TILE_PX), bool)
            tile[there] = part
            tiles[row, column] = np.packbits(tile, axis=1)
    return tiles


def paste_tiles(tiles: Tiles, shape: tuple[int, int], y0: int = 0, x0: int = 0) -> NDArray[np.uint8]:
    """Put tiles together to a mask.

    Parameters
    ----------
    tiles
        Those with painted pixels.
    shape
        (ny, nx) of the mask.
    y0, x0
        Where the mask's first pixel lies in the slice.

    Returns
    -------
    ndarray of uint8
        (ny, nx), 0 or 1.
    """
    mask = np.zeros(shape, np.uint8)
    for row, column, here, there in _overlaps(shape, y0, x0):
        bits = tiles.get((row, column))
        if bits is not None:
            mask[here] = np.unpackbits(bits, axis=1)[there]
    return mask


def tile_line(bits: Bits, plane: Literal["xz", "yz"], offset: int) -> NDArray[np.uint8]:
    """The pixels of a tile in a plane across slices: row `offset` along x ("xz") or column `offset` along y ("yz").

    Returns
    -------
    ndarray of uint8
        (256,), 0 or 1.
    """
    if plane == "xz":
        return np.unpackbits(bits[offset])
    column: NDArray[np.uint8] = bits[:, offset // 8] >> np.uint8(7 - offset % 8) & np.uint8(1)
    return column


def painted_bounds(tiles: Tiles) -> tuple[int, int, int, int] | None:
    """(y0, y1, x0, x1), half open, around the painted pixels of the tiles; None if there are none."""
    corners = []
    for (row, column), bits in tiles.items():
        rows = np.flatnonzero(bits.any(axis=1))
        if rows.size:
            columns = np.flatnonzero(np.unpackbits(np.bitwise_or.reduce(bits, axis=0)))
            y, x = row * TILE_PX, column * TILE_PX
            corners.append((y + rows[0], y + rows[-1] + 1, x + columns[0], x + columns[-1] + 1))
    if not corners:
        return None
    y0, y1, x0, x1 = np.array(corners).T
    return int(y0.min()), int(y1.max()), int(x0.min()), int(x1.max())


def _overlaps(
    shape: tuple[int, ...], y0: int, x0: int
) -> Iterator[tuple[int, int, tuple[slice, slice], tuple[slice, slice]]]:
    for row, in_mask_y, in_tile_y in _overlaps_along(shape[0], y0):
        for column, in_mask_x, in_tile_x in _overlaps_along(shape[1], x0):
            yield row, column, (in_mask_y, in_mask_x), (in_tile_y, in_tile_x)


def _overlaps_along(count: int, start: int) -> Iterator[tuple[int, slice, slice]]:
    for index in range(start // TILE_PX, -(-(start + count) // TILE_PX)):
        first = max(start, index * TILE_PX)
        last = min(start + count, (index + 1) * TILE_PX)
        yield index, slice(first - start, last - start), slice(first - index * TILE_PX, last - index * TILE_PX)
