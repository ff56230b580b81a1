"""What curation asks for: model, feature and tomograms that fit, and the training that goes on from a model."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from small_project import make_model
from windowless import nothing, settled, until

from ais.annotation import AddFeature, PaintStroke, PlaceBoxes
from ais.formats.registry import write_volume
from ais.gui.curation import Curation, next_name
from ais.gui.curator import CuratorWish
from ais.gui.editor import Editor
from ais.gui.model_places import ModelChoice
from ais.gui.training import Training, TrainingState
from ais.gui.training_set_plan import Role
from ais.trainset import TrainingSet
from ais.uncertainty import TileRule

SHAPE = (4, 70, 80)
SIZE = 32


@pytest.fixture(scope="module")
def stock(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two tomograms and a model."""
    folder = tmp_path_factory.mktemp("curation")
    for name in ("first", "second"):
        volume = np.random.default_rng(0).normal(0, 1, SHAPE).astype("f4")
        write_volume(folder / f"{name}.mrc", volume, voxel_sizes=10.0)
    make_model(folder, "blob.aism", "blob")
    return folder


@pytest.fixture
def editor(stock: Path, tmp_path: Path) -> Iterator[Editor]:
    made = Editor(tmp_path / "settings", nothing)
    made.open_paths([stock / "first.mrc", stock / "second.mrc"])
    until(made, lambda: made.shown and len(made.snapshot.tomograms) == 2)
    for name in ("other", "Blob"):
        made.submit(AddFeature(name, box_size=SIZE))
    made.modelling.models.add([stock / "blob.aism"])
    until(made, lambda: made.modelling.models.models and not made.modelling.models.reading)
    settled(made)
    yield made
    made.close()


def annotate(editor: Editor, feature: int) -> None:
    """Paint a disc, with boxes over it and away from it."""
    tomogram = editor.snapshot.tomograms[0].id
    editor.submit(PaintStroke(tomogram, feature, 1, [(30.0, 30.0)], 5.0))
    editor.submit(PlaceBoxes(tomogram, feature, [(1, 30, 30), (1, 32, 32)]))
    editor.submit(PlaceBoxes(tomogram, feature, [(2, 40, 50)], negative=True))
    settled(editor)


def retrained(editor: Editor, monkeypatch: pytest.MonkeyPatch) -> tuple[list[Path], dict[str, Any]]:
    """Ask for the training; give its sets and settings, without the compute process."""
    asked: list[tuple[list[Path], dict[str, Any]]] = []

    def add(name: str, sets: list[Path], settings: dict[str, Any]) -> Training:
        asked.append((sets, settings))
        return Training("key", name, tuple(map(str, sets)), settings, Path("made.aism"))

    curation, model = editor.modelling.curation, editor.modelling.models.models[0]
    feature = curation.feature
    assert feature is not None
    choice = ModelChoice(model.entry.path, model.name)
    editor.modelling.curator.wish = CuratorWish(choice, feature.id, (1,), TileRule.RANDOM)
    monkeypatch.setattr(editor.modelling.trainings, "add", add)
    curation.retrain()
    assert curation.problem == ""
    assert curation.preparing
    until(editor, lambda: asked)
    assert not curation.preparing
    return asked[0]


def test_what_fits_is_chosen_until_the_user_chooses(editor: Editor) -> None:
    curation = editor.modelling.curation
    other, blob = editor.snapshot.features
    model = editor.modelling.models.models[0]
    assert curation.model is model
    assert curation.feature == blob, "by the name of what the model finds, whatever is selected"
    assert curation.found == "blob"
    curation.feature_wish = other.id
    assert curation.feature == other
    first, second = editor.snapshot.tomograms
    assert curation.tomograms == [first, second]
    curation.choose_tomograms([second.id])
    assert curation.tomograms == [second]
    editor.close_project()
    settled(editor)
    editor.poll()
    assert curation.model is None
    assert curation.feature is None
    assert curation.left_out == set()
    curation.gather()
    assert curation.problem == "Train or add a model first."


def test_the_training_goes_on_from_the_model_with_its_own_set(
    editor: Editor, stock: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    blob = editor.snapshot.features[1]
    annotate(editor, blob.id)
    sets, settings = retrained(editor, monkeypatch)
    made = TrainingSet.read(sets[0])
    assert len(sets) == 1
    assert (made.box_size, made.depth, made.voxel_size, tuple(made.features)) == (SIZE, 1, 10.0, ("Blob",))
    assert (len(made.images), made.n_positive) == (3, 2)
    assert settings["continue_from"] == str(stock / "blob.aism")
    assert "architecture" not in settings, "it is the model's"
    assert settings["epochs"] == editor.modelling.trainings.plan.epochs
    assert editor.modelling.training_sets.plan.roles == {}, "the user's plan stays as it is"


def test_what_was_planned_and_trained_last_is_done_again(
    editor: Editor, stock: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other, blob = editor.snapshot.features
    annotate(editor, blob.id)
    annotate(editor, other.id)
    plan = editor.modelling.training_sets.plan
    plan.roles.update({blob.id: Role.POSITIVE, other.id: Role.POSITIVE})
    plan.box_size, plan.depth, plan.background, plan.name = 24, 3, 2, "second round"
    known = {"architecture": "unet-s", "options": {"first_filters": 4}, "epochs": 7}
    earlier = Training("earlier", "blob", (), known, stock / "blob.aism", TrainingState.DONE)
    editor.modelling.trainings.trainings.append(earlier)
    sets, settings = retrained(editor, monkeypatch)
    assert [path.stem for path in sets] == ["second round"], "the other feature is not trained along"
    made = TrainingSet.read(sets[0])
    assert (made.box_size, made.depth, len(made.images)) == (24, 1, 5)
    assert settings == {**known, "continue_from": str(stock / "blob.aism")}
    assert plan.depth == 3


def test_models_of_a_row_are_numbered() -> None:
    assert next_name("membrane", {"membrane"}) == "membrane 2"
    assert next_name("membrane 2", {"membrane 2", "membrane 3"}) == "membrane 4"
    assert next_name("9", set()) == "9 2"
    assert next_name("tilt 60 deg", set()) == "tilt 60 deg 2"


def test_what_stops_a_training_set_is_said(editor: Editor) -> None:
    curation, model = editor.modelling.curation, editor.modelling.models.models[0]
    assert curation.feature is not None
    choice = ModelChoice(model.entry.path, model.name)
    curator = editor.modelling.curator
    curator.wish = CuratorWish(choice, curation.feature.id, (1,), TileRule.RANDOM)
    curation.retrain()
    assert "There are no boxes of Blob" in curation.problem
    assert not curation.preparing
    curator.wish = replace(curator.wish, model=replace(choice, path=Path("gone.aism")))
    curation.retrain()
    assert "not in the project any more" in curation.problem


def test_the_next_tiles_are_those_of_the_new_model(editor: Editor, stock: Path) -> None:
    curation: Curation = editor.modelling.curation
    make_copy = stock / "blob 2.aism"
    make_copy.write_bytes((stock / "blob.aism").read_bytes())
    curation.training = Training("key", "blob", (), {}, make_copy)
    curation._awaited = make_copy
    editor.modelling.models.add([make_copy])
    until(editor, lambda: len(editor.modelling.models.models) == 2 and not editor.modelling.models.reading)
    settled(editor)
    assert curation.model is not None
    assert curation.model.name == "blob"
    curation.training.state = TrainingState.DONE
    editor.poll()
    assert curation.model.entry.path == make_copy
    curation.model_wish = editor.modelling.models.models[0].id
    editor.poll()
    assert curation.model.name == "blob", "the user's choice stands"
