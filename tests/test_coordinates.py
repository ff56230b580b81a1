"""Particle coordinates: star grammar, the dialects, text tables, angles, and files that are not what they claim."""

from __future__ import annotations

import contextlib
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from scipy.spatial.transform import Rotation

from ais.errors import AisError
from ais.formats import coordinates as co
from ais.formats.star import Block, read_blocks, write_blocks

SHAPE = (40, 101, 64)
ALL_IS_KEPT = [dialect for dialect in co.DIALECTS if dialect != "stopgap"]  # that one has its own columns only
GIVEN = {"voxel_size": 10.0, "shape": SHAPE, "tilt_series_pixel_size": 1.35}
FAST = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])

printable = st.text(st.characters(exclude_categories=("Cs", "Cc")), min_size=0, max_size=12)
values = printable.filter(lambda text: not ('"' in text and "'" in text))
names = printable.filter(lambda text: text and co.tomogram_name(text) == text and not ("'" in text and '"' in text))
labels = st.from_regex(r"[A-Za-z][A-Za-z0-9]{0,8}", fullmatch=True).map(lambda text: f"my{text}")


@st.composite
def tables(draw: Any, name: st.SearchStrategy[str] = names) -> co.Coordinates:
    n = draw(st.integers(0, 5))
    # Six decimals, so that a file holds the number exactly.
    numbers = st.integers(-(10**9), 10**10).map(lambda i: i / 1e6)
    positions = draw(hnp.arrays(np.float64, (n, 3), elements=numbers))
    degrees = st.integers(-(180 * 10**6), 180 * 10**6).map(lambda i: i / 1e6)
    angles = draw(st.none() | hnp.arrays(np.float64, (n, 3), elements=degrees))
    extra = draw(st.dictionaries(labels, st.lists(values, min_size=n, max_size=n), max_size=3))
    return co.Coordinates(positions, draw(st.lists(name, min_size=n, max_size=n)), angles, None, extra)


def relion_matrix(rot: float, tilt: float, psi: float) -> np.ndarray:
    """Rz(-psi) Ry(-tilt) Rz(-rot), written out."""

    def about_z(angle: float) -> np.ndarray:
        c, s = np.cos(np.radians(angle)), np.sin(np.radians(angle))
        return np.array([[c, -s, 0], [s, c, 0], [0, 0, 1]])

    def about_y(angle: float) -> np.ndarray:
        c, s = np.cos(np.radians(angle)), np.sin(np.radians(angle))
        return np.array([[c, 0, s], [0, 1, 0], [-s, 0, c]])

    return about_z(-psi) @ about_y(-tilt) @ about_z(-rot)


# --- star grammar ----------------------------------------------------------------------------------------------


def star_files(test_data: Path) -> list[Path]:
    return sorted(test_data.rglob("*.star"))


def test_every_star_file_reads_as_the_starfile_library_reads_it(test_data: Path) -> None:
    import starfile

    files = star_files(test_data)
    assert len(files) >= 35
    for file in files:
        expected = starfile.read(file, always_dict=True)
        blocks = read_blocks(file)
        assert [block.name for block in blocks] == list(expected), file
        for block in blocks:
            other = expected[block.name]
            if not block.loop:
                assert {k: v[0] for k, v in block.columns.items() if v[0]} == {
                    k: str(v) for k, v in other.items() if str(v)
                } or _equal_numbers(block, other), file
                continue
            assert (len(block), list(block.columns)) == (len(other), list(other.columns)), file
            for label, column in block.columns.items():
                assert _same_column(column, list(other[label])), (file, label)


def _equal_numbers(block: Block, other: dict[str, Any]) -> bool:
    return list(block.columns) == list(other) and all(
        _same_column(block.columns[label], [value]) for label, value in other.items()
    )


def _same_column(ours: list[str], theirs: list[Any]) -> bool:
    def same(a: str, b: Any) -> bool:
        if isinstance(b, str):
            return a == b
        return (a == "" and np.isnan(b)) or float(a) == pytest.approx(float(b), rel=1e-12)

    return len(ours) == len(theirs) and all(same(a, b) for a, b in zip(ours, theirs, strict=True))


