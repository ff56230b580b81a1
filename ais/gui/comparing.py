"""Comparisons of architectures in the open project: planned, run in the compute process, and kept over restarts."""

from __future__ import annotations

import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ais.annotation import file_safe_name
from ais.annotation.record_operations import AddModel
from ais.errors import AisError
from ais.gui.comparison import ArchitectureChoice, Comparison, ComparisonPlan, ComparisonState
from ais.gui.model_use import ModelUse
from ais.trainset.recorded import RecordedSet

if TYPE_CHECKING:
    from ais.gui.document import Document
    from ais.gui.editor import Editor

RECORD = "comparisons"
"""Under this name the project remembers them; they have no undo."""
FOLDER = "comparisons"
REMEMBERED = 20


class Comparisons:
    """The comparisons of the open project. Call `follow` in every frame.

    One runs at a time, behind the trainings and exports that were asked for before. What ends early keeps the rows and
    models of the architectures that were finished, and can be gone on with.

    Parameters
    ----------
    editor
        Whose project, training sets and compute process it uses.

    Attributes
    ----------
    plan
        What the next one is to be.
    comparisons
        Oldest first.
    selected
        The one that is looked at; None for none.
    revision
        Grows whenever a comparison has got another state or another row.
    """

    def __init__(self, editor: Editor) -> None:
        self._editor = editor
        self._document: Document | None = None
        self._choices: tuple[ArchitectureChoice, ...] | None = None
        self._seen: object = None
        self.plan = ComparisonPlan()
        self.comparisons: list[Comparison] = []
        self.selected: Comparison | None = None
        self.revision = 0

    # What can be chosen

    @property
    def sets(self) -> tuple[RecordedSet, ...]:
        """The project's training sets, newest first."""
        return self._editor.modelling.training_sets.sets[::-1]

    @property
    def training_set(self) -> RecordedSet | None:
        """The one that is chosen; None while there is none."""
        sets = self.sets
        return next((one for one in sets if one.file == self.plan.training_set), sets[0] if sets else None)

    @property
    def choices(self) -> tuple[ArchitectureChoice, ...]:
        """Architectures that take as many slices as the chosen set has.

        Files of the user's models folder are not run here, so of these only the names are known.
        """
        if self._choices is None:
            self._choices = _known_architectures()
        one = self.training_set
        depth = 1 if one is None else one.depth
        return tuple(choice for choice in self._choices if choice.depths[0] <= depth <= choice.depths[1])

    @property
    def chosen(self) -> tuple[str, ...]:
        """Names of the architectures that will be compared."""
        return tuple(choice.name for choice in self.choices if choice.name not in self.plan.left_out)

    @property
    def running(self) -> Comparison | None:
        """The one that runs or waits for its turn; None if none does."""
        return next((one for one in self.comparisons if one.job is not None), None)

    def problem(self) -> str:
        """Why the plan cannot be carried out, in one sentence that says what to do; else empty."""
        one, plan = self.training_set, self.plan
        if self._document is None:
            return "Open a tomogram first."
        if self._editor.read_only:
            return "This project can only be read: save a copy to compare architectures in."
        if one is None:
            return "Make a training set first, in the Models tab."
        if len(one.features) > 1:
            return f"This training set is for {', '.join(one.features)}: choose one that is for one feature."
        if not self.chosen:
            return "Choose at least one architecture."
        if plan.on_tomogram:
            if self._editor.snapshot.tomogram(plan.test) is None:
                return "Choose the tomogram to measure on."
            if plan.truth is None:
                return "Choose the volume that says what is true in that tomogram."
        if plan.show_slice and self._editor.shown is None:
            return "Open the tomogram whose slice the pictures are to show."
        return "Wait for the comparison that runs, or stop it." if self.running is not None else ""

    # For buttons

    def run(self) -> Comparison:
        """Carry the plan out.

        Raises
        ------
        AisError
            With `problem`, if there is one.
        """
        if problem := self.problem():
            raise AisError(problem)
        one, document = self.training_set, self._document
        assert one is not None
        assert document is not None
        output = self._free_folder(Path(one.file).stem)
        plan, shown = self.plan, self._editor.shown
        test = self._editor.snapshot.tomogram(plan.test) if plan.on_tomogram else None
        arguments: dict[str, Any] = {
            "sets": [str(one.path(document.project.path))],
            "output": str(output),
            "architectures": list(self.chosen),
            "epochs": plan.epochs,
            "validation": None if test is not None else plan.validation,
            "test": None if test is None else str(test.path),
            "truth": None if test is None else str(plan.truth),
            "shown": [str(shown.entry.path), self._editor.state.z] if plan.show_slice and shown is not None else None,
            **plan.more,
        }
        now = datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")
        comparison = Comparison(output.name, arguments, made=now)
        self.comparisons.append(comparison)
        self._start(comparison)
        return comparison

    def go_on(self, comparison: Comparison) -> None:
        """Carry on with one that was stopped, interrupted, or in which something failed."""
        if comparison.ended and self.running is None and not self._editor.read_only:
            self._start(comparison)

    def stop(self, comparison: Comparison) -> None:
        """End it soon; architectures that are finished are kept."""
        if comparison.job is not None:
            comparison.state = ComparisonState.STOPPING
            self._editor.engine.cancel(comparison.job)
            self._changed()

    def forget(self, comparison: Comparison) -> None:
        """Take one that has ended off the list; its files stay."""
        if comparison.ended and comparison in self.comparisons:
            self.comparisons.remove(comparison)
            if self.selected is comparison:
                self.selected = self.comparisons[-1] if self.comparisons else None
            self._changed()

    def use_model(self, comparison: Comparison, row: dict[str, Any]) -> None:
        """Add the model of a row to the project."""
        if not row.get("model"):
            return
        path = Path(row["model"])
        if any(entry.path == path for entry in self._editor.snapshot.models):
            self._editor.notices.say(f"{row['title']} is among the models of the project already.")
            return
        name = f"{comparison.name} {row['title']}"
        self._editor.submit(
            AddModel(path, name=name, settings=ModelUse().as_settings()),
            lambda _: self._editor.notices.say(f"{name} is among the models of the project now."),
        )

    # Every frame

    def follow(self) -> None:
        """Take in what has come."""
        if self._editor.document is not self._document:
            self._change_project()
        running = self.running
        if running is not None:
            self._take_news(running)

    def _take_news(self, comparison: Comparison) -> None:
        job = comparison.job
        assert job is not None
        rows = job.published.get("rows")
        if rows is not None and rows is not self._seen:
            self._seen = rows
            comparison.rows = tuple(rows)
            self._changed()
        if job.finished:
            comparison.job, self._seen = None, None
            self._end(comparison, job.state.value, job.error, lost=job.lost)

    def _end(self, comparison: Comparison, state: str, error: str, *, lost: bool) -> None:
        if state == "done":
            comparison.state = ComparisonState.DONE
        elif state == "failed" and not lost:
            comparison.state, comparison.error = ComparisonState.FAILED, error
        else:
            comparison.error = "" if comparison.state is ComparisonState.STOPPING else error
            comparison.state = ComparisonState.INTERRUPTED
        self._changed()

    def _start(self, comparison: Comparison) -> None:
        comparison.state, comparison.error, comparison.rows = ComparisonState.RUNNING, "", ()
        title = f"Comparing architectures: {comparison.name}"
        comparison.job = self._editor.engine.submit("compare", comparison.arguments, title)
        self.selected = comparison
        self._changed()

    # The project

    def _change_project(self) -> None:
        running = self.running
        if running is not None and running.job is not None:
            self._editor.engine.cancel(running.job)
        self._document = document = self._editor.document
        self.plan, self.comparisons, self.selected = ComparisonPlan(), [], None
        self.revision += 1
        if document is None:
            return

        def loaded(records: Any) -> None:
            if self._document is document:
                self.comparisons = [*_known(records), *self.comparisons]
                if self.selected is None and self.comparisons:
                    self.selected = self.comparisons[-1]
                self.revision += 1

        document.ask(lambda project: project.view_state(RECORD, []), loaded)

    def _changed(self) -> None:
        self.revision += 1
        if self._document is not None and not self._editor.read_only:
            records = [comparison.as_record() for comparison in self.comparisons[-REMEMBERED:]]
            self._document.remember(RECORD, records)

    def _free_folder(self, name: str) -> Path:
        assert self._document is not None
        folder = self._document.project.path.parent / FOLDER
        taken = {comparison.folder for comparison in self.comparisons}
        safe, number = file_safe_name(name), 1
        output = folder / safe
        while output in taken or output.exists():
            number += 1
            output = folder / f"{safe} {number}"
        return output


def _known_architectures() -> tuple[ArchitectureChoice, ...]:
    from ais.models.registry import ARCHITECTURES
    from ais.models.user_architectures import user_architecture_names

    own = [ArchitectureChoice(name, name, "Yours, from the models folder.") for name in user_architecture_names()]
    return (
        *(ArchitectureChoice(one.name, one.title, one.good_for, one.parameters, one.depths) for one in ARCHITECTURES),
        *own,
    )


def _known(records: Any) -> list[Comparison]:
    found = []
    for record in records if isinstance(records, list) else []:
        try:
            found.append(Comparison.from_record(record))
        except (KeyError, TypeError, ValueError):
            continue  # of another version, or damaged: the files are what counts
    return found
