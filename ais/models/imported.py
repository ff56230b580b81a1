"""Networks of Ais 1.x: what Keras 2 wrote about them, read as a list of built-in layers, and their weights."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ais.errors import AisError
from ais.formats.scnm import Scnm, StoredLayer, network_description, network_weights
from ais.models.info import LARGEST_BOX, LARGEST_VOXEL_SIZE, ModelInfo
from ais.models.layer_list import IMPORTED, KINDS, MOST_LAYERS, ListedLayer, in_order, listed_layers, named_shapes
from ais.models.layer_settings import NAMES_OF_KERAS_2, ONE_SIZE, listed_layer
from ais.models.registry import check_depth
from ais.models.unet import FIRST_FILTERS, UNET_S
from ais.models.unrolled import Weights, WeightsOf
from ais.models.volumetric import OF_VOLUMES, unrolled_network

MODELS = ("Functional", "Model", "Sequential")
IMAGE_AXES, VOLUME_AXES = 4, 5
NOT_POSSIBLE = {
    "TFOpLambda": "is not a layer but a call of TensorFlow",
    "SlicingOpLambda": "is not a layer but a call of TensorFlow",
    **dict.fromkeys(
        ("CenterCrop", "Dense", "Flatten", "Permute", "RandomCrop", "Reshape", "Resizing"),
        ONE_SIZE,
    ),
    **dict.fromkeys(
        ("GlobalAveragePooling2D", "GlobalMaxPooling2D", "GroupNormalization", "LayerNormalization", "Attention"),
        "looks at a whole box at once, so that tiles of a slice would not agree",
    ),
}
TOLD = ("arch", "info", "epochs", "batch_size", "n_copies", "excess_negative", "loss", "z_jitter", "filament_diameter")
LONGEST_TEXT = 1000


@dataclass(frozen=True)
class _Described:
    """A layer as Keras 2 described it; inputs are numbered as in `ListedLayer`."""

    kind: str
    config: dict[str, Any]
    inputs: tuple[int, ...]
    group: str
    name: str


@dataclass(frozen=True)
class _Network:
    """Its layers, and where the weights of each lie, or the weights themselves."""

    depth: int
    layers: tuple[ListedLayer, ...]
    places: tuple[tuple[str, str], ...]
    weights: tuple[Weights, ...] = ()


def imported_info(content: Scnm, path: Path | str) -> ModelInfo:
    """What a model of Ais 1.x says about itself and its network.

    The network is `unet-s` where it is exactly that, and else a list of layers.

    Raises
    ------
    AisError
        If its metadata make no sense, or its network has a layer that is not taken over.
    """
    network = _network(content, path)
    filters = network.layers[0].settings.get("filters", 0)
    named: dict[str, Any] = {"architecture": IMPORTED.name, "arguments": {}, "layers": network.layers}
    if FIRST_FILTERS.minimum <= filters <= FIRST_FILTERS.maximum and network.layers == unet_s_layers(filters):
        named = {"architecture": UNET_S.name, "arguments": {FIRST_FILTERS.name: filters}}
    try:
        return _info(content.metadata, Path(path).stem, network.depth, named)
    except AisError as error:
        raise _unusable(path, error) from error


def imported_weights(content: Scnm, path: Path | str) -> list[list[NDArray[np.float32]]]:
    """Weights of each layer of the network of `imported_info`, in the order of `ais.models.layer_list.weighted_layers`.

    Raises
    ------
    AisError
        If they are missing, damaged, or do not fit the network.
    """
    network = _network(content, path)
    if network.weights:
        return list(network.weights)
    shapes = named_shapes(network.layers, network.depth)
    places = [
        StoredLayer(group, name, shape) for (group, name), shape in zip(network.places, shapes, strict=True) if shape
    ]
    stored = iter(network_weights(content.network, places, path))
    return [next(stored) if shape else [] for shape in shapes]


def unet_s_layers(filters: int) -> tuple[ListedLayer, ...]:
    """The list of layers of `unet-s`, the one architecture that Ais 1.x builds exactly as this Ais does."""

    def conv(count: int, source: int, size: int = 3, activation: str = "relu") -> ListedLayer:
        settings = {"filters": count, "kernel_size": [size, size], "strides": [1, 1], "padding": "same"}
        settings |= {"dilation_rate": [1, 1], "groups": 1, "activation": activation, "use_bias": True}
        return ListedLayer("Conv2D", settings, (source,))

    def halve(source: int) -> ListedLayer:
        return ListedLayer("MaxPooling2D", {"pool_size": [2, 2], "strides": [2, 2], "padding": "valid"}, (source,))

    def double(source: int) -> ListedLayer:
        return ListedLayer("UpSampling2D", {"size": [2, 2]}, (source,))

    return (
        *(conv(filters, 0), halve(1), conv(2 * filters, 2), halve(3), conv(4 * filters, 4)),
        *(double(5), ListedLayer("Concatenate", {}, (6, 3)), conv(2 * filters, 7)),
        *(double(8), ListedLayer("Concatenate", {}, (9, 1)), conv(filters, 10)),
        *(conv(1, 11, 1, "linear"), ListedLayer("Activation", {"activation": "sigmoid"}, (12,))),
    )


def _network(content: Scnm, path: Path | str) -> _Network:
    description = network_description(content.network, path)
    try:
        return _read_network(description, content.network, path)
    except AisError as error:
        raise _unusable(path, error) from error
    except (KeyError, IndexError, TypeError, ValueError, AttributeError, RecursionError) as error:
        raise AisError(f"{path} is damaged: the description of its network makes no sense.") from error


def _unusable(path: Path | str, error: AisError) -> AisError:
    if str(error).startswith(str(path)):
        return error  # of the weights, which name the file themselves
    return AisError(f"{path} cannot be used as a model: {str(error).rstrip('.')}.")


def _info(metadata: Mapping[str, Any], stem: str, depth: int, network: Mapping[str, Any]) -> ModelInfo:
    title, colour, box_size = (metadata.get(name) for name in ("title", "colour", "box_size"))
    if not isinstance(box_size, int) or isinstance(box_size, bool) or not 1 <= box_size <= LARGEST_BOX:
        raise AisError("its metadata state no box size")
    normalization = metadata.get("normalization") or "slice"
    if normalization not in ("slice", "global_mad"):
        raise AisError(f"its images are normalised in a way that Ais does not know: {str(normalization)[:40]!r}")
    info = ModelInfo(
        feature=_printable(title) or stem,
        voxel_size=_number(metadata.get("apix"), 0, LARGEST_VOXEL_SIZE, instead=0.0),
        box_size=box_size,
        depth=depth,
        normalization=normalization,
        threshold=_number(metadata.get("threshold"), 0, 1, instead=0.5),
        training={"program": "Ais 1.x", **{name: metadata[name] for name in TOLD if _is_plain(metadata.get(name))}},
        **network,
    )
    if isinstance(colour, list) and len(colour) == 3 and all(_number(c, 0, 1, instead=-1) >= 0 for c in colour):
        return replace(info, colour=(float(colour[0]), float(colour[1]), float(colour[2])))
    return info


def _number(value: object, low: float, high: float, *, instead: float) -> float:
    known = isinstance(value, int | float) and not isinstance(value, bool) and low <= value <= high
    return float(value) if known else instead  # type: ignore[arg-type]


def _is_plain(value: object) -> bool:
    return (isinstance(value, int | float) and math.isfinite(value)) or (
        isinstance(value, str) and value.isprintable() and len(value) <= LONGEST_TEXT
    )


def _printable(title: object) -> str:
    # A name becomes part of file names and is shown on a terminal.
    return "".join(letter for letter in title if letter.isprintable()).strip() if isinstance(title, str) else ""


def _read_network(description: Mapping[str, Any], data: bytes, path: Path | str) -> _Network:
    found: list[_Described] = []
    depths: list[int] = []
    output = _add_model(description, None, None, found, depths)
    if len(depths) != 1 or not found:
        raise AisError("its network does not take exactly one image")
    if any(one.kind in OF_VOLUMES for one in found):

        def stored(number: int) -> WeightsOf:
            layer = found[number - 1]
            return lambda shapes: network_weights(data, [StoredLayer(layer.group, layer.name, shapes)], path)[0]

        planar = unrolled_network(found, output, depths[0], stored)
        return _Network(depths[0], planar.layers, (), planar.weights)
    layers = [listed_layer(one.kind, one.config, one.inputs, NAMES_OF_KERAS_2) for one in found]
    places = [(described.group, described.name) for described in found]
    last = layers[output - 1]
    if last.kind != "Activation" and last.settings.get("activation") == "sigmoid":
        # The loss is computed from what goes into the sigmoid, which is therefore a layer of its own.
        layers[output - 1] = replace(last, settings={**last.settings, "activation": "linear"})
        layers.append(ListedLayer("Activation", {"activation": "sigmoid"}, (output,)))
        places.append(("", ""))
        output = len(layers)
    order = in_order(output, lambda number: layers[number - 1].inputs if number else ())
    new = {number: place for place, number in enumerate(order)}
    listed = [replace(layers[n - 1], inputs=tuple(new[i] for i in layers[n - 1].inputs)) for n in order if n]
    checked = listed_layers([layer.as_json() for layer in listed], depths[0])
    return _Network(depths[0], checked, tuple(places[number - 1] for number in order if number))


def _add_model(
    model: Mapping[str, Any], given: int | None, group: str | None, found: list[_Described], depths: list[int]
) -> int:
    """Add the layers of a model, and of models inside it, to those found; returns the number of its output.

    `given` is what an inner model is given, and `group` where its weights lie; both are None for the outermost.
    """
    pending, output = _entries(model)
    known: dict[str, int] = {}
    while pending:
        ready = [entry for entry in pending if all(source in known for source in entry[1])]
        if not ready:
            raise AisError("the layers of its network wait for each other")
        for entry, sources in ready:
            kind, name, config = entry["class_name"], str(entry["config"]["name"]), entry["config"]
            if name in known:
                raise AisError(f"its network has two layers called '{name[:80]}'")
            inputs = tuple(known[source] for source in sources)
            inner = name if group is None else group
            if kind == "InputLayer":
                if given is None:
                    depths.append(_depth(config["batch_input_shape"]))
                known[name] = given or 0
            elif kind in MODELS and len(inputs) == 1:
                known[name] = _add_model(entry, inputs[0], inner, found, depths)
            else:
                found.append(_Described(_kind(entry, name), config, inputs, inner, name))
                known[name] = len(found)
            if len(found) > MOST_LAYERS:
                raise AisError(f"its network has more than {MOST_LAYERS} layers")
        pending = [entry for entry in pending if str(entry[0]["config"]["name"]) not in known]
    return known[output]


def _entries(model: Mapping[str, Any]) -> tuple[list[tuple[Mapping[str, Any], list[str]]], str]:
    """The layers of a model, each with the names of those before it, and the name of the last."""
    if model["class_name"] not in MODELS:
        raise AisError(f"its network is of a kind that Ais does not know: {str(model['class_name'])[:40]!r}")
    layers = model["config"]["layers"]
    names = [str(layer["config"]["name"]) for layer in layers]
    if len(names) > MOST_LAYERS or len(set(names)) < len(names):
        raise AisError("its network has too many layers, or several of one name")
    if model["class_name"] == "Sequential":
        if layers[0]["class_name"] != "InputLayer":
            raise AisError("its network does not say which images it takes")
        before: list[list[str]] = [[], *([name] for name in names)]
        return list(zip(layers, before, strict=False)), names[-1]
    ends = [model["config"][key] for key in ("input_layers", "output_layers")]
    if any(len(end) != 1 for end in ends):
        raise AisError("its network takes or gives several images, where one is expected")
    return [(layer, _sources(layer)) for layer in layers], str(ends[1][0][0])


def _sources(layer: Mapping[str, Any]) -> list[str]:
    """Names of the layers that one is given; it must be used once, and in the same way when training and not."""
    nodes = layer["inbound_nodes"]
    if layer["class_name"] == "InputLayer":
        return []
    name = str(layer["config"]["name"])[:80]
    if len(nodes) != 1:
        raise AisError(f"its layer '{name}' is used {len(nodes)} times, where once is expected")
    sources = []
    for source, _, tensor, settings in nodes[0]:
        if tensor != 0 or any(value is not None for value in settings.values()):
            raise AisError(f"its layer '{name}' is called with settings of its own, which Ais does not know")
        sources.append(str(source))
    return sources


def _depth(shape: Sequence[Any]) -> int:
    if len(shape) == VOLUME_AXES:
        raise AisError("it is given volumes, which Ais does not know of Ais 1.x: train a 3D network anew")
    if len(shape) != IMAGE_AXES or not isinstance(shape[3], int):
        raise AisError("its network does not take images of one or several slices")
    check_depth(shape[3])
    return int(shape[3])


def _kind(entry: Mapping[str, Any], name: str) -> str:
    kind = str(entry["class_name"])
    if kind in NOT_POSSIBLE:
        raise AisError(f"its layer '{name[:80]}' ({kind}) {NOT_POSSIBLE[kind]}: train the network again")
    if (kind not in KINDS and kind not in OF_VOLUMES) or entry.get("registered_name") not in (None, kind):
        raise AisError(f"its layer '{name[:80]}' is of a kind that Ais does not know: {kind[:40]!r}")
    return kind
