"""What a process holds: memory, files, threads, child processes, and names in the graphics driver."""

from __future__ import annotations

import ctypes
import gc
import os
import threading
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median

GL_KINDS = ("Texture", "Buffer", "Framebuffer", "Renderbuffer", "VertexArray", "Program", "Shader", "Query", "Sampler")
NAMES_TRIED = 6000
"""A driver gives the lowest free number as a name, so all that are in use lie below some hundreds."""


MANY = 30


@dataclass(frozen=True)
class Held:
    """What a process holds at one moment.

    Attributes
    ----------
    memory
        Resident bytes.
    files
        Number of open file handles.
    threads
        Of Python, and of the system.
    children
        Number of child processes.
    """

    memory: int
    files: int
    threads: tuple[int, int]
    children: int

    @property
    def handles(self) -> tuple[int, int, int, int]:
        """All but the memory, which is never quite the same."""
        return (self.files, *self.threads, self.children)


def held(process: int | None = None) -> Held:
    """What this process holds, or another; what Python needs no more is freed first."""
    if process is None:
        gc.collect()
    place = Path("/proc") / ("self" if process is None else str(process))
    resident = int((place / "statm").read_text(encoding="ascii").split()[1]) * os.sysconf("SC_PAGE_SIZE")
    python = threading.active_count() if process is None else 0
    threads = python, len(os.listdir(place / "task"))
    return Held(resident, len(os.listdir(place / "fd")), threads, len(children(process or os.getpid())))


def open_files(process: int | None = None) -> list[str]:
    """Names of what is behind a process's file handles, without those of pipes and the like."""
    place = Path("/proc") / ("self" if process is None else str(process)) / "fd"
    return sorted(name for each in place.iterdir() if (name := _target(each)).startswith("/"))


def objects() -> dict[str, int]:
    """How many objects of Python there are in all, and of each class of Ais of which there are more than a few."""
    every = [type(each) for each in gc.get_objects()]
    counts = Counter(kind.__qualname__ for kind in every if str(kind.__module__).startswith("ais."))
    return {"all": len(every), **{name: count for name, count in counts.most_common() if count > MANY}}


def memory_in_use(process: int | None = None) -> int:
    """Bytes of a process that are no one else's and no file's."""
    place = Path("/proc") / ("self" if process is None else str(process)) / "smaps_rollup"
    lines = place.read_text(encoding="ascii").splitlines()
    return 1024 * sum(int(line.split()[1]) for line in lines if line.startswith("Anonymous:"))


def children(process: int) -> list[int]:
    """The child processes that a process has, as the system lists them."""
    found = []
    for place in Path("/proc").iterdir():
        if place.name.isdigit():
            try:
                after_name = (place / "stat").read_text(encoding="ascii", errors="replace").rpartition(")")[2].split()
            except OSError:  # it has ended meanwhile
                continue
            if int(after_name[1]) == process:
                found.append(int(place.name))
    return sorted(found)


def _target(link: Path) -> str:
    try:
        return str(link.readlink())
    except OSError:  # the handle with which the folder was read
        return ""


def give_back_freed_memory() -> None:
    """Have the C library give back what is free: how it is scattered is chance, and no leak."""
    ctypes.CDLL(None).malloc_trim(0)


def names_in_the_driver() -> dict[str, int]:
    """How many names of each kind OpenGL knows in the current context, whoever made them."""
    from ais.gui.gl.binding import GL

    counts = {}
    for kind in GL_KINDS:
        known = getattr(GL, f"glIs{kind}")
        counts[kind] = sum(bool(known(name)) for name in range(1, NAMES_TRIED))
    return counts


def growth(values: Sequence[float], warm_up: float = 1 / 3) -> float:
    """How much the median of the last third of what is left after warming up is above that of the first third.

    >>> growth([9.0, 10.0, 10.0, 10.0, 11.0, 11.0], warm_up=0.0)
    0.15789473684210525
    """
    left = list(values)[round(len(values) * warm_up) :]
    third = max(1, len(left) // 3)
    return median(left[-third:]) / median(left[:third]) - 1
