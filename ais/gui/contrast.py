"""Limits of black and white found by themselves, and the histogram they are dragged in.

The rule: the darkest and the brightest 0.35 % of the voxels are clipped, and never is more than 4.5 spreads from the
median shown, so that gold beads or a few hot pixels do not turn the rest grey. Constant margins, which alignment and
reconstruction leave around and beside the specimen, are no part of it.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ais.tomogram import Tomogram

CLIPPED_PERCENT = 0.35
SPREADS_SHOWN = 4.5
ONE_SIGMA_PERCENT = 15.87
MIN_STEPS_PER_SPREAD = 2.0
BINS = 256
HISTOGRAM_MARGIN = 0.5
SAMPLED_SLICES = 16
SAMPLED_BYTES = 32 << 20
SAMPLED_VOXELS = 1 << 19
PICTURE_SAMPLES = 1 << 17
BANDS = 4
INNER_FROM, INNER_TO = 0.15, 0.85
RIM_FRACTION = 0.05
RUN = 4
CORNER = 4
MIN_KEPT_FRACTION = 0.2


@dataclass(frozen=True)
class Histogram:
    """How often values occur.

    Attributes
    ----------
    counts
        Sampled voxels in each bin, shape (n,), int64; those outside the edges are not counted.
    edges
        Borders of the bins in the tomogram's own units, shape (n + 1,), float64, rising.
    """

    counts: NDArray[np.int64]
    edges: NDArray[np.float64]


@dataclass(frozen=True)
class ContrastStatistics:
    """What a tomogram's values are like, without constant margins and values that are not finite.

    Attributes
    ----------
    histogram
        Over the limits and half their distance to either side, as far as there are values.
    low, high
        Automatic limits of contrast; low < high.
    mean, spread
        Mean, and half the distance between the percentiles 15.87 and 84.13 (sigma, if values are normally
        distributed).
    minimum, maximum
        Of the sampled voxels.
    """

    histogram: Histogram
    low: float
    high: float
    mean: float
    spread: float
    minimum: float
    maximum: float


def measure(source: Tomogram | Sequence[NDArray[Any]]) -> ContrastStatistics:
    """Histogram and automatic limits of a tomogram, from at most 16 slices and half a million voxels.

    Parameters
    ----------
    source
        A tomogram, or pictures (rows, columns) of any type.

    Returns
    -------
    ContrastStatistics
        Of zeros, if there is no finite value.

    Raises
    ------
    AisError
        If the tomogram cannot be read.
    """
    if isinstance(source, Tomogram):
        pictures = _sampled(source, INNER_FROM, INNER_TO)
        if all(_is_constant(picture) for picture in pictures):
            pictures = _sampled(source, 0.0, 1.0)
    else:
        pictures = [_thinned(picture, max(1, SAMPLED_VOXELS // max(1, len(source)))) for picture in source]
    return _statistics(_specimen(pictures))


def automatic_limits(picture: NDArray[Any]) -> tuple[float, float]:
    """Limits of contrast (low, high) for one picture (rows, columns) by the same rule; low < high."""
    values = _specimen([_thinned(picture, PICTURE_SAMPLES)])
    return _limits(values, _are_whole(values))


def _sampled(tomogram: Tomogram, start: float, stop: float) -> list[NDArray[Any]]:
    """Evenly spaced slices between two fractions of the height, thinned; of large ones four bands of rows each."""
    nz, ny, nx = tomogram.shape
    slice_bytes = ny * nx * tomogram.dtype.itemsize
    count = min(nz, max(4, min(SAMPLED_SLICES, SAMPLED_BYTES // max(1, slice_bytes))))
    chosen = np.unique(np.linspace(start * (nz - 1), stop * (nz - 1), count).round().astype(int))
    rows_read = min(ny, max(BANDS, SAMPLED_BYTES // (len(chosen) * nx * tomogram.dtype.itemsize)))
    if rows_read * 2 > ny:
        bands = [slice(0, ny)]
    else:
        height = max(1, rows_read // BANDS)
        bands = [slice(int(y), int(y) + height) for y in np.linspace(0, ny - height, BANDS)]
    share = max(1, SAMPLED_VOXELS // (len(chosen) * len(bands)))
    return [_thinned(tomogram.raw(int(z), int(z) + 1, band)[0], share) for z in chosen for band in bands]


def _thinned(picture: NDArray[Any], limit: int) -> NDArray[Any]:
    """About `limit` pixels of a picture: every nth row and column."""
    step = max(1, math.ceil(math.sqrt(picture.size / limit)))
    return np.ascontiguousarray(picture[::step, ::step])


def _specimen(pictures: Sequence[NDArray[Any]]) -> NDArray[np.float32]:
    """The finite values inside the pictures, shape (n,), without what is constant; all, if hardly any is left."""
    inner = [_inner(_without_margins(picture), picture) for picture in pictures if not _is_constant(picture)]
    kept = np.concatenate(inner) if inner else np.empty(0, np.float32)
    seen = sum(picture.size for picture in pictures if not _is_constant(picture))
    if kept.size < MIN_KEPT_FRACTION * seen or not kept.size or kept.min() == kept.max():
        everything = [picture.ravel().astype(np.float32) for picture in pictures]
        kept = np.concatenate(everything) if everything else np.empty(0, np.float32)
        kept = kept[np.isfinite(kept)]
    return kept


def _is_constant(picture: NDArray[Any]) -> bool:
    return picture.size == 0 or bool((picture == picture.flat[0]).all())


def _without_margins(picture: NDArray[Any]) -> NDArray[np.bool_]:
    """Which pixels do not belong to a constant margin: one that fills a corner or a whole outer row or column."""
    valid = np.isfinite(picture) if picture.dtype.kind == "f" else np.ones(picture.shape, np.bool_)
    corners = [picture[rows, columns] for rows in _ENDS for columns in _ENDS]
    rims = [picture[0], picture[-1], picture[:, 0], picture[:, -1]]
    fillings = {part.flat[0] for part in (*corners, *rims) if _is_constant(part)}
    for filling in fillings:
        same = picture == filling
        # By chance a value occurs elsewhere too, but hardly several times in a row.
        valid &= ~(_runs(same) | _runs(same.T).T)
    return valid


_ENDS = (slice(None, CORNER), slice(-CORNER, None))


def _runs(same: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Pixels that are part of a run of at least four along a row."""
    if same.shape[1] < RUN:
        return same
    starts = np.logical_and.reduce([same[:, k : same.shape[1] - RUN + 1 + k] for k in range(RUN)])
    runs = np.zeros_like(same)
    for k in range(RUN):
        runs[:, k : same.shape[1] - RUN + 1 + k] |= starts
    return runs


