"""How particles and filaments look in the 3D scene that would be picked."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from ais.annotation.feature_operations import PALETTE
from ais.gui.picking_work import SEEN_RADII, Picked
from ais.gui.scene.contents import SHOWN, ParticleItem, Rgb, SurfaceItem

if TYPE_CHECKING:
    from ais.gui.editor import Editor
    from ais.surfaces import Surface

PREVIEW_KEY = ("picking", "preview")
MOST_IN_SCENE = 200_000
MARK_SHARE = 0.35
"""How much of white is in the colour of marks: they lie over the volume that they are picked from."""


def mark_colour(volume: Rgb) -> Rgb:
    """Of marks: the colour of the volume, but brighter."""
    red, green, blue = (part + (1 - part) * MARK_SHARE for part in volume)
    return red, green, blue


def preview_item(editor: Editor, picked: Picked, colour: Rgb) -> ParticleItem:
    """Particles that would be picked, as spheres, or as arrows where they point somewhere."""
    positions, directions = scene_places(editor, picked)
    count = len(positions)
    return ParticleItem(
        key=PREVIEW_KEY,
        positions=positions,
        directions=directions,
        colours=np.tile(np.array(colour, np.float32), (count, 1)),
        states=np.full(count, SHOWN, np.uint8),
        radius=SEEN_RADII * picked.radius * editor.rendering.voxel_size,
        body="sphere" if directions is None else "arrow",
    )


def tubes_item(editor: Editor, surface: Surface, colour: Rgb) -> SurfaceItem:
    """Filaments that would be picked, each a tube in a colour of its own."""
    rendering = editor.rendering
    places = surface.vertices * np.float32(rendering.voxel_size) + np.array(rendering.origin, np.float32)
    count = surface.volumes.size
    colours = np.array([PALETTE[number % len(PALETTE)] for number in range(count)], np.float32).reshape(-1, 3)
    colours += (1 - colours) * np.float32(MARK_SHARE)  # else they look like the volumes that have these colours
    states = np.full(count, SHOWN, np.uint8)
    volumes = surface.volumes * rendering.voxel_size**3
    return SurfaceItem(PREVIEW_KEY, replace(surface, vertices=places, volumes=volumes), colour, 1.0, states, colours)


def scene_places(editor: Editor, picked: Picked) -> tuple[NDArray[np.float32], NDArray[np.float32] | None]:
    """Where picks are in the scene, (n, 3) x, y, z in angstrom, and where they point, (n, 3) or None."""
    rendering, directions = editor.rendering, picked.directions
    places = picked.table.positions[:MOST_IN_SCENE] * rendering.voxel_size + np.array(rendering.origin)
    pointing = None if directions is None else directions[:MOST_IN_SCENE].astype(np.float32)
    return places.astype(np.float32), pointing
