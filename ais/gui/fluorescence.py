"""The fluorescence images over the tomogram on the screen, read and coloured in threads."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from ais.fluorescence import Affine, Overlay

if TYPE_CHECKING:
    from ais.gui.editor import Editor


@dataclass(frozen=True, eq=False)
class ShownOverlay:
    """An image as it is seen.

    Attributes
    ----------
    overlay
        Which one, where, and how.
    pixels
        (ny, nx, 4): red, green and blue of its light on black, contrast and colour applied, opacity not; then how
        bright it is, of 255, so that colours are premultiplied by it. Row 0 is the first of the image as it is read.
        Large images are reduced: see `to_tomogram`.
    to_tomogram
        Takes (column, row) of `pixels` to voxels (x, y) of the tomogram; that of the overlay unless it is reduced.
    version
        Another one whenever pixels or overlay are others.
    """

    overlay: Overlay
    pixels: NDArray[np.uint8]
    to_tomogram: Affine
    version: int


class FluorescenceOverlays:
    """Fluorescence images of the tomogram on the screen.

    Parameters
    ----------
    editor
        Whose tomogram they lie over.
    """

    def __init__(self, editor: Editor) -> None:
        self._editor = editor
        self._shown: list[ShownOverlay] = []

    def shown(self) -> list[ShownOverlay]:
        """Visible images that have been read, the lowest first; the same objects as long as nothing changes."""
        return self._shown
