"""Picking in the editor, without the window: the preview follows, sets are made and undone, pictures come."""

from __future__ import annotations

import shutil
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from windowless import nothing, said, settled, until

import ais.gui.picking_work
from ais.annotation import AddFeature, ChangeFeature, Removal, Removals
from ais.formats.registry import write_volume
from ais.gui.editor import Editor
from ais.gui.gallery import IN_ORDER, Gallery
from ais.gui.picking import Picking
from ais.gui.picking_choice import Orient
from ais.gui.state import Tab

sys.path.insert(0, str(Path(__file__).parent / "gui"))

from segmented_tomogram import BALLS, ORIGIN, SHAPE, TUBE_RADIUS, TUBES, VESICLE, VOXEL_SIZE, balls


class Desk:
    """An editor with the tomogram whose structures are known, at the tab Render."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.editor = Editor(folder / "settings", nothing)
        self.picking: Picking = self.editor.rendering.picking
        self.gallery: Gallery = self.picking.gallery

    def open(self, *names: str) -> None:
        self.editor.open_paths([self.folder / name for name in names or ("TS_01.mrc",)])
        until(self.editor, lambda: self.editor.shown)
        if len(names) > 1:
            until(self.editor, lambda: len(self.editor.snapshot.tomograms) == len(names))
            self.show("TS_01")
        self.look("ribosome")

    def show(self, name: str) -> None:
        entry = next(one for one in self.editor.snapshot.tomograms if one.name == name)
        self.editor.select_tomogram(entry.id)
        until(self.editor, lambda: self.editor.shown is not None and self.editor.shown.entry.name == name)

    def look(self, feature: str) -> None:
        self.editor.state.tab, self.picking.looked_at = Tab.RENDER, True
        until(self.editor, lambda: self.picking.sources)
        self.picking.use_feature(feature)

    def source(self) -> str:
        return self.picking.source.feature if self.picking.source is not None else ""

    def preview(self, **properties: Any) -> int:
        """Change settings and wait; gives how many would be picked, -1 if nothing can be."""
        if properties:
            self.picking.change(remember=True, **properties)
        self.editor.poll()
        until(self.editor, lambda: not self.picking.busy, 20)
        return len(self.picking.picked) if self.picking.picked is not None else -1

    def pick(self) -> None:
        self.picking.pick()
        settled(self.editor)
        until(self.editor, lambda: not self.picking.picking)
        particles = self.editor.rendering.particles
        until(self.editor, lambda: particles.sets and self.gallery.shown is not None)
        settled(self.editor)

    def counts(self) -> dict[str, int]:
        settled(self.editor)
        self.editor.poll()
        settled(self.editor)
        return {one.name: one.count for one in self.editor.rendering.particles.sets}


@pytest.fixture
def desk(tmp_path: Path, segmented_folder: Path) -> Iterator[Desk]:
    for path in segmented_folder.iterdir():
        shutil.copy(path, tmp_path)
    made = Desk(tmp_path)
    yield made
    made.editor.close()


def test_the_preview_follows_the_settings_and_lies_in_the_scene(desk: Desk) -> None:
    desk.open()
    assert desk.preview() == 20
    (item,) = desk.picking.items()
    expected = np.array(sorted((x, y, z) for z, y, x in BALLS)) * VOXEL_SIZE + ORIGIN
    found = item.positions[np.lexsort(np.round(item.positions.T[::-1]))]
    np.testing.assert_allclose(found, expected, atol=1.5)
    assert item.radius == pytest.approx(1.15 * 50, rel=0.1)
    assert desk.picking.items()[0] is item
    assert desk.picking.seconds_to_frame is None, "the window may sleep"
    desk.picking.change(threshold=130.0)
    desk.editor.poll()
    assert 0 < (desk.picking.seconds_to_frame or 0) <= 0.15
    assert desk.preview(max_count=3) == 3
    assert len(desk.picking.items()[0].positions) == 3
    desk.picking.previewing = False
    assert desk.picking.items() == ()
    desk.picking.previewing = True
    desk.editor.state.tab = Tab.ANNOTATE
    desk.editor.poll()
    assert desk.picking.items() == ()


def test_nothing_is_drawn_before_anybody_picks_and_the_selected_volume_is_picked_from(desk: Desk) -> None:
    editor, picking = desk.editor, desk.picking
    editor.open_paths([desk.folder / "TS_01.mrc"])
    editor.state.tab, picking.looked_at = Tab.RENDER, True
    until(editor, lambda: picking.sources and picking.picked is not None and not picking.busy, 20)
    assert picking.items() == ()
    editor.rendering.volumes.selected = desk.folder / "TS_01__ribosome.mrc"
    assert desk.source() == "ribosome"
    picking.change(spacing=1.0)
    assert desk.preview() == 20
    assert len(picking.items()[0].positions) == 20
    editor.rendering.volumes.selected = desk.folder / "TS_01__membrane.mrc"
    picking.use_feature("microtubule")
    assert desk.source() == "microtubule"


def test_the_latest_settings_win(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    desk.open()
    asked = []
    find = ais.gui.picking_work._find

    def slow(task: Any, progress: Any) -> Any:
        asked.append(task.choice.threshold)
        until_cancelled = time.monotonic() + 1.0
        while time.monotonic() < until_cancelled:
            progress.report(0, 0)
            time.sleep(0.005)
        return find(task, progress)

    monkeypatch.setattr(ais.gui.picking_work, "_find", slow)
    desk.picking.change(threshold=60.0)
    until(desk.editor, lambda: asked)
    for threshold in np.linspace(70, 240, 30).tolist():
        desk.picking.change(threshold=threshold)
        desk.editor.poll()
    assert desk.preview() == 20
    assert asked == [60.0, 240.0]
    assert desk.picking.picked is not None
    assert desk.picking.picked.task.choice.threshold == 240.0


def test_limits_act_without_a_wait(desk: Desk) -> None:
    desk.open()
    desk.preview()
    started = time.monotonic()
    assert desk.preview(margin=150.0) < 20
    assert time.monotonic() - started < 1.0


def test_level_and_dust_of_the_scene_are_the_settings_at_first(desk: Desk) -> None:
    desk.open()
    desk.editor.submit(AddFeature("Ribosome"))
    until(desk.editor, lambda: desk.editor.snapshot.features)
    desk.editor.submit(ChangeFeature(desk.editor.snapshot.features[0].id, level=77.0, dust=5e4))
    until(desk.editor, lambda: desk.picking.choice.threshold == 77.0)
    assert desk.picking.choice.min_volume == 5e4
    sources = {source.feature: source.path for source in desk.picking.sources}
    looks = {sources["ribosome"]: {"level": 88.0}, sources["membrane"]: {"level": 66.0}}
    desk.editor.rendering.volumes.change(looks, "Change level")
    until(desk.editor, lambda: desk.picking.choice.threshold == 88.0)
    desk.picking.change(surface="membrane")
    assert desk.picking.choice.surface_level == 66.0
    desk.preview(threshold=99.0)
    assert (desk.picking.choice.threshold, desk.picking.choice.min_volume) == (99.0, 5e4)


def test_picking_again_takes_the_place_of_the_set_and_can_be_undone(desk: Desk) -> None:
    desk.open()
    desk.preview(max_count=7)
    desk.pick()
    assert desk.counts() == {"ribosome": 7}
    assert desk.picking.is_applied
    assert desk.picking.items() == ()
    desk.preview(max_count=0)
    assert not desk.picking.is_applied
    desk.pick()
    assert desk.counts() == {"ribosome": 20}
    desk.editor.undo()
    assert desk.counts() == {"ribosome": 7}
    desk.editor.undo()
    assert desk.counts() == {}
    desk.editor.redo()
    assert desk.counts() == {"ribosome": 7}
    origin = desk.editor.rendering.particles.sets[0].origin
    assert origin["settings"]["max_count"] == 7
    assert origin["volume"].endswith("TS_01__ribosome.mrc")


def test_components_that_were_removed_are_not_picked(desk: Desk) -> None:
    desk.open()
    assert desk.preview() == 20
    z, y, x = BALLS[4]
    path = desk.folder / "TS_01__ribosome.mrc"
    volumes = desk.editor.rendering.volumes
    volumes.change({path: {"removals": Removals((Removal(z, y, x, 128.0),))}}, "Remove a ball")
    desk.editor.poll()
    assert desk.preview() == 19
    desk.pick()
    assert desk.counts() == {"ribosome": 19}


def test_distances_and_normals_of_a_membrane(desk: Desk) -> None:
    """The vesicle's radius is 18 voxels of 10 A, its wall 2.4 thick; the nearest balls are far outside."""
    desk.open()
    assert desk.preview(surface="membrane", orient=Orient.NORMAL) == 20
    picked = desk.picking.picked
    assert picked is not None
    away = picked.table.positions[:, ::-1] - np.array(VESICLE)
    expected = (np.linalg.norm(away, axis=1) - 18 - 1.2) * VOXEL_SIZE
    np.testing.assert_allclose(picked.table.numbers("aisDistance"), expected, atol=VOXEL_SIZE)
    directions = picked.directions
    assert directions is not None
    outwards = away[:, ::-1] / np.linalg.norm(away, axis=1)[:, None]
    assert np.degrees(np.arccos(np.clip((directions * outwards).sum(axis=1), -1, 1))).max() < 12
    some = float(np.median(expected))
    few = desk.preview(farthest=some)
    assert 0 < few < 20
    assert desk.preview(nearest=some, farthest=0.0) == 20 - few


