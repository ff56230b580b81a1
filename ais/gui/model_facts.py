"""What a model's file says of it, as labels and texts that people read."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ais.models.info import ModelInfo

UNKNOWN = "not recorded"
NAMES = {"polarity": "It is", "dimensions": "Looked at", "limit": "Threshold"}
"""Of options of classic methods, where the key does not read well."""


def facts(info: ModelInfo) -> list[tuple[str, str]]:
    """Where a model comes from and how well it did.

    Parameters
    ----------
    info
        Of the model; its record of the training may be of any program, so nothing in it is taken for granted.

    Returns
    -------
    list of (str, str)
        What it is about, and the text.
    """
    record = info.training if isinstance(info.training, dict) else {}
    if info.is_classic:
        return [("Method", network_name(info)), *_options(info), ("Made", _made(info, record))]
    told = [
        ("Network", _network(info)),
        ("Parameters", _parameters(info)),
        ("Voxel size", f"{info.voxel_size:.4g} A" if info.voxel_size > 0 else UNKNOWN),
        ("Box", _box(info)),
        ("Filtering", info.preprocessing or UNKNOWN),
        ("Training set", _training_set(record)),
        ("Epochs", _epochs(record)),
        ("Dice", _dice(info, record)),
        ("Made", _made(info, record)),
    ]
    return [(label, text) for label, text in told if text]


def network_name(info: ModelInfo) -> str:
    """What the architecture is called on the screen."""
    from ais.models.classic import CLASSIC_METHODS
    from ais.models.registry import ARCHITECTURES

    titles = {known.name: known.title for known in ARCHITECTURES}
    titles |= {known.name: known.title for known in CLASSIC_METHODS}
    return titles.get(info.architecture, info.architecture)


def option_name(name: str) -> str:
    """What an option of a method is called on the screen."""
    return NAMES.get(name, name.replace("_", " ").capitalize())


def score_of(info: ModelInfo) -> float | None:
    """The Dice coefficient that its training reached, 0 to 1; None if it is not recorded."""
    record = info.training if isinstance(info.training, dict) else {}
    results = record.get("results")
    score = results.get("dice") if isinstance(results, dict) else None
    return float(score) if isinstance(score, int | float) and not isinstance(score, bool) else None


def _network(info: ModelInfo) -> str:
    options = [f"{name.replace('_', ' ')} {_value(value)}" for name, value in info.arguments.items()]
    return ", ".join([network_name(info), *options])


def _options(info: ModelInfo) -> list[tuple[str, str]]:
    from ais.models.classic import Choice, classic_method

    told = []
    for option in classic_method(info.architecture).options:
        value = info.arguments[option.name]
        unit = "" if isinstance(option, Choice) else f" {option.unit}".rstrip()
        text = option.words[str(value)].lower() if isinstance(option, Choice) else f"{_value(value)}{unit}"
        told.append((option_name(option.name), text))
    return told


def _parameters(info: ModelInfo) -> str:
    """Only with default options and in its smallest depth is the number known without building the network."""
    from ais.models.registry import ARCHITECTURES

    known = next((one for one in ARCHITECTURES if one.name == info.architecture), None)
    if known is None or not known.parameters or len(info.found) > 1 or info.depth != known.depths[0]:
        return ""
    defaults = {option.name: option.default for option in known.options}
    return f"{known.parameters:,}" if {**defaults, **info.arguments} == defaults else ""


def _box(info: ModelInfo) -> str:
    slices = "1 slice" if info.depth == 1 else f"{info.depth} slices"
    return f"{info.box_size} x {info.box_size} px, {slices}"


def _training_set(record: Mapping[str, Any]) -> str:
    name, samples, positive = record.get("set"), _whole(record.get("samples")), _whole(record.get("positive_samples"))
    parts = [str(name)] if isinstance(name, str) and name else []
    if samples:
        parts.append(f"{samples} samples{f', {positive} positive' if positive else ''}")
    return ", ".join(parts) or UNKNOWN


def _epochs(record: Mapping[str, Any]) -> str:
    epochs, kept = _whole(record.get("epochs")), _whole(record.get("kept_epoch"))
    if not epochs:
        return UNKNOWN
    return f"{epochs}, the best was {kept}" if kept else str(epochs)


def _dice(info: ModelInfo, record: Mapping[str, Any]) -> str:
    score, held = score_of(info), _whole(record.get("validation_samples"))
    if score is None:
        return UNKNOWN
    return f"{score:.2f} of {held} held-out samples" if held else f"{score:.2f} of the training samples"


def _made(info: ModelInfo, record: Mapping[str, Any]) -> str:
    date, program = record.get("date"), record.get("program")
    day = date[:10] if isinstance(date, str) else ""
    by = str(program) if isinstance(program, str) else f"Ais {info.ais_version}" if info.ais_version else ""
    return ", ".join(part for part in (day, by) if part)


def _value(value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return f"{value:g}" if isinstance(value, float) else str(value)


def _whole(value: object) -> int:
    return value if isinstance(value, int) and not isinstance(value, bool) and value > 0 else 0
