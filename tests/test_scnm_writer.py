"""Models written for Ais 1.x: Keras 2.15 opens them and gives the same output; networks that it makes are read."""

from __future__ import annotations

import io
import json
import platform
import subprocess
import sys
import tarfile
from collections.abc import Callable
from pathlib import Path
from typing import Any
from unittest import mock

import h5py
import numpy as np
import pytest
import tifffile
from keras2_network import Network, computed, write_scnm
from PIL import Image
from small_project import make_model
from test_scnm import nested, varied

from ais.cli.main import run
from ais.engine.tasks import task_function
from ais.errors import AisError
from ais.models import (
    ARCHITECTURES,
    Model,
    ModelInfo,
    build,
    load_model,
    model_hash,
    read_group,
    read_preview,
    save_model,
    save_scnm,
    write_group,
)
from ais.models.layer_list import ACTIVATIONS

ROOT = Path(__file__).resolve().parent.parent
KERAS_2 = ROOT / ".venv-keras2" / "bin" / "python"
HAS_KERAS_2 = platform.system() == "Linux" and platform.machine() == "x86_64" and sys.version_info[:2] == (3, 11)
DEPTHS = {"unet-s": 3, "fastnet": 5, "unet-2.5d": 3, "unet-3d": 5, "pix2pix": 3}
OPTIONS = {"inceptionnet": {"modules": 1}, "resnet": {"blocks": 1}}
SIDES = (64, 128)
TOLERANCE = 1e-4
RULES = [
    {"competition": {"emit": ["blob"], "absorb": ["carbon"]}},
    {"child": "carbon", "parent": "blob", "type": "colocalize", "radius": 25.0, "threshold": 0.25},
    {"child": "blob", "parent": "carbon", "type": "avoid", "radius": 50.0, "threshold": 0.5},
]


def of_architecture(name: str) -> Model:
    """A small network of an architecture; what a training learns last, offsets and averages, is there too."""
    depth = DEPTHS.get(name, 1)
    info = ModelInfo(name, {"first_filters": 4, **OPTIONS.get(name, {})}, "blob", 10.0, 64, depth)
    network = build(name, depth, info.arguments, seed=1)
    rng = np.random.default_rng(2)
    network.set_weights(
        [
            values + np.abs(rng.normal(0, 0.1, values.shape)) if values.ndim == 1 else values
            for values in network.get_weights()
        ]
    )
    return Model(network, info)


def with_every_activation() -> Network:
    network = Network(3)
    ends = [
        network.add("Conv2D", "input_1", filters=2, kernel_size=[3, 3], activation=activation)
        for activation in ACTIVATIONS
    ]
    network.add("Concatenate", *ends)
    network.add("Conv2D", filters=1, kernel_size=[1, 1], activation="sigmoid")
    return network


def of_ais_1(make: Callable[[], Network], folder: Path) -> Model:
    return load_model(make().write(folder / "of_ais_1.scnm"))


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Model]:
    folder = tmp_path_factory.mktemp("models")
    found = {entry.name: of_architecture(entry.name) for entry in ARCHITECTURES}
    found["every layer"] = of_ais_1(varied, folder)
    found["every activation"] = of_ais_1(with_every_activation, folder)
    found["inner networks"] = of_ais_1(lambda: nested("Functional"), folder)
    return found


@pytest.fixture(scope="module")
def files(models: dict[str, Model], tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("files")
    for name, model in models.items():
        save_scnm(folder / f"{name}.scnm", model)
    return {name: folder / f"{name}.scnm" for name in models}


@pytest.fixture(scope="module")
def keras_2(models: dict[str, Model], files: dict[str, Path], tmp_path_factory: pytest.TempPathFactory) -> Path | None:
    """What Keras 2.15 has made of the files, and networks of its own; None where it cannot be had."""
    if not HAS_KERAS_2 and not KERAS_2.exists():
        return None
    assert KERAS_2.exists(), "Keras 2.15 is not installed: type make keras-2"
    folder = tmp_path_factory.mktemp("keras")
    for name, path in files.items():
        (folder / f"{name}.h5").write_bytes(network_in(path))
        np.save(folder / f"{name}.npy", image_for(models[name]))
    command = [str(KERAS_2), str(ROOT / "tests" / "inside_keras_2.py"), str(folder)]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-2000:]
    return folder


