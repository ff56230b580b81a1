"""Scripts that build a scene in Blender: meshes, materials, camera and light, ready to be rendered.

References
----------
Blender Online Community, Blender: a 3D modelling and rendering package, Blender Foundation.
"""

from __future__ import annotations

import pprint
from pathlib import Path
from typing import Any

from ais.formats.atomic import atomic_path, write_text
from ais.formats.mesh import MeshPart, write_scene
from ais.scene_files.bodies import particle_mesh
from ais.scene_files.contents import SceneContents, SceneView
from ais.scene_files.naming import plain_name

SCALE = 0.01
"""Blender works well with things of some units: one is 100 angstrom."""
PICTURE_HEIGHT = 1080

SCRIPT = '''"""Builds a scene of Ais in Blender.

By hand:    open Blender, then Scripting, Open, this file, Run Script.
A picture:  blender -b -P "THIS FILE" -o //picture -f 1
"""

import math
import os

import bpy
from mathutils import Matrix, Vector

SCENE = {scene}


def linear(colour):
    return [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in colour]


def folder():
    if "__file__" in globals() and os.path.exists(__file__):
        return os.path.dirname(os.path.abspath(__file__))
    return os.path.dirname(bpy.path.abspath(bpy.context.space_data.text.filepath))


def material(part, mesh):
    made = bpy.data.materials.new(part["name"])
    made.use_nodes = True
    nodes, links = made.node_tree.nodes, made.node_tree.links
    surface = next(node for node in nodes if node.type == "BSDF_PRINCIPLED")
    surface.inputs["Base Color"].default_value = [*linear(part["colour"]), 1.0]
    surface.inputs["Roughness"].default_value = 0.6
    for name in ("Specular IOR Level", "Specular"):  # as it is called since Blender 4, and before
        if name in surface.inputs:
            surface.inputs[name].default_value = 0.2
    surface.inputs["Alpha"].default_value = part["alpha"]
    if part["coloured"] and len(mesh.color_attributes):
        colours = nodes.new("ShaderNodeVertexColor")
        colours.layer_name = mesh.color_attributes[0].name
        links.new(colours.outputs["Color"], surface.inputs["Base Color"])
    if part["alpha"] < 1:
        if hasattr(made, "surface_render_method"):
            made.surface_render_method = "BLENDED"
        elif hasattr(made, "blend_method"):
            made.blend_method = "BLEND"
    made.diffuse_color = [*linear(part["colour"]), part["alpha"]]
    return made


def add_meshes():
    before = set(bpy.data.objects)
    if SCENE["parts"]:
        bpy.ops.import_scene.gltf(filepath=os.path.join(folder(), SCENE["meshes"]))
    added = [one for one in bpy.data.objects if one not in before]
    # Blender turns glTF's y axis up; this turns it back, makes the scene small and puts it in the middle.
    scale = SCENE["scale"]
    root = bpy.data.objects.new("Ais scene, 1 unit is %g angstrom" % (1 / scale), None)
    bpy.context.scene.collection.objects.link(root)
    root.scale = (scale, scale, scale)
    root.rotation_euler = (-math.pi / 2, 0, 0)
    root.location = -scale * Vector(SCENE["middle"])
    for one in added:
        if one.parent is None:
            one.parent = root
        if one.type != "MESH":
            continue
        part = SCENE["parts"][int(one.name[:3])]
        one.name = part["name"]
        one.data.materials.clear()
        one.data.materials.append(material(part, one.data))
    return root


def add_camera(view):
    lens = bpy.data.cameras.new("Ais view")
    lens.sensor_fit = "VERTICAL"
    if view["perspective"]:
        lens.angle = math.radians(view["field_of_view"])
    else:
        lens.type = "ORTHO"
        lens.ortho_scale = view["height"]
    lens.clip_start, lens.clip_end = view["distance"] / 1000, view["distance"] * 1000
    camera = bpy.data.objects.new("Ais view", lens)
    axes = Matrix([view["right"], view["up"], view["backward"]]).transposed().to_4x4()
    camera.matrix_world = Matrix.Translation(view["eye"]) @ axes
    bpy.context.scene.collection.objects.link(camera)
    bpy.context.scene.camera = camera
    lamp = bpy.data.lights.new("Ais head light", "SUN")
    lamp.energy = math.pi * SCENE["head_light"]  # white that faces it then is as bright as that
    lamp.angle = 0.1
    light = bpy.data.objects.new("Ais head light", lamp)
    light.parent = camera
    light.rotation_euler = (-0.3, 0.3, 0)
    bpy.context.scene.collection.objects.link(light)


def add_surroundings():
    # The camera sees the background; what is lit by the surroundings is lit by grey.
    world = bpy.data.worlds.new("Ais surroundings")
    world.use_nodes = True
    nodes, links = world.node_tree.nodes, world.node_tree.links
    nodes.clear()
    seen, lit = nodes.new("ShaderNodeBackground"), nodes.new("ShaderNodeBackground")
    seen.inputs["Color"].default_value = [*linear(SCENE["background"]), 1.0]
    lit.inputs["Color"].default_value = [1.0, 1.0, 1.0, 1.0]
    lit.inputs["Strength"].default_value = SCENE["ambient"]
    path, mix, out = (nodes.new("ShaderNode" + kind) for kind in ("LightPath", "MixShader", "OutputWorld"))
    links.new(path.outputs["Is Camera Ray"], mix.inputs[0])
    links.new(lit.outputs[0], mix.inputs[1])
    links.new(seen.outputs[0], mix.inputs[2])
    links.new(mix.outputs[0], out.inputs["Surface"])
    bpy.context.scene.world = world


def main():
    for one in list(bpy.data.objects):
        if one.name in ("Cube", "Light", "Camera"):
            bpy.data.objects.remove(one)
    add_meshes()
    add_camera(SCENE["view"])
    add_surroundings()
    scene = bpy.context.scene
    scene.render.engine = "CYCLES"
    scene.cycles.samples = 64
    scene.render.resolution_x, scene.render.resolution_y = SCENE["picture"]
    scene.render.resolution_percentage = 100
    scene.render.image_settings.file_format = "PNG"
    scene.view_settings.view_transform = "Standard"


main()
'''


