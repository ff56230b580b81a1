"""Smooth centre lines of filaments: moved to the middle of the mask, up to its ends, and smoothed by arc length."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import TYPE_CHECKING, TypeAlias

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ais.skeleton_paths import Path

    FloatArray: TypeAlias = NDArray[np.float64]
    IntArray: TypeAlias = NDArray[np.int64]

ROUNDS = 3
REACH_RADII = 1.6
"""Voxels so near to a line say where its middle is."""
FURTHEST_RADII = 3.0
"""Voxels so near to a line belong to it."""
SMOOTHING_RADII = 6.0
SMOOTHING_PX = 12.0
"""Bends shorter than the larger of these two are roughness of the mask."""
EXTENSION_RADII = 4.0
LEAST_POINTS = 6
WHOLE_SHARE = 0.8
BEND_RADII = 4.0
"""An end goes on with the bend that the line has over this length."""
CUT_WEIGHT = 0.1
"""Where a face of the volume cuts a filament, its middle is not as well known as elsewhere."""
LEAST_WEIGHT, LARGEST_WEIGHT = 0.002, 3.0


@dataclass(frozen=True, eq=False)
class Mask:
    """Voxels of blobs.

    Attributes
    ----------
    labels
        (nz, ny, nx): the blob of each voxel, also of one in a closed cavity of it; 0 outside.
    edges
        Voxel sizes (x, y, z), in any unit.
    positions
        (n, 3) x, y, z of the voxels inside, in that unit.
    blob
        (n,) the blob of each of them, ascending.
    weight
        (n,) its prediction.
    first
        z, y, x in the volume of the first voxel of `labels`, from which positions are counted.
    shape
        (nz, ny, nx) of the volume.
    """

    labels: NDArray[np.unsignedinteger]
    edges: FloatArray
    positions: FloatArray
    blob: IntArray
    weight: FloatArray
    first: tuple[int, int, int]
    shape: tuple[int, int, int]

    @property
    def pixel(self) -> float:
        """The shortest edge of a voxel."""
        return float(self.edges.min())

    def holds(self, positions: FloatArray, blob: int) -> NDArray[np.bool_]:
        """Whether positions (n, 3) lie in voxels of a blob."""
        voxels = np.rint(positions / self.edges).astype(np.int64)[:, ::-1]
        inside = np.asarray(((voxels >= 0) & (voxels < self.labels.shape)).all(axis=1))
        inside[inside] = self.labels[tuple(voxels[inside].T)] == blob
        return inside

    def to_face(self, positions: FloatArray, tangents: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Ways from positions (n, 3), across tangents, to the face of the volume met first: length (n,), direction."""
        first = np.array(self.first[::-1])
        low = positions + (first + 0.5) * self.edges
        high = (np.array(self.shape[::-1]) - first - 0.5) * self.edges - positions
        sine = np.sqrt(np.maximum(1.0 - tangents**2, 1e-12))
        ways = np.concatenate([low / sine, high / sine], axis=1)
        face = ways.argmin(axis=1)
        row = np.arange(len(positions))
        axis = face % 3
        normal = np.zeros(positions.shape)
        normal[row, axis] = np.where(face < 3, -1.0, 1.0)
        direction = (normal - (normal * tangents).sum(axis=1, keepdims=True) * tangents) / sine[row, axis, None]
        return ways[row, face], direction


@dataclass(frozen=True, eq=False)
class Line:
    """The centre line of one filament.

    Attributes
    ----------
    points
        (k, 3) positions x, y, z, about a voxel apart.
    blob, radius
        The blob in which it lies, and half of its thickness.
    free
        Whether its first and last point are ends of the mask.
    closed
        A ring, whose last point is followed by the first.
    weight
        Sum of the prediction of what belongs to it.
    """

    points: FloatArray
    blob: int
    radius: float
    free: tuple[bool, bool]
    closed: bool
    weight: float = 0.0

    @property
    def length(self) -> float:
        """From its first point to its last, and for a ring back to the first."""
        return float(steps(self.points, closed=self.closed).sum())


