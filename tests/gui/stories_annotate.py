"""Stories about annotating: painting, flooding, lassos, whole slices, boxes, picks, files; and that all of it stays."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from acting import Context, click, drag, frames, in_window, pixels, press, screenshot, until
from imgui_bundle import ImVec2
from numpy.typing import NDArray
from plans import story

from ais.annotation import AddFeature, AddTomogram
from ais.formats.coordinates import read_coordinates
from ais.formats.registry import write_volume
from ais.gui.commands import command
from ais.gui.display import Contrast, Plane
from ais.gui.editor import Editor
from ais.gui.state import Tool
from ais.project import Project

SHAPE = (16, 180, 220)
DISC = (90, 110, 26)  # y, x, radius of a dark disc through all slices
Corners = Sequence[tuple[float, float]]


def a_disc(folder: Path) -> Sequence[Path]:
    """Make a tomogram with a dark disc and a dark ring around it, in noise, with a voxel size of 10 A."""
    y, x = np.indices(SHAPE[1:])
    away = np.hypot(y - DISC[0], x - DISC[1])
    dark = (away <= DISC[2]) | (np.abs(away - 60) <= 3)
    volume = np.random.default_rng(0).normal(0, 0.6, SHAPE) - 3.0 * dark
    write_volume(folder / "TS_001.mrc", volume.astype("f4"), voxel_sizes=10.0)
    with Project.create(folder / "work.aisproj") as project:
        project.apply(AddTomogram(folder / "TS_001.mrc"))
    return [folder / "work.aisproj"]


def ready(ctx: Context, editor: Editor, *features: str) -> None:
    """Wait for the tomogram, and add features unless they are there."""
    until(ctx, lambda: editor.shown is not None and editor.view("xy").position == editor.state.z, 20, "the slice")
    for name in features:
        editor.submit(AddFeature(name, colour=(0.95, 0.25, 0.15), brush_radius=8.0, box_size=32))
    saved(ctx, editor)
    if features:
        editor.select_feature(editor.snapshot.features[0].id)
    editor.sight.use_contrast(Contrast(-6.0, 4.0))
    frames(ctx, 3)


def saved(ctx: Context, editor: Editor) -> None:
    """Wait until everything is on disk and seen."""

    def rests() -> bool:
        document, masks = editor.document, editor.masks
        return (
            document is not None
            and masks is not None
            and not (document.busy or masks.loading or editor.background.busy)
            and editor.state.radius_wish is None
        )

    until(ctx, rests, 20, "everything is saved")
    frames(ctx, 3)


def at(editor: Editor, row: float, column: float) -> tuple[int, int]:
    """Where a pixel of the XY slice is in the window."""
    x, y = editor.view("xy").to_screen(row, column)
    return round(x), round(y)


def seen(ctx: Context, editor: Editor, row: float, column: float) -> NDArray[np.int64]:
    """The colour of a pixel of the slice in the window, the mean of a small square."""
    x, y = at(editor, row, column)
    return pixels(ctx)[y - 2 : y + 3, x - 2 : x + 3].reshape(-1, 3).mean(axis=0).astype(np.int64)


def reddish(colour: NDArray[np.int64]) -> bool:
    """Whether a colour has the feature's red in it."""
    return bool(colour[0] > colour[1] + 25)


def held(editor: Editor, z: int | None = None) -> NDArray[np.bool_]:
    """What the project holds of the selected feature in a slice."""
    assert editor.document is not None
    assert editor.state.tomogram is not None
    assert editor.state.feature is not None
    where = editor.state.z if z is None else z
    project = editor.document.project
    if editor.state.feature == 0:
        return project.ignore(editor.state.tomogram, where) != 0
    return project.mask(editor.state.tomogram, editor.state.feature, where) != 0


def stroke(ctx: Context, editor: Editor, corners: Corners, button: str = "left", keys: str = "") -> None:
    """Drag through points of the slice."""
    drag(ctx, [at(editor, row, column) for row, column in corners], button, keys)


def write(ctx: Context, text: str) -> None:
    """Type letters into the field that has the keyboard."""
    ctx.key_chars(text)
    frames(ctx, 2)


