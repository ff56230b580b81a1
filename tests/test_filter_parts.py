"""Parts of slices as a filter will make them, against the filtered file; filters named in words."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ais.errors import AisError
from ais.filters import (
    FilterInWords,
    central_spectrum,
    filter_from_words,
    filter_volume,
    filtered_part,
    part,
    spectrum_of,
)
from ais.formats.registry import write_volume
from ais.tomogram import Tomogram

SHAPE = (30, 70, 90)
PART = 32


@pytest.fixture
def tomogram_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(part, "SIDE_PX", PART)
    return written(tmp_path / "TS_1.mrc", 1, 10.0)


def written(path: Path, seed: int, voxel_size: float) -> Path:
    """Coloured noise with a slab of structure, so that means and edges differ from place to place."""
    noise = np.random.default_rng(seed).normal(5.0, 2.0, SHAPE)
    for axis in range(3):
        noise += 0.3 * np.roll(noise, 1, axis)
    noise[:, 20:50, 30:60] += 3.0
    write_volume(path, noise.astype(np.float32), voxel_sizes=voxel_size)
    return path


@pytest.mark.parametrize(
    ("kind", "value", "dimensions"),
    [("gaussian", 15.0, 2), ("gaussian", 60.0, 2), ("median", 3, 2), ("median", 5, 3)],
)
@pytest.mark.parametrize(("z", "centre"), [(15, (35.0, 45.0)), (0, (-9.0, 2.0)), (29, (69.0, 300.0))])
def test_a_part_is_that_of_the_filtered_file(
    tmp_path: Path, tomogram_path: Path, kind: str, value: float, dimensions: int, z: int, centre: tuple[float, float]
) -> None:
    filter_volume(tomogram_path, tmp_path / "out.mrc", kind, value, dimensions=dimensions)
    rows, columns = (
        slice(start, start + PART)
        for start in (min(max(0, round(at) - PART // 2), n - PART) for at, n in zip(centre, SHAPE[1:], strict=True))
    )
    with Tomogram.open(tomogram_path) as tomogram, Tomogram.open(tmp_path / "out.mrc") as whole:
        before, after = filtered_part(tomogram, kind, value, z, centre, dimensions=dimensions)
        assert np.array_equal(before, tomogram.slice(z)[rows, columns])
        assert np.allclose(after, whole.slice(z)[rows, columns], atol=2e-5)


@pytest.mark.parametrize("kind", ["anisotropic", "match", "invert"])
def test_a_part_is_near_to_that_of_the_filtered_file(tmp_path: Path, tomogram_path: Path, kind: str) -> None:
    reference = written(tmp_path / "reference.mrc", 2, 8.0)
    filter_volume(reference, tmp_path / "smooth.mrc", "gaussian", 10.0)
    value: Any = {"anisotropic": 9, "match": tmp_path / "smooth.mrc", "invert": None}[kind]
    filter_volume(tomogram_path, tmp_path / "out.mrc", kind, value)
    if kind == "match":
        with Tomogram.open(tmp_path / "smooth.mrc") as smooth:
            value = central_spectrum(smooth)
    rows, columns = slice(19, 19 + PART), slice(29, 29 + PART)
    with Tomogram.open(tomogram_path) as tomogram, Tomogram.open(tmp_path / "out.mrc") as whole:
        before, after = filtered_part(tomogram, kind, value, 12, (35.0, 45.0))
        truth = whole.slice(12)[rows, columns]
    assert np.corrcoef(after.ravel(), truth.ravel())[0, 1] > (0.96 if kind == "match" else 0.999)
    if kind != "match":
        assert np.corrcoef(after.ravel(), before.ravel())[0, 1] < 0.99


def test_wide_medians_in_three_dimensions_are_not_awaited(tomogram_path: Path) -> None:
    with Tomogram.open(tomogram_path) as tomogram:
        with pytest.raises(AisError, match="11 voxels in 3D takes long"):
            filtered_part(tomogram, "median", 11, 5, (35.0, 45.0), dimensions=3)
        assert filtered_part(tomogram, "median", 11, 5, (35.0, 45.0))[1].shape == (PART, PART)


def test_small_tomograms_are_matched_exactly(tmp_path: Path) -> None:
    own, other = written(tmp_path / "TS_1.mrc", 1, 10.0), written(tmp_path / "TS_2.mrc", 2, 8.0)
    with Tomogram.open(own) as tomogram, Tomogram.open(other) as reference:
        estimate = central_spectrum(reference)
        _, after = filtered_part(tomogram, "match", estimate, 7, (35.0, 45.0))
    filter_volume(own, tmp_path / "by path.mrc", "match", other)
    filter_volume(own, tmp_path / "by spectrum.mrc", "match", spectrum_of(other))
    assert (tmp_path / "by path.mrc").read_bytes()[1024:] == (tmp_path / "by spectrum.mrc").read_bytes()[1024:]
    with Tomogram.open(tmp_path / "by path.mrc") as matched:
        assert np.allclose(after, matched.slice(7), atol=1e-4)
        assert any("amplitude spectrum of TS_2" in label for label in matched.info.labels)


@pytest.mark.parametrize(
    ("kind", "value", "words"),
    [
        ("gaussian", 0.0, "does not suit"),
        ("gaussian", float("nan"), "must be a number"),
        ("gaussian", 1e9, "does not suit"),
        ("median", 4, "odd"),
        ("median", 33, "from 3 to 31"),
        ("anisotropic", 0, "from 1 to 200"),
        ("match", None, "cannot be filtered"),
        ("bin", 2, "cannot be filtered"),
    ],
)
def test_wrong_values_are_refused(tomogram_path: Path, kind: str, value: float, words: str) -> None:
    with Tomogram.open(tomogram_path) as tomogram, pytest.raises(AisError, match=words):
        filtered_part(tomogram, kind, value, 3, (0.0, 0.0))


@pytest.mark.parametrize(
    ("kind", "value", "dimensions"),
    [("gaussian", 17.5, 2), ("median", 5, 3), ("median", 3, 2), ("anisotropic", 10, 2), ("invert", None, 2)],
)
def test_the_label_of_a_filtered_file_names_its_filter(
    tmp_path: Path, tomogram_path: Path, kind: str, value: float | None, dimensions: int
) -> None:
    filter_volume(tomogram_path, tmp_path / "out.mrc", kind, value, dimensions=dimensions)
    with Tomogram.open(tmp_path / "out.mrc") as made:
        label = next(label for label in made.info.labels if "Filtered" in label)
    assert filter_from_words(label) == FilterInWords(kind, value, dimensions)


@pytest.mark.parametrize(
    "text", ["", "IsoNet", "Gaussian blur", "Gaussian 20 A, inverted", "Gaussian 9 A, binned by 2"]
)
def test_texts_that_do_not_name_one_filter(text: str) -> None:
    assert filter_from_words(text) is None
