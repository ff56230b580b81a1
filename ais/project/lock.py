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

    def check(self) -> None:
        """Make sure that the lock is still ours.

        Raises
        ------
        AisError
            If the lock file has been removed or another program has taken it over.
        """
        try:
            current = _read_holder(self.path)
            if current == self.holder:
                os.utime(self.path)
                return
        except OSError:
            current = None
        who = f"{current} has taken it over" if current else f"its lock {self.path.name} has been removed"
        raise AisError(f"{self._project} is no longer ours to change, because {who}: close it and open it again.")

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
        """Remove the lock file, if it is still ours; does nothing the second time."""
        handle, self._handle = self._handle, -1
        if handle < 0:
            return
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
        for _ in range(3):
            try:
                handle = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o666)
            except FileExistsError:
                self._clear_if_left_behind()
                continue
            _lock_file(handle)
            self.holder = Holder(
                _user(), socket.gethostname(), os.getpid(), time.strftime("%Y-%m-%d %H:%M"), uuid.uuid4().hex
            )
            try:
                self._write_holder(handle)
            except OSError:
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
        return locked is None or time.time() - path.stat().st_mtime < 2  # a lock that is just being written
    if holder.host != socket.gethostname():
        return abs(time.time() - path.stat().st_mtime) < FOREIGN_LOCK_SECONDS
    return locked is None and _process_exists(holder.pid)


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
