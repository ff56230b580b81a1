"""Draws small pages that ask for something: enter accepts, escape closes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from imgui_bundle import ImVec2, imgui, imgui_ctx

from ais.gui.panels.layout import LABEL_EM, coloured, elided, em, label
from ais.gui.panels.modal import at_right_end, button_width, disabled, modal, strong_button
from ais.gui.sheet import ChoiceField, NumberField, Sheet, TextField, TicksField

if TYPE_CHECKING:
    from ais.gui.app import Window

WIDTH = 25.0
GAP = 0.15
LIST_ROWS = 7
RADIO_OPTIONS = 3
"""Up to so many options are seen at once; more are a list."""


def draw(window: Window) -> None:
    """Draw the newest sheet."""
    sheets = window.editor.shell.sheets
    if not sheets:
        return
    sheet: Sheet = sheets[-1]
    ended = accepted = False
    with modal(f"{sheet.title}###sheet", WIDTH, escape=False) as stays:
        if stays is None:
            return
        # Also from within the field that has the keyboard from the beginning; a list that is open takes it first.
        focused = imgui.is_window_focused(imgui.FocusedFlags_.root_and_child_windows)
        stays = stays and not (focused and imgui.is_key_pressed(imgui.Key.escape, False))
        if sheet.note:
            with coloured(window.theme.faint):
                imgui.text_wrapped(sheet.note)
            imgui.spacing()
        busy = taken = False
        for number, field in enumerate(sheet.fields):
            if not field.asked():
                continue
            if number == 0 and imgui.is_window_appearing():
                imgui.set_keyboard_focus_here()
            label(field.label, field.tooltip)
            if isinstance(field, NumberField):
                _draw_number(field)
            elif isinstance(field, TicksField):
                busy = draw_ticks(field) or busy
            elif isinstance(field, TextField):
                taken = _draw_text(field) or taken
            else:
                busy = _draw_choice(field) or busy
            imgui.dummy(ImVec2(0, em(GAP)))
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
    imgui.set_next_item_width(em(8))
    if field.whole:
        _, count = imgui.input_int(f"##{field.label}", field.count, 0, 0, imgui.InputTextFlags_.auto_select_all)
        field.value = float(count)
    else:
        flags = imgui.InputTextFlags_.auto_select_all
        _, field.value = imgui.input_double(f"##{field.label}", field.value, 0.0, 0.0, "%.6g", flags)
    if field.unit:
        imgui.same_line()
        imgui.text_disabled(field.unit)


def _draw_text(field: TextField) -> bool:
    """Draw it; gives whether a suggestion was taken."""
    flags = imgui.InputTextFlags_.auto_select_all
    _, field.value = imgui.input_text_with_hint(f"##{field.label}", field.hint, field.value, flags)
    if not field.suggestions:
        return False
    wanted, taken = field.value.strip().casefold(), False
    found = [name for name in field.suggestions if wanted in name.casefold()]
    height = min(len(field.suggestions), LIST_ROWS) * imgui.get_text_line_height_with_spacing()
    imgui.set_cursor_pos_x(imgui.get_cursor_pos_x() + em(LABEL_EM) - imgui.get_style().window_padding.x)
    with imgui_ctx.begin_child(f"suggestions of {field.label}", ImVec2(0, height)):
        for name in found:
            if imgui.selectable(name, False)[0]:
                field.value, taken = name, True
    return taken


def draw_ticks(field: TicksField, rows: int = LIST_ROWS) -> bool:
    """Draw it, `rows` at once; All and None act on those that are found; gives whether enter belongs to a box."""
    imgui.begin_group()
    hint = f"Search {len(field.options)}"
    imgui.set_next_item_width(-button_width("All", "None") - imgui.get_style().item_spacing.x)
    _, field.search = imgui.input_text_with_hint(f"##Search {field.label}", hint, field.search)
    listed = field.listed
    imgui.same_line()
    if imgui.button(f"All###All {field.label}"):
        field.chosen |= set(listed)
    imgui.same_line()
    if imgui.button(f"None###No {field.label}"):
        field.chosen -= set(listed)
    row = imgui.get_frame_height()
    space = imgui.get_style().item_spacing
    with (
        imgui_ctx.begin_child(f"ticks of {field.label}", ImVec2(0, max(min(len(field.options), rows), 1) * row)),
        imgui_ctx.push_style_var(imgui.StyleVar_.item_spacing, ImVec2(space.x, 0)),
    ):
        clipper = imgui.ListClipper()
        clipper.begin(len(listed), row)
        while clipper.step():
            for at in range(clipper.display_start, clipper.display_end):
                number = listed[at]
                name = field.options[number]
                text = elided(name, imgui.get_content_region_avail().x - imgui.get_frame_height())
                pressed, _ = imgui.checkbox(f"{text}###Take {name}", number in field.chosen)
                if pressed:
                    field.chosen ^= {number}
        busy = imgui.is_window_focused() and imgui.is_any_item_focused()
    imgui.text_disabled(f"{len(field.chosen)} chosen")
    imgui.end_group()
    return busy


def _draw_choice(field: ChoiceField) -> bool:
    """Draw it; gives whether enter belongs to its list."""
    if len(field.options) <= RADIO_OPTIONS:
        _draw_radio_buttons(field)
        return False
    drawn = imgui.begin_combo(f"##{field.label}", field.options[field.value])
    busy = drawn or imgui.is_item_focused()
    if drawn:
        for number, option in enumerate(field.options):
            if imgui.selectable(option, field.value == number)[0]:
                field.value = number
        imgui.end_combo()
    return busy


def _draw_radio_buttons(field: ChoiceField) -> None:
    """Beside each other as long as there is room for the next one."""
    style, left = imgui.get_style(), imgui.get_cursor_pos_x()
    for number, option in enumerate(field.options):
        width = imgui.get_frame_height() + style.item_inner_spacing.x + imgui.calc_text_size(option).x
        if number:
            imgui.same_line()
            if imgui.get_content_region_avail().x < width:
                imgui.new_line()
                imgui.set_cursor_pos_x(left)
        if imgui.radio_button(option, field.value == number):
            field.value = number
