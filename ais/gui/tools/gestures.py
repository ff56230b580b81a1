"""Which gesture a press of the mouse in a view begins."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from ais.gui.tools import Gesture, Pointer
from ais.gui.tools.brush import BrushStroke
from ais.gui.tools.target import paint_target

if TYPE_CHECKING:
    from ais.gui.editor import Editor

Button = Literal["left", "right"]


def begin(editor: Editor, pointer: Pointer, button: Button) -> Gesture | None:
    """Begin what the tool in hand does.

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
    target = paint_target(editor)
    if target is None:
        return None
    return BrushStroke(editor, target, pointer, erase=button == "right")
