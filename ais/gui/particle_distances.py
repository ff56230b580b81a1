"""The distance of each particle to the surface of a segmented volume, as a column to colour and filter by."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from ais.annotation import ParticleSet, SetParticleColumn
from ais.annotation.volume_looks import Removals
from ais.errors import AisError
from ais.picking import DISTANCE_COLUMN
from ais.tomogram import Tomogram

if TYPE_CHECKING:
    from ais.gui.background import Work
    from ais.gui.editor import Editor
    from ais.gui.scene_volume import SceneVolume
    from ais.project import Project

LEVEL = 128.0
"""Of a surface whose level nobody has chosen, on the scale of 0 to 255."""


def distance_label(feature: str) -> str:
    """Label of the column of distances to a feature; star files allow no blanks in it."""
    return f"{DISTANCE_COLUMN}_{re.sub(r'[^0-9A-Za-z]+', '_', feature).strip('_') or 'surface'}"


def measure_distances(editor: Editor, one: ParticleSet, volume: SceneVolume) -> None:
    """Measure the distances of a set's particles to a volume's surface, and add them to the set as a column.

    Parameters
    ----------
    editor
        Whose project the set is in; its tomogram is on the screen.
    one
        The set.
    volume
        Of the same tomogram; components that were removed from it do not count.
    """
    document, shown = editor.document, editor.shown
    if document is None or shown is None:
        return
    look, path = volume.look, volume.path
    shape, voxel_size = shown.shape, shown.tomogram.voxel_size
    level, removals = LEVEL if look.level is None else look.level, editor.rendering.volumes.removals(path)
    label = distance_label(volume.feature)

    def measure(project: Project) -> NDArray[np.float64]:
        positions = one.positions(project.particle_table(one).positions)
        return distances(positions, path, shape, voxel_size, level, removals)

    def begin(project: Project) -> None:
        def there(values: NDArray[np.float64]) -> None:
            if editor.document is document:
                editor.submit(SetParticleColumn(one.id, label, values), told)

        def told(_: object) -> None:
            editor.notices.say(f"{one.name}: distances to {volume.name} are the column {label}.")

        def work(_: Work) -> NDArray[np.float64]:
            return measure(project)

        editor.background.run(work, there, title=f"Measuring distances to {volume.name}", awaited=False)

    document.ask(lambda project: project, begin)


def distances(
    positions: NDArray[np.float64],
    path: Path,
    shape: tuple[int, int, int],
    voxel_size: float,
    level: float,
    removals: Removals,
) -> NDArray[np.float64]:
    """Angstrom (voxels without a voxel size) from positions to the surface of a volume file.

    Parameters
    ----------
    positions
        (n, 3) x, y, z in voxels.
    path
        The segmented volume.
    shape, voxel_size
        (nz, ny, nx) of the tomogram, which the volume must have too, and its voxel size in angstrom, 0 if not known.
    level
        Of the surface, 0 to 255.
    removals
        What was removed from the volume.

    Raises
    ------
    AisError
        If the file cannot be read, is not of this tomogram, or nothing of it reaches the level.
    """
    from ais.orientation import distances_to_surface

    with Tomogram.open(path, voxel_size or None) as volume:
        if volume.shape != shape:
            theirs, ours = (" x ".join(map(str, counts[::-1])) for counts in (volume.shape, shape))
            raise AisError(f"{path} has {theirs} voxels and the tomogram {ours}: choose a volume made of it.")
        values: NDArray[np.float64] | Tomogram = volume
        if removals:
            from ais.removal import without

            values = without(volume, removals, level)
        found = distances_to_surface(positions, values, level, voxel_sizes=volume.voxel_sizes)
    if len(found) and not np.isfinite(found).any():
        raise AisError(f"Nothing of {path.name} reaches the level {level:g}, so that it has no surface.")
    return found
