"""Particles of crYOLO, Dynamo, STOPGAP and IMOD: against other readers, there and back, and files that are damaged."""

from __future__ import annotations

import struct
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import dynamotable
import imodmodel
import numpy as np
import pytest
import starfile
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from scipy.spatial.transform import Rotation

from ais.annotation import AddTomogram
from ais.cli.main import run
from ais.errors import AisError
from ais.formats import coordinates as co
from ais.formats.coord_angles import angles_to_zxz, zxz_to_angles
from ais.formats.registry import write_volume
from ais.project import Project

PORTAL = "formats/portal/20002/annotations"
FAST = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])

degrees = st.integers(-180 * 10**6, 180 * 10**6).map(lambda i: i / 1e6)
places = st.integers(-(10**6), 4 * 10**9).map(lambda i: i / 1e6)


@st.composite
def tables(draw: Any) -> co.Coordinates:
    n = draw(st.integers(1, 6))
    names = draw(st.lists(st.sampled_from(["TS_01", "TS_02", "lamella 7"]), min_size=n, max_size=n))
    return co.Coordinates(
        draw(hnp.arrays(np.float64, (n, 3), elements=places)),
        names,
        draw(hnp.arrays(np.float64, (n, 3), elements=degrees)),
    )


def some(n: int = 4, **columns: list[str]) -> co.Coordinates:
    generator = np.random.default_rng(n)
    return co.Coordinates(
        generator.uniform(0, 90, (n, 3)), ["TS_01"] * n, generator.uniform(-180, 180, (n, 3)), None, dict(columns)
    )


def same_rotations(a: np.ndarray | None, b: np.ndarray | None) -> bool:
    assert a is not None
    assert b is not None
    return bool((co.angles_to_rotation(a) * co.angles_to_rotation(b).inv()).magnitude().max(initial=0.0) < 1e-6)


# --- angles ----------------------------------------------------------------------------------------------------


@FAST
@given(hnp.arrays(np.float64, (3, 3), elements=degrees))
def test_zxz_is_the_rotation_that_dynamo_and_stopgap_mean(zxz: np.ndarray) -> None:
    ours = co.angles_to_rotation(zxz_to_angles(zxz)).as_matrix()
    assert np.allclose(ours, Rotation.from_euler("zxz", zxz, degrees=True).as_matrix(), atol=1e-9)
    back = angles_to_zxz(zxz_to_angles(zxz))
    assert np.allclose(back[:, 1], zxz[:, 1])
    assert np.allclose(np.mod(back - zxz + 180, 360), 180)


# --- STOPGAP ---------------------------------------------------------------------------------------------------


def test_a_motive_list_of_the_data_portal(test_data: Path, tmp_path: Path) -> None:
    file = test_data / PORTAL / "stopgap_star.star"
    table = co.read_coordinates(file)
    frame: Any = starfile.read(file)
    expected = frame[["orig_x", "orig_y", "orig_z"]].to_numpy() + frame[["x_shift", "y_shift", "z_shift"]].to_numpy()
    assert np.allclose(table.positions, expected - 1)  # it counts from 1
    matrices = Rotation.from_euler("zxz", frame[["phi", "the", "psi"]].to_numpy(), degrees=True).as_matrix()
    assert np.allclose(co.angles_to_rotation(table.angles).as_matrix(), matrices)
    assert table.tomograms == ["1", "1", "2", "2", "2", "3"]
    co.write_coordinates(tmp_path / "again.star", table, dialect="stopgap")
    again: Any = starfile.read(tmp_path / "again.star")
    assert list(again.columns) == list(frame.columns)
    assert again["tomo_num"].tolist() == frame["tomo_num"].tolist()
    assert again["halfset"].tolist() == frame["halfset"].tolist()
    assert again["score"].tolist() == frame["score"].tolist()
    text = (tmp_path / "again.star").read_text()
    assert "#" not in text  # STOPGAP takes a number after a label for a part of the label
    assert "_class\n\n" in text


