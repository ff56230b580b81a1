"""Particles from a segmented volume: where they are, how strongly they were predicted and how large they are."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from ais.blobs import LARGEST_BOX_VOXELS, complete_blobs
from ais.divided_blobs import DividedBlobs, Voxels, divide
from ais.errors import AisError
from ais.foreground import ThresholdedSlabs
from ais.formats.coord_table import Column, Coordinates
from ais.prediction import (
    ROUNDING,
    Scale,
    check_not_negative,
    check_threshold,
    checked_voxel_sizes,
    no_voxel_size,
    source_name,
    volume_shape,
)
from ais.progress import SILENT, Progress

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ais.tomogram import Tomogram

DISTANCE_COLUMN = "aisDistance"
_NO_PARTICLES = np.zeros((0, 3)), np.zeros(0), np.zeros(0, np.int64)


@dataclass(frozen=True)
class Picks:
    """Particles of one volume, heaviest first.

    Attributes
    ----------
    positions
        (n, 3) float64: x, y, z of the centroid in voxels, 0-based; a whole number is a voxel's centre.
    weight
        (n,) float64: sum of the prediction over the particle, on the 0 to 255 scale.
    volume
        (n,) float64, in cubic angstrom (in voxels if the voxel size is not known).
    id
        (n,) int64: 1 to n in this order.
    shape
        (nz, ny, nx) of the volume.
    voxel_sizes
        (z, y, x) in angstrom, zeros if not known.
    scale_note
        A sentence that says how the volume's values were understood.
    """

    positions: NDArray[np.float64]
    weight: NDArray[np.float64]
    volume: NDArray[np.float64]
    id: NDArray[np.int64]
    shape: tuple[int, int, int]
    voxel_sizes: tuple[float, float, float]
    scale_note: str

    def __len__(self) -> int:
        return len(self.id)

    def coordinates(
        self,
        tomogram: str,
        angles: NDArray[np.float64] | None = None,
        distances: NDArray[np.float64] | None = None,
    ) -> Coordinates:
        """The particles as a table, with the columns that `ais pick` writes.

        Parameters
        ----------
        tomogram
            Name of the tomogram, without folder and extension.
        angles
            (n, 3) rot, tilt, psi in degrees, if they are known (`ais.orientation.orient`).
        distances
            (n,) to another feature's surface in angstrom, if they are known.
        """
        columns: dict[str, Column] = {
            "aisParticleWeight": [f"{value:.1f}" for value in self.weight.tolist()],
            "aisParticleVolume": [f"{value:.1f}" for value in self.volume.tolist()],
            "aisParticleID": self.id.tolist(),
        }
        if distances is not None:
            columns[DISTANCE_COLUMN] = [f"{value:.2f}" for value in distances.tolist()]
        return Coordinates(self.positions, [tomogram] * len(self), angles, columns=columns)


@dataclass(frozen=True)
class Found:
    """All particles of a volume at one threshold, before any is left out, in the order of their places.

    Attributes
    ----------
    positions, weight, volume, shape, voxel_sizes, scale_note
        As in `Picks`.
    """

    positions: NDArray[np.float64]
    weight: NDArray[np.float64]
    volume: NDArray[np.float64]
    shape: tuple[int, int, int]
    voxel_sizes: tuple[float, float, float]
    scale_note: str

    def __len__(self) -> int:
        return len(self.weight)


def pick_particles(
    volume: NDArray[Any] | Tomogram,
    *,
    threshold: float = 128.0,
    min_volume: float = 0.0,
    spacing: float = 0.0,
    margin: float = 0.0,
    max_count: int | None = None,
    voxel_sizes: float | tuple[float, float, float] | None = None,
    progress: Progress = SILENT,
) -> Picks:
    """Find the particles in a segmented volume.

    Voxels at or above the threshold form blobs (connected by faces). Blobs are divided at their necks into particles
    (see `ais.separation.separate`), those below the minimum volume are dropped, of particles closer than the spacing
    only the heaviest stays, and what lies near the volume's faces is dropped last. A particle cut by a face has the
    centroid of the part that is there.

    Parameters
    ----------
    volume
        Prediction of shape (nz, ny, nx), an array or a tomogram, which is read in slabs. 8-bit unsigned and wider
        integers are taken as 0 to 255, int8 as 0 to 127, floating point as 0 to 1 unless its highest value is above
        1.5 (then 0 to 255), booleans as 0 and 255.
    threshold
        On the 0 to 255 scale. 0 takes every voxel above zero.
    min_volume
        Smallest particle kept, in cubic angstrom.
    spacing
        Smallest distance between two picks, in angstrom.
    margin
        Smallest distance of a pick to the outer faces of the volume's border voxels, in angstrom.
    max_count
        At most this many picks, the heaviest; None for all.
    voxel_sizes
        (z, y, x) or one number, in angstrom; by default the tomogram's. Needed if a length or a volume is given.
    progress
        Told how far the work is.

    Returns
    -------
    Picks
        Sorted by weight, heaviest first; none if nothing reaches the threshold.

    Raises
    ------
    AisError
        If an option is out of range, the voxel size is needed but not known, or the volume is not a volume of
        finite numbers.
    """
    _check_options(min_volume, spacing, margin, max_count)
    volume_shape(volume)
    if max(min_volume, spacing, margin) > 0 and not any(checked_voxel_sizes(volume, voxel_sizes)):
        raise no_voxel_size(source_name(volume))
    found = find_particles(
        volume, threshold=threshold, min_volume=min_volume, voxel_sizes=voxel_sizes, progress=progress
    )
    return select(found, min_volume=min_volume, spacing=spacing, margin=margin, max_count=max_count)


def find_particles(
    volume: NDArray[Any] | Tomogram,
    *,
    threshold: float = 128.0,
    min_volume: float = 0.0,
    voxel_sizes: float | tuple[float, float, float] | None = None,
    largest_box: int = LARGEST_BOX_VOXELS,
    progress: Progress = SILENT,
) -> Found:
    """Find all particles at a threshold; what takes time of `pick_particles`.

    Parameters
    ----------
    volume, threshold, voxel_sizes, progress
        See `pick_particles`.
    min_volume
        In cubic angstrom; smaller blobs are not divided, which saves time if they are left out later.
    largest_box
        A blob whose box has more voxels is divided in larger voxels, which bounds the memory.

    Returns
    -------
    Found
        For `select`, which may be called again and again with other limits.

    Raises
    ------
    AisError
        As `pick_particles`.
    """
    shape = volume_shape(volume)
    check_threshold(threshold)
    sizes = checked_voxel_sizes(volume, voxel_sizes)
    edges = _edges(sizes)
    voxel_volume = float(edges.prod())
    slabs = ThresholdedSlabs(volume, threshold)
    least = math.ceil(min_volume / voxel_volume - ROUNDING)
    found = [
        _centroids(divided, slabs.scale) for divided in _divided(volume, slabs, edges, least, largest_box, progress)
    ]
    positions, weight, count = (np.concatenate(parts) for parts in zip(_NO_PARTICLES, *found, strict=True))
    order = _by_place(positions)
    return Found(positions[order], weight[order], count[order] * voxel_volume, shape, sizes, slabs.note)


def long_axes(
    volume: NDArray[Any] | Tomogram,
    *,
    threshold: float = 128.0,
    voxel_sizes: float | tuple[float, float, float] | None = None,
    progress: Progress = SILENT,
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Where the particles are that `find_particles` finds, and in which direction each is longest.

    Parameters
    ----------
    volume, threshold, voxel_sizes, progress
        See `pick_particles`.

    Returns
    -------
    positions
        (n, 3) float64, as in `Picks`.
    axes
        (n, 3) float64: unit vectors x, y, z of the axis about which the prediction has the least moment of inertia.

    Raises
    ------
    AisError
        As `pick_particles`.
    """
    volume_shape(volume)
    check_threshold(threshold)
    edges = _edges(checked_voxel_sizes(volume, voxel_sizes))
    slabs = ThresholdedSlabs(volume, threshold)
    found, axes = [np.zeros((0, 3))], [np.zeros((0, 3))]
    for divided in _divided(volume, slabs, edges, 0, LARGEST_BOX_VOXELS, progress):
        positions, weight, _ = _centroids(divided, slabs.scale)
        moments = np.zeros((divided.count, 3, 3))
        for voxels in divided.voxels():
            offset = (np.stack([voxels.x, voxels.y, voxels.z], axis=1) - positions[voxels.owner]) * edges[::-1]
            mass = _weights(voxels, slabs.scale)
            for a in range(3):
                for b in range(a + 1):
                    _add(moments[:, a, b], voxels.owner, mass * offset[:, a] * offset[:, b])
        found.append(positions)
        axes.append(np.linalg.eigh(moments / weight[:, None, None])[1][:, :, 2])
    centres = np.concatenate(found)
    order = _by_place(centres)
    return centres[order], np.concatenate(axes)[order]


