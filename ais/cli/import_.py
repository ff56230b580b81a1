"""`ais import`: files added to a project."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ais.cli import import_copick
from ais.cli.import_ais_1 import AIS_1_SUFFIXES, add_file, check_file
from ais.cli.inputs import find_inputs
from ais.cli.options import VoxelSize, check_at_least, check_voxel_option
from ais.cli.terminal import complain, show
from ais.errors import AisError
from ais.formats.coord_text import begins_as_table
from ais.formats.coordinates import SUFFIXES
from ais.formats.registry import volume_exists
from ais.formats.zarr_path import remote_address
from ais.tomogram import Tomogram

if TYPE_CHECKING:
    from ais.annotation import Operation
    from ais.annotation.entries import TomogramEntry
    from ais.annotation.particle_names import NameRule
    from ais.project import Project

COORDINATES = tuple(suffix for suffix in SUFFIXES if suffix != ".txt")  # a .txt may be a list of inputs
MODELS_AND_WORK = (".aism", *AIS_1_SUFFIXES)


def run(
    inputs: Annotated[
        list[str],
        typer.Argument(help="Tomograms (files, folders, globs, .txt lists), models, coordinates, files of Ais 1.x."),
    ],
    project: Annotated[str, typer.Option("-o", "--output", metavar="PROJECT", help="Project; made if missing.")],
    voxel_size: VoxelSize = None,
    tilt_series_pixel_size: Annotated[
        float | None,
        typer.Option("--tilt-series-pixel-size", metavar="A", help="Of the unbinned tilt series, for RELION 4."),
    ] = None,
    names: Annotated[
        list[str] | None,
        typer.Option(
            "--tomogram-name",
            metavar="NAME=TOMOGRAM",
            help="The tomogram of the project that NAME in a file of coordinates stands for; both may be patterns with "
            "{name} for the part that is the same and * for anything; may be given repeatedly.",
        ),
    ] = None,
    leave_out: Annotated[
        bool,
        typer.Option("--leave-out-unknown", help="Leave out particles of tomograms that are not in the project."),
    ] = False,
    spacing: Annotated[
        float | None, typer.Option("--spacing", metavar="A", help="Of a copick project: tomograms of this voxel size.")
    ] = None,
    kind: Annotated[
        str | None, typer.Option("--tomogram-type", metavar="TYPE", help="Of a copick project: such as wbp.")
    ] = None,
    runs: Annotated[
        list[str] | None, typer.Option("--run", metavar="NAME", help="Of a copick project: only this run; repeatable.")
    ] = None,
) -> int:
    """Add tomograms, models, coordinates and work of Ais 1.x to a project (.aisproj), which is made if missing.

    Tomograms are referred to, never copied or changed. Particles go to the tomograms that their file names, by the
    whole name, a number in it or a part of it; those of a file without names to the one it is called by. The JSON file
    of a copick project stands for a tomogram of each run, and their picks.
    """
    check_voxel_option(voxel_size)
    check_at_least("--tilt-series-pixel-size", tilt_series_pixel_size, 1e-3)
    reading = Reading(tilt_series_pixel_size, voxel_size, _rules(names or []), leave_out)
    target = Path(project)
    if target.suffix.lower() != ".aisproj":
        raise AisError(f"{target} must end in .aisproj.")
    inputs = import_copick.expanded(inputs, spacing, kind, runs or [])
    others = [path for path in map(Path, inputs) if _is_coordinates(path) or path.suffix.lower() in MODELS_AND_WORK]
    words = [word for word in inputs if Path(word) not in others]
    others.sort(key=lambda path: path.suffix.lower() != ".scns")  # tomograms come before what belongs to them
    volumes = find_inputs(words) if words else []
    usable, failures = _checked(volumes, others, voxel_size)
    for sentence in failures:
        complain(sentence)
    if not usable:
        return 2
    from ais.project import Project

    existed = target.exists()
    with closing(Project.open(target) if existed else Project.create(target)) as document:
        if document.read_only:
            raise AisError(document.notice)
        failed = _add(document, usable, voxel_size, reading)
        count = len(document.tomograms())
    if failed == len(usable):
        if not existed:
            target.unlink()
        return 2
    show(f"{target}  {count} tomogram{'' if count == 1 else 's'}")
    return 1 if failed or failures else 0


@dataclass(frozen=True)
class Reading:
    """How the user says that files of coordinates are meant.

    Attributes
    ----------
    tilt_series_pixel_size
        In angstrom, for RELION 4.
    voxel_size
        In angstrom, of tomograms of which it is not known.
    rules
        Which tomograms names in the files stand for.
    leave_out
        Whether particles of tomograms that are not in the project are left out; else their file is refused.
    """

    tilt_series_pixel_size: float | None
    voxel_size: float | None
    rules: Sequence[NameRule]
    leave_out: bool


def _rules(words: Sequence[str]) -> list[NameRule]:
    from ais.annotation.particle_names import NameRule

    pairs = [word.partition("=") for word in words]
    for name, _, tomogram in pairs:
        if not name or not tomogram:
            raise AisError(f"--tomogram-name {name or '='} needs the form NAME=TOMOGRAM.")
    return [NameRule(name, tomogram) for name, _, tomogram in pairs]


def _checked(volumes: Sequence[Path], others: Sequence[Path], voxel_size: float | None) -> tuple[list[Path], list[str]]:
    """Inputs that can be read, and a sentence for each that cannot, before anything is written."""
    usable, failures = [], []
    for path in [*volumes, *others]:
        try:
            _check(path, voxel_size)
        except AisError as error:
            failures.append(str(error))
        else:
            usable.append(path)
    return usable, failures


def _is_coordinates(path: Path) -> bool:
    """Whether a file holds coordinates: by its ending, and a .txt by its first lines."""
    suffix = path.suffix.lower()
    return suffix in COORDINATES or (suffix == ".txt" and path.is_file() and begins_as_table(path))


def _check(path: Path, voxel_size: float | None) -> None:
    if not path.exists():
        if volume_exists(path):
            named = remote_address(path) or path
            raise AisError(f"{named}: a project keeps files and folders of this computer: convert it to a file first.")
        raise AisError(f"{path} does not exist.")
    if path.suffix.lower() in MODELS_AND_WORK:
        check_file(path)
    elif _is_coordinates(path):
        from ais.formats.coordinates import describe_coordinates

        if not describe_coordinates(path).dialect:
            raise AisError(f"{path} holds no particle coordinates.")
    else:
        with closing(Tomogram.open(path, voxel_size)) as tomogram:
            tomogram.require_voxel_size()
            _ = tomogram.normalization  # reads a part of every region, and refuses values that are not finite
            for note in tomogram.notes:
                complain(f"{path}: {note}")


def _add(document: Project, paths: Sequence[Path], voxel_size: float | None, reading: Reading) -> int:
    """Add the files; gives back how many could not be added."""
    failed = 0
    for path in paths:
        try:
            if path.suffix.lower() in MODELS_AND_WORK:
                add_file(document, path, voxel_size)
                continue
            for operation in _operations(document, path, voxel_size, reading):
                document.apply(operation)
        except AisError as error:
            complain(str(error))
            failed += 1
    return failed


def _operations(document: Project, path: Path, voxel_size: float | None, reading: Reading) -> list[Operation[object]]:
    if _is_coordinates(path):
        return _particle_sets(document, path, reading)
    from ais.annotation import AddOrRelinkTomogram

    return [AddOrRelinkTomogram(path, voxel_size)]


def _particle_sets(document: Project, path: Path, reading: Reading) -> list[Operation[object]]:
    from ais.annotation import AddParticleSet
    from ais.annotation.particle_loading import TomogramsUnknown, load_particles, names_text

    tomograms = document.tomograms()
    _check_rules(reading.rules, tomograms)
    try:
        loaded = load_particles(
            path,
            tomograms,
            tomograms[0] if len(tomograms) == 1 else None,
            tilt_series_pixel_size=reading.tilt_series_pixel_size,
            voxel_size=reading.voxel_size,
            rules=reading.rules,
        )
    except TomogramsUnknown as error:
        raise AisError(_unknown_text(path, error.names)) from error
    if loaded.unknown and not reading.leave_out:
        raise AisError(_unknown_text(path, list(loaded.unknown), ", or leave it out with --leave-out-unknown"))
    if loaded.unknown:
        count, whose = sum(loaded.unknown.values()), names_text(list(loaded.unknown))
        complain(f"{path.name}: {count} particle{'s' if count != 1 else ''} of {whose} left out")
    for name, count in loaded.outside.items():
        complain(f"{path.name}: {count} of its particles lie outside {loaded.names[name]}")
    for name, tomogram in loaded.names.items():
        if name != tomogram:
            show(f"{path.name}  {name or 'its particles'} -> {tomogram}")
    origin = {"file": str(path.absolute())}
    return [AddParticleSet(number, path.stem, table, origin) for number, table in loaded.parts.items()]


def _check_rules(rules: Sequence[NameRule], tomograms: Sequence[TomogramEntry]) -> None:
    """Refuse a tomogram that is not in the project; patterns may fit none."""
    from ais.annotation.particle_names import NAME, TomogramNames

    known = TomogramNames(tomograms)
    for rule in rules:
        if NAME not in rule.in_project and "*" not in rule.in_project and known.find(rule.in_project) is None:
            raise AisError(
                f"--tomogram-name {rule.in_file}={rule.in_project}: the project has no tomogram {rule.in_project}, or "
                "several that are called so; ais info lists what it has."
            )


def _unknown_text(path: Path, names: Sequence[str], otherwise: str = "") -> str:
    from ais.annotation.particle_loading import names_text

    if "" in names:
        return (
            f"{path} does not say to which tomogram its particles belong: let its name begin with that of the "
            f"tomogram, or say --tomogram-name {path.stem}=TOMOGRAM."
        )
    are = "is" if len(names) == 1 else "are"
    ways = f", or say which one is meant with --tomogram-name{otherwise}"
    return f"{path} names {names_text(names)}, which {are} not in the project: import the tomogram first{ways}."
