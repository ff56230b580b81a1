"""What the flood brush would paint, tinted under the cursor."""

from __future__ import annotations

import numpy as np
from imgui_bundle import ImVec2

from ais.annotation.flood import Part
from ais.gui.editor import Editor
from ais.gui.theme import packed
from ais.gui.tools import Pointer
from ais.gui.tools.flood_preview import FloodPreview
from ais.gui.views.canvas import Canvas
from ais.gui.views.tool_marks import selected_colour

ALPHA = 0.35

Runs = tuple[list[int], list[int], list[int]]
"""Rows, first columns, and one past the last columns."""


class FloodOverlay:
    """Draws the preview of the flood brush, as one rectangle for each run of pixels."""

    def __init__(self) -> None:
        self._preview = FloodPreview()
        self._part: Part | None = None
        self._runs: Runs = ([], [], [])

    def draw(self, editor: Editor, canvas: Canvas, pointer: Pointer) -> None:
        """Tint the region under the pointer."""
        part = self._preview.at(editor, pointer)
        if part is None:
            return
        if part is not self._part:
            self._part, self._runs = part, _runs(part)
        colour = packed(selected_colour(editor), ALPHA)
        for row, first, end in zip(*self._runs, strict=True):
            x0, y0 = canvas.view.to_screen(row + 0.5, first - 0.5)
            x1, y1 = canvas.view.to_screen(row - 0.5, end - 0.5)
            canvas.draw_list.add_rect_filled(ImVec2(x0, y0), ImVec2(x1, y1), colour)


def _runs(part: Part) -> Runs:
    """The runs of painted pixels, row by row, in the slice's coordinates."""
    y0, x0, mask = part
    steps = np.diff(np.pad(mask != 0, ((0, 0), (1, 1))).astype(np.int8), axis=1)
    rows, first = np.nonzero(steps == 1)
    _, end = np.nonzero(steps == -1)
    return (rows + y0).tolist(), (first + x0).tolist(), (end + x0).tolist()
