"""Checks of the installation, each in a process of its own: one that crashes or hangs says so, and the rest goes on."""

from __future__ import annotations

import importlib
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

LIMIT_S = 8.0
LAST_WORDS = 300
SOURCE = Path(__file__).resolve().parents[2]
# Not `-m`: that would look into the current folder first, which may lie on a drive that does not answer.
START = "import sys; sys.path.append(sys.argv[1]); from ais.installation.probes import answer; answer(sys.argv[2:])"


@dataclass(frozen=True)
class Finding:
    """What a check found.

    Attributes
    ----------
    figures
        Values by name, as `ais doctor --json` shows them.
    advice
        A sentence for each thing that is missing or wrong, with what to do about it.
    failure
        Why the check itself did not end well, else empty.
    """

    figures: dict[str, Any] = field(default_factory=dict)
    advice: list[str] = field(default_factory=list)
    failure: str = ""


@dataclass(frozen=True)
class Probe:
    """A check that runs in a process of its own.

    Attributes
    ----------
    name
        Its name in reports.
    about
        What it looks at, as in "The check of ... has crashed".
    function
        ``"module:function"``; takes the arguments, as texts, and returns a `Finding`.
    arguments
        Handed to the function.
    limit_s
        Seconds after which it is given up.
    """

    name: str
    about: str
    function: str
    arguments: tuple[str, ...] = ()
    limit_s: float = LIMIT_S


def examine_all(probes: Sequence[Probe]) -> dict[str, Finding]:
    """Run checks at the same time.

    Returns
    -------
    dict
        A `Finding` for each probe by its name, in their order.
    """
    running = [_Running(probe) for probe in probes]
    try:
        return {one.probe.name: one.finding() for one in running}
    finally:
        for one in running:
            one.kill()


class _Running:
    def __init__(self, probe: Probe) -> None:
        self.probe = probe
        self._until = time.monotonic() + probe.limit_s
        self._said: tuple[str, str] | None = None
        words = [sys.executable, "-P", "-c", START, str(SOURCE), probe.function, *probe.arguments]
        self._process = subprocess.Popen(
            words,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            encoding="utf-8",
            errors="replace",
            start_new_session=True,
        )
        # A process that waits for a dead network drive cannot even be killed, so nothing waits for its end.
        self._listener = threading.Thread(target=self._listen, daemon=True)
        self._listener.start()

    def _listen(self) -> None:
        self._said = self._process.communicate()

    def finding(self) -> Finding:
        self._listener.join(max(self._until - time.monotonic(), 0.0))
        if self._said is None:
            self.kill()
            return self._failed(f"has not ended within {self.probe.limit_s:g} s")
        out, errors = self._said
        for line in reversed(out.splitlines()):
            if line.startswith('{"figures"'):
                return Finding(**json.loads(line))
        words = " ".join(errors.split())[-LAST_WORDS:]
        return self._failed(f"has crashed ({_how(self._process.returncode)}{': ' if words else ''}{words})")

    def kill(self) -> None:
        if self._process.poll() is None:
            try:
                if sys.platform == "win32":
                    self._process.kill()
                else:
                    os.killpg(self._process.pid, signal.SIGKILL)  # with what it has started itself
            except OSError:
                return  # it has ended meanwhile

    def _failed(self, how: str) -> Finding:
        sentence = f"The check of {self.probe.about} {how}; nothing is known of it."
        return Finding({}, [sentence], how)


def _how(code: int) -> str:
    if code < 0:
        try:
            return signal.Signals(-code).name
        except ValueError:
            return f"signal {-code}"
    return f"exit code {code}"


def answer(words: Sequence[str]) -> None:
    """Run a check in this process, print its finding as a line of JSON, and end the process."""
    module, _, name = words[0].partition(":")
    function: Callable[..., Finding] = getattr(importlib.import_module(module), name)
    finding = function(*words[1:])
    sys.stdout.reconfigure(encoding="utf-8")  # type: ignore[union-attr]
    sys.stdout.write("\n" + json.dumps(asdict(finding)) + "\n")
    sys.stdout.flush()
    os._exit(0)  # what a driver does when it is unloaded is not of interest
