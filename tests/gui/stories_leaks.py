"""Opening and closing over and over leaves nothing behind: no memory, no thread, no file, nothing of OpenGL."""

from __future__ import annotations

import gc
import os
import shutil
import threading
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from acting import Context, drag, frames, in_window, press, screenshot, until
from plans import story
from stories_views import a_feature, settled, shown, spot

from ais.formats.registry import write_volume
from ais.gui.display import PLANES, DisplayFilter
from ais.gui.editor import Editor
from ais.gui.gl.binding import check_errors
from ais.gui.gl.objects import live_objects
from ais.project import Project

SHAPE = (32, 160, 160)
WARM_UP = 12
TIMES = 50
MOST_BYTES = 20 << 20
FEW_PROJECTS = 8


def many(folder: Path) -> Sequence[Path]:
    """Make many tomograms of 3 MB."""
    first = folder / "TS_00.mrc"
    write_volume(first, np.random.default_rng(0).normal(0, 1, SHAPE).astype(np.float32), voxel_sizes=10.0)
    paths = [first]
    for number in range(1, WARM_UP + TIMES):
        paths.append(folder / f"TS_{number:02}.mrc")
        shutil.copy(first, paths[-1])
    return paths


def memory() -> int:
    """Bytes of this process in memory; 0 where the system does not say."""
    statm = Path("/proc/self/statm")
    return int(statm.read_text(encoding="ascii").split()[1]) * os.sysconf("SC_PAGE_SIZE") if statm.exists() else 0


def files() -> int:
    folder = Path("/proc/self/fd")
    return len(os.listdir(folder)) if folder.is_dir() else 0


def threads() -> list[str]:
    """All but those of the pool, which makes more of them as more is to be done at once, up to a fixed number."""
    return [thread.name for thread in threading.enumerate() if not thread.name.startswith("ais-background")]


def rest(ctx: Context, editor: Editor) -> tuple[int, int, int, dict[str, int]]:
    """Memory, threads, files and objects of OpenGL, once nothing runs any more."""
    until(ctx, lambda: not editor.background.busy and not editor.opening, 20, "nothing runs")
    settled(ctx, editor)
    frames(ctx, 3)
    gc.collect()
    return memory(), len(threads()), files(), live_objects()


@story(paths=many, seconds=150)
def fifty_tomograms(ctx: Context, editor: Editor) -> None:
    until(ctx, lambda: editor.shown is not None and len(editor.snapshot.tomograms) == WARM_UP + TIMES, 30, "all added")
    a_feature(ctx, editor)
    editor.state.ortho = True
    begin = None
    grown = []
    for number, entry in enumerate(editor.snapshot.tomograms):
        editor.select_tomogram(entry.id)
        until(ctx, lambda entry=entry: editor.shown is not None and editor.shown.entry.id == entry.id, 10, "it opens")
        editor.state.filters = [DisplayFilter("gaussian"), DisplayFilter("median", 3.0)]
        editor.sight.go_to(number % SHAPE[0], number, number)
        shown(ctx, editor, PLANES)
        if number % 10 == 0:
            drag(ctx, [spot(editor, 100, 100), spot(editor, 120, 140)])
        if number == WARM_UP - 1:
            begin = rest(ctx, editor)
        elif begin is not None and number % 10 == 1:
            grown.append((rest(ctx, editor)[0] - begin[0]) >> 20)
    assert begin is not None
    end = rest(ctx, editor)
    grown.append((end[0] - begin[0]) >> 20)
    print(f"MB grown: {grown}; threads {begin[1]} {end[1]}; files {begin[2]} {end[2]}; {begin[3]} {end[3]}")  # noqa: T201
    assert end[0] - begin[0] < MOST_BYTES, grown
    assert end[1] <= begin[1]
    assert end[2] <= begin[2]
    assert end[3] == begin[3]
    in_window(ctx, check_errors)
    assert not editor.shell.unexpected


@story(paths=many, seconds=120)
def projects_and_planes(ctx: Context, editor: Editor) -> None:
    until(ctx, lambda: editor.shown is not None and len(editor.snapshot.tomograms) == WARM_UP + TIMES, 30, "all added")
    paths = []
    for number in range(2):
        path = ctx.folder / f"project {number}.aisproj"
        assert editor.document is not None
        editor.document.ask(lambda project, path=path: project.save_copy(path), lambda _: None)
        paths.append(path)
    settled(ctx, editor)
    counts = []
    for number in range(FEW_PROJECTS):
        editor.open_project(paths[number % 2])
        until(
            ctx,
            lambda number=number: editor.document is not None and editor.document.project.path == paths[number % 2],
            10,
            "the project opens",
        )
        shown(ctx, editor)
        for _ in range(2):
            press(ctx, "o")
            shown(ctx, editor, PLANES if editor.state.ortho else ("xy",))
        counts.append(rest(ctx, editor)[1:])
    assert not editor.read_only
    assert counts[2:] == [counts[2]] * (FEW_PROJECTS - 2), counts
    editor.close_project()
    until(ctx, lambda: not editor.background.busy, 10, "it is closed")
    frames(ctx, 3)
    assert set(live_objects()) <= {"program", "triangle", "vertex array"}, live_objects()
    assert not [thread.name for thread in threading.enumerate() if thread.name.startswith(("ais-slices", "ais-doc"))]
    screenshot(ctx, "leaks/closed")
    for path in paths:
        with Project.open(path) as project:
            assert not project.read_only
