"""Draws the pages over the panels: the first page, the palette, and those about the editor itself."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ais.gui.panels import about, first_page, library_page, palette, relink_page, settings_page, shortcuts_page

if TYPE_CHECKING:
    from ais.gui.app import Window


def draw(window: Window) -> None:
    """Draw those that are open."""
    if first_page.is_shown(window):
        first_page.draw(window)
    else:
        window.welcome.forget()
    shell = window.editor.shell
    for is_open, page in (
        (shell.palette, palette.draw),
        (shell.shortcuts, shortcuts_page.draw),
        (shell.settings, settings_page.draw),
        (shell.about, about.draw_about),
        (shell.messages, about.draw_messages),
        (shell.feature_library, library_page.draw),
        (shell.relinking is not None, relink_page.draw),
    ):
        if is_open:
            page(window)
            break  # one at a time
