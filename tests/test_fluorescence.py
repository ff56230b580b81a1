"""Fluorescence images over tomograms: read, placed by hand and by landmarks, coloured."""

from __future__ import annotations

import hashlib
import math
from pathlib import Path

import numpy as np
import pytest
import tifffile
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from PIL import Image
from scipy.optimize import least_squares

from ais.errors import AisError
from ais.fluorescence import (
    Affine,
    Landmark,
    StoredImage,
    content_of,
    describe_image,
    fit_landmarks,
    placing,
    read_image,
)
from ais.fluorescence.colouring import reduced
from ais.formats.registry import write_volume

NUMBERS = st.floats(-300, 300)
POINTS = st.lists(st.tuples(NUMBERS, NUMBERS), min_size=3, max_size=12)
TURNS = st.floats(-180, 180)
SCALES = st.floats(0.05, 40)
SHAPE = (40, 60)


def a_similarity(degrees: float, scale: float, x: float, y: float, flip: bool) -> Affine:
    affine: Affine = ((scale, 0.0, 0.0), (0.0, -scale if flip else scale, 0.0))
    turned = placing.then(
        affine,
        (
            (math.cos(math.radians(degrees)), -math.sin(math.radians(degrees)), 0.0),
            (math.sin(math.radians(degrees)), math.cos(math.radians(degrees)), 0.0),
        ),
    )
    return placing.moved(turned, x, y)


def spread(points: list[tuple[float, float]]) -> float:
    """How far points reach across their longest direction, as a share of it."""
    longest, across = np.linalg.svd(np.array(points) - np.mean(points, axis=0), compute_uv=False)[:2]
    return float(across / longest) if longest > 1 else 0.0


# Placed by landmarks


@settings(max_examples=60, deadline=None)
@given(POINTS, TURNS, SCALES, NUMBERS, NUMBERS, st.booleans(), st.floats(-1, 1), st.floats(0.3, 3))
def test_an_affine_is_recovered(
    points: list[tuple[float, float]],
    degrees: float,
    scale: float,
    x: float,
    y: float,
    flip: bool,
    shear: float,
    stretch: float,
) -> None:
    assume(spread(points) > 0.01)
    made = placing.then(((1.0, shear, 0.0), (0.0, stretch, 0.0)), a_similarity(degrees, scale, x, y, flip))
    marks = [Landmark(point, placing.at(made, point)) for point in points]
    assume(spread([mark.tomogram for mark in marks]) > 0.01)
    fit = fit_landmarks(marks, "affine")
    for point in points:
        np.testing.assert_allclose(placing.at(fit.to_tomogram, point), placing.at(made, point), rtol=1e-7, atol=1e-5)
    assert max(fit.residuals) < 1e-5
    assert fit.exact == (len(points) == 3)


@settings(max_examples=60, deadline=None)
@given(POINTS, TURNS, SCALES, NUMBERS, NUMBERS, st.booleans())
def test_a_similarity_is_recovered_also_of_mirror_images(
    points: list[tuple[float, float]], degrees: float, scale: float, x: float, y: float, flip: bool
) -> None:
    assume(spread(points) > 0.01)
    made = a_similarity(degrees, scale, x, y, flip)
    marks = [Landmark(point, placing.at(made, point)) for point in points]
    fit = fit_landmarks(marks, "similarity", flipped=not flip)
    assert max(fit.residuals) < 1e-5
    assert math.isclose(placing.voxels_per_pixel(fit.to_tomogram), scale, rel_tol=1e-6)
    two = sorted(points)[:: len(points) - 1]
    assume(math.dist(*two) > 1)
    pair = fit_landmarks([Landmark(p, placing.at(made, p)) for p in two], "similarity", flipped=flip)
    np.testing.assert_allclose(pair.to_tomogram, made, rtol=1e-5, atol=1e-4)


