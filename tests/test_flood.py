"""The flood brush, on pictures whose structures are known exactly."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy import ndimage

from ais.annotation import AddFeature, AddTomogram, PaintRegion, flood_region, unite_regions
from ais.errors import AisError
from ais.project import Project

SHAPE = (200, 220)


def radius_from(y: float, x: float, shape: tuple[int, int] = SHAPE) -> NDArray[np.float64]:
    rows, columns = np.mgrid[: shape[0], : shape[1]]
    distance: NDArray[np.float64] = np.hypot(rows - y, columns - x)
    return distance


def noise(seed: int = 0, shape: tuple[int, int] = SHAPE) -> NDArray[np.float64]:
    return np.random.default_rng(seed).normal(size=shape)


def whole(part: tuple[int, int, NDArray[np.uint8]], shape: tuple[int, int] = SHAPE) -> NDArray[np.bool_]:
    y0, x0, small = part
    mask = np.zeros(shape, bool)
    mask[y0 : y0 + small.shape[0], x0 : x0 + small.shape[1]] = small
    return mask


def dice(one: NDArray[np.bool_], other: NDArray[np.bool_]) -> float:
    return float(2 * (one & other).sum() / (one.sum() + other.sum()))


BLOB = radius_from(90, 100) < 12
RING = abs(radius_from(100, 60) - 50) < 3.5


@pytest.mark.parametrize("contrast", [-3.0, 3.0])
def test_a_clean_structure_is_found_to_the_pixel(contrast: float) -> None:
    found = whole(flood_region(BLOB * contrast, (92, 97), 30))
    assert dice(found, BLOB) > 0.98
    found = whole(flood_region(RING * contrast, (100, 109), 30))
    assert dice(found, RING & (radius_from(100, 109) <= 30)) > 0.95


@pytest.mark.parametrize(("structure", "centre", "least"), [(BLOB, (90, 100), 0.88), (RING, (100, 110), 0.75)])
def test_a_structure_in_noise_is_found(structure: NDArray[np.bool_], centre: tuple[float, float], least: float) -> None:
    scores = []
    for seed in range(6):
        picture = noise(seed) - 1.5 * structure  # noise of two thirds of the contrast, in every pixel
        found = whole(flood_region(picture, centre, 30))
        scores.append(dice(found, structure & (radius_from(*centre) <= 30)))
    disc = radius_from(*centre) <= 30
    assert np.mean(scores) > least > dice(disc, disc & structure)


def test_two_structures_in_the_circle_are_told_apart() -> None:
    other = radius_from(90, 130) < 10
    found = whole(flood_region(-1.0 * (BLOB | other) + 0.1 * noise(), (90, 100), 45))
    assert dice(found, BLOB) > 0.95
    assert not (found & other).any()


def test_a_structure_that_fills_most_of_the_circle() -> None:
    structure, centre = radius_from(100, 100) < 40, (100, 128)
    picture = -1.0 * structure + 0.2 * noise()
    expected = structure & (radius_from(*centre) <= 20)
    assert expected.sum() > 0.7 * (radius_from(*centre) <= 20).sum()
    assert dice(whole(flood_region(picture, centre, 20)), expected) > 0.9


def test_the_cursor_need_not_hit_the_middle() -> None:
    leaves = (abs(radius_from(100, 60) - 47) < 1.5) | (abs(radius_from(100, 60) - 53) < 1.5)
    picture = ndimage.gaussian_filter(-1.0 * leaves, 1) + 0.3 * noise()
    found = whole(flood_region(picture, (100, 110), 20))
    assert dice(found, (abs(radius_from(100, 60) - 50) < 4.5) & (radius_from(100, 110) <= 20)) > 0.6


picture_kind = st.sampled_from(["noise", "blob", "ring", "steps"])


def picture_of(kind: str, seed: int) -> NDArray[Any]:
    pictures = {
        "noise": noise(seed),
        "blob": noise(seed) - 2 * BLOB,
        "ring": ndimage.gaussian_filter(noise(seed), 1) + RING,
        "steps": np.rint(noise(seed)),
    }
    return pictures[kind]


@settings(max_examples=60, deadline=None)
@given(
    kind=picture_kind,
    seed=st.integers(0, 50),
    centre=st.tuples(st.floats(-30, 230), st.floats(-30, 250)),
    radius=st.one_of(st.floats(0.1, 60), st.sampled_from([200.0, 512.0])),
    sensitivities=st.lists(st.floats(0, 1), min_size=2, max_size=4),
    polarity=st.sampled_from(["auto", "dark", "bright"]),
)
def test_nothing_leaves_the_circle_and_more_sensitivity_never_takes_less(
    kind: str,
    seed: int,
    centre: tuple[float, float],
    radius: float,
    sensitivities: list[float],
    polarity: Literal["auto", "dark", "bright"],
) -> None:
    picture, disc = picture_of(kind, seed), radius_from(*centre) <= radius
    smaller = np.zeros(SHAPE, bool)
    for sensitivity in sorted(sensitivities):
        found = whole(flood_region(picture, centre, radius, sensitivity, polarity=polarity))
        assert not (found & ~disc).any()
        assert not (smaller & ~found).any()
        smaller = found
    assert np.array_equal(whole(flood_region(picture, centre, radius, 1.0)), disc)


@settings(max_examples=40, deadline=None)
@given(
    kind=st.sampled_from(["noise", "blob", "ring"]),
    seed=st.integers(0, 50),
    centre=st.tuples(st.integers(0, 199), st.integers(0, 219)),
    scale=st.sampled_from([1e-6, 0.25, 3.0, 1e4, -1.0, -50.0]),
    offset=st.sampled_from([0.0, 100.0, -0.25]),
    radius=st.sampled_from([6, 25.5, 170]),
)
def test_the_scale_and_the_sign_of_the_values_do_not_matter(
    kind: str, seed: int, centre: tuple[int, int], scale: float, offset: float, radius: float
) -> None:
    picture = picture_of(kind, seed)
    found = whole(flood_region(picture, centre, radius))
    again = whole(flood_region(picture * scale + offset * abs(scale), centre, radius))
    assert (found != again).sum() <= 0.01 * max(found.sum(), 100)  # a rounding may decide about a pixel


@pytest.mark.parametrize("kind", ["int8", "uint8", "int16", "uint16", "float16", ">f4", "float64"])
def test_any_type_of_value(kind: str) -> None:
    picture = (50 + 20 * BLOB).astype(kind)
    assert dice(whole(flood_region(picture, (90, 100), 30)), BLOB) > 0.98


def test_values_that_are_no_numbers_are_background() -> None:
    picture = -3.0 * BLOB
    picture[80:84, 95:99] = np.nan
    picture[110:130] = np.inf
    found = whole(flood_region(picture, (90, 100), 30))
    assert dice(found, BLOB) > 0.9
    assert flood_region(np.full(SHAPE, np.nan), (90, 100), 30)[2].shape == (0, 0)
    assert flood_region(picture, (-100, 100), 30)[2].shape == (0, 0)
    assert whole(flood_region(np.zeros(SHAPE), (90, 100), 10)).any(), "an even picture is one structure"
    for shape in ((1, 1), (1, 50), (2, 2), (50, 1)):
        assert flood_region(np.ones(shape), (0, 0), 100)[2].any()


def test_wrong_use_is_refused() -> None:
    picture = np.zeros(SHAPE)
    with pytest.raises(AisError):
        flood_region(picture[None], (1, 1), 5)
    for radius in (0.0, -1.0, 513.0, float("nan")):
        with pytest.raises(AisError):
            flood_region(picture, (1, 1), radius)
    for sensitivity in (-0.1, 1.1, float("nan")):
        with pytest.raises(AisError):
            flood_region(picture, (1, 1), 5, sensitivity)
    with pytest.raises(AisError):
        flood_region(picture, (1, float("inf")), 5)


@pytest.mark.parametrize(("radius", "milliseconds"), [(60, 5), (150, 15)])
def test_quick_enough_for_every_frame(radius: float, milliseconds: float) -> None:
    picture = noise(shape=(1024, 1024)).astype(np.float32)
    flood_region(picture, (512, 512), radius)
    seconds = []
    for step in range(10):
        start = time.perf_counter()
        flood_region(picture, (500 + step, 512), radius)
        seconds.append(time.perf_counter() - start)
    assert min(seconds) < milliseconds / 1000


def test_dabs_are_one_stroke_and_one_step_of_undo(tmp_path: Path) -> None:
    picture = noise() - 3 * RING
    dabs = [flood_region(picture, (100 - 50 * np.sin(a), 60 + 50 * np.cos(a)), 12) for a in np.linspace(0, 1.2, 8)]
    y0, x0, mask = unite_regions(dabs)
    together = np.logical_or.reduce([whole(dab) for dab in dabs])
    assert np.array_equal(whole((y0, x0, mask)), together)
    assert unite_regions([])[2].shape == (0, 0)
    with Project.create(tmp_path / "x.aisproj") as project:
        tomogram = project.apply(AddTomogram(tmp_path / "TS_1.mrc", (20, *SHAPE), 10.0)).id
        feature = project.apply(AddFeature("membrane")).id
        project.apply(PaintRegion(tomogram, feature, 12, y0, x0, mask, verb="Flood"))
        assert np.array_equal(project.mask(tomogram, feature, 12), together)
        assert project.undo_text() == "Flood membrane, slice 12 of TS_1"
        project.undo()
        assert not project.mask(tomogram, feature, 12).any()
