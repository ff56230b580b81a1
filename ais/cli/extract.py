"""`ais extract`: a training set from annotated boxes."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path
from typing import Annotated

import typer

from ais.cli.options import Json, Overwrite, Seed, check_at_least, check_voxel_option
from ais.cli.outputs import check_output
from ais.cli.terminal import complain, show, show_json, terminal_progress
from ais.errors import AisError


def run(
    project: Annotated[str, typer.Argument(metavar="PROJECT", help="Project file (.aisproj).", show_default=False)],
    output: Annotated[str, typer.Option("-o", "--output", help="Training set to write (.scnt).")],
    feature: Annotated[list[str], typer.Option("-f", "--feature", help="Feature to learn; repeat for several.")],
    negative: Annotated[
        list[str] | None, typer.Option("--negative", metavar="FEATURE", help="Its boxes show what not to find.")
    ] = None,
    box_size: Annotated[int, typer.Option("--box-size", metavar="PX", help="Edge of the samples.")] = 64,
    depth: Annotated[int, typer.Option("--depth", help="Slices in a sample, odd.")] = 1,
    voxel_size: Annotated[
        float | None,
        typer.Option("--voxel-size", metavar="A", help="Of the samples; tomograms that differ are resampled."),
    ] = None,
    seed: Seed = 0,
    overwrite: Overwrite = False,
    json: Json = False,
) -> None:
    """Cut a training set from the annotated boxes of a project.

    Several features give a set for a network that tells them apart (0 background, 1 the first, 2 ignore, 3 the next).
    """
    from ais.project import Project
    from ais.trainset import describe_training_set, extract_to

    target = Path(output)
    if target.suffix.lower() != ".scnt":
        raise AisError(f"{target} must end in .scnt.")
    check_at_least("--box-size", box_size, 1)
    check_at_least("--depth", depth, 1)
    check_at_least("--seed", seed, 0)
    check_voxel_option(voxel_size)
    check_output(target, overwrite=overwrite, inputs=[Path(project)])
    with closing(Project.open(Path(project), read_only=True)) as document, terminal_progress("Cutting") as progress:
        extract_to(
            target,
            document,
            feature,
            negative or [],
            box_size=box_size,
            depth=depth,
            voxel_size=voxel_size,
            seed=seed,
            progress=progress,
        )
    figures = describe_training_set(target)
    if not figures["n_positive"]:
        complain(f"{target} has no sample in which a feature is painted; a network cannot learn from it alone.")
    if json:
        show_json({"path": str(target), **figures})
    else:
        show(f"{target}  {figures['n_samples']} samples, {figures['n_positive']} of them positive")
