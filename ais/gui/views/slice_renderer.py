"""Draws one slice with contrast, display filters and masks into a texture of its view's size."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ais.gui.display import Contrast, DisplayFilter, Placement
from ais.gui.gl.binding import GL
from ais.gui.gl.framebuffer import Framebuffer
from ais.gui.gl.program import Program, ProgramCache
from ais.gui.gl.state import drawing_state
from ais.gui.gl.texture import Texture2D
from ais.gui.gl.triangle import FullScreenTriangle
from ais.gui.views.filter_stack import FilterStack
from ais.gui.views.image_layers import ImageLayer, draw_images
from ais.gui.views.overlay import Overlay, joined, reduction_for

Colour = tuple[float, float, float]
Region = tuple[int, int, int, int]

OUTLINE_PX = 1.5
"""Width of an outline in screen pixels."""

MAX_LAYERS = 8
"""Masks per drawing pass; the graphics driver promises 16 textures, one of which is the slice."""

MAX_TAPS = 8
"""Samples along one side of a screen pixel at most, each of which averages two picture pixels."""

_LEAST = 1 / 510
"""What a value of a mask must reach to belong to it: half a step of a byte."""


class SliceRenderer:
    """The picture of one slice. All methods need the window's OpenGL context; OpenGL's state is left as it was.

    A slice larger than the graphics driver's textures is kept shrunk by a whole number (`reduction`), each pixel the
    mean of a block; display filters then work on that copy, with sizes in the slice's own pixels all the same.

    Parameters
    ----------
    programs
        Compiled shaders, to be shared among views; by default the renderer's own.
    limit
        The largest width and height of a texture; by default the driver's.
    """

    def __init__(self, programs: ProgramCache | None = None, limit: int | None = None) -> None:
        self._own_programs = programs is None
        self._programs = ProgramCache() if programs is None else programs
        self._limit = limit
        self._triangle = FullScreenTriangle()
        self._filters = FilterStack(self._programs, self._triangle)
        self._shape = (1, 1)
        self._view: Texture2D | None = None
        self._target: Framebuffer | None = None
        self._drawn: Any = None
        self._versions: list[int] = []
        self.reduction = 1
        self.set_image(np.zeros((1, 1), np.float32))

    @property
    def shape(self) -> tuple[int, int]:
        """(rows, columns) of the slice."""
        return self._shape

    def set_image(self, image: NDArray[np.float32]) -> None:
        """Show another slice, from the next `draw` on. Call it only when the slice has changed.

        Parameters
        ----------
        image
            (rows, columns), at least one pixel, in any units. What is not a finite number is shown, and filtered, as
            the mean of the rest. The array is not copied: it must not change afterwards.
        """
        self._shape = (image.shape[0], image.shape[1])
        self.reduction = reduction_for(self._shape, self._limit)
        self._filters.set_image(image, self.reduction)

    def set_filters(self, filters: Sequence[DisplayFilter]) -> None:
        """Choose the display filters, first one first; computed by the next `draw` if they have changed."""
        self._filters.set_filters(filters)

    def draw(
        self,
        width: int,
        height: int,
        placement: Placement,
        contrast: Contrast,
        interpolate: bool = True,
        overlays: Sequence[Overlay] = (),
        background: Colour = (0.0, 0.0, 0.0),
        outline_px: float = OUTLINE_PX,
        images: Sequence[ImageLayer] = (),
    ) -> Texture2D:
        """The view's picture; drawn anew only where something has changed since the last call.

        Parameters
        ----------
        width, height
            Of the view, in screen pixels.
        placement
            Where the slice lies in it; row 0 at the bottom.
        contrast
            What is black and white.
        interpolate
            Whether an enlarged slice is smooth instead of showing its pixels as squares. A shrunk one is always
            averaged.
        overlays
            First one at the bottom; their masks have the slice's shape. One with another shape (of the slice before)
            is left out.
        background
            Red, green, blue, 0 to 1, around the slice.
        outline_px
            Width of outlines in screen pixels.
        images
            Over the slice and below the masks, first one at the bottom.

        Returns
        -------
        Texture2D
            RGBA of the view's size, opaque, its first row at the top of the view: to be shown by Dear ImGui as it is,
            with the default texture coordinates. It stays valid until the next `draw` with another size, or `release`.
        """
        width, height = max(int(width), 1), max(int(height), 1)
        shown = [
            overlay
            for overlay in overlays
            if overlay.alpha > 0 and overlay.mask.shape == self._shape and overlay.mask.texture.name
        ]
        versions = [overlay.mask.version for overlay in shown]
        state = (
            (width, height, placement, contrast, interpolate, background, outline_px, self._filters.version),
            shown,
            list(images),
        )
        region = (0, 0, width, height)
        if self._view is not None and self._drawn == state:
            region = self._repainted(shown, outline_px, placement)
            if not (region[2] and region[3]):
                self._versions = versions
                return self._view
        with drawing_state(MAX_LAYERS + 1):
            picture = self._filters.result()
            view, target = self._sized(width, height)
            target.bind()
            GL.glEnable(GL.GL_SCISSOR_TEST)
            GL.glScissor(*region)
            # Filled ones first: a line is not covered by another feature's area.
            layers = [item for item in shown if not item.outline] + [item for item in shown if item.outline]
            batches = [layers[start : start + MAX_LAYERS] for start in range(0, len(layers), MAX_LAYERS)] or [[]]
            if images:  # they come between the slice and the first masks, which are else drawn at once
                batches = [[], *(batch for batch in batches if batch)]
            for index, batch in enumerate(batches):
                self._draw_batch(index == 0, batch, picture, placement, contrast, interpolate, background, outline_px)
                if index == 0:
                    draw_images(images, self._programs, self._triangle, (width, height), placement)
        self._drawn, self._versions = state, versions
        return view

    def read_back(self) -> NDArray[np.uint8]:
        """The picture that was drawn last.

        Returns
        -------
        ndarray of uint8
            (height, width, 4), red, green, blue, alpha; row 0 at the top of the view.

        Raises
        ------
        RuntimeError
            If nothing has been drawn yet.
        """
        if self._target is None:
            raise RuntimeError("nothing has been drawn yet")
        with drawing_state(0):
            return self._target.read()

    def show(self, left: int, bottom: int) -> None:
        """Copy the picture that was drawn last to the window, below all that Dear ImGui draws in this frame.

        Drawn in software, a copy takes half the time of a picture that Dear ImGui blends over the window.

        Parameters
        ----------
        left, bottom
            Of the view in the window's frame buffer, in pixels from its lower left corner.

        Raises
        ------
        RuntimeError
            If nothing has been drawn yet.
        """
        if self._target is None:
            raise RuntimeError("nothing has been drawn yet")
        self._target.show(left, bottom)

    def filtered(self) -> NDArray[np.float32]:
        """The slice after the display filters.

        Returns
        -------
        ndarray of float32
            (rows, columns), in the slice's units; divided by `reduction` if it is kept shrunk.
        """
        with drawing_state(MAX_LAYERS + 1):
            target = Framebuffer(self._filters.result())
            values = target.read()
            target.release()
        return values

    def release(self) -> None:
        """Free everything in the graphics driver; the renderer cannot be used afterwards."""
        self._filters.release()
        self._triangle.release()
        self._drop_view()
        if self._own_programs:
            self._programs.release()

    def _repainted(self, overlays: Sequence[Overlay], outline_px: float, placement: Placement) -> Region:
        """The part of the view, x, y, width and height, in which masks have changed since they were drawn."""
        if self._view is None:
            return 0, 0, 0, 0
        height, width = self._view.shape
        pairs = zip(overlays, self._versions, strict=True)
        row0, row1, column0, column1 = joined([overlay.mask.changed_since(version) for overlay, version in pairs])
        if row0 >= row1:
            return 0, 0, 0, 0
        left, bottom = placement.to_view(row0 - 0.5, column0 - 0.5, width, height)
        right, top = placement.to_view(row1 - 0.5, column1 - 0.5, width, height)
        # Lines lie on both sides of a border, and a smooth mask reaches into its neighbours.
        margin = outline_px + placement.scale * self.reduction + 1
        x0, x1 = (min(max(x, 0), width) for x in (math.floor(left - margin), math.ceil(right + margin)))
        y0, y1 = (min(max(y, 0), height) for y in (math.floor(top - margin), math.ceil(bottom + margin)))
        return x0, y0, x1 - x0, y1 - y0

    def _sized(self, width: int, height: int) -> tuple[Texture2D, Framebuffer]:
        if self._view is None or self._target is None or self._view.shape != (height, width):
            self._drop_view()
            self._view = Texture2D(width, height, "rgba8")
            # Shown at a position that may not be whole in the window: between its pixels is right.
            self._view.smooth(True)
            self._target = Framebuffer(self._view)
        return self._view, self._target

    def _drop_view(self) -> None:
        if self._target is not None:
            self._target.release()
        if self._view is not None:
            self._view.release()
        self._view = self._target = self._drawn = None

    def _draw_batch(
        self,
        base: bool,
        overlays: Sequence[Overlay],
        picture: Texture2D,
        placement: Placement,
        contrast: Contrast,
        interpolate: bool,
        background: Colour,
        outline_px: float,
    ) -> None:
        outlines = sum(overlay.outline for overlay in overlays)
        rows, columns = self._shape
        shown_scale = placement.scale * self.reduction
        shrunk = shown_scale < 1
        taps = min(math.ceil(1 / (2 * shown_scale)), MAX_TAPS)
        program = self._programs.get(
            "slice.frag", BASE=int(base), FILLS=len(overlays) - outlines, OUTLINES=outlines, TAPS=taps
        )
        target_rows, target_columns = (0, 0) if self._view is None else self._view.shape
        program.set("view", (float(target_columns), float(target_rows)))
        program.set("centre", (float(placement.column), float(placement.row)))
        program.set("step_px", 1 / placement.scale)
        program.set("size", (float(columns), float(rows)))
        program.set("extent", (float(picture.width * self.reduction), float(picture.height * self.reduction)))
        program.set("reach", outline_px / 2 / placement.scale)
        if base:
            picture.bind(0)
            picture.smooth(interpolate or shrunk)
            program.set("picture", 0)
            program.set("low", float(contrast.low))
            # Limits that coincide are a threshold, not a division by zero.
            program.set("gain", 1 / max(float(contrast.high) - float(contrast.low), 1e-30))
            program.set("invert", float(contrast.invert))
            program.set("background", tuple(float(value) for value in background))
        else:
            GL.glEnable(GL.GL_BLEND)
            GL.glBlendEquation(GL.GL_FUNC_ADD)
            GL.glBlendFunc(GL.GL_ONE, GL.GL_ONE_MINUS_SRC_ALPHA)
        for index, overlay in enumerate(overlays):
            _set_overlay(program, index, overlay, interpolate, shrunk)
        self._triangle.draw()
        GL.glDisable(GL.GL_BLEND)


def _set_overlay(program: Program, index: int, overlay: Overlay, interpolate: bool, shrunk: bool) -> None:
    mask = overlay.mask
    mask.texture.bind(index + 1)
    # A line's own samples lie apart: reading between pixels would cost four times as much for nothing.
    mask.texture.smooth(interpolate or shrunk if mask.probabilities else shrunk and not overlay.outline)
    program.set(f"mask{index}", index + 1)
    program.set(f"colour{index}", (*(float(value) for value in overlay.colour), min(float(overlay.alpha), 1.0)))
    # Between two bytes: what equals the threshold is shown however the driver rounds.
    reached = (math.ceil(255 * overlay.threshold - 1e-6) - 0.5) / 255
    threshold = max(reached, _LEAST) if mask.probabilities else _LEAST
    program.set(f"rule{index}", (threshold, float(mask.probabilities and not overlay.graded)))
