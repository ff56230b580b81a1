"""Stories about the views: browsing, zoom, planes, what is drawn over them."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from acting import Context, click, drag, frames, in_window, middle, pixels, press, screenshot, until, wheel
from imgui_bundle import ImVec2, hello_imgui, imgui
from numpy.typing import NDArray
from PIL import Image
from plans import story

from ais.annotation import AddFeature, AddPicks, ChangeFeature, PaintStroke, PlaceBoxes
from ais.formats.registry import write_volume
from ais.gui.background import Work
from ais.gui.display import PLANES, Contrast, DisplayFilter, Plane
from ais.gui.document import Crop
from ais.gui.editor import Editor

SHAPE = (40, 200, 240)


def blobs(folder: Path) -> Sequence[Path]:
    """Make a tomogram of soft dark balls in noise, with a voxel size of 10 A."""
    rng = np.random.default_rng(1)
    nz, ny, nx = SHAPE
    volume = rng.normal(0, 1, SHAPE).astype(np.float32)
    z, y, x = np.ogrid[:nz, :ny, :nx]
    for centre in rng.uniform((5, 10, 10), (nz - 5, ny - 10, nx - 10), (40, 3)):
        distance = np.sqrt((z - centre[0]) ** 2 + (y - centre[1]) ** 2 + (x - centre[2]) ** 2)
        volume -= (4 / (1 + np.exp(np.minimum(distance - 7, 20)))).astype(np.float32)
    path = folder / "TS_001.mrc"
    write_volume(path, volume, voxel_sizes=10.0)
    return [path]


def corners(folder: Path) -> Sequence[Path]:
    """Make a tomogram whose value in voxel (z, y, x) is z, with blocks of 10 x 10 at both ends of column 0."""
    volume = np.zeros(SHAPE, np.float32) + np.arange(SHAPE[0], dtype=np.float32)[:, None, None]
    volume[:, :10, :10] = 100
    volume[:, -10:, :10] = 60
    path = folder / "corners.mrc"
    write_volume(path, volume, voxel_sizes=10.0)
    return [path]


def shown(ctx: Context, editor: Editor, planes: Sequence[Plane] = ("xy",)) -> None:
    """Wait until the slices that are wanted are on the screen."""

    def there() -> bool:
        state = editor.state
        return editor.shown is not None and all(state.views[p].position == state.along(p) for p in planes)

    until(ctx, there, 10, "the slices are shown")
    frames(ctx, 2)


def settled(ctx: Context, editor: Editor) -> None:
    """Wait until edits are saved and masks are read."""

    def done() -> bool:
        document, masks = editor.document, editor.masks
        return document is not None and masks is not None and not document.busy and not masks.loading

    until(ctx, done, 10, "edits are saved")
    frames(ctx, 3)


def a_feature(ctx: Context, editor: Editor) -> int:
    """Add a feature and select it."""
    made: list[int] = []
    editor.submit(AddFeature("Ribosome", colour=(0.9, 0.2, 0.1)), lambda feature: made.append(feature.id))
    until(ctx, lambda: made and editor.snapshot.feature(made[0]), 10, "the feature is there")
    editor.select_feature(made[0])
    return made[0]


def spot(editor: Editor, row: float, column: float, plane: Plane = "xy") -> tuple[float, float]:
    """Return where a point of a plane's picture is on the screen, in whole pixels."""
    x, y = editor.view(plane).to_screen(row, column)
    return round(x), round(y)


def grey_at(picture: NDArray[np.uint8], place: tuple[float, float]) -> tuple[int, int, int]:
    """Return the colour of a pixel of the window."""
    red, green, blue = picture[round(place[1]), round(place[0])].tolist()
    return red, green, blue


def reddish(colour: tuple[int, int, int]) -> bool:
    """Return whether a pixel has the colour of the painted feature over grey."""
    return colour[0] > colour[1] + 40


def resize(ctx: Context, width: int, height: int) -> None:
    """Give the window another size."""
    in_window(ctx, lambda: hello_imgui.change_window_size((width, height)))
    until(ctx, lambda: pixels(ctx).shape[:2] == (height, width), 10, "the window has its new size")
    frames(ctx, 6)


