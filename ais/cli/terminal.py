"""What a command prints: results on stdout; progress, warnings and errors on stderr."""

from __future__ import annotations

import json
import math
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

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

    Parameters
    ----------
    title
        What is being done, such as ``"Training membrane"``.
    """
    if not sys.stderr.isatty():
        yield _PlainProgress(title)
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
    from rich.progress import Progress as RichProgress

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with RichProgress(*columns, console=Console(stderr=True), transient=True) as bars:
        yield _BarProgress(bars, title)


class _PlainProgress(Progress):
    """A line now and then, for log files."""

    def __init__(self, title: str) -> None:
        self._title = title
        self._last = time.monotonic()

    def report(self, done: float, total: float, text: str = "") -> None:
        now = time.monotonic()
        if now - self._last < PLAIN_INTERVAL_S:
            return
        self._last = now
        share = f" {done / total:.0%}" if total else ""
        sys.stderr.write(f"{self._title}:{share} {text}".rstrip() + "\n")
        sys.stderr.flush()


class _BarProgress(Progress):
    """A bar with the time left."""

    def __init__(self, bars: Any, title: str) -> None:
        self._bars = bars
        self._title = title
        self._task = bars.add_task(title, total=None)

    def report(self, done: float, total: float, text: str = "") -> None:
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
