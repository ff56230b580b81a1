"""A training of the project: its settings, its state, its curves, and how it is remembered."""

from __future__ import annotations

import enum
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from ais.engine import Job


class TrainingState(enum.Enum):
    """Where a training stands."""

    WAITING = "waiting"
    RUNNING = "running"
    STOPPING = "stopping"
    DONE = "done"
    FAILED = "failed"
    CANCELLED = "cancelled"
    INTERRUPTED = "interrupted"


ENDED = frozenset({TrainingState.DONE, TrainingState.FAILED, TrainingState.CANCELLED, TrainingState.INTERRUPTED})


@dataclass(frozen=True, eq=False)
class Curves:
    """A training, epoch by epoch, for plots; all arrays (epochs,) float64.

    Attributes
    ----------
    epoch
        From 1.
    loss, val_loss, dice, precision, recall
        As in `ais.training.EpochReport`; val_loss is NaN without validation.
    samples_per_second
        Of each epoch.
    """

    epoch: NDArray[np.float64]
    loss: NDArray[np.float64]
    val_loss: NDArray[np.float64]
    dice: NDArray[np.float64]
    precision: NDArray[np.float64]
    recall: NDArray[np.float64]
    samples_per_second: NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class TrainingPicture:
    """What a network in training finds in a slice.

    Attributes
    ----------
    training
        Key of the training.
    path, z
        Tomogram and slice.
    maps
        For each feature (ny, nx) uint8 of the whole slice, 0 to 255, 0 outside the crop region.
    revision
        Another number for another picture.
    """

    training: str
    path: str
    z: int
    maps: Mapping[str, NDArray[np.uint8]]
    revision: int


@dataclass(eq=False)
class Training:
    """One training; only the queue changes it.

    Attributes
    ----------
    key
        Names it over restarts.
    name
        What the model is called.
    sets
        Training sets.
    settings
        Further arguments of `ais.training.train`, JSON-able.
    output
        The model file.
    state
        Where it stands.
    epochs
        Reports of the epochs done, as dictionaries with the attributes of `ais.training.EpochReport`.
    error
        Why it failed, in one sentence.
    stopped
        Why it ended before its last epoch, in one sentence; else empty.
    notes
        Sentences about what went otherwise than asked for.
    fraction, message, seconds_left, samples_per_second
        While it runs: 0 to 1, what is being done, estimated time, rate now; None where not known.
    """

    key: str
    name: str
    sets: tuple[str, ...]
    settings: dict[str, Any]
    output: Path
    state: TrainingState = TrainingState.WAITING
    epochs: list[dict[str, Any]] = field(default_factory=list)
    error: str = ""
    stopped: str = ""
    notes: tuple[str, ...] = ()
    crashes: int = 0
    job: Job | None = None
    run: str = ""

    @property
    def ended(self) -> bool:
        """Whether it neither runs nor waits."""
        return self.state in ENDED

    @property
    def fraction(self) -> float | None:
        """How far it is, 0 to 1; None when it is not known."""
        if self.job is not None:
            return self.job.fraction
        return None

    @property
    def message(self) -> str:
        """What is being done now."""
        return "" if self.job is None else self.job.message

    @property
    def seconds_left(self) -> float | None:
        """Estimated; None when it is not known."""
        return None if self.job is None else self.job.seconds_left

    @property
    def samples_per_second(self) -> float | None:
        """The rate now; None when it is not known."""
        rate = None if self.job is None else self.job.published.get("rate")
        return None if rate is None else float(rate)

    def curves(self) -> Curves:
        """Its epochs as arrays; made anew with each call, so call it when `epochs` has grown."""

        def column(name: str) -> NDArray[np.float64]:
            return np.array([np.nan if e.get(name) is None else e[name] for e in self.epochs], np.float64)

        return Curves(
            *(column("epoch"), column("loss"), column("val_loss"), column("dice")),
            *(column("precision"), column("recall"), column("samples_per_second")),
        )

    def as_record(self) -> dict[str, Any]:
        """As the project remembers it."""
        return {
            "key": self.key,
            "name": self.name,
            "sets": list(self.sets),
            "settings": self.settings,
            "output": str(self.output),
            "state": self.state.value,
            "epochs": self.epochs,
            "error": self.error,
            "stopped": self.stopped,
            "notes": list(self.notes),
        }

    @classmethod
    def from_record(cls, record: Mapping[str, Any]) -> Training:
        """From what the project remembers; one that ran or waited then is interrupted now."""
        state = TrainingState(record["state"])
        return cls(
            str(record["key"]),
            str(record["name"]),
            tuple(map(str, record["sets"])),
            dict(record["settings"]),
            Path(record["output"]),
            state if state in ENDED else TrainingState.INTERRUPTED,
            [dict(report) for report in record["epochs"]],
            str(record["error"]),
            str(record["stopped"]),
            tuple(map(str, record["notes"])),
        )
