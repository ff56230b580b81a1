"""Edits of whole slices: fill holes, grow, shrink, clear, copy, interpolate, import a volume."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
from numpy.typing import NDArray

from ais.annotation import shapes
from ais.annotation.operation import Operation
from ais.annotation.painting_operations import slice_in_words
from ais.annotation.tiles import cut_into_tiles
from ais.errors import AisError
from ais.progress import SILENT, Progress

if TYPE_CHECKING:
    from ais.project.edit import Edit

MAX_GROWTH_PX = 2048.0


class SliceSource(Protocol):
    """A volume that gives its slices one by one, such as a `Tomogram`."""

    @property
    def shape(self) -> tuple[int, ...]:
        """(nz, ny, nx)."""

    def slice(self, z: int) -> NDArray[Any]:
        """Slice z, (ny, nx)."""


@dataclass(frozen=True)
class FillHoles(Operation[None]):
    """Paint every area of a slice that a feature encloses.

    Attributes
    ----------
    tomogram, feature, z
        Where; feature may be IGNORE.
    """

    tomogram: int
    feature: int
    z: int

    def text(self, edit: Edit) -> str:
        """Names the slice."""
        return f"Fill holes: {slice_in_words(edit, self.tomogram, self.feature, self.z)}"

    def apply(self, edit: Edit) -> None:
        """Fill them."""
        mask = edit.mask(self.tomogram, self.feature, self.z)
        edit.set_mask(self.tomogram, self.feature, self.z, shapes.fill_holes(mask))


@dataclass(frozen=True)
class GrowMask(Operation[None]):
    """Paint every pixel within a distance of what is painted in a slice.

    Attributes
    ----------
    tomogram, feature, z
        Where; feature may be IGNORE.
    radius
        In pixels.
    """

    tomogram: int
    feature: int
    z: int
    radius: float

    def text(self, edit: Edit) -> str:
        """Names the slice and the distance."""
        return f"Grow by {self.radius:g} px: {slice_in_words(edit, self.tomogram, self.feature, self.z)}"

    def apply(self, edit: Edit) -> None:
        """Grow it."""
        mask = edit.mask(self.tomogram, self.feature, self.z)
        edit.set_mask(self.tomogram, self.feature, self.z, shapes.grow(mask, _check_radius(self.radius)))


@dataclass(frozen=True)
class ShrinkMask(Operation[None]):
    """Keep only the pixels farther than a distance from what is not painted in a slice; attributes as of `GrowMask`."""

    tomogram: int
    feature: int
    z: int
    radius: float

    def text(self, edit: Edit) -> str:
        """Names the slice and the distance."""
        return f"Shrink by {self.radius:g} px: {slice_in_words(edit, self.tomogram, self.feature, self.z)}"

    def apply(self, edit: Edit) -> None:
        """Shrink it."""
        mask = edit.mask(self.tomogram, self.feature, self.z)
        edit.set_mask(self.tomogram, self.feature, self.z, shapes.shrink(mask, _check_radius(self.radius)))


@dataclass(frozen=True, eq=False)
class SetSliceMask(Operation[None]):
    """Replace the mask of a slice.

    Attributes
    ----------
    tomogram, feature, z
        Where; feature may be IGNORE.
    mask
        (ny, nx) of the slice; everything that is not 0 is painted.
    """

    tomogram: int
    feature: int
    z: int
    mask: NDArray[Any]

    def text(self, edit: Edit) -> str:
        """Names the slice."""
        return f"Set {slice_in_words(edit, self.tomogram, self.feature, self.z)}"

    def apply(self, edit: Edit) -> None:
        """Replace it."""
        edit.set_mask(self.tomogram, self.feature, self.z, self.mask)


@dataclass(frozen=True)
class ClearSlice(Operation[None]):
    """Erase a feature from a slice.

    Attributes
    ----------
    tomogram, feature, z
        Where; feature may be IGNORE.
    """

    tomogram: int
    feature: int
    z: int

    def text(self, edit: Edit) -> str:
        """Names the slice."""
        return f"Clear {slice_in_words(edit, self.tomogram, self.feature, self.z)}"

    def apply(self, edit: Edit) -> None:
        """Erase it."""
        shape = edit.project.slice_shape(self.tomogram, self.feature, self.z)
        edit.set_mask(self.tomogram, self.feature, self.z, np.zeros(shape, np.uint8))


@dataclass(frozen=True)
class InterpolateSlices(Operation[list[int]]):
    """Paint the empty slices between neighbouring annotated ones, by blending their outlines.

    Attributes
    ----------
    tomogram, feature
        Where; feature may be IGNORE.
    first, last
        The annotated slices to work between; by default all.
    """

    tomogram: int
    feature: int
    first: int | None = None
    last: int | None = None

    def text(self, edit: Edit) -> str:
        """Names the feature and the slices."""
        first = "" if self.first is None else f" from {self.first}"
        last = "" if self.last is None else f" to {self.last}"
        return f"Interpolate {slice_in_words(edit, self.tomogram, self.feature, f'slices{first}{last}')}"

    def apply(self, edit: Edit) -> list[int]:
        """Paint them; gives back the slices that were painted."""
        annotated = [
            z
            for z in edit.project.annotated_slices(self.tomogram, self.feature)
            if (self.first is None or z >= self.first) and (self.last is None or z <= self.last)
        ]
        if len(annotated) < 2:
            raise AisError("Annotate at least two slices to interpolate between them.")
        painted = []
        for below, above in pairwise(annotated):
            ends = [edit.mask(self.tomogram, self.feature, z) for z in (below, above)] if above - below > 1 else []
            for z in range(below + 1, above):
                mask = shapes.interpolate(ends[0], ends[1], (z - below) / (above - below))
                if mask.any():
                    edit.set_mask(self.tomogram, self.feature, z, mask)
                    painted.append(z)
        return painted


@dataclass(frozen=True)
class CopySlice(Operation[None]):
    """Copy a feature's mask to another slice, to another feature, or both.

    Attributes
    ----------
    tomogram, feature
        From where; either may be IGNORE.
    z
        The slice; None copies every annotated slice to `to_feature`.
    to_z
        The slice to copy to; by default the same.
    to_feature
        The feature to copy to; by default the same.
    replace
        Whether what was painted there is erased first; else the copy is added to it.
    """

    tomogram: int
    feature: int
    z: int | None
    to_z: int | None = None
    to_feature: int | None = None
    replace: bool = False

    def text(self, edit: Edit) -> str:
        """Names both ends."""
        source = "all slices" if self.z is None else self.z
        target = source if self.to_z is None else self.to_z
        copied = slice_in_words(edit, self.tomogram, self.feature, source)
        return f"Copy {copied}, to {slice_in_words(edit, self.tomogram, self._target, target)}"

    def apply(self, edit: Edit) -> None:
        """Copy it."""
        slices = edit.project.annotated_slices(self.tomogram, self.feature) if self.z is None else [self.z]
        if self.z is None and self.to_z is not None:
            raise AisError("All slices of a feature can be copied to another feature, not to one slice.")
        for z in slices:
            mask, target = edit.mask(self.tomogram, self.feature, z), z if self.to_z is None else self.to_z
            if self.replace:
                edit.set_mask(self.tomogram, self._target, target, mask)
            else:
                edit.paint(self.tomogram, self._target, target, cut_into_tiles(mask))

    @property
    def _target(self) -> int:
        return self.feature if self.to_feature is None else self.to_feature


@dataclass(frozen=True, eq=False)
class ImportVolume(Operation[list[int]]):
    """Make slices of a mask volume annotations.

    Attributes
    ----------
    tomogram, feature
        Where; feature may be IGNORE.
    volume
        (nz, ny, nx) of the tomogram: an array, or a `Tomogram` read slice by slice.
    label
        Voxels of this value are painted.
    threshold
        Voxels of at least this value are painted; without label and threshold, those above 0.
    slices
        Which slices; by default all.
    replace
        Whether what was painted in these slices is erased first; else the mask is added to it.
    progress
        Told after every slice.
    """

    tomogram: int
    feature: int
    volume: NDArray[Any] | SliceSource
    label: float | None = None
    threshold: float | None = None
    slices: Sequence[int] | None = None
    replace: bool = False
    progress: Progress = SILENT

    def text(self, edit: Edit) -> str:
        """Names the feature and how many slices."""
        number = edit.project.tomogram_by_id(self.tomogram).shape[0] if self.slices is None else len(self.slices)
        return f"Import {slice_in_words(edit, self.tomogram, self.feature, f'{number} slices')}"

    def apply(self, edit: Edit) -> list[int]:
        """Paint them; gives back the slices that had something to paint."""
        entry = edit.project.tomogram_by_id(self.tomogram)
        if tuple(self.volume.shape) != entry.shape:
            raise AisError(
                f"The mask is {tuple(self.volume.shape)}, but {entry.name} is {entry.shape} (z, y, x) voxels."
            )
        check_choice(self.label, self.threshold)
        slices = range(entry.shape[0]) if self.slices is None else sorted(set(self.slices))
        painted = []
        for done, z in enumerate(slices):
            self.progress.report(done, len(slices), f"{entry.name}: slice {z}")
            edit.project.slice_shape(self.tomogram, self.feature, z)
            values = self.volume[z] if isinstance(self.volume, np.ndarray) else self.volume.slice(z)
            mask = selected(values, self.label, self.threshold)
            if self.replace:
                edit.set_mask(self.tomogram, self.feature, z, mask)
            else:
                edit.paint(self.tomogram, self.feature, z, cut_into_tiles(mask))
            if mask.any():
                painted.append(z)
        return painted


@dataclass(frozen=True, eq=False)
class ImportSlice(Operation[None]):
    """Make a picture, such as a mask drawn in another program, the annotation of a slice.

    Attributes
    ----------
    tomogram, feature, z
        Where; feature may be IGNORE.
    picture
        (ny, nx) of the slice, such as `read_slice` gives.
    label
        Pixels of this value are painted.
    threshold
        Pixels of at least this value are painted; without label and threshold, those above 0.
    replace
        Whether what was painted in the slice is erased first; else the mask is added to it.
    """

    tomogram: int
    feature: int
    z: int
    picture: NDArray[Any]
    label: float | None = None
    threshold: float | None = None
    replace: bool = False

    def text(self, edit: Edit) -> str:
        """Names the slice."""
        return f"Import {slice_in_words(edit, self.tomogram, self.feature, self.z)}"

    def apply(self, edit: Edit) -> None:
        """Paint it."""
        shape = edit.project.slice_shape(self.tomogram, self.feature, self.z)
        if self.picture.shape != shape:
            raise AisError(f"The picture is {self.picture.shape}, but the slice is {shape} (y, x) pixels.")
        check_choice(self.label, self.threshold)
        mask = selected(self.picture, self.label, self.threshold)
        if self.replace:
            edit.set_mask(self.tomogram, self.feature, self.z, mask)
        else:
            edit.paint(self.tomogram, self.feature, self.z, cut_into_tiles(mask))


def check_choice(label: float | None, threshold: float | None) -> None:
    """Raise an AisError if both a label and a threshold are given."""
    if label is not None and threshold is not None:
        raise AisError("Choose the mask's voxels by a label or by a threshold, not by both.")


def selected(values: NDArray[Any], label: float | None, threshold: float | None) -> NDArray[np.bool_]:
    """Which values are inside a mask: those equal to the label, at least the threshold, or else above 0."""
    if label is not None:
        return np.asarray(values == label)
    return np.asarray(values > 0 if threshold is None else values >= threshold)


def _check_radius(radius: float) -> float:
    if not 0 < radius <= MAX_GROWTH_PX:
        raise AisError(f"Grow or shrink by more than 0 and at most {MAX_GROWTH_PX:g} pixels, not {radius:g}.")
    return radius
