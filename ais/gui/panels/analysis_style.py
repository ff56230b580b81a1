"""How the plots of the analysis window look."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from imgui_bundle import ImVec2, implot

from ais.gui.panels.layout import em
from ais.gui.theme import colour

if TYPE_CHECKING:
    from ais.gui.app import Window

SIDE_EM = 1.2
"""Beside the plots, for the half of a number below their corner."""


@contextmanager
def plot_style(window: Window) -> Iterator[None]:
    """Plots in the colours of the theme."""
    theme = window.theme
    implot.push_style_color(implot.Col_.plot_bg, colour(theme.field))
    implot.push_style_color(implot.Col_.plot_border, colour(theme.line))
    implot.push_style_color(implot.Col_.axis_text, colour(theme.faint))
    implot.push_style_color(implot.Col_.axis_grid, colour(theme.faint, 0.25))
    implot.push_style_var(implot.StyleVar_.plot_padding, ImVec2(em(SIDE_EM), em(0.2)))
    try:
        yield
    finally:
        implot.pop_style_var()
        implot.pop_style_color(4)
