"""A network written down as a list of built-in layers: what a model of Ais 1.x becomes, checked before it is built."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeGuard

from ais.errors import AisError
from ais.models.architecture import Architecture, Layers, OptionValue
from ais.models.reach import reach

if TYPE_CHECKING:
    import keras

Shape = tuple[int, ...]
Check = Callable[[object], bool]

MOST_LAYERS = 2000
MOST_NUMBERS = 1 << 28
MOST_CHANNELS = 1 << 16
LARGEST_SIDE = 1024
ACTIVATIONS = (
    *("elu", "gelu", "linear", "mish", "relu", "relu6", "selu", "sigmoid", "silu", "softplus", "softsign", "swish"),
    "tanh",
)
SEEDED = ("Dropout", "SpatialDropout2D", "GaussianNoise")
CHANNEL_BY_CHANNEL = ("Add", "Average", "Maximum", "Minimum", "Multiply", "Subtract")


@dataclass(frozen=True)
class ListedLayer:
    """One layer of a network.

    Attributes
    ----------
    kind
        Name of a built-in Keras layer, one of `KINDS`.
    settings
        Everything that acts on its output, by Keras' names.
    inputs
        What it is given: 0 is the image, n the output of the n-th layer of the list.
    """

    kind: str
    settings: Mapping[str, Any]
    inputs: tuple[int, ...]

    def as_json(self) -> dict[str, Any]:
        """As it stands in ``model.json``."""
        return {"kind": self.kind, "settings": dict(self.settings), "inputs": list(self.inputs)}


def _whole(low: int, high: int) -> Check:
    return lambda value: _is_whole(value) and low <= value <= high


def _number(low: float, high: float) -> Check:
    return lambda value: _is_number(value) and low <= value <= high


def _two(each: Check) -> Check:
    return lambda value: isinstance(value, list | tuple) and len(value) == 2 and all(map(each, value))


def _one_of(*words: str) -> Check:
    return lambda value: isinstance(value, str) and value in words


def _flag(value: object) -> bool:
    return isinstance(value, bool)


def _maybe(check: Check) -> Check:
    return lambda value: value is None or check(value)


_CHANNELS = _whole(1, MOST_CHANNELS)
_SIDES = _two(_whole(1, LARGEST_SIDE))
_MARGINS = _two(_two(_whole(0, LARGEST_SIDE)))
_ANY_NUMBER = _number(-1e6, 1e6)
_SHARE = _number(0, 1)
_ENDS: dict[str, Check] = {"activation": _one_of(*ACTIVATIONS), "use_bias": _flag}
_WINDOW: dict[str, Check] = {"kernel_size": _SIDES, "strides": _SIDES, "padding": _one_of("same", "valid")}
_POOL: dict[str, Check] = {"pool_size": _SIDES, "strides": _SIDES, "padding": _one_of("same", "valid")}

KINDS: dict[str, dict[str, Check]] = {
    "Conv2D": {"filters": _CHANNELS, **_WINDOW, "dilation_rate": _SIDES, "groups": _CHANNELS, **_ENDS},
    "Conv2DTranspose": {"filters": _CHANNELS, **_WINDOW, **_ENDS},
    "DepthwiseConv2D": {**_WINDOW, "dilation_rate": _SIDES, "depth_multiplier": _CHANNELS, **_ENDS},
    "SeparableConv2D": {
        "filters": _CHANNELS,
        **_WINDOW,
        "dilation_rate": _SIDES,
        "depth_multiplier": _CHANNELS,
        **_ENDS,
    },
    "MaxPooling2D": _POOL,
    "AveragePooling2D": _POOL,
    "UpSampling2D": {"size": _SIDES},
    "ZeroPadding2D": {"padding": _MARGINS},
    "Cropping2D": {"cropping": _MARGINS},
    "BatchNormalization": {"momentum": _SHARE, "epsilon": _number(0, 1), "center": _flag, "scale": _flag},
    "Activation": {"activation": _one_of(*ACTIVATIONS)},
    "ReLU": {"max_value": _maybe(_number(0, 1e6)), "negative_slope": _number(0, 1e6), "threshold": _number(0, 1e6)},
    "LeakyReLU": {"negative_slope": _ANY_NUMBER},
    "ELU": {"alpha": _ANY_NUMBER},
    "PReLU": {},
    "Dropout": {"rate": _SHARE},
    "SpatialDropout2D": {"rate": _SHARE},
    "GaussianNoise": {"stddev": _number(0, 1e6)},
    "Concatenate": {},
    **{kind: {} for kind in CHANNEL_BY_CHANNEL},
}


def _by_name(_layers: Layers, _depth: int, _options: Mapping[str, OptionValue]) -> keras.Model:
    raise AisError("An imported network is made from its model's own list of layers: use --continue MODEL.")


IMPORTED = Architecture(
    name="imported",
    title="Imported",
    good_for="What a model of Ais 1.x holds; it cannot be chosen, only continued.",
    reference="the model itself",
    parameters=0,
    default_loss="bce-dice",
    stride=1,
    radius=0,
    options=(),
    network=_by_name,
)


def listed_layers(content: object, depth: int) -> tuple[ListedLayer, ...]:
    """The network that entry ``layers`` of ``model.json`` describes, checked.

    Parameters
    ----------
    content
        What `ListedLayer.as_json` gives, for each layer; the last is a sigmoid that gives the probability.
    depth
        Slices that the network sees.

    Raises
    ------
    AisError
        A clause without the file's name: for a layer that is not one of `KINDS`, a setting that is missing, unknown, or
        out of range, or layers that do not fit together.
    """
    if not isinstance(content, list | tuple) or not 2 <= len(content) <= MOST_LAYERS:
        raise AisError(f"its network must have from 2 to {MOST_LAYERS} layers")
    layers = tuple(checked_layer(entry, number) for number, entry in enumerate(content, start=1))
    named_shapes(layers, depth)
    last = layers[-1]
    if last.kind != "Activation" or last.settings["activation"] != "sigmoid" or last.inputs != (len(layers) - 1,):
        raise AisError("its network does not end in a sigmoid, so what it gives is no probability")
    return layers


def checked_layer(entry: object, number: int) -> ListedLayer:
    """One entry of the list, the `number`-th from 1. Raises as `listed_layers`."""
    if not isinstance(entry, Mapping) or set(entry) != {"kind", "settings", "inputs"}:
        raise AisError(f"layer {number} of its network is not a record of kind, settings and inputs")
    kind, settings, inputs = entry["kind"], entry["settings"], entry["inputs"]
    if not isinstance(kind, str) or kind not in KINDS:
        raise AisError(f"layer {number} of its network is of a kind that Ais does not know: {str(kind)[:40]!r}")
    if not isinstance(settings, Mapping) or set(settings) != set(KINDS[kind]):
        raise AisError(f"layer {number} of its network ({kind}) must have the settings {', '.join(KINDS[kind]) or '-'}")
    for name, check in KINDS[kind].items():
        if not check(settings[name]):
            wrong = str(settings[name])[:40]
            raise AisError(f"setting '{name}' of layer {number} of its network ({kind}) makes no sense: {wrong!r}")
    if (
        not isinstance(inputs, list | tuple)
        or not all(_is_whole(source) and 0 <= source < number for source in inputs)
        or (len(inputs) != 1 if kind not in ("Concatenate", *CHANNEL_BY_CHANNEL) else len(inputs) < 2)
        or (kind == "Subtract" and len(inputs) != 2)
    ):
        raise AisError(f"layer {number} of its network ({kind}) is given something that makes no sense")
    return ListedLayer(kind, dict(settings), tuple(inputs))


def named_shapes(layers: Sequence[ListedLayer], depth: int) -> list[dict[str, Shape]]:
    """Name and shape of each weight of each layer, in Keras' order.

    Parameters
    ----------
    layers
        The network.
    depth
        Slices that it sees, which are the channels of the image.

    Raises
    ------
    AisError
        A clause without the file's name: if channels do not fit together, or there are too many weights.
    """
    channels, shapes, total = [depth], [], 0
    for number, layer in enumerate(layers, start=1):
        given = [channels[source] for source in layer.inputs]
        width, weights = width_and_weights(layer, given, number)
        total += sum(math.prod(shape) for shape in weights.values())
        if width > MOST_CHANNELS or total > MOST_NUMBERS:
            raise AisError("its network is far larger than any network of Ais")
        channels.append(width)
        shapes.append(weights)
    if channels[-1] != 1:
        raise AisError(f"its network gives {channels[-1]} values per pixel where one probability is expected")
    return shapes


def width_and_weights(layer: ListedLayer, given: Sequence[int], number: int) -> tuple[int, dict[str, Shape]]:
    """Channels that the `number`-th layer gives for images with those given, and name and shape of its weights."""
    settings, width = layer.settings, given[0]
    match layer.kind:
        case "Concatenate":
            return sum(given), {}
        case kind if kind in CHANNEL_BY_CHANNEL:
            # An image of one channel goes with each channel of the others, as in attention gates.
            if len(set(given) - {1}) > 1:
                raise AisError(f"layer {number} of its network ({kind}) joins images with different channels")
            return max(given), {}
        case "BatchNormalization":
            names = [name for name, used in (("gamma", settings["scale"]), ("beta", settings["center"])) if used]
            return width, dict.fromkeys((*names, "moving_mean", "moving_variance"), (width,))
        case "PReLU":
            return width, {"alpha": (1, 1, width)}
        case "Conv2D":
            groups, filters = settings["groups"], settings["filters"]
            if width % groups or filters % groups:
                raise AisError(f"layer {number} of its network (Conv2D) has groups that do not divide its channels")
            return filters, _with_bias(settings, filters, kernel=(width // groups, filters))
        case "Conv2DTranspose":
            return settings["filters"], _with_bias(settings, settings["filters"], kernel=(settings["filters"], width))
        case "DepthwiseConv2D":
            times = settings["depth_multiplier"]
            return width * times, _with_bias(settings, width * times, depthwise_kernel=(width, times))
        case "SeparableConv2D":
            times, filters = settings["depth_multiplier"], settings["filters"]
            weights = _with_bias(settings, filters, depthwise_kernel=(width, times))
            kernel = {"depthwise_kernel": weights.pop("depthwise_kernel")}
            return filters, {**kernel, "pointwise_kernel": (1, 1, width * times, filters), **weights}
        case _:
            return width, {}


def _with_bias(settings: Mapping[str, Any], filters: int, **kernels: Shape) -> dict[str, Shape]:
    shapes = {name: (*settings["kernel_size"], *ends) for name, ends in kernels.items()}
    return {**shapes, "bias": (filters,)} if settings["use_bias"] else shapes


def build_listed(layers: Sequence[ListedLayer], depth: int, *, dtype: str = "float32", seed: int = 0) -> keras.Model:
    """A network from its list of layers, with our names of the last two, ``logits`` and ``probability``.

    Its weights are those of no training: they are there to be set.

    Parameters
    ----------
    layers
        From `listed_layers`.
    depth, dtype
        As in `ais.models.build`.
    seed
        Of what is left out by chance in training.

    Raises
    ------
    AisError
        A clause without the file's name: if what it gives is not an image of the size of its input.
    """
    import keras

    tensors: list[Any] = [keras.Input((None, None, depth), name="image")]
    for number, layer in enumerate(layers, start=1):
        settings = dict(layer.settings)
        if layer.kind in SEEDED:
            settings["seed"] = seed * 1000 + number
        if layer.kind == "PReLU":
            settings["shared_axes"] = [1, 2]
        last = number == len(layers)
        name = {len(layers) - 1: "logits", len(layers): "probability"}.get(number, f"{layer.kind.lower()}_{number}")
        given = [tensors[source] for source in layer.inputs]
        try:
            made = getattr(keras.layers, layer.kind)(**settings, dtype="float32" if last else dtype, name=name)
            tensors.append(made(given if len(given) > 1 else given[0]))
        except ValueError as error:
            raise AisError(
                f"layer {number} of its network ({layer.kind}) has settings that do not go together"
            ) from error
    network = keras.Model(tensors[0], tensors[-1], name=IMPORTED.name)
    reach(network)
    return network


def in_order(output: int, inputs_of: Callable[[int], Sequence[int]]) -> list[int]:
    """Numbers of everything that `output` is computed from, and itself, each after what it is given.

    The order depends only on how the parts are joined, not on their numbers, so equal networks are listed equally.
    """
    order: list[int] = []
    seen: set[int] = set()
    pending = [(output, False)]
    while pending:
        item, given_done = pending.pop()
        if given_done:
            order.append(item)
        elif item not in seen:
            seen.add(item)
            pending.append((item, True))
            pending += [(source, False) for source in reversed(inputs_of(item))]
    return order


def weighted_layers(network: keras.Model) -> list[keras.layers.Layer]:
    """The layers of a network in the order of `in_order`, without its input."""
    made_by = {id(operation.output): number for number, operation in enumerate(network.operations)}

    def inputs_of(number: int) -> list[int]:
        operation = network.operations[number]
        if type(operation).__name__ == "InputLayer":
            return []
        given = operation.input if isinstance(operation.input, list | tuple) else [operation.input]
        return [made_by[id(tensor)] for tensor in given]

    order = in_order(made_by[id(network.output)], inputs_of)
    return [network.operations[number] for number in order if inputs_of(number)]


def _is_whole(value: object) -> TypeGuard[int]:
    return isinstance(value, int) and not isinstance(value, bool)


def _is_number(value: object) -> TypeGuard[float]:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
