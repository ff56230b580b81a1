"""Meshes with fewer triangles: they stay where the surface is, closed to the eye, and no component is lost."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest

from ais.gui.scene.detail import Mesh, coarser_ones, whole
from ais.surfaces import Surface, isosurface

sys.path.insert(0, str(Path(__file__).with_name("gui")))
import segmented_tomogram as tomogram


@pytest.fixture(scope="module")
def surfaces() -> dict[str, Surface]:
    volumes = {"balls": tomogram.balls(), "vesicle": tomogram.vesicle(), "tubes": tomogram.tubes()}
    return {name: isosurface(volume, 127.0, voxel_sizes=(10.0,) * 3) for name, volume in volumes.items()}


def volume_inside(mesh: Mesh) -> float:
    one, two, three = (mesh.vertices[mesh.faces[:, corner]].astype(np.float64) for corner in range(3))
    return float(np.einsum("ij,ij->i", one, np.cross(two, three)).sum() / 6)


def test_each_mesh_has_fewer_triangles_and_stays_where_the_surface_is(surfaces: dict[str, Surface]) -> None:
    for name, surface in surfaces.items():
        mesh, made = whole(surface), coarser_ones(surface)
        assert made, name
        for coarse in made[:2]:
            assert len(coarse.faces) < 0.55 * len(mesh.faces)
            assert coarse.faces.max() < len(coarse.vertices)
            assert len(coarse.vertices) == len(coarse.normals) == len(coarse.components)
            for end in (np.min, np.max):
                assert np.abs(end(coarse.vertices, axis=0) - end(surface.vertices, axis=0)).max() < 25
            mesh = coarse
        # Facing outwards, and neither shrunk nor swollen.
        assert volume_inside(made[0]) == pytest.approx(volume_inside(whole(surface)), rel=0.25), name
        assert np.abs(np.linalg.norm(made[0].normals, axis=1) - 1).max() < 1e-3


def test_no_component_is_lost_or_joined_with_another(surfaces: dict[str, Surface]) -> None:
    surface = surfaces["balls"]
    middles = [
        surface.vertices[a:b].mean(axis=0)
        for a, b in zip(surface.vertex_starts[:-1], surface.vertex_starts[1:], strict=True)
    ]
    for mesh in coarser_ones(surface):
        assert (mesh.components[mesh.faces] == mesh.components[mesh.faces[:, :1]]).all()
        drawn = np.unique(mesh.components[mesh.faces])
        assert drawn.tolist() == list(range(20))
        for number in drawn:
            own = mesh.vertices[mesh.components == number]
            assert np.linalg.norm(own.mean(axis=0) - middles[number]) < 20


def test_a_small_surface_is_left_as_it_is() -> None:
    volume = np.zeros((12, 12, 12), np.uint8)
    volume[4:8, 4:8, 4:8] = 255
    assert coarser_ones(isosurface(volume, 127.0, voxel_sizes=(10.0,) * 3)) == []
