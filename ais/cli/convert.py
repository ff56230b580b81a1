"""`ais convert`: one file turned into another format."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated, Any

import numpy as np
import typer

from ais.cli.options import Overwrite, VoxelSize, check_at_least, check_voxel_option
from ais.cli.outputs import check_output
from ais.cli.terminal import complain, show, terminal_progress
from ais.errors import AisError
from ais.formats.coordinates import SUFFIXES
from ais.formats.ome_zarr_labels import inside_an_image
from ais.formats.registry import volume_exists, volume_suffix, write_volume
from ais.prediction import slabs
from ais.progress import Progress
from ais.tomogram import Tomogram

MODELS = (".aism", ".scnm")
GROUPS = (".aisgroup", ".scnmgroup")


def run(
    input_: Annotated[str, typer.Argument(metavar="INPUT", help="File to read.", show_default=False)],
    output: Annotated[
        str, typer.Argument(metavar="OUT", help="File to write; its ending decides.", show_default=False)
    ],
    star: Annotated[
        str, typer.Option("--star", help="Dialect of a star file: relion5, relion4, warp or stopgap.")
    ] = "relion5",
    tomogram: Annotated[
        str | None, typer.Option("--tomogram", metavar="FILE", help="Gives shape and voxel size for coordinates.")
    ] = None,
    voxel_size: VoxelSize = None,
    tilt_series_pixel_size: Annotated[
        float | None,
        typer.Option("--tilt-series-pixel-size", metavar="A", help="Of the unbinned tilt series, for RELION 4."),
    ] = None,
    labels: Annotated[
        bool, typer.Option("--labels", help="Write an OME-Zarr label image; taken for granted for X.zarr/labels/NAME.")
    ] = False,
    label_threshold: Annotated[
        float | None,
        typer.Option(
            "--label-threshold",
            metavar="T",
            help="Write labels, 1 for what reaches T (0-255). Default: whole numbers stay, of segmented volumes 128.",
        ),
    ] = None,
    overwrite: Overwrite = False,
) -> None:
    """Convert between the formats Ais reads and writes: volumes, coordinates, training sets, models and groups.

    A volume keeps its values and voxel size, as MRC also origin and labels; coordinates keep columns that Ais does not
    know. OUT may be a label image inside an OME-Zarr volume, as TS_001.zarr/labels/membrane.
    """
    source, target = Path(input_), Path(output)
    if not volume_exists(source):
        raise AisError(f"{source} does not exist.")
    check_voxel_option(voxel_size)
    check_at_least("--tilt-series-pixel-size", tilt_series_pixel_size, 1e-3)
    check_output(target, overwrite=overwrite, inputs=[source])
    if volume_suffix(source) and (labels or label_threshold is not None or inside_an_image(target)):
        from ais.label_images import DEFAULT_THRESHOLD, convert_to_labels
        from ais.segmented_volumes import is_segmentation

        if label_threshold is None and is_segmentation(source):
            label_threshold = DEFAULT_THRESHOLD
        with terminal_progress(f"Writing {target.name}") as progress:
            convert_to_labels(source, target, label_threshold, voxel_size=voxel_size, progress=progress)
    elif labels or label_threshold is not None:
        raise AisError("--labels and --label-threshold are about volumes.")
    elif volume_suffix(source) and volume_suffix(target):
        with terminal_progress(f"Writing {target.name}") as progress:
            _convert_volume(source, target, voxel_size, progress)
    elif source.suffix.lower() in SUFFIXES and target.suffix.lower() in SUFFIXES:
        _convert_coordinates(source, target, star, tomogram, voxel_size, tilt_series_pixel_size)
    elif source.suffix.lower() == target.suffix.lower() == ".scnt":
        from ais.trainset import TrainingSet

        TrainingSet.read(source).write(target)
    elif source.suffix.lower() in MODELS and target.suffix.lower() in MODELS:
        _convert_model(source, target)
    elif source.suffix.lower() in GROUPS and target.suffix.lower() in GROUPS:
        _convert_group(source, target)
    else:
        raise AisError(f"Ais does not convert {source.name} into {target.name}: the endings do not belong together.")
    show(str(target))


def _convert_model(source: Path, target: Path) -> None:
    from ais.models import load_model, read_preview, save_model, save_scnm

    save = save_scnm if target.suffix.lower() == ".scnm" else save_model
    save(target, load_model(source), read_preview(source))


def _convert_group(source: Path, target: Path) -> None:
    from ais.interactions import Rules
    from ais.models import save_scnmgroup, unpack_group, write_group

    save = save_scnmgroup if target.suffix.lower() == ".scnmgroup" else write_group
    with TemporaryDirectory(prefix="ais-") as folder:
        models, rules = unpack_group(source, folder)
        save(target, models, Rules.parse(rules, source.name).content())


def _convert_volume(source: Path, target: Path, voxel_size: float | None, progress: Progress) -> None:
    with closing(Tomogram.open(source, voxel_size)) as volume:
        for note in volume.notes:
            complain(f"{source}: {note}")
        if any(volume.origin) and ".tif" in volume_suffix(target):
            complain(f"{target.name}: a TIFF has no place for the origin of {source.name}, which is left out.")
        write_volume(
            target,
            _checked_slabs(volume, progress),
            voxel_sizes=volume.voxel_sizes,
            shape=volume.shape,
            dtype=volume.dtype,
            like=volume.info,
            label="Ais convert",
        )


def _checked_slabs(volume: Tomogram, progress: Progress) -> Iterator[np.ndarray[Any, np.dtype[Any]]]:
    for z, slab in slabs(volume):
        progress.report(z, volume.shape[0])
        if slab.dtype.kind == "f":
            volume.check_finite(slab)
        yield slab


def _convert_coordinates(
    source: Path,
    target: Path,
    star: str,
    tomogram: str | None,
    voxel_size: float | None,
    tilt_series_pixel_size: float | None,
) -> None:
    from ais.formats.coordinates import read_coordinates, write_coordinates

    shape, size, name = None, voxel_size, ""
    if tomogram is not None:
        with closing(Tomogram.open(tomogram, voxel_size)) as volume:
            shape, size, name = volume.shape, volume.require_voxel_size(), volume.name
    table = read_coordinates(
        source, voxel_size=size, tilt_series_pixel_size=tilt_series_pixel_size, shape=shape, tomogram=name
    )
    if name and not any(table.tomograms):
        table.tomograms = [name] * len(table)
    for path in write_coordinates(
        target, table, dialect=star, voxel_size=size, shape=shape, tilt_series_pixel_size=tilt_series_pixel_size
    )[:-1]:
        show(str(path))
