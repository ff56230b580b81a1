"""Scenes of segmented volumes, one after the other: surfaces made with their looks and written into files."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from ais.annotation.volume_looks import Removals
from ais.batch import FileResult, tomogram_and_feature
from ais.errors import AisError, sentence
from ais.formats.mesh import GREY, Colour
from ais.prediction import ROUNDING, scale_of
from ais.progress import SILENT, Progress
from ais.removal import cleared
from ais.scene_files.contents import MapSource, Point, SceneContents, SurfacePart
from ais.scene_files.writing import SCENE_FORMATS, write_scene_file
from ais.surface_slabs import surface_of_volume
from ais.tomogram import Tomogram


@dataclass(frozen=True)
class VolumeLook:
    """A segmented volume and how its surface looks.

    Attributes
    ----------
    path
        Its file.
    name
        Of the surface.
    colour, alpha
        0-1.
    level
        On the scale of 0 to 255, above 0.
    dust
        Components below this volume are left out, in cubic angstrom.
    bin, smooth
        Edge of the blocks of voxels that are averaged first, and steps of smoothing.
    removals
        Components that are left out.
    voxel_size
        In angstrom; None for that of the file.
    origin
        x, y, z of the centre of the first voxel in angstrom; None for that of the file.
    """

    path: Path | str
    name: str = "surface"
    colour: Colour = GREY
    alpha: float = 1.0
    level: float = 128.0
    dust: float = 0.0
    bin: int = 1
    smooth: int = 0
    removals: Removals = field(default_factory=Removals)
    voxel_size: float | None = None
    origin: Point | None = None


@dataclass(frozen=True)
class SceneTask:
    """A file to make.

    Attributes
    ----------
    output
        Its ending says the format; see `ais.scene_files.writing.write_scene_file`.
    volumes
        What is in it.
    """

    output: Path
    volumes: tuple[VolumeLook, ...]


def surface_part(look: VolumeLook) -> tuple[SurfacePart, Point, Point]:
    """The surface of a volume, and the opposite outer corners of the volume, x, y, z in angstrom.

    Raises
    ------
    AisError
        If the file cannot be read or used.
    """
    with closing(Tomogram.open(look.path, look.voxel_size)) as volume:
        volume.require_voxel_size()
        scale = scale_of(volume)
        left = cleared(volume, look.removals, look.level, scale=scale)
        origin = look.origin if look.origin is not None else volume.origin
        level = look.level / scale.factor * (1 - ROUNDING)
        surface = surface_of_volume(
            left,
            level,
            voxel_sizes=volume.voxel_sizes,
            origin=origin,
            bin=look.bin,
            smooth=look.smooth,
            min_volume=look.dust,
        )
        source = MapSource(
            Path(look.path),
            level,
            look.dust,
            look.bin,
            look.smooth,
            volume.voxel_sizes,
            origin,
            whole=not look.removals,
        )
        sizes = volume.voxel_sizes[::-1]
        x0, y0, z0 = (at - size / 2 for at, size in zip(origin, sizes, strict=True))
        x1, y1, z1 = (
            at + size * count for at, size, count in zip((x0, y0, z0), sizes, volume.shape[::-1], strict=True)
        )
    part = SurfacePart(look.name, surface, look.colour, look.alpha, None, source)
    return part, (x0, y0, z0), (x1, y1, z1)


def scene_of(volumes: Sequence[VolumeLook], progress: Progress = SILENT) -> SceneContents:
    """A scene of some volumes, each told to `progress`.

    Raises
    ------
    AisError
        If one of them cannot be read or used.
    """
    parts, lows, highs = [], [], []
    for number, look in enumerate(volumes):
        progress.report(number, len(volumes), Path(look.path).name)
        try:
            part, low, high = surface_part(look)
        except (OSError, MemoryError) as error:
            raise AisError(sentence(error, look.path)) from error
        parts.append(part)
        lows.append(low)
        highs.append(high)
    if not parts:
        raise AisError("There are no segmented volumes to make surfaces of.")
    low, high = np.min(lows, axis=0).tolist(), np.max(highs, axis=0).tolist()
    return SceneContents(tuple(parts), (), (low[0], low[1], low[2]), (high[0], high[1], high[2]))


def write_scenes(tasks: Sequence[SceneTask], progress: Progress = SILENT) -> list[FileResult]:
    """Make file after file; one that fails does not stop the others.

    Returns
    -------
    list of FileResult
        One for each task, with the number of ``triangles`` and ``components`` among the figures.

    Raises
    ------
    Cancelled
        If `progress` asks for it; files that are finished stay.
    """
    results = []
    for number, task in enumerate(tasks):
        progress.report(number, len(tasks), task.output.name)
        result = FileResult(Path(task.volumes[0].path) if task.volumes else task.output, task.output)
        try:
            contents = scene_of(task.volumes, _Share(progress, number, len(tasks)))
            write_scene_file(task.output, contents)
            result.figures = {
                "triangles": sum(len(part.mesh.faces) for part in contents.surfaces),
                "volumes": len(task.volumes),
            }
        except (AisError, OSError, MemoryError) as error:
            result.status, result.error = "failed", f"{task.output.name}: {sentence(error, task.output)}"
        results.append(result)
    progress.report(len(tasks), len(tasks))
    return results


def looks_of(paths: Sequence[Path], **properties: object) -> list[VolumeLook]:
    """Volumes with the names of their features and colours that can be told apart.

    Parameters
    ----------
    paths
        Their files.
    properties
        Of `VolumeLook`, for all of them.
    """
    from ais.annotation.feature_operations import PALETTE

    features = [tomogram_and_feature(path) for path in paths]
    known = list(dict.fromkeys(features))
    looks = []
    for path, (tomogram, feature) in zip(paths, features, strict=True):
        colour = PALETTE[known.index((tomogram, feature)) % len(PALETTE)]
        look = VolumeLook(path, feature or tomogram, colour, **properties)  # type: ignore[arg-type]
        looks.append(look)
    return looks


def check_scene_format(kind: str) -> None:
    """Whether scenes can be written so.

    Raises
    ------
    AisError
        If not.
    """
    if kind not in SCENE_FORMATS:
        raise AisError(f"A scene cannot be written as {kind!r}: choose {', '.join(SCENE_FORMATS)}.")


class _Share(Progress):
    """The part of a progress that one of several tasks makes."""

    def __init__(self, whole: Progress, number: int, count: int) -> None:
        self._whole, self._number, self._count = whole, number, count

    def report(self, done: float, total: float, text: str = "") -> None:
        self._whole.report(self._number + (done / total if total else 0.0), self._count, text)
