"""Ais segments cryo-electron tomograms.

The names below are the whole public API; each is imported when it is first used, so that ``import ais`` is quick.

>>> import ais
>>> ais.Tomogram
<class 'ais.tomogram.Tomogram'>
"""

from __future__ import annotations

import importlib
from typing import Any

__version__ = "0.1.0"

_HOMES = {
    "AisError": "ais.errors",
    "AnalyzeSettings": "ais.analysis.batch",
    "Cancelled": "ais.errors",
    "Coordinates": "ais.formats.coordinates",
    "MeshSettings": "ais.batch",
    "Model": "ais.models",
    "PickSettings": "ais.batch",
    "Progress": "ais.progress",
    "Project": "ais.project",
    "Rules": "ais.interactions",
    "SegmentSettings": "ais.export",
    "StageSettings": "ais.stages",
    "Tomogram": "ais.tomogram",
    "TrainingSet": "ais.trainset",
    "VolumeLook": "ais.scene_files.volumes",
    "analyze": "ais.analysis.batch",
    "compare": "ais.comparison",
    "distances_between": "ais.analysis",
    "distances_to_surface": "ais.orientation",
    "draw_surfaces": "ais.surface_picture",
    "evaluate_picks": "ais.metrics",
    "evaluate_segmentation": "ais.metrics",
    "extract": "ais.trainset",
    "filter_volume": "ais.filters",
    "isosurface": "ais.surfaces",
    "label_instances": "ais.analysis",
    "load_model": "ais.models",
    "measure_instances": "ais.analysis",
    "make_classic_model": "ais.classic",
    "mesh": "ais.batch",
    "orient": "ais.orientation",
    "pick": "ais.batch",
    "pick_particles": "ais.picking",
    "read_coordinates": "ais.formats.coordinates",
    "run_stages": "ais.stages",
    "scene_of": "ais.scene_files.volumes",
    "segment": "ais.export",
    "simulate": "ais.simulation",
    "trace_filaments": "ais.filaments",
    "train": "ais.training",
    "write_coordinates": "ais.formats.coordinates",
    "write_scene_file": "ais.scene_files.writing",
    "write_simulation": "ais.simulation",
    "write_volume": "ais.formats.registry",
}

__all__ = ["__version__", *_HOMES]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'ais' has no attribute '{name}'")
    return getattr(importlib.import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    return sorted(__all__)
