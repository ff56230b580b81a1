"""Sets of particles in the editor without its window: loaded, coloured, filtered, selected, edited, saved."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from windowless import nothing, said, settled, until

from ais.annotation import AddParticleSet, ColumnRange, ParticleLook
from ais.formats.coordinates import Coordinates, tangent_to_angles
from ais.formats.registry import write_volume
from ais.gui.commands import command
from ais.gui.commands.particles import PARTICLE_COMMANDS
from ais.gui.display import Plane
from ais.gui.editor import Editor
from ais.gui.panels.particle_table import sorted_rows
from ais.gui.particle_distances import distance_label
from ais.gui.particle_import import LEFT_OUT, ParticleImport
from ais.gui.particle_sets import SET_KEY
from ais.gui.scene.contents import HIDDEN, HIGHLIGHTED, SHOWN
from ais.gui.shown_particles import (
    ParticleTable,
    ShownParticles,
    colour_ramp,
    colours_of,
    directions_of,
    in_ranges,
)
from ais.gui.state import Tab
from ais.gui.tools import Pointer, gestures
from ais.gui.tools.particles import particle_under

SHAPE, VOXEL, ORIGIN = (40, 50, 60), 10.0, (300.0, -200.0, 50.0)
MANY = 50_000


@pytest.fixture
def editor(tmp_path: Path) -> Iterator[Editor]:
    rng = np.random.default_rng(0)
    for name in ("TS_01", "TS_02"):
        path = tmp_path / f"{name}.mrc"
        write_volume(path, rng.normal(size=SHAPE).astype("f4"), voxel_sizes=VOXEL, origin=ORIGIN)
    made = Editor(tmp_path / "settings", nothing)
    made.open_paths([tmp_path / "TS_01.mrc"])
    until(made, lambda: made.shown)
    made.open_paths([tmp_path / "TS_02.mrc"])
    until(made, lambda: len(made.snapshot.tomograms) == 2)
    made.select_tomogram(1)
    until(made, lambda: made.shown is not None and made.shown.entry.id == 1)
    made.state.tab = Tab.RENDER
    yield made
    made.close()


def some(count: int = 5) -> Coordinates:
    rng = np.random.default_rng(count)
    columns = {"weight": np.arange(count, dtype=float), "class": ["ab"[n % 2] for n in range(count)]}
    positions = rng.uniform(2, 38, (count, 3))
    return Coordinates(positions, ["TS_01"] * count, tangent_to_angles(rng.normal(size=(count, 3))), None, columns)


def added(editor: Editor, table: Coordinates, look: ParticleLook | None = None) -> int:
    """Add a set and wait until it is shown; gives its number."""
    editor.submit(AddParticleSet(1, "ribosome", table, {}, look or ParticleLook(radius=40.0)))
    shown(editor)
    return editor.rendering.particles.sets[-1].id


def shown(editor: Editor) -> ShownParticles:
    """Wait until everything is shown as it is; gives what is shown of the last set."""
    settled(editor)
    editor.poll()
    settled(editor)
    particles = editor.rendering.particles
    found = particles.shown(particles.sets[-1].id)
    assert found is not None
    return found


def test_particles_are_in_the_scene_where_they_are_in_the_tomogram(editor: Editor) -> None:
    table = some()
    number = added(editor, table)
    (item,) = editor.rendering.particles.items()
    assert item.key == (SET_KEY, number)
    for (x, y, z), place in zip(table.positions, item.positions, strict=True):
        np.testing.assert_allclose(place, editor.rendering.to_angstrom(z, y, x), rtol=1e-6)
    assert (item.radius, item.body, item.states.tolist()) == (40.0, "sphere", [SHOWN] * 5)
    assert editor.rendering.particles.items()[0] is item  # nothing is made anew while nothing changes
    editor.rendering.particles.change_look(editor.rendering.particles.sets[0], body="arrow")
    shown(editor)
    (arrows,) = editor.rendering.particles.items()
    assert arrows.body == "arrow"
    assert arrows.positions is item.positions
    assert arrows.directions is not None


def test_arrows_point_along_the_tangents_that_angles_were_made_of() -> None:
    tangents = np.random.default_rng(0).normal(size=(100, 3))
    tangents[0] = 0, 0, -2
    unit = tangents / np.linalg.norm(tangents, axis=1, keepdims=True)
    np.testing.assert_allclose(directions_of(tangent_to_angles(tangents)), unit, atol=1e-6)


def test_ranges_hide_and_do_not_delete(editor: Editor) -> None:
    number = added(editor, some())
    particles = editor.rendering.particles
    one = particles.sets[0]
    particles.change_look(one, ranges=(ColumnRange("weight", 1.0, 3.0), ColumnRange("missing", 5.0, 6.0)))
    assert shown(editor).visible.tolist() == [False, True, True, True, False]
    assert particles.items()[0].states.tolist() == [HIDDEN, SHOWN, SHOWN, SHOWN, HIDDEN]
    assert particles.find(number).count == 5
    particles.delete({number: np.flatnonzero(~shown(editor).visible).tolist()})
    shown(editor)
    assert particles.find(number).count == 3
    editor.undo()
    editor.undo()
    assert shown(editor).visible.all()


def test_colours_follow_a_column(editor: Editor) -> None:
    added(editor, some())
    particles = editor.rendering.particles
    particles.change_look(particles.sets[0], colour_by="weight", limits=(1.0, 3.0))
    found = shown(editor)
    ramp = colour_ramp("viridis")
    np.testing.assert_array_equal(found.colours[[0, 1, 3, 4]], ramp[[0, 0, 255, 255]])
    assert found.legend is not None
    assert (found.legend.low, found.legend.high) == (1.0, 3.0)
    particles.change_look(particles.sets[0], colour_by="class", limits=None)
    found = shown(editor)
    assert [word for word, _ in found.legend.words] == ["a", "b"]
    assert (found.colours[0] == found.colours[2]).all()
    assert (found.colours[0] != found.colours[1]).any()


@pytest.mark.parametrize("name", ["viridis", "cividis", "inferno"])
def test_colour_maps_are_perceptually_even(name: str) -> None:
    from skimage.color import rgb2lab

    lightness = rgb2lab(colour_ramp(name)[None].astype(float))[0, :, 0]
    steps = np.diff(lightness)
    assert (steps > -0.05).all()
    even = np.linspace(lightness[0], lightness[-1], len(lightness))
    assert np.abs(lightness - even).max() < 6  # of 100; CAM02-UCS, in which they are made, is not quite CIELAB


def test_columns_with_gaps_and_words() -> None:
    table = ParticleTable(
        Coordinates(
            np.zeros((4, 3)), columns={"a": ["1", "", "3", "nan"], "b": ["1", "x", "1", "y"], "c": [1, 2, 3, 4]}
        )
    )
    assert table.numeric_labels() == ("a", "c")
    np.testing.assert_array_equal(table.numbers("a"), [1, np.nan, 3, np.nan])
    assert table.words("b")[1][0] == "1"
    assert in_ranges(ParticleLook(ranges=(ColumnRange("a"),)), table).tolist() == [True, False, True, False]
    colours, legend = colours_of(ParticleLook(colour_by="a"), table, np.ones(4, bool))
    assert (legend.low, legend.high) == (1.0, 3.0)
    assert (colours[1] == colours[3]).all()


def test_selected_particles_stand_out_and_are_deleted_or_kept(editor: Editor) -> None:
    number = added(editor, some())
    particles = editor.rendering.particles
    particles.choose(number, [1, 3])
    assert particles.items()[0].states.tolist() == [SHOWN, HIGHLIGHTED, SHOWN, HIGHLIGHTED, SHOWN]
    particles.delete_chosen()
    assert shown(editor).visible.tolist() == [True, False, True, False, True]
    assert not editor.rendering.view.selected
    particles.choose(number, [2])
    particles.keep_chosen()
    assert shown(editor).visible.tolist() == [False, False, True, False, False]
    editor.undo()
    assert shown(editor).count == 3


@pytest.mark.parametrize("plane", ["xy", "xz", "yz"])
def test_a_click_selects_and_a_drag_moves(editor: Editor, plane: Plane) -> None:
    table = Coordinates(np.array([[20.0, 15.0, 10.0], [40.0, 30.0, 10.5]]), ["TS_01"] * 2)
    number = added(editor, table)
    particles = editor.rendering.particles
    place = {"x": 20.0, "y": 15.0, "z": 10.0}
    normal = {"xy": "z", "xz": "y", "yz": "x"}[plane]
    across, along = (axis for axis in "zyx" if axis != normal)
    pointer = Pointer(plane, int(place[normal]), place[across] + 1, place[along] + 1, scale=4.0)
    assert particle_under(editor, pointer) == (number, 0)
    gesture = gestures.begin(editor, pointer, "left")
    assert gesture is not None
    gesture.release(pointer)
    settled(editor)
    assert particles.chosen((SET_KEY, number)).tolist() == [0]
    assert len(editor.snapshot.history) == 3  # two tomograms and the set: a click changes nothing
    gesture = gestures.begin(editor, pointer, "left")
    there = Pointer(plane, pointer.position, pointer.row + 5, pointer.column + 7, scale=4.0)
    gesture.move(there)
    assert particles.dragged is not None
    gesture.release(there)
    found = shown(editor)
    place[across] += 5
    place[along] += 7
    np.testing.assert_allclose(found.positions[0], [place["x"], place["y"], place["z"]])
    until(editor, lambda: particles.dragged is None)
    far = Pointer(plane, pointer.position, 1.0, 1.0, scale=4.0)
    assert particle_under(editor, far) is None


def asked(editor: Editor) -> ParticleImport:
    """Wait for the page on which files find their tomograms, and until it is up to date."""
    until(editor, lambda: editor.rendering.particles.importing)
    page = editor.rendering.particles.importing
    assert page is not None

    def up_to_date() -> bool:
        page.follow()
        return not page.busy

    until(editor, up_to_date)
    return page


def test_a_file_without_names_is_not_asked_for_patterns(editor: Editor, tmp_path: Path) -> None:
    path = tmp_path / "points.csv"
    path.write_text("x,y,z\n1,2,3\n4,5,6\n")
    editor.open_paths([path])
    page = asked(editor)
    assert not page.has_names
    (row,) = page.rows()
    page.choose(row, LEFT_OUT)
    assert page.missing() == "Choose the tomogram that the particles belong to."
    page.choose(row, 2)
    assert page.missing() == ""


def test_another_tomogram_has_its_own_particles(editor: Editor) -> None:
    added(editor, some())
    editor.select_tomogram(2)
    assert editor.rendering.particles.items() == ()
    settled(editor)
    assert editor.rendering.particles.sets == ()
    editor.select_tomogram(1)
    settled(editor)
    assert shown(editor).count == 5


def test_a_file_is_loaded_into_its_tomograms_and_saved_again(editor: Editor, tmp_path: Path) -> None:
    path = tmp_path / "picks.star"
    rows = "".join(f"TS_0{1 + n % 2}.tomostar {n}.5 20 30 note{n}\n" for n in range(6)) + "TS_09.tomostar 1 2 3 far\n"
    labels = ("rlnMicrographName", "rlnCoordinateX", "rlnCoordinateY", "rlnCoordinateZ", "myNote")
    path.write_text("data_\n\nloop_\n" + "".join(f"_{label}\n" for label in labels) + rows)
    editor.open_paths([path])
    particles = editor.rendering.particles
    page = asked(editor)
    assert [(row.name, row.count, row.tomogram and row.tomogram.name) for row in page.rows()] == [
        ("TS_01", 3, "TS_01"),
        ("TS_02", 3, "TS_02"),
        ("TS_09", 1, None),
    ]
    particles.end_importing(True)
    until(editor, lambda: particles.sets)
    settled(editor)
    assert "Loaded 6 particles of picks.star into 2 tomograms" in said(editor)
    assert "1 particle of picks.star left out: TS_09" in said(editor)
    assert [(one.name, one.count) for one in particles.sets] == [("picks", 3)]
    particles.save(particles.sets[0].id)
    until(editor, lambda: particles.saving is not None and particles.saving.preview is not None)
    particles.saving.choice = replace(particles.saving.choice, key="warp", everywhere=True)
    particles.saving.follow()
    until(editor, lambda: not particles.saving.busy)
    assert particles.saving.preview.dimensions == (
        "TS_01: 60 x 50 x 40 voxels of 10 A",
        "TS_02: 60 x 50 x 40 voxels of 10 A",
    )
    editor.dialogs.answers.append([tmp_path / "out.star"])
    particles.end_saving(True)
    until(editor, lambda: "Wrote 6 particles" in said(editor))
    assert (tmp_path / "out.star").read_text().count("note") == 6
    particles.save(particles.sets[0].id)
    until(editor, lambda: particles.saving is not None)
    assert particles.saving.choice.key == "warp"  # what was chosen last
    editor.undo()
    settled(editor)
    assert particles.sets == ()


def test_a_file_that_needs_a_pixel_size_asks_for_it(editor: Editor, tmp_path: Path) -> None:
    path = tmp_path / "four.star"
    path.write_text(
        "data_\n\nloop_\n_rlnTomoName\n_rlnCoordinateX\n_rlnCoordinateY\n_rlnCoordinateZ\nTS_01 100 80 60\n"
    )
    editor.rendering.particles.load([path])
    page = asked(editor)
    assert "pixel size of the tilt series" in page.missing()
    page.choice = replace(page.choice, tilt_series_pixel_size=2.5)
    asked(editor)
    editor.rendering.particles.end_importing(True)
    until(editor, lambda: editor.rendering.particles.sets)
    assert shown(editor).positions.tolist() == [[25.0, 20.0, 15.0]]


def star(path: Path, names: list[str], **columns: str) -> Path:
    """Three particles for each name; columns of text are the same for all."""
    labels = ["rlnMicrographName", "rlnCoordinateX", "rlnCoordinateY", "rlnCoordinateZ", *columns]
    rows = [f"{name} {n + 10} {n + 20} {n + 5} {' '.join(columns.values())}" for name in names for n in range(3)]
    path.write_text("data_\n\nloop_\n" + "".join(f"_{label}\n" for label in labels) + "\n".join(rows) + "\n")
    return path


def test_names_follow_the_patterns_and_the_hand(editor: Editor, tmp_path: Path) -> None:
    path = star(tmp_path / "picks.star", ["grid1_a_01_rec", "grid1_a_02_rec", "grid1_a_03_rec"])
    editor.open_paths([path])
    page = asked(editor)
    assert [row.tomogram for row in page.rows()] == [None] * 3
    assert "No name is that of a tomogram" in page.missing()
    page.choice = replace(page.choice, in_file="*_{name}_rec")
    assert [row.tomogram and row.tomogram.name for row in page.rows()] == ["TS_01", "TS_02", None]
    page.choice = replace(page.choice, in_file="grid*{name", in_project="{name}")
    assert "does not say which part" in page.missing()
    page.choice = replace(page.choice, in_file="*_{name}_rec", in_project="ts_{name}")
    page.choose(page.rows()[0], LEFT_OUT)
    page.choose(page.rows()[2], 1)
    asked(editor)
    assert [row.tomogram and row.tomogram.name for row in page.rows()] == [None, "TS_02", "TS_01"]
    page.choose(page.rows()[2], None)
    assert page.rows()[2].tomogram is None
    page.choose(page.rows()[2], 1)
    asked(editor)
    editor.rendering.particles.end_importing(True)
    until(editor, lambda: editor.rendering.particles.sets)
    settled(editor)
    assert editor.document is not None
    project = editor.document.project
    assert [table.tomograms for table in map(project.particle_table, project.all_particle_sets())] == [
        ["grid1_a_02_rec"] * 3,
        ["grid1_a_03_rec"] * 3,
    ]


def test_nothing_is_asked_where_the_file_says_it(editor: Editor, tmp_path: Path) -> None:
    editor.open_paths([star(tmp_path / "one.star", ["TS_01.tomostar"])])
    until(editor, lambda: editor.rendering.particles.sets)
    assert editor.rendering.particles.importing is None
    files = [tmp_path / f"{name}.txt" for name in ("TS_01", "TS_02", "damaged")]
    for file in files:
        file.write_text("1 2 3\n4 5 6\n" if file.stem != "damaged" else "1 2\n")
    editor.open_paths(files)
    until(editor, lambda: len(editor.rendering.particles.sets) == 2)
    settled(editor)
    assert "Loaded 4 particles of 2 files into 2 tomograms" in said(editor)
    assert "damaged.txt" in said(editor)


def test_particles_outside_are_said_before_they_are_loaded(editor: Editor, tmp_path: Path) -> None:
    path = tmp_path / "far.star"
    labels = "".join(f"_rlnCenteredCoordinate{axis}Angst\n" for axis in "XYZ")
    path.write_text(f"data_\n\nloop_\n_rlnTomoName\n{labels}TS_01 0 0 0\nTS_01 9999 0 0\nTS_02 0 0 0\n")
    editor.open_paths([path])
    page = asked(editor)
    assert [row.outside for row in page.rows()] == [1, 0]
    assert all(file.needs_shape and file.needs_voxel_size and not file.needs_pixel_size for file in page.files)
    editor.rendering.particles.end_importing(True)
    until(editor, lambda: "1 particle of far.star lies outside TS_01" in said(editor))


def test_a_voxel_size_that_nobody_knows_is_asked_for_and_kept(editor: Editor, tmp_path: Path) -> None:
    write_volume(tmp_path / "TS_03.mrc", np.zeros(SHAPE, np.int8), voxel_sizes=0.0)
    editor.open_paths([tmp_path / "TS_03.mrc"])
    until(editor, lambda: len(editor.snapshot.tomograms) == 3)
    path = tmp_path / "three.star"
    labels = "".join(f"_rlnCenteredCoordinate{axis}Angst\n" for axis in "XYZ")
    path.write_text(f"data_\n\nloop_\n_rlnTomoName\n{labels}TS_03 50 0 -20\n")
    editor.open_paths([path])
    page = asked(editor)
    assert "voxel size" in page.missing()
    page.choice = replace(page.choice, voxel_size=5.0)
    asked(editor)
    editor.rendering.particles.end_importing(True)
    until(editor, lambda: editor.snapshot.tomograms[2].voxel_size == 5.0)
    settled(editor)
    assert editor.document is not None
    (one,) = editor.document.project.particle_sets(3)
    assert editor.document.project.particles(one).positions.tolist() == [[40.0, 25.0, 16.0]]
    editor.undo()  # the size and the set are one step
    until(editor, lambda: editor.snapshot.tomograms[2].voxel_size == 0.0)


@pytest.mark.parametrize("text", ["", "no star", "data_\n\nloop_\n_a\n1\n"])
def test_a_wrong_file_gives_a_sentence(editor: Editor, tmp_path: Path, text: str) -> None:
    (tmp_path / "wrong.star").write_text(text)
    editor.open_paths([tmp_path / "wrong.star"])
    settled(editor)
    assert "wrong.star" in said(editor)
    assert editor.rendering.particles.sets == ()


def test_the_table_is_sorted_by_any_column(editor: Editor) -> None:
    added(editor, some(20))
    found = shown(editor)
    rows = np.ones(20, bool)
    rows[3] = False
    for column, values in enumerate([np.arange(20.0), *found.positions.T, np.arange(20.0), np.arange(20) % 2]):
        for descending in (False, True):
            order = sorted_rows(found, rows, column, descending)
            assert 3 not in order
            assert len(order) == 19
            assert (np.diff(values[order]) * (-1 if descending else 1) >= 0).all()


def test_fifty_thousand_particles_are_shown_in_time(editor: Editor) -> None:
    rng = np.random.default_rng(0)
    columns = {f"column{n}": [f"{v:.6f}" for v in rng.uniform(0, 1000, MANY)] for n in range(10)}
    number = added(editor, Coordinates(rng.uniform(0, 39, (MANY, 3)), ["TS_01"] * MANY, None, None, columns))
    particles = editor.rendering.particles
    took = []
    for at in range(20):
        particles.choose(number, [at])
        began = time.thread_time()
        editor.poll()
        assert particles.items()[0].states[at] == HIGHLIGHTED
        took.append(time.thread_time() - began)
    assert np.median(took) < 0.01
    found = shown(editor)
    found.near(2, 0, 1)
    began = time.thread_time()
    for z in range(40):
        found.near(2, z, 0.5)
    assert (time.thread_time() - began) / 40 < 1e-3
    inside = np.flatnonzero(np.abs(found.positions[:, 2] - 7) <= 0.5)
    assert sorted(found.near(2, 7, 0.5)) == inside.tolist()


def test_whatever_is_done_in_whatever_order_what_is_shown_is_what_the_project_holds(editor: Editor) -> None:
    rng = np.random.default_rng(7)
    particles = editor.rendering.particles
    commands = [one for one in PARTICLE_COMMANDS if one.name not in ("particles.load", "particles.save")]

    def edit() -> None:
        choice = rng.integers(8)
        one = particles.current
        if choice == 0 or one is None:
            editor.submit(AddParticleSet(int(rng.integers(1, 3)), "set", some(int(rng.integers(1, 12)))))
        elif choice == 1:
            editor.undo()
        elif choice == 2:
            editor.redo()
        elif choice == 3:
            particles.choose(one.id, rng.integers(0, max(one.total, 1), 2).tolist())
        elif choice == 4:
            low, high = sorted(rng.uniform(-1, 12, 2))
            particles.change_look(one, ranges=(ColumnRange("weight", low, high),) * int(rng.integers(2)))
        elif choice == 5:
            particles.preview(
                one, radius=float(rng.uniform(1, 90)), colour_by=[None, "weight", "class"][rng.integers(3)]
            )
            particles.save_look(one, everywhere=bool(rng.integers(2)))
        elif choice == 6:
            editor.select_tomogram(int(rng.integers(1, 3)))
        else:
            possible = [command for command in commands if command.enabled(editor)]
            possible[rng.integers(len(possible))].run(editor)
            while editor.shell.sheets:
                editor.shell.sheets.pop().on_accept()

    for step in range(200):
        edit()
        if step % 5:
            editor.poll()
            particles.items()
            continue
        for _ in range(3):
            settled(editor)
            editor.poll()
        until(editor, lambda: editor.shown is not None)
        assert editor.document is not None
        project, tomogram = editor.document.project, editor.state.tomogram
        held = project.particle_sets(tomogram)
        assert [(one.id, one.name, one.count, one.look) for one in particles.sets] == [
            (one.id, one.name, one.count, one.look) for one in held
        ]
        for one in held:
            table = project.particle_table(one)
            found = particles.shown(one.id)
            np.testing.assert_array_equal(found.positions, one.positions(table.positions))
            visible = ~one.removed & in_ranges(one.look, ParticleTable(table))
            np.testing.assert_array_equal(found.visible, visible)
            assert particles.look(one) == one.look
    assert not editor.shell.unexpected
    assert "damaged" not in said(editor)


def test_distances_to_a_surface_become_a_column(editor: Editor, tmp_path: Path) -> None:
    grid = np.stack(np.meshgrid(*(np.arange(n) for n in SHAPE), indexing="ij"), axis=-1)
    centre, radius = np.array([20.0, 25.0, 30.0]), 8.0
    ball = np.clip(radius + 0.5 - np.linalg.norm(grid - centre, axis=-1), 0, 1)
    path = tmp_path / "TS_01__my ball.mrc"
    write_volume(path, np.round(ball * 127).astype("i1"), voxel_sizes=VOXEL, origin=ORIGIN)
    table = some(30)
    number = added(editor, table)
    volumes = editor.rendering.volumes
    volumes.add([path])
    until(editor, lambda: any(volume.path == path and not volume.missing for volume in volumes.listed))
    command("particles.distance").run(editor)
    sheet = editor.shell.sheets.pop()
    sheet.fields[0].value = [volume.path for volume in volumes.listed].index(path)
    sheet.on_accept()
    label = distance_label("my ball")
    until(editor, lambda: label in said(editor))
    found = shown(editor)
    true = np.abs(np.linalg.norm(table.positions[:, ::-1] - centre, axis=1) - radius) * VOXEL
    np.testing.assert_allclose(found.table.numbers(label), true, atol=VOXEL)
    particles = editor.rendering.particles
    particles.change_look(particles.find(number), ranges=(ColumnRange(label, None, 100.0),))
    near = shown(editor).visible
    assert near[true < 100 - VOXEL].all()
    assert not near[true > 100 + VOXEL].any()
