"""Draws the queue of exports: what is made, what waits, what has ended."""

from __future__ import annotations

from typing import TYPE_CHECKING

from imgui_bundle import ImVec2, imgui, imgui_ctx
from imgui_bundle import icons_fontawesome_6 as icons

from ais.gui.export_queue import ExportQueue
from ais.gui.export_volumes import ENDED, ExportVolume, VolumeState
from ais.gui.lengths_of_time import clock
from ais.gui.panels.command_button import flow
from ais.gui.panels.layout import coloured, elided, em, section
from ais.gui.panels.modal import button_width
from ais.gui.theme import colour

if TYPE_CHECKING:
    from ais.gui.app import Window

ROWS = 5
BAR_EM, BAR_HEIGHT_EM = 6.0, 0.4
AGAIN = frozenset({VolumeState.FAILED, VolumeState.CANCELLED, VolumeState.INTERRUPTED})


def draw(window: Window) -> None:
    """Draw the section, once something has been put into the queue."""
    exports = window.editor.modelling.exports
    volumes = exports.listed
    if not volumes:
        return
    done = sum(volume.state in ENDED for volume in volumes)
    if not section(f"Queue: {done} of {len(volumes)} ended###export queue", window.theme, is_open=True):
        return
    _draw_state(window, exports)
    _draw_buttons(exports, volumes)
    space = imgui.get_style().item_spacing
    row = 2 * imgui.get_text_line_height() + 2 * space.y
    with imgui_ctx.begin_child("exports", ImVec2(0, min(len(volumes), ROWS) * row)):
        clipper = imgui.ListClipper()
        clipper.begin(len(volumes), row)
        while clipper.step():
            for at in range(clipper.display_start, clipper.display_end):
                with imgui_ctx.push_id(str(volumes[at].number)):
                    _draw_row(window, exports, volumes[at], row)


def _draw_state(window: Window, exports: ExportQueue) -> None:
    if exports.problem:
        with coloured(window.theme.danger):
            imgui.text_wrapped(exports.problem)
        return
    left = exports.seconds_left
    waiting = sum(volume.state is VolumeState.WAITING for volume in exports.volumes)
    if exports.paused:
        text = "Paused after the volume that is being made." if exports.running is not None else "Paused."
    elif left is not None and exports.busy:
        text = f"About {clock(left)} left."
    elif exports.busy:
        text = f"{waiting} more to come." if waiting else "Working."
    else:
        return
    with coloured(window.theme.faint):
        imgui.text_wrapped(text)


def _draw_buttons(exports: ExportQueue, volumes: list[ExportVolume]) -> None:
    waiting = any(volume.state is VolumeState.WAITING for volume in volumes)
    number = 0

    def button(text: str, name: str, tooltip: str) -> bool:
        nonlocal number
        if number:
            flow(button_width(text))
        number += 1
        pressed = imgui.button(f"{text}###{name}")
        imgui.set_item_tooltip(tooltip)
        return bool(pressed)

    if exports.paused:
        if button("Resume", "Resume exports", "Go on with what waits"):
            exports.resume()
    elif waiting and button("Pause", "Pause exports", "Begin no further volume, but finish this one"):
        exports.pause()
    if (waiting or exports.running is not None) and button(
        "Cancel all", "Cancel exports", "What is finished stays; nothing half-written is left"
    ):
        exports.cancel_all()
    if any(volume.state in ENDED for volume in volumes) and button(
        "Clear ended", "Clear exports", "Off this list; files and results stay"
    ):
        exports.clear_ended()


def _draw_row(window: Window, exports: ExportQueue, volume: ExportVolume, height: float) -> None:
    start = imgui.get_cursor_pos()
    side = imgui.get_frame_height()
    width = imgui.get_content_region_avail().x
    buttons = 2 if volume.state in AGAIN else 1
    room = width - buttons * (side + em(0.2)) - em(0.3)
    imgui.text(elided(volume.name, room))
    if imgui.is_item_hovered(imgui.HoveredFlags_.for_tooltip):
        imgui.set_tooltip(_details(volume))
    if volume.state is VolumeState.RUNNING:
        _draw_running(window, exports, room)
    else:
        text = _state_text(volume)
        with coloured(window.theme.danger if volume.state is VolumeState.FAILED else window.theme.faint):
            imgui.text(elided(text, room))
        if imgui.is_item_hovered(imgui.HoveredFlags_.for_tooltip):
            imgui.set_tooltip(volume.error or text)
    imgui.set_cursor_pos(ImVec2(start.x + width - buttons * (side + em(0.2)), start.y + (height - side) / 3))
    if volume.state in AGAIN:
        if _button(window, icons.ICON_FA_ROTATE_RIGHT, f"Retry {volume.name}", "Make it again"):
            exports.retry(volume)
        imgui.same_line(0, em(0.2))
    if volume.state in ENDED:
        if _button(window, icons.ICON_FA_XMARK, f"Remove {volume.name}", "Take it off this list; files stay"):
            exports.remove(volume)
    elif _button(window, icons.ICON_FA_XMARK, f"Cancel {volume.name}", "Cancel; nothing half-written is left"):
        exports.cancel(volume)
    imgui.set_cursor_pos(start)
    imgui.dummy(ImVec2(width, height - imgui.get_style().item_spacing.y))


def _draw_running(window: Window, exports: ExportQueue, room: float) -> None:
    waits_for = exports.waits_for
    if waits_for:
        with coloured(window.theme.faint):
            imgui.text(elided(f"Waits for: {waits_for}", room))
        return
    at = imgui.get_cursor_pos()
    line = imgui.get_text_line_height()
    imgui.set_cursor_pos_y(at.y + (line - em(BAR_HEIGHT_EM)) / 2)
    imgui.progress_bar(exports.fraction, ImVec2(em(BAR_EM), em(BAR_HEIGHT_EM)), "")
    imgui.set_cursor_pos(ImVec2(at.x + em(BAR_EM + 0.5), at.y))
    left = exports.seconds_left_of_volume
    text = f"{100 * exports.fraction:.0f} %{f', {clock(left)} left' if left is not None else ''}"
    with coloured(window.theme.faint):
        imgui.text(elided(text, room - em(BAR_EM + 0.5)))
    if exports.message:
        imgui.set_item_tooltip(exports.message)


def _button(window: Window, icon: str, name: str, tooltip: str) -> bool:
    with imgui_ctx.push_style_color(imgui.Col_.button, colour(window.theme.panel, 0.0)):
        side = imgui.get_frame_height()
        pressed = bool(imgui.button(f"{icon}###{name}", ImVec2(side, side)))
    imgui.set_item_tooltip(tooltip)
    return pressed


def _state_text(volume: ExportVolume) -> str:
    """Where a volume stands."""
    count = len(volume.outputs)
    match volume.state:
        case VolumeState.DONE if volume.kept:
            return "Was finished before"
        case VolumeState.DONE:
            return f"{count} volume{'s' if count != 1 else ''} made in {clock(max(volume.seconds, 1))}"
        case VolumeState.FAILED:
            return f"Failed: {volume.error}"
        case _:
            return volume.state.capitalize()


def _details(volume: ExportVolume) -> str:
    models = "\n".join(f"Model {path}" for path in volume.models)
    return f"{volume.tomogram}\n{models}\nInto {volume.folder}"
