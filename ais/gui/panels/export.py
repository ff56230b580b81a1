"""The Export tab: whole tomograms are segmented one after the other, and the volumes that were made."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ais.gui.panels.layout import faint

if TYPE_CHECKING:
    from ais.gui.app import Window


def draw(window: Window) -> None:
    """Draw the panel."""
    if window.editor.document is None:
        faint("What is exported appears here, once a tomogram is open.", window.theme.faint)
        return
