"""Stories about sets of particles: load, colour, filter, select in the slice and in the table, edit, save."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np
import starfile
from acting import Context, click, drag, frames, press, screenshot, until
from plans import story
from segmented_tomogram import BALLS, segmented_tomogram

from ais.annotation import ColumnRange
from ais.formats.coordinates import Coordinates, tangent_to_angles, write_coordinates
from ais.formats.registry import write_volume
from ais.gui.editor import Editor
from ais.gui.particle_sets import SET_KEY
from ais.gui.settings import Settings, SettingsFile
from ais.gui.state import Tab
from ais.gui.views import plane_view
from ais.gui.views.particle_marks import draw_particles

MANY, SIDE = 50_000, 200


def with_star(folder: Path) -> Sequence[Path]:
    """The known tomogram, and a star file with its balls and columns that Ais does not know."""
    rng = np.random.default_rng(1)
    positions = np.array(BALLS, float)[:, ::-1]
    count = len(positions)
    columns = {
        "rlnAutopickFigureOfMerit": [f"{value:.4f}" for value in rng.uniform(0, 1, count)],
        "rlnClassNumber": [str(1 + n % 3) for n in range(count)],
        "myLabel": [("good", "bad", "two words")[n % 3] for n in range(count)],
    }
    table = Coordinates(positions, ["TS_01"] * count, tangent_to_angles(rng.normal(size=(count, 3))), None, columns)
    write_coordinates(folder / "balls.star", table, dialect="warp")
    return segmented_tomogram(folder)


def large_letters(folder: Path) -> Sequence[Path]:
    """The same in a small window with large letters."""
    SettingsFile(folder / "settings").save(Settings(window_size=(1280, 720), font_scale=1.5))
    return with_star(folder)


def many(folder: Path) -> Sequence[Path]:
    """A tomogram with 50,000 particles."""
    rng = np.random.default_rng(1)
    write_volume(folder / "TS_01.mrc", rng.normal(size=(SIDE,) * 3).astype("i1"), voxel_sizes=10.0)
    columns = {f"myColumn{n}": [f"{value:.4f}" for value in rng.uniform(0, 1, MANY)] for n in range(4)}
    table = Coordinates(rng.uniform(0, SIDE - 1, (MANY, 3)), ["TS_01"] * MANY, columns=columns)
    write_coordinates(folder / "many.star", table, dialect="warp")
    return [folder / "TS_01.mrc"]


def load(ctx: Context, editor: Editor, name: str) -> int:
    """Show the tab, load the file by its button, and wait until the particles are shown; gives the set's number."""
    until(ctx, lambda: editor.shown is not None and editor.shown.statistics is not None, 20, "the tomogram is shown")
    press(ctx, "4")
    until(ctx, lambda: editor.state.tab is Tab.RENDER, 5, "the tab is in front")
    editor.dialogs.answers.append([ctx.folder / name])
    ctx.item_click("//Render/**/Load...")
    particles = editor.rendering.particles
    until(ctx, lambda: particles.sets and particles.shown(particles.sets[0].id), 30, "the particles are shown")
    frames(ctx, 3)
    return particles.sets[0].id


def settled(ctx: Context, editor: Editor) -> None:
    """Wait until every edit is made and shown."""
    frames(ctx, 2)
    document = editor.document
    assert document is not None
    until(ctx, lambda: not (document.busy or editor.background.busy), 20, "the edit is made")
    frames(ctx, 3)


