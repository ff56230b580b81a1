"""Several processes, on one machine or many, that share the tomograms of one call by claims beside the outputs."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

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


def share_out(
    shard: Shard,
    names: Sequence[str],
    folder: Path,
    look: Callable[[int], T | None],
    work: Callable[[int, Claim], T],
    refused: Callable[[int, AisError], T],
    progress: Progress,
) -> list[T]:
    """Do the work on each input once among all calls, also what a dead one has left, and wait until all is done.

    Parameters
    ----------
    shard
        Which of the calls this is.
    names
        Of the inputs, by which they are claimed; the same in every call.
    folder
        Where the outputs and the claims lie.
    look
        The result of an input that is finished, whoever did it; None if it is not, or only the work itself can tell.
    work
        Called with an input's place and its claim; another call may have finished it just before. It may raise
        `ClaimLost`; the input is then looked at again.
    refused
        Result of an input that cannot be claimed.
    progress
        Told while this call waits for others.

    Returns
    -------
    list
        Results in the order of `names`.
    """
    results: dict[int, T] = {}
    left = shard.order(len(names))
    with Claims(folder) as claims:
        while left:
            busy = []
            for index in left:
                finished = look(index)
                if finished is not None:
                    results[index] = finished
                    continue
                try:
                    claim = claims.take(names[index])
                except AisError as error:
                    results[index] = refused(index, error)
                    continue
                if claim is None:
                    busy.append(index)
                    continue
                with claim:
                    try:
                        results[index] = work(index, claim)
                    except ClaimLost:
                        busy.append(index)
            left = busy
            if left:
                progress.report(len(results), len(names), f"waiting for {names[left[0]]} of another process")
                time.sleep(LOOK_S)
    return [results[index] for index in range(len(names))]