def test_quotes_and_empty_values(test_data: Path) -> None:
    for kind in ("single", "double"):
        loop = read_blocks(test_data / f"star/starfile_BSD3/tests/data/loop_{kind}_quote.star")[0]
        assert loop.columns["quote_string"] == ["quote string"] * 2
        assert loop.columns["whitespace_string"] == [" ", " "]
        assert loop.columns["number_and_empty"] == ["5.0", ""]
        assert loop.columns["empty_string_and_normal_string"] == ["", "test"]
        basic = read_blocks(test_data / f"star/starfile_BSD3/tests/data/basic_{kind}_quote.star")[0]
        assert basic.columns == {
            "no_quote_string": ["noquote"],
            "quote_string": ["quote string"],
            "whitespace_string": [" "],
            "empty_string": [""],
        }


def test_values_stay_the_text_they_are(tmp_path: Path) -> None:
    file = tmp_path / "a.star"
    file.write_text("data_\nloop_\n_a #1\n_b\n0012 1.10 # said twice\n\"it's\" x#y\n# none\n\n5'-end [1,2]\n")
    assert read_blocks(file)[0].columns == {"a": ["0012", "it's", "5'-end"], "b": ["1.10", "x#y", "[1,2]"]}


@FAST
@given(
    st.lists(
        st.tuples(labels, st.lists(values, min_size=3, max_size=3)), min_size=1, max_size=4, unique_by=lambda c: c[0]
    )
)
def test_blocks_round_trip(tmp_path: Path, columns: list[tuple[str, list[str]]]) -> None:
    blocks = [
        Block("optics", {label: column[:1] for label, column in columns}, loop=False),
        Block("particles", dict(columns)),
        Block("", {label: [] for label, _ in columns}),
    ]
    write_blocks(tmp_path / "a.star", blocks)
    assert read_blocks(tmp_path / "a.star") == blocks


def test_the_starfile_library_reads_what_is_written(tmp_path: Path) -> None:
    import starfile

    table = co.Coordinates(
        np.array([[1.5, 2, 3], [4, 5, 6]]),
        ["TS 1", "Tomogramm_ä"],
        np.array([[0, 90, 10], [1, 2, 3.0]]),
        None,
        {"myTag": ["", "a b"]},
    )
    co.write_coordinates(tmp_path / "a.star", table, dialect="relion5", **GIVEN)
    read = starfile.read(tmp_path / "a.star")
    assert list(read) == ["optics", "particles"]
    assert list(read["particles"]["rlnTomoName"]) == ["TS 1", "Tomogramm_ä"]
    assert list(read["particles"]["myTag"]) == ["", "a b"]
    assert read["particles"]["rlnCenteredCoordinateXAngst"][0] == pytest.approx((1.5 - 32) * 10)
    assert read["particles"]["rlnCenteredCoordinateYAngst"][0] == pytest.approx((2 - 50.5) * 10)
    assert read["particles"]["rlnCenteredCoordinateZAngst"][0] == pytest.approx((3 - 20) * 10)
    assert read["optics"]["rlnTomoTiltSeriesPixelSize"][0] == 1.35


# --- dialects --------------------------------------------------------------------------------------------------


@FAST
@given(tables(), st.sampled_from(ALL_IS_KEPT))
def test_star_round_trip(tmp_path: Path, table: co.Coordinates, dialect: str) -> None:
    file = tmp_path / "a.star"
    co.write_coordinates(file, table, dialect=dialect, **GIVEN)
    back = co.read_coordinates(file, **GIVEN)
    tolerance = {"warp": 0.0, "relion4": 1e-6, "relion5": 1e-6}[dialect]
    np.testing.assert_allclose(back.positions, table.positions, rtol=0, atol=tolerance)
    assert back.tomograms == table.tomograms
    assert {k: v for k, v in back.columns.items() if k != "rlnOpticsGroup"} == table.columns
    if table.angles is None:
        assert back.angles is None
    else:
        np.testing.assert_array_equal(back.angles, table.angles)
    text = file.read_bytes()
    co.write_coordinates(file, back, dialect=dialect, **GIVEN)
    assert file.read_bytes() == text


