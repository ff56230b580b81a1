"""Filaments in a segmented volume: their centre lines, sampled as particles with orientations along the line."""

from __future__ import annotations

import logging
import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from ais.blobs import Blobs, complete_blobs, joined
from ais.centre_lines import Line, Mask, centred, steps
from ais.components import expanded
from ais.errors import AisError
from ais.foreground import ThresholdedSlabs
from ais.formats.coord_angles import tangent_to_angles
from ais.formats.coord_table import Coordinates
from ais.prediction import (
    ROUNDING,
    check_not_negative,
    check_threshold,
    checked_voxel_sizes,
    no_voxel_size,
    source_name,
    volume_shape,
)
from ais.progress import SILENT, Progress
from ais.rough_paths import rough_paths
from ais.skeleton_paths import Path

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ais.tomogram import Tomogram

    FloatArray = NDArray[np.float64]

logger = logging.getLogger(__name__)

DEFAULT_STEP_PX = 4.0
A_PER_NM = 10.0
SLENDERNESS = 2.0
ROUGHLY = 0.8
"""A filament is at least so many times as long as it is thick."""
WHOLE_VOXELS = 1 << 26
"""Filaments are followed in all of a volume up to this size at once, of a larger one in the boxes of some blobs."""
GROUPED_VOXELS = 1 << 25
MARGIN_PX = 2
EVEN_STEP_PX = 24
BYTES_PER_VOXEL = 12


@dataclass(frozen=True)
class Filaments:
    """Filaments of one volume, heaviest first, and the points sampled along them.

    A filament has no known polarity: each runs such that the longest of the x, y and z parts of the way from its first
    to its last point is positive. Numbers in angstrom are in voxels if the voxel size is not known.

    Attributes
    ----------
    positions
        (n, 3) float64: sampled points x, y, z in voxels, 0-based, filament after filament; a whole number is a
        voxel's centre.
    tangents
        (n, 3) float64: unit vectors x, y, z of the line's direction in the tomogram.
    angles
        (n, 3) float64: rot, tilt, psi in degrees (see `ais.formats.coord_angles`); the reference's z axis lies along
        the tangent, rot is minus the twist times the number of the point in its filament.
    filament
        (n,) int64: number of the point's filament, 1 to m.
    track_length
        (n,) float64: way along the line from the filament's first point, in angstrom.
    curvature
        (n,) float64: of the line at the point, in 1/angstrom.
    lengths
        (m,) float64: of each filament, in angstrom.
    weight
        (m,) float64: sum of the prediction over each filament, on the 0 to 255 scale.
    radius
        (m,) float64: half of each filament's mean thickness, in angstrom.
    closed
        (m,) bool: the filament is a ring.
    lines
        m arrays (k, 3) float64: the smooth centre line x, y, z in voxels, about one point per voxel. A ring's first
        point is not repeated at the end.
    shape
        (nz, ny, nx) of the volume.
    voxel_sizes
        (z, y, x) in angstrom, zeros if not known.
    scale_note
        A sentence that says how the volume's values were understood.
    """

    positions: FloatArray
    tangents: FloatArray
    angles: FloatArray
    filament: NDArray[np.int64]
    track_length: FloatArray
    curvature: FloatArray
    lengths: FloatArray
    weight: FloatArray
    radius: FloatArray
    closed: NDArray[np.bool_]
    lines: tuple[FloatArray, ...]
    shape: tuple[int, int, int]
    voxel_sizes: tuple[float, float, float]
    scale_note: str

    def __len__(self) -> int:
        """Number of filaments."""
        return len(self.lengths)

    def coordinates(self, tomogram: str) -> Coordinates:
        """The sampled points as a table of particles, as RELION expects filaments and with what Ais knows of them.

        Parameters
        ----------
        tomogram
            Name of the tomogram, without folder and extension.
        """
        row = self.filament - 1
        per_nm = self.curvature * (A_PER_NM if any(self.voxel_sizes) else 1.0)
        return Coordinates(
            self.positions,
            [tomogram] * len(self.positions),
            self.angles,
            columns={
                "rlnHelicalTubeID": list(self.filament),
                "rlnHelicalTrackLengthAngst": [f"{value:.3f}" for value in self.track_length],
                "aisFilamentLength": [f"{value:.1f}" for value in self.lengths[row]],
                "aisFilamentCurvature": [f"{value:.6f}" for value in per_nm],
                "aisParticleWeight": [f"{value:.1f}" for value in self.weight[row]],
                "aisParticleID": list(range(1, len(self.positions) + 1)),
            },
        )


