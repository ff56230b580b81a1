"""The histogram of a tomogram with its two limits, which can be dragged."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
from imgui_bundle import ImVec2, imgui, implot

from ais.gui.contrast import Histogram
from ais.gui.display import Contrast
from ais.gui.panels.layout import em
from ais.gui.theme import colour

if TYPE_CHECKING:
    from ais.gui.app import Window

HEIGHT_EM, LEAST_EM = 4.6, 2.6
MOST_OF_PANEL = 0.35
NEAREST_FRACTION = 0.004
"""The two limits keep at least this part of the histogram between them."""


def draw_histogram(window: Window, histogram: Histogram, contrast: Contrast) -> Contrast | None:
    """Draw it; gives the new contrast while a limit is dragged, else None."""
    counts = np.log1p(histogram.counts.astype(np.float64))
    centres = (histogram.edges[:-1] + histogram.edges[1:]) / 2
    first, last = float(histogram.edges[0]), float(histogram.edges[-1])
    first, last = min(first, contrast.low), max(last, contrast.high)
    top = float(counts.max()) * 1.05 if counts.size and counts.max() > 0 else 1.0
    flags = implot.Flags_.canvas_only | implot.Flags_.no_frame
    theme, chosen = window.theme, None
    implot.push_style_var(implot.StyleVar_.plot_padding, ImVec2(0, 0))
    implot.push_style_color(implot.Col_.plot_bg, colour(theme.field))
    implot.push_style_color(implot.Col_.plot_border, colour(theme.field))
    if implot.begin_plot(
        "##histogram",
        ImVec2(-1, min(max(imgui.get_content_region_avail().y * MOST_OF_PANEL, em(LEAST_EM)), em(HEIGHT_EM))),
        int(flags),
    ):
        none = int(implot.AxisFlags_.no_decorations | implot.AxisFlags_.lock)
        implot.setup_axes("", "", none, none)
        margin = (last - first) * 0.02
        implot.setup_axes_limits(first - margin, last + margin, 0, top, implot.Cond_.always)
        implot.plot_shaded("counts", centres, counts, 0.0, _shade(window))
        nearest = (last - first) * NEAREST_FRACTION
        low = implot.drag_line_x(1, contrast.low, colour(theme.text), 1.5)
        high = implot.drag_line_x(2, contrast.high, colour(theme.text), 1.5)
        if low[0]:
            chosen = replace(contrast, low=min(low[1], contrast.high - nearest))
        elif high[0]:
            chosen = replace(contrast, high=max(high[1], contrast.low + nearest))
        implot.end_plot()
    implot.pop_style_color(2)
    implot.pop_style_var()
    if imgui.is_item_hovered():
        imgui.set_item_tooltip("How often values occur; drag the two lines, which are black and white")
    return chosen


def _shade(window: Window) -> implot.Spec:
    return implot.Spec(fill_color=colour(window.theme.faint), line_color=colour(window.theme.faint), fill_alpha=0.8)
