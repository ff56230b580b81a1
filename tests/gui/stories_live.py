"""Stories about what models show in the views: live, in training, exported; and copying it to annotation."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from acting import Context, frames, pixels, press, screenshot, until
from imgui_bundle import imgui
from numpy.typing import NDArray
from plans import story
from stories_compare import with_a_set
from stories_views import settled, shown, spot
from story_models import StoryModel, make_models

from ais.annotation import AddFeature, AddTomogram
from ais.annotation.record_operations import AddModel
from ais.formats.registry import open_volume, write_volume
from ais.gui.display import Plane
from ais.gui.document import Crop
from ais.gui.editor import Editor
from ais.gui.export_volumes import ExportVolume, VolumeState
from ais.gui.live_maps import LiveMap
from ais.gui.masks import MaskKey
from ais.gui.settings import Settings, SettingsFile
from ais.gui.state import Tab
from ais.gui.views.overlay import MaskTexture
from ais.project import Project

SHAPE = (8, 60, 70)
ORANGE, BLUE = (1.0, 0.5, 0.0), (0.0, 0.4, 1.0)
PATIENCE_S = 150.0
"""The compute process gives way to all others: beside other tests it may wait for long."""
COLOURED = 25
"""Difference between the channels of a pixel from which it is not grey."""


def with_models(folder: Path) -> Sequence[Path]:
    """Make a project with a tomogram, a feature and two models, in a window of 1440 x 900."""
    SettingsFile(folder / "settings").save(Settings(window_size=(1440, 900)))
    volume = np.random.default_rng(0).normal(0, 1, SHAPE).astype(np.float32)
    write_volume(folder / "TS_001.mrc", volume, voxel_sizes=10.0)
    first, second = make_models(folder, StoryModel("membrane", seed=1), StoryModel("ribosome", seed=2))
    with Project.create(folder / "work.aisproj") as project:
        project.apply(AddTomogram(folder / "TS_001.mrc"))
        project.apply(AddFeature("membrane", colour=(0.1, 0.8, 0.1)))
        project.apply(AddModel(first, settings={"colour": list(ORANGE), "alpha": 0.7}))
        project.apply(AddModel(second, settings={"colour": list(BLUE), "active": False}))
    return [folder / "work.aisproj"]


def coloured(ctx: Context, editor: Editor, shape: tuple[int, int], plane: Plane = "xy") -> NDArray[np.bool_]:
    """Return for each pixel of a plane's picture whether the window shows it in colour."""
    seen = pixels(ctx).astype(int)
    rows, columns = np.indices(shape)
    places = [spot(editor, int(row), int(column), plane) for row, column in zip(rows.flat, columns.flat, strict=True)]
    x, y = np.array(places).T
    found = seen[np.clip(y, 0, seen.shape[0] - 1), np.clip(x, 0, seen.shape[1] - 1)]
    answer: NDArray[np.bool_] = (np.ptp(found, axis=1) > COLOURED).reshape(shape)
    return answer


def uncovered(editor: Editor, shape: tuple[int, int]) -> NDArray[np.bool_]:
    """Return which pixels of the slice lie neither below the list of models nor the scale bar nor at the border."""
    free = np.zeros(shape, bool)
    free[14 : shape[0] - 14, 2 : shape[1] - 2] = True
    return free


def one_map(editor: Editor) -> LiveMap | None:
    """Return the live map of the slice on the screen."""
    found = [one for one in editor.modelling.live.maps if one.z == editor.view("xy").position]
    return found[0] if found else None


def there(ctx: Context, editor: Editor) -> LiveMap:
    """Wait for the live map of the slice on the screen."""

    def here() -> bool:
        found = one_map(editor)
        return found is not None and found.z == editor.state.z

    until(ctx, here, PATIENCE_S, "the map is there")
    frames(ctx, 2)
    found = one_map(editor)
    assert found is not None
    return found


def away(ctx: Context) -> None:
    """Take the pointer, with its ring of the brush's colour, out of the view."""
    ctx.mouse_teleport_to_pos(imgui.ImVec2(2, 2))
    frames(ctx, 2)


def legend_lines(editor: Editor) -> list[str]:
    """Return what the list in the view's corner says."""
    from ais.gui.views.legend import lines_of

    return [f"{line.name} {line.state}".strip() for line in lines_of(editor)]


