"""Plots for reports and papers: how volumes, lengths and distances are distributed, and how many there are."""

from __future__ import annotations

import io
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ais.analysis.distribution import Distribution, distribution, drawn_range, steps

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from numpy.typing import ArrayLike

    from ais.analysis.instances import Instances

# Okabe and Ito: told apart in every kind of colour blindness.
COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#7a7a7a")
INK, QUIET, LINE = "#1a1a1a", "#636363", "#d0d0d0"
DPI = 160
COLUMN_IN, PLOTS_IN = 3.3, 3.5
LEFT_IN, RIGHT_IN, GAP_IN = 0.72, 0.25, 0.75
HEAD_IN, LEGEND_IN, FOOT_IN = 0.7, 0.25, 0.6
UPPER_SHARE, SPACE_SHARE = 0.56, 0.07
HEADROOM = 1.12
MOST_MARKS = 2000
"""Of more values than this no single ones are marked."""
BAR_IN, NAMED_BARS, CROWD_IN = 0.24, 60, 5.0
COUNTS_WIDTH_IN, NAMES_IN, IN_PER_LETTER = 6.4, 3.0, 0.085
FORMATS = ("png", "svg")


@dataclass(frozen=True)
class Quantity:
    """What is drawn in one column: the same quantity of one or several groups.

    Attributes
    ----------
    name, unit
        Such as "Volume" and "nm³"; the unit may be empty.
    groups
        Name of each group, such as a feature, to its values.
    """

    name: str
    unit: str
    groups: Mapping[str, ArrayLike]

    @property
    def title(self) -> str:
        """Name and unit."""
        return f"{self.name} ({self.unit})" if self.unit else self.name


def quantities(groups: Mapping[str, Instances]) -> list[Quantity]:
    """What is worth drawing of some instances: volume, and where they are known length and distance."""
    found = [Quantity("Volume", "nm³", {name: one.volumes_nm3 for name, one in groups.items()})]
    lengths = {name: one.lengths[np.isfinite(one.lengths)] / 10 for name, one in groups.items()}
    if any(len(values) and values.max() > 0 for values in lengths.values()):
        found.append(Quantity("Length", "nm", lengths))
    away = {name: one.distances for name, one in groups.items() if one.distances is not None}
    if away:
        targets = sorted({one.feature for one in away.values() if one.feature})
        name = f"Distance to {targets[0]}" if len(targets) == 1 else "Distance"
        found.append(Quantity(name, "nm", {group: one.surface / 10 for group, one in away.items()}))
    return found


def distribution_figure(drawn: Sequence[Quantity], title: str, note: str = "") -> Figure:
    """A column for each quantity: its density above, and the share of values up to each below.

    Parameters
    ----------
    drawn
        From left to right; the groups of the first name the colours.
    title, note
        The heading, and a quiet line below it.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    groups = list(drawn[0].groups)
    width = LEFT_IN + len(drawn) * COLUMN_IN + (len(drawn) - 1) * GAP_IN + RIGHT_IN
    height = _head_in(groups) + PLOTS_IN + FOOT_IN
    figure = Figure(figsize=(width, height), dpi=DPI, facecolor="white")
    FigureCanvasAgg(figure)
    for column, quantity in enumerate(drawn):
        left = (LEFT_IN + column * (COLUMN_IN + GAP_IN)) / width
        bottom, across, tall = FOOT_IN / height, COLUMN_IN / width, PLOTS_IN / height
        lower: Axes = figure.add_axes((left, bottom, across, tall * (1 - UPPER_SHARE - SPACE_SHARE)))
        upper: Axes = figure.add_axes((left, bottom + tall * (1 - UPPER_SHARE), across, tall * UPPER_SHARE))
        _draw_quantity(upper, lower, quantity)
        if column == 0:
            upper.set_ylabel("Density", color=QUIET, fontsize=9)
            lower.set_ylabel("Share up to", color=QUIET, fontsize=9)
    _head(figure, title, note)
    if len(groups) > 1:
        _legend(figure, groups, height)
    return figure


def counts_figure(counts: Mapping[str, Mapping[str, int]], title: str = "Instances per tomogram") -> Figure:
    """How many instances of each feature there are in each tomogram, as bars.

    Parameters
    ----------
    counts
        Feature to tomogram to number.
    title
        The heading.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure
    from matplotlib.ticker import MaxNLocator

    names = sorted({name for one in counts.values() for name in one})
    rows = len(names) * len(counts)
    named = len(names) <= NAMED_BARS
    plot_in = max(1.0, BAR_IN * rows + 0.08 * len(names)) if named else CROWD_IN
    labels_in = min(NAMES_IN, 0.3 + IN_PER_LETTER * max((len(name) for name in names), default=0)) if named else LEFT_IN
    width, height = labels_in + COUNTS_WIDTH_IN, _head_in(counts) + plot_in + FOOT_IN
    figure = Figure(figsize=(width, height), dpi=DPI, facecolor="white")
    FigureCanvasAgg(figure)
    axes: Axes = figure.add_axes(
        (labels_in / width, FOOT_IN / height, (COUNTS_WIDTH_IN - RIGHT_IN - 0.35) / width, plot_in / height)
    )
    _quiet(axes)
    middle = np.arange(len(names), dtype=float)
    thick = 0.82 / max(len(counts), 1)
    for number, (feature, one) in enumerate(counts.items()):
        values = [one.get(name, 0) for name in names]
        at = middle + (number - (len(counts) - 1) / 2) * thick
        axes.barh(at, values, 0.9 * thick if named else 1.0, color=_colour(number), linewidth=0, label=feature)
        if named:
            for place, value in zip(at, values, strict=True):
                axes.annotate(
                    f"{value}", (value, place), (4, 0), textcoords="offset points", va="center", fontsize=8, color=QUIET
                )
    axes.invert_yaxis()
    axes.set_ylim(len(names) - 0.5, -0.5)
    axes.set_xlim(left=0)
    axes.set_xlabel("Instances", color=QUIET, fontsize=9)
    axes.set_yticks(middle if named else [], names if named else [])
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    if not named:
        axes.set_ylabel(f"{len(names)} tomograms, by name", color=QUIET, fontsize=9)
    axes.grid(axis="x", color=LINE, linewidth=0.5)
    axes.set_axisbelow(True)
    total = ", ".join(f"{feature or 'instances'} {sum(one.values())}" for feature, one in counts.items())
    _head(figure, title, f"{len(names)} tomogram{'s' if len(names) != 1 else ''}: {total}")
    if len(counts) > 1:
        _legend(figure, list(counts), height)
    return figure


