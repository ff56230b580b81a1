"""EMAN2: a few large convolutions, as in the first widely used network for annotating tomograms."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from ais.models.architecture import Architecture, Layers, Option, OptionValue

if TYPE_CHECKING:
    import keras

KERNEL_PX = 15


def eman2(layers: Layers, depth: int, options: Mapping[str, OptionValue]) -> keras.Model:
    """Three convolutions of 15 x 15 pixels, the second at half the size.

    The published network gives its output at half size; here the last convolution is at full size again. Normalisation
    takes the place of the biases: with thousands of weights on each number, one step of learning else moves it so far
    that rectifiers never open again. Folded, the network is the published one.
    """
    filters = int(options["first_filters"])
    image = layers.image(depth)
    x = layers.conv_normalised(image, filters, KERNEL_PX)
    x = layers.conv_normalised(layers.halve(x), filters, KERNEL_PX)
    return layers.model(image, layers.double(x), "eman2", size=KERNEL_PX)


EMAN2 = Architecture(
    name="eman2",
    title="EMAN2",
    good_for="Comparison with EMAN2; features with a typical texture, such as ribosomes.",
    reference="Chen et al., Nature Methods 14, 2017, doi:10.1038/nmeth.4405",
    parameters=378_081,
    default_loss="bce-dice",
    stride=2,
    radius=29,
    options=(Option("first_filters", 40, 4, 128, "channels of both inner convolutions"),),
    network=eman2,
)
