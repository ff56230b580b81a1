"""Stories about the list of models, how they are used, rules between them, and the model library."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from acting import Context, drag, frames, middle, press, screenshot, until
from plans import story
from stories_panels import settled, slide
from story_models import StoryModel, make_models

from ais.formats.registry import write_volume
from ais.gui.editor import Editor
from ais.gui.state import Tab

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


@story(paths=with_models)
def models_are_listed_and_used(ctx: Context, editor: Editor) -> None:
    ready(ctx, editor)
    screenshot(ctx, "models/empty")
    editor.dialogs.answers.append([ctx.folder / "membrane.aism"])
    ctx.item_click("//Models/###models")
    ctx.item_click("//Models/**/Add models...")
    known(ctx, editor, 1)
    frames(ctx, 5)
    screenshot(ctx, "models/one")
