"""How large the components of a volume are, with the limit of dust, which can be dragged."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from imgui_bundle import ImVec2, imgui, implot
from numpy.typing import NDArray

from ais.gui.panels.layout import em
from ais.gui.theme import colour
from ais.surfaces import A3_PER_NM3

if TYPE_CHECKING:
    from ais.gui.app import Window
    from ais.gui.scene_meshing import VolumeMesh
    from ais.gui.theme import Rgb

HEIGHT_EM = 4.2
BINS = 32
ROUNDING = 1e-6
MARGIN = 0.04
"""Of the width, on both sides; a limit there spares or hides all."""


class SizeHistogram:
    """The histogram of one volume's components."""

    def __init__(self) -> None:
        self._counted: tuple[object, NDArray[np.float64], NDArray[np.float64]] | None = None
        self._dragged = False

    def draw(self, window: Window, mesh: VolumeMesh, dust: float, ink: Rgb) -> tuple[float | None, bool]:
        """Draw it.

        Parameters
        ----------
        window, mesh
            Whose components.
        dust
            The limit in cubic angstrom.
        ink
            The volume's colour.

        Returns
        -------
        tuple
            The new limit in cubic angstrom while it is dragged, else None; and whether a drag has just ended.
        """
        edges, counts = self._count(mesh)
        theme, chosen = window.theme, None
        first, last = float(edges[0]), float(edges[-1])
        margin = (last - first) * MARGIN
        at = np.log10(dust / A3_PER_NM3) if dust > 0 else first - margin
        at = float(min(max(at, first - margin), last + margin))
        flags = implot.Flags_.canvas_only | implot.Flags_.no_frame
        implot.push_style_var(implot.StyleVar_.plot_padding, ImVec2(0, 0))
        implot.push_style_color(implot.Col_.plot_bg, colour(theme.field))
        implot.push_style_color(implot.Col_.plot_border, colour(theme.field))
        if implot.begin_plot("##sizes", ImVec2(-1, em(HEIGHT_EM)), int(flags)):
            none = int(implot.AxisFlags_.no_decorations | implot.AxisFlags_.lock)
            implot.setup_axes("", "", none, none)
            implot.setup_axes_limits(first - 2 * margin, last + 2 * margin, 0, _height(counts), implot.Cond_.always)
            middles, width = (edges[:-1] + edges[1:]) / 2, (last - first) / len(counts)
            stays = edges[1:] >= at - ROUNDING
            for name, which, fill, alpha in (("dust", ~stays, theme.faint, 0.5), ("stays", stays, ink, 0.9)):
                spec = implot.Spec(fill_color=colour(fill), line_color=colour(fill), fill_alpha=alpha, line_weight=0)
                if which.any():
                    implot.plot_bars(name, middles[which], np.log1p(counts[which]), width * 0.9, spec)
            line = implot.drag_line_x(1, at, colour(theme.text), 1.5)
            if line[0]:
                chosen = 0.0 if line[1] <= first else float(10 ** min(line[1], last + margin)) * A3_PER_NM3
            implot.end_plot()
        implot.pop_style_color(2)
        implot.pop_style_var()
        if imgui.is_item_hovered():
            imgui.set_item_tooltip(
                f"How many components are how large, from {10**first:,.3g} to {10**last:,.3g} nm³ (logarithmic); "
                "drag the line: what is left of it is dust"
            )
        ended = self._dragged and not imgui.is_mouse_down(0)
        self._dragged = (self._dragged or chosen is not None) and not ended
        return chosen, ended

    def _count(self, mesh: VolumeMesh) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        if self._counted is None or self._counted[0] is not mesh:
            sizes = np.log10(mesh.surface.volumes_nm3[~mesh.removed])
            low, high = (float(sizes.min()), float(sizes.max())) if sizes.size else (0.0, 1.0)
            if high - low < 0.1:
                low, high = low - 0.5, high + 0.5
            counts, edges = np.histogram(sizes, BINS, (low, high))
            self._counted = mesh, edges.astype(np.float64), counts.astype(np.float64)
        return self._counted[1], self._counted[2]


def _height(counts: NDArray[np.float64]) -> float:
    return float(np.log1p(counts.max())) * 1.08 if counts.size and counts.max() > 0 else 1.0
