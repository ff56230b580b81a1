"""Work off the window's thread: a function runs in a thread, what it returns comes back in the window's thread."""

from __future__ import annotations

import itertools
import logging
import queue
import threading
import time
from collections import deque
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any, TypeVar

from ais.errors import AisError, Cancelled, describe_os_error
from ais.progress import Progress

THREADS = 4
SHOWN_AFTER_S = 0.3
"""Work that takes longer is shown in the list of jobs."""
ENDED_KEPT = 50
PATIENCE_S = 1.0
"""Work that nothing is lost with has so long to stop when the program ends."""
CLOSING_LOOK_S = 0.01
LOOKED_AT_EVERY_S = 0.1
"""So often the time left and the moving bar of work without known length are drawn anew."""

Result = TypeVar("Result")
_log = logging.getLogger(__name__)
_numbers = itertools.count(1)


@dataclass
class Work(Progress):
    """Something that runs in a thread; also the `Progress` that it may report to.

    Attributes
    ----------
    title
        For the list of jobs; empty for work that is never shown.
    fraction
        0 to 1, or None when it is not known.
    message
        What is being done now.
    started
        Seconds of `time.monotonic`.
    cancelled
        Whether the user has asked it to stop.
    finished
        Whether it has ended.
    outcome
        "done", "failed" or "cancelled" once it has ended; empty before.
    seconds
        How long it took; 0 while it runs.
    given_up
        Set when nobody will say any more that it has ended.
    awaited
        Whether the program waits for it at its end.
    """

    title: str = ""
    fraction: float | None = None
    message: str = ""
    started: float = field(default_factory=time.monotonic)
    cancelled: bool = False
    finished: bool = False
    outcome: str = ""
    seconds: float = 0.0
    wake: Callable[[], None] = lambda: None
    number: int = field(default_factory=lambda: next(_numbers))
    given_up: threading.Event | None = None
    awaited: bool = True

    def report(self, done: float, total: float, text: str = "") -> None:
        """Say how far the work is; raises `Cancelled` if the user has asked it to stop."""
        if self.cancelled:
            raise Cancelled
        self.fraction = done / total if total else None
        self.message = text
        self.wake()

    def cancel(self) -> None:
        """Ask it to stop at its next step."""
        self.cancelled = True

    @property
    def shown(self) -> bool:
        """Whether the list of jobs should show it."""
        return bool(self.title) and not self.finished and time.monotonic() - self.started > SHOWN_AFTER_S

    @property
    def seconds_left(self) -> float | None:
        """Estimated; None when it is not known."""
        if not self.fraction:
            return None
        return (time.monotonic() - self.started) * (1 - self.fraction) / self.fraction


