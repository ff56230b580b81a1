"""Pictures of particles side by side in one texture; those that were not drawn for longest give way."""

from __future__ import annotations

import math
from collections import OrderedDict
from typing import Any

import numpy as np
from imgui_bundle import ImVec2, imgui
from numpy.typing import NDArray

from ais.gui.gl.texture import Texture2D, max_texture_size

LARGEST_PX = 16_384
LEAST_COLUMNS = 8
UPLOADS_PER_FRAME = 64


class CropAtlas:
    """Holds as many pictures of one size as are on the screen, and some more."""

    def __init__(self) -> None:
        self._texture: Texture2D | None = None
        self._made_of: object = None
        self._side = 1
        self._columns = 1
        self._cells: OrderedDict[int, int] = OrderedDict()
        self._drawn: set[int] = set()
        self._uploads = 0

    def follow(self, made_of: object, side: int, least: int) -> None:
        """Begin a frame.

        Parameters
        ----------
        made_of
            Another object when all pictures are others.
        side
            Rows and columns of a picture, in pixels.
        least
            How many are on the screen.
        """
        self._uploads = 0
        self._drawn.clear()
        most = max(min(LARGEST_PX, max_texture_size()) // side, 1)
        if made_of is self._made_of and side == self._side and min(least, most**2) <= self._columns**2:
            return
        self.release()
        self._made_of, self._side = made_of, side
        self._columns = min(max(math.ceil(math.sqrt(1.5 * least)), LEAST_COLUMNS), most)
        extent = self._columns * side
        self._texture = Texture2D(extent, extent, "r8")
        self._texture.show_as("grey")
        self._texture.smooth(True)

    def draw(self, draw_list: Any, number: int, picture: NDArray[np.uint8] | None, low: ImVec2, high: ImVec2) -> bool:
        """Draw a picture between two corners of the screen, row 0 at the bottom.

        Returns
        -------
        bool
            Whether it was drawn; one that is not there yet is not, nor are too many new ones in a frame, or more than
            the graphics driver can hold.
        """
        if self._texture is None:
            return False
        cell = self._cells.get(number)
        if cell is None:
            if picture is None or self._uploads >= UPLOADS_PER_FRAME or picture.shape != (self._side, self._side):
                return False
            full = len(self._cells) >= self._columns**2
            if full and next(iter(self._cells)) in self._drawn:
                return False
            self._uploads += 1
            cell = self._cells.popitem(last=False)[1] if full else len(self._cells)
            row, column = divmod(cell, self._columns)
            self._texture.upload(picture, row * self._side, column * self._side)
            self._cells[number] = cell
        self._cells.move_to_end(number)
        self._drawn.add(number)
        row, column = divmod(cell, self._columns)
        extent = self._columns * self._side
        # Half a pixel inside, or the neighbours would show at the border.
        left, right = (column * self._side + 0.5) / extent, ((column + 1) * self._side - 0.5) / extent
        bottom, top = (row * self._side + 0.5) / extent, ((row + 1) * self._side - 0.5) / extent
        texture = imgui.ImTextureRef(self._texture.name)
        draw_list.add_image(texture, low, high, ImVec2(left, top), ImVec2(right, bottom))
        return True

    def release(self) -> None:
        """Free the texture."""
        if self._texture is not None:
            self._texture.release()
        self._texture, self._made_of = None, None
        self._cells.clear()
