"""Which voxels of a segmented volume belong to which instance."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from ais.errors import AisError
from ais.prediction import (
    ROUNDING,
    Scale,
    check_not_negative,
    check_threshold,
    checked_voxel_sizes,
    no_voxel_size,
    reaching,
    scale_of,
    slabs,
    source_name,
    volume_shape,
)
from ais.progress import SILENT, Progress

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ais.tomogram import Tomogram

LABEL_SCALE = Scale(1.0, "Each value was taken as the number of an instance, 0 as background.")
HIGHEST_LABEL = 2**31 - 1


@dataclass(frozen=True)
class Labelled:
    """The instances of a volume, voxel by voxel.

    Attributes
    ----------
    labels
        (nz, ny, nx) unsigned: 0 outside, 1 to n for the n instances.
    ids
        (n,) int64, what the instances are called in tables: 1 to n, or the numbers that a volume of labels has.
    boxes
        (n, 3, 2) int64, for each instance first and behind-the-last index along z, y, x.
    counts
        (n,) int64, voxels of each.
    voxel_sizes
        (z, y, x) in angstrom.
    level
        From which stored value on a voxel counts; None for a volume of labels.
    graded
        Whether the volume has values between the background and its highest, so that a surface can be placed between
        voxels.
    note
        A sentence that says how the volume's values were understood.
    """

    labels: NDArray[Any]
    ids: NDArray[np.int64]
    boxes: NDArray[np.int64]
    counts: NDArray[np.int64]
    voxel_sizes: tuple[float, float, float]
    level: float | None
    graded: bool
    note: str

    def __len__(self) -> int:
        return len(self.ids)

    @property
    def shape(self) -> tuple[int, int, int]:
        """(nz, ny, nx)."""
        nz, ny, nx = self.labels.shape
        return (nz, ny, nx)

    @property
    def touches_border(self) -> NDArray[np.bool_]:
        """(n,), whether an instance has voxels on a face of the volume, so that a part of it may be missing."""
        low = (self.boxes[:, :, 0] == 0).any(axis=1)
        return np.asarray(low | (self.boxes[:, :, 1] == np.array(self.shape)).any(axis=1))

    def named(self) -> NDArray[Any]:
        """(nz, ny, nx): 0 outside, elsewhere the instance's name of `ids`, in the smallest type that holds all."""
        names = np.concatenate([np.zeros(1, np.int64), self.ids])
        kind = np.uint16 if names.max() <= np.iinfo(np.uint16).max else np.uint32
        return np.asarray(names.astype(kind)[self.labels])


def label_instances(
    volume: NDArray[Any] | Tomogram,
    *,
    threshold: float = 128.0,
    labels: bool = False,
    separated: bool = False,
    min_volume: float = 0.0,
    remove_border: bool = False,
    voxel_sizes: float | tuple[float, float, float] | None = None,
    progress: Progress = SILENT,
) -> Labelled:
    """Find the instances in a segmented volume.

    Parameters
    ----------
    volume
        Prediction of shape (nz, ny, nx), an array or a tomogram, which is read in slabs; its scale is understood as
        `ais.prediction.scale_of` says.
    threshold
        On the 0 to 255 scale. What is at or above it and connected by faces is one instance. 0 takes all above zero.
    labels
        The volume holds whole numbers, each of which is an instance, also where its voxels do not touch; the threshold
        does not count then.
    separated
        Divide what touches at its necks, as picking does; see `ais.separation`.
    min_volume
        Smallest instance kept, in cubic angstrom.
    remove_border
        Leave out instances with voxels on a face of the volume.
    voxel_sizes
        (z, y, x) or one number, in angstrom; by default the tomogram's.
    progress
        Told how far the work is.

    Returns
    -------
    Labelled
        The largest instance first; of a volume of labels, the lowest number first.

    Raises
    ------
    AisError
        If the voxel size is not known, an option is out of range, or the volume's values are not finite or, as
        labels, not whole numbers.
    """
    shape = volume_shape(volume)
    check_threshold(threshold)
    check_not_negative(minimum_volume=min_volume)
    sizes = checked_voxel_sizes(volume, voxel_sizes)
    if not any(sizes):
        raise no_voxel_size(source_name(volume))
    if labels:
        found, names = _given_labels(volume, shape, progress)
        scale, graded, note = LABEL_SCALE, False, LABEL_SCALE.note
    else:
        scale = scale_of(volume)
        found, graded, note = _connected(volume, shape, threshold, scale, progress)
        names = np.zeros(0, np.int64)
        if separated:
            found = _divided(found, sizes, progress)
    counts, boxes = _statistics(found)
    kept = counts >= max(1, math.ceil(min_volume / math.prod(sizes) - ROUNDING))
    if remove_border:
        kept &= (boxes[:, :, 0] > 0).all(axis=1) & (boxes[:, :, 1] < np.array(shape)).all(axis=1)
    chosen = np.flatnonzero(kept)
    if not labels:
        chosen = chosen[np.argsort(-counts[chosen], kind="stable")]
    numbers = np.zeros(len(counts) + 1, found.dtype)
    numbers[chosen + 1] = np.arange(1, len(chosen) + 1)
    if not np.array_equal(numbers, np.arange(len(numbers))):
        inside = found > 0
        found[inside] = numbers[found[inside]]
    return Labelled(
        found,
        names[chosen] if labels else np.arange(1, len(chosen) + 1, dtype=np.int64),
        boxes[chosen],
        counts[chosen],
        sizes,
        None if labels else threshold / scale.factor,
        graded,
        note,
    )


