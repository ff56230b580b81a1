"""An editor that does whatever a user does with a project, until it is killed; for `test_editor_killed`."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Literal

from any_edit import AnyEdit

from ais.annotation import AddFeature
from ais.gui.editor import Editor
from ais.gui.project_files import give_name
from ais.project import Project

COPY = "copy.aisproj"
EDITS_BEFORE_NAMING = 8
AT_ONCE = 3
"""So many actions may be under way, as when somebody paints faster than the disk can follow."""

Action = Literal["edit", "undo", "redo", "copy", "reopen"]


def action(seed: int, number: int) -> Action:
    """Return which action has this number in this row."""
    chosen = random.Random(hash((seed, number, 1))).random()
    if chosen < 0.8:
        return "edit"
    return "undo" if chosen < 0.88 else "redo" if chosen < 0.93 else "copy" if chosen < 0.97 else "reopen"


def work(project: Path, settings_folder: Path, seed: int, told: Connection) -> None:
    """Act in the editor, and tell each action's number as it is begun and again as it is saved."""
    editor = Editor(settings_folder, lambda: None)
    editor.open_paths([project])
    rng, waiting = random.Random(seed), set[int]()

    def poll_until(condition: Callable[[], object]) -> None:
        while not condition():
            editor.poll()
            time.sleep(0.0005)

    def saved(number: int) -> None:
        waiting.discard(number)
        told.send(("saved", number))

    poll_until(lambda: editor.shown)
    told.send(("ready", -1))
    number = 0
    while True:
        poll_until(lambda: len(waiting) < rng.randint(1, AT_ONCE))
        document, what = editor.document, action(seed, number)
        assert document is not None
        told.send(("begun", number))
        waiting.add(number)
        match what:
            case "edit":
                now = number
                editor.submit(AnyEdit(now, seed), lambda _, n=now: saved(n), lambda n=now: saved(n))  # type: ignore[misc]
            case "undo" | "redo":
                editor.undo() if what == "undo" else editor.redo()
                document.ask(lambda _: None, lambda _, n=number: saved(n))  # type: ignore[misc]
            case "copy":
                document.ask(lambda held: held.save_copy(held.path.with_name(COPY)), lambda _, n=number: saved(n))  # type: ignore[misc]
            case "reopen":
                editor.close_project()
                editor.open_paths([project])
                poll_until(lambda: editor.document and editor.snapshot.revision)
                saved(number)
        if editor.shown is not None and rng.random() < 0.2:
            editor.remember_view()
        if editor.snapshot.tomograms and rng.random() < 0.1:
            editor.select_tomogram(rng.choice(editor.snapshot.tomograms).id)
        editor.poll()
        number += 1


def name(settings_folder: Path, tomogram: Path, named: Path, told: Connection) -> None:
    """Edit a project that has no name, tell that this is done, and give it one."""
    editor = Editor(settings_folder, lambda: None)
    editor.open_paths([tomogram])

    def poll_until(condition: Callable[[], object]) -> None:
        while not condition():
            editor.poll()
            time.sleep(0.0005)

    poll_until(lambda: editor.shown)
    for number in range(EDITS_BEFORE_NAMING):
        editor.submit(AddFeature(f"feature {number}"))
    poll_until(lambda: editor.document and not editor.document.busy)
    told.send(("ready", -1))
    give_name(editor, named)
    poll_until(lambda: False)


def repeat(project: Project, seed: int, number: int) -> None:
    """Do to a project what an action does."""
    match action(seed, number):
        case "edit":
            project.apply(AnyEdit(number, seed))
        case "undo":
            project.undo()
        case "redo":
            project.redo()
