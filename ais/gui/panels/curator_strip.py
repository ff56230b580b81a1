"""Draws what is left of the Curator while a tile is edited by hand: a strip that leads back."""

from __future__ import annotations

from typing import TYPE_CHECKING

from imgui_bundle import ImVec2, imgui

from ais.gui.panels.layout import disabled, em
from ais.gui.panels.modal import strong_button

if TYPE_CHECKING:
    from ais.gui.app import Window

ABOVE_SCALE_BAR_EM = 3.0


def draw(window: Window) -> None:
    """Draw the strip that is left while a tile is edited by hand."""
    editor, viewport = window.editor, imgui.get_main_viewport()
    curation, curator = editor.modelling.curation, editor.modelling.curator
    view = editor.view("xy")
    bottom = min(view.origin[1] + view.size[1], viewport.work_size.y) - em(ABOVE_SCALE_BAR_EM)
    low = ImVec2(view.origin[0] + view.size[0] / 2, bottom)
    imgui.set_next_window_pos(low, imgui.Cond_.appearing, ImVec2(0.5, 1.0))
    flags = (
        *(imgui.WindowFlags_.no_title_bar, imgui.WindowFlags_.always_auto_resize, imgui.WindowFlags_.no_docking),
        *(imgui.WindowFlags_.no_saved_settings, imgui.WindowFlags_.no_focus_on_appearing),
    )
    if imgui.begin("Curator aside", None, sum(map(int, flags)))[0]:
        tile = curator.tiles[curator.current] if curator.current < len(curator.tiles) else None
        imgui.align_text_to_frame_padding()
        imgui.text("Correct the tile by hand." if tile is not None else "The tiles are gone.")
        imgui.same_line()
        with disabled(tile is None or editor.read_only):
            if imgui.button("Add as sample") and tile is not None:
                curation.add_sample(tile)
        imgui.set_item_tooltip("Places a box over the tile, so that what is painted there trains the next model")
        imgui.same_line()
        if strong_button("Back to the Curator", window.theme.accent, window.theme.on_accent):
            curation.aside = False
    imgui.end()