def test_residuals_are_those_of_other_solvers() -> None:
    rng = np.random.default_rng(4)
    image = rng.uniform(0, 500, (9, 2))
    made = np.array([[2.1, -0.4, 30.0], [0.6, 1.8, -12.0]])
    tomogram = image @ made[:, :2].T + made[:, 2] + rng.normal(0, 3, (9, 2))
    marks = [Landmark(tuple(a), tuple(b)) for a, b in zip(image.tolist(), tomogram.tolist(), strict=True)]

    def off(values: np.ndarray) -> np.ndarray:
        matrix = values.reshape(2, 3)
        return (image @ matrix[:, :2].T + matrix[:, 2] - tomogram).ravel()

    def off_similarity(values: np.ndarray) -> np.ndarray:
        a, b, x, y = values
        return off(np.array([a, -b, x, b, a, y]))

    design = np.column_stack([image, np.ones(9)])
    solved, squares, *_ = np.linalg.lstsq(design, tomogram, rcond=None)
    affine = fit_landmarks(marks, "affine")
    np.testing.assert_allclose(affine.to_tomogram, solved.T, rtol=1e-9)
    assert math.isclose(sum(r**2 for r in affine.residuals), squares.sum(), rel_tol=1e-9)
    assert math.isclose(affine.rms, math.sqrt(squares.sum() / 9), rel_tol=1e-9)
    searched = least_squares(off_similarity, [1.0, 0.0, 0.0, 0.0], xtol=1e-15, ftol=1e-15, gtol=1e-15)
    similar = fit_landmarks(marks, "similarity")
    a, b, x, y = searched.x
    np.testing.assert_allclose(similar.to_tomogram, [[a, -b, x], [b, a, y]], rtol=1e-5)
    assert math.isclose(sum(r**2 for r in similar.residuals), 2 * searched.cost, rel_tol=1e-9)


def test_too_few_landmarks_and_those_on_a_line_are_refused() -> None:
    corners = [(0.0, 0.0), (10.0, 0.0), (0.0, 10.0)]
    line = [(float(i), 2.0 * i) for i in range(5)]
    same = [Landmark(p, p) for p in corners]
    with pytest.raises(AisError, match="Set 1 more landmark: "):
        fit_landmarks(same[:2], "affine")
    with pytest.raises(AisError, match="Set 2 more landmarks"):
        fit_landmarks([], "similarity")
    with pytest.raises(AisError, match="in the image lie on a line"):
        fit_landmarks([Landmark(p, (p[0], p[1] ** 2)) for p in line], "affine")
    with pytest.raises(AisError, match="in the tomogram lie on a line"):
        fit_landmarks([Landmark((p[0], p[1] ** 2), p) for p in line], "affine")
    with pytest.raises(AisError, match="at one place"):
        fit_landmarks([Landmark(p, (3.0, 3.0)) for p in corners], "similarity")
    with pytest.raises(AisError, match="no place"):
        fit_landmarks([*same, Landmark((math.nan, 0.0), (1.0, 1.0))], "affine")
    assert fit_landmarks([Landmark(p, p) for p in line], "similarity").rms < 1e-9


# Placed by hand


@settings(max_examples=60, deadline=None)
@given(TURNS, SCALES, NUMBERS, NUMBERS, st.booleans(), NUMBERS, NUMBERS)
def test_changes_by_hand_keep_the_middle_and_can_be_taken_back(
    degrees: float, scale: float, x: float, y: float, flip: bool, column: float, row: float
) -> None:
    affine = a_similarity(20.0, 1.5, x, y, flip)
    changes = (
        placing.turned(affine, SHAPE, degrees),
        placing.scaled(affine, SHAPE, scale),
        placing.flipped(affine, SHAPE, "horizontally"),
        placing.flipped(affine, SHAPE, "vertically"),
    )
    for changed in changes:
        np.testing.assert_allclose(placing.middle(changed, SHAPE), placing.middle(affine, SHAPE), atol=1e-6)
    back = (
        placing.turned(changes[0], SHAPE, -degrees),
        placing.scaled(changes[1], SHAPE, 1 / scale),
        placing.flipped(changes[2], SHAPE, "horizontally"),
        placing.flipped(changes[3], SHAPE, "vertically"),
    )
    for restored in back:
        np.testing.assert_allclose(restored, affine, rtol=1e-9, atol=1e-6)
    turn = (placing.angle(changes[0]) - placing.angle(affine) - degrees) % 360
    assert min(turn, 360 - turn) < 1e-6
    assert math.isclose(placing.voxels_per_pixel(changes[1]), 1.5 * scale, rel_tol=1e-9)
    assert placing.determinant(changes[2]) * placing.determinant(affine) < 0
    there = placing.at(affine, (column, row))
    np.testing.assert_allclose(placing.at(placing.inverse(affine), there), (column, row), atol=1e-6)


@pytest.mark.parametrize("shape", [(40, 60), (60, 40), (1, 7)])
def test_an_image_fits_into_the_tomogram(shape: tuple[int, int]) -> None:
    for top in (True, False):
        affine = placing.fitted(shape, (100, 200), first_row_at_top=top)
        around = np.array(placing.corners(affine, shape))
        assert around.min(axis=0).tolist() >= [-0.5 - 1e-9, -0.5 - 1e-9]
        assert around.max(axis=0)[0] <= 199.5 + 1e-9
        assert around.max(axis=0)[1] <= 99.5 + 1e-9
        np.testing.assert_allclose(around.mean(axis=0), (99.5, 49.5))
        first, last = placing.at(affine, (0, 0))[1], placing.at(affine, (0, shape[0] - 1))[1]
        assert (first > last) == (top and shape[0] > 1)


