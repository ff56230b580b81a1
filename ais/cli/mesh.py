"""`ais mesh`: surfaces of segmented volumes."""

from __future__ import annotations

from typing import Annotated

import typer

from ais.cli.batches import report_results
from ais.cli.inputs import find_inputs
from ais.cli.options import Inputs, Json, OutputFolder, Overwrite, VoxelSize, check_at_least, check_voxel_option
from ais.cli.terminal import terminal_progress


def run(
    inputs: Inputs,
    output: OutputFolder,
    level: Annotated[float, typer.Option("--level", help="Of the surface, on the 0-255 scale.")] = 128.0,
    dust: Annotated[
        float, typer.Option("--dust", metavar="A3", help="Leave out components below this volume, cubic angstrom.")
    ] = 0.0,
    bin_: Annotated[int, typer.Option("--bin", metavar="N", help="Average blocks of N voxels first.")] = 1,
    format_: Annotated[str, typer.Option("--format", help="obj, ply, stl or glb.")] = "obj",
    smooth: Annotated[int, typer.Option("--smooth", metavar="N", help="Rounds of smoothing that keep the volume.")] = 0,
    voxel_size: VoxelSize = None,
    overwrite: Overwrite = False,
    json: Json = False,
) -> int:
    """Make a closed surface of each segmented volume, with vertices in angstrom."""
    from ais.batch import MeshSettings, mesh

    check_voxel_option(voxel_size)
    check_at_least("--dust", dust, 0)
    check_at_least("--bin", bin_, 1)
    check_at_least("--smooth", smooth, 0)
    settings = MeshSettings(level, dust, bin_, smooth, format_, voxel_size)
    paths = find_inputs(inputs)
    with terminal_progress("Making surfaces") as progress:
        results = mesh(paths, output, settings, overwrite=overwrite, progress=progress)
    return report_results(results, "triangles", json=json)
