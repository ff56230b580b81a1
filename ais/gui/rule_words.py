"""Rules between models as sentences."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from ais.gui.lengths import ANGSTROM_PER
from ais.interactions import Interaction, InteractionType, Rules


def rule_words(rules: Rules, units: str) -> Iterator[str]:
    """One line for each rule, in the order in which they act.

    Parameters
    ----------
    rules
        The rules.
    units
        Of lengths: "nm" or "A".
    """
    emit, absorb = rules.competition.emit, rules.competition.absorb
    if emit and absorb:
        yield f"{_all_of(absorb)} give{'s' if len(absorb) == 1 else ''} way where {_all_of(emit)} is more probable"
    for rule in rules.interactions:
        yield interaction_words(rule, units)


def interaction_words(rule: Interaction, units: str) -> str:
    """Such as "membrane only where it is at least 10 nm away from carbon"."""
    far = f"{rule.radius / ANGSTROM_PER[units]:.4g} {units}" if rule.radius else ""
    if rule.type is InteractionType.AVOID:
        return f"{rule.child} {f'only {far} or more away from' if far else 'never inside of'} {rule.parent}"
    return f"{rule.child} only {f'within {far} of' if far else 'inside of'} {rule.parent}"


def _all_of(names: Sequence[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"
