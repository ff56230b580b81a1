"""How volumes look is kept by the project: undone, found again after a move, refused where it makes no sense."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest

from ais.annotation import AddTomogram, ChangeVolumes, Removal, Removals
from ais.errors import AisError
from ais.formats.registry import write_volume
from ais.project import Project


@pytest.fixture
def place(tmp_path: Path) -> Path:
    folder = tmp_path / "work"
    folder.mkdir()
    for name in ("t", "t__a", "t__b", "u"):
        write_volume(folder / f"{name}.mrc", np.zeros((2, 3, 4), np.float32), voxel_sizes=10.0)
    return folder


def test_looks_are_undone_and_found_again(place: Path, tmp_path: Path) -> None:
    a, b = place / "t__a.mrc", place / "t__b.mrc"
    with Project.create(place / "p.aisproj") as project:
        first, second = (project.apply(AddTomogram(place / f"{name}.mrc")).id for name in "tu")
        empty = project.content_digest()
        mark = Removal(0, 1, 2, 128.0)
        project.apply(ChangeVolumes(first, {a: {"level": 90.0}, b: {"shown": False}}, "Change surfaces"))
        project.apply(ChangeVolumes(first, {a: {"removals": Removals((mark,))}}, "Remove a component"))
        project.apply(ChangeVolumes(second, {a: {"by_hand": True}}, "Add t__a"))
        one, two = project.volumes(first)
        assert (one.path, one.look.level, one.look.removals.removed, one.missing) == (a, 90.0, (mark,), False)
        assert (two.path, two.look.shown, two.listed, two.by_hand) == (b, False, True, False)
        assert [entry.by_hand for entry in project.volumes(second)] == [True]
        count = len(project.recent_history(50))
        project.apply(ChangeVolumes(first, {a: {"level": 90.0}}, "Nothing"))
        assert len(project.recent_history(50)) == count, "what changes nothing is no step"
        for wrong in ({"level": -1.0}, {"alpha": 2.0}, {"bin": 0}, {"colour": (2.0, 0.0, 0.0)}, {"dust": -5.0}):
            with pytest.raises(AisError):
                project.apply(ChangeVolumes(first, {a: wrong}, "Wrong"))
        project.undo()
        project.undo()
        assert project.volumes(first)[0].look.removals == Removals()
        while project.redo() is not None:
            pass
        full = project.content_digest()
        for _ in range(3):
            project.undo()
        assert project.content_digest() == empty
        for _ in range(3):
            project.redo()
        assert project.content_digest() == full
    moved = tmp_path / "elsewhere"
    shutil.move(place, moved)
    with Project.open(moved / "p.aisproj") as project:
        assert [entry.path for entry in project.volumes(first)] == [moved / a.name, moved / b.name]
        (moved / b.name).unlink()
        assert [entry.missing for entry in project.volumes(first)] == [False, True]
