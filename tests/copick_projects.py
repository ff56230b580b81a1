"""A small copick project, laid out as its documentation says."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np

from ais.formats.registry import write_volume

SHAPE = (24, 40, 50)
SIZE = 10.0


def picks(**changes: Any) -> dict[str, Any]:
    """Make a file of one point."""
    point = {
        "location": {"x": 100.0, "y": 55.5, "z": 30.0},
        "transformation_": np.eye(4).tolist(),
        "instance_id": 0,
        "score": 1.0,
    }
    return {
        "pickable_object_name": "ribosome",
        "user_id": "anna",
        "session_id": "7",
        "run_name": "TS_1",
        "voxel_spacing": None,
        "unit": "angstrom",
        "points": [point],
        "trust_orientation": True,
        **changes,
    }


def project(folder: Path, **config: Any) -> Path:
    """Make a project as copick lays it out: two runs, two voxel sizes, a static and an overlay root."""
    static, overlay = folder / "static", folder / "overlay"
    for run_name in ("TS_1", "TS_2"):
        for size, shape, kinds in ((10.0, SHAPE, ("wbp", "denoised")), (20.0, (12, 20, 25), ("wbp",))):
            for kind in kinds:
                path = static / "ExperimentRuns" / run_name / f"VoxelSpacing{size:.3f}" / f"{kind}.zarr"
                path.parent.mkdir(parents=True, exist_ok=True)
                values = np.random.default_rng(int(run_name[-1])).normal(size=shape).astype(np.float32)
                write_volume(path, values, voxel_sizes=size)
    files = {
        static / "ExperimentRuns/TS_1/Picks/anna_7_ribosome.json": picks(),
        overlay / "ExperimentRuns/TS_1/Picks/bob_1_ribosome.json": picks(user_id="bob", session_id="1", run_name=None),
        overlay / "ExperimentRuns/TS_2/Picks/bob_1_membrane.json": picks(points=[]),
    }
    for path, content in files.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(content))
    (overlay / "ExperimentRuns/TS_1/Picks/.hidden.json").write_text("{")
    file = folder / "copick_config.json"
    given = {
        "config_type": "filesystem",
        "name": "Test",
        "version": "1.0.0",
        "pickable_objects": [
            {"name": "ribosome", "is_particle": True, "label": 1, "color": [0, 255, 0, 255], "radius": 150},
            {"name": "membrane", "is_particle": False, "label": 2, "color": [0, 0, 255, 255]},
        ],
        "overlay_root": f"local://{overlay}",
        "static_root": str(static),
        "overlay_fs_args": {"auto_mkdir": True},
        **config,
    }
    file.write_text(json.dumps({key: value for key, value in given.items() if value is not None}))
    return file
