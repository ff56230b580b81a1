"""One-dimensional weights of the display filters, and how they are laid out for pictures packed four pixels to one.

A packed picture has in each of its pixels four neighbours of one row. A filter along the rows then is a sum over few
packed pixels, each times a 4 x 4 matrix; one along the columns works on four columns at once. That reads a quarter of
the memory of the plain way, which is what the time of a filter goes into.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

TRUNCATE = 3.5
"""A Gaussian ends this many sigmas from its middle."""

GAUSSIAN_RADIUS = 11
"""Pixels; a wider Gaussian works on a picture that has been halved before (at most 1 % of the spread is wrong)."""

MAX_RADIUS = 24
"""Pixels; the same for a box, whose edges a halved picture rounds."""

UNROLLED_RADII = (2, 4, 7, GAUSSIAN_RADIUS, 16, MAX_RADIUS)
"""Radii for which there is a shader; others are filled up with zeros, so that few shaders need compiling."""

MAX_BLOCKS = -(-MAX_RADIUS // 4)
"""Packed pixels that such a kernel reaches over on either side."""

HALVING_VARIANCE = 1.5
"""What halving (1 3 3 1) and enlarging again (linear) add to the variance of a blur, in pixels squared."""


@dataclass(frozen=True)
class Blur:
    """A symmetric kernel, and how often the picture is halved before it.

    Attributes
    ----------
    halvings
        How often width and height are halved.
    weights
        (2 * radius + 1,), sum 1, for the halved picture.
    """

    halvings: int
    weights: NDArray[np.float64]

    @property
    def radius(self) -> int:
        """Pixels on either side of the middle."""
        return len(self.weights) // 2


def gaussian(sigma: float) -> Blur:
    """A Gaussian of the given sigma, in pixels of the picture (0 leaves it as it is)."""
    return _halved_until_small(max(sigma, 0.0) ** 2, lambda x: _gaussian_weights(math.sqrt(x)), GAUSSIAN_RADIUS)


def box(width: float) -> Blur:
    """The mean over a full width, in pixels; a width that is not odd has its outermost pixels counted in part."""
    return _halved_until_small(max(width, 1.0) ** 2 / 12, lambda x: _box_weights(math.sqrt(12 * x)), MAX_RADIUS)


def unrolled_radius(radius: int) -> int:
    """The smallest radius for which there is a shader that reaches as far."""
    return next(size for size in UNROLLED_RADII if size >= radius)


def median_exchanges(count: int) -> tuple[list[tuple[int, int]], int]:
    """How the median of an odd number of values is found.

    Of just over half of the values neither the smallest nor the largest can be the median: both are put aside, and
    the next value takes a place, until three are left.

    Parameters
    ----------
    count
        Of the values, at least 3.

    Returns
    -------
    exchanges : list of (int, int)
        Pairs of places; each time the smaller value goes to the first of them.
    middle : int
        The place where the median is in the end.
    """
    exchanges: list[tuple[int, int]] = []
    places = list(range(count // 2 + 2))
    waiting = list(range(count // 2 + 2, count))
    while True:
        # In pairs first: then the smallest is among one half of them and the largest among the other.
        half = len(places) // 2
        exchanges += [(places[i], places[-1 - i]) for i in range(half)]
        low, high = places[: len(places) - half], places[half:]
        exchanges += [(low[0], other) for other in low[1:]]
        exchanges += [(other, high[-1]) for other in high[:-1]]
        places = places[1:-1]
        if not waiting:
            return exchanges, places[0]
        places.append(waiting.pop(0))


def halved_sizes(size: int, blur: Blur) -> list[int]:
    """How many rows (or columns) of each halved picture are kept.

    They go beyond the far end by what the blur reaches, filled from the mirrored picture: the mirror itself may lie
    between the pixels of a halved one.

    Parameters
    ----------
    size
        Of the picture.
    blur
        With at least one halving.

    Returns
    -------
    list of int
        Of the picture halved once, twice, ...
    """
    deepest = -(-size // 2**blur.halvings) + 1 + blur.radius
    sizes = [deepest]
    for _ in range(blur.halvings - 1):
        sizes.insert(0, 2 * sizes[0] + 2)
    return sizes


def packed_rows(weights: NDArray[np.float64]) -> NDArray[np.float32]:
    """The kernel along the rows as matrices.

    Parameters
    ----------
    weights
        (2 * radius + 1,).

    Returns
    -------
    ndarray of float32
        (2 * blocks + 1, 4, 4): for each packed pixel from -blocks to blocks, row i and column j hold what its pixel j
        gives to pixel i.
    """
    radius = len(weights) // 2
    blocks = -(-radius // 4)
    distance = np.arange(-blocks, blocks + 1)[:, None, None] * 4 + np.arange(4)[None, None, :] - np.arange(4)[:, None]
    inside = np.abs(distance) <= radius
    return np.where(inside, weights[np.clip(distance + radius, 0, 2 * radius)], 0).astype(np.float32)


def _halved_until_small(variance: float, make: Callable[[float], NDArray[np.float64]], limit: int) -> Blur:
    halvings, weights = 0, make(variance)
    while len(weights) // 2 > limit:
        halvings += 1
        variance = (variance - HALVING_VARIANCE) / 4
        weights = make(variance)
    return Blur(halvings, weights)


def _gaussian_weights(sigma: float) -> NDArray[np.float64]:
    radius = math.ceil(TRUNCATE * sigma)
    if radius == 0:
        return np.ones(1)
    values = np.exp(-0.5 * (np.arange(-radius, radius + 1) / sigma) ** 2)
    return np.asarray(values / values.sum())


def _box_weights(width: float) -> NDArray[np.float64]:
    radius = math.ceil((width - 1) / 2)
    values = np.clip(width / 2 + 0.5 - np.abs(np.arange(-radius, radius + 1)), 0, 1)
    return np.asarray(values / values.sum())
