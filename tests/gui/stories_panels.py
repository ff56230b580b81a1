"""Stories about the panels: the list of tomograms, how they are shown, features, their library, history."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from acting import Context, drag, frames, in_window, middle, pixels, press, screenshot, until
from imgui_bundle import ImVec2, imgui
from numpy.typing import NDArray
from plans import story

from ais.annotation import AddFeature, AddPicks, AddTomogram, PaintStroke, PlaceBoxes
from ais.annotation.feature_operations import PALETTE
from ais.formats.registry import write_volume
from ais.gui.editor import Editor
from ais.gui.state import Tool
from ais.gui.tomogram_list import Order
from ais.project import Project
from ais.tomogram import Tomogram

SHAPE = (24, 90, 120)
Place = tuple[float, float]


def noise(path: Path, seed: int = 0, voxel_size: float = 10.0, shape: tuple[int, int, int] = SHAPE) -> Path:
    """Write a tomogram of noise with a dark rod, with a voxel size in angstrom."""
    path.parent.mkdir(parents=True, exist_ok=True)
    volume = np.random.default_rng(seed).normal(0, 1, shape).astype(np.float32)
    volume[:, shape[1] // 2 - 4 : shape[1] // 2 + 4] -= 3
    write_volume(path, volume, voxel_sizes=voxel_size)
    return path


def one(folder: Path) -> Sequence[Path]:
    """Make one tomogram."""
    return [noise(folder / "TS_001.mrc")]


def unsure(folder: Path) -> Sequence[Path]:
    """Make a tomogram whose header says 1.0 A."""
    return [noise(folder / "TS_001.mrc", voxel_size=1.0)]


def several(folder: Path) -> Sequence[Path]:
    """Make a project with 300 tomograms, of which three are there, and 40 were annotated."""
    there = [noise(folder / "old" / f"TS_{number}.mrc", number) for number in (2, 10, 1)]
    with Project.create(folder / "many.aisproj") as project:
        for path in there:
            project.apply(AddTomogram(path))
        for number in range(11, 308):
            project.apply(AddTomogram(folder / "gone" / f"TS_{number}.mrc", shape=SHAPE))
        for name in ("membrane", "ribosome"):
            project.apply(AddFeature(name))
        for number in range(1, 41):
            for z in range(number // 4 + 1):
                project.apply(PaintStroke(number, 1 + number % 2, z, [(20, 20), (30, 60)], 5))
        project.apply(PlaceBoxes(1, 1, [(3, 30, 40)]))
    return [folder / "many.aisproj"]


def painted(folder: Path) -> Sequence[Path]:
    """Make a project with one tomogram and three features, one of them with annotations, boxes and picks."""
    with Project.create(folder / "painted.aisproj") as project:
        project.apply(AddTomogram(noise(folder / "TS_001.mrc")))
        for name in ("membrane", "ribosome", "a feature with a name that is far too long for the list"):
            project.apply(AddFeature(name, box_size=32))
        for z in (4, 8, 12):
            project.apply(PaintStroke(1, 1, z, [(40, 20), (45, 70)], 6))
        project.apply(PlaceBoxes(1, 1, [(4, 40, 20), (8, 45, 60)]))
        project.apply(PlaceBoxes(1, 1, [(8, 20, 90)], negative=True))
        project.apply(AddPicks(1, 1, [(12, 30, 50), (20, 60, 70)]))
    return [folder / "painted.aisproj"]


def ready(ctx: Context, editor: Editor) -> None:
    """Wait until the tomogram is on the screen and its contrast is measured."""
    until(ctx, lambda: editor.shown is not None and editor.shown.statistics is not None, 20, "the tomogram is shown")
    settled(ctx, editor)


def settled(ctx: Context, editor: Editor) -> None:
    """Wait until everything is on disk and seen."""
    until(ctx, lambda: editor.document is not None and not editor.document.busy, 20, "edits are made")
    frames(ctx, 3)


def names(editor: Editor) -> list[str]:
    """The features in their order."""
    return [feature.name for feature in editor.snapshot.features]


def at(editor: Editor) -> tuple[int, ...]:
    """Where the cross-hair is."""
    return editor.state.position


def slices(editor: Editor) -> tuple[int, ...]:
    """The annotated slices of the first feature."""
    return editor.snapshot.annotated[1]


def ends(ctx: Context, reference: str) -> tuple[Place, Place]:
    """Left end and right end of an item."""
    box = ctx.item_info(reference).rect_clipped
    y = (box.min.y + box.max.y) / 2
    return (box.min.x, y), (box.max.x, y)


def colour_at(ctx: Context, editor: Editor, row: float, column: float) -> NDArray[np.float64]:
    """The mean colour around a point of the XY view, as it is on the screen."""
    x, y = (round(part) for part in editor.view("xy").to_screen(row, column))
    mean: NDArray[np.float64] = pixels(ctx)[y - 3 : y + 3, x - 3 : x + 3].astype(float).mean((0, 1))
    return mean


def slide(ctx: Context, reference: str, to: float) -> None:
    """Drag a slider, from where it is, to a fraction of its width."""
    left, right = ends(ctx, reference)
    drag(ctx, [middle(ctx, reference), (left[0] + 20, left[1]), (left[0] + to * (right[0] - left[0]), left[1])])


@story()
def first_steps_without_a_tomogram(ctx: Context, editor: Editor) -> None:
    frames(ctx, 5)
    editor.new_project()
    until(ctx, lambda: editor.document is not None and editor.snapshot.revision, 20, "an empty project")
    frames(ctx, 3)
    editor.dialogs.answers.append(list(one(ctx.folder)))
    screenshot(ctx, "panels/empty")
    ctx.item_click("//Tomograms/Open tomogram...")
    ready(ctx, editor)
    ctx.item_click("//Annotate/**/Add feature")
    frames(ctx, 3)
    ctx.key_chars("membrane")
    press(ctx, "enter")
    settled(ctx, editor)
    assert names(editor) == ["membrane"]
    assert editor.state.feature == editor.snapshot.features[0].id


@story(paths=several)
def hundreds_of_tomograms(ctx: Context, editor: Editor) -> None:
    ready(ctx, editor)
    assert len(editor.snapshot.tomograms) == 300
    ctx.item_click("//Tomograms/**/###TS_10")
    until(ctx, lambda: editor.shown is not None and editor.shown.entry.name == "TS_10", 10, "TS_10 is shown")
    editor.tomogram_list.order = Order.NAME
    frames(ctx, 2)
    shown = [entry.name for entry in editor.tomogram_list.shown(editor.snapshot)]
    assert shown[:4] == ["TS_1", "TS_2", "TS_10", "TS_11"]
    press(ctx, "up")
    until(ctx, lambda: editor.shown is not None and editor.shown.entry.name == "TS_2", 10, "the one above is shown")
    ctx.item_click("//Tomograms/###Sort")
    ctx.item_click("//$FOCUSED/Most annotated")
    marks = editor.snapshot.marks
    first = editor.tomogram_list.shown(editor.snapshot)[0]
    assert sum(marks[first.id].values()) == max(sum(each.values()) for each in marks.values()) == 11
    ctx.item_input("//Tomograms/##Search tomograms")
    ctx.key_chars("gone ts_30")
    frames(ctx, 2)
    assert {entry.name for entry in editor.tomogram_list.shown(editor.snapshot)} == {
        "TS_30", *(f"TS_30{digit}" for digit in range(8))
    }  # fmt: skip
    screenshot(ctx, "panels/searched")
    press(ctx, "escape")
    editor.tomogram_list.search = ""
    editor.tomogram_list.order = Order.MISSING
    frames(ctx, 3)
    assert ctx.item_exists("//Tomograms/**/###TS_11")
    assert not ctx.item_exists("//Tomograms/**/###TS_200")  # rows that are not visible are not drawn
    screenshot(ctx, "panels/many")


@story(paths=several)
def moved_tomograms_are_found_again(ctx: Context, editor: Editor) -> None:
    ready(ctx, editor)
    for number in range(11, 14):
        noise(ctx.folder / "new" / f"TS_{number}.mrc", number)
    assert sum(entry.missing for entry in editor.snapshot.tomograms) == 297
    ctx.item_click("//Tomograms/**/Relink all...")
    frames(ctx, 3)
    gone = (ctx.folder / "gone").as_posix()
    ctx.item_input_value("//**/##Find", gone)
    ctx.item_input_value("//**/##Replace by", (ctx.folder / "new").as_posix())
    frames(ctx, 10)
    screenshot(ctx, "panels/relink")
    until(ctx, lambda: not editor.background.busy, 10, "the files are looked for")
    frames(ctx, 3)
    ctx.item_click("//Relink tomograms###relink/Relink")
    settled(ctx, editor)
    assert sum(entry.missing for entry in editor.snapshot.tomograms) == 294
    # Relinked singly, where the others went the same way: the page opens with what was replaced.
    for number in range(14, 16):
        noise(ctx.folder / "third" / f"TS_{number}.mrc", number)
    editor.tomogram_list.search = "TS_14"
    frames(ctx, 3)
    editor.dialogs.answers.append([ctx.folder / "third" / "TS_14.mrc"])
    ctx.mouse_move("//Tomograms/**/###TS_14")
    ctx.mouse_click(1)
    frames(ctx, 2)
    ctx.item_click("//$FOCUSED/Relink...")
    until(ctx, lambda: editor.shell.relinking is not None, 10, "others went the same way")
    assert editor.shell.relinking == (gone, (ctx.folder / "third").as_posix())
    frames(ctx, 3)
    until(ctx, lambda: not editor.background.busy, 10, "the files are looked for")
    frames(ctx, 3)
    ctx.item_click("//Relink tomograms###relink/Relink")
    settled(ctx, editor)
    assert sum(entry.missing for entry in editor.snapshot.tomograms) == 292


@story(paths=one)
def new_files_from_a_tomogram(ctx: Context, editor: Editor) -> None:
    ready(ctx, editor)
    editor.dialogs.answers += [[ctx.folder / "binned.mrc"], [ctx.folder / "swapped.mrc"]]
    for item, button in (("Bin to a new file...", "binned"), ("Swap axes to a new file...", "swapped")):
        ctx.mouse_move("//Tomograms/**/###TS_001")
        ctx.mouse_click(1)
        frames(ctx, 2)
        ctx.item_click(f"//$FOCUSED/{item}")
        frames(ctx, 2)
        screenshot(ctx, f"panels/{button}")
        ctx.item_click("//**/Choose file...")
        until(ctx, lambda name=button: editor.shown and editor.shown.entry.name == name, 20, "it is written and shown")  # type: ignore[misc]
    original = Tomogram.open(ctx.folder / "TS_001.mrc").slab(0, SHAPE[0])
    binned = Tomogram.open(ctx.folder / "binned.mrc")
    assert binned.voxel_size == 20.0
    blocks = original.reshape(12, 2, 45, 2, 60, 2).mean((1, 3, 5))
    assert np.allclose(binned.slab(0, 12), blocks, atol=1e-5)
    swapped = Tomogram.open(ctx.folder / "swapped.mrc")
    assert np.array_equal(swapped.slab(0, swapped.shape[0]), original.transpose(1, 0, 2))
    ctx.mouse_move("//Tomograms/**/###binned")
    ctx.mouse_click(1)
    frames(ctx, 2)
    ctx.item_click("//$FOCUSED/Remove from project")
    settled(ctx, editor)
    assert [entry.name for entry in editor.snapshot.tomograms] == ["TS_001", "swapped"]
    assert (ctx.folder / "binned.mrc").exists()


@story(paths=unsure)
def a_voxel_size_that_cannot_be_right(ctx: Context, editor: Editor) -> None:
    ready(ctx, editor)
    assert ctx.item_exists("//Display/##voxel size")
    screenshot(ctx, "panels/voxel-size")
    ctx.item_input("//Display/##voxel size")
    ctx.key_chars("13.48")
    press(ctx, "enter")
    until(ctx, lambda: editor.snapshot.tomograms[0].voxel_size == 13.48, 10, "it is set")
    ready(ctx, editor)
    assert not ctx.item_exists("//Display/##voxel size")
    assert editor.shown is not None
    assert editor.shown.tomogram.voxel_size == 13.48
    # Back to what the file says, from the list.
    ctx.mouse_move("//Tomograms/**/###TS_001")
    ctx.mouse_click(1)
    frames(ctx, 2)
    ctx.item_click("//$FOCUSED/Set voxel size...")
    frames(ctx, 2)
    ctx.item_click("//**/What the file says")
    ctx.item_click("//**/Set")
    until(ctx, lambda: editor.snapshot.tomograms[0].voxel_size == 1.0, 10, "it is that of the file")


@story(paths=one)
def the_display_panel(ctx: Context, editor: Editor) -> None:
    ready(ctx, editor)
    contrast = editor.state.contrast
    assert contrast is not None
    plot = ctx.item_info("//Display/##histogram").rect_clipped
    # The white limit stands at its share of the plot's range.
    statistics = editor.shown.statistics if editor.shown is not None else None
    assert statistics is not None
    first, last = float(statistics.histogram.edges[0]), float(statistics.histogram.edges[-1])
    margin = 0.02 * (last - first)
    width = plot.max.x - plot.min.x
    x = plot.min.x + width * (contrast.high - first + margin) / (last - first + 2 * margin)
    y = (plot.min.y + plot.max.y) / 2
    drag(ctx, [(x, y), (x - 10, y), (x - 0.1 * width, y)])
    moved = editor.state.contrast
    assert moved is not None
    assert abs(moved.high - (contrast.high - 0.1 * (last - first) * 1.04)) < 0.01 * (last - first)
    assert moved.low == contrast.low
    ctx.item_click("//Display/Invert")
    ctx.item_click("//Display/Auto")
    assert editor.state.contrast is not None
    assert (editor.state.contrast.low, editor.state.contrast.high) == (contrast.low, contrast.high)
    assert editor.state.contrast.invert
    ctx.item_open("//Display/###filters")
    for name in ("Gaussian", "Median"):
        ctx.item_click("//Display/**/Add filter")
        ctx.item_click(f"//$FOCUSED/{name}")
    frames(ctx, 3)
    assert [item.kind for item in editor.state.filters] == ["gaussian", "median"]
    screenshot(ctx, "panels/filters")
    ctx.item_drag_and_drop("//Display/**/Median", "//Display/**/Gaussian")
    frames(ctx, 2)
    assert [item.kind for item in editor.state.filters] == ["median", "gaussian"]
    ctx.item_click("//Display/$$0/###Remove filter")
    frames(ctx, 2)
    assert [item.kind for item in editor.state.filters] == ["gaussian"]
    ctx.item_click("//Display/$$0/##on")
    assert not editor.state.filters[0].enabled
    ctx.item_close("//Display/###filters")
    ctx.item_open("//Display/###crop")
    ctx.item_click("//Display/Draw region")
    assert editor.state.tool is Tool.CROP
    corner, other = (editor.view("xy").to_screen(*at) for at in ((20, 30), (60, 90)))
    drag(ctx, [corner, (corner[0] + 5, corner[1] - 5), other])
    settled(ctx, editor)
    assert editor.snapshot.crop is not None
    assert abs(editor.snapshot.crop.y[0] - 20) <= 1
    assert abs(editor.snapshot.crop.x[1] - 90) <= 2
    screenshot(ctx, "panels/crop")
    ctx.item_click("//Display/Clear region")
    settled(ctx, editor)
    assert editor.snapshot.crop is None


@story(paths=painted)
def the_list_of_features(ctx: Context, editor: Editor) -> None:
    ready(ctx, editor)
    membrane, ribosome, _ = (feature.id for feature in editor.snapshot.features)
    ctx.item_click("//Annotate/**/###ribosome")
    assert editor.state.feature == ribosome
    ctx.item_double_click("//Annotate/**/###ribosome")
    frames(ctx, 3)
    press(ctx, "ctrl+a")
    ctx.key_chars("large subunit")
    press(ctx, "enter")
    settled(ctx, editor)
    assert names(editor)[1] == "large subunit"
    ctx.item_double_click("//Annotate/**/###large subunit")
    frames(ctx, 3)
    ctx.key_chars("no")
    press(ctx, "escape")
    settled(ctx, editor)
    assert names(editor)[1] == "large subunit"
    ctx.item_drag_and_drop("//Annotate/**/###large subunit", "//Annotate/**/###membrane")
    settled(ctx, editor)
    assert names(editor)[:2] == ["large subunit", "membrane"]
    # The eye and the square of the second row, beside its name.
    _, right = ends(ctx, "//Annotate/**/###membrane")
    ctx.item_click("//Annotate/**/###membrane")
    editor.sight.go_to(z=8)
    until(ctx, lambda: editor.view("xy").position == 8, 10, "the slice is shown")
    frames(ctx, 5)
    with_mask = colour_at(ctx, editor, 42, 45)
    em = in_window(ctx, imgui.get_font_size)
    drag(ctx, [(right[0] - em, right[1])])
    settled(ctx, editor)
    assert not editor.snapshot.feature(membrane).visible  # type: ignore[union-attr]
    frames(ctx, 5)
    without = colour_at(ctx, editor, 42, 45)
    assert np.ptp(without) < 3 < np.ptp(with_mask)  # grey without the overlay
    press(ctx, "x")
    drag(ctx, [(right[0] - 2.9 * em, right[1])])
    settled(ctx, editor)
    assert editor.snapshot.feature(membrane).visible  # type: ignore[union-attr]
    assert editor.snapshot.feature(membrane).outline  # type: ignore[union-attr]
    ctx.mouse_move("//Annotate/**/###membrane")
    ctx.mouse_click(1)
    frames(ctx, 2)
    screenshot(ctx, "panels/feature-menu")
    ctx.item_click("//$FOCUSED/Duplicate feature")
    settled(ctx, editor)
    assert len(names(editor)) == 4
    ctx.item_click("//Annotate/**/Ignore regions")
    assert editor.state.feature == 0
    screenshot(ctx, "panels/ignore")


@story(paths=painted)
def properties_of_a_feature(ctx: Context, editor: Editor) -> None:
    ready(ctx, editor)
    membrane = editor.snapshot.features[0].id
    ctx.item_click("//Annotate/**/###membrane")
    edits = len(editor.snapshot.history)
    ctx.scroll_to_item_y("//Annotate/##opacity")
    before = colour_at(ctx, editor, 43, 45)
    left, right = ends(ctx, "//Annotate/##opacity")
    low = (left[0] + 0.02 * (right[0] - left[0]), left[1])
    drag(ctx, [middle(ctx, "//Annotate/##opacity"), (low[0] + 30, low[1]), low], release=False)
    frames(ctx, 2)
    assert np.ptp(before) > 30 > np.ptp(colour_at(ctx, editor, 43, 45))  # seen before the button is released
    assert len(editor.snapshot.history) == edits
    ctx.mouse_move_to_pos(ImVec2(left[0] + 0.9 * (right[0] - left[0]), left[1]))
    ctx.mouse_up(0)
    settled(ctx, editor)
    feature = editor.snapshot.feature(membrane)
    assert feature is not None
    assert 0.85 < feature.alpha < 0.95
    assert len(editor.snapshot.history) == edits + 1  # one drag is one step of undo
    assert editor.state.feature_preview is None
    ctx.item_input_value("//Annotate/##brush radius", 33)
    until(ctx, lambda: editor.snapshot.feature(membrane).brush_radius == 33, 10, "it is saved")  # type: ignore[union-attr]
    ctx.item_input_value("//Annotate/##box size", 48)
    settled(ctx, editor)
    feature = editor.snapshot.feature(membrane)
    assert feature is not None
    assert feature.box_size == 48
    screenshot(ctx, "panels/properties")
    ctx.item_click("//Annotate/features/$$1/##Colour")
    frames(ctx, 2)
    screenshot(ctx, "panels/colour")
    ctx.item_click("//$FOCUSED/##palette 6")
    settled(ctx, editor)
    assert editor.snapshot.features[0].colour == PALETTE[6]
    for tool in (Tool.FLOOD, Tool.LASSO, Tool.BOX, Tool.PICK, Tool.MEASURE, Tool.BRUSH):
        ctx.item_click(f"//Annotate/###{tool.value}")
        assert editor.state.tool is tool
        frames(ctx, 2)
        screenshot(ctx, f"panels/tool-{tool.name.lower()}")
        if tool is Tool.FLOOD:
            slide(ctx, "//Annotate/##flood sensitivity", 0.75)
            assert 0.7 < editor.state.flood_sensitivity < 0.8
        if tool is Tool.LASSO:
            ctx.item_click("//Annotate/##lasso paints")
            ctx.item_click("//##Combo_00/**/What is brighter")
            assert editor.state.lasso_threshold
            assert editor.state.lasso_brighter
            ctx.item_click("//Annotate/Find it")
            assert editor.state.lasso_level is not None
            editor.state.lasso_threshold = False


@story(paths=painted)
def slices_boxes_and_picks(ctx: Context, editor: Editor) -> None:
    ready(ctx, editor)
    ctx.item_click("//Annotate/**/###membrane")
    editor.sight.go_to(z=5)
    ctx.scroll_to_item_y("//Annotate/###Next annotated")
    ctx.item_click("//Annotate/###Next annotated")
    assert editor.state.z == 8
    ctx.item_click("//Annotate/###Previous annotated")
    assert editor.state.z == 4
    left, right = ends(ctx, "//Annotate/Annotated slices")
    drag(ctx, [(left[0] + 0.5 * (right[0] - left[0]), left[1])])  # in the middle lies slice 12
    assert editor.state.z == 12
    screenshot(ctx, "panels/slices")
    ctx.item_click("//Annotate/Interpolate")
    settled(ctx, editor)
    assert slices(editor) == tuple(range(4, 13))
    ctx.item_close("//Annotate/###annotated slices")
    ctx.item_open("//Annotate/###boxes")
    frames(ctx, 3)
    ctx.item_click("//Annotate/**/###1")
    assert at(editor) == (8, 45, 60)
    ctx.item_click("//Annotate/**/###Remove 2")
    settled(ctx, editor)
    assert [box.negative for box in editor.snapshot.boxes[1]] == [False, False]
    screenshot(ctx, "panels/boxes")
    ctx.item_click("//Annotate/Auto-place...")
    frames(ctx, 2)
    press(ctx, "enter")
    settled(ctx, editor)
    assert len(editor.snapshot.boxes[1]) > 2
    ctx.item_close("//Annotate/###boxes")
    ctx.item_open("//Annotate/###picks")
    frames(ctx, 3)
    ctx.item_input_value("//Annotate/##pick radius", 9)
    settled(ctx, editor)
    assert editor.snapshot.picks[1].radius == 9
    ctx.item_click("//Annotate/**/###1")
    assert at(editor) == (20, 60, 70)
    screenshot(ctx, "panels/picks")
    ctx.item_click("//Annotate/**/###Remove 0")
    settled(ctx, editor)
    assert [pick.z for pick in editor.snapshot.picks[1].picks] == [20]


def the_library_is_there_in_the_next_project(ctx: Context, editor: Editor) -> None:
    ready(ctx, editor)
    editor.new_project()
    until(ctx, lambda: editor.document is not None and not editor.snapshot.features, 20, "an empty project")
    until(ctx, lambda: len(editor.feature_shelf.entries) == 1, 10, "the library is read")
    frames(ctx, 3)
    ctx.item_click("//Annotate/###Feature library")
    frames(ctx, 3)
    screenshot(ctx, "panels/library")
    ctx.item_click("//**/###Add membrane")
    settled(ctx, editor)
    assert [(feature.name, feature.brush_radius) for feature in editor.snapshot.features] == [("membrane", 40.0)]
    ctx.item_click("//**/###Forget membrane")
    until(ctx, lambda: not editor.background.busy, 10, "it is forgotten")
    assert json.loads((editor.settings_folder / "features.json").read_text())["features"] == []
    ctx.item_click("//**/Close")
    frames(ctx, 3)


@story(paths=painted, then=[the_library_is_there_in_the_next_project])
def the_feature_library(ctx: Context, editor: Editor) -> None:
    ready(ctx, editor)
    # Features that somebody else has named are not remembered, until they are changed here.
    assert editor.feature_shelf.entries == ()
    ctx.item_click("//Annotate/**/###membrane")
    ctx.item_input_value("//Annotate/##brush radius", 40)
    until(ctx, lambda: [entry.brush_radius for entry in editor.feature_shelf.entries] == [40.0], 10, "it is remembered")


@story(paths=painted)
def back_and_forth_in_history(ctx: Context, editor: Editor) -> None:
    ready(ctx, editor)
    editor.shell.history = True
    frames(ctx, 5)
    history = editor.snapshot.history
    row = next(at for at, entry in enumerate(history, 1) if entry.text.startswith("Paint membrane, slice 8"))
    ctx.item_click(f"//History/**/###{row}")
    settled(ctx, editor)
    assert slices(editor) == (4, 8)
    assert sum(entry.undone for entry in editor.snapshot.history) == len(history) - row
    screenshot(ctx, "panels/history")
    ctx.item_click(f"//History/**/###{len(history)}")
    settled(ctx, editor)
    assert slices(editor) == (4, 8, 12)
    assert editor.snapshot.history == history


def in_a_small_window(folder: Path) -> Sequence[Path]:
    """Make the project with many tomograms, and settings for 1280 x 720 with letters at 150 %."""
    (folder / "settings").mkdir(exist_ok=True)
    settings = {"window_size": [1280, 720], "font_scale": 1.5}
    (folder / "settings" / "settings.json").write_text(json.dumps(settings), encoding="utf-8")
    return painted(folder)


@story(paths=in_a_small_window)
def small_window_large_letters(ctx: Context, editor: Editor) -> None:
    ready(ctx, editor)
    editor.shell.history = True
    ctx.item_click("//Annotate/**/###membrane")
    size = ctx.window_info("//Annotate").window.size  # type: ignore[union-attr]
    width = size.x
    assert size.y > 0.45 * 720, "the list of tomograms and the display take turns, to leave room to annotate"
    for theme in ("dark", "light", "high contrast"):
        editor.settings.theme = theme
        frames(ctx, 3)
        screenshot(ctx, f"panels/small-{theme.replace(' ', '-')}")
    for item in ("//Annotate/###Measure", "//Annotate/Add feature", "//Tomograms/###Open tomogram"):
        assert ctx.item_info(item).rect_full.max.x < width
    ctx.window_focus("//Display")
    frames(ctx, 3)
    slab = ctx.item_info("//Display/##slab").rect_clipped
    assert slab.max.x < width
    assert slab.max.y - slab.min.y > 20, "all of it is seen without scrolling"
    screenshot(ctx, "panels/small-display")
    ctx.scroll_to_item_y("//Annotate/###annotated slices")
    for item in ("Interpolate", "Clear slice", "###Next annotated", "##opacity"):
        assert ctx.item_info(f"//Annotate/{item}").rect_full.max.x < width
    screenshot(ctx, "panels/small-slices")
    for name in ("boxes", "picks"):
        ctx.item_open(f"//Annotate/###{name}")
        ctx.scroll_to_item_y(f"//Annotate/###{name}")
        frames(ctx, 2)
        screenshot(ctx, f"panels/small-{name}")
        ctx.item_close(f"//Annotate/###{name}")
