"""The window filling the screen, and back to where it was."""

from __future__ import annotations

from typing import Any

import glfw


class FullScreen:
    """Follows what the user wants.

    Attributes
    ----------
    on
        Whether the window fills the screen.
    """

    def __init__(self) -> None:
        self.on = False
        self._place = (0, 0, 800, 600)

    def follow(self, window: Any, wanted: bool) -> None:
        """Make the window of GLFW fill its screen, or put it back."""
        if wanted == self.on:
            return
        self.on = wanted
        if not wanted:
            no_monitor: Any = None
            glfw.set_window_monitor(window, no_monitor, *self._place, 0)
            return
        self._place = (*glfw.get_window_pos(window), *glfw.get_window_size(window))
        monitor = _monitor_of(self._place)
        if monitor is not None:
            mode = glfw.get_video_mode(monitor)
            glfw.set_window_monitor(window, monitor, 0, 0, mode.size.width, mode.size.height, mode.refresh_rate)


def _monitor_of(place: tuple[int, int, int, int]) -> Any:
    """The monitor on which the middle of a window (x, y, width, height) lies, else the first one; None without any."""
    x, y = place[0] + place[2] // 2, place[1] + place[3] // 2
    monitors = glfw.get_monitors()
    for monitor in monitors:
        left, top = glfw.get_monitor_pos(monitor)
        size = glfw.get_video_mode(monitor).size
        if left <= x < left + size.width and top <= y < top + size.height:
            return monitor
    return monitors[0] if monitors else None
