"""How a project uses a model: from which probability, in which colour, seen or not, over how many rotations."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from ais.annotation.entries import Colour

LARGEST_TTA = 16
DEFAULT_ALPHA = 0.6


@dataclass(frozen=True)
class ModelUse:
    """How the project uses a model; kept in the project, changed by `ProjectModels.change`.

    Attributes
    ----------
    threshold
        Probability from which its feature is shown as present, 0 to 1; None for the file's.
    colour
        Red, green, blue, each 0 to 1; None for the file's. Further features of a network get other hues.
    alpha
        Opacity of the overlay, 0 to 1.
    active
        Whether it segments the slice on the screen, and counts for the rules.
    show
        Whether its overlay is drawn; one that is not shown still counts for the rules.
    blend
        Whether the overlay shows the probability above the threshold, rather than one colour.
    tta
        Over how many rotations and flips the live result is averaged.
    feature
        Name of the project's feature that a copy of the result goes to; empty for the model's own name.
    """

    threshold: float | None = None
    colour: Colour | None = None
    alpha: float = DEFAULT_ALPHA
    active: bool = True
    show: bool = True
    blend: bool = False
    tta: int = 1
    feature: str = ""

    @classmethod
    def from_settings(cls, settings: Mapping[str, Any]) -> ModelUse:
        """From what the project keeps; entries that make no sense are passed over."""
        known: dict[str, Any] = {}
        for name, check in _CHECKS.items():
            value = settings.get(name)
            if value is not None and check(value):
                known[name] = tuple(map(float, value)) if name == "colour" else value
        return cls(**known)

    def as_settings(self) -> dict[str, Any]:
        """As the project keeps it; what is not set is left out."""
        entries = {name: getattr(self, name) for name in _CHECKS}
        entries["colour"] = None if self.colour is None else list(self.colour)
        return {name: value for name, value in entries.items() if value is not None}


def settings_of(use: ModelUse) -> dict[str, Any]:
    """How a model is used as changed settings: with None for what is not set, so that an earlier value goes."""
    return dict.fromkeys(_CHECKS) | use.as_settings()


def _is_share(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value <= 1


_CHECKS: Mapping[str, Callable[[Any], bool]] = {
    "threshold": _is_share,
    "colour": lambda value: isinstance(value, list | tuple) and len(value) == 3 and all(map(_is_share, value)),
    "alpha": _is_share,
    "active": lambda value: isinstance(value, bool),
    "show": lambda value: isinstance(value, bool),
    "blend": lambda value: isinstance(value, bool),
    "tta": lambda value: isinstance(value, int) and not isinstance(value, bool) and 1 <= value <= LARGEST_TTA,
    "feature": lambda value: isinstance(value, str),
}
