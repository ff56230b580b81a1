"""A network whose volumes are taken apart into their slices: built-in layers on images are all that is left.

A convolution through slices is, for each slice that comes out, one of an image whose channels are those of the slices
that it sees. So a 3D network for a given number of slices is also a list of layers on images, with the same output;
each slice has the weights as its own.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ais.errors import AisError
from ais.models.layer_list import CHANNEL_BY_CHANNEL, KINDS, ListedLayer, channel_counts, in_order, listed_layers
from ais.models.layer_settings import NAMES_OF_KERAS_3, listed_layer

if TYPE_CHECKING:
    import keras

Weights = list[NDArray[np.float32]]
Image = int | list[int]
"""The number of the layer that gives it; of a volume, one for each slice."""

LEAKY = "leaky_relu"
LEAKY_SLOPE = 0.2
POOLED = {"MaxPooling3D": ("MaxPooling2D", "Maximum"), "AveragePooling3D": ("AveragePooling2D", "Average")}
SLICE_BY_SLICE = (
    *("Activation", "BatchNormalization", "Dropout", "ELU", "GaussianNoise", "LeakyReLU", "ReLU"),
    *("Concatenate", *CHANNEL_BY_CHANNEL),
)
ONE_PIXEL_AROUND = [[0, 0], [1, 1], [1, 1], [0, 0]]


@dataclass(frozen=True)
class PlanarNetwork:
    """A network of layers on images.

    Attributes
    ----------
    layers
        As `ais.models.layer_list.listed_layers` gives them.
    weights
        Of each layer, in Keras' order.
    """

    layers: tuple[ListedLayer, ...]
    weights: tuple[Weights, ...]


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
    unrolled = _Unrolled(depth)
    images: dict[int, Image] = {}
    for operation in network.operations:
        kind = type(operation).__name__
        if kind == "InputLayer":
            images[id(operation.output)] = 0
            continue
        given = operation.input if isinstance(operation.input, list | tuple) else [operation.input]
        weights = operation.get_weights() if hasattr(operation, "get_weights") else []
        images[id(operation.output)] = unrolled.after(
            kind, _settings(operation), weights, [images[id(tensor)] for tensor in given]
        )
    return unrolled.finished(images[id(network.output)])


def _settings(operation: Any) -> dict[str, Any]:
    if hasattr(operation, "get_config") and hasattr(operation, "get_weights"):
        settings: dict[str, Any] = json.loads(json.dumps(operation.get_config(), default=str))
        return settings
    settings = {key: getattr(operation, key, None) for key in ("name", "axis", "pad_width", "mode")}
    return dict(json.loads(json.dumps(settings)))


class _Unrolled:
    """Layers on images, in the order in which they were added; number 0 is the image itself."""

    def __init__(self, depth: int) -> None:
        self._depth = depth
        self._layers: list[ListedLayer] = []
        self._weights: list[Weights] = []

    def after(self, kind: str, config: Mapping[str, Any], weights: Weights, given: Sequence[Image]) -> Image:
        """What a layer of Keras gives for the images and volumes given."""
        volumes = [image for image in given if isinstance(image, list)]
        if not volumes and kind in KINDS:
            numbers = [image for image in given if isinstance(image, int)]
            return self._planar(kind, config, weights, numbers)
        turn = self._turning(kind, config)
        if turn is not None and len(given) == 1:
            return turn(given[0])
        if volumes and len(volumes) == len(given) and len({len(volume) for volume in volumes}) == 1:
            if kind in SLICE_BY_SLICE:
                return [self._planar(kind, config, weights, slices) for slices in zip(*volumes, strict=True)]
            layer = _VOLUME_LAYERS.get(kind)
            if layer is not None:
                return layer(self, config, weights, volumes[0])
        name = str(config.get("name"))[:80]
        raise AisError(f"its layer '{name}' ({kind}) is not made of layers that networks of Ais 1.x have")

    def finished(self, output: Image) -> PlanarNetwork:
        """The layers that the output is computed from, checked."""
        if isinstance(output, list):
            raise AisError("its network gives several slices at once")
        order = in_order(output, lambda number: self._layers[number - 1].inputs if number else ())
        new = {number: place for place, number in enumerate(order)}
        kept = [number for number in order if number]
        layers = [replace(self._layers[n - 1], inputs=tuple(new[i] for i in self._layers[n - 1].inputs)) for n in kept]
        checked = listed_layers([layer.as_json() for layer in layers], self._depth)
        return PlanarNetwork(checked, tuple(self._weights[number - 1] for number in kept))

    def _add(
        self, kind: str, settings: Mapping[str, Any], inputs: Sequence[int], weights: Weights | None = None
    ) -> int:
        self._layers.append(ListedLayer(kind, settings, tuple(inputs)))
        self._weights.append(weights or [])
        return len(self._layers)

    def _planar(self, kind: str, config: Mapping[str, Any], weights: Weights, given: Sequence[int]) -> int:
        listed = listed_layer(kind, config, given, NAMES_OF_KERAS_3)
        settings = dict(listed.settings)
        if settings.get("activation") != LEAKY:
            return self._add(kind, settings, given, weights)
        # Networks of Ais 1.x have a layer for it.
        if kind == "Activation":
            return self._add("LeakyReLU", {"negative_slope": LEAKY_SLOPE}, given)
        number = self._add(kind, {**settings, "activation": "linear"}, given, weights)
        return self._add("LeakyReLU", {"negative_slope": LEAKY_SLOPE}, [number])

    def _channel_count(self, number: int) -> int:
        return channel_counts(self._layers, self._depth)[number]

    # What turns images into volumes and back

    def _turning(self, kind: str, config: Mapping[str, Any]) -> Callable[[Image], Image] | None:
        if kind == "Permute" and config["dims"] == [3, 1, 2]:
            return self._slices
        if kind == "Permute" and config["dims"] == [2, 3, 1]:
            return self._channels
        if (kind == "ExpandDims" and config["axis"] == -1) or (kind == "Squeeze" and config["axis"] in (-1, [-1])):
            return lambda image: image  # a channel of its own for each slice, or not
        if kind == "Squeeze" and config["axis"] in (1, [1]):
            return self._only_slice
        if kind == "Pad" and config["mode"] == "symmetric" and config["pad_width"] == ONE_PIXEL_AROUND:
            return self._mirrored
        return None

    def _slices(self, image: Image) -> Image:
        if image != 0 or self._depth == 1:
            return [image] if image == 0 else image
        settings = _convolution(1, [1, 1], [1, 1], "same", "linear", use_bias=False)
        one_hot = np.eye(self._depth, dtype=np.float32)
        return [self._add("Conv2D", settings, [0], [row.reshape(1, 1, -1, 1)]) for row in one_hot]

    def _channels(self, image: Image) -> Image:
        if isinstance(image, int) or len(image) == 1:
            return image if isinstance(image, int) else image[0]
        return self._add("Concatenate", {}, image)

    def _only_slice(self, image: Image) -> Image:
        if isinstance(image, int) or len(image) != 1:
            raise AisError("its network takes several slices for one")
        return image[0]

    def _mirrored(self, image: Image) -> Image:
        """One pixel more on each side, equal to the one beside it, made of layers that know zeros only.

        The mean of a pixel, its neighbour beyond and its neighbour inside is half of the latter where the first is a
        zero put there and the second is none at all, which poolings do not count.
        """
        if isinstance(image, list):
            return [number for each in image if isinstance(number := self._mirrored(each), int)]
        for axis in (0, 1):
            around = [[1, 1] if axis == side else [0, 0] for side in (0, 1)]
            window = [3 if axis == side else 1 for side in (0, 1)]
            one = _convolution(1, [1, 1], [1, 1], "same", "linear", use_bias=True)
            channels = self._channel_count(image)
            ones = self._add("Conv2D", one, [image], [_filled((1, 1, channels, 1), 0), _filled((1,), 1)])
            inside = self._add("ZeroPadding2D", {"padding": around}, [ones])
            # 2 where pixels were added, and 0 elsewhere.
            added = self._add("Conv2D", one, [inside], [_filled((1, 1, 1, 1), -2), _filled((1,), 2)])
            larger = self._add("ZeroPadding2D", {"padding": around}, [image])
            pool = {"pool_size": window, "strides": [1, 1], "padding": "same"}
            halves = self._add("AveragePooling2D", pool, [larger])
            image = self._add("Add", {}, [larger, self._add("Multiply", {}, [halves, added])])
        return image

    # Layers on volumes, of which each slice is an image

    def convolved(self, config: Mapping[str, Any], weights: Weights, volume: list[int]) -> Image:
        """A convolution through slices: one of the images of the slices that each slice of the output sees."""
        through, *kernel = config["kernel_size"]
        step, *strides = config["strides"]
        plain = set(config["dilation_rate"]) | {config["groups"]} == {1}
        if not plain or (through > 1 and config["padding"] != "valid"):
            raise AisError(f"its layer '{str(config['name'])[:80]}' (Conv3D) has settings that volumes only have")
        settings = _convolution(
            config["filters"], kernel, strides, config["padding"], config["activation"], use_bias=config["use_bias"]
        )
        flat = [np.concatenate(list(weights[0]), axis=2), *weights[1:]]
        slices = []
        for first in range(0, len(volume) - through + 1, step):
            seen = volume[first : first + through]
            joined = seen[0] if through == 1 else self._add("Concatenate", {}, seen)
            slices.append(self._planar("Conv2D", settings, flat, [joined]))
        return slices

    def pooled(self, config: Mapping[str, Any], volume: list[int], kind: str, across: str) -> Image:
        """A pooling in the plane, and then across slices."""
        (through, *pool), (step, *strides) = config["pool_size"], config["strides"]
        if through > 1 and config["padding"] != "valid":
            raise AisError(f"its layer '{str(config['name'])[:80]}' pools beyond the first and the last slice")
        settings = {"pool_size": pool, "strides": strides, "padding": config["padding"]}
        planes = [self._add(kind, settings, [number]) for number in volume]
        if through == 1:
            return planes[::step]
        starts = range(0, len(planes) - through + 1, step)
        return [self._add(across, {}, planes[first : first + through]) for first in starts]

    def enlarged(self, config: Mapping[str, Any], _: Weights, volume: list[int]) -> Image:
        """Pixels repeated in the plane and slices repeated in z."""
        times, *size = config["size"]
        planes = [self._add("UpSampling2D", {"size": size}, [number]) for number in volume]
        return [plane for plane in planes for _ in range(times)]

    def surrounded(self, config: Mapping[str, Any], _: Weights, volume: list[int]) -> Image:
        """Zeros around, in the plane only."""
        across, *around = config["padding"]
        if any(across):
            raise AisError(f"its layer '{str(config['name'])[:80]}' puts empty slices before and after the others")
        return [self._add("ZeroPadding2D", {"padding": around}, [number]) for number in volume]

    def cropped(self, config: Mapping[str, Any], _: Weights, volume: list[int]) -> Image:
        """Slices taken off both ends, and borders of those that are left."""
        (before, after), *borders = config["cropping"]
        kept = volume[before : len(volume) - after]
        if not any(map(any, borders)):
            return kept
        return [self._add("Cropping2D", {"cropping": borders}, [number]) for number in kept]


def _filled(shape: tuple[int, ...], value: float) -> NDArray[np.float32]:
    return np.full(shape, value, np.float32)


def _pooling(kind: str) -> Callable[[_Unrolled, Mapping[str, Any], Weights, list[int]], Image]:
    return lambda unrolled, config, _, volume: unrolled.pooled(config, volume, *POOLED[kind])


def _convolution(
    filters: int, kernel: Sequence[int], strides: Sequence[int], padding: str, activation: str, *, use_bias: bool
) -> dict[str, Any]:
    return {
        **{"filters": filters, "kernel_size": list(kernel), "strides": list(strides), "padding": padding},
        **{"dilation_rate": [1, 1], "groups": 1, "activation": activation, "use_bias": use_bias},
    }


_VOLUME_LAYERS: Mapping[str, Callable[[_Unrolled, Mapping[str, Any], Weights, list[int]], Image]] = {
    "Conv3D": _Unrolled.convolved,
    "UpSampling3D": _Unrolled.enlarged,
    "ZeroPadding3D": _Unrolled.surrounded,
    "Cropping3D": _Unrolled.cropped,
    **{kind: _pooling(kind) for kind in POOLED},
}