@FAST
@given(tables(), st.permutations(ALL_IS_KEPT))
def test_conversion_keeps_particles_and_unknown_columns(
    tmp_path: Path, table: co.Coordinates, order: list[str]
) -> None:
    now = table
    for dialect in order:
        co.write_coordinates(tmp_path / "a.star", now, dialect=dialect, **GIVEN)
        assert co.describe_star(tmp_path / "a.star").dialect == dialect
        now = co.read_coordinates(tmp_path / "a.star", **GIVEN)
    np.testing.assert_allclose(now.positions, table.positions, rtol=0, atol=4e-6)
    assert now.tomograms == table.tomograms
    assert {k: v for k, v in now.columns.items() if k != "rlnOpticsGroup"} == table.columns


def test_formulas_of_the_dialects(tmp_path: Path) -> None:
    table = co.Coordinates(np.array([[10.0, 20, 30]]), ["TS_1"])
    expected = {
        "warp": {
            "rlnMicrographName": "TS_1.tomostar",
            "rlnCoordinateX": 10,
            "rlnCoordinateY": 20,
            "rlnCoordinateZ": 30,
        },
        "relion4": {"rlnTomoName": "TS_1", "rlnCoordinateX": 100 / 1.35, "rlnCoordinateZ": 300 / 1.35},
        "relion5": {
            "rlnTomoName": "TS_1",
            "rlnCenteredCoordinateXAngst": -220,
            "rlnCenteredCoordinateYAngst": -305,
            "rlnCenteredCoordinateZAngst": 100,
        },
    }
    for dialect, columns in expected.items():
        co.write_coordinates(tmp_path / "a.star", table, dialect=dialect, **GIVEN)
        block = read_blocks(tmp_path / "a.star")[-1]
        assert block.name == "particles"
        for label, value in columns.items():
            text = block.columns[label][0]
            assert text == value if isinstance(value, str) else float(text) == pytest.approx(value, abs=1e-6)
        assert ("rlnMicrographName" in block.columns) == (dialect == "warp")


def test_picks_of_ais_1(test_data: Path, tmp_path: Path) -> None:
    file = test_data / "ais1/dev7__Membrane_coords.star"
    picks = co.read_coordinates(file)
    assert picks.tomogram_names == ["dev7"]
    np.testing.assert_array_equal(picks.positions[0], [143, 43, 19])
    assert picks.columns["aisParticleID"][:2] == ["OqI8a0PdJM", "MoYPyY0rSv"]
    assert picks.numbers("aisParticleSize")[0] == 2.828427
    co.write_coordinates(tmp_path / "b.star", picks, voxel_size=10, shape=(128, 256, 256))
    block = read_blocks(tmp_path / "b.star")[0]
    assert set(block.columns) & {"rlnCoordinateX", "rlnMicrographName"} == set()
    assert block.columns["rlnTomoName"][0] == "dev7"
    assert block.columns["rlnCenteredCoordinateXAngst"][0] == "150.000000"
    assert block.columns["aisParticleID"] == picks.columns["aisParticleID"]


