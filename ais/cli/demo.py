"""`ais demo`: the whole way on a simulated tomogram, with a report."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from ais.cli.options import Json
from ais.cli.terminal import show, show_json, terminal_progress

if TYPE_CHECKING:
    from ais.report import DemoResult


def run(
    output: Annotated[
        str, typer.Option("-o", "--output", help="Folder for everything the demo makes; made if missing.")
    ] = "demo",
    size: Annotated[str, typer.Option("--size", help="small (under 3 minutes on 2 cores) or medium.")] = "small",
    no_window: Annotated[bool, typer.Option("--no-window", help="Only write the report.")] = False,
    seed: Annotated[int, typer.Option("--seed", help="Seed of every random choice.")] = 1,
    json: Json = False,
) -> None:
    """Simulate, annotate, extract, train, segment, pick, mesh and evaluate; then write report.html and pictures.

    A folder of an earlier demo is used again: the demo replaces its own files, and no others.
    """
    from ais.demo import run_demo

    # Every run writes the report; --no-window also keeps a version with a window from opening one.
    del no_window
    with terminal_progress("Demo") as progress:
        result = run_demo(output, size, seed=seed, progress=progress)
    if json:
        show_json(_figures(result))
        return
    for feature in result.features:
        show(f"{feature.name:>12}  Dice {feature.scores['dice']:.2f}, clDice {feature.scores['cldice']:.2f}")
    if result.picks is not None:
        picks = result.picks
        show(f"{picks.feature:>12}  {len(picks.positions)} picks, {len(picks.truth)} particles, F1 {picks.f1:.2f}")
    show(f"{result.seconds:.0f} s. The report: {result.report}")


def _figures(result: DemoResult) -> dict[str, Any]:
    picks = result.picks
    return {
        "report": str(result.report),
        "seconds": round(result.seconds, 1),
        "features": {feature.name: feature.scores for feature in result.features},
        "picks": None
        if picks is None
        else {
            "feature": picks.feature,
            "picked": len(picks.positions),
            "particles": len(picks.truth),
            "precision": picks.precision,
            "recall": picks.recall,
            "f1": picks.f1,
        },
        "steps": {step.title: round(step.seconds, 2) for step in result.steps},
    }
