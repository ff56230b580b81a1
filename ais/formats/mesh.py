"""Surfaces on disk for ChimeraX, Blender and other 3D programs: OBJ, PLY, STL and GLB, all in angstrom."""

from __future__ import annotations

import json
import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, Protocol

import numpy as np
from numpy.typing import NDArray

from ais.errors import AisError

MESH_FORMATS = ("obj", "ply", "stl", "glb")
GREY = (0.7, 0.7, 0.7)
ROWS_AT_ONCE = 1 << 17
COORDINATE_DECIMALS = 3
NORMAL_DECIMALS = 4
COLOUR_DECIMALS = 4
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
    alpha
        0 (not to be seen) to 1 (opaque).
    colours
        (n, 3), 0-1, a colour for each vertex in place of `colour`; None for one colour.
    """

    mesh: TriangleMesh
    colour: Colour = GREY
    name: str = "surface"
    alpha: float = 1.0
    colours: NDArray[np.float32] | None = None


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


def write_scene(
    path_to_write: Path | str, parts: Sequence[MeshPart], format: str, *, materials: str = "", linear: bool = True
) -> None:
    """Write surfaces into one file. The numbers are in angstrom in every format, at the tomogram's own position.

    So a mesh lies on its map in ChimeraX whichever the format, and the four formats agree with each other. glTF, of
    which GLB is the binary form, calls its unit a metre: in Blender 1 angstrom becomes 1 m, where 1e-10 m could not
    be worked with. The file says so in ``asset.extras``.

    ======  ==========================================================================
    format  holds
    ======  ==========================================================================
    obj     text; an object per part, colour of each vertex after its position, normals, a material per part
    ply     binary; all parts in one mesh, colour and normal of each vertex, alpha if any part has one
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
    materials
        For OBJ: name of the file beside it that `write_materials` makes; empty for none.
    linear
        For GLB: whether colours of vertices are in linear light, as the format wants; ChimeraX takes them as they are.

    Raises
    ------
    AisError
        If the format is unknown or the scene too large for it.
    OSError
        If the file cannot be written; `atomic_path` turns it into an AisError.
    """
    if format not in MESH_FORMATS:
        raise AisError(f"Meshes cannot be written as {format!r}: choose {', '.join(MESH_FORMATS)}.")
    with Path(path_to_write).open("wb") as file:
        match format:
            case "obj":
                _write_obj(file, parts, materials)
            case "ply":
                _write_ply(file, parts)
            case "stl":
                _write_stl(file, parts)
            case _:
                _write_glb(file, parts, linear=linear)


def write_materials(path_to_write: Path | str, parts: Sequence[MeshPart]) -> None:
    """Write the materials of an OBJ file: the colour and the alpha of each part.

    Raises
    ------
    OSError
        If the file cannot be written.
    """
    lines = ["# Materials"]
    for number, part in enumerate(parts):
        white = part.colours is not None  # multiplied by the colours of the vertices
        colour = " ".join(f"{channel:.4f}" for channel in ((1.0, 1.0, 1.0) if white else _clipped(part.colour)))
        lines += [f"newmtl {_material_name(number)}", f"Kd {colour}", "Ka 0 0 0", "Ks 0.2 0.2 0.2", "Ns 40"]
        lines += [f"d {_unit(part.alpha):.4f}", "illum 2"]
    Path(path_to_write).write_text("\n".join(lines) + "\n", encoding="ascii", newline="\n")


def _write_obj(file: BinaryIO, parts: Sequence[MeshPart], materials: str) -> None:
    file.write(b"# Surfaces in angstrom\n")
    if materials:
        file.write(f"mtllib {materials}\n".encode())
    first = 1
    for number, part in enumerate(parts):
        file.write(f"o {_one_word(part.name)}\n".encode())
        if materials:
            file.write(f"usemtl {_material_name(number)}\n".encode())
        if part.colours is not None:
            for rows, colours in zip(_slabs(part.mesh.vertices), _slabs(part.colours), strict=True):
                both = [_decimals(rows, COORDINATE_DECIMALS), _decimals(np.clip(colours, 0, 1), COLOUR_DECIMALS)]
                file.write(_text_rows(b"v ", _side_by_side(both), b"\n"))
        else:
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


def _side_by_side(columns: Sequence[Bytes]) -> Bytes:
    """Columns of characters of different widths as one array; 0 bytes fill what is narrower."""
    width = max(column.shape[2] for column in columns)
    wide = [np.pad(column, ((0, 0), (0, 0), (width - column.shape[2], 0))) for column in columns]
    return np.concatenate(wide, axis=1)


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
    # Most readers expect three channels, so the fourth is there only where it says something.
    names = ("red", "green", "blue", *(("alpha",) if any(part.alpha < 1 for part in parts) else ()))
    vertex_type = np.dtype([("position", "<f4", 3), ("normal", "<f4", 3), ("colour", "u1", len(names))])
    face_type = np.dtype([("corners", "u1"), ("vertices", "<i4", 3)])
    coordinates = "".join(f"property float {name}\n" for name in ("x", "y", "z", "nx", "ny", "nz"))
    channels = "".join(f"property uchar {name}\n" for name in names)
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
        colours = part.colours if part.colours is not None else np.array([part.colour])
        for rows in _slices(len(part.mesh.vertices)):
            vertices = np.empty(rows.stop - rows.start, vertex_type)
            vertices["position"] = part.mesh.vertices[rows]
            vertices["normal"] = part.mesh.normals[rows]
            shown = np.clip(colours[rows] if part.colours is not None else colours, 0, 1)
            vertices["colour"][:, :3] = np.rint(255 * shown).astype(np.uint8)
            vertices["colour"][:, 3:] = round(255 * _unit(part.alpha))
            file.write(vertices.data)
    first = 0
    for part in parts:
        for some in _slabs(part.mesh.faces):
            faces = np.empty(len(some), face_type)
            faces["corners"] = 3
            faces["vertices"] = some + np.int32(first)
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


def _write_glb(file: BinaryIO, parts: Sequence[MeshPart], *, linear: bool) -> None:
    document, arrays = _gltf([part for part in parts if len(part.mesh.faces)], linear=linear)
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


def _gltf(parts: Sequence[MeshPart], *, linear: bool) -> tuple[dict[str, Any], list[NDArray[Any]]]:
    """The JSON part of a glTF file and the arrays of its buffer: positions, normals, indices, colours of each part."""
    document: dict[str, Any] = {
        "asset": {"version": "2.0", "generator": "Ais", "extras": {"unit": "angstrom"}},
        "scene": 0,
        "scenes": [{"nodes": list(range(len(parts)))} if parts else {}],
    }
    arrays: list[NDArray[Any]] = []
    meshes = []
    for number, part in enumerate(parts):
        at = len(arrays)
        attributes = {"POSITION": at, "NORMAL": at + 1}
        arrays.append(np.ascontiguousarray(part.mesh.vertices, "<f4"))
        arrays.append(np.ascontiguousarray(part.mesh.normals, "<f4"))
        arrays.append(np.ascontiguousarray(part.mesh.faces, "<i4").view("<u4"))
        if part.colours is not None:
            attributes["COLOR_0"] = at + 3
            shown = np.clip(part.colours, 0, 1)
            arrays.append(np.ascontiguousarray(_in_linear_light(shown) if linear else shown, "<f4"))
        primitive = {"attributes": attributes, "indices": at + 2, "material": number}
        meshes.append({"name": part.name, "primitives": [primitive]})
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
    document["meshes"] = meshes
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
    # The colours of vertices are multiplied by that of the material.
    colour = [1.0, 1.0, 1.0] if part.colours is not None else _in_linear_light(np.array(_clipped(part.colour))).tolist()
    factor = [*colour, _unit(part.alpha)]
    surface = {"baseColorFactor": factor, "metallicFactor": 0.0, "roughnessFactor": ROUGHNESS}
    blended = {"alphaMode": "BLEND"} if part.alpha < 1 else {}
    return {"name": part.name, "pbrMetallicRoughness": surface, **blended}


def _in_linear_light(colours: NDArray[Any]) -> NDArray[Any]:
    """Colours as glTF wants them, of colours as they are shown (sRGB); both 0-1."""
    return np.where(colours <= 0.04045, colours / 12.92, ((colours + 0.055) / 1.055) ** 2.4)


def _slabs(rows: NDArray[Any]) -> Iterator[NDArray[Any]]:
    for part in _slices(len(rows)):
        yield rows[part]


def _slices(count: int) -> Iterator[slice]:
    for start in range(0, count, ROWS_AT_ONCE):
        yield slice(start, min(start + ROWS_AT_ONCE, count))


def _clipped(colour: Colour) -> Colour:
    red, green, blue = (min(max(float(channel), 0.0), 1.0) for channel in colour)
    return red, green, blue


def _unit(value: float) -> float:
    return min(max(float(value), 0.0), 1.0)


def _material_name(number: int) -> str:
    return f"material_{number + 1}"


def _one_word(name: str) -> str:
    return "_".join(name.split()) or "surface"
