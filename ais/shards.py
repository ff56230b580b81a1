"""Several processes, on one machine or many, that share the tomograms of one call by claims beside the outputs."""

from __future__ import annotations

import re
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from ais.errors import AisError
from ais.formats.claim import Claim, ClaimLost, Claims
from ais.progress import Progress

LOOK_S = 1.0
"""How often a process that has nothing left to do looks whether the others have finished."""
SHARD = re.compile(r"(\d+)/(\d+)")

T = TypeVar("T")


@dataclass(frozen=True)
class Shard:
    """One of several equal calls that share their inputs.

    Attributes
    ----------
    index
        From 0 to count - 1.
    count
        Number of calls.
    """

    index: int
    count: int

    @classmethod
    def parse(cls, text: str) -> Shard:
        """``"0/8"``: the first of eight.

        Raises
        ------
        AisError
            If the text is none of the calls.
        """
        match = SHARD.fullmatch(text.strip())
        shard = cls(int(match[1]), int(match[2])) if match else None
        if shard is None or shard.index >= shard.count:
            raise AisError(f"--shard must be i/n with i from 0 to n - 1, such as 0/8 to 7/8, not '{text}'.")
        return shard

    def order(self, length: int) -> list[int]:
        """In which order to go through `length` inputs: the own share, then those of the others, from their ends.

        Others are helped from the end of their share, since they begin at its start.
        """
        own = list(range(self.index, length, self.count))
        others = [(self.index + step) % self.count for step in range(1, self.count)]
        return own + [one for other in others for one in reversed(range(other, length, self.count))]


class WhileHeld(Progress):
    """Passes progress on as long as a claim is held."""

    def __init__(self, whole: Progress, claim: Claim) -> None:
        self._whole = whole
        self._claim = claim

    def report(self, done: float, total: float, text: str = "") -> None:
        """Raise `ClaimLost` once another process has taken the work over, so that it is dropped here."""
        if self._claim.is_lost:
            raise ClaimLost
        self._whole.report(done, total, text)


@dataclass(frozen=True)
class Piece:
    """An input that this call is to work on.

    Attributes
    ----------
    index
        Its place among the inputs.
    claim
        Held until its holder releases it.
    """

    index: int
    claim: Claim


class Sharing(Generic[T]):
    """What is left to do of the inputs of a call, claimed one after the other.

    Parameters
    ----------
    shard
        Which of the calls this is.
    names
        Of the inputs, by which they are claimed; the same in every call.
    claims
        In the folder of the outputs.
    look
        The result of an input that is finished, whoever did it; None if it is not, or only the work itself can tell.
    refused
        Result of an input that cannot be claimed.
    """

    def __init__(
        self,
        shard: Shard,
        names: Sequence[str],
        claims: Claims,
        look: Callable[[int], T | None],
        refused: Callable[[int, AisError], T],
    ) -> None:
        self._names = names
        self._claims = claims
        self._look = look
        self._refused = refused
        self._left = deque(shard.order(len(names)))
        self._seen: deque[int] = deque()
        self._results: dict[int, T] = {}

    def take(self) -> Piece | None:
        """An input that is free now, and the claim on it.

        Each input is looked at once until None says that nothing more is free; then it is time to wait for a while.
        """
        while self._left:
            index = self._left.popleft()
            result = self._look(index)
            try:
                claim = self._claims.take(self._names[index]) if result is None else None
            except AisError as error:
                result = self._refused(index, error)
            if result is not None:
                self._results[index] = result
            elif claim is not None:
                return Piece(index, claim)
            else:
                self._seen.append(index)
        self._left, self._seen = self._seen, self._left
        return None

    def done(self, index: int, result: T) -> None:
        """Note the result of an input that was taken."""
        self._results[index] = result

    def give_back(self, index: int) -> None:
        """An input that was taken is still to be done, by whoever comes first."""
        self._seen.append(index)

    @property
    def waits_for(self) -> str | None:
        """What to say while none is free, since other calls are at all that is left; None otherwise."""
        return f"waiting for {self._names[self._left[0]]} of another process" if self._left else None

    @property
    def count(self) -> int:
        """How many inputs there are."""
        return len(self._names)

    @property
    def finished(self) -> int:
        """How many of them have a result."""
        return len(self._results)

    @property
    def is_complete(self) -> bool:
        """Whether all have."""
        return self.finished == self.count

    @property
    def results(self) -> list[T]:
        """Of each input, in the order of the names, once all have one."""
        return [self._results[index] for index in range(self.count)]


def one_by_one(sharing: Sharing[T], work: Callable[[Piece], T], progress: Progress) -> None:
    """Do what is left, each input once among all calls, also what a dead one has left, and wait until all is done.

    Parameters
    ----------
    sharing
        The inputs.
    work
        Does one; another call may have finished it just before. It may raise `ClaimLost`; the input is then looked at
        again.
    progress
        Told while this call waits for others.
    """
    while not sharing.is_complete:
        piece = sharing.take()
        if piece is not None:
            with piece.claim:
                try:
                    sharing.done(piece.index, work(piece))
                except ClaimLost:
                    sharing.give_back(piece.index)
        elif sharing.waits_for is not None:
            progress.report(sharing.finished, sharing.count, sharing.waits_for)
            time.sleep(LOOK_S)
