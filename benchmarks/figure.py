"""One line per figure: our way and a reference way timed in turn in the same run, as `id, ours, reference, ratio`.

A benchmark script makes its input, calls `compare` with two callables and is done::

    from figure import compare

    compare("T5", lambda: apply_rules(...), lambda: naive_rules(...), repeats=9)

prints ``T5, 0.0212 s, 0.812 s, 38.3``. A script whose figure is not the time of two callables (memory, frames per
second, a process it has to watch) measures by itself and calls ``report(Figure("T12", 1.1e9, 4.3e9, unit="B"))``.
"""

from __future__ import annotations

import gc
import statistics
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Figure:
    """A measured value of ours beside that of a reference.

    Parameters
    ----------
    id
        Name of the figure, such as ``"T3"`` or ``"T4 dust"``; without a comma.
    ours, reference
        The two values in `unit`; `reference` None where nothing comparable is at hand.
    unit
        Unit of both values.
    more_is_better
        True for rates, such as samples per second; False for times and sizes.
    """

    id: str
    ours: float
    reference: float | None
    unit: str = "s"
    more_is_better: bool = False

    @property
    def ratio(self) -> float | None:
        """How many times better ours is than the reference; above 1 is better, None without a reference."""
        if self.reference is None:
            return None
        better, worse = (self.ours, self.reference) if self.more_is_better else (self.reference, self.ours)
        return better / worse if worse else float("inf")

    @property
    def line(self) -> str:
        """``id, ours, reference, ratio`` with units; ``-`` stands for what there is no reference for."""
        values = [_with_unit(self.ours, self.unit), _with_unit(self.reference, self.unit)]
        ratio = "-" if self.ratio is None else f"{self.ratio:.3g}"
        return ", ".join([self.id, *values, ratio])


def report(figure: Figure) -> Figure:
    """Write the figure's line to standard output and return the figure."""
    sys.stdout.write(figure.line + "\n")
    sys.stdout.flush()
    return figure


def compare(
    id: str,
    ours: Callable[..., object],
    reference: Callable[..., object] | None,
    *,
    prepare: Callable[[], Any] | None = None,
    repeats: int = 5,
    reference_repeats: int | None = None,
    warm_up: int = 1,
) -> Figure:
    """Time two callables in turn, print the line of their medians and return the figure.

    The two alternate (ours, reference, ours, reference, ...), so that a machine that is busy for a while, or slows
    down as it warms up, does so for both. Garbage collection waits until a timed call is over.

    Parameters
    ----------
    id
        Name of the figure, as in `Figure`.
    ours, reference
        What to time. They take no argument, or, with `prepare`, the one value that it returned.
    prepare
        Called before each timed call, outside the timing, for functions that change their input.
    repeats
        Timed calls of `ours`.
    reference_repeats
        Timed calls of `reference`, spread over the run; by default as many as `repeats`. Give 1 to 3 for a
        reference that takes long.
    warm_up
        Calls of each before the timed ones (imports, caches). A reference timed only once is not warmed up.

    Returns
    -------
    Figure
        The medians in seconds.
    """
    repeats = max(1, repeats)
    reference_repeats = 0 if reference is None else min(repeats, max(1, reference_repeats or repeats))
    for _ in range(warm_up):
        _seconds(ours, prepare)
        if reference is not None and reference_repeats > 1:
            _seconds(reference, prepare)
    our_seconds: list[float] = []
    reference_seconds: list[float] = []
    for turn in range(repeats):
        our_seconds.append(_seconds(ours, prepare))
        if reference is not None and len(reference_seconds) * repeats <= turn * reference_repeats:
            reference_seconds.append(_seconds(reference, prepare))
    reference_median = statistics.median(reference_seconds) if reference_seconds else None
    return report(Figure(id, statistics.median(our_seconds), reference_median))


def _seconds(call: Callable[..., object], prepare: Callable[[], Any] | None) -> float:
    arguments = () if prepare is None else (prepare(),)
    gc.collect()
    gc.disable()
    try:
        start = time.perf_counter()
        call(*arguments)
        return time.perf_counter() - start
    finally:
        gc.enable()


def _with_unit(value: float | None, unit: str) -> str:
    return "-" if value is None else f"{value:.3g} {unit}"
