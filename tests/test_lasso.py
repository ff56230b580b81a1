"""A threshold inside a lasso, against scikit-image's and plain comparisons."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from skimage.draw import polygon2mask
from skimage.filters import threshold_otsu

from ais.annotation import AddFeature, AddTomogram, PaintRegion, otsu_in_polygon, threshold_in_polygon
from ais.errors import AisError
from ais.project import Project

SHAPE = (60, 70)
OUTLINE = [(4.5, 6.5), (10.5, 60.5), (50.5, 40.5)]


def picture(seed: int = 0) -> NDArray[np.float64]:
    values = np.random.default_rng(seed).normal(size=SHAPE)
    values[15:25] -= 8
    return values


def whole(part: tuple[int, int, NDArray[np.uint8]]) -> NDArray[np.bool_]:
    y0, x0, small = part
    mask = np.zeros(SHAPE, bool)
    mask[y0 : y0 + small.shape[0], x0 : x0 + small.shape[1]] = small
    return mask


@settings(max_examples=50, deadline=None)
@given(seed=st.integers(0, 99), threshold=st.floats(-9, 3), above=st.booleans())
def test_what_is_inside_and_beyond_the_threshold(seed: int, threshold: float, above: bool) -> None:
    values, inside = picture(seed), polygon2mask(SHAPE, OUTLINE)
    found = whole(threshold_in_polygon(values, OUTLINE, threshold, above=above))
    assert np.array_equal(found, inside & (values >= threshold if above else values <= threshold))


@pytest.mark.parametrize("scale", [1.0, 1e-5, 1e6])
def test_the_default_is_otsus(scale: float) -> None:
    values, inside = picture() * scale, polygon2mask(SHAPE, OUTLINE)
    ours, theirs = otsu_in_polygon(values, OUTLINE), threshold_otsu(values[inside])
    assert np.array_equal(values[inside] <= ours, values[inside] <= theirs)
    assert np.array_equal(whole(threshold_in_polygon(values, OUTLINE)), inside & (values <= ours))
    rows = np.zeros(SHAPE, bool)
    rows[15:25] = True
    assert (whole(threshold_in_polygon(values, OUTLINE)) ^ (inside & rows)).sum() < 4


def test_labels_are_divided_in_the_middle() -> None:
    values = np.zeros(SHAPE, np.int16)
    values[:20] = 10
    assert 4 < otsu_in_polygon(values, OUTLINE) < 6
    assert otsu_in_polygon(np.full(SHAPE, 7), OUTLINE) == 7


def test_values_that_are_no_numbers_are_left_out() -> None:
    values = picture()
    values[16:20, 20:40] = np.nan
    values[22, 22:30] = -np.inf
    found = whole(threshold_in_polygon(values, OUTLINE))
    assert found.any()
    assert np.isfinite(values[found]).all()


def test_wrong_use_is_refused() -> None:
    for call in (
        lambda: threshold_in_polygon(picture(), OUTLINE[:2], 1.0),
        lambda: threshold_in_polygon(picture()[None], OUTLINE, 1.0),
        lambda: threshold_in_polygon(picture(), OUTLINE, float("nan")),
        lambda: otsu_in_polygon(np.full(SHAPE, np.nan), OUTLINE),
        lambda: otsu_in_polygon(picture(), np.add(OUTLINE, 500)),
    ):
        with pytest.raises(AisError):
            call()
    assert threshold_in_polygon(picture(), np.add(OUTLINE, 500), 1.0)[2].shape == (0, 0)


def test_painted_with_its_own_words(tmp_path: Path) -> None:
    with Project.create(tmp_path / "x.aisproj") as project:
        tomogram = project.apply(AddTomogram(tmp_path / "TS_1.mrc", (5, *SHAPE), 10.0)).id
        feature = project.apply(AddFeature("membrane")).id
        part = threshold_in_polygon(picture(), OUTLINE)
        project.apply(PaintRegion(tomogram, feature, 2, *part, verb="Threshold in outline:"))
        assert project.undo_text() == "Threshold in outline: membrane, slice 2 of TS_1"
        assert np.array_equal(project.mask(tomogram, feature, 2), whole(part))
