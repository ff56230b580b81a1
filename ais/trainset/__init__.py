"""Training sets: made from a project's boxes, read, written, pooled."""

from __future__ import annotations

from ais.trainset.extraction import SetPreview, extract, extract_to, preview_samples
from ais.trainset.training_set import SampleRecord, TrainingSet, describe_training_set, pool

__all__ = [
    "SampleRecord",
    "SetPreview",
    "TrainingSet",
    "describe_training_set",
    "extract",
    "extract_to",
    "pool",
    "preview_samples",
]