@dataclass(frozen=True, eq=False)
class FoundFilaments:
    """All filaments of a volume at one threshold, heaviest first, before any is left out.

    Attributes
    ----------
    lines
        Their centre lines, in angstrom from the first voxel's centre (in voxels if the voxel size is not known).
    shape, voxel_sizes, scale_note
        As in `Filaments`.
    """

    lines: tuple[Line, ...]
    shape: tuple[int, int, int]
    voxel_sizes: tuple[float, float, float]
    scale_note: str

    def __len__(self) -> int:
        return len(self.lines)


def trace_filaments(
    volume: NDArray[Any] | Tomogram,
    *,
    threshold: float = 128.0,
    min_length: float = 0.0,
    step: float | None = None,
    twist: float = 0.0,
    min_volume: float = 0.0,
    margin: float = 0.0,
    max_count: int | None = None,
    voxel_sizes: float | tuple[float, float, float] | None = None,
    progress: Progress = SILENT,
) -> Filaments:
    """Trace the filaments in a segmented volume and sample them.

    Parameters
    ----------
    volume
        Prediction of shape (nz, ny, nx), understood as by `ais.picking.pick_particles`.
    threshold
        On the 0-255 scale. 0 takes every voxel above zero.
    min_length
        Shortest filament kept, in angstrom.
    step
        Distance between two points along a filament, in angstrom; by default four voxels.
    twist
        Degrees by which the filament turns about itself from point to point, right-handed positive.
    min_volume
        Smallest blob in which filaments are looked for, in cubic angstrom.
    margin
        Smallest distance of a sampled point to the outer faces of the volume's border voxels, in angstrom.
    max_count
        At most this many filaments, the heaviest; None for all.
    voxel_sizes
        (z, y, x) or one number, in angstrom; by default the tomogram's. Needed if a length or a volume is given.
    progress
        Told how far the work is.

    Returns
    -------
    Filaments
        Sorted by weight, heaviest first; none if nothing reaches the threshold.

    Raises
    ------
    AisError
        If an option is out of range, the voxel size is needed but not known, or the volume is not a volume of
        finite numbers.
    """
    _check_options(min_length, step, twist, min_volume, margin, max_count)
    volume_shape(volume)
    if max(min_length, step or 0.0, min_volume, margin) > 0 and not any(checked_voxel_sizes(volume, voxel_sizes)):
        raise no_voxel_size(source_name(volume))
    found = find_filaments(
        volume,
        threshold=threshold,
        min_length=min_length,
        min_volume=min_volume,
        voxel_sizes=voxel_sizes,
        progress=progress,
    )
    return sample_filaments(found, min_length=min_length, step=step, twist=twist, margin=margin, max_count=max_count)


def find_filaments(
    volume: NDArray[Any] | Tomogram,
    *,
    threshold: float = 128.0,
    min_length: float = 0.0,
    min_volume: float = 0.0,
    voxel_sizes: float | tuple[float, float, float] | None = None,
    progress: Progress = SILENT,
) -> FoundFilaments:
    """Find the centre lines of all filaments; what takes time of `trace_filaments`.

    Parameters
    ----------
    volume, threshold, min_volume, voxel_sizes, progress
        See `trace_filaments`.
    min_length
        In angstrom; blobs too small for it are not looked at, which saves time.

    Returns
    -------
    FoundFilaments
        For `sample_filaments`, which may be called again and again with other steps and limits.

    Raises
    ------
    AisError
        As `trace_filaments`.
    """
    shape = volume_shape(volume)
    check_threshold(threshold)
    sizes = checked_voxel_sizes(volume, voxel_sizes)
    edges = np.array(sizes[::-1]) if any(sizes) else np.ones(3)
    slabs = ThresholdedSlabs(volume, threshold)
    blobs = _blobs(slabs, shape, edges, min_volume, min_length, progress)
    lines = _lines(blobs, slabs.scale.factor, edges, source_name(volume), progress)
    lines = [_directed(line) for line in lines if _is_filament(line, 0.0)]
    lines.sort(key=lambda line: (-line.weight, *line.points[0]))
    return FoundFilaments(tuple(lines), shape, sizes, slabs.note)


