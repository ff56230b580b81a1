"""The part of the Models tab that trains networks and lists trainings."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from imgui_bundle import ImVec2, imgui, imgui_ctx

from ais.gui.panels import training_form
from ais.gui.panels.layout import coloured, disabled, elided, em, faint, icon_button, section
from ais.gui.panels.training_actions import Action, actions, draw_progress, state_text
from ais.gui.training import Training, TrainingState

if TYPE_CHECKING:
    from ais.gui.app import Window
    from ais.gui.training_queue import TrainingQueue

ROW_FLAGS = int(imgui.SelectableFlags_.allow_overlap | imgui.SelectableFlags_.allow_double_click)


def draw(window: Window) -> None:
    """Draw this part of the Models tab."""
    editor = window.editor
    modelling = editor.modelling
    queue = modelling.trainings
    unfinished = sum(one.state is not TrainingState.DONE for one in queue.trainings)
    count = f" ({unfinished})" if unfinished else ""
    is_open = bool(modelling.training_sets.sets or queue.trainings) and not editor.snapshot.models
    if not section(f"Training{count}###training", window.theme, is_open=is_open):
        _draw_short(window, queue)
        return
    with imgui_ctx.push_id("training"):
        if not modelling.training_sets.sets:
            faint("Make a training set first; then a network can learn from it.", window.theme.faint)
        else:
            with disabled(editor.read_only):
                training_form.draw(window)
        _draw_list(window, queue)
    imgui.spacing()


def _draw_short(window: Window, queue: TrainingQueue) -> None:
    """While the section is folded: what runs."""
    running = queue.running
    if running is not None:
        imgui.text(elided(f"Training {running.output.stem}", imgui.get_content_region_avail().x))
        draw_progress(window, running)


def _draw_list(window: Window, queue: TrainingQueue) -> None:
    if not queue.trainings:
        return
    imgui.spacing()
    chosen: Action | None = None
    for training in in_order(queue.trainings):
        with imgui_ctx.push_id(training.key):
            chosen = _draw_training(window, queue, training) or chosen
    if chosen is not None:
        chosen.run()


def in_order(trainings: Sequence[Training]) -> list[Training]:
    """What runs, what waits in the order in which it will run, and then what has ended, the latest first."""
    running = [one for one in trainings if one.job is not None]
    waiting = [one for one in trainings if one.job is None and not one.ended]
    return [*running, *waiting, *(one for one in reversed(trainings) if one.ended)]


def _draw_training(window: Window, queue: TrainingQueue, training: Training) -> Action | None:
    """Draw one; gives what was asked for."""
    theme, name = window.theme, training.output.stem
    possible = actions(queue, training)
    chosen: Action | None = None
    state = state_text(training)
    buttons = len(possible) * (em(1.9) + imgui.get_style().item_spacing.x)
    words = imgui.calc_text_size(state).x + imgui.get_style().item_spacing.x
    room = imgui.get_content_region_avail().x - buttons - words
    left = imgui.get_cursor_pos_x()
    imgui.push_style_var(imgui.StyleVar_.selectable_text_align, ImVec2(0, 0.5))
    pressed, _ = imgui.selectable(
        f"{elided(name, room)}###{name}",
        window.editor.shell.training and training is queue.shown,
        ROW_FLAGS,
        ImVec2(room + words, imgui.get_frame_height()),
    )
    imgui.pop_style_var()
    imgui.set_item_tooltip(_tooltip(training))
    if pressed:
        queue.selected = training.key
        window.editor.shell.training = True
    if imgui.begin_popup_context_item("menu"):
        for action in possible:
            if imgui.menu_item_simple(action.name, "", False, not window.editor.read_only):
                chosen = action
            imgui.set_item_tooltip(action.tooltip)
        imgui.end_popup()
    imgui.same_line(left + room)
    imgui.align_text_to_frame_padding()
    with coloured(theme.danger if training.state is TrainingState.FAILED else theme.faint):
        imgui.text(state)
    with disabled(window.editor.read_only):
        for number, action in enumerate(possible):
            imgui.same_line(left + room + words + number * (em(1.9) + imgui.get_style().item_spacing.x))
            if icon_button(action.icon, f"{action.name} {name}", f"{action.name}. {action.tooltip}."):
                chosen = action
    if training.job is not None:
        draw_progress(window, training)
    elif training.error and training.state is TrainingState.FAILED:
        with coloured(theme.danger):
            imgui.text_wrapped(training.error)
    return chosen


def _tooltip(training: Training) -> str:
    parts = [f"{training.output.stem}: {state_text(training)}"]
    if training.epochs:
        last = training.epochs[-1]
        parts.append(f"Epoch {last['epoch']} of {last['epochs']}, Dice {last['dice']:.3f}")
    parts += [training.error] if training.error else []
    return "\n".join([*parts, "Click to see its curves"])
