"""Sets of particles of the tomogram on the screen: picked, loaded, coloured, edited."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ais.gui.scene.contents import ParticleItem

if TYPE_CHECKING:
    from ais.gui.editor import Editor


class ParticleSets:
    """The sets of the tomogram on the screen.

    Parameters
    ----------
    editor
        Whose project they are in.
    """

    def __init__(self, editor: Editor) -> None:
        self._editor = editor

    def follow(self) -> None:
        """Take in what has changed; once a frame."""

    def items(self) -> tuple[ParticleItem, ...]:
        """What of them is in the scene."""
        return ()
