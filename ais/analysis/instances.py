"""Instances measured: where they are, how large, how long, how bright, one row of a table for each."""

from __future__ import annotations

import logging
import math
import os
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from itertools import product
from typing import TYPE_CHECKING, Any

import numpy as np

from ais.analysis.labelling import Labelled
from ais.analysis.shapes import AREA_MARGIN_PX, Profile, centre_line, length_of, profile_along, surface_area
from ais.blobs import LARGEST_BOX_VOXELS
from ais.errors import AisError
from ais.prediction import scale_of, source_name
from ais.progress import SILENT, Progress
from ais.surfaces import A3_PER_NM3

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ais.analysis.distances import Distances
    from ais.tomogram import Tomogram

    Row = dict[str, int | float | bool | None]

logger = logging.getLogger(__name__)

ALONE_VOXELS = 1 << 20
"""An instance with a larger box is measured by itself, lest several need their memory at once."""
MOST_THREADS = 8


@dataclass(frozen=True)
class Instances:
    """What was measured of the instances of one volume.

    Attributes
    ----------
    ids
        (n,) int64, their names, as in the volume of labels.
    centroids
        (n, 3) float64, x, y, z in voxels: mean position of their voxels; a whole number is a voxel's centre.
    voxels
        (n,) int64, their number.
    surface_areas
        (n,) float64, in square angstrom.
    lengths
        (n,) float64, of the longest way along the skeleton, in angstrom; NaN if it was not asked for. What is round
        has hardly any.
    predictions
        (n,) float64, mean of the prediction over the instance, on the 0 to 255 scale; NaN for labels.
    intensities
        (n,) float64, mean of the image over the instance; None without an image.
    profiles
        One for each instance, or none if lengths were not asked for.
    neighbours
        (n,) float64, distance between the centroids of the instance and of the nearest other one of this volume, in
        angstrom; NaN if it is alone.
    touches_border
        (n,) bool, whether there are voxels on a face of the volume.
    boxes
        (n, 3, 2) int64, first and behind-the-last index along z, y, x.
    anchors
        (n, 3) int64, z, y, x of the voxel of each that is nearest to its centroid, which may itself lie outside.
    shape, voxel_sizes, origin
        Of the volume: (nz, ny, nx), (z, y, x) in angstrom, (x, y, z) in angstrom.
    note
        A sentence that says how the volume's values were understood.
    distances
        To the instances of another feature; None if none was given.
    """

    ids: NDArray[np.int64]
    centroids: NDArray[np.float64]
    voxels: NDArray[np.int64]
    surface_areas: NDArray[np.float64]
    lengths: NDArray[np.float64]
    predictions: NDArray[np.float64]
    intensities: NDArray[np.float64] | None
    profiles: tuple[Profile, ...]
    neighbours: NDArray[np.float64]
    touches_border: NDArray[np.bool_]
    boxes: NDArray[np.int64]
    anchors: NDArray[np.int64]
    shape: tuple[int, int, int]
    voxel_sizes: tuple[float, float, float]
    origin: tuple[float, float, float]
    note: str
    distances: Distances | None = None

    def __len__(self) -> int:
        return len(self.ids)

    @property
    def volumes(self) -> NDArray[np.float64]:
        """(n,) float64, in cubic angstrom."""
        return self.voxels.astype(np.float64) * math.prod(self.voxel_sizes)

    @property
    def volumes_nm3(self) -> NDArray[np.float64]:
        """(n,) float64, in cubic nanometres."""
        return self.volumes / A3_PER_NM3

    @property
    def positions(self) -> NDArray[np.float64]:
        """(n, 3) float64, x, y, z in angstrom, where the header places them, as surfaces are."""
        return np.asarray(self.centroids * np.array(self.voxel_sizes[::-1]) + np.array(self.origin))

    def columns(self) -> dict[str, NDArray[Any]]:
        """The table by columns, whose names end in their unit."""
        found: dict[str, NDArray[Any]] = {"id": self.ids}
        for number, axis in enumerate("xyz"):
            found[f"{axis}_px"] = self.centroids[:, number]
        for number, axis in enumerate("xyz"):
            found[f"{axis}_A"] = self.positions[:, number]
        found |= {
            "voxels": self.voxels,
            "volume_A3": self.volumes,
            "volume_nm3": self.volumes_nm3,
            "surface_area_A2": self.surface_areas,
            "length_A": self.lengths,
            "mean_prediction": self.predictions,
        }
        if self.intensities is not None:
            found["mean_intensity"] = self.intensities
        found["neighbour_distance_A"] = self.neighbours
        found["touches_border"] = self.touches_border
        if self.distances is not None:
            found |= self.distances.columns()
        return found

    def rows(self) -> list[Row]:
        """The table by rows, ready for JSON: plain numbers, None where there is none."""
        columns = {name: _plain(values) for name, values in self.columns().items()}
        return [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]


