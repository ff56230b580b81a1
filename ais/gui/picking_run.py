"""Picking one feature in all tomograms of a project that have a volume of it, in the background."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ais.annotation.particle_sets import ParticleLook
from ais.annotation.picking_operations import NewPicks, PutPicks
from ais.errors import Cancelled
from ais.gui.background import Work, plain_sentence
from ais.gui.picking_choice import PickChoice
from ais.gui.picking_work import SEEN_RADII, Picked, PickTask, PickWork, VolumeInput
from ais.gui.scene.contents import Rgb
from ais.gui.volume_finder import volume_finder
from ais.progress import Progress

if TYPE_CHECKING:
    from ais.annotation import TomogramEntry
    from ais.gui.document import Document
    from ais.gui.editor import Editor


@dataclass(frozen=True)
class PickOutcome:
    """What came of a tomogram.

    Attributes
    ----------
    tomogram
        Its number.
    name
        What it is called.
    count
        How many particles were picked; None if it failed, or has no volume.
    problem
        Why nothing was picked, in one sentence; empty where something was, or where there is no volume.
    """

    tomogram: int
    name: str
    count: int | None = None
    problem: str = ""

    @property
    def without_volume(self) -> bool:
        """Whether there is nothing to pick from."""
        return self.count is None and not self.problem


class PickRun:
    """Picks tomograms one after the other; all sets are one step of undo.

    Parameters
    ----------
    editor
        Whose project it is.
    work
        Picks, and keeps what the preview has found already.

    Attributes
    ----------
    feature
        What is picked, or was picked last; empty before.
    outcomes
        Of the tomograms that are done.
    total
        How many there are.
    current
        Name of the one that is picked now; empty if none is.
    problem
        Why it ended early, in one sentence; else empty.
    """

    def __init__(self, editor: Editor, work: PickWork) -> None:
        self._editor = editor
        self._work = work
        self._document: Document | None = None
        self._running: Work | None = None
        self._saving = False
        self._clear()

    def _clear(self) -> None:
        self.feature = ""
        self.outcomes: list[PickOutcome] = []
        self.total = 0
        self.current = ""
        self.problem = ""

    def follow(self) -> None:
        """Forget what was picked in another project; once a frame."""
        if self._editor.document is not self._document:
            self._document = self._editor.document
            self.stop()
            self._running, self._saving = None, False
            self._clear()

    @property
    def running(self) -> bool:
        """Whether tomograms are picked, or what was picked is being saved."""
        return self._running is not None or self._saving

    @property
    def stopping(self) -> bool:
        """Whether it was told to stop and has not stopped yet."""
        return self._running is not None and self._running.cancelled

    @property
    def count(self) -> int:
        """How many particles there are in all tomograms that are done."""
        return sum(outcome.count or 0 for outcome in self.outcomes)

    def forget(self) -> None:
        """Clear what the last one has brought; the sets stay."""
        if not self.running:
            self._clear()

    def stop(self) -> None:
        """Pick no further tomogram; what has been picked becomes sets."""
        if self._running is not None:
            self._running.cancel()

    def begin(self, feature: str, choice: PickChoice, colour: Rgb) -> None:
        """Pick a feature in all tomograms."""
        editor, document = self._editor, self._editor.document
        if self.running or document is None or editor.read_only:
            return
        self._clear()
        entries = editor.snapshot.tomograms
        self.feature, self.total = feature, len(entries)
        find_volume = volume_finder(editor)
        picks: list[NewPicks] = []

        def tell(outcome: PickOutcome | str) -> None:
            def show() -> None:
                if editor.document is not document:
                    return
                if isinstance(outcome, str):
                    self.current = outcome
                else:
                    self.outcomes.append(outcome)

            editor.background.deliver(show)

        def pick_all(work: Work) -> None:
            try:
                for number, entry in enumerate(entries):
                    work.report(number, len(entries), entry.name)
                    tell(entry.name)
                    outcome, new = self._pick(entry, feature, choice, colour, find_volume, work)
                    tell(outcome)
                    if new is not None:
                        picks.append(new)
            except Cancelled:
                return  # what is there is kept

        def done(_: None) -> None:
            if self._running is not running or editor.document is not document:
                return  # another project is open meanwhile
            self._running, self.current = None, ""
            if picks:
                self._saving = True
                editor.submit(PutPicks(feature, picks), lambda _: self._saved(), self._saved)
            else:
                self._say()

        def failed(sentence: str) -> None:
            if self._running is running:
                self._running, self.current, self.problem = None, "", sentence

        title = f"Picking {feature} in all tomograms"
        running = self._running = editor.background.run(pick_all, done, title=title, failed=failed, awaited=False)

    def _pick(
        self,
        entry: TomogramEntry,
        feature: str,
        choice: PickChoice,
        colour: Rgb,
        find_volume: Callable[[Path, str], VolumeInput | None],
        work: Work,
    ) -> tuple[PickOutcome, NewPicks | None]:
        """In a thread: pick one tomogram; whatever fails there does not stop the others."""
        try:
            volume = find_volume(entry.path, feature)
            if volume is None:
                return PickOutcome(entry.id, entry.name), None
            surface = find_volume(entry.path, choice.surface) if choice.surface else None
            if choice.surface and surface is None:
                return PickOutcome(entry.id, entry.name, problem=f"It has no volume of {choice.surface}."), None
            task = PickTask(entry.name, entry.shape, entry.voxel_size, volume, choice, surface)
            picked = self._work.pick(task, Quiet(work))
        except Cancelled:
            raise
        except Exception as error:  # noqa: BLE001 - whatever is wrong with one tomogram is said beside its name
            return PickOutcome(entry.id, entry.name, problem=plain_sentence(error)), None
        new = NewPicks(entry.id, picked.table, origin_of(task), look_of(picked, colour, entry.voxel_size))
        return PickOutcome(entry.id, entry.name, len(picked)), new

    def _saved(self) -> None:
        self._saving = False
        self._say()

    def _say(self) -> None:
        done = [outcome for outcome in self.outcomes if outcome.count is not None]
        if not done:
            self._editor.notices.problem(f"No {self.feature} could be picked: the Render tab says why.")
            return
        where = f"{len(done)} tomogram{'s' if len(done) != 1 else ''}"
        self._editor.notices.say(f"{self.count:,} {self.feature} picked in {where}.")


class Quiet(Progress):
    """Lets the steps within one tomogram be stopped, while the list of jobs goes on to show how many are done."""

    def __init__(self, work: Work) -> None:
        self._work = work

    def report(self, done: float, total: float, text: str = "") -> None:
        """Stop if the user has asked for it."""
        del done, total, text
        if self._work.cancelled:
            raise Cancelled


def origin_of(task: PickTask) -> dict[str, Any]:
    """From what and how particles were picked, for a set."""
    origin: dict[str, Any] = {"volume": str(task.volume.path), "settings": task.choice.write()}
    if task.volume.removals:
        origin["removed"] = _digest(task.volume)
    if task.surface is not None:
        origin["surface"] = str(task.surface.path)
        if task.surface.removals:
            origin["removed from surface"] = _digest(task.surface)
    return origin


def _digest(volume: VolumeInput) -> str:
    """Of what was removed from a volume: tells whether it is still the same."""
    return hashlib.sha256(repr(volume.removals).encode()).hexdigest()[:16]


def look_of(picked: Picked, colour: Rgb, voxel_size: float) -> ParticleLook:
    """How particles are shown at first: a little larger than they are, lest the surface of their volume hides them."""
    oriented = picked.table.angles is not None and not picked.filaments
    radius = SEEN_RADII * picked.radius * (voxel_size or 1.0)
    return ParticleLook(colour=colour, radius=radius, body="arrow" if oriented else "sphere")