def test_filaments_are_traced(desk: Desk) -> None:
    desk.open()
    desk.picking.use_feature("microtubule")
    count = desk.preview(filaments=True, step=50.0, min_length=200.0)
    picked = desk.picking.picked
    assert picked is not None
    lengths = [np.linalg.norm(np.subtract(*ends)) for ends in TUBES]
    assert picked.filaments == 2
    assert count == pytest.approx(sum(lengths) * VOXEL_SIZE / 50, abs=4)
    assert picked.radius == pytest.approx(2.5, rel=0.2)
    assert desk.picking.items() == ()
    (item,) = desk.picking.surfaces()
    assert item in desk.editor.rendering.scene().surfaces
    assert item.surface.volumes.size == len(item.states) == 2
    assert item.colours is not None
    assert (item.colours[0] != item.colours[1]).any()
    ends = np.array([np.array(end)[::-1] for tube in TUBES for end in tube]) * VOXEL_SIZE + ORIGIN
    distance = np.linalg.norm(item.surface.vertices[:, None] - ends, axis=-1).min(axis=0)
    assert distance.max() < 1.2 * 1.15 * 2.5 * VOXEL_SIZE
    to_the_tips = sorted(((at + 2 * TUBE_RADIUS) * VOXEL_SIZE for at in lengths), reverse=True)
    assert picked.lengths == pytest.approx(to_the_tips, rel=0.02)
    assert desk.preview(min_length=1010.0) < count
    assert desk.picking.surfaces()[0].surface.volumes.size == 1
    assert desk.preview(min_length=9000.0) == 0
    assert desk.picking.surfaces() == ()
    desk.preview(min_length=200.0)
    desk.pick()
    assert list(desk.counts()) == ["microtubule"]


