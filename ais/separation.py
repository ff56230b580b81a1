"""Touching particles told apart: one connected blob is divided at its necks into the particles it is made of."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    UInt8Array = NDArray[np.uint8]
    IntArray = NDArray[np.int32]
    PointArray = NDArray[np.signedinteger[Any]]
    FloatArray = NDArray[np.floating[Any]]

NECK_DEPTH_PX = 0.85
NECK_FRACTION = 0.1
SMALL_RADIUS_PX = 3.0
PINHOLE_PX = 8
SIGHT_LIMIT = 64


def separate(
    blob: UInt8Array, voxel_sizes: tuple[float, float, float] = (1.0, 1.0, 1.0), *, enclosed: bool = True
) -> IntArray | None:
    """Divide one connected blob into particles by a watershed of the distance to its surface.

    Every local maximum of the distance inside the blob is a seed; a maximum that is a plateau of several voxels is
    one seed, and maxima at the volume's faces count. Roughness makes maxima as well, so neighbouring seeds are one
    particle unless there is a neck between them: the distance must fall, on the best way from the lower maximum to
    a higher one, by at least 0.85 voxels and a tenth of the lower maximum. (Between blobs whose radius is below
    three voxels, correspondingly less.) Two balls of radius 8 are told apart until their centres are about
    9 voxels from each other; the surface of one rough ball or rod has no such necks.

    Parameters
    ----------
    blob
        Shape (nz, ny, nx), 1 inside and 0 outside, connected by faces.
    voxel_sizes
        (z, y, x), in any unit; only their proportions matter.
    enclosed
        True if outside of the array is outside of the blob. False for a blob at a face of the volume, cropped with
        one voxel of background where it does not touch a face: there the distance is not cut.

    Returns
    -------
    array or None
        Shape (nz, ny, nx), int32: 0 outside, 1 to n for the n particles; None if the blob is one particle.

    References
    ----------
    Meyer F., "Topographic distance and watershed lines", Signal Processing 38 (1994): watershed.
    Grimaud M., "A new measure of contrast: the dynamics", Proc. SPIE 1769 (1992): the depth of the necks.
    """
    edges = np.asarray(voxel_sizes, dtype=np.float64)
    spacing = edges / edges.min()
    squared = _squared_distance(blob, spacing, enclosed)
    if squared is None:
        return None
    seeds = _seen_apart(squared)
    if len(seeds) < 2:
        return None
    filled = _without_pinholes(blob, enclosed)
    if filled is not blob:
        particles = separate(filled, voxel_sizes, enclosed=enclosed)
        return None if particles is None else particles * blob
    peaks = np.concatenate([[0.0], np.sqrt(squared[tuple(seeds.T)])])
    return _joined_at_shallow_necks(_watershed(squared, seeds, blob), squared, peaks)


def _squared_distance(blob: UInt8Array, spacing: FloatArray, enclosed: bool) -> FloatArray | None:
    """Squared distance to the background, float32, in voxels; None where there is no background."""
    import edt

    squared: FloatArray = edt.edtsq(blob, anisotropy=tuple(spacing), black_border=enclosed)
    return squared if np.isfinite(squared.flat[0]) else None


def _plateaus(squared: FloatArray) -> tuple[PointArray, FloatArray]:
    """One point (n, 3) and height (n,) per local maximum, highest first; the point is its plateau's most central."""
    import cc3d

    highest = squared
    for axis in range(squared.ndim):
        highest = _maximum_along(highest, axis)
    peaks = (highest == squared) & (squared > 0)
    index = np.flatnonzero(peaks)
    points: PointArray = np.stack(np.unravel_index(index, peaks.shape), axis=1)
    if len(points) > 1:
        plateaus = cc3d.connected_components(peaks.view(np.uint8), connectivity=26, binary_image=True)
        plateau = plateaus.reshape(-1)[index]
        points = _most_central(points, plateau)
    heights: FloatArray = np.sqrt(squared[tuple(points.T)])
    order = np.argsort(-heights, kind="stable")
    return points[order], heights[order]


def _maximum_along(values: FloatArray, axis: int) -> FloatArray:
    values = np.moveaxis(values, axis, 0)
    highest = values.copy()
    np.maximum(highest[1:], values[:-1], out=highest[1:])
    np.maximum(highest[:-1], values[1:], out=highest[:-1])
    return np.moveaxis(highest, 0, axis)


def _most_central(points: PointArray, plateau: NDArray[Any]) -> PointArray:
    counts = np.maximum(np.bincount(plateau), 1)
    centres = np.stack([np.bincount(plateau, column) / counts for column in points.T], axis=1)
    offset = ((points - centres[plateau]) ** 2).sum(axis=1)
    order = np.lexsort((offset, plateau))
    first = np.flatnonzero(np.diff(plateau[order], prepend=0))
    return points[order[first]]


