"""When a frame is drawn: at once while something happens, not at all while nothing does."""

from __future__ import annotations

import time
from collections.abc import Callable

import glfw

FRAMES_AFTER_EVENT = 3
"""Dear ImGui needs a few frames to show what an event has led to, such as a tooltip or the size of a window."""

WAIT_S = 0.25
TOOLTIP_S = 0.6
"""So long after the last event a frame is still drawn now and then, for what appears after a delay."""


def wake() -> None:
    """Have a frame drawn; may be called from any thread."""
    glfw.post_empty_event()


class Pacing:
    """Waits between frames until there is a reason to draw the next one.

    Parameters
    ----------
    animating
        Whether frames must follow each other without input.
    leaving
        Whether the window is to close.
    """

    def __init__(self, animating: Callable[[], bool], leaving: Callable[[], bool]) -> None:
        self._animating = animating
        self._leaving = leaving
        self._frames_left = FRAMES_AFTER_EVENT
        self._last_event = time.monotonic()
        self.frames = 0

    def wait(self) -> None:
        """Return when the next frame should be drawn."""
        self.frames += 1
        if self._frames_left > 0:
            self._frames_left -= 1
            return
        while not self._leaving() and not self._animating():
            since = time.monotonic() - self._last_event
            limit = WAIT_S if since > TOOLTIP_S else 0.1
            began = time.monotonic()
            glfw.wait_events_timeout(limit)
            if time.monotonic() - began < limit * 0.98:
                self._last_event = time.monotonic()
                self._frames_left = FRAMES_AFTER_EVENT
                return
            if since <= TOOLTIP_S:
                return
