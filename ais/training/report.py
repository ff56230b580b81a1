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
        samples.
    samples_per_second, seconds
        Rate of training, and time of the epoch with its validation.
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
    samples_per_second: float
    seconds: float
    best: bool

    def text(self) -> str:
        """One line for a log or a progress bar."""
        validation = "" if self.val_loss is None else f", validation loss {self.val_loss:.4f}"
        return (
            f"epoch {self.epoch} of {self.epochs}: loss {self.loss:.4f}{validation}, Dice {self.dice:.3f}, "
            f"{self.samples_per_second:.0f} samples/s"
        )


@dataclass(frozen=True)
class TrainingResult:
    """A finished training.

    Attributes
    ----------
    path
        The model file.
    loss, val_loss, dice, precision, recall
        Of the epoch whose weights were kept, as in `EpochReport`.
    seconds, samples_per_second
        Of the whole training.
    history
        All epochs.
    stopped
        Why it ended before its last epoch, in a sentence; empty if it did not.
    """

    path: Path
    loss: float
    val_loss: float | None
    dice: float
    precision: float
    recall: float
    seconds: float
    samples_per_second: float
    history: tuple[EpochReport, ...]
    stopped: str = ""
