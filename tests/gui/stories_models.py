"""Stories about the list of models, how they are used, rules between them, and the model library."""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from acting import Context, drag, frames, middle, press, screenshot, until
from plans import story
from stories_panels import ends, settled
from story_models import StoryModel, make_models

from ais.annotation.feature_operations import PALETTE
from ais.formats.registry import write_volume
from ais.gui.commands import command
from ais.gui.editor import Editor
from ais.gui.model_use import ModelUse
from ais.gui.project_models import ProjectModel
from ais.gui.state import Tab
from ais.interactions import Competition, Interaction, InteractionType

SHAPE = (8, 60, 70)
RECORD = {
    "set": "membranes of June",
    "samples": 40,
    "positive_samples": 30,
    "epochs": 50,
    "kept_epoch": 41,
    "validation_samples": 8,
    "results": {"dice": 0.83},
    "date": "2026-06-01T10:00:00+00:00",
}
MODELS = (
    StoryModel("membrane", seed=1, training=RECORD),
    StoryModel("both", ("ribosome", "carbon"), seed=2),
    StoryModel("coarse", voxel_size=40.0, seed=3),
)


def with_models(folder: Path) -> Sequence[Path]:
    """Make a tomogram, and models beside it."""
    make_models(folder, *MODELS)
    path = folder / "TS_001.mrc"
    volume = np.random.default_rng(0).normal(0, 1, SHAPE).astype(np.float32)
    write_volume(path, volume, voxel_sizes=10.0)
    return [path]


def ready(ctx: Context, editor: Editor, *models: str) -> None:
    """Show the tab with some of the models."""
    until(ctx, lambda: editor.shown is not None, 20, "the tomogram is shown")
    editor.shell.tab = Tab.MODELS
    frames(ctx, 5)
    if models:
        editor.open_paths([ctx.folder / f"{name}.aism" for name in models])  # as when they are dropped
    known(ctx, editor, len(models))


def known(ctx: Context, editor: Editor, count: int) -> None:
    """Wait until there are so many models and their files have been read."""
    found = editor.modelling.models
    until(ctx, lambda: len(found.models) == count and not found.reading, 20, f"{count} models")
    settled(ctx, editor)


def model(editor: Editor, name: str) -> ProjectModel:
    """The model of a name."""
    return next(one for one in editor.modelling.models.models if one.name == name)


def history(editor: Editor) -> list[str]:
    """The edits that were made and not undone, oldest first."""
    return [entry.text for entry in editor.snapshot.history if not entry.undone]


def segmented(ctx: Context, editor: Editor, count: int) -> None:
    """Wait until the slice on the screen has been segmented."""
    live = editor.modelling.live
    until(ctx, lambda: not live.pending and len(live.maps) == count, 60, f"{count} maps")


@story(paths=with_models)
def models_are_listed_and_used(ctx: Context, editor: Editor) -> None:
    ready(ctx, editor)
    ctx.item_click("//Models/###models")
    frames(ctx, 2)
    screenshot(ctx, "models/empty")
    editor.dialogs.answers.append([ctx.folder / "membrane.aism"])
    ctx.item_click("//Models/**/Add models...")
    known(ctx, editor, 1)
    # A drag is seen at once and is one edit.
    edits = len(history(editor))
    left, right = ends(ctx, "//Models/**/##threshold")
    y = left[1]
    drag(ctx, [middle(ctx, "//Models/**/##threshold"), (left[0] + 20, y), (right[0] - 30, y)], release=False)
    only = model(editor, "membrane")
    assert editor.modelling.use_of(only).threshold is not None
    assert editor.modelling.shown(only).threshold > 0.75
    assert only.use.threshold is None
    ctx.mouse_up(0)
    settled(ctx, editor)
    assert model(editor, "membrane").use.threshold > 0.75
    assert editor.modelling.preview == {}
    assert len(history(editor)) == edits + 1
    press(ctx, "ctrl+z")
    settled(ctx, editor)
    assert model(editor, "membrane").use.threshold is None
    # Names, eye, colour.
    ctx.item_double_click("//Models/**/###membrane")
    frames(ctx, 3)
    ctx.key_chars("sheets")
    press(ctx, "enter")
    settled(ctx, editor)
    ctx.item_click("//Models/**/###sheets")
    press(ctx, "f2")
    frames(ctx, 3)
    ctx.key_chars("thin sheets")
    press(ctx, "enter")
    settled(ctx, editor)
    ctx.item_click("//Models/**/###Show")
    settled(ctx, editor)
    assert not model(editor, "thin sheets").use.show
    ctx.item_click(f"//Models/models/$${model(editor, 'thin sheets').id}/##Colour")
    ctx.item_click("//$FOCUSED/##palette 3")
    settled(ctx, editor)
    assert model(editor, "thin sheets").use.colour == PALETTE[3]
    segmented(ctx, editor, 1)
    ctx.item_click("//Models/**/Check against this tomogram")
    checks = editor.modelling.checks
    until(ctx, lambda: checks.found(model(editor, "thin sheets")), 30, "the check is done")
    assert {finding.about for finding in checks.found(model(editor, "thin sheets"))} >= {"voxel size", "polarity"}
    ctx.item_click("//Models/**/###facts")
    frames(ctx, 3)
    screenshot(ctx, "models/used")


