"""Which process, among all of all machines: for files that say who is at work."""

from __future__ import annotations

import os
from pathlib import Path

PROC = Path("/proc")
ENDED = "ZX"
"""States of processes that have ended and are still listed."""


def identity_of_this_process() -> str:
    """A text that no other process has, now or ever; empty where the system does not tell enough (other than Linux)."""
    place, started = _place(), _state_and_start(os.getpid())
    return f"{place} {os.getpid()} {started[1]}" if place and started else ""


def has_ended(identity: str) -> bool:
    """Whether the process of an identity has certainly ended; False where that cannot be known from here.

    Only a process of this machine, since it was started last, and of this container can be known to have ended.
    """
    place, _, process = identity.rpartition(" ")[0].rpartition(" ")
    started = identity.rpartition(" ")[2]
    if not place or place != _place() or not process.isdecimal():
        return False
    try:
        os.kill(int(process), 0)  # a process of another user may be hidden in /proc
    except ProcessLookupError:
        return True
    except (OSError, OverflowError):
        return False
    found = _state_and_start(int(process))
    if found is None:
        return False
    return found[1] != started or (found[0] in ENDED and not _has_threads(int(process)))


def _place() -> str:
    """The machine as it was started last, and the container, within which process numbers mean something."""
    try:
        boot = (PROC / "sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
        container = (PROC / "self/ns/pid").readlink()
    except (OSError, ValueError):
        return ""
    return f"{boot} {container}"


def _has_threads(process: int) -> bool:
    """Whether threads of a process live on after its first one has ended, and hold its files open."""
    try:
        return len(os.listdir(PROC / str(process) / "task")) > 1
    except OSError:
        return False


def _state_and_start(process: int) -> tuple[str, str] | None:
    """The state of a process, one letter, and its start in ticks of the machine; None if they are not told."""
    try:
        fields = (PROC / str(process) / "stat").read_bytes().rpartition(b")")[2].split()
        return fields[0].decode(), fields[19].decode()
    except (OSError, IndexError, ValueError):
        return None
