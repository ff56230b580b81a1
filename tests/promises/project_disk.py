"""A disk for project files that notes every write, and what may be left of it after a power cut.

SQLite reaches the disk through a "VFS", which `apsw` lets Python stand in for. Projects are opened by their own code,
with its own settings; only `sqlite3.connect` leads here. Every write, truncation, flush, creation and removal is
noted in order. `Disk.after_cut` makes up a folder as it may be found after the power has gone at one of these moments:

- of each 512-byte sector, any state since the file was last flushed, zeros where nothing arrived;
- of each file, any length since then;
- files that were made, removed or renamed since the folder was last flushed may be there or not.
"""

from __future__ import annotations

import itertools
import os
import random
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace, TracebackType
from typing import Any

import apsw
import pytest

from ais.formats import atomic
from ais.project import database as project_database

SECTOR = 512
_CREATED = apsw.SQLITE_OPEN_CREATE
_FLUSHED_WITH_FOLDER = apsw.SQLITE_OPEN_WAL | apsw.SQLITE_OPEN_MAIN_JOURNAL
_FAILED = {
    "write": apsw.SQLITE_IOERR_WRITE,
    "truncate": apsw.SQLITE_IOERR_TRUNCATE,
    "sync": apsw.SQLITE_IOERR_FSYNC,
    "lock": apsw.SQLITE_IOERR_LOCK,
}
_numbers = itertools.count()

Refusal = Callable[[str, str], type[apsw.Error] | None]
"""Told what is about to be done ("write", "truncate", "sync", "lock") and to which file; gives the error to raise."""


@dataclass(frozen=True)
class Event:
    """Something that reached the system, or a word of the test ("said").

    Attributes
    ----------
    kind
        "make", "write", "truncate", "sync", "remove", "rename", "sync folder", or "said".
    name
        The file; the old name of one that is renamed.
    at
        Offset, or new length.
    data
        Bytes that were written.
    other
        The new name, or what was said.
    """

    kind: str
    name: str = ""
    at: int = 0
    data: bytes = b""
    other: Any = None


@dataclass
class Disk:
    """What has been done to the files of one folder since `connected` began.

    Attributes
    ----------
    folder
        Where they lie.
    events
        In order.
    refuse
        Fails writes; None lets all pass.
    """

    folder: Path
    events: list[Event] = field(default_factory=list)
    refuse: Refusal | None = None
    _at_first: dict[str, bytes] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._at_first = {path.name: path.read_bytes() for path in self.folder.iterdir() if path.is_file()}

    def say(self, what: Any) -> None:
        """Note a word of the test at this moment."""
        self.events.append(Event("said", other=what))

    def said(self, moment: int) -> list[Any]:
        """What had been said before a moment."""
        return [event.other for event in self.events[:moment] if event.kind == "said"]

    def after_cut(self, moment: int, rng: random.Random) -> dict[str, bytes]:
        """Files and contents as they may be found if the power went just before an event."""
        files = [_File(data) for data in self._at_first.values()]
        now = dict(zip(self._at_first, files, strict=True))
        safe, names_changed = dict(now), list[tuple[str, _File | None, str]]()
        for event in self.events[:moment]:
            match event.kind:
                case "make":
                    now[event.name] = _File(b"")
                    names_changed.append((event.name, now[event.name], ""))
                case "write":
                    now[event.name].write(event.at, event.data)
                case "truncate":
                    now[event.name].truncate(event.at)
                case "sync":
                    now[event.name].flush()
                case "remove":
                    now.pop(event.name, None)
                    names_changed.append((event.name, None, ""))
                case "rename":
                    now[event.other] = now.pop(event.name)
                    names_changed.append((event.other, now[event.other], event.name))
                case "sync folder":
                    safe, names_changed = dict(now), []
        ordered = rng.random() < 0.5  # most file systems keep the order of these; no standard says that they must
        kept = rng.randint(0, len(names_changed))
        for number, (name, file, old) in enumerate(names_changed):
            if (number < kept) if ordered else rng.random() < 0.5:
                safe.pop(old, None)
                if file is None:
                    safe.pop(name, None)
                else:
                    safe[name] = file
        return {name: file.after_cut(rng) for name, file in safe.items()}


