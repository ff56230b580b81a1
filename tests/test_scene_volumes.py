"""Volumes of the tomogram on the screen as surfaces, without the window: found, meshed, looked at, undone."""

from __future__ import annotations

import os
import shutil
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from windowless import nothing, said, settled, until

from ais.annotation import AddFeature, Removal, Removals
from ais.formats.registry import write_volume
from ais.gui import component_edits, scene_meshing, volume_meshes
from ais.gui.commands import command
from ais.gui.editor import Editor
from ais.gui.scene.contents import HIDDEN, HIGHLIGHTED, SHOWN, SurfaceItem
from ais.gui.scene_meshing import LoadedVolume, MeshWish, VolumeMesh, least_bin, load, mesh
from ais.gui.state import Tab
from ais.gui.volume_finder import volume_finder
from ais.progress import SILENT, Progress
from ais.removal import without

sys.path.insert(0, str(Path(__file__).parent / "gui"))

from segmented_tomogram import BALLS, ORIGIN, SHAPE, VOXEL_SIZE, balls


class Desk:
    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.editor = Editor(folder / "settings", nothing)
        self.volumes = self.editor.rendering.volumes

    def open(self, path: Path | None = None) -> None:
        self.editor.open_paths([path or self.folder / "TS_01.mrc"])
        until(self.editor, lambda: self.editor.shown)
        self.editor.state.tab = Tab.RENDER
        self.rest()

    def rest(self) -> None:
        """Poll until all surfaces are as they are wanted."""
        for _ in range(3):
            settled(self.editor)
            self.editor.poll()
        settled(self.editor)

    def path(self, name: str) -> Path:
        return self.folder / f"TS_01__{name}.mrc"

    def item(self, name: str) -> SurfaceItem:
        return next(item for item in self.volumes.items() if item.key == self.path(name))

    def names(self) -> list[str]:
        return [volume.name for volume in self.volumes.listed]

    def seen(self, name: str) -> int:
        return int(np.count_nonzero(self.item(name).states))


@pytest.fixture
def desk(tmp_path: Path, segmented_folder: Path) -> Iterator[Desk]:
    for path in segmented_folder.iterdir():
        shutil.copy(path, tmp_path)
    made = Desk(tmp_path)
    yield made
    made.editor.close()


def test_all_volumes_of_the_tomogram_appear_where_they_are(desk: Desk) -> None:
    (desk.folder / "TS_01__notes.txt").write_text("no volume")
    write_volume(desk.folder / "TS_010__other.mrc", np.zeros((2, 3, 4), np.uint8), voxel_sizes=10.0)
    desk.open()
    assert desk.names() == ["membrane", "microtubule", "ribosome"]
    items = desk.volumes.items()
    assert {item.key for item in items} == {desk.path(name) for name in desk.names()}
    assert desk.volumes.items() is items, "the same objects as long as nothing changes"
    ribosomes = desk.item("ribosome")
    assert ribosomes.states.tolist() == [SHOWN] * len(BALLS)
    found = sorted(desk.volumes.component(ribosomes.key, index).centre for index in range(20))  # type: ignore[union-attr]
    wanted = sorted(tuple(ORIGIN[a] + VOXEL_SIZE * ball[2 - a] for a in range(3)) for ball in BALLS)
    np.testing.assert_allclose(found, wanted, atol=VOXEL_SIZE)
    vertices = ribosomes.surface.vertices
    np.testing.assert_allclose(
        vertices.min(axis=0), np.array(ORIGIN) + VOXEL_SIZE * (np.array((12, 14, 16)) - 5), atol=10
    )
    voxels = balls() >= 128
    facts = desk.volumes.component(ribosomes.key, 0)
    assert facts is not None
    z, y, x = facts.anchor
    near = tuple(slice(round(at) - 8, round(at) + 9) for at in facts.voxel)
    assert facts.volume_nm3 == voxels[near].sum()
    assert facts.weight == balls()[near][voxels[near]].sum()
    assert balls()[z, y, x] == 255
    assert desk.volumes.component_at(ribosomes.key, facts.anchor) == 0
    assert desk.volumes.component_at(ribosomes.key, (0, 0, 0)) is None
    colours = {item.colour for item in items}
    assert len(colours) == 3
    assert desk.volumes.component("nothing", 3) is desk.volumes.component(ribosomes.key, 20) is None


