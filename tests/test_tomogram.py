"""The tomogram: lazy reading, voxel size, normalisation."""

from __future__ import annotations

import tracemalloc
from pathlib import Path

import mrcfile
import numpy as np
import pytest

from ais.errors import AisError
from ais.formats.registry import write_volume
from ais.tomogram import Normalization, Tomogram, doubtful_voxel_size


def test_slices_and_slabs_are_float_copies(tmp_path: Path) -> None:
    data = np.random.default_rng(0).integers(-99, 99, (4, 6, 8)).astype("int16")
    write_volume(tmp_path / "TS 1.mrc", data, voxel_sizes=10.0)
    with Tomogram.open(tmp_path / "TS 1.mrc") as tomogram:
        assert (tomogram.name, tomogram.shape, tomogram.voxel_size) == ("TS 1", (4, 6, 8), 10.0)
        plane = tomogram.slice(2)
        np.testing.assert_array_equal(plane, data[2])
        assert plane.dtype == np.float32
        plane[:] = 0
        np.testing.assert_array_equal(tomogram.slab(1, 3, slice(2, 4), slice(0, 5)), data[1:3, 2:4, :5])
        with pytest.raises(AisError, match="slices 0 to 3"):
            tomogram.slice(4)


def test_a_large_volume_is_opened_without_reading_it(tmp_path: Path) -> None:
    path = tmp_path / "large.mrc"
    with mrcfile.new_mmap(path, (2000, 1024, 1024), mrc_mode=0) as file:
        file.voxel_size = 10
    tracemalloc.start()
    with Tomogram.open(path) as tomogram:
        assert tomogram.slice(1000).shape == (1024, 1024)
        assert tomogram.normalization.center == 0
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 300 << 20


def test_normalisation_is_mean_and_mad_of_the_inner_part(tmp_path: Path) -> None:
    data = np.random.default_rng(1).normal(3, 2, (40, 50, 400)).astype("f4")
    data[:, :10] = 1e4  # a bright edge, which must not count
    write_volume(tmp_path / "v.mrc", data, voxel_sizes=10.0)
    inner = data[np.linspace(0, 39, 32).astype(int), 10:40, 64:336]
    spread = 1.4826 * np.median(np.abs(inner - np.median(inner)))
    found = Tomogram.open(tmp_path / "v.mrc").normalization
    assert found.center == pytest.approx(inner.mean(), rel=1e-5)
    assert found.scale == pytest.approx(spread, rel=1e-5)


def test_normalisation_agrees_with_boxes_of_the_published_program(test_data: Path) -> None:
    # Fitted from the boxes of a training set that the published program normalised by its rule "global_mad".
    found = Tomogram.open(test_data / "cell_sim" / "tomogram.mrc").normalization
    assert found.center == pytest.approx(-0.0077916, abs=2e-6)
    assert found.scale == pytest.approx(0.967808, rel=1e-4)


def test_normalised_values() -> None:
    values = Normalization(2.0, 4.0).apply(np.array([2, 6], "int16"))
    np.testing.assert_array_equal(values, np.array([0, 1], "f4"))
    assert values.dtype == np.float32


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_values_that_are_not_finite_are_named(tmp_path: Path, bad: float) -> None:
    data = np.zeros((2, 30, 30), "f4")
    data[1, 15, 15] = bad
    write_volume(tmp_path / "v.mrc", data, voxel_sizes=10.0)
    tomogram = Tomogram.open(tmp_path / "v.mrc")
    assert tomogram.slice(0).max() == 0
    with pytest.raises(AisError, match="not finite"):
        tomogram.slice(1)
    with pytest.raises(AisError, match="not finite"):
        tomogram.normalization  # noqa: B018


@pytest.mark.parametrize(
    ("size", "words"), [(0.0, "no voxel size"), (1.0, "1.0 A"), (0.01, "outside"), (500, "outside")]
)
def test_doubtful_voxel_sizes_are_reported(tmp_path: Path, size: float, words: str) -> None:
    write_volume(tmp_path / "v.mrc", np.zeros((2, 3, 4), "f4"), voxel_sizes=size)
    assert words in Tomogram.open(tmp_path / "v.mrc").notes[-1]
    overridden = Tomogram.open(tmp_path / "v.mrc", voxel_size=13.48)
    assert overridden.require_voxel_size() == 13.48
    assert overridden.notes == ()
    assert doubtful_voxel_size(13.48) == ""


def test_a_missing_voxel_size_is_asked_for(tmp_path: Path) -> None:
    write_volume(tmp_path / "v.mrc", np.zeros((2, 3, 4), "f4"), voxel_sizes=0.0)
    with pytest.raises(AisError, match="--voxel-size"):
        Tomogram.open(tmp_path / "v.mrc").require_voxel_size()


@pytest.mark.parametrize("size", [0.0, -1.0, float("nan"), float("inf")])
def test_an_override_must_be_positive(tmp_path: Path, size: float) -> None:
    write_volume(tmp_path / "v.mrc", np.zeros((2, 3, 4), "f4"), voxel_sizes=10.0)
    with pytest.raises(AisError, match="positive"):
        Tomogram.open(tmp_path / "v.mrc", voxel_size=size)


def test_missing_folder_and_unknown_files(tmp_path: Path) -> None:
    (tmp_path / "folder.mrc").mkdir()
    (tmp_path / "notes.docx").write_text("x")
    for name, words in (("none.mrc", "does not exist"), ("folder.mrc", "is a folder"), ("notes.docx", "must end in")):
        with pytest.raises(AisError, match=words):
            Tomogram.open(tmp_path / name)