@pytest.fixture(scope="module")
def answers(keras_2: Path | None, models: dict[str, Model], files: dict[str, Path]) -> dict[str, np.ndarray]:
    """What Keras 2.15 gives for each file, or NumPy where Keras 2.15 cannot be had."""
    if keras_2 is None:
        return {name: numpys_answer(path, image_for(models[name])) for name, path in files.items()}
    for name, path in files.items():
        with h5py.File(io.BytesIO(network_in(path))) as file:
            stored = list(file["model_weights"].attrs["layer_names"])
        assert json.loads((keras_2 / f"{name}.json").read_text()) == stored, "weights are read in this order"
    return {name: np.load(keras_2 / f"{name}.out.npy") for name in files}


def image_for(model: Model) -> np.ndarray:
    return np.random.default_rng(3).normal(size=(1, *SIDES, model.info.depth)).astype(np.float32)


def members(path: Path) -> dict[str, bytes]:
    with tarfile.open(path) as tar:
        return {member.name: tar.extractfile(member).read() for member in tar}  # type: ignore[union-attr]


def network_in(path: Path) -> bytes:
    return members(path)[f"{path.stem}_weights.h5"]


def metadata_in(path: Path) -> dict[str, Any]:
    return dict(json.loads(members(path)[f"{path.stem}_metadata.json"]))


def numpys_answer(path: Path, image: np.ndarray) -> np.ndarray:
    """The network of a file computed layer by layer, from what the file says and nothing else."""
    with h5py.File(io.BytesIO(network_in(path))) as file:
        entries = {entry["name"]: entry for entry in json.loads(file.attrs["model_config"])["config"]["layers"]}
        weights = {
            name: {key.split(":")[0]: value[()] for key, value in file["model_weights"][name].get(name, {}).items()}
            for name in entries
        }
    values = {"input_1": image[0].astype(np.float64)}
    for name, entry in entries.items():
        if name not in values:
            given = [values[source[0]] for source in entry["inbound_nodes"][0]]
            values[name] = computed(entry["class_name"], entry["config"], weights[name], given)
    return values[name][None]


@pytest.mark.parametrize(
    "name", [*(entry.name for entry in ARCHITECTURES), "every layer", "every activation", "inner networks"]
)
def test_keras_2_gives_the_same_output(name: str, models: dict[str, Model], answers: dict[str, np.ndarray]) -> None:
    ours = np.asarray(models[name].network(image_for(models[name])))
    assert np.ptp(ours) > 0.1
    np.testing.assert_allclose(answers[name], ours, atol=TOLERANCE)


@pytest.mark.parametrize("name", ["fastnet", "unet-2.5d", "every layer"])
def test_numpy_gives_the_same_output(name: str, models: dict[str, Model], files: dict[str, Path]) -> None:
    image = image_for(models[name])
    np.testing.assert_allclose(numpys_answer(files[name], image), models[name].network(image), atol=TOLERANCE)


@pytest.mark.parametrize("name", ["fastnet", "unet-s", "unet-3d", "pix2pix", "every layer"])
def test_our_reader_gives_the_same_output(name: str, models: dict[str, Model], files: dict[str, Path]) -> None:
    ours, again = models[name], load_model(files[name])
    image = image_for(ours)
    np.testing.assert_allclose(again.network(image), ours.network(image), atol=1e-5)
    kept = ("feature", "colour", "voxel_size", "box_size", "depth", "normalization", "threshold")
    assert [getattr(again.info, key) for key in kept] == [getattr(ours.info, key) for key in kept]
    assert (again.info.architecture == name) == (name == "unet-s")


