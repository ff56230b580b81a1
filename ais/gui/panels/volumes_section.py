"""Draws a section of the Render tab. Segmented volumes of the tomogram on the screen, and how their surfaces look."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ais.gui.app import Window


def draw(window: Window) -> None:
    """Draw this part of the Render tab."""
    del window