def test_particles_of_relion_5_with_subtomogram_angles_and_shifts(test_data: Path, tmp_path: Path) -> None:
    file = (
        test_data
        / "star/cylindra_BSD3/cylindra_builtins/relion/tests/test_jobs/Class3D/job_class3d/run_it025_data.star"
    )
    raw = read_blocks(file)[-1].columns

    def number(label: str) -> float:
        return float(raw[label][0])

    table = co.read_coordinates(file, voxel_size=5.4, shape=(300, 900, 800))
    inner = relion_matrix(*(number(f"rlnAngle{a}") for a in ("Rot", "Tilt", "Psi")))
    outer = relion_matrix(*(number(f"rlnTomoSubtomogram{a}") for a in ("Rot", "Tilt", "Psi")))
    centred = np.array([number(f"rlnCenteredCoordinate{a}Angst") for a in "XYZ"])
    shift = np.array([number(f"rlnOrigin{a}Angst") for a in "XYZ"])
    np.testing.assert_allclose(relion_matrix(*table.angles[0]), outer @ inner, atol=1e-12)
    np.testing.assert_allclose(
        table.positions[0], (centred - outer @ shift) / 5.4 + np.array([400, 450, 150]), rtol=1e-12
    )
    assert table.tomogram_names == ["TS_01", "TS_02"]

    co.write_coordinates(tmp_path / "a.star", table, voxel_size=5.4, shape=(300, 900, 800))
    blocks = read_blocks(tmp_path / "a.star")
    assert [block.name for block in blocks] == ["general", "optics", "particles"]
    assert blocks[1].columns == read_blocks(file)[1].columns
    written = blocks[-1].columns
    for label in ("rlnTomoVisibleFrames", "rlnImageName", "rlnRandomSubset", "rlnAngleTiltPrior", "rlnOpticsGroup"):
        assert written[label] == raw[label]
    assert "rlnOriginXAngst" not in written
    for label in ("rlnTomoSubtomogramPsi", "rlnAngleRot"):
        np.testing.assert_allclose(np.array(written[label], float), np.array(raw[label], float), atol=2e-6)
    again = co.read_coordinates(tmp_path / "a.star", voxel_size=5.4, shape=(300, 900, 800))
    np.testing.assert_allclose(again.positions, table.positions, atol=1e-6)

    co.write_coordinates(tmp_path / "w.star", table, dialect="warp")
    warp = read_blocks(tmp_path / "w.star")[-1].columns
    assert not {"rlnTomoSubtomogramRot", "rlnAngleTiltPrior", "rlnTomoName"} & set(warp)
    angles = [float(warp[f"rlnAngle{a}"][0]) for a in ("Rot", "Tilt", "Psi")]
    np.testing.assert_allclose(relion_matrix(*angles), outer @ inner, atol=1e-6)


def test_positions_of_an_export_for_relion_agree_with_the_species_that_m_made_of_it(test_data: Path) -> None:
    """M applied the shifts to the same particles: an independent check of their sign and unit."""
    folder = test_data / "star/cryoet-alignment_MIT"
    exported = co.read_coordinates(folder / "m_import_run_data.star", voxel_size=10.0)
    species = co.read_coordinates(folder / "m_species_particles.star", voxel_size=10.0)
    assert exported.tomograms == species.tomograms
    assert exported.tomogram_names[0] == "24aug01b_Position_20_1"
    np.testing.assert_allclose(exported.positions, species.positions, atol=1e-3)
    np.testing.assert_allclose(exported.angles, species.angles, atol=1e-4)
    assert [b.name for b in exported.blocks] == ["general", "optics"]


def test_relion_3_shifts_count_in_pixels(test_data: Path) -> None:
    table = co.read_coordinates(test_data / "formats/portal/20002/annotations/relion_3_star.star")
    np.testing.assert_allclose(table.positions[0], [5.2, 10.4, 15.2])
    assert table.tomogram_names[0] == "tomo_1"


def test_relion_4_takes_the_pixel_size_from_its_optics_groups(tmp_path: Path) -> None:
    file = tmp_path / "a.star"
    file.write_text(
        "data_optics\nloop_\n_rlnOpticsGroup\n_rlnTomoTiltSeriesPixelSize\n1 2.0\n2 4.0\n"
        "data_particles\nloop_\n_rlnTomoName\n_rlnCoordinateX\n_rlnCoordinateY\n_rlnCoordinateZ\n_rlnOpticsGroup\n"
        "a 10 20 30 1\nb 10 20 30 2\n"
    )
    table = co.read_coordinates(file, voxel_size=8.0)
    np.testing.assert_allclose(table.positions, [[2.5, 5, 7.5], [5, 10, 15]])
    co.write_coordinates(tmp_path / "b.star", table, dialect="relion4", voxel_size=8.0)
    assert read_blocks(tmp_path / "b.star")[-1].columns["rlnCoordinateX"] == ["10.000000", "10.000000"]
    co.write_coordinates(tmp_path / "c.star", table, dialect="relion4", voxel_size=8.0, tilt_series_pixel_size=2.0)
    changed = read_blocks(tmp_path / "c.star")
    assert changed[0].columns["rlnTomoTiltSeriesPixelSize"] == ["2", "2"]
    np.testing.assert_allclose(co.read_coordinates(tmp_path / "c.star", voxel_size=8.0).positions, table.positions)


