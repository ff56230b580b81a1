"""Sets of particles of the tomogram on the screen: picked, loaded, coloured, edited."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ais.annotation import DeleteParticles, Feature, HandPicks, ParticleLook, ParticleSet, Together
from ais.annotation.particle_set_operations import ChangeParticleLook
from ais.formats.coord_table import text_of
from ais.gui.particle_import import ParticleImport
from ais.gui.particle_items import PICKS_KEY, SET_KEY, ParticleItems
from ais.gui.particle_loading import load_into_project
from ais.gui.particle_reading import ParticleReading
from ais.gui.particle_saving import CHOICE_KEY, ParticleSaving, choice_of, remembered
from ais.gui.scene.contents import ParticleItem
from ais.gui.shown_particles import ShownParticles
from ais.gui.state import Tab

if TYPE_CHECKING:
    from ais.gui.document import Document
    from ais.gui.editor import Editor

__all__ = ["KEYS_OF_LIST", "PICKS_KEY", "SET_KEY", "DraggedParticle", "ParticleSets"]

KEYS_OF_LIST = "sets of particles"
"""Under which the list of sets takes keys, in `Shell.keys_taken`."""


@dataclass(frozen=True)
class DraggedParticle:
    """A particle that follows the pointer, to be drawn in place of the one that is moved.

    Attributes
    ----------
    particle_set, particle
        Numbers of its set and of the particle.
    position
        z, y, x in voxels, where it is now.
    """

    particle_set: int
    particle: int
    position: tuple[float, float, float]


class ParticleSets:
    """The sets of the tomogram on the screen.

    Parameters
    ----------
    editor
        Whose project they are in.

    Attributes
    ----------
    sets
        In the order in which they were added, as the project holds them.
    selected
        Number of the one that is selected in the list; None for none.
    table_open
        Whether the window with the table of the selected set is shown.
    saving
        What is chosen on the page that saves particles; None while that is closed.
    importing
        What is chosen on the page on which files find their tomograms; None while that is closed.
    dragged
        A particle that follows the pointer, or is being saved where it was left.
    """

    def __init__(self, editor: Editor) -> None:
        self._editor = editor
        self.sets: tuple[ParticleSet, ...] = ()
        self.selected: int | None = None
        self.table_open = False
        self.saving: ParticleSaving | None = None
        self.importing: ParticleImport | None = None
        self.dragged: DraggedParticle | None = None
        self._dropped: tuple[DraggedParticle, int] | None = None
        self._taken = 0
        self._document: Document | None = None
        self._asked: tuple[int, int | None] | None = None
        self._selected_name = ""
        self._reading = ParticleReading(editor, self.look)
        self._looks: dict[int, ParticleLook] = {}
        self._saved_looks: dict[int, tuple[ParticleLook, int]] = {}
        self._items = ParticleItems(editor)
        self._chosen_from: object = None
        self._chosen: dict[Hashable, NDArray[np.intp]] = {}

    # Once a frame

    def follow(self) -> None:
        """Take in what has changed; once a frame."""
        editor = self._editor
        if editor.document is not self._document:
            self._document = editor.document
            self._forget()
        if editor.state.tab is not Tab.RENDER or editor.document is None:
            editor.shell.keys_taken.pop(KEYS_OF_LIST, None)  # the list is not drawn, so it cannot give them back
        document = self._document
        if document is None:
            return
        tomogram = editor.state.tomogram
        asked = (editor.snapshot.revision, tomogram)
        if asked != self._asked:
            if self._asked is not None and self._asked[1] != tomogram:
                self.sets = ()
            self._asked = asked
            if tomogram is not None:
                document.ask(
                    lambda project: project.particle_sets(tomogram),
                    lambda sets: self._take(tuple(sets), asked),
                )
        self._reading.follow(self.sets)
        self._settle()
        if self.saving is not None:
            self.saving.follow()
        if self.importing is not None:
            self.importing.follow()

    def items(self) -> tuple[ParticleItem, ...]:
        """What of them is in the scene."""
        if self._editor.shown is None:
            return ()
        found = []
        for one in self.sets:
            shown = self.shown(one.id)
            if shown is not None and self.look(one).shown:
                found.append(self._items.of_set(one.id, self.look(one), shown, self.chosen((SET_KEY, one.id))))
        for feature, picks in self.hand_picks():
            if feature.visible:
                found.append(self._items.of_picks(feature, picks, self.chosen((PICKS_KEY, feature.id))))
        return tuple(found)

    @property
    def seconds_to_frame(self) -> float | None:
        """When something has to be done though nobody wakes the window."""
        waits = [page.seconds_to_frame for page in (self.saving, self.importing) if page is not None]
        return min((wait for wait in waits if wait is not None), default=None)

    # Looking at them

    def find(self, number: int | None) -> ParticleSet | None:
        """The set of a number, if it belongs to the tomogram on the screen."""
        return next((one for one in self.sets if one.id == number), None)

    @property
    def current(self) -> ParticleSet | None:
        """The set that is selected in the list."""
        return self.find(self.selected)

    def look(self, one: ParticleSet) -> ParticleLook:
        """How a set looks, or will, while that is being chosen."""
        return self._looks.get(one.id, one.look)

    def shown(self, number: int) -> ShownParticles | None:
        """How a set is shown; None until its table has been read. It may be a moment behind."""
        return self._reading.shown(number)

    def problem(self, number: int) -> str:
        """Why a set cannot be shown; empty if it can."""
        return self._reading.problem(number)

    def hand_picks(self) -> list[tuple[Feature, HandPicks]]:
        """What was picked by hand in this tomogram; it is edited with its feature and only seen here."""
        snapshot = self._editor.snapshot
        found = [(feature, snapshot.picks.get(feature.id)) for feature in snapshot.features]
        return [(feature, picks) for feature, picks in found if picks is not None and picks.picks]

    def name_of(self, key: Hashable) -> str:
        """What an item of the scene is called; empty if it is none of these."""
        match key:
            case (str(kind), int(number)) if kind == SET_KEY:
                one = self.find(number)
                return one.name if one is not None else ""
            case (str(kind), int(number)) if kind == PICKS_KEY:
                feature = self._editor.snapshot.feature(number)
                return feature.name if feature is not None else ""
        return ""

    def voxel(self, key: Hashable, number: int) -> tuple[float, float, float] | None:
        """z, y, x of a particle of an item of the scene; None if there is none such."""
        match key:
            case (str(kind), int(owner)) if kind == SET_KEY:
                shown = self.shown(owner)
                if shown is not None and 0 <= number < len(shown.positions):
                    x, y, z = (float(at) for at in shown.positions[number])
                    return z, y, x
            case (str(kind), int(owner)) if kind == PICKS_KEY:
                picks = self._editor.snapshot.picks.get(owner)
                if picks is not None and 0 <= number < len(picks.picks):
                    pick = picks.picks[number]
                    return pick.z, pick.y, pick.x
        return None

    def columns_of(self, key: Hashable, number: int) -> list[tuple[str, str]]:
        """Labels and values of a particle of an item of the scene, for reading."""
        match key:
            case (str(kind), int(owner)) if kind == SET_KEY:
                shown = self.shown(owner)
                if shown is not None and 0 <= number < len(shown.table):
                    columns = shown.table.coordinates.columns
                    return [(label, text_of(column[number])) for label, column in columns.items()]
        return []

    # What is selected among them

    def chosen(self, key: Hashable) -> NDArray[np.intp]:
        """Numbers of the particles of an item that are selected, ascending."""
        selected = self._editor.rendering.view.selected
        if selected is not self._chosen_from:
            self._chosen_from = selected
            groups: dict[Hashable, list[int]] = {}
            for owner, number in selected:
                groups.setdefault(owner, []).append(number)
            self._chosen = {owner: np.sort(np.array(numbers, np.intp)) for owner, numbers in groups.items()}
        return self._chosen.get(key, np.zeros(0, np.intp))

    def chosen_in_sets(self) -> dict[int, NDArray[np.intp]]:
        """Numbers of the selected particles of each set."""
        found = {one.id: self.chosen((SET_KEY, one.id)) for one in self.sets}
        return {number: chosen for number, chosen in found.items() if len(chosen)}

    def choose(self, number: int, particles: Sequence[int], *, add: bool = False) -> None:
        """Select particles of a set, in place of all that is selected or beside it."""
        self._editor.rendering.view.select([((SET_KEY, number), int(at)) for at in particles], add=add)

    def toggle(self, number: int, particle: int) -> None:
        """Select one more particle of a set, or one less."""
        self._editor.rendering.view.toggle(((SET_KEY, number), particle))

    # Edits

    def delete(self, particles: Mapping[int, Sequence[int]]) -> None:
        """Delete particles of sets, as one step of undo; they are no longer selected then."""
        operations = [DeleteParticles(number, tuple(map(int, each))) for number, each in particles.items() if len(each)]
        if not operations:
            return
        gone = {((SET_KEY, one.particle_set), number) for one in operations for number in one.particles}
        view = self._editor.rendering.view
        if len(operations) == 1:
            self._editor.submit(operations[0])
        else:
            count = sum(len(one.particles) for one in operations)
            self._editor.submit(Together(f"Delete {count} particles", operations))
        view.select(view.selected - gone)

    def delete_chosen(self) -> None:
        """Delete the particles that are selected."""
        self.delete({number: numbers.tolist() for number, numbers in self.chosen_in_sets().items()})

    def keep_chosen(self) -> None:
        """Delete all others of the sets that have selected particles."""
        others = {}
        for number, numbers in self.chosen_in_sets().items():
            one = self.find(number)
            if one is not None:
                rest = ~one.removed
                rest[numbers] = False
                others[number] = np.flatnonzero(rest).tolist()
        self.delete(others)

    def drop(self, dragged: DraggedParticle) -> None:
        """Say that a particle has been moved: it is drawn as `dragged` until the set is shown with it there."""
        self._dropped = dragged, self._editor.snapshot.revision

    def preview(self, one: ParticleSet, **changes: Any) -> None:
        """Show a set with another look, without saving it yet."""
        self._looks[one.id] = replace(self.look(one), **changes)

    def save_look(self, one: ParticleSet, *, everywhere: bool = False) -> None:
        """Save the look that was chosen last."""
        look = self._looks.get(one.id)
        if look is None and not everywhere:
            return

        editor = self._editor

        def done(_: object) -> None:
            if look is not None:
                self._saved_looks[one.id] = look, editor.snapshot.revision

        editor.submit(
            ChangeParticleLook(one.id, look or one.look, everywhere), done, lambda: self._end_preview(one.id, look)
        )

    def change_look(self, one: ParticleSet, **changes: Any) -> None:
        """Give a set another look, and save it."""
        self.preview(one, **changes)
        self.save_look(one)

    # Files

    def load(self, paths: Sequence[Path]) -> None:
        """Read files of coordinates into the tomograms that they name, in the background."""
        load_into_project(self._editor, paths)

    def end_importing(self, accepted: bool) -> None:
        """Close the page on which files find their tomograms, and load what it shows."""
        importing, self.importing = self.importing, None
        if importing is not None and accepted:
            importing.accept()

    def save(self, number: int) -> None:
        """Open the page that saves a set."""
        one, document = self.find(number), self._document
        if one is None or document is None:
            return

        def begin(value: Any) -> None:
            if self._document is document:
                self.saving = ParticleSaving(self._editor, one, choice_of(value))

        document.ask(lambda project: project.view_state(CHOICE_KEY), begin)

    def end_saving(self, accepted: bool) -> None:
        """Close the page, and save what was chosen."""
        saving, self.saving = self.saving, None
        if saving is None or not accepted or self._document is None:
            return
        self._document.remember(CHOICE_KEY, remembered(saving.choice))
        saving.save()

    # Within

    def _forget(self) -> None:
        self.sets, self.selected, self.saving, self.importing, self.dragged = (), None, None, None, None
        self._asked = None
        self._items.keep(())
        self._reading.forget(self._document)
        self._looks.clear()
        self._saved_looks.clear()

    def _take(self, sets: tuple[ParticleSet, ...], asked: tuple[int, int | None]) -> None:
        if asked[1] != self._editor.state.tomogram:
            return
        self._taken = asked[0]
        for number, (look, revision) in list(self._saved_looks.items()):
            if revision <= self._taken:
                del self._saved_looks[number]
                self._end_preview(number, look)
        new = [one for one in sets if self.find(one.id) is None] if self.sets else []
        before = self.current
        if before is not None:
            self._selected_name = before.name
        self.sets = sets
        numbers = {one.id for one in sets}
        if new:
            self.selected = new[-1].id
        elif self.selected not in numbers:  # in another tomogram, that of the same name
            same = [one.id for one in sets if one.name == self._selected_name]
            self.selected = next(iter(same or [one.id for one in sets]), None)
        self._looks = {number: look for number, look in self._looks.items() if number in numbers}
        self._reading.keep(sets)
        self._items.keep(numbers)

    def _end_preview(self, number: int, look: ParticleLook | None) -> None:
        if self._looks.get(number) is look:
            self._looks.pop(number, None)

    def _settle(self) -> None:
        """Draw a particle where its set has it, once that is where it was left, or elsewhere after all."""
        if self._dropped is None:
            return
        dragged, revision = self._dropped
        one = self.find(dragged.particle_set)
        behind = one is not None and self._reading.is_behind(one)
        if self._taken >= revision and not behind:
            self._dropped = None
            if self.dragged is dragged:
                self.dragged = None
