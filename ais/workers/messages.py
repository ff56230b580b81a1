"""What a worker says to the process that has started it, pickled through a pipe; that one sends tasks, and `CANCEL`."""

from __future__ import annotations

from dataclasses import dataclass

from ais.segment_settings import SegmentResult

CANCEL = "cancel"


@dataclass(frozen=True)
class Advanced:
    """How far the task is: from 0 to 1."""

    share: float
    text: str


@dataclass(frozen=True)
class Ended:
    """How the task has ended; None if it was cancelled, or its claim is another's."""

    result: SegmentResult | None


FromWorker = Advanced | Ended
