"""STOPGAP's motive list: a star file whose block is ``data_stopgap_motivelist``.

``orig_x`` (y, z) counts the voxels of the tomogram from 1, as MATLAB does, and ``x_shift`` is added to it; ``phi``,
``the`` and ``psi`` turn the reference about z, its x axis and z; ``tomo_num`` stands for the tomogram.
"""

from __future__ import annotations

import logging
from pathlib import Path

import numpy as np

from ais.errors import AisError
from ais.formats.atomic import write_text
from ais.formats.coord_angles import FloatArray, angles_to_zxz, zxz_to_angles
from ais.formats.coord_dialects import MOTIVE_NUMBER, MOTIVE_POSITION, Triple, numbers
from ais.formats.coord_numbers import first_known, number_text, real_or, tomogram_numbers, whole, whole_or
from ais.formats.coord_table import Column, Coordinates, fixed, text_of
from ais.formats.star import Block

logger = logging.getLogger(__name__)

MOTIVE_LIST = "stopgap_motivelist"
SHIFT: Triple = ("x_shift", "y_shift", "z_shift")
ZXZ: Triple = ("phi", "the", "psi")
LABELS = (
    *("motl_idx", "tomo_num", "object", "subtomo_num", "halfset", "orig_x", "orig_y", "orig_z", "score"),
    *("x_shift", "y_shift", "z_shift", "phi", "psi", "the", "class"),
)
"""All columns, in STOPGAP's order; it refuses a file that has others."""

_FIRST = 1  # STOPGAP calls the first voxel 1


def from_motive_list(block: Block, path: Path) -> Coordinates:
    """Particles of a block that has STOPGAP's columns.

    Raises
    ------
    AisError
        If a value is not a number.
    """
    columns: dict[str, Column] = dict(block.columns)
    positions = _three(columns, MOTIVE_POSITION, path) - _FIRST
    if all(label in columns for label in SHIFT):
        positions = positions + _three(columns, SHIFT, path)
    angles = zxz_to_angles(_three(columns, ZXZ, path)) if all(label in columns for label in ZXZ) else None
    names = [number_text(str(value)) for value in columns.get(MOTIVE_NUMBER, [""] * len(positions))]
    return Coordinates(positions, names, angles, None, columns)


def write_motive_list(path: Path, table: Coordinates) -> None:
    """Write particles as STOPGAP's motive list.

    Tomograms become numbers (`ais.formats.coord_numbers.tomogram_numbers`); columns that STOPGAP does not know are left
    out, since it refuses a file that has them.

    Raises
    ------
    AisError
        If the file cannot be written.
    """
    left_out = [label for label in table.columns if label not in LABELS]
    if left_out:
        logger.warning("%s: STOPGAP knows no column %s, left out.", path, ", ".join(left_out))
    n = len(table)
    counted = table.positions + _FIRST
    voxel = np.floor(counted + 0.5)
    zxz = angles_to_zxz(np.zeros((n, 3)) if table.angles is None else table.angles)
    running, ones = range(1, n + 1), [1] * n
    columns: dict[str, list[str]] = {
        "motl_idx": whole_or(table, ["motl_idx"], running),
        MOTIVE_NUMBER: [str(number) for number in tomogram_numbers(table, MOTIVE_NUMBER)],
        "object": whole_or(table, ["object", "rlnHelicalTubeID"], ones),
        "subtomo_num": whole_or(table, ["subtomo_num"], running),
        "halfset": _halves(table),
        "score": real_or(table, ["score", "rlnAutopickFigureOfMerit", "aisParticleWeight"], 1.0),
        "class": whole_or(table, ["class", "rlnClassNumber"], ones),
    }
    for axis in range(3):
        columns[MOTIVE_POSITION[axis]] = fixed(voxel[:, axis])
        columns[SHIFT[axis]] = fixed((counted - voxel)[:, axis])
        columns[ZXZ[axis]] = fixed(zxz[:, axis])
    # STOPGAP wants bare labels, and an empty line before the first particle.
    heading = f"\ndata_{MOTIVE_LIST}\n\nloop_\n" + "".join(f"_{label}\n" for label in LABELS) + "\n"
    rows = zip(*(columns[label] for label in LABELS), strict=True)
    write_text(path, heading + "".join("\t".join(row) + "\n" for row in rows))


def _halves(table: Coordinates) -> list[str]:
    """The half of the data to which each particle belongs, A or B."""
    read = [text_of(value) for value in table.columns.get("halfset", [])]
    if read and all(value.isalnum() for value in read):
        return read
    subsets = first_known(table, ["rlnRandomSubset"])
    known = None if subsets is None else whole(subsets)
    return ["AB"[(value - 1) % 2] for value in known or range(1, len(table) + 1)]


def _three(columns: dict[str, Column], labels: Triple, path: Path) -> FloatArray:
    missing = [label for label in labels if label not in columns]
    if missing:
        raise AisError(f"{path} has no column {missing[0]}: it is no complete motive list.")
    return np.stack([numbers(columns.pop(label), label, path) for label in labels], axis=-1).reshape(-1, 3)