def measure_instances(
    labelled: Labelled,
    volume: NDArray[Any] | Tomogram,
    *,
    image: NDArray[Any] | Tomogram | None = None,
    lengths: bool = True,
    largest_box: int = LARGEST_BOX_VOXELS,
    progress: Progress = SILENT,
) -> Instances:
    """Measure the instances of a volume, each in its own box, so that the time grows with what there is.

    Parameters
    ----------
    labelled
        Of `label_instances`.
    volume
        What they were found in.
    image
        The tomogram, for mean intensities and profiles; same shape.
    lengths
        Whether to find centre lines, lengths and profiles, which takes most of the time.
    largest_box
        The centre line of an instance whose box has more voxels is found in larger voxels, and all else part by part,
        which bounds the memory.
    progress
        Told how far the work is.

    Returns
    -------
    Instances

    Raises
    ------
    AisError
        If the image has another shape, or values that are not finite.
    """
    if image is not None and tuple(image.shape) != labelled.shape:
        raise AisError(
            f"{source_name(image)} has the shape {tuple(image.shape)} and the instances {labelled.shape}: give the "
            "tomogram that was segmented."
        )
    factor = 1.0 if labelled.level is None else scale_of(volume).factor
    values = None if labelled.level is None else volume
    measured: dict[int, _Measured] = {}
    done = 0
    with ThreadPoolExecutor(min(os.cpu_count() or 1, MOST_THREADS), "instances") as threads:
        # So each part of the volume is read once or twice, and not once for each instance.
        for part in labelled.runs.groups(largest_box, ALONE_VOXELS):
            progress.report(done, float(labelled.counts.sum()), "measuring instances")
            done += int(labelled.counts[part].sum())
            around = _around(labelled, part)
            if math.prod(side.stop - side.start for side in around) > largest_box and len(part) == 1:
                measured[part[0]] = _measure_coarsely(labelled, part[0], values, image, largest_box, lengths=lengths)
                continue
            low = np.array([side.start for side in around])
            held = None if values is None else _crop(values, around)
            picture = None if image is None else _crop(image, around)
            measure = partial(_measure, labelled, low=low, values=held, image=picture, lengths=lengths)
            measured |= zip(part, threads.map(measure, part), strict=True)
    found = [measured[index] for index in range(len(labelled))]
    if image is not None and not all(math.isfinite(one.intensity) for one in found):
        raise AisError(f"{source_name(image)} contains values that are not finite numbers (NaN or infinity).")
    centroids = np.array([one.centroid for one in found]).reshape(-1, 3)
    return Instances(
        ids=labelled.ids,
        centroids=centroids,
        voxels=labelled.counts,
        surface_areas=_column(found, "area"),
        lengths=_column(found, "length"),
        predictions=_column(found, "prediction") * factor,
        intensities=None if image is None else _column(found, "intensity"),
        profiles=tuple(one.profile for one in found if one.profile is not None),
        neighbours=_neighbours(centroids * np.array(labelled.voxel_sizes[::-1])),
        touches_border=labelled.touches_border,
        boxes=labelled.boxes,
        anchors=np.array([one.anchor for one in found], dtype=np.int64).reshape(-1, 3),
        shape=labelled.shape,
        voxel_sizes=labelled.voxel_sizes,
        origin=(0.0, 0.0, 0.0) if isinstance(volume, np.ndarray) else volume.origin,
        note=labelled.note,
    )


