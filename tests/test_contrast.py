"""Automatic limits of contrast and the histogram, against the whole volume's own percentiles."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import mrcfile
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import ndimage

from ais.formats.registry import write_volume
from ais.gui.contrast import ContrastStatistics, automatic_limits, measure
from ais.tomogram import Tomogram

Volume = np.ndarray[Any, np.dtype[Any]]


def specimen(shape: tuple[int, int, int] = (24, 160, 200), seed: int = 0) -> Volume:
    """Noise with dark blobs, mean about 100, spread about 10."""
    rng = np.random.default_rng(seed)
    noise = rng.normal(100, 10, shape)
    blobs = ndimage.gaussian_filter(rng.normal(size=shape), 2) > 0.14
    return (noise - 12 * blobs).astype(np.float32)


def measured(path: Path, volume: Volume) -> ContrastStatistics:
    write_volume(path, volume, voxel_sizes=10.0)
    with Tomogram.open(path) as tomogram:
        return measure(tomogram)


def expected(values: Volume) -> tuple[float, float]:
    low, high = np.percentile(values, [0.35, 99.65])
    return float(low), float(high)


def assert_close(got: tuple[float, float], wanted: tuple[float, float], tolerance: float = 0.08) -> None:
    width = wanted[1] - wanted[0]
    assert got[0] == pytest.approx(wanted[0], abs=tolerance * width)
    assert got[1] == pytest.approx(wanted[1], abs=tolerance * width)


def rotated_rim(shape: tuple[int, int]) -> np.ndarray[Any, np.dtype[np.bool_]]:
    """Triangles in the corners, as a rotation by 15 degrees leaves them."""
    inside = ndimage.rotate(np.ones(shape), 15, reshape=False, order=0, cval=0) > 0
    return ~inside


@pytest.mark.parametrize("dtype", ["int8", "int16", "uint16", "float16", "float32"])
def test_limits_are_the_percentiles_of_the_whole_volume(tmp_path: Path, dtype: str) -> None:
    volume = specimen().round().clip(-128, 127).astype(dtype)
    statistics = measured(tmp_path / "v.mrc", volume)
    assert_close((statistics.low, statistics.high), expected(volume), 0.05)
    assert statistics.mean == pytest.approx(volume.mean(dtype=np.float64), abs=0.5)
    assert statistics.spread == pytest.approx(volume.std(dtype=np.float64), rel=0.1)
    assert statistics.minimum >= volume.min()
    assert statistics.maximum <= volume.max()


@pytest.mark.parametrize("filling", [0.0, 100.0, -3e4, np.nan])
@pytest.mark.parametrize("rim", ["frame", "rotated", "left", "slices"])
@pytest.mark.parametrize("dtype", ["int16", "float32"])
def test_constant_margins_change_nothing(tmp_path: Path, dtype: str, rim: str, filling: float) -> None:
    if dtype == "int16" and np.isnan(filling):
        filling = -1.0
    volume = specimen().round().astype(dtype)
    empty = np.zeros(volume.shape, np.bool_)
    if rim == "frame":
        empty[:] = True
        empty[:, 25:-25, 40:-30] = False
    elif rim == "rotated":
        empty[:] = rotated_rim(volume.shape[1:])
    elif rim == "left":
        empty[:, :, :70] = True
    else:
        empty[:7] = empty[-9:] = True
    padded = volume.copy()
    padded[empty] = filling
    statistics = measured(tmp_path / "v.mrc", padded)
    assert_close((statistics.low, statistics.high), expected(volume[~empty]))
    assert statistics.mean == pytest.approx(volume[~empty].mean(dtype=np.float64), abs=0.6)
    histogram = statistics.histogram
    middles = (histogram.edges[:-1] + histogram.edges[1:]) / 2
    peak = middles[histogram.counts.argmax()]
    assert abs(peak - 100) < 10
    # no bin of the padding stands out: the fullest bin is hardly fuller than its neighbours
    smooth = ndimage.median_filter(histogram.counts.astype(float), 9)
    assert (histogram.counts <= 1.5 * smooth + 0.002 * histogram.counts.sum()).all()
    assert_close(automatic_limits(padded[12]), expected(volume[12][~empty[12]]), 0.1)


def test_gold_does_not_turn_the_rest_grey(tmp_path: Path) -> None:
    clean = specimen()
    beads = clean.copy()
    rng = np.random.default_rng(1)
    z, y, x = np.ogrid[-5:6, -5:6, -5:6]
    ball = z**2 + y**2 + x**2 <= 25
    for _ in range(40):
        place = [int(rng.integers(6, count - 6)) for count in clean.shape]
        part = beads[tuple(slice(centre - 5, centre + 6) for centre in place)]
        part[ball] = -4000
    assert (beads < -1000).mean() > 0.01
    statistics = measured(tmp_path / "v.mrc", beads)
    low, high = expected(clean)
    width = high - low
    assert low - 0.5 * width < statistics.low < low + 0.1 * width
    assert statistics.high == pytest.approx(high, abs=0.1 * width)
    assert statistics.histogram.edges[0] > low - 2 * width


def test_values_that_are_not_numbers_are_left_out(tmp_path: Path) -> None:
    volume = specimen()
    wanted = expected(volume)
    volume[::3, ::7, ::5] = np.nan
    volume[1::3, ::7, ::5] = np.inf
    volume[2::3, ::7, ::5] = -np.inf
    with mrcfile.new(tmp_path / "v.mrc") as file:
        file.set_data(volume)
    with Tomogram.open(tmp_path / "v.mrc") as tomogram:
        statistics = measure(tomogram)
    assert_close((statistics.low, statistics.high), wanted)
    assert np.isfinite([statistics.mean, statistics.spread, statistics.minimum, statistics.maximum]).all()
    nothing = measure([np.full((9, 9), np.nan, np.float32)])
    assert (nothing.low, nothing.high) == (0.0, 1.0)
    assert nothing.histogram.counts.sum() == 0


@pytest.mark.parametrize("value", [0, 7, -300, 1e-30, 3e8])
def test_a_constant_volume_has_limits_about_its_value(tmp_path: Path, value: float) -> None:
    statistics = measured(tmp_path / "v.mrc", np.full((5, 20, 30), value, np.float32))
    assert statistics.low < value < statistics.high or statistics.low <= np.float32(value) < statistics.high
    assert statistics.mean == pytest.approx(value)
    assert statistics.histogram.counts.sum() == 5 * 20 * 30


def test_a_mask_and_a_prediction_are_shown_over_their_range() -> None:
    mask = np.zeros((200, 200), np.uint8)
    mask[50:60, 20:180] = 1
    assert automatic_limits(mask) == (0.0, 1.0)
    prediction = np.zeros((200, 200), np.uint8)
    prediction[50:60, 20:180] = 255
    prediction[49], prediction[60] = 3, 2
    low, high = automatic_limits(prediction)
    assert low <= 3
    assert high >= 250


def test_a_single_bright_slice_of_few_is_seen(tmp_path: Path) -> None:
    volume = np.zeros((30, 40, 40), np.float32)
    volume[0] = specimen((1, 40, 40))[0]
    statistics = measured(tmp_path / "v.mrc", volume)
    assert_close((statistics.low, statistics.high), expected(volume[0]), 0.15)


def test_bins_of_integers_do_not_comb(tmp_path: Path) -> None:
    volume = np.random.default_rng(0).integers(-400, 401, (9, 120, 130)).astype(np.int16)
    histogram = measured(tmp_path / "v.mrc", volume).histogram
    inner = histogram.counts[2:-2]
    assert len(histogram.counts) <= 256
    assert inner.min() > 0.7 * inner.max()
    widths = np.diff(histogram.edges)
    assert (widths == round(widths[0])).all()


@pytest.mark.parametrize(
    "name", ["cell_sim/tomogram.mrc", "cell_sim_small/tomogram.mrc", "microtubule_real/13pf_MT.mrc"]
)
def test_of_real_volumes_little_is_clipped_and_the_range_is_used(test_data: Path, name: str) -> None:
    with Tomogram.open(test_data / name) as tomogram:
        statistics = measure(tomogram)
        volume = tomogram.raw(0, tomogram.shape[0]).astype(np.float32)
    clipped = ((volume < statistics.low) | (volume > statistics.high)).mean()
    assert 0.001 < clipped < 0.02
    assert 4 < (statistics.high - statistics.low) / volume.std() < 8


def test_the_padding_of_a_real_crop_is_left_out(test_data: Path) -> None:
    with Tomogram.open(test_data / "mt_tomography_real" / "train_0_0_30_47_25.mrc") as tomogram:
        statistics = measure(tomogram)
        volume = tomogram.raw(0, tomogram.shape[0])
    assert (volume == 0).mean() > 0.2
    assert_close((statistics.low, statistics.high), expected(volume[volume != 0]))
    assert (
        statistics.histogram.edges[0] > 0 or statistics.histogram.counts[0] < 0.01 * statistics.histogram.counts.sum()
    )


@given(
    scale=st.floats(1e-3, 1e4),
    shift=st.floats(-1e4, 1e4),
    rows=st.integers(1, 40),
    columns=st.integers(1, 40),
    seed=st.integers(0, 9),
)
def test_limits_follow_scale_and_offset(scale: float, shift: float, rows: int, columns: int, seed: int) -> None:
    picture = np.random.default_rng(seed).normal(size=(rows, columns))
    low, high = automatic_limits(picture)
    moved = picture * scale + shift * scale
    new_low, new_high = automatic_limits(moved)
    assert new_low < new_high
    if picture.size > 1:
        tolerance = 1e-5 * (abs(shift) + 5) * scale
        assert new_low == pytest.approx((low + shift) * scale, abs=tolerance)
        assert new_high == pytest.approx((high + shift) * scale, abs=tolerance)
