"""Stories about curation: tiles of a prediction are judged, places where a model is unsure are gone to."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from acting import Context, chord, click, frames, in_window, middle, pixels, press, screenshot, until
from imgui_bundle import ImVec2, imgui
from plans import story
from story_models import StoryModel, make_models

from ais.annotation import AddFeature, Verdict
from ais.formats.registry import write_volume
from ais.gui.editor import Editor
from ais.gui.state import Tab
from ais.gui.training import TrainingState

SHAPE = (8, 100, 132)
SIZE = 32
MODEL = StoryModel("membrane", seed=1)


def files(folder: Path) -> Sequence[Path]:
    """Make a tomogram with discs, and a model beside it."""
    make_models(folder, MODEL)
    rng = np.random.default_rng(0)
    z, y, x = np.indices(SHAPE)
    discs = sum(((y - cy) ** 2 + (x - cx) ** 2 < 90) & (abs(z - cz) < 3) for cz, cy, cx in ((2, 30, 40), (5, 70, 90)))
    write_volume(folder / "TS_001.mrc", (rng.normal(0, 0.6, SHAPE) - 2 * discs).astype("f4"), voxel_sizes=10.0)
    return [folder / "TS_001.mrc"]


def ready(ctx: Context, editor: Editor) -> None:
    """Show the Models tab with a model and a feature of its name."""
    until(ctx, lambda: editor.shown is not None, 20, "the tomogram is shown")
    editor.submit(AddFeature("membrane", box_size=SIZE))
    editor.modelling.models.add([ctx.folder / "membrane.aism"])
    models = editor.modelling.models
    until(ctx, lambda: models.models and not models.reading and editor.snapshot.features, 20, "model and feature")
    editor.shell.tab = Tab.MODELS
    frames(ctx, 4)


def settled(ctx: Context, editor: Editor) -> None:
    """Wait until all edits are made."""
    document = editor.document
    until(ctx, lambda: document is not None and not document.busy, 20, "the edits are made")
    frames(ctx, 2)


def allow_slow_double_clicks() -> None:
    """On a busy machine two clicks may be far apart."""
    io = imgui.get_io()
    io.mouse_double_click_time, io.mouse_single_click_delay = 20.0, 30.0


def gather(ctx: Context, editor: Editor, count: int) -> None:
    """Open the Curator and have it gather tiles."""
    press(ctx, "ctrl+shift+p")
    ctx.key_chars("open the curator")
    press(ctx, "return")
    frames(ctx, 3)
    assert editor.shell.curator
    editor.modelling.curation.count = count
    ctx.item_click("//Curator/Gather")
    curator = editor.modelling.curator
    until(ctx, lambda: curator.tiles and not curator.gathering, 60, "the tiles are there")
    assert curator.problem == ""
    frames(ctx, 3)


@story(paths=files)
def tiles_are_judged_with_keys(ctx: Context, editor: Editor) -> None:
    ready(ctx, editor)
    curator, project = editor.modelling.curator, editor.document.project if editor.document is not None else None
    assert project is not None
    feature, tomogram = editor.snapshot.features[0].id, editor.snapshot.tomograms[0].id
    gather(ctx, editor, 14)
    assert len(curator.tiles) == 14
    screenshot(ctx, "curate/gathered")
    digest = project.content_digest()
    keys = ["g", "b", "i", "b", "g", "g", "b", "i", "b", "g"]
    meaning = {"g": Verdict.GOOD, "b": Verdict.BAD, "i": Verdict.IGNORE}
    for key in keys:
        press(ctx, key)
    settled(ctx, editor)
    # None of these keys did what it does elsewhere: I would interpolate.
    assert [curator.verdict(index) for index in range(11)] == [*(meaning[key] for key in keys), None]
    assert curator.current == 10
    assert curator.judged == 10
    threshold = curator.wish.model.threshold * 255 if curator.wish is not None else 0
    boxes = {(box.z, box.y, box.x): box.negative for box in project.boxes(tomogram, feature)}
    half = SIZE // 2
    for key, tile in zip(keys, curator.tiles, strict=False):
        rows, columns = slice(tile.y - half, tile.y + half), slice(tile.x - half, tile.x + half)
        mask = project.mask(tomogram, feature, tile.z)[rows, columns]
        present = tile.prediction >= threshold
        place = (tile.z, tile.y, tile.x)
        if key == "g":
            np.testing.assert_array_equal(mask != 0, present)
            assert boxes[place] is (not present.any())
        elif key == "b":
            assert not mask.any()
            assert boxes[place] is True
        else:
            assert place not in boxes
            assert project.ignore(tomogram, tile.z)[rows, columns].all()
    assert len(boxes) == 8
    screenshot(ctx, "curate/judged")
    # Undo takes the last verdict back and leads to its tile; arrows move; H hides the prediction while it is held.
    press(ctx, "ctrl+z")
    until(ctx, lambda: curator.verdict(9) is None, 10, "the last verdict is undone")
    frames(ctx, 2)
    assert curator.current == 9
    press(ctx, "left")
    assert curator.current == 8
    before = pixels(ctx)
    ctx.key_down(chord("h"))
    frames(ctx, 2)
    hidden = pixels(ctx)
    ctx.key_up(chord("h"))
    frames(ctx, 2)
    assert (before != hidden).any(axis=2).sum() > 1000
    np.testing.assert_array_equal(pixels(ctx), before)
    for _ in range(9):
        press(ctx, "ctrl+z")
    settled(ctx, editor)
    assert curator.judged == 0
    assert project.content_digest() == digest
    # Typing goes to the field that is typed in.
    ctx.key_down(chord("ctrl"))
    click(ctx, middle(ctx, "//Curator/##Count"))
    ctx.key_up(chord("ctrl"))
    ctx.key_chars("20")
    press(ctx, "return")
    assert editor.modelling.curation.count == 20
    assert curator.judged == 0
    # With the Curator closed its keys are those of the editor again.
    press(ctx, "esc")
    frames(ctx, 2)
    assert not editor.shell.curator
    press(ctx, "b")
    settled(ctx, editor)
    assert curator.judged == 0
    assert project.content_digest() == digest


@story(paths=files, seconds=180)
def a_tile_is_edited_and_the_model_retrained(ctx: Context, editor: Editor) -> None:
    ready(ctx, editor)
    modelling = editor.modelling
    curator, curation = modelling.curator, modelling.curation
    modelling.trainings.plan.epochs = modelling.trainings.plan.copies = 1
    modelling.trainings.plan.validation = 0.0
    gather(ctx, editor, 12)
    # A double click edits: the view goes to the tile and the Curator makes room.
    in_window(ctx, allow_slow_double_clicks)
    ctx.item_double_click("//Curator/**/tile 3")
    frames(ctx, 3)
    tile = curator.tiles[3]
    assert curation.aside
    assert editor.state.position == (tile.z, tile.y, tile.x)
    ctx.mouse_move_to_pos(ImVec2(900, 600))
    screenshot(ctx, "curate/aside")
    ctx.item_click("//Curator aside/Add as sample")
    settled(ctx, editor)
    assert not curation.aside
    boxes = editor.snapshot.boxes[editor.snapshot.features[0].id]
    assert [(box.z, box.y, box.x, box.negative) for box in boxes] == [(tile.z, tile.y, tile.x, False)]
    assert (curator.current, curation.new_verdicts) == (4, 1)
    # A click selects; the buttons do what the keys do.
    ctx.item_click("//Curator/**/tile 5")
    assert curator.current == 5
    ctx.item_click("//Curator/Good")
    ctx.item_click("//Curator/Bad")
    ctx.item_click("//Curator/Good")
    settled(ctx, editor)
    assert (curator.judged, curation.new_verdicts) == (3, 4)
    screenshot(ctx, "curate/before-retraining")
    ctx.item_click("//Curator/Retrain")
    until(ctx, lambda: modelling.trainings.trainings, 20, "the training is queued")
    training = modelling.trainings.trainings[0]
    assert training.name == "membrane 2"
    assert training.settings["continue_from"] == str(ctx.folder / "membrane.aism")
    assert len(training.sets) == 1
    assert curation.new_verdicts == 0
    until(ctx, lambda: modelling.training_sets.sets, 20, "the set is recorded")
    made = modelling.training_sets.sets[0]
    assert (made.n_samples, made.box_size, made.features) == (4, SIZE, ("membrane",))
    frames(ctx, 3)
    screenshot(ctx, "curate/retraining")
    # The third click: what has learned from the verdicts is looked at next.
    until(ctx, lambda: training.ended, 90, "the training has ended")
    assert training.state is TrainingState.DONE, training.error
    until(ctx, lambda: curation.model is not None and curation.model.entry.path == training.output, 20, "the new model")
    ctx.item_click("//Curator/Gather")
    until(ctx, lambda: curator.tiles and not curator.gathering, 60, "tiles of the new model")
    assert curator.wish is not None
    assert curator.wish.model.name == "membrane 2"
    assert curator.wish.model.path == training.output
    places = {(each.z, each.y, each.x) for each in curator.tiles}
    assert not places & {(box.z, box.y, box.x) for box in editor.snapshot.boxes[editor.snapshot.features[0].id]}
    assert (curator.judged, curation.edited) == (0, set())


@story(paths=files)
def the_least_certain_slices_come_first(ctx: Context, editor: Editor) -> None:
    ready(ctx, editor)
    queue = editor.modelling.uncertainty
    ctx.item_open("//Models/Curate")
    frames(ctx, 2)
    ctx.item_click("//Models/**/Find uncertain places")
    until(ctx, lambda: queue.places() and not queue.busy, 60, "the places are there")
    places = queue.places()
    assert len(places) == SHAPE[0]
    ranks = [place.entropy for place in places]
    assert ranks == sorted(ranks, reverse=True)
    frames(ctx, 2)
    for place in places[:2]:
        press(ctx, "n")
        frames(ctx, 2)
        assert editor.state.position == (place.z, place.y, place.x)
    ctx.mouse_move_to_pos(ImVec2(900, 600))
    ctx.scroll_to_item_y("//Models/**/place 6")
    screenshot(ctx, "curate/places")
    ctx.item_click("//Models/**/place 4")
    assert editor.state.z == places[4].z
