"""Instances of many segmented volumes: for each the labels, a table and plots; and one summary of all."""

from __future__ import annotations

import json
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from ais.analysis.distances import distances_between
from ais.analysis.instances import Instances, measure_instances
from ais.analysis.labelling import Labelled, label_instances
from ais.analysis.plots import Quantity, counts_figure, distribution_figure, picture, quantities
from ais.analysis.tables import SUMMARY_COLUMNS, csv_text, instance_columns, instances_json, summary
from ais.batch import FEATURE_MARK, FileResult, make_each, tomogram_and_feature
from ais.errors import AisError
from ais.formats.atomic import write_bytes, write_text
from ais.formats.mrc import MrcWriter
from ais.formats.record import RecordedFile, read_record
from ais.formats.registry import find_volumes, is_volume_folder, volume_stem
from ais.prediction import check_threshold
from ais.progress import SILENT, Progress
from ais.tomogram import Tomogram

LABELS_ENDING = "_instances.mrc"
TABLE_ENDING, JSON_ENDING, PLOT_ENDING, DRAWING_ENDING = (
    f"_instances.{kind}" for kind in ("csv", "json", "png", "svg")
)
SUMMARY_TABLE, ALL_TABLE = "summary.csv", "all_instances.csv"
SLICES_VOXELS = 1 << 22
"""So many voxels of the labels are written at once."""
SUMMARY_PLOTS = {"counts": "summary_counts", "distributions": "summary_distributions"}


@dataclass(frozen=True)
class AnalyzeSettings:
    """How instances are found and measured; lengths in angstrom, volumes in cubic angstrom.

    Attributes
    ----------
    threshold
        On the 0-255 scale.
    min_volume
        Smallest instance.
    labels
        The volumes hold labels of instances, not predictions.
    separated
        Divide what touches at its necks.
    remove_border
        Leave out instances on the volume's faces.
    lengths
        Whether to find centre lines, lengths and profiles.
    image
        The tomogram, or a folder with the tomograms, for mean intensities and profiles; None for none.
    distances_to
        What distances are measured to: a segmented volume, or the name of a feature, whose volume lies beside each
        input; empty for nothing.
    svg
        Write plots as .svg as well.
    voxel_size
        Overrides the headers' voxel size.
    """

    threshold: float = 128.0
    min_volume: float = 0.0
    labels: bool = False
    separated: bool = False
    remove_border: bool = False
    lengths: bool = True
    image: Path | None = None
    distances_to: str = ""
    svg: bool = False
    voxel_size: float | None = None


def analyze(
    inputs: Sequence[Path | str],
    output: Path | str,
    settings: AnalyzeSettings | None = None,
    *,
    overwrite: bool = False,
    progress: Progress = SILENT,
) -> list[FileResult]:
    """Measure the instances in segmented volumes.

    For each volume ``<stem>_instances.mrc`` holds their labels, ``.csv`` and ``.json`` their table, ``.png`` the plots.
    Of all volumes in the folder that were analysed with the same settings, ``summary.csv`` has a line each,
    ``all_instances.csv`` the instances, and ``summary_*.png`` show their numbers and distributions.

    Parameters
    ----------
    inputs
        Segmented volumes.
    output
        Folder for the results and their records.
    settings
        See `AnalyzeSettings`.
    overwrite
        Make everything again.
    progress
        Told the volumes done.

    Returns
    -------
    list of FileResult
        One per input, with the number of ``instances`` and further figures of `ais.analysis.tables.summary`.

    Raises
    ------
    AisError
        If the settings make no sense. What is wrong with a single volume is in its result.
    """
    settings = settings or AnalyzeSettings()
    check_threshold(settings.threshold)
    if settings.image is not None and not settings.image.exists():
        raise AisError(f"{settings.image} does not exist.")
    folder = Path(output)

    def make(volume: Tomogram, made: RecordedFile) -> None:
        _write_one(volume, made, settings, folder)

    def further(path: Path) -> list[Path]:
        return [one for one in (_image_of(path, settings), _target_of(path, settings)) if one is not None]

    identity = {name: value for name, value in asdict(settings).items() if name not in ("image", "svg")}
    results = make_each(
        "analyze",
        inputs,
        [folder / f"{volume_stem(path)}{LABELS_ENDING}" for path in inputs],
        identity,
        make,
        settings.voxel_size,
        overwrite,
        progress,
        complete=lambda target: all(path.exists() for path in _beside(target, settings)),
        further=further,
    )
    if any(result.status != "failed" for result in results):
        write_summary(folder, identity, svg=settings.svg)
    return results


