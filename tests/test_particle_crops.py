"""Pictures of particles show what is there: the right voxels, the right way round, also at borders and turned."""

from __future__ import annotations

import tracemalloc
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from ais.formats.coord_angles import tangent_to_angles
from ais.formats.registry import write_volume
from ais.gui.particle_crops import LARGEST_CROP_PX, CropStyle, particle_crop
from ais.tomogram import Tomogram

SHAPE = (40, 50, 60)
CENTRE = (31, 24, 19)
"""x, y, z."""


@pytest.fixture
def tomogram(tmp_path: Path) -> Iterator[Tomogram]:
    """A dark voxel at the centre, a brighter one beside it along x, and a bright rod from it along a slanted line."""
    values = np.zeros(SHAPE, np.float32)
    x, y, z = CENTRE
    values[z, y, x] = -50
    values[z, y, x + 3] = 80
    write_volume(tmp_path / "a.mrc", values, voxel_sizes=10.0)
    with Tomogram.open(tmp_path / "a.mrc") as opened:
        yield opened


def test_the_centre_is_in_the_middle_and_x_to_the_right(tomogram: Tomogram) -> None:
    picture = particle_crop(tomogram, CENTRE, CropStyle(side=11))
    assert picture.shape == (11, 11)
    assert picture.dtype == np.uint8
    assert np.unravel_index(picture.argmin(), picture.shape) == (5, 5)
    assert np.unravel_index(picture.argmax(), picture.shape) == (5, 8)
    other = particle_crop(tomogram, CENTRE, CropStyle(side=11, inverted=True))
    assert np.unravel_index(other.argmax(), other.shape) == (5, 5)
    assert np.abs(picture.astype(int) + other - 255).max() <= 1


def test_row_zero_has_the_lowest_y(tomogram: Tomogram) -> None:
    x, y, z = CENTRE
    picture = particle_crop(tomogram, (x, y + 2, z), CropStyle(side=11))
    assert np.unravel_index(picture.argmin(), picture.shape) == (3, 5)


def test_a_projection_is_the_mean_over_its_depth(tomogram: Tomogram) -> None:
    x, y, z = CENTRE
    assert np.ptp(particle_crop(tomogram, (x, y, z + 2), CropStyle(side=11)).astype(int)) == 0
    seen = particle_crop(tomogram, (x, y, z + 2), CropStyle(side=11, depth=5))
    assert np.unravel_index(seen.argmin(), seen.shape) == (5, 5)


def test_what_is_outside_is_grey(tomogram: Tomogram) -> None:
    for position in ((0.0, 0.0, 0.0), (59.0, 49.0, 39.0), (-30.0, 10.0, 10.0), (30.0, 20.0, 100.0)):
        picture = particle_crop(tomogram, position, CropStyle(side=16, depth=4))
        assert np.ptp(picture.astype(int)) == 0
        assert abs(int(picture[0, 0]) - 128) <= 1


def test_a_large_picture_is_reduced(tomogram: Tomogram) -> None:
    style = CropStyle(side=300)
    assert particle_crop(tomogram, CENTRE, style).shape == (style.picture_px,) * 2
    assert style.picture_px == 100
    assert all(CropStyle(side=side).picture_px <= LARGEST_CROP_PX for side in range(4, 513))


@pytest.mark.parametrize("direction", [(0, 0, 1), (1, 0, 0), (0, 1, 0), (1, 1, 1), (-2, 1, 3), (1, -3, -2)])
def test_an_upright_picture_has_the_particle_s_axis_pointing_up(
    tmp_path: Path, direction: tuple[int, int, int]
) -> None:
    """A ball at some distance along the axis is above the middle, whatever the direction."""
    along = np.array(direction) / np.linalg.norm(direction)
    z, y, x = np.indices(SHAPE)
    ball = np.array(CENTRE) + 8 * along
    values = np.exp(-((x - ball[0]) ** 2 + (y - ball[1]) ** 2 + (z - ball[2]) ** 2) / 4).astype(np.float32)
    write_volume(tmp_path / "b.mrc", values, voxel_sizes=10.0)
    angles = tangent_to_angles(along)
    with Tomogram.open(tmp_path / "b.mrc") as opened:
        for depth in (1, 6):
            picture = particle_crop(opened, CENTRE, CropStyle(side=25, depth=depth, upright=True), angles)
            rows, columns = np.indices(picture.shape)
            bright = np.clip(picture.astype(float) - 140, 0, None)
            assert (rows * bright).sum() / bright.sum() == pytest.approx(12 + 8, abs=0.3)
            assert (columns * bright).sum() / bright.sum() == pytest.approx(12, abs=0.3)


@pytest.mark.parametrize("angles", [(0.0, 0.0, 0.0), (10.0, 50.0, 130.0)])
def test_a_large_upright_picture_takes_little_memory(tomogram: Tomogram, angles: tuple[float, float, float]) -> None:
    tracemalloc.start()
    try:
        picture = particle_crop(tomogram, CENTRE, CropStyle(side=512, depth=20, upright=True), angles)
        _, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert np.ptp(picture.astype(int)) > 0
    assert most < 600e6
