"""U-Net 2.5D: each of several slices is looked at by itself before they are weighed against each other.

A network that takes neighbouring slices as channels mixes their grey values in its first convolution, before it has
recognised anything, and needs weights of its own for each slice. Here the same two convolutions look at every slice, so
that they learn from all of them, and what they find is fused at two sizes: in detail, and where a structure that runs
obliquely and shifts by a pixel or two from slice to slice still overlaps with itself. From there on it is a U-Net in
the plane, and as fast as one.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from ais.models.architecture import MAXIMUM_DEPTH, Architecture, Layers, Option, OptionValue
from ais.models.unet import way_down, way_up

if TYPE_CHECKING:
    import keras

HALVINGS_BELOW = 2


def unet_25d(layers: Layers, depth: int, options: Mapping[str, OptionValue]) -> keras.Model:
    """Two convolutions shared by all slices, fused at full and at half size, then three halvings as UNet M."""
    filters = int(options["first_filters"])
    image = layers.image(depth)
    each = layers.conv_normalised(layers.slices(image), filters // 2)
    each_half = layers.conv_normalised(layers.halve(each), filters)
    fine = layers.conv_normalised(layers.fuse_slices(each, filters), filters)
    skips = way_down(layers, layers.fuse_slices(each_half, 2 * filters), 2 * filters, HALVINGS_BELOW)
    return layers.model(image, way_up(layers, [fine, *skips]), "unet-2.5d")


UNET_25D = Architecture(
    name="unet-2.5d",
    title="UNet 2.5D",
    good_for="What a single slice leaves open, such as membranes in noise; wants training sets of 3 or more slices.",
    reference="Ronneberger et al., MICCAI 2015, doi:10.1007/978-3-319-24574-4_28; slices fused late as in Su et al., "
    "ICCV 2015, doi:10.1109/ICCV.2015.114",
    parameters=1_826_689,
    default_loss="bce-dice",
    stride=8,
    radius=52,
    options=(
        Option(
            "first_filters", 32, 4, 128, "channels after the slices are fused; half of them look at each slice before"
        ),
    ),
    network=unet_25d,
    depths=(3, MAXIMUM_DEPTH),
)
