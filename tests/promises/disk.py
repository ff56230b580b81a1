"""What a program does to the disk, call by call: seen, stopped at any of them, or noted so that it can be replayed.

Everything that Python code writes goes through few functions of `os` and `open`; they are replaced in a child process
by ones that tell a `Watcher` before and after. What extensions write by themselves is not seen; a noted run therefore
checks at its end that the notes, replayed, give what lies on the disk.
"""

# ruff: noqa: PTH100, PTH112, PTH115, PTH118
# It stands where `os` and `open` are, and speaks their words.
from __future__ import annotations

import builtins
import errno
import io
import os
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

WRITING = set("wax+")
GROWING = ("create", "write", "mkdir", "fsync")
"""Calls that a full disk refuses."""


class Call(NamedTuple):
    """One call: open, create, truncate, write, fsync, rename, unlink, mkdir, rmdir.

    `handle` counts what has been opened; `path`, and `target` of a rename, are absolute; `at` is where a write begins,
    or the length after a truncation; `data` is what was written, and after a flush of a file all that is in it, so that
    what extensions have written by themselves is known from there on.
    """

    kind: str
    path: str = ""
    handle: int = 0
    target: str = ""
    at: int = 0
    data: bytes = b""


Watcher = Callable[[Call, bool], None]
"""Told each call before (False) and after it (True); it may raise, or end the process."""


class Disk:
    """Tells a watcher what this process writes below a folder; there is no way back, so only for children."""

    def __init__(self, root: Path, watcher: Watcher) -> None:
        self._root = str(root)
        self._watcher = watcher
        self._real = {
            name: getattr(os, name)
            for name in ("open", "close", "write", "fsync", "replace", "unlink", "mkdir", "rmdir", "ftruncate")
        }
        self._real_open = io.open
        self._handles: dict[int, tuple[int, str]] = {}
        self._opened = 0
        self._raw = self._raw_file()

    def watch(self) -> None:
        """From now on."""
        replaced: dict[str, Any] = {
            "open": self._os_open,
            "close": self._close,
            "write": self._os_write,
            "fsync": self._fsync,
            "replace": self._rename,
            "rename": self._rename,
            "unlink": self._unlink,
            "remove": self._unlink,
            "mkdir": self._mkdir,
            "rmdir": self._rmdir,
            "ftruncate": self._ftruncate,
        }
        for name, function in replaced.items():
            setattr(os, name, function)
        io.open = builtins.open = self._open  # type: ignore[assignment]

    def _where(self, path: Any, dir_fd: int | None = None) -> str | None:
        """The absolute path if it lies below the folder."""
        if isinstance(path, int):
            return None
        name = os.fsdecode(os.fspath(path))
        if dir_fd is not None:
            name = os.path.join(os.readlink(f"/proc/self/fd/{dir_fd}"), name)
        name = os.path.abspath(name)
        return name if name == self._root or name.startswith(self._root + os.sep) else None

    def _tell(self, call: Call, work: Callable[[], Any]) -> Any:
        self._watcher(call, False)
        result = work()
        self._watcher(call, True)
        return result

    def _handle(self) -> int:
        self._opened += 1
        return self._opened

    def _opening(self, where: str, handle: int, *, makes: bool, empties: bool) -> Call | None:
        there = os.path.lexists(where)
        if makes and not there:
            return Call("create", where, handle)
        if there and empties:
            return Call("empty", where, handle)
        return Call("open", where, handle)

    def _os_open(self, path: Any, flags: int, mode: int = 0o777, *, dir_fd: int | None = None) -> int:
        where = self._where(path, dir_fd)
        if where is None:
            return int(self._real["open"](path, flags, mode, dir_fd=dir_fd))
        handle = self._handle()
        call = self._opening(where, handle, makes=bool(flags & os.O_CREAT), empties=bool(flags & os.O_TRUNC))
        number = int(self._tell(call, lambda: self._real["open"](path, flags, mode, dir_fd=dir_fd)))
        self._handles[number] = handle, where
        return number

    def _close(self, number: int) -> None:
        self._handles.pop(number, None)
        self._real["close"](number)

    def _os_write(self, number: int, data: Any) -> int:
        if number not in self._handles:
            return int(self._real["write"](number, data))
        handle, where = self._handles[number]
        at = os.lseek(number, 0, os.SEEK_CUR)
        call = Call("write", where, handle, at=at, data=bytes(data))
        return int(self._tell(call, lambda: self._real["write"](number, data)))

    def _fsync(self, number: int) -> None:
        number = number if isinstance(number, int) else number.fileno()
        if number not in self._handles:
            self._real["fsync"](number)
            return
        handle, where = self._handles[number]
        self._tell(Call("fsync", where, handle), lambda: None)  # it would only take time: the power stays on

    def _ftruncate(self, number: int, length: int) -> None:
        if number not in self._handles:
            self._real["ftruncate"](number, length)
            return
        handle, where = self._handles[number]
        self._tell(Call("truncate", where, handle, at=length), lambda: self._real["ftruncate"](number, length))

    def _rename(self, source: Any, target: Any, **folders: Any) -> None:
        where, to = self._where(source), self._where(target)
        if where is None or to is None:
            self._real["replace"](source, target, **folders)
            return
        self._tell(Call("rename", where, target=to), lambda: self._real["replace"](source, target, **folders))

    def _unlink(self, path: Any, *, dir_fd: int | None = None) -> None:
        self._entry("unlink", path, dir_fd)

    def _rmdir(self, path: Any, *, dir_fd: int | None = None) -> None:
        self._entry("rmdir", path, dir_fd)

    def _mkdir(self, path: Any, mode: int = 0o777, *, dir_fd: int | None = None) -> None:
        self._entry("mkdir", path, dir_fd, mode)

    def _entry(self, kind: str, path: Any, dir_fd: int | None, *further: Any) -> None:
        where = self._where(path, dir_fd)
        if where is None or os.path.lexists(where) == (kind == "mkdir"):
            self._real[kind](path, *further, dir_fd=dir_fd)  # it is refused, and changes nothing
            return
        self._tell(Call(kind, where), lambda: self._real[kind](path, *further, dir_fd=dir_fd))

    def _open(
        self,
        file: Any,
        mode: str = "r",
        buffering: int = -1,
        encoding: str | None = None,
        errors: str | None = None,
        newline: str | None = None,
        closefd: bool = True,
        opener: Any = None,
    ) -> Any:
        known = isinstance(file, int) and file in self._handles
        where = None if isinstance(file, int) else self._where(file)
        if opener is not None or not (known or where) or not WRITING & set(mode):
            if where is not None:
                self._watcher(Call("read", where), False)
            return self._real_open(file, mode, buffering, encoding, errors, newline, closefd, opener)
        plain = mode.replace("b", "").replace("t", "")
        if known:
            raw = self._raw(file, plain, closefd)
            raw.known = self._handles[file]
        else:
            assert where is not None
            handle = self._handle()
            empties = "w" in mode
            call = self._opening(where, handle, makes="r" not in mode, empties=empties)
            raw = self._tell(call, lambda: self._raw(file, plain, closefd))
            raw.known = self._handles[raw.fileno()] = handle, where
        if buffering == 0:
            return raw
        size = io.DEFAULT_BUFFER_SIZE if buffering in (-1, 1) else buffering
        buffered: Any = io.BufferedRandom(raw, size) if "+" in mode else io.BufferedWriter(raw, size)
        if "b" in mode:
            return buffered
        text = io.TextIOWrapper(buffered, encoding, errors, newline, line_buffering=buffering == 1)
        text.mode = mode  # type: ignore[misc]
        return text

    def _raw_file(self) -> Any:
        disk = self

        class Raw(io.FileIO):
            known: tuple[int, str]

            def write(self, data: Any) -> int:
                at = os.fstat(self.fileno()).st_size if "a" in self.mode else self.tell()
                call = Call("write", self.known[1], self.known[0], at=at, data=bytes(data))
                return int(disk._tell(call, lambda: io.FileIO.write(self, data)))

            def truncate(self, size: int | None = None) -> int:
                length = self.tell() if size is None else size
                call = Call("truncate", self.known[1], self.known[0], at=length)
                return int(disk._tell(call, lambda: io.FileIO.truncate(self, length)))

            def close(self) -> None:
                if not self.closed:
                    disk._handles.pop(self.fileno(), None)
                super().close()

        return Raw