def _neck_depth(lower: FloatArray | float, higher: FloatArray | float) -> FloatArray:
    """By how much the distance must fall between two maxima of these heights that are two particles, in voxels."""
    depth = NECK_DEPTH_PX * np.minimum(1.0, np.asarray(higher) / SMALL_RADIUS_PX)
    return np.maximum(depth, NECK_FRACTION * np.asarray(lower))


def _seen_apart(squared: FloatArray) -> PointArray:
    """Seeds (n, 3), without the maxima that see a higher one along a straight line with no neck on it.

    Such a line proves that the two belong together, and spares most blobs the watershed.
    """
    points, heights = _plateaus(squared)
    if not 1 < len(points) <= SIGHT_LIMIT:
        return points
    kept = [0]
    for lower in range(1, len(points)):
        steps = int(np.abs(points[:lower] - points[lower]).max()) + 1
        share = np.linspace(0.0, 1.0, steps)[:, None, None]
        line = np.rint(points[lower] + share * (points[:lower] - points[lower])).astype(np.intp)
        narrowest = np.sqrt(squared[line[..., 0], line[..., 1], line[..., 2]].min(axis=0))
        if np.all(heights[lower] - narrowest >= _neck_depth(heights[lower], heights[:lower])):
            kept.append(lower)
    return points[kept]


def _without_pinholes(blob: UInt8Array, enclosed: bool) -> UInt8Array:
    """The blob with closed cavities of at most eight voxels filled: around each the distance would have a ring."""
    import cc3d

    outside = np.pad(blob, 1 if enclosed else 0) == 0
    cavity = cc3d.connected_components(outside.view(np.uint8), connectivity=6, binary_image=True)
    if enclosed:
        cavity = cavity[1:-1, 1:-1, 1:-1]
    small = np.bincount(cavity.ravel()) <= PINHOLE_PX
    small[0] = False
    for axis in range(cavity.ndim):
        small[np.take(cavity, (0, -1), axis=axis)] = False
    holes = small[cavity]
    return blob | holes.view(np.uint8) if holes.any() else blob


def _watershed(squared: FloatArray, seeds: PointArray, blob: UInt8Array) -> IntArray:
    from skimage.segmentation import watershed

    markers = np.zeros(squared.shape, dtype=np.int32)
    markers[tuple(seeds.T)] = np.arange(1, len(seeds) + 1)
    regions: IntArray = watershed(-squared, markers, mask=blob.view(np.bool_))
    return regions


def _joined_at_shallow_necks(regions: IntArray, squared: FloatArray, peaks: FloatArray) -> IntArray | None:
    """Regions joined, widest contact first, where the neck is not deep enough; `peaks` is their heights by label."""
    basin = _Forest(len(peaks))
    particle = _Forest(len(peaks))
    for first, second, width in _contacts(regions, squared):
        lower, higher = sorted((basin.root(first), basin.root(second)), key=lambda root: (peaks[root], -root))
        if lower == higher:
            continue
        basin.parent[lower] = higher
        if peaks[lower] - width < _neck_depth(peaks[lower], peaks[higher]):
            particle.parent[particle.root(first)] = particle.root(second)
    roots = np.array([particle.root(label) for label in range(len(peaks))])
    names, numbers = np.unique(roots, return_inverse=True)
    if len(names) <= 2:
        return None
    joined: IntArray = numbers.astype(np.int32)[regions]
    return joined


def _contacts(regions: IntArray, squared: FloatArray) -> list[tuple[int, int, float]]:
    """Pairs of regions that touch, with the largest distance to the surface where they do, widest first."""
    pairs, widths = [], []
    for axis in range(regions.ndim):
        near, far = (np.moveaxis(regions, axis, 0)[part] for part in (slice(None, -1), slice(1, None)))
        depth_near, depth_far = (np.moveaxis(squared, axis, 0)[part] for part in (slice(None, -1), slice(1, None)))
        border = (near != far) & (near > 0) & (far > 0)
        pairs.append(np.sort(np.stack([near[border], far[border]], axis=1), axis=1))
        widths.append(np.minimum(depth_near[border], depth_far[border]))
    pair, width = np.concatenate(pairs), np.sqrt(np.concatenate(widths))
    order = np.lexsort((-width, pair[:, 1], pair[:, 0]))
    pair, width = pair[order], width[order]
    first = np.flatnonzero(np.any(np.diff(pair, axis=0, prepend=0) != 0, axis=1))
    widest_first = first[np.argsort(-width[first], kind="stable")]
    return [(int(pair[i, 0]), int(pair[i, 1]), float(width[i])) for i in widest_first]


class _Forest:
    """Which regions belong together: each points to another one of its tree, up to a root."""

    def __init__(self, count: int) -> None:
        self.parent = list(range(count))

    def root(self, member: int) -> int:
        while self.parent[member] != member:
            self.parent[member] = self.parent[self.parent[member]]
            member = self.parent[member]
        return member