def centred(paths: Sequence[tuple[int, float, Path]], mask: Mask) -> list[Line]:
    """Smooth centre lines of rough paths.

    Parameters
    ----------
    paths
        Blob, radius and path of each filament.
    mask
        The blobs.

    Returns
    -------
    list of Line
        One for each path, with its weight.
    """
    lines = [
        Line(_started(path, radius, blob, mask), blob, radius, path.free, path.closed) for blob, radius, path in paths
    ]
    if not lines:
        return []
    for _ in range(ROUNDS):
        before = lines = [resampled(line, mask.pixel) for line in lines]
        owner, voxels, distance = _nearest(lines, mask)
        lines = _measured(lines, owner, mask)
        first = np.cumsum([0, *(len(line.points) for line in lines)])
        centres, weights = _centres(lines, owner, voxels, distance, mask)
        lines = [
            _extended(_smoothed(line, centres[a:b], weights[a:b], mask.pixel), mask)
            for line, (a, b) in zip(lines, pairwise(first.tolist()), strict=True)
        ]
    lines = [resampled(line, mask.pixel) for line in lines]
    lines = [_smoothed(line, line.points, np.ones(len(line.points)), mask.pixel) for line in lines]
    weighed = _weighed(before, mask, owner, voxels)
    return [replace(line, weight=own.weight, radius=own.radius) for line, own in zip(lines, weighed, strict=True)]


def steps(points: FloatArray, *, closed: bool) -> FloatArray:
    """Distances (k - 1,) from point to point; (k,) for a ring."""
    if closed:
        points = np.concatenate([points, points[:1]])
    lengths: FloatArray = np.linalg.norm(np.diff(points, axis=0), axis=1)
    return lengths


def resampled(line: Line, step: float) -> Line:
    """The line with its points evenly about `step` apart."""
    points = np.concatenate([line.points, line.points[:1]]) if line.closed else line.points
    way = np.concatenate([[0.0], np.cumsum(steps(points, closed=False))])
    if way[-1] == 0:
        return replace(line, points=points[:1])
    count = max(2, round(way[-1] / step) + 1)
    along = np.linspace(0.0, way[-1], count)[: count - 1 if line.closed else count]
    return replace(line, points=np.stack([np.interp(along, way, column) for column in points.T], axis=1))


def _started(path: Path, radius: float, blob: int, mask: Mask) -> FloatArray:
    """The path without its last radius, where thinning runs to a corner of the mask.

    For a single point it is a short line through the middle of the blob along its longest axis.
    """
    points = path.points
    way = np.concatenate([[0.0], np.cumsum(steps(points, closed=False))])
    if way[-1] > 0:
        ends = min(radius, way[-1] / 4)
        kept = (way >= ends * path.free[0]) & (way <= way[-1] - ends * path.free[1])
        return points[kept] if kept.sum() > 1 and not path.closed else points
    voxels = mask.positions[slice(*np.searchsorted(mask.blob, (blob, blob + 1)))]
    middle = voxels.mean(axis=0)
    _, axes = np.linalg.eigh((voxels - middle).T @ (voxels - middle))
    reach = np.abs((voxels - middle) @ axes[:, -1]).max()
    return np.asarray(middle + np.linspace(-0.5, 0.5, 5)[:, None] * max(reach, mask.pixel) * axes[:, -1])


def _nearest(lines: Sequence[Line], mask: Mask) -> tuple[IntArray, IntArray, FloatArray]:
    """Voxels that belong to a line: the point (of all lines' points) that each is nearest to, and the distance."""
    from scipy.spatial import KDTree

    points = np.concatenate([line.points for line in lines])
    blob = np.repeat([line.blob for line in lines], [len(line.points) for line in lines])
    furthest = FURTHEST_RADII * max(line.radius for line in lines)
    found = KDTree(points).query(mask.positions, distance_upper_bound=furthest, workers=-1)
    distance, owner = np.asarray(found[0]), np.asarray(found[1])
    voxels = np.flatnonzero(owner < len(points))
    voxels = voxels[blob[owner[voxels]] == mask.blob[voxels]]
    return owner[voxels].astype(np.int64), voxels, distance[voxels]


