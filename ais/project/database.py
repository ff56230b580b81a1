"""The connection to a project's SQLite file: opened safely, written durably, closed as one file."""

from __future__ import annotations

import logging
import sqlite3
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from ais.errors import AisError
from ais.formats.atomic import atomic_path
from ais.project.lock import Holder, LockHeldError, ProjectLock, holder_of, lock_path
from ais.project.rows import moved_setting, relative_path
from ais.project.schema import APPLICATION_ID, check_header, check_schema, migrate

BUSY_SECONDS = 10.0
MAX_REASON = 120
WAL_MARK_AT, NO_WAL = 18, b"\x01\x01"
"""Two bytes of an SQLite file that say whether there is a log beside it; a copy has none, though its original may."""

SIDE_FILES = ("-wal", "-shm", "-journal")

_NO_LOCKING_VFS = "win32-none" if sys.platform == "win32" else "unix-none"
_LOCKING_FAILED = (
    "SQLITE_PROTOCOL",
    "SQLITE_IOERR_LOCK",
    "SQLITE_IOERR_UNLOCK",
    "SQLITE_IOERR_RDLOCK",
    "SQLITE_IOERR_CHECKRESERVEDLOCK",
    "SQLITE_IOERR_SHMOPEN",
    "SQLITE_IOERR_SHMSIZE",
    "SQLITE_IOERR_SHMLOCK",
    "SQLITE_IOERR_SHMMAP",
)
"""What SQLite says where a file system does not lock, or does not share memory, as its log needs both."""

_log = logging.getLogger(__name__)


@dataclass
class Database:
    """An open project file.

    Attributes
    ----------
    path
        The project file, absolute.
    connection
        In autocommit mode; may be used by several threads, one at a time.
    lock
        Held while the project may be changed; None when it can only be read.
    notice
        A sentence for the user: why it can only be read, or that a weaker way of writing is used; else empty.
    """

    path: Path
    connection: sqlite3.Connection
    lock: ProjectLock | None
    notice: str

    def close(self) -> None:
        """Leave one file: everything written back, nothing beside it."""
        with suppress(sqlite3.Error):  # a reader may still be there; the log it needs is written back when it leaves
            self.connection.execute("PRAGMA busy_timeout = 0")
            if self.lock is not None:
                self.connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
                self.connection.execute("PRAGMA journal_mode = DELETE")
        self.connection.close()
        if self.lock is not None:
            self.lock.release()
        else:
            _tidy(self.path)


def create_database(path: Path) -> None:
    """Make a new, empty project file; it appears whole or not at all.

    Raises
    ------
    AisError
        If there is something of that name, or the folder cannot be written.
    """
    if path.exists():
        raise AisError(f"{path} exists already: open it, or choose another name for the new project.")
    refuse_side_files(path)
    with atomic_path(path) as temporary, database_errors(path), closing(_connect_new(temporary)) as connection:
        connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
        migrate(connection)


def open_database(path: Path, read_only: bool) -> Database:
    """Open a project file, for changing if nobody else does.

    Raises
    ------
    AisError
        If it is not a project, is damaged, or was written by a newer version.
    """
    check_header(path)
    with database_errors(path):
        if read_only:
            holder = holder_of(path)
            if holder is not None and holder.alone:
                raise _open_elsewhere(path, holder)
            return _open_reading(path, notice="")
        try:
            lock = ProjectLock(path)
        except LockHeldError as error:
            if error.holder.alone:
                raise _open_elsewhere(path, error.holder) from error
            return _open_reading(
                path,
                f"{path.name} can only be read, because {error}: close it there, or save a copy and go on in that.",
            )
        except OSError as error:
            reason = error.strerror or type(error).__name__
            return _open_reading(
                path,
                f"{path.name} can only be read, because its folder cannot be written ({reason}): save a copy elsewhere "
                "to go on in.",
            )
        try:
            return _open_writing(path, lock)
        except BaseException:
            lock.release()
            raise


def copy_database(connection: sqlite3.Connection, target: Path, folder: Path) -> None:
    """Copy an open database, as it is at this moment, into a single file of our own that exists and is empty.

    Parameters
    ----------
    connection
        The database.
    target
        The file.
    folder
        Where the copy will lie in the end; files are found from there.
    """
    with closing(_connect_new(target)) as copy:
        connection.backup(copy)
    with target.open("r+b") as file:
        file.seek(WAL_MARK_AT)
        file.write(NO_WAL)
    with closing(_connect_new(target)) as copy:
        copy.execute("BEGIN")
        for table in ("tomograms", "models"):
            places = copy.execute(f"SELECT id, path FROM {table}").fetchall()
            moved = [(relative_path(path, folder), number) for number, path in places]
            copy.executemany(f"UPDATE {table} SET relative_path = ? WHERE id = ?", moved)
        settings = copy.execute("SELECT key, value FROM settings").fetchall()
        changed = [(moved_setting(value, folder), key) for key, value in settings]
        copy.executemany("UPDATE settings SET value = ? WHERE key = ?", changed)
        copy.execute("COMMIT")


def refuse_side_files(path: Path) -> None:
    """Raise an AisError if a database of this name is open, or was not closed: its log would be taken for ours."""
    for beside in (*(path.with_name(path.name + ending) for ending in SIDE_FILES), lock_path(path)):
        if beside.exists():
            raise AisError(
                f"{beside} belongs to a project {path.name} that is open or was not closed: choose another name, "
                "or remove that file if you are sure."
            )


