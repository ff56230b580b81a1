"""The lock file beside an open project, which says who is working on it."""

from __future__ import annotations

import contextlib
import errno
import getpass
import json
import os
import socket
import sys
import time
import uuid
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from ais.errors import AisError

if sys.platform != "win32":
    import fcntl

FOREIGN_LOCK_SECONDS = 600
"""Where computers do not see each other's locks, one that has seen no edit for so long counts as left behind."""

BEING_WRITTEN_SECONDS = 2
"""A lock file that names nobody may be one that is just being written; an older one belongs to a dead program."""

MAX_LOCK_BYTES = 4096
_NO_LOCKS = (errno.ENOLCK, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOSYS, errno.EINVAL)


@dataclass(frozen=True)
class Holder:
    """Who has a project open for editing; `alone` if others must not even read it meanwhile."""

    user: str
    host: str
    pid: int
    since: str
    token: str
    alone: bool = False

    def __str__(self) -> str:
        return f"{self.user} on {self.host} (process {self.pid}, since {self.since})"


class LockHeldError(Exception):
    """The project is open for editing elsewhere."""

    def __init__(self, holder: Holder, path: Path) -> None:
        super().__init__(f"it is open for editing by {holder}")
        self.holder = holder
        self.path = path


class ProjectLock:
    """Held by the one program that may edit a project; released when the program ends, however it ends.

    The lock file holds the holder's name and is locked by the operating system where the file system can. A lock
    whose holder has died is taken over.

    Parameters
    ----------
    project
        The project file; the lock is called ``<project>.lock``.

    Raises
    ------
    LockHeldError
        If another program holds it.
    OSError
        If the folder cannot be written.
    """

    holder: Holder

    def __init__(self, project: Path) -> None:
        self.path = lock_path(project)
        self._project = project
        self._handle = self._take()
        self._project_handle = _opened(project)

    def check(self) -> None:
        """Make sure that the lock is still ours, and the project still the file that was opened.

        Raises
        ------
        AisError
            If the lock file has been removed or another program has taken it over, or the project has been moved,
            deleted or replaced.
        """
        self._check_project()
        try:
            current = _read_holder(self.path)
            if current == self.holder:
                os.utime(self.path)
                return
        except OSError:
            current = None
        who = f"{current} has taken it over" if current else f"its lock {self.path.name} has been removed"
        raise AisError(f"{self._project} is no longer ours to change, because {who}: close it and open it again.")

    def _check_project(self) -> None:
        # Windows lets nobody do so to an open file.
        if self._project_handle < 0:
            return
        try:
            is_ours = os.path.samestat(os.fstat(self._project_handle), self._project.stat())
        except OSError as error:
            raise AisError(
                f"{self._project} has been moved or deleted while it was open, or its disk has gone: put it back, "
                "or save a copy elsewhere."
            ) from error
        if not is_ours:
            raise AisError(
                f"{self._project} has been replaced by another file while it was open: save a copy of what is open "
                "under another name."
            )

    def locks_work(self) -> bool:
        """Whether the file system can lock a range of a file, which SQLite needs."""
        if sys.platform == "win32":
            return True
        try:
            fcntl.lockf(self._handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            return error.errno not in _NO_LOCKS
        return True

    def claim_alone(self) -> None:
        """Say in the lock file that others must not even read the project meanwhile."""
        self.holder = replace(self.holder, alone=True)
        self._write_holder(self._handle)

    def release(self) -> None:
        """Remove the lock file, if it is still ours; does nothing the second time.

        The database is closed before: on Unix its own locks end with the first handle that is closed.
        """
        handle, self._handle = self._handle, -1
        if handle < 0:
            return
        if self._project_handle >= 0:
            os.close(self._project_handle)
        ours = False
        with contextlib.suppress(OSError):
            ours = _read_holder(self.path) == self.holder
            if ours and sys.platform != "win32":
                self.path.unlink()  # while it is still locked, so that no other program can just have taken it
        os.close(handle)
        if ours and sys.platform == "win32":
            with contextlib.suppress(OSError):
                self.path.unlink()

    def _take(self) -> int:
        limit = time.monotonic() + BEING_WRITTEN_SECONDS + 1
        while time.monotonic() < limit:
            try:
                handle = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o666)
            except FileExistsError:
                try:
                    self._clear_if_left_behind()
                except LockHeldError as error:
                    if error.holder != _unknown_holder():
                        raise
                    time.sleep(0.05)  # it is just being written, or its program was killed just then
                continue
            try:
                _lock_file(handle)
                self.holder = Holder(
                    _user(), socket.gethostname(), os.getpid(), time.strftime("%Y-%m-%d %H:%M"), uuid.uuid4().hex
                )
                self._write_holder(handle)
            except BaseException:  # the disk is full, or the process is asked to end
                os.close(handle)
                with contextlib.suppress(OSError):
                    self.path.unlink()
                raise
            return handle
        raise LockHeldError(_unknown_holder(), self.path)

    def _write_holder(self, handle: int) -> None:
        text = json.dumps(asdict(self.holder)).encode()
        os.lseek(handle, 0, os.SEEK_SET)
        os.write(handle, text)
        os.ftruncate(handle, len(text))
        os.fsync(handle)

    def _clear_if_left_behind(self) -> None:
        with contextlib.suppress(FileNotFoundError):
            holder = _read_holder(self.path)
            handle = os.open(self.path, os.O_RDWR)
            try:
                if _is_alive(handle, holder, self.path):
                    raise LockHeldError(holder or _unknown_holder(), self.path)
                # While we hold the old file's lock nobody else removes it; a newer file of that name is not ours.
                if sys.platform != "win32" and os.path.samestat(os.fstat(handle), self.path.stat()):
                    self.path.unlink()
            finally:
                os.close(handle)
            if sys.platform == "win32":
                try:
                    self.path.unlink()  # Windows refuses while a living program has it open
                except PermissionError:
                    raise LockHeldError(holder or _unknown_holder(), self.path) from None


