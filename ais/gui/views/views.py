"""Draws the views of the tomogram: XY, and XZ and YZ when they are wanted."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ais.gui.app import Window


class Views:
    """The three planes, and what the graphics card keeps for them."""

    def draw(self, window: Window) -> None:
        """Draw the planes that are shown, into the window that Dear ImGui is drawing."""
        del window

    def release(self) -> None:
        """Free what the graphics card keeps; called before the window closes."""
