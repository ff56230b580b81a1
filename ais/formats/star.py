"""Star files as text: blocks of labelled columns, read and written without changing a single value.

RELION, Warp and M keep particles in this format. Values stay the text they are in the file, so that a tomogram called
``0012`` keeps its zeros and every column that Ais does not know is written again as it was.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from ais.errors import AisError, describe_os_error
from ais.formats.atomic import write_text
from ais.formats.plain_file import require_plain_file

_CONTROL = re.compile("[\x00-\x08\x0b\x0e-\x1f]")
_BLANKS, _BARE = re.compile(r"[ \t]*"), re.compile(r"[^ \t]+")
_CLOSING = {quote: re.compile(quote + r"(?=[ \t]|$)") for quote in "'\""}
_HEADING = re.compile(r"data_[^ \t]*$", re.IGNORECASE)
_NEEDS_QUOTES = re.compile(r"""[\s#]|^$|^[_;$'"]|^(?:data_|loop_|save_|stop_|global_)""", re.IGNORECASE)
_UNWRITABLE = re.compile("[\x00-\x1f\x7f\ud800-\udfff]")
_PEEK_BYTES = 65536

MOST_COLUMNS = MOST_BLOCKS = 10_000
"""Of a table, and of a file; a file with more is refused."""

LONGEST_LINE = 1 << 21
"""Letters; what a longer line is divided into would take the memory."""


@dataclass
class Block:
    """One ``data_`` block: a table (``loop_``) or a list of labels with one value each.

    Attributes
    ----------
    name
        What follows ``data_``, such as ``particles``; may be empty.
    columns
        Label without its leading underscore -> values as text, top to bottom.
    loop
        False for a list of labels with one value each.
    """

    name: str
    columns: dict[str, list[str]] = field(default_factory=dict)
    loop: bool = True

    def __len__(self) -> int:
        """Number of rows."""
        return len(next(iter(self.columns.values()), ()))


def read_text(path: Path | str) -> str:
    """The text of a UTF-8 file with plain line feeds.

    Raises
    ------
    AisError
        If the file is missing, empty or not text.
    """
    path = Path(path)
    require_plain_file(path)
    try:
        with path.open("rb") as stream:
            data = stream.read(_PEEK_BYTES)
            if b"\0" in data:
                raise AisError(f"{path} is not a text file: it is damaged or of another kind.")
            data += stream.read()
    except OSError as error:
        raise AisError(describe_os_error(error, path)) from error
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise AisError(f"{path} is not a UTF-8 text file: it is damaged or of another kind.") from error
    if _has_long_line(text):
        raise AisError(f"{path} has a line of more than {LONGEST_LINE} letters: it is damaged or of another kind.")
    if _CONTROL.search(text):
        raise AisError(f"{path} is not a text file: it is damaged or of another kind.")
    if not text.strip():
        raise AisError(f"{path} is empty.")
    return text.replace("\r\n", "\n").replace("\r", "\n")


def _has_long_line(text: str) -> bool:
    """Whether a line is longer than `LONGEST_LINE`; one that is shorter than twice that may pass."""
    ends = range(LONGEST_LINE, len(text) + 1, LONGEST_LINE)
    return any("\n" not in (part := text[end - LONGEST_LINE : end]) and "\r" not in part for end in ends)


def read_blocks(path: Path | str) -> list[Block]:
    """All blocks of a star file, in order.

    Parameters
    ----------
    path
        A .star file in UTF-8.

    Returns
    -------
    list of Block
        Values are text without their quotes. A second table inside one block becomes a block of the same name.

    Raises
    ------
    AisError
        If the file cannot be read, is no star file, or a row has too few or too many values.
    """
    return _Parser(str(path)).parse(read_text(path))


def write_blocks(path: Path | str, blocks: Iterable[Block]) -> None:
    """Write a star file whole or not at all.

    Raises
    ------
    AisError
        If a value cannot stand in a star file, or the file cannot be written.
    """
    try:
        text = "\n\n".join(_render(block) for block in blocks)
    except AisError as error:
        raise AisError(f"{path} was not written: {error}") from error
    write_text(path, text)


class _Parser:
    """Reads line by line; `rows` collects the table that is being read."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.blocks: list[Block] = []
        self.labels: dict[str, None] = {}
        self.rows: list[list[str]] = []
        self.in_loop = False

    def parse(self, text: str) -> list[Block]:
        for number, line in enumerate(text.split("\n"), 1):
            tokens = _tokens(line)
            if tokens:
                self._line(tokens, line.strip(" \t\f"), number)
        self._finish_loop()
        if not self.blocks:
            raise AisError(f"{self.name} is not a star file: it has no data_ block.")
        return self.blocks

    def _line(self, tokens: list[str], line: str, number: int) -> None:
        first = line[0]
        single = len(tokens) == 1
        if first in "dD" and single and _HEADING.match(tokens[0]):
            self._finish_loop()
            if len(self.blocks) >= MOST_BLOCKS:
                raise AisError(f"{self.name} has more than {MOST_BLOCKS} blocks: it is damaged or of another kind.")
            self.blocks.append(Block(tokens[0][5:], loop=False))
        elif not self.blocks:
            raise AisError(f"{self.name} is not a star file: line {number} stands before any data_ block.")
        elif first in "lL" and single and tokens[0].lower() == "loop_":
            self._start_loop()
        elif first == ";":
            raise AisError(f"{self.name} has a multi-line text in line {number}, which Ais does not read.")
        elif first == "_" and (single or not self.in_loop):
            self._label(tokens, number)
        else:
            self._row(tokens, number)

    def _start_loop(self) -> None:
        self._finish_loop()
        if self.blocks[-1].columns:
            self.blocks.append(Block(self.blocks[-1].name))
        self.blocks[-1].loop = True
        self.in_loop = True

    def _label(self, tokens: list[str], number: int) -> None:
        if self.in_loop and self.rows:
            self._finish_loop()
            self.blocks.append(Block(self.blocks[-1].name, loop=False))
        label = tokens[0][1:]
        known: Iterable[str] = self.labels if self.in_loop else self.blocks[-1].columns
        if not label or label in known:
            raise AisError(f"{self.name} names the column {tokens[0]} twice or not at all in line {number}.")
        if len(self.labels) >= MOST_COLUMNS:
            raise AisError(f"{self.name} has more than {MOST_COLUMNS} columns: it is damaged or of another kind.")
        if self.in_loop:
            self.labels[label] = None
        else:
            self.blocks[-1].columns[label] = [" ".join(tokens[1:])]

    def _row(self, tokens: list[str], number: int) -> None:
        if not self.in_loop or not self.labels:
            raise AisError(f"{self.name} has values without a column in line {number}: it is damaged.")
        if len(tokens) != len(self.labels):
            raise AisError(
                f"{self.name} has {len(tokens)} values for {len(self.labels)} columns in line {number}: "
                "it is truncated or damaged."
            )
        self.rows.append(tokens)

    def _finish_loop(self) -> None:
        if self.in_loop:
            values = [list(column) for column in zip(*self.rows, strict=True)] or [[] for _ in self.labels]
            self.blocks[-1].columns = dict(zip(self.labels, values, strict=True))
        self.in_loop = False
        self.labels, self.rows = {}, []


def _tokens(line: str) -> list[str]:
    if "'" not in line and '"' not in line and "#" not in line and line.isascii():
        return line.split()
    text = line.strip(" \t\f")
    tokens: list[str] = []
    closed = {"'": True, '"': True}  # whether a quote may be closed yet, lest each of many is looked for to the end
    place = 0
    while place < len(text) and text[place] != "#":
        quote = text[place]
        closing = _CLOSING[quote].search(text, place + 1) if closed.get(quote) else None
        if closing:
            tokens.append(text[place + 1 : closing.start()])
            place = closing.end()
        else:
            closed[quote] = False
            end = place + len(_BARE.match(text, place)[0])  # type: ignore[index]
            tokens.append(text[place:end])
            place = end
        place = _BLANKS.match(text, place).end()  # type: ignore[union-attr]
    return tokens


def _render(block: Block) -> str:
    heading = f"data_{_plain(block.name, 'block')}\n\n"
    labels = [_plain(label, "column") for label in block.columns]
    if not block.loop:
        values = [column[0] for column in block.columns.values()]
        return heading + "".join(f"_{a}\t{_quoted(b)}\n" for a, b in zip(labels, values, strict=True))
    heading += "loop_\n" + "".join(f"_{label} #{index}\n" for index, label in enumerate(labels, 1))
    columns = [_quoted_column(column) for column in block.columns.values()]
    return heading + "".join("\t".join(row) + "\n" for row in zip(*columns, strict=True))


def _plain(name: str, what: str) -> str:
    if re.search(r"[\s'\"#]", name) or _UNWRITABLE.search(name) or (what == "column" and not name):
        raise AisError(f"{name!r} cannot name a {what} of a star file.")
    return name


def _quoted_column(values: Sequence[str]) -> Sequence[str]:
    # One search over the joined column is much faster than one per value, and most columns need no quotes.
    joined = "".join(values)
    starts = "".join({value[:1] for value in values})
    suspicious = re.search(r"[\s#'\"_]", joined) or _UNWRITABLE.search(joined) or re.search(r"[;$]", starts)
    return [_quoted(value) for value in values] if suspicious or "" in values else values


def _quoted(value: str) -> str:
    if _UNWRITABLE.search(value):
        raise AisError(f"the value {value!r} holds characters that a star file cannot hold.")
    if not _NEEDS_QUOTES.search(value):
        return value
    for quote in ('"', "'"):
        if not re.search(quote + r"\s", value) and not value.endswith(quote):
            return quote + value + quote
    raise AisError(f"the value {value!r} mixes both kinds of quotes with blanks, which a star file cannot hold.")
