"""The editor is killed at any moment of any work: what was saved is there, can be undone, and nothing is left over."""

from __future__ import annotations

import multiprocessing
import random
import shutil
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

from any_edit import CHANGING, MAKING, Chance, begin_project
from editor_at_work import COPY, EDITS_BEFORE_NAMING, name, repeat, work
from soaking import moments

from ais.annotation import Operation
from ais.errors import AisError
from ais.project import Project

TIMES = moments(8, 240)
NAMINGS = moments(3, 80)
AT_ONCE = 4
LONGEST_S = 0.6
LONGEST_NAMING_S = 0.3
LEFT = {"work.aisproj", "again.aisproj", COPY, "a.mrc", "b.mrc", "c.mrc", "mask.mrc", "settings"}


def work_and_kill(folder: Path, seed: int) -> int:
    """How many actions were saved; fails if one of them is lost."""
    folder.mkdir()
    project, again = folder / "work.aisproj", folder / "again.aisproj"
    begin_project(project)
    shutil.copy(project, again)
    # One server process imports everything once, and each editor is a fresh child of it.
    context = multiprocessing.get_context("spawn" if sys.platform == "win32" else "forkserver")
    hears, tells = context.Pipe(duplex=False)
    editor = context.Process(target=work, args=(project, folder / "settings", seed, tells), daemon=True)
    editor.start()
    tells.close()
    assert hears.poll(120), "the editor never began"
    time.sleep(random.Random(seed).uniform(0.0, LONGEST_S))
    editor.kill()
    editor.join()
    begun, saved = -1, -1
    with suppress(EOFError):
        while True:
            word, number = hears.recv()
            begun, saved = (number, saved) if word == "begun" else (begun, max(saved, number))
    check(project, again, seed, saved, begun)
    return saved + 1


def check(path: Path, again: Path, seed: int, saved: int, begun: int) -> None:
    """Compare a project with one in which the same was done, and undo and redo all of it."""
    states = list[str]()
    with Project.open(again) as other:
        states.append(other.content_digest())
        for number in range(begun + 1):
            with suppress(AisError):
                repeat(other, seed, number)
            states.append(other.content_digest())
    with Project.open(path) as project:
        assert not project.read_only, project.notice
        project.check_integrity()
        found = project.content_digest()
        assert found in states[saved + 1 :], (saved, begun, [n for n, state in enumerate(states) if state == found])
        while project.redo() is not None:
            pass
        full, steps = project.content_digest(), 0
        while project.undo() is not None:
            steps += 1
        assert not project.features()
        assert not project.tomograms()
        while project.redo() is not None:
            steps -= 1
        assert steps == 0
        assert project.content_digest() == full
        copy = path.with_name(COPY)
        if copy.exists():
            with Project.open(copy) as copied:
                copied.check_integrity()
                assert copied.content_digest() in states
        project.save_copy(copy)
    assert {found.name for found in path.parent.iterdir()} <= LEFT


def test_every_action_that_was_saved_is_there_after_kill_9(tmp_path: Path) -> None:
    if sys.platform != "win32":
        multiprocessing.get_context("forkserver").set_forkserver_preload(["editor_at_work"])
    with ThreadPoolExecutor(AT_ONCE) as several:
        counts = list(several.map(lambda seed: work_and_kill(tmp_path / str(seed), seed), range(TIMES)))
    assert sum(counts) > TIMES * 3


def name_and_kill(folder: Path, seed: int) -> bool:
    """Whether the project had got its name; fails if an edit of it is lost."""
    folder.mkdir()
    named, again = folder / "named.aisproj", folder / "again.aisproj"
    begin_project(again)
    context = multiprocessing.get_context("spawn" if sys.platform == "win32" else "forkserver")
    hears, tells = context.Pipe(duplex=False)
    editor = context.Process(target=name, args=(folder / "settings", folder / "a.mrc", named, tells), daemon=True)
    editor.start()
    tells.close()
    assert hears.poll(120), "the editor never began"
    time.sleep(random.Random(seed).uniform(0.0, LONGEST_NAMING_S))
    editor.kill()
    editor.join()
    left = list((folder / "settings").rglob("*.aisproj"))
    assert left or named.exists()
    for path in [*left, *([named] if named.exists() else [])]:
        with Project.open(path) as project:
            assert not project.read_only
            project.check_integrity()
            assert len(project.features()) == EDITS_BEFORE_NAMING
    return named.exists()


def test_a_project_that_is_given_its_name_is_there_under_one_or_both(tmp_path: Path) -> None:
    if sys.platform != "win32":
        multiprocessing.get_context("forkserver").set_forkserver_preload(["editor_at_work"])
    with ThreadPoolExecutor(AT_ONCE) as several:
        named = list(several.map(lambda seed: name_and_kill(tmp_path / str(seed), seed), range(NAMINGS)))
    assert len(named) == NAMINGS


def kinds_of(operation: type[Operation[object]]) -> set[type[Operation[object]]]:
    below = set(operation.__subclasses__())
    return below.union(*map(kinds_of, below))


def test_every_kind_of_edit_is_among_them(tmp_path: Path) -> None:
    """So that a kind of edit that is added later is tried as well."""
    begin_project(tmp_path / "work.aisproj")
    done = set[type]()
    with Project.open(tmp_path / "work.aisproj") as project:
        project._database.connection.execute("PRAGMA synchronous = OFF")  # nothing is killed here
        for making in (*MAKING, *MAKING, *CHANGING):
            for seed in range(200):
                operation = making(Chance(project, seed))
                with suppress(AisError):
                    project.apply(operation)
                    break
            else:
                raise AssertionError(f"{type(operation).__name__} never makes sense")
            done.add(type(operation))
            if making in CHANGING:
                project.undo()
    assert {kind for kind in kinds_of(Operation) if kind.__module__.startswith("ais.")} <= done
