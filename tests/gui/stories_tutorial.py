"""The tutorial of the window, step by step; its pictures are made here (docs/make_window_pictures.py)."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from acting import Context, click, drag, frames, press, screenshot, until
from numpy.typing import NDArray
from plans import story

from ais.gui.editor import Editor
from ais.gui.state import Tool
from ais.tomogram import Tomogram

WINDOW = (1280, 800)
MEMBRANE_SLICES = (24, 28, 32)
RIBOSOME_SLICE = 28
Path2D = list[tuple[float, float]]


def a_first_start(folder: Path) -> Sequence[Path]:
    """Begin with nothing but the size of the window."""
    (folder / "settings").mkdir(exist_ok=True)
    text = json.dumps({"window_size": list(WINDOW)})
    (folder / "settings" / "settings.json").write_text(text, encoding="utf-8")
    return []


def truth(editor: Editor, name: str, z: int) -> NDArray[np.bool_]:
    """What is true of a slice of the demo, rows and columns."""
    with Tomogram.open(editor.settings_folder / "demo" / "truth" / f"demo_{name}.mrc") as mask:
        return np.asarray(mask.slab(z, z + 1)[0] > 0)


def parts(mask: NDArray[np.bool_]) -> list[NDArray[np.int64]]:
    """The connected parts of a mask, the largest first, each as (row, column) of its pixels."""
    from scipy.ndimage import label

    labels, count = label(mask, np.ones((3, 3)))
    found = [np.argwhere(labels == number) for number in range(1, count + 1)]
    return sorted(found, key=len, reverse=True)


def middle_line(pixels: NDArray[np.int64]) -> Path2D:
    """A way along a ring or an arc, around the middle of its pixels."""
    centre = pixels.mean(0)
    away = pixels - centre
    angles = np.arctan2(away[:, 0], away[:, 1])
    bins = np.floor((angles + np.pi) / (2 * np.pi) * 48).astype(int)
    there = [each for each in range(48) if (bins == each).any()]
    gaps = np.diff([*there, there[0] + 48])
    first = int(np.argmax(gaps)) + 1  # an arc begins after its opening
    closed = [there[first % len(there)]] if gaps.max() <= 2 else []
    order = [*there[first:], *there[:first], *closed]
    return [(float(row), float(column)) for row, column in (pixels[bins == each].mean(0) for each in order)]


def shown(ctx: Context, editor: Editor, z: int) -> None:
    """Go to a slice and wait until it is on the screen."""
    editor.sight.go_to(z=z)
    until(ctx, lambda: editor.view("xy").position == z, 10, "the slice is shown")
    frames(ctx, 3)


def on_screen(editor: Editor, points: Path2D) -> Path2D:
    """Where points of the picture are on the screen."""
    return [editor.view("xy").to_screen(row, column) for row, column in points]


def saved(ctx: Context, editor: Editor) -> None:
    """Wait until everything is on disk and seen."""
    until(ctx, lambda: editor.document is not None and not editor.document.busy, 20, "edits are made")
    frames(ctx, 5)


def quiet(ctx: Context, editor: Editor) -> None:
    """Take messages off the screen, and the pointer off the panels."""
    for notice in editor.notices.shown():
        editor.notices.dismiss(notice)
    frames(ctx, 3)


@story(paths=a_first_start, seconds=180)
def annotate_in_the_window(ctx: Context, editor: Editor) -> None:
    frames(ctx, 10)
    screenshot(ctx, "tutorial/window_start")
    ctx.item_click("//**/Try the demo")
    until(ctx, lambda: editor.shown is not None and editor.shown.statistics is not None, 90, "the demo is shown")
    saved(ctx, editor)
    ctx.item_open("//Display/###filters")
    ctx.item_click("//Display/**/Add filter")
    ctx.item_click("//$FOCUSED/Gaussian")
    ctx.item_close("//Display/###filters")
    assert [feature.name for feature in editor.snapshot.features] == ["Microtubule", "Ribosome", "Membrane"]

    ctx.item_click("//Annotate/**/###Membrane")
    ctx.item_input_value("//Annotate/##brush radius", 3)
    membrane = editor.state.feature or 0
    until(ctx, lambda: editor.snapshot.feature(membrane).brush_radius == 3, 10, "the brush is small")  # type: ignore[union-attr]
    for z in MEMBRANE_SLICES:
        shown(ctx, editor, z)
        for part in parts(truth(editor, "membrane", z))[:2]:
            drag(ctx, on_screen(editor, middle_line(part)))
        saved(ctx, editor)
    assert editor.snapshot.annotated[membrane] == MEMBRANE_SLICES
    press(ctx, "i")
    saved(ctx, editor)
    assert editor.snapshot.annotated[membrane] == tuple(range(MEMBRANE_SLICES[0], MEMBRANE_SLICES[-1] + 1))
    shown(ctx, editor, RIBOSOME_SLICE)
    quiet(ctx, editor)
    screenshot(ctx, "tutorial/window_annotate")

    ctx.item_click("//Annotate/**/###Ribosome")
    ctx.item_input_value("//Annotate/##brush radius", 14)
    ribosome = editor.state.feature or 0
    until(ctx, lambda: editor.snapshot.feature(ribosome).brush_radius == 14, 10, "the brush is large")  # type: ignore[union-attr]
    press(ctx, "f")
    assert editor.state.tool is Tool.FLOOD
    ctx.item_input_value("//Annotate/##flood sensitivity", 65)
    frames(ctx, 3)
    for part in parts(truth(editor, "ribosome", RIBOSOME_SLICE))[:4]:
        row, column = part.mean(0)
        click(ctx, on_screen(editor, [(float(row), float(column))])[0])
        saved(ctx, editor)
    quiet(ctx, editor)
    screenshot(ctx, "tutorial/window_flood")
    press(ctx, "f")

    ctx.item_click("//Annotate/**/###Membrane")
    editor.shell.history = True
    frames(ctx, 5)
    ctx.item_open("//Annotate/###boxes")
    frames(ctx, 3)
    for button in ("Auto-place...", "Background..."):
        ctx.item_click(f"//Annotate/{button}")
        frames(ctx, 3)
        ctx.item_input_value("//**/##Boxes", 12)
        saved(ctx, editor)
    boxes = editor.snapshot.boxes[membrane]
    assert {box.negative for box in boxes} == {False, True}
    quiet(ctx, editor)
    screenshot(ctx, "tutorial/window_boxes")
    # The brush painted what is true, as well as a round brush can.
    assert editor.document is not None
    painted: list[NDArray[np.bool_]] = []
    tomogram, z = editor.state.tomogram or 0, MEMBRANE_SLICES[0]
    editor.document.ask(lambda project: project.mask(tomogram, membrane, z) > 0, painted.append)
    until(ctx, lambda: painted, 10, "the annotation is read")
    wanted = truth(editor, "membrane", z)
    assert 2 * (painted[0] & wanted).sum() / (painted[0].sum() + wanted.sum()) > 0.5  # Dice
