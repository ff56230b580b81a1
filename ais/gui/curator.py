"""The Curator: tiles of a model's prediction, judged with one key each; every verdict is an edit that trains the next.

What each verdict writes stands in `ais.annotation.JudgeTile`: good makes the prediction annotation and places a
positive box (a negative one where nothing is predicted), bad erases and places a negative box, ignore marks an ignore
region. Edit writes nothing and goes to the tile. Tiles have the feature's box size, so that a box covers its tile and
the next training set of the feature holds exactly what was judged.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ais.annotation import JudgeTile, TomogramEntry, Verdict
from ais.gui.curator_places import CuratorPlaces, curator_places
from ais.gui.document import HISTORY_SHOWN, Document
from ais.gui.model_places import ModelChoice, SliceQuestion, SliceQuestions
from ais.project import Project
from ais.uncertainty import TileRule

if TYPE_CHECKING:
    from ais.gui.editor import Editor

ALWAYS = 0
"""Stands for the history line of a verdict that had nothing to write."""


@dataclass(frozen=True)
class CuratorWish:
    """Which tiles are to be judged.

    Attributes
    ----------
    model
        Whose prediction.
    feature
        Number of the project's feature that the verdicts are about.
    tomograms
        Numbers of those that tiles come from; crop regions are kept to.
    rule
        Which tiles come first.
    count
        How many tiles, in all.
    slices
        How many slices of each tomogram are looked at, evenly spread.
    seed
        Of the random rule.
    """

    model: ModelChoice
    feature: int
    tomograms: tuple[int, ...]
    rule: TileRule = TileRule.UNCERTAIN
    count: int = 48
    slices: int = 12
    seed: int = 0


@dataclass(frozen=True, eq=False)
class CuratorTile:
    """A tile to be judged.

    Attributes
    ----------
    tomogram
        Its number.
    z, y, x
        Pixel (size // 2, size // 2) of it.
    image, prediction
        uint8 (size, size): grey, and probability 0-255.
    score, entropy
        As in `ais.uncertainty.RankedTiles`.
    """

    tomogram: int
    z: int
    y: int
    x: int
    image: NDArray[np.uint8]
    prediction: NDArray[np.uint8]
    score: float
    entropy: float


@dataclass
class _Given:
    """A verdict; `entry` is its line in the history, None while it is being written."""

    verdict: Verdict
    entry: int | None = None


class Curator:
    """The tiles that are judged now.

    Parameters
    ----------
    editor
        Whose project and compute process it uses.

    Attributes
    ----------
    wish
        What the tiles were gathered for; None before.
    tiles
        The best first within each tomogram; more come while they are gathered.
    current
        Index of the selected tile.
    problem
        One sentence if tiles could not be gathered; else empty.
    """

    def __init__(self, editor: Editor) -> None:
        self.wish: CuratorWish | None = None
        self.tiles: list[CuratorTile] = []
        self.current = 0
        self.problem = ""
        self._editor = editor
        self._questions = SliceQuestions(editor)
        self._document: Document | None = None
        self._reading = False
        self._given: dict[int, list[_Given]] = {}
        self._candidates: dict[int, list[CuratorTile]] = {}
        self._places: dict[int, CuratorPlaces] = {}
        self._standing: tuple[int, int, frozenset[int]] = (-1, 0, frozenset())
        self._counted: tuple[int, dict[int, int]] = (-1, {})

    # For every frame

    def follow(self) -> None:
        """Take in tiles that have come; once a frame, whether the grid is shown or not."""
        if self._editor.document is not self._document:
            self.clear()
            self._document = self._editor.document
        self._questions.follow()
        if not self._questions.busy:
            for number in list(self._candidates):
                self._take(number)
        self._select_undone()

    @property
    def gathering(self) -> bool:
        """Whether tiles are still coming."""
        return self._reading or self._questions.busy

    @property
    def slices_done(self) -> tuple[int, int]:
        """Slices looked at, and all that will be."""
        return self._questions.progress

    @property
    def seconds_left(self) -> float | None:
        """Until all tiles are there; None while it cannot be told."""
        return self._questions.seconds_left

    # Gathering

    def gather(self, wish: CuratorWish) -> str:
        """Look for tiles in place of those that are shown.

        Returns
        -------
        str
            One sentence if it cannot be done; else empty, and the tiles come one tomogram after the other.
        """
        self.follow()
        document, snapshot = self._document, self._editor.snapshot
        feature = snapshot.feature(wish.feature)
        if document is None or feature is None:
            return "Choose a feature that the verdicts are about."
        if self._editor.read_only:
            return document.project.notice or "This project can only be read."
        entries = [entry for entry in map(snapshot.tomogram, wish.tomograms) if entry is not None]
        missing = next((entry for entry in entries if entry.missing), None)
        if not entries:
            return "Choose at least one tomogram."
        if missing is not None:
            return f"{missing.path} is missing: relink the tomogram {missing.name}, or leave it out."
        size = feature.box_size
        for entry in entries:
            if size > min(entry.shape[1:]):
                _, ny, nx = entry.shape
                return (
                    f"A box of {size} pixels is larger than {entry.name}, which has {nx} x {ny}: choose a smaller one."
                )
        self.clear()
        self._document, self.wish, self._reading = document, wish, True

        def read(project: Project) -> dict[int, CuratorPlaces]:
            return {
                entry.id: curator_places(project, entry, wish.feature, wish.rule, wish.slices, size)
                for entry in entries
            }

        def ask(found: dict[int, CuratorPlaces]) -> None:
            if self._document is document and self.wish is wish:
                self._reading = False
                self._ask(wish, entries, found, size)

        document.ask(read, ask)
        return ""

    def stop(self) -> None:
        """Gather no more tiles; those that have come stay."""
        self._questions.stop()
        self._reading = False
        for number in list(self._candidates):
            self._take(number)

    def clear(self) -> None:
        """Forget all tiles; what was written stays."""
        self._questions.stop()
        self.wish, self.tiles, self.current, self.problem, self._reading = None, [], 0, "", False
        self._given.clear()
        self._candidates.clear()
        self._counted = (-1, {})

    # Judging

    def verdict(self, index: int) -> Verdict | None:
        """What stands about a tile: undone verdicts do not; None if nothing."""
        standing = [given for given in self._given.get(index, ()) if self._stands(given)]
        return standing[-1].verdict if standing else None

    @property
    def judged(self) -> int:
        """How many tiles have a verdict."""
        return sum(self.verdict(index) is not None for index in self._given)

    def judge(self, verdict: Verdict, index: int | None = None) -> None:
        """Write a verdict about a tile, the current one by default, and go on to the next without one.

        The same verdict again changes nothing.
        """
        index = self.current if index is None else index
        if self.wish is None or self._document is None or not 0 <= index < len(self.tiles):
            return
        tile, wish, earlier = self.tiles[index], self.wish, self.verdict(index)
        if earlier is not verdict:
            given = _Given(verdict)
            self._given.setdefault(index, []).append(given)
            all_given = self._given[index]

            def written(entry: int | None) -> None:
                given.entry = ALWAYS if entry is None else entry

            def failed() -> None:
                all_given.remove(given)

            operation = JudgeTile(
                *(tile.tomogram, wish.feature, tile.z, tile.y, tile.x, verdict, tile.prediction),
                *(wish.model.threshold, wish.model.name, earlier),
            )
            self._editor.submit(operation, written, failed)
        self.current = self.next_open(index)

    def edit(self, index: int | None = None) -> bool:
        """Go to a tile, the current one by default, to correct it by hand; writes nothing.

        Returns
        -------
        bool
            Whether it is still there: its tomogram may have been removed since.
        """
        index = self.current if index is None else index
        if self.wish is None or not 0 <= index < len(self.tiles):
            return False
        tile = self.tiles[index]
        if self._editor.snapshot.tomogram(tile.tomogram) is None:
            self._editor.notices.say("The tomogram of this tile is no longer in the project.", "hint")
            return False
        self._editor.sight.visit(tile.tomogram, tile.z, tile.y, tile.x, self.wish.feature)
        return True

    def select(self, index: int) -> None:
        """Make a tile the current one."""
        self.current = min(max(index, 0), max(len(self.tiles) - 1, 0))

    def next_open(self, index: int) -> int:
        """The next tile without a verdict, from the beginning again if need be; the same if there is none."""
        count = len(self.tiles)
        for step in range(1, count):
            following = (index + step) % count
            if self.verdict(following) is None:
                return following
        return index

    # Within

    def _ask(
        self, wish: CuratorWish, entries: Sequence[TomogramEntry], found: dict[int, CuratorPlaces], size: int
    ) -> None:
        self._places = found
        questions = [SliceQuestion(entry, z, found[entry.id].crop) for entry in entries for z in found[entry.id].slices]
        if not questions:
            self.problem = "Nothing is annotated in these tomograms: choose another rule, or annotate first."
            return
        self._candidates = {question.entry.id: [] for question in questions}

        def further(question: SliceQuestion) -> dict[str, Any]:
            places = found[question.entry.id]
            return {"taken": places.taken, "near": places.near}

        self._questions.begin(
            questions,
            wish.model,
            size=size,
            rule=wish.rule,
            count=_share(wish.count, len(self._candidates)),
            seed=wish.seed,
            pictures=True,
            further=further,
            answered=self._answered,
            failed=self._failed,
        )

    def _answered(self, question: SliceQuestion, result: dict[str, Any]) -> None:
        number = question.entry.id
        for index, (y, x) in enumerate(result["centres"].tolist()):
            image, prediction = result["images"][index], result["predictions"][index]
            score, entropy = float(result["scores"][index]), float(result["entropies"][index])
            self._candidates[number].append(CuratorTile(number, question.z, y, x, image, prediction, score, entropy))
        if question.z == self._places[number].slices[-1]:
            self._take(number)

    def _failed(self, question: SliceQuestion, sentence: str) -> None:
        self.problem = sentence
        self._questions.drop(question.entry.id)
        self._take(question.entry.id)

    def _take(self, number: int) -> None:
        """Show the best tiles of a tomogram, not too many of one slice."""
        candidates = sorted(self._candidates.pop(number, []), key=lambda tile: -tile.score)
        wish = self.wish
        if wish is None or not candidates:
            return
        share = min(_share(wish.count, len(wish.tomograms)), wish.count - len(self.tiles))
        each = max(1, -(-2 * share // len(self._places[number].slices)))
        taken: dict[int, int] = {}
        chosen: list[CuratorTile] = []
        others: list[CuratorTile] = []
        for tile in candidates:
            here = taken[tile.z] = taken.get(tile.z, 0) + 1
            (chosen if here <= each else others).append(tile)
        self.tiles += sorted([*chosen, *others][: max(share, 0)], key=lambda tile: -tile.score)

    def _select_undone(self) -> None:
        """Whoever takes a verdict back wants to give another one."""
        if self._counted[0] == self._editor.snapshot.revision:
            return
        before, now = self._counted[1], {i: sum(map(self._stands, given)) for i, given in self._given.items()}
        self._counted = self._editor.snapshot.revision, now
        undone = [index for index, count in now.items() if count < before.get(index, 0)]
        if undone:
            self.current = undone[0]

    def _stands(self, given: _Given) -> bool:
        if given.entry is None or given.entry == ALWAYS:
            return True
        snapshot = self._editor.snapshot
        if self._standing[0] != snapshot.revision:
            # Lines too old to be shown are done; another that is missing was undone, and dropped by a later edit.
            oldest = snapshot.history[0].id if len(snapshot.history) >= HISTORY_SHOWN else 0
            done = frozenset(line.id for line in snapshot.history if not line.undone)
            self._standing = (snapshot.revision, oldest, done)
        _, oldest, done = self._standing
        return given.entry in done or given.entry < oldest


def _share(count: int, parts: int) -> int:
    return -(-count // max(parts, 1))
