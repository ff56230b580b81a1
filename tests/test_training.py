"""The parts of a training: losses, counts, samples and their variations, and the course of the learning rate."""

from __future__ import annotations

import itertools
import time

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from training_samples import spots

from ais.training.augmentation import BLUR_MARGIN_PX, augment, rotate_and_scale, shift, vary_blur
from ais.training.batches import Batch, Batches
from ais.training.losses import LOSSES, loss_function
from ais.training.sampling import epoch_batches, rarest_features, split
from ais.training.scores import Counts, count_pixels
from ais.training.settings import course, learning_rate_at

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


def test_losses_of_several_features_against_numpy() -> None:
    rng = np.random.default_rng(2)
    logits = rng.normal(size=(3, 8, 8, 4)).astype(np.float32) * 2
    labels = rng.choice([0, 1, 2, 3], size=(3, 8, 8, 1)).astype(np.uint8)  # the third feature, label 4, is absent
    kept = labels[..., 0] != 2
    e = np.exp(logits[kept].astype(float))
    p = e / e.sum(axis=1, keepdims=True)
    place = np.select([labels[..., 0] == 1, labels[..., 0] == 3], [1, 2], 0)[kept]
    cross_entropy = -np.log(p[np.arange(len(p)), place]).mean()
    truth = place[:, None] == [1, 2, 3]
    dice = 1 - (2 * (truth * p[:, 1:]).sum(0) + 1) / (truth.sum(0) + p[:, 1:].sum(0) + 1)
    assert float(loss_function("bce")(labels, logits)) == pytest.approx(cross_entropy, rel=1e-5)
    assert float(loss_function("dice")(labels, logits)) == pytest.approx(dice[:2].mean(), rel=1e-5)
    found = p[:, 1:] > 0.5
    expected = [(found & truth).sum(0), (found & ~truth).sum(0), (~found & truth).sum(0)]
    assert np.array_equal(np.asarray(count_pixels(labels, logits)), np.transpose(expected))
    nothing = np.zeros_like(labels)
    assert float(loss_function("dice")(nothing, logits)) > 0.9, "what is found in a batch of background is wrong"


@pytest.mark.parametrize("outputs", [1, 3])
@pytest.mark.parametrize("name", LOSSES)
def test_losses_stay_finite_at_the_ends(name: str, outputs: int) -> None:
    logits = np.repeat(np.array([-1e4, 1e4, 0], np.float32).reshape(1, 1, 3, 1), outputs, axis=3)
    logits[..., 1:] *= -1
    for labels in ([0, 1, 1], [1, 0, 2], [2, 2, 2]):
        assert np.isfinite(loss_function(name)(np.array(labels, np.uint8).reshape(1, 1, 3, 1), logits))


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


