"""Training: samples, losses, repeatability, stopping, and resuming."""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from ais.errors import AisError, Cancelled
from ais.models import Model, ModelInfo, architecture, build, load_model, read_model_info, read_preview, save_model
from ais.progress import Progress
from ais.training import EpochReport, train
from ais.training.augmentation import augment, rotate_and_scale, vary_blur
from ais.training.checkpoint import checkpoint_path
from ais.training.losses import loss_function
from ais.training.sampling import epoch_batches, rarest_features, split
from ais.training.scores import Counts, count_pixels
from ais.training.settings import learning_rate_at
from ais.trainset import SampleRecord, TrainingSet

SMALL = {"first_filters": 4}
QUICK: dict[str, Any] = {"options": SMALL, "epochs": 3, "batch_size": 8, "copies": 2}


def spots(count: int = 16, *, depth: int = 1, side: int = 16, radius: float = 3.0, negatives: int = 4) -> TrainingSet:
    """Bright discs in noise; the last few samples show none."""
    rng = np.random.default_rng(0)
    grid = np.arange(side)
    centre = rng.uniform(4, side - 5, size=(count, 2, 1, 1))
    inside = (grid[:, None] - centre[:, 0]) ** 2 + (grid - centre[:, 1]) ** 2 <= radius**2
    inside[count - negatives :] = False
    images = rng.normal(size=(count, depth, side, side)) + 2.5 * inside[:, None]
    records = [
        SampleRecord(f"{number:016x}", "TS_001", "", "spot", 5, 8, 8, side, side, number >= count - negatives)
        for number in range(count)
    ]
    return TrainingSet(images.astype(np.float32), inside.astype(np.uint8), records, ["spot"], 10.0, "spots")


class StopAfter(Progress):
    """Asks to stop after some steps."""

    def __init__(self, steps: int) -> None:
        self.left = steps

    def report(self, done: float, total: float, text: str = "") -> None:
        assert 0 < done <= total
        assert text.startswith("epoch ")
        self.left -= 1
        if self.left == 0:
            raise Cancelled


def weights_of(path: Path) -> list[NDArray[np.float32]]:
    return load_model(path).network.get_weights()  # type: ignore[no-any-return]


def same(a: Sequence[NDArray[Any]], b: Sequence[NDArray[Any]]) -> bool:
    return all(np.array_equal(x, y) for x, y in zip(a, b, strict=True))


# Losses


def test_losses_against_numpy_without_the_ignored_pixels() -> None:
    rng = np.random.default_rng(1)
    logits = rng.normal(size=(2, 8, 8, 1)).astype(np.float32) * 3
    labels = rng.integers(0, 3, size=logits.shape).astype(np.float32)
    kept = labels != 2
    truth, p = labels[kept], 1 / (1 + np.exp(-logits[kept].astype(float)))
    bce = -(truth * np.log(p) + (1 - truth) * np.log(1 - p)).mean()
    dice = 1 - (2 * (truth * p).sum() + 1) / (truth.sum() + p.sum() + 1)
    assert float(loss_function("bce")(labels, logits)) == pytest.approx(bce, rel=1e-5)
    assert float(loss_function("dice")(labels, logits)) == pytest.approx(dice, rel=1e-5)
    assert float(loss_function("bce-dice")(labels, logits)) == pytest.approx(0.3 * bce + 0.7 * dice, rel=1e-5)
    found = p > 0.5
    expected = [(found & (truth == 1)).sum(), (found & (truth == 0)).sum(), (~found & (truth == 1)).sum()]
    assert np.asarray(count_pixels(labels, logits)).tolist() == [expected]


@pytest.mark.parametrize("name", ["bce", "dice", "bce-dice"])
def test_losses_stay_finite_at_the_ends(name: str) -> None:
    logits = np.array([-1e4, 1e4, 0], np.float32).reshape(1, 1, 3, 1)
    for labels in ([0, 1, 1], [1, 0, 2], [2, 2, 2]):
        assert np.isfinite(loss_function(name)(np.array(labels, np.float32).reshape(logits.shape), logits))


