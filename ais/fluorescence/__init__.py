"""Fluorescence images over tomograms: read, placed by hand or by landmarks, and coloured."""

from __future__ import annotations

from ais.fluorescence.colouring import StoredImage
from ais.fluorescence.images import ImageFacts, content_of, describe_image, is_image, read_image
from ais.fluorescence.landmarks import Fit, fit_landmarks
from ais.fluorescence.overlay import (
    BLENDS,
    IDENTITY,
    Affine,
    Blend,
    FitKind,
    Landmark,
    Overlay,
    Point,
    Projection,
)
from ais.fluorescence.records import checked_overlay, overlay_of, overlay_prefix, overlay_values

__all__ = [
    "BLENDS",
    "IDENTITY",
    "Affine",
    "Blend",
    "Fit",
    "FitKind",
    "ImageFacts",
    "Landmark",
    "Overlay",
    "Point",
    "Projection",
    "StoredImage",
    "checked_overlay",
    "content_of",
    "describe_image",
    "fit_landmarks",
    "is_image",
    "overlay_of",
    "overlay_prefix",
    "overlay_values",
    "read_image",
]
