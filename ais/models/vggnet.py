"""VGGNet: small convolutions in blocks, each at half the size of the last, then back to full size."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from ais.models.architecture import Architecture, Layers, Option, OptionValue

if TYPE_CHECKING:
    import keras

REFERENCE = "Simonyan and Zisserman, ICLR 2015, arXiv:1409.1556"
Widths = Sequence[int]


def vggnet_s(layers: Layers, depth: int, options: Mapping[str, OptionValue]) -> keras.Model:
    """Blocks of 1, 1, 2, and 1 convolutions down to an eighth of the size; each block is added to its way up."""
    image = layers.image(depth)
    x = _down_and_up(layers, image, int(options["first_filters"]), ((1,), (2,), (4, 4)), (4,), ((2,), (1,), (1,)))
    return layers.model(image, x, "vggnet-s")


def vggnet_m(layers: Layers, depth: int, options: Mapping[str, OptionValue]) -> keras.Model:
    """Blocks of 1, 2, 3, and 2 convolutions down to an eighth of the size; each block is added to its way up."""
    image = layers.image(depth)
    down, up = ((1,), (2, 2), (4, 4, 4)), ((4, 2), (1,), (1,))
    x = _down_and_up(layers, image, int(options["first_filters"]), down, (8, 4), up)
    return layers.model(image, x, "vggnet-m")


def vggnet_l(layers: Layers, depth: int, options: Mapping[str, OptionValue]) -> keras.Model:
    """Blocks of 1, 2, 3, 3, and 3 convolutions down to a sixteenth of the size; each block is added to its way up."""
    image = layers.image(depth)
    down, up = ((1,), (2, 2), (4, 4, 4), (8, 8, 8)), ((8, 4), (4, 2), (1,), (1,))
    x = _down_and_up(layers, image, int(options["first_filters"]), down, (8, 8, 8), up)
    return layers.model(image, x, "vggnet-l")


def _down_and_up(
    layers: Layers, x: Any, filters: int, down: Sequence[Widths], bottom: Widths, up: Sequence[Widths]
) -> Any:
    # Widths are the channels of each convolution in multiples of `filters`.
    blocks = []
    for widths in down:
        for width in widths:
            x = layers.conv_normalised(x, width * filters)
        blocks.append(x)
        x = layers.halve(x)
    for width in bottom:
        x = layers.conv_normalised(x, width * filters)
    for widths in up:
        x = layers.add(layers.double(x), blocks.pop())
        for width in widths:
            x = layers.conv_normalised(x, width * filters)
    return x


VGGNET_S = Architecture(
    name="vggnet-s",
    title="VGGNet S",
    good_for="Slow computers and large volumes: extended features at a fraction of VGGNet M's time.",
    reference=REFERENCE,
    parameters=489_377,
    default_loss="bce-dice",
    stride=8,
    radius=33,
    options=(
        Option("first_filters", 32, 4, 128, "channels of the first block; the later blocks have 2 and 4 times as many"),
    ),
    network=vggnet_s,
)
VGGNET_M = Architecture(
    name="vggnet-m",
    title="VGGNet M",
    good_for="Membranes and other extended features; slower, sees more context.",
    reference=REFERENCE,
    parameters=5_053_377,
    default_loss="bce-dice",
    stride=8,
    radius=51,
    options=(
        Option(
            "first_filters", 64, 4, 128, "channels of the first block; the later blocks have 2, 4, and 8 times as many"
        ),
    ),
    network=vggnet_m,
)
VGGNET_L = Architecture(
    name="vggnet-l",
    title="VGGNet L",
    good_for="Large organelles, and many annotations; the slowest, sees the most context.",
    reference=REFERENCE,
    parameters=19_212_225,
    default_loss="bce-dice",
    stride=16,
    radius=131,
    options=(
        Option(
            "first_filters", 64, 4, 128, "channels of the first block; the later blocks have 2, 4, and 8 times as many"
        ),
    ),
    network=vggnet_l,
)
