"""Model-assisted annotation: what a model shows in the slice on the screen becomes annotation, to be corrected."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from ais.annotation import CopyPrediction
from ais.gui.tools.target import paint_target

if TYPE_CHECKING:
    from ais.gui.editor import Editor


def copy_prediction(
    editor: Editor,
    values: NDArray[np.uint8],
    z: int,
    threshold: float,
    model: str,
    *,
    y0: int = 0,
    x0: int = 0,
    in_outline: bool = False,
    replace: bool = False,
) -> bool:
    """Copy a model's output to the selected feature of the tomogram on the screen, as one step of undo.

    Parameters
    ----------
    editor
        Says which feature is selected, and where the lasso is.
    values
        (ny, nx) uint8, the output as it is shown, 0-255, of the slice or of its crop region.
    z
        The slice that it is of.
    threshold
        Probability, 0 to 1, as it is shown.
    model
        The model's name, for the history panel.
    y0, x0
        Where the output's first pixel lies in the slice.
    in_outline
        Only inside the lasso that is open in this slice, which is used up; else in the whole slice.
    replace
        Whether what was painted there is erased first.

    Returns
    -------
    bool
        False if there is nothing to copy or nowhere to copy it to; the user is told why.
    """
    target = paint_target(editor)
    if target is None:
        return False
    outline = None
    if in_outline:
        state = editor.state
        if len(state.outline) < 3 or state.outline_plane != "xy" or state.outline_position != z:
            editor.notices.say("Draw an outline in this slice first (L), around what is to be copied.", "hint")
            return False
        outline, state.outline = state.outline, []
    if not replace and not (values >= threshold * 255).any():
        editor.notices.say(f"Nothing in this slice reaches the threshold of {model}.", "hint")
        return False
    editor.submit(CopyPrediction(*target, z, values.copy(), threshold, model, y0, x0, outline, replace))
    return True
