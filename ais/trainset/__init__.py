"""Training sets: made from a project's boxes, read, written, pooled."""

from __future__ import annotations

from ais.trainset.extraction import extract, extract_to
from ais.trainset.training_set import SampleRecord, TrainingSet, describe_training_set, pool

__all__ = ["SampleRecord", "TrainingSet", "describe_training_set", "extract", "extract_to", "pool"]
