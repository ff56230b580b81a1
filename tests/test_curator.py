"""The Curator: which tiles come, against brute force; what verdicts write; undo; and the next training set."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from small_project import make_model
from windowless import settled, until

from ais.annotation import IGNORE, AddFeature, ChangeFeature, ChangeSetting, PaintStroke, PlaceBoxes, Verdict
from ais.formats.registry import write_volume
from ais.gui.curator import Curator, CuratorWish
from ais.gui.document import crop_key
from ais.gui.editor import Editor
from ais.gui.model_places import ModelChoice
from ais.models import load_model
from ais.segmentation import Segmenter
from ais.tomogram import Tomogram
from ais.trainset import extract
from ais.uncertainty import TileRule, entropy, rank_tiles, tile_grid

SHAPE = (6, 100, 120)
SIZE = 32
CORNERS = [(2 + SIZE * row, 12 + SIZE * column) for row in range(3) for column in range(3)]


def nothing() -> None:
    """What wakes no window."""


@pytest.fixture(scope="module")
def stock(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two tomograms and a model."""
    folder = tmp_path_factory.mktemp("curator")
    rng = np.random.default_rng(0)
    for name in ("first", "second"):
        write_volume(folder / f"{name}.mrc", rng.normal(0, 1, SHAPE).astype("f4"), voxel_sizes=10.0)
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


def wish_of(editor: Editor, stock: Path, threshold: float = 0.5) -> CuratorWish:
    model = ModelChoice(stock / "blob.aism", "blob 1", threshold)
    numbers = tuple(entry.id for entry in editor.snapshot.tomograms)
    return CuratorWish(model, editor.snapshot.features[0].id, numbers, count=8, slices=3)


def gathered(editor: Editor, wish: CuratorWish) -> Curator:
    curator = Curator(editor)
    assert curator.gather(wish) == ""
    until(editor, lambda: not curator.gathering, follower=curator)
    assert curator.problem == ""
    return curator


def probabilities(stock: Path, name: str = "first") -> np.ndarray:
    with Tomogram.open(stock / f"{name}.mrc") as tomogram:
        found: np.ndarray = Segmenter(load_model(stock / "blob.aism")).predict_slices(tomogram, 0, SHAPE[0])
    return found


def bits(values: np.ndarray) -> float:
    """Mean entropy, one pixel after the other."""
    terms = [-q * math.log2(q) for p in values.ravel().tolist() for q in (p, 1 - p) if q > 0]
    return math.fsum(terms) / values.size


@given(st.lists(st.floats(0, 1, width=32), min_size=1, max_size=30))
def test_entropy_is_the_textbooks(values: list[float]) -> None:
    assert float(entropy(np.array(values, np.float32)).mean()) == pytest.approx(bits(np.array(values)), abs=3e-6)


@given(st.integers(1, 500), st.integers(1, 100))
def test_tiles_lie_side_by_side_inside(count: int, size: int) -> None:
    starts = tile_grid(count, size)
    assert len(starts) == count // size
    if len(starts):
        assert 0 <= starts[0] <= count - (starts[-1] + size) <= starts[0] + 1
        assert (np.diff(starts) == size).all()


@pytest.mark.parametrize("rule", TileRule)
def test_ranks_against_brute_force(rule: TileRule) -> None:
    rng = np.random.default_rng(5)
    values = rng.random(SHAPE[1:], np.float32) ** rng.integers(1, 9, (3, 3)).repeat(40, 1).repeat(40, 0)[:100, :120]
    taken, near = [[4, 20, 30], [3, 84, 92]], [[4, 50, 60], [2, 90, 20]]
    found = rank_tiles(values, SIZE, rule, 99, threshold=0.6, z=4, taken=taken, near=near, seed=1)
    expected = {}
    for top, left in CORNERS:
        y, x = top + SIZE // 2, left + SIZE // 2
        tile = values[top : top + SIZE, left : left + SIZE]
        if max(abs(y - 20), abs(x - 30)) < 16:
            continue
        if rule is TileRule.UNCERTAIN:
            expected[y, x] = bits(tile)
        elif rule is TileRule.CONFIDENT:
            shown = tile[tile >= 0.6]
            if shown.size >= 0.01 * SIZE * SIZE:
                expected[y, x] = float(shown.astype(float).mean())
        elif rule is TileRule.NEAR:
            if max(abs(y - 50), abs(x - 60)) >= 16:
                expected[y, x] = -min(math.dist((4, y, x), place) for place in near)
        else:
            expected[y, x] = math.nan
    assert {tuple(centre) for centre in found.centres.tolist()} == set(expected)
    for (y, x), score in zip(found.centres.tolist(), found.scores.tolist(), strict=True):
        assert rule is TileRule.RANDOM or score == pytest.approx(expected[y, x], rel=1e-4)
    assert (np.diff(found.scores) <= 0).all()
    again = rank_tiles(values, SIZE, rule, 2, threshold=0.6, z=4, taken=taken, near=near, seed=1)
    np.testing.assert_array_equal(again.centres, found.centres[:2])


