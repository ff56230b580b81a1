"""The architectures that Ais knows, by name."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from ais.errors import AisError
from ais.models.architecture import MAXIMUM_DEPTH, Architecture, Layers
from ais.models.pix2pix import PIX2PIX
from ais.models.unet import UNET_S
from ais.models.vggnet import VGGNET_M

if TYPE_CHECKING:
    import keras

DEFAULT = UNET_S.name
ARCHITECTURES: tuple[Architecture, ...] = (UNET_S, VGGNET_M, PIX2PIX)


def architecture(name: str) -> Architecture:
    """The architecture of that name; AisError that lists the names otherwise."""
    for candidate in ARCHITECTURES:
        if candidate.name == name:
            return candidate
    known = ", ".join(candidate.name for candidate in ARCHITECTURES)
    raise AisError(f"There is no architecture '{name}': choose one of {known}.")


def build(
    name: str,
    depth: int = 1,
    options: Mapping[str, object] | None = None,
    *,
    features: int = 1,
    dtype: str = "float32",
    seed: int = 0,
    folded: bool = False,
) -> keras.Model:
    """A fresh network.

    Parameters
    ----------
    name
        Name of the architecture.
    depth
        Slices that it sees at once, odd; they are the channels of its input.
    options
        The architecture's options by name.
    features
        How many features it finds.
    dtype
        Keras policy: ``float32``, ``mixed_bfloat16``, or ``mixed_float16``. Weights are float32 in each.
    seed
        Of the initial weights.
    folded
        For segmentation only: normalisations are part of the convolutions (see `ais.models.architecture.Layers`).

    Returns
    -------
    keras.Model
        From (N, H, W, depth) float32 to probabilities (N, H, W, 1) float32, or with several features to
        (N, H, W, features + 1), background first.

    Raises
    ------
    AisError
        For an unknown name, an option out of range, a depth that is even or that the architecture does not take, or
        several features where it finds one only.
    """
    from ais.models.backend import import_tensorflow

    chosen = architecture(name)
    arguments = chosen.arguments(options)
    check_depth(depth)
    low, high = chosen.depths
    if not low <= depth <= high:
        raise AisError(f"{chosen.name} takes {low} to {high} slices, not {depth}: extract with --depth {low}.")
    if chosen.volumetric and features > 1:
        raise AisError(f"{chosen.name} finds one feature: train one network for each, or choose another architecture.")
    import_tensorflow()
    return chosen.network(Layers(dtype, seed, folded=folded, features=features), depth, arguments)


def check_depth(depth: int) -> None:
    """AisError unless the depth is odd, at least 1 and at most `MAXIMUM_DEPTH`."""
    if not 1 <= depth <= MAXIMUM_DEPTH or depth % 2 == 0:
        raise AisError(f"The depth must be an odd number from 1 to {MAXIMUM_DEPTH}, not {depth}.")
