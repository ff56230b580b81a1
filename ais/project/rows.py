"""Rows of a project's tables as the values that the rest of the program works with."""

from __future__ import annotations

import json
import math
import os
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ais.annotation.entries import (
    Box,
    Feature,
    HandPick,
    HandPicks,
    HistoryEntry,
    ModelEntry,
    PickSet,
    Region,
    TomogramEntry,
)
from ais.annotation.volume_looks import VolumeEntry, look_of
from ais.errors import AisError
from ais.fluorescence.overlay import Overlay
from ais.fluorescence.records import overlay_of
from ais.project.schema import CONTENT

if TYPE_CHECKING:
    from ais.tomogram import Normalization

MAX_SIDE_PX = 1 << 20
MAX_SLICE_PX = 1 << 32

TOMOGRAM_COLUMNS = "id, name, path, relative_path, nz, ny, nx, header_voxel_size, voxel_size"
FEATURE_COLUMNS = "id, name, red, green, blue, box_size, brush_radius, alpha, visible, outline, level, dust"
BOX_COLUMNS = "id, z, y, x, negative"
MODEL_COLUMNS = "id, name, path, relative_path, settings"
PICK_SET_COLUMNS = "id, tomogram, name, data"
HISTORY_COLUMNS = "id, text, time, tomogram, feature, z, y0, y1, x0, x1, undone"
PICKED_BY_HAND = "name != '' AND json_extract(data, '$.manual') = 1"

Row = tuple[Any, ...]


def tomogram_of(row: Row, folder: Path, normalization: Normalization | None) -> TomogramEntry:
    """A tomogram from a row of TOMOGRAM_COLUMNS, looked for beside the project and at its absolute path."""
    number, name, absolute, relative, nz, ny, nx, header, override = row
    path, missing = locate(folder, absolute, relative)
    shape = shape_of(nz, ny, nx)
    header = _real(header)
    voxel_size = header if override is None else _real(override)
    return TomogramEntry(number, _text(name), path, shape, voxel_size, header, normalization, missing)


def shape_of(nz: Any, ny: Any, nx: Any) -> tuple[int, int, int]:
    """A tomogram's shape, or an AisError if it is no possible one."""
    shape = (_whole(nz, 1), _whole(ny, 1), _whole(nx, 1))
    if shape[1] * shape[2] > MAX_SLICE_PX:
        raise AisError(f"The project is damaged: a tomogram has slices of {shape[1]} x {shape[2]} pixels.")
    return shape


def feature_of(row: Row) -> Feature:
    """A feature from a row of FEATURE_COLUMNS."""
    number, name, red, green, blue, box_size, brush_radius, alpha, visible, outline, level, dust = row
    colour = (_real(red), _real(green), _real(blue))
    return Feature(
        number,
        _text(name),
        colour,
        _whole(box_size, 1),
        _real(brush_radius),
        _real(alpha),
        bool(visible),
        bool(outline),
        _real(level),
        _real(dust),
    )


def box_of(row: Row) -> Box:
    """A box from a row of BOX_COLUMNS."""
    number, z, y, x, negative = row
    return Box(number, _whole(z, 0), _whole(y, 0), _whole(x, 0), bool(negative))


def model_of(row: Row, folder: Path) -> ModelEntry:
    """A model from a row of MODEL_COLUMNS, looked for as tomograms are."""
    number, name, absolute, relative, settings = row
    path, missing = locate(folder, absolute, relative)
    return ModelEntry(number, _text(name), path, read_object(settings), missing)


def pick_set_of(row: Row) -> PickSet:
    """A pick set from a row of PICK_SET_COLUMNS."""
    number, tomogram, name, data = row
    return PickSet(number, tomogram, _text(name), read_object(data))


def hand_picks_of(row: Row) -> HandPicks:
    """Picks by hand from a row of PICK_SET_COLUMNS whose data say that they are."""
    number, tomogram, _, data = row
    values = read_object(data)
    try:
        picks = tuple(HandPick(_whole(pick, 0), _real(z), _real(y), _real(x)) for pick, z, y, x in values["picks"])
        return HandPicks(number, tomogram, _whole(values["feature"], 1), _real(values["radius"]), picks)
    except (KeyError, TypeError, ValueError) as error:
        raise AisError("Picks of the project are damaged: restore the project from a copy.") from error


def volume_of(row: Row, folder: Path) -> VolumeEntry | None:
    """A segmented volume from a row of key and value of the settings; None if it is none."""
    found = _file_of_setting(row, folder)
    if found is None:
        return None
    key, path, missing, value = found
    by_hand, listed = value.get("by_hand") is True, value.get("listed") is not False
    return VolumeEntry(key, path, missing, look_of(value.get("look")), by_hand, listed)


def fluorescence_of(row: Row, folder: Path) -> Overlay | None:
    """An image over a tomogram from a row of key and value of the settings; None if it is none."""
    found = _file_of_setting(row, folder)
    if found is None:
        return None
    key, path, missing, value = found
    return overlay_of(value, key, path, missing)


