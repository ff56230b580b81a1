"""Pictures of the particles of a set, cut out of the tomogram, to look them through."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from ais.gui.particle_crops import CropStyle, particle_crop
from ais.gui.particle_sets import SET_KEY

if TYPE_CHECKING:
    from ais.annotation.particle_sets import ParticleSet
    from ais.gui.background import Work
    from ais.gui.document import Document
    from ais.gui.editor import Editor
    from ais.gui.shown_particles import ParticleTable, ShownParticles
    from ais.gui.shown_tomogram import ShownTomogram

BATCH = 8
MOST_AT_ONCE = 2
"""Threads that cut out pictures; others must have room."""
KEPT_BYTES = 64 << 20
SIDES_PX = (4, 512)
RADII_SEEN = 4.0
"""A picture shows so many radii of a particle at first."""
LEAST_SIDE_PX = 12
WORDS = {
    "aisParticleWeight": "Weight",
    "aisParticleVolume": "Volume (A³)",
    "aisDistance": "Distance (A)",
    "aisParticleID": "Rank",
}
IN_ORDER = ""
"""The order of the set."""

Crops = list[tuple[int, NDArray[np.uint8]]]
_NONE: NDArray[np.intp] = np.zeros(0, np.intp)


class Gallery:
    """Which pictures are shown, in which order, and how they are made.

    It shows the set that is selected in the list, without the particles that are filtered out, and what is selected in
    it is selected in the scene as well.

    Parameters
    ----------
    editor
        Whose tomogram and sets they are of.

    Attributes
    ----------
    open
        Whether the gallery is on the screen.
    order
        The column by which particles are sorted; `IN_ORDER` for none.
    descending
        Whether the largest come first.
    projected
        Whether the mean over the particle's depth is shown in place of the slice through its centre.
    upright
        Whether pictures are cut along the particles' own axis, where it is known.
    side_wish
        What a picture shows, in angstrom; 0 follows the radius of the set.
    problem
        Why pictures are missing, in one sentence; else empty.
    """

    def __init__(self, editor: Editor) -> None:
        self._editor = editor
        self._document: Document | None = None
        self.open = False
        self.order = IN_ORDER
        self.descending = True
        self.projected = True
        self.upright = False
        self.side_wish = 0.0
        self._works: dict[int, tuple[Work, frozenset[int]]] = {}
        self._reset()

    def _reset(self) -> None:
        self.problem = ""
        self._current: int | None = None
        self._columns: tuple[ParticleTable | None, dict[str, NDArray[np.float64]]] = (None, {})
        self._rows: tuple[tuple[object, ...], NDArray[np.intp]] = ((), _NONE)
        self._wanted: Sequence[int] = ()
        self._forget_pictures()

    def _forget_pictures(self) -> None:
        for work, _ in self._works.values():
            work.cancel()
        self._works = {}
        self._made_of: tuple[object, ...] = ()
        self._pictures: OrderedDict[int, NDArray[np.uint8]] = OrderedDict()

    # Which particles

    @property
    def set(self) -> ParticleSet | None:
        """The set that is shown; the newest where none is selected."""
        particles = self._editor.rendering.particles
        return particles.current or (particles.sets[-1] if particles.sets else None)

    def use_set(self, number: int) -> None:
        """Show another set."""
        self._editor.rendering.particles.selected = number
        self._current = None

    @property
    def shown(self) -> ShownParticles | None:
        """The particles of the set; None until they have been read."""
        now = self.set
        shown = self._editor.rendering.particles.shown(now.id) if now is not None else None
        # What was read before others took their place has other numbers.
        return shown if shown is not None and now is not None and shown.particle_set.digest == now.digest else None

    @property
    def reading(self) -> bool:
        """Whether there are particles that have not been read yet."""
        now = self.set
        return now is not None and self.shown is None and not self._editor.rendering.particles.problem(now.id)

    @property
    def orders(self) -> list[str]:
        """The columns by which particles can be sorted."""
        return [IN_ORDER, *self._columns[1]]

    def values(self, column: str) -> NDArray[np.float64] | None:
        """A column of numbers of all rows of the set's table; None if there is none such, or it is not known yet."""
        shown = self.shown
        return self._columns[1].get(column) if shown is not None and self._columns[0] is shown.table else None

    @property
    def rows(self) -> NDArray[np.intp]:
        """Numbers of the particles in the order in which they are shown."""
        shown = self.shown
        if shown is None:
            return _NONE
        values = self.values(self.order)
        made_of = (shown, values, self.descending)
        if not _same(made_of, self._rows[0]):
            there = np.flatnonzero(shown.visible)
            if values is not None:
                keys = -values[there] if self.descending else values[there]
                there = there[np.argsort(keys, kind="stable")]
            self._rows = made_of, there
        return self._rows[1]

    def place(self, number: int) -> tuple[float, float, float]:
        """x, y, z of a particle in voxels."""
        shown = self.shown
        assert shown is not None
        x, y, z = shown.positions[number].tolist()
        return x, y, z

    # Selecting and deleting

    @property
    def selected(self) -> frozenset[int]:
        """Numbers of the selected particles."""
        now = self.set
        if now is None:
            return frozenset()
        return frozenset(self._editor.rendering.particles.chosen((SET_KEY, now.id)).tolist())

    @property
    def current(self) -> int | None:
        """The particle that was clicked last."""
        return self._current

    def select(self, number: int, *, toggle: bool = False, extend: bool = False) -> None:
        """Select a particle and go there; add it to the others, or all from the current one to it."""
        rows, selected, now = self.rows.tolist(), self.selected, self.set
        if number not in rows or now is None:
            return
        if extend and self._current in rows:
            first, last = sorted((rows.index(self._current), rows.index(number)))
            selected |= frozenset(rows[first : last + 1])
        elif toggle:
            selected ^= {number}
        else:
            selected = frozenset((number,))
        self._current = number
        self._editor.rendering.particles.choose(now.id, sorted(selected))
        self.visit(number)

    def step(self, by: int) -> None:
        """Select the particle so many places further on."""
        rows = self.rows.tolist()
        if rows:
            at = rows.index(self._current) + by if self._current in rows else 0
            self.select(rows[min(max(at, 0), len(rows) - 1)])

    def visit(self, number: int) -> None:
        """Show a particle in the slices."""
        x, y, z = self.place(number)
        self._editor.sight.show_voxel(z, y, x)

    def delete(self, numbers: Sequence[int] | None = None) -> None:
        """Take particles out of the set, by default those that are selected; undo brings them back."""
        now, particles = self.set, self._editor.rendering.particles
        gone = self.selected if numbers is None else frozenset(numbers)
        if now is None or not gone or self._editor.read_only:
            return
        rows = self.rows.tolist()
        particles.delete({now.id: sorted(gone)})
        if self._current in gone and self._current in rows:
            # The next one that stays, so that one key after the other looks through them.
            at = rows.index(self._current)
            stay = [one for one in (*rows[at:], *reversed(rows[:at])) if one not in gone]
            self._current = stay[0] if stay else None
            if numbers is None and stay:
                particles.choose(now.id, [stay[0]])
                self.visit(stay[0])

    # Pictures

    @property
    def side(self) -> float:
        """What a picture shows, in angstrom (in voxels without voxel size)."""
        now, edge = self.set, self._editor.rendering.voxel_size
        if self.side_wish or now is None:
            return self.side_wish
        return max(RADII_SEEN * self._editor.rendering.particles.look(now).radius, LEAST_SIDE_PX * edge)

    @property
    def style(self) -> CropStyle:
        """How pictures are made."""
        editor, now = self._editor, self.set
        edge, contrast = editor.rendering.voxel_size, editor.state.contrast
        side = min(max(round(self.side / edge), SIDES_PX[0]), SIDES_PX[1])
        depth = 1
        if self.projected and now is not None:
            depth = min(max(round(2 * editor.rendering.particles.look(now).radius / edge), 1), side)
        return CropStyle(side, depth, self.upright and self.can_be_upright, contrast is not None and contrast.invert)

    @property
    def can_be_upright(self) -> bool:
        """Whether it is known how the particles lie."""
        shown = self.shown
        return shown is not None and shown.directions is not None

    @property
    def pictures_of(self) -> object:
        """Another object than before when all pictures are others."""
        return self._made_of

    def picture(self, number: int) -> NDArray[np.uint8] | None:
        """The picture of a particle, row 0 at the bottom; None until it has been made."""
        found = self._pictures.get(number)
        if found is not None:
            self._pictures.move_to_end(number)
        return found

    def want(self, numbers: Sequence[int]) -> None:
        """Have pictures made of the particles on the screen, in this order; what was wanted before is not any more."""
        self._wanted = numbers
        self._cut()  # now: the window may sleep after this frame

    @property
    def waiting(self) -> bool:
        """Whether pictures are being made."""
        return bool(self._works)

    def follow(self) -> None:
        """Take in pictures that have been made and ask for those that are missing; once a frame."""
        editor = self._editor
        if editor.document is not self._document:
            self._document, self.open = editor.document, False
            self._reset()
        shown = self.shown if self.open and editor.shown is not None else None
        if shown is None or editor.shown is None:
            self._wanted = ()
            return
        self._find_columns(shown.table)
        made_of = (editor.shown, shown.table, tuple(shown.particle_set.moved.items()), self.style)
        if not _same(made_of[:2], self._made_of[:2]) or made_of[2:] != self._made_of[2:]:
            self._forget_pictures()
            self._made_of, self.problem = made_of, ""
        self._cut()

    def _cut(self) -> None:
        """Have as many pictures made as there are threads for."""
        tomogram, shown = self._editor.shown, self.shown
        if tomogram is None or shown is None or not _same((tomogram, shown.table), self._made_of[:2]):
            return
        while len(self._works) < MOST_AT_ONCE and not self.problem:
            under_way = frozenset(number for _, numbers in self._works.values() for number in numbers)
            missing = [n for n in self._wanted if n not in self._pictures and n not in under_way][:BATCH]
            if not missing:
                break
            self._begin(tomogram, shown, missing)

    def _begin(self, tomogram: ShownTomogram, shown: ShownParticles, numbers: list[int]) -> None:
        """Have some pictures made in a thread."""
        style, made_of = self.style, self._made_of
        positions, angles = shown.positions[numbers], shown.table.coordinates.angles
        turns = [None] * len(numbers) if angles is None else list(angles[numbers])

        def cut(work: Work) -> Crops:
            found: Crops = []
            for number, position, turn in zip(numbers, positions.tolist(), turns, strict=True):
                work.report(len(found), len(numbers))
                found.append((number, particle_crop(tomogram.tomogram, position, style, turn)))
            return found

        def there(found: Crops) -> None:
            self._works.pop(work.number, None)
            if self._made_of is made_of:
                self._pictures.update(found)
                while len(self._pictures) > max(KEPT_BYTES // style.picture_px**2, 1):
                    self._pictures.popitem(last=False)

        def failed(sentence: str) -> None:
            self._works.pop(work.number, None)
            if self._made_of is made_of and self._editor.shown is tomogram:
                self.problem = sentence

        work = self._editor.background.run(cut, there, failed=failed)
        self._works[work.number] = work, frozenset(numbers)

    def _find_columns(self, table: ParticleTable) -> None:
        """Find out which columns hold numbers, in a thread: it takes a moment for columns of text."""
        if self._columns[0] is table:
            return
        self._columns = table, {}

        def read(_: Work) -> dict[str, NDArray[np.float64]]:
            found = {label: table.numbers(label) for label in table.labels}
            return {label: values for label, values in found.items() if values is not None}

        def there(found: dict[str, NDArray[np.float64]]) -> None:
            if self._columns[0] is table:
                self._columns = table, found
                if self.order not in found:
                    self.order = IN_ORDER

        self._editor.background.run(read, there)


def order_in_words(column: str) -> str:
    """What to call a column by which particles are sorted."""
    return WORDS.get(column, column or "Order of the set")


def _same(one: tuple[object, ...], other: tuple[object, ...]) -> bool:
    """Whether two tuples hold the same objects."""
    return len(one) == len(other) and all(a is b for a, b in zip(one, other, strict=True))