@story(paths=blobs)
def browse(ctx: Context, editor: Editor) -> None:
    shown(ctx, editor)
    place = spot(editor, 100, 120)
    z = editor.state.z
    assert z == SHAPE[0] // 2
    wheel(ctx, place, -3)
    assert editor.state.z == z + 3
    wheel(ctx, place, 3)
    assert editor.state.z == z
    for _ in range(4):  # a touch pad sends parts of a notch
        wheel(ctx, place, -0.5)
    assert editor.state.z == z + 2
    for keys, there in (("right", z + 3), ("left", z + 2), ("pagedown", z + 12), ("pageup", z + 2), ("home", 0)):
        press(ctx, keys)
        assert editor.state.z == there, keys
    press(ctx, "left")
    assert editor.state.z == 0
    press(ctx, "end")
    assert editor.state.z == SHAPE[0] - 1
    shown(ctx, editor)
    x, y = middle(ctx, "//Views/##Slice")
    drag(ctx, [(x - 200, y), (x - 100, y), (x, y)])
    assert abs(editor.state.z - SHAPE[0] // 2) <= 1
    shown(ctx, editor)
    # Over a panel the wheel is not the views'.
    before = editor.state.z
    wheel(ctx, middle(ctx, "//Display/**/Auto"), -2)
    assert editor.state.z == before
    ctx.item_click("//Views/###Play")
    until(ctx, lambda: editor.state.z > before + 2, 10, "the slices are played")
    ctx.item_click("//Views/###Play")
    assert editor.state.playing == 0


@story(paths=blobs)
def zoom_and_pan(ctx: Context, editor: Editor) -> None:
    shown(ctx, editor)
    view = editor.view("xy")
    whole = view.placement
    assert whole is not None
    # The whole slice is seen, and as large as there is room.
    assert np.isclose(whole.scale, min(view.size[0] / SHAPE[2], view.size[1] / SHAPE[1]))
    place = spot(editor, 150, 60)
    point = view.to_picture(*place)
    wheel(ctx, place, 4, "shift")
    assert view.placement is not None
    assert view.placement.scale > 1.9 * whole.scale
    assert np.allclose(view.to_picture(*place), point, atol=1e-6)
    for button, modifiers in (("middle", ""), ("left", "space")):
        grabbed = view.to_picture(*place)
        drag(ctx, [place, (place[0] + 30, place[1] + 10), (place[0] + 60, place[1] - 20)], button, modifiers)
        assert np.allclose(view.to_picture(place[0] + 60, place[1] - 20), grabbed, atol=0.5)
    assert not any(editor.snapshot.marks.values()), "panning has painted"
    press(ctx, "ctrl+0")
    frames(ctx, 2)
    assert view.placement == whole
    resize(ctx, 1200, 700)  # what fits goes on fitting
    assert np.isclose(view.placement.scale, min(view.size[0] / SHAPE[2], view.size[1] / SHAPE[1]))
    assert view.placement.scale < whole.scale


@story(paths=corners)
def where_things_are(ctx: Context, editor: Editor) -> None:
    shown(ctx, editor)
    editor.sight.use_contrast(Contrast(0, 200))
    press(ctx, "home")
    shown(ctx, editor)
    frames(ctx, 3)
    picture = pixels(ctx)
    view = editor.view("xy")
    assert view.placement is not None
    scale = view.placement.scale
    left, top = view.origin
    width, height = view.size
    # By hand, from the middle of the view: row 0 is at the bottom, column 0 at the left.
    x0, y0 = left + width / 2 - SHAPE[2] / 2 * scale, top + height / 2 + SHAPE[1] / 2 * scale
    assert abs(grey_at(picture, (x0 + 5 * scale, y0 - 5 * scale))[0] - 127) <= 2
    assert abs(grey_at(picture, (x0 + 9.5 * scale, y0 - 9.5 * scale))[0] - 127) <= 2
    assert grey_at(picture, (x0 + 10.5 * scale, y0 - 9.5 * scale))[0] <= 1
    assert abs(grey_at(picture, (x0 + 9.5 * scale, y0 - (SHAPE[1] - 9.5) * scale))[0] - 76) <= 2
    assert grey_at(picture, (x0 + (SHAPE[2] - 5) * scale, y0 - (SHAPE[1] - 5) * scale))[0] <= 1
    # The scale bar: the longest white line near the lower edge.
    ctx.mouse_teleport_to_pos(ImVec2(10, 10))
    frames(ctx, 3)
    rows = pixels(ctx)[int(top + height) - 40 : int(top + height), int(left) : int(left + width)]
    longest = max(
        max((len(run) for run in "".join("x" if w else " " for w in row).split()), default=0)
        for row in (rows == 255).all(axis=2)
    )
    lengths = [step * power for power in (1, 10, 100) for step in (1, 2, 5)]
    wanted = max(length for length in lengths if length * scale <= 0.2 * width)  # a pixel is 1 nm
    assert abs(longest - wanted * scale) <= 1
    # A slab: the mean of the slices 8 to 12, which hold their own numbers.
    editor.sight.go_to(z=10)
    editor.sight.use_contrast(Contrast(0, 20))
    shown(ctx, editor)
    for slab, mean in ((1, 10.0), (5, 10.0), (4, 10.5)):
        editor.state.slab = slab
        frames(ctx, 2)
        until(ctx, lambda: editor.shown is not None and not editor.shown.reader.waiting("xy"), 5, "the slab is read")
        frames(ctx, 2)
        assert abs(grey_at(pixels(ctx), spot(editor, 100, 120))[0] - mean / 20 * 255) <= 1
    screenshot(ctx, "views/corners")


@story(paths=blobs)
def paint_and_erase(ctx: Context, editor: Editor) -> None:
    shown(ctx, editor)
    feature = a_feature(ctx, editor)
    edits = len(editor.snapshot.history)
    z = editor.state.z
    # The brush's size: seen at once, saved once.
    place = spot(editor, 100, 120)
    wheel(ctx, place, 2, "ctrl")
    wheel(ctx, place, 1, "ctrl")
    assert editor.state.z == z
    until(ctx, lambda: len(editor.snapshot.history) > edits, 5, "the radius is saved")
    settled(ctx, editor)
    assert len(editor.snapshot.history) == edits + 1
    radius = editor.snapshot.features[0].brush_radius
    assert radius > 12
    drag(ctx, [spot(editor, 100, 100), spot(editor, 100, 160)], release=False)
    frames(ctx, 2)
    assert reddish(grey_at(pixels(ctx), spot(editor, 100, 130))), "the stroke is seen before it ends"
    press(ctx, "escape")
    ctx.mouse_up(0)
    settled(ctx, editor)
    assert not reddish(grey_at(pixels(ctx), spot(editor, 100, 130)))
    assert feature not in editor.snapshot.annotated
    drag(ctx, [spot(editor, 100, 100), spot(editor, 100, 160)])
    settled(ctx, editor)
    drag(ctx, [spot(editor, 100, 130), spot(editor, 101, 130)], "right")
    settled(ctx, editor)
    ctx.mouse_teleport_to_pos(ImVec2(10, 10))
    frames(ctx, 2)
    picture = pixels(ctx)
    assert reddish(grey_at(picture, spot(editor, 100, 100 - radius + 2)))
    assert reddish(grey_at(picture, spot(editor, 100, 160 + radius - 2)))
    assert not reddish(grey_at(picture, spot(editor, 100, 130)))
    screenshot(ctx, "views/erased")
    ctx.key_down(imgui.Key.h)
    frames(ctx, 3)
    assert not reddish(grey_at(pixels(ctx), spot(editor, 100, 100)))
    ctx.key_up(imgui.Key.h)
    # What is outside the slice is not painted, and a stroke that ends beside the view does.
    drag(ctx, [spot(editor, 20, 20), (int(editor.view("xy").origin[0]) - 40, spot(editor, 20, 20)[1])])
    settled(ctx, editor)
    assert editor.gesture is None
    # A stroke in a view that is closed meanwhile ends without an edit.
    press(ctx, "o")
    shown(ctx, editor, ("xy", "xz", "yz"))
    edits = len(editor.snapshot.history)
    drag(ctx, [spot(editor, 20, 60, "xz"), spot(editor, 22, 80, "xz")], release=False)
    press(ctx, "o")
    ctx.mouse_up(0)
    settled(ctx, editor)
    assert editor.gesture is None
    assert len(editor.snapshot.history) == edits


@story(paths=blobs)
def three_planes(ctx: Context, editor: Editor) -> None:
    shown(ctx, editor)
    feature = a_feature(ctx, editor)
    tomogram = editor.state.tomogram or 0
    editor.submit(ChangeFeature(feature, brush_radius=5, alpha=0.8))
    press(ctx, "o")
    shown(ctx, editor, ("xy", "xz", "yz"))
    xy, xz, yz = (editor.view(plane) for plane in PLANES)
    # The x axis of XZ and the y axis of YZ are those of XY.
    assert np.isclose(xy.to_screen(7, 30)[0], xz.to_screen(11, 30)[0])
    assert np.isclose(xy.to_screen(30, 7)[1], yz.to_screen(11, 30)[1])
    click(ctx, spot(editor, 140, 90), modifiers="ctrl")
    assert editor.state.position == (20, 140, 90)
    click(ctx, spot(editor, 30, 100, "xz"), modifiers="ctrl")
    assert editor.state.position == (30, 140, 100)
    click(ctx, spot(editor, 10, 120, "yz"), modifiers="ctrl")
    assert editor.state.position == (10, 120, 100)
    shown(ctx, editor, ("xy", "xz", "yz"))
    wheel(ctx, spot(editor, 10, 50, "xz"), -2)
    assert editor.state.position == (10, 122, 100)
    # By the grip at the upper edge.
    x, _ = spot(editor, 122, 100)
    drag(ctx, [(x, round(xy.origin[1]) + 3), (x + 20, round(xy.origin[1]) + 8), spot(editor, 190, 80)])
    assert editor.state.position == (10, 122, 80)
    assert not any(editor.snapshot.marks.values()), "moving the cross-hair has painted"
    wheel(ctx, spot(editor, 100, 100), 1, "shift")
    assert np.isclose(xy.to_screen(7, 30)[0], xz.to_screen(11, 30)[0])
    assert np.isclose(xy.to_screen(30, 7)[1], yz.to_screen(11, 30)[1])
    press(ctx, "ctrl+0")
    shown(ctx, editor, ("xy", "xz", "yz"))
    # Painted in XY at y = 122, seen in XZ; painted in XZ, seen in XY of the next slices.
    drag(ctx, [spot(editor, 122, 130), spot(editor, 122, 170)])
    settled(ctx, editor)
    assert reddish(grey_at(pixels(ctx), spot(editor, 10, 150, "xz")))
    assert not reddish(grey_at(pixels(ctx), spot(editor, 12, 150, "xz")))
    drag(ctx, [spot(editor, 10, 200, "xz"), spot(editor, 25, 200, "xz")])
    settled(ctx, editor)
    painted = editor.snapshot.annotated[feature]
    assert painted == tuple(range(painted[0], painted[-1] + 1))
    assert abs(painted[0] - 5) <= 1  # the radius is 5; the mouse stands in whole pixels of the screen
    assert abs(painted[-1] - 30) <= 1
    editor.sight.go_to(z=25)
    shown(ctx, editor, ("xy", "xz", "yz"))
    settled(ctx, editor)
    assert reddish(grey_at(pixels(ctx), spot(editor, 122, 200)))
    editor.submit(PlaceBoxes(tomogram, feature, [(25, 150, 60), (25, 60, 180)]))
    editor.submit(PlaceBoxes(tomogram, feature, [(25, 160, 160), (30, 150, 100)], negative=True))
    editor.submit(AddPicks(tomogram, feature, [(25, 100, 30), (21, 80, 200)]))
    editor.state.measured = (20.0, 100.0), (40.0, 200.0)
    settled(ctx, editor)
    screenshot(ctx, "views/three-planes")
    # To both ends of every axis: what is read ahead stays inside.
    for corner in ((0, 0, 0), tuple(count - 1 for count in SHAPE), (1, 1, 1), (0, 0, 0), (20, 100, 100)):
        editor.sight.go_to(*corner)
        shown(ctx, editor, ("xy", "xz", "yz"))
        settled(ctx, editor)
    assert not [notice.text for notice in editor.notices.said if notice.kind == "problem"]
    # The line between XY and YZ is dragged, and put back by a double click.
    before = xy.size
    line = (round(xy.origin[0] + xy.size[0] + 2), round(xy.origin[1] + 100))
    drag(ctx, [line, (line[0] - 60, line[1]), (line[0] - 120, line[1])])
    frames(ctx, 2)
    assert abs(before[0] - xy.size[0] - 120) <= 2
    press(ctx, "o")
    frames(ctx, 3)
    assert xy.size[0] > before[0]


@story(paths=blobs)
def looks(ctx: Context, editor: Editor) -> None:
    shown(ctx, editor)
    feature = a_feature(ctx, editor)
    tomogram = editor.state.tomogram or 0
    z = editor.state.z
    editor.submit(PaintStroke(tomogram, feature, z, [(60.0, 60.0), (120.0, 140.0)], 12))
    editor.submit(PaintStroke(tomogram, 0, z, [(150.0, 180.0), (160.0, 200.0)], 15))
    editor.sight.set_crop(Crop((5, 35), (20, 190), (15, 220)))
    settled(ctx, editor)
    assert editor.snapshot.crop is not None
    screenshot(ctx, "views/crop-and-ignore")
    press(ctx, "home")
    assert editor.state.z == 5
    press(ctx, "end")
    assert editor.state.z == 34
    editor.sight.go_to(z=z)
    editor.state.filters = [DisplayFilter("gaussian", 2.0)]
    press(ctx, "o")
    resize(ctx, 1280, 720)
    editor.settings.font_scale = 1.5
    for theme in ("dark", "light", "high contrast"):
        editor.settings.theme = theme
        shown(ctx, editor, ("xy", "xz", "yz"))
        ctx.mouse_teleport_to_pos(ImVec2(*spot(editor, 100, 100)))
        frames(ctx, 6)
        screenshot(ctx, f"views/small-{theme.replace(' ', '-')}")


@story(paths=blobs)
def save_pictures(ctx: Context, editor: Editor) -> None:
    shown(ctx, editor)
    feature = a_feature(ctx, editor)
    tomogram, z = editor.state.tomogram or 0, editor.state.z
    editor.submit(PaintStroke(tomogram, feature, z, [(20.0, 30.0)], 10))
    editor.submit(PlaceBoxes(tomogram, feature, [(z, 100, 120)]))
    settled(ctx, editor)
    project = editor.settings_folder.parent / "kept.aisproj"
    editor.new_project(project, then=lambda: editor.open_paths([editor.settings_folder.parent / "TS_001.mrc"]))
    until(ctx, lambda: editor.project_name == "kept", 10, "the project is open")
    shown(ctx, editor)
    press(ctx, "f12")
    until(ctx, lambda: list(project.parent.glob("Ais *.png")), 10, "the window's picture is saved")
    (path,) = project.parent.glob("Ais *.png")
    until(ctx, lambda: any(str(path) in notice.text for notice in editor.notices.said), 5, "it is said where")
    with Image.open(path) as saved:
        assert saved.size == pixels(ctx).shape[1::-1]
    feature = a_feature(ctx, editor)
    tomogram, z = editor.state.tomogram or 0, editor.state.z
    editor.submit(PaintStroke(tomogram, feature, z, [(20.0, 30.0)], 10))
    editor.submit(PlaceBoxes(tomogram, feature, [(z, 100, 120)]))
    settled(ctx, editor)
    wheel(ctx, spot(editor, 100, 120), 3, "shift")  # zoom does not matter
    chosen = project.parent / "slice of mine.png"
    editor.dialogs.answers.append([chosen])
    press(ctx, "shift+f12")
    until(ctx, chosen.exists, 10, "the slice's picture is saved")
    with Image.open(chosen) as saved:
        picture = np.array(saved)
    assert picture.shape == (SHAPE[1], SHAPE[2], 3)
    assert reddish(tuple(picture[SHAPE[1] - 1 - 20, 30].tolist()))
    assert not reddish(tuple(picture[20, 30].tolist()))
    # The box's left side, and not its middle.
    side = editor.snapshot.features[0].box_size / 2
    assert reddish(tuple(picture[SHAPE[1] - 1 - 100, round(120 - side)].tolist()))
    assert not reddish(tuple(picture[SHAPE[1] - 1 - 100, 120].tolist()))


@story(paths=blobs)
def what_runs_is_told(ctx: Context, editor: Editor) -> None:
    shown(ctx, editor)
    resize(ctx, 1280, 720)
    editor.settings.font_scale = 1.5

    def slow(work: Work) -> None:
        for step in range(10_000):
            work.report(step, 10_000)
            time.sleep(0.005)

    work = editor.background.run(slow, title="Measuring something long")
    until(ctx, lambda: work.shown and (work.fraction or 0) > 0.02, 10, "the work is shown")
    ctx.mouse_teleport_to_pos(ImVec2(*spot(editor, 100, 100)))
    frames(ctx, 5)
    screenshot(ctx, "views/running")
    ctx.item_click("**/###Cancel running")
    until(ctx, lambda: work.finished, 10, "the work has ended")
