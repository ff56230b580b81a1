"""Files of a 3D scene, read back by other programs: trimesh, Pillow, FFmpeg and small parsers of scripts."""

from __future__ import annotations

import ast
import json
import struct
import sys
import types
import xml.etree.ElementTree as ET
from dataclasses import replace
from pathlib import Path
from typing import Any
from unittest.mock import MagicMock

import av
import numpy as np
import pytest
import trimesh
from PIL import Image

from ais.annotation.volume_looks import Removal, Removals
from ais.cli.main import run
from ais.errors import AisError, Cancelled
from ais.formats.registry import write_volume
from ais.progress import Progress
from ais.scene_files.bodies import arrow, sphere, turns_from_z
from ais.scene_files.contents import MapSource, ParticlePart, SceneContents, SceneLight, SceneView, SurfacePart
from ais.scene_files.movie import movie
from ais.scene_files.naming import path_from, plain_name, unique_names
from ais.scene_files.programs import BLENDER, CHIMERAX, find_program, roots, start_program
from ais.scene_files.volumes import SceneTask, VolumeLook, write_scenes
from ais.scene_files.writing import SCENE_FORMATS, bytes_of_particles, bytes_of_surface, write_scene_file
from ais.surfaces import Surface, isosurface

VOXEL, ORIGIN = 10.0, (300.0, -200.0, 50.0)
ORANGE, BLUE = (0.9, 0.6, 0.0), (0.0, 0.45, 0.7)
WICKED = 'a"; close; exit\n$HOME \\ `rm` "b'
CENTRES = np.array([[400.0, -100.0, 90.0], [500.0, 0.0, 120.0], [450.0, 50.0, 200.0]], np.float32)
UP = np.array([[0, 0, 1], [1, 0, 0], [0, 0.6, -0.8]], np.float32)
COLOURS = np.array([[1, 0, 0], [0, 1, 0], [0.5, 0.5, 1]], np.float32)


def ball(radius: float = 5.0) -> Surface:
    z, y, x = np.indices((20, 24, 28))
    distance = np.sqrt((z - 10) ** 2 + (y - 12) ** 2 + (x - 14) ** 2)
    volume = np.clip(radius + 0.5 - distance, 0, 1) * 255
    return isosurface(volume, 128.0, voxel_sizes=(VOXEL,) * 3, origin=ORIGIN)


def scene(
    folder: Path, name: str = "ribosome", *, whole: bool = True, file: str = "TS_01__ribosome.mrc"
) -> SceneContents:
    source = MapSource(folder / file, 128.0, 5000.0, voxel_sizes=(VOXEL,) * 3, origin=ORIGIN, whole=whole)
    return SceneContents(
        (SurfacePart(name, ball(), ORANGE, 1.0, None, source), SurfacePart(name, ball(8.0), BLUE, 0.4)),
        (
            ParticlePart("picks", CENTRES, None, COLOURS, 30.0),
            ParticlePart("tails", CENTRES, UP, COLOURS, 20.0, "arrow", 0.5),
        ),
        (295.0, -205.0, 45.0),
        (575.0, 35.0, 245.0),
        SceneView((435.0, -85.0, 145.0), (0, 1, 0), (0, 0, 1), (1, 0, 0), 900.0, 30.0, True, 1.5),
        SceneLight("phong", 0.4, 0.7, 0.0, 0.2, True, (0.1, 0.2, 0.3)),
    )


def test_bodies_are_closed_and_point_outwards() -> None:
    for detail, volume in ((0, 2.536), (2, 4.05)):
        found = sphere(detail)
        solid = trimesh.Trimesh(found.vertices, found.faces, process=False)
        assert solid.is_watertight
        assert solid.volume == pytest.approx(volume, rel=0.01)
        assert np.allclose(np.linalg.norm(found.vertices, axis=1), 1, atol=1e-6)
    found = arrow()
    solid = trimesh.Trimesh(found.vertices, found.faces)  # rings with a sharp edge are there twice
    assert solid.is_watertight
    assert solid.volume > 0
    np.testing.assert_allclose(solid.bounds[:, 2], [0, 3], atol=1e-6)
    across = trimesh.Trimesh(found.vertices, found.faces, process=False)
    flat = across.face_normals
    mean = found.normals[found.faces].mean(axis=1)
    assert (np.einsum("ij,ij->i", flat, mean) > 0.5).all()


