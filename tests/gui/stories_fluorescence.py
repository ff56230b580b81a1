"""Stories about fluorescence images: added, placed by landmarks and by hand, blended, undone, found again."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import tifffile
from acting import Context, chord, click, drag, frames, in_window, pixels, press, screenshot, until
from imgui_bundle import ImVec2
from PIL import Image
from plans import story
from scipy.ndimage import gaussian_filter, map_coordinates
from stories_views import grey_at, resize, shown, spot

from ais.annotation import AddTomogram
from ais.fluorescence import Affine, Overlay, placing
from ais.formats.registry import write_volume
from ais.gui.commands import command
from ais.gui.editor import Editor
from ais.gui.fluorescence_edits import residuals
from ais.gui.settings import Settings, SettingsFile
from ais.gui.state import Tool
from ais.project import Project
from ais.simulation import simulate

WINDOW = (1280, 800)
SEED = 5
SHAPE = (16, 120, 160)
IMAGE = (70, 90)
DISCS = ((20.0, 15.0), (70.0, 20.0), (25.0, 55.0), (66.0, 50.0))
"""Columns and rows of the image."""
RADIUS = 5.0
DARK = (93.0, 50.0)
"""x and y in the tomogram, where there is no light."""
TRUE: Affine = ((1.3, 0.25, 20.0), (0.2, -1.25, 92.0))
SECTION = "//Annotate/**/###fluorescence"


def discs(folder: Path) -> Sequence[Path]:
    """A project with a simulated tomogram, and an image of the light of its membranes and of four beads."""
    SettingsFile(folder / "settings").save(Settings(window_size=WINDOW))
    simulated = simulate(SHAPE, seed=SEED, voxel_size=10.0, snr=2.0)
    write_volume(folder / "TS_001.mrc", simulated.volume, voxel_sizes=10.0)
    glow = gaussian_filter(simulated.mask("membrane").max(axis=0).astype(float), 2.5)
    rows, columns = np.indices(IMAGE)
    x, y = (a * columns + b * rows + c for a, b, c in TRUE)
    light = 90 * map_coordinates(glow, [y, x], order=1)
    for column, row in DISCS:
        light[(rows - row) ** 2 + (columns - column) ** 2 <= RADIUS**2] = 240
    picture = light.astype(np.uint8)
    Image.fromarray(picture).save(folder / "GFP.png")
    tifffile.imwrite(
        folder / "two channels.tif", np.stack([picture, picture[::-1]]), imagej=True, metadata={"axes": "CYX"}
    )
    with Project.create(folder / "kept.aisproj") as project:
        project.apply(AddTomogram(folder / "TS_001.mrc"))
    return [folder / "kept.aisproj"]


def at_hand(editor: Editor) -> Overlay:
    overlay = editor.fluorescence.at_hand
    assert overlay is not None
    return overlay


def settled(ctx: Context, editor: Editor) -> None:
    """Wait until edits are saved and the image is as it is to be."""

    def still() -> bool:
        fluorescence = editor.fluorescence
        busy = editor.document is None or editor.document.busy or editor.background.busy
        return not busy and not fluorescence._previews

    frames(ctx, 2)
    until(ctx, still, 10, "the image is saved")
    frames(ctx, 4)


def seen(ctx: Context, editor: Editor) -> list[bool]:
    """Whether there is green light where each disc belongs, and then where there is none; the tomogram is noisy."""
    picture, found = pixels(ctx), []
    for x, y in [*(placing.at(TRUE, disc) for disc in DISCS), DARK]:
        column, row = spot(editor, y, x)
        red, green, _ = picture[row - 6 : row + 7, column - 6 : column + 7].reshape(-1, 3).mean(axis=0)
        found.append(bool(green > red + 15))
    return found


def add_and_place(ctx: Context, editor: Editor) -> None:
    shown(ctx, editor)
    folder = ctx.folder
    ctx.item_click(SECTION)
    frames(ctx, 3)
    screenshot(ctx, "fluorescence/empty")
    editor.dialogs.answers.append([folder / "GFP.png"])
    ctx.item_click("//Annotate/**/Add images...")
    until(ctx, lambda: bool(editor.fluorescence.shown()), 10, "the image is shown")
    settled(ctx, editor)
    assert at_hand(editor).name == "GFP"
    first = at_hand(editor).to_tomogram
    assert seen(ctx, editor) != [True] * 4 + [False]
    # Four landmarks: clicked in the image as it lies now, then where they belong; the third one is dragged.
    ctx.item_click("//Annotate/**/By landmarks")
    assert editor.state.tool is Tool.LANDMARKS
    for number, disc in enumerate(DISCS):
        there, here = placing.at(TRUE, disc), placing.at(at_hand(editor).to_tomogram, disc)
        begun, ended = spot(editor, here[1], here[0]), spot(editor, there[1], there[0])
        if number == 2:
            drag(ctx, [begun, ((begun[0] + ended[0]) // 2, (begun[1] + ended[1]) // 2), ended])
        else:
            click(ctx, begun)
            frames(ctx, 2)
            assert editor.fluorescence.pending is not None
            click(ctx, ended)
        settled(ctx, editor)
        assert len(at_hand(editor).landmarks) == number + 1
    assert max(residuals(at_hand(editor))) < 0.3
    for disc in DISCS:
        assert np.hypot(*np.subtract(placing.at(at_hand(editor).to_tomogram, disc), placing.at(TRUE, disc))) < 0.4
    ctx.mouse_teleport_to_pos(ImVec2(10, 10))
    frames(ctx, 3)
    assert seen(ctx, editor) == [True] * 4 + [False]
    screenshot(ctx, "tutorial/window_fluorescence")
    press(ctx, "escape")
    assert editor.state.tool is Tool.BRUSH
    # Undone one by one, and made again.
    for _ in range(4):
        press(ctx, "ctrl+z")
        settled(ctx, editor)
    assert (at_hand(editor).to_tomogram, at_hand(editor).landmarks) == (first, ())
    for _ in range(4):
        press(ctx, "ctrl+shift+z")
        settled(ctx, editor)
    assert seen(ctx, editor) == [True] * 4 + [False]
    # By hand: moved and taken back, and moved again in the middle of which escape is pressed.
    placed = at_hand(editor).to_tomogram
    ctx.item_click("//Annotate/**/By hand")
    drag(ctx, [spot(editor, 60, 80), spot(editor, 65, 85), spot(editor, 70, 100)])
    settled(ctx, editor)
    np.testing.assert_allclose(at_hand(editor).to_tomogram, placing.moved(placed, 20, 10), atol=0.3)
    press(ctx, "ctrl+z")
    settled(ctx, editor)
    drag(ctx, [spot(editor, 60, 80), spot(editor, 70, 100)], release=False)
    assert at_hand(editor).to_tomogram != placed
    press(ctx, "escape")
    ctx.mouse_up(0)
    frames(ctx, 3)
    assert at_hand(editor).to_tomogram == placed
    screenshot(ctx, "fluorescence/by-hand")
    ctx.item_click("//Annotate/**/By hand")
    # Hidden with all that lies over the slice, and only in some slices.
    ctx.key_down(chord("h"))
    frames(ctx, 3)
    assert seen(ctx, editor) == [False] * 5
    ctx.key_up(chord("h"))
    editor.fluorescence.change(at_hand(editor).key, "Change slices", z_range=(0, 3))
    settled(ctx, editor)
    assert seen(ctx, editor) == [False] * 5
    editor.sight.go_to(z=2)
    shown(ctx, editor)
    assert seen(ctx, editor) == [True] * 4 + [False]
    # A mask: what is not lit is dark.
    editor.fluorescence.change(at_hand(editor).key, "Mask", blend="mask")
    settled(ctx, editor)
    assert max(grey_at(pixels(ctx), spot(editor, 50, 93))) <= 3
    lit = placing.at(TRUE, DISCS[0])
    assert max(max(grey_at(pixels(ctx), spot(editor, lit[1] + i, lit[0] + i))) for i in (-1, 0, 1)) > 40


def after_a_restart(ctx: Context, editor: Editor) -> None:
    shown(ctx, editor)
    until(ctx, lambda: bool(editor.fluorescence.shown()), 10, "the image is shown again")
    overlay = at_hand(editor)
    assert (overlay.blend, overlay.z_range, len(overlay.landmarks)) == ("mask", (0, 3), 4)
    editor.fluorescence.change(overlay.key, "Sum", blend="sum", z_range=None)
    settled(ctx, editor)
    assert seen(ctx, editor) == [True] * 4 + [False]
    # The file goes away, and is found again under another name; another image is refused.
    folder = ctx.folder
    (folder / "GFP.png").rename(folder / "moved.png")
    editor.fluorescence.change(overlay.key, "Opacity", opacity=0.9)
    settled(ctx, editor)
    until(ctx, lambda: at_hand(editor).missing, 5, "it is missing")
    assert editor.fluorescence.shown() == []
    ctx.item_click(SECTION)
    frames(ctx, 3)
    screenshot(ctx, "fluorescence/missing")
    Image.fromarray(np.zeros((5, 6), np.uint8)).save(folder / "other.png")
    editor.dialogs.answers.append([folder / "other.png"])
    ctx.item_click("//Annotate/**/Relink...")
    until(ctx, lambda: any("another image" in said.text for said in editor.notices.said), 5, "it is refused")
    editor.dialogs.answers.append([folder / "moved.png"])
    ctx.item_click("//Annotate/**/Relink...")
    until(ctx, lambda: bool(editor.fluorescence.shown()), 10, "it is shown again")
    settled(ctx, editor)
    assert seen(ctx, editor) == [True] * 4 + [False]
    # A TIFF file is asked about, and its second channel is laid over as well.
    editor.open_paths([folder / "two channels.tif"])
    until(ctx, lambda: bool(editor.shell.sheets), 5, "it is asked what it is")
    frames(ctx, 3)
    screenshot(ctx, "fluorescence/question")
    press(ctx, "enter")
    until(ctx, lambda: len(editor.fluorescence.shown()) == 2, 10, "the image is shown")
    settled(ctx, editor)
    ctx.item_click("//Annotate/**/Duplicate")
    until(ctx, lambda: len(editor.fluorescence.shown()) == 3, 10, "the second channel is shown")
    assert [overlay.channel for overlay in editor.fluorescence.listed] == [None, 0, 1]
    resize(ctx, 1280, 720)
    editor.settings.font_scale = 1.5
    frames(ctx, 6)
    in_window(ctx, lambda: command("fluorescence.landmarks").run(editor))
    frames(ctx, 6)
    screenshot(ctx, "fluorescence/small")
    ctx.item_click("//Annotate/**/Remove")
    until(ctx, lambda: len(editor.fluorescence.listed) == 2, 5, "it is removed")


placed_and_kept = story(paths=discs, then=[after_a_restart], seconds=90)(add_and_place)
