"""The code of a function as Python stores it, read as plain data: nothing of it is built or executed."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import Any

FLAG_REF = 0x80
DEEPEST = 20
MOST_OBJECTS = 10_000
LONGEST_CODE_BYTES = 1 << 16
NUMBERS_BEFORE_3_11, NUMBERS_SINCE_3_11 = 6, 5
INT_BYTES = 4
SIMPLE = {"N": None, "F": False, "T": True, ".": ...}
BYTES = "s"
TEXTS = "tuaA"
SHORT_TEXTS = "zZ"
CODE = "c"


@dataclass(frozen=True)
class StoredCode:
    """What a function does, as its bytes say it.

    Attributes
    ----------
    instructions
        Pairs of bytes: an operation and its number.
    constants, names
        What the numbers of some operations stand for.
    variables
        Names of its arguments, of what is made in it, and of what it takes from around it, in this order.
    arguments
        How many arguments it has.
    since_3_11
        Whether Python 3.11 or newer has stored it, whose operations are others.
    """

    instructions: bytes
    constants: tuple[Any, ...]
    names: tuple[str, ...]
    variables: tuple[str, ...]
    arguments: int
    since_3_11: bool


def read_code(data: bytes) -> StoredCode:
    """The code that `data` holds, of Python 3.8 or newer.

    Raises
    ------
    ValueError
        If it holds something else, more than a small function needs, or is damaged.
    """
    if len(data) > LONGEST_CODE_BYTES:
        raise ValueError("far too much code for a small function")
    try:
        code = _Reader(data).value()
    except (IndexError, struct.error, UnicodeDecodeError, TypeError) as error:
        raise ValueError("no stored code") from error
    if not isinstance(code, StoredCode):
        raise ValueError("something else than code")
    return code


class _Reader:
    def __init__(self, data: bytes) -> None:
        self._data = data
        self._at = 0
        self._kept: list[Any] = []
        self._count = 0
        self._depth = 0

    def value(self) -> Any:
        self._count += 1
        self._depth += 1
        if self._count > MOST_OBJECTS or self._depth > DEEPEST:
            raise ValueError("more objects than a small function has")
        byte = self._take(1)[0]
        kind, place = chr(byte & ~FLAG_REF), len(self._kept)
        if byte & FLAG_REF:
            self._kept.append(None)
        value = self._of_kind(kind)
        if byte & FLAG_REF:
            self._kept[place] = value
        self._depth -= 1
        return value

    def _of_kind(self, kind: str) -> Any:
        if kind in SIMPLE:
            return SIMPLE[kind]
        if kind == "i":
            return self._number()
        if kind == BYTES:
            return self._take(self._number())
        if kind in TEXTS:
            return self._take(self._number()).decode("utf-8")
        if kind in SHORT_TEXTS:
            return self._take(self._take(1)[0]).decode("ascii")
        if kind == "(":
            return self._values(self._number())
        if kind == ")":
            return self._values(self._take(1)[0])
        if kind == "r":
            return self._kept[self._number()]
        if kind == CODE:
            return self._code()
        raise ValueError(f"an object of kind {kind!r}")

    def _code(self) -> StoredCode:
        since_3_11 = chr(self._data[self._at + NUMBERS_SINCE_3_11 * INT_BYTES] & ~FLAG_REF) in (BYTES, "r")
        arguments, *_ = (self._number() for _ in range(NUMBERS_SINCE_3_11 if since_3_11 else NUMBERS_BEFORE_3_11))
        instructions, constants, names, variables = (self.value() for _ in range(4))
        if since_3_11:
            for _ in range(4):  # kinds of the variables, and names of file and function
                self.value()
        else:
            free, cells = self.value(), self.value()
            variables = (*variables, *cells, *free)
            for _ in range(2):
                self.value()
        self._number()
        for _ in range(2 if since_3_11 else 1):  # lines and exceptions
            self.value()
        if (
            not isinstance(instructions, bytes)
            or not isinstance(constants, tuple)
            or not _are_texts(names)
            or not _are_texts(variables)
        ):
            raise ValueError("code of other parts than a function's")
        return StoredCode(instructions, constants, names, variables, arguments, since_3_11)

    def _values(self, count: int) -> tuple[Any, ...]:
        return tuple(self.value() for _ in range(count))

    def _number(self) -> int:
        return int.from_bytes(self._take(INT_BYTES), "little", signed=True)

    def _take(self, count: int) -> bytes:
        if not 0 <= count <= len(self._data) - self._at:
            raise ValueError("cut off")
        self._at += count
        return self._data[self._at - count : self._at]


def _are_texts(values: Any) -> bool:
    return isinstance(values, tuple) and all(isinstance(value, str) for value in values)
