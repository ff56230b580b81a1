"""Charts drawn as SVG inside the page: losses over epochs, and where the time went."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from html import escape
from itertools import pairwise

from ais.report.contents import Colour, FeatureResult, Step

WIDTH, HEIGHT = 500.0, 310.0
LEFT, RIGHT, TOP, BOTTOM = 38.0, 108.0, 10.0, 44.0
LABEL_GAP = 17.0
BAR_ROW = 25.0
BAR_LEFT, BAR_RIGHT = 150.0, 56.0


def css_colour(colour: Colour) -> str:
    """Such as ``#56b4e9``."""
    return "#" + "".join(f"{round(max(0.0, min(1.0, part)) * 255):02x}" for part in colour)


def loss_chart(features: Sequence[FeatureResult]) -> str:
    """Training loss of each feature over the epochs, with the feature's name at the end of its line."""
    shown = [(f, [v for v in f.losses if math.isfinite(v)]) for f in features]
    shown = [(feature, losses) for feature, losses in shown if losses]
    if not shown:
        return ""
    epochs = max(len(losses) for _, losses in shown)
    ticks = _ticks(max(max(losses) for _, losses in shown))

    def x(epoch: float) -> float:
        return LEFT + (epoch - 1) / max(epochs - 1, 1) * (WIDTH - LEFT - RIGHT)

    def y(loss: float) -> float:
        return HEIGHT - BOTTOM - loss / ticks[-1] * (HEIGHT - TOP - BOTTOM)

    parts = [_axes(x, y, epochs, ticks)]
    ends = _spread([y(losses[-1]) for _, losses in shown])
    for (feature, losses), end in zip(shown, ends, strict=True):
        colour = css_colour(feature.colour)
        points = " ".join(f"{x(i):.1f},{y(v):.1f}" for i, v in enumerate(losses, start=1))
        dots = "".join(f'<circle cx="{x(i):.1f}" cy="{y(v):.1f}" r="2.6"/>' for i, v in enumerate(losses, start=1))
        last = x(len(losses))
        parts.append(
            f'<g stroke="{colour}" fill="{colour}"><polyline points="{points}" fill="none" stroke-width="2.4" '
            f'stroke-linejoin="round" stroke-linecap="round"/>{dots}'
            f'<line x1="{last + 6:.1f}" y1="{y(losses[-1]):.1f}" x2="{last + 16:.1f}" y2="{end:.1f}"/></g>'
            f'<text x="{last + 20:.1f}" y="{end + 4:.1f}">{escape(feature.name)}</text>'
        )
    return _svg(WIDTH, HEIGHT, "Training loss of each feature over the epochs", "".join(parts))


def time_chart(steps: Sequence[Step]) -> str:
    """A bar for each step, as long as the time it took."""
    longest = max((step.seconds for step in steps), default=0.0)
    if longest <= 0:
        return ""
    rows = []
    for number, step in enumerate(steps):
        top = number * BAR_ROW
        width = max(1.5, step.seconds / longest * (WIDTH - BAR_LEFT - BAR_RIGHT))
        middle = top + BAR_ROW / 2
        rows.append(
            f'<text x="{BAR_LEFT - 10:.0f}" y="{middle + 4:.1f}" text-anchor="end">{escape(step.title)}</text>'
            f'<rect class="bar" x="{BAR_LEFT:.0f}" y="{top + 6:.1f}" width="{width:.1f}" height="{BAR_ROW - 12:.1f}" '
            f'rx="1.5"/><text class="quiet" x="{BAR_LEFT + width + 8:.1f}" y="{middle + 4:.1f}">'
            f"{seconds_text(step.seconds)}</text>"
        )
    return _svg(WIDTH, len(steps) * BAR_ROW, "Seconds that each step took", "".join(rows))


def seconds_text(seconds: float) -> str:
    """Such as ``0.4 s``, ``32 s`` or ``2 min 5 s``."""
    if seconds < 10:
        return f"{seconds:.1f} s"
    whole = round(seconds)
    return f"{whole} s" if whole < 120 else f"{whole // 60} min {whole % 60} s"


def _axes(x: Callable[[float], float], y: Callable[[float], float], epochs: int, ticks: Sequence[float]) -> str:
    left, right, base = x(1), WIDTH - RIGHT, y(0)
    parts = []
    for value in ticks:
        parts.append(
            f'<line class="grid" x1="{left:.1f}" y1="{y(value):.1f}" x2="{right:.1f}" y2="{y(value):.1f}"/>'
            f'<text class="quiet" x="{left - 10:.1f}" y="{y(value) + 4:.1f}" text-anchor="end">{value:.4g}</text>'
        )
    step = max(1, math.ceil(epochs / 10))
    for epoch in sorted({1, *range(step, epochs + 1, step)}):
        parts.append(f'<text class="quiet" x="{x(epoch):.1f}" y="{base + 20:.1f}" text-anchor="middle">{epoch}</text>')
    middle = (left + right) / 2
    parts.append(f'<text class="quiet" x="{middle:.1f}" y="{HEIGHT - 4:.1f}" text-anchor="middle">Epoch</text>')
    return "".join(parts)


def _ticks(highest: float) -> list[float]:
    """Round values from zero to at least the highest, three to six of them."""
    if highest <= 0:
        return [0.0, 1.0]
    power = 10.0 ** math.floor(math.log10(highest))
    step = next(part * power for part in (0.1, 0.2, 0.25, 0.5, 1.0, 2.0) if highest <= 5 * part * power * (1 + 1e-9))
    count = math.ceil(highest / step * (1 - 1e-9))
    return [index * step for index in range(count + 1)]


def _spread(places: Sequence[float]) -> list[float]:
    """The same places moved apart until labels there do not overlap, in the same order."""
    moved = list(places)
    order = sorted(range(len(moved)), key=lambda i: moved[i])
    for lower, upper in pairwise(order):
        moved[upper] = max(moved[upper], moved[lower] + LABEL_GAP)
    surplus = max((moved[i] for i in order), default=0.0) - (HEIGHT - BOTTOM)
    if surplus > 0:
        moved = [place - surplus for place in moved]
    return moved


def _svg(width: float, height: float, title: str, content: str) -> str:
    return (
        f'<svg viewBox="0 0 {width:.0f} {height:.0f}" role="img" aria-label="{escape(title)}" '
        f'class="chart">{content}</svg>'
    )
