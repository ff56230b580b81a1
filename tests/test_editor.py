"""The editor without its window: the document's thread, its snapshot, what is selected, and what goes wrong."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from windowless import nothing, open_and_name, said, settled, until

from ais.annotation import AddFeature, ChangeFeature, PaintStroke, PlaceBoxes, RemoveTomogram
from ais.errors import AisError
from ais.formats.registry import write_volume
from ais.gui.background import Background, Work
from ais.gui.display import Contrast, Placement, fitted
from ais.gui.document import Crop
from ais.gui.editor import Editor
from ais.gui.masks import MaskKey
from ais.project import Project

SHAPE = (6, 40, 50)


@pytest.fixture
def tomograms(tmp_path: Path) -> list[Path]:
    rng = np.random.default_rng(0)
    paths = [tmp_path / name for name in ("first.mrc", "zweites Tomogramm ä.mrc")]
    for path in paths:
        write_volume(path, rng.normal(0, 1, SHAPE).astype("f4"), voxel_sizes=10.0)
    return paths


@pytest.fixture
def editor(tmp_path: Path) -> Iterator[Editor]:
    made = Editor(tmp_path / "settings", nothing)
    yield made
    made.close()


def test_a_tomogram_opened_without_a_project_is_kept_in_one_without_a_name(
    editor: Editor, tomograms: list[Path]
) -> None:
    open_and_name(editor, tomograms[1])
    assert editor.project_name == "Untitled project"
    assert editor.shown is not None
    assert editor.shown.entry.name == "zweites Tomogramm ä"
    assert editor.state.position == (3, 20, 25)
    until(editor, lambda: editor.state.contrast)
    assert editor.state.contrast is not None
    assert editor.state.contrast.low < 0 < editor.state.contrast.high


def test_an_untitled_project_in_which_nothing_was_done_leaves_no_file(tmp_path: Path) -> None:
    editor = Editor(tmp_path / "settings", nothing)
    editor.new_project()
    until(editor, lambda: editor.document)
    editor.close()
    assert not list((tmp_path / "settings").rglob("*.aisproj*"))


def test_files_that_are_no_tomograms_are_named_and_the_others_opened(
    editor: Editor, tomograms: list[Path], tmp_path: Path
) -> None:
    text, empty, folder = tmp_path / "text.mrc", tmp_path / "empty.mrc", tmp_path / "folder.mrc"
    text.write_text("not a volume " * 200)
    empty.touch()
    folder.mkdir()
    editor.open_paths([text, empty, folder, tmp_path / "missing.mrc", tomograms[0]])
    until(editor, lambda: editor.shown)
    settled(editor)
    assert [entry.name for entry in editor.snapshot.tomograms] == ["first"]
    for name in ("text.mrc", "empty.mrc", "folder.mrc", "missing.mrc"):
        assert name in said(editor)


def test_edits_are_made_in_order_and_seen_in_the_snapshot(editor: Editor, tomograms: list[Path]) -> None:
    open_and_name(editor, tomograms[0], "membrane", "ribosome")
    tomogram, feature = editor.state.tomogram, editor.snapshot.features[0].id
    assert tomogram is not None
    editor.submit(PaintStroke(tomogram, feature, 2, [(5, 5), (5, 30)], 3))
    editor.submit(PlaceBoxes(tomogram, feature, [(2, 5, 5), (4, 9, 9)]))
    settled(editor)
    assert editor.snapshot.annotated == {feature: (2,)}
    assert editor.snapshot.marks[tomogram] == {feature: 1}
    assert editor.snapshot.box_counts[tomogram][feature].positive == 2
    assert "membrane" in editor.snapshot.undo_text
    with Project.open(editor.document.project.path, read_only=True) as project:  # type: ignore[union-attr]
        assert project.annotated_slices(tomogram, feature) == [2]


def test_undo_takes_the_view_to_the_tomogram_feature_and_slice(editor: Editor, tomograms: list[Path]) -> None:
    open_and_name(editor, tomograms[0], "membrane", "ribosome")
    first, (membrane, ribosome) = editor.state.tomogram, (feature.id for feature in editor.snapshot.features)
    editor.submit(PaintStroke(first or 0, membrane, 1, [(5, 5)], 3))
    editor.open_paths([tomograms[1]])
    until(editor, lambda: editor.shown and editor.state.tomogram != first)
    editor.select_feature(ribosome)
    settled(editor)
    editor.undo()  # the tomogram that was added last: the first is shown again
    until(editor, lambda: editor.shown and editor.state.tomogram == first)
    editor.sight.go_to(z=5)
    editor.undo()
    settled(editor)
    until(editor, lambda: editor.state.z == 1)
    assert editor.state.feature == membrane
    assert editor.snapshot.annotated == {}
    editor.redo()
    settled(editor)
    assert editor.snapshot.annotated == {membrane: (1,)}


def test_the_history_can_be_travelled_to_any_edit(editor: Editor, tomograms: list[Path]) -> None:
    open_and_name(editor, tomograms[0], "a", "b", "c")
    entries = editor.snapshot.history
    assert editor.document is not None
    for index in (1, 3, 0, 2, 3):
        editor.document.travel_to(entries[index].id)
        settled(editor)
        assert [e.undone for e in editor.snapshot.history] == [i > index for i in range(len(entries))]
        assert len(editor.snapshot.features) == index


def test_an_edit_that_fails_is_said_and_the_next_one_is_made(
    editor: Editor, tomograms: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    open_and_name(editor, tomograms[0], "membrane")
    feature = editor.snapshot.features[0].id
    right = Project.apply

    def full(*_: object) -> None:
        raise AisError("No space left to write the project: free some space, what was saved before is safe.")

    monkeypatch.setattr(Project, "apply", full)
    editor.submit(ChangeFeature(feature, name="other"))
    settled(editor)
    assert "No space left" in said(editor)
    monkeypatch.setattr(Project, "apply", right)
    editor.submit(ChangeFeature(feature, name="another"))
    settled(editor)
    assert editor.snapshot.features[0].name == "another"


def test_what_nobody_expected_is_said_in_one_sentence(
    editor: Editor, tomograms: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    open_and_name(editor, tomograms[0])

    def broken(*_: object) -> None:
        raise ZeroDivisionError("surprise")

    monkeypatch.setattr(Project, "apply", broken)
    editor.submit(AddFeature("x"))
    settled(editor)
    assert "surprise" in said(editor)
    assert "Traceback" not in said(editor)


def test_a_project_that_is_open_elsewhere_is_shown_and_not_changed(
    editor: Editor, tomograms: list[Path], tmp_path: Path
) -> None:
    path = tmp_path / "work.aisproj"
    with Project.create(path) as project:
        from ais.annotation import AddTomogram

        project.apply(AddTomogram(tomograms[0]))
        editor.open_paths([path])
        until(editor, lambda: editor.shown)
        assert editor.read_only
        editor.submit(AddFeature("x"))
        settled(editor)
        assert not editor.snapshot.features
        assert "can only be read" in said(editor)


def test_view_and_selection_are_found_again(tomograms: list[Path], tmp_path: Path) -> None:
    path = tmp_path / "work.aisproj"
    first = Editor(tmp_path / "settings", nothing)
    first.new_project(path, then=lambda: first.open_paths(tomograms))
    until(first, lambda: first.shown and len(first.snapshot.tomograms) == 2)
    for name in ("a", "b"):
        first.submit(AddFeature(name))
    until(first, lambda: len(first.snapshot.features) == 2)
    first.select_feature(first.snapshot.features[1].id)
    first.select_tomogram(first.snapshot.tomograms[1].id)
    until(first, lambda: first.shown and first.shown.entry.id == first.snapshot.tomograms[1].id)
    settled(first)
    first.sight.go_to(4, 7, 8)
    first.sight.use_contrast(Contrast(-1.5, 2.5, invert=True))
    first.view("xy").placement = Placement(3.0, 4.0, 2.5)
    first.close()
    assert not list(tmp_path.glob("*-wal"))

    again = Editor(tmp_path / "settings", nothing)
    assert again.settings.recent_projects == [str(path)]
    again.open_paths([path])
    until(again, lambda: again.shown)
    settled(again)
    assert again.shown is not None
    assert again.shown.entry.path == tomograms[1]
    assert again.state.position == (4, 7, 8)
    assert again.state.contrast == Contrast(-1.5, 2.5, invert=True)
    assert again.view("xy").placement == Placement(3.0, 4.0, 2.5)
    assert again.state.feature == again.snapshot.features[1].id
    again.close()


def test_removing_the_tomogram_on_the_screen_shows_the_next(editor: Editor, tomograms: list[Path]) -> None:
    editor.open_paths(tomograms)
    until(editor, lambda: editor.shown and len(editor.snapshot.tomograms) == 2)
    first, second = (entry.id for entry in editor.snapshot.tomograms)
    editor.submit(RemoveTomogram(first))
    until(editor, lambda: editor.shown and editor.shown.entry.id == second)
    editor.submit(RemoveTomogram(second))
    until(editor, lambda: not editor.snapshot.tomograms)
    settled(editor)
    assert editor.shown is None
    assert editor.state.tomogram is None


def test_a_missing_tomogram_is_said_and_can_be_passed_over(
    editor: Editor, tomograms: list[Path], tmp_path: Path
) -> None:
    path = tmp_path / "work.aisproj"
    editor.new_project(path, then=lambda: editor.open_paths(tomograms))
    until(editor, lambda: editor.shown and len(editor.snapshot.tomograms) == 2)
    editor.close_project()
    settled(editor)
    tomograms[0].unlink()
    editor.open_paths([path])
    until(editor, lambda: "missing" in said(editor))
    editor.select_neighbour(1)
    until(editor, lambda: editor.shown)
    assert editor.shown is not None
    assert editor.shown.entry.path == tomograms[1]


def test_the_crop_region_bounds_the_slices(editor: Editor, tomograms: list[Path]) -> None:
    open_and_name(editor, tomograms[0])
    editor.sight.set_crop(Crop((2, 4), (0, 40), (10, 20)))
    settled(editor)
    assert editor.snapshot.crop == Crop((2, 4), (0, 40), (10, 20))
    editor.sight.go_to(z=0)
    assert editor.state.z == 2
    editor.sight.step(10)
    assert editor.state.z == 3
    editor.undo()
    settled(editor)
    assert editor.snapshot.crop is None


def test_masks_show_a_stroke_before_it_is_saved_and_what_the_project_holds_after(
    editor: Editor, tomograms: list[Path]
) -> None:
    open_and_name(editor, tomograms[0], "membrane")
    from ais.annotation import stroke_spans

    tomogram, feature = editor.state.tomogram or 0, editor.snapshot.features[0].id
    key, shape = MaskKey(tomogram, feature, "xy", 2), SHAPE[1:]
    masks = editor.masks
    assert masks is not None
    masks.begin_stroke(key, shape)
    masks.change(key, shape, stroke_spans([(5, 5), (5, 30)], 2.0, shape), erase=False)
    assert masks.get(key, shape).bits[5, 5:31].all()
    assert masks.get(key, shape).take_dirty() == (3, 8, 3, 33)
    masks.end_stroke(key)  # given up: never submitted
    until(editor, lambda: not masks.get(key, shape).stale and not masks.loading)
    assert not masks.get(key, shape).bits.any()


def test_background_work_reports_fails_and_is_cancelled() -> None:
    problems: list[str] = []
    results: list[int] = []
    background = Background(nothing, problems.append)

    def fails(_: Work) -> int:
        raise AisError("One sentence.")

    def long(work: Work) -> int:
        for step in range(10_000):
            work.report(step, 10_000, "step")
            time.sleep(0.001)
        return 1

    background.run(lambda _: 7, results.append)
    background.run(fails, results.append)
    work = background.run(long, results.append, title="Long")
    limit = time.monotonic() + 10
    while (not work.shown or not problems) and time.monotonic() < limit:
        background.poll()
        time.sleep(0.005)
    assert work.fraction is not None
    assert work.seconds_left is not None
    work.cancel()
    while background.busy and time.monotonic() < limit:
        background.poll()
        time.sleep(0.005)
    assert results == [7]
    assert problems == ["One sentence."]
    background.close()


@settings(max_examples=50, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.floats(-500, 500),
    st.floats(-500, 500),
    st.floats(0.05, 50),
    st.floats(0, 800),
    st.floats(0, 600),
    st.floats(0.2, 5),
)
def test_what_is_under_the_pointer_stays_there_when_zooming(
    row: float, column: float, scale: float, x: float, y: float, factor: float
) -> None:
    placement = Placement(row, column, scale)
    at = placement.to_picture(x, y, 800, 600)
    zoomed = placement.zoomed(factor, x, y, 800, 600)
    assert zoomed.to_picture(x, y, 800, 600) == pytest.approx(at, abs=1e-6 * (1 + abs(row) + abs(column) + 1e3 / scale))
    assert placement.to_view(*at, 800, 600) == pytest.approx((x, y), abs=1e-6 * (1 + 50 * 1e3))


def test_a_fitted_picture_has_row_0_at_the_bottom() -> None:
    placement = fitted((100, 200), 800, 800)
    assert placement.scale == 4.0
    assert placement.to_view(-0.5, -0.5, 800, 800) == (0.0, 600.0)
    assert placement.to_view(99.5, 199.5, 800, 800) == (800.0, 200.0)
