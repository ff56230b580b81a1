"""Draws the bar at the bottom."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ais.gui.app import Window


def draw(window: Window) -> None:
    """Draw it."""
    del window
