"""Every architecture of the library: what it states is what it does, folded, saved, tiled, and in slabs."""

from __future__ import annotations

import sys
from functools import cache
from pathlib import Path
from typing import Any

import mrcfile
import numpy as np
import pytest
from numpy.typing import NDArray

from ais.models import ARCHITECTURES, Architecture, Model, ModelInfo, architecture, build, load_model, save_model
from ais.models.memory import peak_bytes_per_pixel
from ais.models.pix2pix import discriminator
from ais.models.reach import reach
from ais.segmentation import Segmenter
from ais.tomogram import Tomogram

ROOT = Path(__file__).resolve().parent.parent
SMALL = {"first_filters": 4}
EVERY = pytest.mark.parametrize("chosen", ARCHITECTURES, ids=lambda a: a.name)
IN_THE_PLANE = pytest.mark.parametrize("chosen", [a for a in ARCHITECTURES if not a.volumetric], ids=lambda a: a.name)


def noise(*shape: int, seed: int = 0) -> NDArray[np.float32]:
    return np.random.default_rng(seed).normal(size=shape).astype(np.float32)


@cache
def small_network(name: str, depth: int, dtype: str = "float32") -> Any:
    """A small one with weights as after training: no offset, mean, or scale is 0 or 1. Not to be changed."""
    network = build(name, depth, SMALL, dtype=dtype, seed=1)
    rng = np.random.default_rng(0)
    before = network.get_weights()
    changed = [rng.uniform(0.8, 1.2, w.shape) * w + rng.uniform(0, 0.2 * (w.ndim == 1), w.shape) for w in before]
    network.set_weights(changed)
    return network


def small_model(chosen: Architecture, depth: int) -> Model:
    info = ModelInfo(chosen.name, chosen.arguments(SMALL), "membrane", 10.0, 64, depth)
    return Model(small_network(chosen.name, depth), info)


@EVERY
def test_default_size_is_as_stated(chosen: Architecture) -> None:
    trainable = build(chosen.name, chosen.depths[0], blank=True).trainable_weights
    assert sum(int(np.prod(weight.shape)) for weight in trainable) == chosen.parameters


def test_sizes_known_from_elsewhere() -> None:
    # 15 x 15 kernels with a bias per channel: 40 of 1, 40 of 40, and 1 of 40 channels.
    assert architecture("eman2").parameters == 225 * (40 + 40 * 40 + 40) + 40 + 40 + 1
    # Channels before and after each 4 x 4 kernel of the generator; offsets, and a bias where none is normalised.
    down = [(1, 64), (64, 128), (128, 256), (256, 512), (512, 512), (512, 512)]
    up = [(512, 512), (1024, 512), (1024, 256), (512, 128), (256, 64), (128, 1)]
    kernels = 16 * sum(a * b for a, b in down + up)
    assert architecture("pix2pix").parameters == kernels + sum(b for _, b in down + up)


@EVERY
def test_stride_and_radius_are_those_of_the_layers(chosen: Architecture) -> None:
    found = reach(small_network(chosen.name, chosen.depths[0]))
    assert (found.stride, found.radius) == (chosen.stride, chosen.radius)


