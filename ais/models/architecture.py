"""What a network architecture states about itself: size, reach, options, and how it is built."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ais.errors import AisError

if TYPE_CHECKING:
    import keras

OptionValue = int | float
RECTIFIED = "relu"
LEAKY = "leaky_relu"  # a fifth of what is below 0
MOVING_AVERAGE = 0.9
MAXIMUM_DEPTH = 65
LEARNING_RATE = 1e-3
VOLUME_AXES = 5


@dataclass(frozen=True)
class Option:
    """One number that a user may set with ``--option NAME=VALUE``.

    Attributes
    ----------
    name, text
        Its key, and what it does in a biologist's words.
    default, minimum, maximum
        Its value when not set, and the range allowed. An integer default means that only integers are allowed.
    """

    name: str
    default: OptionValue
    minimum: OptionValue
    maximum: OptionValue
    text: str

    def read(self, value: object, architecture: str) -> OptionValue:
        """The value as a number in range, from a number or its text; AisError otherwise."""
        try:
            number = float(str(value))
        except ValueError:
            number = math.nan
        whole = isinstance(self.default, int)
        if isinstance(value, bool) or not self.minimum <= number <= self.maximum or (whole and number % 1):
            kind = "a whole number" if whole else "a number"
            asked = f"Option {self.name} of {architecture} must be {kind} from {self.minimum} to {self.maximum}"
            raise AisError(f"{asked}, not {value!r}.")
        return int(number) if whole else number


@dataclass(frozen=True, kw_only=True)
class Architecture:
    """A kind of network.

    Attributes
    ----------
    name, title
        As typed (lower case with hyphens) and as shown.
    good_for
        One sentence for choosing.
    reference
        Where the idea comes from.
    parameters
        Trainable numbers with default options at the smallest depth that it takes.
    default_loss
        Name of the loss it is trained with unless another is asked for (see `ais.training.losses`).
    stride
        Image sides must be multiples of this, and outputs shift exactly with inputs by multiples of it.
    radius
        How far, in pixels, an input pixel can act on the output.
    options
        What may be set.
    learning_rate
        The highest rate of its training unless another is asked for.
    network
        Builds it with the layers given: (layers, depth, options) -> Keras model from (N, H, W, depth) to
        (N, H, W, outputs). It ends with `Layers.model`.
    depths
        Smallest and largest number of slices that it takes.
    volumetric
        Whether it also slides along z: fed D >= depth slices, (N, H, W, D), it gives (N, H, W, D - depth + 1), one
        probability for each slice that has all its neighbours. Such a network finds one feature.
    adversarial
        Whether a second network that tells its output from true labels takes part in the training.
    source_hash
        SHA-256 of the user's file that describes it; empty for an architecture of Ais. Of a user's architecture,
        `parameters`, `stride`, and `radius` are computed.
    """

    name: str
    title: str
    good_for: str
    reference: str = ""
    parameters: int = 0
    default_loss: str = "bce-dice"
    stride: int = 0
    radius: int = 0
    options: tuple[Option, ...] = ()
    network: Callable[[Layers, int, Mapping[str, OptionValue]], keras.Model]
    learning_rate: float = LEARNING_RATE
    depths: tuple[int, int] = (1, MAXIMUM_DEPTH)
    volumetric: bool = False
    adversarial: bool = False
    source_hash: str = ""

    def arguments(self, options: Mapping[str, object] | None = None) -> dict[str, OptionValue]:
        """All options with their values: the given ones checked, the others at their defaults."""
        given = dict(options or {})
        known = {option.name: option for option in self.options}
        for name in given:
            if name not in known:
                raise AisError(f"{self.name} has no option '{name}': it has {', '.join(known) or 'none'}.")
        return {name: option.read(given.get(name, option.default), self.name) for name, option in known.items()}


class Layers:
    """Keras layers with one dtype policy and seeded weights, numbered in the order in which they are made.

    They take images (N, H, W, C) and, where not said otherwise, volumes (N, D, H, W, C).

    Parameters
    ----------
    dtype
        Keras policy.
    seed
        Of the initial weights.
    folded
        For segmenting only: normalisations are taken into the convolutions before them and dropout is left out, which
        gives the same output faster, but cannot be trained; see `set_folded_weights`.
    features
        How many features the network finds. With one it gives one probability per pixel; with several it gives the
        probability of background and then of each feature, which add up to 1.
    blank
        Whether all weights start at 0, which is quicker, for a network that is given its weights at once.
    """

    def __init__(
        self, dtype: str, seed: int = 0, *, folded: bool = False, features: int = 1, blank: bool = False
    ) -> None:
        self.dtype = dtype
        self.outputs = features if features == 1 else features + 1
        self._folded = folded
        self._blank = blank or folded
        self._seed = seed
        self._count = 0

    def image(self, depth: int | None) -> Any:
        """The input: (N, H, W, depth), any H and W, and any depth if it is None."""
        import keras

        return keras.Input((None, None, depth), name="image")

    def slices(self, image: Any) -> Any:
        """The slices of an image (N, H, W, D) as a volume of one channel, (N, D, H, W, 1)."""
        import keras

        # A CPU convolves volumes two to three times as fast with the slices here as with the slices after H and W.
        turned = keras.layers.Permute((3, 1, 2), dtype=self.dtype, name=self._name("slices"))(image)
        return keras.ops.expand_dims(turned, -1)

    def conv(
        self,
        x: Any,
        filters: int,
        size: int = 3,
        *,
        stride: int = 1,
        slices: int = 1,
        mirrored: bool = False,
        activation: str | None = RECTIFIED,
    ) -> Any:
        """A convolution that keeps the image's size, and a rectifier.

        Parameters
        ----------
        x
            What to convolve.
        filters
            Channels that it gives.
        size
            Pixels of the kernel along each side.
        stride
            Every how many pixels it is computed; the sides become shorter by this factor.
        slices
            How many slices of a volume the kernel sees; one comes out for each that has all its neighbours.
        mirrored
            Whether an image goes on beyond its borders as in a mirror, and not with zeros. It matters where a box is
            only a few pixels wide, almost all of them at a border: a whole slice has few such pixels.
        activation
            `RECTIFIED`, `LEAKY`, or None.
        """
        name = self._name("conv")
        return self._convolved(
            name, x, filters, size, activation, stride=stride, slices=slices, mirrored=mirrored, seed=self._layer_seed()
        )

    def conv_normalised(
        self,
        x: Any,
        filters: int,
        size: int = 3,
        *,
        stride: int = 1,
        slices: int = 1,
        mirrored: bool = False,
        activation: str | None = RECTIFIED,
    ) -> Any:
        """The same with batch normalisation between the two; deep networks learn faster so."""
        return self._normalised(x, filters, size, activation, stride=stride, slices=slices, mirrored=mirrored)

    def conv_doubled(self, x: Any, filters: int, size: int = 4, *, mirrored: bool = False) -> Any:
        """A transposed convolution to twice the height and width of an image, normalised, and a rectifier."""
        return self._normalised(x, filters, size, RECTIFIED, doubled=True, mirrored=mirrored)

    def halve(self, x: Any) -> Any:
        """The largest of each 2 x 2 pixels."""
        import keras

        name = self._name("halve")
        if _is_volume(x):
            return keras.layers.MaxPooling3D((1, 2, 2), dtype=self.dtype, name=name)(x)
        return keras.layers.MaxPooling2D(2, dtype=self.dtype, name=name)(x)

    def double(self, x: Any) -> Any:
        """Each pixel as 2 x 2 pixels."""
        import keras

        name = self._name("double")
        if _is_volume(x):
            return keras.layers.UpSampling3D((1, 2, 2), dtype=self.dtype, name=name)(x)
        return keras.layers.UpSampling2D(2, dtype=self.dtype, name=name)(x)

    def largest_around(self, x: Any) -> Any:
        """The largest of the 3 x 3 pixels around each pixel of an image."""
        import keras

        return keras.layers.MaxPooling2D(3, 1, padding="same", dtype=self.dtype, name=self._name("largest"))(x)

    def join(self, *parts: Any) -> Any:
        """Channels of several images, one after another."""
        import keras

        return keras.layers.Concatenate(dtype=self.dtype, name=self._name("join"))(list(parts))

    def add(self, *parts: Any) -> Any:
        """The sum of images with equal channels."""
        import keras

        return keras.layers.Add(dtype=self.dtype, name=self._name("add"))(list(parts))

    def rectify(self, x: Any) -> Any:
        """What is above 0, and 0 elsewhere."""
        import keras

        return keras.layers.ReLU(dtype=self.dtype, name=self._name("rectify"))(x)

    def drop(self, x: Any, rate: float) -> Any:
        """In training, a share of all numbers set to 0, and the others raised to make up for them."""
        import keras

        name = self._name("drop")
        if self._folded:
            return x
        return keras.layers.Dropout(rate, seed=self._layer_seed(), dtype=self.dtype, name=name)(x)

    def crop_slices(self, x: Any, count: int) -> Any:
        """A volume without its first and its last `count` slices."""
        import keras

        if count == 0:
            return x
        crop = ((count, count), (0, 0), (0, 0))
        return keras.layers.Cropping3D(crop, dtype=self.dtype, name=self._name("crop"))(x)

    def fuse_slices(self, x: Any, filters: int) -> Any:
        """All slices of a volume as one image: each slice and channel has its own weight, then as `conv_normalised`."""
        import keras

        return keras.ops.squeeze(self.conv_normalised(x, filters, 1, slices=x.shape[1]), 1)

    def model(
        self, image: Any, x: Any, name: str, *, size: int = 1, doubled: bool = False, mirrored: bool = False
    ) -> keras.Model:
        """The finished network: `x` to probabilities, by a layer ``logits`` and a sigmoid or softmax in float32.

        Parameters
        ----------
        image, x
            Its input, and what the last convolution takes.
        name
            Of the architecture.
        size
            Pixels of the last convolution's kernel along each side.
        doubled
            Whether it is a transposed one to twice the height and width.
        mirrored
            As in `conv`.
        """
        import keras

        x = self._convolved(
            "logits", x, self.outputs, size, None, doubled=doubled, mirrored=mirrored, seed=self._layer_seed()
        )
        if _is_volume(x):
            planes = keras.ops.squeeze(x, -1)
            x = keras.layers.Permute((2, 3, 1), dtype=self.dtype, name="planes")(planes)
        kind = "sigmoid" if self.outputs == 1 else "softmax"
        probability = keras.layers.Activation(kind, dtype="float32", name="probability")(x)
        return keras.Model(image, probability, name=name)

    def _name(self, kind: str) -> str:
        # Keras would number layers across the whole process, and writes their names into the weights file.
        self._count += 1
        return f"{kind}_{self._count}"

    def _layer_seed(self) -> int:
        return self._seed * 1000 + self._count

    def _normalised(self, x: Any, filters: int, size: int, activation: str | None, **kernel: Any) -> Any:
        import keras

        name = self._name("conv")
        fused = activation if self._folded else None
        x = self._convolved(name, x, filters, size, fused, bias=self._folded, seed=self._layer_seed(), **kernel)
        # A folded network spends the same names, so that its twin's layers are found in it.
        normalise, activate = self._name("normalise"), self._name("rectify")
        if self._folded:
            return x
        # The moving averages must settle within the few hundred steps of a short training. What is followed by a
        # rectifier and a convolution needs no scale of its own, what is added to something else does.
        x = keras.layers.BatchNormalization(
            momentum=MOVING_AVERAGE, scale=activation is None, dtype=self.dtype, name=normalise
        )(x)
        if activation is None:
            return x
        return keras.layers.Activation(activation, dtype=self.dtype, name=activate)(x)

    def _convolved(
        self,
        name: str,
        x: Any,
        filters: int,
        size: int,
        activation: str | None,
        *,
        seed: int,
        stride: int = 1,
        slices: int = 1,
        doubled: bool = False,
        mirrored: bool = False,
        bias: bool = True,
    ) -> Any:
        import keras

        kernel: tuple[int, ...] = (size, size)
        strides: tuple[int, ...] = (stride, stride)
        kind, padding = keras.layers.Conv2D, "same"
        if mirrored:
            margin = 1 if doubled else (size - stride) // 2
            x = keras.ops.pad(x, ((0, 0), (margin, margin), (margin, margin), (0, 0)), "symmetric")
            padding = "same" if doubled else "valid"
        if doubled:
            kind, strides = keras.layers.Conv2DTranspose, (2, 2)
        elif _is_volume(x):
            kind, kernel, strides = keras.layers.Conv3D, (slices, size, size), (1, stride, stride)
            padding = "same" if slices == 1 else "valid"
            if slices > 1 and size > 1:
                # Nothing may stand in for slices beyond the volume: zeros are put around in the plane only.
                around = ((0, 0), (size // 2, size // 2), (size // 2, size // 2))
                x = keras.layers.ZeroPadding3D(around, dtype=self.dtype, name=f"{name}_margin")(x)
        layer = kind(
            filters,
            kernel,
            strides=strides,
            padding=padding,
            activation=activation,
            use_bias=bias,
            kernel_initializer="zeros" if self._blank else _initial_weights(seed, doubled=doubled),
            dtype=self.dtype,
            name=name,
        )
        x = layer(x)
        if doubled and mirrored:
            x = keras.layers.Cropping2D(2, dtype=self.dtype, name=f"{name}_crop")(x)
        return x


def set_folded_weights(folded: keras.Model, network: keras.Model) -> None:
    """Give a folded network the weights of its twin, whose normalisations become part of the convolutions before them.

    Parameters
    ----------
    folded, network
        The same architecture, options, depth, and features, with and without `folded`. A normalisation that is still
        in the folded network stays one.
    """
    import keras

    makers = {id(layer.output): layer for layer in network.layers}
    weights: dict[str, list[NDArray[np.float32]]] = {layer.name: layer.get_weights() for layer in network.layers}
    kept = {layer.name for layer in folded.layers}
    for layer in network.layers:
        if isinstance(layer, keras.layers.BatchNormalization) and layer.name not in kept:
            before = makers[id(layer.input)]
            while not before.weights:
                before = makers[id(before.input)]
            *scale, offset, mean, variance = weights[layer.name]
            gain = (scale[0] if scale else 1) / np.sqrt(variance + layer.epsilon)
            # The kernel of a transposed convolution ends with (outputs, inputs).
            along = gain[:, None] if isinstance(before, keras.layers.Conv2DTranspose) else gain
            weights[before.name] = [weights[before.name][0] * along, offset - mean * gain]
    for layer in folded.layers:
        layer.set_weights(weights[layer.name])


def _is_volume(x: Any) -> bool:
    return len(x.shape) == VOLUME_AXES


def _initial_weights(seed: int, *, doubled: bool) -> Any:
    # Normal, with the spread of He et al., ICCV 2015: 2 over the number of inputs that act on an output pixel. Only a
    # quarter of a doubling convolution's kernel does, whose axes Keras takes in the order of other kernels.
    import keras

    scale, mode = (8.0, "fan_out") if doubled else (2.0, "fan_in")
    return keras.initializers.VarianceScaling(scale, mode, "truncated_normal", seed=seed)
