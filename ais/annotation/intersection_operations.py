"""An edit that keeps an annotation only inside or outside a mask: another feature's annotation, or a volume."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ais.annotation.entries import IGNORE
from ais.annotation.operation import Operation
from ais.annotation.painting_operations import slice_in_words
from ais.annotation.slice_operations import SliceSource, check_choice, selected
from ais.annotation.tiles import cut_into_tiles
from ais.errors import AisError
from ais.progress import SILENT, Progress

if TYPE_CHECKING:
    from ais.project.edit import Edit


class CuttingMask(ABC):
    """What an annotation is cut by."""

    @abstractmethod
    def name(self, edit: Edit) -> str:
        """What to call it in the history."""

    @abstractmethod
    def inside(self, edit: Edit, tomogram: int, z: int) -> NDArray[np.bool_] | None:
        """Which pixels (ny, nx) of a slice are inside; None where nobody has said.

        Raises
        ------
        AisError
            If it does not fit the tomogram.
        """


@dataclass(frozen=True)
class FeatureMask(CuttingMask):
    """What is annotated as a feature; in a slice without such an annotation nobody has said where it is.

    Attributes
    ----------
    feature
        Its number; may be IGNORE.
    """

    feature: int

    def name(self, edit: Edit) -> str:
        """The feature's name."""
        return "ignore regions" if self.feature == IGNORE else edit.project.feature_by_id(self.feature).name

    def inside(self, edit: Edit, tomogram: int, z: int) -> NDArray[np.bool_] | None:
        """What is painted in the slice."""
        painted = edit.mask(tomogram, self.feature, z) != 0
        return np.asarray(painted) if painted.any() else None


@dataclass(frozen=True, eq=False)
class VolumeMask(CuttingMask):
    """Voxels of a volume.

    Attributes
    ----------
    volume
        (nz, ny, nx) of the tomogram: an array, or a `Tomogram` read slice by slice.
    title
        What to call it, such as the file's name.
    label
        Voxels of this value are inside.
    threshold
        Voxels of at least this value are inside; without label and threshold, those above 0.
    """

    volume: NDArray[Any] | SliceSource
    title: str = "a mask"
    label: float | None = None
    threshold: float | None = None

    def name(self, edit: Edit) -> str:
        """The title."""
        del edit
        return self.title

    def inside(self, edit: Edit, tomogram: int, z: int) -> NDArray[np.bool_]:
        """The chosen voxels of the slice."""
        check_choice(self.label, self.threshold)
        entry = edit.project.tomogram_by_id(tomogram)
        if tuple(self.volume.shape) != entry.shape:
            raise AisError(
                f"The mask is {tuple(self.volume.shape)}, but {entry.name} is {entry.shape} (z, y, x) voxels."
            )
        values = self.volume[z] if isinstance(self.volume, np.ndarray) else self.volume.slice(z)
        return selected(values, self.label, self.threshold)


@dataclass(frozen=True)
class Intersection:
    """What an intersection has done.

    Attributes
    ----------
    changed
        The slices in which something was erased.
    erased
        How many pixels were erased.
    left
        Annotated slices that stay as they are, since nobody has said there what is inside the mask.
    """

    changed: Sequence[int]
    erased: int
    left: Sequence[int]


@dataclass(frozen=True, eq=False)
class Intersect(Operation[Intersection]):
    """Erase what a mask does not cover, or what it does.

    Attributes
    ----------
    tomogram, feature
        Where; feature may be IGNORE.
    mask
        What cuts.
    z
        The slice; None for all that are annotated.
    outside
        Whether what lies outside the mask is kept, and not what lies inside.
    progress
        Told the slices done.
    """

    tomogram: int
    feature: int
    mask: CuttingMask
    z: int | None = None
    outside: bool = False
    progress: Progress = SILENT

    def text(self, edit: Edit) -> str:
        """Names the slice and the mask."""
        where = slice_in_words(edit, self.tomogram, self.feature, "all slices" if self.z is None else self.z)
        return f"Keep what is {'outside' if self.outside else 'inside'} {self.mask.name(edit)}: {where}"

    def apply(self, edit: Edit) -> Intersection:
        """Erase it; gives back what was done."""
        if isinstance(self.mask, FeatureMask) and self.mask.feature == self.feature:
            raise AisError("A feature cannot be cut by itself: choose another one.")
        annotated = edit.project.annotated_slices(self.tomogram, self.feature)
        slices = annotated if self.z is None else [z for z in annotated if z == self.z]
        if not slices:
            raise AisError("Nothing is annotated there, so there is nothing to cut.")
        changed, erased, left = [], 0, []
        for done, z in enumerate(slices):
            self.progress.report(done, len(slices), f"slice {z}")
            inside = self.mask.inside(edit, self.tomogram, z)
            if inside is None:
                left.append(z)
                continue
            gone = (edit.mask(self.tomogram, self.feature, z) != 0) & (inside == self.outside)
            count = int(np.count_nonzero(gone))
            if count:
                edit.erase(self.tomogram, self.feature, z, cut_into_tiles(gone))
                changed.append(z)
                erased += count
        if len(left) == len(slices):
            where = "any of these slices" if self.z is None else f"slice {self.z}"
            raise AisError(f"There is no annotation of {self.mask.name(edit)} in {where} to cut with.")
        return Intersection(changed, erased, left)
