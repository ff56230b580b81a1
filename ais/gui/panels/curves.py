"""The docked panel of trainings: the curves of the one that is selected, and what can be done with it."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
from imgui_bundle import ImVec2, imgui, implot
from numpy.typing import NDArray

from ais.gui.lengths_of_time import clock
from ais.gui.panels.command_button import flow
from ais.gui.panels.layout import coloured, em, faint
from ais.gui.panels.training_actions import draw_buttons, draw_progress, state_text
from ais.gui.theme import Rgb, colour
from ais.gui.training import Curves, Training, TrainingState

if TYPE_CHECKING:
    from ais.gui.app import Window

LINE_PX = 2.0
LEAST_HEIGHT_EM = 8.0
MOST_TICKS = 7
ALL_SHOWN = 100
"""The plots have room for all epochs to come if there are no more than this."""
FEW = 25
"""Up to so many epochs are marked one by one."""
EMPTY = "The curves of a training appear here. Begin one in the Models tab."
FIRST = "The first point appears after the first epoch."


class CurveData:
    """The curves that were drawn last, kept as long as there is no further epoch."""

    def __init__(self) -> None:
        self._of: tuple[str, int] | None = None
        self._curves: Curves | None = None

    def curves(self, training: Training) -> Curves:
        """Those of a training."""
        key = (training.key, len(training.epochs))
        if self._curves is None or self._of != key:
            self._of, self._curves = key, training.curves()
        return self._curves


def draw(window: Window) -> None:
    """Draw the panel."""
    trainings = window.editor.modelling.trainings
    training = trainings.shown
    if training is None:
        faint(EMPTY, window.theme.faint)
        return
    _draw_choice(window, training)
    _draw_head(window, training)
    curves = window.part(CurveData).curves(training)
    if training.epochs:
        # Two plots and three lines of numbers share what room there is.
        room = imgui.get_content_region_avail().y - 5 * imgui.get_text_line_height_with_spacing()
        height = max(room / 2, em(LEAST_HEIGHT_EM))
        _draw_loss(window, training, curves, height)
        _draw_dice(window, training, curves, height)
        _draw_numbers(window, training)
    elif not training.ended:
        faint(FIRST, window.theme.faint)
    for note in (training.stopped, *training.notes):
        if note:
            faint(note, window.theme.faint)


def _draw_choice(window: Window, training: Training) -> None:
    trainings = window.editor.modelling.trainings
    imgui.set_next_item_width(-1)
    if imgui.begin_combo("##training", training.output.stem):
        for one in reversed(trainings.trainings):
            if imgui.selectable(f"{one.output.stem}  ({state_text(one)})###{one.key}", one is training)[0]:
                trainings.selected = one.key
        imgui.end_combo()


def _draw_head(window: Window, training: Training) -> None:
    if training.ended or training.state is TrainingState.WAITING:
        with coloured(window.theme.danger if training.state is TrainingState.FAILED else window.theme.faint):
            imgui.text_wrapped(training.error or state_text(training).capitalize())
    else:
        draw_progress(window, training)
    draw_buttons(window, training)


def _draw_loss(window: Window, training: Training, curves: Curves, height: float) -> None:
    theme = window.theme
    lines = [("training", curves.loss, theme.faint), ("validation", curves.val_loss, theme.accent)]
    values = np.concatenate([curves.loss, curves.val_loss])
    values = values[np.isfinite(values)]
    top = float(values.max()) * 1.08 if values.size else 1.0
    _draw_plot(window, training, "Loss", curves.epoch, lines, (0.0, top), height)


def _draw_dice(window: Window, training: Training, curves: Curves, height: float) -> None:
    which = "validation" if np.isfinite(curves.val_loss).any() else "training"
    ink = window.theme.accent if which == "validation" else window.theme.faint
    _draw_plot(window, training, "Dice", curves.epoch, [(which, curves.dice, ink)], (0.0, 1.02), height)


def _draw_plot(
    window: Window,
    training: Training,
    title: str,
    epochs: NDArray[np.float64],
    lines: list[tuple[str, NDArray[np.float64], Rgb]],
    limits: tuple[float, float],
    height: float,
) -> None:
    theme = window.theme
    done = len(training.epochs)
    last = epochs_shown(done, done if training.state is TrainingState.DONE else int(training.epochs[-1]["epochs"]))
    flags = implot.Flags_.canvas_only | implot.Flags_.no_frame
    imgui.text(title)
    for name, values, ink in lines:
        if np.isfinite(values).any():
            flow(imgui.calc_text_size(name).x)
            with coloured(ink):
                imgui.text(name)
    imgui.set_item_tooltip("By epoch; the vertical line is the best epoch, which the model has")
    implot.push_style_color(implot.Col_.plot_bg, colour(theme.field))
    implot.push_style_color(implot.Col_.plot_border, colour(theme.line))
    implot.push_style_color(implot.Col_.axis_text, colour(theme.faint))
    implot.push_style_color(implot.Col_.axis_grid, colour(theme.faint, 0.25))
    implot.push_style_var(implot.StyleVar_.plot_padding, ImVec2(em(0.2), em(0.2)))
    if implot.begin_plot(f"##{title}", ImVec2(-1, height - imgui.get_text_line_height_with_spacing()), int(flags)):
        axis = int(implot.AxisFlags_.no_highlight | implot.AxisFlags_.lock)
        implot.setup_axes("", "", axis, axis)
        implot.setup_axes_limits(0.5, last + 0.5, *limits, implot.Cond_.always)
        implot.setup_axis_ticks(implot.ImAxis_.x1, ticks(last))
        for name, values, ink in lines:
            known = np.isfinite(values)
            if known.any():
                marker = implot.Marker_.circle if len(epochs) <= FEW else implot.Marker_.none
                look = implot.Spec(line_color=colour(ink), line_weight=LINE_PX, marker=marker, marker_size=em(0.17))
                look.marker_fill_color = look.marker_line_color = colour(ink)
                implot.plot_line(name, np.ascontiguousarray(epochs[known]), np.ascontiguousarray(values[known]), look)
        best = _best_epoch(training)
        if best is not None:
            mark = implot.Spec(line_color=colour(theme.text, 0.5), line_weight=1.0)
            implot.plot_inf_lines("Best", np.array([float(best)]), mark)
        implot.end_plot()
    implot.pop_style_var()
    implot.pop_style_color(4)


def epochs_shown(done: int, wanted: int) -> int:
    """How many epochs the plots have room for, given those that are done and those that are wanted."""
    return max(wanted if wanted <= ALL_SHOWN else min(wanted, max(2 * done, ALL_SHOWN // 2)), done, 2)


def ticks(last: int) -> list[float]:
    """Epochs that are written below the plot: few, and round numbers."""
    step = next(
        size * 10**power for power in range(10) for size in (1, 2, 5) if last // (size * 10**power) <= MOST_TICKS
    )
    return [float(epoch) for epoch in range(step, last + 1, step)]


def _best_epoch(training: Training) -> int | None:
    """The epoch whose weights the model has, or would have if it were stopped now."""
    return next((int(report["epoch"]) for report in reversed(training.epochs) if report.get("best")), None)


def _draw_numbers(window: Window, training: Training) -> None:
    best = _best_epoch(training)
    report = next((one for one in training.epochs if one["epoch"] == best), training.epochs[-1])
    loss = report["val_loss"] if report["val_loss"] is not None else report["loss"]
    rate = training.samples_per_second or float(training.epochs[-1]["samples_per_second"])
    imgui.text_wrapped(f"Best epoch {report['epoch']}: loss {loss:.4g}, Dice {report['dice']:.3f}")
    seconds = math.fsum(float(one["seconds"]) for one in training.epochs)
    with coloured(window.theme.faint):
        imgui.text_wrapped(
            f"Precision {report['precision']:.3f}, recall {report['recall']:.3f}; "
            f"{rate:.0f} samples/s, {clock(seconds)} of training"
        )
