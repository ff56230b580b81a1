"""The window in which a classic model is made or changed, beside the slice that shows what it finds."""

from __future__ import annotations

from typing import TYPE_CHECKING

from imgui_bundle import ImVec2, imgui

from ais.gui.model_facts import option_name
from ais.gui.panels.colour_choice import colour_popup, colour_square
from ais.gui.panels.floating import FLOATING
from ais.gui.panels.layout import LABEL_EM, coloured, disabled, em, faint, label
from ais.gui.panels.modal import SHARE_OF_WINDOW, at_right_end, button_width, closes_by_escape, strong_button
from ais.gui.project_models import DRAFT

if TYPE_CHECKING:
    from ais.gui.app import Window
    from ais.gui.classic_models import ClassicDraft
    from ais.models.classic import Choice, Quantity

WIDTH = 25.0
RIGHT_EM, TOP_EM = 1.0, 0.5
"""Distance from the edges of the window at first, so that the slice stays in sight."""
UNITS = {"A": " A", "SD": " SD", "": ""}
SPEED = 0.01
"""Of the value, for a pixel that is dragged."""
NEW, CHANGED = "New classic model", "Options of classic model"


def draw(window: Window) -> None:
    """Draw it, where one can go on working beside it."""
    classic = window.editor.modelling.classic
    draft = classic.draft
    if draft is None:
        return
    viewport = imgui.get_main_viewport()
    width = min(em(WIDTH), viewport.work_size.x * SHARE_OF_WINDOW)
    largest = ImVec2(width, viewport.work_size.y * SHARE_OF_WINDOW)
    imgui.set_next_window_size_constraints(ImVec2(width, 0), largest)
    corner = ImVec2(viewport.work_pos.x + viewport.work_size.x - em(RIGHT_EM), viewport.work_pos.y + em(TOP_EM))
    imgui.set_next_window_pos(corner, imgui.Cond_.appearing, ImVec2(1, 0))
    flags = FLOATING | int(imgui.WindowFlags_.always_auto_resize)
    drawn, stays = imgui.begin(f"{NEW if draft.number == DRAFT else CHANGED}###classic", True, flags)
    try:
        if drawn:
            _draw_form(window, draft)
            _draw_end(window, draft)
        focused = imgui.is_window_focused(imgui.FocusedFlags_.root_and_child_windows)
        if not stays or (focused and closes_by_escape()):
            classic.close()
    finally:
        imgui.end()


def _draw_form(window: Window, draft: ClassicDraft) -> None:
    from ais.models.classic import CLASSIC_METHODS, Choice, classic_method

    imgui.dummy(ImVec2(em(WIDTH) - 2 * imgui.get_style().window_padding.x, 0))
    _draw_feature(window, draft)
    if draft.number == DRAFT:
        label("Name", "In the list of models; what it finds, if it gets no name of its own")
        _, draft.name = imgui.input_text_with_hint("##Name", draft.feature.strip() or "of the model", draft.name)
        _draw_colour(window, draft)
    label("Method")
    now = classic_method(draft.method)
    if imgui.begin_combo("##Method", now.title):
        for method in CLASSIC_METHODS:
            if imgui.selectable(f"{method.title}###{method.name}", method is now)[0]:
                draft.method = method.name
            if method is now and imgui.is_window_appearing():
                imgui.set_scroll_here_y(0.0)
            imgui.push_text_wrap_pos(em(26))
            faint(method.good_for, window.theme.faint)
            imgui.pop_text_wrap_pos()
        imgui.end_combo()
    faint(classic_method(draft.method).good_for, window.theme.faint)
    imgui.spacing()
    chosen = draft.chosen
    for option in classic_method(draft.method).options:
        if option.name == "value" and chosen.get("limit") == "otsu":
            continue
        label(option_name(option.name), f"{option.text[0].upper()}{option.text[1:]}")
        if isinstance(option, Choice):
            _draw_choice(draft, option, str(chosen[option.name]))
        else:
            _draw_number(draft, option, float(chosen[option.name]))


