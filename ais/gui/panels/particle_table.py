"""Draws the window with the table of a set of particles: sorted by any column, a row leads to its particle."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from imgui_bundle import imgui, imgui_ctx
from numpy.typing import NDArray

from ais.formats.coord_table import text_of
from ais.gui.panels.command_button import command_button, flow
from ais.gui.panels.floating import FLOATING, place_over_slice
from ais.gui.panels.layout import coloured, elided, em, faint
from ais.gui.panels.modal import closes_by_escape
from ais.gui.shown_particles import ParticleTable, ShownParticles, column_tooltips

if TYPE_CHECKING:
    from ais.annotation import ParticleSet
    from ais.gui.app import Window

WIDTH_EM, HEIGHT_EM, LEAST_EM = 48.0, 30.0, 16.0
BEFORE = ("Number", "x [px]", "y [px]", "z [px]")
COLUMN_EM = 7.0
MOST_COLUMNS = 100
"""More are in the file, and saved, but not drawn."""
TEXT_EM = 22.0
FLAGS = int(
    imgui.TableFlags_.sortable
    | imgui.TableFlags_.scroll_x
    | imgui.TableFlags_.scroll_y
    | imgui.TableFlags_.resizable
    | imgui.TableFlags_.sizing_fixed_fit
    | imgui.TableFlags_.row_bg
)
NAME = "table of particles"
"""Under which it takes keys, in `Shell.keys_taken`."""
KEYS = frozenset(("up", "down", "pageup", "pagedown", "home", "end", "delete"))
STEPS = {
    imgui.Key.up_arrow: -1,
    imgui.Key.down_arrow: 1,
    imgui.Key.page_up: -10,
    imgui.Key.page_down: 10,
    imgui.Key.home: -(1 << 30),
    imgui.Key.end: 1 << 30,
}
ROW_FLAGS = int(imgui.SelectableFlags_.span_all_columns | imgui.SelectableFlags_.allow_overlap)


def draw(window: Window) -> None:
    """Draw the window while it is open."""
    window.editor.shell.keys_taken.pop(NAME, None)
    window.part(TableWindow).draw(window)


class TableWindow:
    """How the table is sorted, and the row from which a range is selected."""

    def __init__(self) -> None:
        self._only_shown = True
        self._sorted_by: tuple[int, bool] = (0, False)
        self._order: NDArray[np.intp] = np.zeros(0, np.intp)
        self._made: tuple[object, ...] = ()
        self._wanted: tuple[object, ...] = ()
        self._anchor: int | None = None
        self._seen: object = None
        self._chose_here = False

    def draw(self, window: Window) -> None:
        """Draw it."""
        particles = window.editor.rendering.particles
        current = particles.current
        if not particles.table_open or window.editor.document is None:
            particles.table_open = False
            return
        place_over_slice(window.editor, WIDTH_EM, HEIGHT_EM, LEAST_EM)
        title = f"Particles: {current.name}" if current is not None else "Particles"
        shown, stays = imgui.begin(f"{title}###particle table", True, FLOATING)
        try:
            if imgui.is_window_focused(imgui.FocusedFlags_.root_and_child_windows) and closes_by_escape():
                stays = False
            if shown:
                self._draw_inside(window, current)
        finally:
            imgui.end()
        particles.table_open = bool(stays)

    def _draw_inside(self, window: Window, current: ParticleSet | None) -> None:
        particles = window.editor.rendering.particles
        shown = particles.shown(current.id) if current is not None else None
        if current is None:
            faint("There are no particles in this tomogram: pick some, or load a file.", window.theme.faint)
            return
        if shown is None:
            faint(particles.problem(current.id) or "Reading the particles...", window.theme.faint)
            return
        self._draw_head(window, current, shown)
        self._follow(window, current, shown)
        if not len(self._order):
            empty = "All particles are hidden by their values." if current.count else "All particles are deleted."
            faint(empty, window.theme.faint)
            return
        with imgui_ctx.begin_table(
            "particles", len(BEFORE) + min(len(shown.table.labels), MOST_COLUMNS), FLAGS
        ) as table:
            if table:
                self._draw_table(window, current, shown)

    def _draw_head(self, window: Window, current: ParticleSet, shown: ShownParticles) -> None:
        chosen = len(window.editor.rendering.particles.chosen_in_sets().get(current.id, ()))
        imgui.align_text_to_frame_padding()
        words = f"{shown.count:,} of {current.count:,} shown"
        imgui.text_unformatted(f"{words}, {chosen:,} selected" if chosen else words)
        if shown.count != current.count or not self._only_shown:
            flow(imgui.calc_text_size("Only those shown").x + em(2))
            _, self._only_shown = imgui.checkbox("Only those shown", self._only_shown)
        for name, text in (
            ("particles.delete_selected", "Delete selected"),
            ("particles.keep_selected", "Keep only selected"),
            ("particles.save", "Save..."),
        ):
            flow(imgui.calc_text_size(text).x + 2 * imgui.get_style().frame_padding.x)
            command_button(window, name, text)

    def _follow(self, window: Window, current: ParticleSet, shown: ShownParticles) -> None:
        """Have the rows put in order in a thread when something has changed; the latest wins."""
        wanted = (shown, self._sorted_by, self._only_shown)
        if wanted == self._made or wanted == self._wanted:
            return
        self._wanted = wanted
        rows = shown.visible if self._only_shown else ~current.removed
        column, descending = self._sorted_by
        if self._made and self._made[0] is not shown:
            self._order = self._order[self._order < len(rows)]
            self._order = self._order[rows[self._order]]  # what is deleted is gone at once

        def there(order: NDArray[np.intp]) -> None:
            if wanted == self._wanted:
                self._order, self._made = order, wanted

        window.editor.background.run(lambda _: sorted_rows(shown, rows, column, descending), there)

    def _draw_table(self, window: Window, current: ParticleSet, shown: ShownParticles) -> None:
        imgui.table_setup_scroll_freeze(1, 1)
        kind = int(imgui.TableColumnFlags_.width_fixed)
        labels = shown.table.labels[:MOST_COLUMNS]
        for number, head in enumerate((*BEFORE, *labels)):
            first = int(imgui.TableColumnFlags_.default_sort) if number == 0 else 0
            least = em(4.6) if number < len(BEFORE) else max(em(COLUMN_EM), imgui.calc_text_size(head).x + em(1.5))
            imgui.table_setup_column(head, kind | first, min(least, em(TEXT_EM)))
        _draw_heads(labels)
        specs = imgui.table_get_sort_specs()
        if specs is not None and specs.specs_count:
            one = specs.get_specs(0)
            self._sorted_by = one.column_index, one.get_sort_direction() == imgui.SortDirection.descending
        particles = window.editor.rendering.particles
        chosen = particles.chosen_in_sets().get(current.id, np.zeros(0, np.intp))
        is_chosen = np.zeros(len(shown.table), bool)
        is_chosen[chosen[chosen < len(is_chosen)]] = True
        self._scroll_to(window, chosen)
        clipper = imgui.ListClipper()
        clipper.begin(len(self._order))
        while clipper.step():
            for row in range(clipper.display_start, clipper.display_end):
                number = int(self._order[row])
                with imgui_ctx.push_id(str(number)):
                    self._draw_row(window, current, shown, row, number, bool(is_chosen[number]))
        self._take_keys(window, current, shown)

    def _take_keys(self, window: Window, current: ParticleSet, shown: ShownParticles) -> None:
        """While the window has the keyboard: to the next row, and delete."""
        focused = imgui.is_window_focused(imgui.FocusedFlags_.root_and_child_windows)
        if not focused or imgui.get_io().want_text_input or imgui.is_popup_open("", imgui.PopupFlags_.any_popup):
            return
        editor = window.editor
        editor.shell.keys_taken[NAME] = KEYS
        if imgui.is_key_pressed(imgui.Key.delete, False) and not editor.read_only:
            editor.rendering.particles.delete_chosen()
        at = np.flatnonzero(self._order == self._anchor) if self._anchor is not None else np.zeros(0, np.intp)
        for key, step in STEPS.items():
            if imgui.is_key_pressed(key):
                row = min(max((int(at[0]) if len(at) else -1) + step, 0), len(self._order) - 1)
                self._anchor = int(self._order[row])
                editor.rendering.particles.choose(current.id, [self._anchor])
                x, y, z = shown.positions[self._anchor].tolist()
                editor.sight.show_voxel(z, y, x)

    def _scroll_to(self, window: Window, chosen: NDArray[np.intp]) -> None:
        """Bring a particle into sight that was selected elsewhere."""
        selected = window.editor.rendering.view.selected
        if selected is self._seen:
            return
        self._seen = selected
        if self._chose_here or len(chosen) != 1:
            self._chose_here = False
            return
        (at,) = np.flatnonzero(self._order == chosen[0])[:1].tolist() or [-1]
        if at >= 0:
            height = imgui.get_text_line_height() + 2 * imgui.get_style().cell_padding.y
            top, seen = imgui.get_scroll_y(), imgui.get_window_height() - 3 * height
            if not top <= at * height <= top + seen:
                imgui.set_scroll_y(max(at * height - seen / 2, 0.0))

    def _draw_row(
        self, window: Window, current: ParticleSet, shown: ShownParticles, row: int, number: int, chosen: bool
    ) -> None:
        ink = window.theme.text if shown.visible[number] else window.theme.faint
        imgui.table_next_row()
        imgui.table_next_column()
        with coloured(ink):
            pressed, _ = imgui.selectable(f"{number + 1}###row", chosen, ROW_FLAGS)
            if pressed:
                self._press(window, current, shown, row, number)
            for value in shown.positions[number].tolist():
                imgui.table_next_column()
                _at_right(f"{value:.1f}")
            for label in shown.table.labels[:MOST_COLUMNS]:
                imgui.table_next_column()
                _draw_value(shown.table, label, number)

    def _press(self, window: Window, current: ParticleSet, shown: ShownParticles, row: int, number: int) -> None:
        """Select a row: with ctrl one more or less, with shift all from the last one."""
        editor, io = window.editor, imgui.get_io()
        particles = editor.rendering.particles
        at = np.flatnonzero(self._order == self._anchor) if self._anchor is not None else np.zeros(0, np.intp)
        self._chose_here = True
        if io.key_shift and len(at):
            first, last = sorted((int(at[0]), row))
            particles.choose(current.id, self._order[first : last + 1].tolist(), add=io.key_ctrl)
            return
        self._anchor = number
        if io.key_ctrl:
            particles.toggle(current.id, number)
            return
        particles.choose(current.id, [number])
        x, y, z = shown.positions[number].tolist()
        editor.sight.show_voxel(z, y, x)


def sorted_rows(shown: ShownParticles, rows: NDArray[np.bool_], column: int, descending: bool) -> NDArray[np.intp]:
    """Numbers of the particles of `rows` (n,) in the order of a column of the table; those without a value are last.

    Parameters
    ----------
    shown, rows
        The set, and which of its particles are listed.
    column
        0 for their number, 1 to 3 for x, y, z, then the columns of the table.
    descending
        Whether the greatest comes first.
    """
    numbers = np.flatnonzero(rows)
    if column == 0 or column >= len(BEFORE) + len(shown.table.labels):
        return numbers[::-1] if descending else numbers
    if column < len(BEFORE):
        values = shown.positions[numbers, column - 1]
    else:
        label = shown.table.labels[column - len(BEFORE)]
        found = shown.table.numbers(label)
        values = found[numbers] if found is not None else _ranks(shown.table, label)[numbers]
    order = np.argsort(-values if descending else values, kind="stable")
    return numbers[order]


def _ranks(table: ParticleTable, label: str) -> NDArray[np.float64]:
    codes, words = table.words(label)
    ranks = np.empty(len(words))
    ranks[sorted(range(len(words)), key=lambda at: words[at])] = np.arange(len(words))
    return ranks[codes]


def _draw_heads(labels: tuple[str, ...]) -> None:
    imgui.table_next_row(imgui.TableRowFlags_.headers)
    for number, head in enumerate((*BEFORE, *labels)):
        imgui.table_set_column_index(number)
        imgui.table_header(head)
        tooltip = column_tooltips().get(head, head)
        imgui.set_item_tooltip(f"{tooltip}. Click to sort.")


def _draw_value(table: ParticleTable, label: str, number: int) -> None:
    value = table.coordinates.columns[label][number]
    if isinstance(value, (float, np.floating)):
        _at_right(f"{value:.6g}")
    elif table.numbers(label) is not None:
        _at_right(text_of(value))
    else:
        text = text_of(value)
        imgui.text_unformatted(elided(text, em(TEXT_EM)))


def _at_right(text: str) -> None:
    room = imgui.get_content_region_avail().x - imgui.calc_text_size(text).x
    imgui.set_cursor_pos_x(imgui.get_cursor_pos_x() + max(0.0, room))
    imgui.text_unformatted(text)
