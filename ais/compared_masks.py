"""A prediction and the truth compared as masks: at once, slice by slice, or slab by slab in little memory."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ais.blobs import complete_blobs, joined
from ais.prediction import slice_ranges
from ais.progress import SILENT, Progress
from ais.skeleton import bounding_box, line_of_part, skeleton

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ais.truth import PredictedMask, Truth

    Mask = NDArray[np.bool_]
    Points = NDArray[np.int32]
    Sizes = tuple[float, float, float]

WHOLE_VOXELS = 1 << 26
"""Volumes up to this size are compared at once, which takes some 16 bytes per voxel, so 1 GB."""
LARGEST_LINE_BOX_VOXELS = 1 << 28
"""A component is thinned in its box, which takes some 4 bytes per voxel, so 1 GB."""
GROUPED_BOX_VOXELS = 1 << 23
"""Small components are thinned together in a box of so many voxels."""
TREE_POINTS = 1 << 21
QUERIED_AT_ONCE = 1 << 20


@dataclass
class Overlap:
    """What is counted of two masks; all of it may be added up over parts of a volume.

    Attributes
    ----------
    voxels, predicted, true, both
        Voxels compared, and of them those in the prediction, in the truth, and in both.
    predicted_line, predicted_line_true
        Voxels of the skeleton of the prediction, and of them those in the truth.
    true_line, true_line_predicted
        The same the other way round.
    distances, surface_voxels
        Sum of the distances of surface voxels to the other's surface, in angstrom, and their number.
    note
        What was left out, as a sentence.
    """

    voxels: int = 0
    predicted: int = 0
    true: int = 0
    both: int = 0
    predicted_line: int = 0
    predicted_line_true: int = 0
    true_line: int = 0
    true_line_predicted: int = 0
    distances: float = 0.0
    surface_voxels: int = 0
    note: str = ""

    @property
    def cldice(self) -> float | None:
        """Harmonic mean of the share of each skeleton that lies in the other's mask; None without skeletons."""
        if self.note or not (self.predicted_line or self.true_line):
            return None
        if not (self.predicted_line_true and self.true_line_predicted):
            return 0.0
        precision, recall = self.predicted_line_true / self.predicted_line, self.true_line_predicted / self.true_line
        return 2 * precision * recall / (precision + recall)


class ComparedMasks:
    """A prediction and the truth, read slice by slice; what is not known is not predicted either.

    Parameters
    ----------
    prediction, truth
        Of volumes of one shape.
    shape
        (nz, ny, nx) of these.
    sizes
        Voxel sizes (z, y, x) in angstrom; zeros if not known, so that there are no distances.
    """

    def __init__(self, prediction: PredictedMask, truth: Truth, shape: tuple[int, int, int], sizes: Sizes) -> None:
        self._prediction = prediction
        self._truth = truth
        self._shape = shape
        self._sizes = sizes

    def at_once(self, progress: Progress = SILENT) -> Overlap:
        """Compare the whole volumes, in memory."""
        progress.report(0, 4, "reading")
        predicted, true, known = (np.empty(self._shape, np.bool_) for _ in range(3))
        for z0, z1 in slice_ranges(self._shape):
            predicted[z0:z1], true[z0:z1], known[z0:z1] = self._read(z0, z1)
        found = Overlap()
        _add_counts(found, predicted, true, known)
        progress.report(1, 4, "comparing skeletons")
        _add_lines(found, predicted, true, flat=False)
        progress.report(2, 4, "comparing surfaces")
        if any(self._sizes):
            surfaces = [_surface(mask, known, flat=False) for mask in (predicted, true)]
            _add_distances(found, surfaces[0], surfaces[1], self._sizes)
        return found

    def slice_by_slice(self, slices: Sequence[int] | None = None, progress: Progress = SILENT) -> Overlap:
        """Compare slices (by default all), whose skeletons and surfaces are their own."""
        found = Overlap()
        ranges = slice_ranges(self._shape, slices)
        for done, (z0, z1) in enumerate(ranges):
            progress.report(done, len(ranges), "comparing slices")
            predicted, true, known = self._read(z0, z1)
            _add_counts(found, predicted, true, known)
            _add_lines(found, predicted, true, flat=True)
            if any(self._sizes):
                surfaces = (_surface(mask, known, flat=True) for mask in (predicted, true))
                for first, second in zip(*surfaces, strict=True):
                    _add_distances(found, first, second, self._sizes[1:])
        return found

    def slab_by_slab(self, progress: Progress = SILENT, *, largest_line_box: int = LARGEST_LINE_BOX_VOXELS) -> Overlap:
        """The same as `at_once`, in memory that goes by the foreground and not by the volume."""
        found = Overlap()
        progress.report(0, 4, "reading")
        predicted, true = (_Components(self._masks(number), self._shape) for number in (0, 1))
        progress.report(1, 4, "comparing skeletons")
        if max(predicted.largest_box, true.largest_box) > largest_line_box:
            found.note = (
                "A component is too large for its skeleton to be found, so there is no clDice; slice by slice, as with "
                "--slices, there is one."
            )
        else:
            found.predicted_line, found.predicted_line_true = predicted.lines_in(true)
            found.true_line, found.true_line_predicted = true.lines_in(predicted)
        progress.report(2, 4, "comparing surfaces")
        surfaces = self._counts_and_surfaces(found)
        if any(self._sizes) and all(len(surface) for surface in surfaces):
            first, second = surfaces
            found.distances = _summed(first, second, self._sizes) + _summed(second, first, self._sizes)
            found.surface_voxels = len(first) + len(second)
        return found

    def _read(self, z0: int, z1: int) -> tuple[Mask, Mask, Mask]:
        predicted = self._prediction.read(z0, z1)
        true, known = self._truth.read(z0, z1)
        return predicted & known, true, known

    def _masks(self, number: int) -> Iterator[tuple[int, Mask, None]]:
        for z0, z1 in slice_ranges(self._shape):
            yield z0, self._read(z0, z1)[number], None

    def _counts_and_surfaces(self, found: Overlap) -> list[Points]:
        """Add to the counts, and give the surface voxels (n, 3) z, y, x of both masks."""
        surfaces: tuple[list[Points], list[Points]] = ([np.zeros((0, 3), np.int32)], [np.zeros((0, 3), np.int32)])
        for z0, z1 in slice_ranges(self._shape):
            # With the slices before and after, if there are any.
            first = max(z0 - 1, 0)
            predicted, true, known = self._read(first, min(z1 + 1, self._shape[0]))
            own = slice(z0 - first, z1 - first)
            _add_counts(found, predicted[own], true[own], known[own])
            for mask, points in zip((predicted, true), surfaces, strict=True):
                places = np.argwhere(_surface(mask, known, flat=False)[own]).astype(np.int32)
                places[:, 0] += z0
                points.append(places)
        return [np.concatenate(points) for points in surfaces]