@FAST
@given(tables())
def test_motive_lists_and_tables_of_dynamo_there_and_back(tmp_path: Path, table: co.Coordinates) -> None:
    for name in ("a.star", "a.tbl"):
        (tmp_path / "a.doc").unlink(missing_ok=True)
        first = tmp_path / name
        co.write_coordinates(first, table, dialect="stopgap")
        read = co.read_coordinates(first)
        assert np.allclose(read.positions, table.positions, atol=2e-6)
        assert same_rotations(read.angles, table.angles)
        # The same particles stay together, whatever the tomograms are called.
        assert len(set(zip(read.tomograms, table.tomograms, strict=True))) == len(table.tomogram_names)
        if name == "a.tbl":
            assert read.tomograms == table.tomograms
        text = first.read_text()
        co.write_coordinates(first, read, dialect="stopgap")
        assert first.read_text() == text


def test_numbers_of_tomograms_are_those_in_their_names(tmp_path: Path) -> None:
    def written(*names: str) -> list[str]:
        table = co.Coordinates(np.zeros((len(names), 3)), list(names))
        co.write_coordinates(tmp_path / "a.star", table, dialect="stopgap")
        return co.read_coordinates(tmp_path / "a.star").tomograms

    assert written("TS_03_10.00Apx", "TS_12_10.00Apx", "TS_03_10.00Apx") == ["3", "12", "3"]
    assert written("cell", "TS_03") == ["1", "2"]
    assert written("a3", "b3") == ["1", "2"]


# --- Dynamo ----------------------------------------------------------------------------------------------------


def test_dynamotable_reads_what_is_written(tmp_path: Path) -> None:
    table = some(3, rlnClassNumber=["1", "2", "2"])
    table.tomograms = ["TS_05", "TS_04", "TS_05"]
    written = co.write_coordinates(tmp_path / "a.tbl", table)
    assert written == [tmp_path / "a.doc", tmp_path / "a.tbl"]
    frame = dynamotable.read(str(tmp_path / "a.tbl"), str(tmp_path / "a.doc")).sort_values("tag")
    assert np.allclose(frame[["x", "y", "z"]].to_numpy(), table.positions + 1, atol=1e-6)
    matrices = Rotation.from_euler("zxz", frame[["tdrot", "tilt", "narot"]].to_numpy(), degrees=True).as_matrix()
    assert np.allclose(matrices, co.angles_to_rotation(table.angles).as_matrix(), atol=1e-6)
    assert frame["tomo_file"].tolist() == table.tomograms
    assert frame["tomo"].tolist() == [5, 4, 5]
    assert frame["class"].tolist() == [1, 2, 2]


def test_what_dynamotable_writes_is_read(tmp_path: Path) -> None:
    import pandas as pd

    frame = pd.DataFrame(
        {
            **{"x": [11.0, 20.5], "y": [1.0, 2.0], "z": [3.0, 4.0], "dx": [0.5, 0.0], "dy": [0.0, -1.0], "dz": [0, 0]},
            **{"tdrot": [10.0, -30], "tilt": [20.0, 90], "narot": [30.0, 0]},
            **{"tomo_file": ["data/TS_1.mrc", "data/TS_9.rec"], "tomo": [1, 2], "cc": [0.25, 0.5], "reg": [3, 4]},
        }
    )
    dynamotable.write(frame, str(tmp_path / "a.tbl"))
    table = co.read_coordinates(tmp_path / "a.tbl")
    assert np.allclose(table.positions, [[10.5, 0, 2], [19.5, 0, 3]])
    assert table.tomograms == ["TS_1", "TS_9"]
    assert table.numbers("cc").tolist() == [0.25, 0.5]
    co.write_coordinates(tmp_path / "b.tbl", table)
    again = co.read_coordinates(tmp_path / "b.tbl")
    assert again.columns == table.columns
    assert again.tomograms == table.tomograms


# --- crYOLO ----------------------------------------------------------------------------------------------------

CBOX = """
data_global

_cbox_format_version 1.0

data_cryolo

loop_
_CoordinateX #1
_CoordinateY #2
_CoordinateZ #3
_Width #4
_Height #5
_Depth #6
_EstWidth #7
_EstHeight #8
_Confidence #9
_NumBoxes #10
_Angle #11
10.0 20.0 30.0 37 37 37 30.5 30.5 0.75 <NA> <NA>
-2.5 0.0 7.0 20 30 20 30.5 30.5 0.5 4 <NA>

data_cryolo_include

loop_
_slice_index #1
7
30
"""


