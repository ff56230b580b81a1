"""What a brush or a lasso covers in a slice, as runs of pixels along x: exact, and fast enough for every frame.

A brush stroke of a thousand points over a large slice covers a small part of it. Working with one run of pixels per
row and piece of the stroke, instead of with a picture of the distance to it, costs time for what is painted only.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ais.annotation.tiles import TILE_PX, TILE_ROW_BYTES, Bits, TileIndex
from ais.errors import AisError

TOLERANCE_PX = 1e-6  # a pixel centre exactly on the outline is covered, whatever the rounding
COLUMN_BITS = 21
COLUMN_MASK = (1 << COLUMN_BITS) - 1
MAX_SIDE_PX = 1 << 20
_ALL_BITS = np.uint8(255)

Points = NDArray[np.float64]
Ints = NDArray[np.int64]


@dataclass(frozen=True)
class Spans:
    """Runs of covered pixels of a slice, sorted, without overlaps.

    Attributes
    ----------
    rows
        Row y of each run.
    first, last
        First and last column x of each run, both covered.
    """

    rows: Ints
    first: Ints
    last: Ints

    def __len__(self) -> int:
        return self.rows.size


def stroke_spans(points: ArrayLike, radius: float, shape: tuple[int, int]) -> Spans:
    """Pixels whose centre is within `radius` of a path.

    Parameters
    ----------
    points
        (n, 2): y, x of the path's corners in pixels, n >= 1; pixel centres have whole numbers. The path runs straight
        from one to the next, so a fast stroke has no gaps.
    radius
        Of the brush, in pixels.
    shape
        (ny, nx) of the slice; what lies outside is left out.

    Returns
    -------
    Spans

    Raises
    ------
    AisError
        If the points are not finite numbers in pairs, or the radius is negative or not finite.
    """
    path = check_points(points, at_least=1)
    if not (np.isfinite(radius) and 0 <= radius <= MAX_SIDE_PX):
        raise AisError(f"A brush radius must be a positive number of pixels, not {radius:g}.")
    return _merge(_outline(path, radius, shape), shape)


def polygon_spans(points: ArrayLike, shape: tuple[int, int]) -> Spans:
    """Pixels whose centre is inside a closed polygon or on its outline.

    A polygon that crosses itself, as a lasso drawn by hand does, is filled wherever it winds around at least once.

    Parameters
    ----------
    points
        (n, 2): y, x of the corners in pixels, n >= 3; the last is joined to the first.
    shape
        (ny, nx) of the slice; what lies outside is left out.

    Returns
    -------
    Spans

    Raises
    ------
    AisError
        If there are fewer than three points, or they are not finite numbers in pairs.
    """
    path = check_points(points, at_least=3)
    closed = np.concatenate([path, path[:1]])
    return _merge([_inside(closed, shape), *_outline(closed, 0.0, shape)], shape)


def check_points(points: ArrayLike, at_least: int) -> Points:
    """Points (y, x) as an array of shape (n, 2), or an AisError if they are no such thing."""
    try:
        path = np.array(points, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise AisError("The points of a stroke or outline must be pairs of numbers: y, x.") from error
    if path.ndim != 2 or path.shape[1] != 2 or len(path) < at_least:
        raise AisError(f"A stroke or outline needs at least {at_least} points, each with y and x.")
    if not np.isfinite(path).all():
        raise AisError("The points of a stroke or outline must be finite numbers.")
    return np.clip(path, -MAX_SIDE_PX, MAX_SIDE_PX)


def spans_to_tiles(spans: Spans) -> dict[TileIndex, Bits]:
    """The covered pixels as the tiles of a slice, ready to be joined with a mask's."""
    if not len(spans):
        return {}
    top, left = int(spans.rows[0]) // TILE_PX, int(spans.first.min()) // TILE_PX
    bottom, right = int(spans.rows[-1]) // TILE_PX + 1, int(spans.last.max()) // TILE_PX + 1
    canvas = np.zeros(((bottom - top) * TILE_PX, (right - left) * TILE_ROW_BYTES), np.uint8)
    _set_bits(canvas, spans.rows - top * TILE_PX, spans.first - left * TILE_PX, spans.last - left * TILE_PX)
    tiles = {}
    for row, column in _touched_tiles(spans):
        y, x = (row - top) * TILE_PX, (column - left) * TILE_ROW_BYTES
        tiles[row, column] = canvas[y : y + TILE_PX, x : x + TILE_ROW_BYTES].copy()
    return tiles


