"""Components and particles of the 3D scene: what they are called, where they lie, how large they are."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from ais.gui.display import MAX_SCALE, Placement
from ais.gui.scene.contents import Hit, ParticleItem, Point, SurfaceItem
from ais.gui.scene_view_state import Chosen

if TYPE_CHECKING:
    from ais.gui.editor import Editor

ZOOM_SHARE = 0.35
"""Of the slice view that a thing fills after a jump to it."""
LEAST_VOXELS = 12.0
"""Smaller things are not enlarged further."""


@dataclass(frozen=True)
class Thing:
    """A component of a volume, or a particle.

    Attributes
    ----------
    chosen
        Its item's key and its number.
    name
        Such as "ribosome 12".
    centre
        x, y, z in angstrom.
    extent
        Lengths along x, y, z in angstrom.
    volume_nm3
        None for particles.
    """

    chosen: Chosen
    name: str
    centre: Point
    extent: Point
    volume_nm3: float | None = None


def thing(editor: Editor, chosen: Chosen) -> Thing | None:
    """What has been chosen; None if it is not in the scene any more."""
    key, index = chosen
    item = _item(editor, key)
    if item is None or not 0 <= index < len(item.states):
        return None
    name = f"{group_name(editor, key)} {index + 1}"
    if isinstance(item, ParticleItem):
        x, y, z = (float(value) for value in item.positions[index])
        return Thing(chosen, name, (x, y, z), (2 * item.radius,) * 3)
    surface = item.surface
    part = surface.vertices[surface.vertex_starts[index] : surface.vertex_starts[index + 1]]
    if not len(part):
        return None
    low, high = part.min(axis=0).astype(float), part.max(axis=0).astype(float)
    centre, extent = (low + high) / 2, high - low
    return Thing(
        chosen,
        name,
        (float(centre[0]), float(centre[1]), float(centre[2])),
        (float(extent[0]), float(extent[1]), float(extent[2])),
        float(surface.volumes_nm3[index]),
    )


def group_name(editor: Editor, key: object) -> str:
    """What a volume or a set of particles is called."""
    del editor
    return key.stem.split("__")[-1] if isinstance(key, Path) else str(key)


def jump_to(editor: Editor, hit: Hit) -> None:
    """Show in the slices what has been hit: the cross-hair goes to its middle, and the XY view comes near it."""
    found = thing(editor, (hit.key, hit.index))
    if found is not None:
        show_in_slices(editor, found)


def show_in_slices(editor: Editor, found: Thing) -> None:
    """Move the cross-hair to the middle of a thing, and the XY view so near that it fills a third of it."""
    shell, view = editor.shell, editor.view("xy")
    if shell.scene_alone:
        shell.scene, shell.scene_alone = True, False
    z, y, x = editor.rendering.to_voxel(found.centre)
    editor.go_to(z, y, x)
    if view.placement is None:
        return
    voxels = max(max(found.extent[:2]) / editor.rendering.voxel_size, LEAST_VOXELS)
    scale = min(ZOOM_SHARE * min(view.size) / voxels, MAX_SCALE)
    view.placement = Placement(y, x, max(scale, view.placement.scale))


def _item(editor: Editor, key: object) -> SurfaceItem | ParticleItem | None:
    rendering = editor.rendering
    items: tuple[SurfaceItem | ParticleItem, ...] = (
        *rendering.volumes.items(),
        *rendering.particles.items(),
        *rendering.picking.items(),
    )
    return next((item for item in items if item.key == key), None)