@EVERY
@pytest.mark.parametrize("axis", [1, 2])
def test_nothing_acts_from_beyond_the_stated_radius(chosen: Architecture, axis: int) -> None:
    import keras

    depth, stride = chosen.depths[0], chosen.stride
    network = build(chosen.name, depth, SMALL)
    rng = np.random.default_rng(0)
    # Positive weights hide no path, so the reach found is that of the architecture.
    network.set_weights([np.abs(rng.normal(size=w.shape)) * 0.1 for w in network.weights])
    logits = keras.Model(network.input, network.get_layer("probability").input)
    room = -(-chosen.radius // stride) * stride + stride
    at = room - stride // 2 + np.arange(stride)
    plain = np.repeat(rng.random((1, 2 * room, stride, depth), dtype=np.float32), stride, axis=0)
    poked = plain.copy()
    poked[np.arange(stride), at, stride // 2] += 1e6
    before, after = (np.asarray(logits(np.moveaxis(images, 1, axis))) for images in (plain, poked))
    number, reached = np.nonzero(np.moveaxis(before != after, axis, 1)[..., 0].any(axis=2))
    assert np.abs(reached - at[number]).max() == chosen.radius


@EVERY
@pytest.mark.parametrize("dtype", ["float32", "mixed_bfloat16"])
def test_output_is_one_probability_per_pixel(chosen: Architecture, dtype: str) -> None:
    depth = chosen.depths[0] if dtype == "float32" else 3
    height, width = chosen.stride * 2, chosen.stride * 3
    output = np.asarray(small_network(chosen.name, depth, dtype)(noise(2, height, width, depth)))
    assert output.shape == (2, height, width, 1)
    assert output.dtype == np.float32
    assert 0 <= output.min() < output.max() <= 1


@IN_THE_PLANE
def test_several_features_share_each_pixel(chosen: Architecture) -> None:
    side, depth = chosen.stride * 2, chosen.depths[0]
    network = build(chosen.name, depth, SMALL, features=3, dtype="mixed_bfloat16")
    output = np.asarray(network(noise(1, side, side, depth)))
    assert output.shape == (1, side, side, 4)
    assert output.dtype == np.float32
    assert output.min() >= 0
    np.testing.assert_allclose(output.sum(axis=-1), 1, atol=1e-5)
    assert (output.std(axis=(0, 1, 2)) > 0).all()


@EVERY
def test_folded_network_computes_the_same(chosen: Architecture) -> None:
    import keras

    depth = chosen.depths[0]
    model = small_model(chosen, depth)
    image = noise(1, chosen.stride * 2, chosen.stride * 3, depth)
    folded = model.network_as("float32")
    plain = np.asarray(model.network(image, training=False))
    assert np.ptp(plain) > 0.01
    np.testing.assert_allclose(folded(image), plain, atol=1e-4)
    left_out = (keras.layers.BatchNormalization, keras.layers.Dropout)
    assert not any(isinstance(layer, left_out) for layer in folded.layers)


@EVERY
def test_other_images_of_a_batch_do_not_act_on_it(chosen: Architecture) -> None:
    depth, side = chosen.depths[0], chosen.stride * 2
    network, image = small_network(chosen.name, depth), noise(1, side, side, depth)
    together = np.asarray(network(np.concatenate([image, 100 * image + 7]), training=False))
    np.testing.assert_allclose(together[:1], network(image, training=False), atol=1e-5)


@pytest.mark.parametrize(("name", "depth"), [("unet-2.5d", 5), ("unet-3d", 5), ("unet-3d", 17)])
def test_every_slice_acts_on_the_output(name: str, depth: int) -> None:
    network, image = small_network(name, depth), noise(1, 16, 16, depth)
    plain = np.asarray(network(image))
    changed = np.repeat(image, depth, axis=0)
    changed[range(depth), ..., range(depth)] += 1
    assert (np.abs(np.asarray(network(changed)) - plain).max(axis=(1, 2, 3)) > 1e-5).all()


@EVERY
def test_seed_decides_the_weights(chosen: Architecture) -> None:
    one, other = (build(chosen.name, chosen.depths[0], SMALL, seed=seed).get_weights() for seed in (1, 2))
    assert not any(np.array_equal(x, y) for x, y in zip(one, other, strict=True) if x.ndim > 1)
    begins = [w[w != 0][:4].tobytes() for w in one if w.ndim > 1]
    assert len(set(begins)) == len(begins), "two layers begin alike"


@pytest.mark.parametrize("name", ["resnet", "pix2pix", "unet-3d"])
def test_the_same_seed_gives_the_same_weights(name: str) -> None:
    one, other = (build(name, architecture(name).depths[0], SMALL, seed=3).get_weights() for _ in range(2))
    assert all(np.array_equal(x, y) for x, y in zip(one, other, strict=True))


@EVERY
def test_file_gives_back_the_same_network(chosen: Architecture, tmp_path: Path) -> None:
    model = small_model(chosen, chosen.depths[0])
    save_model(tmp_path / "a.aism", model)
    again = load_model(tmp_path / "a.aism")
    pairs = zip(again.network.get_weights(), model.network.get_weights(), strict=True)
    assert all(np.array_equal(x, y) for x, y in pairs)
    assert again.info.arguments == chosen.arguments(SMALL)


@pytest.mark.parametrize(
    ("name", "options", "fewer"),
    [("resnet", {"blocks": 1}, True), ("resnet", {"blocks": 3}, False), ("inceptionnet", {"modules": 1}, True)],
)
def test_number_of_blocks_can_be_chosen(name: str, options: dict[str, int], fewer: bool) -> None:
    assert (build(name, 1, options).count_params() < architecture(name).parameters) == fewer


@pytest.mark.parametrize("name", ["unet-dropout", "pix2pix"])
def test_dropout_acts_in_training_only(name: str) -> None:
    side = architecture(name).stride
    image = noise(4, side, side, 1)
    # From its options it can be left out; normalisation acts in training too, so two steps on one batch are compared.
    for rate, alike in ((0.0, True), (0.5, False)):
        network = build(name, 1, {**SMALL, "dropout": rate})
        first, second = (np.asarray(network(image, training=True)) for _ in range(2))
        assert np.array_equal(first, second) == alike
        assert np.array_equal(network(image), network(image))


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


# Segmenting


@pytest.fixture
def tomogram(tmp_path: Path, request: pytest.FixtureRequest) -> Any:
    path = tmp_path / "tomo.mrc"
    mrcfile.new(path, data=noise(*request.param) * 2 + 3).close()
    with Tomogram.open(path) as opened:
        yield opened


@pytest.mark.parametrize(
    ("name", "depth", "side", "tomogram"),
    [
        ("resnet", 1, 184, (2, 211, 150)),
        ("unet-2.5d", 5, 152, (2, 131, 150)),
        ("unet-3d", 5, 152, (4, 131, 150)),
        ("pix2pix", 1, 520, (1, 600, 650)),
    ],
    indirect=["tomogram"],
)
def test_tiles_agree_with_the_whole_slice(
    name: str, depth: int, side: int, tomogram: Tomogram, monkeypatch: pytest.MonkeyPatch
) -> None:
    model, count = small_model(architecture(name), depth), tomogram.shape[0]
    whole = Segmenter(model, precision="float32").predict_slices(tomogram, 0, count)
    memory = int(peak_bytes_per_pixel(model.network_as("float32")) * side**2)
    tiled = Segmenter(model, precision="float32", memory=memory)
    calls, computed = [], tiled._computed
    monkeypatch.setattr(tiled, "_computed", lambda images: (calls.append(images.shape), computed(images))[1])
    np.testing.assert_allclose(tiled.predict_slices(tomogram, 0, count), whole, atol=1e-4)
    assert whole.std() > 0.01
    assert len(calls) > 2 * count


@pytest.mark.parametrize("depth", [5, 17])
@pytest.mark.parametrize("tomogram", [(7, 40, 56)], indirect=True)
def test_slabs_agree_with_one_slice_at_a_time(depth: int, tomogram: Tomogram) -> None:
    # From the first slice to the last, beyond which these are repeated.
    segmenter = Segmenter(small_model(architecture("unet-3d"), depth), precision="float32")
    whole = segmenter.predict_slices(tomogram, 0, 7)
    each = np.concatenate([segmenter.predict_slices(tomogram, z, z + 1) for z in range(7)])
    np.testing.assert_allclose(whole, each, atol=1e-5)
    assert np.abs(np.diff(whole, axis=0)).max() > 0.01
    pairs = Segmenter(small_model(architecture("unet-3d"), depth), precision="float32", batch_size=2)
    np.testing.assert_allclose(np.concatenate([p for _, p in pairs.iter_slabs(tomogram)]), whole, atol=1e-5)


@pytest.mark.parametrize("name", ["unet-3d", "unet-2.5d"])
@pytest.mark.parametrize("tomogram", [(3, 128, 128)], indirect=True)
def test_augmented_result_is_the_mean_over_16_symmetries(name: str, tomogram: Tomogram) -> None:
    model = small_model(architecture(name), 5)
    found = Segmenter(model, precision="float32", tta=16).predict_slices(tomogram, 0, 3)
    values = tomogram.normalization.apply(tomogram.slab(0, 3))
    inner = slice(56, -56)  # the border acts as far as this, and it depends on the margin around it
    for z in range(3):
        seen = np.moveaxis(values[np.arange(z - 2, z + 3).clip(0, 2)], 0, 2)
        both_ways = [seen, seen[..., ::-1]]
        mirrored = [*both_ways, *(image[:, ::-1] for image in both_ways)]
        images = np.stack([np.rot90(image, turns) for image in mirrored for turns in range(4)])
        outputs = [np.rot90(output, -number % 4) for number, output in enumerate(np.asarray(model.network(images)))]
        mean = np.mean([*outputs[:8], *(output[:, ::-1] for output in outputs[8:])], axis=0)[inner, inner, 0]
        assert mean.std() > 1e-3
        np.testing.assert_allclose(found[z, inner, inner], mean, atol=1e-5)


def test_memory_of_slabs_grows_by_less_than_a_slice_each() -> None:
    # A slab of n slices of a network of depth 5 holds n + 4 slices at first, and n at last.
    network = small_network("unet-3d", 5)
    one, two, many = (peak_bytes_per_pixel(network, count) for count in (1, 2, 32))
    assert one < two < 2 * one
    assert many < 32 * one
    assert peak_bytes_per_pixel(small_network("resnet", 1), 3) == 3 * peak_bytes_per_pixel(small_network("resnet", 1))


# The reference page


def test_the_reference_page_is_current() -> None:
    sys.path.insert(0, str(ROOT / "docs"))
    try:
        from make_architecture_reference import reference
    finally:
        sys.path.remove(str(ROOT / "docs"))
    written = (ROOT / "docs" / "reference" / "architectures.md").read_text(encoding="utf-8")
    assert written == reference(), "run: .venv/bin/python docs/make_architecture_reference.py"