def run(ctx: Context, editor: Editor, name: str) -> None:
    """Run a command as the palette does: only if it can be; the way through the menus takes seconds."""
    assert command(name).enabled(editor), name
    in_window(ctx, lambda: command(name).run(editor))
    frames(ctx, 3)


def finds_everything(ctx: Context, editor: Editor) -> None:
    ready(ctx, editor)
    assert [feature.name for feature in editor.snapshot.features] == ["membrane"]
    assert held(editor)[40, 60:160].all()
    assert reddish(seen(ctx, editor, 40, 100))
    press(ctx, "ctrl+z")
    saved(ctx, editor)
    assert not held(editor).any()
    press(ctx, "ctrl+shift+z")
    saved(ctx, editor)
    assert held(editor)[40, 60:160].all()


@story(paths=a_disc, then=[finds_everything])
def paint_erase_undo_and_restart(ctx: Context, editor: Editor) -> None:
    ready(ctx, editor)
    stroke(ctx, editor, [(40, 60), (40, 160)])
    assert "add one first" in editor.notices.said[-1].text
    press(ctx, "ctrl+shift+n")
    frames(ctx, 3)
    screenshot(ctx, "annotate/add-a-feature")
    write(ctx, "membrane")
    press(ctx, "enter")
    until(ctx, lambda: editor.state.feature is not None, 5, "the feature is selected")
    saved(ctx, editor)
    assert not editor.shell.sheets
    grey = seen(ctx, editor, 40, 100)
    stroke(ctx, editor, [(40, 60), (40, 160)])
    saved(ctx, editor)
    assert held(editor)[40, 60:161].all()
    assert abs(int(held(editor).sum()) - (20 * 100 + 314)) < 250  # a band and two half discs of radius 10
    assert not reddish(grey)
    screenshot(ctx, "annotate/stroke")
    stroke(ctx, editor, [(20, 110), (60, 110)], "right")
    saved(ctx, editor)
    assert not held(editor)[40, 101:119].any()
    press(ctx, "ctrl+z")
    saved(ctx, editor)
    assert held(editor)[40, 60:161].all()
    press(ctx, "]")
    saved(ctx, editor)
    larger = editor.snapshot.features[0].brush_radius
    assert larger > 10
    stroke(ctx, editor, [(120, 60), (120, 100)])
    saved(ctx, editor)
    assert held(editor)[120 + 11, 80]
    press(ctx, "ctrl+z")
    press(ctx, "ctrl+z")
    saved(ctx, editor)
    assert (editor.snapshot.features[0].brush_radius, bool(held(editor)[120, 80])) == (10.0, False)
    press(ctx, "ctrl+y")
    saved(ctx, editor)
    assert (editor.snapshot.features[0].brush_radius, bool(held(editor)[120, 80])) == (larger, False)
    press(ctx, "ctrl+z")
    saved(ctx, editor)


@story(paths=a_disc)
def flood_the_disc(ctx: Context, editor: Editor) -> None:
    ready(ctx, editor, "ribosome")
    press(ctx, "f")
    assert editor.state.tool is Tool.FLOOD
    press(ctx, "]", 10)
    saved(ctx, editor)
    ctx.mouse_teleport_to_pos(ImVec2(*at(editor, DISC[0], DISC[1])))
    frames(ctx, 10)
    screenshot(ctx, "annotate/flood-preview")
    click(ctx, at(editor, DISC[0] + 3, DISC[1]))
    stroke(ctx, editor, [(DISC[0] + 6, DISC[1]), (DISC[0] - 6, DISC[1] + 4)])
    saved(ctx, editor)
    y, x = np.indices(SHAPE[1:])
    truth, painted = np.hypot(y - DISC[0], x - DISC[1]) <= DISC[2], held(editor)
    assert 2 * (truth & painted).sum() / (truth.sum() + painted.sum()) > 0.9
    assert reddish(seen(ctx, editor, DISC[0], DISC[1]))
    assert all(entry.text.startswith("Flood") for entry in editor.snapshot.history[-2:])
    press(ctx, "=", 2)
    assert editor.state.flood_sensitivity == 0.6
    press(ctx, "-", 3)
    assert editor.state.flood_sensitivity == 0.45
    screenshot(ctx, "annotate/flood")
    press(ctx, "f")
    assert editor.state.tool is Tool.BRUSH


