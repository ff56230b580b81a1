"""Segmenting slices: whole, tiled, cropped, rescaled, rotated."""

from __future__ import annotations

import io
import tarfile
from itertools import pairwise
from pathlib import Path
from typing import Any

import mrcfile
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from ais.errors import AisError, Cancelled
from ais.models import Model, ModelInfo, architecture, build
from ais.models.fewer_products import with_fewer_products
from ais.models.memory import peak_bytes_per_pixel
from ais.progress import Progress
from ais.segmentation import Segmenter, to_uint8
from ais.segmentation.network_grid import Axis, linear_resampling, reflected
from ais.segmentation.symmetries import count_for, inverse_transform, transform
from ais.tomogram import Tomogram

SMALL = {"first_filters": 4}


def make_model(name: str = "unet-s", depth: int = 1, **changes: Any) -> Model:
    network = build(name, depth, SMALL, seed=3)
    info = {
        "architecture": name,
        "arguments": architecture(name).arguments(SMALL),
        "feature": "membrane",
        "voxel_size": 10.0,
        "box_size": 64,
        "depth": depth,
    }
    return Model(network, ModelInfo(**{**info, **changes}))


def write_volume(path: Path, values: NDArray[np.float32], voxel_size: float) -> None:
    with mrcfile.new(path, data=values) as file:
        file.voxel_size = voxel_size


def make_tomogram(folder: Path, shape: tuple[int, int, int], voxel_size: float = 10.0, seed: int = 0) -> Tomogram:
    path = folder / f"tomo_{'x'.join(map(str, shape))}_{voxel_size}_{seed}.mrc"
    values = np.random.default_rng(seed).normal(3, 2, size=shape).astype(np.float32)
    write_volume(path, values, voxel_size=voxel_size)
    return Tomogram.open(path)


@pytest.fixture(scope="module")
def model() -> Model:
    return make_model()


@pytest.fixture
def tomogram(tmp_path: Path) -> Any:
    with make_tomogram(tmp_path, (5, 61, 90)) as opened:
        yield opened


