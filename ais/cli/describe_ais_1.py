"""What `ais info` says about annotated tomograms of Ais 1.x and groups of models."""

from __future__ import annotations

from pathlib import Path
from typing import Any


def describe_annotated(path: Path) -> dict[str, Any]:
    """The figures about a ``.scns``; `slices` are those with a painted pixel.

    Raises
    ------
    AisError
        If it is damaged, or names what it must not.
    """
    from ais.formats.scns import read_scns

    content = read_scns(path)
    return {
        "path": str(path),
        "kind": "annotated tomogram",
        "tomogram": content.tomogram,
        "shape": list(content.shape),
        "voxel_size": content.voxel_size,
        "includes_map": content.volume is not None,
        "crop": None if content.crop is None else [list(limits) for limits in content.crop],
        "features": [
            {
                "name": feature.title,
                "box_size": feature.box_size,
                "slices": sum(bool(mask.read().any()) for mask in feature.masks.values()),
                "boxes": len(feature.boxes),
            }
            for feature in content.features
        ],
    }


def describe_group(path: Path) -> dict[str, Any]:
    """The figures about a group of models.

    Raises
    ------
    AisError
        If it is damaged.
    """
    from ais.models import read_group

    group = read_group(path)
    return {"path": str(path), "kind": "model group", "models": list(group.models), "rules": group.rules}