class _Components:
    """All components of a mask, connected by faces, edges and corners."""

    def __init__(self, masks: Iterator[tuple[int, Mask, None]], shape: tuple[int, int, int]) -> None:
        self._blobs = joined(list(complete_blobs(masks, shape, diagonal=True)), shape)
        starts = self._blobs.flat_starts
        order = np.argsort(starts)
        self._starts, self._ends = starts[order], (starts + self._blobs.lengths)[order]

    @property
    def largest_box(self) -> int:
        """Voxels in the box of a component; 0 if there is none."""
        boxes = self._blobs.boxes
        return int((boxes[:, :, 1] - boxes[:, :, 0]).prod(axis=1).max(initial=0))

    def lines_in(self, other: _Components) -> tuple[int, int]:
        """Voxels of the skeletons, and how many of them lie in another mask."""
        blobs, count, inside = self._blobs, 0, 0
        for group in blobs.groups(GROUPED_BOX_VOXELS):
            low, high = blobs.boxes[group, :, 0].min(axis=0), blobs.boxes[group, :, 1].max(axis=0)
            mask = blobs.mask(group, low, high)
            places = np.argwhere(skeleton(mask) if len(group) > 1 else line_of_part(mask)) + low
            count += len(places)
            inside += int(np.count_nonzero(other._hold(np.ravel_multi_index(tuple(places.T), blobs.shape))))
        return count, inside

    def _hold(self, flat: NDArray[np.intp]) -> Mask:
        run = np.searchsorted(self._starts, flat, side="right") - 1
        return (run >= 0) & (flat < self._ends[run]) if len(self._ends) else np.zeros(len(flat), np.bool_)


def _add_counts(found: Overlap, predicted: Mask, true: Mask, known: Mask) -> None:
    found.voxels += _count(known)
    found.predicted += _count(predicted)
    found.true += _count(true)
    found.both += _count(predicted & true)


def _add_lines(found: Overlap, predicted: Mask, true: Mask, *, flat: bool) -> None:
    predicted_line, true_line = (skeleton(mask, per_slice=flat) for mask in (predicted, true))
    found.predicted_line += _count(predicted_line)
    found.predicted_line_true += _count(predicted_line & true)
    found.true_line += _count(true_line)
    found.true_line_predicted += _count(true_line & predicted)


def _add_distances(found: Overlap, first: Mask, second: Mask, sizes: tuple[float, ...]) -> None:
    """Add the distances from each voxel of one surface to the nearest of the other, both ways."""
    import edt

    if not (first.any() and second.any()):
        return
    box = bounding_box(first | second)
    for start, end in ((first[box], second[box]), (second[box], first[box])):
        away = edt.edt((~end).view(np.uint8), anisotropy=sizes)
        found.distances += float(away[start].sum(dtype=np.float64))
    found.surface_voxels += _count(first) + _count(second)


def _surface(mask: Mask, known: Mask, *, flat: bool) -> Mask:
    """The voxels of a mask that share a face (in a slice: an edge) with what is known to be background."""
    background = ~mask & known
    beside = np.zeros_like(mask)
    for axis in range(1 if flat else 0, mask.ndim):
        here, there = (np.moveaxis(array, axis, 0) for array in (beside, background))
        here[1:] |= there[:-1]
        here[:-1] |= there[1:]
    beside &= mask
    return beside


def _summed(start: Points, end: Points, sizes: Sizes) -> float:
    """Sum of the distances from each voxel (n, 3) to the nearest of others, in as many trees as memory is there for."""
    from scipy.spatial import KDTree

    away = np.full(len(start), np.inf)
    for first in range(0, len(end), TREE_POINTS):
        tree = KDTree(end[first : first + TREE_POINTS] * np.asarray(sizes))
        for begin in range(0, len(start), QUERIED_AT_ONCE):
            part = slice(begin, begin + QUERIED_AT_ONCE)
            found = np.asarray(tree.query(start[part] * np.asarray(sizes), workers=-1)[0])
            away[part] = np.minimum(away[part], found)
    return float(away.sum())


def _count(mask: Mask) -> int:
    return int(np.count_nonzero(mask))