def write_blender(path: Path, contents: SceneContents) -> list[Path]:
    """Write a script for Blender, and beside it the meshes that it reads.

    Parameters
    ----------
    path
        Of the script; the file beside it begins with its name.
    contents
        What is seen; without a view, it is looked at from above.

    Returns
    -------
    list of Path
        What was written, the script last.

    Raises
    ------
    AisError
        If something cannot be written.
    """
    named = contents.names
    parts = [
        MeshPart(part.mesh, part.colour, name, part.alpha, part.colours)
        for name, part in zip(named, contents.surfaces, strict=False)
        if len(part.mesh.faces)
    ]
    for name, each in zip(named[len(contents.surfaces) :], contents.particles, strict=True):
        if len(each.positions):
            mesh, colours = particle_mesh(each)
            first = tuple(float(channel) for channel in each.colours[0])
            parts.append(MeshPart(mesh, (first[0], first[1], first[2]), name, each.alpha, colours))
    names = [part.name for part in parts]
    beside = path.with_name(f"{plain_name(path.stem)} - meshes.glb")
    # Blender shortens and changes names that exist already: the number tells which is which.
    numbered = [
        MeshPart(part.mesh, part.colour, f"{number:03d} {name}", part.alpha, part.colours)
        for number, (part, name) in enumerate(zip(parts, names, strict=True))
    ]
    with atomic_path(beside) as temporary:
        write_scene(temporary, numbered, "glb")
    middle = [(low + high) / 2 for low, high in zip(contents.low, contents.high, strict=True)]
    view = contents.view or _from_above(contents, middle)
    scene = {
        "meshes": beside.name,
        "parts": [
            {
                "name": name,
                "colour": [round(float(channel), 5) for channel in part.colour],
                "alpha": round(float(part.alpha), 5),
                "coloured": part.colours is not None,
            }
            for part, name in zip(parts, names, strict=True)
        ],
        "scale": SCALE,
        "middle": middle,
        "view": _scaled(view, middle),
        "ambient": contents.light.ambient,
        "head_light": contents.light.head_light,
        "background": list(contents.light.background),
        "picture": [max(round(PICTURE_HEIGHT * view.aspect), 1), PICTURE_HEIGHT],
    }
    write_text(path, SCRIPT.replace("{scene}", pprint.pformat(scene, width=110, sort_dicts=False)))
    return [beside, path]


def _scaled(view: SceneView, middle: list[float]) -> dict[str, Any]:
    from math import radians, tan

    return {
        "eye": [SCALE * (at - centre) for at, centre in zip(view.eye, middle, strict=True)],
        "right": list(view.right),
        "up": list(view.up),
        "backward": list(view.backward),
        "perspective": view.perspective,
        "field_of_view": view.field_of_view,
        "height": SCALE * 2 * view.distance * tan(radians(view.field_of_view) / 2),
        "distance": SCALE * view.distance,
    }


def _from_above(contents: SceneContents, middle: list[float]) -> SceneView:
    size = max(high - low for low, high in zip(contents.low, contents.high, strict=True))
    return SceneView((middle[0], middle[1], middle[2]), distance=2.5 * size)
