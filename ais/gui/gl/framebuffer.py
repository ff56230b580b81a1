"""Textures that are drawn into instead of the window."""

from __future__ import annotations

import ctypes
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from ais.gui.gl.binding import GL, RAW_1_0, GraphicsError
from ais.gui.gl.objects import GlObject
from ais.gui.gl.state import drawing_state
from ais.gui.gl.texture import FORMATS, Texture2D


class Framebuffer(GlObject):
    """One texture as the place that is drawn into. The texture stays its maker's."""

    kind: ClassVar[str] = "framebuffer"

    def __init__(self, texture: Texture2D) -> None:
        super().__init__(int(GL.glGenFramebuffers(1)))
        self.texture = texture
        GL.glBindFramebuffer(GL.GL_FRAMEBUFFER, self.name)
        GL.glFramebufferTexture2D(GL.GL_FRAMEBUFFER, GL.GL_COLOR_ATTACHMENT0, GL.GL_TEXTURE_2D, texture.name, 0)
        status = int(GL.glCheckFramebufferStatus(GL.GL_FRAMEBUFFER))
        if status != GL.GL_FRAMEBUFFER_COMPLETE:
            self.release()
            raise GraphicsError(
                f"The graphics driver cannot draw into pictures of kind {texture.pixels} (0x{status:04x}): "
                "update the driver."
            )

    def bind(self) -> None:
        """Draw into the texture, all of it, from now on."""
        GL.glBindFramebuffer(GL.GL_FRAMEBUFFER, self.name)
        GL.glViewport(0, 0, self.texture.width, self.texture.height)

    def read(self) -> NDArray[Any]:
        """What the texture holds.

        Returns
        -------
        ndarray
            (rows, columns) or (rows, columns, 4) of the texture's dtype, first row first.
        """
        texture = self.texture
        form = FORMATS[texture.pixels]
        values = np.empty((texture.height, texture.width, form.channels), form.dtype)
        GL.glBindFramebuffer(GL.GL_FRAMEBUFFER, self.name)
        GL.glPixelStorei(GL.GL_PACK_ALIGNMENT, 1)
        RAW_1_0.glReadPixels(
            0, 0, texture.width, texture.height, form.layout, form.type, ctypes.c_void_p(values.ctypes.data)
        )
        GL.glPixelStorei(GL.GL_PACK_ALIGNMENT, 4)
        return values if form.channels > 1 else values[:, :, 0]

    def show(self, left: int, bottom: int) -> None:
        """Copy the texture, whose first row is its top, to the window.

        Parameters
        ----------
        left, bottom
            Of the copy in the window's frame buffer, in pixels from its lower left corner.
        """
        rows, columns = self.texture.shape
        with drawing_state(0):
            GL.glBindFramebuffer(GL.GL_READ_FRAMEBUFFER, self.name)
            GL.glBindFramebuffer(GL.GL_DRAW_FRAMEBUFFER, 0)
            upside_down = (left, bottom + rows, left + columns, bottom)
            GL.glBlitFramebuffer(0, 0, columns, rows, *upside_down, GL.GL_COLOR_BUFFER_BIT, GL.GL_NEAREST)

    def _delete(self, name: int) -> None:
        GL.glDeleteFramebuffers(1, [name])
