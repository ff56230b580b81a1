"""The filter that a model's record of a classic method describes."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from ais.classic.connected import Hysteresis, Watershed
from ais.classic.cylinder import Cylinder
from ais.classic.filter import ClassicFilter
from ais.classic.ridges import Filament, Sheet, Spot
from ais.classic.thresholds import LocalThreshold, Threshold
from ais.models.classic import ClassicValue, classic_method

KINDS: Mapping[str, Callable[..., ClassicFilter]] = {
    "classic-threshold": Threshold,
    "classic-local": LocalThreshold,
    "classic-hysteresis": Hysteresis,
    "classic-spot": Spot,
    "classic-filament": Filament,
    "classic-sheet": Sheet,
    "classic-cylinder": Cylinder,
    "classic-watershed": Watershed,
}


def classic_filter(name: str, options: Mapping[str, object] | None = None) -> ClassicFilter:
    """The filter of a classic method.

    Parameters
    ----------
    name
        Of the method, such as ``"classic-sheet"`` or ``"sheet"``.
    options
        As in `ais.models.classic.ClassicMethod.arguments`; those not given have their defaults.

    Raises
    ------
    AisError
        For an unknown method or option, or a value out of range.
    """
    method = classic_method(name)
    arguments: dict[str, ClassicValue | bool | None] = {**method.arguments(options)}
    arguments["dark"] = arguments.pop("polarity") == "dark"
    if "dimensions" in arguments:
        arguments["flat"] = arguments.pop("dimensions") == "2d"
    if arguments.pop("limit", "value") == "otsu":
        arguments["value"] = None
    if "reach" in arguments:
        arguments["depth"] = arguments.pop("reach")
    return KINDS[method.name](**arguments)
