"""Architectures and the model file."""

from __future__ import annotations

import io
import json
import subprocess
import sys
import zipfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

from ais.errors import AisError
from ais.models import (
    Model,
    ModelInfo,
    architecture,
    build,
    load_model,
    model_hash,
    read_model_info,
    read_preview,
    save_model,
)
from ais.models.backend import compute_dtype, parse_device, start

SMALL = {"first_filters": 4}


@pytest.fixture(scope="module")
def model() -> Model:
    info = ModelInfo(
        architecture="unet-s",
        arguments=architecture("unet-s").arguments(SMALL),
        feature="membrane é",
        voxel_size=10.0,
        box_size=64,
        depth=3,
        colour=(0.1, 0.5, 1.0),
        threshold=0.4,
        preprocessing="Wiener filtered",
        training={"epochs": 3, "loss": 0.25},
    )
    return Model(build("unet-s", 3, SMALL, seed=5), info)


@pytest.fixture
def saved(model: Model, tmp_path: Path) -> Path:
    path = tmp_path / "my modèl.aism"
    save_model(path, model, b"\x89PNG preview")
    return path


def rezip(path: Path, changes: dict[str, bytes | None]) -> None:
    with zipfile.ZipFile(path) as archive:
        members: dict[str, bytes | None] = {name: archive.read(name) for name in archive.namelist()}
    members.update(changes)
    with zipfile.ZipFile(path, "w") as archive:
        for name, data in members.items():
            if data is not None:
                archive.writestr(name, data)


def change_record(path: Path, **changes: Any) -> None:
    with zipfile.ZipFile(path) as archive:
        record = json.loads(archive.read("model.json"))
    record.update(changes)
    rezip(path, {"model.json": json.dumps({k: v for k, v in record.items() if v != "DROP"}).encode()})


def test_published_unet_s_has_922881_parameters() -> None:
    # Counted by hand from its layers: 3 x 3 kernels, a bias per channel.
    layers = [(1, 64), (64, 128), (128, 256), (256 + 128, 128), (128 + 64, 64)]
    assert architecture("unet-s").parameters == sum(9 * a * b + b for a, b in layers) + 64 + 1


def test_seed_decides_the_weights() -> None:
    a, b, c = (build("unet-s", 1, SMALL, seed=seed).get_weights() for seed in (1, 1, 2))
    assert all(np.array_equal(x, y) for x, y in zip(a, b, strict=True))
    assert not np.array_equal(a[0], c[0])


@pytest.mark.parametrize(
    ("name", "depth", "options", "word"),
    [
        ("unet-x", 1, {}, "unet-s"),
        ("unet-s", 2, {}, "odd"),
        ("unet-s", 0, {}, "odd"),
        ("unet-s", 999, {}, "odd"),
        ("unet-s", 1, {"filters": 3}, "first_filters"),
        ("unet-s", 1, {"first_filters": "many"}, "whole"),
        ("unet-s", 1, {"first_filters": 1e9}, "256"),
        ("unet-s", 1, {"first_filters": 8.5}, "whole"),
        ("unet-s", 1, {"first_filters": float("nan")}, "whole"),
        ("unet-s", 1, {"first_filters": True}, "whole"),
    ],
)
def test_wrong_requests_are_explained(name: str, depth: int, options: dict[str, object], word: str) -> None:
    with pytest.raises(AisError, match=word):
        build(name, depth, options)


def test_option_may_come_as_text() -> None:
    assert architecture("unet-s").arguments({"first_filters": "32"}) == {"first_filters": 32}


def test_file_gives_back_the_same_model(model: Model, saved: Path) -> None:
    again = load_model(saved)
    image = np.random.default_rng(2).normal(size=(1, 16, 16, 3)).astype(np.float32)
    assert np.array_equal(again.network(image), model.network(image))
    assert again.info.feature == "membrane é"
    assert again.info.colour == (0.1, 0.5, 1.0)
    assert again.info.training == {"epochs": 3, "loss": 0.25}
    assert again.info.arguments == {"first_filters": 4}
    assert read_preview(saved) == b"\x89PNG preview"


def test_hash_follows_what_is_computed_and_nothing_else(model: Model, saved: Path, tmp_path: Path) -> None:
    first = model_hash(saved)
    assert load_model(saved).hash == first
    copy = tmp_path / "copy.aism"
    save_model(copy, load_model(saved))
    assert model_hash(copy) == first
    change_record(copy, colour=[0, 0, 0], threshold=0.9, training={})
    assert model_hash(copy) == first
    change_record(copy, voxel_size=11.0)
    assert model_hash(copy) != first
    other = Model(build("unet-s", 3, SMALL, seed=6), model.info)
    save_model(copy, other)
    assert model_hash(copy) != first


def test_information_is_read_without_tensorflow(saved: Path) -> None:
    code = (
        "import sys; from ais.models import read_model_info, model_hash; p = sys.argv[1]; model_hash(p);"
        "assert read_model_info(p).depth == 3; assert not {'tensorflow', 'keras', 'h5py'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code, str(saved)], check=True)


def truncated(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:5000])


def flipped(path: Path) -> None:
    data = bytearray(path.read_bytes())
    for at in range(2000, len(data) - 2000, 97):
        data[at] ^= 255
    path.write_bytes(bytes(data))


