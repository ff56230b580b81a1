"""Particles as meshes: a small sphere or arrow for each of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ais.scene_files.contents import ParticlePart

FINE_UP_TO = 3_000
"""Up to so many particles spheres are fine."""
SIDES = 12
ARROW_RADII, HEAD_SHARE = 3.0, 0.35
SHAFT_RADIUS, HEAD_RADIUS = 0.22, 0.5
"""In radii of a particle."""

Floats = NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class Body:
    """A closed triangle mesh.

    Attributes
    ----------
    vertices
        (n, 3), x, y, z.
    faces
        (m, 3) indices, counter-clockwise from outside.
    normals
        (n, 3) unit vectors, outwards.
    """

    vertices: Floats
    faces: NDArray[np.int32]
    normals: Floats


def sphere(detail: int) -> Body:
    """A sphere of radius 1: an icosahedron whose faces are divided into four `detail` times."""
    golden = (1 + 5**0.5) / 2
    corners = [(0, a, b * golden) for a in (-1, 1) for b in (-1, 1)]
    points = np.array([np.roll(corner, turn) for turn in range(3) for corner in corners], float)
    points /= np.linalg.norm(points[0])
    near = np.linalg.norm(points[:, None] - points[None], axis=-1) < 1.1
    faces = []
    for a in range(12):
        for b in range(a + 1, 12):
            for c in range(b + 1, 12):
                if near[a, b] and near[b, c] and near[a, c]:
                    outwards = np.linalg.det(points[[a, b, c]]) > 0
                    faces.append((a, b, c) if outwards else (a, c, b))
    triangles = np.array(faces)
    for _ in range(detail):
        points, triangles = _divided(points, triangles)
    found = points.astype(np.float32)
    return Body(found, triangles.astype(np.int32), found)


def arrow() -> Body:
    """An arrow along z from the origin, for a particle of radius 1."""
    turn = np.arange(SIDES) * 2 * np.pi / SIDES
    ring = np.column_stack([np.cos(turn), np.sin(turn), np.zeros(SIDES)])
    up, neck, tip = np.array([0.0, 0.0, 1.0]), ARROW_RADII * (1 - HEAD_SHARE), ARROW_RADII
    slope = np.array([tip - neck, tip - neck, HEAD_RADIUS])
    side = (ring + up) * slope / np.linalg.norm(slope[1:])
    rings = [
        (ring * SHAFT_RADIUS, np.broadcast_to(-up, ring.shape)),
        (ring * SHAFT_RADIUS, ring),
        (ring * SHAFT_RADIUS + neck * up, ring),
        (ring * SHAFT_RADIUS + neck * up, np.broadcast_to(-up, ring.shape)),
        (ring * HEAD_RADIUS + neck * up, np.broadcast_to(-up, ring.shape)),
        (ring * HEAD_RADIUS + neck * up, side),
        (np.broadcast_to(tip * up, ring.shape), side),
    ]
    vertices = np.concatenate([np.zeros((1, 3)), *(points for points, _ in rings)])
    normals = np.concatenate([-up[None], *(normal for _, normal in rings)])
    here, after = np.arange(SIDES), np.roll(np.arange(SIDES), -1)

    def at(number: int, along: NDArray[Any]) -> NDArray[Any]:
        return 1 + number * SIDES + along

    faces = [
        np.column_stack([np.zeros(SIDES, int), at(0, after), at(0, here)]),
        np.column_stack([at(1, here), at(1, after), at(2, after)]),
        np.column_stack([at(1, here), at(2, after), at(2, here)]),
        np.column_stack([at(3, here), at(3, after), at(4, after)]),
        np.column_stack([at(3, here), at(4, after), at(4, here)]),
        np.column_stack([at(5, here), at(5, after), at(6, here)]),
    ]
    return Body(vertices.astype(np.float32), np.concatenate(faces).astype(np.int32), normals.astype(np.float32))


def particle_mesh(part: ParticlePart) -> tuple[Body, Floats]:
    """All particles as one mesh, and the colour of each of its vertices, (n, 3)."""
    body = arrow() if part.arrows else sphere(2 if len(part.positions) <= FINE_UP_TO else 1)
    count, size = len(part.positions), len(body.vertices)
    positions = np.asarray(part.positions, np.float32).reshape(-1, 1, 3)
    if part.arrows and part.directions is not None:
        turns = turns_from_z(part.directions)
        vertices = positions + part.radius * np.einsum("nij,vj->nvi", turns, body.vertices)
        normals = np.einsum("nij,vj->nvi", turns, body.normals)
    else:
        vertices = positions + part.radius * body.vertices[None]
        normals = np.broadcast_to(body.normals[None], vertices.shape)
    first = (np.arange(count, dtype=np.int32) * size).reshape(-1, 1, 1)
    mesh = Body(
        vertices.reshape(-1, 3).astype(np.float32),
        (body.faces[None] + first).reshape(-1, 3).astype(np.int32),
        normals.reshape(-1, 3).astype(np.float32),
    )
    return mesh, np.repeat(np.asarray(part.colours, np.float32), size, axis=0)


def turns_from_z(directions: NDArray[Any]) -> Floats:
    """(n, 3, 3) rotations that take z to each of some unit vectors (n, 3) by the shortest way."""
    x, y, z = np.asarray(directions, float).reshape(-1, 3).T
    # Rodrigues' formula about (-y, x, 0); straight down any half turn will do.
    share = 1 / np.maximum(1 + z, 1e-9)
    matrix = np.stack(
        [
            np.stack([1 - x * x * share, -x * y * share, x], axis=-1),
            np.stack([-x * y * share, 1 - y * y * share, y], axis=-1),
            np.stack([-x, -y, z], axis=-1),
        ],
        axis=-2,
    )
    matrix[z < -1 + 1e-7] = np.diag([1.0, -1.0, -1.0])
    return matrix.astype(np.float32)


def _divided(points: NDArray[Any], faces: NDArray[Any]) -> tuple[NDArray[Any], NDArray[Any]]:
    edges = np.sort(np.concatenate([faces[:, [0, 1]], faces[:, [1, 2]], faces[:, [2, 0]]]), axis=1)
    unique, which = np.unique(edges, axis=0, return_inverse=True)
    middles = points[unique].sum(axis=1)
    middles /= np.linalg.norm(middles, axis=1, keepdims=True)
    ab, bc, ca = which.reshape(3, -1) + len(points)
    a, b, c = faces.T
    parts = [np.column_stack(each) for each in ((a, ab, ca), (ab, b, bc), (ca, bc, c), (ab, bc, ca))]
    return np.concatenate([points, middles]), np.concatenate(parts)
