"""Folders that go away, are replaced or may not be written, two editors on one project, and clocks that jump."""

from __future__ import annotations

import datetime
import json
import os
import random
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import apsw
import pytest
from any_edit import AnyEdit, begin_project
from project_disk import Disk, connected
from soaking import moments
from windowless import nothing, said, settled, until

from ais.annotation import AddFeature, PaintStroke
from ais.errors import AisError
from ais.gui import untitled
from ais.gui.editor import Editor
from ais.gui.project_files import save_copy
from ais.project import Project
from ais.project import lock as project_lock

NAME = "work.aisproj"
on_unix = pytest.mark.skipif(sys.platform == "win32", reason="Windows keeps the folders of open files")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "disk"
    made.mkdir()
    begin_project(made / NAME)
    return made


@pytest.fixture
def editor(tmp_path: Path, folder: Path) -> Iterator[Editor]:
    made = Editor(tmp_path / "settings", nothing)
    open_project(made, folder / NAME)
    yield made
    made.close()
    assert "unexpected" not in said(made)


def open_project(editor: Editor, path: Path) -> None:
    editor.open_paths([path])
    until(editor, lambda: editor.document and editor.document.project.path == path and editor.shown)
    settled(editor)


def add(editor: Editor, name: str) -> bool:
    """Add a feature; whether that was done."""
    editor.submit(AddFeature(name))
    settled(editor)
    return name in names(editor)


def names(editor: Editor) -> list[str]:
    return [feature.name for feature in editor.snapshot.features]


def problems(editor: Editor) -> list[str]:
    return [notice.text for notice in editor.notices.shown() if notice.kind == "problem"]


def features_of(path: Path) -> list[str]:
    with Project.open(path) as project:
        assert not project.read_only, project.notice
        project.check_integrity()
        return [feature.name for feature in project.features()]


# Folders


@on_unix
def test_a_folder_that_goes_away_and_comes_back(editor: Editor, folder: Path) -> None:
    assert add(editor, "before")
    away = folder.rename(folder.with_name("elsewhere"))
    assert not add(editor, "meanwhile")
    assert not add(editor, "still")
    editor.undo()
    settled(editor)
    assert names(editor) == ["membrane", "before"]
    assert len(problems(editor)) == 1
    assert f"{folder / NAME} has been moved or deleted" in problems(editor)[0]
    away.rename(folder)
    assert add(editor, "after")
    editor.close_project()
    settled(editor)
    assert features_of(folder / NAME) == ["membrane", "before", "after"]
    assert not list(folder.glob(f"{NAME}?*"))


@on_unix
def test_what_was_saved_outlives_a_deleted_folder(editor: Editor, folder: Path, tmp_path: Path) -> None:
    assert add(editor, "before")
    shutil.rmtree(folder)
    assert not add(editor, "meanwhile")
    assert "save a copy elsewhere" in said(editor)
    save_copy(editor, tmp_path / "copy.aisproj")
    until(editor, lambda: editor.document and editor.document.project.path == tmp_path / "copy.aisproj")
    settled(editor)
    assert add(editor, "after")
    editor.close_project()
    settled(editor)
    assert features_of(tmp_path / "copy.aisproj") == ["membrane", "before", "after"]
    assert not folder.exists()


@on_unix
def test_a_project_that_is_replaced_is_not_written_to(editor: Editor, folder: Path, tmp_path: Path) -> None:
    """Such as by an older one from a backup, or by a program that keeps folders in step."""
    older = tmp_path / "older.aisproj"
    begin_project(older)
    features = features_of(older)
    assert add(editor, "before")
    os.replace(older, folder / NAME)
    before = (folder / NAME).read_bytes()
    assert not add(editor, "meanwhile")
    assert "has been replaced" in problems(editor)[0]
    save_copy(editor, tmp_path / "copy.aisproj")
    until(editor, lambda: editor.document and editor.document.project.path == tmp_path / "copy.aisproj")
    settled(editor)
    assert names(editor) == ["membrane", "before"]
    assert (folder / NAME).read_bytes() == before
    assert features_of(folder / NAME) == features
    assert not list(folder.glob(f"{NAME}?*"))