def test_relion_5_without_optics_writes_one_file_for_each_tomogram_and_their_list(tmp_path: Path) -> None:
    table = co.Coordinates(np.arange(9.0).reshape(3, 3), ["a b", "ä", "a b"], None, None, {"myId": ["1", "2", "3"]})
    shapes = {"a b": (10, 20, 30), "ä": (12, 22, 32)}
    sizes = {"a b": 5.0, "ä": 10.0}
    files = co.write_coordinates(tmp_path / "all.star", table, voxel_size=sizes.__getitem__, shape=shapes.__getitem__)
    assert [file.name for file in files] == ["all_a_b.star", "all_ä.star", "all.star"]
    listed = read_blocks(tmp_path / "all.star")[0].columns
    assert list(listed) == ["rlnTomoName", "rlnTomoImportParticleFile"]
    assert read_blocks(files[0])[0].columns["rlnCenteredCoordinateXAngst"] == ["-75.000000", "-45.000000"]
    assert co.describe_star(tmp_path / "all.star").dialect == "list"
    moved = tmp_path / "moved"
    moved.mkdir()
    for file in files:
        file.rename(moved / file.name)
    back = co.read_coordinates(moved / "all.star", voxel_size=sizes.__getitem__, shape=shapes.__getitem__)
    assert back.tomograms == ["a b", "a b", "ä"]
    assert back.columns["myId"] == ["1", "3", "2"]
    np.testing.assert_allclose(back.positions, table.positions[[0, 2, 1]], atol=1e-6)
    files[0].with_name("moved").joinpath("all_ä.star").unlink()
    with pytest.raises(AisError, match="cannot be found"):
        co.read_coordinates(moved / "all.star", voxel_size=5, shape=SHAPE)


def test_filaments_get_the_frames_that_relion_5_expects(tmp_path: Path) -> None:
    tangents = np.random.default_rng(0).normal(size=(20, 3))
    angles = co.tangent_to_angles(tangents, rot=np.arange(20.0))
    table = co.Coordinates(
        np.zeros((20, 3)),
        ["t"] * 20,
        angles,
        None,
        {"rlnHelicalTubeID": [1] * 20, "rlnHelicalTrackLengthAngst": np.arange(20.0)},
    )
    co.write_coordinates(tmp_path / "a.star", table, **GIVEN)
    columns = read_blocks(tmp_path / "a.star")[-1].columns
    assert set(columns["rlnAngleTilt"]) == set(columns["rlnAngleTiltPrior"]) == {"90.000000"}
    assert (
        set(columns["rlnAngleRot"]) == set(columns["rlnAnglePsi"]) == set(columns["rlnAnglePsiPrior"]) == {"0.000000"}
    )
    assert columns["rlnHelicalTrackLengthAngst"][:3] == ["0", "1", "2"]
    outer = relion_matrix(*(float(columns[f"rlnTomoSubtomogram{a}"][3]) for a in ("Rot", "Tilt", "Psi")))
    np.testing.assert_allclose(outer @ relion_matrix(0, 90, 0), relion_matrix(*angles[3]), atol=1e-6)
    back = co.read_coordinates(tmp_path / "a.star", **GIVEN)
    for ours, theirs in zip(back.angles, angles, strict=True):
        np.testing.assert_allclose(relion_matrix(*ours), relion_matrix(*theirs), atol=1e-6)
    co.write_coordinates(tmp_path / "b.star", table, dialect="warp")
    warp = read_blocks(tmp_path / "b.star")[-1].columns
    np.testing.assert_allclose(np.array(warp["rlnAngleTilt"], float), angles[:, 1], atol=1e-6)


def test_numbers_in_columns_are_written_exactly(tmp_path: Path) -> None:
    weight = np.array([1.5e7, 0.1, 1 / 3])
    table = co.Coordinates(
        np.zeros((3, 3)), ["a"] * 3, None, None, {"aisParticleWeight": weight, "aisParticleID": [1, 2, 3]}
    )
    co.write_coordinates(tmp_path / "a.star", table, dialect="warp")
    back = co.read_coordinates(tmp_path / "a.star")
    np.testing.assert_array_equal(back.numbers("aisParticleWeight"), weight)
    assert back.columns["aisParticleID"] == ["1", "2", "3"]
    with pytest.raises(AisError, match="no column nothing"):
        back.numbers("nothing")