def sample_filaments(
    found: FoundFilaments,
    *,
    min_length: float = 0.0,
    step: float | None = None,
    twist: float = 0.0,
    margin: float = 0.0,
    max_count: int | None = None,
) -> Filaments:
    """Leave out what is short or one too many, and sample the rest; fast.

    Parameters
    ----------
    found
        All filaments.
    min_length, step, twist, margin, max_count
        See `trace_filaments`.

    Returns
    -------
    Filaments
        Sorted by weight, heaviest first.

    Raises
    ------
    AisError
        If an option is out of range, or the voxel size is needed but not known.
    """
    _check_options(min_length, step, twist, 0.0, margin, max_count)
    if max(min_length, step or 0.0, margin) > 0 and not any(found.voxel_sizes):
        raise no_voxel_size("The volume")
    edges = np.array(found.voxel_sizes[::-1]) if any(found.voxel_sizes) else np.ones(3)
    lines = [line for line in found.lines if _is_filament(line, min_length)][:max_count]
    return _sampled(found, lines, step or DEFAULT_STEP_PX * float(edges.min()), twist, margin, edges)


def _check_options(
    min_length: float, step: float | None, twist: float, min_volume: float, margin: float, max_count: int | None
) -> None:
    check_not_negative(minimum_length=min_length, minimum_volume=min_volume, margin=margin)
    if step is not None and not (math.isfinite(step) and step > 0):
        raise AisError(f"The step along filaments must be a positive number, not {step:g}.")
    if not math.isfinite(twist):
        raise AisError(f"The twist must be a number of degrees, not {twist:g}.")
    if max_count is not None and max_count < 0:
        raise AisError(f"The number of filaments must not be negative: {max_count}.")


def _blobs(
    slabs: ThresholdedSlabs,
    shape: tuple[int, int, int],
    edges: FloatArray,
    min_volume: float,
    min_length: float,
    progress: Progress,
) -> Blobs:
    """Everything in the foreground that may be long enough, connected by faces, edges and corners."""

    def told() -> Iterator[tuple[int, NDArray[np.bool_], NDArray[Any]]]:
        for z, above, values in slabs:
            progress.report(2 * z / shape[0], 5, "finding blobs")
            yield z, above, values

    parts = []
    for blobs in complete_blobs(told(), shape, diagonal=True, largest_box=math.prod(shape)):
        voxels = blobs.voxels
        kept = voxels * float(edges.prod()) >= min_volume * (1 - ROUNDING)
        # A chain of so many voxels is no longer than this.
        kept &= (voxels + 1) * float(np.linalg.norm(edges)) >= min_length
        parts.append(blobs.only(np.flatnonzero(kept)))
    found = joined(parts, shape)
    return found.only(np.argsort(found.first_voxels))


