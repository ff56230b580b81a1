"""The flood brush: dabs along the drag, each filling what stands out under the cursor."""

from __future__ import annotations

import math
import time
from collections import deque
from typing import TYPE_CHECKING

from ais.annotation import PaintRegion
from ais.annotation.flood import MAX_RADIUS_PX, Part, flood_region, unite_regions
from ais.gui.masks import MaskKey, Masks
from ais.gui.tools import Pointer
from ais.gui.tools.brush_radius import brush_radius
from ais.gui.tools.slice_picture import Values, slice_picture, slice_picture_later
from ais.gui.tools.target import Target

if TYPE_CHECKING:
    from ais.gui.editor import Editor

SPACING = 0.4
"""Distance between dabs, in radii."""

SECONDS_PER_FRAME = 0.008
"""How long dabs may hold a frame up; those left come with the next frame, or in a thread after the release."""

Point = tuple[float, float]


class FloodStroke:
    """A drag with the flood brush, in one XY slice.

    Parameters
    ----------
    editor
        Where it paints.
    target
        What it paints.
    pointer
        Where it begins; in an XY view.
    """

    def __init__(self, editor: Editor, target: Target, pointer: Pointer) -> None:
        assert editor.masks is not None
        assert editor.shown is not None
        self._editor = editor
        self._document = editor.document
        self._masks: Masks = editor.masks
        self._shape = editor.shown.picture_shape("xy")
        self._key = MaskKey(target.tomogram, target.feature, "xy", pointer.position)
        self._radius = flood_radius(editor)
        self._sensitivity = editor.state.flood_sensitivity
        self._waiting: deque[Point] = deque([(pointer.row, pointer.column)])
        self._at: Point = (pointer.row, pointer.column)
        self._since_dab = 0.0
        self._regions: list[Part] = []
        self._masks.begin_stroke(self._key, self._shape)
        self._work()

    def move(self, pointer: Pointer) -> None:
        """Put dabs between where the last one was and where the pointer is."""
        if (pointer.plane, pointer.position) == ("xy", self._key.position):
            self._go_to((pointer.row, pointer.column))
        self._work()

    def release(self, pointer: Pointer) -> None:
        """Save the stroke, once all its dabs are there."""
        self.move(pointer)
        if not self._waiting:
            self._finish([])
            return
        picture, waiting = slice_picture_later(self._editor, self._key.position), list(self._waiting)
        self._editor.background.run(
            lambda _: [self._dab(values, point) for values in [picture()] for point in waiting],
            self._finish,
            failed=self._failed,
        )

    def cancel(self) -> None:
        """Show what the project holds again."""
        self._masks.end_stroke(self._key)

    def _go_to(self, point: Point) -> None:
        spacing, away = max(SPACING * self._radius, 1.0), math.dist(self._at, point)
        (row, column), next_dab = self._at, spacing - self._since_dab
        while next_dab <= away:
            share = next_dab / away
            self._waiting.append((row + share * (point[0] - row), column + share * (point[1] - column)))
            next_dab += spacing
        self._at, self._since_dab = point, away - (next_dab - spacing)

    def _work(self) -> None:
        picture = slice_picture(self._editor, self._key.position) if self._waiting else None
        if picture is None:
            return
        end = time.perf_counter() + SECONDS_PER_FRAME
        while self._waiting and time.perf_counter() < end:
            self._show(self._dab(picture, self._waiting.popleft()))

    def _dab(self, picture: Values, point: Point) -> Part:
        return flood_region(picture, point, self._radius, self._sensitivity)

    def _show(self, region: Part) -> None:
        self._regions.append(region)
        self._masks.change_region(self._key, self._shape, *region, erase=False)

    def _finish(self, regions: list[Part]) -> None:
        for region in regions:
            self._show(region)
        y0, x0, mask = unite_regions(self._regions)
        if mask.any() and self._editor.document is self._document:
            tomogram, feature, _, z = self._key
            self._editor.submit(PaintRegion(tomogram, feature, z, y0, x0, mask, verb="Flood"))
        self._masks.end_stroke(self._key)

    def _failed(self, sentence: str) -> None:
        self._masks.end_stroke(self._key)
        self._editor.notices.problem(sentence)


def flood_radius(editor: Editor) -> float:
    """Radius of the flood brush in pixels: that of the brush, up to what the method can do."""
    return min(brush_radius(editor), MAX_RADIUS_PX)
