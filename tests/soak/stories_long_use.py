"""The monkey's day: whatever is done in the window, for half an hour, it comes back to what it held before.

After each round of actions at random the project is closed, and what the window and the compute process hold is
measured and added to ``held.jsonl`` in the story's folder. ``AIS_SOAK_MINUTES`` and ``AIS_MONKEY_SEED`` try others.
"""

from __future__ import annotations

import faulthandler
import json
import os
import shutil
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from unittest import mock

from acting import Context, frames, in_window, until
from held import give_back_freed_memory, held, memory_in_use, names_in_the_driver, objects, open_files
from plans import story
from small_models import make_models
from stories_monkey import LISTED, SEED, Monkey, files

from ais.gui.app import Window
from ais.gui.editor import Editor
from ais.gui.gl.binding import GraphicsError, check_errors
from ais.gui.gl.objects import live_objects
from ais.gui.state import Tab

MINUTES = float(os.environ.get("AIS_SOAK_MINUTES", "30"))
ROUND_S = 30.0
"""A project's life, in seconds of actions."""


def files_and_models(folder: Path) -> Sequence[Path]:
    """What the monkey plays with, and two models that work."""
    paths = files(folder)
    make_models(folder / "given", "blob", "ring")
    return paths


@contextmanager
def the_driver_watched(done: Sequence[str]) -> Iterator[Counter[str]]:
    """While the block runs, count after which part of a frame the driver reported an error."""
    found: Counter[str] = Counter()

    def look(after: str) -> None:
        try:
            check_errors()
        except GraphicsError as error:
            found[f"{after}, by {list(done[-8:])}: {error}"] += 1

    def draw(window: Window, name: str, panel: Callable[[Window], None]) -> None:
        drawn(window, name, panel)
        look(name)

    def before_frame(window: Window) -> None:
        look("the drawing on the screen")
        begun(window)
        look("the beginning of a frame")

    drawn, begun = Window.draw, Window.before_frame
    with mock.patch.object(Window, "draw", draw), mock.patch.object(Window, "before_frame", before_frame):
        yield found


class Patient(Monkey):
    """A monkey that forgets."""

    def rest(self) -> dict[str, object]:
        """Let it come to rest, close the project, and measure."""
        self.come_to_rest()
        self.check()
        editor, ctx = self.editor, self.ctx
        size = sum(path.stat().st_size for path in self.projects if path.exists())
        edits = len(editor.snapshot.history)
        in_window(ctx, editor.close_project)
        self.come_to_rest()
        editor.shell.tab = Tab.ANNOTATE
        for shown in ("history", "jobs", "training", "samples", "curator", "comparing", "analysis", "scene"):
            setattr(editor.shell, shown, False)
        editor.shell.scene_alone = False
        editor.notices.said.clear()
        frames(ctx, 10)
        for path in self.projects:
            path.unlink(missing_ok=True)
        self.projects.clear()
        shutil.rmtree(self.written)
        self.written.mkdir()
        del self.done[:-LISTED]
        in_window(ctx, check_errors)
        give_back_freed_memory()
        now = held()
        process = editor.engine_in_use.pid if editor.engine_in_use is not None else None
        of_process = held(process) if process is not None else None
        return {
            "memory": now.memory,
            "own": memory_in_use(),
            "handles": now.handles,
            "process": of_process.memory if of_process is not None else 0,
            "process_handles": of_process.handles if of_process is not None else (),
            "open": open_files(),
            "process_open": open_files(process) if process is not None else [],
            "objects": objects(),
            "modules": len(sys.modules),
            "drawn": live_objects(),
            "driver": in_window(ctx, names_in_the_driver),
            "project_bytes": size,
            "edits": edits,
        }


@story(paths=files_and_models, seconds=60 * MINUTES * 1.3 + 300)
def a_day(ctx: Context, editor: Editor) -> None:
    until(ctx, lambda: editor.shown is not None, 10, "the tomogram is open")
    monkey = Patient(ctx, editor, SEED)
    try:
        with the_driver_watched(monkey.done) as errors:
            spend(ctx, editor, monkey)
    except BaseException:
        print(monkey.tell())  # noqa: T201 - the stage shows what a story has printed
        faulthandler.dump_traceback()
        print([notice.text for notice in editor.notices.said])  # noqa: T201
        print([work.title for work in editor.background.works], editor.opening)  # noqa: T201
        raise
    assert not errors, errors


def spend(ctx: Context, editor: Editor, monkey: Patient) -> None:
    """Let it act, and measure after each round."""
    begin = time.monotonic()
    actions = 0
    while time.monotonic() < begin + 60 * MINUTES:
        over = time.monotonic() + ROUND_S
        while time.monotonic() < over:
            before = len(monkey.done)
            monkey.act()
            monkey.check()
            actions += len(monkey.done) - before
        found = {"minutes": (time.monotonic() - begin) / 60, "actions": actions, **monkey.rest()}
        with (ctx.folder / "held.jsonl").open("a", encoding="utf-8") as file:
            file.write(json.dumps(found) + "\n")
        in_window(ctx, lambda: editor.open_paths([monkey.given / "first.mrc"]))
        until(ctx, lambda: editor.shown is not None, 20, "the tomogram is open again")