def _lines(blobs: Blobs, factor: float, edges: FloatArray, name: str, progress: Progress) -> list[Line]:
    """Centre lines of blobs: of all at once in a volume that is not large, else of some after the other."""
    if not len(blobs):
        return []
    if math.prod(blobs.shape) <= WHOLE_VOXELS:
        return _lines_of(blobs, (0, 0, 0), blobs.shape, factor, edges, progress)
    lines = []
    for group in blobs.groups(GROUPED_VOXELS):
        boxes = blobs.boxes[group]
        # In steps in which thinning and the larger voxels of thick blobs go on as in the whole volume.
        low = (np.maximum(boxes[:, :, 0].min(axis=0) - MARGIN_PX, 0) // EVEN_STEP_PX * EVEN_STEP_PX).tolist()
        high = np.minimum(boxes[:, :, 1].max(axis=0) + MARGIN_PX, blobs.shape).tolist()
        size = tuple(stop - start for start, stop in zip(low, high, strict=True))
        if math.prod(size) > WHOLE_VOXELS:
            logger.warning(
                "%s: a filament, or a network of some, fills a box of %d x %d x %d voxels, is traced as a whole and "
                "needs %.1f GB of memory. With a higher threshold it may fall into parts.",
                name,
                *size[::-1],
                math.prod(size) * BYTES_PER_VOXEL / 1e9,
            )
        first, stop = (low[0], low[1], low[2]), (high[0], high[1], high[2])
        lines += _lines_of(blobs.only(np.sort(group)), first, stop, factor, edges, progress)
    return lines


def _lines_of(
    blobs: Blobs,
    first: tuple[int, int, int],
    stop: tuple[int, int, int],
    factor: float,
    edges: FloatArray,
    progress: Progress,
) -> list[Line]:
    """Centre lines of blobs in the box from `first` to before `stop`, which holds them and what is around them."""
    assert blobs.values is not None
    labels = np.zeros([end - start for start, end in zip(first, stop, strict=True)], np.uint32)
    z, y, x = (blobs.starts - np.array(first)).astype(np.int64).T
    starts = (z * labels.shape[1] + y) * labels.shape[2] + x
    index = expanded(starts, starts + blobs.lengths)
    blob = np.repeat(np.arange(1, len(blobs) + 1), blobs.voxels)
    labels.reshape(-1)[index] = blob
    positions = np.stack(np.unravel_index(index, labels.shape)[::-1], axis=1) * edges
    weight = blobs.values.astype(np.float64) * factor
    mask = Mask(labels, edges, positions, blob, weight, first, blobs.shape)
    progress.report(3, 5, "thinning")
    paths = rough_paths(index, labels, edges)
    progress.report(4, 5, "following filaments")
    slender = [(number, radius, path) for number, radius, path in paths if _is_slender(path, radius)]
    corner = np.array(first[::-1]) * edges
    return [replace(line, points=line.points + corner) for line in centred(slender, mask)]


def _is_slender(path: Path, radius: float) -> bool:
    """Whether a path may be a filament, from whose ends thinning took a radius off, and not the middle of a ball."""
    length = float(steps(path.points, closed=path.closed).sum()) + radius * sum(path.free)
    return length >= ROUGHLY * SLENDERNESS * 2 * radius


def _is_filament(line: Line, min_length: float) -> bool:
    return len(line.points) > 1 and line.length >= max(min_length * (1 - ROUNDING), SLENDERNESS * 2 * line.radius)


def _directed(line: Line) -> Line:
    """The line with its points in the order that stands for its unknown polarity."""
    if line.closed:
        return line
    chord = line.points[-1] - line.points[0]
    forwards = chord[np.argmax(np.abs(chord))] >= 0
    return line if forwards else replace(line, points=line.points[::-1])


def _sampled(
    found: FoundFilaments, lines: list[Line], step: float, twist: float, margin: float, edges: FloatArray
) -> Filaments:
    samples = [_samples(line, step) for line in lines]
    counts = [len(track) for track, *_ in samples]
    number = np.repeat(np.arange(1, len(lines) + 1), counts)
    empty = np.zeros((0, 3))
    track = np.concatenate([np.zeros(0), *(sample[0] for sample in samples)])
    positions = np.concatenate([empty, *(sample[1] for sample in samples)]) / edges
    tangents = np.concatenate([empty, *(sample[2] for sample in samples)])
    curvature = np.concatenate([np.zeros(0), *(sample[3] for sample in samples)])
    rot = -twist * np.concatenate([np.zeros(0), *(np.arange(count) for count in counts)])
    to_face = np.minimum(positions + 0.5, np.array(found.shape[::-1]) - 0.5 - positions) * edges
    inside = to_face.min(axis=1, initial=np.inf) >= (margin * (1 - ROUNDING) if margin else -np.inf)
    angles = tangent_to_angles(tangents, (rot + 180.0) % 360.0 - 180.0)
    return Filaments(
        positions=positions[inside],
        tangents=tangents[inside],
        angles=angles[inside],
        filament=number[inside],
        track_length=track[inside],
        curvature=curvature[inside],
        lengths=np.array([line.length for line in lines]),
        weight=np.array([line.weight for line in lines]),
        closed=np.array([line.closed for line in lines], np.bool_),
        lines=tuple(line.points / edges for line in lines),
        radius=np.array([line.radius for line in lines]),
        shape=found.shape,
        voxel_sizes=found.voxel_sizes,
        scale_note=found.scale_note,
    )


def _samples(line: Line, step: float) -> tuple[FloatArray, FloatArray, FloatArray, FloatArray]:
    """Way along the line (n,), positions (n, 3), unit tangents (n, 3) and curvature (n,) at each step."""
    from scipy.interpolate import CubicSpline

    points = np.concatenate([line.points, line.points[:1]]) if line.closed else line.points
    way = np.concatenate([[0.0], np.cumsum(steps(points, closed=False))])
    if len(points) < 3:
        points = np.stack([points[0], points.mean(axis=0), points[-1]])
        way = np.linspace(0.0, way[-1], 3)
    spline = CubicSpline(way, points, bc_type="periodic" if line.closed else "not-a-knot")
    last = way[-1] - (step / 2 if line.closed else 0.0)
    track = np.arange(0.0, last * (1 + ROUNDING), step)
    first, second = spline(track, 1), spline(track, 2)
    speed = np.linalg.norm(first, axis=1, keepdims=True)
    curvature = np.linalg.norm(np.cross(first, second), axis=1) / speed[:, 0] ** 3
    return track, spline(track), first / speed, curvature