@story(paths=with_star, seconds=90)
def load_colour_select_delete_and_save(ctx: Context, editor: Editor) -> None:
    number = load(ctx, editor, "balls.star")
    particles = editor.rendering.particles
    assert particles.sets[0].count == 20
    editor.sight.show_voxel(*BALLS[0])
    frames(ctx, 5)
    screenshot(ctx, "particles/loaded")
    one = particles.sets[0]
    particles.change_look(one, colour_by="rlnAutopickFigureOfMerit", body="arrow", radius=45.0)
    settled(ctx, editor)
    ctx.item_click("//Render/**/Table")
    frames(ctx, 5)
    screenshot(ctx, "particles/table")
    particles.table_open = False
    frames(ctx, 2)
    place = tuple(round(at) for at in editor.view("xy").to_screen(BALLS[1][1], BALLS[1][2]))
    click(ctx, place)
    frames(ctx, 3)
    assert particles.chosen((SET_KEY, number)).tolist() == [1]
    screenshot(ctx, "particles/selected")
    drag(ctx, [place, (place[0] + 20, place[1]), (place[0] + 40, place[1] + 10)])
    settled(ctx, editor)
    moved = particles.voxel((SET_KEY, number), 1)
    assert moved is not None
    assert moved[2] > BALLS[1][2] + 1
    ctx.item_click("//Render/**/Table")
    frames(ctx, 3)
    ctx.item_click("//###particle table/**/Delete selected")
    settled(ctx, editor)
    assert particles.sets[0].count == 19
    press(ctx, "down", times=2)  # rows 1 and 3, as 2 is deleted
    frames(ctx, 2)
    assert particles.chosen((SET_KEY, number)).tolist() == [2]
    assert editor.state.position == BALLS[2]
    press(ctx, "delete")
    settled(ctx, editor)
    assert particles.sets[0].count == 18
    press(ctx, "ctrl+z", times=3)
    settled(ctx, editor)
    assert particles.voxel((SET_KEY, number), 1) == tuple(map(float, BALLS[1]))
    particles.table_open = False
    ctx.item_click("//Render/**/Save...")
    until(
        ctx, lambda: particles.saving is not None and particles.saving.preview is not None, 10, "the preview is there"
    )
    screenshot(ctx, "particles/save")
    ctx.item_click("//$FOCUSED/##For")
    ctx.item_click("//$FOCUSED/Warp, M (.star)")
    until(ctx, lambda: particles.saving is not None and not particles.saving.busy, 10, "the preview follows")
    editor.dialogs.answers.append([ctx.folder / "out.star"])
    ctx.item_click("//$FOCUSED/Choose file...")
    until(ctx, (ctx.folder / "out.star").exists, 10, "the file is written")
    settled(ctx, editor)
    before, after = starfile.read(ctx.folder / "balls.star"), starfile.read(ctx.folder / "out.star")
    assert before.equals(after[before.columns])


@story(paths=large_letters, seconds=60)
def particles_in_a_small_window_with_large_letters(ctx: Context, editor: Editor) -> None:
    load(ctx, editor, "balls.star")
    particles = editor.rendering.particles
    ranges = (ColumnRange("rlnAutopickFigureOfMerit", 0.2, 0.9),)
    particles.change_look(particles.sets[0], colour_by="rlnAutopickFigureOfMerit", ranges=ranges)
    settled(ctx, editor)
    assert 0 < particles.shown(particles.sets[0].id).count < 20
    ctx.mouse_move("//Render/**/Table")
    ctx.mouse_wheel_y(-40)
    frames(ctx, 3)
    screenshot(ctx, "particles/small window")
    ctx.item_click("//Render/**/Table")
    frames(ctx, 5)
    screenshot(ctx, "particles/table in a small window")
    particles.table_open = False
    frames(ctx, 2)
    ctx.item_click("//Render/**/Save...")
    until(
        ctx, lambda: particles.saving is not None and particles.saving.preview is not None, 10, "the preview is there"
    )
    screenshot(ctx, "particles/save in a small window")
    ctx.item_click("//$FOCUSED/Cancel")
    frames(ctx, 2)
    ctx.item_click("//Render/**/Delete hidden")
    settled(ctx, editor)
    assert particles.sets[0].count < 20


