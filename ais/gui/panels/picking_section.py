"""Draws a section of the Render tab. Picking particles from a segmented volume."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ais.gui.app import Window


def draw(window: Window) -> None:
    """Draw this part of the Render tab."""
    del window
