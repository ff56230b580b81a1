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
    star: Annotated[str, typer.Option("--star", help="relion5, relion4, warp or stopgap.")] = "relion5",
    tilt_series_pixel_size: Annotated[
        float | None,
        typer.Option("--tilt-series-pixel-size", metavar="A", help="Of the unbinned tilt series; RELION 4 needs it."),
    ] = None,
    tsv: Annotated[bool, typer.Option("--tsv", help="Write x, y, z in whole voxels as well.")] = False,
    voxel_size: VoxelSize = None,
    overwrite: Overwrite = False,
    json: Json = False,
    filaments: Annotated[
        bool, typer.Option("--filaments", help="Trace filaments and pick along them, instead of particles.")
    ] = False,
    min_length: Annotated[
        float, typer.Option("--min-length", metavar="A", help="Drop filaments shorter than this, A.")
    ] = 0.0,
    step: Annotated[
        float | None, typer.Option("--step", metavar="A", help="Distance along filaments, A; four voxels if left out.")
    ] = None,
    twist: Annotated[
        float, typer.Option("--twist", metavar="DEG", help="Turn about the filament from point to point, degrees.")
    ] = 0.0,
    orient: Annotated[
        str, typer.Option("--orient", help="Particles' z axis: none, normal (of --surface) or axis (the longest).")
    ] = "none",
    surface: Annotated[
        str,
        typer.Option(
            "--surface",
            metavar="NAME",
            help="Another feature, whose volume <tomogram>__NAME lies beside the input, or a file: distances to its "
            "surface are written and may limit the picks; membrane for normals.",
        ),
    ] = "",
    surface_level: Annotated[
        float, typer.Option("--surface-level", help="Level of that surface, on the 0-255 scale.")
    ] = 128.0,
    min_distance: Annotated[
        float | None, typer.Option("--min-distance", metavar="A", help="Drop what is nearer to the surface, A.")
    ] = None,
    max_distance: Annotated[
        float | None, typer.Option("--max-distance", metavar="A", help="Drop what is farther from the surface, A.")
    ] = None,
) -> int:
    """Find particles or filaments in segmented volumes and write <stem>_coords.star for each.

    Lengths are in angstrom, volumes in cubic angstrom, the threshold on the 0-255 scale. Particles are sorted by
    weight, points by filament.
    """
    from ais.batch import PickSettings, pick

    check_voxel_option(voxel_size)
    lengths = {
        "--min-volume": min_volume,
        "--spacing": spacing,
        "--margin": margin,
        "--min-length": min_length,
        "--min-distance": min_distance,
        "--max-distance": max_distance,
    }
    for option, value in lengths.items():
        check_at_least(option, value, 0)
    check_at_least("--max", max_count, 1)
    check_at_least("--step", step, 1e-3)
    check_at_least("--tilt-series-pixel-size", tilt_series_pixel_size, 1e-3)
    settings = PickSettings(
        threshold,
        min_volume,
        spacing,
        margin,
        max_count,
        star,
        tilt_series_pixel_size,
        tsv,
        voxel_size,
        filaments,
        min_length,
        step,
        twist,
        orient,
        surface,
        surface_level,
        min_distance,
        max_distance,
    )
    paths = find_inputs(inputs)
    with terminal_progress("Picking") as progress:
        results = pick(paths, output, settings, overwrite=overwrite, progress=progress)
    return report_results(results, "picks", json=json)
