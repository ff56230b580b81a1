"""Volumes taken apart into their slices: layers on volumes become layers on images, with the same output.

A convolution through slices is, for each slice that comes out, one of an image whose channels are those of the slices
that it sees. So a 3D network for a given number of slices is also a list of layers on images; each slice has
the weights as its own.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ais.errors import AisError
from ais.models.layer_list import (
    CHANNEL_BY_CHANNEL,
    KINDS,
    MOST_LAYERS,
    MOST_NUMBERS,
    ListedLayer,
    Shape,
    checked_layer,
    in_order,
    listed_layers,
    width_and_weights,
)
from ais.models.layer_settings import acts_on_output, listed_layer

Weights = list[NDArray[np.float32]]
WeightsOf = Callable[[Mapping[str, Shape]], Weights]
"""Gives the weights of a layer, which must have these names and shapes."""
Image = int | list[int]
"""The number of the layer that gives it; of a volume, one for each slice."""

LEAKY = "leaky_relu"
LEAKY_SLOPE = 0.2
POOLED = {"MaxPooling3D": ("MaxPooling2D", "Maximum"), "AveragePooling3D": ("AveragePooling2D", "Average")}
TWINS = {"SpatialDropout3D": "SpatialDropout2D"}
SLICE_BY_SLICE = (
    *("Activation", "BatchNormalization", "Dropout", "ELU", "GaussianNoise", "LeakyReLU", "ReLU"),
    *("SpatialDropout2D", "Concatenate", *CHANNEL_BY_CHANNEL),
)
VOLUME_LAYERS = ("Conv3D", "Conv3DTranspose", "UpSampling3D", "ZeroPadding3D", "Cropping3D", *POOLED, *TWINS)
KNOWN_SETTINGS = (
    *("kernel_size", "strides", "padding", "filters", "activation", "use_bias", "dilation_rate", "groups"),
    *("output_padding", "pool_size", "size", "cropping", "data_format"),
)
LAST_AXIS = (-1, 4, [4])
MOST_SLICES = 1024
TOO_LARGE = "its network is far larger than any network of Ais"


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


class Unrolled:
    """Layers on images, in the order in which they were added; number 0 is the image itself.

    Parameters
    ----------
    depth
        Slices of the image.
    z
        Which of the three axes of a volume, without batch and channels, counts its slices.
    names
        What its Keras calls settings otherwise; see `ais.models.layer_settings`.
    """

    def __init__(self, depth: int, z: int, names: Mapping[tuple[str, str], str]) -> None:
        self._depth = depth
        self._z = z
        self._names = names
        self._layers: list[ListedLayer] = []
        self._weights: list[Weights] = []
        self._channels = [depth]
        self._numbers = 0

    def after(self, kind: str, config: Mapping[str, Any], weights: WeightsOf, given: Sequence[Image]) -> Image:
        """What a layer of Keras gives for the images or volumes given.

        Raises
        ------
        AisError
            A clause that names the layer, if it cannot be made of layers on images.
        """
        volumes = [image for image in given if isinstance(image, list)]
        images = [image for image in given if isinstance(image, int)]
        kind = TWINS.get(kind, kind)
        if not volumes and kind in KINDS:
            return self._planar(kind, config, weights, images)[0]
        if volumes and not images and len({len(volume) for volume in volumes}) == 1:
            if kind in SLICE_BY_SLICE and config.get("axis", -1) in LAST_AXIS:
                return self._slice_by_slice(kind, config, weights, volumes)
            if len(volumes) == 1 and kind in VOLUME_LAYERS:
                return self._of_volume(kind, config, weights, volumes[0])
        raise AisError(f"its layer '{str(config.get('name'))[:80]}' ({kind}) cannot be made of layers on images")

    def finished(self, output: Image) -> PlanarNetwork:
        """The layers that the output is computed from, checked; the last is a sigmoid."""
        if isinstance(output, list):
            raise AisError("its network gives several slices at once")
        last = self._layers[output - 1] if output else None
        if last is not None and last.kind != "Activation" and last.settings.get("activation") == "sigmoid":
            # The loss is computed from what goes into the sigmoid, which is therefore a layer of its own.
            self._layers[output - 1] = replace(last, settings={**last.settings, "activation": "linear"})
            output = self._add("Activation", {"activation": "sigmoid"}, [output])
        order = in_order(output, lambda number: self._layers[number - 1].inputs if number else ())
        new = {number: place for place, number in enumerate(order)}
        kept = [number for number in order if number]
        layers = [replace(self._layers[n - 1], inputs=tuple(new[i] for i in self._layers[n - 1].inputs)) for n in kept]
        checked = listed_layers([layer.as_json() for layer in layers], self._depth)
        return PlanarNetwork(checked, tuple(self._weights[number - 1] for number in kept))

    # What turns images into volumes and back

    def slices(self, image: Image) -> list[int]:
        """The slices of the network's image, as a volume of one channel."""
        if image != 0:
            raise AisError("its network makes a volume of something else than its slices")
        if self._depth == 1:
            return [0]
        settings = _convolution(1, [1, 1], [1, 1], "same", "linear", use_bias=False)
        one_hot = np.eye(self._depth, dtype=np.float32)
        return [self._add("Conv2D", settings, [0], [row.reshape(1, 1, -1, 1)]) for row in one_hot]

    def channels(self, image: Image) -> int:
        """The slices of a volume of one channel as the channels of an image."""
        if isinstance(image, int) or len(image) == 1:
            return image if isinstance(image, int) else image[0]
        return self._add("Concatenate", {}, image)

    def only_slice(self, image: Image) -> int:
        """The one slice of a volume."""
        if isinstance(image, int) or len(image) != 1:
            raise AisError("its network takes several slices for one")
        return image[0]

    def channel_count(self, image: Image) -> int:
        """Channels of an image, or of each slice of a volume."""
        return self._channels[image if isinstance(image, int) else image[0]]

    def mirrored(self, image: Image) -> Image:
        """One pixel more on each side, equal to the one beside it, made of layers that know zeros only.

        The mean of a pixel, its neighbour beyond and its neighbour inside is half of the latter where the first is a
        zero put there and the second is none at all, which poolings do not count.
        """
        if isinstance(image, list):
            return [self.channels(self.mirrored(number)) for number in image]
        one = _convolution(1, [1, 1], [1, 1], "same", "linear", use_bias=True)
        for axis in (0, 1):
            around = [[1, 1] if axis == side else [0, 0] for side in (0, 1)]
            window = [3 if axis == side else 1 for side in (0, 1)]
            ones = self._add("Conv2D", one, [image], [_filled((1, 1, self._channels[image], 1), 0), _filled((1,), 1)])
            inside = self._add("ZeroPadding2D", {"padding": around}, [ones])
            # 2 where pixels were added, and 0 elsewhere.
            added = self._add("Conv2D", one, [inside], [_filled((1, 1, 1, 1), -2), _filled((1,), 2)])
            larger = self._add("ZeroPadding2D", {"padding": around}, [image])
            pool = {"pool_size": window, "strides": [1, 1], "padding": "same"}
            halves = self._add("AveragePooling2D", pool, [larger])
            image = self._add("Add", {}, [larger, self._add("Multiply", {}, [halves, added])])
        return image

    # Layers on volumes, of which each slice is an image

    def _slice_by_slice(
        self, kind: str, config: Mapping[str, Any], weights: WeightsOf, volumes: Sequence[list[int]]
    ) -> Image:
        found: list[int] = []
        own: Weights | None = None
        plain = {key: value for key, value in config.items() if key != "axis"}
        for slices in zip(*volumes, strict=True):
            given = weights if own is None else lambda _, own=own: own
            number, own = self._planar(kind, plain, given, slices)
            found.append(number)
        return found

    def _of_volume(self, kind: str, config: Mapping[str, Any], weights: WeightsOf, volume: list[int]) -> Image:
        unknown = [key for key in config if acts_on_output(key) and key not in KNOWN_SETTINGS]
        if unknown or config.get("data_format", "channels_last") != "channels_last":
            wrong = f"'{(unknown or ['data_format'])[0][:40]}' of its layer '{str(config.get('name'))[:80]}' ({kind})"
            raise AisError(f"setting {wrong} has a value that Ais does not know")
        match kind:
            case "Conv3D" | "Conv3DTranspose":
                return self._convolved(kind, config, weights, volume)
            case "UpSampling3D":
                times, size = self._split(config["size"])
                planes = [self._add("UpSampling2D", {"size": size}, [number]) for number in volume]
                if not 0 < times * len(planes) <= MOST_SLICES:
                    raise AisError("its network has far more slices than any network of Ais")
                return [plane for plane in planes for _ in range(times)]
            case "ZeroPadding3D":
                across, around = self._split(config["padding"])
                if any(across):
                    name = str(config.get("name"))[:80]
                    raise AisError(f"its layer '{name}' puts empty slices before and after the others")
                return [self._add("ZeroPadding2D", {"padding": around}, [number]) for number in volume]
            case "Cropping3D":
                (before, after), borders = self._split(config["cropping"])
                kept = volume[before : len(volume) - after]
                if not any(map(any, borders)):
                    return kept
                return [self._add("Cropping2D", {"cropping": borders}, [number]) for number in kept]
        return self._pooled(config, volume, *POOLED[kind])

    def _convolved(self, kind: str, config: Mapping[str, Any], weights: WeightsOf, volume: list[int]) -> Image:
        through, kernel = self._split(config["kernel_size"])
        step, strides = self._split(config["strides"])
        padding, filters, inputs = config["padding"], config["filters"], self.channel_count(volume)
        plain = {*config.get("dilation_rate", ()), config.get("groups", 1)} == {1}
        if not plain or config.get("output_padding") is not None:
            name = str(config.get("name"))[:80]
            raise AisError(f"its layer '{name}' ({kind}) has settings that cannot be made of layers on images")
        ends = (inputs, filters) if kind == "Conv3D" else (filters, inputs)
        shapes: dict[str, Shape] = {"kernel": (*config["kernel_size"], *ends)}
        if config["use_bias"]:
            shapes["bias"] = (filters,)
        values, *bias = self._read(weights, shapes)
        of_slices = np.moveaxis(values, self._z, 0)
        settings = _convolution(
            filters, kernel, strides, padding, config["activation"], use_bias=bool(config["use_bias"])
        )
        if kind == "Conv3D":
            seen = _windows(len(volume), through, step, padding)
        else:
            seen = _spreads(len(volume), through, step, padding)
            settings = {key: value for key, value in settings.items() if key not in ("dilation_rate", "groups")}
        planar, along = ("Conv2D", 2) if kind == "Conv3D" else ("Conv2DTranspose", 3)
        found = []
        for pairs in seen:
            slices = [volume[number] for number, _ in pairs]
            joined = slices[0] if len(slices) == 1 else self._add("Concatenate", {}, slices)
            part = np.concatenate([of_slices[tap] for _, tap in pairs], axis=along)
            found.append(self._activated(planar, settings, [joined], [part, *bias]))
        return found

    def _pooled(self, config: Mapping[str, Any], volume: list[int], kind: str, across: str) -> Image:
        (through, pool), (step, strides) = self._split(config["pool_size"]), self._split(config["strides"])
        settings = {"pool_size": pool, "strides": strides, "padding": config["padding"]}
        planes = [self._add(kind, settings, [number]) for number in volume]
        found = []
        for pairs in _windows(len(volume), through, step, config["padding"]):
            slices = [planes[number] for number, _ in pairs]
            found.append(slices[0] if len(slices) == 1 else self._add(across, {}, slices))
        return found

    def _split(self, values: Sequence[Any]) -> tuple[Any, list[Any]]:
        """What a setting says about the slices, and about the plane."""
        plane = list(values)
        if len(plane) != 3:
            raise AisError("its network has a volume of other than three axes")
        return plane.pop(self._z), plane

    # Layers on images

    def _planar(
        self, kind: str, config: Mapping[str, Any], weights: WeightsOf, given: Sequence[int]
    ) -> tuple[int, Weights]:
        settings = listed_layer(kind, config, given, self._names).settings
        plain = {**settings, "activation": "linear"} if settings.get("activation") == LEAKY else settings
        _, shapes = width_and_weights(ListedLayer(kind, plain, tuple(given)), [self._channels[n] for n in given], 0)
        values = self._read(weights, shapes) if shapes else []
        return self._activated(kind, settings, given, values), values

    def _read(self, weights: WeightsOf, shapes: Mapping[str, Shape]) -> Weights:
        # A file may claim any shape, and unpack into it.
        if not all(isinstance(side, int) and side > 0 for shape in shapes.values() for side in shape):
            raise AisError("its network has a layer with weights of a shape that makes no sense")
        if self._numbers + sum(math.prod(shape) for shape in shapes.values()) > MOST_NUMBERS:
            raise AisError(TOO_LARGE)
        return weights(shapes)

    def _activated(self, kind: str, settings: Mapping[str, Any], given: Sequence[int], weights: Weights) -> int:
        if settings.get("activation") != LEAKY:
            return self._add(kind, settings, given, weights)
        # Networks of Ais 1.x have a layer for it.
        number = given[0]
        if kind != "Activation":
            number = self._add(kind, {**settings, "activation": "linear"}, given, weights)
        return self._add("LeakyReLU", {"negative_slope": LEAKY_SLOPE}, [number])

    def _add(
        self, kind: str, settings: Mapping[str, Any], inputs: Sequence[int], weights: Weights | None = None
    ) -> int:
        number = len(self._layers) + 1
        entry = {"kind": kind, "settings": dict(settings), "inputs": list(inputs)}
        layer = checked_layer(entry, number)
        width, _ = width_and_weights(layer, [self._channels[source] for source in inputs], number)
        self._numbers += sum(values.size for values in weights or [])
        if number > MOST_LAYERS or self._numbers > MOST_NUMBERS:
            raise AisError(TOO_LARGE)
        self._layers.append(layer)
        self._weights.append(weights or [])
        self._channels.append(width)
        return number