class _File:
    """The content of a file: what is safe, and what each sector and the length have been since."""

    def __init__(self, data: bytes) -> None:
        self.data = bytearray(data)
        self.flush()

    def flush(self) -> None:
        self.safe = bytes(self.data)
        self.lengths = [len(self.data)]
        self.sectors: dict[int, list[bytes]] = {}

    def write(self, at: int, data: bytes) -> None:
        if at > len(self.data):
            self.data.extend(bytes(at - len(self.data)))
        self.data[at : at + len(data)] = data
        self._changed(at, at + len(data))

    def truncate(self, length: int) -> None:
        before = len(self.data)
        del self.data[length:]
        self.data.extend(bytes(length - len(self.data)))
        self._changed(min(before, length), max(before, length))

    def _changed(self, start: int, stop: int) -> None:
        self.lengths.append(len(self.data))
        for number in range(start // SECTOR, -(-stop // SECTOR)):
            self.sectors.setdefault(number, []).append(self._sector(self.data, number))

    def after_cut(self, rng: random.Random) -> bytes:
        length = rng.choice(self.lengths)
        found = bytearray(self.safe[:length].ljust(length, b"\0"))
        reach = rng.choice([0.0, 0.5, 0.9, 1.0])  # how much of what was not flushed has arrived
        for number, states in self.sectors.items():
            if number * SECTOR < length and rng.random() < reach:
                state = rng.choice(states) if rng.random() < 0.5 else states[-1]
                found[number * SECTOR : (number + 1) * SECTOR] = state
        return bytes(found[:length])

    @staticmethod
    def _sector(data: bytes | bytearray, number: int) -> bytes:
        return bytes(data[number * SECTOR : (number + 1) * SECTOR]).ljust(SECTOR, b"\0")


@contextmanager
def connected(disk: Disk) -> Iterator[None]:
    """Within it, projects are opened on this disk."""
    names = {base: f"noted {next(_numbers)}" for base in ("unix", "unix-none")}
    shims = [_Vfs(name, base, disk) for base, name in names.items()]

    def connect(place: str, **_: Any) -> _Connection:
        where, _, options = place.partition("?")
        chosen = dict(option.split("=") for option in options.split("&"))
        vfs = names[chosen.pop("vfs", "unix")]
        flags = apsw.SQLITE_OPEN_URI | apsw.SQLITE_OPEN_READWRITE
        rest = "".join(f"&{key}={value}" for key, value in chosen.items())
        with _errors():
            return _Connection(apsw.Connection(f"{where}?vfs={vfs.replace(' ', '%20')}{rest}", flags=flags))

    opened: dict[int, Path] = {}

    def noted_replace(old: Path, new: Path) -> None:
        os.replace(old, new)
        disk.events.append(Event("rename", Path(old).name, other=Path(new).name))

    def noted_open(path: Path, flags: int, mode: int = 0o777) -> int:
        handle = os.open(path, flags, mode)
        opened[handle] = Path(path)
        if flags & os.O_EXCL:
            disk.events.append(Event("make", Path(path).name))
        return handle

    def noted_fsync(handle: int) -> None:
        is_folder = opened[handle].is_dir()
        disk.events.append(Event("sync folder") if is_folder else Event("sync", opened[handle].name))

    noted = {"replace": noted_replace, "open": noted_open, "fsync": noted_fsync}
    try:
        with pytest.MonkeyPatch.context() as patched:
            patched.setattr(project_database, "sqlite3", SimpleNamespace(**{**vars(sqlite3), "connect": connect}))
            patched.setattr(atomic, "os", SimpleNamespace(**{**vars(os), **noted}))
            yield
    finally:
        for shim in shims:
            shim.unregister()


class _Vfs(apsw.VFS):
    def __init__(self, name: str, base: str, disk: Disk) -> None:
        self._base, self._disk = base, disk
        super().__init__(name, base)

    def xOpen(self, name: str | apsw.URIFilename | None, flags: list[int]) -> _VfsFile:  # noqa: N802 - of SQLite
        path = Path(name.filename() if isinstance(name, apsw.URIFilename) else name or "")
        is_new = bool(name) and not path.exists()
        file = _VfsFile(self._base, name, flags, self._disk, path.name)
        if is_new:
            self._disk.events.append(Event("make", path.name))
        file.flushes_folder = bool(flags[0] & _CREATED and flags[0] & _FLUSHED_WITH_FOLDER)
        return file

    def xDelete(self, name: str, flush_folder: bool) -> None:  # noqa: N802
        super().xDelete(name, flush_folder)
        self._disk.events.append(Event("remove", Path(name).name))
        if flush_folder:
            self._disk.events.append(Event("sync folder"))


class _VfsFile(apsw.VFSFile):
    flushes_folder = False

    def __init__(self, base: str, name: Any, flags: list[int], disk: Disk, noted_as: str) -> None:
        self._base, self._disk, self._name = base, disk, noted_as
        super().__init__(base, name, flags)

    def xWrite(self, data: bytes, offset: int) -> None:  # noqa: N802
        self._maybe_refuse("write")
        super().xWrite(data, offset)
        self._note(Event("write", self._name, offset, bytes(data)))

    def xTruncate(self, length: int) -> None:  # noqa: N802
        self._maybe_refuse("truncate")
        super().xTruncate(length)
        self._note(Event("truncate", self._name, length))

    def xLock(self, level: int) -> None:  # noqa: N802
        if self._base == "unix":
            self._maybe_refuse("lock")
        super().xLock(level)

    def xSync(self, flags: int) -> None:  # noqa: ARG002, N802
        self._maybe_refuse("sync")
        self._note(Event("sync", self._name))  # the disk of this test forgets nothing, and the true one need not hurry
        if self.flushes_folder:  # as SQLite does it on Unix: once, with the first flush of a new journal
            self.flushes_folder = False
            self._note(Event("sync folder"))

    def _note(self, event: Event) -> None:
        if self._name:  # files without a name are for sorting
            self._disk.events.append(event)

    def _maybe_refuse(self, what: str) -> None:
        error = self._disk.refuse(what, self._name) if self._disk.refuse is not None else None
        if error is not None:
            refused = error(f"refused to {what}")
            refused.extendedresult = _FAILED[what] if error is apsw.IOError else apsw.SQLITE_FULL
            raise refused


class _Rows:
    """What a statement has given, all at once."""

    def __init__(self, rows: list[tuple[Any, ...]], lastrowid: int) -> None:
        self._rows = iter(rows)
        self.lastrowid = lastrowid

    def __iter__(self) -> Iterator[tuple[Any, ...]]:
        return self._rows

    def fetchone(self) -> tuple[Any, ...] | None:
        return next(self._rows, None)

    def fetchall(self) -> list[tuple[Any, ...]]:
        return list(self._rows)


class _Connection:
    """As much of `sqlite3.Connection` as projects use."""

    def __init__(self, connection: apsw.Connection) -> None:
        self._connection = connection
        connection.set_busy_timeout(1000)

    @property
    def in_transaction(self) -> bool:
        return bool(self._connection.in_transaction)

    def execute(self, sql: str, values: Sequence[Any] = ()) -> _Rows:
        with _errors():
            return _Rows(self._connection.execute(sql, tuple(values)).fetchall(), self._connection.last_insert_rowid())

    def executemany(self, sql: str, values: Sequence[Sequence[Any]]) -> None:
        with _errors():
            self._connection.executemany(sql, values)

    def backup(self, target: _Connection) -> None:
        with _errors(), target._connection.backup("main", self._connection, "main") as backup:
            backup.step()

    def close(self) -> None:
        with suppress(apsw.Error):  # `sqlite3` does not tell either that the log could not be written back
            self._connection.close()


class _errors:  # noqa: N801 - used as a function
    """Gives the errors of `apsw` the names that `sqlite3` has for them."""

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        if isinstance(error, apsw.Error):
            told = sqlite3.OperationalError(str(error))
            number = getattr(error, "extendedresult", 0)
            names = apsw.mapping_extended_result_codes, apsw.mapping_result_codes
            told.sqlite_errorname = next((str(found[number]) for found in names if number in found), "")
            raise told from error
