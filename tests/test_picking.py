"""Particles found in volumes whose particles are known."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy import ndimage
from scipy.spatial import KDTree

import ais.divided_blobs
import ais.prediction
from ais.errors import AisError, Cancelled
from ais.picking import Picks, find_particles, pick_particles, select
from ais.progress import Progress
from ais.separation import separate

Point = Sequence[float]


def balls(
    shape: tuple[int, int, int], centres: Sequence[Point], radius: float | Sequence[float], value: int = 255
) -> NDArray[np.uint8]:
    """Solid balls; centres are x, y, z in voxels."""
    volume = np.zeros(shape, dtype=np.uint8)
    z, y, x = np.indices(shape, sparse=True)
    radii = [radius] * len(centres) if isinstance(radius, int | float) else radius
    for (cx, cy, cz), r in zip(centres, radii, strict=True):
        volume[(x - cx) ** 2 + (y - cy) ** 2 + (z - cz) ** 2 <= r * r] = value
    return volume


def by_position(picks: Picks) -> NDArray[np.float64]:
    return picks.positions[np.lexsort(picks.positions.T)]


def assert_found(picks: Picks, centres: Sequence[Point], tolerance: float = 0.1) -> None:
    assert len(picks) == len(centres)
    distance, which = KDTree(picks.positions).query(np.asarray(centres, dtype=float))
    assert sorted(which) == list(range(len(centres)))
    assert distance.max() < tolerance


@pytest.mark.parametrize("radius", [1, 1.5, 2, 3, 4.5, 5, 8, 8.5, 13])
def test_one_ball_is_one_pick(radius: float) -> None:
    """Also balls of even diameter, whose distance has a plateau of eight voxels in the middle."""
    for centre in ((20.0, 21.0, 19.0), (20.5, 20.5, 20.5), (20.5, 21.0, 19.0)):
        assert_found(pick_particles(balls((40, 41, 42), [centre], radius)), [centre])


def test_balls_at_every_face_and_corner() -> None:
    ends = [(6.0, length - 7.0) for length in (45, 43, 41)]
    corners = [(x, y, z) for x in ends[0] for y in ends[1] for z in ends[2]]
    middles = [(6.0, 21.0, 20.0), (22.0, 6.0, 20.0), (22.0, 21.0, 6.0), (38.0, 21.0, 20.0)]
    volume = balls((41, 43, 45), corners + middles, 6)
    assert all(np.take(volume, (0, -1), axis=axis).any() for axis in range(3))
    assert_found(pick_particles(volume), corners + middles)


def test_a_ball_cut_by_a_face_is_one_pick_at_the_centroid_of_its_part() -> None:
    for depth in (-4.0, 0.0, 3.0):
        volume = balls((30, 40, 40), [(20.0, 20.0, depth)], 9)
        picks = pick_particles(volume)
        assert len(picks) == 1
        expected = np.array(ndimage.center_of_mass(volume))[::-1]
        np.testing.assert_allclose(picks.positions[0], expected, atol=1e-9)


@pytest.mark.parametrize("radius", [3, 4, 6, 8.5, 12])
@pytest.mark.parametrize("direction", [(1, 0, 0), (0, 1, 1), (1, 2, 3)])
def test_touching_balls_are_two_picks(radius: float, direction: Point) -> None:
    step = np.array(direction) / np.linalg.norm(direction) * radius
    middle = np.array([36.0, 36.0, 36.0])
    centres = [middle - step, middle + step]
    volume = balls((72, 72, 72), centres, radius + 0.3)
    assert ndimage.label(volume)[1] == 1
    assert_found(pick_particles(volume), centres, tolerance=0.35)


def test_overlapping_balls_cut_by_a_face_are_two_picks() -> None:
    volume = balls((30, 30, 60), [(20.0, 15.0, 1.0), (33.0, 15.0, 1.0)], 8)
    picks = by_position(pick_particles(volume))
    assert len(picks) == 2
    np.testing.assert_allclose(picks[:, 1], 15, atol=0.1)
    np.testing.assert_allclose(picks[0, 0] + picks[1, 0], 53, atol=0.6)


def test_a_cluster_of_balls() -> None:
    centres = [(x, y, z) for x in (10.0, 25.0, 40.0) for y in (10.0, 25.0) for z in (10.0, 25.0, 40.0)]
    volume = balls((50, 36, 50), centres, 8)
    assert ndimage.label(volume)[1] == 1
    assert_found(pick_particles(volume), centres, tolerance=0.2)


def test_a_small_ball_on_a_large_one() -> None:
    volume = balls((60, 60, 60), [(25.0, 30.0, 30.0), (41.5, 30.0, 30.0)], [12, 5])
    assert_found(pick_particles(volume), [(25.0, 30.0, 30.0), (41.5, 30.0, 30.0)], tolerance=0.5)


@pytest.mark.parametrize("radius", [5, 8, 12, 18])
@pytest.mark.parametrize(("blur", "amplitude"), [(0.0, 1.0), (1.0, 1.0), (2.0, 1.0)])
def test_a_rough_blob_is_one_pick(radius: int, blur: float, amplitude: float) -> None:
    side = 2 * radius + 13
    z, y, x = np.indices((side, side, side)) - side // 2
    distance = np.sqrt(x**2 + y**2 + z**2) - radius
    rng = np.random.default_rng(radius)
    for _ in range(4):
        noise = ndimage.gaussian_filter(rng.normal(size=distance.shape), blur)
        labels, _ = ndimage.label(distance + noise * amplitude / noise.std() <= 0)
        rough = labels == np.bincount(labels[labels > 0]).argmax()
        picks = pick_particles(rough)
        assert len(picks) == 1
        np.testing.assert_allclose(picks.positions[0], ndimage.center_of_mass(rough)[::-1])


def test_long_shapes_are_one_pick() -> None:
    z, y, x = np.indices((70, 70, 70)) - 35
    rng = np.random.default_rng(0)
    for length in (6, 14, 22):
        for _ in range(6):
            axis = rng.normal(size=3)
            axis /= np.linalg.norm(axis)
            along = x * axis[0] + y * axis[1] + z * axis[2]
            across = np.sqrt(np.maximum(x**2 + y**2 + z**2 - along**2, 0))
            rod = np.hypot(np.maximum(np.abs(along) - length, 0), across) <= 7
            assert len(pick_particles(rod)) == 1


def test_anisotropic_voxels() -> None:
    """In the plane 10 A, along z 20 A: balls of 80 A radius, two of them touching along z."""
    z, y, x = np.indices((30, 60, 60), sparse=True)
    volume = np.zeros((30, 60, 60), dtype=np.uint8)
    centres = [(15.0, 15.0, 8.0), (15.0, 15.0, 16.0), (40.0, 40.0, 15.0)]
    for cx, cy, cz in centres:
        volume[(10 * (x - cx)) ** 2 + (10 * (y - cy)) ** 2 + (20 * (z - cz)) ** 2 <= 82**2] = 255
    picks = pick_particles(volume, voxel_sizes=(20.0, 10.0, 10.0))
    assert_found(picks, centres, tolerance=0.15)
    np.testing.assert_allclose(picks.volume, 4 / 3 * np.pi * 82**3, rtol=0.05)
    distances = KDTree(picks.positions * (10, 10, 20)).query(picks.positions * (10, 10, 20), k=2)[0][:, 1]
    closest = distances.min()
    assert len(pick_particles(volume, voxel_sizes=(20.0, 10.0, 10.0), spacing=closest - 1)) == 3
    assert len(pick_particles(volume, voxel_sizes=(20.0, 10.0, 10.0), spacing=closest + 1)) == 2


def test_weight_volume_and_centroid_equal_brute_force() -> None:
    """Separate blobs of random values, against scipy's labels."""
    rng = np.random.default_rng(3)
    inside = balls((40, 50, 60), [(10.0, 10.0, 10.0), (30.0, 30.0, 20.0), (50.0, 15.0, 30.0)], [4, 6, 5]) > 0
    volume = np.where(inside, rng.integers(128, 256, inside.shape), rng.integers(0, 128, inside.shape)).astype(np.uint8)
    picks = pick_particles(volume, voxel_sizes=2.0)
    labels, count = ndimage.label(volume >= 128)
    numbers = range(1, count + 1)
    masked = np.where(volume >= 128, volume, 0).astype(float)
    weight = ndimage.sum_labels(masked, labels, numbers)
    order = np.argsort(-weight)
    np.testing.assert_allclose(picks.weight, weight[order])
    np.testing.assert_allclose(picks.volume, 8.0 * ndimage.sum_labels(volume >= 128, labels, numbers)[order])
    centroids = np.array(ndimage.center_of_mass(masked, labels, numbers))[order, ::-1]
    np.testing.assert_allclose(picks.positions, centroids, atol=1e-9)
    assert picks.id.tolist() == [1, 2, 3]
    assert picks.shape == (40, 50, 60)
    assert picks.voxel_sizes == (2.0, 2.0, 2.0)


