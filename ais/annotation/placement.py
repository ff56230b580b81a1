"""Where training boxes go on their own: spread over an annotation, or over background away from it."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

CANDIDATES = 4096
"""Positions drawn at random of which the boxes are chosen; more are drawn when many boxes are wanted."""

CANDIDATES_PER_BOX = 16
"""Of how many random candidates the one farthest from all boxes is taken."""

ONE_BY_ONE = 1000
"""More boxes than this, in a slice or over an annotation, lie everywhere however they are chosen: the rest are chosen
at random, all at once, where one by one would take hours."""

SPARE = 3
"""So many more candidates than boxes are drawn at least, since some of them come to lie at the same place."""

BACKGROUND_SLICES = 32
"""Boxes in the background are shared out over so many slices, since finding the room takes time in each."""

Positions = NDArray[np.int64]
"""(n, 3): z, y, x."""

MaskOfSlice = Callable[[int], NDArray[np.uint8]]
"""Gives the mask (ny, nx) of 0 and 1 of slice z."""


def positions_over_annotation(
    slices: Sequence[int], painted: MaskOfSlice, box_size: int, count: int, taken: Positions, seed: int
) -> Positions:
    """Centres of boxes over painted pixels, spread out, the same for the same seed.

    Each box is centred on a painted pixel, or moved so that it stays inside the slice and still holds that pixel.

    Parameters
    ----------
    slices
        The annotated slices to place boxes in.
    painted
        Their masks.
    box_size
        In pixels.
    count
        How many are wanted.
    taken
        Centres of boxes that are there already; the new ones keep away from them.
    seed
        Of the random choice.

    Returns
    -------
    Positions
        At most `count`; fewer if there are not that many different ones.
    """
    rng = np.random.default_rng(seed)
    wanted = max(CANDIDATES, CANDIDATES_PER_BOX * min(count, ONE_BY_ONE), SPARE * count)
    candidates = _draw_painted(slices, painted, wanted, rng)
    if len(candidates):
        shape = painted(slices[0]).shape
        for axis, side in enumerate(shape, start=1):
            low, high = _centres_inside(side, box_size)
            candidates[:, axis] = np.clip(candidates[:, axis], low, high) if low <= high else side // 2
    return _spread(np.unique(candidates, axis=0), count, [taken], rng)


def positions_in_background(
    slices: Sequence[int], occupied: MaskOfSlice, box_size: int, count: int, taken: Positions, seed: int
) -> Positions:
    """Box centres at least half a box from every occupied pixel of their slice, spread out, the same for the same seed.

    Parameters
    ----------
    slices
        The slices to place boxes in.
    occupied
        Their masks: painted as any feature, or marked to be ignored.
    box_size
        In pixels; boxes stay inside the slice where it is large enough.
    count
        How many are wanted.
    taken
        Centres of boxes that are there already; the new ones keep away from them.
    seed
        Of the random choice.

    Returns
    -------
    Positions
        At most `count`; fewer if there is no room.
    """
    rng = np.random.default_rng(seed)
    order = [int(z) for z in rng.permutation(np.array(slices, np.int64))][: min(count, BACKGROUND_SLICES)]
    rest = sorted(set(slices).difference(order))
    chosen = np.zeros((0, 3), np.int64)
    while order and len(chosen) < count:
        with_room = []
        for index, z in enumerate(order):
            share = -(-(count - len(chosen)) // (len(order) - index))
            candidates = _draw(_room(occupied(z), box_size), z, max(CANDIDATES, share), rng)
            fresh = _spread(candidates, share, [taken, chosen], rng)
            chosen = np.concatenate([chosen, fresh])
            if len(fresh) == share > 0:
                with_room.append(z)
        order, rest = with_room + rest, []
    return chosen


def _draw_painted(slices: Sequence[int], painted: MaskOfSlice, wanted: int, rng: np.random.Generator) -> Positions:
    """Up to about `wanted` painted pixels, from each slice its share; two passes keep one mask in memory."""
    counts = np.array([np.count_nonzero(painted(z)) for z in slices], np.int64)
    total = int(counts.sum())
    if total == 0:
        return np.zeros((0, 3), np.int64)
    shares = np.ceil(counts * min(1.0, wanted / total)).astype(np.int64)
    some = [(z, int(share)) for z, share in zip(slices, shares, strict=True) if share]
    return np.concatenate([_draw(painted(z) != 0, z, share, rng) for z, share in some])


def _draw(allowed: NDArray[np.bool_], z: int, wanted: int, rng: np.random.Generator) -> Positions:
    flat = np.flatnonzero(allowed)
    if flat.size > wanted:
        flat = rng.choice(flat, wanted, replace=False)
    y, x = np.unravel_index(flat, allowed.shape)
    return np.stack([np.full(flat.size, z), y, x], axis=1).astype(np.int64)


def _centres_inside(side: int, box_size: int) -> tuple[int, int]:
    """First and last centre along an axis of a box that stays inside the slice; first > last where none does."""
    before = box_size // 2
    return before, side - (box_size - before)


def _room(occupied: NDArray[np.uint8], box_size: int) -> NDArray[np.bool_]:
    import edt

    room = np.zeros(occupied.shape, bool)
    (top, bottom), (left, right) = (_centres_inside(side, box_size) for side in occupied.shape)
    room[top : max(bottom + 1, 0), left : max(right + 1, 0)] = True
    if not room.any():
        room[:] = True
    if occupied.any():
        room &= edt.edt(np.ascontiguousarray(occupied == 0).view(np.uint8)) >= box_size / 2
    return room


def _spread(candidates: Positions, count: int, taken: Sequence[Positions], rng: np.random.Generator) -> Positions:
    """Choose positions one by one, each the farthest from all others among a few random candidates; then any others.

    References
    ----------
    Mitchell, Spectrally optimal sampling for distribution ray tracing, SIGGRAPH 1991 (best candidate).
    """
    distance = np.full(len(candidates), np.inf)
    present = np.concatenate(taken)
    if len(present) and len(candidates):
        from scipy.spatial import cKDTree

        distance = np.square(cKDTree(present).query(candidates)[0])
    chosen: list[int] = []
    while len(chosen) < count:
        free = np.flatnonzero(distance > 0)
        if not free.size:
            break
        if len(chosen) >= ONE_BY_ONE:
            chosen += rng.choice(free, min(count - len(chosen), free.size), replace=False).tolist()
            break
        tried = rng.choice(free, min(CANDIDATES_PER_BOX, free.size), replace=False)
        best = int(tried[np.argmax(distance[tried])])
        chosen.append(best)
        np.minimum(distance, _squared_distance(candidates, candidates[best]), out=distance)
    return candidates[chosen]


def _squared_distance(positions: Positions, position: Positions) -> NDArray[np.float64]:
    squared: NDArray[np.float64] = np.square(positions - position, dtype=np.float64).sum(axis=1)
    return squared
