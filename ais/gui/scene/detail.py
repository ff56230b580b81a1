"""Surfaces with fewer triangles, to be drawn while the view moves; made in a thread."""

from __future__ import annotations

from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ais.surfaces import Surface

Floats = NDArray[np.float32]

COARSENING = 2.1
"""How many times larger the triangles' sides become from one mesh to the next."""

SMALLEST = 4000
"""A mesh with fewer triangles is not made coarser."""

STEPS = 4

BULGE = 0.7
"""How far a vertex that stands for many lies from their mean towards the outermost."""

SIDES = np.array([[1, 1, 1], [1, -1, -1], [-1, 1, -1], [-1, -1, 1]], np.float32)
"""Directions that tell apart the sides of a wall."""


@dataclass(frozen=True, eq=False)
class Mesh:
    """Triangles with what is drawn of them.

    Attributes
    ----------
    vertices, normals
        (n, 3) float32, x, y, z in angstrom, and outwards.
    components
        (n,) uint32.
    faces
        (m, 3) int32.
    """

    vertices: NDArray[np.float32]
    normals: NDArray[np.float32]
    components: NDArray[np.uint32]
    faces: NDArray[np.int32]


def whole(surface: Surface) -> Mesh:
    """A surface in full detail; the vertices are the surface's own."""
    return Mesh(surface.vertices, surface.normals, surface.component.astype(np.uint32), surface.faces)


def coarser(mesh: Mesh, cell: float) -> Mesh:
    """A mesh in which the vertices in each cube of space are one, each component and each side of a wall by itself.

    The sides are told apart by four directions, so that the smallest component remains a tetrahedron.

    Parameters
    ----------
    mesh
        With at least one triangle.
    cell
        Side of the cubes in angstrom.

    References
    ----------
    Rossignac and Borrel, Multi-resolution 3D approximations for rendering complex scenes, 1993.
    """
    low = mesh.vertices.min(axis=0)
    cubes = ((mesh.vertices - low) / np.float32(cell)).astype(np.int64)
    counts = cubes.max(axis=0) + 1
    key = mesh.components.astype(np.int64)
    for axis in range(3):
        key *= counts[axis]
        key += cubes[:, axis]
    key *= len(SIDES)
    key += np.argmax(mesh.normals @ SIDES.T, axis=1)
    order = np.argsort(key, kind="stable")
    ranked = key[order]
    starts = np.flatnonzero(np.concatenate([[True], ranked[1:] != ranked[:-1]]))
    size = np.diff(np.append(starts, len(order)))
    rank = np.repeat(np.arange(len(starts), dtype=np.int32), size)
    owner = np.empty(len(order), np.int32)
    owner[order] = rank
    sorted_vertices, sorted_normals = mesh.vertices[order], mesh.normals[order]
    vertices: Floats = np.add.reduceat(sorted_vertices, starts)
    vertices /= size[:, None].astype(np.float32)
    normals: Floats = np.add.reduceat(sorted_normals, starts)
    normals /= np.maximum(np.linalg.norm(normals, axis=1, keepdims=True), np.float32(1e-6))
    # The mean of a bulge lies inside of it: small bodies would shrink.
    height = np.einsum("ij,ij->i", sorted_vertices - vertices[rank], normals[rank])
    vertices += (BULGE * np.maximum.reduceat(height, starts))[:, None] * normals
    faces = owner[mesh.faces]
    one, two, three = faces.T
    kept = (one != two) & (two != three) & (three != one)
    return Mesh(vertices, normals, mesh.components[order[starts]], np.ascontiguousarray(faces[kept]))


def coarser_ones(surface: Surface) -> list[Mesh]:
    """Meshes of the surface, each with about a quarter of the triangles of the one before."""
    mesh = whole(surface)
    found: list[Mesh] = []
    cell = COARSENING * _side(mesh)
    while len(found) < STEPS and len(mesh.faces) > SMALLEST:
        mesh = coarser(mesh, cell)
        found.append(mesh)
        cell *= COARSENING
    return found


def _side(mesh: Mesh) -> float:
    """Typical length of a triangle's side."""
    some = mesh.faces[:: max(len(mesh.faces) // 4096, 1)]
    ends = mesh.vertices[some[:, 0]] - mesh.vertices[some[:, 1]]
    return max(float(np.linalg.norm(ends, axis=1).mean()), 1e-3)


class DetailMaker:
    """Makes coarser meshes of surfaces one after the other, in a thread that it starts when it is needed."""

    def __init__(self) -> None:
        self._threads: ThreadPoolExecutor | None = None

    def make(self, surface: Surface) -> Future[list[Mesh]]:
        """Ask for the coarser meshes of a surface."""
        if self._threads is None:
            self._threads = ThreadPoolExecutor(1, "scene detail")
        return self._threads.submit(coarser_ones, surface)

    def release(self) -> None:
        """Forget what has not been begun; the thread ends by itself."""
        if self._threads is not None:
            self._threads.shutdown(wait=False, cancel_futures=True)
        self._threads = None