def test_arrows_are_turned_into_their_directions() -> None:
    rng = np.random.default_rng(1)
    directions = rng.normal(size=(50, 3))
    directions = np.concatenate([directions, [[0, 0, 1], [0, 0, -1], [1e-9, 0, -1]]])
    directions /= np.linalg.norm(directions, axis=1, keepdims=True)
    turns = turns_from_z(directions)
    np.testing.assert_allclose(turns @ np.array([0, 0, 1]), directions, atol=1e-5)
    np.testing.assert_allclose(turns @ turns.transpose(0, 2, 1), np.broadcast_to(np.eye(3), turns.shape), atol=1e-4)
    np.testing.assert_allclose(np.linalg.det(turns), 1, atol=1e-4)


@pytest.mark.parametrize("kind", ["glb", "obj", "ply", "stl"])
def test_another_program_reads_the_scene_at_its_place(kind: str, tmp_path: Path) -> None:
    contents = scene(tmp_path)
    written = write_scene_file(tmp_path / f"my scene.{kind}", contents)
    assert written[-1] == tmp_path / f"my scene.{kind}"
    read = trimesh.load(written[-1], process=False, force="mesh")
    assert isinstance(read, trimesh.Trimesh)
    low = np.min([*(part.mesh.vertices.min(axis=0) for part in contents.surfaces), CENTRES.min(axis=0) - 30], axis=0)
    np.testing.assert_allclose(read.bounds[0], low, atol=0.6)
    balls = [4 / 3 * np.pi * (radius * VOXEL) ** 3 for radius in (5, 8)]
    picks = 3 * 4 / 3 * np.pi * 30**3
    assert read.volume == pytest.approx(sum(balls) + picks, rel=0.05)
    size = sum(path.stat().st_size for path in written)
    estimate = sum(bytes_of_surface(len(p.mesh.vertices), len(p.mesh.faces), kind) for p in contents.surfaces)
    estimate += sum(bytes_of_particles(3, part.body, kind) for part in contents.particles)
    assert estimate == pytest.approx(size, rel=0.3)


def glb_colours(data: bytes, mesh: int) -> tuple[dict[str, Any], Any]:
    """The JSON part of a GLB file, and the colours of the vertices of one of its meshes, (n, 3)."""
    (length,) = struct.unpack("<I", data[12:16])
    document = json.loads(data[20 : 20 + length])
    accessor = document["accessors"][document["meshes"][mesh]["primitives"][0]["attributes"]["COLOR_0"]]
    view = document["bufferViews"][accessor["bufferView"]]
    start = 28 + length + view["byteOffset"]
    return document, np.frombuffer(data[start : start + view["byteLength"]], "<f4").reshape(-1, 3)


def test_particles_that_are_called_like_a_surface_say_what_they_are(tmp_path: Path) -> None:
    known = scene(tmp_path)
    balls = replace(known, particles=tuple(replace(part, name="Ribosome") for part in known.particles))
    assert balls.names == ["ribosome", "ribosome 2", "Ribosome particles", "Ribosome particles 2"]


def test_glb_keeps_names_colours_and_alpha_of_each_part(tmp_path: Path) -> None:
    write_scene_file(tmp_path / "scene.glb", scene(tmp_path))
    loaded = trimesh.load(tmp_path / "scene.glb", process=False)
    assert isinstance(loaded, trimesh.Scene)
    assert set(loaded.geometry) == {"ribosome", "ribosome 2", "picks", "tails"}
    document, colours = glb_colours((tmp_path / "scene.glb").read_bytes(), 2)
    modes = [material.get("alphaMode") for material in document["materials"]]
    assert modes == [None, "BLEND", None, "BLEND"]
    factors = [material["pbrMetallicRoughness"]["baseColorFactor"] for material in document["materials"]]
    assert [factor[3] for factor in factors] == pytest.approx([1, 0.4, 1, 0.5])
    assert factors[0][:3] == pytest.approx([0.7874, 0.3185, 0], abs=1e-3)
    assert factors[2] == [1, 1, 1, 1]
    size = len(colours) // 3
    np.testing.assert_allclose(colours[[0, size, 2 * size]], [[1, 0, 0], [0, 1, 0], [0.214, 0.214, 1]], atol=1e-3)


