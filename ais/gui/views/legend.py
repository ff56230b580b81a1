"""What models show in the XY view: a small list in its corner, with colours, times and what is still to come."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from imgui_bundle import ImVec2, imgui

from ais.gui.panels.layout import elided
from ais.gui.theme import Rgb, packed
from ais.gui.views.canvas import BLACK, WHITE
from ais.gui.views.model_layers import maps_of, training_colour

if TYPE_CHECKING:
    from ais.gui.app import Window
    from ais.gui.editor import Editor

MARGIN_EM = 0.6
NAME_EM = 11.0
"""Names are cut where they are longer."""
TOOLTIP_EM = 28.0
ROWS = 8
WAITS = "segmenting..."
GROUND = 0.6
FAINT: Rgb = (0.78, 0.78, 0.78)
"""On the dark ground that the list has in every theme, since it lies over the tomogram."""


@dataclass(frozen=True)
class Line:
    """A line of the list.

    Attributes
    ----------
    colour
        Of the overlay.
    name
        Of the model, or of what is shown.
    state
        How long it took, or what it waits for; empty for neither.
    more
        A sentence more, shown under the pointer.
    """

    colour: Rgb
    name: str
    state: str = ""
    more: str = ""


def lines_of(editor: Editor) -> list[Line]:
    """What is shown, or will be, in the slice on the screen: live models, the training that runs, exported volumes."""
    shown = editor.shown
    if shown is None:
        return []
    return [*_models(editor), *_training(editor), *_volumes(editor)]


def draw(window: Window, left: float, top: float, width: float) -> None:
    """Draw the list with its upper left corner near a place of the screen; a click folds it."""
    editor = window.editor
    lines = [] if editor.state.overlays_hidden else lines_of(editor)
    if not lines:
        return
    em = imgui.get_font_size()
    x, y, room = left + MARGIN_EM * em, top + MARGIN_EM * em, width - 2 * MARGIN_EM * em
    size = _full(lines, x, y, room) if editor.state.legend else _folded(lines, x, y)
    imgui.set_cursor_screen_pos(ImVec2(x, y))
    if imgui.invisible_button("###Legend", size):
        editor.state.legend = not editor.state.legend
    if imgui.is_item_hovered():
        imgui.set_mouse_cursor(imgui.MouseCursor_.hand)
        more = [line.more for line in lines if line.more]
        if not editor.state.legend:
            more = [line.name + (f": {line.state}" if line.state else "") for line in lines] + more
        fold = "Click to fold this list." if editor.state.legend else "Click to unfold this list."
        _explain("\n".join([*more, fold]))


def _explain(text: str) -> None:
    if imgui.begin_item_tooltip():
        imgui.push_text_wrap_pos(TOOLTIP_EM * imgui.get_font_size())
        imgui.text_unformatted(text)
        imgui.pop_text_wrap_pos()
        imgui.end_tooltip()


def _full(lines: list[Line], x: float, y: float, room: float) -> ImVec2:
    """Draw all lines; gives the size of the whole."""
    em, height = imgui.get_font_size(), imgui.get_text_line_height_with_spacing()
    pad = 0.35 * em
    left_out = len(lines) - ROWS if len(lines) > ROWS + 1 else 0
    lines = lines[: len(lines) - left_out]
    states = max(imgui.calc_text_size(line.state).x for line in lines)
    gap = 0.8 * em if states else 0.0
    start = pad + 0.55 * em + 0.45 * em
    names = min(NAME_EM * em, room - start - gap - states - pad)
    if names < 3 * em:
        return _folded(lines, x, y)
    shown = [elided(line.name, names) for line in lines]
    names = min(names, max(imgui.calc_text_size(name).x for name in shown))
    size = ImVec2(start + names + gap + states + pad, (len(lines) + bool(left_out)) * height + pad)
    draw_list = imgui.get_window_draw_list()
    draw_list.add_rect_filled(ImVec2(x, y), ImVec2(x + size.x, y + size.y), packed(BLACK, GROUND), pad)
    at = y + pad / 2 + (height - imgui.get_text_line_height()) / 2
    for line, name in zip(lines, shown, strict=True):
        _swatch(line.colour, x + pad, at)
        draw_list.add_text(ImVec2(x + start, at), packed(WHITE), name)
        draw_list.add_text(ImVec2(x + start + names + gap, at), packed(FAINT), line.state)
        at += height
    if left_out:
        draw_list.add_text(ImVec2(x + start, at), packed(FAINT), f"and {left_out} more")
    return size


def _folded(lines: list[Line], x: float, y: float) -> ImVec2:
    """Draw the colours alone; gives the size of the whole."""
    em, pad = imgui.get_font_size(), 0.35 * imgui.get_font_size()
    step = 0.85 * em
    dots = "..." if any(line.state == WAITS for line in lines) else ""
    after = pad + step * min(len(lines), ROWS)
    size = ImVec2(after + (imgui.calc_text_size(dots).x if dots else -0.3 * em) + pad, em + 2 * pad)
    low = ImVec2(x + size.x, y + size.y)
    imgui.get_window_draw_list().add_rect_filled(ImVec2(x, y), low, packed(BLACK, GROUND), pad)
    for number, line in enumerate(lines[:ROWS]):
        _swatch(line.colour, x + pad + number * step, y + pad)
    imgui.get_window_draw_list().add_text(ImVec2(x + after, y + pad), packed(FAINT), dots)
    return size


def _swatch(colour: Rgb, x: float, y: float) -> None:
    em = imgui.get_font_size()
    side, top = 0.55 * em, y + 0.25 * em
    low = ImVec2(x + side, top + side)
    imgui.get_window_draw_list().add_rect_filled(ImVec2(x, top), low, packed(colour), 0.1 * em)


def _models(editor: Editor) -> list[Line]:
    modelling = editor.modelling
    live, position = modelling.live, editor.view("xy").position
    there = {(one.model, one.feature) for one in maps_of(editor, position)} if position is not None else set()
    found = []
    for saved in modelling.models.segmenting:
        model = modelling.shown(saved)
        problem = live.problems.get(model.id, "")
        seconds = live.seconds.get(model.id)
        several = len(model.found) > 1
        for number, (feature, colour) in enumerate(zip(model.found, model.colours, strict=True)):
            if problem:
                state = "cannot be shown"
            elif (model.id, feature) not in there and live.late:
                state = WAITS
            else:
                state = _milliseconds(seconds) if seconds is not None and number == 0 else ""
            if model.use.show:
                name = f"{model.name}: {feature}" if several else model.name
                found.append(Line(colour, name, state, f"{model.name}: {problem}" if problem and not number else ""))
    if found and live.rules_problem:
        found[0] = Line(
            found[0].colour, found[0].name, found[0].state, f"{found[0].more}\n{live.rules_problem}".strip()
        )
    return found


def _training(editor: Editor) -> list[Line]:
    trainings = editor.modelling.trainings
    training, picture = trainings.running, trainings.picture
    if training is None or picture is None or not editor.state.training_shown:
        return []
    epoch = f"epoch {len(training.epochs) + 1}"
    features = list(picture.maps)
    return [
        Line(
            training_colour(editor, feature, number),
            f"Training {training.name}" + (f": {feature}" if len(features) > 1 else ""),
            epoch if number == 0 else "",
        )
        for number, feature in enumerate(features)
    ]


def _volumes(editor: Editor) -> list[Line]:
    overlays = editor.modelling.overlays
    found = []
    for path, look in editor.state.volumes.items():
        result = overlays.result(path)
        if result is not None:
            problem = overlays.problems.get(path, "")
            found.append(
                Line(look.colour, f"{result.feature} (exported)", "cannot be shown" if problem else "", problem)
            )
    return found


def _milliseconds(seconds: float) -> str:
    return f"{seconds * 1000:.0f} ms" if seconds < 0.9995 else f"{seconds:.1f} s"
