"""Orientations and distances against bodies whose axes, normals and surfaces are known."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import ArrayLike, NDArray
from scipy.spatial.transform import Rotation

from ais.errors import AisError
from ais.formats.coord_angles import angles_to_rotation
from ais.orientation import distances_to_surface, orient
from ais.picking import pick_particles

SHAPE = (60, 70, 80)
Edges = tuple[float, float, float]
CUBES: Edges = (1.0, 1.0, 1.0)


def offsets(centre: ArrayLike, edges: Edges = CUBES) -> NDArray[np.float64]:
    """x, y, z of each voxel of the volume from a centre in voxels, in the unit of the edges."""
    zyx = np.moveaxis(np.indices(SHAPE), 0, -1)[..., ::-1]
    return np.asarray((zyx - np.array(centre)) * np.array(edges)[::-1])


def soft(inside: NDArray[np.float64]) -> NDArray[np.uint8]:
    """255 inside, a linear edge of four voxels, half of it at 0."""
    return np.asarray(np.rint(np.clip(inside / 4 + 0.5, 0, 1) * 255), np.uint8)


def ball(centre: ArrayLike, radius: float, edges: Edges = CUBES) -> NDArray[np.uint8]:
    return soft((radius - np.linalg.norm(offsets(centre, edges), axis=-1)) / max(edges))


def vesicle(centre: ArrayLike, radius: float, half: float = 2.5) -> NDArray[np.uint8]:
    return soft(half - np.abs(np.linalg.norm(offsets(centre), axis=-1) - radius))


def z_axes(angles: NDArray[np.float64]) -> NDArray[np.float64]:
    """Where the reference's z axis points."""
    return np.asarray(angles_to_rotation(angles).apply([0, 0, 1]))


def degrees_between(first: NDArray[np.float64], second: NDArray[np.float64]) -> NDArray[np.float64]:
    second = second / np.linalg.norm(second, axis=-1, keepdims=True)
    return np.asarray(np.degrees(np.arccos(np.clip((first * second).sum(axis=-1), -1, 1))))


@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 10_000), edges=st.sampled_from([CUBES, (1.5, 1.0, 1.0)]))
def test_the_long_axis_of_an_ellipsoid(seed: int, edges: Edges) -> None:
    turned = Rotation.random(rng=np.random.default_rng(seed))
    inside = 1 - np.linalg.norm(turned.inv().apply(offsets((40, 35, 30), edges).reshape(-1, 3)) / [6, 7, 14], axis=1)
    volume = soft(8 * inside.reshape(SHAPE))
    picks = pick_particles(volume, voxel_sizes=edges)
    assert len(picks) == 1
    found = z_axes(orient(picks, volume, "axis"))[0]
    true = turned.apply([0, 0, 1])
    assert degrees_between(np.abs(found @ true)[None, None], np.ones((1, 1)))[0] < 2
    assert found[np.abs(found).argmax()] > 0


def test_each_of_two_touching_rods_has_its_own_axis() -> None:
    upright = 1 - np.linalg.norm(offsets((25, 35, 30)) / [5, 5, 16], axis=-1)
    lying = 1 - np.linalg.norm(offsets((45, 35, 30)) / [16, 5, 5], axis=-1)
    volume = np.maximum(soft(20 * upright), soft(20 * lying))
    assert len(pick_particles(volume)) == 2
    angles = orient(np.array([[45.0, 35, 30], [25, 35, 30]]), volume, "axis")
    np.testing.assert_allclose(z_axes(angles), [[1, 0, 0], [0, 0, 1]], atol=0.05)


@pytest.mark.parametrize("side", [1, -1])
@pytest.mark.parametrize("height", [5.0, 9.0])
def test_normals_of_a_vesicle_point_to_the_particle(side: int, height: float) -> None:
    """Outwards for particles outside and inwards for those inside."""
    centre, radius = np.array([40.0, 34, 29]), 20.0
    rng = np.random.default_rng(1)
    direction = rng.normal(size=(40, 3))
    direction /= np.linalg.norm(direction, axis=1, keepdims=True)
    positions = centre + (radius + side * height) * direction
    found = z_axes(orient(positions, vesicle(centre, radius), "normal"))
    assert degrees_between(found, side * direction).max() < 4


def test_a_particle_in_a_membrane_points_to_the_nearer_side() -> None:
    volume = soft(4 - np.abs(offsets((40, 35, 30))[..., 2]))
    found = z_axes(orient(np.array([[40.0, 35, 31.5], [40, 35, 28.7]]), volume, "normal"))
    np.testing.assert_allclose(found, [[0, 0, 1], [0, 0, -1]], atol=1e-6)


def test_normals_where_voxels_are_not_cubes() -> None:
    edges: Edges = (2.0, 1.0, 1.0)
    normal = np.array([0.0, 0.6, 0.8])
    volume = soft((4 - np.abs(offsets((40, 35, 30), edges) @ normal)) / 2)
    positions = np.array([40.0, 35, 30]) + 8 * normal / np.array(edges)[::-1]
    found = z_axes(orient(positions, volume, "normal", voxel_sizes=edges))
    assert degrees_between(found, normal[None])[0] < 1.5


def test_distances_to_a_ball() -> None:
    centre, radius = np.array([38.3, 35.1, 29.6]), 14.0
    rng = np.random.default_rng(0)
    direction = rng.normal(size=(200, 3))
    direction /= np.linalg.norm(direction, axis=1, keepdims=True)
    true = rng.uniform(-9, 20, 200)
    positions = centre + (radius + true[:, None]) * direction
    volume = ball(centre, radius)
    signed = distances_to_surface(positions, volume, 127.5, voxel_sizes=10.0, signed=True)
    np.testing.assert_allclose(signed, 10 * true, atol=2.0)
    unsigned = distances_to_surface(positions, volume, 127.5, voxel_sizes=10.0)
    np.testing.assert_allclose(unsigned, np.abs(signed))


def test_distances_to_a_plane_are_exact() -> None:
    edges: Edges = (3.0, 1.0, 2.0)
    volume = np.zeros(SHAPE, np.uint8)
    volume[20:] = 255
    positions = np.array([[5.2, 30, 10], [60, 8.7, 19], [33, 33, 40], [0, 0, 19.2]])
    found = distances_to_surface(positions, volume, 127.5, voxel_sizes=edges, signed=True)
    np.testing.assert_allclose(found, (19.5 - positions[:, 2]) * 3, rtol=1e-3)
    masked = distances_to_surface(positions, volume > 0, voxel_sizes=edges, signed=True)
    np.testing.assert_allclose(masked, found)


def test_without_a_surface() -> None:
    empty = np.zeros(SHAPE, np.uint8)
    positions = np.array([[5.0, 5, 5]])
    assert distances_to_surface(positions, empty).tolist() == [np.inf]
    assert distances_to_surface(np.zeros((0, 3)), ball((40, 35, 30), 9)).shape == (0,)
    assert orient(np.zeros((0, 3)), empty, "normal").shape == (0, 3)
    for how in ("normal", "axis"):
        with pytest.raises(AisError, match="128"):
            orient(positions, empty, how)
    with pytest.raises(AisError, match="sideways"):
        orient(positions, empty, "sideways")
