"""The second tutorial of the window: from annotation to exported volumes; its pictures are made here as well."""

from __future__ import annotations

import numpy as np
from acting import Context, frames, press, screenshot, until
from imgui_bundle import ImVec2
from numpy.typing import NDArray
from plans import story
from stories_tutorial import a_first_start, quiet, saved, shown, truth

from ais.annotation import SetSliceMask
from ais.formats.registry import open_volume
from ais.gui.editor import Editor
from ais.gui.state import Tab
from ais.gui.training import TrainingState

NAMES = ("Ribosome", "Membrane")
ANNOTATED = tuple(range(16, 40, 2))
CORRECTED = (12, 44, 46)
EPOCHS = 8
TILES = 12
PATIENCE_S = 200.0


def annotated(ctx: Context, editor: Editor) -> None:
    """Have two features painted as they truly are, in twelve slices: how one paints is in the first tutorial."""
    tomogram = editor.state.tomogram or 0
    for feature in editor.snapshot.features:
        if feature.name in NAMES:
            for z in ANNOTATED:
                editor.submit(SetSliceMask(tomogram, feature.id, z, truth(editor, feature.name.lower(), z)))
    saved(ctx, editor)


def tab(ctx: Context, editor: Editor, which: Tab) -> None:
    """Bring a tab to the front with its key."""
    press(ctx, {Tab.MODELS: "2", Tab.EXPORT: "3"}[which])
    until(ctx, lambda: editor.state.tab is which, 5, "the tab is in front")
    frames(ctx, 3)


def all_trained(ctx: Context, editor: Editor, count: int) -> None:
    """Wait until so many trainings have ended well."""
    trainings = editor.modelling.trainings
    until(ctx, lambda: len(trainings.trainings) == count, 30, "the trainings are asked for")
    until(ctx, lambda: all(one.ended for one in trainings.trainings), PATIENCE_S, "all are trained")
    assert [one.state for one in trainings.trainings] == [TrainingState.DONE] * count
    saved(ctx, editor)


def segmented(ctx: Context, editor: Editor, z: int) -> None:
    """Go to a slice and wait for what the models find there."""
    live = editor.modelling.live
    shown(ctx, editor, z)
    until(ctx, lambda: {one.feature for one in live.maps} == set(NAMES) and not live.pending, 60, "both are found")
    frames(ctx, 4)


def away(ctx: Context, editor: Editor) -> None:
    """Take messages off the screen, and the pointer to where it explains nothing."""
    ctx.mouse_move_to_pos(ImVec2(700, 300))
    quiet(ctx, editor)


def dice(found: NDArray[np.bool_], wanted: NDArray[np.bool_]) -> float:
    """How well two masks agree, 0 to 1."""
    return float(2 * (found & wanted).sum() / (found.sum() + wanted.sum()))


