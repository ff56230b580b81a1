"""What a thread does to pick from a volume, and what is kept of it, so that most sliders of a preview act at once."""

from __future__ import annotations

import math
import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from ais.annotation.volume_looks import Removals
from ais.errors import AisError
from ais.formats.coordinates import Coordinates
from ais.gui.picking_choice import Orient, PickChoice
from ais.gui.tubes import tubes
from ais.prediction import FULL_SCALE
from ais.tomogram import Tomogram

if TYPE_CHECKING:
    from ais.filaments import Filaments, FoundFilaments
    from ais.picking import Found, Picks
    from ais.progress import Progress
    from ais.surfaces import Surface

NOTHING_REMOVED = Removals()
SEEN_RADII = 1.15
"""Radius of what is drawn, in its own radii: the surface of its volume must not hide it."""
LINE_STEP = 2
NO_VOXEL_SIZE = "The tomogram has no voxel size, so lengths mean nothing: set it with Tomogram > Set voxel size."
KEPT = 8
"""So many results of slow steps are kept, the ones used last."""

Kept = TypeVar("Kept")
Identity = tuple[Hashable, ...]


@dataclass(frozen=True)
class VolumeInput:
    """A segmented volume as it is picked from.

    Attributes
    ----------
    path
        The file.
    removals
        Components that the user has removed from it.
    """

    path: Path
    removals: Removals = NOTHING_REMOVED

    def identity(self) -> Identity:
        """Other than before if the file or what is removed of it has changed."""
        try:
            found = self.path.stat()
        except OSError:
            return self.path, self.removals
        return self.path, found.st_mtime_ns, found.st_size, self.removals


@dataclass(frozen=True)
class PickTask:
    """What to pick from, and how.

    Attributes
    ----------
    tomogram
        Its name, for the table.
    shape
        (nz, ny, nx) of the tomogram; the volumes must have the same.
    voxel_size
        Of the tomogram in angstrom; 0 if the volumes' own is to be used.
    volume
        What is picked from.
    choice
        How.
    surface
        To what distances are measured; None where nothing of that is asked for.
    """

    tomogram: str
    shape: tuple[int, int, int]
    voxel_size: float
    volume: VolumeInput
    choice: PickChoice
    surface: VolumeInput | None = None


@dataclass(frozen=True, eq=False)
class Picked:
    """Particles, or points along filaments.

    Attributes
    ----------
    task
        What was asked for.
    table
        Them, with all that is known of each.
    radius
        Typical radius of a particle, or of a filament, in voxels.
    found
        How many there were before some were left out.
    filaments
        How many filaments they lie on; 0 for particles.
    note
        How the volume's values were understood.
    tubes
        The filaments, each a component, in voxels; None for particles.
    lengths
        Of the filaments in angstrom, the longest first.
    """

    task: PickTask
    table: Coordinates
    radius: float
    found: int
    filaments: int = 0
    note: str = ""
    tubes: Surface | None = None
    lengths: tuple[float, ...] = ()

    def __len__(self) -> int:
        return len(self.table)

    @cached_property
    def directions(self) -> NDArray[np.float64] | None:
        """(n, 3) x, y, z of the direction that each points along in the tomogram; None where it is not known."""
        if self.table.angles is None:
            return None
        tilt, psi = np.radians(self.table.angles[:, 1]), np.radians(self.table.angles[:, 2])
        return np.stack([-np.sin(tilt) * np.cos(psi), np.sin(tilt) * np.sin(psi), np.cos(tilt)], axis=1)


