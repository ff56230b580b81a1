"""Pictures of the particles of a set, cut out of the tomogram, to look them through."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ais.gui.editor import Editor


class Gallery:
    """Which pictures are shown, in which order, and how they are made.

    Parameters
    ----------
    editor
        Whose tomogram and sets they are of.
    """

    def __init__(self, editor: Editor) -> None:
        self._editor = editor
        self.open = False

    def follow(self) -> None:
        """Take in pictures that have been made."""
