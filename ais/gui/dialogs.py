"""Questions to the user that take a while to answer: which file, which folder, whether to go on."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ais.gui.background import Background

Answer = Callable[[list[Path]], None]


@dataclass(frozen=True)
class FileKind:
    """A kind of file to choose from.

    Attributes
    ----------
    name
        Such as "Tomograms".
    endings
        Such as ".mrc"; empty for all files.
    """

    name: str
    endings: tuple[str, ...] = ()


ALL_FILES = FileKind("All files")


@dataclass
class Dialogs:
    """Asks for files without keeping the window from drawing.

    Attributes
    ----------
    background
        Where a native dialog is waited for.
    answers
        For scripts: the next questions get these instead of a dialog.
    """

    background: Background
    answers: list[list[Path]] = field(default_factory=list)
    waiting: Any = None

    def open_files(self, title: str, kinds: Sequence[FileKind], then: Answer, *, many: bool = True) -> None:
        """Ask for files that exist; `then` is not called if the user changes their mind."""
        raise NotImplementedError

    def save_file(self, title: str, suggestion: Path, kinds: Sequence[FileKind], then: Callable[[Path], None]) -> None:
        """Ask for the name of a file to write; one that exists has been confirmed."""
        raise NotImplementedError

    def choose_folder(self, title: str, then: Callable[[Path], None]) -> None:
        """Ask for a folder."""
        raise NotImplementedError

    def draw(self) -> None:
        """Draw what is drawn by ourselves; once a frame."""
