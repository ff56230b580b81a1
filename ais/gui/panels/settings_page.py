"""Draws the page of settings."""

from __future__ import annotations

from typing import TYPE_CHECKING

from imgui_bundle import imgui

from ais.gui import native_dialogs
from ais.gui.panels.modal import at_right_end, button_width, modal
from ais.gui.settings import FONT_SCALES, THEMES

if TYPE_CHECKING:
    from ais.gui.app import Window

WIDTH, LABELS, STEP = 30.0, 10.0, 5
UNITS = (("nm", "Nanometres"), ("A", "Angstrom"))


class SettingsPage:
    """The size of letters that is being dragged, in percent; None while none is."""

    def __init__(self) -> None:
        self.letters: int | None = None


def draw(window: Window) -> None:
    """Draw it while it is open; what is changed is seen at once."""
    editor, settings = window.editor, window.editor.settings
    with modal("Settings###settings", WIDTH) as stays:
        if stays is None:
            return
        imgui.spacing()
        _label("Theme")
        for position, name in enumerate(THEMES):
            if position:
                imgui.same_line()
            if imgui.radio_button(name.capitalize(), settings.theme == name):
                settings.theme = name
        _label("Size of letters")
        _draw_letters(window)
        _label("Lengths in")
        for position, (unit, name) in enumerate(UNITS):
            if position:
                imgui.same_line()
            if imgui.radio_button(name, settings.units == unit):
                settings.units = unit
        _label("Views")
        _, settings.link_views = imgui.checkbox("Keep contrast, filters and zoom", settings.link_views)
        imgui.set_item_tooltip("The next tomogram is shown like this one")
        if native_dialogs.available():
            _label("Files")
            changed, settings.native_dialogs = imgui.checkbox("Ask with the desktop's dialogs", settings.native_dialogs)
            if changed:
                editor.dialogs.native = settings.native_dialogs
        _label("Panels")
        if imgui.button("Put panels back in their places"):
            editor.shell.reset_layout = True
        imgui.spacing()
        at_right_end(button_width("Close"))
        if imgui.button("Close") or not stays:
            editor.shell.settings = False
            editor.save_settings()
            imgui.close_current_popup()


def _label(text: str) -> None:
    imgui.align_text_to_frame_padding()
    imgui.text_unformatted(text)
    imgui.same_line(LABELS * imgui.get_font_size())


def _draw_letters(window: Window) -> None:
    """The slider acts when it is let go, since it would move away from under the mouse."""
    page, settings = window.settings_page, window.editor.settings
    low, high = (round(100 * scale) for scale in FONT_SCALES)
    shown = page.letters if page.letters is not None else round(100 * settings.font_scale)
    imgui.set_next_item_width(-1)
    changed, value = imgui.slider_int("##Size of letters", shown, low, high, "%d %%")
    if changed:
        page.letters = min(max(STEP * round(value / STEP), low), high)
    if imgui.is_item_deactivated_after_edit() and page.letters is not None:
        settings.font_scale = page.letters / 100
        page.letters = None
