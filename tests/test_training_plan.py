"""The next training as the window plans it: which sets, how many networks, what is wrong, how long; boxes placed."""

from __future__ import annotations

import inspect
import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from ais.gui.panels.curves import epochs_shown, ticks
from ais.gui.panels.training_section import in_order
from ais.gui.theme import Rgb
from ais.gui.training import Training, TrainingState
from ais.gui.training_pictures import COLUMNS, sample_sheet
from ais.gui.training_plan import TrainingPlan
from ais.models import ModelInfo
from ais.training import train
from ais.trainset import SampleRecord, SetPreview
from ais.trainset.recorded import RecordedSet


def recorded(name: str, *features: str, samples: int = 40, depth: int = 1, box_size: int = 32) -> RecordedSet:
    return RecordedSet(
        f"training sets/{name}.scnt", features or (name,), samples, samples // 2, box_size, depth, 10.0, ""
    )


MEMBRANE, RIBOSOME = recorded("membrane"), recorded("ribosome")
MORE = recorded("more membrane", "membrane")


def test_the_newest_set_is_trained_on_unless_others_are_chosen() -> None:
    plan = TrainingPlan()
    assert plan.chosen([MEMBRANE, RIBOSOME]) == [RIBOSOME]
    plan.sets = (MEMBRANE.file, "one that is gone")
    assert plan.chosen([MEMBRANE, RIBOSOME]) == [MEMBRANE]


def test_sets_of_the_same_features_train_one_network_and_others_one_each() -> None:
    plan = TrainingPlan(sets=(MEMBRANE.file, RIBOSOME.file, MORE.file))
    groups = plan.groups([MEMBRANE, RIBOSOME, MORE])
    assert groups == [[MEMBRANE, MORE], [RIBOSOME]]
    assert [plan.name_for(group, 2) for group in groups] == ["more membrane", "ribosome"]
    plan.name = "cells"
    assert [plan.name_for(group, 2) for group in groups] == ["cells more membrane", "cells ribosome"]
    assert plan.name_for(groups[0]) == "cells"


def test_settings_are_arguments_of_a_training_and_can_be_kept() -> None:
    known = set(inspect.signature(train).parameters)
    for plan in (
        TrainingPlan(),
        TrainingPlan(negatives=2.0, learning_rate=1e-3, loss="dice", validation=0.0, patience=3),
    ):
        settings = plan.settings()
        assert set(settings) <= known
        assert json.loads(json.dumps(settings)) == settings
    assert settings["patience"] == 0, "there is nothing to be patient for without validation"
    further = TrainingPlan(continue_from=Path("model.aism")).settings()
    assert further["continue_from"] == "model.aism"
    assert "architecture" not in further


