"""The engine: which job the compute process does next, and a new process when one has ended unexpectedly."""

from __future__ import annotations

import enum
import itertools
import threading
import time
from collections.abc import Callable, Mapping
from typing import Any

from ais.engine.job import Job, JobState
from ais.engine.link import Link
from ais.engine.messages import (
    Advanced,
    Cancel,
    Computing,
    Ended,
    Published,
    Ready,
    Run,
    Started,
    Stop,
    Stopping,
    ToWindow,
)
from ais.engine.plain import check_plain
from ais.engine.tasks import known

HISTORY = 100
"""Ended jobs beyond this number are forgotten."""
CANCEL_PATIENCE_S = 4.0
"""A cancelled job that does not notice it within this time costs the process its life."""
TIDYING_PATIENCE_S = 60.0
"""The same once it has noticed, for keeping what was finished."""
CRASHES, CRASH_WINDOW_S = 3, 60.0
"""So many unexpected ends within that time, and no job between them that ended by itself: no new process."""
STOP_PATIENCE_S = 4.0


class EngineStatus(enum.Enum):
    """What the compute process is about."""

    NOT_STARTED = "not started"
    STARTING = "starting"
    READY = "ready"
    BUSY = "busy"
    RESTARTING = "restarting"
    FAILED = "failed"


