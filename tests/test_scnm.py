"""Models of Ais 1.x: they give what Ais 1.x gave, train on, and run nothing that a file brings along."""

from __future__ import annotations

import io
import json
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path
from typing import Any

import h5py
import mrcfile
import numpy as np
import pytest
from keras2_network import METADATA, Network, write_scnm, write_tar

from ais.cli.main import run
from ais.errors import AisError
from ais.formats.registry import write_volume
from ais.models import build, load_model, model_hash, read_model_info, read_preview, save_model
from ais.models.imported import unet_s_layers
from ais.models.layer_list import KINDS, build_listed, listed_layers, named_shapes, weighted_layers
from ais.models.reach import reach
from ais.segmentation import Segmenter
from ais.tomogram import Tomogram
from ais.training import train


def classic(depth: int = 1, side: int | None = None, seed: int = 0) -> Network:
    """Convolutions, a pooling, a normalisation, and a join: none of our architectures."""
    network = Network(depth, side, seed)
    fine = network.add("Conv2D", filters=4, kernel_size=[3, 3], activation="relu")
    network.add("MaxPooling2D")
    network.add("Conv2D", filters=6, kernel_size=[3, 3], use_bias=False)
    network.add("BatchNormalization")
    network.add("Activation", activation="relu")
    network.add("Dropout")
    network.add("UpSampling2D")
    network.add("Concatenate", network.last, fine)
    network.add("Conv2D", filters=1, kernel_size=[1, 1], padding="valid", activation="sigmoid")
    return network


def varied() -> Network:
    """The other kinds of layers, three slices, and a sigmoid that is a layer of its own."""
    network = Network(3, 16)
    first = network.add("SeparableConv2D", filters=6, kernel_size=[3, 3], depth_multiplier=2, activation="elu")
    network.add("LeakyReLU", alpha=0.2)
    network.add("Conv2D", filters=8, kernel_size=[4, 4], strides=[2, 2], groups=2)
    network.add("BatchNormalization", scale=False, axis=3)
    network.add("PReLU")
    network.add("DepthwiseConv2D", kernel_size=[3, 3], dilation_rate=[2, 2])
    network.add("ELU", alpha=0.5)
    network.add("Conv2DTranspose", filters=6, kernel_size=[4, 4], strides=[2, 2])
    second = network.add("Add", network.last, first)
    network.add("AveragePooling2D")
    network.add("UpSampling2D", interpolation="nearest")
    network.add("ZeroPadding2D", padding=[[1, 1], [2, 0]])
    network.add("Conv2D", filters=6, kernel_size=[3, 3], padding="valid", activation="tanh")
    gate = network.add("Conv2D", filters=1, kernel_size=[1, 1], activation="sigmoid")
    network.add("Multiply", gate, second)
    network.add("Maximum", network.last, first)
    network.add("Subtract", network.last, second)
    network.add("ZeroPadding2D", padding=[[2, 2], [2, 2]])
    network.add("Cropping2D", cropping=[[1, 3], [2, 2]])
    network.add("ReLU", max_value=6.0)
    network.add("SpatialDropout2D", rate=0.1)
    network.add("GaussianNoise", stddev=0.1)
    network.add("Conv2D", filters=1, kernel_size=[1, 1])
    network.add("Activation", activation="sigmoid")
    return network


def nested(kind: str) -> Network:
    """A network in which others are single layers."""
    down = Network(2, name="down")
    down.add("Conv2D", filters=5, kernel_size=[3, 3], strides=[2, 2])
    down.add("LeakyReLU", alpha=0.3)
    up = Network(5, name="up", seed=1)
    up.add("Conv2DTranspose", filters=3, kernel_size=[4, 4], strides=[2, 2], use_bias=False)
    up.add("BatchNormalization")
    network = Network(1)
    network.add("Conv2D", filters=2, kernel_size=[3, 3], activation="relu")
    network.nest(down, kind)
    network.nest(up, kind)
    network.add("Conv2D", filters=1, kernel_size=[3, 3], activation="sigmoid")
    return network


NETWORKS = {
    "classic": classic,
    "several slices": lambda: classic(3),
    "boxes of one size": lambda: classic(1, 32),
    "varied": varied,
    "Sequential inside": lambda: nested("Sequential"),
    "Functional inside": lambda: nested("Functional"),
}


