"""What a model file says about its network: what it finds, at which voxel size, and how it was trained."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field, fields
from typing import Any, TypeGuard

from ais.errors import AisError
from ais.models.classic import PREFIX, ClassicValue, classic_method, is_classic
from ais.models.layer_list import IMPORTED, ListedLayer, listed_layers
from ais.models.registry import architecture, check_depth

FORMAT_VERSION = 2
LARGEST_VOXEL_SIZE = 1e6
LARGEST_BOX = 1_000_000
HASH_DIGITS = 64
NORMALIZATIONS = ("global_mad", "slice")


@dataclass(frozen=True)
class ModelInfo:
    """Everything of a model but its weights.

    Attributes
    ----------
    architecture, arguments
        Name in the registry, or of a classic method (see `ais.models.classic`), and its options.
    feature
        What it finds, such as ``"membrane"``; for a network that finds several, a name for them together.
    colour
        Red, green, blue from 0 to 1.
    voxel_size
        Of the training data, in angstrom; 0.0 where not known (then it is never rescaled), and of a classic model.
    box_size, depth
        Pixels in the plane, and slices, of a training sample; 1 and 1 of a classic model.
    normalization
        ``"global_mad"`` (per tomogram) or ``"slice"`` (mean and standard deviation of each slice).
    threshold
        Probability from which the feature is shown as present.
    preprocessing
        How the tomograms were filtered before, in the user's words.
    training
        Record of the training: set hash, samples, epochs, losses, seed, versions, date.
    ais_version
        Version of Ais that wrote the file.
    features
        What a network finds that finds several features, in the order of its outputs; empty otherwise.
    layers
        The network itself, where it is of no known architecture: that of a model of Ais 1.x. Empty otherwise.
    architecture_hash
        SHA-256 of the user's file that describes the architecture; empty for an architecture of Ais.
    """

    architecture: str
    arguments: Mapping[str, ClassicValue]
    feature: str
    voxel_size: float
    box_size: int
    depth: int
    colour: tuple[float, float, float] = (0.26, 0.84, 0.64)
    normalization: str = "global_mad"
    threshold: float = 0.5
    preprocessing: str = ""
    training: dict[str, Any] = field(default_factory=dict)
    ais_version: str = ""
    features: tuple[str, ...] = ()
    layers: tuple[ListedLayer, ...] = ()
    architecture_hash: str = ""

    @property
    def found(self) -> tuple[str, ...]:
        """All that it finds: `features`, or `feature` alone."""
        return self.features or (self.feature,)

    @property
    def is_classic(self) -> bool:
        """Whether it is a classic model, which has no network."""
        return is_classic(self.architecture) and not self.architecture_hash

    def as_json(self) -> dict[str, Any]:
        """As written to ``model.json``."""
        return {
            "format_version": FORMAT_VERSION,
            **asdict(self),
            "colour": list(self.colour),
            "features": list(self.features),
            "layers": [layer.as_json() for layer in self.layers],
        }


def info_from_json(content: object) -> ModelInfo:
    """The contents of ``model.json``, checked.

    Raises
    ------
    AisError
        A clause (without the file's name) that says which entry is missing or makes no sense.
    """
    if not isinstance(content, dict):
        raise AisError("model.json is not a record")
    version = content.get("format_version")
    if not _is_whole(version) or version < 1:
        raise AisError("model.json states no format version")
    if version > FORMAT_VERSION:
        raise AisError(
            f"it has format version {version} and this Ais reads up to {FORMAT_VERSION}: install a newer Ais"
        )
    known = {entry.name for entry in fields(ModelInfo)}
    values = {name: value for name, value in content.items() if name in known}
    for name in ("architecture", "arguments", "feature", "voxel_size", "box_size", "depth"):
        if name not in values:
            raise AisError(f"model.json has no entry '{name}'")
    _check_types(values)
    check_depth(values["depth"])
    imported = values["architecture"] == IMPORTED.name
    values["layers"] = listed_layers(values.get("layers"), values["depth"]) if imported else ()
    if imported:
        if values["arguments"] or values.get("features"):
            raise AisError("an imported network has no options and finds one feature")
    elif is_classic(values["architecture"]) and not values.get("architecture_hash"):
        values["arguments"] = _classic_arguments(values)
    elif not values.get("architecture_hash"):
        # Options of a user's architecture are checked when its file is read, which looking into a model must not need.
        values["arguments"] = architecture(values["architecture"], own=False).arguments(values["arguments"])
    values["voxel_size"] = float(values["voxel_size"])
    if "colour" in values:
        red, green, blue = values["colour"]
        values["colour"] = (float(red), float(green), float(blue))
    values["features"] = tuple(values.get("features", ()))
    return ModelInfo(**values)


def _classic_arguments(values: Mapping[str, Any]) -> dict[str, ClassicValue]:
    if values["depth"] != 1 or values.get("features"):
        raise AisError("a classic model looks at no training samples and finds one feature")
    return classic_method(values["architecture"]).arguments(values["arguments"])


def _check_types(values: Mapping[str, Any]) -> None:
    words = str(values["architecture"]).startswith(PREFIX)  # options of networks are numbers
    tests: dict[str, Callable[[Any], bool]] = {
        "architecture": lambda v: isinstance(v, str),
        "arguments": lambda v: (
            isinstance(v, dict)
            and all(
                isinstance(key, str) and (_is_number(one) or (words and isinstance(one, str))) for key, one in v.items()
            )
        ),
        "feature": lambda v: isinstance(v, str),
        "voxel_size": lambda v: _is_number(v) and 0 <= v < LARGEST_VOXEL_SIZE,
        "box_size": lambda v: _is_whole(v) and 1 <= v <= LARGEST_BOX,
        "depth": _is_whole,
        "colour": lambda v: (
            isinstance(v, list | tuple) and len(v) == 3 and all(_is_number(c) and 0 <= c <= 1 for c in v)
        ),
        "normalization": lambda v: v in NORMALIZATIONS,
        "threshold": lambda v: _is_number(v) and 0 <= v <= 1,
        "preprocessing": lambda v: isinstance(v, str),
        "training": lambda v: isinstance(v, dict),
        "ais_version": lambda v: isinstance(v, str),
        "features": lambda v: (
            isinstance(v, list | tuple)
            and len(v) != 1
            and len(set(map(str, v))) == len(v)
            and all(isinstance(f, str) and f for f in v)
        ),
        "layers": lambda v: isinstance(v, list),
        "architecture_hash": lambda v: isinstance(v, str) and len(v) in (0, HASH_DIGITS),
    }
    for name, value in values.items():
        if not tests[name](value):
            raise AisError(f"entry '{name}' of model.json makes no sense: {str(value)[:80]!r}")


def _is_whole(value: object) -> TypeGuard[int]:
    return isinstance(value, int) and not isinstance(value, bool)


def _is_number(value: object) -> TypeGuard[float]:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
