"""Stories about comparing architectures: run, stopped, gone on with, its tables and pictures, a model used."""

from __future__ import annotations

import os
import signal
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from acting import Context, frames, in_window, pixels, press, screenshot, until
from plans import story

from ais.annotation import AddFeature, AddTomogram
from ais.formats.registry import write_volume
from ais.gui.comparison import Comparison, ComparisonState
from ais.gui.editor import Editor
from ais.gui.settings import Settings, SettingsFile
from ais.project import Project
from ais.trainset import SampleRecord, TrainingSet
from ais.trainset.recorded import RecordedSet, RecordTrainingSets

SHAPE = (8, 60, 70)
SIDE = 32
QUICK = {"options": {"first_filters": 4}, "copies": 1, "batch_size": 8, "precision": "float32", "device": "cpu"}
PICKED = ("UNet S", "VGGNet S")


def with_a_set(folder: Path, size: tuple[int, int] = (1440, 900), font_scale: float = 1.0) -> Sequence[Path]:
    """Make a project with a training set of discs, in a window of 1440 x 900."""
    SettingsFile(folder / "settings").save(Settings(window_size=size, font_scale=font_scale))
    rng = np.random.default_rng(0)
    y, x = np.mgrid[: SHAPE[1], : SHAPE[2]]
    disc = (y - 30) ** 2 + (x - 34) ** 2 <= 81
    write_volume(folder / "TS_001.mrc", (rng.normal(0, 0.6, SHAPE) - 2 * disc).astype(np.float32), voxel_sizes=10.0)
    count, negatives = 24, 6
    grid = np.arange(SIDE)
    centre = rng.uniform(9, SIDE - 10, size=(count, 2, 1, 1))
    inside = (grid[:, None] - centre[:, 0]) ** 2 + (grid - centre[:, 1]) ** 2 <= 49
    inside[count - negatives :] = False
    images = rng.normal(0, 0.6, size=inside.shape) - 2 * inside
    records = [
        SampleRecord(f"{n:016x}", "TS_009", "", "ribosome", 5, 8, 8, SIDE, SIDE, n >= count - negatives)
        for n in range(count)
    ]
    samples = TrainingSet(
        images[:, None].astype(np.float32), inside.astype(np.uint8), records, ["ribosome"], 10.0, "ribosome"
    )
    samples.write(folder / "training sets" / "ribosome.scnt")
    made = "2026-01-01T00:00:00+00:00"
    recorded = RecordedSet("training sets/ribosome.scnt", ("ribosome",), count, count - negatives, SIDE, 1, 10.0, made)
    with Project.create(folder / "work.aisproj") as project:
        project.apply(AddTomogram(folder / "TS_001.mrc"))
        project.apply(AddFeature("ribosome"))
        project.apply(RecordTrainingSets([recorded]))
    return [folder / "work.aisproj"]


def in_a_small_window(folder: Path) -> Sequence[Path]:
    """The same in a window of 1280 x 720 with large letters."""
    return with_a_set(folder, (1280, 720), 1.5)


def ready(ctx: Context, editor: Editor) -> None:
    until(ctx, lambda: editor.shown is not None and editor.modelling.comparisons.sets, 20, "the set is listed")


def newest(editor: Editor) -> Comparison:
    return editor.modelling.comparisons.comparisons[-1]


def finds_it_again(ctx: Context, editor: Editor) -> None:
    """What was compared is listed after a restart, with its pictures."""
    ready(ctx, editor)
    until(ctx, lambda: editor.modelling.comparisons.comparisons, 10, "it is remembered")
    assert [row["title"] for row in newest(editor).rows] == list(PICKED)
    in_window(ctx, lambda: setattr(editor.settings, "font_scale", 1.5))
    ctx.menu_click("//##MainMenuBar/Model/Compare architectures...")
    frames(ctx, 30)
    screenshot(ctx, "compare/large-letters")
    ctx.item_click("**/Take off the list")
    assert editor.modelling.comparisons.comparisons == []
    frames(ctx, 3)
    assert (ctx.folder / "comparisons" / "ribosome" / "comparison.csv").is_file(), "its files stay"


