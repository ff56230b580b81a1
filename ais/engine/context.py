"""What a task gets from the compute process: progress, cancelling, a log, the processor, room for urgent jobs."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from ais.engine.kept import Kept
from ais.engine.messages import Computing, Stopping
from ais.engine.plain import check_plain
from ais.errors import Cancelled
from ais.progress import Progress

if TYPE_CHECKING:
    from ais.engine.outbox import Outbox
    from ais.models.backends.base import Device


class TaskContext(Progress):
    """The side of a running job that its task sees.

    Parameters
    ----------
    number
        Of the job.
    outbox
        Where messages to the window go.
    cancelled
        Set when the user has asked the job to stop.
    run_urgent
        Runs the urgent jobs that have arrived; None inside an urgent job.
    kept
        What stays in the process from job to job.
    ending
        Says whether the process is to end.

    Attributes
    ----------
    kept
        What stays in the process from job to job: loaded models, open tomograms, wishes of the window.
    """

    def __init__(
        self,
        number: int,
        outbox: Outbox,
        cancelled: threading.Event,
        run_urgent: Callable[[], None] | None,
        kept: Kept,
        ending: Callable[[], bool],
    ) -> None:
        self.kept = kept
        self._ending = ending
        self._number = number
        self._outbox = outbox
        self._cancelled = cancelled
        self._run_urgent = run_urgent
        self._thread = threading.get_ident()
        self._began = time.monotonic()
        self._told = False

    def report(self, done: float, total: float, text: str = "") -> None:
        """Say how far the work is, as often as one likes; also a `checkpoint`."""
        self._outbox.advance(self._number, (done, total, text, time.monotonic() - self._began))
        self.checkpoint()

    def checkpoint(self) -> None:
        """Let urgent jobs go first, between two batches.

        They run inside this call, in a task's own thread only; so call it where the backend can compute something else.

        Raises
        ------
        Cancelled
            If the user has asked to stop.
        """
        if self._cancelled.is_set():
            if not self._told:
                self._told = True
                self._outbox.send(Stopping(self._number))
            raise Cancelled
        if self._run_urgent is not None and threading.get_ident() == self._thread:
            self._run_urgent()

    def publish(self, name: str, value: Any) -> None:
        """Show a value in the window while the job runs: in `Job.published`, the latest of each name.

        Parameters
        ----------
        name
            What it is.
        value
            JSON-able values, tuples, and NumPy arrays. It is not copied and is sent up to 0.1 s later, so nobody may
            change it afterwards.

        Raises
        ------
        TypeError
            For a value of another kind.
        """
        check_plain(value)
        self._outbox.publish(self._number, name, value)

    @property
    def ending(self) -> bool:
        """Whether the process is to end: then a cancelled job has seconds, and what it leaves can be gone on with."""
        return self._ending()

    def log(self, line: str) -> None:
        """Write a line into the job's log; what modules of Ais log gets there by itself."""
        self._outbox.write(self._number, line)

    def device(self) -> Device:
        """The processor that computes networks; its backend is started, and the window told its name.

        Raises
        ------
        AisError
            If the backend does not start.
        """
        from ais.models.backend import chosen_backend, start

        device = start()
        name = "CPU" if device.kind == "cpu" else f"GPU {chosen_backend().gpus()[0].name}"
        short = {"mixed_bfloat16": " (bf16)", "mixed_float16": " (f16)"}.get(device.fast_dtype, "")
        self._outbox.send(Computing(name + short))
        return device
