"""Questions to the user that take a while to answer: which file, which folder, whether to go on."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from ais.gui import native_dialogs
from ais.gui.background import Background
from ais.gui.file_browser import ALL_FILES, FileBrowser, FileKind, FileQuestion, Wanted

__all__ = ["ALL_FILES", "Confirmation", "Dialogs", "FileKind"]

Answer = Callable[[list[Path]], None]


@dataclass(frozen=True)
class Confirmation:
    """A question that is answered by a button or by Cancel.

    Attributes
    ----------
    text
        Says what will be lost.
    button
        Verb first, such as "Replace".
    then
        What to do if the user agrees.
    """

    text: str
    button: str
    then: Callable[[], None]


@dataclass
class Dialogs:
    """Asks for files without keeping the window from drawing; `ais.gui.panels.dialogs` draws what is ours.

    Attributes
    ----------
    background
        Where folders are read and a native dialog is waited for.
    native
        Whether the dialogs of the desktop are used.
    folder
        Where the last file was chosen; None before.
    places
        Gives (name, folder) of where one may want to go: the home folder, then those of what is open.
    answers
        For scripts: the next questions get these instead of a dialog; an empty one is a change of mind.
    browser
        The list in which files are chosen now, or None.
    confirmations
        Questions whether to go on, newest last.
    waiting
        Whether a native dialog is open.
    """

    background: Background
    native: bool = False
    folder: Path | None = None
    places: Callable[[], Sequence[tuple[str, Path]]] = tuple
    answers: list[list[Path]] = field(default_factory=list)
    browser: FileBrowser | None = None
    confirmations: list[Confirmation] = field(default_factory=list)
    waiting: bool = False

    def open_files(self, title: str, kinds: Sequence[FileKind], then: Answer, *, many: bool = True) -> None:
        """Ask for files that exist; `then` is not called if the user changes their mind."""
        wanted = Wanted.FILES if many else Wanted.FILE
        self._ask(FileQuestion(title, wanted, tuple(kinds) or (ALL_FILES,), self._start()), then)

    def save_file(self, title: str, suggestion: Path, kinds: Sequence[FileKind], then: Callable[[Path], None]) -> None:
        """Ask for the name of a file to write; one that exists has been confirmed.

        Parameters
        ----------
        title
            Verb first.
        suggestion
            A name to begin with; without a folder, the last one is shown.
        kinds
            The first one gives its ending to a name without one.
        then
            Gets the path.
        """
        folder = suggestion.parent if suggestion.is_absolute() else self._start()
        question = FileQuestion(title, Wanted.NEW_FILE, tuple(kinds) or (ALL_FILES,), folder, suggestion.name)
        self._ask(question, lambda paths: then(paths[0]))

    def choose_folder(self, title: str, then: Callable[[Path], None]) -> None:
        """Ask for a folder."""
        self._ask(FileQuestion(title, Wanted.FOLDER, (), self._start()), lambda paths: then(paths[0]))

    def confirm(self, text: str, button: str, then: Callable[[], None]) -> None:
        """Ask before files are replaced or removed from the disk; nothing else needs to ask."""
        self.confirmations.append(Confirmation(text, button, then))

    def answer_confirmation(self, agreed: bool) -> None:
        """Take in the answer to the newest question whether to go on."""
        confirmation = self.confirmations.pop()
        if agreed:
            confirmation.then()

    @property
    def open(self) -> bool:
        """Whether a question waits for its answer."""
        return self.browser is not None or bool(self.confirmations) or self.waiting

    def _start(self) -> Path:
        """The folder to begin in: the last one; before any was chosen, that of what is open."""
        if self.folder is not None and self.folder.is_dir():
            return self.folder
        return next((folder for _, folder in self.places()[1:] if folder.is_dir()), Path.home())

    def _ask(self, question: FileQuestion, then: Answer) -> None:
        def answered(paths: list[Path]) -> None:
            self.browser, self.waiting = None, False
            if paths:
                self.folder = paths[0] if question.wanted is Wanted.FOLDER else paths[0].parent
                then(paths)

        if self.answers:
            answered(self.answers.pop(0))
        elif self.open:
            return  # one question at a time
        elif self.native:
            self._ask_natively(question, answered)
        else:
            self.browser = FileBrowser(question, self.background, answered, self.confirm)

    def _ask_natively(self, question: FileQuestion, answered: Answer) -> None:
        def failed(_: str) -> None:
            # A desktop's dialog that cannot be shown must not keep anyone from opening a file.
            self.waiting = self.native = False
            self.browser = FileBrowser(question, self.background, answered, self.confirm)

        self.waiting = True
        self.background.run(lambda work: native_dialogs.ask(question, work), answered, failed=failed)