def write_summary(folder: Path, settings: dict[str, Any], *, svg: bool = False) -> None:
    """Put tables and plots of all volumes in a folder together that were analysed with these settings.

    Parameters
    ----------
    folder
        Of the results.
    settings
        As their records have them.
    svg
        Write plots as .svg as well.
    """
    wanted = json.loads(json.dumps(settings))
    documents = []
    for path in sorted(folder.glob(f"*{LABELS_ENDING}")):
        record, table = read_record(path), _renamed(path, JSON_ENDING)
        if record is not None and record.get("settings") == wanted and table.exists():
            documents.append((record["result"], json.loads(table.read_text(encoding="utf-8"))))
    rows = [{"tomogram": one["tomogram"], "feature": one["feature"], **figures} for figures, one in documents]
    write_text(folder / SUMMARY_TABLE, csv_text(rows, SUMMARY_COLUMNS))
    everything = [
        {"tomogram": one["tomogram"], "feature": one["feature"], **row}
        for _, one in documents
        for row in one["instances"]
    ]
    columns = [name for name in dict.fromkeys(name for row in everything for name in row) if name != "profile"]
    write_text(folder / ALL_TABLE, csv_text(everything, columns or ["tomogram", "feature"]))
    counts: dict[str, dict[str, int]] = {}
    for row in rows:
        counts.setdefault(row["feature"], {})[row["tomogram"]] = row["instances"]
    figures = {
        "counts": counts_figure(counts),
        "distributions": distribution_figure(
            _quantities_of(everything, list(counts)), "All instances", f"{len(everything)} in {len(rows)} volumes"
        ),
    }
    for name, figure in figures.items():
        for kind in ("png", "svg") if svg else ("png",):
            write_bytes(folder / f"{SUMMARY_PLOTS[name]}.{kind}", picture(figure, kind))


def _quantities_of(rows: Sequence[dict[str, Any]], features: Sequence[str]) -> list[Quantity]:
    """What is worth drawing of the rows of several tables."""

    def groups(column: str, factor: float) -> dict[str, Any]:
        return {
            feature: np.array([row[column] for row in rows if row["feature"] == feature and _known(row, column)])
            * factor
            for feature in features
        }

    found = [Quantity("Volume", "nm³", groups("volume_nm3", 1.0))]
    for name, column in (("Length", "length_A"), ("Distance", "distance_A")):
        if any(_known(row, column) for row in rows):
            found.append(Quantity(name, "nm", groups(column, 0.1)))
    return found


def _known(row: dict[str, Any], column: str) -> bool:
    return row.get(column) is not None