def test_networks_of_keras_2_are_taken_over(keras_2: Path | None, tmp_path: Path) -> None:
    # Where Keras 2.15 cannot be had, `test_lambda_layers` has one of them, computed by SciPy.
    made = [] if keras_2 is None else sorted((keras_2 / "made").glob("*.h5"))
    assert keras_2 is None or len(made) == 4
    for file in made:
        path = write_scnm(tmp_path / f"{file.stem}.scnm", file.read_bytes())
        model = load_model(path)
        expected = np.load(file.with_suffix(".out.npy"))
        assert np.ptp(expected) > 0.1
        np.testing.assert_allclose(model.network(np.load(file.with_suffix(".npy"))), expected, atol=1e-5)
        save_model(tmp_path / "own.aism", model)
        assert load_model(tmp_path / "own.aism").info.layers == model.info.layers


def test_what_comes_from_ais_1_goes_back_as_it_was(test_data: Path, tmp_path: Path) -> None:
    theirs, ours = test_data / "ais1" / "Membrane.scnm", tmp_path / "Membrane.scnm"
    assert run(["convert", str(theirs), str(tmp_path / "own.aism")]) == 0
    assert run(["convert", str(tmp_path / "own.aism"), str(ours)]) == 0
    # An index into the networks that were installed there says nothing here.
    assert metadata_in(ours) == {**metadata_in(theirs), "model_enum": 0}
    with h5py.File(io.BytesIO(network_in(theirs))) as expected, h5py.File(io.BytesIO(network_in(ours))) as found:
        assert {**expected.attrs, "model_config": ""} == {**found.attrs, "model_config": ""}
        layers = [json.loads(file.attrs["model_config"])["config"]["layers"] for file in (expected, found)]
        for entry, again in zip(*layers, strict=True):
            wanted = {**entry["config"], "name": again["name"]}
            if again["config"].get("kernel_size") == [1, 1]:
                wanted["padding"] = "same"  # one pixel lacks nothing at a border
            assert again["class_name"] == entry["class_name"]
            assert again["config"] == {key: wanted[key] for key in again["config"]}
            assert set(again) == set(entry)
        stored = [
            [
                file["model_weights"][name][weight][()]
                for name in names
                for weight in file["model_weights"][name].attrs["weight_names"]
            ]
            for file in (expected, found)
            for names in [file["model_weights"].attrs["layer_names"]]
        ]
    assert len(stored[0]) == 12
    for entry, again in zip(*stored, strict=True):
        np.testing.assert_array_equal(entry, again)


def test_metadata_are_those_that_ais_1_writes(
    test_data: Path, files: dict[str, Path], models: dict[str, Model]
) -> None:
    theirs = metadata_in(test_data / "ais1" / "Membrane.scnm")
    ours = metadata_in(files["fastnet"])
    assert set(ours) == set(theirs)
    assert (ours["title"], ours["apix"], ours["model_depth"], ours["normalization"]) == ("blob", 10.0, 5, "global_mad")
    count = models["fastnet"].network.count_params()
    assert (ours["n_parameters"], ours["arch"]) == (count, "FastNet")
    assert ours["info"] == f"FastNet ({count / 1e6:.1f} Mp, 64-5, 10.0, 0.0000)"


def test_slices_normalised_by_themselves_have_no_name_there(tmp_path: Path) -> None:
    model = of_ais_1(with_every_activation, tmp_path)
    save_scnm(tmp_path / "a.scnm", Model(model.network, ModelInfo(**{**vars(model.info), "normalization": "slice"})))
    assert metadata_in(tmp_path / "a.scnm")["normalization"] is None
    assert load_model(tmp_path / "a.scnm").info.normalization == "slice"