def _measured(lines: Sequence[Line], owner: IntArray, mask: Mask) -> list[Line]:
    """The lines with the thickness that they have where no face of the volume cuts them."""
    points = np.concatenate([line.points for line in lines])
    way, _ = mask.to_face(points, np.concatenate([_tangents(line) for line in lines]))
    volume = np.bincount(owner, minlength=len(points)) * float(mask.edges.prod())
    measured = []
    for line, stop in zip(lines, np.cumsum([len(line.points) for line in lines]).tolist(), strict=True):
        # The points at the ends have what lies beyond them as well.
        inner = slice(stop - len(line.points) + 1, stop - 1)
        if len(line.points) >= LEAST_POINTS:
            radii = np.sqrt(volume[inner] / (np.pi * line.length / len(line.points)))
            radius = float(np.quantile(radii, WHOLE_SHARE))
            whole = way[inner] >= radius
            if whole.any():
                radius = float(np.sqrt(np.mean(radii[whole] ** 2)))
            line = replace(line, radius=max(radius, mask.pixel / 2))
        measured.append(line)
    return measured


def _centres(
    lines: Sequence[Line], owner: IntArray, voxels: IntArray, distance: FloatArray, mask: Mask
) -> tuple[FloatArray, FloatArray]:
    """Where the middle of the mask is across each point of the lines (n, 3), and how many predictions say so (n,)."""
    points = np.concatenate([line.points for line in lines])
    reach = np.repeat([REACH_RADII * line.radius for line in lines], [len(line.points) for line in lines])
    tangents = np.concatenate([_tangents(line) for line in lines])
    beside = np.abs(((mask.positions[voxels] - points[owner]) * tangents[owner]).sum(axis=1))
    # What lies beyond a line's end says nothing of its middle.
    near = (distance <= np.maximum(reach[owner], 1.5 * mask.edges.max())) & (beside <= mask.edges.max())
    owner, voxels = owner[near], voxels[near]
    weight = mask.weight[voxels]
    total = np.bincount(owner, weight, len(points)).astype(np.float64)
    sums = [np.bincount(owner, weight * column, len(points)) for column in mask.positions[voxels].T]
    offset = np.stack(sums, axis=1) / np.maximum(total, 1e-9)[:, None] - points
    offset[total == 0] = 0.0
    offset -= (offset * tangents).sum(axis=1, keepdims=True) * tangents
    return _completed(points + offset, total, tangents, lines, mask)


def _completed(
    centres: FloatArray, weights: FloatArray, tangents: FloatArray, lines: Sequence[Line], mask: Mask
) -> tuple[FloatArray, FloatArray]:
    """The middles of whole discs, where a face of the volume has cut something off them."""
    radius = np.repeat([line.radius for line in lines], [len(line.points) for line in lines])
    way, direction = mask.to_face(centres, tangents)
    cut = np.flatnonzero(way < radius)
    # Of a disc of radius 1, what lies up to `chord` beyond its middle: its area, and where its own middle is.
    chord = np.linspace(-1.0, 1.0, 201)[1:]
    area = np.arccos(-chord) + chord * np.sqrt(1.0 - chord**2)
    middle = -2.0 / 3.0 * (1.0 - chord**2) ** 1.5 / area
    missing = way[cut] - np.interp(way[cut] / radius[cut], chord - middle, chord) * radius[cut]
    centres[cut] += missing[:, None] * direction[cut]
    weights[cut] *= CUT_WEIGHT
    return centres, weights


def _tangents(line: Line) -> FloatArray:
    """Unit directions (k, 3) from differences over a few points."""
    points = line.points
    if len(points) < 2:
        return np.zeros(points.shape)
    reach = min(3, len(points) - 1)
    if line.closed:
        ways = np.roll(points, -reach, axis=0) - np.roll(points, reach, axis=0)
    else:
        rank = np.arange(len(points))
        ways = points[np.minimum(rank + reach, len(points) - 1)] - points[np.maximum(rank - reach, 0)]
    lengths = np.linalg.norm(ways, axis=1, keepdims=True)
    return np.asarray(ways / np.maximum(lengths, 1e-12))


