"""From where the scene is seen, how it is drawn, and what is selected in it; nothing here can be undone."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ais.gui.scene.contents import SceneLook, SliceItem

if TYPE_CHECKING:
    from ais.gui.editor import Editor


class SceneViewState:
    """The view of the scene.

    Parameters
    ----------
    editor
        Whose scene it is.

    Attributes
    ----------
    look
        How it is drawn.
    """

    def __init__(self, editor: Editor) -> None:
        self._editor = editor
        self.look = SceneLook()

    def follow(self) -> None:
        """Keep the view true to the tomogram on the screen; once a frame."""

    def slices(self) -> tuple[SliceItem, ...]:
        """Slices of the tomogram in the scene."""
        return ()

    @property
    def seconds_to_frame(self) -> float | None:
        """When `follow` has something to do though nobody wakes the window."""
        return None
