"""A table of particles: where each one is, in which tomogram, how it is oriented, and whatever else is known of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, TypeAlias

import numpy as np

from ais.errors import AisError
from ais.formats.coord_angles import FloatArray
from ais.formats.star import Block

_LONGEST_NUMBER = 400  # characters; the largest float64 has 309 digits

Column: TypeAlias = Sequence[Any] | np.ndarray[Any, np.dtype[Any]]


@dataclass
class Coordinates:
    """Particles of one or several tomograms.

    Attributes
    ----------
    positions
        float64 (n, 3): (x, y, z) in voxels of the tomogram; the centre of voxel 0 is at 0.0.
    tomograms
        Name of each particle's tomogram, without folder and extension; "" where it is not known. An empty list
        stands for "not known" throughout.
    angles
        float64 (n, 3): (rot, tilt, psi) in degrees of the rotation that maps the reference to the tomogram
        (`ais.formats.coord_angles`), or None.
    subtomogram_angles
        float64 (n, 3) or None: orientations of RELION's subtomograms, in which its angular priors are meant. `angles`
        already contains them.
    columns
        All other columns, label -> n values (text, int or float). What was read from a file is text, unchanged.
    blocks
        Other blocks of the star file, such as ``optics``; they are written again.

    Raises
    ------
    AisError
        If a position or angle is not finite.
    ValueError
        If the parts differ in length.
    """

    positions: FloatArray
    tomograms: list[str] = field(default_factory=list)
    angles: FloatArray | None = None
    subtomogram_angles: FloatArray | None = None
    columns: dict[str, Column] = field(default_factory=dict)
    blocks: list[Block] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.positions = _rows_of_three(self.positions, "position")
        if not self.tomograms:
            self.tomograms = [""] * len(self)
        if self.angles is not None:
            self.angles = _rows_of_three(self.angles, "angle")
        if self.subtomogram_angles is not None:
            self.subtomogram_angles = _rows_of_three(self.subtomogram_angles, "angle")
        parts = [self.tomograms, self.angles, self.subtomogram_angles, *self.columns.values()]
        if any(part is not None and len(part) != len(self) for part in parts):
            raise ValueError("the columns of a particle table differ in length")

    def __len__(self) -> int:
        """Number of particles."""
        return len(self.positions)

    @property
    def tomogram_names(self) -> list[str]:
        """Names of the tomograms in the order of their first particle, each once."""
        return list(dict.fromkeys(self.tomograms))

    def numbers(self, label: str) -> FloatArray:
        """A column as float64 (n,), for colouring or selecting by it.

        Raises
        ------
        AisError
            If there is no such column or a value is not a number.
        """
        if label not in self.columns:
            raise AisError(f"There is no column {label}; there are: {', '.join(self.columns) or 'none'}.")
        try:
            return as_numbers(self.columns[label])
        except (ValueError, TypeError) as error:
            raise AisError(f"The column {label} holds values that are not numbers.") from error

    def select(self, rows: Column) -> Coordinates:
        """The particles named by a mask (n,) of bool or by indices, with all their columns."""
        index = np.arange(len(self))[np.asarray(rows)] if len(rows) else np.zeros(0, np.intp)
        return Coordinates(
            self.positions[index],
            [self.tomograms[i] for i in index],
            None if self.angles is None else self.angles[index],
            None if self.subtomogram_angles is None else self.subtomogram_angles[index],
            {label: [column[i] for i in index] for label, column in self.columns.items()},
            list(self.blocks),
        )

    def of_tomogram(self, name: str) -> Coordinates:
        """The particles of one tomogram."""
        return self.select(np.array([tomogram == name for tomogram in self.tomograms], bool))


def concatenate(parts: Sequence[Coordinates]) -> Coordinates:
    """One table of several, such as the picks of many tomograms.

    A column that a part lacks is filled with "" there; angles that a part lacks are zero. Other blocks are those of
    the first part that has any.
    """
    parts = [part for part in parts if len(part)] or list(parts[:1])
    if not parts:
        return Coordinates(np.zeros((0, 3)))
    labels = dict.fromkeys(label for part in parts for label in part.columns)
    return Coordinates(
        np.concatenate([part.positions for part in parts]),
        [name for part in parts for name in part.tomograms],
        _joined([part.angles for part in parts], parts),
        _joined([part.subtomogram_angles for part in parts], parts),
        {label: [v for part in parts for v in part.columns.get(label, [""] * len(part))] for label in labels},
        next((part.blocks for part in parts if part.blocks), []),
    )


def _joined(angles: list[FloatArray | None], parts: Sequence[Coordinates]) -> FloatArray | None:
    if all(rows is None for rows in angles):
        return None
    filled = [np.zeros((len(part), 3)) if rows is None else rows for rows, part in zip(angles, parts, strict=True)]
    return np.concatenate(filled)


def _rows_of_three(values: Any, what: str) -> FloatArray:
    rows = np.asarray(values, np.float64).reshape(-1, 3) if np.size(values) else np.zeros((0, 3))
    bad = ~np.isfinite(rows).all(axis=1)
    if bad.any():
        raise AisError(f"The {what} of particle {int(np.argmax(bad)) + 1} is not a finite number.")
    return rows


def as_numbers(column: Column) -> FloatArray:
    """A column as float64 (n,); ValueError or TypeError where a value is no number.

    One text of a megabyte must not make all others as long, as it does in an array of text.
    """
    if isinstance(column, np.ndarray) and column.dtype.kind in "biuf":
        return column.astype(np.float64)
    if any(isinstance(value, str) and len(value) > _LONGEST_NUMBER for value in column):
        raise ValueError("a text is too long for a number")
    return np.array([float(value) for value in column], np.float64)


def text_of(value: object) -> str:
    """A value of a column as a file holds it: text unchanged, numbers with the digits that tell them apart."""
    match value:
        case str():
            return value
        case bool() | np.bool_():
            return str(int(value))
        case float() | np.floating():
            return np.format_float_positional(value, trim="-")
        case _:
            return str(value)


def fixed(values: FloatArray) -> list[str]:
    """Numbers with six decimals, as RELION writes them; never a negative zero."""
    return [text if text != "-0.000000" else "0.000000" for text in (f"{value:.6f}" for value in values.tolist())]