def test_boxes_of_cryolo(tmp_path: Path) -> None:
    (tmp_path / "TS_01.cbox").write_text(CBOX)
    table = co.read_coordinates(tmp_path / "TS_01.cbox", tomogram="TS_01")
    assert table.positions.tolist() == [[28.5, 38.5, 30.0], [7.5, 15.0, 7.0]]
    assert table.tomograms == ["TS_01", "TS_01"]
    assert table.numbers("Confidence").tolist() == [0.75, 0.5]
    co.write_coordinates(tmp_path / "again.cbox", table)
    ours: Any = starfile.read(tmp_path / "again.cbox", always_dict=True)
    theirs: Any = starfile.read(tmp_path / "TS_01.cbox", always_dict=True)
    assert list(ours) == list(theirs)
    assert ours["cryolo"].equals(theirs["cryolo"].astype(ours["cryolo"].dtypes))
    assert ours["cryolo_include"]["slice_index"].tolist() == [7, 30]
    again = co.read_coordinates(tmp_path / "again.cbox", tomogram="TS_01")
    assert again.positions.tolist() == table.positions.tolist()
    assert again.columns == table.columns


def test_boxes_of_a_micrograph_are_refused(tmp_path: Path) -> None:
    (tmp_path / "a.cbox").write_text(CBOX.replace("20.0 30.0 37", "20.0 <NA> 37"))
    with pytest.raises(AisError, match="belongs to a micrograph"):
        co.read_coordinates(tmp_path / "a.cbox")
    (tmp_path / "a.cbox").write_text(CBOX.replace("_Width", "_Breadth"))
    with pytest.raises(AisError, match="holds no boxes"):
        co.read_coordinates(tmp_path / "a.cbox")


# --- IMOD ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["points.mod", "oriented_points.mod"])
def test_models_of_imod_as_imodmodel_reads_them(test_data: Path, name: str, tmp_path: Path) -> None:
    file = test_data / PORTAL / name
    table = co.read_coordinates(file, tomogram="TS_01")
    frame: Any = imodmodel.read(file)
    assert np.allclose(table.positions, frame[["x", "y", "z"]].to_numpy() - [0.5, 0.5, 0])
    assert table.numbers("imodContour").tolist() == (frame["contour_id"] + 1).tolist()
    co.write_coordinates(tmp_path / "again.mod", table, voxel_size=13.5, shape=(40, 50, 60))
    again = imodmodel.ImodModel.from_file(tmp_path / "again.mod")
    assert (again.header.xmax, again.header.ymax, again.header.zmax) == (60, 50, 40)
    assert again.header.pixelsize == pytest.approx(1.35)
    assert again.header.units == -9
    assert np.allclose(imodmodel.read(tmp_path / "again.mod")[["x", "y", "z"]], frame[["x", "y", "z"]])
    back = co.read_coordinates(tmp_path / "again.mod", tomogram="TS_01")
    assert back.positions.tolist() == table.positions.tolist()
    assert back.columns == table.columns


def test_filaments_become_contours(tmp_path: Path) -> None:
    table = some(5, rlnHelicalTubeID=["1", "1", "4", "4", "4"])
    co.write_coordinates(tmp_path / "a.mod", table)
    model = imodmodel.ImodModel.from_file(tmp_path / "a.mod")
    assert [len(contour.points) for contour in model.objects[0].contours] == [2, 3]
    assert model.objects[0].header.flags.open
    co.write_coordinates(tmp_path / "b.mod", some(5))
    assert imodmodel.ImodModel.from_file(tmp_path / "b.mod").objects[0].header.flags.scattered


def test_a_part_of_a_tomogram_that_a_model_was_drawn_on(test_data: Path, tmp_path: Path) -> None:
    data = (test_data / PORTAL / "oriented_points.mod").read_bytes()
    start = data.index(b"MINX") + 8
    image = list(struct.unpack(">18f", data[start : start + 72]))
    image[12:15] = [-16.14545440673828 * offset for offset in (10, 20, 30)]
    (tmp_path / "a.mod").write_bytes(data[:start] + struct.pack(">18f", *image) + data[start + 72 :])
    whole = co.read_coordinates(test_data / PORTAL / "oriented_points.mod")
    assert np.allclose(co.read_coordinates(tmp_path / "a.mod").positions - whole.positions, [10, 20, 30])