class PickWork:
    """Picks, and keeps the results of the steps that take time; may be used by several threads."""

    def __init__(self) -> None:
        self._kept: OrderedDict[Identity, Any] = OrderedDict()
        self._lock = threading.Lock()

    def at_hand(self, task: PickTask) -> bool:
        """Whether picking takes no time worth mentioning, since what is slow is known already."""
        choice = task.choice
        if task.surface is not None if choice.filaments else choice.orient is not Orient.NONE:
            return False
        keys = [_lines_key(task) if choice.filaments else _found_key(task)]
        if task.surface is not None:
            keys.append(_distance_key(task, task.surface))
        with self._lock:
            return all(key in self._kept for key in keys)

    def pick(self, task: PickTask, progress: Progress) -> Picked:
        """Pick.

        Raises
        ------
        AisError
            If the volume cannot be read or does not suit the tomogram, or the settings make no sense.
        Cancelled
            If `progress` says so.
        """
        problem = task.choice.problem()
        if problem:
            raise AisError(problem)
        return self._filaments(task, progress) if task.choice.filaments else self._particles(task, progress)

    # Particles

    def _particles(self, task: PickTask, progress: Progress) -> Picked:
        from ais.picking import choose

        choice = task.choice
        found = self._keep(_found_key(task), lambda: _find(task, progress))
        which = np.arange(len(found))
        distances: NDArray[np.float64] | None = None
        if task.surface is not None:
            distances = self._distances(
                task, task.surface, found.positions, _distance_key(task, task.surface), progress
            )
            which = np.flatnonzero(_near_enough(distances, choice))
        if max(choice.min_volume, choice.spacing, choice.margin) > 0 and not any(found.voxel_sizes):
            raise AisError(NO_VOXEL_SIZE)
        among = _part(found, which)
        chosen = choose(
            among,
            min_volume=choice.min_volume,
            spacing=choice.spacing,
            margin=choice.margin,
            max_count=choice.max_count or None,
        )
        index = which[chosen]
        picks = _as_picks(_part(found, index))
        angles = _angles(task, picks, progress)
        table = picks.coordinates(task.tomogram, angles, None if distances is None else distances[index])
        edges = found.voxel_sizes[2] or 1.0
        volume = float(np.median(picks.volume)) if len(picks) else 0.0
        radius = (3 * volume / (4 * math.pi)) ** (1 / 3) / edges
        return Picked(task, table, max(radius, 1.0), len(found), note=found.scale_note)

    # Filaments

    def _filaments(self, task: PickTask, progress: Progress) -> Picked:
        from ais.filaments import sample_filaments
        from ais.picking import DISTANCE_COLUMN

        choice = task.choice
        found = self._keep(_lines_key(task), lambda: _find_lines(task, progress))
        traced = sample_filaments(
            found,
            min_length=choice.min_length,
            step=choice.step,
            twist=choice.twist,
            margin=choice.margin,
            max_count=choice.max_count or None,
        )
        key = *_lines_key(task), choice.min_length, choice.step, choice.margin, choice.max_count
        table = traced.coordinates(task.tomogram)
        if task.surface is not None:
            key = ("distance", *key, *task.surface.identity(), choice.surface_level)
            distances = self._distances(task, task.surface, table.positions, key, progress)
            table.columns[DISTANCE_COLUMN] = [f"{value:.2f}" for value in distances.tolist()]
            table = table.select(_near_enough(distances, choice))
        radius, there = _filament_radius(traced), _numbers_of(table)
        which = (*key, choice.nearest, choice.farthest)
        surface, order = self._keep(("tubes", *which), lambda: _tubes(traced, there, SEEN_RADII * radius))
        lengths = tuple(traced.lengths[there[order]].tolist())
        note = traced.scale_note
        return Picked(task, table, radius, len(traced), len(there), note, surface, lengths)

    # Within

    def _distances(
        self,
        task: PickTask,
        surface: VolumeInput,
        positions: NDArray[np.float64],
        key: Identity,
        progress: Progress,
    ) -> NDArray[np.float64]:
        """Angstrom from each position to the surface; without any surface they are infinite."""
        from ais.orientation import distances_to_surface

        def measure() -> NDArray[np.float64]:
            progress.report(0, 0, f"measuring distances to {task.choice.surface}")
            level = task.choice.surface_level
            with _opened(task, surface, level) as (values, sizes):
                return distances_to_surface(positions, values, level, voxel_sizes=sizes)

        return self._keep(key, measure)

    def _keep(self, key: Identity, make: Callable[[], Kept]) -> Kept:
        with self._lock:
            if key in self._kept:
                self._kept.move_to_end(key)
                kept: Kept = self._kept[key]
                return kept
        made = make()
        with self._lock:
            self._kept[key] = made
            while len(self._kept) > KEPT:
                self._kept.popitem(last=False)
        return made


def _volume_key(task: PickTask) -> Identity:
    return *task.volume.identity(), task.voxel_size


def _found_key(task: PickTask) -> Identity:
    return ("found", *_volume_key(task), task.choice.threshold)


def _distance_key(task: PickTask, surface: VolumeInput) -> Identity:
    return ("distance", *_found_key(task), *surface.identity(), task.choice.surface_level)


