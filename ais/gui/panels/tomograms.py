"""Draws the list of tomograms."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from imgui_bundle import ImVec2, imgui, imgui_ctx
from imgui_bundle import icons_fontawesome_6 as icons

from ais.annotation import Feature, TomogramEntry
from ais.gui.commands import command
from ais.gui.commands.tomogram import LIST_COMMANDS, relink, run_on
from ais.gui.panels.command_button import command_button, flow
from ais.gui.panels.feature_list import counts_text
from ais.gui.panels.layout import coloured, elided, em, faint, icon_button
from ais.gui.panels.modal import button_width
from ais.gui.theme import colour, packed
from ais.gui.tomogram_list import Order
from ais.project.overview import BoxCount

if TYPE_CHECKING:
    from ais.gui.app import Window

MARK_EM = 0.9
LOW_EM = 7.0
MOST_MARKS = 12
FULL_FROM_SLICES = 10
"""A mark is full from so many annotated slices on; below, it is filled by the share of them."""


def draw(window: Window) -> None:
    """Draw the panel."""
    window.part(TomogramPanel).draw(window)


class TomogramPanel:
    """The list, and which row it was scrolled to last."""

    def __init__(self) -> None:
        self._scrolled_to: int | None = None
        self._listed = ("", Order.ADDED)
        self._counted = (-1, 0)

    def draw(self, window: Window) -> None:
        """Draw the search field and the list."""
        editor = window.editor
        if not editor.snapshot.tomograms:
            faint("No tomogram yet. Open one, or drop it here.", window.theme.faint)
            command_button(window, "file.open_tomogram", "Open tomogram...", strong=True)
            return
        self._draw_head(window)
        entries = editor.tomogram_list.shown(editor.snapshot)
        if not entries:
            faint("No tomogram has this in its name or folder.", window.theme.faint)
            return
        self._draw_rows(window, entries)

    def _draw_head(self, window: Window) -> None:
        listed = window.editor.tomogram_list
        gap = imgui.get_style().item_spacing.x / 2
        missing = self._missing(window)
        is_low = imgui.get_content_region_avail().y < em(LOW_EM)
        imgui.set_next_item_width(-(2 + (is_low and missing > 0)) * (em(1.9) + gap))
        count = len(window.editor.snapshot.tomograms)
        hint = f"Search {count} tomograms" if count > 1 else "Search"
        _, listed.search = imgui.input_text_with_hint("##Search tomograms", hint, listed.search)
        imgui.same_line(0, gap)
        if icon_button(icons.ICON_FA_ARROW_DOWN_WIDE_SHORT, "Sort", f"Sort: {listed.order.value.lower()}"):
            imgui.open_popup("sort")
        if imgui.begin_popup("sort"):
            for order in Order:
                if imgui.menu_item_simple(order.value, "", listed.order is order):
                    listed.order = order
            imgui.end_popup()
        imgui.same_line(0, gap)
        command_button(window, "file.open_tomogram", "Open tomogram", icon=icons.ICON_FA_PLUS)
        if missing and is_low:
            imgui.same_line(0, gap)
            with coloured(window.theme.accent):
                pressed = icon_button(
                    icons.ICON_FA_LINK_SLASH, "Relink all...", f"{missing} files are missing: relink all"
                )
            if pressed:
                command("tomogram.relink_all").run(window.editor)
        elif missing:
            self._draw_missing(window, missing)

    def _missing(self, window: Window) -> int:
        snapshot = window.editor.snapshot
        if snapshot.revision != self._counted[0]:
            self._counted = snapshot.revision, sum(entry.missing for entry in snapshot.tomograms)
        return self._counted[1]

    def _draw_missing(self, window: Window, missing: int) -> None:
        with coloured(window.theme.accent):
            imgui.align_text_to_frame_padding()
            imgui.text(f"{missing} file{'s are' if missing != 1 else ' is'} missing.")
        flow(button_width("Relink all..."))
        command_button(window, "tomogram.relink_all", "Relink all...")

    def _draw_rows(self, window: Window, entries: Sequence[TomogramEntry]) -> None:
        editor = window.editor
        features = editor.snapshot.features[:MOST_MARKS]
        flags = imgui.TableFlags_.scroll_y | imgui.TableFlags_.no_pad_outer_x | imgui.TableFlags_.sizing_fixed_fit
        with imgui_ctx.begin_table("tomograms", 3, int(flags)) as table:
            if not table:
                return
            imgui.table_setup_column("name", imgui.TableColumnFlags_.width_stretch)
            imgui.table_setup_column("state", imgui.TableColumnFlags_.width_fixed)
            imgui.table_setup_column("marks", imgui.TableColumnFlags_.width_fixed, em(MARK_EM) * len(features))
            current = next((at for at, entry in enumerate(entries) if entry.id == editor.state.tomogram), None)
            listed = editor.tomogram_list
            if (listed.search, listed.order) != self._listed:
                self._listed = listed.search, listed.order
                imgui.set_scroll_y(0)
            scroll = current is not None and self._scrolled_to != editor.state.tomogram
            clipper = imgui.ListClipper()
            clipper.begin(len(entries))
            if current is not None:
                clipper.include_item_by_index(current)
            while clipper.step():
                for at in range(clipper.display_start, clipper.display_end):
                    imgui.push_id(entries[at].id)
                    self._draw_row(window, entries[at], features, is_current=at == current)
                    imgui.pop_id()
                    if at == current and scroll:
                        self._scrolled_to = editor.state.tomogram
                        if not imgui.is_item_visible():
                            imgui.set_scroll_here_y(0.5)

    def _draw_row(self, window: Window, entry: TomogramEntry, features: Sequence[Feature], *, is_current: bool) -> None:
        editor = window.editor
        imgui.table_next_row()
        imgui.table_next_column()
        flags = imgui.SelectableFlags_.span_all_columns | imgui.SelectableFlags_.allow_overlap
        with coloured(window.theme.faint if entry.missing else window.theme.text):
            pressed, _ = imgui.selectable(
                f"{elided(entry.name, imgui.get_content_region_avail().x)}###{entry.name}", is_current, int(flags)
            )
        if imgui.is_item_hovered(imgui.HoveredFlags_.for_tooltip):
            imgui.set_tooltip(_tooltip(window, entry))
        if pressed:
            editor.select_tomogram(entry.id)
        if imgui.begin_popup_context_item("menu"):
            for item in LIST_COMMANDS:
                if item.separated:
                    imgui.separator()
                if imgui.menu_item_simple(item.text, "", False, item.enabled(editor)):
                    run_on(editor, item, entry.id)
            imgui.end_popup()
        imgui.table_next_column()
        if entry.missing:
            with imgui_ctx.push_style_color(imgui.Col_.button, colour(window.theme.panel, 0.0)):
                if imgui.small_button(f"{icons.ICON_FA_LINK_SLASH}###Relink"):
                    relink(editor, entry.id)
            imgui.set_item_tooltip(f"{entry.path} is missing.\nClick to say where it is now")
        elif made := editor.modelling.exports.result_counts.get(entry.path):
            imgui.text_colored(colour(window.theme.faint), icons.ICON_FA_CUBE)
            imgui.set_item_tooltip(f"{made} exported volume{'s' if made > 1 else ''}, listed in the tab Export")
        imgui.table_next_column()
        _draw_marks(window, entry.id, features)


def _draw_marks(window: Window, tomogram: int, features: Sequence[Feature]) -> None:
    """A circle for each feature, fuller the more slices are annotated."""
    if not features:
        return
    snapshot = window.editor.snapshot
    marks, counts = snapshot.marks.get(tomogram, {}), snapshot.box_counts.get(tomogram, {})
    side, height = em(MARK_EM), imgui.get_text_line_height()
    corner = imgui.get_cursor_screen_pos()
    letters = imgui.get_window_draw_list()
    y, radius = corner.y + height / 2, 0.36 * side
    for number, feature in enumerate(features):
        x = corner.x + side * (number + 0.5)
        slices = marks.get(feature.id, 0)
        if not slices and feature.id not in counts:
            letters.add_circle_filled(ImVec2(x, y), max(0.1 * side, 1.0), packed(window.theme.faint, 0.7))
            continue
        ink = packed(feature.colour)
        letters.add_circle(ImVec2(x, y), radius, ink, 0, 1.5)
        if slices:
            letters.add_circle_filled(ImVec2(x, y), radius * min(slices / FULL_FROM_SLICES, 1.0) ** 0.5, ink)
    imgui.dummy(ImVec2(side * len(features), height))
    if imgui.is_item_hovered():
        at = int((imgui.get_mouse_pos().x - corner.x) / side)
        if 0 <= at < len(features):
            feature = features[at]
            boxes = counts.get(feature.id, BoxCount(0, 0))
            imgui.set_tooltip(f"{feature.name}: {counts_text(marks.get(feature.id, 0), boxes)}")


def _tooltip(window: Window, entry: TomogramEntry) -> str:
    nz, ny, nx = entry.shape
    size = f"{entry.voxel_size:.4g} A" if entry.voxel_size > 0 else "voxel size not known"
    lines = [str(entry.path), f"{nx} x {ny} x {nz} voxels, {size}"]
    marks = window.editor.snapshot.marks.get(entry.id, {})
    counts = window.editor.snapshot.box_counts.get(entry.id, {})
    for feature in window.editor.snapshot.features:
        if feature.id in marks or feature.id in counts:
            boxes = counts.get(feature.id, BoxCount(0, 0))
            lines.append(f"{feature.name}: {counts_text(marks.get(feature.id, 0), boxes)}")
    return "\n".join(lines)
