"""Particles that go through a project, or through `ais convert`, into every dialect and back are the same ones."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from scipy.spatial.transform import Rotation
from windowless import nothing, said, settled, until

from ais.annotation import AddParticleSet, AddTomogram, MoveParticle
from ais.annotation.particle_files import particles_of_sets, save_particles, save_separately
from ais.annotation.particle_loading import describe_particles, load_particles
from ais.cli.main import run
from ais.errors import AisError
from ais.formats.coordinates import Coordinates, describe_star, read_coordinates, write_coordinates
from ais.formats.registry import write_volume
from ais.gui.editor import Editor
from ais.gui.particle_saving import TARGETS, ParticleSaving, SavingChoice, choice_of, remembered
from ais.project import Project

SHAPE, VOXEL, SERIES = (40, 51, 61), 7.84, 1.96
NAMES = ("TS_01", "TS_02_7.84Apx")
WRITTEN = 1e-6
"""The last digit of RELION, Warp, STOPGAP, Dynamo and crYOLO."""
FAST = settings(max_examples=10, deadline=None, suppress_health_check=list(HealthCheck))
KINDS = {target.key: target for target in TARGETS}
DIGITS = {"imod": 4e-6, "tsv": 0.5, "relion5": WRITTEN / VOXEL, "relion4": WRITTEN}
"""How far a position may be off, in voxels, where it is not `WRITTEN`."""
WITH_ANGLES = ("relion5", "relion4", "warp", "stopgap", "dynamo", "csv")
WITH_COLUMNS = ("relion5", "relion4", "warp", "csv", "cryolo")

axis = st.floats(-0.5, 60.0, allow_nan=False, width=32)
words = st.text(st.sampled_from("abcXYZ0123 .-_é"), min_size=1, max_size=8).map(str.strip).filter(bool)


@st.composite
def tables(draw: st.DrawFn) -> Coordinates:
    """Particles of two tomograms with angles and columns that nobody knows."""
    count = draw(st.integers(2, 6))
    positions = draw(hnp.arrays(np.float64, (count, 3), elements=axis))
    turns = draw(hnp.arrays(np.float64, (count, 3), elements=st.floats(-180, 180, width=32)))
    turns[:, 1] = np.abs(turns[:, 1])
    columns = {label: draw(st.lists(words, min_size=count, max_size=count)) for label in ("myNote", "rlnMyScore")}
    return Coordinates(positions, [NAMES[n % 2] for n in range(count)], turns, None, columns)


def expected_in(key: str, table: Coordinates) -> Coordinates:
    """What a file of this kind can hold of a table."""
    angles = table.angles if key in WITH_ANGLES else None
    return Coordinates(table.positions, table.tomograms, angles, None, table.columns if key in WITH_COLUMNS else {})


def same(key: str, found: Coordinates, table: Coordinates, more: float = 1e-9) -> None:
    wanted = expected_in(key, table)
    tolerance = DIGITS.get(key, WRITTEN) + more
    np.testing.assert_allclose(found.positions, wanted.positions, rtol=0, atol=tolerance)
    if wanted.angles is not None:
        assert found.angles is not None
        turned = Rotation.from_euler("ZYZ", found.angles, degrees=True).inv()
        meant = Rotation.from_euler("ZYZ", wanted.angles, degrees=True).inv()
        assert np.degrees((turned.inv() * meant).magnitude()).max() < 1e-5
    kept = {label: list(column) for label, column in found.columns.items()}
    assert {label: kept.get(label) for label in wanted.columns} == wanted.columns


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Project]:
    folder = tmp_path_factory.mktemp("project")
    made = Project.create(folder / "work.aisproj")
    for name in NAMES:
        write_volume(folder / f"{name}.mrc", np.zeros(SHAPE, np.int8), voxel_sizes=VOXEL)
        made.apply(AddTomogram(folder / f"{name}.mrc"))
    yield made
    made.close()


def put_in(project: Project, table: Coordinates) -> list[int]:
    """Add each tomogram's particles as a set; gives the numbers of the sets."""
    tomograms = {entry.name: entry.id for entry in project.tomograms()}
    return [
        project.apply(AddParticleSet(tomograms[name], "all", table.of_tomogram(name), {})).id
        for name in table.tomogram_names
    ]


