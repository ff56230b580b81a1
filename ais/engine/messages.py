"""What the window's process and the compute process say to each other, pickled through one pipe.

Measured on two cores with arrays of 1 and 4 MB: plain pickling costs the window's reading thread 0.7 and 3 to 5 ms, and
makes its drawing thread late by 0.1 ms (median; 4 ms at most). Buffers sent beside the pickle gained nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ais.engine.job import JobState


@dataclass(frozen=True)
class Run:
    """To the compute process: do this; an urgent one at the next checkpoint."""

    number: int
    task: str
    arguments: Mapping[str, Any]
    urgent: bool


@dataclass(frozen=True)
class Cancel:
    """To the compute process: stop this job at its next checkpoint, or do not begin it."""

    number: int


@dataclass(frozen=True)
class Stop:
    """To the compute process: cancel everything and end."""


@dataclass(frozen=True)
class Ready:
    """To the window: tasks can be done now."""


@dataclass(frozen=True)
class Started:
    """To the window: this job runs, perhaps inside another that has reached a checkpoint."""

    number: int


@dataclass(frozen=True)
class Advanced:
    """To the window: how far a job is, if it has said so since the last time, and its new log lines.

    Attributes
    ----------
    progress
        (done, total, text, seconds since its start), or None.
    """

    number: int
    progress: tuple[float, float, str, float] | None
    lines: tuple[str, ...]


@dataclass(frozen=True)
class Published:
    """To the window: values that a job shows while it runs, by name; those of other names stay."""

    number: int
    values: Mapping[str, Any]


@dataclass(frozen=True)
class Stopping:
    """To the window: the job has seen that it is cancelled and puts things in order."""

    number: int


@dataclass(frozen=True)
class Computing:
    """To the window: the processor that computes networks, such as ``"CPU (bf16)"``."""

    device: str


@dataclass(frozen=True)
class Ended:
    """To the window, exactly once for each `Run`: how a job ended."""

    number: int
    state: JobState
    result: Any = None
    error: str = ""


ToProcess = Run | Cancel | Stop
ToWindow = Ready | Started | Advanced | Published | Stopping | Computing | Ended