# --- text tables -----------------------------------------------------------------------------------------------


@FAST
@given(tables(name=names.filter(lambda name: name.strip() == name)))
def test_csv_round_trip(tmp_path: Path, table: co.Coordinates) -> None:
    co.write_coordinates(tmp_path / "a.csv", table)
    back = co.read_coordinates(tmp_path / "a.csv")
    np.testing.assert_array_equal(back.positions, table.positions)
    assert back.tomograms == table.tomograms
    assert back.columns == table.columns
    if table.angles is not None:
        np.testing.assert_array_equal(back.angles, table.angles)


def test_tsv_is_that_of_ais_1(tmp_path: Path) -> None:
    table = co.Coordinates(np.array([[1.4, 2.5, 3.6], [10, 0, 7]]), ["a", "a"])
    co.write_coordinates(tmp_path / "a.tsv", table)
    assert (tmp_path / "a.tsv").read_bytes() == b"1\t3\t4\n10\t0\t7\n"
    np.testing.assert_array_equal(
        co.read_coordinates(tmp_path / "a.tsv", tomogram="T").positions, [[1, 3, 4], [10, 0, 7]]
    )
    co.write_coordinates(tmp_path / "a.txt", table)
    assert (tmp_path / "a.txt").read_text() == "1.4 2.5 3.6\n10 0 7\n"
    np.testing.assert_array_equal(co.read_coordinates(tmp_path / "a.txt").positions, table.positions)


@pytest.mark.parametrize(
    "text", ["1 2 3\n4.5 5 6\n", "1,2,3\r\n4.5,5,6", "# xyz\n1\t2\t3\n\n4.5\t5\t6\n", "X|y|z\n1|2|3\n4.5|5|6"]
)
def test_separators_of_text_tables(tmp_path: Path, text: str) -> None:
    (tmp_path / "a.txt").write_bytes(b"\xef\xbb\xbf" + text.encode())
    table = co.read_coordinates(tmp_path / "a.txt", tomogram="T 1")
    np.testing.assert_array_equal(table.positions, [[1, 2, 3], [4.5, 5, 6]])
    assert table.tomograms == ["T 1", "T 1"]


def test_portal_tables(test_data: Path) -> None:
    folder = test_data / "formats/portal/20002/annotations"
    for name in ("points", "points_with_header", "points_with_header_pipe_delim", "points_tab_delim"):
        np.testing.assert_array_equal(
            co.read_coordinates(folder / f"{name}.csv").positions, [[1, 2, 3], [2, 2, 2], [0, 3, 0]]
        )
    tardis = co.read_coordinates(folder / "tardis.csv", voxel_size=2.0)
    np.testing.assert_array_equal(tardis.positions[:2], [[2, 4, 6], [2, 2, 2]])
    assert tardis.columns == {"IDs": ["0", "0", "1", "1", "1", "2"]}


# --- angles ----------------------------------------------------------------------------------------------------


@FAST
@given(hnp.arrays(np.float64, (4, 3), elements=st.floats(-1, 1)), st.floats(-180, 180))
def test_the_reference_axis_goes_to_the_tangent(tangents: np.ndarray, rot: float) -> None:
    lengths = np.linalg.norm(tangents, axis=1)
    if (lengths < 1e-6).any():
        with pytest.raises(ValueError, match="direction") if (lengths == 0).any() else pytest.raises(AssertionError):
            co.tangent_to_angles(tangents)
            raise AssertionError
        return
    angles = co.tangent_to_angles(tangents, rot)
    for row, tangent in zip(angles, tangents / lengths[:, None], strict=True):
        np.testing.assert_allclose(relion_matrix(*row) @ [0, 0, 1], tangent, atol=1e-8)
    np.testing.assert_array_equal(angles[:, 0], rot)


