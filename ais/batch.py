"""One output for each of many segmented volumes: coordinate files and surfaces, kept when they are already there."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from ais.errors import AisError, sentence
from ais.formats.record import Identity, RecordedFile, describe_input, is_finished, read_record, recorded_output
from ais.formats.registry import volume_stem
from ais.progress import SILENT, Progress
from ais.tomogram import Tomogram

logger = logging.getLogger(__name__)

FEATURE_MARK = "__"
COORDINATES_ENDING = "_coords.star"
USUAL_SURFACE = "membrane"
YOUNGER_SETTINGS = (
    "filaments",
    "min_length",
    "step",
    "twist",
    "orient",
    "surface",
    "surface_level",
    "min_distance",
    "max_distance",
)
"""Of `PickSettings`; a record names those that are not as usual, so that older records stay valid."""


@dataclass
class FileResult:
    """What became of one input.

    Attributes
    ----------
    input, output
        The segmented volume and what was made from it.
    status
        ``"done"``, ``"kept"`` (made by an earlier run) or ``"failed"``.
    error
        The sentence that says why, if it failed.
    figures
        About the output, such as the number of picks.
    """

    input: Path
    output: Path
    status: str = "done"
    error: str = ""
    figures: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class PickSettings:
    """How particles are picked; lengths in angstrom, volumes in cubic angstrom.

    Attributes
    ----------
    threshold
        On the 0-255 scale.
    min_volume, spacing, margin
        Smallest particle, smallest distance between two, smallest distance to the volume's faces.
    max_count
        At most this many of each volume, the heaviest; None: all.
    star
        Dialect: ``"relion5"``, ``"relion4"`` or ``"warp"``.
    tilt_series_pixel_size
        Of the unbinned tilt series; RELION 4 needs it.
    tsv
        Write x, y, z in whole voxels as well.
    voxel_size
        Overrides the headers' voxel size.
    filaments
        Trace filaments instead of particles.
    min_length, step
        Shortest filament, and the distance between points along it (None: four voxels).
    twist
        Degrees by which filaments turn from point to point.
    orient
        Of particles: ``"none"``, ``"axis"`` (their longest) or ``"normal"`` (of the surface).
    surface
        Another feature, by name or file (`ais.pick_tables.surface_volume`); its distance becomes a column. For normals
        it is ``membrane`` if nothing else is said.
    surface_level
        Of the surface, on the 0-255 scale.
    min_distance, max_distance
        From the surface, of what is kept; None: no limit.
    """

    threshold: float = 128.0
    min_volume: float = 0.0
    spacing: float = 0.0
    margin: float = 0.0
    max_count: int | None = None
    star: str = "relion5"
    tilt_series_pixel_size: float | None = None
    tsv: bool = False
    voxel_size: float | None = None
    filaments: bool = False
    min_length: float = 0.0
    step: float | None = None
    twist: float = 0.0
    orient: str = "none"
    surface: str = ""
    surface_level: float = 128.0
    min_distance: float | None = None
    max_distance: float | None = None

    @property
    def surface_name(self) -> str:
        """The surface that is used: normals are a membrane's if nothing else is said."""
        return self.surface or (USUAL_SURFACE if self.orient == "normal" else "")

    def recorded(self) -> dict[str, Any]:
        """The settings as a record holds them."""
        usual = PickSettings()
        return {
            name: value
            for name, value in asdict(self).items()
            if name not in YOUNGER_SETTINGS or value != getattr(usual, name)
        }


@dataclass(frozen=True)
class MeshSettings:
    """How surfaces are made.

    Attributes
    ----------
    level
        Of the surface, on the 0-255 scale.
    dust
        Components below this volume are left out, in cubic angstrom.
    bin
        Edge of the blocks of voxels that are averaged first.
    smooth
        Rounds of smoothing that keep the volume.
    format
        ``"obj"``, ``"ply"``, ``"stl"`` or ``"glb"``.
    voxel_size
        Overrides the headers' voxel size, in angstrom.
    """

    level: float = 128.0
    dust: float = 0.0
    bin: int = 1
    smooth: int = 0
    format: str = "obj"
    voxel_size: float | None = None


