"""Surfaces of segmented structures: isosurfaces in angstrom, their connected components and the dust among them."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ais.components import Components, graph_of
from ais.errors import AisError
from ais.progress import SILENT, Progress

A3_PER_NM3 = 1000.0
MAX_VERTICES = 2**31 - 1
VERTICES_PER_RUN = 6
STEP = "making the surface"
TAUBIN_SHRINK = 0.5
TAUBIN_GROW = -0.53

Floats = NDArray[np.float32]
Indices = NDArray[np.intp]


@dataclass(frozen=True, eq=False)
class Surface:
    """A closed triangle surface whose vertices and faces lie component after component, the largest first.

    A component is a set of face-connected voxels at or above the level, so a hollow vesicle is one component with an
    outer and an inner wall. Because of the order, hiding dust is to draw fewer of the same vertices and faces.

    Attributes
    ----------
    vertices
        (n, 3) float32, x, y, z in angstrom.
    faces
        (m, 3) int32 indices into `vertices`, counter-clockwise when seen from outside.
    normals
        (n, 3) float32 unit vectors x, y, z that point outwards.
    volumes
        (k,) float64, volume of each component in cubic angstrom, descending: its voxels at or above the level.
    vertex_starts, face_starts
        (k + 1,) where the vertices and the faces of each component start; the last entries are n and m.
    """

    vertices: Floats
    faces: NDArray[np.int32]
    normals: Floats
    volumes: NDArray[np.float64]
    vertex_starts: Indices
    face_starts: Indices

    @property
    def component(self) -> NDArray[np.int32]:
        """(n,) int32, the component of each vertex; 0 is the largest."""
        ids = np.arange(self.volumes.size, dtype=np.int32)
        return np.repeat(ids, np.diff(self.vertex_starts))

    @property
    def volumes_nm3(self) -> NDArray[np.float64]:
        """(k,) float64, volume of each component in cubic nanometres, descending."""
        return self.volumes / A3_PER_NM3

    def without_dust(self, min_volume: float) -> Surface:
        """The surface of the components of at least `min_volume` cubic angstrom: views of the same arrays."""
        kept = int(np.searchsorted(-self.volumes, -min_volume, side="right"))
        vertices, faces = int(self.vertex_starts[kept]), int(self.face_starts[kept])
        return Surface(
            self.vertices[:vertices],
            self.faces[:faces],
            self.normals[:vertices],
            self.volumes[:kept],
            self.vertex_starts[: kept + 1],
            self.face_starts[: kept + 1],
        )

    def only(self, components: Iterable[int]) -> Surface:
        """A surface of the given components alone, numbered anew from the largest on.

        Raises
        ------
        AisError
            If there is no such component.
        """
        ids = np.unique(np.fromiter(components, dtype=np.intp))
        absent = ids[(ids < 0) | (ids >= self.volumes.size)]
        if absent.size:
            raise AisError(f"The surface has {self.volumes.size} components, numbered from 0; there is no {absent[0]}.")
        vertices, vertex_starts = _gather(self.vertices, self.vertex_starts, ids)
        normals, _ = _gather(self.normals, self.vertex_starts, ids)
        faces, face_starts = _gather(self.faces, self.face_starts, ids)
        moved = np.repeat(vertex_starts[:-1] - self.vertex_starts[ids], np.diff(face_starts))
        faces += moved.astype(np.int32)[:, None]
        return Surface(vertices, faces, normals, self.volumes[ids], vertex_starts, face_starts)


@dataclass(frozen=True, eq=False)
class PreparedVolume:
    """A segmented volume made ready for isosurfaces at any level; make it with `prepare`.

    Attributes
    ----------
    padded
        (nz + 2, ny + 2, nx + 2): the volume or its binned copy, with one voxel of zero all around.
    voxel_sizes
        (z, y, x) in angstrom, of the binned copy.
    corner
        (x, y, z) in angstrom: centre of the padded voxel (0, 0, 0).
    """

    padded: NDArray[Any]
    voxel_sizes: tuple[float, float, float]
    corner: tuple[float, float, float]

    def components(self, level: float, most_runs: int | None = None) -> Components:
        """The components of the voxels at or above `level`, in the order in which `surface` has them.

        Raises
        ------
        AisError
            If the level is not above 0, or there are more runs of voxels along x than `most_runs`.
        """
        return Components.of_padded(self.padded, self._cut(level), most_runs)

    def cleared(self, voxels: Indices) -> PreparedVolume:
        """A copy in which some voxels, given by flat index in `padded`, are zero."""
        copy = self.padded.copy()
        copy.reshape(-1)[voxels] = 0
        return replace(self, padded=copy)

    def surface(
        self,
        level: float,
        *,
        smooth: int = 0,
        components: Components | None = None,
        progress: Progress = SILENT,
    ) -> Surface:
        """The isosurface at `level`; see `isosurface`.

        `components`, if they are known, are those at this level. `progress` is asked between steps whether to go on.
        """
        cut = self._cut(level)
        if smooth < 0:
            raise AisError(f"{smooth} smoothing steps cannot be done: choose 0 or more.")
        found = components or Components.of_padded(self.padded, cut)
        if found.starts.size == 0:
            return _empty_surface()
        if found.starts.size * VERTICES_PER_RUN > MAX_VERTICES:
            raise AisError("The surface has too many points to draw: choose a higher level or a larger bin.")
        vertices, faces, normals = _flying_edges(self.padded, float(cut) if self.padded.dtype.kind == "f" else level)
        progress.report(0, 0, STEP)
        owners = _vertex_owners(vertices, faces, self.padded, cut, found)
        progress.report(0, 0, STEP)
        spacing = np.array(self.voxel_sizes[::-1], np.float32)
        vertices *= spacing
        vertices += np.array(self.corner, np.float32)
        normals = _unit_normals(normals / spacing, vertices, faces)
        if smooth:
            vertices = _taubin(vertices, faces, smooth)
            normals = _face_normals(vertices, faces)
        progress.report(0, 0, STEP)
        volumes = found.voxels * math.prod(self.voxel_sizes)
        return _in_order(vertices, faces, normals, owners, volumes)

    def _cut(self, level: float) -> int | np.floating[Any]:
        # Compared exactly as the isosurface compares: NumPy would else round the level to the volume's type.
        cut: int | np.floating[Any] = 0
        if math.isfinite(level):
            cut = self.padded.dtype.type(level) if self.padded.dtype.kind == "f" else math.ceil(level)
        if not cut > 0:
            raise AisError(
                f"An isosurface level of {level:g} cannot be used: it must be above 0, the value outside the volume."
            )
        return cut


def prepare(
    volume: NDArray[Any],
    *,
    voxel_sizes: tuple[float, float, float],
    origin: tuple[float, float, float] = (0.0, 0.0, 0.0),
    bin: int = 1,
) -> PreparedVolume:
    """A volume binned and padded once, so that a change of level costs no more than the surface itself.

    Parameters
    ----------
    volume
        (nz, ny, nx), real numbers of any type or bool.
    voxel_sizes
        (z, y, x) in angstrom.
    origin
        (x, y, z) in angstrom: centre of the voxel (0, 0, 0).
    bin
        The surface is that of the mean of bin x bin x bin voxels. The structures stay where they are.

    Raises
    ------
    AisError
        If the volume is not three-dimensional, empty, not of real numbers or not finite, or if the voxel size is
        not known, or the bin not positive or larger than the volume.
    """
    if volume.ndim != 3 or volume.size == 0:
        raise AisError(f"A surface needs a volume of three dimensions, not one of shape {volume.shape}.")
    if volume.dtype.kind not in "buif":
        raise AisError(f"A surface needs a volume of real numbers, not of {volume.dtype}.")
    if not all(math.isfinite(size) and size > 0 for size in voxel_sizes):
        raise AisError("The voxel size is not known: a surface in angstrom needs it, so give the voxel size.")
    if not all(math.isfinite(position) for position in origin):
        raise AisError("The origin of the volume is not a number: correct it in the file's header.")
    if not 1 <= bin <= max(1, *volume.shape):
        raise AisError(f"A volume of this size cannot be binned by {bin}: choose 1 to {max(volume.shape)}.")
    shape = tuple(-(-length // bin) + 2 for length in volume.shape)
    padded = np.zeros(shape, surface_type(volume.dtype) if bin == 1 else np.dtype(np.float32))
    inner = padded[1:-1, 1:-1, 1:-1]
    if bin == 1:
        inner[...] = volume
    else:
        bin_into(inner, volume, bin)
    if padded.dtype.kind == "f" and not (math.isfinite(padded.min()) and math.isfinite(padded.max())):
        raise AisError("The volume holds values that are not numbers (NaN or infinite): repair it first.")
    first = (bin - 1) / 2 - bin
    x, y, z = (start + first * size for start, size in zip(origin, voxel_sizes[::-1], strict=True))
    size_z, size_y, size_x = (size * bin for size in voxel_sizes)
    return PreparedVolume(padded, (size_z, size_y, size_x), (x, y, z))


def isosurface(
    volume: NDArray[Any],
    level: float,
    *,
    voxel_sizes: tuple[float, float, float],
    origin: tuple[float, float, float] = (0.0, 0.0, 0.0),
    bin: int = 1,
    smooth: int = 0,
) -> Surface:
    """The closed surface around all voxels at or above a level, in angstrom.

    Outside the volume the value is zero, so structures cut by a face of the volume are capped half a voxel beyond the
    last voxel centre (at half of their value). Voxels that touch by an edge or a corner alone are not connected,
    neither in the surface nor in its components.

    Parameters
    ----------
    volume
        (nz, ny, nx), real numbers of any type or bool.
    level
        On the volume's own scale, above 0. At or above the maximum the surface is empty or has no extent.
    voxel_sizes
        (z, y, x) in angstrom.
    origin
        (x, y, z) in angstrom: centre of the voxel (0, 0, 0).
    bin
        The surface is that of the mean of bin x bin x bin voxels. The structures stay where they are.
    smooth
        Steps of smoothing that keep the volume. Normals come from the volume's gradient, after smoothing from the
        faces.

    Returns
    -------
    Surface
        Without vertices where nothing reaches the level.

    Raises
    ------
    AisError
        If the volume, the voxel size, the level or an option cannot be used.

    References
    ----------
    Schroeder, Maynard and Geveci, Flying edges: a high-performance scalable isocontouring algorithm, LDAV 2015.
    Taubin, A signal processing approach to fair surface design, SIGGRAPH 1995.
    """
    return prepare(volume, voxel_sizes=voxel_sizes, origin=origin, bin=bin).surface(level, smooth=smooth)


def surface_type(dtype: np.dtype[Any]) -> np.dtype[Any]:
    """The type in which values of a type are kept for isosurfaces."""
    if dtype.kind == "b":
        return np.dtype(np.uint8)
    if dtype.kind == "f" and dtype.itemsize <= 4:
        return np.dtype(np.float32)
    # VTK subtracts neighbours in the volume's own type, where wide integers run over.
    return dtype.newbyteorder("=") if dtype.itemsize <= 2 else np.dtype(np.float64)


def bin_into(target: NDArray[Any], volume: NDArray[Any], bin: int) -> None:
    """Write the means of bin x bin x bin voxels to an array of as many blocks; what lies beyond counts as zero."""
    # Beyond the volume counts as zero, so a structure cut by a far face still ends where the volume ends.
    _, ny, nx = target.shape
    plane = np.zeros((ny * bin, nx * bin), np.float32)
    rows, columns = volume.shape[1:]
    for z, row in enumerate(target):
        np.sum(volume[z * bin : (z + 1) * bin], axis=0, dtype=np.float32, out=plane[:rows, :columns])
        np.sum(plane.reshape(ny, bin, nx, bin), axis=(1, 3), out=row)
    target /= np.float32(bin**3)


def _flying_edges(padded: NDArray[Any], level: float) -> tuple[Floats, NDArray[np.int32], Floats]:
    """Vertices and gradient normals in voxels of the padded volume, x, y, z, and the faces of the isosurface."""
    from vtkmodules.util.numpy_support import numpy_to_vtk, vtk_to_numpy
    from vtkmodules.vtkCommonCore import vtkSMPTools
    from vtkmodules.vtkCommonDataModel import vtkImageData
    from vtkmodules.vtkFiltersCore import vtkFlyingEdges3D

    vtkSMPTools.SetBackend("STDThread")
    image = vtkImageData()
    image.SetDimensions(padded.shape[::-1])
    image.GetPointData().SetScalars(numpy_to_vtk(padded.ravel(), deep=False))
    edges = vtkFlyingEdges3D()
    edges.SetInputData(image)
    edges.SetValue(0, level)
    edges.ComputeNormalsOn()
    edges.ComputeScalarsOff()
    edges.Update()
    mesh = edges.GetOutput()
    vertices = np.array(vtk_to_numpy(mesh.GetPoints().GetData()), np.float32)
    normals = np.array(vtk_to_numpy(mesh.GetPointData().GetNormals()), np.float32)
    faces = vtk_to_numpy(mesh.GetPolys().GetConnectivityArray()).reshape(-1, 3).astype(np.int32)
    return vertices, faces, normals


def _vertex_owners(
    vertices: Floats,
    faces: NDArray[np.int32],
    padded: NDArray[Any],
    cut: int | np.floating[Any],
    components: Components,
) -> NDArray[np.int32]:
    """Component of each vertex: each lies between a voxel inside and its neighbour outside."""
    voxels, clear = _voxels_inside(vertices, padded, cut)
    owners = components.holding(voxels)
    if not clear.all():
        # Where the level is crossed very close to the voxel outside, the vertex lies on its centre and does not tell
        # its neighbour, but it shares faces with vertices that do.
        owners[~clear] = -1
        around = faces[~clear[faces].all(axis=1)]
        np.maximum.at(owners, around.ravel(), np.repeat(owners[around].max(axis=1), 3))
    if owners.min() < 0:
        # The surface of the mask has the same vertices in the same order, all of them halfway between two voxels.
        mask = (padded >= cut).view(np.uint8)
        voxels, _ = _voxels_inside(_flying_edges(mask, 0.5)[0], mask, 1)
        owners = components.holding(voxels)
    return owners


def _voxels_inside(
    vertices: Floats, padded: NDArray[Any], cut: int | np.floating[Any]
) -> tuple[Indices, NDArray[np.bool_]]:
    """Flat index of the voxel on the inner side of each vertex, and whether it could be told."""
    _, ny, nx = padded.shape
    strides = np.array([1, nx, nx * ny])
    values = padded.ravel()
    low = np.floor(vertices)
    voxels = low.astype(np.intp) @ strides
    inside = values[voxels] >= cut
    voxels += np.where(inside, 0, (vertices > low) @ strides)
    clear = inside | (values[voxels] >= cut)
    return voxels, clear


def _in_order(
    vertices: Floats,
    faces: NDArray[np.int32],
    normals: Floats,
    owners: NDArray[np.int32],
    volumes: NDArray[np.float64],
) -> Surface:
    face_owners = owners[faces[:, 0]]
    vertex_order, vertex_starts = _grouped(owners, volumes.size)
    face_order, face_starts = _grouped(face_owners, volumes.size)
    moved_to = np.empty(vertex_order.size, np.int32)
    moved_to[vertex_order] = np.arange(vertex_order.size, dtype=np.int32)
    return Surface(
        vertices[vertex_order],
        moved_to[faces[face_order]],
        normals[vertex_order],
        volumes,
        vertex_starts,
        face_starts,
    )


def _grouped(groups: NDArray[np.int32], count: int) -> tuple[Indices, Indices]:
    """Order that puts group after group, and where each of `count` groups starts."""
    # NumPy sorts 16-bit integers by radix, several times faster than wider ones.
    keys = groups.astype(np.uint16) if count <= 1 << 16 else groups
    starts = np.zeros(count + 1, np.intp)
    np.cumsum(np.bincount(groups, minlength=count), out=starts[1:])
    return np.argsort(keys, kind="stable"), starts


def _gather(rows: NDArray[Any], starts: Indices, ids: Indices) -> tuple[NDArray[Any], Indices]:
    parts = [rows[starts[i] : starts[i + 1]] for i in ids]
    new_starts = np.zeros(ids.size + 1, np.intp)
    np.cumsum(starts[ids + 1] - starts[ids], out=new_starts[1:])
    return np.concatenate([rows[:0], *parts]), new_starts


def _unit_normals(normals: Floats, vertices: Floats, faces: NDArray[np.int32]) -> Floats:
    lengths: Floats = np.sqrt(np.einsum("ij,ij->i", normals, normals))
    flat = lengths == 0
    if flat.any():
        # Between two voxels of equal slope the gradient vanishes; the faces still have a direction.
        normals[flat] = _face_normals(vertices, faces[flat[faces].any(axis=1)])[flat]
        lengths[flat] = 1.0
    normals /= lengths[:, None]
    return normals


def _face_normals(vertices: Floats, faces: NDArray[np.int32]) -> Floats:
    corners = vertices[faces]
    crosses = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    sums = np.empty((len(vertices), 3))
    for axis in range(3):
        sums[:, axis] = np.bincount(faces.ravel(), np.repeat(crosses[:, axis], 3), minlength=len(vertices))
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


def _empty_surface() -> Surface:
    nothing = np.zeros((0, 3), np.float32)
    start = np.zeros(1, np.intp)
    return Surface(nothing, np.zeros((0, 3), np.int32), nothing, np.zeros(0), start, start)
