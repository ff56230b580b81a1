"""What `filter`, `convert` and `import` hold in memory goes by the slab that they read, and not by the volume."""

from __future__ import annotations

import tracemalloc
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ais import prediction
from ais.cli.main import run
from ais.filters import large_spectrum, masking, volumes
from ais.formats.registry import write_volume

SHAPE = (48, 192, 192)
VOXELS = 48 * 192 * 192
SLAB_VOXELS = 1 << 17
"""Three slices, where the program takes 2^25 voxels."""


@pytest.fixture(autouse=True)
def small_slabs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(prediction, "SLAB_VOXELS", SLAB_VOXELS)
    monkeypatch.setattr(volumes, "_SLAB_VOXELS", SLAB_VOXELS)
    monkeypatch.setattr(masking, "_SLAB_VOXELS", SLAB_VOXELS)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a volume of 7 MB, and a tiny one, which is worked on first so that all modules are there."""
    folder = tmp_path_factory.mktemp("memory")
    for name, shape in (("tiny", (8, 24, 24)), ("large", SHAPE)):
        values = np.random.default_rng(0).normal(0, 1, shape).astype(np.float32)
        write_volume(folder / f"{name}.mrc", values, voxel_sizes=10.0)
        write_volume(folder / f"{name}__mask.mrc", (values > 0).astype(np.uint8), voxel_sizes=10.0)
    return folder


def peak_of(command: Callable[[str], list[Any]]) -> int:
    """Peak of what a command takes for the large volume, in bytes."""
    assert run([str(word) for word in command("tiny")]) == 0
    tracemalloc.start()
    try:
        assert run([str(word) for word in command("large")]) == 0
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize(
    ("words", "bytes_of_a_voxel"),
    [
        (["--gaussian", "10"], 28),
        (["--median", "3"], 16),
        (["--median", "3", "--cube"], 28),
        (["--anisotropic", "2"], 32),
        (["--invert"], 28),
        (["--bin", "2"], 16),
        (["--swap-axes", "yzx"], 16),
        (["--swap-axes", "xzy"], 16),
        (["--mask", "MASK"], 16),
        (["--mask", "MASK", "--outside", "--threshold", "1"], 16),
    ],
    ids=lambda words: "".join(words) if isinstance(words, list) else "",
)
def test_a_filter_holds_a_slab(words: list[str], bytes_of_a_voxel: int, folder: Path, tmp_path: Path) -> None:
    """32 bytes for each voxel of a slab are 1 GiB."""

    def command(name: str) -> list[Any]:
        options = [folder / f"{name}__mask.mrc" if word == "MASK" else word for word in words]
        return ["filter", folder / f"{name}.mrc", "-o", tmp_path / f"{name}.mrc", *options]

    assert peak_of(command) < bytes_of_a_voxel * SLAB_VOXELS


def test_matching_holds_a_part_of_the_transform(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def command(name: str) -> list[Any]:
        return ["filter", folder / f"{name}.mrc", "-o", tmp_path / f"{name}.mrc", "--match", folder / f"{name}.mrc"]

    assert 12 * VOXELS < peak_of(command) < 18 * VOXELS, "of a small volume all of it"
    monkeypatch.setattr(volumes, "WHOLE_TRANSFORM_VOXELS", 0)
    monkeypatch.setattr(large_spectrum, "HELD_BYTES", 1 << 20)
    (tmp_path / "large.mrc").unlink()
    (tmp_path / "tiny.mrc").unlink()
    assert peak_of(command) < 3 << 20


@pytest.mark.parametrize("ending", [".mrc", ".tif"])
def test_converting_holds_a_slab(ending: str, folder: Path, tmp_path: Path) -> None:
    def command(name: str) -> list[Any]:
        return ["convert", folder / f"{name}.mrc", tmp_path / f"{name}{ending}"]

    assert peak_of(command) < 16 * SLAB_VOXELS


@pytest.mark.parametrize("options", [[], ["--labels"]], ids=["values", "labels"])
def test_converting_to_ome_zarr_holds_the_slices_of_a_chunk(options: list[str], tmp_path: Path) -> None:
    """Sixteen of the volume and of its smaller levels, and a chunk while it is packed."""
    values = np.zeros((600, 130, 130), np.uint16)
    values[::50] = 7
    write_volume(tmp_path / "large.mrc", values, voxel_sizes=10.0)
    write_volume(tmp_path / "tiny.mrc", values[:20, :20, :20], voxel_sizes=10.0)

    def command(name: str) -> list[Any]:
        return ["convert", tmp_path / f"{name}.mrc", tmp_path / f"{name}.zarr", *options]

    peak = peak_of(command)
    assert peak < 16 * SLAB_VOXELS + 22 * values[0].nbytes + 5 * values.itemsize * 16 * 256**2


def test_importing_and_telling_hold_some_slices(folder: Path, tmp_path: Path) -> None:
    """Of 32 slices the inner part, by whose values the tomogram is normalised."""

    def imported(name: str) -> list[Any]:
        return ["import", folder / f"{name}.mrc", "-o", tmp_path / f"{name}.aisproj"]

    assert peak_of(imported) < 2 * VOXELS
    assert peak_of(lambda name: ["info", tmp_path / f"{name}.aisproj"]) < VOXELS
    assert peak_of(lambda name: ["info", folder / f"{name}.mrc"]) < VOXELS
