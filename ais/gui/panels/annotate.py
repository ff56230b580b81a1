"""Draws features and what the mouse does."""

from __future__ import annotations

from typing import TYPE_CHECKING

from imgui_bundle import imgui

from ais.gui.panels import (
    annotated_slices,
    feature_list,
    feature_properties,
    fluorescence_section,
    mark_lists,
    tool_row,
)
from ais.gui.panels.command_button import flowing_buttons
from ais.gui.panels.layout import faint, section

if TYPE_CHECKING:
    from ais.gui.app import Window


def draw(window: Window) -> None:
    """Draw the panel."""
    editor = window.editor
    if editor.document is None:
        faint("What is annotated appears here, once a tomogram is open.", window.theme.faint)
        return
    tool_row.draw(window)
    feature_list.draw(window)
    if editor.state.feature is not None:
        _draw_of_feature(window)
    if editor.shown is not None:
        fluorescence_section.draw(window)
    imgui.spacing()


def _draw_of_feature(window: Window) -> None:
    editor = window.editor
    feature_properties.draw(window)
    annotated_slices.draw(window)
    if editor.snapshot.feature(editor.state.feature) is not None:
        mark_lists.draw(window)
    if section("Import and export", window.theme):
        flowing_buttons(
            window,
            ("annotation.import_mask", "Import mask..."),
            ("annotation.import_slice", "Import slice..."),
            ("export.annotation", "Export volume..."),
            ("export.slice", "Export slice..."),
        )
