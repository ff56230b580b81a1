"""Stories about the 3D scene: look from all sides, select in it, take things out of it, find them in the slices."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from acting import Context, click, drag, frames, in_window, pixels, press, screenshot, until, wheel
from plans import story
from segmented_tomogram import BALLS, VESICLE, segmented_tomogram

from ais.formats.registry import write_volume
from ais.gui.editor import Editor
from ais.gui.scene.contents import SceneLook
from ais.gui.settings import Settings, SettingsFile

LARGE, SMALL = (1440, 900), (1280, 720)
USUAL = 1100, 760
"""For stories that need no picture: all is drawn in software."""
COMPONENTS = 22
"""20 balls, a vesicle, and two filaments that touch."""


def files(folder: Path) -> Sequence[Path]:
    """A tomogram beside its segmented volumes."""
    SettingsFile(folder / "settings").save(Settings(window_size=LARGE))
    return segmented_tomogram(folder)


def files_in_a_usual_window(folder: Path) -> Sequence[Path]:
    """The same, in a window that is drawn quickly."""
    SettingsFile(folder / "settings").save(Settings(window_size=USUAL))
    return segmented_tomogram(folder)


def files_in_a_small_window(folder: Path) -> Sequence[Path]:
    """The same, in a small window with large letters."""
    SettingsFile(folder / "settings").save(Settings(window_size=SMALL, font_scale=1.5))
    return segmented_tomogram(folder)


def files_beside_another(folder: Path) -> Sequence[Path]:
    """The same, and a tomogram without any volumes."""
    other = folder / "TS_02.mrc"
    write_volume(other, np.random.default_rng(0).normal(0, 1, (8, 60, 70)).astype(np.float32), voxel_sizes=10.0)
    return [*files(folder), other]


def ready(ctx: Context, editor: Editor) -> None:
    """Wait until the scene shows all surfaces."""
    until(ctx, lambda: editor.shown is not None and editor.state.contrast is not None, 20, "the tomogram is shown")
    press(ctx, "4")
    until(ctx, lambda: editor.shell.scene, 5, "the scene comes with the tab")
    volumes = editor.rendering.volumes
    until(ctx, lambda: sum(len(item.states) for item in volumes.items()) == COMPONENTS, 20, "the surfaces are made")
    frames(ctx, 10)


def on_screen(editor: Editor, voxel: tuple[float, float, float]) -> tuple[float, float]:
    """Where a voxel z, y, x is seen in the scene, in pixels of the window."""
    view = editor.rendering.view
    places, _ = view.camera.project(np.array([editor.rendering.to_angstrom(*voxel)]), view.extent)
    return float(places[0, 0]) + view.origin[0], float(places[0, 1]) + view.origin[1]


def selected_centres(editor: Editor) -> list[tuple[int, int, int]]:
    """The voxels in the middle of what is selected, in order."""
    return sorted(balls_of(editor).values())


def balls_of(editor: Editor) -> dict[tuple[object, int], tuple[int, int, int]]:
    """What is selected, with the voxel in its middle; the middle comes from the vertices of its surface."""
    surfaces = {item.key: item.surface for item in editor.rendering.volumes.items()}
    found = {}
    for key, index in editor.rendering.view.selected:
        surface = surfaces[key]
        part = surface.vertices[surface.vertex_starts[index] : surface.vertex_starts[index + 1]]
        z, y, x = editor.rendering.to_voxel(tuple((part.min(axis=0) + part.max(axis=0)) / 2))
        found[key, index] = (round(z), round(y), round(x))
    return found


@story(paths=files_in_a_usual_window, seconds=90)
def click_on_each_of_twenty_balls(ctx: Context, editor: Editor) -> None:
    ready(ctx, editor)
    view = editor.rendering.view
    for side, depth in (("1", 48), ("2", 16)):  # from above and from behind, 10 balls are in front each time
        press(ctx, f"alt+{side}")
        frames(ctx, 3)
        for ball in (ball for ball in BALLS if ball[0] == depth):
            click(ctx, on_screen(editor, ball))
            assert selected_centres(editor) == [ball]
    screenshot(ctx, "scene/one-selected")
    click(ctx, on_screen(editor, (32, 40, 48)), "left", "ctrl")
    assert len(view.selected) == 2
    click(ctx, on_screen(editor, (32, 56, 64)), "left", "ctrl")  # elsewhere on it: this is no double click
    assert len(view.selected) == 1
    click(ctx, (view.origin[0] + 5, view.origin[1] + 5))
    assert not view.selected
    press(ctx, "alt+1")
    left, top = on_screen(editor, (48, 90, 4))
    right, low = on_screen(editor, (48, 74, 64))
    drag(ctx, [(left, top), (left + 30, top + 30), (right, low)], "left", "shift")
    seen = {ball for ball in BALLS if ball[0] == 48 and ball[1] == 82 and ball[2] < 60}
    assert seen <= set(selected_centres(editor))
    assert all(ball[1] == 82 and ball[2] < 60 for ball in selected_centres(editor))
    screenshot(ctx, "scene/rectangle")
    press(ctx, "escape")
    assert not view.selected
    assert not editor.shell.unexpected


@story(paths=files, seconds=60)
def take_away_what_is_false_and_find_it_in_the_slices(ctx: Context, editor: Editor) -> None:
    ready(ctx, editor)
    view, ball = editor.rendering.view, BALLS[12]
    press(ctx, "alt+1")
    frames(ctx, 3)
    click(ctx, on_screen(editor, ball))
    assert selected_centres(editor) == [ball]
    press(ctx, "J")
    assert editor.state.position == ball
    placement = editor.view("xy").placement
    assert placement is not None
    assert (placement.row, placement.column) == (ball[1], ball[2])
    screenshot(ctx, "scene/found-in-the-slices")
    key, index = next(iter(view.selected))
    assert editor.rendering.volumes.selected == key

    def state() -> int:
        return next(int(item.states[index]) for item in editor.rendering.volumes.items() if item.key == key)

    ctx.mouse_move("//Render/**/Remove")
    ctx.item_click("//Render/**/Remove")
    until(ctx, lambda: state() == 0, 10, "it is gone")
    assert not view.selected
    press(ctx, "ctrl+z")
    until(ctx, lambda: state() != 0, 10, "it is back")
    x, y = on_screen(editor, ball)
    click(ctx, (x + 8, y))  # not where the last click was: this is no double click
    assert selected_centres(editor) == [ball]
    press(ctx, "shift+K")
    until(
        ctx,
        lambda: sum(int((item.states > 0).sum()) for item in editor.rendering.volumes.items() if item.key == key) == 1,
        10,
        "alone",
    )
    press(ctx, "ctrl+z")
    until(ctx, lambda: state() != 0, 10, "all are back")
    click(ctx, on_screen(editor, ball), "right")
    ctx.item_click("//$FOCUSED/Hide what is selected")
    until(ctx, lambda: state() == 0, 10, "it is hidden")
    assert not editor.shell.unexpected


@story(paths=files, seconds=60)
def look_from_all_sides(ctx: Context, editor: Editor) -> None:
    ready(ctx, editor)
    view = editor.rendering.view
    x, y = view.origin[0] + view.extent[0] / 2, view.origin[1] + view.extent[1] / 2
    first = view.camera
    drag(ctx, [(x, y), (x + 40, y), (x + 80, y - 30)])
    turned = view.camera
    assert turned.target == first.target
    assert turned.distance == first.distance
    np.testing.assert_array_less(0.2, abs(turned.axes[2] - first.axes[2]).max())
    drag(ctx, [(x, y), (x + 20, y + 20), (x + 50, y)], "middle")
    assert view.camera.axes.tolist() == turned.axes.tolist()
    before = on_screen(editor, VESICLE)
    wheel(ctx, before, 3)
    frames(ctx, 3)
    np.testing.assert_allclose(on_screen(editor, VESICLE), before, atol=2)
    assert view.camera.distance < turned.distance
    press(ctx, "ctrl+0")
    fitted = view.camera.fit(*editor.rendering.bounds(), view.aspect)
    np.testing.assert_allclose(view.camera.distance, fitted.distance)
    for key in "123456":
        press(ctx, f"alt+{key}")
        frames(ctx, 2)
    press(ctx, "alt+1")
    ctx.mouse_teleport_to_pos(on_screen(editor, BALLS[17]))
    ctx.mouse_double_click(0)
    frames(ctx, 3)
    z, y, x_ball = editor.rendering.to_voxel(view.camera.target)
    assert np.linalg.norm(np.subtract((z, y, x_ball), BALLS[17])) < 6
    ctx.item_click("//Scene/Fit scene")
    ctx.item_click("//Scene/Perspective")
    assert not view.camera.perspective
    press(ctx, "alt+S")
    until(ctx, lambda: editor.rendering.scene().slices, 10, "the slice is read")
    frames(ctx, 15)
    screenshot(ctx, "scene/slice")
    screenshot(ctx, "scene/perspective")
    press(ctx, "alt+P")
    ctx.mouse_teleport_to_pos((x, y))
    frames(ctx, 2)
    z, before_keys = editor.state.z, view.camera
    press(ctx, "right", 2)
    press(ctx, "up")
    assert editor.state.z == z, "over the scene, arrows turn it"
    assert view.camera != before_keys
    ctx.item_click("//Render/**/scene look")
    frames(ctx, 20)
    screenshot(ctx, "scene/look")
    ctx.mouse_teleport_to_pos(on_screen(editor, BALLS[17]))
    until(ctx, lambda: view.hovered is not None, 5, "it is told what is under the pointer")
    screenshot(ctx, "scene/pointed-at")
    until(ctx, lambda: view.seconds_to_frame is None, 5, "a scene at rest needs no frames")
    click(ctx, (view.origin[0] + view.extent[0] - 15, view.origin[1] - 12))  # the cross at the end of the tabs
    until(ctx, lambda: not editor.shell.scene, 5, "it is closed")
    press(ctx, "shift+4")
    until(ctx, lambda: view.drawn, 5, "it is back")
    assert not editor.shell.unexpected


@story(paths=files_in_a_small_window, seconds=60)
def the_scene_in_a_small_window(ctx: Context, editor: Editor) -> None:
    ready(ctx, editor)
    view = editor.rendering.view
    click(ctx, on_screen(editor, BALLS[12]))
    assert view.selected
    frames(ctx, 3)
    screenshot(ctx, "scene/small")
    press(ctx, "ctrl+4")
    frames(ctx, 5)
    screenshot(ctx, "scene/small-alone")
    press(ctx, "ctrl+4")
    ctx.item_click("//Scene/Look of the scene")
    frames(ctx, 10)
    screenshot(ctx, "scene/small-look")
    ctx.item_click("//$FOCUSED/Edges")
    until(ctx, lambda: view.look == SceneLook(edges=False), 5, "no outlines")
    ctx.item_click("//$FOCUSED/Reset look")
    until(ctx, lambda: view.look == SceneLook(), 5, "outlines")
    press(ctx, "escape")
    assert not editor.shell.unexpected


@story(paths=files_beside_another, seconds=60)
def another_tomogram_while_the_scene_is_open(ctx: Context, editor: Editor) -> None:
    until(ctx, lambda: editor.shown is not None, 20, "a tomogram is shown")
    until(ctx, lambda: len(editor.snapshot.tomograms) == 2, 20, "both are there")
    first, second = (entry.id for entry in editor.snapshot.tomograms)
    editor.select_tomogram(first)
    ready(ctx, editor)
    click(ctx, on_screen(editor, VESICLE))
    view = editor.rendering.view
    assert view.selected
    editor.select_tomogram(second)
    until(ctx, lambda: editor.shown is not None and editor.shown.entry.id == second, 10, "the other is shown")
    frames(ctx, 10)
    assert not view.selected
    assert not editor.rendering.volumes.items()
    screenshot(ctx, "scene/empty")
    editor.select_tomogram(first)
    until(
        ctx,
        lambda: sum(len(item.states) for item in editor.rendering.volumes.items()) == COMPONENTS,
        20,
        "the first again",
    )
    drag(ctx, [on_screen(editor, VESICLE), (view.origin[0] + 60, view.origin[1] + 60)], release=False)
    in_window(ctx, editor.close_project)
    frames(ctx, 5)
    ctx.mouse_up(0)
    frames(ctx, 5)
    assert pixels(ctx).size
    assert not editor.shell.unexpected
