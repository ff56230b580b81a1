"""Draws the bar at the bottom: what is under the pointer, what runs, which processor computes, what is saved."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING, NamedTuple

from imgui_bundle import ImVec2, imgui
from imgui_bundle import icons_fontawesome_6 as icons

from ais.gui.display import PLANES
from ais.gui.editor import Editor
from ais.gui.lengths import ANGSTROM_PER
from ais.gui.panels.layout import coloured, em
from ais.gui.state import Tool
from ais.gui.views.tool_marks import measured_text, voxel_size

if TYPE_CHECKING:
    from ais.gui.app import Window

PROGRESS_EM = 6.0
GAP_EM = 1.2


class Running(NamedTuple):
    """Something that runs, for the bar.

    Attributes
    ----------
    title
        What it is.
    fraction
        0 to 1, or None.
    seconds_left
        Estimated, or None.
    cancel
        Asks it to stop.
    """

    title: str
    fraction: float | None
    seconds_left: float | None
    cancel: Callable[[], None]


def draw(window: Window) -> None:
    """Draw it, in one line: from the left what is under the pointer and what runs, from the right what is saved."""
    editor = window.editor
    width = imgui.get_window_width()
    right = _draw_right(window, width)
    imgui.same_line(em(0.6))
    imgui.align_text_to_frame_padding()
    runs = running(editor)
    room = right - em(GAP_EM) - (_job_width(runs) if runs else 0.0)
    text = next((text for text in pointed_texts(window) if imgui.calc_text_size(text).x < room - em(0.6)), "")
    imgui.text(text)
    if runs:
        imgui.same_line(right - em(GAP_EM) - _job_width(runs))
        _draw_job(window, runs)


def pointed_texts(window: Window) -> list[str]:
    """What is under the pointer: voxel, value and position; the longest text first, then shorter ones."""
    editor = window.editor
    shown = editor.shown
    if shown is None:
        return [""]
    measured = editor.state.measured
    if editor.state.tool is Tool.MEASURE and measured is not None and measured[0] != measured[1]:
        length = measured_text(editor, measured)
        return [f"Measured {length}", length]
    for plane in PLANES:
        view = editor.view(plane)
        if view.hovered is None or view.position is None:
            continue
        value = window.views.value_at(plane, *view.hovered)
        if value is None:
            continue
        z, y, x = (round(at) for at in shown.voxel(plane, view.position, *view.hovered))
        voxel = f"x {x}  y {y}  z {z}"
        short = f"{voxel}   value {value:.4g}"
        size, units = voxel_size(editor), editor.settings.units
        if size <= 0:
            return [short, voxel]
        per = size / ANGSTROM_PER[units]
        return [f"{short}   {x * per:.1f}, {y * per:.1f}, {z * per:.1f} {units}", short, voxel]
    nz, ny, nx = shown.shape
    size = voxel_size(editor)
    extent = f"{nx} x {ny} x {nz} voxels"
    return [f"{extent} of {size:.4g} A" if size > 0 else f"{extent}, voxel size not known", extent]


def running(editor: Editor) -> list[Running]:
    """What runs and is worth showing, the oldest first."""
    works = [
        Running(work.title, work.fraction, work.seconds_left, work.cancel)
        for work in editor.background.works
        if work.shown
    ]
    engine = editor.engine_in_use
    if engine is None:
        return works
    jobs = [job for job in reversed(engine.jobs) if not job.urgent and job.started is not None and not job.finished]
    return works + [
        Running(job.title, job.fraction, job.seconds_left, lambda job=job: engine.cancel(job))  # type: ignore[misc]
        for job in jobs
    ]


def saved_text(editor: Editor) -> str:
    """Whether everything is on disk."""
    document = editor.document
    if document is None:
        return ""
    if editor.read_only:
        return "Read only"
    if document.saving:
        return "Saving..."
    if document.saved_at is None:
        return "Saved"
    return f"Saved {time.strftime('%H:%M:%S', time.localtime(document.saved_at))}"


def time_left_text(seconds: float) -> str:
    """A time such as "0:41 left" or "2:05:10 left"."""
    whole = max(round(seconds), 0)
    hours, minutes, rest = whole // 3600, whole // 60 % 60, whole % 60
    return f"{hours}:{minutes:02}:{rest:02} left" if hours else f"{minutes}:{rest:02} left"


def _draw_right(window: Window, width: float) -> float:
    """Draw what stands at the right end; gives where it begins."""
    editor = window.editor
    saved = saved_text(editor)
    engine = editor.engine_in_use
    device = engine.device or f"Compute process {engine.status.value}" if engine is not None else ""
    parts = [part for part in (device, saved) if part]
    x = width - em(0.8) - sum(imgui.calc_text_size(part).x for part in parts) - em(GAP_EM) * max(len(parts) - 1, 0)
    if saved == "Read only":
        x -= em(1.4)
    begins = x
    imgui.set_cursor_pos_x(x)
    imgui.align_text_to_frame_padding()
    if device:
        with coloured(window.theme.faint):
            imgui.text(device)
        imgui.set_item_tooltip(_device_tooltip(editor))
        imgui.same_line(0, em(GAP_EM))
    if saved == "Read only":
        imgui.text(icons.ICON_FA_LOCK)
        imgui.same_line(0, em(0.4))
    if saved:
        with coloured(window.theme.text if editor.read_only else window.theme.faint):
            imgui.text(saved)
        imgui.set_item_tooltip(_saved_tooltip(editor))
    else:
        imgui.dummy(ImVec2(0, 0))
    return begins


def _device_tooltip(editor: Editor) -> str:
    engine = editor.engine_in_use
    if engine is None:
        return ""
    return engine.problem or f"Networks run in a process of their own, which is {engine.status.value}."


def _saved_tooltip(editor: Editor) -> str:
    if editor.document is None:
        return ""
    if editor.read_only:
        return editor.document.project.notice or "This project can only be read."
    return f"Every edit is written at once to {editor.document.project.path}"


def _job_text(runs: list[Running]) -> str:
    first = runs[0]
    more = f" (and {len(runs) - 1} more)" if len(runs) > 1 else ""
    left = f"  {time_left_text(first.seconds_left)}" if first.seconds_left is not None else ""
    return f"{first.title}{more}{left}"


def _job_width(runs: list[Running]) -> float:
    size = imgui.calc_text_size(_job_text(runs)).x
    return float(size + em(PROGRESS_EM) + imgui.get_frame_height() + 2 * em(0.5))


def _draw_job(window: Window, runs: list[Running]) -> None:
    first = runs[0]
    imgui.text(_job_text(runs))
    imgui.set_item_tooltip("\n".join(each.title for each in runs))
    imgui.same_line(0, em(0.5))
    known = first.fraction is not None
    # A negative fraction is drawn by Dear ImGui as a bar that runs on and on.
    fraction = first.fraction if first.fraction is not None else -imgui.get_time()
    words = f"{100 * fraction:.0f} %" if known else " "
    imgui.progress_bar(fraction, ImVec2(em(PROGRESS_EM), 0), words)
    imgui.same_line(0, em(0.5))
    with coloured(window.theme.text):
        if imgui.button(f"{icons.ICON_FA_XMARK}###Cancel running", ImVec2(imgui.get_frame_height(), 0)):
            first.cancel()
    imgui.set_item_tooltip(f"Cancel: {first.title}")
