"""Tables of instances as files: .csv for spreadsheets, .json for programs; column names end in their unit."""

from __future__ import annotations

import csv
import io
import json
import math
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from ais.analysis.instances import Instances
    from ais.analysis.shapes import Profile

DIGITS = 8
SUMMARY_COLUMNS = (
    "tomogram",
    "feature",
    "instances",
    "touching_border",
    "total_volume_nm3",
    "mean_volume_nm3",
    "median_volume_nm3",
    "total_length_nm",
    "median_length_nm",
    "median_distance_nm",
    "per_um3",
)


def csv_text(rows: Iterable[Mapping[str, Any]], columns: Sequence[str]) -> str:
    """A table as text: a line of names, then a line for each row; empty where there is no value.

    Parameters
    ----------
    rows
        Column to value.
    columns
        From left to right.
    """
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows([_cell(row.get(column)) for column in columns] for row in rows)
    return buffer.getvalue()


def instance_columns(tables: Iterable[Instances]) -> list[str]:
    """The columns of several tables together, in order."""
    return list(dict.fromkeys(column for table in tables for column in table.columns()))


def instances_json(instances: Instances, facts: Mapping[str, Any]) -> str:
    """All that was measured, as JSON: `facts`, what the volume is, and each instance with its profile.

    Parameters
    ----------
    instances
        What was measured.
    facts
        Such as the names of tomogram and feature, and the threshold.
    """
    rows: list[dict[str, Any]] = [dict(row) for row in instances.rows()]
    for row, profile in zip(rows, instances.profiles, strict=False):
        row["profile"] = profile_columns(profile)
    document = {
        **facts,
        "shape": list(instances.shape),
        "voxel_sizes_A": list(instances.voxel_sizes),
        "origin_A": list(instances.origin),
        "scale": instances.note,
        "distances_to": None if instances.distances is None else instances.distances.feature,
        "instances": rows,
    }
    return json.dumps(document, indent=1, ensure_ascii=False, allow_nan=False) + "\n"


def profile_columns(profile: Profile) -> dict[str, list[float | None]]:
    """A profile by columns whose names end in their unit, ready for JSON."""
    columns = {"position_A": profile.position, "cross_section_A2": profile.cross_section}
    if profile.intensity is not None:
        columns["intensity"] = profile.intensity
    return {name: [_number(value) for value in values] for name, values in columns.items()}


def summary(instances: Instances) -> dict[str, float | int | None]:
    """Figures of all instances of one volume together, by the names of `SUMMARY_COLUMNS`; None where there are none."""
    volumes, lengths = instances.volumes_nm3, instances.lengths[np.isfinite(instances.lengths)] / 10
    away = instances.distances.surface / 10 if instances.distances is not None else np.zeros(0)
    whole = math.prod(instances.shape) * math.prod(instances.voxel_sizes) / 1e12
    return {
        "instances": len(instances),
        "touching_border": int(instances.touches_border.sum()),
        "total_volume_nm3": float(volumes.sum()),
        "mean_volume_nm3": _number(volumes.mean()) if len(volumes) else None,
        "median_volume_nm3": _median(volumes),
        "total_length_nm": float(lengths.sum()) if len(lengths) else None,
        "median_length_nm": _median(lengths),
        "median_distance_nm": _median(away[np.isfinite(away)]),
        "per_um3": len(instances) / whole,
    }


def _median(values: Any) -> float | None:
    return _number(np.median(values)) if len(values) else None


def _number(value: Any) -> float | None:
    """With as many digits as mean something; None for what is no number."""
    return float(f"{value:.{DIGITS}g}") if math.isfinite(value) else None


def _cell(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "1" if value else "0"
    return f"{value:.{DIGITS}g}" if isinstance(value, float) else str(value)
