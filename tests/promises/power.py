"""A disk that has forgotten what was not flushed: the states it may be in after a power cut, from the calls of a run.

What holds: bytes are safe once their file was flushed after they were written, and a name once its folder was flushed
after it was given. Everything else may be there or not: of the bytes any part, zeros in their place, or nothing, of
the names in a folder as many of the latest changes as were written out in time, independently of other folders. That
is less than ext4, XFS or btrfs promise.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from disk import Call

Tree = dict[str, bytes | None]
"""Relative paths of files, with their content, and of folders (None)."""


@dataclass
class _File:
    safe: bytes = b""
    late: list[tuple[int, bytes | None]] = field(default_factory=list)
    """Writes, and truncations (None), since it was flushed."""

    def now(self) -> bytes:
        return _written(self.safe, self.late)


@dataclass
class _Folder:
    safe: dict[str, _File | _Folder] = field(default_factory=dict)
    late: list[tuple[str, _File | _Folder | None]] = field(default_factory=list)
    """Names given and taken (None) since it was flushed; a rename is one change."""
    changes: list[int] = field(default_factory=list)
    """Where in `late` each change ends."""

    def now(self) -> dict[str, _File | _Folder]:
        return self.after(len(self.changes))

    def after(self, count: int) -> dict[str, _File | _Folder]:
        entries = dict(self.safe)
        for name, entry in self.late[: self.changes[count - 1] if count else 0]:
            if entry is None:
                entries.pop(name, None)
            else:
                entries[name] = entry
        return entries

    def change(self, *given: tuple[str, _File | _Folder | None]) -> None:
        self.late += given
        self.changes.append(len(self.late))


class Replayed:
    """A folder as it was, to which the calls of a run are applied one after the other."""

    def __init__(self, root: Path, before: Tree) -> None:
        self._root = str(root)
        self._top = _Folder()
        self._open: dict[int, _File | _Folder] = {}
        for path, content in sorted(before.items()):
            folder, name = self._parent(str(Path(self._root, path)))
            folder.safe[name] = _Folder() if content is None else _File(content)

    def apply(self, call: Call) -> None:
        """The next call."""
        if call.kind == "write":
            self._file(call).late.append((call.at, call.data))
        elif call.kind == "truncate":
            self._file(call).late.append((call.at, None))
        elif call.kind == "fsync":
            self._flush(self._open[call.handle], call.data)
        elif call.kind == "rename":
            self._rename(call)
        elif call.kind in ("unlink", "rmdir"):
            folder, name = self._parent(call.path)
            folder.change((name, None))
        elif call.kind == "mkdir":
            folder, name = self._parent(call.path)
            folder.change((name, _Folder()))
        else:
            self._begin(call)

    def now(self) -> Tree:
        """As a program sees it that goes on: kill -9 loses nothing that was written."""
        return dict(_tree(self._top, "", lambda folder: folder.now(), lambda file: file.now()))

    def cuts(self, count: int, chance: random.Random) -> Iterator[Tree]:
        """What may be left after a power cut at this moment: the extremes, and `count` others by chance."""
        yield dict(_tree(self._top, "", lambda folder: folder.safe, lambda file: file.safe))
        yield dict(_tree(self._top, "", lambda folder: folder.now(), lambda file: file.safe))
        yield dict(_tree(self._top, "", lambda folder: folder.now(), _zeros))
        for _ in range(count):
            yield dict(
                _tree(
                    self._top,
                    "",
                    lambda folder: folder.after(chance.randint(0, len(folder.changes))),
                    lambda file: _partly(file, chance),
                )
            )

    def _parent(self, path: str) -> tuple[_Folder, str]:
        folder = self._top
        *above, name = Path(path).relative_to(self._root).parts
        for part in above:
            inner = folder.now()[part]
            assert isinstance(inner, _Folder)
            folder = inner
        return folder, name

    def _begin(self, call: Call) -> None:
        if call.path == self._root:
            self._open[call.handle] = self._top
            return
        folder, name = self._parent(call.path)
        if call.kind == "create":
            folder.change((name, _File()))
        entry = folder.now()[name]
        if call.kind == "empty":
            assert isinstance(entry, _File)
            entry.late.append((0, None))
        self._open[call.handle] = entry

    def _file(self, call: Call) -> _File:
        entry = self._open[call.handle]
        assert isinstance(entry, _File)
        return entry

    def _flush(self, entry: _File | _Folder, content: bytes) -> None:
        if isinstance(entry, _File):
            entry.safe, entry.late = content, []
        else:
            entry.safe, entry.late, entry.changes = entry.now(), [], []

    def _rename(self, call: Call) -> None:
        folder, name = self._parent(call.path)
        other, new = self._parent(call.target)
        assert folder is other, "names that move between folders are not modelled"
        folder.change((name, None), (new, folder.now()[name]))


def _tree(folder: _Folder, start: str, entries: object, content: object) -> Iterator[tuple[str, bytes | None]]:
    assert callable(entries)
    assert callable(content)
    for name, entry in entries(folder).items():
        if isinstance(entry, _Folder):
            yield start + name, None
            yield from _tree(entry, f"{start}{name}/", entries, content)
        else:
            yield start + name, content(entry)


def _written(content: bytes, writes: Sequence[tuple[int, bytes | None]]) -> bytes:
    made = bytearray(content)
    for at, data in writes:
        if data is None:
            made = made[:at].ljust(at, b"\0")
        else:
            made = made.ljust(at, b"\0")
            made[at : at + len(data)] = data
    return bytes(made)


def _zeros(file: _File) -> bytes:
    """The length has come to the disk, the bytes have not."""
    return file.safe[: len(file.now())].ljust(len(file.now()), b"\0") if file.late else file.safe


def _partly(file: _File, chance: random.Random) -> bytes:
    kept: list[tuple[int, bytes | None]] = []
    for at, data in file.late:
        if chance.random() < 0.5:
            continue
        kept.append((at, data if data is None or chance.random() < 0.5 else data[: chance.randint(0, len(data))]))
    made = _written(file.safe, kept)
    return made if chance.random() < 0.5 else made.ljust(len(file.now()), b"\0")


def read_tree(root: Path) -> Tree:
    """What lies in a folder."""
    found: Tree = {}
    for path in sorted(root.rglob("*")):
        name = path.relative_to(root).as_posix()
        found[name] = None if path.is_dir() else path.read_bytes()
    return found


def write_tree(root: Path, tree: Tree) -> None:
    """Make a folder that holds this."""
    for path, content in sorted(tree.items()):
        if content is None:
            (root / path).mkdir(parents=True, exist_ok=True)
        else:
            (root / path).write_bytes(content)
