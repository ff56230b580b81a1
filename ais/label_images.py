"""Segmented volumes as OME-Zarr labels: beside the other files, or inside the OME-Zarr image that was segmented."""

from __future__ import annotations

import datetime
import os
from collections.abc import Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ais import __version__
from ais.errors import AisError
from ais.formats.ome_zarr_labels import (
    LABELS,
    LabelFacts,
    check_target,
    inside_an_image,
    label_name,
    label_record,
    list_label,
    write_labels,
)
from ais.formats.record import Identity, describe_input
from ais.formats.registry import volume_stem
from ais.formats.volume import Array
from ais.formats.zarr_path import remote_address, zarr_path
from ais.prediction import Scale, check_threshold, reaching, scale_of, slabs
from ais.progress import SILENT, Progress
from ais.tomogram import Tomogram

BESIDE, INSIDE = "beside", "inside"
PLACES = (BESIDE, INSIDE)
DEFAULT_THRESHOLD = 128.0


@dataclass(frozen=True)
class LabelWish:
    """What OME-Zarr labels of segmented volumes are to be written.

    Attributes
    ----------
    place
        ``"beside"``: ``<stem>__<feature>.zarr`` in the folder of the volumes. ``"inside"``: ``labels/<feature>`` of the
        OME-Zarr folder that was segmented.
    threshold
        On the scale of 0 to 255; voxels that reach it become 1, all others 0.
    """

    place: str = BESIDE
    threshold: float = DEFAULT_THRESHOLD

    def __post_init__(self) -> None:
        if self.place not in PLACES:
            raise AisError(f"Labels are written {' or '.join(PLACES)}, not '{self.place}'.")
        check_threshold(self.threshold)

    def path(self, volume: Path, tomogram: Path, feature: str) -> Path:
        """Where the labels of a segmented volume go.

        Parameters
        ----------
        volume
            ``<folder>/<stem>__<feature>.mrc``.
        tomogram
            What was segmented.
        feature
            Its name.

        Raises
        ------
        AisError
            If they are to lie inside something that has no place for them.
        """
        if self.place == BESIDE:
            return volume.with_name(f"{volume_stem(volume)}.zarr")
        found = zarr_path(tomogram)
        if found is None or found.zipped or remote_address(tomogram) is not None or LABELS in found.inside.split("/"):
            raise AisError(f"{tomogram} is no OME-Zarr folder that labels could be put into: write them beside.")
        target = Path(found.root, LABELS, label_name(feature))
        check_target(target)
        return target


def write_segmentation_labels(
    target: Path,
    volume: Path,
    tomogram: Path,
    feature: str,
    threshold: float = DEFAULT_THRESHOLD,
    colour: tuple[float, float, float] | None = None,
    *,
    overwrite: bool = False,
    progress: Progress = SILENT,
) -> bool:
    """Write the labels of a segmented volume, unless they have been made of the same volume already.

    Parameters
    ----------
    target
        From `LabelWish.path`.
    volume
        The segmented volume.
    tomogram
        What was segmented.
    feature, colour
        What the value 1 stands for, and in which colour (0 to 1) viewers show it.
    threshold
        On the scale of 0 to 255.
    overwrite
        Make them again in any case.
    progress
        Told the slices done.

    Returns
    -------
    bool
        Whether they were written; False if they were finished before.

    Raises
    ------
    AisError
        If other labels of that name are in the way, or they cannot be written.
    """
    identity = Identity("labels", [describe_input(volume)], {"feature": feature, "threshold": threshold})
    if not overwrite and _is_finished(target, identity):
        return False
    with closing(Tomogram.open(volume)) as opened:
        source = ""
        if not inside_an_image(target) and zarr_path(tomogram) is not None and remote_address(tomogram) is None:
            source = _way(target, tomogram)
        facts = LabelFacts({1: feature}, {} if colour is None else {1: colour}, _record(identity), source)
        write_labels(
            target,
            _reaching(opened, threshold, scale_of(opened), progress),
            opened.shape,
            np.dtype(np.uint8),
            voxel_sizes=opened.voxel_sizes,
            origin=opened.origin,
            facts=facts,
        )
    return True


def convert_to_labels(
    source: Path,
    target: Path,
    threshold: float | None = None,
    *,
    voxel_size: float | None = None,
    progress: Progress = SILENT,
) -> None:
    """Write a volume as an OME-Zarr label image; one that is there is replaced.

    Parameters
    ----------
    source
        A volume of labels, such as instances, or of probabilities.
    target
        As for `ais.formats.ome_zarr_labels.write_labels`.
    threshold
        On the scale of 0 to 255: voxels that reach it become 1. None keeps whole numbers as they are.
    voxel_size
        Overrides the file's, in angstrom.
    progress
        Told the slices done.

    Raises
    ------
    AisError
        If the values are no labels and no threshold is given, or the labels cannot be written.
    """
    check_target(target)
    settings = {"threshold": threshold, "voxel_size": voxel_size}
    with closing(Tomogram.open(source, voxel_size)) as opened:
        if threshold is None and opened.dtype.kind not in "iu":
            raise AisError(f"{source} holds fractions, which are no labels: give --label-threshold, such as 128.")
        identity = Identity("convert", [describe_input(source)], settings)
        kept = threshold is None
        write_labels(
            target,
            _kept(opened, progress) if threshold is None else _reaching(opened, threshold, scale_of(opened), progress),
            opened.shape,
            opened.dtype if kept else np.dtype(np.uint8),
            voxel_sizes=opened.voxel_sizes,
            origin=opened.origin,
            facts=LabelFacts({} if kept else {1: volume_stem(source)}, record=_record(identity)),
        )


def _is_finished(target: Path, identity: Identity) -> bool:
    record = label_record(target)
    if record is None and not target.exists():
        return False
    if record and identity.matches(record):
        if inside_an_image(target):
            list_label(target)  # a killed run may not have come to it
        return True
    raise AisError(f"{target} exists and was made otherwise: choose another folder or --overwrite.")


def _record(identity: Identity) -> dict[str, Any]:
    return {
        "program": "Ais",
        "version": __version__,
        "command": identity.command,
        "inputs": identity.inputs,
        "settings": identity.settings,
        "finished": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
    }


def _way(target: Path, tomogram: Path) -> str:
    found = zarr_path(tomogram)
    if found is None or found.zipped:
        return ""
    try:
        return Path(os.path.relpath(Path(found.root).absolute(), target.absolute())).as_posix()
    except ValueError:  # on another drive of Windows
        return ""


def _reaching(volume: Tomogram, threshold: float, scale: Scale, progress: Progress) -> Iterator[Array]:
    for z, slab in slabs(volume):
        progress.report(z, volume.shape[0], "Writing labels")
        yield reaching(slab, threshold, scale).view(np.uint8)


def _kept(volume: Tomogram, progress: Progress) -> Iterable[Array]:
    for z, slab in slabs(volume):
        progress.report(z, volume.shape[0], "Writing labels")
        yield slab
