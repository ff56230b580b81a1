"""How a slice is laid before a network: at the model's voxel size, with a reflected margin, whole or in tiles."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

Span = tuple[int, int]
LENGTHS_PER_DOUBLING = 4


@dataclass(frozen=True)
class Window:
    """A part of an axis that the network sees at once.

    Attributes
    ----------
    seen
        What the network is given.
    kept
        The part of it for which its output counts.
    """

    seen: Span
    kept: Span

    @property
    def length(self) -> int:
        """Pixels given to the network."""
        return self.seen[1] - self.seen[0]

    @property
    def inside(self) -> slice:
        """Where in the output lies what counts."""
        return slice(self.kept[0] - self.seen[0], self.kept[1] - self.seen[0])


@dataclass(frozen=True)
class Axis:
    """One axis of a slice, as stored and as seen by the network.

    Positions along it are pixels at the model's voxel size. Beyond its ends the slice is reflected, over `margin`
    pixels; there it ends for the network, which sees nothing farther out.

    Attributes
    ----------
    stored, seen
        Pixels of the slice in the file, and at the model's voxel size. Equal where nothing is rescaled.
    start, stop
        The part wanted, in stored pixels.
    stride
        Spans given to the network begin and end at multiples of it.
    halo
        How far the network sees around a pixel; a multiple of the stride.
    margin
        Reflected pixels around the slice; a multiple of the stride, and at most the halo.
    """

    stored: int
    seen: int
    start: int
    stop: int
    stride: int
    halo: int
    margin: int

    @cached_property
    def core(self) -> Span:
        """Pixels to compute for the part wanted, grown to multiples of the stride."""
        first, last = self.start, self.stop
        if self._to_stored is not None:
            columns = self._to_stored[self.start : self.stop].indices
            first, last = int(columns.min()), int(columns.max()) + 1
        return first - first % self.stride, last + -last % self.stride

    @property
    def extent(self) -> Span:
        """The slice, grown to a multiple of the stride, with its margins: all that there is for the network."""
        return -self.margin, _round_up(self.seen, self.stride) + self.margin

    def windows(self, longest: int | None = None, *, few_lengths: bool = False) -> list[Window]:
        """Windows of equal length for which the outputs that count make up the core, whatever the length.

        Parameters
        ----------
        longest
            Pixels that a window may have, if there is a limit; it always has room for the network's halo.
        few_lengths
            Whether to choose among few lengths, which are the same for other parts of the slice and other slices.
        """
        begin, end = self.core
        low, high = self.extent
        first, last = max(begin - self.halo, low), min(end + self.halo, high)
        needed = last - first
        most = high - low if longest is None else max(longest - longest % self.stride, 2 * self.halo + self.stride)
        if needed <= most:
            length = min(_usual_length(needed, self.stride), high - low, most) if few_lengths else needed
            first = min(first, high - length)
            return [Window((first, first + length), self.core)]
        advance = most - 2 * self.halo
        if not few_lengths:
            count = -(-(needed - 2 * self.halo) // advance)
            advance = _round_up(-(-(needed - 2 * self.halo) // count), self.stride)
        count = -(-(needed - 2 * self.halo) // advance)
        length = advance + 2 * self.halo
        starts = [min(first + i * advance, last - length) for i in range(count)]
        borders = [begin, *(start + self.halo for start in starts[1:]), end]
        return [Window((start, start + length), (borders[i], borders[i + 1])) for i, start in enumerate(starts)]

    def read_span(self, span: Span) -> Span:
        """Stored pixels that `seen_values` needs for a span."""
        index = reflected(np.arange(*span), self.seen)
        if self._to_seen is not None:
            index = self._to_seen[index].indices
        return int(index.min()), int(index.max()) + 1

    def seen_values(self, values: NDArray[np.float32], axis: int, span: Span) -> NDArray[np.float32]:
        """Values along `axis` as the network sees them over a span, from the stored pixels of its `read_span`."""
        index = reflected(np.arange(*span), self.seen)
        first, last = self.read_span(span)
        if self._to_seen is None:
            return np.take(values, index - first, axis=axis)
        return _applied(self._to_seen[index][:, first:last], values, axis)

    def stored_values(self, values: NDArray[np.float32], axis: int) -> NDArray[np.float32]:
        """Values of the core along `axis`, brought back to the stored pixels of the part wanted."""
        begin, end = self.core
        if self._to_stored is None:
            return np.take(values, np.arange(self.start - begin, self.stop - begin), axis=axis)
        # The core may reach beyond the slice, where there is nothing to bring back.
        low, high = max(begin, 0), min(end, self.seen)
        inside = np.take(values, np.arange(low - begin, high - begin), axis=axis)
        return _applied(self._to_stored[self.start : self.stop][:, low:high], inside, axis)

    @cached_property
    def _to_seen(self) -> Any:
        return None if self.seen == self.stored else linear_resampling(self.stored, self.seen)

    @cached_property
    def _to_stored(self) -> Any:
        return None if self.seen == self.stored else linear_resampling(self.seen, self.stored)


def _round_up(value: int, multiple: int) -> int:
    return -(-value // multiple) * multiple


def _usual_length(length: int, stride: int) -> int:
    # A few lengths between each power of two and the next.
    step = (1 << (length.bit_length() - 1)) // LENGTHS_PER_DOUBLING
    return _round_up(length, max(_round_up(step, stride), stride))


def reflected(index: NDArray[np.intp], size: int) -> NDArray[np.intp]:
    """Positions outside 0 ... size - 1 reflected into it, as often as needed, without repeating the edge."""
    period = max(2 * (size - 1), 1)
    index = index % period
    return np.minimum(index, period - index) if size > 1 else np.zeros_like(index)


def linear_resampling(before: int, after: int) -> Any:
    """Sparse matrix (after, before) that resamples an axis linearly, anti-aliased where it becomes coarser.

    The outer edges of the first and last pixels stay in place: output i lies at (i + 0.5) * before / after - 0.5.
    """
    from scipy import sparse

    step = before / after
    reach = max(step, 1.0)
    centre = (np.arange(after) + 0.5) * step - 0.5
    taps = np.floor(centre - reach).astype(np.intp)[:, None] + np.arange(math.ceil(2 * reach) + 2)
    weights = np.maximum(1 - np.abs(taps - centre[:, None]) / reach, 0)
    weights[(taps < 0) | (taps >= before)] = 0
    weights /= weights.sum(axis=1, keepdims=True)
    row, tap = np.nonzero(weights)
    entries = (weights[row, tap].astype(np.float32), (row, taps[row, tap]))
    return sparse.csr_matrix(entries, shape=(after, before))


def _applied(matrix: Any, values: NDArray[np.float32], axis: int) -> NDArray[np.float32]:
    moved = np.moveaxis(values, axis, 0)
    result = matrix @ np.ascontiguousarray(moved).reshape(len(moved), -1)
    return np.moveaxis(result.reshape(-1, *moved.shape[1:]), 0, axis)
