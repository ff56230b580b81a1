"""`ais mesh`: surfaces of segmented volumes."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ais.cli.batches import report_results
from ais.cli.inputs import find_inputs
from ais.cli.options import Inputs, Json, OutputFolder, Overwrite, VoxelSize, check_at_least, check_voxel_option
from ais.cli.terminal import terminal_progress

if TYPE_CHECKING:
    from ais.batch import MeshSettings


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
    scene: Annotated[
        str | None,
        typer.Option(
            "--scene",
            metavar="NAME",
            help="Put all surfaces into one file of this name in the folder, each in a colour of its own: "
            ".glb, .obj, .ply, .stl, .cxc (a script for ChimeraX) or .py (for Blender).",
        ),
    ] = None,
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
    if scene is not None:
        return _one_scene(find_inputs(inputs), Path(output), scene, settings, overwrite=overwrite, json=json)
    paths = find_inputs(inputs)
    with terminal_progress("Making surfaces") as progress:
        results = mesh(paths, output, settings, overwrite=overwrite, progress=progress)
    return report_results(results, "triangles", json=json)


def _one_scene(
    paths: list[Path], folder: Path, name: str, settings: MeshSettings, *, overwrite: bool, json: bool
) -> int:
    from ais.errors import AisError
    from ais.prediction import FULL_SCALE
    from ais.scene_files.volumes import SceneTask, check_scene_format, looks_of, write_scenes

    target = folder / name
    check_scene_format(target.suffix.lower().lstrip("."))
    if target.name != name:
        raise AisError(f"--scene is the name of a file in the folder, such as scene.glb, not {name}.")
    if not 0 < settings.level <= FULL_SCALE:
        raise AisError(f"The level must be above 0 and at most 255, not {settings.level:g}.")
    if target.exists() and not overwrite:
        raise AisError(f"{target} exists already: choose another name, or give --overwrite.")
    looks = looks_of(
        paths,
        level=settings.level,
        dust=settings.dust,
        bin=settings.bin,
        smooth=settings.smooth,
        voxel_size=settings.voxel_size,
    )
    with terminal_progress("Making surfaces") as progress:
        results = write_scenes([SceneTask(target, tuple(looks))], progress)
    return report_results(results, "triangles", json=json)
