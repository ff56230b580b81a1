"""One compute process, as the window's process holds it: started, sent to, received from, killed."""

from __future__ import annotations

import multiprocessing
import queue
import threading
from typing import cast

from ais.engine.messages import ToProcess, ToWindow
from ais.engine.process import main
from ais.process_end import manner_of_end

EXIT_PATIENCE_S = 2.0


class Link:
    """A fresh process, with a thread that writes to it, so that nobody ever waits for a process that does not read.

    Raises
    ------
    OSError
        If the system cannot start a process.
    """

    def __init__(self) -> None:
        spawn = multiprocessing.get_context("spawn")
        self._connection, theirs = spawn.Pipe()
        self._process = spawn.Process(target=main, args=(theirs,), name="Ais compute", daemon=True)
        self._outgoing: queue.SimpleQueue[ToProcess | None] = queue.SimpleQueue()
        try:
            self._process.start()
        except OSError:
            self._connection.close()
            raise
        finally:
            theirs.close()  # else the end of the process would not end the pipe
        self.pid = self._process.pid
        self._writer = threading.Thread(target=self._write, name="compute: write", daemon=True)
        self._writer.start()

    def send(self, message: ToProcess) -> None:
        """Hand a message over; never waits. It is lost if the process ends."""
        self._outgoing.put(message)

    def receive(self) -> ToWindow:
        """The next message, as soon as there is one.

        Raises
        ------
        EOFError
            If the process has ended.
        """
        try:
            return cast(ToWindow, self._connection.recv())
        except OSError as error:  # in the middle of a message
            raise EOFError from error

    def kill(self) -> None:
        """End the process at once."""
        self._process.kill()

    def close(self) -> str:
        """Wait until the process is gone, and say how it ended, such as ``"signal 9, perhaps out of memory"``."""
        self._process.join(EXIT_PATIENCE_S)
        if self._process.exitcode is None:
            self._process.kill()
            self._process.join()
        code = self._process.exitcode
        self._outgoing.put(None)
        self._writer.join(EXIT_PATIENCE_S)
        self._connection.close()
        return manner_of_end(0 if code is None else code)

    def _write(self) -> None:
        while (message := self._outgoing.get()) is not None:
            try:
                self._connection.send(message)
            except OSError:
                return  # the process has ended, which the reading thread learns by itself