@dataclass(frozen=True)
class _Measured:
    """One instance; NaN for what was not measured."""

    centroid: tuple[float, float, float]
    anchor: NDArray[np.int64]
    area: float
    length: float
    prediction: float
    intensity: float
    profile: Profile | None


def _around(labelled: Labelled, part: Sequence[int]) -> tuple[slice, slice, slice]:
    """The box of some instances, with a margin of a voxel where there is one."""
    low = np.maximum(labelled.boxes[part, :, 0].min(axis=0) - 1, 0).tolist()
    high = np.minimum(labelled.boxes[part, :, 1].max(axis=0) + 1, labelled.shape).tolist()
    return slice(low[0], high[0]), slice(low[1], high[1]), slice(low[2], high[2])


def _measure(
    labelled: Labelled,
    index: int,
    *,
    low: NDArray[np.int64],
    values: NDArray[Any] | None,
    image: NDArray[Any] | None,
    lengths: bool,
) -> _Measured:
    """Measure an instance; `values` and `image` are those from the voxel `low` (z, y, x) on."""
    around = _around(labelled, [index])
    first = np.array([side.start for side in around])
    mask = labelled.runs.mask(index, first, np.array([side.stop for side in around]))
    here = tuple(slice(side.start - start, side.stop - start) for side, start in zip(around, low, strict=True))
    sizes = labelled.voxel_sizes
    voxels = np.argwhere(mask) + first
    centre = voxels.mean(axis=0)
    z, y, x = centre.tolist()
    crop = None if values is None else values[here]
    picture = None if image is None else image[here]
    line = centre_line(mask, sizes) if lengths else None
    level = 0.0 if labelled.level is None else labelled.level
    return _Measured(
        centroid=(x, y, z),
        anchor=voxels[((voxels - centre) ** 2).sum(axis=1).argmin()],
        area=surface_area(mask, crop if labelled.graded and level > 0 else None, level, sizes),
        length=math.nan if line is None else length_of(line),
        prediction=math.nan if crop is None else float(crop[mask].mean(dtype=np.float64)),
        intensity=math.nan if picture is None else float(picture[mask].mean(dtype=np.float64)),
        profile=None if line is None else profile_along(line, mask, sizes, picture),
    )


