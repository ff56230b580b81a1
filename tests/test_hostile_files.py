"""Files made to do harm, through the command line: refused in one sentence, at once, without any effect."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tracemalloc
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hostile_files import HOSTILE, IMAGES, THINGS

from ais.cli.main import run
from ais.errors import AisError
from ais.fluorescence.images import content_of, read_image
from ais.formats.registry import write_volume

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="a process is limited and watched as Linux does it")

SECONDS, MEGABYTES = 6.0, 700
OPENS = {
    ".mrc: an extended header of 2 GB that is there",
    ".tif: a strip of 2 GiB",
    ".tif: rows of nothing",
    ".tif: a directory that is its own next",
    ".tif: directories in a circle",
    ".tif: ImageJ's billion images",
    ".ome.tif: entities that multiply",
}
"""Lies that do not matter: the twelve or so voxels that are there are read."""
NAMES_OTHERS = {".star: a list that names a device", ".star: a set that names itself"}
"""What `ais info` describes; the files they name are refused when they are wanted."""
READER = Path(__file__).with_name("read_hostile.py")


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[dict[str, Any]]]:
    folder = tmp_path_factory.mktemp("hostile") / "files"
    ended = subprocess.run(
        [sys.executable, str(READER), str(folder)], capture_output=True, text=True, timeout=300, check=False
    )
    assert ended.returncode == 0, ended.stderr[-3000:]
    found: dict[str, list[dict[str, Any]]] = json.loads(ended.stdout)
    assert not list(folder.rglob("*escaped*"))
    assert not Path("/tmp/ais escaped").exists()
    return found


@pytest.mark.parametrize("name", [*HOSTILE, *THINGS])
def test_it_is_refused_in_one_sentence_without_effect(name: str, results: dict[str, list[dict[str, Any]]]) -> None:
    assert results[name]
    for result in results[name]:
        said = result["said"].strip().splitlines()
        assert "Traceback" not in result["said"], result["said"]
        assert result["seconds"] < SECONDS
        assert result["peak"] < MEGABYTES
        if name in OPENS or (name in NAMES_OTHERS and result["words"][0] == "info"):
            assert result["code"] == 0, said
            assert result["made"] in ([], ["a/b/out.mrc", "a/b/out.mrc.json"])
        else:
            assert result["code"] == 2, said
            assert result["made"] == []
            assert said[-1].startswith("ais: ")
            assert said[-1].endswith(".")
            assert "not enough memory" not in said[-1]
            assert len(said) == 1 or all("voxel size" in line for line in said[:-1])  # a note about what it is


def test_what_is_no_file_is_called_so(results: dict[str, list[dict[str, Any]]]) -> None:
    for kind in ("a pipe", "a link to endless zeros"):
        for result in results[kind]:
            assert "is no file but a pipe or a device" in result["said"] or ".zarr " in result["said"], result
    assert "more than is free" in results[".mrc.gz: a promise"][0]["said"]
    assert "program code" in results[".scnm: a Lambda"][0]["said"]
    assert "system" in results[".scns: a payload"][0]["said"]


@pytest.mark.parametrize("name", IMAGES)
def test_images_that_lie_are_refused_or_small(name: str, tmp_path: Path) -> None:
    suffix, make = IMAGES[name]
    path = tmp_path / f"bad{suffix}"
    make(path)
    said = "."
    tracemalloc.start()
    try:
        assert read_image(path).size <= 36
    except AisError as error:
        said = str(error)
    finally:
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
    assert said.endswith(".")
    assert "\n" not in said
    assert peak < 1 << 26


@pytest.mark.parametrize("kind", THINGS)
@pytest.mark.parametrize("suffix", [".png", ".tif", ".mrc"])
def test_what_is_no_image_is_not_waited_for(kind: str, suffix: str, tmp_path: Path) -> None:
    path = tmp_path / f"bad{suffix}"
    THINGS[kind](path)
    for ask in (read_image, content_of):
        with pytest.raises(AisError):
            ask(path)


@pytest.mark.parametrize("there", [True, False])
def test_names_that_are_no_text(there: bool, tmp_path: Path) -> None:
    name = os.fsdecode(b"\xff\xfe \xe9.mrc")
    if there:
        write_volume(tmp_path / "a.mrc", np.zeros((2, 3, 4), "f4"), voxel_sizes=10.0)
        (tmp_path / "a.mrc").rename(tmp_path / name)
    for words in (["info", "--json", name], ["convert", name, "b.tif"]):
        ended = subprocess.run(
            [sys.executable, "-m", "ais.cli", *words], capture_output=True, cwd=tmp_path, check=False
        )
        assert b"Traceback" not in ended.stderr
        assert ended.returncode == (0 if there else 2), ended.stderr
        if not there:
            assert b"does not exist" in ended.stderr
    mesh = subprocess.run(
        [sys.executable, "-m", "ais.cli", "mesh", name, "-o", "m"], capture_output=True, cwd=tmp_path, check=False
    )
    assert mesh.returncode == 2
    assert (b"rename that file" if there else b"does not exist") in mesh.stderr


def test_a_folder_of_tomograms_with_such_things_in_it(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_volume(tmp_path / "good.mrc", np.random.default_rng(0).normal(size=(4, 32, 32)), voxel_sizes=10.0)
    os.mkfifo(tmp_path / "pipe.mrc")
    (tmp_path / "zeros.mrc").symlink_to("/dev/zero")
    (tmp_path / "circle.mrc").symlink_to("circle.mrc")
    (tmp_path / "folder.mrc").mkdir()
    (tmp_path / "above").symlink_to(tmp_path, target_is_directory=True)
    assert run(["import", str(tmp_path), "-o", str(tmp_path / "work.aisproj")]) == 0, capsys.readouterr().err
    assert "1 tomogram" in capsys.readouterr().out
