"""Pixels that go from one texture to another of a different layout without leaving the graphics driver."""

from __future__ import annotations

import ctypes
from typing import ClassVar

from ais.gui.gl.binding import GL, RAW_1_0, RAW_1_1
from ais.gui.gl.framebuffer import Framebuffer
from ais.gui.gl.objects import GlObject
from ais.gui.gl.texture import FORMATS, Texture2D


class PixelBuffer(GlObject):
    """Memory in the graphics driver that takes the place of an array."""

    kind: ClassVar[str] = "pixel buffer"

    def __init__(self) -> None:
        super().__init__(int(GL.glGenBuffers(1)))
        self._bytes = 0

    def unpack(self, source: Framebuffer, target: Texture2D) -> None:
        """Lay four pixels side by side in one of `source` out as four pixels of `target`.

        Parameters
        ----------
        source
            A framebuffer with a texture of four float channels, (rows, ceil(columns / 4)).
        target
            A texture of one float channel, (rows, columns).
        """
        texture, form = source.texture, FORMATS[source.texture.pixels]
        needed = texture.width * texture.height * 16
        GL.glBindBuffer(GL.GL_PIXEL_PACK_BUFFER, self.name)
        if needed != self._bytes:
            GL.glBufferData(GL.GL_PIXEL_PACK_BUFFER, needed, None, GL.GL_STREAM_COPY)
            self._bytes = needed
        GL.glBindFramebuffer(GL.GL_FRAMEBUFFER, source.name)
        start = ctypes.c_void_p(0)
        RAW_1_0.glReadPixels(0, 0, texture.width, texture.height, form.layout, form.type, start)
        GL.glBindBuffer(GL.GL_PIXEL_PACK_BUFFER, 0)
        GL.glBindBuffer(GL.GL_PIXEL_UNPACK_BUFFER, self.name)
        GL.glBindTexture(GL.GL_TEXTURE_2D, target.name)
        GL.glPixelStorei(GL.GL_UNPACK_ROW_LENGTH, 4 * texture.width)
        RAW_1_1.glTexSubImage2D(GL.GL_TEXTURE_2D, 0, 0, 0, target.width, target.height, GL.GL_RED, GL.GL_FLOAT, start)
        GL.glPixelStorei(GL.GL_UNPACK_ROW_LENGTH, 0)
        GL.glBindBuffer(GL.GL_PIXEL_UNPACK_BUFFER, 0)

    def _delete(self, name: int) -> None:
        GL.glDeleteBuffers(1, [name])
