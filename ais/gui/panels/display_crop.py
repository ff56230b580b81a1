"""Draws the region of the tomogram that is worked on."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from imgui_bundle import imgui

from ais.gui.document import Crop
from ais.gui.panels.layout import disabled, em, faint, section
from ais.gui.state import Tool

if TYPE_CHECKING:
    from ais.gui.app import Window


class CropFields:
    """The numbers while they are being typed or dragged; the edit is made when that has ended."""

    def __init__(self) -> None:
        self._pending: Crop | None = None

    def draw(self, window: Window) -> None:
        """Draw the section."""
        editor = window.editor
        crop, shown = editor.snapshot.crop, editor.shown
        title = "Crop region (on)###crop" if crop is not None else "Crop region###crop"
        if shown is None or not section(title, window.theme):
            return
        nz, ny, nx = shown.shape
        whole = Crop((0, nz), (0, ny), (0, nx))
        now = self._pending or crop or whole
        new, ended = now, False
        for axis, count in (("z", nz), ("y", ny), ("x", nx)):
            first, last = getattr(now, axis)
            imgui.align_text_to_frame_padding()
            imgui.text(f"{axis} from, to")
            imgui.same_line(em(6.2))
            imgui.set_next_item_width(-1)
            changed, (first, end) = imgui.drag_int2(f"##crop {axis}", [first, last], 0.5, 0, count)
            ended = ended or imgui.is_item_deactivated_after_edit()
            if changed:
                first = min(max(first, 0), count - 1)
                new = replace(new, **{axis: (first, min(max(end, first + 1), count))})
        imgui.set_item_tooltip("In voxels; the second number is one past the last")
        self._pending = new if new not in (crop or whole,) else None
        if ended and self._pending is not None:
            editor.sight.set_crop(None if self._pending == whole else self._pending)
            self._pending = None
        if imgui.button("Draw region"):
            editor.state.tool = Tool.CROP
        imgui.set_item_tooltip("Then drag a rectangle in the XY view (C)")
        imgui.same_line()
        with disabled(crop is None):
            if imgui.button("Clear region"):
                editor.sight.set_crop(None)
        if crop is None:
            faint("Segmenting and exporting then work only there; files keep their full size.", window.theme.faint)


def draw(window: Window) -> None:
    """Draw the section."""
    window.part(CropFields).draw(window)