@story(paths=with_models, seconds=PATIENCE_S + 60)
def live_overlay(ctx: Context, editor: Editor) -> None:
    shown(ctx, editor)
    asked: list[tuple[str, int]] = []
    submit = editor.engine.submit

    def counted(task: str, arguments: Any, *rest: Any, **more: Any) -> Any:
        asked.append((task, arguments.get("z", -1)))
        return submit(task, arguments, *rest, **more)

    editor.engine.submit = counted  # type: ignore[method-assign]
    until(ctx, lambda: editor.modelling.live.late, 20, "it is said that the slice is segmented")
    frames(ctx, 2)
    assert legend_lines(editor) == ["membrane segmenting..."]
    screenshot(ctx, "live/segmenting")
    away(ctx)
    values, shape = there(ctx, editor).values, SHAPE[1:]
    free = uncovered(editor, shape)
    assert "ms" in legend_lines(editor)[0]
    # In colour exactly where the map reaches the threshold.
    seen = coloured(ctx, editor, shape)
    assert (seen == (values >= 127.5))[free].all()
    screenshot(ctx, "live/overlay")
    # A saved picture of the view has it too.
    saved: list[NDArray[np.uint8]] = []
    editor.shell.view_requests.append(saved.append)
    until(ctx, lambda: saved, 5, "the picture is taken")
    assert ((np.ptp(saved[0][::-1].astype(int), axis=2) > COLOURED) == (values >= 127.5)).all()
    # Threshold and opacity while they are dragged: at the next frame, with no request and nothing uploaded.
    until(ctx, lambda: len(asked) >= 6 and not editor.modelling.live._asked, 20, "the neighbours are known")
    model, uploads = editor.modelling.models.models[0], []
    replace = MaskTexture.set

    def counting(texture: MaskTexture, values: Any) -> None:
        uploads.append(values)
        replace(texture, values)

    MaskTexture.set = counting  # type: ignore[assignment, method-assign]
    before = len(asked)
    for threshold in (0.2, 0.6, 0.8):
        editor.modelling.preview_use(model, threshold=threshold)
        frames(ctx)
        seen = coloured(ctx, editor, shape)
        wrong = np.argwhere((seen != (values >= round(threshold * 255))) & free)
        assert not len(wrong), (threshold, wrong[:5], [values[tuple(at)] for at in wrong[:5]], len(wrong))
    editor.modelling.preview_use(model, alpha=0.0)
    frames(ctx)
    assert not coloured(ctx, editor, shape)[free].any()
    editor.modelling.preview.clear()
    assert len(asked) == before
    assert not uploads
    # H hides it, and what is not shown is not drawn.
    ctx.key_down(int(imgui.Key.h))
    frames(ctx, 2)
    assert not coloured(ctx, editor, shape)[free].any()
    ctx.key_up(int(imgui.Key.h))
    frames(ctx, 2)
    assert (coloured(ctx, editor, shape) == (values >= 127.5))[free].all()
    # Only the crop region is segmented.
    editor.sight.set_crop(Crop((0, 8), (20, 45), (10, 50)))
    settled(ctx, editor)
    until(ctx, lambda: (one := one_map(editor)) is not None and one.values is not values, 20, "the part is segmented")
    frames(ctx, 2)
    outside = np.ones(shape, bool)
    outside[19:46, 9:51] = False
    found = coloured(ctx, editor, shape)
    assert not found[outside & free].any()
    assert found.any()
    editor.sight.set_crop(None)
    settled(ctx, editor)
    # The list folds.
    ctx.item_click("//Views/###Legend")
    assert not editor.state.legend
    screenshot(ctx, "live/folded")


