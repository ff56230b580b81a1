"""Draws which slices of the tomogram are annotated, as a strip in which one can jump."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from typing import TYPE_CHECKING

from imgui_bundle import ImVec2, imgui
from imgui_bundle import icons_fontawesome_6 as icons

from ais.gui.feature_preview import shown_feature
from ais.gui.panels.command_button import command_button, flowing_buttons
from ais.gui.panels.layout import em, faint, section
from ais.gui.theme import packed

if TYPE_CHECKING:
    from ais.gui.app import Window


def draw(window: Window) -> None:
    """Draw the section."""
    editor = window.editor
    shown = editor.shown
    slices = editor.snapshot.annotated.get(editor.state.feature or 0, ())
    if shown is None:
        return
    count = f"{len(slices)} annotated slice{'s' if len(slices) != 1 else ''}" if slices else "Annotated slices"
    if not section(f"{count}###annotated slices", window.theme, is_open=True):
        return
    if not slices:
        faint("None in this tomogram yet: paint in the view.", window.theme.faint)
        return
    command_button(window, "slice.previous_annotated", "Previous annotated", icon=icons.ICON_FA_CHEVRON_LEFT)
    imgui.same_line(0, em(0.3))
    width = imgui.get_content_region_avail().x - em(2.2)
    chosen = _strip(window, slices, shown.shape[0], width)
    imgui.same_line(0, em(0.3))
    command_button(window, "slice.next_annotated", "Next annotated", icon=icons.ICON_FA_CHEVRON_RIGHT)
    if chosen is not None:
        editor.sight.go_to(z=chosen)
    flowing_buttons(
        window,
        ("slice.interpolate", "Interpolate"),
        ("slice.copy_on", "Copy to next"),
        ("slice.fill_holes", "Fill holes"),
        ("slice.clear", "Clear slice"),
    )


def _strip(window: Window, slices: Sequence[int], depth: int, width: float) -> int | None:
    """Draw the strip; gives the slice that has been chosen."""
    editor, theme = window.editor, window.theme
    low = imgui.get_cursor_screen_pos()
    size = ImVec2(max(width, em(2)), imgui.get_frame_height())
    pressed = imgui.invisible_button("Annotated slices", size)
    letters = imgui.get_window_draw_list()
    high = ImVec2(low.x + size.x, low.y + size.y)
    letters.add_rect_filled(low, high, packed(theme.field), 3.0)
    feature = shown_feature(editor, editor.state.feature)
    ink = packed(feature.colour if feature is not None else theme.faint)
    margin, room = em(0.25), size.x - 2 * em(0.25)
    wide = max(room / max(depth, 1), 2.0)
    drawn = -1
    for z in slices:
        left = round(low.x + margin + room * z / max(depth, 1))
        if left > drawn:
            drawn = left
            letters.add_rect_filled(ImVec2(left, low.y + em(0.3)), ImVec2(left + wide, high.y - em(0.3)), ink)
    x = low.x + margin + room * (editor.state.z + 0.5) / max(depth, 1)
    letters.add_line(ImVec2(x, low.y), ImVec2(x, high.y), packed(theme.text), 1.5)
    if not imgui.is_item_hovered():
        return None
    wanted = (imgui.get_mouse_pos().x - low.x - margin) / room * depth - 0.5
    found = nearest(slices, wanted)
    imgui.set_tooltip(f"Slice {found} of {depth} is annotated; click to go there")
    return found if pressed else None


def nearest(slices: Sequence[int], wanted: float) -> int:
    """The one of some sorted slices that is nearest to a position; of two, the lower one."""
    at = bisect_left(slices, wanted)
    around = slices[max(at - 1, 0) : at + 1]
    return min(around, key=lambda z: abs(z - wanted))
