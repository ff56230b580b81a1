"""The camera of the 3D scene: where points are seen, and that what a hand does with it has laws."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ais.gui.scene.camera import Camera, Direction, box_corners

SIZE = (640.0, 400.0)
CORNER, OPPOSITE = (-100.0, 50.0, 0.0), (700.0, 450.0, 300.0)
pixels = st.floats(-300, 300)
cameras = st.builds(
    lambda turns, target, distance, perspective: (
        Camera(target, distance=distance, perspective=perspective).orbit(*turns, SIZE).roll(turns[0])
    ),
    st.tuples(pixels, pixels),
    st.tuples(*[st.floats(-1e3, 1e3)] * 3),
    st.floats(10, 1e4),
    st.booleans(),
)


def through_matrices(camera: Camera, points: np.ndarray) -> np.ndarray:
    """Pixels as OpenGL would find them."""
    matrix = camera.projection_matrix(SIZE[0] / SIZE[1], (-2e4,) * 3, (2e4,) * 3) @ camera.view_matrix()
    clip = np.concatenate([points, np.ones((len(points), 1))], axis=1) @ matrix.T
    x, y = (clip[:, :2] / clip[:, 3:]).T
    return np.stack([(x + 1) / 2 * SIZE[0], (1 - y) / 2 * SIZE[1]], axis=1)


@pytest.mark.parametrize("perspective", [True, False])
def test_the_first_view_is_that_of_an_xy_slice(perspective: bool) -> None:
    camera = Camera(perspective=perspective)
    (middle, right, up, near), depth = camera.project([[0, 0, 0], [10, 0, 0], [0, 10, 0], [0, 0, 10]], SIZE)
    assert middle == pytest.approx((320, 200))
    assert right[0] > 320
    assert right[1] == pytest.approx(200)
    assert up[1] < 200
    assert near == pytest.approx((320, 200))
    assert depth[3] == pytest.approx(990)


def test_sides_of_the_tomogram_are_where_their_names_say() -> None:
    # What points to the viewer, to the right and up.
    wanted: dict[Direction, tuple[tuple[int, ...], ...]] = {
        "top": ((0, 0, 1), (1, 0, 0), (0, 1, 0)),
        "bottom": ((0, 0, -1), (1, 0, 0), (0, -1, 0)),
        "front": ((0, -1, 0), (1, 0, 0), (0, 0, 1)),
        "back": ((0, 1, 0), (-1, 0, 0), (0, 0, 1)),
        "left": ((-1, 0, 0), (0, -1, 0), (0, 0, 1)),
        "right": ((1, 0, 0), (0, 1, 0), (0, 0, 1)),
    }
    for name, (towards, right, up) in wanted.items():
        assert np.allclose(Camera().looking(name).axes, [right, up, towards]), name


@given(cameras, st.lists(st.tuples(*[st.floats(-2e3, 2e3)] * 3), min_size=1, max_size=8))
def test_pixels_are_those_of_the_matrices_and_rays_lead_back(
    camera: Camera, points: list[tuple[float, float, float]]
) -> None:
    places = np.array(points)
    found, depth = camera.project(places, SIZE)
    seen = depth > 0.01 * camera.distance + 1
    if not seen.any():
        return
    expected = through_matrices(camera, places[seen])
    assert np.abs(found[seen] - expected).max() < 1e-6 * max(np.abs(expected).max(), 1e3)
    for place, (x, y) in zip(places[seen], found[seen], strict=True):
        start, way = camera.ray(x, y, SIZE)
        assert math.hypot(*way) == pytest.approx(1)
        aside = np.cross(place - np.array(start), way)
        assert np.linalg.norm(aside) < 1e-5 * (np.linalg.norm(place - np.array(start)) + 1)


@given(cameras, pixels, pixels)
def test_a_dragged_point_stays_under_the_pointer(camera: Camera, dx: float, dy: float) -> None:
    at = camera.project([camera.target], SIZE)[0][0]
    moved = camera.pan(dx, dy, SIZE).project([camera.target], SIZE)[0][0]
    assert moved == pytest.approx((at[0] + dx, at[1] + dy), abs=1e-6)


@given(cameras, st.floats(0.3, 3), st.floats(0, 640), st.floats(0, 400))
def test_the_point_under_the_wheel_stays(camera: Camera, factor: float, x: float, y: float) -> None:
    start, way = (np.array(value) for value in camera.ray(x, y, SIZE))
    back = camera.axes[2]
    place = start + way * ((np.array(camera.target) - start) @ back) / (way @ back)
    nearer = camera.dolly(factor, (x, y), SIZE)
    assert nearer.project([place], SIZE)[0][0] == pytest.approx((x, y), abs=1e-4)
    assert nearer.angstrom_per_pixel(SIZE) == pytest.approx(camera.angstrom_per_pixel(SIZE) / factor)
    again = nearer.dolly(1 / factor, (x, y), SIZE)
    assert again.target == pytest.approx(camera.target, abs=1e-6 * camera.distance + 1e-6)


@given(cameras, st.lists(st.tuples(pixels, pixels), max_size=20))
def test_turning_keeps_the_target_the_size_and_right_angles(camera: Camera, drags: list[tuple[float, float]]) -> None:
    turned = camera
    for dx, dy in drags:
        turned = turned.orbit(dx, dy, SIZE)
    assert (turned.target, turned.distance) == (camera.target, camera.distance)
    assert np.abs(turned.axes @ turned.axes.T - np.eye(3)).max() < 1e-9
    assert np.linalg.det(turned.axes) == pytest.approx(1)
    back = turned
    for dx, dy in reversed(drags):
        back = back.orbit(-dx, -dy, SIZE)
    assert np.abs(back.axes - camera.axes).max() < 1e-6


def test_what_is_in_front_follows_the_hand() -> None:
    for dx, dy in itertools.product((-9, 0, 9), repeat=2):
        camera = Camera()
        before = camera.project([[0, 0, 100]], SIZE)[0][0]
        after = camera.orbit(dx, dy, SIZE).project([[0, 0, 100]], SIZE)[0][0]
        assert np.sign(np.round(after - before, 6)).tolist() == [np.sign(dx), np.sign(dy)]
    assert Camera().orbit(400, 0, SIZE).axes[2] == pytest.approx((0, 0, -1)), "the shorter side is half a turn"
    x, y = Camera().roll(90).project([[100, 0, 0]], SIZE)[0][0]
    assert x == pytest.approx(320)
    assert y < 200


@given(cameras, st.floats(0.3, 4))
def test_a_box_that_is_fitted_is_in_view_and_fills_it(camera: Camera, aspect: float) -> None:
    size = (400 * aspect, 400.0)
    found, depth = camera.fit(CORNER, OPPOSITE, aspect).project(box_corners(CORNER, OPPOSITE), size)
    assert (depth > 0).all()
    reach = np.abs(found / size * 2 - 1).max()
    assert 0.85 < reach < 1


@given(cameras)
def test_all_of_the_scene_lies_between_near_and_far(camera: Camera) -> None:
    fitted = camera.fit(CORNER, OPPOSITE, 1.6)
    for seen in (fitted, fitted.dolly(3), camera):
        near, far = seen.near_and_far(CORNER, OPPOSITE)
        depth = seen.project(box_corners(CORNER, OPPOSITE), SIZE)[1]
        assert near < far
        assert depth.max() <= far
        assert near > 0 or not seen.perspective
        assert near <= max(depth.min(), far / 2000 + 1e-9, 1e-3)


def test_size_is_the_same_with_and_without_perspective_in_the_targets_plane() -> None:
    for perspective in (True, False):
        camera = Camera(distance=750.0, perspective=perspective)
        left, right = camera.project([[-50, 0, 0], [50, 0, 0]], SIZE)[0]
        assert (right - left)[0] * camera.angstrom_per_pixel(SIZE) == pytest.approx(100)
