"""What changes along the centre line of the instance that was chosen in the table: thickness and intensity."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from imgui_bundle import ImVec2, imgui, implot
from numpy.typing import NDArray

from ais.gui.panels.analysis_style import plot_style
from ais.gui.panels.layout import coloured, em, faint
from ais.gui.theme import colour

if TYPE_CHECKING:
    from ais.analysis import Profile
    from ais.gui.app import Window

LINE_PX = 2.0
LEAST_HEIGHT_EM = 6.0
ROOM = 0.05
NOTHING = "Click an instance in the table to see its thickness and intensity along its centre line."
NOT_MEASURED = "Profiles were not measured: tick lengths and profiles on the left, and analyze again."


def draw(window: Window) -> None:
    """Draw the tab."""
    analyses = window.editor.analyses
    row, table = analyses.selected, analyses.table
    if row is None:
        faint(NOTHING, window.theme.faint)
        return
    result = table.results[int(table.owner[row])]
    instances, number = result.instances, int(table.row[row])
    if instances is None or number >= len(instances.profiles):
        faint(NOT_MEASURED, window.theme.faint)
        return
    profile = instances.profiles[number]
    words = f"{result.volume.feature} {int(instances.ids[number])} in {result.volume.tomogram_name}"
    imgui.text_unformatted(f"{words}, {instances.lengths[number] / 10:.1f} nm long")
    if len(profile.position) < 3:
        faint("It is too short for a profile.", window.theme.faint)
        return
    _draw_plots(window, profile)


def _draw_plots(window: Window, profile: Profile) -> None:
    drawn = [("Cross-section (nm²) along the centre line (nm)", profile.cross_section / 100)]
    if profile.intensity is not None:
        drawn.append(("Mean intensity of the tomogram there", profile.intensity))
    style = imgui.get_style()
    room = imgui.get_content_region_avail().y - 2 * len(drawn) * style.item_spacing.y
    height = max(room / len(drawn) - imgui.get_text_line_height(), em(LEAST_HEIGHT_EM))
    for title, values in drawn:
        with coloured(window.theme.faint):
            imgui.text_unformatted(title)
        with plot_style(window):
            _draw_line(window, title, profile.position / 10, values, height)


def _draw_line(
    window: Window, title: str, position: NDArray[np.float64], values: NDArray[np.float64], height: float
) -> None:
    known = np.isfinite(values)
    flags = implot.Flags_.canvas_only | implot.Flags_.no_frame
    if not known.any() or not implot.begin_plot(f"##{title}", ImVec2(-1, height), int(flags)):
        return
    axis = int(implot.AxisFlags_.no_highlight | implot.AxisFlags_.lock)
    implot.setup_axes("", "", axis, axis)
    low, high = float(values[known].min()), float(values[known].max())
    margin = ROOM * (high - low) or 1.0
    implot.setup_axes_limits(0.0, float(position[-1]), low - margin, high + margin, implot.Cond_.always)
    look = implot.Spec(line_color=colour(window.theme.accent), line_weight=LINE_PX)
    implot.plot_line(title, np.ascontiguousarray(position[known]), np.ascontiguousarray(values[known]), look)
    implot.end_plot()