# Read


def test_pictures_are_read_as_they_are(tmp_path: Path) -> None:
    rng = np.random.default_rng(1)
    grey = rng.integers(0, 255, SHAPE, np.uint8)
    deep = rng.integers(0, 65535, SHAPE, np.uint16)
    colours = rng.integers(0, 255, (*SHAPE, 3), np.uint8)
    Image.fromarray(grey).save(tmp_path / "grey.png")
    Image.fromarray(deep).save(tmp_path / "deep.PNG")
    Image.fromarray(colours).save(tmp_path / "colours.png")
    alpha = np.full(SHAPE, 51, np.uint8)
    Image.fromarray(np.dstack([colours, alpha])).save(tmp_path / "clear.png")
    Image.fromarray(grey).convert("P").save(tmp_path / "palette.png")
    smooth = np.add.outer(np.arange(40), np.arange(60)).astype(np.uint8)
    turned = Image.Exif()
    turned[0x0112] = 6
    Image.fromarray(smooth).save(tmp_path / "turned.jpg", quality=100, exif=turned)
    np.testing.assert_array_equal(read_image(tmp_path / "grey.png"), grey)
    np.testing.assert_array_equal(read_image(tmp_path / "deep.PNG"), deep)
    np.testing.assert_array_equal(read_image(tmp_path / "colours.png"), colours)
    np.testing.assert_array_equal(read_image(tmp_path / "colours.png", 1), colours[:, :, 1])
    np.testing.assert_allclose(read_image(tmp_path / "clear.png"), colours * np.float32(0.2), rtol=1e-5)
    np.testing.assert_array_equal(read_image(tmp_path / "palette.png", 2), grey)
    np.testing.assert_allclose(read_image(tmp_path / "turned.jpg"), np.rot90(smooth, -1), atol=3)
    assert describe_image(tmp_path / "turned.jpg").shape == (60, 40)
    facts = describe_image(tmp_path / "colours.png")
    assert (facts.shape, facts.channels, facts.in_colour, facts.first_row_at_top) == (SHAPE, 3, True, True)
    assert content_of(tmp_path / "grey.png") == hashlib.sha256((tmp_path / "grey.png").read_bytes()).hexdigest()


def test_stacks_are_projected_and_channels_chosen(tmp_path: Path) -> None:
    rng = np.random.default_rng(2)
    stack = rng.normal(0, 1, (5, 3, *SHAPE)).astype(np.float32)
    stack[2, 1, 7, 9] = np.nan
    tifffile.imwrite(tmp_path / "hyper.ome.tif", stack, metadata={"axes": "ZCYX"})
    tifffile.imwrite(tmp_path / "imagej.tif", stack, imagej=True, metadata={"axes": "ZCYX"})
    facts = describe_image(tmp_path / "imagej.tif")
    assert (facts.shape, facts.channels, facts.in_colour, facts.planes) == (SHAPE, 3, False, 5)
    for name in ("hyper.ome.tif", "imagej.tif"):
        for channel in range(3):
            brightest = np.nanmax(stack[:, channel], axis=0)
            np.testing.assert_array_equal(read_image(tmp_path / name, channel), brightest)
        np.testing.assert_array_equal(read_image(tmp_path / name, None, "first"), stack[0, 0])
    colours = rng.integers(0, 65535, (*SHAPE, 3), np.uint16)
    tifffile.imwrite(tmp_path / "colours.tif", colours, photometric="rgb", compression="zlib")
    np.testing.assert_array_equal(read_image(tmp_path / "colours.tif"), colours)
    np.testing.assert_array_equal(read_image(tmp_path / "colours.tif", 2), colours[:, :, 2])
    write_volume(tmp_path / "light.mrc", stack[:, 0], voxel_sizes=1000.0)
    np.testing.assert_array_equal(read_image(tmp_path / "light.mrc"), stack[:, 0].max(axis=0))
    np.testing.assert_array_equal(read_image(tmp_path / "light.mrc", None, "first"), stack[0, 0])
    assert not describe_image(tmp_path / "light.mrc").first_row_at_top
    with pytest.raises(AisError, match="has 3 channels: there is none with the number 4"):
        read_image(tmp_path / "imagej.tif", 3)


