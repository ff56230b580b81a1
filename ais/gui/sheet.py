"""A small page that asks for a number, a choice or a name before something is done; plain data, drawn elsewhere."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass


def always() -> bool:
    """For fields that are always asked for."""
    return True


def any_name(text: str) -> str:
    """For names that nothing is wrong with."""
    del text
    return ""


@dataclass
class NumberField:
    """A number to type.

    Attributes
    ----------
    label
        What it is.
    value
        What it is at first, and then what the user has typed.
    low, high
        The least and the greatest value.
    unit
        Such as "px"; empty for a count.
    whole
        Whether only whole numbers make sense.
    tooltip
        One sentence more.
    asked
        Whether it matters, given what has been entered elsewhere; else it is not shown.
    """

    label: str
    value: float
    low: float
    high: float
    unit: str = ""
    whole: bool = False
    tooltip: str = ""
    asked: Callable[[], bool] = always

    @property
    def count(self) -> int:
        """The value as a whole number."""
        return round(self.value)

    def problem(self) -> str:
        """What is wrong with the value; empty if nothing."""
        if self.low <= self.value <= self.high or not self.asked():
            return ""
        return f"{self.label}: {self.low:g} to {self.high:g}{f' {self.unit}' if self.unit else ''}."


@dataclass
class ChoiceField:
    """One of several things.

    Attributes
    ----------
    label
        What is chosen.
    options
        What the user reads.
    value
        Which one is chosen, counted from 0.
    tooltip
        One sentence more.
    asked
        Whether it matters, given what has been entered elsewhere; else it is not shown.
    """

    label: str
    options: Sequence[str]
    value: int = 0
    tooltip: str = ""
    asked: Callable[[], bool] = always

    def problem(self) -> str:
        """What is wrong with the choice; empty if nothing."""
        return "" if self.options else f"{self.label}: there is nothing to choose from."


@dataclass
class TextField:
    """A name to type.

    Attributes
    ----------
    label
        What it is.
    value
        What it is at first, and then what the user has typed.
    hint
        Shown while nothing has been typed.
    suggestions
        What can be taken by a click, instead of typing.
    check
        What is wrong with a text that is not empty; an empty sentence if nothing.
    tooltip
        One sentence more.
    """

    label: str
    value: str = ""
    hint: str = ""
    suggestions: Sequence[str] = ()
    check: Callable[[str], str] = any_name
    tooltip: str = ""

    def asked(self) -> bool:
        """Whether it matters; a name always does."""
        return True

    def problem(self) -> str:
        """What is wrong with the text; empty if nothing."""
        return self.check(self.value.strip()) if self.value.strip() else f"{self.label}: type something."


@dataclass
class TicksField:
    """Several of a list of things, such as runs.

    Attributes
    ----------
    label
        What is chosen.
    options
        What the user reads.
    chosen
        Which ones are, counted from 0.
    search
        Parts of names, by which the list is filtered.
    tooltip
        One sentence more.
    """

    label: str
    options: Sequence[str]
    chosen: set[int]
    search: str = ""
    tooltip: str = ""

    @property
    def listed(self) -> list[int]:
        """Those that the search finds."""
        words = self.search.casefold().split()
        names = enumerate(option.casefold() for option in self.options)
        return [number for number, name in names if all(word in name for word in words)]

    def asked(self) -> bool:
        """Whether it matters; a list always does."""
        return True

    def problem(self) -> str:
        """What is wrong with the choice; empty if nothing."""
        return "" if self.chosen else f"{self.label}: choose at least one."


Field = NumberField | ChoiceField | TextField | TicksField


@dataclass
class Sheet:
    """A page with a few fields and one button.

    Attributes
    ----------
    title
        What is about to be done.
    button
        Its verb, such as "Place".
    fields
        From top to bottom; they hold what the user has entered.
    on_accept
        Called once with all fields right; it reads them.
    note
        A sentence above the fields; empty for none.
    """

    title: str
    button: str
    fields: Sequence[Field]
    on_accept: Callable[[], None]
    note: str = ""

    def problem(self) -> str:
        """What is wrong with the first field that is not right; empty if nothing."""
        return next((problem for field in self.fields if (problem := field.problem())), "")
