"""Particles in star files: read into voxels from any dialect, written in one of them.

`ais.formats.coord_dialects` describes the dialects. Shifts are applied when a file is read:
position = coordinate - A_subtomogram * ``rlnOriginXAngst`` (Y, Z); ``rlnOriginX`` of RELION 3.0 and older counts in
pixels of the coordinates.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ais.errors import AisError
from ais.formats.coord_angles import (
    FILAMENT_ANGLES,
    FloatArray,
    angles_to_rotation,
    compose,
    filament_subtomograms,
    particle_in_subtomogram,
)
from ais.formats.coord_dialects import (
    ANGLES,
    CENTRED,
    DIALECTS,
    GROUP,
    IMPORT_FILE,
    MICROGRAPH,
    ORIGIN_A,
    ORIGIN_PX,
    PARTICLES_FILE,
    PIXEL,
    PRIORS,
    SERIES_PIXEL,
    SPECIES,
    SPECIES_ANGLES,
    SUBTOMOGRAM,
    TOMOGRAM,
    TOMOSTAR,
    TUBE,
    Geometry,
    Triple,
    dialect_of,
    name_label,
    numbers,
    tomogram_name,
    unit_sizes,
)
from ais.formats.coord_stopgap import from_motive_list, write_motive_list
from ais.formats.coord_table import Column, Coordinates, concatenate, fixed, text_of
from ais.formats.star import Block, read_blocks, write_blocks

logger = logging.getLogger(__name__)

_LISTS = ("list", "set")


@dataclass(frozen=True)
class StarSummary:
    """What `ais info` tells about a star file.

    Attributes
    ----------
    rows, columns
        Of the table of particles, or of the longest block of a file without one.
    dialect
        As `ais.formats.coord_dialects` names them; None when the file holds no particle positions.
    tomograms
        Names of the tomograms, in the order of their first row.
    blocks
        Names of all blocks.
    """

    rows: int
    columns: list[str]
    dialect: str | None
    tomograms: list[str]
    blocks: list[str]


def describe_star(path: Path | str) -> StarSummary:
    """Rows, columns, dialect and tomograms of any star file, without converting positions.

    Raises
    ------
    AisError
        If the file is no star file or damaged.
    """
    blocks = read_blocks(path)
    longest: tuple[Block, str | None] = (max(blocks, key=len), None)
    found = ((block, dialect_of(block)) for block in blocks)
    block, dialect = next((pair for pair in found if pair[1]), longest)
    label = name_label(block)
    names = dict.fromkeys(tomogram_name(name) for name in block.columns[label]) if label else {}
    return StarSummary(len(block), list(block.columns), dialect, list(names), [b.name for b in blocks])


def read_star(path: Path | str, geometry: Geometry, *, dialect: str | None = None, tomogram: str = "") -> Coordinates:
    """Particles of a star file, in voxels.

    Parameters
    ----------
    path
        The star file.
    geometry
        Voxel size and, for RELION 4 and 5, pixel size of the tilt series and dimensions.
    dialect
        One of `DIALECTS`; by default it follows from the columns.
    tomogram
        Name for the particles of a file that names no tomogram.

    Raises
    ------
    AisError
        If the file is damaged, has no positions, or what its dialect needs is not known.
    """
    path = Path(path)
    blocks = read_blocks(path)
    particles, found = _particle_block(blocks, path)
    others = [block for block in blocks if block is not particles]
    if found == "list":
        return _read_listed(path, particles, geometry)
    if found == "set":
        return _read_named(path, particles, geometry)
    if found == "stopgap":
        return from_motive_list(particles, path)
    return _from_block(particles, others, dialect or found, geometry, tomogram, path)


def write_star(path: Path | str, table: Coordinates, dialect: str, geometry: Geometry) -> list[Path]:
    """Write particles as a star file in one of the `DIALECTS`.

    Columns and blocks that were read are written again; those that gave position, orientation and tomogram are
    replaced by the ones of the dialect; STOPGAP takes none but its own. Particles with a ``rlnHelicalTubeID`` get the
    subtomogram angles and priors that RELION 5 expects of filaments. A RELION 5 file of several tomograms without an
    optics block becomes one file for each tomogram, and `path` the list of them that RELION imports.

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
    if dialect not in DIALECTS:
        raise AisError(f"{dialect!r} is no star dialect: choose one of {', '.join(DIALECTS)}.")
    if dialect == "stopgap":
        write_motive_list(path, table)
        return [path]
    if dialect != "warp" and not all(table.tomograms):
        raise AisError(f"{path} cannot be written for RELION without the names of the particles' tomograms.")
    others = _with_pixel_size(table.blocks, geometry.tilt_series_pixel_size)
    optics = any(block.name == "optics" for block in others)
    if dialect == "relion5" and not optics:
        if geometry.tilt_series_pixel_size:
            others.insert(0, _optics(geometry.tilt_series_pixel_size))
            optics = True
        elif len(table.tomogram_names) > 1:
            return _write_listed(path, table, geometry)
    columns = _columns(path, table, dialect, geometry, others)
    if dialect == "relion5" and optics:
        columns.setdefault(GROUP, ["1"] * len(table))
    block = Block("particles", {label: [text_of(v) for v in column] for label, column in columns.items()})
    write_blocks(path, [*others, block])
    return [path]