@pytest.mark.parametrize("key", [target.key for target in TARGETS])
@FAST
@given(table=tables())
def test_what_is_saved_is_loaded_again(project: Project, tmp_path: Path, key: str, table: Coordinates) -> None:
    target, tomograms = KINDS[key], project.tomograms()
    how = {"dialect": target.dialect or "relion5", "tilt_series_pixel_size": SERIES}
    numbers = put_in(project, table)
    gathered, owners = particles_of_sets(project, [project.particle_set(number) for number in numbers])
    if target.names_tomograms:
        (tmp_path / "a.doc").unlink(missing_ok=True)
        path = tmp_path / f"a{target.ending}"
        save_particles(path, gathered, owners, **how)  # type: ignore[arg-type]
        found = load_particles(path, tomograms, tilt_series_pixel_size=SERIES).parts
    else:
        for path in tmp_path.iterdir():
            path.unlink()
        files = save_separately(tmp_path, f"all{target.ending}", gathered, owners, **how)  # type: ignore[arg-type]
        assert sorted(path.name for path in files) == [f"{name}__all{target.ending}" for name in NAMES]
        found = {number: part for path in files for number, part in load_particles(path, tomograms).parts.items()}
    for entry in tomograms:
        same(key, found[entry.id], table.of_tomogram(entry.name))
    while project.undo():
        if not project.all_particle_sets():
            break


@pytest.mark.parametrize("key", ["relion5", "relion4", "warp", "stopgap", "dynamo", "imod", "cryolo", "csv", "txt"])
@settings(FAST, max_examples=3)
@given(table=tables())
def test_convert_there_and_back(project: Project, tmp_path: Path, key: str, table: Coordinates) -> None:
    target = KINDS[key]
    table = table.of_tomogram(NAMES[0])
    start, there, back = tmp_path / "start.csv", tmp_path / f"there{target.ending}", tmp_path / "back.csv"
    write_coordinates(start, table)
    volume = str(project.tomograms()[0].path)
    more = ["--tomogram", volume, "--tilt-series-pixel-size", str(SERIES), "--overwrite"]
    dialect = ["--star", target.dialect] if target.dialect else []
    assert run(["convert", str(start), str(there), *more, *dialect]) == 0
    assert run(["convert", str(there), str(back), *more]) == 0
    same(key, read_coordinates(back), table, more=WRITTEN)  # of the tables at both ends


def test_a_file_of_relion_with_subtomogram_angles_and_shifts_goes_through_the_project(
    project: Project, tmp_path: Path
) -> None:
    labels = ["rlnTomoName", *(f"rlnCoordinate{a}" for a in "XYZ"), *(f"rlnOrigin{a}Angst" for a in "XYZ")]
    labels += [f"rlnTomoSubtomogram{a}" for a in ("Rot", "Tilt", "Psi")] + [
        f"rlnAngle{a}" for a in ("Rot", "Tilt", "Psi")
    ]
    rows = ["TS_01 80 120 60 3 -2 1 10 20 30 40 50 60", "TS_01 40 44 48 0 0 0 0 90 0 1 2 3"]
    path = tmp_path / "in.star"
    path.write_text("data_particles\n\nloop_\n" + "".join(f"_{label}\n" for label in labels) + "\n".join(rows) + "\n")
    assert describe_particles(path).needs_pixel_size
    loaded = load_particles(path, project.tomograms(), tilt_series_pixel_size=SERIES)
    number = project.apply(AddParticleSet(1, "in", loaded.parts[1], {})).id
    table = project.particles(project.particle_set(number))
    outer = Rotation.from_euler("ZYZ", [[10, 20, 30], [0, 90, 0]], degrees=True).inv()
    inner = Rotation.from_euler("ZYZ", [[40, 50, 60], [1, 2, 3]], degrees=True).inv()
    shift = outer.apply([[3, -2, 1], [0, 0, 0]])
    np.testing.assert_allclose(
        table.positions, (np.array([[80, 120, 60], [40, 44, 48]]) * SERIES - shift) / VOXEL, atol=1e-9
    )
    turned = Rotation.from_euler("ZYZ", table.angles, degrees=True).inv()
    assert (turned.inv() * (outer * inner)).magnitude().max() < 1e-9
    gathered, owners = particles_of_sets(project, [project.particle_set(number)])
    for dialect in ("relion4", "relion5", "warp"):
        save_particles(tmp_path / "out.star", gathered, owners, dialect=dialect, tilt_series_pixel_size=SERIES)
        again = load_particles(tmp_path / "out.star", project.tomograms(), tilt_series_pixel_size=SERIES).parts[1]
        np.testing.assert_allclose(again.positions, table.positions, atol=WRITTEN)
        turned = Rotation.from_euler("ZYZ", again.angles, degrees=True).inv()
        assert np.degrees((turned.inv() * (outer * inner)).magnitude()).max() < 1e-5


# Files for each tomogram