@story(paths=a_disc)
def lassos(ctx: Context, editor: Editor) -> None:
    ready(ctx, editor, "ribosome")
    press(ctx, "l")
    square = [(60.0, 80.0), (60.0, 140.0), (120.0, 140.0), (120.0, 80.0)]
    for corner in square[:3]:
        click(ctx, at(editor, *corner))
    screenshot(ctx, "annotate/lasso-corners")
    press(ctx, "escape")
    assert not editor.state.outline
    for corner in square:
        click(ctx, at(editor, *corner))
    press(ctx, "enter")
    saved(ctx, editor)
    assert abs(int(held(editor).sum()) - 61 * 61) < 130
    stroke(ctx, editor, [(80, 100), (80, 120), (100, 120), (100, 100), (82, 100)], keys="alt")
    saved(ctx, editor)
    assert not held(editor)[84:96, 104:116].any()
    screenshot(ctx, "annotate/lasso")
    press(ctx, "ctrl+delete")
    saved(ctx, editor)
    assert not held(editor).any()
    run(ctx, editor, "tools.lasso_threshold")
    assert editor.state.lasso_threshold
    around = [(50.0, 70.0), (50.0, 150.0), (130.0, 150.0), (130.0, 70.0), (52.0, 70.0)]
    stroke(ctx, editor, around)
    saved(ctx, editor)
    y, x = np.indices(SHAPE[1:])
    disc = np.hypot(y - DISC[0], x - DISC[1]) <= DISC[2]
    assert held(editor)[disc].mean() > 0.95
    assert held(editor)[52:128, 72:148][~disc[52:128, 72:148]].mean() < 0.05
    screenshot(ctx, "annotate/lasso-threshold")


@story(paths=a_disc)
def whole_slices(ctx: Context, editor: Editor) -> None:
    ready(ctx, editor, "vesicle", "copy")
    editor.sight.go_to(z=2)
    frames(ctx, 3)
    ring = [(90 + 40 * np.sin(a), 110 + 40 * np.cos(a)) for a in np.linspace(0, 2 * np.pi, 24)]
    stroke(ctx, editor, ring)
    saved(ctx, editor)
    assert not held(editor)[90, 110]
    press(ctx, "shift+h")
    saved(ctx, editor)
    assert held(editor)[90, 110]
    before = held(editor).sum()
    press(ctx, "ctrl+]")
    saved(ctx, editor)
    assert held(editor).sum() > before
    press(ctx, "ctrl+[")
    saved(ctx, editor)
    editor.sight.go_to(z=13)
    frames(ctx, 3)
    stroke(ctx, editor, [(90, 80), (90, 140)])
    saved(ctx, editor)
    editor.sight.go_to(z=7)
    frames(ctx, 3)
    press(ctx, "i")
    saved(ctx, editor)
    assert editor.snapshot.annotated[editor.state.feature or 0] == tuple(range(2, 14))
    areas = [int(held(editor, z).sum()) for z in range(2, 14)]
    assert areas == sorted(areas, reverse=True)
    assert reddish(seen(ctx, editor, 90, 110))
    screenshot(ctx, "annotate/interpolated")
    editor.sight.go_to(z=13)
    press(ctx, "ctrl+d")
    saved(ctx, editor)
    assert editor.state.z == 14
    assert np.array_equal(held(editor, 14), held(editor, 13))
    press(ctx, "ctrl+left")
    assert editor.state.z == 13
    run(ctx, editor, "slice.copy_to_feature")
    screenshot(ctx, "annotate/copy-sheet")
    ctx.item_click("//$FOCUSED/All annotated slices")
    ctx.item_click("//$FOCUSED/Copy")
    saved(ctx, editor)
    press(ctx, "s")
    assert editor.snapshot.annotated[editor.state.feature or 0] == tuple(range(2, 15))
    press(ctx, "x")
    saved(ctx, editor)
    assert not editor.snapshot.features[1].visible
    press(ctx, "w")
    press(ctx, "shift+f")
    saved(ctx, editor)
    assert editor.snapshot.features[0].outline
    press(ctx, "delete")  # the list does not have the keyboard
    saved(ctx, editor)
    assert len(editor.snapshot.features) == 2
    ctx.item_click("//Annotate/**/###copy")
    press(ctx, "delete")
    saved(ctx, editor)
    assert [feature.name for feature in editor.snapshot.features] == ["vesicle"]
    press(ctx, "ctrl+z")
    saved(ctx, editor)
    assert [feature.name for feature in editor.snapshot.features] == ["vesicle", "copy"]


