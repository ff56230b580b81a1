"""Somebody's first hour, with nothing but the window: a tomogram is annotated, the program left and opened again."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
from acting import Context, drag, frames, pixels, press, screenshot, until, wheel
from plans import story

from ais.formats.registry import open_volume
from ais.gui.editor import Editor

DATA = Path(os.environ.get("AIS_TEST_DATA") or Path(__file__).resolve().parents[3] / "shared" / "data")
LARGE = (300, 1024, 1024)
MARGIN = 120


def large_tomogram(folder: Path) -> Path:
    """Write 300 x 1024 x 1024 voxels in mode 1, zeros around a grey middle, with no voxel size in the header."""
    path = folder / "groß und grau.mrc"
    header = np.zeros(256, "<i4")
    header[:4] = (*LARGE[::-1], 1)
    header[7:10] = LARGE[::-1]
    header[16:19] = (1, 2, 3)
    header[52] = int.from_bytes(b"MAP ", "little")
    header[53] = 0x4144
    rng = np.random.default_rng(3)
    noise = rng.normal(-300, 60, (4, 1024 - 2 * MARGIN, 1024 - 2 * MARGIN))
    with path.open("wb") as file:
        file.write(header.tobytes())
        for z in range(LARGE[0]):
            plane = np.zeros(LARGE[1:], "<i2")
            inner = noise[z % 4].copy()
            inner[300:330, 200 + z : 260 + z] -= 250
            plane[MARGIN:-MARGIN, MARGIN:-MARGIN] = inner
            file.write(plane.tobytes())
    return path


def simulated_tomogram(folder: Path) -> Path:
    """Give the simulated cell of the test data, or where there is none, one that is simulated now."""
    given = DATA / "cell_sim" / "tomogram.mrc"
    if given.exists():
        return given
    from ais.simulation import simulate

    simulate(folder, size="small", seed=1)
    return next(folder.glob("*.mrc"))


def at(editor: Editor, row: float, column: float) -> tuple[int, int]:
    """Where a pixel of the XY slice is in the window."""
    x, y = editor.view("xy").to_screen(row, column)
    return round(x), round(y)


def rests(ctx: Context, editor: Editor) -> None:
    """Wait until everything is on disk and seen."""

    def done() -> bool:
        document, masks = editor.document, editor.masks
        busy = editor.background.busy or document is None or document.busy
        return not busy and masks is not None and not masks.loading and editor.state.radius_wish is None

    until(ctx, done, 30, "everything is saved")
    frames(ctx, 3)


def opens_from_the_first_page(ctx: Context, editor: Editor, path: Path) -> None:
    editor.dialogs.answers.append([path])
    until(ctx, lambda: editor.document is None and ctx.frame > 3, 10, "the first page")
    ctx.item_click("**/Open tomogram...")
    until(ctx, lambda: editor.shown is not None and editor.shown.statistics is not None, 30, "the tomogram")
    frames(ctx, 5)


def adds_a_feature(ctx: Context, editor: Editor, name: str) -> None:
    before = len(editor.snapshot.features)
    ctx.item_click("//Annotate/**/Add feature")
    frames(ctx, 3)
    ctx.key_chars(name)
    press(ctx, "enter")
    until(ctx, lambda: len(editor.snapshot.features) == before + 1, 10, "the feature is there")
    rests(ctx, editor)
    assert editor.snapshot.features[-1].name == name
    assert editor.state.feature == editor.snapshot.features[-1].id


def goes_to(ctx: Context, editor: Editor, z: int) -> None:
    """With the keys that everybody finds first."""
    while editor.state.z != z:
        press(ctx, "right" if z > editor.state.z else "left")
    until(ctx, lambda: editor.view("xy").position == z, 10, "the slice is on the screen")


def annotates(ctx: Context, editor: Editor) -> None:
    """Two features, ten slices of the first with interpolation, boxes, contrast and a filter."""
    tomogram = editor.state.tomogram
    assert editor.shown is not None
    _, ny, nx = editor.shown.shape
    histogram = ctx.item_info("//Display/##histogram").rect_clipped
    limits = editor.state.contrast
    assert limits is not None
    assert histogram.max.x > histogram.min.x
    ctx.item_click("//Display/Invert")
    ctx.item_click("//Display/Invert")
    ctx.item_open("//Display/###filters")
    ctx.item_click("//Display/**/Add filter")
    ctx.item_click("//$FOCUSED/Gaussian")
    frames(ctx, 5)
    assert [item.kind for item in editor.state.filters] == ["gaussian"]
    ctx.item_close("//Display/###filters")
    adds_a_feature(ctx, editor, "membrane")
    adds_a_feature(ctx, editor, "ribosome")
    ctx.item_click("//Annotate/**/###membrane")
    first = editor.shown.shape[0] // 2
    painted = [first, first + 4, first + 9]
    for step, z in enumerate(painted):
        goes_to(ctx, editor, z)
        row = ny * (0.45 + 0.01 * step)
        drag(ctx, [at(editor, row, nx * part) for part in np.linspace(0.3, 0.6, 12)], "left")
        rests(ctx, editor)
    wheel(ctx, at(editor, ny * 0.5, nx * 0.5), -1)
    press(ctx, "i")
    rests(ctx, editor)
    membrane = editor.snapshot.features[0].id
    assert editor.snapshot.annotated[membrane] == tuple(range(painted[0], painted[-1] + 1))
    goes_to(ctx, editor, painted[1])
    for part in (0.35, 0.45, 0.55):
        drag(ctx, [at(editor, ny * 0.46, nx * part)] * 2, "left", "shift")
    rests(ctx, editor)
    ctx.item_click("//Annotate/**/###ribosome")
    drag(ctx, [at(editor, ny * 0.7, nx * part) for part in (0.4, 0.42)], "left")
    rests(ctx, editor)
    assert tomogram is not None
    assert editor.snapshot.box_counts[tomogram][membrane].positive == 3
    assert editor.snapshot.annotated[editor.snapshot.features[1].id] == (painted[1],)
    assert not editor.shell.unexpected
    assert [notice.text for notice in editor.notices.said if notice.kind == "problem"] == []


def comes_back(ctx: Context, editor: Editor) -> None:
    """The work is offered on the first page, and everything is as it was left."""
    frames(ctx, 10)
    screenshot(ctx, "newcomer/first-page")
    ctx.item_click(f"**/###Open {next(iter(projects(ctx))).name}")
    until(ctx, lambda: editor.shown is not None and editor.shown.statistics is not None, 30, "the tomogram")
    rests(ctx, editor)
    membrane, ribosome = (feature.id for feature in editor.snapshot.features)
    slices = editor.snapshot.annotated[membrane]
    assert len(slices) == 10
    assert editor.state.z == slices[4]
    assert editor.snapshot.annotated[ribosome] == (slices[4],)
    assert [item.kind for item in editor.state.filters] == ["gaussian"]
    assert len(editor.snapshot.history) > 8
    picture = pixels(ctx).astype(int)
    colour = np.array(editor.snapshot.features[0].colour)
    tinted = np.abs((picture - picture.mean(axis=2, keepdims=True)) @ (colour - colour.mean())) > 12
    assert tinted.sum() > 200
    # And goes on: one more stroke, undone again.
    press(ctx, "w")
    goes_to(ctx, editor, slices[-1] + 1)
    drag(ctx, [at(editor, 40, 40), at(editor, 60, 60)], "left")
    rests(ctx, editor)
    assert len(editor.snapshot.history) > 9
    press(ctx, "ctrl+z")
    rests(ctx, editor)
    assert editor.snapshot.annotated[membrane] == slices
    screenshot(ctx, "newcomer/back-again")


def projects(ctx: Context) -> list[Path]:
    return list((ctx.folder / "settings" / "untitled").glob("*.aisproj"))


@story(then=[comes_back])
def a_simulated_cell_is_annotated(ctx: Context, editor: Editor) -> None:
    opens_from_the_first_page(ctx, editor, simulated_tomogram(ctx.folder))
    annotates(ctx, editor)
    screenshot(ctx, "newcomer/annotated")


@story(then=[comes_back], seconds=150)
def a_large_grey_volume_without_a_voxel_size_is_annotated(ctx: Context, editor: Editor) -> None:
    path = large_tomogram(ctx.folder)
    opens_from_the_first_page(ctx, editor, path)
    contrast = editor.state.contrast
    assert contrast is not None
    # The empty margins, which are zero, do not count: black and white lie around the grey of the specimen.
    assert -700 < contrast.low < -350 < -250 < contrast.high < -50
    assert ctx.item_exists("//Display/##voxel size")
    screenshot(ctx, "newcomer/large-without-voxel-size")
    before = path.stat().st_mtime_ns, path.stat().st_size
    annotates(ctx, editor)
    ctx.item_input("//Display/##voxel size")
    ctx.key_chars_replace_enter("13.48")
    until(ctx, lambda: editor.shown is not None and editor.shown.tomogram.voxel_size == 13.48, 20, "the voxel size")
    rests(ctx, editor)
    assert (path.stat().st_mtime_ns, path.stat().st_size) == before
    volume = open_volume(path)
    assert volume.info.voxel_sizes[2] == 0.0
    volume.close()
    screenshot(ctx, "newcomer/large")
