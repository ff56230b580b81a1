"""Choosing files and folders: what a folder holds, what of it is shown, and what has been chosen."""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import Enum
from pathlib import Path

from ais.errors import describe_os_error
from ais.gui.background import Background


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

    def includes(self, name: str) -> bool:
        """Whether a file of this name is one."""
        return not self.endings or name.casefold().endswith(self.endings)


ALL_FILES = FileKind("All files")


class Wanted(Enum):
    """What is asked for."""

    FILE = "a file"
    FILES = "files"
    NEW_FILE = "a file to write"
    FOLDER = "a folder"


@dataclass(frozen=True)
class FileQuestion:
    """A question for files.

    Attributes
    ----------
    title
        Verb first, such as "Open tomogram".
    wanted
        What is asked for.
    kinds
        What can be chosen; the first one is shown at first.
    folder
        Where to begin.
    name
        Of a file to write, to begin with.
    """

    title: str
    wanted: Wanted
    kinds: tuple[FileKind, ...]
    folder: Path
    name: str = ""


@dataclass(frozen=True)
class Entry:
    """A file or folder in a list.

    Attributes
    ----------
    name
        Without its folder.
    is_folder
        Whether it is one, or a link to one.
    size
        Bytes; 0 for folders and for what cannot be looked at.
    changed
        Seconds since 1970; 0 if unknown.
    """

    name: str
    is_folder: bool
    size: int = 0
    changed: float = 0.0


@dataclass(frozen=True)
class Listing:
    """What a folder holds.

    Attributes
    ----------
    folder
        Which one.
    entries
        Folders first, each sorted as people count: 2 before 10.
    problem
        One sentence if it could not be read; else empty.
    """

    folder: Path
    entries: tuple[Entry, ...] = ()
    problem: str = ""


def list_folder(folder: Path) -> Listing:
    """Read a folder; takes long for large ones and those on a network."""
    found = []
    try:
        with os.scandir(folder) as entries:
            for entry in entries:
                try:
                    state = entry.stat()
                    is_folder = stat.S_ISDIR(state.st_mode)
                    found.append(Entry(entry.name, is_folder, 0 if is_folder else state.st_size, state.st_mtime))
                except OSError:
                    found.append(Entry(entry.name, False))
    except OSError as error:
        return Listing(folder, problem=describe_os_error(error, folder))
    return Listing(folder, tuple(sorted(found, key=lambda entry: (not entry.is_folder, natural_order(entry.name)))))


def natural_order(name: str) -> tuple[tuple[int, int, str], ...]:
    """A key that sorts names as people count, without regard to capitals."""
    parts = re.split(r"([0-9]+)", name.casefold())
    return tuple((0, int(part), "") if part.isdigit() and part.isascii() else (1, 0, part) for part in parts)


