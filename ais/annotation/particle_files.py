"""Particles of the tomograms of a project put together and written to files."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

import numpy as np
from numpy.typing import NDArray

from ais.annotation.entries import TomogramEntry
from ais.annotation.feature_operations import file_safe_name
from ais.annotation.particle_sets import ParticleSet
from ais.errors import AisError
from ais.formats.coordinates import Coordinates, concatenate, read_coordinates, write_coordinates, write_import_list

if TYPE_CHECKING:
    from ais.project.reading import ProjectReader

PREVIEW_ROWS, LEAST_PER_TOMOGRAM = 12, 3
WITHOUT_NAMES = (".txt", ".tsv", ".cbox", ".mod", ".json")

Keep = Callable[[ParticleSet, Coordinates], NDArray[np.bool_]]
"""Which rows of a set's table are written, (total,) of bool."""


def particles_of_sets(
    project: ProjectReader, sets: Sequence[ParticleSet], keep: Keep | None = None
) -> tuple[Coordinates, dict[str, TomogramEntry]]:
    """The particles of sets of one or several tomograms in one table.

    Parameters
    ----------
    project
        Where they are.
    sets
        In the order of the table.
    keep
        Which of them; by default all that have not been removed.

    Returns
    -------
    tuple of Coordinates and dict
        The table, and for each tomogram's name in it the tomogram.

    Raises
    ------
    AisError
        If two tomograms have the same name.
    """
    owners: dict[str, TomogramEntry] = {}
    parts = []
    for one in sets:
        table = project.particle_table(one)
        entry = project.tomogram_by_id(one.tomogram)
        for name in table.tomogram_names or [entry.name]:
            if owners.setdefault(name, entry).id != entry.id:
                raise AisError(f"Two tomograms are called {name}: save the particles of one at a time.")
        kept = ~one.removed if keep is None else keep(one, table) & ~one.removed
        whole = one.particles(table) if kept.all() else _all(one, table).select(kept)
        parts.append(whole)
    return concatenate(parts), owners


def save_particles(
    path: Path | str,
    table: Coordinates,
    owners: Mapping[str, TomogramEntry],
    *,
    dialect: str = "relion5",
    tilt_series_pixel_size: float | None = None,
    append: bool = False,
) -> list[Path]:
    """Write particles of tomograms of a project, with the tomograms' true dimensions and voxel sizes.

    Parameters
    ----------
    path
        A file of coordinates.
    table, owners
        As `particles_of_sets` gives them.
    dialect, tilt_series_pixel_size
        As for `ais.formats.coordinates.write_coordinates`.
    append
        Whether a file that exists keeps its particles, and gets these after them.

    Returns
    -------
    list of Path
        The files written, `path` last.

    Raises
    ------
    AisError
        If there is nothing to write, what the file needs is not known, or it cannot be written.
    """
    path = Path(path)
    if not len(table):
        raise AisError("There are no particles to save.")
    if path.suffix.lower() in WITHOUT_NAMES:
        table = _as_one(table, owners)
        if len(table.tomogram_names) > 1:
            raise AisError(
                f"{path.name} cannot say in which tomogram a particle is: choose one tomogram, a file for each, .star "
                "or .csv."
            )

    def voxel_size(name: str) -> float:
        return owners[name].voxel_size if name in owners else _unknown(path, name)

    def shape(name: str) -> tuple[int, int, int]:
        return owners[name].shape if name in owners else _unknown(path, name)

    if append and path.exists():
        present = read_coordinates(
            path,
            voxel_size=voxel_size,
            shape=shape,
            tilt_series_pixel_size=tilt_series_pixel_size,
            tomogram=table.tomogram_names[0],
        )
        table = concatenate([present, table])
    return write_coordinates(
        path,
        table,
        dialect=dialect,
        voxel_size=voxel_size,
        shape=shape,
        tilt_series_pixel_size=tilt_series_pixel_size,
    )


def save_separately(
    folder: Path | str,
    name: str,
    table: Coordinates,
    owners: Mapping[str, TomogramEntry],
    *,
    dialect: str = "relion5",
    tilt_series_pixel_size: float | None = None,
    append: bool = False,
) -> list[Path]:
    """Write a file for each tomogram, ``<tomogram>__<name>``; all of them, or none.

    For RELION 5 without the pixel size of the tilt series, a list of them for its import is written too.

    Parameters
    ----------
    folder
        Where they go.
    name
        Of the files without their tomogram, such as ``ribosome.star``.
    table, owners, dialect, tilt_series_pixel_size
        As for `save_particles`.
    append
        Whether files that exist keep their particles; else they are refused.

    Returns
    -------
    list of Path
        The files written.

    Raises
    ------
    AisError
        As `save_particles`, and if a file exists.
    """
    folder = Path(folder)
    parts = _by_tomogram(table, owners)
    files = {number: folder / separate_name(owners, number, name) for number in parts}
    if len(set(files.values())) < len(files):
        raise AisError("Two of the tomograms have the same name: save the particles of one at a time.")
    wanted = [*files.values()]
    optics = tilt_series_pixel_size or any(block.name == "optics" for block in table.blocks)
    listed = name.lower().endswith(".star") and dialect == "relion5" and not optics
    if listed:
        wanted.append(folder / f"relion5_import__{name}")
    there = [path.name for path in wanted if path.exists()]
    if there and not append:
        exist = f"{there[0]} exists" if len(there) == 1 else f"{there[0]} and {len(there) - 1} more exist"
        raise AisError(f"{exist} already in {folder}: choose another folder, or add to what is there.")
    new = [path for path in wanted if not path.exists()]
    written: list[Path] = []
    try:
        for number, part in parts.items():
            how = {"dialect": dialect, "tilt_series_pixel_size": tilt_series_pixel_size, "append": append}
            written += save_particles(files[number], part, owners, **how)  # type: ignore[arg-type]
        if listed:
            write_import_list(wanted[-1], {part.tomograms[0]: files[number] for number, part in parts.items()})
            written.append(wanted[-1])
    except BaseException:
        for path in new:
            path.unlink(missing_ok=True)
        raise
    return written


