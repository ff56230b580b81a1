"""The third tutorial of the window: from volumes to particles and a scene for other programs; its pictures too."""

from __future__ import annotations

import numpy as np
import pandas
import starfile
import trimesh
from acting import Context, click, drag, frames, press, screenshot, until
from imgui_bundle import ImVec2
from numpy.typing import NDArray
from plans import story
from scipy.spatial import KDTree
from simulated_volumes import FALSE_FILE, FEATURES, NAME, RIBOSOME_RADIUS, SHAPE, VOXEL_SIZE, simulated_volumes
from stories_tutorial import quiet, saved

from ais.gui.editor import Editor
from ais.gui.scene.contents import HIDDEN, SurfaceItem
from ais.gui.state import Tab
from ais.metrics import evaluate_picks
from ais.tomogram import Tomogram

LEVEL, DUST_NM3 = 175.0, 1000.0
MATCH_A = 40.0
"""Of a pick and the middle of a ribosome, which is 250 A wide."""
CLICKED = 3
"""So many false ones are taken out in the scene, the others in the gallery."""
SLICES, BESIDE = ImVec2(590, 380), ImVec2(180, 120)
"""Over the slice, and where the pointer hides and explains nothing."""
Voxel = tuple[float, float, float]


def item(editor: Editor, name: str) -> SurfaceItem:
    """The surface of a volume in the scene."""
    return next(each for each in editor.rendering.volumes.items() if str(each.key).endswith(f"__{name}.mrc"))


def seen(editor: Editor, name: str) -> int:
    """How many of its components are drawn."""
    return int(np.count_nonzero(item(editor, name).states != HIDDEN))


def on_screen(editor: Editor, voxel: Voxel) -> tuple[float, float]:
    """Where a voxel z, y, x is seen in the scene."""
    view = editor.rendering.view
    places, _ = view.camera.project(np.array([editor.rendering.to_angstrom(*voxel)]), view.extent)
    return float(places[0, 0]) + view.origin[0], float(places[0, 1]) + view.origin[1]


def slide(ctx: Context, editor: Editor, name: str, value: float) -> None:
    """Drag a slider to its end and back to its and type a number into it."""
    box = ctx.item_info(f"//Render/**/{name}").rect_clipped
    y = (box.min.y + box.max.y) / 2
    drag(ctx, [(box.min.x + (box.max.x - box.min.x) * share, y) for share in (0.5, 0.6, 0.7)])
    saved(ctx, editor)
    ctx.item_input_value(f"//Render/**/{name}", value)
    saved(ctx, editor)


def removed(ctx: Context, editor: Editor, left: int) -> None:
    """Wait until so many ribosomes are left."""
    until(ctx, lambda: seen(editor, "ribosome") == left, 10, "what is false is gone")


def previewed(ctx: Context, editor: Editor) -> None:
    """Wait until it is known what would be picked."""
    picking = editor.rendering.picking
    frames(ctx, 3)
    until(ctx, lambda: picking.picked is not None and not picking.busy, 30, "the preview is there")
    frames(ctx, 10)


def choose(ctx: Context, field: str, value: str) -> None:
    """Choose something of a list that opens."""
    ctx.item_click(f"//Render/picking/{field}")
    frames(ctx, 2)
    ctx.item_click(f"//$FOCUSED/{value}")
    frames(ctx, 2)


def picked(ctx: Context, editor: Editor, name: str) -> None:
    """Press the button that picks, and wait for the set."""
    ctx.item_click("//Render/**/Pick this tomogram")
    sets = editor.rendering.particles
    until(ctx, lambda: any(one.name == name for one in sets.sets), 20, "they are a set")
    saved(ctx, editor)


def written(ctx: Context, editor: Editor, name: str) -> None:
    """Save the set that is selected, for RELION 5."""
    ctx.item_click("//Render/**/particles/Save...")
    particles = editor.rendering.particles
    until(ctx, lambda: particles.saving is not None and particles.saving.preview is not None, 10, "the first lines")
    frames(ctx, 3)
    if name.endswith("ribosome.star"):
        screenshot(ctx, "tutorial/window_scene_star")
    editor.dialogs.answers.append([ctx.folder / name])
    ctx.item_click("//$FOCUSED/Choose file...")
    until(ctx, (ctx.folder / name).exists, 10, "the file is there")
    saved(ctx, editor)


