"""Which gesture a press of the mouse in a view begins."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from ais.gui.state import Tool
from ais.gui.tools import Gesture, Pointer
from ais.gui.tools.brush import BrushStroke
from ais.gui.tools.flood import FloodStroke
from ais.gui.tools.images import begin_image, begin_landmark
from ais.gui.tools.lasso import begin_lasso
from ais.gui.tools.marks import begin_box, begin_pick, remove_box, remove_pick
from ais.gui.tools.measuring import CropDrag, MeasureDrag
from ais.gui.tools.particles import begin_particle
from ais.gui.tools.target import feature_target, paint_target

if TYPE_CHECKING:
    from ais.gui.editor import Editor

Button = Literal["left", "right"]
OWN_KEYS = (Tool.LASSO, Tool.MEASURE, Tool.CROP, Tool.IMAGE, Tool.LANDMARKS)
"""Tools for which shift does not mean boxes and picks."""


def begin(editor: Editor, pointer: Pointer, button: Button) -> Gesture | None:
    """Begin what the tool in hand does, or what the keys that are held ask for.

    The view keeps what it is given in `editor.gesture`, calls its `move` once a frame, and its `release` when the
    button is released.

    Parameters
    ----------
    editor
        Where it acts.
    pointer
        Where the button was pressed, and which keys are held.
    button
        Which button.

    Returns
    -------
    Gesture or None
        None if nothing is to be followed; the user has then been told why, or the press has done its work.
    """
    if editor.shown is None:
        return None
    if editor.state.tool is Tool.IMAGE:
        return begin_image(editor, pointer, left=button == "left")
    if editor.state.tool is Tool.LANDMARKS:
        return begin_landmark(editor, pointer, left=button == "left")
    particle = begin_particle(editor, pointer) if button == "left" else None
    if particle is not None:
        return particle
    match tool_at_hand(editor, pointer):
        case Tool.MEASURE:
            return _measure(editor, pointer, button)
        case Tool.CROP:
            return CropDrag(editor, pointer) if button == "left" and _may_edit(editor) else None
        case Tool.LASSO:
            return begin_lasso(editor, pointer, erase=button == "right" or pointer.alt)
        case Tool.BOX:
            return _boxes(editor, pointer, button)
        case Tool.PICK:
            return _picks(editor, pointer, button)
        case Tool.FLOOD if button == "left":
            return _flood(editor, pointer)
    target = paint_target(editor)
    return None if target is None else BrushStroke(editor, target, pointer, erase=button == "right")


def tool_at_hand(editor: Editor, pointer: Pointer) -> Tool:
    """The tool that a press would use: that of the state, or boxes and picks while their keys are held."""
    tool = editor.state.tool
    if tool in OWN_KEYS or not pointer.shift:
        return tool
    return Tool.PICK if pointer.ctrl else Tool.BOX


def _may_edit(editor: Editor) -> bool:
    if editor.read_only and editor.document is not None:
        editor.notices.problem(editor.document.project.notice or "This project can only be read.")
    return not editor.read_only


def _measure(editor: Editor, pointer: Pointer, button: Button) -> Gesture | None:
    if button == "left":
        return MeasureDrag(editor, pointer)
    editor.state.measured = None
    return None


def _boxes(editor: Editor, pointer: Pointer, button: Button) -> Gesture | None:
    target = feature_target(editor)
    if target is None:
        return None
    if button == "left":
        return begin_box(editor, target, pointer, may_move=editor.state.tool is Tool.BOX)
    remove_box(editor, pointer)
    return None


def _picks(editor: Editor, pointer: Pointer, button: Button) -> Gesture | None:
    target = feature_target(editor)
    if target is None:
        return None
    if button == "left":
        return begin_pick(editor, target, pointer, may_move=editor.state.tool is Tool.PICK)
    remove_pick(editor, target, pointer)
    return None


def _flood(editor: Editor, pointer: Pointer) -> Gesture | None:
    if pointer.plane != "xy":
        editor.notices.say("The flood brush works in the XY view.", "hint")
        return None
    target = paint_target(editor)
    return None if target is None else FloodStroke(editor, target, pointer)
