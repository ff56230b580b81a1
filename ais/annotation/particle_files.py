"""Particles between files and the tomograms of a project: told apart by name when read, put together when written."""

from __future__ import annotations

import re
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

import numpy as np
from numpy.typing import NDArray

from ais.annotation.entries import TomogramEntry
from ais.annotation.particle_sets import ParticleSet
from ais.errors import AisError
from ais.formats.coord_numbers import numbers_in
from ais.formats.coordinates import Coordinates, concatenate, read_coordinates, write_coordinates

if TYPE_CHECKING:
    from ais.project.reading import ProjectReader

PREVIEW_ROWS, LEAST_PER_TOMOGRAM = 12, 3
NAMES_SAID = 5
WITHOUT_NAMES = (".txt", ".tsv", ".cbox", ".mod")

Keep = Callable[[ParticleSet, Coordinates], NDArray[np.bool_]]
"""Which rows of a set's table are written, (total,) of bool."""


@dataclass(frozen=True, eq=False)
class LoadedParticles:
    """What a file holds for a project.

    Attributes
    ----------
    path
        The file.
    parts
        Number of each tomogram that has particles in it, and its particles.
    unknown
        Names of tomograms that are not in the project, and how many particles they have.
    names
        Each name in the file ("" where it says none), and the name of the tomogram that it was taken for.
    """

    path: Path
    parts: Mapping[int, Coordinates]
    unknown: Mapping[str, int] = field(default_factory=dict)
    names: Mapping[str, str] = field(default_factory=dict)

    @property
    def count(self) -> int:
        """How many particles belong to tomograms of the project."""
        return sum(map(len, self.parts.values()))


def load_particles(
    path: Path | str,
    tomograms: Sequence[TomogramEntry],
    current: TomogramEntry | None = None,
    *,
    tilt_series_pixel_size: float | None = None,
    called: Mapping[str, str] | None = None,
) -> LoadedParticles:
    """Read a file of coordinates and tell the particles of different tomograms apart.

    A name in the file stands for the tomogram that is called so; if there is none, a number stands for the only one
    that has it in its name, as 1 for ``TS_01``, and a name for the only one whose name has it as a part, as ``TS_01``
    in ``TS_01_10.00Apx``, or is a part of it. A file without names is about the tomogram whose name is its own or a
    part of its own, as ``TS_01.cbox``, else about `current`.

    Parameters
    ----------
    path
        A file of coordinates.
    tomograms
        Those of the project.
    current
        To which the particles of a file belong that names no tomogram; of several tomograms of one name, this one.
    tilt_series_pixel_size
        Of the unbinned tilt series in angstrom, for RELION 4 files that do not say it.
    called
        Name in the file -> name of the tomogram, where the user knows better.

    Raises
    ------
    AisError
        If the file is damaged, something that it needs is not known, or it has no particle of these tomograms.
        `ais.formats.coordinates.PixelSizeUnknown` if only the pixel size of the tilt series is missing.
    """
    path = Path(path)
    found: dict[str, TomogramEntry | None] = {}

    def owner(name: str) -> TomogramEntry | None:
        if name not in found:
            meant = (called or {}).get(name, name)
            found[name] = tomogram_of(meant, tomograms, current) if meant else _of_file(path, tomograms, current)
        return found[name]

    def voxel_size(name: str) -> float:
        entry = owner(name)
        return 1.0 if entry is None else entry.voxel_size  # those of other tomograms are left out in the end

    def shape(name: str) -> tuple[int, int, int]:
        entry = owner(name)
        return (1, 1, 1) if entry is None else entry.shape

    table = read_coordinates(path, voxel_size=voxel_size, shape=shape, tilt_series_pixel_size=tilt_series_pixel_size)
    rows: dict[str, list[int]] = {}
    for row, name in enumerate(table.tomograms):
        rows.setdefault(name, []).append(row)
    parts: dict[int, list[Coordinates]] = {}
    unknown: dict[str, int] = {}
    for name, numbers in rows.items():
        entry = owner(name)
        if entry is None:
            unknown[name] = len(numbers)
        else:
            part = table if len(rows) == 1 else table.select(numbers)
            parts.setdefault(entry.id, []).append(part)
    if not len(table):
        raise AisError(f"{path.name} holds no particles.")
    if not parts and "" in unknown:
        raise AisError(f"{path.name} does not say to which tomogram its particles belong: open that tomogram first.")
    if not parts:
        are = "is" if len(unknown) == 1 else "are"
        raise AisError(
            f"{path.name} is about {names_text(list(unknown))}, which {are} not in this project: add the tomogram "
            "first, or rename it as the file does."
        )
    joined = {number: concatenate(each) if len(each) > 1 else each[0] for number, each in parts.items()}
    taken = {name: entry.name for name in rows if (entry := owner(name)) is not None}
    return LoadedParticles(path, joined, unknown, taken)


def tomogram_of(
    name: str, tomograms: Sequence[TomogramEntry], current: TomogramEntry | None = None
) -> TomogramEntry | None:
    """The tomogram that a file means by a name, as `load_particles` says; None if there is none, or several."""
    if not name:
        return current
    same = [entry for entry in tomograms if entry.name == name]
    if len(same) > 1 and current in same:
        return current
    for found in (
        same,
        [entry for entry in tomograms if entry.name.casefold() == name.casefold()],
        [entry for entry in tomograms if name.isdecimal() and int(name) in numbers_in(entry.name)],
        [entry for entry in tomograms if _is_part(name, entry.name)],
        [entry for entry in tomograms if _is_part(entry.name, name)],
    ):
        if found:
            return found[0] if len(found) == 1 else None
    return None


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
    if path.suffix.lower() in WITHOUT_NAMES and len({owners[name].id for name in table.tomogram_names}) > 1:
        raise AisError(f"{path.name} cannot say in which tomogram a particle is: choose one tomogram, .star or .csv.")

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
    lines: int = 40,
) -> FilePreview:
    """What `save_particles` would write, by writing the first particles of each tomogram elsewhere.

    Parameters
    ----------
    name
        Of the file, such as ``particles.star``.
    table, owners, dialect, tilt_series_pixel_size
        As for `save_particles`.
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
        path = Path(folder) / name
        written = save_particles(path, few, owners, dialect=dialect, tilt_series_pixel_size=tilt_series_pixel_size)
        text = written[0].read_text(encoding="utf-8").splitlines()
    dimensions = tuple(
        f"{name}: {' x '.join(str(n) for n in entry.shape[::-1])} voxels of {entry.voxel_size:.4g} A"
        for name, entry in owners.items()
        if name in seen
    )
    return FilePreview(tuple(text[:lines]), tuple(file.name for file in written), dimensions)


def names_text(names: Sequence[str]) -> str:
    """Names for a sentence: the first few and how many more."""
    more = f" and {len(names) - NAMES_SAID} more" if len(names) > NAMES_SAID else ""
    return ", ".join(name or "no tomogram" for name in names[:NAMES_SAID]) + more


def _of_file(path: Path, tomograms: Sequence[TomogramEntry], current: TomogramEntry | None) -> TomogramEntry | None:
    """The tomogram that a file without names is about."""
    same = [entry for entry in tomograms if entry.name == path.stem]
    parts = [entry for entry in tomograms if _is_part(entry.name, path.stem)]
    if current in (same or parts):
        return current
    return next((each[0] for each in (same, parts) if len(each) == 1), current)


def _is_part(part: str, name: str) -> bool:
    return re.search(rf"(?<![A-Za-z0-9]){re.escape(part)}(?![A-Za-z0-9])", name, re.IGNORECASE) is not None


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
