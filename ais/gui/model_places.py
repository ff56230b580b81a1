"""What the Curator and the uncertainty queue ask the compute process: one slice after the other, each an urgent job."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ais.annotation import TomogramEntry
from ais.uncertainty import TileRule

if TYPE_CHECKING:
    from ais.engine import Job
    from ais.gui.editor import Editor
    from ais.gui.project_models import ProjectModel


@dataclass(frozen=True)
class ModelChoice:
    """A model whose output is looked at.

    Attributes
    ----------
    path
        Its file.
    name
        Shown to the user.
    threshold
        Probability, 0 to 1, from which the feature is present.
    finds
        Which of the features that it finds; empty for the first.
    tta
        Rotations and flips that are averaged.
    hash
        Its `ais.models.model_hash`; empty if it is not known, then it is computed for each slice.
    """

    path: Path
    name: str
    threshold: float = 0.5
    finds: str = ""
    tta: int = 1
    hash: str = ""

    @classmethod
    def of(cls, model: ProjectModel, finds: str = "") -> ModelChoice:
        """A model of the project, as it is used there."""
        content = model.file.hash if model.file is not None else ""
        return cls(model.entry.path, model.name, model.threshold, finds, model.use.tta, content)


@dataclass(frozen=True)
class SliceQuestion:
    """A slice to be segmented and ranked.

    Attributes
    ----------
    entry, z
        Which one.
    crop
        (x0, x1, y0, y1); None for the whole slice.
    """

    entry: TomogramEntry
    z: int
    crop: tuple[int, int, int, int] | None = None


class SliceQuestions:
    """Asks about slices one by one, so that live slices come in between.

    Each is an urgent job: it runs inside a training or an export, between two batches.

    Parameters
    ----------
    editor
        Whose compute process it uses.
    """

    def __init__(self, editor: Editor) -> None:
        self._editor = editor
        self._questions: list[SliceQuestion] = []
        self._asked = 0
        self._job: Job | None = None
        self._arguments: dict[str, Any] = {}
        self._further: Callable[[SliceQuestion], dict[str, Any]] = lambda _: {}
        self._answered: Callable[[SliceQuestion, dict[str, Any]], None] = lambda *_: None
        self._failed: Callable[[SliceQuestion, str], None] = lambda *_: None
        self._began = 0.0

    def begin(
        self,
        questions: Sequence[SliceQuestion],
        model: ModelChoice,
        *,
        size: int,
        rule: TileRule,
        count: int,
        seed: int = 0,
        pictures: bool,
        further: Callable[[SliceQuestion], dict[str, Any]],
        answered: Callable[[SliceQuestion, dict[str, Any]], None],
        failed: Callable[[SliceQuestion, str], None],
    ) -> None:
        """Ask about other slices in place of those that are left.

        Parameters
        ----------
        questions
            In the order in which they are asked.
        model, size, rule, count, seed, pictures
            As of the task ``tiles_of_slice``.
        further
            Gives more of its arguments for a slice.
        answered, failed
            Called by `follow` with the result, or with one sentence.
        """
        self.stop()
        self._questions = list(questions)
        self._asked, self._began = 0, time.monotonic()
        self._arguments = {
            "model": {"path": str(model.path), "hash": model.hash, "tta": model.tta},
            "feature": model.finds,
            "threshold": model.threshold,
            "size": size,
            "rule": str(rule),
            "count": count,
            "seed": seed,
            "pictures": pictures,
        }
        self._further, self._answered, self._failed = further, answered, failed

    def stop(self) -> None:
        """Ask no more."""
        if self._job is not None:
            self._editor.engine.cancel(self._job)
        self._job, self._questions = None, []

    def drop(self, tomogram: int) -> None:
        """Ask no more about a tomogram."""
        self._questions = [*self._questions[: self._asked], *self._left(but=tomogram)]

    def follow(self) -> None:
        """Take in an answer and ask the next question; once a frame."""
        if not self.busy:
            return
        from ais.engine import EngineStatus, JobState

        engine = self._editor.engine_in_use
        if self._job is not None and engine is not None and engine.status is EngineStatus.FAILED:
            question, problem = self._questions[self._asked - 1], engine.problem
            self.stop()
            self._failed(question, problem)
            return
        if self._job is not None and self._job.finished:
            job, question = self._job, self._questions[self._asked - 1]
            self._job = None
            if job.state is JobState.DONE:
                self._answered(question, job.result)
            elif job.state is JobState.FAILED:
                self._failed(question, job.error)
        if self._job is None and self._asked < len(self._questions):
            self._ask(self._questions[self._asked])

    @property
    def busy(self) -> bool:
        """Whether there is something left to ask or to answer."""
        return self._job is not None or self._asked < len(self._questions)

    @property
    def progress(self) -> tuple[int, int]:
        """Slices answered, and all of them."""
        return self._asked - (self._job is not None), len(self._questions)

    @property
    def seconds_left(self) -> float | None:
        """Estimated; None while it cannot be told."""
        done, total = self.progress
        return (time.monotonic() - self._began) * (total - done) / done if done and self.busy else None

    def _left(self, but: int) -> list[SliceQuestion]:
        return [question for question in self._questions[self._asked :] if question.entry.id != but]

    def _ask(self, question: SliceQuestion) -> None:
        entry, found = question.entry, question.entry.normalization
        known_otherwise = entry.voxel_size and entry.voxel_size != entry.header_voxel_size
        place = {
            "tomogram": str(entry.path),
            "voxel_size": entry.voxel_size if known_otherwise else None,
            "normalization": None if found is None else [found.center, found.scale],
            "z": question.z,
            "crop": None if question.crop is None else list(question.crop),
        }
        self._asked += 1
        arguments = {**self._arguments, **place, **self._further(question)}
        title = f"Looking at slice {question.z} of {entry.name}"
        self._job = self._editor.engine.submit("tiles_of_slice", arguments, title, urgent=True)
