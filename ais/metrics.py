"""How good a segmentation or a set of picks is, measured against the truth."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from ais.errors import AisError
from ais.prediction import (
    ROUNDING,
    check_threshold,
    checked_voxel_sizes,
    highest_value,
    reaching,
    scale_of,
    slab_at,
    slabs,
    source_name,
    volume_shape,
)
from ais.progress import SILENT, Progress
from ais.skeleton import bounding_box, skeleton

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    from ais.tomogram import Tomogram

    Mask = NDArray[np.bool_]

POSITIVE, IGNORED = 1, 2
TRUTH_THRESHOLD = 128.0
BETA = 4.0


@dataclass(frozen=True)
class SegmentationScores:
    """Agreement of a segmentation with the truth; None where a score is not defined.

    Attributes
    ----------
    dice, iou
        Overlap, 0 to 1; not defined if both are empty.
    precision, recall
        Share of the prediction that is true, and of the truth that is predicted; not defined if the prediction, or
        the truth, is empty.
    cldice
        Overlap of the centre lines, 0 to 1, for thin structures; not defined if both are empty.
    surface_distance
        Average symmetric surface distance in angstrom; not defined if either has no surface or the voxel size is not
        known.
    voxels, voxels_predicted, voxels_true
        Number of voxels compared, and of those predicted and true among them.
    notes
        Sentences that say how the two volumes were understood.
    """

    dice: float | None
    iou: float | None
    precision: float | None
    recall: float | None
    cldice: float | None
    surface_distance: float | None
    voxels: int
    voxels_predicted: int
    voxels_true: int
    notes: tuple[str, ...]

    def as_dict(self) -> dict[str, Any]:
        """The scores by name, ready for JSON."""
        return {**asdict(self), "notes": list(self.notes)}


@dataclass(frozen=True)
class PickScores:
    """Agreement of picks with the true positions; None where a score is not defined.

    Attributes
    ----------
    precision, recall
        Share of the picks that are true, and of the true positions that were picked; not defined without picks, or
        without true positions.
    f1, f4
        F-scores, in which recall counts as much as precision (f1) or four times as much (f4); not defined without
        either.
    n_predicted, n_true, n_matched
        Number of picks, of true positions, and of pairs of them.
    mean_distance
        Mean distance of the pairs in angstrom; not defined without pairs.
    """

    precision: float | None
    recall: float | None
    f1: float | None
    f4: float | None
    n_predicted: int
    n_true: int
    n_matched: int
    mean_distance: float | None

    def as_dict(self) -> dict[str, Any]:
        """The scores by name, ready for JSON."""
        return asdict(self)


@dataclass(frozen=True)
class PickMatches:
    """Picks and true positions that belong together, one to one.

    Attributes
    ----------
    correct
        (n,) bool: whether a pick has a partner.
    found
        (m,) bool: whether a true position has a partner.
    distances
        Of the pairs, in angstrom, the closest first.
    """

    correct: NDArray[np.bool_]
    found: NDArray[np.bool_]
    distances: list[float]


@dataclass(frozen=True)
class _Compared:
    """What is predicted, what is true, and what is known at all, each (n, ny, nx)."""

    predicted: Mask
    true: Mask
    known: Mask


def evaluate_segmentation(
    prediction: NDArray[Any] | Tomogram,
    truth: NDArray[Any] | Tomogram,
    *,
    threshold: float = 128.0,
    label: int | None = None,
    slices: Iterable[int] | None = None,
    per_slice: bool = False,
    voxel_sizes: float | tuple[float, float, float] | None = None,
    progress: Progress = SILENT,
) -> SegmentationScores:
    """Compare a segmentation with the truth, over the voxels where the truth is known.

    Parameters
    ----------
    prediction
        Shape (nz, ny, nx), an array or a tomogram; its scale is understood as `ais.prediction.scale_of` says.
    truth
        Same shape. With `label`, a voxel is true where it has that value. Else a volume of 0, 1 and 2 is 0 = not,
        1 = true, 2 = not known and left out; any other is a mask that is true from half of its scale on (128 of 255).
    threshold
        For the prediction, on the 0 to 255 scale.
    label
        Value in a truth of several labels.
    slices
        Compare these slices (0-based) only. Skeletons and surfaces are then those of each slice.
    per_slice
        Take skeletons and surfaces in each slice, also if all slices are compared.
    voxel_sizes
        (z, y, x) or one number, in angstrom; by default those of `prediction`, else of `truth`.
    progress
        Told how far the work is.

    Returns
    -------
    SegmentationScores
        A face of the volume, or of what is not known, is not a surface. The surface distance is the mean over all
        surface voxels of both of the distance to the other's nearest surface voxel; slice by slice, only slices in
        which both have a surface count.

    Raises
    ------
    AisError
        If the shapes differ, an option is out of range, or the truth holds several labels and none was chosen.

    References
    ----------
    Shit S. et al., "clDice - a novel topology-preserving loss function for tubular structure segmentation", CVPR 2021.
    """
    check_threshold(threshold)
    shapes = volume_shape(prediction), volume_shape(truth)
    if shapes[0] != shapes[1]:
        raise AisError(
            f"The prediction has the shape {shapes[0]} and the truth {shapes[1]}: they must be of one tomogram."
        )
    sizes = checked_voxel_sizes(prediction, voxel_sizes)
    if not any(sizes):
        sizes = checked_voxel_sizes(truth, voxel_sizes)
    chosen = _checked_slices(slices, shapes[0][0])
    progress.report(0, 4, "reading")
    predicted, prediction_note = _binary(prediction, threshold, chosen)
    true, known, truth_note = read_truth(truth, label, chosen)
    compared = _Compared(predicted & known, true, known)
    flat = per_slice or slices is not None
    progress.report(1, 4, "comparing skeletons")
    cldice = _cldice(compared, flat=flat)
    progress.report(2, 4, "comparing surfaces")
    distance = _surface_distance(compared, sizes, flat=flat) if any(sizes) else None
    notes = [f"Prediction: {prediction_note}", f"Truth: {truth_note}"]
    if not any(sizes):
        notes.append("The voxel size is not known, so there is no surface distance.")
    return _scores(compared, cldice, distance, tuple(notes))


def read_truth(
    volume: NDArray[Any] | Tomogram, label: int | None = None, slices: Sequence[int] | None = None
) -> tuple[Mask, Mask, str]:
    """What a volume says is true.

    Parameters
    ----------
    volume, label
        Truth and its label as `evaluate_segmentation` takes them.
    slices
        The slices to read, 0-based; by default all.

    Returns
    -------
    true, known, note
        Where the feature is, and where it is known whether it is, each (n, ny, nx) bool; and a sentence on how the
        volume was understood.

    Raises
    ------
    AisError
        If values are not finite or no truth, or the volume holds several labels and none was chosen.
    """
    if volume.dtype.kind not in "biuf":
        raise AisError(f"{source_name(volume)} holds values of the type {volume.dtype}, which is no truth.")
    highest = highest_value(volume)
    if label is not None:
        true = _equal(volume, label, slices)
        found = "" if true.any() else ", which does not occur"
        return true, np.ones_like(true), f"a voxel is true where its value is {label}{found}."
    if volume.dtype.kind != "b" and highest <= IGNORED and _holds_marks(volume):
        known = ~_equal(volume, IGNORED, slices)
        return _equal(volume, POSITIVE, slices), known, "1 was taken as true, 2 as not known, 0 as not."
    if volume.dtype.kind in "iu" and IGNORED < highest < _half(volume):
        raise AisError(
            f"{source_name(volume)} holds labels up to {highest:g}: choose the one to compare with, "
            "for example --label 1."
        )
    true, note = _binary(volume, TRUTH_THRESHOLD, slices)
    return true, np.ones_like(true), f"{note} What is at least {TRUTH_THRESHOLD:g} was taken as true."


def evaluate_picks(
    predicted: ArrayLike,
    true: ArrayLike,
    radius: float,
    voxel_sizes: float | tuple[float, float, float],
) -> PickScores:
    """Compare picks with true positions.

    The closest pair within the radius is a match and leaves, then the closest of the rest, and so on; each pick and
    each true position is matched at most once.

    Parameters
    ----------
    predicted, true
        (n, 3) x, y, z in voxels.
    radius
        Largest distance of a match, in angstrom.
    voxel_sizes
        (z, y, x) or one number, in angstrom.

    Returns
    -------
    PickScores

    Raises
    ------
    AisError
        If the radius or the voxel size is not a positive number, or positions are not finite.
    """
    matches = match_picks(predicted, true, radius, voxel_sizes)
    matched, n_predicted, n_true = len(matches.distances), len(matches.correct), len(matches.found)
    return PickScores(
        precision=_ratio(matched, n_predicted),
        recall=_ratio(matched, n_true),
        f1=_f_score(matched, n_predicted, n_true, 1.0),
        f4=_f_score(matched, n_predicted, n_true, BETA),
        n_predicted=n_predicted,
        n_true=n_true,
        n_matched=matched,
        mean_distance=_ratio(math.fsum(matches.distances), matched),
    )


def match_picks(
    predicted: ArrayLike,
    true: ArrayLike,
    radius: float,
    voxel_sizes: float | tuple[float, float, float],
) -> PickMatches:
    """Which picks and which true positions belong together; parameters, rule and errors as of `evaluate_picks`."""
    if not (math.isfinite(radius) and radius > 0):
        raise AisError(f"The radius of a match must be a positive number of angstrom, not {radius:g}.")
    sizes = np.broadcast_to(np.asarray(voxel_sizes, dtype=np.float64), (3,))
    if not (np.isfinite(sizes).all() and (sizes > 0).all()):
        raise AisError("Picks are compared in angstrom and need the voxel size: give it, for example 13.48.")
    picks = _checked_positions(predicted, "picks") * sizes[::-1]
    truth = _checked_positions(true, "true positions") * sizes[::-1]
    correct, found = np.zeros(len(picks), dtype=bool), np.zeros(len(truth), dtype=bool)
    distances: list[float] = []
    if len(picks) and len(truth):
        from scipy.spatial import KDTree

        reach = radius * (1 + ROUNDING)
        pairs = KDTree(picks).sparse_distance_matrix(KDTree(truth), reach, output_type="ndarray")
        for pair in np.lexsort((pairs["j"], pairs["i"], pairs["v"])):
            pick, position = pairs["i"][pair], pairs["j"][pair]
            if not correct[pick] and not found[position]:
                correct[pick] = found[position] = True
                distances.append(float(pairs["v"][pair]))
    return PickMatches(correct, found, distances)


def _ratio(part: float, whole: float) -> float | None:
    return float(part / whole) if whole else None


def _f_score(matched: int, n_predicted: int, n_true: int, beta: float) -> float | None:
    return _ratio((1 + beta**2) * matched, beta**2 * n_true + n_predicted)


def _checked_positions(positions: ArrayLike, name: str) -> NDArray[np.float64]:
    array = np.asarray(positions, dtype=np.float64)
    if array.size == 0:
        return np.zeros((0, 3))
    if array.ndim != 2 or array.shape[1] != 3:
        raise AisError(f"The {name} must be rows of x, y and z, not an array of the shape {array.shape}.")
    if not np.isfinite(array).all():
        raise AisError(f"The {name} contain coordinates that are not finite numbers.")
    return array


def _checked_slices(slices: Iterable[int] | None, count: int) -> Sequence[int] | None:
    if slices is None:
        return None
    chosen = sorted(set(slices))
    if not chosen:
        raise AisError("No slices were chosen to compare.")
    if chosen[0] < 0 or chosen[-1] >= count:
        wrong = chosen[0] if chosen[0] < 0 else chosen[-1]
        raise AisError(f"There is no slice {wrong}: the volumes have the slices 0 to {count - 1}.")
    return chosen


def _parts(volume: NDArray[Any] | Tomogram, chosen: Sequence[int] | None) -> Iterable[tuple[int, NDArray[Any]]]:
    """Where in the compared volume each slab goes, and its stored values."""
    if chosen is None:
        return slabs(volume)
    return ((place, slab_at(volume, z, z + 1)) for place, z in enumerate(chosen))


def _binary(volume: NDArray[Any] | Tomogram, threshold: float, chosen: Sequence[int] | None) -> tuple[Mask, str]:
    """Where a prediction reaches the threshold, and how it was understood."""
    scale = scale_of(volume)
    nz, ny, nx = volume_shape(volume)
    mask = np.zeros((nz if chosen is None else len(chosen), ny, nx), dtype=np.bool_)
    highest = -math.inf
    for place, slab in _parts(volume, chosen):
        mask[place : place + len(slab)] = reaching(slab, threshold, scale)
        highest = max(highest, float(slab.max()))
    return mask, scale.note if mask.any() else scale.missed(threshold, highest)


def _half(volume: NDArray[Any] | Tomogram) -> int:
    """The lowest whole number, as stored, that reaches half of the scale."""
    return math.ceil(TRUTH_THRESHOLD / scale_of(volume).factor)


def _holds_marks(volume: NDArray[Any] | Tomogram) -> bool:
    """True if all values are 0, 1 or 2."""
    return all(bool(((slab == 0) | (slab == POSITIVE) | (slab == IGNORED)).all()) for _, slab in slabs(volume))


def _equal(volume: NDArray[Any] | Tomogram, value: int, chosen: Sequence[int] | None) -> Mask:
    return np.concatenate([slab == value for _, slab in _parts(volume, chosen)])


def _scores(
    compared: _Compared, cldice: float | None, distance: float | None, notes: tuple[str, ...]
) -> SegmentationScores:
    both = _count(compared.predicted & compared.true)
    predicted, true = _count(compared.predicted), _count(compared.true)
    return SegmentationScores(
        dice=_ratio(2 * both, predicted + true),
        iou=_ratio(both, predicted + true - both),
        precision=_ratio(both, predicted),
        recall=_ratio(both, true),
        cldice=cldice,
        surface_distance=distance,
        voxels=_count(compared.known),
        voxels_predicted=predicted,
        voxels_true=true,
        notes=notes,
    )


def _cldice(compared: _Compared, *, flat: bool) -> float | None:
    """Harmonic mean of the share of each skeleton that lies in the other's mask."""
    predicted_line, true_line = (skeleton(mask, per_slice=flat) for mask in (compared.predicted, compared.true))
    precision = _ratio(_count(predicted_line & compared.true), _count(predicted_line))
    recall = _ratio(_count(true_line & compared.predicted), _count(true_line))
    if precision is None and recall is None:
        return None
    if not precision or not recall:
        return 0.0
    return 2 * precision * recall / (precision + recall)