def spans_to_mask(spans: Spans) -> tuple[int, int, NDArray[np.uint8]]:
    """The covered pixels as a small picture, for a preview under the cursor.

    Returns
    -------
    y0, x0
        Where the picture's first pixel lies in the slice.
    mask : ndarray of uint8
        0 or 1, just large enough; of shape (0, 0) when nothing is covered.
    """
    if not len(spans):
        return 0, 0, np.zeros((0, 0), np.uint8)
    y0, x0 = int(spans.rows[0]), int(spans.first.min())
    edges = np.zeros((int(spans.rows[-1]) - y0 + 1, int(spans.last.max()) - x0 + 2), np.int8)
    edges[spans.rows - y0, spans.first - x0] = 1
    edges[spans.rows - y0, spans.last - x0 + 1] -= 1  # runs do not touch, so an end is never another run's start
    return y0, x0, edges.cumsum(axis=1, dtype=np.int8)[:, :-1].view(np.uint8)


def _outline(path: Points, radius: float, shape: tuple[int, int]) -> list[tuple[Ints, Ints, Ints]]:
    reach = radius + TOLERANCE_PX
    return [_discs(path, reach, shape), _bands(path[:-1], path[1:], reach, shape)]


def _discs(centres: Points, radius: float, shape: tuple[int, int]) -> tuple[Ints, Ints, Ints]:
    y, x = centres[:, 0], centres[:, 1]
    owner, row = _rows_between(np.ceil(y - radius), np.floor(y + radius), shape[0])
    half = np.sqrt(np.maximum(radius**2 - (row - y[owner]) ** 2, 0.0))
    middle = x[owner]
    return row, _ceil(middle - half), _floor(middle + half)


def _bands(start: Points, end: Points, radius: float, shape: tuple[int, int]) -> tuple[Ints, Ints, Ints]:
    """The rectangles of width 2 * radius along straight pieces of a path, without their rounded ends."""
    length = np.hypot(*(end - start).T)
    moved = length > TOLERANCE_PX
    start, end, length = start[moved], end[moved], length[moved]
    dy, dx = (end - start).T
    reach = radius * np.abs(dx) / length
    low, high = np.minimum(start[:, 0], end[:, 0]) - reach, np.maximum(start[:, 0], end[:, 0]) + reach
    owner, row = _rows_between(np.ceil(low), np.floor(high), shape[0])
    down = row - start[owner, 0]
    # A pixel is covered if it is within `radius` of the line, and between the perpendiculars at the piece's ends.
    per_dy, across = _strip(dy, radius * length)
    per_dx, along = _strip(dx, length**2 / 2)
    centre_across = (dx * per_dy)[owner] * down
    centre_along = (length**2 / 2 * per_dx)[owner] - (dy * per_dx)[owner] * down
    half_across, half_along = across[owner], along[owner]
    first = np.maximum(centre_across - half_across, centre_along - half_along)
    last = np.minimum(centre_across + half_across, centre_along + half_along)
    x = start[owner, 1]
    return row, _ceil(x + first), _floor(x + last)


def _strip(rate: Points, half: Points) -> tuple[Points, Points]:
    """Where the size of rate * x is at most half: 1 / rate and the half width in x, infinite for a strip along x."""
    flat = np.abs(rate) < TOLERANCE_PX
    per_rate = 1 / np.where(flat, np.inf, rate)
    return per_rate, np.where(flat, np.inf, half * np.abs(per_rate))


