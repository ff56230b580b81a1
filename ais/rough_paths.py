"""Where filaments run in blobs, roughly: along the blobs' skeletons, without what rough surfaces add to them."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, TypeAlias

import numpy as np

from ais.filling import fill_cavities, fill_pits, on_surface
from ais.skeleton_graph import SkeletonGraph, skeleton_links
from ais.skeleton_paths import Path, filament_paths
from ais.thinning import thinned

if TYPE_CHECKING:
    from numpy.typing import NDArray

    FloatArray: TypeAlias = NDArray[np.float64]
    IndexArray: TypeAlias = NDArray[np.int64]
    LabelArray: TypeAlias = NDArray[np.uint32]

SPUR_RADII = 1.5
"""From the middle of a filament to a bump of its surface it is no further than this."""
RING_RADII = 8.0
"""A line around a hole in a filament's mask is no longer than this."""
DEEP_SHARE = 0.9
COARSE_RADIUS_PX = 4.0
"""Thicker blobs are looked at in voxels so large that their radius is this, since their surface is no part of it."""
COARSEST = 8
THICK_VOXELS = 4000
PROBES = 200
RADIUS_OF_DEPTH = 3.4
"""Radius of a rod over the median depth of its voxels."""


def rough_paths(index: IndexArray, labels: LabelArray, edges: FloatArray) -> list[tuple[int, float, Path]]:
    """Find where filaments run in blobs.

    Parameters
    ----------
    index
        (n,) flat indices of the blobs' voxels.
    labels
        (nz, ny, nx) the blob of each voxel, 0 outside; its closed cavities and pits are filled here.
    edges
        Voxel sizes (x, y, z), in any unit.

    Returns
    -------
    list of (int, float, Path)
        Blob, radius and course of each filament, x, y, z in the unit of `edges`.
    """
    solid = np.concatenate([index, fill_cavities(labels)])
    solid = np.sort(np.concatenate([solid, fill_pits(solid, labels)]))
    coarseness = _coarseness(solid, labels, edges)
    own = coarseness[labels.reshape(-1)[solid]]
    paths = []
    for bin_ in np.unique(own).tolist():
        mine = solid[own == bin_]
        if bin_ == 1:
            paths += _paths(mine, labels, edges, np.zeros(3))
            continue
        cells, coarse, blobs = _binned(mine, labels, bin_)
        found = _paths(cells, coarse, edges * bin_, (bin_ - 1) / 2 * edges)
        paths += [(int(blobs[number]), radius, path) for number, radius, path in found]
    return paths


