"""The next training before it begins: its sets, its network, its numbers, and what is wrong with them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ais.errors import AisError
from ais.gui.training import Training, TrainingState
from ais.trainset.recorded import RecordedSet

if TYPE_CHECKING:
    from ais.models import ModelInfo
    from ais.models.architecture import Architecture, OptionValue

VALIDATIONS = (0.0, 0.1, 0.2, 0.5)
AUGMENTATIONS = ("none", "basic", "strong")
LOSSES = ("bce-dice", "bce", "dice")
TOO_FEW = 2
"""A network cannot learn from fewer samples."""


@dataclass
class TrainingPlan:
    """What the user wishes; changed by the panel.

    Attributes
    ----------
    name
        Of the model; empty for a name made of the set's.
    sets
        Files of the chosen sets, as in `RecordedSet`; None for the newest.
    architecture, options
        The network, and those of its options that differ from what is usual.
    epochs, batch_size, copies, negatives, learning_rate, validation, patience, augment, loss, averaging, weight_decay,
    clip, seed
        As in `ais.training.train`; None where that has something usual of its own.
    continue_from
        A model to begin with instead of a fresh network.
    """

    name: str = ""
    sets: tuple[str, ...] | None = None
    architecture: str = "fastnet"
    options: dict[str, OptionValue] = field(default_factory=dict)
    epochs: int = 50
    batch_size: int = 32
    copies: int = 10
    negatives: float | None = None
    learning_rate: float | None = None
    validation: float = 0.1
    patience: int = 0
    augment: str = "basic"
    loss: str | None = None
    averaging: float = 0.0
    weight_decay: float = 0.0
    clip: float = 0.0
    seed: int = 0
    continue_from: Path | None = None

    def chosen(self, sets: Sequence[RecordedSet]) -> list[RecordedSet]:
        """The sets to train on, among those that there are (oldest first)."""
        if self.sets is None:
            return list(sets[-1:])
        return [one for one in sets if one.file in self.sets]

    def settings(self) -> dict[str, Any]:
        """Arguments of `ais.training.train`, JSON-able."""
        network: dict[str, Any] = {"architecture": self.architecture, "options": dict(self.options)}
        if self.continue_from is not None:
            network = {"continue_from": str(self.continue_from)}
        usual = {"negatives": self.negatives, "learning_rate": self.learning_rate, "loss": self.loss}
        return {
            **network,
            **{name: value for name, value in usual.items() if value is not None},
            "epochs": self.epochs,
            "batch_size": self.batch_size,
            "copies": self.copies,
            "validation": self.validation,
            "patience": self.patience if self.validation else 0,
            "augment": self.augment,
            "averaging": self.averaging,
            "weight_decay": self.weight_decay,
            "clip": self.clip,
            "seed": self.seed,
        }

    def groups(self, sets: Sequence[RecordedSet]) -> list[list[RecordedSet]]:
        """The chosen sets, those of the same features together: each group trains one network."""
        groups: dict[tuple[str, ...], list[RecordedSet]] = {}
        for one in self.chosen(sets):
            groups.setdefault(one.features, []).append(one)
        return list(groups.values())

    def name_for(self, group: Sequence[RecordedSet], groups: int = 1) -> str:
        """What the model of a group is called, among so many groups."""
        own = Path(group[-1].file).stem
        wished = self.name.strip()
        return own if not wished else wished if groups == 1 else f"{wished} {own}"

    def problem(self, sets: Sequence[RecordedSet], base: ModelInfo | None = None) -> str:
        """Why nothing can be trained now, in one sentence; empty if it can.

        Parameters
        ----------
        sets
            Those that there are.
        base
            What `continue_from` says of itself, if that is known.
        """
        chosen = self.chosen(sets)
        if not chosen:
            return "Choose a training set." if sets else "Make a training set first."
        for group in self.groups(sets):
            names = " and ".join(Path(one.file).stem for one in group)
            if len({(one.box_size, one.depth) for one in group}) > 1:
                return f"{names} differ in box size or depth: choose sets that have both in common."
            if sum(one.n_samples for one in group) < TOO_FEW:
                return f"{names} holds one sample only: place more boxes and make the set again."
            problem = self._network_problem(group[0], base)
            if problem:
                return problem
        return ""

    def _network_problem(self, one: RecordedSet, base: ModelInfo | None) -> str:
        if self.continue_from is not None:
            if base is not None and base.depth != one.depth:
                return f"This model sees {base.depth} slices and the training set has {one.depth}."
            return ""
        known = known_architecture(self.architecture)
        if known is None:
            return ""  # one of the user's own: its file is read where it is trained
        low, high = known.depths
        if not low <= one.depth <= high:
            slices = f"{low} to {high}" if low != high else str(low)
            return f"{known.title} looks at {slices} slices: make a training set of that depth, or choose another."
        if known.volumetric and len(one.features) > 1:
            return f"{known.title} finds one feature: make one set for each, or choose another network."
        return ""

    def seconds(self, sets: Sequence[RecordedSet], trainings: Sequence[Training]) -> float | None:
        """About how long it takes, by the last training of the same network; None if there was none.

        Parameters
        ----------
        sets
            Those that there are.
        trainings
            Those that are listed.
        """
        settings = self.settings()
        alike = ("architecture", "options", "continue_from")
        for training in reversed(trainings):
            same = all(training.settings.get(name) == settings.get(name) for name in alike)
            if same and training.epochs and training.state is TrainingState.DONE:
                rate = float(training.epochs[-1]["samples_per_second"])
                positive = sum(one.n_positive for one in self.chosen(sets))
                negative = sum(one.n_samples - one.n_positive for one in self.chosen(sets))
                if self.negatives is not None:
                    negative = round(positive * self.negatives)
                shown = (positive + negative) * (1 - self.validation) * self.copies
                return self.epochs * shown / rate if rate > 0 else None
        return None


def known_architecture(name: str) -> Architecture | None:
    """An architecture of Ais; None for one of the user's own, whose file only the compute process executes."""
    from ais.models.registry import architecture

    try:
        return architecture(name, own=False)
    except AisError:
        return None