@given(
    st.lists(st.integers(1, 25), min_size=2, max_size=5),
    st.integers(0, 40),
    st.integers(1, 4),
    st.sampled_from([None, 0.0, 1.3]),
    st.integers(2, 20),
)
def test_every_feature_comes_regularly(
    kinds: list[int], m: int, copies: int, ratio: float | None, batch_size: int
) -> None:
    ends = np.cumsum([0, *kinds])
    groups = [np.arange(a, b) for a, b in itertools.pairwise(ends)]
    negatives = np.arange(ends[-1], ends[-1] + m)
    order = epoch_batches(
        groups, negatives, copies=copies, ratio=ratio, batch_size=batch_size, rng=np.random.default_rng(0)
    )
    times = np.bincount(order.ravel(), minlength=ends[-1] + m)
    assert times[: ends[-1]].min() >= copies
    if ratio is None and m:
        assert times[ends[-1] :].min() >= copies
    size = order.shape[1]
    if size == 1:
        return
    turn = -(-len(kinds) // min(len(kinds), size - 1))  # batches after which every kind has had its turn
    for group in groups:
        has = np.isin(order, group).any(axis=1)
        assert all(has[first : first + turn].any() for first in range(len(order) - turn + 1))
    assert (order < ends[-1]).any(axis=1).all()


def test_a_balanced_epoch_is_not_much_longer() -> None:
    many, few, negatives = np.arange(200), np.arange(200, 204), np.arange(204, 404)
    order = epoch_batches([many, few], negatives, copies=10, ratio=None, batch_size=32, rng=np.random.default_rng(0))
    assert order.size <= 1.05 * 10 * 404
    assert (order < 200).sum() < 1.05 * 2000


def test_each_feature_is_validated() -> None:
    shown = np.zeros((60, 2), bool)
    shown[:40, 0] = True
    shown[35:45, 1] = True  # 5 samples show both
    kinds = rarest_features(shown)
    assert kinds.tolist() == [0] * 35 + [1] * 10 + [-1] * 15
    training, held = split([str(number) for number in range(60)], kinds, 0.2, 3)
    assert np.bincount(kinds[held] + 1).tolist() == [3, 7, 2]
    assert sorted([*training, *held]) == list(range(60))


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


def test_shifts_are_cut_from_the_reflected_sample() -> None:
    rng = np.random.default_rng(0)
    images = rng.normal(size=(40, 32, 32, 3)).astype(np.float32)
    labels = rng.integers(0, 2, (40, 32, 32)).astype(np.uint8)
    moved, moved_labels = shift(images, labels, np.random.default_rng(5))
    seen = set()
    for image, label, new, new_label in zip(images, labels, moved, moved_labels, strict=True):
        around = np.pad(image, ((6, 6), (6, 6), (0, 0)), mode="reflect")
        label_around = np.pad(label, 6, constant_values=2)
        places = [
            (y, x)
            for y in range(13)
            for x in range(13)
            if np.array_equal(around[y : y + 32, x : x + 32], new)
            and np.array_equal(label_around[y : y + 32, x : x + 32], new_label)
        ]
        assert len(places) == 1
        seen.update(places)
    assert len(seen) > 30


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


@pytest.mark.parametrize("side", [32, 33])
def test_rotation_against_scipy(side: int) -> None:
    from scipy import ndimage

    noise = np.random.default_rng(0).normal(size=(12, side, side, 3))
    images = ndimage.gaussian_filter(noise, (0, 2, 2, 0)).astype(np.float32)
    masks = (images[..., 1] > 0).astype(np.uint8)
    turned, labels = rotate_and_scale(images, masks, np.random.default_rng(1))
    rng = np.random.default_rng(1)
    chosen = np.nonzero(rng.random(12) < 0.5)[0]
    angles, scales = rng.uniform(-np.pi, np.pi, len(chosen)), rng.uniform(0.9, 1.1, len(chosen))
    assert 2 < len(chosen) < 10
    for number, angle, scale in zip(chosen, angles, scales, strict=True):
        matrix = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]]) / scale
        offset = (side - 1) / 2 - matrix @ np.full(2, (side - 1) / 2)
        for z in range(3):
            plane = images[number, :, :, z]
            expected = ndimage.affine_transform(plane, matrix, offset=offset, order=1, mode="mirror")
            np.testing.assert_allclose(turned[number, :, :, z], expected, atol=1e-5)
        expected = ndimage.affine_transform(masks[number], matrix, offset=offset, order=0, mode="constant", cval=2)
        inside = expected != 2  # to scipy the outer half of the outermost pixels is outside
        assert (labels[number] == expected)[inside].mean() > 0.995
        assert 0 < (labels[number] == 2).sum() <= (~inside).sum()
    others = np.setdiff1d(np.arange(12), chosen)
    assert np.array_equal(turned[others], images[others])
    assert np.array_equal(labels[others], masks[others])


def test_blur_keeps_the_mean_and_smooths() -> None:
    images = np.random.default_rng(0).normal(size=(100, 32, 32, 1)).astype(np.float32)
    blurred = vary_blur(images, np.random.default_rng(1))
    changed = np.abs(blurred - images).max(axis=(1, 2, 3)) > 1e-3
    assert 0.1 < changed.mean() < 0.5
    assert (blurred.std(axis=(1, 2, 3))[changed] < images.std(axis=(1, 2, 3))[changed]).all()
    np.testing.assert_allclose(blurred.mean(), images.mean(), atol=5e-3)