def _smoothed(line: Line, points: FloatArray, weights: FloatArray, pixel: float) -> Line:
    """The smoothing spline through points: its third differences cost, so that arcs are not flattened."""
    count = len(points)
    if count < 4 or not weights.any():
        return replace(line, points=points)
    cutoff = max(SMOOTHING_RADII * line.radius, SMOOTHING_PX * pixel) / pixel
    around = min(count, int(2 * cutoff)) if line.closed else 0
    wrapped = np.arange(-around, count + around) % count
    relative = np.clip(weights / weights[weights > 0].mean(), LEAST_WEIGHT, LARGEST_WEIGHT)
    smooth = _penalised(points[wrapped], relative[wrapped], (cutoff / (2 * np.pi)) ** 6)
    return replace(line, points=smooth[around : around + count])


def _penalised(points: FloatArray, weights: FloatArray, stiffness: float) -> FloatArray:
    """The points x that minimise the sum of w (x - p)^2 + stiffness (third difference of x)^2."""
    from scipy.linalg import solveh_banded

    count = len(points)
    third = np.array([-1.0, 3.0, -3.0, 1.0])
    bands = np.zeros((4, count))
    for row in range(4):
        for column in range(row + 1):
            bands[row - column, column : count - 3 + column] += stiffness * third[row] * third[column]
    bands[0] += weights
    smooth: FloatArray = solveh_banded(bands, weights[:, None] * points, lower=True)
    return smooth


def _extended(line: Line, mask: Mask) -> Line:
    """The line up to the ends of the mask: thinning took about a radius off."""
    if line.closed or len(line.points) < 2:
        return line
    points = line.points
    inside = np.flatnonzero(mask.holds(points, line.blob))
    if not len(inside):
        return line
    points = points[inside[0] * line.free[0] : inside[-1] + 1 if line.free[1] else None]
    for end in (1, 0):
        if line.free[end] and len(points) > 1:
            ahead = points if end == 1 else points[::-1]
            ahead = _up_to_the_end(ahead, line, mask)
            points = ahead if end == 1 else ahead[::-1]
    return replace(line, points=points)


def _up_to_the_end(points: FloatArray, line: Line, mask: Mask) -> FloatArray:
    """The points, their last part replaced by one that goes on, with the bend of what is behind, as far as the mask."""
    back = np.concatenate([[0.0], np.cumsum(steps(points[::-1], closed=False))])[::-1]
    base = int(np.argmin(np.abs(back - min(0.5 * line.radius, back[0] / 4))))
    known = (back >= back[base]) & (back <= back[base] + BEND_RADII * line.radius + 2 * mask.pixel)
    if base == 0 or known.sum() < 2:
        return points
    ahead = back[base] - back[known]
    course = np.polynomial.polynomial.polyfit(ahead, points[known], 2 if known.sum() >= LEAST_POINTS else 1)
    course[0] = points[base]
    step = mask.pixel / 8
    along = np.arange(0.0, back[base] + EXTENSION_RADII * line.radius + mask.pixel, step)
    way = np.asarray(np.polynomial.polynomial.polyval(along, course).T, np.float64)
    outside = np.flatnonzero(~mask.holds(way, line.blob))
    if len(outside) and outside[0] == 0:
        return points
    stop = int(outside[0]) if len(outside) else len(way)
    return np.concatenate([points[: base + 1], way[:stop][8::8], way[stop - 1 :][:1]])


def _weighed(lines: Sequence[Line], mask: Mask, owner: IntArray, voxels: IntArray) -> list[Line]:
    """The lines with their weights, and each with its own thickness."""
    of_point = np.repeat(np.arange(len(lines)), [len(line.points) for line in lines])
    mine = of_point[owner]
    weights = np.bincount(mine, mask.weight[voxels], len(lines)).tolist()
    volumes = (np.bincount(mine, minlength=len(lines)) * float(mask.edges.prod())).tolist()
    return [
        replace(line, weight=weight, radius=float(np.sqrt(volume / (np.pi * max(line.length, mask.pixel)))))
        for line, weight, volume in zip(lines, weights, volumes, strict=True)
    ]
