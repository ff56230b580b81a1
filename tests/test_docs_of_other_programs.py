"""The pages about other programs: their commands are run, one after the other, on files as those programs write."""

from __future__ import annotations

import re
import shlex
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import imodmodel
import mrcfile
import numpy as np
import pandas as pd
import pytest
import starfile
import trimesh

from ais.cli.main import run
from ais.formats import coordinates as co
from ais.formats.registry import write_volume
from ais.project import Project

PAGES = Path(__file__).resolve().parent.parent / "docs" / "how-to"
PROGRAMS = ("chimerax", "artiax", "imod", "blender", "napari")
BLOCK = re.compile(r"```(\w*)\n(.*?)```", re.DOTALL)
SHAPE, VOXEL_SIZE = (24, 40, 48), 10.0
ORIGIN = (100.0, -50.0, 30.0)
PICKS = np.array([[10.0, 12.0, 8.0], [30.5, 20.0, 12.0], [40.0, 30.0, 16.25]])  # x, y, z
IMOD_CENTRE = np.array([0.5, 0.5, 0.0])
ANGLES = np.array([[10.0, 20.0, 30.0], [0.0, 90.0, 45.0], [-100.0, 50.0, 0.0]])


class Viewer:
    """Stands for napari's: remembers what it is given."""

    def __init__(self) -> None:
        self.layers: dict[str, Any] = {}

    def _add(self, data: Any, name: str = "", **settings: Any) -> None:
        self.layers[name or f"layer {len(self.layers)}"] = SimpleNamespace(data=data, **settings)

    add_image = add_labels = add_points = _add