def in_the_scene(ctx: Context, editor: Editor, key: str) -> None:
    """Press a key while the pointer is over the scene, and take the pointer away."""
    view = editor.rendering.view
    ctx.mouse_move_to_pos(ImVec2(view.origin[0] + view.extent[0] / 2, view.origin[1] + view.extent[1] / 2))
    frames(ctx, 2)
    press(ctx, key)
    ctx.mouse_move_to_pos(BESIDE)
    frames(ctx, 5)


def false_ones(ctx: Context) -> NDArray[np.int64]:
    """Centres z, y, x of the components that are nothing."""
    return np.asarray(np.load(ctx.folder / FALSE_FILE))


def from_relion(ctx: Context, name: str) -> NDArray[np.float64]:
    """Positions x, y, z in voxels, by RELION 5's convention: angstrom from the middle of the tomogram."""
    table = starfile.read(ctx.folder / name, always_dict=True)
    particles = next(block for block in table.values() if "rlnCenteredCoordinateXAngst" in block)
    centred = particles[[f"rlnCenteredCoordinate{axis}Angst" for axis in "XYZ"]].to_numpy(float)
    return np.asarray(centred / VOXEL_SIZE + np.array(SHAPE[::-1]) / 2)


def true_lines(ctx: Context) -> list[NDArray[np.float64]]:
    """Centre lines of the simulated microtubules, each (n, 3) x, y, z in voxels."""
    table = pandas.read_csv(ctx.folder / "truth" / f"{NAME}_filaments.csv")
    parts = table[table["feature"] == "microtubule"].groupby("filament")
    return [part[["x", "y", "z"]].to_numpy(float) for _, part in parts]


def check_filaments(ctx: Context, lines: list[NDArray[np.float64]]) -> None:
    """The file's points follow each other along one true filament each, and say so as RELION wants it."""
    table = starfile.read(ctx.folder / "microtubule.star")
    places = from_relion(ctx, "microtubule.star")
    followed = set()
    for _, part in table.groupby("rlnHelicalTubeID"):
        distances = [np.mean(KDTree(line).query(places[part.index])[0]) for line in lines]
        assert min(distances) < 3
        followed.add(int(np.argmin(distances)))
        steps = np.linalg.norm(np.diff(places[part.index], axis=0), axis=1) * VOXEL_SIZE
        np.testing.assert_allclose(np.diff(part["rlnHelicalTrackLengthAngst"]), steps, rtol=0.02)
    assert followed == set(range(len(lines)))
    assert (table["rlnAngleTiltPrior"] == 90).all()
    assert {f"rlnTomoSubtomogram{angle}" for angle in ("Rot", "Tilt", "Psi")} <= set(table.columns)


def check_scene(ctx: Context, editor: Editor, false: NDArray[np.int64]) -> None:
    """The file holds what is seen, where it is, in its colours, and nothing of what was removed."""
    scene = trimesh.load(ctx.folder / "scene.glb", process=False)
    assert isinstance(scene, trimesh.Scene)
    assert set(scene.graph.nodes_geometry) == {*FEATURES, "ribosome particles"}
    spheres = scene.geometry["ribosome particles"].split(only_watertight=False)
    truth = KDTree(from_relion(ctx, f"truth/{NAME}_ribosome_coords.star") * VOXEL_SIZE)
    nearest = truth.query([sphere.bounds.mean(axis=0) for sphere in spheres])[1]
    assert np.sort(nearest).tolist() == list(range(truth.n))
    for name in FEATURES:
        mesh, shown = scene.geometry[name], item(editor, name)
        red, green, blue = mesh.visual.material.baseColorFactor[:3] / 255
        linear = [((part + 0.055) / 1.055) ** 2.4 if part > 0.04 else part / 12.92 for part in shown.colour]
        np.testing.assert_allclose((red, green, blue), linear, atol=0.01)
        with Tomogram.open(ctx.folder / f"{NAME}__{name}.mrc") as volume:
            inside = np.argwhere(volume.slab(0, SHAPE[0]) >= 128)[:, ::-1] * VOXEL_SIZE
        assert (mesh.bounds[0] >= inside.min(axis=0) - 1.5 * VOXEL_SIZE).all()
        assert (mesh.bounds[1] <= inside.max(axis=0) + 1.5 * VOXEL_SIZE).all()
    parts = scene.geometry["ribosome"].split(only_watertight=False)
    assert len(parts) == seen(editor, "ribosome")
    middles = KDTree([part.bounds.mean(axis=0) / VOXEL_SIZE for part in parts])
    assert np.min(middles.query(false[:CLICKED, ::-1])[0]) > RIBOSOME_RADIUS / 2
    assert np.max(middles.query(false[CLICKED:, ::-1])[0]) < 2


