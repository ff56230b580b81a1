"""Surfaces on disk for ChimeraX, Blender and other 3D programs: OBJ, PLY, STL and GLB, all in angstrom."""

from __future__ import annotations

import json
import struct
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, Protocol

import numpy as np
from numpy.typing import NDArray

from ais.errors import AisError

GREY = (0.7, 0.7, 0.7)
ROWS_AT_ONCE = 1 << 17
COORDINATE_DECIMALS = 3
NORMAL_DECIMALS = 4
STL_HEADER_BYTES = 80
GLB_MAX_BYTES = 2**32 - 1
GLB_JSON, GLB_BINARY = 0x4E4F534A, 0x004E4942
GL_FLOAT, GL_UNSIGNED_INT = 5126, 5125
GL_ARRAY_BUFFER, GL_ELEMENT_ARRAY_BUFFER = 34962, 34963
ROUGHNESS = 0.6

Colour = tuple[float, float, float]
Bytes = NDArray[np.uint8]


class TriangleMesh(Protocol):
    """What is needed of a surface: an `ais.surfaces.Surface` is one."""

    @property
    def vertices(self) -> NDArray[np.float32]:
        """(n, 3) x, y, z in angstrom."""

    @property
    def faces(self) -> NDArray[np.int32]:
        """(m, 3) indices into `vertices`, counter-clockwise when seen from outside."""

    @property
    def normals(self) -> NDArray[np.float32]:
        """(n, 3) unit vectors x, y, z that point outwards."""


@dataclass(frozen=True)
class MeshPart:
    """One structure of a scene.

    Attributes
    ----------
    mesh
        Its surface.
    colour
        Red, green and blue as shown on screen (sRGB), 0-1.
    name
        What the structure is, such as ``"membrane"``.
    """

    mesh: TriangleMesh
    colour: Colour = GREY
    name: str = "surface"


def write_mesh(
    path_to_write: Path | str,
    mesh: TriangleMesh,
    format: str,
    *,
    colour: Colour = GREY,
    name: str = "surface",
) -> None:
    """Write one surface; see `write_scene`."""
    write_scene(path_to_write, [MeshPart(mesh, colour, name)], format)


def write_scene(path_to_write: Path | str, parts: Sequence[MeshPart], format: str) -> None:
    """Write surfaces into one file. The numbers are in angstrom in every format, at the tomogram's own position.

    So a mesh lies on its map in ChimeraX whichever the format, and the four formats agree with each other. glTF, of
    which GLB is the binary form, calls its unit a metre: in Blender 1 angstrom becomes 1 m, where 1e-10 m could not
    be worked with. The file says so in ``asset.extras``.

    ======  ==========================================================================
    format  holds
    ======  ==========================================================================
    obj     text; an object per part, colour of each vertex after its position, normals
    ply     binary; all parts in one mesh, colour and normal of each vertex
    stl     binary; all parts in one mesh, neither colours nor shared vertices
    glb     binary; a node, mesh and material per part, normals
    ======  ==========================================================================

    Parameters
    ----------
    path_to_write
        The temporary path of `ais.formats.atomic.atomic_path`, or any file to make.
    parts
        The surfaces. An empty one, or none, makes a valid file without faces.
    format
        ``"obj"``, ``"ply"``, ``"stl"`` or ``"glb"``.

    Raises
    ------
    AisError
        If the format is unknown or the scene too large for it.
    OSError
        If the file cannot be written; `atomic_path` turns it into an AisError.
    """
    writer = MESH_FORMATS.get(format)
    if writer is None:
        raise AisError(f"Meshes cannot be written as {format!r}: choose {', '.join(MESH_FORMATS)}.")
    with Path(path_to_write).open("wb") as file:
        writer(file, parts)


def _write_obj(file: BinaryIO, parts: Sequence[MeshPart]) -> None:
    file.write(b"# Surfaces in angstrom\n")
    first = 1
    for part in parts:
        file.write(f"o {_one_word(part.name)}\n".encode())
        colour = " ".join(f"{channel:.4f}" for channel in _clipped(part.colour))
        for rows in _slabs(part.mesh.vertices):
            file.write(_text_rows(b"v ", _decimals(rows, COORDINATE_DECIMALS), f" {colour}\n".encode()))
        for rows in _slabs(part.mesh.normals):
            file.write(_text_rows(b"vn ", _decimals(rows, NORMAL_DECIMALS), b"\n"))
        for rows in _slabs(part.mesh.faces):
            numbers = _digits(rows.astype(np.int64) + first, least=1)
            slashes = np.full((*rows.shape, 2), ord("/"), np.uint8)
            file.write(_text_rows(b"f ", np.concatenate([numbers, slashes, numbers], axis=2), b"\n"))
        first += len(part.mesh.vertices)


