"""How a training went: epoch by epoch, and as a whole."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class EpochReport:
    """How an epoch went.

    Attributes
    ----------
    epoch, epochs
        Its number, from 1, and how many there will be.
    loss, val_loss
        On the training samples as they were varied, and on the validation samples (None without).
    dice, precision, recall
        At probability 0.5 over all pixels of the epoch: of the validation samples, or without them of the training
        samples. Of a network that finds several features the mean over these.
    dice_by_feature
        Dice of each feature, by its name.
    samples_per_second, seconds
        Rate of training, and time of the epoch with its validation.
    waiting
        Share of the training time, 0 to 1, in which the next batch was not ready. A GPU goes on computing meanwhile, so
        there its own share is smaller.
    batch_size
        Samples in a step; smaller than what was asked for after memory ran out.
    best
        Whether it is the best so far, by val_loss, or by loss without validation.
    """

    epoch: int
    epochs: int
    loss: float
    val_loss: float | None
    dice: float
    precision: float
    recall: float
    dice_by_feature: dict[str, float]
    samples_per_second: float
    seconds: float
    waiting: float
    batch_size: int
    best: bool

    @property
    def reached(self) -> float:
        """What decides which epoch is best: val_loss, or loss without validation."""
        return self.loss if self.val_loss is None else self.val_loss

    def text(self) -> str:
        """One line for a log or a progress bar."""
        validation = "" if self.val_loss is None else f", validation loss {self.val_loss:.4f}"
        each = ", ".join(f"{feature} {dice:.3f}" for feature, dice in self.dice_by_feature.items())
        features = f" ({each})" if len(self.dice_by_feature) > 1 else ""
        return (
            f"epoch {self.epoch} of {self.epochs}: loss {self.loss:.4f}{validation}, Dice {self.dice:.3f}{features}, "
            f"{self.samples_per_second:.0f} samples/s, {self.waiting:.0%} waiting for samples"
        )


@dataclass(frozen=True)
class TrainingResult:
    """A finished training.

    Attributes
    ----------
    path
        The model file.
    loss, val_loss, dice, precision, recall, dice_by_feature
        Of the epoch whose weights were kept, as in `EpochReport`.
    seconds, samples_per_second, waiting_share
        Of the whole training.
    history
        All epochs.
    stopped
        Why it ended before its last epoch, in a sentence; empty if it did not.
    notes
        Sentences about what went otherwise than asked for.
    """

    path: Path
    loss: float
    val_loss: float | None
    dice: float
    precision: float
    recall: float
    dice_by_feature: dict[str, float]
    seconds: float
    samples_per_second: float
    waiting_share: float
    history: tuple[EpochReport, ...]
    stopped: str = ""
    notes: tuple[str, ...] = ()
