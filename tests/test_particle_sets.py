"""Sets of particles in a project: kept exactly, edited in small steps, undone, and whole after a restart."""

from __future__ import annotations

import time
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ais.annotation import AddTomogram, RemoveTomogram
from ais.annotation.particle_set_operations import (
    AddParticleSet,
    ChangeParticleLook,
    DeleteParticles,
    DuplicateParticleSet,
    MergeParticleSets,
    MoveParticle,
    RemoveParticleSet,
    RenameParticleSet,
    ReplaceParticles,
    SetParticleColumn,
)
from ais.annotation.particle_sets import ColumnRange, ParticleLook, ParticleSet, decode_table, encode_table
from ais.errors import AisError
from ais.formats.coordinates import Coordinates
from ais.formats.registry import write_volume
from ais.formats.star import Block
from ais.project import Project

MANY = 50_000


@pytest.fixture
def project(tmp_path: Path) -> Project:
    for name in ("TS_01", "TS_02"):
        write_volume(tmp_path / f"{name}.mrc", np.zeros((40, 50, 60), np.int8), voxel_sizes=10.0)
    project = Project.create(tmp_path / "work.aisproj")
    for name in ("TS_01", "TS_02"):
        project.apply(AddTomogram(tmp_path / f"{name}.mrc"))
    return project


def some(count: int = 5) -> Coordinates:
    rng = np.random.default_rng(count)
    return Coordinates(
        rng.uniform(0, 40, (count, 3)),
        ["TS_01"] * count,
        rng.uniform(-180, 180, (count, 3)),
        None,
        {"rlnRandomSubset": [str(1 + n % 2) for n in range(count)], "aisParticleWeight": rng.uniform(0, 9, count)},
        [Block("optics", {"rlnOpticsGroup": ["1"]})],
    )


def same(one: Coordinates, other: Coordinates) -> None:
    assert np.array_equal(one.positions, other.positions)
    assert one.tomograms == other.tomograms
    for mine, yours in ((one.angles, other.angles), (one.subtomogram_angles, other.subtomogram_angles)):
        assert (mine is None) == (yours is None)
        assert mine is None or np.array_equal(mine, yours)
    assert list(one.columns) == list(other.columns)
    for label in one.columns:
        assert list(one.columns[label]) == list(other.columns[label])
    assert one.blocks == other.blocks


words = st.text(st.characters(blacklist_characters="\0"), max_size=8)
numbers = st.floats(-1e6, 1e6)


@st.composite
def tables(draw: st.DrawFn) -> Coordinates:
    count = draw(st.integers(0, 6))

    def three() -> np.ndarray:
        return np.array(draw(st.lists(numbers, min_size=3 * count, max_size=3 * count))).reshape(-1, 3)

    labels = draw(st.lists(words, max_size=3, unique=True))
    kinds = [draw(st.sampled_from([words, st.integers(-(2**62), 2**62), numbers])) for _ in labels]
    columns = {
        label: draw(st.lists(kind, min_size=count, max_size=count)) for label, kind in zip(labels, kinds, strict=True)
    }
    return Coordinates(
        three(),
        [draw(words)] * count,
        three() if draw(st.booleans()) else None,
        three() if draw(st.booleans()) else None,
        columns,
        [Block(draw(words), {"a": [draw(words)]}, draw(st.booleans()))] if draw(st.booleans()) else [],
    )


@given(tables())
@settings(max_examples=60, deadline=None)
def test_a_table_comes_back_as_it_was(table: Coordinates) -> None:
    same(decode_table(encode_table(table)), table)


def test_a_set_is_added_and_read_with_all_columns(project: Project) -> None:
    look = ParticleLook((0.1, 0.2, 0.3), 120.0, ranges=(ColumnRange("aisParticleWeight", 1.0, None),))
    added = project.apply(AddParticleSet(1, "ribosome", some(), {"file": "/data/a.star"}, look))
    (found,) = project.particle_sets(1)
    assert (found.id, found.name, found.count, found.total) == (added.id, "ribosome", 5, 5)
    assert (found.look, found.origin) == (look, {"file": "/data/a.star"})
    same(project.particles(found), some())
    assert [one.name for one in project.pick_sets(1)] == ["ribosome"]  # the table is not listed
    assert project.particle_sets(2) == []
    assert project.recent_history(1)[0].text == "Add 5 particles ribosome to TS_01"