@story(paths=with_models)
def several_models_and_one_that_is_missing(ctx: Context, editor: Editor) -> None:
    ready(ctx, editor, "membrane", "both")
    assert model(editor, "both").found == ("ribosome", "carbon")
    assert len({*model(editor, "both").colours, *model(editor, "membrane").colours}) == 3
    assert not editor.notices.said
    editor.open_paths([ctx.folder / "coarse.aism"])
    known(ctx, editor, 3)
    assert ["40" in notice.text for notice in editor.notices.said] == [True]  # trained at another voxel size
    assert editor.modelling.selected == model(editor, "coarse").id
    shown = editor.shown
    ctx.item_click("//Models/**/###membrane")
    frames(ctx, 2)
    press(ctx, "down")
    frames(ctx, 2)
    assert editor.modelling.selected == model(editor, "both").id
    screenshot(ctx, "models/several")
    assert editor.shell.keys_taken
    press(ctx, "1")
    until(ctx, lambda: editor.state.tab is Tab.ANNOTATE, 10, "the other tab is in front")
    frames(ctx, 2)
    assert not editor.shell.keys_taken  # up and down are those of the tomograms again
    press(ctx, "2")
    until(ctx, lambda: editor.state.tab is Tab.MODELS, 10, "the models are in front again")
    frames(ctx, 3)
    ctx.item_uncheck(f"//Models/models/$${model(editor, 'coarse').id}/##Active")
    settled(ctx, editor)
    assert [one.name for one in editor.modelling.models.active] == ["membrane", "both"]
    ctx.item_click("//Models/**/###coarse")
    frames(ctx, 2)
    press(ctx, "delete")
    known(ctx, editor, 2)
    press(ctx, "ctrl+z")
    known(ctx, editor, 3)
    assert editor.shown is shown
    group = ctx.folder / "two.aisgroup"
    editor.dialogs.answers.append([group])
    ctx.item_click("//Models/**/Save group...")
    until(ctx, group.exists, 10, "the group is written")
    (ctx.folder / "moved").mkdir()
    (ctx.folder / "membrane.aism").rename(ctx.folder / "moved" / "membrane.aism")
    editor.modelling.models.refresh()
    until(ctx, lambda: model(editor, "membrane").problem, 10, "the file is missed")
    frames(ctx, 2)
    screenshot(ctx, "models/missing")
    editor.dialogs.answers.append([ctx.folder / "moved" / "membrane.aism"])
    ctx.item_click("//Models/**/###Relink")
    until(ctx, lambda: model(editor, "membrane").info is not None, 20, "it is found again")
    assert not model(editor, "membrane").problem


