"""Asks once, after a project was opened, what becomes of exports that an earlier session has not finished."""

from __future__ import annotations

from typing import TYPE_CHECKING

from imgui_bundle import imgui, imgui_ctx

from ais.gui.panels.layout import faint
from ais.gui.panels.modal import at_right_end, button_width, modal, strong_button

if TYPE_CHECKING:
    from ais.gui.app import Window

WIDTH = 28.0


def is_asked(window: Window) -> bool:
    """Whether the question is open."""
    return window.editor.modelling.exports.asks


def draw(window: Window) -> None:
    """Draw the question."""
    exports = window.editor.modelling.exports
    with modal("Interrupted export###interrupted export", WIDTH) as stays:
        if stays is None:
            return
        imgui.spacing()
        with imgui_ctx.push_text_wrap_pos(0.0):
            imgui.text_unformatted(exports.pending())
        faint("Volumes that were finished are kept. Later leaves the choice in the tab Export.", window.theme.faint)
        imgui.spacing()
        imgui.spacing()
        at_right_end(button_width("Discard", "Later", "Resume"))
        answered = not stays
        if imgui.button("Discard"):
            exports.discard_pending()
            answered = True
        imgui.same_line()
        if imgui.button("Later"):
            answered = True
        imgui.same_line()
        if imgui.is_window_appearing():
            imgui.set_keyboard_focus_here()
        if strong_button("Resume", window.theme.accent, window.theme.on_accent):
            exports.resume_pending()
            answered = True
        if answered:
            exports.asks = False
            imgui.close_current_popup()
