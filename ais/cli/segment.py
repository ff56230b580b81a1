"""`ais segment`: segmented volumes from tomograms and models."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Annotated, Literal

import typer

from ais.cli.cluster import device_of_workers, on_cluster, seen_by_all
from ais.cli.inputs import find_inputs, parse_crop, parse_range
from ais.cli.model_groups import unpacked_models
from ais.cli.options import Device, Inputs, Json, OutputFolder, Overwrite, VoxelSize, check_voxel_option
from ais.cli.terminal import complain, show, show_json, terminal_progress
from ais.errors import AisError
from ais.shards import Shard


def run(
    inputs: Inputs,
    output: OutputFolder,
    model: Annotated[list[str], typer.Option("-m", "--model", help="Model or group of models; repeat it for several.")],
    tta: Annotated[int, typer.Option("--tta", metavar="N", help="Average over N symmetries of the slice, 1-16.")] = 1,
    batch_size: Annotated[
        str, typer.Option("--batch-size", metavar="N|auto", help="Slices computed at once.")
    ] = "auto",
    range_: Annotated[
        str | None, typer.Option("--range", metavar="Z0:Z1", help="Only these slices, half open, from 0.")
    ] = None,
    crop: Annotated[
        str | None, typer.Option("--crop", metavar="X0:X1,Y0:Y1", help="Only this part; y = array row.")
    ] = None,
    rules: Annotated[str | None, typer.Option("--rules", metavar="FILE", help="Rules between models, JSON.")] = None,
    dtype: Annotated[
        str, typer.Option("--dtype", help="uint8 (0-255, mode 6), int8 (0-127) or float32 (0-1).")
    ] = "uint8",
    precision: Annotated[str, typer.Option("--precision", help="auto, float32 or mixed.")] = "auto",
    device: Device = "auto",
    voxel_size: VoxelSize = None,
    labels: Annotated[
        str | None,
        typer.Option(
            "--labels",
            metavar="beside|inside",
            help="Also write OME-Zarr labels: <stem>__<feature>.zarr beside the volumes, or inside the input OME-Zarr.",
        ),
    ] = None,
    label_threshold: Annotated[
        float, typer.Option("--label-threshold", metavar="T", help="What reaches it is labelled; 0-255.")
    ] = 128.0,
    overwrite: Overwrite = False,
    json: Json = False,
    shard: Annotated[
        str | None,
        typer.Option(
            "--shard",
            metavar="i/n",
            help="One of n such calls, i from 0, on any machines, that share the tomograms and the folder.",
        ),
    ] = None,
    workers: Annotated[
        str | None,
        typer.Option(
            "--workers",
            metavar="N|auto",
            help="Segment N tomograms at once, each in a process that has its share of the GPUs, or of the cores.",
        ),
    ] = None,
    cluster: Annotated[
        str | None,
        typer.Option("--cluster", metavar="WHICH", help="local:N, tcp://HOST:PORT, tls://HOST:PORT or slurm, by Dask."),
    ] = None,
    cluster_config: Annotated[
        str | None, typer.Option("--cluster-config", metavar="FILE", help="What --cluster is asked for: TOML or JSON.")
    ] = None,
) -> int:
    """Segment tomograms with one or more models.

    Writes <stem>__<feature>.mrc into the folder for each feature that a model finds, a record beside each, and
    manifest.json. Finished volumes are kept when the command is run again; segmentations in a folder given as input
    are passed over. The models of a group (.aisgroup, .scnmgroup) are unpacked to a folder of its name in the output
    folder, and its rules apply unless --rules is given.
    """
    sharing = Shard.parse(shard) if shard is not None else None
    if sharing is not None and overwrite:
        raise AisError("--overwrite and --shard exclude each other: choose another folder.")
    if sharing is not None and cluster is not None:
        raise AisError("--shard and --cluster exclude each other: both share the tomograms out.")
    if workers is not None and cluster is not None:
        raise AisError("--workers and --cluster exclude each other: --cluster local:N makes N processes here.")
    from ais.export import SegmentSettings, segment
    from ais.interactions import Rules
    from ais.label_images import PLACES, LabelWish
    from ais.segmented_volumes import is_segmentation
    from ais.workers.pool import Workers
    from ais.workers.processors import processors

    check_voxel_option(voxel_size)
    found = find_inputs(inputs, keep=lambda path: not is_segmentation(path))
    paths = [seen_by_all(path, cluster) for path in found]
    folder = seen_by_all(Path(output), cluster)
    settings = SegmentSettings(
        z_range=parse_range(range_),
        crop=parse_crop(crop),
        tta=_between("--tta", tta, 1, 16),
        dtype=dtype,
        batch_size=_batch_size(batch_size),
        precision=_one_of("--precision", precision, ("auto", "float32", "mixed")),
        device=device_of_workers(cluster, device),
        voxel_size=voxel_size,
        rules=Rules.read(Path(rules)) if rules else None,
        labels=None if labels is None else LabelWish(_one_of("--labels", labels, PLACES), label_threshold),
    )
    shares = [] if cluster is not None else processors(workers, device)
    side_by_side = Workers(shares) if shares else None
    with unpacked_models(model, folder) as models:
        if settings.rules is None:
            settings = replace(settings, rules=models.rules)
        files = [seen_by_all(path, cluster) for path in models.paths]
        with on_cluster(cluster, cluster_config, device) as runner, terminal_progress("Segmenting") as progress:
            results = segment(
                *(paths, files, folder, settings),
                overwrite=overwrite,
                progress=progress,
                shard=sharing,
                runner=runner or side_by_side,
            )
        failed = [result for result in results if result.status == "failed"]
        models.is_wanted = len(failed) < len(results) or sharing is not None  # then others may use them
    for result in failed:
        complain(result.error)
    if len(failed) == len(results):
        return 2
    if json:
        show_json(
            [
                {
                    "input": str(result.tomogram),
                    "status": result.status,
                    "outputs": {feature: str(path) for feature, path in result.outputs.items()},
                    **({"labels": {name: str(path) for name, path in result.labels.items()}} if labels else {}),
                }
                for result in results
            ]
        )
    else:
        for result in results:
            if result.status != "failed":
                kept = " (kept)" if result.status == "kept" else ""
                show(
                    "\n".join(
                        [*(f"{path}{kept}" for path in result.outputs.values()), *map(str, result.labels.values())]
                    )
                )
    return 1 if failed else 0


def _batch_size(text: str) -> int | Literal["auto"]:
    if text == "auto":
        return "auto"
    if not text.isdecimal() or int(text) < 1:
        raise AisError(f"--batch-size must be auto or a whole number from 1, not '{text}'.")
    return int(text)


def _between(option: str, value: int, low: int, high: int) -> int:
    if not low <= value <= high:
        raise AisError(f"{option} must be from {low} to {high}, not {value}.")
    return value


def _one_of(option: str, value: str, choices: tuple[str, ...]) -> str:
    if value not in choices:
        raise AisError(f"{option} must be one of {', '.join(choices)}, not '{value}'.")
    return value
