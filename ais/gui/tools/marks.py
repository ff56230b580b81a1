"""Boxes and picks by mouse: placed, dragged to another place, removed."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from ais.annotation import AddPicks, Box, HandPick, MovePick, PlaceBoxes, RemoveBoxes, RemovePicks, Together
from ais.gui.state import DraggedMark
from ais.gui.tools import Pointer
from ais.gui.tools.target import Target

if TYPE_CHECKING:
    from ais.gui.editor import Editor

NEAR_PX = 6.0
"""A pick can be taken hold of this near to its centre on the screen, however small it is."""

Position = tuple[float, float, float]


class MarkDrag:
    """A box or a pick that follows the pointer and stays where the button is released.

    Parameters
    ----------
    editor
        Where it is placed.
    target
        The feature that it belongs to.
    pointer
        Where the button was pressed.
    mark
        As it is when the drag begins.
    """

    def __init__(self, editor: Editor, target: Target, pointer: Pointer, mark: DraggedMark) -> None:
        self._editor = editor
        self._target = target
        self._mark = mark
        self._from = _voxel(editor, pointer)
        self._moved = False
        editor.state.dragged = mark

    def move(self, pointer: Pointer) -> None:
        """Follow the pointer, inside the tomogram."""
        editor = self._editor
        if editor.shown is None:
            return
        here = _voxel(editor, pointer)
        self._moved = self._moved or math.dist(here, self._from) * pointer.scale > 2
        if not self._moved:
            return
        wanted = [start + to - begun for start, to, begun in zip(self._mark.position, here, self._from, strict=True)]
        limits = zip(wanted, editor.shown.shape, strict=True)
        z, y, x = (min(max(at, 0.0), count - 1.0) for at, count in limits)
        mark = self._mark
        editor.state.dragged = DraggedMark(mark.kind, mark.feature, mark.number, (z, y, x), mark.negative)

    def release(self, pointer: Pointer) -> None:
        """Place it; what has not been moved stays where it is."""
        self.move(pointer)
        editor, mark = self._editor, self._editor.state.dragged
        if mark is None:
            return
        if mark.number is not None and not self._moved:
            editor.state.dragged = None
            return

        def saved(_: object) -> None:
            if editor.state.dragged is mark:
                editor.state.dragged = None

        z, y, x = mark.position
        if mark.kind == "box":
            place = PlaceBoxes(*self._target, [(round(z), round(y), round(x))], mark.negative)
            if mark.number is None:
                editor.submit(place, saved)
            else:
                editor.submit(Together("Move a box", [RemoveBoxes([mark.number]), place]), saved)
        elif mark.number is None:
            editor.submit(AddPicks(*self._target, [(z, y, x)]), saved)
        else:
            editor.submit(MovePick(*self._target, mark.number, (z, y, x)), saved)

    def cancel(self) -> None:
        """Leave everything as it was."""
        self._editor.state.dragged = None


def begin_box(editor: Editor, target: Target, pointer: Pointer, *, may_move: bool) -> MarkDrag | None:
    """Place a box, negative with alt held, or take hold of the one under the pointer; None outside the tomogram."""
    box = box_under(editor, pointer) if may_move else None
    if box is not None:
        position = (float(box.z), float(box.y), float(box.x))
        return MarkDrag(editor, target, pointer, DraggedMark("box", target.feature, box.id, position, box.negative))
    if not _inside(editor, pointer):
        return None
    z, y, x = (float(round(at)) for at in _voxel(editor, pointer))
    return MarkDrag(editor, target, pointer, DraggedMark("box", target.feature, None, (z, y, x), pointer.alt))


def begin_pick(editor: Editor, target: Target, pointer: Pointer, *, may_move: bool) -> MarkDrag | None:
    """Place a pick, or take hold of the one under the pointer; None outside the tomogram."""
    pick = pick_under(editor, pointer) if may_move else None
    if pick is not None:
        position = (pick.z, pick.y, pick.x)
        return MarkDrag(editor, target, pointer, DraggedMark("pick", target.feature, pick.id, position))
    if not _inside(editor, pointer):
        return None
    return MarkDrag(editor, target, pointer, DraggedMark("pick", target.feature, None, _voxel(editor, pointer)))


def remove_box(editor: Editor, pointer: Pointer) -> None:
    """Remove the box under the pointer, if there is one."""
    box = box_under(editor, pointer)
    if box is not None:
        editor.submit(RemoveBoxes([box.id]))


def remove_pick(editor: Editor, target: Target, pointer: Pointer) -> None:
    """Remove the pick under the pointer, if there is one."""
    pick = pick_under(editor, pointer)
    if pick is not None:
        editor.submit(RemovePicks(*target, [pick.id]))


def box_under(editor: Editor, pointer: Pointer) -> Box | None:
    """The box of the selected feature that the pointer is on: in its own slice, or within its depth in XZ and YZ."""
    feature = editor.snapshot.feature(editor.state.feature)
    if feature is None or editor.shown is None:
        return None
    half = feature.box_size / 2
    z, y, x = _voxel(editor, pointer)
    depth = 0.5 if pointer.plane == "xy" else half
    near = [
        box
        for box in editor.snapshot.boxes.get(feature.id, ())
        if abs(box.z - z) <= depth and abs(box.y - y) <= half and abs(box.x - x) <= half
    ]
    return min(near, key=lambda box: math.dist((box.z, box.y, box.x), (z, y, x)), default=None)


def pick_under(editor: Editor, pointer: Pointer) -> HandPick | None:
    """The pick of the selected feature whose ball the pointer is on, or nearly on."""
    found = editor.snapshot.picks.get(editor.state.feature or 0)
    if found is None or editor.shown is None:
        return None
    here = _voxel(editor, pointer)
    normal = {"xy": 0, "xz": 1, "yz": 2}[pointer.plane]

    def distance(pick: HandPick) -> float:
        return math.dist((pick.z, pick.y, pick.x), here)

    def reached(pick: HandPick) -> bool:
        off = abs((pick.z, pick.y, pick.x)[normal] - here[normal])
        if off >= max(found.radius, 0.5):
            return False
        across = math.sqrt(max(distance(pick) ** 2 - off**2, 0.0))
        return across <= max(math.sqrt(max(found.radius**2 - off**2, 0.0)), NEAR_PX / pointer.scale)

    return min(filter(reached, found.picks), key=distance, default=None)


def _voxel(editor: Editor, pointer: Pointer) -> Position:
    assert editor.shown is not None
    return editor.shown.voxel(pointer.plane, pointer.position, pointer.row, pointer.column)


def _inside(editor: Editor, pointer: Pointer) -> bool:
    assert editor.shown is not None
    here = _voxel(editor, pointer)
    return all(-0.5 <= at < count - 0.5 for at, count in zip(here, editor.shown.shape, strict=True))