def test_obj_and_ply_keep_colours_and_alpha(tmp_path: Path) -> None:
    contents = scene(tmp_path)
    material, _ = write_scene_file(tmp_path / "a b.obj", contents)
    assert material.name == "a_b.mtl"
    lines = material.read_text().splitlines()
    assert [line for line in lines if line.startswith("d ")] == ["d 1.0000", "d 0.4000", "d 1.0000", "d 0.5000"]
    assert lines.count("Kd 0.9000 0.6000 0.0000") == 1
    text = (tmp_path / "a b.obj").read_text()
    assert "mtllib a_b.mtl\n" in text
    assert [line for line in text.splitlines() if line.startswith("usemtl")] == [
        f"usemtl material_{n}" for n in range(1, 5)
    ]
    write_scene_file(tmp_path / "scene.ply", contents)
    colours = trimesh.load(tmp_path / "scene.ply", process=False).visual.vertex_colors
    assert colours[0].tolist() == [230, 153, 0, 255]
    assert colours[len(contents.surfaces[0].mesh.vertices)].tolist() == [0, 115, 178, 102]
    assert colours[-1].tolist() == [128, 128, 255, 128]


# ChimeraX


def commands(script: Path) -> list[list[str]]:
    """The words of each command, as ChimeraX splits them: by blanks, with double quotes around a word."""
    found: list[list[str]] = []
    for line in script.read_text(encoding="utf-8").splitlines():
        if line.startswith("#"):
            continue
        words: list[str] = []
        rest = line
        while rest:
            if rest.startswith('"'):
                end = rest.index('"', 1)
                assert end + 1 == len(rest) or rest[end + 1] == " ", line
                words.append(rest[1:end])
                rest = rest[end + 1 :].lstrip(" ")
            else:
                word, _, rest = rest.partition(" ")
                assert '"' not in word
                assert ";" not in word
                words.append(word)
        found.append(words)
    return found


