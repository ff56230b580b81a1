"""Draws the list of edits, to go back to any of them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING

from imgui_bundle import ImVec2, imgui, imgui_ctx

from ais.annotation import HistoryEntry
from ais.gui.document import HISTORY_SHOWN
from ais.gui.panels.layout import coloured, disabled, elided, em, faint

if TYPE_CHECKING:
    from ais.gui.app import Window

WITH_TIME_EM = 16.0
BEGINNING = "Before all of these edits"


def draw(window: Window) -> None:
    """Draw it."""
    window.part(History).draw(window)


class History:
    """The list; it follows the edit that was made last."""

    def __init__(self) -> None:
        self._followed: int | None = None

    def draw(self, window: Window) -> None:
        """Draw it."""
        editor = window.editor
        history = editor.snapshot.history
        if editor.document is None or not history:
            faint("Every edit appears here, and can be taken back by a click.", window.theme.faint)
            return
        flags = imgui.TableFlags_.scroll_y | imgui.TableFlags_.no_pad_outer_x | imgui.TableFlags_.sizing_fixed_fit
        with_time = imgui.get_content_region_avail().x > em(WITH_TIME_EM)
        with disabled(editor.read_only), imgui_ctx.begin_table("history", 1 + with_time, int(flags)) as table:
            if table:
                imgui.table_setup_column("edit", imgui.TableColumnFlags_.width_stretch)
                if with_time:
                    width = imgui.calc_text_size("00:00:00 ").x
                    imgui.table_setup_column("time", imgui.TableColumnFlags_.width_fixed, width)
                self._draw_rows(window, history, with_time)

    def _draw_rows(self, window: Window, history: Sequence[HistoryEntry], with_time: bool) -> None:
        current = sum(not entry.undone for entry in history)  # 0 is the row before all edits
        number = history[current - 1].id if current else 0
        chosen: int | None = None
        clipper = imgui.ListClipper()
        clipper.begin(len(history) + 1)
        clipper.include_item_by_index(current)
        while clipper.step():
            for row in range(clipper.display_start, clipper.display_end):
                if _draw_row(window, history, row, is_current=row == current, with_time=with_time):
                    chosen = history[row - 1].id if row else 0
                if row == current and self._followed != number:
                    self._followed = number
                    if not imgui.is_item_visible():
                        imgui.set_scroll_here_y(0.5)
        if chosen is not None and chosen != number and window.editor.document is not None:
            window.editor.cancel_gesture()
            window.editor.document.travel_to(chosen)


def _draw_row(window: Window, history: Sequence[HistoryEntry], row: int, *, is_current: bool, with_time: bool) -> bool:
    """Draw a row; gives whether it was pressed."""
    entry = history[row - 1] if row else None
    beginning = BEGINNING if len(history) < HISTORY_SHOWN else f"Before these {HISTORY_SHOWN} edits"
    imgui.table_next_row()
    imgui.table_next_column()
    undone = entry is not None and entry.undone
    with coloured(window.theme.faint if undone or entry is None else window.theme.text, 0.75 if undone else 1.0):
        text = entry.text if entry is not None else beginning
        flags = int(imgui.SelectableFlags_.span_all_columns)
        pressed, _ = imgui.selectable(
            f"{elided(text, imgui.get_content_region_avail().x)}###{row}", is_current, flags, ImVec2(0, em(1.25))
        )
        if entry is not None and imgui.is_item_hovered(imgui.HoveredFlags_.for_tooltip):
            when = local_time(entry.time)
            imgui.set_tooltip(f"{entry.text}\n{when:%Y-%m-%d %H:%M:%S}{', undone' if undone else ''}" if when else text)
        if not with_time:
            return bool(pressed)
        imgui.table_next_column()
        when = local_time(entry.time) if entry is not None else None
        if when is not None:
            with coloured(window.theme.faint, 0.75 if undone else 1.0):
                imgui.text(f"{when:%H:%M:%S}")
    return bool(pressed)


def local_time(text: str) -> datetime | None:
    """A time of the history, in the user's time zone; None if it cannot be read."""
    try:
        return datetime.fromisoformat(text).astimezone()
    except ValueError:
        return None
