"""Lines, rings and words over a picture, given in its own coordinates."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from imgui_bundle import ImVec2, imgui

from ais.gui.display import Plane
from ais.gui.state import ViewState
from ais.gui.theme import Rgb, packed

Point = tuple[float, float]
"""Row and column in the plane's picture."""

BLACK: Rgb = (0.0, 0.0, 0.0)
WHITE: Rgb = (1.0, 1.0, 1.0)
DASH_EM = 0.35
SHADOW = 0.55


@dataclass
class Canvas:
    """The part of the window that shows a plane.

    Attributes
    ----------
    plane, position
        The slice on the screen.
    view
        Where it lies.
    draw_list
        Of Dear ImGui.
    em
        Size of letters in pixels.
    """

    plane: Plane
    position: int
    view: ViewState
    draw_list: Any
    em: float

    @property
    def scale(self) -> float:
        """Screen pixels per picture pixel."""
        return self.view.placement.scale if self.view.placement is not None else 1.0

    def at(self, point: Point) -> ImVec2:
        """Where a point of the picture is on the screen."""
        return ImVec2(*self.view.to_screen(*point))

    def line(self, one: Point, other: Point, colour: Rgb, alpha: float = 1.0, width: float = 1.5) -> None:
        """A straight line that is seen on dark and bright ground."""
        a, b = self.at(one), self.at(other)
        self.draw_list.add_line(a, b, packed(BLACK, SHADOW * alpha), width + 2)
        self.draw_list.add_line(a, b, packed(colour, alpha), width)

    def path(self, points: Sequence[Point], colour: Rgb, alpha: float = 1.0, width: float = 1.5) -> None:
        """Straight lines from point to point."""
        if len(points) > 1:
            corners = [self.at(point) for point in points]
            self.draw_list.add_polyline(corners, packed(BLACK, SHADOW * alpha), width + 2, 0)
            self.draw_list.add_polyline(corners, packed(colour, alpha), width, 0)

    def dashes(self, points: Sequence[Point], colour: Rgb, alpha: float = 1.0, width: float = 1.5) -> None:
        """Dashed lines from point to point."""
        colours = packed(BLACK, SHADOW * alpha), packed(colour, alpha)
        corners = [self.view.to_screen(*point) for point in points]
        for (x0, y0), (x1, y1) in itertools.pairwise(corners):
            length = math.hypot(x1 - x0, y1 - y0)
            count = min(max(round(length / (2 * DASH_EM * self.em)), 1), 200)
            dx, dy = (x1 - x0) / (2 * count - 0.999), (y1 - y0) / (2 * count - 0.999)
            for index in range(count):
                start = ImVec2(x0 + 2 * index * dx, y0 + 2 * index * dy)
                end = ImVec2(start.x + dx, start.y + dy)
                for packed_colour, thickness in zip(colours, (width + 2, width), strict=True):
                    self.draw_list.add_line(start, end, packed_colour, thickness)

    def rectangle(
        self, one: Point, other: Point, colour: Rgb, alpha: float = 1.0, width: float = 1.5, dashed: bool = False
    ) -> None:
        """A rectangle between two opposite corners."""
        if dashed:
            (r0, c0), (r1, c1) = one, other
            self.dashes([(r0, c0), (r0, c1), (r1, c1), (r1, c0), (r0, c0)], colour, alpha, width)
            return
        a, b = self.view.to_screen(*one), self.view.to_screen(*other)
        low, high = ImVec2(min(a[0], b[0]), min(a[1], b[1])), ImVec2(max(a[0], b[0]), max(a[1], b[1]))
        self.draw_list.add_rect(low, high, packed(BLACK, SHADOW * alpha), thickness=width + 2)
        self.draw_list.add_rect(low, high, packed(colour, alpha), thickness=width)

    def ring(self, centre: Point, radius_px: float, colour: Rgb, alpha: float = 1.0, width: float = 1.5) -> None:
        """A circle; the radius in screen pixels."""
        at = self.at(centre)
        self.draw_list.add_circle(at, radius_px, packed(BLACK, SHADOW * alpha), thickness=width + 2)
        self.draw_list.add_circle(at, radius_px, packed(colour, alpha), thickness=width)

    def dashed_ring(self, centre: Point, radius_px: float, colour: Rgb, width: float = 1.5) -> None:
        """A circle of dashes; the radius in screen pixels."""
        x, y = self.view.to_screen(*centre)
        count = min(max(round(math.pi * radius_px / (DASH_EM * self.em)), 6), 60)
        step = 2 * math.pi / count
        for thickness, packed_colour in ((width + 2, packed(BLACK, SHADOW)), (width, packed(colour))):
            for index in range(count):
                self.draw_list.path_arc_to(ImVec2(x, y), radius_px, index * step, (index + 0.55) * step, 0)
                self.draw_list.path_stroke(packed_colour, thickness)

    def words(self, text: str, x: float, y: float, colour: Rgb = WHITE) -> None:
        """Words at a place of the screen, on a dark ground."""
        size = imgui.calc_text_size(text)
        margin = 0.25 * self.em
        low, high = ImVec2(x - margin, y - margin / 2), ImVec2(x + size.x + margin, y + size.y + margin / 2)
        self.draw_list.add_rect_filled(low, high, packed(BLACK, 0.6), margin)
        self.draw_list.add_text(ImVec2(x, y), packed(colour), text)
