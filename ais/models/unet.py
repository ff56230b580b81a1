"""U-Net: an encoder-decoder whose decoder sees the encoder's detail."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from ais.models.architecture import Architecture, Layers, Option, OptionValue

if TYPE_CHECKING:
    import keras

FIRST_FILTERS = Option("first_filters", 64, 4, 256, "channels after the first convolution; each halving doubles them")


def unet_s(layers: Layers, depth: int, options: Mapping[str, OptionValue]) -> keras.Model:
    """Two halvings, one convolution at each size."""
    filters = int(options["first_filters"])
    image = layers.image(depth)
    fine = layers.conv(image, filters)
    middle = layers.conv(layers.halve(fine), 2 * filters)
    coarse = layers.conv(layers.halve(middle), 4 * filters)
    middle = layers.conv(layers.join(layers.double(coarse), middle), 2 * filters)
    fine = layers.conv(layers.join(layers.double(middle), fine), filters)
    return layers.model(image, fine, "unet-s")


UNET_S = Architecture(
    name="unet-s",
    title="UNet S",
    good_for="Most features; small and quick to train, the one to start with.",
    reference="Ronneberger et al., MICCAI 2015, doi:10.1007/978-3-319-24574-4_28",
    parameters=922_881,
    default_loss="bce-dice",
    stride=4,
    radius=13,
    options=(FIRST_FILTERS,),
    network=unet_s,
)