def test_scores_of_nothing() -> None:
    assert (Counts(0, 0, 0).dice, Counts(0, 0, 0).precision, Counts(0, 0, 0).recall) == (1, 1, 1)
    assert (Counts(3, 1, 2).dice, Counts(3, 1, 2).precision, Counts(3, 1, 2).recall) == (6 / 9, 0.75, 0.6)


# Samples


@given(
    st.integers(1, 30),
    st.integers(0, 40),
    st.integers(1, 5),
    st.sampled_from([None, 0.0, 0.5, 1.3]),
    st.integers(1, 20),
)
@settings(max_examples=80, deadline=None)
def test_batches_show_what_was_asked(n: int, m: int, copies: int, ratio: float | None, size: int) -> None:
    order = epoch_batches(
        [np.arange(n)], np.arange(n, n + m), copies=copies, ratio=ratio, batch_size=size, rng=np.random.default_rng(0)
    )
    shown_negatives = 0 if m == 0 else m * copies if ratio is None else round(ratio * n * copies)
    assert order.shape[1] == min(size, n * copies + shown_negatives)
    assert 0 <= order.size - n * copies - shown_negatives < order.shape[1] or (order < n).sum() > n * copies
    if order.shape[1] > 1:
        assert (order < n).any(axis=1).all()
    assert set(range(n)) <= set(order.ravel().tolist())
    times = np.bincount(order.ravel(), minlength=n + m)
    assert times[:n].min() >= copies
    if ratio is None and m:
        assert times[n:].min() >= copies


@given(st.integers(2, 40), st.integers(0, 40), st.floats(0.05, 0.9), st.integers(0, 5))
@settings(max_examples=60, deadline=None)
def test_validation_takes_its_share_of_both_kinds(n: int, m: int, share: float, seed: int) -> None:
    positive = np.arange(n + m) < n
    ids = [str(number) for number in range(n + m)]
    kinds = rarest_features(positive[:, None])
    shown, held = split(ids, kinds, share, seed)
    assert sorted([*shown, *held]) == list(range(n + m))
    assert positive[shown].sum() >= 1
    assert positive[held].sum() == min(max(round(share * n), 1), n - 1)
    assert np.array_equal(split(ids, kinds, share, seed)[1], held)


def test_a_sample_pooled_twice_is_not_on_both_sides() -> None:
    ids = [str(number) for number in range(20)] * 2
    shown, held = split(ids, np.zeros(40, int), 0.5, 0)
    assert not {ids[i] for i in shown} & {ids[i] for i in held}


# Variations


def test_basic_variations_are_the_eight_symmetries() -> None:
    image = np.random.default_rng(0).normal(size=(1, 5, 5, 1)).astype(np.float32)
    label = (image[..., 0] > 0).astype(np.uint8)
    images, labels = augment(image.repeat(200, 0), label.repeat(200, 0), "basic", np.random.default_rng(1))
    assert np.array_equal(images[..., 0] > 0, labels == 1)
    plane = image[0, :, :, 0]
    expected = {np.rot90(p, k).tobytes() for p in (plane, plane[:, ::-1]) for k in range(4)}
    assert {sample[..., 0].tobytes() for sample in images} == expected
    deep = np.random.default_rng(0).normal(size=(1, 5, 5, 3)).astype(np.float32).repeat(300, 0)
    varied, _ = augment(deep, label.repeat(300, 0), "basic", np.random.default_rng(1))
    assert len({sample.tobytes() for sample in varied}) == 16


def test_strong_variations_keep_image_and_label_together() -> None:
    samples = spots(64, side=32, radius=5, depth=3)
    clean = samples.labels[:, :, :, None].astype(np.float32).repeat(3, axis=3)
    images, labels = rotate_and_scale(clean, samples.labels, np.random.default_rng(0))
    certain = labels != 2
    assert (np.abs(images[..., 1] - (labels == 1))[certain] <= 0.51).mean() > 0.999
    assert not np.array_equal(labels, samples.labels)
    everything, labels = augment(np.moveaxis(samples.images, 1, 3), samples.labels, "strong", np.random.default_rng(0))
    assert np.isfinite(everything).all()
    assert everything.dtype == np.float32
    assert everything.shape == (64, 32, 32, 3)
    assert everything[..., 1][labels == 1].mean() > everything[..., 1][labels == 0].mean() + 1


