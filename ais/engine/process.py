"""The compute process itself: takes jobs from the pipe, runs their tasks, and ends with the window's process."""

from __future__ import annotations

import logging
import os
import signal
import sys
import threading
import traceback
from multiprocessing.connection import Connection

from ais.engine.context import TaskContext
from ais.engine.inbox import Inbox, Request
from ais.engine.job import JobState
from ais.engine.kept import Kept
from ais.engine.messages import Cancel, Ended, Ready, Run, Started
from ais.engine.outbox import Outbox
from ais.engine.plain import check_plain
from ais.engine.tasks import task_function
from ais.errors import AisError, Cancelled, describe_os_error, is_out_of_memory

NO_MEMORY = "There is not enough memory for this: use a smaller range, crop or batch size."
NICENESS = 10
BELOW_NORMAL_PRIORITY_CLASS = 0x4000
END_PATIENCE_S = 3.0
"""How long a running task may take to put things in order when the process is to end."""


def main(connection: Connection) -> None:
    """Serve the window's process at the other end of `connection` until it says stop or is gone."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl+C in a terminal is for the window, which decides
    _lower_priority()
    _Worker(connection).serve()
    # Libraries that have been computing with many threads may crash or hang while the interpreter is taken down.
    os._exit(0)


class _Worker:
    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._inbox = Inbox()
        self._outbox = Outbox(connection)
        self._kept = Kept()
        self._contexts: list[TaskContext] = []  # of the running job, and of an urgent one inside it

    def serve(self) -> None:
        logger = logging.getLogger("ais")
        logger.setLevel(logging.INFO)
        logger.addHandler(_JobLog(self._contexts))
        threading.Thread(target=self._listen, name="listen", daemon=True).start()
        self._outbox.send(Ready())
        while (request := self._inbox.next()) is not None:
            self._execute(request)

    def _listen(self) -> None:
        try:
            while isinstance(message := self._connection.recv(), Run | Cancel):
                if isinstance(message, Run):
                    self._inbox.put(message)
                else:
                    self._inbox.cancel(message.number)
        except (EOFError, OSError):
            pass  # the window's process has ended
        self._inbox.stop()
        threading.Event().wait(END_PATIENCE_S)
        os._exit(1)

    def _run_urgent(self) -> None:
        while (request := self._inbox.next_urgent()) is not None:
            self._execute(request)

    def _execute(self, request: Request) -> None:
        number = request.run.number
        if request.cancelled.is_set():
            ended = Ended(number, JobState.CANCELLED)
        else:
            self._outbox.send(Started(number))
            run_urgent = None if self._contexts else self._run_urgent
            context = TaskContext(
                number, self._outbox, request.cancelled, run_urgent, self._kept, lambda: self._inbox.stopped
            )
            self._contexts.append(context)
            ended = _outcome(request.run, context)
            self._contexts.pop()
        self._inbox.close(number)
        self._outbox.end(ended)


def _outcome(run: Run, context: TaskContext) -> Ended:
    try:
        result = task_function(run.task)(run.arguments, context)
        check_plain(result)
    except Cancelled:
        return Ended(run.number, JobState.CANCELLED)
    except AisError as error:
        return Ended(run.number, JobState.FAILED, error=str(error))
    except OSError as error:
        context.log(traceback.format_exc())
        return Ended(run.number, JobState.FAILED, error=describe_os_error(error))
    except (Exception, SystemExit) as error:  # noqa: BLE001 - whatever fails must reach the user and not end the process
        context.log(traceback.format_exc())
        if is_out_of_memory(error):
            context.kept.forget()
            return Ended(run.number, JobState.FAILED, error=NO_MEMORY)
        sentence = f"This stopped because of an error in Ais ({type(error).__name__}): please report it with the log."
        return Ended(run.number, JobState.FAILED, error=sentence)
    return Ended(run.number, JobState.DONE, result)


class _JobLog(logging.Handler):
    """Gives what modules of Ais log to the job that runs."""

    def __init__(self, contexts: list[TaskContext]) -> None:
        super().__init__()
        self._contexts = contexts

    def emit(self, record: logging.LogRecord) -> None:
        if self._contexts:
            self._contexts[-1].log(self.format(record))


def _lower_priority() -> None:
    # The window must stay fast while all cores compute.
    if sys.platform == "win32":
        import ctypes

        kernel = ctypes.windll.kernel32
        kernel.SetPriorityClass(kernel.GetCurrentProcess(), BELOW_NORMAL_PRIORITY_CLASS)
    else:
        os.nice(NICENESS)
