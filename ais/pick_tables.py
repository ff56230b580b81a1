"""What `ais pick` finds in one volume, as a table: particles or points along filaments, and what surrounds them."""

from __future__ import annotations

from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ais.errors import AisError
from ais.formats.coord_table import Coordinates
from ais.formats.registry import is_volume_folder, volume_stem, volume_suffix, without_labels
from ais.tomogram import Tomogram

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ais.batch import PickSettings


def check_settings(settings: PickSettings) -> None:
    """Raise an AisError if settings do not go together."""
    if settings.filaments:
        if settings.orient != "none":
            raise AisError("Filaments are oriented along themselves: leave out --orient, or --filaments.")
        if settings.spacing:
            raise AisError("The distance along filaments is given by --step: leave out --spacing.")
    else:
        given = {"--min-length": settings.min_length, "--step": settings.step, "--twist": settings.twist}
        for option, value in given.items():
            if value:
                raise AisError(f"{option} is about filaments: give --filaments as well.")
    if settings.orient not in ("none", "normal", "axis"):
        raise AisError(f"'{settings.orient}' is no way to orient particles: choose none, normal or axis.")
    if not settings.surface_name and (settings.min_distance is not None or settings.max_distance is not None):
        raise AisError("Distances are to another feature's surface: name it, for example --surface membrane.")


def surface_volume(path: Path, surface: str) -> Path:
    """The volume of the surface that belongs to an input.

    Parameters
    ----------
    path
        The segmented volume that is picked from, ``<tomogram>__<feature>.mrc``.
    surface
        A file, or the name of a feature whose volume ``<tomogram>__<name>`` lies beside the input; with a folder in
        front, as ``membranes/membrane``, in that folder.

    Raises
    ------
    AisError
        If there is no such volume, or more than one.
    """
    from ais.batch import FEATURE_MARK, tomogram_and_feature

    named = Path(surface)
    if named.is_file() or is_volume_folder(named):
        return named
    folder = path.parent if named.parent == Path() else named.parent
    stem = f"{tomogram_and_feature(path)[0]}{FEATURE_MARK}{named.name}"
    names = sorted(folder.iterdir()) if folder.is_dir() else []
    found = without_labels(
        [
            one
            for one in names
            if volume_suffix(one) and volume_stem(one) == stem and (one.is_file() or is_volume_folder(one))
        ]
    )
    if not found:
        raise AisError(f"{path} has no surface {surface}: there is no {folder / stem}.mrc. Name one with --surface.")
    if len(found) > 1:
        raise AisError(f"{path} has several volumes of the surface {surface}: {', '.join(map(str, found))}. Name one.")
    return found[0]


def picked_table(volume: Tomogram, settings: PickSettings, surface: Path | None) -> tuple[Coordinates, dict[str, Any]]:
    """Pick from one volume.

    Parameters
    ----------
    volume
        The segmented volume.
    settings
        How to pick.
    surface
        Volume of the surface to which distances are measured and whose normals orient.

    Returns
    -------
    table
        The particles, named after the tomogram.
    figures
        About them, for the record.

    Raises
    ------
    AisError
        If a volume is damaged, or the surface's has another shape.
    """
    from ais.batch import tomogram_and_feature

    name, _ = tomogram_and_feature(volume.path)
    if surface is None:
        return _picked(volume, name, settings, None)
    with closing(Tomogram.open(surface, settings.voxel_size)) as other:
        if other.shape != volume.shape:
            raise AisError(f"{surface} has another shape than {volume.path}, so it is no surface beside it.")
        return _picked(volume, name, settings, other)


def _picked(
    volume: Tomogram, name: str, settings: PickSettings, surface: Tomogram | None
) -> tuple[Coordinates, dict[str, Any]]:
    if settings.filaments:
        return _filament_points(volume, name, settings, surface)
    from ais.orientation import orient
    from ais.picking import find_particles, select

    found = find_particles(volume, threshold=settings.threshold, min_volume=settings.min_volume)
    if surface is not None:
        near = _near_enough(_distances(found.positions, surface, settings), settings)
        found = replace(found, positions=found.positions[near], weight=found.weight[near], volume=found.volume[near])
    picks = select(
        found,
        min_volume=settings.min_volume,
        spacing=settings.spacing,
        margin=settings.margin,
        max_count=settings.max_count,
    )
    distances = None if surface is None else _distances(picks.positions, surface, settings)
    angles = None
    if settings.orient == "axis":
        angles = orient(picks, volume, "axis", level=settings.threshold)
    elif settings.orient == "normal" and surface is not None:
        angles = orient(picks, surface, "normal", level=settings.surface_level)
    return picks.coordinates(name, angles, distances), {"picks": len(picks), "scale": picks.scale_note}


def _filament_points(
    volume: Tomogram, name: str, settings: PickSettings, surface: Tomogram | None
) -> tuple[Coordinates, dict[str, Any]]:
    from ais.filaments import trace_filaments
    from ais.picking import DISTANCE_COLUMN

    traced = trace_filaments(
        volume,
        threshold=settings.threshold,
        min_length=settings.min_length,
        step=settings.step,
        twist=settings.twist,
        min_volume=settings.min_volume,
        margin=settings.margin,
        max_count=settings.max_count,
    )
    table = traced.coordinates(name)
    if surface is not None:
        distances = _distances(table.positions, surface, settings)
        table.columns[DISTANCE_COLUMN] = [f"{value:.2f}" for value in distances.tolist()]
        table = table.select(_near_enough(distances, settings))
    figures = {
        "picks": len(table),
        "filaments": len(traced),
        "length": round(float(traced.lengths.sum()), 1),
        "scale": traced.scale_note,
    }
    return table, figures


def _distances(positions: NDArray[np.float64], surface: Tomogram, settings: PickSettings) -> NDArray[np.float64]:
    from ais.orientation import distances_to_surface

    return distances_to_surface(positions, surface, settings.surface_level)


def _near_enough(distances: NDArray[np.float64], settings: PickSettings) -> NDArray[np.bool_]:
    near = distances >= (settings.min_distance or 0.0)
    if settings.max_distance is not None:
        near &= distances <= settings.max_distance
    return near
