"""Everything at once: tomograms and projects changed faster than they can be opened, undo hammered while painting."""

from __future__ import annotations

import gzip
import os
import random
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from windowless import nothing, open_and_name, picture, said, settled, until

from ais.annotation import AddFeature, AddTomogram, DuplicateFeature, Feature, PaintStroke
from ais.formats.registry import write_volume
from ais.gui.editor import Editor
from ais.gui.sheet import Sheet
from ais.gui.slice_reader import SliceRequest
from ais.gui.tools import Pointer
from ais.gui.tools.gestures import begin
from ais.project import Project

SHAPE = (12, 60, 70)
COUNT = 6
SWITCHES = 200

SECONDS_TO_END = 10.0


@pytest.fixture
def tomograms(tmp_path: Path) -> list[Path]:
    """Tomograms of which each has its own value everywhere."""
    paths = [tmp_path / f"TS {number}.mrc" for number in range(COUNT)]
    for number, path in enumerate(paths):
        write_volume(path, np.full(SHAPE, number, "f4"), voxel_sizes=10.0)
    return paths


@pytest.fixture
def editor(tmp_path: Path) -> Iterator[Editor]:
    others = set(threading.enumerate())
    made = Editor(tmp_path / "settings", nothing)
    yield made
    made.close()
    assert "unexpected" not in said(made)
    left = time.monotonic() + SECONDS_TO_END  # what only computes is given up, not waited for
    while names := [one.name for one in set(threading.enumerate()) - others if one.name.startswith("ais")]:
        assert time.monotonic() < left, names
        time.sleep(0.02)


def project_with(path: Path, tomograms: list[Path], feature: str) -> Path:
    with Project.create(path) as project:
        for tomogram in tomograms:
            project.apply(AddTomogram(tomogram))
        project.apply(AddFeature(feature))
    return path


def files_open() -> int:
    folder = Path("/proc/self/fd")
    return len(os.listdir(folder)) if folder.is_dir() else 0


def test_the_tomogram_wanted_last_is_shown(editor: Editor, tomograms: list[Path]) -> None:
    editor.open_paths(tomograms)
    until(editor, lambda: editor.shown and len(editor.snapshot.tomograms) == COUNT)
    settled(editor)
    numbers = [entry.id for entry in editor.snapshot.tomograms]
    before, rng = files_open(), random.Random(0)
    for _ in range(SWITCHES):
        editor.select_tomogram(rng.choice(numbers))
        for _ in range(rng.choice([0, 1, 1, 5])):
            editor.poll()
        if editor.shown is not None:
            for plane in ("xy", "xz", "yz"):
                editor.shown.reader.request(SliceRequest(plane, rng.randrange(12)))
    wanted = editor.state.tomogram
    settled(editor)
    assert editor.shown is not None
    assert editor.shown.entry.id == wanted == editor.state.tomogram
    shown = picture(editor, "xy", 3)
    assert shown is not None
    assert (shown == numbers.index(wanted)).all()
    assert editor.snapshot.watched == wanted
    # At most that of the tomogram on the screen, and what its threads hold.
    assert files_open() <= before + 2
    readers = [thread for thread in threading.enumerate() if thread.name.startswith("ais-slices")]
    assert len(readers) <= 3


def test_projects_changed_while_edits_wait_keep_them_all(editor: Editor, tomograms: list[Path], tmp_path: Path) -> None:
    paths = [project_with(tmp_path / f"{name}.aisproj", tomograms[:2], name) for name in ("first", "second")]
    strokes = [0, 0]
    for turn in range(12):
        which = turn % 2
        editor.open_project(paths[which])
        until(editor, lambda which=which: editor.document and editor.document.project.path == paths[which])
        assert not editor.read_only
        until(editor, lambda: editor.snapshot.features)
        assert editor.snapshot.features[0].name == ("first", "second")[which]
        tomogram, feature = editor.snapshot.tomograms[0].id, editor.snapshot.features[0].id
        for number in range(20):
            editor.submit(PaintStroke(tomogram, feature, number % 12, [(turn, 2 * number), (30 + turn, 40)], 2))
            strokes[which] += 1
        if turn % 3 == 0:
            editor.poll()
    editor.close_project()
    settled(editor)
    for path, count in zip(paths, strokes, strict=True):
        assert not list(tmp_path.glob(f"{path.name}-*"))
        with Project.open(path) as project:
            assert not project.read_only
            assert sum(entry.text.startswith("Paint") for entry in project.history()) == count
            project.check_integrity()


def test_a_project_can_be_opened_again_at_once(editor: Editor, tomograms: list[Path], tmp_path: Path) -> None:
    path = project_with(tmp_path / "work.aisproj", tomograms, "membrane")
    for _ in range(10):
        editor.open_project(path)
        until(editor, lambda: editor.document and editor.snapshot.features)
        assert not editor.read_only
        editor.open_project(path)  # it is open already
        editor.submit(AddFeature("another"))
        editor.undo()
        editor.close_project()
        editor.open_project(path)
    until(editor, lambda: editor.document and editor.shown)
    assert not editor.read_only
    assert "open for editing" not in said(editor)


