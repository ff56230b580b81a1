"""The values under the pointer, as the view shows them: for tools that look at the picture."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ais.gui.slice_reader import SliceRequest

if TYPE_CHECKING:
    from ais.gui.editor import Editor

Values = NDArray[Any]
"""(ny, nx), in the tomogram's own units."""


def slice_picture(editor: Editor, z: int) -> Values | None:
    """Slice z with its slab, if it has been read; if it is the one on the screen it will be."""
    if editor.shown is None:
        return None
    request = SliceRequest("xy", z, editor.state.slab)
    picture = editor.shown.reader.ready(request)
    if picture is None and z == editor.state.z:
        editor.shown.reader.request(request)
    return picture


def slice_picture_later(editor: Editor, z: int) -> Callable[[], Values]:
    """A function for a thread that gives slice z with its slab, read anew if it has not been read."""
    picture = slice_picture(editor, z)
    if picture is not None:
        return lambda: picture
    assert editor.shown is not None
    tomogram = editor.shown.tomogram
    low, high = SliceRequest("xy", z, editor.state.slab).slices(tomogram.shape[0])
    return lambda: np.mean([tomogram.slice(each).astype(np.float32) for each in range(low, high)], axis=0)
