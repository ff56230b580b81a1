"""Pictures of models in the graphics driver, for panels that show them."""

from __future__ import annotations

import numpy as np
from imgui_bundle import ImVec2, imgui
from numpy.typing import NDArray

from ais.gui.gl.binding import GraphicsError
from ais.gui.gl.texture import Texture2D

KEPT = 64


class ModelPictures:
    """The pictures that are shown, by the hash of their model; the longest unused go first."""

    def __init__(self) -> None:
        self._textures: dict[str, Texture2D | None] = {}
        self._used: dict[str, int] = {}

    def draw(self, model: str, picture: NDArray[np.uint8], width: float, height: float) -> None:
        """Draw a picture as an item that fits into a size, its sides in proportion.

        Parameters
        ----------
        model
            Hash of the model's file.
        picture
            (rows, columns, 3), first row on top.
        width, height
            In pixels of the screen.
        """
        if model not in self._textures:
            self._textures[model] = _texture(picture)
            self._release_old()
        self._used[model] = imgui.get_frame_count()
        texture = self._textures[model]
        if texture is None:
            return
        scale = min(width / texture.width, height / texture.height)
        imgui.image(imgui.ImTextureRef(texture.name), ImVec2(texture.width * scale, texture.height * scale))

    def release(self) -> None:
        """Free them all; they are made anew when they are drawn."""
        for texture in self._textures.values():
            if texture is not None:
                texture.release()
        self._textures.clear()
        self._used.clear()

    def _release_old(self) -> None:
        last_frame = imgui.get_frame_count() - 1
        for model in sorted(self._used, key=self._used.__getitem__)[: max(0, len(self._used) - KEPT)]:
            if self._used[model] < last_frame:  # else the driver may still draw it
                self._used.pop(model)
                texture = self._textures.pop(model)
                if texture is not None:
                    texture.release()


def _texture(picture: NDArray[np.uint8]) -> Texture2D | None:
    rows, columns = picture.shape[:2]
    opaque = np.full((rows, columns, 4), 255, np.uint8)
    opaque[..., :3] = picture
    try:
        texture = Texture2D(columns, rows, "rgba8")
    except GraphicsError:
        return None
    texture.smooth(True)
    texture.upload(opaque)
    return texture
