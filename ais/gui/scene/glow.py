"""Draws images that are thrown through the tomogram along z: for each a ray through the volume at each pixel."""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from ais.fluorescence.placing import inverse
from ais.gui.gl.binding import GL
from ais.gui.gl.program import Program, ProgramCache
from ais.gui.gl.triangle import FullScreenTriangle
from ais.gui.scene.bodies import Bodies, ProjectionBody
from ais.gui.scene.contents import ProjectionItem
from ais.gui.scene.frame import Frame
from ais.gui.scene.targets import Targets

MOST_STEPS, QUICK_STEPS, FEWEST_QUICK_STEPS = 128, 24, 8
QUICK_REDUCTION = 2
"""Without a graphics card, a moving view has one ray for so many pixels, along each side."""

STEP_SECONDS = 2e-8
"""For a step of a ray without a graphics card."""

BAND_SECONDS = 0.03
LEAST_THICKNESS = 1e-3
"""In angstrom."""


class GlowPainter:
    """Draws the images of a frame into textures of light, and of what it lets through.

    Parameters
    ----------
    bodies, programs, triangle
        Shared with the painter of all the rest.
    """

    def __init__(self, bodies: Bodies, programs: ProgramCache, triangle: FullScreenTriangle) -> None:
        self._bodies = bodies
        self._programs = programs
        self._triangle = triangle

    def draw(self, frame: Frame, targets: Targets, *, moving: bool, slow: bool) -> Iterator[None]:
        """Draw them before what `Targets.numbers` holds, into `Targets.glow`, a part in each step."""
        quick, images = moving and slow, frame.scene.projections
        reduction = reduction_of(targets, quick=quick)
        steps = max(QUICK_STEPS // len(images), FEWEST_QUICK_STEPS) if quick else MOST_STEPS
        target = targets.glow(reduction)
        width, height = target.colours[0].width, target.colours[0].height
        bands = 1
        if slow and not moving:
            bands = min(math.ceil(seconds_of_glow(frame, targets) / len(images) / BAND_SECONDS), height)
        target.bind()
        target.clear((0, 0, 0, 1), (0, 0, 0, 0))
        for item in images:
            body = self._bodies.projection(item)
            for band in range(bands if body is not None else 0):
                assert body is not None
                target.bind()
                program = self._prepared(frame, targets, item, body)
                program.set("reduction", reduction)
                program.set("most_steps", steps)
                GL.glEnable(GL.GL_BLEND)
                GL.glBlendEquation(GL.GL_FUNC_ADD)
                GL.glBlendFuncSeparate(GL.GL_ONE, GL.GL_ONE, GL.GL_ZERO, GL.GL_SRC_ALPHA)
                GL.glEnable(GL.GL_SCISSOR_TEST)
                first, last = height * band // bands, height * (band + 1) // bands
                GL.glScissor(0, first, width, last - first)
                self._triangle.draw()
                GL.glDisable(GL.GL_SCISSOR_TEST)
                GL.glDisable(GL.GL_BLEND)
                if not moving:
                    GL.glFinish()
                    yield

    def _prepared(self, frame: Frame, targets: Targets, item: ProjectionItem, body: ProjectionBody) -> Program:
        """The program in use that knows an image and from where it is seen."""
        program = self._programs.get("scene_glow.frag")
        frame.set_depth(program)
        axes = np.zeros((3, 4), np.float32)
        axes[:, :3] = frame.camera.axes
        program.set("axes", axes)
        program.set("to_clip", frame.to_clip)
        program.set("nearest", float(frame.reach[0]))
        eye = np.array(frame.camera.eye)
        for name, corner in (("low", item.low), ("high", item.high)):
            x, y, z = np.array(corner) - eye
            program.set(name, (float(x), float(y), float(z)))
        to_pixels = np.array(inverse(item.to_scene))
        program.set("to_texture", _rows_to_texture(to_pixels, eye, item.pixels.shape))
        fine = float(np.linalg.norm(to_pixels[:, :2], 2))
        per_angstrom = max(item.density, 0.0) / max(item.high[2] - item.low[2], LEAST_THICKNESS)
        program.set("strengths", (per_angstrom, float(frame.scene.projections_cover), fine))
        program.set("image", 0)
        body.texture.bind(0)
        program.set("depth", 1)
        if targets.numbers.depth is not None:
            targets.numbers.depth.bind(1)
        return program


def reduction_of(targets: Targets, *, quick: bool) -> int:
    """For how many pixels of what is drawn there is one ray, along each side."""
    return QUICK_REDUCTION if quick else targets.samples


def seconds_of_glow(frame: Frame, targets: Targets) -> float:
    """How long the images of a view at rest about take without a graphics card."""
    return len(frame.scene.projections) * targets.width * targets.height * MOST_STEPS / 2 * STEP_SECONDS


def _rows_to_texture(
    to_pixels: NDArray[np.float64], eye: NDArray[np.float64], shape: tuple[int, ...]
) -> NDArray[np.float32]:
    """(2, 4): from x, y, 1 in angstrom from the viewer to where a texture is read, 0 to 1."""
    rows = np.zeros((2, 4))
    rows[:, :3] = to_pixels
    rows[:, 2] += to_pixels[:, :2] @ eye[:2] + 0.5  # the outer corner of the first pixel is at -0.5
    rows[0] /= shape[1]
    rows[1] /= shape[0]
    return rows.astype(np.float32)
