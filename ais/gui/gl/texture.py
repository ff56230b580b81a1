"""Two-dimensional textures, filled from arrays as a whole or in part."""

from __future__ import annotations

import ctypes
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, ClassVar, Literal, NamedTuple

import numpy as np
from numpy.typing import DTypeLike, NDArray

from ais.gui.gl.binding import GL, RAW_1_0, RAW_1_1, GraphicsError
from ais.gui.gl.objects import GlObject

TextureFormat = Literal["r8", "r16f", "r32f", "rgba8", "rgba16f", "rgba32f", "rg32ui", "depth"]


class _Layout(NamedTuple):
    internal: int
    layout: int
    type: int
    dtype: DTypeLike
    channels: int


FORMATS: dict[TextureFormat, _Layout] = {
    "r8": _Layout(GL.GL_R8, GL.GL_RED, GL.GL_UNSIGNED_BYTE, np.uint8, 1),
    "r16f": _Layout(GL.GL_R16F, GL.GL_RED, GL.GL_HALF_FLOAT, np.float16, 1),
    "r32f": _Layout(GL.GL_R32F, GL.GL_RED, GL.GL_FLOAT, np.float32, 1),
    "rgba8": _Layout(GL.GL_RGBA8, GL.GL_RGBA, GL.GL_UNSIGNED_BYTE, np.uint8, 4),
    "rgba16f": _Layout(GL.GL_RGBA16F, GL.GL_RGBA, GL.GL_HALF_FLOAT, np.float16, 4),
    "rgba32f": _Layout(GL.GL_RGBA32F, GL.GL_RGBA, GL.GL_FLOAT, np.float32, 4),
    "rg32ui": _Layout(GL.GL_RG32UI, GL.GL_RG_INTEGER, GL.GL_UNSIGNED_INT, np.uint32, 2),
    "depth": _Layout(GL.GL_DEPTH_COMPONENT32F, GL.GL_DEPTH_COMPONENT, GL.GL_FLOAT, np.float32, 1),
}


def max_texture_size() -> int:
    """The largest width and height of a texture that the driver takes, in pixels."""
    return int(GL.glGetIntegerv(GL.GL_MAX_TEXTURE_SIZE))


