"""How commands that make one output for each input report what became of them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from ais.cli.terminal import complain, show, show_json

if TYPE_CHECKING:
    from ais.batch import FileResult


def report_results(results: Sequence[FileResult], figure: str, *, json: bool) -> int:
    """Print what was made and name what failed.

    Parameters
    ----------
    results
        One per input.
    figure
        The figure to show behind each output, such as ``"picks"``.
    json
        Print JSON instead of lines.

    Returns
    -------
    int
        Exit code: 0 all done, 1 some failed, 2 all failed.
    """
    failed = [result for result in results if result.status == "failed"]
    for result in failed:
        complain(result.error)
    if len(failed) == len(results):
        return 2
    if json:
        entries = [
            {"input": str(r.input), "output": str(r.output), "status": r.status, **r.figures}
            for r in results
            if r.status != "failed"
        ]
        show_json(entries[0] if len(results) == 1 else entries)
    else:
        for result in results:
            if result.status != "failed":
                kept = " (kept)" if result.status == "kept" else ""
                show(f"{result.output}  {result.figures.get(figure, '-')} {figure}{kept}")
    return 1 if failed else 0
