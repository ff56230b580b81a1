"""The window's own picture, as it has just been drawn."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ais.gui.gl.binding import GL
from ais.gui.gl.state import drawing_state


def read_screen(width: int, height: int) -> NDArray[np.uint8]:
    """The back buffer of the window.

    Parameters
    ----------
    width, height
        Of the window's frame buffer, in pixels.

    Returns
    -------
    ndarray of uint8
        (height, width, 3), red, green, blue; row 0 at the top.
    """
    with drawing_state(0):
        GL.glBindFramebuffer(GL.GL_READ_FRAMEBUFFER, 0)
        GL.glReadBuffer(GL.GL_BACK)
        GL.glPixelStorei(GL.GL_PACK_ALIGNMENT, 1)
        data = GL.glReadPixels(0, 0, width, height, GL.GL_RGB, GL.GL_UNSIGNED_BYTE)
    picture = np.frombuffer(data, np.uint8).reshape(height, width, 3)
    return np.ascontiguousarray(picture[::-1])
