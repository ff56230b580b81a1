"""Stories about training sets and trainings: two networks from two features, stopping, going on, what goes wrong."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from acting import Context, frames, pixels, press, screenshot, until
from plans import story

from ais.annotation import AddFeature, PaintStroke
from ais.formats.registry import write_volume
from ais.gui.editor import Editor
from ais.gui.settings import Settings, SettingsFile
from ais.gui.state import Tab
from ais.gui.training import TrainingState

SHAPE = (8, 60, 70)
BOX = 32
NAMES = ("membrane", "ribosome")
STROKES = {"membrane": ((12, 20), (12, 56)), "ribosome": ((44, 20), (44, 50))}
PATIENCE_S = 60.0


def tomogram(folder: Path) -> Sequence[Path]:
    """Write two stripes in noise, as bright as they are dark."""
    SettingsFile(folder / "settings").save(Settings(window_size=(1440, 900)))
    volume = np.random.default_rng(0).normal(0, 0.5, SHAPE)
    volume[:, 8:16, 14:62] -= 2
    volume[:, 40:48, 14:56] += 2
    write_volume(folder / "cell.mrc", volume.astype("f4"), voxel_sizes=10.0)
    return [folder / "cell.mrc"]


def settles(ctx: Context, editor: Editor) -> None:
    """Wait until everything asked for is done, trainings aside."""

    def still() -> bool:
        document = editor.document
        return document is not None and not document.busy and not editor.background.busy and editor.shown is not None

    until(ctx, still, 20, "all is saved")
    frames(ctx, 3)
    until(ctx, still, 20, "all is saved")


def annotate(ctx: Context, editor: Editor, names: Sequence[str] = NAMES) -> None:
    """Paint features in four slices each."""
    until(ctx, lambda: editor.shown is not None and editor.shown.statistics is not None, 20, "the tomogram")
    for name in names:
        editor.submit(AddFeature(name, box_size=BOX))
    settles(ctx, editor)
    assert editor.state.tomogram is not None
    for feature in editor.snapshot.features:
        for z in (1, 3, 4, 6):
            editor.submit(PaintStroke(editor.state.tomogram, feature.id, z, STROKES[feature.name], 4.0))
    settles(ctx, editor)
    press(ctx, "2")
    until(ctx, lambda: editor.state.tab is Tab.MODELS, 5, "the Models tab")
    frames(ctx, 3)


def types(ctx: Context, reference: str, text: str) -> None:
    """Type into a number that can be dragged."""
    ctx.item_input(reference)
    ctx.key_chars_replace_enter(text)
    frames(ctx, 2)


def makes_sets(ctx: Context, editor: Editor) -> None:
    ctx.item_click("//Models/**/Place boxes")
    settles(ctx, editor)
    ctx.item_click("//Models/**/Make training set")
    until(ctx, lambda: editor.modelling.training_sets.sets, 20, "the sets are made")
    settles(ctx, editor)


def chooses_a_small_network(ctx: Context, editor: Editor, epochs: int) -> None:
    """UNet S with 4 first filters."""
    ctx.item_click("//Models/training/##architecture")
    ctx.item_click("//$FOCUSED/unet-s")
    types(ctx, "//Models/training/##epochs", str(epochs))
    ctx.item_open("//Models/training/###advanced")
    types(ctx, "//Models/training/##first_filters", "4")
    types(ctx, "//Models/training/##copies", "2")
    ctx.item_close("//Models/training/###advanced")
    plan = editor.modelling.trainings.plan
    assert (plan.architecture, plan.options, plan.epochs, plan.copies) == ("unet-s", {"first_filters": 4}, epochs, 2)


def nothing_unexpected(editor: Editor) -> None:
    assert not editor.shell.unexpected, editor.shell.unexpected[0]


@story(paths=tomogram, seconds=150)
def two_features_become_two_networks(ctx: Context, editor: Editor) -> None:
    annotate(ctx, editor)
    sets, queue = editor.modelling.training_sets, editor.modelling.trainings
    assert "no boxes of membrane" in sets.counts().problems[0].text
    screenshot(ctx, "training/without-boxes")
    ctx.item_click("//Models/**/Place boxes")
    settles(ctx, editor)
    assert [one.title for one in sets.counts().sets] == list(NAMES)
    assert sets.plan.box_size == BOX
    ctx.item_click("//Models/**/Show samples")
    until(ctx, lambda: sets.previews and not sets.previewing, 20, "pictures of samples")
    settles(ctx, editor)
    screenshot(ctx, "training/samples")
    picture = pixels(ctx).astype(int)
    colour = np.array(editor.snapshot.features[1].colour)
    tinted = np.abs((picture - picture.mean(axis=2, keepdims=True)) @ (colour - colour.mean())) > 12
    assert tinted.sum() > 500
    ctx.item_click("//###samples/#CLOSE")
    frames(ctx, 3)
    assert not editor.shell.samples
    ctx.item_click("//Models/**/Make training set")
    until(ctx, lambda: len(sets.sets) == 2, 20, "the sets are made")
    settles(ctx, editor)
    ctx.item_close("//Models/###training set")
    ctx.item_open("//Models/###training")
    screenshot(ctx, "training/form")
    chooses_a_small_network(ctx, editor, 3)
    screenshot(ctx, "training/chosen")
    ctx.item_click("//Models/**/Train")
    until(ctx, lambda: len(queue.trainings) == 2, 5, "both are asked for")
    assert editor.shell.training
    until(ctx, lambda: queue.trainings[0].epochs, PATIENCE_S, "an epoch")
    screenshot(ctx, "training/running")
    until(ctx, lambda: all(one.ended for one in queue.trainings), PATIENCE_S, "both are trained")
    settles(ctx, editor)
    assert [one.state for one in queue.trainings] == [TrainingState.DONE] * 2
    assert [model.name for model in editor.snapshot.models] == list(NAMES)
    screenshot(ctx, "training/done")
    nothing_unexpected(editor)
