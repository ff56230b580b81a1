"""The flood brush: dabs along the drag, each filling what stands out under the cursor."""

from __future__ import annotations

import math
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ais.annotation import Operation, PaintRegion
from ais.annotation.flood import MAX_RADIUS_PX, Part, flood_region, unite_regions
from ais.gui.masks import MaskKey, Masks
from ais.gui.tools import Pointer
from ais.gui.tools.brush_radius import brush_radius
from ais.gui.tools.slice_picture import Values, slice_picture, slice_picture_later
from ais.gui.tools.target import Target

if TYPE_CHECKING:
    from ais.gui.editor import Editor
    from ais.project.edit import Edit

SPACING = 0.4
"""Distance between dabs, in radii."""

SECONDS_PER_FRAME = 0.008
"""How long dabs may hold a frame up; those left come with the next frame, or after the release with the edit."""

Point = tuple[float, float]


@dataclass(frozen=True, eq=False)
class PaintDabs(Operation[None]):
    """Paint what the dabs of a stroke have filled, and what those will that there was no time for.

    Attributes
    ----------
    tomogram, feature, z
        Where.
    regions
        What dabs have filled.
    points
        Where the others are, as (row, column).
    picture
        Gives the slice, if there are others.
    radius, sensitivity
        Of the brush, as of `flood_region`.
    """

    tomogram: int
    feature: int
    z: int
    regions: Sequence[Part]
    points: Sequence[Point]
    picture: Callable[[], Values]
    radius: float
    sensitivity: float

    def text(self, edit: Edit) -> str:
        """Names the slice."""
        return self._painting((0, 0, np.zeros((0, 0), np.uint8))).text(edit)

    def apply(self, edit: Edit) -> None:
        """Fill and paint."""
        values = self.picture() if self.points else None
        late = [
            flood_region(values, point, self.radius, self.sensitivity) for point in self.points if values is not None
        ]
        self._painting(unite_regions([*self.regions, *late])).apply(edit)

    def _painting(self, part: Part) -> PaintRegion:
        y0, x0, mask = part
        return PaintRegion(self.tomogram, self.feature, self.z, y0, x0, mask, verb="Flood")


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
        """Save the stroke."""
        self.move(pointer)
        tomogram, feature, _, z = self._key
        picture = slice_picture_later(self._editor, z)
        brush = self._radius, self._sensitivity
        self._editor.submit(PaintDabs(tomogram, feature, z, self._regions, list(self._waiting), picture, *brush))
        self._masks.end_stroke(self._key)

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
            region = flood_region(picture, self._waiting.popleft(), self._radius, self._sensitivity)
            self._regions.append(region)
            self._masks.change_region(self._key, self._shape, *region, erase=False)


def flood_radius(editor: Editor) -> float:
    """Radius of the flood brush in pixels: that of the brush, up to what the method can do."""
    return min(brush_radius(editor), MAX_RADIUS_PX)
