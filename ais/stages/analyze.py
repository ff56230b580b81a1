"""The fourth stage: instances of the assembled volumes, all and those that cleaning leaves, and each by itself."""

from __future__ import annotations

import json
import shutil
import uuid
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from ais.analysis.batch import JSON_ENDING, LABELS_ENDING, AnalyzeSettings
from ais.analysis.batch import analyze as analyze_volumes
from ais.batch import FileResult, tomogram_and_feature
from ais.errors import AisError, sentence
from ais.formats.atomic import flush_folder, flush_tree, make_folders
from ais.formats.record import describe_input, is_unchanged, read_record
from ais.formats.registry import find_volumes, volume_stem
from ais.progress import SILENT, Progress
from ais.stages.assemble import COMMAND as ASSEMBLED
from ais.stages.kept import digest, records_in
from ais.stages.settings import ANALYZE, ASSEMBLE, StageResult, StageSettings

INSTANCES, CLEANED, EACH = "instances", "cleaned", "each_instance"
INDEX = "index.json"
DIGITS = 8
M_PER_A = 1e-10
M2_PER_A2 = 1e-20
M3_PER_A3 = 1e-30


@dataclass(frozen=True)
class _Volume:
    """An assembled volume.

    Attributes
    ----------
    path
        The file.
    image
        Its tomogram, or None if that is not there.
    made_from
        What its analysis depends on.
    """

    path: Path
    image: Path | None
    made_from: dict[str, Any]


def analyze(
    volumes: Sequence[Path],
    folder: Path,
    settings: StageSettings,
    *,
    tomograms: Sequence[Path] = (),
    overwrite: bool = False,
    progress: Progress = SILENT,
) -> list[StageResult]:
    """Measure the instances of assembled volumes.

    ``instances`` holds labels and a table of all instances; ``cleaned`` those that the minimum volume and the removal
    at the border leave, with lengths, profiles and plots; ``each_instance`` a file .json for each of these.

    Parameters
    ----------
    volumes
        Of the stage before.
    folder
        Of this stage.
    settings
        Threshold, minimum volume, border and separation are looked at.
    tomograms
        For intensities, where one of them is called as a volume's tomogram.
    overwrite
        Make everything again.
    progress
        Told the volumes done.

    Returns
    -------
    list of StageResult
        One per volume, with the figures of `ais.analysis.tables.summary` for what was cleaned, and the number of
        ``instances_before``.
    """
    raw = AnalyzeSettings(threshold=settings.threshold, separated=settings.separate, lengths=False)
    cleaned = replace(raw, lengths=True, min_volume=settings.min_volume, remove_border=settings.remove_border, svg=True)
    found, results = list[_Volume](), dict[Path, StageResult]()
    images = {volume_stem(path): path for path in tomograms}
    for path in volumes:
        name, feature = tomogram_and_feature(path)
        results[path] = StageResult(ANALYZE, name, _labels(folder / CLEANED, path), feature)
        try:
            found.append(_read(path, images.get(name), settings))
        except (AisError, OSError) as error:
            results[path].status, results[path].error = "failed", sentence(error, path)
    again = {one.path for one in found if overwrite or _is_stale(folder, one)}
    for kind, wanted in ((INSTANCES, raw), (CLEANED, cleaned)):
        for made in _analyzed(found, folder / kind, wanted, again, overwrite, progress):
            _note(results[made.input], made, kind)
    for one in found:
        result = results[one.path]
        if result.status != "failed":
            try:
                _write_each(folder, one, is_new=result.status == "done")
            except (AisError, OSError) as error:
                result.status, result.error = "failed", sentence(error, one.path)
    return list(results.values())


def assembled_volumes(folder: Path) -> list[Path]:
    """The volumes that the stage before has put together; an AisError if there are none."""
    found = list(records_in(folder, ASSEMBLED))
    if not found:
        raise AisError(f"{folder} holds no assembled volumes: run the stage {ASSEMBLE} first.")
    return found


def _read(path: Path, image: Path | None, settings: StageSettings) -> _Volume:
    if not path.exists():
        raise AisError(f"{path} does not exist: run the stage {ASSEMBLE} again.")
    image = image if image is not None and _is_found(image) else None
    seen = None if image is None else describe_input(image)
    return _Volume(
        path,
        image,
        {
            "volume": digest(path),
            "image": seen and [seen["size"], seen["fingerprint"]],
            "threshold": settings.threshold,
            "separate": settings.separate,
            "min_volume": settings.min_volume,
            "remove_border": settings.remove_border,
        },
    )


def _is_found(image: Path) -> bool:
    """Whether a tomogram is what is found in its folder under its name."""
    found = find_volumes(image.parent) if image.parent.is_dir() else []
    return next((path for path in found if volume_stem(path) == volume_stem(image)), None) == image


def _is_stale(folder: Path, volume: _Volume) -> bool:
    """Whether what there is was made by us from something else, and nobody has changed it."""
    index = _index(_each_folder(folder, volume.path))
    if index is not None and index.get("made_from") == volume.made_from:
        return False
    labels = [_labels(folder / kind, volume.path) for kind in (INSTANCES, CLEANED)]
    records = [(path, read_record(path)) for path in labels if path.exists()]
    return all(
        record is not None and record.get("command") == "analyze" and is_unchanged(path, record)
        for path, record in records
    )


