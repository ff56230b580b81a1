"""The table of instances: searched, sorted by any figure; a click jumps to the instance."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
from imgui_bundle import ImVec2, imgui, imgui_ctx

from ais.gui.analyses import KEYS_OF_ANALYSIS
from ais.gui.analysis_table import InstanceTable, Quantity, RowOrder
from ais.gui.panels.layout import coloured, elided, em, faint

if TYPE_CHECKING:
    from ais.gui.app import Window

FLAGS = int(
    imgui.TableFlags_.sortable
    | imgui.TableFlags_.sort_tristate
    | imgui.TableFlags_.scroll_x
    | imgui.TableFlags_.scroll_y
    | imgui.TableFlags_.sizing_fixed_fit
    | imgui.TableFlags_.row_bg
)
ROW_FLAGS = int(imgui.SelectableFlags_.span_all_columns)
LEAST_NAME, MOST_NAME, ID_WIDTH, BORDER_WIDTH = 5.4, 12.0, 2.8, 4.0
LEAST_WIDTH, PER_LETTER = 4.6, 0.5
KEYS = frozenset({"up", "down"})


def draw(window: Window) -> None:
    """Draw the table below a field to search in."""
    analyses = window.editor.analyses
    table, order = analyses.table, analyses.order
    imgui.set_next_item_width(-1)
    _, order.search = imgui.input_text_with_hint("##Search instances", "Search by tomogram or feature", order.search)
    if not len(analyses.shown_rows):
        faint("No tomogram or feature has this in its name." if len(table) else _nothing(table), window.theme.faint)
        return
    columns = _columns(table)
    with imgui_ctx.begin_table("instances", len(columns), FLAGS, ImVec2(0, 0)) as drawn:
        if not drawn:
            return
        imgui.table_setup_scroll_freeze(1, 1)
        for name, head, width, _ in columns:
            kind = imgui.TableColumnFlags_.width_fixed
            if name not in ("tomogram", "feature", "id"):
                kind |= imgui.TableColumnFlags_.prefer_sort_descending
            imgui.table_setup_column(head, int(kind), em(width))
        _draw_heads(columns)
        _follow_sorting(order, [name for name, *_ in columns])
        rows = analyses.shown_rows
        clipper = imgui.ListClipper()
        clipper.begin(len(rows))
        while clipper.step():
            for at in range(clipper.display_start, clipper.display_end):
                _draw_row(window, table, int(rows[at]), columns)
        _move_by_keys(window)


def _follow_sorting(order: RowOrder, names: list[str]) -> None:
    specs = imgui.table_get_sort_specs()
    one = specs.get_specs(0) if specs.specs_count else None
    order.sort_by = "" if one is None else names[one.column_index]
    order.descending = one is not None and one.get_sort_direction() == imgui.SortDirection.descending


def _move_by_keys(window: Window) -> None:
    """Up and down go from instance to instance while the table has the focus."""
    analyses = window.editor.analyses
    if not imgui.is_window_focused() or imgui.get_io().want_text_input:
        return
    window.editor.shell.keys_taken[KEYS_OF_ANALYSIS] = KEYS
    step = int(imgui.is_key_pressed(imgui.Key.down_arrow)) - int(imgui.is_key_pressed(imgui.Key.up_arrow))
    if step:
        analyses.step(step)
        at = int(np.flatnonzero(analyses.shown_rows == analyses.selected)[0])
        imgui.set_scroll_y(max(0.0, at * imgui.get_text_line_height_with_spacing() - imgui.get_window_height() / 2))


_Column = tuple[str, str, float, "Quantity | None"]


def _columns(table: InstanceTable) -> list[_Column]:
    """Name, head, width in em, and the figure, if it is one."""
    volumes = [one.volume for one in table.results]
    found: list[_Column] = [("id", "No.", ID_WIDTH, None)]
    for name, head, texts in (
        ("tomogram", "Tomogram", {one.tomogram_name for one in volumes}),
        ("feature", "Feature", {one.feature for one in volumes}),
    ):
        if len(texts) > 1:
            widest = max(imgui.calc_text_size(text).x for text in (*texts, head)) / em(1) + 0.4
            found.append((name, head, min(max(widest, LEAST_NAME), MOST_NAME), None))
    for one in table.quantities:
        found.append((one.name, one.words, max(LEAST_WIDTH, PER_LETTER * len(one.words) + 1.2), one))
    return [*found, ("touches_border", "Border", BORDER_WIDTH, None)]


def _draw_heads(columns: list[_Column]) -> None:
    imgui.table_next_row(imgui.TableRowFlags_.headers)
    tooltips = {"id": "As in the file of labels", "touches_border": "Whether a part may lie outside of the volume"}
    for number, (name, head, _, quantity) in enumerate(columns):
        imgui.table_set_column_index(number)
        imgui.table_header(head)
        about = quantity.tooltip if quantity is not None else tooltips.get(name, "")
        imgui.set_item_tooltip(f"{about}. Click to sort." if about else "Click to sort.")


def _draw_row(window: Window, table: InstanceTable, row: int, columns: list[_Column]) -> None:
    analyses = window.editor.analyses
    result = table.results[int(table.owner[row])]
    imgui.table_next_row()
    for name, _, _, quantity in columns:
        imgui.table_next_column()
        if name == "id":
            chosen = analyses.selected == row
            if imgui.selectable(f"{int(table.ids[row])}###instance {row}", chosen, ROW_FLAGS)[0]:
                analyses.jump_to(row)
        elif name in ("tomogram", "feature"):
            text = result.volume.tomogram_name if name == "tomogram" else result.volume.feature
            imgui.text_unformatted(elided(text, imgui.get_content_region_avail().x))
        elif name == "touches_border":
            with coloured(window.theme.faint):
                imgui.text_unformatted("cut" if table.at_border[row] else "")
        elif quantity is not None:
            _draw_number(window, float(table.values(quantity)[row]))


def _draw_number(window: Window, value: float) -> None:
    text = number_text(value)
    at_right = imgui.get_content_region_avail().x - imgui.calc_text_size(text).x
    imgui.set_cursor_pos_x(imgui.get_cursor_pos_x() + max(0.0, at_right))
    with coloured(window.theme.faint if math.isnan(value) else window.theme.text):
        imgui.text_unformatted(text)


def number_text(value: float) -> str:
    """A figure in few letters; a dash where it is not known."""
    if math.isnan(value):
        return "-"
    size = abs(value)
    if size >= 1e7:
        return f"{value:.3g}"
    return f"{value:,.0f}" if size >= 1000 else f"{value:.1f}" if size >= 1 else f"{value:.3g}"


def _nothing(table: InstanceTable) -> str:
    notes = [one.instances.note for one in table.results if one.instances is not None]
    return f"Nothing was found at this threshold. {notes[0]}" if notes else ""
