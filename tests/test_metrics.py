"""Scores of segmentations and picks against closed forms and brute force."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy import ndimage
from scipy.spatial.distance import cdist

from ais.errors import AisError
from ais.metrics import evaluate_picks, evaluate_segmentation, match_picks
from ais.skeleton import skeleton

VOXEL_A = 10.0


def cube(start: int, side: int = 10, shape: tuple[int, int, int] = (30, 32, 60)) -> NDArray[np.uint8]:
    """A solid cube of 255 that starts at x = start, y = z = 8."""
    volume = np.zeros(shape, dtype=np.uint8)
    volume[8 : 8 + side, 8 : 8 + side, start : start + side] = 255
    return volume


def surface_by_brute_force(mask: NDArray[np.bool_]) -> NDArray[np.intp]:
    """Voxels with a background neighbour; outside of the volume is no background."""
    return np.argwhere(mask & ~ndimage.binary_erosion(mask, border_value=1))


def surface_distance_by_brute_force(
    first: NDArray[np.bool_], second: NDArray[np.bool_], sizes: tuple[float, ...]
) -> float:
    distances = cdist(surface_by_brute_force(first) * sizes, surface_by_brute_force(second) * sizes)
    nearest = np.concatenate([distances.min(axis=0), distances.min(axis=1)])
    return float(nearest.mean())


@pytest.mark.parametrize("shift", range(11))
def test_two_shifted_cubes(shift: int) -> None:
    scores = evaluate_segmentation(cube(10 + shift), cube(10), voxel_sizes=VOXEL_A)
    overlap = (10 - shift) / 10
    assert scores.dice == pytest.approx(overlap)
    assert scores.precision == pytest.approx(overlap)
    assert scores.recall == pytest.approx(overlap)
    assert scores.iou == pytest.approx((10 - shift) / (10 + shift))
    assert (scores.voxels, scores.voxels_predicted, scores.voxels_true) == (30 * 32 * 60, 1000, 1000)
    expected = surface_distance_by_brute_force(cube(10) > 0, cube(10 + shift) > 0, (VOXEL_A,) * 3)
    assert scores.surface_distance == pytest.approx(expected, rel=1e-5)


def test_concentric_balls_are_as_far_apart_as_their_radii() -> None:
    z, y, x = np.indices((50, 50, 50)) - 25
    radius = np.sqrt(x**2 + y**2 + z**2)
    scores = evaluate_segmentation(radius <= 20, radius <= 14, voxel_sizes=13.48)
    assert scores.surface_distance == pytest.approx(6 * 13.48, rel=0.05)
    assert scores.recall == 1
    assert scores.precision == pytest.approx((14 / 20) ** 3, rel=0.02)


def test_small_and_large_overlap() -> None:
    scores = evaluate_segmentation(cube(10, side=10), cube(10, side=5), voxel_sizes=VOXEL_A)
    assert scores.recall == 1
    assert scores.precision == pytest.approx(1 / 8)
    assert scores.iou == pytest.approx(1 / 8)
    assert scores.dice == pytest.approx(2 / 9)


@given(st.integers(0, 2**32 - 1), st.tuples(*[st.floats(1, 30)] * 3))
@settings(max_examples=25, deadline=None)
def test_random_volumes_equal_brute_force(seed: int, sizes: tuple[float, float, float]) -> None:
    rng = np.random.default_rng(seed)
    prediction = rng.integers(0, 256, (6, 8, 9)).astype(np.uint8)
    truth = rng.integers(0, 3, (6, 8, 9)).astype(np.uint8)
    scores = evaluate_segmentation(prediction, truth, threshold=100, voxel_sizes=sizes)
    pairs = [(p >= 100, t == 1) for p, t in zip(prediction.ravel(), truth.ravel(), strict=True) if t != 2]
    both = sum(p and t for p, t in pairs)
    either = sum(p or t for p, t in pairs)
    assert scores.voxels == len(pairs)
    assert scores.iou == pytest.approx(both / either)
    assert scores.dice == pytest.approx(2 * both / (sum(p for p, _ in pairs) + sum(t for _, t in pairs)))
    assert scores.precision == pytest.approx(both / sum(p for p, _ in pairs))
    assert scores.recall == pytest.approx(both / sum(t for _, t in pairs))
    assert scores.dice == pytest.approx(2 * scores.iou / (1 + scores.iou))


@given(st.integers(0, 2**32 - 1), st.tuples(*[st.floats(1, 30)] * 3))
@settings(max_examples=20, deadline=None)
def test_surface_distance_equals_brute_force(seed: int, sizes: tuple[float, float, float]) -> None:
    rng = np.random.default_rng(seed)
    first, second = (ndimage.gaussian_filter(rng.normal(size=(9, 14, 15)), 1.5) > 0.03 for _ in range(2))
    scores = evaluate_segmentation(first, second, voxel_sizes=sizes)
    assert scores.surface_distance == pytest.approx(surface_distance_by_brute_force(first, second, sizes), rel=1e-4)
    other_way = evaluate_segmentation(second, first, voxel_sizes=sizes)
    assert scores.surface_distance == pytest.approx(other_way.surface_distance)
    assert scores.cldice == pytest.approx(other_way.cldice)
    same = evaluate_segmentation(first, first, voxel_sizes=sizes)
    assert (same.dice, same.iou, same.cldice, same.surface_distance) == (1, 1, 1, 0)


def tube(radius: float, z: float = 12.0, length: int = 60) -> NDArray[np.bool_]:
    """A tube along x in the middle of a volume of 25 x 25 x 60."""
    rows = np.hypot(np.arange(25)[:, None] - z, np.arange(25)[None, :] - 12) <= radius
    volume = np.zeros((25, 25, 60), dtype=bool)
    volume[:, :, :length] = rows[:, :, None]
    return volume


def test_cldice_is_about_lines_not_thickness() -> None:
    """A thin and a thick tube on one axis agree in their lines, however little they overlap in volume."""
    scores = evaluate_segmentation(tube(6), tube(2), voxel_sizes=VOXEL_A)
    assert scores.dice == pytest.approx(2 * tube(2).sum() / (tube(2).sum() + tube(6).sum()))
    assert scores.dice < 0.3
    assert scores.cldice == pytest.approx(1.0)


def test_cldice_of_half_a_tube() -> None:
    """Line precision 1, line recall a half: 2 / 3."""
    assert evaluate_segmentation(tube(3, length=30), tube(3)).cldice == pytest.approx(2 / 3, abs=0.04)


def test_cldice_of_lines_apart_is_zero() -> None:
    assert evaluate_segmentation(tube(2, z=5), tube(2, z=19)).cldice == 0


@pytest.mark.parametrize("side", range(1, 9))
def test_no_bar_is_too_even_for_a_line(side: int) -> None:
    """Bars of every width, in a volume and in a slice, keep a line through their middle."""
    for width in range(1, 9):
        bar = np.zeros((12, 12, 50), dtype=bool)
        bar[2 : 2 + side, 2 : 2 + width, 5:45] = True
        line = skeleton(bar)
        assert not (line & ~bar).any()
        assert ndimage.label(line, structure=np.ones((3, 3, 3)))[1] == 1
        reach = np.argwhere(line)[:, 2]
        assert reach.max() - reach.min() >= 40 - 2 * max(side, width)
        assert evaluate_segmentation(bar, bar).cldice == 1
        flat = skeleton(bar, per_slice=True)
        assert ((flat.any(axis=(1, 2))) == bar.any(axis=(1, 2))).all()


def test_every_part_keeps_a_line() -> None:
    rng = np.random.default_rng(0)
    blobs = ndimage.gaussian_filter(rng.normal(size=(30, 40, 40)), 1) > 0.22
    structure = np.ones((3, 3, 3))
    parts, count = ndimage.label(blobs, structure=structure)
    line = skeleton(blobs)
    assert count > 100
    assert set(np.unique(parts[line])) == set(range(1, count + 1))
    assert line.sum() < 0.6 * blobs.sum()


def test_cldice_in_slices() -> None:
    """Two flat rings of different width in each slice: the lines agree in the slices."""
    y, x = np.indices((60, 60)) - 30
    radius = np.hypot(y, x)
    wide, narrow = np.abs(radius - 20) <= 4, np.abs(radius - 20) <= 1.5
    prediction, truth = np.repeat(wide[None], 3, axis=0), np.repeat(narrow[None], 3, axis=0)
    assert evaluate_segmentation(prediction, truth, per_slice=True).cldice == pytest.approx(1.0, abs=0.02)
    assert evaluate_segmentation(prediction, truth, slices=[1]).cldice == pytest.approx(1.0, abs=0.02)


def test_only_the_chosen_slices_count() -> None:
    rng = np.random.default_rng(1)
    prediction = rng.integers(0, 256, (9, 20, 21)).astype(np.uint8)
    truth = rng.integers(0, 3, (9, 20, 21)).astype(np.uint8)
    chosen = [6, 2, 2, 3]
    some = evaluate_segmentation(prediction, truth, slices=chosen, voxel_sizes=VOXEL_A)
    alone = evaluate_segmentation(prediction[[2, 3, 6]], truth[[2, 3, 6]], per_slice=True, voxel_sizes=VOXEL_A)
    assert some == alone
    elsewhere = prediction.copy()
    elsewhere[[0, 1, 4, 5, 7, 8]] = 255
    assert evaluate_segmentation(elsewhere, truth, slices=chosen, voxel_sizes=VOXEL_A) == some


def test_surface_distance_in_slices() -> None:
    """Squares shifted by two pixels in one slice, equal in another, missing in the third: the mean of the first two."""
    prediction, truth = (np.zeros((3, 40, 40), dtype=bool) for _ in range(2))
    truth[:, 10:20, 10:20] = True
    prediction[0, 10:20, 12:22] = True
    prediction[1, 10:20, 10:20] = True
    scores = evaluate_segmentation(prediction, truth, per_slice=True, voxel_sizes=(50.0, 10.0, 10.0))
    shifted = surface_distance_by_brute_force(prediction[0], truth[0], (10.0, 10.0))
    assert scores.surface_distance == pytest.approx(shifted / 2)


def test_what_is_not_known_is_left_out() -> None:
    truth = (cube(10) > 0).astype(np.uint8)
    truth[:, :, 15:] = 2
    prediction = cube(10)
    prediction[:, :, 40:] = 255
    scores = evaluate_segmentation(prediction, truth, voxel_sizes=VOXEL_A)
    assert (scores.dice, scores.precision, scores.recall) == (1, 1, 1)
    assert (scores.cldice, scores.surface_distance) == (1, 0)
    assert scores.voxels == 30 * 32 * 15
    assert "2 as not known" in scores.notes[1]


@pytest.mark.parametrize("dtype", [np.uint8, np.int16, np.uint16, np.float32, np.int8])
def test_a_label_of_several(dtype: Any) -> None:
    truth = np.zeros((30, 32, 60), dtype=dtype)
    for label in (1, 2, 3, 9):
        truth[cube(5 + 5 * label, side=5) > 0] = label
    for label in (1, 2, 9):
        scores = evaluate_segmentation(cube(5 + 5 * label, side=5), truth, label=label)
        assert scores.dice == 1
        assert scores.voxels == truth.size
    absent = evaluate_segmentation(cube(10), truth, label=7)
    assert "does not occur" in absent.notes[1]
    if np.dtype(dtype).kind != "f":
        with pytest.raises(AisError, match="labels up to 9"):
            evaluate_segmentation(cube(10), truth)


@pytest.mark.parametrize(
    ("dtype", "full", "marked"),
    [
        (np.uint8, 255, False),
        (np.uint8, 1, True),
        (np.int8, 127, False),
        (np.int8, 1, True),
        (np.float32, 1, True),
        (np.float32, 0.9, False),
        (np.float32, 255, False),
        (bool, True, False),
        (np.uint16, 255, False),
    ],
)
def test_masks_of_any_scale_are_a_truth(dtype: Any, full: float, marked: bool) -> None:
    truth = np.where(cube(10) > 0, full, 0).astype(dtype)
    scores = evaluate_segmentation(cube(12), truth)
    assert scores.dice == pytest.approx(0.8)
    assert ("1 was taken as true" in scores.notes[1]) is marked


def test_the_prediction_is_on_the_scale_of_its_type() -> None:
    soft = (cube(10) // 255 * 130).astype(np.uint8)
    for prediction in (soft, soft.astype(np.float32) / 255, np.rint(soft * (127 / 255)).astype(np.int8)):
        assert evaluate_segmentation(prediction, cube(10)).dice == 1
        assert evaluate_segmentation(prediction, cube(10), threshold=150).dice == 0
    marks = evaluate_segmentation(cube(10) // 255, cube(10))
    assert marks.dice == 0
    assert "a mask of 0 and 1 needs a threshold of 1" in marks.notes[0]
    assert evaluate_segmentation(cube(10) // 255, cube(10), threshold=1).dice == 1


def test_what_is_not_defined_is_none() -> None:
    nothing, something = np.zeros_like(cube(10)), cube(10)
    neither = evaluate_segmentation(nothing, nothing, voxel_sizes=VOXEL_A)
    scores = (neither.dice, neither.iou, neither.precision, neither.recall, neither.cldice, neither.surface_distance)
    assert scores == (None,) * 6
    missed = evaluate_segmentation(nothing, something, voxel_sizes=VOXEL_A)
    assert (missed.dice, missed.iou, missed.recall, missed.cldice) == (0, 0, 0, 0)
    assert (missed.precision, missed.surface_distance) == (None, None)
    false = evaluate_segmentation(something, nothing, voxel_sizes=VOXEL_A)
    assert (false.dice, false.precision, false.recall, false.surface_distance) == (0, 0, None, None)
    unscaled = evaluate_segmentation(something, something)
    assert unscaled.surface_distance is None
    assert "voxel size is not known" in unscaled.notes[-1]
    for result in (neither, missed, false, unscaled):
        written = json.dumps(result.as_dict(), allow_nan=False)
        assert json.loads(written)["dice"] == result.dice


def test_wrong_segmentations_are_refused() -> None:
    volume = cube(10)
    with pytest.raises(AisError, match=r"\(30, 32, 60\) and the truth \(30, 32, 59\)"):
        evaluate_segmentation(volume, volume[:, :, 1:])
    with pytest.raises(AisError, match="three axes"):
        evaluate_segmentation(volume[0], volume[0])
    for threshold in (-1.0, 256.0, math.nan):
        with pytest.raises(AisError, match="threshold"):
            evaluate_segmentation(volume, volume, threshold=threshold)
    for slices, message in (([], "No slices"), ([30], "no slice 30"), ([-1], "no slice -1")):
        with pytest.raises(AisError, match=message):
            evaluate_segmentation(volume, volume, slices=slices)
    broken = volume.astype(np.float32)
    broken[0, 0, 0] = np.nan
    for pair in ((broken, volume), (volume, broken)):
        with pytest.raises(AisError, match="not finite"):
            evaluate_segmentation(*pair)
    with pytest.raises(AisError, match="voxel size"):
        evaluate_segmentation(volume, volume, voxel_sizes=-1.0)


def test_two_files(tmp_path: Path, test_data: Path) -> None:
    """Tomograms on disk, voxel size from the header: the true microtubule against itself one voxel to the side."""
    from ais.formats.registry import write_volume
    from ais.tomogram import Tomogram

    with Tomogram.open(test_data / "cell_sim_small" / "labels.mrc") as labels:
        membrane = labels.slab(0, labels.shape[0]) == 1
        moved = np.roll(membrane, 1, axis=2).astype(np.uint8) * 255
        write_volume(tmp_path / "moved.mrc", moved, voxel_sizes=labels.require_voxel_size())
        with Tomogram.open(tmp_path / "moved.mrc") as prediction:
            scores = evaluate_segmentation(prediction, labels, label=1)
    assert scores.dice == pytest.approx(2 * (membrane & (moved > 0)).sum() / (membrane.sum() + (moved > 0).sum()))
    assert scores.surface_distance is not None
    assert 0 < scores.surface_distance < 10.0


def greedy_by_brute_force(first: NDArray[np.float64], second: NDArray[np.float64], radius: float) -> int:
    distances = cdist(first, second)
    matched = 0
    while distances.size and distances.min() <= radius:
        i, j = np.unravel_index(distances.argmin(), distances.shape)
        distances[i, :] = np.inf
        distances[:, j] = np.inf
        matched += 1
    return matched


@given(st.integers(0, 2**32 - 1), st.integers(0, 30), st.integers(0, 30), st.floats(5, 400))
@settings(max_examples=40, deadline=None)
def test_matching_equals_brute_force(seed: int, n_picks: int, n_true: int, radius: float) -> None:
    rng = np.random.default_rng(seed)
    picks, truth = rng.uniform(0, 50, (n_picks, 3)), rng.uniform(0, 50, (n_true, 3))
    sizes = (20.0, 10.0, 5.0)
    scores = evaluate_picks(picks, truth, radius, sizes)
    assert scores.n_matched == greedy_by_brute_force(picks * sizes[::-1], truth * sizes[::-1], radius)
    assert (scores.n_predicted, scores.n_true) == (n_picks, n_true)
    if n_picks and n_true:
        precision, recall = scores.n_matched / n_picks, scores.n_matched / n_true
        assert scores.precision == pytest.approx(precision)
        assert scores.recall == pytest.approx(recall)
        for beta, value in ((1, scores.f1), (4, scores.f4)):
            weighted = beta**2 * precision + recall
            assert value == pytest.approx((1 + beta**2) * precision * recall / weighted if weighted else 0)


def test_one_true_position_is_matched_once() -> None:
    scores = evaluate_picks([[1, 1, 1], [2, 1, 1], [9, 9, 9]], [[1.6, 1, 1]], 100.0, 10.0)
    assert scores.n_matched == 1
    assert scores.mean_distance == pytest.approx(4.0)
    assert (scores.precision, scores.recall, scores.f1) == (pytest.approx(1 / 3), 1, pytest.approx(0.5))
    assert scores.f4 == pytest.approx(17 / 19)


def test_the_radius_counts_itself_and_zero_is_a_distance() -> None:
    assert evaluate_picks([[1, 1, 1]], [[4, 5, 1]], 50.0, 10.0).n_matched == 1
    assert evaluate_picks([[1, 1, 1]], [[4, 5, 1]], 49.9, 10.0).n_matched == 0
    same = evaluate_picks([[1, 1, 1], [5, 5, 5]], [[5, 5, 5], [1, 1, 1]], 1.0, 10.0)
    assert (same.n_matched, same.mean_distance, same.f1, same.f4) == (2, 0, 1, 1)


def test_no_picks_or_no_truth() -> None:
    for predicted, true, expected in (
        ([], [], (None, None, None, None)),
        ([], [[1, 2, 3]], (None, 0, 0, 0)),
        ([[1, 2, 3]], [], (0, None, 0, 0)),
    ):
        scores = evaluate_picks(predicted, true, 10.0, 10.0)
        assert (scores.precision, scores.recall, scores.f1, scores.f4) == expected
        json.dumps(scores.as_dict(), allow_nan=False)


def test_wrong_picks_are_refused() -> None:
    good = [[1.0, 2.0, 3.0]]
    for radius in (0.0, -1.0, math.nan, math.inf):
        with pytest.raises(AisError, match="radius"):
            evaluate_picks(good, good, radius, 10.0)
    for size in (0.0, math.nan, (10.0, 0.0, 10.0)):
        with pytest.raises(AisError, match="voxel size"):
            evaluate_picks(good, good, 10.0, size)
    with pytest.raises(AisError, match="not finite"):
        evaluate_picks([[1.0, math.nan, 3.0]], good, 10.0, 10.0)
    with pytest.raises(AisError, match="rows of x, y and z"):
        evaluate_picks([[1.0, 2.0]], good, 10.0, 10.0)


def test_matching_is_one_to_one_and_takes_the_closest_first() -> None:
    random = np.random.default_rng(0)
    picks, truth = random.uniform(0, 20, (40, 3)), random.uniform(0, 20, (30, 3))
    matches = match_picks(picks, truth, 40.0, 10.0)
    pairs = sorted((float(np.linalg.norm(p - t)), i, j) for i, p in enumerate(picks) for j, t in enumerate(truth))
    taken_picks: set[int] = set()
    taken_truth: set[int] = set()
    for distance, i, j in pairs:
        if distance <= 4.0 and i not in taken_picks and j not in taken_truth:
            taken_picks.add(i)
            taken_truth.add(j)
    assert set(np.flatnonzero(matches.correct)) == taken_picks
    assert set(np.flatnonzero(matches.found)) == taken_truth
    assert not match_picks(np.empty((0, 3)), truth, 40.0, 10.0).found.any()
