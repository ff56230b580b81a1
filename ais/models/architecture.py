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
MOVING_AVERAGE = 0.9
MAXIMUM_DEPTH = 65


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


@dataclass(frozen=True)
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
        Trainable numbers with default options at depth 1.
    default_loss
        Name of the loss it is trained with unless another is asked for (see `ais.training.losses`).
    stride
        Image sides must be multiples of this, and outputs shift exactly with inputs by multiples of it.
    radius
        How far, in pixels, an input pixel can act on the output.
    options
        What may be set.
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
    """

    name: str
    title: str
    good_for: str
    reference: str
    parameters: int
    default_loss: str
    stride: int
    radius: int
    options: tuple[Option, ...]
    network: Callable[[Layers, int, Mapping[str, OptionValue]], keras.Model]
    depths: tuple[int, int] = (1, MAXIMUM_DEPTH)
    volumetric: bool = False
    adversarial: bool = False

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

    Parameters
    ----------
    dtype
        Keras policy.
    seed
        Of the initial weights.
    folded
        Whether normalisations are taken into the convolutions before them, which gives the same output faster, but
        cannot be trained; see `folded_weights`.
    features
        How many features the network finds. With one it gives one probability per pixel; with several it gives the
        probability of background and then of each feature, which add up to 1.
    """

    def __init__(self, dtype: str, seed: int = 0, *, folded: bool = False, features: int = 1) -> None:
        self.dtype = dtype
        self.outputs = features if features == 1 else features + 1
        self._folded = folded
        self._seed = seed
        self._count = 0

    def _name(self, kind: str) -> str:
        # Keras would number layers across the whole process, and writes their names into the weights file.
        self._count += 1
        return f"{kind}_{self._count}"

    def image(self, depth: int) -> Any:
        """The input: (N, H, W, depth), any H and W."""
        import keras

        return keras.Input((None, None, depth), name="image")

    def conv(self, x: Any, filters: int, size: int = 3) -> Any:
        """A convolution that keeps the image's size, and a rectifier."""
        return self._convolution(filters, size, "relu", self._name("conv"))(x)

    def conv_normalised(self, x: Any, filters: int, size: int = 3) -> Any:
        """The same with batch normalisation between the two; deep networks learn faster so."""
        import keras

        if self._folded:
            return self.conv(x, filters, size)
        x = self._convolution(filters, size, None, self._name("conv"), bias=False)(x)
        # The moving averages must settle within the few hundred steps of a short training.
        normalise = keras.layers.BatchNormalization(
            momentum=MOVING_AVERAGE, scale=False, dtype=self.dtype, name=self._name("normalise")
        )
        return keras.layers.ReLU(dtype=self.dtype, name=self._name("rectify"))(normalise(x))

    def halve(self, x: Any) -> Any:
        """The largest of each 2 x 2 pixels."""
        import keras

        return keras.layers.MaxPooling2D(2, dtype=self.dtype, name=self._name("halve"))(x)

    def double(self, x: Any) -> Any:
        """Each pixel as 2 x 2 pixels."""
        import keras

        return keras.layers.UpSampling2D(2, dtype=self.dtype, name=self._name("double"))(x)

    def join(self, *parts: Any) -> Any:
        """Channels of several images, one after another."""
        import keras

        return keras.layers.Concatenate(dtype=self.dtype, name=self._name("join"))(list(parts))

    def add(self, *parts: Any) -> Any:
        """The sum of images with equal channels."""
        import keras

        return keras.layers.Add(dtype=self.dtype, name=self._name("add"))(list(parts))

    def model(self, image: Any, x: Any, name: str) -> keras.Model:
        """The finished network: `x` to probabilities, by a layer ``logits`` and a sigmoid or softmax in float32."""
        import keras

        logits = self._convolution(self.outputs, 1, None, "logits")(x)
        kind = "sigmoid" if self.outputs == 1 else "softmax"
        probability = keras.layers.Activation(kind, dtype="float32", name="probability")(logits)
        return keras.Model(image, probability, name=name)

    def _convolution(self, filters: int, size: int, activation: str | None, name: str, *, bias: bool = True) -> Any:
        import keras

        start = keras.initializers.HeNormal(seed=self._seed * 1000 + self._count)
        return keras.layers.Conv2D(
            filters,
            size,
            padding="same",
            activation=activation,
            use_bias=bias,
            kernel_initializer=start,
            dtype=self.dtype,
            name=name,
        )


def folded_weights(network: keras.Model) -> list[NDArray[np.float32]]:
    """Weights of a network for its folded twin, in which each normalisation is part of the convolution before it."""
    import keras

    weights: list[NDArray[np.float32]] = []
    for layer in network.layers:
        values = layer.get_weights()
        if isinstance(layer, keras.layers.BatchNormalization):
            offset, mean, variance = values
            gain = 1 / np.sqrt(variance + layer.epsilon)
            values = [weights.pop() * gain, offset - mean * gain]
        weights += values
    return weights
