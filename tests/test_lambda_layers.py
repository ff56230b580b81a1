"""Lambda layers of Keras 2: their code is read and never run, and what it does to axes becomes layers on images."""

from __future__ import annotations

import base64
import io
import json
import marshal
import random
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from keras2_network import write_scnm
from scipy import ndimage

from ais.errors import AisError
from ais.formats.lambda_layer import AxisStep, axis_steps
from ais.formats.marshalled_code import read_code
from ais.models import load_model, read_model_info

# What `lambda x: ...` is stored as by Python 3.8 to 3.11, with `depth`, which is 5, taken from around it.
CODES = json.loads((Path(__file__).parent / "lambda_codes.json").read_text())
VERSIONS = ("3.8", "3.9", "3.10", "3.11")
ALL = slice(None)
EXPAND = (AxisStep("expand_dims", axis=-1),)
READ: dict[str, tuple[AxisStep, ...]] = {
    **dict.fromkeys(("tf.expand_dims(x, -1)", "tf.expand_dims(x, axis=-1)"), EXPAND),
    "K.expand_dims(x, axis=4)": (AxisStep("expand_dims", axis=4),),
    "tf.keras.backend.expand_dims(x, -1)": EXPAND,
    "x[..., None]": (AxisStep("pick", key=(..., None)),),
    "x[:, :, :, :, None]": (AxisStep("pick", key=(ALL, ALL, ALL, ALL, None)),),
    "tf.squeeze(x, axis=3)": (AxisStep("squeeze", axis=3),),
    "K.squeeze(x, -2)": (AxisStep("squeeze", axis=-2),),
    "x[:, :, :, 2, :]": (AxisStep("pick", key=(ALL, ALL, ALL, 2, ALL)),),
    "x[:, :, :, depth // 2, :]": (AxisStep("pick", key=(ALL, ALL, ALL, 2, ALL)),),
    "x[:, :, :, depth // 2:depth // 2 + 1, :]": (AxisStep("pick", key=(ALL, ALL, ALL, slice(2, 3), ALL)),),
    "tf.squeeze(x[:, :, :, 1:2, :], 3)": (
        AxisStep("pick", key=(ALL, ALL, ALL, slice(1, 2), ALL)),
        AxisStep("squeeze", axis=3),
    ),
    "x[..., -1, :]": (AxisStep("pick", key=(..., -1, ALL)),),
}
REFUSED = [text for text in CODES if text not in READ]
EXPAND_CODE = CODES["tf.expand_dims(x, axis=-1)"]["3.9"]