class Engine:
    """Owns the one compute process. Its methods are for the window's thread and never wait, except `stop`.

    Parameters
    ----------
    wake
        Called, from any thread, when `poll` has news. It must return at once and not call the engine.
    cancel_patience_s
        How long a cancelled job may go on without noticing, in seconds, before its process is killed.

    Attributes
    ----------
    device
        The processor that computes networks, such as ``"CPU (bf16)"``; empty until a job has started the backend.
    problem
        One sentence while the status is FAILED, else empty.

    Notes
    -----
    Urgent jobs run before waiting ones, and inside a running one that is not urgent when it reaches a checkpoint. Other
    jobs run one after another. All waiting is done on this side of the pipe, so that waiting jobs survive the process.
    """

    def __init__(
        self, wake: Callable[[], None] = lambda: None, *, cancel_patience_s: float = CANCEL_PATIENCE_S
    ) -> None:
        self._wake = wake
        self._cancel_patience_s = cancel_patience_s
        self._lock = threading.RLock()
        self._numbers = itertools.count(1)
        self._jobs: list[Job] = []
        self._changed: dict[int, Job] = {}
        self._waiting: list[Job] = []
        self._sent: dict[int, Job] = {}
        self._started: list[Job] = []  # those that run now; the last one runs inside the one before it
        self._timers: dict[int, threading.Timer] = {}
        self._given_up: Job | None = None  # for whose sake the process has been killed
        self._phase = EngineStatus.NOT_STARTED
        self._stopping = False
        self._crashes: list[float] = []
        self._link: Link | None = None
        self._thread: threading.Thread | None = None
        self.device = ""
        self.problem = ""

    @property
    def status(self) -> EngineStatus:
        """What the compute process is about."""
        if self._phase is EngineStatus.READY and self._sent:
            return EngineStatus.BUSY
        return self._phase

    @property
    def jobs(self) -> list[Job]:
        """Newest first; of urgent jobs only those that have not ended."""
        with self._lock:
            return self._jobs[::-1]

    @property
    def pid(self) -> int | None:
        """Number of the compute process; None while there is none."""
        with self._lock:
            return None if self._link is None else self._link.pid

    def start(self) -> None:
        """Start the process in the background; nothing if it is there. After FAILED, try again."""
        with self._lock:
            if self._phase not in (EngineStatus.NOT_STARTED, EngineStatus.FAILED):
                return
            self._crashes.clear()
            self._phase, self.problem = EngineStatus.STARTING, ""
            self._thread = threading.Thread(target=self._supervise, name="compute: read", daemon=True)
            self._thread.start()

    def submit(
        self, task: str, arguments: Mapping[str, Any], title: str, *, urgent: bool = False, replaces: str = ""
    ) -> Job:
        """Add a job; the process is started if it never was.

        Parameters
        ----------
        task
            A name of `ais.engine.tasks.TASKS`, or ``"module:function"``.
        arguments
            JSON-able values, tuples, and NumPy arrays. They are not copied: nobody may change them afterwards.
        title
            For the list of jobs.
        urgent, replaces
            As in `Job`.

        Raises
        ------
        ValueError, TypeError
            For an unknown task, or arguments of another kind: errors of the caller.
        """
        if not known(task):
            raise ValueError(f"there is no task {task!r}")
        check_plain(dict(arguments))
        job = Job(next(self._numbers), task, arguments, title, urgent, replaces)
        with self._lock:
            if replaces:
                for older in [*self._waiting, *self._sent.values()]:
                    if older.replaces == replaces and older.state is JobState.WAITING:
                        self.cancel(older)
            self._jobs.append(job)
            self._waiting.append(job)
            self._tell(job)
            self._dispatch()
            if self._phase is EngineStatus.NOT_STARTED:
                self.start()
        return job

    def retry(self, job: Job) -> Job:
        """Submit the same again, as a new job."""
        return self.submit(job.task, job.arguments, job.title, urgent=job.urgent, replaces=job.replaces)

    def cancel(self, job: Job) -> None:
        """Take a waiting job off, or ask a running one to stop; nothing if it has ended.

        A task that keeps what it has finished, such as a training, may still end as DONE.
        """
        with self._lock:
            if job.state is JobState.WAITING:
                self._end(job, JobState.CANCELLED)
            elif job.state is JobState.RUNNING:
                job.state = JobState.CANCELLING
                self._kill_after(self._cancel_patience_s, job)
                self._tell(job)
            if job.number in self._sent and self._link is not None:
                self._link.send(Cancel(job.number))

    def poll(self) -> list[Job]:
        """Jobs that have changed since the last call, each once; for every frame of the window."""
        with self._lock:
            changed = list(self._changed.values())
            self._changed.clear()
        return changed

    def stop(self, timeout: float = STOP_PATIENCE_S) -> None:
        """End the process and cancel all jobs; `start` and `submit` begin anew.

        Parameters
        ----------
        timeout
            Seconds that a running job has for putting things in order; then the process is killed.
        """
        with self._lock:
            thread = self._thread
            self._stopping = True
            if self._link is not None:
                self._link.send(Stop())
        if thread is not None:
            thread.join(timeout)
            while thread.is_alive():
                with self._lock:
                    if self._link is not None:
                        self._link.kill()
                thread.join(0.1)
        with self._lock:
            for job in [*self._started, *self._waiting]:
                self._end(job, JobState.CANCELLED)
            self._started.clear()
            self._stopping = False
            self._thread = None
            self._phase = EngineStatus.NOT_STARTED

    def _dispatch(self) -> None:
        # Urgent jobs are sent at once, so that one that runs can take them in; of the others one at a time.
        if self._link is None or self._phase is not EngineStatus.READY or self._stopping:
            return
        for job in list(self._waiting):
            if job.urgent or all(other.urgent for other in self._sent.values()):
                self._waiting.remove(job)
                self._sent[job.number] = job
                self._link.send(Run(job.number, job.task, dict(job.arguments), job.urgent))

    def _supervise(self) -> None:
        # Runs in a thread of its own until the engine is stopped or has failed.
        while True:
            try:
                link = Link()
            except OSError as error:
                with self._lock:
                    self._fail(f"The compute process cannot be started ({error.strerror}): close other programs.")
                return
            with self._lock:
                self._link = link
                if self._stopping:
                    link.kill()
            try:
                while True:
                    message = link.receive()
                    with self._lock:
                        self._handle(message)
                    del message  # a result must not be held until the next one comes
            except EOFError:
                manner = link.close()
            with self._lock:
                self._link = None
                if not self._goes_on(manner):
                    return

    def _handle(self, message: ToWindow) -> None:
        match message:
            case Ready():
                self._phase = EngineStatus.READY
                self._dispatch()
                self._wake()
            case Computing(device):
                self.device = device
                self._wake()
            case Started(number):
                job = self._sent[number]
                self._started.append(job)
                if job.finished:  # cancelled while this message was under way
                    self._kill_after(self._cancel_patience_s, job)
                else:
                    job.started = time.monotonic()
                    job.state = JobState.RUNNING
                    self._tell(job)
            case Advanced(number, progress, lines):
                job = self._sent[number]
                job.add_lines(lines)
                if progress is not None:
                    job.advance(*progress)
                self._tell(job)
            case Published(number, values):
                job = self._sent[number]
                job.published = {**job.published, **values}
                self._tell(job)
            case Stopping(number):
                self._kill_after(TIDYING_PATIENCE_S, self._sent[number])
            case Ended(number, state, result, error):
                job = self._sent.pop(number)
                self._crashes.clear()
                self._do_not_kill(job)
                if job in self._started:
                    self._started.remove(job)
                self._end(job, state, result, error)
                self._dispatch()

    def _goes_on(self, manner: str) -> bool:
        # Sorts the jobs of a process that has ended, and says whether there is to be another.
        running, self._started = self._started, []
        unstarted = [job for job in self._sent.values() if job not in running and not job.finished]
        self._sent.clear()
        for timer in self._timers.values():
            timer.cancel()
        self._timers.clear()
        self._waiting[:0] = unstarted
        given_up, self._given_up = self._given_up, None
        if self._stopping:
            self._waiting[:0] = running
            return False
        if given_up is not None:
            self._clear_away(running, given_up)
        else:
            now = time.monotonic()
            self._crashes = [at for at in self._crashes if now - at < CRASH_WINDOW_S] + [now]
            inner = f" while it computed '{running[-1].title}'" if len(running) > 1 else ""
            for job in running:
                where = inner if job is not running[-1] else ""
                error = f"The compute process ended unexpectedly ({manner}){where}: the job can be run again."
                self._end_lost(job, error)
            if len(self._crashes) >= CRASHES:
                self._fail(
                    f"The compute process has ended unexpectedly {CRASHES} times in a row ({manner}): "
                    "run ais doctor, then start it again."
                )
                return False
        self._phase = EngineStatus.RESTARTING
        self._wake()
        return True

    def _clear_away(self, running: list[Job], given_up: Job) -> None:
        # After a kill on purpose: the job meant has ended, and what ran with it is not to blame.
        for job in running:
            if job is given_up:
                self._end(job, JobState.CANCELLED)
            elif job.urgent and job.state is JobState.RUNNING:
                job.state = JobState.WAITING
                self._waiting.insert(0, job)
            else:
                error = f"The compute process had to be ended to cancel '{given_up.title}': run this job again."
                self._end_lost(job, error)

    def _end_lost(self, job: Job, error: str) -> None:
        job.lost = True
        self._end(job, JobState.CANCELLED if job.state is JobState.CANCELLING else JobState.FAILED, error=error)

    def _fail(self, problem: str) -> None:
        self._phase, self.problem = EngineStatus.FAILED, problem
        self._wake()

    def _kill_after(self, seconds: float, job: Job) -> None:
        self._do_not_kill(job)
        timer = self._timers[job.number] = threading.Timer(seconds, self._give_up, (job,))
        timer.daemon = True
        timer.start()

    def _do_not_kill(self, job: Job) -> None:
        if timer := self._timers.pop(job.number, None):
            timer.cancel()

    def _give_up(self, job: Job) -> None:
        with self._lock:
            current = self._timers.get(job.number) is threading.current_thread()
            if current and job in self._started and self._link is not None:
                self._given_up = job
                self._link.kill()

    def _end(self, job: Job, state: JobState, result: Any = None, error: str = "") -> None:
        if job.finished:
            return
        if job in self._waiting:
            self._waiting.remove(job)
        job.result = result
        job.error = error if state is JobState.FAILED else ""
        job.ended = time.monotonic()
        job.state = state  # last: who sees it may read the rest
        ended = [other for other in self._jobs if other.finished and not other.urgent]
        for forgotten in [job] if job.urgent else ended[:-HISTORY]:
            self._jobs.remove(forgotten)
        self._tell(job)

    def _tell(self, job: Job) -> None:
        self._changed[job.number] = job
        self._wake()
