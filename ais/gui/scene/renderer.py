"""Draws the 3D scene into a texture, and tells what lies under a pixel."""

from __future__ import annotations

from collections.abc import Hashable

import numpy as np
from numpy.typing import NDArray

from ais.gui.gl.texture import Texture2D
from ais.gui.scene.camera import Camera
from ais.gui.scene.contents import Hit, Scene


class SceneRenderer:
    """The picture of the scene. All methods need the window's OpenGL context; OpenGL's state is left as it was.

    Attributes
    ----------
    uploads
        How many times vertices have been sent to the graphics driver.
    """

    def __init__(self) -> None:
        self.uploads = 0

    @property
    def pending(self) -> bool:
        """Whether the last `draw` with limited time has left something to be drawn by the next one."""
        return False

    def draw(
        self,
        scene: Scene,
        camera: Camera,
        width: int,
        height: int,
        *,
        moving: bool = False,
        seconds: float | None = None,
    ) -> Texture2D:
        """The view's picture; drawn anew only if something has changed since the last call.

        Parameters
        ----------
        scene, camera
            What is seen, and from where.
        width, height
            Of the view, in screen pixels.
        moving
            Whether to draw quickly: with fewer triangles, without occlusion and with jagged edges.
        seconds
            About how long it may take. A large scene at rest then takes several calls, of which those before the last
            (`pending`) give the quick picture.

        Returns
        -------
        Texture2D
            RGBA of the view's size, opaque, its first row at the top of the view: to be shown by Dear ImGui as it is,
            with the default texture coordinates. It stays valid until the next `draw` or `release`.
        """
        raise NotImplementedError

    def pick(self, scene: Scene, camera: Camera, width: int, height: int, x: float, y: float) -> Hit | None:
        """The component or particle that is seen at a pixel, transparent ones too; None for none.

        Parameters
        ----------
        scene, camera, width, height
            As they were drawn; then it takes no more than reading a pixel, else the scene is drawn first.
        x, y
            In pixels from the top left corner.
        """
        raise NotImplementedError

    def pick_rectangle(
        self, scene: Scene, camera: Camera, width: int, height: int, x0: float, y0: float, x1: float, y1: float
    ) -> list[tuple[Hashable, int]]:
        """The components and particles of which at least a pixel is seen in a rectangle: key and index of each."""
        raise NotImplementedError

    def picture(
        self,
        scene: Scene,
        camera: Camera,
        width: int,
        height: int,
        *,
        transparent: bool = False,
        samples: int = 3,
    ) -> NDArray[np.uint8]:
        """A picture of any size in full detail.

        Parameters
        ----------
        scene, camera
            What is seen, and from where.
        width, height
            In pixels; also larger than the graphics driver's textures.
        transparent
            Whether the background is left out.
        samples
            Along each side of a pixel.

        Returns
        -------
        ndarray of uint8
            (height, width, 4), red, green, blue, alpha (not premultiplied); row 0 at the top.
        """
        raise NotImplementedError

    def release(self) -> None:
        """Free everything in the graphics driver; the renderer cannot be used afterwards."""
