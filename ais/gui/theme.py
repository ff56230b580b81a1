"""Colours and spacing of the window: dark, light and high contrast."""

from __future__ import annotations

from dataclasses import dataclass

from imgui_bundle import ImVec2, ImVec4, imgui

Rgb = tuple[float, float, float]
"""Red, green, blue, each 0 to 1."""


@dataclass(frozen=True)
class Theme:
    """The colours of a theme, each (red, green, blue), 0 to 1.

    Attributes
    ----------
    view
        Behind the tomogram.
    panel, field, raised
        Panels, what can be typed or dragged in them, and what can be pressed.
    line
        Between parts.
    text, faint
        Letters, and those that matter less.
    accent
        The one colour of the interface.
    danger
        Only for failure and loss of data.
    on_accent, on_danger
        Letters on those.
    """

    view: Rgb
    panel: Rgb
    field: Rgb
    raised: Rgb
    line: Rgb
    text: Rgb
    faint: Rgb
    accent: Rgb
    danger: Rgb
    on_accent: Rgb
    on_danger: Rgb


def _grey(value: float) -> Rgb:
    return value, value, value


THEMES: dict[str, Theme] = {
    "dark": Theme(
        _grey(0.07),
        (0.125, 0.13, 0.14),
        (0.185, 0.19, 0.205),
        (0.235, 0.24, 0.26),
        (0.225, 0.23, 0.245),
        _grey(0.88),
        _grey(0.58),
        (0.36, 0.62, 0.90),
        (0.93, 0.36, 0.33),
        _grey(0.05),
        _grey(0.04),
    ),
    "light": Theme(
        _grey(0.80),
        _grey(0.955),
        _grey(0.89),
        _grey(0.84),
        _grey(0.80),
        _grey(0.10),
        _grey(0.40),
        (0.12, 0.42, 0.75),
        (0.78, 0.14, 0.12),
        _grey(1.0),
        _grey(1.0),
    ),
    "high contrast": Theme(
        _grey(0.0),
        _grey(0.0),
        _grey(0.13),
        _grey(0.22),
        _grey(0.75),
        _grey(1.0),
        _grey(0.85),
        (1.0, 0.85, 0.0),
        (1.0, 0.4, 0.4),
        _grey(0.0),
        _grey(0.0),
    ),
}


def theme_of(name: str) -> Theme:
    """A theme by its name; the dark one if there is none of that name."""
    return THEMES.get(name, THEMES["dark"])


def colour(rgb: Rgb, alpha: float = 1.0) -> ImVec4:
    """A colour for Dear ImGui."""
    return ImVec4(*rgb, alpha)


def packed(rgb: Rgb, alpha: float = 1.0) -> int:
    """A colour for a draw list."""
    return imgui.color_convert_float4_to_u32(colour(rgb, alpha))


def apply(name: str, font_scale: float) -> None:
    """Give the window a theme, and letters of a size relative to the normal one."""
    theme = theme_of(name)
    style = imgui.get_style()
    (imgui.style_colors_light if name == "light" else imgui.style_colors_dark)()
    style.font_scale_main = font_scale
    style.window_rounding = style.tab_rounding = style.popup_rounding = 3.0
    style.frame_rounding = style.grab_rounding = style.scrollbar_rounding = 3.0
    style.window_border_size = style.popup_border_size = 1.0
    style.frame_border_size = 1.0 if name == "high contrast" else 0.0
    style.window_padding = ImVec2(8, 8)
    style.frame_padding = ImVec2(6, 4)
    style.item_spacing = ImVec2(8, 4)
    style.item_inner_spacing = ImVec2(4, 4)
    style.window_menu_button_position = imgui.Dir.none
    style.indent_spacing = 16.0
    style.scrollbar_size = 12.0
    style.tab_bar_border_size = 1.0
    hover = mix(theme.raised, theme.accent, 0.25)
    active = mix(theme.raised, theme.accent, 0.55)
    colours = {
        imgui.Col_.window_bg: theme.panel,
        imgui.Col_.child_bg: theme.panel,
        imgui.Col_.popup_bg: mix(theme.panel, theme.raised, 0.4),
        imgui.Col_.menu_bar_bg: theme.panel,
        imgui.Col_.title_bg: mix(theme.panel, theme.view, 0.5),
        imgui.Col_.title_bg_active: mix(theme.panel, theme.view, 0.5),
        imgui.Col_.title_bg_collapsed: theme.panel,
        imgui.Col_.border: theme.line,
        imgui.Col_.separator: theme.line,
        imgui.Col_.separator_hovered: theme.accent,
        imgui.Col_.separator_active: theme.accent,
        imgui.Col_.text: theme.text,
        imgui.Col_.text_disabled: theme.faint,
        imgui.Col_.frame_bg: theme.field,
        imgui.Col_.frame_bg_hovered: mix(theme.field, theme.accent, 0.15),
        imgui.Col_.frame_bg_active: mix(theme.field, theme.accent, 0.3),
        imgui.Col_.button: theme.raised,
        imgui.Col_.button_hovered: hover,
        imgui.Col_.button_active: active,
        imgui.Col_.header: mix(theme.panel, theme.accent, 0.30),
        imgui.Col_.header_hovered: mix(theme.panel, theme.accent, 0.20),
        imgui.Col_.header_active: mix(theme.panel, theme.accent, 0.40),
        imgui.Col_.slider_grab: theme.accent,
        imgui.Col_.slider_grab_active: mix(theme.accent, theme.text, 0.3),
        imgui.Col_.check_mark: theme.accent,
        imgui.Col_.tab: mix(theme.panel, theme.view, 0.5),
        imgui.Col_.tab_hovered: hover,
        imgui.Col_.tab_selected: theme.panel,
        imgui.Col_.tab_selected_overline: theme.accent,
        imgui.Col_.tab_dimmed: mix(theme.panel, theme.view, 0.5),
        imgui.Col_.tab_dimmed_selected: theme.panel,
        imgui.Col_.tab_dimmed_selected_overline: theme.line,
        imgui.Col_.docking_preview: theme.accent,
        imgui.Col_.docking_empty_bg: theme.view,
        imgui.Col_.scrollbar_bg: theme.panel,
        imgui.Col_.scrollbar_grab: theme.raised,
        imgui.Col_.resize_grip: theme.raised,
        imgui.Col_.plot_histogram: theme.accent,
        imgui.Col_.text_selected_bg: mix(theme.field, theme.accent, 0.5),
        imgui.Col_.nav_cursor: theme.accent,
        imgui.Col_.drag_drop_target: theme.accent,
        imgui.Col_.table_header_bg: theme.panel,
        imgui.Col_.table_border_light: theme.line,
        imgui.Col_.table_border_strong: theme.line,
        imgui.Col_.text_link: theme.accent,
    }
    for which, rgb in colours.items():
        style.set_color_(which, colour(rgb))


def mix(one: Rgb, other: Rgb, share: float) -> Rgb:
    """A colour between two: 0 is the first, 1 the second."""
    red, green, blue = (a + (b - a) * share for a, b in zip(one, other, strict=True))
    return red, green, blue
