"""Draws a section of the Render tab. What is selected in the 3D scene."""

from __future__ import annotations

from typing import TYPE_CHECKING

from imgui_bundle import imgui

from ais.gui.panels.command_button import command_button, flowing_buttons
from ais.gui.panels.layout import elided, em, faint, section
from ais.gui.scene_edits import selected_facts

if TYPE_CHECKING:
    from ais.gui.app import Window

LABELS_EM, LABELS_SHARE = 5.2, 0.5
"""Width of the column of labels: at least, and at most of the panel's."""
GAP_EM = 0.6
NOTHING = "Click a component or a particle in the 3D scene; shift + drag selects several."
ACTIONS = (
    ("scene.hide", "Hide"),
    ("scene.remove", "Remove"),
    ("scene.keep", "Keep only"),
    ("scene.jump", "Go to it"),
    ("scene.centre", "Turn about it"),
)


def draw(window: Window) -> None:
    """Draw this part of the Render tab."""
    editor = window.editor
    if editor.shown is None or not section("Selected###scene selection", window.theme, is_open=True):
        return
    if not editor.shell.scene_shown:
        command_button(window, "scene.show", strong=True)
    if not editor.rendering.view.selected:
        faint(NOTHING, window.theme.faint)
        return
    facts = selected_facts(editor)
    widest = max(imgui.calc_text_size(name).x for name, _ in facts) + em(GAP_EM)
    column = max(em(LABELS_EM), min(widest, LABELS_SHARE * imgui.get_content_region_avail().x))
    for name, text in facts:
        short = elided(name, column - em(GAP_EM))
        imgui.text_disabled(short)
        if short != name:
            imgui.set_item_tooltip(name)
        imgui.same_line(column)
        imgui.push_text_wrap_pos(0.0)
        imgui.text_unformatted(text)
        imgui.pop_text_wrap_pos()
    flowing_buttons(window, *ACTIONS)
