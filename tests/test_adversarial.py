"""Training against a discriminator: that it helps, stays stable, sees no ignored pixel, and can be resumed."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from training_samples import Killed, bright_and_dark, same, spots, weights_of

from ais.models import build, load_model
from ais.models.unet import UNET_S
from ais.training import EpochReport, train
from ais.training.adversarial import AdversarialLearner
from ais.training.checkpoint import checkpoint_path
from ais.training.learner import Learner
from ais.training.settings import Settings

SETTINGS = Settings(
    architecture="unet-s",
    arguments={"first_filters": 4},
    depth=1,
    epochs=1,
    batch_size=4,
    copies=1,
    negatives=None,
    learning_rate=1e-3,
    validation=0.0,
    patience=0,
    augment="none",
    loss="bce-dice",
    averaging=0.0,
    weight_decay=0.0,
    clip=0.0,
    dtype="float32",
    seed=0,
    continued_from=None,
)


@pytest.fixture
def small_generator(monkeypatch: pytest.MonkeyPatch) -> None:
    """UNet S is trained against a discriminator; a pix2pix of its own needs minutes of a CPU."""
    from ais.training import run

    adversarial = dataclasses.replace(UNET_S, adversarial=True)
    monkeypatch.setattr(run, "architecture", lambda _: adversarial)


@pytest.mark.usefixtures("small_generator")
@pytest.mark.parametrize("seed", [0, 1, 2])
def test_few_samples_are_learnt(seed: int, tmp_path: Path) -> None:
    result = train(
        [spots(8, side=32, radius=5.0, negatives=2)],
        tmp_path / "m.aism",
        architecture="unet-s",
        options={"first_filters": 8},
        epochs=5,
        batch_size=4,
        copies=8,
        learning_rate=3e-3,
        seed=seed,
    )
    losses = [report.loss for report in result.history]
    assert losses[-1] < 0.3 * losses[0]
    assert result.dice > 0.9


@pytest.mark.usefixtures("small_generator")
def test_a_killed_run_goes_on_and_ends_the_same(tmp_path: Path) -> None:
    settings: dict[str, Any] = {
        **{
            "architecture": "unet-s",
            "options": {"first_filters": 4},
            "epochs": 3,
            "batch_size": 4,
            "copies": 2,
            "augment": "strong",
        },
        **{"precision": "mixed", "validation": 0.3},
    }

    def kill(report: EpochReport) -> None:
        if report.epoch == 2:
            raise Killed

    samples = spots(10, side=32, radius=5.0, negatives=2)
    straight, broken = tmp_path / "straight.aism", tmp_path / "broken.aism"
    train([samples], straight, **settings)
    with pytest.raises(Killed):
        train([samples], broken, **settings, on_epoch=kill)
    with np.load(checkpoint_path(broken)) as kept:
        first_layers = [name for name in kept.files if kept[name].shape == (4, 4, 2, 64)]
    assert len(first_layers) == 3, "the discriminator's weights, and two moments of each"
    seen: list[EpochReport] = []
    train([samples], broken, **settings, on_epoch=seen.append)
    assert [report.epoch for report in seen] == [3]
    assert same(weights_of(straight), weights_of(broken))


def learner(kind: type[Learner] = AdversarialLearner, features: int = 1) -> Learner:
    return kind(build("unet-s", 1, {"first_filters": 4}, features=features), SETTINGS, features, 32, 1)


def batch() -> tuple[np.ndarray, np.ndarray]:
    samples = bright_and_dark(4, rare=4, side=32, negatives=0)
    return np.moveaxis(samples.images, 1, 3), samples.labels


@pytest.mark.parametrize("features", [1, 2])
def test_the_discriminator_takes_part_and_learns(features: int) -> None:
    images, labels = batch()
    if features == 1:
        labels = (labels == 1).astype(np.uint8)
    alone, opposed = learner(Learner, features), learner(AdversarialLearner, features)
    assert same(alone.weights(), opposed.weights())
    assert isinstance(opposed, AdversarialLearner)
    before = opposed.discriminator.get_weights()
    for one in (alone, opposed):
        one.begin_epoch()
        one.learn(images, labels, 1e-3)
    assert opposed.loss == pytest.approx(alone.loss), "the loss reported is that of the labels"
    assert not same(alone.weights(), opposed.weights())
    assert not same(before, opposed.discriminator.get_weights())
    for _ in range(25):
        opposed.learn(images, labels, 4e-3)
    truth = np.stack([(labels == value) for value in ((1,) if features == 1 else (0, 1, 3))], axis=-1)
    drawn = np.asarray(opposed.network(images))
    judged = [np.asarray(opposed.discriminator([images, maps.astype(np.float32)])).mean() for maps in (truth, drawn)]
    assert judged[0] > judged[1], "a person's labels are taken for a person's rather than the network's"


def test_the_precision_of_gpus() -> None:
    # float16 needs gradients that are scaled, and is computed by a CPU too.
    images, labels = batch()
    settings = dataclasses.replace(SETTINGS, dtype="mixed_float16", clip=1.0, weight_decay=1e-3)
    network = build("unet-s", 1, {"first_filters": 4}, dtype="mixed_float16")
    one = AdversarialLearner(network, settings, 1, 32, 1)
    losses = []
    for _ in range(10):
        one.begin_epoch()
        one.learn(images, (labels == 1).astype(np.uint8), 3e-3)
        losses.append(one.loss)
    assert losses[-1] < 0.9 * losses[0]
    assert all(np.isfinite(values).all() and values.dtype == np.float32 for values in one.weights())


def test_what_is_ignored_teaches_nothing() -> None:
    images, labels = batch()
    opposed = learner()
    assert isinstance(opposed, AdversarialLearner)
    before = [*opposed.weights(), *(weight.numpy() for weight in opposed.discriminator.trainable_variables)]
    opposed.begin_epoch()
    opposed.learn(images, np.full_like(labels, 2), 1e-3)
    after = [*opposed.weights(), *(weight.numpy() for weight in opposed.discriminator.trainable_variables)]
    assert opposed.loss == 0
    assert same(before, after)


def test_the_discriminator_does_not_see_the_output_where_it_is_ignored() -> None:
    from ais.training.adversarial import _maps, _squares

    _, labels = batch()
    labels[:, :, :20] = 2
    logits = np.random.default_rng(0).normal(size=(4, 32, 32, 3)).astype(np.float32)
    others = logits.copy()
    others[:, :, :20] += 5
    for one, other in zip(_maps(labels[..., None], logits), _maps(labels[..., None], others), strict=True):
        assert np.array_equal(one, other)
    kept = (labels != 2).astype(np.float32)[..., None]
    judged = np.random.default_rng(1).normal(size=(4, 8, 8, 1)).astype(np.float32)
    assert float(_squares(judged, kept)) == pytest.approx((judged[:, :, 5:] ** 2).mean())
    assert float(_squares(judged, np.zeros_like(kept))) == 0


def test_pix2pix_from_samples_to_a_model(tmp_path: Path) -> None:
    result = train(
        [spots(4, side=20, negatives=1)],
        tmp_path / "m.aism",
        architecture="pix2pix",
        options={"first_filters": 4},
        epochs=1,
        copies=1,
        batch_size=4,
    )
    found = np.asarray(load_model(result.path).network(np.zeros((1, 64, 64, 1), np.float32)))
    assert found.shape == (1, 64, 64, 1)
    assert np.isfinite(found).all()
