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
    """Six halvings by strided 4 x 4 convolutions, and as many doublings, each joined with the encoder's image."""
    filters = int(options["first_filters"])
    image = layers.image(depth)
    skips = [layers.conv(image, filters, 4, stride=2, activation=LEAKY)]
    for width in ENCODER:
        skips.append(layers.conv_normalised(skips[-1], width * filters, 4, stride=2, activation=LEAKY))
    # A box of 64 pixels is a single pixel here. The weights around it see neighbours only in larger images, where
    # they must not disturb what was learnt without them. Nor can a single pixel of a single box be normalised.
    x = layers.conv(skips[-1], 8 * filters, 4, stride=2, inner=2)
    for number, width in enumerate(DECODER):
        x = layers.conv_doubled(x, width * filters, inner=2 if number == 0 else None)
        if number < DROPPED:
            x = layers.drop(x, float(options["dropout"]))
        x = layers.join(x, skips.pop())
    return layers.model(image, x, "pix2pix", size=4, doubled=True)


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
    good_for="Features whose shape matters more than their edge; slow to train, wants boxes of 128 pixels and more.",
    reference="Isola et al., CVPR 2017, arXiv:1611.07004",
    parameters=29_235_585,
    default_loss="bce-dice",
    stride=64,
    radius=189,
    options=(FIRST_FILTERS, DROPOUT),
    network=generator,
    adversarial=True,
)
