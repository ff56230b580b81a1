"""Orientations of particles that follow from their surroundings, and their distances to another feature's surface."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from ais.errors import AisError
from ais.formats.coord_angles import tangent_to_angles
from ais.picking import Picks, long_axes
from ais.prediction import (
    check_threshold,
    checked_voxel_sizes,
    reaching,
    scale_of,
    slab_at,
    slice_ranges,
    source_name,
    volume_shape,
)

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ais.tomogram import Tomogram

    FloatArray: TypeAlias = NDArray[np.float64]

HOW = ("axis", "normal")
PATCH_POINTS = 24
"""A surface's plane at a point is that of so many points around it."""
NORMAL_PX = 4.0
"""A normal is averaged over so many voxels in each direction, since steps of voxels are no slope."""


@dataclass(frozen=True, eq=False)
class _Surface:
    """Points where a volume passes a level between two neighbouring voxels, with normals that point out of it."""

    points: FloatArray
    normals: FloatArray


def orient(
    picks: Picks | FloatArray,
    volume: NDArray[Any] | Tomogram,
    how: str,
    *,
    level: float = 128.0,
    voxel_sizes: float | tuple[float, float, float] | None = None,
) -> FloatArray:
    """Angles of particles, whose reference's z axis is laid along their long axis or a surface's normal.

    The sign follows a rule. A normal points out of what is inside the surface: from a membrane to the particle on
    either of its sides, and for a particle within the membrane to the side to which it is nearer. A long axis has no
    side: the longest of its x, y and z parts is positive.

    Parameters
    ----------
    picks
        The particles, or their positions x, y, z in voxels, shape (n, 3).
    volume
        For ``"axis"`` the prediction that they were picked from, for ``"normal"`` that of the surface, a membrane for
        instance; both of the shape of the tomogram.
    how
        ``"axis"``: each particle is the one that `ais.picking.find_particles` finds nearest to its position.
        ``"normal"``: of the nearest point of the surface, averaged over four voxels around it.
    level
        What of the volume is inside, on the 0-255 scale.
    voxel_sizes
        (z, y, x) or one number, in angstrom; by default the picks' or the tomogram's. Only their proportions matter.

    Returns
    -------
    ndarray of float64
        (rot, tilt, psi) in degrees, shape (n, 3); rot is 0.

    Raises
    ------
    AisError
        If `how` is neither, or the volume is not a volume of finite numbers, or nothing of it reaches the level.
    """
    if how not in HOW:
        raise AisError(f"Particles are oriented by {' or '.join(HOW)}, not by {how!r}.")
    if isinstance(picks, Picks):
        voxel_sizes = picks.voxel_sizes if voxel_sizes is None else voxel_sizes
        positions = picks.positions
    else:
        positions = np.asarray(picks, np.float64).reshape(-1, 3)
    edges = _edges(volume, voxel_sizes)
    if not len(positions):
        return np.zeros((0, 3))
    directions = _axes(positions, volume, level, edges) if how == "axis" else _normals(positions, volume, level, edges)
    return tangent_to_angles(directions)


