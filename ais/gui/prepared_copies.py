"""Writes prepared copies of tomograms one after the other; one that fails does not keep the others from being made."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from ais.errors import AisError
from ais.gui.filter_preview import Source
from ais.progress import Progress

if TYPE_CHECKING:
    from ais.annotation import TomogramEntry
    from ais.filters import AmplitudeSpectrum


@dataclass(frozen=True)
class CopyOrder:
    """With which filter copies are made.

    Attributes
    ----------
    kind, value, dimensions
        As of `ais.filters.filter_volume`; of ``match`` the value is None.
    reference
        Of ``match``.
    """

    kind: str
    value: float | int | None
    dimensions: int
    reference: Source | None

    def make(self, jobs: Sequence[tuple[Source, Path]], progress: Progress, made: Callable[[Path], None]) -> list[str]:
        """Write the copies, each with its record.

        Parameters
        ----------
        jobs
            Of which tomogram, and where to.
        progress
            Told how far they are, all together.
        made
            Called with each that is there.

        Returns
        -------
        list of str
            A sentence for each that could not be written.

        Raises
        ------
        AisError
            If the reference cannot be read.
        Cancelled
            If the user wants no more; the copies that are complete stay.
        """
        from ais.filters import FilterSettings, filter_with_record, spectrum_of

        spectrum: AmplitudeSpectrum | None = None
        reference, reference_size = self.reference or (None, None)
        if reference is not None:
            progress.report(0, len(jobs), "Measuring amplitudes")
            spectrum = spectrum_of(reference, reference_size)
        problems = []
        for number, ((path, size), target) in enumerate(jobs):
            share = _Share(progress, number, len(jobs))
            try:
                settings = FilterSettings(self.kind, self.value, self.dimensions, size, reference_size)
                filter_with_record(path, target, settings, reference=reference, spectrum=spectrum, progress=share)
            except AisError as error:
                problems.append(str(error))
            else:
                made(target)
        return problems


@dataclass(frozen=True)
class _Share(Progress):
    """One of several equal parts of some work."""

    whole: Progress
    number: int
    count: int

    def report(self, done: float, total: float, text: str = "") -> None:
        """Tell the whole how far this part is."""
        self.whole.report(self.number + (done / total if total else 0.0), self.count, text)


def named(targets: Sequence[TomogramEntry], folder: Path, words: str) -> list[tuple[TomogramEntry, Path]]:
    """Names for copies in a folder, each different, also where tomograms of different folders have the same name."""
    found, taken = [], set()
    for entry in targets:
        name, number = f"{entry.name}{words}", 1
        while name.casefold() in taken:
            number += 1
            name = f"{entry.name}{words} {number}"
        taken.add(name.casefold())
        found.append((entry, folder / f"{name}.mrc"))
    return found
