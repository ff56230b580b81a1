"""The power goes while a project is edited: every edit that was acknowledged is there, and the file is whole."""

from __future__ import annotations

import random
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest
from any_edit import AnyEdit, begin_project
from project_disk import Disk, connected
from soaking import moments

from ais.annotation import AddFeature
from ais.errors import AisError
from ais.project import Project
from ais.project import lock as project_lock

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="stands in for the disk as SQLite uses it on Unix")

NAME, COPY = "work.aisproj", "copy.aisproj"
EDITS = moments(25, 90)
CUTS = moments(120, 4000)
CUTS_AGAIN = moments(40, 800)
LOG_PAGES = 30
"""The log of a project is written back after so many pages, so that it happens several times in a short test."""


def edit_until_closed(folder: Path, disk: Disk, edits: int, seed: int) -> list[str]:
    """Edit, undo, redo, copy, close and open again; fingerprints of what the project held, in order.

    After each step the disk is told how many of the fingerprints are acknowledged.
    """
    rng, path = random.Random(seed), folder / NAME
    project = Project.open(path)
    states = [project.content_digest()]

    def step(do: Callable[[], object]) -> None:
        try:
            do()
        except AisError:
            return
        states.append(project.content_digest())
        disk.say(len(states) - 1)

    disk.say(0)
    for number in range(edits):
        project._database.connection.execute(f"PRAGMA wal_autocheckpoint = {LOG_PAGES}")
        chosen = rng.random()
        if chosen < 0.8:
            step(partial(project.apply, AnyEdit(number, seed)))
        elif chosen < 0.88:
            step(project.undo)
        elif chosen < 0.94:
            step(project.redo)
        elif chosen < 0.97:
            project.save_copy(folder / COPY)
            disk.say("copied")
        else:
            project.close()
            project = Project.open(path)
    project.close()
    return states


def write_files(folder: Path, files: dict[str, bytes]) -> None:
    folder.mkdir()
    for name, data in files.items():
        (folder / name).write_bytes(data)


def check_project(path: Path, states: list[str], acknowledged: int) -> None:
    """Fail unless the project is whole and as it was after the last acknowledged step, or the one under way."""
    with Project.open(path) as project:
        assert not project.read_only, project.notice
        project.check_integrity()
        found = project.content_digest()
        assert found in states[acknowledged : acknowledged + 2], f"state {states.index(found)}, not {acknowledged}"
        assert project.undo() is None or project.redo() is not None
        assert project.content_digest() == found
    assert not [beside.name for beside in path.parent.glob(f"{path.name}?*")]


@pytest.mark.parametrize("locking", [True, False], ids=["locks", "no locks"])
def test_what_was_acknowledged_is_there_after_a_power_cut(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, locking: bool
) -> None:
    with monkeypatch.context() as patched:
        if not locking:  # a file system without locks, where projects are written in another way
            patched.setattr(project_lock.ProjectLock, "locks_work", lambda _: False)
        folder = tmp_path / "true"
        folder.mkdir()
        begin_project(folder / NAME)
        disk = Disk(folder)
        with connected(disk):
            states = edit_until_closed(folder, disk, EDITS, seed=1)
    written = [event.kind for event in disk.events if event.name == NAME]
    assert written.count("sync") > 5, "the log was hardly ever written back"
    rng, copies = random.Random(0), 0
    for number in range(CUTS if locking else CUTS // 2):
        moment = rng.randint(1, len(disk.events))
        place = tmp_path / str(number)
        write_files(place, disk.after_cut(moment, rng))
        steps = [said for said in disk.said(moment) if said != "copied"]
        if not steps:
            continue
        check_project(place / NAME, states, steps[-1])
        if (place / COPY).exists():  # whole, however old
            with Project.open(place / COPY) as project:
                project.check_integrity()
                assert project.content_digest() in states
            copies += 1
        else:
            assert "copied" not in disk.said(moment)
    assert len(states) > EDITS / 2
    assert copies


def test_the_power_goes_again_while_a_project_is_put_in_order(tmp_path: Path) -> None:
    folder = tmp_path / "true"
    folder.mkdir()
    begin_project(folder / NAME)
    first, rng = Disk(folder), random.Random(2)
    with connected(first):
        states = edit_until_closed(folder, first, EDITS // 2, seed=2)
    for number in range(CUTS_AGAIN):
        moment = rng.randint(1, len(first.events))
        if not (steps := [said for said in first.said(moment) if said != "copied"]):
            continue
        place = tmp_path / str(number)
        write_files(place, first.after_cut(moment, rng))
        second = Disk(place)
        with connected(second), Project.open(place / NAME):
            pass
        again = tmp_path / f"{number} again"
        write_files(again, second.after_cut(rng.randint(0, len(second.events)), rng))
        check_project(again / NAME, states, steps[-1])


def test_a_new_project_is_there_whole_or_not_at_all(tmp_path: Path) -> None:
    folder = tmp_path / "true"
    folder.mkdir()
    disk, rng = Disk(folder), random.Random(3)
    with connected(disk), Project.create(folder / NAME) as project:
        states = [project.content_digest()]
        disk.say(0)
    for number in range(CUTS_AGAIN):
        moment = rng.randint(0, len(disk.events))
        place = tmp_path / str(number)
        write_files(place, disk.after_cut(moment, rng))
        if disk.said(moment) or (place / NAME).exists():
            check_project(place / NAME, states, 0)


def test_the_disk_of_these_tests_finds_what_is_not_flushed(tmp_path: Path) -> None:
    """Where SQLite is told not to flush, acknowledged edits are lost: the tests above would see it."""
    folder = tmp_path / "true"
    folder.mkdir()
    begin_project(folder / NAME)
    disk, lost = Disk(folder), 0
    with connected(disk), Project.open(folder / NAME) as project:
        project._database.connection.execute("PRAGMA synchronous = OFF")
        states = [project.content_digest()]
        for number in range(12):
            project.apply(AddFeature(f"feature {number}"))
            states.append(project.content_digest())
            disk.say(len(states) - 1)
    rng = random.Random(0)
    for number in range(40):
        moment = rng.randint(len(disk.events) // 2, len(disk.events))
        place = tmp_path / str(number)
        write_files(place, disk.after_cut(moment, rng))
        try:
            check_project(place / NAME, states, disk.said(moment)[-1])
        except (AisError, AssertionError, ValueError):
            lost += 1
    assert lost > 10
