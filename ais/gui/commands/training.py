"""Commands about training sets and trainings."""

from __future__ import annotations

from collections.abc import Sequence

from ais.errors import AisError
from ais.gui.commands.command import Command, with_project
from ais.gui.commands.conditions import can_edit
from ais.gui.dialogs import ALL_FILES, FileKind
from ais.gui.editor import Editor
from ais.gui.set_opening import ENDING, add_training_sets
from ais.trainset.recorded import RecordedSet

MENU = "Model/Training"
KINDS = (FileKind("Training sets", (ENDING,)), ALL_FILES)


def _can_make(editor: Editor) -> bool:
    sets = editor.modelling.training_sets
    return can_edit(editor) and sets.writing is None and sets.counts().can_be_made


def _can_train(editor: Editor) -> bool:
    return can_edit(editor) and bool(editor.modelling.training_sets.sets)


def _runs(editor: Editor) -> bool:
    return editor.modelling.trainings.running is not None


def _make_set(editor: Editor) -> None:
    def made(records: Sequence[RecordedSet]) -> None:
        editor.modelling.trainings.plan.sets = tuple(one.file for one in records)

    editor.modelling.training_sets.write(made)


def _add_sets(editor: Editor) -> None:
    editor.dialogs.open_files("Add training set", KINDS, lambda paths: add_training_sets(editor, paths))


def _make_and_train(editor: Editor) -> None:
    def made(records: Sequence[RecordedSet]) -> None:
        editor.modelling.trainings.plan.sets = tuple(one.file for one in records)
        editor.modelling.trainings.plan.continue_from = None
        _begin(editor, [*editor.modelling.training_sets.sets, *records])

    editor.modelling.training_sets.write(made)


def _train(editor: Editor) -> None:
    _begin(editor, list(editor.modelling.training_sets.sets))


def _begin(editor: Editor, sets: Sequence[RecordedSet]) -> None:
    try:
        editor.modelling.trainings.add_planned(sets)
    except AisError as error:
        editor.notices.problem(str(error))
    else:
        editor.shell.training = True


def _stop(editor: Editor) -> None:
    running = editor.modelling.trainings.running
    if running is not None:
        editor.modelling.trainings.stop(running)


def _samples(editor: Editor) -> None:
    editor.shell.samples = not editor.shell.samples


def _panel(editor: Editor) -> None:
    editor.shell.training = not editor.shell.training


TRAINING_COMMANDS: tuple[Command, ...] = (
    Command(
        "training.make_and_train",
        "Make training set and train",
        MENU,
        _make_and_train,
        "",
        "Writes the samples of the boxes to a file and begins to train a network on them",
        _can_make,
    ),
    Command(
        "training.make_set",
        "Make training set",
        MENU,
        _make_set,
        "",
        "Writes the samples of the boxes to a file, as planned in the Models tab",
        _can_make,
    ),
    Command(
        "training.add_set",
        "Add training set...",
        MENU,
        _add_sets,
        "",
        "One that was made elsewhere, also by Ais 1.x; its file stays where it is",
        can_edit,
    ),
    Command(
        "training.samples",
        "Show samples",
        MENU,
        _samples,
        "",
        "Pictures of what the next training set would hold",
        with_project,
        lambda editor: editor.shell.samples,
    ),
    Command(
        "training.train",
        "Train",
        MENU,
        _train,
        "",
        "Trains a network on the chosen sets, after those that wait",
        _can_train,
        separated=True,
    ),
    Command(
        "training.stop",
        "Stop training, keep the best",
        MENU,
        _stop,
        "",
        "The best epoch so far becomes the model",
        _runs,
    ),
    Command(
        "training.panel",
        "Training curves",
        "View",
        _panel,
        "",
        "Loss and Dice of a training, epoch by epoch",
        checked=lambda editor: editor.shell.training,
    ),
)