def two(project: Project) -> tuple[Coordinates, dict[str, object]]:
    table = Coordinates(np.array([[1.0, 2, 3], [4, 5, 6], [7, 8, 9]]), [NAMES[0], NAMES[1], NAMES[0]])
    return table, {entry.name: entry for entry in project.tomograms()}  # type: ignore[return-value]


def test_files_for_each_tomogram_are_all_written_or_none(project: Project, tmp_path: Path) -> None:
    table, owners = two(project)
    files = save_separately(tmp_path, "all.star", table, owners)  # type: ignore[arg-type]
    assert [path.name for path in files] == ["TS_01__all.star", "TS_02_7.84Apx__all.star", "relion5_import__all.star"]
    assert describe_star(files[-1]).dialect == "list"
    assert len(read_coordinates(files[-1], voxel_size=VOXEL, shape=SHAPE)) == 3
    with pytest.raises(AisError, match=r"TS_01__all.star and 2 more exist already"):
        save_separately(tmp_path, "all.star", table, owners)  # type: ignore[arg-type]
    save_separately(tmp_path, "all.star", table, owners, append=True)  # type: ignore[arg-type]
    assert len(read_coordinates(files[0], voxel_size=VOXEL, shape=SHAPE)) == 4
    empty = tmp_path / "other"
    empty.mkdir()
    (empty / "TS_02_7.84Apx__all.star").write_text("damaged")
    with pytest.raises(AisError, match="damaged|star"):
        save_separately(empty, "all.star", table, owners, append=True)  # type: ignore[arg-type]
    assert [path.name for path in empty.iterdir()] == ["TS_02_7.84Apx__all.star"]


def test_one_tomogram_by_two_names_is_one_file(project: Project, tmp_path: Path) -> None:
    entry = project.tomograms()[0]
    table = Coordinates(np.array([[1.0, 2, 3], [4, 5, 6]]), ["a", "b"])
    save_particles(tmp_path / "a.cbox", table, {"a": entry, "b": entry})
    assert len(read_coordinates(tmp_path / "a.cbox")) == 2


# In the editor


@pytest.fixture
def editor(tmp_path: Path) -> Iterator[Editor]:
    made = Editor(tmp_path / "settings", nothing)
    for name in NAMES:
        write_volume(tmp_path / f"{name}.mrc", np.zeros(SHAPE, np.int8), voxel_sizes=VOXEL)
    made.open_paths([tmp_path / f"{name}.mrc" for name in NAMES])
    until(made, lambda: len(made.snapshot.tomograms) == 2 and made.shown is not None)
    yield made
    made.close()


def test_every_kind_is_offered_previewed_and_written(editor: Editor, tmp_path: Path) -> None:
    for number in (1, 2):
        table = Coordinates(np.array([[10.25, 20, 30], [5, 6, 7]]) + number, [], np.array([[1.0, 2, 3]] * 2))
        editor.submit(AddParticleSet(number, "all", table, {}))
    editor.select_tomogram(1)
    settled(editor)
    editor.submit(MoveParticle(editor.rendering.particles.sets[0].id, 0, (31.0, 22.0, 12.0)))
    settled(editor)
    until(editor, lambda: editor.rendering.particles.sets)
    (out := tmp_path / "out").mkdir()
    for target in TARGETS:
        page = ParticleSaving(editor, editor.rendering.particles.sets[0], SavingChoice())
        page.choice = SavingChoice(target.key, SERIES, everywhere=True)

        def made(page: ParticleSaving = page) -> bool:
            page.follow()
            return not page.busy

        until(editor, made)
        assert not page.problem, page.problem
        assert page.preview is not None
        assert page.preview.lines
        editor.dialogs.answers.append([out if page.choice.in_folder else out / f"{target.key}{target.ending}"])
        page.save()
        until(editor, lambda: said(editor).count("Wrote 4 particles") > 0)
        settled(editor)
        editor.notices.said.clear()
        assert page.choice.in_folder == (target.ending in (".cbox", ".json", ".mod", ".txt", ".tsv"))
        expected = set(page.preview.files) if page.choice.in_folder else {f"{target.key}{target.ending}"}
        assert expected <= {path.name for path in out.iterdir()}
    found = load_particles(out / "warp.star", editor.snapshot.tomograms).parts
    assert found[1].positions.tolist() == [[31.0, 22.0, 12.0], [6.0, 7.0, 8.0]]


@pytest.mark.parametrize("value", [None, 3, {}, {"key": 5}, {"key": "x", "tilt_series_pixel_size": "a"}])
def test_what_is_remembered_and_makes_no_sense_is_forgotten(value: object) -> None:
    assert choice_of(value) == SavingChoice()
    choice = SavingChoice("imod", 2.5, separate=True)
    assert choice_of(remembered(choice)) == choice