def write_import_list(path: Path | str, files: Mapping[str, Path]) -> None:
    """Write the two-column star file with which RELION 5 imports one particle file for each tomogram.

    Parameters
    ----------
    path
        The list to write.
    files
        Tomogram's name -> its particle file. Paths are written relative to the current folder where they lie in it,
        since RELION counts them from its project folder.

    Raises
    ------
    AisError
        If the list cannot be written.
    """
    here = Path.cwd()
    absolute = [Path(file).absolute() for file in files.values()]
    named = [file.relative_to(here) if file.is_relative_to(here) else file for file in absolute]
    write_blocks(path, [Block("", {TOMOGRAM: list(files), IMPORT_FILE: [file.as_posix() for file in named]})])


def _particle_block(blocks: Sequence[Block], path: Path) -> tuple[Block, str]:
    found = [(block, dialect) for block in blocks if (dialect := dialect_of(block))]
    if not found:
        raise AisError(f"{path} holds no particle positions: it has no columns rlnCoordinateX, Y and Z.")
    if len(found) > 1:
        logger.warning("%s has several tables of positions; the first, data_%s, is used.", path, found[0][0].name)
    return found[0]


def _from_block(
    particles: Block, others: list[Block], dialect: str, geometry: Geometry, tomogram: str, path: Path
) -> Coordinates:
    columns: dict[str, Column] = dict(particles.columns)
    label = name_label(particles)
    names = [tomogram_name(str(v)) for v in columns.pop(label)] if label else [tomogram] * len(particles)
    labels: Triple = {"relion5": CENTRED, "m": SPECIES}.get(dialect, PIXEL)
    positions = _take(columns, labels, path)
    if positions is None:
        raise AisError(f"{path} is no file of the {dialect} dialect: it has no columns {labels[0]}, Y and Z.")
    angles = _take(columns, SPECIES_ANGLES if dialect == "m" else ANGLES, path)
    subtomogram = _take(columns, SUBTOMOGRAM, path)
    shift_px, shift_a = (_turned(_take(columns, origin, path), subtomogram) for origin in (ORIGIN_PX, ORIGIN_A))
    unit = unit_sizes(dialect, len(particles), columns.get(GROUP), geometry, others, path)
    positions = positions - shift_px
    if unit is not None:
        positions = positions * (unit / geometry.voxel_sizes(names, path))
    if shift_a.any():
        positions = positions - shift_a / geometry.voxel_sizes(names, path)
    if dialect == "relion5":
        positions = positions + geometry.centres(names, path)
    if subtomogram is not None:
        angles = subtomogram if angles is None else compose(subtomogram, angles)
    return Coordinates(positions, names, angles, subtomogram, columns, others)


def _read_named(path: Path, chosen: Block, geometry: Geometry) -> Coordinates:
    """The particles of the file that an optimisation set names."""
    files = [file for file in chosen.columns[PARTICLES_FILE] if file]
    if len(files) != 1:
        raise AisError(f"{path} names {len(files)} particle files where one is expected.")
    place = _listed_file(path, files[0])
    blocks = read_blocks(place)
    _, found = _particle_block(blocks, place)
    if found in _LISTS:
        raise AisError(f"{path} names {place}, which holds no particles but names of other files.")
    return read_star(place, geometry)


def _read_listed(path: Path, listed: Block, geometry: Geometry) -> Coordinates:
    parts = []
    for name, file in zip(listed.columns[TOMOGRAM], listed.columns[IMPORT_FILE], strict=True):
        place = _listed_file(path, file)
        blocks = read_blocks(place)
        particles, found = _particle_block(blocks, place)
        if found in _LISTS:
            raise AisError(f"{path} is a list of particle files that names another list, {place}.")
        others = [block for block in blocks if block is not particles]
        if TOMOGRAM in particles.columns:
            particles.columns[TOMOGRAM] = [name] * len(particles)
        parts.append(_from_block(particles, others, found, geometry, name, place))
    return concatenate(parts)


