"""`ais analyze`: the instances in segmented volumes, measured."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ais.cli.batches import report_results
from ais.cli.inputs import find_inputs
from ais.cli.options import (
    Inputs,
    Json,
    OutputFolder,
    Overwrite,
    Threshold,
    VoxelSize,
    check_at_least,
    check_voxel_option,
)
from ais.cli.terminal import terminal_progress


def run(
    inputs: Inputs,
    output: OutputFolder,
    threshold: Threshold = 128.0,
    min_volume: Annotated[
        float, typer.Option("--min-volume", metavar="A3", help="Leave out instances below this volume, cubic angstrom.")
    ] = 0.0,
    image: Annotated[
        str | None,
        typer.Option(
            "--image",
            metavar="TOMOGRAM",
            help="For mean intensities and profiles: the tomogram, or the folder of the tomograms.",
        ),
    ] = None,
    to: Annotated[
        str,
        typer.Option(
            "--to",
            metavar="FEATURE",
            help="Measure distances to this: a feature whose volumes lie beside the inputs, or a segmented volume.",
        ),
    ] = "",
    labels: Annotated[
        bool, typer.Option("--labels", help="The inputs hold labels, one number for each instance, not predictions.")
    ] = False,
    separate: Annotated[
        bool, typer.Option("--separate", help="Divide what touches at its necks, as `ais pick` does.")
    ] = False,
    remove_border: Annotated[
        bool, typer.Option("--remove-border", help="Leave out instances that touch the volume's faces.")
    ] = False,
    no_lengths: Annotated[
        bool, typer.Option("--no-lengths", help="Find no centre lines, lengths and profiles; faster.")
    ] = False,
    svg: Annotated[bool, typer.Option("--svg", help="Write plots as .svg as well as .png.")] = False,
    voxel_size: VoxelSize = None,
    overwrite: Overwrite = False,
    json: Json = False,
) -> int:
    """Measure the instances in segmented volumes: labels .mrc, tables .csv and .json, and plots for each.

    What is connected at the threshold is an instance. Columns end in their unit: volume_nm3, surface_area_A2, length_A.
    summary.csv, all_instances.csv and summary_*.png are of all volumes in the folder with the same settings.
    """
    from ais.analysis.batch import LABELS_ENDING, AnalyzeSettings, analyze

    check_voxel_option(voxel_size)
    check_at_least("--min-volume", min_volume, 0)
    settings = AnalyzeSettings(
        threshold=threshold,
        min_volume=min_volume,
        labels=labels,
        separated=separate,
        remove_border=remove_border,
        lengths=not no_lengths,
        image=None if image is None else Path(image),
        distances_to=to,
        svg=svg,
        voxel_size=voxel_size,
    )
    paths = find_inputs(inputs, keep=lambda path: not path.name.endswith(LABELS_ENDING))
    with terminal_progress("Analysing") as progress:
        results = analyze(paths, output, settings, overwrite=overwrite, progress=progress)
    return report_results(results, "instances", json=json)
