"""Filters against scipy on whole volumes and closed forms; files in slabs against the same filter in memory."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage

from ais.errors import AisError, Cancelled
from ais.filters import (
    KINDS,
    amplitude_spectrum,
    anisotropic_diffusion,
    bin_volume,
    edge_strength,
    filter_volume,
    gaussian,
    invert,
    match_spectrum,
    median,
    swap_axes,
    volumes,
)
from ais.formats.registry import write_volume
from ais.progress import Progress
from ais.tomogram import Tomogram

SHAPE = (23, 31, 37)


@pytest.fixture
def noise() -> np.ndarray:
    return np.random.default_rng(0).normal(5.0, 2.0, SHAPE).astype(np.float32)


@pytest.fixture
def thin_slabs(monkeypatch: pytest.MonkeyPatch) -> None:
    """Parts so small that slabs, stripes and halos are exercised."""
    monkeypatch.setattr(volumes, "_SLAB_VOXELS", 6000)


def written(folder: Path, volume: np.ndarray, voxel_size: float | tuple[float, float, float] = 10.0) -> Path:
    path = folder / "input volume.mrc"
    write_volume(path, volume, voxel_sizes=voxel_size, origin=(100.0, -50.0, 25.0))
    return path


def read(path: Path) -> np.ndarray:
    with Tomogram.open(path) as tomogram:
        return np.array(tomogram.raw(0, tomogram.shape[0]))


# Arrays


def test_a_gaussian_is_that_of_scipy_with_widths_in_angstrom(noise: np.ndarray) -> None:
    expected = ndimage.gaussian_filter(noise.astype(float), (1.0, 2.0, 2.0), truncate=4.0)
    assert gaussian(noise, 20.0, (20.0, 10.0, 10.0)) == pytest.approx(expected, abs=1e-5)


def test_a_gaussian_spreads_a_point_by_its_width() -> None:
    point = np.zeros((41, 41, 41), dtype=np.float32)
    point[20, 20, 20] = 1.0
    smooth = gaussian(point, 25.0, 10.0)
    offsets = np.arange(41) - 20.0
    variance = (smooth.sum(axis=(0, 1)) * offsets**2).sum() / smooth.sum()
    assert smooth.sum() == pytest.approx(1.0, abs=1e-4)
    assert math.sqrt(variance) * 10.0 == pytest.approx(25.0, rel=0.01)


@pytest.mark.parametrize(("dimensions", "window"), [(2, (1, 3, 3)), (3, (3, 3, 3))])
def test_a_median_is_that_of_the_window(noise: np.ndarray, dimensions: int, window: tuple[int, ...]) -> None:
    filtered = median(noise, 3, dimensions=dimensions)
    reach = window[0] // 2
    brute = np.median(noise[10 - reach : 11 + reach, 14:17, 20:23])
    assert filtered[10, 15, 21] == brute
    assert np.array_equal(filtered, ndimage.median_filter(noise, size=window))


@pytest.mark.parametrize("dtype", ["int8", "uint8", "int16", "uint16", "float16"])
def test_a_median_keeps_the_type(noise: np.ndarray, dtype: str) -> None:
    assert median(noise.astype(dtype), 5).dtype == dtype


def naive_diffusion(volume: np.ndarray, iterations: int, edge: float) -> np.ndarray:
    current = volume.astype(float)
    for _ in range(iterations):
        padded = np.pad(current, 1, mode="edge")
        change = np.zeros_like(current)
        for axis in range(3):
            for shift in (-1, 1):
                moved = np.roll(padded, shift, axis)[1:-1, 1:-1, 1:-1]
                difference = moved - current
                change += difference / (1.0 + (difference / edge) ** 2)
        current = current + change / 7.0
    return current


def test_anisotropic_diffusion_is_perona_and_maliks_scheme(noise: np.ndarray) -> None:
    found = anisotropic_diffusion(noise, 6, 3.0)
    assert found == pytest.approx(naive_diffusion(noise, 6, 3.0), abs=1e-4)


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 10_000), st.integers(1, 20), st.floats(0.1, 100.0))
def test_anisotropic_diffusion_keeps_the_mean_and_the_range(seed: int, iterations: int, edge: float) -> None:
    volume = np.random.default_rng(seed).normal(0.0, 3.0, (5, 8, 9)).astype(np.float32)
    smooth = anisotropic_diffusion(volume, iterations, edge)
    assert smooth.mean(dtype=float) == pytest.approx(volume.mean(dtype=float), abs=1e-4)
    assert smooth.min() >= volume.min() - 1e-4
    assert smooth.max() <= volume.max() + 1e-4
    assert smooth.std() < volume.std()


def test_anisotropic_diffusion_removes_noise_and_keeps_an_edge(noise: np.ndarray) -> None:
    step = np.zeros((16, 32, 32), dtype=np.float32)
    step[:, :, 16:] = 20.0
    noisy = step + np.random.default_rng(1).standard_normal(step.shape).astype(np.float32)
    smooth = anisotropic_diffusion(noisy, 20)
    assert smooth[:, :, 4:12].std() < 0.35
    assert smooth[:, :, 16].mean() - smooth[:, :, 15].mean() > 18.0
    assert anisotropic_diffusion(np.full((3, 4, 5), 7.0), 5) == pytest.approx(7.0)


def test_edge_strength_is_a_percentile_of_differences() -> None:
    volume = np.random.default_rng(0).standard_normal((20, 200, 200))
    # Differences of normal numbers are normal with variance 2; 90 % of their magnitudes are below 1.645 * sqrt(2).
    assert edge_strength(volume) == pytest.approx(1.645 * math.sqrt(2.0), rel=0.01)


def test_inverting_keeps_the_mean_of_real_numbers(noise: np.ndarray) -> None:
    inverted = invert(noise)
    assert inverted.dtype == np.float32
    assert inverted.mean() == pytest.approx(noise.mean(), rel=1e-5)
    assert inverted - noise.mean() == pytest.approx(noise.mean() - noise, abs=1e-5)


@pytest.mark.parametrize("dtype", ["int8", "uint8", "int16", "uint16"])
def test_inverting_whole_numbers_twice_restores_them(dtype: str) -> None:
    limits = np.iinfo(dtype)
    volume = np.random.default_rng(0).integers(limits.min, limits.max, (4, 5, 6), dtype=dtype, endpoint=True)
    volume[0, 0, :2] = limits.min, limits.max
    inverted = invert(volume)
    assert inverted.dtype == dtype
    assert inverted[0, 0, 0] == limits.max
    assert np.array_equal(invert(inverted), volume)


@pytest.mark.parametrize("factor", [2, 3, 5])
def test_binning_averages_blocks_and_trims(noise: np.ndarray, factor: int) -> None:
    binned = bin_volume(noise, factor)
    assert binned.shape == tuple(n // factor for n in SHAPE)
    assert binned.dtype == np.float32
    for index in ((0, 0, 0), (2, 3, 4), tuple(n - 1 for n in binned.shape)):
        block = noise[tuple(slice(i * factor, (i + 1) * factor) for i in index)]
        assert binned[index] == pytest.approx(block.mean(dtype=float), rel=1e-5)


def test_binning_large_whole_numbers_does_not_overflow() -> None:
    assert bin_volume(np.full((8, 8, 8), 65535, dtype=np.uint16), 4) == pytest.approx(65535.0)


@settings(max_examples=20, deadline=None)
@given(st.permutations("zyx"), st.permutations("zyx"))
def test_swapping_axes_moves_each_voxel(first: list[str], second: list[str]) -> None:
    volume = np.arange(2 * 3 * 4).reshape(2, 3, 4)
    once = swap_axes(volume, "".join(first))
    position = {"z": 1, "y": 2, "x": 3}
    assert once[tuple(position[axis] for axis in first)] == volume[1, 2, 3]
    combined = "".join(first["zyx".index(axis)] for axis in second)
    assert np.array_equal(swap_axes(once, "".join(second)), swap_axes(volume, combined))


# Spectrum matching


def low_passed(volume: np.ndarray, width: float) -> np.ndarray:
    return ndimage.gaussian_filter(volume, width, mode="wrap").astype(np.float32)


def test_the_amplitude_of_white_noise_is_its_closed_form() -> None:
    volume = np.random.default_rng(0).normal(3.0, 2.0, (48, 64, 80)).astype(np.float32)
    spectrum = amplitude_spectrum(volume, 10.0)
    # |F| of white noise follows a Rayleigh distribution with mean sqrt(pi / 4) * rms.
    expected = math.sqrt(math.pi / 4) * 2.0 * 10.0**1.5
    assert spectrum.mean == pytest.approx(3.0, abs=0.05)
    assert spectrum.nyquist == pytest.approx(0.05)
    assert spectrum.amplitudes[8:-4] == pytest.approx(np.full(len(spectrum.amplitudes) - 12, expected), rel=0.08)


def test_the_amplitude_does_not_depend_on_shape_or_sampling() -> None:
    random = np.random.default_rng(0)
    fine = low_passed(random.standard_normal((64, 64, 64)), 4.0)
    first = amplitude_spectrum(fine, 5.0)
    coarse = amplitude_spectrum(fine[::2, ::2, ::2], 10.0)
    crop = amplitude_spectrum(low_passed(random.standard_normal((40, 96, 56)), 4.0), 5.0)
    shells = np.array([0.008, 0.012, 0.016])
    at = [np.interp(shells, s.frequencies, s.amplitudes) for s in (first, coarse, crop)]
    assert at[1] == pytest.approx(at[0], rel=0.1)
    assert at[2] == pytest.approx(at[0], rel=0.2)


def test_matching_gives_the_spectrum_and_mean_of_the_reference() -> None:
    random = np.random.default_rng(0)
    source = random.normal(100.0, 30.0, (32, 48, 56)).astype(np.float32)
    reference = amplitude_spectrum(low_passed(random.standard_normal((40, 64, 50)), 1.5) - 7.0, 10.0)
    matched = match_spectrum(source, reference, 10.0)
    found = amplitude_spectrum(matched, 10.0)
    assert matched.dtype == np.float32
    assert found.mean == pytest.approx(-7.0, abs=0.01)
    band = (found.frequencies > 0.004) & (found.frequencies < 0.046)
    wanted = np.exp(np.interp(found.frequencies, reference.frequencies, np.log(reference.amplitudes)))
    assert found.amplitudes[band] == pytest.approx(wanted[band], rel=0.05)


def test_matching_keeps_phases() -> None:
    random = np.random.default_rng(0)
    source = low_passed(random.standard_normal((24, 32, 40)), 1.0)
    reference = amplitude_spectrum(low_passed(random.standard_normal((24, 32, 40)), 2.0), 10.0)
    before, after = np.fft.fftn(source), np.fft.fftn(match_spectrum(source, reference, 10.0))
    strong = np.abs(after) > 1e-3 * np.abs(after).max()
    strong[0, 0, 0] = False  # the mean becomes that of the reference
    assert np.angle(after[strong] / before[strong]) == pytest.approx(np.zeros(strong.sum()), abs=1e-2)


def test_matching_a_tomogram_to_itself_changes_nothing(noise: np.ndarray) -> None:
    assert match_spectrum(noise, amplitude_spectrum(noise, 8.0), 8.0) == pytest.approx(noise, abs=2e-3)


def test_matching_across_voxel_sizes_compares_equal_frequencies() -> None:
    random = np.random.default_rng(3)
    fine = low_passed(random.standard_normal((64, 64, 64)), 4.0)
    reference = amplitude_spectrum(fine[::2, ::2, ::2] * 3.0, 10.0)
    matched = match_spectrum(fine, reference, 5.0)
    kept = low_passed(fine, 3.0)
    slope = (low_passed(matched, 3.0) * kept).sum() / (kept**2).sum()
    assert slope == pytest.approx(3.0, rel=0.1)


def test_frequencies_that_are_absent_stay_absent() -> None:
    source = np.zeros((16, 32, 32), dtype=np.float32)
    source += np.sin(2 * np.pi * 4 * np.arange(32) / 32).astype(np.float32)
    reference = amplitude_spectrum(np.random.default_rng(0).standard_normal((16, 32, 32)).astype(np.float32), 10.0)
    matched = match_spectrum(source, reference, 10.0)
    power = np.abs(np.fft.fftn(matched)) ** 2
    assert power[0, 0, 4] + power[0, 0, -4] > 0.999 * (power.sum() - power[0, 0, 0])


# Files


@pytest.mark.usefixtures("thin_slabs")
@pytest.mark.parametrize(
    ("kind", "value", "expected"),
    [
        ("gaussian", 14.0, lambda v: gaussian(v, 14.0, (12.0, 10.0, 10.0))),
        ("median", 3, lambda v: median(v, 3)),
        ("anisotropic", 4, lambda v: anisotropic_diffusion(v, 4)),
        ("invert", None, invert),
        ("bin", 2, lambda v: bin_volume(v, 2)),
        ("bin", 3, lambda v: bin_volume(v, 3)),
        ("swap-axes", "yzx", lambda v: swap_axes(v, "yzx")),
        ("swap-axes", "xyz", lambda v: swap_axes(v, "xyz")),
    ],
)
def test_a_file_in_slabs_equals_the_volume_in_memory(
    tmp_path: Path, noise: np.ndarray, kind: str, value: object, expected: object
) -> None:
    output = tmp_path / "out" / "é.mrc"
    filter_volume(written(tmp_path, noise, (12.0, 10.0, 10.0)), output, kind, value)  # type: ignore[arg-type]
    found, wanted = read(output), expected(noise)  # type: ignore[operator]
    assert found.dtype == np.float32
    if kind == "invert":  # the mean is summed in another order
        assert found == pytest.approx(wanted, abs=1e-5)
    else:
        assert np.array_equal(found, wanted)


@pytest.mark.usefixtures("thin_slabs")
def test_a_median_in_three_dimensions_crosses_slabs(tmp_path: Path, noise: np.ndarray) -> None:
    filter_volume(written(tmp_path, noise), tmp_path / "out.mrc", "median", 5, dimensions=3)
    assert np.array_equal(read(tmp_path / "out.mrc"), median(noise, 5, dimensions=3))


@pytest.mark.parametrize("kind", ["gaussian", "anisotropic"])
def test_a_halo_wider_than_the_volume(tmp_path: Path, noise: np.ndarray, kind: str) -> None:
    value = 90.0 if kind == "gaussian" else 40
    filter_volume(written(tmp_path, noise[:3]), tmp_path / "out.mrc", kind, value)
    whole = gaussian(noise[:3], 90.0, 10.0) if kind == "gaussian" else anisotropic_diffusion(noise[:3], 40)
    assert np.array_equal(read(tmp_path / "out.mrc"), whole)


@pytest.mark.usefixtures("thin_slabs")
@pytest.mark.parametrize(("kind", "value"), [("median", 3), ("invert", None), ("swap-axes", "xzy")])
@pytest.mark.parametrize("dtype", ["int8", "int16", "uint16"])
def test_whole_numbers_stay_whole(tmp_path: Path, kind: str, value: object, dtype: str) -> None:
    volume = np.random.default_rng(0).integers(0, 120, SHAPE).astype(dtype)
    filter_volume(written(tmp_path, volume), tmp_path / "out.mrc", kind, value)  # type: ignore[arg-type]
    found = read(tmp_path / "out.mrc")
    assert found.dtype == dtype
    wanted = {"median": lambda: median(volume, 3), "invert": lambda: invert(volume)}
    assert np.array_equal(found, wanted.get(kind, lambda: swap_axes(volume, "xzy"))())


def test_matching_files(tmp_path: Path, noise: np.ndarray) -> None:
    source = written(tmp_path, noise)
    reference = tmp_path / "reference.mrc"
    other = low_passed(np.random.default_rng(9).normal(size=(20, 40, 30)), 1.0)
    write_volume(reference, other, voxel_sizes=10.0)
    filter_volume(source, tmp_path / "out.mrc", "match", reference)
    wanted = match_spectrum(noise, amplitude_spectrum(other, 10.0), 10.0)
    assert read(tmp_path / "out.mrc") == pytest.approx(wanted, abs=1e-5)


def test_binned_voxels_stay_in_place(tmp_path: Path) -> None:
    volume = np.zeros((12, 12, 12), dtype=np.float32)
    volume[3:6, 6:9, 9:12] = 1.0
    filter_volume(written(tmp_path, volume, (12.0, 10.0, 10.0)), tmp_path / "out.mrc", "bin", 3)
    with Tomogram.open(tmp_path / "out.mrc") as binned:
        assert binned.voxel_sizes == pytest.approx((36.0, 30.0, 30.0))
        x, y, z = binned.origin
        assert binned.slab(0, 4)[1, 2, 3] == 1.0
    # The centre of the block, in angstrom, before and after.
    before = (100.0 + 10 * 10.0, -50.0 + 7 * 10.0, 25.0 + 4 * 12.0)
    assert (x + 3 * 30.0, y + 2 * 30.0, z + 1 * 36.0) == pytest.approx(before)


def test_voxel_size_and_origin_follow_the_axes(tmp_path: Path, noise: np.ndarray) -> None:
    filter_volume(written(tmp_path, noise, (12.0, 10.0, 10.5)), tmp_path / "out.mrc", "swap-axes", "YZX")
    with Tomogram.open(tmp_path / "out.mrc") as swapped:
        assert swapped.shape == (31, 23, 37)
        assert swapped.voxel_sizes == pytest.approx((10.0, 12.0, 10.5))
        assert swapped.origin == pytest.approx((100.0, 25.0, -50.0))


def test_other_filters_keep_the_place(tmp_path: Path, noise: np.ndarray) -> None:
    filter_volume(written(tmp_path, noise), tmp_path / "out.mrc", "gaussian", 20.0)
    with Tomogram.open(tmp_path / "out.mrc") as smooth:
        assert smooth.origin == pytest.approx((100.0, -50.0, 25.0))
        assert smooth.voxel_size == pytest.approx(10.0)
        assert any("Gaussian 20 A" in label for label in smooth.info.labels)


def test_the_voxel_size_can_be_overridden(tmp_path: Path, noise: np.ndarray) -> None:
    source = written(tmp_path, noise, 0.0)
    with pytest.raises(AisError, match="voxel size"):
        filter_volume(source, tmp_path / "out.mrc", "gaussian", 20.0)
    filter_volume(source, tmp_path / "out.mrc", "gaussian", 20.0, voxel_size=8.0)
    assert np.array_equal(read(tmp_path / "out.mrc"), gaussian(noise, 20.0, 8.0))
    filter_volume(source, tmp_path / "binned.mrc", "bin", 2)
    with Tomogram.open(tmp_path / "binned.mrc") as binned:
        assert binned.voxel_size == 0.0


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        ("sharpen", 1),
        ("gaussian", None),
        ("gaussian", 0.0),
        ("gaussian", -5.0),
        ("gaussian", math.nan),
        ("gaussian", math.inf),
        ("gaussian", 1e9),
        ("gaussian", "wide"),
        ("median", 4),
        ("median", 1),
        ("median", 3.5),
        ("median", 1001),
        ("median", True),
        ("anisotropic", 0),
        ("anisotropic", -1),
        ("anisotropic", 10_000),
        ("invert", 3),
        ("bin", 1),
        ("bin", 0),
        ("bin", 30),
        ("bin", 1000),
        ("swap-axes", "zzz"),
        ("swap-axes", "zy"),
        ("swap-axes", None),
        ("match", None),
        ("match", "missing.mrc"),
    ],
)
def test_wrong_values_are_refused_and_write_nothing(
    tmp_path: Path, noise: np.ndarray, kind: str, value: object
) -> None:
    source = written(tmp_path, noise)
    with pytest.raises(AisError):
        filter_volume(source, tmp_path / "out" / "out.mrc", kind, value)  # type: ignore[arg-type]
    assert [path.name for path in tmp_path.iterdir()] == [source.name]


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_values_that_are_not_numbers_are_refused(tmp_path: Path, noise: np.ndarray, kind: str) -> None:
    noise[20, 3, 4] = np.nan
    source = written(tmp_path, noise)
    value = {"match": source, "gaussian": 20.0, "median": 3, "anisotropic": 2, "bin": 2, "swap-axes": "xyz"}.get(kind)
    with pytest.raises(AisError, match="finite"):
        filter_volume(source, tmp_path / "out.mrc", kind, value)
    assert not (tmp_path / "out.mrc").exists()


def test_the_input_is_never_overwritten(tmp_path: Path, noise: np.ndarray) -> None:
    source = written(tmp_path, noise)
    with pytest.raises(AisError, match="input itself"):
        filter_volume(source, tmp_path / "." / source.name, "bin", 2)
    assert np.array_equal(read(source), noise)


@pytest.mark.usefixtures("thin_slabs")
def test_cancelling_leaves_no_file(tmp_path: Path, noise: np.ndarray) -> None:
    class Impatient(Progress):
        def report(self, done: float, *_: object) -> None:
            if done > 0:
                raise Cancelled

    source = written(tmp_path, noise)
    with pytest.raises(Cancelled):
        filter_volume(source, tmp_path / "out.mrc", "gaussian", 20.0, progress=Impatient())
    assert [path.name for path in tmp_path.iterdir()] == [source.name]
