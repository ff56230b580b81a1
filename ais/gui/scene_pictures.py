"""Pictures of the 3D scene at any size, drawn between the frames of the window, a few at a time."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from ais.gui.app import Window
    from ais.gui.editor import Editor
    from ais.gui.scene.camera import Camera
    from ais.gui.scene.contents import Scene
    from ais.gui.scene.renderer import SceneRenderer

SHARE_S = 0.03
"""How long pictures are drawn in one frame; one is drawn at least."""


@dataclass(eq=False)
class SceneShot:
    """A picture that is wanted.

    Attributes
    ----------
    got
        Called once with (height, width, 4) uint8, red, green, blue, alpha; row 0 at the top.
    width, height
        In pixels.
    transparent
        Whether the background is left out.
    samples
        Along each side of a pixel.
    scene, camera
        What is seen, and from where; None for what is on the screen.
    frames_before
        How many frames of the window come first, such as one that says that it will stand still.
    """

    got: Callable[[NDArray[np.uint8]], None]
    width: int
    height: int
    transparent: bool = False
    samples: int = 3
    scene: Scene | None = None
    camera: Camera | None = None
    frames_before: int = 0


def camera_for(editor: Editor, width: int, height: int) -> Camera:
    """From where a picture is seen: as on the screen; where that shows the whole scene, the picture does so too."""
    rendering = editor.rendering
    camera, bounds = rendering.view.camera, rendering.bounds()
    if camera == camera.fit(*bounds, rendering.view.aspect):
        return camera.fit(*bounds, width / height)
    return camera


def scene_for(editor: Editor) -> Scene:
    """What is seen in a picture: as on the screen, but without the axes, whose letters only the screen has."""
    scene = editor.rendering.scene()
    return replace(scene, look=replace(scene.look, axes=False))


def answer(window: Window, renderer: SceneRenderer, scene: Scene, camera: Camera) -> None:
    """Draw pictures that are wanted; with OpenGL's context, before Dear ImGui draws the frame.

    Parameters
    ----------
    window
        Whose `Shell.scene_requests` are answered.
    renderer
        Draws them.
    scene, camera
        What is on the screen.
    """
    requests, began = window.editor.shell.scene_requests, time.monotonic()
    while requests:
        if requests[0].frames_before > 0:
            requests[0].frames_before -= 1
            break
        shot = requests.pop(0)
        picture = renderer.picture(
            shot.scene or scene,
            shot.camera or camera,
            shot.width,
            shot.height,
            transparent=shot.transparent,
            samples=shot.samples,
        )
        shot.got(picture)
        if time.monotonic() - began > SHARE_S:
            break
    if requests:
        window.editor.wake()


def answer_all(window: Window) -> None:
    """Draw pictures that are wanted, whether the scene is on the screen or not."""
    if window.editor.shell.scene_requests and window.editor.shown is not None:
        from ais.gui.views.scene_view import SceneView

        rendering = window.editor.rendering
        answer(window, window.part(SceneView).renderer, rendering.scene(), rendering.view.camera)


def write_scene_picture(path: Path, picture: NDArray[np.uint8]) -> None:
    """Write a picture as PNG; whole or not at all.

    Raises
    ------
    AisError
        If it cannot be written.
    """
    import io

    from PIL import Image

    from ais.formats.atomic import write_bytes

    content = io.BytesIO()
    Image.fromarray(picture).save(content, "png")
    write_bytes(path, content.getvalue())