@FAST
@given(st.tuples(st.floats(-180, 180), st.floats(0, 180) | st.sampled_from([0.0, 180.0]), st.floats(-180, 180)))
def test_rotations_agree_with_the_closed_form(angles: tuple[float, float, float]) -> None:
    rotation = co.angles_to_rotation(np.array(angles))
    np.testing.assert_allclose(rotation.as_matrix(), relion_matrix(*angles), atol=1e-12)
    np.testing.assert_allclose(relion_matrix(*co.rotation_to_angles(rotation)), relion_matrix(*angles), atol=1e-8)


def test_angles_of_scipy() -> None:
    random = Rotation.random(200, random_state=1)
    expected = random.inv().as_euler("ZYZ", degrees=True)
    np.testing.assert_allclose(co.rotation_to_angles(random), expected, atol=1e-6)


# --- what can go wrong -----------------------------------------------------------------------------------------

HEADER = "data_particles\nloop_\n_rlnTomoName\n_rlnCoordinateX\n_rlnCoordinateY\n_rlnCoordinateZ\n"
BAD = {
    "empty.star": b"",
    "blank.star": b"\n \n",
    "noise.star": np.random.default_rng(0).bytes(5000),
    "latin.star": HEADER.encode() + "ä 1 2 3".encode("latin-1"),
    "text.star": b"Dear all,\nhere are my particles.\n",
    "truncated.star": (HEADER + "a 1 2 3\na 4 5").encode(),
    "no_columns.star": b"data_\nloop_\n_rlnImageName\na\n",
    "two_dimensions.star": b"data_\nloop_\n_rlnCoordinateX\n_rlnCoordinateY\n1 2\n",
    "nan.star": (HEADER + "a 1 2 3\na nan 5 6").encode(),
    "inf.star": (HEADER + "a 1 2 1e999").encode(),
    "words.star": (HEADER + "a 1 2 x").encode(),
    "twice.star": b"data_\nloop_\n_a\n_a\n1 2\n",
    "orphan.star": b"data_\n1 2 3\n",
    "long_text.star": b"data_\n_a\n;\nx\n;\n",
    "empty.tsv": b"",
    "two.tsv": b"1\t2\n",
    "ragged.txt": b"1 2 3\n1 2\n",
    "words.txt": b"these are words\n",
    "half.txt": b"1 2 three\n",
    "nan.csv": b"x,y,z\n1,2,nan\n",
    "quotes.csv": b'x,y,z,n\n1,2,3,"open\n',
    "other.csv": b"a,b,c\n1,2,3\n",
    "binary.csv": bytes(range(256)) * 4,
    "a.xyz": b"1 2 3\n",
}


@pytest.mark.parametrize("name", BAD)
def test_bad_files_are_one_sentence(tmp_path: Path, name: str) -> None:
    file = tmp_path / name
    file.write_bytes(BAD[name])
    with pytest.raises(AisError, match=name) as caught:
        co.read_coordinates(file, **GIVEN)
    assert str(caught.value).endswith(".")
    assert "\n" not in str(caught.value)


@FAST
@given(st.text("_#'\"; \t\ndata_loop_1.5xNaN|,", max_size=120) | st.binary(max_size=60), st.sampled_from(co.SUFFIXES))
def test_any_bytes_are_read_or_refused_with_a_sentence(tmp_path: Path, content: str | bytes, suffix: str) -> None:
    file = tmp_path / f"a{suffix}"
    file.write_bytes(content.encode() if isinstance(content, str) else content)
    with contextlib.suppress(AisError):
        table = co.read_coordinates(file, **GIVEN)
        assert len(table) == len(table.tomograms)


def test_damaged_star_files_are_read_or_refused_with_a_sentence(test_data: Path, tmp_path: Path) -> None:
    rng = np.random.default_rng(3)
    file = tmp_path / "a.star"
    for source in star_files(test_data):
        whole = source.read_bytes()[:8000]
        for _ in range(8):
            damaged = bytearray(whole[: rng.integers(len(whole) + 1)])
            for place in rng.integers(0, max(len(damaged), 1), 4):
                damaged[place : place + 1] = bytes(rng.choice(list(b" \n\t'\"#_;x9\x00\xff"), 1).tolist())
            file.write_bytes(damaged)
            with contextlib.suppress(AisError):
                assert co.describe_star(file).blocks
                co.read_coordinates(file, **GIVEN)