def test_blur_against_scipy() -> None:
    from scipy import ndimage

    images = np.random.default_rng(0).normal(size=(60, 40, 40, 2)).astype(np.float32)
    blurred = vary_blur(images, np.random.default_rng(1))
    rng = np.random.default_rng(1)
    chosen = np.nonzero(rng.random(60) < 0.3)[0]
    along = rng.uniform(0, 1.5, len(chosen))
    round_ones = [
        (number, sigma)
        for number, sigma, drawn in zip(chosen, along, rng.random(len(chosen)), strict=True)
        if drawn < 0.5 and 0.5 < sigma < 1
    ]
    assert round_ones
    for number, sigma in round_ones:
        for z in range(2):
            padded = np.pad(images[number, :, :, z], BLUR_MARGIN_PX, mode="reflect")
            smooth = np.fft.ifft2(ndimage.fourier_gaussian(np.fft.fft2(padded), sigma)).real
            inner = smooth[BLUR_MARGIN_PX:-BLUR_MARGIN_PX, BLUR_MARGIN_PX:-BLUR_MARGIN_PX]
            np.testing.assert_allclose(blurred[number, :, :, z], inner, atol=1e-4)
    assert np.array_equal(np.delete(blurred, chosen, axis=0), np.delete(images, chosen, axis=0))


# Batches


def test_batches_come_in_order_and_the_wait_is_counted() -> None:
    def make(step: int) -> Batch:
        time.sleep(0.002 * (step % 3))
        return np.full((1, 1, 1, 1), step, np.float32), np.zeros((1, 1, 1), np.uint8)

    batches, began = Batches(make, 12), time.perf_counter()
    assert [int(images[0, 0, 0, 0]) for images, _ in batches] == list(range(12))
    assert 0 < batches.waited < time.perf_counter() - began


def test_what_fails_in_the_background_is_raised() -> None:
    def make(step: int) -> Batch:
        raise MemoryError

    with pytest.raises(MemoryError):
        list(Batches(make, 3))


# Training


def test_learning_rate_rises_stays_and_falls() -> None:
    rates = [learning_rate_at(step, 1000, 1e-3) for step in range(1000)]
    assert rates[0] == pytest.approx(1e-3 / 50)
    assert rates[50:600] == [pytest.approx(1e-3)] * 550
    assert all(a > b for a, b in itertools.pairwise(rates[600:]))
    assert 0 < rates[-1] < 3e-5
    assert learning_rate_at(0, 1, 1e-3) > 0


def test_without_a_better_validation_loss_the_rate_falls_and_the_training_ends() -> None:
    falling = [1.0, 0.9, 0.8, 0.7]
    assert course(50, 0, falling + [0.7] * 20) == course(50, 3, falling) == course(50, 3, [])
    assert course(50, 3, [*falling, 0.7, 0.7]).epochs == 50
    ended = course(50, 3, [*falling, 0.7, 0.7, 0.7])
    assert (ended.epochs, ended.fall_from * ended.epochs, ended.back_to_best) == (10, pytest.approx(7), True)
    later = course(50, 3, [*falling, 0.7, 0.7, 0.7, 0.1, 0.1])
    assert (later.epochs, later.fall_from, later.back_to_best) == (10, ended.fall_from, False)
    # Where the rate falls already, the rest of the fall is shortened, and the end is never put off.
    late = course(50, 3, [*np.linspace(1, 0.5, 38), 0.6, 0.6, 0.6])
    assert (late.epochs, late.fall_from * late.epochs) == (44, pytest.approx(30))
    assert course(10, 3, [*np.linspace(1, 0.5, 6), 0.6, 0.6, 0.6]).epochs == 10
    rates = [learning_rate_at(step, 10 * 20, 1e-3, ended.fall_from) for step in range(10 * 20)]
    assert rates[7 * 20] == pytest.approx(1e-3)
    assert rates[-1] < 3e-5
