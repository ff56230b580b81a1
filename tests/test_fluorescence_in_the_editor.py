"""Fluorescence images in the editor without its window: read in threads, dropped, told of when something is wrong."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import tifffile
from PIL import Image
from windowless import nothing, rest, said, until

from ais.fluorescence import Overlay, placing
from ais.formats.registry import write_volume
from ais.gui import fluorescence_edits as edits
from ais.gui.commands import command
from ais.gui.editor import Editor
from ais.gui.sheet import ChoiceField
from ais.gui.state import Tool
from ais.gui.tools import Pointer, gestures
from ais.gui.tools.images import Handles
from ais.project import Project

SHAPE = (4, 30, 40)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    rng = np.random.default_rng(0)
    for name in ("one", "two"):
        write_volume(tmp_path / f"{name}.mrc", rng.normal(0, 1, SHAPE).astype("f4"), voxel_sizes=10.0)
    light = rng.integers(0, 255, (20, 50), np.uint8)
    Image.fromarray(light).save(tmp_path / "light.png")
    Image.fromarray(rng.integers(0, 255, (20, 50, 3), np.uint8)).save(tmp_path / "colours.jpg")
    tifffile.imwrite(tmp_path / "flat.tif", light.astype(np.uint16))
    tifffile.imwrite(
        tmp_path / "stack.tif", rng.normal(0, 1, SHAPE).astype("f4"), imagej=True, metadata={"axes": "ZYX"}
    )
    return tmp_path


@pytest.fixture
def editor(folder: Path) -> Iterator[Editor]:
    made = Editor(folder / "settings", nothing)
    made.open_paths([folder / "one.mrc"])
    until(made, lambda: made.shown)
    yield made
    made.close()


def dropped(editor: Editor, path: Path) -> Overlay:
    count = len(editor.fluorescence.listed)
    editor.open_paths([path])
    until(editor, lambda: len(editor.fluorescence.listed) == count + 1)
    rest(editor)
    overlay = editor.fluorescence.at_hand
    assert overlay is not None
    return overlay


def now(editor: Editor, key: str) -> Overlay:
    overlay = editor.fluorescence.overlay(key)
    assert overlay is not None
    return overlay


def press(editor: Editor, *places: tuple[float, float], plane: str = "xy", keys: str = "") -> None:
    """Drag from place to place, row and column."""
    held = dict.fromkeys(keys.split(), True)
    at = [Pointer(plane, 2, row, column, 4.0, **held) for row, column in places]  # type: ignore[arg-type]
    gesture = gestures.begin(editor, at[0], "left")
    if gesture is not None:
        for pointer in at:
            gesture.move(pointer)
        gesture.release(at[-1])
    rest(editor)


def test_images_are_shown_with_their_tomogram_alone(editor: Editor, folder: Path) -> None:
    overlay = dropped(editor, folder / "light.png")
    (shown,) = editor.fluorescence.shown()
    assert (shown.overlay, shown.pixels.shape) == (overlay, (20, 50, 4))
    assert placing.determinant(overlay.to_tomogram) < 0, "its first row is at the top"
    editor.poll()
    assert editor.fluorescence.shown()[0] is shown, "nothing has changed"
    editor.fluorescence.preview(overlay.key, opacity=0.5)
    editor.poll()
    (faint,) = editor.fluorescence.shown()
    assert faint.pixels is shown.pixels
    assert faint.version != shown.version
    editor.fluorescence.forget_preview(overlay.key)
    editor.fluorescence.change(overlay.key, "Change colour", colour=(1.0, 0.0, 0.0))
    until(editor, lambda: not editor.fluorescence.shown()[0].pixels[:, :, 1].any())
    editor.open_paths([folder / "two.mrc"])
    until(editor, lambda: editor.shown is not None and editor.shown.entry.name == "two")
    rest(editor)
    assert editor.fluorescence.listed == editor.fluorescence.shown() == []
    editor.select_neighbour(-1)
    until(editor, lambda: len(editor.fluorescence.shown()) == 1)
    assert now(editor, overlay.key).colour == (1.0, 0.0, 0.0)


def test_what_is_dropped_is_an_image_or_a_tomogram(editor: Editor, folder: Path) -> None:
    assert dropped(editor, folder / "colours.jpg").colour == (1.0, 1.0, 1.0)
    editor.open_paths([folder / "stack.tif"])
    until(editor, lambda: len(editor.snapshot.tomograms) == 2)
    assert not editor.shell.sheets
    editor.select_neighbour(-1)
    rest(editor)
    for answer in (0, 1):
        editor.open_paths([folder / "flat.tif"])
        until(editor, lambda: editor.shell.sheets)
        sheet = editor.shell.sheets.pop()
        assert isinstance(sheet.fields[0], ChoiceField)
        sheet.fields[0].value = answer
        sheet.on_accept()
        rest(editor)
    assert sorted(entry.name for entry in editor.snapshot.tomograms) == ["flat", "one", "stack"]
    (folder / "no image.png").write_text("nothing")
    editor.open_paths([folder / "no image.png"])
    rest(editor)
    assert "no image.png is damaged" in said(editor)


def test_without_a_tomogram_it_is_said_what_to_do(folder: Path) -> None:
    editor = Editor(folder / "settings", nothing)
    editor.open_paths([folder / "light.png"])
    rest(editor)
    assert "Open a tomogram first" in said(editor)
    assert not command("fluorescence.add").enabled(editor)
    editor.close()


def test_by_hand_and_by_landmarks_in_the_xy_view_only(editor: Editor, folder: Path) -> None:
    overlay = dropped(editor, folder / "light.png")
    start = overlay.to_tomogram
    command("fluorescence.place").run(editor)
    press(editor, (10, 10), (12, 15))
    np.testing.assert_allclose(now(editor, overlay.key).to_tomogram, placing.moved(start, 5, 2))
    press(editor, (10, 10), (10, 10.2))
    press(editor, (10, 10), (12, 15), plane="xz")
    assert "placed in the XY view" in said(editor)
    assert [entry.text for entry in editor.snapshot.history] == [
        "Add tomogram one.mrc",
        "Add image light",
        "Move image light",
    ]
    command("fluorescence.landmarks").run(editor)
    assert editor.state.tool is Tool.LANDMARKS
    press(editor, (5, 5), (6, 7))
    (mark,) = now(editor, overlay.key).landmarks
    assert mark.tomogram == (7, 6)
    assert edits.why_not_placed(now(editor, overlay.key)).startswith("Set 2 more landmarks")
    press(editor, (5, 30))
    assert editor.fluorescence.pending is not None
    command("tools.cancel").run(editor)
    assert editor.fluorescence.pending is None
    assert editor.state.tool is Tool.LANDMARKS
    press(editor, (5, 30), (6, 32))
    edits.use_landmarks(editor, now(editor, overlay.key), "similarity")
    rest(editor)
    assert max(edits.residuals(now(editor, overlay.key))) < 1e-9
    gestures.begin(editor, Pointer("xy", 2, 6, 32, 4.0), "right")
    rest(editor)
    assert len(now(editor, overlay.key).landmarks) == 1
    command("fluorescence.remove").run(editor)
    rest(editor)
    assert editor.state.tool is Tool.BRUSH, "there is nothing to be placed any more"
    editor.undo()
    rest(editor)
    assert len(now(editor, overlay.key).landmarks) == 1


def test_an_image_is_turned_and_scaled_about_its_middle(editor: Editor, folder: Path) -> None:
    overlay = dropped(editor, folder / "light.png")
    start, shape = overlay.to_tomogram, overlay.shape
    x, y = placing.middle(start, shape)
    handles = Handles.of(overlay, 4.0)
    assert handles.turn[1] > handles.edge[1] > y, "it is above the image"
    (left, top), right, up = handles.corners[0], (y, x + 10), (y + 10, x)
    command("fluorescence.place").run(editor)
    turned, halved = placing.turned(start, shape, 90), placing.scaled(start, shape, 0.5)
    to_middle = ((top + y) / 2, (left + x) / 2)
    for wanted, begun, ended, keys in (
        (turned, right, up, "shift"),
        (turned, handles.turn[::-1], (y, x - 20), ""),
        (halved, (y, x + 12), (y, x + 6), "alt"),
        (halved, (top, left), to_middle, ""),
    ):
        press(editor, begun, ended, keys=keys)
        np.testing.assert_allclose(now(editor, overlay.key).to_tomogram, wanted, atol=1e-6)
        editor.undo()
        rest(editor)
        assert now(editor, overlay.key).to_tomogram == start
    for way in ("horizontally", "vertically"):
        command(f"fluorescence.flip_{way}").run(editor)
        rest(editor)
    np.testing.assert_allclose(now(editor, overlay.key).to_tomogram, placing.turned(start, shape, 180), atol=1e-6)
    command("fluorescence.reset").run(editor)
    rest(editor)
    assert now(editor, overlay.key).to_tomogram == start
    gesture = gestures.begin(editor, Pointer("xy", 2, 5, 5, 4.0), "left")
    assert gesture is not None
    gesture.move(Pointer("xy", 2, 15, 5, 4.0))
    assert now(editor, overlay.key).to_tomogram != start
    gesture.cancel()
    assert now(editor, overlay.key).to_tomogram == start


def test_a_file_that_has_changed_is_told_of(editor: Editor, folder: Path) -> None:
    overlay = dropped(editor, folder / "light.png")
    assert not editor.fluorescence.note(overlay.key)
    Image.fromarray(np.full((20, 50), 9, np.uint8)).save(folder / "light.png")
    editor.reopen_tomogram()
    until(editor, lambda: editor.shown is not None and editor.fluorescence.shown())
    assert "has changed" in editor.fluorescence.note(overlay.key)
    edits.relink_image(editor, now(editor, overlay.key), folder / "light.png")
    rest(editor)
    assert not editor.fluorescence.note(overlay.key)
    Image.fromarray(np.full((9, 50), 9, np.uint8)).save(folder / "light.png")
    editor.reopen_tomogram()
    until(editor, lambda: editor.shown is not None and editor.fluorescence.problem(overlay.key))
    assert "no longer the image of 50 x 20 pixels" in editor.fluorescence.problem(overlay.key)
    assert editor.fluorescence.shown() == []


def test_a_project_that_can_only_be_read_shows_its_images(folder: Path) -> None:
    with Project.create(folder / "p.aisproj") as project:
        from ais.annotation import AddOverlay, AddTomogram

        tomogram = project.apply(AddTomogram(folder / "one.mrc")).id
        project.apply(AddOverlay(tomogram, Overlay("light", folder / "light.png", shape=(20, 50))))
        editor = Editor(folder / "settings", nothing)
        editor.open_paths([folder / "p.aisproj"])
        until(editor, lambda: editor.shown is not None and editor.fluorescence.shown())
        assert editor.read_only
        (overlay,) = editor.fluorescence.listed
        editor.fluorescence.change(overlay.key, "Hide", visible=False)
        rest(editor)
        assert editor.fluorescence.shown() == []
        editor.state.tool = Tool.IMAGE
        press(editor, (10, 10), (12, 15))
        assert now(editor, overlay.key).to_tomogram == overlay.to_tomogram
        assert not command("fluorescence.remove").enabled(editor)
        editor.close()
