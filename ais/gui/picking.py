"""Picking particles or filaments from a segmented volume, with a preview, on one or on all tomograms."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ais.gui.scene.contents import ParticleItem

if TYPE_CHECKING:
    from ais.gui.editor import Editor


class Picking:
    """What is picked, from what, and what would come of it.

    Parameters
    ----------
    editor
        Whose tomogram it is.
    """

    def __init__(self, editor: Editor) -> None:
        self._editor = editor

    def follow(self) -> None:
        """Take in what threads have found and ask for what is next; once a frame."""

    def items(self) -> tuple[ParticleItem, ...]:
        """The preview in the scene."""
        return ()

    @property
    def seconds_to_frame(self) -> float | None:
        """When `follow` has something to do though nobody wakes the window."""
        return None
