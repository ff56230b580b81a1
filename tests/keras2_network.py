"""Networks as Keras 2 wrote them, for tests: the model file of Ais 1.x, and what they give, computed by NumPy."""

from __future__ import annotations

import io
import json
import math
import tarfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np

METADATA = {"title": "Ring", "colour": [1.0, 0.5, 0.0], "apix": 10.0, "box_size": 32, "model_depth": 1, "arch": "Own"}
METADATA |= {"epochs": 3, "threshold": 0.4, "loss": 0.25, "normalization": "global_mad"}
COMMON = {"trainable": True, "dtype": "float32"}
KERNELS = {"data_format": "channels_last", "dilation_rate": [1, 1], "groups": 1, "activation": "linear"}
KERNELS |= {"use_bias": True, "bias_regularizer": None, "kernel_initializer": {"class_name": "GlorotUniform"}}
DEFAULTS: dict[str, dict[str, Any]] = {
    "Conv2D": {"strides": [1, 1], "padding": "same", **KERNELS},
    "Conv2DTranspose": {"strides": [1, 1], "padding": "same", "output_padding": None, **KERNELS},
    "DepthwiseConv2D": {"strides": [1, 1], "padding": "same", "depth_multiplier": 1, **KERNELS},
    "SeparableConv2D": {"strides": [1, 1], "padding": "same", "depth_multiplier": 1, **KERNELS},
    "MaxPooling2D": {
        **{"pool_size": [2, 2], "strides": [2, 2]},
        **{"padding": "valid", "data_format": "channels_last"},
    },
    "AveragePooling2D": {
        **{"pool_size": [2, 2], "strides": [2, 2]},
        **{"padding": "valid", "data_format": "channels_last"},
    },
    "UpSampling2D": {"size": [2, 2], "interpolation": "nearest", "data_format": "channels_last"},
    "ZeroPadding2D": {"data_format": "channels_last"},
    "Cropping2D": {"data_format": "channels_last"},
    "BatchNormalization": {
        **{"axis": [3], "momentum": 0.9, "epsilon": 0.001, "center": True, "scale": True},
        "beta_initializer": {"class_name": "Zeros", "config": {}},
    },
    "ReLU": {"max_value": None, "negative_slope": 0.0, "threshold": 0.0},
    "PReLU": {"alpha_initializer": {"class_name": "Zeros", "config": {}}, "shared_axes": [1, 2]},
    "Dropout": {"rate": 0.3, "noise_shape": None, "seed": None},
    "Concatenate": {"axis": -1},
}
ACTIVATIONS: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "linear": lambda x: x,
    "relu": lambda x: np.maximum(x, 0),
    "tanh": np.tanh,
    "sigmoid": lambda x: 1 / (1 + np.exp(-x)),
    "elu": lambda x: np.where(x > 0, x, np.expm1(np.minimum(x, 0))),
    "gelu": lambda x: x * (1 + np.vectorize(math.erf)(x / math.sqrt(2))) / 2,
    "mish": lambda x: x * np.tanh(np.logaddexp(0, x)),
    "relu6": lambda x: np.clip(x, 0, 6),
    "selu": lambda x: 1.0507009873554805 * np.where(x > 0, x, 1.6732632423543772 * np.expm1(np.minimum(x, 0))),
    **dict.fromkeys(("silu", "swish"), lambda x: x / (1 + np.exp(-x))),
    "softplus": lambda x: np.logaddexp(0, x),
    "softsign": lambda x: x / (1 + np.abs(x)),
}


