"""Stories about picking: what would be picked is seen at once, becomes a set, and its pictures are looked through."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from acting import Context, frames, in_window, press, screenshot, until
from plans import story
from scipy.spatial import KDTree
from segmented_tomogram import BALLS, SHAPE, VOXEL_SIZE, segmented_tomogram

from ais.formats.registry import write_volume
from ais.gui.editor import Editor
from ais.gui.picking import Picking


def ready(ctx: Context, editor: Editor) -> Picking:
    """Wait until the Render tab shows the volumes of the tomogram."""
    until(ctx, lambda: editor.shown is not None and editor.shown.statistics is not None, 20, "the tomogram is shown")
    press(ctx, "4")
    picking = editor.rendering.picking
    until(ctx, lambda: len(picking.sources) >= 3, 20, "the volumes are found")
    in_window(ctx, lambda: picking.use_feature("ribosome"))
    previewed(ctx, picking)
    return picking


def previewed(ctx: Context, picking: Picking) -> int:
    """Wait for the preview; gives how many would be picked."""
    frames(ctx, 2)
    until(ctx, lambda: not picking.busy and (picking.picked is not None or picking.problem), 20, "the preview is there")
    return len(picking.picked) if picking.picked is not None else -1


@story(paths=segmented_tomogram, seconds=60)
def pick_balls_and_look_them_through(ctx: Context, editor: Editor) -> None:
    picking = ready(ctx, editor)
    assert previewed(ctx, picking) == 20
    assert picking.picked is not None
    found = picking.picked.table.positions[:, ::-1]
    distance, which = KDTree(found).query(np.array(BALLS, float))
    assert distance.max() < 0.1
    assert sorted(which) == list(range(20))
    in_window(ctx, lambda: editor.sight.show_voxel(16, 48, 56))
    frames(ctx, 5)
    screenshot(ctx, "picking/preview")
    in_window(ctx, lambda: picking.change(min_volume=440e3))
    few = previewed(ctx, picking)
    assert 0 < few < 20
    (item,) = picking.items()
    assert len(item.positions) == few
    in_window(ctx, lambda: picking.change(min_volume=0.0, threshold=200.0))
    assert previewed(ctx, picking) == 20
    ctx.item_click("//Render/**/Pick this tomogram")
    particles = editor.rendering.particles
    until(ctx, lambda: particles.sets and particles.shown(particles.sets[-1].id) is not None, 10, "they are a set")
    assert particles.sets[-1].count == 20
    assert particles.sets[-1].name == "ribosome"
    frames(ctx, 3)
    assert picking.is_applied
    assert picking.items() == ()
    screenshot(ctx, "picking/picked")
    gallery = picking.gallery
    ctx.item_click("//Render/**/Gallery")
    until(ctx, lambda: len(gallery.rows) == 20 and gallery.picture(int(gallery.rows[-1])) is not None, 10, "pictures")
    frames(ctx, 5)
    screenshot(ctx, "picking/gallery")
    ctx.item_click("//Gallery/**/particle 3")
    frames(ctx, 2)
    assert gallery.selected == {3}
    x, y, z = gallery.place(3)
    assert np.abs(np.subtract(editor.state.position, (z, y, x))).max() <= 0.5
    press(ctx, "delete")
    until(ctx, lambda: len(gallery.rows) == 19, 10, "one is gone")
    press(ctx, "delete")
    until(ctx, lambda: len(gallery.rows) == 18, 10, "and the next one")
    assert not {3, 4} & set(gallery.rows.tolist())
    screenshot(ctx, "picking/two-deleted")
    press(ctx, "ctrl+z")
    until(ctx, lambda: len(gallery.rows) == 19, 10, "one is back")
    press(ctx, "ctrl+z")
    until(ctx, lambda: len(gallery.rows) == 20, 10, "both are back")
    ctx.mouse_move("//Gallery/**/particle 8")
    frames(ctx, 2)
    ctx.item_click("//Gallery/**/delete 8")
    until(ctx, lambda: len(gallery.rows) == 19, 10, "the cross takes one out")
    assert 8 not in gallery.rows.tolist()
    ctx.item_click("//Gallery/**/particle 9")
    press(ctx, "ctrl+z")
    until(ctx, lambda: len(gallery.rows) == 20, 10, "it is back")
    press(ctx, "escape")
    frames(ctx, 3)
    assert not gallery.open
    in_window(ctx, lambda: picking.change(max_count=5))
    assert previewed(ctx, picking) == 5
    ctx.item_click("//Render/**/Pick this tomogram")
    until(ctx, lambda: [one.count for one in particles.sets] == [5], 10, "picking again takes the set's place")
    assert not editor.shell.unexpected


def three_tomograms(folder: Path) -> Sequence[Path]:
    """The segmented one, a second one with a volume of another size, a third one without."""
    paths = list(segmented_tomogram(folder))
    rng = np.random.default_rng(0)
    for name in ("TS_02", "TS_03"):
        paths.append(folder / f"{name}.mrc")
        write_volume(paths[-1], rng.normal(size=SHAPE).astype(np.float32), voxel_sizes=VOXEL_SIZE)
    write_volume(folder / "TS_02__ribosome.mrc", np.zeros((4, 5, 6), np.uint8), voxel_sizes=VOXEL_SIZE)
    return paths


@story(paths=three_tomograms, seconds=60)
def pick_all_tomograms(ctx: Context, editor: Editor) -> None:
    until(ctx, lambda: len(editor.snapshot.tomograms) == 3, 20, "all are in the project")
    first = next(entry for entry in editor.snapshot.tomograms if entry.name == "TS_01")
    in_window(ctx, lambda: editor.select_tomogram(first.id))
    picking = ready(ctx, editor)
    run = picking.run
    ctx.item_click("//Render/**/Pick all tomograms")
    until(ctx, lambda: len(run.outcomes) == 3 and not run.running, 20, "all have been picked")
    outcomes = {outcome.name: outcome for outcome in run.outcomes}
    assert outcomes["TS_01"].count == 20
    assert "6 x 5 x 4 voxels" in outcomes["TS_02"].problem
    assert outcomes["TS_03"].without_volume
    frames(ctx, 5)
    screenshot(ctx, "picking/all")
    until(ctx, lambda: len(editor.rendering.particles.sets) == 1, 10, "the set is there")
    press(ctx, "ctrl+z")
    until(ctx, lambda: not editor.rendering.particles.sets, 10, "one step takes it back")


@story(paths=segmented_tomogram, seconds=60)
def filaments_are_tubes(ctx: Context, editor: Editor) -> None:
    picking = ready(ctx, editor)
    in_window(ctx, lambda: picking.use_feature("microtubule"))
    ctx.item_click("//Render/**/Filaments")
    assert previewed(ctx, picking) > 10
    (item,) = picking.surfaces()
    assert len(item.states) == 2, "filaments that cross are kept apart"
    in_window(ctx, lambda: editor.sight.show_voxel(32, 48, 56))
    frames(ctx, 10)
    screenshot(ctx, "picking/filaments")
    ctx.item_click("//Render/**/Pick this tomogram")
    until(ctx, lambda: [one.name for one in editor.rendering.particles.sets] == ["microtubule"], 10, "they are a set")
    frames(ctx, 5)
    assert picking.surfaces() == ()
    assert not editor.shell.unexpected
