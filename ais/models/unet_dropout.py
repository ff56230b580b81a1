"""U-Net with dropout: a U-Net that forgets a part of what it sees while it learns, so that few boxes go further."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from ais.models.architecture import Architecture, Layers, Option, OptionValue
from ais.models.unet import FILTERS_TEXT, way_down, way_up

if TYPE_CHECKING:
    import keras

HALVINGS = 3


def unet_dropout(layers: Layers, depth: int, options: Mapping[str, OptionValue]) -> keras.Model:
    """UNet M with dropout where the encoder ends, at the two smallest sizes."""
    rate = float(options["dropout"])
    image = layers.image(depth)
    *finer, small, smallest = way_down(layers, image, int(options["first_filters"]), HALVINGS)
    x = way_up(layers, [*finer, layers.drop(small, rate), layers.drop(smallest, rate)])
    return layers.model(image, x, "unet-dropout")


UNET_DROPOUT = Architecture(
    name="unet-dropout",
    title="UNet with dropout",
    good_for="Few annotations, where other networks learn them by heart.",
    reference="Ronneberger et al., MICCAI 2015, doi:10.1007/978-3-319-24574-4_28; Srivastava et al., JMLR 15, 2014",
    parameters=1_796_001,
    default_loss="bce-dice",
    stride=8,
    radius=51,
    options=(
        Option("first_filters", 32, 4, 128, FILTERS_TEXT),
        Option("dropout", 0.3, 0.0, 0.9, "share of the coarse image's numbers left out at random in training"),
    ),
    network=unet_dropout,
)
