"""`ais annotate`: annotations and training boxes from a mask volume."""

from __future__ import annotations

import re
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import numpy as np
import typer

from ais.cli.inputs import parse_slices
from ais.cli.options import Json, Seed, check_at_least
from ais.cli.terminal import complain, show, show_json, terminal_progress
from ais.errors import AisError
from ais.tomogram import Tomogram

if TYPE_CHECKING:
    from ais.project import TomogramEntry


def run(
    project: Annotated[str, typer.Argument(metavar="PROJECT", help="Project file (.aisproj).", show_default=False)],
    tomogram: Annotated[
        str, typer.Argument(metavar="TOMOGRAM", help="A tomogram of the project: name or path.", show_default=False)
    ],
    feature: Annotated[str, typer.Option("-f", "--feature", help="Feature; made if missing.")],
    mask: Annotated[str, typer.Option("--mask", metavar="MASK", help="Mask volume of the tomogram's shape.")],
    label: Annotated[float | None, typer.Option("--label", metavar="N", help="Voxels of this value.")] = None,
    threshold: Annotated[
        float | None, typer.Option("--threshold", metavar="T", help="Voxels of at least this value; default: > 0.")
    ] = None,
    slices: Annotated[
        str | None, typer.Option("--slices", metavar="LIST", help="Such as 10,20,30-40; default: all.")
    ] = None,
    boxes: Annotated[
        str | None,
        typer.Option(
            "--boxes", metavar="auto:N|FILE", help="auto:N, a .txt with x y z per line in voxels, or a .star."
        ),
    ] = None,
    tilt_series_pixel_size: Annotated[
        float | None,
        typer.Option("--tilt-series-pixel-size", metavar="A", help="Of the unbinned tilt series, for RELION 4 boxes."),
    ] = None,
    box_size: Annotated[
        int | None, typer.Option("--box-size", metavar="PX", help="Edge of the boxes; 64 for a new feature.")
    ] = None,
    background: Annotated[
        int, typer.Option("--background", metavar="N", help="Add N negative boxes away from what is painted.")
    ] = 0,
    seed: Seed = 0,
    json: Json = False,
) -> None:
    """Turn slices of a mask into annotations of a feature, and place training boxes. One step of undo."""
    from ais.annotation import AnnotateFromMask
    from ais.project import Project

    check_at_least("--background", background, 0)
    check_at_least("--seed", seed, 0)
    check_at_least("--tilt-series-pixel-size", tilt_series_pixel_size, 1e-3)
    check_at_least("--box-size", box_size, 1)
    if label is not None and threshold is not None:
        raise AisError("Give --label or --threshold, not both.")
    auto = _automatic(boxes)
    with closing(Project.open(Path(project))) as document, closing(Tomogram.open(mask)) as volume:
        if document.read_only:
            raise AisError(document.notice)
        entry = document.tomogram(tomogram)
        placed: list[tuple[int, int, int]] = []
        if boxes is not None and not auto:
            placed = _read_boxes(Path(boxes), entry, tilt_series_pixel_size)
        with terminal_progress("Annotating") as progress:
            done = document.apply(
                AnnotateFromMask(
                    entry.id,
                    feature,
                    volume,
                    label=label,
                    threshold=threshold,
                    slices=parse_slices(slices, entry.shape[0]),
                    boxes=placed,
                    auto_boxes=auto,
                    background_boxes=background,
                    box_size=box_size,
                    seed=seed,
                    progress=progress,
                )
            )
    for message in done.messages:
        complain(message)
    if json:
        show_json(
            {
                "feature": done.feature.name,
                "slices": done.slices,
                "boxes": done.boxes,
                "negative_boxes": done.negative_boxes,
            }
        )
    else:
        show(
            f"{feature}: {len(done.slices)} slices annotated, {done.boxes} boxes, {done.negative_boxes} negative boxes"
        )


def _automatic(boxes: str | None) -> int:
    """How many boxes to place automatically, 0 if they come from a file or there are none."""
    if boxes is None or not boxes.startswith("auto"):
        return 0
    match = re.fullmatch(r"auto:(\d{1,6})", boxes)
    if match is None or int(match[1]) < 1:
        raise AisError(f"--boxes takes auto:N with N from 1, or a file, not '{boxes}'.")
    return int(match[1])


def _read_boxes(path: Path, entry: TomogramEntry, tilt_series_pixel_size: float | None) -> list[tuple[int, int, int]]:
    """Centres z, y, x in voxels of the boxes that a file names for a tomogram."""
    from ais.formats.coordinates import read_coordinates

    table = read_coordinates(
        path,
        voxel_size=entry.voxel_size,
        shape=entry.shape,
        tilt_series_pixel_size=tilt_series_pixel_size,
        tomogram=entry.name,
    )
    if any(table.tomograms):
        table = table.of_tomogram(entry.name)
    if not len(table):
        raise AisError(f"{path} names no box in {entry.name}.")
    return [(int(z), int(y), int(x)) for x, y, z in np.rint(table.positions)]
