"""Components as runs, and what removing some of them means at other levels, against scipy's labels."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy import ndimage

from ais.annotation.volume_looks import SurfaceLook, look_of, look_values
from ais.components import Components
from ais.formats.registry import write_volume
from ais.prediction import slab_at
from ais.removal import Removal, Removals, cleared, without
from ais.tomogram import Tomogram

LOW, HIGH = 60, 200


def masks(seed: int) -> NDArray[np.bool_]:
    rng = np.random.default_rng(seed)
    shape = tuple(rng.integers(1, 9, 3))
    return np.asarray(rng.random(shape) < rng.choice([0.0, 0.2, 0.5, 0.9, 1.0]))


def both(mask: NDArray[np.bool_]) -> list[Components]:
    halves = [(0, mask[: len(mask) // 2]), (len(mask) // 2, mask[len(mask) // 2 :])]
    slabs = ((z, slab) for z, slab in halves if len(slab))
    return [Components.of_padded(np.pad(mask, 1), True), Components.of_slabs(slabs, mask.shape)]


@given(st.integers(0, 10_000))
@settings(max_examples=60, deadline=None)
def test_components_are_those_of_scipy(seed: int) -> None:
    mask = masks(seed)
    labels, count = ndimage.label(mask)
    values = np.random.default_rng(seed).integers(0, 255, mask.shape).astype(np.uint8)
    places = np.argwhere(np.ones(mask.shape))
    for found in both(mask):
        assert found.count == count
        own = found.at(places).reshape(mask.shape)
        assert ((own >= 0) == mask).all()
        assert len({(a, b) for a, b in zip(own[mask], labels[mask], strict=True)}) == count
        assert found.at([[-1, 0, 0], mask.shape]).tolist() == [-1, -1]
        assert (np.diff(found.voxels) <= 0).all()
        grid = np.zeros(found.grid, np.uint8)
        grid[tuple(slice(found.first, found.first + n) for n in mask.shape)] = values
        sums, peaks = found.sums_and_peaks(grid) if count else (np.zeros(0), np.zeros(0, int))
        at_border, centroids = found.at_border(), found.centroids()
        for number in range(count):
            here = np.argwhere(own == number)
            assert len(here) == found.voxels[number]
            np.testing.assert_allclose(centroids[number], here.mean(axis=0))
            assert sums[number] == values[own == number].sum()
            peak = tuple(found.places(peaks[number : number + 1])[0])
            assert own[peak] == number
            assert values[peak] == values[own == number].max()
            edge = (here == 0).any() or (here == np.array(mask.shape) - 1).any()
            assert at_border[number] == edge
            assert own[tuple(found.some_voxels[number])] == number
            assert (found.places(found.flat([number])) == here).all()


def two_hills() -> NDArray[np.uint8]:
    """Two hills on a common plateau, and a third apart: left of 255, right of 220 with two peaks, third of 250."""
    row = [0, 100, 255, 255, 100, 100, 220, 150, 220, 100, 0, 100, 250, 100, 0]
    return np.array(row, np.uint8)[None, None, :]


def removed(volume: NDArray[np.uint8], removals: Removals, level: float) -> list[int]:
    """The voxels at or above the level that are gone."""
    left = without(volume, removals, level)
    assert (left[left != 0] == volume[left != 0]).all()
    below = volume < level
    assert (left[below] == volume[below]).all()
    return np.flatnonzero((left != volume).ravel()).tolist()


def test_a_removal_means_the_same_thing_at_all_levels() -> None:
    volume = two_hills()
    third = Removals((Removal(0, 0, 12, HIGH),))
    assert removed(volume, third, HIGH) == [12]
    assert removed(volume, third, 255) == []
    assert removed(volume, third, LOW) == [11, 12, 13], "it has grown"
    left = Removals((Removal(0, 0, 2, HIGH),))
    assert removed(volume, left, HIGH) == [2, 3]
    assert removed(volume, left, LOW) == [2, 3], "what it has merged with stays"
    right = Removals((Removal(0, 0, 6, 140),))
    assert removed(volume, right, 140) == [6, 7, 8]
    assert removed(volume, right, HIGH) == [6, 8], "all that it falls apart into"
    assert removed(volume, right, LOW) == [6, 7, 8]
    every = Removals((*left.removed, *right.removed))
    assert removed(volume, every, LOW) == list(range(1, 10)), "nothing in it was kept"
    half = Removals((Removal(0, 0, 6, HIGH),))
    assert removed(volume, half, 140) == [6]
    twice = Removals((Removal(0, 0, 6, HIGH), Removal(0, 0, 8, 210), Removal(0, 0, 3, 255)))
    assert removed(volume, twice, 140) == [2, 3, 6, 7, 8]
    assert removed(volume, twice, LOW) == list(range(1, 10))


def test_what_is_kept_is_all_that_stays() -> None:
    volume = two_hills()
    left = Removals(kept=(Removal(0, 0, 2, HIGH),))
    assert removed(volume, left, HIGH) == [6, 8, 12]
    assert removed(volume, left, LOW) == [1, 4, 5, 6, 7, 8, 9, 11, 12, 13]
    third = Removals(kept=(Removal(0, 0, 12, HIGH),), removed=(Removal(0, 0, 12, 255),))
    assert removed(volume, third, LOW) == list(range(1, 10))


@given(st.integers(0, 10_000))
@settings(max_examples=60, deadline=None)
def test_at_its_own_level_a_removal_is_the_component(seed: int) -> None:
    rng = np.random.default_rng(seed)
    volume = rng.integers(0, 256, rng.integers(1, 9, 3)).astype(np.uint8)
    level = float(rng.integers(1, 256))
    z, y, x = (int(rng.integers(0, n)) for n in volume.shape)
    labels, _ = ndimage.label(volume >= level)
    mine = labels == labels[z, y, x] if labels[z, y, x] else np.zeros(volume.shape, bool)
    mark = Removal(z, y, x, level)
    np.testing.assert_array_equal(without(volume, Removals((mark,)), level), np.where(mine, 0, volume))
    others = (labels > 0) & ~mine
    np.testing.assert_array_equal(without(volume, Removals(kept=(mark,)), level), np.where(others, 0, volume))
    # Whatever is removed at other levels: never more than the component that holds it, never less than the core.
    other = float(rng.integers(1, 256))
    gone = without(volume, Removals((mark,)), other) != volume
    at_other, _ = ndimage.label(volume >= other)
    if volume[z, y, x] >= level and other <= level:
        assert (gone[mine]).all()
        assert (at_other[gone] == at_other[z, y, x]).all()
    elif volume[z, y, x] >= level:
        np.testing.assert_array_equal(gone, mine & (volume >= other))


@given(st.integers(0, 10_000))
@settings(max_examples=40, deadline=None)
def test_slabs_are_cleared_as_the_whole_volume(seed: int) -> None:
    rng = np.random.default_rng(seed)
    volume = rng.integers(0, 256, rng.integers(1, 12, 3)).astype(np.uint8)
    marks = [
        Removal(*(int(rng.integers(0, n)) for n in volume.shape), float(rng.integers(1, 256)))
        for _ in range(int(rng.integers(1, 6)))
    ]
    removals = Removals(tuple(marks[1:]), tuple(marks[:1]) if rng.random() < 0.3 else ())
    level = float(rng.integers(1, 256))
    left = without(volume, removals, level)
    read = cleared(volume, removals, level)
    for _ in range(4):
        first, end = sorted(int(z) for z in rng.integers(0, len(volume) + 1, 2))
        np.testing.assert_array_equal(slab_at(read, first, end), left[first:end])


@pytest.mark.parametrize(("dtype", "full"), [("uint8", 255), ("int8", 127), ("float32", 1.0), ("bool", 1)])
def test_levels_are_on_the_scale_of_0_to_255(tmp_path: Path, dtype: str, full: float) -> None:
    volume = np.zeros((5, 6, 7))
    volume[1:3, 1:3, 1:3] = volume[4, 4, 4:6] = full
    volume = volume.astype(dtype)
    removals = Removals((Removal(1, 1, 1, 128.0),))
    left = without(volume, removals, 100.0)
    assert left.dtype == volume.dtype
    assert np.argwhere(left).tolist() == [[4, 4, 4], [4, 4, 5]]
    assert without(volume, Removals(), 100.0) is volume
    path = tmp_path / "v.mrc"
    write_volume(path, volume.astype(np.int8) if dtype == "bool" else volume, voxel_sizes=10.0)
    if dtype != "bool":
        with Tomogram.open(path) as tomogram:
            np.testing.assert_array_equal(without(tomogram, removals, 100.0), left)


def test_a_look_survives_as_json() -> None:
    mark = Removal(1, 2, 3, 128.0)
    look = SurfaceLook(False, (1.0, 0.5, 0.0), 0.5, 100.0, 2000.0, 2, 3, (mark,), Removals((mark, mark), (mark,)))
    assert look_of(look_values(look)) == look
    assert look_of(look_values(SurfaceLook())) == SurfaceLook()
    wrong = {"alpha": "x", "level": 900, "bin": 0, "colour": [1, 2], "hidden": [[1, 2], [1, 2, 3, float("nan")]]}
    assert look_of(wrong) == look_of(None) == SurfaceLook()
