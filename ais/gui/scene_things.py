"""Components and particles of the 3D scene: what they are called, where they lie, how large they are."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ais.gui.display import MAX_SCALE, Placement
from ais.gui.lengths import ANGSTROM_PER
from ais.gui.scene.contents import Hit, ParticleItem, Point, SurfaceItem
from ais.gui.scene_view_state import Chosen

if TYPE_CHECKING:
    from ais.gui.editor import Editor

ZOOM_SHARE = 0.35
"""Of the slice view that a thing fills after a jump to it."""
FULL = 255.0
MOST_COLUMNS = 12
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
    more
        What else is known: names and texts.
    """

    chosen: Chosen
    name: str
    centre: Point
    extent: Point
    volume_nm3: float | None = None
    more: tuple[tuple[str, str], ...] = ()


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
    known = editor.rendering.volumes.component(key, index)
    surface = item.surface
    part = surface.vertices[surface.vertex_starts[index] : surface.vertex_starts[index + 1]]
    if not len(part):
        return None
    low, high = part.min(axis=0).astype(float), part.max(axis=0).astype(float)
    middle, extent = (low + high) / 2, high - low
    more: tuple[tuple[str, str], ...] = ()
    if known is not None:
        border = (("Border", "Reaches the border of the tomogram"),) if known.at_border else ()
        more = (("Weight", f"{known.weight / FULL:,.4g} (sum of the prediction)"), *border)
    return Thing(
        chosen,
        name,
        known.centre if known is not None else (float(middle[0]), float(middle[1]), float(middle[2])),
        (float(extent[0]), float(extent[1]), float(extent[2])),
        float(surface.volumes_nm3[index]),
        more,
    )


def facts(editor: Editor, found: Thing, centre: str = "Centre") -> list[tuple[str, str]]:
    """What is told of a thing: names and texts, first its own name and then, called `centre`, where it lies."""
    z, y, x = editor.rendering.to_voxel(found.centre)
    rows = [("Name", found.name), (centre, f"x {x:.1f}  y {y:.1f}  z {z:.1f}")]
    shown, units = editor.shown, editor.settings.units
    if shown is None or shown.tomogram.voxel_size <= 0:
        return [*rows, *found.more]
    per, size = ANGSTROM_PER[units], shown.tomogram.voxel_size
    rows[1] = (centre, f"{rows[1][1]}\n({x * size / per:.1f}, {y * size / per:.1f}, {z * size / per:.1f} {units})")
    if found.volume_nm3 is not None:
        rows.append(("Volume", f"{found.volume_nm3:,.4g} nm3"))
        rows.append(("Size", " x ".join(f"{length / per:.1f}" for length in found.extent) + f" {units}"))
    return [*rows, *found.more, *editor.rendering.particles.columns_of(*found.chosen)[:MOST_COLUMNS]]


def group_name(editor: Editor, key: Hashable) -> str:
    """What a volume or a set of particles is called."""
    rendering = editor.rendering
    volume = rendering.volumes.volume(key)
    if volume is not None:
        return volume.name
    return rendering.particles.name_of(key) or "Preview"


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


def _item(editor: Editor, key: Hashable) -> SurfaceItem | ParticleItem | None:
    rendering = editor.rendering
    items: tuple[SurfaceItem | ParticleItem, ...] = (
        *rendering.volumes.items(),
        *rendering.particles.items(),
        *rendering.picking.items(),
    )
    return next((item for item in items if item.key == key), None)
