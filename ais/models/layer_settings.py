"""What Keras says about one of its layers, as an entry of a list of layers: everything that acts on its output."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ais.errors import AisError
from ais.models.layer_list import KINDS, ListedLayer

NAMES_OF_KERAS_2: Mapping[tuple[str, str], str] = {("LeakyReLU", "negative_slope"): "alpha"}
NAMES_OF_KERAS_3: Mapping[tuple[str, str], str] = {}
ABSENT_IN_OLD_FILES: dict[str, Any] = {"groups": 1, "dilation_rate": [1, 1]}
# Settings that must have these values, since the list of layers has no place for others.
FIXED: dict[str, tuple[Any, ...]] = {
    "data_format": ("channels_last",),
    "output_padding": (None,),
    "noise_shape": (None,),
    "shared_axes": ([1, 2],),
    "axis": (-1, 3, [3]),
    "interpolation": ("nearest",),
    "groups": (1,),
    "dilation_rate": ([1, 1],),
    "renorm": (False,),
    "renorm_clipping": (None,),
}
# Settings that say how a network came about and not what it computes.
OF_TRAINING = ("_initializer", "_regularizer", "_constraint")
WITHOUT_EFFECT = ("name", "trainable", "dtype", "seed", "batch_input_shape", "synchronized", "renorm_momentum")
ONE_SIZE = "works on boxes of one size and not on whole slices"


def listed_layer(
    kind: str, config: Mapping[str, Any], inputs: Sequence[int], names: Mapping[tuple[str, str], str]
) -> ListedLayer:
    """One layer from Keras' description of it.

    Parameters
    ----------
    kind
        One of `KINDS`.
    config
        What Keras 2 or 3 writes as ``config``, read from JSON.
    inputs
        As in `ListedLayer`.
    names
        What its Keras calls settings otherwise: `NAMES_OF_KERAS_2` or `NAMES_OF_KERAS_3`.

    Raises
    ------
    AisError
        A clause without the file's name: for a setting that acts on the output and that Ais does not know.
    KeyError
        For one that is missing.
    """
    settings: dict[str, Any] = {}
    name = str(config.get("name"))[:80]
    left = {key: value for key, value in config.items() if acts_on_output(key)}
    for setting in KINDS[kind]:
        key = names.get((kind, setting), setting)
        settings[setting] = left.pop(key) if key in left else ABSENT_IN_OLD_FILES[setting]
    for key, value in left.items():
        if key not in FIXED or value not in FIXED[key]:
            wrong = f"'{key[:40]}' of its layer '{name}' ({kind})"
            raise AisError(f"setting {wrong} has a value that Ais does not know: {str(value)[:40]!r}")
    if kind == "PReLU" and "shared_axes" not in left:
        raise AisError(f"its layer '{name}' (PReLU) {ONE_SIZE}: train the network again")
    if settings.get("kernel_size") == settings.get("strides") == [1, 1]:
        settings["padding"] = "same"  # a pixel by itself lacks nothing at the edges: both words mean one thing
    return ListedLayer(kind, settings, tuple(inputs))


def acts_on_output(name: str) -> bool:
    """Whether a setting of a layer of Keras may act on what a trained network gives."""
    return name not in WITHOUT_EFFECT and not name.endswith(OF_TRAINING)
