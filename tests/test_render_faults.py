"""The tab Render when work is stopped, projects are switched and things are lost meanwhile; without the window."""

from __future__ import annotations

import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import trimesh
from windowless import nothing, rest, said, until

import ais.gui.picking_work
from ais import surface_pieces
from ais.annotation import Removals
from ais.formats.registry import write_volume
from ais.gui import component_edits, volume_meshes
from ais.gui.background import PATIENCE_S
from ais.gui.editor import Editor
from ais.gui.picking_work import Picked
from ais.gui.scene_wish import FORMATS, Scope
from ais.gui.state import Tab

sys.path.insert(0, str(Path(__file__).parent / "gui"))

from segmented_tomogram import ORIGIN, SHAPE, VOXEL_SIZE, balls


class Desk:
    """An editor with a tomogram whose structures are known, at the tab Render."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.editor = Editor(folder / "settings", nothing)
        self.volumes = self.editor.rendering.volumes
        self.picking = self.editor.rendering.picking
        self.files = self.editor.rendering.files
        self.ribosome = folder / "TS_01__ribosome.mrc"

    def open(self) -> None:
        self.editor.open_paths([self.folder / "TS_01.mrc"])
        until(self.editor, lambda: self.editor.shown)
        self.editor.state.tab = Tab.RENDER
        until(self.editor, lambda: self.volumes.items(), 20)
        rest(self.editor)


class Gate:
    """Holds threads back until it is opened."""

    def __init__(self) -> None:
        self.reached = threading.Event()
        self.opened = threading.Event()

    def wait(self) -> None:
        self.reached.set()
        assert self.opened.wait(20)


@pytest.fixture
def desk(segmented_folder: Path, tmp_path: Path) -> Iterator[Desk]:
    shutil.copytree(segmented_folder, tmp_path, dirs_exist_ok=True)
    made = Desk(tmp_path)
    made.open()
    yield made
    made.editor.close()


def test_picking_that_was_stopped_in_the_list_of_jobs_can_be_begun_again(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    gate, find = Gate(), ais.gui.picking_work._find

    def slow(task: Any, progress: Any) -> Any:
        gate.wait()
        progress.report(0, 1)
        return find(task, progress)

    monkeypatch.setattr(ais.gui.picking_work, "_find", slow)
    desk.picking.use_feature("ribosome")
    desk.picking.pick()
    until(desk.editor, gate.reached.is_set)
    (work,) = (work for work in desk.editor.background.works if work.title == "Picking ribosome")
    work.cancel()
    gate.opened.set()
    rest(desk.editor)
    assert not desk.editor.rendering.particles.sets
    assert not desk.picking.picking
    desk.picking.pick()
    rest(desk.editor)
    assert [one.name for one in desk.editor.rendering.particles.sets] == ["ribosome"]


def test_what_was_picked_for_a_project_that_is_closed_does_not_end_the_next_ones_picking(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    gates, picked, find = [Gate(), Gate()], iter((0, 1)), ais.gui.picking_work._find

    def slow(task: Any, progress: Any) -> Any:
        gates[next(picked)].wait()
        return find(task, progress)

    monkeypatch.setattr(ais.gui.picking_work, "_find", slow)
    run = desk.picking.run
    desk.picking.use_feature("ribosome")
    desk.picking.pick_all()
    until(desk.editor, gates[0].reached.is_set)
    desk.editor.new_project(desk.folder / "other.aisproj")
    until(desk.editor, lambda: desk.editor.project_name == "other")
    desk.editor.open_paths([desk.folder / "TS_01.mrc"])
    until(desk.editor, lambda: desk.editor.shown is not None and desk.picking.source is not None, 20)
    desk.picking.use_feature("ribosome")
    desk.picking.change(threshold=120.0)  # else what is being found for the other one would do
    desk.picking.pick_all()
    until(desk.editor, gates[1].reached.is_set)
    gates[0].opened.set()
    until(desk.editor, lambda: len(desk.editor.background.works) == 1)
    assert run.running, "it was taken for the one of the project before"
    gates[1].opened.set()
    rest(desk.editor)
    assert [one.count for one in run.outcomes] == [20]
    assert [one.count for one in desk.editor.rendering.particles.sets] == [20]


def test_reading_that_was_stopped_of_hidden_volumes_is_not_in_the_way_of_others(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    gate, load = Gate(), volume_meshes.load
    stopped = [desk.ribosome, desk.folder / "TS_01__membrane.mrc"]

    def slow(path: Path, *rest: Any) -> Any:
        if path in stopped:
            gate.wait()
            rest[-1].report(0, 1)
        return load(path, *rest)

    monkeypatch.setattr(volume_meshes, "load", slow)
    tubes = desk.folder / "TS_01__microtubule.mrc"
    desk.volumes.change({tubes: {"shown": False}}, "Hide")
    rest(desk.editor)
    desk.volumes.change({path: {"bin": 2} for path in stopped}, "Bin")
    until(desk.editor, lambda: sum(work.title.startswith("Reading") for work in desk.editor.background.works) == 2)
    desk.volumes.change({path: {"shown": False} for path in stopped}, "Hide")
    until(desk.editor, lambda: not any(desk.volumes.look(path).shown for path in stopped))
    for work in desk.editor.background.works:
        work.cancel()
    gate.opened.set()
    rest(desk.editor)
    desk.volumes.change({tubes: {"shown": True, "bin": 2}}, "Show")
    rest(desk.editor)
    mesh = desk.volumes.mesh(tubes)
    assert mesh is not None
    assert mesh.bin == 2


def test_components_of_a_binned_volume_are_not_removed_from_another_project(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    gate, highest_in = Gate(), component_edits.highest_in

    def slow(*arguments: Any) -> Any:
        gate.wait()
        return highest_in(*arguments)

    monkeypatch.setattr(component_edits, "highest_in", slow)
    desk.volumes.change({desk.ribosome: {"bin": 2}}, "Bin")
    rest(desk.editor)
    component_edits.remove(desk.editor, [(desk.ribosome, 0)])
    until(desk.editor, gate.reached.is_set)
    desk.editor.new_project(desk.folder / "other.aisproj")
    until(desk.editor, lambda: desk.editor.project_name == "other")
    desk.editor.open_paths([desk.folder / "TS_01.mrc"])
    until(desk.editor, lambda: desk.editor.shown is not None and desk.editor.state.tomogram == 1)
    gate.opened.set()
    rest(desk.editor)
    assert desk.volumes.removals(desk.ribosome) == Removals()


def test_surfaces_of_all_tomograms_lie_where_the_scene_shows_them(desk: Desk) -> None:
    write_volume(desk.ribosome, balls(), voxel_sizes=VOXEL_SIZE)  # another program has dropped the origin
    desk.volumes.look_again()
    rest(desk.editor)
    mesh = desk.volumes.mesh(desk.ribosome)
    assert mesh is not None
    wish = desk.files.wish
    wish.scope, wish.folder, wish.together = Scope.ALL, desk.folder / "all", False
    wish.kind = next(kind for kind in FORMATS if kind.ending == ".stl")
    desk.files.save()
    rest(desk.editor)
    saved = trimesh.load(desk.folder / "all" / "TS_01__ribosome.stl")
    np.testing.assert_allclose(saved.bounds[0], mesh.surface.vertices.min(axis=0), atol=0.01)
    np.testing.assert_allclose(saved.bounds[0] // 1000, np.array(ORIGIN) // 1000)


def test_the_window_can_be_closed_while_something_is_computed(
    segmented_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copytree(segmented_folder, tmp_path, dirs_exist_ok=True)
    gate, mesh = Gate(), volume_meshes.mesh

    def slow(*arguments: Any) -> Any:
        gate.wait()
        return mesh(*arguments)

    monkeypatch.setattr(volume_meshes, "mesh", slow)
    desk, written = Desk(tmp_path), tmp_path / "written"
    desk.editor.open_paths([tmp_path / "TS_01.mrc"])
    desk.editor.state.tab = Tab.RENDER
    until(desk.editor, gate.reached.is_set, 20)

    begun = threading.Event()

    def write(_: Any) -> None:
        begun.set()
        time.sleep(PATIENCE_S + 0.5)
        written.write_text("whole")

    writing = desk.editor.background.run(write)
    assert begun.wait(10)
    began = time.monotonic()
    desk.editor.close()
    assert time.monotonic() - began < 10
    assert written.read_text() == "whole", "what writes files is waited for"
    assert not writing.finished
    gate.opened.set()


@pytest.mark.parametrize("seconds", [0.0, 60.0])
def test_the_program_ends_though_something_is_computed(seconds: float) -> None:
    lines = (
        "import sys, threading, time",
        "import ais.cli.main as program",
        "def run(_):",
        "    import ais.gui.app",
        f"    threading.Thread(target=time.sleep, args=({seconds},)).start()",
        "    print('closed', end='')",
        "    return 3",
        "program.run = run",
        "program.main()",
    )
    done = subprocess.run([sys.executable, "-c", "\n".join(lines)], capture_output=True, timeout=50, check=False)
    assert (done.returncode, done.stdout) == (3, b"closed"), done.stderr


def test_a_surface_that_nobody_waits_for_is_given_up_at_its_next_step(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    gate, flying_edges, steps = Gate(), surface_pieces._flying_edges, []

    def slow(*arguments: Any) -> Any:
        gate.wait()
        return flying_edges(*arguments)

    monkeypatch.setattr(surface_pieces, "_flying_edges", slow)
    monkeypatch.setattr(surface_pieces, "_vertex_owners", lambda *_: steps.append("next"))
    desk.volumes.change({desk.ribosome: {"smooth": 3}}, "Smooth")
    until(desk.editor, gate.reached.is_set)
    desk.editor.close_project()
    desk.editor.poll()
    gate.opened.set()
    rest(desk.editor)
    assert not steps
    assert not said(desk.editor)


def test_a_tomogram_and_its_volumes_may_have_any_name(tmp_path: Path, segmented_folder: Path) -> None:
    folder = tmp_path / "Größe; 'ä' [1] $x"
    folder.mkdir()
    for path in segmented_folder.iterdir():
        shutil.copy(path, folder / path.name.replace("TS_01", "TS 01 'é' $(x)"))
    desk = Desk(folder)
    try:
        desk.editor.open_paths([folder / "TS 01 'é' $(x).mrc"])
        until(desk.editor, lambda: desk.editor.shown)
        desk.editor.state.tab = Tab.RENDER
        until(desk.editor, lambda: len(desk.volumes.items()) == 3, 20)
        for ending in (".cxc", ".py", ".obj", ".glb"):
            desk.files.save_scene(folder / f"scene ü{ending}")
            rest(desk.editor)
            assert (folder / f"scene ü{ending}").exists(), said(desk.editor)
    finally:
        desk.editor.close()


def test_a_volume_that_vanishes_or_changes_while_it_is_shown(desk: Desk) -> None:
    desk.picking.looked_at = True
    desk.picking.use_feature("ribosome")
    until(desk.editor, lambda: isinstance(desk.picking.picked, Picked), 20)
    write_volume(desk.ribosome, np.zeros(SHAPE, np.uint8), voxel_sizes=VOXEL_SIZE, origin=ORIGIN)
    desk.volumes.look_again()
    rest(desk.editor)
    assert desk.volumes.counts(desk.ribosome) == (0, 0)
    write_volume(desk.ribosome, np.full(SHAPE, 255, np.uint8)[:9], voxel_sizes=VOXEL_SIZE, origin=ORIGIN)
    desk.volumes.look_again()
    rest(desk.editor)
    assert "export it again" in desk.volumes.problem(desk.ribosome)
    desk.ribosome.unlink()
    desk.picking.pick()
    desk.volumes.look_again()
    rest(desk.editor)
    assert not desk.picking.picking
    assert "ribosome" not in [volume.feature for volume in desk.volumes.listed]
    assert "unexpected" not in said(desk.editor)