@pytest.mark.parametrize(
    ("plan", "sets", "sentence"),
    [
        (TrainingPlan(), [], "Make a training set first."),
        (TrainingPlan(sets=()), [MEMBRANE], "Choose a training set."),
        (TrainingPlan(), [recorded("few", samples=1)], "one sample only"),
        (TrainingPlan(architecture="unet-3d"), [MEMBRANE], "UNet 3D looks at 3 to 17 slices"),
        (TrainingPlan(architecture="unet-3d"), [recorded("two", "a", "b", depth=5)], "finds one feature"),
        (TrainingPlan(sets=("training sets/membrane.scnt", "training sets/deep.scnt")),
         [MEMBRANE, recorded("deep", "membrane", depth=3)], "differ in box size or depth"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_one_sentence(plan: TrainingPlan, sets: Sequence[RecordedSet], sentence: str) -> None:
    problem = plan.problem(sets)
    assert sentence in problem
    assert problem.endswith(".")


def test_a_model_is_trained_further_on_sets_of_its_depth() -> None:
    plan = TrainingPlan(continue_from=Path("model.aism"))
    base = ModelInfo("unet-s", {"first_filters": 4}, "membrane", 10.0, 32, 3)
    assert "sees 3 slices and the training set has 1" in plan.problem([MEMBRANE], base)
    assert plan.problem([recorded("deep", depth=3)], base) == ""
    assert TrainingPlan().problem([MEMBRANE]) == ""
    assert TrainingPlan(architecture="one-of-my-own").problem([MEMBRANE]) == ""


def trained(plan: TrainingPlan, rate: float, state: TrainingState = TrainingState.DONE) -> Training:
    report = {"epoch": 1, "samples_per_second": rate}
    return Training("key", "a", (), plan.settings(), Path("a.aism"), state, [report])


def test_how_long_it_takes_is_known_from_the_last_training_of_that_network() -> None:
    plan = TrainingPlan(epochs=10, copies=5, validation=0.5)
    assert plan.seconds([MEMBRANE], []) is None
    last = [trained(plan, 1.0), trained(plan, 50.0), trained(TrainingPlan(architecture="unet-s"), 3.0)]
    assert plan.seconds([MEMBRANE], last) == pytest.approx(10 * 40 * 0.5 * 5 / 50)
    plan.negatives = 0.0
    assert plan.seconds([MEMBRANE], last) == pytest.approx(10 * 20 * 0.5 * 5 / 50)
    assert plan.seconds([MEMBRANE], [trained(plan, 9.0, TrainingState.FAILED)]) is None


def test_what_runs_is_listed_first_and_then_what_waits() -> None:
    states = (TrainingState.DONE, TrainingState.FAILED, TrainingState.WAITING, TrainingState.WAITING)
    done, failed, first, second = (trained(TrainingPlan(), 1.0, state) for state in states)
    assert in_order([done, failed, first, second]) == [first, second, failed, done]


@pytest.mark.parametrize(
    ("done", "wanted", "shown"),
    [(1, 50, 50), (50, 50, 50), (1, 4000, 50), (300, 4000, 600), (3900, 4000, 4000), (1, 1, 2)],
)
def test_plots_have_room_for_what_is_to_come(done: int, wanted: int, shown: int) -> None:
    assert epochs_shown(done, wanted) == shown
    written = ticks(shown)
    assert 1 <= len(written) <= 7
    assert written[-1] <= shown


def test_pictures_of_samples_show_labels_in_their_colours() -> None:
    rng = np.random.default_rng(0)
    labels = rng.choice(np.array([0, 1, 2, 3], np.uint8), (COLUMNS + 1, 6, 6))
    labels[0] = 1
    images = rng.integers(0, 255, labels.shape).astype(np.uint8)
    record = SampleRecord("0" * 16, "TS_001", "", "a", 5, 8, 8, 6, 6, False)
    preview = SetPreview(20, 10, 10.0, ("a", "b"), images, labels, [record] * len(images))
    colours: dict[str, Rgb] = {"a": (1.0, 0.0, 0.0), "b": (0.0, 0.0, 1.0)}
    for outlined in (False, True):
        sheet = sample_sheet(preview, colours, outlined=outlined)
        assert sheet.picture.shape == (2 * 6, COLUMNS * 6, 4)
        assert (sheet.picture[:6, : COLUMNS * 6, 3] == 255).all()
        top, left = sheet.corner(COLUMNS)
        assert (top, left) == (6, 0)
        tile, label, image = sheet.picture[top : top + 6, left : left + 6, :3], labels[COLUMNS], images[COLUMNS]
        assert (tile[label == 0] == image[label == 0][:, None]).all()
        assert (tile[label == 2] <= image[label == 2][:, None]).all()
        if not outlined:
            assert (tile[label == 1][:, 0] >= tile[label == 1][:, 2]).all()
            assert (tile[label == 3][:, 2] >= tile[label == 3][:, 0]).all()
    inner = sheet.picture[1:5, 1:5, :3]
    assert (inner == images[0, 1:5, 1:5, None]).all(), (
        "only the edge of what fills the picture is drawn, and it has none"
    )