def _draw_feature(window: Window, draft: ClassicDraft) -> None:
    features = [feature.name for feature in window.editor.snapshot.features]
    label("Finds", "The feature, such as membrane; a copy to annotation goes to the project's feature of that name")
    side = imgui.get_frame_height()
    imgui.set_next_item_width(imgui.get_content_region_avail().x - (side if features else 0))
    _, draft.feature = imgui.input_text_with_hint("##Finds", "such as membrane", draft.feature)
    if not features:
        return
    imgui.same_line(0, 0)
    if imgui.arrow_button("###Features", imgui.Dir.down):
        imgui.open_popup("features")
    imgui.set_item_tooltip("Features of the project")
    if imgui.begin_popup("features"):
        for name in features:
            if imgui.selectable(name, name == draft.feature)[0]:
                draft.feature = name
        imgui.end_popup()


def _draw_colour(window: Window, draft: ClassicDraft) -> None:
    label("Colour")
    model = window.editor.modelling.models.model(DRAFT)
    now = model.colours[0] if model is not None and model.colours else window.theme.accent

    def choose(colour: tuple[float, float, float]) -> None:
        draft.colour = colour

    colour_square(now)
    colour_popup(now, choose, choose, lambda: None)


def _draw_choice(draft: ClassicDraft, option: Choice, now: str) -> None:
    for number, (word, text) in enumerate(option.words.items()):
        if number:
            imgui.same_line()
            if imgui.get_content_region_avail().x < imgui.calc_text_size(text).x + imgui.get_frame_height():
                imgui.new_line()
                imgui.set_cursor_pos_x(em(LABEL_EM))
        if imgui.radio_button(f"{text}###{option.name} {word}", word == now):
            draft.choose(option.name, word)


def _draw_number(draft: ClassicDraft, option: Quantity, now: float) -> None:
    low, high, unit = option.minimum, option.maximum, UNITS[option.unit]
    if isinstance(option.default, int):
        changed, count = imgui.drag_int(f"##{option.name}", round(now), 0.1, round(low), round(high), f"%d{unit}")
        value: int | float = min(max(count, round(low)), round(high))
    else:
        form = "%.0f" if option.unit == "A" else "%.2f"
        speed = max(abs(now) * SPEED, 0.5 if option.unit == "A" else 0.01)
        changed, number = imgui.drag_float(f"##{option.name}", now, speed, low, high, form + unit)
        value = min(max(number, low), high) if number == number else now  # what was typed may be nan
    if changed:
        draft.choose(option.name, value)


def _draw_end(window: Window, draft: ClassicDraft) -> None:
    editor, live = window.editor, window.editor.modelling.live
    imgui.spacing()
    wrong, trouble = draft.problem(), live.problems.get(draft.number, "")
    if trouble or (wrong and draft.feature.strip()):
        with coloured(window.theme.danger):
            imgui.text_wrapped(wrong or trouble)
    elif editor.shown is None:
        faint("Open a tomogram to see what it finds.", window.theme.faint)
    elif live.pending and live.late:
        faint("Segmenting the slice...", window.theme.faint)
    else:
        seconds = live.seconds.get(draft.number)
        took = "" if seconds is None else f", in {1000 * seconds:.0f} ms" if seconds < 1 else f", in {seconds:.1f} s"
        faint(f"The slice shows what it finds{took}.", window.theme.faint)
    at_right_end(button_width("Cancel", "Save"))
    if imgui.button("Cancel"):
        editor.modelling.classic.close()
    imgui.same_line()
    with disabled(bool(wrong) or editor.read_only):
        if strong_button("Save", window.theme.accent, window.theme.on_accent):
            editor.modelling.classic.save()
    if wrong and not draft.feature.strip():
        imgui.set_item_tooltip(wrong)
