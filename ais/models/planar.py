"""Networks of ours as layers on images: a list that other programs can build with the layers that they have."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from ais.models.layer_settings import NAMES_OF_KERAS_3
from ais.models.unrolled import Image, PlanarNetwork, Unrolled, Weights

if TYPE_CHECKING:
    import keras

Z_AXIS = 0  # of volumes (z, y, x, channels)
ONE_PIXEL_AROUND = [[0, 0], [1, 1], [1, 1], [0, 0]]


def planar_network(network: keras.Model, depth: int) -> PlanarNetwork:
    """A network as layers on images.

    Parameters
    ----------
    network
        A Keras 3 model that gives one probability per pixel.
    depth
        Slices that it is given.

    Raises
    ------
    AisError
        A clause that names the layer that cannot be written down so.
    """
    unrolled = Unrolled(depth, Z_AXIS, NAMES_OF_KERAS_3)
    images: dict[int, Image] = {}
    for operation in network.operations:
        kind = type(operation).__name__
        if kind == "InputLayer":
            images[id(operation.output)] = 0
            continue
        given = operation.input if isinstance(operation.input, list | tuple) else [operation.input]
        images[id(operation.output)] = _after(unrolled, operation, [images[id(tensor)] for tensor in given])
    return unrolled.finished(images[id(network.output)])


def _after(unrolled: Unrolled, operation: Any, given: Sequence[Image]) -> Image:
    settings = _settings(operation)
    match type(operation).__name__, settings:
        case "Permute", {"dims": [3, 1, 2]}:
            return unrolled.slices(given[0])
        case "Permute", {"dims": [2, 3, 1]}:
            return unrolled.channels(given[0])
        case ("ExpandDims", {"axis": -1}) | ("Squeeze", {"axis": -1 | [-1]}):
            return given[0]  # a channel of its own for each slice, or not
        case "Squeeze", {"axis": 1 | [1]}:
            return unrolled.only_slice(given[0])
        case "Pad", {"mode": "symmetric", "pad_width": around} if around == ONE_PIXEL_AROUND:
            return unrolled.mirrored(given[0])

    def weights(_: Mapping[str, tuple[int, ...]]) -> Weights:
        return list(operation.get_weights())

    return unrolled.after(type(operation).__name__, settings, weights, given)


def _settings(operation: Any) -> dict[str, Any]:
    if hasattr(operation, "get_weights"):
        return dict(json.loads(json.dumps(operation.get_config(), default=str)))
    settings = {key: getattr(operation, key, None) for key in ("name", "axis", "pad_width", "mode")}
    return dict(json.loads(json.dumps(settings)))
