"""Particles read into the tomograms of a project and written again: nothing is lost, and what is wrong is said."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import starfile

from ais.annotation import AddParticleSet, AddTomogram, DeleteParticles, MoveParticle
from ais.annotation.particle_files import particles_of_sets, preview_file, save_particles
from ais.annotation.particle_loading import load_particles
from ais.annotation.particle_names import NameRule, TomogramNames
from ais.errors import AisError
from ais.formats.coordinates import PixelSizeUnknown
from ais.formats.registry import write_volume
from ais.project import Project

NAMES = ("TS_01", "TS_02_10.00Apx", "TS_10")
SHAPE = (40, 50, 60)

WARP = """
data_

loop_
_rlnMicrographName #1
_rlnCoordinateX #2
_rlnCoordinateY #3
_rlnCoordinateZ #4
_rlnAngleRot #5
_rlnAngleTilt #6
_rlnAnglePsi #7
_rlnAutopickFigureOfMerit #8
_myOwnNote #9
TS_01.tomostar 10.500000 20.000000 5.000000 10.000000 20.000000 30.000000 0.500 'two words'
TS_02.tomostar 30.000000 40.250000 15.000000 11.000000 21.000000 31.000000 0.7 b
TS_01.tomostar 12.000000 22.000000 39.000000 12.000000 22.000000 32.000000 9.25 007
"""

RELION5 = """
data_optics

loop_
_rlnOpticsGroup #1
_rlnOpticsGroupName #2
_rlnTomoTiltSeriesPixelSize #3
1 first 2.500

data_particles

