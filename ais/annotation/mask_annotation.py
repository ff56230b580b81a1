"""Annotating from a mask volume in one step: the feature, its slices and its training boxes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ais.annotation.box_operations import AutoPlaceBoxes, BackgroundBoxes, PlaceBoxes
from ais.annotation.entries import Feature
from ais.annotation.feature_operations import AddFeature, ChangeFeature
from ais.annotation.operation import Operation
from ais.annotation.slice_operations import ImportVolume, SliceSource
from ais.errors import AisError
from ais.progress import SILENT, Progress

if TYPE_CHECKING:
    from ais.project.edit import Edit

DEFAULT_BOX_SIZE = 64


@dataclass(frozen=True)
class MaskAnnotation:
    """What an annotation from a mask has done.

    Attributes
    ----------
    feature
        The feature, made if it was missing.
    slices
        Those that had something to paint.
    boxes, negative_boxes
        How many were placed.
    messages
        Sentences for the user, where fewer boxes were placed than asked for.
    """

    feature: Feature
    slices: list[int]
    boxes: int
    negative_boxes: int
    messages: list[str]


@dataclass(frozen=True)
class AnnotateFromMask(Operation[MaskAnnotation]):
    """Make slices of a mask volume annotations of a feature and place training boxes, as one step of undo.

    Attributes
    ----------
    tomogram
        Where.
    feature
        Its name; it is made if missing.
    mask
        (nz, ny, nx) of the tomogram, read slice by slice.
    label, threshold
        Voxels of this value, or of at least this value, are painted; without either, those above 0.
    slices
        Which slices; by default all. They replace what was painted there, and boxes are placed only in them.
    boxes
        Centres z, y, x of boxes to place, in voxels.
    auto_boxes, background_boxes
        How many boxes to spread over the annotation, and how many negative ones away from it.
    box_size
        Edge in pixels; None leaves the feature's own, 64 for a new one.
    seed
        Of the places of the boxes.
    progress
        Told the slices done.
    """

    tomogram: int
    feature: str
    mask: SliceSource
    label: float | None = None
    threshold: float | None = None
    slices: Sequence[int] | None = None
    boxes: Sequence[tuple[int, int, int]] = ()
    auto_boxes: int = 0
    background_boxes: int = 0
    box_size: int | None = None
    seed: int = 0
    progress: Progress = SILENT

    def text(self, edit: Edit) -> str:
        """Names the feature and the tomogram."""
        return f"Annotate {self.feature} in {edit.project.tomogram_by_id(self.tomogram).name} from a mask"

    def apply(self, edit: Edit) -> MaskAnnotation:
        """Paint the slices, then place the boxes."""
        feature = self._feature(edit)
        painted = ImportVolume(
            self.tomogram,
            feature.id,
            self.mask,
            self.label,
            self.threshold,
            self.slices,
            replace=True,
            progress=self.progress,
        ).apply(edit)
        if not painted and not self.boxes and not self.background_boxes:
            lacking = f"has the value {self.label:g}" if self.label is not None else "is inside the mask"
            raise AisError(f"No voxel {lacking} in the chosen slices, so there is nothing to annotate.")
        placed, negative, messages = 0, 0, []
        if self.boxes:
            placed += len(PlaceBoxes(self.tomogram, feature.id, self.boxes).apply(edit))
        if self.auto_boxes:
            found = AutoPlaceBoxes(self.tomogram, feature.id, self.auto_boxes, self.seed, self.slices).apply(edit)
            placed += len(found.boxes)
            messages += [found.message] if found.message else []
        if self.background_boxes:
            found = BackgroundBoxes(self.tomogram, feature.id, self.background_boxes, self.seed, self.slices).apply(
                edit
            )
            negative = len(found.boxes)
            messages += [found.message] if found.message else []
        return MaskAnnotation(feature, painted, placed, negative, messages)

    def _feature(self, edit: Edit) -> Feature:
        for feature in edit.project.features():
            if feature.name == self.feature:
                if self.box_size is None or self.box_size == feature.box_size:
                    return feature
                return ChangeFeature(feature.id, box_size=self.box_size).apply(edit)
        return AddFeature(self.feature, box_size=self.box_size or DEFAULT_BOX_SIZE).apply(edit)
