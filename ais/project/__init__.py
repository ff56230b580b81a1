"""The project document: tomograms, annotations, models, rules and picks in one file, with undo across restarts."""

from __future__ import annotations

from ais.annotation.entries import IGNORE, Box, Feature, HistoryEntry, ModelEntry, PickSet, Region, TomogramEntry
from ais.project.document import Project
from ais.project.overview import BoxCount
from ais.project.reading import MaskVolume, ProjectReader

__all__ = [
    "IGNORE",
    "Box",
    "BoxCount",
    "Feature",
    "HistoryEntry",
    "MaskVolume",
    "ModelEntry",
    "PickSet",
    "Project",
    "ProjectReader",
    "Region",
    "TomogramEntry",
]
