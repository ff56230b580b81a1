"""Classic models in the editor without its window: wished, shown, saved, changed, given up."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from windowless import nothing, rest, settled, until

from ais.annotation import AddFeature
from ais.classic import make_classic_model
from ais.formats.registry import write_volume
from ais.gui.classic_models import ClassicDraft, ClassicModels
from ais.gui.commands import command
from ais.gui.curation import Curation
from ais.gui.editor import Editor
from ais.gui.model_facts import facts
from ais.gui.project_models import DRAFT, ProjectModel
from ais.models import read_model_info


@pytest.fixture
def editor(tmp_path: Path) -> Iterator[Editor]:
    path = tmp_path / "TS_1.mrc"
    write_volume(path, np.random.default_rng(0).normal(size=(4, 40, 50)).astype(np.float32), voxel_sizes=10.0)
    made = Editor(tmp_path / "settings", nothing)
    made.open_paths([path])
    until(made, lambda: made.shown)
    made.submit(AddFeature("membrane", colour=(0.1, 0.2, 0.9)), lambda feature: made.select_feature(feature.id))
    settled(made)
    yield made
    made.close()


def follow(editor: Editor) -> ClassicModels:
    """One frame of what has to do with models."""
    modelling = editor.modelling
    modelling.models.follow(editor.snapshot)
    modelling.classic.follow()
    return modelling.classic


def draft_of(editor: Editor) -> ClassicDraft:
    found = follow(editor).draft
    assert found is not None
    return found


def saved(editor: Editor, count: int) -> list[ProjectModel]:
    """Save what is wished and wait for the project to use it."""
    classic, models = editor.modelling.classic, editor.modelling.models
    classic.save()
    assert classic.draft is None
    until(
        editor, lambda: (follow(editor), not classic.saving and not models.reading)[1] and len(models.models) == count
    )
    rest(editor)
    follow(editor)
    return list(models.models)


def test_a_new_one_is_shown_before_it_is_in_the_project(editor: Editor) -> None:
    follow(editor)
    command("model.new_classic").run(editor)
    draft, models = draft_of(editor), editor.modelling.models
    assert (draft.number, draft.feature) == (DRAFT, "membrane")
    (shown,) = models.segmenting
    assert shown is models.model(DRAFT)
    assert shown.colours == ((0.1, 0.2, 0.9),)
    assert shown.info is not None
    assert shown.info.architecture == "classic-sheet"
    assert models.models == models.active == ()
    first = shown.file.hash if shown.file is not None else ""
    draft.choose("width", 80.0)
    follow(editor)
    (shown,) = models.segmenting
    assert shown.file is not None
    assert shown.file.hash != first
    # Each method remembers what was chosen for it.
    draft.method = "classic-spot"
    assert draft.chosen["diameter"] == 250.0
    draft.method = "classic-sheet"
    assert draft.chosen["width"] == 80.0
    draft.feature = "  "
    assert draft.problem() == "Type what it finds."
    editor.modelling.classic.save()
    assert editor.modelling.classic.draft is draft
    editor.modelling.classic.close()
    assert models.segmenting == ()


def test_options_that_contradict_each_other_are_said(editor: Editor) -> None:
    editor.modelling.classic.begin()
    draft, models = draft_of(editor), editor.modelling.models
    draft.method = "classic-hysteresis"
    follow(editor)
    before = models.segmenting
    draft.choose("low", 5.0)
    follow(editor)
    assert draft.problem() == "Option low of hysteresis must not be above high."
    assert models.segmenting == before  # what was wished last that makes sense


def test_saved_changed_and_undone(editor: Editor) -> None:
    editor.modelling.classic.begin()
    draft = draft_of(editor)
    draft.name, draft.colour = "thin: sheets?", (1.0, 0.0, 0.0)
    (model,) = saved(editor, 1)
    assert model.name == "thin: sheets?"
    assert model.entry.path.name == "thin- sheets-.aism"
    assert model.colours == ((1.0, 0.0, 0.0),)
    assert editor.modelling.selected == model.id
    assert dict(facts(read_model_info(model.entry.path)))["Method"] == "Sheets"
    assert command("model.change_classic").enabled(editor)
    command("model.change_classic").run(editor)
    draft = draft_of(editor)
    assert draft.number == model.id
    editor.modelling.classic.save()  # nothing was changed
    assert editor.modelling.classic.draft is None
    command("model.change_classic").run(editor)
    draft = draft_of(editor)
    draft.choose("width", 90.0)
    follow(editor)
    assert [one.id for one in editor.modelling.models.segmenting] == [model.id]
    (changed,) = saved(editor, 1)
    assert changed.id == model.id
    assert changed.info is not None
    assert changed.info.arguments["width"] == 90.0
    command("edit.undo").run(editor)
    rest(editor)
    follow(editor)
    until(editor, lambda: (follow(editor), editor.modelling.models.models[0].info)[1])
    (before,) = editor.modelling.models.models
    assert before.info is not None
    assert before.info.arguments["width"] == 60.0
    # Removed meanwhile, nothing is left to be changed.
    command("model.change_classic").run(editor)
    draft_of(editor)
    editor.modelling.models.remove(before.id)
    rest(editor)
    assert follow(editor).draft is None


def test_what_was_judged_trains_a_fresh_network(editor: Editor, tmp_path: Path) -> None:
    make_classic_model(tmp_path / "m.aism", "spot", "membrane")
    editor.modelling.models.add([tmp_path / "m.aism"])
    settled(editor)
    until(editor, lambda: (follow(editor), editor.modelling.models.models)[1] and not editor.modelling.models.reading)
    follow(editor)
    (model,) = editor.modelling.models.models
    assert Curation(editor)._settings(model)["architecture"] == "fastnet"
