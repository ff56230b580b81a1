"""Every architecture of the library: what it states is what it does, folded, saved, tiled, and trained."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from ais.models import ARCHITECTURES, Architecture, Model, ModelInfo, build, load_model, save_model
from ais.models.pix2pix import discriminator
from ais.models.reach import reach

SMALL = {"first_filters": 4}
EVERY = pytest.mark.parametrize("chosen", ARCHITECTURES, ids=lambda a: a.name)
IN_THE_PLANE = pytest.mark.parametrize("chosen", [a for a in ARCHITECTURES if not a.volumetric], ids=lambda a: a.name)


def least(chosen: Architecture) -> int:
    return chosen.depths[0]


def shaken(network: Any, seed: int = 0) -> Any:
    """The network with weights as after training: no bias, mean, or scale is 0 or 1."""
    rng = np.random.default_rng(seed)
    changes = [
        rng.uniform(0.8, 1.2, w.shape) * w + rng.uniform(0, 0.2 * (w.ndim == 1), w.shape) for w in network.get_weights()
    ]
    network.set_weights(changes)
    return network


def info_of(chosen: Architecture, depth: int, features: tuple[str, ...] = ()) -> ModelInfo:
    return ModelInfo(chosen.name, chosen.arguments(SMALL), "membrane", 10.0, 64, depth, features=features)


def noise(*shape: int, seed: int = 0) -> NDArray[np.float32]:
    return np.random.default_rng(seed).normal(size=shape).astype(np.float32)


@EVERY
def test_default_size_is_as_stated(chosen: Architecture) -> None:
    trainable = build(chosen.name, least(chosen)).trainable_weights
    assert sum(int(np.prod(weight.shape)) for weight in trainable) == chosen.parameters


@EVERY
def test_stride_and_radius_are_those_of_the_layers(chosen: Architecture) -> None:
    found = reach(build(chosen.name, least(chosen), SMALL))
    assert (found.stride, found.radius) == (chosen.stride, chosen.radius)


@EVERY
def test_nothing_acts_from_beyond_the_stated_radius(chosen: Architecture) -> None:
    import keras

    network = build(chosen.name, least(chosen), SMALL)
    rng = np.random.default_rng(0)
    # Positive weights hide no path, so the reach found is that of the architecture.
    network.set_weights([np.abs(rng.normal(size=w.shape)) * 0.1 for w in network.weights])
    logits = keras.Model(network.input, network.get_layer("probability").input)
    room = -(-chosen.radius // chosen.stride) * chosen.stride + chosen.stride
    side, found = 2 * room, 0
    plain = rng.random((1, side, side, least(chosen)), dtype=np.float32)
    before = np.asarray(logits(plain))
    for shift in range(chosen.stride):
        at = room - chosen.stride // 2 + shift
        poked = plain.copy()
        poked[0, at, at] += 1e6
        moved = np.nonzero(np.abs(np.asarray(logits(poked)) - before)[0, :, :, 0] > 0)
        found = max(found, int(np.abs(np.concatenate(moved) - at).max()))
    assert found == chosen.radius


@EVERY
@pytest.mark.parametrize("dtype", ["float32", "mixed_bfloat16"])
def test_output_is_one_probability_per_pixel(chosen: Architecture, dtype: str) -> None:
    depth = max(3, least(chosen))
    height, width = chosen.stride * 2, chosen.stride * 3
    output = np.asarray(build(chosen.name, depth, SMALL, dtype=dtype)(noise(2, height, width, depth)))
    assert output.shape == (2, height, width, 1)
    assert output.dtype == np.float32
    assert 0 <= output.min() < output.max() <= 1


@IN_THE_PLANE
@pytest.mark.parametrize("dtype", ["float32", "mixed_bfloat16"])
def test_several_features_share_each_pixel(chosen: Architecture, dtype: str) -> None:
    side, depth = chosen.stride * 2, least(chosen)
    output = np.asarray(build(chosen.name, depth, SMALL, features=3, dtype=dtype)(noise(1, side, side, depth)))
    assert output.shape == (1, side, side, 4)
    assert output.min() >= 0
    np.testing.assert_allclose(output.sum(axis=-1), 1, atol=1e-5)
    assert (output.std(axis=(0, 1, 2)) > 0).all()


@EVERY
def test_folded_network_computes_the_same(chosen: Architecture) -> None:
    import keras

    depth = least(chosen)
    network = shaken(build(chosen.name, depth, SMALL, seed=1))
    image = noise(1, chosen.stride * 2, chosen.stride * 3, depth)
    folded = Model(network, info_of(chosen, depth)).network_as("float32")
    plain = np.asarray(network(image, training=False))
    assert plain.std() > 0.01
    np.testing.assert_allclose(folded(image), plain, atol=1e-4)
    assert not any(isinstance(layer, keras.layers.BatchNormalization) for layer in folded.layers)


@EVERY
def test_statistics_of_an_image_do_not_act_on_it(chosen: Architecture) -> None:
    # In a batch with a wildly different image, the same comes out as alone.
    depth = least(chosen)
    network = shaken(build(chosen.name, depth, SMALL, seed=1))
    image = noise(1, chosen.stride * 2, chosen.stride * 2, depth)
    together = np.asarray(network(np.concatenate([image, 100 * image + 7]), training=False))
    np.testing.assert_allclose(together[:1], network(image, training=False), atol=1e-5)


@EVERY
def test_seed_decides_the_weights(chosen: Architecture) -> None:
    a, b, c = (build(chosen.name, least(chosen), SMALL, seed=seed).get_weights() for seed in (1, 1, 2))
    assert all(np.array_equal(x, y) for x, y in zip(a, b, strict=True))
    assert not any(np.array_equal(x, y) for x, y in zip(a, c, strict=True) if x.ndim > 1)


@EVERY
def test_no_two_layers_start_alike(chosen: Architecture) -> None:
    weights = [w for w in build(chosen.name, least(chosen), SMALL).get_weights() if w.ndim > 1]
    begins = {w.ravel()[np.flatnonzero(w)[:4]].tobytes() for w in weights}
    assert len(begins) == len(weights)


@EVERY
def test_file_gives_back_the_same_network(chosen: Architecture, tmp_path: Path) -> None:
    depth = least(chosen)
    network = shaken(build(chosen.name, depth, SMALL, seed=1))
    save_model(tmp_path / "a.aism", Model(network, info_of(chosen, depth)))
    again = load_model(tmp_path / "a.aism")
    image = noise(1, chosen.stride, chosen.stride, depth)
    assert np.array_equal(again.network(image), network(image))
    save_model(tmp_path / "b.aism", again)
    assert (tmp_path / "a.aism").read_bytes() == (tmp_path / "b.aism").read_bytes()


@pytest.mark.parametrize("side", [32, 64, 100])
@pytest.mark.parametrize("outputs", [1, 3])
def test_discriminator_judges_patches(side: int, outputs: int) -> None:
    judge = discriminator("mixed_bfloat16", 3, outputs, seed=0)
    image, labels = noise(2, side, side, 3), noise(2, side, side, outputs)
    plain = np.asarray(judge([image, labels]))
    assert plain.shape == (2, side // 4, side // 4, 1)
    assert plain.dtype == np.float32
    changed = labels.copy()
    changed[1, -1, -1] += 100
    moved = np.nonzero(np.asarray(judge([image, changed])) != plain)
    assert set(moved[0]) == {1}
    # A patch of 34 pixels: the corner is seen by those that begin at most 33 pixels before it.
    assert min(moved[1].min(), moved[2].min()) >= (side - 34) // 4
    assert not np.array_equal(judge([image + 1, labels]), plain)
