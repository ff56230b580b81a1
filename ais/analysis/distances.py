"""How far the instances of one feature are from those of another."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from ais.analysis.labelling import Labelled
from ais.blobs import LARGEST_BOX_VOXELS
from ais.errors import AisError

if TYPE_CHECKING:
    from numpy.typing import NDArray

RELATIVE_TOLERANCE = 1e-4
SLAB_VOXELS = 1 << 24
"""So many voxels of the box of an instance are looked at at once."""
QUERIED_AT_ONCE = 1 << 20


@dataclass(frozen=True)
class Distances:
    """For each instance, how far the nearest instance of another feature is.

    Attributes
    ----------
    feature
        What is measured to; may be empty.
    surface
        (n,) float64, in angstrom, between the centres of the two voxels that are nearest to each other; 0 where they
        overlap; NaN if there is no instance of the other feature.
    nearest
        (n,) int64, the name of that other instance; 0 if there is none.
    centre
        (n,) float64, in angstrom, between the centroids of the instance and of the other one whose centroid is
        nearest; NaN if there is none.
    """

    feature: str
    surface: NDArray[np.float64]
    nearest: NDArray[np.int64]
    centre: NDArray[np.float64]

    def columns(self) -> dict[str, NDArray[Any]]:
        """Columns for a table."""
        return {
            "distance_A": self.surface,
            "nearest_id": self.nearest,
            "centre_distance_A": self.centre,
        }


def distances_between(
    first: Labelled, second: Labelled, *, feature: str = "", largest_box: int = LARGEST_BOX_VOXELS
) -> Distances:
    """Distances of the instances of one volume to the nearest instances of another volume of the same tomogram.

    Parameters
    ----------
    first, second
        Of `ais.analysis.labelling.label_instances`; the same shape and voxel size.
    feature
        What the second is called.
    largest_box
        If the box of all instances has more voxels, their surfaces are compared, and no array of the volume is made.

    Returns
    -------
    Distances
        Exact, also where voxels are not cubes.

    Raises
    ------
    AisError
        If the shapes or voxel sizes differ.
    """
    same_size = np.allclose(first.voxel_sizes, second.voxel_sizes, rtol=RELATIVE_TOLERANCE)
    if first.shape != second.shape or not same_size:
        raise AisError(
            f"The volumes have the shapes {first.shape} and {second.shape} and voxels of "
            f"{first.voxel_sizes[2]:g} and {second.voxel_sizes[2]:g} A: distances need two volumes of one tomogram."
        )
    count = len(first)
    surface = np.full(count, np.nan)
    nearest = np.zeros(count, dtype=np.int64)
    centre = np.full(count, np.nan)
    if count and len(second):
        from scipy.spatial import KDTree

        sizes = np.asarray(first.voxel_sizes)
        start = _nearest_voxels(first, second, largest_box)
        end, owner = _outer_voxels(second)
        # Only one voxel of each instance: a tree is slow where many places are about equally far.
        away, partner = (np.asarray(found) for found in KDTree(end * sizes).query(start * sizes))
        surface, nearest = away.astype(np.float64), second.ids[owner[partner] - 1]
        _mark_overlaps(second, start, surface, nearest)
        centre = np.asarray(KDTree(_centroids(second) * sizes).query(_centroids(first) * sizes)[0], dtype=np.float64)
    return Distances(feature, surface, nearest, centre)


def _nearest_voxels(first: Labelled, second: Labelled, largest_box: int) -> NDArray[np.int64]:
    """(n, 3) z, y, x: of each instance, the voxel that is nearest to any instance of the other volume."""
    import edt

    low = np.minimum(first.boxes[:, :, 0].min(axis=0), second.boxes[:, :, 0].min(axis=0))
    high = np.maximum(first.boxes[:, :, 1].max(axis=0), second.boxes[:, :, 1].max(axis=0))
    if (high - low).prod() > largest_box:
        return _nearest_surface_voxels(first, second)
    away = edt.edtsq((second.crop(low, high) == 0).view(np.uint8), anisotropy=first.voxel_sizes, parallel=0)
    labels = first.crop(low, high)
    index = np.flatnonzero(labels)
    owner = labels.ravel()[index]
    order = np.lexsort((away.ravel()[index], owner))
    leading = order[np.flatnonzero(np.diff(owner[order].astype(np.int64), prepend=0))]
    return np.asarray(np.stack(np.unravel_index(index[leading], labels.shape), axis=1) + low)


def _nearest_surface_voxels(first: Labelled, second: Labelled) -> NDArray[np.int64]:
    """The same without an array of the whole volume: what does not overlap is nearest with voxels of its surface."""
    from scipy.spatial import KDTree

    sizes = np.asarray(first.voxel_sizes)
    points, owner = _outer_voxels(first)
    tree = KDTree(_outer_voxels(second)[0] * sizes)
    away = np.empty(len(points))
    for begin in range(0, len(points), QUERIED_AT_ONCE):
        part = slice(begin, begin + QUERIED_AT_ONCE)
        away[part] = tree.query(points[part] * sizes, workers=-1)[0]
    order = np.lexsort((away, owner))
    nearest = points[order[np.flatnonzero(np.diff(owner[order], prepend=0))]]
    shared, places = first.shared_with(second)
    nearest[shared] = places
    return nearest


def _outer_voxels(labelled: Labelled) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Voxels (n, 3) with a face-neighbour outside of their instance, and their labels (n,)."""
    points, owners = [], []
    for index, box in enumerate(labelled.boxes):
        low, high = np.maximum(box[:, 0] - 1, 0), np.minimum(box[:, 1] + 1, labelled.shape)
        found = np.concatenate(list(_outer_parts(labelled, index, low, high)))
        if not len(found):  # it fills the volume
            found = np.argwhere(labelled.runs.mask(index, low, high)) + low
        points.append(found)
        owners.append(np.full(len(found), index + 1, dtype=np.int64))
    return np.concatenate(points), np.concatenate(owners)


def _outer_parts(
    labelled: Labelled, index: int, low: NDArray[np.int64], high: NDArray[np.int64]
) -> Iterator[NDArray[np.int64]]:
    """Outer voxels of an instance in some slices after the other."""
    step = max(1, SLAB_VOXELS // int((high - low)[1:].prod()))
    for z in range(int(low[0]), int(high[0]), step):
        # With the slices before and after, if there are any.
        first = np.array([max(z - 1, low[0]), low[1], low[2]])
        behind = np.array([min(z + step + 1, high[0]), high[1], high[2]])
        crop = labelled.runs.part(index, first, behind)
        inner = np.ones_like(crop)
        for axis in range(3):
            near, here = np.moveaxis(inner, axis, 0), np.moveaxis(crop, axis, 0)
            near[1:] &= here[:-1]
            near[:-1] &= here[1:]
        own = slice(z - int(first[0]), min(z + step, int(high[0])) - int(first[0]))
        yield np.argwhere((crop & ~inner)[own]) + np.array([z, low[1], low[2]])


def _mark_overlaps(
    second: Labelled,
    start: NDArray[np.int64],
    surface: NDArray[np.float64],
    nearest: NDArray[np.int64],
) -> None:
    """Set the distance of instances that share voxels with the other feature to 0; these are their nearest voxels."""
    there = second.at(start)
    shared = there > 0
    surface[shared] = 0.0
    nearest[shared] = second.ids[there[shared] - 1]


def _centroids(labelled: Labelled) -> NDArray[np.float64]:
    """(n, 3) z, y, x in voxels."""
    return labelled.runs.centroids
