"""The uncertainty queue: mean entropies against brute force, the order of visits, and what goes wrong."""

from __future__ import annotations

import math
import os
import signal
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from small_project import make_model
from windowless import until

from ais.annotation import AddFeature, ChangeSetting, PaintStroke
from ais.formats.registry import write_volume
from ais.gui.document import crop_key
from ais.gui.editor import Editor
from ais.gui.model_places import ModelChoice
from ais.gui.uncertainty import UncertaintyQueue, coarse_to_fine
from ais.models import load_model
from ais.segmentation import Segmenter
from ais.tomogram import Tomogram

SHAPE = (9, 100, 120)
SIZE = 32


def nothing() -> None:
    """What wakes no window."""


@pytest.fixture(scope="module")
def stock(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two tomograms that differ from slice to slice, and a model."""
    folder = tmp_path_factory.mktemp("uncertainty")
    rng = np.random.default_rng(0)
    for name in ("first", "second"):
        values = rng.normal(0, 1, SHAPE) * rng.permutation(np.linspace(0.2, 3, SHAPE[0]))[:, None, None]
        write_volume(folder / f"{name}.mrc", values.astype("f4"), voxel_sizes=10.0)
    make_model(folder, "blob.aism", "blob", seed=3)
    return folder


@pytest.fixture
def editor(one_editor: Editor, stock: Path, tmp_path: Path) -> Iterator[Editor]:
    one_editor.new_project(tmp_path / "work.aisproj")
    until(one_editor, lambda: one_editor.document and one_editor.snapshot.revision)
    one_editor.open_paths([stock / "first.mrc", stock / "second.mrc"])
    until(one_editor, lambda: len(one_editor.snapshot.tomograms) == 2)
    one_editor.submit(AddFeature("membrane", box_size=SIZE))
    until(one_editor, lambda: len(one_editor.snapshot.features) == 1 and one_editor.shown)
    yield one_editor
    one_editor.close_project()
    until(one_editor, lambda: not one_editor.background.busy)


def shown_at(editor: Editor, tomogram: int, z: int) -> bool:
    return editor.shown is not None and (editor.state.tomogram, editor.state.z) == (tomogram, z)


def bits(values: np.ndarray) -> float:
    p = values.astype(float)
    with np.errstate(divide="ignore", invalid="ignore"):
        terms = np.nan_to_num(-p * np.log2(p)) + np.nan_to_num(-(1 - p) * np.log2(1 - p))
    return math.fsum(terms.ravel().tolist()) / p.size


def probabilities(stock: Path, tta: int = 1) -> np.ndarray:
    with Tomogram.open(stock / "first.mrc") as tomogram:
        found: np.ndarray = Segmenter(load_model(stock / "blob.aism"), tta=tta).predict_slices(tomogram, 0, SHAPE[0])
    return found


@given(st.integers(0, 300))
def test_every_slice_is_looked_at_once_the_middle_first(count: int) -> None:
    order = coarse_to_fine(count)
    assert sorted(order) == list(range(count))
    if count > 2:
        assert order[0] == count // 2
    for known in (4, 8, 16):
        if count >= 4 * known:
            gaps = np.diff([0, *sorted(order[:known]), count])
            assert gaps.max() <= 4 * count / known


@pytest.mark.parametrize("tta", [1, 4])
def test_slices_are_ranked_by_their_mean_entropy(editor: Editor, stock: Path, tta: int) -> None:
    queue, feature = UncertaintyQueue(editor), editor.snapshot.features[0].id
    first = editor.snapshot.tomograms[0].id
    choice = ModelChoice(stock / "blob.aism", "blob", tta=tta)
    assert queue.begin(choice, feature, [first], every=2) == ""
    until(editor, lambda: not queue.busy, follower=queue)
    values = probabilities(stock, tta)
    expected = {z: bits(values[z]) for z in (1, 3, 5, 7)}
    found = {place.z: place.entropy for place in queue.places()}
    assert found == pytest.approx(expected, abs=5e-3)
    assert [place.z for place in queue.places()] == sorted(found, key=lambda z: -found[z])
    for place in queue.places():
        tiles = {
            (top + 16, left + 16): bits(values[place.z, top : top + SIZE, left : left + SIZE])
            for top in (2, 34, 66)
            for left in (12, 44, 76)
        }
        assert tiles[place.y, place.x] >= max(tiles.values()) - 5e-3
    assert queue.slices_done == (4, 4)


def test_next_goes_to_the_least_certain_that_is_not_labelled(editor: Editor, stock: Path) -> None:
    queue, feature = UncertaintyQueue(editor), editor.snapshot.features[0].id
    first, second = (entry.id for entry in editor.snapshot.tomograms)
    editor.submit(PaintStroke(first, feature, 4, [(50.0, 60.0)], 4.0))
    queue.begin(ModelChoice(stock / "blob.aism", "blob"), feature, [first, second])
    assert queue.next() is None, "nothing is known yet"
    until(editor, lambda: any(map(queue.visited, queue.places())), follower=queue)
    (gone_to,) = filter(queue.visited, queue.places())
    until(editor, lambda: shown_at(editor, gone_to.tomogram, gone_to.z), follower=queue)
    until(editor, lambda: not queue.busy, follower=queue)
    assert len(queue.places()) == 17, "the annotated slice is left out"
    place = queue.next()
    assert place is not None
    assert place == next(one for one in queue.places() if one != gone_to)
    until(editor, lambda: shown_at(editor, place.tomogram, place.z), follower=queue)
    assert editor.state.position == (place.z, place.y, place.x)
    following = next(one for one in queue.places() if not queue.visited(one) and one.tomogram == place.tomogram)
    until(editor, lambda: editor.snapshot.watched == place.tomogram)
    editor.submit(PaintStroke(following.tomogram, feature, following.z, [(50.0, 60.0)], 4.0))
    until(editor, lambda: following.z in editor.snapshot.annotated.get(feature, ()))
    while (later := queue.next()) is not None:
        assert later != following or editor.snapshot.watched != following.tomogram
        until(editor, lambda later=later: shown_at(editor, later.tomogram, later.z), follower=queue)  # type: ignore[misc]
        until(editor, lambda later=later: editor.snapshot.watched == later.tomogram, follower=queue)  # type: ignore[misc]
    assert "No uncertain place is left" in editor.notices.said[-1].text


def test_tiles_in_a_crop_region(editor: Editor, stock: Path) -> None:
    queue, feature = UncertaintyQueue(editor), editor.snapshot.features[0].id
    first = editor.snapshot.tomograms[0].id
    editor.submit(ChangeSetting(crop_key(first), [[2, 5], [10, 80], [20, 100]]))
    queue.begin(ModelChoice(stock / "blob.aism", "blob"), feature, [first], ranking="tiles")
    until(editor, lambda: not queue.busy, follower=queue)
    assert {place.z for place in queue.places()} == {2, 3, 4}
    assert len(queue.places()) == 12
    values = probabilities(stock)
    for place in queue.places():
        assert 10 <= place.y - 16 <= place.y + 16 <= 80
        tile = values[place.z, place.y - 16 : place.y + 16, place.x - 16 : place.x + 16]
        assert place.entropy == pytest.approx(bits(tile), abs=1e-2)


def test_what_cannot_be_looked_at_is_said(editor: Editor, stock: Path, tmp_path: Path) -> None:
    queue, feature = UncertaintyQueue(editor), editor.snapshot.features[0].id
    first = editor.snapshot.tomograms[0].id
    model = ModelChoice(stock / "blob.aism", "blob")
    assert "Choose the feature" in queue.begin(model, 99, [first])
    assert "at least one tomogram" in queue.begin(model, feature, [])
    queue.next()
    assert "Choose a model" in editor.notices.said[-1].text
    assert queue.begin(ModelChoice(stock / "blob.aism", "blob", finds="ring"), feature, [first]) == ""
    until(editor, lambda: not queue.busy, follower=queue)
    assert "finds blob, not ring" in queue.problem
    queue.begin(ModelChoice(tmp_path / "gone.aism", "gone"), feature, [first])
    until(editor, lambda: not queue.busy, follower=queue)
    assert "gone.aism does not exist" in queue.problem


@pytest.mark.skipif(os.name == "nt", reason="the crash is a signal")
def test_a_crash_is_said_and_the_other_tomogram_goes_on(editor: Editor, stock: Path) -> None:
    queue, feature = UncertaintyQueue(editor), editor.snapshot.features[0].id
    first, second = (entry.id for entry in editor.snapshot.tomograms)
    queue.begin(ModelChoice(stock / "blob.aism", "blob"), feature, [first, second])
    until(editor, lambda: editor.engine.pid and queue.slices_done[0] >= 2, follower=queue)
    assert editor.engine.pid is not None
    os.kill(editor.engine.pid, signal.SIGKILL)
    until(editor, lambda: not queue.busy, follower=queue)
    # An urgent job that had not begun is simply asked again by the engine.
    assert queue.problem == "" or "ended unexpectedly" in queue.problem
    counts = [sum(place.tomogram == number for place in queue.places()) for number in (first, second)]
    assert max(counts) == SHAPE[0]
