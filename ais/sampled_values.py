"""Mean and median of many numbers that come in parts and are not held all at once."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]
Parts = Callable[[], Iterable[Floats]]
"""Gives the same numbers, in the same order, whenever it is called."""

LOOKED_AT = 1 << 20
"""So many numbers at once."""
_HALF = 16
_LOW = np.uint32((1 << _HALF) - 1)
_SIGN = np.uint32(1 << 31)


def mean_of(parts: Parts) -> float:
    """The mean of at least one finite number."""
    sums = [(float(part.sum(dtype=np.float64)), part.size) for part in parts()]
    return math.fsum(total for total, _ in sums) / sum(count for _, count in sums)


def median_of(parts: Parts) -> np.float32:
    """The median of at least one finite number, as `numpy.median` gives it for all of them; they are read twice."""
    upper = np.zeros(1 << _HALF, np.int64)
    for ranks in _ranks(parts()):
        upper += np.bincount(ranks >> _HALF, minlength=upper.size)
    count = int(upper.sum())
    ends = np.cumsum(upper)
    middle = [(count - 1) // 2, count // 2]
    groups = np.searchsorted(ends, middle, side="right")
    lower = np.zeros((2, 1 << _HALF), np.int64)
    for ranks in _ranks(parts()):
        for counts, group in zip(lower, groups, strict=True):
            counts += np.bincount(ranks[ranks >> _HALF == group] & _LOW, minlength=counts.size)
    found = []
    for counts, group, place in zip(lower, groups, middle, strict=True):
        within = place - int(ends[group] - upper[group])
        found.append(group << _HALF | int(np.searchsorted(np.cumsum(counts), within, side="right")))
    median: np.float32 = _numbers(np.array(found, np.uint32)).mean()
    return median


def _ranks(parts: Iterable[Floats]) -> Iterator[NDArray[np.uint32]]:
    """Whole numbers in the order of the numbers that they stand for."""
    for part in parts:
        flat = part.reshape(-1)
        for start in range(0, flat.size, LOOKED_AT):
            bits = flat[start : start + LOOKED_AT].view(np.uint32)
            # The bits of positive numbers are in their order already, those of negative ones in the opposite order.
            yield np.where(bits & _SIGN, ~bits, bits | _SIGN)


def _numbers(ranks: NDArray[np.uint32]) -> Floats:
    return np.where(ranks & _SIGN, ranks & ~_SIGN, ~ranks).view(np.float32)
