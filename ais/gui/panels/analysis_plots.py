"""Plots of the instances: how a figure is distributed, and how many there are in each tomogram."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from imgui_bundle import ImVec2, imgui, imgui_ctx, implot
from numpy.typing import NDArray

from ais.gui.analysis_table import VOLUME, InstanceTable, Quantity
from ais.gui.panels.analysis_style import plot_style
from ais.gui.panels.analysis_table import number_text
from ais.gui.panels.command_button import flow
from ais.gui.panels.layout import coloured, em, faint, label
from ais.gui.theme import Rgb, colour

if TYPE_CHECKING:
    from ais.analysis.distribution import Distribution
    from ais.gui.app import Window
    from ais.gui.background import Work

LINE_PX = 2.0
SHADE, BARS_SHADE = 0.18, 0.22
LEAST_HEIGHT_EM = 7.0
DENSITY_SHARE = 0.6
MOST_GROUPS = 12
BINS = 24
OTHERS: tuple[Rgb, ...] = (
    (0.35, 0.70, 0.90),
    (0.90, 0.62, 0.0),
    (0.0, 0.62, 0.45),
    (0.80, 0.47, 0.65),
    (0.84, 0.37, 0.0),
    (0.94, 0.89, 0.26),
    (0.0, 0.45, 0.70),
)


@dataclass(frozen=True, eq=False)
class _Drawn:
    """What is drawn of a quantity."""

    quantity: Quantity
    groups: dict[str, Distribution]
    lines: dict[str, tuple[NDArray[np.float64], NDArray[np.float64]]]
    limits: tuple[float, float]
    top: float
    logarithmic: bool
    left_out: int


def draw_distributions(window: Window) -> None:
    """How a figure is distributed: its density, and the share of instances up to each value."""
    window.part(Distributions).draw(window)


def forget_distributions(window: Window) -> None:
    """Let go of what was drawn last, which may be all that was measured in a large project."""
    window.part(Distributions).forget()


class Distributions:
    """Which figure is drawn, and its distributions; computed in a thread."""

    def __init__(self) -> None:
        self._quantity = VOLUME.name
        self._by_tomogram = False
        self._drawn: _Drawn | None = None
        self._asked: tuple[object, ...] = ()
        self._work: Work | None = None

    def draw(self, window: Window) -> None:
        """Draw the tab."""
        table = window.editor.analyses.table
        if not table.quantities:
            faint("Nothing was found, so there is nothing to draw.", window.theme.faint)
            return
        quantity = next((one for one in table.quantities if one.name == self._quantity), table.quantities[0])
        label("Figure")
        if imgui.begin_combo("##Figure", quantity.words):
            for one in table.quantities:
                if imgui.selectable(one.words, one is quantity)[0]:
                    self._quantity = one.name
            imgui.end_combo()
        if len({one.volume.tomogram for one in table.results}) > 1:
            label("Compare")
            if imgui.radio_button("Features", not self._by_tomogram):
                self._by_tomogram = False
            imgui.same_line()
            if imgui.radio_button("Tomograms", self._by_tomogram):
                self._by_tomogram = True
        rows = window.editor.analyses.shown_rows
        self._follow(window, table, quantity, rows)
        if self._drawn is not None:
            self._draw_plots(window, self._drawn)

    def forget(self) -> None:
        """Let go of the instances and their distributions."""
        self._drawn, self._asked = None, ()

    def _follow(self, window: Window, table: InstanceTable, quantity: Quantity, rows: NDArray[np.intp]) -> None:
        """Have the distributions computed if they are others than before, one after the other."""
        asked = (table, quantity, self._by_tomogram, rows)
        if len(self._asked) == len(asked) and all(a is b for a, b in zip(asked, self._asked, strict=True)):
            return
        if self._work is not None and not self._work.finished:
            return  # rows come faster than they can be drawn while an analysis runs
        self._asked = asked
        by_tomogram = self._by_tomogram

        def show(drawn: _Drawn) -> None:
            if self._asked is asked:
                self._drawn = drawn

        self._work = window.editor.background.run(
            lambda _: _computed(table, quantity, rows, by_tomogram=by_tomogram), show
        )

    def _draw_plots(self, window: Window, drawn: _Drawn) -> None:
        inks = group_colours(window, list(drawn.groups))
        for number, (name, one) in enumerate(drawn.groups.items()):
            words = f"{name}: {len(one)}, median {number_text(one.median)} {drawn.quantity.unit}".rstrip()
            if number:
                flow(imgui.calc_text_size(words).x)
            with coloured(inks[name]):
                imgui.text_unformatted(words)
        if drawn.left_out:
            faint(f"{drawn.left_out} more are not drawn: search in the table to choose.", window.theme.faint)
        if not drawn.groups:
            faint("No instance has this figure.", window.theme.faint)
            return
        room = imgui.get_content_region_avail().y - 4 * imgui.get_style().item_spacing.y
        heights = (
            max(DENSITY_SHARE * room, em(LEAST_HEIGHT_EM)),
            max((1 - DENSITY_SHARE) * room, em(LEAST_HEIGHT_EM)),
        )
        for title, height, top in (("Density", heights[0], drawn.top), ("Share up to", heights[1], 1.03)):
            with coloured(window.theme.faint):
                imgui.text_unformatted(f"{title}, {drawn.quantity.words.lower()}" if top == drawn.top else title)
            with plot_style(window):
                flags = implot.Flags_.canvas_only | implot.Flags_.no_frame
                if implot.begin_plot(f"##{title}", ImVec2(-1, height - imgui.get_text_line_height()), int(flags)):
                    axis = int(implot.AxisFlags_.no_highlight | implot.AxisFlags_.lock)
                    bare = int(implot.AxisFlags_.no_decorations)
                    implot.setup_axes("", "", axis, axis | bare)
                    if drawn.logarithmic:
                        implot.setup_axis_scale(implot.ImAxis_.x1, implot.Scale_.log10)
                    implot.setup_axes_limits(*drawn.limits, 0.0, top, implot.Cond_.always)
                    for name, one in drawn.groups.items():
                        if title == "Density":
                            _draw_density(name, one, inks[name], alone=len(drawn.groups) == 1, top=drawn.top)
                        else:
                            x, y = drawn.lines[name]
                            implot.plot_line(
                                name, x, y, implot.Spec(line_color=colour(inks[name]), line_weight=LINE_PX)
                            )
                    if title != "Density":
                        _draw_shares(window, drawn.limits)
                    implot.end_plot()


def _draw_shares(window: Window, limits: tuple[float, float]) -> None:
    """Lines at a half and at all, with their numbers inside the plot, so that both plots are equally wide."""
    for share in (0.5, 1.0):
        look = implot.Spec(line_color=colour(window.theme.faint, 0.35), line_weight=1.0)
        implot.plot_line(f"##{share}", np.array(limits), np.array([share, share]), look)
        with coloured(window.theme.faint):
            implot.plot_text(f"{share:g}", limits[0], share, ImVec2(em(0.7), em(0.6)))


def _computed(table: InstanceTable, quantity: Quantity, rows: NDArray[np.intp], *, by_tomogram: bool) -> _Drawn:
    from ais.analysis.distribution import distribution, drawn_range, steps

    values = table.groups(quantity, by_tomogram=by_tomogram, rows=rows)
    kept = dict(list(values.items())[:MOST_GROUPS])
    everything = distribution(np.concatenate([np.zeros(0), *kept.values()]))
    groups = {name: distribution(one, logarithmic=everything.logarithmic) for name, one in kept.items()}
    limits = drawn_range(list(groups.values()))
    lines = {}
    for name, one in groups.items():
        x, y = steps(one, *limits)
        lines[name] = np.ascontiguousarray(x), np.ascontiguousarray(y)
    top = max((float(one.density.max()) for one in groups.values() if len(one.density)), default=1.0)
    return _Drawn(
        quantity, groups, lines, limits, 1.08 * top, everything.logarithmic, max(0, len(values) - MOST_GROUPS)
    )


def _draw_density(name: str, one: Distribution, ink: Rgb, *, alone: bool, top: float) -> None:
    if alone and len(one) > 1 and len(one.grid):
        _draw_histogram(one, ink)
    if len(one.grid):
        grid, density = np.ascontiguousarray(one.grid), np.ascontiguousarray(one.density)
        if not alone:
            shade = implot.Spec(fill_color=colour(ink, SHADE))
            implot.plot_shaded(name, grid, density, 0.0, shade)
        implot.plot_line(name, grid, density, implot.Spec(line_color=colour(ink), line_weight=LINE_PX))
    mark = implot.Spec(line_color=colour(ink, 0.6), line_weight=1.0)
    median = np.array([one.median, one.median])
    implot.plot_line(f"median {name}", median, np.array([0.0, top]), mark)


def _draw_histogram(one: Distribution, ink: Rgb) -> None:
    """Bars whose area is that of the density."""
    scaled = np.log10(one.values) if one.logarithmic else one.values
    heights, edges = np.histogram(scaled, bins=min(BINS, max(4, math.ceil(math.sqrt(len(one))))), density=True)
    corners = 10**edges if one.logarithmic else edges
    shade = implot.Spec(fill_color=colour(ink, BARS_SHADE))
    x = np.repeat(corners, 2)[1:-1]
    implot.plot_shaded("##histogram", np.ascontiguousarray(x), np.repeat(heights, 2), 0.0, shade)


def draw_counts(window: Window) -> None:
    """How many instances of each feature there are in each tomogram."""
    counts = window.editor.analyses.table.counts()
    inks = group_colours(window, list(counts))
    largest = max((value for one in counts.values() for value in one.values()), default=0)
    names = list(dict.fromkeys(name for one in counts.values() for name in one))
    if not largest:
        faint("Nothing was found, so there is nothing to count.", window.theme.faint)
        return
    for number, (feature, one) in enumerate(counts.items()):
        words = f"{feature}: {sum(one.values())} in {len(one)} tomogram{'s' if len(one) != 1 else ''}"
        if number:
            flow(imgui.calc_text_size(words).x)
        with coloured(inks[feature]):
            imgui.text_unformatted(words)
    imgui.spacing()
    with imgui_ctx.begin_child("counts"):
        _draw_bars(window, counts, names, inks, largest)


def _draw_bars(
    window: Window, counts: dict[str, dict[str, int]], names: list[str], inks: dict[str, Rgb], largest: int
) -> None:
    draw_list, line = imgui.get_window_draw_list(), imgui.get_text_line_height()
    left = min(max(imgui.calc_text_size(name).x for name in names), em(10)) + em(0.8)
    room = imgui.get_content_region_avail().x - left - em(4)
    clipper = imgui.ListClipper()
    step = line * len(counts) + em(0.5)
    clipper.begin(len(names), step)
    while clipper.step():
        for at in range(clipper.display_start, clipper.display_end):
            start = imgui.get_cursor_screen_pos()
            imgui.push_clip_rect(start, ImVec2(start.x + left - em(0.4), start.y + step), True)
            imgui.text_unformatted(names[at])
            imgui.pop_clip_rect()
            imgui.set_item_tooltip(names[at])
            for number, (feature, one) in enumerate(counts.items()):
                value = one.get(names[at], 0)
                x, y = start.x + left, start.y + number * line
                corner = ImVec2(x + room * value / largest, y + 0.86 * line)
                draw_list.add_rect_filled(
                    ImVec2(x, y + 0.14 * line), corner, imgui.get_color_u32(colour(inks[feature], 0.8))
                )
                words = ImVec2(corner.x + em(0.4), y)
                draw_list.add_text(words, imgui.get_color_u32(colour(window.theme.faint)), str(value))
            imgui.set_cursor_screen_pos(ImVec2(start.x, start.y))
            imgui.dummy(ImVec2(1, step - imgui.get_style().item_spacing.y))


def group_colours(window: Window, names: list[str]) -> dict[str, Rgb]:
    """A colour for each group: that of the feature or of the volume of this name, else one of a row of colours."""
    volumes = window.editor.rendering.volumes
    features = {one.feature.casefold(): one.colour for one in volumes.listed}
    features |= {one.name.casefold(): one.colour for one in window.editor.snapshot.features}
    found: dict[str, Rgb] = {}
    others = iter(range(len(names)))
    for name in names:
        found[name] = features.get(name.casefold()) or OTHERS[next(others) % len(OTHERS)]
    return found
