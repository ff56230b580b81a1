"""`ais copick`: what is in a copick project, and results put into it."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from ais.cli.inputs import each_input
from ais.cli.options import Json, Overwrite, check_at_least
from ais.cli.terminal import show, show_json, terminal_progress
from ais.errors import AisError
from ais.formats.copick_project import CopickProject, read_copick_project

ACTIONS = ("list", "write")


def run(
    action: Annotated[str, typer.Argument(metavar="list|write", help="What to do.", show_default=False)],
    config: Annotated[str, typer.Argument(metavar="CONFIG", help="JSON file of the project.", show_default=False)],
    files: Annotated[
        list[str] | None,
        typer.Argument(metavar="[FILE]...", help="To write: coordinates, segmented volumes.", show_default=False),
    ] = None,
    object_: Annotated[str, typer.Option("--object", metavar="NAME", help="What they are of.")] = "",
    run_: Annotated[str, typer.Option("--run", metavar="NAME", help="The run that they are about.")] = "",
    user: Annotated[str, typer.Option("--user", metavar="NAME", help="Who made them.")] = "",
    session: Annotated[str, typer.Option("--session", metavar="ID", help="In which session.")] = "",
    spacing: Annotated[
        float | None, typer.Option("--spacing", metavar="A", help="Voxel size of the tomograms, if there are several.")
    ] = None,
    kind: Annotated[
        str | None, typer.Option("--tomogram-type", metavar="TYPE", help="Their type, such as wbp.")
    ] = None,
    tilt_series_pixel_size: Annotated[
        float | None,
        typer.Option("--tilt-series-pixel-size", metavar="A", help="Of the unbinned tilt series, for RELION 4."),
    ] = None,
    label_threshold: Annotated[
        float | None,
        typer.Option("--label-threshold", metavar="T", help="Label what reaches T, 0-255; of volumes of Ais 128."),
    ] = None,
    overwrite: Overwrite = False,
    json: Json = False,
) -> int:
    """List what is in a copick project, or write picks and segmentations into it.

    Runs and objects are those that files are called by, as TS_001__ribosome_coords.star, or that coordinates name; what
    exists is never replaced unasked. To segment or annotate the tomograms, import the project: ais import CONFIG -o
    PROJECT.
    """
    if action not in ACTIONS:
        raise AisError(f"There is no ais copick {action}: choose {' or '.join(ACTIONS)}.")
    check_at_least("--tilt-series-pixel-size", tilt_series_pixel_size, 1e-3)
    project = read_copick_project(config)
    if action == "list":
        if files:
            raise AisError("ais copick list takes one project.")
        if json:
            show_json(_facts(project))
        else:
            show("\n".join(_lines(project)))
        return 0
    if not files:
        raise AisError("Say which files to write into the project.")
    from ais.copick_writing import CopickTarget

    target = CopickTarget(project, user, session, object_, run_, spacing, kind, overwrite)
    written: list[Path] = []

    def put(path: Path) -> None:
        with terminal_progress(f"Writing {path.name}") as progress:
            written.extend(
                target.put(
                    path,
                    tilt_series_pixel_size=tilt_series_pixel_size,
                    threshold=label_threshold,
                    progress=progress,
                )
            )

    code = each_input([Path(name) for name in files], put)
    if json:
        show_json([str(path) for path in written])
    elif written:
        show("\n".join(map(str, written)))
    return code


def _facts(project: CopickProject) -> dict[str, Any]:
    return {
        "path": str(project.path),
        "name": project.name,
        "objects": [
            {"name": one.name, "is_particle": one.is_particle, "label": one.label, "radius": one.radius}
            for one in project.objects
        ],
        "runs": [
            {
                "name": run,
                "tomograms": [
                    {"voxel_size": one.voxel_size, "type": one.kind, "path": str(one.path)}
                    for one in project.tomograms
                    if one.run == run
                ],
                "picks": [
                    {"object": one.name, "user": one.user, "session": one.session, "path": str(one.path)}
                    for one in project.picks
                    if one.run == run
                ],
                "segmentations": [
                    {
                        "name": one.name,
                        "user": one.user,
                        "session": one.session,
                        "voxel_size": one.voxel_size,
                        "multilabel": one.multilabel,
                        "path": str(one.path),
                    }
                    for one in project.segmentations
                    if one.run == run
                ],
            }
            for run in project.runs
        ],
    }


def _lines(project: CopickProject) -> list[str]:
    objects = ", ".join(one.name for one in project.objects)
    lines = [
        f"{project.name}: {len(project.runs)} run{'s' if len(project.runs) != 1 else ''}, objects {objects or '-'}"
    ]
    for run in project.runs:
        lines.append(run)
        lines += [f"  tomogram      {one.voxel_size:g} A  {one.kind}" for one in project.tomograms if one.run == run]
        lines += [f"  picks         {one.name}  {one.user} {one.session}" for one in project.picks if one.run == run]
        lines += [
            f"  segmentation  {one.name}  {one.voxel_size:g} A  {one.user} {one.session}"
            f"{'  of several objects' if one.multilabel else ''}"
            for one in project.segmentations
            if one.run == run
        ]
    return lines
