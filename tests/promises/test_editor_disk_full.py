"""The disk is full, or fails, at any write to a project: a sentence, nothing lost, and on it goes after that."""

from __future__ import annotations

import random
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import apsw
import numpy as np
import pytest
from any_edit import AnyEdit, begin_project
from project_disk import Disk, Refusal, connected
from soaking import moments
from windowless import nothing, said, settled, until

from ais.annotation import AddFeature, PaintStroke
from ais.errors import AisError
from ais.formats.registry import write_volume
from ais.gui.editor import Editor
from ais.project import Project

if sys.platform != "win32":
    import resource

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="stands in for the disk as SQLite uses it on Unix")

NAME = "work.aisproj"
PLACES = moments(16, 150)
EDITS = 12


def refuse_from(first: int, what: tuple[str, ...], error: type[apsw.Error]) -> Refusal:
    """Refuse every operation of some kinds from the n-th one on."""
    left = [first]

    def refuse(kind: str, name: str) -> type[apsw.Error] | None:
        if kind in what and name.startswith(NAME):
            left[0] -= 1
            return error if left[0] < 0 else None
        return None

    return refuse


def open_or_sentence(path: Path) -> tuple[Project | None, str]:
    try:
        return Project.open(path), ""
    except AisError as error:
        return None, str(error)


def edit(project: Project, seed: int, states: list[str]) -> str:
    """Edit until that fails, and give the sentence; empty if nothing failed."""
    for number in range(EDITS):
        try:
            project.apply(AnyEdit(number, seed))
        except AisError as error:
            assert project.content_digest() == states[-1]
            if "disk" in str(error) or "space" in str(error):
                return str(error)
        else:
            states.append(project.content_digest())
    return ""


@pytest.mark.parametrize(
    ("what", "error", "sentence"),
    [
        (("write", "truncate"), apsw.FullError, "No space left"),
        (("sync",), apsw.IOError, "check the disk"),
        (("write", "truncate", "sync"), apsw.IOError, "check the disk"),
    ],
    ids=["full", "no flush", "no write"],
)
def test_a_disk_that_refuses_any_write(
    tmp_path: Path, what: tuple[str, ...], error: type[apsw.Error], sentence: str
) -> None:
    failed, rng = 0, random.Random(0)
    for place in range(PLACES):
        seed, folder = rng.randrange(5), tmp_path / str(place)
        folder.mkdir()
        path = folder / NAME
        begin_project(path)
        with Project.open(path) as project:
            states = [project.content_digest()]
        disk = Disk(folder)
        with connected(disk):
            disk.refuse = refuse_from(
                place if place < 12 else rng.randrange(60 if "write" in what else 20), what, error
            )
            project, told = open_or_sentence(path)
            if project is not None:
                told = edit(project, seed, states)
                if told:
                    assert edit(project, seed, states), "it is still so"
                    disk.refuse = None
                    assert edit(project, seed + 1, states) == ""
                    project.undo()
                    states.append(project.content_digest())
                if place % 3 == 0:  # or it ends while there is no room to put it in order
                    disk.refuse = refuse_from(rng.randrange(4), what, error)
                project.close()
            assert not told or sentence in told
            failed += bool(told)
        with Project.open(path) as project:
            assert not project.read_only
            project.check_integrity()
            assert project.content_digest() == states[-1]
        assert not list(folder.glob(f"{NAME}?*"))
    assert failed > PLACES / 3


@contextmanager
def no_file_beyond(size: int) -> Iterator[None]:
    """Have the system refuse what would make any file of this process longer."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


@pytest.fixture
def editor(tmp_path: Path) -> Iterator[Editor]:
    made = Editor(tmp_path / "settings", nothing)
    yield made
    made.close()
    assert "unexpected" not in said(made)


def test_the_user_is_told_once_and_goes_on_when_there_is_room(editor: Editor, tmp_path: Path) -> None:
    begin_project(tmp_path / NAME)
    editor.open_paths([tmp_path / NAME])
    until(editor, lambda: editor.shown)
    settled(editor)
    assert editor.document is not None
    project = editor.document.project
    tomogram, feature = editor.snapshot.tomograms[0].id, editor.snapshot.features[0].id
    editor.submit(PaintStroke(tomogram, feature, 1, [(9, 9)], 3))
    settled(editor)
    digest = project.content_digest()
    log = (tmp_path / f"{NAME}-wal").stat().st_size
    with no_file_beyond(log + 5000):
        for number in range(20):
            editor.submit(PaintStroke(tomogram, feature, 2, [(9 + number, 9), (30, 30)], 3))
            editor.submit(AddFeature("x" * 50 + str(number)))
            editor.sight.go_to(number % 4, 5, 5)
            editor.remember_view()
            settled(editor)
        assert "space" in said(editor)
        shown = [notice.text for notice in editor.notices.shown() if notice.kind == "problem"]
        assert len(shown) == 1, shown
        kept = len([1 for entry in project.history() if not entry.undone]) - 4
    editor.submit(PaintStroke(tomogram, feature, 3, [(9, 9)], 3))
    settled(editor)
    assert 3 in editor.snapshot.annotated[feature]
    for _ in range(kept + 1):
        editor.undo()
    settled(editor)
    assert project.content_digest() == digest


def test_no_room_for_a_new_project_is_said(editor: Editor, tmp_path: Path) -> None:
    write_volume(tmp_path / "a.mrc", np.zeros((4, 20, 30), np.int8), voxel_sizes=10.0)
    with no_file_beyond(3000):
        editor.open_paths([tmp_path / "a.mrc"])
        until(editor, lambda: "space" in said(editor))
        settled(editor)
        assert editor.document is None
    assert not [path for path in (tmp_path / "settings").rglob("*") if path.suffix in (".aisproj", ".tmp", ".lock")]
    editor.open_paths([tmp_path / "a.mrc"])
    until(editor, lambda: editor.shown)


def test_no_room_for_a_copy_leaves_the_old_one(editor: Editor, tmp_path: Path) -> None:
    from ais.gui.project_files import save_copy

    begin_project(tmp_path / NAME)
    editor.open_paths([tmp_path / NAME])
    until(editor, lambda: editor.shown)
    copy = tmp_path / "copy.aisproj"
    save_copy(editor, copy)
    settled(editor)
    before = copy.read_bytes()
    editor.submit(AddFeature("another"))
    settled(editor)
    with no_file_beyond(10_000):
        save_copy(editor, copy)
        settled(editor)
        assert "space" in said(editor)
    assert copy.read_bytes() == before
    save_copy(editor, copy)
    settled(editor)
    with Project.open(copy) as project:
        assert len(project.features()) == 2
    assert {path.name for path in tmp_path.glob("*copy*")} == {copy.name}
