"""Segmented volumes of the tomogram on the screen as surfaces: found, meshed in threads, looked at."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ais.gui.scene.contents import SurfaceItem

if TYPE_CHECKING:
    from ais.gui.editor import Editor


class SceneVolumes:
    """The volumes of the tomogram on the screen, and their surfaces.

    Parameters
    ----------
    editor
        Whose tomogram they belong to.
    """

    def __init__(self, editor: Editor) -> None:
        self._editor = editor

    def follow(self) -> None:
        """Take in what threads have made and have made what is missing; once a frame."""

    def items(self) -> tuple[SurfaceItem, ...]:
        """What of it is in the scene."""
        return ()

    @property
    def seconds_to_frame(self) -> float | None:
        """When `follow` has something to do though nobody wakes the window."""
        return None
