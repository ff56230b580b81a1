"""Particles of sets by mouse in a slice, while the tab Render is in front: a click selects, a drag moves."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from ais.annotation import MoveParticle
from ais.gui.display import PLANES
from ais.gui.particle_sets import SET_KEY, DraggedParticle
from ais.gui.state import Tab, Tool
from ais.gui.tools import Pointer

if TYPE_CHECKING:
    from ais.gui.editor import Editor

NEAR_PX = 6.0
"""A particle can be taken hold of this near to its centre on the screen, however small it is."""
MOVES_PX = 3.0
"""A press that moves less is a click."""
TOOLS = (Tool.BRUSH, Tool.FLOOD)
"""In whose hands a particle can be taken hold of; others have work of their own wherever they are pressed."""


class ParticleDrag:
    """A particle that is selected by a press and follows the pointer.

    Parameters
    ----------
    editor
        Where it is.
    pointer
        Where the button was pressed.
    particle_set, particle
        Numbers of its set and of the particle.
    """

    def __init__(self, editor: Editor, pointer: Pointer, particle_set: int, particle: int) -> None:
        self._editor = editor
        self._set = particle_set
        self._particle = particle
        self._from = _voxel(editor, pointer)
        self._start = editor.rendering.particles.voxel((SET_KEY, particle_set), particle) or self._from
        self._moved = False
        particles = editor.rendering.particles
        if pointer.ctrl:
            particles.toggle(particle_set, particle)
        elif particle not in particles.chosen((SET_KEY, particle_set)):
            particles.choose(particle_set, [particle])

    def move(self, pointer: Pointer) -> None:
        """Follow the pointer, inside the tomogram; a project that can only be read keeps its particles."""
        editor = self._editor
        if editor.shown is None or editor.read_only:
            return
        here = _voxel(editor, pointer)
        self._moved = self._moved or math.dist(here, self._from) * pointer.scale > MOVES_PX
        if not self._moved:
            return
        wanted = [start + to - begun for start, to, begun in zip(self._start, here, self._from, strict=True)]
        z, y, x = (min(max(at, 0.0), n - 1.0) for at, n in zip(wanted, editor.shown.shape, strict=True))
        editor.rendering.particles.dragged = DraggedParticle(self._set, self._particle, (z, y, x))

    def release(self, pointer: Pointer) -> None:
        """Let it lie where it is; one that has not been moved stays where it was."""
        self.move(pointer)
        particles = self._editor.rendering.particles
        dragged = particles.dragged
        if dragged is None:
            return

        z, y, x = dragged.position
        # It is drawn there until what is shown of the set has it there.
        self._editor.submit(
            MoveParticle(self._set, self._particle, (x, y, z)),
            lambda _: particles.drop(dragged),
            self.cancel,
        )

    def cancel(self) -> None:
        """Leave it where it was."""
        self._editor.rendering.particles.dragged = None


def begin_particle(editor: Editor, pointer: Pointer) -> ParticleDrag | None:
    """Take hold of the particle under the pointer; None if there is none, or particles are not what is worked on."""
    if editor.state.tab is not Tab.RENDER or editor.state.tool not in TOOLS or pointer.shift or pointer.alt:
        return None
    found = particle_under(editor, pointer)
    return None if found is None else ParticleDrag(editor, pointer, *found)


def particle_under(editor: Editor, pointer: Pointer) -> tuple[int, int] | None:
    """Numbers of the set and of the particle that the pointer is on, or nearly on; the nearest of those seen."""
    if editor.shown is None or editor.state.overlays_hidden:
        return None
    particles, size = editor.rendering.particles, editor.rendering.voxel_size
    here = np.array(_voxel(editor, pointer)[::-1])
    axis = 2 - PLANES.index(pointer.plane)
    best: tuple[float, int, int] | None = None
    for one in particles.sets:
        look, shown = particles.look(one), particles.shown(one.id)
        if shown is None or not look.shown:
            continue
        radius = look.radius / size
        near = shown.near(axis, pointer.position, max(radius, 0.5))
        if not len(near):
            continue
        offsets = shown.positions[near] - here
        off = np.abs(shown.positions[near, axis] - pointer.position)
        across = np.sqrt(np.maximum((offsets**2).sum(axis=1) - offsets[:, axis] ** 2, 0))
        reach = np.maximum(np.sqrt(np.maximum(radius**2 - off**2, 0)), NEAR_PX / pointer.scale)
        at = int(np.argmin(np.where(across <= reach, across, np.inf)))
        if across[at] <= reach[at] and (best is None or across[at] < best[0]):
            best = float(across[at]), one.id, int(near[at])
    return None if best is None else best[1:]


def _voxel(editor: Editor, pointer: Pointer) -> tuple[float, float, float]:
    assert editor.shown is not None
    return editor.shown.voxel(pointer.plane, pointer.position, pointer.row, pointer.column)
