"""Stories about segmented volumes in the Render tab: they appear, are looked at otherwise, hidden and brought back."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from acting import Context, drag, frames, press, screenshot, until
from plans import story
from segmented_tomogram import BALLS, balls, segmented_tomogram

from ais.formats.registry import write_volume
from ais.gui import component_edits
from ais.gui.editor import Editor
from ais.gui.scene.contents import SurfaceItem
from ais.gui.settings import Settings, SettingsFile
from ais.gui.state import Tab

START_S = 30.0


def in_a_small_window(folder: Path) -> Sequence[Path]:
    """With the largest letters that must do, and volumes that are wrong or have a long name."""
    SettingsFile(folder / "settings").save(Settings(window_size=(1280, 720), font_scale=1.5))
    paths = segmented_tomogram(folder)
    for number in range(7):
        os.link(folder / "TS_01__ribosome.mrc", folder / f"TS_01__ribosome that is bound to a membrane {number}.mrc")
    write_volume(folder / "TS_01__half.mrc", balls()[:32], voxel_sizes=10.0)
    return paths


def item(editor: Editor, name: str) -> SurfaceItem | None:
    """The surface of a volume."""
    return next((each for each in editor.rendering.volumes.items() if name in str(each.key)), None)


def seen(editor: Editor, name: str) -> int:
    """How many of its components are seen."""
    found = item(editor, name)
    return int(np.count_nonzero(found.states)) if found is not None else 0


def slide(ctx: Context, name: str, share: float) -> None:
    """Drag a slider of the Render tab from its middle to a share of its width."""
    box = ctx.item_info(f"//Render/**/{name}").rect_clipped
    y = (box.min.y + box.max.y) / 2
    places = [box.min.x + (box.max.x - box.min.x) * part for part in (0.5, (0.5 + share) / 2, share)]
    drag(ctx, [(x, y) for x in places])


def drag_dust(ctx: Context, share: float) -> None:
    """Drag the limit in the histogram from its left end to a share of its width."""
    row, dust, after = (
        ctx.item_info(f"//Render/**/{name}").rect_clipped for name in ("##Search volumes", "##dust", "##opacity")
    )
    left, right = row.min.x, dust.max.x
    y = (dust.max.y + after.min.y) / 2 - (dust.max.y - dust.min.y) / 2
    drag(ctx, [(left + (right - left) * part, y) for part in (0.036, share / 2, share)])


@story(paths=segmented_tomogram, seconds=90)
def volumes_as_surfaces(ctx: Context, editor: Editor) -> None:
    until(ctx, lambda: editor.shown is not None, START_S, "the tomogram is shown")
    press(ctx, "4")
    until(ctx, lambda: editor.state.tab is Tab.RENDER, 5, "the tab is in front")
    volumes = editor.rendering.volumes
    until(ctx, lambda: len(volumes.items()) == 3, START_S, "the volumes appear by themselves")
    assert [volume.name for volume in volumes.listed] == ["membrane", "microtubule", "ribosome"]
    assert seen(editor, "ribosome") == len(BALLS)
    frames(ctx, 10)
    screenshot(ctx, "volumes/appear")
    ctx.item_click("//Render/**/ribosome")
    frames(ctx, 3)
    path, surface = volumes.selected, item(editor, "ribosome").surface  # type: ignore[union-attr]
    assert path is not None
    slide(ctx, "##dust", 0.997)
    until(ctx, lambda: not editor.document.busy and not volumes._previews, 5, "it is saved")  # type: ignore[union-attr]
    assert 0 < seen(editor, "ribosome") < len(BALLS)
    assert item(editor, "ribosome").surface is surface  # type: ignore[union-attr]
    screenshot(ctx, "volumes/dust")
    press(ctx, "ctrl+z")
    until(ctx, lambda: seen(editor, "ribosome") == len(BALLS), 5, "it is undone")
    drag_dust(ctx, 0.5)
    until(ctx, lambda: not editor.document.busy and not volumes._previews, 5, "it is saved")  # type: ignore[union-attr]
    assert 0 < seen(editor, "ribosome") < len(BALLS)
    assert item(editor, "ribosome").surface is surface  # type: ignore[union-attr]
    slide(ctx, "##level", 0.2)
    level = volumes.look(path).level
    assert level is not None
    assert level < 100
    until(ctx, lambda: item(editor, "ribosome").surface is not surface, 10, "another surface")  # type: ignore[union-attr]
    until(ctx, lambda: not volumes.busy(path) and not volumes._previews, 10, "it is at rest")
    assert item(editor, "ribosome").surface.volumes.sum() == np.count_nonzero(balls() >= level) * 1000  # type: ignore[union-attr]
    texts = [entry.text for entry in editor.snapshot.history][-2:]
    assert texts == ["Change dust of ribosome", "Change level of ribosome"], "one step for each drag"
    ctx.item_click("//Render/**/Show membrane")
    frames(ctx, 5)
    assert item(editor, "membrane") is None
    component_edits.remove(editor, [(path, 0), (path, 1)])
    until(ctx, lambda: not editor.document.busy, 5, "it is saved")  # type: ignore[union-attr]
    ctx.item_click("//Render/**/ribosome")
    frames(ctx, 5)
    screenshot(ctx, "volumes/removed")
    ctx.mouse_move("//Render/**/ribosome")
    ctx.mouse_click(1)
    frames(ctx, 5)
    screenshot(ctx, "volumes/menu")
    press(ctx, "escape")
    press(ctx, "ctrl+z", 4)
    until(ctx, lambda: seen(editor, "ribosome") == len(BALLS) and seen(editor, "membrane") == 1, 10, "all is undone")
    ctx.item_click("//Render/**/membrane")
    tomogram = editor.state.tomogram
    press(ctx, "down", 2)
    assert volumes.selected == path, "the arrows are the list's"
    press(ctx, "up")
    press(ctx, "delete")
    until(ctx, lambda: [one.name for one in volumes.listed] == ["membrane", "ribosome"], 5, "it is off the list")
    press(ctx, "ctrl+z")
    until(ctx, lambda: len(volumes.listed) == 3, 5, "it is back")
    assert editor.state.tomogram == tomogram


@story(paths=in_a_small_window, seconds=90)
def volumes_in_a_small_window(ctx: Context, editor: Editor) -> None:
    until(ctx, lambda: editor.shown is not None, START_S, "the tomogram is shown")
    press(ctx, "4")
    volumes = editor.rendering.volumes
    until(ctx, lambda: len(volumes.items()) == 10, START_S, "the volumes appear by themselves")
    frames(ctx, 10)
    screenshot(ctx, "volumes/small")
    ctx.item_click("//Render/**/half")
    frames(ctx, 5)
    assert "export it again" in volumes.problem(ctx.folder / "TS_01__half.mrc")
    screenshot(ctx, "volumes/wrong")