def test_projects_asked_for_faster_than_they_open(editor: Editor, tomograms: list[Path], tmp_path: Path) -> None:
    paths = [project_with(tmp_path / f"{n}.aisproj", tomograms[: n + 1], f"feature {n}") for n in range(4)]
    rng = random.Random(1)
    for _ in range(60):
        editor.open_project(rng.choice(paths))
        for _ in range(rng.choice([0, 0, 1, 10])):
            editor.poll()
        if rng.random() < 0.2:
            editor.close_project()
    editor.open_project(paths[3])
    settled(editor)
    until(editor, lambda: editor.document and editor.document.project.path == paths[3])
    settled(editor)
    assert not editor.read_only
    assert len(editor.snapshot.tomograms) == 4
    editor.close_project()
    settled(editor)
    assert not list(tmp_path.glob("*.aisproj-*"))
    assert not list(tmp_path.glob("*.aisproj.lock"))


def test_a_project_closed_while_its_tomogram_is_being_opened(
    editor: Editor, tomograms: list[Path], tmp_path: Path
) -> None:
    path = project_with(tmp_path / "work.aisproj", tomograms, "membrane")
    rng = random.Random(2)
    for _ in range(30):
        editor.open_project(path)
        until(editor, lambda: editor.state.tomogram is not None)
        for _ in range(rng.choice([0, 0, 1, 3])):
            editor.poll()
        editor.close_project()
        for _ in range(rng.choice([0, 1, 3])):
            editor.poll()
    settled(editor)
    assert editor.shown is None
    assert editor.document is None
    assert not list(editor.notices.shown())


def test_a_long_edit_ends_although_its_project_is_no_longer_shown(
    editor: Editor, tomograms: list[Path], tmp_path: Path
) -> None:
    path = project_with(tmp_path / "work.aisproj", tomograms[:1], "membrane")
    told: list[Feature] = []
    for _ in range(3):
        editor.open_project(path)
        until(editor, lambda: editor.snapshot.features)
        feature = editor.snapshot.features[0]
        editor.submit(DuplicateFeature(feature.id), told.append, title="Duplicating")
        editor.shell.sheets.append(Sheet("Merge", "Merge", (), lambda: None))
        assert editor.background.works[-1].title == "Duplicating"
        editor.close_project()
        assert not editor.shell.sheets, "a question about another project must not be answered for this one"
    settled(editor)  # nothing is on the list of jobs for ever
    assert not told
    with Project.open(path) as project:
        assert len(project.features()) == 4


def test_who_submits_learns_that_nothing_can_be_edited(editor: Editor, tomograms: list[Path], tmp_path: Path) -> None:
    failed: list[str] = []
    editor.submit(AddFeature("membrane"), failed=lambda: failed.append("no project"))
    path = project_with(tmp_path / "work.aisproj", tomograms[:1], "membrane")
    with Project.open(path):
        editor.open_project(path)
        until(editor, lambda: editor.snapshot.features)
        editor.submit(AddFeature("ribosome"), failed=lambda: failed.append("read only"), title="Adding")
        settled(editor)
    assert failed == ["no project", "read only"]
    assert len(editor.snapshot.features) == 1


def test_undo_hammered_while_a_stroke_is_drawn(editor: Editor, tomograms: list[Path]) -> None:
    open_and_name(editor, tomograms[0], "membrane")
    settled(editor)
    rng, released, column = random.Random(3), 0, 0.0
    for stroke in range(60):
        gesture = begin(editor, Pointer("xy", stroke % 12, 10.0, 10.0), "right" if stroke % 5 == 4 else "left")
        assert gesture is not None
        editor.gesture = gesture
        for _ in range(rng.randrange(8)):
            column = (column + 7) % 60
            if editor.gesture is not None:
                gesture.move(Pointer("xy", stroke % 12, 20.0, column))
            rng.choice([editor.undo, editor.redo, editor.redo, editor.poll, editor.poll])()
        if editor.gesture is not None:  # undo ends a stroke that is under way
            editor.gesture = None
            gesture.release(Pointer("xy", stroke % 12, 30.0, column))
            released += 1
    settled(editor)
    assert 5 < released < 60
    assert editor.document is not None
    project = editor.document.project
    # What is on the screen is what the project holds.
    for z in range(12):
        from ais.gui.masks import MaskKey

        key = MaskKey(editor.state.tomogram or 0, editor.snapshot.features[0].id, "xy", z)
        assert editor.masks is not None
        editor.masks.get(key, SHAPE[1:])
        until(editor, lambda key=key: not (m := editor.masks.get(key, SHAPE[1:])).stale and m.loading is None)
        assert np.array_equal(editor.masks.get(key, SHAPE[1:]).bits != 0, project.mask(key.tomogram, key.feature, z))
    digest, count = project.content_digest(), 0
    while editor.snapshot.undo_text:
        editor.undo()
        count += 1
        settled(editor)
    assert not editor.snapshot.features
    for _ in range(count):
        editor.redo()
    settled(editor)
    assert project.content_digest() == digest


def test_the_editor_closed_while_everything_is_being_opened(tomograms: list[Path], tmp_path: Path) -> None:
    packed = tmp_path / "packed.mrc.gz"
    packed.write_bytes(gzip.compress(tomograms[0].read_bytes()))
    path = project_with(tmp_path / "work.aisproj", tomograms, "membrane")
    for polls in (0, 1, 2, 5, 20, 100):
        editor = Editor(tmp_path / "settings", nothing)
        editor.open_paths([path])
        editor.open_paths([packed, *tomograms])
        for _ in range(polls):
            editor.poll()
        editor.close()
        assert "unexpected" not in said(editor)
        assert not list(tmp_path.glob("work.aisproj?*"))
        assert not [
            found for found in (tmp_path / "settings").rglob("*") if found.suffix in (".lock",) or "-wal" in found.name
        ]
        with Project.open(path) as project:
            assert not project.read_only
            project.check_integrity()
