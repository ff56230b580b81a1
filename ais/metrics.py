"""How good a segmentation or a set of picks is, measured against the truth."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from ais.compared_masks import WHOLE_VOXELS, ComparedMasks, Overlap
from ais.errors import AisError
from ais.prediction import ROUNDING, check_threshold, checked_voxel_sizes, volume_shape
from ais.progress import SILENT, Progress
from ais.truth import PredictedMask, Truth

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    from ais.tomogram import Tomogram

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
    predicted, true = PredictedMask(prediction, threshold), Truth(truth, label)
    compared = ComparedMasks(predicted, true, shapes[0], sizes)
    if per_slice or chosen is not None:
        overlap = compared.slice_by_slice(chosen, progress)
    elif math.prod(shapes[0]) <= WHOLE_VOXELS:
        overlap = compared.at_once(progress)
    else:
        overlap = compared.slab_by_slab(progress)
    notes = [f"Prediction: {predicted.note}", f"Truth: {true.note}", *([overlap.note] if overlap.note else [])]
    if not any(sizes):
        notes.append("The voxel size is not known, so there is no surface distance.")
    return _scores(overlap, tuple(notes))


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


def _scores(overlap: Overlap, notes: tuple[str, ...]) -> SegmentationScores:
    both, predicted, true = overlap.both, overlap.predicted, overlap.true
    return SegmentationScores(
        dice=_ratio(2 * both, predicted + true),
        iou=_ratio(both, predicted + true - both),
        precision=_ratio(both, predicted),
        recall=_ratio(both, true),
        cldice=overlap.cldice,
        surface_distance=_ratio(overlap.distances, overlap.surface_voxels),
        voxels=overlap.voxels,
        voxels_predicted=predicted,
        voxels_true=true,
        notes=notes,
    )