SIZES = [(12.0, 12.0, 12.0), (40.0, 40.0, 25.0), (60.0, 15.0, 30.0)]


def three_sizes() -> NDArray[np.uint8]:
    return balls((45, 60, 75), SIZES, [4, 8, 6], value=200)


def test_minimum_volume_and_count() -> None:
    volume = three_sizes()
    picks = pick_particles(volume, voxel_sizes=10.0)
    assert_found(picks, SIZES)
    assert np.argmax(picks.weight) == 0
    assert (np.diff(picks.weight) < 0).all()
    smallest = float(picks.volume.min())
    assert len(pick_particles(volume, voxel_sizes=10.0, min_volume=smallest)) == 3
    assert len(pick_particles(volume, voxel_sizes=10.0, min_volume=smallest + 1)) == 2
    largest = pick_particles(volume, max_count=1)
    np.testing.assert_allclose(largest.positions, [SIZES[1]], atol=0.1)
    assert len(pick_particles(volume, max_count=0)) == 0
    assert len(pick_particles(volume, voxel_sizes=10.0, min_volume=1e9)) == 0


def test_minimum_volume_holds_for_divided_particles() -> None:
    volume = balls((40, 40, 60), [(18.0, 20.0, 20.0), (34.5, 20.0, 20.0)], [11, 6])
    assert len(pick_particles(volume, voxel_sizes=1.0)) == 2
    assert len(pick_particles(volume, voxel_sizes=1.0, min_volume=1500.0)) == 1


