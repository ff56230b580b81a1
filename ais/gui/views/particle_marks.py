"""Particles of sets over a slice: a circle where each one's ball is cut, a line where it has a direction."""

from __future__ import annotations

from typing import Any

import numpy as np
from imgui_bundle import ImVec2
from numpy.typing import NDArray

from ais.annotation import ParticleLook
from ais.gui.display import PLANES
from ais.gui.editor import Editor
from ais.gui.particle_sets import SET_KEY
from ais.gui.shown_particles import ShownParticles
from ais.gui.state import Tab
from ais.gui.theme import packed
from ais.gui.tools import Pointer
from ais.gui.tools.particles import TOOLS, particle_under
from ais.gui.views.canvas import BLACK, SHADOW, WHITE, Canvas

LEAST_RADIUS_PX = 3.0
DIMMED = 0.4
"""Opacity where the slice does not go through the centre."""
MOST_SHADOWED = 400
MOST_DRAWN = 2500
"""In one slice; of more, those nearest to it, since drawing has to keep up with browsing."""
ARROW_RADII = 3.0
WIDTH = 1.5


def draw_particles(editor: Editor, canvas: Canvas, pointer: Pointer | None) -> None:
    """Draw the particles of all sets that are seen; those that are selected, or under the pointer, stand out."""
    particles = editor.rendering.particles
    if editor.shown is None:
        return
    dragged = particles.dragged
    for one in particles.sets:
        look, shown = particles.look(one), particles.shown(one.id)
        if shown is not None and look.shown:
            left_out = dragged.particle if dragged is not None and dragged.particle_set == one.id else None
            chosen = particles.chosen((SET_KEY, one.id))
            _draw_set(canvas, shown, look, editor.rendering.voxel_size, chosen, left_out)
    if dragged is not None:
        found = particles.find(dragged.particle_set)
        if found is not None:
            radius = particles.look(found).radius / editor.rendering.voxel_size
            _ring_at(canvas, dragged.position, radius)
    elif pointer is not None and editor.gesture is None and _may_take_hold(editor, pointer):
        under = particle_under(editor, pointer)
        place = particles.voxel((SET_KEY, under[0]), under[1]) if under is not None else None
        found = particles.find(under[0]) if under is not None else None
        if place is not None and found is not None:
            _ring_at(canvas, place, particles.look(found).radius / editor.rendering.voxel_size)


def _may_take_hold(editor: Editor, pointer: Pointer) -> bool:
    free = not (pointer.shift or pointer.alt)
    return free and editor.state.tab is Tab.RENDER and editor.state.tool in TOOLS


def _draw_set(
    canvas: Canvas,
    shown: ShownParticles,
    look: ParticleLook,
    voxel_size: float,
    chosen: NDArray[np.intp],
    left_out: int | None,
) -> None:
    """Draw one set; whatever is the same for all is computed for all at once."""
    axis = 2 - PLANES.index(canvas.plane)
    radius = look.radius / voxel_size
    near = shown.near(axis, canvas.position, max(radius, 0.5))
    if left_out is not None:
        near = near[near != left_out]
    if not len(near):
        return
    places = shown.positions[near]
    x, y = _on_screen(canvas, places, axis)
    distance = np.abs(places[:, axis] - canvas.position)
    sections = np.sqrt(np.maximum(radius**2 - distance**2, 0)) * canvas.scale
    sections = np.maximum(sections, LEAST_RADIUS_PX)
    (left, top), (width, height) = canvas.view.origin, canvas.view.size
    seen = (x > left - sections) & (x < left + width + sections)
    seen &= (y > top - sections) & (y < top + height + sections)
    rows = np.flatnonzero(seen)
    if len(rows) > MOST_DRAWN:
        rows = rows[np.argpartition(distance[rows], MOST_DRAWN)[:MOST_DRAWN]]
    rows = rows[np.argsort(-distance[rows], kind="stable")]
    shadowed = len(rows) <= MOST_SHADOWED
    here = distance[rows] <= 0.5
    inks = _packed(shown.colours[near[rows]], np.where(here, 1.0, DIMMED))
    draw, shadow = canvas.draw_list, packed(BLACK, SHADOW)
    centres = [ImVec2(*place) for place in zip(x[rows].tolist(), y[rows].tolist(), strict=True)]
    radii = sections[rows].tolist()
    if shadowed:
        for centre, section in zip(centres, radii, strict=True):
            draw.add_circle(centre, section, shadow, 0, WIDTH + 2)
    for centre, section, ink in zip(centres, radii, inks, strict=True):
        draw.add_circle(centre, section, ink, 0, WIDTH)
    if look.body == "arrow" and shown.directions is not None:
        tips = places[rows] + ARROW_RADII * radius * shown.directions[near[rows]]
        for centre, ink, *tip in zip(
            centres, inks, *(at.tolist() for at in _on_screen(canvas, tips, axis)), strict=True
        ):
            draw.add_line(centre, ImVec2(*tip), ink, WIDTH)
    elif shadowed:
        for at in np.flatnonzero(here).tolist():
            draw.add_circle_filled(centres[at], 1.5, inks[at])
    for at in np.flatnonzero(np.isin(near[rows], chosen)).tolist():
        draw.add_circle(centres[at], radii[at] + 2 * WIDTH, packed(WHITE), 0, WIDTH)


def _ring_at(canvas: Canvas, place: tuple[float, float, float], radius: float) -> None:
    """A white circle where a ball around a voxel z, y, x is cut."""
    normal = PLANES.index(canvas.plane)
    row, column = (at for number, at in enumerate(place) if number != normal)
    distance = abs(place[normal] - canvas.position)
    section = max(radius**2 - distance**2, 0.0) ** 0.5 * canvas.scale
    canvas.ring((row, column), max(section, LEAST_RADIUS_PX), WHITE, 1.0, 2.5)


def _on_screen(canvas: Canvas, places: NDArray[Any], axis: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Screen positions of places x, y, z in voxels, (n, 3)."""
    first, second = (number for number in (2, 1, 0) if number != axis)  # rows, then columns
    placement, view = canvas.view.placement, canvas.view
    row, column = places[:, first], places[:, second]
    if view.turned:
        row, column = column, row
    if placement is None:
        return row * 0, column * 0
    (left, top), (width, height) = view.origin, view.size
    x = (column - placement.column) * placement.scale + width / 2 + left
    y = height / 2 - (row - placement.row) * placement.scale + top
    return x, y


def _packed(colours: NDArray[np.float32], alpha: NDArray[np.float64]) -> list[int]:
    """Colours (n, 3) with opacities (n,) for a draw list."""
    parts = np.round(np.concatenate([colours, alpha[:, None]], axis=1) * 255).astype(np.uint32)
    return [int(ink) for ink in parts[:, 0] | parts[:, 1] << 8 | parts[:, 2] << 16 | parts[:, 3] << 24]
