"""A tomogram is replaced by one of other dimensions: what was annotated is kept, and never drawn on another picture."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from soaking import moments
from windowless import nothing, picture, rest, said, settled, until

from ais.annotation import AddFeature, AddTomogram, PaintStroke, PlaceBoxes
from ais.errors import AisError
from ais.formats.registry import write_volume
from ais.gui.display import PLANES, Plane
from ais.gui.editor import Editor
from ais.gui.masks import MaskKey
from ais.gui.slice_reader import SliceRequest
from ais.project import Project

SHAPE = (24, 60, 70)
OTHER_SHAPES = [(24, 70, 60), (12, 60, 70), (40, 90, 100)]
SLICES = {"xy": 0, "xz": 1, "yz": 2}


@pytest.fixture
def values() -> np.ndarray:
    return np.random.default_rng(0).normal(0, 1, SHAPE).astype("f4")


@pytest.fixture
def path(tmp_path: Path, values: np.ndarray) -> Path:
    """An annotated tomogram's file, beside its project."""
    made = tmp_path / "TS 1.mrc"
    write_volume(made, values, voxel_sizes=10.0)
    with Project.create(tmp_path / "work.aisproj") as project:
        tomogram = project.apply(AddTomogram(made)).id
        feature = project.apply(AddFeature("membrane")).id
        project.apply(PaintStroke(tomogram, feature, 20, [(50, 5), (55, 60)], 3))
        project.apply(PlaceBoxes(tomogram, feature, [(20, 50, 60), (23, 59, 69)]))
    return made


@pytest.fixture
def editor(tmp_path: Path, path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Editor]:
    monkeypatch.setattr("ais.gui.slice_reader.LOOK_EVERY_S", 0.0)
    made = Editor(tmp_path / "settings", nothing)
    yield made
    made.close()
    assert "unexpected" not in said(made)


def digest(editor: Editor) -> str:
    assert editor.document is not None
    return editor.document.project.content_digest()


def renamed_over(path: Path, shape: tuple[int, int, int]) -> None:
    """As programs do that write beside it first."""
    write_volume(path, np.full(shape, 99.0, "f4"), voxel_sizes=10.0)


def written_over(path: Path, shape: tuple[int, int, int]) -> None:
    """As `cp` does: the same file, whose content changes under whoever has it open."""
    beside = path.with_name("other.mrc")
    write_volume(beside, np.full(shape, 99.0, "f4"), voxel_sizes=10.0)
    with path.open("r+b") as file:
        file.truncate(0)
        file.write(beside.read_bytes())


@pytest.mark.parametrize("replace", [renamed_over, written_over])
@pytest.mark.parametrize("shape", moments(OTHER_SHAPES[:2], OTHER_SHAPES))
def test_replaced_while_it_is_open(
    editor: Editor,
    path: Path,
    values: np.ndarray,
    replace: Callable[[Path, tuple[int, int, int]], None],
    shape: tuple[int, int, int],
) -> None:
    editor.open_paths([path.with_name("work.aisproj")])
    until(editor, lambda: editor.shown)
    settled(editor)
    before = digest(editor)
    for plane in PLANES:
        picture(editor, plane, 20)
    original = path.with_name("kept.mrc")
    shutil.copy(path, original)
    replace(path, shape)
    assert editor.shown is not None
    reader = editor.shown.reader
    wanted: list[tuple[Plane, int]] = [("xy", 3), ("xz", 55), ("yz", 65), ("xy", 23), ("xz", 1), ("yz", 0), ("xy", 20)]
    for plane, position in wanted:
        picture(editor, plane, position)
        newest = reader.newest(plane)
        assert newest is not None
        # Whatever is on the screen is of the tomogram that was annotated, at the place that is said.
        assert np.array_equal(newest[1], np.take(values, newest[0].position, SLICES[plane]))
    until(editor, lambda: "no longer the tomogram" in said(editor))
    for _ in range(3):
        editor.poll()
    assert said(editor).count("no longer the tomogram") == 1
    # Opened anew, it is not shown, nor is anything drawn.
    editor.reopen_tomogram()
    rest(editor)
    assert editor.shown is None
    assert "has changed" in said(editor)
    assert digest(editor) == before
    # The original is back: all is where it was.
    os.replace(original, path)
    editor.reopen_tomogram()
    until(editor, lambda: editor.shown)
    check_annotation(editor, values)
    assert digest(editor) == before


def check_annotation(editor: Editor, values: np.ndarray) -> None:
    settled(editor)
    assert editor.shown is not None
    assert editor.masks is not None
    found = picture(editor, "xy", 20)
    assert found is not None
    assert np.array_equal(found, values[20])
    key = MaskKey(editor.snapshot.tomograms[0].id, editor.snapshot.features[0].id, "xy", 20)
    until(editor, lambda: editor.masks and editor.masks.get(key, SHAPE[1:]).any)
    feature = editor.snapshot.features[0].id
    assert editor.snapshot.annotated == {feature: (20,)}
    assert [(box.z, box.y, box.x) for box in editor.snapshot.boxes[feature]] == [(20, 50, 60), (23, 59, 69)]


def test_replaced_while_the_project_is_closed(editor: Editor, path: Path, values: np.ndarray) -> None:
    project = path.with_name("work.aisproj")
    with Project.open(project) as opened:
        before = opened.content_digest()
    original = path.with_name("kept.mrc")
    for shape in OTHER_SHAPES:
        path.replace(original)
        renamed_over(path, shape)
        editor.open_paths([project])
        until(editor, lambda: "has changed" in said(editor))
        rest(editor)
        assert editor.shown is None
        assert str(shape) in said(editor)
        assert "unexpected" not in said(editor)
        assert digest(editor) == before
        # It is not taken for the one that was annotated by relinking either, and nobody trains on it.
        entry = editor.snapshot.tomograms[0]
        with Project.open(project, read_only=True) as reader, pytest.raises(AisError, match="has changed"):
            reader.open_tomogram(entry)
        original.replace(path)
        editor.reopen_tomogram()
        until(editor, lambda: editor.shown)
        check_annotation(editor, values)
        editor.close_project()
        rest(editor)
        editor.notices.said.clear()


def test_the_same_size_with_other_values_is_shown_as_it_is(editor: Editor, path: Path) -> None:
    editor.open_paths([path.with_name("work.aisproj")])
    until(editor, lambda: editor.shown)
    settled(editor)
    before = digest(editor)
    written_over(path, SHAPE)
    picture(editor, "xy", 2)
    until(editor, lambda: "has been changed since it was opened" in said(editor))
    editor.reopen_tomogram()
    until(editor, lambda: editor.shown)
    settled(editor)
    found = picture(editor, "xy", 7)
    assert found is not None
    assert (found == 99.0).all()
    assert editor.document is not None
    tomogram = editor.snapshot.tomograms[0].id
    # The numbers by which models see it are those of the values that are there now.
    assert editor.document.project.normalization(tomogram).center == pytest.approx(99.0)
    assert digest(editor) == before


def test_a_wish_for_a_picture_is_given_up_and_not_waited_for(editor: Editor, path: Path) -> None:
    editor.open_paths([path.with_name("work.aisproj")])
    until(editor, lambda: editor.shown)
    settled(editor)
    written_over(path, OTHER_SHAPES[0])
    assert editor.shown is not None
    reader = editor.shown.reader
    for z in range(SHAPE[0]):
        reader.request(SliceRequest("xy", z))
    until(editor, lambda: not reader.waiting("xy"))
    newest = reader.newest("xy")
    assert newest is None or not (newest[1] == 99.0).any()