def _write_one(volume: Tomogram, made: RecordedFile, settings: AnalyzeSettings, folder: Path) -> None:
    instances, labelled = _analyze_one(volume, settings)
    name, feature = tomogram_and_feature(volume.path)
    shape = labelled.shape
    kind = np.dtype(np.uint16 if labelled.named(0, 1).dtype == np.uint16 else np.float32)
    step = max(1, SLICES_VOXELS // (shape[1] * shape[2]))
    with MrcWriter(
        made.path,
        shape,
        kind,
        voxel_sizes=volume.voxel_sizes,
        origin=volume.origin,
        like=volume.info,
        labels=["Instances found by Ais"],
    ) as writer:
        for z in range(0, shape[0], step):
            writer.write(labelled.named(z, min(shape[0], z + step)).astype(kind))
    figures = summary(instances)
    facts = {
        "tomogram": name,
        "feature": feature,
        "volume": str(volume.path),
        "threshold": None if settings.labels else settings.threshold,
        "summary": figures,
    }
    stem = folder / f"{volume_stem(volume.path)}{LABELS_ENDING}"
    level = "labels as given" if settings.labels else f"threshold {settings.threshold:g}"
    count = f"{len(instances)} instance{'s' if len(instances) != 1 else ''}"
    figure = distribution_figure(
        quantities({feature or name: instances}),
        f"{name}  {feature}".strip(),
        f"{count}, {level}, voxel size {volume.voxel_size:.4g} Å",
    )
    written: list[Path] = []
    try:
        for ending, content in (
            (TABLE_ENDING, csv_text(instances.rows(), instance_columns([instances])).encode()),
            (JSON_ENDING, instances_json(instances, facts).encode()),
            (PLOT_ENDING, picture(figure, "png")),
            *([(DRAWING_ENDING, picture(figure, "svg"))] if settings.svg else []),
        ):
            written.append(_renamed(stem, ending))
            write_bytes(written[-1], content)
    except BaseException:
        for path in written:
            path.unlink(missing_ok=True)
        raise
    made.result |= {**figures, "scale": instances.note}


def _analyze_one(volume: Tomogram, settings: AnalyzeSettings) -> tuple[Instances, Labelled]:
    labelled = label_instances(
        volume,
        threshold=settings.threshold,
        labels=settings.labels,
        separated=settings.separated,
        min_volume=settings.min_volume,
        remove_border=settings.remove_border,
    )
    with ExitStack() as opened:
        image_path, target_path = _image_of(volume.path, settings), _target_of(volume.path, settings)
        image = None if image_path is None else opened.enter_context(Tomogram.open(image_path))
        instances = measure_instances(labelled, volume, image=image, lengths=settings.lengths)
        if target_path is not None:
            target = opened.enter_context(Tomogram.open(target_path, settings.voxel_size))
            to = label_instances(target, threshold=settings.threshold)
            feature = tomogram_and_feature(target_path)[1] or volume_stem(target_path)
            instances = replace(instances, distances=distances_between(labelled, to, feature=feature))
    return instances, labelled


def _image_of(path: Path, settings: AnalyzeSettings) -> Path | None:
    """The tomogram that a volume belongs to."""
    if settings.image is None or (settings.image.is_file() or is_volume_folder(settings.image)):
        return settings.image
    name, _ = tomogram_and_feature(path)
    for found in find_volumes(settings.image):
        if volume_stem(found) == name:
            return found
    raise AisError(f"There is no tomogram {name} in {settings.image}, which {path} was segmented from.")


def _target_of(path: Path, settings: AnalyzeSettings) -> Path | None:
    """The volume that distances are measured to; None for nothing, and for that volume itself."""
    wanted = settings.distances_to
    if not wanted:
        return None
    if Path(wanted).is_file() or is_volume_folder(Path(wanted)):
        return None if path.exists() and Path(wanted).samefile(path) else Path(wanted)
    name, feature = tomogram_and_feature(path)
    if feature == wanted:
        return None
    stem = f"{name}{FEATURE_MARK}{wanted}"
    if path.parent.is_dir():
        for found in find_volumes(path.parent):
            if volume_stem(found) == stem:
                return found
    raise AisError(f"There is no volume {stem} beside {path}: name a feature that was segmented, or a file.")


def _beside(target: Path, settings: AnalyzeSettings) -> list[Path]:
    endings = (TABLE_ENDING, JSON_ENDING, PLOT_ENDING, *((DRAWING_ENDING,) if settings.svg else ()))
    return [_renamed(target, ending) for ending in endings]


def _renamed(target: Path, ending: str) -> Path:
    return target.with_name(target.name.removesuffix(LABELS_ENDING) + ending)
