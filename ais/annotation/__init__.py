"""Annotating a tomogram: features, boxes, and every edit of a project as an operation that can be undone."""

from __future__ import annotations

from ais.annotation.box_operations import AutoPlaceBoxes, BackgroundBoxes, PlaceBoxes, PlacedBoxes, RemoveBoxes
from ais.annotation.entries import (
    IGNORE,
    Box,
    Feature,
    HandPick,
    HandPicks,
    HistoryEntry,
    ModelEntry,
    PickSet,
    Region,
    TomogramEntry,
)
from ais.annotation.feature_operations import (
    AddFeature,
    ChangeFeature,
    DeleteFeature,
    DuplicateFeature,
    MergeFeatures,
    ReorderFeatures,
    file_safe_name,
)
from ais.annotation.flood import flood_region, unite_regions
from ais.annotation.lasso import otsu_in_polygon, threshold_in_polygon
from ais.annotation.mask_annotation import AnnotateFromMask, MaskAnnotation
from ais.annotation.operation import Operation, Together
from ais.annotation.painting_operations import EraseStroke, FillPolygon, PaintRegion, PaintStroke, StrokeAcross
from ais.annotation.pick_operations import AddPicks, MovePick, RemovePicks, SetPickRadius
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
    "AddPicks",
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
    "HandPick",
    "HandPicks",
    "HistoryEntry",
    "ImportVolume",
    "InterpolateSlices",
    "MaskAnnotation",
    "MergeFeatures",
    "ModelEntry",
    "MovePick",
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
    "RemovePicks",
    "RemoveTomogram",
    "ReorderFeatures",
    "SetPickRadius",
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
    "flood_region",
    "otsu_in_polygon",
    "polygon_spans",
    "spans_to_mask",
    "stroke_spans",
    "threshold_in_polygon",
    "unite_regions",
]
