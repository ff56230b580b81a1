"""InceptionNet: each module looks at its input through windows of several sizes side by side."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from ais.models.architecture import Architecture, Layers, Option, OptionValue

if TYPE_CHECKING:
    import keras

HALVINGS = 3


def inceptionnet(layers: Layers, depth: int, options: Mapping[str, OptionValue]) -> keras.Model:
    """Modules at a half, a quarter, and an eighth of the size, and again on the way up; a convolution at full size."""
    filters, modules = int(options["first_filters"]), int(options["modules"])
    image = layers.image(depth)
    sizes = [layers.conv_normalised(image, filters)]
    for size in range(1, HALVINGS + 1):
        x = layers.halve(sizes[-1])
        for _ in range(modules):
            x = _module(layers, x, filters << size)
        sizes.append(x)
    x = sizes.pop()
    while len(sizes) > 1:
        skip = sizes.pop()
        x = layers.double(layers.conv_normalised(x, skip.shape[-1] // 2, 1))
        x = _module(layers, layers.join(x, skip), skip.shape[-1])
    x = layers.double(layers.conv_normalised(x, filters, 1))
    x = layers.conv_normalised(layers.join(x, sizes.pop()), filters)
    return layers.model(image, x, "inceptionnet")


def _module(layers: Layers, x: Any, filters: int) -> Any:
    # Windows of 1, 3, and 5 pixels (the last as two of 3, which is cheaper), and the largest value around.
    quarter, eighth = filters // 4, filters // 8
    one = layers.conv_normalised(x, quarter, 1)
    three = layers.conv_normalised(layers.conv_normalised(x, 3 * eighth, 1), 2 * quarter)
    five = layers.conv_normalised(layers.conv_normalised(x, eighth, 1), eighth)
    five = layers.conv_normalised(five, eighth)
    largest = layers.conv_normalised(layers.largest_around(x), eighth, 1)
    return layers.join(one, three, five, largest)


INCEPTIONNET = Architecture(
    name="inceptionnet",
    title="InceptionNet",
    good_for="Features of different sizes side by side; few weights, so it needs few annotations.",
    reference="Szegedy et al., CVPR 2015, doi:10.1109/CVPR.2015.7298594, and CVPR 2016, doi:10.1109/CVPR.2016.308",
    parameters=562_025,
    default_loss="bce-dice",
    stride=8,
    radius=77,
    options=(
        Option("first_filters", 32, 4, 128, "channels at full size; each halving doubles them"),
        Option("modules", 2, 1, 8, "modules at each size on the way down"),
    ),
    network=inceptionnet,
)
