"""Saving the 3D scene without the window: what is hidden or removed stays out, failures are named, programs started."""

from __future__ import annotations

import itertools
import os
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import trimesh
from windowless import nothing, rest, said, until

from ais.annotation.volume_looks import Removal, Removals
from ais.gui.commands import command
from ais.gui.editor import Editor
from ais.gui.scene.camera import Camera
from ais.gui.scene_contents import scene_view
from ais.gui.scene_movies import Turntable
from ais.gui.scene_pictures import camera_for, scene_for
from ais.gui.scene_wish import FORMATS, Scope
from ais.gui.state import Tab
from ais.scene_files.programs import BLENDER, CHIMERAX, find_program

sys.path.insert(0, str(Path(__file__).parent / "gui"))

from segmented_tomogram import BALLS

BY_ENDING = {kind.ending: kind for kind in FORMATS}


class Desk:
    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.editor = Editor(folder / "settings", nothing)
        self.files = self.editor.rendering.files
        self.ribosome = folder / "TS_01__ribosome.mrc"

    def save(self, path: Path) -> Path:
        self.files.save_scene(path)
        rest(self.editor)
        assert path.exists(), said(self.editor)
        return path

    def save_many(self, scope: Scope, ending: str, folder: Path, *, together: bool = True) -> None:
        wish = self.files.wish
        wish.scope, wish.kind, wish.folder, wish.together = scope, BY_ENDING[ending], folder, together
        self.files.save()
        rest(self.editor)


@pytest.fixture
def desk(segmented_folder: Path, tmp_path: Path) -> Iterator[Desk]:
    shutil.copytree(segmented_folder, tmp_path, dirs_exist_ok=True)
    made = Desk(tmp_path)
    made.editor.open_paths([tmp_path / "TS_01.mrc"])
    until(made.editor, lambda: made.editor.shown)
    made.editor.state.tab = Tab.RENDER
    until(made.editor, lambda: len(made.editor.rendering.volumes.items()) == 3, 20)
    rest(made.editor)
    yield made
    made.editor.close()


def parts(path: Path, name: str) -> int:
    """How many connected pieces a part of a scene has."""
    scene = trimesh.load(path, process=False)
    assert isinstance(scene, trimesh.Scene)
    return len(scene.geometry[name].split(only_watertight=False)) if name in scene.geometry else 0


def removal(desk: Desk, index: int) -> tuple[int, int, int]:
    facts = desk.editor.rendering.volumes.component(desk.ribosome, index)
    assert facts is not None
    return facts.anchor


def test_what_is_hidden_removed_or_dust_is_in_no_file(desk: Desk, tmp_path: Path) -> None:
    volumes = desk.editor.rendering.volumes
    assert parts(desk.save(tmp_path / "all.glb"), "ribosome") == len(BALLS)
    whole = desk.save(tmp_path / "all.cxc").read_text()
    assert 'open "TS_01__ribosome.mrc"' in whole
    assert float(whole.split(" level ")[1].split()[0]) == pytest.approx(128, rel=1e-5)
    item = next(item for item in volumes.items() if item.key == desk.ribosome)
    dust = float(np.sort(item.surface.volumes)[4]) + 1
    left = int(np.count_nonzero(item.surface.volumes >= dust))
    assert 5 < left < len(BALLS) - 4
    volumes.change({desk.ribosome: {"dust": dust}}, "Dust")
    rest(desk.editor)
    assert parts(desk.save(tmp_path / "dust.glb"), "ribosome") == left
    assert f"surface dust #3 size {dust:g}"[:24] in desk.save(tmp_path / "dust.cxc").read_text()
    hidden, gone = (Removal(*removal(desk, index), 128.0) for index in (0, 1))
    volumes.change({desk.ribosome: {"hidden": (hidden,), "removals": Removals(removed=(gone,))}}, "Take out")
    volumes.change({tmp_path / "TS_01__membrane.mrc": {"shown": False}}, "Hide")
    rest(desk.editor)
    assert parts(desk.save(tmp_path / "few.glb"), "ribosome") == left - 2
    assert parts(tmp_path / "few.glb", "membrane") == 0
    script = desk.save(tmp_path / "few.cxc").read_text()
    assert 'open "few - ribosome.glb"' in script
    assert parts(tmp_path / "few - ribosome.glb", "ribosome") == left - 2
    assert "TS_01__ribosome.mrc" not in script
    desk.save_many(Scope.ALL, ".glb", tmp_path / "batch")
    assert parts(tmp_path / "batch" / "TS_01.glb", "ribosome") == left - 2
    assert parts(tmp_path / "batch" / "TS_01.glb", "membrane") == 0


