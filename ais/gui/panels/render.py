"""The Render tab: segmented volumes as surfaces, what is selected of them, particles picked from them, images."""

from __future__ import annotations

from typing import TYPE_CHECKING

from imgui_bundle import imgui

from ais.gui.panels import (
    fluorescence_section,
    particles_section,
    picking_section,
    scene_look_section,
    selection_section,
    volumes_section,
)
from ais.gui.panels.command_button import command_button
from ais.gui.panels.layout import faint

if TYPE_CHECKING:
    from ais.gui.app import Window


def draw(window: Window) -> None:
    """Draw the panel."""
    if window.editor.document is None:
        faint("Segmented volumes appear here, once a tomogram is open.", window.theme.faint)
        return
    for part in (volumes_section, selection_section, picking_section, particles_section):
        part.draw(window)
    if window.editor.shown is not None:
        fluorescence_section.draw(window)
    scene_look_section.draw(window)
    imgui.spacing()
    command_button(window, "analysis.open", "Analyze...")
    imgui.same_line()
    command_button(window, "scene_files.save", "Save scene...")
