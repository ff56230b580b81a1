"""Analysis in the editor without its window: which volumes are found, what was removed, stopping, sorting, files."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from windowless import nothing, settled, until

from ais.annotation.volume_look_operations import ChangeVolumes
from ais.annotation.volume_looks import Removal, Removals
from ais.errors import AisError
from ais.formats.registry import write_volume
from ais.gui.analysis_table import QUANTITIES, InstanceTable
from ais.gui.editor import Editor

SHAPE = (20, 40, 60)
CENTRES = ((10, 10, 10), (10, 20, 30), (8, 30, 50))


def balls(centres: Sequence[tuple[int, int, int]] = CENTRES) -> np.ndarray:
    """Balls of radius 3, 4, 5, ..."""
    places = np.stack(np.meshgrid(*(np.arange(n) for n in SHAPE), indexing="ij"), axis=-1)
    volume = np.zeros(SHAPE, np.uint8)
    for number, centre in enumerate(centres):
        volume[np.linalg.norm(places - centre, axis=-1) <= 3 + number] = 255
    return volume


@pytest.fixture
def editor(tmp_path: Path) -> Iterator[Editor]:
    """An editor with two tomograms, of which the second has a damaged volume as well."""
    for name in ("TS_1", "TS_2"):
        write_volume(tmp_path / f"{name}.mrc", np.full(SHAPE, 7, np.float32), voxel_sizes=10.0)
        write_volume(tmp_path / f"{name}__ball.mrc", balls(CENTRES[: int(name[-1]) + 1]), voxel_sizes=10.0)
    write_volume(
        tmp_path / "TS_1__wall.mrc",
        np.eye(60, dtype=np.uint8)[None, :40] * np.uint8(255) * np.ones((20, 1, 1), np.uint8),
        voxel_sizes=10.0,
    )
    (tmp_path / "TS_2__bad.mrc").write_bytes(b"nothing of a volume" * 200)
    editor = Editor(tmp_path / "settings", nothing)
    editor.open_paths([tmp_path / "TS_1.mrc", tmp_path / "TS_2.mrc"])
    until(editor, lambda: editor.shown is not None and len(editor.snapshot.tomograms) == 2)
    editor.shell.analysis = True
    until(editor, lambda: editor.analyses.inputs is not None)
    yield editor
    editor.close()


def run(editor: Editor) -> InstanceTable:
    editor.analyses.run()
    until(editor, lambda: editor.analyses.running is None)
    return editor.analyses.table


def test_volumes_are_found_measured_and_named_when_they_fail(editor: Editor) -> None:
    analyses = editor.analyses
    editor.select_tomogram(editor.snapshot.tomograms[0].id)
    assert analyses.features == {"ball": 1, "wall": 1}
    analyses.plan.all_tomograms = True
    assert analyses.features == {"ball": 2, "wall": 1, "bad": 1}
    analyses.plan.choice = replace(analyses.plan.choice, distances_to="wall")
    table = run(editor)
    assert len(analyses.failed) == 1
    assert "TS_2__bad.mrc" in analyses.failed[0].error
    assert table.counts()["ball"] == {"TS_1": 2, "TS_2": 3}
    rows = table.chosen("ball ts_2", "volume_nm3", descending=True)
    assert [table.results[int(table.owner[row])].volume.tomogram_name for row in rows] == ["TS_2"] * 3
    volumes = table.values(QUANTITIES[0])[rows]
    assert volumes.tolist() == sorted(volumes.tolist(), reverse=True)
    assert volumes[0] > volumes[1] > volumes[2]
    row = int(rows[0])
    analyses.jump_to(row)
    settled(editor)
    until(editor, lambda: editor.shown is not None and editor.shown.entry.name == "TS_2")
    assert editor.state.position == CENTRES[2]
    intensity = next(one for one in QUANTITIES if one.name == "mean_intensity")
    assert table.values(intensity)[row] == 7
    away = table.values(next(one for one in QUANTITIES if one.name == "distance_A"))
    assert np.isfinite(away[table.chosen("ts_1 ball")]).all()
    assert np.isnan(away[table.chosen("ts_2 ball")]).all(), "there is no wall in TS_2"


def test_what_was_removed_does_not_count(editor: Editor, tmp_path: Path) -> None:
    number = editor.snapshot.tomograms[1].id
    removals = Removals(removed=(Removal(*CENTRES[1], 128.0),))
    editor.submit(ChangeVolumes(number, {tmp_path / "TS_2__ball.mrc": {"removals": removals}}, "Remove"))
    settled(editor)
    analyses = editor.analyses
    analyses.plan.all_tomograms = True
    analyses.plan.left_out = {"wall", "bad"}
    table = run(editor)
    assert table.counts() == {"ball": {"TS_1": 2, "TS_2": 2}}
    left = next(one for one in table.results if one.volume.tomogram_name == "TS_2").instances
    assert left is not None
    assert {tuple(place) for place in left.anchors.tolist()} == {CENTRES[0], CENTRES[2]}


def test_stopping_keeps_what_was_measured_and_a_new_run_begins_anew(editor: Editor) -> None:
    analyses = editor.analyses
    analyses.plan.all_tomograms = True
    analyses.run()
    analyses.stop()
    until(editor, lambda: analyses.running is None)
    assert len(analyses.table.results) < 4
    assert len(run(editor).results) == 4
    analyses.plan.left_out = set(analyses.features)
    with pytest.raises(AisError, match="at least one feature"):
        analyses.run()
    editor.close_project()
    editor.poll()
    assert analyses.problem() == "Open a tomogram first."
    assert not analyses.table.results


def test_tables_and_plots_are_saved_as_they_are_shown(editor: Editor, tmp_path: Path) -> None:
    analyses = editor.analyses
    analyses.plan.all_tomograms = True
    run(editor)
    analyses.order.search, analyses.order.sort_by = "ball", "volume_nm3"
    for name in ("table.csv", "table.json"):
        analyses.save_table(tmp_path / name)
    analyses.save_plots(tmp_path / "plots.svg")
    settled(editor)
    lines = (tmp_path / "table.csv").read_text().splitlines()
    assert lines[0].startswith("tomogram,feature,id,x_px")
    assert len(lines) == 6
    rows = json.loads((tmp_path / "table.json").read_text())
    assert [row["volume_nm3"] for row in rows] == sorted(row["volume_nm3"] for row in rows)
    assert rows[0]["profile"]["intensity"] == [7] * len(rows[0]["profile"]["intensity"])
    assert "<svg" in (tmp_path / "plots.svg").read_text()
    assert (tmp_path / "plots_counts.svg").exists()
