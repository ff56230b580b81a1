"""The command line as a user types it: outputs, JSON, exit codes, and the whole way from tomogram to surface."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from small_project import BLOBS, SHAPE, make_model, make_project, make_training_set, volume_of_a_blob
from xvfb import drawing_here, needs_a_screen, virtual_screen

from ais.cli.inputs import find_inputs, parse_crop, parse_range, parse_slices
from ais.cli.main import COMMANDS, run
from ais.cli.opengl import OpenGL, described, find_opengl
from ais.errors import AisError
from ais.formats.registry import open_volume, write_volume
from ais.project import Project


@pytest.fixture(scope="module")
def stock(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("cli")
    make_project(folder)
    make_training_set(folder)
    make_model(folder)
    return folder


@pytest.fixture
def work(stock: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "work"
    shutil.copytree(stock, folder)
    monkeypatch.chdir(folder)
    return folder


def figures(capsys: pytest.CaptureFixture[str], *words: str) -> Any:
    """Run a command with --json and read what it prints; stdout must hold nothing else."""
    capsys.readouterr()
    assert run([*words, "--json"]) == 0, capsys.readouterr().err
    return json.loads(capsys.readouterr().out)


def test_info_of_every_kind(work: Path, capsys: pytest.CaptureFixture[str]) -> None:
    volume = figures(capsys, "info", "tomo.mrc")
    assert volume.keys() >= {"path", "kind", "shape", "dtype", "voxel_size", "origin", "min", "max", "mean"}
    assert (volume["shape"], volume["dtype"], volume["voxel_size"]) == (list(SHAPE), "float32", 10.0)
    data = open_volume("tomo.mrc").read(0, SHAPE[0])
    assert volume["mean"] == pytest.approx(float(data.mean()), abs=1e-5)
    training_set = figures(capsys, "info", "set.scnt")
    assert training_set.keys() >= {"n_samples", "n_positive", "box_size", "depth", "voxel_size", "features"}
    assert (training_set["n_samples"], training_set["n_positive"]) == (6, 3)
    model = figures(capsys, "info", "model.aism")
    assert model.keys() >= {"architecture", "feature", "voxel_size", "box_size", "depth", "normalization"}
    several = figures(capsys, "info", "work.aisproj", "picks.star", "boxes.txt")
    assert [entry["kind"] for entry in several] == ["project", "coordinates", "coordinates"]
    assert several[0]["features"][0]["boxes"] == 6


def test_info_of_values_that_are_not_numbers(work: Path, capsys: pytest.CaptureFixture[str]) -> None:
    values = np.zeros(SHAPE, "f4")
    values[0, 0, 0], values[1, 1, 1] = np.nan, 3
    write_volume("nan.mrc", values, voxel_sizes=0.0)
    found = figures(capsys, "info", "nan.mrc")
    assert (found["max"], found["voxel_size"]) == (3, 0)


def test_the_whole_way(work: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["train", "set.scnt", "-o", "new.aism", "--epochs", "2", "--copies", "2", "--option", "first_filters=4"]
    trained = figures(capsys, *words)
    assert trained.keys() >= {"loss", "val_loss", "dice", "seconds", "samples_per_second"}
    (segmented,) = figures(capsys, "segment", "-m", "new.aism", "tomo.mrc", "-o", "seg", "--range", "1:5")
    assert Path(segmented["outputs"]["blob"]).is_file()
    picked = figures(capsys, "pick", "seg__blob.mrc", "-o", "out", "--spacing", "50", "--tsv")
    assert picked["picks"] == len(BLOBS)
    rows = [tuple(map(int, line.split())) for line in Path("out/seg__blob_coords.tsv").read_text().splitlines()]
    assert sorted(rows) == sorted((x, y, z) for z, y, x in BLOBS)
    kept = figures(capsys, "pick", "seg__blob.mrc", "-o", "out", "--spacing", "50", "--tsv")
    assert kept["status"] == "kept"
    found = figures(
        capsys,
        "evaluate",
        "out/seg__blob_coords.star",
        "boxes.txt",
        "--picks",
        "--radius",
        "20",
        "--tomogram",
        "tomo.mrc",
    )
    assert found["f1"] == 1
    meshed = figures(capsys, "mesh", "seg__blob.mrc", "-o", "out", "--format", "stl", "--dust", "1000")
    assert meshed["components"] == len(BLOBS)
    scores = figures(capsys, "evaluate", "seg__blob.mrc", "mask.mrc")
    assert (scores["dice"], scores["surface_distance"]) == (1.0, 0.0)


def test_minimum_volume_is_in_cubic_angstrom(work: Path, capsys: pytest.CaptureFixture[str]) -> None:
    volume = volume_of_a_blob()
    for limit, count in ((volume * 0.99, len(BLOBS)), (volume * 1.01, 0)):
        folder = f"out{count}"
        assert figures(capsys, "pick", "seg__blob.mrc", "-o", folder, "--min-volume", str(limit))["picks"] == count
        assert figures(capsys, "mesh", "seg__blob.mrc", "-o", folder, "--dust", str(limit))["components"] == count


def test_relion5_list_names_the_file_of_each_tomogram(work: Path) -> None:
    shutil.copy("seg__blob.mrc", "TS_2__blob.mrc")
    for name in ("seg__blob.mrc", "TS_2__blob.mrc"):
        assert run(["pick", name, "-o", "out"]) == 0
    text = Path("out/relion5_import__blob.star").read_text()
    assert "seg out/seg__blob_coords.star" in text.replace("\t", " ")
    assert "TS_2 out/TS_2__blob_coords.star" in text.replace("\t", " ")


def test_picks_of_voxels_that_are_not_cubes(work: Path, capsys: pytest.CaptureFixture[str]) -> None:
    values = np.zeros((40, 40, 40), "u1")
    values[11:14, 19:22, 29:32] = 200
    write_volume("flat__blob.mrc", values, voxel_sizes=(20.0, 10.0, 10.0))
    Path("true.txt").write_text("30 20 12\n")
    expected = {"relion5": (100.0, 0.0, -160.0), "relion4": (120.0, 80.0, 96.0), "warp": (30.0, 20.0, 12.0)}
    for star, position in expected.items():
        words = ["pick", "flat__blob.mrc", "-o", star, "--star", star]
        words += ["--tilt-series-pixel-size", "2.5"] if star == "relion4" else []
        assert run(words) == 0
        row = Path(star, "flat__blob_coords.star").read_text().splitlines()[-1].split()
        assert tuple(float(cell) for cell in row if cell.lstrip("-")[0].isdigit())[:3] == pytest.approx(position)
        words = ["evaluate", f"{star}/flat__blob_coords.star", "true.txt", "--picks", "--radius", "1"]
        assert figures(capsys, *words)["f1"] == 1


def test_segmentations_in_the_folder_are_not_segmented_again(work: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (work / "data").mkdir()
    shutil.copy("tomo.mrc", "data/tomo.mrc")
    assert run(["segment", "-m", "model.aism", "data", "-o", "data"]) == 0
    assert run(["segment", "-m", "model.aism", "data", "-o", "data"]) == 0
    assert sorted(path.name for path in (work / "data").glob("*.mrc")) == ["tomo.mrc", "tomo__blob.mrc"]


def test_annotating_is_one_step_of_undo_and_replaces_the_slices(work: Path) -> None:
    words = ["annotate", "work.aisproj", "tomo", "-f", "blob", "--mask", "mask.mrc"]
    assert run([*words, "--slices", "0-2,5", "--boxes", "auto:4", "--background", "2"]) == 0
    with Project.open("work.aisproj") as project:
        digest = project.content_digest()
        project.undo()
        assert project.content_digest() != digest
        project.redo()
        assert project.content_digest() == digest


def test_label_and_threshold_choose_voxels(work: Path, capsys: pytest.CaptureFixture[str]) -> None:
    labels = np.zeros(SHAPE, "i1")
    labels[1, 10:20, 10:20], labels[2, 30:40, 30:40] = 1, 2
    write_volume("labels.mrc", labels, voxel_sizes=10.0)
    words = ["annotate", "work.aisproj", "tomo", "--mask", "labels.mrc"]
    assert figures(capsys, *words, "-f", "one", "--label", "1")["slices"] == [1]
    assert figures(capsys, *words, "-f", "two", "--threshold", "2")["slices"] == [2]
    assert figures(capsys, *words, "-f", "any")["slices"] == [1, 2]


def test_an_overridden_voxel_size_is_stored_in_the_project_only(work: Path) -> None:
    before = Path("tomo.mrc").read_bytes()
    assert run(["import", "tomo.mrc", "-o", "new.aisproj", "--voxel-size", "13.48"]) == 0
    with Project.open("new.aisproj") as project:
        assert project.tomogram("tomo").voxel_size == 13.48
        assert project.tomogram("tomo").header_voxel_size == 10.0
    assert Path("tomo.mrc").read_bytes() == before


def test_importing_again_changes_nothing(work: Path) -> None:
    assert run(["import", "tomo.mrc", "picks.star", "model.aism", "-o", "work.aisproj"]) == 0
    with Project.open("work.aisproj") as project:
        assert len(project.tomograms()) == 1
        assert len(project.models()) == 1
        (picks,) = project.particle_sets(project.tomogram("tomo").id)
        positions = project.particles(picks).positions.tolist()
        assert sorted(positions) == sorted([float(x), float(y), float(z)] for z, y, x in BLOBS)


@pytest.mark.parametrize("header", ["# x y z", "x y z", "X\tY\tZ", "X [A], Y [A], Z [A]", "tomogram x_nm y_nm z_nm"])
def test_a_text_of_numbers_is_a_file_of_coordinates(work: Path, header: str) -> None:
    share = 10.0 if "[A]" in header else 1.0  # of voxels of 10 A
    blanks = "\t" if "\t" in header else "," if "," in header else " "
    first = ["tomo"] if "tomogram" in header else []
    rows = "\n".join(blanks.join([*first, *(f"{at * share:g}" for at in (x, y, z))]) for z, y, x in BLOBS)
    Path("tomo_picks.txt").write_text(f"{header}\n{rows}\n")
    Path("list.txt").write_text("tomo.mrc\n")
    assert run(["import", "list.txt", "tomo_picks.txt", "-o", "new.aisproj"]) == 0
    with Project.open("new.aisproj") as project:
        (picks,) = project.particle_sets(project.tomogram("tomo").id)
        assert project.particles(picks).positions.tolist() == [[float(x), float(y), float(z)] for z, y, x in BLOBS]


def test_a_file_that_names_no_tomogram_is_given_one(work: Path, capsys: pytest.CaptureFixture[str]) -> None:
    shutil.copy("tomo.mrc", "other.mrc")
    Path("points.csv").write_text("x,y,z\n3,2,1\n")
    words = ["import", "other.mrc", "points.csv", "-o", "work.aisproj"]
    assert run(words) == 1
    assert "--tomogram-name points=TOMOGRAM" in capsys.readouterr().err
    assert run([*words, "--tomogram-name", "points=nowhere"]) == 1
    assert "the project has no tomogram nowhere" in capsys.readouterr().err
    assert run([*words, "--tomogram-name", "points=other"]) == 0
    with Project.open("work.aisproj") as project:
        (picks,) = project.particle_sets(project.tomogram("other").id)
        assert project.particles(picks).positions.tolist() == [[3.0, 2.0, 1.0]]


@pytest.mark.parametrize("command", ["pick", "mesh", "analyze"])
def test_a_file_in_place_of_the_folder_of_outputs_is_named(
    work: Path, command: str, capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.copy("tomo.mrc", "tomo__blob.mrc")
    assert run([command, "tomo__blob.mrc", "-o", "tomo.mrc"]) == 2
    assert "tomo.mrc is a file, not a folder" in capsys.readouterr().err
    assert run([command, "nowhere", "-o", "out"]) == 2
    assert capsys.readouterr().err.strip() == "ais: nowhere does not exist."
    assert not Path("out").exists()


def test_a_label_threshold_makes_labels(work: Path, capsys: pytest.CaptureFixture[str]) -> None:
    values = np.random.default_rng(2).integers(0, 256, SHAPE).astype(np.uint8)
    write_volume("labels.mrc", values, voxel_sizes=10.0)
    assert run(["convert", "labels.mrc", "labels.zarr", "--label-threshold", "128"]) == 0
    np.testing.assert_array_equal(open_volume("labels.zarr").read(0, SHAPE[0]), values >= 128)
    assert run(["convert", "labels.mrc", "other.mrc", "--label-threshold", "128"]) == 2
    assert "membrane.zarr" in capsys.readouterr().err


def test_converting_there_and_back(work: Path) -> None:
    for words in (["tomo.mrc", "copy.tif"], ["copy.tif", "back.mrc"]):
        assert run(["convert", *words]) == 0
    ours, theirs = open_volume("tomo.mrc"), open_volume("back.mrc")
    np.testing.assert_array_equal(ours.read(0, SHAPE[0]), theirs.read(0, SHAPE[0]))
    assert theirs.info.voxel_sizes == pytest.approx(ours.info.voxel_sizes, rel=1e-4)
    for words in (["picks.star", "w.star", "--star", "warp"], ["w.star", "back.star"]):
        assert run(["convert", *words, "--tomogram", "tomo.mrc"]) == 0
    assert Path("back.star").read_text() == Path("picks.star").read_text()


def test_training_options_from_a_file(work: Path, capsys: pytest.CaptureFixture[str]) -> None:
    config = {"epochs": 5, "copies": 1, "learning-rate": 0.01, "options": {"first_filters": 4}}
    Path("config.json").write_text(json.dumps(config))
    trained = figures(capsys, "train", "set.scnt", "-o", "new.aism", "--config", "config.json", "--epochs", "1")
    assert len(trained["history"]) == 1
    assert figures(capsys, "info", "new.aism")["options"] == {"first_filters": 4}


def test_architectures_are_listed(capsys: pytest.CaptureFixture[str]) -> None:
    names = {entry["name"]: entry for entry in figures(capsys, "train", "--list")}
    assert names["fastnet"]["default"]
    assert names["vggnet-m"]["parameters"] == pytest.approx(5.05e6, rel=0.02)


def test_doctor_says_what_is_installed(capsys: pytest.CaptureFixture[str]) -> None:
    state = figures(capsys, "doctor")
    assert state["tensorflow"]
    assert state["memory"] > 0
    assert isinstance(state["advice"], list)
    assert state["imgui-bundle"]
    assert state["glfw"]
    assert state["PyOpenGL"]
    assert "opengl" in state


def test_doctor_says_what_draws_the_window() -> None:
    with virtual_screen() as screen, drawing_here(screen):
        found = find_opengl()
    assert re.fullmatch(r"OpenGL \d\.\d, \w.*", found.text), found
    if needs_a_screen():
        assert "llvmpipe" in found.text
        assert "more slowly" in found.advice
    assert described("4.6.0 NVIDIA 550.54", "NVIDIA GeForce RTX 3080/PCIe/SSE2") == OpenGL(
        "OpenGL 4.6, NVIDIA GeForce RTX 3080"
    )


@pytest.mark.skipif(not needs_a_screen(), reason="there is always a screen")
def test_doctor_says_when_there_is_no_screen_or_no_opengl(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    with virtual_screen() as screen, drawing_here(screen):
        monkeypatch.setenv("MESA_GL_VERSION_OVERRIDE", "2.1")
        old = find_opengl()
    assert old.text == ""
    assert "needs OpenGL 3.3" in old.advice
    for name in ("DISPLAY", "WAYLAND_DISPLAY"):
        monkeypatch.delenv(name, raising=False)
    without = find_opengl()
    assert without.text == ""
    assert "no screen" in without.advice
    python = tmp_path / "python"
    python.write_text("#!/bin/sh\nkill -SEGV $$\n")
    python.chmod(0o700)
    monkeypatch.setattr(sys, "executable", str(python))
    assert "crashes (exit code -11)" in find_opengl().advice


def test_simulated_tomograms_differ_by_seed(work: Path) -> None:
    assert run(["simulate", "-o", "sim", "--count", "2", "--size", "16x64x64"]) == 0
    first, second = (open_volume(f"sim/sim_00{n}.mrc").read(0, 16) for n in (1, 2))
    assert not np.array_equal(first, second)
    assert run(["simulate", "-o", "again", "--size", "16x64x64"]) == 0
    np.testing.assert_array_equal(open_volume("again/sim_001.mrc").read(0, 16), first)


@pytest.mark.parametrize("name", sorted(name for name, command in COMMANDS.items() if not command.later))
def test_every_command_has_help(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run([name, "--help"]) == 0
    assert f"Usage: ais {name}" in capsys.readouterr().out


def test_json_stands_alone_on_stdout(work: Path) -> None:
    words = [sys.executable, "-m", "ais.cli", "segment", "-m", "model.aism", "tomo.mrc", "-o", "seg", "--json"]
    done = subprocess.run(words, capture_output=True, text=True, check=True)
    assert json.loads(done.stdout)[0]["status"] == "done"
    assert all(line.startswith("Segmenting") for line in done.stderr.splitlines())


def test_inputs(work: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (work / "data").mkdir()
    for name in ("b.mrc", "a.mrc", "c.tif", ".hidden.mrc", "notes.docx"):
        (work / "data" / name).write_bytes(b"x")
    (work / "list.txt").write_text("# chosen\ndata/b.mrc\n\n")
    assert [p.name for p in find_inputs(["data"])] == ["a.mrc", "b.mrc", "c.tif"]
    assert [p.name for p in find_inputs(["data/*.mrc"])] == ["a.mrc", "b.mrc"]
    assert [p.name for p in find_inputs(["list.txt", "data/a.mrc", "data/b.mrc"])] == ["b.mrc", "a.mrc"]


def test_a_list_that_names_itself_ends(work: Path) -> None:
    (work / "list.txt").write_text("list.txt\ntomo.mrc\n")
    assert find_inputs(["list.txt"]) == [Path("tomo.mrc")]


def test_a_missing_table_is_made_again(work: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for status in ("done", "done", "kept"):
        assert figures(capsys, "pick", "seg__blob.mrc", "-o", "out", "--tsv")["status"] == status
        if status == "done" and Path("out/seg__blob_coords.tsv").exists() and not Path("once").exists():
            Path("out/seg__blob_coords.tsv").unlink()
            Path("once").touch()


def test_ranges_crops_and_slices() -> None:
    assert parse_range("3:7", 10) == (3, 7)
    assert parse_range(":7", 10) == (0, 7)
    assert parse_range("3:", 10) == (3, 10)
    assert parse_crop("1:5,2:9") == (1, 5, 2, 9)
    assert parse_slices("5,1-3,2", 10) == [1, 2, 3, 5]
    for parse, text in ((parse_range, "7:3"), (parse_range, "x"), (parse_slices, "3-1"), (parse_slices, "1,10")):
        with pytest.raises(AisError):
            parse(text, 10)
