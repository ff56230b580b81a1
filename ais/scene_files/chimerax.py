"""Scripts that show a scene in ChimeraX: the volumes themselves with level, colour and dust, and the particles.

References
----------
Pettersen et al., UCSF ChimeraX: Structure visualization for researchers, educators, and developers, Protein Sci. 2021.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from xml.sax.saxutils import quoteattr

import numpy as np
from numpy.typing import NDArray

from ais.formats.atomic import atomic_path, write_text
from ais.formats.mesh import Colour, MeshPart, write_scene
from ais.scene_files.bodies import ARROW_RADII, HEAD_RADIUS, HEAD_SHARE, SHAFT_RADIUS
from ais.scene_files.contents import MapSource, ParticlePart, SceneContents, SceneLight, SceneView, SurfacePart
from ais.scene_files.naming import path_from, plain_name

MAPS = (".mrc", ".map", ".rec")
"""Files that ChimeraX reads as we do."""
SMOOTHING_FACTOR = 0.3


def write_chimerax(path: Path, contents: SceneContents) -> list[Path]:
    """Write a script for ChimeraX, and beside it what the script opens besides the volumes.

    A volume is opened itself, so that its level can still be changed there. Where ChimeraX could not show what is seen
    here, because components are hidden or coloured singly, its surface is written as GLB and opened instead. Spheres
    become a marker file, arrows a BILD file.

    Parameters
    ----------
    path
        Of the script; files beside it begin with its name.
    contents
        What is seen.

    Returns
    -------
    list of Path
        What was written, the script last.

    Raises
    ------
    AisError
        If something cannot be written.
    """
    lines = [
        "# Shows a scene of Ais in ChimeraX, in place of what is open there.",
        "# Lengths are in angstrom; the size of dust is a volume in cubic angstrom.",
        "close",
    ]
    written: list[Path] = []
    stem = plain_name(path.stem)
    names = contents.names
    model = 0
    for part, name in zip(contents.surfaces, names, strict=False):
        if not len(part.mesh.faces):
            continue
        model += 1
        named = _map_path(path, part)
        if named is not None and part.source is not None:
            lines += _map_lines(model, named, part.source, part)
        else:
            beside = path.with_name(f"{stem} - {name}.glb")
            with atomic_path(beside) as temporary:
                shown = part.colours if part.colours is not None else _one_colour(part)
                whole = MeshPart(part.mesh, part.colour, name, 1.0, shown)
                write_scene(temporary, [whole], "glb", linear=False)
            written.append(beside)
            lines.append(f'open "{beside.name}"')
        lines += [f'rename #{model} "{name}"']
        if part.alpha < 1:
            lines.append(f"transparency #{model} {_number(100 * (1 - part.alpha))}")
    for each, name in zip(contents.particles, names[len(contents.surfaces) :], strict=True):
        if not len(each.positions):
            continue
        model += 1
        beside = path.with_name(f"{stem} - {name}.{'bild' if each.arrows else 'cmm'}")
        write_text(beside, _arrows(each) if each.arrows else _markers(each, name))
        written.append(beside)
        lines += [f'open "{beside.name}"', f'rename #{model} "{name}"']
        if each.alpha < 1 and not each.arrows:
            lines.append(f"transparency #{model} {_number(100 * (1 - each.alpha))} target a")
    lines += _light_lines(contents.light)
    lines += _view_lines(contents.view) if contents.view is not None else ["view"]
    write_text(path, "\n".join(lines) + "\n")
    return [*written, path]


def _map_path(script: Path, part: SurfacePart) -> str | None:
    """How the script names the volume; None if ChimeraX is to open a mesh in its place."""
    source = part.source
    if source is None or not source.whole or part.colours is not None:
        return None
    return path_from(script, source.path) if source.path.suffix.lower() in MAPS else None


def _map_lines(model: int, named: str, source: MapSource, part: SurfacePart) -> list[str]:
    sizes = ",".join(_number(size) for size in source.voxel_sizes[::-1])
    origin = ",".join(_number(at) for at in source.origin)
    # One after the other: a voxel size scales the origin that is set with it. Surfaces are usually made when they are
    # drawn, and dust can only be taken from one that is there.
    now = " calculateSurfaces true" if source.dust > 0 else ""
    lines = [
        f'open "{named}"',
        f"volume #{model} voxelSize {sizes}",
        f"volume #{model} origin {origin}",
    ]
    if source.smooth:
        lines.append(
            f"volume #{model} surfaceSmoothing true smoothingIterations {source.smooth} "
            f"smoothingFactor {_number(SMOOTHING_FACTOR)}"
        )
    lines.append(
        f"volume #{model} show style surface region all step {source.bin} level {_level(source.level)} "
        f"color {_hex(part.colour, part.alpha)}{now}"
    )
    if source.dust > 0:
        lines.append(f"surface dust #{model} size {_number(source.dust)} metric volume")
    return lines


def _one_colour(part: SurfacePart) -> NDArray[np.float32]:
    # ChimeraX takes the colours of materials as they are, not in linear light; those of vertices we can give so.
    return np.broadcast_to(np.array(part.colour, np.float32), (len(part.mesh.vertices), 3))


def _markers(part: ParticlePart, name: str) -> str:
    lines = [f"<marker_set name={quoteattr(name)}>"]
    for number, (at, colour) in enumerate(zip(part.positions.tolist(), part.colours.tolist(), strict=True), start=1):
        x, y, z = (_number(value) for value in at)
        red, green, blue = (f"{value:.4f}" for value in colour)
        lines.append(
            f'<marker id="{number}" x="{x}" y="{y}" z="{z}" r="{red}" g="{green}" b="{blue}" '
            f'radius="{_number(part.radius)}"/>'
        )
    return "\n".join([*lines, "</marker_set>", ""])


def _arrows(part: ParticlePart) -> str:
    assert part.directions is not None
    ends = part.positions + ARROW_RADII * part.radius * part.directions
    sizes = f"{_number(SHAFT_RADIUS * part.radius)} {_number(HEAD_RADIUS * part.radius)} {_number(1 - HEAD_SHARE)}"
    lines = [f".transparency {_number(1 - part.alpha)}"]
    before: list[float] | None = None
    for at, end, colour in zip(part.positions.tolist(), ends.tolist(), part.colours.tolist(), strict=True):
        if colour != before:
            lines.append(f".color {' '.join(f'{value:.4f}' for value in colour)}")
            before = colour
        lines.append(f".arrow {_numbers([*at, *end])} {sizes}")
    return "\n".join([*lines, ""])


def _light_lines(light: SceneLight) -> list[str]:
    kind = "flat" if light.shading == "flat" else "soft" if light.occlusion > 0 else "simple"
    lines = [f"set bgColor {_hex(light.background)}", f"lighting {kind}"]
    if kind == "simple":
        lines.append(f"lighting intensity {_number(light.head_light)} ambientIntensity {_number(light.ambient)}")
    lines.append(f"lighting depthCue {_word(light.depth_cue > 0)}")
    return [*lines, f"graphics silhouettes {_word(light.edges)}"]


def _view_lines(view: SceneView) -> list[str]:
    # ChimeraX counts the angle from side to side. Without perspective it takes the width of what is seen from the
    # distance to the centre of rotation.
    across = 2 * math.degrees(math.atan(view.aspect * math.tan(math.radians(view.field_of_view) / 2)))
    rows = np.column_stack([view.right, view.up, view.backward, view.eye])
    lines = [
        f"camera mono fieldOfView {_number(across)}",
        "view matrix camera " + ",".join(f"{value:.6f}" for value in rows.ravel()),
        "cofr " + ",".join(_number(value) for value in view.target),
    ]
    return lines if view.perspective else [*lines, "camera ortho"]


def _hex(colour: Colour, alpha: float = 1.0) -> str:
    channels = (*colour, alpha) if alpha < 1 else colour
    return "#" + "".join(f"{round(255 * min(max(channel, 0.0), 1.0)):02x}" for channel in channels)


def _number(value: float) -> str:
    """A number without exponent, as short as three decimals allow; small ones with more."""
    text = f"{value:.3f}" if abs(value) >= 0.1 or value == 0 else f"{value:.9f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def _level(value: float) -> str:
    """A level a little below a stored value must stay there: at the highest value itself nothing would be seen."""
    return f"{value:.7f}".rstrip("0").rstrip(".")


def _numbers(values: Sequence[float]) -> str:
    return " ".join(_number(value) for value in values)


def _word(on: bool) -> str:
    return "true" if on else "false"
