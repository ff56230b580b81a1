"""Draws what runs in the background and what has ended: progress, time left, log, cancel and retry."""

from __future__ import annotations

from typing import TYPE_CHECKING

from imgui_bundle import ImVec2, imgui, imgui_ctx

from ais.gui.background import Work
from ais.gui.lengths_of_time import clock
from ais.gui.panels.modal import at_right_end, button_width, disabled
from ais.gui.theme import colour

if TYPE_CHECKING:
    from ais.engine import Engine, Job
    from ais.gui.app import Window

BAR_HEIGHT, LOG_HEIGHT = 0.4, 10.0
LOG_SHOWN = 200
LISTED_ELSEWHERE = frozenset(("train", "export", "compare"))
"""Tasks that are done again from lists of their own, which take in what comes of them."""


def draw(window: Window) -> None:
    """Draw the list, newest first."""
    editor = window.editor
    works = [work for work in reversed(editor.background.works) if work.shown]
    engine = editor.engine_in_use
    jobs = [job for job in engine.jobs if not job.urgent and job.number > window.jobs_cleared] if engine else []
    ended = list(reversed(editor.background.ended))
    if engine is not None:
        _draw_engine(window, engine)
    if not (works or jobs or ended):
        with imgui_ctx.push_text_wrap_pos(0.0):
            imgui.text_disabled("Nothing runs. What takes longer than a moment is shown here while it does.")
        return
    for work in works:
        with imgui_ctx.push_id(f"work {work.number}"):
            _draw_work(work)
    for job in jobs:
        if engine is not None:
            with imgui_ctx.push_id(f"job {job.number}"):
                _draw_job(window, engine, job)
    for work in ended:
        with imgui_ctx.push_id(f"work {work.number}"):
            _draw_ended(window, work)
    finished = any(job.finished for job in jobs) or bool(ended)
    imgui.spacing()
    with disabled(not finished):
        if imgui.button("Clear finished"):
            editor.background.ended.clear()
            running = [job.number for job in jobs if not job.finished]
            window.jobs_cleared = min(running, default=max((job.number for job in jobs), default=0) + 1) - 1


def _draw_engine(window: Window, engine: Engine) -> None:
    from ais.engine import EngineStatus

    if engine.status is not EngineStatus.FAILED:
        return
    with imgui_ctx.push_style_color(imgui.Col_.text, colour(window.theme.danger)):
        imgui.text_wrapped(engine.problem)
    if imgui.button("Start it again"):
        engine.start()
    imgui.separator()


def _draw_work(work: Work) -> None:
    _draw_progress(work.title, work.fraction, work.message, work.seconds_left)
    at_right_end(button_width("Cancel"))
    with disabled(work.cancelled):
        if imgui.button("Cancel"):
            work.cancel()
    imgui.separator()


def _draw_ended(window: Window, work: Work) -> None:
    imgui.text_wrapped(work.title)
    ink = window.theme.danger if work.outcome == "failed" else window.theme.faint
    imgui.text_colored(colour(ink), f"{work.outcome.capitalize()} after {clock(work.seconds)}")
    imgui.separator()


def _draw_job(window: Window, engine: Engine, job: Job) -> None:
    from ais.engine import JobState

    if job.finished:
        imgui.text_wrapped(job.title)
        ink = window.theme.danger if job.state is JobState.FAILED else window.theme.faint
        imgui.text_colored(colour(ink), f"{job.state.value.capitalize()} after {clock(job.seconds)}")
        if job.error:
            imgui.text_wrapped(job.error)
    elif job.state is JobState.WAITING:
        imgui.text_wrapped(job.title)
        imgui.text_disabled("Waiting")
    else:
        _draw_progress(job.title, job.fraction, job.message, job.seconds_left)
    opened = bool(job.log) and imgui.tree_node("Log")
    if opened:
        with imgui_ctx.begin_child("log", ImVec2(0, LOG_HEIGHT * imgui.get_font_size())):
            for line in job.log[-LOG_SHOWN:]:
                imgui.text_unformatted(line)
        if imgui.button("Copy log"):
            imgui.set_clipboard_text("\n".join(job.log))
        imgui.tree_pop()
    if not job.finished or job.task not in LISTED_ELSEWHERE:
        label = "Run again" if job.finished else "Cancel"
        at_right_end(button_width(label))
        with disabled(job.state is JobState.CANCELLING):
            if imgui.button(label):
                if job.finished:
                    engine.retry(job)
                else:
                    engine.cancel(job)
    imgui.separator()


def _draw_progress(title: str, fraction: float | None, message: str, left: float | None) -> None:
    imgui.text_wrapped(title)
    imgui.progress_bar(
        fraction if fraction is not None else -imgui.get_time(), ImVec2(-1, BAR_HEIGHT * imgui.get_font_size()), ""
    )
    parts = [f"{100 * fraction:.0f} %"] if fraction is not None else []
    parts += [f"{clock(left)} left"] if left is not None else []
    parts += [message] if message else []
    if parts:
        with imgui_ctx.push_text_wrap_pos(0.0):
            imgui.text_disabled(", ".join(parts))
