"""copick projects: a JSON file that names objects and folders, and in those runs with tomograms, picks, segmentations.

::

    <root>/ExperimentRuns/<run>/VoxelSpacing10.000/<type>.zarr
    <root>/ExperimentRuns/<run>/Picks/<user>_<session>_<object>.json
    <root>/ExperimentRuns/<run>/Segmentations/10.000_<user>_<session>_<name>[-multilabel].zarr

There may be two such roots: a static one, which is only read, and an overlay, which is written to and whose files count
where both have one of the same name.

References
----------
Ermel U. H. et al. (2024) A data format and API for collaborative annotation of cryo-electron tomograms (copick).
"""

from __future__ import annotations

import os
import re
import urllib.parse
import urllib.request
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ais.errors import AisError, describe_os_error
from ais.formats.coord_copick import PICKS, RUNS, read_json_object

SPACING, SEGMENTATIONS, MULTILABEL = "VoxelSpacing", "Segmentations", "-multilabel"
MOST_ENTRIES = 100_000
MOST_OBJECTS = 10_000
MOST_SAID = 8
SAME_A = 5e-4
"""Names of folders have three decimals."""


@dataclass(frozen=True)
class CopickObject:
    """Something that is picked or segmented.

    Attributes
    ----------
    name
        Of the object.
    is_particle
        Whether it is picked, rather than segmented only.
    label
        Its value in segmentations of several objects.
    colour
        (red, green, blue), 0 to 1.
    radius
        In angstrom; 0.0 where it is not known.
    """

    name: str
    is_particle: bool
    label: int
    colour: tuple[float, float, float]
    radius: float = 0.0


@dataclass(frozen=True)
class CopickTomogram:
    """A tomogram of a run: its voxel size in angstrom, its type such as ``wbp``, and where it lies."""

    run: str
    voxel_size: float
    kind: str
    path: Path


@dataclass(frozen=True)
class CopickPicks:
    """A file of picks of a run: who made it, in which session, and of what."""

    run: str
    user: str
    session: str
    name: str
    path: Path


@dataclass(frozen=True)
class CopickSegmentation:
    """A segmentation of a run; `multilabel` is whether its values are those of several objects."""

    run: str
    voxel_size: float
    user: str
    session: str
    name: str
    multilabel: bool
    path: Path


@dataclass(frozen=True)
class CopickProject:
    """What is in a copick project.

    Attributes
    ----------
    path
        Its JSON file.
    name
        Its title.
    objects
        What is picked and segmented.
    overlay
        The folder that is written to.
    runs
        Names, sorted.
    tomograms, picks, segmentations
        Of all runs, sorted.
    user, session
        Who works on it, if the file says so.
    """

    path: Path
    name: str
    objects: tuple[CopickObject, ...]
    overlay: Path
    runs: tuple[str, ...]
    tomograms: tuple[CopickTomogram, ...]
    picks: tuple[CopickPicks, ...]
    segmentations: tuple[CopickSegmentation, ...]
    user: str = ""
    session: str = ""

    @property
    def voxel_sizes(self) -> tuple[float, ...]:
        """In angstrom, of which there are tomograms, ascending."""
        return tuple(sorted({one.voxel_size for one in self.tomograms}))

    def kinds(self, voxel_size: float) -> tuple[str, ...]:
        """Types of tomograms of a voxel size."""
        return tuple(sorted({one.kind for one in self.tomograms if one.voxel_size == voxel_size}))

    def chosen(
        self, voxel_size: float | None = None, kind: str | None = None, runs: Sequence[str] = ()
    ) -> list[CopickTomogram]:
        """One tomogram of each run that has one.

        Parameters
        ----------
        voxel_size
            In angstrom, such as one of `voxel_sizes`; None if there is only one.
        kind
            Such as ``wbp``; None if there is only one.
        runs
            Names; none for all.

        Raises
        ------
        AisError
            If there is no such run or tomogram, or several of a run, with what there is to choose from.
        """
        missing = [run for run in runs if run not in self.runs]
        if missing:
            raise AisError(f"{self.path} has no run {missing[0]}: see ais copick list {self.path.name}.")
        found = [
            one
            for one in self.tomograms
            if (not runs or one.run in runs)
            and (voxel_size is None or abs(one.voxel_size - voxel_size) < SAME_A)
            and (kind is None or one.kind == kind)
        ]
        several = len({one.run for one in found}) < len(found)
        if several or not found:
            choices = "; ".join(f"{size:g} A: {', '.join(self.kinds(size))}" for size in self.voxel_sizes[:MOST_SAID])
            what = "several tomograms of a run" if several else "no such tomogram"
            raise AisError(
                f"{self.path} has {what}: choose with --spacing and --tomogram-type among {choices or 'none'}."
            )
        return found

    def picks_path(self, run: str, user: str, session: str, name: str) -> Path:
        """Where picks are written."""
        return self.overlay / RUNS / run / PICKS / f"{user}_{session}_{name}.json"

    def segmentation_path(self, run: str, voxel_size: float, user: str, session: str, name: str) -> Path:
        """Where the labels of one object are written."""
        return self.overlay / RUNS / run / SEGMENTATIONS / f"{voxel_size:.3f}_{user}_{session}_{name}.zarr"


