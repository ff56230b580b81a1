"""A story about classic models: made on the slice, saved, changed, exported."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from acting import Context, frames, press, screenshot, until
from plans import story
from segmented_tomogram import BALL_RADIUS, BALLS, SHAPE, balls, segmented_tomogram
from stories_views import settled

from ais.annotation import AddFeature, AddTomogram
from ais.formats.registry import open_volume
from ais.gui.editor import Editor
from ais.gui.project_models import DRAFT
from ais.gui.settings import Settings, SettingsFile
from ais.gui.state import Tab
from ais.project import Project

PATIENCE_S = 60.0
PAGE = "//###classic"


def with_balls(folder: Path) -> Sequence[Path]:
    """Make a project with a tomogram and a feature, in a small window with large letters."""
    SettingsFile(folder / "settings").save(Settings(window_size=(1280, 720), font_scale=1.5))
    (path,) = segmented_tomogram(folder)
    for other in folder.glob("TS_01__*.mrc"):
        other.unlink()
    with Project.create(folder / "work.aisproj") as project:
        project.apply(AddTomogram(path))
        project.apply(AddFeature("ribosome", colour=(0.9, 0.4, 0.1)))
    return [folder / "work.aisproj"]


def found(ctx: Context, editor: Editor, number: int, options: dict[str, object]) -> np.ndarray:
    """Wait until the slice shows what a model with these options finds there, and give it."""
    live, models = editor.modelling.live, editor.modelling.models

    def there() -> bool:
        model, shown = models.model(number), live._on_screen
        if model is None or model.file is None or model.info is None or shown is None or live.pending:
            return False
        of_it = {(key.hash, key.z) for one, key in shown.parts if one == number}
        return options.items() <= dict(model.info.arguments).items() and of_it == {(model.file.hash, editor.state.z)}

    until(ctx, there, PATIENCE_S, f"the slice is segmented with {options}")
    return next(one.values for one in live.maps if one.model == number)


def type_into(ctx: Context, field: str, text: str) -> None:
    """Type a value into a field that is otherwise dragged."""
    ctx.item_double_click(f"{PAGE}/{field}")
    ctx.key_chars_replace_enter(text)
    frames(ctx, 2)


@story(paths=with_balls, seconds=2 * PATIENCE_S)
def a_classic_model_is_made_and_used(ctx: Context, editor: Editor) -> None:
    until(ctx, lambda: editor.shown is not None and editor.shown.statistics is not None, 20, "the tomogram is shown")
    editor.sight.go_to(z=BALLS[0][0])
    editor.shell.tab = Tab.MODELS
    frames(ctx, 5)
    ctx.item_click("//Models/###models")
    ctx.item_click("//Models/**/New classic...")
    frames(ctx, 3)
    draft = editor.modelling.classic.draft
    assert draft is not None
    assert draft.feature == "ribosome"  # the one that is selected
    sheets = found(ctx, editor, DRAFT, {"width": 60.0})
    ctx.item_click(f"{PAGE}/##Method")
    ctx.item_click("//$FOCUSED/###classic-spot")
    type_into(ctx, "##diameter", str(20 * BALL_RADIUS))
    truth = balls()[editor.state.z] >= 128
    spots = found(ctx, editor, DRAFT, {"diameter": 90.0, "strength": 3.0})
    assert dice(spots >= 128, truth) > dice(sheets >= 128, truth) + 0.3
    assert not editor.snapshot.models
    screenshot(ctx, "classic/page")
    ctx.item_click(f"{PAGE}/Save")
    models = editor.modelling.models
    until(ctx, lambda: len(models.models) == 1 and models.models[0].info is not None, 20, "it is in the project")
    (model,) = models.models
    assert model.entry.path == ctx.folder / "models" / "ribosome.aism"
    assert model.colours == ((0.9, 0.4, 0.1),)
    assert np.array_equal(found(ctx, editor, model.id, {"diameter": 90.0}), spots)
    # Its options are changed later.
    ctx.item_click("//Models/**/Edit options...")
    frames(ctx, 3)
    type_into(ctx, "##strength", "8")
    better = found(ctx, editor, model.id, {"strength": 8.0})
    assert dice(better >= 128, truth) > dice(spots >= 128, truth)
    ctx.item_click(f"{PAGE}/Save")
    until(ctx, lambda: models.models[0].entry.path.name == "ribosome 2.aism", 20, "the new file is used")
    settled(ctx, editor)
    screenshot(ctx, "classic/model")
    # As any model it is exported, and what was seen is what is in the volume.
    press(ctx, "3")
    until(ctx, lambda: editor.state.tab is Tab.EXPORT, 5, "the tab is in front")
    frames(ctx, 5)
    editor.dialogs.answers.append([ctx.folder / "out"])
    ctx.item_click("//Export/**/Choose folder")
    ctx.item_click("//Export/**/Export volumes")
    until(ctx, lambda: editor.modelling.exports.results, PATIENCE_S, "it is exported")
    volume = open_volume(ctx.folder / "out" / "TS_01__ribosome.mrc")
    values = np.array(volume.read(0, SHAPE[0]))
    volume.close()
    assert np.array_equal(values[BALLS[0][0]], better)
    assert dice(values >= 128, balls() >= 128) > 0.55  # curved walls are a little like balls; measured 0.62


def dice(values: np.ndarray, truth: np.ndarray) -> float:
    """Twice what both have over what each has."""
    return 2 * float((values & truth).sum()) / float(values.sum() + truth.sum())