class Counting:
    """Counts the calls that change the disk, and does something at one of them.

    Attributes
    ----------
    count
        Calls so far.
    """

    def __init__(
        self, at: int | None, act: Callable[[Call], None], keeps_on: bool = False, reads: bool = False
    ) -> None:
        self.count = 0
        self._at = at
        self._act = act
        self._keeps_on = keeps_on
        self._passed_over = ("open",) if reads else ("open", "read")

    def __call__(self, call: Call, is_done: bool) -> None:
        if is_done or call.kind in self._passed_over:
            return
        self.count += 1
        if self._at is not None and (self.count == self._at or (self._keeps_on and self.count > self._at)):
            self._act(call)


def kill(call: Call) -> None:
    """End this process at once, in the middle of a write."""
    if call.kind == "write":
        with io.FileIO(call.path, "r+") as file:
            file.seek(call.at)
            file.write(call.data[: len(call.data) // 2])
    os.kill(os.getpid(), signal.SIGKILL)


def refuse(call: Call) -> None:
    """There is no room for this call."""
    if call.kind in GROWING:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), call.path)


def ask_to_end(_call: Call) -> None:
    """What a scheduler does; the handler of the signal runs before this returns."""
    os.kill(os.getpid(), signal.SIGTERM)


class Noting:
    """Notes all calls that have been made."""

    def __init__(self) -> None:
        self.calls: list[Call] = []

    def __call__(self, call: Call, is_done: bool) -> None:
        if is_done and call.kind == "fsync" and not os.path.isdir(call.path):
            with io.FileIO(call.path) as file:
                self.calls.append(call._replace(data=file.readall()))
        elif is_done and call.kind != "read":
            self.calls.append(call)