def distances_to_surface(
    positions: FloatArray,
    volume: NDArray[Any] | Tomogram,
    level: float = 128.0,
    *,
    voxel_sizes: float | tuple[float, float, float] | None = None,
    signed: bool = False,
) -> FloatArray:
    """Distance of each position to the nearest point of another feature's surface.

    Parameters
    ----------
    positions
        x, y, z in voxels, shape (n, 3).
    volume
        Prediction of the other feature, of the shape of the tomogram.
    level
        Of its surface, on the 0-255 scale. Where the volume ends there is no surface.
    voxel_sizes
        (z, y, x) or one number, in angstrom; by default the tomogram's.
    signed
        Whether distances are negative inside.

    Returns
    -------
    ndarray of float64
        Shape (n,), in angstrom (in voxels if the voxel size is not known); infinite where there is no surface.

    Raises
    ------
    AisError
        If the volume is not a volume of finite numbers.
    """
    from scipy.spatial import KDTree

    positions = np.asarray(positions, np.float64).reshape(-1, 3)
    edges = _edges(volume, voxel_sizes)
    surface, inside = _surface(volume, level, edges, positions if signed else positions[:0])
    if not len(positions) or not len(surface.points):
        return np.full(len(positions), np.inf)
    tree = KDTree(surface.points)
    places = positions * edges
    distances, nearest = (np.asarray(found) for found in tree.query(places, workers=-1))
    count = min(PATCH_POINTS, len(surface.points))
    patches = np.asarray(tree.query(surface.points[nearest], k=count, workers=-1)[1]).reshape(len(places), count)
    normals = _averaged(surface.normals, nearest, patches)
    offset = places - surface.points[patches].mean(axis=1)
    height = np.abs((offset * normals).sum(axis=1))
    beside = np.sqrt(np.maximum((offset**2).sum(axis=1) - height**2, 0.0))
    # Above a patch the plane through it is nearer to the truth than the points, which lie a voxel apart.
    distances = np.where((beside <= edges.min()) & (height <= NORMAL_PX * edges.max()), height, distances)
    if signed:
        distances = np.where(inside, -distances, distances)
    return np.asarray(distances, np.float64)


def _edges(volume: NDArray[Any] | Tomogram, voxel_sizes: float | tuple[float, float, float] | None) -> FloatArray:
    """Voxel sizes x, y, z; ones if they are not known."""
    sizes = checked_voxel_sizes(volume, voxel_sizes)
    return np.array(sizes[::-1]) if any(sizes) else np.ones(3)


def _axes(positions: FloatArray, volume: NDArray[Any] | Tomogram, level: float, edges: FloatArray) -> FloatArray:
    from scipy.spatial import KDTree

    z, y, x = edges[::-1].tolist()
    centres, axes = long_axes(volume, threshold=level, voxel_sizes=(z, y, x))
    if not len(centres):
        raise _nothing(volume, level)
    own = axes[np.asarray(KDTree(centres * edges).query(positions * edges)[1])]
    longest = np.take_along_axis(own, np.abs(own).argmax(axis=1)[:, None], axis=1)
    return np.where(longest < 0, -own, own)


def _normals(positions: FloatArray, volume: NDArray[Any] | Tomogram, level: float, edges: FloatArray) -> FloatArray:
    from scipy.spatial import KDTree

    surface, _ = _surface(volume, level, edges, positions[:0])
    if not len(surface.points):
        raise _nothing(volume, level)
    tree = KDTree(surface.points)
    nearest = np.asarray(tree.query(positions * edges, workers=-1)[1])
    around = tree.query_ball_point(surface.points[nearest], NORMAL_PX * edges.max(), workers=-1)
    count = min(PATCH_POINTS, len(surface.points))
    patches = np.asarray(tree.query(surface.points[nearest], k=count)[1]).reshape(len(nearest), count)
    rough = _averaged(surface.normals, nearest, patches)
    normals = np.empty((len(nearest), 3))
    for row, patch in enumerate(around):
        own = surface.normals[patch]
        # The other side of a membrane may be as near.
        total = own[own @ rough[row] > 0].sum(axis=0)
        normals[row] = total if np.linalg.norm(total) > 0 else rough[row]
    return normals


def _averaged(normals: FloatArray, nearest: NDArray[Any], patches: NDArray[Any]) -> FloatArray:
    """Mean normals (n, 3) of patches (n, k), of what points to the same side as the nearest point's."""
    own = normals[patches]
    same = (own * normals[nearest][:, None]).sum(axis=2, keepdims=True) > 0
    total = (own * same).sum(axis=1)
    length = np.linalg.norm(total, axis=1, keepdims=True)
    return np.asarray(np.where(length > 0, total / np.maximum(length, 1e-12), normals[nearest]))


