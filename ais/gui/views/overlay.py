"""Coloured masks and probability maps over a picture."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ais.gui.gl.texture import Texture2D, max_texture_size

Rect = tuple[int, int, int, int]
"""(row0, row1, column0, column1), half open, in picture pixels."""


KEPT_CHANGES = 32
"""So many rectangles a mask remembers; painting changes a few between two frames."""


def joined(rects: Sequence[Rect]) -> Rect:
    """The smallest rectangle that holds all that are not empty."""
    filled = [rect for rect in rects if rect[0] < rect[1] and rect[2] < rect[3]]
    if not filled:
        return 0, 0, 0, 0
    row0, row1, column0, column1 = zip(*filled, strict=True)
    return min(row0), max(row1), min(column0), max(column1)


def reduction_for(shape: tuple[int, int], limit: int | None = None) -> int:
    """By which whole number a picture of (rows, columns) is shrunk so that the graphics driver takes it: mostly 1."""
    return max(-(-max(shape) // (limit or max_texture_size())), 1)


class MaskTexture:
    """A mask or a probability map of a picture's size, kept in the graphics driver; empty at first.

    One that is larger than the driver's textures is kept shrunk: of each block of pixels the largest value.

    Parameters
    ----------
    shape
        (rows, columns) of the picture.
    probabilities
        Whether the values 0-255 are probabilities 0-1. Otherwise 255 belongs to the mask, and 0 does not.
    limit
        The largest width and height of a texture; by default the driver's.
    """

    def __init__(self, shape: tuple[int, int], *, probabilities: bool = False, limit: int | None = None) -> None:
        self.shape = shape
        self.probabilities = probabilities
        self.reduction = reduction_for(shape, limit)
        self.version = 0
        self._changes: deque[Rect] = deque(maxlen=KEPT_CHANGES)
        rows, columns = (-(-extent // self.reduction) for extent in shape)
        self.texture = Texture2D(columns, rows, "r8")
        self.texture.upload(np.zeros((rows, columns), np.uint8))

    def set(self, mask: NDArray[np.uint8] | NDArray[np.bool_]) -> None:
        """Replace the whole.

        Parameters
        ----------
        mask
            (rows, columns).
        """
        self.update((0, self.shape[0], 0, self.shape[1]), mask)

    def update(self, rect: Rect, mask: NDArray[np.uint8] | NDArray[np.bool_]) -> None:
        """Replace a rectangle; nothing else is sent to the graphics driver.

        Parameters
        ----------
        rect
            What has changed: (row0, row1, column0, column1), half open. Parts outside the picture are left out.
        mask
            (rows, columns) of the whole picture; what is not bool is sent as it is.

        Raises
        ------
        ValueError
            If the mask has another shape than the picture.
        """
        if mask.shape != self.shape:
            raise ValueError(f"a mask of {mask.shape} for a picture of {self.shape}")
        by = self.reduction
        row0, column0 = max(rect[0], 0) // by * by, max(rect[2], 0) // by * by
        row1, column1 = min(-(-rect[1] // by) * by, self.shape[0]), min(-(-rect[3] // by) * by, self.shape[1])
        if row0 >= row1 or column0 >= column1:
            return
        part = mask[row0:row1, column0:column1]
        values = part if part.dtype == np.uint8 else part.view(np.uint8) * np.uint8(255)
        if by > 1:
            values = np.maximum.reduceat(values, np.arange(0, values.shape[0], by), axis=0)
            values = np.maximum.reduceat(values, np.arange(0, values.shape[1], by), axis=1)
        self.texture.upload(values, row0 // by, column0 // by)
        self.version += 1
        self._changes.append((row0, row1, column0, column1))

    def changed_since(self, version: int) -> Rect:
        """A rectangle that holds all that has changed since the mask had a version; empty if nothing has."""
        count = self.version - version
        if count > len(self._changes):
            return 0, self.shape[0], 0, self.shape[1]
        return joined([self._changes[-1 - index] for index in range(count)])

    def release(self) -> None:
        """Free the texture."""
        self.texture.release()


@dataclass(frozen=True)
class Overlay:
    """How a mask is shown over a picture.

    Attributes
    ----------
    mask
        Of the picture's shape.
    colour
        Red, green, blue, 0 to 1.
    alpha
        0 (not seen) to 1 (hides the picture).
    outline
        Whether only a line at its border is drawn. Lines are drawn over filled masks.
    graded
        Of a probability map: whether it is the more opaque the higher the probability. Otherwise, and in a mask, all
        that is shown is equally opaque.
    threshold
        Of a probability map: the probability, 0 to 1, from which it is shown.
    """

    mask: MaskTexture
    colour: tuple[float, float, float]
    alpha: float = 0.5
    outline: bool = False
    graded: bool = True
    threshold: float = 0.5