def _analyzed(
    volumes: Sequence[_Volume],
    folder: Path,
    settings: AnalyzeSettings,
    again: set[Path],
    overwrite: bool,
    progress: Progress,
) -> list[FileResult]:
    """One result per volume; those with the same image and the same fate are analysed together."""
    groups: dict[tuple[bool, Path | None], list[Path]] = {}
    for one in volumes:
        image = None if one.image is None or not settings.lengths else one.image.parent
        groups.setdefault((overwrite or one.path in again, image), []).append(one.path)
    results = []
    for (is_again, image), paths in groups.items():
        wanted = replace(settings, image=image)
        results += analyze_volumes(paths, folder, wanted, overwrite=is_again, progress=progress)
    return results


def _note(result: StageResult, found: FileResult, kind: str) -> None:
    """Count what was found in one kind of instances."""
    if found.status == "failed":
        result.status, result.error = "failed", found.error
    elif kind == INSTANCES:
        result.status = found.status
        result.figures["instances_before"] = found.figures.get("instances")
    elif result.status != "failed":
        result.status = "done" if "done" in (result.status, found.status) else "kept"
        result.figures |= found.figures


def _write_each(folder: Path, volume: _Volume, *, is_new: bool) -> None:
    """Write a file for each instance, all of them at once or none."""
    target = _each_folder(folder, volume.path)
    index = _index(target)
    if not is_new and index is not None and index.get("made_from") == volume.made_from:
        return
    if target.exists() and index is None:
        raise AisError(f"{target} exists and was not made by this stage: choose another output folder.")
    labels = _labels(folder / CLEANED, volume.path)
    table = labels.with_name(labels.name.removesuffix(LABELS_ENDING) + JSON_ENDING)
    document = json.loads(table.read_text(encoding="utf-8"))
    for left in target.parent.glob(f".{target.name}.*.tmp"):
        shutil.rmtree(left)
    temporary = target.with_name(f".{target.name}.{uuid.uuid4().hex}.tmp")
    make_folders(target.parent)
    temporary.mkdir()
    try:
        names = []
        for row in document["instances"]:
            names.append(f"{row['id']:05d}.json")
            _write_json(temporary / names[-1], _one_instance(document, row))
        _write_json(temporary / INDEX, {"program": "Ais", "made_from": volume.made_from, "instances": names})
        flush_tree(temporary)
        if target.exists():
            shutil.rmtree(target)
        temporary.rename(target)
        flush_folder(target.parent)
    except BaseException:
        shutil.rmtree(temporary, ignore_errors=True)
        raise


def _one_instance(document: dict[str, Any], row: dict[str, Any]) -> dict[str, Any]:
    """What the file of an instance says, in SI units, which have no room for doubt, and in voxels."""
    profile = row.get("profile", {})
    return {
        "id": row["id"],
        "tomogram": document["tomogram"],
        "feature": document["feature"],
        "voxel_size_m_zyx": [_scaled(size, M_PER_A) for size in document["voxel_sizes_A"]],
        "volume_voxels": row["voxels"],
        "volume_m3": _scaled(row["volume_A3"], M3_PER_A3),
        "surface_area_m2": _scaled(row["surface_area_A2"], M2_PER_A2),
        "length_m": _scaled(row["length_A"], M_PER_A),
        "centroid_voxels_xyz": [row[f"{axis}_px"] for axis in "xyz"],
        "centroid_m_xyz": [_scaled(row[f"{axis}_A"], M_PER_A) for axis in "xyz"],
        "touches_border": row["touches_border"],
        "mean_prediction": row["mean_prediction"],
        "mean_intensity": row.get("mean_intensity"),
        "profile": {
            "position_m": [_scaled(value, M_PER_A) for value in profile.get("position_A", [])],
            "cross_section_m2": [_scaled(value, M2_PER_A2) for value in profile.get("cross_section_A2", [])],
            **({"intensity": profile["intensity"]} if "intensity" in profile else {}),
        },
    }


def _scaled(value: float | None, factor: float) -> float | None:
    return None if value is None else float(f"{value * factor:.{DIGITS}g}")


def _write_json(path: Path, content: dict[str, Any]) -> None:
    path.write_text(json.dumps(content, indent=1, ensure_ascii=False, allow_nan=False) + "\n", encoding="utf-8")


def _index(folder: Path) -> dict[str, Any] | None:
    """What the files of all instances were made from, or None if there are none of ours."""
    try:
        content = json.loads((folder / INDEX).read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return None
    return content if isinstance(content, dict) and content.get("program") == "Ais" else None


def _labels(folder: Path, volume: Path) -> Path:
    return folder / f"{volume_stem(volume)}{LABELS_ENDING}"


def _each_folder(folder: Path, volume: Path) -> Path:
    return folder / EACH / volume_stem(volume)
