"""Stories about exports: choose, begin, watch, cancel, go on after the end or a crash, and look at what was made."""

from __future__ import annotations

import os
import resource
import signal
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from acting import Context, die, frames, in_window, pixels, press, screenshot, until, wheel
from plans import story
from small_models import make_models

from ais.annotation import AddModel, AddTomogram, SetRules
from ais.formats.registry import open_volume, write_volume
from ais.gui.editor import Editor
from ais.gui.export_volumes import ExportVolume, VolumeState
from ais.gui.state import Tab
from ais.project import Project

SHAPE = (8, 60, 70)
LARGE = (60, 256, 256)
START_S = 60.0


def project(folder: Path, *shapes: tuple[int, int, int], features: Sequence[str] = ("blob",)) -> list[Path]:
    """Make a project with tomograms of noise called a, b, c, ... and a model for each feature."""
    rng = np.random.default_rng(0)
    with Project.create(folder / "work.aisproj") as made:
        for number, shape in enumerate(shapes):
            path = folder / f"{'abcdefgh'[number]}.mrc"
            write_volume(path, rng.normal(0, 1, shape).astype(np.float32), voxel_sizes=10.0)
            made.apply(AddTomogram(path))
        for path in make_models(folder, *features):
            made.apply(AddModel(path, settings={"active": True}))
        if len(features) > 1:
            rule = {"child": features[0], "parent": features[1], "type": "avoid", "radius": 30.0, "threshold": 0.5}
            made.apply(SetRules([rule]))
    return [folder / "work.aisproj"]


def small(folder: Path) -> Sequence[Path]:
    """Two small tomograms, two models and a rule."""
    return project(folder, SHAPE, SHAPE, features=("blob", "ring"))


def slow(folder: Path) -> Sequence[Path]:
    """A tomogram that takes seconds, and a small one."""
    return project(folder, LARGE, SHAPE)


def ready(ctx: Context, editor: Editor) -> None:
    """Wait until the tomogram is on the screen and the Export tab knows the models."""
    until(ctx, lambda: editor.shown is not None and editor.shown.statistics is not None, 20, "the tomogram is shown")
    models = editor.modelling.models
    until(ctx, lambda: models.models and not models.reading, 20, "the models are read")
    press(ctx, "3")
    until(ctx, lambda: editor.state.tab is Tab.EXPORT, 5, "the tab is in front")
    frames(ctx, 5)


def volume(editor: Editor, name: str) -> ExportVolume:
    """The newest entry of the queue about a tomogram."""
    return [each for each in editor.modelling.exports.volumes if each.name == name][-1]


def states(editor: Editor) -> dict[str, VolumeState]:
    """Where the volumes of the queue stand."""
    return {each.name: each.state for each in editor.modelling.exports.volumes}


