"""Training runs: what is learnt, repeatability, stopping, resuming, and what is said about unfit sets."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from training_samples import QUICK, SMALL, Killed, StopAfter, same, spots, weights_of

from ais.errors import AisError, Cancelled
from ais.models import (
    ARCHITECTURES,
    Model,
    ModelInfo,
    architecture,
    build,
    load_model,
    read_model_info,
    read_preview,
    save_model,
)
from ais.training import EpochReport, train
from ais.training.checkpoint import checkpoint_path
from ais.training.losses import LOSSES, loss_function
from ais.training.run import TrainingRun
from ais.training.sampling import rarest_features, split
from ais.training.scores import Counts
from ais.trainset import TrainingSet


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> tuple[Any, list[EpochReport]]:
    reports: list[EpochReport] = []
    output = tmp_path_factory.mktemp("model") / "spöt.aism"
    result = train(
        [spots(40)],
        output,
        architecture="unet-s",
        precision="float32",
        options={"first_filters": 8},
        epochs=8,
        batch_size=8,
        copies=6,
        learning_rate=3e-3,
        validation=0.2,
        preprocessing="none",
        colour=(1.0, 0.5, 0.0),
        on_epoch=reports.append,
    )
    return result, reports


def test_a_feature_is_learnt(trained: tuple[Any, list[EpochReport]]) -> None:
    result, reports = trained
    assert result.dice > 0.85
    assert result.val_loss < reports[0].val_loss
    assert result.val_loss == min(report.val_loss for report in reports)
    assert len(result.history) == len(reports) == 8
    assert result.history == tuple(reports)
    assert result.stopped == ""
    assert result.samples_per_second > 0


def test_reported_scores_are_those_of_the_kept_weights(trained: tuple[Any, list[EpochReport]]) -> None:
    result, _ = trained
    samples = spots(40)
    positive = samples.labels.any(axis=(1, 2))
    _, held = split([record.id for record in samples.records], rarest_features(positive[:, None]), 0.2, 0)
    found = np.asarray(load_model(result.path).network(np.moveaxis(samples.images, 1, 3)[held]))[..., 0] > 0.5
    truth = samples.labels[held] == 1
    assert result.dice == pytest.approx(2 * (found & truth).sum() / (found.sum() + truth.sum()), abs=1e-6)
    assert result.precision == pytest.approx((found & truth).sum() / found.sum(), abs=1e-6)
    assert result.recall == pytest.approx((found & truth).sum() / truth.sum(), abs=1e-6)


def test_model_file_tells_how_it_was_made(trained: tuple[Any, list[EpochReport]]) -> None:
    result, _ = trained
    info = read_model_info(result.path)
    assert (info.feature, info.voxel_size, info.box_size, info.depth) == ("spot", 10.0, 16, 1)
    assert (info.colour, info.preprocessing, info.normalization) == ((1.0, 0.5, 0.0), "none", "global_mad")
    record = info.training
    assert record["set_hash"] == spots(40).hash
    assert (record["samples"], record["positive_samples"], record["validation_samples"]) == (40, 36, 8)
    assert record["results"]["val_loss"] == result.val_loss
    assert len(record["history"]) == 8
    assert {"ais", "keras", "tensorflow", "python"} <= set(record["versions"])
    preview = read_preview(result.path)
    assert preview is not None
    assert preview.startswith(b"\x89PNG")
    assert [entry.name for entry in result.path.parent.iterdir()] == [result.path.name]


@pytest.mark.parametrize(("precision", "seeds"), [("float32", (1, 1, 2)), ("mixed", (1, 1))])
def test_same_seed_gives_the_same_weights(precision: str, seeds: tuple[int, ...], tmp_path: Path) -> None:
    weights = []
    for number, seed in enumerate(seeds):
        path = tmp_path / f"{number}.aism"
        train([spots()], path, **{**QUICK, "epochs": 1}, seed=seed, augment="strong", precision=precision)
        weights.append(weights_of(path))
    assert same(weights[0], weights[1])
    assert not any(same(weights[0], others) for others in weights[2:])


@pytest.mark.parametrize(
    "more",
    [
        {"validation": 0.25, "precision": "mixed", "averaging": 0.9, "weight_decay": 1e-3, "clip": 1.0},
        {"architecture": "unet-dropout"},
    ],
)
def test_a_killed_run_goes_on_and_ends_the_same(more: dict[str, Any], tmp_path: Path) -> None:
    settings = {**QUICK, "copies": 1, **more}

    def kill(report: EpochReport) -> None:
        if report.epoch == 2:
            raise Killed

    straight, broken = tmp_path / "straight.aism", tmp_path / "broken.aism"
    train([spots()], straight, **settings)
    with pytest.raises(Killed):
        train([spots()], broken, **settings, on_epoch=kill)
    assert not broken.exists()
    assert checkpoint_path(broken).is_file()
    seen: list[EpochReport] = []
    result = train([spots()], broken, **settings, on_epoch=seen.append)
    assert [report.epoch for report in seen] == [3]
    assert len(result.history) == 3
    assert same(weights_of(straight), weights_of(broken))
    assert not checkpoint_path(broken).exists()


@pytest.mark.parametrize("damage", ["other settings", "noise", "empty"])
def test_an_unfit_checkpoint_is_not_used(damage: str, tmp_path: Path) -> None:
    output = tmp_path / "model.aism"

    def kill(report: EpochReport) -> None:
        raise RuntimeError("killed")

    with pytest.raises(RuntimeError):
        train([spots()], output, **QUICK, seed=7 if damage == "other settings" else 0, on_epoch=kill)
    if damage != "other settings":
        checkpoint_path(output).write_bytes(b"" if damage == "empty" else np.random.default_rng(0).bytes(3000))
    seen: list[EpochReport] = []
    train([spots()], output, **QUICK, on_epoch=seen.append)
    assert [report.epoch for report in seen] == [1, 2, 3]


def test_stopping_keeps_the_best_so_far(tmp_path: Path) -> None:
    output = tmp_path / "model.aism"
    steps = -(-16 * 2 // 8)
    result = train([spots()], output, **QUICK, progress=StopAfter(steps + 2))
    assert len(result.history) == 1
    assert "Stopped after 1 of 3" in result.stopped
    assert load_model(output).info.training["kept_epoch"] == 1
    assert not checkpoint_path(output).exists()


def test_stopping_in_the_first_epoch_writes_nothing(tmp_path: Path) -> None:
    with pytest.raises(Cancelled):
        train([spots()], tmp_path / "model.aism", **QUICK, progress=StopAfter(1))
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("loss", LOSSES)
def test_a_rare_feature_is_not_given_up(loss: str, tmp_path: Path) -> None:
    # The published settings, and discs of 0.4 % of the pixels: an output that is zero everywhere would be right in
    # 99.6 % of them.
    samples = spots(20, side=64, radius=2.6, negatives=6)
    assert (samples.labels == 1).mean() < 0.004
    published: dict[str, Any] = {"batch_size": 32, "copies": 10, "negatives": 1.3, "learning_rate": 1e-3}
    small: dict[str, Any] = {"architecture": "unet-s", "options": {"first_filters": 8}}
    result = train([samples], tmp_path / "m.aism", **small, epochs=4, loss=loss, **published)
    assert result.recall > 0.3
    assert result.dice > 0.4


def test_every_default_loss_is_among_those_tested() -> None:
    assert {entry.default_loss for entry in ARCHITECTURES} <= set(LOSSES)


def test_training_comes_to_its_end_when_validation_does_not_improve(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from ais.training.learner import Learner

    # Validation losses as they come when a network begins to learn its samples by heart.
    losses = iter([0.5, 0.4, 0.6, 0.7, 0.35, 0.8])
    measured: list[list[NDArray[np.float32]]] = []

    def validate(run: TrainingRun, _: object) -> tuple[float, list[Counts]]:
        measured.append(run.learner.weights())
        return next(losses), [Counts(1, 1, 1)]

    rates: list[float] = []
    gone_back: list[bool] = []
    learn = Learner.learn

    def watched(learner: Learner, images: Any, labels: Any, rate: float) -> None:
        if len(measured) == 4 and not gone_back:
            gone_back.append(same(learner.weights(), measured[1]))
        rates.append(rate)
        learn(learner, images, labels, rate)

    monkeypatch.setattr(TrainingRun, "_validate", validate)
    monkeypatch.setattr(Learner, "learn", watched)
    settings = {**QUICK, "epochs": 20, "negatives": 0.0, "copies": 3}
    result = train([spots()], tmp_path / "m.aism", **settings, validation=0.25, patience=2)
    steps = len(rates) // 6
    assert gone_back == [True], "it goes on from the best weights"
    assert len(result.history) == 6
    assert [report.epochs for report in result.history] == [20, 20, 20, 20, 6, 6]
    assert "6 of 20" in result.stopped
    assert "validation loss" in result.stopped
    assert rates[4 * steps - 1] == pytest.approx(1e-3)
    assert rates[-1] < 0.3e-3
    assert same(weights_of(result.path), measured[4])
    assert load_model(result.path).info.training["kept_epoch"] == 5


def test_too_little_memory_halves_the_batch(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    import tensorflow as tf

    from ais.training.learner import Learner

    learn, sizes = Learner.learn, []

    def small_memory(learner: Learner, images: Any, labels: Any, rate: float) -> None:
        sizes.append(len(images))
        if len(images) > 3 and len(sizes) > 6:
            raise tf.errors.ResourceExhaustedError(None, None, "out of memory")
        learn(learner, images, labels, rate)

    monkeypatch.setattr(Learner, "learn", small_memory)
    output = tmp_path / "m.aism"
    with caplog.at_level("WARNING"):
        result = train([spots()], output, **QUICK)
    assert sizes[:7] == [8] * 7, "four steps of the first epoch, then the second runs out of memory"
    assert sizes[7] == 4
    assert set(sizes[8:]) == {2}
    assert [report.batch_size for report in result.history] == [8, 2, 2]
    assert result.notes == ("Memory ran out: from epoch 2 on a step had 2 samples.",)
    assert read_model_info(output).training["notes"] == list(result.notes)
    assert "4 samples in a step" in caplog.text
    assert "2 samples in a step" in caplog.text

    def no_memory(learner: Learner, images: Any, labels: Any, rate: float) -> None:
        learn(learner, images, labels, rate)
        raise MemoryError

    monkeypatch.setattr(Learner, "learn", no_memory)
    with pytest.raises(AisError, match="not enough memory to train UNet S on one sample at a time"):
        train([spots()], tmp_path / "n.aism", **QUICK)
    assert not (tmp_path / "n.aism").exists()


def test_an_epoch_that_ran_out_of_memory_leaves_no_trace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from ais.training.learner import Learner

    small, halved = tmp_path / "small.aism", tmp_path / "halved.aism"
    train([spots()], small, **{**QUICK, "batch_size": 4, "epochs": 1})
    learn, seen = Learner.learn, []

    def memory_for_four(learner: Learner, images: Any, labels: Any, rate: float) -> None:
        seen.append(len(images))
        learn(learner, images, labels, rate)
        if len(seen) == 3:
            raise MemoryError

    monkeypatch.setattr(Learner, "learn", memory_for_four)
    train([spots()], halved, **{**QUICK, "epochs": 1})
    assert seen[:4] == [8, 8, 8, 4]
    assert same(weights_of(small), weights_of(halved))


def test_averaged_weights_are_validated_and_kept(tmp_path: Path) -> None:
    samples = spots(24)
    _, held = split(
        [record.id for record in samples.records], rarest_features(samples.labels.any(axis=(1, 2))[:, None]), 0.25, 0
    )

    def scored(model: Model) -> None:
        found = np.asarray(model.network(np.moveaxis(samples.images, 1, 3)[held]))[..., 0] > 0.5
        truth = samples.labels[held] == 1
        dice.append(2 * (found & truth).sum() / (found.sum() + truth.sum()))

    dice: list[float] = []
    settings: dict[str, Any] = {**QUICK, "precision": "float32", "validation": 0.25, "learning_rate": 3e-3}
    result = train([samples], tmp_path / "a.aism", **settings, averaging=0.9, on_model=scored)
    assert dice == [pytest.approx(report.dice, abs=1e-6) for report in result.history]
    plain = train([samples], tmp_path / "b.aism", **settings)
    assert plain.history[0].loss == result.history[0].loss, "the average has no part in learning"
    assert plain.history[-1].val_loss != result.history[-1].val_loss


def test_divergence_keeps_what_was_good(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from keras import ops

    from ais.training import learner, run

    batches = []

    def counted(images: Any, labels: Any, kind: str, rng: np.random.Generator) -> Any:
        batches.append(kind)
        return images, np.full_like(labels, 7) if len(batches) > good_batches else labels

    def faulty(name: str) -> Any:
        real = loss_function(name)
        return lambda labels, logits: real(labels, logits) + ops.where(ops.any(labels == 7), np.nan, 0.0)

    monkeypatch.setattr(run, "augment", counted)
    monkeypatch.setattr(learner, "loss_function", faulty)
    good_batches = 5
    output = tmp_path / "model.aism"
    result = train([spots()], output, **QUICK)
    assert "no longer a number in epoch 2" in result.stopped
    assert len(result.history) == 1
    assert all(np.isfinite(values).all() for values in weights_of(output))
    batches.clear()
    good_batches = 0
    with pytest.raises(AisError, match="lower --learning-rate"):
        train([spots()], tmp_path / "other.aism", **QUICK)
    assert not (tmp_path / "other.aism").exists()


def test_boxes_that_do_not_fit_the_stride(tmp_path: Path) -> None:
    result = train([spots(side=18, depth=3)], tmp_path / "m.aism", **{**QUICK, "epochs": 1, "architecture": "vggnet-m"})
    info = read_model_info(result.path)
    assert (info.architecture, info.box_size, info.depth) == ("vggnet-m", 18, 3)


def test_sets_are_read_from_files_and_pooled(tmp_path: Path) -> None:
    first, second = spots(16), spots(24)
    first.write(tmp_path / "first.scnt")
    result = train([tmp_path / "first.scnt", second], tmp_path / "m.aism", **{**QUICK, "epochs": 1}, name="vesicle")
    info = read_model_info(result.path)
    assert info.feature == "vesicle"
    assert info.training["samples"] > 24


def test_sets_normalised_box_by_box_make_models_that_normalise_by_slice(tmp_path: Path) -> None:
    result = train([changed(normalization="box")], tmp_path / "m.aism", **{**QUICK, "epochs": 1})
    assert read_model_info(result.path).normalization == "slice"


def test_going_on_from_a_model(tmp_path: Path, trained: tuple[Any, list[EpochReport]]) -> None:
    base = trained[0].path
    quick = {**QUICK, "options": None, "epochs": 1}
    result = train([spots()], tmp_path / "m.aism", **quick, continue_from=base, learning_rate=1e-6)
    assert result.dice > 0.8
    assert read_model_info(result.path).training["continued_from"] == load_model(base).hash
    assert read_model_info(result.path).arguments == {"first_filters": 8}
    for changes, word in (
        ({"architecture": "vggnet-m"}, "architecture"),
        ({"options": {"first_filters": 16}}, "option"),
    ):
        with pytest.raises(AisError, match=word):
            train([spots()], tmp_path / "n.aism", **{**quick, **changes}, continue_from=base)
    with pytest.raises(AisError, match="depth"):
        train([spots(depth=3)], tmp_path / "n.aism", **quick, continue_from=base)


def test_mixed_precision_learns_and_keeps_float32_weights(tmp_path: Path) -> None:
    result = train([spots()], tmp_path / "m.aism", **QUICK, precision="mixed")
    assert all(values.dtype == np.float32 for values in weights_of(result.path))
    assert read_model_info(result.path).training["dtype"] == "mixed_bfloat16"
    assert result.history[-1].loss < result.history[0].loss


def changed(**changes: Any) -> TrainingSet:
    return dataclasses.replace(spots(), **changes)


@pytest.mark.parametrize(
    ("sets", "word"),
    [
        ([], "at least one"),
        ([changed(labels=np.zeros((16, 16, 16), np.uint8))], "no positive"),
        ([changed(labels=np.full((16, 16, 16), 3, np.uint8))], "label 3"),
        ([changed(features=["spot", "line"])], "shows line nowhere"),
        ([changed(images=np.full((16, 1, 16, 16), np.nan, np.float32))], "not finite"),
        ([changed(images=np.zeros((0, 1, 16, 16), np.float32), labels=np.zeros((0, 16, 16), np.uint8))], "no samples"),
        ([spots(), changed(voxel_size=12.0)], "voxel size"),
        ([spots(), spots(depth=3)], "depth"),
        ([spots(), spots(side=20)], "box size"),
    ],
)
def test_unfit_sets_are_explained(sets: list[Any], word: str, tmp_path: Path) -> None:
    with pytest.raises(AisError, match=word):
        train(sets, tmp_path / "model.aism", **QUICK)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("changes", "word"),
    [
        ({"patience": -1}, "--patience"),
        ({"patience": 3}, "--validation"),
        ({"averaging": 1.0}, "averaging"),
        ({"weight_decay": -1.0}, "weight decay"),
        ({"clip": float("nan")}, "clip"),
        ({"epochs": 0}, "--epochs"),
        ({"batch_size": 0}, "--batch-size"),
        ({"copies": -1}, "--copies"),
        ({"seed": -1}, "--seed"),
        ({"negatives": -1.0}, "--negatives"),
        ({"negatives": float("nan")}, "--negatives"),
        ({"learning_rate": 0.0}, "--learning-rate"),
        ({"validation": 1.0}, "validation"),
        ({"augment": "wild"}, "augmentation"),
        ({"loss": "focal"}, "loss"),
        ({"precision": "half"}, "precision"),
        ({"device": "tpu"}, "device"),
        ({"architecture": "unet-xxl"}, "unet-s"),
        ({"options": {"filters": 1}}, "first_filters"),
    ],
)
def test_wrong_settings_are_explained(changes: dict[str, Any], word: str, tmp_path: Path) -> None:
    with pytest.raises(AisError, match=word):
        train([spots()], tmp_path / "model.aism", **{**QUICK, **changes})
    assert list(tmp_path.iterdir()) == []


def test_validation_needs_two_positives(tmp_path: Path) -> None:
    one = spots(4, negatives=3)
    with pytest.raises(AisError, match="two positive"):
        train([one], tmp_path / "model.aism", **QUICK, validation=0.5)


def test_the_same_network_as_before_saving(tmp_path: Path) -> None:
    # The written weights are the best ones and not the last: an absurd rate after a good start.
    info = ModelInfo("unet-s", architecture("unet-s").arguments(SMALL), "spot", 10.0, 16, 1)
    base = tmp_path / "base.aism"
    save_model(base, Model(build("unet-s", 1, SMALL), info))
    result = train([spots()], tmp_path / "m.aism", **QUICK, continue_from=base, learning_rate=0.5, validation=0.25)
    best = min(report.val_loss for report in result.history if report.val_loss is not None)
    assert result.val_loss == best


@pytest.mark.soak
def test_membranes_of_a_simulated_cell(test_data: Path, tmp_path: Path) -> None:
    # The published program's UNet S reached a Dice of 0.64 on the slices between, from the same boxes and epochs.
    import mrcfile

    from ais.segmentation import Segmenter
    from ais.tomogram import Tomogram

    boxes = test_data / "ais1" / "64x64x1_10.00Apx_Membrane.scnt"
    result = train([boxes], tmp_path / "m.aism", epochs=10, copies=8)
    truth = mrcfile.read(test_data / "cell_sim" / "labels.mrc") == 1
    annotated = {record.z for record in TrainingSet.read(boxes).records}
    with Tomogram.open(test_data / "cell_sim" / "tomogram.mrc") as tomogram:
        found = Segmenter(load_model(result.path)).predict_slices(tomogram, 12, 116) > 0.5
    others = [z for z in range(12, 116) if z not in annotated]
    found, truth = found[np.array(others) - 12], truth[others]
    assert 2 * (found & truth).sum() / (found.sum() + truth.sum()) > 0.64
