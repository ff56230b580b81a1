"""What lives in the graphics driver, counted, so that a test can tell that nothing is left behind."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections import Counter
from typing import ClassVar


class GlObject(ABC):
    """One object of OpenGL with its name (a number); released once, by `release()`.

    Python's own clean-up is not used: it may run in a thread without a context.

    Parameters
    ----------
    name
        As OpenGL gave it.
    """

    kind: ClassVar[str] = "object"
    # Of the process, as OpenGL's own objects are.
    _live: ClassVar[Counter[str]] = Counter()

    def __init__(self, name: int) -> None:
        self.name = name
        GlObject._live[self.kind] += 1

    def release(self) -> None:
        """Give the object back to the driver; a second call does nothing."""
        if self.name:
            self._delete(self.name)
            self.name = 0
            GlObject._live[self.kind] -= 1

    @abstractmethod
    def _delete(self, name: int) -> None:
        """Give one object of this kind back to the driver."""


def live_objects() -> dict[str, int]:
    """How many objects of each kind ("texture", "program", ...) have been made and not yet released."""
    return {kind: count for kind, count in sorted(GlObject._live.items()) if count}