def _surface_distance(compared: _Compared, sizes: tuple[float, float, float], *, flat: bool) -> float | None:
    """Average symmetric surface distance in angstrom."""
    predicted, true = (_surface(mask, ~compared.known, flat=flat) for mask in (compared.predicted, compared.true))
    pairs = zip(predicted, true, strict=True) if flat else [(predicted, true)]
    total, count = 0.0, 0
    for first, second in pairs:
        if first.any() and second.any():
            total += _summed_distances(first, second, sizes[1:] if flat else sizes)
            count += _count(first) + _count(second)
    return _ratio(total, count)


def _surface(mask: Mask, unknown: Mask, *, flat: bool) -> Mask:
    """The voxels of a mask that share a face (in a slice: an edge) with the background."""
    background = ~(mask | unknown)
    beside = np.zeros_like(mask)
    for axis in range(1 if flat else 0, mask.ndim):
        here, there = (np.moveaxis(array, axis, 0) for array in (beside, background))
        here[1:] |= there[:-1]
        here[:-1] |= there[1:]
    beside &= mask
    return beside


def _summed_distances(first: Mask, second: Mask, sizes: tuple[float, ...]) -> float:
    """Sum of the distances from each voxel of one surface to the nearest of the other, both ways."""
    import edt

    box = bounding_box(first | second)
    total = 0.0
    for start, end in ((first[box], second[box]), (second[box], first[box])):
        away = edt.edt((~end).view(np.uint8), anisotropy=sizes)
        total += float(away[start].sum(dtype=np.float64))
    return total


def _count(mask: Mask) -> int:
    return int(np.count_nonzero(mask))
