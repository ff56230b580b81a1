"""Components and particles of the 3D scene: what they are called, where they lie, how large they are."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ais.gui.display import MAX_SCALE, Placement
from ais.gui.lengths import ANGSTROM_PER
from ais.gui.particle_sets import SET_KEY
from ais.gui.scene.contents import Hit, ParticleItem, Point, SurfaceItem
from ais.surfaces import A3_PER_NM3, Surface

if TYPE_CHECKING:
    from ais.gui.editor import Editor

Item = SurfaceItem | ParticleItem
Rows = tuple[tuple[str, str], ...]
"""What is told of something: labels and texts."""

ZOOM_SHARE = 0.35
"""Of the slice view that a thing fills after a jump to it."""
LEAST_VOXELS = 12.0
"""Smaller things are not enlarged further."""
MOST_COLUMNS, MOST_GROUPS = 12, 6
COLUMN_WORDS = {
    "aisParticleWeight": ("Weight", 1.0, ""),
    "aisParticleVolume": ("Volume", 1 / A3_PER_NM3, " nm³"),
    "aisParticleID": ("Rank", 1.0, ""),
    "aisDistance": ("Distance", 0.1, " nm"),
    "rlnHelicalTubeID": ("Filament", 1.0, ""),
    "rlnHelicalTrackLengthAngst": ("Along it", 0.1, " nm"),
}
"""What columns are called that Ais writes, and in what unit they are shown."""


@dataclass(frozen=True)
class Thing:
    """A component of a volume or a particle, or several of them as one.

    Attributes
    ----------
    name
        Such as "ribosome 12", or "3 selected".
    centre
        x, y, z in angstrom.
    extent
        Lengths along x, y, z in angstrom.
    volume_nm3
        Of the components in it; None without any.
    rows
        What else is told of it.
    """

    name: str
    centre: Point
    extent: Point
    volume_nm3: float | None = None
    rows: Rows = ()


def items_of(editor: Editor) -> tuple[Item, ...]:
    """Everything in the scene of which parts can be selected."""
    rendering = editor.rendering
    return (*rendering.volumes.items(), *rendering.particles.items(), *rendering.picking.items())


def name_and_volume(editor: Editor, key: Hashable, index: int) -> tuple[str, float | None] | None:
    """What a component or a particle is called, and its volume in nm3; None if it is not in the scene any more."""
    item = next((item for item in items_of(editor) if item.key == key), None)
    if item is None or not 0 <= index < len(item.states):
        return None
    volume = float(item.surface.volumes_nm3[index]) if isinstance(item, SurfaceItem) else None
    return f"{group_name(editor, key)} {index + 1}", volume


def group_name(editor: Editor, key: Hashable) -> str:
    """What a volume or a set of particles is called."""
    rendering = editor.rendering
    volume = rendering.volumes.volume(key)
    if volume is not None:
        return volume.name
    return rendering.particles.name_of(key) or "Preview"


def things(editor: Editor, chosen: Sequence[tuple[Item, NDArray[np.intp]]]) -> Thing | None:
    """What has been chosen, as one thing.

    Parameters
    ----------
    editor
        Knows more of each.
    chosen
        Items of the scene with the numbers of their parts.
    """
    groups = [(item, numbers[numbers < len(item.states)]) for item, numbers in chosen]
    groups = [(item, numbers) for item, numbers in groups if len(numbers)]
    count = sum(len(numbers) for _, numbers in groups)
    if count == 0:
        return None
    boxes = np.array([_box(item, numbers) for item, numbers in groups])
    low, high = boxes[:, 0].min(axis=0), boxes[:, 1].max(axis=0)
    volumes = [item.surface.volumes_nm3[numbers].sum() for item, numbers in groups if isinstance(item, SurfaceItem)]
    volume = float(sum(volumes)) if volumes else None
    if count == 1:
        item, index = groups[0][0], int(groups[0][1][0])
        known = editor.rendering.volumes.component(item.key, index)
        centre = known.centre if known is not None else _point((low + high) / 2)
        name = f"{group_name(editor, item.key)} {index + 1}"
        rows: Rows = tuple(_in_words(*row) for row in editor.rendering.particles.columns_of(item.key, index))
        rows = rows[:MOST_COLUMNS]
        if known is not None:
            border = (("Border", "Reaches the border of the tomogram"),) if known.at_border else ()
            rows = (("Weight", f"{known.weight:,.0f} (sum of the values)"), *border)
        return Thing(name, centre, _point(high - low), volume, rows)
    rows = tuple((group_name(editor, item.key), f"{len(numbers)} selected") for item, numbers in groups[:MOST_GROUPS])
    return Thing(f"{count} selected", _point((low + high) / 2), _point(high - low), volume, rows)


def facts(editor: Editor, found: Thing) -> Rows:
    """All that is told of a thing, first its name."""
    z, y, x = editor.rendering.to_voxel(found.centre)
    place = f"x {x:.1f}  y {y:.1f}  z {z:.1f}"
    shown, units = editor.shown, editor.settings.units
    if shown is None or shown.tomogram.voxel_size <= 0:
        return (("Name", found.name), ("Centre", place), *found.rows)
    per = ANGSTROM_PER[units]
    share = shown.tomogram.voxel_size / per
    place += f"\n({x * share:.1f}, {y * share:.1f}, {z * share:.1f} {units})"
    volume = (("Volume", f"{found.volume_nm3:,.4g} nm³"),) if found.volume_nm3 is not None else ()
    size = " x ".join(f"{length / per:.1f}" for length in found.extent)
    return (("Name", found.name), ("Centre", place), *volume, ("Size", f"{size} {units}"), *found.rows)


def jump_to(editor: Editor, hit: Hit) -> None:
    """Show in the slices what has been hit: the cross-hair goes to its middle, and the XY view comes near it."""
    item = next((item for item in items_of(editor) if item.key == hit.key), None)
    found = things(editor, [(item, np.array([hit.index]))]) if item is not None else None
    if found is not None:
        show_in_slices(editor, found)


def select_in_lists(editor: Editor, key: Hashable) -> None:
    """Select the volume or the set of particles in its list, so that what can be set of it is at hand."""
    volumes, particles = editor.rendering.volumes, editor.rendering.particles
    volume = volumes.volume(key)
    if volume is not None:
        volumes.selected = volume.path
    else:
        number = next((one.id for one in particles.sets if (SET_KEY, one.id) == key), None)
        particles.selected = number if number is not None else particles.selected


def show_in_slices(editor: Editor, found: Thing) -> None:
    """Move the cross-hair to the middle of a thing, and the XY view so near that it fills a third of it."""
    shell, view = editor.shell, editor.view("xy")
    if shell.scene_alone:
        shell.scene, shell.scene_alone = True, False
    z, y, x = editor.rendering.to_voxel(found.centre)
    editor.sight.go_to(z, y, x)
    if view.placement is None:
        return
    voxels = max(max(found.extent[:2]) / editor.rendering.voxel_size, LEAST_VOXELS)
    scale = min(ZOOM_SHARE * min(view.size) / voxels, MAX_SCALE)
    view.placement = Placement(y, x, max(scale, view.placement.scale))


def _box(item: Item, numbers: NDArray[np.intp]) -> tuple[NDArray[Any], NDArray[Any]]:
    """Opposite corners, x, y, z in angstrom, of a box around parts of an item."""
    if isinstance(item, ParticleItem):
        places = item.positions[numbers].astype(float)
        return places.min(axis=0) - item.radius, places.max(axis=0) + item.radius
    places = _vertices(item.surface, numbers)
    if not len(places):
        return np.zeros(3), np.zeros(3)
    return places.min(axis=0).astype(float), places.max(axis=0).astype(float)


def _vertices(surface: Surface, numbers: NDArray[np.intp]) -> NDArray[np.float32]:
    if len(numbers) == 1:
        return surface.vertices[surface.vertex_starts[numbers[0]] : surface.vertex_starts[numbers[0] + 1]]
    wanted = np.zeros(len(surface.volumes), bool)
    wanted[numbers] = True
    places: NDArray[np.float32] = surface.vertices[np.repeat(wanted, np.diff(surface.vertex_starts))]
    return places


def _in_words(column: str, value: str) -> tuple[str, str]:
    """A column that Ais itself wrote as people call it, with its unit; others as they are in their file."""
    words = COLUMN_WORDS.get(column)
    if words is None:
        return column, value
    name, scale, unit = words
    try:
        return name, f"{float(value) * scale:,.4g}{unit}"
    except ValueError:
        return name, value


def _point(values: NDArray[Any]) -> Point:
    return float(values[0]), float(values[1]), float(values[2])
