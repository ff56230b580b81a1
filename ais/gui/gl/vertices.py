"""Vertices in the graphics driver's memory, and how a shader reads them."""

from __future__ import annotations

import ctypes
from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from ais.gui.gl.binding import GL
from ais.gui.gl.objects import GlObject


class Buffer(GlObject):
    """An array in the graphics driver, sent once.

    Parameters
    ----------
    values
        float32 or uint32 or int32; not empty.
    """

    kind: ClassVar[str] = "buffer"

    def __init__(self, values: NDArray[Any]) -> None:
        super().__init__(int(GL.glGenBuffers(1)))
        values = np.ascontiguousarray(values)
        # As a vertex buffer, also for faces: the binding of faces belongs to the vertex array that is bound.
        GL.glBindBuffer(GL.GL_ARRAY_BUFFER, self.name)
        GL.glBufferData(GL.GL_ARRAY_BUFFER, values.nbytes, ctypes.c_void_p(values.ctypes.data), GL.GL_STATIC_DRAW)
        GL.glBindBuffer(GL.GL_ARRAY_BUFFER, 0)

    def _delete(self, name: int) -> None:
        GL.glDeleteBuffers(1, [name])


class VertexArray(GlObject):
    """Which buffer feeds which input of a vertex shader; it owns the buffers.

    Parameters
    ----------
    per_vertex, per_instance
        Arrays (n,) or (n, k) in the order of the shader's locations, those of the instances after those of the
        vertices; whole numbers are whole numbers in the shader.
    faces
        (m, 3) indices, int32.
    """

    kind: ClassVar[str] = "vertex array"

    def __init__(
        self,
        per_vertex: Sequence[NDArray[Any]],
        per_instance: Sequence[NDArray[Any]] = (),
        faces: NDArray[np.int32] | None = None,
    ) -> None:
        super().__init__(int(GL.glGenVertexArrays(1)))
        self._buffers = [Buffer(values) for values in (*per_vertex, *per_instance)]
        self._instanced: list[tuple[int, NDArray[Any], Buffer]] = []
        GL.glBindVertexArray(self.name)
        for location, (values, buffer) in enumerate(zip((*per_vertex, *per_instance), self._buffers, strict=True)):
            _feed(location, values, buffer)
            GL.glEnableVertexAttribArray(location)
            if location >= len(per_vertex):
                GL.glVertexAttribDivisor(location, 1)
                self._instanced.append((location, values[:1], buffer))
        GL.glBindBuffer(GL.GL_ARRAY_BUFFER, 0)
        if faces is not None:
            self._buffers.append(Buffer(faces))
            GL.glBindBuffer(GL.GL_ELEMENT_ARRAY_BUFFER, self._buffers[-1].name)
        GL.glBindVertexArray(0)

    def draw_faces(self, first: int, count: int) -> None:
        """Draw `count` triangles from number `first` on."""
        GL.glBindVertexArray(self.name)
        GL.glDrawElements(GL.GL_TRIANGLES, 3 * count, GL.GL_UNSIGNED_INT, ctypes.c_void_p(12 * first))

    def draw_instances(self, faces: int, first: int, instances: int) -> None:
        """Draw the first `faces` triangles for some instances, from number `first` on."""
        self._begin_at(first)
        GL.glDrawElementsInstanced(GL.GL_TRIANGLES, 3 * faces, GL.GL_UNSIGNED_INT, ctypes.c_void_p(0), instances)

    def draw_points(self, count: int) -> None:
        """Draw the first vertices as points, of the size that the vertex shader gives."""
        GL.glBindVertexArray(self.name)
        GL.glEnable(GL.GL_PROGRAM_POINT_SIZE)
        GL.glDrawArrays(GL.GL_POINTS, 0, count)
        GL.glDisable(GL.GL_PROGRAM_POINT_SIZE)

    def draw_corners(self, count: int) -> None:
        """Draw the first vertices as triangles, three of them each."""
        GL.glBindVertexArray(self.name)
        GL.glDrawArrays(GL.GL_TRIANGLES, 0, count)

    def draw_strips(self, vertices: int, first: int, instances: int) -> None:
        """Draw a strip of triangles of `vertices` corners, told apart by their number alone, for some instances."""
        self._begin_at(first)
        GL.glDrawArraysInstanced(GL.GL_TRIANGLE_STRIP, 0, vertices, instances)

    def _begin_at(self, instance: int) -> None:
        # OpenGL 3.3 always counts instances from 0: their data are read from further on instead.
        GL.glBindVertexArray(self.name)
        for location, values, buffer in self._instanced:
            _feed(location, values, buffer, instance * values.strides[0])
        GL.glBindBuffer(GL.GL_ARRAY_BUFFER, 0)

    def release(self) -> None:
        """Give it and its buffers back to the driver."""
        for buffer in self._buffers:
            buffer.release()
        super().release()

    def _delete(self, name: int) -> None:
        GL.glDeleteVertexArrays(1, [name])


def _feed(location: int, values: NDArray[Any], buffer: Buffer, start: int = 0) -> None:
    GL.glBindBuffer(GL.GL_ARRAY_BUFFER, buffer.name)
    count = 1 if values.ndim == 1 else values.shape[1]
    if values.dtype.kind == "f":
        GL.glVertexAttribPointer(location, count, GL.GL_FLOAT, False, 0, ctypes.c_void_p(start))
    else:
        GL.glVertexAttribIPointer(location, count, GL.GL_UNSIGNED_INT, 0, ctypes.c_void_p(start))
