"""What decides a training run: sizes, rates, and the course of the learning rate."""

from __future__ import annotations

import hashlib
import json
import math
from dataclasses import asdict, dataclass

from ais.errors import AisError
from ais.training.augmentation import check_augmentation
from ais.training.losses import loss_function

DEFAULT_LEARNING_RATE = 1e-3
WARM_UP_STEPS = 50
WARM_UP_SHARE = 0.1
DECAY_FROM = 0.6
FINAL_RATE = 0.02


@dataclass(frozen=True)
class Settings:
    """What decides a training run, together with its samples."""

    architecture: str
    arguments: dict[str, int | float]
    depth: int
    epochs: int
    batch_size: int
    copies: int
    negatives: float | None
    learning_rate: float
    validation: float
    augment: str
    loss: str
    dtype: str
    seed: int
    continued_from: str | None

    def check(self) -> None:
        """AisError for a number out of range."""
        for name, least in (("epochs", 1), ("batch_size", 1), ("copies", 1), ("seed", 0)):
            if getattr(self, name) < least:
                option = name.replace("_", "-")
                raise AisError(f"--{option} must be a whole number from {least}, not {getattr(self, name)}.")
        if self.negatives is not None and not 0 <= self.negatives < math.inf:
            raise AisError(f"--negatives must be 0 or more negatives per positive, not {self.negatives:g}.")
        if not 0 < self.learning_rate <= 1:
            raise AisError(f"--learning-rate must be above 0 and at most 1, not {self.learning_rate:g}.")
        check_augmentation(self.augment)
        loss_function(self.loss)

    def digest(self, content: str) -> str:
        """Hex digits that are equal only for equal settings and samples."""
        return hashlib.sha256(json.dumps([asdict(self), content], sort_keys=True).encode()).hexdigest()


def learning_rate_at(step: int, steps: int, highest: float) -> float:
    """Rate of a step: a linear warm-up, a constant stretch, and a cosine fall over the last two fifths.

    Parameters
    ----------
    step, steps
        Its number, from 0, and how many there are in all.
    highest
        The rate of the constant stretch.
    """
    warm = max(min(WARM_UP_STEPS, int(WARM_UP_SHARE * steps)), 1)
    if step < warm:
        return highest * (step + 1) / warm
    fallen = max(0.0, (step / steps - DECAY_FROM) / (1 - DECAY_FROM))
    return highest * (FINAL_RATE + (1 - FINAL_RATE) * 0.5 * (1 + math.cos(math.pi * fallen)))
