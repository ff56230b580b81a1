"""The uncertainty queue: the slices, or tiles, of tomograms where a model is least sure, to be labelled next."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from ais.annotation import TomogramEntry
from ais.gui.document import Crop, Document, crop_key, crop_of
from ais.gui.model_places import ModelChoice, SliceQuestion, SliceQuestions
from ais.project import Project
from ais.uncertainty import TileRule

if TYPE_CHECKING:
    from ais.gui.editor import Editor

SLICES_LOOKED_AT = 24
"""Of each tomogram, unless another distance is asked for."""
TILES_PER_SLICE = 4
DEFAULT_TILE_PX = 64

Ranking = Literal["slices", "tiles"]


@dataclass(frozen=True)
class UncertainPlace:
    """Where a model is unsure.

    Attributes
    ----------
    tomogram
        Its number.
    z, y, x
        The slice, and the middle of the least certain tile of it.
    entropy
        What it is ranked by, in bits: mean of the slice, or of the tile.
    """

    tomogram: int
    z: int
    y: int
    x: int
    entropy: float


@dataclass(frozen=True)
class _Wish:
    """What the places are for."""

    model: ModelChoice
    feature: int
    ranking: Ranking


class UncertaintyQueue:
    """Places to be labelled next, the least certain first.

    Parameters
    ----------
    editor
        Whose project and compute process it uses.

    Attributes
    ----------
    problem
        One sentence if slices could not be looked at; else empty.
    shown
        The place that was gone to last; None before.
    tile_px
        Side of the tiles that were ranked, in pixels.
    """

    def __init__(self, editor: Editor) -> None:
        self.problem = ""
        self.shown: UncertainPlace | None = None
        self.tile_px = DEFAULT_TILE_PX
        self._editor = editor
        self._questions = SliceQuestions(editor)
        self._document: Document | None = None
        self._wish: _Wish | None = None
        self._reading = False
        self._going = False
        self._places: list[UncertainPlace] = []
        self._visited: set[UncertainPlace] = set()

    # For every frame

    def follow(self) -> None:
        """Take in what has been found; once a frame."""
        if self._editor.document is not self._document:
            self.clear()
            self._document = self._editor.document
        self._questions.follow()
        if self._going and (self._open() or not self.busy):
            self.next()

    @property
    def busy(self) -> bool:
        """Whether slices are still being looked at."""
        return self._reading or self._questions.busy

    @property
    def slices_done(self) -> tuple[int, int]:
        """Slices looked at, and all that will be."""
        return self._questions.progress

    @property
    def seconds_left(self) -> float | None:
        """Until all have been looked at; None while it cannot be told."""
        return self._questions.seconds_left

    # For the panel

    def begin(
        self,
        model: ModelChoice,
        feature: int,
        tomograms: Sequence[int],
        *,
        every: int | None = None,
        ranking: Ranking = "slices",
    ) -> str:
        """Look for places in tomograms; those found before are forgotten.

        Parameters
        ----------
        model
            Whose output; its `tta` makes disagreement between rotations and flips count as well.
        feature
            Number of the project's feature that is to be labelled: slices in which it is annotated are left out.
        tomograms
            Their numbers; crop regions are kept to.
        every
            Each so many slices one is looked at; by default so that there are about 24 of each tomogram.
        ranking
            Whether whole slices are ranked, or tiles of the feature's box size.

        Returns
        -------
        str
            One sentence if it cannot be done; else empty.
        """
        self.follow()
        document, snapshot = self._document, self._editor.snapshot
        entries = [entry for entry in map(snapshot.tomogram, tomograms) if entry is not None]
        if document is None or snapshot.feature(feature) is None:
            return "Choose the feature that is to be labelled."
        if not entries:
            return "Choose at least one tomogram."
        missing = next((entry for entry in entries if entry.missing), None)
        if missing is not None:
            return f"{missing.path} is missing: relink the tomogram {missing.name}, or leave it out."
        self.clear()
        self._document, self._reading = document, True
        wish = self._wish = _Wish(model, feature, ranking)

        def read(project: Project) -> list[tuple[set[int], Crop | None]]:
            return [
                (set(project.annotated_slices(entry.id, feature)), crop_of(project.setting(crop_key(entry.id))))
                for entry in entries
            ]

        def ask(found: list[tuple[set[int], Crop | None]]) -> None:
            if self._document is document and self._wish is wish:
                self._reading = False
                each = [_slices(entry, *known, every) for entry, known in zip(entries, found, strict=True)]
                self._ask(wish, _in_turns(each))

        document.ask(read, ask)
        return ""

    def stop(self) -> None:
        """Look no further; what has been found stays."""
        self._questions.stop()
        self._reading = False

    def clear(self) -> None:
        """Forget everything."""
        self._questions.stop()
        self._wish, self._reading, self._going, self.problem = None, False, False, ""
        self._places, self._visited, self.shown = [], set(), None

    def places(self) -> Sequence[UncertainPlace]:
        """All that have been found, the least certain first, visited and labelled ones included."""
        return self._places

    def labelled(self, place: UncertainPlace) -> bool:
        """Whether its slice has been annotated; known of the tomogram on the screen only."""
        snapshot, wish = self._editor.snapshot, self._wish
        slices = snapshot.annotated.get(wish.feature, ()) if wish is not None else ()
        return place.tomogram == snapshot.watched and place.z in slices

    def visited(self, place: UncertainPlace) -> bool:
        """Whether `next` has been there."""
        return place in self._visited

    def next(self) -> UncertainPlace | None:
        """Go to the least certain place that was neither visited nor labelled since.

        Returns
        -------
        UncertainPlace or None
            Where the view goes; None if there is none. While slices are still being looked at and none has been found
            yet, it goes there as soon as one is.
        """
        place = next(iter(self._open()), None)
        self._going = place is None and self.busy
        if place is not None:
            self.go_to(place)
        elif not self._going:
            text = "No uncertain place is left: look again after the next training." if self._places else self.problem
            self._editor.notices.say(text or "Choose a model and look for uncertain slices first.", "hint")
        return place

    def go_to(self, place: UncertainPlace) -> None:
        """Show a place, and count it as visited."""
        self._visited.add(place)
        self.shown = place
        feature = self._wish.feature if self._wish is not None else None
        self._editor.sight.visit(place.tomogram, place.z, place.y, place.x, feature)

    # Within

    def _open(self) -> list[UncertainPlace]:
        there = {entry.id for entry in self._editor.snapshot.tomograms}
        return [
            place
            for place in self._places
            if place.tomogram in there and place not in self._visited and not self.labelled(place)
        ]

    def _ask(self, wish: _Wish, questions: Sequence[SliceQuestion]) -> None:
        feature = self._editor.snapshot.feature(wish.feature)
        if not questions:
            self.problem = "Every slice that would be looked at is annotated already."
            return
        smallest = min(min(_extent(question)) for question in questions)
        size = self.tile_px = min(feature.box_size if feature is not None else DEFAULT_TILE_PX, smallest)

        def found(question: SliceQuestion, result: dict[str, Any]) -> None:
            where = zip(result["centres"].tolist(), result["entropies"].tolist(), strict=True)
            places = [UncertainPlace(question.entry.id, question.z, y, x, entropy) for (y, x), entropy in where]
            if wish.ranking == "slices":
                best = places[0]
                places = [UncertainPlace(best.tomogram, best.z, best.y, best.x, float(result["entropy"]))]
            self._places = sorted([*self._places, *places], key=lambda place: -place.entropy)

        def failed(question: SliceQuestion, sentence: str) -> None:
            self.problem = sentence
            self._questions.drop(question.entry.id)

        self._questions.begin(
            questions,
            wish.model,
            size=size,
            rule=TileRule.UNCERTAIN,
            count=1 if wish.ranking == "slices" else TILES_PER_SLICE,
            pictures=False,
            further=lambda _: {},
            answered=found,
            failed=failed,
        )


def _slices(entry: TomogramEntry, annotated: set[int], crop: Crop | None, every: int | None) -> list[SliceQuestion]:
    """The slices of a tomogram to be looked at, in an order that soon covers all of it."""
    nz, ny, nx = entry.shape
    z0, z1 = crop.z if crop is not None else (0, nz)
    step = max(1, every if every is not None else (z1 - z0) // SLICES_LOOKED_AT)
    chosen = [z for z in range(z0 + min(step, z1 - z0) // 2, z1, step) if z not in annotated]
    part = None
    if crop is not None and (crop.y, crop.x) != ((0, ny), (0, nx)):
        part = (*crop.x, *crop.y)
    return [SliceQuestion(entry, chosen[index], part) for index in coarse_to_fine(len(chosen))]


def _extent(question: SliceQuestion) -> tuple[int, int]:
    """(ny, nx) of the part of a slice that is looked at."""
    if question.crop is None:
        return question.entry.shape[1:]
    x0, x1, y0, y1 = question.crop
    return y1 - y0, x1 - x0


def _in_turns(each: Sequence[Sequence[SliceQuestion]]) -> list[SliceQuestion]:
    """One of each tomogram, then the next of each."""
    longest = max(map(len, each), default=0)
    return [questions[index] for index in range(longest) for questions in each if index < len(questions)]


def coarse_to_fine(count: int) -> list[int]:
    """The numbers 0 to count - 1: the middle first, then the middles of both halves, and so on."""
    order, parts = [], deque([(0, count)])
    while parts:
        low, high = parts.popleft()
        if low < high:
            middle = (low + high) // 2
            order.append(middle)
            parts += [(low, middle), (middle + 1, high)]
    return order