def layer(function: object, **settings: Any) -> dict[str, Any]:
    return {"name": "lambda_3", "function": function, "function_type": "lambda", "arguments": {}, **settings}


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("text", READ)
def test_what_turns_axes_is_read(text: str, version: str) -> None:
    assert axis_steps(layer(CODES[text][version])) == READ[text]


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("text", REFUSED)
def test_what_does_anything_else_is_refused(
    text: str, version: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(AisError, match=r"'lambda_3' \(Lambda\) holds program code, of which Ais runs none") as caught:
        axis_steps(layer(CODES[text][version]))
    assert "\n" not in str(caught.value)
    assert list(tmp_path.iterdir()) == []


def test_code_of_every_kind_is_tried() -> None:
    assert len(REFUSED) == 10
    assert any("system" in text for text in REFUSED)


@pytest.mark.parametrize(
    "config",
    [
        layer(EXPAND_CODE, function_type="function"),
        layer(EXPAND_CODE, arguments={"axis": 1}),
        layer("expand_dims", function_type="function"),
        layer([EXPAND_CODE[0], [1], None]),
        layer([EXPAND_CODE[0][:100], None, None]),
        layer([EXPAND_CODE[0] * 3000, None, None]),
        layer(["ä", None, None]),
        layer([3, None, None]),
        layer(None),
        {},
    ],
    ids=str,
)
def test_what_is_no_plain_lambda_is_refused(config: dict[str, Any]) -> None:
    with pytest.raises(AisError, match="program code"):
        axis_steps(config)


@given(st.binary(max_size=200))
def test_any_bytes_are_read_or_refused(data: bytes) -> None:
    with pytest.raises(ValueError):
        read_code(data)


def test_flipped_bytes_are_read_or_refused() -> None:
    data, numbers, refusals = base64.b64decode(EXPAND_CODE[0]), random.Random(0), list[str]()
    for _ in range(2000):
        flipped = bytearray(data)
        for _ in range(numbers.randrange(1, 4)):
            flipped[numbers.randrange(len(data))] = numbers.randrange(256)
        try:
            axis_steps(layer([base64.b64encode(flipped).decode(), None, None]))
        except AisError as error:
            refusals.append(str(error))
    assert len(refusals) > 500
    assert all("program code" in refusal for refusal in refusals)


@pytest.mark.parametrize("value", [("(" * 2, 1), tuple(range(40)), b"x", "text", None])
def test_other_stored_things_are_no_code(value: object) -> None:
    with pytest.raises(ValueError):
        read_code(marshal.dumps(value))


def test_endless_nesting_is_refused() -> None:
    with pytest.raises(ValueError):
        read_code(b")\x01" * 30_000)


class Volumetric:
    """Lambda, two 3D convolutions, Lambda, as Keras 2 describes them; computed by SciPy."""

    def __init__(self, first: str = "tf.expand_dims(x, axis=-1)", last: str = "x[:, :, :, depth // 2, :]") -> None:
        rng = np.random.default_rng(0)
        self.kernels = [rng.normal(0, 0.2, (3, 3, 3, 1, 4)), rng.normal(0, 0.3, (3, 3, 3, 4, 1))]
        self.biases = [rng.normal(0, 0.2, 4), rng.normal(0, 0.2, 1)]
        common = {"strides": [1, 1, 1], "padding": "same", "dilation_rate": [1, 1, 1], "groups": 1, "use_bias": True}
        common |= {"kernel_size": [3, 3, 3], "trainable": True, "dtype": "float32", "data_format": "channels_last"}
        kinds: list[tuple[str, str, dict[str, Any]]] = [
            ("InputLayer", "image", {"batch_input_shape": [None, 16, 16, 5]}),
            ("Lambda", "to_volume", layer(CODES[first]["3.9"])),
            ("Conv3D", "conv", {**common, "filters": 4, "activation": "relu"}),
            ("Conv3D", "end", {**common, "filters": 1, "activation": "sigmoid"}),
            ("Lambda", "to_image", layer(CODES[last]["3.9"])),
        ]
        names = [name for _, name, _ in kinds]
        self.layers = [
            {
                **{"class_name": kind, "name": name, "config": {**config, "name": name}},
                "inbound_nodes": [[[names[place - 1], 0, 0, {}]]] if place else [],
            }
            for place, (kind, name, config) in enumerate(kinds)
        ]

    def write(self, path: Path) -> Path:
        ends = {"input_layers": [["image", 0, 0]], "output_layers": [["to_image", 0, 0]]}
        memory = io.BytesIO()
        with h5py.File(memory, "w") as file:
            config = {"name": "model", "layers": self.layers, **ends}
            file.attrs["model_config"] = json.dumps({"class_name": "Functional", "config": config})
            for name, kernel, bias in zip(("conv", "end"), self.kernels, self.biases, strict=True):
                file[f"model_weights/{name}/{name}/kernel:0"] = kernel.astype("f4")
                file[f"model_weights/{name}/{name}/bias:0"] = bias.astype("f4")
        return write_scnm(path, memory.getvalue(), model_depth=5)

    def compute(self, image: np.ndarray) -> np.ndarray:
        """From (H, W, D) to (H, W, D)."""
        first, last = (self._convolved, self._convolved)
        hidden = np.maximum(first(image[..., None], 0), 0)
        return 1 / (1 + np.exp(-last(hidden, 1)[..., 0]))

    def _convolved(self, volume: np.ndarray, number: int) -> np.ndarray:
        kernel = self.kernels[number]
        sums = [
            sum(
                ndimage.correlate(volume[..., one], kernel[..., one, other], mode="constant")
                for one in range(kernel.shape[3])
            )
            for other in range(kernel.shape[4])
        ]
        return np.stack(sums, -1) + self.biases[number]


def test_a_3d_network_gives_what_scipy_computes(tmp_path: Path) -> None:
    network = Volumetric()
    model = load_model(network.write(tmp_path / "own.scnm"))
    assert (model.info.architecture, model.info.depth) == ("imported", 5)
    image = np.random.default_rng(1).normal(size=(12, 20, 5)).astype(np.float32)
    expected = network.compute(image)[..., 2:3]
    assert np.ptp(expected) > 0.1
    np.testing.assert_allclose(model.network(image[None])[0], expected, atol=1e-5)


@pytest.mark.parametrize("first", ["x[..., None]", "x[:, :, :, :, None]", "K.expand_dims(x, axis=4)"])
def test_a_volume_is_made_in_several_ways(first: str, tmp_path: Path) -> None:
    plain = read_model_info(Volumetric().write(tmp_path / "plain.scnm"))
    assert read_model_info(Volumetric(first).write(tmp_path / "own.scnm")).layers == plain.layers


@pytest.mark.parametrize(
    ("first", "last", "words"),
    [
        ("tf.expand_dims(x, -1)", "tf.reduce_mean(x, axis=3)", "'to_image' (Lambda) holds program code"),
        ("tf.expand_dims(x * 2, -1)", "x[:, :, :, 2, :]", "'to_volume' (Lambda) holds program code"),
        ("tf.expand_dims(x, -1)", "tf.squeeze(x, axis=3)", "takes several slices for one"),
        ("tf.expand_dims(x, -1)", "tf.expand_dims(x, -1)", "'to_image' (Lambda) turns axes"),
        ("tf.squeeze(x, axis=3)", "x[:, :, :, 2, :]", "'to_volume' (Lambda) turns axes"),
        ("x[..., -1, :]", "x[:, :, :, 2, :]", "'to_volume' (Lambda) turns axes"),
    ],
)
def test_networks_that_are_not_understood_are_refused(first: str, last: str, words: str, tmp_path: Path) -> None:
    with pytest.raises(AisError) as caught:
        read_model_info(Volumetric(first, last).write(tmp_path / "own.scnm"))
    message = str(caught.value)
    assert words in message
    assert "own.scnm cannot be used as a model" in message
    assert "\n" not in message


def terabytes(network: Volumetric) -> None:
    network.layers[2]["config"].update(filters=60_000, kernel_size=[1000, 1000, 3])


CHANGES: dict[str, tuple[Any, str]] = {
    "several slices": (
        lambda n: n.layers.__setitem__(4, {**n.layers[4], "class_name": "Activation"}),
        "damaged|setting",
    ),
    "dilated": (lambda n: n.layers[2]["config"].update(dilation_rate=[2, 2, 2]), "cannot be made of layers on images"),
    "channels first": (lambda n: n.layers[2]["config"].update(data_format="channels_first"), "'data_format' of its"),
    "unknown setting": (lambda n: n.layers[2]["config"].update(speed=3), "'speed' of its layer 'conv'"),
    "two axes": (lambda n: n.layers[2]["config"].update(kernel_size=[3, 3]), "other than three axes"),
    "wide": (lambda n: n.layers[2]["config"].update(kernel_size=[3, 3, 1 << 30]), "far larger"),
    "no step": (lambda n: n.layers[2]["config"].update(strides=[1, 1, 0]), "makes no sense"),
    "step back": (lambda n: n.layers[2]["config"].update(strides=[1, 1, -1]), "makes no sense"),
    "channels that do not fit": (lambda n: n.layers[3]["config"].update(filters=2), "do not fit its layer 'end'"),
    "filters are text": (lambda n: n.layers[3]["config"].update(filters="many"), "makes no sense"),
    "own activation": (lambda n: n.layers[2]["config"].update(activation="evil"), "'activation'"),
    "terabytes": (terabytes, "far larger"),
    "NaN": (lambda n: n.kernels[0].__setitem__((0, 0, 0, 0, 0), np.nan), "not numbers"),
}


@pytest.mark.parametrize(("change", "words"), CHANGES.values(), ids=CHANGES.keys())
def test_damaged_3d_networks_are_refused_in_one_sentence(change: Any, words: str, tmp_path: Path) -> None:
    network = Volumetric()
    change(network)
    with pytest.raises(AisError, match=words) as caught:
        load_model(network.write(tmp_path / "own.scnm"))
    message = str(caught.value)
    assert message.count("own.scnm") == 1
    assert "\n" not in message
    assert message.endswith(".")
