"""Annotating a tomogram: features, boxes, and every edit of a project as an operation that can be undone."""

from __future__ import annotations

from ais.annotation.box_operations import AutoPlaceBoxes, BackgroundBoxes, PlaceBoxes, PlacedBoxes, RemoveBoxes
from ais.annotation.entries import IGNORE, Box, Feature, HistoryEntry, ModelEntry, PickSet, Region, TomogramEntry
from ais.annotation.feature_operations import (
    AddFeature,
    ChangeFeature,
    DeleteFeature,
    DuplicateFeature,
    MergeFeatures,
    ReorderFeatures,
    file_safe_name,
)
from ais.annotation.mask_annotation import AnnotateFromMask, MaskAnnotation
from ais.annotation.operation import Operation, Together
from ais.annotation.painting_operations import EraseStroke, FillPolygon, PaintRegion, PaintStroke, StrokeAcross
from ais.annotation.record_operations import (
    AddModel,
    AddPickSet,
    ChangeModel,
    ChangePickSet,
    ChangeSetting,
    RemoveModel,
    RemovePickSet,
    SetRules,
)
from ais.annotation.slice_operations import (
    ClearSlice,
    CopySlice,
    FillHoles,
    GrowMask,
    ImportVolume,
    InterpolateSlices,
    SetSliceMask,
    ShrinkMask,
    SliceSource,
)
from ais.annotation.spans import Spans, polygon_spans, spans_to_mask, stroke_spans
from ais.annotation.tomogram_operations import (
    AddTomogram,
    RelinkTomogram,
    RelinkTomograms,
    RemoveTomogram,
    SetVoxelSize,
)

__all__ = [
    "IGNORE",
    "AddFeature",
    "AddModel",
    "AddPickSet",
    "AddTomogram",
    "AnnotateFromMask",
    "AutoPlaceBoxes",
    "BackgroundBoxes",
    "Box",
    "ChangeFeature",
    "ChangeModel",
    "ChangePickSet",
    "ChangeSetting",
    "ClearSlice",
    "CopySlice",
    "DeleteFeature",
    "DuplicateFeature",
    "EraseStroke",
    "Feature",
    "FillHoles",
    "FillPolygon",
    "GrowMask",
    "HistoryEntry",
    "ImportVolume",
    "InterpolateSlices",
    "MaskAnnotation",
    "MergeFeatures",
    "ModelEntry",
    "Operation",
    "PaintRegion",
    "PaintStroke",
    "PickSet",
    "PlaceBoxes",
    "PlacedBoxes",
    "Region",
    "RelinkTomogram",
    "RelinkTomograms",
    "RemoveBoxes",
    "RemoveModel",
    "RemovePickSet",
    "RemoveTomogram",
    "ReorderFeatures",
    "SetRules",
    "SetSliceMask",
    "SetVoxelSize",
    "ShrinkMask",
    "SliceSource",
    "Spans",
    "StrokeAcross",
    "Together",
    "TomogramEntry",
    "file_safe_name",
    "polygon_spans",
    "spans_to_mask",
    "stroke_spans",
]