@story(paths=a_first_start, seconds=900)
def segment_in_the_window(ctx: Context, editor: Editor) -> None:
    frames(ctx, 10)
    ctx.item_click("//**/Try the demo")
    until(ctx, lambda: editor.shown is not None and editor.shown.statistics is not None, 90, "the demo is shown")
    saved(ctx, editor)
    annotated(ctx, editor)
    modelling = editor.modelling

    # Training sets of two features, and a network for each.
    tab(ctx, editor, Tab.MODELS)
    shown(ctx, editor, 28)
    ctx.item_click("//Models/**/Place boxes")
    saved(ctx, editor)
    ctx.item_click("//Models/**/Show samples")
    until(ctx, lambda: modelling.training_sets.previews and not modelling.training_sets.previewing, 30, "samples")
    quiet(ctx, editor)
    screenshot(ctx, "tutorial/window_samples")
    ctx.item_click("//###samples/#CLOSE")
    ctx.scroll_to_item_y("//Models/**/Make training set")
    ctx.item_click("//Models/**/Make training set")
    until(ctx, lambda: len(modelling.training_sets.sets) == 2, 30, "the sets are made")
    saved(ctx, editor)
    ctx.item_close("//Models/###training set")
    ctx.item_open("//Models/###training")
    frames(ctx, 2)
    ctx.item_input("//Models/training/##epochs")
    ctx.key_chars_replace_enter(str(EPOCHS))
    ctx.scroll_to_item_y("//Models/**/Train")
    ctx.item_click("//Models/**/Train")
    until(ctx, lambda: modelling.trainings.running is not None, 60, "the first is trained")
    first = modelling.trainings.running
    until(ctx, lambda: first.ended or len(first.epochs) > EPOCHS // 2, PATIENCE_S, "curves")  # type: ignore[union-attr]
    away(ctx, editor)
    screenshot(ctx, "tutorial/window_training")
    all_trained(ctx, editor, 2)
    assert [model.name for model in modelling.models.models] == list(NAMES)
    ctx.item_close("//Models/###training")
    editor.shell.training = False

    # What they find, seen at once; the rules between them too.
    segmented(ctx, editor, 28)
    quiet(ctx, editor)
    screenshot(ctx, "tutorial/window_live")
    ctx.item_close("//Models/###models")
    ctx.item_open("//Models/###rules")
    ctx.scroll_to_item_y("//Models/**/Add rule")
    ctx.item_click("//Models/**/Add rule")
    saved(ctx, editor)
    ctx.item_input_value("//Models/##distance", 3.0)
    saved(ctx, editor)
    ctx.item_open("//Models/###competition")
    for name, side in ((NAMES[0], "emit"), (NAMES[1], "absorb")):
        ctx.item_check(f"//Models/competition/{name}/##{side}")
        saved(ctx, editor)
    rules = modelling.models.rules
    assert (rules.interactions[0].child, rules.interactions[0].parent) == NAMES
    assert (rules.competition.emit, rules.competition.absorb) == ((NAMES[0],), (NAMES[1],))
    segmented(ctx, editor, 28)
    assert modelling.live.rules_problem == ""
    quiet(ctx, editor)
    screenshot(ctx, "tutorial/window_rules")
    ctx.item_close("//Models/###rules")
    ctx.item_open("//Models/###models")

    # What a model finds becomes annotation, to be corrected.
    ctx.item_click("//Models/**/###Membrane")
    membrane = next(feature.id for feature in editor.snapshot.features if feature.name == "Membrane")
    editor.select_feature(membrane)
    for z in CORRECTED:
        segmented(ctx, editor, z)
        press(ctx, "p")
        saved(ctx, editor)
    assert set(CORRECTED) <= set(editor.snapshot.annotated[membrane])

    # Ten tiles judged, and once more trained.
    press(ctx, "ctrl+shift+p")
    ctx.key_chars("open the curator")
    press(ctx, "return")
    frames(ctx, 3)
    curator = modelling.curator
    modelling.curation.count = TILES
    ctx.item_click("//Curator/Gather")
    until(ctx, lambda: curator.tiles and not curator.gathering, 120, "the tiles are there")
    assert curator.wish is not None
    threshold = round(255 * curator.wish.model.threshold)
    for _ in range(min(10, len(curator.tiles))):
        tile = curator.tiles[curator.current]
        name = next(one.name for one in editor.snapshot.features if one.id == curator.wish.feature)
        half = curator.size // 2 if hasattr(curator, "size") else 32
        wanted = truth(editor, name.lower(), tile.z)[tile.y - half : tile.y + half, tile.x - half : tile.x + half]
        found = tile.prediction >= threshold
        press(ctx, "g" if found.shape == wanted.shape and dice(found, wanted) > 0.5 else "b")
        frames(ctx, 2)
    saved(ctx, editor)
    assert curator.judged == min(10, len(curator.tiles))
    screenshot(ctx, "tutorial/window_curator")
    ctx.item_click("//Curator/Retrain")
    all_trained(ctx, editor, 3)
    press(ctx, "esc")
    frames(ctx, 3)
    # What was trained further has taken the place of what it began with.
    assert [model.name for model in modelling.models.active] == ["Ribosome", "Membrane 2"]

    # Whole volumes, and what came of it.
    tab(ctx, editor, Tab.EXPORT)
    quiet(ctx, editor)
    screenshot(ctx, "tutorial/window_export")
    ctx.item_click("//Export/**/Export volumes")
    until(ctx, lambda: len(modelling.exports.results) >= len(modelling.exports.wish.plan.models), PATIENCE_S, "volumes")
    saved(ctx, editor)
    results = modelling.exports.results
    for name in NAMES:
        path = next(one.path for one in results if one.path.name == f"demo__{name}.mrc")
        volume = open_volume(path)
        try:
            found = np.array(volume.read(28, 29))[0] >= 128
        finally:
            volume.close()
        assert dice(found, truth(editor, name.lower(), 28)) > 0.4, name
    for model in modelling.models.active:
        modelling.models.change(model.id, active=False)
    ctx.item_close("//Export/###new export")
    for name in NAMES:
        ctx.item_click(f"//Export/**/Show demo {name}")
    shown(ctx, editor, 28)
    saved(ctx, editor)
    away(ctx, editor)
    screenshot(ctx, "tutorial/window_results")
    assert not editor.shell.unexpected, editor.shell.unexpected[0]
