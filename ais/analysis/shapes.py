"""The shape of one instance: the area of its surface, its centre line, and what changes along it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from ais.prediction import ROUNDING
from ais.skeleton import skeleton
from ais.surfaces import isosurface

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Mask = NDArray[np.bool_]
    Points = NDArray[np.float64]

MASK_SMOOTHING = 10
"""Rounds that make the area of a ball, drawn as a mask, right within about 1 % (without them 9 % too large)."""
AREA_MARGIN_PX = 12
"""What lies farther away does not change a surface, also a smoothed one."""
BETWEEN_PX = 0.3137
"""Where parts of a surface are told apart, before a voxel's middle: not where faces of voxels lie."""
NEIGHBOURS_PX = 1.8
"""Voxels that share a face, an edge or a corner are not further apart."""
SMOOTHING_PX = 1.5


@dataclass(frozen=True)
class Profile:
    """What changes along the centre line of an instance, from one of its ends to the other.

    Each voxel of the instance counts for the point of the line that is nearest.

    Attributes
    ----------
    position
        (k,) float64, distance along the line in angstrom, from 0 to the length.
    cross_section
        (k,) float64, area of the instance across the line, in square angstrom.
    intensity
        (k,) float64, mean value of the image there; None without an image. NaN where no voxel is nearest.
    """

    position: NDArray[np.float64]
    cross_section: NDArray[np.float64]
    intensity: NDArray[np.float64] | None


def surface_area(
    mask: Mask,
    values: NDArray[Any] | None,
    level: float,
    voxel_sizes: tuple[float, float, float],
    within: Sequence[tuple[int, int]] | None = None,
) -> float:
    """Area of the closed surface of an instance, in square angstrom; what a face of the volume cuts is closed there.

    Parameters
    ----------
    mask
        (nz, ny, nx), the instance alone, with a margin of one voxel where there is one.
    values
        The prediction there, so that the surface lies where it crosses the level; what belongs to other instances is
        not looked at. None for a mask, whose steps are smoothed.
    level
        Of the prediction, as stored.
    voxel_sizes
        (z, y, x) in angstrom.
    within
        Along z, y, x, first and behind-the-last index of the part that counts, of a mask that is a part of an instance
        with `AREA_MARGIN_PX` around that part where the instance goes on. The parts' areas add up to that of the whole.
    """
    if values is None:
        surface = isosurface(mask, 0.5, voxel_sizes=voxel_sizes, smooth=MASK_SMOOTHING)
    else:
        if values.dtype.kind == "f":
            level *= 1 - ROUNDING  # as `ais.prediction.reaching` compares
        alone = np.where(mask | (values < level), values, values.dtype.type(0))
        surface = isosurface(alone, level, voxel_sizes=voxel_sizes)
    corners = surface.vertices.astype(np.float64)[surface.faces]
    across = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    areas = np.linalg.norm(across, axis=1)
    if within is not None:
        centres = corners.mean(axis=1)[:, ::-1] / voxel_sizes
        for axis, (low, high) in enumerate(within):
            if low > 0:
                areas = areas * (centres[:, axis] >= low - BETWEEN_PX)
            if high < mask.shape[axis]:
                areas = areas * (centres[:, axis] < high - BETWEEN_PX)
    return float(areas.sum() / 2)


def centre_line(mask: Mask, voxel_sizes: tuple[float, float, float]) -> Points:
    """The longest way along the skeleton of an instance, smoothed; its ends stay where they are.

    Of a skeleton with branches or rings it is the longest of the shortest ways between two of its voxels.

    Parameters
    ----------
    mask
        (nz, ny, nx), the instance alone.
    voxel_sizes
        (z, y, x) in angstrom.

    Returns
    -------
    array
        (k, 3) z, y, x in angstrom from the voxel (0, 0, 0) of the mask; one point for what has no length.
    """
    voxels = np.argwhere(skeleton(mask))
    points = voxels * np.asarray(voxel_sizes)
    return _smoothed(points[_longest_way(voxels, points)])


def length_of(line: Points) -> float:
    """Length of a line of points."""
    return float(np.linalg.norm(np.diff(line, axis=0), axis=1).sum())


def profile_along(
    line: Points, mask: Mask, voxel_sizes: tuple[float, float, float], image: NDArray[Any] | None
) -> Profile:
    """What changes along a centre line, in steps of about a voxel.

    Parameters
    ----------
    line
        (k, 3) z, y, x in angstrom, of `centre_line`.
    mask, image
        The instance, and the values of the image there; same shape.
    voxel_sizes
        (z, y, x) in angstrom.
    """
    from scipy.spatial import KDTree

    length, step = length_of(line), float(np.mean(voxel_sizes))
    count = 1 + max(0, round(length / step))
    position = np.linspace(0.0, length, count)
    travelled = np.concatenate([[0.0], np.cumsum(np.linalg.norm(np.diff(line, axis=0), axis=1))])
    points = np.stack([np.interp(position, travelled, line[:, axis]) for axis in range(3)], axis=1)
    voxels = np.argwhere(mask)
    _, nearest = KDTree(points).query(voxels * np.asarray(voxel_sizes))
    voxels_at = np.bincount(nearest, minlength=count)
    thickness = length / (count - 1) if count > 1 else step
    intensity = None
    if image is not None:
        sums = np.bincount(nearest, image[mask].astype(np.float64), minlength=count)
        intensity = np.divide(sums, voxels_at, out=np.full(count, np.nan), where=voxels_at > 0)
    cross_section = voxels_at.astype(np.float64) * (math.prod(voxel_sizes) / thickness)
    return Profile(position, cross_section, intensity)


def _longest_way(voxels: NDArray[np.intp], points: Points) -> NDArray[np.intp]:
    """Indices of the points on the longest of the shortest ways through neighbouring voxels."""
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import dijkstra
    from scipy.spatial import KDTree

    pairs = KDTree(voxels).query_pairs(NEIGHBOURS_PX, output_type="ndarray")
    if not len(pairs):
        return np.zeros(1, np.intp)
    lengths = np.linalg.norm(points[pairs[:, 0]] - points[pairs[:, 1]], axis=1)
    graph = coo_array((lengths, (pairs[:, 0], pairs[:, 1])), shape=(len(voxels),) * 2).tocsr()

    def away_from(start: int) -> tuple[NDArray[np.float64], NDArray[np.int32]]:
        distances, before = dijkstra(graph, directed=False, indices=np.array([start]), return_predecessors=True)
        return np.where(np.isfinite(distances[0]), distances[0], -1.0), before[0]

    start = int(pairs[0, 0])
    for _ in range(2):  # the farthest point from anywhere is an end of the longest way of a tree
        start = int(away_from(start)[0].argmax())
    distances, before = away_from(start)
    way = [int(distances.argmax())]
    while way[-1] != start:
        way.append(int(before[way[-1]]))
    return np.array(way[::-1], dtype=np.intp)


def _smoothed(line: Points) -> Points:
    """A line of voxels without its steps; mirrored beyond its ends, which so stay in place."""
    if len(line) < 3:
        return line
    from scipy.ndimage import gaussian_filter1d

    beyond = min(len(line) - 1, math.ceil(4 * SMOOTHING_PX))
    before, after = 2 * line[0] - line[beyond:0:-1], 2 * line[-1] - line[-2 : -beyond - 2 : -1]
    padded = np.concatenate([before, line, after])
    smooth: Points = gaussian_filter1d(padded, SMOOTHING_PX, axis=0, mode="nearest")[beyond : beyond + len(line)]
    smooth[0], smooth[-1] = line[0], line[-1]
    return smooth