@contextmanager
def database_errors(path: Path) -> Iterator[None]:
    """Turn errors of SQLite into an AisError with one sentence about the project file."""
    try:
        yield
    except sqlite3.Error as error:
        raise AisError(_describe(error, path)) from error
    except UnicodeDecodeError as error:
        raise AisError(f"{path} is damaged: restore it from a copy.") from error
    except OverflowError as error:
        raise AisError(f"A number is too large for {path.name}.") from error


def _open_elsewhere(path: Path, holder: Holder) -> AisError:
    return AisError(f"{path} is open for editing by {holder}: close it there first.")


def _describe(error: sqlite3.Error, path: Path) -> str:
    name = _error_name(error)
    if name.startswith("SQLITE_FULL"):
        return f"No space left to write {path}: free some space, what was saved before is safe."
    if name.startswith(("SQLITE_READONLY", "SQLITE_PERM", "SQLITE_AUTH")):
        return f"{path} may not be written: check the permissions of the file and its folder."
    if name.startswith(("SQLITE_BUSY", "SQLITE_LOCKED")):
        return f"{path} is in use by another program: close it there and try again."
    if name.startswith(("SQLITE_CORRUPT", "SQLITE_NOTADB")):
        return f"{path} is damaged: restore it from a copy."
    if name.startswith(("SQLITE_IOERR", "SQLITE_CANTOPEN")):
        return f"{path} could not be read or written ({error}): check the disk, its free space and the permissions."
    reason = " ".join(str(error).split())[:MAX_REASON]
    return f"{path} is damaged or was changed by another program ({reason}): restore it from a copy."


def _error_name(error: sqlite3.Error) -> str:
    return getattr(error, "sqlite_errorname", None) or ""  # absent where Python itself has raised it


def _open_writing(path: Path, lock: ProjectLock) -> Database:
    reason = "the file system does not lock files"
    if lock.locks_work():
        try:
            return _finish(path, lock, _connect(path, "mode=rw"), "WAL")
        except sqlite3.OperationalError as error:
            name = _error_name(error)
            if name.startswith("SQLITE_READONLY"):
                lock.release()
                return _open_reading(
                    path, f"{path.name} can only be read, because the file may not be written: save a copy to go on in."
                )
            if name not in _LOCKING_FAILED:
                raise
            reason = str(error)
    notice = f"{path.name} is on a file system without proper locking ({reason}): open it in one program at a time."
    _log.warning(notice)
    lock.claim_alone()
    database = _finish(path, lock, _connect_private(path), "DELETE")
    database.notice = notice
    return database


def _finish(path: Path, lock: ProjectLock, connection: sqlite3.Connection, journal: str) -> Database:
    try:
        check_schema(connection, path, may_migrate=True)
        mode = connection.execute(f"PRAGMA journal_mode = {journal}").fetchone()[0]
        connection.execute(f"PRAGMA synchronous = {'FULL' if mode == 'wal' else 'EXTRA'}")
        migrate(connection)
        connection.execute("BEGIN IMMEDIATE")
        connection.execute("ROLLBACK")
    except BaseException:
        connection.close()
        raise
    return Database(path, connection, lock, "")


def _open_reading(path: Path, notice: str) -> Database:
    connection = _connect(path, "mode=ro")
    try:
        check_schema(connection, path, may_migrate=False)
    except BaseException:
        connection.close()
        raise
    return Database(path, connection, None, notice)


def _connect(path: Path, options: str) -> sqlite3.Connection:
    # SQLite takes no host in a URI, so a Windows share keeps its two slashes behind an empty one.
    name = path.as_posix()
    uri = f"file://{'' if name.startswith('/') else '/'}{quote(name)}?{options}"
    connection = sqlite3.connect(uri, uri=True, isolation_level=None, check_same_thread=False, timeout=BUSY_SECONDS)
    for pragma in ("trusted_schema = OFF", "cell_size_check = ON", "mmap_size = 0", "foreign_keys = ON"):
        connection.execute(f"PRAGMA {pragma}")
    return connection


def _connect_private(path: Path) -> sqlite3.Connection:
    """Connect without locks: to a file that only we know of, or where locks do not work.

    The log of a program that died is then read without the shared memory that some file systems lack.
    """
    connection = _connect(path, f"mode=rw&vfs={_NO_LOCKING_VFS}")
    connection.execute("PRAGMA locking_mode = EXCLUSIVE")
    return connection


def _connect_new(path: Path) -> sqlite3.Connection:
    """Connect to a file that counts only once it is complete: no journal is laid beside it, to be left behind."""
    connection = _connect_private(path)
    connection.execute("PRAGMA journal_mode = MEMORY")
    connection.execute("PRAGMA synchronous = OFF")  # whoever gives it its name has it flushed before
    return connection


def _tidy(path: Path) -> None:
    """Remove the empty log that the last reader leaves, since a reader may not do that itself."""
    log = path.with_name(path.name + "-wal")
    with suppress(OSError, LockHeldError, sqlite3.Error, AisError):
        if log.exists() and log.stat().st_size == 0:
            _open_writing(path, ProjectLock(path)).close()
