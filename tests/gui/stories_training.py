"""Stories about training sets and trainings: two networks from two features, stopping, going on, what goes wrong."""

from __future__ import annotations

import os
import signal
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from acting import Context, frames, pixels, press, screenshot, until
from plans import story

from ais.annotation import AddFeature, AddTomogram, PaintStroke, PlaceBoxes, RelinkTomogram
from ais.formats.registry import write_volume
from ais.gui.editor import Editor
from ais.gui.settings import Settings, SettingsFile
from ais.gui.state import Tab
from ais.gui.theme import theme_of
from ais.gui.training import Training, TrainingState
from ais.project import Project

SHAPE = (8, 60, 70)
BOX = 32
NAMES = ("membrane", "ribosome")
STROKES = {"membrane": ((12, 20), (12, 56)), "ribosome": ((44, 20), (44, 50))}
PATIENCE_S = 120.0
WINDOW = (1100, 720)


def tomogram(folder: Path) -> Sequence[Path]:
    """Write two stripes in noise, as bright as they are dark."""
    SettingsFile(folder / "settings").save(Settings(window_size=WINDOW))
    volume = np.random.default_rng(0).normal(0, 0.5, SHAPE)
    volume[:, 8:16, 14:62] -= 2
    volume[:, 40:48, 14:56] += 2
    write_volume(folder / "cell.mrc", volume.astype("f4"), voxel_sizes=10.0)
    return [folder / "cell.mrc"]


def project(folder: Path) -> Sequence[Path]:
    """The tomogram in a project with a name, which is what the program is started with again."""
    with Project.create(folder / "cell.aisproj") as made:
        made.apply(AddTomogram(tomogram(folder)[0]))
    return [folder / "cell.aisproj"]


def settles(ctx: Context, editor: Editor) -> None:
    """Wait until everything asked for is done, trainings aside."""

    def still() -> bool:
        document = editor.document
        return document is not None and not document.busy and not editor.background.busy and editor.shown is not None

    until(ctx, still, 20, "all is saved")
    frames(ctx, 3)
    until(ctx, still, 20, "all is saved")


def annotate(ctx: Context, editor: Editor, names: Sequence[str] = NAMES) -> None:
    """Paint features in four slices each."""
    until(ctx, lambda: editor.shown is not None and editor.shown.statistics is not None, 20, "the tomogram")
    for name in names:
        editor.submit(AddFeature(name, box_size=BOX))
    settles(ctx, editor)
    assert editor.state.tomogram is not None
    for feature in editor.snapshot.features:
        for z in (1, 3, 4, 6):
            editor.submit(PaintStroke(editor.state.tomogram, feature.id, z, STROKES[feature.name], 4.0))
    settles(ctx, editor)
    press(ctx, "2")
    until(ctx, lambda: editor.state.tab is Tab.MODELS, 5, "the Models tab")
    frames(ctx, 3)


def types(ctx: Context, reference: str, text: str) -> None:
    """Type into a number that can be dragged."""
    ctx.item_input(reference)
    ctx.key_chars_replace_enter(text)
    frames(ctx, 2)


def makes_sets(ctx: Context, editor: Editor) -> None:
    ctx.item_click("//Models/**/Place boxes")
    settles(ctx, editor)
    ctx.item_click("//Models/**/Make training set")
    until(ctx, lambda: editor.modelling.training_sets.sets, 20, "the sets are made")
    settles(ctx, editor)


def chooses_a_small_network(ctx: Context, editor: Editor, epochs: int) -> None:
    """UNet S with 4 first filters."""
    ctx.item_click("//Models/training/##architecture")
    ctx.item_click("//$FOCUSED/unet-s")
    types(ctx, "//Models/training/##epochs", str(epochs))
    ctx.item_open("//Models/training/###advanced")
    types(ctx, "//Models/training/##first_filters", "4")
    types(ctx, "//Models/training/##copies", "2")
    ctx.item_close("//Models/training/###advanced")
    plan = editor.modelling.trainings.plan
    assert (plan.architecture, plan.options, plan.epochs, plan.copies) == ("unet-s", {"first_filters": 4}, epochs, 2)


def nothing_unexpected(editor: Editor) -> None:
    assert not editor.shell.unexpected, editor.shell.unexpected[0]


def goes_on_after_a_restart(ctx: Context, editor: Editor) -> None:
    """What was under way is interrupted; it goes on with its curve, and stopping keeps its best epoch."""
    until(ctx, lambda: editor.shown is not None and editor.modelling.trainings.trainings, 20, "the training is known")
    queue = editor.modelling.trainings
    (training,) = queue.trainings
    assert training.state is TrainingState.INTERRUPTED
    assert not training.output.exists()
    before = [report["loss"] for report in training.epochs]
    assert len(before) >= 3
    press(ctx, "2")
    until(ctx, lambda: editor.state.tab is Tab.MODELS, 5, "the Models tab")
    frames(ctx, 3)
    ctx.item_click("//Models/**/###membrane")
    frames(ctx, 5)
    assert editor.shell.training
    ctx.item_click("//Training/Resume")
    until(ctx, lambda: len(training.epochs) > len(before), PATIENCE_S, "a further epoch")
    assert [report["loss"] for report in training.epochs[: len(before)]] == before
    ctx.item_click("//Training/Stop")
    assert training.state is TrainingState.STOPPING
    until(ctx, lambda: training.ended, 20, "it has stopped")
    settles(ctx, editor)
    assert training.state is TrainingState.DONE
    assert "best weights were kept" in training.stopped
    assert [model.name for model in editor.snapshot.models] == ["membrane"]
    screenshot(ctx, "training/stopped")
    nothing_unexpected(editor)