def _windows(count: int, through: int, step: int, padding: str) -> list[list[tuple[int, int]]]:
    """For each slice that comes out, which slices it sees, and with which slice of the kernel each."""
    if not 0 < through <= MOST_SLICES or not 0 < step <= MOST_SLICES:
        raise AisError("its network looks through its slices in a way that makes no sense")
    before, found = 0, (count - through) // step + 1
    if padding == "same":
        found = -(-count // step)
        before = max((found - 1) * step + through - count, 0) // 2
    if found < 1:
        raise AisError("its network is given fewer slices than it looks through")
    starts = [number * step - before for number in range(found)]
    return [[(start + tap, tap) for tap in range(through) if 0 <= start + tap < count] for start in starts]


def _spreads(count: int, through: int, step: int, padding: str) -> list[list[tuple[int, int]]]:
    """The same for a transposed convolution."""
    before = max(through - step, 0) // 2 if padding == "same" else 0
    found = count * step if padding == "same" else count * step + max(through - step, 0)
    if not 0 < found <= MOST_SLICES or not 0 < step <= through <= MOST_SLICES:
        raise AisError("its network has a transposed convolution that leaves slices empty")
    places = range(found)
    return [
        [(n, place + before - n * step) for n in range(count) if 0 <= place + before - n * step < through]
        for place in places
    ]


def _convolution(
    filters: int, kernel: Sequence[int], strides: Sequence[int], padding: str, activation: str, *, use_bias: bool
) -> dict[str, Any]:
    return {
        **{"filters": filters, "kernel_size": list(kernel), "strides": list(strides), "padding": padding},
        **{"dilation_rate": [1, 1], "groups": 1, "activation": activation, "use_bias": use_bias},
    }


def _filled(shape: Shape, value: float) -> NDArray[np.float32]:
    return np.full(shape, value, np.float32)
