"""Filaments traced in masks whose centre lines are known."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import ArrayLike, NDArray
from scipy.ndimage import gaussian_filter
from scipy.spatial import KDTree
from scipy.spatial.transform import Rotation

import ais.thinning
from ais.errors import AisError, Cancelled
from ais.filaments import Filaments, find_filaments, sample_filaments, trace_filaments
from ais.formats.coord_angles import angles_to_rotation
from ais.progress import Progress
from ais.simulation import simulate

Points = NDArray[np.float64]
Edges = tuple[float, float, float]
CUBES: Edges = (1.0, 1.0, 1.0)


def away(curve: Points, places: Points, limit: float = np.inf) -> Points:
    """Distance of each place to the nearest point of a curve; infinite beyond the limit."""
    return np.asarray(KDTree(curve).query(places, distance_upper_bound=limit)[0])


def nearest_to(curve: Points, places: Points) -> NDArray[np.intp]:
    """Index of the nearest point of a curve for each place."""
    return np.asarray(KDTree(curve).query(places)[1])


def tubes(
    shape: tuple[int, int, int], curves: Sequence[Points], radius: float, edges: Edges = CUBES
) -> NDArray[np.uint8]:
    """255 within the radius of curves of dense points x, y, z, cut flat at their ends; lengths in units of `edges`."""
    volume = np.zeros(shape, np.uint8)
    voxels = np.indices(shape).reshape(3, -1).T[:, ::-1] * np.array(edges)[::-1]
    for curve in curves:
        inside = np.flatnonzero(away(curve, voxels, 1.01 * radius) <= radius)
        at = nearest_to(curve, voxels[inside])
        for end, behind in ((0, 1), (len(curve) - 1, len(curve) - 2)):
            beyond = (voxels[inside] - curve[end]) @ (curve[end] - curve[behind])
            inside, at = inside[(at != end) | (beyond <= 0)], at[(at != end) | (beyond <= 0)]
        volume.reshape(-1)[inside] = 255
    return volume


def straight(start: ArrayLike, stop: ArrayLike) -> Points:
    first, last = np.array(start, float), np.array(stop, float)
    share = np.linspace(0, 1, 600)[:, None]
    return np.asarray(first + share * (last - first))


def assert_follows(found: Filaments, number: int, curve: Points, tolerance: float = 0.5, degrees: float = 5.0) -> None:
    """The line of filament `number` is the curve: places, directions, ends and length."""
    edges = np.array(found.voxel_sizes[::-1]) if any(found.voxel_sizes) else np.ones(3)
    line = found.lines[number] * edges
    pixel = edges.max()
    longer = np.concatenate([curve[0] + (curve[0] - curve[2:12]), curve, curve[-1] + (curve[-1] - curve[-12:-2])])
    assert away(longer, line).max() <= tolerance * pixel
    assert away(line, curve).max() <= (tolerance + 0.7) * pixel
    length = np.linalg.norm(np.diff(curve, axis=0), axis=1).sum()
    assert found.lengths[number] == pytest.approx(length, abs=1.5 * pixel + 0.01 * length)
    tangents = np.gradient(curve, axis=0)
    tangents /= np.linalg.norm(tangents, axis=1, keepdims=True)
    mine = found.filament == number + 1
    nearest = nearest_to(curve, found.positions[mine] * edges)
    cosine = np.abs((found.tangents[mine] * tangents[nearest]).sum(axis=1))
    assert np.degrees(np.arccos(np.clip(cosine, 0, 1))).max() <= degrees


def which(found: Filaments, curve: Points) -> int:
    """The filament in whose line the curve's middle lies."""
    distances = [float(away(line, curve[[len(curve) // 2]])[0]) for line in found.lines]
    return int(np.argmin(distances))


@pytest.mark.parametrize("radius", [0.9, 1.5, 3.5, 12.5])
@pytest.mark.parametrize("stop", [(80, 40, 20), (78, 62, 34), (15, 70, 50)])
def test_a_straight_tube_is_one_filament_up_to_its_ends(radius: float, stop: Sequence[float]) -> None:
    curve = straight((15, 20, 18), stop)
    found = trace_filaments(tubes((64, 90, 96), [curve], radius))
    assert len(found) == 1
    assert_follows(found, 0, curve, tolerance=0.5 if radius < 10 else 0.9, degrees=6)
    assert found.radius[0] == pytest.approx(radius, abs=0.35)
    assert found.curvature.max() < (0.04 if radius <= 2 else 0.01)


@pytest.mark.parametrize("size", [2, 4, 6])
def test_a_bar_of_even_width_does_not_vanish(size: int) -> None:
    volume = np.zeros((20, 20, 60), np.uint8)
    volume[6 : 6 + size, 6 : 6 + size, 8:48] = 255
    found = trace_filaments(volume)
    middle = 6 + (size - 1) / 2
    assert len(found) == 1
    assert_follows(found, 0, straight((7.5, middle, middle), (47.5, middle, middle)))


def test_a_tube_through_the_whole_volume() -> None:
    curve = straight((-0.5, 12, 9), (59.5, 20, 14))
    found = trace_filaments(tubes((24, 32, 60), [straight((-20, 9.3, 7.3), (80, 22.7, 15.7))], 4))
    assert len(found) == 1
    assert_follows(found, 0, curve)


@pytest.mark.parametrize("bend", [30.0, 45.0, 80.0])
def test_an_arc_has_its_curvature(bend: float) -> None:
    angle = np.linspace(0.2, 2.2, 1200)
    curve = np.stack([50 + bend * np.cos(angle), 10 + bend * np.sin(angle), 20 + 3 * angle], axis=1)
    found = trace_filaments(tubes((48, 100, 140), [curve], 3.5))
    assert len(found) == 1
    assert_follows(found, 0, curve)
    expected = bend / (bend**2 + 9)
    inner = found.curvature[2:-2]
    np.testing.assert_allclose(inner, expected, rtol=0.2)


def test_a_helix() -> None:
    angle = np.linspace(0, 4 * np.pi, 1500)
    curve = np.stack([45 + 16 * np.cos(angle), 45 + 16 * np.sin(angle), 12 + 6.5 * angle], axis=1)
    found = trace_filaments(tubes((106, 90, 90), [curve], 3))
    assert len(found) == 1
    assert_follows(found, 0, curve, degrees=8)


def test_a_ring_is_closed() -> None:
    angle = np.linspace(0, 2 * np.pi, 2000)
    curve = np.stack([40 + 24 * np.cos(angle), 38 + 24 * np.sin(angle), np.full(2000, 15.0)], axis=1)
    found = trace_filaments(tubes((30, 80, 80), [curve], 3), step=5, voxel_sizes=1.0)
    assert list(found.closed) == [True]
    assert found.lengths[0] == pytest.approx(2 * np.pi * 24, rel=0.01)
    assert away(curve, found.lines[0]).max() < 0.5
    np.testing.assert_allclose(found.curvature, 1 / 24, rtol=0.15)
    gap = np.linalg.norm(found.positions[0] - found.positions[-1])
    assert 2.5 <= gap < 7.5


@pytest.mark.parametrize(("degrees", "apart"), [(90, 0.0), (60, 2.0), (40, 0.0), (30, 0.0), (30, 2.0)])
def test_crossing_filaments_are_kept_apart(degrees: float, apart: float) -> None:
    """They fuse in the mask; the second passes `apart` voxels above the first."""
    half, radius = math.radians(degrees) / 2, 3.0
    way = np.array([math.cos(half), math.sin(half), 0.05])
    other = np.array([math.cos(half), -math.sin(half), 0.02])
    middle = np.array([60.0, 60.0, 18.0])
    first = straight(middle - 48 * way, middle + 48 * way)
    above = np.array([60.0, 60.0, 18.0 + apart])
    second = straight(above - 46 * other, above + 46 * other)
    found = trace_filaments(tubes((36, 120, 120), [first, second], radius))
    assert len(found) == 2
    assert which(found, first[:40]) != which(found, second[:40])
    for curve in (first, second):
        assert_follows(found, which(found, curve[:40]), curve, tolerance=1.5, degrees=10)


def test_a_branch_ends_where_it_meets_a_filament() -> None:
    main, branch = straight((8, 20, 15), (92, 26, 15)), straight((50, 23, 15), (60, 70, 17))
    found = trace_filaments(tubes((30, 80, 100), [main, branch], 3))
    assert len(found) == 2
    assert_follows(found, 0, main, tolerance=0.9, degrees=6)
    line = found.lines[1]
    assert away(branch, line).max() < 1
    assert found.lengths[1] == pytest.approx(47, abs=6)


def test_parallel_filaments_with_a_bridge_are_two() -> None:
    lower, upper = straight((8, 20, 15), (92, 20, 15)), straight((8, 32, 15), (92, 32, 15))
    bridge = straight((48, 20, 15), (52, 32, 15))
    found = trace_filaments(tubes((30, 52, 100), [lower, upper, bridge], 3))
    assert len(found) == 2
    for curve in (lower, upper):
        assert_follows(found, which(found, curve[:80]), curve, tolerance=1.2, degrees=10)


def test_voxels_that_are_not_cubes() -> None:
    edges = (20.0, 10.0, 12.0)
    curve = straight((150, 120, 160), (900, 700, 700))
    found = trace_filaments(tubes((48, 84, 90), [curve], 50, edges), voxel_sizes=edges, step=40)
    assert len(found) == 1
    assert_follows(found, 0, curve, tolerance=0.6)
    np.testing.assert_allclose(np.diff(found.track_length), 40)
    steps = np.linalg.norm(np.diff(found.positions * np.array(edges)[::-1], axis=0), axis=1)
    np.testing.assert_allclose(steps, 40, rtol=0.02)


def test_roughness_makes_no_filaments() -> None:
    """Bumps, pinholes and a tunnel through the mask are neither branches nor rings."""
    curve = straight((10, 30, 20), (110, 50, 24))
    shape = (44, 80, 120)
    rng = np.random.default_rng(3)
    depth = 5 - away(curve, np.indices(shape).reshape(3, -1).T[:, ::-1].astype(float), 12).reshape(shape)
    noise = gaussian_filter(rng.normal(size=shape), 1.2)
    volume = np.where(depth + 0.5 * noise / noise.std() > 0, 255, 0).astype(np.uint8)
    volume[rng.random(shape) < 0.005] = 0
    volume[10:34, 39:41, 58:60] = 0
    found = trace_filaments(volume, min_length=30, voxel_sizes=1.0)
    assert len(found) == 1
    assert_follows(found, 0, straight((5.5, 29.1, 19.8), (114.5, 50.9, 24.2)), tolerance=1.0, degrees=8)


@pytest.mark.parametrize("feature", ["microtubule", "actin"])
def test_filaments_of_a_noisy_prediction(feature: str) -> None:
    """Blobs stick to the filaments' ends and holes go through them, as in a prediction of Dice 0.95."""
    simulated = simulate((64, 192, 192), seed=0)
    truth = simulated.mask(feature)
    rng = np.random.default_rng(0)
    noise = gaussian_filter(rng.normal(size=truth.shape), 1.5)
    strength = 0.15 if feature == "microtubule" else 0.1
    values = gaussian_filter(truth.astype(np.float32), 1) + strength * noise / noise.std()
    prediction = (np.clip(values, 0, 1) * 255).astype(np.uint8)
    assert 0.9 < 2 * ((prediction > 127) & (truth > 0)).sum() / ((prediction > 127).sum() + truth.sum()) < 0.98
    found = trace_filaments(prediction, voxel_sizes=10.0, min_length=500, step=10)
    lines = [part for part in simulated.filaments if part.feature == feature and len(part.points) > 5]
    assert len(lines) <= len(found) <= len(lines) + 1
    for line in lines:
        distance, nearest = away(found.positions, line.points), nearest_to(found.positions, line.points)
        cosine = np.abs((found.tangents[nearest] * line.tangents).sum(axis=1))
        assert np.quantile(distance, 0.9) < 1.5
        assert np.quantile(np.degrees(np.arccos(cosine.clip(0, 1))), 0.9) < 10


def test_what_is_no_longer_than_wide_is_no_filament() -> None:
    volume = np.zeros((60, 60, 60), np.uint8)
    z, y, x = np.indices(volume.shape)
    volume[(x - 20) ** 2 + (y - 20) ** 2 + (z - 20) ** 2 <= 100] = 255
    volume[50, 50, 50] = 255
    volume[45:47, 10:12, 10:12] = 255
    assert len(trace_filaments(volume)) == 0
    distance = np.sqrt((x - 30) ** 2 + (y - 30) ** 2 + (z - 30) ** 2)
    assert len(trace_filaments(np.abs(distance - 18) < 1.5)) == 0


def test_the_smallest_volumes() -> None:
    for shape in ((1, 1, 1), (1, 1, 30), (1, 40, 40), (2, 2, 2)):
        volume = np.zeros(shape, np.uint8)
        assert len(trace_filaments(volume)) == 0
        assert len(trace_filaments(volume).positions) == 0
        trace_filaments(volume + 255)
    line = np.zeros((1, 9, 30), np.uint8)
    line[0, 4] = 255
    found = trace_filaments(line)
    assert found.lengths.tolist() == pytest.approx([30], abs=0.4)


def test_options() -> None:
    long, short = straight((10, 10, 10), (90, 12, 10)), straight((10, 30, 10), (40, 30, 10))
    volume = tubes((24, 42, 100), [long, short], 2.5)
    both = trace_filaments(volume, voxel_sizes=10.0, step=50, twist=12.5)
    assert both.lengths == pytest.approx([800, 300], abs=15)
    assert both.weight[0] > both.weight[1]
    assert both.filament.tolist() == [1] * 17 + [2] * int(both.lengths[1] // 50 + 1)
    rot = both.angles[both.filament == 1, 0]
    np.testing.assert_allclose((rot + 12.5 * np.arange(len(rot)) + 180) % 360 - 180, 0, atol=1e-9)
    z_axis = angles_to_rotation(both.angles).apply([0, 0, 1])
    np.testing.assert_allclose(z_axis, both.tangents, atol=1e-9)
    assert (both.tangents[:, 0] > 0.9).all()
    assert len(trace_filaments(volume, voxel_sizes=10.0, min_length=400)) == 1
    assert len(trace_filaments(volume, voxel_sizes=10.0, min_volume=800e3)) == 1
    assert len(trace_filaments(volume, max_count=1)) == 1
    inner = trace_filaments(volume, voxel_sizes=10.0, step=50, margin=103)
    assert len(inner) == 2
    assert 0 < len(inner.positions) < len(both.positions)
    assert inner.positions[:, 0].max() * 10 <= 995 - 103
    with pytest.raises(AisError, match="voxel size"):
        trace_filaments(volume, step=40)
    for wrong in ({"step": 0.0}, {"min_length": -1.0}, {"twist": math.inf}, {"threshold": 300.0}, {"max_count": -1}):
        with pytest.raises(AisError):
            trace_filaments(volume, voxel_sizes=10.0, **wrong)


def test_found_once_and_sampled_again() -> None:
    volume = tubes((24, 42, 100), [straight((10, 10, 10), (90, 12, 10)), straight((10, 30, 10), (40, 30, 10))], 2.5)
    found = find_filaments(volume, voxel_sizes=10.0)
    several: tuple[dict[str, Any], ...]
    several = ({}, {"min_length": 400.0}, {"step": 30.0, "twist": 5.0}, {"max_count": 1, "margin": 103.0})
    for options in several:
        again, whole = sample_filaments(found, **options), trace_filaments(volume, voxel_sizes=10.0, **options)
        assert len(again) == len(whole)
        np.testing.assert_array_equal(again.positions, whole.positions)
        np.testing.assert_array_equal(again.angles, whole.angles)
    with pytest.raises(AisError, match="voxel size"):
        sample_filaments(find_filaments(volume), min_length=100)


def test_the_table_of_a_filament() -> None:
    volume = tubes((20, 42, 100), [straight((10, 10, 10), (90, 12, 10))], 2.5)
    table = trace_filaments(volume, voxel_sizes=10.0, step=100).coordinates("TS_01")
    assert set(table.tomograms) == {"TS_01"}
    assert table.numbers("rlnHelicalTubeID").tolist() == [1] * len(table)
    np.testing.assert_allclose(table.numbers("rlnHelicalTrackLengthAngst"), 100 * np.arange(len(table)))
    np.testing.assert_allclose(table.numbers("aisFilamentLength"), 800, atol=15)
    assert table.angles is not None


@settings(max_examples=12, deadline=None)
@given(
    axes=st.permutations([0, 1, 2]),
    flips=st.tuples(st.booleans(), st.booleans(), st.booleans()),
    seed=st.integers(0, 10_000),
)
def test_turning_the_volume_turns_the_filaments(axes: Sequence[int], flips: tuple[bool, bool, bool], seed: int) -> None:
    rng = np.random.default_rng(seed)
    direction = Rotation.random(rng=rng).apply([1, 0, 0])
    curve = straight(np.array([24, 23, 25]) - 17 * direction, np.array([24, 23, 25]) + 17 * direction)
    volume = tubes((48, 48, 48), [curve], 2.6)
    turned = np.flip(volume.transpose(axes), tuple(axis for axis in range(3) if flips[axis]))
    here, there = trace_filaments(volume), trace_filaments(np.ascontiguousarray(turned))
    assert len(here) == len(there) == 1
    zyx = here.lines[0][:, ::-1][:, list(axes)]
    zyx = np.where(flips, 47 - zyx, zyx)
    assert away(zyx[:, ::-1], there.lines[0]).max() < 0.75
    assert here.lengths[0] == pytest.approx(there.lengths[0], abs=0.5)
    assert here.weight[0] == pytest.approx(there.weight[0])


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_filaments_of_a_simulated_tomogram(seed: int) -> None:
    """Each true centre line is found within 1.5 voxels and 10 degrees, by one filament of its own."""
    simulated = simulate((64, 192, 192), seed=seed)
    for feature in ("microtubule", "actin"):
        found = trace_filaments(simulated.mask(feature) * np.uint8(255), voxel_sizes=10.0, min_length=200, step=10)
        owners = []
        for truth in (part for part in simulated.filaments if part.feature == feature and len(part.points) > 5):
            assert away(found.positions, truth.points).max() <= 1.5
            nearest = nearest_to(found.positions, truth.points)
            cosine = np.abs((found.tangents[nearest] * truth.tangents).sum(axis=1))
            assert np.degrees(np.arccos(cosine.clip(0, 1))).max() <= 10
            (owner,) = set(found.filament[nearest])
            owners.append(owner)
        assert len(set(owners)) == len(owners) == len(found)


def test_it_can_be_stopped() -> None:
    class Stopped(Progress):
        def report(self, done: float, total: float, text: str = "") -> None:
            if done < total and text == "thinning":
                raise Cancelled

    volume = tubes((20, 42, 100), [straight((10, 10, 10), (90, 12, 10))], 2.5)
    with pytest.raises(Cancelled):
        trace_filaments(volume, progress=Stopped())


def test_time_grows_with_the_filaments_and_not_with_the_volume(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[int] = []
    thinned = ais.thinning.thinned

    def counted(index: NDArray[np.int64], shape: tuple[int, int, int]) -> NDArray[np.int64]:
        seen.append(len(index))
        return thinned(index, shape)

    monkeypatch.setattr("ais.rough_paths.thinned", counted)
    volume = np.zeros((60, 300, 300), np.uint8)
    volume[20:42, 30:70, 40:140] = tubes((22, 40, 100), [straight((10, 10, 10), (90, 12, 10))], 2.5)
    trace_filaments(volume)
    assert seen == [np.count_nonzero(volume)]
