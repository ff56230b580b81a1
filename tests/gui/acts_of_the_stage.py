"""Acts in the tiny window that end in every way there is: ``test_stage.py`` looks whether the stage says so."""

from __future__ import annotations

import ctypes
import os
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from acting import Context, die, drag, frames, in_window, middle, pixels, press, screenshot, until
from plans import story
from tiny_window import COLOUR

TINY = "tiny_window"


def a_note(folder: Path) -> Sequence[Path]:
    note = folder / "note.txt"
    note.write_text("first", encoding="utf-8")
    return [note]


def finds_what_was_written(ctx: Context, editor: Any) -> None:
    assert editor.paths[0].read_text(encoding="utf-8") == "second"
    assert (editor.settings / "kept").exists()
    assert editor.clicks == 0


@story(paths=a_note, then=[finds_what_was_written], app=TINY)
def two_starts(ctx: Context, editor: Any) -> None:
    assert editor.paths[0].read_text(encoding="utf-8") == "first"
    editor.paths[0].write_text("second", encoding="utf-8")
    (editor.settings / "kept").touch()
    ctx.item_click("**/Count")
    assert editor.clicks == 1


@story(app=TINY)
def uses_hands_and_eyes(ctx: Context, editor: Any) -> None:
    x, y = middle(ctx, "**/Count")
    drag(ctx, [(x, y)])
    assert editor.clicks == 1
    drag(ctx, [(400, 300), (410, 310), (420, 300)], "right", "shift")
    assert list(dict.fromkeys(editor.mouse)) == [(400, 300, True), (410, 310, True), (420, 300, True)]
    press(ctx, "ctrl+z")
    assert editor.undone == 1
    before = ctx.frame
    frames(ctx, 5)
    assert ctx.frame - before == 5
    picture = pixels(ctx)
    assert picture.shape == (480, 640, 3)
    # Of 200 <= x < 300 and 200 <= y < 260, rows from the top.
    there = np.argwhere((picture == COLOUR).all(axis=2))
    assert there.min(axis=0).tolist() == [200, 200]
    assert there.max(axis=0).tolist() == [259, 299]
    assert screenshot(ctx, "tiny").is_file()
    assert in_window(ctx, lambda: threading.current_thread() is threading.main_thread())
    assert threading.current_thread() is not threading.main_thread()


@story(app=TINY)
def misses_an_item(ctx: Context, editor: Any) -> None:
    ctx.item_click("**/Not there")
    (ctx.folder / "went-on").touch()


@story(app=TINY)
def raises(ctx: Context, editor: Any) -> None:
    assert editor.clicks == 7, "seven clicks"


@story(app=TINY)
def raises_in_the_window(ctx: Context, editor: Any) -> None:
    in_window(ctx, lambda: 1 / 0)


@story(app=TINY)
def waits_in_vain(ctx: Context, editor: Any) -> None:
    until(ctx, lambda: editor.clicks, 0.2, "somebody clicks")


@story(app=TINY)
def exits(ctx: Context, editor: Any) -> None:
    raise SystemExit(0)


@story(app=TINY)
def crashes(ctx: Context, editor: Any) -> None:
    ctypes.string_at(0)


@story(app=TINY, seconds=4)
def hangs(ctx: Context, editor: Any) -> None:
    frames(ctx, 3)
    time.sleep(1000)


def leaves_at_once(ctx: Context, editor: Any) -> None:
    os._exit(0)


@story(app=TINY, then=[leaves_at_once])
def ends_without_a_word(ctx: Context, editor: Any) -> None:
    frames(ctx)


def finds_no_rest(ctx: Context, editor: Any) -> None:
    assert (ctx.folder / "begun").exists()


@story(app=TINY, then=[finds_no_rest])
def dies(ctx: Context, editor: Any) -> None:
    (ctx.folder / "begun").touch()
    die(ctx)


@story(app=TINY)
def uses_a_network_here(ctx: Context, editor: Any) -> None:
    import sys

    sys.modules["tensorflow"] = sys
