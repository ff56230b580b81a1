"""Tubes along filaments are closed, point outwards, and are as large as what they stand for."""

from __future__ import annotations

import numpy as np
import pytest
import trimesh
from numpy.typing import NDArray

from ais.gui.tubes import tubes


def mesh_of(lines: list[NDArray[np.float64]], radius: float) -> trimesh.Trimesh:
    surface, _ = tubes(lines, radius)
    return trimesh.Trimesh(surface.vertices, surface.faces, process=False)


@pytest.mark.parametrize("direction", [(1, 0, 0), (0, -1, 0), (0, 0, 1), (1, 2, -3)])
def test_a_straight_tube(direction: tuple[int, int, int]) -> None:
    along = np.array(direction) / np.linalg.norm(direction)
    line = np.array([50.0, -20.0, 300.0]) + np.linspace(0, 200, 21)[:, None] * along
    mesh = mesh_of([line], 12.0)
    merged = trimesh.Trimesh(mesh.vertices, mesh.faces)
    assert merged.is_watertight
    decagon = 10 / 2 * np.sin(2 * np.pi / 10) * 12.0**2
    assert merged.volume == pytest.approx(decagon * 200, rel=1e-3)
    surface, _ = tubes([line], 12.0)
    middle = surface.vertices[surface.faces].mean(axis=1)
    outwards = np.cross(*(np.diff(surface.vertices[surface.faces], axis=1)[:, at] for at in (0, 1)))
    told = surface.normals[surface.faces].mean(axis=1)
    assert ((outwards * told).sum(axis=1) > 0).all()
    assert np.linalg.norm(middle - line.mean(axis=0), axis=1).max() < 102


def test_a_bent_tube_keeps_its_width() -> None:
    turn = np.linspace(0, 1.5 * np.pi, 60)
    line = 100 * np.stack([np.cos(turn), np.sin(turn), 0.3 * turn], axis=1)
    surface, _ = tubes([line], 8.0)
    rings = surface.vertices[: 60 * 10].reshape(60, 10, 3)
    np.testing.assert_allclose(np.linalg.norm(rings - line[:, None], axis=-1), 8.0, rtol=1e-4)
    np.testing.assert_allclose(np.linalg.norm(surface.normals, axis=1), 1.0, rtol=1e-5)
    neighbours = np.linalg.norm(np.diff(rings, axis=0), axis=-1)
    assert neighbours.max() < 2 * neighbours.min() + 1, "the rings are not twisted against each other"


def test_each_filament_is_a_component_the_longest_first() -> None:
    short, long = np.array([[0.0, 0, 0], [30, 0, 0]]), np.array([[0.0, 90, 0], [200, 90, 0]])
    surface, order = tubes([short, np.zeros((1, 3)), long], 5.0)
    assert order.tolist() == [2, 0]
    assert surface.volumes.size == 2
    assert (np.diff(surface.volumes) < 0).all()
    assert surface.vertices[surface.component == 0][:, 1].min() > 80
    assert surface.faces[: surface.face_starts[1]].max() < surface.vertex_starts[1]


def test_no_filaments_are_no_tubes() -> None:
    surface, order = tubes([], 5.0)
    assert len(surface.vertices) == len(surface.faces) == len(order) == 0