def pick(
    inputs: Sequence[Path | str],
    output: Path | str,
    settings: PickSettings | None = None,
    *,
    overwrite: bool = False,
    progress: Progress = SILENT,
) -> list[FileResult]:
    """Pick particles in segmented volumes and write ``<stem>_coords.star`` for each.

    For RELION 5 without a tilt-series pixel size, the two-column list by which RELION imports one file per tomogram is
    written as well, one for each feature.

    Parameters
    ----------
    inputs
        Segmented volumes.
    output
        Folder for the coordinates and their records.
    settings
        See `PickSettings`.
    overwrite
        Make everything again.
    progress
        Told the volumes done.

    Returns
    -------
    list of FileResult
        One per input, with the number of ``picks`` among the figures; for filaments their number and ``length`` in all
        (angstrom) as well.

    Raises
    ------
    AisError
        If the settings make no sense. What is wrong with a single volume is in its result.
    """
    from ais.formats.coordinates import DIALECTS
    from ais.pick_tables import check_settings, surface_volume
    from ais.prediction import check_threshold

    settings = settings or PickSettings()
    check_settings(settings)
    if settings.star not in DIALECTS:
        raise AisError(f"'{settings.star}' is not a star dialect: choose {', '.join(DIALECTS)}.")
    check_threshold(settings.threshold)
    if settings.star == "relion4" and not settings.tilt_series_pixel_size:
        raise AisError("RELION 4 counts in pixels of the unbinned tilt series: give --tilt-series-pixel-size.")
    folder = Path(output)

    def surfaces(path: Path) -> list[Path]:
        return [surface_volume(path, settings.surface_name)] if settings.surface_name else []

    def make(volume: Tomogram, made: RecordedFile) -> None:
        _write_picks(volume, made, settings, folder)

    targets = [folder / f"{volume_stem(path)}{COORDINATES_ENDING}" for path in inputs]
    results = make_each(
        "pick",
        inputs,
        targets,
        settings.recorded(),
        make,
        settings.voxel_size,
        overwrite,
        progress,
        complete=lambda target: not settings.tsv or target.with_suffix(".tsv").exists(),
        further=surfaces,
    )
    if settings.star == "relion5" and not settings.tilt_series_pixel_size:
        _write_import_lists(folder)
    return results


def mesh(
    inputs: Sequence[Path | str],
    output: Path | str,
    settings: MeshSettings | None = None,
    *,
    overwrite: bool = False,
    progress: Progress = SILENT,
) -> list[FileResult]:
    """Make a surface of each segmented volume and write it as ``<stem>.<format>``, in angstrom.

    Parameters
    ----------
    inputs
        Segmented volumes.
    output
        Folder for the surfaces and their records.
    settings
        See `MeshSettings`.
    overwrite
        Make everything again.
    progress
        Told the volumes done.

    Returns
    -------
    list of FileResult
        One per input, with the number of ``triangles`` and ``components`` among the figures.

    Raises
    ------
    AisError
        If the settings make no sense. What is wrong with a single volume is in its result.
    """
    from ais.formats.mesh import MESH_FORMATS
    from ais.prediction import FULL_SCALE

    settings = settings or MeshSettings()
    if settings.format not in MESH_FORMATS:
        raise AisError(f"'{settings.format}' is not a surface format: choose {', '.join(MESH_FORMATS)}.")
    if not 0 < settings.level <= FULL_SCALE:
        raise AisError(f"The level must be above 0 and at most 255, not {settings.level:g}.")

    def make(volume: Tomogram, made: RecordedFile) -> None:
        _write_surface(volume, made, settings)

    targets = [Path(output) / f"{volume_stem(path)}.{settings.format}" for path in inputs]
    return make_each("mesh", inputs, targets, asdict(settings), make, settings.voxel_size, overwrite, progress)


def tomogram_and_feature(path: Path) -> tuple[str, str]:
    """``("TS_001", "membrane")`` for ``TS_001__membrane.mrc``; the feature is empty where the name has none."""
    stem = volume_stem(path)
    name, mark, feature = stem.rpartition(FEATURE_MARK)
    return (name, feature) if mark and name else (stem, "")


