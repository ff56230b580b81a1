"""What the mouse does in a view: slices by the wheel, zoom, pan, the brush's size, and the gestures of the tools."""

from __future__ import annotations

from typing import Literal

from imgui_bundle import imgui

from ais.gui.display import PLANES, Plane
from ais.gui.editor import Editor
from ais.gui.state import ViewState
from ais.gui.tools import Pointer, gestures
from ais.gui.tools.brush_radius import step_brush_radius

ZOOM_PER_NOTCH = 1.2
GRIP_EM = 0.6
"""Size of the grips of the cross-hair."""

BUTTONS: tuple[Literal["left", "right"], ...] = ("left", "right")
MIDDLE = int(imgui.MouseButton_.middle)
LEFT = int(imgui.MouseButton_.left)


class Pointing:
    """Follows the mouse in the view of one plane.

    Parameters
    ----------
    plane
        Which plane.
    """

    def __init__(self, plane: Plane) -> None:
        self.plane = plane
        self.erasing = False
        self._turned = 0.0
        self._panning: int | None = None
        self._pressed: int | None = None
        self._crossing = False, False

    def pointer(self, view: ViewState, position: int) -> Pointer:
        """Where the pointer is in the plane's picture, whether or not it is over the view."""
        io = imgui.get_io()
        row, column = view.to_picture(io.mouse_pos.x, io.mouse_pos.y)
        scale = view.placement.scale if view.placement is not None else 1.0
        ctrl = io.key_ctrl or io.key_super
        return Pointer(self.plane, position, row, column, scale, io.key_shift, ctrl, io.key_alt)

    def follow(self, editor: Editor, view: ViewState, position: int, hovered: bool) -> bool:
        """Act on this frame's input.

        Parameters
        ----------
        editor, view, position
            What is shown, and the slice that is on the screen.
        hovered
            Whether the pointer is over the view and nothing lies between.

        Returns
        -------
        bool
            Whether the placement was changed, so that the planes beside it must follow.
        """
        pointer = self.pointer(view, position)
        view.hovered = (pointer.row, pointer.column) if hovered or self._pressed is not None else None
        moved = self._wheel(editor, view, pointer) if hovered else False
        moved |= self._pan(view, hovered)
        self._cross(editor, view, pointer, hovered)
        self._drag(editor, pointer, hovered)
        self.erasing = self._pressed == 1
        return moved

    def stop(self) -> None:
        """Forget what is held, such as when the view is closed."""
        self._panning = self._pressed = None
        self._crossing = False, False

    @property
    def pressing(self) -> bool:
        """Whether a gesture began in this view and has not ended."""
        return self._pressed is not None

    @property
    def panning(self) -> bool:
        """Whether the picture is being moved."""
        return self._panning is not None

    def _wheel(self, editor: Editor, view: ViewState, pointer: Pointer) -> bool:
        io = imgui.get_io()
        turned = io.mouse_wheel if io.mouse_wheel else io.mouse_wheel_h * (pointer.shift or 0)
        if not turned:
            return False
        if pointer.ctrl:
            step_brush_radius(editor, turned)
        elif pointer.shift:
            if view.placement is not None:
                x, y = io.mouse_pos.x - view.origin[0], io.mouse_pos.y - view.origin[1]
                view.placement = view.placement.zoomed(ZOOM_PER_NOTCH**turned, x, y, *view.size)
                return True
        else:
            # Touch pads send parts of a notch: a slice for each whole one, and none left over on the way back.
            self._turned = (self._turned if self._turned * turned >= 0 else 0.0) + turned
            notches = int(self._turned)
            self._turned -= notches
            if notches:
                editor.sight.step(-notches, self.plane)
        return False

    def _pan(self, view: ViewState, hovered: bool) -> bool:
        if self._panning is None and hovered and self._pressed is None:
            if imgui.is_mouse_clicked(MIDDLE):
                self._panning = MIDDLE
            elif imgui.is_mouse_clicked(LEFT) and _space_held():
                self._panning = LEFT
        if self._panning is None:
            return False
        if not imgui.is_mouse_down(self._panning):
            self._panning = None
            return False
        delta = imgui.get_io().mouse_delta
        if view.placement is None or not (delta.x or delta.y):
            return False
        view.placement = view.placement.moved(delta.x, delta.y)
        return True

    def _cross(self, editor: Editor, view: ViewState, pointer: Pointer, hovered: bool) -> None:
        """Move the cross-hair while XZ and YZ are shown: with ctrl and the left button, or by one of its grips."""
        if editor.state.ortho and hovered and editor.gesture is None and self._panning is None:
            on_rows, on_columns = _grips(editor, self.plane, view)
            if on_rows or on_columns:
                imgui.set_mouse_cursor(imgui.MouseCursor_.resize_all)
            if imgui.is_mouse_clicked(LEFT):
                plain = not (pointer.shift or pointer.alt)
                self._crossing = (True, True) if pointer.ctrl and plain else (on_rows, on_columns)
        if any(self._crossing):
            rows, columns = self._crossing
            move_cross_hair(editor, self.plane, pointer.row if rows else None, pointer.column if columns else None)
            if not imgui.is_mouse_down(LEFT):
                self._crossing = False, False

    def _drag(self, editor: Editor, pointer: Pointer, hovered: bool) -> None:
        if self._pressed is not None and editor.gesture is None:
            self._pressed = None  # it was cancelled
        if self._pressed is None:
            free = hovered and editor.gesture is None and self._panning is None and not any(self._crossing)
            if free and not _space_held():
                self._press(editor, pointer)
            return
        gesture = editor.gesture
        assert gesture is not None
        if imgui.is_mouse_down(self._pressed):
            gesture.move(pointer)
        else:
            self._pressed, editor.gesture = None, None
            gesture.release(pointer)

    def _press(self, editor: Editor, pointer: Pointer) -> None:
        for number, button in enumerate(BUTTONS):
            if imgui.is_mouse_clicked(number):
                gesture = gestures.begin(editor, pointer, button)
                if gesture is not None:
                    editor.gesture, self._pressed = gesture, number
                return


def move_cross_hair(editor: Editor, plane: Plane, row: float | None, column: float | None) -> None:
    """Move the cross-hair to a point of a plane's picture; None leaves a coordinate as it is."""
    if plane == "xy":
        editor.sight.go_to(y=row, x=column)
    elif plane == "xz":
        editor.sight.go_to(z=row, x=column)
    else:
        editor.sight.go_to(z=row, y=column)


def _grips(editor: Editor, plane: Plane, view: ViewState) -> tuple[bool, bool]:
    """Whether the pointer is on the grip that moves the cross-hair along the rows, and along the columns."""
    mouse, reach = imgui.get_io().mouse_pos, GRIP_EM * imgui.get_font_size()
    row, column = (value for axis, value in enumerate(editor.state.position) if axis != PLANES.index(plane))
    x, y = view.to_screen(row, column)
    upper = abs(mouse.x - x) <= reach and mouse.y - view.origin[1] <= reach
    left = abs(mouse.y - y) <= reach and mouse.x - view.origin[0] <= reach
    # The upper grip moves the vertical line: along the columns, or along the rows of a turned picture.
    return (upper, left) if view.turned else (left, upper)


def _space_held() -> bool:
    return imgui.is_key_down(imgui.Key.space) and not imgui.get_io().want_text_input