def test_settings_are_remembered_by_the_project(desk: Desk) -> None:
    project = desk.folder / "kept.aisproj"
    desk.editor.new_project(project)
    until(desk.editor, lambda: desk.editor.document)
    desk.open()
    desk.preview(threshold=50.0, spacing=120.0)
    desk.picking.use_feature("membrane")
    desk.preview(orient=Orient.AXIS)
    settled(desk.editor)
    desk.editor.close_project()
    desk.editor.poll()
    assert desk.picking.source is None
    desk.editor.open_project(project)
    until(desk.editor, lambda: desk.picking.source is not None and desk.picking.source.feature == "membrane")
    assert desk.picking.choice.orient is Orient.AXIS
    ribosome = desk.picking.choice_of("ribosome")
    assert (ribosome.threshold, ribosome.spacing) == (50.0, 120.0)


def test_a_volume_that_does_not_suit_is_a_sentence(desk: Desk) -> None:
    write_volume(desk.folder / "TS_01__odd.mrc", np.zeros((3, 4, 5), np.uint8), voxel_sizes=10.0)
    desk.open()
    desk.picking.use_feature("odd")
    assert desk.preview() == -1
    assert "5 x 4 x 3 voxels" in desk.picking.problem
    desk.picking.pick()
    settled(desk.editor)
    desk.editor.poll()
    assert "5 x 4 x 3 voxels" in said(desk.editor)
    desk.picking.use_feature("ribosome")
    assert desk.preview() == 20
    assert desk.picking.problem == ""


def test_a_surface_that_is_not_there_is_said(desk: Desk) -> None:
    desk.open()
    assert desk.preview(surface="membrane", farthest=1e4) == 20
    (desk.folder / "TS_01__membrane.mrc").unlink()
    desk.editor.rendering.volumes.look_again()
    until(desk.editor, lambda: desk.picking.problem)
    assert "no volume of membrane" in desk.picking.problem
    assert not desk.picking.can_pick
    assert desk.preview(surface="") == 20
    assert desk.picking.can_pick


