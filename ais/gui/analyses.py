"""Analysis of segmented volumes in the window: planned, run in a thread, and what has come of it."""

from __future__ import annotations

import queue
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ais.errors import AisError
from ais.gui.analysis_saving import save_plots, save_table
from ais.gui.analysis_table import InstanceTable, RowOrder
from ais.gui.analysis_work import (
    AnalysisChoice,
    AnalysisInput,
    VolumeResult,
    analyze_inputs,
    list_inputs,
    pick_scores,
    reference_scores,
)

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from ais.gui.background import Work
    from ais.gui.document import Document
    from ais.gui.editor import Editor

KEYS_OF_ANALYSIS = "Analysis"
"""Under which the table takes keys, in `Shell.keys_taken`."""
COORDINATES = (".star", ".tsv", ".txt", ".csv")


@dataclass
class AnalysisPlan:
    """What the next analysis is to be; the page changes it.

    Attributes
    ----------
    all_tomograms
        Whether volumes of all tomograms are analysed, or only of the one on the screen.
    left_out
        Features that are not analysed.
    choice
        How instances are found and what is measured.
    """

    all_tomograms: bool = False
    left_out: set[str] = field(default_factory=set)
    choice: AnalysisChoice = field(default_factory=AnalysisChoice)


@dataclass
class Reference:
    """What a volume is compared with.

    Attributes
    ----------
    volume
        The volume that is compared; None for the first result.
    path
        A mask, labels, or true positions; None while none is chosen.
    radius
        Largest distance between a centroid and a true position, in nm.
    scores
        What came of it, by name; None before.
    problem
        Why nothing came of it, in one sentence; else empty.
    """

    volume: Path | None = None
    path: Path | None = None
    radius: float = 10.0
    scores: dict[str, Any] | None = None
    problem: str = ""

    @property
    def of_positions(self) -> bool:
        """Whether positions are compared, and not volumes."""
        return self.path is not None and self.path.suffix.casefold() in COORDINATES


