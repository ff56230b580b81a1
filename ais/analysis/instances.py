"""Instances measured: where they are, how large, how long, how bright, one row of a table for each."""

from __future__ import annotations

import math
import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from ais.analysis.labelling import Labelled
from ais.analysis.shapes import Profile, centre_line, length_of, profile_along, surface_area
from ais.errors import AisError
from ais.prediction import scale_of, slab_at, source_name
from ais.progress import SILENT, Progress
from ais.surfaces import A3_PER_NM3

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ais.analysis.distances import Distances
    from ais.tomogram import Tomogram

    Row = dict[str, int | float | bool | None]

HELD_BYTES = 1 << 30
"""Volumes up to this size are read once; of larger ones, the boxes of the instances."""
MOST_THREADS = 8
REPORT_EVERY = 16


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
    values = _held(volume) if labelled.level is not None else None
    picture = None if image is None else _held(image)

    def measure(index: int) -> _Measured:
        return _measure(labelled, index, values, picture, lengths=lengths)

    # The large ones first, so that none is left alone at the end.
    order = np.argsort(-labelled.counts, kind="stable").tolist()
    measured: dict[int, _Measured] = {}
    with ThreadPoolExecutor(min(os.cpu_count() or 1, MOST_THREADS), "instances") as threads:
        for first in range(0, len(order), REPORT_EVERY):
            done = float(labelled.counts[order[:first]].sum())
            progress.report(done, float(labelled.counts.sum()), "measuring instances")
            part = order[first : first + REPORT_EVERY]
            measured |= zip(part, threads.map(measure, part), strict=True)
    found = [measured[index] for index in range(len(labelled))]
    if picture is not None and not all(math.isfinite(one.intensity) for one in found):
        raise AisError(f"{source_name(image)} contains values that are not finite numbers (NaN or infinity).")  # type: ignore[arg-type]
    centroids = np.array([one.centroid for one in found]).reshape(-1, 3)
    return Instances(
        ids=labelled.ids,
        centroids=centroids,
        voxels=labelled.counts,
        surface_areas=_column(found, "area"),
        lengths=_column(found, "length"),
        predictions=_column(found, "prediction") * factor,
        intensities=None if picture is None else _column(found, "intensity"),
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


def _measure(
    labelled: Labelled,
    index: int,
    values: NDArray[Any] | Tomogram | None,
    image: NDArray[Any] | Tomogram | None,
    *,
    lengths: bool,
) -> _Measured:
    box = labelled.boxes[index]
    low = np.maximum(box[:, 0] - 1, 0)
    high = np.minimum(box[:, 1] + 1, labelled.shape)
    around = tuple(slice(int(start), int(stop)) for start, stop in zip(low, high, strict=True))
    mask = labelled.labels[around] == index + 1
    sizes = labelled.voxel_sizes
    voxels = np.argwhere(mask) + low
    centre = voxels.mean(axis=0)
    z, y, x = centre.tolist()
    crop = None if values is None else _crop(values, around)
    picture = None if image is None else _crop(image, around)
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


def _neighbours(places: NDArray[np.float64]) -> NDArray[np.float64]:
    """Distance of each place to the nearest other one."""
    if len(places) < 2:
        return np.full(len(places), math.nan)
    from scipy.spatial import KDTree

    return np.asarray(KDTree(places).query(places, k=2)[0], dtype=np.float64)[:, 1]


def _held(volume: NDArray[Any] | Tomogram) -> NDArray[Any] | Tomogram:
    """The volume in memory, if it is not too large for that."""
    small = math.prod(volume.shape) * volume.dtype.itemsize <= HELD_BYTES
    return slab_at(volume, 0, volume.shape[0]) if small else volume


def _crop(volume: NDArray[Any] | Tomogram, box: Sequence[slice]) -> NDArray[Any]:
    z, y, x = box
    return volume[z, y, x] if isinstance(volume, np.ndarray) else volume.raw(z.start, z.stop, y, x)


def _column(found: Sequence[_Measured], name: str) -> NDArray[np.float64]:
    return np.array([getattr(one, name) for one in found], dtype=np.float64)


def _plain(values: NDArray[Any]) -> list[int | float | bool | None]:
    if values.dtype.kind != "f":
        return list(values.tolist())
    return [value if math.isfinite(value) else None for value in values.tolist()]
