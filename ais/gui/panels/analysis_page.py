"""The window in which instances are measured: what is analysed on the left, table and plots on the right."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING

from imgui_bundle import ImVec2, imgui, imgui_ctx

from ais.gui.analyses import KEYS_OF_ANALYSIS
from ais.gui.lengths_of_time import clock
from ais.gui.panels import analysis_plots, analysis_profile, analysis_reference, analysis_table
from ais.gui.panels.command_button import command_button, flowing_buttons
from ais.gui.panels.floating import FLOATING
from ais.gui.panels.layout import coloured, disabled, elided, em, faint, label
from ais.gui.panels.modal import SHARE_OF_WINDOW, closes_by_escape

if TYPE_CHECKING:
    from ais.gui.analyses import Analyses
    from ais.gui.app import Window

WIDTH, HEIGHT = 82.0, 31.0
PLAN_WIDTH, PLAN_SHARE = 21.0, 0.4
LARGEST_VOLUME_NM3 = 1e9
FULL_SCALE = 255.0
BAR = 0.4
TITLE = "Analysis"
EMPTY = (
    "Nothing measured yet. Choose features on the left and press Analyze: each piece of a segmented volume that hangs "
    "together becomes a row with its volume, length and place. You can go on working meanwhile."
)

PARTS: tuple[tuple[str, Callable[[Window], None]], ...] = (
    ("Table", analysis_table.draw),
    ("Distributions", analysis_plots.draw_distributions),
    ("Counts", analysis_plots.draw_counts),
    ("Profile", analysis_profile.draw),
    ("Reference", analysis_reference.draw),
)


def draw(window: Window) -> None:
    """Draw it, where one can go on working beside it."""
    window.editor.shell.keys_taken.pop(KEYS_OF_ANALYSIS, None)
    viewport = imgui.get_main_viewport()
    size = ImVec2(
        min(em(WIDTH), viewport.work_size.x * SHARE_OF_WINDOW), min(em(HEIGHT), viewport.work_size.y * SHARE_OF_WINDOW)
    )
    imgui.set_next_window_size(size, imgui.Cond_.appearing)
    # At the bottom, so that the slices to which a row leads are seen above it.
    below = ImVec2(viewport.get_center().x, viewport.work_pos.y + viewport.work_size.y - em(2.5))
    imgui.set_next_window_pos(below, imgui.Cond_.appearing, ImVec2(0.5, 1.0))
    drawn, stays = imgui.begin(f"{TITLE}###analysis", True, FLOATING)
    try:
        if drawn:
            _draw_inside(window)
        focused = imgui.is_window_focused(imgui.FocusedFlags_.root_and_child_windows)
        if not stays or (focused and closes_by_escape()):
            window.editor.shell.analysis = False
    finally:
        imgui.end()


def _draw_inside(window: Window) -> None:
    width = min(em(PLAN_WIDTH), PLAN_SHARE * imgui.get_content_region_avail().x)
    with imgui_ctx.begin_child("plan", ImVec2(width, 0)):
        _draw_plan(window, window.editor.analyses)
    imgui.same_line(0, em(1))
    with imgui_ctx.begin_child("results"):
        _draw_results(window, window.editor.analyses)


# What is to be analysed


def _draw_plan(window: Window, analyses: Analyses) -> None:
    plan, theme = analyses.plan, window.theme
    shown, count = window.editor.shown, len(window.editor.snapshot.tomograms)
    label("Tomograms")
    name = shown.entry.name if shown is not None else "the one on the screen"
    if imgui.radio_button(
        f"{elided(name, imgui.get_content_region_avail().x - em(2))}###This one", not plan.all_tomograms
    ):
        plan.all_tomograms = False
    if count > 1 or plan.all_tomograms:
        imgui.set_cursor_pos_x(em(6.2))
        if imgui.radio_button(f"All {count}###All tomograms", plan.all_tomograms):
            plan.all_tomograms = True
    _draw_features(analyses)
    choice = plan.choice
    label("Threshold", "From which value on a voxel counts, on the scale of 0 to 255")
    _, threshold = imgui.slider_float("##Threshold", choice.threshold, 0.0, FULL_SCALE, "%.0f of 255")
    label("Min. volume", "Smaller pieces are left out")
    _, volume = imgui.input_float("##Min. volume", choice.min_volume, 0.0, 0.0, "%.6g nm³")
    label("Distances to", "From each instance to the nearest of another feature of the same tomogram")
    target = _draw_target(analyses, choice.distances_to)
    _, separated = imgui.checkbox("Divide what touches", choice.separated)
    imgui.set_item_tooltip("Pieces are divided at their necks, as picking does")
    _, border = imgui.checkbox("Leave out what the border cuts", choice.remove_border)
    _, lengths = imgui.checkbox("Lengths and profiles", choice.lengths)
    imgui.set_item_tooltip("Along the skeleton of each instance; takes most of the time")
    _, intensities = imgui.checkbox("Intensities of the tomogram", choice.intensities)
    plan.choice = replace(
        choice,
        threshold=min(max(threshold, 0.0), FULL_SCALE),
        min_volume=min(max(volume, 0.0), LARGEST_VOLUME_NM3),
        distances_to=target,
        separated=separated,
        remove_border=border,
        lengths=lengths,
        intensities=intensities,
    )
    imgui.spacing()
    command_button(window, "analysis.run", "Analyze", strong=not analyses.problem())
    if problem := analyses.problem():
        faint(problem, theme.faint)


def _draw_features(analyses: Analyses) -> None:
    plan, features = analyses.plan, analyses.features
    if not features:
        return
    label("Features")
    left = imgui.get_cursor_pos_x()
    for name, count in features.items():
        imgui.set_cursor_pos_x(left)
        words = f"{name}, {count} volume{'s' if count != 1 else ''}" if plan.all_tomograms else name
        text = elided(words, imgui.get_content_region_avail().x - em(2))
        changed, _ = imgui.checkbox(f"{text}###Analyze {name}", name not in plan.left_out)
        if changed:
            plan.left_out ^= {name}
        if text != words:
            imgui.set_item_tooltip(words)


def _draw_target(analyses: Analyses, chosen: str) -> str:
    names = list(dict.fromkeys(one.feature for one in analyses.inputs or ()))
    if chosen and chosen not in names:
        chosen = "" if analyses.inputs is not None else chosen
    with disabled(not names):
        if imgui.begin_combo("##Distances to", chosen or "Nothing"):
            for name in ("", *names):
                if imgui.selectable(f"{name or 'Nothing'}###To {name}", name == chosen)[0]:
                    chosen = name
            imgui.end_combo()
    return chosen


# What has come of it


def _draw_results(window: Window, analyses: Analyses) -> None:
    _draw_state(window, analyses)
    if not analyses.table.results:
        if analyses.running is None:
            faint(EMPTY, window.theme.faint)
        return
    flowing_buttons(window, ("analysis.save_table", "Save table..."), ("analysis.save_plots", "Save plots..."))
    imgui.spacing()
    if imgui.begin_tab_bar("analysis parts"):
        for name, part in PARTS:
            if imgui.begin_tab_item(name)[0]:
                part(window)
                imgui.end_tab_item()
        imgui.end_tab_bar()


def _draw_state(window: Window, analyses: Analyses) -> None:
    work = analyses.running
    if work is not None:
        fraction, left = work.fraction, work.seconds_left
        imgui.progress_bar(fraction if fraction is not None else -imgui.get_time(), ImVec2(-1, em(BAR)), "")
        parts = [work.message or "Starting", *([f"{clock(left)} left"] if left is not None else [])]
        imgui.align_text_to_frame_padding()
        room = imgui.get_content_region_avail().x - em(5)
        with coloured(window.theme.faint):
            imgui.text_unformatted(elided(", ".join(parts), room))
        imgui.same_line(imgui.get_content_region_avail().x - em(3.4))
        command_button(window, "analysis.stop", "Stop")
        return
    if not analyses.table.results:
        return
    failed, measured = analyses.failed, len(analyses.table.results) - len(analyses.failed)
    rows = len(analyses.table)
    faint(
        f"{rows} instance{'s' if rows != 1 else ''} in {measured} volume{'s' if measured != 1 else ''}. "
        "A click on a row shows it in its tomogram.",
        window.theme.faint,
    )
    for one in failed[:3]:
        with coloured(window.theme.danger):
            imgui.text_wrapped(one.error)
    if len(failed) > 3:
        faint(f"{len(failed) - 3} more volumes could not be analysed.", window.theme.faint)