@story(paths=small, seconds=60)
def export_two_tomograms_and_look_at_them(ctx: Context, editor: Editor) -> None:
    ready(ctx, editor)
    exports = editor.modelling.exports
    assert editor.modelling.models.active == editor.modelling.models.models
    ctx.item_click("//Export/**/Use ring")
    assert [model.name for model in exports.wish.plan.models] == ["blob"]
    assert exports.wish.plan.rules == ()
    ctx.item_click("//Export/**/Use ring")
    ctx.item_click("//Export/**/Chosen")
    ctx.item_click("//Export/**/Export b")
    frames(ctx, 3)
    assert exports.wish.plan.volumes == 4
    screenshot(ctx, "export/form")
    ctx.item_click("//Export/**/Choose none")
    frames(ctx, 3)
    assert exports.wish.plan.problems
    ctx.item_click("//Export/**/All")
    editor.dialogs.answers.append([ctx.folder / "out"])
    ctx.item_click("//Export/**/Choose folder")
    ctx.item_click("//Export/**/Export volumes")
    until(ctx, lambda: len(exports.results) == 4, START_S, "both are exported")
    assert states(editor) == {"a": VolumeState.DONE, "b": VolumeState.DONE}
    assert exports.results[0].path.parent == ctx.folder / "out"
    made = open_volume(ctx.folder / "out" / "b__ring.mrc")
    assert made.info.shape == SHAPE
    values = np.array(made.read(0, SHAPE[0]))
    made.close()
    ctx.item_click("//Export/###new export")
    for model in editor.modelling.models.models:
        editor.modelling.models.change(model.id, active=False)
    ctx.item_double_click("//Export/**/b ring")
    until(ctx, lambda: editor.shown is not None and editor.shown.entry.name == "b", 20, "the tomogram is opened")
    path = ctx.folder / "out" / "b__ring.mrc"
    overlays = editor.modelling.overlays
    assert overlays.shown(path)
    until(ctx, lambda: overlays.pictures("xy", editor.state.z, editor.state.z), 20, "the volume is read")
    (picture,) = overlays.pictures("xy", editor.state.z, editor.state.z)
    np.testing.assert_array_equal(picture.bytes(), values[editor.state.z])
    overlays.change(path, threshold=float(np.median(values[editor.state.z])), colour=(1.0, 0.0, 0.0), alpha=1.0)
    frames(ctx, 5)
    screenshot(ctx, "export/results")
    shown = reds(ctx, editor)
    ctx.item_click("//Export/**/Show b ring")
    frames(ctx, 5)
    assert shown > 0.2 > reds(ctx, editor)
    path.unlink()
    ctx.item_click("//Export/**/a ring")
    in_window(ctx, lambda: exports.forget(exports.results[-1]))
    until(ctx, lambda: len(exports.results) == 3, 5, "one less")
    until(ctx, lambda: ctx.item_exists("//Export/**/Show b ring"), 5, "the list is drawn")
    screenshot(ctx, "export/missing")


def reds(ctx: Context, editor: Editor) -> float:
    """The share of red pixels of the XY view."""
    view = editor.view("xy")
    (x, y), (width, height) = view.origin, view.size
    picture = pixels(ctx)[round(y) : round(y + height), round(x) : round(x + width)].astype(int)
    return float((picture[..., 0] > picture[..., 1] + 60).mean())


@story(paths=slow, seconds=90)
def watch_cancel_and_go_on(ctx: Context, editor: Editor) -> None:
    ready(ctx, editor)
    exports = editor.modelling.exports
    exports.wish.tta = 8
    ctx.item_click("//Export/**/All")
    ctx.item_click("//Export/**/Export volumes")
    until(ctx, lambda: exports.fraction > 0.02, START_S, "the large one is under way")
    view = editor.view("xy")
    before = editor.state.z
    middle_of_view = (view.origin[0] + view.size[0] / 2, view.origin[1] + view.size[1] / 2)
    wheel(ctx, middle_of_view, 1)
    wheel(ctx, middle_of_view, 1)
    assert editor.state.z != before, "the wheel browses while it runs"
    until(ctx, lambda: view.position == editor.state.z, 10, "the slice is shown")
    screenshot(ctx, "export/queue")
    assert states(editor) == {"a": VolumeState.RUNNING, "b": VolumeState.WAITING}
    ctx.item_click("//Export/**/Cancel a")
    until(ctx, lambda: volume(editor, "b").state is VolumeState.DONE, START_S, "the other one is made")
    assert volume(editor, "a").state is VolumeState.CANCELLED
    assert not list((ctx.folder / "work segmented").glob("a__*"))
    volume(editor, "a").settings["z_range"] = [0, 4]
    ctx.item_click("//Export/**/Retry a")
    until(ctx, lambda: volume(editor, "a").state is VolumeState.DONE, START_S, "it is made now")
    ctx.item_click("//Export/**/Clear exports")
    frames(ctx, 3)
    assert exports.listed == []
    assert len(exports.results) == 2


def go_on_and_leave(ctx: Context, editor: Editor) -> None:
    """The second start: the export is gone on with, and the window is closed meanwhile."""
    exports = editor.modelling.exports
    until(ctx, lambda: exports.asks, 20, "the question")
    frames(ctx, 5)
    ctx.item_click("**/Resume")
    until(ctx, lambda: exports.fraction > 0, START_S, "it is under way again")
    assert not exports.asks


