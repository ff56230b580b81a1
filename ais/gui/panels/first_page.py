"""Draws what is seen while no project is open: how to begin, and what can be gone on with."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING

from imgui_bundle import ImVec2, icons_fontawesome_6, imgui, imgui_ctx

from ais.gui.commands import command
from ais.gui.keys import readable
from ais.gui.panels.modal import disabled, strong_button
from ais.gui.theme import colour
from ais.gui.untitled import Recovered
from ais.gui.welcome import Known, RecentProject

if TYPE_CHECKING:
    from ais.gui.app import Window

BUTTON_WIDTH, LIST_WIDTH, GAP, TITLE_SIZE = 15.0, 27.0, 3.0, 2.4
HEIGHT, LISTS_LOWER = 16.0, 0.9
SHOWN_RECENT, SHOWN_RECOVERED = 8, 6
TITLE = "Ais"
SUBTITLE = "Segment cryo-electron tomograms"
FLAGS = (
    imgui.WindowFlags_.no_decoration
    | imgui.WindowFlags_.no_move
    | imgui.WindowFlags_.no_saved_settings
    | imgui.WindowFlags_.no_docking
    | imgui.WindowFlags_.no_nav_focus
)


def is_shown(window: Window) -> bool:
    """Whether there is nothing else to show."""
    return window.editor.document is None


def draw(window: Window) -> None:
    """Draw the page over the empty panels."""
    viewport = imgui.get_main_viewport()
    welcome, editor = window.welcome, window.editor
    imgui.set_next_window_pos(viewport.work_pos)
    imgui.set_next_window_size(viewport.work_size)
    if not imgui.is_popup_open("", imgui.PopupFlags_.any_popup):
        imgui.set_next_window_focus()
    with (
        imgui_ctx.push_style_var(imgui.StyleVar_.window_rounding, 0.0),
        imgui_ctx.push_style_var(imgui.StyleVar_.window_border_size, 0.0),
        imgui_ctx.begin("##First page", None, int(FLAGS)),
    ):
        if editor.projects.beginning is not None and not editor.projects.beginning.shown:
            return  # a project that opens at once must not make the page flash
        welcome.follow()
        known = welcome.known or Known()
        em = imgui.get_font_size()
        lists = bool(known.recent or known.recovered)
        width = (BUTTON_WIDTH + (GAP + LIST_WIDTH if lists else 0)) * em
        room = imgui.get_content_region_avail()
        left = max(em, (room.x - width) / 2)
        top = max(em, (room.y - HEIGHT * em) * 0.45)
        imgui.set_cursor_pos(ImVec2(left, top))
        with imgui_ctx.begin_group():
            _draw_beginning(window)
        if lists:
            beside = left + (BUTTON_WIDTH + GAP) * em
            imgui.set_cursor_pos(ImVec2(beside, top + LISTS_LOWER * em))
            with imgui_ctx.begin_child("##Go on", ImVec2(min(LIST_WIDTH * em, room.x - beside), 0)):
                _draw_known(window, known)


def _draw_beginning(window: Window) -> None:
    em = imgui.get_font_size()
    faint = colour(window.theme.faint)
    with imgui_ctx.push_font(None, imgui.get_style().font_size_base * TITLE_SIZE):
        imgui.text_unformatted(TITLE)
    imgui.text_colored(faint, SUBTITLE)
    imgui.dummy(ImVec2(0, em))
    size = ImVec2(BUTTON_WIDTH * em, imgui.get_frame_height() * 1.3)
    for name, strong in (("file.open_tomogram", True), ("file.open_project", False), ("file.demo", False)):
        item = command(name)
        with disabled(not item.enabled(window.editor)):
            if strong:
                pressed = strong_button(item.text, window.theme.accent, window.theme.on_accent, size)
            else:
                pressed = imgui.button(item.text, size)
        keys = readable(window.keys.text[name])
        tooltip = f"{item.tooltip} ({keys})" if item.tooltip and keys else item.tooltip or keys
        if tooltip:
            imgui.set_item_tooltip(tooltip)
        if pressed:
            item.run(window.editor)
    imgui.dummy(ImVec2(0, 0.5 * em))
    work = window.editor.projects.beginning
    if work is None:
        with imgui_ctx.push_text_wrap_pos(imgui.get_cursor_pos_x() + size.x):
            imgui.text_colored(faint, "or drop files or a folder here")
        return
    imgui.text_colored(faint, work.title)
    imgui.progress_bar(work.fraction if work.fraction is not None else -imgui.get_time(), ImVec2(size.x, 0.4 * em), "")
    if imgui.button("Cancel"):
        work.cancel()


def _draw_known(window: Window, known: Known) -> None:
    faint = colour(window.theme.faint)
    if known.recent:
        imgui.text_colored(faint, "Recent projects")
        for project in known.recent[:SHOWN_RECENT]:
            with imgui_ctx.push_id(str(project.path)):
                _draw_recent(window, project)
    if known.recent and known.recovered:
        imgui.dummy(ImVec2(0, imgui.get_font_size()))
    if known.recovered:
        imgui.text_colored(faint, "Recovered work without a name")
        for unnamed in known.recovered[:SHOWN_RECOVERED]:
            _draw_recovered(window, unnamed)
        if len(known.recovered) > SHOWN_RECOVERED:
            imgui.text_colored(faint, f"and {len(known.recovered) - SHOWN_RECOVERED} more")


def _draw_recent(window: Window, project: RecentProject) -> None:
    settings = window.editor.settings
    with disabled(not project.exists):
        if _row(project.path.stem, _short(project.path.parent), project.path):
            window.editor.open_project(project.path)
    tooltip = str(project.path) if project.exists else f"{project.path} is not there now"
    if imgui.is_item_hovered(imgui.HoveredFlags_.for_tooltip | imgui.HoveredFlags_.allow_when_disabled):
        imgui.set_tooltip(tooltip)
    if imgui.is_item_hovered(imgui.HoveredFlags_.allow_when_disabled) and imgui.is_mouse_released(1):
        imgui.open_popup("of a recent project")
    with imgui_ctx.begin_popup("of a recent project") as opened:
        if opened and imgui.menu_item_simple("Remove from this list"):
            settings.recent_projects = [text for text in settings.recent_projects if text != str(project.path)]


def _draw_recovered(window: Window, project: Recovered) -> None:
    if project.changed:
        when = time.strftime("%d %B, %H:%M", time.localtime(project.changed)).lstrip("0")
        what = f"{_count(project.tomograms, 'tomogram')}, {_count(project.edits, 'edit')}"
    else:
        when, what = project.path.stem, "cannot be read"
    room = imgui.get_content_region_avail().x - imgui.get_frame_height() - imgui.get_style().item_spacing.x
    if _row(when, what, project.path, room):
        window.editor.open_project(project.path)
    imgui.set_item_tooltip("Open it; then File > Name this project... keeps it where you want")
    imgui.same_line()
    with imgui_ctx.push_style_color(imgui.Col_.button, colour(window.theme.panel)):
        if imgui.button(f"{icons_fontawesome_6.ICON_FA_TRASH_CAN}##Remove {project.path.name}"):
            window.welcome.remove(project.path)
    imgui.set_item_tooltip("Remove it from the disk...")


def _row(name: str, more: str, path: Path, width: float = 0.0) -> bool:
    """Draw a line that can be pressed: a name, and behind it what else is known."""
    padding = imgui.get_style().frame_padding
    size = ImVec2(width or imgui.get_content_region_avail().x, imgui.get_frame_height())
    pressed = imgui.selectable(f"###Open {path.name}", False, 0, size)[0]
    corner = imgui.get_item_rect_min()
    letters, line = imgui.get_window_draw_list(), ImVec2(corner.x + padding.x, corner.y + padding.y)
    with imgui_ctx.push_clip_rect(corner, ImVec2(corner.x + size.x, corner.y + size.y), True):
        letters.add_text(line, imgui.get_color_u32(imgui.Col_.text), name)
        behind = imgui.calc_text_size(name).x + imgui.get_font_size()
        letters.add_text(ImVec2(line.x + behind, line.y), imgui.get_color_u32(imgui.Col_.text_disabled), more)
    return pressed


def _short(folder: Path) -> str:
    try:
        return f"~/{folder.relative_to(Path.home())}"
    except ValueError:
        return str(folder)


def _count(number: int, name: str) -> str:
    return f"{number} {name}{'' if number == 1 else 's'}"
