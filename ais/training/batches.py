"""Batches made ahead in the background, with the time that was spent waiting for them."""

from __future__ import annotations

import os
import time
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import numpy as np
from numpy.typing import NDArray

PREFETCHED_BATCHES = 4
MOST_THREADS = 4

Batch = tuple[NDArray[np.float32], NDArray[np.uint8]]


class Batches:
    """The batches of an epoch, in order.

    They are made by a few threads while the network computes; NumPy lets go of the interpreter for most of the work.

    Parameters
    ----------
    make
        Gives the batch of a step. It is called from several threads, for several steps at once, so whatever it draws
        must depend on the step alone.
    steps
        How many there are.

    Attributes
    ----------
    waited
        Seconds for which batches were not ready when they were wanted.
    """

    def __init__(self, make: Callable[[int], Batch], steps: int) -> None:
        self._make = make
        self._steps = steps
        self.waited = 0.0

    def __iter__(self) -> Iterator[Batch]:
        pending: deque[Future[Any]] = deque()
        threads = min(max((os.cpu_count() or 1) // 2, 2), MOST_THREADS)
        pool = ThreadPoolExecutor(threads, "batches")
        try:
            for step in range(self._steps):
                pending.append(pool.submit(self._make, step))
                if len(pending) > PREFETCHED_BATCHES:
                    yield self._next(pending)
            while pending:
                yield self._next(pending)
        finally:
            pool.shutdown(cancel_futures=True)

    def _next(self, pending: deque[Future[Any]]) -> Batch:
        began = time.perf_counter()
        batch: Batch = pending.popleft().result()
        self.waited += time.perf_counter() - began
        return batch