def test_pictures_come_along(tmp_path: Path) -> None:
    picture = np.zeros((20, 30, 3), np.uint8)
    picture[:5] = 200
    memory = io.BytesIO()
    Image.fromarray(picture).save(memory, "PNG")
    model = of_architecture("unet-s")
    save_model(tmp_path / "own.aism", model, memory.getvalue())
    assert run(["convert", str(tmp_path / "own.aism"), str(tmp_path / "own.scnm")]) == 0
    with Image.open(io.BytesIO(members(tmp_path / "own.scnm")["own_preview.png"])) as found:
        np.testing.assert_array_equal(np.asarray(found), picture)
    grey = tifffile.imread(io.BytesIO(members(tmp_path / "own.scnm")["own_slice.tiff"]))
    assert grey.dtype == np.float32
    np.testing.assert_allclose(grey, picture[..., 0], atol=0.5)
    for name, preview in (("plain", None), ("damaged", memory.getvalue()[:40])):
        save_scnm(tmp_path / f"{name}.scnm", model, preview)
        found_preview = read_preview(tmp_path / f"{name}.scnm")
        assert found_preview is not None
        with Image.open(io.BytesIO(found_preview)) as plain:
            assert plain.size == (64, 64)


def test_the_same_model_is_the_same_file(tmp_path: Path) -> None:
    model = of_architecture("eman2")
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        save_scnm(tmp_path / name / "a.scnm", model)
    assert (tmp_path / "one" / "a.scnm").read_bytes() == (tmp_path / "two" / "a.scnm").read_bytes()


def several_features(folder: Path) -> Path:
    info = ModelInfo("unet-s", {"first_filters": 4}, "both", 10.0, 32, 1, features=("membrane", "ribosome"))
    save_model(folder / "both.aism", Model(build("unet-s", 1, info.arguments, features=2), info))
    return folder / "both.aism"


def test_a_network_for_several_features_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    several_features(tmp_path)
    assert run(["convert", str(tmp_path / "both.aism"), str(tmp_path / "both.scnm")]) == 2
    said = capsys.readouterr().err
    assert 'The model that finds "both"' in said
    assert "2 features" in said
    assert "Traceback" not in said
    assert [path.name for path in tmp_path.iterdir()] == ["both.aism"]


def test_a_classic_model_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["classic", "sheet", "--feature", "sheet", "-o", str(tmp_path / "sheet.aism")]) == 0
    assert run(["convert", str(tmp_path / "sheet.aism"), str(tmp_path / "sheet.scnm")]) == 2
    assert "classic model" in capsys.readouterr().err
    assert not (tmp_path / "sheet.scnm").exists()


def test_a_layer_that_ais_1_has_not_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    import keras

    image = keras.Input((None, None, 1), name="image")
    x = keras.layers.Softmax(name="shares")(keras.layers.Conv2D(3, 3, padding="same")(image))
    end = keras.layers.Conv2D(1, 1, activation="sigmoid")(x)
    model = Model(keras.Model(image, end), ModelInfo("unet-s", {"first_filters": 4}, "blob", 10.0, 32, 1))
    with pytest.raises(AisError, match=r"its layer 'shares' \(Softmax\)") as caught:
        save_scnm(tmp_path / "a.scnm", model)
    assert "\n" not in str(caught.value)
    assert not (tmp_path / "a.scnm").exists()


def test_a_group_goes_there_and_back(tmp_path: Path) -> None:
    for seed, name in enumerate(("blob", "carbon")):
        make_model(tmp_path, f"{name}.aism", name, seed)
    write_group(tmp_path / "ours.aisgroup", [tmp_path / "blob.aism", tmp_path / "carbon.aism"], RULES)
    assert run(["convert", str(tmp_path / "ours.aisgroup"), str(tmp_path / "theirs.scnmgroup")]) == 0
    inside = members(tmp_path / "theirs.scnmgroup")
    assert list(inside) == ["theirs_model_0.scnm", "theirs_model_1.scnm", "theirs_interactions.json"]
    assert json.loads(inside["theirs_interactions.json"]) == [
        {"parent_title": "carbon", "partner_title": "blob", "type": 0, "radius": 2.5, "threshold": 0.25},
        {"parent_title": "blob", "partner_title": "carbon", "type": 1, "radius": 5.0, "threshold": 0.5},
    ]
    (tmp_path / "theirs_model_1.scnm").write_bytes(inside["theirs_model_1.scnm"])
    metadata = metadata_in(tmp_path / "theirs_model_1.scnm")
    assert (metadata["title"], metadata["emit"], metadata["absorb"]) == ("carbon", False, True)
    assert run(["convert", str(tmp_path / "theirs.scnmgroup"), str(tmp_path / "again.aisgroup")]) == 0
    group = read_group(tmp_path / "again.aisgroup")
    assert (group.models, group.rules) == (("blob.scnm", "carbon.scnm"), RULES)


