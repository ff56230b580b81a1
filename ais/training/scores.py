"""How much of each feature a network finds: pixels counted over an epoch."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ais.training.losses import probabilities, truth_and_kept

FOUND_FROM = 0.5


@dataclass(frozen=True)
class Counts:
    """Pixels of a feature counted over a whole epoch.

    Attributes
    ----------
    true_positive, false_positive, false_negative
        Found and true, found and not true, true and not found, at probability 0.5.
    """

    true_positive: float
    false_positive: float
    false_negative: float

    @property
    def dice(self) -> float:
        """Dice coefficient; 1.0 if there was nothing to find and nothing was found."""
        total = 2 * self.true_positive + self.false_positive + self.false_negative
        return 2 * self.true_positive / total if total else 1.0

    @property
    def precision(self) -> float:
        """Share of what was found that is true; 1.0 if nothing was found."""
        found = self.true_positive + self.false_positive
        return self.true_positive / found if found else 1.0

    @property
    def recall(self) -> float:
        """Share of what is true that was found; 1.0 if there was nothing to find."""
        present = self.true_positive + self.false_negative
        return self.true_positive / present if present else 1.0


def mean_score(counts: Sequence[Counts], name: str) -> float:
    """The mean over the features of ``dice``, ``precision``, or ``recall``."""
    return float(np.mean([getattr(one, name) for one in counts]))


def count_pixels(labels: Any, logits: Any) -> Any:
    """True positives, false positives, false negatives at probability 0.5, as float32 (features, 3)."""
    from keras import ops

    truth, kept = truth_and_kept(labels, logits.shape[-1])
    found = ops.cast(probabilities(logits) > FOUND_FROM, "float32") * kept
    both, in_truth, in_found = (ops.sum(values, axis=(0, 1, 2)) for values in (found * truth, truth, found))
    return ops.stack([both, in_found - both, in_truth - both], axis=-1)