def test_spacing_keeps_the_heaviest() -> None:
    """A chain of four 20 voxels apart, weights falling: with 25 voxels the first and the third stay."""
    centres = [(10.0 + 20 * i, 10.0, 10.0) for i in range(4)]
    volume = balls((21, 21, 81), centres, [8, 7, 6, 5])
    assert_found(pick_particles(volume, voxel_sizes=5.0, spacing=99.0), centres)
    assert_found(pick_particles(volume, voxel_sizes=5.0, spacing=125.0), [centres[0], centres[2]])


def test_margin_counts_from_the_outer_faces() -> None:
    volume = balls((41, 41, 81), [(10.0, 20.0, 20.0), (40.0, 20.0, 20.0)], 6)
    assert len(pick_particles(volume, voxel_sizes=10.0, margin=105.0)) == 2
    assert_found(pick_particles(volume, voxel_sizes=10.0, margin=106.0), [(40.0, 20.0, 20.0)])
    assert len(pick_particles(volume, voxel_sizes=10.0, margin=206.0)) == 0


@pytest.mark.parametrize(
    ("dtype", "factor", "said"),
    [
        (np.uint8, 1.0, "0 to 255"),
        (np.uint16, 1.0, "0 to 255"),
        (np.int16, 1.0, "0 to 255"),
        (np.int8, 127 / 255, "0 to 127"),
        (np.float32, 1 / 255, "0 to 1"),
        (np.float16, 1 / 255, "0 to 1"),
        (np.float32, 1.0, "0 to 255, since they reach"),
    ],
)
def test_scales(dtype: Any, factor: float, said: str) -> None:
    high = balls((30, 30, 60), [(15.0, 15.0, 15.0)], 8, 250)
    low = balls((30, 30, 60), [(45.0, 15.0, 15.0)], 8, 100)
    scaled = (high.astype(float) + low) * factor
    stored = np.rint(scaled).astype(dtype) if np.dtype(dtype).kind != "f" else scaled.astype(dtype)
    picks = pick_particles(stored)
    assert_found(picks, [(15.0, 15.0, 15.0)])
    np.testing.assert_allclose(picks.weight, high.sum(dtype=float), rtol=0.01)
    assert said in picks.scale_note
    assert len(pick_particles(stored, threshold=90.0)) == 2
    assert len(pick_particles(stored, threshold=0.0)) == 2


@pytest.mark.parametrize("dtype", [np.uint8, np.int8, np.float32])
def test_the_threshold_counts_itself(dtype: Any) -> None:
    """255 values in a row, isolated by a checkerboard of planes: as many picks as values at or above the threshold."""
    values = np.arange(256)
    stored = values if dtype == np.uint8 else values / 255 * (127 if dtype == np.int8 else 1)
    volume = np.zeros((1, 1, 512), dtype=dtype)
    volume[0, 0, ::2] = np.rint(stored) if dtype == np.int8 else stored
    for threshold in (1.0, 77.0, 128.0, 255.0):
        reached = (np.rint(stored) * 255 / 127 >= threshold).sum() if dtype == np.int8 else 256 - int(threshold)
        assert len(pick_particles(volume, threshold=threshold)) == reached


