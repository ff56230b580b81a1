"""What the mouse does in the 3D scene: turn, move, come nearer, select."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from imgui_bundle import imgui

from ais.gui.editor import Editor
from ais.gui.scene.contents import Hit
from ais.gui.scene_things import jump_to, select_in_lists
from ais.gui.scene_view_state import Chosen
from ais.gui.views.arrangement import Area

Drag = Literal["turn", "roll", "move", "marquee"]
Pick = Callable[[float, float], Hit | None]
PickRectangle = Callable[[float, float, float, float], list[Chosen]]

CLICK_EM = 0.25
"""A press that moves less is a click."""
NEARER_PER_NOTCH = 1.15
ROLL_DEGREES_PER_EM = 6.0
LEFT, RIGHT, MIDDLE = (
    int(button) for button in (imgui.MouseButton_.left, imgui.MouseButton_.right, imgui.MouseButton_.middle)
)


@dataclass(frozen=True)
class Eyes:
    """How the mouse finds out what is seen at places of the view, in pixels from its upper left corner.

    Attributes
    ----------
    at
        What is at a place.
    within
        What is seen in a rectangle between two corners.
    """

    at: Pick
    within: PickRectangle


class SceneMouse:
    """Follows the mouse in the scene.

    Attributes
    ----------
    marquee
        Two opposite corners of the rectangle that is being drawn, in pixels of the view; None while none is.
    wants_menu
        Whether the menu of the thing under the pointer is to be opened.
    """

    def __init__(self) -> None:
        self.marquee: tuple[tuple[float, float], tuple[float, float]] | None = None
        self.wants_menu = False
        self._drag: Drag | None = None
        self._button = LEFT
        self._from = (0.0, 0.0)
        self._moved = False
        self._second = False
        self._clicked: tuple[float, float, float] | None = None
        self._just_clicked = False

    def follow(self, editor: Editor, area: Area, hovered: bool, eyes: Eyes) -> None:
        """Act on this frame's input; `hovered` tells whether the pointer is over the scene and nothing lies between."""
        io, view = imgui.get_io(), editor.rendering.view
        x, y = io.mouse_pos.x - area.x, io.mouse_pos.y - area.y
        if self._just_clicked and self._clicked is not None:  # by now, what the click has led to has been drawn
            self._clicked = time.monotonic(), *self._clicked[1:]
        self._just_clicked = False
        if hovered and io.mouse_wheel and self._drag is None:
            size = area.width, area.height
            view.move(view.camera.dolly(NEARER_PER_NOTCH**io.mouse_wheel, (x, y), size))
        if self._drag is None and hovered:
            self._press(editor, x, y, eyes)
        if self._drag is not None:
            self._follow_drag(editor, area, x, y, eyes)
        view.dragging = self._drag is not None and self._moved and self._drag != "marquee"

    def stop(self) -> None:
        """Forget what is held, such as when there is no scene any more."""
        self._drag, self.marquee = None, None

    def cancel(self) -> bool:
        """End the rectangle under way without a selection; whether there was one."""
        had = self.marquee is not None
        if had:
            self.stop()
        return had

    @property
    def pressing(self) -> bool:
        """Whether a button that was pressed in the scene is still held."""
        return self._drag is not None

    def _press(self, editor: Editor, x: float, y: float, eyes: Eyes) -> None:
        button = next((one for one in (LEFT, RIGHT, MIDDLE) if imgui.is_mouse_clicked(one)), None)
        if button is None:
            return
        io = imgui.get_io()
        self._button, self._from, self._moved = button, (x, y), False
        self._second = button == LEFT and self._is_second(x, y) and not io.key_shift
        self._clicked = None
        if self._second:
            hit = eyes.at(x, y)
            if hit is not None and (io.key_ctrl or io.key_super):
                jump_to(editor, hit)
            elif hit is not None:
                editor.rendering.view.centre_on(hit.position)
        space = imgui.is_key_down(imgui.Key.space) and not io.want_text_input
        if button == LEFT:
            self._drag = "move" if space else "marquee" if io.key_shift else "roll" if io.key_alt else "turn"
        else:
            self._drag = "move" if button == MIDDLE and not io.key_shift else "turn"

    def _is_second(self, x: float, y: float) -> bool:
        """Whether a press belongs to a double click; the time that drawing took after the first is not counted."""
        if imgui.is_mouse_double_clicked(LEFT):
            return True
        if self._clicked is None:
            return False
        at, x0, y0 = self._clicked
        near = max(abs(x - x0), abs(y - y0)) <= CLICK_EM * imgui.get_font_size()
        return near and time.monotonic() - at <= imgui.get_io().mouse_double_click_time

    def _follow_drag(self, editor: Editor, area: Area, x: float, y: float, eyes: Eyes) -> None:
        io, view = imgui.get_io(), editor.rendering.view
        dx, dy = io.mouse_delta.x, io.mouse_delta.y
        if not self._moved:
            dx, dy = x - self._from[0], y - self._from[1]
            self._moved = max(abs(dx), abs(dy)) > CLICK_EM * imgui.get_font_size()
        if self._moved:
            size = area.width, area.height
            if self._drag == "turn":
                view.move(view.camera.orbit(dx, dy, size))
            elif self._drag == "move":
                view.move(view.camera.pan(dx, dy, size))
            elif self._drag == "roll":
                view.move(view.camera.roll(-ROLL_DEGREES_PER_EM * dx / imgui.get_font_size()))
            else:
                self.marquee = self._from, (min(max(x, 0.0), area.width), min(max(y, 0.0), area.height))
        if not imgui.is_mouse_down(self._button):
            self._release(editor, x, y, eyes)

    def _release(self, editor: Editor, x: float, y: float, eyes: Eyes) -> None:
        io, view = imgui.get_io(), editor.rendering.view
        marquee, self.marquee = self.marquee, None
        drag, self._drag = self._drag, None
        if drag == "marquee" and marquee is not None:
            (x0, y0), (x1, y1) = marquee
            found = eyes.within(min(x0, x1), min(y0, y1), max(x0, x1), max(y0, y1))
            view.select(found, add=io.key_ctrl or io.key_super)
        elif self._moved or self._second:
            return
        elif self._button == LEFT:
            self._clicked, self._just_clicked = (time.monotonic(), x, y), True
            hit = eyes.at(x, y)
            if hit is not None and (io.key_ctrl or io.key_super or io.key_shift):
                view.toggle((hit.key, hit.index))
            elif hit is not None:
                view.select([(hit.key, hit.index)])
                select_in_lists(editor, hit.key)
            elif not (io.key_ctrl or io.key_super or io.key_shift):
                view.clear()
        elif self._button == RIGHT:
            hit = eyes.at(x, y)
            if hit is not None and (hit.key, hit.index) not in view.selected:
                view.select([(hit.key, hit.index)])
                select_in_lists(editor, hit.key)
            self.wants_menu = True
