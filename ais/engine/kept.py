"""What stays in the compute process from job to job: loaded models, open tomograms, and wishes of the window."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import Any, TypeVar

LIMIT_BYTES = 512 << 20
MOST = 24

Thing = TypeVar("Thing")


class Kept:
    """Things that take long to make, the least used of which are forgotten beyond a limit; for one thread.

    What is forgotten is not closed, since the job around an urgent one may still use it; it goes when nobody does.

    Parameters
    ----------
    limit_bytes, most
        How many bytes, and things, are kept.

    Attributes
    ----------
    wishes
        What the window has asked for last, by name, such as the slice that a training is to show.
    """

    def __init__(self, limit_bytes: int = LIMIT_BYTES, most: int = MOST) -> None:
        self._limit_bytes = limit_bytes
        self._most = most
        self._things: OrderedDict[Hashable, tuple[Any, int]] = OrderedDict()
        self.wishes: dict[str, Any] = {}

    def get(self, key: Hashable, make: Callable[[], Thing], size: Callable[[Thing], int] = lambda _: 0) -> Thing:
        """The thing of a key, made now unless it is there.

        Parameters
        ----------
        key
            Says all that the thing depends on, its kind included.
        make
            Makes it.
        size
            Its bytes, roughly. The newest thing is kept whatever its size.
        """
        if key not in self._things:
            thing = make()
            self._things[key] = thing, size(thing)
            while len(self._things) > 1 and (len(self._things) > self._most or self.nbytes > self._limit_bytes):
                self._things.popitem(last=False)
        self._things.move_to_end(key)
        found: Thing = self._things[key][0]
        return found

    @property
    def nbytes(self) -> int:
        """Of all that is kept, roughly."""
        return sum(size for _, size in self._things.values())

    def forget(self) -> None:
        """Let go of everything but the wishes."""
        self._things.clear()
