"""The Export tab: whole tomograms are segmented one after the other, and the volumes that were made."""

from __future__ import annotations

from typing import TYPE_CHECKING

from imgui_bundle import imgui

from ais.gui.panels import export_form, export_list, results_list
from ais.gui.panels.command_button import flow
from ais.gui.panels.layout import coloured, faint
from ais.gui.panels.modal import button_width

if TYPE_CHECKING:
    from ais.gui.app import Window


def draw(window: Window) -> None:
    """Draw the panel."""
    if window.editor.document is None:
        faint("What is exported appears here, once a tomogram is open.", window.theme.faint)
        return
    _draw_interrupted(window)
    export_form.draw(window)
    export_list.draw(window)
    results_list.draw(window)


def _draw_interrupted(window: Window) -> None:
    """What an earlier session has not finished stays here, once the question about it has been put off."""
    exports = window.editor.modelling.exports
    text = exports.pending()
    if not text or exports.asks:
        return
    with coloured(window.theme.accent):
        imgui.text_wrapped(text)
    if imgui.button("Resume###Resume interrupted"):
        exports.resume_pending()
    flow(button_width("Discard"))
    if imgui.button("Discard###Discard interrupted"):
        exports.discard_pending()
    imgui.spacing()
