"""From where the 3D scene is seen, what is selected in it, and its slices; without a window."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from windowless import nothing, settled, until

from ais.annotation import AddTomogram
from ais.formats.registry import write_volume
from ais.gui.display import Contrast
from ais.gui.editor import Editor
from ais.gui.scene.camera import Camera
from ais.gui.scene.contents import SceneLook, Shading
from ais.gui.scene_record import read_camera, read_look, write_camera, write_look
from ais.gui.scene_slices import grey_values, placed
from ais.project import Project

SHAPE = (6, 40, 50)
VOXEL_SIZE, ORIGIN = 8.0, (100.0, -50.0, 30.0)
BOUNDS = ((0.0, 0.0, 0.0), (10.0, 20.0, 30.0))


@pytest.fixture
def tomogram(tmp_path: Path) -> Path:
    path = tmp_path / "one.mrc"
    values = np.random.default_rng(0).normal(0, 1, SHAPE).astype(np.float32)
    write_volume(path, values, voxel_sizes=VOXEL_SIZE, origin=ORIGIN)
    return path


@pytest.fixture
def editor(tmp_path: Path, tomogram: Path) -> Iterator[Editor]:
    made = opened(tmp_path, tomogram)
    yield made
    made.close()


def opened(folder: Path, path: Path) -> Editor:
    editor = Editor(folder / "settings", nothing)
    editor.open_paths([path])
    until(editor, lambda: editor.shown is not None and editor.state.contrast is not None)
    editor.shell.scene = True
    return editor


def test_all_is_in_sight_until_somebody_moves_the_view(editor: Editor) -> None:
    view = editor.rendering.view
    low, high = editor.rendering.bounds()
    corners = np.array([[x, y, z] for x in (low[0], high[0]) for y in (low[1], high[1]) for z in (low[2], high[2])])
    for size in ((800, 600), (300, 900)):
        view.size = size
        places, _ = view.camera.project(corners, size)
        assert (places >= 0).all()
        assert (places <= size).all()
        assert np.ptp(places, axis=0).max() > 0.5 * min(size)
    view.move(view.camera.pan(40, 0, view.size))
    moved = view.camera
    view.size = (800, 600)
    assert view.camera == moved
    view.fit()
    places, _ = view.camera.project(corners, view.size)
    assert (places >= 0).all()


def test_what_is_moved_is_drawn_quickly_and_once_more_at_rest(editor: Editor) -> None:
    view = editor.rendering.view
    assert not view.moving
    view.move(view.camera.orbit(30, 0, view.size))
    view.drawn = "quickly"
    wait = view.seconds_to_frame
    assert wait is not None
    assert 0 < wait <= 0.2
    until(editor, lambda: not view.moving)
    view.drawn = "whole"
    assert view.seconds_to_frame is None


def test_a_scene_that_is_not_drawn_wakes_nobody(editor: Editor) -> None:
    view = editor.rendering.view
    view.move(view.camera.orbit(30, 0, view.size))
    view.drawn = "quickly"
    editor.shell.scene = False
    assert view.seconds_to_frame is None
    editor.shell.scene = True
    editor.poll()  # it is behind another panel, so nothing drew it
    assert view.seconds_to_frame is None


def test_the_slices_lie_where_their_voxels_do(editor: Editor) -> None:
    view = editor.rendering.view
    editor.sight.go_to(2, 11, 33)
    view.planes.shown = frozenset({"xy", "xz", "yz"})
    until(editor, lambda: len(view.slices()) == 3)
    assert editor.shown is not None
    values = np.array(editor.shown.tomogram.raw(0, SHAPE[0]))
    contrast = editor.state.contrast
    assert contrast is not None
    for item, fixed, rows, columns in zip(view.slices(), (2, 1, 0), (1, 2, 2), (0, 0, 1), strict=True):
        plane = np.take(values, {2: 2, 1: 11, 0: 33}[fixed], axis=2 - fixed)
        row, column = 3, 7
        grey = np.clip((plane[row, column] - contrast.low) / (contrast.high - contrast.low), 0, 1) * 255
        assert abs(float(item.picture[row, column]) - grey) <= 1
        voxel = np.zeros(3)
        voxel[fixed], voxel[rows], voxel[columns] = {2: 2, 1: 11, 0: 33}[fixed], row, column
        expected = np.array(ORIGIN) + voxel * VOXEL_SIZE
        height, width = item.picture.shape
        found = (
            np.array(item.corner)
            + np.array(item.along_columns) * (column + 0.5) / width
            + np.array(item.along_rows) * (row + 0.5) / height
        )
        np.testing.assert_allclose(found, expected, atol=1e-6)
    assert [one is other for one, other in zip(view.slices(), view.slices(), strict=True)] == [True] * 3


def test_the_slices_follow_the_contrast_and_the_cross_hair(editor: Editor) -> None:
    view = editor.rendering.view
    view.planes.switch("xy")
    until(editor, lambda: view.slices())
    (before,) = view.slices()
    editor.sight.use_contrast(Contrast(-0.1, 0.1))
    (after,) = view.slices()
    assert (after.picture != before.picture).any()
    editor.sight.go_to(z=5)
    until(editor, lambda: view.slices()[0].corner[2] == ORIGIN[2] + 5 * VOXEL_SIZE)
    view.planes.alpha = 0.5
    assert view.slices()[0].alpha == 0.5
    editor.shell.scene = False
    assert view.slices() == ()


@given(low=st.floats(-100, 100), width=st.floats(0.01, 1000), invert=st.booleans())
def test_grey_values_rise_with_the_values_and_meet_the_limits(low: float, width: float, invert: bool) -> None:
    values = np.linspace(low - width, low + 2 * width, 91, dtype=np.float32).reshape(7, 13)
    grey = grey_values(values, Contrast(low, low + width, invert)).ravel().astype(int)
    grey = 255 - grey if invert else grey
    assert (np.diff(grey) >= 0).all()
    assert (grey[:28] == 0).all()
    assert (grey[63:] == 255).all()


def test_large_slices_keep_their_size_in_the_scene() -> None:
    values = np.zeros((2000, 3001), np.float32)
    values[1000:] = 1
    grey = grey_values(values, Contrast(0, 1))
    assert max(grey.shape) <= 1024
    assert abs((grey > 127).mean() - 0.5) < 0.01
    corner, across, down = placed("xy", 4, [20000.0, 30010.0], 10.0, (0.0, 0.0, 0.0))
    assert (corner, across, down) == ((-5.0, -5.0, 40.0), (30010.0, 0.0, 0.0), (0.0, 20000.0, 0.0))


def test_view_and_look_come_back_with_the_project(tmp_path: Path, tomogram: Path) -> None:
    project = tmp_path / "work.aisproj"
    with Project.create(project) as made:
        made.apply(AddTomogram(tomogram))
    editor = opened(tmp_path, project)
    view = editor.rendering.view
    camera = view.camera.orbit(50, 20, (800, 600)).dolly(1.5)
    view.move(camera)
    view.look = SceneLook(shading=Shading.CARTOON, ambient=0.7, background=(1.0, 1.0, 1.0), edges=False)
    view.planes.switch("xz")
    view.remember()
    settled(editor)
    editor.close()
    again = Editor(tmp_path / "settings", nothing)
    again.open_paths([project])
    until(again, lambda: again.shown is not None)
    settled(again)
    until(again, lambda: again.rendering.view.look.shading is Shading.CARTOON)
    until(again, lambda: again.rendering.view.camera == camera)
    assert again.rendering.view.planes.shown == {"xz"}
    again.close()


def test_with_another_tomogram_nothing_stays_selected(editor: Editor, tmp_path: Path) -> None:
    other = tmp_path / "other.mrc"
    write_volume(other, np.zeros((4, 30, 20), np.float32), voxel_sizes=VOXEL_SIZE)
    view = editor.rendering.view
    view.select([("volume", 3)])
    view.toggle(("volume", 4))
    assert view.selected == {("volume", 3), ("volume", 4)}
    editor.open_paths([other])
    until(editor, lambda: editor.shown is not None and editor.shown.entry.name == "other")
    editor.poll()
    assert not view.selected
    places, _ = view.camera.project(np.array(editor.rendering.bounds()), view.size)
    assert np.isfinite(places).all()


@given(
    target=st.tuples(*[st.floats(-1e6, 1e6)] * 3),
    distance=st.floats(0.01, 1e8),
    perspective=st.booleans(),
    turn=st.tuples(*[st.floats(-180, 180)] * 2),
)
def test_a_remembered_view_is_the_same_view(
    target: tuple[float, float, float], distance: float, perspective: bool, turn: tuple[float, float]
) -> None:
    camera = Camera(target, distance=distance, perspective=perspective).turned(turn[0]).turned(turn[1], (1, 0, 0))
    assert read_camera(write_camera(camera, BOUNDS), BOUNDS) == camera
    assert read_camera(write_camera(camera, BOUNDS), (BOUNDS[0], (10.0, 20.0, 31.0))) is None


@pytest.mark.parametrize(
    "damage", [{}, {"target": [1]}, {"rotation": [0, 0, 0, 0]}, {"distance": -1}, {"distance": "x"}]
)
def test_a_damaged_view_is_none(damage: dict[str, object]) -> None:
    value = write_camera(Camera(), BOUNDS) | damage if damage else {}
    assert read_camera(value, BOUNDS) is None


@pytest.mark.parametrize("damage", [{}, {"ambient": 3}, {"shading": "Glow"}, {"background": [1, 1]}, {"slices": None}])
def test_a_damaged_look_is_none(damage: dict[str, object]) -> None:
    value = write_look(SceneLook(), frozenset({"xy"}), 0.5)
    assert read_look(value) == (SceneLook(), frozenset({"xy"}), 0.5)
    assert read_look(value | damage if damage else {}) is None
