"""The table of a comparison: a row for each architecture, sorted by any figure."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from imgui_bundle import ImVec2, imgui, imgui_ctx

from ais.gui.comparison import Comparison
from ais.gui.lengths_of_time import clock
from ais.gui.panels.layout import coloured, disabled, em

if TYPE_CHECKING:
    from ais.gui.app import Window

NONE = "-"
BEFORE = 2
"""Columns before the figures: the architecture, and the button that adds its model to the project."""


@dataclass(frozen=True)
class _Column:
    """A figure of the table; `lower` says that the lowest is the best, None that neither is."""

    head: str
    name: str
    width: float
    text: Callable[[float], str]
    tooltip: str
    lower: bool | None = None


def _short(seconds: float) -> str:
    return f"{1000 * seconds:.0f} ms" if seconds < 1 else f"{seconds:.1f} s" if seconds < 10 else clock(seconds)


def _millions(count: float) -> str:
    return f"{count / 1e6:.2f} M" if count >= 1e5 else f"{count / 1e3:.1f} k"


def _three(value: float) -> str:
    return f"{value:.3f}"


COLUMNS = (
    _Column("Dice", "dice", 4.2, _three, "Overlap with what is true, 0 to 1", lower=False),
    _Column("clDice", "cldice", 4.4, _three, "The same for centre lines: whether threads are whole", lower=False),
    _Column("Per slice", "seconds_per_slice", 5.2, _short, "To segment a slice of 512 x 512 pixels", lower=True),
    _Column("Training", "training_seconds", 5.2, _short, "Time that the training took", lower=True),
    _Column("Parameters", "parameters", 5.8, _millions, "Numbers that the network learns"),
    _Column("Loss", "loss", 4.4, _three, "Of the epoch that was kept"),
    _Column("Val. loss", "val_loss", 5.0, _three, "Loss in the samples kept aside"),
    _Column("Precision", "precision", 5.2, _three, "Share of what was found that is true"),
    _Column("Recall", "recall", 4.4, _three, "Share of what is true that was found"),
)


class ComparisonTable:
    """The table, and how it is sorted."""

    def __init__(self) -> None:
        self._sorted_by: tuple[int, bool] | None = None

    def order(self, comparison: Comparison) -> list[str]:
        """Names of the architectures as they are sorted; those without the figure come last."""
        names = list(comparison.architectures)
        if self._sorted_by is None:
            return names
        column, descending = self._sorted_by
        if column == 0:
            return sorted(names, reverse=descending)
        rows = _by_name(comparison)
        figure = COLUMNS[column - BEFORE].name
        known = [name for name in names if rows.get(name, {}).get(figure) is not None]
        known.sort(key=lambda name: rows[name][figure], reverse=descending)
        return known + [name for name in names if name not in known]

    def draw(self, window: Window, comparison: Comparison, titles: dict[str, str], height: float) -> None:
        """Draw it, with a button for each model."""
        flags = (
            imgui.TableFlags_.sortable
            | imgui.TableFlags_.sort_tristate
            | imgui.TableFlags_.scroll_x
            | imgui.TableFlags_.scroll_y
            | imgui.TableFlags_.sizing_fixed_fit
            | imgui.TableFlags_.borders_inner_h
        )
        with imgui_ctx.begin_table("comparison", BEFORE + len(COLUMNS), int(flags), ImVec2(0, height)) as table:
            if not table:
                return
            imgui.table_setup_scroll_freeze(2, 1)
            imgui.table_setup_column("Architecture", imgui.TableColumnFlags_.width_fixed, em(8.6))
            imgui.table_setup_column(
                "##use", int(imgui.TableColumnFlags_.width_fixed | imgui.TableColumnFlags_.no_sort), em(3.4)
            )
            for column in COLUMNS:
                kind = imgui.TableColumnFlags_.width_fixed
                if column.lower is False:
                    kind |= imgui.TableColumnFlags_.prefer_sort_descending
                imgui.table_setup_column(column.head, int(kind), em(column.width))
            self._draw_heads()
            specs = imgui.table_get_sort_specs()
            if specs is not None:
                one = specs.get_specs(0) if specs.specs_count else None
                descending = one is not None and one.get_sort_direction() == imgui.SortDirection.descending
                self._sorted_by = None if one is None else (one.column_index, descending)
            rows, best = _by_name(comparison), _best(comparison.rows)
            for name in self.order(comparison):
                imgui.push_id(name)
                _draw_row(window, comparison, name, titles.get(name, name), rows.get(name), best)
                imgui.pop_id()

    def _draw_heads(self) -> None:
        imgui.table_next_row(imgui.TableRowFlags_.headers)
        imgui.table_set_column_index(0)
        imgui.table_header("Architecture")
        for number, column in enumerate(COLUMNS, BEFORE):
            imgui.table_set_column_index(number)
            imgui.table_header(column.head)
            imgui.set_item_tooltip(f"{column.tooltip}. Click to sort.")


def _draw_row(
    window: Window, comparison: Comparison, name: str, title: str, row: dict[str, Any] | None, best: dict[str, float]
) -> None:
    theme = window.theme
    imgui.table_next_row()
    imgui.table_next_column()
    imgui.align_text_to_frame_padding()
    with coloured(theme.text if row is not None else theme.faint):
        imgui.text_unformatted(title)
    imgui.table_next_column()
    if row is not None and row["status"] != "failed":
        _draw_use(window, comparison, name, row)
    imgui.table_next_column()
    if row is None or row["status"] == "failed":
        imgui.align_text_to_frame_padding()
        part = comparison.part(name)
        words = row["error"] if row is not None else _words(comparison, part)
        with coloured(theme.danger if row is not None else theme.faint):
            imgui.text_unformatted("Failed" if row is not None else words)
        if row is not None:
            imgui.set_item_tooltip(words)
        return
    for number, column in enumerate(COLUMNS):
        if number:
            imgui.table_next_column()
        value = row.get(column.name)
        text = NONE if value is None else column.text(value)
        imgui.align_text_to_frame_padding()
        at_right = imgui.get_content_region_avail().x - imgui.calc_text_size(text).x
        imgui.set_cursor_pos_x(imgui.get_cursor_pos_x() + max(0.0, at_right))
        is_best = value is not None and best.get(column.name) == value
        with coloured(theme.accent if is_best else theme.faint if value is None else theme.text):
            imgui.text_unformatted(text)


def _draw_use(window: Window, comparison: Comparison, name: str, row: dict[str, Any]) -> None:
    editor = window.editor
    used = any(str(entry.path) == row.get("model") for entry in editor.snapshot.models)
    with disabled(used or editor.read_only or not row.get("model")):
        if imgui.button(f"{'Used' if used else 'Use'}###Use {name}"):
            editor.modelling.comparisons.use_model(comparison, row)
    imgui.set_item_tooltip("Add this model to the project" if not used else "It is among the models of the project")


def _words(comparison: Comparison, part: float | None) -> str:
    if part is not None:
        return f"{100 * part:.0f} %"
    return "Not done" if comparison.ended else "Waits"


def _by_name(comparison: Comparison) -> dict[str, dict[str, Any]]:
    return {row["architecture"]: row for row in comparison.rows}


def _best(rows: Sequence[dict[str, Any]]) -> dict[str, float]:
    """The best figure of each column that has one, if there is something to compare."""
    best = {}
    for column in COLUMNS:
        values = [row[column.name] for row in rows if row.get(column.name) is not None]
        if column.lower is not None and len(values) > 1:
            best[column.name] = min(values) if column.lower else max(values)
    return best
