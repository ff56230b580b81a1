"""Segmenting slices of a tomogram with a trained network."""

from __future__ import annotations

from ais.segmentation.segmenter import Crop, Segmenter, to_uint8

__all__ = ["Crop", "Segmenter", "to_uint8"]
