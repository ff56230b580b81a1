"""The feature library as the window uses it: read and written in a thread, and filled by what the user changes."""

from __future__ import annotations

from pathlib import Path

from ais.annotation import Feature
from ais.feature_library import FeatureLibrary, LibraryEntry
from ais.gui.background import Background, Work
from ais.gui.document import Document

FILE_NAME = "features.json"


class FeatureShelf:
    """Remembered features.

    Parameters
    ----------
    folder
        Where the editor keeps its own files.
    background
        Where the file is read and written.

    Attributes
    ----------
    entries
        What is remembered, the last used first.
    """

    def __init__(self, folder: Path, background: Background) -> None:
        self.entries: tuple[LibraryEntry, ...] = ()
        self._library = FeatureLibrary(folder / FILE_NAME)
        self._background = background
        self._document: Document | None = None
        self._features: dict[int, Feature] | None = None
        self._revision = -1
        self._changed: dict[int, Feature] = {}
        self._forgotten: list[str] = []
        self._in_hand: tuple[list[Feature], list[str]] = [], []
        self._work: Work | None = None
        self._begin()

    def entry(self, name: str) -> LibraryEntry | None:
        """What is remembered under a name, whatever the case of its letters."""
        wanted = name.strip().casefold()
        return next((entry for entry in self.entries if entry.name.casefold() == wanted), None)

    def follow(self, document: Document | None) -> None:
        """Remember the features that were added or changed since; called once a frame.

        Those that a project already has when it is opened are not: others may have made it.
        """
        if document is not self._document:
            self._document, self._features, self._revision = document, None, -1
        if document is None or document.snapshot.revision in (0, self._revision):
            return
        self._revision = document.snapshot.revision
        features = {feature.id: feature for feature in document.snapshot.features}
        if self._features is not None:
            for number, feature in features.items():
                if self._features.get(number) != feature:
                    self._changed[number] = feature
        self._features = features
        if self._changed:
            self._begin()

    def remove(self, name: str) -> None:
        """Forget a feature; the projects that have it keep it."""
        self._forgotten.append(name)
        self.entries = tuple(entry for entry in self.entries if entry.name != name)
        self._begin()

    def close(self) -> None:
        """Write what has not been written yet."""
        changed, forgotten = self._in_hand  # may not have been begun
        more_changed, more_forgotten = self._take()
        self._save([*changed, *more_changed], [*forgotten, *more_forgotten])

    def _begin(self) -> None:
        """Write what there is, and read the whole; one after the other."""
        if self._work is not None and not self._work.finished:
            return
        changed, forgotten = self._in_hand = self._take()
        self._work = self._background.run(lambda _: self._save(changed, forgotten), self._read)

    def _take(self) -> tuple[list[Feature], list[str]]:
        changed, self._changed = list(self._changed.values()), {}
        forgotten, self._forgotten = self._forgotten, []
        return changed, forgotten

    def _save(self, changed: list[Feature], forgotten: list[str]) -> tuple[LibraryEntry, ...]:
        for feature in changed:
            self._library.remember(feature)
        for name in forgotten:
            self._library.remove(name)
        return tuple(self._library.entries())

    def _read(self, entries: tuple[LibraryEntry, ...]) -> None:
        self._in_hand = [], []
        gone = {name.casefold() for name in self._forgotten}
        self.entries = tuple(entry for entry in entries if entry.name.casefold() not in gone)
        if self._changed or self._forgotten:
            self._begin()
