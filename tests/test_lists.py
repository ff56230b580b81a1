"""What the panels show, without their window: the list of tomograms, relinking, remembered features, previews."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from windowless import until

from ais.annotation import AddFeature, ChangeFeature, TomogramEntry
from ais.errors import AisError
from ais.formats.registry import write_volume
from ais.gui.commands import command
from ais.gui.document import Snapshot
from ais.gui.editor import Editor
from ais.gui.feature_preview import preview, save_preview, shown_feature, shown_features
from ais.gui.panels.annotated_slices import nearest
from ais.gui.panels.history import local_time
from ais.gui.relinking import common_folder, look, replacement
from ais.gui.reveal import reveal
from ais.gui.tomogram_list import Order, TomogramList, sort

NAMES = st.text("aB_0129 .", max_size=6)


def entry(number: int, name: str, *, path: str = "", missing: bool = False) -> TomogramEntry:
    return TomogramEntry(number, name, Path(path or f"/data/{name}.mrc"), (4, 5, 6), 10.0, 10.0, None, missing)


@given(
    st.lists(st.tuples(NAMES, st.booleans(), st.integers(0, 20)), max_size=12),
    st.sampled_from(Order),
    st.text("aB0 ", max_size=3),
)
def test_sorting_and_searching_only_reorder_and_leave_out(
    rows: list[tuple[str, bool, int]], order: Order, search: str
) -> None:
    entries = tuple(entry(number, name, missing=missing) for number, (name, missing, _) in enumerate(rows))
    marks = {number: {1: count} for number, (_, _, count) in enumerate(rows) if count}
    snapshot = Snapshot(1, tomograms=entries, marks=marks)
    shown = TomogramList(search, order).shown(snapshot)
    assert set(shown) <= set(entries)
    assert len(set(shown)) == len(shown)
    for other in set(entries) - set(shown):
        assert any(word not in f"{other.name} {other.path}".casefold() for word in search.casefold().split())
    counts = [marks.get(item.id, {}).get(1, 0) for item in shown]
    if order is Order.MOST:
        assert counts == sorted(counts, reverse=True)
    if order is Order.LEAST:
        assert counts == sorted(counts)
    if order is Order.ADDED:
        assert [item.id for item in shown] == sorted(item.id for item in shown)
    if order is Order.MISSING:
        assert [item.missing for item in shown] == sorted((item.missing for item in shown), reverse=True)


def test_numbers_in_names_count_as_numbers() -> None:
    names = ["TS_10", "ts_9b", "TS_9", "TS_100", "a", "TS_9_2", "TS_09", ""]
    found = sort([entry(number, name) for number, name in enumerate(names)], Order.NAME, {})
    assert [item.name for item in found] == ["", "a", "TS_9", "TS_09", "TS_9_2", "ts_9b", "TS_10", "TS_100"]


def test_the_list_is_made_anew_only_when_something_has_changed() -> None:
    snapshot = Snapshot(1, tomograms=(entry(1, "b"), entry(2, "a")))
    listed = TomogramList()
    first = listed.shown(snapshot)
    assert listed.shown(snapshot) is first
    listed.order = Order.NAME
    assert [item.name for item in listed.shown(snapshot)] == ["a", "b"]
    listed.search = "b"
    assert [item.name for item in listed.shown(snapshot)] == ["b"]
    assert listed.shown(replace(snapshot, tomograms=())) == ()


# Relinking


def test_what_would_be_found_is_counted(tmp_path: Path) -> None:
    (tmp_path / "new").mkdir()
    for name in ("one.mrc", "two.mrc"):
        (tmp_path / "new" / name).touch()
    old = (tmp_path / "old").as_posix()
    entries = [
        entry(1, "one", path=f"{old}/one.mrc", missing=True),
        entry(2, "two", path=f"{old}/two.mrc"),
        entry(3, "three", path=f"{old}/three.mrc", missing=True),
        entry(4, "four", path="/elsewhere/four.mrc"),
    ]
    found = look(entries, old, (tmp_path / "new").as_posix())
    assert (found.matching, found.found, found.missing) == (3, 2, 1)
    assert found.example == (f"{old}/one.mrc", (tmp_path / "new" / "one.mrc").as_posix())
    assert look(entries, "", "x").matching == 0
    assert look(entries, "no such part", "x").example is None


def test_the_folder_of_what_is_missing_is_proposed() -> None:
    entries = [
        entry(1, "a", path="/disk/one/a.mrc", missing=True),
        entry(2, "b", path="/disk/one/more/b.mrc", missing=True),
        entry(3, "c", path="/other/c.mrc"),
    ]
    assert common_folder(entries) == "/disk/one"
    assert common_folder(entries[2:]) == ""


PARTS = st.lists(st.sampled_from(["a", "b", "data", "run 1"]), min_size=1, max_size=5)


@given(PARTS, PARTS, st.sampled_from(["x.mrc", "y.mrc"]))
def test_what_was_replaced_turns_the_old_path_into_the_new(before: list[str], after: list[str], name: str) -> None:
    old, new = Path("/", *before, name), Path("/", *after, name)
    find, put = replacement(old, new)
    assert old.as_posix().startswith(find)
    assert (Path(put) / old.relative_to(find)) == new


# Features


@pytest.fixture
def editor(tmp_path: Path) -> Iterator[Editor]:
    """An editor with a tomogram and two features, the first of which is selected."""
    path = tmp_path / "TS_001.mrc"
    write_volume(path, np.zeros((6, 20, 30), np.float32) + np.arange(30, dtype=np.float32), voxel_sizes=10.0)
    made = Editor(tmp_path / "settings", lambda: None)
    made.open_paths([path])
    until(made, lambda: made.shown is not None)
    for name in ("membrane", "ribosome"):
        made.submit(AddFeature(name))
    until(made, lambda: len(made.snapshot.features) == 2)
    yield made
    made.close()


def remembered(editor: Editor) -> dict[str, float]:
    return {item.name: item.brush_radius for item in editor.feature_shelf.entries}


def test_features_are_remembered_when_they_are_added_and_changed(editor: Editor) -> None:
    until(editor, lambda: remembered(editor) == {"membrane": 10.0, "ribosome": 10.0})
    editor.submit(ChangeFeature(1, brush_radius=3.0))
    until(editor, lambda: remembered(editor)["membrane"] == 3.0)
    assert editor.feature_shelf.entries[0].name == "membrane"  # used last
    entry = editor.feature_shelf.entry(" Membrane ")
    assert entry is not None
    assert entry.brush_radius == 3.0
    assert editor.feature_shelf.entry("nothing") is None


def test_what_is_changed_last_is_remembered_when_the_editor_closes_at_once(tmp_path: Path) -> None:
    made = Editor(tmp_path / "settings", lambda: None)
    made.new_project()
    until(made, lambda: made.document is not None and made.snapshot.revision)
    made.submit(AddFeature("filament"))
    until(made, lambda: made.snapshot.features)
    made.close()
    written = json.loads((tmp_path / "settings" / "features.json").read_text(encoding="utf-8"))
    assert [item["name"] for item in written["features"]] == ["filament"]


def test_a_forgotten_feature_stays_forgotten(editor: Editor) -> None:
    until(editor, lambda: len(remembered(editor)) == 2)
    editor.feature_shelf.remove("membrane")
    assert set(remembered(editor)) == {"ribosome"}
    until(editor, lambda: not editor.background.busy)
    assert set(remembered(editor)) == {"ribosome"}


def test_features_of_a_project_that_is_opened_are_not_remembered(editor: Editor, tmp_path: Path) -> None:
    until(editor, lambda: len(remembered(editor)) == 2)
    assert editor.document is not None
    path = editor.document.project.path
    other = Editor(tmp_path / "others", lambda: None)
    editor.close()
    other.open_project(path)
    until(other, lambda: other.snapshot.features)
    until(other, lambda: not other.background.busy)
    assert remembered(other) == {}
    other.close()


def test_a_dragged_property_is_seen_at_once_and_saved_as_one_edit(editor: Editor) -> None:
    edits = len(editor.snapshot.history)
    for alpha in (0.6, 0.7, 0.8):
        preview(editor, 1, alpha=alpha)
    assert [feature.alpha for feature in shown_features(editor)] == [0.8, 0.5]
    assert editor.snapshot.features[0].alpha == 0.5
    save_preview(editor)
    shown = shown_feature(editor, 1)
    assert shown is not None
    assert shown.alpha == 0.8  # also while it is being written
    until(editor, lambda: editor.state.feature_preview is None)
    assert editor.snapshot.features[0].alpha == 0.8
    assert len(editor.snapshot.history) == edits + 1


def test_a_preview_that_changes_nothing_or_fails_goes_away(editor: Editor) -> None:
    edits = len(editor.snapshot.history)
    preview(editor, 1, alpha=0.5)
    save_preview(editor)
    assert editor.state.feature_preview is None
    preview(editor, 1, name="ribosome")  # taken by another
    save_preview(editor)
    until(editor, lambda: editor.state.feature_preview is None)
    assert [feature.name for feature in editor.snapshot.features] == ["membrane", "ribosome"]
    assert len(editor.snapshot.history) == edits


def test_up_and_down_follow_the_list_as_it_is_shown(editor: Editor, tmp_path: Path) -> None:
    for name in ("a", "TS_000", "b"):
        write_volume(tmp_path / f"{name}.mrc", np.ones((4, 8, 8), np.float32), voxel_sizes=10.0)
        editor.open_paths([tmp_path / f"{name}.mrc"])
        until(editor, lambda name=name: editor.shown is not None and editor.shown.entry.name == name)  # type: ignore[misc]
    editor.tomogram_list.order = Order.NAME
    editor.tomogram_list.search = "TS"
    editor.select_neighbour(1)  # the one on the screen is not in the list
    until(editor, lambda: editor.shown is not None and editor.shown.entry.name == "TS_000")
    editor.select_neighbour(1)
    until(editor, lambda: editor.shown is not None and editor.shown.entry.name == "TS_001")
    editor.select_neighbour(1)
    assert editor.state.tomogram == 1


# Small things


@given(st.lists(st.integers(0, 50), min_size=1, unique=True), st.floats(-5, 60))
def test_the_nearest_annotated_slice(slices: list[int], wanted: float) -> None:
    found = nearest(sorted(slices), wanted)
    assert found in slices
    assert abs(found - wanted) == min(abs(z - wanted) for z in slices)


def test_times_of_the_history_are_those_of_the_clock_on_the_wall() -> None:
    found = local_time("2024-05-01T10:00:00+00:00")
    assert found is not None
    assert found.timestamp() == 1714557600
    assert local_time("yesterday") is None


# Where files are


@pytest.mark.skipif(sys.platform in ("win32", "darwin"), reason="these have file managers of their own")
def test_the_folder_of_a_tomogram_is_shown(editor: Editor, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    said = tmp_path / "said"
    manager = tmp_path / "bin" / "xdg-open"
    manager.parent.mkdir()
    manager.write_text(f'#!/bin/sh\necho "$1" > "{said}"\n', encoding="utf-8")
    manager.chmod(0o755)
    monkeypatch.setenv("PATH", f"{manager.parent}:{os.environ['PATH']}")
    command("tomogram.reveal").run(editor)
    until(editor, lambda: said.exists() and said.read_text(encoding="utf-8").strip() == str(tmp_path))
    # Of a file that has gone with its folder, the nearest one above that is left.
    said.unlink()
    reveal(tmp_path / "gone" / "further" / "x.mrc")
    until(editor, lambda: said.exists() and said.read_text(encoding="utf-8").strip() == str(tmp_path))
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(AisError, match=str(tmp_path)):
        reveal(tmp_path / "x.mrc")


def test_a_remembered_feature_is_proposed_and_added_as_it_was(editor: Editor) -> None:
    editor.submit(ChangeFeature(1, brush_radius=3.0, alpha=0.25))
    until(editor, lambda: remembered(editor).get("membrane") == 3.0)
    editor.new_project()
    until(editor, lambda: editor.snapshot.revision and not editor.snapshot.features)
    command("feature.add").run(editor)
    sheet = editor.shell.sheets.pop()
    assert list(sheet.fields[0].suggestions) == ["membrane", "ribosome"]  # the last used first
    sheet.fields[0].value = "MEMBRANE"
    sheet.on_accept()
    until(editor, lambda: editor.snapshot.features)
    added = editor.snapshot.features[0]
    assert (added.name, added.brush_radius, added.alpha) == ("membrane", 3.0, 0.25)
    assert editor.state.feature == added.id
    command("feature.add").run(editor)
    assert list(editor.shell.sheets.pop().fields[0].suggestions) == ["ribosome"]
