"""The same things over and over: after each round the window holds exactly what it held after the one before."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from acting import Context, frames, in_window, press, until
from held import growth, held, memory_in_use, names_in_the_driver
from plans import story
from segmented_tomogram import segmented_tomogram
from soaking import moments
from stories_views import a_feature, settled, shown

from ais.annotation import AddTomogram
from ais.formats.registry import write_volume
from ais.gui.background import THREADS
from ais.gui.commands import command
from ais.gui.display import PLANES, DisplayFilter
from ais.gui.editor import Editor
from ais.gui.gl.binding import check_errors
from ais.gui.gl.objects import live_objects
from ais.gui.settings import Settings, SettingsFile
from ais.gui.state import Tab
from ais.project import Project

WINDOW = 1000, 700
ROUNDS = moments(6, 120)
SETTLED_AFTER = 3
"""Rounds in which what is made once is made."""
COMPONENTS = 22
MOST_GROWTH = 0.05
MANY = 30
"""Rounds from which on memory is looked at: the first ones say little of it."""


def two_projects(folder: Path) -> Sequence[Path]:
    """Two projects with two tomograms each, the first of which has segmented volumes beside it."""
    SettingsFile(folder / "settings").save(Settings(window_size=WINDOW))
    (segmented,) = segmented_tomogram(folder)
    plain = folder / "TS_02.mrc"
    write_volume(plain, np.random.default_rng(0).normal(0, 1, (8, 60, 70)).astype(np.float32), voxel_sizes=10.0)
    paths = [folder / "one.aisproj", folder / "two.aisproj"]
    for path in paths:
        with Project.create(path) as project:
            project.apply(AddTomogram(segmented))
            project.apply(AddTomogram(plain))
    return paths[:1]


def one_round(ctx: Context, editor: Editor, path: Path) -> None:
    """Open a project, look at both tomograms in all ways, paint nothing, and close it."""
    in_window(ctx, lambda: editor.open_project(path))
    until(ctx, lambda: editor.document is not None and editor.document.project.path == path, 10, "the project opens")
    editor.state.ortho = True
    shown(ctx, editor, PLANES)
    editor.state.filters = [DisplayFilter("gaussian"), DisplayFilter("median", 3.0)]
    frames(ctx, 4)
    editor.shell.tab = Tab.RENDER
    editor.shell.scene = True
    volumes = editor.rendering.volumes
    until(ctx, lambda: sum(len(item.states) for item in volumes.items()) == COMPONENTS, 30, "the surfaces are made")
    frames(ctx, 4)
    first, second = editor.snapshot.tomograms
    for entry in (second, first, second, first):
        editor.select_tomogram(entry.id)
        until(ctx, lambda entry=entry: editor.shown is not None and editor.shown.entry.id == entry.id, 10, "it opens")
        shown(ctx, editor, PLANES)
    look_at_a_page_with_pictures(ctx, editor)
    a_feature(ctx, editor)
    editor.undo()
    settled(ctx, editor)
    editor.shell.scene = False
    editor.shell.tab = Tab.ANNOTATE
    frames(ctx, 4)
    in_window(ctx, editor.close_project)
    until(ctx, lambda: not editor.background.busy, 10, "it is closed")
    frames(ctx, 4)


def look_at_a_page_with_pictures(ctx: Context, editor: Editor) -> None:
    """Open the page for filtered copies, wait for its pictures, and close it."""
    in_window(ctx, lambda: command("tomogram.prepare").run(editor))
    until(ctx, lambda: editor.preparing.preview.pictures is not None, 20, "the pictures are drawn")
    frames(ctx, 3)
    press(ctx, "escape")
    until(ctx, lambda: editor.preparing.page is None, 5, "the page closes")
    frames(ctx, 3)
    in_window(ctx, check_errors)


@story(paths=two_projects, seconds=60 + 10 * ROUNDS)
def rounds(ctx: Context, editor: Editor) -> None:
    until(ctx, lambda: editor.shown is not None, 20, "the tomogram is shown")
    in_window(ctx, editor.close_project)
    for _ in range(THREADS):  # all threads there will be
        editor.background.run(lambda _: time.sleep(0.1))
    until(ctx, lambda: not editor.background.busy, 10, "it is closed")
    handles, names, memory = [], [], []
    for number in range(ROUNDS):
        one_round(ctx, editor, ctx.folder / ("one.aisproj", "two.aisproj")[number % 2])
        handles.append(held().handles)
        names.append((live_objects(), in_window(ctx, names_in_the_driver)))
        memory.append(memory_in_use() / 2**20)
    in_window(ctx, check_errors)
    assert not editor.shell.unexpected
    print("MB:", [round(value, 1) for value in memory], handles[-1], names[-1])  # noqa: T201 - for `make soak`
    files, *threads, processes = (list(column)[SETTLED_AFTER:] for column in zip(*handles, strict=True))
    assert names[SETTLED_AFTER:] == [names[SETTLED_AFTER]] * (ROUNDS - SETTLED_AFTER)
    assert not {"buffer", "framebuffer", "pixel buffer"} & set(names[-1][0]), "of a project that is closed"
    assert names[-1][0]["texture"] == 1, "that of the scene's numbers; pictures of pages have gone"
    assert files == files[:1] * len(files)
    assert processes == processes[:1] * len(processes)
    for counts in threads:
        assert max(counts) <= counts[0], counts
    assert len(memory) < MANY or growth(memory) < MOST_GROWTH
