"""A square in the colour of something in a list; clicked, it opens the palette and a picker."""

from __future__ import annotations

from collections.abc import Callable

from imgui_bundle import ImVec2, ImVec4, imgui

from ais.annotation.feature_operations import PALETTE
from ais.gui.panels.layout import disabled, em
from ais.gui.theme import Rgb

SHARE = 0.72
"""Of the height of a field."""
COLUMNS, CELL, GAP = 6, 1.7, 0.3
POPUP = "colour"
SQUARE_FLAGS = int(
    imgui.ColorEditFlags_.no_tooltip | imgui.ColorEditFlags_.no_drag_drop | imgui.ColorEditFlags_.no_alpha
)
PICKER_FLAGS = int(
    imgui.ColorEditFlags_.no_side_preview
    | imgui.ColorEditFlags_.no_small_preview
    | imgui.ColorEditFlags_.display_hex
    | imgui.ColorEditFlags_.display_rgb
)


def colour_square(now: Rgb, *, tooltip: str = "Choose a colour") -> bool:
    """Draw it in the middle of the line; True where it was clicked, which opens what `colour_popup` draws."""
    height = imgui.get_frame_height()
    side = round(height * SHARE)
    imgui.set_cursor_pos_y(imgui.get_cursor_pos_y() + round((height - side) / 2))
    pressed = imgui.color_button("##Colour", ImVec4(*now, 1), SQUARE_FLAGS, ImVec2(side, side))
    if pressed:
        imgui.open_popup(POPUP)
    imgui.set_item_tooltip(tooltip)
    return pressed


def colour_popup(
    now: Rgb,
    choose: Callable[[Rgb], object],
    preview: Callable[[Rgb], object],
    keep: Callable[[], object],
    *,
    read_only: bool = False,
) -> None:
    """Draw the palette and the picker while they are open; each colour is from 0 to 1.

    Parameters
    ----------
    now
        What is shown in the picker.
    choose
        Told a colour of the palette.
    preview
        Told the colour of the picker while it changes.
    keep
        Told that the colour that was last previewed stays.
    read_only
        Whether it can only be looked at.
    """
    if not imgui.begin_popup(POPUP):
        return
    side, gap = em(CELL), em(GAP)
    with disabled(read_only):
        for number, colour in enumerate(PALETTE):
            if number % COLUMNS:
                imgui.same_line(0, gap)
            if imgui.color_button(f"##palette {number}", ImVec4(*colour, 1), SQUARE_FLAGS, ImVec2(side, side)):
                choose(colour)
                imgui.close_current_popup()
        imgui.set_next_item_width(COLUMNS * side + (COLUMNS - 1) * gap)
        changed, picked = imgui.color_picker3("##picker", list(now), PICKER_FLAGS)
        if changed:
            red, green, blue = (min(max(float(part), 0.0), 1.0) for part in list(picked)[:3])
            preview((red, green, blue))
        if imgui.is_item_deactivated_after_edit():
            keep()
    imgui.end_popup()