def _measure_coarsely(
    labelled: Labelled,
    index: int,
    values: NDArray[Any] | Tomogram | None,
    image: NDArray[Any] | Tomogram | None,
    largest_box: int,
    *,
    lengths: bool,
) -> _Measured:
    """Measure an instance whose box is too large to be held: its line in larger voxels, all else part by part."""
    around = _around(labelled, [index])
    begin, stop = (np.array([getattr(side, name) for side in around]) for name in ("start", "stop"))
    size = stop - begin
    edge = 2
    while math.prod((-(-size // edge)).tolist()) > largest_box:
        edge *= 2
    if lengths:
        logger.warning(
            "Instance %d is too large (%d x %d x %d voxels) to be traced voxel by voxel: its length and profile were "
            "measured in voxels %d times as large.",
            int(labelled.ids[index]),
            *size[::-1].tolist(),
            edge,
        )
    level = 0.0 if labelled.level is None else labelled.level
    centre = labelled.runs.centroids[index]
    share = np.zeros(-(-size // edge), np.float32)
    picture = None if image is None else np.zeros_like(share)
    area, predicted, seen, nearest = 0.0, 0.0, 0.0, (math.inf, begin)
    for low, high in _blocks(begin, stop, edge, largest_box):
        wide_low, wide_high = np.maximum(low - AREA_MARGIN_PX, begin), np.minimum(high + AREA_MARGIN_PX, stop)
        wide = labelled.runs.part(index, wide_low, wide_high)
        if not wide.any():
            continue
        part = (slice(wide_low[0], wide_high[0]), slice(wide_low[1], wide_high[1]), slice(wide_low[2], wide_high[2]))
        within = list(zip((low - wide_low).tolist(), (high - wide_low).tolist(), strict=True))
        inner = tuple(slice(*side) for side in within)
        crop = None if values is None else _crop(values, part)
        used = crop if labelled.graded and level > 0 else None
        area += surface_area(wide, used, level, labelled.voxel_sizes, within)
        mask = wide[inner]
        if not mask.any():
            continue
        cells = tuple(slice(*side) for side in zip((low - begin) // edge, -(-(high - begin) // edge), strict=True))
        share[cells] = _block_means(mask.astype(np.float32), edge)
        if crop is not None:
            predicted += float(crop[inner][mask].sum(dtype=np.float64))
        if image is not None and picture is not None:
            grey = _crop(image, part)[inner]
            seen += float(grey[mask].sum(dtype=np.float64))
            picture[cells] = _block_means(np.where(mask, grey, 0).astype(np.float32), edge)
        voxels = np.argwhere(mask) + low
        away = ((voxels - centre) ** 2).sum(axis=1)
        # Of those that are equally near, the first of the volume, as of smaller instances.
        best = voxels[away.argmin()]
        nearest = min(nearest, (float(away.min()), best), key=lambda one: (one[0], *one[1].tolist()))
    sizes = (labelled.voxel_sizes[0] * edge, labelled.voxel_sizes[1] * edge, labelled.voxel_sizes[2] * edge)
    solid = share >= 0.5 if (share >= 0.5).any() else share > 0
    if picture is not None:
        picture /= np.maximum(share, np.float32(1 / edge**3))
    line = centre_line(solid, sizes) if lengths else None
    count = int(labelled.counts[index])
    z, y, x = centre.tolist()
    return _Measured(
        centroid=(x, y, z),
        anchor=nearest[1],
        area=area,
        length=math.nan if line is None else length_of(line),
        prediction=math.nan if values is None else predicted / count,
        intensity=math.nan if image is None else seen / count,
        profile=None if line is None else profile_along(line, solid, sizes, picture),
    )


def _blocks(
    begin: NDArray[np.int64], stop: NDArray[np.int64], edge: int, largest_box: int
) -> Iterator[tuple[NDArray[np.int64], NDArray[np.int64]]]:
    """Cubes that fill a box, with room for the margins of a surface: first and behind-the-last index along z, y, x."""
    side = edge
    while (2 * side + 2 * AREA_MARGIN_PX) ** 3 <= largest_box:
        side *= 2
    for corner in product(*(range(low, high, side) for low, high in zip(begin.tolist(), stop.tolist(), strict=True))):
        low = np.array(corner)
        yield low, np.minimum(low + side, stop)


def _block_means(values: NDArray[np.float32], edge: int) -> NDArray[np.float32]:
    """Means of cubes of voxels; what lies beyond counts as zero."""
    for axis in range(3):
        values = np.add.reduceat(values, np.arange(0, values.shape[axis], edge), axis=axis)
    return values / np.float32(edge**3)


def _neighbours(places: NDArray[np.float64]) -> NDArray[np.float64]:
    """Distance of each place to the nearest other one."""
    if len(places) < 2:
        return np.full(len(places), math.nan)
    from scipy.spatial import KDTree

    return np.asarray(KDTree(places).query(places, k=2)[0], dtype=np.float64)[:, 1]


def _crop(volume: NDArray[Any] | Tomogram, box: Sequence[slice]) -> NDArray[Any]:
    z, y, x = box
    return volume[z, y, x] if isinstance(volume, np.ndarray) else volume.raw(z.start, z.stop, y, x)


def _column(found: Sequence[_Measured], name: str) -> NDArray[np.float64]:
    return np.array([getattr(one, name) for one in found], dtype=np.float64)


def _plain(values: NDArray[Any]) -> list[int | float | bool | None]:
    if values.dtype.kind != "f":
        return list(values.tolist())
    return [value if math.isfinite(value) else None for value in values.tolist()]
