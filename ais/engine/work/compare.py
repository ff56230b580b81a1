"""The task that trains several architectures on one set and measures each."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ais.engine.context import TaskContext

if TYPE_CHECKING:
    from ais.comparison import ComparisonRow

PATHS = ("test", "truth")


def compare(arguments: Mapping[str, Any], context: TaskContext) -> dict[str, Any]:
    """Compare architectures as `ais compare` does.

    It publishes ``rows`` (`ais.comparison.ComparisonRow.as_dict` of each architecture that has been measured or has
    failed). Stopped, it leaves the table of these, and their models; run again with the same arguments, it goes on.

    Parameters
    ----------
    arguments
        Those of `ais.comparison.compare` that are JSON-able, ``sets`` being the paths of the training sets and
        ``shown`` [path, z] or None.

    Returns
    -------
    dict
        ``rows``: as published.

    Raises
    ------
    AisError
        As `ais.comparison.compare`.
    Cancelled
        If it is stopped.
    """
    from ais.comparison import compare as compare_architectures

    settings = {key: value for key, value in arguments.items() if key not in ("sets", "output", "shown")}
    settings |= {key: Path(settings[key]) for key in PATHS if settings.get(key)}
    shown = arguments.get("shown")
    rows: list[dict[str, Any]] = []

    def tell(row: ComparisonRow) -> None:
        rows.append(row.as_dict())
        context.publish("rows", list(rows))

    context.report(0, 0, "Starting")
    context.device()
    compare_architectures(
        [Path(path) for path in arguments["sets"]],
        Path(arguments["output"]),
        **settings,
        shown=None if shown is None else (Path(shown[0]), int(shown[1])),
        on_row=tell,
        progress=context,
    )
    return {"rows": rows}
