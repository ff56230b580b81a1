"""How panels are laid out: labels in one column, fields in the next, headings, icons with a tooltip."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from imgui_bundle import ImVec2, imgui

from ais.gui.theme import Rgb, Theme, colour

LABEL_EM = 6.2


def em(count: float) -> float:
    """A length in multiples of the size of the letters, in pixels of the screen."""
    return float(imgui.get_font_size()) * count


def label(text: str, tooltip: str = "") -> None:
    """Write a label; the field that follows is in the second column and fills the rest of the line."""
    imgui.align_text_to_frame_padding()
    imgui.text(text)
    if tooltip:
        imgui.set_item_tooltip(tooltip)
    imgui.same_line(em(LABEL_EM))
    imgui.set_next_item_width(-1)


def heading(text: str) -> None:
    """A heading with a thin line."""
    imgui.dummy(ImVec2(0, em(0.15)))
    imgui.separator_text(text)


def section(title: str, theme: Theme, *, is_open: bool = False) -> bool:
    """A part of a panel that can be folded away; whether it is open."""
    imgui.push_style_color(imgui.Col_.header, colour(theme.raised, 0.55))
    flags = imgui.TreeNodeFlags_.default_open if is_open else imgui.TreeNodeFlags_.none
    unfolded = bool(imgui.collapsing_header(title, int(flags)))
    imgui.pop_style_color()
    return unfolded


def faint(text: str, theme_faint: Rgb) -> None:
    """Words that matter less, wrapped."""
    with coloured(theme_faint):
        imgui.text_wrapped(text)


def icon_button(icon: str, name: str, tooltip: str, *, on: bool = False, accent: Rgb | None = None) -> bool:
    """A button with an icon; `name` makes it unique and is what scripts call it."""
    if on and accent is not None:
        imgui.push_style_color(imgui.Col_.button, colour(accent, 0.55))
    pressed = bool(imgui.button(f"{icon}###{name}", ImVec2(em(1.9), 0)))
    if on and accent is not None:
        imgui.pop_style_color()
    imgui.set_item_tooltip(tooltip)
    return pressed


def elided(text: str, width: float) -> str:
    """As much of a text as fits into a width in pixels, with an ellipsis where it does not fit."""
    text = text.replace("##", "# #")  # what follows it would not be shown
    if imgui.calc_text_size(text).x <= width:
        return text
    short, long = 0, len(text)
    while short < long:
        middle = (short + long + 1) // 2
        if imgui.calc_text_size(f"{text[:middle].rstrip()}...").x <= width:
            short = middle
        else:
            long = middle - 1
    return f"{text[:short].rstrip()}..."


@contextmanager
def coloured(rgb: Rgb, alpha: float = 1.0) -> Iterator[None]:
    """Letters in a colour."""
    imgui.push_style_color(imgui.Col_.text, colour(rgb, alpha))
    try:
        yield
    finally:
        imgui.pop_style_color()


@contextmanager
def disabled(when: bool) -> Iterator[None]:
    """Items that cannot be used."""
    imgui.begin_disabled(when)
    try:
        yield
    finally:
        imgui.end_disabled()
