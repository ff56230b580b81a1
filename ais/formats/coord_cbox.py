"""Boxes of crYOLO and TomoTwin, ``.cbox``: a star file of lower corners and sizes of boxes in voxels.

The middle of a box is the particle: ``CoordinateX`` + ``Width`` / 2, the same for y; ``CoordinateZ`` is the slice of
the middle itself. The file's name stands for the tomogram.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from ais.errors import AisError
from ais.formats.coord_dialects import numbers
from ais.formats.coord_numbers import real_or, whole_or
from ais.formats.coord_table import Column, Coordinates, fixed, text_of
from ais.formats.star import Block, read_blocks, write_blocks

CORNER = ("CoordinateX", "CoordinateY", "CoordinateZ")
WIDTH, HEIGHT, DEPTH = "Width", "Height", "Depth"
FILAMENT = "filamentid"
BOX_SIZE = 32.0
"""Voxels, of boxes whose size nobody has said."""

_BOXES, _SLICES = "cryolo", "cryolo_include"
_UNKNOWN = "<NA>"


def read_cbox(path: Path, *, tomogram: str = "") -> Coordinates:
    """Particles of a .cbox file, in voxels.

    Raises
    ------
    AisError
        If the file is damaged, or has boxes of a micrograph, without z.
    """
    blocks = read_blocks(path)
    block = next(
        (each for each in blocks if all(label in each.columns for label in (*CORNER[:2], WIDTH, HEIGHT))), None
    )
    if block is None or not block.loop:
        raise AisError(f"{path} holds no boxes: it has no columns CoordinateX, CoordinateY, Width and Height.")
    columns: dict[str, Column] = dict(block.columns)
    depths = columns.pop(CORNER[2], None)
    if depths is None or any(str(value).lower() in ("<na>", "nan") for value in depths):
        raise AisError(f"{path} has boxes without z: it belongs to a micrograph, not to a tomogram.")
    size = np.stack([numbers(columns[label], label, path) for label in (WIDTH, HEIGHT)], axis=-1)
    corner = np.stack([numbers(columns.pop(label), label, path) for label in CORNER[:2]], axis=-1)
    positions = np.column_stack([corner + size / 2, numbers(depths, CORNER[2], path)])
    return Coordinates(positions, [tomogram] * len(positions), None, None, columns, [])


def write_cbox(path: Path, table: Coordinates) -> None:
    """Write the particles of one tomogram as a .cbox file.

    Boxes have the size that they were read with, else `BOX_SIZE`; orientations have no place in the file.

    Raises
    ------
    AisError
        If the particles are of several tomograms, or the file cannot be written.
    """
    one_tomogram(path, table)
    n = len(table)
    width, height, depth = (real_or(table, [label], BOX_SIZE) for label in (WIDTH, HEIGHT, DEPTH))
    half = np.array([width, height], np.float64).reshape(2, n).T / 2
    corner = table.positions[:, :2] - half
    columns: dict[str, list[str]] = {
        CORNER[0]: fixed(corner[:, 0]),
        CORNER[1]: fixed(corner[:, 1]),
        CORNER[2]: fixed(table.positions[:, 2]),
        WIDTH: width,
        HEIGHT: height,
        DEPTH: depth,
    }
    unknown = [_UNKNOWN] * n
    for label in ("EstWidth", "EstHeight", "Confidence", "NumBoxes", "Angle"):
        columns[label] = [text_of(value) for value in table.columns.get(label, unknown)]
    if "Confidence" not in table.columns:
        columns["Confidence"] = real_or(table, ["rlnAutopickFigureOfMerit", "score", "aisParticleWeight"], 1.0)
    if FILAMENT not in table.columns and "rlnHelicalTubeID" in table.columns:
        columns[FILAMENT] = whole_or(table, ["rlnHelicalTubeID"], [1] * n)
    columns |= {label: [text_of(v) for v in column] for label, column in table.columns.items() if label not in columns}
    slices = [str(z) for z in np.unique(np.floor(table.positions[:, 2] + 0.5)).astype(int).tolist()]
    blocks = [
        Block("global", {"cbox_format_version": ["1.0"]}, loop=False),
        Block(_BOXES, columns),
        Block(_SLICES, {"slice_index": slices}),
    ]
    write_blocks(path, blocks)


def one_tomogram(path: Path, table: Coordinates) -> None:
    """Refuse particles of several tomograms for a file that cannot tell them apart."""
    if len(table.tomogram_names) > 1:
        raise AisError(
            f"{path} cannot say in which tomogram a particle is, and there are {len(table.tomogram_names)}: "
            "choose .star, .tbl or .csv."
        )
