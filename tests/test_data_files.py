"""Every file of the test data: opened or refused as the page of them says, imported, converted."""

from __future__ import annotations

import sys
from contextlib import closing
from pathlib import Path
from typing import Any

import mrcfile
import numpy as np
import pytest

from ais.cli.main import run
from ais.formats import coordinates as co
from ais.formats.registry import write_volume
from ais.project import Project

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "docs"))
try:
    from make_data_files import asked, data_files, reference
finally:
    sys.path.remove(str(ROOT / "docs"))

NO_DATA = ("README.md", "LICENSE", "LICENSE.txt", "classes.json", "crop.json")
"""What describes the data, and is refused."""
JOBS = "star/cylindra_BSD3/cylindra_builtins/relion/tests/test_jobs"


def test_the_page_of_data_files_is_current(test_data: Path) -> None:
    written = (ROOT / "docs" / "reference" / "data-files.md").read_text(encoding="utf-8")
    assert written == reference(test_data), "run: .venv/bin/python docs/make_data_files.py"


def test_every_file_opens_and_what_is_no_data_is_refused_in_one_sentence(test_data: Path) -> None:
    paths = list(data_files(test_data))
    assert len(paths) > 80
    for path in paths:
        code, found, said = asked(test_data, path.relative_to(test_data))
        assert "Traceback" not in said
        if path.name in NO_DATA:
            assert (code, found) == (2, {})
            assert said.startswith("ais: ")
            assert len(said.splitlines()) == 1
        else:
            assert code == 0, said
            assert found["kind"]


def test_volumes_have_the_shape_and_voxel_size_that_mrcfile_reads(test_data: Path) -> None:
    compared = 0
    for path in data_files(test_data):
        _, found, _ = asked(test_data, path.relative_to(test_data))
        if found.get("kind") != "volume" or path.suffix not in (".mrc", ".rec", ".map"):
            continue
        with mrcfile.open(path, permissive=True) as file:
            header, values = file.header, np.asarray(file.data)
        if (header.mapc, header.mapr, header.maps) == (1, 2, 3):
            assert found["shape"] == list(values.shape)
            sizes = [float(header.cella[axis]) / float(header[f"m{axis}"] or 1) for axis in "zyx"]
            assert found["voxel_sizes"] == pytest.approx(sizes, rel=1e-4)
            assert (found["min"], found["max"]) == (values.min(), values.max())
            compared += 1
    assert compared > 15


def with_particles(test_data: Path) -> list[tuple[Path, dict[str, Any]]]:
    """Every file that holds particles, or names one that is there, and what `ais info` says of it."""
    found = [(path, asked(test_data, path.relative_to(test_data))[1]) for path in data_files(test_data)]
    missing = test_data / JOBS / "Refine3D/job_refine/run_it040_optimisation_set.star"
    return [
        (path, each) for path, each in found if path.suffix in co.SUFFIXES and each.get("dialect") and path != missing
    ]


def rows_of(path: Path, found: dict[str, Any]) -> int:
    """How many particles a file has; those of an optimisation set are in the star file beside it."""
    if found["dialect"] != "set":
        return int(found["rows"])
    (beside,) = [other for other in path.parent.glob("*.star") if co.describe_star(other).dialect == "relion5"]
    return co.describe_star(beside).rows


def test_particles_are_converted(test_data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    files = with_particles(test_data)
    assert len(files) > 20
    write_volume(tmp_path / "t.mrc", np.zeros((40, 50, 60), np.int8), voxel_sizes=10.0)
    target = tmp_path / "out.csv"
    for path, found in files:
        words = ["--tomogram", str(tmp_path / "t.mrc"), "--tilt-series-pixel-size", "2", "--overwrite"]
        assert run(["convert", str(path), str(target), *words]) == 0, capsys.readouterr().err
        lines = target.read_text().splitlines()
        assert lines[0].startswith("x,y,z,tomogram")
        assert len(lines) - 1 == rows_of(path, found), path


def test_particles_go_to_the_tomograms_that_their_file_names(
    test_data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    files = with_particles(test_data)
    for path, found in files:
        names = found["tomograms"] or (["TS_01", "TS_02"] if found["dialect"] == "set" else [path.stem])
        folder = tmp_path / path.stem
        folder.mkdir(exist_ok=True)
        volumes = [folder / f"{name}.mrc" for name in names]
        for volume in volumes:
            write_volume(volume, np.zeros((4, 5, 6), np.int8), voxel_sizes=10.0)
        project = folder / "work.aisproj"
        words = [*map(str, volumes), str(path), "-o", str(project), "--tilt-series-pixel-size", "2"]
        assert run(["import", *words]) == 0, capsys.readouterr().err
        with closing(Project.open(project, read_only=True)) as opened:
            counts = {
                entry.name: sum(len(opened.particle_table(one)) for one in opened.particle_sets(entry.id))
                for entry in opened.tomograms()
            }
        project.unlink()
        assert sum(counts.values()) == rows_of(path, found), path
        assert all(counts.values()), path


def test_an_optimisation_set_stands_for_its_particle_file(
    test_data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    picks = test_data / JOBS / "Picks/job_picks"
    given: dict[str, Any] = {"voxel_size": 10.0, "shape": (40, 50, 60)}
    named = co.read_coordinates(picks / "optimisation_set.star", **given)
    np.testing.assert_array_equal(named.positions, co.read_coordinates(picks / "particles.star", **given).positions)
    missing = test_data / JOBS / "Refine3D/job_refine/run_it040_optimisation_set.star"
    assert run(["convert", str(missing), str(tmp_path / "a.csv")]) == 2
    assert "names the particle file Refine3D/job_refine/run_it040_data.star, which cannot be found." in (
        capsys.readouterr().err
    )
    circle = tmp_path / "set.star"
    circle.write_text("data_\n_rlnTomoParticlesFile set.star\n")
    assert run(["convert", str(circle), str(tmp_path / "a.csv")]) == 2
    assert "holds no particles but names of other files" in capsys.readouterr().err
    circle.write_text("data_\nloop_\n_rlnTomoParticlesFile\na.star\nb.star\n")
    assert run(["convert", str(circle), str(tmp_path / "a.csv")]) == 2
    assert "names 2 particle files" in capsys.readouterr().err


def test_tables_with_units_in_their_header(test_data: Path, tmp_path: Path) -> None:
    table = co.read_coordinates(test_data / "cell_sim" / "particles.csv")
    x, y, z = np.round(table.positions).astype(int).T
    labels = mrcfile.read(test_data / "cell_sim" / "labels.mrc")
    there = labels[z, y, x] == np.array(table.columns["label"]).astype(int)
    assert there.mean() > 0.8  # some particles have a hole in their middle
    file = tmp_path / "a.csv"
    for header in ("x_px,y_px,z_px,x_A,y_A,z_A", "x_A,y_A,z_A,X (px),Y (px),Z (px)"):
        file.write_text(header + "\n1,2,3,1,2,3\n")
        np.testing.assert_array_equal(co.read_coordinates(file).positions, [[1, 2, 3]])
    file.write_text("x_nm,y_nm,z_nm\n1,2,3\n")
    np.testing.assert_allclose(co.read_coordinates(file, voxel_size=5.0).positions, [[2, 4, 6]])
    file.write_text("index,axis-0,axis-1,axis-2\n0.0,3.5,2.0,1.0\n")
    np.testing.assert_array_equal(co.read_coordinates(file).positions, [[1, 2, 3.5]])