def test_the_least_certain_tiles_of_all_tomograms_come(editor: Editor, stock: Path) -> None:
    curator = gathered(editor, wish_of(editor, stock))
    first, second = editor.snapshot.tomograms
    assert [tile.tomogram for tile in curator.tiles] == [first.id] * 4 + [second.id] * 4
    values = probabilities(stock)
    scores = {
        (z, top + 16, left + 16): bits(values[z, top : top + SIZE, left : left + SIZE])
        for z in (0, 2, 5)
        for top, left in CORNERS
    }
    best = sorted(scores.values(), reverse=True)
    for tile in curator.tiles[:4]:
        assert tile.score == pytest.approx(scores[tile.z, tile.y, tile.x], abs=0.01)
        assert tile.score >= best[11] - 0.01, "at most three of a slice push others down"
        part = values[tile.z, tile.y - 16 : tile.y + 16, tile.x - 16 : tile.x + 16]
        np.testing.assert_allclose(tile.prediction, part * 255, atol=3)
    with Tomogram.open(stock / "first.mrc") as tomogram:
        tile = curator.tiles[0]
        normalised = tomogram.normalization.apply(tomogram.slice(tile.z))
    shown = ((normalised + 3) * 42.5).clip(0, 255)[tile.y - 16 : tile.y + 16, tile.x - 16 : tile.x + 16]
    np.testing.assert_allclose(tile.image, shown, atol=1)
    assert curator.slices_done == (6, 6)


def test_verdicts_are_edits_that_can_be_undone(editor: Editor, stock: Path) -> None:
    threshold = float(np.median(probabilities(stock)))
    curator = gathered(editor, wish_of(editor, stock, threshold))
    assert editor.document is not None
    project, feature = editor.document.project, editor.snapshot.features[0].id
    digest = project.content_digest()
    for verdict in (Verdict.GOOD, Verdict.BAD, Verdict.IGNORE):
        curator.judge(verdict)
    assert curator.current == 3
    settled(editor)
    assert curator.judged == 3
    good, bad, ignored = curator.tiles[:3]
    rows, columns = slice(good.y - 16, good.y + 16), slice(good.x - 16, good.x + 16)
    mask = project.mask(good.tomogram, feature, good.z)
    np.testing.assert_array_equal(mask[rows, columns] != 0, good.prediction >= threshold * 255)
    boxes = {(box.z, box.y, box.x): box.negative for box in project.boxes(good.tomogram, feature)}
    assert boxes == {(good.z, good.y, good.x): False, (bad.z, bad.y, bad.x): True}
    assert project.ignore(ignored.tomogram, ignored.z).sum() == SIZE**2
    curator.judge(Verdict.BAD, 0)
    settled(editor)
    assert curator.verdict(0) is Verdict.BAD
    editor.undo()
    settled(editor)
    assert [curator.verdict(index) for index in range(4)] == [Verdict.GOOD, Verdict.BAD, Verdict.IGNORE, None]
    for _ in range(3):
        editor.undo()
    settled(editor)
    assert curator.judged == 0
    assert project.content_digest() == digest
    editor.redo()
    settled(editor)
    assert curator.verdict(0) is Verdict.GOOD
    curator.judge(Verdict.GOOD, 1)
    settled(editor)
    assert [curator.verdict(index) for index in range(3)] == [Verdict.GOOD, Verdict.GOOD, None]


def test_an_undone_verdict_is_forgotten_when_history_goes_elsewhere(editor: Editor, stock: Path) -> None:
    curator = gathered(editor, wish_of(editor, stock))
    curator.judge(Verdict.BAD)
    settled(editor)
    editor.undo()
    curator.judge(Verdict.BAD, 5)
    settled(editor)
    assert curator.verdict(0) is None
    assert curator.judged == 1


