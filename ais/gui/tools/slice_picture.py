"""The values under the pointer, as the view shows them: for tools that look at the picture."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ais.gui.slice_reader import SliceRequest
from ais.tomogram import Tomogram

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
    """A function for a thread that gives slice z with its slab.

    If it has not been read, it is read from a file opened anew: the one on the screen may be closed before.
    """
    picture = slice_picture(editor, z)
    if picture is not None:
        return lambda: picture
    assert editor.shown is not None
    path = editor.shown.tomogram.path
    low, high = SliceRequest("xy", z, editor.state.slab).slices(editor.shown.shape[0])

    def read() -> Values:
        with Tomogram.open(path) as tomogram:
            picture: Values = tomogram.raw(low, high).mean(axis=0, dtype=np.float32)
            return picture

    return read
