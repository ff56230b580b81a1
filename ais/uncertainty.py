"""Where a model is least sure, and which square tiles of a slice are worth a look.

The measure is the entropy of each pixel's probability p, in bits: 0 where the model is certain, 1 where p = 0.5. With
test-time augmentation p is the mean over rotations and flips, so that it also counts where these disagree.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ais.errors import AisError

SHOWN_FRACTION = 0.01
"""A tile shows a feature when so many of its pixels reach the threshold."""

Floats = NDArray[np.float64]


class TileRule(StrEnum):
    """Which tiles come first."""

    UNCERTAIN = "least certain"
    CONFIDENT = "confidently found"
    RANDOM = "random"
    NEAR = "near annotation"


@dataclass(frozen=True, eq=False)
class RankedTiles:
    """Tiles of a slice, the best first.

    Attributes
    ----------
    centres
        (n, 2): y, x of pixel (size // 2, size // 2) of each tile, in the slice.
    scores
        (n,): higher is better; only scores of the same rule can be compared.
    entropies
        (n,): mean entropy in bits.
    """

    centres: NDArray[np.int64]
    scores: Floats
    entropies: Floats


def entropy(probabilities: NDArray[Any]) -> NDArray[np.float32]:
    """Entropy in bits, 0 to 1, of probabilities 0 to 1; any shape."""
    p = np.clip(np.asarray(probabilities, np.float32), 1e-7, 1 - 1e-7)
    bits: NDArray[np.float32] = -(p * np.log2(p) + (1 - p) * np.log2(1 - p))
    return bits


def tile_grid(count: int, size: int) -> NDArray[np.int64]:
    """First pixels of the tiles that lie side by side along an axis of `count` pixels, equal rests at both ends."""
    fitting = count // size
    return (count - fitting * size) // 2 + size * np.arange(fitting, dtype=np.int64)


def rank_tiles(
    probabilities: NDArray[np.float32],
    size: int,
    rule: TileRule,
    count: int,
    *,
    threshold: float = 0.5,
    z: int = 0,
    taken: Sequence[Sequence[int]] = (),
    near: Sequence[Sequence[int]] = (),
    seed: int = 0,
) -> RankedTiles:
    """The tiles of a slice, or of a part of it, that a rule puts first.

    least certain
        Highest mean entropy.
    confidently found
        Of tiles with at least 1 % of their pixels at the threshold, highest mean probability of these pixels.
    random
        Any.
    near annotation
        Nearest to a place in `near`, other than in the same slice less than half a tile away.

    Parameters
    ----------
    probabilities
        (ny, nx), 0 to 1.
    size
        Side of a tile in pixels.
    rule, count
        How they are ranked, and at most how many.
    threshold
        Probability from which the feature is present.
    z
        The slice, for `taken`, `near` and `seed`.
    taken
        z, y, x of places, in pixels of this picture, that the user has judged: tiles whose centre is less than half a
        tile from one in the same slice are left out.
    near
        z, y, x of places that are annotated.
    seed
        Of the random rule.

    Returns
    -------
    RankedTiles
        At most `count`.

    Raises
    ------
    AisError
        If the picture is smaller than a tile.
    """
    tops, lefts = (tile_grid(length, size) for length in probabilities.shape)
    if not tops.size or not lefts.size:
        ny, nx = probabilities.shape
        raise AisError(f"A tile of {size} pixels is larger than the picture of {nx} x {ny}: choose a smaller box size.")
    tiles = _cut(probabilities, tops, lefts, size)
    entropies = entropy(tiles).mean(axis=-1, dtype=np.float64)
    centres = np.stack(np.meshgrid(tops, lefts, indexing="ij"), -1).reshape(-1, 2) + size // 2
    scores = _scores(rule, tiles, entropies, centres, size, threshold, z, near, seed)
    free = np.isfinite(scores) & ~_close(centres, z, taken, size / 2)
    order = np.flatnonzero(free)[np.argsort(-scores[free], kind="stable")][:count]
    return RankedTiles(centres[order], scores[order], entropies[order])


def _cut(values: NDArray[np.float32], tops: NDArray[Any], lefts: NDArray[Any], size: int) -> NDArray[np.float32]:
    """(tiles, pixels) of the grid, row by row."""
    part = values[tops[0] : tops[-1] + size, lefts[0] : lefts[-1] + size]
    blocks = part.reshape(tops.size, size, lefts.size, size).swapaxes(1, 2)
    return blocks.reshape(tops.size * lefts.size, size * size)


def _scores(
    rule: TileRule,
    tiles: NDArray[np.float32],
    entropies: Floats,
    centres: NDArray[np.int64],
    size: int,
    threshold: float,
    z: int,
    near: Sequence[Sequence[int]],
    seed: int,
) -> Floats:
    if rule is TileRule.UNCERTAIN:
        return entropies
    if rule is TileRule.RANDOM:
        return np.random.default_rng((seed, z)).random(len(tiles))
    if rule is TileRule.CONFIDENT:
        shown = tiles >= threshold
        counts = shown.sum(axis=1)
        means = np.where(shown, tiles, 0).sum(axis=1, dtype=np.float64) / np.maximum(counts, 1)
        return np.where(counts >= max(1, SHOWN_FRACTION * tiles.shape[1]), means, -np.inf)
    if not len(near):
        return np.full(len(tiles), -np.inf)
    places = np.asarray(near, np.float64).reshape(-1, 3)
    flat = ((centres[:, None] - places[None, :, 1:]) ** 2).sum(axis=-1)
    squared = flat + (places[None, :, 0] - z) ** 2
    scores: Floats = -np.sqrt(squared.min(axis=1))
    scores[_close(centres, z, near, size / 2)] = -np.inf
    return scores


def _close(centres: NDArray[np.int64], z: int, places: Sequence[Sequence[int]], distance: float) -> NDArray[np.bool_]:
    """Which centres are, along both axes, less than a distance from a place in the same slice."""
    here = np.asarray([place[1:] for place in places if place[0] == z], np.float64).reshape(-1, 2)
    apart = np.abs(centres[:, None] - here[None]).max(axis=-1, initial=0)
    return np.asarray((apart < distance).any(axis=1))
