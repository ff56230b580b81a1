"""Filaments as tubes in the 3D scene."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from ais.surfaces import Surface

SIDES = 10
"""Of a tube's cross-section."""


def tubes(lines: Sequence[NDArray[np.float64]], radius: float) -> tuple[Surface, NDArray[np.intp]]:
    """Tubes along lines, each a component with rounded-off shading and flat ends.

    Parameters
    ----------
    lines
        (k, 3) x, y, z of two or more points each, in angstrom; shorter ones are left out.
    radius
        In angstrom.

    Returns
    -------
    Surface
        Closed; its components are the tubes, the longest first.
    ndarray
        For each component the number of its line.
    """
    lengths = np.array([float(np.linalg.norm(np.diff(line, axis=0), axis=1).sum()) for line in lines])
    usable = [number for number, line in enumerate(lines) if len(line) > 1 and lengths[number] > 0]
    order = np.array(sorted(usable, key=lambda number: -lengths[number]), np.intp)
    parts = [_tube(np.asarray(lines[number], np.float64), radius) for number in order]
    vertex_starts = np.cumsum([0, *(len(vertices) for vertices, _, _ in parts)])
    face_starts = np.cumsum([0, *(len(faces) for _, faces, _ in parts)])
    faces = [faces + start for (_, faces, _), start in zip(parts, vertex_starts[:-1], strict=True)]
    nothing = np.zeros((0, 3))
    surface = Surface(
        np.concatenate([nothing, *(vertices for vertices, _, _ in parts)]).astype(np.float32),
        np.concatenate([nothing, *faces]).astype(np.int32),
        np.concatenate([nothing, *(normals for _, _, normals in parts)]).astype(np.float32),
        np.pi * radius**2 * lengths[order],
        vertex_starts.astype(np.intp),
        face_starts.astype(np.intp),
    )
    return surface, order


def _tube(
    line: NDArray[np.float64], radius: float
) -> tuple[NDArray[np.float64], NDArray[np.intp], NDArray[np.float64]]:
    """Vertices, faces and normals of one tube; its ends have rims of their own, so that their edge is sharp."""
    along = np.gradient(line, axis=0)
    along /= np.maximum(np.linalg.norm(along, axis=1, keepdims=True), 1e-12)
    across = _across(along)
    beside = np.cross(along, across)
    turn = 2 * np.pi * np.arange(SIDES) / SIDES
    normals = across[:, None] * np.cos(turn)[:, None] + beside[:, None] * np.sin(turn)[:, None]
    rings = line[:, None] + radius * normals
    vertices = np.concatenate([rings.reshape(-1, 3), rings[0], line[:1], rings[-1], line[-1:]])
    ends = np.concatenate([np.tile(-along[0], (SIDES + 1, 1)), np.tile(along[-1], (SIDES + 1, 1))])
    here = np.arange(SIDES)
    following = (here + 1) % SIDES
    starts = SIDES * np.arange(len(line) - 1)[:, None]
    a, b, c, d = starts + here, starts + following, starts + SIDES + here, starts + SIDES + following
    sides = np.stack([np.stack([a, b, d], axis=-1), np.stack([a, d, c], axis=-1)]).reshape(-1, 3)
    first = SIDES * len(line)
    last = first + SIDES + 1
    front = np.stack([following + first, here + first, np.full(SIDES, first + SIDES)], axis=-1)
    back = np.stack([here + last, following + last, np.full(SIDES, last + SIDES)], axis=-1)
    return vertices, np.concatenate([sides, front, back]), np.concatenate([normals.reshape(-1, 3), ends])


def _across(along: NDArray[np.float64]) -> NDArray[np.float64]:
    """A direction across the line at each point that turns as little as possible from point to point."""
    across = np.empty_like(along)
    least = np.eye(3)[np.argmin(np.abs(along[0]))]
    now = least
    for number, direction in enumerate(along):
        now = now - direction * (now @ direction)
        length = np.linalg.norm(now)
        if length < 1e-6:  # the line turns back on itself
            now = np.cross(direction, np.eye(3)[np.argmin(np.abs(direction))])
            length = np.linalg.norm(now)
        now = now / length
        across[number] = now
    return across
