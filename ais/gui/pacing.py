"""When a frame is drawn: at once while something happens, not at all while nothing does."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

import glfw

FRAMES_AFTER_EVENT = 3
"""Dear ImGui needs a few frames to show what an event has led to, such as a tooltip or the size of a window."""

FRAMES_AT_REST_S = (0.1, 0.2, 0.35, 0.5, 0.65, 2.2)
"""So long after the last event frames are still drawn, for what appears after a delay: tooltips, what is remembered."""

WAIT_S = 0.25
"""A signal from the system is noticed after this time."""


class Wake:
    """Has a frame drawn; may be called from any thread, also when the window is no longer there."""

    def __init__(self) -> None:
        self._guard = threading.Lock()
        self._over = False

    def __call__(self) -> None:
        """Have a frame drawn."""
        with self._guard:
            if not self._over:
                glfw.post_empty_event()

    def end(self) -> None:
        """From now on, do nothing; called before the window library is shut down."""
        with self._guard:
            self._over = True


class Pacing:
    """Waits between frames until there is a reason to draw the next one.

    Parameters
    ----------
    seconds_to_frame
        When a frame is needed without input: 0 for at once, None for never.
    leaving
        Whether the window is to close.

    Attributes
    ----------
    frames
        How many have been drawn.
    """

    def __init__(self, seconds_to_frame: Callable[[], float | None], leaving: Callable[[], bool]) -> None:
        self._seconds_to_frame = seconds_to_frame
        self._leaving = leaving
        self._frames_left = FRAMES_AFTER_EVENT
        self._last_event = time.monotonic()
        self._rest_frames = 0
        self.frames = 0

    def wait(self) -> None:
        """Return when the next frame should be drawn."""
        self.frames += 1
        if self._frames_left > 0:
            self._frames_left -= 1
            return
        frame_at = self._next_frame()
        while not self._leaving():
            now = time.monotonic()
            if now >= frame_at:
                return
            limit = min(WAIT_S, frame_at - now)
            glfw.wait_events_timeout(limit)
            if time.monotonic() - now < 0.98 * limit:
                self._last_event = time.monotonic()
                self._frames_left = FRAMES_AFTER_EVENT
                self._rest_frames = 0
                return

    def _next_frame(self) -> float:
        """When the next frame is due if no event comes, in seconds of `time.monotonic`."""
        now = time.monotonic()
        wait = self._seconds_to_frame()
        due = now + wait if wait is not None else float("inf")
        if self._rest_frames < len(FRAMES_AT_REST_S):
            rest = self._last_event + FRAMES_AT_REST_S[self._rest_frames]
            if rest <= due:
                self._rest_frames += 1
                return rest
        return due
