"""What decides a training run: sizes, rates, and the course of the learning rate."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass

from ais.errors import AisError
from ais.training.augmentation import check_augmentation
from ais.training.losses import loss_function

WARM_UP_STEPS = 50
WARM_UP_SHARE = 0.1
FALL_FROM = 0.6
FINAL_RATE = 0.02


@dataclass(frozen=True)
class Settings:
    """What decides a training run, together with its samples.

    Attributes
    ----------
    patience
        Epochs without a better validation loss after which the training comes to its end; 0 for never.
    averaging
        Share of the old value, below 1, that a moving average of the weights keeps in each step; 0 for no average.
    weight_decay, clip
        Of the optimizer (AdamW), and the greatest length of all gradients together; 0 for none.
    """

    architecture: str
    arguments: dict[str, int | float]
    depth: int
    epochs: int
    batch_size: int
    copies: int
    negatives: float | None
    learning_rate: float
    validation: float
    patience: int
    augment: str
    loss: str
    averaging: float
    weight_decay: float
    clip: float
    dtype: str
    seed: int
    continued_from: str | None

    def check(self) -> None:
        """AisError for a number out of range."""
        for name, least in (("epochs", 1), ("batch_size", 1), ("copies", 1), ("patience", 0), ("seed", 0)):
            if getattr(self, name) < least:
                option = name.replace("_", "-")
                raise AisError(f"--{option} must be a whole number from {least}, not {getattr(self, name)}.")
        if self.negatives is not None and not 0 <= self.negatives < math.inf:
            raise AisError(f"--negatives must be 0 or more negatives per positive, not {self.negatives:g}.")
        if not 0 < self.learning_rate <= 1:
            raise AisError(f"--learning-rate must be above 0 and at most 1, not {self.learning_rate:g}.")
        if self.patience and not self.validation:
            raise AisError("--patience waits for the validation loss: set --validation, such as --validation 0.2.")
        if not 0 <= self.averaging < 1:
            raise AisError(f"The averaging of the weights must be from 0 to below 1, not {self.averaging:g}.")
        for name in ("weight_decay", "clip"):
            if not 0 <= getattr(self, name) < math.inf:
                words = name.replace("_", " ")
                raise AisError(f"The {words} must be 0 or more, not {getattr(self, name):g}.")
        check_augmentation(self.augment)
        loss_function(self.loss)

    def digest(self, content: str) -> str:
        """Hex digits that are equal only for equal settings and samples."""
        return hashlib.sha256(json.dumps([asdict(self), content], sort_keys=True).encode()).hexdigest()


@dataclass(frozen=True)
class Course:
    """When the learning rate falls and the training ends, as it stands after some epochs.

    Attributes
    ----------
    epochs
        How many there will be.
    fall_from
        Share of them after which the rate begins to fall.
    back_to_best
        Whether the next epoch starts from the best weights, since those after them were no better.
    """

    epochs: int
    fall_from: float = FALL_FROM
    back_to_best: bool = False


def course(epochs: int, patience: int, val_losses: Sequence[float]) -> Course:
    """The course of a training of at most `epochs` epochs, after those whose validation losses are given.

    A high learning rate hides how good the weights have become, so a training that merely stops when its validation
    loss stands still has not reached its best. Instead, when that loss has not improved for `patience` epochs, the
    training goes back to its best weights, the rate falls over as many epochs more, and then it ends.

    Parameters
    ----------
    epochs
        How many there are at most.
    patience
        Epochs without an improvement; 0 for any number.
    val_losses
        One per epoch done.
    """
    best, waited = math.inf, 0
    for done, loss in enumerate(val_losses, 1):
        waited = 0 if loss < best else waited + 1
        best = min(loss, best)
        if waited == patience > 0:
            ends = min(done + patience, epochs)
            falls = min(FALL_FROM * epochs, done)
            return Course(ends, falls / ends, back_to_best=done == len(val_losses))
    return Course(epochs)


def learning_rate_at(step: int, steps: int, highest: float, fall_from: float = FALL_FROM) -> float:
    """Rate of a step: a linear warm-up, a constant stretch, and a cosine fall.

    Parameters
    ----------
    step, steps
        Its number, from 0, and how many there are in all.
    highest
        The rate of the constant stretch.
    fall_from
        Share of the steps after which it falls.
    """
    warm = max(min(WARM_UP_STEPS, int(WARM_UP_SHARE * steps)), 1)
    if step < warm:
        return highest * (step + 1) / warm
    fallen = max(0.0, (step / steps - fall_from) / (1 - fall_from)) if fall_from < 1 else 0.0
    return highest * (FINAL_RATE + (1 - FINAL_RATE) * 0.5 * (1 + math.cos(math.pi * fallen)))
