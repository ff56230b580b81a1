"""Spectra of tomograms whose transform lies in a file are those of transforms in memory."""

from __future__ import annotations

import errno
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import ndimage

from ais.errors import AisError
from ais.filters import filter_volume, large_spectrum, spectrum_of, volumes
from ais.formats.registry import write_volume
from ais.tomogram import Tomogram

SHAPES = [(23, 30, 41), (24, 31, 42), (1, 16, 17), (5, 1, 8)]


@pytest.fixture
def in_files(monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    """From the call on, a few rows and planes are in memory."""

    def start() -> None:
        monkeypatch.setattr(volumes, "WHOLE_TRANSFORM_VOXELS", 0)
        monkeypatch.setattr(large_spectrum, "HELD_BYTES", 60_000)

    return start


def written(path: Path, shape: tuple[int, ...], seed: int, offset: float) -> Path:
    values: NDArray[Any] = np.random.default_rng(seed).normal(size=shape)
    smooth = ndimage.gaussian_filter(values, 0.8 + seed)
    write_volume(path, (100 * smooth + offset).astype(np.float32), voxel_sizes=(9.0, 10.0, 10.0))
    return path


@pytest.mark.parametrize("shape", SHAPES)
def test_matching_is_the_same(shape: tuple[int, ...], in_files: Callable[[], None], tmp_path: Path) -> None:
    source = written(tmp_path / "source.mrc", shape, 0, 7.0)
    reference = written(tmp_path / "reference.mrc", (20, 33, 28), 1, -3.0)
    made, spectra = [], []
    for number in range(2):
        if number:
            in_files()
        spectra.append(spectrum_of(reference))
        filter_volume(source, tmp_path / f"{number}.mrc", "match", reference)
        with Tomogram.open(tmp_path / f"{number}.mrc") as volume:
            made.append(volume.slab(0, shape[0]))
    np.testing.assert_allclose(spectra[1].amplitudes, spectra[0].amplitudes, rtol=1e-4)
    np.testing.assert_allclose(spectra[1].frequencies, spectra[0].frequencies, rtol=1e-12)
    assert spectra[1].mean == pytest.approx(spectra[0].mean, rel=1e-12)
    assert made[0].std() > 1
    np.testing.assert_allclose(made[1], made[0], atol=2e-5 * float(np.abs(made[0]).max()))
    assert sorted(path.name for path in tmp_path.iterdir()) == ["0.mrc", "1.mrc", "reference.mrc", "source.mrc"]


def test_the_file_is_in_the_folder_of_the_output(
    in_files: Callable[[], None], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    places = []
    made = tempfile.TemporaryFile

    def temporary(*, prefix: str, dir: Path | None) -> Any:
        places.append(dir)
        return made(prefix=prefix, dir=dir)

    monkeypatch.setattr(tempfile, "TemporaryFile", temporary)
    source = written(tmp_path / "source.mrc", (9, 10, 11), 0, 7.0)
    in_files()
    filter_volume(source, tmp_path / "new" / "deep" / "out.mrc", "match", source)
    assert places == [tmp_path, tmp_path / "new" / "deep"], "of the reference before the folder was made"
    assert [path.name for path in (tmp_path / "new" / "deep").iterdir()] == ["out.mrc"]


def test_a_full_disk_is_told_in_a_sentence(
    in_files: Callable[[], None], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Full:
        def __enter__(self) -> Full:
            return self

        def __exit__(self, *_: object) -> None:
            pass

        def seek(self, place: int) -> None:
            self.place = place

        def write(self, _: Any) -> None:
            if self.place > 2000:
                raise OSError(errno.ENOSPC, "No space left on device")

    source = written(tmp_path / "source.mrc", (9, 10, 11), 0, 7.0)
    spectrum = spectrum_of(source)
    in_files()
    monkeypatch.setattr(tempfile, "TemporaryFile", lambda **_: Full())
    with pytest.raises(AisError, match="temporary file: free some space"):
        filter_volume(source, tmp_path / "out.mrc", "match", spectrum)
    assert [path.name for path in tmp_path.iterdir()] == ["source.mrc"]