def make_each(
    command: str,
    inputs: Sequence[Path | str],
    targets: Sequence[Path],
    settings: dict[str, Any],
    make: Callable[[Tomogram, RecordedFile], None],
    voxel_size: float | None,
    overwrite: bool,
    progress: Progress,
    complete: Callable[[Path], bool] = lambda _: True,
    further: Callable[[Path], Sequence[Path]] = lambda _: (),
) -> list[FileResult]:
    """Make one output of each input; what is finished is kept, and what fails does not stop the others.

    Parameters
    ----------
    command
        Whose work it is, for the records.
    inputs, targets
        Volumes, and the output of each.
    settings
        All that changes the outputs, for the records.
    make
        Reads a volume and writes its output.
    voxel_size
        Overrides the headers' voxel size, in angstrom.
    overwrite
        Make everything again.
    progress
        Told the volumes done.
    complete
        Whether the files beside an output are there as well; else it is made again.
    further
        Other files that are read for an input, such as its tomogram.

    Returns
    -------
    list of FileResult
        One per input.
    """
    results = []
    for index, (path, target) in enumerate(zip(map(Path, inputs), targets, strict=True)):
        progress.report(index, len(inputs), path.name)
        result = FileResult(path, target)
        try:
            described = describe_input(path)  # before it is opened, so that it is seen if another is opened
            with closing(Tomogram.open(path, voxel_size)) as volume:
                volume.require_voxel_size()
                identity = Identity(command, [described, *map(describe_input, further(path))], settings)
                if is_finished(target, identity, overwrite=overwrite) and complete(target):
                    result.status = "kept"
                    result.figures = (read_record(target) or {}).get("result", {})
                else:
                    with recorded_output(target, identity) as made:
                        make(volume, made)
                    result.figures = made.result
        except (AisError, OSError, MemoryError) as error:
            result.status, result.error = "failed", sentence(error, path)
        results.append(result)
    progress.report(len(inputs), len(inputs))
    return results


def _write_picks(volume: Tomogram, made: RecordedFile, settings: PickSettings, folder: Path) -> None:
    from ais.formats.coord_dialects import Geometry
    from ais.formats.coord_star import write_star
    from ais.formats.coordinates import write_coordinates
    from ais.pick_tables import picked_table, surface_volume

    surface = surface_volume(volume.path, settings.surface_name) if settings.surface_name else None
    table, figures = picked_table(volume, settings, surface)
    geometry = Geometry(volume.voxel_sizes, settings.tilt_series_pixel_size, volume.shape)
    write_star(made.path, table, settings.star, geometry)
    if settings.tsv:
        write_coordinates(folder / f"{volume_stem(volume.path)}_coords.tsv", table)
    made.result |= figures | {"shape": list(volume.shape), "voxel_sizes": list(volume.voxel_sizes)}


def _write_import_lists(folder: Path) -> None:
    """Put the lists together from the records in the folder, so that picks of earlier runs stay in them."""
    from ais.formats.coordinates import write_import_list

    lists: dict[str, dict[str, Path]] = {}
    for path in sorted(folder.glob(f"*{COORDINATES_ENDING}")):
        record = read_record(path)
        if record is not None and record.get("settings", {}).get("star") == "relion5":
            name, feature = tomogram_and_feature(Path(path.name.removesuffix(COORDINATES_ENDING) + ".mrc"))
            lists.setdefault(feature, {})[name] = path
    for feature, files in lists.items():
        ending = f"{FEATURE_MARK}{feature}" if feature else ""
        write_import_list(folder / f"relion5_import{ending}.star", files)


def _write_surface(volume: Tomogram, made: RecordedFile, settings: MeshSettings) -> None:
    from ais.formats.mesh import write_mesh
    from ais.prediction import scale_of
    from ais.surface_slabs import surface_of_volume

    scale = scale_of(volume)
    surface = surface_of_volume(
        volume,
        settings.level / scale.factor,
        voxel_sizes=volume.voxel_sizes,
        origin=volume.origin,
        bin=settings.bin,
        smooth=settings.smooth,
        min_volume=settings.dust,
    )
    if not len(surface.faces):
        logger.warning(
            "%s: nothing reaches level %g; the surface is empty. %s", volume.path, settings.level, scale.note
        )
    write_mesh(made.path, surface, settings.format, name=volume_stem(volume.path))
    made.result |= {
        "triangles": len(surface.faces),
        "components": int(surface.volumes.size),
        "scale": scale.note,
    }
