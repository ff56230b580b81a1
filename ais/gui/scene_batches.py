"""Which volumes of which tomograms are saved as surfaces together, and how they look."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from ais.annotation.entries import Colour
from ais.annotation.volume_looks import LOOK_DEFAULT, Removals, VolumeEntry
from ais.errors import AisError
from ais.gui.volume_search import SEPARATOR, SearchPlan, find, volumes_of
from ais.scene_files.contents import Point
from ais.scene_files.naming import plain_name, unique_names
from ais.tomogram import Tomogram

if TYPE_CHECKING:
    from ais.annotation import TomogramEntry
    from ais.scene_files.volumes import SceneTask, VolumeLook

LEAST_LEVEL = 0.5

Defaults = Callable[[str, int], tuple[Colour, float, float]]
"""Gives colour, level and dust of a feature's name, or, for a name that nobody knows, of its number among volumes."""


def looks_of(
    entry: TomogramEntry,
    shared: Path,
    results: tuple[Path, ...],
    volumes: Sequence[VolumeEntry],
    defaults: Defaults,
) -> list[VolumeLook]:
    """How the volumes of a tomogram look, in the order of their names; those that are hidden are left out.

    Parameters
    ----------
    entry
        The tomogram.
    shared
        A folder with volumes of several tomograms.
    results
        Volumes that were exported from it.
    volumes
        What the project knows of its volumes.
    defaults
        For what the project does not know.
    """
    from ais.scene_files.volumes import VolumeLook

    folders = frozenset({entry.path.parent, shared, *(path.parent for path in results)})
    known = {volume.path: volume for volume in volumes}
    made = frozenset(results)
    found = find(SearchPlan(entry.path, folders, frozenset(known) | made))
    origin = _origin_of(entry)
    looks: list[VolumeLook] = []
    for volume in volumes_of(entry.path, found, made, known):
        look = known[volume.path].look if volume.path in known else LOOK_DEFAULT
        if volume.missing or not look.shown:
            continue
        colour, level, dust = defaults(volume.feature, len(looks))
        removals = look.removals
        looks.append(
            VolumeLook(
                volume.path,
                volume.feature,
                look.colour or colour,
                look.alpha,
                max(look.level if look.level is not None else level, LEAST_LEVEL),
                look.dust if look.dust is not None else dust,
                look.bin or 1,
                look.smooth,
                Removals((*removals.removed, *look.hidden), removals.kept),
                entry.voxel_size or None,
                origin,
            )
        )
    return looks


def _origin_of(entry: TomogramEntry) -> Point | None:
    """Where the scene shows the tomogram and all volumes of it; None, for what their files say, if it is not there."""
    try:
        with Tomogram.open(entry.path, entry.voxel_size or None) as tomogram:
            return tomogram.origin
    except (AisError, OSError):
        return None


def tasks_of(
    entry: TomogramEntry, looks: list[VolumeLook], folder: Path, ending: str, *, together: bool
) -> list[SceneTask]:
    """The files that are made of a tomogram's volumes: one for all of them, or one for each."""
    from ais.scene_files.volumes import SceneTask

    name = plain_name(entry.name)
    if not looks:
        return []
    if together:
        return [SceneTask(folder / f"{name}{ending}", tuple(looks))]
    names = unique_names(f"{name}{SEPARATOR}{look.name}" for look in looks)
    return [SceneTask(folder / f"{own}{ending}", (look,)) for own, look in zip(names, looks, strict=True)]
