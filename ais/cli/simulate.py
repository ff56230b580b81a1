"""`ais simulate`: simulated tomograms with their ground truth."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ais.cli.options import OutputFolder, Overwrite, Seed, check_at_least
from ais.cli.terminal import show, terminal_progress
from ais.errors import AisError


def run(
    output: OutputFolder,
    count: Annotated[int, typer.Option("--count", metavar="N", help="How many.")] = 1,
    size: Annotated[str, typer.Option("--size", help="small, medium, or voxels as ZxYxX.")] = "small",
    seed: Seed = 0,
    voxel_size: Annotated[float, typer.Option("--voxel-size", metavar="A", help="Voxel size in angstrom.")] = 10.0,
    snr: Annotated[float, typer.Option("--snr", help="Signal to noise, as a ratio of variances.")] = 0.5,
    tilt_range: Annotated[float, typer.Option("--tilt-range", metavar="DEG", help="Largest tilt, degrees.")] = 60.0,
    defocus: Annotated[float, typer.Option("--defocus", metavar="UM", help="Underfocus in micrometres.")] = 3.5,
    overwrite: Overwrite = False,
) -> None:
    """Make simulated tomograms: sim_001.mrc ..., and in truth/ a mask per feature, coordinates and centre lines."""
    from ais.simulation import parse_size, simulate, write_simulation

    check_at_least("--count", count, 1)
    shape = parse_size(size)
    names = [f"sim_{seed + index + 1:03d}" for index in range(count)]
    for name in names:
        target = Path(output) / f"{name}.mrc"
        if target.exists() and not overwrite:
            raise AisError(f"{target} exists: choose another folder or --seed, or --overwrite.")
    with terminal_progress("Simulating") as progress:
        for index, name in enumerate(names):
            simulated = simulate(
                shape,
                seed=seed + index,
                voxel_size=voxel_size,
                snr=snr,
                tilt_range=tilt_range,
                defocus=defocus,
                progress=progress,
            )
            show(str(write_simulation(output, simulated, name, progress=progress)[0]))
