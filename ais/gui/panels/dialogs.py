"""Draws the list in which files are chosen, and questions whether to go on."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from imgui_bundle import ImVec2, icons_fontawesome_6, imgui, imgui_ctx

from ais.gui.file_browser import Entry, FileBrowser, Wanted
from ais.gui.panels.modal import at_right_end, button_width, disabled, modal, strong_button
from ais.gui.theme import colour

if TYPE_CHECKING:
    from ais.gui.app import Window

ICON_FOLDER = icons_fontawesome_6.ICON_FA_FOLDER
ICON_UP = icons_fontawesome_6.ICON_FA_ARROW_UP
WIDTH, HEIGHT, PLACES_WIDTH, KIND_WIDTH = 54.0, 34.0, 11.0, 17.0
PAGE = 12
VERBS = {Wanted.FILE: "Open", Wanted.FILES: "Open", Wanted.NEW_FILE: "Save", Wanted.FOLDER: "Choose"}


def draw(window: Window) -> None:
    """Draw the question that waits for its answer."""
    dialogs = window.editor.dialogs
    if dialogs.browser is not None:
        _draw_browser(window, dialogs.browser)
    elif dialogs.confirmations:
        _draw_confirmation(window)


def _draw_confirmation(window: Window) -> None:
    dialogs = window.editor.dialogs
    confirmation = dialogs.confirmations[-1]
    agreed: bool | None = None
    with modal("Are you sure?###confirmation", 26.0) as stays:
        if stays is None:
            return
        imgui.spacing()
        with imgui_ctx.push_text_wrap_pos(0.0):
            imgui.text_unformatted(confirmation.text)
        imgui.spacing()
        imgui.spacing()
        at_right_end(button_width("Cancel", confirmation.button))
        if imgui.is_window_appearing():
            imgui.set_keyboard_focus_here()
        if imgui.button("Cancel") or not stays:
            agreed = False
        imgui.same_line()
        if strong_button(confirmation.button, window.theme.danger, window.theme.on_danger):
            agreed = True
        if agreed is not None:
            imgui.close_current_popup()
    if agreed is not None:
        dialogs.answer_confirmation(agreed)


def _draw_browser(window: Window, browser: FileBrowser) -> None:
    with modal(f"{browser.question.title}###files", WIDTH, HEIGHT) as stays:
        if stays is None:
            return
        if not stays:
            browser.cancel()
            return
        _draw_path(browser)
        below = imgui.get_frame_height_with_spacing() * (2 if browser.question.wanted is Wanted.NEW_FILE else 1)
        height = -below - imgui.get_style().item_spacing.y
        em = imgui.get_font_size()
        with imgui_ctx.begin_child("places", ImVec2(PLACES_WIDTH * em, height)):
            _draw_places(window, browser)
        imgui.same_line()
        with imgui_ctx.begin_child("files", ImVec2(0, height)):
            _draw_files(window, browser)
        _draw_end(window, browser)
        if window.editor.dialogs.confirmations:
            _draw_confirmation(window)
        if window.editor.dialogs.browser is not browser:
            imgui.close_current_popup()


def _draw_path(browser: FileBrowser) -> None:
    with disabled(browser.folder.parent == browser.folder):
        if imgui.button(f"{ICON_UP}##Folder above"):
            browser.up()
    imgui.set_item_tooltip("Go to the folder above (backspace)")
    imgui.same_line()
    imgui.set_next_item_width(-1)
    entered, browser.path_text = imgui.input_text(
        "##Path", browser.path_text, imgui.InputTextFlags_.enter_returns_true | imgui.InputTextFlags_.auto_select_all
    )
    imgui.set_item_tooltip("Type or paste a path, then press enter")
    if entered:
        browser.enter_path()


def _draw_places(window: Window, browser: FileBrowser) -> None:
    for name, folder in window.editor.dialogs.places():
        if imgui.selectable(f"{name}##{folder}", folder == browser.folder)[0]:
            browser.go(folder)
        imgui.set_item_tooltip(str(folder))


def _draw_files(window: Window, browser: FileBrowser) -> None:
    flags = imgui.TableFlags_.scroll_y | imgui.TableFlags_.row_bg | imgui.TableFlags_.pad_outer_x
    with imgui_ctx.begin_table("entries", 3, flags) as table:
        if not table:
            return
        em = imgui.get_font_size()
        imgui.table_setup_scroll_freeze(0, 1)
        imgui.table_setup_column("Name", imgui.TableColumnFlags_.width_stretch)
        imgui.table_setup_column("Size", imgui.TableColumnFlags_.width_fixed, 5.5 * em)
        imgui.table_setup_column("Changed", imgui.TableColumnFlags_.width_fixed, 9.0 * em)
        imgui.table_headers_row()
        moved = _keys(browser)
        if browser.problem or not browser.shown:
            imgui.table_next_row()
            imgui.table_next_column()
            text = browser.problem or ("Reading..." if browser.reading else "Nothing here that could be opened.")
            if browser.question.wanted in (Wanted.NEW_FILE, Wanted.FOLDER) and not browser.problem:
                text = "Reading..." if browser.reading else "No files here yet."
            with (
                imgui_ctx.push_text_wrap_pos(0.0),
                imgui_ctx.push_style_color(imgui.Col_.text, colour(window.theme.faint)),
            ):
                imgui.text_unformatted(text)
            return
        clipper = imgui.ListClipper()
        clipper.begin(len(browser.shown))
        if browser.cursor >= 0:
            clipper.include_item_by_index(browser.cursor)
        activated = None
        while clipper.step():
            for index in range(clipper.display_start, clipper.display_end):
                if _draw_entry(window, browser, index):
                    activated = index
                if moved and index == browser.cursor:
                    imgui.set_scroll_here_y(0.5)
        if activated is not None:
            browser.activate(activated)


def _draw_entry(window: Window, browser: FileBrowser, index: int) -> bool:
    entry = browser.shown[index]
    imgui.table_next_row()
    imgui.table_next_column()
    flags = imgui.SelectableFlags_.span_all_columns | imgui.SelectableFlags_.allow_double_click
    # A folder is known by its icon; files are set in by as much.
    start = imgui.get_cursor_pos()
    chosen = entry.name in browser.chosen
    clicked = imgui.selectable(f"##{entry.name}", chosen, int(flags | imgui.SelectableFlags_.no_auto_close_popups))[0]
    double = clicked and imgui.is_mouse_double_clicked(0)
    if clicked:
        io = imgui.get_io()
        browser.click(index, add=io.key_ctrl, range_=io.key_shift)
    if entry.is_folder:
        imgui.set_cursor_pos(start)
        imgui.text_colored(colour(window.theme.faint), ICON_FOLDER)
    imgui.set_cursor_pos(ImVec2(start.x + 1.8 * imgui.get_font_size(), start.y))
    imgui.text_unformatted(entry.name)
    imgui.table_next_column()
    faint = colour(window.theme.faint)
    if not entry.is_folder:
        imgui.text_colored(faint, size_text(entry.size))
    imgui.table_next_column()
    imgui.text_colored(faint, _time_text(entry))
    return double


def _keys(browser: FileBrowser) -> bool:
    """Move by keys, also from the search field; whether the cursor has moved."""
    io = imgui.get_io()
    typing = io.want_text_input
    if typing and not browser.searching:
        return False
    steps = {imgui.Key.down_arrow: 1, imgui.Key.up_arrow: -1, imgui.Key.page_down: PAGE, imgui.Key.page_up: -PAGE}
    if not typing:
        steps |= {imgui.Key.home: -len(browser.shown), imgui.Key.end: len(browser.shown)}
    before = browser.cursor
    for key, step in steps.items():
        if imgui.is_key_pressed(key):
            browser.move(step, extend=io.key_shift)
    if imgui.is_key_pressed(imgui.Key.backspace) and not (typing and browser.search_text):
        browser.up()
    return browser.cursor != before


def _draw_end(window: Window, browser: FileBrowser) -> None:
    question, em = browser.question, imgui.get_font_size()
    entered = False
    typing = imgui.get_io().want_text_input and not browser.searching
    if question.wanted is Wanted.NEW_FILE:
        imgui.align_text_to_frame_padding()
        imgui.text_unformatted("Name")
        imgui.same_line()
        if imgui.is_window_appearing():
            imgui.set_keyboard_focus_here()
        imgui.set_next_item_width(-1)
        entered, browser.name_text = imgui.input_text(
            "##Name",
            browser.name_text,
            imgui.InputTextFlags_.enter_returns_true | imgui.InputTextFlags_.auto_select_all,
        )
    changed = False
    if len(question.kinds) > 1:
        imgui.set_next_item_width(KIND_WIDTH * em)
        names = [
            f"{kind.name} ({' '.join(kind.endings)})" if 0 < len(kind.endings) < 4 else kind.name
            for kind in question.kinds
        ]
        changed, browser.kind = imgui.combo("##Kind", browser.kind, names)
        imgui.same_line()
    if imgui.is_window_appearing() and question.wanted is not Wanted.NEW_FILE:
        imgui.set_keyboard_focus_here()
    imgui.set_next_item_width(9 * em)
    searched, browser.search_text = imgui.input_text_with_hint("##Search", "Search here", browser.search_text)
    browser.searching = imgui.is_item_active()
    imgui.same_line()
    hid, browser.hidden = imgui.checkbox("Hidden", browser.hidden)
    if changed or searched or hid:
        browser.narrow()
    verb = VERBS[question.wanted]
    imgui.same_line()
    at_right_end(button_width("Cancel", verb))
    if imgui.button("Cancel"):
        browser.cancel()
        return
    imgui.same_line()
    enter = imgui.is_key_pressed(imgui.Key.enter, False) or imgui.is_key_pressed(imgui.Key.keypad_enter, False)
    confirmed = window.editor.dialogs.confirmations
    with disabled(not browser.can_accept):
        if strong_button(verb, window.theme.accent, window.theme.on_accent):
            browser.accept()
            return
    if entered or (enter and not typing and browser.can_accept and not confirmed):
        browser.accept()


def size_text(size: int) -> str:
    """Bytes as people read them: 4.2 GB."""
    value = float(size)
    for unit in ("B", "kB", "MB", "GB"):
        if value < 999.5:
            return f"{value:.{1 if unit != 'B' and value < 9.95 else 0}f} {unit}"
        value /= 1000
    return f"{value:.1f} TB"


def _time_text(entry: Entry) -> str:
    return time.strftime("%Y-%m-%d %H:%M", time.localtime(entry.changed)) if entry.changed else ""
