"""`ais compare`: several architectures trained on one set and tabulated."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from ais.cli.options import Device, Json, Overwrite
from ais.cli.terminal import complain, show, show_json, terminal_progress
from ais.cli.training_options import (
    ArchitectureOptions,
    Augment,
    BatchSize,
    Copies,
    Epochs,
    Negatives,
    Precision,
    TrainingSeed,
    Validation,
    parse_options,
)

if TYPE_CHECKING:
    from ais.comparison import ComparisonRow


def run(
    sets: Annotated[list[str], typer.Argument(metavar="SET...", help="Training sets (.scnt) for one feature; pooled.")],
    output: Annotated[str, typer.Option("-o", "--output", help="Folder for tables, picture and models.")],
    architecture: Annotated[
        list[str] | None,
        typer.Option("--architecture", help="Name from ais train --list; repeatable. By default all that fit the set."),
    ] = None,
    option: ArchitectureOptions = None,
    test: Annotated[str | None, typer.Option("--test", metavar="TOMOGRAM", help="Measure on this tomogram.")] = None,
    truth: Annotated[
        str | None, typer.Option("--truth", metavar="MASK", help="Mask or labels of the test tomogram.")
    ] = None,
    label: Annotated[
        int | None, typer.Option("--label", metavar="N", help="Value of the feature in --truth; others count as not.")
    ] = None,
    epochs: Epochs = None,
    batch_size: BatchSize = None,
    copies: Copies = None,
    negatives: Negatives = None,
    validation: Validation = None,
    augment: Augment = None,
    precision: Precision = None,
    device: Device = "auto",
    seed: TrainingSeed = None,
    overwrite: Overwrite = False,
    json: Json = False,
) -> int:
    """Train several architectures on one set with the same settings, and measure them on what none has seen.

    Writes comparison.csv, comparison.md, comparison.png and <architecture>.aism. They are measured on the slices of
    --test that the training set does not show; without --test on samples kept aside, --validation 0.2 by default.
    Models that are finished are kept when the command is run again, and a training that was stopped goes on.
    """
    typed = {
        "epochs": epochs,
        "batch_size": batch_size,
        "copies": copies,
        "negatives": negatives,
        "validation": validation,
        "augment": augment,
        "precision": precision,
        "seed": seed,
    }
    options = parse_options(option or [])
    from ais.comparison import compare, markdown_table

    with terminal_progress("Comparing") as progress:
        rows = compare(
            sets,
            output,
            architectures=architecture,
            options=options,
            test=test,
            truth=truth,
            label=label,
            device=device,
            overwrite=overwrite,
            on_row=_log_row,
            progress=progress,
            **{name: value for name, value in typed.items() if value is not None},  # type: ignore[arg-type]
        )
    failed = [row for row in rows if row.status == "failed"]
    if len(failed) == len(rows):
        return 2
    if json:
        show_json([row.as_dict() for row in rows])
    else:
        show(markdown_table(rows))
        show(f"\nMeasured on {rows[0].measured_on}; see {output} for the picture and the models.")
    return 1 if failed else 0


def _log_row(row: ComparisonRow) -> None:
    if row.status == "failed":
        complain(f"{row.architecture} failed: {row.error}")
    else:
        dice = "-" if row.dice is None else f"{row.dice:.3f}"
        complain(f"{row.architecture} {row.status}: Dice {dice}")