def _file_of_setting(row: Row, folder: Path) -> tuple[str, Path, bool, dict[str, Any]] | None:
    """Key, place of the file, whether it is missing, and all that a setting says of it; None if it is of no file."""
    key, value = _text(row[0]), read_json(row[1])
    paths = value.get("paths") if isinstance(value, dict) else None
    if not key.rpartition(" ")[2].isdecimal() or not isinstance(paths, list) or not paths:
        return None
    if not all(isinstance(path, str) for path in paths):
        return None
    path, missing = locate(folder, paths[0], paths[1] if len(paths) > 1 else None)
    return key, path, missing, value


def history_of(row: Row) -> HistoryEntry:
    """A line of history from a row of HISTORY_COLUMNS."""
    number, text, time, tomogram, feature, z, y0, y1, x0, x1, undone = row
    bounds = None if y0 is None else (y0, y1, x0, x1)
    return HistoryEntry(number, _text(text), _text(time), Region(tomogram, feature, z, bounds), bool(undone))


def locate(folder: Path, absolute: str, relative: str | None) -> tuple[Path, bool]:
    """Where a file is now, and whether it is missing: first looked for from the project's folder, then absolutely."""
    places = [folder / _text(relative)] if relative else []
    places.append(Path(_text(absolute)))
    for place in places:
        try:
            if place.exists():
                return Path(os.path.normpath(place)), False
        except (OSError, ValueError):
            continue
    return Path(absolute), True


def stored_paths(path: Path, folder: Path) -> dict[str, str | None]:
    """The columns that find a file again: its absolute path, and its path from the project's folder with slashes.

    Raises
    ------
    AisError
        If the path is not valid text.
    """
    # Links are kept: a link may carry the tomogram's name where the file behind it does not.
    absolute = os.path.normpath(Path(path).absolute())
    return {"path": check_text(absolute), "relative_path": relative_path(absolute, folder)}


def relative_path(absolute: str, folder: Path) -> str | None:
    """A path from the project's folder, with slashes; None where there is none, as between drives of Windows."""
    try:
        return Path(os.path.relpath(absolute, folder)).as_posix()
    except ValueError:
        return None


def moved_setting(text: Any, folder: Path | None) -> Any:
    """A setting as JSON that finds its file from another folder, or, without one, by its absolute path only.

    Settings of no file, and damaged ones, are given back as they are.
    """
    try:
        value = json.loads(text)
    except (ValueError, TypeError, RecursionError):
        return text
    paths = value.get("paths") if isinstance(value, dict) else None
    if not isinstance(paths, list) or not 1 <= len(paths) <= 2 or not all(isinstance(path, str) for path in paths):
        return text
    relative = relative_path(paths[0], folder) if folder is not None else None
    return json.dumps({**value, "paths": [paths[0], *([relative] if relative is not None else [])]}, ensure_ascii=False)


def check_text(text: str) -> str:
    """The same text, or an AisError if it cannot be stored, as names of files in an unknown encoding."""
    try:
        text.encode("utf-8")
    except UnicodeEncodeError as error:
        shown = text.encode("utf-8", "replace").decode()
        raise AisError(f"{shown} has characters in its name that are not valid Unicode: rename it.") from error
    return text


def read_object(text: Any) -> dict[str, Any]:
    """A JSON object from a project.

    Raises
    ------
    AisError
        If it is damaged.
    """
    value = read_json(text)
    if not isinstance(value, dict):
        raise AisError("A record of the project is damaged: restore the project from a copy.")
    return value


def read_json(text: Any) -> Any:
    """A JSON value from a project; raises as `read_object`."""
    try:
        return json.loads(text)
    except (ValueError, TypeError, RecursionError) as error:
        raise AisError("A record of the project is damaged: restore the project from a copy.") from error


def read_key(table: str, text: Any) -> tuple[Any, ...]:
    """The primary key of a changed row from the history of a project; raises as `read_object`."""
    key = read_json(text)
    if table not in CONTENT or not isinstance(key, list) or len(key) != len(CONTENT[table].key):
        raise AisError("The history of the project is damaged: restore the project from a copy.")
    return tuple(key)


def write_json(value: Any) -> str:
    """A value as JSON.

    Raises
    ------
    AisError
        If it holds something that JSON has no word for, such as an array or NaN.
    """
    try:
        return json.dumps(value, ensure_ascii=False, allow_nan=False)
    except (ValueError, TypeError, RecursionError) as error:
        raise AisError(f"A project stores numbers, texts, lists and objects, which this is not: {error}.") from error


def names_of(entries: Iterable[TomogramEntry | Feature]) -> str:
    """Names for a sentence: the first ten and how many more."""
    names = [entry.name for entry in entries]
    more = f" and {len(names) - 10} more" if len(names) > 10 else ""
    return ", ".join(names[:10]) + more if names else "none"


def _whole(value: Any, low: int) -> int:
    if isinstance(value, int) and low <= value <= MAX_SIDE_PX:
        return value
    raise AisError(f"The project is damaged: {value!r} where a whole number from {low} to {MAX_SIDE_PX} is expected.")


def _real(value: Any) -> float:
    if isinstance(value, (int, float)) and math.isfinite(value):
        return float(value)
    raise AisError(f"The project is damaged: {value!r} where a number is expected.")


def _text(value: Any) -> str:
    if isinstance(value, str):
        return value
    raise AisError(f"The project is damaged: {value!r} where a name is expected.")