def _connected(
    volume: NDArray[Any] | Tomogram,
    shape: tuple[int, int, int],
    threshold: float,
    scale: Scale,
    progress: Progress,
) -> tuple[NDArray[Any], bool, str]:
    """Labels of what is connected by faces, whether there are values between, and how values were understood."""
    import cc3d

    mask = np.zeros(shape, dtype=np.uint8)
    lowest, highest, graded = math.inf, -math.inf, False
    for z, slab in slabs(volume):
        progress.report(z, shape[0], "reading")
        mask[z : z + len(slab)] = reaching(slab, threshold, scale)
        lowest, highest = min(lowest, float(slab.min())), max(highest, float(slab.max()))
        graded = graded or bool(((slab != lowest) & (slab != highest)).any())
    if not mask.any():
        return mask.astype(np.uint32), graded, scale.missed(threshold, highest)
    progress.report(shape[0], shape[0], "finding instances")
    found = cc3d.connected_components(mask, connectivity=6, binary_image=True, out_dtype=_wide(mask.size))
    return found, graded, scale.note


def _wide(voxels: int) -> type[np.unsignedinteger[Any]]:
    return np.uint32 if voxels <= np.iinfo(np.uint32).max else np.uint64


def _given_labels(
    volume: NDArray[Any] | Tomogram, shape: tuple[int, int, int], progress: Progress
) -> tuple[NDArray[Any], NDArray[np.int64]]:
    """The volume's own labels as 1 to n, and what they were called."""
    found = np.zeros(shape, dtype=np.uint32)
    for z, slab in slabs(volume):
        progress.report(z, shape[0], "reading")
        if slab.dtype.kind not in "biuf" or not np.isfinite(slab).all():
            raise AisError(f"{source_name(volume)} holds values that are no labels of instances.")
        if float(slab.min()) < 0 or float(slab.max()) > HIGHEST_LABEL or (slab != np.rint(slab)).any():
            raise AisError(
                f"{source_name(volume)} holds values that are no labels of instances: they must be whole numbers from "
                "0 on."
            )
        found[z : z + len(slab)] = slab
    inside = found > 0
    names, numbers = np.unique(found[inside], return_inverse=True)
    found[inside] = numbers + 1
    return found, names.astype(np.int64)


def _divided(found: NDArray[Any], sizes: tuple[float, float, float], progress: Progress) -> NDArray[Any]:
    """The same labels, with further ones for what was divided at its necks."""
    from ais.separation import separate

    _, boxes = _statistics(found)
    free = len(boxes)
    for number, box in enumerate(boxes, 1):
        progress.report(number, len(boxes), "dividing what touches")
        enclosed = bool((box[:, 0] > 0).all() and (box[:, 1] < np.array(found.shape)).all())
        wide = box if enclosed else np.stack([np.maximum(box[:, 0] - 1, 0), box[:, 1] + 1], axis=1)
        crop = found[tuple(slice(low, high) for low, high in wide)]
        blob = crop == number
        parts = separate(blob.view(np.uint8), sizes, enclosed=enclosed)
        if parts is not None:
            further = parts > 1
            crop[further] = parts[further] + (free - 1)
            free += int(parts.max()) - 1
    return found


def _statistics(found: NDArray[Any]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Voxels (n,) and boxes (n, 3, 2) of the labels 1 to n."""
    import cc3d

    facts = cc3d.statistics(found, no_slice_conversion=True)
    counts = np.asarray(facts["voxel_counts"][1:], dtype=np.int64)
    boxes = np.asarray(facts["bounding_boxes"], dtype=np.int64)[1:].reshape(-1, 3, 2)
    boxes[:, :, 1] += 1
    return counts, boxes
