"""A project copied, and moved to a place of the user's choice: nothing is lost on the way, whatever goes wrong."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from windowless import nothing, open_and_name, said, settled, until

from ais.annotation import AddFeature
from ais.errors import Cancelled
from ais.formats.registry import write_volume
from ais.gui import project_files, untitled
from ais.gui.commands import command
from ais.gui.demo_tomogram import open_demo
from ais.gui.editor import Editor
from ais.progress import SILENT, Progress
from ais.project import Project


@pytest.fixture
def editor(tmp_path: Path) -> Iterator[Editor]:
    made = Editor(tmp_path / "settings", nothing)
    write_volume(tmp_path / "tomogram.mrc", np.zeros((4, 30, 40), "f4"), voxel_sizes=10.0)
    open_and_name(made, tmp_path / "tomogram.mrc", "membrane")
    settled(made)
    yield made
    made.close()


def path_of(editor: Editor) -> Path:
    assert editor.document is not None
    return editor.document.project.path


def names_in(path: Path) -> list[str]:
    with Project.open(path, read_only=True) as project:
        return [feature.name for feature in project.features()]


def test_edits_that_come_while_a_project_gets_its_name_are_not_lost(editor: Editor, tmp_path: Path) -> None:
    unnamed, named = path_of(editor), tmp_path / "named é.aisproj"
    project_files.give_name(editor, named)
    for number in range(30):
        editor.submit(AddFeature(f"feature {number}"))
        editor.poll()
    until(editor, lambda: path_of(editor) == named)
    settled(editor)
    assert not unnamed.exists()
    assert not list(unnamed.parent.iterdir())
    assert len(editor.snapshot.features) == 31
    assert editor.project_name == "named é"
    assert str(named) in said(editor)
    assert names_in(named)[-1] == "feature 29"


def test_a_name_that_cannot_be_written_changes_nothing(editor: Editor, tmp_path: Path) -> None:
    unnamed = path_of(editor)
    (tmp_path / "file").touch()
    locked = tmp_path / "open.aisproj"
    for target in (tmp_path / "file" / "x.aisproj", unnamed, locked):
        other = Project.create(locked) if target == locked else None
        before = len(editor.notices.said)
        project_files.give_name(editor, target)
        until(editor, lambda before=before: len(editor.notices.said) > before)  # type: ignore[misc]
        settled(editor)
        assert editor.notices.said[-1].kind == "problem"
        assert path_of(editor) == unnamed
        if other is not None:
            other.close()
    editor.submit(AddFeature("later"))
    settled(editor)
    assert [feature.name for feature in editor.snapshot.features] == ["membrane", "later"]


def test_a_project_that_is_closed_while_it_gets_its_name_is_left_alone(editor: Editor, tmp_path: Path) -> None:
    project_files.give_name(editor, tmp_path / "named.aisproj")
    document = editor.document
    editor.close_project()
    settled(editor)
    assert document is not None
    assert document.closed.is_set()
    with Project.open(tmp_path / "named.aisproj") as project:
        assert not project.read_only, "the copy was never closed"


def test_a_copy_has_what_was_done_and_is_left_alone(editor: Editor, tmp_path: Path) -> None:
    unnamed = path_of(editor)
    editor.submit(AddFeature("before"))
    project_files.save_copy(editor, tmp_path / "copy.aisproj")
    editor.submit(AddFeature("after"))
    settled(editor)
    assert path_of(editor) == unnamed
    assert names_in(tmp_path / "copy.aisproj") == ["membrane", "before"]
    assert "A copy was saved" in said(editor)


def test_only_a_project_without_a_name_can_be_named(editor: Editor, tmp_path: Path) -> None:
    naming = command("file.name")
    assert naming.enabled(editor)
    project_files.give_name(editor, tmp_path / "named.aisproj")
    until(editor, lambda: not project_files.is_unnamed(editor))
    assert not naming.enabled(editor)
    editor.close_project()
    assert not naming.enabled(editor)
    settled(editor)


def test_who_has_only_looked_at_a_tomogram_leaves_no_project_behind(tmp_path: Path) -> None:
    write_volume(tmp_path / "tomogram.mrc", np.zeros((4, 30, 40), "f4"), voxel_sizes=10.0)
    for feature, left in (((), 0), (("membrane",), 1)):
        editor = Editor(tmp_path / "settings", nothing)
        open_and_name(editor, tmp_path / "tomogram.mrc", *feature)
        settled(editor)
        editor.close()
        assert len(untitled.untitled_projects(tmp_path / "settings")) == left


def test_save_says_when(editor: Editor) -> None:
    command("file.save").run(editor)
    settled(editor)
    assert "saved already; the last edit at" in said(editor)
    assert "Name this project" in said(editor)


class Impatient(Progress):
    """Cancels at once."""

    def report(self, done: float, total: float, text: str = "") -> None:  # noqa: ARG002
        raise Cancelled


def test_the_demo_is_made_once_and_can_be_cancelled(tmp_path: Path) -> None:
    with pytest.raises(Cancelled):
        open_demo(tmp_path, Impatient())
    assert not list(tmp_path.rglob("*.aisproj"))
    with open_demo(tmp_path, SILENT) as project:
        (entry,) = project.tomograms()
        assert [feature.name for feature in project.features()] == ["Microtubule", "Ribosome", "Membrane"]
        made = entry.path.stat().st_mtime_ns
        assert untitled.is_untitled(project.path, tmp_path)
    with open_demo(tmp_path, Impatient()) as again:
        assert again.tomograms()[0].path.stat().st_mtime_ns == made