def _listed_file(path: Path, file: str) -> Path:
    # RELION counts from its project folder; a list that was moved together with its files still finds them.
    places = [Path(file), path.parent / file, path.parent / re.split(r"[/\\]", file)[-1]]
    try:
        return next(place for place in places if place.is_file())
    except (StopIteration, OSError) as error:
        raise AisError(f"{path} names the particle file {file}, which cannot be found.") from error


def _write_listed(path: Path, table: Coordinates, geometry: Geometry) -> list[Path]:
    files: dict[str, Path] = {}
    for name in table.tomogram_names:
        safe = re.sub(r'[<>:"/\\|?*\s]', "_", name)
        file = path.with_name(f"{path.stem}_{safe}.star")
        files[name] = file if file not in files.values() else path.with_name(f"{path.stem}_{safe}_{len(files)}.star")
    for name, file in files.items():
        write_star(file, table.of_tomogram(name), "relion5", geometry)
    write_import_list(path, files)
    return [*files.values(), path]


def _take(columns: dict[str, Column], labels: Triple, path: Path) -> FloatArray | None:
    """Remove three columns and return them as numbers (n, 3), zero where one is missing; None without any."""
    present = [label for label in labels if label in columns]
    if not present:
        return None
    values = np.zeros((len(columns[present[0]]), 3))
    for axis, label in enumerate(labels):
        if label in columns:
            values[:, axis] = numbers(columns.pop(label), label, path)
    return values


def _turned(shifts: FloatArray | None, subtomogram: FloatArray | None) -> FloatArray:
    """Shifts in the axes of the tomogram; they are stored in the axes of the subtomogram."""
    if shifts is None:
        return np.zeros(3)
    if subtomogram is None or not shifts.any():
        return shifts
    return np.asarray(angles_to_rotation(subtomogram).apply(shifts), np.float64)


def _columns(
    path: Path, table: Coordinates, dialect: str, geometry: Geometry, others: Sequence[Block]
) -> dict[str, Column]:
    """All columns of the particle block: name, position and orientation first, then what the table carries."""
    rest = {label: column for label, column in table.columns.items() if label not in (*PIXEL, *CENTRED, TOMOGRAM)}
    names = table.tomograms
    if dialect == "warp":
        named: dict[str, Column] = {MICROGRAPH: [name + TOMOSTAR for name in names]} if any(names) or not names else {}
        positions, labels = table.positions, PIXEL
    else:
        named = {TOMOGRAM: names}
        labels = PIXEL if dialect == "relion4" else CENTRED
        centres = geometry.centres(names, path) if dialect == "relion5" else 0.0
        unit = unit_sizes(dialect, len(table), rest.get(GROUP), geometry, others, path)
        positions = (table.positions - centres) * geometry.voxel_sizes(names, path) / (1.0 if unit is None else unit)
    columns = named | _three(labels, positions) | _orientation(table, dialect, rest)
    return columns | {label: column for label, column in rest.items() if label not in columns}


def _orientation(table: Coordinates, dialect: str, rest: dict[str, Column]) -> dict[str, Column]:
    """Columns of the angles; takes out of `rest` the priors that would be wrong beside them."""
    if table.angles is None:
        return {}
    subtomogram = table.subtomogram_angles
    if dialect == "warp":
        for label in PRIORS if subtomogram is not None else ():
            rest.pop(label, None)
        return _three(ANGLES, table.angles)
    if subtomogram is not None:
        inner = particle_in_subtomogram(table.angles, subtomogram)
        return _three(SUBTOMOGRAM, subtomogram) | _three(ANGLES, inner)
    if dialect == "relion5" and TUBE in table.columns:
        inner = np.tile(np.array(FILAMENT_ANGLES), (len(table), 1))
        priors: dict[str, Column] = {PRIORS[0]: fixed(inner[:, 1]), PRIORS[1]: fixed(inner[:, 2])}
        return _three(SUBTOMOGRAM, filament_subtomograms(table.angles)) | _three(ANGLES, inner) | priors
    return _three(ANGLES, table.angles)


def _three(labels: Triple, values: FloatArray) -> dict[str, Column]:
    return {label: fixed(values[:, axis]) for axis, label in enumerate(labels)}


def _optics(pixel_size: float) -> Block:
    return Block(
        "optics", {GROUP: ["1"], "rlnOpticsGroupName": ["opticsGroup1"], SERIES_PIXEL: [text_of(float(pixel_size))]}
    )


def _with_pixel_size(blocks: Sequence[Block], pixel_size: float | None) -> list[Block]:
    """The other blocks, their optics groups agreeing with the pixel size that the user gave."""
    if not pixel_size:
        return list(blocks)
    text = text_of(float(pixel_size))
    return [
        Block(block.name, block.columns | {SERIES_PIXEL: [text] * len(block)}, block.loop)
        if block.name == "optics"
        else block
        for block in blocks
    ]