def test_a_group_of_ais_1_goes_back_as_it_was(test_data: Path, tmp_path: Path) -> None:
    theirs = test_data / "ais1" / "membrane_ribosome.scnmgroup"
    ours, middle = tmp_path / "membrane_ribosome.scnmgroup", tmp_path / "middle.aisgroup"
    assert run(["convert", str(theirs), str(middle)]) == 0
    assert run(["convert", str(middle), str(ours)]) == 0
    expected, found = members(theirs), members(ours)
    assert list(found) == list(expected)
    rules = "membrane_ribosome_interactions.json"
    assert json.loads(found[rules]) == json.loads(expected[rules])


@pytest.mark.parametrize("case", ["of one feature", "for several features"])
def test_a_group_that_ais_1_cannot_have_is_refused(
    case: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    make_model(tmp_path, "a.aism", "blob", 0)
    if case == "of one feature":
        make_model(tmp_path, "b.aism", "blob", 1)
        other, words = tmp_path / "b.aism", 'Two models of the group find "blob"'
    else:
        other, words = several_features(tmp_path), "finds 2 features"
    write_group(tmp_path / "ours.aisgroup", [tmp_path / "a.aism", other])
    assert run(["convert", str(tmp_path / "ours.aisgroup"), str(tmp_path / "theirs.scnmgroup")]) == 2
    assert words in capsys.readouterr().err
    assert not (tmp_path / "theirs.scnmgroup").exists()


def test_the_compute_process_writes_them(tmp_path: Path) -> None:
    make_model(tmp_path, "a.aism", "blob", 0)
    make_model(tmp_path, "b.aism", "carbon", 1)
    files = [str(tmp_path / name) for name in ("a.aism", "b.aism")]
    for group, name, models in ((False, "own.scnm", files[:1]), (True, "own.scnmgroup", files)):
        arguments = {"path": str(tmp_path / name), "models": models, "rules": RULES, "group": group}
        task_function("save_for_ais_1")(arguments, mock.MagicMock())
    assert load_model(tmp_path / "own.scnm").info.feature == "blob"
    assert read_group(tmp_path / "own.scnmgroup").rules == RULES


def test_models_are_not_turned_into_groups(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    make_model(tmp_path, "a.aism", "blob", 0)
    assert run(["convert", str(tmp_path / "a.aism"), str(tmp_path / "a.scnmgroup")]) == 2
    assert "do not belong together" in capsys.readouterr().err


def test_what_is_written_over_must_be_asked_for(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    make_model(tmp_path, "a.aism", "blob", 0)
    (tmp_path / "a.scnm").write_bytes(b"mine")
    assert run(["convert", str(tmp_path / "a.aism"), str(tmp_path / "a.scnm")]) == 2
    assert (tmp_path / "a.scnm").read_bytes() == b"mine"
    assert run(["convert", str(tmp_path / "a.aism"), str(tmp_path / "a.scnm"), "--overwrite"]) == 0
    first = model_hash(tmp_path / "a.scnm")
    assert run(["convert", str(tmp_path / "a.scnm"), str(tmp_path / "b.scnm")]) == 0
    assert model_hash(tmp_path / "b.scnm") == first
