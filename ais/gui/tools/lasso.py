"""The lasso: drawn in one drag, or corner by corner; what it encloses is painted or erased when it is closed."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ais.annotation import FillPolygon, Operation, PaintRegion, polygon_spans, threshold_in_polygon
from ais.annotation.flood import Part
from ais.gui.masks import MaskKey
from ais.gui.tools import Pointer
from ais.gui.tools.slice_picture import Values, slice_picture_later
from ais.gui.tools.target import paint_target

if TYPE_CHECKING:
    from ais.gui.editor import Editor
    from ais.project.edit import Edit

STEP_PX = 2.0
"""Distance on the screen after which a drag gets another corner."""

NEAR_PX = 6.0
"""A drag that stays nearer than this is a click; a click nearer than this to the first corner closes the outline."""

ONLY_XY = "The lasso works in the XY view."


class LassoDrag:
    """One press: a click adds a corner, a drag adds its path; a drag that began the outline closes it.

    Parameters
    ----------
    editor
        Where it paints.
    pointer
        Where it begins; in an XY view.
    erase
        Whether the outline, if it begins here, erases.
    """

    def __init__(self, editor: Editor, pointer: Pointer, erase: bool) -> None:
        state = editor.state
        if state.outline and state.outline_position != pointer.position:
            state.outline = []
        self._editor = editor
        self._began = not state.outline
        self._kept = list(state.outline)
        self._start = pointer.row, pointer.column
        self._dragged = False
        if self._began:
            state.outline_position, state.outline_erases = pointer.position, erase
        state.outline = [*state.outline, self._start]

    def move(self, pointer: Pointer) -> None:
        """Follow the pointer."""
        outline, point = self._editor.state.outline, (pointer.row, pointer.column)
        if pointer.plane != "xy" or pointer.position != self._editor.state.outline_position or not outline:
            return
        self._dragged = self._dragged or math.dist(self._start, point) * pointer.scale > NEAR_PX
        if self._dragged and math.dist(outline[-1], point) * pointer.scale >= STEP_PX:
            outline.append(point)

    def release(self, pointer: Pointer) -> None:
        """Close the outline, or leave it open for more corners."""
        self.move(pointer)
        if self._began and self._dragged:
            close_outline(self._editor)
        elif not self._dragged and len(self._kept) >= 3:
            first, last = self._kept[0], self._kept[-1]
            on_first = math.dist(first, self._start) * pointer.scale <= NEAR_PX
            on_last = math.dist(last, self._start) * pointer.scale <= NEAR_PX
            if on_first or on_last:  # a double click adds a corner, and then closes
                self._editor.state.outline = self._kept
                close_outline(self._editor)

    def cancel(self) -> None:
        """Give the outline up."""
        self._editor.state.outline = []


def begin_lasso(editor: Editor, pointer: Pointer, erase: bool) -> LassoDrag | None:
    """Begin or go on with an outline; None where there can be none."""
    if pointer.plane != "xy":
        editor.notices.say(ONLY_XY, "hint")
        return None
    return LassoDrag(editor, pointer, erase) if paint_target(editor) is not None else None


def close_outline(editor: Editor) -> None:
    """Paint or erase what the outline encloses."""
    state = editor.state
    points, state.outline = state.outline, []
    target = paint_target(editor)
    if target is None or editor.shown is None or editor.masks is None:
        return
    if len(points) < 3:
        editor.notices.say("An outline needs at least three corners.", "hint")
        return
    z, erase, masks = state.outline_position, state.outline_erases, editor.masks
    key, shape = MaskKey(*target, "xy", z), editor.shown.picture_shape("xy")
    if not state.lasso_threshold:
        masks.begin_stroke(key, shape)
        masks.change(key, shape, polygon_spans(points, shape), erase)
        editor.submit(FillPolygon(*target, z, points, erase))
        masks.end_stroke(key)
        return
    level, brighter = state.lasso_level, state.lasso_brighter

    def painted(count: int) -> None:
        if not count:
            editor.notices.say(f"Nothing in the outline is {'brighter' if brighter else 'darker'} than that.", "hint")

    picture = slice_picture_later(editor, z)
    editor.submit(PaintByThreshold(*target, z, points, picture, level, brighter, erase), painted)


@dataclass(frozen=True, eq=False)
class PaintByThreshold(Operation[int]):
    """Paint or erase the pixels inside an outline that are darker, or brighter, than a threshold.

    Attributes
    ----------
    tomogram, feature, z
        Where.
    points
        The outline, as (row, column).
    picture
        Gives the slice.
    level
        The threshold, in the slice's values; None finds it.
    brighter
        Whether the brighter pixels are taken.
    erase
        Whether it erases.
    """

    tomogram: int
    feature: int
    z: int
    points: Sequence[tuple[float, float]]
    picture: Callable[[], Values]
    level: float | None
    brighter: bool
    erase: bool

    def text(self, edit: Edit) -> str:
        """Names the slice."""
        return self._painting((0, 0, np.zeros((0, 0), np.uint8))).text(edit)

    def apply(self, edit: Edit) -> int:
        """Paint them; gives back how many they are."""
        part = threshold_in_polygon(self.picture(), self.points, self.level, above=self.brighter)
        self._painting(part).apply(edit)
        return int(np.count_nonzero(part[2]))

    def _painting(self, part: Part) -> PaintRegion:
        y0, x0, mask = part
        verb = "Erase by threshold in outline:" if self.erase else "Threshold in outline:"
        return PaintRegion(self.tomogram, self.feature, self.z, y0, x0, mask, self.erase, verb)