UNPRIVILEGED = """
import os, sys
sys.path[:0] = sys.argv[2].split(os.pathsep)
import test_editor_places
do = getattr(test_editor_places, sys.argv[1])
if os.getuid() == 0:
    do()  # so that everything is imported, which somebody else may not be able to read
    os.setgid(65534)
    os.setuid(65534)
sys.stdout.write(do(*sys.argv[3:]))
"""


def unprivileged(do: str, *words: str) -> Any:
    """What a function of this module gives as somebody who may not do everything; it gives JSON."""
    paths = os.pathsep.join(str(Path(__file__).parents[up]) for up in range(3))
    command = [sys.executable, "-c", UNPRIVILEGED, do, paths, *words]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def look(path: str = "") -> str:
    """As somebody who may not write there: show a project, try to edit it, save a copy; what came of it, as JSON."""
    with tempfile.TemporaryDirectory() as made:
        if not path:
            path = f"{made}/{NAME}"
            begin_project(Path(path))
        editor = Editor(Path(made) / "settings", nothing)
        editor.open_paths([Path(path)])
        until(editor, lambda: editor.snapshot.features)
        told = {"read only": editor.read_only, "names": names(editor), "added": add(editor, "more")}
        copy = Path(made) / "copy.aisproj"
        save_copy(editor, copy)
        settled(editor)
        open_project(editor, copy)
        told |= {"in the copy": add(editor, "another"), "said": said(editor)}
        editor.close()
    return json.dumps(told)


@on_unix
@pytest.mark.parametrize("killed", moments([True], [True, False]))
def test_a_folder_in_which_nothing_may_be_written(folder: Path, killed: bool) -> None:
    path = folder / NAME
    if killed:  # what was saved last is still in the log beside it
        code = "import os, sys\nfrom ais.project import Project\nfrom ais.annotation import AddFeature\n"
        code += "Project.open(sys.argv[1]).apply(AddFeature('last'))\nos._exit(9)"
        subprocess.run([sys.executable, "-c", code, str(path)], check=False)
        assert path.with_name(f"{NAME}-wal").stat().st_size
    above = folder
    while above != Path(tempfile.gettempdir()) and above != above.parent:
        with suppress(OSError):
            above.chmod(0o755)
        above = above.parent
    files = {file: file.read_bytes() for file in folder.iterdir()}
    for file in files:
        file.chmod(0o444)
    folder.chmod(0o555)
    try:
        told = unprivileged("look", str(path))
    finally:
        folder.chmod(0o755)
    assert told["names"] == ["membrane", *(["last"] if killed else [])]
    assert told["read only"]
    assert not told["added"]
    assert "can only be read" in told["said"]
    assert told["in the copy"]
    assert {file: file.read_bytes() for file in folder.iterdir() if not file.name.endswith("-shm")} == {
        file: data for file, data in files.items() if not file.name.endswith("-shm")
    }


def edit_in_a_folder_that_is_closed() -> str:
    """Edit while writing in the project's folder is forbidden and allowed again; what came of it, as JSON."""
    with tempfile.TemporaryDirectory() as made:
        folder = Path(made) / "disk"
        folder.mkdir()
        begin_project(folder / NAME)
        editor = Editor(Path(made) / "settings", nothing)
        open_project(editor, folder / NAME)
        done = [name for name in ("before", "more") if add(editor, name)]
        folder.chmod(0o555)
        done += [name for name in ("meanwhile", "still") if add(editor, name)]
        editor.close_project()
        settled(editor)
        folder.chmod(0o755)
        found = features_of(folder / NAME)
        open_project(editor, folder / NAME)
        added = add(editor, "after")
        told = {"done": done, "found": found, "added": added, "shown": problems(editor)}
        editor.close()
        told["left"] = [path.name for path in folder.glob(f"{NAME}?*")]
    return json.dumps(told)


