"""How long a job will still take, from the smoothed rate of its progress."""

from __future__ import annotations

import math

SMOOTHING_S = 15.0
"""What happened longer ago than this has little weight."""
UNKNOWN_FOR_S = 1.0
"""Nothing is foretold from a shorter time than this."""


class RemainingTime:
    """An estimate that follows the rate of a job without jumping with each of its steps."""

    def __init__(self) -> None:
        self._total = self._done = self._rate = 0.0
        self._begun = self._at = 0.0

    def update(self, done: float, total: float, elapsed: float) -> float | None:
        """Take in a report of progress.

        Parameters
        ----------
        done, total
            Steps done and in all; `total` 0 means that it is not known.
        elapsed
            Seconds since the job began.

        Returns
        -------
        float or None
            Seconds left from now on; None while it cannot be told. When the job starts counting anew, so does the
            estimate.
        """
        if total != self._total or done < self._done:
            self._total = total
            self._begin(done, elapsed)
        step = elapsed - self._at
        if step > 0 and done > self._done:
            # At first the plain mean of the rates so far; later an exponential mean, which forgets.
            weight = max(step / (elapsed - self._begun), 1 - math.exp(-step / SMOOTHING_S))
            self._rate += weight * ((done - self._done) / step - self._rate)
            self._done, self._at = done, elapsed
        if total <= 0 or self._rate <= 0 or elapsed - self._begun < UNKNOWN_FOR_S:
            return None
        return max(0.0, (total - done) / self._rate - (elapsed - self._at))

    def _begin(self, done: float, elapsed: float) -> None:
        self._done = done
        self._begun = self._at = elapsed
        self._rate = 0.0