def test_pixel_sizes_are_those_of_a_light_microscope_or_none(tmp_path: Path) -> None:
    grey = np.zeros(SHAPE, np.uint8)
    sizes = {"65 nm": 0.065, "square": 0.1, "of a tomogram": 0.0005}
    for name, micrometre in sizes.items():
        metadata = {"axes": "YX", "PhysicalSizeX": micrometre, "PhysicalSizeY": micrometre}
        tifffile.imwrite(tmp_path / f"{name}.ome.tif", grey, metadata=metadata)
    metadata = {"axes": "YX", "unit": "um"}
    tifffile.imwrite(tmp_path / "oblong.tif", grey, imagej=True, resolution=(10, 20), metadata=metadata)
    tifffile.imwrite(tmp_path / "imagej.tif", grey, imagej=True, resolution=(10, 10), metadata=metadata)
    Image.fromarray(grey).save(tmp_path / "a.png", dpi=(300, 300))
    found = {path.name: describe_image(path).pixel_size for path in tmp_path.iterdir()}
    assert found == {
        "65 nm.ome.tif": 650.0,
        "square.ome.tif": 1000.0,
        "of a tomogram.ome.tif": 0.0,
        "oblong.tif": 0.0,
        "imagej.tif": 1000.0,
        "a.png": 0.0,
    }


def test_what_is_no_image_is_refused(tmp_path: Path) -> None:
    good = tmp_path / "good.tif"
    tifffile.imwrite(good, np.zeros((400, 300), np.uint16), compression="zlib")
    (tmp_path / "cut.tif").write_bytes(good.read_bytes()[:-60])
    Image.fromarray(np.random.default_rng(0).integers(0, 255, (200, 200), np.uint8)).save(tmp_path / "good.png")
    (tmp_path / "cut.png").write_bytes((tmp_path / "good.png").read_bytes()[:5000])
    for name in ("text.png", "text.tif", "text.jpg", "text.mrc", "text.txt"):
        (tmp_path / name).write_text("no image" * 300)
    (tmp_path / "empty.png").touch()
    tifffile.imwrite(tmp_path / "complex.tif", np.zeros((4, 5), np.complex64))
    for path in (*(p for p in tmp_path.iterdir() if "good" not in p.name), tmp_path / "missing.png", tmp_path):
        with pytest.raises(AisError) as told:
            read_image(path)
        assert "\n" not in str(told.value)
        assert path.name in str(told.value)
    with tifffile.TiffFile(good, mode="r+") as file:
        for tag in ("ImageWidth", "ImageLength"):
            file.pages[0].tags[tag].overwrite(65535)
    with pytest.raises(AisError, match="too large"):
        read_image(good)


# Coloured


@settings(max_examples=40, deadline=None)
@given(st.integers(1, 70), st.integers(1, 70), st.integers(1, 9), st.booleans())
def test_reduced_pixels_are_means_and_lie_where_they_were(ny: int, nx: int, by: int, coloured: bool) -> None:
    rng = np.random.default_rng(ny * 1000 + nx)
    image = rng.normal(0, 1, (ny, nx, 3) if coloured else (ny, nx)).astype(np.float32)
    small = reduced(image, by)
    for row in {0, len(small) - 1}:
        for column in {0, small.shape[1] - 1}:
            block = image[row * by : (row + 1) * by, column * by : (column + 1) * by]
            np.testing.assert_allclose(small[row, column], block.mean(axis=(0, 1)), atol=1e-5)
    affine: Affine = ((2.0, 0.5, 3.0), (-1.0, 1.5, 4.0))
    middle = ((by - 1) / 2 + by, (by - 1) / 2 + 2 * by)
    np.testing.assert_allclose(placing.at(placing.of_reduced(affine, by), (1, 2)), placing.at(affine, middle))


def test_light_is_contrast_and_colour_on_black() -> None:
    rng = np.random.default_rng(3)
    image = rng.gamma(2, 300, (50, 80)).astype(np.float32)
    stored = StoredImage.of(image)
    assert (stored.reduction, stored.lowest, stored.highest) == (1, image.min(), image.max())
    low, high, colour = 100.0, 900.0, (1.0, 0.5, 0.0)
    light = stored.light(low, high, colour)
    shares = np.clip((image - low) / (high - low), 0, 1)
    expected = 255 * shares[:, :, None] * np.array([*colour, 1.0])
    assert np.abs(light - expected).max() <= 2
    np.testing.assert_allclose((stored.low, stored.high), np.percentile(image, (25, 99.8)), rtol=1e-6)
    rgb = rng.uniform(0, 255, (20, 30, 3)).astype(np.float32)
    seen = StoredImage.of(rgb).light(0.0, 255.0, (1.0, 1.0, 1.0))
    assert np.abs(seen[:, :, :3] - rgb).max() <= 1
    assert np.abs(seen[:, :, 3] - rgb.max(axis=2)).max() <= 1
    flat = StoredImage.of(np.full((3, 4), 7.0, np.float32))
    assert flat.low < flat.high
    assert not flat.light(flat.low, flat.high, colour).any()
    large = StoredImage.of(np.zeros((90, 300), np.float32), limit=100)
    assert (large.reduction, large.steps.shape) == (3, (30, 100))
