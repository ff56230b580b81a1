"""A picture of what each architecture found in a part of what was held out, and where it was wrong."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ais.comparison.held_out import Example
from ais.comparison.row import MISSING, ComparisonRow
from ais.truth import IGNORED, POSITIVE

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Colour = tuple[float, float, float]
Picture = NDArray[np.float32]
"""(rows, columns, 3) red, green, blue from 0 to 1; the first row is drawn at the bottom."""

# White, orange and blue are told apart by hue in every kind of colour blindness, and in grey by lightness.
FOUND: Colour = (1.0, 1.0, 1.0)
WRONG: Colour = (0.902, 0.624, 0.0)
MISSED: Colour = (0.0, 0.45, 0.8)
UNKNOWN: Colour = (0.36, 0.36, 0.4)
FRAME: Colour = (0.6, 0.6, 0.6)
INK, QUIET = "#1a1a1a", "#636363"
DIMMED = 0.5
CONTRAST_PERCENTILES = (0.5, 99.5)
FOUND_FROM = 127.5

PANELS = ("image", "truth", "probability, 0 black to 1 white", "found and missed")
PANELS_WITHOUT_TRUTH = ("image", "probability, 0 black to 1 white", "found")
STRIP_GAP_PX = 4
PANEL_IN = 2.5
GAP_IN = 0.1
WORDS_IN = 1.85
HEAD_IN = 1.42
FOOT_IN = 0.22
MARGIN_IN = 0.32
TITLE_IN = 0.44
LINE_IN = 0.215
DPI = 160
BAR_SHARE = 0.3
BAR_LENGTHS_NM = (1, 2, 5, 10, 20, 50, 100, 200, 500, 1000)


def comparison_picture(
    rows: Sequence[ComparisonRow], found: Sequence[NDArray[np.float32]], example: Example, feature: str
) -> bytes:
    """A PNG with a row for each architecture: its figures, the image, the truth, the probability, and the errors.

    Parameters
    ----------
    rows
        The architectures.
    found
        What each found in the example, (rows, columns), 0 to 255; NaN where there is nothing.
    example
        The image and its truth.
    feature
        What was to be found.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    panel_height = PANEL_IN * example.image.shape[0] / example.image.shape[1]
    step = max(panel_height, LINE_IN * (2 + len(_figures(rows[0])))) + GAP_IN
    panels = panels_of(example)
    width = 2 * MARGIN_IN + WORDS_IN + len(panels) * (PANEL_IN + GAP_IN) - GAP_IN
    figure = Figure(figsize=(width, HEAD_IN + len(rows) * step + FOOT_IN), dpi=DPI, facecolor="white")
    FigureCanvasAgg(figure)
    _head(figure, feature, example.title, rows[0].measured_on, panels)
    for index, (row, values) in enumerate(zip(rows, found, strict=True)):
        top = HEAD_IN + index * step
        _words(figure, row, top)
        for column, picture in enumerate(_pictures(example, values)):
            axes = _axes(figure, _left(column), top, panel_height)
            axes.imshow(picture, origin="lower", interpolation="nearest", aspect="auto")
            if index == 0 and column == 0 and example.voxel_size > 0:
                _scale_bar(axes, example)
    _legend(figure, example)
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png")
    return buffer.getvalue()


def strip_picture(example: Example, found: NDArray[np.float32]) -> bytes:
    """A PNG of the panels of one architecture side by side, a pixel for each of the example.

    Parameters
    ----------
    example
        The image and its truth.
    found
        What the network found in it, (rows, columns), 0 to 255; NaN where there is nothing.
    """
    from PIL import Image

    gap = np.full((example.image.shape[0], STRIP_GAP_PX, 3), np.nan, np.float32)
    parts = [part for picture in _pictures(example, found) for part in (gap, picture)][1:]
    strip = _coloured(np.concatenate(parts, axis=1), {FRAME: np.isnan(np.concatenate(parts, axis=1)[..., 0])})
    buffer = io.BytesIO()
    Image.fromarray(np.rint(255 * strip[::-1]).astype(np.uint8)).save(buffer, format="PNG")
    return buffer.getvalue()


def panels_of(example: Example) -> tuple[str, ...]:
    """What the pictures of each architecture show, from left to right."""
    return PANELS if (example.truth != IGNORED).any() else PANELS_WITHOUT_TRUTH


def _pictures(example: Example, found: NDArray[np.float32]) -> list[Picture]:
    grey = _grey(example.image)
    feature, known = example.truth == POSITIVE, example.truth != IGNORED
    positive = found >= FOUND_FROM
    probability = np.repeat(np.nan_to_num(found)[..., None] / 255, 3, axis=2).astype(np.float32)
    # Of two masks with one colour only the last would count, so what was found comes by itself.
    errors = _coloured(grey * DIMMED, {WRONG: positive & known & ~feature, MISSED: ~positive & feature})
    if known.any():
        truth = _coloured(np.zeros_like(grey), {FOUND: feature, UNKNOWN: ~known})
        pictures = [grey, truth, probability, _coloured(errors, {FOUND: positive & feature})]
    else:
        pictures = [grey, probability, _coloured(errors, {FOUND: positive})]
    return [_coloured(picture, {FRAME: np.isnan(example.image)}) for picture in pictures]


