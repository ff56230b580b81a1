"""Draws the feature library: remembered features to be added to the project, or forgotten."""

from __future__ import annotations

from typing import TYPE_CHECKING

from imgui_bundle import ImVec2, ImVec4, imgui, imgui_ctx
from imgui_bundle import icons_fontawesome_6 as icons

from ais.feature_library import LibraryEntry, as_operation
from ais.gui.panels.colour_choice import SQUARE_FLAGS
from ais.gui.panels.layout import coloured, disabled, em, faint
from ais.gui.panels.modal import at_right_end, button_width, modal
from ais.gui.theme import colour

if TYPE_CHECKING:
    from ais.gui.app import Window

WIDTH, ROWS = 30.0, 10
NOTE = "Every feature that you add or change is remembered here, so that it looks the same in the next project."
EMPTY = "Nothing is remembered yet: add a feature to a project."


def draw(window: Window) -> None:
    """Draw the page while it is open."""
    editor = window.editor
    with modal("Feature library###feature library", WIDTH) as stays:
        if stays is None:
            return
        faint(NOTE, window.theme.faint)
        imgui.spacing()
        entries = editor.feature_shelf.entries
        if entries:
            _draw_entries(window, entries)
        else:
            faint(EMPTY, window.theme.faint)
        imgui.spacing()
        at_right_end(button_width("Close"))
        if imgui.button("Close") or not stays:
            editor.shell.feature_library = False
            imgui.close_current_popup()


def _draw_entries(window: Window, entries: tuple[LibraryEntry, ...]) -> None:
    editor = window.editor
    present = {feature.name.casefold() for feature in editor.snapshot.features}
    row = imgui.get_frame_height_with_spacing()
    flags = imgui.TableFlags_.scroll_y | imgui.TableFlags_.sizing_fixed_fit
    with imgui_ctx.begin_table("library", 4, int(flags), ImVec2(0, min(len(entries), ROWS) * row + em(0.3))) as table:
        if not table:
            return
        imgui.table_setup_column("colour", imgui.TableColumnFlags_.width_fixed, em(1.3))
        imgui.table_setup_column("name", imgui.TableColumnFlags_.width_stretch)
        clipper = imgui.ListClipper()
        clipper.begin(len(entries), row)
        while clipper.step():
            for entry in entries[clipper.display_start : clipper.display_end]:
                imgui.push_id(entry.name)
                _draw_entry(window, entry, is_present=entry.name.casefold() in present)
                imgui.pop_id()


def _draw_entry(window: Window, entry: LibraryEntry, *, is_present: bool) -> None:
    editor = window.editor
    imgui.table_next_row()
    imgui.table_next_column()
    side = em(1.1)
    imgui.set_cursor_pos_y(imgui.get_cursor_pos_y() + (imgui.get_frame_height() - side) / 2)
    imgui.color_button("##colour", ImVec4(*entry.colour, 1), SQUARE_FLAGS, ImVec2(side, side))
    imgui.table_next_column()
    imgui.align_text_to_frame_padding()
    imgui.text_unformatted(entry.name)
    imgui.set_item_tooltip(
        f"Brush radius {entry.brush_radius:g} px, boxes of {entry.box_size} px, opacity {100 * entry.alpha:.0f} %"
    )
    imgui.table_next_column()
    with disabled(is_present or editor.document is None or editor.read_only):
        if imgui.button(f"{'In this project' if is_present else 'Add'}###Add {entry.name}"):
            editor.submit(as_operation(entry), lambda feature: editor.select_feature(feature.id))
    imgui.table_next_column()
    with (
        imgui_ctx.push_style_color(imgui.Col_.button, colour(window.theme.panel, 0.0)),
        coloured(window.theme.faint),
    ):
        if imgui.button(f"{icons.ICON_FA_XMARK}###Forget {entry.name}"):
            editor.feature_shelf.remove(entry.name)
    imgui.set_item_tooltip("Forget it; projects that have it keep it")