@story(paths=project, then=[goes_on_after_a_restart], seconds=300)
def a_training_outlives_a_crash_and_a_restart(ctx: Context, editor: Editor) -> None:
    annotate(ctx, editor, NAMES[:1])
    makes_sets(ctx, editor)
    chooses_a_small_network(ctx, editor, 4000)
    ctx.item_click("//Models/**/Train")
    queue = editor.modelling.trainings
    (training,) = queue.trainings
    until(ctx, lambda: len(training.epochs) >= 2, PATIENCE_S, "two epochs")
    pid = editor.engine.pid
    assert pid
    os.kill(pid, signal.SIGKILL)
    until(ctx, lambda: editor.engine.pid not in (pid, None), PATIENCE_S, "a new compute process")
    known = len(training.epochs)
    until(ctx, lambda: len(training.epochs) > known, PATIENCE_S, "it goes on by itself")
    assert any("goes on after its last whole epoch" in notice.text for notice in editor.notices.said)
    assert [report["epoch"] for report in training.epochs] == list(range(1, len(training.epochs) + 1))
    screenshot(ctx, "training/under-way")
    nothing_unexpected(editor)


def large_letters(folder: Path) -> Sequence[Path]:
    paths = tomogram(folder)
    SettingsFile(folder / "settings").save(Settings(window_size=(1280, 720), font_scale=1.5))
    return paths


def some(name: str, state: TrainingState, epochs: int, error: str = "") -> Training:
    """A training as the project remembers it."""
    rng = np.random.default_rng(1)
    falls = 0.15 + 0.5 * np.exp(-np.arange(1, epochs + 1) / 8)
    lowest = int(np.argmin(falls[: max(epochs - 5, 1)])) if epochs else 0
    reports = [
        {
            **{"epoch": n + 1, "epochs": 50, "loss": falls[n], "val_loss": falls[n] * 1.1 + rng.normal(0, 0.02)},
            **{"dice": 1 - falls[n], "precision": 0.8, "recall": 0.7, "samples_per_second": 321.0, "seconds": 2.0},
            "best": n <= lowest,
        }
        for n in range(epochs)
    ]
    return Training(name, name, (), {}, Path(f"/models/{name}.aism"), state, reports, error)


@story(paths=large_letters)
def trainings_in_every_state(ctx: Context, editor: Editor) -> None:
    annotate(ctx, editor, NAMES[:1])
    screenshot(ctx, "training/large-letters")
    queue = editor.modelling.trainings
    why = "The training set /data/cell/training sets/membrane.scnt does not exist: make it again."
    queue.trainings += [
        some("one that is done", TrainingState.DONE, 50),
        some("membranes of mitochondria and of everything else", TrainingState.INTERRUPTED, 23),
        some("failed", TrainingState.FAILED, 0, why),
        some("given up", TrainingState.CANCELLED, 0),
    ]
    ctx.item_close("//Models/###training set")
    ctx.item_open("//Models/###training")
    assert not ctx.item_exists("//Models/**/Stop failed")
    for name in ("Train further one that is done", "Try again failed", "Try again given up"):
        assert ctx.item_exists(f"//Models/**/{name}"), name
    before = pixels(ctx).astype(int)
    ctx.item_click("//Models/**/###one that is done")
    until(ctx, lambda: ctx.item_exists("//Training/Train further"), 5, "its curves")
    frames(ctx, 5)
    screenshot(ctx, "training/every-state")
    accent = np.array(theme_of(editor.settings.theme).accent) * 255
    drawn = (np.abs(pixels(ctx).astype(int) - accent) < 12).all(axis=2).sum()
    assert drawn > (np.abs(before - accent) < 12).all(axis=2).sum() + 200
    ctx.item_click("//Models/**/Remove failed")
    frames(ctx, 2)
    assert queue.training("failed") is None
    ctx.item_click("//Training/##training")
    frames(ctx, 2)
    ctx.item_click("//$FOCUSED/given up")
    frames(ctx, 2)
    assert queue.shown is queue.training("given up")
    nothing_unexpected(editor)


def says(editor: Editor) -> str:
    """What is wrong with the plan, in the order in which it is said."""
    return " ".join(problem.text for problem in editor.modelling.training_sets.counts().problems)