@story(paths=with_models, seconds=PATIENCE_S + 60)
def never_of_another_slice(ctx: Context, editor: Editor) -> None:
    shown(ctx, editor)
    away(ctx)
    shape = SHAPE[1:]
    maps: dict[int, NDArray[np.uint8]] = {}
    for z in range(SHAPE[0]):
        editor.sight.go_to(z=z)
        maps[z] = there(ctx, editor).values
    free = uncovered(editor, shape)
    live = editor.modelling.live
    with_overlay = 0
    for turn in range(24):
        if turn % 8 == 0:  # forget, so that each slice is waited for again
            live._kept.clear()
            live._shown.clear()
        press(ctx, "right" if turn // 7 % 2 else "left")
        position = editor.view("xy").position
        assert position is not None
        seen = coloured(ctx, editor, shape)[:, 12:]
        now = editor.view("xy").position
        assert now is not None
        wanted = [(maps[z] >= 127.5)[:, 12:] for z in {position, now}]
        part = free[:, 12:]
        assert any((seen == one)[part].all() for one in wanted) or not seen[part].any(), turn
        with_overlay += bool(seen[part].any())
    assert with_overlay, "some were there in time"
    assert len(live._asked) <= 1
    editor.sight.go_to(z=3)
    assert (there(ctx, editor).values == maps[3]).all()


@story(paths=with_models, seconds=PATIENCE_S + 60)
def copy_to_annotation(ctx: Context, editor: Editor) -> None:
    shown(ctx, editor)
    z = editor.state.z
    editor.select_feature(editor.snapshot.features[0].id)
    press(ctx, "p")
    frames(ctx, 3)
    assert any("still segmenting" in notice.text for notice in editor.notices.said)
    away(ctx)
    wanted = there(ctx, editor).values >= 127.5

    def painted() -> NDArray[np.bool_]:
        settled(ctx, editor)
        masks, state = editor.masks, editor.state
        assert masks is not None
        assert state.tomogram is not None
        assert state.feature is not None
        key = MaskKey(state.tomogram, state.feature, "xy", z)
        masks.get(key, SHAPE[1:])
        settled(ctx, editor)
        bits: NDArray[np.bool_] = masks.get(key, SHAPE[1:]).bits != 0
        return bits

    press(ctx, "p")
    assert (painted() == wanted).all()
    assert editor.snapshot.undo_text.startswith("Copy of model membrane")
    screenshot(ctx, "live/copied")
    press(ctx, "ctrl+z")
    assert not painted().any()
    # With the button in the tab.
    editor.shell.tab = Tab.MODELS
    frames(ctx, 10)
    screenshot(ctx, "live/copy-buttons")
    ctx.item_click("**/Copy to annotation")
    assert (painted() == wanted).all()
    press(ctx, "ctrl+z")
    assert not painted().any()
    # Inside an open outline only, which is used up; added to what is there.
    editor.state.outline = [(20.0, 20.0), (20.0, 50.0), (45.0, 50.0), (45.0, 20.0)]
    editor.state.outline_plane, editor.state.outline_position = "xy", z
    press(ctx, "shift+p")
    inside = painted()
    assert not editor.state.outline
    assert (inside[21:45, 21:50] == wanted[21:45, 21:50]).all()
    assert not inside[:20].any()
    assert not inside[46:].any()
    # Replacing: what was painted elsewhere goes.
    ctx.menu_click("//##MainMenuBar/Model/Copy prediction, replacing the annotation")
    assert (painted() == wanted).all()
    press(ctx, "ctrl+z")
    assert (painted() == inside).all()
    # The model that is selected is switched off: one sentence.
    editor.modelling.selected = editor.modelling.models.models[1].id
    press(ctx, "p")
    frames(ctx, 3)
    assert any("switched off" in notice.text for notice in editor.notices.said)
    # The segmented slice as a file.
    editor.modelling.selected = editor.modelling.models.models[0].id
    ctx.menu_click("//##MainMenuBar/Model/Save segmented slice...")
    path = ctx.folder / "slice.mrc"
    until(ctx, lambda: editor.dialogs.browser is not None, 5, "a name is asked for")
    ctx.item_input_value("**/##Path", str(path))
    frames(ctx, 3)
    ctx.item_click("**/Save")
    until(ctx, path.exists, 10, "the slice is written")
    saved = open_volume(path)
    one = one_map(editor)
    assert one is not None
    assert (np.asarray(saved.read(0, 1))[0] == one.values).all()
    saved.close()


@story(paths=with_a_set, seconds=2 * PATIENCE_S + 60)
def training_overlay(ctx: Context, editor: Editor) -> None:
    shown(ctx, editor)
    until(ctx, lambda: editor.modelling.trainings._loaded, 10, "trainings are known")
    settings = {
        **{"architecture": "unet-s", "options": {"first_filters": 4}, "epochs": 400, "copies": 2, "batch_size": 8},
        **{"precision": "float32", "validation": 0.0, "augment": "none"},
    }
    trainings = editor.modelling.trainings
    training = trainings.add("ribosome", [ctx.folder / "training sets" / "ribosome.scnt"], settings)
    free = uncovered(editor, SHAPE[1:])
    away(ctx)

    def found() -> bool:
        picture = trainings.picture
        assert not training.error, training.error
        if picture is None or picture.z != editor.state.z:
            return False
        return int((picture.maps["ribosome"][free] >= 127.5).sum()) > 8

    until(ctx, found, PATIENCE_S, "the training shows something")
    picture = trainings.picture
    assert picture is not None
    frames(ctx, 2)
    seen = coloured(ctx, editor, SHAPE[1:])
    if trainings.picture is picture:
        assert (seen == (picture.maps["ribosome"] >= 127.5))[free].all()
    assert legend_lines(editor)[0].startswith("Training ribosome epoch ")
    screenshot(ctx, "live/training")
    picture = trainings.picture
    editor.sight.go_to(z=editor.state.z + 2)
    until(ctx, lambda: editor.view("xy").position == editor.state.z, 10, "the other slice is drawn")
    frames(ctx)
    while trainings.picture is picture:  # nothing of the slice before
        seen = coloured(ctx, editor, SHAPE[1:])
        assert trainings.picture is not picture or not seen[free].any()
    until(ctx, found, PATIENCE_S, "the other slice is shown")
    editor.state.training_shown = False
    frames(ctx, 2)
    assert not coloured(ctx, editor, SHAPE[1:])[free].any()
    trainings.leave(training)
    until(ctx, lambda: training.ended, 20, "the training has ended")


@story(paths=with_models, seconds=PATIENCE_S + 60)
def exported_volumes(ctx: Context, editor: Editor) -> None:
    shown(ctx, editor)
    editor.modelling.models.change(editor.modelling.models.models[0].id, active=False)
    settled(ctx, editor)
    z, y, x = np.indices(SHAPE)
    ball = (3 * (z - 4)) ** 2 + (y - 30) ** 2 + (x - 35) ** 2
    values = np.where(ball < 100, 220, np.where(ball < 160, 150, 0)).astype(np.uint8)
    path = ctx.folder / "TS_001__ribosome.mrc"
    write_volume(path, values, voxel_sizes=10.0)
    exports, overlays = editor.modelling.exports, editor.modelling.overlays
    outputs = [{"feature": "ribosome", "path": str(path), "model": str(ctx.folder / "ribosome.aism")}]
    places = (str(ctx.folder / "TS_001.mrc"), [str(ctx.folder / "ribosome.aism")], str(ctx.folder))
    exports.volumes.append(ExportVolume(1, *places, {}, 1.0, VolumeState.DONE, outputs=outputs, finished=time.time()))
    exports._results = None
    overlays.show(path)
    assert overlays.look(path).colour == BLUE, "of the model that it was made with"
    press(ctx, "o")
    away(ctx)
    until(ctx, lambda: all(editor.view(p).position is not None for p in ("xy", "xz", "yz")), 10, "three planes")
    until(ctx, lambda: len(overlays._open) == 1, 10, "the volume is open")
    frames(ctx, 20)
    zc, yc, xc = editor.state.position
    cuts: tuple[tuple[Plane, NDArray[np.uint8], int], ...] = (
        ("xy", values[zc], 0),
        ("xz", values[:, yc], 1),
        ("yz", values[:, :, xc], 1),
    )
    screenshot(ctx, "live/exported")

    def equals(threshold: float) -> None:
        for plane, cut, _ in cuts:
            seen = coloured(ctx, editor, cut.shape, plane)
            wanted = cut >= threshold
            # The cross-hair is in colour too.
            row, column = (at for axis, at in enumerate((zc, yc, xc)) if axis != ("xy", "xz", "yz").index(plane))
            seen[row], seen[:, column] = wanted[row], wanted[:, column]
            if plane == "xy":
                seen[~uncovered(editor, cut.shape)] = wanted[~uncovered(editor, cut.shape)]
            assert (seen == wanted).mean() > 0.98, plane
            assert (seen & wanted).sum() > 0.9 * wanted.sum(), plane

    equals(128)
    overlays.change(path, threshold=200.0)
    frames(ctx, 2)
    equals(200)
    assert legend_lines(editor) == ["ribosome (exported)"]
    overlays.show(path, False)
    frames(ctx, 2)
    seen = coloured(ctx, editor, SHAPE[1:])
    seen[yc], seen[:, xc] = False, False
    assert not seen[uncovered(editor, SHAPE[1:])].any()
