"""VGGNet: small convolutions in blocks, each at half the size of the last, then back to full size."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from ais.models.architecture import Architecture, Layers, Option, OptionValue

if TYPE_CHECKING:
    import keras

FIRST_FILTERS = Option(
    "first_filters", 64, 4, 128, "channels of the first block; the later blocks have 2, 4, and 8 times as many"
)


def vggnet_m(layers: Layers, depth: int, options: Mapping[str, OptionValue]) -> keras.Model:
    """Blocks of 1, 2, 3, and 2 convolutions down to an eighth of the size; each block is added to its way up."""
    filters = int(options["first_filters"])
    image = layers.image(depth)
    x, blocks = image, []
    for width, count in ((1, 1), (2, 2), (4, 3)):
        for _ in range(count):
            x = layers.conv_normalised(x, width * filters)
        blocks.append(x)
        x = layers.halve(x)
    x = layers.conv_normalised(x, 8 * filters)
    x = layers.conv_normalised(x, 4 * filters)
    for widths in ((4, 2), (1,), (1,)):
        x = layers.add(layers.double(x), blocks.pop())
        for width in widths:
            x = layers.conv_normalised(x, width * filters)
    return layers.model(image, x, "vggnet-m")


VGGNET_M = Architecture(
    name="vggnet-m",
    title="VGGNet M",
    good_for="Membranes and other extended features; slower, sees more context.",
    reference="Simonyan and Zisserman, ICLR 2015, arXiv:1409.1556",
    parameters=5_053_377,
    default_loss="bce-dice",
    stride=8,
    radius=51,
    options=(FIRST_FILTERS,),
    network=vggnet_m,
)
