"""Commands for features, slices, boxes, import and export, run as menu and keys run them, with their sheets."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import ndimage

from ais.annotation import IGNORE, AddFeature, ClearSlice, DeleteFeature, PaintStroke
from ais.formats.coordinates import read_coordinates
from ais.formats.registry import write_volume
from ais.gui.commands import COMMANDS, command
from ais.gui.editor import Editor
from ais.gui.sheet import ChoiceField, NumberField, Sheet, TextField
from ais.gui.state import Tool
from ais.project import Project
from ais.tomogram import Tomogram

SHAPE = (12, 60, 70)


def settle(editor: Editor, condition: Callable[[], object] = lambda: True, seconds: float = 20.0) -> None:
    """Poll as the window does, until nothing is under way and the condition holds."""
    end = time.monotonic() + seconds
    while True:
        editor.poll()
        busy = editor.background.busy or editor.opening or (editor.document is not None and editor.document.busy)
        if not busy and condition():
            return
        assert time.monotonic() < end, [notice.text for notice in editor.notices.said]
        time.sleep(0.001)


@pytest.fixture
def editor(tmp_path: Path) -> Iterator[Editor]:
    """An editor with a tomogram and three features, the first one selected."""
    write_volume(tmp_path / "tomo.mrc", np.zeros(SHAPE, "f4"), voxel_sizes=10.0)
    made = Editor(tmp_path / "settings", lambda: None)
    made.open_paths([tmp_path / "tomo.mrc"])
    settle(made, lambda: made.shown is not None)
    for name in ("membrane", "ribosome", "actin"):
        made.submit(AddFeature(name, box_size=16))
    settle(made, lambda: len(made.snapshot.features) == 3 and made.state.feature is not None)
    yield made
    made.close()


def project(editor: Editor) -> Project:
    assert editor.document is not None
    return editor.document.project


def run(editor: Editor, name: str) -> None:
    """Run a command as a menu does: only if it can be."""
    assert command(name).enabled(editor), name
    command(name).run(editor)
    settle(editor)


def off(editor: Editor, *names: str) -> bool:
    return not any(command(name).enabled(editor) for name in names)


def sheet(editor: Editor) -> Sheet:
    (found,) = editor.shell.sheets
    return found


def fill_in(editor: Editor, *values: Any) -> None:
    """Enter values into the sheet, None to leave one, and accept it, as the panel does."""
    found = sheet(editor)
    for field, value in zip(found.fields, values, strict=False):
        if value is not None:
            field.value = value
    assert not found.problem()
    editor.shell.sheets.remove(found)
    found.on_accept()
    settle(editor)


def paint(editor: Editor, z: int, y: float, x: float, radius: float = 6.0, feature: int | None = None) -> None:
    target = editor.state.feature if feature is None else feature
    assert editor.state.tomogram is not None
    assert target is not None
    editor.submit(PaintStroke(editor.state.tomogram, target, z, [(y, x)], radius))
    settle(editor)


def mask(editor: Editor, z: int, feature: int | None = None) -> NDArray[np.bool_]:
    target = editor.state.feature if feature is None else feature
    assert editor.state.tomogram is not None
    assert target is not None
    if target == IGNORE:
        return project(editor).ignore(editor.state.tomogram, z) != 0
    return project(editor).mask(editor.state.tomogram, target, z) != 0


def said(editor: Editor) -> str:
    return " ".join(notice.text for notice in editor.notices.said)


def names(editor: Editor) -> list[str]:
    return [feature.name for feature in editor.snapshot.features]


def test_features_are_added_by_a_sheet(editor: Editor) -> None:
    run(editor, "feature.add")
    assert sheet(editor).problem()
    fill_in(editor, "microtubule")
    assert names(editor)[-1] == "microtubule"
    assert editor.state.feature == editor.snapshot.features[-1].id
    run(editor, "feature.add")
    (field,) = sheet(editor).fields
    assert isinstance(field, TextField)
    for text, problem in (
        ("Membrane ", "There is a feature Membrane already."),
        ("a", ""),
        (" ", "Name: type something."),
    ):
        field.value = text
        assert sheet(editor).problem() == problem
    fill_in(editor, "a/b")
    assert "cannot name a feature" in said(editor)
    assert len(names(editor)) == 4


def test_features_are_chosen_hidden_moved_and_renamed(editor: Editor) -> None:
    first, second, third = (feature.id for feature in editor.snapshot.features)
    run(editor, "feature.next")
    run(editor, "feature.next")
    run(editor, "feature.next")
    assert editor.state.feature == third
    run(editor, "feature.previous")
    assert editor.state.feature == second
    for name, attribute in (("feature.hide", "visible"), ("feature.outline", "outline")):
        before = getattr(editor.snapshot.feature(second), attribute)
        run(editor, name)
        assert getattr(editor.snapshot.feature(second), attribute) is not before
        assert command(name).checked is not None
        assert command(name).checked(editor)  # type: ignore[misc]
        run(editor, name)
        assert getattr(editor.snapshot.feature(second), attribute) is before
    run(editor, "feature.move_up")
    assert [feature.id for feature in editor.snapshot.features] == [second, first, third]
    run(editor, "feature.move_up")
    run(editor, "feature.move_down")
    run(editor, "feature.move_down")
    assert [feature.id for feature in editor.snapshot.features] == [first, third, second]
    run(editor, "feature.rename")
    assert editor.shell.renaming == ("feature", second)


def test_features_are_duplicated_merged_and_deleted(editor: Editor) -> None:
    first, second, third = (feature.id for feature in editor.snapshot.features)
    paint(editor, 3, 20, 20)
    run(editor, "feature.duplicate")
    copy = editor.state.feature
    assert copy not in (first, second, third)
    assert np.array_equal(mask(editor, 3), mask(editor, 3, first))
    paint(editor, 3, 40, 40)
    run(editor, "feature.merge")
    fill_in(editor, 1)  # of the others in order: membrane, ribosome, actin
    assert editor.state.feature == second
    assert mask(editor, 3)[[20, 40], [20, 40]].all()
    assert copy not in [feature.id for feature in editor.snapshot.features]
    run(editor, "feature.delete")
    assert editor.state.feature == third
    assert "undo brings it back" in said(editor)
    run(editor, "feature.delete")
    assert editor.state.feature == first
    run(editor, "feature.delete")
    assert editor.state.feature is None
    assert off(editor, "feature.delete", "feature.merge", "feature.rename", "slice.clear", "boxes.background")
    for _ in range(3):
        editor.undo()
        settle(editor)
    assert len(names(editor)) == 3
    assert mask(editor, 3, second).any()


def test_ignore_regions_are_painted_like_a_feature(editor: Editor) -> None:
    run(editor, "feature.ignore")
    assert editor.state.feature == IGNORE
    assert off(editor, "feature.rename", "feature.delete", "boxes.auto", "boxes.background", "feature.hide")
    paint(editor, 6, 20, 20)
    editor.sight.go_to(z=6)
    run(editor, "slice.grow")
    assert mask(editor, 6).sum() > 113
    run(editor, "feature.clear")
    assert not mask(editor, 6).any()
    assert "ignore regions" in editor.snapshot.history[-1].text
    run(editor, "feature.ignore")
    assert editor.state.feature == editor.snapshot.features[0].id


def test_slices_are_filled_grown_shrunk_and_cleared(editor: Editor) -> None:
    editor.sight.go_to(z=5)
    assert off(editor, "slice.fill_holes", "slice.grow", "slice.shrink", "slice.clear", "slice.copy_on")
    ring = [(30 + 12 * np.sin(a), 35 + 12 * np.cos(a)) for a in np.linspace(0, 2 * np.pi, 60)]
    assert editor.state.tomogram is not None
    assert editor.state.feature is not None
    editor.submit(PaintStroke(editor.state.tomogram, editor.state.feature, 5, ring, 2.0))
    settle(editor)
    before = mask(editor, 5)
    run(editor, "slice.fill_holes")
    filled = mask(editor, 5)
    assert np.array_equal(filled, ndimage.binary_fill_holes(before))
    assert filled.sum() > before.sum() + 250
    run(editor, "slice.grow")
    grown = mask(editor, 5)
    assert np.array_equal(grown, ndimage.distance_transform_edt(~filled) <= 1)
    run(editor, "slice.shrink")
    assert np.array_equal(mask(editor, 5), ndimage.distance_transform_edt(grown) > 1)
    run(editor, "slice.resize")
    fill_in(editor, 3.0, 0)
    run(editor, "slice.resize")
    found = sheet(editor)
    assert isinstance(found.fields[0], NumberField)
    found.fields[0].value = -1.0
    assert "0.1 to 2048 px" in found.problem()
    fill_in(editor, 3.0, 1)
    run(editor, "slice.clear")
    assert not mask(editor, 5).any()
    for _ in range(6):
        editor.undo()
    settle(editor)
    assert np.array_equal(mask(editor, 5), before)


def test_ten_slices_are_interpolated_and_annotated_slices_are_found(editor: Editor) -> None:
    assert off(editor, "slice.interpolate", "slice.interpolate_here", "slice.next_annotated")
    paint(editor, 0, 30, 30, 4)
    paint(editor, 11, 30, 30, 15)
    editor.sight.go_to(z=4)
    run(editor, "slice.interpolate")
    assert "Painted 10 slices between 0 and 11." in said(editor)
    radii = [np.sqrt(mask(editor, z).sum() / np.pi) for z in range(12)]
    assert np.allclose(radii, np.linspace(4, 15, 12), atol=0.6)
    assert off(editor, "slice.interpolate", "slice.interpolate_here")
    editor.undo()
    settle(editor)
    assert editor.snapshot.annotated[editor.state.feature or 0] == (0, 11)
    paint(editor, 5, 30, 25, 10)
    editor.sight.go_to(z=2)
    run(editor, "slice.interpolate_here")
    assert editor.snapshot.annotated[editor.state.feature or 0] == (0, 1, 2, 3, 4, 5, 11)
    run(editor, "slice.previous_annotated")
    assert editor.state.z == 1
    for expected in (2, 3, 4, 5, 11, 11):
        run(editor, "slice.next_annotated")
        assert editor.state.z == expected


def test_what_takes_long_is_on_the_list_of_jobs_until_it_ends(editor: Editor) -> None:
    paint(editor, 0, 30, 30, 4)
    paint(editor, 11, 30, 30, 15)
    assert editor.document is not None
    go_on = threading.Event()
    editor.document.ask(lambda _: go_on.wait(), lambda _: None)
    command("slice.interpolate").run(editor)
    assert [work.title for work in editor.background.works] == ["Interpolating"]
    go_on.set()
    settle(editor)
    assert not editor.background.works
    command("boxes.auto").run(editor)
    found = editor.shell.sheets.pop()
    editor.submit(ClearSlice(1, 1, 0))
    editor.submit(DeleteFeature(1))
    found.on_accept()  # for a feature that is gone by then
    settle(editor)
    assert not editor.background.works
    assert "no feature" in said(editor)


def test_a_slice_is_copied_on_back_and_to_another_feature(editor: Editor) -> None:
    first, second, _ = (feature.id for feature in editor.snapshot.features)
    paint(editor, 5, 20, 20)
    editor.sight.go_to(z=5)
    for z in (6, 7):
        run(editor, "slice.copy_on")
        assert editor.state.z == z
        assert np.array_equal(mask(editor, z), mask(editor, 5))
    editor.sight.go_to(z=5)
    run(editor, "slice.copy_back")
    assert editor.state.z == 4
    assert editor.snapshot.annotated[first] == (4, 5, 6, 7)
    paint(editor, 4, 40, 40, feature=second)
    run(editor, "slice.copy_to_feature")
    fill_in(editor, 0, 0, 1)  # ribosome, this slice, replacing
    assert np.array_equal(mask(editor, 4, second), mask(editor, 4))
    assert not mask(editor, 5, second).any()
    paint(editor, 5, 40, 40, feature=second)
    run(editor, "slice.copy_to_feature")
    fill_in(editor, 0, 1, 0)  # all slices, added
    assert mask(editor, 5, second)[[20, 40], [20, 40]].all()
    run(editor, "slice.copy_to_feature")
    fill_in(editor, 2, 1, 0)
    assert np.array_equal(mask(editor, 6, IGNORE), mask(editor, 6))
    editor.sight.go_to(z=11)
    assert off(editor, "slice.copy_on", "slice.copy_back")


def test_boxes_are_spread_over_the_annotation_and_the_background(editor: Editor) -> None:
    assert off(editor, "boxes.auto", "boxes.remove_all", "export.boxes")
    paint(editor, 3, 30, 30, 14)
    paint(editor, 8, 30, 40, 14)
    run(editor, "boxes.auto")
    fill_in(editor, 6.0, 0)
    assert editor.state.tomogram is not None
    assert editor.state.feature is not None
    boxes = project(editor).boxes(editor.state.tomogram, editor.state.feature)
    assert len(boxes) == 6
    assert all(mask(editor, box.z)[box.y, box.x] for box in boxes)
    assert "Placed 6 boxes." in said(editor)
    editor.sight.go_to(z=8)
    run(editor, "boxes.background")
    fill_in(editor, 5.0, 1)
    negative = [b for b in project(editor).boxes(editor.state.tomogram, editor.state.feature) if b.negative]
    assert {box.z for box in negative} == {8}
    assert not any(mask(editor, box.z)[box.y, box.x] for box in negative)
    run(editor, "boxes.auto")
    fill_in(editor, 90_000.0, 0)
    assert "There was room for" in said(editor)
    run(editor, "boxes.remove_all")
    assert not project(editor).boxes(editor.state.tomogram, editor.state.feature)


def test_the_lasso_threshold_is_set_by_a_sheet(editor: Editor) -> None:
    run(editor, "tools.threshold")
    fill_in(editor, 1, -3.5, 1)
    state = editor.state
    assert (state.lasso_threshold, state.lasso_level, state.lasso_brighter, state.tool) == (
        True,
        -3.5,
        True,
        Tool.LASSO,
    )
    run(editor, "tools.threshold")
    fill_in(editor, 0, None, 0)
    assert (state.lasso_level, state.lasso_brighter) == (None, False)
    run(editor, "tools.lasso_threshold")
    assert not state.lasso_threshold


def test_tools_are_taken_and_put_back(editor: Editor) -> None:
    for name, tool in (("flood", Tool.FLOOD), ("lasso", Tool.LASSO), ("measure", Tool.MEASURE), ("crop", Tool.CROP)):
        run(editor, f"tools.{name}")
        assert editor.state.tool is tool
        run(editor, f"tools.{name}")
        assert editor.state.tool is Tool.BRUSH
    assert off(editor, "tools.flood_more", "tools.flood_less", "tools.close_outline", "tools.cancel")
    run(editor, "tools.flood")
    for _ in range(30):
        run(editor, "tools.flood_more")
    assert editor.state.flood_sensitivity == 1.0
    run(editor, "tools.flood_less")
    assert editor.state.flood_sensitivity == 0.95


def test_masks_are_imported_and_exported(editor: Editor, tmp_path: Path) -> None:
    rng = np.random.default_rng(3)
    labels = rng.integers(0, 4, SHAPE).astype("i2")
    write_volume(tmp_path / "labels.mrc", labels, voxel_sizes=10.0)
    for value, how, expected in ((2.0, 2, labels == 2), (3.0, 1, labels >= 3), (9.0, 0, labels > 0)):
        editor.dialogs.answers.append([tmp_path / "labels.mrc"])
        run(editor, "annotation.import_mask")
        fill_in(editor, how, value, 1)
        assert all(np.array_equal(mask(editor, z), expected[z]) for z in range(SHAPE[0]))
    assert "Imported 12 slices of labels.mrc." in said(editor)
    assert editor.snapshot.history[-1].text == "Import labels.mrc into tomo"

    editor.dialogs.answers.append([tmp_path / "out.mrc"])
    run(editor, "export.annotation")
    with Tomogram.open(tmp_path / "out.mrc") as written:
        assert np.array_equal(np.asarray(written.raw(0, SHAPE[0])) > 0, labels > 0)
        assert written.voxel_size == pytest.approx(10.0)

    editor.sight.go_to(z=7)
    editor.dialogs.answers.append([tmp_path / "slice.png"])
    run(editor, "export.slice")
    run(editor, "slice.clear")
    assert off(editor, "export.slice")
    editor.dialogs.answers.append([tmp_path / "slice.png"])
    run(editor, "annotation.import_slice")
    fill_in(editor, 0, None, 0)
    assert np.array_equal(mask(editor, 7), labels[7] > 0)
    assert f"Wrote {tmp_path / 'slice.png'}." in said(editor)


def test_a_mask_of_another_shape_is_refused_and_the_job_ends(editor: Editor, tmp_path: Path) -> None:
    write_volume(tmp_path / "small.mrc", np.ones((2, 3, 4), "i1"), voxel_sizes=10.0)
    (tmp_path / "broken.mrc").write_bytes(b"no volume")
    digest = project(editor).content_digest()
    for name, words in (("small.mrc", "(2, 3, 4)"), ("broken.mrc", "broken.mrc")):
        editor.dialogs.answers.append([tmp_path / name])
        run(editor, "annotation.import_mask")
        fill_in(editor)
        assert words in editor.notices.said[-1].text
        assert not editor.background.works
    assert project(editor).content_digest() == digest


def test_an_import_that_is_cancelled_leaves_no_trace(editor: Editor, tmp_path: Path) -> None:
    write_volume(tmp_path / "ones.mrc", np.ones(SHAPE, "i1"), voxel_sizes=10.0)
    digest = project(editor).content_digest()
    editor.dialogs.answers.append([tmp_path / "ones.mrc"])
    run(editor, "annotation.import_mask")
    assert editor.document is not None
    go_on = threading.Event()
    editor.document.ask(lambda _: go_on.wait(), lambda _: None)
    editor.shell.sheets.pop().on_accept()
    editor.background.works[-1].cancel()
    go_on.set()
    settle(editor)
    assert project(editor).content_digest() == digest
    assert not editor.background.works
    assert "unexpected" not in said(editor)


def test_boxes_and_picks_are_exported(editor: Editor, tmp_path: Path) -> None:
    from ais.annotation import AddPicks, PlaceBoxes

    assert editor.state.tomogram is not None
    assert editor.state.feature is not None
    where = editor.state.tomogram, editor.state.feature
    positions = [(3, 20, 30), (5, 40, 50)]
    editor.submit(PlaceBoxes(*where, positions))
    editor.submit(PlaceBoxes(*where, [(1, 2, 3)], negative=True))
    editor.submit(AddPicks(*where, [(2.5, 20.25, 30.0)]))
    settle(editor)
    for which, expected in ((0, positions), (1, [(1, 2, 3)])):
        editor.dialogs.answers.append([tmp_path / f"boxes{which}.txt"])
        run(editor, "export.boxes")
        fill_in(editor, 0, which)
        found = read_coordinates(tmp_path / f"boxes{which}.txt").positions
        assert np.array_equal(found[:, ::-1], expected)
    editor.dialogs.answers.append([tmp_path / "picks.star"])
    run(editor, "export.picks")
    fill_in(editor, 0, 1)  # Warp: pixels in one file
    found = read_coordinates(tmp_path / "picks.star", voxel_size=10.0).positions
    assert np.allclose(found, [(30.0, 20.25, 2.5)])
    editor.dialogs.answers.append([tmp_path / "picks.star" / "x.txt"])
    run(editor, "export.picks")
    fill_in(editor)
    assert "picks.star" in editor.notices.said[-1].text
    assert editor.notices.said[-1].kind == "problem"


def test_every_command_can_be_asked_and_run_without_a_project(tmp_path: Path) -> None:
    editor = Editor(tmp_path / "settings", lambda: None)
    mine = [item for item in COMMANDS if item.menu.split("/")[0] in ("Feature", "Tools", "Export")]
    assert len(mine) > 40
    for item in mine:
        assert not item.enabled(editor) or item.name == "feature.library", item.name
        if item.checked is not None:
            item.checked(editor)
    editor.close()


def test_every_shortcut_is_that_of_one_command() -> None:
    shortcuts = [keys.casefold() for item in COMMANDS for keys in item.shortcut.split()]
    assert len(shortcuts) == len(set(shortcuts))


@pytest.mark.parametrize(
    ("field", "problem"),
    [
        (NumberField("Boxes", 0, 1, 10, whole=True), "Boxes: 1 to 10."),
        (NumberField("By", 11.0, 0.5, 10, "px"), "By: 0.5 to 10 px."),
        (NumberField("By", float("nan"), 0.5, 10, "px"), "By: 0.5 to 10 px."),
        (NumberField("By", 10.0, 0.5, 10, "px"), ""),
        (ChoiceField("Into", []), "Into: there is nothing to choose from."),
        (ChoiceField("Into", ["a"]), ""),
        (TextField("Name", "  "), "Name: type something."),
        (TextField("Name", "a"), ""),
    ],
)
def test_what_is_wrong_with_a_field(field: NumberField | ChoiceField | TextField, problem: str) -> None:
    assert Sheet("Title", "Do", (field,), lambda: None).problem() == problem
