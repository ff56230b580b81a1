"""Pictures packed four pixels to one in the graphics driver, and the passes that make one of another."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from ais.gui.gl.binding import GL
from ais.gui.gl.framebuffer import Framebuffer
from ais.gui.gl.program import ProgramCache, Uniform
from ais.gui.gl.texture import Texture2D
from ais.gui.gl.triangle import FullScreenTriangle

PACKED = 4

Region = tuple[int, int, int, int]
"""(first block, first row, blocks, rows)."""


class PackedPicture:
    """A picture of float32 whose pixels hold four neighbours of a row each.

    Parameters
    ----------
    shape
        (rows, columns) of the picture.
    """

    def __init__(self, shape: tuple[int, int]) -> None:
        self.shape = shape
        self.texture = Texture2D(-(-shape[1] // PACKED), shape[0], "rgba32f")
        self.target = Framebuffer(self.texture)

    def upload(self, values: NDArray[np.float32]) -> None:
        """Fill it from (rows, columns), C-contiguous."""
        rows, columns = self.shape
        if columns % PACKED:
            padded = np.zeros((rows, self.texture.width * PACKED), np.float32)
            padded[:, :columns] = values
            values = padded
        self.texture.upload(values.reshape(rows, self.texture.width, PACKED))

    def release(self) -> None:
        """Free it."""
        self.target.release()
        self.texture.release()


class PackedPass:
    """Runs a filter's shader over a picture: fast inside, with mirrored pixels at the edges.

    Parameters
    ----------
    programs
        Where the shaders are compiled.
    triangle
        What is drawn.
    """

    def __init__(self, programs: ProgramCache, triangle: FullScreenTriangle) -> None:
        self._programs = programs
        self._triangle = triangle

    def run(
        self,
        shader: str,
        source: PackedPicture,
        target: PackedPicture,
        inside: Region,
        uniforms: Mapping[str, Uniform],
        definitions: Mapping[str, int | str] | None = None,
        inside_definitions: Mapping[str, int | str] | None = None,
        base: PackedPicture | None = None,
    ) -> None:
        """Fill `target` from `source`.

        Parameters
        ----------
        shader
            File name of the fragment shader.
        source, target
            Two different pictures.
        inside
            The part of `target` that needs nothing from beyond the edge of `source`.
        uniforms, definitions
            For the shader.
        inside_definitions
            More definitions for the shader that draws the inside; not for the one at the edges.
        base
            The picture that the result is mixed with; by default `source` (which then needs the target's shape).
        """
        target.target.bind()
        (base or source).texture.bind(1)
        source.texture.bind(0)
        width, height = target.texture.width, target.texture.height
        x, y, columns, rows = inside
        columns, rows = max(columns, 0), max(rows, 0)
        if not (columns and rows):
            x = y = columns = rows = 0
        border = [
            (0, 0, width, y),
            (0, y + rows, width, height - y - rows),
            (0, y, x, rows),
            (x + columns, y, width - x - columns, rows),
        ]
        GL.glEnable(GL.GL_SCISSOR_TEST)
        for edge, regions in ((0, [(x, y, columns, rows)]), (1, border)):
            drawn = [region for region in regions if region[2] > 0 and region[3] > 0]
            if not drawn:
                continue
            more = {} if edge else inside_definitions or {}
            program = self._programs.get(shader, EDGE=edge, **(definitions or {}), **more)
            program.set("source", 0)
            program.set("base", 1)
            program.set("last", (source.shape[1] - 1, source.shape[0] - 1))
            for name, value in uniforms.items():
                program.set(name, value)
            for region in drawn:
                GL.glScissor(*region)
                self._triangle.draw()
        GL.glDisable(GL.GL_SCISSOR_TEST)


def inside_of(picture: PackedPicture, columns: int, rows: int) -> Region:
    """The part of a picture from which a filter that reaches some columns and rows stays inside."""
    blocks = -(-columns // PACKED)
    full = picture.shape[1] // PACKED if columns else picture.texture.width
    return blocks, rows, full - 2 * blocks, picture.shape[0] - 2 * rows


def inside_halved(source: PackedPicture, target: PackedPicture) -> Region:
    """The part of a halved picture that needs only what is inside the larger one."""
    rows = min((source.shape[0] - 3) // 2, target.shape[0] - 1)
    blocks = min((source.shape[1] // PACKED - 3) // 2, target.texture.width - 1)
    return 1, 1, blocks, rows


def inside_enlarged(source: PackedPicture, target: PackedPicture) -> Region:
    """The part of an enlarged picture that needs only what is inside the halved one."""
    rows = min(2 * source.shape[0] - 2, target.shape[0] - 1)
    blocks = min(2 * (source.shape[1] // PACKED) - 2, target.texture.width - 1)
    return 1, 1, blocks, rows