def picture(figure: Figure, kind: str) -> bytes:
    """A figure as a file of the kind "png" or "svg"; the same figure gives the same bytes."""
    from matplotlib import rc_context

    buffer = io.BytesIO()
    with rc_context({"svg.hashsalt": "Ais"}):
        figure.savefig(buffer, format=kind, metadata={"Date": None} if kind == "svg" else {"Software": None})
    return buffer.getvalue()


def _draw_quantity(upper: Axes, lower: Axes, quantity: Quantity) -> None:
    values = {name: np.asarray(one, dtype=np.float64) for name, one in quantity.groups.items()}
    everything = distribution(np.concatenate([np.zeros(0), *values.values()]))
    groups = {name: distribution(one, logarithmic=everything.logarithmic) for name, one in values.items()}
    low, high = drawn_range(list(groups.values()))
    for axes in (upper, lower):
        _quiet(axes)
        if everything.logarithmic:
            axes.set_xscale("log")
        axes.set_xlim(low, high)
    for number, one in enumerate(groups.values()):
        _draw_group(upper, lower, one, _colour(number), (low, high), alone=len(groups) == 1, unit=quantity.unit)
    upper.set_ylim(0, upper.get_ylim()[1] * HEADROOM)
    upper.set_yticks([])
    upper.tick_params(labelbottom=False)
    lower.set_ylim(0, 1.03)
    lower.set_yticks([0, 0.5, 1], ["0", "0.5", "1"])
    lower.grid(color=LINE, linewidth=0.5)
    lower.set_axisbelow(True)
    lower.set_xlabel(quantity.title, color=QUIET, fontsize=9)
    if not any(len(one) for one in groups.values()):
        upper.text(0.5, 0.5, "nothing found", transform=upper.transAxes, ha="center", color=QUIET, fontsize=9)


def _draw_group(
    upper: Axes, lower: Axes, one: Distribution, ink: str, limits: tuple[float, float], *, alone: bool, unit: str
) -> None:
    if not len(one):
        return
    if len(one.grid):
        upper.fill_between(one.grid, one.density, color=ink, alpha=0.16, linewidth=0)
        upper.plot(one.grid, one.density, color=ink, linewidth=1.4)
    if len(one) <= MOST_MARKS:
        upper.plot(
            one.values,
            np.zeros(len(one)),
            "|",
            color=ink,
            markersize=6,
            markeredgewidth=0.8,
            alpha=max(0.15, min(0.8, 60 / len(one))),
            transform=upper.get_xaxis_transform(),
            clip_on=False,
        )
    x, y = steps(one, *limits)
    lower.plot(x, y, color=ink, linewidth=1.4)
    upper.axvline(one.median, color=ink, linewidth=0.8, linestyle=(0, (3, 3)))
    if alone:
        beyond_middle = upper.transAxes.inverted().transform(upper.transData.transform((one.median, 0)))[0] > 0.5
        upper.annotate(
            f"median {_short(one.median)}{f' {unit}' if unit else ''}",
            (one.median, 0.97),
            (-5 if beyond_middle else 5, 0),
            xycoords=upper.get_xaxis_transform(),
            textcoords="offset points",
            ha="right" if beyond_middle else "left",
            va="top",
            fontsize=8,
            color=QUIET,
        )


def _head_in(groups: Collection[str]) -> float:
    return HEAD_IN + (LEGEND_IN if len(groups) > 1 else 0.0)


def _colour(number: int) -> str:
    return COLOURS[number % len(COLOURS)]


def _short(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"


def _quiet(axes: Axes) -> None:
    axes.spines[["top", "right"]].set_visible(False)
    axes.spines[["left", "bottom"]].set(color=LINE, linewidth=0.8)
    axes.tick_params(colors=QUIET, labelsize=8, length=3, width=0.6, which="both")


def _head(figure: Figure, title: str, note: str) -> None:
    across, down = figure.get_size_inches()
    figure.text(0.2 / across, 1 - 0.32 / down, title, fontsize=12, fontweight="bold", color=INK, va="baseline")
    figure.text(0.2 / across, 1 - 0.54 / down, note, fontsize=9, color=QUIET, va="baseline")


def _legend(figure: Figure, names: Sequence[str], height: float) -> None:
    from matplotlib.patches import Patch

    figure.legend(
        handles=[Patch(facecolor=_colour(number), label=name or "-") for number, name in enumerate(names)],
        loc="lower left",
        bbox_to_anchor=(0.2 / figure.get_size_inches()[0], 1 - 0.86 / height),
        ncols=min(len(names), 6),
        frameon=False,
        fontsize=9,
        labelcolor=INK,
        handlelength=1.0,
        handleheight=1.0,
        handletextpad=0.5,
        columnspacing=1.6,
        borderpad=0,
        borderaxespad=0,
    )
