"""Fluorescence images in the 3D scene: where they lie, how strong they are, and what the project remembers of them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from windowless import nothing, settled, until

from ais.annotation import AddTomogram
from ais.formats.registry import write_volume
from ais.gui.editor import Editor
from ais.gui.fluorescence_edits import add_images
from ais.gui.scene_projections import heights_of, in_angstrom
from ais.gui.scene_record import read_light, write_light
from ais.project import Project

SHAPE = (10, 40, 50)
VOXEL_SIZE, ORIGIN = 8.0, (100.0, -50.0, 30.0)
TO_TOMOGRAM = ((2.0, 0.5, 3.0), (-0.25, 1.5, 1.0))


@pytest.fixture
def project(tmp_path: Path) -> Path:
    write_volume(tmp_path / "one.mrc", np.zeros(SHAPE, np.float32), voxel_sizes=VOXEL_SIZE, origin=ORIGIN)
    values = np.zeros((20, 30), np.uint8)
    values[5, 7], values[12:15, 12:15] = 255, 200
    Image.fromarray(values).save(tmp_path / "light.png")
    path = tmp_path / "work.aisproj"
    with Project.create(path) as made:
        made.apply(AddTomogram(tmp_path / "one.mrc"))
    return path


@pytest.fixture
def editor(tmp_path: Path, project: Path) -> Iterator[Editor]:
    made = opened(tmp_path, project)
    add_images(made, [tmp_path / "light.png"])
    until(made, lambda: made.fluorescence.shown())
    key = made.fluorescence.listed[0].key
    looks = {"to_tomogram": TO_TOMOGRAM, "opacity": 0.8, "low": 0.0, "high": 255.0}
    made.fluorescence.change(key, "Look of light", **looks)
    settled(made)
    until(made, lambda: made.fluorescence.shown() and made.fluorescence.shown()[0].overlay.opacity == 0.8)
    yield made
    made.close()


def opened(folder: Path, path: Path) -> Editor:
    editor = Editor(folder / "settings", nothing)
    editor.open_paths([path])
    until(editor, lambda: editor.shown is not None)
    editor.shell.scene = True
    return editor


def test_there_is_none_until_it_is_wanted(editor: Editor) -> None:
    light = editor.rendering.view.light
    assert editor.rendering.scene().projections == ()
    light.switch()
    (item,) = editor.rendering.scene().projections
    assert editor.rendering.scene().projections[0] is item, "the same as long as nothing changes"
    assert not editor.rendering.scene().projections_cover
    light.covers = True
    assert editor.rendering.scene().projections_cover
    editor.shell.scene = False
    assert editor.rendering.scene().projections == ()
    editor.shell.scene = True
    key = editor.fluorescence.listed[0].key
    editor.fluorescence.change(key, "Hide light", visible=False)
    until(editor, lambda: not editor.fluorescence.shown())
    assert editor.rendering.scene().projections == ()


def test_each_pixel_lies_over_its_voxel(editor: Editor) -> None:
    view = editor.rendering.view
    view.light.switch()
    (item,) = view.projections()
    assert item.pixels[5, 7, 3] == 255
    (a, b, c), (d, e, f) = item.to_scene
    voxel = np.array(TO_TOMOGRAM) @ (7, 5, 1)
    found = a * 7 + b * 5 + c, d * 7 + e * 5 + f
    np.testing.assert_allclose(found, np.array(ORIGIN[:2]) + VOXEL_SIZE * voxel)
    assert (item.low, item.high) == editor.rendering.bounds()
    assert item.density == pytest.approx(0.8)


def test_strength_and_slices_follow_the_image(editor: Editor) -> None:
    view, fluorescence, light = editor.rendering.view, editor.fluorescence, editor.rendering.view.light
    light.switch()
    key = fluorescence.listed[0].key
    fluorescence.preview(key, opacity=0.5, z_range=(2, 5))
    editor.poll()
    light.density = 0.3
    (item,) = view.projections()
    assert item.density == pytest.approx(0.15)
    low, high = editor.rendering.bounds()
    assert item.low == (*low[:2], low[2] + 2 * VOXEL_SIZE)
    assert item.high == (*high[:2], low[2] + 5 * VOXEL_SIZE)
    until(editor, lambda: not view.moving)
    assert view.projections()[0] is item
    assert not view.moving
    light.density = 0.4
    assert view.projections()[0] is not item
    assert view.moving, "it is drawn quickly while it changes"
    fluorescence.preview(key, opacity=0.0)
    editor.poll()
    assert view.projections() == ()
    fluorescence.preview(key, opacity=1.0, z_range=(50, 60))
    editor.poll()
    assert view.projections() == ()


def test_the_project_remembers_it(editor: Editor, project: Path, tmp_path: Path) -> None:
    light = editor.rendering.view.light
    light.shown, light.density, light.covers = True, 0.7, True
    editor.rendering.view.remember()
    settled(editor)
    editor.close()
    again = opened(tmp_path, project)
    until(again, lambda: again.rendering.view.light.shown)
    assert (again.rendering.view.light.density, again.rendering.view.light.covers) == (0.7, True)
    until(again, lambda: again.rendering.view.projections())
    again.close()


@given(
    first=st.integers(-20, 20),
    count=st.integers(0, 40),
    low=st.floats(-1e4, 1e4),
    size=st.floats(0.1, 100),
)
def test_heights_are_those_of_slices_in_the_tomogram(first: int, count: int, low: float, size: float) -> None:
    high = low + 10 * size
    found = heights_of((first, first + count), low, high, size)
    slices = [number for number in range(first, first + count) if 0 <= number < 10]
    if not slices:
        assert found is None or found[1] - found[0] < 1e-6 * size
    else:
        assert found is not None
        np.testing.assert_allclose(found, (low + slices[0] * size, low + (slices[-1] + 1) * size), atol=1e-6 * size)
    assert heights_of(None, low, high, size) == (low, high)


def test_in_angstrom_is_in_voxels_times_their_size() -> None:
    assert in_angstrom(((2.0, 0.5, 3.0), (0.0, 1.0, -4.0)), (10.0, 20.0, 0.0), 5.0) == (
        (10.0, 2.5, 25.0),
        (0.0, 5.0, 0.0),
    )


@pytest.mark.parametrize("damage", [None, {}, {"shown": True}, {"density": "x"}, {"density": 9}, {"density": None}])
def test_damaged_light_is_none(damage: dict[str, object] | None) -> None:
    value = write_light(True, 0.4, False)
    assert read_light(value) == (True, 0.4, False)
    assert read_light(value | damage if damage and "density" in damage else damage) is None