def damaged_models(data: bytes) -> dict[str, tuple[bytes, str]]:
    contour = data.index(b"CONT") + 4
    return {
        "no model": (b"IMODV1.1" + data[8:], "not an IMOD model"),
        "flipped": (data[:152] + struct.pack(">I", 1 << 16) + data[156:], "flipped"),
        "many points": (data[:contour] + b"\xff\xff\xff\xff" + data[contour + 4 :], "truncated"),
        "many contours": (data.replace(b"\0\0\0\x04\0\0\0\0", b"\0\xff\0\x04\0\0\0\0", 1), "truncated"),
        "half": (data[: len(data) // 3], "truncated"),
        "nan": (data[: contour + 16] + b"\x7f\xc0\0\0" + data[contour + 20 :], "not a finite number"),
        "no points": (data[:148] + b"\0\0\0\0" + data[152:240] + b"IEOF", "holds no points"),
    }


@pytest.mark.parametrize("kind", list(damaged_models(b"\0" * 300 + b"CONT" + b"\0" * 300)))
def test_damaged_models_are_refused(test_data: Path, tmp_path: Path, kind: str) -> None:
    data, sentence = damaged_models((test_data / PORTAL / "oriented_points.mod").read_bytes())[kind]
    (tmp_path / "a.mod").write_bytes(data)
    with pytest.raises(AisError, match=sentence):
        co.read_coordinates(tmp_path / "a.mod")


@pytest.mark.parametrize(
    ("name", "text", "sentence"),
    [
        ("a.tbl", "1 2 3\n", "3 columns"),
        ("a.tbl", " ".join(["1"] * 26) + "\n1 2\n", "2 values for 26 columns in row 2"),
        ("a.tbl", " ".join(["1"] * 25 + ["1+2i"]), "not a number in its column z"),
        ("a.tbl", " ".join(["1"] * 5000), "5000 columns"),
        ("a.star", "data_x\nloop_\n_orig_x\n_orig_y\n_orig_z\n_x_shift\n_y_shift\n_z_shift\n1 2 3 a 0 0\n", "x_shift"),
        ("a.cbox", "1 2 3\n", "not a star file"),
    ],
)
def test_damaged_tables_are_refused(tmp_path: Path, name: str, text: str, sentence: str) -> None:
    (tmp_path / name).write_text(text)
    with pytest.raises(AisError, match=sentence):
        co.read_coordinates(tmp_path / name)


XYZ = "data_\nloop_\n_rlnCoordinateX\n_rlnCoordinateY\n_rlnCoordinateZ\n"


@pytest.mark.parametrize(
    ("name", "text", "sentence"),
    [
        ("a.star", "data_\nloop_\n" + "".join(f"_a{i}\n" for i in range(100_000)), "more than 10000 columns"),
        ("a.csv", ",".join(f"a{i}" for i in range(100_000)), "more than 10000 columns"),
        ("a.star", "data_\n" * 200_000, "more than 10000 blocks"),
        ("a.star", XYZ + "'a " * 200_000, "200000 values for 3 columns"),
        ("a.star", XYZ + '"a ' * 200_000, "200000 values for 3 columns"),
        ("a.star", XYZ + "1 2 3\n" * 20_000 + "1 2 " + "9" * 1_000_000, "not a number"),
        ("a.tbl", " ".join(["1e308"] * 26), "not a finite number"),
    ],
)
def test_large_files_without_sense_are_refused_at_once(tmp_path: Path, name: str, text: str, sentence: str) -> None:
    (tmp_path / name).write_text(text)
    began = time.process_time()
    with pytest.raises(AisError, match=sentence):
        co.read_coordinates(tmp_path / name)
    assert time.process_time() - began < 5


# --- the command line ------------------------------------------------------------------------------------------


@pytest.fixture
def project(tmp_path: Path) -> Path:
    path = tmp_path / "work.aisproj"
    opened = Project.create(path)
    for name in ("TS_01_10.00Apx", "TS_02_10.00Apx"):
        write_volume(tmp_path / f"{name}.mrc", np.zeros((40, 50, 60), np.int8), voxel_sizes=10.0)
        opened.apply(AddTomogram(tmp_path / f"{name}.mrc"))
    opened.close()
    return path


def sets_of(project: Path) -> dict[str, int]:
    opened = Project.open(project)
    try:
        return {
            entry.name: sum(len(opened.particle_table(one)) for one in opened.particle_sets(entry.id))
            for entry in opened.tomograms()
        }
    finally:
        opened.close()


def test_every_kind_of_file_is_converted_into_every_other(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_volume(tmp_path / "TS_01.mrc", np.zeros((100, 100, 100), np.int8), voxel_sizes=10.0)
    table = some()
    co.write_coordinates(tmp_path / "start.star", table, dialect="warp")
    names = ["a.star", "b.tbl", "c.mod", "d.cbox", "e.csv", "f.star"]
    before = "start.star"
    for name in names:
        dialect = ["--star", "stopgap"] if name == "f.star" else []
        words = ["convert", str(tmp_path / before), str(tmp_path / name), "--tomogram", str(tmp_path / "TS_01.mrc")]
        assert run([*words, *dialect]) == 0, capsys.readouterr().err
        before = name
    assert np.allclose(co.read_coordinates(tmp_path / before).positions, table.positions, atol=1e-4)
    for name in names[1:]:
        assert run(["info", str(tmp_path / name)]) == 0
        assert "coordinates" in capsys.readouterr().out


def test_several_tomograms_in_a_file_that_cannot_name_them(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], test_data: Path
) -> None:
    for name in ("a.mod", "a.cbox"):
        words = ["convert", str(test_data / PORTAL / "stopgap_star.star"), str(tmp_path / name)]
        assert run(words) == 2
        assert "cannot say in which tomogram" in capsys.readouterr().err
        assert not (tmp_path / name).exists()


def motive_list(tmp_path: Path, *numbers: int) -> Path:
    table = co.Coordinates(np.full((len(numbers), 3), 20.0), [str(number) for number in numbers])
    co.write_coordinates(tmp_path / "motl.star", table, dialect="stopgap")
    return tmp_path / "motl.star"


def nameless(suffix: str) -> Callable[[Path], Path]:
    def write(tmp_path: Path) -> Path:
        path = tmp_path / f"TS_02_10.00Apx_picks{suffix}"
        co.write_coordinates(path, co.Coordinates(np.full((3, 3), 20.0)))
        return path

    return write


@pytest.mark.parametrize(
    ("make", "expected"),
    [
        (lambda folder: motive_list(folder, 1, 2, 2), [1, 2]),
        (nameless(".mod"), [0, 3]),
        (nameless(".cbox"), [0, 3]),
        (nameless(".tsv"), [0, 3]),
        (nameless(".csv"), [0, 3]),
    ],
)
def test_import_finds_the_tomograms(
    tmp_path: Path, project: Path, make: Callable[[Path], Path], expected: list[int], capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["import", str(make(tmp_path)), "-o", str(project)]) == 0, capsys.readouterr().err
    assert "-> TS_02_10.00Apx" in capsys.readouterr().out
    assert list(sets_of(project).values()) == expected


def test_the_user_says_which_tomogram_is_meant(
    tmp_path: Path, project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = motive_list(tmp_path, 1, 7)
    assert run(["import", str(file), "-o", str(project)]) == 2
    assert "--tomogram-name" in capsys.readouterr().err
    assert sum(sets_of(project).values()) == 0
    assert run(["import", str(file), "-o", str(project), "--tomogram-name", "7=TS_02_10.00Apx"]) == 0
    assert list(sets_of(project).values()) == [1, 1]
    assert run(["import", str(file), "-o", str(project), "--tomogram-name", "7"]) == 2
    capsys.readouterr()
    assert run(["import", str(file), "-o", str(project), "--leave-out-unknown"]) == 0
    assert "1 particle of 7 left out" in capsys.readouterr().err
    assert list(sets_of(project).values()) == [2, 1]
    file.rename(tmp_path / "other.star")
    patterns = ["--tomogram-name", "{name}=TS_0{name}_*", "--leave-out-unknown"]
    assert run(["import", str(tmp_path / "other.star"), "-o", str(project), *patterns]) == 0
    assert list(sets_of(project).values()) == [3, 1]
