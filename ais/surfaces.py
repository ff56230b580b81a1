"""Surfaces of segmented structures: isosurfaces in angstrom, their connected components and the dust among them."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ais.components import Components
from ais.errors import AisError
from ais.progress import SILENT, Progress
from ais.surface_pieces import Floats, Indices, Piece, Planes, lowest_inside, piece_of, smoothed

A3_PER_NM3 = 1000.0
MAX_VERTICES = 2**31 - 1
VERTICES_PER_RUN = 6


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
        kept = kept_components(self.volumes, min_volume)
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
        return Components.of_padded(self.padded, lowest_inside(self.padded.dtype, level), most_runs)

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
        check_smoothing(smooth)
        found = components or self.components(level)
        if found.starts.size * VERTICES_PER_RUN > MAX_VERTICES:
            raise too_many_vertices()
        if found.count == 0:
            return surface_of_pieces([], found.voxels)
        piece = piece_of(Planes.whole(self.padded), level, found, self.voxel_sizes, self.corner, progress=progress)
        return surface_of_pieces([piece], found.voxels * math.prod(self.voxel_sizes), smooth)


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
    check_usable(volume.shape, volume.dtype, voxel_sizes, origin, bin)
    shape = tuple(-(-length // bin) + 2 for length in volume.shape)
    padded = np.zeros(shape, surface_type(volume.dtype) if bin == 1 else np.dtype(np.float32))
    inner = padded[1:-1, 1:-1, 1:-1]
    if bin == 1:
        inner[...] = volume
    else:
        bin_into(inner, volume, bin)
    if padded.dtype.kind == "f" and not (math.isfinite(padded.min()) and math.isfinite(padded.max())):
        raise AisError("The volume holds values that are not numbers (NaN or infinite): repair it first.")
    return PreparedVolume(padded, *placed(voxel_sizes, origin, bin))


def check_usable(
    shape: tuple[int, ...],
    dtype: np.dtype[Any],
    voxel_sizes: tuple[float, float, float],
    origin: tuple[float, float, float],
    bin: int,
) -> None:
    """Raise an AisError if there can be no surface in angstrom of such a volume; see `prepare`."""
    if len(shape) != 3 or 0 in shape:
        raise AisError(f"A surface needs a volume of three dimensions, not one of shape {shape}.")
    if dtype.kind not in "buif":
        raise AisError(f"A surface needs a volume of real numbers, not of {dtype}.")
    if not all(math.isfinite(size) and size > 0 for size in voxel_sizes):
        raise AisError("The voxel size is not known: a surface in angstrom needs it, so give the voxel size.")
    if not all(math.isfinite(position) for position in origin):
        raise AisError("The origin of the volume is not a number: correct it in the file's header.")
    if not 1 <= bin <= max(1, *shape):
        raise AisError(f"A volume of this size cannot be binned by {bin}: choose 1 to {max(shape)}.")


def check_smoothing(steps: int) -> None:
    """Raise an AisError if so many steps of smoothing cannot be done."""
    if steps < 0:
        raise AisError(f"{steps} smoothing steps cannot be done: choose 0 or more.")


def kept_components(volumes: NDArray[np.float64], min_volume: float) -> int:
    """How many components are no dust; `volumes` (k,) descending and `min_volume` in cubic angstrom."""
    return int(np.searchsorted(-volumes, -min_volume, side="right"))


def too_many_vertices() -> AisError:
    """What to say where the numbers of vertices do not fit into 32 bits."""
    return AisError("The surface has too many points to draw: choose a higher level or a larger bin.")


def placed(
    voxel_sizes: tuple[float, float, float], origin: tuple[float, float, float], bin: int
) -> tuple[tuple[float, float, float], tuple[float, float, float]]:
    """Voxel sizes (z, y, x) of the binned volume and centre (x, y, z) of its padded first voxel, in angstrom."""
    first = (bin - 1) / 2 - bin
    x, y, z = (start + first * size for start, size in zip(origin, voxel_sizes[::-1], strict=True))
    size_z, size_y, size_x = (size * bin for size in voxel_sizes)
    return (size_z, size_y, size_x), (x, y, z)


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


def surface_of_pieces(pieces: list[Piece], volumes: NDArray[np.float64], smooth: int = 0) -> Surface:
    """A surface of its pieces in order, component after component.

    Parameters
    ----------
    pieces
        In order of z; the list is emptied, so that the memory of each is free when it has been taken over.
    volumes
        (k,) of the components, in cubic angstrom, descending.
    smooth
        Steps of smoothing.
    """
    if smooth and pieces:
        pieces[:] = [smoothed(pieces, smooth)]
    vertex_starts = _starts([piece.owners for piece in pieces], volumes.size)
    face_starts = _starts([piece.face_owners for piece in pieces], volumes.size)
    vertices = np.empty((int(vertex_starts[-1]), 3), np.float32)
    normals = np.empty_like(vertices)
    faces = np.empty((int(face_starts[-1]), 3), np.int32)
    moved_to = np.empty(len(vertices), np.int32)
    next_vertex, next_face, before = vertex_starts[:-1].copy(), face_starts[:-1].copy(), 0
    left = []
    while pieces:
        piece = pieces.pop(0)
        order, places = _in_order(piece.owners, next_vertex)
        _put(vertices, places, piece.vertices, order)
        _put(normals, places, piece.normals, order)
        moved_to[before + order] = np.arange(places.start, places.stop) if isinstance(places, slice) else places
        before += order.size
        left.append((piece.faces, piece.face_owners))
    while left:
        piece_faces, owners = left.pop(0)
        order, places = _in_order(owners, next_face)
        faces[places] = moved_to[piece_faces[order]]
    return Surface(vertices, faces, normals, volumes, vertex_starts, face_starts)


def _put(target: NDArray[Any], places: Indices | slice, rows: NDArray[Any], order: Indices) -> None:
    if isinstance(places, slice):
        np.take(rows, order, axis=0, out=target[places], mode="clip")  # no copy between
    else:
        target[places] = rows[order]


def _starts(owners: list[NDArray[np.int32]], count: int) -> Indices:
    """(count + 1,) where each component starts when all that belongs to components lies one after the other."""
    starts = np.zeros(count + 1, np.intp)
    for part in owners:
        starts[1:] += np.bincount(part, minlength=count)
    np.cumsum(starts, out=starts)
    return starts


def _in_order(owners: NDArray[np.int32], next_place: Indices) -> tuple[Indices, Indices | slice]:
    """The order that puts component after component, and where they are put; `next_place` of each is moved on."""
    # NumPy sorts 16-bit integers by radix, several times faster than wider ones.
    order = np.argsort(owners.astype(np.uint16) if next_place.size <= 1 << 16 else owners, kind="stable")
    counts = np.bincount(owners, minlength=next_place.size)
    shifts = (next_place - (np.cumsum(counts) - counts))[counts > 0]
    next_place += counts
    if shifts.size and (shifts == shifts[0]).all():
        return order, slice(int(shifts[0]), int(shifts[0]) + order.size)
    return order, np.arange(order.size) + np.repeat(shifts, counts[counts > 0])


def _gather(rows: NDArray[Any], starts: Indices, ids: Indices) -> tuple[NDArray[Any], Indices]:
    parts = [rows[starts[i] : starts[i + 1]] for i in ids]
    new_starts = np.zeros(ids.size + 1, np.intp)
    np.cumsum(starts[ids + 1] - starts[ids], out=new_starts[1:])
    return np.concatenate([rows[:0], *parts]), new_starts
