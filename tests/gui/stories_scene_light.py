"""Stories about fluorescence images in the 3D scene."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from acting import Context, drag, frames, pixels, press, screenshot, until
from PIL import Image
from plans import story
from segmented_tomogram import BALLS, ORIGIN, SHAPE, VOXEL_SIZE, segmented_tomogram
from stories_scene import on_screen, ready

from ais.formats.registry import write_volume
from ais.gui.editor import Editor
from ais.gui.fluorescence_edits import add_images
from ais.gui.settings import Settings, SettingsFile

REDUCTION = 2
"""Voxels of a pixel of the image, along each side."""
LIT = BALLS[2][1:], (48, 24)
"""Where it is bright: y, x in voxels. The first is over a ball, the second over a filament."""


def files(folder: Path) -> Sequence[Path]:
    """A tomogram beside its segmented volumes and an image with two spots of light."""
    SettingsFile(folder / "settings").save(Settings(window_size=(1280, 720)))
    y, x = np.mgrid[: SHAPE[1] // REDUCTION, : SHAPE[2] // REDUCTION]
    light = sum(np.exp(-((REDUCTION * y - row) ** 2 + (REDUCTION * x - column) ** 2) / 60.0) for row, column in LIT)
    Image.fromarray(np.rint(255 * np.minimum(light, 1)).astype(np.uint8)).save(folder / "light.png")
    return segmented_tomogram(folder)


def files_without_volumes(folder: Path) -> Sequence[Path]:
    """A tomogram alone, in a small window with large letters."""
    SettingsFile(folder / "settings").save(Settings(window_size=(1280, 720), font_scale=1.5))
    write_volume(
        folder / "TS_01.mrc",
        np.random.default_rng(0).normal(size=(8, 40, 50)).astype(np.float32),
        voxel_sizes=VOXEL_SIZE,
        origin=ORIGIN,
    )
    return [folder / "TS_01.mrc"]


@story(paths=files, seconds=60)
def light_of_a_microscope_in_the_scene(ctx: Context, editor: Editor) -> None:
    ready(ctx, editor)
    view, light = editor.rendering.view, editor.rendering.view.light
    assert editor.shown is not None
    path = editor.shown.entry.path.with_name("light.png")
    add_images(editor, [path])
    until(ctx, editor.fluorescence.shown, 10, "the image is read")
    affine = ((2.0, 0.0, 0.0), (0.0, 2.0, 0.0))
    key = editor.fluorescence.listed[0].key
    editor.fluorescence.change(key, "Place light", to_tomogram=affine, low=0.0, high=255.0)
    press(ctx, "alt+1")
    ctx.mouse_teleport_to_pos((5, 5))
    until(ctx, lambda: view.drawn == "whole", 10, "all is drawn")
    before = pixels(ctx).astype(int)
    ctx.item_click("//Render/**/scene look")
    ctx.item_click("//Render/**/Show in 3D")
    assert light.shown
    until(ctx, lambda: view.projections() and view.drawn == "whole", 10, "it is in the scene")
    frames(ctx, 3)
    until(ctx, lambda: view.drawn == "whole", 10, "all is drawn")
    after = pixels(ctx).astype(int)

    def greener(voxel: tuple[float, float, float]) -> int:
        x, y = on_screen(editor, voxel)
        return int((after - before)[round(y), round(x), 1])

    assert greener((60, 48, 24)) > 60, "where the image is bright"
    assert greener((60, 62, 90)) < 20, "not where it is dark"
    assert greener((60, 14, 8)) < 20, "nor mirrored"
    x, y = view.origin[0] + view.extent[0] / 2, view.origin[1] + view.extent[1] / 2
    drag(ctx, [(x, y), (x + 30, y - 60), (x + 60, y - 130)])
    ctx.mouse_teleport_to_pos((5, 5))
    light.density = 3.0
    until(ctx, lambda: view.drawn == "whole", 10, "it has come to rest")
    screenshot(ctx, "scene/light")
    ctx.item_click("//Render/**/Covers")
    frames(ctx, 2)
    until(ctx, lambda: view.drawn == "whole", 10, "drawn anew")
    screenshot(ctx, "scene/light-covers")
    assert editor.rendering.scene().projections_cover
    ctx.item_click("//Render/**/Show in 3D")
    frames(ctx, 3)
    assert editor.rendering.scene().projections == ()
    assert not editor.shell.unexpected


@story(paths=files_without_volumes, seconds=60)
def no_light_without_an_image(ctx: Context, editor: Editor) -> None:
    until(ctx, lambda: editor.shown is not None and editor.state.contrast is not None, 20, "the tomogram is shown")
    press(ctx, "4")
    until(ctx, lambda: editor.shell.scene, 5, "the scene comes with the tab")
    frames(ctx, 5)
    ctx.item_click("//Scene/Look of the scene")
    frames(ctx, 10)
    ctx.mouse_move("//$FOCUSED/Show in 3D")
    frames(ctx, 40)
    screenshot(ctx, "scene/no-light")
    assert not editor.rendering.view.light.shown
    assert not editor.shell.unexpected
