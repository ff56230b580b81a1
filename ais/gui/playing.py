"""Slices shown one after the other, as a movie, as long as `EditorState.playing` says."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ais.gui.editor import Editor


class Playing:
    """Goes from slice to slice, and from the last to the first.

    Parameters
    ----------
    editor
        Whose slices.
    """

    def __init__(self, editor: Editor) -> None:
        self._editor = editor
        self._moved_at = 0.0

    def follow(self) -> None:
        """Show the next slice when its time has come; once a frame."""
        editor = self._editor
        wait = self.seconds_to_frame
        if wait is None or wait > 0:
            return
        self._moved_at = time.monotonic()
        before = editor.state.z
        editor.sight.step(1)
        if editor.state.z == before:
            crop = editor.snapshot.crop
            editor.sight.go_to(z=crop.z[0] if crop is not None else 0)

    @property
    def seconds_to_frame(self) -> float | None:
        """When the next slice is due, 0 for now; None while nothing is played."""
        rate = self._editor.state.playing
        if rate <= 0 or self._editor.shown is None:
            return None
        return max(0.0, self._moved_at + 1 / rate - time.monotonic())
