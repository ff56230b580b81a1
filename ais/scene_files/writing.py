"""A whole scene into a file of any kind that it can be written as."""

from __future__ import annotations

from pathlib import Path

from ais.errors import AisError
from ais.formats.atomic import atomic_path
from ais.formats.mesh import MESH_FORMATS, MeshPart, write_materials, write_scene
from ais.scene_files.blender import write_blender
from ais.scene_files.bodies import FINE_UP_TO, arrow, particle_mesh, sphere
from ais.scene_files.chimerax import write_chimerax
from ais.scene_files.contents import SceneContents
from ais.scene_files.naming import plain_name

SCENE_FORMATS = (*MESH_FORMATS, "cxc", "py")
BYTES_PER_VERTEX = {"obj": 66, "ply": 27, "stl": 0, "glb": 24, "cxc": 24, "py": 24}
BYTES_PER_FACE = {"obj": 42, "ply": 13, "stl": 50, "glb": 12, "cxc": 12, "py": 12}
BYTES_PER_MARKER = 110


def write_scene_file(path: Path | str, contents: SceneContents) -> list[Path]:
    """Write a scene; the path's ending says as what.

    ======  ===========================================================================
    ending  holds
    ======  ===========================================================================
    .glb    a node, mesh and material for each part; particles as one mesh for each set
    .obj    an object for each part, with a file of materials beside it
    .ply    one mesh with colours of vertices
    .stl    one mesh without colours
    .cxc    a script that shows the volumes and particles in ChimeraX
    .py     a script that builds the scene in Blender
    ======  ===========================================================================

    All coordinates are in angstrom at the tomogram's own place.

    Returns
    -------
    list of Path
        What was written, the file that was asked for last.

    Raises
    ------
    AisError
        If there is nothing to write, the ending is unknown, or the file cannot be written.
    """
    path = Path(path)
    kind = path.suffix.lower().lstrip(".")
    if kind not in SCENE_FORMATS:
        raise AisError(f"A scene cannot be written as {path.suffix!r}: choose {', '.join(SCENE_FORMATS)}.")
    if contents.empty:
        raise AisError("Nothing is to be seen in the scene, so there is nothing to write.")
    if kind == "cxc":
        return write_chimerax(path, contents)
    if kind == "py":
        return write_blender(path, contents)
    parts = mesh_parts(contents)
    written: list[Path] = []
    materials = ""
    if kind == "obj":
        beside = path.with_name(f"{'_'.join(plain_name(path.stem).split())}.mtl")  # no reader knows quotes
        with atomic_path(beside) as temporary:
            write_materials(temporary, parts)
        written.append(beside)
        materials = beside.name
    with atomic_path(path) as temporary:
        write_scene(temporary, parts, kind, materials=materials)
    return [*written, path]


def mesh_parts(contents: SceneContents) -> list[MeshPart]:
    """All that is seen as meshes, each with a name of its own; particles of one set are one mesh."""
    found: list[MeshPart] = []
    names = contents.names
    for part, name in zip(contents.surfaces, names, strict=False):
        if len(part.mesh.faces):
            found.append(MeshPart(part.mesh, part.colour, name, part.alpha, part.colours))
    for each, name in zip(contents.particles, names[len(contents.surfaces) :], strict=True):
        if len(each.positions):
            mesh, colours = particle_mesh(each)
            red, green, blue = each.colours[0].tolist()
            same = bool((each.colours == each.colours[0]).all())
            found.append(MeshPart(mesh, (red, green, blue), name, each.alpha, None if same else colours))
    return found


def bytes_of_surface(vertices: int, faces: int, kind: str) -> int:
    """About how many bytes a surface takes in a file of meshes."""
    return BYTES_PER_VERTEX[kind] * vertices + BYTES_PER_FACE[kind] * faces


def bytes_of_particles(count: int, body: str, kind: str) -> int:
    """About how many bytes so many particles take in a file."""
    if kind == "cxc":
        return BYTES_PER_MARKER * count
    one = arrow() if body == "arrow" else sphere(2 if count <= FINE_UP_TO else 1)
    return count * bytes_of_surface(len(one.vertices), len(one.faces), kind)
