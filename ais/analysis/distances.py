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
        Exact, also where voxels are not cubes: only voxels beside the background are compared, among which the
        nearest always is.

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
        start, start_label = _outer_voxels(first)
        end, end_label = _outer_voxels(second)
        away, partner = (np.asarray(found) for found in KDTree(end * sizes).query(start * sizes, workers=-1))
        # Of the voxels of each instance, the one that is nearest to the other feature.
        order = np.lexsort((away, start_label))
        leading = order[np.flatnonzero(np.diff(start_label[order], prepend=0))]
        surface[start_label[leading] - 1] = away[leading]
        nearest[start_label[leading] - 1] = second.ids[end_label[partner[leading]] - 1]
        _mark_overlaps(first, second, surface, nearest)
        centre = np.asarray(KDTree(_centroids(second) * sizes).query(_centroids(first) * sizes)[0], dtype=np.float64)
    return Distances(feature, surface, nearest, centre)


def _outer_voxels(labelled: Labelled) -> tuple[NDArray[np.intp], NDArray[np.int64]]:
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


def _mark_overlaps(first: Labelled, second: Labelled, surface: NDArray[np.float64], nearest: NDArray[np.int64]) -> None:
    """Set the distance of instances that share voxels with the other feature to 0."""
    shared = np.flatnonzero((first.labels.ravel() > 0) & (second.labels.ravel() > 0))
    owners, index = np.unique(first.labels.ravel()[shared], return_index=True)
    surface[owners.astype(np.int64) - 1] = 0.0
    nearest[owners.astype(np.int64) - 1] = second.ids[second.labels.ravel()[shared[index]].astype(np.int64) - 1]


def _centroids(labelled: Labelled) -> NDArray[np.float64]:
    """(n, 3) z, y, x in voxels."""
    index = np.flatnonzero(labelled.labels)
    owner = labelled.labels.ravel()[index].astype(np.int64)
    count = np.bincount(owner, minlength=len(labelled) + 1)[1:]
    axes = np.unravel_index(index, labelled.shape)
    sums = [np.bincount(owner, axis, minlength=len(labelled) + 1)[1:] for axis in axes]
    return np.stack(sums, axis=1) / count[:, None]
