"""`ais info`: what is in a file."""

from __future__ import annotations

import math
from contextlib import closing
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer

from ais.cli.describe_ais_1 import describe_annotated, describe_group
from ais.cli.describe_record import describe_record, origin_of
from ais.cli.inputs import each_input
from ais.cli.options import Json
from ais.cli.terminal import complain, show, show_json
from ais.errors import AisError
from ais.formats.coordinates import SUFFIXES
from ais.formats.copick_project import is_copick_project, read_copick_project
from ais.formats.recorded import is_record
from ais.formats.registry import readable_suffixes, volume_exists, volume_suffix
from ais.formats.volume import VolumeLevel
from ais.prediction import slabs
from ais.tomogram import Tomogram


def run(
    files: Annotated[list[str], typer.Argument(help="Files of any kind that Ais reads.", show_default=False)],
    json: Json = False,
) -> int:
    """Say what is in a file: volume, project, training set, model, coordinates or record.

    Voxel size and origin are in angstrom, shapes are z y x. Of an output of Ais it says what made it, and whether the
    file is still as it was made; a record (OUTPUT.json) tells all of it: inputs, models, settings, versions.
    """
    found: list[dict[str, Any]] = []
    code = each_input([Path(name) for name in files], lambda path: found.append({**describe(path), **origin_of(path)}))
    if json and found:
        show_json(found[0] if len(files) == 1 else found)
    elif found:
        show("\n\n".join("\n".join(f"{key:>13}  {_readable(value)}" for key, value in f.items()) for f in found))
    return code


def describe(path: Path) -> dict[str, Any]:
    """The figures `ais info` reports about a file.

    Raises
    ------
    AisError
        If the file is missing, damaged, or of a kind that Ais does not read.
    """
    if not volume_exists(path):
        raise AisError(f"{path} does not exist.")
    if volume_suffix(path):
        return _describe_volume(path)
    suffix = path.suffix.lower()
    if suffix == ".aisproj":
        return _describe_project(path)
    if suffix == ".scnt":
        from ais.trainset import describe_training_set

        return {"path": str(path), "kind": "training set", **describe_training_set(path)}
    if suffix in (".aism", ".scnm"):
        return _describe_model(path)
    if suffix == ".scns":
        return describe_annotated(path)
    if suffix in (".aisgroup", ".scnmgroup"):
        return describe_group(path)
    if is_record(path):
        return describe_record(path)
    if is_copick_project(path):
        return _describe_copick(path)
    if suffix in SUFFIXES:
        return _describe_coordinates(path)
    if path.is_dir():
        raise AisError(f"{path} is a folder: name the files in it.")
    known = [*readable_suffixes(), ".aisproj", ".scnt", ".aism", ".aisgroup", ".scns", ".scnm", ".scnmgroup", *SUFFIXES]
    raise AisError(f"{path} is not a file that Ais knows: its name must end in one of {' '.join(known)}.")


def _describe_volume(path: Path) -> dict[str, Any]:
    with Tomogram.open(path) as tomogram:
        for note in tomogram.notes:
            complain(f"{path}: {note}")
        low, high, mean, finite = _value_range(tomogram)
        if not finite:
            complain(f"{path} contains values that are not finite numbers (NaN or infinity).")
        return {
            "path": str(path),
            "kind": "volume",
            "shape": list(tomogram.shape),
            "dtype": tomogram.dtype.name,
            "voxel_size": tomogram.voxel_size,
            "voxel_sizes": list(tomogram.voxel_sizes),
            "origin": list(tomogram.origin),
            "min": low,
            "max": high,
            "mean": mean,
            "levels": [f"{level.name} ({_level_text(level)})" for level in tomogram.info.levels],
            "notes": list(tomogram.notes),
        }


def _level_text(level: VolumeLevel) -> str:
    size = f", {level.voxel_sizes[2]:g} A" if level.voxel_sizes[2] > 0 else ""
    return " x ".join(map(str, level.shape)) + size


def _describe_project(path: Path) -> dict[str, Any]:
    from ais.project import Project

    with closing(Project.open(path, read_only=True)) as project:
        features, tomograms = project.features(), project.tomograms()
        return {
            "path": str(path),
            "kind": "project",
            "tomograms": [
                {
                    "name": entry.name,
                    "path": str(entry.path),
                    "shape": list(entry.shape),
                    "voxel_size": entry.voxel_size,
                    "missing": entry.missing,
                }
                for entry in tomograms
            ],
            "features": [
                {
                    "name": feature.name,
                    "box_size": feature.box_size,
                    "slices": sum(len(project.annotated_slices(entry.id, feature.id)) for entry in tomograms),
                    "boxes": sum(len(project.boxes(entry.id, feature.id)) for entry in tomograms),
                }
                for feature in features
            ],
            "models": [entry.name for entry in project.models()],
            "edits": len(project.history()),
        }


def _describe_model(path: Path) -> dict[str, Any]:
    from ais.models import model_hash, read_model_info

    info = read_model_info(path)
    return {
        "path": str(path),
        "kind": "model",
        "architecture": info.architecture,
        "options": info.arguments,
        "feature": info.feature,
        "features": list(info.found),
        "voxel_size": info.voxel_size,
        "box_size": info.box_size,
        "depth": info.depth,
        "normalization": info.normalization,
        "threshold": info.threshold,
        "hash": model_hash(path),
        "training": info.training,
    }


def _describe_copick(path: Path) -> dict[str, Any]:
    project = read_copick_project(path)
    return {
        "path": str(path),
        "kind": "copick project",
        "objects": [one.name for one in project.objects],
        "runs": list(project.runs),
        "tomograms": len(project.tomograms),
        "picks": len(project.picks),
        "segmentations": len(project.segmentations),
    }


def _describe_coordinates(path: Path) -> dict[str, Any]:
    from ais.formats.coordinates import describe_coordinates

    summary = describe_coordinates(path)
    return {"path": str(path), "kind": "coordinates" if summary.dialect else "star", **asdict(summary)}


def _value_range(tomogram: Tomogram) -> tuple[float | None, float | None, float | None, bool]:
    """Minimum, maximum and mean of the finite voxels, read in slabs, and whether all of them are finite."""
    low, high, total, count = np.inf, -np.inf, 0.0, 0
    for _, values in slabs(tomogram):
        known = values
        if values.dtype.kind == "f" and not np.isfinite(values.sum(dtype=np.float64)):
            known = values[np.isfinite(values)]
        if known.size:
            low, high = min(low, float(known.min())), max(high, float(known.max()))
            total += float(known.sum(dtype=np.float64))
            count += known.size
    if not count:
        return None, None, None, False
    return low, high, total / count, count == math.prod(tomogram.shape)


def _readable(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:.6g}"
    if isinstance(value, list):
        if value and isinstance(value[0], dict):
            return "".join(f"\n{'':>15}{_readable(entry)}" for entry in value)
        return " ".join(_readable(entry) for entry in value) or "-"
    if isinstance(value, dict):
        return ", ".join(f"{key} {_readable(entry)}" for key, entry in value.items()) or "-"
    return "-" if value is None else str(value)
