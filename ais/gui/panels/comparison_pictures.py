"""The pictures of a comparison in the graphics driver: read from its folder in the background, one at a time."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from ais.gui.gl.texture import Texture2D

if TYPE_CHECKING:
    from ais.gui.background import Background, Work
    from ais.gui.comparison import Comparison

Rgba = NDArray[np.uint8]
LARGEST_PX = 4096


class ComparisonPictures:
    """The pictures of the comparison that is looked at. Call `follow` in every frame while they are shown."""

    def __init__(self) -> None:
        self._comparison: Comparison | None = None
        self._textures: dict[str, Texture2D] = {}
        self._read: dict[str, Rgba] = {}
        self._missing: set[str] = set()
        self._reading: Work | None = None

    def follow(self, comparison: Comparison | None, background: Background) -> None:
        """Have what is not there yet read, and take in one that has been."""
        if comparison is not self._comparison:
            self.release()
            self._comparison = comparison
        if comparison is None:
            return
        measured = {row["architecture"]: Path(row["model"]) for row in comparison.rows if row.get("model")}
        for name in [name for name in self._textures if name not in measured]:
            self._textures.pop(name).release()  # it is compared once more
        self._missing &= set(measured)
        if self._read:
            name, values = self._read.popitem()
            texture = self._textures[name] = Texture2D(values.shape[1], values.shape[0], "rgba8")
            texture.upload(values)
        if self._reading is not None and not self._reading.finished:
            return
        for name, model in measured.items():
            if name not in self._textures and name not in self._missing:
                self._begin(comparison, name, model.with_suffix(".png"), background)
                return

    def texture(self, name: str) -> Texture2D | None:
        """The picture of an architecture; None while it is not there."""
        return self._textures.get(name)

    def release(self) -> None:
        """Free the textures."""
        for texture in self._textures.values():
            texture.release()
        self._textures, self._read, self._missing, self._comparison = {}, {}, set(), None

    def _begin(self, comparison: Comparison, name: str, path: Path, background: Background) -> None:
        def show(values: Rgba) -> None:
            if self._comparison is comparison:
                self._read[name] = values

        def failed(_: str) -> None:
            if self._comparison is comparison:
                self._missing.add(name)

        self._reading = background.run(lambda _: read_picture(path), show, failed=failed)


def read_picture(path: Path) -> Rgba:
    """A picture as (rows, columns, 4), the first row on top; one that is larger than any screen is reduced."""
    from PIL import Image

    with Image.open(path, formats=("PNG",)) as picture:
        picture.thumbnail((LARGEST_PX, LARGEST_PX))
        return np.ascontiguousarray(picture.convert("RGBA"))
