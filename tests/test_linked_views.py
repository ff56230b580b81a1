"""What is taken along to the next tomogram when views are linked, and what is not when they are not."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from windowless import until

from ais.formats.registry import write_volume
from ais.gui.contrast import ContrastStatistics, Histogram
from ais.gui.display import Contrast, DisplayFilter, Placement
from ais.gui.editor import Editor
from ais.gui.linked_views import carried_placement, rule_of

SHAPE = (6, 40, 60)


def volume(folder: Path, name: str, scale: float, shape: tuple[int, int, int] = SHAPE) -> Path:
    """Write noise whose values are multiplied by a scale; the same noise each time."""
    values = np.random.default_rng(0).normal(0, 1, shape).astype(np.float32)
    write_volume(folder / f"{name}.mrc", values * np.float32(scale), voxel_sizes=10.0)
    return folder / f"{name}.mrc"


@pytest.fixture
def editor(tmp_path: Path) -> Iterator[Editor]:
    """An editor with three tomograms, of which the second has values a hundred times as large; the first is shown."""
    made = Editor(tmp_path / "settings", lambda: None)
    made.open_paths(
        [volume(tmp_path, "a", 1.0), volume(tmp_path, "b", 100.0), volume(tmp_path, "small", 1.0, (4, 8, 8))]
    )
    until(made, lambda: len(made.snapshot.tomograms) == 3)
    show(made, 1)
    yield made
    made.close()


def show(editor: Editor, number: int) -> None:
    """Show a tomogram and wait until its contrast is measured."""
    editor.select_tomogram(number)
    until(editor, lambda: editor.shown is not None and editor.shown.entry.id == number and editor.shown.statistics)
    until(editor, lambda: editor.document is not None and not editor.document.busy)


def limits(editor: Editor) -> tuple[float, float]:
    assert editor.state.contrast is not None
    return editor.state.contrast.low, editor.state.contrast.high


def automatic(editor: Editor) -> tuple[float, float]:
    assert editor.shown is not None
    assert editor.shown.statistics is not None
    return editor.shown.statistics.low, editor.shown.statistics.high


def test_automatic_limits_are_those_of_each_tomogram(editor: Editor) -> None:
    assert limits(editor) == automatic(editor)
    show(editor, 2)
    assert limits(editor) == automatic(editor)
    assert editor.state.contrast_is_automatic


def test_limits_of_ones_own_mean_the_same_on_another_scale(editor: Editor) -> None:
    low, high = automatic(editor)
    span = high - low
    editor.sight.use_contrast(Contrast(low - 0.25 * span, high + 0.5 * span, invert=True))
    show(editor, 2)
    low, high = automatic(editor)
    span = high - low
    assert limits(editor) == pytest.approx((low - 0.25 * span, high + 0.5 * span), rel=1e-6)
    assert editor.state.contrast is not None
    assert editor.state.contrast.invert
    # And back, though the first one remembers a view of its own.
    editor.state.filters = [DisplayFilter("median", 3.0)]
    editor.view("xy").placement = Placement(20.0, 30.0, 7.0)
    show(editor, 1)
    low, high = automatic(editor)
    assert limits(editor)[0] == pytest.approx(low - 0.25 * (high - low), rel=1e-6)
    assert editor.state.filters == [DisplayFilter("median", 3.0)]
    assert editor.view("xy").placement == Placement(20.0, 30.0, 7.0)


def test_a_zoom_that_would_show_nothing_is_not_taken_along(editor: Editor) -> None:
    editor.view("xy").placement = Placement(30.0, 50.0, 7.0)
    show(editor, 3)
    assert editor.view("xy").placement is None  # fitted when it is drawn


def test_without_the_link_each_tomogram_has_its_own_view(editor: Editor) -> None:
    editor.settings.link_views = False
    editor.sight.use_contrast(Contrast(-1.0, 2.0))
    editor.state.filters = [DisplayFilter("gaussian", 1.0)]
    show(editor, 2)
    assert editor.state.filters == []
    assert limits(editor) == automatic(editor)
    show(editor, 1)
    assert editor.state.filters == [DisplayFilter("gaussian", 1.0)]
    assert limits(editor) == (-1.0, 2.0)


def test_slices_are_each_tomograms_own(editor: Editor) -> None:
    editor.sight.go_to(z=1)
    show(editor, 2)
    editor.sight.go_to(z=5)
    show(editor, 1)
    assert editor.state.z == 1


NUMBERS = st.floats(-1e4, 1e4)


def statistics(low: float, span: float) -> ContrastStatistics:
    histogram = Histogram(np.array([1]), np.array([low, low + span]))
    return ContrastStatistics(histogram, low, low + span, low, span, low, low + span)


@given(NUMBERS, st.floats(0.01, 1e4), NUMBERS, st.floats(0.01, 1e4))
def test_a_rule_gives_back_the_limits_it_was_made_from(low: float, span: float, black: float, width: float) -> None:
    known = statistics(low, span)
    contrast = Contrast(black, black + width, True)
    rule = rule_of(contrast, False, known)
    assert rule is not None
    again = rule.limits(known, True)
    assert (again.low, again.high) == pytest.approx((contrast.low, contrast.high), abs=1e-6, rel=1e-6)
    assert rule_of(contrast, True, known) is None
    assert rule_of(None, False, known) is None
    assert rule_of(contrast, False, None) is None


@given(NUMBERS, NUMBERS, st.integers(1, 5000), st.integers(1, 5000))
def test_what_is_taken_along_is_inside(row: float, column: float, rows: int, columns: int) -> None:
    found = carried_placement(Placement(row, column, 2.0), (rows, columns))
    assert (found is not None) == (0 <= row <= rows - 1 and 0 <= column <= columns - 1)
    assert carried_placement(None, (rows, columns)) is None


def test_the_zoom_of_a_picture_of_quite_another_size_is_not_taken_along() -> None:
    placement = Placement(2.0, 2.0, 200.0)
    assert carried_placement(placement, (96, 112), (4, 4)) is None
    assert carried_placement(placement, (6, 4), (4, 4)) == placement
