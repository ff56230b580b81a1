"""The list of tomograms as the user has searched and sorted it; kept until the project or the wish changes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING

from ais.annotation import TomogramEntry

if TYPE_CHECKING:
    from ais.gui.document import Snapshot


class Order(Enum):
    """How the list is sorted; the value is what the user reads."""

    ADDED = "Order added"
    NAME = "Name"
    MOST = "Most annotated"
    LEAST = "Least annotated"
    MISSING = "Missing first"


@dataclass
class TomogramList:
    """What of the list is shown, in which order.

    Attributes
    ----------
    search
        Parts of the name or the path, separated by blanks; all must be there.
    order
        How it is sorted.
    """

    search: str = ""
    order: Order = Order.ADDED
    _made_of: tuple[object, ...] = ()
    _shown: tuple[TomogramEntry, ...] = ()

    def shown(self, snapshot: Snapshot) -> tuple[TomogramEntry, ...]:
        """The tomograms that match, sorted."""
        made_of = (snapshot, self.search, self.order)
        if not self._made_of or any(new is not old for new, old in zip(made_of, self._made_of, strict=True)):
            self._made_of = made_of
            words = self.search.casefold().split()
            found = [entry for entry in snapshot.tomograms if _matches(entry, words)]
            self._shown = tuple(sort(found, self.order, snapshot.marks))
        return self._shown


def sort(entries: Sequence[TomogramEntry], order: Order, marks: Mapping[int, Mapping[int, int]]) -> list[TomogramEntry]:
    """Sort tomograms; those that are equal stay in the order in which they were added.

    Parameters
    ----------
    entries
        In the order in which they were added.
    order
        The wish; names are compared as people do, so that TS_2 comes before TS_10.
    marks
        Tomogram to feature to the number of annotated slices.
    """
    if order is Order.NAME:
        return sorted(entries, key=lambda entry: _natural(entry.name))
    if order is Order.MISSING:
        return sorted(entries, key=lambda entry: not entry.missing)
    if order is Order.ADDED:
        return list(entries)
    sign = -1 if order is Order.MOST else 1
    return sorted(entries, key=lambda entry: sign * sum(marks.get(entry.id, {}).values()))


def _matches(entry: TomogramEntry, words: Sequence[str]) -> bool:
    text = f"{entry.name} {entry.path}".casefold()
    return all(word in text for word in words)


def _natural(name: str) -> list[tuple[bool, int, str]]:
    """A key by which numbers in names count as numbers."""
    parts: list[tuple[bool, int, str]] = []
    text = ""
    for letter in [*name.casefold(), "\0"]:
        if text and (letter.isdecimal() != text[-1].isdecimal() or letter == "\0"):
            parts.append((True, int(text), "") if text.isdecimal() else (True, -1, text))
            text = ""
        text += letter
    return parts
