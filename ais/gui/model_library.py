"""The model library as the window uses it: read, searched and changed in threads."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from ais.gui.model_files import preview_of

if TYPE_CHECKING:
    from ais.gui.background import Work
    from ais.gui.editor import Editor
    from ais.models import LibraryModel


@dataclass(frozen=True)
class LibraryEntry:
    """A model of the library.

    Attributes
    ----------
    model
        Its file and what that says.
    hash
        Of the file; empty if it cannot be read.
    picture
        (rows, columns, 3) uint8, first row on top; None if there is none.
    """

    model: LibraryModel
    hash: str
    picture: NDArray[np.uint8] | None


class ModelLibrary:
    """Models kept for all projects.

    Parameters
    ----------
    editor
        Its threads read the folder; its notices say what was done.

    Attributes
    ----------
    entries
        All of them; None until the folder has been read.
    revision
        Grows whenever they have changed.
    """

    def __init__(self, editor: Editor) -> None:
        self._editor = editor
        self._work: Work | None = None
        self.entries: tuple[LibraryEntry, ...] | None = None
        self.revision = 0

    @property
    def folder(self) -> Path:
        """Where the files are."""
        from ais.models import library_folder

        return library_folder()

    @property
    def reading(self) -> Work | None:
        """What reads the folder now; None if nothing does."""
        return None if self._work is None or self._work.finished else self._work

    def refresh(self) -> None:
        """Read the folder anew, such as when its page is opened."""
        if self.reading is not None:
            return
        known = {} if self.entries is None else {entry.hash: entry for entry in self.entries}
        self._work = self._editor.background.run(
            lambda work: _read(known, work), self._take, title="Reading the model library"
        )

    def found(self, text: str, voxel_size: float | None) -> tuple[LibraryEntry, ...]:
        """The entries that match; see `ais.models.search_library`."""
        from ais.models import search_library

        by_path = {entry.model.path: entry for entry in self.entries or ()}
        models = search_library([entry.model for entry in by_path.values()], text, voxel_size)
        return tuple(by_path[model.path] for model in models)

    def remember(self, path: Path) -> None:
        """Copy a model file into the library."""

        def copy(_: Work) -> Path:
            from ais.models import add_to_library, library_folder

            return add_to_library(path, library_folder())

        def copied(target: Path) -> None:
            self._editor.notices.say(f"{target.stem} is in the model library now.")
            self.refresh()

        self._editor.background.run(copy, copied, title=f"Copying {path.name}")

    def remove(self, path: Path) -> None:
        """Delete a file of the library, after asking."""

        def delete() -> None:
            self._editor.background.run(lambda _: path.unlink(missing_ok=True), lambda _: self.refresh())

        self._editor.dialogs.confirm(
            f"{path.name} will be deleted from the model library and from this computer. Projects that use this file "
            "will miss it.",
            "Delete",
            delete,
        )

    def _take(self, entries: tuple[LibraryEntry, ...]) -> None:
        self.entries = entries
        self.revision += 1


def _read(known: dict[str, LibraryEntry], work: Work) -> tuple[LibraryEntry, ...]:
    from ais.errors import AisError
    from ais.models import library_folder, model_hash, scan_library

    entries = []
    for model in scan_library(library_folder(), work):
        try:
            digest = "" if model.info is None else model_hash(model.path)
        except AisError:
            digest = ""
        old = known.get(digest) if digest else None
        picture = old.picture if old is not None else None if model.info is None else preview_of(model.path)
        entries.append(LibraryEntry(model, digest, picture))
    return tuple(entries)
