"""Stories about the window itself."""

from __future__ import annotations

import numpy as np
from acting import Context, frames, pixels, screenshot

from ais.gui.editor import Editor


def story_the_window_opens_without_a_file(ctx: Context, editor: Editor) -> None:
    frames(ctx, 5)
    picture = pixels(ctx)
    assert picture.shape[0] >= 600
    assert picture.shape[1] >= 800
    # Something is drawn: words and borders, not one colour.
    assert len(np.unique(picture.reshape(-1, 3), axis=0)) > 16
    screenshot(ctx, "window/empty")
