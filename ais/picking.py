"""Particles from a segmented volume: where they are, how strongly they were predicted and how large they are."""

from __future__ import annotations

import math
import os
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from ais.errors import AisError
from ais.foreground import Foreground, foreground
from ais.formats.coord_table import Column, Coordinates
from ais.prediction import (
    ROUNDING,
    check_not_negative,
    check_threshold,
    checked_voxel_sizes,
    no_voxel_size,
    source_name,
    volume_shape,
)
from ais.progress import SILENT, Progress
from ais.separation import separate

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ais.tomogram import Tomogram

    _Divided = tuple[tuple[slice, ...], NDArray[np.bool_], NDArray[np.int32] | None]

DISTANCE_COLUMN = "aisDistance"
UNDIVIDED_VOXELS = 27
REPORT_EVERY = 64
MOST_THREADS = 8
SMALL_BOX_VOXELS = 1 << 18
"""Larger blobs are divided one after the other, lest several need their memory at once."""


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
    """All particles of a volume at one threshold, before any is left out; in no particular order.

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
    progress: Progress = SILENT,
) -> Found:
    """Find all particles at a threshold; what takes time of `pick_particles`.

    Parameters
    ----------
    volume, threshold, voxel_sizes, progress
        See `pick_particles`.
    min_volume
        In cubic angstrom; smaller blobs are not divided, which saves time if they are left out later.

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
    found = foreground(volume, threshold, progress)
    voxel_volume = np.float64(edges.prod())
    regions = _regions(found, edges, math.ceil(min_volume / voxel_volume - ROUNDING), progress)
    positions, weight, count = _centroids(regions, found, shape)
    return Found(positions, weight, count * voxel_volume, shape, sizes, found.note)


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
    shape = volume_shape(volume)
    check_threshold(threshold)
    edges = _edges(checked_voxel_sizes(volume, voxel_sizes))
    found = foreground(volume, threshold, progress)
    regions = _regions(found, edges, 0, progress)
    positions, weight, _ = _centroids(regions, found, shape)
    present = np.flatnonzero(np.bincount(regions))
    row = np.searchsorted(present, regions)
    place = np.stack(np.unravel_index(found.index, shape)[::-1], axis=1)
    offset = (place - positions[row]) * edges[::-1]
    moments = np.zeros((len(present), 3, 3))
    for a in range(3):
        for b in range(a + 1):
            moments[:, a, b] = np.bincount(row, found.weight * offset[:, a] * offset[:, b], len(present)) / weight
    _, axes = np.linalg.eigh(moments)
    return positions, axes[:, :, 2]


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


def _regions(found: Foreground, edges: NDArray[np.float64], min_voxels: int, progress: Progress) -> NDArray[np.int64]:
    """Number of the particle that each foreground voxel belongs to; particles' numbers start at 1, with gaps."""
    import cc3d
    from scipy import ndimage

    if not len(found.index):
        return np.zeros(0, dtype=np.int64)
    wide = np.uint32 if found.mask.size <= np.iinfo(np.uint32).max else np.uint64
    labels = cc3d.connected_components(found.mask, connectivity=6, binary_image=True, out_dtype=wide)
    voxels = np.bincount(labels.reshape(-1)[found.index])
    divisible = np.flatnonzero(voxels >= max(UNDIVIDED_VOXELS, min_voxels))
    boxes = ndimage.find_objects(labels) if len(divisible) else []
    free = len(voxels)
    for box, blob, particles in _divided(labels, divisible.tolist(), boxes, edges, progress):
        if particles is not None:
            labels[box][blob] = particles[blob] + (free - 1)
            free += int(particles.max())
    regions: NDArray[np.int64] = labels.reshape(-1)[found.index].astype(np.int64)
    return regions


def _divided(
    labels: NDArray[Any],
    divisible: Sequence[int],
    boxes: Sequence[tuple[slice, ...]],
    edges: NDArray[np.float64],
    progress: Progress,
) -> Iterator[_Divided]:
    """Where each blob is, its mask there, and its particles, or None for one: small blobs in threads, some at a time.

    Whoever takes them may renumber what he has got: blobs are apart from each other.
    """

    def divide(label: int) -> _Divided:
        return _divide(labels, label, boxes[label - 1], edges)

    small = [label for label in divisible if _volume(boxes[label - 1]) <= SMALL_BOX_VOXELS]
    large = sorted(set(divisible) - set(small))
    with ThreadPoolExecutor(min(os.cpu_count() or 1, MOST_THREADS), "particles") as threads:
        for first in range(0, len(small), REPORT_EVERY):
            progress.report(len(divisible) + first, 2 * len(divisible), "separating particles")
            yield from threads.map(divide, small[first : first + REPORT_EVERY])
    for done, label in enumerate(large, len(small)):
        progress.report(len(divisible) + done, 2 * len(divisible), "separating particles")
        yield divide(label)


def _volume(box: tuple[slice, ...]) -> int:
    return math.prod(part.stop - part.start for part in box)


def _divide(labels: NDArray[Any], label: int, box: tuple[slice, ...], edges: NDArray[np.float64]) -> _Divided:
    enclosed = all(part.start > 0 and part.stop < length for part, length in zip(box, labels.shape, strict=True))
    if not enclosed:
        box = tuple(slice(max(0, part.start - 1), part.stop + 1) for part in box)
    blob = labels[box] == label
    return box, blob, separate(blob.view(np.uint8), (edges[0], edges[1], edges[2]), enclosed=enclosed)


def _centroids(
    regions: NDArray[np.int64], found: Foreground, shape: tuple[int, int, int]
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.int64]]:
    """Weighted centroid (x, y, z), summed weight and voxel count of each particle."""
    count = np.bincount(regions)
    present = np.flatnonzero(count)
    total: NDArray[np.float64] = np.bincount(regions, found.weight)[present].astype(np.float64)
    rest, x = np.divmod(found.index, shape[2])
    z, y = np.divmod(rest, shape[1])
    sums = [np.bincount(regions, found.weight * axis)[present] for axis in (x, y, z)]
    return np.stack(sums, axis=1) / total[:, None], total, count[present].astype(np.int64)


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