@story(paths=with_models)
def rules_act_on_the_slice(ctx: Context, editor: Editor) -> None:
    ready(ctx, editor, "membrane", "both")
    models, live = editor.modelling.models, editor.modelling.live
    ctx.item_open("//Models/###rules")
    segmented(ctx, editor, 3)
    before = {one.feature: one.values for one in live.maps}
    ctx.scroll_to_item_y("//Models/**/Add rule")
    ctx.item_click("//Models/**/Add rule")
    settled(ctx, editor)
    assert models.rules.interactions == (Interaction("membrane", "ribosome", InteractionType.AVOID, 100.0, 0.5),)
    ctx.item_click("//Models/##parent")
    ctx.item_click("//$FOCUSED/carbon")
    settled(ctx, editor)
    ctx.item_input_value("//Models/##distance", 0.0)
    settled(ctx, editor)
    ctx.item_input_value("//Models/##from", 0.25)
    settled(ctx, editor)
    rule = Interaction("membrane", "carbon", InteractionType.AVOID, 0.0, 0.25)
    assert models.rules.interactions == (rule,)
    there = before["carbon"] >= 64
    assert 0.05 < there.mean() < 0.95
    assert before["membrane"][there].any()

    def erased() -> bool:
        after = {one.feature: one.values for one in live.maps}
        # Values next to the threshold may be rounded to either side of it.
        kept = (after["membrane"] == before["membrane"])[before["carbon"] < 63]
        return bool(kept.all()) and not after["membrane"][before["carbon"] > 65].any()

    until(ctx, erased, 20, "the rule acts")
    screenshot(ctx, "models/rules")
    ctx.item_click("//Models/**/Add rule")
    settled(ctx, editor)
    ctx.item_click("//Models/**/###Move rule up")
    settled(ctx, editor)
    assert models.rules.interactions[1] == rule
    ctx.item_drag_and_drop("//Models/**/###rule 2", "//Models/**/###rule 1")
    settled(ctx, editor)
    assert models.rules.interactions[0] == rule
    ctx.item_click("//Models/**/###Remove rule")
    settled(ctx, editor)
    assert len(models.rules.interactions) == 1
    press(ctx, "ctrl+z")
    settled(ctx, editor)
    assert len(models.rules.interactions) == 2
    ctx.item_click("//Models/###competition")
    ctx.item_check("//Models/competition/carbon/##emit")
    settled(ctx, editor)
    ctx.item_check("//Models/competition/ribosome/##absorb")
    settled(ctx, editor)
    assert models.rules.competition == Competition(("carbon",), ("ribosome",))
    models.remove(model(editor, "both").id)
    known(ctx, editor, 1)
    frames(ctx, 3)
    screenshot(ctx, "models/rules-at-rest")


@story(paths=with_models)
def the_model_library(ctx: Context, editor: Editor) -> None:
    ready(ctx, editor, "membrane", "both", "coarse")
    library = editor.modelling.library
    for name in ("membrane", "both", "coarse"):
        editor.modelling.selected = model(editor, name).id
        command("model.to_library").run(editor)
        until(ctx, lambda name=name: f"{name} is in the model library now." in texts(editor), 10, f"{name} is kept")
    editor.new_project()
    until(ctx, lambda: editor.document is not None and not editor.snapshot.models, 20, "an empty project")
    until(ctx, lambda: editor.snapshot.revision, 20, "the empty project is read")
    editor.open_paths([ctx.folder / "TS_001.mrc"])
    until(ctx, lambda: editor.shown is not None, 20, "the tomogram is shown")
    ctx.item_click("//Models/###models")
    ctx.item_click("//Models/**/Library...")
    until(ctx, lambda: library.entries is not None and len(library.entries) == 3, 10, "the library is read")
    frames(ctx, 5)
    screenshot(ctx, "models/library")
    assert next(entry.model.path.stem for entry in library.found("", 35.0)) == "coarse"
    ctx.item_input("//**/##Search models")
    ctx.key_chars("carbon")
    frames(ctx, 3)
    assert not ctx.item_exists("//**/###Add coarse")
    ctx.item_click("//**/###Add both")
    known(ctx, editor, 1)
    ctx.item_click("//**/###Delete both")
    frames(ctx, 5)
    screenshot(ctx, "models/library-delete")
    ctx.item_click("//Are you sure?###confirmation/Delete")
    until(ctx, lambda: library.entries is not None and len(library.entries) == 2, 10, "the file is deleted")
    frames(ctx, 3)
    ctx.item_click("//**/Close")
    frames(ctx, 3)
    assert not editor.shell.model_library


