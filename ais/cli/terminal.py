"""What a command prints: results on stdout; progress, warnings and errors on stderr."""

from __future__ import annotations

import json
import math
import signal
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any

from ais.errors import Cancelled
from ais.progress import Progress

PLAIN_INTERVAL_S = 10.0


def show(text: str) -> None:
    """Print a result."""
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


def show_json(figures: Any) -> None:
    """Print figures as JSON; numbers that are not finite become null."""
    show(json.dumps(_finite(figures), indent=1, ensure_ascii=False, allow_nan=False))


def complain(sentence: str) -> None:
    """Print an error or a warning, as one line."""
    sys.stderr.write("ais: " + " ".join(sentence.split()) + "\n")
    sys.stderr.flush()


@contextmanager
def terminal_progress(title: str) -> Iterator[Progress]:
    """A progress bar on a terminal, plain lines elsewhere; both on stderr.

    Ctrl+C asks the work to stop at its next report, so that a training can keep its best epoch; pressed again it
    interrupts at once.

    Parameters
    ----------
    title
        What is being done, such as ``"Training membrane"``.
    """
    with _stop_request() as stopped:
        if not sys.stderr.isatty():
            yield _PlainProgress(title, stopped)
            return
        from rich.console import Console
        from rich.progress import BarColumn, TaskProgressColumn, TextColumn, TimeRemainingColumn
        from rich.progress import Progress as RichProgress

        columns = (TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), TimeRemainingColumn())
        with RichProgress(*columns, console=Console(stderr=True), transient=True) as bars:
            yield _BarProgress(bars, title, stopped)


@contextmanager
def _stop_request() -> Iterator[threading.Event]:
    stopped = threading.Event()

    def ask(_number: int, _frame: FrameType | None) -> None:
        if stopped.is_set():
            raise KeyboardInterrupt
        stopped.set()

    if threading.current_thread() is not threading.main_thread():
        yield stopped  # signals reach the main thread only
        return
    previous = signal.signal(signal.SIGINT, ask)
    try:
        yield stopped
    finally:
        signal.signal(signal.SIGINT, previous)


class _PlainProgress(Progress):
    """A line now and then, for log files."""

    def __init__(self, title: str, stopped: threading.Event) -> None:
        self._title = title
        self._stopped = stopped
        self._last = time.monotonic()

    def report(self, done: float, total: float, text: str = "") -> None:
        if self._stopped.is_set():
            raise Cancelled
        now = time.monotonic()
        if now - self._last < PLAIN_INTERVAL_S:
            return
        self._last = now
        share = f" {done / total:.0%}" if total else ""
        sys.stderr.write(f"{self._title}:{share} {text}".rstrip() + "\n")
        sys.stderr.flush()


class _BarProgress(Progress):
    """A bar with the time left."""

    def __init__(self, bars: Any, title: str, stopped: threading.Event) -> None:
        self._bars = bars
        self._stopped = stopped
        self._title = title
        self._task = bars.add_task(title, total=None)

    def report(self, done: float, total: float, text: str = "") -> None:
        if self._stopped.is_set():
            raise Cancelled
        description = f"{self._title} {text}".rstrip()
        self._bars.update(self._task, completed=done, total=total or None, description=description)


def _finite(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _finite(entry) for key, entry in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(entry) for entry in value]
    if hasattr(value, "item") and getattr(value, "ndim", 1) == 0:
        value = value.item()
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value