def test_what_is_new_is_found_when_asked_and_what_is_wrong_is_said(desk: Desk) -> None:
    for name, values in (
        ("half", balls()[:32]),
        ("nan", np.full(SHAPE, np.nan, np.float32)),
        ("empty", np.zeros(SHAPE, np.uint8)),
    ):
        write_volume(desk.path(name), values, voxel_sizes=VOXEL_SIZE)
    whole = desk.path("ribosome").read_bytes()
    desk.path("short").write_bytes(whole[: len(whole) // 2])
    desk.open()
    assert len(desk.volumes.listed) == 7
    for name, words in (("half", "export it again"), ("nan", "finite"), ("short", "short")):
        assert words in desk.volumes.problem(desk.path(name)), name
    assert desk.item("empty").states.size == 0
    assert not desk.volumes.problem(desk.path("empty"))
    assert len(desk.volumes.items()) == 4
    before = desk.item("ribosome").surface
    desk.path("half").unlink()
    write_volume(desk.path("ribosome"), 255 - balls(), voxel_sizes=VOXEL_SIZE)
    write_volume(desk.path("late"), balls(), voxel_sizes=VOXEL_SIZE)
    desk.volumes.look_again()
    desk.rest()
    assert "half" not in desk.names()
    assert "late" in desk.names()
    assert desk.item("ribosome").surface is not before, "it was written again"
    assert not said(desk.editor)


def test_feature_gives_colour_level_and_dust(desk: Desk) -> None:
    desk.open()
    desk.editor.submit(AddFeature("Ribosome", colour=(0.1, 0.2, 0.3), level=200.0, dust=450_000.0))
    desk.rest()
    item = desk.item("ribosome")
    assert item.colour == (0.1, 0.2, 0.3)
    voxels = np.sort([np.count_nonzero(balls()[tuple(slice(c - 8, c + 9) for c in ball)] >= 200) for ball in BALLS])
    np.testing.assert_array_equal(np.sort(item.surface.volumes) / 1000, voxels)
    assert desk.seen("ribosome") == np.count_nonzero(voxels >= 450)
    desk.volumes.change({desk.path("ribosome"): {"colour": (1.0, 0.0, 0.0)}}, "Change colour of ribosome")
    assert desk.item("ribosome").colour == (1.0, 0.0, 0.0), "at once"
    desk.rest()
    desk.editor.undo()
    desk.rest()
    assert desk.item("ribosome").colour == (0.1, 0.2, 0.3)


def test_dust_and_colour_change_no_surface(desk: Desk) -> None:
    desk.open()
    path, surface = desk.path("ribosome"), desk.item("ribosome").surface
    volumes = surface.volumes
    began = time.thread_time()
    for limit in volumes[::-1]:
        desk.volumes.preview(path, dust=float(limit))
        item = desk.item("ribosome")
        assert item.surface is surface
        assert np.count_nonzero(item.states) == np.count_nonzero(volumes >= limit)
    assert (time.thread_time() - began) / volumes.size < 0.005
    desk.volumes.save_preview(path, "Change dust of ribosome")
    desk.volumes.change({path: {"alpha": 0.4, "colour": (0.0, 0.0, 1.0)}}, "Change ribosome")
    desk.rest()
    item = desk.item("ribosome")
    assert (item.surface, item.alpha, item.colour) == (surface, 0.4, (0.0, 0.0, 1.0))
    assert desk.volumes.counts(path) == (2, 20), "two are equally large"
    assert [entry.text for entry in desk.editor.snapshot.history][-2:] == ["Change dust of ribosome", "Change ribosome"]
    desk.editor.undo()
    desk.editor.undo()
    desk.rest()
    assert desk.volumes.counts(path) == (20, 20)
    assert desk.item("ribosome").surface is surface


def test_a_drag_of_the_level_is_one_step_and_the_latest_wins(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    desk.open()
    made, together, most = [], [], []

    def slow(volume: LoadedVolume, wish: MeshWish, before: VolumeMesh | None, progress: Progress) -> VolumeMesh:
        together.append(threading.get_ident())
        most.append(len(together))
        time.sleep(0.05)
        made.append(wish.level)
        together.remove(threading.get_ident())
        return mesh(volume, wish, before, progress)

    monkeypatch.setattr(volume_meshes, "mesh", slow)
    path = desk.path("ribosome")
    steps = len(desk.editor.snapshot.history)
    for level in range(60, 240, 2):
        for volume in desk.volumes.listed:
            desk.volumes.preview(volume.path, level=float(level))
        desk.editor.poll()
        time.sleep(0.002)
    desk.volumes.save_preview(path, "Change level of ribosome")
    desk.rest()
    assert max(most) == 2
    assert len(made) < 60, "not each of them"
    voxels = np.count_nonzero(balls() >= 238)
    assert desk.item("ribosome").surface.volumes.sum() == voxels * 1000
    assert len(desk.editor.snapshot.history) == steps + 1
    desk.editor.undo()
    desk.rest()
    assert desk.item("ribosome").surface.volumes.sum() == np.count_nonzero(balls() >= 128) * 1000


def test_components_are_hidden_removed_kept_and_brought_back(desk: Desk) -> None:
    desk.open()
    path, surface = desk.path("ribosome"), desk.item("ribosome").surface
    view = desk.editor.rendering.view
    view.selected = frozenset({(path, 3), (path, 7)})
    assert np.flatnonzero(desk.item("ribosome").states == HIGHLIGHTED).tolist() == [3, 7]
    component_edits.hide(desk.editor, view.selected)
    desk.rest()
    assert np.flatnonzero(desk.item("ribosome").states == HIDDEN).tolist() == [3, 7]
    assert not desk.volumes.removals(path)
    component_edits.remove(desk.editor, [(path, 0), (path, 1), (desk.path("membrane"), 0)])
    component_edits.remove(desk.editor, [(path, 2)])
    desk.rest()
    assert np.flatnonzero(desk.item("ribosome").states == HIDDEN).tolist() == [0, 1, 2, 3, 7]
    assert desk.item("ribosome").surface is surface
    assert desk.seen("membrane") == 0
    assert desk.volumes.counts(path) == (15, 17)
    left = without(balls(), desk.volumes.removals(path), 128.0)
    assert np.count_nonzero(left >= 128) == round(surface.volumes[3:].sum() / 1000)
    component_edits.show_all(desk.editor)
    desk.rest()
    assert desk.seen("ribosome") == 17
    component_edits.keep_only(desk.editor, [(path, 4), (path, 5)])
    desk.rest()
    assert np.flatnonzero(desk.item("ribosome").states).tolist() == [4, 5]
    component_edits.restore_all(desk.editor, [path])
    desk.rest()
    assert desk.seen("ribosome") == 20
    texts = [entry.text for entry in desk.editor.snapshot.history]
    assert "Remove 3 components of membrane, ribosome" in texts
    for wanted in (2, 17, 15, 16, 18, 20):
        desk.editor.undo()
        desk.rest()
        assert desk.seen("ribosome") == wanted
    for _ in range(6):
        desk.editor.redo()
    desk.rest()
    assert desk.seen("ribosome") == 20
    assert desk.seen("membrane") == 0


def test_what_was_removed_stays_removed_at_other_levels(desk: Desk) -> None:
    ridge = np.zeros(SHAPE, np.uint8)
    ridge[30, 40, 20:60] = 60
    ridge[28:33, 38:43, 20:30] = ridge[28:33, 38:43, 50:60] = 200
    write_volume(desk.path("ridge"), ridge, voxel_sizes=VOXEL_SIZE)
    desk.open()
    path = desk.path("ridge")
    gone = next(i for i in range(2) if desk.volumes.component(path, i).voxel[2] < 40)  # type: ignore[union-attr]
    component_edits.remove(desk.editor, [(path, gone)])
    desk.rest()
    assert desk.seen("ridge") == 1
    whole = desk.item("ridge").surface
    for level, volume in ((180.0, 250), (40.0, 270), (128.0, 250)):
        desk.volumes.change({path: {"level": level}}, "Change level")
        desk.rest()
        item = desk.item("ridge")
        shown = item.surface.volumes[item.states == SHOWN]
        assert (shown / 1000).tolist() == [volume], level
    assert desk.volumes.counts(path) == (1, 1)
    assert item.surface.vertices.shape == whole.vertices.shape


def test_looks_survive_a_restart_and_volumes_are_added_by_hand(desk: Desk, tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    outside = elsewhere / "mine.mrc"
    write_volume(outside, balls(), voxel_sizes=VOXEL_SIZE)
    desk.editor.new_project(tmp_path / "p.aisproj")
    until(desk.editor, lambda: desk.editor.document)
    desk.open()
    desk.volumes.add([outside])
    desk.rest()
    assert desk.names()[-1] == "mine"
    assert desk.volumes.selected == outside
    desk.volumes.change({outside: {"level": 77.0, "smooth": 3, "bin": 2}}, "Change mine")
    desk.volumes.take_off(desk.path("membrane"))
    component_edits.remove(desk.editor, [(outside, 1)])
    desk.rest()
    mark = desk.volumes.removals(outside).removed[0]
    assert mark.level == 128.0, "the surface that was on the screen"
    assert balls()[mark.z, mark.y, mark.x] >= 128
    desk.editor.close()
    again = Desk(desk.folder)
    again.open(tmp_path / "p.aisproj")
    assert again.names() == ["microtubule", "ribosome", "mine"]
    look = again.volumes.look(outside)
    assert (look.level, look.smooth, look.bin, look.removals) == (77.0, 3, 2, Removals((mark,)))
    item = next(item for item in again.volumes.items() if item.key == outside)
    assert np.count_nonzero(item.states) == 19
    outside.unlink()
    again.volumes.look_again()
    again.rest()
    assert "missing" in again.volumes.problem(outside)
    again.volumes.add([again.path("membrane")])
    again.volumes.take_off(outside)
    again.rest()
    assert sorted(again.names()) == ["membrane", "microtubule", "ribosome"]
    again.editor.close()
    desk.editor = Editor(tmp_path / "other", nothing)


def test_nothing_is_made_as_long_as_nobody_looks_but_it_is_said_once_that_there_is_something(desk: Desk) -> None:
    desk.editor.open_paths([desk.folder / "TS_01.mrc"])
    until(desk.editor, lambda: desk.editor.shown)
    desk.rest()
    until(desk.editor, lambda: desk.editor.notices.said)
    assert desk.volumes.items() == ()
    assert not any(desk.volumes.busy(volume.path) for volume in desk.volumes.listed)
    said = [notice.text for notice in desk.editor.notices.said]
    assert said == ["TS_01 has 3 segmented volumes: the tab Render shows them in 3D."]
    desk.editor.state.tab = Tab.RENDER
    until(desk.editor, lambda: len(desk.volumes.items()) == 3)
    desk.editor.state.tab = Tab.ANNOTATE
    desk.rest()
    assert len(desk.editor.notices.said) == 1


def test_a_volume_that_is_too_large_is_binned(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    assert least_bin((1024, 1024, 900), np.dtype(np.uint8)) == 1
    assert least_bin((1024, 1024, 1100), np.dtype(np.uint8)) == 2
    assert least_bin((4096, 4096, 4096), np.dtype(np.float32)) == 7
    monkeypatch.setattr(scene_meshing, "MOST_BYTES", 500_000)
    monkeypatch.setattr(scene_meshing, "SLAB_BYTES", 1)
    volume = load(desk.path("ribosome"), SHAPE, None, VOXEL_SIZE, SILENT)
    assert volume.bin == 2
    assert "too large" in volume.note
    wish = MeshWish(128.0, 0, Removals(), (), VOXEL_SIZE, ORIGIN)
    found = mesh(volume, wish, None)
    monkeypatch.undo()
    full = mesh(load(desk.path("ribosome"), SHAPE, None, VOXEL_SIZE, SILENT), wish, None)
    assert full.surface.volumes.size == found.surface.volumes.size == 20
    order, other = (np.lexsort(np.round(one.centroids / 10).T) for one in (full, found))
    np.testing.assert_allclose(full.centroids[order], found.centroids[other], atol=0.6)
    np.testing.assert_allclose(full.weights[order], found.weights[other], rtol=0.25)
    np.testing.assert_allclose(full.surface.vertices.min(axis=0), found.surface.vertices.min(axis=0), atol=8)
    np.testing.assert_allclose(full.surface.vertices.max(axis=0), found.surface.vertices.max(axis=0), atol=8)
    chosen = next(at for at, centre in enumerate(found.centroids) if np.abs(centre - BALLS[0]).max() < 2)
    z, y, x = (int(at) for at in found.peaks[chosen])
    mark = Removal(z, y, x, 128.0)
    removed = mesh(volume, MeshWish(128.0, 0, Removals((mark,)), (), VOXEL_SIZE, ORIGIN), found)
    assert removed.surface is found.surface
    assert np.flatnonzero(removed.removed).tolist() == [chosen]


def test_looking_elsewhere_keeps_the_surfaces_and_frees_the_voxels(desk: Desk) -> None:
    desk.open()
    before = desk.volumes.items()
    desk.editor.state.tab = Tab.ANNOTATE
    desk.editor.shell.scene = desk.editor.shell.scene_alone = False
    desk.rest()
    assert desk.volumes.items() is before
    assert not any(place.loaded for place in desk.volumes._meshes._places.values())
    desk.editor.state.tab = Tab.RENDER
    desk.volumes.change({desk.path("ribosome"): {"level": 90.0}}, "Change level")
    desk.rest()
    assert desk.volumes.items()[:2] == before[:2]
    assert desk.item("ribosome").surface.volumes.sum() == np.count_nonzero(balls() >= 90) * 1000


def test_another_voxel_size_is_said(desk: Desk) -> None:
    write_volume(desk.path("odd"), balls(), voxel_sizes=8.0)
    desk.open()
    assert "8 A" in desk.volumes.note(desk.path("odd"))
    np.testing.assert_array_equal(desk.item("odd").surface.vertices, desk.item("ribosome").surface.vertices)


def test_a_project_that_can_only_be_read_is_looked_at_all_the_same(desk: Desk, tmp_path: Path) -> None:
    desk.editor.new_project(tmp_path / "p.aisproj")
    until(desk.editor, lambda: desk.editor.document)
    desk.open()
    other = Desk(desk.folder)
    other.editor.open_paths([tmp_path / "p.aisproj"])
    until(other.editor, lambda: other.editor.shown)
    assert other.editor.read_only
    other.editor.state.tab = Tab.RENDER
    other.rest()
    path = other.path("ribosome")
    other.volumes.change({path: {"level": 200.0}}, "Change level")
    other.volumes.preview(path, dust=5e5)
    other.volumes.save_preview(path, "Change dust")
    other.rest()
    component_edits.remove(other.editor, [(path, 0)])
    other.rest()
    assert other.item("ribosome").surface.volumes.sum() == np.count_nonzero(balls() >= 200) * 1000
    assert 0 < other.volumes.counts(path)[0] < other.volumes.counts(path)[1] == 19
    other.volumes.take_off(other.path("membrane"))
    assert said(other.editor)
    other.editor.close()


def test_reading_that_was_stopped_goes_on_when_it_is_shown_again(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    begun = threading.Event()

    def endless(*arguments: Any) -> LoadedVolume:
        begun.set()
        while True:
            arguments[-1].report(1, 2)
            time.sleep(0.01)

    monkeypatch.setattr(volume_meshes, "load", endless)
    desk.editor.open_paths([desk.folder / "TS_01.mrc"])
    desk.editor.state.tab = Tab.RENDER
    until(desk.editor, begun.is_set)
    path = desk.volumes.listed[0].path
    assert desk.volumes.busy(path)
    monkeypatch.undo()
    for work in desk.editor.background.works:
        work.cancel()
    until(desk.editor, lambda: "stopped" in desk.volumes.problem(path))
    desk.rest()
    assert desk.volumes.mesh(path) is None
    desk.volumes.change({path: {"shown": False}}, "Hide")
    desk.volumes.change({path: {"shown": True}}, "Show")
    desk.rest()
    assert not desk.volumes.problem(path)
    assert desk.volumes.mesh(path) is not None


def test_hasty_changes_of_the_tomogram_leave_two_threads_free(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("ribosome", "membrane", "microtubule"):
        os.link(desk.path(name), desk.folder / f"TS_02__{name}.mrc")
    shutil.copy(desk.folder / "TS_01.mrc", desk.folder / "TS_02.mrc")
    now: list[int] = []
    most: list[int] = []

    def slow(volume: LoadedVolume, wish: MeshWish, before: VolumeMesh | None, progress: Progress) -> VolumeMesh:
        now.append(1)
        most.append(len(now))
        time.sleep(0.05)
        now.pop()
        return mesh(volume, wish, before, progress)

    monkeypatch.setattr(volume_meshes, "mesh", slow)
    editor = desk.editor
    editor.open_paths([desk.folder / "TS_01.mrc", desk.folder / "TS_02.mrc"])
    until(editor, lambda: editor.shown and len(editor.snapshot.tomograms) == 2)
    editor.state.tab = Tab.RENDER
    for turn in range(8):
        editor.select_tomogram(editor.snapshot.tomograms[turn % 2].id)
        until(editor, lambda: editor.shown and desk.volumes.listed)
        until(editor, lambda: now)
    desk.rest()
    assert max(most) <= 2
    assert {item.key for item in desk.volumes.items()} == {volume.path for volume in desk.volumes.listed}
    assert all("TS_02__" in volume.path.name for volume in desk.volumes.listed)


def test_a_volume_is_shown_over_the_slices_in_the_same_colour(desk: Desk) -> None:
    desk.open()
    path, overlays = desk.path("ribosome"), desk.editor.modelling.overlays
    desk.volumes.selected = path
    desk.volumes.change({path: {"level": 99.0}}, "Change level")
    command("surfaces.in_slices").run(desk.editor)
    until(desk.editor, lambda: overlays.pictures("xy", 16, 16))
    (picture,) = overlays.pictures("xy", 16, 16)
    np.testing.assert_array_equal(picture.bytes(), balls()[16])
    assert (picture.look.threshold, picture.look.colour) == (99.0, desk.item("ribosome").colour)
    desk.volumes.change({path: {"colour": (1.0, 0.0, 0.5)}}, "Change colour")
    desk.editor.poll()
    assert overlays.pictures("xy", 16, 16)[0].look.colour == (1.0, 0.0, 0.5)
    command("surfaces.in_slices").run(desk.editor)
    assert not overlays.pictures("xy", 16, 16)


def test_commands_show_hide_and_make_a_look_common(desk: Desk) -> None:
    desk.open()
    shown = lambda: [volume.look.shown for volume in desk.volumes.listed]  # noqa: E731
    command("surfaces.show_all").run(desk.editor)
    desk.rest()
    assert shown() == [False] * 3
    assert desk.volumes.items() == ()
    command("surfaces.show_all").run(desk.editor)
    command("surfaces.next").run(desk.editor)
    command("surfaces.only").run(desk.editor)
    desk.rest()
    assert (shown(), desk.volumes.selected) == ([False, True, False], desk.path("microtubule"))
    desk.editor.undo()
    desk.rest()
    assert shown() == [True] * 3
    desk.volumes.change({desk.path("microtubule"): {"level": 90.0, "dust": 3000.0}}, "Change")
    command("surfaces.everywhere").run(desk.editor)
    desk.rest()
    (feature,) = desk.editor.snapshot.features
    assert (feature.name, feature.level, feature.dust) == ("microtubule", 90.0, 3000.0)
    assert desk.editor.snapshot.volumes[-1].look.level is None
    assert desk.volumes.look(desk.path("microtubule")).level == 90.0
    desk.editor.undo()
    desk.rest()
    assert not desk.editor.snapshot.features
    assert desk.volumes.look(desk.path("microtubule")).level == 90.0
    desk.volumes.change({desk.path("microtubule"): {"level": 50.0}}, "Change")
    command("surfaces.as_feature").run(desk.editor)
    desk.rest()
    assert desk.volumes.look(desk.path("microtubule")).level == 90.0, "as the feature library remembers it"


def test_noise_at_a_low_level_does_not_fill_the_memory(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    noise = np.random.default_rng(0).integers(0, 256, SHAPE).astype(np.uint8)
    write_volume(desk.path("noise"), noise, voxel_sizes=VOXEL_SIZE)
    monkeypatch.setattr(scene_meshing, "MOST_RUNS", 100_000)
    desk.open()
    path = desk.path("noise")
    assert "higher level" in desk.volumes.problem(path)
    assert desk.volumes.mesh(path) is None
    desk.volumes.change({path: {"level": 250.0}}, "Change level")
    desk.rest()
    assert not desk.volumes.problem(path)
    assert desk.volumes.mesh(path) is not None


def test_a_slow_surface_is_coarse_while_it_is_dragged(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scene_meshing, "COARSE_VOXELS", 50_000)
    monkeypatch.setattr(volume_meshes, "SLOW_S", 0.0)
    desk.open()
    path = desk.path("ribosome")
    desk.volumes.preview(path, level=100.0)
    until(desk.editor, lambda: desk.volumes.mesh(path).wish.level == 100.0)  # type: ignore[union-attr]
    coarse = desk.volumes.mesh(path)
    assert coarse is not None
    assert coarse.wish.coarse
    assert coarse.bin == 3
    assert desk.volumes.seconds_to_frame is not None
    until(desk.editor, lambda: not desk.volumes.mesh(path).wish.coarse)  # type: ignore[union-attr]
    full = desk.volumes.mesh(path)
    assert full is not None
    assert (full.bin, full.wish.level) == (1, 100.0)
    assert full.surface.volumes.sum() == np.count_nonzero(balls() >= 100) * 1000
    np.testing.assert_allclose(coarse.surface.volumes.sum(), full.surface.volumes.sum(), rtol=0.2)


def test_volumes_of_other_tomograms_are_found_with_what_was_removed(desk: Desk) -> None:
    write_volume(desk.folder / "TS_02.mrc", balls().astype(np.float32), voxel_sizes=VOXEL_SIZE)
    os.link(desk.path("ribosome"), desk.folder / "TS_02__ribosome.mrc")
    desk.open()
    component_edits.remove(desk.editor, [(desk.path("ribosome"), 0)])
    desk.rest()
    removals = desk.volumes.removals(desk.path("ribosome"))
    desk.editor.open_paths([desk.folder / "TS_02.mrc"])
    until(desk.editor, lambda: desk.editor.shown and desk.editor.shown.entry.name == "TS_02")
    desk.rest()
    assert desk.names() == ["ribosome"]
    find = volume_finder(desk.editor)
    here, there = find(desk.folder / "TS_02.mrc", "ribosome"), find(desk.folder / "TS_01.mrc", "ribosome")
    assert here is not None
    assert there is not None
    assert (here.path.name, bool(here.removals)) == ("TS_02__ribosome.mrc", False)
    assert (there.path.name, there.removals) == ("TS_01__ribosome.mrc", removals)
    assert find(desk.folder / "TS_02.mrc", "membrane") is None