@story(paths=tomogram)
def what_cannot_be_trained_is_said(ctx: Context, editor: Editor) -> None:
    annotate(ctx, editor, NAMES[:1])
    sets, queue = editor.modelling.training_sets, editor.modelling.trainings
    (feature,) = editor.snapshot.features
    ctx.item_click("//Models/**/###membrane not used")
    assert "Mark a feature as positive" in says(editor)
    ctx.item_click("//Models/**/###membrane positive")
    assert editor.state.tomogram is not None
    editor.submit(PlaceBoxes(editor.state.tomogram, feature.id, [(3, 12, 30)]))
    settles(ctx, editor)
    assert "There is one box of membrane" in says(editor)
    types(ctx, "//Models/training set/##box size", "100")
    assert "A box of 100 pixels is larger than cell, which has 70 x 60" in says(editor)
    screenshot(ctx, "training/box-too-large")
    ctx.item_click("//Models/**/Show samples")
    frames(ctx, 5)
    types(ctx, "//Models/training set/##box size", str(BOX))
    until(ctx, lambda: sets.previews, 20, "the one sample is shown")
    press(ctx, "escape")
    ctx.item_click("//Models/**/Make training set")
    until(ctx, lambda: sets.sets, 20, "the set is made")
    settles(ctx, editor)
    assert "holds one sample only" in queue.plan.problem(sets.sets)
    screenshot(ctx, "training/one-sample")
    ctx.item_click("//Models/**/Remove set membrane")
    settles(ctx, editor)
    assert not sets.sets
    assert queue.plan.problem(sets.sets) == "Make a training set first."
    # Values that are not numbers: said in the window of samples, and by whoever makes the set all the same.
    (entry,) = editor.snapshot.tomograms
    volume = np.zeros(SHAPE, np.float32)
    volume[3] = np.nan
    write_volume(ctx.folder / "nan.mrc", volume, voxel_sizes=10.0)
    editor.submit(RelinkTomogram(entry.id, ctx.folder / "nan.mrc"))
    settles(ctx, editor)
    if not editor.shell.samples:
        ctx.item_click("//Models/**/Show samples")
    until(ctx, lambda: sets.preview_problem, 20, "the samples cannot be shown")
    assert "not" in sets.preview_problem
    screenshot(ctx, "training/not-numbers")
    ctx.item_click("//###samples/**/Make training set")
    until(ctx, lambda: any(notice.text == sets.preview_problem for notice in editor.notices.shown()), 20, "it is said")
    assert not list(ctx.folder.rglob("*.scnt")) or not sets.sets
    nothing_unexpected(editor)


@story(paths=tomogram, seconds=300)
def two_features_become_two_networks(ctx: Context, editor: Editor) -> None:
    annotate(ctx, editor)
    sets, queue = editor.modelling.training_sets, editor.modelling.trainings
    assert "no boxes of membrane" in sets.counts().problems[0].text
    screenshot(ctx, "training/without-boxes")
    ctx.item_click("//Models/**/Place boxes")
    settles(ctx, editor)
    assert [one.title for one in sets.counts().sets] == list(NAMES)
    assert sets.plan.box_size == BOX
    for choice, titles in (
        ("$$1/One that tells them apart", ["membrane and ribosome"]),
        ("$$0/One for each feature", NAMES),
    ):
        ctx.item_click("//Models/training set/##together")
        ctx.item_click(f"//$FOCUSED/{choice}")
        frames(ctx, 2)
        assert [one.title for one in sets.counts().sets] == list(titles)
    ctx.item_click("//Models/**/Show samples")
    until(ctx, lambda: sets.previews and not sets.previewing, 20, "pictures of samples")
    settles(ctx, editor)
    screenshot(ctx, "training/samples")
    picture = pixels(ctx).astype(int)
    colour = np.array(editor.snapshot.features[1].colour)
    tinted = np.abs((picture - picture.mean(axis=2, keepdims=True)) @ (colour - colour.mean())) > 12
    assert tinted.sum() > 500
    ctx.item_click("//###samples/#CLOSE")
    frames(ctx, 3)
    assert not editor.shell.samples
    ctx.item_click("//Models/**/Make training set")
    until(ctx, lambda: len(sets.sets) == 2, 20, "the sets are made")
    settles(ctx, editor)
    ctx.item_close("//Models/###training set")
    ctx.item_open("//Models/###training")
    screenshot(ctx, "training/form")
    chooses_a_small_network(ctx, editor, 3)
    screenshot(ctx, "training/chosen")
    ctx.item_click("//Models/**/Train")
    until(ctx, lambda: len(queue.trainings) == 2, 5, "both are asked for")
    assert editor.shell.training
    until(ctx, lambda: queue.trainings[0].epochs, PATIENCE_S, "an epoch")
    screenshot(ctx, "training/running")
    until(ctx, lambda: all(one.ended for one in queue.trainings), PATIENCE_S, "both are trained")
    settles(ctx, editor)
    assert [one.state for one in queue.trainings] == [TrainingState.DONE] * 2
    assert [model.name for model in editor.snapshot.models] == list(NAMES)
    screenshot(ctx, "training/done")
    nothing_unexpected(editor)
