"""U-Net: an encoder-decoder whose decoder sees the encoder's detail; a small one, a middle one, and a large one."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from ais.models.architecture import Architecture, Layers, Option, OptionValue

if TYPE_CHECKING:
    import keras

REFERENCE = "Ronneberger et al., MICCAI 2015, doi:10.1007/978-3-319-24574-4_28"
FILTERS_TEXT = "channels after the first convolution; each halving doubles them"
FIRST_FILTERS = Option("first_filters", 64, 4, 256, FILTERS_TEXT)


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


def unet_m(layers: Layers, depth: int, options: Mapping[str, OptionValue]) -> keras.Model:
    """Three halvings, two normalised convolutions at each size."""
    image = layers.image(depth)
    skips = way_down(layers, image, int(options["first_filters"]), 3)
    return layers.model(image, way_up(layers, skips), "unet-m")


def unet_l(layers: Layers, depth: int, options: Mapping[str, OptionValue]) -> keras.Model:
    """Four halvings, as published, two normalised convolutions at each size."""
    image = layers.image(depth)
    skips = way_down(layers, image, int(options["first_filters"]), 4)
    return layers.model(image, way_up(layers, skips), "unet-l")


def way_down(layers: Layers, x: Any, filters: int, halvings: int) -> list[Any]:
    """The encoder: from an image to images of each size, the largest first; each halving doubles the channels."""
    skips = [two_convolutions(layers, x, filters)]
    for _ in range(halvings):
        filters *= 2
        skips.append(two_convolutions(layers, layers.halve(skips[-1]), filters))
    return skips


def way_up(layers: Layers, skips: list[Any]) -> Any:
    """The decoder: from the images of an encoder, the largest first, to one of the size of the first."""
    *finer, x = skips
    for skip in reversed(finer):
        # Fewer channels before there are four times as many pixels, as the published up-convolution has it.
        x = layers.double(layers.conv_normalised(x, skip.shape[-1], 1))
        x = two_convolutions(layers, layers.join(x, skip), skip.shape[-1])
    return x


def two_convolutions(layers: Layers, x: Any, filters: int) -> Any:
    """What is done at each size."""
    return layers.conv_normalised(layers.conv_normalised(x, filters), filters)


UNET_S = Architecture(
    name="unet-s",
    title="UNet S",
    good_for="Most features; small and quick to train, the one to start with.",
    reference=REFERENCE,
    parameters=922_881,
    default_loss="bce-dice",
    stride=4,
    radius=13,
    options=(FIRST_FILTERS,),
    network=unet_s,
)
UNET_M = Architecture(
    name="unet-m",
    title="UNet M",
    good_for="Most features, where UNet S confuses things that look alike nearby: it sees more around a pixel.",
    reference=REFERENCE,
    parameters=1_796_001,
    default_loss="bce-dice",
    stride=8,
    radius=51,
    options=(Option("first_filters", 32, 4, 128, FILTERS_TEXT),),
    network=unet_m,
)
UNET_L = Architecture(
    name="unet-l",
    title="UNet L",
    good_for="Large features, and many annotations; slow to train.",
    reference=REFERENCE,
    parameters=16_281_073,
    default_loss="bce-dice",
    stride=16,
    radius=107,
    options=(Option("first_filters", 48, 4, 128, FILTERS_TEXT),),
    network=unet_l,
)
