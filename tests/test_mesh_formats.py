"""Mesh files read back by independent programs: trimesh and VTK."""

from __future__ import annotations

import json
import struct
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import trimesh
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from vtkmodules.util.numpy_support import vtk_to_numpy
from vtkmodules.vtkIOGeometry import vtkOBJReader, vtkSTLReader
from vtkmodules.vtkIOPLY import vtkPLYReader

from ais.errors import AisError
from ais.formats.atomic import atomic_path
from ais.formats.mesh import MESH_FORMATS, MeshPart, write_mesh, write_scene
from ais.surfaces import Surface, isosurface

ORANGE = (1.0, 0.5, 0.0)
BLUE = (0.0, 0.25, 1.0)
FORMATS = sorted(MESH_FORMATS)
RESOLUTION_A = {"obj": 0.0005, "ply": 0.0, "stl": 0.0, "glb": 0.0}


def blob(origin: tuple[float, float, float] = (-5000.0, 20.0, 123.456)) -> Surface:
    z, y, x = np.indices((20, 30, 40))
    distance = np.sqrt((z - 9) ** 2 + (0.6 * (y - 14.3)) ** 2 + (0.5 * (x - 20.1)) ** 2)
    return isosurface(np.clip(8 - distance, 0, 255), 1.0, voxel_sizes=(9.9, 9.9, 9.9), origin=origin)


def read(path: Path) -> trimesh.Trimesh:
    mesh = trimesh.load(path, process=False, force="mesh")
    assert isinstance(mesh, trimesh.Trimesh)
    return mesh


@pytest.mark.parametrize("format", FORMATS)
def test_another_program_reads_the_same_triangles(format: str, tmp_path: Path) -> None:
    surface = blob()
    path = tmp_path / f"Größe 1.{format}"
    write_mesh(path, surface, format, colour=ORANGE, name="membrane")
    mesh = read(path)
    assert len(mesh.faces) == len(surface.faces) > 1000
    difference = mesh.vertices[mesh.faces] - surface.vertices[surface.faces]
    assert np.abs(difference).max() <= RESOLUTION_A[format] + 1e-9
    outwards = mesh.triangles_center - surface.vertices.mean(axis=0)
    assert (np.einsum("ij,ij->i", mesh.face_normals, outwards) > 0).all()


@pytest.mark.parametrize("format", ["obj", "ply", "glb"])
def test_formats_with_shared_vertices_stay_watertight(format: str, tmp_path: Path) -> None:
    surface = blob()
    path = tmp_path / f"mesh.{format}"
    write_mesh(path, surface, format)
    mesh = read(path)
    assert mesh.is_watertight
    assert mesh.is_winding_consistent
    assert mesh.volume == pytest.approx(surface.volumes[0], rel=0.02)


def test_an_stl_is_watertight_once_its_corners_are_merged(tmp_path: Path) -> None:
    surface = blob()
    write_mesh(tmp_path / "mesh.stl", surface, "stl", name="solid")
    mesh = trimesh.load(tmp_path / "mesh.stl", force="mesh")
    assert mesh.is_watertight
    assert mesh.volume == pytest.approx(surface.volumes[0], rel=0.02)


@pytest.mark.parametrize(("format", "reader"), [("obj", vtkOBJReader), ("stl", vtkSTLReader), ("ply", vtkPLYReader)])
def test_vtk_reads_the_same_surface(format: str, reader: Any, tmp_path: Path) -> None:
    surface = blob()
    write_mesh(tmp_path / "mesh", surface, format, colour=ORANGE)
    source = reader()
    source.SetFileName(str(tmp_path / "mesh"))
    source.Update()
    points = vtk_to_numpy(source.GetOutput().GetPoints().GetData())
    assert source.GetOutput().GetNumberOfPolys() == len(surface.faces)
    assert np.allclose(points.min(axis=0), surface.vertices.min(axis=0), atol=1e-3)
    assert np.allclose(points.max(axis=0), surface.vertices.max(axis=0), atol=1e-3)
    if format != "stl":
        normals = vtk_to_numpy(source.GetOutput().GetPointData().GetNormals())
        assert np.allclose(normals, surface.normals, atol=1e-4)