def separate_name(owners: Mapping[str, TomogramEntry], number: int, name: str) -> str:
    """The name of a tomogram's own file, as `save_separately` writes it."""
    tomogram = next(entry.name for entry in owners.values() if entry.id == number)
    return f"{file_safe_name(tomogram)}__{name}"


def _by_tomogram(table: Coordinates, owners: Mapping[str, TomogramEntry]) -> dict[int, Coordinates]:
    rows: dict[int, list[int]] = {}
    for row, name in enumerate(table.tomograms):
        rows.setdefault(owners[name].id, []).append(row)
    return {number: _as_one(table.select(chosen), owners) for number, chosen in rows.items()}


def _as_one(table: Coordinates, owners: Mapping[str, TomogramEntry]) -> Coordinates:
    """Particles of one tomogram under one name, where files that were read called it by several."""
    if len(table.tomogram_names) > 1 and len({owners[name].id for name in table.tomogram_names}) == 1:
        table = replace(table, tomograms=[table.tomogram_names[0]] * len(table))
    return table


@dataclass(frozen=True)
class FilePreview:
    """The beginning of a file as it will be written.

    Attributes
    ----------
    lines
        Its first lines.
    files
        Names of all files that will be written, the chosen one last.
    dimensions
        A sentence for each tomogram: its name, dimensions and voxel size as they are used.
    """

    lines: tuple[str, ...]
    files: tuple[str, ...]
    dimensions: tuple[str, ...]


def preview_file(
    name: str,
    table: Coordinates,
    owners: Mapping[str, TomogramEntry],
    *,
    dialect: str = "relion5",
    tilt_series_pixel_size: float | None = None,
    separate: bool = False,
    lines: int = 40,
) -> FilePreview:
    """What `save_particles` or `save_separately` would write, by writing the first particles elsewhere.

    Parameters
    ----------
    name
        Of the file, such as ``particles.star``.
    table, owners, dialect, tilt_series_pixel_size
        As for `save_particles`.
    separate
        Whether each tomogram gets a file of its own.
    lines
        At most so many.

    Raises
    ------
    AisError
        As `save_particles`.
    """
    per_tomogram = max(PREVIEW_ROWS // max(len(table.tomogram_names), 1), LEAST_PER_TOMOGRAM)
    first: list[int] = []
    seen: dict[str, int] = {}
    for row, tomogram in enumerate(table.tomograms):
        seen[tomogram] = seen.get(tomogram, 0) + 1
        if seen[tomogram] <= per_tomogram:
            first.append(row)
    few = table.select(first) if len(first) < len(table) else table
    with tempfile.TemporaryDirectory() as folder:
        how = {"dialect": dialect, "tilt_series_pixel_size": tilt_series_pixel_size}
        if separate and len(few):
            written = save_separately(folder, name, few, owners, **how)  # type: ignore[arg-type]
        else:
            written = save_particles(Path(folder) / name, few, owners, **how)  # type: ignore[arg-type]
        text = _lines(_first(written, name))
    dimensions = tuple(
        f"{name}: {' x '.join(str(n) for n in entry.shape[::-1])} voxels of {entry.voxel_size:.4g} A"
        for name, entry in owners.items()
        if name in seen
    )
    return FilePreview(tuple(text[:lines]), tuple(file.name for file in written), dimensions)


def _first(written: Sequence[Path], name: str) -> Path:
    """The file whose beginning says most: the table itself, or that of the first tomogram."""
    ending = Path(name).suffix
    return next(path for path in written if path.suffix == ending)


def _lines(path: Path) -> list[str]:
    """The lines of a file; of a binary one, what is in it."""
    if path.suffix.lower() != ".mod":
        return path.read_text(encoding="utf-8").splitlines()
    table = read_coordinates(path)
    contours = zip(table.columns["imodObject"], table.columns["imodContour"], strict=True)
    rows = zip(table.positions.tolist(), contours, strict=True)
    points = [f"{x:9.2f} {y:9.2f} {z:9.2f}   object {o} contour {c}" for (x, y, z), (o, c) in rows]
    return ["A binary file, which IMOD reads. Its points, x y z in voxels:", "", *points]


def _all(one: ParticleSet, table: Coordinates) -> Coordinates:
    """The whole table with the particles where they are now."""
    return Coordinates(
        one.positions(table.positions),
        table.tomograms,
        table.angles,
        table.subtomogram_angles,
        table.columns,
        table.blocks,
    )


def _unknown(path: Path, name: str) -> NoReturn:
    raise AisError(
        f"{path.name} has particles of {name or 'no tomogram'}, which are not saved here: choose a new file."
    )