def test_all_tomograms_are_saved_and_failures_named(desk: Desk, tmp_path: Path) -> None:
    for name in ("TS_02", "TS_03"):
        shutil.copy(tmp_path / "TS_01.mrc", tmp_path / f"{name}.mrc")
    shutil.copy(desk.ribosome, tmp_path / "TS_02__ribosome.mrc")
    (tmp_path / "TS_03__ribosome.mrc").write_bytes(b"nothing" * 500)
    desk.editor.open_paths([tmp_path / "TS_02.mrc", tmp_path / "TS_03.mrc"])
    until(desk.editor, lambda: len(desk.editor.snapshot.tomograms) == 3)
    rest(desk.editor)
    desk.save_many(Scope.ALL, ".stl", tmp_path / "out", together=False)
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == [
        *(f"TS_01__{name}.stl" for name in ("membrane", "microtubule", "ribosome")),
        "TS_02__ribosome.stl",
    ]
    assert "4 files were saved" in said(desk.editor)
    assert "1 of 5 could not be saved. TS_03__ribosome.stl: " in said(desk.editor)
    before = (tmp_path / "out" / "TS_02__ribosome.stl").stat().st_mtime_ns
    desk.save_many(Scope.ALL, ".stl", tmp_path / "out", together=False)
    assert (tmp_path / "out" / "TS_02__ribosome.stl").stat().st_mtime_ns == before, "nothing without an answer"
    assert "4 more files exist" in desk.editor.dialogs.confirmations[-1].text.replace("3 more", "4 more")
    desk.editor.dialogs.answer_confirmation(True)
    rest(desk.editor)
    assert (tmp_path / "out" / "TS_02__ribosome.stl").stat().st_mtime_ns > before