def reference(model: Model, tomogram: Tomogram, z: int, margin: int = 32) -> NDArray[np.float32]:
    """The plain way: normalise a slice, pad it with NumPy, run the network as it was trained, crop."""
    depth = model.info.depth
    picked = [min(max(z + d, 0), tomogram.shape[0] - 1) for d in range(-(depth // 2), depth // 2 + 1)]
    image = np.stack([tomogram.normalization.apply(tomogram.slice(i)) for i in picked], axis=2)
    ny, nx = image.shape[:2]
    padded = np.pad(image, ((margin, margin + -ny % 8), (margin, margin + -nx % 8), (0, 0)), mode="reflect")
    output = np.asarray(model.network(padded[None]))[0, :, :, 0]
    return output[margin : margin + ny, margin : margin + nx]


@pytest.mark.parametrize(("name", "depth"), [("unet-s", 1), ("unet-s", 3), ("vggnet-m", 1)])
def test_agrees_with_the_plain_way(name: str, depth: int, tomogram: Tomogram) -> None:
    chosen = make_model(name, depth)
    found = Segmenter(chosen, precision="float32").predict_slices(tomogram, 0, 5)
    assert found.shape == (5, 61, 90)
    assert found.dtype == np.float32
    assert np.ptp(found) > 0.01
    for z in (0, 2, 4):
        np.testing.assert_allclose(found[z], reference(chosen, tomogram, z), atol=1e-5)


@pytest.mark.parametrize(("name", "depth", "side"), [("unet-s", 3, 61), ("vggnet-m", 1, 121)])
def test_tiles_agree_with_the_whole_slice(
    name: str, depth: int, side: int, tomogram: Tomogram, monkeypatch: Any
) -> None:
    # VGGNet M sees farther than the margin of 32 px: at the slice's own borders it ends for tiles as for the whole.
    chosen = make_model(name, depth)
    whole = Segmenter(chosen, precision="float32").predict_slices(tomogram, 0, 2)
    tiled = Segmenter(chosen, precision="float32")
    tiled.memory = int(tiled._bytes_per_pixel * side**2)
    shapes = []
    computed = tiled._computed
    monkeypatch.setattr(tiled, "_computed", lambda images: (shapes.append(images.shape), computed(images))[1])
    np.testing.assert_allclose(tiled.predict_slices(tomogram, 0, 2), whole, atol=1e-5)
    part = tiled.predict_slices(tomogram, 0, 2, crop=(50, 90, 30, 61))
    np.testing.assert_allclose(part, whole[:, 30:, 50:], atol=1e-5)
    assert len(shapes) > 6
    assert all(max(shape[1:3]) <= side for shape in shapes)


@pytest.mark.parametrize(("name", "margin"), [("unet-s", 16), ("vggnet-m", 32)])
def test_margin_is_no_wider_than_the_network_sees(
    name: str, margin: int, tomogram: Tomogram, monkeypatch: pytest.MonkeyPatch
) -> None:
    # UNet S sees 14 px around a pixel, VGGNet M 52.
    segmenter = Segmenter(make_model(name))
    shapes = []
    computed = segmenter._computed
    monkeypatch.setattr(segmenter, "_computed", lambda images: (shapes.append(images.shape), computed(images))[1])
    segmenter.predict_slices(tomogram, 0, 5)
    height, width = (64, 92) if name == "unet-s" else (64, 96)
    assert shapes == [(5, height + 2 * margin, width + 2 * margin, 1)]


def test_crop_is_a_part_of_the_whole(model: Model, tomogram: Tomogram) -> None:
    segmenter = Segmenter(model, precision="float32")
    whole = segmenter.predict_slices(tomogram, 1, 3)
    part = segmenter.predict_slices(tomogram, 1, 3, crop=(37, 71, 5, 44))
    np.testing.assert_allclose(part, whole[:, 5:44, 37:71], atol=1e-5)


def test_slabs_join_to_the_volume(model: Model, tomogram: Tomogram) -> None:
    segmenter = Segmenter(model, precision="float32", batch_size=2)
    slabs = list(segmenter.iter_slabs(tomogram))
    assert [z for z, _ in slabs] == [0, 2, 4]
    joined = np.concatenate([slab for _, slab in slabs])
    np.testing.assert_allclose(joined, Segmenter(model, precision="float32").predict_slices(tomogram, 0, 5), atol=1e-6)


@pytest.mark.parametrize("depth", [1, 3])
def test_rotating_the_slice_rotates_the_augmented_result(depth: int, tmp_path: Path) -> None:
    chosen = make_model(depth=depth)
    with make_tomogram(tmp_path, (3, 64, 64)) as straight:
        values = straight.slab(0, 3)
        plain = Segmenter(chosen, precision="float32", tta=8).predict_slices(straight, 0, 3)
        once = Segmenter(chosen, precision="float32").predict_slices(straight, 0, 3)
        normalization = straight.normalization
    for index in (1, 2, 5):
        turned = np.ascontiguousarray(transform(values[..., None], index)[..., 0])
        path = tmp_path / f"turned_{index}.mrc"
        write_volume(path, turned, voxel_size=10.0)
        with Tomogram(path, normalization=normalization) as rotated:
            again = Segmenter(chosen, precision="float32", tta=8).predict_slices(rotated, 0, 3)
        back = inverse_transform(again[..., None], index)[..., 0]
        assert np.abs(back - plain).max() < 1 / 255
    assert np.abs(once - plain).max() > 1 / 255


def test_augmented_result_is_the_mean_over_the_symmetries(tmp_path: Path) -> None:
    # Of a slice that is not square, with several slices per sample: 16 symmetries.
    chosen = make_model(depth=3)
    with make_tomogram(tmp_path, (3, 40, 72)) as tomogram:
        found = Segmenter(chosen, precision="float32", tta=16).predict_slices(tomogram, 1, 2)[0]
        image = np.moveaxis(tomogram.normalization.apply(tomogram.slab(0, 3)), 0, 2)
    padded = np.pad(image, ((32, 32), (32, 32), (0, 0)), mode="reflect")[None]
    total = np.zeros((1, 104, 136, 1))
    for flip_z in (padded, padded[..., ::-1]):
        for flip in (flip_z, flip_z[:, :, ::-1]):
            for turns in range(4):
                output = np.rot90(np.asarray(chosen.network(np.rot90(flip, turns, (1, 2)))), -turns, (1, 2))
                total += output if flip is flip_z else output[:, :, ::-1]
    np.testing.assert_allclose(found, total[0, 32:-32, 32:-32, 0] / 16, atol=1e-5)


@pytest.mark.parametrize("index", range(16))
def test_symmetries_can_be_undone(index: int) -> None:
    images = np.random.default_rng(0).normal(size=(2, 3, 5, 1))
    assert np.array_equal(inverse_transform(transform(images, index), index), images)


def test_symmetries_are_all_different() -> None:
    image = np.random.default_rng(0).normal(size=(1, 4, 4, 3))
    seen = {transform(image, index).tobytes() for index in range(count_for(3))}
    assert len(seen) == 16


@pytest.mark.parametrize(("voxel_size", "side"), [(5.0, 96), (20.0, 48), (10.4, 64)])
def test_other_voxel_sizes_are_rescaled(voxel_size: float, side: int, tmp_path: Path, model: Model) -> None:
    # The same smooth image sampled at another voxel size must give about the same picture.
    from scipy import ndimage

    rng = np.random.default_rng(1)
    fine = ndimage.gaussian_filter(rng.normal(size=(384, 384)), 12, mode="mirror") * 60
    sample = fine.reshape(side, 384 // side, side, 384 // side).mean(axis=(1, 3))[None] if 384 % side == 0 else None
    if sample is None:
        sample = fine[None, :side, :side]
    path = tmp_path / "fine.mrc"
    write_volume(path, np.repeat(sample, 2, 0).astype(np.float32), voxel_size=voxel_size)
    with Tomogram.open(path) as tomogram:
        segmenter = Segmenter(model, precision="float32")
        found = segmenter.predict_slices(tomogram, 0, 2)
        assert found.shape == tomogram.shape
        part = segmenter.predict_slices(tomogram, 0, 1, crop=(13, 31, 7, 40))
        np.testing.assert_allclose(part, found[:1, 7:40, 13:31], atol=1e-4)
        if voxel_size == 10.4:
            np.testing.assert_allclose(found[0], reference(model, tomogram, 0), atol=1e-5)
            return
        normalised = tomogram.normalization.apply(tomogram.slice(0))
        seen = ndimage.zoom(normalised, voxel_size / 10, order=1, grid_mode=True, mode="nearest")
        margin = 48
        padded = np.pad(seen, margin, mode="reflect")
        output = np.asarray(model.network(padded[None, :, :, None]))[0, margin:-margin, margin:-margin, 0]
        expected = ndimage.zoom(output, 10 / voxel_size, order=1, grid_mode=True, mode="nearest")
        assert expected.shape == found.shape[1:]
        assert np.abs(found[0] - expected)[4:-4, 4:-4].max() < 0.05
        assert np.corrcoef(found[0].ravel(), expected.ravel())[0, 1] > 0.99


@given(before=st.integers(1, 60), after=st.integers(1, 60))
@settings(max_examples=40, deadline=None)
def test_resampling_keeps_constants_and_straight_lines(before: int, after: int) -> None:
    matrix = linear_resampling(before, after)
    np.testing.assert_allclose(matrix @ np.ones(before), 1, atol=1e-5)
    line = np.arange(before) + 0.5
    expected = (np.arange(after) + 0.5) * before / after
    inside = (expected > max(before / after, 1) + 0.5) & (expected < before - max(before / after, 1) - 0.5)
    np.testing.assert_allclose((matrix @ line)[inside], expected[inside], atol=0.51 * max(before / after, 1) ** 0)


@given(size=st.integers(1, 9), low=st.integers(-40, 0), high=st.integers(1, 40))
@settings(max_examples=40, deadline=None)
def test_reflection_is_that_of_numpy(size: int, low: int, high: int) -> None:
    expected = np.pad(np.arange(size), (-low, high), mode="reflect")
    assert np.array_equal(reflected(np.arange(low, size + high), size), expected)


@given(
    *(st.integers(1, 90), st.integers(1, 90), st.sampled_from([4, 8]), st.integers(0, 7), st.integers(0, 7)),
    *(st.none() | st.integers(1, 100), st.booleans(), st.data()),
)
@settings(max_examples=200, deadline=None)
def test_windows_cover_the_part_wanted(
    stored: int, seen: int, stride: int, halo: int, margin: int, longest: int | None, few_lengths: bool, data: Any
) -> None:
    first = data.draw(st.integers(0, stored - 1))
    last = data.draw(st.integers(first + 1, stored))
    halo, margin = halo * stride, min(margin, halo) * stride
    axis = Axis(stored, seen, first, last, stride, halo, margin)
    windows = axis.windows(longest, few_lengths=few_lengths)
    begin, end = axis.core
    low, high = axis.extent
    assert windows[0].kept[0] == begin
    assert windows[-1].kept[1] == end
    assert all(one.kept[1] == other.kept[0] for one, other in pairwise(windows))
    assert len({w.length for w in windows}) == 1
    for window in windows:
        (a, b), (kept_a, kept_b) = window.seen, window.kept
        assert a % stride == b % stride == 0
        assert low <= a <= kept_a < kept_b <= b <= high
        # What counts has seen all there is around it.
        assert a <= max(kept_a - halo, low)
        assert b >= min(kept_b + halo, high)
        assert longest is None or window.length <= max(longest, 2 * halo + stride)
    values = axis.seen_values(np.arange(stored, dtype=np.float32)[slice(*axis.read_span(axis.core))], 0, axis.core)
    assert axis.stored_values(values, 0).shape == (last - first,)


def test_few_lengths_are_few() -> None:
    lengths = {
        Axis(1024, 1024, first, last, 8, 56, 32).windows(longest, few_lengths=True)[0].length
        for longest in (None, 300)
        for first in range(0, 1000, 37)
        for last in range(first + 1, 1024, 61)
    }
    assert len(lengths) < 20
    whole = Axis(1000, 1000, 0, 1000, 8, 56, 32).windows(few_lengths=True)
    assert [(window.seen, window.kept) for window in whole] == [((-32, 1032), (0, 1000))]


@pytest.mark.parametrize("shape", [(1, 1, 1), (1, 3, 200), (2, 17, 2)])
def test_slices_smaller_than_the_margin(shape: tuple[int, int, int], tmp_path: Path, model: Model) -> None:
    with make_tomogram(tmp_path, shape) as tomogram:
        found = Segmenter(model).predict_slices(tomogram, 0, shape[0])
        assert found.shape == shape
        if min(shape[1:]) > 1:
            whole = Segmenter(model, precision="float32").predict_slices(tomogram, 0, 1)[0]
            np.testing.assert_allclose(whole, reference(model, tomogram, 0), atol=1e-5)


def test_imported_models_normalise_each_slice(tomogram: Tomogram) -> None:
    by_slice = make_model(normalization="slice")
    found = Segmenter(by_slice, precision="float32").predict_slices(tomogram, 0, 5)
    crop = Segmenter(by_slice, precision="float32").predict_slices(tomogram, 3, 4, crop=(10, 40, 10, 40))
    np.testing.assert_allclose(crop[0], found[3, 10:40, 10:40], atol=1e-5)
    values = tomogram.slice(3)
    padded = np.pad((values - values.mean()) / values.std(), ((32, 35), (32, 38)), mode="reflect")[None, :, :, None]
    expected = np.asarray(by_slice.network(padded))[0, 32:93, 32:122, 0]
    np.testing.assert_allclose(found[3], expected, atol=1e-5)


def test_out_of_memory_is_survived(
    model: Model, tomogram: Tomogram, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    import tensorflow as tf

    expected = Segmenter(model, precision="float32").predict_slices(tomogram, 0, 5)
    pixels = []
    constant = tf.constant

    def small_memory(images: NDArray[np.float32]) -> Any:
        if images.size > 5_000:
            raise tf.errors.ResourceExhaustedError(None, None, "OOM")
        pixels.append(images.size)
        return constant(images)

    monkeypatch.setattr(tf, "constant", small_memory)
    segmenter = Segmenter(model, precision="float32")
    np.testing.assert_allclose(segmenter.predict_slices(tomogram, 0, 5), expected, atol=1e-5)
    assert pixels
    assert "Memory ran out" in caplog.text

    def no_memory(images: NDArray[np.float32]) -> NDArray[np.float32]:
        raise MemoryError

    monkeypatch.setattr(segmenter, "_computed", no_memory)
    with pytest.raises(AisError, match="not enough memory"):
        segmenter.predict_slices(tomogram, 0, 5)


def test_overflow_in_16_bits_is_computed_again(model: Model, tomogram: Tomogram) -> None:
    segmenter = Segmenter(model, precision="mixed")
    assert segmenter.dtype == "mixed_bfloat16"
    function = segmenter._function
    segmenter._function = lambda images: function(images) * np.nan
    found = segmenter.predict_slices(tomogram, 0, 1)
    assert segmenter.dtype == "float32"
    assert np.isfinite(found).all()


def test_network_is_traced_once(
    model: Model, tomogram: Tomogram, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # With TensorFlow; of JAX the compilations are counted in test_backends.
    import keras

    traced = []
    call = keras.Model.__call__
    monkeypatch.setattr(keras.Model, "__call__", lambda *words, **named: (traced.append(1), call(*words, **named))[1])
    segmenter = Segmenter(model, batch_size=2)
    segmenter.predict_slices(tomogram, 0, 5)
    with make_tomogram(tmp_path, (3, 33, 50)) as other:
        segmenter.predict_slices(other, 0, 3)
    assert len(traced) == 1


@pytest.mark.parametrize(
    ("settings_", "word"),
    [({"tta": 0}, "tta"), ({"tta": 9}, "tta"), ({"batch_size": 0}, "batch-size"), ({"precision": "half"}, "precision")],
)
def test_wrong_settings_are_explained(settings_: dict[str, Any], word: str, model: Model) -> None:
    with pytest.raises(AisError, match=word):
        Segmenter(model, **settings_)


def test_wrong_ranges_are_explained(model: Model, tomogram: Tomogram) -> None:
    segmenter = Segmenter(model)
    for z0, z1 in ((-1, 2), (2, 2), (0, 6)):
        with pytest.raises(AisError, match="slices 0 to 4"):
            segmenter.predict_slices(tomogram, z0, z1)
    with pytest.raises(AisError, match="crop"):
        segmenter.predict_slices(tomogram, 0, 1, crop=(0, 91, 0, 61))


def test_absurd_voxel_size_is_explained(model: Model, tmp_path: Path) -> None:
    with (
        make_tomogram(tmp_path, (1, 20, 20), voxel_size=200.0) as tomogram,
        pytest.raises(AisError, match="--voxel-size"),
    ):
        Segmenter(model).predict_slices(tomogram, 0, 1)


def test_can_be_cancelled_between_slabs(model: Model, tomogram: Tomogram) -> None:
    class Stop(Progress):
        def report(self, done: float, total: float, text: str = "") -> None:
            assert (done, total) == (1, 5)
            assert text.endswith("membrane")
            raise Cancelled

    with pytest.raises(Cancelled):
        list(Segmenter(model, batch_size=1).iter_slabs(tomogram, progress=Stop()))


def test_bytes_are_rounded_not_cut() -> None:
    assert to_uint8(np.array([0, 0.4999 / 255, 0.5001 / 255, 254.6 / 255, 1], np.float32)).tolist() == [
        0,
        0,
        1,
        255,
        255,
    ]


@pytest.mark.parametrize("name", ["unet-s", "vggnet-m"])
def test_fewer_products_give_the_same(name: str) -> None:
    # Weights far from their start, biases among them, at slices whose borders count too.
    rng = np.random.default_rng(5)
    network = build(name, 3, SMALL)
    network.set_weights([rng.normal(0.1, 0.4, size=np.shape(values)) ** 2 + 0.01 for values in network.get_weights()])
    images = rng.normal(size=(2, 24, 40, 3)).astype(np.float32)
    faster = with_fewer_products(network)
    logits = [logits_of(net, images) for net in (network, faster)]
    np.testing.assert_allclose(logits[1], logits[0], rtol=1e-5)
    doubled = [layer for layer in faster.layers if type(layer).__name__ == "Conv2DTranspose"]
    assert len(doubled) == (2 if name == "unet-s" else 0)
    assert not doubled or not any(type(layer).__name__ == "UpSampling2D" for layer in faster.layers)


def logits_of(network: Any, images: NDArray[np.float32]) -> NDArray[np.float32]:
    import keras

    return np.asarray(keras.Model(network.input, network.get_layer("logits").output)(images))


def test_memory_estimate_of_a_network_counted_by_hand() -> None:
    # Fullest moment of UNet S: the joined 192 channels with the 64 + 128 that went into them, at full size.
    assert peak_bytes_per_pixel(build("unet-s")) == pytest.approx(1.25 * 4 * (64 + 128 + 192), rel=0.01)


def test_published_weights_give_the_published_program_s_output(test_data: Path, tmp_path: Path) -> None:
    # A UNet S trained, and run on the whole tomogram, by another program.
    import h5py

    names = ["conv2d", "conv2d_1", "conv2d_2", "conv2d_3", "conv2d_4", "conv2d_5"]
    with tarfile.open(test_data / "ais1" / "Membrane.scnm") as archive:
        member = archive.extractfile("Membrane_weights.h5")
        assert member is not None
        with h5py.File(io.BytesIO(member.read())) as file:
            layers = [file["model_weights"][name][name] for name in names]
            weights = [np.array(layer[kind]) for layer in layers for kind in ("kernel:0", "bias:0")]
    network = build("unet-s")
    network.set_weights(weights)
    model = Model(network, ModelInfo("unet-s", architecture("unet-s").arguments(), "Membrane", 10.0, 64, 1))
    published = mrcfile.read(test_data / "ais1" / "dev7__Membrane.mrc")
    with Tomogram.open(test_data / "cell_sim" / "tomogram.mrc") as tomogram:
        segmenters = [Segmenter(model, precision=precision) for precision in ("float32", "mixed")]
        exact, mixed = [s.predict_slices(tomogram, 60, 62, crop=(32, 224, 32, 224)) for s in segmenters]
    difference = np.abs(to_uint8(exact).astype(int) - published[60:62, 32:224, 32:224])
    assert np.quantile(difference, 0.99) <= 2
    assert np.abs(exact - mixed).mean() < 1e-3
    assert ((exact > 0.5) != (mixed > 0.5)).mean() < 1e-3
