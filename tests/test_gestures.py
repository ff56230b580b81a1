"""What the mouse does in a view: what is shown during a drag is what the project holds after it, and nothing else."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from ais.annotation import IGNORE, AddFeature, AddTomogram, DeleteFeature, PaintStroke, flood_region
from ais.formats.registry import write_volume
from ais.gui.commands import command
from ais.gui.display import Plane
from ais.gui.document import Crop
from ais.gui.editor import Editor
from ais.gui.masks import PAINTED, MaskKey
from ais.gui.state import Tool
from ais.gui.tools import Pointer
from ais.gui.tools.brush_radius import brush_radius, set_brush_radius, step_brush_radius
from ais.gui.tools.flood_preview import FloodPreview
from ais.gui.tools.gestures import Button, begin, tool_at_hand
from ais.project import Project

SHAPE = (8, 60, 70)
PICTURES: dict[Plane, tuple[int, int]] = {"xy": (60, 70), "xz": (8, 70), "yz": (8, 60)}
BLOB = (30, 35, 9)  # y, x, radius of a dark disc through all slices
Mask = NDArray[np.uint8]
Path_ = list[tuple[float, float]]


def nothing() -> None:
    """What wakes no window."""


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


def volume() -> NDArray[np.float32]:
    y, x = np.indices(SHAPE[1:])
    noise = np.random.default_rng(0).normal(0, 0.2, SHAPE)
    return (noise - 3.0 * (np.hypot(y - BLOB[0], x - BLOB[1]) <= BLOB[2])).astype(np.float32)


def make_editor(folder: Path) -> Editor:
    for name in ("first", "second"):
        write_volume(folder / f"{name}.mrc", volume(), voxel_sizes=10.0)
    editor = Editor(folder / "settings", nothing)
    editor.open_paths([folder / "first.mrc"])
    settle(editor, lambda: editor.shown is not None)
    editor.submit(AddTomogram(folder / "second.mrc"))
    for name in ("membrane", "ribosome"):
        editor.submit(AddFeature(name, brush_radius=4.0, box_size=16))
    settle(editor, lambda: len(editor.snapshot.features) == 2 and editor.state.feature is not None)
    editor.sight.go_to(z=3)
    return editor


@pytest.fixture
def editor(tmp_path: Path) -> Iterator[Editor]:
    """An editor with a dark disc on the screen and two features."""
    made = make_editor(tmp_path)
    yield made
    made.close()


@pytest.fixture(scope="module")
def long_lived(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Editor]:
    """One editor for all examples of the property tests: what they leave behind is what the next one begins with."""
    made = make_editor(tmp_path_factory.mktemp("gestures"))
    yield made
    made.close()


def project(editor: Editor) -> Project:
    assert editor.document is not None
    return editor.document.project


def key_of(editor: Editor, plane: Plane = "xy", position: int = 3) -> MaskKey:
    assert editor.state.tomogram is not None
    assert editor.state.feature is not None
    return MaskKey(editor.state.tomogram, editor.state.feature, plane, position)


def shown(editor: Editor, key: MaskKey) -> Mask:
    assert editor.masks is not None
    return editor.masks.get(key, PICTURES[key.plane]).bits // PAINTED


def settled_mask(editor: Editor, key: MaskKey) -> Mask:
    """The mask on the screen once it has been read."""
    shown(editor, key)
    settle(editor)
    return shown(editor, key)


def held(editor: Editor, key: MaskKey) -> Mask:
    """The mask as the project has it, from its volume and not through the window."""
    whole = np.stack(list(project(editor).mask_volume(key.tomogram, key.feature)))
    return {"xy": whole[key.position], "xz": whole[:, key.position], "yz": whole[:, :, key.position]}[key.plane]


def follow(editor: Editor, path: Path_, button: Button = "left", at: int = 3, plane: Plane = "xy", **keys: Any) -> None:
    """Press at the first point and move through the others, as a view does."""
    editor.gesture = begin(editor, Pointer(plane, at, *path[0], **keys), button)
    for point in path[1:]:
        if editor.gesture is not None:
            editor.gesture.move(Pointer(plane, at, *point, **keys))


def release(editor: Editor, path: Path_, at: int = 3, plane: Plane = "xy", **keys: Any) -> None:
    gesture, editor.gesture = editor.gesture, None
    assert gesture is not None
    gesture.release(Pointer(plane, at, *path[-1], **keys))


def drag(editor: Editor, path: Path_, button: Button = "left", at: int = 3, plane: Plane = "xy", **keys: Any) -> None:
    follow(editor, path, button, at, plane, **keys)
    if editor.gesture is not None:
        release(editor, path, at, plane, **keys)


def said(editor: Editor) -> str:
    return " ".join(notice.text for notice in editor.notices.said)


def near_path(shape: tuple[int, int], path: Path_) -> NDArray[np.float64]:
    """Distance of every pixel to a path, by looking at every piece of it."""
    rows, columns = np.indices(shape)
    best = np.full(shape, np.inf)
    for (r0, c0), (r1, c1) in zip(path, path[1:] or path, strict=False):
        length = (r1 - r0) ** 2 + (c1 - c0) ** 2
        along = ((rows - r0) * (r1 - r0) + (columns - c0) * (c1 - c0)) / (length or 1.0)
        along = np.clip(along, 0, 1)
        best = np.minimum(best, np.hypot(rows - r0 - along * (r1 - r0), columns - c0 - along * (c1 - c0)))
    return best


points = st.tuples(st.floats(-20, 80), st.floats(-20, 90))
paths = st.lists(points, min_size=1, max_size=6)
corner_lists = st.lists(points, min_size=3, max_size=8, unique_by=lambda point: (round(point[0]), round(point[1])))


# The round brush


@given(
    paths, st.floats(0.5, 15), st.sampled_from(["left", "right"]), st.sampled_from(["xy", "xz", "yz"]), st.booleans()
)
def test_a_stroke_shows_what_it_saves(
    long_lived: Editor, path: Path_, radius: float, button: Button, plane: Plane, ignore: bool
) -> None:
    editor = long_lived
    settle(editor)
    editor.select_feature(IGNORE if ignore else editor.snapshot.features[0].id)
    command("tools.brush").run(editor)
    if ignore:
        editor.state.ignore_radius = radius
    else:
        set_brush_radius(editor, radius)
    key = key_of(editor, plane)
    before = settled_mask(editor, key)
    follow(editor, path, button, plane=plane)
    during = shown(editor, key)
    distance = near_path(PICTURES[plane], path)
    surely, perhaps = distance <= radius - 1e-4, distance <= radius + 1e-4
    value = 1 if button == "left" else 0
    assert (during[surely] == value).all()
    assert np.array_equal(during[~perhaps], before[~perhaps])
    release(editor, path, plane=plane)
    assert np.array_equal(shown(editor, key), during)
    settle(editor)
    assert np.array_equal(held(editor, key), during)
    assert np.array_equal(settled_mask(editor, key), during)


@given(paths, st.sampled_from(["left", "right"]), st.sampled_from(["xy", "xz", "yz"]))
def test_a_cancelled_stroke_leaves_no_trace(long_lived: Editor, path: Path_, button: Button, plane: Plane) -> None:
    editor = long_lived
    settle(editor, lambda: editor.state.radius_wish is None)
    editor.select_feature(editor.snapshot.features[1].id)
    command("tools.brush").run(editor)
    key = key_of(editor, plane)
    before = settled_mask(editor, key)
    digest, entries = project(editor).content_digest(), project(editor).history_length()
    follow(editor, path, button, plane=plane)
    editor.cancel_gesture()
    settle(editor)
    assert np.array_equal(settled_mask(editor, key), before)
    assert (project(editor).content_digest(), project(editor).history_length()) == (digest, entries)


def test_two_quick_strokes_before_the_first_is_saved(editor: Editor) -> None:
    key = key_of(editor)
    settled_mask(editor, key)
    drag(editor, [(10.0, 10.0), (10.0, 30.0)])
    drag(editor, [(10.0, 20.0), (40.0, 20.0)], "right")
    follow(editor, [(50.0, 10.0), (50.0, 60.0)])
    during = shown(editor, key)
    for _ in range(20):  # what was read meanwhile must not undo what the third stroke shows
        editor.poll()
        time.sleep(0.005)
        assert np.array_equal(shown(editor, key), during)
    release(editor, [(50.0, 60.0)])
    settle(editor)
    assert np.array_equal(held(editor, key), during)
    assert np.array_equal(settled_mask(editor, key), during)
    assert [entry.text.split()[0] for entry in editor.snapshot.history[-3:]] == ["Paint", "Erase", "Paint"]


@pytest.mark.parametrize("button", ["left", "right"])
def test_what_was_painted_before_comes_up_under_a_stroke_that_began_too_soon(editor: Editor, button: Button) -> None:
    key = key_of(editor, position=6)
    editor.submit(PaintStroke(key.tomogram, key.feature, 6, [(10.0, 10.0), (10.0, 60.0)], 4.0))
    settle(editor)
    before = held(editor, key)
    follow(editor, [(5.0, 30.0), (40.0, 30.0)], button, at=6)
    settle(editor)
    during = shown(editor, key)
    if button == "left":
        assert during[before != 0].all()
        assert during[40, 30]
    assert editor.gesture is not None
    release(editor, [(40.0, 30.0)], at=6)
    settle(editor)
    assert np.array_equal(settled_mask(editor, key), held(editor, key))
    assert held(editor, key)[10, 12]
    assert bool(held(editor, key)[10, 30]) == (button == "left")
    if button == "left":
        assert np.array_equal(held(editor, key), during)


def test_a_stroke_over_several_slices_is_one_edit(editor: Editor) -> None:
    editor.gesture = begin(editor, Pointer("xy", 3, 20.0, 20.0), "left")
    assert editor.gesture is not None
    editor.gesture.move(Pointer("xy", 3, 20.0, 30.0))
    editor.gesture.move(Pointer("xy", 4, 20.0, 30.0))
    editor.gesture.move(Pointer("xy", 4, 40.0, 30.0))
    during = [shown(editor, key_of(editor, position=z)) for z in (3, 4)]
    release(editor, [(40.0, 30.0)], at=4)
    settle(editor)
    assert all(np.array_equal(held(editor, key_of(editor, position=z)), during[z - 3]) for z in (3, 4))
    assert not during[0][40, 30]
    assert during[1][40, 30]
    editor.undo()
    settle(editor)
    assert not project(editor).annotated_slices(key_of(editor).tomogram, key_of(editor).feature)


@pytest.mark.parametrize("plane", ["xy", "xz"])
def test_a_stroke_that_cannot_be_saved_is_taken_back_and_said(editor: Editor, plane: Plane) -> None:
    key = key_of(editor, plane)
    drag(editor, [(3.0, 20.0), (3.0, 30.0)], plane=plane)
    settle(editor)
    before = settled_mask(editor, key)
    assert before.any()
    connection = project(editor)._database.connection
    pages = connection.execute("PRAGMA page_count").fetchone()[0]
    connection.execute(f"PRAGMA max_page_count = {pages}")
    rng = np.random.default_rng(1)
    for _ in range(60):  # until the space that is left inside the file is used up
        path = [(float(a), float(b)) for a, b in rng.uniform(0, 60, (3, 2))]
        drag(editor, path, "right" if rng.random() < 0.5 else "left", plane=plane)
        lost = shown(editor, key)
        settle(editor)
        if "No space left" in said(editor):
            break
        before = settled_mask(editor, key)
    assert "No space left" in said(editor)
    assert not np.array_equal(lost, before)
    assert np.array_equal(settled_mask(editor, key), before)
    assert np.array_equal(held(editor, key), before)
    connection.execute("PRAGMA max_page_count = 1000000")
    drag(editor, [(5.0, 5.0), (5.0, 9.0)], plane=plane)
    settle(editor)
    assert held(editor, key)[5, 7]
    assert held(editor, key)[before != 0].all()


def test_undo_during_a_stroke_cancels_it_and_nothing_else(editor: Editor) -> None:
    key = key_of(editor)
    drag(editor, [(10.0, 10.0), (10.0, 20.0)])
    settle(editor)
    first = held(editor, key)
    follow(editor, [(40.0, 10.0), (40.0, 30.0)])
    editor.undo()
    settle(editor)
    assert np.array_equal(settled_mask(editor, key), first)
    assert np.array_equal(held(editor, key), first)
    editor.undo()
    settle(editor)
    assert not held(editor, key).any()


@pytest.mark.parametrize("tool", [Tool.BRUSH, Tool.FLOOD, Tool.LASSO, Tool.BOX, Tool.PICK, Tool.MEASURE, Tool.CROP])
@pytest.mark.parametrize("what", ["feature", "tomogram", "project", "feature deleted"])
def test_switching_in_the_middle_of_a_drag_saves_nothing_wrong(editor: Editor, tool: Tool, what: str) -> None:
    drag(editor, [(10.0, 10.0), (10.0, 20.0)])
    settle(editor)
    digest = project(editor).content_digest()
    editor.state.tool = tool
    path = [(30.0, 30.0), (30.0, 36.0), (36.0, 36.0), (36.0, 30.0)]
    follow(editor, path)
    if what == "feature":
        editor.select_feature(editor.snapshot.features[1].id)
    elif what == "tomogram":
        editor.select_neighbour(1)
    elif what == "project":
        old = project(editor).path
        editor.close_project()
        settle(editor)
        editor.open_project(old)
        settle(editor, lambda: editor.shown is not None)
    else:
        editor.submit(DeleteFeature(editor.snapshot.features[0].id))
        settle(editor)
        editor.undo()
        if editor.gesture is None:
            editor.undo()
        settle(editor)
        if editor.gesture is not None:
            editor.cancel_gesture()
            editor.undo()
            settle(editor)
    settle(editor)
    assert editor.gesture is None
    assert project(editor).content_digest() == digest
    assert (editor.state.dragged, editor.state.crop_corners) == (None, None)


def test_a_feature_that_is_deleted_under_a_stroke_gives_a_sentence(editor: Editor) -> None:
    follow(editor, [(10.0, 10.0), (10.0, 20.0)])
    assert editor.document is not None
    editor.document.submit(DeleteFeature(editor.snapshot.features[0].id))
    settle(editor)
    assert editor.gesture is not None
    release(editor, [(10.0, 20.0)])
    settle(editor)
    assert "no feature" in said(editor)
    assert "unexpected" not in said(editor)


def test_without_a_feature_the_user_is_told_to_add_one(editor: Editor) -> None:
    for feature in editor.snapshot.features:
        editor.submit(DeleteFeature(feature.id))
    settle(editor)
    for tool in (Tool.BRUSH, Tool.FLOOD, Tool.LASSO, Tool.BOX, Tool.PICK):
        editor.notices.said.clear()
        editor.state.tool = tool
        drag(editor, [(10.0, 10.0), (10.0, 20.0)])
        assert "add one first" in said(editor)
    assert not project(editor).features()


def test_a_hidden_feature_is_not_painted(editor: Editor) -> None:
    command("feature.hide").run(editor)
    settle(editor)
    for tool in (Tool.BRUSH, Tool.FLOOD, Tool.LASSO, Tool.BOX, Tool.PICK):
        editor.state.tool = tool
        editor.notices.said.clear()
        drag(editor, [(10.0, 10.0), (10.0, 30.0), (30.0, 30.0)])
        settle(editor)
        assert "is hidden: show it first (X)" in said(editor)
    assert editor.snapshot.undo_text.startswith("Change visible")


def test_undo_takes_the_last_corner_of_an_open_outline_back(editor: Editor) -> None:
    drag(editor, [(10.0, 10.0), (10.0, 30.0)])
    settle(editor)
    text = editor.snapshot.undo_text
    editor.state.tool = Tool.LASSO
    for corner in ((10.0, 10.0), (30.0, 10.0), (30.0, 30.0)):
        drag(editor, [corner])
    editor.undo()
    settle(editor)
    assert editor.state.outline == [(10.0, 10.0), (30.0, 10.0)]
    assert editor.snapshot.undo_text == text
    for _ in range(3):
        editor.undo()
    settle(editor)
    assert not editor.state.outline
    assert editor.snapshot.undo_text != text


def test_a_project_that_can_only_be_read_is_not_painted(editor: Editor, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Editor, "read_only", True)
    for tool in Tool:
        editor.state.tool = tool
        editor.notices.said.clear()
        drag(editor, [(10.0, 10.0), (10.0, 30.0), (30.0, 30.0)])
        settle(editor)
        assert ("read" in said(editor)) == (tool is not Tool.MEASURE)
    assert not shown(editor, key_of(editor)).any()


# The flood brush


@given(paths, st.floats(2, 20), st.floats(0, 1))
def test_a_flood_stroke_shows_what_it_saves(long_lived: Editor, path: Path_, radius: float, sensitivity: float) -> None:
    editor = long_lived
    settle(editor)
    editor.select_feature(editor.snapshot.features[1].id)
    editor.state.tool, editor.state.flood_sensitivity = Tool.FLOOD, sensitivity
    set_brush_radius(editor, radius)
    key = key_of(editor)
    before = settled_mask(editor, key)
    follow(editor, path)
    release(editor, path)
    settle(editor)
    after = held(editor, key)
    assert np.array_equal(settled_mask(editor, key), after)
    assert (after >= before).all()
    # Every dab is the same as that of the method itself, at the first point and inside the swept disc.
    picture = volume()[3]
    y0, x0, mask = flood_region(picture, path[0], radius, sensitivity)
    assert after[y0 : y0 + mask.shape[0], x0 : x0 + mask.shape[1]][mask != 0].all()
    assert not (after > before)[near_path(PICTURES["xy"], path) > radius + 1e-4].any()


def test_a_click_of_the_flood_brush_fills_the_disc_and_not_more(editor: Editor) -> None:
    editor.state.tool = Tool.FLOOD
    set_brush_radius(editor, 20.0)
    preview = FloodPreview()
    pointer = Pointer("xy", 3, 31.0, 36.0)
    settle(editor, lambda: preview.at(editor, pointer) is not None)
    region = preview.at(editor, pointer)
    assert region is not None
    drag(editor, [(31.0, 36.0)])
    settle(editor)
    y, x = np.indices(SHAPE[1:])
    truth = np.hypot(y - BLOB[0], x - BLOB[1]) <= BLOB[2]
    painted = held(editor, key_of(editor)) != 0
    assert 2 * (painted & truth).sum() / (painted.sum() + truth.sum()) > 0.95
    y0, x0, mask = region  # the preview is what the click paints
    previewed = np.zeros_like(painted)
    previewed[y0 : y0 + mask.shape[0], x0 : x0 + mask.shape[1]] = mask != 0
    assert np.array_equal(previewed, painted)
    assert editor.snapshot.history[-1].text.startswith("Flood")


def test_the_preview_is_there_for_the_flood_brush_only(editor: Editor) -> None:
    preview, pointer = FloodPreview(), Pointer("xy", 3, 31.0, 36.0)
    for _ in range(3):
        assert preview.at(editor, pointer) is None
        settle(editor)
    editor.state.tool = Tool.FLOOD
    settle(editor, lambda: preview.at(editor, pointer) is not None)
    assert preview.at(editor, Pointer("xz", 3, 4.0, 36.0)) is None
    assert preview.at(editor, Pointer("xy", 5, 31.0, 36.0)) is None  # that of another slice is not shown in its place
    follow(editor, [(31.0, 36.0)])
    assert preview.at(editor, pointer) is None
    editor.cancel_gesture()


def test_a_flood_stroke_faster_than_its_dabs_is_finished_after_the_release(editor: Editor) -> None:
    editor.state.tool = Tool.FLOOD
    set_brush_radius(editor, 2.0)
    drag(editor, [(30.0, 27.0), (30.0, 43.0), (24.0, 35.0), (36.0, 35.0), (30.0, 27.0)])
    settle(editor)
    key = key_of(editor)
    assert held(editor, key)[30, 28:43].mean() > 0.9
    assert np.array_equal(settled_mask(editor, key), held(editor, key))


def test_a_flood_stroke_in_a_slice_that_has_not_been_read_is_painted_with_the_edit(editor: Editor) -> None:
    editor.state.tool = Tool.FLOOD
    set_brush_radius(editor, 20.0)
    drag(editor, [(31.0, 36.0)], at=7)
    assert not shown(editor, key_of(editor, position=7)).any()
    settle(editor)
    y0, x0, mask = flood_region(volume()[7], (31.0, 36.0), 20.0, editor.state.flood_sensitivity)
    expected = np.zeros(SHAPE[1:], np.uint8)
    expected[y0 : y0 + mask.shape[0], x0 : x0 + mask.shape[1]] = mask
    assert expected.any()
    assert np.array_equal(held(editor, key_of(editor, position=7)), expected)


@pytest.mark.parametrize("tool", [Tool.BRUSH, Tool.FLOOD, Tool.LASSO])
@pytest.mark.parametrize("threshold", [False, True])
def test_what_was_drawn_just_before_the_window_closes_is_kept(tmp_path: Path, tool: Tool, threshold: bool) -> None:
    editor = make_editor(tmp_path)
    key, path = key_of(editor), project(editor).path
    editor.state.tool, editor.state.lasso_threshold = tool, threshold
    drag(editor, [(28.0, 28.0), (28.0, 42.0), (38.0, 42.0), (38.0, 28.0), (28.0, 30.0)])
    editor.close()
    with Project.open(path) as kept:
        assert kept.mask(key.tomogram, key.feature, key.position).sum() > 80


# The lasso


@given(corner_lists, st.booleans(), st.booleans())
def test_a_lasso_shows_what_it_saves(long_lived: Editor, corners: Path_, erase: bool, clicks: bool) -> None:
    editor = long_lived
    settle(editor)
    editor.select_feature(editor.snapshot.features[1].id)
    editor.state.tool, editor.state.lasso_threshold = Tool.LASSO, False
    editor.state.outline = []
    key = key_of(editor)
    before = settled_mask(editor, key)
    if not clicks:
        drag(editor, corners, alt=erase, scale=1000.0)
    else:
        for corner in corners:
            drag(editor, [corner], alt=erase, scale=1e6)
        command("tools.close_outline").run(editor)
    during = shown(editor, key)
    settle(editor)
    after = held(editor, key)
    assert np.array_equal(after, during)
    assert np.array_equal(settled_mask(editor, key), after)
    dragged = any(math.dist(corners[0], corner) * 1000 > 6 for corner in corners)
    assert bool(editor.state.outline) == (not clicks and not dragged)  # else it was a click, and stays open
    inside = enclosed(PICTURES["xy"], corners)
    value = 0 if erase else 1
    assert (after[inside] == value).all()
    far = ~inside & (near_path(PICTURES["xy"], [*corners, corners[0]]) > 0.1)
    assert np.array_equal(after[far], before[far])


def enclosed(shape: tuple[int, int], corners: Path_) -> NDArray[np.bool_]:
    """Pixels around which an outline winds, by the angle that it turns through as seen from each of them."""
    rows, columns = np.indices(shape)
    closed = np.array([*corners, corners[0]])
    angle = np.arctan2(closed[:, 0, None, None] - rows, closed[:, 1, None, None] - columns)
    turns = np.diff(angle, axis=0)
    turned = ((turns + np.pi) % (2 * np.pi) - np.pi).sum(axis=0) / (2 * np.pi)
    sure = near_path(shape, [*corners, corners[0]]) > 1e-3
    return (np.abs(turned) > 0.5) & sure


def test_a_lasso_of_clicks_is_closed_at_its_first_corner_and_by_a_double_click(editor: Editor) -> None:
    editor.state.tool = Tool.LASSO
    square = [(10.0, 10.0), (10.0, 40.0), (40.0, 40.0), (40.0, 10.0)]
    for last in (square[0], square[-1]):
        for corner in [*square, last]:
            drag(editor, [corner])
        assert not editor.state.outline
        settle(editor)
        assert held(editor, key_of(editor)).sum() == 31 * 31
        assert held(editor, key_of(editor))[10:41, 10:41].all()
        editor.undo()
        settle(editor)
        assert not held(editor, key_of(editor)).any()


def test_escape_gives_an_outline_up_and_the_next_slice_begins_anew(editor: Editor) -> None:
    editor.state.tool = Tool.LASSO
    for corner in [(10.0, 10.0), (10.0, 40.0), (40.0, 40.0)]:
        drag(editor, [corner])
    assert len(editor.state.outline) == 3
    command("tools.cancel").run(editor)
    assert not editor.state.outline
    drag(editor, [(10.0, 10.0)])
    drag(editor, [(20.0, 20.0)], at=4)
    assert (editor.state.outline, editor.state.outline_position) == ([(20.0, 20.0)], 4)
    settle(editor)
    assert len(editor.snapshot.history) == 4


@pytest.mark.parametrize("brighter", [False, True])
@pytest.mark.parametrize("level", [None, -1.5, -100.0])
def test_a_threshold_inside_the_lasso(editor: Editor, brighter: bool, level: float | None) -> None:
    state = editor.state
    state.tool, state.lasso_threshold, state.lasso_brighter, state.lasso_level = Tool.LASSO, True, brighter, level
    square = [(15.0, 20.0), (15.0, 50.0), (45.0, 50.0), (45.0, 20.0)]
    drag(editor, [*square, square[0]])
    settle(editor)
    painted, picture = held(editor, key_of(editor)) != 0, volume()[3]
    inside = np.zeros(SHAPE[1:], bool)
    inside[15:46, 20:51] = True
    limit = -1.5 if level is None else level  # any value between the disc and the rest divides the two
    assert np.array_equal(painted, inside & ((picture > limit) if brighter else (picture < limit)))
    assert ("Nothing in the outline" in said(editor)) == (not painted.any())


def test_the_lasso_works_in_xy_only(editor: Editor) -> None:
    for tool in (Tool.LASSO, Tool.FLOOD):
        editor.state.tool = tool
        drag(editor, [(2.0, 10.0), (6.0, 40.0), (4.0, 20.0)], plane="xz")
        assert "XY view" in editor.notices.said[-1].text
        assert not editor.state.outline


# Boxes and picks


def boxes(editor: Editor) -> list[tuple[int, int, int, bool]]:
    key = key_of(editor)
    return sorted((b.z, b.y, b.x, b.negative) for b in project(editor).boxes(key.tomogram, key.feature))


def test_boxes_are_placed_moved_and_removed(editor: Editor) -> None:
    drag(editor, [(20.4, 30.6)], shift=True)
    drag(editor, [(40.0, 50.0)], shift=True, alt=True)
    drag(editor, [(-5.0, 50.0)], shift=True)  # outside
    settle(editor)
    assert boxes(editor) == [(3, 20, 31, False), (3, 40, 50, True)]
    command("tools.boxes").run(editor)
    drag(editor, [(22.0, 30.0), (24.0, 35.0), (200.0, 33.0)])
    settle(editor)
    assert boxes(editor) == [(3, 40, 50, True), (3, 59, 34, False)]
    drag(editor, [(40.0, 50.0)])  # a click on a box leaves it alone
    settle(editor)
    assert boxes(editor) == [(3, 40, 50, True), (3, 59, 34, False)]
    command("tools.brush").run(editor)
    drag(editor, [(41.0, 49.0)], "right", shift=True)
    drag(editor, [(41.0, 49.0)], "right", at=4, shift=True)
    settle(editor)
    assert boxes(editor) == [(3, 59, 34, False)]
    for _ in range(4):
        editor.undo()
    settle(editor)
    assert boxes(editor) == []
    assert editor.state.dragged is None


def test_a_box_follows_the_pointer_until_it_is_placed_or_given_up(editor: Editor) -> None:
    follow(editor, [(20.0, 30.0), (25.0, 40.0)], shift=True)
    dragged = editor.state.dragged
    assert dragged is not None
    assert (dragged.kind, dragged.number, dragged.position) == ("box", None, (3.0, 25.0, 40.0))
    editor.cancel_gesture()
    settle(editor)
    assert editor.state.dragged is None
    assert boxes(editor) == []


@pytest.mark.parametrize(("plane", "voxel"), [("xz", (5, 20, 30)), ("yz", (5, 30, 20))])
def test_a_box_placed_across_slices(editor: Editor, plane: Plane, voxel: tuple[int, int, int]) -> None:
    drag(editor, [(5.0, 30.0)], at=20, plane=plane, shift=True)
    settle(editor)
    assert boxes(editor) == [(*voxel, False)]
    drag(editor, [(4.0, 31.0)], "right", at=22, plane=plane, shift=True)
    settle(editor)
    assert boxes(editor) == []


def test_picks_are_placed_moved_and_removed(editor: Editor) -> None:
    def picks() -> list[tuple[float, float, float]]:
        found = project(editor).hand_picks(key_of(editor).tomogram, key_of(editor).feature)
        return [] if found is None else [(pick.z, pick.y, pick.x) for pick in found.picks]

    drag(editor, [(20.25, 30.5)], shift=True, ctrl=True)
    command("tools.picks").run(editor)
    drag(editor, [(40.0, 50.0)])
    settle(editor)
    assert picks() == [(3.0, 20.25, 30.5), (3.0, 40.0, 50.0)]
    drag(editor, [(21.0, 30.5), (31.0, 32.5)])
    settle(editor)
    assert picks() == [(3.0, 30.25, 32.5), (3.0, 40.0, 50.0)]
    drag(editor, [(41.0, 50.0)], "right", at=5)  # within the ball of four pixels, two slices up
    settle(editor)
    assert picks() == [(3.0, 30.25, 32.5)]
    drag(editor, [(30.25, 32.5)], "right", at=7)
    drag(editor, [(10.0, 10.0)], "right")
    editor.select_feature(IGNORE)
    drag(editor, [(10.0, 10.0)])
    settle(editor)
    assert "neither boxes nor picks" in said(editor)
    editor.select_feature(editor.snapshot.features[0].id)
    assert picks() == [(3.0, 30.25, 32.5)]


@pytest.mark.parametrize(
    ("tool", "shift", "ctrl", "expected"),
    [
        (Tool.BRUSH, True, False, Tool.BOX),
        (Tool.FLOOD, True, True, Tool.PICK),
        (Tool.BRUSH, False, True, Tool.BRUSH),
        (Tool.LASSO, True, False, Tool.LASSO),
        (Tool.PICK, True, False, Tool.BOX),
        (Tool.MEASURE, True, True, Tool.MEASURE),
    ],
)
def test_keys_that_are_held_choose_the_tool(
    editor: Editor, tool: Tool, shift: bool, ctrl: bool, expected: Tool
) -> None:
    editor.state.tool = tool
    assert tool_at_hand(editor, Pointer("xy", 0, 0.0, 0.0, shift=shift, ctrl=ctrl)) is expected


# Measuring and cropping


def test_a_line_is_measured_and_nothing_is_saved(editor: Editor) -> None:
    digest = project(editor).content_digest()
    command("tools.measure").run(editor)
    drag(editor, [(10.0, 10.0), (40.0, 50.0)])
    assert editor.state.measured == ((10.0, 10.0), (40.0, 50.0))
    command("tools.cancel").run(editor)
    assert editor.state.measured is None
    drag(editor, [(10.0, 10.0), (40.0, 50.0)])
    drag(editor, [(20.0, 20.0)])  # a click
    assert editor.state.measured is None
    settle(editor)
    assert project(editor).content_digest() == digest


def test_a_region_is_cropped_plane_by_plane(editor: Editor) -> None:
    command("tools.crop").run(editor)
    drag(editor, [(40.0, 50.0), (10.0, -20.0)])
    settle(editor)
    assert editor.snapshot.crop == Crop((0, 8), (10, 41), (0, 51))
    assert editor.state.tool is Tool.BRUSH
    command("tools.crop").run(editor)
    drag(editor, [(1.0, 5.0), (5.0, 45.0)], plane="xz", at=20)
    settle(editor)
    assert editor.snapshot.crop == Crop((1, 6), (10, 41), (5, 46))
    editor.sight.go_to(z=2)
    command("crop.first_slice").run(editor)
    settle(editor)
    editor.sight.go_to(z=4)
    command("crop.last_slice").run(editor)
    settle(editor)
    assert editor.snapshot.crop == Crop((2, 5), (10, 41), (5, 46))
    command("crop.clear").run(editor)
    settle(editor)
    assert editor.snapshot.crop is None
    assert not command("crop.clear").enabled(editor)
    command("tools.crop").run(editor)
    drag(editor, [(10.0, 10.0), (11.0, 40.0)])
    settle(editor)
    assert editor.snapshot.crop is None
    assert "at least 4 pixels" in said(editor)


# The brush's size


def test_the_radius_is_seen_at_once_and_saved_as_one_edit(editor: Editor) -> None:
    entries = len(editor.snapshot.history)
    for _ in range(10):
        command("tools.brush_larger").run(editor)
    radius = brush_radius(editor)
    assert radius > 10
    assert editor.snapshot.features[0].brush_radius == 4.0
    assert editor.animating
    settle(editor, lambda: editor.state.radius_wish is None)
    assert editor.snapshot.features[0].brush_radius == radius
    assert len(editor.snapshot.history) == entries + 1
    assert not editor.animating
    for _ in range(40):
        step_brush_radius(editor, -1)
    assert brush_radius(editor) == 0.5
    editor.select_feature(editor.snapshot.features[1].id)
    assert brush_radius(editor) == 4.0
    command("tools.brush_smaller").run(editor)
    settle(editor, lambda: editor.state.radius_wish is None)
    assert [feature.brush_radius for feature in editor.snapshot.features] == [0.5, 3.0]