def finds_boxes_picks_and_the_crop_region(ctx: Context, editor: Editor) -> None:
    ready(ctx, editor)
    number = editor.state.feature or 0
    boxes = editor.snapshot.boxes[number]
    assert sum(box.negative for box in boxes) == len(boxes) == 8
    assert (8, 60, 160, True) in [(box.z, box.y, box.x, box.negative) for box in boxes]
    (pick,) = editor.snapshot.picks[number].picks
    assert np.allclose((pick.z, pick.y, pick.x), (8, 120, 90), atol=1)
    assert editor.snapshot.crop is not None
    run(ctx, editor, "crop.clear")
    saved(ctx, editor)
    assert editor.snapshot.crop is None
    press(ctx, "ctrl+z", 2)  # the view goes to what is taken back: the crop region, then the pick
    saved(ctx, editor)
    assert editor.snapshot.crop is None
    press(ctx, "ctrl+z")
    saved(ctx, editor)
    (pick,) = editor.snapshot.picks[number].picks
    assert np.allclose((pick.y, pick.x), (140, 60), atol=0.3)


@story(paths=a_disc, then=[finds_boxes_picks_and_the_crop_region])
def boxes_picks_lines_and_crops(ctx: Context, editor: Editor) -> None:
    ready(ctx, editor, "ribosome")
    number = editor.state.feature or 0
    click(ctx, at(editor, 40, 60), "left", "shift")
    click(ctx, at(editor, 60, 160), "left", "shift+alt")
    click(ctx, at(editor, 140, 60), "left", "ctrl+shift")
    saved(ctx, editor)
    boxes = editor.snapshot.boxes[number]
    assert [(box.z, box.y, box.x, box.negative) for box in boxes] == [(8, 40, 60, False), (8, 60, 160, True)]
    (pick,) = editor.snapshot.picks[number].picks
    assert np.allclose((pick.z, pick.y, pick.x), (8, 140, 60), atol=0.3)
    screenshot(ctx, "annotate/boxes")
    run(ctx, editor, "boxes.background")
    write(ctx, "7")
    press(ctx, "enter")
    saved(ctx, editor)
    assert len(editor.snapshot.boxes[number]) == 9
    assert "Placed 7 background boxes." in editor.notices.said[-1].text
    click(ctx, at(editor, 42, 58), "right", "shift")
    saved(ctx, editor)
    assert not any(box.y == 40 and box.x == 60 for box in editor.snapshot.boxes[number])
    editor.state.tool = Tool.PICK
    stroke(ctx, editor, [(140, 60), (130, 80), (120, 90)])
    saved(ctx, editor)
    (pick,) = editor.snapshot.picks[number].picks
    assert np.allclose((pick.y, pick.x), (120, 90), atol=1)
    press(ctx, "m")
    stroke(ctx, editor, [(20, 20), (20, 70)])
    assert editor.state.measured is not None
    length = np.hypot(*np.subtract(*editor.state.measured))
    assert abs(length - 50) < 1
    screenshot(ctx, "annotate/measured")
    press(ctx, "escape")
    press(ctx, "escape")
    press(ctx, "c")
    stroke(ctx, editor, [(30, 40), (150, 180)])
    saved(ctx, editor)
    crop = editor.snapshot.crop
    assert crop is not None
    assert np.allclose((*crop.y, *crop.x), (30, 151, 40, 181), atol=1)
    assert editor.state.tool is Tool.BRUSH
    screenshot(ctx, "annotate/cropped")


