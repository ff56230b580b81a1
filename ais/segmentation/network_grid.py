"""How a slice is laid before a network: at the model's voxel size, with a reflected margin, whole or in tiles."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

Span = tuple[int, int]


@dataclass(frozen=True)
class Axis:
    """One axis of a slice, as stored and as seen by the network.

    Positions along it are pixels at the model's voxel size; they may lie outside the slice, where it is reflected.

    Attributes
    ----------
    stored, seen
        Pixels of the slice in the file, and at the model's voxel size. Equal where nothing is rescaled.
    start, stop
        The part wanted, in stored pixels.
    stride
        Spans given to the network begin and end at multiples of it.
    """

    stored: int
    seen: int
    start: int
    stop: int
    stride: int

    @cached_property
    def core(self) -> Span:
        """Pixels to compute for the part wanted, grown to multiples of the stride."""
        first, last = self.start, self.stop
        if self._to_stored is not None:
            columns = self._to_stored[self.start : self.stop].indices
            first, last = int(columns.min()), int(columns.max()) + 1
        return first - first % self.stride, last + -last % self.stride

    def tiles(self, longest: int) -> list[Span]:
        """The core as spans of equal length, at most `longest` but at least one stride; the last may overlap."""
        begin, end = self.core
        most = max(longest // self.stride, 1) * self.stride
        count = -(-(end - begin) // most)
        length = -(-(end - begin) // (count * self.stride)) * self.stride
        return [(first, first + length) for first in (min(begin + i * length, end - length) for i in range(count))]

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
