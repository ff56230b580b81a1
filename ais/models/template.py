"""An architecture of one's own: what it is good for, in a sentence."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ais.models import Architecture, Layers, Option

# What may be set with --option: name, default, smallest and largest value, and what it does.
FILTERS = Option("first_filters", 32, 4, 256, "channels of every layer")


def network(layers: Layers, depth: int, options: Mapping[str, int | float]) -> Any:
    """From an image (N, H, W, depth) to probabilities (N, H, W, 1), for any height and width.

    `layers` makes the layers that the networks of Ais are made of. Layers of Keras may stand beside them: give them
    `dtype=layers.dtype`, and a seed where they begin with random numbers, so that a training can be repeated. Each must
    see a bounded part of the image: no Dense, no Flatten, no pooling of the whole image, no Lambda.
    """
    import keras

    filters = int(options["first_filters"])
    image = layers.image(depth)
    x = layers.conv_normalised(image, filters)
    for rate in (2, 4, 8):
        wider = keras.layers.Conv2D(
            filters,
            3,
            padding="same",
            dilation_rate=rate,
            activation="relu",
            kernel_initializer=keras.initializers.HeNormal(seed=rate),
            dtype=layers.dtype,
            name=f"wider_{rate}",
        )
        x = layers.add(x, wider(x))
    return layers.model(image, x, "my-net")


ARCHITECTURE = Architecture(
    name="my-net",  # must be the name of this file
    title="My net",
    good_for="What it is good for, in a sentence.",
    reference="Where the idea comes from.",
    options=(FILTERS,),
    network=network,
)
