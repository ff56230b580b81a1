"""Drawing over a whole texture: one triangle that covers it, without any vertex data."""

from __future__ import annotations

from typing import ClassVar

from ais.gui.gl.binding import GL
from ais.gui.gl.objects import GlObject


class FullScreenTriangle(GlObject):
    """The vertex array of the triangle that `screen.vert` computes from the vertices' numbers."""

    kind: ClassVar[str] = "vertex array"

    def __init__(self) -> None:
        super().__init__(int(GL.glGenVertexArrays(1)))

    def draw(self) -> None:
        """Run the program in use on every pixel of the bound framebuffer (inside the scissor, if that is on)."""
        GL.glBindVertexArray(self.name)
        GL.glDrawArrays(GL.GL_TRIANGLES, 0, 3)

    def draw_strip(self, corners: int) -> None:
        """Run the program in use on a strip of triangles that its vertex shader computes from the vertices' numbers."""
        GL.glBindVertexArray(self.name)
        GL.glDrawArrays(GL.GL_TRIANGLE_STRIP, 0, corners)

    def draw_corners(self, corners: int) -> None:
        """The same for triangles of three corners each."""
        GL.glBindVertexArray(self.name)
        GL.glDrawArrays(GL.GL_TRIANGLES, 0, corners)

    def _delete(self, name: int) -> None:
        GL.glDeleteVertexArrays(1, [name])
