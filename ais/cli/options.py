"""Options that several commands share, written once so that they read the same everywhere."""

from __future__ import annotations

from typing import Annotated

import typer

from ais.errors import AisError
from ais.tomogram import check_voxel_size

Inputs = Annotated[
    list[str], typer.Argument(help="Files, folders, globs, or a .txt with one path per line.", show_default=False)
]
OutputFolder = Annotated[str, typer.Option("-o", "--output", help="Folder for the results; made if missing.")]
Json = Annotated[bool, typer.Option("--json", help="Print the figures as JSON, and nothing else, on stdout.")]
Overwrite = Annotated[bool, typer.Option("--overwrite", help="Write again what exists already.")]
VoxelSize = Annotated[
    float | None,
    typer.Option("--voxel-size", metavar="A", help="Voxel size in angstrom, instead of the one in the header."),
]
Threshold = Annotated[float, typer.Option("--threshold", help="Level that counts as inside, on the 0-255 scale.")]
Seed = Annotated[int, typer.Option("--seed", help="Seed of every random choice.")]
Device = Annotated[str, typer.Option("--device", help="auto, cpu, gpu, or gpu:0,1 for certain ones.")]
SetBoxSize = Annotated[int, typer.Option("--box-size", metavar="PX", help="Edge of the boxes in pixels.")]


def check_voxel_option(voxel_size: float | None) -> float | None:
    """The same value, or an AisError that names the option if it is not a positive number."""
    if voxel_size is not None:
        check_voxel_size(voxel_size)
    return voxel_size


def check_at_least(option: str, value: float | None, low: float, what: str = "") -> None:
    """Raise an AisError that names the option if its value is below `low` or not a number."""
    if value is not None and not value >= low:
        raise AisError(f"{option} must be at least {low:g}{' ' + what if what else ''}, not {value:g}.")
