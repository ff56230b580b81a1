"""Draws the pages over the panels: the first page, and those about the editor itself."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ais.gui.panels import first_page

if TYPE_CHECKING:
    from ais.gui.app import Window


def draw(window: Window) -> None:
    """Draw those that are open."""
    if first_page.is_shown(window):
        first_page.draw(window)
    else:
        window.welcome.forget()