def _inside(closed: Points, shape: tuple[int, int]) -> tuple[Ints, Ints, Ints]:
    y, x = closed[:, 0], closed[:, 1]
    rising = np.sign(y[1:] - y[:-1]).astype(np.int64)
    crossing = rising != 0
    low, high = np.minimum(y[:-1], y[1:])[crossing], np.maximum(y[:-1], y[1:])[crossing]
    # Half-open in y, so that a corner between two pieces counts once.
    owner, row = _rows_between(np.ceil(low), np.ceil(high) - 1, shape[0])
    y_start, x_start, x_end = y[:-1][crossing], x[:-1][crossing], x[1:][crossing]
    height = (y[1:] - y[:-1])[crossing]
    at = x_start[owner] + (row - y_start[owner]) / height[owner] * (x_end - x_start)[owner]
    order = np.lexsort((at, row))
    row, at = row[order], at[order]
    winding = np.cumsum(rising[crossing][owner][order])
    covered = winding[:-1] != 0  # the winding number is 0 again at the end of each row
    return row[:-1][covered], _ceil(at[:-1][covered]), _floor(at[1:][covered])


def _rows_between(low: NDArray[Any], high: NDArray[Any], count: int) -> tuple[Ints, Ints]:
    """For every piece, every row it crosses: which piece, and which row."""
    first = np.maximum(low, 0).astype(np.int64)
    rows = np.maximum(np.minimum(high, count - 1).astype(np.int64) - first + 1, 0)
    owner = np.repeat(np.arange(first.size), rows)
    return owner, _counted(first, rows)


def _counted(first: Ints, counts: Ints) -> Ints:
    """first, first + 1, ... (counts of them) for every pair, one after the other."""
    offsets = first - (np.cumsum(counts) - counts)
    return np.repeat(offsets, counts) + np.arange(int(counts.sum()))


def _ceil(x: Points) -> Ints:
    return np.ceil(x).astype(np.int64)


def _floor(x: Points) -> Ints:
    return np.floor(x).astype(np.int64)


def _merge(pieces: list[tuple[Ints, Ints, Ints]], shape: tuple[int, int]) -> Spans:
    rows, first, last = (np.concatenate(column) for column in zip(*pieces, strict=True))
    first, last = np.maximum(first, 0), np.minimum(last, shape[1] - 1)
    some = first <= last
    # One number per run makes the sort several times faster than one by three keys.
    keys = np.sort((((rows << COLUMN_BITS) | first) << COLUMN_BITS | last)[some])
    start, end = keys >> COLUMN_BITS, (keys >> 2 * COLUMN_BITS << COLUMN_BITS) | (keys & COLUMN_MASK)
    reached = np.maximum.accumulate(end)
    fresh = np.ones(start.size, bool)
    fresh[1:] = start[1:] > reached[:-1] + 1
    closing = np.ones(start.size, bool)
    closing[:-1] = fresh[1:]
    return Spans(start[fresh] >> COLUMN_BITS, start[fresh] & COLUMN_MASK, reached[closing] & COLUMN_MASK)


def _set_bits(canvas: NDArray[np.uint8], rows: Ints, first: Ints, last: Ints) -> None:
    flat = canvas.reshape(-1)
    begin, end = rows * canvas.shape[1] + first // 8, rows * canvas.shape[1] + last // 8
    head = _ALL_BITS >> (first % 8).astype(np.uint8)
    tail = _ALL_BITS << (7 - last % 8).astype(np.uint8)
    one = begin == end
    np.bitwise_or.at(flat, begin, np.where(one, head & tail, head))
    np.bitwise_or.at(flat, end, np.where(one, np.uint8(0), tail))
    flat[_counted(begin + 1, np.maximum(end - begin - 1, 0))] = _ALL_BITS


def _touched_tiles(spans: Spans) -> list[TileIndex]:
    left, right = spans.first // TILE_PX, spans.last // TILE_PX
    counts = right - left + 1
    rows = np.repeat(spans.rows // TILE_PX, counts)
    keys = np.unique(rows * MAX_SIDE_PX + _counted(left, counts))
    return [(int(key) // MAX_SIDE_PX, int(key) % MAX_SIDE_PX) for key in keys]
