"""A model's output as annotation: copies, verdicts about tiles, and what undo does with them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from ais.annotation import (
    IGNORE,
    AddFeature,
    AddTomogram,
    CopyPrediction,
    JudgeTile,
    PlaceBoxes,
    SetSliceMask,
    Verdict,
)
from ais.errors import AisError
from ais.project import Project

SHAPE = (6, 300, 280)
Z = 3


@dataclass
class Scene:
    """A project with a tomogram and a feature that is painted at random in slice `Z`."""

    project: Project
    tomogram: int
    feature: int
    before: NDArray[np.uint8]

    def mask(self, feature: int | None = None) -> NDArray[np.uint8]:
        return (
            self.project.ignore(self.tomogram, Z)
            if feature == IGNORE
            else self.project.mask(self.tomogram, self.feature, Z)
        )

    def boxes(self) -> list[tuple[int, int, int, bool]]:
        return [(box.z, box.y, box.x, box.negative) for box in self.project.boxes(self.tomogram, self.feature)]


@pytest.fixture
def scene(tmp_path: Path) -> Iterator[Scene]:
    with Project.create(tmp_path / "x.aisproj") as project:
        tomogram = project.apply(AddTomogram(tmp_path / "TS_1.mrc", SHAPE, 10.0)).id
        feature = project.apply(AddFeature("membrane", box_size=32)).id
        before = (np.random.default_rng(0).random(SHAPE[1:]) > 0.7).astype(np.uint8)
        project.apply(SetSliceMask(tomogram, feature, Z, before))
        yield Scene(project, tomogram, feature, before)


def output(shape: tuple[int, int], seed: int = 1) -> NDArray[np.uint8]:
    return np.random.default_rng(seed).integers(0, 256, shape).astype(np.uint8)


def inside(points: list[tuple[float, float]], shape: tuple[int, int]) -> NDArray[np.bool_]:
    """Pixels in a rectangle given by its corners, its outline included."""
    y, x = np.indices(shape)
    (y0, x0), (y1, x1) = points[0], points[2]
    return (y >= y0) & (y <= y1) & (x >= x0) & (x <= x1)


@pytest.mark.parametrize("replaced", [False, True])
@pytest.mark.parametrize("outlined", [False, True])
@pytest.mark.parametrize("part", [False, True])
def test_a_copy_is_what_reaches_the_threshold(scene: Scene, replaced: bool, outlined: bool, part: bool) -> None:
    y0, x0, shape = (30, 20, (200, 150)) if part else (0, 0, SHAPE[1:])
    values = output(shape)
    outline = [(10.0, 15.0), (10.0, 120.0), (250.0, 120.0), (250.0, 15.0)]
    scene.project.apply(
        CopyPrediction(
            scene.tomogram, scene.feature, Z, values, 0.4, "M 1", y0, x0, outline if outlined else None, replaced
        )
    )
    area, copied = np.zeros(SHAPE[1:], bool), np.zeros(SHAPE[1:], bool)
    area[y0 : y0 + shape[0], x0 : x0 + shape[1]] = True
    copied[y0 : y0 + shape[0], x0 : x0 + shape[1]] = values / 255 >= 0.4
    if outlined:
        area &= inside(outline, SHAPE[1:])
    old = (scene.before != 0) & ~area if replaced else scene.before != 0
    np.testing.assert_array_equal(scene.mask() != 0, old | (copied & area))
    words = " in outline" if outlined else ""
    assert scene.project.undo_text() == f"Copy of model M 1{words}: membrane, slice 3 of TS_1"


def test_a_copy_that_makes_no_sense_is_refused(scene: Scene) -> None:
    good = CopyPrediction(scene.tomogram, scene.feature, Z, output(SHAPE[1:]), 0.5, "M")
    for wrong in (replace(good, threshold=1.5), replace(good, y0=1), replace(good, values=output((400, 400)))):
        with pytest.raises(AisError):
            scene.project.apply(wrong)
    np.testing.assert_array_equal(scene.mask(), scene.before)


def judge(scene: Scene, verdict: Verdict, values: NDArray[np.uint8], earlier: Verdict | None = None) -> int | None:
    return scene.project.apply(JudgeTile(scene.tomogram, scene.feature, Z, 250, 40, verdict, values, 0.5, "M", earlier))


def tile_of(mask: NDArray[np.uint8]) -> NDArray[np.uint8]:
    return mask[250 - 16 : 250 + 16, 40 - 16 : 40 + 16]


def outside(mask: NDArray[np.uint8]) -> NDArray[np.uint8]:
    rest = mask.copy()
    tile_of(rest)[...] = 0
    return rest


def test_good_makes_the_prediction_annotation(scene: Scene) -> None:
    values = output((32, 32))
    entry = judge(scene, Verdict.GOOD, values)
    np.testing.assert_array_equal(tile_of(scene.mask()), values >= 127.5)
    np.testing.assert_array_equal(outside(scene.mask()), outside(scene.before))
    assert scene.boxes() == [(Z, 250, 40, False)]
    latest = scene.project.recent_history(1)[0]
    assert latest.id == entry
    assert latest.text == "Judge tile of model M as good: membrane, slice 3 of TS_1"
    assert latest.region.bounds == (234, 266, 24, 56)


def test_good_where_nothing_is_found_is_a_negative(scene: Scene) -> None:
    judge(scene, Verdict.GOOD, np.full((32, 32), 100, np.uint8))
    assert not tile_of(scene.mask()).any()
    assert scene.boxes() == [(Z, 250, 40, True)]


def test_bad_erases_and_is_a_negative(scene: Scene) -> None:
    judge(scene, Verdict.BAD, output((32, 32)))
    assert not tile_of(scene.mask()).any()
    np.testing.assert_array_equal(outside(scene.mask()), outside(scene.before))
    assert scene.boxes() == [(Z, 250, 40, True)]


def test_ignore_leaves_the_annotation(scene: Scene) -> None:
    assert judge(scene, Verdict.IGNORE, output((32, 32))) is not None
    np.testing.assert_array_equal(scene.mask(), scene.before)
    assert tile_of(scene.mask(IGNORE)).all()
    assert not outside(scene.mask(IGNORE)).any()
    assert scene.boxes() == []
    assert judge(scene, Verdict.IGNORE, output((32, 32))) is None, "nothing to change, nothing to undo"


def test_a_verdict_that_is_changed_leaves_nothing_of_the_first(scene: Scene) -> None:
    scene.project.apply(PlaceBoxes(scene.tomogram, scene.feature, [(Z, 250, 41), (Z + 1, 250, 40)]))
    others = scene.boxes()
    values = output((32, 32))
    judge(scene, Verdict.IGNORE, values)
    judge(scene, Verdict.GOOD, values, Verdict.IGNORE)
    assert not scene.mask(IGNORE).any()
    judge(scene, Verdict.BAD, values, Verdict.GOOD)
    assert scene.boxes() == [*others, (Z, 250, 40, True)]
    judge(scene, Verdict.IGNORE, values, Verdict.BAD)
    assert scene.boxes() == others


@pytest.mark.parametrize(("y", "x", "shape"), [(10, 40, (32, 32)), (250, 40, (32, 30)), (290, 40, (32, 32))])
def test_a_tile_outside_is_refused(scene: Scene, y: int, x: int, shape: tuple[int, int]) -> None:
    with pytest.raises(AisError):
        scene.project.apply(JudgeTile(scene.tomogram, scene.feature, Z, y, x, Verdict.GOOD, output(shape), 0.5, "M"))


OPERATIONS = st.lists(
    st.tuples(
        st.sampled_from([*Verdict, "copy", "replace"]),
        st.integers(16, 275),
        st.integers(16, 260),
        st.integers(0, 1000),
    ),
    min_size=1,
    max_size=6,
)


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(operations=OPERATIONS)
def test_undo_takes_everything_back(scene: Scene, operations: list[tuple[str, int, int, int]]) -> None:
    project = scene.project
    digests = [project.content_digest()]
    earlier: dict[tuple[int, int], Verdict] = {}
    for kind, y, x, seed in operations:
        if isinstance(kind, Verdict):
            before = earlier.get((y, x))
            judged = JudgeTile(scene.tomogram, scene.feature, Z, y, x, kind, output((32, 32), seed), 0.5, "M", before)
            project.apply(judged)
            earlier[y, x] = kind
        else:
            values = output((40, 30), seed)
            copied = CopyPrediction(
                scene.tomogram, scene.feature, Z, values, 0.5, "M", y - 16, x - 16, replace=kind == "replace"
            )
            project.apply(copied)
        if project.content_digest() != digests[-1]:
            digests.append(project.content_digest())
    for digest in digests[-2::-1]:
        project.undo()
        assert project.content_digest() == digest
