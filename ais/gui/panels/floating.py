"""Windows beside which one can go on working: where they appear, never larger than there is room."""

from __future__ import annotations

from typing import TYPE_CHECKING

from imgui_bundle import ImVec2, imgui

from ais.gui.panels.layout import em

if TYPE_CHECKING:
    from ais.gui.editor import Editor

FLOATING = int(imgui.WindowFlags_.no_collapse | imgui.WindowFlags_.no_docking | imgui.WindowFlags_.no_saved_settings)
"""Flags of such windows."""
STILL = int(imgui.WindowFlags_.no_scrollbar | imgui.WindowFlags_.no_scroll_with_mouse)
"""Further flags of those that hold a part which scrolls by itself."""
SHARE_OF_ROOM = 0.94
LEAST_WIDTH = 24.0


def place_over_views(editor: Editor, width: float, height: float, least_height: float) -> None:
    """Have the next window appear in the middle of the views, so that the panels on the left stay in sight.

    Parameters
    ----------
    editor
        Whose views.
    width, height
        In em, as far as there is room.
    least_height
        In em; the user cannot make it smaller.
    """
    viewport = imgui.get_main_viewport()
    largest = ImVec2(viewport.work_size.x * SHARE_OF_ROOM, viewport.work_size.y * SHARE_OF_ROOM)
    size = ImVec2(min(em(width), largest.x), min(em(height), largest.y))
    imgui.set_next_window_size(size, imgui.Cond_.appearing)
    right = viewport.work_pos.x + viewport.work_size.x
    middle = min(max((editor.view("xy").origin[0] + right) / 2, 0.0), right - size.x / 2 - em(1))
    centre = ImVec2(max(middle, viewport.work_pos.x + size.x / 2), viewport.get_work_center().y)
    imgui.set_next_window_pos(centre, imgui.Cond_.appearing, ImVec2(0.5, 0.5))
    least = ImVec2(min(em(LEAST_WIDTH), largest.x), min(em(least_height), largest.y))
    imgui.set_next_window_size_constraints(least, largest)


def place_over_slice(editor: Editor, width: float, height: float, least: float) -> None:
    """Have the next window appear in the middle of the slice; lengths in em, at least `least` each way."""
    view = editor.view("xy")
    (left, top), (across, down) = view.origin, view.size
    size = ImVec2(
        max(min(em(width), across * SHARE_OF_ROOM), em(least)), max(min(em(height), down * SHARE_OF_ROOM), em(least))
    )
    imgui.set_next_window_size(size, imgui.Cond_.appearing)
    imgui.set_next_window_pos(ImVec2(left + across / 2, top + down / 2), imgui.Cond_.appearing, ImVec2(0.5, 0.5))
