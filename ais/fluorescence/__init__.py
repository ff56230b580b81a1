"""Fluorescence images over tomograms: read, placed by hand or by landmarks, and coloured."""

from __future__ import annotations

from ais.fluorescence.images import read_image
from ais.fluorescence.overlay import IDENTITY, Affine, Blend, Overlay, Projection

__all__ = ["IDENTITY", "Affine", "Blend", "Overlay", "Projection", "read_image"]
