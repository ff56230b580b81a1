"""Pictures of the 3D scene at any size, drawn a part of them in each frame of the window."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from ais.errors import AisError

if TYPE_CHECKING:
    from ais.gui.app import Window
    from ais.gui.editor import Editor
    from ais.gui.scene.camera import Camera
    from ais.gui.scene.contents import Scene
    from ais.gui.scene.picture_drawing import PictureDrawing
    from ais.gui.scene.renderer import SceneRenderer

SHARE_S, MOVING_SHARE_S, ALONE_SHARE_S = 0.03, 0.005, 0.12
"""How long pictures are drawn in one frame of the window, while the scene in it moves, and while nobody touches it; but
one step at least."""

TOUCHED_S = 1.0
"""So long after the last movement of the mouse or key somebody may still be at work."""


@dataclass(eq=False)
class SceneShot:
    """A picture that is wanted.

    Attributes
    ----------
    got
        Called once with (height, width, 4) uint8, red, green, blue, alpha; row 0 at the top.
    width, height
        In pixels.
    scene, camera
        What is seen, and from where.
    transparent
        Whether the background is left out.
    samples
        Along each side of a pixel.
    wanted
        Whether it still is; once it is not, `got` is not called.
    told
        Called with how much has been drawn, 0 to 1.
    failed
        Called with one sentence if it cannot be drawn.
    drawing
        What there is of it.
    """

    got: Callable[[NDArray[np.uint8]], None]
    width: int
    height: int
    scene: Scene
    camera: Camera
    transparent: bool = False
    samples: int = 3
    wanted: Callable[[], bool] = lambda: True
    told: Callable[[float], None] = lambda _: None
    failed: Callable[[str], None] = lambda _: None
    drawing: PictureDrawing | None = None


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


def answer(requests: list[SceneShot], renderer: SceneRenderer, seconds: float) -> None:
    """Draw pictures that are wanted, one after the other; with OpenGL's context, before Dear ImGui draws the frame.

    Parameters
    ----------
    requests
        Those that are answered, and those that are not wanted any more, are taken out.
    renderer
        Draws them.
    seconds
        About how long it may take; the rest is drawn by later calls.
    """
    deadline = time.monotonic() + seconds
    while requests:
        shot = requests.pop(0)
        if not shot.wanted():
            if shot.drawing is not None:
                shot.drawing.release()
            continue
        try:
            if shot.drawing is None or shot.drawing.over:
                shot.drawing = renderer.begin_picture(
                    shot.scene,
                    shot.camera,
                    shot.width,
                    shot.height,
                    transparent=shot.transparent,
                    samples=shot.samples,
                )
            complete = shot.drawing.go_on(deadline - time.monotonic())
        except (AisError, MemoryError) as error:
            shot.failed(str(error) or "There is too little memory for a picture of this size: choose a smaller one.")
            continue
        shot.told(shot.drawing.fraction)
        if complete:
            shot.got(shot.drawing.picture)
        else:
            requests.insert(0, shot)
        if time.monotonic() > deadline or not complete:
            break


class Touch:
    """When somebody has last moved the mouse over the window or pressed a key."""

    def __init__(self) -> None:
        self._events = -1
        self._at = 0.0

    def within(self, seconds: float) -> bool:
        """Whether that was in the last seconds; asked once a frame while it matters."""
        from imgui_bundle import imgui

        events, now = imgui.get_current_context().input_events_next_event_id, time.monotonic()
        if events != self._events:
            self._events, self._at = events, now
        return now - self._at < seconds


def answer_all(window: Window) -> None:
    """Draw a part of the pictures that are wanted, whether the scene is on the screen or not."""
    editor = window.editor
    requests = editor.shell.scene_requests
    if requests:
        from ais.gui.views.scene_view import SceneView

        touched = window.part(Touch).within(TOUCHED_S)
        seconds = MOVING_SHARE_S if editor.rendering.view.moving else SHARE_S if touched else ALONE_SHARE_S
        answer(requests, window.part(SceneView).renderer, seconds)
        if requests:
            editor.wake()


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
