"""What the compute process sends to the window: at once, or, of progress, ten times a second at most."""

from __future__ import annotations

import contextlib
import threading
import time
from multiprocessing.connection import Connection
from typing import Any

from ais.engine.job import LOG_LINES
from ais.engine.messages import Advanced, Ended, Published, ToWindow

INTERVAL_S = 0.1


class Outbox:
    """Sends messages from any thread; of several reports of a job within `INTERVAL_S` only the last.

    Parameters
    ----------
    connection
        The pipe to the window's process. When that has ended, what is sent is lost without an error: whoever reads the
        pipe learns of it too, and ends the process.
    """

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._sending = threading.Lock()
        self._collecting = threading.Lock()
        self._progress: dict[int, tuple[float, float, str, float]] = {}
        self._lines: dict[int, list[str]] = {}
        self._values: dict[int, dict[str, Any]] = {}
        self._news = threading.Event()
        threading.Thread(target=self._flush_often, name="progress", daemon=True).start()

    def send(self, message: ToWindow) -> None:
        """Send it now."""
        with self._sending, contextlib.suppress(OSError):
            self._connection.send(message)

    def advance(self, number: int, progress: tuple[float, float, str, float]) -> None:
        """Send a job's progress (done, total, text, seconds) soon, unless there is something newer by then."""
        with self._collecting:
            self._progress[number] = progress
        if not self._news.is_set():
            self._news.set()

    def write(self, number: int, line: str) -> None:
        """Send a line of a job's log soon."""
        with self._collecting:
            lines = self._lines.setdefault(number, [])
            lines.append(line)
            del lines[:-LOG_LINES]
        self._news.set()

    def publish(self, number: int, name: str, value: Any) -> None:
        """Send a value of a job soon, unless there is a newer one of that name by then."""
        with self._collecting:
            self._values.setdefault(number, {})[name] = value
        self._news.set()

    def end(self, message: Ended) -> None:
        """Send how a job ended, after all that it has said."""
        self._flush()
        self.send(message)

    def _flush_often(self) -> None:
        while True:
            self._news.wait()
            self._news.clear()
            self._flush()
            time.sleep(INTERVAL_S)

    def _flush(self) -> None:
        with self._sending, contextlib.suppress(OSError):
            with self._collecting:
                progress, self._progress = self._progress, {}
                lines, self._lines = self._lines, {}
                values, self._values = self._values, {}
            for number in sorted(progress.keys() | lines.keys()):
                news = Advanced(number, progress.get(number), tuple(lines.get(number, ())))
                self._connection.send(news)
            for number in sorted(values):
                self._connection.send(Published(number, values[number]))
