"""Icons in the rows of lists that can be pressed and have no frame, such as the eye that shows or hides."""

from __future__ import annotations

from imgui_bundle import ImVec2, imgui, imgui_ctx
from imgui_bundle import icons_fontawesome_6 as icons

from ais.gui.panels.layout import coloured, em
from ais.gui.theme import Rgb, Theme, colour

WIDTH = 1.5
"""In heights of a letter."""


def bare_button(theme: Theme, icon: str, name: str, tooltip: str, ink: Rgb) -> bool:
    """Draw it; whether it was pressed. Its name tells it from others and is not shown."""
    with (
        imgui_ctx.push_style_color(imgui.Col_.button, colour(theme.panel, 0.0)),
        coloured(ink),
        imgui_ctx.push_style_var(imgui.StyleVar_.frame_padding, ImVec2(0, imgui.get_style().frame_padding.y)),
        imgui_ctx.push_style_var(imgui.StyleVar_.frame_border_size, 0.0),
    ):
        pressed = imgui.button(f"{icon}###{name}", ImVec2(em(WIDTH), 0))
    imgui.set_item_tooltip(tooltip)
    return bool(pressed)


def eye_button(theme: Theme, name: str, tooltip: str, *, shown: bool) -> bool:
    """Draw an eye, open where something is shown and faint where it is hidden; whether it was pressed."""
    icon = icons.ICON_FA_EYE if shown else icons.ICON_FA_EYE_SLASH
    return bare_button(theme, icon, name, tooltip, theme.text if shown else theme.faint)