def external_weights(path: Path) -> None:
    memory = io.BytesIO()
    with h5py.File(memory, "w") as file:
        file["layers"] = h5py.ExternalLink("/etc/passwd", "/")
    rezip(path, {"model.weights.h5": memory.getvalue()})


def giant_weights(path: Path) -> None:
    memory = io.BytesIO()
    with h5py.File(memory, "w") as file:
        file.create_dataset("layers/conv2d/vars/0", shape=(1 << 40,), dtype="f4", chunks=(1 << 20,))
    rezip(path, {"model.weights.h5": memory.getvalue()})


def nan_weights(path: Path) -> None:
    network = build("unet-s", 3, SMALL)
    network.set_weights([np.full(w.shape, np.nan) for w in network.weights])
    save_model(path, Model(network, read_model_info(path)))


DAMAGE: dict[str, Any] = {
    "empty": lambda path: path.write_bytes(b""),
    "text": lambda path: path.write_text("hello"),
    "noise": lambda path: path.write_bytes(np.random.default_rng(3).bytes(4000)),
    "truncated": truncated,
    "flipped bytes": flipped,
    "missing": lambda path: path.unlink(),
    "folder": lambda path: (path.unlink(), path.mkdir()),
    "no record": lambda path: rezip(path, {"model.json": None}),
    "no weights": lambda path: rezip(path, {"model.weights.h5": None}),
    "record is a list": lambda path: rezip(path, {"model.json": b"[]"}),
    "record is noise": lambda path: rezip(path, {"model.json": b"\xff\xfe{"}),
    "record too deep": lambda path: rezip(path, {"model.json": b"[" * 200_000}),
    "weights are noise": lambda path: rezip(path, {"model.weights.h5": b"x" * 5000}),
    "weights link elsewhere": external_weights,
    "weights claim terabytes": giant_weights,
    "weights are NaN": nan_weights,
    "other option": lambda path: change_record(path, arguments={"first_filters": 8}),
    "other depth": lambda path: change_record(path, depth=5),
    "even depth": lambda path: change_record(path, depth=4),
    "unknown architecture": lambda path: change_record(path, architecture="resnet-900"),
    "no architecture": lambda path: change_record(path, architecture="DROP"),
    "number as text": lambda path: change_record(path, voxel_size="10"),
    "NaN": lambda path: change_record(path, voxel_size=float("nan")),
    "bad colour": lambda path: change_record(path, colour=[1, 2]),
    "bad rule": lambda path: change_record(path, normalization=["x"]),
    "no version": lambda path: change_record(path, format_version="DROP"),
}


@pytest.mark.parametrize("damage", DAMAGE.values(), ids=DAMAGE.keys())
def test_damaged_files_are_refused_in_one_sentence(damage: Any, saved: Path) -> None:
    damage(saved)
    with pytest.raises(AisError) as caught:
        load_model(saved)
    message = str(caught.value)
    assert saved.name in message
    assert "\n" not in message
    assert message.endswith(".")


def test_newer_file_says_so(saved: Path) -> None:
    change_record(saved, format_version=3)
    with pytest.raises(AisError, match="newer Ais"):
        read_model_info(saved)


def test_zip_bomb_is_not_unpacked(saved: Path) -> None:
    rezip(saved, {"model.json": None})
    with zipfile.ZipFile(saved, "a", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("model.json", b" " * (64 << 20))
    with pytest.raises(AisError, match="larger than"):
        read_model_info(saved)


def test_failed_save_keeps_the_old_file(model: Model, saved: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = saved.read_bytes()

    def full(*args: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(zipfile.ZipFile, "writestr", full)
    with pytest.raises(AisError, match="No space"):
        save_model(saved, model)
    assert saved.read_bytes() == before
    assert [entry.name for entry in saved.parent.iterdir()] == [saved.name]


def test_device_words() -> None:
    assert parse_device("gpu:0,2") == ("gpu", (0, 2))
    for wrong in ("tpu", "gpu:", "gpu:a", "", "gpu:-1"):
        with pytest.raises(AisError, match="auto, cpu, gpu"):
            parse_device(wrong)


def test_device_without_a_gpu() -> None:
    device = start("cpu")
    assert device.kind == "cpu"
    # bfloat16 loses nothing in training, float16 has not been shown to.
    for fast, chosen in (("mixed_bfloat16", "mixed_bfloat16"), ("mixed_float16", "float32"), ("float32", "float32")):
        assert compute_dtype("auto", replace(device, fast_dtype=fast), training=True) == chosen
        assert compute_dtype("auto", replace(device, fast_dtype=fast)) == fast
    assert compute_dtype("float32", device) == "float32"
    assert compute_dtype("mixed", device) == "mixed_bfloat16"
    with pytest.raises(AisError, match="precision"):
        compute_dtype("half", device)
    import tensorflow as tf

    if not tf.config.list_physical_devices("GPU"):
        with pytest.raises(AisError, match="A GPU was asked for"):
            start("gpu")


def test_start_up_is_silent() -> None:
    code = "from ais.models.backend import start; start('auto'); import tensorflow as tf; tf.constant(1.0) + 1"
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True)
    assert done.stdout + done.stderr == b""