def test_names_within_a_tomogram_differ(project: Project) -> None:
    names = [project.apply(AddParticleSet(1, "Ribosome", some())).name for _ in range(3)]
    assert names == ["Ribosome", "Ribosome 2", "Ribosome 3"]
    assert project.apply(AddParticleSet(1, "Ribosome 2", some())).name == "Ribosome 4"
    assert project.apply(AddParticleSet(2, "ribosome", some())).name == "ribosome"
    first = project.particle_sets(1)[0]
    assert project.apply(RenameParticleSet(first.id, "ribosome")).name == "ribosome"
    with pytest.raises(AisError, match="needs a name"):
        project.apply(RenameParticleSet(first.id, "  "))


def edited(project: Project, number: int) -> None:
    """One of every edit."""
    project.apply(DeleteParticles(number, [3, 1]))
    project.apply(MoveParticle(number, 2, (1.0, 2.0, 3.5)))
    project.apply(ChangeParticleLook(number, ParticleLook(radius=77.0, colour_by="aisParticleWeight"), everywhere=True))
    project.apply(SetParticleColumn(number, "aisDistance", np.arange(5.0)))
    project.apply(RenameParticleSet(number, "other"))
    copy = project.apply(DuplicateParticleSet(number))
    project.apply(MergeParticleSets([copy.id, number]))
    project.apply(ReplaceParticles(copy.id, some(7), {"volume": "a.mrc"}))
    project.apply(RemoveParticleSet(copy.id))


def test_every_edit_is_undone_and_made_again_also_after_a_restart(project: Project) -> None:
    number = project.apply(AddParticleSet(1, "ribosome", some())).id
    project.apply(AddParticleSet(2, "ribosome", some()))
    before = len(project.history())
    digests = [project.content_digest()]
    edited(project, number)
    path, count = project.path, len(project.history()) - before
    assert count == 9
    after = project.content_digest()
    project.close()
    with Project.open(path) as again:
        for _ in range(count):
            again.undo()
        assert again.content_digest() == digests[0]
        same(again.particles(again.particle_set(number)), some())
        for _ in range(count):
            again.redo()
        assert again.content_digest() == after
        assert again.particle_sets(1) == []


def test_what_each_edit_does(project: Project) -> None:
    number = project.apply(AddParticleSet(1, "ribosome", some())).id
    other = project.apply(AddParticleSet(2, "ribosome", some())).id
    table = some()

    left = project.apply(DeleteParticles(number, [3, 1, 3]))
    assert (left.count, left.removed.tolist()) == (3, [False, True, False, True, False])
    same(project.particles(left), table.select([0, 2, 4]))
    project.apply(MoveParticle(number, 2, (1.0, 2.0, 3.5)))
    assert project.particles(project.particle_set(number)).positions[1].tolist() == [1.0, 2.0, 3.5]
    assert project.recent_history(1)[0].region.z == 4

    project.apply(ChangeParticleLook(number, ParticleLook(radius=77.0), everywhere=True))
    assert project.particle_set(other).look.radius == 77.0

    project.apply(SetParticleColumn(number, "aisDistance", np.arange(5.0)))
    assert project.particles(project.particle_set(number)).numbers("aisDistance").tolist() == [0.0, 2.0, 4.0]
    copy = project.apply(DuplicateParticleSet(number))
    assert (copy.name, copy.count, copy.total) == ("ribosome 2", 3, 3)
    part = project.apply(DuplicateParticleSet(number, [4, 3]))  # 3 is deleted
    assert (part.name, part.count) == ("ribosome 3", 1)
    same(project.particles(part), project.particles(copy).select([2]))
    project.apply(RemoveParticleSet(part.id))
    with pytest.raises(AisError, match="nothing to copy"):
        project.apply(DuplicateParticleSet(number, [3]))
    joined = project.apply(MergeParticleSets([copy.id, number]))
    assert (joined.id, joined.count) == (copy.id, 6)
    assert [one.id for one in project.particle_sets(1)] == [copy.id]


