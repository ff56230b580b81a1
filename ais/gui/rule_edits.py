"""Rules between models while they are edited: moved, added, changed; and what keeps one from acting."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from ais.interactions import LARGEST_RADIUS_A, Interaction, InteractionType, Rules

if TYPE_CHECKING:
    from ais.gui.project_models import ProjectModel

FIRST_RADIUS_A = 100.0


def found_features(models: Sequence[ProjectModel]) -> tuple[str, ...]:
    """What the models find, each feature once, in the order of the models."""
    return tuple(dict.fromkeys(feature for model in models for feature in model.found))


def with_new(rules: Rules, features: Sequence[str]) -> Rules:
    """One rule more, between the first two features; there must be two."""
    child, parent = features[:2]
    new = Interaction(child, parent, InteractionType.AVOID, FIRST_RADIUS_A, 0.5)
    return replace(rules, interactions=(*rules.interactions, new))


def without(rules: Rules, at: int) -> Rules:
    """One rule less."""
    return replace(rules, interactions=rules.interactions[:at] + rules.interactions[at + 1 :])


def moved(rules: Rules, at: int, to: int) -> Rules:
    """A rule at another place in the order."""
    order = list(rules.interactions)
    rule = order.pop(at)
    order.insert(min(max(to, 0), len(order)), rule)
    return replace(rules, interactions=tuple(order))


def changed(rules: Rules, at: int, **properties: Any) -> Rules:
    """A rule with other properties, named as in `Interaction`; one that would name a feature twice exchanges both."""
    old = rules.interactions[at]
    new = replace(old, **properties)
    if new.child == new.parent:
        new = replace(new, child=old.parent, parent=old.child)
    radius, threshold = min(max(new.radius, 0.0), LARGEST_RADIUS_A), min(max(new.threshold, 0.0), 1.0)
    new = replace(new, radius=radius, threshold=threshold)
    return replace(rules, interactions=(*rules.interactions[:at], new, *rules.interactions[at + 1 :]))


def with_side(rules: Rules, side: str, feature: str, on: bool) -> Rules:
    """A feature put on, or taken from, a side of the competition: ``emit`` or ``absorb``."""
    names = [name for name in getattr(rules.competition, side) if name != feature]
    competition = replace(rules.competition, **{side: (*names, feature) if on else tuple(names)})
    return replace(rules, competition=competition)


def rest(names: Sequence[str], models: Sequence[ProjectModel]) -> str:
    """Why what names these features does not act now, in one sentence; empty if it does.

    Parameters
    ----------
    names
        Of the features.
    models
        Of the project.
    """
    if any(model.file is None for model in models):
        return ""
    known = found_features(models)
    active = found_features([model for model in models if model.use.active])
    for name in names:
        if name not in known:
            return f"No model of the project finds {name}: add one, or choose another feature."
        if name not in active:
            return f"It rests, as no model that finds {name} is active."
    return ""