loop_
_rlnTomoName #1
_rlnCenteredCoordinateXAngst #2
_rlnCenteredCoordinateYAngst #3
_rlnCenteredCoordinateZAngst #4
_rlnOpticsGroup #5
_rlnRandomSubset #6
TS_01 0.000000 0.000000 0.000000 1 1
TS_01 -300.000000 250.000000 -200.000000 1 2
"""

RELION4 = RELION5.replace("CenteredCoordinate", "Coordinate").replace("Angst", "")


@pytest.fixture
def project(tmp_path: Path) -> Project:
    project = Project.create(tmp_path / "work.aisproj")
    for name in NAMES:
        write_volume(tmp_path / f"{name}.mrc", np.zeros(SHAPE, np.int8), voxel_sizes=10.0)
        project.apply(AddTomogram(tmp_path / f"{name}.mrc"))
    return project


def loaded(project: Project, path: Path) -> list[int]:
    """Load a file as the window does; gives the numbers of the sets."""
    found = load_particles(path, project.tomograms(), project.tomogram_by_id(1))
    return [
        project.apply(AddParticleSet(number, path.stem, table, {"file": str(path)})).id
        for number, table in found.parts.items()
    ]


def written(text: str, path: Path) -> Path:
    path.write_text(text)
    return path


def saved(project: Project, path: Path, numbers: list[int], **how: object) -> list[Path]:
    table, owners = particles_of_sets(project, [project.particle_set(number) for number in numbers])
    return save_particles(path, table, owners, **how)


@pytest.mark.parametrize(
    ("dialect", "text"),
    [("warp", WARP), ("relion5", RELION5), ("relion4", RELION4)],
    ids=["warp", "relion5", "relion4"],
)
def test_a_star_file_with_unknown_columns_comes_back_as_it_was(
    project: Project, tmp_path: Path, dialect: str, text: str
) -> None:
    numbers = loaded(project, written(text, tmp_path / "in.star"))
    saved(project, tmp_path / "out.star", numbers, dialect=dialect)
    ours, theirs = (starfile.read(tmp_path / name, always_dict=True) for name in ("out.star", "in.star"))
    (before,) = (block for block in theirs.values() if len(block) > 1)
    (after,) = (block for block in ours.values() if len(block) > 1)
    keys = [name for name in before.columns if "Name" in name]
    before, after = (t.sort_values(keys, kind="stable").reset_index(drop=True) for t in (before, after))
    assert set(before.columns) <= set(after.columns)
    for column in before.columns:
        assert after[column].tolist() == before[column].tolist(), column
    assert "optics" not in theirs or ours["optics"].to_dict() == theirs["optics"].to_dict()


def test_positions_are_where_each_dialect_means_them(project: Project, tmp_path: Path) -> None:
    centre = [30.0, 25.0, 20.0]
    (five,) = loaded(project, written(RELION5, tmp_path / "5.star"))
    assert project.particles(project.particle_set(five)).positions.tolist() == [centre, [0.0, 50.0, 0.0]]
    (four,) = loaded(project, written(RELION4, tmp_path / "4.star"))
    assert project.particles(project.particle_set(four)).positions[1].tolist() == [-75.0, 62.5, -50.0]


def test_what_was_edited_is_written_and_the_rest_is_untouched(project: Project, tmp_path: Path) -> None:
    first, second = loaded(project, written(WARP, tmp_path / "in.star"))
    project.apply(DeleteParticles(first, [0]))
    project.apply(MoveParticle(first, 1, (1.0, 2.0, 3.0)))
    saved(project, tmp_path / "out.star", [first, second], dialect="warp")
    table = starfile.read(tmp_path / "out.star")
    assert table["rlnMicrographName"].tolist() == ["TS_01.tomostar", "TS_02.tomostar"]
    assert table["rlnCoordinateX"].tolist() == [1.0, 30.0]
    assert table["myOwnNote"].astype(str).tolist() == ["007", "b"]


def test_a_file_keeps_its_particles_when_more_are_appended(project: Project, tmp_path: Path) -> None:
    numbers = loaded(project, written(WARP, tmp_path / "in.star"))
    path = tmp_path / "out.star"
    saved(project, path, numbers, dialect="warp", append=True)  # there is no file yet
    saved(project, path, numbers, dialect="warp", append=True)
    table = starfile.read(path)
    assert len(table) == 6
    assert table["rlnCoordinateX"].tolist()[:3] == table["rlnCoordinateX"].tolist()[3:]


def test_the_preview_is_what_is_written(project: Project, tmp_path: Path) -> None:
    numbers = loaded(project, written(WARP, tmp_path / "in.star"))
    table, owners = particles_of_sets(project, [project.particle_set(number) for number in numbers])
    preview = preview_file("out.star", table, owners, dialect="relion4", tilt_series_pixel_size=2.5)
    saved(project, tmp_path / "out.star", numbers, dialect="relion4", tilt_series_pixel_size=2.5)
    assert "\n".join(preview.lines) == "\n".join((tmp_path / "out.star").read_text().splitlines())
    assert preview.files == ("out.star",)
    assert preview.dimensions == ("TS_01: 60 x 50 x 40 voxels of 10 A", "TS_02: 60 x 50 x 40 voxels of 10 A")
    several = preview_file("out.star", table, owners)
    assert several.files == ("out_TS_01.star", "out_TS_02.star", "out.star")


@pytest.mark.parametrize(
    ("name", "number"),
    [("TS_01", 1), ("ts_01", 1), ("TS_02", 2), ("TS_1", None), ("TS", None), ("rec_TS_10_bin4", 3), ("", 3)],
)
def test_names_of_tomograms(project: Project, name: str, number: int | None) -> None:
    found = TomogramNames(project.tomograms()).find(name, project.tomogram_by_id(3))
    assert (found.id if found is not None else None) == number


@pytest.mark.parametrize(
    ("in_file", "in_project", "name", "meant"),
    [
        ("{name}", "{name}", "TS_1", "TS_1"),
        ("{name}_rec", "{name}", "TS_01_rec", "TS_01"),
        ("{name}_rec", "{name}", "TS_01", None),
        ("*_{name}.*", "lamella_{name}_*", "a_b_7.x", "lamella_7_*"),
        ("7", "TS_lamella", "7", "TS_lamella"),
        ("a.b(c)", "x", "a.b(c)", "x"),
        ("TS_{name}", "{name}", "ts_5", "5"),
    ],
)
def test_patterns_of_names(in_file: str, in_project: str, name: str, meant: str | None) -> None:
    assert NameRule(in_file, in_project).meant(name) == meant


@pytest.mark.parametrize(
    ("in_file", "in_project"), [("", "a"), ("{name}{name}", "a"), ("a", "{name}"), ("{name}", " ")]
)
def test_patterns_that_make_no_sense(in_file: str, in_project: str) -> None:
    with pytest.raises(AisError):
        NameRule(in_file, in_project)


def test_the_first_pattern_that_fits_counts(project: Project) -> None:
    tomograms = TomogramNames(project.tomograms())
    rules = [NameRule("x{name}", "TS_{name}*"), NameRule("*", "TS_01")]
    assert [found and found.name for found in (tomograms.find(n, None, rules) for n in ("x10", "x0", "a"))] == [
        "TS_10",
        None,  # two tomograms begin with TS_0
        "TS_01",
    ]
    assert tomograms.find("ts_02.mrc_13.48Apx.mrc").id == 2


def test_tomograms_that_are_not_in_the_project_are_said(project: Project, tmp_path: Path) -> None:
    path = written(WARP.replace("TS_02.", "TS_77."), tmp_path / "in.star")
    found = load_particles(path, project.tomograms())
    assert (list(found.parts), found.unknown, found.count) == ([1], {"TS_77": 1}, 2)
    path.write_text(WARP.replace("TS_0", "other"))
    with pytest.raises(AisError, match="other1, other2, which are not in this project"):
        load_particles(path, project.tomograms())


WRONG = {
    "empty": ("a.star", "", "is empty"),
    "no star": ("a.star", "what is this\n", "a.star"),
    "no positions": ("a.star", "data_\n\nloop_\n_a\n_b\n1 2\n", "no particle positions"),
    "cut off": ("a.star", WARP[:-40], "a.star"),
    "not a number": ("a.star", WARP.replace("10.500000", "ten"), "not a number"),
    "infinite": ("a.star", WARP.replace("10.500000", "inf"), "no finite number"),
    "two columns": ("a.txt", "1 2\n3 4\n", "2 columns"),
    "only a head": ("a.csv", "x,y,z\n", "holds no particles"),
    "another kind": ("a.mrc", "1 2 3\n", "no file of coordinates"),
    "too far": ("a.txt", "1e12 2 3\n", "too far away"),
}


@pytest.mark.parametrize("case", WRONG)
def test_wrong_files_give_a_sentence_and_change_nothing(project: Project, tmp_path: Path, case: str) -> None:
    name, text, sentence = WRONG[case]
    digest = project.content_digest()
    with pytest.raises(AisError, match=sentence):
        loaded(project, written(text, tmp_path / name))
    assert project.content_digest() == digest


def test_what_a_file_needs_and_nobody_knows_is_asked_for(project: Project, tmp_path: Path) -> None:
    path = written(RELION4.replace("_rlnTomoTiltSeriesPixelSize", "_rlnMyPixelSize"), tmp_path / "in.star")
    with pytest.raises(PixelSizeUnknown):
        load_particles(path, project.tomograms())
    found = load_particles(path, project.tomograms(), tilt_series_pixel_size=5.0)
    assert found.parts[1].positions[1].tolist() == [-150.0, 125.0, -100.0]
    with pytest.raises(AisError, match="open that tomogram first"):
        load_particles(written("1 2 3\n", tmp_path / "a.txt"), project.tomograms())


def test_text_tables_belong_to_the_tomogram_on_the_screen(project: Project, tmp_path: Path) -> None:
    path = written("x,y,z,note\n1,2,3,a\n4,5,6,b\n", tmp_path / "a.csv")
    (number,) = loaded(project, path)
    table = project.particles(project.particle_set(number))
    assert (table.tomograms, table.columns) == (["TS_01"] * 2, {"note": ["a", "b"]})
    saved(project, tmp_path / "b.csv", [number])
    assert (tmp_path / "b.csv").read_text() == "x,y,z,tomogram,note\n1,2,3,TS_01,a\n4,5,6,TS_01,b\n"


def test_what_cannot_be_written_is_said(project: Project, tmp_path: Path) -> None:
    numbers = loaded(project, written(WARP, tmp_path / "in.star"))
    with pytest.raises(AisError, match="cannot say in which tomogram"):
        saved(project, tmp_path / "out.txt", numbers)
    with pytest.raises(AisError, match="no particles to save"):
        saved(project, tmp_path / "out.star", [])
