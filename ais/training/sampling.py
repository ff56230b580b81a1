"""Which samples are trained on, which are kept for validation, and which make up each batch."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from ais.errors import AisError

Indices = NDArray[np.intp]
SHOWS_NONE = -1


def rarest_features(shown: NDArray[np.bool_]) -> Indices:
    """Of each sample the feature that fewest samples show, among those that it shows itself.

    Parameters
    ----------
    shown
        (N, features), whether a sample shows a feature.

    Returns
    -------
    ndarray
        (N,), numbers of features from 0; `SHOWS_NONE` for a sample without any.
    """
    times = np.where(shown, shown.sum(axis=0), len(shown) + 1)
    return np.where(shown.any(axis=1), times.argmin(axis=1), SHOWS_NONE)


def split(ids: Sequence[str], kinds: Indices, share: float, seed: int) -> tuple[Indices, Indices]:
    """Divide samples into those for training and those for validation.

    Parameters
    ----------
    ids
        One per sample; samples of equal id (a set pooled twice) stay together.
    kinds
        (N,), from `rarest_features`. Samples of each kind are divided in the same share.
    share
        Share for validation, 0 to 0.9.
    seed
        Decides the draw.

    Returns
    -------
    training, validation
        Sorted indices; validation is empty if `share` is 0. Of each kind at least one sample is in the first, and if
        there are two, in the second.

    Raises
    ------
    AisError
        If the share is out of range or there are too few positives to divide.
    """
    if not 0 <= share <= 0.9:
        raise AisError(f"The validation share must be from 0 to 0.9, not {share:g}.")
    everything = np.arange(len(ids))
    if share == 0:
        return everything, everything[:0]
    rng = np.random.default_rng([seed, 1])
    kept: list[str] = []
    divided: set[str] = set()
    for kind in sorted({*kinds.tolist()}, reverse=True):
        names = sorted({ids[index] for index in everything[kinds == kind]} - divided)
        divided.update(names)
        count = min(max(round(share * len(names)), 1), len(names) - 1)
        if kind != SHOWS_NONE and count < 1:
            raise AisError(
                "A validation split needs at least two positive samples of each feature: "
                "add boxes or use --validation 0."
            )
        kept += [names[index] for index in rng.permutation(len(names))[: max(count, 0)]]
    held = np.isin(np.asarray(ids), kept)
    return everything[~held], everything[held]


def epoch_batches(
    positives: Sequence[Indices],
    negatives: Indices,
    *,
    copies: int,
    ratio: float | None,
    batch_size: int,
    rng: np.random.Generator,
) -> Indices:
    """The samples of an epoch in the order in which they are shown.

    Each positive comes at least `copies` times. Every batch of two or more has at least one positive, and one of each
    kind where it is large enough; the kinds take turns otherwise. Samples of a rare kind come more often for that.
    The last batch is filled up.

    Parameters
    ----------
    positives
        Indices of the positive samples, by kind; there is at least one of each kind.
    negatives
        Indices of the samples that show no feature.
    copies
        How often each is shown.
    ratio
        Negatives per positive, drawn anew each epoch; by default as many as there are.
    batch_size
        Samples in a batch.
    rng
        Decides the order.

    Returns
    -------
    ndarray
        (steps, batch size) indices.
    """
    all_positives = np.concatenate(list(positives))
    wanted = len(negatives) * copies if ratio is None else round(ratio * len(all_positives) * copies)
    shown_negatives = _cycled(negatives, wanted if len(negatives) else 0, rng)
    size = min(batch_size, len(all_positives) * copies + len(shown_negatives))
    if size == 1:
        repeated = [_cycled(kind, len(kind) * copies, rng) for kind in positives]
        return rng.permutation(np.concatenate([*repeated, shown_negatives]))[:, None]
    # The first places of each batch go to the kinds in turn; a batch of two has one such place.
    leads = min(len(positives), size - 1)
    steps = _steps([len(kind) * copies for kind in positives], len(shown_negatives), leads, size)
    turns = np.arange(steps * leads) % len(positives)
    first, rest = np.empty(steps * leads, np.intp), [shown_negatives]
    for number, kind in enumerate(positives):
        places = turns == number
        shown = _cycled(kind, max(len(kind) * copies, int(places.sum())), rng)
        first[places] = shown[: places.sum()]
        rest.append(shown[places.sum() :])
    others = rng.permutation(np.concatenate(rest))
    missing = steps * (size - leads) - len(others)
    others = np.concatenate([others, rng.choice(np.concatenate([all_positives, shown_negatives]), missing)])
    return np.concatenate([first.reshape(steps, leads), others.reshape(steps, size - leads)], axis=1)


def _steps(shown: Sequence[int], negatives: int, leads: int, size: int) -> int:
    # Least number of batches that hold everything, given that rare kinds are repeated to lead their share of batches.
    steps = 1
    while True:
        led = steps * leads
        turns = [led // len(shown) + (number < led % len(shown)) for number in range(len(shown))]
        total = negatives + sum(map(max, shown, turns))
        needed = math.ceil(total / size)
        if needed <= steps:
            return steps
        steps = needed


def _cycled(indices: Indices, count: int, rng: np.random.Generator) -> Indices:
    # Whole rounds in a new order each, so that all are shown equally often.
    if count == 0:
        return indices[:0]
    rounds = [rng.permutation(indices) for _ in range(-(-count // len(indices)))]
    return np.concatenate(rounds)[:count]
