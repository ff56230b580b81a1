"""Where a person who browses is going: which pictures will be wanted next."""

from __future__ import annotations

SECONDS_AHEAD = 0.25
LEAST_AHEAD = 2
MOST_AHEAD = 16
REST_S = 1.0


class Travel:
    """Step and speed of the positions seen in one plane."""

    def __init__(self) -> None:
        self._position: int | None = None
        self._time = 0.0
        self._step = 0
        self._speed = 0.0

    @property
    def direction(self) -> int:
        """1 or -1, the way of the last step; 0 before there was one."""
        return (self._step > 0) - (self._step < 0)

    def moved(self, position: int, now: float) -> None:
        """Take note of the next position, at a time in seconds."""
        if self._position is not None and position != self._position:
            passed = max(now - self._time, 1e-3)
            turned = (position - self._position) * self._step < 0
            self._step = position - self._position
            speed = abs(self._step) / passed
            self._speed = speed if turned or passed > REST_S else 0.5 * (self._speed + speed)
        self._position, self._time = position, now

    def ahead(self, count: int) -> list[int]:
        """Positions among `count` that are likely to come, likeliest first.

        The faster one goes, the more: what is passed in a quarter of a second, at least 2 and at most 16. Whoever
        goes in strides (page keys) is expected to make another one, or to look at the neighbours.
        """
        if self._position is None:
            return []
        here, way, stride = self._position, self.direction, abs(self._step)
        if not way:
            wanted = [here + 1, here - 1]
        elif stride == 1:
            steps = min(max(LEAST_AHEAD, round(self._speed * SECONDS_AHEAD)), MOST_AHEAD)
            wanted = [here + way * k for k in range(1, steps + 1)]
        else:
            wanted = [here + self._step, here + way, here + 2 * self._step, here - way, here + 2 * way]
        return [position for position in dict.fromkeys(wanted) if 0 <= position < count]
