"""A small square in the colour of a feature, before its name."""

from __future__ import annotations

from imgui_bundle import ImVec2, imgui

from ais.gui.theme import Rgb, packed

SIDE = 0.75
"""In heights of a line."""


def swatch(rgb: Rgb, *, in_frame: bool = False) -> None:
    """Draw it, centred in the line, and stay in the line.

    Parameters
    ----------
    rgb
        Its colour.
    in_frame
        Whether the line is as high as a field.
    """
    height = imgui.get_frame_height() if in_frame else imgui.get_text_line_height()
    side = round(SIDE * imgui.get_text_line_height())
    corner = imgui.get_cursor_screen_pos()
    low = ImVec2(round(corner.x), round(corner.y + (height - side) / 2))
    imgui.get_window_draw_list().add_rect_filled(low, ImVec2(low.x + side, low.y + side), packed(rgb), 2.0)
    imgui.dummy(ImVec2(side, height))
    imgui.same_line(0, imgui.get_style().item_inner_spacing.x)
