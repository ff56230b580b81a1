"""Pix2pix: a generator that draws the labels, and the discriminator that learns to tell them from a person's."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from ais.models.architecture import LEAKY, Architecture, Layers, Option, OptionValue

if TYPE_CHECKING:
    import keras

FIRST_FILTERS = Option(
    "first_filters", 64, 4, 128, "channels after the first halving; the next have 2, 4, 8, 8, and 8 times as many"
)
DROPOUT = Option(
    "dropout", 0.5, 0.0, 0.9, "share of the numbers left out at random, in training, in the coarse decoder"
)
ENCODER = (2, 4, 8, 8)
DECODER = (8, 8, 4, 2, 1)
DROPPED = 3
DISCRIMINATOR = (64, 128, 256)


def generator(layers: Layers, depth: int, options: Mapping[str, OptionValue]) -> keras.Model:
    """Six halvings by strided 4 x 4 convolutions, and as many doublings, each joined with the encoder's image.

    Unlike the published one, images go on beyond their borders as in a mirror.
    """
    filters = int(options["first_filters"])
    image = layers.image(depth)
    # A box of 64 pixels is a single one in the middle. With zeros around, weights that see neighbours in a whole slice
    # would never have been trained, and what was trained would know where in its box it is.
    skips = [layers.conv(image, filters, 4, stride=2, mirrored=True, activation=LEAKY)]
    for width in ENCODER:
        x = layers.conv_normalised(skips[-1], width * filters, 4, stride=2, mirrored=True, activation=LEAKY)
        skips.append(x)
    # Not normalised, since the single pixel of a single box would always become 0.
    x = layers.conv(skips[-1], 8 * filters, 4, stride=2, mirrored=True)
    for number, width in enumerate(DECODER):
        x = layers.conv_doubled(x, width * filters, mirrored=True)
        if number < DROPPED:
            x = layers.drop(x, float(options["dropout"]))
        x = layers.join(x, skips.pop())
    return layers.model(image, x, "pix2pix", size=4, doubled=True, mirrored=True)


def discriminator(dtype: str, depth: int, outputs: int, seed: int) -> keras.Model:
    """The network that tells a person's labels from the generator's, patch by patch.

    Each of its numbers judges a patch of 34 x 34 pixels, which fits into the boxes of a training set; sides of 32
    pixels and more, multiples of 4, are taken.

    Parameters
    ----------
    dtype
        Keras policy.
    depth
        Slices of the image.
    outputs
        Channels of the labels, as the generator gives them: 1, or background and each of several features.
    seed
        Of the initial weights.

    Returns
    -------
    keras.Model
        From a list of the image (N, H, W, depth), normalised, and the labels or probabilities (N, H, W, outputs), 0 to
        1, to logits (N, H / 4, W / 4, 1) float32, above 0 where it takes them for a person's.

    References
    ----------
    Isola et al., CVPR 2017, arXiv:1611.07004 (PatchGAN, with two strides instead of three).
    """
    import keras

    layers = Layers(dtype, seed)
    image = layers.image(depth)
    labels = keras.Input((None, None, outputs), name="labels")
    first, second, third = DISCRIMINATOR
    x = layers.conv(layers.join(image, labels), first, 4, stride=2, activation=LEAKY)
    x = layers.conv_normalised(x, second, 4, stride=2, activation=LEAKY)
    x = layers.conv_normalised(x, third, 4, activation=LEAKY)
    x = layers.conv(x, 1, 4, activation=None)
    logits = keras.layers.Activation("linear", dtype="float32", name="patch_logits")(x)
    return keras.Model([image, labels], logits, name="patch-discriminator")


PIX2PIX = Architecture(
    name="pix2pix",
    title="Pix2pix",
    good_for="Features whose shape matters more than their edge; slow to train, wants many annotations.",
    reference="Isola et al., CVPR 2017, arXiv:1611.07004",
    parameters=29_235_585,
    default_loss="bce-dice",
    stride=64,
    radius=189,
    options=(FIRST_FILTERS, DROPOUT),
    network=generator,
    adversarial=True,
)