class Texture2D(GlObject):
    """A picture in the graphics driver's memory, clamped to its edge.

    Parameters
    ----------
    width, height
        In pixels, at least 1.
    pixels
        What a pixel holds: one or four channels of bytes (0-1 in a shader) or floats, two whole numbers, or a depth.

    Raises
    ------
    GraphicsError
        If the driver does not take this size.
    """

    kind: ClassVar[str] = "texture"

    def __init__(self, width: int, height: int, pixels: TextureFormat) -> None:
        limit = max_texture_size()
        if not (1 <= width <= limit and 1 <= height <= limit):
            raise GraphicsError(
                f"The graphics driver takes pictures of at most {limit} x {limit} pixels, not {width} x {height}."
            )
        super().__init__(int(GL.glGenTextures(1)))
        self.width = width
        self.height = height
        self.pixels: TextureFormat = pixels
        self._smooth = False
        self._format = FORMATS[pixels]
        with self._bound():
            self._create()

    @property
    def shape(self) -> tuple[int, int]:
        """(rows, columns)."""
        return self.height, self.width

    def upload(self, values: NDArray[Any], row: int = 0, column: int = 0) -> None:
        """Write an array into the texture, the whole or a rectangle of it.

        Parameters
        ----------
        values
            (rows, columns) or, with four channels, (rows, columns, 4); of the texture's own dtype. A part of a
            larger array is taken as it is, without a copy, if its pixels lie side by side.
        row, column
            Where its first pixel goes.

        Raises
        ------
        ValueError
            If it has another dtype or channel count, or does not fit.
        """
        form = self._format
        channels = 1 if values.ndim == 2 else values.shape[2]
        if values.dtype != form.dtype or channels != form.channels:
            raise ValueError(f"{values.dtype} with {channels} channels into a texture of {self.pixels}")
        rows, columns = values.shape[:2]
        if row < 0 or column < 0 or row + rows > self.height or column + columns > self.width:
            raise ValueError(f"{rows} x {columns} at {row}, {column} does not fit into {self.height} x {self.width}")
        if not (rows and columns):
            return
        values, row_length = _rows_of_one_length(values)
        with self._bound():
            GL.glPixelStorei(GL.GL_UNPACK_ALIGNMENT, 1)
            GL.glPixelStorei(GL.GL_UNPACK_ROW_LENGTH, row_length)
            start = ctypes.c_void_p(values.ctypes.data)
            RAW_1_1.glTexSubImage2D(GL.GL_TEXTURE_2D, 0, column, row, columns, rows, form.layout, form.type, start)
            GL.glPixelStorei(GL.GL_UNPACK_ROW_LENGTH, 0)
            GL.glPixelStorei(GL.GL_UNPACK_ALIGNMENT, 4)

    def smooth(self, on: bool) -> None:
        """Whether a shader reads between the pixels (linear) or the nearest of them."""
        if on != self._smooth:
            self._smooth = on
            value = GL.GL_LINEAR if on else GL.GL_NEAREST
            with self._bound():
                GL.glTexParameteri(GL.GL_TEXTURE_2D, GL.GL_TEXTURE_MIN_FILTER, value)
                GL.glTexParameteri(GL.GL_TEXTURE_2D, GL.GL_TEXTURE_MAG_FILTER, value)

    def keep_smaller_copies(self) -> None:
        """Make copies of half the size, a quarter and so on of what it holds now.

        A shader that reads it with `textureLod` at level n then gets the mean of about 2^n x 2^n pixels.
        """
        with self._bound():
            GL.glTexParameteri(GL.GL_TEXTURE_2D, GL.GL_TEXTURE_MAX_LEVEL, max(self.width, self.height).bit_length() - 1)
            GL.glTexParameteri(GL.GL_TEXTURE_2D, GL.GL_TEXTURE_MIN_FILTER, GL.GL_LINEAR_MIPMAP_LINEAR)
            GL.glTexParameteri(GL.GL_TEXTURE_2D, GL.GL_TEXTURE_MAG_FILTER, GL.GL_LINEAR)
            GL.glGenerateMipmap(GL.GL_TEXTURE_2D)

    def show_as(self, what: Literal["grey", "opacity"]) -> None:
        """How a shader sees the one channel of the texture: as a grey, or as the opacity of white."""
        if self._format.channels != 1:
            raise ValueError(f"a texture of {self.pixels} is seen as it is")
        red, one = int(GL.GL_RED), int(GL.GL_ONE)
        seen = (red, red, red, one) if what == "grey" else (one, one, one, red)
        targets = (
            *(GL.GL_TEXTURE_SWIZZLE_R, GL.GL_TEXTURE_SWIZZLE_G),
            *(GL.GL_TEXTURE_SWIZZLE_B, GL.GL_TEXTURE_SWIZZLE_A),
        )
        with self._bound():
            for target, source in zip(targets, seen, strict=True):
                GL.glTexParameteri(GL.GL_TEXTURE_2D, target, source)

    def bind(self, unit: int) -> None:
        """Show it to shaders as texture number `unit`."""
        GL.glActiveTexture(GL.GL_TEXTURE0 + unit)
        GL.glBindTexture(GL.GL_TEXTURE_2D, self.name)

    def _create(self) -> None:
        for parameter, value in (
            (GL.GL_TEXTURE_MIN_FILTER, GL.GL_NEAREST),
            (GL.GL_TEXTURE_MAG_FILTER, GL.GL_NEAREST),
            (GL.GL_TEXTURE_WRAP_S, GL.GL_CLAMP_TO_EDGE),
            (GL.GL_TEXTURE_WRAP_T, GL.GL_CLAMP_TO_EDGE),
            (GL.GL_TEXTURE_MAX_LEVEL, 0),
        ):
            GL.glTexParameteri(GL.GL_TEXTURE_2D, parameter, value)
        form = self._format
        RAW_1_0.glTexImage2D(
            GL.GL_TEXTURE_2D, 0, form.internal, self.width, self.height, 0, form.layout, form.type, ctypes.c_void_p(0)
        )

    @contextmanager
    def _bound(self) -> Iterator[None]:
        """The texture bound to the active unit, and then what was bound before: it may be another drawing's."""
        before = int(GL.glGetIntegerv(GL.GL_TEXTURE_BINDING_2D))
        GL.glBindTexture(GL.GL_TEXTURE_2D, self.name)
        yield
        GL.glBindTexture(GL.GL_TEXTURE_2D, before)

    def _delete(self, name: int) -> None:
        GL.glDeleteTextures([name])


def _rows_of_one_length(values: NDArray[Any]) -> tuple[NDArray[Any], int]:
    """The array as OpenGL can read it, and how many pixels lie between the beginnings of two rows."""
    channels = 1 if values.ndim == 2 else values.shape[2]
    pixel = values.itemsize * channels
    inner = values.strides[1] == pixel and (values.ndim == 2 or values.strides[2] == values.itemsize)
    step = values.strides[0]
    if not inner or step % pixel or step < pixel * values.shape[1]:
        values = np.ascontiguousarray(values)
        step = values.strides[0]
    return values, max(step // pixel, values.shape[1])