@pytest.mark.parametrize("make", NETWORKS.values(), ids=NETWORKS.keys())
def test_networks_give_what_numpy_computes(make: Any, tmp_path: Path) -> None:
    network = make()
    model = load_model(network.write(tmp_path / "own.scnm"))
    assert model.info.architecture == "imported"
    assert [layer.name for layer in model.network.layers[-2:]] == ["logits", "probability"]
    image = np.random.default_rng(4).normal(size=(16, 24, model.info.depth)).astype(np.float32)
    expected = network.compute(image)
    assert np.ptp(expected) > 0.1
    np.testing.assert_allclose(model.network(image[None])[0], expected, atol=1e-5)
    np.testing.assert_allclose(model.network_as("float32")(image[None])[0], expected, atol=1e-5)
    np.testing.assert_allclose(model.network_as("mixed_bfloat16")(image[None])[0], expected, atol=0.1)
    # The same from a file of ours, and for images of any size that is a multiple of the stride.
    save_model(tmp_path / "ours.aism", model)
    again = load_model(tmp_path / "ours.aism")
    assert (again.info.architecture, again.info.layers) == ("imported", model.info.layers)
    stride = reach(again.network).stride
    other = np.random.default_rng(5).normal(size=(3 * stride, 5 * stride, model.info.depth)).astype(np.float32)
    np.testing.assert_allclose(again.network(other[None])[0], network.compute(other), atol=1e-5)


def test_a_chain_of_layers_is_a_network_too(tmp_path: Path) -> None:
    network = Network()
    network.add("Conv2D", filters=3, kernel_size=[3, 3], activation="relu")
    network.add("Conv2D", filters=1, kernel_size=[3, 3], activation="sigmoid")
    model = load_model(network.write(tmp_path / "own.scnm", network.description("Sequential")))
    image = np.random.default_rng(4).normal(size=(8, 8, 1)).astype(np.float32)
    np.testing.assert_allclose(model.network(image[None])[0], network.compute(image), atol=1e-5)


def test_layers_are_found_in_any_order(tmp_path: Path) -> None:
    network = classic()
    description = network.description()
    description["config"]["layers"] = description["config"]["layers"][::-1]
    turned = read_model_info(network.write(tmp_path / "turned.scnm", description))
    assert turned.layers == read_model_info(network.write(tmp_path / "own.scnm")).layers


def test_what_ais_1_builds_as_unet_s_is_our_unet_s(tmp_path: Path) -> None:
    built = weighted_layers(build("unet-s", 3, {"first_filters": 8}))
    listed = unet_s_layers(8)
    assert [type(layer).__name__ for layer in built] == [layer.kind for layer in listed]
    for layer, entry in zip(built, listed, strict=True):
        config = json.loads(json.dumps(layer.get_config()))
        assert {name: config[name] for name in entry.settings} == entry.settings
    network = Network(3)
    fine = network.add("Conv2D", filters=8, kernel_size=[3, 3], activation="relu")
    network.add("MaxPooling2D")
    middle = network.add("Conv2D", filters=16, kernel_size=[3, 3], activation="relu")
    network.add("MaxPooling2D")
    network.add("Conv2D", filters=32, kernel_size=[3, 3], activation="relu")
    network.add("Concatenate", network.add("UpSampling2D"), middle)
    network.add("Conv2D", filters=16, kernel_size=[3, 3], activation="relu")
    network.add("Concatenate", network.add("UpSampling2D"), fine)
    network.add("Conv2D", filters=8, kernel_size=[3, 3], activation="relu")
    network.add("Conv2D", filters=1, kernel_size=[1, 1], padding="valid", activation="sigmoid")
    model = load_model(network.write(tmp_path / "own.scnm"))
    assert (model.info.architecture, model.info.arguments, model.info.layers) == ("unet-s", {"first_filters": 8}, ())
    image = np.random.default_rng(4).normal(size=(8, 12, 3)).astype(np.float32)
    np.testing.assert_allclose(model.network(image[None])[0], network.compute(image), atol=1e-5)


@pytest.mark.parametrize("make", NETWORKS.values(), ids=NETWORKS.keys())
def test_weights_expected_are_those_of_keras(make: Any, tmp_path: Path) -> None:
    info = read_model_info(make().write(tmp_path / "own.scnm"))
    layers = weighted_layers(build_listed(info.layers, info.depth))
    shapes = [list(named.values()) for named in named_shapes(info.layers, info.depth)]
    assert [[weight.shape for weight in layer.get_weights()] for layer in layers] == shapes


