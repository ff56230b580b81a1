"""Particle coordinates as files: star dialects, crYOLO, Dynamo, IMOD, copick, plain tables.

Positions are always (x, y, z) in voxels of the tomogram, 0-based, the centre of voxel i at i; each file's own unit is
converted when it is read or written.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from ais.errors import AisError
from ais.formats.coord_angles import angles_to_rotation, rotation_to_angles, tangent_to_angles
from ais.formats.coord_cbox import read_cbox, write_cbox
from ais.formats.coord_copick import read_copick, write_copick
from ais.formats.coord_dialects import (
    DIALECTS,
    Geometry,
    LengthSource,
    PixelSizeUnknown,
    ShapeSource,
    tomogram_name,
)
from ais.formats.coord_dynamo import read_dynamo, write_dynamo
from ais.formats.coord_imod import read_imod, write_imod
from ais.formats.coord_star import StarSummary, describe_star, read_star, write_import_list, write_star
from ais.formats.coord_table import Coordinates, concatenate
from ais.formats.coord_text import read_text_table, write_text_table

__all__ = [
    "DIALECTS",
    "SUFFIXES",
    "Coordinates",
    "PixelSizeUnknown",
    "StarSummary",
    "angles_to_rotation",
    "concatenate",
    "describe_coordinates",
    "describe_star",
    "read_coordinates",
    "rotation_to_angles",
    "tangent_to_angles",
    "tomogram_name",
    "write_coordinates",
    "write_import_list",
]

SUFFIXES = (".star", ".tsv", ".txt", ".csv", ".cbox", ".tbl", ".mod", ".json")
"""Extensions of the files that hold coordinates."""

_KINDS = {".cbox": "cbox", ".tbl": "dynamo", ".mod": "imod", ".json": "copick"}


def read_coordinates(
    path: Path | str,
    *,
    dialect: str | None = None,
    voxel_size: LengthSource = None,
    tilt_series_pixel_size: float | None = None,
    shape: ShapeSource = None,
    tomogram: str = "",
) -> Coordinates:
    """Read particles from a file of one of the `SUFFIXES`.

    Parameters
    ----------
    path
        The file.
    dialect
        Of a star file: one of the `DIALECTS`; by default it follows from the columns.
    voxel_size
        Of the tomogram in angstrom, or a function of the tomogram's name. Needed unless the file counts in voxels.
    tilt_series_pixel_size
        Of the unbinned tilt series in angstrom, for RELION 4; by default the one in the file's optics block.
    shape
        (nz, ny, nx) of the tomogram, or a function of the tomogram's name, for RELION 5.
    tomogram
        Name for the particles of a file that names no tomogram.

    Returns
    -------
    Coordinates
        Positions in voxels; unknown columns and blocks as they stand in the file.

    Raises
    ------
    AisError
        If the file is damaged or of another kind, or what its dialect needs is not known.
    """
    path = Path(path)
    geometry = Geometry(voxel_size, tilt_series_pixel_size, shape)
    with np.errstate(over="ignore", invalid="ignore"):  # what is not finite is refused with a sentence
        match _suffix(path):
            case ".star":
                return read_star(path, geometry, dialect=dialect, tomogram=tomogram)
            case ".cbox":
                return read_cbox(path, tomogram=tomogram)
            case ".tbl":
                return read_dynamo(path, tomogram=tomogram)
            case ".mod":
                return read_imod(path, tomogram=tomogram)
            case ".json":
                return read_copick(path, geometry, tomogram=tomogram)
            case _:
                return read_text_table(path, geometry, tomogram=tomogram)


def describe_coordinates(path: Path | str) -> StarSummary:
    """Rows, columns, dialect and tomograms of any file of coordinates, whatever its unit.

    Raises
    ------
    AisError
        If the file is damaged or of another kind.
    """
    path = Path(path)
    suffix = _suffix(path)
    if suffix == ".star":
        return describe_star(path)
    table = read_coordinates(path, voxel_size=1.0)
    names = [name for name in table.tomogram_names if name]
    return StarSummary(len(table), ["x", "y", "z", *table.columns], _KINDS.get(suffix, "table"), names, [])


def write_coordinates(
    path: Path | str,
    coordinates: Coordinates,
    *,
    dialect: str = "relion5",
    voxel_size: LengthSource = None,
    shape: ShapeSource = None,
    tilt_series_pixel_size: float | None = None,
) -> list[Path]:
    """Write particles to a file of one of the `SUFFIXES`.

    Parameters
    ----------
    path
        The file; its extension decides.
    coordinates
        The particles. Columns of picks are called ``aisParticleWeight``, ``aisParticleVolume`` (cubic angstrom) and
        ``aisParticleID``; those of filaments ``rlnHelicalTubeID`` and ``rlnHelicalTrackLengthAngst``.
    dialect
        Of a star file: one of the `DIALECTS`.
    voxel_size, shape, tilt_series_pixel_size
        As for `read_coordinates`. RELION 5 gets an optics block only with the pixel size of the tilt series; without
        it, particles of several tomograms become one file each, and `path` the list that RELION imports.

    Returns
    -------
    list of Path
        The files written, `path` last.

    Raises
    ------
    AisError
        If what the dialect needs is not known, or a file cannot be written.
    """
    path = Path(path)
    geometry = Geometry(voxel_size, tilt_series_pixel_size, shape)
    match _suffix(path):
        case ".star":
            return write_star(path, coordinates, dialect, geometry)
        case ".tbl":
            return write_dynamo(path, coordinates)
        case ".cbox":
            write_cbox(path, coordinates)
        case ".mod":
            write_imod(path, coordinates, geometry)
        case ".json":
            write_copick(path, coordinates, geometry)
        case _:
            write_text_table(path, coordinates)
    return [path]


def _suffix(path: Path) -> str:
    suffix = path.suffix.lower()
    if suffix not in SUFFIXES:
        raise AisError(f"{path} is no file of coordinates: its name must end in {', '.join(SUFFIXES)}.")
    return suffix