def select(
    found: Found,
    *,
    min_volume: float = 0.0,
    spacing: float = 0.0,
    margin: float = 0.0,
    max_count: int | None = None,
) -> Picks:
    """Leave out what is small, close to a heavier particle, near the volume's faces or one too many; fast.

    Parameters
    ----------
    found
        All particles.
    min_volume, spacing, margin, max_count
        See `pick_particles`.

    Returns
    -------
    Picks
        Sorted by weight, heaviest first.

    Raises
    ------
    AisError
        If an option is out of range, or the voxel size is needed but not known.
    """
    chosen = choose(found, min_volume=min_volume, spacing=spacing, margin=margin, max_count=max_count)
    return Picks(
        positions=found.positions[chosen],
        weight=found.weight[chosen],
        volume=found.volume[chosen],
        id=np.arange(1, len(chosen) + 1, dtype=np.int64),
        shape=found.shape,
        voxel_sizes=found.voxel_sizes,
        scale_note=found.scale_note,
    )


def choose(
    found: Found,
    *,
    min_volume: float = 0.0,
    spacing: float = 0.0,
    margin: float = 0.0,
    max_count: int | None = None,
) -> NDArray[np.intp]:
    """Which of the particles `select` takes: their indices, heaviest first; parameters and errors as there."""
    _check_options(min_volume, spacing, margin, max_count)
    if max(min_volume, spacing, margin) > 0 and not any(found.voxel_sizes):
        raise no_voxel_size("The volume")
    edges = _edges(found.voxel_sizes)
    chosen = _chosen(found.positions, found.weight, found.volume, edges, min_volume, spacing)
    inside = _inside(found.positions[chosen], found.shape, edges, margin)
    return chosen[inside][:max_count]