def test_all_tomograms_are_one_step_of_undo_and_what_fails_is_named(desk: Desk) -> None:
    rng = np.random.default_rng(0)
    for name in ("TS_02", "TS_03", "TS_04"):
        write_volume(desk.folder / f"{name}.mrc", rng.normal(size=SHAPE).astype(np.float32), voxel_sizes=VOXEL_SIZE)
    write_volume(desk.folder / "TS_02__ribosome.mrc", balls()[:, ::-1], voxel_sizes=VOXEL_SIZE)
    (desk.folder / "TS_03__ribosome.mrc").write_bytes(b"no volume" * 300)
    desk.open("TS_01.mrc", "TS_02.mrc", "TS_03.mrc", "TS_04.mrc")
    desk.preview(max_count=9)
    desk.picking.pick_all()
    until(desk.editor, lambda: not desk.picking.run.running, 20)
    found = {one.name: one for one in desk.picking.run.outcomes}
    assert [found[name].count for name in ("TS_01", "TS_02", "TS_03", "TS_04")] == [9, 9, None, None]
    assert "TS_03__ribosome.mrc" in found["TS_03"].problem
    assert found["TS_04"].without_volume
    assert "18 ribosome picked in 2 tomograms" in said(desk.editor)
    assert desk.counts() == {"ribosome": 9}
    assert desk.picking.is_applied
    desk.picking.save()
    particles = desk.editor.rendering.particles
    until(desk.editor, lambda: particles.saving is not None and particles.saving.choice.everywhere)
    particles.end_saving(accepted=False)
    desk.show("TS_02")
    assert desk.counts() == {"ribosome": 9}
    desk.editor.undo()
    assert desk.counts() == {}
    desk.show("TS_01")
    assert desk.counts() == {}


def test_a_run_that_is_stopped_keeps_what_it_has(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    write_volume(desk.folder / "TS_02.mrc", np.zeros(SHAPE, np.float32), voxel_sizes=VOXEL_SIZE)
    write_volume(desk.folder / "TS_02__ribosome.mrc", balls(), voxel_sizes=VOXEL_SIZE)
    desk.open("TS_01.mrc", "TS_02.mrc")
    desk.preview(max_count=5)
    pick = desk.picking.run._work.pick

    def slow(task: Any, progress: Any) -> Any:
        while task.tomogram == "TS_02":
            progress.report(0, 0)
            time.sleep(0.005)
        return pick(task, progress)

    monkeypatch.setattr(desk.picking.run._work, "pick", slow)
    desk.picking.pick_all()
    until(desk.editor, lambda: desk.picking.run.current == "TS_02")
    desk.picking.run.stop()
    until(desk.editor, lambda: not desk.picking.run.running)
    assert [(one.name, one.count) for one in desk.picking.run.outcomes] == [("TS_01", 5)]
    assert desk.counts() == {"ribosome": 5}


def test_the_gallery_sorts_selects_and_deletes(desk: Desk) -> None:
    desk.open()
    desk.preview()
    desk.pick()
    gallery, editor = desk.gallery, desk.editor
    gallery.open = True
    until(editor, lambda: "aisParticleVolume" in gallery.orders)
    assert gallery.order == IN_ORDER
    assert gallery.rows.tolist() == list(range(20))
    gallery.order, gallery.descending = "aisParticleVolume", False
    volumes = gallery.values("aisParticleVolume")
    assert volumes is not None
    assert (np.diff(volumes[gallery.rows]) >= 0).all()
    gallery.order = IN_ORDER
    gallery.want(range(20))
    assert gallery.waiting, "no further frame is needed to begin"
    until(editor, lambda: all(gallery.picture(number) is not None for number in range(20)))
    first = gallery.picture(0)
    assert first is not None
    middle = len(first) // 2
    assert first[middle - 2 : middle + 3, middle - 2 : middle + 3].mean() < first.mean() - 40
    gallery.select(4)
    gallery.select(7, extend=True)
    gallery.select(1, toggle=True)
    gallery.select(6, toggle=True)
    assert gallery.selected == {1, 4, 5, 7}
    assert {number for _, number in editor.rendering.view.selected} == {1, 4, 5, 7}
    gallery.delete()
    until(editor, lambda: len(gallery.rows) == 16)
    assert gallery.picture(0) is first, "the others' pictures stay"
    gallery.delete([gallery.rows.tolist()[0]])
    until(editor, lambda: len(gallery.rows) == 15)
    editor.undo()
    editor.undo()
    until(editor, lambda: len(gallery.rows) == 20)


def test_other_pictures_are_made_when_they_are_to_look_otherwise(desk: Desk) -> None:
    desk.open()
    desk.preview()
    desk.pick()
    gallery = desk.gallery
    gallery.open = True
    gallery.want([3])
    until(desk.editor, lambda: gallery.picture(3) is not None)
    before = gallery.picture(3)
    gallery.projected = False
    desk.editor.poll()
    gallery.want([3])
    until(desk.editor, lambda: gallery.picture(3) is not None)
    now = gallery.picture(3)
    assert before is not None
    assert now is not None
    assert before.shape == now.shape
    assert (before != now).any()
    gallery.side_wish = 300.0
    desk.editor.poll()
    gallery.want([3])
    until(desk.editor, lambda: gallery.picture(3) is not None)
    assert gallery.picture(3).shape == (30, 30)  # type: ignore[union-attr]
    assert not gallery.can_be_upright