@on_unix
def test_a_folder_that_is_closed_while_a_project_is_open() -> None:
    told = unprivileged("edit_in_a_folder_that_is_closed")
    assert told["found"] == ["membrane", *told["done"]]
    assert told["done"][:2] == ["before", "more"]
    assert told["added"]
    assert not told["left"]


# Two editors


def test_who_opens_a_project_second_goes_on_in_a_copy(editor: Editor, folder: Path, tmp_path: Path) -> None:
    second = Editor(tmp_path / "other settings", nothing)
    open_project(second, folder / NAME)
    assert second.read_only
    assert f"process {os.getpid()}" in said(second)
    assert "save a copy" in said(second)
    assert not add(second, "mine")
    assert add(editor, "theirs")
    copy = tmp_path / "copy.aisproj"
    save_copy(second, copy)
    until(second, lambda: second.document and second.document.project.path == copy)
    settled(second)
    assert not second.read_only
    assert add(second, "mine")
    second.close()
    assert add(editor, "theirs too")
    editor.close_project()
    settled(editor)
    assert features_of(folder / NAME) == ["membrane", "theirs", "theirs too"]
    assert features_of(copy) == ["membrane", "theirs", "mine"]


def test_an_unnamed_project_is_not_removed_while_another_window_has_it(
    editor: Editor, tmp_path: Path, folder: Path
) -> None:
    editor.close_project()
    editor.open_paths([folder / "a.mrc"])
    until(editor, lambda: editor.untitled and editor.shown)
    assert add(editor, "unnamed")
    assert editor.document is not None
    path = editor.document.project.path
    second = Editor(tmp_path / "settings", nothing)
    second.background.run(lambda _: untitled.remove(path))
    until(second, lambda: "close it there first" in said(second))
    assert add(editor, "still there")
    editor.close_project()
    settled(editor)
    assert features_of(path) == ["unnamed", "still there"]
    second.background.run(lambda _: untitled.remove(path))
    settled(second)
    second.close()
    assert not list(path.parent.iterdir())


@on_unix
def test_of_many_that_open_at_once_one_edits(folder: Path) -> None:
    code = """
import sys
from ais.project import Project
from ais.annotation import AddFeature
from ais.errors import AisError
sys.stdin.readline()
project = Project.open(sys.argv[1])
print("" if project.read_only else project.apply(AddFeature(sys.argv[2])).name, flush=True)
sys.stdin.readline()
project.close()
"""
    for turn in range(moments(1, 30)):
        many = [
            subprocess.Popen(
                [sys.executable, "-c", code, str(folder / NAME), f"{turn} {number}"],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                text=True,
            )
            for number in range(3)
        ]
        if not turn % 2:  # what a program that was killed has left is taken over by one of them
            holder = {"user": "a", "host": os.uname().nodename, "pid": 2**22 - 3, "since": "", "token": "t", "alone": 0}
            project_lock.lock_path(folder / NAME).write_text(json.dumps(holder))
        said = []
        for one in many:
            assert one.stdin is not None
            one.stdin.write("\n")
            one.stdin.flush()
        for one in many:
            assert one.stdout is not None
            said.append(one.stdout.readline().strip())
        for one in many:
            one.communicate("\n", 60)
        edited = [name for name in said if name]
        assert len(edited) == 1
        assert features_of(folder / NAME)[-1] == edited[0]
        assert not list(folder.glob(f"{NAME}?*"))


