"""Fluorescence images are kept by the project: undone, found again after a move, refused where they make no sense."""

from __future__ import annotations

import shutil
import sqlite3
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ais.annotation import AddOverlay, AddTomogram, ChangeOverlay, RemoveOverlay
from ais.errors import AisError
from ais.fluorescence import Landmark, Overlay, checked_overlay, overlay_of, overlay_values
from ais.formats.registry import write_volume
from ais.project import Project

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.just(10**400) | st.floats(allow_nan=True) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)
PROPERTIES = tuple(overlay_values(Overlay("a", Path("a.png"))))


@pytest.fixture
def place(tmp_path: Path) -> Path:
    folder = tmp_path / "work"
    folder.mkdir()
    for name in ("t", "u"):
        write_volume(folder / f"{name}.mrc", np.zeros((2, 3, 4), np.float32), voxel_sizes=10.0)
    (folder / "light.png").write_bytes(b"not read by the project")
    return folder


def test_images_are_undone_and_found_again(place: Path, tmp_path: Path) -> None:
    image = Overlay("light", place / "light.png", "ab", ((2.0, 0.5, 1.0), (0.0, -2.0, 3.0)), shape=(30, 40))
    with Project.create(place / "p.aisproj") as project:
        first, second = (project.apply(AddTomogram(place / f"{name}.mrc")).id for name in "tu")
        empty = project.content_digest()
        one = project.apply(AddOverlay(first, image))
        two = project.apply(AddOverlay(first, replace(image, blend="mask", z_range=(1, 2))))
        other = project.apply(AddOverlay(second, image))
        assert [overlay.number for overlay in (one, two, other)] == [1, 2, 1]
        marks = (Landmark((1.0, 2.0), (3.0, 4.5)), Landmark((5.0, 6.0), (7.0, 8.0)))
        changes = {"landmarks": marks, "opacity": 0.25, "low": 5.0, "high": 9.0, "channel": 2, "fit": "similarity"}
        project.apply(ChangeOverlay(first, one.key, changes, "Change light"))
        assert project.overlays(first) == [replace(one, **changes), two]
        assert project.overlays(second) == [other]
        count = len(project.recent_history(50))
        project.apply(ChangeOverlay(first, one.key, {"opacity": 0.25}, "Nothing"))
        assert len(project.recent_history(50)) == count, "what changes nothing is no step"
        project.apply(RemoveOverlay(first, two.key))
        assert project.overlays(first) == [replace(one, **changes)]
        texts = [entry.text for entry in project.recent_history(3)]
        assert sorted(texts) == ["Add image light", "Change light", "Remove image light"]
        for wrong in (
            {"opacity": 1.5},
            {"to_tomogram": ((0.0, 0.0, 0.0), (0.0, 0.0, 0.0))},
            {"to_tomogram": ((float("nan"), 0.0, 0.0), (0.0, 1.0, 0.0))},
            {"low": 10.0},
            {"blend": "darken"},
            {"z_range": (3, 3)},
            {"channel": -1},
            {"name": ""},
        ):
            with pytest.raises(AisError):
                project.apply(ChangeOverlay(first, one.key, wrong, "Wrong"))
        with pytest.raises(AisError, match="no such image"):
            project.apply(RemoveOverlay(first, two.key))
        full = project.content_digest()
        for _ in range(5):
            project.undo()
        assert project.content_digest() == empty
        for _ in range(5):
            project.redo()
        assert project.content_digest() == full
    moved = tmp_path / "elsewhere"
    shutil.move(place, moved)
    with Project.open(moved / "p.aisproj") as project:
        found = project.overlays(second)[0]
        assert (found.path, found.missing) == (moved / "light.png", False)
        (moved / "light.png").rename(moved / "other.png")
        found = project.overlays(second)[0]
        assert found.missing
        project.apply(ChangeOverlay(second, found.key, {"path": moved / "other.png"}, "Relink"))
        assert project.overlays(second) == [replace(found, path=moved / "other.png", missing=False)]
        project.undo()
        assert project.overlays(second)[0].missing


def test_a_copy_finds_images_from_its_own_folder(place: Path, tmp_path: Path) -> None:
    with Project.create(place / "p.aisproj") as project:
        tomogram = project.apply(AddTomogram(place / "t.mrc")).id
        project.apply(AddOverlay(tomogram, Overlay("light", place / "light.png")))
        digest = project.content_digest()
        project.save_copy(tmp_path / "q.aisproj")
    moved = tmp_path / "moved"
    moved.mkdir()
    shutil.move(place, moved / "work")
    shutil.move(tmp_path / "q.aisproj", moved)
    with Project.open(moved / "q.aisproj") as copy:
        assert copy.content_digest() == digest
        assert [(o.path, o.missing) for o in copy.overlays(tomogram)] == [(moved / "work" / "light.png", False)]


def test_damaged_rows_do_not_hide_the_others(place: Path) -> None:
    image = Overlay("light", place / "light.png")
    path = place / "p.aisproj"
    with Project.create(path) as project:
        tomogram = project.apply(AddTomogram(place / "t.mrc")).id
        for _ in range(4):
            project.apply(AddOverlay(tomogram, image))
    with closing(sqlite3.connect(path)) as database, database:
        for number, value in ((1, "[]"), (2, '{"paths": [3]}'), (3, '{"paths": ["light.png"], "opacity": "x"}')):
            database.execute(
                "UPDATE settings SET value = ? WHERE key = ?", (value, f"fluorescence {tomogram} {number}")
            )
    with Project.open(path) as project:
        third, fourth = project.overlays(tomogram)
        assert (third.number, third.name, third.opacity) == (3, "light", 1.0)
        assert fourth == replace(image, key=fourth.key)


@given(st.dictionaries(st.sampled_from(PROPERTIES), JSON))
def test_whatever_is_kept_gives_an_image_that_can_be_shown(values: dict[str, object]) -> None:
    found = overlay_of(values, "fluorescence 1 1", Path("a.png"), False)
    assert checked_overlay(found) == found
