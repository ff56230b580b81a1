"""A worker: takes one task after the other from a pipe, and ends when the pipe does.

What computes is imported only once the process is bound to its processor.
"""

from __future__ import annotations

import logging
import os
import queue
import signal
import threading
import time
from multiprocessing.connection import Connection
from types import FrameType
from typing import TYPE_CHECKING, NoReturn

from ais.errors import Cancelled, is_out_of_memory
from ais.progress import Progress

if TYPE_CHECKING:
    from ais.segment_settings import SegmentResult
    from ais.tomogram_task import TomogramTask
    from ais.workers.processors import Processor

INTERVAL_S = 0.2
END_PATIENCE_S = 4.0
"""How long what was begun may take to be removed when the process is to end."""
TERMINATED = 143


class _Terminated(BaseException):
    """The system has asked the process to end."""


def main(connection: Connection, processor: Processor) -> None:
    """Serve the process at the other end of `connection` until it closes the pipe or is gone."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl+C in a terminal is for that process, which decides
    signal.signal(signal.SIGTERM, _terminate)
    logging.basicConfig(level=logging.WARNING, format="%(message)s")
    processor.take()
    code = 0
    try:
        _Worker(connection).serve()
    except _Terminated:
        code = TERMINATED
    # Libraries that have been computing with many threads may crash or hang while the interpreter is taken down.
    os._exit(code)


class _Worker:
    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._tasks: queue.SimpleQueue[TomogramTask | None] = queue.SimpleQueue()
        self._cancelled = threading.Event()

    def serve(self) -> None:
        threading.Thread(target=self._listen, name="listen", daemon=True).start()
        while (task := self._tasks.get()) is not None:
            self._serve(task)

    def _listen(self) -> None:
        from ais.workers.messages import CANCEL

        try:
            while True:
                message = self._connection.recv()
                if message == CANCEL:
                    self._cancelled.set()
                else:
                    self._cancelled.clear()  # what was meant for the task before, which had ended by then
                    self._tasks.put(message)
        except (EOFError, OSError):
            pass  # the other process has closed the pipe, or has ended
        self._cancelled.set()
        self._tasks.put(None)
        time.sleep(END_PATIENCE_S)
        os._exit(1)

    def _serve(self, task: TomogramTask) -> None:
        from ais.workers.messages import Ended

        try:
            self._connection.send(Ended(self._result(task)))
        except OSError:
            return  # nobody listens any more

    def _result(self, task: TomogramTask) -> SegmentResult | None:
        from ais.errors import sentence
        from ais.formats.claim import ClaimLost
        from ais.segment_settings import SegmentResult
        from ais.tomogram_task import do

        try:
            return do(task, _Told(self._connection, self._cancelled))
        except (Cancelled, ClaimLost):
            return None
        except Exception as error:  # noqa: BLE001 - whatever fails must reach the user and not end the process
            reason = (
                sentence(MemoryError(), task.tomogram)
                if is_out_of_memory(error)
                else f"{task.tomogram} could not be segmented because of an error in Ais "
                f"({type(error).__name__}: {error}): please report it."
            )
            return SegmentResult(task.tomogram, task.outputs, "failed", reason)


class _Told(Progress):
    def __init__(self, connection: Connection, cancelled: threading.Event) -> None:
        self._connection = connection
        self._cancelled = cancelled
        self._next = 0.0

    def report(self, done: float, total: float, text: str = "") -> None:
        from ais.workers.messages import Advanced

        if self._cancelled.is_set():
            raise Cancelled
        if time.monotonic() < self._next:
            return
        self._next = time.monotonic() + INTERVAL_S
        try:
            self._connection.send(Advanced(done / total, text))
        except OSError as error:
            raise Cancelled from error  # nobody listens any more


def _terminate(_number: int, _frame: FrameType | None) -> NoReturn:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    raise _Terminated
