"""Networks of the user's own: files in the models folder, read on demand, and held to what a model was trained with."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from small_project import make_project, make_training_set
from training_samples import spots

from ais.cli.main import run
from ais.errors import AisError
from ais.models import (
    Model,
    ModelInfo,
    all_architectures,
    architecture,
    build,
    load_model,
    model_hash,
    new_user_architecture,
    read_model_info,
    save_model,
)
from ais.models.user_architectures import TEMPLATE, models_folder
from ais.tomogram import Tomogram
from ais.training import train

SMALL = {"first_filters": 4}


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A models folder of this test only."""
    folder = tmp_path / "my models"
    monkeypatch.setenv("AIS_MODELS", str(folder))
    return folder


def written(folder: Path, name: str, changes: dict[str, str] | None = None) -> Path:
    """The template under a name, with parts of its text replaced."""
    path = new_user_architecture(name)
    text = path.read_text(encoding="utf-8")
    for old, new in (changes or {}).items():
        assert old in text
        text = text.replace(old, new)
    path.write_text(text, encoding="utf-8")
    return path


def saved(path: Path, name: str, depth: int = 1) -> Model:
    info = ModelInfo(name, SMALL, "ring", 10.0, 32, depth, architecture_hash=architecture(name).source_hash)
    model = Model(build(name, depth, SMALL, seed=1), info)
    save_model(path, model)
    return model


def test_the_template_is_listed_with_what_its_layers_say(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["train", "--template", "my-net"]) == 0
    assert capsys.readouterr().out.strip() == str(folder / "my_net.py")
    assert run(["train", "--list", "--json"]) == 0
    entries = {entry["name"]: entry for entry in json.loads(capsys.readouterr().out)}
    assert (entries["my-net"]["own"], entries["unet-s"]["own"]) == (True, False)
    # Counted by hand: a kernel and an offset, three kernels with a bias per channel, and the last layer.
    assert entries["my-net"]["parameters"] == (9 * 32 + 32) + 3 * (9 * 32 * 32 + 32) + (32 + 1)
    found = architecture("my-net")
    assert (found.radius, found.stride) == (1 + 2 + 4 + 8, 1)
    assert run(["train", "--list"]) == 0
    assert "my-net (your own)  0.03 M parameters" in capsys.readouterr().out


def test_the_page_shows_the_whole_template() -> None:
    page = Path(__file__).resolve().parent.parent / "docs" / "how-to" / "own-architecture.md"
    assert f"```python\n{TEMPLATE.read_text(encoding='utf-8')}```" in page.read_text(encoding="utf-8")