def _inner(valid: NDArray[np.bool_], picture: NDArray[Any]) -> NDArray[np.float32]:
    """Valid values without a rim of 5 %, shape (n,): reconstructions end in streaks there."""
    rows, columns = (int(RIM_FRACTION * count) for count in picture.shape)
    inside = (slice(rows, picture.shape[0] - rows), slice(columns, picture.shape[1] - columns))
    return picture[inside][valid[inside]].astype(np.float32)


def _limits(values: NDArray[np.float32], integers: bool) -> tuple[float, float]:
    """Limits by the rule at the top of this module; `values` are put into another order."""
    if not values.size:
        return 0.0, 1.0
    wanted = (CLIPPED_PERCENT, ONE_SIGMA_PERCENT, 50.0, 100.0 - ONE_SIGMA_PERCENT, 100.0 - CLIPPED_PERCENT)
    places = [round(percent / 100.0 * (values.size - 1)) for percent in wanted]
    values.partition(places)
    low, below, median, above, high = (float(values[place]) for place in places)
    # Spreads of hardly more than one step are those of a mask or a prediction, where most is zero.
    finest = MIN_STEPS_PER_SPREAD if integers else 0.0
    if median - below > finest:
        low = max(low, median - SPREADS_SHOWN * (median - below))
    if above - median > finest:
        high = min(high, median + SPREADS_SHOWN * (above - median))
    if not low < high:
        low, high = float(values.min()), float(values.max())
    return _apart(low, high)


def _apart(low: float, high: float) -> tuple[float, float]:
    """The same limits, or others about them if there is nothing between them that float32 could tell apart."""
    least = max(abs(low), abs(high)) * 1e-6
    if high - low > least:
        return low, high
    half = max(0.5, least)
    return (low + high) / 2 - half, (low + high) / 2 + half


def _are_whole(values: NDArray[np.float32]) -> bool:
    """Whether all values are whole numbers, as they often are in files of floats that were converted from others."""
    return bool((values == np.rint(values)).all())


def _statistics(values: NDArray[np.float32]) -> ContrastStatistics:
    integers = _are_whole(values)
    low, high = _limits(values, integers)
    if not values.size:
        return ContrastStatistics(_histogram(values, low, high, integers), low, high, 0.0, 0.0, 0.0, 0.0)
    minimum, maximum = float(values.min()), float(values.max())
    below, above = np.percentile(values, [ONE_SIGMA_PERCENT, 100.0 - ONE_SIGMA_PERCENT])
    margin = HISTOGRAM_MARGIN * (high - low)
    first, last = max(minimum, low - margin), min(maximum, high + margin)
    histogram = _histogram(values, min(first, low), max(last, high), integers)
    mean = float(values.mean(dtype=np.float64))
    return ContrastStatistics(histogram, low, high, mean, float(above - below) / 2, minimum, maximum)


def _histogram(values: NDArray[np.float32], first: float, last: float, integers: bool) -> Histogram:
    """Bins of equal width; of integers each holds equally many whole numbers, so that it does not look like a comb."""
    if integers:
        width = float(max(1, math.ceil((last - first + 1) / BINS)))
        start, count = math.floor(first) - 0.5, math.ceil((math.ceil(last) - math.floor(first) + 1) / width)
    else:
        width, start, count = (last - first) / BINS, first, BINS
    edges = start + width * np.arange(count + 1, dtype=np.float64)
    with np.errstate(over="ignore"):  # of values near the end of what a float can hold; they are outside then
        scaled = (values - np.float32(start)) * np.float32(1.0 / width)
    inside = (scaled >= 0) & (scaled <= count)
    places = np.minimum(scaled[inside].astype(np.int32), count - 1)
    return Histogram(np.bincount(places, minlength=count).astype(np.int64), edges)
