"""Pieces of isosurfaces: flying edges in some planes of a volume, with the component and the normal of each vertex."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ais.components import Components, graph_of
from ais.errors import AisError
from ais.progress import SILENT, Progress

STEP = "making the surface"
TAUBIN_SHRINK = 0.5
TAUBIN_GROW = -0.53
FACES_AT_ONCE = 1 << 17
"""So many are looked at at once for their normals."""

Floats = NDArray[np.float32]
Indices = NDArray[np.intp]
Owners = NDArray[np.int32]
Cut = int | np.floating[Any]


@dataclass(frozen=True, eq=False)
class Planes:
    """Planes of a padded volume whose border, one voxel wide, is zero.

    Flying edges gives the vertices on a plane, and between it and the next, plane after plane. So a piece is the same
    as that part of the whole surface, if the planes on both sides are there: the slope at a voxel depends on its
    neighbours, and a face above the last plane of the piece has vertices on the one that follows.

    Attributes
    ----------
    values
        (n, ny, nx): one plane more than `own` below and two above, where the volume has them.
    first
        Number of the first plane in the padded volume.
    own
        Numbers of the first plane, and of the one after the last, whose vertices are wanted.
    """

    values: NDArray[Any]
    first: int
    own: tuple[int, int]

    @classmethod
    def whole(cls, padded: NDArray[Any]) -> Planes:
        """All planes of a padded volume."""
        return cls(padded, 0, (0, len(padded)))


@dataclass(frozen=True, eq=False)
class Piece:
    """A part of a surface, in the order in which flying edges finds it.

    Attributes
    ----------
    vertices, normals
        (n, 3) float32, x, y, z in angstrom, and of unit length.
    owners
        (n,) int32, the component of each vertex.
    faces
        (m, 3) int32, indices into the vertices of all pieces, of which those of the next piece may be some.
    face_owners
        (m,) int32, the component of each face.
    """

    vertices: Floats
    normals: Floats
    owners: Owners
    faces: NDArray[np.int32]
    face_owners: Owners


def lowest_inside(dtype: np.dtype[Any], level: float) -> Cut:
    """The lowest value of a type that lies inside the isosurface of a level, compared exactly as it compares.

    Raises
    ------
    AisError
        If the level is not above 0.
    """
    # NumPy would else round the level to the volume's type.
    cut: Cut = 0
    if math.isfinite(level):
        cut = dtype.type(level) if dtype.kind == "f" else math.ceil(level)
    if not cut > 0:
        raise AisError(
            f"An isosurface level of {level:g} cannot be used: it must be above 0, the value outside the volume."
        )
    return cut


def piece_of(
    planes: Planes,
    level: float,
    components: Components,
    voxel_sizes: tuple[float, float, float],
    corner: tuple[float, float, float],
    *,
    kept: int | None = None,
    vertices_before: int = 0,
    progress: Progress = SILENT,
) -> Piece:
    """The part of an isosurface whose vertices belong to some planes.

    Parameters
    ----------
    planes
        Of the padded volume.
    level
        On the volume's own scale.
    components
        Those of the whole padded volume at this level; there is at least one.
    voxel_sizes
        (z, y, x) in angstrom.
    corner
        (x, y, z) in angstrom: centre of the padded volume's first voxel.
    kept
        So many components are wanted, the largest ones; None for all.
    vertices_before
        How many vertices the pieces before this one have.
    progress
        Asked between steps whether to go on.
    """
    cut = lowest_inside(planes.values.dtype, level)
    compared = float(cut) if planes.values.dtype.kind == "f" else level
    vertices, faces, normals = _flying_edges(planes.values, compared, planes.first)
    progress.report(0, 0, STEP)
    owners = _vertex_owners(vertices, faces, planes, cut, components)
    progress.report(0, 0, STEP)
    spacing = np.array(voxel_sizes[::-1], np.float32)
    vertices *= spacing
    vertices += np.array(corner, np.float32)
    normals /= spacing
    _make_unit(normals, vertices, faces)
    face_owners = owners[faces[:, 0]]
    own = _own(planes, cut, len(vertices))
    if own != slice(0, len(vertices)):
        # A face has a vertex between the two planes that it lies between or on the lower one, and none below.
        lowest = faces.min(axis=1)
        chosen = (lowest >= own.start) & (lowest < own.stop)
        faces, face_owners = faces[chosen], face_owners[chosen]
    if kept is not None and kept < components.count:
        wanted = owners < kept
        numbers = np.cumsum(wanted, dtype=np.int32)
        shift = int(numbers[own.start - 1]) if own.start else 0
        chosen = face_owners < kept
        faces, face_owners = numbers[faces[chosen]] - np.int32(1), face_owners[chosen]
        rows: slice | Indices = np.flatnonzero(wanted[own]) + own.start
    else:
        rows, shift = own, own.start
    if vertices_before != shift:
        faces += np.int32(vertices_before - shift)
    return Piece(vertices[rows], normals[rows], owners[rows], faces, face_owners)


def smoothed(pieces: list[Piece], steps: int) -> Piece:
    """All of a surface as one piece, smoothed in steps that keep its volume, with the normals of its faces.

    The list is emptied.
    """
    vertices, faces = [piece.vertices for piece in pieces], [piece.faces for piece in pieces]
    owners, face_owners = [piece.owners for piece in pieces], [piece.face_owners for piece in pieces]
    pieces.clear()
    joined = np.concatenate(faces)
    faces.clear()
    smooth = _taubin(np.concatenate(vertices), joined, steps)
    vertices.clear()
    return Piece(smooth, _face_normals(smooth, joined), np.concatenate(owners), joined, np.concatenate(face_owners))


def _flying_edges(padded: NDArray[Any], level: float, first: int) -> tuple[Floats, NDArray[np.int32], Floats]:
    """Vertices and gradient normals in voxels of the padded volume, x, y, z, and the faces of the isosurface."""
    from vtkmodules.util.numpy_support import numpy_to_vtk, vtk_to_numpy
    from vtkmodules.vtkCommonCore import vtkSMPTools
    from vtkmodules.vtkCommonDataModel import vtkImageData
    from vtkmodules.vtkFiltersCore import vtkFlyingEdges3D

    vtkSMPTools.SetBackend("STDThread")
    image = vtkImageData()
    nz, ny, nx = padded.shape
    # Where the extent begins, and not an origin, makes the rounding of coordinates that of the whole volume.
    image.SetExtent(0, nx - 1, 0, ny - 1, first, first + nz - 1)
    image.GetPointData().SetScalars(numpy_to_vtk(padded.ravel(), deep=False))
    edges = vtkFlyingEdges3D()
    edges.SetInputData(image)
    edges.SetValue(0, level)
    edges.ComputeNormalsOn()
    edges.ComputeScalarsOff()
    edges.Update()
    mesh = edges.GetOutput()
    if not mesh.GetNumberOfPoints():
        return np.zeros((0, 3), np.float32), np.zeros((0, 3), np.int32), np.zeros((0, 3), np.float32)
    vertices = np.array(vtk_to_numpy(mesh.GetPoints().GetData()), np.float32)
    normals = np.array(vtk_to_numpy(mesh.GetPointData().GetNormals()), np.float32)
    faces = vtk_to_numpy(mesh.GetPolys().GetConnectivityArray()).reshape(-1, 3).astype(np.int32)
    return vertices, faces, normals


def _own(planes: Planes, cut: Cut, count: int) -> slice:
    """Which of all vertices belong to the planes that are wanted."""
    begin, end = (number - planes.first for number in planes.own)
    before = _crossings(planes.values[: begin + 1] >= cut, last=False) if begin else 0
    return slice(before, count - _crossings(planes.values[end:] >= cut))


def _crossings(inside: NDArray[np.bool_], *, last: bool = True) -> int:
    """How many vertices some planes have: one between each two unlike neighbours; `last`: with those on the last."""
    flat = inside if last else inside[:-1]
    along_x = np.count_nonzero(flat[:, :, 1:] != flat[:, :, :-1])
    along_y = np.count_nonzero(flat[:, 1:] != flat[:, :-1])
    return int(along_x + along_y + np.count_nonzero(inside[1:] != inside[:-1]))


def _vertex_owners(
    vertices: Floats, faces: NDArray[np.int32], planes: Planes, cut: Cut, components: Components
) -> Owners:
    """Component of each vertex: each lies between a voxel inside and its neighbour outside."""
    padded = planes.values
    offset = planes.first * padded.shape[1] * padded.shape[2]
    voxels, clear = _voxels_inside(vertices, padded, cut, planes.first)
    owners = components.holding(voxels + offset)
    if not clear.all():
        # Where the level is crossed very close to the voxel outside, the vertex lies on its centre and does not tell
        # its neighbour, but it shares faces with vertices that do.
        owners[~clear] = -1
        around = faces[~clear[faces].all(axis=1)]
        np.maximum.at(owners, around.ravel(), np.repeat(owners[around].max(axis=1), 3))
        if owners.min() < 0:
            # The surface of the mask has the same vertices in the same order, all of them halfway between two voxels.
            mask = (padded >= cut).view(np.uint8)
            halfway = _flying_edges(mask, 0.5, planes.first)[0]
            voxels, _ = _voxels_inside(halfway, mask, 1, planes.first)
            owners = components.holding(voxels + offset)
    return owners


def _voxels_inside(vertices: Floats, padded: NDArray[Any], cut: Cut, first: int) -> tuple[Indices, NDArray[np.bool_]]:
    """Flat index of the voxel on the inner side of each vertex, and whether it could be told."""
    _, ny, nx = padded.shape
    strides = np.array([1, nx, nx * ny])
    values = padded.ravel()
    low = np.floor(vertices)
    voxels = low.astype(np.intp) @ strides - first * ny * nx
    inside = values[voxels] >= cut
    voxels += np.where(inside, 0, (vertices > low) @ strides)
    clear = inside | (values[voxels] >= cut)
    return voxels, clear


def _make_unit(normals: Floats, vertices: Floats, faces: NDArray[np.int32]) -> None:
    lengths: Floats = np.sqrt(np.einsum("ij,ij->i", normals, normals))
    flat = lengths == 0
    if flat.any():
        # Between two voxels of equal slope the gradient vanishes; the faces still have a direction.
        normals[flat] = _face_normals(vertices, faces[flat[faces].any(axis=1)])[flat]
        lengths[flat] = 1.0
    normals /= lengths[:, None]


def _face_normals(vertices: Floats, faces: NDArray[np.int32]) -> Floats:
    sums = np.zeros((3, len(vertices)))
    for start in range(0, len(faces), FACES_AT_ONCE):
        some = faces[start : start + FACES_AT_ONCE].astype(np.intp)
        corners = vertices[some]
        crosses = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
        for axis in range(3):
            np.add.at(sums[axis], some.ravel(), np.repeat(crosses[:, axis].astype(np.float64), 3))
    sums = sums.T
    lengths = np.sqrt(np.einsum("ij,ij->i", sums, sums))
    sums[lengths == 0] = (0.0, 0.0, 1.0)
    lengths[lengths == 0] = 1.0
    sums /= lengths[:, None]
    return sums.astype(np.float32)


def _taubin(vertices: Floats, faces: NDArray[np.int32], steps: int) -> Floats:
    # In a closed surface each edge belongs to two faces, once in each direction, so this graph is symmetric.
    graph = graph_of(faces.ravel(), np.roll(faces, -1, axis=1).ravel(), len(vertices))
    degree = np.maximum(np.asarray(graph.sum(axis=1), np.float32), 1.0)[:, None]
    for _ in range(steps):
        for weight in (TAUBIN_SHRINK, TAUBIN_GROW):
            vertices = vertices + np.float32(weight) * (graph @ vertices / degree - vertices)
    return vertices
