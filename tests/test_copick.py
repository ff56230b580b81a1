"""copick projects: listed, imported and written to; each file as the documentation of copick describes it."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import zarr
from copick_projects import SHAPE, SIZE, picks, project
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation
from windowless import nothing, said, settled, until

from ais.cli.main import run
from ais.errors import AisError
from ais.formats.coordinates import Coordinates, angles_to_rotation, read_coordinates, write_coordinates
from ais.formats.copick_project import is_copick_project, read_copick_project
from ais.formats.registry import volume_stem, write_volume
from ais.gui.editor import Editor
from ais.project import Project

FAST = settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


# --- picks -----------------------------------------------------------------------------------------------------


def test_a_file_of_the_data_portal(test_data: Path) -> None:
    path = test_data / "formats/portal/20002/annotations/copick.json"
    table = read_coordinates(path, voxel_size=5.0, tomogram="TS_9")
    given = json.loads(path.read_text())
    assert table.tomograms == ["TS_9"] * 4
    np.testing.assert_allclose(table.positions[0], [8.0, 4.0, 6.0])
    assert table.angles is not None
    for row, point in enumerate(given["points"]):
        matrix = np.array(point["transformation_"])[:3, :3]
        # RELION's rotations of the tomogram to the reference, by SciPy: the inverse of what maps the particle.
        expected = Rotation.from_euler("ZYZ", table.angles[row], degrees=True).inv().as_matrix()
        np.testing.assert_allclose(expected, matrix, atol=1e-9)
    plain = test_data / "formats/portal/20002/annotations/copick_instance.json"
    table = read_coordinates(plain, voxel_size=2.5)
    assert table.tomogram_names == ["Position_94_Vol"]
    assert table.angles is None
    np.testing.assert_allclose(table.positions[-1], [3.0, 2.0, 1.0])


def test_the_shift_in_a_transformation_belongs_to_the_place(tmp_path: Path) -> None:
    content = picks()
    content["points"][0]["transformation_"] = [[0, -1, 0, 10], [1, 0, 0, -5.5], [0, 0, 1, 20], [0, 0, 0, 1]]
    path = tmp_path / "a.json"
    path.write_text(json.dumps(content))
    table = read_coordinates(path, voxel_size=(5.0, 10.0, 10.0))
    np.testing.assert_allclose(table.positions, [[11.0, 5.0, 10.0]])
    assert table.angles is not None
    np.testing.assert_allclose(angles_to_rotation(table.angles).apply([[1, 0, 0]]), [[0, 1, 0]], atol=1e-12)
    content["trust_orientation"] = False
    path.write_text(json.dumps(content))
    assert read_coordinates(path, voxel_size=10.0).angles is None


@FAST
@given(
    rows=st.lists(st.tuples(*[st.floats(-1e4, 1e4)] * 3, *[st.floats(-180, 180)] * 3), max_size=5),
    size=st.floats(0.5, 30),
    angles=st.booleans(),
)
def test_picks_come_back_as_they_were(
    tmp_path_factory: pytest.TempPathFactory, rows: list[tuple[float, ...]], size: float, angles: bool
) -> None:
    path = tmp_path_factory.mktemp("picks") / "anna_2_ribosome.json"
    numbers = np.array(rows, np.float64).reshape(-1, 6)
    table = Coordinates(
        numbers[:, :3],
        ["TS_1"] * len(rows),
        numbers[:, 3:] if angles else None,
        None,
        {"score": [0.5] * len(rows), "instance_id": list(range(1, len(rows) + 1)), "note": ["x"] * len(rows)},
    )
    write_coordinates(path, table, voxel_size=size)
    back = read_coordinates(path, voxel_size=size)
    np.testing.assert_allclose(back.positions, table.positions, atol=1e-5)
    assert back.tomograms == table.tomograms
    if rows:
        assert [float(value) for value in back.columns["score"]] == [0.5] * len(rows)
        assert list(back.columns["instance_id"]) == list(range(1, len(rows) + 1))
        assert list(back.columns["note"]) == ["x"] * len(rows)
    if angles and rows and back.angles is not None:
        assert table.angles is not None
        ways = angles_to_rotation(back.angles) * angles_to_rotation(table.angles).inv()
        assert ways.magnitude().max() < 1e-6
    written = json.loads(path.read_text())
    assert (written["user_id"], written["session_id"], written["pickable_object_name"]) == ("anna", "2", "ribosome")


BAD_PICKS: dict[str, tuple[Any, str]] = {
    "no JSON": ("{", "not JSON"),
    "a list": ([1], "not a JSON object"),
    "another file": ({"a": 1}, "neither a file of picks"),
    "a project": ({"pickable_objects": []}, "ais copick list"),
    "points that are none": (picks(points=3), "neither a file of picks"),
    "a point that is none": (picks(points=[3]), "points"),
    "no location": (picks(points=[{}]), "location"),
    "a location of words": (picks(points=[{"location": {"x": "here", "y": 1, "z": 2}}]), "location"),
    "a location without end": (picks(points=[{"location": {"x": 1e999, "y": 1, "z": 2}}]), "location"),
    "a matrix of another size": (
        picks(points=[{"location": {"x": 1, "y": 1, "z": 2}, "transformation_": [[1]]}]),
        "transformation_",
    ),
    "a last row that is none": (
        picks(points=[{"location": {"x": 1, "y": 1, "z": 2}, "transformation_": np.ones((4, 4)).tolist()}]),
        "transformation_",
    ),
    "a matrix that mirrors": (
        picks(points=[{"location": {"x": 1, "y": 1, "z": 2}, "transformation_": np.diag([1, 1, -1, 1]).tolist()}]),
        "no rotation, in point 1",
    ),
    "another unit": (picks(unit="pixel"), "angstrom"),
}


@pytest.mark.parametrize("kind", BAD_PICKS)
def test_bad_picks_give_one_sentence(tmp_path: Path, kind: str, capsys: pytest.CaptureFixture[str]) -> None:
    content, words = BAD_PICKS[kind]
    path = tmp_path / "a.json"
    path.write_text(content if isinstance(content, str) else json.dumps(content))
    with pytest.raises(AisError, match=words):
        read_coordinates(path, voxel_size=1.0)
    if kind != "a project":
        assert run(["info", str(path)]) == 2
        assert len(capsys.readouterr().err.strip().splitlines()) == 1


def test_convert_and_info_know_picks(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "anna_7_ribosome.json"
    path.write_text(json.dumps(picks()))
    star, back = tmp_path / "a.star", tmp_path / "bob_1_ribosome.json"
    assert run(["info", "--json", str(path)]) == 0
    facts = json.loads(capsys.readouterr().out)
    assert (facts["kind"], facts["dialect"], facts["rows"], facts["tomograms"]) == (
        "coordinates",
        "copick",
        1,
        ["TS_1"],
    )
    assert run(["convert", str(path), str(star), "--star", "warp", "--voxel-size", "10"]) == 0
    assert run(["convert", str(star), str(back), "--voxel-size", "10"]) == 0
    written = json.loads(back.read_text())
    assert written["points"][0]["location"] == {"x": 100.0, "y": 55.5, "z": 30.0}
    assert (written["run_name"], written["user_id"], written["voxel_spacing"]) == ("TS_1", "bob", 10.0)
    assert run(["convert", str(path), str(tmp_path / "b.star")]) == 2
    assert "voxel size" in capsys.readouterr().err


# --- projects --------------------------------------------------------------------------------------------------


def test_a_project_is_listed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    config = project(tmp_path)
    assert is_copick_project(config)
    assert run(["copick", "list", str(config), "--json"]) == 0
    facts = json.loads(capsys.readouterr().out)
    assert [one["name"] for one in facts["objects"]] == ["ribosome", "membrane"]
    first, second = facts["runs"]
    assert [(one["voxel_size"], one["type"]) for one in first["tomograms"]] == [
        (10.0, "denoised"),
        (10.0, "wbp"),
        (20.0, "wbp"),
    ]
    assert [(one["user"], one["session"], one["object"]) for one in first["picks"]] == [
        ("anna", "7", "ribosome"),
        ("bob", "1", "ribosome"),
    ]
    assert second["name"] == "TS_2"
    assert all(Path(one["path"]).exists() for entry in facts["runs"] for one in entry["tomograms"] + entry["picks"])
    assert run(["copick", "list", str(config)]) == 0
    assert "picks         ribosome  anna 7" in capsys.readouterr().out


def test_what_is_in_the_overlay_counts(tmp_path: Path) -> None:
    config = project(tmp_path)
    path = tmp_path / "overlay/ExperimentRuns/TS_1/Picks/anna_7_ribosome.json"
    path.write_text(json.dumps(picks(points=[])))
    assert [one.path for one in read_copick_project(config).picks if one.user == "anna"] == [path]


@pytest.mark.parametrize("root", ["file", "relative", "plain"])
def test_ways_to_name_a_root(tmp_path: Path, root: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path.parent)
    overlay = {"file": (tmp_path / "overlay").as_uri(), "relative": "overlay", "plain": str(tmp_path / "overlay")}
    found = read_copick_project(project(tmp_path, overlay_root=overlay[root], static_root=None))
    assert found.overlay == tmp_path / "overlay"
    assert found.runs == ("TS_1", "TS_2")


BAD_PROJECTS: dict[str, tuple[dict[str, Any], str]] = {
    "objects that are none": ({"pickable_objects": 3}, "no copick project"),
    "an object without a name": ({"pickable_objects": [{}]}, "has no name"),
    "no root": ({"overlay_root": 3}, "overlay_root is no folder"),
    "a root elsewhere": ({"overlay_root": "ssh://host/a"}, "on this computer only"),
    "folders that are gone": ({"overlay_root": "/nowhere/a", "static_root": "/nowhere/b"}, "does not exist"),
    "the data portal": (
        {"config_type": "cryoet_data_portal", "overlay_root": None, "dataset_ids": [1]},
        "'cryoet_data_portal'",
    ),
}


@pytest.mark.parametrize("kind", BAD_PROJECTS)
def test_bad_projects_give_one_sentence(tmp_path: Path, kind: str, capsys: pytest.CaptureFixture[str]) -> None:
    changes, words = BAD_PROJECTS[kind]
    assert run(["copick", "list", str(project(tmp_path, **changes))]) == 2
    said = capsys.readouterr().err.strip()
    assert words in said
    assert len(said.splitlines()) == 1


def test_wrong_use_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    config = str(project(tmp_path))
    for words, told in (
        (["copick", "look", config], "list or write"),
        (["copick", "list", config, config], "one project"),
        (["copick", "write", config], "which files"),
        (["copick", "list", str(tmp_path / "none.json")], "none.json"),
        (["import", config, "-o", str(tmp_path / "p.aisproj")], "20 A: wbp"),
        (["import", config, "-o", str(tmp_path / "p.aisproj"), "--spacing", "10", "--run", "TS_8"], "no run TS_8"),
        (["import", "a.mrc", "-o", str(tmp_path / "p.aisproj"), "--spacing", "10"], "of a copick project"),
    ):
        assert run(words) == 2
        said = capsys.readouterr().err.strip()
        assert told in said
        assert len(said.splitlines()) == 1
    assert not (tmp_path / "p.aisproj").exists()


def test_import_takes_a_tomogram_of_each_run_and_their_picks(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    config, target = project(tmp_path), tmp_path / "p.aisproj"
    command = ["import", str(config), "-o", str(target), "--spacing", "10", "--tomogram-type", "wbp"]
    assert run(command) == 0, capsys.readouterr().err
    with closing(Project.open(target)) as opened:
        assert [(one.name, one.shape, one.voxel_size) for one in opened.tomograms()] == [
            ("TS_1", SHAPE, SIZE),
            ("TS_2", SHAPE, SIZE),
        ]
        sets = opened.all_particle_sets()
        assert sorted(one.name for one in sets) == ["anna_7_ribosome", "bob_1_ribosome"]
        np.testing.assert_allclose(opened.particle_table(sets[0]).positions, [[10.0, 5.55, 3.0]])
    one = tmp_path / "one.aisproj"
    assert run(["import", str(config), "-o", str(one), "--spacing", "20", "--run", "TS_2"]) == 0
    with closing(Project.open(one)) as opened:
        assert [entry.name for entry in opened.tomograms()] == ["TS_2"]


def test_tomograms_are_called_by_their_runs() -> None:
    runs = "data/ExperimentRuns/TS_1"
    assert volume_stem(f"{runs}/VoxelSpacing10.000/wbp.zarr") == "TS_1"
    assert volume_stem(f"{runs}/VoxelSpacing10.000/wbp.zarr/1") == "TS_1"
    assert volume_stem(f"{runs}/VoxelSpacing10.000/wbp.zarr/labels/membrane") == "TS_1__membrane"
    assert volume_stem(f"{runs}/Segmentations/10.000_ais_1_membrane.zarr") == "TS_1__membrane"
    assert volume_stem(f"{runs}/Segmentations/10.000_ais_1_all-multilabel.zarr") == "TS_1__all"
    assert volume_stem(f"{runs}/wbp.zarr") == "wbp"


def test_particles_of_a_star_file_become_picks_of_their_runs(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    config = project(tmp_path)
    star = tmp_path / "all__ribosome_coords.star"
    table = Coordinates(np.array([[1.0, 2, 3], [4, 5, 6], [7, 8, 9]]), ["TS_1", "TS_2_10.00Apx", "TS_1"])
    write_coordinates(star, table, dialect="warp")
    command = ["copick", "write", str(config), str(star)]
    assert run(command) == 2
    assert "give --spacing" in capsys.readouterr().err
    assert run([*command, "--spacing", "10", "--json"]) == 0
    written = [Path(path) for path in json.loads(capsys.readouterr().out)]
    assert [path.relative_to(tmp_path / "overlay/ExperimentRuns").as_posix() for path in written] == [
        "TS_1/Picks/ais_1_ribosome.json",
        "TS_2/Picks/ais_1_ribosome.json",
    ]
    first = json.loads(written[0].read_text())
    assert [point["location"] for point in first["points"]] == [
        {"x": 10.0, "y": 20.0, "z": 30.0},
        {"x": 70.0, "y": 80.0, "z": 90.0},
    ]
    assert (first["run_name"], first["user_id"], first["voxel_spacing"]) == ("TS_1", "ais", 10.0)
    before = written[0].read_bytes()
    assert run([*command, "--spacing", "20"]) == 2
    assert "--overwrite" in capsys.readouterr().err
    assert written[0].read_bytes() == before
    assert run([*command, "--spacing", "20", "--session", "2", "--user", "anna b"]) == 0
    assert (written[0].parent / "anna-b_2_ribosome.json").exists()
    for words, told in (
        (["--object", "virus"], "one of membrane, ribosome"),
        (["--run", "TS_7"], "no run TS_7"),
    ):
        assert run([*command, "--spacing", "10", "--session", "3", *words]) == 2
        assert told in capsys.readouterr().err


def test_segmented_volumes_become_segmentations(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    config = project(tmp_path)
    values = np.random.default_rng(1).integers(0, 256, SHAPE).astype(np.uint8)
    path = tmp_path / "TS_2__membrane.mrc"
    write_volume(path, values, voxel_sizes=SIZE)
    assert run(["copick", "write", str(config), str(path), "--label-threshold", "128"]) == 0, capsys.readouterr().err
    (found,) = read_copick_project(config).segmentations
    assert (found.run, found.voxel_size, found.user, found.name, found.multilabel) == (
        *("TS_2", 10.0, "ais", "membrane"),
        False,
    )
    assert found.path.name == "10.000_ais_1_membrane.zarr"
    np.testing.assert_array_equal(zarr.open_array(str(found.path / "0"), mode="r")[:], values >= 128)
    assert run(["copick", "write", str(config), str(path)]) == 2
    assert "--overwrite" in capsys.readouterr().err
    assert run(["copick", "list", str(config)]) == 0
    assert "segmentation  membrane  10 A  ais 1" in capsys.readouterr().out


def test_a_volume_of_another_tomogram_is_no_segmentation_of_a_run(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    config = project(tmp_path)
    path = tmp_path / "TS_2__membrane.mrc"
    write_volume(path, np.ones((SHAPE[0] + 1, *SHAPE[1:]), np.uint8), voxel_sizes=SIZE)
    assert run(["copick", "write", str(config), str(path)]) == 2
    assert "another tomogram" in capsys.readouterr().err
    assert read_copick_project(config).segmentations == ()
    assert run(["copick", "write", str(config), str(tmp_path / "TS_2__nothing.mrc")]) == 2
    assert "TS_2__nothing.mrc does not exist" in capsys.readouterr().err


@FAST
@given(data=st.data())
def test_projects_with_anything_in_them_are_read_or_refused(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    junk = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=6)
    junk = junk | st.lists(junk, max_size=3) | st.dictionaries(st.text(max_size=5), junk, max_size=3)
    given_keys = ["pickable_objects", "overlay_root", "static_root", "name", "user_id", "config_type"]
    content = data.draw(st.dictionaries(st.sampled_from(given_keys), junk))
    if data.draw(st.booleans()):
        entry = st.dictionaries(st.sampled_from(["name", "label", "color", "radius", "is_particle"]), junk)
        content["pickable_objects"] = data.draw(st.lists(entry, max_size=2))
    folder = tmp_path_factory.mktemp("copick")
    content.setdefault("overlay_root", str(folder))
    path = folder / "a.json"
    path.write_text(json.dumps(content))
    with contextlib.suppress(AisError):
        read_copick_project(path)


# --- the window ------------------------------------------------------------------------------------------------


@pytest.fixture
def editor(tmp_path: Path) -> Iterator[Editor]:
    made = Editor(tmp_path / "settings", nothing)
    yield made
    made.close()


def test_the_window_asks_what_of_a_project_is_added(tmp_path: Path, editor: Editor) -> None:
    editor.open_paths([project(tmp_path)])
    until(editor, lambda: editor.shell.sheets)
    (sheet,) = editor.shell.sheets
    tomograms, runs, _ = sheet.fields
    assert tomograms.options == ["10 A, denoised", "10 A, wbp", "20 A, wbp"]
    assert runs.options == ["TS_1", "TS_2"]
    assert not sheet.problem()
    runs.chosen.clear()
    assert sheet.problem() == "Runs: choose at least one."
    runs.search = "2"
    assert runs.listed == [1]
    runs.chosen |= {0, 1}
    tomograms.value = 2
    sheet.on_accept()
    until(editor, lambda: len(editor.snapshot.tomograms) == 2)
    assert [(entry.name, entry.voxel_size) for entry in editor.snapshot.tomograms] == [("TS_1", 20.0), ("TS_2", 20.0)]
    document = editor.document
    assert document is not None
    until(editor, lambda: len(document.project.all_particle_sets()) == 2)
    settled(editor)
    assert "no particles" not in said(editor), "files without points are passed over"


def test_other_json_files_are_told(tmp_path: Path, editor: Editor) -> None:
    project(tmp_path)
    broken = tmp_path / "broken.json"
    broken.write_text("{")
    editor.open_paths([tmp_path / "static/ExperimentRuns/TS_1/VoxelSpacing10.000/wbp.zarr", broken])
    until(editor, lambda: "broken.json" in said(editor))
    gone = project(tmp_path, overlay_root="s3://lab/a", static_root=None)
    editor.open_paths([gone])
    until(editor, lambda: "on this computer only" in said(editor))
    (tmp_path / "empty").mkdir()
    editor.open_paths([project(tmp_path, overlay_root=str(tmp_path / "empty"), static_root=None)])
    until(editor, lambda: "has no tomograms" in said(editor))
