"""Dynamo's table, ``.tbl``: numbers separated by blanks, a row for each particle, columns by their place.

Columns 24 to 26 are the position in voxels of the tomogram, counted from 1, as MATLAB does, to which the shifts in
columns 4 to 6 are added; 7 to 9 turn the reference about z, its new x axis and its new z axis; column 20 is the number
of the tomogram. Dynamo keeps the names of the tomograms beside it, a number and a file in each row of a ``.doc``.
"""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np

from ais.errors import AisError
from ais.formats.atomic import write_text
from ais.formats.coord_angles import FloatArray, angles_to_zxz, zxz_to_angles
from ais.formats.coord_dialects import numbers, tomogram_name
from ais.formats.coord_numbers import number_text, real_or, tomogram_numbers, whole_or
from ais.formats.coord_table import Column, Coordinates, fixed
from ais.formats.star import read_text

LABELS = (
    *("tag", "aligned", "averaged", "dx", "dy", "dz", "tdrot", "tilt", "narot", "cc", "cc2", "cpu", "ftype"),
    *("ymintilt", "ymaxtilt", "xmintilt", "xmaxtilt", "fs1", "fs2", "tomo", "reg", "class", "annotation"),
    *("x", "y", "z", "dshift", "daxis", "dnarot", "dcc", "otag", "npar", "column33", "ref", "sref", "apix"),
    *("def", "column38", "column39", "column40", "eig1", "eig2"),
)
"""Columns by their place; further ones are called ``column43`` and so on."""

NUMBER = "tomo"
NAMES_ENDING = ".doc"

_POSITION, _SHIFT, _ZXZ = ("x", "y", "z"), ("dx", "dy", "dz"), ("tdrot", "tilt", "narot")
_LEAST = 26  # columns, that is with a position
_MOST = 200
_FIRST = 1  # Dynamo calls the first voxel 1
_WRITTEN = 35


def read_dynamo(path: Path, *, tomogram: str = "") -> Coordinates:
    """Particles of a .tbl file, in voxels.

    Tomograms are called as the ``.doc`` file beside the table says, else by their number. All columns but those of
    position and orientation are kept under the names of `LABELS`.

    Raises
    ------
    AisError
        If the file is no table of Dynamo.
    """
    rows = [line.split() for line in read_text(path).split("\n") if line.strip()]
    width = len(rows[0])
    if not _LEAST <= width <= _MOST:
        raise AisError(f"{path} has {width} columns: a table of Dynamo with positions has at least {_LEAST}.")
    for place, row in enumerate(rows, 1):
        if len(row) != width:
            raise AisError(f"{path} has {len(row)} values for {width} columns in row {place}: it is damaged.")
    labels = [*LABELS, *(f"column{n}" for n in range(len(LABELS) + 1, width + 1))][:width]
    columns: dict[str, Column] = dict(zip(labels, map(list, zip(*rows, strict=True)), strict=True))
    positions = _three(columns, _POSITION, path) - _FIRST + _three(columns, _SHIFT, path)
    angles = zxz_to_angles(_three(columns, _ZXZ, path))
    names = _names(path)
    found = [number_text(str(value)) for value in columns[NUMBER]]
    if tomogram and set(found) == {"0"} and not names:
        return Coordinates(positions, [tomogram] * len(found), angles, None, columns)
    return Coordinates(positions, [names.get(number, number) for number in found], angles, None, columns)


def write_dynamo(path: Path, table: Coordinates) -> list[Path]:
    """Write particles as a .tbl file, and the names of their tomograms as a .doc file beside it.

    Tomograms become numbers (`ais.formats.coord_numbers.tomogram_numbers`); columns that Dynamo does not know are left
    out, since its columns have no names.

    Returns
    -------
    list of Path
        The files written, `path` last.

    Raises
    ------
    AisError
        If a file cannot be written.
    """
    n = len(table)
    position = table.positions + _FIRST
    zxz = angles_to_zxz(np.zeros((n, 3)) if table.angles is None else table.angles)
    numbered = tomogram_numbers(table, NUMBER)
    further = [label for label in table.columns if re.fullmatch(r"column(4[3-9]|[5-9]\d|1\d\d|200)", label)]
    width = max([_WRITTEN, *(LABELS.index(label) + 1 for label in table.columns if label in LABELS)])
    width = max([width, *(int(label[6:]) for label in further)])
    columns: dict[str, list[str]] = {
        "tag": whole_or(table, ["tag"], range(1, n + 1)),
        "aligned": whole_or(table, ["aligned"], [1] * n),
        "averaged": whole_or(table, ["averaged"], [1] * n),
        "cc": real_or(table, ["cc", "rlnAutopickFigureOfMerit", "score", "aisParticleWeight"], 0.0),
        NUMBER: [str(number) for number in numbered],
        "reg": whole_or(table, ["reg", "rlnHelicalTubeID"], [0] * n),
        "class": whole_or(table, ["class", "rlnClassNumber"], [1] * n),
    }
    for axis in range(3):
        columns[_POSITION[axis]] = fixed(position[:, axis])
        columns[_SHIFT[axis]] = ["0"] * n
        columns[_ZXZ[axis]] = fixed(zxz[:, axis])
    labels = [*LABELS, *(f"column{place}" for place in range(len(LABELS) + 1, width + 1))][:width]
    cells = [columns[label] if label in columns else real_or(table, [label], 0.0) for label in labels]
    written = [path]
    named = {
        number: name for number, name in zip(numbered, table.tomograms, strict=True) if name != str(number) and name
    }
    if named:
        document = path.with_suffix(NAMES_ENDING)
        write_text(document, "".join(f"{number} {name}\n" for number, name in sorted(named.items())))
        written.insert(0, document)
    write_text(path, "".join(" ".join(row) + "\n" for row in zip(*cells, strict=True)))
    return written


def _names(path: Path) -> dict[str, str]:
    """Number -> name of the tomograms that the file beside a table names; empty without it."""
    document = path.with_suffix(NAMES_ENDING)
    if not document.is_file():
        return {}
    pairs = [line.split(maxsplit=1) for line in read_text(document).split("\n") if line.strip()]
    if any(len(pair) != 2 for pair in pairs):
        raise AisError(f"{document} is no list of tomograms: a row needs a number and a file.")
    return {number_text(number): tomogram_name(name.strip()) for number, name in pairs}


def _three(columns: dict[str, Column], labels: tuple[str, ...], path: Path) -> FloatArray:
    return np.stack([numbers(columns.pop(label), label, path) for label in labels], axis=-1).reshape(-1, 3)