def finds_ignore_regions_and_slices(ctx: Context, editor: Editor) -> None:
    ready(ctx, editor)
    assert [held(editor, z).any() for z in range(SHAPE[0])] == [5 <= z < 9 for z in range(SHAPE[0])]
    run(ctx, editor, "feature.ignore")
    editor.sight.go_to(z=8)
    saved(ctx, editor)
    assert held(editor)[150, 30:200].all()
    screenshot(ctx, "annotate/after-restart")


@story(paths=a_disc, then=[finds_ignore_regions_and_slices])
def ignore_import_and_export(ctx: Context, editor: Editor) -> None:
    ready(ctx, editor, "ribosome")
    folder = ctx.folder
    run(ctx, editor, "feature.ignore")
    stroke(ctx, editor, [(150, 30), (150, 200)])
    saved(ctx, editor)
    assert held(editor)[150, 30:200].all()
    screenshot(ctx, "annotate/ignore")
    press(ctx, "w")
    assert editor.state.feature == editor.snapshot.features[0].id
    mask = np.zeros(SHAPE, "i1")
    mask[5:9, 60:90, 90:120] = 3
    write_volume(folder / "mask.mrc", mask, voxel_sizes=10.0)
    editor.dialogs.answers.append([folder / "mask.mrc"])
    ctx.menu_click("//##MainMenuBar/Feature/Import/Import mask...")
    screenshot(ctx, "annotate/import-sheet")
    ctx.item_click("//$FOCUSED/Import")
    saved(ctx, editor)
    assert all(np.array_equal(held(editor, z), mask[z] != 0) for z in range(SHAPE[0]))
    for action, name in (("export.slice", "slice.png"), ("export.annotation", "volume.mrc")):
        editor.dialogs.answers.append([folder / name])
        run(ctx, editor, action)
        saved(ctx, editor)
        assert (folder / name).stat().st_size > 100
    run(ctx, editor, "boxes.auto")
    write(ctx, "4")
    press(ctx, "enter")
    saved(ctx, editor)
    editor.dialogs.answers.append([folder / "boxes.txt"])
    run(ctx, editor, "export.boxes")
    screenshot(ctx, "annotate/export-sheet")
    press(ctx, "enter")
    saved(ctx, editor)
    found = read_coordinates(folder / "boxes.txt").positions
    number = editor.state.feature or 0
    assert sorted(map(tuple, found[:, ::-1])) == sorted((b.z, b.y, b.x) for b in editor.snapshot.boxes[number])
    assert len(found) == 4


@story(paths=a_disc)
def across_slices(ctx: Context, editor: Editor) -> None:
    ready(ctx, editor, "filament")
    press(ctx, "[", 20)
    press(ctx, "]", 3)
    saved(ctx, editor)
    radius = editor.snapshot.features[0].brush_radius
    press(ctx, "o")
    until(ctx, lambda: editor.view("xz").position == 90 and editor.view("yz").position == 110, 20, "three planes")
    frames(ctx, 5)

    def where(plane: Plane, row: float, column: float) -> tuple[int, int]:
        x, y = editor.view(plane).to_screen(row, column)
        return round(x), round(y)

    drag(ctx, [where("xz", 4, 40), where("xz", 12, 180)])
    saved(ctx, editor)
    assert editor.document is not None
    volume = np.stack(list(editor.document.project.mask_volume(1, editor.state.feature or 0))) != 0
    assert {int(y) for y in np.nonzero(volume)[1]} == {90}
    z, x = np.nonzero(volume[:, 90])
    along = np.clip(((z - 4) * 8 + (x - 40) * 140) / (8**2 + 140**2), 0, 1)
    assert np.hypot(z - 4 - 8 * along, x - 40 - 140 * along).max() < radius + 0.7
    assert len(set(x.tolist())) > 135
    drag(ctx, [where("yz", 8, 60), where("yz", 8, 120)], "right")
    saved(ctx, editor)
    after = np.stack(list(editor.document.project.mask_volume(1, editor.state.feature or 0))) != 0
    assert not after[8, 90, 110]
    assert {int(x) for x in np.nonzero(volume & ~after)[2]} == {110}
    screenshot(ctx, "annotate/across-slices")
    press(ctx, "ctrl+z", 2)
    saved(ctx, editor)
    assert not any(mask.any() for mask in editor.document.project.mask_volume(1, editor.state.feature or 0))