class Analyses:
    """What is and was analysed in the open project. Call `follow` in every frame.

    Parameters
    ----------
    editor
        Whose project it is.

    Attributes
    ----------
    plan
        What the next one is to be.
    inputs
        All segmented volumes of the project that were found.
    table
        What has been measured, of the last analysis.
    order
        Which of its rows are shown, in which order.
    selected
        Row of the table that was jumped to; None for none.
    reference
        What is compared with the truth.
    """

    def __init__(self, editor: Editor) -> None:
        self._editor = editor
        self._document: Document | None = None
        self._listed_of: tuple[object, ...] = ()
        self._listing: Work | None = None
        self._work: Work | None = None
        self._comparing: Work | None = None
        self._news: queue.SimpleQueue[VolumeResult] = queue.SimpleQueue()
        self.plan = AnalysisPlan()
        self.inputs: tuple[AnalysisInput, ...] | None = None
        self.table = InstanceTable(())
        self.order = RowOrder()
        self.selected: int | None = None
        self.reference = Reference()

    # What can be chosen

    @property
    def in_scope(self) -> tuple[AnalysisInput, ...]:
        """Volumes of the tomogram on the screen, or of all."""
        inputs = self.inputs or ()
        if self.plan.all_tomograms:
            return inputs
        return tuple(one for one in inputs if one.tomogram == self._editor.state.tomogram)

    @property
    def features(self) -> dict[str, int]:
        """The features that can be analysed, each with the number of its volumes."""
        found: dict[str, int] = {}
        for one in self.in_scope:
            found[one.feature] = found.get(one.feature, 0) + 1
        return found

    @property
    def wanted(self) -> tuple[AnalysisInput, ...]:
        """The volumes that will be analysed."""
        return tuple(one for one in self.in_scope if one.feature not in self.plan.left_out)

    def problem(self) -> str:
        """Why nothing can be analysed, in one sentence that says what to do; else empty."""
        if self._document is None:
            return "Open a tomogram first."
        if self.inputs is None:
            return "Looking for segmented volumes."
        if not self.inputs:
            return "There is no segmented volume yet: make some in the Export tab, or add one in the Render tab."
        if not self.in_scope:
            return "This tomogram has no segmented volume: choose all tomograms, or make one in the Export tab."
        return "" if self.wanted else "Choose at least one feature."

    @property
    def running(self) -> Work | None:
        """What is being analysed; None if nothing is."""
        return self._work

    @property
    def comparing(self) -> bool:
        """Whether something is being compared with a reference."""
        return self._comparing is not None

    @property
    def failed(self) -> list[VolumeResult]:
        """Volumes that could not be analysed."""
        return [one for one in self.table.results if one.instances is None]

    # For buttons

    def run(self) -> None:
        """Carry the plan out, in place of what is still running.

        Raises
        ------
        AisError
            With `problem`, if there is one.
        """
        if problem := self.problem():
            raise AisError(problem)
        assert self._document is not None
        self.stop()
        known = self._document.project.volumes
        wanted, others, choice = self.wanted, self.inputs or (), self.plan.choice
        news: queue.SimpleQueue[VolumeResult] = queue.SimpleQueue()
        self._news = news
        self._show(())

        def failed(sentence: str) -> None:
            if self._news is news:
                self._editor.notices.problem(sentence)

        count = f"{len(wanted)} volume{'s' if len(wanted) != 1 else ''}"
        self._work = self._editor.background.run(
            lambda work: analyze_inputs(wanted, others, choice, known, news.put, work),
            title=f"Analysing {count}",
            failed=failed,
            awaited=False,
        )

    def stop(self) -> None:
        """End what is running; what has been measured stays."""
        if self._work is not None:
            self._work.cancel()

    def jump_to(self, row: int) -> None:
        """Show an instance in its tomogram, with its volume over it, and select it in the 3D scene if it is there."""
        result = self.table.results[int(self.table.owner[row])]
        if result.instances is None:
            return
        self.selected = row
        volume, editor = result.volume, self._editor
        z, y, x = (int(at) for at in result.instances.anchors[int(self.table.row[row])])
        if not editor.modelling.overlays.shown(volume.path):
            editor.modelling.overlays.show(volume.path)
        if volume.tomogram == editor.state.tomogram:
            component = editor.rendering.volumes.component_at(volume.path, (z, y, x))
            editor.rendering.view.select([] if component is None else [(volume.path, component)])
        editor.sight.visit(volume.tomogram, z, y, x)

    def step(self, count: int) -> None:
        """Jump to a row further down (positive) or up in the table, as it is sorted."""
        rows = self.shown_rows
        if len(rows):
            here = (rows == self.selected).nonzero()[0]
            at = int(here[0]) + count if len(here) else 0
            self.jump_to(int(rows[min(max(at, 0), len(rows) - 1)]))

    @property
    def shown_rows(self) -> NDArray[np.intp]:
        """The rows of the table that are shown, in their order."""
        return self.order.rows(self.table)

    def save_table(self, path: Path) -> None:
        """Write the rows that are shown as .csv, or as .json with profiles, by the path's ending."""
        table, rows = self.table, self.shown_rows
        self._save(path, lambda: save_table(path, table, rows))

    def save_plots(self, path: Path) -> None:
        """Write distributions to a .png or .svg file, and counts per tomogram beside it."""
        table = self.table
        self._save(path, lambda: save_plots(path, table))

    def compare(self) -> None:
        """Compare a volume with the reference that is chosen; latest wins."""
        reference = self.reference
        result = self.compared
        if reference.path is None or result is None:
            raise AisError("Choose a volume that was analysed, and the file that says what is true.")
        path, radius, choice = reference.path, reference.radius * 10, self.plan.choice
        if self._comparing is not None:
            self._comparing.cancel()
        reference.scores, reference.problem = None, ""

        def compute(work: Work) -> dict[str, Any]:
            if reference.of_positions:
                return pick_scores(result, path, radius)
            return reference_scores(result.volume, path, choice, work)

        def show(scores: dict[str, Any]) -> None:
            if self._comparing is mine:
                reference.scores, self._comparing = scores, None

        def failed(sentence: str) -> None:
            if self._comparing is mine:
                reference.problem, self._comparing = sentence, None

        title = "Comparing with a reference"
        mine = self._editor.background.run(compute, show, title=title, failed=failed, awaited=False)
        self._comparing = mine

    @property
    def compared(self) -> VolumeResult | None:
        """The result that is compared with the reference."""
        measured = [one for one in self.table.results if one.instances is not None]
        chosen = (one for one in measured if one.volume.path == self.reference.volume)
        return next(chosen, measured[0] if measured else None)

    # Every frame

    def follow(self) -> None:
        """Take in what has come."""
        if self._editor.document is not self._document:
            self._change_project()
        if self._editor.shell.analysis:
            self._list()
        else:
            self._editor.shell.keys_taken.pop(
                KEYS_OF_ANALYSIS, None
            )  # its page is not drawn, so it cannot give them back
        news = []
        while not self._news.empty():
            news.append(self._news.get_nowait())
        if news:
            self._show((*self.table.results, *news))
        if self._work is not None and self._work.finished:
            self._work = None
        if self._comparing is not None and self._comparing.finished and self._comparing.outcome == "cancelled":
            self._comparing = None

    def look_again(self) -> None:
        """Look for volumes once more, such as when other programs may have written files."""
        self._listed_of = ()

    def _list(self) -> None:
        """Look for volumes if there may be others than before."""
        document, snapshot = self._document, self._editor.snapshot
        exports = self._editor.modelling.exports
        made_of = (document, snapshot.tomograms, snapshot.volumes, exports.results, exports.wish.folder)
        if document is None or self._listing is not None or _same(made_of, self._listed_of):
            return
        self._listed_of = made_of
        exported: dict[Path, frozenset[Path]] = {}
        for result in exports.results:
            exported[result.tomogram] = exported.get(result.tomogram, frozenset()) | {result.path}
        tomograms, folder, project = snapshot.tomograms, exports.wish.folder, document.project

        def show(found: list[AnalysisInput]) -> None:
            self._listing = None
            if self._document is document:
                self.inputs = tuple(found)

        def failed(_: str) -> None:
            self._listing = None

        self._listing = self._editor.background.run(
            lambda _: list_inputs(tomograms, project.volumes, exported, folder), show, failed=failed
        )

    def _change_project(self) -> None:
        self.stop()
        self._document = self._editor.document
        self._listed_of, self._listing, self.inputs = (), None, None
        self._news = queue.SimpleQueue()
        self._show(())
        self.plan, self.reference = AnalysisPlan(), Reference()
        if self._document is None:
            self._editor.shell.analysis = False

    def _show(self, results: tuple[VolumeResult, ...]) -> None:
        self.table, before = InstanceTable(results), self.table
        if results[: len(before.results)] != before.results:
            self.selected = None

    def _save(self, path: Path, write: Callable[[], list[Path]]) -> None:
        def say(written: list[Path]) -> None:
            self._editor.notices.say(f"Saved {' and '.join(one.name for one in written)} in {path.parent}.")

        self._editor.background.run(lambda _: write(), say, title=f"Saving {path.name}")


def _same(new: tuple[object, ...], old: tuple[object, ...]) -> bool:
    return len(new) == len(old) and all(a is b or a == b for a, b in zip(new, old, strict=True))
