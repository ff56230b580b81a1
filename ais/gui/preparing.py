"""Prepared copies of tomograms: with which filter, of which tomograms, what it looks like, and the files that come."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING

from ais.annotation import AddTomogram, TomogramEntry
from ais.errors import AisError
from ais.gui.dialogs import FileKind
from ais.gui.filter_preview import FilterPreview, PreviewWish, Source
from ais.gui.prepared_copies import CopyOrder, named
from ais.gui.sheet import TicksField

if TYPE_CHECKING:
    from ais.gui.background import Work
    from ais.gui.document import Document
    from ais.gui.editor import Editor

VOLUMES = (FileKind("MRC volumes", (".mrc",)), FileKind("TIFF volumes", (".tif", ".tiff")))
NAMED = 3
"""So many names are in a sentence; more are counted."""


@dataclass(frozen=True)
class Filter:
    """A filter that a copy can be made with.

    Attributes
    ----------
    kind
        As of `ais.filters.filter_volume`.
    title
        What the user chooses.
    good_for
        One sentence.
    """

    kind: str
    title: str
    good_for: str


FILTERS = (
    Filter("gaussian", "Gaussian", "Smooths everything alike; the simplest way to suppress noise."),
    Filter("median", "Median", "Removes single bright or dark voxels and keeps edges."),
    Filter("anisotropic", "Edge-preserving", "Smooths within regions and keeps their borders (anisotropic diffusion)."),
    Filter("invert", "Invert", "Exchanges dark and bright, for a tomogram with light structures on dark."),
    Filter(
        "match",
        "Match amplitudes",
        "Gives it the amplitude spectrum of another tomogram, so that one network suits both.",
    ),
)


class Of(Enum):
    """Which tomograms a copy is made of."""

    THIS = "This one"
    CHOSEN = "Chosen"
    ALL = "All"


@dataclass
class Preparation:
    """What the user wishes; changed by the page, and kept for the next time.

    Attributes
    ----------
    kind
        Of the filter.
    sigma
        Of the Gaussian, in A; 0 until it has been set.
    window, dimensions
        Of the median: edge in voxels, and whether it is a square in the slice (2) or a cube (3).
    iterations
        Of the edge-preserving filter.
    reference
        The tomogram that others are matched to; None until it has been chosen.
    of
        Which tomograms.
    adding
        Whether the copies are added to the project.
    """

    kind: str = "gaussian"
    sigma: float = 0.0
    window: int = 3
    dimensions: int = 2
    iterations: int = 10
    reference: Path | None = None
    of: Of = Of.THIS
    adding: bool = True

    @property
    def value(self) -> float | int | None:
        """The value of the filter that is chosen; None for those without a number."""
        values = {"gaussian": self.sigma, "median": self.window, "anisotropic": self.iterations}
        return values.get(self.kind)

    @property
    def words(self) -> str:
        """What is added to the names of the copies."""
        return {
            "gaussian": f"_gaussian{self.sigma:g}A",
            "median": f"_median{self.window}",
            "anisotropic": f"_smooth{self.iterations}",
            "invert": "_inverted",
            "match": "_matched",
        }[self.kind]


@dataclass
class Page:
    """What is asked while the page is open.

    Attributes
    ----------
    tomogram
        The number of that which it was opened for.
    ticks
        Those that are chosen, by their places in `numbers`.
    numbers
        Of all tomograms when it was opened.
    """

    tomogram: int
    ticks: TicksField
    numbers: Sequence[int] = field(default_factory=tuple)


class Preparing:
    """Makes prepared copies of tomograms.

    Parameters
    ----------
    editor
        Whose project they belong to.

    Attributes
    ----------
    wish
        What is chosen.
    page
        What is asked; None while the page is closed.
    preview
        A part of the slice as it will be.
    """

    def __init__(self, editor: Editor) -> None:
        self._editor = editor
        self._document: Document | None = None
        self.wish = Preparation()
        self.page: Page | None = None
        self.preview = FilterPreview(editor.background)

    def begin(self, tomogram: int) -> None:
        """Open the page."""
        snapshot = self._editor.snapshot
        entry = snapshot.tomogram(tomogram)
        if entry is None:
            return
        numbers = [one.id for one in snapshot.tomograms]
        ticks = TicksField("Tomograms", [one.name for one in snapshot.tomograms], {numbers.index(tomogram)})
        self._document, self.page = self._editor.document, Page(tomogram, ticks, numbers)
        self.wish.of = Of.THIS
        if self.wish.sigma <= 0.0:
            self.wish.sigma = float(f"{2 * entry.voxel_size:.2g}") if entry.voxel_size > 0 else 20.0
        if self.wish.reference == entry.path:
            self.wish.reference = None

    def close(self) -> None:
        """Close the page."""
        self.page = self._document = None
        self.preview.forget()

    def follow(self) -> None:
        """Have the preview made of what is wished now, and close the page if its tomogram has gone; once a frame."""
        page, editor = self.page, self._editor
        if page is None:
            return
        entry = editor.snapshot.tomogram(page.tomogram)
        if entry is None or editor.document is not self._document:
            self.close()
        elif not entry.missing:
            self.preview.follow(self._preview_wish(entry))

    @property
    def targets(self) -> list[TomogramEntry]:
        """The tomograms that copies are made of; not the reference."""
        page, tomograms = self.page, self._editor.snapshot.tomograms
        if page is None:
            return []
        chosen = {page.numbers[at] for at in page.ticks.chosen} if self.wish.of is Of.CHOSEN else {page.tomogram}
        reference = self.wish.reference if self.wish.kind == "match" else None
        return [
            entry for entry in tomograms if (self.wish.of is Of.ALL or entry.id in chosen) and entry.path != reference
        ]

    @property
    def part_shape(self) -> tuple[int, int]:
        """(rows, columns) of the part that is shown."""
        from ais.filters.part import SIDE_PX

        entry = self._editor.snapshot.tomogram(self.page.tomogram) if self.page is not None else None
        return (min(entry.shape[1], SIDE_PX), min(entry.shape[2], SIDE_PX)) if entry is not None else (1, 1)

    def problem(self) -> str:
        """Why no copy can be made, in one sentence; empty if one can."""
        wish, targets = self.wish, self.targets
        if wish.kind == "match" and wish.reference is None:
            return "Choose the tomogram whose amplitudes it gets."
        if not targets:
            return "Choose at least one tomogram."
        missing = [entry.name for entry in targets if entry.missing]
        if missing:
            return f"The file of {_few(missing)} is missing: relink it first."
        unknown = [entry.name for entry in targets if entry.voxel_size <= 0]
        if wish.kind in ("gaussian", "match") and unknown:
            return f"The voxel size of {_few(unknown)} is not known: set it first."
        from ais.filters.arrays import checked_iterations, checked_median, checked_sigma

        try:
            if wish.kind == "gaussian":
                for size in {entry.voxel_size for entry in targets}:
                    checked_sigma(wish.sigma, (size, size, size))
            elif wish.kind == "median":
                checked_median(wish.window)
            elif wish.kind == "anisotropic":
                checked_iterations(wish.iterations)
        except AisError as error:
            return str(error)
        return ""

    @property
    def remembered(self) -> list[tuple[str, str]]:
        """The project's models that remember how their training data were prepared: name, and what they remember."""
        models = self._editor.modelling.models.models
        return [(one.name, one.info.preprocessing) for one in models if one.info is not None and one.info.preprocessing]

    def take(self, words: str) -> bool:
        """Choose the filter that a model remembers; False if the words do not name one of ours."""
        from ais.filters import filter_from_words

        found = filter_from_words(words)
        if found is None:
            return False
        self.wish.kind = found.kind
        if found.kind == "gaussian" and found.value is not None:
            self.wish.sigma = float(found.value)
        elif found.kind == "median" and found.value is not None:
            self.wish.window, self.wish.dimensions = int(found.value), found.dimensions
        elif found.kind == "anisotropic" and found.value is not None:
            self.wish.iterations = int(found.value)
        return True

    def start(self) -> None:
        """Ask where the copies go, close the page, and make them in a thread."""
        targets = self.targets
        if self.page is None or self.problem():
            return
        wish, words, dialogs = self.wish, self.wish.words, self._editor.dialogs
        reference = self._reference() if wish.kind == "match" else None
        order = CopyOrder(wish.kind, wish.value, wish.dimensions, reference)
        self.close()
        if len(targets) == 1:
            (entry,) = targets
            suggestion = entry.path.with_name(f"{entry.name}{words}.mrc")
            dialogs.save_file(
                "Write a prepared copy",
                suggestion,
                VOLUMES,
                lambda path: self._look(order, [(entry, path)], asked=True),
            )
        else:
            dialogs.choose_folder(
                f"Write {len(targets)} prepared copies", lambda folder: self._look(order, named(targets, folder, words))
            )

    # Within

    def _source(self, entry: TomogramEntry) -> Source:
        overridden = entry.voxel_size != entry.header_voxel_size and entry.voxel_size > 0
        return entry.path, entry.voxel_size if overridden else None

    def _reference(self) -> Source | None:
        path = self.wish.reference
        if path is None:
            return None
        entries = (entry for entry in self._editor.snapshot.tomograms if entry.path == path)
        return next((self._source(entry) for entry in entries), (path, None))

    def _preview_wish(self, entry: TomogramEntry) -> PreviewWish | None:
        wish, editor = self.wish, self._editor
        if wish.kind == "match" and wish.reference is None:
            return None
        z, centre = entry.shape[0] // 2, (entry.shape[1] / 2, entry.shape[2] / 2)
        if entry.id == editor.state.tomogram and editor.shown is not None:
            placement = editor.view("xy").placement
            z = editor.state.z
            centre = centre if placement is None else (placement.row, placement.column)
        reference = self._reference() if wish.kind == "match" else None
        return PreviewWish(self._source(entry), z, centre, wish.kind, wish.value, wish.dimensions, reference)

    def _look(self, order: CopyOrder, jobs: Sequence[tuple[TomogramEntry, Path]], *, asked: bool = False) -> None:
        """Refuse files that would replace tomograms of the project, ask before others are replaced, and go on."""
        editor = self._editor
        tomograms = [entry.path for entry in editor.snapshot.tomograms]

        def look(_: Work) -> list[str]:
            own = {os.path.realpath(path) for path in tomograms}
            taken = [path.name for _, path in jobs if os.path.realpath(path) in own]
            if taken:
                raise AisError(
                    f"{_few(taken)} would replace tomograms of this project: choose another place for the copies."
                )
            return [] if asked else [path.name for _, path in jobs if path.exists()]

        def looked(there: list[str]) -> None:
            if not there:
                self._make(order, jobs)
                return
            question = f"Already there, and to be replaced: {_few(there)}."
            editor.dialogs.confirm(question, "Replace", lambda: self._make(order, jobs))

        editor.background.run(look, looked)

    def _make(self, order: CopyOrder, jobs: Sequence[tuple[TomogramEntry, Path]]) -> None:
        editor = self._editor
        document = editor.document if self.wish.adding else None
        sources = [(self._source(entry), path) for entry, path in jobs]

        def add(path: Path) -> None:
            """Add a copy to the project, if it is still the one that is open."""
            if document is None or editor.document is not document or editor.read_only:
                return
            if len(jobs) == 1:
                editor.open_paths([path])  # and show it
            else:
                editor.submit(AddTomogram(path))

        def make(work: Work) -> list[str]:
            return order.make(sources, work, lambda path: editor.background.deliver(lambda: add(path)))

        def made(problems: list[str]) -> None:
            for sentence in problems:
                editor.notices.problem(sentence)
            count = len(jobs) - len(problems)
            if count:
                editor.notices.say(f"Wrote {jobs[0][1]}." if len(jobs) == 1 else f"Wrote {count} prepared copies.")

        title = f"Writing {jobs[0][1].name}" if len(jobs) == 1 else f"Preparing {len(jobs)} copies"
        editor.background.run(make, made, title=title)


def _few(names: Sequence[str]) -> str:
    more = f" and {len(names) - NAMED} more" if len(names) > NAMED else ""
    return ", ".join(names[:NAMED]) + more
