"""Numbers of tomograms and particles, for programs that have no names: Dynamo and STOPGAP."""

from __future__ import annotations

import re
from collections.abc import Sequence

from ais.formats.coord_table import Column, Coordinates, text_of

_VOXEL_SIZE = re.compile(r"\d+(?:\.\d+)?\s*(?:Apx|Å|A)(?![A-Za-z0-9])", re.IGNORECASE)
_WHOLE = re.compile(r"[+-]?\d{1,9}(?:\.0*)?")


def numbers_in(name: str) -> set[int]:
    """The whole numbers in a tomogram's name, but not its voxel size: 3 for ``TS_03_10.00Apx``."""
    return {int(digits) for digits in re.findall(r"(?<!\d)\d{1,9}(?!\d)", _VOXEL_SIZE.sub("", name))}


def whole(values: Column) -> list[int] | None:
    """Values of a column as whole numbers; None if one of them is none."""
    texts = [text_of(value) for value in values]
    return [int(float(text)) for text in texts] if all(_WHOLE.fullmatch(text) for text in texts) else None


def number_text(value: str) -> str:
    """A tomogram's number as its name: ``3`` for ``3``, ``3.0`` and ``03``; other text as it is."""
    return str(int(float(value))) if _WHOLE.fullmatch(value) else value


def tomogram_numbers(table: Coordinates, label: str) -> list[int]:
    """A number for the tomogram of each particle, from 1.

    It is the one in the column `label` if the table was read with it, else the number in the tomogram's name, else the
    place of the tomogram in the table. Two tomograms never share one.
    """
    names = table.tomogram_names
    read = whole(table.columns[label]) if label in table.columns else None
    if read is not None and _one_to_one(read, table.tomograms):
        return read
    found = [numbers_in(name) for name in names]
    of_name = {name: next(iter(each)) for name, each in zip(names, found, strict=True) if len(each) == 1}
    if len(set(of_name.values())) < len(names):
        of_name = {name: place for place, name in enumerate(names, 1)}
    return [of_name[name] for name in table.tomograms]


def first_known(table: Coordinates, labels: Sequence[str]) -> Column | None:
    """The first of the columns that the table has."""
    return next((table.columns[label] for label in labels if label in table.columns), None)


def whole_or(table: Coordinates, labels: Sequence[str], otherwise: Sequence[int]) -> list[str]:
    """The first of the columns as text where it holds whole numbers, else other numbers."""
    column = first_known(table, labels)
    if column is None or whole(column) is None:
        return [str(number) for number in otherwise]
    return [text_of(value) for value in column]


def real_or(table: Coordinates, labels: Sequence[str], otherwise: float) -> list[str]:
    """The first of the columns as text where it holds numbers, else one number for all."""
    column = first_known(table, labels)
    texts = [] if column is None else [text_of(value) for value in column]
    if column is None or not all(_is_number(text) for text in texts):
        return [text_of(otherwise)] * len(table)
    return texts


def _is_number(text: str) -> bool:
    return re.fullmatch(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?", text) is not None


def _one_to_one(numbers: Sequence[int], names: Sequence[str]) -> bool:
    pairs = set(zip(numbers, names, strict=True))
    return len(pairs) == len(set(numbers)) == len(set(names))