def test_metadata_become_the_record(tmp_path: Path) -> None:
    info = read_model_info(classic(3).write(tmp_path / "own.scnm"))
    assert (info.feature, info.colour, info.voxel_size, info.box_size) == ("Ring", (1.0, 0.5, 0.0), 10.0, 32)
    assert (info.depth, info.threshold, info.normalization) == (3, 0.4, "global_mad")
    assert info.training["arch"] == "Own"
    assert info.training["loss"] == 0.25
    bare = {"normalization": None, "title": "", "colour": [7, 7, 7], "apix": None, "threshold": 128, "loss": [1]}
    info = read_model_info(classic().write(tmp_path / "bare.scnm", **bare))
    assert (info.feature, info.normalization, info.voxel_size, info.threshold) == ("bare", "slice", 0.0, 0.5)
    assert "loss" not in info.training
    info = read_model_info(classic().write(tmp_path / "odd.scnm", title="\ud800 ri\x1b[2Jng\n", arch="a\x07b"))
    assert (info.feature, "arch" in info.training) == ("ri[2Jng", False)
    renamed = (tmp_path / "own.scnm").rename(tmp_path / "other name.scnm")
    assert read_model_info(renamed).feature == "Ring"


def test_the_hash_is_that_of_the_network(tmp_path: Path) -> None:
    first = model_hash(classic().write(tmp_path / "a.scnm"))
    assert load_model(tmp_path / "a.scnm").hash == first
    assert model_hash(classic().write(tmp_path / "b.scnm", colour=[0, 0, 0], threshold=0.9)) == first
    assert model_hash(classic().write(tmp_path / "c.scnm", normalization=None)) != first
    assert model_hash(classic(seed=1).write(tmp_path / "d.scnm")) != first
    other = classic()
    other.layers[4]["config"]["epsilon"] = 0.01
    assert model_hash(other.write(tmp_path / "e.scnm")) != first


