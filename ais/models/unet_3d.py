"""U-Net 3D: convolutions through neighbouring slices, trained on boxes of which only the middle slice is annotated.

Nothing is made up beyond the slices given: each convolution in z takes one slice off both ends, so a volume gives the
same result in slabs as at once. The tomogram is sampled finely in z compared with its resolution there, so z is never
halved.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from ais.models.architecture import Architecture, Layers, Option, OptionValue
from ais.models.unet import FILTERS_TEXT

if TYPE_CHECKING:
    import keras

# Size (number of halvings) and which of its two convolutions go through three slices, in the order in which a greater
# depth adds them: first at half size, where the noise is less and a structure seldom moves by more than a pixel from
# one slice to the next, then at coarser and finer ones. All are on the way down: the way up computes what is kept only.
THROUGH_SLICES = ((1, 1), (2, 1), (0, 0), (3, 1), (1, 0), (2, 0), (3, 0), (0, 1))
HALVINGS = 3


def unet_3d(layers: Layers, depth: int, options: Mapping[str, OptionValue]) -> keras.Model:
    """Three halvings in the plane, two convolutions at each size; one goes through z for each two slices of depth."""
    filters = int(options["first_filters"])
    through = THROUGH_SLICES[: depth // 2]
    image = layers.image(None)
    x, skips = layers.slices(image), []
    for size in range(HALVINGS + 1):
        x = x if size == 0 else layers.halve(x)
        for place in (0, 1):
            x = layers.conv_normalised(x, filters << size, slices=3 if (size, place) in through else 1)
        skips.append(x)
    x = skips.pop()
    for size in reversed(range(HALVINGS)):
        skip = layers.crop_slices(skips.pop(), sum(later > size for later, _ in through))
        x = layers.double(layers.conv_normalised(x, filters << size, 1))
        x = layers.join(x, skip)
        for _ in (0, 1):
            x = layers.conv_normalised(x, filters << size)
    return layers.model(image, x, "unet-3d")


UNET_3D = Architecture(
    name="unet-3d",
    title="UNet 3D",
    good_for="What is told apart by its course through the slices; slow, wants training sets of 3 to 17 slices.",
    reference="Çiçek et al., MICCAI 2016, doi:10.1007/978-3-319-46723-8_49",
    parameters=1_052_089,
    default_loss="bce-dice",
    stride=8,
    radius=51,
    options=(Option("first_filters", 24, 4, 64, FILTERS_TEXT),),
    network=unet_3d,
    depths=(3, 2 * len(THROUGH_SLICES) + 1),
    volumetric=True,
)
