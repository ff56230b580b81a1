"""Draws the page of keys: which key does what, to read, to search and to change."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from imgui_bundle import ImVec2, icons_fontawesome_6, imgui, imgui_ctx

from ais.gui.commands import COMMANDS, Command
from ais.gui.keys import pressed_now, readable
from ais.gui.mouse_actions import MOUSE_ACTIONS
from ais.gui.panels.modal import at_right_end, button_width, disabled, modal
from ais.gui.theme import colour

if TYPE_CHECKING:
    from ais.gui.app import Window

WIDTH, HEIGHT, KEYS_WIDTH = 46.0, 34.0, 15.0
TITLE = "Keys and mouse###shortcuts"
RESET, CLEAR = icons_fontawesome_6.ICON_FA_ROTATE_LEFT, icons_fontawesome_6.ICON_FA_XMARK


@dataclass
class ShortcutsPage:
    """What has been typed in the search field, and what is being changed.

    Attributes
    ----------
    text
        Only commands with this in their name, menu or keys are shown.
    taking
        The command that gets the next key; None for none.
    wanted
        The keys pressed for it that others have already; empty if there is no conflict.
    """

    text: str = ""
    taking: Command | None = None
    wanted: str = ""


def draw(window: Window) -> None:
    """Draw it while it is open."""
    page, editor = window.shortcuts_page, window.editor
    escape_closes = page.taking is None
    _take_key(window)
    with modal(TITLE, WIDTH, HEIGHT, escape=escape_closes) as stays:
        if stays is None:
            return
        if not stays:
            editor.shell.shortcuts = False
            page.taking, page.wanted = None, ""
            return
        with imgui_ctx.begin_tab_bar("pages") as bar:
            if bar:
                with imgui_ctx.begin_tab_item("Keys") as tab:
                    if tab:
                        _draw_keys(window)
                with imgui_ctx.begin_tab_item("Mouse") as tab:
                    if tab:
                        _draw_mouse(window)


def _take_key(window: Window) -> None:
    """Take in the keys that were pressed for the command that is being changed."""
    page = window.shortcuts_page
    if page.taking is None:
        return
    if page.wanted:  # a question about a conflict is open, perhaps on the other tab
        if imgui.is_key_pressed(imgui.Key.escape, False):
            page.taking, page.wanted = None, ""
        return
    pressed = pressed_now()
    if pressed == "escape":
        page.taking = None
    elif pressed is not None and window.keys.conflicts(page.taking.name, pressed):
        page.wanted = pressed
    elif pressed is not None:
        _change(window, page.taking, pressed)
        page.taking = None


def _change(window: Window, command: Command, keys: str) -> None:
    settings = window.editor.settings
    changes = {name: text for name, text in settings.shortcuts.items() if name != command.name}
    if keys != command.shortcut:
        changes[command.name] = keys
    settings.shortcuts = changes
    window.keys.use(changes)
    window.editor.save_settings()


def _draw_keys(window: Window) -> None:
    page = window.shortcuts_page
    imgui.spacing()
    if imgui.is_window_appearing():
        imgui.set_keyboard_focus_here()
    imgui.set_next_item_width(-1)
    _, page.text = imgui.input_text_with_hint("##Search keys", "Search by name, menu or key", page.text)
    if imgui.is_item_deactivated() and not page.text and imgui.is_key_pressed(imgui.Key.escape, False):
        window.editor.shell.shortcuts = False  # an empty field has no use for the key that closes the page
    below = imgui.get_frame_height_with_spacing() + imgui.get_style().item_spacing.y
    if page.wanted:
        below += imgui.get_text_line_height_with_spacing() + imgui.get_frame_height_with_spacing()
    flags = imgui.TableFlags_.scroll_y | imgui.TableFlags_.row_bg | imgui.TableFlags_.pad_outer_x
    with imgui_ctx.begin_table("keys", 3, int(flags), ImVec2(0, -below)) as table:
        if table:
            _draw_table(window)
    if page.wanted:
        _draw_conflict(window)
    changed = bool(window.editor.settings.shortcuts)
    imgui.spacing()
    if page.taking is not None and not page.wanted:
        imgui.align_text_to_frame_padding()
        imgui.text_unformatted(f"Press the keys for '{page.taking.text}', or Escape.")
        imgui.same_line()
    at_right_end(button_width("Reset all"))
    with disabled(not changed):
        if imgui.button("Reset all"):
            window.editor.settings.shortcuts = {}
            window.keys.use({})
            window.editor.save_settings()


def _draw_table(window: Window) -> None:
    page, em = window.shortcuts_page, imgui.get_font_size()
    imgui.table_setup_column("Action", imgui.TableColumnFlags_.width_stretch)
    imgui.table_setup_column("Keys", imgui.TableColumnFlags_.width_fixed, KEYS_WIDTH * em)
    imgui.table_setup_column("", imgui.TableColumnFlags_.width_fixed, 2 * imgui.get_frame_height_with_spacing())
    search = page.text.casefold()
    keys = window.keys.text
    shown = [
        command
        for command in COMMANDS
        if search in f"{command.menu} {command.text} {keys[command.name]} {readable(keys[command.name])}".casefold()
    ]
    clipper = imgui.ListClipper()
    clipper.begin(len(shown))
    while clipper.step():
        for command in shown[clipper.display_start : clipper.display_end]:
            with imgui_ctx.push_id(command.name):
                _draw_row(window, command)


def _draw_row(window: Window, command: Command) -> None:
    page = window.shortcuts_page
    imgui.table_next_row()
    imgui.table_next_column()
    imgui.align_text_to_frame_padding()
    imgui.text_unformatted(command.text)
    imgui.same_line(0, imgui.get_font_size())
    imgui.text_disabled(command.menu.replace("/", " > "))
    imgui.table_next_column()
    text = window.keys.text[command.name]
    taking = page.taking is command
    label = "Press keys..." if taking else "  ".join(readable(part) for part in text.split()) or "-"
    quiet = window.theme.field if not taking else window.theme.accent
    letters = window.theme.text if not taking else window.theme.on_accent
    with (
        imgui_ctx.push_style_color(imgui.Col_.button, colour(quiet)),
        imgui_ctx.push_style_color(imgui.Col_.text, colour(letters)),
    ):
        if imgui.button(f"{label}###Keys of {command.text}", ImVec2(-1, 0)):
            page.taking, page.wanted = (None if taking else command), ""
    imgui.set_item_tooltip("Click, then press other keys")
    imgui.table_next_column()
    with imgui_ctx.push_style_color(imgui.Col_.button, colour(window.theme.panel, 0.0)):
        _draw_changes(window, command, text)


def _draw_changes(window: Window, command: Command, text: str) -> None:
    if text:
        if imgui.button(f"{CLEAR}###No keys for {command.text}"):
            _change(window, command, "")
        imgui.set_item_tooltip("Take the keys away")
    if text != command.shortcut:
        if text:
            imgui.same_line()
        if imgui.button(f"{RESET}###Reset {command.text}"):
            _change(window, command, command.shortcut)
        imgui.set_item_tooltip(f"Back to {readable(command.shortcut) or 'no keys'}")


def _draw_conflict(window: Window) -> None:
    page = window.shortcuts_page
    if page.taking is None:
        page.wanted = ""
        return
    others = window.keys.conflicts(page.taking.name, page.wanted)
    names = ", ".join(f"'{other.text}'" for other in others)
    with imgui_ctx.push_style_color(imgui.Col_.text, colour(window.theme.accent)):
        imgui.text_unformatted(f"{readable(page.wanted)} is used by {names}.")
    if imgui.button("Use it here instead"):
        for other in others:
            kept = [part for part in window.keys.text[other.name].split() if part.casefold() != page.wanted.casefold()]
            _change(window, other, " ".join(kept))
        _change(window, page.taking, page.wanted)
        page.taking, page.wanted = None, ""
    imgui.same_line()
    if imgui.button("Press other keys"):
        page.wanted = ""


def _draw_mouse(window: Window) -> None:
    del window
    imgui.spacing()
    flags = imgui.TableFlags_.row_bg | imgui.TableFlags_.pad_outer_x | imgui.TableFlags_.scroll_y
    with imgui_ctx.begin_table("mouse", 2, int(flags)) as table:
        if not table:
            return
        imgui.table_setup_column("Mouse", imgui.TableColumnFlags_.width_fixed, KEYS_WIDTH * imgui.get_font_size())
        imgui.table_setup_column("Does", imgui.TableColumnFlags_.width_stretch)
        for action, does in MOUSE_ACTIONS:
            imgui.table_next_row()
            imgui.table_next_column()
            imgui.text_unformatted(action)
            imgui.table_next_column()
            imgui.text_wrapped(does)
