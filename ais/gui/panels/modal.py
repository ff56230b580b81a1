"""Pages over the window: in its middle, closed by Escape, and never larger than the window."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from imgui_bundle import ImVec2, imgui, imgui_ctx

from ais.gui.theme import Rgb, colour, mix

SHARE_OF_WINDOW = 0.94


@contextmanager
def disabled(off: bool) -> Iterator[None]:
    """Draw what cannot be used now."""
    imgui.begin_disabled(off)
    try:
        yield
    finally:
        imgui.end_disabled()


@contextmanager
def modal(
    title: str,
    width: float,
    height: float = 0.0,
    *,
    top: float | None = None,
    flags: int = 0,
    escape: bool = True,
) -> Iterator[bool | None]:
    """Draw a page over everything else, which cannot be used meanwhile.

    Parameters
    ----------
    title
        Its title; what follows ## is not shown.
    width, height
        In em; a height of 0 fits what is in it.
    top
        Distance from the top of the window in em; None for the middle.
    flags
        Of Dear ImGui's windows, besides those that every page has.
    escape
        Whether Escape closes it.

    Yields
    ------
    bool or None
        True while it is open; False once the user has closed it by Escape or its button; None where there is nothing
        to draw.
    """
    em = imgui.get_font_size()
    viewport = imgui.get_main_viewport()
    if not imgui.is_popup_open(title):
        imgui.open_popup(title)
    largest = ImVec2(viewport.size.x * SHARE_OF_WINDOW, viewport.size.y * SHARE_OF_WINDOW)
    size = ImVec2(min(width * em, largest.x), min(height * em, largest.y))
    imgui.set_next_window_size(size)
    imgui.set_next_window_size_constraints(ImVec2(size.x, 0), ImVec2(size.x, largest.y))
    centre = viewport.get_center()
    if top is None:
        imgui.set_next_window_pos(centre, imgui.Cond_.always, ImVec2(0.5, 0.5))
    else:
        imgui.set_next_window_pos(ImVec2(centre.x, viewport.pos.y + top * em), imgui.Cond_.always, ImVec2(0.5, 0.0))
    always = imgui.WindowFlags_.no_move | imgui.WindowFlags_.no_resize | imgui.WindowFlags_.no_saved_settings
    drawn, stays = imgui.begin_popup_modal(title, True, int(always) | flags)
    if not drawn:
        yield None
        return
    try:
        focused = imgui.is_window_focused(imgui.FocusedFlags_.root_and_child_windows)
        if escape and focused and closes_by_escape():
            stays = False
        if not stays:
            imgui.close_current_popup()
        yield bool(stays)
    finally:
        imgui.end_popup()


def closes_by_escape() -> bool:
    """Whether Escape was pressed, and not for a text field or a menu that takes it first."""
    return imgui.is_key_pressed(imgui.Key.escape, False) and not imgui.is_any_item_active()


def at_right_end(width: float) -> None:
    """Put the next item, of this width in pixels, at the right end of its line."""
    room = imgui.get_content_region_avail().x
    imgui.set_cursor_pos_x(imgui.get_cursor_pos_x() + max(0.0, room - width))


def button_width(*labels: str) -> float:
    """Width of buttons beside each other, in pixels."""
    style = imgui.get_style()
    text = sum(imgui.calc_text_size(label, True).x + 2 * style.frame_padding.x for label in labels)
    return text + style.item_spacing.x * (len(labels) - 1)


def strong_button(label: str, fill: Rgb, letters: Rgb, size: ImVec2 | None = None) -> bool:
    """The button that most people will want, or one that deserves thought, in a colour of its own."""
    with (
        imgui_ctx.push_style_color(imgui.Col_.button, colour(fill)),
        imgui_ctx.push_style_color(imgui.Col_.button_hovered, colour(mix(fill, letters, 0.12))),
        imgui_ctx.push_style_color(imgui.Col_.button_active, colour(mix(fill, letters, 0.24))),
        imgui_ctx.push_style_color(imgui.Col_.text, colour(letters)),
    ):
        return imgui.button(label, size or ImVec2(0, 0))
