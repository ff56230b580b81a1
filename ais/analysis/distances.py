"""How far the instances of one feature are from those of another."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from ais.analysis.labelling import Labelled
from ais.errors import AisError

if TYPE_CHECKING:
    from numpy.typing import NDArray

RELATIVE_TOLERANCE = 1e-4


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


def distances_between(first: Labelled, second: Labelled, *, feature: str = "") -> Distances:
    """Distances of the instances of one volume to the nearest instances of another volume of the same tomogram.

    Parameters
    ----------
    first, second
        Of `ais.analysis.labelling.label_instances`; the same shape and voxel size.
    feature
        What the second is called.

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
        start = _nearest_voxels(first, second)
        end, owner = _outer_voxels(second)
        # Only one voxel of each instance: a tree is slow where many places are about equally far.
        away, partner = (np.asarray(found) for found in KDTree(end * sizes).query(start * sizes))
        surface, nearest = away.astype(np.float64), second.ids[owner[partner] - 1]
        _mark_overlaps(second, start, surface, nearest)
        centre = np.asarray(KDTree(_centroids(second) * sizes).query(_centroids(first) * sizes)[0], dtype=np.float64)
    return Distances(feature, surface, nearest, centre)


def _nearest_voxels(first: Labelled, second: Labelled) -> NDArray[np.int64]:
    """(n, 3) z, y, x: of each instance, the voxel that is nearest to any instance of the other volume."""
    import edt

    low = np.minimum(first.boxes[:, :, 0].min(axis=0), second.boxes[:, :, 0].min(axis=0))
    high = np.maximum(first.boxes[:, :, 1].max(axis=0), second.boxes[:, :, 1].max(axis=0))
    box = tuple(slice(int(start), int(stop)) for start, stop in zip(low, high, strict=True))
    away = edt.edtsq((second.labels[box] == 0).view(np.uint8), anisotropy=first.voxel_sizes, parallel=0)
    labels = np.ascontiguousarray(first.labels[box])
    index = np.flatnonzero(labels)
    owner = labels.ravel()[index]
    order = np.lexsort((away.ravel()[index], owner))
    leading = order[np.flatnonzero(np.diff(owner[order].astype(np.int64), prepend=0))]
    return np.asarray(np.stack(np.unravel_index(index[leading], labels.shape), axis=1) + low)


def _outer_voxels(labelled: Labelled) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Voxels (n, 3) with a face-neighbour outside of their instance, and their labels (n,)."""
    labels = labelled.labels
    points, owners = [], []
    for index, box in enumerate(labelled.boxes):
        low, high = np.maximum(box[:, 0] - 1, 0), np.minimum(box[:, 1] + 1, labels.shape)
        crop = labels[tuple(slice(int(start), int(stop)) for start, stop in zip(low, high, strict=True))] == index + 1
        inner = np.ones_like(crop)
        for axis in range(3):
            near, here = np.moveaxis(inner, axis, 0), np.moveaxis(crop, axis, 0)
            near[1:] &= here[:-1]
            near[:-1] &= here[1:]
        found = np.argwhere(crop & ~inner)
        if not len(found):  # it fills the volume
            found = np.argwhere(crop)
        points.append(found + low)
        owners.append(np.full(len(found), index + 1, dtype=np.int64))
    return np.concatenate(points), np.concatenate(owners)


def _mark_overlaps(
    second: Labelled,
    start: NDArray[np.int64],
    surface: NDArray[np.float64],
    nearest: NDArray[np.int64],
) -> None:
    """Set the distance of instances that share voxels with the other feature to 0; these are their nearest voxels."""
    there = second.labels[tuple(start.T)].astype(np.int64)
    shared = there > 0
    surface[shared] = 0.0
    nearest[shared] = second.ids[there[shared] - 1]


def _centroids(labelled: Labelled) -> NDArray[np.float64]:
    """(n, 3) z, y, x in voxels."""
    index = np.flatnonzero(labelled.labels)
    owner = labelled.labels.ravel()[index].astype(np.int64)
    count = np.bincount(owner, minlength=len(labelled) + 1)[1:]
    axes = np.unravel_index(index, labelled.shape)
    sums = [np.bincount(owner, axis, minlength=len(labelled) + 1)[1:] for axis in axes]
    return np.stack(sums, axis=1) / count[:, None]