@pytest.fixture
def work(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder as the pages speak of it, with what the other programs have given back."""
    monkeypatch.chdir(tmp_path)
    for name in ("tomograms", "segmented", "picks"):
        (tmp_path / name).mkdir()
    z, y, x = np.indices(SHAPE)
    noise = np.random.default_rng(0).normal(size=SHAPE).astype(np.float32)
    membrane = ((z >= 0) & ((y - 20) ** 2 + (x - 24) ** 2 <= 100)) * np.uint8(200)
    ribosome = ((z - 12) ** 2 + (y - 20) ** 2 + (x - 24) ** 2 <= 80) * np.uint8(220)
    geometry: dict[str, Any] = {"voxel_sizes": VOXEL_SIZE, "origin": ORIGIN}
    write_volume("tomograms/TS_001.mrc", noise, **geometry)
    write_volume("segmented/TS_001__membrane.mrc", membrane, **geometry)
    write_volume("segmented/TS_001__ribosome.mrc", ribosome, **geometry)
    picks = co.Coordinates(PICKS, ["TS_001"] * 3, ANGLES, None, {"rlnClassNumber": ["1", "2", "1"]})
    co.write_coordinates("picks/TS_001__ribosome_coords.star", picks, voxel_size=VOXEL_SIZE, shape=SHAPE)
    assert run(["import", "tomograms/TS_001.mrc", "-o", "work.aisproj"]) == 0
    for name, values in (("edited.mrc", membrane.astype(np.float32)), ("mask.mrc", (membrane > 0).astype(np.int8))):
        with mrcfile.new(name) as file:
            file.set_data(values)
            file.voxel_size = VOXEL_SIZE
    yield tmp_path
    sys.modules.pop("napari", None)


def run_page(program: str, capsys: pytest.CaptureFixture[str]) -> dict[str, Any]:
    """Run what is on a page; the names that its Python made."""
    names: dict[str, Any] = {}
    count = 0
    for language, text in BLOCK.findall((PAGES / f"{program}.md").read_text(encoding="utf-8")):
        if language == "python":
            exec(compile(text, program, "exec"), names)
        elif not language:
            for line in text.strip().splitlines():
                words = shlex.split(line)
                assert words[0] == "ais"
                assert run(words[1:]) == 0, (line, capsys.readouterr().err)
                count += 1
    assert count >= 3
    return names


def annotated() -> dict[int, np.ndarray]:
    """The annotated slices of the only feature of the project."""
    with closing(Project.open("work.aisproj", read_only=True)) as project:
        (entry,), (feature,) = project.tomograms(), project.features()
        return {z: project.mask(entry.id, feature.id, z) for z in project.annotated_slices(entry.id, feature.id)}


def imported() -> np.ndarray:
    """Positions (x, y, z) of the particles in the project."""
    with closing(Project.open("work.aisproj", read_only=True)) as project:
        (entry,) = project.tomograms()
        (one,) = project.particle_sets(entry.id)
        return project.particle_table(one).positions


def test_the_page_of_chimerax(work: Path, capsys: pytest.CaptureFixture[str]) -> None:
    places = PICKS * VOXEL_SIZE + ORIGIN
    rows = "".join(f'<marker id="{n}" x="{x}" y="{y}" z="{z}" radius="1"/>' for n, (x, y, z) in enumerate(places))
    Path("picked.cmm").write_text(f'<marker_set name="markers">{rows}</marker_set>')
    run_page("chimerax", capsys)
    script = Path("surfaces/TS_001.cxc").read_text()
    assert "TS_001__membrane.mrc" in script
    assert "TS_001__ribosome.mrc" in script
    mesh = trimesh.load_mesh("surfaces/TS_001__membrane.ply")
    np.testing.assert_allclose(mesh.bounds.mean(axis=0)[:2], np.array([24, 20]) * VOXEL_SIZE + ORIGIN[:2], atol=0.1)
    assert sorted(annotated()) == [8, 12, 16]
    np.testing.assert_allclose(imported(), PICKS, atol=1e-4)


def test_the_page_of_artiax(work: Path, capsys: pytest.CaptureFixture[str]) -> None:
    cleaned = pd.DataFrame(PICKS[:2], columns=["rlnCoordinateX", "rlnCoordinateY", "rlnCoordinateZ"])
    cleaned[["rlnAngleRot", "rlnAngleTilt", "rlnAnglePsi"]] = ANGLES[:2]
    starfile.write({"particles": cleaned}, "TS_001_cleaned.star")
    run_page("artiax", capsys)
    there = starfile.read("TS_001_voxels.star")
    np.testing.assert_allclose(there[["rlnCoordinateX", "rlnCoordinateY", "rlnCoordinateZ"]], PICKS, atol=1e-4)
    np.testing.assert_allclose(there[["rlnAngleRot", "rlnAngleTilt", "rlnAnglePsi"]], ANGLES, atol=1e-4)
    np.testing.assert_allclose(imported(), PICKS[:2], atol=1e-4)
    back = starfile.read("TS_001_cleaned_relion5.star")
    assert set(back["rlnTomoName"]) == {"TS_001"}
    centred = back[[f"rlnCenteredCoordinate{axis}Angst" for axis in "XYZ"]]
    np.testing.assert_allclose(centred, (PICKS[:2] - np.array(SHAPE[::-1]) / 2) * VOXEL_SIZE, atol=1e-3)


def test_the_page_of_imod(work: Path, capsys: pytest.CaptureFixture[str]) -> None:
    points = pd.DataFrame(PICKS + IMOD_CENTRE, columns=["x", "y", "z"])
    points[["object_id", "contour_id"]] = 0
    imodmodel.write(points, "TS_001_new.mod")
    run_page("imod", capsys)
    there = imodmodel.read("TS_001_ribosome.mod")
    np.testing.assert_allclose(there[["x", "y", "z"]], PICKS + IMOD_CENTRE, atol=1e-4)
    np.testing.assert_allclose(imported(), PICKS, atol=1e-4)
    assert sorted(annotated()) == [8, 12, 16]


def test_the_page_of_blender(work: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run_page("blender", capsys)
    compile(Path("surfaces/TS_001.py").read_text(), "TS_001.py", "exec")
    scene = trimesh.load_scene("surfaces/TS_001.glb")
    assert len(scene.geometry) == 2
    mesh = trimesh.load_mesh("surfaces/TS_001__membrane.ply")
    for bounds in (scene.bounds, mesh.bounds):
        np.testing.assert_allclose(bounds.mean(axis=0), np.array([24, 20, 11.5]) * VOXEL_SIZE + ORIGIN, atol=VOXEL_SIZE)


def test_the_page_of_napari(work: Path, capsys: pytest.CaptureFixture[str]) -> None:
    module = ModuleType("napari")
    module.Viewer = Viewer  # type: ignore[attr-defined]
    sys.modules["napari"] = module
    rows = "".join(f"{n}.0,{z},{y},{x}\n" for n, (x, y, z) in enumerate(PICKS))
    Path("picked.csv").write_text("index,axis-0,axis-1,axis-2\n" + rows)
    names = run_page("napari", capsys)
    layers = names["viewer"].layers
    np.testing.assert_array_equal(layers["layer 0"].data, mrcfile.read("tomograms/TS_001.mrc"))
    np.testing.assert_array_equal(layers["layer 2"].data[0][:], mrcfile.read("tomograms/TS_001.mrc"))
    assert layers["layer 0"].scale == layers["layer 2"].scale == [VOXEL_SIZE] * 3
    np.testing.assert_allclose(layers["ribosomes"].data, PICKS[:, ::-1], atol=1e-4)
    painted = layers["membrane"].data
    found = annotated()
    assert sorted(found) == [8, 12, 16]
    for z, mask in found.items():
        np.testing.assert_array_equal(mask > 0, painted[z] == 1)
    np.testing.assert_allclose(imported(), PICKS, atol=1e-4)


@pytest.mark.parametrize("program", PROGRAMS)
def test_each_page_says_what_was_not_run_and_how_places_are_counted(program: str) -> None:
    text = (PAGES / f"{program}.md").read_text(encoding="utf-8")
    assert "not run" in text
    assert "**Geometry.**" in text
    assert "\n## Back" in text
