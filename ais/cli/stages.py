"""`ais stages`: a folder of tomograms segmented and measured in stages, each of which can be run by itself."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ais.cli.inputs import find_inputs
from ais.cli.model_groups import unpacked_models
from ais.cli.options import Device, Json, Overwrite, Threshold, VoxelSize, check_at_least, check_voxel_option
from ais.cli.terminal import complain, show, show_json, terminal_progress
from ais.errors import AisError
from ais.formats.registry import is_volume_folder

if TYPE_CHECKING:
    from ais.stages import StageResult

DEFAULT_FOLDER = "stages"
EXTENT = re.compile(r"(\d+)x(\d+)x(\d+)")


def run(
    folder: Annotated[
        str,
        typer.Argument(
            metavar="DIR",
            help="Folder of tomograms, or a file, glob or .txt with one path per line.",
            show_default=False,
        ),
    ],
    stages: Annotated[
        list[str] | None,
        typer.Argument(metavar="[split] [predict] [assemble] [analyze]", help="Stages to run.", show_default="all"),
    ] = None,
    model: Annotated[
        list[str] | None,
        typer.Option("-m", "--model", help="Model or group of models; repeat it for several. `predict` needs it."),
    ] = None,
    output: Annotated[
        str | None, typer.Option("-o", "--output", help="Folder for the results.", show_default="DIR/stages")
    ] = None,
    tile: Annotated[str, typer.Option("--tile", metavar="ZxYxX", help="Largest piece, in voxels.")] = "64x512x512",
    overlap: Annotated[
        str, typer.Option("--overlap", metavar="ZxYxX", help="What neighbouring pieces share at least, in voxels.")
    ] = "16x128x128",
    format_: Annotated[str, typer.Option("--format", metavar="mrc|tif", help="Of the pieces.")] = "mrc",
    tta: Annotated[int, typer.Option("--tta", metavar="N", help="Average over N symmetries of the slice, 1-16.")] = 1,
    rules: Annotated[str | None, typer.Option("--rules", metavar="FILE", help="Rules between models, JSON.")] = None,
    precision: Annotated[str, typer.Option("--precision", help="auto, float32 or mixed.")] = "auto",
    threshold: Threshold = 128.0,
    min_volume: Annotated[
        float,
        typer.Option("--min-volume", metavar="A3", help="Cleaning removes instances below it, in cubic angstrom."),
    ] = 0.0,
    remove_border: Annotated[
        bool, typer.Option("--remove-border", help="Cleaning removes instances that touch the tomogram's faces.")
    ] = False,
    separate: Annotated[
        bool, typer.Option("--separate", help="Divide what touches at its necks, as `ais pick` does.")
    ] = False,
    device: Device = "auto",
    voxel_size: VoxelSize = None,
    overwrite: Overwrite = False,
    json: Json = False,
) -> int:
    """Segment and measure a folder of tomograms in stages, each by itself or all, going on where a run was stopped.

    split cuts tomograms into pieces that overlap, predict runs the models on each piece, assemble puts the pieces
    together, analyze finds, cleans and measures instances. Results lie in 1_split to 4_analyze. Predicted pieces may be
    corrected by hand in between: they are kept and used. `ais segment` is faster where none of this is needed.
    """
    from ais.interactions import Rules
    from ais.stages import StageSettings, run_stages

    check_voxel_option(voxel_size)
    check_at_least("--min-volume", min_volume, 0)
    check_at_least("--tta", tta, 1)
    _one_of("--precision", precision, ("auto", "float32", "mixed"))
    chosen = tuple(stages or ())
    settings = StageSettings(
        tile=_extent("--tile", tile),
        overlap=_extent("--overlap", overlap),
        format=_one_of("--format", format_, ("mrc", "tif")),
        voxel_size=voxel_size,
        tta=tta,
        precision=precision,
        device=device,
        rules=Rules.read(Path(rules)) if rules else None,
        threshold=threshold,
        min_volume=min_volume,
        remove_border=remove_border,
        separate=separate,
    )
    target = Path(output) if output else _default_output(folder)
    with unpacked_models(model or [], target) as models:
        if settings.rules is None:
            settings = replace(settings, rules=models.rules)
        inputs = _tomograms(folder, needed=not chosen or "split" in chosen)
        with terminal_progress("Stages") as progress:
            results = run_stages(
                inputs, target, models.paths, settings, stages=chosen, overwrite=overwrite, progress=progress
            )
        models.is_wanted = any(one.status != "failed" for one in results)
    return _report(results, json=json)


def _tomograms(word: str, *, needed: bool) -> list[Path]:
    from ais.segmented_volumes import is_segmentation

    if not needed and not Path(word).exists():
        return []  # what the earlier stages have left is enough
    try:
        return find_inputs([word], keep=lambda path: not is_segmentation(path))
    except AisError:
        if needed:
            raise
        return []


def _default_output(word: str) -> Path:
    path = Path(word)
    return (path if path.is_dir() and not is_volume_folder(path) else path.parent) / DEFAULT_FOLDER


def _report(results: Sequence[StageResult], *, json: bool) -> int:
    failed = [one for one in results if one.status == "failed"]
    for one in failed:
        complain(one.error)
    if len(failed) == len(results):
        return 2
    finished = [one for one in results if one.status != "failed"]
    if json:
        show_json([_entry(one) for one in finished])
    else:
        for one in finished:
            show(f"{one.output}  {_figures(one)}{' (kept)' if one.status == 'kept' else ''}")
    return 1 if failed else 0


def _entry(result: StageResult) -> dict[str, Any]:
    return {
        "stage": result.stage,
        "tomogram": result.tomogram,
        "feature": result.feature,
        "output": str(result.output),
        "status": result.status,
        **result.figures,
    }


def _figures(result: StageResult) -> str:
    figures = Counter({name: value for name, value in result.figures.items() if isinstance(value, int)})
    if result.stage == "analyze":
        return f"{figures['instances']} of {figures['instances_before']} instances"
    words = [f"{figures['pieces']} piece{'s' if figures['pieces'] != 1 else ''}"]
    if result.status != "kept" and figures["kept"]:
        words.append(f"{figures['kept']} kept")
    if figures["corrected"]:
        words.append(f"{figures['corrected']} corrected by hand")
    return ", ".join(words)


def _extent(option: str, text: str) -> tuple[int, int, int]:
    match = EXTENT.fullmatch(text.lower().replace(" ", ""))
    if match is None:
        raise AisError(f"{option} must be three numbers of voxels, such as 64x512x512, not '{text}'.")
    return (int(match[1]), int(match[2]), int(match[3]))


def _one_of(option: str, value: str, choices: tuple[str, ...]) -> str:
    if value not in choices:
        raise AisError(f"{option} must be one of {', '.join(choices)}, not '{value}'.")
    return value