def test_judged_tiles_feed_the_next_training_set_and_do_not_come_again(editor: Editor, stock: Path) -> None:
    threshold = float(np.median(probabilities(stock)))
    wish = wish_of(editor, stock, threshold)
    curator = gathered(editor, wish)
    for verdict in (Verdict.GOOD, Verdict.GOOD, Verdict.BAD, Verdict.BAD):
        curator.judge(verdict)
    settled(editor)
    assert editor.document is not None
    made = extract(editor.document.project, ["membrane"], box_size=SIZE)
    assert (len(made.images), made.n_positive) == (4, 2)
    judged = {(tile.z, tile.y, tile.x): tile for tile in curator.tiles[:4]}
    for record, labels in zip(made.records, made.labels, strict=True):
        tile = judged[record.z, record.y, record.x]
        expected = np.zeros((SIZE, SIZE)) if record.negative else tile.prediction >= threshold * 255
        np.testing.assert_array_equal(labels, expected)
    counts = editor.snapshot.box_counts[editor.snapshot.tomograms[0].id][wish.feature]
    assert (counts.positive, counts.negative) == (2, 2)
    again = gathered(editor, wish)
    places = {(tile.tomogram, tile.z, tile.y, tile.x) for tile in again.tiles}
    assert not places & {(tile.tomogram, tile.z, tile.y, tile.x) for tile in curator.tiles[:4]}


def test_edit_goes_to_the_tile(editor: Editor, stock: Path) -> None:
    curator = gathered(editor, wish_of(editor, stock))
    tile = curator.tiles[-1]
    assert tile.tomogram != editor.state.tomogram
    before = len(editor.snapshot.history)
    curator.edit(len(curator.tiles) - 1)
    until(editor, lambda: editor.shown and editor.state.tomogram == tile.tomogram and editor.state.z == tile.z)
    assert editor.state.position == (tile.z, tile.y, tile.x)
    assert editor.state.feature == editor.snapshot.features[0].id
    assert len(editor.snapshot.history) == before


def test_crop_regions_and_tiles_near_annotation(editor: Editor, stock: Path) -> None:
    first, feature = editor.snapshot.tomograms[0].id, editor.snapshot.features[0].id
    wish = replace(wish_of(editor, stock), rule=TileRule.NEAR, tomograms=(first,))
    curator = Curator(editor)
    curator.gather(wish)
    until(editor, lambda: not curator.gathering, follower=curator)
    assert "Nothing is annotated" in curator.problem
    editor.submit(PaintStroke(first, feature, 4, [(50.0, 70.0)], 4.0))
    editor.submit(ChangeSetting(crop_key(first), [[2, 6], [10, 90], [20, 120]]))
    curator = gathered(editor, wish)
    assert {tile.z for tile in curator.tiles} <= {2, 4, 5}
    for tile in curator.tiles:
        assert 10 <= tile.y - 16 <= tile.y + 16 <= 90
        assert 20 <= tile.x - 16 <= tile.x + 16 <= 120
        assert tile.score == pytest.approx(-math.dist((tile.z, tile.y, tile.x), (4, 50, 70)))
        assert tile.z != 4 or max(abs(tile.y - 50), abs(tile.x - 70)) >= 16
    distances = [-tile.score for tile in curator.tiles]
    assert distances == sorted(distances)


def test_what_cannot_be_gathered_is_said(editor: Editor, stock: Path, tmp_path: Path) -> None:
    curator, wish = Curator(editor), wish_of(editor, stock)
    assert "at least one tomogram" in curator.gather(replace(wish, tomograms=()))
    assert "Choose a feature" in curator.gather(replace(wish, feature=99))
    gone = replace(wish, model=ModelChoice(tmp_path / "gone.aism", "gone"))
    assert curator.gather(gone) == ""
    until(editor, lambda: not curator.gathering, follower=curator)
    assert "gone.aism does not exist" in curator.problem
    assert curator.tiles == []
    editor.submit(ChangeFeature(wish.feature, box_size=110))
    settled(editor)
    assert "A box of 110 pixels is larger than first, which has 120 x 100" in curator.gather(wish)


def test_stopping_keeps_what_has_come(editor: Editor, stock: Path) -> None:
    curator = Curator(editor)
    curator.gather(replace(wish_of(editor, stock), slices=6))
    until(editor, lambda: curator.slices_done[0] >= 2, follower=curator)
    curator.stop()
    assert not curator.gathering
    assert curator.tiles
    place = (curator.tiles[0].z, curator.tiles[0].y, curator.tiles[0].x)
    editor.submit(PlaceBoxes(curator.tiles[0].tomogram, editor.snapshot.features[0].id, [place]))
    settled(editor)
    editor.close_project()
    curator.follow()
    assert curator.tiles == []
    assert IGNORE == 0