@pytest.mark.parametrize("format", ["obj", "ply"])
def test_vertices_carry_the_colour(format: str, tmp_path: Path) -> None:
    write_mesh(tmp_path / f"mesh.{format}", blob(), format, colour=ORANGE)
    colours = read(tmp_path / f"mesh.{format}").visual.vertex_colors
    assert set(map(tuple, colours[:, :3].tolist())) <= {(255, 127, 0), (255, 128, 0)}


def glb_parts(path: Path) -> tuple[dict[str, Any], bytes]:
    data = path.read_bytes()
    magic, version, length, size, kind = struct.unpack("<4sIIII", data[:20])
    assert (magic, version, length, kind) == (b"glTF", 2, len(data), 0x4E4F534A)
    assert length % 4 == size % 4 == 0
    return json.loads(data[20 : 20 + size]), data[20 + size :]


def test_glb_says_unit_extent_colour_and_name(tmp_path: Path) -> None:
    surface = blob()
    write_mesh(tmp_path / "mesh.glb", surface, "glb", colour=BLUE, name='Größe "a"\n')
    document, rest = glb_parts(tmp_path / "mesh.glb")
    assert document["asset"]["extras"]["unit"] == "angstrom"
    assert document["nodes"][0]["name"] == 'Größe "a"\n'
    positions = document["accessors"][0]
    assert positions["min"] == surface.vertices.min(axis=0).tolist()
    assert positions["max"] == surface.vertices.max(axis=0).tolist()
    linear = document["materials"][0]["pbrMetallicRoughness"]["baseColorFactor"]
    assert linear == pytest.approx([0.0, 0.0508761, 1.0, 1.0], abs=1e-6)
    assert struct.unpack("<II", rest[:8]) == (document["buffers"][0]["byteLength"], 0x004E4942)
    assert len(rest) - 8 == document["buffers"][0]["byteLength"]
    start = document["bufferViews"][1]["byteOffset"] + 8
    normals = np.frombuffer(rest[start : start + surface.normals.nbytes], "<f4").reshape(-1, 3)
    assert np.array_equal(normals, surface.normals)


def test_a_scene_keeps_its_parts_apart(tmp_path: Path) -> None:
    parts = [MeshPart(blob(), ORANGE, "membrane"), MeshPart(blob((900.0, 0.0, 0.0)), BLUE, "ribosome")]
    for format in FORMATS:
        write_scene(tmp_path / f"scene.{format}", parts, format)
        mesh = read(tmp_path / f"scene.{format}")
        both = np.concatenate([part.mesh.vertices[part.mesh.faces] for part in parts])
        assert mesh.triangles.shape == both.shape
        assert np.allclose(np.sort(mesh.triangles.ravel()), np.sort(both.ravel()), atol=1e-3)
    scene = trimesh.load(tmp_path / "scene.glb", process=False)
    assert set(scene.geometry) == {"membrane", "ribosome"}
    assert (tmp_path / "scene.obj").read_text().count("\no ") == 2
    colours = read(tmp_path / "scene.ply").visual.vertex_colors[:, :3]
    assert colours[0].tolist() == [255, 128, 0]
    assert colours[-1].tolist() == [0, 64, 255]


