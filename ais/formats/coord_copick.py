"""Picks of copick, ``<user>_<session>_<object>.json``: points of one run in angstrom, with orientations and scores.

A point's place is its location and the shift in its transformation; the middle of voxel i is at i times the voxel size.
The rotation in the transformation maps the particle to the tomogram. The run, which is the tomogram, is named in the
file or by the folder ``ExperimentRuns/<run>/Picks`` that it lies in.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ais.errors import AisError, describe_os_error
from ais.formats.atomic import write_text
from ais.formats.coord_angles import FloatArray, angles_to_rotation, rotation_to_angles
from ais.formats.coord_cbox import one_tomogram
from ais.formats.coord_dialects import Geometry
from ais.formats.coord_numbers import real_or, whole_or
from ais.formats.coord_table import Column, Coordinates, text_of
from ais.formats.plain_file import require_plain_file
from ais.formats.star import Block

SCORE, INSTANCE = "score", "instance_id"
SCORES = (SCORE, "rlnAutopickFigureOfMerit")
INSTANCES = (INSTANCE, "rlnHelicalTubeID")
RUNS, PICKS = "ExperimentRuns", "Picks"
USER, SESSION = "ais", "1"
MOST_BYTES = 1 << 27
MOST_COLUMNS = 64
_BLOCK = "copick"
_NAMES = ("user_id", "session_id", "pickable_object_name")
_POINT = ("location", "transformation_", INSTANCE, SCORE)
_UNIT_ROW = (0.0, 0.0, 0.0, 1.0)
_ROTATION_SLACK = 1e-3
_FORBIDDEN = re.compile(r'[<>:"/\\|?*\x00-\x1f\x7f\s_]')


def read_copick(path: Path, geometry: Geometry, *, tomogram: str = "") -> Coordinates:
    """Particles of a file of picks, in voxels.

    Parameters
    ----------
    path
        The file.
    geometry
        Gives the voxel size of the tomogram.
    tomogram
        Name for a run that neither the file nor its folder names.

    Raises
    ------
    AisError
        If the file is damaged or of another kind, or the voxel size is not known.
    """
    given = read_json_object(path)
    if "pickable_objects" in given:
        raise AisError(f"{path} is a copick project, not a file of picks: see ais copick list {path.name}.")
    points = given.get("points")
    points = [] if points is None else points
    if not isinstance(given.get("pickable_object_name"), str) or not isinstance(points, list):
        raise AisError(f"{path} is neither a file of picks nor a project of copick, the JSON files that Ais opens.")
    if not all(isinstance(point, dict) for point in points):
        raise _damaged(path, "points")
    if str(given.get("unit", "angstrom")).lower() not in ("angstrom", "å", "a"):
        raise AisError(f"{path} counts in {str(given['unit'])[:20]!r}, where copick means angstrom.")
    places = _numbers([_location(point) for point in points], (3,), path, "location")
    transformations = [point.get("transformation_") for point in points]
    known = [list(map(list, np.eye(4))) if each is None else each for each in transformations]
    matrices = _numbers(known, (4, 4), path, "transformation_")
    if not np.allclose(matrices[:, 3], _UNIT_ROW):
        raise _damaged(path, "transformation_")
    name = run_of(path) or tomogram
    if isinstance(given.get("run_name"), str) and given["run_name"]:
        name = given["run_name"]
    names = [name] * len(points)
    positions = (places + matrices[:, :3, 3]) / geometry.voxel_sizes(names, path)
    angles = None
    if given.get("trust_orientation", True) and not np.allclose(matrices[:, :3, :3], np.eye(3)):
        angles = rotation_to_angles(_rotations(matrices[:, :3, :3], path))
    columns: dict[str, Column] = {}
    for label, default in ((SCORE, 1.0), (INSTANCE, 0)):
        values = _numbers([_or(point.get(label), default) for point in points], (), path, label)
        if (values != default).any():
            columns[label] = values if label == SCORE else values.astype(np.int64)
    columns |= _other_columns(points)
    kept = {key: [value] for key in _NAMES if isinstance(value := given.get(key), str)}
    return Coordinates(positions, names, angles, None, columns, [Block(_BLOCK, kept, loop=False)])


def write_copick(path: Path, table: Coordinates, geometry: Geometry) -> None:
    """Write the particles of one tomogram as picks.

    Who picked, in which session, and what, is read from the file's name where it is one of copick's, else it is what
    the particles were read with.

    Raises
    ------
    AisError
        If the particles are of several tomograms, the voxel size is not known, or the file cannot be written.
    """
    one_tomogram(path, table)
    sizes = geometry.voxel_sizes(table.tomograms, path)
    places = table.positions * sizes
    rotations = np.broadcast_to(np.eye(3), (len(table), 3, 3))
    if table.angles is not None and len(table):
        rotations = angles_to_rotation(table.angles).as_matrix()
    scores = [float(value) for value in real_or(table, SCORES, 1.0)]
    instances = [int(float(value)) for value in whole_or(table, INSTANCES, [0] * len(table))]
    others = {label: column for label, column in table.columns.items() if label not in (SCORE, INSTANCE)}
    points = []
    for row in range(len(table)):
        x, y, z = (round(value, 6) for value in places[row].tolist())
        matrix = [[*(round(part, 12) for part in line), 0.0] for line in rotations[row].tolist()]
        points.append(
            {
                "location": {"x": x, "y": y, "z": z},
                "transformation_": [*matrix, list(_UNIT_ROW)],
                INSTANCE: instances[row],
                SCORE: scores[row],
                **{label: text_of(column[row]) for label, column in others.items()},
            }
        )
    user, session, name = _names(path, table)
    document = {
        "pickable_object_name": name,
        "user_id": user,
        "session_id": session,
        "run_name": next((each for each in table.tomograms if each), run_of(path)) or None,
        "voxel_spacing": float(sizes[0, 0]) if len(table) else None,
        "unit": "angstrom",
        "points": points,
        "trust_orientation": table.angles is not None,
    }
    write_text(path, json.dumps(document, indent=1, ensure_ascii=False) + "\n")


def has_no_points(path: Path) -> bool:
    """Whether a file of picks has none, as programs leave it that have made no picks yet."""
    try:
        return not read_json_object(path).get("points")
    except AisError:
        return False  # it is told when it is read


def read_json_object(path: Path) -> dict[str, Any]:
    """A JSON object from a file.

    Raises
    ------
    AisError
        If it is missing, larger than `MOST_BYTES`, or no JSON object.
    """
    require_plain_file(path)
    try:
        with path.open("rb") as file:
            data = file.read(MOST_BYTES + 1)
    except OSError as error:
        raise AisError(describe_os_error(error, path)) from error
    if len(data) > MOST_BYTES:
        raise AisError(f"{path} has more than {MOST_BYTES >> 20} MiB: it is no file of copick.")
    try:
        given = json.loads(data.decode("utf-8-sig"))
    except (ValueError, RecursionError) as error:
        raise AisError(f"{path} is not JSON: it is damaged or of another kind.") from error
    if not isinstance(given, dict):
        raise AisError(f"{path} is no file of copick: it is not a JSON object.")
    return given


def run_of(path: Path) -> str:
    """The run in whose folder of picks a file lies; empty if it is nowhere like that."""
    parts = path.absolute().parts
    return parts[-3] if len(parts) > 3 and parts[-2] == PICKS and parts[-4] == RUNS else ""


def copick_name(text: str) -> str:
    """A name as copick allows it: without blanks, underscores and what a file name may not hold."""
    return _FORBIDDEN.sub("-", text).strip("-") or "unnamed"


def _names(path: Path, table: Coordinates) -> tuple[str, str, str]:
    """Who picked, in which session, and what."""
    parts = path.stem.split("_")
    if len(parts) == 3 and all(parts):
        return parts[0], parts[1], parts[2]
    read = next((block.columns for block in table.blocks if block.name == _BLOCK), {})
    user, session, name = (str(read[key][0]) if read.get(key) else "" for key in _NAMES)
    return user or USER, session or SESSION, name or copick_name(path.stem)


def _location(point: dict[str, Any]) -> Any:
    place = point.get("location")
    return [place.get(axis) for axis in "xyz"] if isinstance(place, dict) else place


def _numbers(values: Sequence[Any], shape: tuple[int, ...], path: Path, what: str) -> FloatArray:
    """Rows of finite numbers, float64 (n, *shape)."""
    try:
        found = np.array(values, np.float64).reshape(len(values), *shape)
    except (ValueError, TypeError, OverflowError) as error:
        raise _damaged(path, what) from error
    if not np.isfinite(found).all():
        raise _damaged(path, what)
    return found


def _rotations(matrices: FloatArray, path: Path) -> Any:
    from scipy.spatial.transform import Rotation

    products = matrices @ matrices.transpose(0, 2, 1)
    straight = np.abs(products - np.eye(3)).max(axis=(1, 2)) < _ROTATION_SLACK
    bad = ~(straight & (np.linalg.det(matrices) > 0))
    if bad.any():
        raise AisError(f"{path} has a transformation that is no rotation, in point {int(np.argmax(bad)) + 1}.")
    return Rotation.from_matrix(matrices)


def _other_columns(points: Sequence[dict[str, Any]]) -> dict[str, Column]:
    labels = dict.fromkeys(key for point in points for key in point if key not in _POINT)
    return {
        label: [value if isinstance(value := point.get(label, ""), str) else json.dumps(value) for point in points]
        for label in list(labels)[:MOST_COLUMNS]
        if not any(isinstance(point.get(label), dict | list) for point in points)
    }


def _or(value: Any, default: float) -> Any:
    return default if value is None or (isinstance(value, float) and math.isnan(value)) else value


def _damaged(path: Path, what: str) -> AisError:
    return AisError(f"{path} is damaged: its {what} are not what copick writes.")