def test_names_of_new_architectures(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for name in ("unet-s", "imported", "My Net", "../net", "-net"):
        assert run(["train", "--template", name]) == 2
        assert name in capsys.readouterr().err
    assert not folder.exists()
    path = new_user_architecture("my-net")
    path.write_text("mine")
    with pytest.raises(AisError, match="exists already"):
        new_user_architecture("my-net")
    assert path.read_text() == "mine"


def test_train_and_segment_with_it(folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    written(folder, "my-net")
    make_project(tmp_path)
    make_training_set(tmp_path)
    model = tmp_path / "own.aism"
    words = ["train", str(tmp_path / "set.scnt"), "-o", str(model), "--architecture", "my-net", "--epochs", "1"]
    assert run([*words, "--copies", "1", "--option", "first_filters=4"]) == 0
    info = read_model_info(model)
    assert (info.architecture, info.arguments) == ("my-net", {"first_filters": 4})
    assert info.architecture_hash == architecture("my-net").source_hash
    assert run(["segment", "-m", str(model), str(tmp_path / "tomo.mrc"), "-o", str(tmp_path / "out")]) == 0
    with Tomogram.open(tmp_path / "out" / "tomo__blob.mrc") as found:
        assert np.ptp(found.slab(0, 6)) > 0
    assert run([*words[:3], str(tmp_path / "b.aism"), "--continue", str(model), "--epochs", "1", "--copies", "1"]) == 0
    assert read_model_info(tmp_path / "b.aism").architecture_hash == info.architecture_hash
    assert run([*words[:3], str(tmp_path / "c.aism"), "--architecture", "my-nets"]) == 2
    assert "pix2pix, my-net." in capsys.readouterr().err


def test_a_model_is_described_without_its_file_and_without_a_network(folder: Path, tmp_path: Path) -> None:
    source = written(folder, "my-net")
    saved(tmp_path / "own.aism", "my-net")
    source.unlink()
    code = (
        "import sys; from ais.cli.main import run; assert run(['info', sys.argv[1], '--json']) == 0;"
        "assert not {'tensorflow', 'keras', 'torch', 'jax'} & set(sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code, str(tmp_path / "own.aism")], check=True, capture_output=True)
    assert json.loads(done.stdout)["architecture"] == "my-net"


def test_a_missing_and_a_changed_file_are_named(folder: Path, tmp_path: Path) -> None:
    source = written(folder, "my-net")
    text = source.read_text(encoding="utf-8")
    model = saved(tmp_path / "own.aism", "my-net")
    first = model_hash(tmp_path / "own.aism")
    source.write_text(text.replace("(2, 4, 8)", "(2, 4, 16)"), encoding="utf-8")
    with pytest.raises(AisError, match=r"own\.aism cannot be used .*my_net\.py has changed since"):
        load_model(tmp_path / "own.aism")
    source.rename(folder / "elsewhere.txt")
    with pytest.raises(AisError, match=r"own\.aism cannot be used .*'my-net'.*my models.*AIS_MODELS") as caught:
        load_model(tmp_path / "own.aism")
    assert "\n" not in str(caught.value)
    (folder / "my-net.py").write_text(text, encoding="utf-8")
    again = load_model(tmp_path / "own.aism")
    image = np.random.default_rng(0).normal(size=(1, 40, 24, 1)).astype(np.float32)
    np.testing.assert_array_equal(again.network(image), model.network(image))
    assert again.hash == first


def test_the_model_hash_follows_the_file(folder: Path, tmp_path: Path) -> None:
    source = written(folder, "my-net")
    model = saved(tmp_path / "a.aism", "my-net")
    first = model_hash(tmp_path / "a.aism")
    source.write_text(source.read_text(encoding="utf-8").replace('"relu"', '"elu"'), encoding="utf-8")
    changed = saved(tmp_path / "b.aism", "my-net")
    assert changed.info.architecture_hash != model.info.architecture_hash
    assert model_hash(tmp_path / "b.aism") != first


OWN_NORMALISATION = """
        x = keras.layers.BatchNormalization(dtype=layers.dtype)(layers.add(x, wider(x)))
        x = layers.drop(x, 0.2)
"""


def test_layers_of_keras_beside_ours(folder: Path, tmp_path: Path) -> None:
    written(folder, "my-net", {"\n        x = layers.add(x, wider(x))\n": OWN_NORMALISATION})
    model = saved(tmp_path / "own.aism", "my-net", depth=3)
    rng = np.random.default_rng(0)
    model.network.set_weights([w + rng.uniform(0, 0.2, w.shape) for w in model.network.get_weights()])
    save_model(tmp_path / "own.aism", model)
    again = load_model(tmp_path / "own.aism")
    image = rng.normal(size=(1, 40, 24, 3)).astype(np.float32)
    expected = np.asarray(model.network(image, training=False))
    assert np.ptp(expected) > 0.01
    for network in (again.network, again.network_as("float32")):
        np.testing.assert_allclose(network(image, training=False), expected, atol=1e-5)
    mixed = again.network_as("mixed_bfloat16")
    assert mixed.get_layer("wider_2").compute_dtype == "bfloat16"
    assert np.abs(mixed(image, training=False) - expected).mean() < 0.03


def test_several_features(folder: Path) -> None:
    written(folder, "my-net")
    image = np.random.default_rng(0).normal(size=(1, 16, 16, 1)).astype(np.float32)
    found = np.asarray(build("my-net", 1, SMALL, features=3)(image))
    assert found.shape == (1, 16, 16, 4)
    np.testing.assert_allclose(found.sum(axis=-1), 1, atol=1e-5)


def test_a_training_does_not_go_on_with_another_network(folder: Path, tmp_path: Path) -> None:
    source = written(folder, "my-net")
    seen: list[int] = []

    def stop(report: Any) -> None:
        seen.append(report.epoch)
        raise KeyboardInterrupt

    def begin(on_epoch: Any) -> None:
        settings: dict[str, Any] = {"architecture": "my-net", "options": SMALL, "epochs": 2, "copies": 1}
        train([spots(4, negatives=1)], tmp_path / "own.aism", **settings, on_epoch=on_epoch)

    with pytest.raises(KeyboardInterrupt):
        begin(stop)
    source.write_text(source.read_text(encoding="utf-8") + "# changed\n", encoding="utf-8")
    begin(lambda report: seen.append(report.epoch))
    assert seen == [1, 1, 2]


FAULTS: dict[str, tuple[dict[str, str], str]] = {
    "syntax": ({"filters = int(": "filters = = int("}, r"SyntaxError in line 23: invalid syntax"),
    "fails when read": ({"FILTERS = Option(": "1 / 0\nFILTERS = Option("}, r"ZeroDivisionError in line 11"),
    "ends the program": ({"FILTERS = Option(": "raise SystemExit\nFILTERS = Option("}, "SystemExit in line 11"),
    "needs what is missing": ({"from typing": "import nothing_like_this\nfrom typing"}, "nothing_like_this"),
    "no architecture": ({"ARCHITECTURE =": "ARCHITEKTUR ="}, "defines no ARCHITECTURE"),
    "wrong type": ({"ARCHITECTURE = Architecture(": "ARCHITECTURE = dict("}, "must be an Architecture"),
    "unknown entry": ({"    title=": "    colour=3,\n    title="}, "colour"),
    "entry missing": ({'    title="My net",\n': ""}, "title"),
    "other name": ({'    name="my-net"': '    name="your-net"'}, "must be called 'my-net'"),
    "text as a number": ({'title="My net"': "title=3"}, "'title'"),
    "no option": ({"options=(FILTERS,)": 'options=("filters",)'}, "'options'"),
    "option out of its range": ({"32, 4, 256": "2, 4, 256"}, "from 4 to 256"),
    "option of text": ({"32, 4, 256": '"many", 4, 256'}, "my_net.py cannot be used"),
    "even depth": ({"    network=network": "    depths=(2, 4),\n    network=network"}, "'depths'"),
    "no function": ({"    network=network": '    network="network"'}, "'network'"),
    "cannot be built": ({'padding="same"': 'padding="some"'}, "cannot be built: ValueError in line 27"),
    "asks for what is not there": (
        {'options["first_filters"]': 'options["width"]'},
        "cannot be built: KeyError in line",
    ),
    "no network": ({"return layers.model(": "print(layers.dtype) if 0 else (lambda *_: None)("}, "does not end with"),
    "own end": (
        {'return layers.model(image, x, "my-net")': "return keras.Model(image, x)"},
        "does not end with",
    ),
    "own image": ({"layers.image(depth)": "keras.Input((64, 64, depth))"}, "does not begin with"),
    "whole image": (
        {"layers.add(x, wider(x))": "layers.add(x, keras.layers.GlobalMaxPooling2D(keepdims=True)(x))"},
        "bounded part",
    ),
    "smaller": ({'padding="same"': 'padding="valid"'}, "cannot be (built|used)"),
    "Lambda": ({"    return layers": "    x = keras.layers.Lambda(abs)(x)\n    return layers"}, "Lambda"),
    "smooth enlargement": (
        {
            "    return layers": "    x = layers.halve(x)\n"
            '    x = keras.layers.UpSampling2D(2, interpolation="bilinear")(x)\n    return layers'
        },
        "one size only",
    ),
}


@pytest.mark.parametrize(("changes", "words"), FAULTS.values(), ids=FAULTS.keys())
def test_a_faulty_file_gets_a_sentence(changes: dict[str, str], words: str, folder: Path) -> None:
    path = written(folder, "my-net", changes)
    with pytest.raises(AisError, match=words) as caught:
        architecture("my-net")
    message = str(caught.value)
    assert str(path) in message
    assert "\n" not in message
    assert message.endswith(".")


def test_a_faulty_file_is_left_out_and_the_others_are_not(folder: Path, capfd: pytest.CaptureFixture[str]) -> None:
    written(folder, "a-net")
    written(folder, "b-net", {"filters = int(": "filters = = int("})
    written(folder, "c-net", {"    return layers": "    x = keras.layers.Lambda(abs)(x)\n    return layers"})
    written(folder, "d-net")
    assert run(["train", "--list", "--json"]) == 0
    printed = capfd.readouterr()
    assert [entry["name"] for entry in json.loads(printed.out) if entry["own"]] == ["a-net", "d-net"]
    first, second = printed.err.splitlines()
    assert first.startswith(str(folder / "b_net.py"))
    assert second.startswith(str(folder / "c_net.py"))


def test_files_that_cannot_be_told_apart(folder: Path, caplog: pytest.LogCaptureFixture) -> None:
    path = written(folder, "my-net")
    text = path.read_text(encoding="utf-8")
    (folder / "my-net.py").write_text(text, encoding="utf-8")
    (folder / "unet_s.py").write_text(text.replace("my-net", "unet-s"), encoding="utf-8")
    (folder / "My Net.py").write_text(text, encoding="utf-8")
    (folder / "large_net.py").write_text("#" * (2 << 20), encoding="utf-8")
    (folder / "_kept.py").write_text("raise SystemExit", encoding="utf-8")
    (folder / "folder.py").mkdir()
    assert [entry.name for entry in all_architectures() if entry.source_hash] == ["my-net"]
    reasons = {Path(record.getMessage().split(".py")[0]).name: record.getMessage() for record in caplog.records}
    assert set(reasons) == {"my_net", "unet_s", "My Net", "large_net", "folder"}
    for name, word in (("my_net", "same name"), ("unet_s", "has an architecture unet-s"), ("large_net", "too large")):
        assert word in reasons[name]
    assert architecture("unet-s").source_hash == ""


def test_a_model_of_the_library_is_not_looked_for_in_the_folder(folder: Path, tmp_path: Path) -> None:
    written(folder, "my-net")
    model = saved(tmp_path / "own.aism", "my-net")
    save_model(tmp_path / "own.aism", Model(model.network, replace(model.info, architecture_hash="")))
    with pytest.raises(AisError, match=r"own\.aism .*no architecture 'my-net'"):
        read_model_info(tmp_path / "own.aism")
    save_model(tmp_path / "own.aism", Model(model.network, replace(model.info, architecture_hash="x")))
    with pytest.raises(AisError, match="'architecture_hash'"):
        read_model_info(tmp_path / "own.aism")
    # A file of that name does not stand for an architecture that Ais has.
    unet = Model(model.network, replace(model.info, architecture="unet-s", architecture_hash="0" * 64))
    save_model(tmp_path / "own.aism", unet)
    with pytest.raises(AisError, match=r"own\.aism .*'unet-s' is a user's own"):
        load_model(tmp_path / "own.aism")


def test_nothing_is_read_before_it_is_asked_for(folder: Path) -> None:
    path, mark = written(folder, "my-net"), folder / "executed"
    line = f"__import__('pathlib').Path({str(mark)!r}).touch()\n"
    path.write_text(path.read_text(encoding="utf-8") + line, encoding="utf-8")
    code = (
        "import ais, ais.models, ais.training, ais.segmentation; from ais.cli.main import run;"
        "run(['--help']); run(['train', '--help']); ais.models.architecture('unet-s')"
    )
    subprocess.run([sys.executable, "-c", code], check=True, capture_output=True)
    assert not mark.exists()
    architecture("my-net")
    assert mark.exists()


def test_the_folder_without_the_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    from platformdirs import user_data_path

    monkeypatch.delenv("AIS_MODELS")
    assert models_folder() == user_data_path("ais") / "models"
