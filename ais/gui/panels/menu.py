"""Draws the menu bar from the list of commands."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from imgui_bundle import ImVec2, imgui, imgui_ctx

from ais.gui.commands import COMMANDS, MENUS, Command, command
from ais.gui.keys import readable
from ais.gui.panels.modal import at_right_end, button_width, disabled

if TYPE_CHECKING:
    from ais.gui.app import Window

PALETTE = "edit.palette"
RECENT_AFTER = "file.open_project"


@dataclass
class Menu:
    """Commands and submenus, in the order in which they are drawn."""

    items: list[Command | tuple[str, Menu]] = field(default_factory=list)

    def submenu(self, name: str) -> Menu:
        """The submenu of a name, made where it is first asked for."""
        for item in self.items:
            if isinstance(item, tuple) and item[0] == name:
                return item[1]
        made = Menu()
        self.items.append((name, made))
        return made


@cache
def menus() -> tuple[tuple[str, Menu], ...]:
    """The menus that hold something, in their order; made once."""
    root = Menu()
    for name in MENUS:
        root.submenu(name)
    for each in COMMANDS:
        menu = root
        for name in each.menu.split("/"):
            menu = menu.submenu(name)
        menu.items.append(each)
    return tuple(item for item in root.items if isinstance(item, tuple) and item[1].items)


def draw(window: Window) -> None:
    """Draw the menus, and at the right end the way to the palette."""
    for name, menu in menus():
        with imgui_ctx.begin_menu(name) as opened:
            if opened:
                space = imgui.get_style().item_spacing
                with imgui_ctx.push_style_var(imgui.StyleVar_.item_spacing, ImVec2(space.x, 1.75 * space.y)):
                    _draw_items(window, menu)
    _draw_palette_button(window)


def run_item(window: Window, item: Command, label: str = "") -> None:
    """Draw a command as an item of a menu, and run it when it is chosen."""
    editor = window.editor
    enabled = item.enabled(editor)
    checked = item.checked is not None and item.checked(editor)
    text = f"{label or item.text}###{item.name}" if label else item.text
    if imgui.menu_item_simple(text, readable(window.keys.text[item.name]), checked, enabled):
        item.run(editor)
    if item.tooltip and imgui.is_item_hovered(
        imgui.HoveredFlags_.for_tooltip | imgui.HoveredFlags_.allow_when_disabled
    ):
        imgui.set_tooltip(item.tooltip)


def context_menu(window: Window, names: Sequence[str]) -> None:
    """Draw the commands of these names as the menu of the item before; an empty name is a line between them."""
    if not imgui.begin_popup_context_item("menu"):
        return
    for name in names:
        if name:
            run_item(window, command(name))
        else:
            imgui.separator()
    imgui.end_popup()


def _draw_items(window: Window, menu: Menu) -> None:
    for position, item in enumerate(menu.items):
        if isinstance(item, tuple):
            with imgui_ctx.begin_menu(item[0]) as opened:
                if opened:
                    _draw_items(window, item[1])
            continue
        if item.separated and position:
            imgui.separator()
        run_item(window, item)
        if item.name == RECENT_AFTER:
            _draw_recent(window)


def _draw_recent(window: Window) -> None:
    editor, settings = window.editor, window.editor.settings
    _draw_paths("Recent tomograms", settings.recent_files, lambda path: editor.open_paths([path]))
    _draw_paths("Recent projects", settings.recent_projects, editor.open_project)


def _draw_paths(name: str, paths: Sequence[str], run: Callable[[Path], None]) -> None:
    with imgui_ctx.begin_menu(name, bool(paths)) as opened:
        if not opened:
            return
        for text in paths:
            path = Path(text)
            if imgui.menu_item_simple(f"{path.name}##{text}"):
                run(path)
                break
            imgui.set_item_tooltip(text)


def _draw_palette_button(window: Window) -> None:
    palette = command(PALETTE)
    label = f"Find a command   {readable(window.keys.text[PALETTE])}###palette button"
    with imgui_ctx.push_style_color(imgui.Col_.button, imgui.get_style().color_(imgui.Col_.menu_bar_bg)):
        width = button_width(label)
        if imgui.get_content_region_avail().x > width:
            at_right_end(width)
            with disabled(not palette.enabled(window.editor)):
                if imgui.small_button(label):
                    palette.run(window.editor)