def test_a_folder_that_cannot_be_written_is_said(desk: Desk, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    desk.files.save_scene(tmp_path / "file" / "scene.glb")
    rest(desk.editor)
    assert "file" in desk.editor.notices.said[-1].text
    assert desk.editor.notices.said[-1].kind == "problem"
    desk.save_many(Scope.EACH, ".ply", tmp_path / "file")
    assert "3 of 3 could not be saved" in said(desk.editor)


def test_another_program_is_started_with_the_scene(desk: Desk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "bin").mkdir()
    program = tmp_path / "bin" / "chimerax"
    program.write_text(f'#!/bin/sh\n/bin/cp "$1" "{tmp_path}/opened"\n')
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    monkeypatch.setenv("HOME", str(tmp_path))
    assert not desk.files.has(CHIMERAX)
    rest(desk.editor)
    assert desk.files.has(CHIMERAX)
    assert desk.files.has(BLENDER) == (find_program(BLENDER) is not None)
    assert command("scene_files.chimerax").enabled(desk.editor)
    earlier = desk.editor.settings_folder / "scenes" / "earlier - meshes.glb"
    earlier.parent.mkdir(parents=True)
    earlier.write_text("")
    os.utime(earlier, (0, 0))
    just_written = earlier.with_name("TS_01 - meshes.glb")  # another program may still be reading it
    just_written.write_text("")
    command("scene_files.chimerax").run(desk.editor)
    rest(desk.editor)
    until(desk.editor, lambda: (tmp_path / "opened").exists() and (tmp_path / "opened").read_text())
    text = (tmp_path / "opened").read_text()
    named = [line.split('"')[1] for line in text.splitlines() if line.startswith("open")]
    script = desk.editor.settings_folder / "scenes" / "TS_01.cxc"
    assert not earlier.exists()
    assert just_written.exists()
    assert sorted(Path(os.path.normpath(script.parent / name)).name for name in named) == [
        f"TS_01__{name}.mrc" for name in ("membrane", "microtubule", "ribosome")
    ]
    assert all((script.parent / name).exists() for name in named)


def test_the_camera_goes_into_files_as_it_is() -> None:
    camera = Camera((100.0, 200.0, 300.0), distance=900.0).orbit(40, 25, (200, 100)).roll(10)
    view = scene_view(camera, 2.0)
    np.testing.assert_allclose(view.eye, camera.eye)
    turn = np.array([view.right, view.up, view.backward])
    np.testing.assert_allclose(np.linalg.det(turn), 1)
    np.testing.assert_allclose(camera.view_matrix()[:3, :3], turn)


@pytest.mark.parametrize("axis", ["view", "z"])
def test_a_turntable_closes_and_keeps_its_target(axis: str) -> None:
    wish = Turntable(seconds=2, frames_per_second=10, axis="z" if axis == "z" else "view")
    first = Camera((1.0, 2.0, 3.0)).orbit(20, 35, (100, 100))
    seen = [wish.camera(first, number) for number in range(wish.frames + 1)]
    assert wish.frames == 20
    assert {camera.target for camera in seen} == {first.target}
    np.testing.assert_allclose(np.abs(np.dot(seen[0].rotation, seen[-1].rotation)), 1)
    steps = [abs(float(np.dot(a.rotation, b.rotation))) for a, b in itertools.pairwise(seen)]
    np.testing.assert_allclose(steps, np.cos(np.pi / wish.frames))
    up = [camera.axes[:, 2] if axis == "z" else camera.axes[1] for camera in seen]
    if axis == "z":
        np.testing.assert_allclose(up, np.broadcast_to(up[0], (len(up), 3)), atol=1e-9)
    swing = Turntable(seconds=2, frames_per_second=10, swing=30.0)
    turned = [
        2 * np.degrees(np.arccos(min(1, abs(np.dot(swing.camera(first, n).rotation, first.rotation)))))
        for n in range(20)
    ]
    assert max(turned) == pytest.approx(30, abs=0.1)


def test_what_is_whole_on_the_screen_is_whole_in_pictures_and_movies(desk: Desk) -> None:
    view, bounds = desk.editor.rendering.view, desk.editor.rendering.bounds()
    view.size = (300, 800)
    view.fit()
    wish = Turntable(640, 360)
    ends = np.array(bounds)
    corners = np.array([[ends[i, 0], ends[j, 1], ends[k, 2]] for i in (0, 1) for j in (0, 1) for k in (0, 1)])

    def reach(camera: Camera) -> float:
        places = np.column_stack([corners, np.ones(8)]) @ camera.view_matrix().T
        seen = places @ camera.projection_matrix(640 / 360, *bounds).T
        return float(np.abs(seen[:, :2] / seen[:, 3:]).max())

    assert 0.85 < reach(camera_for(desk.editor, 640, 360)) <= 1
    reaches = [reach(wish.camera(wish.first(desk.editor), number)) for number in range(wish.frames)]
    assert 0.85 < max(reaches) < 1.02
    view.move(view.camera.dolly(3))
    assert camera_for(desk.editor, 640, 360) == view.camera == wish.first(desk.editor)
    assert not scene_for(desk.editor).look.axes


def test_pictures_that_nobody_waits_for_any_more_are_not_drawn(desk: Desk, tmp_path: Path) -> None:
    editor, requests = desk.editor, desk.editor.shell.scene_requests
    picture = np.zeros((30, 40, 4), np.uint8)
    desk.files.save_picture(tmp_path / "done.png", 40, 30, transparent=True)
    shot = requests.pop()
    (work,) = editor.background.works
    assert shot.wanted()
    assert "40 x 30" in work.title
    shot.told(0.25)
    assert work.fraction == 0.25
    shot.got(picture)
    rest(desk.editor)
    assert (tmp_path / "done.png").exists()
    assert not editor.background.works
    # Cancelled in the list of jobs.
    desk.files.save_picture(tmp_path / "cancelled.png", 40, 30, transparent=True)
    shot = requests.pop()
    editor.background.works[-1].cancel()
    assert not shot.wanted()
    rest(desk.editor)
    # It cannot be drawn.
    desk.files.save_picture(tmp_path / "failed.png", 40, 30, transparent=True)
    requests.pop().failed("There is too little memory.")
    rest(desk.editor)
    assert editor.notices.said[-1].text == "There is too little memory."
    desk.files.save_turntable(tmp_path / "failed.mp4", Turntable(160, 120, seconds=1))
    until(editor, lambda: desk.files.movie is None or desk.files.movie.follow() or requests)
    frames = [*requests]
    requests.clear()
    assert all(frame.wanted() for frame in frames)
    frames[0].failed("There is too little memory for this.")
    assert not any(frame.wanted() for frame in frames), "nor any of the same movie"
    rest(desk.editor)
    assert editor.notices.said[-1].text == "There is too little memory for this."
    desk.files.follow()
    assert desk.files.movie is None
    # The project is closed.
    desk.files.save_picture(tmp_path / "closed.png", 40, 30, transparent=True)
    shot = requests.pop()
    editor.close_project()
    until(editor, lambda: not shot.wanted())
    rest(desk.editor)
    assert [path.name for path in tmp_path.glob("*.png")] == ["done.png"]
    assert not (tmp_path / "failed.mp4").exists()