@on_unix
def test_a_share_on_which_locking_fails(folder: Path) -> None:
    disk = Disk(folder)
    disk.refuse = lambda what, _: apsw.IOError if what == "lock" else None
    with connected(disk):
        with Project.open(folder / NAME) as alone:
            assert not alone.read_only
            assert "one program at a time" in alone.notice
            alone.apply(AddFeature("alone"))
            for read_only in (False, True):
                with pytest.raises(AisError, match="close it there first"):
                    Project.open(folder / NAME, read_only)
            assert not (folder / f"{NAME}-wal").exists()
            alone.undo()
            alone.redo()
        assert not list(folder.glob(f"{NAME}?*"))
    assert features_of(folder / NAME) == ["membrane", "alone"]


# Clocks


@contextmanager
def jumping_clock(seed: int) -> Iterator[None]:
    """Within it, every look at the clock gives a time of its own within two days."""
    rng, true_time = random.Random(seed), time.time

    class Jumping(datetime.datetime):
        @classmethod
        def now(cls, tz: datetime.tzinfo | None = None) -> datetime.datetime:  # type: ignore[override]
            return datetime.datetime.fromtimestamp(time.time(), tz)

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(time, "time", lambda: true_time() + rng.uniform(-86400, 86400))
        patched.setattr(datetime, "datetime", Jumping)
        yield


def test_a_clock_that_jumps_changes_nothing(editor: Editor, folder: Path, tmp_path: Path) -> None:
    second = tmp_path / "second.aisproj"
    with jumping_clock(1):
        for number in range(40):
            editor.submit(AnyEdit(number, 4))
            if number % 5 == 4:
                editor.undo()
            if number % 7 == 6:
                editor.redo()
        settled(editor)
        assert editor.document is not None
        digest = editor.document.project.content_digest()
        with Project.open(folder / NAME) as other:
            assert other.read_only, "a lock does not age by the clock"
        save_copy(editor, second)
        settled(editor)
        editor.close_project()
        settled(editor)
        with Project.open(folder / NAME) as again:
            assert not again.read_only
            assert again.content_digest() == digest
    begin_project(folder / "steady.aisproj")
    with Project.open(folder / "steady.aisproj") as project:
        for number in range(40):
            with suppress(AisError):
                project.apply(AnyEdit(number, 4))
            if number % 5 == 4:
                project.undo()
            if number % 7 == 6:
                project.redo()
        assert project.content_digest() == digest
    with Project.open(second) as copy:
        assert copy.content_digest() == digest


@on_unix
@pytest.mark.parametrize("jump_s", [-7200.0, 7200.0])
def test_a_lock_of_another_computer_holds_though_the_clocks_differ(
    folder: Path, monkeypatch: pytest.MonkeyPatch, jump_s: float
) -> None:
    """Its age is that of the file system's own clock."""
    holder = {"user": "anna", "host": "pc12", "pid": 4711, "since": "", "token": "t", "alone": False}
    lock = project_lock.lock_path(folder / NAME)
    lock.write_text(json.dumps(holder))
    now = time.time
    monkeypatch.setattr(time, "time", lambda: now() + jump_s)
    with Project.open(folder / NAME) as second:
        assert second.read_only
        assert "anna on pc12" in second.notice
    old = now() - project_lock.FOREIGN_LOCK_SECONDS - 60
    os.utime(lock, (old, old))
    with Project.open(folder / NAME) as taken_over:
        assert not taken_over.read_only


@on_unix
def test_a_lock_that_was_never_written_to_the_end_is_waited_for(folder: Path) -> None:
    """Its program may have been killed at that moment, or may be about to name itself."""
    project_lock.lock_path(folder / NAME).write_bytes(b'{"user": "an')
    with Project.open(folder / NAME) as project:
        assert not project.read_only


@on_unix
def test_a_damaged_lock_from_before_the_clock_was_set_back_holds_nobody_up(folder: Path) -> None:
    lock = project_lock.lock_path(folder / NAME)
    lock.write_bytes(b"")
    os.utime(lock, (time.time() + 86400,) * 2)
    with Project.open(folder / NAME) as project:
        assert not project.read_only
        project.apply(PaintStroke(1, 1, 1, [(9, 9)], 3))
