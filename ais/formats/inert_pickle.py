"""Pickles read as plain data: nothing that they name is imported, called or built.

A pickle is a program for a small machine. Here the machine has no way to act: a global is a `Name`, a call a `Thing`
that says what would have been called with what, and a long string of bytes a `Span` that says where it lies in the
file. What is made of them is up to the reader of a format.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

from ais.errors import AisError, describe_os_error
from ais.formats.plain_file import require_plain_file

MOST_STEPS = 2_000_000
LONGEST_HELD_BYTES = 4096
LONGEST_TEXT_BYTES = 1 << 16
LONGEST_NUMBER_BYTES = 32
MOST_HELD_BYTES = 256 << 20
OLDEST_PROTOCOL, NEWEST_PROTOCOL = 2, 5
PROTO = 0x80
STOP = ord(".")


@dataclass(frozen=True)
class Name:
    """A global that a pickle names; it is not looked up.

    Attributes
    ----------
    module, name
        As in ``from module import name``.
    """

    module: str
    name: str

    def __str__(self) -> str:
        """As a user would write it, cut off where it is long."""
        return f"{self.module}.{self.name}"[:120]


@dataclass(eq=False)
class Thing:
    """What a pickle would have made by a call that does not happen.

    Attributes
    ----------
    name
        What would have been called.
    arguments
        With what.
    state
        What it would have been given afterwards; None if nothing.
    """

    name: Name
    arguments: tuple[Any, ...]
    state: Any = None


@dataclass(frozen=True)
class Span:
    """A long string of bytes, left where it is.

    Attributes
    ----------
    offset, length
        In bytes from the start of the file.
    """

    offset: int
    length: int


class Malformed(Exception):
    """The file is no pickle, is damaged, or does what no file of its kind does; the text is a clause."""


def read_pickle(path: Path | str, kind: str, known: Callable[[Name, bool], bool]) -> Any:
    """What a pickle describes, as lists, dictionaries, tuples, numbers, text, `Name`, `Thing` and `Span`.

    Parameters
    ----------
    path
        The file.
    kind
        What it should be, for errors, such as ``"an annotated tomogram of Ais 1.x"``.
    known
        Whether it may name a global, and, if the second argument is True, say that it be called.

    Raises
    ------
    AisError
        If it cannot be read, is no pickle, is damaged, or names another global.
    """
    require_plain_file(path)
    try:
        with Path(path).open("rb") as file:
            return _Machine(file, known).run()
    except OSError as error:
        raise AisError(describe_os_error(error, path)) from error
    except Malformed as error:
        raise AisError(f"{path} is not {kind}, or it is damaged: {error}.") from error
    except (struct.error, IndexError, KeyError, TypeError, ValueError) as error:
        raise AisError(f"{path} is not {kind}, or it is damaged or cut off.") from error


_MARK = object()


class _Machine:
    """Steps through a pickle."""

    def __init__(self, file: BinaryIO, known: Callable[[Name, bool], bool]) -> None:
        self._file = file
        self._known = known
        self._size = file.seek(0, 2)
        file.seek(0)
        self._held = 0
        self._stack: list[Any] = []
        self._memo: dict[int, Any] = {}

    def run(self) -> Any:
        if self._number(1) != PROTO or not OLDEST_PROTOCOL <= self._number(1) <= NEWEST_PROTOCOL:
            raise Malformed("it does not begin as one")
        actions = self._actions()
        read = self._file.read
        for _ in range(MOST_STEPS):
            code = read(1)
            if not code:
                raise Malformed("it is cut off")
            if code[0] == STOP:
                return self._stack[-1]
            action = actions.get(code[0])
            if action is None:
                raise Malformed(f"it has the instruction {code[0]:#04x}, which such files never have")
            action()
        raise Malformed(f"it has more than {MOST_STEPS} instructions")

    def _actions(self) -> dict[int, Callable[[], None]]:
        push = self._push
        return {
            PROTO: lambda: self._skip(1),
            0x95: lambda: self._skip(8),  # the length of a frame
            ord("("): lambda: push(_MARK),
            ord("0"): lambda: self._drop(),
            ord("1"): lambda: self._forget(),
            ord("2"): lambda: push(self._stack[-1]),
            ord("N"): lambda: push(None),
            0x88: lambda: push(True),
            0x89: lambda: push(False),
            ord("K"): lambda: push(self._number(1)),
            ord("M"): lambda: push(self._number(2)),
            ord("J"): lambda: push(int.from_bytes(self._exactly(4), "little", signed=True)),
            0x8A: lambda: push(self._long(self._number(1))),
            0x8B: lambda: push(self._long(self._number(4))),
            ord("G"): lambda: push(struct.unpack(">d", self._exactly(8))[0]),
            0x8C: lambda: push(self._text(self._number(1))),
            ord("X"): lambda: push(self._text(self._number(4))),
            0x8D: lambda: push(self._text(self._number(8))),
            ord("C"): lambda: push(self._bytes(self._number(1))),
            ord("B"): lambda: push(self._bytes(self._number(4))),
            0x8E: lambda: push(self._bytes(self._number(8))),
            0x96: lambda: push(self._bytes(self._number(8))),
            ord(")"): lambda: push(()),
            ord("t"): lambda: push(tuple(self._since_mark())),
            0x85: lambda: push(tuple(self._last(1))),
            0x86: lambda: push(tuple(self._last(2))),
            0x87: lambda: push(tuple(self._last(3))),
            ord("]"): lambda: push([]),
            0x8F: lambda: push([]),  # a set, which nobody asks for
            ord("l"): lambda: push(self._since_mark()),
            0x91: lambda: push(self._since_mark()),
            ord("a"): lambda: self._extend(self._last(1)),
            ord("e"): lambda: self._extend(self._since_mark()),
            0x90: lambda: self._extend(self._since_mark()),
            ord("}"): lambda: push({}),
            ord("d"): lambda: self._dictionary(),
            ord("s"): lambda: self._update(self._last(2)),
            ord("u"): lambda: self._update(self._since_mark()),
            0x94: lambda: self._remember(len(self._memo)),
            ord("q"): lambda: self._remember(self._number(1)),
            ord("r"): lambda: self._remember(self._number(4)),
            ord("h"): lambda: push(self._memo[self._number(1)]),
            ord("j"): lambda: push(self._memo[self._number(4)]),
            ord("c"): lambda: push(self._named(self._line(), self._line())),
            0x93: lambda: push(self._named(*self._last(2))),
            ord("R"): lambda: self._call(self._last(2)),
            0x81: lambda: self._call(self._last(2)),
            0x92: lambda: self._call(self._last(3)[:2]),
            ord("b"): lambda: self._build(*self._last(2)),
        }

    # Reading

    def _exactly(self, count: int) -> bytes:
        data = self._file.read(min(count, self._size))
        if len(data) != count:
            raise Malformed("it is cut off")
        return data

    def _number(self, count: int) -> int:
        return int.from_bytes(self._exactly(count), "little")

    def _skip(self, count: int) -> None:
        self._exactly(count)

    def _long(self, count: int) -> int:
        if count > LONGEST_NUMBER_BYTES:
            raise Malformed("it has a number far too long")
        return int.from_bytes(self._exactly(count), "little", signed=True)

    def _text(self, count: int) -> str:
        if count > LONGEST_TEXT_BYTES:
            raise Malformed("it has a text far too long")
        self._hold(count)
        return self._exactly(count).decode("utf-8", "replace")

    def _bytes(self, count: int) -> bytes | Span:
        if count <= LONGEST_HELD_BYTES:
            self._hold(count)
            return self._exactly(count)
        offset = self._file.tell()
        if offset + count > self._size:
            raise Malformed("it is cut off")
        self._file.seek(count, 1)
        return Span(offset, count)

    def _line(self) -> str:
        line = self._file.readline(LONGEST_HELD_BYTES)
        if not line.endswith(b"\n"):
            raise Malformed("it is cut off")
        return line[:-1].decode("utf-8", "replace")

    def _hold(self, count: int) -> None:
        self._held += count
        if self._held > MOST_HELD_BYTES:
            raise Malformed("it has far too much text")

    # The stack

    def _push(self, value: Any) -> None:
        self._stack.append(value)

    def _drop(self) -> None:
        self._stack.pop()

    def _forget(self) -> None:
        self._since_mark()

    def _last(self, count: int) -> list[Any]:
        if len(self._stack) < count:
            raise Malformed("it is cut off")
        taken = self._stack[-count:]
        del self._stack[-count:]
        if any(value is _MARK for value in taken):
            raise Malformed("its parts are in disorder")
        return taken

    def _since_mark(self) -> list[Any]:
        for at in range(len(self._stack) - 1, -1, -1):
            if self._stack[at] is _MARK:
                taken = self._stack[at + 1 :]
                del self._stack[at:]
                return taken
        raise Malformed("its parts are in disorder")

    def _remember(self, index: int) -> None:
        self._memo[index] = self._stack[-1]

    def _extend(self, values: list[Any]) -> None:
        target = self._stack[-1]
        if not isinstance(target, list):
            raise Malformed("its parts are in disorder")
        target.extend(values)

    def _dictionary(self) -> None:
        values = self._since_mark()
        self._push({})
        self._update(values)

    def _update(self, values: list[Any]) -> None:
        target = self._stack[-1]
        if not isinstance(target, dict) or len(values) % 2:
            raise Malformed("its parts are in disorder")
        for key, value in zip(values[::2], values[1::2], strict=True):
            # Tuples of tuples of tuples would take forever to be looked up.
            if not isinstance(key, str | int | float | bytes | Thing | Name | None):
                raise Malformed("its parts are in disorder")
            target[key] = value

    def _named(self, module: Any, name: Any) -> Name:
        if not isinstance(module, str) or not isinstance(name, str):
            raise Malformed("its parts are in disorder")
        found = Name(module, name)
        self._check(found, called=False)
        return found

    def _check(self, name: Name, *, called: bool) -> None:
        if not self._known(name, called):
            raise AisError(
                f"{self._file.name} {'calls' if called else 'names'} {name}, which no such file has any business with: "
                "it is not opened, and nothing in it was run."
            )

    def _call(self, called: list[Any]) -> None:
        name, arguments = called
        if not isinstance(name, Name) or not isinstance(arguments, tuple):
            raise Malformed("its parts are in disorder")
        self._check(name, called=True)
        self._push(Thing(name, arguments))

    def _build(self, thing: Any, state: Any) -> None:
        if not isinstance(thing, Thing):
            raise Malformed("its parts are in disorder")
        thing.state = state
        self._push(thing)