def _coarseness(solid: IndexArray, labels: LabelArray, edges: FloatArray) -> IndexArray:
    """By blob: the edge, in voxels, of the voxels in which it is looked at."""
    from scipy.spatial import KDTree

    blob = labels.reshape(-1)[solid]
    counts = np.bincount(blob)
    bins = np.ones(len(counts), np.int64)
    thick = counts >= THICK_VOXELS
    if not thick.any():
        return bins
    among = np.flatnonzero(thick[blob])
    among = among[np.argsort(blob[among], kind="stable")]
    surface = solid[among][on_surface(solid[among], labels)]
    if not len(surface):
        return bins
    rank = np.arange(len(among)) - np.repeat(np.cumsum(counts[thick]) - counts[thick], counts[thick])
    probes = among[rank % np.repeat(counts[thick] // PROBES, counts[thick]) == 0]
    tree = KDTree(_places(surface, labels.shape, edges))
    depth = np.asarray(tree.query(_places(solid[probes], labels.shape, edges), workers=-1)[0]) + 0.5 * edges.min()
    for number in np.flatnonzero(thick).tolist():
        radius = RADIUS_OF_DEPTH * float(np.median(depth[blob[probes] == number])) / float(edges.max())
        bins[number] = np.clip(int(radius / COARSE_RADIUS_PX), 1, COARSEST)
    return bins


def _binned(index: IndexArray, labels: LabelArray, bin_: int) -> tuple[IndexArray, LabelArray, IndexArray]:
    """Larger voxels that are at least half inside: their flat indices, parts (z, y, x), and the blob of each part."""
    import cc3d

    shape = tuple(-(-length // bin_) for length in labels.shape)
    place = tuple(axis // bin_ for axis in np.unravel_index(index, labels.shape))
    cells, first, count = np.unique(np.ravel_multi_index(place, shape), return_index=True, return_counts=True)
    corner = np.stack(np.unravel_index(cells, shape), axis=1) * bin_
    size = np.minimum(bin_, np.array(labels.shape) - corner).prod(axis=1)
    filled = 2 * count >= size
    cells, blob = cells[filled], labels.reshape(-1)[index[first[filled]]]
    grid = np.zeros(shape, np.uint32)
    grid.reshape(-1)[cells] = blob
    parts = cc3d.connected_components(grid, connectivity=26, out_dtype=np.uint32)
    blobs = np.zeros(int(parts.max()) + 1, np.int64)
    blobs[parts.reshape(-1)[cells]] = blob
    cells = np.concatenate([cells, fill_cavities(parts)])
    return np.sort(np.concatenate([cells, fill_pits(cells, parts)])), parts, blobs


def _paths(
    solid: IndexArray, labels: LabelArray, edges: FloatArray, first_voxel: FloatArray
) -> list[tuple[int, float, Path]]:
    thin = thinned(solid, (labels.shape[0], labels.shape[1], labels.shape[2]))
    volumes = np.bincount(labels.reshape(-1)[solid]) * float(edges.prod())
    depths = _depths(thin, solid, labels, edges)
    points = _places(thin, labels.shape, edges) + first_voxel
    blob = labels.reshape(-1)[thin]
    links = skeleton_links(thin, (labels.shape[0], labels.shape[1], labels.shape[2]))
    order = np.argsort(blob, kind="stable")
    rank = np.empty_like(order)
    rank[order] = np.arange(len(order))
    bounds = np.searchsorted(blob[order], np.arange(len(volumes) + 1))
    links = rank[links[blob[links[:, 0]] == blob[links[:, 1]]]]
    links = links[np.argsort(links[:, 0], kind="stable")]
    link_bounds = np.searchsorted(links[:, 0], bounds)
    paths = []
    for number in np.unique(blob).tolist():
        first, stop = bounds[number], bounds[number + 1]
        mine = links[link_bounds[number] : link_bounds[number + 1]] - first
        graph = SkeletonGraph(points[order[first:stop]], mine)
        depth = float(np.quantile(depths[order[first:stop]], DEEP_SHARE))
        radius = _cleaned(graph, float(volumes[number]), depth, float(edges.min()))
        paths += [(number, radius, path) for path in filament_paths(graph, radius)]
    return paths


def _cleaned(graph: SkeletonGraph, volume: float, depth: float, pixel: float) -> float:
    """Remove what roughness has added to a skeleton; gives the radius that depth, volume and length then say."""
    radius, before = 0.0, math.inf
    while graph.length < before:
        before = graph.length
        # The more has been removed, the better is the radius known, and the more is to be removed.
        radius = max(depth, math.sqrt(volume / (math.pi * max(before, pixel))))
        graph.remove_small_rings(RING_RADII * radius)
        graph.remove_spurs(SPUR_RADII * radius + pixel)
    return radius


def _depths(thin: IndexArray, solid: IndexArray, labels: LabelArray, edges: FloatArray) -> FloatArray:
    """How deep each voxel of the skeleton lies in its blob."""
    from scipy.spatial import KDTree

    surface = solid[on_surface(solid, labels)]
    if not len(surface):
        return np.zeros(len(thin))
    tree = KDTree(_places(surface, labels.shape, edges))
    return np.asarray(tree.query(_places(thin, labels.shape, edges), workers=-1)[0] + 0.5 * edges.min())


def _places(index: IndexArray, shape: tuple[int, ...], edges: FloatArray) -> FloatArray:
    """Positions x, y, z (n, 3) of voxels."""
    z, y, x = np.unravel_index(index, (shape[0], shape[1], shape[2]))
    places: FloatArray = np.stack([x, y, z], axis=1) * edges
    return places