def _edges(sizes: tuple[float, float, float]) -> NDArray[np.float64]:
    return np.array(sizes) if any(sizes) else np.ones(3)


def _check_options(min_volume: float, spacing: float, margin: float, max_count: int | None) -> None:
    check_not_negative(minimum_volume=min_volume, spacing=spacing, margin=margin)
    if max_count is not None and max_count < 0:
        raise AisError(f"The number of picks must not be negative: {max_count}.")


def _divided(
    volume: NDArray[Any] | Tomogram,
    slabs: ThresholdedSlabs,
    edges: NDArray[np.float64],
    min_voxels: int,
    largest_box: int,
    progress: Progress,
) -> Iterator[DividedBlobs]:
    """All blobs at or above the threshold, divided into particles, as the volume is read."""
    nz, ny, nx = volume_shape(volume)
    voxel_sizes = (float(edges[0]), float(edges[1]), float(edges[2]))

    course = _Course(progress, nz)
    for blobs in complete_blobs(course.followed(slabs), (nz, ny, nx), largest_box=largest_box):
        yield divide(blobs, voxel_sizes, min_voxels=min_voxels, volume=volume, largest_box=largest_box, progress=course)


class _Course(Progress):
    """Progress through a volume of `total` slices: what is done with a slab counts as a part of its slices."""

    def __init__(self, progress: Progress, total: int) -> None:
        self._progress = progress
        self._total = total
        self._first, self._count = 0, 0

    def followed(self, slabs: ThresholdedSlabs) -> Iterator[tuple[int, NDArray[np.bool_], NDArray[Any]]]:
        """The slabs, each reported."""
        for z, above, values in slabs:
            self._first, self._count = z, len(values)
            self._progress.report(z, self._total, "finding particles")
            yield z, above, values

    def report(self, done: float, total: float, text: str = "") -> None:
        self._progress.report(self._first + self._count * done / total, self._total, text)


