"""Images of a light microscope over the picture of a slice: their textures, and how they are drawn."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ais.fluorescence import Affine, Blend, placing
from ais.gui.display import Placement, Plane
from ais.gui.editor import Editor
from ais.gui.fluorescence import ShownOverlay
from ais.gui.gl.binding import GL
from ais.gui.gl.program import ProgramCache
from ais.gui.gl.texture import Texture2D
from ais.gui.gl.triangle import FullScreenTriangle
from ais.gui.views.overlay import reduction_for

Row = tuple[float, float, float]

EVERYWHERE = (-1e9, -1e9, 1e9, 1e9)
FADED = 0.35
"""Of its opacity, while a landmark that was begun in the image is to be set in the tomogram below."""

MODES: dict[Blend, int] = {"sum": 0, "overlay": 1, "colourize": 2, "mask": 3}


@dataclass(frozen=True)
class ImageLayer:
    """An image over the picture of a slice.

    Attributes
    ----------
    texture
        Its light, colours multiplied by the brightness.
    version
        Another one whenever what is in the texture has changed.
    across, down
        From (column, row, 1) of the picture to the column, and to the row, of the image.
    within
        The columns and rows of the picture where it may be seen: first column, first row, last column, last row.
    blend
        How it is laid over what is below.
    opacity
        0 to 1.
    """

    texture: Texture2D
    version: int
    across: Row
    down: Row
    within: tuple[float, float, float, float]
    blend: Blend
    opacity: float


@dataclass
class _Kept:
    """A texture, and what is in it."""

    texture: Texture2D
    pixels: object
    version: int
    reduction: int


class ImageTextures:
    """The images of a tomogram in the graphics driver, shared by all planes."""

    def __init__(self) -> None:
        self._kept: dict[str, _Kept] = {}
        self._versions = 0

    def layers(self, editor: Editor, plane: Plane, position: int) -> list[ImageLayer]:
        """What is seen of the images in a slice of a plane, as it is drawn, the lowest first."""
        shown = editor.fluorescence.shown()
        for key in self._kept.keys() - {one.overlay.key for one in shown}:
            self._kept.pop(key).texture.release()
        return [layer for one in shown if (layer := self._layer(editor, one, plane, position)) is not None]

    def release(self) -> None:
        """Free all textures."""
        for kept in self._kept.values():
            kept.texture.release()
        self._kept.clear()

    def _layer(self, editor: Editor, shown: ShownOverlay, plane: Plane, position: int) -> ImageLayer | None:
        overlay = shown.overlay
        if (plane == "xy" and not overlay.over(position)) or not placing.is_usable(shown.to_tomogram):
            return None
        kept = self._filled(shown)
        affine = placing.of_reduced(shown.to_tomogram, kept.reduction)
        across, down = seen_in(placing.inverse(affine), plane, position)
        within = EVERYWHERE
        if plane != "xy" and editor.shown is not None:
            z0, z1 = overlay.z_range or (0, editor.shown.shape[0])
            low, high = max(z0, 0) - 0.5, min(z1, editor.shown.shape[0]) - 0.5
            within = (-1e9, low, 1e9, high) if plane == "xz" else (low, -1e9, high, 1e9)
        waiting = editor.fluorescence.pending is not None and overlay.key == editor.fluorescence.selected
        opacity = overlay.opacity * (FADED if waiting else 1.0)
        return ImageLayer(kept.texture, kept.version, across, down, within, overlay.blend, opacity)

    def _filled(self, shown: ShownOverlay) -> _Kept:
        """The texture of an image; what a driver does not take as large is shrunk."""
        key, kept = shown.overlay.key, self._kept.get(shown.overlay.key)
        if kept is not None and kept.pixels is shown.pixels:
            return kept
        by = reduction_for((shown.pixels.shape[0], shown.pixels.shape[1]))
        pixels = shown.pixels if by == 1 else np.ascontiguousarray(shown.pixels[by // 2 :: by, by // 2 :: by])
        if kept is not None and kept.texture.shape != pixels.shape[:2]:
            kept.texture.release()
            kept = None
        texture = kept.texture if kept is not None else Texture2D(pixels.shape[1], pixels.shape[0], "rgba8")
        texture.upload(pixels)
        texture.keep_smaller_copies()
        self._versions += 1
        self._kept[key] = _Kept(texture, shown.pixels, self._versions, by)
        return self._kept[key]


def seen_in(to_image: Affine, plane: Plane, position: int) -> tuple[Row, Row]:
    """From (column, row, 1) of a plane's picture as it is drawn to the column, and to the row, of an image.

    Across the slices a picture shows the line of the image that the plane cuts; YZ is drawn turned, its columns are z.
    """
    rows: list[Row] = []
    for a, b, c in to_image:
        if plane == "xy":
            rows.append((a, b, c))
        elif plane == "xz":
            rows.append((a, 0.0, c + b * position))
        else:
            rows.append((0.0, b, c + a * position))
    return rows[0], rows[1]


def draw_images(
    layers: Sequence[ImageLayer],
    programs: ProgramCache,
    triangle: FullScreenTriangle,
    view: tuple[int, int],
    placement: Placement,
) -> None:
    """Draw images over what is in the bound framebuffer.

    Parameters
    ----------
    layers
        The lowest first.
    programs, triangle
        Of whoever draws.
    view
        (width, height) in screen pixels.
    placement
        Where the slice lies in the view.
    """
    step = 1 / placement.scale
    for layer in layers:
        shrunk = step * math.sqrt(abs(layer.across[0] * layer.down[1] - layer.across[1] * layer.down[0]))
        program = programs.get("fluorescence.frag", MODE=MODES[layer.blend])
        program.set("view", (float(view[0]), float(view[1])))
        program.set("centre", (float(placement.column), float(placement.row)))
        program.set("step_px", step)
        program.set("across", tuple(float(value) for value in layer.across))
        program.set("down", tuple(float(value) for value in layer.down))
        program.set("within", tuple(float(value) for value in layer.within))
        program.set("size", (float(layer.texture.width), float(layer.texture.height)))
        program.set("opacity", float(layer.opacity))
        program.set("level", math.log2(max(shrunk, 1.0)))
        program.set("image", 0)
        layer.texture.bind(0)
        GL.glEnable(GL.GL_BLEND)
        GL.glBlendEquation(GL.GL_FUNC_ADD)
        if layer.blend == "sum":
            GL.glBlendFunc(GL.GL_ONE, GL.GL_ONE)
        elif layer.blend == "overlay":
            GL.glBlendFunc(GL.GL_ONE, GL.GL_ONE_MINUS_SRC_ALPHA)
        else:
            GL.glBlendFunc(GL.GL_DST_COLOR, GL.GL_ZERO)
        triangle.draw()
    GL.glDisable(GL.GL_BLEND)
