"""Stories about saving the 3D scene: meshes and scripts, pictures, movies, the surfaces of all tomograms."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import av
import numpy as np
import trimesh
from acting import Context, frames, in_window, press, screenshot, until
from PIL import Image
from plans import story
from segmented_tomogram import BALL_RADIUS, BALLS, ORIGIN, SHAPE, VESICLE, VOXEL_SIZE, segmented_tomogram

from ais.gui.commands import command
from ais.gui.editor import Editor
from ais.gui.scene_wish import FORMATS, Scope
from ais.gui.settings import Settings, SettingsFile
from ais.gui.sheet import ChoiceField, NumberField

COMPONENTS = 22
"""20 balls, a vesicle, and two filaments that touch."""


def files(folder: Path) -> Sequence[Path]:
    """A tomogram beside its segmented volumes."""
    SettingsFile(folder / "settings").save(Settings(window_size=(1440, 900)))
    return segmented_tomogram(folder)


def files_in_a_small_window(folder: Path) -> Sequence[Path]:
    """The same, in a small window with large letters."""
    SettingsFile(folder / "settings").save(Settings(window_size=(1280, 720), font_scale=1.5))
    return segmented_tomogram(folder)


def ready(ctx: Context, editor: Editor) -> None:
    """Wait until the scene shows all surfaces."""
    until(ctx, lambda: editor.shown is not None and editor.state.contrast is not None, 20, "the tomogram is shown")
    press(ctx, "4")
    volumes = editor.rendering.volumes
    until(ctx, lambda: sum(len(item.states) for item in volumes.items()) == COMPONENTS, 20, "the surfaces are made")
    frames(ctx, 10)


def saved(ctx: Context, path: Path) -> None:
    """Wait until a file is there."""
    until(ctx, path.exists, 20, f"{path.name} is saved")
    frames(ctx, 3)


def ask(ctx: Context, editor: Editor, name: str, **values: float) -> None:
    """Run a command that asks something, and enter numbers and choices by the labels of their fields."""

    def run() -> None:
        command(name).run(editor)
        for field in editor.shell.sheets[-1].fields:
            if field.label in values and isinstance(field, NumberField | ChoiceField):
                field.value = values[field.label]  # type: ignore[assignment]

    in_window(ctx, run)
    frames(ctx, 5)


@story(paths=files, seconds=60)
def save_the_scene_for_other_programs(ctx: Context, editor: Editor) -> None:
    ready(ctx, editor)
    ribosome = ctx.folder / "TS_01__ribosome.mrc"
    in_window(ctx, lambda: editor.rendering.volumes.change({ribosome: {"alpha": 0.5}}, "Fade"))
    press(ctx, "ctrl+shift+E")
    until(ctx, lambda: ctx.item_exists("//Save 3D scene###save scene/Save files"), 5, "the page is open")
    frames(ctx, 5)
    screenshot(ctx, "scene-files/page")
    path = ctx.folder / "out" / "my scene.glb"
    editor.dialogs.answers.append([path])
    ctx.item_click("//Save 3D scene###save scene/Save files")
    saved(ctx, path)
    assert not editor.rendering.files.page
    scene = trimesh.load(path, process=False)
    assert isinstance(scene, trimesh.Scene)
    assert set(scene.geometry) == {"ribosome", "membrane", "microtubule"}
    assert len(scene.geometry["ribosome"].split(only_watertight=False)) == len(BALLS)
    first = np.array([ORIGIN[axis] + VOXEL_SIZE * BALLS[0][2 - axis] for axis in range(3)])
    near = np.linalg.norm(scene.geometry["ribosome"].vertices - first, axis=1).min()
    assert abs(near - VOXEL_SIZE * BALL_RADIUS) < VOXEL_SIZE
    assert scene.geometry["ribosome"].visual.material.baseColorFactor[3] in (127, 128)
    assert scene.geometry["membrane"].visual.material.alphaMode != "BLEND"

    script = ctx.folder / "out" / "my scene.cxc"
    in_window(ctx, lambda: editor.rendering.files.save_scene(script))
    saved(ctx, script)
    text = script.read_text(encoding="utf-8")
    assert 'open "../TS_01__ribosome.mrc"' in text
    assert "transparency" in text
    assert [line for line in text.splitlines() if line.startswith("view matrix camera ")]

    files_of = editor.rendering.files
    files_of.wish.scope, files_of.wish.kind, files_of.wish.folder = Scope.EACH, FORMATS[3], ctx.folder / "prints"
    in_window(ctx, files_of.save)
    saved(ctx, ctx.folder / "prints" / "TS_01__microtubule.stl")
    files_of.wish.scope, files_of.wish.kind, files_of.wish.folder = Scope.ALL, FORMATS[2], ctx.folder / "all"
    press(ctx, "ctrl+shift+E")
    frames(ctx, 5)
    screenshot(ctx, "scene-files/all")
    ctx.item_click("//Save 3D scene###save scene/Save files")
    saved(ctx, ctx.folder / "all" / "TS_01.ply")
    everything = trimesh.load(ctx.folder / "all" / "TS_01.ply", process=False)
    assert len(everything.split(only_watertight=False)) == COMPONENTS + 1  # the vesicle has two walls
    np.testing.assert_allclose(everything.volume, scene.to_mesh().volume, rtol=1e-4)


@story(paths=files_in_a_small_window, seconds=60)
def take_pictures_and_movies(ctx: Context, editor: Editor) -> None:
    ready(ctx, editor)
    press(ctx, "ctrl+shift+E")
    frames(ctx, 5)
    screenshot(ctx, "scene-files/small")
    press(ctx, "escape")
    frames(ctx, 3)
    assert not editor.rendering.files.page
    ask(ctx, editor, "scene_files.picture", Width=500, Height=400, Background=1)
    path = ctx.folder / "scene.png"
    editor.dialogs.answers.append([path])
    screenshot(ctx, "scene-files/picture-sheet")
    ctx.item_click("//###sheet/Save...")
    saved(ctx, path)
    with Image.open(path) as image:
        picture = np.asarray(image)
    assert picture.shape == (400, 500, 4)
    assert picture[0, 0, 3] == 0
    assert 0.03 < (picture[..., 3] > 128).mean() < 0.9
    assert len(np.unique(picture[picture[..., 3] == 255][:, :3], axis=0)) > 50

    ask(ctx, editor, "scene_files.movie", Width=160, Height=120, Length=1.2, Frames=10)
    screenshot(ctx, "scene-files/movie-sheet")
    film = ctx.folder / "turn.mp4"
    editor.dialogs.answers.append([film])
    before = editor.rendering.view.camera
    ctx.item_click("//###sheet/Save...")
    until(ctx, lambda: editor.rendering.files.movie is None and film.exists(), 20, "the movie is made")
    assert editor.rendering.view.camera == before
    with av.open(str(film)) as video:
        found = [frame.to_ndarray(format="rgb24").astype(int) for frame in video.decode(video=0)]
    assert len(found) == 12
    assert found[0].shape == (120, 160, 3)
    changes = [np.abs(one - found[0]).mean() for one in found[1:]]
    assert min(changes) > 0.5, "it turns"
    assert np.abs(found[1] - found[0]).mean() < max(changes)

    z = editor.state.z
    ask(ctx, editor, "scene_files.slices", **{"First slice": 20, "Last slice": 40, "Every": 10, "Frames": 5})
    slices = ctx.folder / "slices.gif"
    editor.dialogs.answers.append([slices])
    ctx.item_click("//###sheet/Save...")
    until(ctx, lambda: editor.rendering.files.movie is None and slices.exists(), 20, "the movie is made")
    until(ctx, lambda: editor.state.z == z, 5, "the view is back where it was")
    with Image.open(slices) as image:
        assert getattr(image, "n_frames", 1) == 3
        assert image.size == (SHAPE[2], SHAPE[1])
        image.seek(1)
        middle = np.asarray(image.convert("L")).astype(float)
    _, row, column = VESICLE
    inside = middle[SHAPE[1] - 1 - row - 6 : SHAPE[1] - 1 - row + 7, column - 24 : column - 12]
    assert inside.min() < middle.mean(), "the membrane is dark"

    ask(ctx, editor, "scene_files.movie", Width=160, Height=120, Length=60, Frames=30)
    endless = ctx.folder / "endless.mp4"
    editor.dialogs.answers.append([endless])
    ctx.item_click("//###sheet/Save...")
    until(ctx, lambda: editor.rendering.files.movie is not None, 5, "it is begun")
    frames(ctx, 10)
    movie = editor.rendering.files.movie
    assert movie is not None
    next(work for work in editor.background.works if work.title).cancel()
    until(ctx, lambda: editor.rendering.files.movie is None, 10, "it is given up")
    frames(ctx, 5)
    assert not endless.exists()
    assert not list(ctx.folder.glob(".*.tmp"))

    # A large picture is drawn while the window goes on, and can be given up as well.
    large = ctx.folder / "large.png"
    in_window(ctx, lambda: editor.rendering.files.save_picture(large, 3840, 2160, transparent=False))
    until(ctx, lambda: any((work.fraction or 0) > 0.02 for work in editor.background.works), 10, "a part is drawn")
    assert len(editor.shell.scene_requests) == 1
    next(work for work in editor.background.works if "3840 x 2160" in work.title).cancel()
    until(ctx, lambda: not editor.shell.scene_requests and not editor.background.busy, 10, "it is given up")
    assert not large.exists()
