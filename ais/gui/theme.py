"""Colours and spacing of the window: dark, light and high contrast."""

from __future__ import annotations

from dataclasses import dataclass

from imgui_bundle import ImVec2, ImVec4, hello_imgui, imgui

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


NEVER_PX = 3.4028234e38
"""A width that nothing has: the largest number of imgui."""
GRAB_SHARE = 0.7
"""Of its colour in the grab of a slider, which has to leave the number on it readable."""


def _grey(value: float) -> Rgb:
    return value, value, value


THEMES: dict[str, Theme] = {
    "dark": Theme(
        view=_grey(0.07),
        panel=(0.125, 0.13, 0.14),
        field=(0.195, 0.20, 0.215),
        raised=(0.245, 0.25, 0.27),
        line=(0.235, 0.24, 0.255),
        text=_grey(0.89),
        faint=_grey(0.64),
        accent=(0.36, 0.62, 0.90),
        danger=(0.95, 0.44, 0.40),
        on_accent=_grey(0.05),
        on_danger=_grey(0.04),
    ),
    "light": Theme(
        view=_grey(0.82),
        panel=_grey(0.96),
        field=_grey(0.885),
        raised=_grey(0.84),
        line=_grey(0.78),
        text=_grey(0.10),
        faint=_grey(0.35),
        accent=(0.10, 0.39, 0.70),
        danger=(0.74, 0.11, 0.09),
        on_accent=_grey(1.0),
        on_danger=_grey(1.0),
    ),
    "high contrast": Theme(
        view=_grey(0.0),
        panel=_grey(0.0),
        field=_grey(0.13),
        raised=_grey(0.20),
        line=_grey(0.75),
        text=_grey(1.0),
        faint=_grey(0.85),
        accent=(1.0, 0.85, 0.0),
        danger=(1.0, 0.45, 0.45),
        on_accent=_grey(0.0),
        on_danger=_grey(0.0),
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
    # A rhythm of 4 pixels where letters have their normal size; it grows with them.
    unit = 4.0 * font_scale * hello_imgui.dpi_window_size_factor()
    style.window_padding = ImVec2(2 * unit, 2 * unit)
    style.frame_padding = ImVec2(1.5 * unit, unit)
    style.cell_padding = ImVec2(unit, 0.5 * unit)
    style.item_spacing = ImVec2(2 * unit, unit)
    style.item_inner_spacing = ImVec2(unit, unit)
    style.window_menu_button_position = imgui.Dir.none
    style.indent_spacing = 4 * unit
    style.scrollbar_size = 3 * unit
    style.grab_min_size = 1.75 * unit  # narrow, as it lies under the number
    style.tab_bar_border_size = 1.0
    # The cross at the right end of the tabs closes the panel in front; a second one in its tab would say the same.
    style.tab_close_button_min_width_selected = style.tab_close_button_min_width_unselected = NEVER_PX
    hover = mix(theme.raised, theme.accent, 0.25)
    active = mix(theme.raised, theme.accent, 0.55)
    colours = {
        imgui.Col_.window_bg: theme.panel,
        imgui.Col_.popup_bg: mix(theme.panel, theme.raised, 0.2),
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
        imgui.Col_.slider_grab: mix(theme.field, theme.accent, GRAB_SHARE),
        imgui.Col_.slider_grab_active: mix(theme.accent, theme.text, 0.3),
        imgui.Col_.check_mark: theme.accent,
        imgui.Col_.tab: mix(theme.panel, theme.view, 0.5),
        imgui.Col_.tab_hovered: hover,
        imgui.Col_.tab_selected: mix(theme.panel, theme.raised, 0.7),
        imgui.Col_.tab_selected_overline: theme.accent,
        imgui.Col_.tab_dimmed: mix(theme.panel, theme.view, 0.5),
        imgui.Col_.tab_dimmed_selected: mix(theme.panel, theme.raised, 0.7),
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
    style.set_color_(imgui.Col_.child_bg, colour(theme.panel, 0.0))
    style.set_color_(imgui.Col_.table_row_bg, colour(theme.panel, 0.0))
    style.set_color_(imgui.Col_.table_row_bg_alt, colour(theme.text, 0.025))
    style.set_color_(imgui.Col_.modal_window_dim_bg, colour((0.0, 0.0, 0.0), 0.4 if name != "light" else 0.2))


def mix(one: Rgb, other: Rgb, share: float) -> Rgb:
    """A colour between two: 0 is the first, 1 the second."""
    red, green, blue = (a + (b - a) * share for a, b in zip(one, other, strict=True))
    return red, green, blue
