"""Stories about copick projects: one is dropped, some of its runs are taken, and their picks come along."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from acting import Context, frames, in_window, screenshot, until
from copick_projects import project
from plans import story

from ais.gui.editor import Editor


def a_project(folder: Path) -> Sequence[Path]:
    """A copick project of two runs, given on the command line."""
    return [project(folder)]


@story(paths=a_project)
def a_project_is_opened(ctx: Context, editor: Editor) -> None:
    sheets = editor.shell.sheets
    until(ctx, lambda: sheets, 10, "the page asks")
    frames(ctx, 3)
    screenshot(ctx, "copick/page")
    ctx.item_click("**/10 A, wbp")
    ctx.item_click("**/###No Runs")
    frames(ctx, 2)
    assert sheets[-1].problem() == "Runs: choose at least one."
    ctx.item_click("**/###Take TS_1")
    frames(ctx, 2)
    screenshot(ctx, "copick/chosen")
    ctx.item_click("**/Add")
    until(ctx, lambda: not sheets and len(editor.snapshot.tomograms) == 1, 20, "the tomogram of one run is added")
    until(ctx, lambda: len(editor.rendering.particles.sets) == 2, 20, "and its picks")
    entry = editor.snapshot.tomograms[0]
    assert (entry.name, entry.voxel_size, entry.path.name) == ("TS_1", 10.0, "wbp.zarr")
    names = {one.name for one in editor.rendering.particles.sets}
    assert names == {"anna_7_ribosome", "bob_1_ribosome"}
    document = editor.document
    assert document is not None
    tables = in_window(ctx, lambda: [document.project.particle_table(one) for one in editor.rendering.particles.sets])
    np.testing.assert_allclose(tables[0].positions, [[10.0, 5.55, 3.0]])
    frames(ctx, 5)
    screenshot(ctx, "copick/opened")