def is_copick_project(path: Path | str) -> bool:
    """Whether a file is the JSON file of a copick project."""
    path = Path(path)
    if path.suffix.lower() != ".json" or not path.is_file():
        return False
    try:
        given = read_json_object(path)
    except AisError:
        return False
    return isinstance(given.get("pickable_objects"), list)


def read_copick_project(path: Path | str) -> CopickProject:
    """Look up what is in a copick project on this computer.

    Raises
    ------
    AisError
        If the file is damaged or of another kind, or its folders are missing or not on this computer.
    """
    path = Path(path)
    given = read_json_object(path)
    if not isinstance(given.get("pickable_objects"), list):
        raise AisError(f"{path} is no copick project: it has no list of pickable_objects.")
    if "overlay_root" not in given and str(given.get("config_type", "filesystem")) != "filesystem":
        raise AisError(
            f"{path} is a copick project of the type {str(given['config_type'])[:40]!r}, of which Ais reads only those "
            "in folders: save the tomograms to this computer."
        )
    overlay = _root(given.get("overlay_root"), "overlay_root", path)
    roots = [overlay]
    if given.get("static_root") is not None:
        roots.insert(0, _root(given["static_root"], "static_root", path))
    if not any(root.is_dir() for root in roots):
        raise AisError(f"{path} names the folder {roots[0]}, which does not exist: put its path right in the file.")
    tomograms: dict[object, CopickTomogram] = {}
    picks: dict[object, CopickPicks] = {}
    segmentations: dict[object, CopickSegmentation] = {}
    runs = set()
    for root in roots:  # what is in the overlay, the last, takes the place of what is in the other
        for run in _folders(root / RUNS):
            runs.add(run.name)
            tomograms |= {(one.run, one.voxel_size, one.kind): one for one in _tomograms(run)}
            picks |= {(one.run, one.path.name): one for one in _picks(run)}
            segmentations |= {(one.run, one.path.name): one for one in _segmentations(run)}
    return CopickProject(
        path,
        str(given.get("name") or path.stem)[:200],
        tuple(_objects(given["pickable_objects"], path)),
        overlay,
        tuple(sorted(runs)),
        tuple(sorted(tomograms.values(), key=lambda one: (one.run, one.voxel_size, one.kind))),
        tuple(sorted(picks.values(), key=lambda one: (one.run, one.path.name))),
        tuple(sorted(segmentations.values(), key=lambda one: (one.run, one.path.name))),
        *(value if isinstance(value := given.get(key), str) else "" for key in ("user_id", "session_id")),
    )