def mixed(folder: Path) -> Sequence[Path]:
    """Three tomograms, and a file for RELION 4 with names that are not theirs, in a small window with large letters."""
    SettingsFile(folder / "settings").save(Settings(window_size=(1280, 720), font_scale=1.5))
    rng = np.random.default_rng(1)
    paths = [folder / f"lamella_TS_0{n}_10.00Apx.mrc" for n in (1, 2, 3)]
    for path in paths:
        write_volume(path, rng.normal(size=(20, 30, 40)).astype("f4"), voxel_sizes=10.0)
    names = [f"TS_0{1 + n % 4}_rec" for n in range(20)]
    positions = rng.uniform([0, 0, 0], [39, 29, 19], (20, 3))
    table = Coordinates(positions, names, columns={"myNote": [f"note {n}" for n in range(20)]})
    write_coordinates(folder / "mixed.star", table, dialect="relion4", voxel_size=10.0, tilt_series_pixel_size=2.5)
    return paths


@story(paths=mixed, seconds=60)
def names_are_matched_before_particles_are_loaded(ctx: Context, editor: Editor) -> None:
    until(ctx, lambda: len(editor.snapshot.tomograms) == 3 and editor.shown is not None, 20, "the tomograms are there")
    particles = editor.rendering.particles
    editor.open_paths([ctx.folder / "mixed.star"])
    until(ctx, lambda: particles.importing is not None, 10, "the page is open")
    frames(ctx, 3)
    page = particles.importing
    assert page is not None
    assert not any(row.tomogram for row in page.rows())
    ctx.item_input_value("//$FOCUSED/##In the file", "{name}_rec")
    frames(ctx, 2)
    assert [row.tomogram and row.tomogram.id for row in page.rows()] == [1, 2, 3, None]
    assert "pixel size" in page.missing()
    ctx.item_input_value("//$FOCUSED/##Tilt series", 2.5)
    until(ctx, lambda: page.loaded is not None and not page.busy, 10, "the file is read")
    frames(ctx, 3)
    screenshot(ctx, "particles/names")
    page.choose(page.rows()[3], 2)
    until(ctx, lambda: not page.busy, 10, "the file is read again")
    frames(ctx, 3)
    ctx.item_click("//$FOCUSED/Load")
    until(ctx, lambda: particles.importing is None and particles.sets, 10, "the particles are loaded")
    settled(ctx, editor)
    assert editor.document is not None
    counts = {one.tomogram: one.count for one in editor.document.project.all_particle_sets()}
    assert counts == {1: 5, 2: 10, 3: 5}
    particles.save(particles.sets[0].id)
    until(ctx, lambda: particles.saving is not None and particles.saving.preview is not None, 10, "the first lines")
    ctx.item_click("//$FOCUSED/##For")
    ctx.item_click("//$FOCUSED/IMOD (.mod)")
    ctx.item_click("//$FOCUSED/All tomograms")
    until(ctx, lambda: particles.saving is not None and not particles.saving.busy, 10, "the preview follows")
    frames(ctx, 3)
    screenshot(ctx, "particles/save for IMOD")
    (ctx.folder / "out").mkdir()
    editor.dialogs.answers.append([ctx.folder / "out"])
    ctx.item_click("//$FOCUSED/Choose folder...")
    until(ctx, lambda: len(list((ctx.folder / "out").iterdir())) == 3, 10, "the files are written")
    settled(ctx, editor)


@story(paths=many, seconds=120)
def fifty_thousand_particles_do_not_slow_the_slices(ctx: Context, editor: Editor) -> None:
    number = load(ctx, editor, "many.star")
    particles = editor.rendering.particles

    took: list[float] = []

    def timed(*given: Any) -> None:
        began = time.thread_time()  # not of the clock, as other programs may run
        draw_particles(*given)
        took.append(time.thread_time() - began)

    with mock.patch.object(plane_view, "draw_particles", timed):
        for z in range(90, 120):
            editor.sight.go_to(z=z)
            frames(ctx, 1)
    print(f"50,000 particles over a slice: {1000 * np.median(took):.1f} ms")  # noqa: T201
    assert np.median(took) < 0.03
    particles.table_open = True
    frames(ctx, 5)
    screenshot(ctx, "particles/many")
    particles.choose(number, range(0, 1000))
    frames(ctx, 2)
    press(ctx, "ctrl+z")
    settled(ctx, editor)