def lock_path(project: Path) -> Path:
    """Where the lock file of a project lies."""
    return project.with_name(project.name + ".lock")


def holder_of(project: Path) -> Holder | None:
    """Who the lock file of a project names, alive or not; None if there is no such file."""
    try:
        return _read_holder(lock_path(project))
    except OSError:
        return None


def _is_alive(handle: int, holder: Holder | None, path: Path) -> bool:
    if sys.platform == "win32":
        return False
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        locked = False
    except OSError as error:
        if error.errno not in _NO_LOCKS:
            return True
        locked = None
    if holder is None:
        return locked is None or _age(path) < BEING_WRITTEN_SECONDS
    if holder.host != socket.gethostname():
        return _age(path) < FOREIGN_LOCK_SECONDS
    return locked is None and _process_exists(holder.pid)


def _age(path: Path) -> float:
    """Seconds since a file was written, by the clock that stamps files there: this computer's may be another, or jump.

    A file of the future, from before a clock was set back, counts as old as it is young.
    """
    beside = path.with_name(f".{path.name}.{uuid.uuid4().hex}.tmp")
    try:
        beside.touch()
        try:
            now = beside.stat().st_mtime
        finally:
            beside.unlink()
    except OSError:
        now = time.time()
    return abs(now - path.stat().st_mtime)


def _opened(project: Path) -> int:
    """A handle that tells whether a file of this name is still the same; -1 where that is not needed."""
    if sys.platform == "win32":
        return -1
    try:
        return os.open(project, os.O_RDONLY)
    except OSError:
        return -1


def _process_exists(pid: int) -> bool:
    if pid <= 0:
        return False
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except OSError:
        return True
    return True


def _lock_file(handle: int) -> None:
    if sys.platform == "win32":
        return
    for _ in range(50):  # another program may hold the lock for a moment to see whether we are alive
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            time.sleep(0.02)
        except OSError:
            return  # a file system without locks: the holder's process is looked up instead
        else:
            return


def _read_holder(path: Path) -> Holder | None:
    with path.open("rb") as file:
        text = file.read(MAX_LOCK_BYTES)
    try:
        values = json.loads(text)
        user, host, since, token = (str(values[name]) for name in ("user", "host", "since", "token"))
        return Holder(user, host, int(values["pid"]), since, token, bool(values["alone"]))
    except (ValueError, TypeError, KeyError):
        return None


def _unknown_holder() -> Holder:
    return Holder("somebody", "an unknown computer", 0, "just now", "")


def _user() -> str:
    try:
        return getpass.getuser()
    except (OSError, KeyError, ImportError):
        return "somebody"
