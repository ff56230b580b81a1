"""Where in a tomogram the Curator looks for tiles: which slices, and what the user has judged or painted there."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ais.annotation import TomogramEntry
from ais.gui.document import Crop, crop_key, crop_of
from ais.project import Project
from ais.uncertainty import TileRule

NEAR_SLICES = 3
"""Slices near annotation are at most so far from annotated ones."""
MOST_PLACES = 500
MOST_ANNOTATED_SLICES = 40


@dataclass(frozen=True)
class CuratorPlaces:
    """Where tiles of a tomogram are looked for.

    Attributes
    ----------
    slices
        To be looked at, in order.
    taken
        z, y, x of boxes, which the user has judged.
    near
        z, y, x of places that are annotated, for the rule that asks for them.
    crop
        (x0, x1, y0, y1); None for the whole slice.
    """

    slices: list[int]
    taken: list[list[int]]
    near: list[list[int]]
    crop: tuple[int, int, int, int] | None


def curator_places(
    project: Project, entry: TomogramEntry, feature: int, rule: TileRule, count: int, size: int
) -> CuratorPlaces:
    """Where tiles of a feature are looked for in a tomogram.

    Parameters
    ----------
    project, entry
        Which tomogram.
    feature
        Its number.
    rule
        Which tiles are wanted.
    count
        How many slices are looked at, at most.
    size
        Side of a tile in pixels.
    """
    crop = crop_of(project.setting(crop_key(entry.id)))
    (z0, z1), part = _kept(crop, entry, size)
    taken = [[box.z, box.y, box.x] for box in project.boxes(entry.id, feature)]
    if rule is not TileRule.NEAR:
        chosen = np.linspace(z0, z1 - 1, min(max(count, 1), z1 - z0)).round().astype(int)
        return CuratorPlaces(sorted(set(chosen.tolist())), taken, [], part)
    annotated = project.annotated_slices(entry.id, feature)
    annotated = _spread(annotated, MOST_ANNOTATED_SLICES)
    near = [place for z in annotated for place in _painted(project.mask(entry.id, feature, z), z, size)]
    around = {z + step for z in annotated for step in range(-NEAR_SLICES, NEAR_SLICES + 1) if z0 <= z + step < z1}
    slices = sorted(_spread(sorted(around), count)) if near else []
    return CuratorPlaces(slices, taken, _spread(near, MOST_PLACES), part)


def _kept(
    crop: Crop | None, entry: TomogramEntry, size: int
) -> tuple[tuple[int, int], tuple[int, int, int, int] | None]:
    """Slices, and (x0, x1, y0, y1), of a crop region; all of the tomogram if no tile fits into it."""
    if crop is None or min(crop.y[1] - crop.y[0], crop.x[1] - crop.x[0]) < size:
        return (0, entry.shape[0]), None
    return crop.z, (*crop.x, *crop.y)


def _painted(mask: NDArray[np.uint8], z: int, size: int) -> list[list[int]]:
    """z, y, x of the middle of what is painted in each cell of a tile's size."""
    rows, columns = np.nonzero(mask)
    cells: dict[tuple[int, int], list[int]] = {}
    for index, cell in enumerate(zip((rows // size).tolist(), (columns // size).tolist(), strict=True)):
        cells.setdefault(cell, []).append(index)
    return [[z, round(rows[found].mean()), round(columns[found].mean())] for found in cells.values()]


def _spread(things: list[Any], count: int) -> list[Any]:
    """At most so many of them, evenly spread."""
    if len(things) <= count:
        return things
    return [things[index] for index in np.linspace(0, len(things) - 1, count).round().astype(int)]
