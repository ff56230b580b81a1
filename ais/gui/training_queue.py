"""The trainings of the project: one after the other in the compute process, with their curves, kept over restarts."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ais.annotation.operation import Operation, Together
from ais.annotation.record_operations import AddModel
from ais.errors import AisError
from ais.gui.live_view import LiveView
from ais.gui.model_use import ModelUse
from ais.gui.training import ENDED, Training, TrainingPicture, TrainingState
from ais.gui.training_plan import TrainingPlan
from ais.trainset.recorded import RecordedSet

if TYPE_CHECKING:
    from ais.engine import Engine, Job
    from ais.gui.document import Document
    from ais.gui.editor import Editor

RECORD = "trainings"
"""Under this name the project remembers them; they have no undo."""
FOLDER = "models"
CRASHES = 3
"""After so many ends of the compute process without a new epoch between them a training has failed."""
REMEMBERED = 20


class TrainingQueue:
    """The trainings of the open project. Call `follow` in every frame.

    A training that ends with a model, also by `stop`, adds it to the project. What runs when the project is closed, or
    when anything is killed, is interrupted: `resume` goes on after its last whole epoch.

    Parameters
    ----------
    editor
        Whose project, engine and notices it uses.

    Attributes
    ----------
    trainings
        In the order in which they were asked for.
    picture
        What the training that runs finds in the slice on the screen; None while there is none.
    plan
        What the user wishes of the next training; the panel changes it.
    selected
        Key of the training whose curves are shown; empty for the one that runs.
    revision
        Grows whenever a training has got another state or another epoch.
    """

    def __init__(self, editor: Editor) -> None:
        self._editor = editor
        self._document: Document | None = None
        self._loaded = False
        self._watched: dict[str, Any] | None = None
        self._view: LiveView | None = None
        self._shown: Mapping[str, Any] | None = None
        self._published: Mapping[str, Any] | None = None
        self._pictures = 0
        self.trainings: list[Training] = []
        self.picture: TrainingPicture | None = None
        self.plan = TrainingPlan()
        self.selected = ""
        self.revision = 0

    @property
    def running(self) -> Training | None:
        """The one that runs; None if none does."""
        return next((training for training in self.trainings if training.job is not None), None)

    def training(self, key: str) -> Training | None:
        """The training of a key, or None."""
        return next((training for training in self.trainings if training.key == key), None)

    @property
    def shown(self) -> Training | None:
        """The training whose curves are shown: the selected one, else the one that runs, else the last."""
        selected = self.training(self.selected)
        return selected or self.running or (self.trainings[-1] if self.trainings else None)

    # Asked for by the user

    def add(self, name: str, sets: Sequence[Path], settings: Mapping[str, Any] | None = None) -> Training:
        """Train a network when those before it have ended.

        Parameters
        ----------
        name
            What the model is called; its file gets this name, numbered where there is one.
        sets
            Training sets.
        settings
            Arguments of `ais.training.train` other than sets and output, such as ``architecture``, ``options``,
            ``epochs``, ``validation``, ``continue_from`` (a path); JSON-able.

        Raises
        ------
        AisError
            If there is no project that can be changed, or no training set.
        """
        if self._document is None or self._editor.read_only:
            raise AisError("Open a project that can be changed before training: the model becomes part of it.")
        if not sets:
            raise AisError("Choose at least one training set.")
        output = self._free_output(name)
        training = Training(
            uuid.uuid4().hex, name, tuple(str(path.absolute()) for path in sets), dict(settings or {}), output
        )
        self.trainings.append(training)
        self._changed()
        return training

    def add_planned(self, sets: Sequence[RecordedSet]) -> list[Training]:
        """Train as planned on training sets, one network for those of the same features.

        Parameters
        ----------
        sets
            Those that the project has; the plan chooses among them.

        Raises
        ------
        AisError
            If something is wrong with the plan, or as `add`.
        """
        if problem := self.plan.problem(sets):
            raise AisError(problem)
        if self._document is None:
            return []
        groups = self.plan.groups(sets)
        added = []
        for group in groups:
            settings = self.plan.settings()
            colours = [one.colour for one in self._editor.snapshot.features if (one.name,) == group[0].features]
            if colours:
                settings["colour"] = list(colours[0])
            paths = [one.path(self._document.project.path) for one in group]
            added.append(self.add(self.plan.name_for(group, len(groups)), paths, settings))
        self.selected = ""
        return added

    def stop(self, training: Training) -> None:
        """End a training and keep its best epoch; one that waits, or has no whole epoch yet, is cancelled."""
        if training.job is not None:
            training.state = TrainingState.STOPPING
            self._editor.engine.cancel(training.job)
        elif training.state is TrainingState.WAITING:
            training.state = TrainingState.CANCELLED
        self._changed()

    def leave(self, training: Training) -> None:
        """Interrupt a training at once, to be gone on with later from its last whole epoch."""
        if training.job is not None:
            self._tell_to_leave(training)
        elif training.state is TrainingState.WAITING:
            training.state = TrainingState.INTERRUPTED
        self._changed()

    def resume(self, training: Training) -> None:
        """Train on, after the last whole epoch if there is one: one that was interrupted, has failed or was cancelled.

        It comes before those that wait.
        """
        if training.state in ENDED and training.state is not TrainingState.DONE:
            training.state, training.error, training.crashes = TrainingState.WAITING, "", 0
            self.trainings.remove(training)
            waiting = [one for one in self.trainings if one.state is TrainingState.WAITING]
            at = self.trainings.index(waiting[0]) if waiting else len(self.trainings)
            self.trainings.insert(at, training)
            self._changed()

    def continue_from(self, training: Training, **changes: Any) -> Training:
        """Train a finished model further: a new training with the same sets and settings but for `changes`."""
        if training.state is not TrainingState.DONE:
            raise AisError(f"{training.name} has no model yet: resume it, or wait until it has ended.")
        settings = {**training.settings, "continue_from": str(training.output), **changes}
        return self.add(training.name, [Path(path) for path in training.sets], settings)

    def remove(self, training: Training) -> None:
        """Take a training off the list; one that runs is cancelled first. A model that it made stays."""
        if training.job is not None:
            self._tell_to_leave(training)
            training.job = None
            self.picture = None
        if training in self.trainings:
            self.trainings.remove(training)
        if training.state is not TrainingState.DONE:
            self._editor.background.run(lambda _: _remove_checkpoint(training.output))
        self._changed()

    # Every frame

    def follow(self, view: LiveView | None) -> None:
        """Take in what has come and start what is next.

        Parameters
        ----------
        view
            The slice on the screen, which the training that runs shows; None for none.
        """
        if self._editor.document is not self._document:
            self._change_project()
        running = self.running
        if running is not None:
            self._take_news(running)
        if self._loaded and self.running is None:
            following = next((one for one in self.trainings if one.state is TrainingState.WAITING), None)
            if following is not None:
                self._start(following, view)
        self._watch(view)

    def _start(self, training: Training, view: LiveView | None) -> None:
        self._watched = None if view is None else view.arguments(view.z, view.plane)
        training.run = uuid.uuid4().hex
        arguments = {
            **training.settings,
            "sets": list(training.sets),
            "output": str(training.output),
            "name_of_run": training.run,
            "watch": self._watched or {},
        }
        training.job = self._editor.engine.submit("train", arguments, f"Training {training.name}")
        training.state = TrainingState.RUNNING
        self._changed()

    def _take_news(self, training: Training) -> None:
        job = training.job
        assert job is not None
        published = job.published
        if published is not self._published:
            self._published = published
            self._take_epochs(training, published.get("epochs", ()))
            self._take_picture(training, published.get("slice"))
        if job.finished:
            training.job, self._published, self.picture = None, None, None
            self._end(training, job)

    def _take_epochs(self, training: Training, reports: Sequence[Mapping[str, Any]]) -> None:
        # Those of a run that goes on begin after the epochs that are known from the run before.
        if reports and reports[-1] not in training.epochs[-1:]:
            first = reports[0]["epoch"]
            training.epochs = [e for e in training.epochs if e["epoch"] < first] + [dict(report) for report in reports]
            training.crashes = 0
            self._changed()

    def _take_picture(self, training: Training, shown: Mapping[str, Any] | None) -> None:
        view = self._view
        if shown is None or shown is self._shown:
            return
        self._shown, wish = shown, shown["wish"]
        if view is None or wish["tomogram"] != view.path:
            return
        self._pictures += 1
        maps = {
            feature: _whole(values, wish["crop"], view.shape)
            for feature, values in zip(shown["features"], shown["values"], strict=True)
        }
        self.picture = TrainingPicture(training.key, view.path, wish["z"], maps, self._pictures)

    def _end(self, training: Training, job: Job) -> None:
        from ais.engine import JobState

        if job.state is JobState.DONE:
            self._finish(training, job.result["history"], job.result["stopped"], job.result["notes"])
        elif job.lost and training.state is not TrainingState.STOPPING:
            training.crashes += 1
            again = training.crashes < CRASHES
            training.state = TrainingState.WAITING if again else TrainingState.FAILED
            training.error = job.error
            if again:
                self._editor.notices.say(f"Training {training.name} goes on after its last whole epoch.")
        elif job.state is JobState.FAILED:
            training.state, training.error = TrainingState.FAILED, job.error
        elif training.state is TrainingState.STOPPING and not training.epochs:
            training.state = TrainingState.CANCELLED
        else:
            training.state = TrainingState.INTERRUPTED
        self._changed()

    def _finish(
        self, training: Training, history: Sequence[Mapping[str, Any]], stopped: str, notes: Sequence[str]
    ) -> None:
        training.state, training.error = TrainingState.DONE, ""
        training.epochs = [dict(report) for report in history]
        training.stopped, training.notes = stopped, tuple(notes)
        if all(entry.path != training.output for entry in self._editor.snapshot.models):
            self._add_model(training.output, training.settings.get("continue_from"))

    def _add_model(self, path: Path, base_path: str | None) -> None:
        """Add the model of a training to the project; it takes the place of the one that was trained further."""
        modelling = self._editor.modelling
        base = next((model for model in modelling.models.models if str(model.entry.path) == base_path), None)
        use = ModelUse() if base is None else replace(base.use, active=True, threshold=None)  # its own threshold
        edits: list[Operation[Any]] = [AddModel(path, name=path.stem, settings=use.as_settings())]
        if base is not None:
            aside = modelling.models.use_operation(base.id, replace(base.use, active=False))
            edits += [] if aside is None else [aside]

        def select(_: None) -> None:
            new = next((entry for entry in self._editor.snapshot.models if entry.path == path), None)
            if new is not None and base is not None and modelling.selected == base.id:
                modelling.selected = new.id

        self._editor.submit(Together(f"Add model {path.stem}", edits), select)

    def _watch(self, view: LiveView | None) -> None:
        from ais.engine import JobState

        self._view = view
        running = self.running
        if running is None or running.job is None or running.job.state is not JobState.RUNNING:
            return
        wish = {} if view is None else view.arguments(view.z, view.plane)
        if wish != (self._watched or {}):
            self._watched = wish
            self._engine.submit("watch_slice", wish, "Watching a slice", urgent=True, replaces="watch slice")

    @property
    def _engine(self) -> Engine:
        return self._editor.engine

    def _tell_to_leave(self, training: Training) -> None:
        from ais.engine import JobState

        assert training.job is not None
        if training.job.state is JobState.WAITING:
            self._engine.cancel(training.job)
        else:
            self._engine.submit("leave_training", {"name_of_run": training.run}, "Leaving a training", urgent=True)

    # The project

    def _change_project(self) -> None:
        if (running := self.running) is not None:
            self._tell_to_leave(running)
        self._document = self._editor.document
        self._loaded = False
        self.trainings, self.picture = [], None
        self.plan, self.selected = TrainingPlan(), ""
        self.revision += 1
        document = self._document
        if document is None:
            return

        def loaded(records: Any) -> None:
            if self._document is document:
                early, self.trainings = self.trainings, [*_known(records), *self.trainings]
                self._loaded = True
                self._take_up_finished()
                self.revision += 1
                if early:
                    self._changed()

        document.ask(lambda project: project.view_state(RECORD, []), loaded)

    def _take_up_finished(self) -> None:
        # One that ended while nobody was there to note it: its file appears whole, and only at its end.
        if self._editor.read_only:
            return
        for training in self.trainings:
            if training.state is TrainingState.INTERRUPTED and training.output.is_file():
                self._editor.background.run(
                    lambda _, training=training: _training_record(training.output),  # type: ignore[misc]
                    lambda record, training=training: self._take_up(training, record),  # type: ignore[misc]
                    failed=lambda _: None,
                )

    def _take_up(self, training: Training, record: Mapping[str, Any]) -> None:
        if training in self.trainings and training.state is TrainingState.INTERRUPTED:
            self._finish(training, record.get("history", ()), "", record.get("notes", ()))
            self._changed()

    def _changed(self) -> None:
        self.revision += 1
        if self._document is not None and not self._editor.read_only:
            records = [training.as_record() for training in self.trainings[-REMEMBERED:]]
            self._document.remember(RECORD, records)

    def _free_output(self, name: str) -> Path:
        from ais.models.group import UNSAFE

        assert self._document is not None
        folder = self._document.project.path.parent / FOLDER
        safe = "".join("-" if letter in UNSAFE or ord(letter) < 32 else letter for letter in name).strip(" .")
        taken = {training.output for training in self.trainings}
        number, output = 1, folder / f"{safe or 'model'}.aism"
        while output in taken or output.exists():
            number += 1
            output = folder / f"{safe or 'model'} {number}.aism"
        return output


def _known(records: Any) -> list[Training]:
    found = []
    for record in records if isinstance(records, list) else []:
        try:
            found.append(Training.from_record(record))
        except (KeyError, TypeError, ValueError):
            continue  # of another version, or damaged: the model files are what counts
    return found


def _training_record(path: Path) -> dict[str, Any]:
    from ais.models import read_model_info

    return read_model_info(path).training


def _remove_checkpoint(output: Path) -> None:
    from ais.training.checkpoint import checkpoint_path, remove_checkpoint

    remove_checkpoint(checkpoint_path(output))


def _whole(values: NDArray[np.uint8], crop: Sequence[int] | None, shape: tuple[int, int, int]) -> NDArray[np.uint8]:
    if crop is None:
        return values
    x0, x1, y0, y1 = crop
    whole = np.zeros(shape[1:], np.uint8)
    whole[y0:y1, x0:x1] = values
    return whole