def all_is_there_again(ctx: Context, editor: Editor) -> None:
    """After a restart."""
    until(ctx, lambda: editor.shown is not None and editor.state.contrast is not None, 30, "the tomogram is shown")
    press(ctx, "4")
    volumes, particles = editor.rendering.volumes, editor.rendering.particles
    until(ctx, lambda: len(volumes.items()) == len(FEATURES), 60, "all surfaces are made")
    ribosome = next(volume.path for volume in volumes.listed if volume.name == "ribosome")
    assert volumes.look(ribosome).level == LEVEL
    assert volumes.look(ribosome).dust == DUST_NM3 * 1000
    truth = from_relion(ctx, f"truth/{NAME}_ribosome_coords.star")
    assert seen(editor, "ribosome") == len(truth) + len(false_ones(ctx)) - CLICKED
    until(ctx, lambda: len(particles.sets) == 2, 10, "the sets are there")
    assert {one.name: one.count for one in particles.sets}["ribosome"] == len(truth)
    assert not editor.shell.unexpected


@story(paths=simulated_volumes, then=[all_is_there_again], seconds=240)
def from_volumes_to_particles_and_a_scene(ctx: Context, editor: Editor) -> None:
    until(ctx, lambda: editor.shown is not None and editor.state.contrast is not None, 30, "the tomogram is shown")
    volumes, view, picking = editor.rendering.volumes, editor.rendering.view, editor.rendering.picking
    false = false_ones(ctx)
    truth = from_relion(ctx, f"truth/{NAME}_ribosome_coords.star")

    # The results are there by themselves.
    press(ctx, "4")
    until(ctx, lambda: editor.state.tab is Tab.RENDER and editor.shell.scene, 10, "the scene is open")
    until(ctx, lambda: len(volumes.items()) == len(FEATURES), 60, "all surfaces are made")
    frames(ctx, 20)
    screenshot(ctx, "tutorial/window_scene")
    everything = seen(editor, "ribosome")

    # Level and dust.
    ctx.item_click("//Render/**/ribosome")
    frames(ctx, 2)
    slide(ctx, editor, "##level", LEVEL)
    slide(ctx, editor, "##dust", DUST_NM3)
    until(ctx, lambda: seen(editor, "ribosome") == len(truth) + len(false), 20, "what is small or faint is gone")
    assert everything > 2 * len(truth)
    quiet(ctx, editor)
    frames(ctx, 10)
    screenshot(ctx, "tutorial/window_scene_level")

    # False ones are clicked on and removed; each can be taken back.
    press(ctx, "alt+1")
    frames(ctx, 5)
    for number, voxel in enumerate(false[:CLICKED]):
        click(ctx, on_screen(editor, tuple(voxel)))
        ((key, index),) = view.selected
        facts = volumes.component(key, index)
        assert facts is not None
        assert np.linalg.norm(np.subtract(facts.voxel, voxel)) < 2
        press(ctx, "j")
        if not number:
            frames(ctx, 10)
            screenshot(ctx, "tutorial/window_scene_false")
        left = seen(editor, "ribosome") - 1
        press(ctx, "delete")
        removed(ctx, editor, left)
        saved(ctx, editor)
    press(ctx, "ctrl+z")
    until(ctx, lambda: seen(editor, "ribosome") == left + 1, 10, "undo brings it back")
    press(ctx, "ctrl+y")
    removed(ctx, editor, left)
    saved(ctx, editor)

    # Particles, looked through in the gallery.
    ctx.mouse_move_to_pos(SLICES)
    press(ctx, "ctrl+0")
    press(ctx, "left", SHAPE[0] // 4)
    ctx.mouse_move_to_pos(BESIDE)
    choose(ctx, "##source", "ribosome")
    ctx.item_check("//Render/picking/Preview")
    previewed(ctx, editor)
    assert picking.choice.threshold == LEVEL
    ctx.mouse_move_to_pos(BESIDE)
    quiet(ctx, editor)
    frames(ctx, 3)
    screenshot(ctx, "tutorial/window_scene_picking")
    wanted = len(truth) + len(false) - CLICKED
    assert picking.picked is not None
    assert len(picking.picked) == wanted
    picked(ctx, editor, "ribosome")
    ctx.item_click("//Render/**/Gallery")
    gallery = picking.gallery
    until(ctx, lambda: len(gallery.rows) == wanted, 10, "the gallery is open")
    until(ctx, lambda: all(gallery.picture(int(row)) is not None for row in gallery.rows), 20, "pictures")
    ctx.mouse_move_to_pos(BESIDE)
    quiet(ctx, editor)
    frames(ctx, 5)
    screenshot(ctx, "tutorial/window_scene_gallery")
    for voxel in false[CLICKED:]:
        row = min(gallery.rows, key=lambda row: np.linalg.norm(np.subtract(gallery.place(int(row)), voxel[::-1])))
        ctx.item_click(f"//Gallery/**/particle {row}")
        press(ctx, "delete")
        saved(ctx, editor)
    press(ctx, "escape")
    frames(ctx, 3)

    # For RELION.
    written(ctx, editor, "ribosome.star")
    scores = evaluate_picks(from_relion(ctx, "ribosome.star"), truth, MATCH_A, VOXEL_SIZE)
    assert scores.f1 is not None
    assert scores.f1 > 0.9
    assert scores.n_predicted == len(truth)

    # Filaments.
    choose(ctx, "##source", "microtubule")
    ctx.item_click("//Render/**/Filaments")
    ctx.item_check("//Render/picking/Preview")
    previewed(ctx, editor)
    (tubes,) = picking.surfaces()
    lines = true_lines(ctx)
    assert len(tubes.states) == len(lines)
    in_the_scene(ctx, editor, "escape")
    quiet(ctx, editor)
    screenshot(ctx, "tutorial/window_scene_filaments")
    picked(ctx, editor, "microtubule")
    written(ctx, editor, "microtubule.star")
    check_filaments(ctx, lines)

    # A picture, and a scene for other programs.
    for name in ("ribosome", "microtubule"):
        ctx.item_click(f"//Render/particles/**/Show {name}")
        saved(ctx, editor)
    assert not editor.rendering.scene().particles
    press(ctx, "ctrl+4")
    x, y = view.origin[0] + view.extent[0] / 2, view.origin[1] + view.extent[1] / 2
    drag(ctx, [(x, y), (x + 60, y - 120), (x + 60, y - 240)])
    press(ctx, "alt+s")
    until(ctx, lambda: editor.rendering.scene().slices, 10, "the slice is in the scene")
    in_the_scene(ctx, editor, "escape")
    quiet(ctx, editor)
    until(ctx, lambda: view.seconds_to_frame is None, 10, "it is drawn in full")
    screenshot(ctx, "tutorial/window_scene_alone")
    press(ctx, "ctrl+4")
    ctx.item_click("//Render/particles/**/Show ribosome")
    saved(ctx, editor)
    press(ctx, "alt+0")
    ctx.mouse_move_to_pos(BESIDE)
    frames(ctx, 5)
    press(ctx, "ctrl+shift+e")
    frames(ctx, 5)
    screenshot(ctx, "tutorial/window_scene_save")
    editor.dialogs.answers.append([ctx.folder / "scene.glb"])
    ctx.item_click("//Save 3D scene###save scene/Save files")
    until(ctx, (ctx.folder / "scene.glb").exists, 20, "the file is there")
    saved(ctx, editor)
    check_scene(ctx, editor, false)
    assert not editor.shell.unexpected