@pytest.mark.parametrize("format", FORMATS)
def test_an_empty_surface_is_a_valid_file(format: str, tmp_path: Path) -> None:
    empty = isosurface(np.zeros((3, 3, 3), np.uint8), 1.0, voxel_sizes=(1.0, 1.0, 1.0))
    write_mesh(tmp_path / f"empty.{format}", empty, format, name="membrane")
    write_scene(tmp_path / f"nothing.{format}", [], format)
    write_scene(tmp_path / f"mixed.{format}", [MeshPart(empty), MeshPart(blob(), BLUE, "ribosome")], format)
    assert len(read(tmp_path / f"mixed.{format}").faces) == len(blob().faces)
    match format:
        case "glb":
            for name in ("empty", "nothing"):
                document, rest = glb_parts(tmp_path / f"{name}.glb")
                assert "meshes" not in document
                assert rest == b""
                assert trimesh.load(tmp_path / f"{name}.glb").is_empty
        case "stl":
            assert (tmp_path / "empty.stl").stat().st_size == 84
            assert len(trimesh.load(tmp_path / "nothing.stl", force="mesh").faces) == 0
        case "ply":
            assert b"element vertex 0\n" in (tmp_path / "empty.ply").read_bytes()
            source = vtkPLYReader()
            source.SetFileName(str(tmp_path / "empty.ply"))
            source.Update()
            assert source.GetOutput().GetNumberOfPolys() == 0
        case "obj":
            lines = (tmp_path / "empty.obj").read_text().splitlines()
            assert all(line.startswith(("#", "o ")) for line in lines)


class Points:
    """Vertices alone, with one face where there are three."""

    def __init__(self, vertices: np.ndarray) -> None:
        self.vertices = vertices
        self.normals = np.zeros_like(vertices)
        self.faces = np.arange(len(vertices) // 3 * 3, dtype=np.int32).reshape(-1, 3)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    vertices=hnp.arrays(
        np.float32,
        st.tuples(st.integers(0, 30), st.just(3)),
        elements=st.floats(-(2.0**50), 2.0**40, width=32) | st.floats(-10.0, 10.0, width=32),
    )
)
def test_text_holds_every_number(vertices: np.ndarray, tmp_path: Path) -> None:
    write_mesh(tmp_path / "numbers.obj", Points(vertices), "obj", colour=(2.0, -1.0, 0.125))
    rows = [line.split() for line in (tmp_path / "numbers.obj").read_text().splitlines()]
    numbers = np.array([row[1:4] for row in rows if row[0] == "v"], np.float64).reshape(-1, 3)
    assert np.allclose(numbers, vertices.astype(np.float64), rtol=1e-7, atol=0.00051)
    assert all(row[4:] == ["1.0000", "0.0000", "0.1250"] for row in rows if row[0] == "v")
    corners = [[int(word) for corner in row[1:] for word in corner.split("//")] for row in rows if row[0] == "f"]
    assert corners == [[3 * i + 1, 3 * i + 1, 3 * i + 2, 3 * i + 2, 3 * i + 3, 3 * i + 3] for i in range(len(corners))]
    assert len(corners) == len(vertices) // 3


def test_indices_of_every_length_are_written(tmp_path: Path) -> None:
    write_mesh(tmp_path / "many.obj", Points(np.ones((300_000, 3), np.float32)), "obj")
    with (tmp_path / "many.obj").open() as file:
        faces = [line.split() for line in file if line.startswith("f ")]
    assert [int(corner.split("//")[0]) for face in faces for corner in face[1:]] == list(range(1, 300_001))


def test_an_unknown_format_is_refused_before_a_file_is_made(tmp_path: Path) -> None:
    with pytest.raises(AisError, match="obj, ply, stl, glb"):
        write_mesh(tmp_path / "mesh.fbx", blob(), "fbx")
    assert list(tmp_path.iterdir()) == []


def test_it_writes_inside_an_atomic_path(tmp_path: Path) -> None:
    with atomic_path(tmp_path / "a folder" / "mesh.ply") as path:
        write_mesh(path, blob(), "ply")
    assert len(read(tmp_path / "a folder" / "mesh.ply").faces) == len(blob().faces)


def test_a_name_outside_ascii_does_not_break_a_format(tmp_path: Path) -> None:
    for format in FORMATS:
        write_mesh(tmp_path / f"mesh.{format}", blob(), format, name="膜 №1\nend_header")
        assert len(read(tmp_path / f"mesh.{format}").faces) == len(blob().faces)
