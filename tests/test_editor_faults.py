"""The editor lives on: with files that are wrong, odd or taken away, projects that are damaged, disks that are full."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path

import mrcfile
import numpy as np
import pytest
from windowless import nothing, open_and_name, picture, said, settled, until

from ais.annotation import AddFeature, AddTomogram, PaintStroke
from ais.formats.registry import write_volume
from ais.gui.editor import Editor
from ais.gui.masks import MaskKey
from ais.gui.settings import FILE_NAME
from ais.project import Project

SHAPE = (6, 40, 50)
ODD_NAME = "Große Zelle – 細胞 %s & 'x'"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / ODD_NAME
    made.mkdir()
    return made


@pytest.fixture
def good(folder: Path) -> Path:
    path = folder / "good one.mrc"
    write_volume(path, np.random.default_rng(0).normal(0, 1, SHAPE).astype("f4"), voxel_sizes=10.0)
    return path


@pytest.fixture
def editor(folder: Path) -> Iterator[Editor]:
    made = Editor(folder / "settings", nothing)
    yield made
    made.close()
    assert "unexpected" not in said(made)


def lives_on(editor: Editor, good: Path) -> None:
    """A good tomogram can still be opened and painted on."""
    editor.open_paths([good])
    until(editor, lambda: editor.shown and editor.shown.entry.path == good)
    editor.submit(AddFeature("membrane"))
    settled(editor)
    feature, tomogram = editor.snapshot.features[-1].id, editor.state.tomogram
    assert tomogram is not None
    editor.submit(PaintStroke(tomogram, feature, 1, [(9, 9), (9, 20)], 3))
    settled(editor)
    assert editor.snapshot.annotated[feature] == (1,)
    for plane in ("xy", "xz", "yz"):
        shown = picture(editor, plane, 1)
        assert shown is not None
        assert np.isfinite(shown).all()


def text(path: Path) -> None:
    path.write_text("These are notes, not a tomogram.\n" * 100, encoding="utf-8")


def empty(path: Path) -> None:
    path.write_bytes(b"")


def a_folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


def cut_off(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:9000])


def header_only(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:700])


def huge(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[0:12] = np.array([100_000, 100_000, 100_000], "<i4").tobytes()
    path.write_bytes(data)


def gone(path: Path) -> None:
    path.unlink()


def gzip_of_nothing(path: Path) -> None:
    path.unlink()
    path.with_name(path.name + ".gz").write_bytes(b"\x1f\x8b\x08\x00garbage")


@pytest.mark.parametrize("spoil", [text, empty, a_folder, cut_off, header_only, huge, gone, gzip_of_nothing])
def test_a_wrong_file_is_said_and_nothing_is_added(editor: Editor, good: Path, spoil: Callable[[Path], None]) -> None:
    wrong = good.with_name("wrong one.mrc")
    wrong.write_bytes(good.read_bytes())
    spoil(wrong)
    wrong = wrong if spoil is not gzip_of_nothing else wrong.with_name(wrong.name + ".gz")
    editor.open_paths([wrong])
    until(editor, lambda: wrong.name in said(editor))
    settled(editor)
    assert not editor.snapshot.tomograms
    assert editor.shown is None
    lives_on(editor, good)


def all_nan() -> np.ndarray:
    return np.full(SHAPE, np.nan, "f4")


def partly_nan() -> np.ndarray:
    volume = np.random.default_rng(1).normal(0, 1, SHAPE).astype("f4")
    volume[2:4, 5:20] = np.nan
    volume[5, :, 3] = np.inf
    return volume


def constant() -> np.ndarray:
    return np.full(SHAPE, 7.0, "f4")


def extreme() -> np.ndarray:
    volume = np.full(SHAPE, 3e38, "f4")
    volume[:, ::2] = -3e38
    return volume


def one_voxel() -> np.ndarray:
    return np.ones((1, 1, 1), "f4")


def one_slice() -> np.ndarray:
    return np.random.default_rng(1).normal(0, 1, (1, 30, 40)).astype("f4")


def a_strip() -> np.ndarray:
    return np.random.default_rng(1).normal(0, 1, (3, 5000, 10)).astype("f4")


def a_column() -> np.ndarray:
    return np.random.default_rng(1).integers(-9, 9, (900, 1, 2)).astype("i1")


@pytest.mark.parametrize(
    "make", [all_nan, partly_nan, constant, extreme, one_voxel, one_slice, a_strip, a_column], ids=lambda f: f.__name__
)
def test_an_odd_volume_is_shown_and_can_be_painted(
    editor: Editor, folder: Path, make: Callable[[], np.ndarray]
) -> None:
    path = folder / "odd.mrc"
    volume = make()
    with warnings.catch_warnings(action="ignore"), mrcfile.new(path) as file:
        file.set_data(volume)  # with a voxel size of zero, as many programs leave it
    open_and_name(editor, path, "membrane")
    until(editor, lambda: editor.state.contrast)
    assert editor.state.contrast is not None
    assert np.isfinite([editor.state.contrast.low, editor.state.contrast.high]).all()
    assert editor.state.contrast.low < editor.state.contrast.high
    nz, ny, nx = volume.shape
    for plane, shape, count in (("xy", (ny, nx), nz), ("xz", (nz, nx), ny), ("yz", (nz, ny), nx)):
        for position in (0, count - 1):
            shown = picture(editor, plane, position)
            assert shown is not None
            assert shown.shape == shape
            assert np.isfinite(shown).all()
    for step in (-1, 1, 10_000, -10_000):
        editor.sight.step(step)
        assert 0 <= editor.state.z < nz
    feature, tomogram = editor.snapshot.features[0].id, editor.state.tomogram
    assert tomogram is not None
    editor.submit(PaintStroke(tomogram, feature, nz - 1, [(0, 0), (ny + 50, nx - 1)], 2))
    settled(editor)
    assert editor.snapshot.annotated[feature] == (nz - 1,)
    assert editor.masks is not None
    key = MaskKey(tomogram, feature, "xy", nz - 1)
    until(editor, lambda: editor.masks and editor.masks.get(key, (ny, nx)).any)
    editor.undo()
    settled(editor)
    assert editor.snapshot.annotated == {}


def other_shape(path: Path) -> None:
    path.unlink()
    write_volume(path, np.zeros((9, 20, 30), "f4"), voxel_sizes=10.0)


def shorter(path: Path) -> None:
    with path.open("r+b") as file:
        file.truncate(9000)


@pytest.mark.parametrize("change", [gone, shorter, other_shape])
def test_a_file_that_changes_under_the_editor_is_said(
    editor: Editor, folder: Path, good: Path, change: Callable[[Path], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ais.gui.slice_reader.LOOK_EVERY_S", 0.0)
    path = folder / "changing.mrc"
    path.write_bytes(good.read_bytes())
    open_and_name(editor, path, "membrane")
    picture(editor, "xy", 0)
    settled(editor)
    change(path)
    assert editor.shown is not None
    reader = editor.shown.reader
    for plane, position in (("xy", 5), ("xz", 30), ("yz", 2), ("xy", 4)):
        picture(editor, plane, position)
    until(editor, lambda: path.name in said(editor))
    assert reader.problem
    for _ in range(5):
        editor.poll()
    assert [notice.text for notice in editor.notices.said].count(reader.problem) == 1, "once, so that it can go away"
    # Painting on goes well, as the project knows the shape; opening it anew says what has happened.
    feature, tomogram = editor.snapshot.features[0].id, editor.state.tomogram
    assert tomogram is not None
    editor.submit(PaintStroke(tomogram, feature, 5, [(9, 9)], 2))
    settled(editor)
    assert editor.snapshot.annotated[feature] == (5,)
    before = len(editor.notices.said)
    editor.reopen_tomogram()
    settled(editor)
    assert path.name in " ".join(notice.text for notice in list(editor.notices.said)[before:])
    lives_on(editor, good)


def test_values_that_are_not_numbers_are_said_once(editor: Editor, folder: Path) -> None:
    values = np.ones((6, 20, 30), "f4")
    values[:, 3, 4] = np.nan
    write_volume(folder / "odd.mrc", values, voxel_sizes=10.0)
    open_and_name(editor, folder / "odd.mrc")
    for z in (0, 3, 5):
        shown = picture(editor, "xy", z)
        assert shown is not None
        assert np.isfinite(shown).all()
    until(editor, lambda: "not finite" in said(editor))
    settled(editor)
    assert said(editor).count("not finite") == 1


HOLDER = """
import sys
from ais.project import Project
project = Project.open(sys.argv[1])
print("open", flush=True)
sys.stdin.read()
project.close()
"""


def test_a_project_held_by_another_process_is_shown_and_never_changed(editor: Editor, folder: Path, good: Path) -> None:
    path = folder / "held work.aisproj"
    with Project.create(path) as project:
        project.apply(AddTomogram(good))
        project.apply(AddFeature("membrane"))
        digest = project.content_digest()
    holder = subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    try:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "open\n"
        editor.open_paths([path])
        until(editor, lambda: editor.shown)
        assert editor.read_only
        assert str(holder.pid) in said(editor)
        tomogram, feature = editor.state.tomogram or 0, editor.snapshot.features[0].id
        editor.submit(PaintStroke(tomogram, feature, 1, [(9, 9)], 3))
        editor.undo()
        editor.redo()
        editor.sight.go_to(0, 0, 0)
        editor.remember_view()
        settled(editor)
        assert editor.snapshot.features[0].name == "membrane"
        assert "can only be read" in said(editor) or "open for editing" in said(editor)
    finally:
        holder.communicate("")
    # Free again, it can be edited as soon as it is opened anew.
    editor.close_project()
    editor.open_paths([path])
    until(editor, lambda: editor.shown)
    assert not editor.read_only
    assert editor.document is not None
    assert editor.document.project.content_digest() == digest
    lives_on(editor, good)


def newer(path: Path) -> None:
    connection = sqlite3.connect(path)
    connection.execute("PRAGMA user_version = 4000")
    connection.close()


def damaged(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[3000:] = os.urandom(len(data) - 3000)
    path.write_bytes(data)


def half(path: Path) -> None:
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


@pytest.mark.parametrize("spoil", [newer, damaged, half, empty, text, a_folder, gone])
def test_a_project_that_cannot_be_opened_is_said_and_left_as_it_is(
    editor: Editor, folder: Path, good: Path, spoil: Callable[[Path], None]
) -> None:
    path = folder / "spoilt work.aisproj"
    with Project.create(path) as project:
        project.apply(AddTomogram(good))
    spoil(path)
    before = path.read_bytes() if path.is_file() else None
    lives_on(editor, good)  # another project is open
    assert editor.document is not None
    opened = editor.document.project.path
    editor.open_paths([path])
    until(editor, lambda: path.name in said(editor))
    settled(editor)
    assert editor.document.project.path == opened
    assert (path.read_bytes() if path.is_file() else None) == before
    assert not list(folder.glob("spoilt*-wal"))
    lives_on(editor, good)


def test_a_full_disk_is_said_and_what_was_saved_before_stays(editor: Editor, good: Path) -> None:
    open_and_name(editor, good, "membrane")
    settled(editor)
    assert editor.document is not None
    project = editor.document.project
    tomogram, feature = editor.state.tomogram or 0, editor.snapshot.features[0].id
    connection = project._database.connection
    digest = project.content_digest()
    pages = connection.execute("PRAGMA page_count").fetchone()[0]
    connection.execute(f"PRAGMA max_page_count = {pages}")
    key, shape = MaskKey(tomogram, feature, "xy", 2), SHAPE[1:]
    for number in range(200):
        editor.submit(AddFeature("x" * 60 + str(number)))
    settled(editor)
    assert "No space left" in said(editor)
    kept = len(editor.snapshot.features)
    assert kept < 201
    assert len(project.features()) == kept
    connection.execute("PRAGMA max_page_count = 1000000")
    editor.submit(PaintStroke(tomogram, feature, 2, [(9, 9)], 3))
    settled(editor)
    assert editor.masks is not None
    until(editor, lambda: editor.masks and editor.masks.get(key, shape).any)
    assert editor.snapshot.annotated[feature] == (2,)
    for _ in range(kept):  # the stroke, and the features but for the first
        editor.undo()
    settled(editor)
    assert project.content_digest() == digest


def test_a_settings_folder_that_is_a_file_is_borne(folder: Path, good: Path) -> None:
    settings = folder / "settings of mine"
    settings.write_text("not a folder", encoding="utf-8")
    editor = Editor(settings, nothing)
    editor.save_settings()
    editor.open_paths([good])
    until(editor, lambda: settings.name in said(editor))
    settled(editor)
    path = folder / "named.aisproj"
    editor.new_project(path)
    until(editor, lambda: editor.document)
    lives_on(editor, good)
    editor.close()
    assert "unexpected" not in said(editor)
    assert settings.read_text(encoding="utf-8") == "not a folder"
    with Project.open(path) as project:
        assert len(project.features()) == 1


@pytest.mark.parametrize(
    "content", ["", "{", "[]", '{"theme": 3}', '{"window_size": ["a", 1]}', "\x00\xff" * 99, "null"]
)
def test_damaged_settings_are_set_aside(folder: Path, good: Path, content: str) -> None:
    settings = folder / "settings"
    settings.mkdir()
    (settings / FILE_NAME).write_bytes(content.encode("latin-1"))
    editor = Editor(settings, nothing)
    lives_on(editor, good)
    editor.close()
    assert (settings / f"{FILE_NAME}.bad").read_bytes() == content.encode("latin-1")
    assert Editor(settings, nothing).settings.recent_files == [str(good)]
