"""What `ais train` says about sets, models, and settings that do not fit, and about a lack of memory."""

from __future__ import annotations

import dataclasses
import json
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from training_samples import SMALL, bright_and_dark, spots

from ais.cli.main import run
from ais.models import Model, ModelInfo, build, read_model_info, save_model

QUICKLY = ["--architecture", "unet-s", "--epochs", "1", "--copies", "1", "--batch-size", "4"]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    spots(6, negatives=2).write("set.scnt")
    bright_and_dark(8, rare=4).write("several.scnt")
    return tmp_path


def complaint(words: list[str], capsys: pytest.CaptureFixture[str]) -> str:
    """Train what cannot be trained; the one sentence about it."""
    code = run(["train", *words, "-o", "new.aism"])
    captured = capsys.readouterr()
    assert code == 2, captured.err
    assert captured.out == ""
    assert not Path("new.aism").exists()
    (line,) = captured.err.strip().splitlines()
    assert line.startswith("ais: ")
    assert line.endswith(".")
    return line


def write_model(name: str, *, version: int | None = None) -> None:
    info = ModelInfo("unet-s", dict(SMALL), "spot", 10.0, 16, 1)
    save_model(name, Model(build("unet-s", 1, SMALL), info))
    if version is None:
        return
    with zipfile.ZipFile(name) as archive:
        members = {member: archive.read(member) for member in archive.namelist()}
    record = json.loads(members["model.json"])
    members["model.json"] = json.dumps({**record, "format_version": version}).encode()
    with zipfile.ZipFile(name, "w") as archive:
        for member, content in members.items():
            archive.writestr(member, content)


@pytest.mark.usefixtures("folder")
def test_a_set_without_positives(capsys: pytest.CaptureFixture[str]) -> None:
    dataclasses.replace(spots(6), labels=np.zeros((6, 16, 16), np.uint8)).write("none.scnt")
    assert "none holds no positive sample: annotate" in complaint(["none.scnt"], capsys)


@pytest.mark.usefixtures("folder")
def test_a_feature_without_positives(capsys: pytest.CaptureFixture[str]) -> None:
    bright_and_dark(8, rare=0).write("half.scnt")
    assert "half shows dark nowhere: annotate it" in complaint(["half.scnt"], capsys)


@pytest.mark.usefixtures("folder")
def test_a_depth_that_does_not_fit(capsys: pytest.CaptureFixture[str]) -> None:
    sentence = complaint(["set.scnt", "--architecture", "unet-3d"], capsys)
    assert "slices, not 1" in sentence
    assert "--depth" in sentence
    write_model("flat.aism")
    spots(6, depth=3).write("deep.scnt")
    assert "depth 1 and the training set has 3" in complaint(["deep.scnt", "--continue", "flat.aism"], capsys)


@pytest.mark.usefixtures("folder")
def test_a_model_of_a_newer_version(capsys: pytest.CaptureFixture[str]) -> None:
    write_model("newer.aism", version=99)
    sentence = complaint(["set.scnt", "--continue", "newer.aism"], capsys)
    assert "newer.aism" in sentence
    assert "format version 99" in sentence
    assert "install a newer Ais" in sentence


@pytest.mark.usefixtures("folder")
def test_a_model_of_other_features(capsys: pytest.CaptureFixture[str]) -> None:
    write_model("one.aism")
    sentence = complaint(["several.scnt", "--continue", "one.aism"], capsys)
    assert "finds spot and the training set is for bright, dark" in sentence


@pytest.mark.usefixtures("folder")
@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--patience", "3"], "--validation"),
        (["--patience", "-1", "--validation", "0.2"], "--patience must be"),
        (["--validation", "0.95"], "0 to 0.9"),
    ],
)
def test_settings_that_make_no_sense(words: list[str], said: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert said in complaint(["set.scnt", *words], capsys)


@pytest.mark.usefixtures("folder")
def test_no_memory_for_one_sample(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    import tensorflow as tf

    from ais.training.learner import Learner

    def no_memory(*_: Any) -> None:
        raise tf.errors.ResourceExhaustedError(None, None, "OOM when allocating tensor")

    monkeypatch.setattr(Learner, "learn", no_memory)
    assert run(["train", "set.scnt", "-o", "new.aism", *QUICKLY]) == 2
    lines = capsys.readouterr().err.strip().splitlines()
    assert [line for line in lines if "Memory ran out in epoch 1" in line]
    assert "not enough memory to train UNet S on one sample" in lines[-1]
    assert not Path("new.aism").exists()


@pytest.mark.usefixtures("folder")
def test_a_loss_that_is_no_number(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    from ais.training.learner import Learner

    monkeypatch.setattr(Learner, "loss", float("nan"))
    sentence = complaint(["set.scnt", *QUICKLY], capsys)
    assert "no longer a number in epoch 1: lower --learning-rate (it is 0.001)" in sentence


@pytest.mark.usefixtures("folder")
def test_a_single_sample_is_enough(capsys: pytest.CaptureFixture[str]) -> None:
    spots(1, negatives=0, side=18).write("one.scnt")  # and its side is no multiple of the network's stride
    words = ["train", "one.scnt", "-o", "new.aism", "--option", "first_filters=4"]
    assert run([*words, *QUICKLY, "--architecture", "vggnet-m", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["loss"] > 0
    assert read_model_info("new.aism").training["samples"] == 1


@pytest.mark.usefixtures("folder")
def test_patience_as_typed_and_configured(capsys: pytest.CaptureFixture[str]) -> None:
    Path("config.json").write_text(json.dumps({"patience": 1, "validation": 0.3}))
    words = ["train", "set.scnt", "-o", "new.aism", "--option", "first_filters=4", "--learning-rate", "1e-9"]
    words += ["--architecture", "unet-s"]
    assert run([*words, "--config", "config.json", "--epochs", "40", "--copies", "1", "--json"]) == 0
    captured = capsys.readouterr()
    figures = json.loads(captured.out)
    assert len(figures["history"]) < 40
    assert "the validation loss had not improved for 1" in figures["stopped"]
    assert figures["stopped"] in captured.err
    assert "waiting for samples" in captured.err
    assert read_model_info("new.aism").training["patience"] == 1