def test_masks_of_true_and_false() -> None:
    assert_found(pick_particles(balls((30, 30, 30), [(15.0, 14.0, 13.0)], 6) > 0), [(15.0, 14.0, 13.0)])


def test_nothing_to_pick() -> None:
    for volume in (np.zeros((5, 6, 7), np.uint8), np.zeros((5, 6, 7), np.float32), np.zeros((5, 6, 7), bool)):
        picks = pick_particles(volume, voxel_sizes=10.0, spacing=10.0, margin=10.0, min_volume=10.0)
        assert len(picks) == 0
        assert picks.positions.shape == (0, 3)
    ones = pick_particles(np.ones((4, 4, 4), np.uint8))
    assert "the highest is 1 (a mask of 0 and 1 needs a threshold of 1)" in ones.scale_note


def test_a_volume_full_of_foreground_is_one_pick() -> None:
    picks = pick_particles(np.full((12, 14, 16), 255, np.uint8))
    np.testing.assert_allclose(picks.positions, [[7.5, 6.5, 5.5]])


def test_many_specks_stay_whole() -> None:
    volume = np.zeros((30, 30, 30), dtype=np.uint8)
    volume[::3, ::3, ::3] = 255
    assert len(pick_particles(volume)) == 1000


class SlabsOnly:
    """Stands for a tomogram on disk: shape, type, voxel size and `raw`, nothing else."""

    def __init__(self, values: NDArray[Any], voxel_size: float = 10.0) -> None:
        self.values, self.shape, self.dtype = values, values.shape, values.dtype
        self.voxel_sizes, self.path, self.most = (voxel_size,) * 3, Path("TS_001.mrc"), 0

    def raw(self, z0: int, z1: int) -> NDArray[Any]:
        self.most = max(self.most, z1 - z0)
        assert 0 <= z0 < z1 <= self.shape[0]
        return self.values[z0:z1]


@pytest.mark.parametrize("dtype", [np.uint8, np.float32])
def test_a_tomogram_is_read_in_slabs(dtype: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ais.prediction, "SLAB_VOXELS", 7 * 60 * 75)
    values = (three_sizes() / (1 if dtype == np.uint8 else 255)).astype(dtype)
    source: Any = SlabsOnly(values)
    picks, whole = pick_particles(source), pick_particles(values, voxel_sizes=10.0)
    np.testing.assert_array_equal(picks.positions, whole.positions)
    np.testing.assert_array_equal(picks.weight, whole.weight)
    np.testing.assert_array_equal(picks.volume, whole.volume)
    assert source.most == 7


@given(st.integers(0, 2**32 - 1), st.tuples(*[st.integers(0, 3)] * 3))
@settings(max_examples=15, deadline=None)
def test_laws(seed: int, shift: tuple[int, int, int]) -> None:
    """Moving the blobs moves the picks and no voxel of the foreground is lost."""
    rng = np.random.default_rng(seed)
    noise = ndimage.gaussian_filter(rng.normal(size=(20, 22, 24)), 1.5)
    blobs = np.clip(128 + 90 * noise / noise.std(), 0, 255).astype(np.uint8)
    blobs[blobs < 200] = 0
    inner = np.pad(blobs, 1)
    moved = np.pad(inner, [(extra, 3 - extra) for extra in shift])
    picks, moved_picks = (pick_particles(volume, threshold=200) for volume in (inner, moved))
    assert len(picks) >= ndimage.label(inner)[1]
    np.testing.assert_allclose(picks.weight.sum(), inner.sum(dtype=float))
    np.testing.assert_allclose(picks.positions + shift[::-1], moved_picks.positions, atol=1e-9)


def test_wrong_volumes_are_refused() -> None:
    volume = three_sizes().astype(np.float32)
    for value in (np.nan, np.inf, -np.inf):
        broken = volume.copy()
        broken[3, 4, 5] = value
        with pytest.raises(AisError, match="not finite"):
            pick_particles(broken)
    with pytest.raises(AisError, match="three axes"):
        pick_particles(volume[0])
    with pytest.raises(AisError, match="three axes"):
        pick_particles(volume[:0])
    with pytest.raises(AisError, match="complex64"):
        pick_particles(volume.astype(np.complex64))
    with pytest.raises(AisError, match=r"TS_001\.mrc has no voxel size"):
        pick_particles(SlabsOnly(three_sizes(), 0.0), spacing=100.0)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "wrong",
    [
        {"threshold": -1.0},
        {"threshold": 256.0},
        {"threshold": float("nan")},
        {"min_volume": -1.0},
        {"spacing": float("inf")},
        {"margin": float("nan")},
        {"max_count": -1},
        {"voxel_sizes": -10.0},
        {"voxel_sizes": (10.0, float("nan"), 10.0)},
    ],
)
def test_wrong_options_are_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(AisError):
        pick_particles(three_sizes(), **{"voxel_sizes": 10.0, **wrong})


