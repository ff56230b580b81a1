"""`ais pick` along filaments and beside membranes, as a user types it; its stars as another reader sees them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import starfile
from numpy.typing import NDArray

from ais.cli.main import run
from ais.formats.coordinates import angles_to_rotation, read_coordinates
from ais.formats.registry import write_volume

SHAPE = (40, 60, 80)
VOXEL = 10.0
BALLS = ((40, 30, 20 + 15), (40, 30, 20 - 15), (22, 30, 20), (70, 8, 8))
"""x, y, z: two beside a membrane at z = 20, one in it, one far away."""


@pytest.fixture
def work(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """TS_1 with a straight filament, a flat membrane over half of it and balls, as if segmented."""
    z, y, x = np.indices(SHAPE)
    tube = ((y - 30) ** 2 + (z - 20 - 0.1 * (x - 40)) ** 2 <= 9) & (x >= 10) & (x < 70)
    membrane = (np.abs(z - 20) <= 2) & (x < 60)
    balls = np.zeros(SHAPE, bool)
    for bx, by, bz in BALLS:
        balls |= (x - bx) ** 2 + (y - by) ** 2 + (z - bz) ** 2 <= 16
    for name, mask in (("filament", tube), ("membrane", membrane), ("ribosome", balls)):
        write_volume(tmp_path / f"TS_1__{name}.mrc", np.where(mask, 255, 0).astype(np.uint8), voxel_sizes=VOXEL)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def figures(capsys: pytest.CaptureFixture[str], *words: str) -> Any:
    capsys.readouterr()
    assert run(["pick", *words, "--json"]) == 0, capsys.readouterr().err
    return json.loads(capsys.readouterr().out)


def refused(capsys: pytest.CaptureFixture[str], *words: str) -> str:
    capsys.readouterr()
    assert run(["pick", "TS_1__ribosome.mrc", "-o", "no", *words]) == 2
    assert not list(Path().glob("no/*.star"))
    return capsys.readouterr().err


def z_axes(path: str, **known: Any) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Positions and the directions of the z axes of a file's particles."""
    table = read_coordinates(path, voxel_size=VOXEL, shape=SHAPE, **known)
    assert table.angles is not None
    return table.positions, np.asarray(angles_to_rotation(table.angles).apply([0, 0, 1]))