def test_rotation_against_scipy() -> None:
    from scipy import ndimage

    image = ndimage.gaussian_filter(np.random.default_rng(0).normal(size=(33, 33)), 2).astype(np.float32)
    seed = next(s for s in range(50) if np.random.default_rng(s).random(1)[0] < 0.5)
    rng = np.random.default_rng(seed)
    turned, labels = rotate_and_scale(image[None, :, :, None], np.ones((1, 33, 33), np.uint8), rng)
    rng = np.random.default_rng(seed)
    rng.random(1)
    angle, scale = rng.uniform(-np.pi, np.pi, 1)[0], rng.uniform(0.9, 1.1, 1)[0]
    matrix = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]]) / scale
    expected = ndimage.affine_transform(image, matrix, offset=16 - matrix @ [16, 16], order=1, mode="mirror")
    np.testing.assert_allclose(turned[0, :, :, 0], expected, atol=1e-5)
    assert set(np.unique(labels)) == {1, 2}


def test_blur_keeps_the_mean_and_smooths() -> None:
    images = np.random.default_rng(0).normal(size=(100, 32, 32, 1)).astype(np.float32)
    blurred = vary_blur(images, np.random.default_rng(1))
    changed = np.abs(blurred - images).max(axis=(1, 2, 3)) > 1e-3
    assert 0.1 < changed.mean() < 0.5
    assert (blurred.std(axis=(1, 2, 3))[changed] < images.std(axis=(1, 2, 3))[changed]).all()
    np.testing.assert_allclose(blurred.mean(), images.mean(), atol=5e-3)


# Training


def test_learning_rate_rises_stays_and_falls() -> None:
    rates = [learning_rate_at(step, 1000, 1e-3) for step in range(1000)]
    assert rates[0] == pytest.approx(1e-3 / 50)
    assert rates[50:600] == [pytest.approx(1e-3)] * 550
    assert all(a > b for a, b in itertools.pairwise(rates[600:]))
    assert 0 < rates[-1] < 3e-5
    assert learning_rate_at(0, 1, 1e-3) > 0


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> tuple[Any, list[EpochReport]]:
    reports: list[EpochReport] = []
    output = tmp_path_factory.mktemp("model") / "spöt.aism"
    result = train(
        [spots(40)],
        output,
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


def test_same_seed_gives_the_same_weights(tmp_path: Path) -> None:
    paths = [tmp_path / f"{number}.aism" for number in range(3)]
    for path, seed in zip(paths, (1, 1, 2), strict=True):
        train([spots()], path, **QUICK, seed=seed, augment="strong")
    assert same(weights_of(paths[0]), weights_of(paths[1]))
    assert not same(weights_of(paths[0]), weights_of(paths[2]))


def test_a_killed_run_goes_on_and_ends_the_same(tmp_path: Path) -> None:
    class Killed(BaseException):
        pass

    def kill(report: EpochReport) -> None:
        if report.epoch == 2:
            raise Killed

    straight, broken = tmp_path / "straight.aism", tmp_path / "broken.aism"
    train([spots()], straight, **QUICK, validation=0.25)
    with pytest.raises(Killed):
        train([spots()], broken, **QUICK, validation=0.25, on_epoch=kill)
    assert not broken.exists()
    assert checkpoint_path(broken).is_file()
    seen: list[EpochReport] = []
    result = train([spots()], broken, **QUICK, validation=0.25, on_epoch=seen.append)
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


def test_a_rare_feature_is_not_given_up(tmp_path: Path) -> None:
    # Discs of 0.5 % of the pixels; an output that is zero everywhere would be 99.5 % right.
    samples = spots(24, side=48, radius=1.8, negatives=8)
    assert (samples.labels == 1).mean() < 0.006
    samples.images[:] += 2 * samples.labels[:, None]
    result = train([samples], tmp_path / "m.aism", options=SMALL, epochs=8, batch_size=8, copies=6, learning_rate=3e-3)
    assert result.recall > 0.3
    assert result.dice > 0.4


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
    result = train([spots(side=18, depth=3)], tmp_path / "m.aism", architecture="vggnet-m", **{**QUICK, "epochs": 1})
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
