"""ResNet: blocks that learn what to add to their input, at four sizes, and back to full size by sums."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from ais.models.architecture import Architecture, Layers, Option, OptionValue

if TYPE_CHECKING:
    import keras

WIDTHS = (2, 3, 4)


def resnet(layers: Layers, depth: int, options: Mapping[str, OptionValue]) -> keras.Model:
    """Residual blocks at a half, a quarter, and an eighth of the size; one more at each size on the way up."""
    filters = int(options["first_filters"])
    image = layers.image(depth)
    sizes = [layers.conv_normalised(image, filters)]
    for width in WIDTHS:
        x = _block(layers, sizes[-1], width * filters, stride=2)
        for _ in range(int(options["blocks"]) - 1):
            x = _block(layers, x, width * filters)
        sizes.append(x)
    x = sizes.pop()
    while sizes:
        skip = sizes.pop()
        x = layers.double(layers.conv_normalised(x, skip.shape[-1], 1, activation=None))
        x = _block(layers, layers.add(x, skip), skip.shape[-1])
    return layers.model(image, x, "resnet")


def _block(layers: Layers, x: Any, filters: int, stride: int = 1) -> Any:
    change = layers.conv_normalised(x, filters, stride=stride)
    change = layers.conv_normalised(change, filters, activation=None)
    if stride > 1:
        x = layers.conv_normalised(x, filters, 1, stride=stride, activation=None)
    return layers.rectify(layers.add(x, change))


RESNET = Architecture(
    name="resnet",
    title="ResNet",
    good_for="Most features; learns steadily, also with more blocks, and sees much around a pixel at little cost.",
    reference="He et al., CVPR 2016, doi:10.1109/CVPR.2016.90",
    parameters=1_288_737,
    default_loss="bce-dice",
    stride=8,
    radius=71,
    options=(
        Option("first_filters", 32, 4, 128, "channels at full size; the smaller sizes have 2, 3, and 4 times as many"),
        Option("blocks", 2, 1, 8, "residual blocks at each smaller size"),
    ),
    network=resnet,
)
