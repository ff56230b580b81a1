"""Segmenting slices of a tomogram with a trained network, or a classic method."""

from __future__ import annotations

from ais.segmentation.ready import ReadyModel, segmenter_for
from ais.segmentation.segmenter import Crop, Segmenter, to_uint8

__all__ = ["Crop", "ReadyModel", "Segmenter", "segmenter_for", "to_uint8"]