def _decimals(values: NDArray[np.float32], decimals: int) -> Bytes:
    """(n, k) numbers as (n, k, width) characters; a 0 byte stands where a number is shorter than the widest."""
    scaled = np.rint(values.astype(np.float64) * 10**decimals).astype(np.int64)
    digits = _digits(np.abs(scaled), least=decimals + 1)
    sign = np.where(scaled < 0, np.uint8(ord("-")), np.uint8(0))[..., None]
    point = np.full_like(sign, ord("."))
    return np.concatenate([sign, digits[..., :-decimals], point, digits[..., -decimals:]], axis=2)


def _digits(numbers: NDArray[np.int64], least: int) -> Bytes:
    """(n, k) numbers of 0 and above as (n, k, width) characters, at least `least` of each; 0 bytes before them."""
    largest = int(numbers.max(initial=0))
    left = numbers.astype(np.uint32) if largest < 2**32 else numbers.astype(np.uint64)
    width = max(least, len(str(largest)))
    characters = np.empty((*numbers.shape, width), np.uint8)
    for place in range(width):
        left_of_it = left // 10
        digit = (left - left_of_it * 10).astype(np.uint8) + np.uint8(ord("0"))
        characters[..., width - 1 - place] = digit if place < least else np.where(left > 0, digit, 0)
        left = left_of_it
    return characters


def _text_rows(before: bytes, numbers: Bytes, after: bytes) -> bytes:
    """One line per row of `numbers` (n, k, width), its k numbers set apart by blanks."""
    count, columns, width = numbers.shape
    line = np.empty((count, len(before) + columns * (width + 1) - 1 + len(after)), np.uint8)
    line[:, : len(before)] = np.frombuffer(before, np.uint8)
    line[:, line.shape[1] - len(after) :] = np.frombuffer(after, np.uint8)
    for column in range(columns):
        start = len(before) + column * (width + 1)
        line[:, start : start + width] = numbers[:, column]
        if column < columns - 1:
            line[:, start + width] = ord(" ")
    return line[line > 0].tobytes()


def _write_ply(file: BinaryIO, parts: Sequence[MeshPart]) -> None:
    vertex_type = np.dtype([("position", "<f4", 3), ("normal", "<f4", 3), ("colour", "u1", 3)])
    face_type = np.dtype([("corners", "u1"), ("vertices", "<i4", 3)])
    coordinates = "".join(f"property float {name}\n" for name in ("x", "y", "z", "nx", "ny", "nz"))
    channels = "".join(f"property uchar {name}\n" for name in ("red", "green", "blue"))
    header = (
        "ply\nformat binary_little_endian 1.0\n"
        "comment unit angstrom\n"
        + "".join(f"comment part {_one_word(part.name)}\n" for part in parts)
        + f"element vertex {sum(len(part.mesh.vertices) for part in parts)}\n{coordinates}{channels}"
        f"element face {sum(len(part.mesh.faces) for part in parts)}\n"
        "property list uchar int vertex_indices\nend_header\n"
    )
    file.write(header.encode("ascii", "replace"))
    for part in parts:
        vertices = np.empty(len(part.mesh.vertices), vertex_type)
        vertices["position"] = part.mesh.vertices
        vertices["normal"] = part.mesh.normals
        vertices["colour"] = [round(255 * channel) for channel in _clipped(part.colour)]
        file.write(vertices.data)
    first = 0
    for part in parts:
        faces = np.empty(len(part.mesh.faces), face_type)
        faces["corners"] = 3
        faces["vertices"] = part.mesh.faces + np.int32(first)
        file.write(faces.data)
        first += len(part.mesh.vertices)


def _write_stl(file: BinaryIO, parts: Sequence[MeshPart]) -> None:
    facet_type = np.dtype([("normal", "<f4", 3), ("corners", "<f4", (3, 3)), ("attribute", "<u2")])
    names = " ".join(_one_word(part.name) for part in parts)
    # A header that starts with "solid" would be taken for the text form.
    header = f"Surface in angstrom: {names}".encode("ascii", "replace")[:STL_HEADER_BYTES]
    file.write(header.ljust(STL_HEADER_BYTES))
    file.write(struct.pack("<I", sum(len(part.mesh.faces) for part in parts)))
    for part in parts:
        for faces in _slabs(part.mesh.faces):
            facets = np.zeros(len(faces), facet_type)
            corners = part.mesh.vertices[faces]
            across = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
            lengths = np.linalg.norm(across, axis=1, keepdims=True)
            facets["normal"] = across / np.where(lengths > 0, lengths, 1)
            facets["corners"] = corners
            file.write(facets.data)


