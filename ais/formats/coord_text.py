"""Particle positions in plain text tables: .tsv and .txt with x, y, z and no header, .csv with a header."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from ais.errors import AisError
from ais.formats.atomic import write_text
from ais.formats.coord_angles import FloatArray
from ais.formats.coord_dialects import Geometry
from ais.formats.coord_table import Column, Coordinates, as_numbers, fixed, text_of
from ais.formats.star import MOST_COLUMNS, read_text

_DELIMITERS = ",\t;|"
_WITH_UNIT = re.compile(r"([xyz])\s*[\[(_]\s*([a-zå]+)\s*[\])]?")
_NAPARI = {"axis-0": "z", "axis-1": "y", "axis-2": "x"}
_VOXEL = 0.0
_HEAD_LETTERS = 4096
_UNITS = {
    **dict.fromkeys(("", "napari", "vox", "voxel", "voxels", "px", "pix", "pixel", "pixels"), _VOXEL),
    **dict.fromkeys(("a", "å", "angst", "angstrom"), 1.0),
    "nm": 10.0,
}
"""Angstrom for one unit of a position, in the order in which positions are looked for.

Voxels come first: where a table has lengths too, these may be counted from an origin of their own.
"""
_ANGLES = ("rot", "tilt", "psi")
_NAME = "tomogram"


def read_text_table(path: Path | str, geometry: Geometry, *, tomogram: str = "") -> Coordinates:
    """Particles of a text table, in voxels.

    Columns are separated by blanks, tabs, commas, semicolons or bars; lines that start with ``#`` are comments. Without
    a header the first three columns are x, y, z in voxels and further ones are called ``column4`` and so on. With a
    header, the columns ``x``, ``y``, ``z`` are the position, also as ``x_vox`` or ``x_px``, as ``X [A]`` or ``x_nm`` in
    these units, and as napari's ``axis-2``, ``axis-1``, ``axis-0``; ``tomogram`` is the name, ``rot``, ``tilt``,
    ``psi`` are the angles, and all others are kept.

    Parameters
    ----------
    path
        A .tsv, .txt or .csv file.
    geometry
        Gives the voxel size where positions are in angstrom.
    tomogram
        Name for the particles of a file that names no tomogram.

    Raises
    ------
    AisError
        If the file is empty, no text, or its rows are not positions.
    """
    path = Path(path)
    rows = _split(read_text(path), path)
    if not rows:
        raise AisError(f"{path} holds no coordinates.")
    header = None if _is_number(rows[0][0]) else [label.strip() for label in rows.pop(0)]
    width = len(header or rows[0])
    if width > MOST_COLUMNS:
        raise AisError(f"{path} has more than {MOST_COLUMNS} columns: it is damaged or of another kind.")
    if width < 3:
        said = "1 column" if width == 1 else f"{width} columns"
        raise AisError(f"{path} has {said} where x, y and z are expected: it is no table of coordinates.")
    for number, row in enumerate(rows, 1):
        if len(row) != width:
            raise AisError(f"{path} has {len(row)} values for {width} columns in row {number}: it is damaged.")
    labels = header or ["x", "y", "z", *(f"column{n}" for n in range(4, width + 1))]
    if len(set(labels)) < width:
        raise AisError(f"{path} has two columns of the same name.")
    columns: dict[str, Column] = {label: [row[i] for row in rows] for i, label in enumerate(labels)}
    return _table(columns, geometry, tomogram, path)


def begins_as_table(path: Path | str) -> bool:
    """Whether a text file begins as a table of positions: with three numbers, or with a header that names x, y and z.

    Parameters
    ----------
    path
        Any file. One that cannot be read, or is no text, does not.
    """
    path = Path(path)
    try:
        with path.open(encoding="utf-8-sig") as stream:
            rows = _split(stream.read(_HEAD_LETTERS), path)
    except (OSError, UnicodeDecodeError, AisError):
        return False
    if not rows or len(rows[0]) < 3:
        return False
    if _is_number(rows[0][0]):
        return all(_is_number(word) for word in rows[0][:3])
    labels = [label.strip().lower() for label in rows[0]]
    try:
        where, _ = _position({label: label for label in labels}, path)
    except AisError:
        return False
    below = dict(zip(labels, rows[1] if len(rows) > 1 else (), strict=False))
    return all(_is_number(below[label]) for label in where.values() if label in below)


def write_text_table(path: Path | str, table: Coordinates) -> None:
    """Write particles as plain text.

    A .tsv holds x, y, z rounded to whole voxels and separated by tabs, as Ais 1.x wrote it; a .txt holds them with
    decimals, separated by blanks; a .csv holds them with a header and all other columns.

    Raises
    ------
    AisError
        If the file cannot be written.
    """
    path = Path(path)
    if path.suffix.lower() == ".tsv":
        whole = np.floor(table.positions + 0.5).astype(np.int64)
        write_text(path, "".join(f"{x}\t{y}\t{z}\n" for x, y, z in whole.tolist()))
    elif path.suffix.lower() == ".txt":
        write_text(path, "".join(" ".join(row) + "\n" for row in zip(*_trimmed(table.positions), strict=True)))
    else:
        write_text(path, _as_csv(table))


def _as_csv(table: Coordinates) -> str:
    columns: dict[str, Sequence[str]] = dict(zip("xyz", _trimmed(table.positions), strict=True))
    if any(table.tomograms):
        columns[_NAME] = table.tomograms
    if table.angles is not None:
        columns |= dict(zip(_ANGLES, _trimmed(table.angles), strict=True))
    columns |= {label: [text_of(v) for v in column] for label, column in table.columns.items() if label not in columns}
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows(zip(*columns.values(), strict=True))
    return stream.getvalue()


def _split(text: str, path: Path) -> list[list[str]]:
    lines = [line for line in text.split("\n") if line.strip() and not line.lstrip().startswith("#")]
    delimiter = max(_DELIMITERS, key=lines[0].count) if lines else ""
    if not lines or delimiter not in lines[0]:
        return [line.split() for line in lines]
    try:
        return list(csv.reader(lines, delimiter=delimiter, strict=True))
    except csv.Error as error:
        raise AisError(f"{path} is no table of coordinates: {error}.") from error


def _table(columns: dict[str, Column], geometry: Geometry, tomogram: str, path: Path) -> Coordinates:
    lower = {label.lower(): label for label in columns}
    where, length = _position(lower, path)
    positions = _numbers(columns, [where[axis] for axis in "xyz"], path)
    angles = None
    if all(angle in lower for angle in _ANGLES):
        angles = _numbers(columns, [lower[angle] for angle in _ANGLES], path)
    names = [str(v) for v in columns.pop(lower[_NAME])] if _NAME in lower else [tomogram] * len(positions)
    if length:
        positions = positions * (length / geometry.voxel_sizes(names, path))
    return Coordinates(positions, names, angles, None, columns)


def _position(lower: Mapping[str, str], path: Path) -> tuple[dict[str, str], float]:
    """The columns of x, y and z, and angstrom for one unit of them; `_VOXEL` where that is the voxel."""
    found: dict[str, dict[str, str]] = {}
    for label, column in lower.items():
        match = _WITH_UNIT.fullmatch(label)
        if match:
            found.setdefault(match[2], {})[match[1]] = column
        elif label in _NAPARI:
            found.setdefault("napari", {})[_NAPARI[label]] = column
        elif label in tuple("xyz"):
            found.setdefault("", {})[label] = column
    for unit, length in _UNITS.items():
        if len(found.get(unit, ())) == 3:
            return found[unit], length
    raise AisError(f"{path} holds no particle positions: it has no columns x, y and z.")


def _numbers(columns: dict[str, Column], labels: Sequence[str], path: Path) -> FloatArray:
    try:
        values = np.array([as_numbers(columns.pop(label)) for label in labels]).T.reshape(-1, 3)
    except ValueError as error:
        raise AisError(f"{path} has values that are not numbers where {', '.join(labels)} are expected.") from error
    if not np.isfinite(values).all():
        raise AisError(f"{path} has a position or angle that is not a finite number.")
    return values


def _trimmed(values: FloatArray) -> list[list[str]]:
    """Columns x, y, z as text with at most six decimals."""
    return [[text.rstrip("0").rstrip(".") for text in fixed(values[:, axis])] for axis in range(3)]


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True
