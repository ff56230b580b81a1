"""Fluorescence images by mouse: moved, turned and scaled, and placed by landmarks."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from ais.fluorescence import Affine, Overlay, Point, placing
from ais.gui.fluorescence_edits import add_landmark, remove_landmark
from ais.gui.tools import Pointer

if TYPE_CHECKING:
    from ais.gui.editor import Editor

NEAR_PX = 9.0
"""Handles and landmarks can be taken hold of this near to them on the screen."""

TURN_PX = 28.0
"""How far the handle that turns lies outside the image, on the screen."""

CLICK_PX = 4.0
"""What is moved by less than this was a click."""

Way = Literal["move", "turn", "scale"]
VERBS: dict[Way, str] = {"move": "Move", "turn": "Turn", "scale": "Scale"}


@dataclass(frozen=True)
class Handles:
    """Where an image can be taken hold of, x and y in voxels.

    Attributes
    ----------
    corners
        Dragged, they scale it.
    edge, turn
        The middle of its upper edge, and the handle above it that turns it.
    """

    corners: tuple[Point, Point, Point, Point]
    edge: Point
    turn: Point

    @classmethod
    def of(cls, overlay: Overlay, scale: float) -> Handles:
        """Of an image in a view with so many screen pixels for each voxel."""
        corners = placing.corners(overlay.to_tomogram, overlay.shape)
        middles = [
            ((a[0] + b[0]) / 2, (a[1] + b[1]) / 2) for a, b in zip(corners, corners[1:] + corners[:1], strict=True)
        ]
        edge = max(middles, key=lambda point: (round(point[1], 6), point[0]))
        x, y = placing.middle(overlay.to_tomogram, overlay.shape)
        length = math.dist(edge, (x, y)) or 1.0
        out = TURN_PX / scale / length
        return cls(corners, edge, (edge[0] + (edge[0] - x) * out, edge[1] + (edge[1] - y) * out))

    def way(self, pointer: Pointer) -> Way:
        """What a drag from the pointer does."""
        here, reach = (pointer.column, pointer.row), NEAR_PX / pointer.scale
        if pointer.shift or math.dist(here, self.turn) <= reach:
            return "turn"
        if pointer.alt or any(math.dist(here, corner) <= reach for corner in self.corners):
            return "scale"
        return "move"


class ImageDrag:
    """An image that follows the pointer: moved, or turned and scaled about its middle.

    Parameters
    ----------
    editor, overlay
        The image as it lies when the drag begins.
    pointer
        Where the button was pressed.
    """

    def __init__(self, editor: Editor, overlay: Overlay, pointer: Pointer) -> None:
        self._editor = editor
        self._overlay = overlay
        self._way = Handles.of(overlay, pointer.scale).way(pointer)
        self._from = pointer
        self._moved = False

    def move(self, pointer: Pointer) -> None:
        """Follow the pointer."""
        begun = self._from
        off = math.dist((pointer.column, pointer.row), (begun.column, begun.row)) * pointer.scale
        self._moved = self._moved or off > CLICK_PX
        affine = self._placed(pointer)
        if self._moved and placing.is_usable(affine):
            self._editor.fluorescence.preview(self._overlay.key, to_tomogram=affine)

    def release(self, pointer: Pointer) -> None:
        """Leave it where it is."""
        self.move(pointer)
        if self._moved:
            title = f"{VERBS[self._way]} image {self._overlay.name}"
            self._editor.fluorescence.save_preview(self._overlay.key, title)

    def cancel(self) -> None:
        """Lay it where it was."""
        self._editor.fluorescence.forget_preview(self._overlay.key)

    def _placed(self, pointer: Pointer) -> Affine:
        begun, affine, shape = self._from, self._overlay.to_tomogram, self._overlay.shape
        if self._way == "move":
            return placing.moved(affine, pointer.column - begun.column, pointer.row - begun.row)
        x, y = placing.middle(affine, shape)
        before, now = (begun.column - x, begun.row - y), (pointer.column - x, pointer.row - y)
        if self._way == "turn":
            turned = math.degrees(math.atan2(now[1], now[0]) - math.atan2(before[1], before[0]))
            return placing.turned(affine, shape, turned)
        least = 1 / pointer.scale
        return placing.scaled(affine, shape, max(math.hypot(*now), least) / max(math.hypot(*before), least))


class LandmarkDrag:
    """A thing in the image that is dragged to where it is in the tomogram; clicked, it is set by the next click.

    Parameters
    ----------
    editor, overlay
        The image.
    pointer
        Where the button was pressed, on the thing in the image.
    """

    def __init__(self, editor: Editor, overlay: Overlay, pointer: Pointer) -> None:
        self._editor = editor
        self._overlay = overlay
        self._from = pointer.column, pointer.row
        self._before = editor.fluorescence.pending
        self._image = placing.at(placing.inverse(overlay.to_tomogram), self._from)
        if self._before is None:
            editor.fluorescence.pending = self._image

    def move(self, pointer: Pointer) -> None:
        """The view draws the line to the pointer by itself."""

    def release(self, pointer: Pointer) -> None:
        """Set the landmark, or wait for its other half."""
        here, fluorescence = (pointer.column, pointer.row), self._editor.fluorescence
        if self._before is not None:
            fluorescence.pending = None
            add_landmark(self._editor, self._overlay, self._before, here)
        elif math.dist(here, self._from) * pointer.scale > CLICK_PX:
            fluorescence.pending = None
            add_landmark(self._editor, self._overlay, self._image, here)

    def cancel(self) -> None:
        """Set none."""
        self._editor.fluorescence.pending = self._before


def begin_image(editor: Editor, pointer: Pointer, *, left: bool) -> ImageDrag | None:
    """Take hold of the selected image; None if there is none that may be moved here."""
    overlay = _at_hand(editor, pointer)
    return ImageDrag(editor, overlay, pointer) if overlay is not None and left else None


def begin_landmark(editor: Editor, pointer: Pointer, *, left: bool) -> LandmarkDrag | None:
    """Begin or end a landmark of the selected image; the right button removes the one under the pointer."""
    overlay = _at_hand(editor, pointer)
    if overlay is None:
        return None
    if left:
        return LandmarkDrag(editor, overlay, pointer)
    if editor.fluorescence.pending is not None:
        editor.fluorescence.pending = None
        return None
    number = landmark_under(overlay, pointer)
    if number is not None:
        remove_landmark(editor, overlay, number)
    return None


def landmark_under(overlay: Overlay, pointer: Pointer) -> int | None:
    """The landmark either end of which the pointer is on; None if there is none."""
    here = pointer.column, pointer.row

    def distance(number: int) -> float:
        mark = overlay.landmarks[number]
        return min(math.dist(here, mark.tomogram), math.dist(here, placing.at(overlay.to_tomogram, mark.image)))

    nearest = min(range(len(overlay.landmarks)), key=distance, default=None)
    return nearest if nearest is not None and distance(nearest) * pointer.scale <= NEAR_PX else None


def _at_hand(editor: Editor, pointer: Pointer) -> Overlay | None:
    """The selected image, if it can be placed here; else the user is told why not."""
    overlay = editor.fluorescence.at_hand
    if editor.read_only and editor.document is not None:
        editor.notices.problem(editor.document.project.notice or "This project can only be read.")
        return None
    if pointer.plane != "xy":
        editor.notices.say("An image is placed in the XY view.", "hint")
        return None
    if overlay is None:
        editor.notices.say("Add an image first: it is placed over the tomogram then.", "hint")
        return None
    if not placing.is_usable(overlay.to_tomogram):
        return None
    return overlay