def test_filaments_for_relion_5(work: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ("TS_1__filament.mrc", "-o", "out", "--filaments", "--min-length", "300", "--step", "40", "--twist", "30")
    made = figures(capsys, *words)
    assert (made["filaments"], made["status"]) == (1, "done")
    assert made["length"] == pytest.approx(603, abs=15)
    star: Any = starfile.read("out/TS_1__filament_coords.star")
    assert len(star) == made["picks"] == 16
    assert set(star["rlnTomoName"]) == {"TS_1"}
    assert set(star["rlnHelicalTubeID"]) == {1}
    np.testing.assert_allclose(star["rlnHelicalTrackLengthAngst"], 40 * np.arange(16), atol=1e-3)
    for label, value in {
        "rlnAngleRot": 0,
        "rlnAngleTilt": 90,
        "rlnAnglePsi": 0,
        "rlnAngleTiltPrior": 90,
        "rlnAnglePsiPrior": 0,
    }.items():
        np.testing.assert_allclose(star[label], value, atol=1e-4)
    centred = star[[f"rlnCenteredCoordinate{axis}Angst" for axis in "XYZ"]].to_numpy()
    x = centred[:, 0] / VOXEL + 40
    np.testing.assert_allclose(np.diff(x), 4 / np.sqrt(1.01), atol=0.05)
    np.testing.assert_allclose(centred[:, 1] / VOXEL + 30, 30, atol=0.3)
    np.testing.assert_allclose(centred[:, 2] / VOXEL + 20, 20 + 0.1 * (x - 40), atol=0.5)
    _, along = z_axes("out/TS_1__filament_coords.star")
    np.testing.assert_allclose(along, np.tile(np.array([1, 0, 0.1]) / np.sqrt(1.01), (16, 1)), atol=0.1)
    assert figures(capsys, *words)["status"] == "kept"
    assert run(["pick", *words[:-1], "20", "-o", "out"]) == 2
    assert figures(capsys, *words[:-1], "20", "--overwrite")["status"] == "done"
    assert figures(capsys, *words[:4], "--min-length", "700", "-o", "none")["picks"] == 0


@pytest.mark.parametrize(("dialect", "more"), [("warp", ()), ("relion4", ("--tilt-series-pixel-size", "2.5"))])
def test_filaments_in_the_other_dialects(
    work: Path, capsys: pytest.CaptureFixture[str], dialect: str, more: tuple[str, ...]
) -> None:
    words = ("TS_1__filament.mrc", "-o", "out", "--filaments", "--step", "50", "--star", dialect, *more, "--tsv")
    made = figures(capsys, *words)
    known = {"tilt_series_pixel_size": 2.5} if more else {}
    positions, along = z_axes("out/TS_1__filament_coords.star", **known)
    assert len(positions) == made["picks"] == len(np.loadtxt("out/TS_1__filament_coords.tsv"))
    np.testing.assert_allclose(positions[:, 1], 30, atol=0.3)
    np.testing.assert_allclose(along[:, 0], 1 / np.sqrt(1.01), atol=0.02)


def test_normals_and_distances(work: Path, capsys: pytest.CaptureFixture[str]) -> None:
    made = figures(capsys, "TS_1__ribosome.mrc", "-o", "out", "--orient", "normal", "--max-distance", "130")
    assert made["picks"] == 3
    positions, out = z_axes("out/TS_1__ribosome_coords.star")
    table = read_coordinates("out/TS_1__ribosome_coords.star", voxel_size=VOXEL, shape=SHAPE)
    beside = np.abs(positions[:, 2] - 20) > 5
    np.testing.assert_allclose(out[beside, 2], np.sign(positions[beside, 2] - 20), atol=1e-3)
    np.testing.assert_allclose(np.abs(out[:, 2]), 1, atol=1e-3)
    expected = 10 * np.abs(np.abs(positions[:, 2] - 20) - 2.5)
    np.testing.assert_allclose(table.numbers("aisDistance"), expected, atol=0.2)
    far = figures(capsys, "TS_1__ribosome.mrc", "-o", "far", "--surface", "TS_1__membrane.mrc", "--min-distance", "60")
    assert far["picks"] == 3
    (work / "elsewhere").mkdir()
    (work / "TS_1__membrane.mrc").rename("elsewhere/TS_1__membrane.mrc")
    words = ("TS_1__ribosome.mrc", "-o", "there", "--surface", "elsewhere/membrane")
    assert figures(capsys, *words)["picks"] == 4
    assert figures(capsys, *words)["status"] == "kept"
    shape = read_coordinates("there/TS_1__ribosome_coords.star", voxel_size=VOXEL, shape=SHAPE)
    assert shape.angles is None
    assert "no surface membrane" in refused(capsys, "--orient", "normal")


def test_long_axes(work: Path, capsys: pytest.CaptureFixture[str]) -> None:
    figures(capsys, "TS_1__filament.mrc", "-o", "out", "--orient", "axis")
    _, along = z_axes("out/TS_1__filament_coords.star")
    np.testing.assert_allclose(along, [np.array([1, 0, 0.1]) / np.sqrt(1.01)], atol=0.02)


def test_options_that_do_not_go_together(work: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert "--filaments" in refused(capsys, "--step", "40")
    assert "--filaments" in refused(capsys, "--min-length", "40")
    assert "--step" in refused(capsys, "--filaments", "--spacing", "40")
    assert "--orient" in refused(capsys, "--filaments", "--orient", "axis")
    assert "sideways" in refused(capsys, "--orient", "sideways")
    assert "--surface" in refused(capsys, "--max-distance", "40")
    assert "--step" in refused(capsys, "--filaments", "--step", "0")
    assert "nothing" in refused(capsys, "--surface", "nothing")