class Background:
    """A few threads, and the queue by which their results come back.

    Parameters
    ----------
    wake
        Called from a thread when there is something for `poll`.
    problem
        Called in the window's thread with one sentence when work has failed and nobody else wants to know.

    Attributes
    ----------
    works
        What runs, oldest first.
    ended
        What was shown in the list of jobs and has ended, oldest first.
    tell_end
        Called in the window's thread with each work that was shown and has ended.
    """

    def __init__(self, wake: Callable[[], None], problem: Callable[[str], None]) -> None:
        self._wake = wake
        self._problem = problem
        self._threads = ThreadPoolExecutor(THREADS, thread_name_prefix="ais-background")
        self._results: queue.SimpleQueue[Callable[[], None]] = queue.SimpleQueue()
        self.works: list[Work] = []
        self.ended: deque[Work] = deque(maxlen=ENDED_KEPT)
        self.tell_end: Callable[[Work], None] = lambda _: None
        self._under_way: set[int] = set()
        self._awaited: set[int] = set()
        self._closing = False

    def run(
        self,
        function: Callable[[Work], Result],
        then: Callable[[Result], None] | None = None,
        *,
        title: str = "",
        failed: Callable[[str], None] | None = None,
        awaited: bool = True,
    ) -> Work:
        """Start something.

        Parameters
        ----------
        function
            Runs in a thread; it may report its progress to the `Work` that it is given.
        then
            Gets its result, in the window's thread, at a later `poll`.
        title
            For the list of jobs.
        failed
            Gets one sentence in the window's thread if it fails; by default the sentence is shown.
        awaited
            Whether the program waits for it at its end, as for all that writes files; False for what only computes.

        Returns
        -------
        Work
            To watch it or to cancel it.
        """
        work = Work(title, wake=self._wake, awaited=awaited)
        self.works.append(work)
        self._threads.submit(self._run, work, function, then, failed or self._problem)
        return work

    def watch(self, title: str, given_up: threading.Event | None = None) -> Work:
        """Put something that runs elsewhere on the list of jobs, until its `finished` is set, or `given_up` is."""
        work = Work(title, wake=self._wake, given_up=given_up)
        self.works.append(work)
        return work

    def poll(self) -> None:
        """Hand over what has come back; called once a frame by the window's thread."""
        while True:
            try:
                deliver = self._results.get_nowait()
            except queue.Empty:
                break
            deliver()
        for work in self.works:
            if work.given_up is not None and work.given_up.is_set():
                work.finished = True
        if any(work.finished for work in self.works):
            self.works = [work for work in self.works if not work.finished]

    def seconds_to_change(self) -> float | None:
        """When the list of jobs looks different though no thread says so; None while nothing with a title runs."""
        running = [work for work in self.works if work.title]
        if not running:
            return None
        waits = [SHOWN_AFTER_S - (time.monotonic() - work.started) for work in running if not work.shown]
        return max(0.02, min(waits, default=LOOKED_AT_EVERY_S))

    @property
    def busy(self) -> bool:
        """Whether something has not come back yet."""
        return bool(self.works)

    def deliver(self, call: Callable[[], None]) -> None:
        """Have something called in the window's thread; may be used from any thread."""
        self._results.put(call)
        self._wake()

    def close(self) -> None:
        """Ask everything to stop and wait for it; not for long if nothing is lost with it."""
        self._closing = True
        for work in self.works:
            work.cancel()
        self._threads.shutdown(wait=False, cancel_futures=True)
        patience = time.monotonic() + PATIENCE_S
        while self._awaited or (self._under_way and time.monotonic() < patience):
            time.sleep(CLOSING_LOOK_S)

    def _run(
        self,
        work: Work,
        function: Callable[[Work], Any],
        then: Callable[[Any], None] | None,
        failed: Callable[[str], None],
    ) -> None:
        def end(outcome: str, call: Callable[[], None]) -> None:
            def ended() -> None:
                shown = work.shown
                work.finished, work.outcome = True, outcome
                work.seconds = time.monotonic() - work.started
                if shown:
                    self.ended.append(work)
                call()
                if shown:
                    self.tell_end(work)

            self.deliver(ended)

        kinds = (self._under_way, self._awaited) if work.awaited else (self._under_way,)
        for kind in kinds:
            kind.add(work.number)
        try:
            if self._closing:
                raise Cancelled
            result = function(work)
        except Cancelled:
            end("cancelled", lambda: None)
        except Exception as error:  # noqa: BLE001 - a thread's failure must reach the user, whatever it is
            text = plain_sentence(error)
            end("failed", lambda: failed(text))
        else:
            end("done", lambda: then(result) if then is not None else None)
        finally:
            for kind in kinds:
                kind.discard(work.number)


def plain_sentence(error: Exception) -> str:
    """One sentence for the user; what nobody expected goes to the log in full."""
    if isinstance(error, AisError):
        return str(error)
    if isinstance(error, OSError):
        return describe_os_error(error)
    if isinstance(error, MemoryError):
        return "There is not enough memory for this."
    _log.error("unexpected error", exc_info=error)
    return f"Something unexpected went wrong ({type(error).__name__}: {error}); your work is saved. Please report this."