def test_picking_can_be_cancelled() -> None:
    class Stop(Progress):
        def report(self, done: float, total: float, text: str = "") -> None:
            assert 0 <= done <= total
            if text == "separating particles":
                raise Cancelled

    with pytest.raises(Cancelled):
        pick_particles(three_sizes(), progress=Stop())


def test_separation_fills_the_blob() -> None:
    """What `separate` returns covers the blob, pinholes left out, with as many particles as there are balls."""
    blob = (balls((40, 40, 60), [(18.0, 20.0, 20.0), (36.0, 20.0, 20.0)], 10) > 0).astype(np.uint8)
    blob[20, 20, 15] = 0
    particles = separate(blob)
    assert particles is not None
    np.testing.assert_array_equal(particles > 0, blob > 0)
    assert set(np.unique(particles)) == {0, 1, 2}


@pytest.mark.parametrize(("label", "count"), [("4", 9), ("6", 12), ("7", 53), ("8", 54)])
def test_simulated_cell(test_data: Path, label: str, count: int) -> None:
    """Every particle of the simulation is found once in a blurred, noisy copy of its mask."""
    from ais.tomogram import Tomogram

    folder = test_data / "cell_sim"
    with (folder / "particles.csv").open() as file:
        truth = [[float(row[f"{axis}_vox"]) for axis in "xyz"] for row in csv.DictReader(file) if row["label"] == label]
    with Tomogram.open(folder / "labels.mrc") as labels:
        mask = labels.slab(0, labels.shape[0]) == int(label)
    soft = ndimage.gaussian_filter(mask.astype(np.float32), 1)
    soft += np.random.default_rng(0).normal(0, 0.1, soft.shape).astype(np.float32)
    picks = pick_particles(np.clip(soft, 0, 1), voxel_sizes=10.0, min_volume=1e5)
    assert len(truth) == count
    assert_found(picks, truth, tolerance=5.0)


def test_blobs_divided_in_threads_or_one_after_the_other_give_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(5)
    centres = [(x, y, z) for x, y, z in rng.uniform(12, 84, (40, 3))]
    volume = balls((96, 96, 96), centres, 9)
    together = pick_particles(volume, voxel_sizes=10.0, spacing=60.0)
    assert len(together) > 20
    monkeypatch.setattr(ais.divided_blobs, "SMALL_BOX_VOXELS", 0)
    alone = pick_particles(volume, voxel_sizes=10.0, spacing=60.0)
    for name in ("positions", "weight", "volume", "id"):
        np.testing.assert_array_equal(getattr(together, name), getattr(alone, name))


@given(
    st.integers(0, 2**32 - 1),
    st.floats(0, 3e5),
    st.floats(0, 200),
    st.floats(0, 80),
    st.one_of(st.none(), st.integers(0, 9)),
)
@settings(max_examples=15, deadline=None)
def test_selecting_from_what_was_found_is_picking_again(
    seed: int, min_volume: float, spacing: float, margin: float, max_count: int | None
) -> None:
    """Whatever the limits: the particles are found once, and the sliders of a preview only leave some out."""
    rough = ndimage.gaussian_filter(np.random.default_rng(seed).normal(size=(20, 24, 28)), 1.5)
    volume = np.round(np.clip((rough - rough.mean()) / rough.std() * 100, 0, 255)).astype(np.uint8)
    limits: dict[str, Any] = {
        "min_volume": min_volume,
        "spacing": spacing,
        "margin": margin,
        "max_count": max_count,
    }
    again = pick_particles(volume, threshold=100, voxel_sizes=10.0, **limits)
    picks = select(find_particles(volume, threshold=100, voxel_sizes=10.0), **limits)
    for part in ("positions", "weight", "volume", "id"):
        np.testing.assert_array_equal(getattr(picks, part), getattr(again, part))


def test_limits_need_a_voxel_size() -> None:
    found = find_particles(balls((20, 20, 20), [(10, 10, 10)], 4))
    assert len(select(found)) == 1
    with pytest.raises(AisError, match="no voxel size"):
        select(found, spacing=10)
