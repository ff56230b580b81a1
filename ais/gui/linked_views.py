"""What is taken along from one tomogram to the next: how contrast was chosen, filters, zoom."""

from __future__ import annotations

from dataclasses import dataclass

from ais.gui.contrast import ContrastStatistics
from ais.gui.display import Contrast, Placement

ALIKE = 3.0
"""Pictures whose sides differ by no more than this factor keep the zoom."""


@dataclass(frozen=True)
class ContrastRule:
    """Limits relative to those that were measured, so that they mean the same for values of another scale.

    Attributes
    ----------
    low, high
        0 is the measured lower limit, 1 the upper one.
    """

    low: float
    high: float

    def limits(self, statistics: ContrastStatistics, invert: bool) -> Contrast:
        """The contrast that this is for another tomogram."""
        span = _span(statistics)
        return Contrast(statistics.low + self.low * span, statistics.low + self.high * span, invert)


def rule_of(contrast: Contrast | None, automatic: bool, statistics: ContrastStatistics | None) -> ContrastRule | None:
    """How limits were chosen; None if they are those that were measured, or nothing is known."""
    if contrast is None or automatic or statistics is None:
        return None
    span = _span(statistics)
    return ContrastRule((contrast.low - statistics.low) / span, (contrast.high - statistics.low) / span)


def carried_placement(
    placement: Placement | None, shape: tuple[int, int], before: tuple[int, int] | None = None
) -> Placement | None:
    """The zoom for the next picture; None, to fit it, where it would show next to nothing of it.

    Parameters
    ----------
    placement
        That of the picture before.
    shape, before
        (rows, columns) of the next picture, and of the one before where it is known: of pictures of very different
        sizes each is fitted.
    """
    if placement is None:
        return None
    if before is not None and not all(1 / ALIKE <= new / old <= ALIKE for new, old in zip(shape, before, strict=True)):
        return None
    inside = 0 <= placement.row <= shape[0] - 1 and 0 <= placement.column <= shape[1] - 1
    return placement if inside else None


def _span(statistics: ContrastStatistics) -> float:
    return max(statistics.high - statistics.low, 1e-30)
