"""What a project says of all its tomograms at once, against the same asked one by one."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Literal

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ais.annotation import (
    IGNORE,
    AddFeature,
    AddTomogram,
    ClearSlice,
    DeleteFeature,
    PaintStroke,
    PlaceBoxes,
    RemoveTomogram,
    SetSliceMask,
)
from ais.errors import AisError
from ais.project import BoxCount, Project

SHAPE = (5, 300, 530)


@pytest.fixture
def project(tmp_path: Path) -> Iterator[Project]:
    with Project.create(tmp_path / "x.aisproj") as opened:
        yield opened


def add(project: Project, name: str = "TS_1", shape: tuple[int, int, int] = SHAPE) -> int:
    return project.apply(AddTomogram(project.path.parent / f"{name}.mrc", shape, 10.0)).id


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    slices=st.lists(st.tuples(st.integers(0, 4), st.sampled_from([0.5, 0.999, 1.0])), max_size=4),
    plane=st.sampled_from(["xz", "yz"]),
    ignore=st.booleans(),
    data=st.data(),
)
def test_a_plane_across_is_a_cut_through_the_slices(
    project: Project,
    slices: list[tuple[int, float]],
    plane: Literal["xz", "yz"],
    ignore: bool,
    data: st.DataObject,
) -> None:
    tomogram = add(project, f"TS_{project.history_length()}")
    feature = IGNORE if ignore else project.apply(AddFeature(f"f{project.history_length()}")).id
    volume = np.zeros(SHAPE, np.uint8)
    for z, share in slices:
        volume[z] = np.random.default_rng(z).random(SHAPE[1:]) > share
        project.apply(SetSliceMask(tomogram, feature, z, volume[z]))
    side = SHAPE[1] if plane == "xz" else SHAPE[2]
    position = data.draw(st.one_of(st.integers(0, side - 1), st.sampled_from([0, 7, 8, 255, 256, side - 1])))
    found = project.mask_plane(tomogram, feature, plane, position)
    assert found.dtype == np.uint8
    assert np.array_equal(found, volume[:, position, :] if plane == "xz" else volume[:, :, position])


def test_planes_that_do_not_exist_are_refused(project: Project) -> None:
    tomogram, feature = add(project), project.apply(AddFeature("membrane")).id
    planes: list[tuple[int, int, Literal["xz", "yz"], int]] = [
        (tomogram, feature, "xz", 300),
        (tomogram, feature, "yz", 530),
        (tomogram, feature, "xz", -1),
        (tomogram, 99, "xz", 0),
        (99, feature, "xz", 0),
    ]
    for plane in planes:
        with pytest.raises(AisError):
            project.mask_plane(*plane)
    assert project.mask_plane(tomogram, feature, "yz", 529).shape == (5, 300)


def test_marks_and_counts_are_what_each_tomogram_says(project: Project) -> None:
    tomograms = [add(project, f"TS_{n}") for n in range(3)]
    features = [project.apply(AddFeature(name)).id for name in ("membrane", "ribosome")]
    for tomogram, feature, z in [(0, 0, 1), (0, 0, 3), (0, 1, 3), (2, 1, 4)]:
        stroke = PaintStroke(tomograms[tomogram], features[feature], z, [(20, 20), (290, 520)], 3)
        project.apply(stroke)
    project.apply(PaintStroke(tomograms[2], IGNORE, 0, [(20, 20)], 3))
    project.apply(PlaceBoxes(tomograms[0], features[0], [(1, 9, 9), (1, 50, 9)]))
    project.apply(PlaceBoxes(tomograms[0], features[0], [(1, 99, 9)], negative=True))
    project.apply(PlaceBoxes(tomograms[1], features[1], [(1, 99, 9)], negative=True))
    assert project.annotated_slices_of(tomograms[0]) == {features[0]: [1, 3], features[1]: [3]}
    assert project.annotated_slices_of(tomograms[1]) == {}
    assert project.annotated_slices_of(tomograms[2]) == {IGNORE: [0], features[1]: [4]}
    for tomogram in tomograms:
        slices = project.annotated_slices_of(tomogram)
        for feature in (IGNORE, *features):
            assert slices.get(feature, []) == project.annotated_slices(tomogram, feature)
    assert project.annotation_marks() == {
        tomograms[0]: {features[0]: 2, features[1]: 1},
        tomograms[2]: {IGNORE: 1, features[1]: 1},
    }
    assert project.box_counts() == {
        tomograms[0]: {features[0]: BoxCount(2, 1)},
        tomograms[1]: {features[1]: BoxCount(0, 1)},
    }
    project.apply(ClearSlice(tomograms[0], features[0], 1))
    project.apply(DeleteFeature(features[1]))
    project.apply(RemoveTomogram(tomograms[2]))
    assert project.annotation_marks() == {tomograms[0]: {features[0]: 1}}
    assert list(project.box_counts()) == [tomograms[0]]


def test_history_in_parts(project: Project) -> None:
    assert (project.undo_text(), project.redo_text(), project.history_length()) == ("", "", 0)
    for number in range(6):
        project.apply(AddFeature(f"f{number}"))
    assert project.undo_text() == "Add feature f5"
    assert project.redo_text() == ""
    project.undo()
    project.undo()
    assert (project.undo_text(), project.redo_text()) == ("Add feature f3", "Add feature f4")
    assert project.history_length() == 6
    assert project.recent_history(3) == project.history()[-3:]
    assert project.recent_history(0) == []
    assert project.recent_history(100) == project.history()
    with pytest.raises(AisError):
        project.recent_history(-1)
    while project.undo():
        pass
    assert (project.undo_text(), project.redo_text()) == ("", "Add feature f0")


def test_the_revision_tells_edits_of_this_and_of_another_program(project: Project) -> None:
    with Project.open(project.path, read_only=True) as other:
        before, seen = project.content_revision(), other.content_revision()
        assert (project.content_revision(), other.content_revision()) == (before, seen)
        project.apply(AddFeature("membrane"))
        after, read = project.content_revision(), other.content_revision()
        assert after != before
        assert read != seen
        project.undo()
        assert project.content_revision() not in (before, after)
        assert other.content_revision() not in (seen, read)


def test_marks_of_hundreds_of_tomograms_are_quick(project: Project) -> None:
    # Rows are put in directly: as many edits would take minutes.
    tomograms = [add(project, f"TS_{n}") for n in range(200)]
    features = [project.apply(AddFeature(f"f{n}")).id for n in range(10)]
    connection = project._database.connection
    connection.execute("BEGIN")
    tiles = ((t, f, z, 0, 0, b"") for t in tomograms for f in features for z in range(50))
    connection.executemany("INSERT INTO mask_tiles VALUES (?, ?, ?, ?, ?, ?)", tiles)
    connection.execute("COMMIT")
    start = time.perf_counter()
    marks = project.annotation_marks()
    seconds = time.perf_counter() - start
    assert marks == {tomogram: dict.fromkeys(features, 50) for tomogram in tomograms}
    assert seconds < 1.0, "tens of milliseconds on an idle machine"
