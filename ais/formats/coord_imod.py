"""Points of IMOD's binary models, ``.mod``.

IMOD counts pixels from their edges in x and y, and slices from their middles in z: the middle of the first voxel is at
(0.5, 0.5, 0). Numbers are big-endian. A model is a list of chunks: each of its objects is followed by its contours,
which hold the points. The format is described by the authors of IMOD in the page "IMOD Binary File Format".
"""

from __future__ import annotations

import os
import struct
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

import numpy as np

from ais.errors import AisError, describe_os_error
from ais.formats.atomic import write_bytes
from ais.formats.coord_angles import FloatArray
from ais.formats.coord_cbox import one_tomogram
from ais.formats.coord_dialects import Geometry
from ais.formats.coord_numbers import whole
from ais.formats.coord_table import Coordinates
from ais.formats.plain_file import require_plain_file

OBJECT, CONTOUR = "imodObject", "imodContour"
"""Columns: from 1, the object and the contour within it to which a point belongs."""

_ID = b"IMODV1.2"
_HEADER = struct.Struct(">128s4iI4i6f5i" + "fi" + "i3f")
_OBJECT = struct.Struct(">64s64siIii3fi8B2i")
_CONTOUR = struct.Struct(">IIII")
_MESH = struct.Struct(">III4x")
_IMAGE = struct.Struct(">18f")
_POINT = np.dtype(">f4")
_CENTRE = np.array([0.5, 0.5, 0.0])
_FLIPPED = 0b11 << 16
_SUBSET_KNOWN = 1 << 14
_MODEL_FLAGS = 0b1111 << 10
_OPEN, _SCATTERED = 1 << 3, 1 << 9
_NANOMETRE = -9
_SPHERE = 5
_MOST_CONTOURS = 200_000
_LARGEST = 2**30


@dataclass
class _Model:
    """What is collected while the chunks go by."""

    points: list[FloatArray] = field(default_factory=list)
    objects: list[int] = field(default_factory=list)
    contours: list[int] = field(default_factory=list)
    expected: list[int] = field(default_factory=list)
    found: list[int] = field(default_factory=list)
    subset: FloatArray = field(default_factory=lambda: np.zeros(3))


def read_imod(path: Path, *, tomogram: str = "") -> Coordinates:
    """Points of a .mod file, in voxels, with the columns `OBJECT` and `CONTOUR`.

    Raises
    ------
    AisError
        If the file is no model of IMOD, damaged, or was saved while y and z were flipped.
    """
    require_plain_file(path)
    try:
        with path.open("rb") as stream:
            model = _read(stream, path)
    except OSError as error:
        raise AisError(describe_os_error(error, path)) from error
    if not model.points:
        raise AisError(f"{path} holds no points.")
    lengths = [len(part) for part in model.points]
    positions = np.concatenate(model.points) - _CENTRE + model.subset
    columns = {
        label: [str(value) for value in np.repeat(values, lengths).tolist()]
        for label, values in ((OBJECT, model.objects), (CONTOUR, model.contours))
    }
    return Coordinates(positions, [tomogram] * len(positions), None, None, dict(columns))


def write_imod(path: Path, table: Coordinates, geometry: Geometry) -> None:
    """Write the particles of one tomogram as an IMOD model.

    Points with the columns `OBJECT` and `CONTOUR` go there; those of filaments (``rlnHelicalTubeID``) become a contour
    each; all others are scattered points of one object.

    Raises
    ------
    AisError
        If the particles are of several tomograms, or the file cannot be written.
    """
    one_tomogram(path, table)
    objects = _group(table, OBJECT) or [1] * len(table)
    tubes = _group(table, CONTOUR) or _group(table, "rlnHelicalTubeID")
    contours = tubes or [1] * len(table)
    rows: dict[int, dict[int, list[int]]] = {}
    for row, (number, contour) in enumerate(zip(objects, contours, strict=True)):
        rows.setdefault(number, {}).setdefault(contour, []).append(row)
    points = (table.positions + _CENTRE).astype(_POINT)
    parts = [_ID, _header(table, geometry, len(rows))]
    for number in sorted(rows):
        flags = _SCATTERED if tubes is None or len(rows[number]) == 1 else _OPEN
        parts.append(_object(len(rows[number]), flags))
        for contour in sorted(rows[number]):
            chosen = rows[number][contour]
            parts += [b"CONT", _CONTOUR.pack(len(chosen), 0, 0, 0), points[chosen].tobytes()]
    write_bytes(path, b"".join([*parts, b"IEOF"]))