@pytest.mark.parametrize(
    ("operation", "sentence"),
    [
        (lambda n: DeleteParticles(n, [5]), "no particle number 5"),
        (lambda n: DeleteParticles(n, [-1]), "no particle number -1"),
        (lambda n: DeleteParticles(n + 9, [0]), "no set of particles"),
        (lambda n: MoveParticle(n, 0, (float("nan"), 0, 0)), "cannot lie"),
        (lambda n: ChangeParticleLook(n, ParticleLook(radius=0)), "more than 0"),
        (lambda n: ChangeParticleLook(n, ParticleLook(colour_map="jet")), "no colour map jet"),
        (lambda n: SetParticleColumn(n, "two words", [1] * 5), "no blanks"),
        (lambda n: SetParticleColumn(n, "a", [1]), "1 values for 5"),
        (lambda n: MergeParticleSets([n, n]), "two or more"),
        (lambda _: AddParticleSet(1, "far", Coordinates(np.full((1, 3), 1e9))), "too far away"),
        (lambda _: AddParticleSet(1, "zero", Coordinates(np.zeros((1, 3)), columns={"a": ["\0"]})), "be stored"),
        (lambda _: AddParticleSet(9, "nowhere", some()), "no tomogram"),
    ],
)
def test_what_makes_no_sense_is_refused_and_changes_nothing(project: Project, operation, sentence: str) -> None:
    number = project.apply(AddParticleSet(1, "ribosome", some())).id
    digest = project.content_digest()
    with pytest.raises(AisError, match=sentence):
        project.apply(operation(number))
    assert project.content_digest() == digest


@pytest.mark.parametrize("part", ["table", "set", "removed", "total"])
def test_damaged_records_give_a_sentence(project: Project, part: str) -> None:
    added = project.apply(AddParticleSet(1, "ribosome", some()))
    project.apply(DeleteParticles(added.id, [0]))
    change = {
        "table": ("json_set(data, '$.table', substr(json_extract(data, '$.table'), 9))", added.table),
        "set": ("json_set(data, '$.look.colour', 3)", added.id),
        "removed": ("json_set(data, '$.removed', 'AAAA')", added.id),
        "total": ("json_set(data, '$.total', 6)", added.id),
    }[part]
    connection = project._database.connection
    connection.execute(f"UPDATE pick_sets SET data = {change[0]} WHERE id = ?", change[1:])
    with pytest.raises(AisError, match="damaged|changed"):
        project.particles(project.particle_sets(1)[0])


def test_a_tomogram_goes_with_its_particles(project: Project) -> None:
    project.apply(AddParticleSet(1, "ribosome", some()))
    project.apply(RemoveTomogram(1))
    assert project.all_particle_sets() == []
    assert project._rows("SELECT COUNT(*) FROM pick_sets")[0][0] == 0
    project.undo()
    same(project.particles(project.particle_sets(1)[0]), some())


def many() -> Coordinates:
    rng = np.random.default_rng(1)
    columns = {f"rlnColumn{n}": [f"{v:.6f}" for v in rng.uniform(0, 1000, MANY)] for n in range(10)}
    return Coordinates(
        rng.uniform(0, 1000, (MANY, 3)), ["TS_01"] * MANY, rng.uniform(-180, 180, (MANY, 3)), None, columns
    )


def test_fifty_thousand_particles_are_edited_in_small_steps(project: Project) -> None:
    table = many()
    added: ParticleSet = project.apply(AddParticleSet(1, "ribosome", table))
    size = project._rows("SELECT SUM(LENGTH(before) + LENGTH(after)) FROM history_changes")
    took = []
    for number in range(0, 1000, 100):
        began = time.perf_counter()
        project.apply(DeleteParticles(added.id, [number]))
        took.append(time.perf_counter() - began)
    assert np.median(took) < 0.5
    written = project._rows("SELECT SUM(LENGTH(before) + LENGTH(after)) FROM history_changes")[0][0] - (size[0][0] or 0)
    assert written < 10 * 40_000  # bytes
    project.apply(DeleteParticles(added.id, range(0, MANY, 2)))
    assert project.particle_set(added.id).count == MANY // 2
    path = project.path
    project.close()
    with Project.open(path) as again:
        same(again.particles(again.particle_set(added.id)), table.select(np.arange(1, MANY, 2)))
        again.undo()
        assert again.particle_set(added.id).count == MANY - 10