def _grey(image: NDArray[np.float32]) -> Picture:
    low, high = np.nanpercentile(image, CONTRAST_PERCENTILES)
    values = np.clip((np.nan_to_num(image) - low) / max(high - low, 1e-6), 0, 1)
    return np.repeat(values[..., None], 3, axis=2).astype(np.float32)


def _coloured(picture: Picture, masks: Mapping[Colour, NDArray[np.bool_]]) -> Picture:
    for colour, mask in masks.items():
        picture[mask] = colour
    return picture


def _left(column: int) -> float:
    return MARGIN_IN + WORDS_IN + column * (PANEL_IN + GAP_IN)


def _axes(figure: Figure, left: float, top: float, height: float) -> Axes:
    """Axes in a thin frame, placed in inches from the upper left corner."""
    across, down = figure.get_size_inches()
    axes: Axes = figure.add_axes((left / across, 1 - (top + height) / down, PANEL_IN / across, height / down))
    axes.set(xticks=[], yticks=[])
    axes.spines[:].set(color=FRAME, linewidth=0.6)
    return axes


def _text(figure: Figure, left: float, top: float, text: str, **style: Any) -> None:
    """A line of text whose baseline is `top` inches below the upper edge."""
    across, down = figure.get_size_inches()
    figure.text(left / across, 1 - top / down, text, **{"color": INK, "va": "baseline", "fontsize": 9, **style})


def _head(figure: Figure, feature: str, shown: str, measured_on: str, panels: Sequence[str]) -> None:
    _text(figure, MARGIN_IN, TITLE_IN, feature, fontsize=14, fontweight="bold")
    _text(figure, _left(0), TITLE_IN, f"Shown: {shown}")
    _text(figure, _left(0), TITLE_IN + LINE_IN, f"Scores: {measured_on}")
    for column, name in enumerate(panels):
        _text(figure, _left(column), HEAD_IN - 0.09, name, color=QUIET)


def _words(figure: Figure, row: ComparisonRow, top: float) -> None:
    """The name of an architecture, and its figures below it."""
    right = _left(0) - 0.25
    _text(figure, MARGIN_IN, top + 0.16, row.title, fontsize=11, fontweight="bold")
    for line, (name, value) in enumerate(_figures(row)):
        baseline = top + 0.16 + LINE_IN * (line + 1.25)
        _text(figure, MARGIN_IN, baseline, name, color=QUIET)
        _text(figure, right, baseline, value, ha="right")


def _figures(row: ComparisonRow) -> list[tuple[str, str]]:
    scores = (("Dice", row.dice), ("clDice", row.cldice), ("precision", row.precision), ("recall", row.recall))
    return [
        *((name, MISSING if value is None else f"{value:.3f}") for name, value in scores),
        ("parameters", MISSING if row.parameters is None else f"{row.parameters / 1e6:.2f} M"),
        ("training", MISSING if row.training_seconds is None else _duration(row.training_seconds)),
        ("per slice", MISSING if row.seconds_per_slice is None else _duration(row.seconds_per_slice)),
    ]


def _duration(seconds: float) -> str:
    if seconds < 1:
        return f"{1000 * seconds:.0f} ms"
    if seconds < 10:
        return f"{seconds:.1f} s"
    return f"{seconds:.0f} s" if seconds < 120 else f"{seconds / 60:.0f} min"


def _scale_bar(axes: Axes, example: Example) -> None:
    from matplotlib.patches import Rectangle
    from matplotlib.patheffects import withStroke

    columns = example.image.shape[1]
    longest = columns * BAR_SHARE * example.voxel_size / 10
    length = max((value for value in BAR_LENGTHS_NM if value <= longest), default=BAR_LENGTHS_NM[0])
    width, left, bottom = length * 10 / example.voxel_size, columns * 0.045, columns * 0.045
    axes.add_patch(
        Rectangle((left, bottom), width, columns * 0.018, facecolor="white", edgecolor="black", linewidth=0.6)
    )
    axes.text(
        left + width / 2,
        bottom + columns * 0.032,
        f"{length} nm",
        color="white",
        fontsize=9,
        ha="center",
        va="bottom",
        path_effects=[withStroke(linewidth=1.5, foreground="black")],
    )


def _legend(figure: Figure, example: Example) -> None:
    from matplotlib.patches import Patch

    across, down = figure.get_size_inches()
    meanings = [(FOUND, "found")]
    if (example.truth != IGNORED).any():
        meanings += [(WRONG, "found, but not true"), (MISSED, "true, but missed")]
    if len(meanings) > 1 and (example.truth[np.isfinite(example.image)] == IGNORED).any():
        meanings.append((UNKNOWN, "not known, does not count"))
    figure.legend(
        handles=[Patch(facecolor=colour, edgecolor=FRAME, linewidth=0.6, label=words) for colour, words in meanings],
        loc="lower left",
        bbox_to_anchor=(_left(0) / across, 1 - (TITLE_IN + 2.2 * LINE_IN) / down),
        ncols=len(meanings),
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