def test_missing_files_and_folders(tmp_path: Path) -> None:
    (tmp_path / "folder.star").mkdir()
    for name in ("missing.star", "folder.star", "missing.csv"):
        with pytest.raises(AisError, match=name):
            co.read_coordinates(tmp_path / name)


def test_what_a_dialect_needs_is_asked_for(tmp_path: Path) -> None:
    table = co.Coordinates(np.zeros((1, 3)), ["a"])
    cases: list[tuple[str, dict[str, Any], str]] = [
        ("relion5", {"voxel_size": 10}, "dimensions of the tomogram a"),
        ("relion5", {"shape": SHAPE}, "voxel size of the tomogram a"),
        ("relion5", {"shape": SHAPE, "voxel_size": 0.0}, "voxel size"),
        ("relion4", {"voxel_size": 10}, "--tilt-series-pixel-size"),
        ("relion4", {"tilt_series_pixel_size": 1}, "voxel size"),
        ("relion6", GIVEN, "no star dialect"),
    ]
    for dialect, arguments, message in cases:
        with pytest.raises(AisError, match=message):
            co.write_coordinates(tmp_path / "a.star", table, dialect=dialect, **arguments)
    with pytest.raises(AisError, match="names of the particles"):
        co.write_coordinates(tmp_path / "a.star", co.Coordinates(np.zeros((1, 3))), **GIVEN)
    with pytest.raises(AisError, match="cannot hold"):
        co.write_coordinates(tmp_path / "a.star", co.Coordinates(np.zeros((1, 3)), ["a\nb"]), dialect="warp")
    assert list(tmp_path.iterdir()) == []
    with pytest.raises(AisError, match="not a finite number"):
        co.Coordinates(np.array([[0, 0, np.nan]]))


def test_a_dialect_that_is_not_there_is_refused(test_data: Path) -> None:
    with pytest.raises(AisError, match="relion5 dialect"):
        co.read_coordinates(test_data / "ais1/dev7__Membrane_coords.star", dialect="relion5", **GIVEN)


def test_every_star_file_of_others_is_read_or_refused_with_a_sentence(test_data: Path) -> None:
    read = 0
    three = [
        file
        for file in star_files(test_data)
        if re.search("rln(Centered)?CoordinateZ|wrpCoordinateZ1|_orig_z", file.read_text())
    ]
    for file in star_files(test_data):
        summary = co.describe_star(file)
        assert summary.blocks
        if summary.dialect is None:
            with pytest.raises(AisError, match="no particle positions"):
                co.read_coordinates(file, **GIVEN)
        elif summary.dialect != "set":
            assert len(co.read_coordinates(file, **GIVEN)) == summary.rows
            read += 1
    assert read == len(three) > 10


# --- tables ----------------------------------------------------------------------------------------------------


def test_select_and_concatenate() -> None:
    a = co.Coordinates(np.arange(6.0).reshape(2, 3), ["a", "b"], np.ones((2, 3)), None, {"one": ["1", "2"]})
    b = co.Coordinates(np.arange(3.0).reshape(1, 3), ["c"], None, None, {"two": ["3"]})
    both = co.concatenate([a, b])
    assert both.tomograms == ["a", "b", "c"]
    assert both.columns == {"one": ["1", "2", ""], "two": ["", "", "3"]}
    np.testing.assert_array_equal(both.angles, [[1, 1, 1], [1, 1, 1], [0, 0, 0]])
    last = both.select(np.array([False, False, True]))
    assert last.tomograms == ["c"]
    assert last.columns["two"] == ["3"]
    assert len(both.select([])) == len(co.concatenate([])) == 0
    with pytest.raises(ValueError, match="differ in length"):
        co.Coordinates(np.zeros((2, 3)), ["a"])


def test_import_is_fast() -> None:
    code = (
        "import sys, ais.formats.coordinates; print([m for m in ('pandas', 'starfile', 'scipy') if m in sys.modules])"
    )
    assert (
        subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.strip() == "[]"
    )
