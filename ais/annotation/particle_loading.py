"""Files of coordinates whose particles are told apart by tomogram: what is in them first, then the particles."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from ais.annotation.entries import TomogramEntry
from ais.annotation.particle_names import WHOLE_NAME, NameRule, TomogramNames
from ais.errors import AisError
from ais.formats.coordinates import Coordinates, PixelSizeUnknown, concatenate, read_coordinates

NAMES_SAID = 5


@dataclass(frozen=True)
class ParticleFile:
    """What a file of coordinates holds, whatever project it is for.

    Attributes
    ----------
    path
        The file.
    counts
        Each name of a tomogram in it ("" where it says none), and how many particles it has.
    needs_pixel_size
        Whether it counts in pixels of the tilt series without saying how large they are.
    needs_voxel_size
        Whether positions are lengths, so that the voxel size of the tomogram is needed.
    needs_shape
        Whether positions are counted from the centre of the tomogram, so that its dimensions are needed.
    """

    path: Path
    counts: Mapping[str, int]
    needs_pixel_size: bool = False
    needs_voxel_size: bool = False
    needs_shape: bool = False


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
        Names that stand for no tomogram of the project, or were left out, and how many particles they have.
    names
        Each name in the file ("" where it says none), and the name of the tomogram that it was taken for.
    outside
        Names of which particles lie outside the tomogram, and how many.
    """

    path: Path
    parts: Mapping[int, Coordinates]
    unknown: Mapping[str, int] = field(default_factory=dict)
    names: Mapping[str, str] = field(default_factory=dict)
    outside: Mapping[str, int] = field(default_factory=dict)

    @property
    def count(self) -> int:
        """How many particles belong to tomograms of the project."""
        return sum(map(len, self.parts.values()))


class TomogramsUnknown(AisError):
    """A file has no particles of the tomograms of the project.

    Attributes
    ----------
    names
        What the file calls its tomograms; "" if it does not say.
    """

    def __init__(self, text: str, names: Sequence[str]) -> None:
        super().__init__(text)
        self.names = names


def describe_particles(path: Path | str) -> ParticleFile:
    """Read a file as far as it can be understood without its tomograms.

    Raises
    ------
    AisError
        If the file is damaged, or holds no particles.
    """
    path = Path(path)
    asked: set[str] = set()

    def voxel_size(_: str) -> float:
        asked.add("voxel size")
        return 1.0

    def shape(_: str) -> tuple[int, int, int]:
        asked.add("shape")
        return 1, 1, 1

    try:
        table = read_coordinates(path, voxel_size=voxel_size, shape=shape)
    except PixelSizeUnknown:
        asked.add("pixel size")
        table = read_coordinates(path, voxel_size=voxel_size, shape=shape, tilt_series_pixel_size=1.0)
    if not len(table):
        raise AisError(f"{path.name} holds no particles.")
    counts = dict(Counter(table.tomograms))
    return ParticleFile(path, counts, "pixel size" in asked, "voxel size" in asked, "shape" in asked)


def load_particles(
    path: Path | str,
    tomograms: Sequence[TomogramEntry],
    current: TomogramEntry | None = None,
    *,
    tilt_series_pixel_size: float | None = None,
    voxel_size: float | None = None,
    rules: Sequence[NameRule] = (),
    chosen: Mapping[str, TomogramEntry | None] | None = None,
) -> LoadedParticles:
    """Read a file of coordinates and tell the particles of different tomograms apart.

    `ais.annotation.particle_names.TomogramNames.find` says which tomogram a name stands for. A file without names is
    about the tomogram whose name is its own or a part of its own, as ``TS_01.cbox``, else about `current`.

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
    voxel_size
        In angstrom, of tomograms of which it is not known.
    rules
        How names in the file are meant.
    chosen
        Name in the file -> its tomogram, whatever the rules say; None leaves its particles out.

    Raises
    ------
    AisError
        If the file is damaged, or something that it needs is not known.
        `ais.formats.coordinates.PixelSizeUnknown` if only the pixel size of the tilt series is missing,
        `TomogramsUnknown` if it has no particle of these tomograms.
    """
    path = Path(path)
    known = TomogramNames(tomograms)
    found: dict[str, TomogramEntry | None] = dict(chosen or {})

    def owner(name: str) -> TomogramEntry | None:
        if name not in found:
            found[name] = owner_of(name, path, known, current, rules)
        return found[name]

    def size(name: str) -> float:
        entry = owner(name)
        if entry is None:
            return 1.0  # those of other tomograms are left out in the end
        return entry.voxel_size or voxel_size or 0.0

    def shape(name: str) -> tuple[int, int, int]:
        entry = owner(name)
        return (1, 1, 1) if entry is None else entry.shape

    table = read_coordinates(path, voxel_size=size, shape=shape, tilt_series_pixel_size=tilt_series_pixel_size)
    rows: dict[str, list[int]] = {}
    for row, name in enumerate(table.tomograms):
        rows.setdefault(name, []).append(row)
    parts: dict[int, list[Coordinates]] = {}
    unknown: dict[str, int] = {}
    outside: dict[str, int] = {}
    for name, numbers in rows.items():
        entry = owner(name)
        if entry is None:
            unknown[name] = len(numbers)
            continue
        part = table if len(rows) == 1 else table.select(numbers)
        parts.setdefault(entry.id, []).append(part)
        if beyond := _outside(part, entry.shape):
            outside[name] = beyond
    if not len(table):
        raise AisError(f"{path.name} holds no particles.")
    if not parts and not chosen:
        _refuse(path, unknown)
    joined = {number: concatenate(each) if len(each) > 1 else each[0] for number, each in parts.items()}
    taken = {name: entry.name for name in rows if (entry := owner(name)) is not None}
    return LoadedParticles(path, joined, unknown, taken, outside)


def owner_of(
    name: str,
    path: Path,
    tomograms: TomogramNames,
    current: TomogramEntry | None = None,
    rules: Sequence[NameRule] = (),
) -> TomogramEntry | None:
    """The tomogram that a name in a file stands for, as `load_particles` says; "" is none but the file's."""
    if name:
        return tomograms.find(name, current, rules)
    # A rule that is about the file's own name; the one that takes every name as it is says nothing about it.
    said = [rule for rule in rules if rule != WHOLE_NAME and rule.meant(path.stem) is not None]
    return (tomograms.find(path.stem, current, said) if said else None) or tomograms.of_file(path, current)


def names_text(names: Sequence[str]) -> str:
    """Names for a sentence: the first few and how many more."""
    more = f" and {len(names) - NAMES_SAID} more" if len(names) > NAMES_SAID else ""
    return ", ".join(name or "no tomogram" for name in names[:NAMES_SAID]) + more


def _outside(table: Coordinates, shape: tuple[int, int, int]) -> int:
    """How many particles have their centre in no voxel."""
    far = np.array(shape[::-1], np.float64) - 0.5
    inside = ((table.positions >= -0.5) & (table.positions <= far)).all(axis=1)
    return int((~inside).sum())


def _refuse(path: Path, unknown: Mapping[str, int]) -> None:
    if "" in unknown:
        text = f"{path.name} does not say to which tomogram its particles belong: open that tomogram first."
        raise TomogramsUnknown(text, [""])
    are = "is" if len(unknown) == 1 else "are"
    text = (
        f"{path.name} is about {names_text(list(unknown))}, which {are} not in this project: add the tomogram "
        "first, or rename it as the file does."
    )
    raise TomogramsUnknown(text, list(unknown))