def _surface(
    volume: NDArray[Any] | Tomogram, level: float, edges: FloatArray, positions: FloatArray
) -> tuple[_Surface, NDArray[np.bool_]]:
    """The surface of a volume, which is read in slabs, and whether positions (n, 3) x, y, z lie inside it."""
    from scipy.ndimage import map_coordinates

    shape = volume_shape(volume)
    check_threshold(level)
    scale = scale_of(volume)
    # At a threshold of 0 everything above zero is inside.
    cut = level / scale.factor if level > 0 else float(np.finfo(np.float32).tiny)
    cut = 0.5 if volume.dtype.kind == "b" else cut
    places = np.clip(positions[:, ::-1], 0, np.array(shape) - 1)
    inside = np.zeros(len(positions), np.bool_)
    points: list[list[FloatArray]] = [[np.zeros((0, 3))] for _ in range(3)]
    normals: list[list[FloatArray]] = [[np.zeros((0, 3))] for _ in range(3)]
    for z0, z1 in slice_ranges(shape):
        # A slope needs the slices before and after; what passes the level may lie before the next slice.
        first = max(z0 - 1, 0)
        values = slab_at(volume, first, min(z1 + 2, shape[0]))
        reached = reaching(values, level, scale)
        values = values.view(np.uint8) if values.dtype.kind == "b" else values
        here = (places[:, 0] >= z0) & (places[:, 0] < z1)
        if here.any():
            local = places[here] - [first, 0, 0]
            inside[here] = map_coordinates(values, local.T, output=np.float64, order=1, mode="nearest") >= cut
        for axis in range(3):
            found, directions = _passed(values, reached, axis, cut, (z0, z1), first, edges)
            points[axis].append(found)
            normals[axis].append(directions)
    return _Surface(
        *(np.concatenate([part for parts in lists for part in parts]) for lists in (points, normals))
    ), inside


def _passed(
    values: NDArray[Any],
    inside: NDArray[np.bool_],
    axis: int,
    cut: float,
    slices: tuple[int, int],
    first: int,
    edges: FloatArray,
) -> tuple[FloatArray, FloatArray]:
    """Where the level is passed between neighbours along an axis, the first of them in these slices; and normals.

    The values are those from the slice `first` on.
    """
    ahead = np.moveaxis(inside, axis, 0)
    passed = np.moveaxis(ahead[1:] != ahead[:-1], 0, axis)[slices[0] - first : slices[1] - first]
    near = np.stack(np.nonzero(passed), axis=1)
    near[:, 0] += slices[0] - first
    far = near.copy()
    far[:, axis] += 1
    low, high = (values[tuple(place.T)].astype(np.float64) for place in (near, far))
    share = np.clip((cut - low) / (high - low), 0.0, 1.0)
    place = near + np.array([first, 0.0, 0.0])
    place[:, axis] += share
    slope = (1 - share)[:, None] * _slope(values, near) + share[:, None] * _slope(values, far)
    down = -slope[:, ::-1] / edges
    down[(down == 0).all(axis=1), 2 - axis] = 1.0
    return place[:, ::-1] * edges, down / np.linalg.norm(down, axis=1, keepdims=True)


def _slope(values: NDArray[Any], index: NDArray[Any]) -> FloatArray:
    """Differences of a volume per voxel (n, 3) along z, y, x."""
    slope = np.empty((len(index), 3))
    for axis in range(3):
        before, after = index.copy(), index.copy()
        before[:, axis] = np.maximum(index[:, axis] - 1, 0)
        after[:, axis] = np.minimum(index[:, axis] + 1, values.shape[axis] - 1)
        width = np.maximum(after[:, axis] - before[:, axis], 1)
        difference = values[tuple(after.T)].astype(np.float64) - values[tuple(before.T)]
        slope[:, axis] = difference / width
    return slope


def _nothing(volume: NDArray[Any] | Tomogram, level: float) -> AisError:
    return AisError(f"Nothing in {source_name(volume)} reaches the level {level:g}, so it gives no orientation.")
