"""What would be picked, over a slice: circles where the particles cut it, and lines along filaments and arrows."""

from __future__ import annotations

import numpy as np
from imgui_bundle import ImVec2
from numpy.typing import NDArray

from ais.gui.display import PLANES
from ais.gui.editor import Editor
from ais.gui.picking_work import Picked
from ais.gui.theme import Rgb, packed
from ais.gui.views.canvas import BLACK, SHADOW, Canvas

LEAST_RADIUS_PX = 2.5
MOST_MARKS = 6000
"""More in one slice are a mistake that is seen all the same."""
MANY, VERY_MANY = 300, 1000
"""From so many on, marks are drawn without a shadow, and as dots."""
SEGMENTS = 12
WIDTH_PX = 1.5
DOT_PX = 1.5
ALPHAS = (0.55, 1.0)
"""Of marks whose centre lies in another slice, and in this one."""
POINTER_RADII = 1.6
"""Length of the line that shows where a particle points, in its radii."""


class PickingMarks:
    """Draws the preview in one plane; sorted by slice once, so that a slice costs only what is in it."""

    def __init__(self) -> None:
        self._picked: Picked | None = None
        self._places: NDArray[np.float64] = np.zeros((0, 3))
        self._pointing: NDArray[np.float64] | None = None

    def draw(self, editor: Editor, canvas: Canvas) -> None:
        """Draw what would be picked near the slice."""
        picking = editor.rendering.picking
        picked = picking.shown
        if picked is None:
            self._picked = None
            return
        normal = PLANES.index(canvas.plane)
        if picked is not self._picked:
            self._follow(picked, normal)
        radius = picked.radius
        first, last = np.searchsorted(self._places[:, normal], (canvas.position - radius, canvas.position + radius))
        last = min(last, first + MOST_MARKS)
        places = self._places[first:last]
        pointing = None if self._pointing is None else self._pointing[first:last]
        _draw(canvas, places, pointing, normal, radius, picking.colour)

    def _follow(self, picked: Picked, normal: int) -> None:
        places = picked.table.positions[:, ::-1]
        order = np.argsort(places[:, normal], kind="stable")
        self._picked, self._places = picked, places[order]
        directions = picked.directions
        self._pointing = None if directions is None else directions[:, ::-1][order]


def _draw(
    canvas: Canvas,
    places: NDArray[np.float64],
    pointing: NDArray[np.float64] | None,
    normal: int,
    radius: float,
    colour: Rgb,
) -> None:
    """Draw particles at z, y, x that point along z, y, x."""
    in_plane = [axis for axis in range(3) if axis != normal]
    distance = np.abs(places[:, normal] - canvas.position)
    radii = np.maximum(np.sqrt(np.maximum(radius**2 - distance**2, 0)) * canvas.scale, LEAST_RADIUS_PX)
    x, y = _screen(canvas, places[:, in_plane])
    (left, top), (width, height) = canvas.view.origin, canvas.view.size
    seen = (x + radii >= left) & (x - radii <= left + width) & (y + radii >= top) & (y - radii <= top + height)
    here = (distance <= 0.5).tolist()
    dark = [packed(BLACK, SHADOW * alpha) for alpha in ALPHAS]
    bright = [packed(colour, alpha) for alpha in ALPHAS]
    draw_list = canvas.draw_list
    drawn = np.flatnonzero(seen).tolist()
    count = len(drawn)
    ends = None
    if pointing is not None and count < VERY_MANY:
        ends = _screen(canvas, places[:, in_plane] + POINTER_RADII * radius * pointing[:, in_plane])
    for at in drawn:
        left, top, size, near = float(x[at]), float(y[at]), float(radii[at]), int(here[at])
        if count >= VERY_MANY:
            low, high = ImVec2(left - DOT_PX, top - DOT_PX), ImVec2(left + DOT_PX, top + DOT_PX)
            draw_list.add_rect_filled(low, high, bright[near])
            continue
        centre = ImVec2(left, top)
        if count < MANY:
            draw_list.add_circle(centre, size, dark[near], thickness=WIDTH_PX + 2)
        draw_list.add_circle(centre, size, bright[near], 0 if count < MANY else SEGMENTS, WIDTH_PX)
        if ends is not None:
            draw_list.add_line(centre, ImVec2(float(ends[0][at]), float(ends[1][at])), bright[near], WIDTH_PX)


def _screen(canvas: Canvas, points: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Where points (n, 2) row, column of the picture are on the screen: it maps them by a linear rule."""
    origin = np.array(canvas.view.to_screen(0.0, 0.0))
    down = np.array(canvas.view.to_screen(1.0, 0.0)) - origin
    right = np.array(canvas.view.to_screen(0.0, 1.0)) - origin
    found = origin + points[:, :1] * down + points[:, 1:] * right
    return found[:, 0], found[:, 1]
