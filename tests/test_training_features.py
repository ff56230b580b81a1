"""One network for several features: what is learnt, reported, kept, and refused."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from training_samples import QUICK, SMALL, bright_and_dark, spots

from ais.cli.main import run
from ais.errors import AisError
from ais.models import load_model, read_model_info, read_preview
from ais.segmentation import Segmenter
from ais.tomogram import Tomogram
from ais.training import TrainingResult, train


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> TrainingResult:
    """A network of two features, of which the second is shown by a quarter of the samples."""
    output = tmp_path_factory.mktemp("model") / "discs.aism"
    return train(
        [bright_and_dark(40, rare=10)],
        output,
        architecture="unet-s",
        options={"first_filters": 8},
        epochs=8,
        batch_size=8,
        copies=6,
        learning_rate=3e-3,
        validation=0.2,
    )


def test_both_features_are_learnt(trained: TrainingResult) -> None:
    assert trained.dice_by_feature.keys() == {"bright", "dark"}
    assert min(trained.dice_by_feature.values()) > 0.75
    assert trained.dice == pytest.approx(np.mean(list(trained.dice_by_feature.values())))
    assert "bright 0." in trained.history[-1].text()


def test_each_feature_is_a_negative_of_the_other(trained: TrainingResult) -> None:
    # New pictures, seen with the written model alone.
    samples = bright_and_dark(60, rare=30)
    network = load_model(trained.path).network
    found = np.asarray(network(np.moveaxis(samples.images, 1, 3)))
    assert found.shape == (60, 16, 16, 3)
    np.testing.assert_allclose(found.sum(axis=3), 1, atol=1e-5)
    for output, label, other in ((1, 1, 3), (2, 3, 1)):
        right = found[..., output] > 0.5
        assert right[samples.labels == label].mean() > 0.7
        assert right[samples.labels == other].mean() < 0.02


def test_the_record_names_the_features(trained: TrainingResult) -> None:
    info = read_model_info(trained.path)
    assert info.feature == "bright+dark"
    assert info.features == ("bright", "dark")
    assert info.training["results"]["dice_by_feature"] == trained.dice_by_feature
    preview = read_preview(trained.path)
    assert preview is not None
    assert preview.startswith(b"\x89PNG")


def test_the_preview_shows_each_feature_in_its_own_colour(trained: TrainingResult) -> None:
    import io

    from PIL import Image

    preview = read_preview(trained.path)
    assert preview is not None
    picture = np.asarray(Image.open(io.BytesIO(preview))).astype(int)
    below = picture[len(picture) // 2 :]
    colourful = below[np.ptp(below, axis=2) > 60]
    assert {int(pixel.argmax()) for pixel in colourful} == {0, 1}, "green, and the red opposite to it"


def test_a_tomogram_is_segmented_into_both(trained: TrainingResult, tmp_path: Path) -> None:
    from ais.formats.registry import write_volume

    rng = np.random.default_rng(5)
    volume = rng.normal(size=(2, 64, 64)).astype(np.float32)
    y, x = np.indices((64, 64))
    discs = [(y - 20) ** 2 + (x - 20) ** 2 <= 9, (y - 40) ** 2 + (x - 45) ** 2 <= 9]
    volume += 3 * discs[0] - 3 * discs[1]
    write_volume(tmp_path / "t.mrc", volume, voxel_sizes=10.0)
    with Tomogram.open(tmp_path / "t.mrc") as tomogram:
        found = Segmenter(load_model(trained.path)).predict_slices(tomogram, 0, 2)
    assert found.shape == (2, 2, 64, 64)
    for number in (0, 1):
        assert found[number][:, discs[number]].mean() > 0.6
        assert found[number][:, discs[1 - number]].mean() < 0.1


def test_going_on_needs_the_same_features(trained: TrainingResult, tmp_path: Path) -> None:
    quick: dict[str, Any] = {**QUICK, "options": None, "epochs": 1, "continue_from": trained.path}
    result = train([bright_and_dark(40, rare=10)], tmp_path / "m.aism", **quick, learning_rate=1e-6)
    assert result.dice > 0.75
    others = dataclasses.replace(bright_and_dark(), features=["dark", "bright"])
    for samples in (spots(), others):
        with pytest.raises(AisError, match="finds bright, dark"):
            train([samples], tmp_path / "n.aism", **quick)
    one = train([spots()], tmp_path / "one.aism", **{**quick, "options": SMALL, "continue_from": None})
    with pytest.raises(AisError, match="finds spot and"):
        train([bright_and_dark()], tmp_path / "n.aism", **{**quick, "continue_from": one.path})


def test_as_typed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    bright_and_dark().write(tmp_path / "discs.scnt")
    words = ["train", str(tmp_path / "discs.scnt"), "-o", str(tmp_path / "m.aism"), "--epochs", "1", "--copies", "1"]
    assert run([*words, "--option", "first_filters=4", "--negatives", "1", "--json"]) == 0
    figures = json.loads(capsys.readouterr().out)
    assert figures["dice_by_feature"].keys() == {"bright", "dark"}
    assert figures["dice"] == pytest.approx(np.mean(list(figures["dice_by_feature"].values())))
    assert 0 <= figures["waiting_share"] <= 1
    assert 0 <= figures["history"][0]["waiting"] <= 1
    assert read_model_info(tmp_path / "m.aism").features == ("bright", "dark")


@pytest.mark.parametrize(
    ("changes", "word"),
    [
        ({"labels": np.where(bright_and_dark().labels == 3, 0, bright_and_dark().labels)}, "shows dark nowhere"),
        ({"labels": np.where(bright_and_dark().labels == 3, 4, bright_and_dark().labels)}, "label 4"),
    ],
)
def test_unfit_sets_are_explained(changes: dict[str, Any], word: str, tmp_path: Path) -> None:
    with pytest.raises(AisError, match=word):
        train([dataclasses.replace(bright_and_dark(), **changes)], tmp_path / "m.aism", **QUICK)


def test_a_network_that_slides_along_z_finds_one_feature(tmp_path: Path) -> None:
    deep = bright_and_dark()
    deep = dataclasses.replace(deep, images=deep.images.repeat(17, axis=1))
    with pytest.raises(AisError, match="finds one feature"):
        train([deep], tmp_path / "m.aism", **{**QUICK, "architecture": "unet-3d"})


def test_a_feature_in_one_sample_cannot_be_validated(tmp_path: Path) -> None:
    with pytest.raises(AisError, match="two positive samples of each feature"):
        train([bright_and_dark(rare=1)], tmp_path / "m.aism", **QUICK, validation=0.2)