class Network:
    """Layers in the order in which they were added; weights are random.

    Parameters
    ----------
    depth
        Channels of the image.
    side
        Of the image as it is written; None for any.
    """

    def __init__(self, depth: int = 1, side: int | None = None, seed: int = 0, name: str = "model") -> None:
        self.name = name
        self.layers: list[dict[str, Any]] = []
        self.inner: dict[str, Network] = {}
        self.weights: dict[str, dict[str, np.ndarray]] = {}
        self.channels = {"input_1": depth}
        self._rng = np.random.default_rng(seed)
        shape = [1 if side is None else None, side, side, depth]
        self._append("InputLayer", "input_1", {"batch_input_shape": shape, "dtype": "float32", "sparse": False}, [])

    @property
    def last(self) -> str:
        return str(self.layers[-1]["config"]["name"])

    def add(self, kind: str, *sources: str, **settings: Any) -> str:
        """Add a layer after the sources, by default after the last layer; returns its name."""
        given = list(sources or [self.last])
        name = f"{kind.lower()}_{len(self.layers)}_{self.name}"
        config = {**COMMON, **DEFAULTS.get(kind, {}), **settings}
        self.weights[name] = self._make_weights(kind, config, [self.channels[source] for source in given])
        self.channels[name] = self._width(kind, config, [self.channels[source] for source in given])
        self._append(kind, name, config, given)
        return name

    def nest(self, inner: Network, kind: str) -> str:
        """Add a whole network as one layer: ``Functional`` or ``Sequential``."""
        config = inner.description(kind)["config"]
        before = self.last
        self.inner[inner.name] = inner
        self.channels[inner.name] = inner.channels[inner.last]
        self._append(kind, inner.name, {key: value for key, value in config.items() if key != "name"}, [before], 1)
        return inner.name

    def description(self, kind: str = "Functional") -> dict[str, Any]:
        """What Keras 2 writes as ``model_config``."""
        if kind == "Sequential":
            bare = [{key: value for key, value in layer.items() if "nodes" not in key} for layer in self.layers]
            return {"class_name": kind, "config": {"name": self.name, "layers": bare}}
        ends = {"input_layers": [["input_1", 0, 0]], "output_layers": [[self.last, 0, 0]]}
        return {"class_name": kind, "config": {"name": self.name, "layers": self.layers, **ends}}

    def hdf5(self, description: object = None) -> bytes:
        """The HDF5 file."""
        memory = io.BytesIO()
        with h5py.File(memory, "w") as file:
            file.attrs["model_config"] = json.dumps(description or self.description())
            group = file.create_group("model_weights")
            for name, weights in self.weights.items():
                for weight, values in weights.items():
                    group[f"{name}/{name}/{weight}:0"] = values
            for outer, inner in self.inner.items():
                for name, weights in inner.weights.items():
                    for weight, values in weights.items():
                        group[f"{outer}/{name}/{weight}:0"] = values
        return memory.getvalue()

    def write(self, path: Path, description: object = None, **metadata: Any) -> Path:
        """A model file of Ais 1.x."""
        return write_scnm(path, self.hdf5(description), **metadata)

    def compute(self, image: np.ndarray) -> np.ndarray:
        """From (H, W, D) to (H, W, 1), in float64."""
        values = {"input_1": image.astype(np.float64)}
        for layer in self.layers[1:]:
            config, name = layer["config"], layer["config"]["name"]
            given = [values[source[0]] for source in layer["inbound_nodes"][0]]
            if name in self.inner:
                values[name] = self.inner[name].compute(given[0])
            else:
                values[name] = computed(layer["class_name"], config, self.weights[name], given)
        return values[self.last]

    def _append(self, kind: str, name: str, config: dict[str, Any], sources: list[str], node: int = 0) -> None:
        nodes = [[[source, node if source in self.inner else 0, 0, {}] for source in sources]] if sources else []
        self.layers.append(
            {"class_name": kind, "config": {"name": name, **config}, "name": name, "inbound_nodes": nodes}
        )

    def _width(self, kind: str, config: dict[str, Any], given: list[int]) -> int:
        if kind == "DepthwiseConv2D":
            return given[0] * int(config["depth_multiplier"])
        return sum(given) if kind == "Concatenate" else int(config.get("filters", max(given)))

    def _make_weights(self, kind: str, config: dict[str, Any], given: list[int]) -> dict[str, np.ndarray]:
        width, filters = given[0], int(config.get("filters", 0))
        size = config.get("kernel_size", [1, 1])
        times = int(config.get("depth_multiplier", 1))
        kernels: dict[str, dict[str, tuple[int, ...]]] = {
            "Conv2D": {"kernel": (*size, width // config.get("groups", 1), filters), "bias": (filters,)},
            "Conv2DTranspose": {"kernel": (*size, filters, width), "bias": (filters,)},
            "DepthwiseConv2D": {"depthwise_kernel": (*size, width, times), "bias": (width * times,)},
            "SeparableConv2D": {
                "depthwise_kernel": (*size, width, times),
                **{"pointwise_kernel": (1, 1, width * times, filters), "bias": (filters,)},
            },
            "BatchNormalization": dict.fromkeys(("gamma", "beta", "moving_mean", "moving_variance"), (width,)),
            "PReLU": {"alpha": (1, 1, width)},
        }
        left_out = {"bias": "use_bias", "gamma": "scale", "beta": "center"}
        weights = {}
        for name, shape in kernels.get(kind, {}).items():
            spread = np.sqrt(1.5 / np.prod(shape[:-1])) if len(shape) > 1 else 0.5
            values = self._rng.normal(0, spread, shape).astype(np.float32)
            if config.get(left_out.get(name, ""), True):
                weights[name] = np.abs(values) + 0.1 if name == "moving_variance" else values
        return weights


def write_scnm(path: Path, network: bytes, **metadata: Any) -> Path:
    """A model file of Ais 1.x; metadata that are None are left out."""
    record = {key: value for key, value in {**METADATA, **metadata}.items() if value is not None}
    members = {f"{path.stem}_weights.h5": network, f"{path.stem}_metadata.json": json.dumps(record).encode()}
    return write_tar(path, members)


def write_tar(path: Path, members: dict[str, bytes]) -> Path:
    """An uncompressed tar."""
    with tarfile.open(path, "w") as tar:
        for name, data in members.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(data)
            tar.addfile(entry, io.BytesIO(data))
    return path


def computed(kind: str, config: dict[str, Any], weights: dict[str, np.ndarray], given: list[np.ndarray]) -> np.ndarray:
    """What one layer gives for images (H, W, C)."""
    x = given[0]
    end = ACTIVATIONS[config.get("activation", "linear")]
    bias = weights.get("bias", 0)
    match kind:
        case "Conv2D":
            groups = np.split(x, config["groups"], axis=-1)
            kernels = np.split(weights["kernel"], config["groups"], axis=-1)
            parts = [convolved(part, kernel, config) for part, kernel in zip(groups, kernels, strict=True)]
            return end(np.concatenate(parts, -1) + bias)
        case "DepthwiseConv2D":
            return end(convolved(x, block_diagonal(weights["depthwise_kernel"]), config) + bias)
        case "SeparableConv2D":
            inside = convolved(x, block_diagonal(weights["depthwise_kernel"]), config)
            return end(inside @ weights["pointwise_kernel"][0, 0] + bias)
        case "Conv2DTranspose":
            return end(transposed(x, weights["kernel"], config) + bias)
        case "MaxPooling2D" | "AveragePooling2D":
            return pooled(x, config, np.nanmax if kind == "MaxPooling2D" else np.nanmean)
        case "UpSampling2D":
            return np.repeat(np.repeat(x, config["size"][0], 0), config["size"][1], 1)
        case "BatchNormalization":
            scaled = (x - weights["moving_mean"]) / np.sqrt(weights["moving_variance"] + config["epsilon"])
            return scaled * weights.get("gamma", 1) + weights.get("beta", 0)
        case "Activation":
            return end(x)
        case "ReLU":
            return np.minimum(np.maximum(x, 0), config["max_value"] or np.inf)
        case "LeakyReLU":
            return np.where(x > 0, x, config["alpha"] * x)
        case "ELU":
            return np.where(x > 0, x, config["alpha"] * np.expm1(np.minimum(x, 0)))
        case "PReLU":
            return np.where(x > 0, x, weights["alpha"] * x)
        case "Dropout" | "SpatialDropout2D" | "GaussianNoise":
            return x
        case "ZeroPadding2D":
            return np.pad(x, (*config["padding"], (0, 0)))
        case "Cropping2D":
            (top, bottom), (left, right) = config["cropping"]
            return x[top : x.shape[0] - bottom, left : x.shape[1] - right]
        case "Concatenate":
            return np.concatenate(given, -1)
        case "Add":
            return np.sum(given, 0)
        case "Multiply":
            return given[0] * given[1]
        case "Maximum":
            return np.max(given, 0)
        case "Subtract":
            return given[0] - given[1]
    raise AssertionError(kind)


def convolved(x: np.ndarray, kernel: np.ndarray, config: dict[str, Any]) -> np.ndarray:
    """Cross-correlation with kernel (h, w, in, out); with ``same`` the zeros are as even as can be, more at the end."""
    (step, _), (rate, _) = config["strides"], config["dilation_rate"]
    shape, around = [], []
    for side, size in zip(x.shape[:2], kernel.shape[:2], strict=True):
        reach = (size - 1) * rate + 1
        shape.append(-(-side // step) if config["padding"] == "same" else (side - reach) // step + 1)
        missing = max((shape[-1] - 1) * step + reach - side, 0)
        around.append((missing // 2, missing - missing // 2))
    padded = np.pad(x, (*around, (0, 0)))
    found = np.zeros((*shape, kernel.shape[3]))
    for i, j in np.ndindex(*kernel.shape[:2]):
        rows = slice(i * rate, i * rate + step * (shape[0] - 1) + 1, step)
        columns = slice(j * rate, j * rate + step * (shape[1] - 1) + 1, step)
        found += padded[rows, columns] @ kernel[i, j].astype(np.float64)
    return found


def pooled(x: np.ndarray, config: dict[str, Any], over: Callable[..., np.ndarray]) -> np.ndarray:
    """Over each window; with ``same`` it goes beyond the image, where nothing counts."""
    rows, columns = (
        positions(side, size, step, config["padding"])
        for side, size, step in zip(x.shape[:2], config["pool_size"], config["strides"], strict=True)
    )
    around = [
        (-min(0, int(each.min())), max(0, int(each.max()) + 1 - side))
        for each, side in zip((rows, columns), x.shape[:2], strict=True)
    ]
    padded = np.pad(x, (*around, (0, 0)), constant_values=np.nan)
    windows = padded[(rows + around[0][0])[:, :, None, None], (columns + around[1][0])[None, None]]
    return over(windows, axis=(1, 3))


def positions(side: int, size: int, step: int, padding: str) -> np.ndarray:
    """For each place of a window, the pixels along one side that it covers, also those beyond the image."""
    count = -(-side // step) if padding == "same" else (side - size) // step + 1
    before = max((count - 1) * step + size - side, 0) // 2 if padding == "same" else 0
    return np.arange(count)[:, None] * step - before + np.arange(size)


def block_diagonal(kernel: np.ndarray) -> np.ndarray:
    """A depthwise kernel (h, w, in, times) as an ordinary one (h, w, in, in * times)."""
    *size, width, times = kernel.shape
    whole = np.zeros((*size, width, width * times))
    for channel in range(width):
        whole[:, :, channel, channel * times : (channel + 1) * times] = kernel[:, :, channel]
    return whole


def transposed(x: np.ndarray, kernel: np.ndarray, config: dict[str, Any]) -> np.ndarray:
    """Each pixel spreads the kernel (h, w, out, in); of the whole, ``same`` keeps the middle."""
    step, size = config["strides"][0], kernel.shape[0]
    rows, columns = x.shape[:2]
    whole = np.zeros(((rows - 1) * step + size, (columns - 1) * step + size, kernel.shape[2]))
    for i, j in np.ndindex(size, size):
        part = x @ kernel[i, j].T.astype(np.float64)
        whole[i : i + step * rows : step, j : j + step * columns : step][:rows, :columns] += part
    before = (size - step) // 2
    return whole[before : before + rows * step, before : before + columns * step]
