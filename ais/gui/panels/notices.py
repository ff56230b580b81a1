"""Draws sentences over the views: quiet cards at the bottom right, newest lowest, that let the mouse through.

They go up where they would cover a scale bar.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from imgui_bundle import ImVec2, icons_fontawesome_6, imgui, imgui_ctx

from ais.gui.notices import Notice
from ais.gui.theme import colour, mix, packed

if TYPE_CHECKING:
    from ais.gui.app import Window

WIDTH, BAR, MARGIN = 26.0, 0.25, 0.8
SHORT = 2.5
"""Height of a card of one line, in em, as long as it has not been drawn."""
MOST_SHOWN = 5
FAINT_WHILE_PAINTING = 0.25
STATUS_LINES, SLICE_LINES = 1.6, 1.4
"""What is at the bottom of the window must not be covered: the status bar, and how one goes through the slices."""

DISMISS = icons_fontawesome_6.ICON_FA_XMARK
FLAGS = (
    imgui.WindowFlags_.no_decoration
    | imgui.WindowFlags_.always_auto_resize
    | imgui.WindowFlags_.no_move
    | imgui.WindowFlags_.no_saved_settings
    | imgui.WindowFlags_.no_docking
    | imgui.WindowFlags_.no_nav
    | imgui.WindowFlags_.no_focus_on_appearing
)

Rectangle = tuple[float, float, float, float]
"""Left, top, right, bottom on the screen."""


@dataclass
class NoticeCards:
    """Where the cards and their buttons were drawn last.

    Attributes
    ----------
    cards, buttons
        The mouse only belongs to a card while it is over one of its buttons; everywhere else it paints.
    left_free
        What the views have drawn since then that no card may cover.
    """

    cards: dict[Notice, Rectangle] = field(default_factory=dict)
    buttons: dict[Notice, list[Rectangle]] = field(default_factory=dict)
    left_free: list[Rectangle] = field(default_factory=list)


def draw(window: Window) -> None:
    """Draw what is to be seen now."""
    shown = window.editor.notices.shown()[-MOST_SHOWN:]
    state = window.notice_cards
    left_free, state.left_free = state.left_free, []
    for gone in [notice for notice in state.cards if notice not in shown]:
        del state.cards[gone], state.buttons[gone]
    if not shown:
        return
    em = imgui.get_font_size()
    viewport = imgui.get_main_viewport()
    right = viewport.pos.x + viewport.size.x - MARGIN * em
    lines = STATUS_LINES + (SLICE_LINES if window.editor.shown is not None else 0.0)
    bottom = viewport.pos.y + viewport.size.y - lines * imgui.get_frame_height() - MARGIN * em
    gap = 0.5 * MARGIN * em
    for notice in reversed(shown):
        _, top, _, low = state.cards.get(notice, (0.0, 0.0, 0.0, SHORT * em))
        bottom = above(left_free, (right - WIDTH * em, bottom - (low - top), right, bottom), gap)
        bottom -= _draw_card(window, notice, right, bottom) + gap


def above(left_free: list[Rectangle], card: Rectangle, gap: float) -> float:
    """How low a card may end that is drawn at a place or above it, a gap away from what is to be left free."""
    left, top, right, bottom = card
    for x0, y0, x1, y1 in sorted(left_free, key=lambda free: -free[3]):  # the lowest first
        if left < x1 and x0 < right and top < y1 and y0 < bottom:
            top, bottom = y0 - gap - (bottom - top), y0 - gap
    return bottom


def _draw_card(window: Window, notice: Notice, right: float, bottom: float) -> float:
    em, theme, state = imgui.get_font_size(), window.theme, window.notice_cards
    pointer = imgui.get_mouse_pos()
    over_button = any(_inside(pointer, button) for button in state.buttons.get(notice, ()))
    painting = window.editor.gesture is not None
    flags = int(FLAGS) | (0 if over_button and not painting else int(imgui.WindowFlags_.no_mouse_inputs))
    covered = painting and _inside(pointer, state.cards.get(notice, (0, 0, 0, 0)))
    bar = {"done": theme.faint, "hint": theme.accent, "problem": theme.danger}[notice.kind]
    back = mix(theme.raised, theme.danger, 0.18) if notice.kind == "problem" else theme.raised
    imgui.set_next_window_pos(ImVec2(right, bottom), imgui.Cond_.always, ImVec2(1, 1))
    imgui.set_next_window_size_constraints(ImVec2(WIDTH * em, 0), ImVec2(WIDTH * em, 1e6))
    with (
        imgui_ctx.push_style_color(imgui.Col_.window_bg, colour(back)),
        imgui_ctx.push_style_color(imgui.Col_.border, colour(mix(back, bar, 0.3))),
        imgui_ctx.push_style_color(imgui.Col_.button, colour(back)),
        imgui_ctx.push_style_var(imgui.StyleVar_.window_padding, ImVec2(0.8 * em, 0.5 * em)),
        imgui_ctx.push_style_var(imgui.StyleVar_.alpha, FAINT_WHILE_PAINTING if covered else 1.0),
        imgui_ctx.begin(f"##notice {notice.time}", None, flags),
    ):
        if not imgui.is_popup_open("", imgui.PopupFlags_.any_popup):
            # Else the page or menu that is open would be covered.
            imgui.internal.bring_window_to_display_front(imgui.internal.get_current_window())
        low, size = imgui.get_window_pos(), imgui.get_window_size()
        imgui.get_window_draw_list().add_rect_filled(
            low, ImVec2(low.x + BAR * em, low.y + size.y), packed(bar), imgui.get_style().window_rounding
        )
        buttons = _draw_words(window, notice, size.x)
        state.cards[notice] = (low.x, low.y, low.x + size.x, low.y + size.y)
        state.buttons[notice] = buttons
    return size.y


def _draw_words(window: Window, notice: Notice, width: float) -> list[Rectangle]:
    style = imgui.get_style()
    button = imgui.calc_text_size(DISMISS).x + 2 * style.frame_padding.x
    room = width - button - style.window_padding.x - style.item_spacing.x
    start = imgui.get_cursor_pos()
    imgui.align_text_to_frame_padding()
    with imgui_ctx.push_text_wrap_pos(room):
        imgui.text_unformatted(notice.text)
    after = imgui.get_cursor_pos()
    imgui.set_cursor_pos(ImVec2(width - button - style.window_padding.x / 2, start.y))
    if imgui.button(f"{DISMISS}###Dismiss"):
        window.editor.notices.dismiss(notice)
    imgui.set_item_tooltip("Dismiss")
    buttons = [_item()]
    if notice.kind == "problem":
        imgui.set_cursor_pos(after)
        if imgui.button("Show all messages"):
            window.editor.shell.messages = True
        buttons.append(_item())
    return buttons


def _item() -> Rectangle:
    low, high = imgui.get_item_rect_min(), imgui.get_item_rect_max()
    return low.x, low.y, high.x, high.y


def _inside(point: ImVec2, rectangle: Rectangle) -> bool:
    left, top, right, bottom = rectangle
    return left <= point.x < right and top <= point.y < bottom
