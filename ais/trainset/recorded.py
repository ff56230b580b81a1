"""Training sets that a project remembers: where they lie and what is in them."""

from __future__ import annotations

import datetime
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ais.annotation.operation import Operation
from ais.annotation.record_operations import ChangeSetting
from ais.trainset.training_set import describe_training_set

if TYPE_CHECKING:
    from ais.project.edit import Edit
    from ais.project.reading import ProjectReader

KEY = "training sets"
"""The project's setting that holds them: a list of JSON objects with the attributes of `RecordedSet`."""


@dataclass(frozen=True)
class RecordedSet:
    """A training set made from a project.

    Attributes
    ----------
    file
        Its path from the project's folder, with ``/``, so that both can be moved together.
    features
        Names of what it teaches.
    n_samples, n_positive
        Samples, and those of them in which a feature is labelled.
    box_size, depth
        Pixels and slices of a sample.
    voxel_size
        In angstrom; 0.0 when unknown.
    made
        When, as ISO 8601 in UTC.
    """

    file: str
    features: tuple[str, ...]
    n_samples: int
    n_positive: int
    box_size: int
    depth: int
    voxel_size: float
    made: str

    def path(self, project: Path) -> Path:
        """Where it lies, for a project file's path."""
        return project.parent / self.file


@dataclass(frozen=True)
class RecordTrainingSets(Operation[None]):
    """Have a project remember training sets, in place of those of the same files.

    Attributes
    ----------
    sets
        What has been made, or found.
    verb
        What was done with them, for the history.
    """

    sets: Sequence[RecordedSet]
    verb: str = "Make"

    def text(self, edit: Edit) -> str:
        """Names them."""
        del edit
        return f"{self.verb} training set {', '.join(Path(one.file).stem for one in self.sets)}"

    def apply(self, edit: Edit) -> None:
        """Remember them."""
        new = {one.file for one in self.sets}
        kept = [one for one in recorded_sets(edit.project) if one.file not in new]
        _store(edit, [*kept, *self.sets])


@dataclass(frozen=True)
class ForgetTrainingSet(Operation[None]):
    """Take a training set off a project's list; its file stays.

    Attributes
    ----------
    file
        As in `RecordedSet`.
    """

    file: str

    def text(self, edit: Edit) -> str:
        """Names it."""
        del edit
        return f"Remove training set {Path(self.file).stem}"

    def apply(self, edit: Edit) -> None:
        """Forget it."""
        _store(edit, [one for one in recorded_sets(edit.project) if one.file != self.file])


def set_of_file(path: Path, project: Path) -> RecordedSet:
    """What a project remembers of a training set that lies somewhere.

    Parameters
    ----------
    path
        The training set.
    project
        The project's file.

    Raises
    ------
    AisError
        If it is none, or damaged.
    """
    figures = describe_training_set(path)
    absolute, folder = path.absolute(), project.absolute().parent
    file = absolute.relative_to(folder) if absolute.is_relative_to(folder) else absolute
    made = datetime.datetime.fromtimestamp(path.stat().st_mtime, datetime.UTC).isoformat(timespec="seconds")
    return RecordedSet(
        file.as_posix(),
        tuple(figures["features"]),
        *(figures["n_samples"], figures["n_positive"], figures["box_size"], figures["depth"]),
        figures["voxel_size"],
        made,
    )


def recorded_sets(project: ProjectReader) -> list[RecordedSet]:
    """The training sets that a project remembers, oldest first; what makes no sense is passed over."""
    stored = project.setting(KEY, [])
    found = [_recorded(entry) for entry in stored] if isinstance(stored, list) else []
    return [one for one in found if one is not None]


def _recorded(entry: Any) -> RecordedSet | None:
    if not isinstance(entry, Mapping):
        return None
    try:
        one = RecordedSet(**{**entry, "features": tuple(entry["features"])})
    except (KeyError, TypeError):
        return None
    return one if isinstance(one.file, str) else None


def _store(edit: Edit, sets: Sequence[RecordedSet]) -> None:
    value = [{**asdict(one), "features": list(one.features)} for one in sets]
    ChangeSetting(KEY, value or None).apply(edit)
