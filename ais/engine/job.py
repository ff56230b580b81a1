"""A job of the compute process, as the window sees it."""

from __future__ import annotations

import enum
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from ais.engine.remaining_time import RemainingTime

LOG_LINES = 1000


class JobState(enum.Enum):
    """Where a job stands."""

    WAITING = "waiting"
    RUNNING = "running"
    CANCELLING = "cancelling"
    DONE = "done"
    FAILED = "failed"
    CANCELLED = "cancelled"


ENDED = frozenset({JobState.DONE, JobState.FAILED, JobState.CANCELLED})


@dataclass(eq=False)
class Job:
    """One piece of work; only the engine changes it.

    Attributes
    ----------
    number
        Counts up with each job of an engine.
    task
        Name of what is done, see `ais.engine.tasks`.
    arguments
        What the task is given. They are sent later and kept for a retry, so nobody may change them.
    title
        For the list of jobs, such as ``"Training ribosome"``.
    urgent
        Whether it goes before other jobs, and into a running one at its next checkpoint.
    replaces
        A waiting job with this key is dropped for a newer one with the same; empty for none.
    state
        Where it stands. When it says that the job has ended, the attributes below are final.
    fraction
        0 to 1, or None when it is not known.
    message
        What is being done now.
    log
        Lines that the task has written, oldest first, at most `LOG_LINES`.
    published
        The latest value of each name that the task has shown while it ran: JSON-able values and NumPy arrays. With each
        news of it this is another mapping; one that was read never changes.
    result
        What the task has returned: JSON-able values and NumPy arrays; None unless done.
    error
        One sentence if it failed.
    lost
        Whether it failed because the compute process ended, for whatever reason.
    started, ended
        Seconds of `time.monotonic`; None before.
    """

    number: int
    task: str
    arguments: Mapping[str, Any]
    title: str
    urgent: bool = False
    replaces: str = ""
    state: JobState = JobState.WAITING
    fraction: float | None = None
    message: str = ""
    log: tuple[str, ...] = ()
    published: Mapping[str, Any] = field(default_factory=dict)
    result: Any = None
    error: str = ""
    lost: bool = False
    started: float | None = None
    ended: float | None = None
    _remaining: RemainingTime = field(default_factory=RemainingTime, repr=False)
    _left: tuple[float, float] | None = field(default=None, repr=False)

    @property
    def finished(self) -> bool:
        """Whether it has ended, in whatever way."""
        return self.state in ENDED

    @property
    def seconds(self) -> float:
        """How long it has run; 0 before it starts."""
        if self.started is None:
            return 0.0
        return (time.monotonic() if self.ended is None else self.ended) - self.started

    @property
    def seconds_left(self) -> float | None:
        """Estimated time to its end; None when it is not known."""
        left = self._left
        if left is None or self.finished:
            return None
        seconds, told = left
        return max(0.0, seconds - (time.monotonic() - told))

    def advance(self, done: float, total: float, text: str, elapsed: float) -> None:
        """Take in how far the task says it is, `elapsed` seconds after its start; for the engine."""
        self.fraction = min(max(done / total, 0.0), 1.0) if total > 0 else None
        self.message = text
        seconds = self._remaining.update(done, total, elapsed)
        self._left = None if seconds is None else (seconds, time.monotonic())

    def add_lines(self, lines: tuple[str, ...]) -> None:
        """Take in lines of its log; for the engine."""
        if lines:
            self.log = (*self.log, *lines)[-LOG_LINES:]