def _read(stream: BinaryIO, path: Path) -> _Model:
    size = os.fstat(stream.fileno()).st_size
    if stream.read(len(_ID)) != _ID:
        raise AisError(f"{path} is not an IMOD model: save it in 3dmod as a binary model.")
    header = _HEADER.unpack(_exactly(stream, _HEADER.size, path))
    flags = header[5]
    if flags & _FLIPPED:
        raise AisError(f"{path} was saved with y and z flipped: turn that off in 3dmod and save the model again.")
    model = _Model()
    while len(name := stream.read(4)) == 4 and name != b"IEOF":
        left = size - stream.tell()
        if name == b"OBJT":
            values = _OBJECT.unpack(_exactly(stream, _OBJECT.size, path))
            model.expected.append(values[2])
            model.found.append(0)
        elif name == b"CONT":
            _contour(stream, model, left, path)
        elif name == b"MESH":
            vertices, indices, _ = _MESH.unpack(_exactly(stream, _MESH.size, path))
            _skip(stream, 12 * vertices + 4 * indices, left - _MESH.size, path)
        else:
            (length,) = struct.unpack(">I", _exactly(stream, 4, path))
            if name == b"MINX" and length == _IMAGE.size and flags & _SUBSET_KNOWN:
                model.subset = _subset(np.array(_IMAGE.unpack(_exactly(stream, length, path))))
            else:
                _skip(stream, length, left - 4, path)
    if len(model.expected) < header[4] or any(a < b for a, b in zip(model.found, model.expected, strict=True)):
        raise _truncated(path)
    return model


def _contour(stream: BinaryIO, model: _Model, left: int, path: Path) -> None:
    count = _CONTOUR.unpack(_exactly(stream, _CONTOUR.size, path))[0]
    if not model.found or model.found[-1] >= _MOST_CONTOURS:
        raise AisError(f"{path} is damaged: it has contours without an object, or too many of them.")
    model.found[-1] += 1
    if 12 * count > left - _CONTOUR.size:
        raise _truncated(path)
    points = np.frombuffer(_exactly(stream, 12 * count, path), _POINT).astype(np.float64).reshape(-1, 3)
    if not np.isfinite(points).all():
        raise AisError(f"{path} has a point that is not a finite number: it is damaged.")
    if count:
        model.points.append(points)
        model.objects.append(len(model.found))
        model.contours.append(model.found[-1])


def _subset(image: FloatArray) -> FloatArray:
    """Where the part of a tomogram begins that the model was drawn on, in voxels (x, y, z)."""
    origin, scale, start, rotation = image[3:6], image[9:12], image[12:15], image[15:18]
    known = np.concatenate([origin, scale, start])
    if not np.isfinite(known).all() or (scale <= 0).any() or rotation.any():
        return np.zeros(3)
    offset = (origin - start) / scale
    return offset if np.isfinite(offset).all() else np.zeros(3)


def _header(table: Coordinates, geometry: Geometry, objects: int) -> bytes:
    name = (table.tomogram_names or [""])[0]
    limits = [int(value) + 1 for value in np.ceil(table.positions.max(axis=0, initial=0.0)).clip(max=_LARGEST)]
    shape = geometry.shape(name) if callable(geometry.shape) else geometry.shape
    if shape is not None:
        limits = list(shape[::-1])
    size = geometry.voxel_size(name) if callable(geometry.voxel_size) else geometry.voxel_size
    voxel = float(np.mean(size)) if size is not None else 0.0
    pixel, units = (voxel / 10, _NANOMETRE) if voxel > 0 else (1.0, 0)
    view = (1, 1, 0, 255)  # drawn, in the mouse's model mode, the whole range of grey
    return _HEADER.pack(
        b"Ais", *limits, objects, _MODEL_FLAGS, *view, 0, 0, 0, 1, 1, 1, 0, 0, 0, 3, 128, pixel, units, 0, 0, 0, 0
    )


def _object(contours: int, flags: int) -> bytes:
    symbol = (1, 3, 1, 1, 0, 0, 0, 0)
    packed = _OBJECT.pack(b"particles", b"", contours, flags, 0, 1, 0.0, 1.0, 0.0, _SPHERE, *symbol, 0, 0)
    return b"OBJT" + packed


def _group(table: Coordinates, label: str) -> list[int] | None:
    return whole(table.columns[label]) if label in table.columns and len(table) else None


def _exactly(stream: BinaryIO, length: int, path: Path) -> bytes:
    data = stream.read(length)
    if len(data) < length:
        raise _truncated(path)
    return data


def _skip(stream: BinaryIO, length: int, left: int, path: Path) -> None:
    if length > left:
        raise _truncated(path)
    stream.seek(length, os.SEEK_CUR)


def _truncated(path: Path) -> AisError:
    return AisError(f"{path} is truncated or damaged: copy it again, or save the model again.")
