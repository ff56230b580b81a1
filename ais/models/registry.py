"""The architectures that Ais knows, by name."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from ais.errors import AisError
from ais.models.architecture import MAXIMUM_DEPTH, Architecture, Layers
from ais.models.eman2 import EMAN2
from ais.models.fastnet import FASTNET
from ais.models.inceptionnet import INCEPTIONNET
from ais.models.layer_list import IMPORTED
from ais.models.pix2pix import PIX2PIX
from ais.models.resnet import RESNET
from ais.models.unet import UNET_L, UNET_M, UNET_S
from ais.models.unet_3d import UNET_3D
from ais.models.unet_25d import UNET_25D
from ais.models.unet_dropout import UNET_DROPOUT
from ais.models.user_architectures import (
    user_architecture,
    user_architecture_names,
    user_architectures,
    write_template,
)
from ais.models.vggnet import VGGNET_L, VGGNET_M, VGGNET_S

if TYPE_CHECKING:
    import keras

DEFAULT = FASTNET.name
ARCHITECTURES: tuple[Architecture, ...] = (
    FASTNET,
    UNET_S,
    UNET_M,
    UNET_L,
    UNET_DROPOUT,
    UNET_25D,
    UNET_3D,
    VGGNET_S,
    VGGNET_M,
    VGGNET_L,
    RESNET,
    INCEPTIONNET,
    EMAN2,
    PIX2PIX,
)


def architecture(name: str, *, own: bool = True) -> Architecture:
    """The architecture of that name.

    Parameters
    ----------
    name
        As typed.
    own
        Whether those in the user's models folder count; their files are executed.

    Raises
    ------
    AisError
        If there is none, with a list of the names; or if the user's file cannot be used.
    """
    for candidate in (*ARCHITECTURES, IMPORTED):
        if candidate.name == name:
            return candidate
    if own and (found := user_architecture(name)) is not None:
        return found
    known = ", ".join([*(candidate.name for candidate in ARCHITECTURES), *user_architecture_names()])
    raise AisError(f"There is no architecture '{name}': choose one of {known}.")


def all_architectures() -> tuple[Architecture, ...]:
    """Those of Ais, then those in the user's models folder; a file there that is faulty is named in a warning."""
    return (*ARCHITECTURES, *user_architectures(_taken()))


def new_user_architecture(name: str) -> Path:
    """A new file in the models folder, to be changed into a network of one's own; see `write_template`."""
    return write_template(name, _taken())


def _taken() -> list[str]:
    return [*(candidate.name for candidate in ARCHITECTURES), IMPORTED.name]


def build(
    name: str,
    depth: int = 1,
    options: Mapping[str, object] | None = None,
    *,
    features: int = 1,
    dtype: str = "float32",
    seed: int = 0,
    folded: bool = False,
    blank: bool = False,
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
    blank
        Whether all weights are 0, for a network that is given its weights at once.

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
    from ais.models.backend import load_backend

    chosen = architecture(name)
    arguments = chosen.arguments(options)
    check_depth(depth)
    low, high = chosen.depths
    if not low <= depth <= high:
        raise AisError(f"{chosen.name} takes {low} to {high} slices, not {depth}: extract with --depth {low}.")
    if chosen.volumetric and features > 1:
        raise AisError(f"{chosen.name} finds one feature: train one network for each, or choose another architecture.")
    load_backend()
    return chosen.network(Layers(dtype, seed, folded=folded, features=features, blank=blank), depth, arguments)


def check_depth(depth: int) -> None:
    """AisError unless the depth is odd, at least 1 and at most `MAXIMUM_DEPTH`."""
    if not 1 <= depth <= MAXIMUM_DEPTH or depth % 2 == 0:
        raise AisError(f"The depth must be an odd number from 1 to {MAXIMUM_DEPTH}, not {depth}.")
