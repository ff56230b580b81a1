"""Several textures that are drawn into at once, with a depth."""

from __future__ import annotations

import ctypes
from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from ais.gui.gl.binding import GL, RAW_1_0, GraphicsError
from ais.gui.gl.objects import GlObject
from ais.gui.gl.texture import FORMATS, Texture2D


class DrawTarget(GlObject):
    """What a fragment shader's outputs and the depth go to. The textures stay their maker's.

    Parameters
    ----------
    colours
        At least one, all of one size; output 0 goes to the first.
    depth
        A texture of kind "depth" and of their size; None to draw without.
    """

    kind: ClassVar[str] = "framebuffer"

    def __init__(self, colours: Sequence[Texture2D], depth: Texture2D | None = None) -> None:
        super().__init__(int(GL.glGenFramebuffers(1)))
        self.colours = tuple(colours)
        self.depth = depth
        GL.glBindFramebuffer(GL.GL_FRAMEBUFFER, self.name)
        places = [GL.GL_COLOR_ATTACHMENT0 + index for index in range(len(self.colours))]
        for place, texture in zip(places, self.colours, strict=True):
            GL.glFramebufferTexture2D(GL.GL_FRAMEBUFFER, place, GL.GL_TEXTURE_2D, texture.name, 0)
        if depth is not None:
            place = GL.GL_DEPTH_ATTACHMENT
            GL.glFramebufferTexture2D(GL.GL_FRAMEBUFFER, place, GL.GL_TEXTURE_2D, depth.name, 0)
        GL.glDrawBuffers(len(places), places)
        status = int(GL.glCheckFramebufferStatus(GL.GL_FRAMEBUFFER))
        if status != GL.GL_FRAMEBUFFER_COMPLETE:
            self.release()
            kinds = ", ".join(texture.pixels for texture in self.colours)
            raise GraphicsError(
                f"The graphics driver cannot draw into pictures of kind {kinds} (0x{status:04x}): update the driver."
            )

    def bind(self) -> None:
        """Draw into the textures, all of them and as a whole, from now on."""
        GL.glBindFramebuffer(GL.GL_FRAMEBUFFER, self.name)
        GL.glViewport(0, 0, self.colours[0].width, self.colours[0].height)

    def clear(self, *values: tuple[float, float, float, float], depth: bool = True) -> None:
        """Fill each texture with a value, whole numbers where it holds such. The target must be bound.

        Parameters
        ----------
        *values
            For each texture.
        depth
            Whether the depth, if there is any, becomes the farthest.
        """
        for index, (texture, value) in enumerate(zip(self.colours, values, strict=True)):
            if texture.pixels == "rg32ui":
                GL.glClearBufferuiv(GL.GL_COLOR, index, np.array(value, np.uint32))
            else:
                GL.glClearBufferfv(GL.GL_COLOR, index, np.array(value, np.float32))
        if depth and self.depth is not None:
            GL.glClearBufferfv(GL.GL_DEPTH, 0, np.ones(1, np.float32))

    def read(self, x: int, y: int, width: int, height: int) -> NDArray[Any]:
        """A rectangle of the first texture: (height, width, channels) of its dtype."""
        form = FORMATS[self.colours[0].pixels]
        values = np.empty((height, width, form.channels), form.dtype)
        self._read(x, y, values, form.layout, form.type)
        return values

    def read_depth(self, x: int, y: int, width: int, height: int) -> NDArray[np.float32]:
        """A rectangle of the depth: (height, width), 0 at the nearest and 1 at the farthest."""
        values = np.empty((height, width), np.float32)
        self._read(x, y, values, GL.GL_DEPTH_COMPONENT, GL.GL_FLOAT)
        return values

    def _read(self, x: int, y: int, values: NDArray[Any], layout: int, kind: int) -> None:
        GL.glBindFramebuffer(GL.GL_FRAMEBUFFER, self.name)
        GL.glReadBuffer(GL.GL_COLOR_ATTACHMENT0)
        GL.glPixelStorei(GL.GL_PACK_ALIGNMENT, 1)
        start = ctypes.c_void_p(values.ctypes.data)
        RAW_1_0.glReadPixels(x, y, values.shape[1], values.shape[0], layout, kind, start)
        GL.glPixelStorei(GL.GL_PACK_ALIGNMENT, 4)

    def _delete(self, name: int) -> None:
        GL.glDeleteFramebuffers(1, [name])
