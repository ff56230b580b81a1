"""Particles picked by hand: added, moved, removed, and what becomes of them when their feature changes."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ais.annotation import (
    AddFeature,
    AddPicks,
    AddPickSet,
    AddTomogram,
    ChangeFeature,
    DeleteFeature,
    DuplicateFeature,
    MergeFeatures,
    MovePick,
    Operation,
    RemovePicks,
    RemoveTomogram,
    SetPickRadius,
)
from ais.errors import AisError
from ais.project import Project

SHAPE = (40, 300, 280)


@dataclass
class Scene:
    """A project with two tomograms and two features."""

    project: Project
    tomogram: int
    second: int
    feature: int
    other: int

    def places(self, feature: int | None = None, tomogram: int | None = None) -> dict[int, tuple[float, float, float]]:
        found = self.project.hand_picks(tomogram or self.tomogram, feature or self.feature)
        return {pick.id: (pick.z, pick.y, pick.x) for pick in found.picks} if found else {}


@pytest.fixture
def scene(tmp_path: Path) -> Iterator[Scene]:
    with Project.create(tmp_path / "x.aisproj") as project:
        tomograms = [project.apply(AddTomogram(tmp_path / f"TS_{n}.mrc", SHAPE, 10.0)).id for n in (1, 2)]
        features = [project.apply(AddFeature(name, brush_radius=7.5)).id for name in ("ribosome", "proteasome")]
        yield Scene(project, *tomograms, *features)


def test_picks_are_added_moved_and_removed(scene: Scene) -> None:
    project, tomogram, feature = scene.project, scene.tomogram, scene.feature
    assert project.hand_picks(tomogram, feature) is None
    added = project.apply(AddPicks(tomogram, feature, [(12.25, 30, 40.5), (0, 0, 0)]))
    assert [pick.id for pick in added] == [1, 2]
    assert scene.places() == {1: (12.25, 30, 40.5), 2: (0, 0, 0)}
    found = project.hand_picks(tomogram, feature)
    assert found is not None
    assert found.radius == 7.5, "at first the brush's"
    assert project.pick_sets(tomogram)[0].name == "ribosome"
    assert project.pick_sets(tomogram)[0].data["manual"] is True
    project.apply(MovePick(tomogram, feature, 1, (13, 31, 41)))
    assert scene.places() == {1: (13, 31, 41), 2: (0, 0, 0)}
    project.apply(RemovePicks(tomogram, feature, [2]))
    project.apply(AddPicks(tomogram, feature, [(5, 5, 5)]))
    assert scene.places() == {1: (13, 31, 41), 3: (5, 5, 5)}, "a number is not used again"
    project.apply(SetPickRadius(tomogram, feature, 12))
    found = project.hand_picks(tomogram, feature)
    assert found is not None
    assert found.radius == 12
    assert [entry.text for entry in project.recent_history(5)] == [
        "Add 2 picks of ribosome in TS_1",
        "Move a pick of ribosome in TS_1",
        "Remove 1 pick of ribosome in TS_1",
        "Add 1 pick of ribosome in TS_1",
        "Set the radius of picks of ribosome in TS_1 to 12 voxels",
    ]
    project.apply(AddPicks(tomogram, scene.other, [(1, 2, 3)], radius=4))
    project.apply(AddPickSet(tomogram, "ribosome", {"x": [1, 2]}))
    assert set(project.hand_picks_of(tomogram)) == {feature, scene.other}
    assert project.pick_counts() == {tomogram: {feature: 2, scene.other: 1}}


def test_the_same_place_is_picked_once(scene: Scene) -> None:
    add = AddPicks(scene.tomogram, scene.feature, [(1, 2, 3), (1, 2, 3.0001), (1, 2, 3.5)])
    assert len(scene.project.apply(add)) == 2
    lines = scene.project.history_length()
    assert scene.project.apply(add) == []
    assert scene.project.history_length() == lines


def test_undo_goes_to_where_the_pick_is(scene: Scene) -> None:
    scene.project.apply(AddPicks(scene.tomogram, scene.feature, [(12.4, 30, 40), (12, 50, 20), (30, 0, 0)], radius=5))
    region = scene.project.history()[-1].region
    assert (region.tomogram, region.feature, region.z) == (scene.tomogram, scene.feature, 12)
    assert region.bounds == (25, 56, 15, 46)


@pytest.mark.parametrize("position", [(40, 0, 0), (-0.6, 0, 0), (0, 299.6, 0), (0, float("nan"), 0), (1, 2)])
def test_places_outside_are_refused(scene: Scene, position: tuple[float, float, float]) -> None:
    scene.project.apply(AddPicks(scene.tomogram, scene.feature, [(39.5, -0.5, 279.5)]))
    operations: list[Operation[object]] = [
        AddPicks(scene.tomogram, scene.feature, [(1, 1, 1), position]),
        MovePick(scene.tomogram, scene.feature, 1, position),
    ]
    for operation in operations:
        with pytest.raises(AisError, match="lies outside"):
            scene.project.apply(operation)
    assert len(scene.places()) == 1


def test_what_is_not_there_is_refused(scene: Scene) -> None:
    with pytest.raises(AisError, match="pick some first"):
        scene.project.apply(RemovePicks(scene.tomogram, scene.feature, [1]))
    scene.project.apply(AddPicks(scene.tomogram, scene.feature, [(1, 1, 1)]))
    operations: list[Operation[object]] = [
        RemovePicks(scene.tomogram, scene.feature, [1, 2]),
        MovePick(scene.tomogram, scene.feature, 2, (1, 1, 1)),
        SetPickRadius(scene.tomogram, scene.feature, 0),
        SetPickRadius(scene.tomogram, scene.feature, float("nan")),
        AddPicks(scene.tomogram, 99, [(1, 1, 1)]),
        AddPicks(99, scene.feature, [(1, 1, 1)]),
    ]
    for operation in operations:
        with pytest.raises(AisError):
            scene.project.apply(operation)


def test_picks_follow_their_feature(scene: Scene) -> None:
    project, feature, other = scene.project, scene.feature, scene.other
    project.apply(AddPicks(scene.tomogram, feature, [(1, 1, 1), (2, 2, 2)]))
    project.apply(AddPicks(scene.second, feature, [(3, 3, 3)]))
    project.apply(AddPicks(scene.tomogram, other, [(2, 2, 2), (9, 9, 9)], radius=3))
    project.apply(ChangeFeature(feature, name="ribosomes"))
    assert [found.name for found in project.pick_sets(scene.second)] == ["ribosomes"]
    copy = project.apply(DuplicateFeature(feature)).id
    assert scene.places(copy) == scene.places(feature)
    project.apply(MovePick(scene.tomogram, copy, 1, (7, 7, 7)))
    assert scene.places(feature)[1] == (1, 1, 1)
    project.apply(DeleteFeature(copy))
    assert project.pick_counts() == {scene.tomogram: {feature: 2, other: 2}, scene.second: {feature: 1}}
    project.apply(MergeFeatures(other, [feature]))
    assert sorted(scene.places(other).values()) == [(1, 1, 1), (2, 2, 2), (9, 9, 9)]
    assert scene.places(other)[2] == (9, 9, 9), "those that were there keep their numbers"
    assert scene.places(other, scene.second) == {1: (3, 3, 3)}
    assert [found.name for found in project.pick_sets(scene.second)] == ["proteasome"]
    merged = project.hand_picks(scene.tomogram, other)
    assert merged is not None
    assert merged.radius == 3
    project.apply(RemoveTomogram(scene.tomogram))
    assert project.pick_counts() == {scene.second: {other: 1}}


def test_damaged_picks_give_a_sentence(scene: Scene) -> None:
    scene.project.apply(AddPicks(scene.tomogram, scene.feature, [(1, 1, 1)]))
    for data in ('{"manual": true}', '{"manual": true, "feature": 1, "radius": 2, "picks": [[1, 2]]}', "{", "[1"):
        scene.project._database.connection.execute("UPDATE pick_sets SET data = ?", (data,))
        with pytest.raises(AisError):
            scene.project.hand_picks_of(scene.tomogram)


coordinate = st.one_of(st.floats(-1, 12), st.integers(0, 9))
place = st.tuples(coordinate, coordinate, coordinate)


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data(), steps=st.integers(1, 12))
def test_undo_and_redo_restore_every_state(tmp_path: Path, data: st.DataObject, steps: int) -> None:
    path = tmp_path / f"{len(list(tmp_path.iterdir()))}.aisproj"
    with Project.create(path) as project:
        tomogram = project.apply(AddTomogram(tmp_path / "TS_1.mrc", (10, 10, 10), 10.0)).id
        features = [project.apply(AddFeature(name)).id for name in ("a", "b", "c")]
        states = [project.content_digest()]
        for _ in range(steps):
            feature, other = data.draw(st.permutations(features))[:2]
            number = data.draw(st.integers(1, 4))
            operations: list[Operation[object]] = [
                AddPicks(tomogram, feature, data.draw(st.lists(place, max_size=3))),
                AddPicks(tomogram, feature, [data.draw(place)], radius=number),
                MovePick(tomogram, feature, number, data.draw(place)),
                RemovePicks(tomogram, feature, [number]),
                SetPickRadius(tomogram, feature, number),
                MergeFeatures(feature, [other]),
                DuplicateFeature(feature),
                ChangeFeature(feature, name=f"n{number}"),
                DeleteFeature(feature),
            ]
            try:
                project.apply(data.draw(st.sampled_from(operations)))
            except AisError:
                assert project.content_digest() == states[-1]
            else:
                states.append(project.content_digest())
        states = [state for state, before in zip(states, [None, *states], strict=False) if state != before]
        for step, expect in (("undo", reversed(states[:-1])), ("redo", iter(states[1:]))):
            for state in expect:
                assert getattr(project, step)() is not None
                assert project.content_digest() == state
        owners = {feature.id: feature.name for feature in project.features()}
        for found in project.pick_sets(tomogram):
            assert owners[found.data["feature"]] == found.name
        for picks in project.hand_picks_of(tomogram).values():
            numbers = [pick.id for pick in picks.picks]
            assert len(set(numbers)) == len(numbers)
