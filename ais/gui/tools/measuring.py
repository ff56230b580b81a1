"""Lines that are measured and rectangles that are cropped to."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from ais.gui.display import Plane
from ais.gui.document import Crop
from ais.gui.state import Tool
from ais.gui.tools import Pointer

if TYPE_CHECKING:
    from ais.gui.editor import Editor

LEAST_PX = 2.0
"""A line or rectangle that is shorter on the screen was a click."""

LEAST_CROP_PX = 4
AXES: dict[Plane, tuple[str, str]] = {"xy": ("y", "x"), "xz": ("z", "x"), "yz": ("z", "y")}
"""Of rows and columns of each plane's picture."""


class MeasureDrag:
    """A line from where the button is pressed to where it is released; nothing of it is saved."""

    def __init__(self, editor: Editor, pointer: Pointer) -> None:
        self._editor = editor
        self._start = pointer.row, pointer.column
        self._plane = editor.state.measured_plane = pointer.plane
        editor.state.measured = self._start, self._start

    def move(self, pointer: Pointer) -> None:
        """Follow the pointer."""
        if pointer.plane == self._plane:
            self._editor.state.measured = self._start, (pointer.row, pointer.column)

    def release(self, pointer: Pointer) -> None:
        """Leave the line; a click takes it away."""
        self.move(pointer)
        ends = self._editor.state.measured
        if ends is not None and math.dist(*ends) * pointer.scale < LEAST_PX:
            self._editor.state.measured = None

    def cancel(self) -> None:
        """Take the line away."""
        self._editor.state.measured = None


class CropDrag:
    """A rectangle to which the tomogram is cropped; along the normal of the plane the region stays as it was."""

    def __init__(self, editor: Editor, pointer: Pointer) -> None:
        self._editor = editor
        self._start = pointer.row, pointer.column
        self._plane = editor.state.crop_plane = pointer.plane
        editor.state.crop_corners = self._start, self._start

    def move(self, pointer: Pointer) -> None:
        """Follow the pointer."""
        if pointer.plane == self._plane:
            self._editor.state.crop_corners = self._start, (pointer.row, pointer.column)

    def release(self, pointer: Pointer) -> None:
        """Crop, and take up the brush again."""
        self.move(pointer)
        editor = self._editor
        corners, editor.state.crop_corners = editor.state.crop_corners, None
        if editor.shown is None or corners is None or math.dist(*corners) * pointer.scale < LEAST_PX:
            return
        crop = cropped(editor, corners)
        if crop is None:
            editor.notices.say(f"A crop region has at least {LEAST_CROP_PX} pixels along each side.", "hint")
            return
        editor.sight.set_crop(crop)
        editor.state.tool = Tool.BRUSH

    def cancel(self) -> None:
        """Leave the region as it was."""
        self._editor.state.crop_corners = None


def cropped(editor: Editor, corners: tuple[tuple[float, float], tuple[float, float]]) -> Crop | None:
    """The region between two corners of a rectangle in the plane `crop_plane`; None if it is too small."""
    assert editor.shown is not None
    ranges = dict(zip("zyx", _ranges(editor), strict=True))
    (row0, column0), (row1, column1) = corners
    shape = dict(zip("zyx", editor.shown.shape, strict=True))
    across, along = AXES[editor.state.crop_plane]
    for axis, one, other in ((across, row0, row1), (along, column0, column1)):
        low, high = max(round(min(one, other)), 0), min(round(max(one, other)) + 1, shape[axis])
        if high - low < min(LEAST_CROP_PX, shape[axis]):
            return None
        ranges[axis] = low, high
    return Crop(ranges["z"], ranges["y"], ranges["x"])


def crop_slices(editor: Editor, first: int | None = None, last: int | None = None) -> None:
    """Begin or end the crop region at a slice, counted from 0; what lies on its other side stays as it was."""
    if editor.shown is None:
        return
    (z0, z1), y, x = _ranges(editor)
    z0, z1 = z0 if first is None else first, z1 if last is None else last + 1
    if first is not None and first >= z1:
        z1 = editor.shown.shape[0]
    if last is not None and last < z0:
        z0 = 0
    editor.sight.set_crop(Crop((z0, z1), y, x))


def _ranges(editor: Editor) -> tuple[tuple[int, int], tuple[int, int], tuple[int, int]]:
    assert editor.shown is not None
    crop = editor.snapshot.crop
    if crop is not None:
        return crop.z, crop.y, crop.x
    nz, ny, nx = editor.shown.shape
    return (0, nz), (0, ny), (0, nx)