def _write_glb(file: BinaryIO, parts: Sequence[MeshPart]) -> None:
    document, arrays = _gltf([part for part in parts if len(part.mesh.faces)])
    text = json.dumps(document, separators=(",", ":"), ensure_ascii=False).encode()
    text += b" " * (-len(text) % 4)
    size = sum(array.nbytes for array in arrays)
    total = 12 + 8 + len(text) + (8 + size if size else 0)
    if total > GLB_MAX_BYTES:
        raise AisError("The scene is larger than 4 GiB, which GLB cannot hold: use a larger bin or write PLY.")
    file.write(struct.pack("<4sII", b"glTF", 2, total))
    file.write(struct.pack("<II", len(text), GLB_JSON) + text)
    if size:
        file.write(struct.pack("<II", size, GLB_BINARY))
        for array in arrays:
            file.write(array.data)


def _gltf(parts: Sequence[MeshPart]) -> tuple[dict[str, Any], list[NDArray[Any]]]:
    """The JSON part of a glTF file and the arrays of its buffer: positions, normals and indices of each part."""
    document: dict[str, Any] = {
        "asset": {"version": "2.0", "generator": "Ais", "extras": {"unit": "angstrom"}},
        "scene": 0,
        "scenes": [{"nodes": list(range(len(parts)))} if parts else {}],
    }
    arrays: list[NDArray[Any]] = []
    for part in parts:
        arrays.append(np.ascontiguousarray(part.mesh.vertices, "<f4"))
        arrays.append(np.ascontiguousarray(part.mesh.normals, "<f4"))
        arrays.append(np.ascontiguousarray(part.mesh.faces, "<u4"))
    if not parts:
        return document, arrays
    starts = np.cumsum([0, *(array.nbytes for array in arrays)])
    document["buffers"] = [{"byteLength": int(starts[-1])}]
    document["bufferViews"] = [
        {
            "buffer": 0,
            "byteOffset": int(start),
            "byteLength": array.nbytes,
            "target": GL_ELEMENT_ARRAY_BUFFER if array.dtype.kind == "u" else GL_ARRAY_BUFFER,
        }
        for start, array in zip(starts, arrays, strict=False)
    ]
    document["accessors"] = [_accessor(view, array) for view, array in enumerate(arrays)]
    document["nodes"] = [{"mesh": number, "name": part.name} for number, part in enumerate(parts)]
    document["meshes"] = [
        {
            "name": part.name,
            "primitives": [
                {
                    "attributes": {"POSITION": 3 * number, "NORMAL": 3 * number + 1},
                    "indices": 3 * number + 2,
                    "material": number,
                }
            ],
        }
        for number, part in enumerate(parts)
    ]
    document["materials"] = [_material(part) for part in parts]
    return document, arrays


def _accessor(view: int, array: NDArray[Any]) -> dict[str, Any]:
    if array.dtype.kind == "u":
        return {"bufferView": view, "componentType": GL_UNSIGNED_INT, "count": array.size, "type": "SCALAR"}
    return {
        "bufferView": view,
        "componentType": GL_FLOAT,
        "count": len(array),
        "type": "VEC3",
        "min": array.min(axis=0).tolist(),
        "max": array.max(axis=0).tolist(),
    }


def _material(part: MeshPart) -> dict[str, Any]:
    # glTF wants the colour in linear light.
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in _clipped(part.colour)]
    surface = {"baseColorFactor": [*linear, 1.0], "metallicFactor": 0.0, "roughnessFactor": ROUGHNESS}
    return {"name": part.name, "pbrMetallicRoughness": surface}


def _slabs(rows: NDArray[Any]) -> Iterator[NDArray[Any]]:
    for start in range(0, len(rows), ROWS_AT_ONCE):
        yield rows[start : start + ROWS_AT_ONCE]


def _clipped(colour: Colour) -> Colour:
    red, green, blue = (min(max(float(channel), 0.0), 1.0) for channel in colour)
    return red, green, blue


def _one_word(name: str) -> str:
    return "_".join(name.split()) or "surface"


MESH_FORMATS: dict[str, Callable[[BinaryIO, Sequence[MeshPart]], None]] = {
    "obj": _write_obj,
    "ply": _write_ply,
    "stl": _write_stl,
    "glb": _write_glb,
}