@story(paths=with_a_set, then=[finds_it_again], seconds=400)
def compare_and_use_the_best(ctx: Context, editor: Editor) -> None:
    """Two architectures are compared while one goes on working; the table is sorted and a model used."""
    ready(ctx, editor)
    press(ctx, "2")
    ctx.menu_click("//##MainMenuBar/Model/Compare architectures...")
    frames(ctx, 3)
    screenshot(ctx, "compare/empty")
    comparisons = editor.modelling.comparisons
    comparisons.plan.more = QUICK
    ctx.item_click("**/None")
    assert comparisons.chosen == ()
    assert comparisons.problem() == "Choose at least one architecture."
    for name in ("unet-s", "vggnet-s"):
        ctx.item_click(f"**/###Compare {name}")
    ctx.item_input_value("**/##Epochs", 4)
    ctx.item_click("**/Run comparison")
    comparison = newest(editor)
    until(ctx, lambda: comparison.part("unet-s"), 150, "the first is trained")
    screenshot(ctx, "compare/running")
    until(ctx, lambda: len(comparison.rows) == 1, 150, "the first row is there")
    ctx.item_click("**/Stop")
    until(ctx, lambda: comparison.ended, 60, "it has stopped")
    assert comparison.state is ComparisonState.INTERRUPTED
    assert len(comparison.rows) == 1
    frames(ctx, 2)
    ctx.item_click("**/Continue")
    until(ctx, lambda: comparison.ended, 150, "it has ended")
    assert comparison.state is ComparisonState.DONE, comparison.error
    assert [row["status"] for row in comparison.rows] == ["kept", "trained"]
    before = pixels(ctx)
    frames(ctx, 20)
    assert not np.array_equal(before, pixels(ctx)), "the pictures have come"
    ctx.item_click("**/Dice")
    frames(ctx, 3)
    screenshot(ctx, "compare/done")
    ctx.item_click("**/###Use vggnet-s")
    until(ctx, lambda: editor.snapshot.models, 10, "the model is in the project")
    (model,) = editor.snapshot.models
    assert (model.path, model.name) == (comparison.folder / "vggnet-s.aism", "ribosome VGGNet S")
    press(ctx, "esc")
    frames(ctx, 2)
    assert not editor.shell.comparing


@story(paths=in_a_small_window, seconds=400)
def a_crash_while_comparing(ctx: Context, editor: Editor) -> None:
    """What stands in the way is said; the compute process is killed, which is said as well, and nothing is lost."""
    ready(ctx, editor)
    ctx.menu_click("//##MainMenuBar/Model/Compare architectures...")
    comparisons = editor.modelling.comparisons
    comparisons.plan.more = QUICK
    ctx.item_click("**/A tomogram")
    frames(ctx, 3)
    assert comparisons.problem() == "Choose the tomogram to measure on."
    screenshot(ctx, "compare/small-window")
    ctx.item_click("**/Samples kept aside")
    ctx.item_click("**/None")
    ctx.item_click("**/###Compare fastnet")
    ctx.item_input_value("**/##Epochs", 60)
    ctx.item_click("**/###Show slice")
    ctx.item_click("**/Run comparison")
    comparison = newest(editor)
    until(ctx, lambda: (comparison.part("fastnet") or 0) > 0.1, 150, "some epochs are done")
    screenshot(ctx, "compare/small-window-running")
    pid = editor.engine.pid
    assert pid is not None
    os.kill(pid, signal.SIGKILL)
    until(ctx, lambda: comparison.ended, 60, "the crash is noticed")
    assert comparison.state is ComparisonState.INTERRUPTED
    assert "ended unexpectedly" in comparison.error
    frames(ctx, 3)
    screenshot(ctx, "compare/crash")
    ctx.item_click("**/Continue")
    until(ctx, lambda: (comparison.part("fastnet") or 0) > 0.1, 150, "it goes on")
    ctx.item_click("**/Stop")
    until(ctx, lambda: comparison.ended, 60, "it has stopped")
    assert comparison.error == ""
