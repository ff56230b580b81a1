"""The Curator's tiles as two pictures in the graphics driver: grey values, and where the prediction lies over them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from imgui_bundle import ImVec2, imgui
from numpy.typing import NDArray

from ais.gui.curator import CuratorTile
from ais.gui.gl.texture import Texture2D

LARGEST_TILE_PX = 160
"""Larger tiles are shown at a part of their pixels."""
TILES_PER_FRAME = 24
INSIDE, OUTLINE = 80, 255
"""Opacity of the prediction's colour, 0 to 255, inside and along its border."""


class TileAtlas:
    """All tiles side by side in two textures; a tile is uploaded once."""

    def __init__(self) -> None:
        self._grey: Texture2D | None = None
        self._prediction: Texture2D | None = None
        self._gathering: object = None
        self._count = 0
        self._columns = 1
        self._side = 1

    def follow(self, tiles: Sequence[CuratorTile], gathering: object, threshold: float, most: int) -> bool:
        """Take in tiles that have come.

        Parameters
        ----------
        tiles
            All of them, in their order.
        gathering
            Another object when they are other tiles than before.
        threshold
            Probability, 0 to 1, from which the prediction is shown.
        most
            How many there will be.

        Returns
        -------
        bool
            Whether more are waiting for the next frame.
        """
        if gathering is not self._gathering or len(tiles) < self._count:
            self.release()
            self._gathering = gathering
        if not tiles:
            return False
        if self._grey is None or self._prediction is None:
            self._side = len(reduced(tiles[0].image))
            self._columns = math.ceil(math.sqrt(max(most, len(tiles))))
            extent = self._columns * self._side
            self._grey, self._prediction = Texture2D(extent, extent, "r8"), Texture2D(extent, extent, "r8")
            self._grey.show_as("grey")
            self._prediction.show_as("opacity")
            for texture in (self._grey, self._prediction):
                texture.smooth(True)
        room = self._columns**2
        for tile in tiles[self._count : min(self._count + TILES_PER_FRAME, room)]:
            row, column = (self._side * at for at in divmod(self._count, self._columns))
            self._grey.upload(reduced(tile.image), row, column)
            self._prediction.upload(opacity(reduced(tile.prediction), threshold), row, column)
            self._count += 1
        return self._count < min(len(tiles), room)

    def draw(self, draw_list: Any, index: int, low: ImVec2, high: ImVec2, tint: int | None) -> None:
        """Draw a tile between two corners of the screen, row 0 at the bottom.

        Parameters
        ----------
        draw_list
            Of Dear ImGui.
        index
            Which tile; one that is still to come is left out.
        low, high
            Upper left and lower right corner.
        tint
            Colour of the prediction, packed; None leaves it out.
        """
        if index >= self._count or self._grey is None or self._prediction is None:
            return
        row, column = divmod(index, self._columns)
        extent = self._columns * self._side
        # Half a pixel inside, or the neighbours would show at the border.
        left, right = (column * self._side + 0.5) / extent, ((column + 1) * self._side - 0.5) / extent
        bottom, top = (row * self._side + 0.5) / extent, ((row + 1) * self._side - 0.5) / extent
        one, other = ImVec2(left, top), ImVec2(right, bottom)
        draw_list.add_image(imgui.ImTextureRef(self._grey.name), low, high, one, other)
        if tint is not None:
            draw_list.add_image(imgui.ImTextureRef(self._prediction.name), low, high, one, other, tint)

    def release(self) -> None:
        """Free the textures."""
        for texture in (self._grey, self._prediction):
            if texture is not None:
                texture.release()
        self._grey = self._prediction = None
        self._gathering, self._count = None, 0


def reduced(values: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """A tile at a size that is worth showing: means of blocks where it is larger."""
    step = math.ceil(len(values) / LARGEST_TILE_PX)
    if step == 1:
        return values
    side = len(values) // step
    blocks = values[: side * step, : side * step].reshape(side, step, side, step)
    return np.asarray(blocks.mean(axis=(1, 3)), np.uint8)


def opacity(prediction: NDArray[np.uint8], threshold: float) -> NDArray[np.uint8]:
    """How opaque the prediction's colour is in each pixel: strong along its border, weak inside.

    Parameters
    ----------
    prediction
        uint8, probability on the scale of 0-255.
    threshold
        Probability, 0 to 1, from which the feature is present.
    """
    present = np.pad(prediction >= threshold * 255, 1, mode="edge")
    inner = present[:-2, 1:-1] & present[2:, 1:-1] & present[1:-1, :-2] & present[1:-1, 2:]
    here = present[1:-1, 1:-1]
    return np.asarray(np.where(here, np.where(inner, INSIDE, OUTLINE), 0), np.uint8)
