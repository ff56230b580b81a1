"""What each worker computes on: a GPU of its own, or a share of the CPU's cores."""

from __future__ import annotations

import logging
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise

from ais.errors import AisError

VISIBLE = "CUDA_VISIBLE_DEVICES"
THREADS = ("TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS", "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS")
"""Where TensorFlow, PyTorch and NumPy read how many threads to use; JAX goes by the cores that the process may use."""
CORES_EACH = 4
BYTES_EACH = 3 << 30
"""Cores, and memory, for each worker on the CPU that `auto` makes."""
COUNT_LIMIT_S = 120.0
COUNT = """
import sys
from ais.models.backend import load_backend
sys.stdout.write(str(len(load_backend().gpus())))
"""
log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Processor:
    """What one worker computes on.

    Attributes
    ----------
    device
        As of `ais.models.backend.start`, asked for in the worker.
    gpu
        What CUDA_VISIBLE_DEVICES is set to there, so that it sees one GPU, or none; None: as it is.
    cores
        Those that it may use, where the system can bind it to them, and as many threads as there are; empty: all.
    """

    device: str
    gpu: str | None = None
    cores: tuple[int, ...] = ()

    def __str__(self) -> str:
        return f"GPU {self.gpu}" if self.device == "gpu" else "the CPU"

    def take(self) -> None:
        """Bind this process to it; before any library that computes is loaded."""
        if self.gpu is not None:
            os.environ[VISIBLE] = self.gpu
        if not self.cores:
            return
        for name in THREADS:
            os.environ[name] = str(len(self.cores))
        if sys.platform == "linux":
            os.sched_setaffinity(0, self.cores)


def processors(
    workers: str | None, device: str, named: Callable[[], int] | None = None, usable: Callable[[], int] | None = None
) -> list[Processor]:
    """What the workers of a call compute on; empty if it needs none and computes itself.

    Parameters
    ----------
    workers
        ``"auto"``: one for each GPU, or else one for every four cores as far as memory goes; a number: as many, which
        share the GPUs or the CPU; None: one for each GPU if there are several to use, else none.
    device
        ``"auto"``, ``"cpu"``, ``"gpu"`` or ``"gpu:0,1"``.
    named, usable
        Say how many GPUs there are, and how many of them can be used; by default `named_gpus` and `usable_gpus`.

    Raises
    ------
    AisError
        If `workers` or `device` is none of these.
    """
    from ais.models.backend import parse_device

    wished = _number(workers)
    kind, gpus = parse_device(device)
    if kind != "cpu" and not gpus:
        there = (named or named_gpus)()
        if workers is None and there < 2:
            return []
        gpus = tuple(range((usable or usable_gpus)() if there else 0))
    if gpus:
        count = wished or len(gpus)
        chosen = [Processor("gpu", _visible(gpus[index % len(gpus)])) for index in range(count)]
    elif kind == "gpu":
        return []  # where it is asked for, it is said that there is none
    else:
        count = wished or (1 if workers is None else _workers_on_cpu())
        chosen = _shares_of_cpu(count)
    return chosen if wished or count > 1 else []


def named_gpus() -> int:
    """How many GPUs NVIDIA's driver names, of those that this process may see; it takes a moment."""
    from ais.installation.graphics_cards import ask_driver, hidden_by

    visible = os.environ.get(VISIBLE)
    if hidden_by(visible) is not None:
        return 0
    named = len(ask_driver()[2])
    return named if visible is None else min(named, len(visible.split(",")))


def usable_gpus() -> int:
    """How many GPUs the backend for networks finds, asked in a process of its own, which takes seconds.

    If it finds none, a sentence says so.
    """
    ask = [sys.executable, "-c", COUNT]
    try:
        asked = subprocess.run(
            ask, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=COUNT_LIMIT_S, check=False
        )
        found = int(asked.stdout) if asked.returncode == 0 else 0
    except (OSError, ValueError, subprocess.TimeoutExpired):
        found = 0
    if not found:
        log.warning("The GPUs of this machine cannot be used, so the CPU computes: see ais doctor.")
    return found


def _number(workers: str | None) -> int:
    """0 if none is given."""
    if workers is None or workers == "auto":
        return 0
    if not (workers.isascii() and workers.isdecimal() and int(workers)):
        raise AisError(f"--workers must be auto or a whole number from 1, not '{workers}'.")
    return int(workers)


def _visible(gpu: int) -> str:
    """The name of a GPU among those that this process may see itself."""
    names = os.environ.get(VISIBLE)
    listed = [] if names is None else names.split(",")
    return listed[gpu].strip() if gpu < len(listed) else str(gpu)


def _shares_of_cpu(count: int) -> list[Processor]:
    cores = _cores()
    if count > len(cores):  # more than there are: the system shares out what there is, one thread for each
        return [Processor("cpu", "-1", (cores[index % len(cores)],)) for index in range(count)]
    bounds = [index * len(cores) // count for index in range(count + 1)]
    return [Processor("cpu", "-1", tuple(cores[start:stop])) for start, stop in pairwise(bounds)]


def _workers_on_cpu() -> int:
    from ais.installation.machine import free_memory

    free = free_memory()
    fitting = len(_cores()) if free is None else free // BYTES_EACH
    return max(1, min(len(_cores()) // CORES_EACH, fitting))


def _cores() -> list[int]:
    every = range(os.cpu_count() or 1)
    return sorted(os.sched_getaffinity(0) if sys.platform == "linux" else every)
