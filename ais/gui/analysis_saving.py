"""Tables and plots of an analysis as files."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ais.gui.analysis_table import QUANTITIES, InstanceTable

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ais.analysis.plots import Quantity as Drawn

DRAWN = ("volume_nm3", "length_A", "distance_A", "neighbour_distance_A")
COUNTS = "counts"


def save_table(path: Path, table: InstanceTable, rows: NDArray[np.intp]) -> list[Path]:
    """Write rows of a table, with all that is known of them.

    Parameters
    ----------
    path
        Ending in .json for JSON with profiles; anything else is a .csv.
    table
        What was measured.
    rows
        In the order in which they are written.

    Returns
    -------
    list of Path
        What was written.
    """
    from ais.analysis.tables import csv_text, instance_columns, profile_columns
    from ais.formats.atomic import write_text

    measured = [one.instances for one in table.results if one.instances is not None]
    columns = ["tomogram", "feature", *instance_columns(measured)]
    tables = [[] if one.instances is None else one.instances.rows() for one in table.results]
    found: list[dict[str, Any]] = []
    for row in rows:
        result = table.results[int(table.owner[row])]
        number = int(table.row[row])
        names = {"tomogram": result.volume.tomogram_name, "feature": result.volume.feature}
        found.append({**names, **tables[int(table.owner[row])][number]})
        if path.suffix.casefold() == ".json" and result.instances is not None and result.instances.profiles:
            found[-1]["profile"] = profile_columns(result.instances.profiles[number])
    if path.suffix.casefold() == ".json":
        write_text(path, json.dumps(found, indent=1, ensure_ascii=False, allow_nan=False) + "\n")
    else:
        write_text(path, csv_text(found, columns))
    return [path]


def save_plots(path: Path, table: InstanceTable) -> list[Path]:
    """Write the distributions, and beside them the counts per tomogram.

    Parameters
    ----------
    path
        Ending in .svg for drawings; anything else is a .png.
    table
        What was measured.

    Returns
    -------
    list of Path
        What was written.
    """
    from ais.analysis.plots import counts_figure, distribution_figure, picture
    from ais.formats.atomic import write_bytes

    kind = "svg" if path.suffix.casefold() == ".svg" else "png"
    volumes = sum(one.instances is not None for one in table.results)
    note = f"{len(table)} in {volumes} volume{'s' if volumes != 1 else ''}"
    beside = path.with_name(f"{path.stem}_{COUNTS}{path.suffix}")
    write_bytes(path, picture(distribution_figure(_drawn(table), "Instances", note), kind))
    write_bytes(beside, picture(counts_figure(table.counts()), kind))
    return [path, beside]


def _drawn(table: InstanceTable) -> list[Drawn]:
    from ais.analysis.plots import Quantity as Drawn

    rows = np.arange(len(table))
    found = []
    for one in QUANTITIES:
        if one.name in DRAWN and (one in table.quantities or one is QUANTITIES[0]):
            found.append(Drawn(one.title, one.unit, table.groups(one, by_tomogram=False, rows=rows)))
    return found
