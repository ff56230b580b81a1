"""A fluorescence image as a project keeps it: a JSON object, from which nothing is believed that makes no sense."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from ais.errors import AisError
from ais.fluorescence.overlay import BLENDS, FIT_KINDS, PROJECTIONS, Affine, Landmark, Overlay
from ais.fluorescence.placing import is_usable

MAX_SIDE_PX = 1 << 16
MAX_SLICES = 1 << 20
MAX_LANDMARKS = 1000
MAX_NAME = 1000
KEPT = (
    *("name", "content", "to_tomogram", "channel", "projection", "colour", "blend", "opacity"),
    *("low", "high", "z_range", "visible", "shape", "landmarks", "fit"),
)
"""Properties of an overlay that are kept, its paths aside."""


def overlay_prefix(tomogram: int) -> str:
    """How the settings begin that hold the images over a tomogram; a number follows."""
    return f"fluorescence {tomogram} "


def overlay_values(overlay: Overlay) -> dict[str, Any]:
    """An overlay as a JSON object, without its paths."""
    values = {name: getattr(overlay, name) for name in KEPT}
    values["landmarks"] = [[*mark.image, *mark.tomogram] for mark in overlay.landmarks]
    return values


def overlay_of(values: Mapping[str, Any], key: str, path: Path, missing: bool) -> Overlay:
    """An overlay from a JSON object; what makes no sense is as by default, so that the image is shown at any rate."""
    plain = Overlay(name=path.stem, path=path, key=key, missing=missing)
    name, content = values.get("name"), values.get("content")
    low, high = _real(values.get("low")), _real(values.get("high"))
    return replace(
        plain,
        name=name if isinstance(name, str) and 0 < len(name) <= MAX_NAME else plain.name,
        content=content if isinstance(content, str) else "",
        to_tomogram=_affine(values.get("to_tomogram")) or plain.to_tomogram,
        channel=_whole(values.get("channel"), 0, MAX_SLICES),
        projection=next((known for known in PROJECTIONS if known == values.get("projection")), plain.projection),
        colour=_colour(values.get("colour")) or plain.colour,
        blend=next((known for known in BLENDS if known == values.get("blend")), plain.blend),
        opacity=_share(values.get("opacity"), plain.opacity),
        low=low if high is None or low is None or low < high else None,
        high=high if low is None or high is None or low < high else None,
        z_range=_range(values.get("z_range"), 0),
        visible=values.get("visible") is not False,
        shape=_shape(values.get("shape")) or plain.shape,
        landmarks=_landmarks(values.get("landmarks")),
        fit=next((known for known in FIT_KINDS if known == values.get("fit")), plain.fit),
    )


def checked_overlay(overlay: Overlay) -> Overlay:
    """The same overlay.

    Raises
    ------
    AisError
        If a property is out of its range.
    """
    kept = overlay_of(overlay_values(overlay), overlay.key, overlay.path, overlay.missing)
    wrong = [name for name in KEPT if getattr(kept, name) != getattr(overlay, name)]
    if "to_tomogram" in wrong:
        raise AisError(f"{overlay.name} cannot lie so: it would be too small or too large to be seen.")
    if wrong:
        raise AisError(f"{overlay.name} cannot look like this: its {wrong[0].replace('_', ' ')} is out of its range.")
    return overlay


def _real(value: Any) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        real = float(value)
    except OverflowError:  # JSON knows whole numbers of any length
        return None
    return real if math.isfinite(real) else None


def _share(value: Any, default: float) -> float:
    real = _real(value)
    return real if real is not None and 0 <= real <= 1 else default


def _whole(value: Any, low: int, high: int) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) and low <= value <= high else None


def _numbers(values: Any, count: int) -> list[float] | None:
    found = [_real(value) for value in values] if isinstance(values, list | tuple) else []
    known = [value for value in found if value is not None]
    return known if len(found) == len(known) == count else None


def _affine(values: Any) -> Affine | None:
    first, second = values if isinstance(values, list | tuple) and len(values) == 2 else ((), ())
    x, y = _numbers(first, 3), _numbers(second, 3)
    if x is None or y is None:
        return None
    affine = ((x[0], x[1], x[2]), (y[0], y[1], y[2]))
    return affine if is_usable(affine) else None


def _colour(values: Any) -> tuple[float, float, float] | None:
    found = _numbers(values, 3)
    return (found[0], found[1], found[2]) if found is not None and all(0 <= part <= 1 for part in found) else None


def _range(values: Any, least: int) -> tuple[int, int] | None:
    ends = [_whole(value, least, MAX_SLICES) for value in values] if isinstance(values, list | tuple) else []
    if len(ends) != 2 or ends[0] is None or ends[1] is None or ends[0] >= ends[1]:
        return None
    return ends[0], ends[1]


def _shape(values: Any) -> tuple[int, int] | None:
    sides = [_whole(value, 1, MAX_SIDE_PX) for value in values] if isinstance(values, list | tuple) else []
    return (sides[0], sides[1]) if len(sides) == 2 and sides[0] is not None and sides[1] is not None else None


def _landmarks(values: Any) -> tuple[Landmark, ...]:
    if not isinstance(values, list) or len(values) > MAX_LANDMARKS:
        return ()
    found = [_numbers(value, 4) for value in values]
    return tuple(Landmark((four[0], four[1]), (four[2], four[3])) for four in found if four is not None)
