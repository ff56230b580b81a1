"""What can be done with a training, wherever it is shown: its state in words, its bar, its buttons."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from imgui_bundle import ImVec2, imgui
from imgui_bundle import icons_fontawesome_6 as icons

from ais.gui.lengths_of_time import clock
from ais.gui.panels.command_button import flow
from ais.gui.panels.layout import coloured, disabled, em
from ais.gui.training import ENDED, Training, TrainingState

if TYPE_CHECKING:
    from collections.abc import Callable

    from ais.gui.app import Window
    from ais.gui.training_queue import TrainingQueue

BAR_EM = 0.4


class Action(NamedTuple):
    """Something that can be done with a training.

    Attributes
    ----------
    name
        On the button and in the menu.
    icon
        Instead of the name where there is little room.
    tooltip
        One sentence more.
    run
        Does it.
    """

    name: str
    icon: str
    tooltip: str
    run: Callable[[], object]


def actions(queue: TrainingQueue, training: Training) -> list[Action]:
    """What can be done with a training as it stands, the likeliest first."""
    state = training.state
    found = []
    if state is TrainingState.RUNNING:
        keeps = "The best epoch so far becomes the model" if training.epochs else "Nothing is kept: no epoch is done"
        later = "To be resumed later, after its last whole epoch; also after a restart"
        found.append(Action("Stop", icons.ICON_FA_STOP, keeps, lambda: queue.stop(training)))
        found.append(Action("Pause", icons.ICON_FA_PAUSE, later, lambda: queue.leave(training)))
    elif state is TrainingState.WAITING:
        found.append(Action("Cancel", icons.ICON_FA_STOP, "It does not begin", lambda: queue.stop(training)))
    elif state is TrainingState.DONE:
        more = "A new training with the same sets and numbers, which begins with this model"
        found.append(Action("Train further", icons.ICON_FA_PLAY, more, lambda: queue.continue_from(training)))
    elif state is TrainingState.INTERRUPTED:
        goes = "Goes on after its last whole epoch"
        found.append(Action("Resume", icons.ICON_FA_PLAY, goes, lambda: queue.resume(training)))
    elif state in (TrainingState.FAILED, TrainingState.CANCELLED):
        again = "Trains again with the same sets and numbers"
        found.append(Action("Try again", icons.ICON_FA_ROTATE_RIGHT, again, lambda: queue.resume(training)))
    if state in ENDED:
        stays = "Takes it off this list; a model that it made stays"
        found.append(Action("Remove", icons.ICON_FA_XMARK, stays, lambda: queue.remove(training)))
    return found


def state_text(training: Training) -> str:
    """Where it stands, in a word or two."""
    if training.state is TrainingState.RUNNING and training.fraction is not None:
        return f"{100 * training.fraction:.0f} %"
    if training.state is TrainingState.DONE and training.stopped:
        return "done, ended early"
    return training.state.value


def draw_progress(window: Window, training: Training) -> None:
    """Draw the bar of one that runs, and below it the time left, the rate and what is being done."""
    fraction = training.fraction
    # A negative fraction is drawn by Dear ImGui as a bar that runs on and on.
    imgui.progress_bar(fraction if fraction is not None else -imgui.get_time(), ImVec2(-1, em(BAR_EM)), "")
    left, rate = training.seconds_left, training.samples_per_second
    parts = ["stopping"] if training.state is TrainingState.STOPPING else []
    parts += [f"{clock(left)} left"] if left is not None else []
    # The figures after the colon are drawn as curves.
    doing = training.message.partition(":")[0]
    parts += [doing] if doing else []
    parts += [f"{rate:.0f} samples/s"] if rate else []
    text = ", ".join(parts) or "starting"
    with coloured(window.theme.faint):
        imgui.text_wrapped(text)
    # Room for two lines always: what is below must not jump under the pointer as figures get longer.
    line, between = imgui.get_text_line_height(), imgui.get_style().item_spacing.y
    spare = 2 * line - imgui.calc_text_size(text, False, imgui.get_content_region_avail().x).y - between
    if spare > 0:
        imgui.dummy(ImVec2(0, spare))


def draw_buttons(window: Window, training: Training) -> None:
    """Draw a button for each action, beside each other as far as there is room."""
    queue, editor = window.editor.modelling.trainings, window.editor
    padding = 2 * imgui.get_style().frame_padding.x
    chosen: Action | None = None
    with disabled(editor.read_only):
        for number, action in enumerate(actions(queue, training)):
            if number:
                flow(imgui.calc_text_size(action.name).x + padding)
            if imgui.button(action.name):
                chosen = action
            imgui.set_item_tooltip(action.tooltip)
    if chosen is not None:
        chosen.run()
