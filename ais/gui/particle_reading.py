"""Tables of particle sets, read in threads, and what is shown of each set, worked out in threads; the latest wins."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from ais.gui.shown_particles import ParticleTable, ShownParticles, show_particles

if TYPE_CHECKING:
    from ais.annotation import ParticleLook, ParticleSet
    from ais.gui.background import Work
    from ais.gui.document import Document
    from ais.gui.editor import Editor


@dataclass
class _Derived:
    """What is shown of a set now, what it was made from, and what is being made."""

    made_from: tuple[object, ...] | None = None
    shown: ShownParticles | None = None
    making: tuple[object, ...] | None = None
    problem: str = ""
    unreadable: str = ""
    """Digest of a table that could not be read."""


class ParticleReading:
    """What is known of the sets of the tomogram on the screen beyond what the project says of them.

    Parameters
    ----------
    editor
        Whose project they are in.
    look
        How a set looks now, as it may be seen before it is saved.
    """

    def __init__(self, editor: Editor, look: Callable[[ParticleSet], ParticleLook]) -> None:
        self._editor = editor
        self._look = look
        self._document: Document | None = None
        self._sets: Sequence[ParticleSet] = ()
        self._tables: dict[str, ParticleTable] = {}
        self._reading: dict[str, Work] = {}
        self._derived: dict[int, _Derived] = {}

    def shown(self, number: int) -> ShownParticles | None:
        """How a set is shown; None until its table has been read. It may be a moment behind."""
        derived = self._derived.get(number)
        return derived.shown if derived is not None else None

    def problem(self, number: int) -> str:
        """Why a set cannot be shown; empty if it can."""
        derived = self._derived.get(number)
        return derived.problem if derived is not None else ""

    def is_behind(self, one: ParticleSet) -> bool:
        """Whether a set is shown as it was before."""
        derived = self._derived.get(one.id)
        return derived is not None and derived.made_from != self._wanted(one)

    def forget(self, document: Document | None) -> None:
        """Begin anew with another project."""
        self._document, self._sets = document, ()
        for kept in (self._tables, self._reading, self._derived):
            kept.clear()

    def keep(self, sets: Sequence[ParticleSet]) -> None:
        """Let go of all but these."""
        self._sets = sets
        numbers, digests = {one.id for one in sets}, {one.digest for one in sets}
        self._derived = {number: derived for number, derived in self._derived.items() if number in numbers}
        self._tables = {digest: table for digest, table in self._tables.items() if digest in digests}

    def follow(self, sets: Sequence[ParticleSet]) -> None:
        """Have done what is missing; once a frame."""
        self._sets = sets
        for one in sets:
            self._derive(one)

    def _derive(self, one: ParticleSet) -> None:
        editor, document = self._editor, self._document
        derived = self._derived.setdefault(one.id, _Derived())
        table = self._tables.get(one.digest)
        if table is None:
            if one.digest not in self._reading and document is not None and derived.unreadable != one.digest:
                self._read(one, document, derived)
            return
        wanted = self._wanted(one)
        if wanted == derived.made_from or derived.making is not None:
            return
        derived.making = wanted
        target = replace(one, look=self._look(one))

        def there(shown: ShownParticles) -> None:
            derived.making = None
            derived.made_from, derived.shown, derived.problem = wanted, shown, ""

        def failed(sentence: str) -> None:
            derived.making = None
            derived.made_from, derived.problem = wanted, sentence

        editor.background.run(lambda _: show_particles(target, table), there, failed=failed)

    def _wanted(self, one: ParticleSet) -> tuple[object, ...]:
        """What the way a set is shown depends on; radius and body need no new colours."""
        look = self._look(one)
        ramp = (look.colour, look.colour_by, look.colour_map, look.limits, look.ranges)
        return one.digest, one.removed.tobytes() if one.removed.any() else b"", tuple(one.moved.items()), ramp

    def _read(self, one: ParticleSet, document: Document, derived: _Derived) -> None:
        project = document.project

        def there(table: ParticleTable) -> None:
            self._reading.pop(one.digest, None)
            if self._document is document and any(each.digest == one.digest for each in self._sets):
                self._tables[one.digest] = table

        def failed(sentence: str) -> None:
            self._reading.pop(one.digest, None)
            now = next((each for each in self._sets if each.id == one.id), None)
            if self._document is document and now is not None and now.digest == one.digest:
                derived.problem, derived.unreadable = sentence, one.digest
                self._editor.notices.problem(sentence)

        def read(_: Work) -> ParticleTable:
            table = ParticleTable(project.particle_table(one))
            table.numeric_labels()  # found out here, and not while a frame is drawn
            return table

        self._reading[one.digest] = self._editor.background.run(
            read,
            there,
            title=f"Reading {one.name}",
            failed=failed,
        )