def _root(given: Any, what: str, path: Path) -> Path:
    if not isinstance(given, str) or not given or "\0" in given:
        raise AisError(f"{path} is damaged: its {what} is no folder.")
    scheme, colon, rest = given.partition("://")
    if colon and scheme.lower() == "file":
        given = urllib.request.url2pathname(urllib.parse.urlsplit(given).path)
    elif colon and scheme.lower() == "local":
        given = rest
    elif colon:
        raise AisError(f"{path} keeps its files at {given[:80]}: Ais opens copick projects on this computer only.")
    found = Path(given).expanduser()
    beside = path.absolute().parent / found  # as it is, if it is absolute
    return beside if beside.is_dir() or not found.is_dir() else found.absolute()


def _objects(given: list[Any], path: Path) -> Iterator[CopickObject]:
    if len(given) > MOST_OBJECTS:
        raise AisError(f"{path} is damaged: it lists {len(given):,} objects.")
    for entry in given:
        if not isinstance(entry, dict) or not isinstance(entry.get("name"), str):
            raise AisError(f"{path} is damaged: one of its pickable_objects has no name.")
        ink = entry.get("color")
        known = isinstance(ink, list) and len(ink) >= 3 and all(isinstance(part, int) for part in ink)
        red, green, blue = (min(max(part, 0), 255) / 255 for part in (ink[:3] if known and ink else (100, 100, 100)))
        label, radius = entry.get("label"), entry.get("radius")
        yield CopickObject(
            entry["name"],
            bool(entry.get("is_particle", True)),
            label if isinstance(label, int) else 1,
            (red, green, blue),
            float(radius) if isinstance(radius, int | float) and 0 < radius < 1e6 else 0.0,
        )


def _tomograms(run: Path) -> Iterator[CopickTomogram]:
    for folder in _folders(run):
        size = _positive(folder.name.removeprefix(SPACING)) if folder.name.startswith(SPACING) else None
        if size is None:
            continue
        for one in _folders(folder):
            if one.name.endswith(".zarr") and not one.name.endswith("_features.zarr"):
                yield CopickTomogram(run.name, size, one.name.removesuffix(".zarr"), one)


def _picks(run: Path) -> Iterator[CopickPicks]:
    for path in _entries(run / PICKS):
        parts = path.stem.split("_")
        if path.suffix == ".json" and len(parts) == 3 and all(parts):
            yield CopickPicks(run.name, parts[0], parts[1], parts[2], path)


def _segmentations(run: Path) -> Iterator[CopickSegmentation]:
    for path in _folders(run / SEGMENTATIONS):
        found = re.fullmatch(r"([0-9.]+)_([^_]+)_([^_]+)_(.+)\.zarr", path.name)
        size = _positive(found[1]) if found is not None else None
        if found is not None and size is not None:
            several = found[4].endswith(MULTILABEL)
            name = found[4].removesuffix(MULTILABEL)
            yield CopickSegmentation(run.name, size, found[2], found[3], name, several, path)


def _folders(folder: Path) -> list[Path]:
    return [entry for entry in _entries(folder) if entry.is_dir()]


def _entries(folder: Path) -> list[Path]:
    """What is in a folder, sorted, without hidden names; nothing where there is no such folder."""
    found = []
    try:
        with os.scandir(folder) as entries:
            for entry in entries:
                if not entry.name.startswith("."):
                    found.append(folder / entry.name)
                if len(found) > MOST_ENTRIES:
                    raise AisError(f"{folder} has more than {MOST_ENTRIES:,} entries: it is no folder of copick.")
    except (FileNotFoundError, NotADirectoryError):
        return []
    except OSError as error:
        raise AisError(describe_os_error(error, folder)) from error
    return sorted(found)


def _positive(text: str) -> float | None:
    try:
        value = float(text)
    except ValueError:
        return None
    return value if 0 < value < 1e6 else None
