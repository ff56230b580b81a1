"""FastNet: a small U-Net that works at a half and a quarter of the size, the default of Ais."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from ais.models.architecture import Architecture, Layers, Option, OptionValue

if TYPE_CHECKING:
    import keras

COARSE_WIDTH = 3


def fastnet(layers: Layers, depth: int, options: Mapping[str, OptionValue]) -> keras.Model:
    """Strided convolutions down to a quarter of the size, a sum on the way up, and a transposed one to full size.

    Nothing is computed at full size but the result, which is what makes it fast. It sees little around a pixel on
    purpose: with some tens of boxes, networks that see more learn the boxes by heart.
    """
    filters = int(options["first_filters"])
    image = layers.image(depth)
    fine = layers.conv_normalised(image, filters, 4, stride=2)
    for _ in range(2):
        fine = layers.conv_normalised(fine, filters)
    coarse = layers.conv_normalised(fine, COARSE_WIDTH * filters, 4, stride=2)
    for _ in range(2):
        coarse = layers.conv_normalised(coarse, COARSE_WIDTH * filters)
    x = layers.add(layers.double(layers.conv_normalised(coarse, filters, 1)), fine)
    x = layers.conv_normalised(x, filters)
    return layers.model(image, x, "fastnet", size=4, doubled=True)


FASTNET = Architecture(
    name="fastnet",
    title="FastNet",
    good_for="Most features; ten times as fast as VGGNet M and as accurate from some tens of boxes.",
    reference="After Ronneberger et al., MICCAI 2015, doi:10.1007/978-3-319-24574-4_28; found by experiment",
    parameters=247_233,
    default_loss="bce-dice",
    stride=4,
    radius=21,
    options=(Option("first_filters", 32, 4, 256, "channels at half the size; three times as many at a quarter"),),
    network=fastnet,
    learning_rate=2.5e-3,
)