def test_a_chimerax_script_shows_the_volume_itself(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    contents = scene(tmp_path / "data", file="TS 01 größe__ribosome.mrc")
    written = write_scene_file(tmp_path / "my scene.cxc", contents)
    assert [path.name for path in written] == [
        "my scene - ribosome 2.glb",
        "my scene - picks.cmm",
        "my scene - tails.bild",
        "my scene.cxc",
    ]
    lines = commands(written[-1])
    opened = [line[1] for line in lines if line[0] == "open"]
    assert opened == ["data/TS 01 größe__ribosome.mrc", *(path.name for path in written[:-1])]
    sized, placed = (
        lines.index(["volume", "#1", *words]) for words in (("voxelSize", "10,10,10"), ("origin", "300,-200,50"))
    )
    assert sized < placed, "a voxel size moves what was placed before"
    shown = next(line for line in lines if line[:3] == ["volume", "#1", "show"])
    assert shown[shown.index("level") + 1] == "128"
    assert shown[shown.index("color") + 1] == "#e69900"
    assert shown[-2:] == ["calculateSurfaces", "true"], "dust can only be taken from a surface that is there"
    assert lines.index(["surface", "dust", "#1", "size", "5000", "metric", "volume"]) > lines.index(shown)
    assert ["transparency", "#2", "60"] in lines
    assert ["set", "bgColor", "#1a334c"] in lines
    assert ["graphics", "silhouettes", "true"] in lines
    names = [line[2] for line in lines if line[0] == "rename"]
    assert names == ["ribosome", "ribosome 2", "picks", "tails"]


def test_a_chimerax_script_looks_from_the_same_place(tmp_path: Path) -> None:
    lines = commands(write_scene_file(tmp_path / "scene.cxc", scene(tmp_path))[-1])
    matrix = next(line[3] for line in lines if line[:3] == ["view", "matrix", "camera"])
    place = np.array([float(value) for value in matrix.split(",")]).reshape(3, 4)
    np.testing.assert_allclose(place[:, 3], [435 + 900, -85, 145])
    np.testing.assert_allclose(-place[:, 2], [-1, 0, 0])  # ChimeraX looks along its camera's -z
    np.testing.assert_allclose(np.linalg.det(place[:, :3]), 1)
    angle = float(next(line[3] for line in lines if line[0] == "camera"))
    across, height = np.tan(np.radians(angle / 2)), np.tan(np.radians(15))
    assert across / height == pytest.approx(1.5, rel=1e-3)


def test_chimerax_gets_a_mesh_where_a_volume_would_show_too_much(tmp_path: Path) -> None:
    for contents in (
        scene(tmp_path, whole=False),
        scene(tmp_path, file='a"; close.mrc'),
        scene(tmp_path, file="$HOME.mrc"),
        scene(tmp_path, file="volume.zarr"),
    ):
        written = write_scene_file(tmp_path / "scene.cxc", contents)
        assert written[0].name == "scene - ribosome.glb"
        mesh = trimesh.load(written[0], process=False, force="mesh")
        assert len(mesh.faces) == len(contents.surfaces[0].mesh.faces)
        data = written[0].read_bytes()
        document, colours = glb_colours(data, 0)
        assert document["nodes"][0]["name"] == "ribosome"
        np.testing.assert_allclose(colours, np.broadcast_to(ORANGE, colours.shape), atol=1e-6)


def test_marker_and_bild_files_hold_the_particles(tmp_path: Path) -> None:
    write_scene_file(tmp_path / "scene.cxc", scene(tmp_path))
    root = ET.parse(tmp_path / "scene - picks.cmm").getroot()
    assert root.get("name") == "picks"
    places = [[float(marker.get(axis, "")) for axis in "xyz"] for marker in root]
    np.testing.assert_allclose(places, CENTRES, atol=1e-3)
    assert {marker.get("radius") for marker in root} == {"30"}
    np.testing.assert_allclose([[float(m.get(c, "")) for c in "rgb"] for m in root], COLOURS)
    arrows = [
        line.split() for line in (tmp_path / "scene - tails.bild").read_text().splitlines() if line.startswith(".arrow")
    ]
    ends = np.array([[float(value) for value in line[1:7]] for line in arrows])
    np.testing.assert_allclose(ends[:, :3], CENTRES, atol=1e-3)
    np.testing.assert_allclose(ends[:, 3:] - ends[:, :3], 60 * UP, atol=2e-3)


def test_no_name_can_become_a_command(tmp_path: Path) -> None:
    (script,) = [
        path for path in write_scene_file(tmp_path / "s.cxc", scene(tmp_path, WICKED)) if path.suffix == ".cxc"
    ]
    lines = commands(script)
    assert {line[0] for line in lines} <= {
        *("close", "open", "volume", "surface", "rename", "transparency", "set", "lighting", "graphics", "view"),
        *("camera", "cofr"),
    }
    assert lines.count(["close"]) == 1
    assert plain_name(WICKED).isprintable()
    assert not set(plain_name(WICKED)) & set("\"';$`\\\n")
    assert unique_names(["A", "a", "", " "]) == ["A", "a 2", "unnamed", "unnamed 2"]
    assert path_from(tmp_path / "x.cxc", tmp_path / "sub" / "v.mrc") == "sub/v.mrc"
    assert path_from(tmp_path / "x.cxc", tmp_path / "a;b.mrc") is None


# Blender


class Numbers(np.ndarray[Any, Any]):
    """What is needed of Blender's vectors and matrices."""

    def transposed(self) -> Numbers:
        return self.T

    def to_4x4(self) -> Numbers:
        whole = np.eye(4).view(Numbers)
        whole[:3, :3] = self
        return whole

    @staticmethod
    def Translation(at: Any) -> Numbers:  # noqa: N802 - Blender's name
        whole = np.eye(4).view(Numbers)
        whole[:3, 3] = at
        return whole


def run_in_blender(script: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[MagicMock, dict[str, Any]]:
    """Run a script with something that stands for Blender, whose importer makes an object for each node."""
    bpy, mathutils = MagicMock(), types.ModuleType("mathutils")
    objects: list[Any] = []

    def imported(filepath: str) -> None:
        for name in trimesh.load(filepath, process=False).geometry:
            one = MagicMock(type="MESH")
            one.name, one.parent = name, None
            one.data.color_attributes = [MagicMock()]
            objects.append(one)

    def node_tree() -> MagicMock:
        tree = MagicMock()
        tree.nodes = MagicMock()
        tree.nodes.__iter__.side_effect = lambda: iter([MagicMock(type="BSDF_PRINCIPLED")])
        return tree

    bpy.data.objects.__iter__.side_effect = lambda: iter(objects)
    bpy.data.materials.new.side_effect = lambda _: MagicMock(node_tree=node_tree())
    made: dict[str, Any] = {}

    def new(name: str, data: Any) -> MagicMock:
        made[name] = MagicMock(data=data)
        return made[name]

    bpy.data.objects.new.side_effect = new
    bpy.ops.import_scene.gltf.side_effect = imported
    mathutils.Vector = lambda values: np.array(values).view(Numbers)  # type: ignore[attr-defined]
    mathutils.Matrix = type(  # type: ignore[attr-defined]
        "Matrix",
        (),
        {"__new__": lambda _, rows: np.array(rows).view(Numbers), "Translation": Numbers.Translation},
    )
    monkeypatch.setitem(sys.modules, "bpy", bpy)
    monkeypatch.setitem(sys.modules, "mathutils", mathutils)
    space: dict[str, Any] = {"__file__": str(script), "__name__": "__main__"}
    exec(compile(script.read_text(encoding="utf-8"), str(script), "exec"), space)
    made["objects"] = objects
    return bpy, made


def test_a_blender_script_builds_the_scene(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    meshes, script = write_scene_file(tmp_path / "my scene.py", scene(tmp_path, WICKED))
    assert meshes.name == "my scene - meshes.glb"
    bpy, made = run_in_blender(script, monkeypatch)
    names = unique_names([WICKED, WICKED, "picks", "tails"])
    assert [one.name for one in made["objects"]] == names
    root = made["Ais scene, 1 unit is 100 angstrom"]
    assert all(one.parent is root for one in made["objects"])
    np.testing.assert_allclose(root.location, [-4.35, 0.85, -1.45])
    camera = made["Ais view"]
    np.testing.assert_allclose(camera.matrix_world[:3, 3], [9, 0, 0], atol=1e-9)
    np.testing.assert_allclose(camera.matrix_world[:3, :3], [[0, 0, 1], [1, 0, 0], [0, 1, 0]])
    assert camera.data.angle == pytest.approx(np.radians(30))
    assert bpy.context.scene.render.resolution_x == 1620
    assert bpy.context.scene.camera is camera


def test_names_in_a_blender_script_are_only_data(tmp_path: Path) -> None:
    _, script = write_scene_file(tmp_path / "s.py", scene(tmp_path, "''')\nimport os; os.abort() #"))
    tree = ast.parse(script.read_text(encoding="utf-8"))
    imported = [name.name for node in ast.walk(tree) if isinstance(node, ast.Import) for name in node.names]
    assert imported == ["math", "os", "bpy"]
    (value,) = [node.value for node in tree.body if isinstance(node, ast.Assign)]
    parts = ast.literal_eval(value)["parts"]
    assert [part["alpha"] for part in parts] == [1.0, 0.4, 1.0, 0.5]


# Volumes


def volumes(folder: Path) -> list[Path]:
    """Two tomograms' volumes: three balls of 3, 4 and 5 voxels, and one of 6, as bytes and as 0 to 1."""
    z, y, x = np.indices((24, 40, 40))
    paths = []
    for name, centres in (("A__ribosome", [(6, 8, 3), (6, 30, 4), (16, 20, 5)]), ("B__vesicle", [(12, 20, 6)])):
        depth = [
            radius + 0.5 - np.sqrt((z - at_z) ** 2 + (y - at_y) ** 2 + (x - 20) ** 2) for at_z, at_y, radius in centres
        ]
        mask = np.clip(np.max(depth, axis=0), 0, 1)
        values = (mask * 255).astype(np.uint8) if name.startswith("A") else mask.astype(np.float32)
        path = folder / f"{name}.mrc"
        write_volume(path, values, voxel_sizes=VOXEL, origin=ORIGIN)
        paths.append(path)
    return paths


def test_volumes_are_written_with_their_looks(tmp_path: Path) -> None:
    ribosome, vesicle = volumes(tmp_path)
    gone = Removals(removed=(Removal(6, 30, 20, 128.0),))
    looks = (
        VolumeLook(ribosome, "ribosome", ORANGE, 0.5, 128.0, dust=150_000.0, removals=gone),
        VolumeLook(vesicle, "vesicle", BLUE, voxel_size=20.0, origin=(0.0, 0.0, 0.0)),
    )
    tasks = [
        SceneTask(tmp_path / "out" / "both.glb", looks),
        SceneTask(tmp_path / "out" / "bad.glb", (VolumeLook(tmp_path / "absent.mrc"),)),
        SceneTask(tmp_path / "out" / "one.cxc", looks[1:]),
    ]
    results = write_scenes(tasks)
    assert [result.status for result in results] == ["done", "failed", "done"]
    assert "absent.mrc" in results[1].error
    scene = trimesh.load(tmp_path / "out" / "both.glb", process=False)
    assert isinstance(scene, trimesh.Scene)
    left = scene.geometry["ribosome"]
    assert left.volume == pytest.approx(4 / 3 * np.pi * 50**3, rel=0.05), "the small one is dust, another was removed"
    np.testing.assert_allclose(left.bounds.mean(axis=0), [300 + 200, -200 + 200, 50 + 160], atol=1)
    larger = scene.geometry["vesicle"]
    assert larger.volume == pytest.approx(4 / 3 * np.pi * 120**3, rel=0.05)
    np.testing.assert_allclose(larger.bounds.mean(axis=0), [400, 400, 240], atol=2)
    lines = commands(tmp_path / "out" / "one.cxc")
    assert ["open", "../B__vesicle.mrc"] in lines
    shown = next(line for line in lines if line[:3] == ["volume", "#1", "show"])
    level = float(shown[shown.index("level") + 1])
    assert level == pytest.approx(128 / 255, rel=1e-5), "on the file's own scale"
    assert level < 128 / 255, "what reaches the level is seen"
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["both.glb", "one.cxc"]


def test_writing_many_scenes_can_be_stopped(tmp_path: Path) -> None:
    paths = volumes(tmp_path)

    class Stopped(Progress):
        def report(self, done: float, total: float, text: str = "") -> None:
            del total, text
            if done >= 1:
                raise Cancelled

    tasks = [SceneTask(tmp_path / f"{path.stem}.stl", (VolumeLook(path),)) for path in paths]
    with pytest.raises(Cancelled):
        write_scenes(tasks, Stopped())
    assert (tmp_path / "A__ribosome.stl").exists()
    assert not (tmp_path / "B__vesicle.stl").exists()


def test_ais_mesh_puts_several_volumes_into_one_scene(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["mesh", *map(str, volumes(tmp_path)), "-o", str(tmp_path / "out"), "--scene"]
    assert run([*words, "scene.glb", "--json"]) == 0
    (told,) = [json.loads(capsys.readouterr().out)]
    assert told["volumes"] == 2
    scene = trimesh.load(tmp_path / "out" / "scene.glb", process=False)
    assert isinstance(scene, trimesh.Scene)
    assert set(scene.geometry) == {"ribosome", "vesicle"}
    colours = {tuple(one.visual.material.baseColorFactor) for one in scene.geometry.values()}
    assert len(colours) == 2
    assert run([*words, "scene.glb"]) == 2
    assert "--overwrite" in capsys.readouterr().err
    assert run([*words, "scene.cxc"]) == 0
    assert run([*words, "scene.doc"]) == 2
    assert run([*words, "../scene.glb"]) == 2


# Failures


def test_what_cannot_be_written_is_said(tmp_path: Path) -> None:
    with pytest.raises(AisError, match="choose obj, ply"):
        write_scene_file(tmp_path / "scene.fbx", scene(tmp_path))
    with pytest.raises(AisError, match="Nothing is to be seen"):
        write_scene_file(tmp_path / "scene.glb", SceneContents())
    (tmp_path / "file").write_text("")
    for kind in SCENE_FORMATS:
        with pytest.raises(AisError, match="file"):
            write_scene_file(tmp_path / "file" / f"scene.{kind}", scene(tmp_path))
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


# Programs


def executable(path: Path, text: str = "#!/bin/sh\n") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    path.chmod(0o755)
    return path


def test_programs_are_found_on_the_path_or_where_they_are_installed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    assert find_program(BLENDER, [tmp_path / "opt"]) is None
    executable(tmp_path / "opt" / "blender-4.2" / "blender")
    newest = executable(tmp_path / "opt" / "blender-10.1" / "blender")
    assert find_program(BLENDER, [tmp_path / "opt"]) == newest
    inside = executable(tmp_path / "opt" / "UCSF" / "ChimeraX-1.9" / "bin" / "ChimeraX")
    assert find_program(CHIMERAX, [tmp_path / "opt"]) == inside
    windows = executable(tmp_path / "Program Files" / "ChimeraX 1.10" / "bin" / "ChimeraX.exe")
    assert find_program(CHIMERAX, [tmp_path / "Program Files"]) == windows
    assert find_program(CHIMERAX, [tmp_path / "nowhere"]) is None
    with pytest.raises(AisError, match="could not be started"):
        start_program(CHIMERAX, tmp_path / "scene.cxc", tmp_path / "absent")


def test_programs_are_looked_for_where_each_system_keeps_them() -> None:
    windows = {"ProgramFiles": "C:/Program Files", "LOCALAPPDATA": "C:/Users/a/AppData/Local"}
    assert roots(windows, "win32") == [Path("C:/Program Files"), Path("C:/Users/a/AppData/Local/Programs")]
    assert {Path("/opt"), Path("/home/a")} <= set(roots({"HOME": "/home/a"}, "linux"))


# Movies


@pytest.mark.parametrize("kind", ["mp4", "gif", "png"])
def test_a_movie_has_the_frames_that_were_given(kind: str, tmp_path: Path) -> None:
    path = tmp_path / f"film.{kind}"
    shades = [(250, 20, 20), (20, 250, 20), (20, 20, 250), (200, 200, 200)]
    with movie(path, 10) as film:
        for shade in shades:
            frame = np.empty((49, 65, 3), np.uint8)
            frame[:] = shade
            film.add(frame)
    if kind == "mp4":
        with av.open(str(path)) as video:
            assert float(video.streams.video[0].average_rate or 0) == 10
            found = [frame.to_ndarray(format="rgb24") for frame in video.decode(video=0)]
        assert found[0].shape == (48, 64, 3)
    else:
        with Image.open(path) as image:
            assert image.info["duration"] == 100
            count = getattr(image, "n_frames", 1)
            found = []
            for number in range(count):
                image.seek(number)
                found.append(np.asarray(image.convert("RGB")))
        assert found[0].shape == (49, 65, 3)
    assert len(found) == len(shades)
    for frame, shade in zip(found, shades, strict=True):
        assert np.abs(frame.reshape(-1, 3).mean(axis=0) - shade).max() < (12 if kind == "mp4" else 3)


def test_a_movie_that_is_given_up_leaves_nothing(tmp_path: Path) -> None:
    for kind in ("mp4", "gif", "png"):
        with pytest.raises(KeyError), movie(tmp_path / f"film.{kind}", 10) as film:
            film.add(np.zeros((20, 20, 3), np.uint8))
            raise KeyError
        with pytest.raises(AisError, match="a frame at least"), movie(tmp_path / f"film.{kind}", 10):
            pass
    with pytest.raises(AisError, match="choose .mp4"), movie(tmp_path / "film.avi", 10):
        pass
    assert list(tmp_path.iterdir()) == []
