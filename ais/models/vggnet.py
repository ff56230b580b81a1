"""VGGNet: small convolutions in blocks, each block at half the size of the last, then back to full size."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from ais.models.architecture import Architecture, Layers, Option, OptionValue

if TYPE_CHECKING:
    import keras

FIRST_FILTERS = Option(
    "first_filters", 64, 4, 128, "channels of the first block; the later blocks have 2, 4, and 8 times as many"
)


def vggnet_m(depth: int, options: Mapping[str, OptionValue], dtype: str, seed: int) -> keras.Model:
    """Blocks of 2, 2, 3, and 1 convolutions down to an eighth of the size, and four on the way up."""
    filters = int(options["first_filters"])
    layers = Layers(dtype, seed)
    image = layers.image(depth)
    x = image
    for width, count in ((1, 2), (2, 2), (4, 3)):
        for _ in range(count):
            x = layers.conv(x, width * filters)
        x = layers.halve(x)
    x = layers.conv(x, 8 * filters)
    x = layers.conv(x, 4 * filters)
    for width in (4, 2, 1):
        x = layers.conv(layers.double(x), width * filters)
    return layers.model(image, x, "vggnet-m")


VGGNET_M = Architecture(
    name="vggnet-m",
    title="VGGNet M",
    good_for="Membranes and other extended features; slower, sees more context.",
    reference="Simonyan and Zisserman, ICLR 2015, arXiv:1409.1556",
    parameters=5_053_377,
    default_loss="bce-dice",
    stride=8,
    radius=48,
    options=(FIRST_FILTERS,),
    network=vggnet_m,
)
