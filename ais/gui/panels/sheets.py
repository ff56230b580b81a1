"""Draws small pages that ask for something: enter accepts, escape closes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from imgui_bundle import ImVec2, imgui, imgui_ctx

from ais.gui.panels.layout import coloured, em, label
from ais.gui.panels.modal import at_right_end, button_width, disabled, modal, strong_button
from ais.gui.sheet import ChoiceField, NumberField, Sheet, TextField

if TYPE_CHECKING:
    from ais.gui.app import Window

WIDTH = 25.0
LIST_ROWS = 7
RADIO_OPTIONS = 3
"""Up to so many options stand below each other; more are a list."""


def draw(window: Window) -> None:
    """Draw the newest sheet."""
    sheets = window.editor.shell.sheets
    if not sheets:
        return
    sheet: Sheet = sheets[-1]
    ended = accepted = False
    with modal(f"{sheet.title}###sheet", WIDTH) as stays:
        if stays is None:
            return
        if sheet.note:
            with coloured(window.theme.faint):
                imgui.text_wrapped(sheet.note)
            imgui.spacing()
        taken = busy = False
        for number, field in enumerate(sheet.fields):
            if number == 0 and imgui.is_window_appearing():
                imgui.set_keyboard_focus_here()
            if isinstance(field, NumberField):
                _draw_number(field)
            elif isinstance(field, TextField):
                taken = _draw_text(field) or taken
            else:
                busy = _draw_choice(field) or busy
        problem = sheet.problem()
        imgui.spacing()
        with coloured(window.theme.danger):
            imgui.text_wrapped(problem if problem and _was_touched(sheet) else " ")
        at_right_end(button_width("Cancel", sheet.button))
        ended = imgui.button("Cancel") or not stays
        imgui.same_line()
        with disabled(bool(problem)):
            accepted = strong_button(sheet.button, window.theme.accent, window.theme.on_accent)
        pressed = imgui.is_key_pressed(imgui.Key.enter, False) or imgui.is_key_pressed(imgui.Key.keypad_enter, False)
        accepted = (accepted or taken or (pressed and not busy)) and not problem and not ended
        ended = ended or accepted
        if ended:
            imgui.close_current_popup()
    if ended:
        sheets.remove(sheet)
    if accepted:
        sheet.on_accept()


def _was_touched(sheet: Sheet) -> bool:
    """Whether there is something to find fault with: an empty name that nobody has typed yet is no fault."""
    return not all(isinstance(field, TextField) and not field.value for field in sheet.fields)


def _draw_number(field: NumberField) -> None:
    label(field.label, field.tooltip)
    imgui.set_next_item_width(em(8))
    if field.whole:
        _, count = imgui.input_int(f"##{field.label}", field.count, 0, 0, imgui.InputTextFlags_.auto_select_all)
        field.value = float(count)
    else:
        flags = imgui.InputTextFlags_.auto_select_all
        _, field.value = imgui.input_float(f"##{field.label}", field.value, 0.0, 0.0, "%.6g", flags)
    if field.unit:
        imgui.same_line()
        imgui.text_disabled(field.unit)


def _draw_text(field: TextField) -> bool:
    """Draw it; gives whether a suggestion was taken."""
    label(field.label, field.tooltip)
    flags = imgui.InputTextFlags_.auto_select_all
    _, field.value = imgui.input_text_with_hint(f"##{field.label}", field.hint, field.value, flags)
    if not field.suggestions:
        return False
    wanted = field.value.casefold()
    found = [name for name in field.suggestions if wanted in name.casefold() and name != field.value]
    label("")
    taken, height = False, LIST_ROWS * imgui.get_text_line_height_with_spacing()
    with imgui_ctx.begin_child(f"suggestions of {field.label}", ImVec2(-1, height)):
        for name in found:
            if imgui.selectable(name, False)[0]:
                field.value, taken = name, True
    return taken


def _draw_choice(field: ChoiceField) -> bool:
    """Draw it; gives whether enter belongs to its list."""
    label(field.label, field.tooltip)
    if len(field.options) <= RADIO_OPTIONS:
        left = imgui.get_cursor_pos_x()
        for number, option in enumerate(field.options):
            imgui.set_cursor_pos_x(left)
            if imgui.radio_button(option, field.value == number):
                field.value = number
        return False
    drawn = imgui.begin_combo(f"##{field.label}", field.options[field.value])
    busy = drawn or imgui.is_item_focused()
    if drawn:
        for number, option in enumerate(field.options):
            if imgui.selectable(option, field.value == number)[0]:
                field.value = number
        imgui.end_combo()
    return busy