def resume(ctx: Context, editor: Editor) -> None:
    """The third start: asked once; what was finished is kept."""
    exports = editor.modelling.exports
    until(ctx, lambda: exports.asks, 20, "the question")
    frames(ctx, 10)
    screenshot(ctx, "export/question")
    assert states(editor) == {"a": VolumeState.INTERRUPTED, "b": VolumeState.DONE}
    assert not exports.busy
    ctx.item_click("**/Later")
    frames(ctx, 3)
    assert exports.pending()
    ready(ctx, editor)
    volume(editor, "a").settings["z_range"] = [0, 4]
    screenshot(ctx, "export/later")
    ctx.item_click("//Export/**/Resume interrupted")
    until(ctx, lambda: not exports.busy, START_S, "the rest is made")
    assert set(states(editor).values()) == {VolumeState.DONE}
    assert [volume.lost for volume in exports.volumes] == [0, 0]


@story(paths=slow, then=[go_on_and_leave, resume], seconds=90)
def killed_while_it_exports(ctx: Context, editor: Editor) -> None:
    ready(ctx, editor)
    exports = editor.modelling.exports
    first, second = (entry.id for entry in editor.snapshot.tomograms)
    exports.wish.chosen = {second}
    ctx.item_click("//Export/**/Chosen")
    ctx.item_click("//Export/**/Export volumes")
    until(ctx, lambda: len(exports.results) == 1, START_S, "the small one is made")
    exports.wish.tta = 8
    exports.wish.chosen = {first}
    frames(ctx, 2)
    ctx.item_click("//Export/**/Export volumes")
    until(ctx, lambda: exports.fraction > 0.01, START_S, "the large one is under way")
    until(ctx, lambda: editor.document is not None and not editor.document.busy, 10, "the queue is on disk")
    die(ctx)


@story(paths=slow, seconds=90)
def the_compute_process_is_killed_and_the_disk_is_full(ctx: Context, editor: Editor) -> None:
    ready(ctx, editor)
    exports = editor.modelling.exports
    exports.wish.tta = 8
    ctx.item_click("//Export/**/Export volumes")
    until(ctx, lambda: exports.fraction > 0.01, START_S, "it is under way")
    volume(editor, "a").settings["tta"] = 1
    volume(editor, "a").settings["z_range"] = [0, 4]
    first = editor.engine.pid
    assert first is not None
    os.kill(first, signal.SIGKILL)
    until(ctx, lambda: volume(editor, "a").state is VolumeState.DONE, START_S, "it is made again")
    assert editor.engine.pid != first
    assert any("ended unexpectedly" in notice.text for notice in editor.notices.said)
    assert (ctx.folder / "work segmented" / "a__blob.mrc").exists()
    # A process that may write no file of the volume's size meets what a full disk is.
    pid = editor.engine.pid
    assert pid is not None
    limits = resource.prlimit(pid, resource.RLIMIT_FSIZE)
    resource.prlimit(pid, resource.RLIMIT_FSIZE, (20_000, limits[1]))
    exports.wish.tta = 1
    ctx.item_click("//Export/**/All")
    editor.dialogs.answers.append([ctx.folder / "full"])
    ctx.item_click("//Export/**/Choose folder")
    in_window(ctx, exports.clear_ended)
    ctx.item_click("//Export/**/Export volumes")
    until(ctx, lambda: exports.problem, START_S, "it is paused")
    assert exports.problem.startswith("The export is paused. No space left to write")
    frames(ctx, 10)
    screenshot(ctx, "export/full-disk")
    assert not list((ctx.folder / "full").glob("*"))
    resource.prlimit(pid, resource.RLIMIT_FSIZE, limits)
    for each in exports.volumes:
        each.settings["z_range"] = [0, 4]
    ctx.item_click("//Export/**/Resume exports")
    until(ctx, lambda: not exports.busy and exports.running is None, START_S, "both are made")
    assert not exports.problem
    assert set(states(editor).values()) == {VolumeState.DONE}