def _centroids(
    divided: DividedBlobs, scale: Scale
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.int64]]:
    """Weighted centroid (x, y, z), summed weight and voxel count of each particle."""
    total = np.zeros(divided.count)
    sums = np.zeros((divided.count, 3))
    count = np.zeros(divided.count, np.int64)
    for voxels in divided.voxels():
        mass = _weights(voxels, scale)
        count += np.bincount(voxels.owner, minlength=divided.count)
        _add(total, voxels.owner, mass)
        for column, axis in enumerate((voxels.x, voxels.y, voxels.z)):
            _add(sums[:, column], voxels.owner, mass * axis)
    return sums / total[:, None], total, count


def _weights(voxels: Voxels, scale: Scale) -> NDArray[np.float64]:
    """Predictions of voxels, on the scale of 0 to 255."""
    assert voxels.values is not None
    return np.asarray(voxels.values.astype(np.float64) * scale.factor)


def _add(totals: NDArray[np.float64], owner: NDArray[np.int32], amounts: NDArray[np.float64]) -> None:
    """Add amounts to their owners' totals, one after the other, so that it does not matter how many come at once."""
    numbers = np.arange(len(totals), dtype=owner.dtype)
    totals[:] = np.bincount(np.concatenate([numbers, owner]), np.concatenate([totals, amounts]))


def _by_place(positions: NDArray[np.float64]) -> NDArray[np.intp]:
    """An order of positions (n, 3) that does not depend on the slabs in which they were found."""
    return np.lexsort(positions.T)


def _chosen(
    positions: NDArray[np.float64],
    weight: NDArray[np.float64],
    volume: NDArray[np.float64],
    edges: NDArray[np.float64],
    min_volume: float,
    spacing: float,
) -> NDArray[np.intp]:
    """Indices of the particles that are large enough and not too close to a heavier one, heaviest first."""
    order = np.lexsort((positions[:, 0], positions[:, 1], positions[:, 2], -weight))
    order = order[volume[order] >= min_volume * (1 - ROUNDING)]
    if spacing == 0 or len(order) < 2:
        return order
    from scipy.spatial import KDTree

    places = positions[order] * edges[::-1]
    tree = KDTree(places)
    kept = np.ones(len(order), dtype=bool)
    for rank, place in enumerate(places):
        if kept[rank]:
            near = np.array(tree.query_ball_point(place, spacing * (1 - ROUNDING)))
            kept[near[near > rank]] = False
    return order[kept]


def _inside(
    positions: NDArray[np.float64], shape: tuple[int, int, int], edges: NDArray[np.float64], margin: float
) -> NDArray[np.bool_]:
    from_start = (positions + 0.5) * edges[::-1]
    from_end = (np.array(shape[::-1]) - 0.5 - positions) * edges[::-1]
    nearest = np.minimum(from_start, from_end).min(axis=1, initial=np.inf)
    return np.asarray(nearest >= margin * (1 - ROUNDING))
