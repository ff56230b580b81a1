"""Annotations as files for other programs: boxes and picks as coordinates, a feature as a volume, a slice."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray

from ais.annotation.entries import IGNORE, TomogramEntry
from ais.annotation.slice_files import write_slice
from ais.errors import AisError
from ais.progress import SILENT, Progress

if TYPE_CHECKING:
    from ais.formats.coordinates import Coordinates
    from ais.project.reading import ProjectReader

Kind = Literal["boxes", "negative boxes", "picks"]

PAINTED: dict[bool, np.generic[Any]] = {True: np.uint8(255), False: np.int8(127)}
"""Painted voxels, with and without unsigned bytes: the top of the scale of segmented volumes, as Ais reads them."""


def coordinates_of(
    project: ProjectReader, feature: int, kind: Kind, tomograms: Sequence[int] | None = None
) -> Coordinates:
    """The training boxes or the hand-picked particles of a feature as a table.

    Parameters
    ----------
    project
        Where they are.
    feature
        Of what.
    kind
        ``"boxes"``, ``"negative boxes"`` or ``"picks"``, which are those made by hand.
    tomograms
        In which; by default in all.

    Returns
    -------
    Coordinates
        Centres x, y, z in voxels with their tomograms' names; picks with their numbers as ``aisParticleID``.
    """
    from ais.formats.coordinates import Coordinates

    positions: list[tuple[float, float, float]] = []
    names: list[str] = []
    numbers: list[int] = []
    for entry in _chosen(project, tomograms):
        if kind == "picks":
            picks = project.hand_picks(entry.id, feature)
            found = [(pick.x, pick.y, pick.z) for pick in picks.picks] if picks else []
            numbers += [pick.id for pick in picks.picks] if picks else []
        else:
            wanted = kind == "negative boxes"
            boxes = project.boxes(entry.id, feature)
            found = [(float(box.x), float(box.y), float(box.z)) for box in boxes if box.negative == wanted]
        positions += found
        names += [entry.name] * len(found)
    columns = {"aisParticleID": numbers} if kind == "picks" else {}
    return Coordinates(np.array(positions, np.float64).reshape(-1, 3), names, columns=dict(columns))


def export_coordinates(
    project: ProjectReader,
    feature: int,
    kind: Kind,
    path: Path | str,
    *,
    tomograms: Sequence[int] | None = None,
    dialect: str = "relion5",
    tilt_series_pixel_size: float | None = None,
) -> list[Path]:
    """Write the training boxes or the hand-picked particles of a feature.

    Parameters
    ----------
    project, feature, kind, tomograms
        As for `coordinates_of`.
    path
        A .star, .csv, .txt (x y z with decimals) or .tsv (x y z in whole voxels) file. The last two name no
        tomogram, so they hold one.
    dialect
        Of a star file: "warp", "relion4" or "relion5".
    tilt_series_pixel_size
        Of the unbinned tilt series in angstrom; needed for "relion4".

    Returns
    -------
    list of Path
        The files written; RELION 5 without `tilt_series_pixel_size` gets one for each tomogram, and their list.

    Raises
    ------
    AisError
        If there is nothing to write, something that the file needs is not known, or it cannot be written.
    """
    from ais.formats.coordinates import write_coordinates

    path, table = Path(path), coordinates_of(project, feature, kind, tomograms)
    if not len(table):
        name = project.feature_by_id(feature).name
        raise AisError(f"There are no {kind} of {name} to write to {path.name}: place some first.")
    owners: dict[str, TomogramEntry] = {}
    for entry in _chosen(project, tomograms):
        if entry.name in table.tomogram_names and owners.setdefault(entry.name, entry) != entry:
            raise AisError(f"Two tomograms are called {entry.name}: write the {kind} of one at a time.")
    if path.suffix.lower() in (".txt", ".tsv") and len(owners) > 1:
        raise AisError(f"{path.name} cannot say in which tomogram a particle is: choose one tomogram, .star or .csv.")
    return write_coordinates(
        path,
        table,
        dialect=dialect,
        voxel_size=lambda name: owners[name].voxel_size,
        shape=lambda name: owners[name].shape,
        tilt_series_pixel_size=tilt_series_pixel_size,
    )


def export_mask_volume(
    project: ProjectReader, tomogram: int, feature: int, path: Path | str, *, progress: Progress = SILENT
) -> None:
    """Write a feature's annotation in a tomogram as a volume, slice by slice.

    Unpainted voxels are 0. Painted ones are 127 in an MRC file, whose bytes are signed, and 255 in a TIFF file: both
    are the top of the scale of segmented volumes, so that what picks particles or makes surfaces takes them as sure.
    Origin, start, voxel size and labels are the tomogram's, or what the project knows of them while it is missing.

    Parameters
    ----------
    project
        Where it is.
    tomogram, feature
        What; feature IGNORE gives the ignore regions.
    path
        The file; it is replaced once it is complete.
    progress
        Told after every slice.

    Raises
    ------
    AisError
        If the tomogram or the feature does not exist, or the file cannot be written or is a tomogram of the project.
    Cancelled
        If `progress` says so; no file is then left.
    """
    from ais.formats.registry import write_volume

    path, entry = Path(path), project.tomogram_by_id(tomogram)
    refuse_tomograms(project, path)
    volume, painted = project.mask_volume(tomogram, feature), _painted(path)
    name = "ignore region" if feature == IGNORE else project.feature_by_id(feature).name

    def slabs() -> Iterator[NDArray[Any]]:
        for z in range(entry.shape[0]):
            progress.report(z, entry.shape[0], f"{entry.name}: {name}")
            yield np.multiply(volume.slice(z)[None], painted, dtype=painted.dtype, casting="unsafe")

    known: dict[str, Any] = {"voxel_sizes": entry.voxel_size}
    if not entry.missing:
        with project.open_tomogram(entry) as opened:
            known = {"voxel_sizes": opened.voxel_sizes, "like": opened.info}
    write_volume(path, slabs(), shape=entry.shape, dtype=painted.dtype, label=f"Ais annotation: {name}", **known)


def export_mask_slice(project: ProjectReader, tomogram: int, feature: int, z: int, path: Path | str) -> None:
    """Write a feature's mask in a slice as a .png, .tif or .mrc file; raises as `export_mask_volume`.

    Unpainted pixels are 0, painted ones 255, or 127 in an MRC file.
    """
    path, entry = Path(path), project.tomogram_by_id(tomogram)
    refuse_tomograms(project, path)
    mask = project.ignore(tomogram, z) if feature == IGNORE else project.mask(tomogram, feature, z)
    painted = _painted(path)
    picture = np.multiply(mask, painted, dtype=painted.dtype, casting="unsafe")
    write_slice(path, picture, voxel_size=entry.voxel_size, limits=(0, 255))


def refuse_tomograms(project: ProjectReader, path: Path) -> None:
    """Raise an AisError if writing `path` would replace a tomogram of the project."""
    for entry in project.tomograms():
        if entry.path == path.absolute() or (path.exists() and not entry.missing and path.samefile(entry.path)):
            raise AisError(f"{path} is the tomogram {entry.name} itself: choose another name.")


def _painted(path: Path) -> np.generic[Any]:
    from ais.formats.registry import volume_suffix

    return PAINTED[path.suffix.lower() == ".png" or ".tif" in volume_suffix(path)]


def _chosen(project: ProjectReader, tomograms: Sequence[int] | None) -> list[TomogramEntry]:
    if tomograms is None:
        return project.tomograms()
    return [project.tomogram_by_id(tomogram) for tomogram in dict.fromkeys(tomograms)]
