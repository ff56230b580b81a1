"""Sentences that the editor shows for a while: what has been done, what went wrong."""

from __future__ import annotations

import time
from collections import deque
from dataclasses import dataclass, field
from typing import Literal

from ais.gui.lengths_of_time import clock

Kind = Literal["done", "hint", "problem"]

SECONDS_SHOWN: dict[Kind, float] = {"done": 4.0, "hint": 6.0, "problem": 12.0}
KEPT = 200
LONG_S = 5.0


@dataclass(frozen=True)
class Notice:
    """One sentence.

    Attributes
    ----------
    text
        For the user.
    kind
        "problem" only where data are at risk or something has failed.
    time
        Seconds of `time.monotonic`.
    """

    text: str
    kind: Kind
    time: float = field(default_factory=time.monotonic)

    def age(self) -> float:
        """Seconds since it was said."""
        return time.monotonic() - self.time


class Notices:
    """The sentences said so far, newest last; the newest few are shown."""

    def __init__(self) -> None:
        self.said: deque[Notice] = deque(maxlen=KEPT)
        self._dismissed: set[Notice] = set()

    def say(self, text: str, kind: Kind = "done") -> None:
        """Show a sentence; the same one again only lives longer."""
        current = self.shown()
        for notice in current:
            if (notice.text, notice.kind) == (text, kind):
                self._dismissed.add(notice)
        self.said.append(Notice(text, kind))

    def problem(self, text: str) -> None:
        """Show what went wrong."""
        self.say(text, "problem")

    def say_ended(self, title: str, seconds: float) -> None:
        """Say that work is done, if it took so long that one has turned to something else."""
        if seconds > LONG_S:
            self.say(f"{title}: done after {clock(seconds)}.")

    def dismiss(self, notice: Notice) -> None:
        """Take a sentence off the screen."""
        self._dismissed.add(notice)

    def shown(self) -> list[Notice]:
        """What is on the screen now, newest last."""
        now = [n for n in self.said if n not in self._dismissed and n.age() < SECONDS_SHOWN[n.kind]]
        self._dismissed.intersection_update(self.said)
        return now

    def seconds_to_change(self) -> float | None:
        """When the next sentence leaves the screen; None if there is none."""
        return min((SECONDS_SHOWN[n.kind] - n.age() + 0.01 for n in self.shown()), default=None)