def _find(task: PickTask, progress: Progress) -> Found:
    from ais.picking import find_particles

    threshold = task.choice.threshold
    with _opened(task, task.volume, threshold) as (values, sizes):
        return find_particles(values, threshold=threshold, voxel_sizes=sizes, progress=progress)


def _lines_key(task: PickTask) -> Identity:
    return ("filaments", *_volume_key(task), task.choice.threshold, _least_length(task.choice))


def _least_length(choice: PickChoice) -> float:
    """Blobs too small for filaments of this length are not looked at; few values, so that sliders act at once."""
    return float(2.0 ** math.floor(math.log2(choice.min_length))) if choice.min_length >= 1 else 0.0


def _find_lines(task: PickTask, progress: Progress) -> FoundFilaments:
    from ais.filaments import find_filaments

    threshold, least = task.choice.threshold, _least_length(task.choice)
    with _opened(task, task.volume, threshold) as (values, sizes):
        if not any(sizes):
            raise AisError(NO_VOXEL_SIZE)
        return find_filaments(values, threshold=threshold, min_length=least, voxel_sizes=sizes, progress=progress)


def _angles(task: PickTask, picks: Picks, progress: Progress) -> NDArray[np.float64] | None:
    choice = task.choice
    if choice.orient is Orient.NONE or not len(picks):
        return None
    from ais.orientation import orient

    progress.report(0, 0, "orienting particles")
    if choice.orient is Orient.AXIS:
        with _opened(task, task.volume, choice.threshold) as (values, _):
            return orient(picks, values, "axis", level=choice.threshold)
    assert task.surface is not None
    with _opened(task, task.surface, choice.surface_level) as (values, _):
        return orient(picks, values, "normal", level=choice.surface_level)


@contextmanager
def _opened(
    task: PickTask, volume: VolumeInput, level: float
) -> Iterator[tuple[NDArray[Any] | Tomogram, tuple[float, float, float]]]:
    """A volume without what was removed from it, and its voxel sizes (z, y, x) in angstrom."""
    with Tomogram.open(volume.path, task.voxel_size or None) as opened:
        if opened.shape != task.shape:
            theirs, ours = (" x ".join(map(str, shape[::-1])) for shape in (opened.shape, task.shape))
            raise AisError(f"{volume.path} has {theirs} voxels and the tomogram {ours}: pick from a volume made of it.")
        if volume.removals:
            from ais.removal import without

            yield without(opened, volume.removals, level), opened.voxel_sizes
        else:
            yield opened, opened.voxel_sizes


def _near_enough(distances: NDArray[np.float64], choice: PickChoice) -> NDArray[np.bool_]:
    near = distances >= choice.nearest
    if choice.farthest > 0:
        near &= distances <= choice.farthest
    return near


def _part(found: Found, which: NDArray[np.intp]) -> Found:
    return replace(found, positions=found.positions[which], weight=found.weight[which], volume=found.volume[which])


def _as_picks(found: Found) -> Picks:
    from ais.picking import Picks

    return Picks(
        *(found.positions, found.weight, found.volume, np.arange(1, len(found) + 1, dtype=np.int64)),
        *(found.shape, found.voxel_sizes, found.scale_note),
    )


def _filament_radius(traced: Filaments) -> float:
    """Of a rod as long and as heavy as all of them together, in voxels."""
    if not len(traced):
        return 1.0
    edges = np.array(traced.voxel_sizes) if any(traced.voxel_sizes) else np.ones(3)
    volume = float(traced.weight.sum()) / FULL_SCALE * float(edges.prod())
    area = volume / max(float(traced.lengths.sum()), float(edges.max()))
    return max(math.sqrt(area / math.pi) / float(edges[2]), 1.0)


def _numbers_of(table: Coordinates) -> NDArray[np.intp]:
    """Which filaments have points in a table, counted from 0."""
    return np.unique(np.asarray(table.columns["rlnHelicalTubeID"], np.intp)) - 1


def _tubes(traced: Filaments, which: NDArray[np.intp], radius: float) -> tuple[Surface, NDArray[np.intp]]:
    """Some filaments as tubes; a point for every second voxel is enough."""
    lines = [traced.lines[number] for number in which]
    thinned = [np.concatenate([line[:-1:LINE_STEP], line[-1:]]) for line in lines]
    closed = [
        np.concatenate([line, line[:1]]) if traced.closed[number] else line
        for line, number in zip(thinned, which, strict=True)
    ]
    return tubes(closed, radius)
