"""One picture of the scene that is to be drawn: its contents with the numbers that shaders need of the view."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ais.gui.gl.program import Program
from ais.gui.scene.camera import Camera
from ais.gui.scene.contents import Point, Rgb, Scene

Matrices = NDArray[np.float32]
Tile = tuple[int, int, int, int]
"""First column and row, width and height of a part of the picture, in pixels."""

JUMP_PX, JUMP_SHARE = 10.0, 0.02
"""A step in depth is a silhouette if it is larger than so many pixels, or than this part of the scene."""

SHADE_PX, SHADE_SHARE = 90.0, 0.08
"""How far things darken each other: so many pixels, or this part of the scene, whichever is less."""


@dataclass(frozen=True, eq=False)
class Frame:
    """A picture to be drawn.

    Attributes
    ----------
    scene, camera, size
        What is in it, from where it is seen, and the size of the whole picture in pixels.
    crop
        (1, 4, 4), from clip space to that of the part of the picture that is drawn, whose y points down.
    to_view, to_clip
        (1, 4, 4), from angstrom to the view's axes, and on to the cropped clip space.
    perspective
        Whether far things are smaller.
    depth_terms
        What turns the depth buffer back into angstrom; see scene_depth.glsl.
    reach
        Nearest and farthest of the scene in front of the viewer, in angstrom.
    inside
        Whether the viewer is among the things, and sees them from within.
    jump, shade
        What counts as a step in depth, and how far things darken each other, in angstrom.
    accent
        Colour of what is highlighted.
    columns
        Width of the part of the picture that is drawn, in the view's pixels.
    quick
        Whether it is drawn for a moving view.
    """

    scene: Scene
    camera: Camera
    size: tuple[int, int]
    crop: Matrices
    to_view: Matrices
    to_clip: Matrices
    perspective: bool
    depth_terms: tuple[float, float]
    reach: tuple[float, float]
    inside: bool
    jump: float
    shade: float
    accent: Rgb
    columns: int
    quick: bool = False

    @classmethod
    def seen(
        cls,
        scene: Scene,
        camera: Camera,
        size: tuple[int, int],
        bounds: tuple[Point, Point],
        accent: Rgb,
        tile: Tile | None = None,
        quick: bool = False,
    ) -> Frame:
        """The scene as a camera sees it in a view of some size, or a part of that picture."""
        width, height = size
        projection = camera.projection_matrix(width / height, *bounds)
        near, far = camera.near_and_far(*bounds)
        reach = float(np.linalg.norm(np.subtract(bounds[1], bounds[0])))
        step = camera.angstrom_per_pixel(size)
        terms = (projection[2, 2], projection[2, 3])
        eye = np.array(camera.eye)
        # Only within this distance of things does the nearest plane cut them open.
        room = far / 500
        among = bool(np.all(eye > np.array(bounds[0]) - room) and np.all(eye < np.array(bounds[1]) + room))
        column, row, columns, rows = tile or (0, 0, width, height)
        crop = np.eye(4)
        crop[0, 0], crop[1, 1] = width / columns, -height / rows
        crop[0, 3] = (width - 2 * column) / columns - 1
        crop[1, 3] = (height - 2 * row) / rows - 1
        return cls(
            scene,
            camera,
            size,
            crop[None].astype(np.float32),
            camera.view_matrix()[None].astype(np.float32),
            (crop @ projection)[None].astype(np.float32),
            camera.perspective,
            (float(terms[0]), float(terms[1])),
            (near, far),
            among and camera.perspective,
            min(JUMP_PX * step, JUMP_SHARE * reach),
            min(SHADE_PX * step, SHADE_SHARE * reach),
            accent,
            columns,
            quick,
        )

    def set_view(self, program: Program) -> None:
        """Tell a vertex shader from where the scene is seen."""
        program.set("to_view", self.to_view)
        program.set("to_clip", self.to_clip)
        program.set("perspective", float(self.perspective))

    def set_depth(self, program: Program) -> None:
        """Tell a fragment shader what the depth buffer means."""
        program.set("depth_terms", self.depth_terms)
        program.set("perspective", float(self.perspective))
        program.set("jump", float(self.jump))

    def set_light(self, program: Program) -> None:
        """Tell a fragment shader how light falls."""
        look = self.scene.look
        program.set("ambient", float(look.ambient))
        program.set("head_light", float(look.head_light))
        program.set("accent", _three(self.accent))
        program.set("background", _three(look.background))
        program.set("reach", self.reach)
        program.set("depth_cue", float(look.depth_cue))


def _three(colour: Rgb) -> tuple[float, float, float]:
    return float(colour[0]), float(colour[1]), float(colour[2])
