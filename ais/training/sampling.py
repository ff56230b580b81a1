"""Which samples are trained on, which are kept for validation, and which make up each batch."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from ais.errors import AisError

Indices = NDArray[np.intp]


def split(ids: Sequence[str], positive: NDArray[np.bool_], share: float, seed: int) -> tuple[Indices, Indices]:
    """Divide samples into those for training and those for validation.

    Parameters
    ----------
    ids
        One per sample; samples of equal id (a set pooled twice) stay together.
    positive
        (N,), whether a sample shows the feature. Positives and negatives are divided in the same share.
    share
        Share for validation, 0 to 0.9.
    seed
        Decides the draw.

    Returns
    -------
    training, validation
        Sorted indices; validation is empty if `share` is 0.

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
    for value in (True, False):
        names = sorted({ids[index] for index in everything[positive == value]} - set(kept))
        count = min(max(round(share * len(names)), 1), len(names) - 1)
        if value and count < 1:
            raise AisError("A validation split needs at least two positive samples: add boxes or use --validation 0.")
        kept += [names[index] for index in rng.permutation(len(names))[: max(count, 0)]]
    held = np.isin(np.asarray(ids), kept)
    return everything[~held], everything[held]


def epoch_batches(
    positives: Indices,
    negatives: Indices,
    *,
    copies: int,
    ratio: float | None,
    batch_size: int,
    rng: np.random.Generator,
) -> Indices:
    """The samples of an epoch in the order in which they are shown.

    Each positive comes `copies` times, spread so that every batch of two or more has at least one. The last batch is
    filled up.

    Parameters
    ----------
    positives, negatives
        Indices of the samples; there is at least one positive.
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
    wanted = len(negatives) * copies if ratio is None else round(ratio * len(positives) * copies)
    shown_negatives = _cycled(negatives, wanted if len(negatives) else 0, rng)
    shown_positives = _cycled(positives, len(positives) * copies, rng)
    total = len(shown_positives) + len(shown_negatives)
    size = min(batch_size, total)
    if size == 1:
        return rng.permutation(np.concatenate([shown_positives, shown_negatives]))[:, None]
    steps = -(-total // size)
    first = shown_positives[:steps] if len(shown_positives) >= steps else _cycled(positives, steps, rng)
    rest = rng.permutation(np.concatenate([shown_positives[steps:], shown_negatives]))
    missing = steps * (size - 1) - len(rest)
    if missing > 0:
        rest = np.concatenate([rest, rng.choice(np.concatenate([positives, shown_negatives]), missing)])
    return np.concatenate([first[:, None], rest[: steps * (size - 1)].reshape(steps, size - 1)], axis=1)


def _cycled(indices: Indices, count: int, rng: np.random.Generator) -> Indices:
    # Whole rounds in a new order each, so that all are shown equally often.
    if count == 0:
        return indices[:0]
    rounds = [rng.permutation(indices) for _ in range(-(-count // len(indices)))]
    return np.concatenate(rounds)[:count]