class FileBrowser:
    """The state of the list in which files are chosen, where the system has no dialog of its own.

    Parameters
    ----------
    question
        What is asked for.
    background
        Reads folders.
    answer
        Called with what was chosen; with nothing if the user changed their mind.
    confirm
        Called with a sentence, the text of a button, and what to do if the user agrees.

    Attributes
    ----------
    folder
        The one that is shown or being read.
    shown
        Its entries of the chosen kind.
    chosen
        Names of those selected.
    cursor
        Index of the one that the keys act on; -1 for none.
    path_text, name_text, search_text
        What stands in the fields.
    kind
        Index of the kind that is shown.
    hidden
        Whether hidden files are shown.
    problem
        One sentence; empty if all is well.
    reading
        Whether the folder is being read.
    searching
        Whether the search field is being typed in.
    """

    def __init__(
        self,
        question: FileQuestion,
        background: Background,
        answer: Callable[[list[Path]], None],
        confirm: Callable[[str, str, Callable[[], None]], None],
    ) -> None:
        self.question = question
        self._background = background
        self._answer = answer
        self._confirm = confirm
        self.name_text = question.name
        self.search_text = ""
        self.kind = 0
        self.hidden = False
        self.chosen: set[str] = set()
        self.cursor = -1
        self.shown: tuple[Entry, ...] = ()
        self.problem = ""
        self.reading = False
        self.searching = False
        self.folder = question.folder
        self.path_text = str(question.folder)
        self._listing = Listing(question.folder)
        self._anchor = 0
        self.go(question.folder)

    @property
    def many(self) -> bool:
        """Whether several files can be chosen."""
        return self.question.wanted is Wanted.FILES

    def go(self, folder: Path, select: str = "") -> None:
        """Show another folder, and put the cursor on one of its entries."""
        self.folder = folder
        self.path_text = str(folder)
        self.search_text = ""
        self.problem = ""
        self.reading = True

        def read(listing: Listing) -> None:
            if listing.folder == self.folder:
                self.reading = False
                self._take_in(listing, select)

        self._background.run(lambda _: list_folder(folder), read)

    def up(self) -> None:
        """Show the folder around this one."""
        if self.folder.parent != self.folder:
            self.go(self.folder.parent, select=self.folder.name)

    def narrow(self) -> None:
        """Show what fits kind, search and hidden, after one of them has changed."""
        kind = self.question.kinds[self.kind] if self.question.kinds else ALL_FILES
        search = self.search_text.casefold()
        only_folders = self.question.wanted is Wanted.FOLDER
        before = self.shown[self.cursor].name if 0 <= self.cursor < len(self.shown) else ""
        self.shown = tuple(
            entry
            for entry in self._listing.entries
            if (self.hidden or not entry.name.startswith("."))
            and search in entry.name.casefold()
            and (entry.is_folder or (not only_folders and kind.includes(entry.name)))
        )
        names = [entry.name for entry in self.shown]
        self.chosen &= set(names)
        self.cursor = names.index(before) if before in names else -1
        if search and names and not self.chosen:
            self.click(max(self.cursor, 0))

    def click(self, index: int, *, add: bool = False, range_: bool = False) -> None:
        """Select an entry, besides the others or up to it if several can be chosen."""
        name = self.shown[index].name
        self.cursor = index
        if range_ and self.many:
            low, high = sorted((self._anchor, index))
            self.chosen = {entry.name for entry in self.shown[low : high + 1]}
            return
        self._anchor = index
        if add and self.many:
            self.chosen ^= {name}
        else:
            self.chosen = {name}
        if self.question.wanted is Wanted.NEW_FILE and not self.shown[index].is_folder:
            self.name_text = name

    def move(self, step: int, *, extend: bool = False) -> None:
        """Move the cursor by a number of entries."""
        if self.shown:
            index = min(max(self.cursor + step, 0), len(self.shown) - 1)
            self.click(index, range_=extend)

    def activate(self, index: int) -> None:
        """Go into a folder, or take a file."""
        entry = self.shown[index]
        if entry.is_folder:
            self.go(self.folder / entry.name)
        elif self.question.wanted is Wanted.NEW_FILE:
            self.name_text = entry.name
            self.accept()
        else:
            self._answer([self.folder / entry.name])

    def enter_path(self) -> None:
        """Take in what was typed or pasted as a path: a folder is shown, a file is taken."""
        text = self.path_text.strip().strip("\"'")
        if not text:
            self.path_text = str(self.folder)
            return
        path = self.folder / Path(text).expanduser()
        try:
            is_folder, exists = path.is_dir(), path.exists()
        except (OSError, ValueError):
            is_folder = exists = False
        if is_folder:
            self.go(path)
        elif self.question.wanted is Wanted.NEW_FILE and path.parent.is_dir():
            self.name_text = path.name
            self.go(path.parent)
        elif exists and self.question.wanted is not Wanted.FOLDER:
            self._answer([path])
        else:
            self.problem = f"{path} does not exist."

    @property
    def can_accept(self) -> bool:
        """Whether what is selected or typed can be taken."""
        if self.question.wanted is Wanted.FOLDER:
            return not self.reading
        if self.question.wanted is Wanted.NEW_FILE:
            return bool(self.name_text.strip())
        return bool(self.chosen)

    def accept(self) -> None:
        """Take what is selected or typed."""
        wanted = self.question.wanted
        selected = [entry for entry in self.shown if entry.name in self.chosen]
        if wanted is Wanted.NEW_FILE:
            self._accept_name()
        elif wanted is Wanted.FOLDER:
            self._answer([self.folder / selected[0].name if selected else self.folder])
        elif len(selected) == 1 and selected[0].is_folder:
            self.go(self.folder / selected[0].name)
        elif selected:
            self._answer([self.folder / entry.name for entry in selected if not entry.is_folder])

    def cancel(self) -> None:
        """Change one's mind."""
        self._answer([])

    def _accept_name(self) -> None:
        name = self.name_text.strip()
        if not name:
            return
        if "/" in name or name in (".", "..") or (os.sep != "/" and os.sep in name):
            self.path_text = name
            self.enter_path()
            return
        path = self.folder / with_ending(name, self.question.kinds[self.kind : self.kind + 1])
        if path.is_dir():
            self.go(path)
        elif path.exists():
            self._confirm(f"{path.name} exists already. Replace it?", "Replace", lambda: self._answer([path]))
        else:
            self._answer([path])

    def _take_in(self, listing: Listing, select: str) -> None:
        self._listing = listing
        self.problem = listing.problem
        self.chosen.clear()
        self.cursor = -1
        self._anchor = 0
        self.narrow()
        names = [entry.name for entry in self.shown]
        if select in names:
            self.click(names.index(select))


def with_ending(name: str, kinds: Sequence[FileKind]) -> str:
    """A file name with the first ending of its kind, if it has none of the kind's."""
    endings = kinds[0].endings if kinds else ()
    return name if not endings or name.casefold().endswith(endings) else name + endings[0]
