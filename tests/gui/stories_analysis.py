"""Stories about measuring what was found: table, plots, counts, distances, a reference, files."""

from __future__ import annotations

import csv
import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from acting import Context, frames, press, screenshot, until
from plans import story
from segmented_tomogram import BALLS, SHAPE, VOXEL_SIZE, balls, segmented_tomogram

from ais.formats.registry import write_volume
from ais.gui.editor import Editor
from ais.gui.settings import Settings, SettingsFile


def two_tomograms(folder: Path, size: tuple[int, int] = (1440, 900), font_scale: float = 1.0) -> Sequence[Path]:
    """Make the known tomogram, and another with only the lower half of its balls."""
    SettingsFile(folder / "settings").save(Settings(window_size=size, font_scale=font_scale))
    paths = segmented_tomogram(folder)
    half = balls()
    half[32:] = 0
    write_volume(folder / "TS_02.mrc", np.zeros(SHAPE, np.float32), voxel_sizes=VOXEL_SIZE)
    write_volume(folder / "TS_02__ribosome.mrc", half, voxel_sizes=VOXEL_SIZE)
    write_volume(folder / "truth.mrc", (half >= 128).astype(np.uint8), voxel_sizes=VOXEL_SIZE)
    return [*paths, folder / "TS_02.mrc"]


def in_a_small_window(folder: Path) -> Sequence[Path]:
    """The same in a window of 1280 x 720 with large letters."""
    return two_tomograms(folder, (1280, 720), 1.5)


def opened(ctx: Context, editor: Editor) -> None:
    until(ctx, lambda: editor.shown is not None and len(editor.snapshot.tomograms) == 2, 20, "both are open")
    press(ctx, "4")
    ctx.menu_click("//##MainMenuBar/Tools/Analyze segmented volumes...")
    until(ctx, lambda: editor.analyses.inputs, 10, "the volumes are found")
    frames(ctx, 3)


@story(paths=two_tomograms, seconds=60)
def measure_and_save(ctx: Context, editor: Editor) -> None:
    """All volumes are measured, the table is sorted and leads to an instance, plots and tables are saved."""
    opened(ctx, editor)
    analyses = editor.analyses
    screenshot(ctx, "analysis/empty")
    ctx.item_click("**/###All tomograms")
    assert analyses.features == {"membrane": 1, "microtubule": 1, "ribosome": 2}
    ctx.item_click("**/###Analyze membrane")
    analyses.plan.choice = replace(analyses.plan.choice, distances_to="membrane")
    ctx.item_click("**/Analyze")
    until(ctx, lambda: analyses.running is None and len(analyses.table.results) == 3, 30, "all is measured")
    assert len(analyses.table) == 31, "20 and 10 balls, and tubes that touch"
    assert [one.error for one in analyses.failed] == []
    frames(ctx, 3)
    ctx.item_click("**/Volume (nm³)")
    frames(ctx, 2)
    screenshot(ctx, "analysis/table")
    largest = int(analyses.shown_rows[0])
    assert analyses.table.results[int(analyses.table.owner[largest])].volume.feature == "microtubule"
    row = int(analyses.shown_rows[1])
    path = ctx.folder / "TS_01__ribosome.mrc"
    until(ctx, lambda: editor.rendering.volumes.mesh(path) is not None, 20, "its surface is there")
    ctx.item_click(f"**/###instance {row}")
    assert editor.state.position in BALLS[-2:], "the largest ball of TS_01"
    ((key, component),) = editor.rendering.view.selected
    facts = editor.rendering.volumes.component(key, component)
    assert facts is not None
    assert tuple(round(at) for at in facts.voxel) == editor.state.position, "the same in the 3D scene"
    press(ctx, "down", 2)
    assert analyses.selected == analyses.shown_rows[3]
    analyses.jump_to(largest)
    ctx.item_click("**/Profile")
    frames(ctx, 3)
    screenshot(ctx, "analysis/profile")
    ctx.item_click("**/Distributions")
    frames(ctx, 20)
    screenshot(ctx, "analysis/distributions")
    ctx.item_click("**/Counts")
    frames(ctx, 3)
    screenshot(ctx, "analysis/counts")
    for name in ("rows.csv", "rows.json", "plots.svg", "plots.png"):
        editor.dialogs.answers.append([ctx.folder / name])
        ctx.item_click("**/Save table..." if name.startswith("rows") else "**/Save plots...")
    made = [ctx.folder / name for name in ("rows.csv", "rows.json", "plots_counts.svg", "plots_counts.png")]
    until(ctx, lambda: all(path.exists() for path in made), 20, "all is saved")
    with open(ctx.folder / "rows.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 31
    sizes = [float(one["volume_nm3"]) for one in rows]
    assert sizes == sorted(sizes, reverse=True), "as it is shown"
    assert len(json.loads((ctx.folder / "rows.json").read_text())[0]["profile"]["position_A"]) > 50


@story(paths=in_a_small_window, seconds=60)
def compare_with_a_reference(ctx: Context, editor: Editor) -> None:
    """A volume is compared with a mask, and the centres of its instances with coordinates."""
    opened(ctx, editor)
    analyses = editor.analyses
    for name in ("membrane", "microtubule"):
        ctx.item_click(f"**/###Analyze {name}")
    screenshot(ctx, "analysis/large-letters")
    ctx.item_click("**/Analyze")
    until(ctx, lambda: analyses.running is None and analyses.table.results, 30, "it is measured")
    frames(ctx, 2)
    ctx.item_click("**/Reference")
    for name in ("truth.mrc", "true.tsv"):
        if name == "true.tsv":
            lines = ["x\ty\tz", *(f"{x}\t{y}\t{z}" for z, y, x in BALLS[:15])]
            (ctx.folder / name).write_text("\n".join(lines) + "\n")
        editor.dialogs.answers.append([ctx.folder / name])
        ctx.item_click("**/###Choose reference")
        frames(ctx, 2)
        ctx.item_click("**/Compare")
        until(ctx, lambda: analyses.reference.scores or analyses.reference.problem, 20, "it is compared")
        assert analyses.reference.problem == ""
        scores = analyses.reference.scores
        assert scores is not None
        if name == "truth.mrc":
            inside = balls() >= 128
            expected = 2 * inside[:32].sum() / (inside.sum() + inside[:32].sum())
            assert abs(scores["dice"] - expected) < 1e-6
            screenshot(ctx, "analysis/reference")
        else:
            assert (scores["n_predicted"], scores["n_true"], scores["n_matched"]) == (20, 15, 15)
