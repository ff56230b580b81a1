"""Painting, shapes, boxes: what each edit does to the pixels, against slow and simple ways of the same."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy import ndimage

from ais.annotation import (
    IGNORE,
    AddFeature,
    AddPicks,
    AddTomogram,
    AutoPlaceBoxes,
    BackgroundBoxes,
    ChangeFeature,
    ChangeFeatures,
    ClearFeature,
    ClearSlice,
    CopySlice,
    DeleteFeature,
    DuplicateFeature,
    EraseStroke,
    FillHoles,
    FillPolygon,
    GrowMask,
    ImportVolume,
    InterpolateSlices,
    MergeFeatures,
    MoveBox,
    PaintRegion,
    PaintStroke,
    PlaceBoxes,
    RemoveBoxes,
    RemoveBoxesIn,
    ReorderFeatures,
    SetSliceMask,
    ShrinkMask,
    StrokeAcross,
    file_safe_name,
    polygon_spans,
    spans_to_mask,
    stroke_spans,
)
from ais.annotation.placement import positions_over_annotation
from ais.annotation.spans import Spans, spans_to_tiles
from ais.annotation.tiles import compress_tile, cut_into_tiles, decompress_tile, painted_bounds, paste_tiles
from ais.errors import AisError
from ais.project import Project

SHAPE = (8, 300, 280)


@dataclass
class Scene:
    """A project with a tomogram and two features."""

    project: Project
    tomogram: int
    feature: int
    other: int

    def mask(self, z: int, feature: int | None = None) -> NDArray[np.uint8]:
        return self.project.mask(self.tomogram, self.feature if feature is None else feature, z)


@pytest.fixture
def scene(tmp_path: Path) -> Iterator[Scene]:
    with Project.create(tmp_path / "x.aisproj") as project:
        tomogram = project.apply(AddTomogram(tmp_path / "TS_1.mrc", SHAPE, 10.0)).id
        feature, other = (project.apply(AddFeature(name, box_size=32)).id for name in ("membrane", "ribosome"))
        yield Scene(project, tomogram, feature, other)


def distance_to_path(points: NDArray[np.float64], shape: tuple[int, int]) -> NDArray[np.float64]:
    """Distance of every pixel centre to a path, piece by piece."""
    y, x = np.mgrid[: shape[0], : shape[1]].astype(float)
    nearest = np.full(shape, np.inf)
    for start, end in zip(points, [*points[1:], points[-1]], strict=True):
        step = end - start
        length = step @ step
        along = ((y - start[0]) * step[0] + (x - start[1]) * step[1]) / length if length else np.zeros(shape)
        along = np.clip(along, 0, 1)
        nearest = np.minimum(nearest, np.hypot(y - start[0] - along * step[0], x - start[1] - along * step[1]))
    return nearest


def whole(spans: Spans, shape: tuple[int, int]) -> NDArray[np.uint8]:
    y0, x0, small = spans_to_mask(spans)
    mask = np.zeros(shape, np.uint8)
    mask[y0 : y0 + small.shape[0], x0 : x0 + small.shape[1]] = small
    return mask


coordinate = st.one_of(st.floats(-30, 330), st.integers(-30, 330).map(float))


# The brush and the lasso


@settings(max_examples=150, deadline=None)
@given(
    points=st.lists(st.tuples(coordinate, coordinate), min_size=1, max_size=7),
    radius=st.sampled_from([0.0, 0.5, 1.0, 2.5, 20.0]),
    shape=st.sampled_from([(1, 1), (1, 300), (300, 1), (40, 70), (300, 280)]),
)
def test_a_stroke_paints_what_is_near_its_path(
    points: list[tuple[float, float]], radius: float, shape: tuple[int, int]
) -> None:
    spans = stroke_spans(points, radius, shape)
    painted = whole(spans, shape) != 0
    distance = distance_to_path(np.array(points), shape)
    undecided = np.abs(distance - radius) < 3e-6
    assert np.array_equal(painted | undecided, (distance <= radius) | undecided)
    assert np.array_equal(paste_tiles(spans_to_tiles(spans), shape), painted)
    # Runs are sorted and do not touch, so that each pixel is in one.
    assert painted.sum() == (spans.last - spans.first + 1).sum()


def test_a_fast_stroke_has_no_gaps() -> None:
    path = [(10, 10), (250, 40), (20, 260), (280, 270)]
    painted = whole(stroke_spans(path, 3, (300, 280)), (300, 280))
    assert ndimage.label(painted)[1] == 1
    together = [whole(stroke_spans(piece, 3, (300, 280)), (300, 280)) for piece in pairwise(path)]
    assert np.array_equal(painted, np.maximum.reduce(together))


def winding_number(points: NDArray[np.float64], shape: tuple[int, int]) -> NDArray[np.float64]:
    """How often a closed outline runs around each pixel centre, by the angles it is seen under."""
    y, x = np.mgrid[: shape[0], : shape[1]].astype(float)
    total = np.zeros(shape)
    for (y0, x0), (y1, x1) in zip(points, np.roll(points, -1, axis=0), strict=True):
        cross = (y0 - y) * (x1 - x) - (x0 - x) * (y1 - y)
        total += np.arctan2(cross, (y0 - y) * (y1 - y) + (x0 - x) * (x1 - x))
    return np.rint(total / (2 * np.pi))


@settings(max_examples=80, deadline=None)
@given(points=st.lists(st.tuples(st.floats(-10, 80), st.floats(-10, 80)), min_size=3, max_size=9))
def test_a_lasso_fills_what_it_winds_around(points: list[tuple[float, float]]) -> None:
    shape = (60, 70)
    filled = whole(polygon_spans(points, shape), shape) != 0
    corners = np.array(points)
    on_outline = distance_to_path(np.concatenate([corners, corners[:1]]), shape) < 1e-5
    assert np.array_equal(filled | on_outline, (winding_number(corners, shape) != 0) | on_outline)


def test_a_lasso_includes_its_outline_on_all_sides() -> None:
    for turn in range(4):
        corners = np.roll([(2, 2), (2, 6), (5, 6), (5, 2)], turn, axis=0)
        expected = np.zeros((9, 9), np.uint8)
        expected[2:6, 2:7] = 1
        assert np.array_equal(whole(polygon_spans(corners, (9, 9)), (9, 9)), expected)
        assert np.array_equal(whole(polygon_spans(corners[::-1], (9, 9)), (9, 9)), expected)


@pytest.mark.parametrize("points", [[], [(1, float("nan"))], [(1, 2, 3)], "ab", [[1], [2, 3]], [(1, float("inf"))]])
def test_points_that_are_none_are_refused(points: Any) -> None:
    for call in (lambda: stroke_spans(points, 3, (9, 9)), lambda: polygon_spans(points, (9, 9))):
        with pytest.raises(AisError):
            call()
    for radius in (-1.0, float("nan"), float("inf")):
        with pytest.raises(AisError):
            stroke_spans([(1, 1)], radius, (9, 9))


@settings(max_examples=40, deadline=None)
@given(
    shape=st.tuples(st.integers(1, 600), st.integers(1, 600)),
    origin=st.tuples(st.integers(0, 700), st.integers(0, 700)),
    seed=st.integers(0, 99),
)
def test_tiles_are_the_mask(shape: tuple[int, int], origin: tuple[int, int], seed: int) -> None:
    rng = np.random.default_rng(seed)
    mask = (rng.random(shape) > rng.choice([0.5, 0.999])).astype(np.uint8)
    tiles = {index: decompress_tile(compress_tile(bits)) for index, bits in cut_into_tiles(mask, *origin).items()}
    assert np.array_equal(paste_tiles(tiles, shape, *origin), mask)
    assert sum(int(np.unpackbits(bits).sum()) for bits in tiles.values()) == mask.sum()
    bounds = painted_bounds(tiles)
    rows, columns = np.nonzero(mask)
    if not rows.size:
        assert tiles == {}
        assert bounds is None
    else:
        y, x = rows + origin[0], columns + origin[1]
        assert bounds == (y.min(), y.max() + 1, x.min(), x.max() + 1)


# Painting in a project


def test_strokes_paint_erase_and_ignore(scene: Scene) -> None:
    path = np.array([(100.0, 100.0), (255.0, 256.0), (258.5, 40.0)])
    near = distance_to_path(path, SHAPE[1:])
    scene.project.apply(PaintStroke(scene.tomogram, scene.feature, 3, path, 10))
    assert np.array_equal(scene.mask(3), near <= 10)
    assert np.array_equal(scene.mask(3), whole(stroke_spans(path, 10, SHAPE[1:]), SHAPE[1:]))
    scene.project.apply(EraseStroke(scene.tomogram, scene.feature, 3, path[:1], 30))
    around = distance_to_path(path[:1], SHAPE[1:])
    assert np.array_equal(scene.mask(3), (near <= 10) & (around > 30))
    scene.project.apply(PaintStroke(scene.tomogram, IGNORE, 3, path, 2.5))
    assert np.array_equal(scene.project.ignore(scene.tomogram, 3), near <= 2.5)
    assert scene.project.annotated_slices(scene.tomogram, scene.feature) == [3]
    assert scene.project.annotated_slices(scene.tomogram, IGNORE) == [3]
    assert not scene.mask(2).any()
    assert not scene.mask(3, scene.other).any()
    assert scene.project.history()[-1].text == "Paint ignore region, slice 3 of TS_1"


@pytest.mark.parametrize(("plane", "axes"), [("xz", (0, 2)), ("yz", (0, 1))])
def test_strokes_across_slices(scene: Scene, plane: Any, axes: tuple[int, int]) -> None:
    points = [(1.0, 250.0), (6.0, 262.0)]
    scene.project.apply(StrokeAcross(scene.tomogram, scene.feature, plane, 257, points, 2.0))
    volume = scene.project.mask_volume(scene.tomogram, scene.feature).slab(0, SHAPE[0])
    painted = volume[:, 257, :] if plane == "xz" else volume[:, :, 257]
    expected = distance_to_path(np.array(points), (SHAPE[0], SHAPE[axes[1]])) <= 2.0
    assert np.array_equal(painted, expected)
    assert volume.sum() == expected.sum()
    scene.project.apply(StrokeAcross(scene.tomogram, scene.feature, plane, 257, points, 2.0, erase=True))
    assert scene.project.annotated_slices(scene.tomogram, scene.feature) == []
    with pytest.raises(AisError):
        scene.project.apply(StrokeAcross(scene.tomogram, scene.feature, plane, 300, points, 2.0))


def test_polygons_and_regions(scene: Scene) -> None:
    corners = [(10.5, 10.5), (10.5, 270.2), (290.9, 100.0)]
    inside = winding_number(np.array(corners), SHAPE[1:]) != 0
    scene.project.apply(FillPolygon(scene.tomogram, scene.feature, 0, corners))
    assert np.array_equal(scene.mask(0), inside)
    hole = np.random.default_rng(0).random((100, 120)) > 0.5
    scene.project.apply(PaintRegion(scene.tomogram, scene.feature, 0, -20, 200, hole, erase=True))
    inside[:80, 200:280] &= ~hole[20:, :80]
    assert np.array_equal(scene.mask(0), inside)
    scene.project.apply(PaintRegion(scene.tomogram, scene.feature, 0, 250, -30, hole * 7))
    inside[250:, :90] |= hole[:50, 30:]
    assert np.array_equal(scene.mask(0), inside)
    lines = len(scene.project.history())
    scene.project.apply(PaintRegion(scene.tomogram, scene.feature, 0, 400, 400, hole))
    assert len(scene.project.history()) == lines


def test_holes_growth_and_shrinking(scene: Scene) -> None:
    rng = np.random.default_rng(0)
    mask = ndimage.gaussian_filter(rng.random(SHAPE[1:]), 6) > 0.502
    scene.project.apply(SetSliceMask(scene.tomogram, scene.feature, 1, mask))
    scene.project.apply(FillHoles(scene.tomogram, scene.feature, 1))
    filled = ndimage.binary_fill_holes(mask)
    assert filled.sum() > mask.sum()
    assert np.array_equal(scene.mask(1), filled)
    scene.project.apply(GrowMask(scene.tomogram, scene.feature, 1, 4.2))
    grown = ndimage.distance_transform_edt(~filled) <= 4.2
    assert np.array_equal(scene.mask(1), grown)
    scene.project.apply(ShrinkMask(scene.tomogram, scene.feature, 1, 6.0))
    assert np.array_equal(scene.mask(1), ndimage.distance_transform_edt(grown) > 6.0)
    for radius in (0.0, -1.0, float("nan"), 1e9):
        with pytest.raises(AisError):
            scene.project.apply(GrowMask(scene.tomogram, scene.feature, 1, radius))


def test_edges_of_the_slice_do_not_shrink(scene: Scene) -> None:
    scene.project.apply(SetSliceMask(scene.tomogram, scene.feature, 0, np.ones(SHAPE[1:])))
    scene.project.apply(ShrinkMask(scene.tomogram, scene.feature, 0, 5))
    assert scene.mask(0).all()


def disc(y: float, x: float, radius: float) -> NDArray[np.bool_]:
    rows, columns = np.mgrid[: SHAPE[1], : SHAPE[2]]
    return np.hypot(rows - y, columns - x) <= radius


def test_interpolation_between_discs_is_a_disc(scene: Scene) -> None:
    for z, radius in ((1, 20), (5, 40), (7, 10)):
        scene.project.apply(SetSliceMask(scene.tomogram, scene.feature, z, disc(150, 130, radius)))
    assert scene.project.apply(InterpolateSlices(scene.tomogram, scene.feature)) == [2, 3, 4, 6]
    for z, radius in ((2, 25), (3, 30), (4, 35), (6, 25)):
        assert scene.mask(z).sum() == pytest.approx(np.pi * radius**2, rel=0.03)
        assert not (scene.mask(z) & ~disc(150, 130, radius + 1)).any()
    scene.project.undo()
    assert scene.project.apply(InterpolateSlices(scene.tomogram, scene.feature, first=4)) == [6]
    with pytest.raises(AisError, match="two slices"):
        scene.project.apply(InterpolateSlices(scene.tomogram, scene.feature, first=7))


def test_interpolation_of_equal_slices_repeats_them(scene: Scene) -> None:
    for mask in (disc(3, 5, 30), np.ones(SHAPE[1:], bool), disc(50, 50, 0.5) | disc(200, 200, 12)):
        for z in (2, 6):
            scene.project.apply(SetSliceMask(scene.tomogram, scene.other, z, mask))
        for z in (3, 4, 5):
            scene.project.apply(ClearSlice(scene.tomogram, scene.other, z))
        scene.project.apply(InterpolateSlices(scene.tomogram, scene.other))
        for z in (3, 4, 5):
            assert np.array_equal(scene.mask(z, scene.other), mask)


def test_copies_add_or_replace(scene: Scene) -> None:
    one, two = disc(100, 100, 30), disc(120, 110, 30)
    scene.project.apply(SetSliceMask(scene.tomogram, scene.feature, 2, one))
    scene.project.apply(SetSliceMask(scene.tomogram, scene.feature, 3, two))
    scene.project.apply(CopySlice(scene.tomogram, scene.feature, 2, to_z=3))
    assert np.array_equal(scene.mask(3), one | two)
    scene.project.apply(CopySlice(scene.tomogram, scene.feature, 2, to_z=3, replace=True))
    assert np.array_equal(scene.mask(3), one)
    scene.project.apply(CopySlice(scene.tomogram, scene.feature, None, to_feature=scene.other))
    assert scene.project.annotated_slices(scene.tomogram, scene.other) == [2, 3]
    with pytest.raises(AisError):
        scene.project.apply(CopySlice(scene.tomogram, scene.feature, 2, to_z=8))
    with pytest.raises(AisError):
        scene.project.apply(CopySlice(scene.tomogram, scene.feature, None, to_z=3))


def test_volumes_are_imported_by_label_threshold_and_slice(scene: Scene) -> None:
    volume = np.random.default_rng(0).integers(-1, 4, SHAPE).astype(np.int16)
    scene.project.apply(PaintStroke(scene.tomogram, scene.feature, 1, [(20, 20)], 8))
    painted = scene.mask(1) != 0
    cases: list[tuple[dict[str, Any], NDArray[np.bool_]]] = [
        ({}, volume > 0),
        ({"label": 2}, volume == 2),
        ({"threshold": 2}, volume >= 2),
        ({"threshold": 0}, volume >= 0),
    ]
    for options, expected in cases:
        found = scene.project.apply(ImportVolume(scene.tomogram, scene.feature, volume, slices=[4, 1, 4], **options))
        assert found == [1, 4]
        assert np.array_equal(scene.mask(4), expected[4])
        assert np.array_equal(scene.mask(1), expected[1] | painted)
        assert scene.project.annotated_slices(scene.tomogram, scene.feature) == [1, 4]
        scene.project.undo()
    scene.project.apply(ImportVolume(scene.tomogram, scene.feature, volume, replace=True))
    stacked = scene.project.mask_volume(scene.tomogram, scene.feature)
    assert stacked.shape == SHAPE
    assert np.array_equal(np.stack(list(stacked)), volume > 0)
    for wrong in ({"volume": volume[1:]}, {"slices": [8]}, {"slices": [-1]}, {"label": 1, "threshold": 1}):
        options = {"volume": volume, **wrong}
        with pytest.raises(AisError):
            scene.project.apply(ImportVolume(scene.tomogram, scene.feature, **options))


def test_masks_of_another_shape_and_unknown_places_are_refused(scene: Scene) -> None:
    for shape in ((300, 281), (300,), (1, 300, 280)):
        with pytest.raises(AisError):
            scene.project.apply(SetSliceMask(scene.tomogram, scene.feature, 0, np.ones(shape)))
    for tomogram, feature, z in ((9, 1, 0), (1, 9, 0), (1, 1, 8), (1, 1, -1)):
        with pytest.raises(AisError):
            scene.project.apply(PaintStroke(tomogram, feature, z, [(5, 5)], 2))
        with pytest.raises(AisError):
            scene.project.mask(tomogram, feature, z)


# Features


def test_features_have_names_fit_for_files(scene: Scene) -> None:
    for name in ("", "  ", "a/b", "a\\b", "a:b", "x\ny", "n" * 81, ".", "membrane", "MEMBRANE", "a?", "\udce4"):
        with pytest.raises(AisError) as error:
            scene.project.apply(AddFeature(name))
        assert str(error.value).endswith(".")
    for name in ("a/b", "..", "micro tubule ", "Ä?", "x" * 200, "c\x00d"):
        scene.project.apply(AddFeature(file_safe_name(name)))
    assert scene.project.feature(" Membrane ").id == scene.feature
    with pytest.raises(AisError, match=r"no feature actin; its features are: membrane, ribosome"):
        scene.project.feature("actin")


@pytest.mark.parametrize(
    "values",
    [
        {"colour": (0, 0, 1.5)},
        {"colour": (0, 1)},
        {"box_size": 0},
        {"box_size": 100000},
        {"brush_radius": float("nan")},
        {"alpha": -0.1},
        {"level": 256.0},
        {"dust": float("inf")},
        {"name": "ribosome"},
    ],
)
def test_features_keep_within_their_ranges(scene: Scene, values: dict[str, Any]) -> None:
    with pytest.raises(AisError):
        scene.project.apply(ChangeFeature(scene.feature, **values))
    if "name" not in values:
        with pytest.raises(AisError):
            scene.project.apply(AddFeature("new", **values))


def test_features_are_changed_reordered_merged_duplicated_deleted(scene: Scene) -> None:
    project = scene.project
    changed = project.apply(ChangeFeature(scene.feature, name="Mem", colour=(0.1, 0.2, 0.3), visible=False, dust=5.0))
    assert (changed.name, changed.colour, changed.visible, changed.dust) == ("Mem", (0.1, 0.2, 0.3), False, 5.0)
    project.apply(ReorderFeatures([scene.other, scene.feature]))
    assert [feature.id for feature in project.features()] == [scene.other, scene.feature]
    with pytest.raises(AisError):
        project.apply(ReorderFeatures([scene.other]))
    one, two = disc(100, 100, 30), disc(120, 110, 30)
    project.apply(SetSliceMask(scene.tomogram, scene.feature, 2, one))
    project.apply(SetSliceMask(scene.tomogram, scene.other, 2, two))
    project.apply(PlaceBoxes(scene.tomogram, scene.feature, [(2, 100, 100)], negative=True))
    project.apply(PlaceBoxes(scene.tomogram, scene.other, [(2, 120, 110)]))
    copy = project.apply(DuplicateFeature(scene.feature))
    assert copy.name == "Mem copy"
    assert (copy.colour, copy.box_size) == (changed.colour, changed.box_size)
    assert np.array_equal(scene.mask(2, copy.id), one)
    assert [(b.z, b.y, b.x, b.negative) for b in project.boxes(scene.tomogram, copy.id)] == [(2, 100, 100, True)]
    project.apply(MergeFeatures(copy.id, [scene.other]))
    assert np.array_equal(scene.mask(2, copy.id), one | two)
    assert len(project.boxes(scene.tomogram, copy.id)) == 2
    assert [feature.name for feature in project.features()] == ["Mem", "Mem copy"]
    with pytest.raises(AisError):
        project.apply(MergeFeatures(copy.id, [copy.id]))
    project.apply(DeleteFeature(copy.id))
    assert project.boxes(scene.tomogram, copy.id) == []
    with pytest.raises(AisError):
        scene.mask(2, copy.id)
    while project.undo():
        pass
    assert project.features() == []


# Boxes


def test_boxes_are_placed_once_and_inside(scene: Scene) -> None:
    place = scene.project.apply(PlaceBoxes(scene.tomogram, scene.feature, [(1, 2, 3), (1, 2, 3), (7, 299, 279)]))
    assert [(box.z, box.y, box.x) for box in place] == [(1, 2, 3), (7, 299, 279)]
    assert scene.project.apply(PlaceBoxes(scene.tomogram, scene.feature, [(1, 2, 3)])) == []
    assert len(scene.project.apply(PlaceBoxes(scene.tomogram, scene.feature, [(1, 2, 3)], negative=True))) == 1
    for outside in ((8, 0, 0), (0, 300, 0), (0, 0, 280), (-1, 0, 0)):
        with pytest.raises(AisError, match="outside"):
            scene.project.apply(PlaceBoxes(scene.tomogram, scene.feature, [outside]))
    scene.project.apply(RemoveBoxes([place[0].id]))
    assert [box.id for box in scene.project.boxes(scene.tomogram, scene.feature) if not box.negative] == [place[1].id]
    with pytest.raises(AisError):
        scene.project.apply(RemoveBoxes([place[0].id]))


def test_auto_placed_boxes_hold_annotation_and_are_spread(scene: Scene) -> None:
    mask = disc(20, 40, 15) | disc(200, 200, 60)
    for z in (2, 5):
        scene.project.apply(SetSliceMask(scene.tomogram, scene.feature, z, mask))
    with pytest.raises(AisError, match="paint some first"):
        scene.project.apply(AutoPlaceBoxes(scene.tomogram, scene.other, 3))
    found = scene.project.apply(AutoPlaceBoxes(scene.tomogram, scene.feature, 40, seed=3))
    assert (len(found.boxes), found.asked, found.message) == (40, 40, "")
    centres = np.array([(box.z, box.y, box.x) for box in found.boxes])
    assert set(centres[:, 0]) == {2, 5}
    assert (centres[:, 1] >= 16).all()
    for _, y, x in centres:
        assert mask[y - 16 : y + 16, x - 16 : x + 16].any()
    near = np.linalg.norm(centres[:, None] - centres, axis=2) + 1e9 * np.eye(40)
    random = np.random.default_rng(0).choice(np.argwhere(np.stack([mask, mask])), 40) * (3, 1, 1)
    by_chance = np.linalg.norm(random[:, None] - random, axis=2) + 1e9 * np.eye(40)
    assert near.min() > 3
    assert np.median(near.min(axis=0)) > 1.5 * np.median(by_chance.min(axis=0))
    again = scene.project.apply(AutoPlaceBoxes(scene.tomogram, scene.feature, 5, seed=4, slices=[5]))
    assert {box.z for box in again.boxes} == {5}
    scene.project.undo()
    scene.project.undo()
    repeated = scene.project.apply(AutoPlaceBoxes(scene.tomogram, scene.feature, 40, seed=3))
    assert [(b.z, b.y, b.x) for b in repeated.boxes] == [(b.z, b.y, b.x) for b in found.boxes]


def test_fewer_boxes_are_placed_where_there_are_fewer_places(scene: Scene) -> None:
    scene.project.apply(PaintStroke(scene.tomogram, scene.feature, 1, [(150, 150)], 1))
    found = scene.project.apply(AutoPlaceBoxes(scene.tomogram, scene.feature, 9))
    assert len(found.boxes) == 5
    assert found.message == "There was room for 5 of 9 boxes in TS_1."
    for count in (0, -1, 10**7):
        with pytest.raises(AisError):
            scene.project.apply(AutoPlaceBoxes(scene.tomogram, scene.feature, count))


def test_tens_of_thousands_of_boxes_are_placed_in_seconds() -> None:
    begun = time.thread_time()
    mask = np.ones((500, 500), np.uint8)
    found = positions_over_annotation(range(4), lambda _: mask, 32, 20_000, np.zeros((0, 3), np.int64), 0)
    assert len(np.unique(found, axis=0)) == 20_000
    assert time.thread_time() - begun < 10  # minutes, if each were compared with all others


def test_background_boxes_keep_half_a_box_from_the_feature_and_ignored_regions(scene: Scene) -> None:
    project = scene.project
    for z in (1, 6):
        project.apply(SetSliceMask(scene.tomogram, scene.feature, z, disc(150, 140, 60)))
    project.apply(SetSliceMask(scene.tomogram, scene.other, 6, np.ones(SHAPE[1:], bool)))
    project.apply(PaintStroke(scene.tomogram, IGNORE, 1, [(260, 20), (260, 260)], 12))
    found = project.apply(BackgroundBoxes(scene.tomogram, scene.feature, 60, seed=1))
    assert len(found.boxes) == 60
    assert {box.z for box in found.boxes} == {1, 6}
    assert all(box.negative for box in found.boxes)
    for box in found.boxes:
        taken = scene.mask(box.z) | project.ignore(scene.tomogram, box.z)
        rows, columns = np.nonzero(taken)
        assert np.hypot(rows - box.y, columns - box.x).min() >= 16
        assert 16 <= box.y <= 300 - 16
        assert 16 <= box.x <= 280 - 16
    assert any(scene.mask(box.z, scene.other)[box.y, box.x] for box in found.boxes), "other features may be shown"
    chosen = project.apply(BackgroundBoxes(scene.tomogram, scene.feature, 3, slices=[4]))
    assert {box.z for box in chosen.boxes} == {4}


def test_background_boxes_go_anywhere_if_nothing_is_annotated(scene: Scene) -> None:
    found = scene.project.apply(BackgroundBoxes(scene.tomogram, scene.feature, 30))
    assert len({box.z for box in found.boxes}) == SHAPE[0]


def test_background_boxes_say_when_there_is_no_room(scene: Scene) -> None:
    almost = np.ones(SHAPE[1:], bool)
    scene.project.apply(SetSliceMask(scene.tomogram, scene.feature, 0, almost))
    found = scene.project.apply(BackgroundBoxes(scene.tomogram, scene.feature, 4))
    assert (found.boxes, found.message) == ([], "There was room for 0 of 4 boxes in TS_1.")
    almost[100:133, 100:133] = False
    scene.project.apply(SetSliceMask(scene.tomogram, scene.feature, 0, almost))
    found = scene.project.apply(BackgroundBoxes(scene.tomogram, scene.feature, 50))
    rows, columns = np.nonzero(ndimage.distance_transform_edt(~almost) >= 16)
    assert {(box.y, box.x) for box in found.boxes} == set(zip(rows.tolist(), columns.tolist(), strict=True))
    scene.project.apply(SetSliceMask(scene.tomogram, scene.feature, 1, disc(0, 0, 3)))
    found = scene.project.apply(BackgroundBoxes(scene.tomogram, scene.feature, 50))
    assert len(found.boxes) == 50


def test_boxes_are_moved_and_removed_by_place(scene: Scene) -> None:
    project = scene.project
    first, _, third = project.apply(PlaceBoxes(scene.tomogram, scene.feature, [(1, 20, 20), (1, 90, 90), (5, 20, 20)]))
    project.apply(PlaceBoxes(scene.tomogram, scene.feature, [(1, 30, 30)], negative=True))
    moved = project.apply(MoveBox(first.id, (2, 30, 30)))
    assert project.boxes(scene.tomogram, scene.feature)[0] == moved
    assert project.undo_text() == "Move a box of membrane in TS_1"
    assert project.history()[-1].region.bounds == (14, 46, 14, 46)
    for wrong in ((1, 90, 90), (8, 0, 0), (0, -1, 0)):
        with pytest.raises(AisError):
            project.apply(MoveBox(first.id, wrong))
    with pytest.raises(AisError):
        project.apply(MoveBox(99, (1, 1, 1)))
    project.apply(MoveBox(first.id, (1, 30, 30)))  # one of the other kind is there
    assert project.apply(RemoveBoxesIn(scene.tomogram, scene.feature, (1, 25, 0), (1, 90, 90))) == 3
    assert project.undo_text() == "Remove 3 boxes of membrane in TS_1"
    assert project.boxes(scene.tomogram, scene.feature) == [third]
    assert project.apply(RemoveBoxesIn(scene.tomogram, scene.other)) == 0
    assert project.apply(RemoveBoxesIn(scene.tomogram, scene.feature)) == 1


def test_a_feature_is_cleared_in_one_tomogram(scene: Scene, tmp_path: Path) -> None:
    project, second = scene.project, scene.project.apply(AddTomogram(tmp_path / "TS_2.mrc", SHAPE)).id
    for tomogram in (scene.tomogram, second):
        for feature in (IGNORE, scene.feature, scene.other):
            project.apply(PaintStroke(tomogram, feature, 3, [(30, 30)], 5))
        for feature in (scene.feature, scene.other):
            project.apply(PlaceBoxes(tomogram, feature, [(3, 30, 30)]))
            project.apply(AddPicks(tomogram, feature, [(3, 30, 30)]))
    digest = project.content_digest()
    project.apply(ClearFeature(scene.tomogram, scene.feature))
    assert project.undo_text() == "Clear membrane in TS_1"
    assert project.annotation_marks()[scene.tomogram] == {IGNORE: 1, scene.other: 1}
    for counts in (project.box_counts(), project.pick_counts()):
        assert set(counts[scene.tomogram]) == {scene.other}
        assert set(counts[second]) == {scene.feature, scene.other}
    project.apply(ClearFeature(scene.tomogram, IGNORE))
    assert project.undo_text() == "Clear ignore regions in TS_1"
    assert project.annotation_marks()[scene.tomogram] == {scene.other: 1}
    project.undo()
    project.undo()
    assert project.content_digest() == digest


def test_several_features_change_in_one_step(scene: Scene) -> None:
    project = scene.project
    project.apply(ChangeFeatures([ChangeFeature(scene.feature, visible=False), ChangeFeature(scene.other, alpha=0.25)]))
    assert [feature.visible for feature in project.features()] == [False, True]
    assert project.undo_text() == "Change visible, alpha of membrane, ribosome"
    project.undo()
    assert [(feature.visible, feature.alpha) for feature in project.features()] == [(True, 0.5)] * 2
    project.apply(ChangeFeatures([ChangeFeature(scene.feature, name="wall")]))
    assert project.undo_text() == "Rename membrane to wall"