@story(paths=with_models)
def models_are_saved_for_ais_1(ctx: Context, editor: Editor) -> None:
    """A model goes to the repository's form and comes back from it; one that cannot be written is said to be so."""
    ready(ctx, editor, "membrane", "both")
    editor.modelling.selected = model(editor, "both").id
    command("model.save_for_repository").run(editor)
    assert "both finds 2 features" in texts(editor)[-1]
    assert not editor.dialogs.open
    editor.modelling.models.change(model(editor, "both").id, active=False)
    until(ctx, lambda: len(editor.modelling.models.active) == 1, 5, "one of them is active")
    editor.modelling.selected = model(editor, "membrane").id
    frames(ctx, 3)
    for name, what in (("model.save_for_repository", "out.scnm"), ("model.save_group_for_ais_1", "out.scnmgroup")):
        editor.dialogs.answers.append([ctx.folder / what])
        assert command(name).enabled(editor)
        command(name).run(editor)
        until(ctx, lambda file=what: f"saved as {file}" in texts(editor)[-1], 60, f"{what} is written")
        assert (ctx.folder / what).exists()
    assert not {"tensorflow", "keras"} & set(sys.modules), "only the compute process loads networks"
    editor.open_paths([ctx.folder / "out.scnm"])
    known(ctx, editor, 3)
    again = editor.modelling.models.models[-1]
    assert again.problem == ""
    assert again.found == ("membrane",)
    screenshot(ctx, "models/saved-for-ais-1")


def many_in_a_small_window(folder: Path) -> Sequence[Path]:
    """Make a dozen models, and settings for 1280 x 720 with letters at 150 %."""
    (folder / "settings").mkdir(exist_ok=True)
    settings = {"window_size": [1280, 720], "font_scale": 1.5}
    (folder / "settings" / "settings.json").write_text(json.dumps(settings), encoding="utf-8")
    paths = with_models(folder)
    for number in range(12):
        shutil.copy(folder / "both.aism", folder / f"a network with quite a long name {number}.aism")
    return paths


@story(paths=many_in_a_small_window)
def a_dozen_models_in_a_small_window(ctx: Context, editor: Editor) -> None:
    ready(ctx, editor)
    names = [f"a network with quite a long name {number}" for number in range(12)]
    editor.modelling.models.add([ctx.folder / f"{name}.aism" for name in names], ModelUse(active=False))
    known(ctx, editor, 12)
    editor.modelling.models.change(3, active=True)
    settled(ctx, editor)
    frames(ctx, 3)
    width = ctx.window_info("//Models").window.size.x  # type: ignore[union-attr]
    for theme in ("dark", "light"):
        editor.settings.theme = theme
        frames(ctx, 3)
        screenshot(ctx, f"models/small-{theme}")
    ctx.item_input("//Models/##Filter models")
    ctx.key_chars("name 7")
    frames(ctx, 3)
    assert ctx.item_exists(f"//Models/**/###{names[7]}")
    assert not ctx.item_exists(f"//Models/**/###{names[3]}")
    press(ctx, "escape")
    for item in ("**/Add models...", "**/##threshold", "**/##average", "**/Check against this tomogram"):
        ctx.scroll_to_item_y(f"//Models/{item}")
        assert ctx.item_info(f"//Models/{item}").rect_full.max.x < width
    screenshot(ctx, "models/small-properties")
    ctx.item_open("//Models/###rules")
    ctx.scroll_to_item_y("//Models/**/Add rule")
    ctx.item_click("//Models/**/Add rule")
    settled(ctx, editor)
    for item in ("##parent", "##distance", "###Remove rule"):
        ctx.scroll_to_item_y(f"//Models/{item}")
        assert ctx.item_info(f"//Models/{item}").rect_full.max.x < width
    screenshot(ctx, "models/small-rules")
    ctx.item_click("//Models/###competition")
    ctx.scroll_to_bottom("//Models")
    frames(ctx, 3)
    screenshot(ctx, "models/small-competition")
    command("model.library").run(editor)
    until(ctx, lambda: editor.modelling.library.entries is not None, 10, "the library is read")
    frames(ctx, 5)
    screenshot(ctx, "models/small-library")


def texts(editor: Editor) -> list[str]:
    """What has been said."""
    return [notice.text for notice in editor.notices.said]
