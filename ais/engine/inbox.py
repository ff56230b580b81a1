"""Jobs that have reached the compute process and wait there: urgent ones first."""

from __future__ import annotations

import threading
from collections import deque
from dataclasses import dataclass, field

from ais.engine.messages import Run


@dataclass(frozen=True)
class Request:
    """A job, and whether it is to stop."""

    run: Run
    cancelled: threading.Event = field(default_factory=threading.Event)


class Inbox:
    """Filled by the thread that reads the pipe, emptied by the thread that computes."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._urgent: deque[Request] = deque()
        self._others: deque[Request] = deque()
        self._open: dict[int, Request] = {}
        self._stopped = False

    def put(self, run: Run) -> None:
        """Add a job."""
        with self._changed:
            request = self._open[run.number] = Request(run)
            (self._urgent if run.urgent else self._others).append(request)
            self._changed.notify()

    def cancel(self, number: int) -> None:
        """Ask a job to stop, whether it waits or runs; nothing if it has ended."""
        with self._changed:
            if request := self._open.get(number):
                request.cancelled.set()

    def stop(self) -> None:
        """Ask all jobs to stop; `next` returns no more."""
        with self._changed:
            self._stopped = True
            for request in self._open.values():
                request.cancelled.set()
            self._changed.notify()

    @property
    def stopped(self) -> bool:
        """Whether all has been asked to stop."""
        return self._stopped

    def next(self) -> Request | None:
        """The next job, as soon as there is one; None after `stop`."""
        with self._changed:
            self._changed.wait_for(lambda: self._stopped or self._urgent or self._others)
            if self._stopped:
                return None
            return (self._urgent or self._others).popleft()

    def next_urgent(self) -> Request | None:
        """The next urgent job if there is one; costs next to nothing if not."""
        if not self._urgent:
            return None
        with self._changed:
            return self._urgent.popleft()

    def close(self, number: int) -> None:
        """Forget a job that has ended."""
        with self._changed:
            self._open.pop(number, None)
