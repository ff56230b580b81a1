"""Pictures of surfaces: what is where, what hides what, and the light."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from ais.errors import AisError
from ais.surface_picture import draw_surfaces, volume_box
from ais.surfaces import Surface, isosurface

SHAPE = (40, 60, 80)
RED, GREEN, BLUE = (0.9, 0.1, 0.1), (0.1, 0.8, 0.1), (0.1, 0.2, 0.9)
BLACK, WHITE = (0.0, 0.0, 0.0), (1.0, 1.0, 1.0)
ABOVE = {"azimuth": 0.0, "elevation": 90.0}
UNIT = (1.0, 1.0, 1.0)
BOX = volume_box(SHAPE, UNIT)


def ball(x: float, y: float, z: float, radius: float = 8.0) -> Surface:
    at_z, at_y, at_x = np.indices(SHAPE)
    distance = np.sqrt((at_z - z) ** 2 + (at_y - y) ** 2 + (at_x - x) ** 2)
    return isosurface(np.clip(radius - distance + 2, 0, 4), 2.0, voxel_sizes=UNIT)


def drawn(picture: NDArray[np.uint8], colour: tuple[float, float, float]) -> NDArray[np.bool_]:
    """Pixels whose strongest channel is that of the colour, by far."""
    strongest = int(np.argmax(colour))
    others = np.delete(picture[..., :3], strongest, axis=2).max(axis=2).astype(int)
    return picture[..., strongest].astype(int) > others + 25


def middle(pixels: NDArray[np.bool_]) -> tuple[float, float]:
    rows, columns = np.nonzero(pixels)
    return float(columns.mean()), float(rows.mean())


def test_from_above_x_goes_right_and_y_goes_up_as_in_a_slice() -> None:
    surfaces = [(ball(20, 20, 20), RED), (ball(60, 20, 20), GREEN), (ball(20, 45, 20), BLUE)]
    picture = draw_surfaces(surfaces, (400, 300), background=BLACK, box=BOX, **ABOVE)
    assert picture.shape == (300, 400, 3)
    assert picture.dtype == np.uint8
    red, green, blue = (middle(drawn(picture, colour)) for colour in (RED, GREEN, BLUE))
    scale = min(400 / 80, 300 / 60) * 0.92
    for found, (x, y) in zip((red, green, blue), ((20, 20), (60, 20), (20, 45)), strict=True):
        expected = (200 + scale * (x - 39.5), 150 - scale * (y - 29.5))
        assert found == pytest.approx(expected, abs=1.0)


def test_a_ball_covers_the_disc_of_its_radius_without_a_hole() -> None:
    picture = draw_surfaces([(ball(40, 30, 20, 15.0), RED)], (400, 300), background=None, box=None, **ABOVE)
    assert picture.shape == (300, 400, 4)
    opaque = picture[..., 3] / 255
    radius = 300 * 0.46
    assert opaque.sum() == pytest.approx(np.pi * radius**2, rel=0.01)
    rows, columns = np.indices((300, 400)) + 0.5
    distance = np.hypot(rows - 150, columns - 200)
    assert (opaque[distance < radius - 2] == 1).all()
    assert (opaque[distance > radius + 2] == 0).all()


@pytest.mark.parametrize("order", [1, -1])
def test_the_nearer_surface_hides_the_farther(order: int) -> None:
    surfaces = [(ball(40, 30, 8, 6.0), RED), (ball(40, 30, 30, 7.5), GREEN)][::order]
    from_above = draw_surfaces(surfaces, (300, 300), **ABOVE)
    from_below = draw_surfaces(surfaces, (300, 300), azimuth=0.0, elevation=-90.0)
    assert not drawn(from_above, RED).any()
    assert drawn(from_above, GREEN).any()
    assert drawn(from_below, RED).any()


def test_surfaces_that_cross_meet_at_the_right_depth() -> None:
    volume = np.zeros(SHAPE, np.uint8)
    volume[10:20, 10:50, 10:70] = 255
    flat = isosurface(volume, 127.5, voxel_sizes=UNIT)
    picture = draw_surfaces([(flat, BLUE), (ball(40, 30, 19.5, 12.0), RED)], (400, 300), box=BOX, **ABOVE)
    scale = min(400 / 80, 300 / 60) * 0.92
    assert drawn(picture, RED).sum() == pytest.approx(np.pi * (12.0 * scale) ** 2, rel=0.03)


def test_from_the_side_z_goes_up() -> None:
    surfaces = [(ball(20, 30, 10), RED), (ball(60, 30, 30), GREEN)]
    picture = draw_surfaces(surfaces, (300, 300), azimuth=0.0, elevation=0.0)
    (red_x, red_y), (green_x, green_y) = middle(drawn(picture, RED)), middle(drawn(picture, GREEN))
    assert red_x < green_x
    assert red_y > green_y


def test_the_azimuth_turns_the_scene_about_z() -> None:
    surfaces = [(ball(20, 30, 20), RED), (ball(60, 30, 20), GREEN)]
    picture = draw_surfaces(surfaces, (300, 300), azimuth=90.0, elevation=90.0)
    (red_x, red_y), (green_x, green_y) = middle(drawn(picture, RED)), middle(drawn(picture, GREEN))
    assert red_x == pytest.approx(green_x, abs=1)
    assert green_y > red_y + 50


def test_the_place_and_the_unit_of_the_scene_do_not_matter() -> None:
    volume = np.zeros((12, 20, 20), np.uint8)
    volume[3:9, 4:12, 5:17] = 255
    near = isosurface(volume, 127.5, voxel_sizes=UNIT)
    far = isosurface(volume, 127.5, voxel_sizes=(8.0, 8.0, 8.0), origin=(4096.0, -8192.0, 512.0))
    first, second = (draw_surfaces([(surface, RED)], (200, 150)) for surface in (near, far))
    assert np.abs(first.astype(int) - second).mean() < 0.2


@pytest.mark.parametrize("background", [BLACK, WHITE, (0.2, 0.4, 0.6)])
def test_the_background_is_the_colour_that_was_asked_for(background: tuple[float, float, float]) -> None:
    picture = draw_surfaces([(ball(40, 30, 20), RED)], (120, 100), background=background)
    assert picture[0, 0].tolist() == [round(255 * channel) for channel in background]


def test_nothing_to_draw_is_an_empty_picture() -> None:
    empty = isosurface(np.zeros((3, 3, 3)), 1.0, voxel_sizes=UNIT)
    for surfaces in ([], [(empty, RED)]):
        assert (draw_surfaces(surfaces, (30, 20)) == 255).all()
        assert (draw_surfaces(surfaces, (30, 20), background=None) == 0).all()
        assert (draw_surfaces(surfaces, (90, 60), box=BOX) < 255).any()
    mixed = draw_surfaces([(empty, RED), (ball(40, 30, 20), GREEN)], (60, 40))
    assert drawn(mixed, GREEN).any()


def test_the_box_is_drawn_around_the_volume_and_behind_the_surfaces() -> None:
    picture = draw_surfaces([], (400, 300), box=BOX, **ABOVE)
    rows, columns = np.nonzero(picture.min(axis=2) < 250)
    scale = min(400 / 80, 300 / 60) * 0.92
    assert (columns.max() - columns.min() + 1) == pytest.approx(80 * scale, abs=2)
    assert (rows.max() - rows.min() + 1) == pytest.approx(60 * scale, abs=2)
    big = [(ball(40, 30, 20, 18.0), RED)]
    with_box = draw_surfaces(big, (400, 300), box=BOX, azimuth=0.0, elevation=20.0)
    bare = draw_surfaces([], (400, 300), box=BOX, azimuth=0.0, elevation=20.0)
    red = drawn(with_box, RED)
    lines = bare.min(axis=2) < 200
    hidden = lines & red & (np.indices(red.shape)[0] < 150)
    assert hidden.any()
    assert drawn(with_box, RED)[hidden].all()


def test_hollows_are_darker_than_open_ground() -> None:
    volume = np.zeros((30, 60, 60), np.uint8)
    volume[4:24, 4:56, 4:56] = 255
    volume[8:24, 26:34, 26:34] = 0
    block = isosurface(volume, 127.5, voxel_sizes=UNIT)
    picture = draw_surfaces([(block, (0.7, 0.7, 0.7))], (240, 240), background=BLACK, **ABOVE)
    assert picture[120, 120].mean() < 0.7 * picture[60, 60].mean()
    assert picture[60, 60].mean() > 100


def test_light_comes_from_the_upper_left() -> None:
    picture = draw_surfaces([(ball(40, 30, 20, 15.0), (0.6, 0.6, 0.6))], (200, 200), **ABOVE).mean(axis=2)
    assert picture[60, 60] > picture[140, 140] + 20


def test_surfaces_beyond_the_box_are_cut_by_the_picture() -> None:
    small = ((30.0, 20.0, 10.0), (50.0, 40.0, 30.0))
    picture = draw_surfaces([(ball(40, 30, 20, 18.0), RED)], (100, 80), box=small, **ABOVE)
    assert drawn(picture, RED).mean() > 0.9


def test_the_outline_of_a_volume_goes_through_the_outer_faces_of_its_voxels() -> None:
    box = volume_box((10, 20, 30), (1.0, 2.0, 3.0), (100.0, 200.0, 300.0))
    assert box == ((98.5, 199.0, 299.5), (188.5, 239.0, 309.5))


@pytest.mark.parametrize("size", [(0, 10), (10, -1), (100_000, 10)])
def test_an_absurd_size_is_refused(size: tuple[int, int]) -> None:
    with pytest.raises(AisError, match="cannot be drawn"):
        draw_surfaces([], size)


@pytest.mark.parametrize("size", [(1, 1), (3, 500), (500, 3), (101, 77)])
def test_any_other_size_is_drawn(size: tuple[int, int]) -> None:
    picture = draw_surfaces([(ball(40, 30, 20), RED)], size, box=BOX)
    assert picture.shape == (size[1], size[0], 3)
