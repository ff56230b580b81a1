"""How values such as volumes are distributed: a smooth density and the share below each value."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

POINTS = 256
BEYOND = 3.0
"""By so many bandwidths the density is drawn beyond the lowest and the highest value."""
WIDE = 30.0
"""Positive values that reach so many times their lowest are looked at on a logarithmic scale."""
BLOCK_VALUES = 4096
ROOM = 0.03
MIN_FACTOR = 1.2


@dataclass(frozen=True)
class Distribution:
    """A distribution, ready to be drawn.

    Attributes
    ----------
    values
        (n,) float64, sorted; what was not a number was left out.
    share
        (n,) float64, share of the values that are at most this one: the empirical distribution function.
    grid, density
        (k,) float64, a kernel density estimate with a Gaussian kernel; by value, or by its decimal logarithm on a
        logarithmic scale. Empty for fewer than two different values.
    bandwidth
        Of the kernel, in the units of the values, or in decades on a logarithmic scale; 0 without density.
    logarithmic
        Whether the values are better looked at on a logarithmic scale. `grid` holds values in either case.
    """

    values: NDArray[np.float64]
    share: NDArray[np.float64]
    grid: NDArray[np.float64]
    density: NDArray[np.float64]
    bandwidth: float
    logarithmic: bool

    def __len__(self) -> int:
        return len(self.values)

    @property
    def median(self) -> float:
        """NaN without values."""
        return float(np.median(self.values)) if len(self.values) else math.nan

    @property
    def mean(self) -> float:
        """NaN without values."""
        return float(self.values.mean()) if len(self.values) else math.nan


def distribution(values: ArrayLike, *, logarithmic: bool | None = None) -> Distribution:
    """Estimate a distribution.

    Parameters
    ----------
    values
        (n,), in any order; NaN is left out.
    logarithmic
        Whether to smooth logarithms, for which all values must be above zero; by default if that is so and the
        largest is more than 30 times the smallest.

    Returns
    -------
    Distribution

    References
    ----------
    Bandwidth: Scott D. W., "Multivariate Density Estimation", Wiley (1992), n ** (-1/5) standard deviations.
    """
    found = np.sort(np.asarray(values, dtype=np.float64).ravel())
    found = found[np.isfinite(found)]
    count = len(found)
    if logarithmic is None:
        logarithmic = count > 1 and bool(found[0] > 0) and bool(found[-1] > WIDE * found[0])
    share = np.arange(1, count + 1) / max(count, 1)
    nothing = np.zeros(0)
    if count < 2 or found[0] == found[-1]:
        return Distribution(found, share, nothing, nothing, 0.0, logarithmic)
    scaled = np.log10(found) if logarithmic else found
    bandwidth = float(scaled.std(ddof=1)) * count**-0.2
    grid = np.linspace(scaled[0] - BEYOND * bandwidth, scaled[-1] + BEYOND * bandwidth, POINTS)
    density = np.zeros(POINTS)
    for first in range(0, count, BLOCK_VALUES):
        away = (grid[:, None] - scaled[None, first : first + BLOCK_VALUES]) / bandwidth
        density += np.exp(-0.5 * away * away).sum(axis=1)
    density /= count * bandwidth * math.sqrt(2 * math.pi)
    return Distribution(found, share, 10**grid if logarithmic else grid, density, bandwidth, logarithmic)


def steps(found: Distribution, low: float, high: float) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """The empirical distribution function as a line of steps, x and y, from `low` to `high`."""
    x = np.concatenate([[low], np.repeat(found.values, 2), [high]])
    y = np.concatenate([[0.0, 0.0], np.repeat(found.share, 2)])
    return x, y


def drawn_range(distributions: Sequence[Distribution]) -> tuple[float, float]:
    """Lowest and highest value that a drawing of these has room for; not below zero where no value is."""
    found = [one for one in distributions if len(one)]
    if not found:
        return 0.0, 1.0
    low = min(float(one.grid[0] if len(one.grid) else one.values[0]) for one in found)
    high = max(float(one.grid[-1] if len(one.grid) else one.values[-1]) for one in found)
    if found[0].logarithmic:
        room = max((high / low) ** ROOM, MIN_FACTOR)
        return low / room, high * room
    room = ROOM * (high - low) or 0.5 * abs(high) or 1.0
    positive = all(one.values[0] >= 0 for one in found)
    return max(low - room, 0.0) if positive else low - room, high + room
