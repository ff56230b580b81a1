"""Training sets planned in the window: counts against what is then made, problems in sentences, files and records."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from windowless import settled, until

from ais.annotation import AddFeature, AutoPlaceBoxes, BackgroundBoxes, PaintStroke, SetVoxelSize, Together
from ais.formats.registry import write_volume
from ais.gui.editor import Editor
from ais.gui.project_files import give_name
from ais.gui.training_set_plan import Role, TrainingSetPlan, count_samples
from ais.gui.training_sets import TrainingSets
from ais.project import Project
from ais.trainset import TrainingSet, extract
from ais.trainset.recorded import recorded_sets

SHAPE = (5, 90, 110)
BOX = 24


def nothing() -> None:
    """What wakes no window."""


@pytest.fixture
def editor(tmp_path: Path) -> Iterator[Editor]:
    """Two tomograms of different voxel size, two features painted with boxes, and one without anything."""
    rng = np.random.default_rng(0)
    for name, size in (("first", 10.0), ("second", 14.0)):
        write_volume(tmp_path / f"{name}.mrc", rng.normal(0, 1, SHAPE).astype("f4"), voxel_sizes=size)
    made = Editor(tmp_path / "settings", nothing)
    made.new_project(tmp_path / "work.aisproj")
    until(made, lambda: made.document)
    made.open_paths([tmp_path / "first.mrc", tmp_path / "second.mrc"])
    until(made, lambda: len(made.snapshot.tomograms) == 2)
    for name in ("membrane", "ribosome", "carbon"):
        made.submit(AddFeature(name, box_size=BOX))
    until(made, lambda: len(made.snapshot.features) == 3)
    first, second = (entry.id for entry in made.snapshot.tomograms)
    membrane, ribosome, _ = (feature.id for feature in made.snapshot.features)
    for tomogram, feature, z, y in ((first, membrane, 1, 40), (second, membrane, 2, 60), (first, ribosome, 3, 20)):
        made.submit(PaintStroke(tomogram, feature, z, [(y, 20), (y, 80)], 5.0))
        made.submit(AutoPlaceBoxes(tomogram, feature, 9))
        made.submit(BackgroundBoxes(tomogram, feature, 4))
    settled(made)
    yield made
    made.close()


def feature(editor: Editor, name: str) -> int:
    return next(one.id for one in editor.snapshot.features if one.name == name)


def problems(plan: TrainingSetPlan, editor: Editor) -> str:
    return " ".join(problem.text for problem in count_samples(plan, editor.snapshot).problems)


def plan_of(editor: Editor, **roles: Role) -> TrainingSetPlan:
    return TrainingSetPlan(roles={feature(editor, name): role for name, role in roles.items()}, box_size=BOX)


def project(editor: Editor) -> Project:
    assert editor.document is not None
    return editor.document.project


def test_counts_are_those_of_the_set_that_is_made(editor: Editor) -> None:
    plan = plan_of(editor, membrane=Role.POSITIVE, ribosome=Role.NEGATIVE)
    plan.background = 5
    counts = count_samples(plan, editor.snapshot)
    assert counts.can_be_made, counts.problems
    (one,) = counts.sets
    made = extract(project(editor), ["membrane"], ["ribosome"], box_size=BOX, background=5)
    assert one.samples == len(made.images)
    assert one.positive_boxes == sum(not r.negative for r in made.records)
    assert one.negative_boxes == sum(r.negative for r in made.records)
    assert one.voxel_size == made.voxel_size == 10.0
    assert one.resampled == ("second",)
    assert one.slices == 2
    assert len(one.tomograms) == 2


def test_one_tomogram_alone_and_features_together_or_apart(editor: Editor) -> None:
    first, second = (entry.id for entry in editor.snapshot.tomograms)
    plan = plan_of(editor, membrane=Role.POSITIVE, ribosome=Role.POSITIVE)
    apart = count_samples(plan, editor.snapshot)
    assert [one.title for one in apart.sets] == ["membrane", "ribosome"]
    plan.together = True
    (together,) = count_samples(plan, editor.snapshot).sets
    assert together.title == "membrane and ribosome"
    assert together.samples == sum(one.samples for one in apart.sets)
    plan.left_out = {second}
    (one,) = count_samples(plan, editor.snapshot).sets
    made = extract(project(editor), ["membrane", "ribosome"], box_size=BOX, tomograms=[first])
    assert one.samples == len(made.images)
    assert {record.tomogram for record in made.records} == {"first"}
    assert one.resampled == ()


def test_what_is_wrong_is_said_in_sentences(editor: Editor) -> None:
    assert "Mark a feature" in problems(TrainingSetPlan(), editor)
    assert "no boxes of carbon" in problems(plan_of(editor, carbon=Role.POSITIVE), editor)
    assert "negative feature carbon" in problems(plan_of(editor, membrane=Role.POSITIVE, carbon=Role.NEGATIVE), editor)
    plan = plan_of(editor, membrane=Role.POSITIVE)
    plan.box_size = 100
    assert "A box of 100 pixels is larger than first, which has 110 x 90" in problems(plan, editor)
    plan.box_size, plan.depth = BOX, 2
    assert "odd" in problems(plan, editor)
    plan.depth = 7
    assert "fewer than the depth of 7" in problems(plan, editor)
    assert count_samples(plan, editor.snapshot).can_be_made
    plan.depth, plan.left_out = 1, {entry.id for entry in editor.snapshot.tomograms}
    assert "at least one tomogram" in problems(plan, editor)
    plan.left_out = {editor.snapshot.tomograms[1].id}
    assert "There are 9 boxes of membrane: a network learns little" in problems(plan, editor)


def test_boxes_without_annotation_and_a_missing_file(editor: Editor) -> None:
    first, carbon = editor.snapshot.tomograms[0].id, feature(editor, "carbon")
    editor.submit(BackgroundBoxes(first, carbon, 4))
    settled(editor)
    sentences = problems(plan_of(editor, carbon=Role.POSITIVE), editor)
    assert "Nothing is painted as carbon" in sentences
    assert "All boxes of carbon are negative" in sentences
    entries = tuple(replace(entry, missing=True) for entry in editor.snapshot.tomograms)
    counts = count_samples(plan_of(editor, membrane=Role.POSITIVE), replace(editor.snapshot, tomograms=entries))
    assert "first.mrc is missing: relink the tomogram first" in counts.problems[0].text
    assert not counts.can_be_made


def test_counting_hundreds_of_tomograms_is_quick(editor: Editor) -> None:
    entry, marks = editor.snapshot.tomograms[0], editor.snapshot.marks
    many = range(1000, 1400)
    snapshot = replace(
        editor.snapshot,
        tomograms=tuple(replace(entry, id=number) for number in many),
        marks=dict.fromkeys(many, marks[entry.id]),
        box_counts=dict.fromkeys(many, editor.snapshot.box_counts[entry.id]),
    )
    plan = plan_of(editor, membrane=Role.POSITIVE, ribosome=Role.POSITIVE)
    began = time.thread_time()
    (membrane, _) = count_samples(plan, snapshot).sets
    assert time.thread_time() - began < 0.25
    assert membrane.positive_boxes == 9 * 400


def test_what_is_annotated_is_learnt_and_gets_boxes_where_it_has_none(editor: Editor) -> None:
    sets = TrainingSets(editor)
    sets.follow()
    sets.suggest()
    membrane, ribosome, carbon = editor.snapshot.features
    assert sets.plan.roles == {membrane.id: Role.POSITIVE, ribosome.id: Role.POSITIVE}
    assert sets.plan.box_size == BOX
    sets.mark(ribosome, Role.NOT_USED)
    second = editor.snapshot.tomograms[1].id
    editor.submit(PaintStroke(second, carbon.id, 1, [(20, 20), (20, 80)], 5.0))
    settled(editor)
    sets.suggest()
    assert sets.plan.role(ribosome.id) is Role.NOT_USED, "what the user has said stays"
    assert sets.plan.role(carbon.id) is Role.POSITIVE
    assert sets.without_boxes() == [(second, carbon)]
    before = len(editor.snapshot.history)
    sets.place_boxes()
    settled(editor)
    assert len(editor.snapshot.history) == before + 1, "one step of undo"
    total = sets.total(carbon)
    assert (total.slices, total.tomograms) == (1, (second,))
    assert 0 < total.positive_boxes <= 50
    assert 0 < total.negative_boxes <= 50
    assert sets.without_boxes() == []
    assert sets.counts().can_be_made, sets.counts().problems


def test_a_problem_says_which_part_of_the_plan_it_is_about(editor: Editor) -> None:
    plan = plan_of(editor, membrane=Role.POSITIVE)
    plan.box_size, plan.depth, plan.left_out = 100, 7, set()
    about = {problem.about for problem in count_samples(plan, editor.snapshot).problems}
    assert about >= {"box size", "depth"}
    plan.left_out = {entry.id for entry in editor.snapshot.tomograms}
    assert [problem.about for problem in count_samples(plan, editor.snapshot).problems] == ["tomograms"]


def test_pictures_are_the_samples(editor: Editor) -> None:
    sets = TrainingSets(editor)
    sets.follow()
    sets.plan = plan_of(editor, membrane=Role.POSITIVE)
    until(editor, lambda: sets.show_pictures() or sets.previews)
    (preview,) = sets.previews
    made = extract(project(editor), ["membrane"], box_size=BOX)
    assert (preview.n_samples, preview.n_positive) == (len(made.images), made.n_positive)
    assert [record.id for record in preview.records] == [record.id for record in made.records]
    np.testing.assert_array_equal(preview.labels, made.labels)
    expected = np.rint(((made.images[:, 0] + 3) * (255 / 6)).clip(0, 255))
    np.testing.assert_allclose(preview.images, expected, atol=1)
    sets.show_pictures()
    assert not sets.previewing
    assert sets.seconds_to_frame is None


def test_values_that_are_not_numbers_are_said_before_anything_is_made(editor: Editor, tmp_path: Path) -> None:
    values = np.zeros(SHAPE, "f4")
    values[1] = np.nan
    write_volume(tmp_path / "first.mrc", values, voxel_sizes=10.0)
    sets = TrainingSets(editor)
    sets.follow()
    sets.plan = plan_of(editor, membrane=Role.POSITIVE)
    until(editor, lambda: sets.show_pictures() or sets.preview_problem)
    assert "not finite numbers" in sets.preview_problem
    assert not sets.previews


def test_sets_are_written_beside_the_project_and_remembered(editor: Editor, tmp_path: Path) -> None:
    sets = TrainingSets(editor)
    sets.follow()
    sets.plan = plan_of(editor, membrane=Role.POSITIVE, ribosome=Role.POSITIVE)
    sets.plan.name = "cells"
    assert sets.write()
    assert not sets.write(), "one after the other"
    until(editor, lambda: sets.follow() or len(sets.sets) == 2)
    names = [sets.path_of(one) for one in sets.sets]
    assert names == [tmp_path / "training sets" / f"cells {name}.scnt" for name in ("membrane", "ribosome")]
    made = TrainingSet.read(names[0])
    assert (len(made.images), made.n_positive) == (sets.sets[0].n_samples, sets.sets[0].n_positive)
    assert made.hash == extract(project(editor), ["membrane"], box_size=BOX).hash
    assert editor.snapshot.undo_text == "Make training set cells membrane, cells ribosome"
    settled(editor)
    assert sets.write()
    until(editor, lambda: sets.follow() or len(sets.sets) == 4)
    assert Path(sets.sets[-1].file).name == "cells ribosome 2.scnt"
    sets.forget(sets.sets[0])
    until(editor, lambda: sets.follow() or len(sets.sets) == 3)
    assert names[0].exists()
    editor.undo()
    until(editor, lambda: sets.follow() or len(sets.sets) == 4)
    assert [one.file for one in recorded_sets(project(editor))] == [one.file for one in sets.sets]


def test_sets_of_a_project_without_a_name_are_found_when_it_has_one(editor: Editor, tmp_path: Path) -> None:
    tomogram = editor.snapshot.tomograms[0].path
    editor.new_project()
    until(editor, lambda: editor.document and not editor.snapshot.tomograms and editor.snapshot.revision)
    editor.open_paths([tomogram])
    editor.submit(AddFeature("membrane", box_size=BOX))
    until(editor, lambda: editor.snapshot.tomograms and editor.snapshot.features)
    number, painted = editor.snapshot.tomograms[0].id, feature(editor, "membrane")
    editor.submit(PaintStroke(number, painted, 1, [(40, 20), (40, 80)], 5.0))
    editor.submit(AutoPlaceBoxes(number, painted, 9))
    settled(editor)
    sets = editor.modelling.training_sets
    sets.suggest()
    assert sets.write()
    until(editor, lambda: sets.sets)
    before = project(editor).path
    give_name(editor, tmp_path / "elsewhere" / "named.aisproj")
    until(editor, lambda: project(editor).path != before and sets.sets)
    settled(editor)
    assert sets.path_of(sets.sets[0]).is_file()


def test_what_cannot_be_made_leaves_nothing(editor: Editor, tmp_path: Path) -> None:
    second = editor.snapshot.tomograms[1]
    ribosome = feature(editor, "ribosome")
    stroke = PaintStroke(second.id, ribosome, 1, [(50, 20), (50, 80)], 4.0)
    editor.submit(Together("Annotate", [stroke, AutoPlaceBoxes(second.id, ribosome, 5)]))
    settled(editor)
    sets = TrainingSets(editor)
    sets.follow()
    sets.plan = plan_of(editor, membrane=Role.POSITIVE, ribosome=Role.POSITIVE)
    sets.plan.left_out = set()
    values = np.random.default_rng(1).normal(0, 1, SHAPE).astype("f4")
    values[1, 50, 50] = np.inf
    write_volume(second.path, values, voxel_sizes=14.0)
    assert sets.write()
    settled(editor)
    assert "not finite" in editor.notices.said[-1].text
    assert not list((tmp_path / "training sets").glob("*")) if (tmp_path / "training sets").exists() else True
    sets.follow()
    settled(editor)
    assert sets.sets == ()


def test_cancelling_leaves_nothing(editor: Editor, tmp_path: Path) -> None:
    sets = TrainingSets(editor)
    sets.follow()
    sets.plan = plan_of(editor, membrane=Role.POSITIVE)
    assert sets.write()
    sets.cancel()
    settled(editor)
    assert sets.writing is None
    assert not (tmp_path / "training sets").exists()


def test_the_plan_follows_the_project(editor: Editor) -> None:
    sets = TrainingSets(editor)
    sets.follow()
    plan = sets.plan = plan_of(editor, membrane=Role.POSITIVE)
    before = sets.counts()
    assert sets.counts() is before
    editor.submit(SetVoxelSize(editor.snapshot.tomograms[1].id, 10.0))
    settled(editor)
    assert sets.counts().sets[0].resampled == ()
    editor.close_project()
    sets.follow()
    assert sets.plan is not plan
    assert not sets.write()
