"""Draws the palette: a field to type in, and the commands that fit."""

from __future__ import annotations

from typing import TYPE_CHECKING

from imgui_bundle import ImVec2, imgui, imgui_ctx

from ais.gui.commands import Command
from ais.gui.keys import readable
from ais.gui.palette import remember
from ais.gui.panels.modal import modal

if TYPE_CHECKING:
    from ais.gui.app import Window

WIDTH, TOP, ROWS, PAGE = 38.0, 4.0, 11, 10


def draw(window: Window) -> None:
    """Draw it while it is open, and run what is chosen."""
    chosen = _draw_page(window)
    if chosen is not None:
        editor = window.editor
        editor.settings.recent_commands = remember(chosen.name, editor.settings.recent_commands)
        chosen.run(editor)


def _draw_page(window: Window) -> Command | None:
    editor, palette = window.editor, window.palette
    chosen = None
    with modal("Find a command###palette", WIDTH, top=TOP, flags=imgui.WindowFlags_.no_title_bar) as stays:
        if stays is None:
            return None
        appearing = imgui.is_window_appearing()
        if appearing:
            imgui.set_keyboard_focus_here()
            palette.find("", editor)
        imgui.set_next_item_width(-1)
        entered, text = imgui.input_text_with_hint(
            "##Type to find a command", "Type to find a command", palette.text, imgui.InputTextFlags_.enter_returns_true
        )
        if text != palette.text:
            palette.find(text, editor)
        moved = _move(window)
        chosen = _draw_found(window, moved)
        if entered:
            chosen = palette.chosen()
            if chosen is None:
                imgui.set_keyboard_focus_here(-1)
        outside = imgui.is_mouse_clicked(0) and not imgui.is_window_hovered(imgui.HoveredFlags_.root_and_child_windows)
        if chosen is not None or imgui.is_key_pressed(imgui.Key.escape, False) or (outside and not appearing):
            editor.shell.palette = False
            imgui.close_current_popup()
    return chosen


def _move(window: Window) -> bool:
    steps = {
        imgui.Key.down_arrow: 1,
        imgui.Key.up_arrow: -1,
        imgui.Key.page_down: PAGE,
        imgui.Key.page_up: -PAGE,
    }
    pressed = [step for key, step in steps.items() if imgui.is_key_pressed(key)]
    for step in pressed:
        window.palette.move(step)
    return bool(pressed)


def _draw_found(window: Window, moved: bool) -> Command | None:
    palette = window.palette
    line = imgui.get_frame_height()
    chosen = None
    imgui.spacing()
    if not palette.found:
        imgui.text_disabled("No command fits.")
        return None
    spacing = imgui.StyleVar_.item_spacing
    with (
        imgui_ctx.push_style_var(spacing, ImVec2(0, 0)),
        imgui_ctx.begin_child("found", ImVec2(0, line * min(ROWS, len(palette.found)))),
    ):
        clipper = imgui.ListClipper()
        clipper.begin(len(palette.found), line)
        if moved:
            clipper.include_item_by_index(palette.cursor)
        while clipper.step():
            for index in range(clipper.display_start, clipper.display_end):
                if _draw_line(window, index, line):
                    chosen = palette.found[index][0]
                if moved and index == palette.cursor:
                    imgui.set_scroll_here_y(0.5)
    return chosen


def _draw_line(window: Window, index: int, height: float) -> bool:
    palette = window.palette
    command, enabled = palette.found[index]
    flags = imgui.SelectableFlags_.none if enabled else imgui.SelectableFlags_.disabled
    label = f"##{command.text}"
    pressed = imgui.selectable(label, index == palette.cursor, int(flags), ImVec2(0, height))[0]
    if command.tooltip:
        imgui.set_item_tooltip(command.tooltip)
    low, high = imgui.get_item_rect_min(), imgui.get_item_rect_max()
    padding = imgui.get_style().frame_padding
    letters = imgui.get_window_draw_list()
    faint = imgui.get_color_u32(imgui.Col_.text_disabled)
    y = low.y + padding.y
    letters.add_text(
        ImVec2(low.x + padding.x, y), imgui.get_color_u32(imgui.Col_.text) if enabled else faint, command.text
    )
    behind = low.x + padding.x + imgui.calc_text_size(command.text).x + imgui.get_font_size()
    letters.add_text(ImVec2(behind, y), faint, command.menu.replace("/", " > "))
    keys = readable(window.keys.text[command.name])
    letters.add_text(ImVec2(high.x - padding.x - imgui.calc_text_size(keys).x, y), faint, keys)
    return pressed and enabled
