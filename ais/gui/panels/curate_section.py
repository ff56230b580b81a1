"""The part of the Models tab that leads to what should be corrected: the Curator and the least certain places."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ais.gui.app import Window


def draw(window: Window) -> None:
    """Draw this part of the Models tab."""
    del window