def test_a_preview_comes_along(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    members = {"x_weights.h5": classic().hdf5(), "x_metadata.json": json.dumps(METADATA).encode()}
    path = write_tar(tmp_path / "own.scnm", {**members, "x_preview.png": b"\x89PNG preview"})
    assert run(["convert", str(path), str(tmp_path / "own.aism")]) == 0
    assert read_preview(tmp_path / "own.aism") == b"\x89PNG preview"
    assert read_preview(write_tar(tmp_path / "bare.scnm", members)) is None


def test_info_loads_no_network(tmp_path: Path) -> None:
    path = classic().write(tmp_path / "own.scnm")
    code = (
        "import sys; from ais.cli.main import run; assert run(['info', sys.argv[1], '--json']) == 0;"
        "assert not {'tensorflow', 'keras', 'torch', 'jax'} & set(sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code, str(path)], check=True, capture_output=True, text=True)
    figures = json.loads(done.stdout)
    keys = ("architecture", "feature", "voxel_size", "box_size", "depth", "normalization", "kind")
    assert [figures[key] for key in keys] == ["imported", "Ring", 10.0, 32, 1, "global_mad", "model"]


def test_tiles_are_the_whole(tmp_path: Path) -> None:
    path = varied().write(tmp_path / "own.scnm")
    noise = np.random.default_rng(0).normal(size=(3, 90, 70)).astype(np.float32)
    write_volume(tmp_path / "tomo.mrc", noise, voxel_sizes=10.0)
    model = load_model(path)
    with Tomogram.open(tmp_path / "tomo.mrc") as tomogram:
        whole = Segmenter(model, precision="float32").predict_slices(tomogram, 0, 3)
        tiles = Segmenter(model, precision="float32", memory=1 << 20).predict_slices(tomogram, 0, 3)
    assert np.ptp(whole) > 0.1
    np.testing.assert_allclose(tiles, whole, atol=1e-5)


def test_training_goes_on(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    from small_project import make_project, make_training_set

    make_project(tmp_path)
    make_training_set(tmp_path)
    base = classic().write(tmp_path / "base.scnm")
    words = ["train", str(tmp_path / "set.scnt"), "--epochs", "12", "--copies", "8", "--learning-rate", "0.01"]
    capsys.readouterr()
    assert run([*words, "-o", str(tmp_path / "a.aism"), "--continue", str(base), "--json"]) == 0
    first = json.loads(capsys.readouterr().out)["history"]
    model = load_model(tmp_path / "a.aism")
    assert model.info.layers == read_model_info(base).layers
    assert model.info.training["continued_from"] == model_hash(base)
    assert first[-1]["loss"] < 0.7 * first[0]["loss"]
    # What was learnt is kept: the next training begins where this one ended.
    result = train([tmp_path / "set.scnt"], tmp_path / "b.aism", epochs=1, continue_from=tmp_path / "a.aism")
    assert result.history[0].loss < 0.7 * first[0]["loss"]
    assert run([*words, "-o", str(tmp_path / "c.aism"), "--architecture", "imported"]) == 2
    assert "--continue" in capsys.readouterr().err


def test_membranes_as_ais_1_found_them(test_data: Path, tmp_path: Path) -> None:
    models, cell = test_data / "ais1", test_data / "cell_sim" / "tomogram.mrc"
    assert (
        run(["segment", "-m", str(models / "Membrane.scnm"), str(cell), "-o", str(tmp_path), "--range", "60:64"]) == 0
    )
    with mrcfile.open(tmp_path / "tomogram__Membrane.mrc") as file:
        found = np.array(file.data[60:64], np.float64)
    with mrcfile.open(models / "dev7__Membrane.mrc") as file:
        expected = np.array(file.data[60:64], np.float64)
    assert expected.std() > 20
    assert np.abs(found - expected).mean() < 1.0
    assert np.abs(found - expected).max() <= 8


def test_both_models_of_ais_1_are_unet_s(test_data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    models, cell = test_data / "ais1", test_data / "cell_sim" / "tomogram.mrc"
    for name in ("Membrane", "Ribosome"):
        info = read_model_info(models / f"{name}.scnm")
        assert (info.architecture, info.arguments, info.feature) == ("unet-s", {"first_filters": 64}, name)
        assert (info.voxel_size, info.box_size, info.depth) == (10.0, 64, 1)
        assert info.normalization == "global_mad"
    ours = tmp_path / "ours.aism"
    assert run(["convert", str(models / "Ribosome.scnm"), str(ours)]) == 0
    with Tomogram.open(cell) as tomogram:
        found = [
            Segmenter(load_model(path), precision="float32").predict_slices(tomogram, 60, 61)
            for path in (models / "Ribosome.scnm", ours)
        ]
    assert np.ptp(found[0]) > 0.5
    np.testing.assert_array_equal(found[0], found[1])


def shrinking() -> Network:
    network = Network()
    network.add("Conv2D", filters=2, kernel_size=[3, 3], padding="valid", activation="relu")
    network.add("Conv2D", filters=1, kernel_size=[1, 1], activation="sigmoid")
    return network


def described(change: Any) -> Any:
    """A file whose description of the network is changed in place."""

    def write(path: Path) -> None:
        network = classic()
        description = network.description()
        layers = {layer["class_name"]: layer for layer in description["config"]["layers"]}
        replaced = change(description, layers)
        network.write(path, description if replaced is None else replaced)

    return write


def with_metadata(**changes: Any) -> Any:
    return lambda path: classic().write(path, **changes)


def with_layer(kind: str, **settings: Any) -> Any:
    """A file with one more layer, of a kind that is not taken over."""

    def change(_: Any, layers: dict[str, Any]) -> None:
        layers["Dropout"]["class_name"] = kind
        layers["Dropout"]["config"] = {"name": layers["Dropout"]["config"]["name"], **settings}

    return described(change)


def hdf5(change: Any) -> Any:
    """A file whose HDF5 is changed in place, or replaced by what is returned."""

    def write(path: Path) -> None:
        memory = io.BytesIO(classic().hdf5())
        with h5py.File(memory, "r+") as file:
            changed = change(file, file["model_weights"])
        write_scnm(path, changed or memory.getvalue())

    return write


def replace_kernel(kernel: Any) -> Any:
    """Put something else in the place of the first kernel."""

    def change(file: h5py.File, weights: h5py.Group) -> None:
        name = "conv2d_1_model/conv2d_1_model/kernel:0"
        del weights[name]
        kernel(weights, name)

    return hdf5(change)


def external_storage(weights: h5py.Group, name: str) -> None:
    weights.create_dataset(name, (3, 3, 1, 4), "f4", external=[("/etc/passwd", 0, 144)])


def packed_terabytes(weights: h5py.Group, name: str) -> None:
    weights.create_dataset(name, (1 << 20, 1 << 20), "f4", chunks=(1 << 10, 1 << 10), compression="gzip")


def set_attribute(name: str, value: Any) -> Any:
    def change(file: h5py.File, _: h5py.Group) -> None:
        file.attrs[name] = value

    return hdf5(change)


def endless_heap(file: h5py.File, _: h5py.Group) -> bytes:
    """Free space of no size in the heap in which the description lies, which the HDF5 library reads for ever."""
    file.flush()
    data = bytearray(file.id.get_file_image())
    heap = data.find(b"GCOL")
    first = int.from_bytes(data[heap + 24 : heap + 32], "little")
    free = heap + 16 + 16 + -(-first // 8) * 8
    assert data[free : free + 2] == b"\0\0"
    data[free + 8 : free + 16] = bytes(8)
    return bytes(data)


def in_circles(file: h5py.File, weights: h5py.Group) -> None:
    group = weights["conv2d_1_model"]
    for number in range(8):
        group[f"again_{number}"] = group
    del group["conv2d_1_model/bias:0"]


def sparse(path: Path) -> None:
    members = {"x_metadata.json": json.dumps(METADATA).encode()}
    write_tar(path, members)
    with tarfile.open(path, "a") as tar:
        link = tarfile.TarInfo("x_weights.h5")
        link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
        tar.addfile(link)


def wait_for_each_other(_: Any, layers: dict[str, Any]) -> None:
    layers["MaxPooling2D"]["inbound_nodes"][0][0][0] = layers["UpSampling2D"]["config"]["name"]


HOSTILE: dict[str, tuple[Any, str]] = {
    "empty": (lambda path: path.write_bytes(b""), "not a model of Ais 1"),
    "noise": (lambda path: path.write_bytes(np.random.default_rng(3).bytes(4000)), "not a model of Ais 1"),
    "cut off": (lambda path: path.write_bytes(classic().write(path).read_bytes()[:9000]), "damaged|cut off"),
    "folder": (lambda path: path.mkdir(), "folder"),
    "missing": (lambda path: path.unlink(missing_ok=True), "does not exist"),
    "no weights": (lambda path: write_tar(path, {"x_metadata.json": b"{}"}), "0 files that end in _weights.h5"),
    "many files": (lambda path: write_tar(path, {f"{n}_weights.h5": b"" for n in range(300)}), "more than 100"),
    "two networks": (
        lambda path: write_tar(path, {"x_metadata.json": b"{}", "a_weights.h5": b"", "b_weights.h5": b""}),
        "2 files",
    ),
    "link in the tar": (sparse, "no plain file"),
    "metadata are a list": (
        lambda path: write_tar(path, {"x_metadata.json": b"[]", "x_weights.h5": classic().hdf5()}),
        "not a record",
    ),
    "metadata too deep": (
        lambda path: write_tar(path, {"x_metadata.json": b"[" * 200_000, "x_weights.h5": classic().hdf5()}),
        "not JSON",
    ),
    "network is noise": (lambda path: write_scnm(path, b"noise" * 1000), "cannot be read"),
    "no box size": (with_metadata(box_size=None), "box size"),
    "other normalisation": (with_metadata(normalization="per_cell"), "per_cell"),
    "no description": (hdf5(lambda file, _: file.attrs.__delitem__("model_config")), "without a description"),
    "description is a number": (set_attribute("model_config", 3.0), "not JSON"),
    "description is a table": (set_attribute("model_config", ["{}", "{}"]), "cannot be read"),
    "description is a list": (set_attribute("model_config", "[]"), "not a record"),
    "description is empty": (set_attribute("model_config", "{}"), "makes no sense"),
    "description of layers is a number": (
        set_attribute("model_config", '{"class_name": "Functional", "config": {"layers": 3}}'),
        "makes no sense",
    ),
    "unknown network": (described(lambda d, _: {**d, "class_name": "Graph"}), "Graph"),
    "code": (with_layer("Lambda", function=["4wEAAAA=", None, None]), "program code"),
    "call of TensorFlow": (with_layer("TFOpLambda", function="io.read_file"), "a call of TensorFlow"),
    "own class": (
        described(lambda _, layers: layers["Dropout"].__setitem__("registered_name", "evil>Dropout")),
        "does not know",
    ),
    "unknown layer": (with_layer("Wormhole"), "Wormhole"),
    "kind is a list": (described(lambda _, layers: layers["Dropout"].__setitem__("class_name", [1])), "does not know"),
    "one size": (with_layer("Resizing", height=64, width=64), "one size"),
    "whole box": (with_layer("GroupNormalization", groups=2), "whole box"),
    "3D layer": (with_layer("Conv3D", filters=3), "3D"),
    "3D input": (
        described(
            lambda _, layers: layers["InputLayer"]["config"].__setitem__("batch_input_shape", [None, 32, 32, 8, 1])
        ),
        "3D",
    ),
    "even depth": (
        lambda path: classic(2).write(path),
        "odd",
    ),
    "layer used twice": (
        described(lambda _, layers: layers["Dropout"]["inbound_nodes"].append(layers["Dropout"]["inbound_nodes"][0])),
        "used 2 times",
    ),
    "called with settings": (
        described(lambda _, layers: layers["Dropout"]["inbound_nodes"][0][0].__setitem__(3, {"training": True})),
        "settings of its own",
    ),
    "layers wait for each other": (described(wait_for_each_other), "wait for each other"),
    "two of one name": (
        described(lambda d, layers: d["config"]["layers"].append(layers["Dropout"])),
        "several of one name",
    ),
    "two outputs": (described(lambda d, _: d["config"]["output_layers"].append(["input_1", 0, 0])), "several images"),
    "unknown setting": (
        described(lambda _, layers: layers["Dropout"]["config"].__setitem__("speed", 3)),
        "'speed' of its layer",
    ),
    "channels first": (
        described(lambda _, layers: layers["MaxPooling2D"]["config"].__setitem__("data_format", "channels_first")),
        "channels_first",
    ),
    "own activation": (
        described(
            lambda _, layers: layers["Activation"]["config"].__setitem__("activation", {"class_name": "function"})
        ),
        "'activation'",
    ),
    "no probability": (
        described(lambda _, layers: layers["Conv2D"]["config"].__setitem__("activation", "tanh")),
        "sigmoid",
    ),
    "several values per pixel": (
        described(lambda _, layers: layers["Conv2D"]["config"].__setitem__("filters", 3)),
        "3 values per pixel",
    ),
    "smaller output": (lambda path: shrinking().write(path), "size of its input"),
    "smooth enlargement": (
        described(lambda _, layers: layers["UpSampling2D"]["config"].update(interpolation="bilinear")),
        "'interpolation'",
    ),
    "sizes that do not meet": (
        described(lambda _, layers: layers["UpSampling2D"]["config"].__setitem__("size", [4, 4])),
        "different sizes",
    ),
    "giant layer": (
        described(lambda _, layers: layers["Conv2D"]["config"].__setitem__("kernel_size", [1000, 1000])),
        "do not fit|far larger",
    ),
    "infinite channels": (
        described(lambda _, layers: layers["Conv2D"]["config"].__setitem__("filters", 1 << 62)),
        "'filters'",
    ),
    "kernel in another file": (replace_kernel(external_storage), "do not fit its layer"),
    "kernel is a link": (
        replace_kernel(lambda weights, name: weights.__setitem__(name, h5py.ExternalLink("/etc/passwd", "/"))),
        "do not fit its layer",
    ),
    "kernel of terabytes": (replace_kernel(packed_terabytes), "do not fit its layer"),
    "kernel of another size": (
        replace_kernel(lambda weights, name: weights.create_dataset(name, data=np.zeros((3, 3, 4, 1), "f4"))),
        "do not fit its layer",
    ),
    "kernel is text": (
        replace_kernel(lambda weights, name: weights.create_dataset(name, data=np.full((3, 3, 1, 4), b"x"))),
        "do not fit its layer",
    ),
    "kernel is NaN": (
        replace_kernel(lambda weights, name: weights.create_dataset(name, data=np.full((3, 3, 1, 4), np.nan, "f4"))),
        "not numbers",
    ),
    "heap without an end": (hdf5(endless_heap), "cannot be read"),
    "groups in circles": (hdf5(in_circles), "do not fit its layer"),
    "no weights group": (hdf5(lambda file, _: file.__delitem__("model_weights")), "do not fit its layer"),
}


@pytest.mark.parametrize(("write", "words"), HOSTILE.values(), ids=HOSTILE.keys())
def test_what_cannot_be_used_is_refused_in_one_sentence(write: Any, words: str, tmp_path: Path) -> None:
    path = tmp_path / "own.scnm"
    write(path)
    with pytest.raises(AisError, match=words) as caught:
        load_model(path)
    message = str(caught.value)
    assert "own.scnm" in message
    assert "\n" not in message
    assert message.endswith(".")


def test_a_flipped_byte_never_gives_a_traceback(tmp_path: Path) -> None:
    data = classic().write(tmp_path / "own.scnm").read_bytes()
    rng = np.random.default_rng(0)
    path, refusals = tmp_path / "flipped.scnm", []
    for _ in range(60):
        flipped = bytearray(data)
        for at in rng.integers(0, len(data), 8):
            flipped[at] ^= 1 << int(rng.integers(8))
        path.write_bytes(bytes(flipped))
        try:
            model_hash(path)
        except AisError as error:
            refusals.append(str(error))
    assert len(refusals) > 5
    assert all(path.name in refusal and "\n" not in refusal for refusal in refusals)


def change_layers(path: Path, change: Any) -> None:
    with zipfile.ZipFile(path) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    record = json.loads(members["model.json"])
    record["layers"] = change(record["layers"])
    members["model.json"] = json.dumps(record).encode()
    with zipfile.ZipFile(path, "w") as archive:
        for name, data in members.items():
            archive.writestr(name, data)


WRONG_LAYERS: dict[str, Any] = {
    "none": lambda layers: layers[:0],
    "no list": lambda layers: layers[0],
    "of text": lambda layers: [layer["kind"] for layer in layers],
    "Lambda": lambda layers: [{**layers[0], "kind": "Lambda"}, *layers[1:]],
    "kind is a list": lambda layers: [{**layers[0], "kind": ["Conv2D"]}, *layers[1:]],
    "code for a setting": lambda layers: [
        {**layers[0], "settings": {**layers[0]["settings"], "activation": {"class_name": "Lambda"}}},
        *layers[1:],
    ],
    "one setting more": lambda layers: [
        {**layers[0], "settings": {**layers[0]["settings"], "kernel_initializer": "x"}},
        *layers[1:],
    ],
    "looks ahead": lambda layers: [{**layers[0], "inputs": [2]}, *layers[1:]],
    "looks behind": lambda layers: [{**layers[0], "inputs": [-1]}, *layers[1:]],
    "joins nothing": lambda layers: [{"kind": "Add", "settings": {}, "inputs": [0]}, *layers[1:]],
    "giant": lambda layers: [
        {**layers[0], "settings": {**layers[0]["settings"], "filters": 65536, "kernel_size": [1024, 1024]}},
        *layers[1:],
    ],
    "endless": lambda layers: [layers[0]] * 3000,
    "no sigmoid": lambda layers: layers[:-1],
    "clash": lambda layers: [
        {**layers[0], "settings": {**layers[0]["settings"], "strides": [2, 2], "dilation_rate": [2, 2]}},
        *layers[1:],
    ],
}


@pytest.mark.parametrize("change", WRONG_LAYERS.values(), ids=WRONG_LAYERS.keys())
def test_a_list_of_layers_is_checked_before_anything_is_built(change: Any, tmp_path: Path) -> None:
    save_model(tmp_path / "own.aism", load_model(classic().write(tmp_path / "own.scnm")))
    change_layers(tmp_path / "own.aism", change)
    with pytest.raises(AisError, match=r"own\.aism cannot be used") as caught:
        load_model(tmp_path / "own.aism")
    assert "\n" not in str(caught.value)


def test_reach_knows_every_kind_of_layer(tmp_path: Path) -> None:
    used = {
        layer.kind for make in NETWORKS.values() for layer in read_model_info(make().write(tmp_path / "a.scnm")).layers
    }
    assert used | {"Average", "Minimum"} == set(KINDS)
    network = varied()
    model = load_model(network.write(tmp_path / "own.scnm"))
    image = np.zeros((64, 64, 3))
    seen = reach(model.network)
    far = 0
    plain = network.compute(image)
    for shift in range(seen.stride):
        poked = image.copy()
        poked[32 + shift, 32 + shift] = 1e3
        moved = np.nonzero(np.abs(network.compute(poked) - plain)[..., 0])
        far = max(far, int(np.abs(np.concatenate(moved) - 32 - shift).max()))
    assert far <= seen.radius <= far + 2
    assert listed_layers([layer.as_json() for layer in model.info.layers], 3) == model.info.layers
