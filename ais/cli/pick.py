"""`ais pick`: particle coordinates from segmented volumes."""

from __future__ import annotations

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
    refuse_later,
)
from ais.cli.terminal import terminal_progress


def run(
    inputs: Inputs,
    output: OutputFolder,
    threshold: Threshold = 128.0,
    min_volume: Annotated[
        float, typer.Option("--min-volume", metavar="A3", help="Drop particles below this volume, cubic angstrom.")
    ] = 0.0,
    spacing: Annotated[float, typer.Option("--spacing", metavar="A", help="Smallest distance between two, A.")] = 0.0,
    max_count: Annotated[
        int | None, typer.Option("--max", metavar="N", help="At most N per volume, the heaviest.")
    ] = None,
    margin: Annotated[
        float, typer.Option("--margin", metavar="A", help="Drop what is this close to the volume's faces, A.")
    ] = 0.0,
    star: Annotated[str, typer.Option("--star", help="relion5, relion4 or warp.")] = "relion5",
    tilt_series_pixel_size: Annotated[
        float | None,
        typer.Option("--tilt-series-pixel-size", metavar="A", help="Of the unbinned tilt series; RELION 4 needs it."),
    ] = None,
    tsv: Annotated[bool, typer.Option("--tsv", help="Write x, y, z in whole voxels as well.")] = False,
    voxel_size: VoxelSize = None,
    overwrite: Overwrite = False,
    json: Json = False,
    filaments: Annotated[bool, typer.Option("--filaments", help="Not part of this version yet.")] = False,
    min_length: Annotated[
        float | None, typer.Option("--min-length", metavar="A", help="Not part of this version yet.")
    ] = None,
    step: Annotated[float | None, typer.Option("--step", metavar="A", help="Not part of this version yet.")] = None,
    twist: Annotated[float | None, typer.Option("--twist", metavar="DEG", help="Not part of this version yet.")] = None,
    orient: Annotated[str, typer.Option("--orient", help="none; normal and axis come later.")] = "none",
) -> int:
    """Find particles in segmented volumes and write <stem>_coords.star for each.

    Lengths are in angstrom, volumes in cubic angstrom, the threshold on the 0-255 scale. Rows are sorted by weight.
    """
    refuse_later(
        {
            "--filaments": filaments,
            "--min-length": min_length is not None,
            "--step": step is not None,
            "--twist": twist is not None,
            f"--orient {orient}": orient != "none",
        }
    )
    from ais.batch import PickSettings, pick

    check_voxel_option(voxel_size)
    for option, value in (("--min-volume", min_volume), ("--spacing", spacing), ("--margin", margin)):
        check_at_least(option, value, 0)
    check_at_least("--max", max_count, 1)
    check_at_least("--tilt-series-pixel-size", tilt_series_pixel_size, 1e-3)
    settings = PickSettings(
        threshold, min_volume, spacing, margin, max_count, star, tilt_series_pixel_size, tsv, voxel_size
    )
    paths = find_inputs(inputs)
    with terminal_progress("Picking") as progress:
        results = pick(paths, output, settings, overwrite=overwrite, progress=progress)
    return report_results(results, "picks", json=json)
