"""Draws the volumes that were made: where they are, and how they are shown over their tomograms."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from imgui_bundle import ImVec2, ImVec4, imgui, imgui_ctx
from imgui_bundle import icons_fontawesome_6 as icons

from ais.formats.registry import volume_stem
from ais.gui.export_results import ResultList, ResultOrder, when_text
from ais.gui.export_volumes import ExportResult
from ais.gui.export_wish import size_text
from ais.gui.lengths_of_time import clock
from ais.gui.panels.layout import coloured, disabled, elided, em, faint, icon_button, label, section
from ais.gui.reveal import reveal
from ais.gui.theme import GRAB_SHARE, colour, mix

if TYPE_CHECKING:
    from ais.gui.app import Window
    from ais.gui.document import Document

ROWS = 8
FLAGS = int(
    imgui.TableFlags_.scroll_y
    | imgui.TableFlags_.no_pad_outer_x
    | imgui.TableFlags_.sizing_fixed_fit
    | imgui.TableFlags_.row_bg
)
ROW_FLAGS = int(
    imgui.SelectableFlags_.span_all_columns
    | imgui.SelectableFlags_.allow_overlap
    | imgui.SelectableFlags_.allow_double_click
)
COLOUR_FLAGS = int(imgui.ColorEditFlags_.no_inputs | imgui.ColorEditFlags_.no_alpha | imgui.ColorEditFlags_.no_label)
BYTE = 255.0


def draw(window: Window) -> None:
    """Draw the section, once something has been made."""
    window.part(ResultSection).draw(window)


class ResultSection:
    """The list, what is typed above it, and the row that is selected."""

    def __init__(self) -> None:
        self._document: Document | None = None
        self._list: ResultList | None = None
        self._selected: ExportResult | None = None

    def draw(self, window: Window) -> None:
        """Draw the section."""
        editor = window.editor
        if self._list is None or self._document is not editor.document:
            self._document, self._list, self._selected = editor.document, ResultList(editor.background), None
        results = editor.modelling.exports.results
        if not results:
            return
        count = f"{len(results)} volume{'s' if len(results) != 1 else ''}"
        if not section(f"Results: {count}###results", window.theme, is_open=True):
            return
        self._draw_head(self._list, len(results))
        shown = self._list.shown(results)
        if not shown:
            faint("No volume has this in its name.", window.theme.faint)
            return
        self._draw_table(window, self._list, shown)
        if self._selected in shown and self._selected is not None:
            _draw_look(window, self._selected)

    def _draw_head(self, listed: ResultList, count: int) -> None:
        gap = imgui.get_style().item_spacing.x / 2
        imgui.set_next_item_width(-em(1.9) - gap)
        hint = f"Search {count} volumes" if count > 1 else "Search"
        _, listed.search = imgui.input_text_with_hint("##Search results", hint, listed.search)
        imgui.same_line(0, gap)
        tooltip = f"Sort: {listed.order.value.lower()}"
        if icon_button(icons.ICON_FA_ARROW_DOWN_WIDE_SHORT, "Sort results", tooltip):
            imgui.open_popup("sort results")
        if imgui.begin_popup("sort results"):
            for order in ResultOrder:
                if imgui.menu_item_simple(order.value, "", listed.order is order):
                    listed.order = order
            imgui.end_popup()

    def _draw_table(self, window: Window, listed: ResultList, shown: tuple[ExportResult, ...]) -> None:
        row = imgui.get_frame_height()
        padding = ImVec2(em(0.25), em(0.07))
        height = min(len(shown), ROWS) * (row + 2 * padding.y) + 1
        now = time.time()
        with (
            imgui_ctx.push_style_var(imgui.StyleVar_.cell_padding, padding),
            imgui_ctx.begin_table("results", 4, FLAGS, ImVec2(0, height)) as table,
        ):
            if not table:
                return
            imgui.table_setup_column("shown", imgui.TableColumnFlags_.width_fixed, row)
            imgui.table_setup_column("name", imgui.TableColumnFlags_.width_stretch)
            imgui.table_setup_column("size", imgui.TableColumnFlags_.width_fixed)
            imgui.table_setup_column("when", imgui.TableColumnFlags_.width_fixed)
            clipper = imgui.ListClipper()
            clipper.begin(len(shown))
            while clipper.step():
                for at in range(clipper.display_start, clipper.display_end):
                    with imgui_ctx.push_id(str(shown[at].path)):
                        self._draw_row(window, listed, shown[at], now)

    def _draw_row(self, window: Window, listed: ResultList, result: ExportResult, now: float) -> None:
        theme, overlays = window.theme, window.editor.modelling.overlays
        missing, height = listed.is_missing(result), imgui.get_frame_height()
        is_shown = overlays.shown(result.path)
        imgui.table_next_row()
        imgui.table_next_column()
        name = f"{volume_stem(result.tomogram)} {result.feature}"
        with (
            imgui_ctx.push_style_color(imgui.Col_.button, colour(theme.panel, 0.0)),
            coloured(overlays.look(result.path).colour if is_shown and not missing else theme.faint),
            disabled(missing),
        ):
            icon = icons.ICON_FA_EYE if is_shown else icons.ICON_FA_EYE_SLASH
            if imgui.button(f"{icon}###Show {name}", ImVec2(height, height)):
                overlays.show(result.path, not is_shown)
                self._selected = result
        imgui.set_item_tooltip("Show or hide over the tomogram")
        imgui.table_next_column()
        with coloured(theme.faint if missing else theme.text):
            text = elided(f"{volume_stem(result.tomogram)}  {result.feature}", imgui.get_content_region_avail().x)
            chosen = self._selected is not None and self._selected.path == result.path
            pressed, _ = imgui.selectable(f"{text}###{name}", chosen, ROW_FLAGS)
        if imgui.is_item_hovered(imgui.HoveredFlags_.for_tooltip):
            imgui.set_tooltip(_details(result, missing))
        if pressed or imgui.is_item_clicked(1):
            self._selected = result
        if pressed and imgui.is_mouse_double_clicked(0):
            visit(window, result)
        focused = chosen and imgui.is_item_focused() and imgui.is_window_focused()
        if focused and imgui.is_key_pressed(imgui.Key.delete, False):
            forget(window, result)
        if focused and imgui.is_key_pressed(imgui.Key.enter, False):
            visit(window, result)
        if imgui.begin_popup_context_item("menu"):
            _draw_menu(window, result)
            imgui.end_popup()
        imgui.table_next_column()
        imgui.align_text_to_frame_padding()
        size = listed.sizes.get(result.path)
        if missing:
            imgui.text_colored(colour(theme.accent), "missing")
        else:
            imgui.text_colored(colour(theme.faint), size_text(size) if size is not None else "")
        imgui.table_next_column()
        imgui.align_text_to_frame_padding()
        imgui.text_colored(colour(theme.faint), when_text(result.finished, now))


def visit(window: Window, result: ExportResult) -> None:
    """Show a volume over its tomogram, which is opened if another one is on the screen."""
    editor = window.editor
    entry = next((entry for entry in editor.snapshot.tomograms if entry.path == result.tomogram), None)
    if entry is None:
        editor.notices.problem(f"{result.tomogram} is not in this project any more: add it to see the volume over it.")
        return
    editor.modelling.overlays.show(result.path)
    editor.select_tomogram(entry.id)


def forget(window: Window, result: ExportResult) -> None:
    """Take a volume off the list; its file stays."""
    window.editor.modelling.overlays.show(result.path, False)
    window.editor.modelling.exports.forget(result)
    window.editor.notices.say(f"{result.path.name} was taken off the list; the file stays.")


def _draw_menu(window: Window, result: ExportResult) -> None:
    if imgui.menu_item_simple("Show over its tomogram"):
        visit(window, result)
    if imgui.menu_item_simple("Show in folder"):
        window.editor.background.run(lambda _: reveal(result.path))
    if imgui.menu_item_simple("Copy path"):
        imgui.set_clipboard_text(str(result.path))
    imgui.separator()
    if imgui.menu_item_simple("Remove from list"):
        forget(window, result)


def _draw_look(window: Window, result: ExportResult) -> None:
    """How the selected volume is shown; every change is seen at once."""
    overlays = window.editor.modelling.overlays
    look = overlays.look(result.path)
    if problem := overlays.problems.get(result.path):
        with coloured(window.theme.accent):
            imgui.text_wrapped(problem)
    if not overlays.shown(result.path):
        faint("A double click shows it over its tomogram.", window.theme.faint)
        return
    label("Colour")
    changed, ink = imgui.color_edit3("##result colour", ImVec4(*look.colour, 1), COLOUR_FLAGS)
    if changed:
        overlays.change(result.path, colour=(float(ink[0]), float(ink[1]), float(ink[2])))
    with (
        imgui_ctx.push_style_color(imgui.Col_.slider_grab, colour(mix(window.theme.field, look.colour, GRAB_SHARE))),
        imgui_ctx.push_style_color(imgui.Col_.slider_grab_active, colour(look.colour)),
    ):
        label("Threshold", "From which probability on a voxel is shown")
        changed, percent = imgui.slider_float("##result threshold", 100 * look.threshold / BYTE, 0, 100, "%.0f %%")
        if changed:
            overlays.change(result.path, threshold=min(max(percent / 100, 0.0), 1.0) * BYTE)
        label("Opacity", "Of the overlay")
        changed, percent = imgui.slider_float("##result opacity", 100 * look.alpha, 0, 100, "%.0f %%")
        if changed:
            overlays.change(result.path, alpha=min(max(percent / 100, 0.0), 1.0))


def _details(result: ExportResult, missing: bool) -> str:
    when = time.strftime("%Y-%m-%d %H:%M", time.localtime(result.finished))
    first = f"{result.path} is missing" if missing else str(result.path)
    return f"{first}\nModel {result.model.name}\nFinished {when}, after {clock(result.seconds)}"
