"""Pictures of surfaces drawn without a screen or a graphics card: soft light, depth and the tomogram's outline."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ais.errors import AisError
from ais.surfaces import Surface

WHITE = (1.0, 1.0, 1.0)
SUPERSAMPLING = 2
MAX_SIDE_PX = 4096
MARGIN = 0.04
FACES_AT_ONCE = 1 << 17
NOTHING = np.uint64(2**64 - 1)
DEPTH_STEPS = 2**31 - 1
LEAST_AREA_PX = 1e-6

SKY_PROJECTIONS = 32
SKY_TEXEL_EDGES = 2.0
SKY_BIAS_TEXELS = 1.5
SKY_MAX_SIDE = 1024

KEY_LIGHT = (-0.45, 0.60, 0.66)
KEY, FILL, SKY, HIGHLIGHT = 0.66, 0.16, 0.46, 0.10
GLOSS = 24.0
DEPTH_CUE = 0.24
OUTLINE = 0.55
OUTLINE_DEPTH = 0.02
BOX_STRENGTH, BOX_OVER_SURFACE = 0.5, 0.3
DARK_INK, LIGHT_INK, MID_LIGHT = 0.05, 0.3, 0.2

Colour = tuple[float, float, float]
Point = tuple[float, float, float]
Box = tuple[Point, Point]
Floats = NDArray[np.float32]


@dataclass(frozen=True)
class _View:
    """An orthographic camera: its axes (right, up, towards the viewer) and the scale of the supersampled picture."""

    axes: NDArray[np.float64]
    centre: NDArray[np.float64]
    pixels_per_angstrom: float
    width: int
    height: int
    near: float
    far: float

    def project(self, points: NDArray[Any]) -> Floats:
        """(n, 3) x, y, z in angstrom to column and row in pixels (row 0 at the top) and depth, 0 near to 1 far."""
        seen = (points - self.centre) @ self.axes.T
        seen[:, 0] = seen[:, 0] * self.pixels_per_angstrom + self.width / 2
        seen[:, 1] = self.height / 2 - seen[:, 1] * self.pixels_per_angstrom
        seen[:, 2] = (self.near - seen[:, 2]) / (self.near - self.far)
        return seen.astype(np.float32)


@dataclass(frozen=True)
class _Scene:
    """All surfaces in one: projected vertices, camera-space normals, light from the sky and colour of each vertex."""

    screen: Floats
    normals: Floats
    sky: Floats
    part: NDArray[np.int32]
    faces: NDArray[np.int32]


def volume_box(
    shape: tuple[int, int, int], voxel_sizes: tuple[float, float, float], origin: Point = (0.0, 0.0, 0.0)
) -> Box:
    """The outline of a volume, from the outer corner of its first voxel to that of its last.

    Parameters
    ----------
    shape
        (nz, ny, nx).
    voxel_sizes
        (z, y, x) in angstrom.
    origin
        (x, y, z) in angstrom: centre of the voxel (0, 0, 0).
    """
    sizes = np.array(voxel_sizes[::-1])
    low = np.array(origin) - sizes / 2
    high = low + sizes * np.array(shape[::-1])
    return (low[0], low[1], low[2]), (high[0], high[1], high[2])


def draw_surfaces(
    surfaces: Sequence[tuple[Surface, Colour]],
    size: tuple[int, int] = (900, 700),
    *,
    azimuth: float = -30.0,
    elevation: float = 40.0,
    background: Colour | None = WHITE,
    box: Box | None = None,
) -> NDArray[np.uint8]:
    """A picture of surfaces in parallel projection, lit by one lamp and a bright sky.

    Parameters
    ----------
    surfaces
        Each with its colour: red, green, blue, 0-1 (sRGB).
    size
        (width, height) in pixels.
    azimuth, elevation
        Direction from which the scene is seen, in degrees. Elevation 90 and azimuth 0 look down z with x to the right
        and y up, as slices are shown; elevation 0 looks along the y axis with z up. The azimuth turns the scene about
        z.
    background
        Red, green, blue, 0-1, into which what is far fades a little; None for a transparent picture.
    box
        Two opposite corners (x, y, z) in angstrom, drawn as thin lines and fitted into the picture: `volume_box`.
        By default the surfaces are fitted and no box is drawn.

    Returns
    -------
    ndarray
        uint8 (height, width, 3), or 4 with opacity if the background is None; row 0 at the top.

    Raises
    ------
    AisError
        If the size of the picture cannot be drawn.

    References
    ----------
    Zhukov, Iones and Kronin, An ambient light illumination model, Rendering Techniques 1998.
    """
    width, height = size
    if not (1 <= width <= MAX_SIDE_PX and 1 <= height <= MAX_SIDE_PX):
        raise AisError(f"A picture of {width} x {height} pixels cannot be drawn: choose 1 to {MAX_SIDE_PX} each.")
    shown = [(surface, colour) for surface, colour in surfaces if len(surface.faces)]
    view = _fitted_view(shown, box, (width * SUPERSAMPLING, height * SUPERSAMPLING), azimuth, elevation)
    colour = np.zeros((view.height * view.width, 3), np.float32)
    depth = np.full(view.height * view.width, np.inf, np.float32)
    if shown:
        _draw_scene(_scene(shown, view), [c for _, c in shown], view, colour, depth)
    cover = np.isfinite(depth).astype(np.float32)
    if background is not None:
        _fade_with_depth(colour, depth, _linear(background))
        colour += (1 - cover)[:, None] * _linear(background)
        cover[:] = 1
    if box is not None:
        bright = background is None or _linear(background).mean() > MID_LIGHT
        _draw_box(box, view, DARK_INK if bright else LIGHT_INK, colour, cover, depth)
    return _picture(colour, cover, view, transparent=background is None)


def _fitted_view(
    surfaces: Sequence[tuple[Surface, Colour]],
    box: Box | None,
    size: tuple[int, int],
    azimuth: float,
    elevation: float,
) -> _View:
    turn, tilt = math.radians(azimuth), math.radians(elevation)
    right = np.array([math.cos(turn), math.sin(turn), 0.0])
    ahead = np.array([-math.sin(turn), math.cos(turn), 0.0])
    up = np.array([0.0, 0.0, math.cos(tilt)]) + math.sin(tilt) * ahead
    axes = np.stack([right, up, np.cross(right, up)])
    ends = [np.array(box)] if box is not None else []
    ends += [np.stack([s.vertices.min(axis=0), s.vertices.max(axis=0)]) for s, _ in surfaces]
    if not ends:
        ends = [np.array([[-1.0] * 3, [1.0] * 3])]
    bounds = np.concatenate(ends).astype(np.float64)
    low, high = bounds.min(axis=0), bounds.max(axis=0)
    framed = np.array(box, np.float64) if box is not None else np.stack([low, high])
    centre = framed.mean(axis=0)
    across = np.abs((_corners(framed) - centre) @ axes.T).max(axis=0)
    depths = (_corners(np.stack([low, high])) - centre) @ axes[2]
    room = max(1e-6, float(np.ptp(depths)) * 0.01)
    scale = min(length * (0.5 - MARGIN) / max(reach, 1e-6) for length, reach in zip(size, across[:2], strict=True))
    return _View(axes, centre, scale, *size, near=float(depths.max()) + room, far=float(depths.min()) - room)


def _corners(ends: NDArray[np.float64]) -> NDArray[np.float64]:
    """(8, 3) corners of a box from two opposite ones; bit i of a corner's number tells its end along axis i."""
    which = np.arange(8)[:, None] >> np.arange(3) & 1
    corners: NDArray[np.float64] = np.where(which, ends[1], ends[0])
    return corners


def _scene(surfaces: Sequence[tuple[Surface, Colour]], view: _View) -> _Scene:
    vertices = np.concatenate([surface.vertices for surface, _ in surfaces])
    normals = np.concatenate([surface.normals for surface, _ in surfaces])
    counts = [len(surface.vertices) for surface, _ in surfaces]
    firsts = np.cumsum([0, *counts])
    faces = np.concatenate(
        [surface.faces + np.int32(first) for (surface, _), first in zip(surfaces, firsts, strict=False)]
    )
    return _Scene(
        view.project(vertices),
        (normals @ view.axes.T).astype(np.float32),
        _sky_seen(vertices, normals, faces),
        np.repeat(np.arange(len(surfaces), dtype=np.int32), counts),
        faces,
    )


def _sky_seen(vertices: Floats, normals: Floats, faces: NDArray[np.int32]) -> Floats:
    """Share of the sky above each vertex that no other surface hides, 0-1, weighted by the cosine."""
    sample = vertices[faces[:: max(1, len(faces) // 10_000)]]
    edge = float(np.linalg.norm(sample[:, 1] - sample[:, 0], axis=1).mean())
    reach = float(np.linalg.norm(np.ptp(vertices, axis=0)))
    texel = max(edge * SKY_TEXEL_EDGES, reach / SKY_MAX_SIDE, 1e-6)
    side = int(reach / texel) + 3
    # One row per axis: the loop below then runs along contiguous memory.
    middle = (vertices.min(axis=0) + vertices.max(axis=0)) / 2
    places = np.ascontiguousarray(((vertices - middle) / np.float32(texel)).T)
    facing = np.ascontiguousarray(normals.T)
    seen = np.zeros(len(vertices), np.float32)
    whole = np.zeros(len(vertices), np.float32)
    for frame in _frames(SKY_PROJECTIONS):
        column, row, height = frame @ places
        texels = (row + side / 2).astype(np.int32)
        texels *= side
        texels += (column + side / 2).astype(np.int32)
        highest = np.full(side * side, -np.inf, np.float32)
        lowest = np.full(side * side, np.inf, np.float32)
        np.maximum.at(highest, texels, height)
        np.minimum.at(lowest, texels, height)
        highest -= SKY_BIAS_TEXELS
        lowest += SKY_BIAS_TEXELS
        cosine = frame[2] @ facing
        open_sky = np.where(cosine > 0, height >= highest[texels], height <= lowest[texels])
        weight = np.abs(cosine, out=cosine)
        whole += weight
        seen += weight * open_sky
    seen /= np.maximum(whole, np.float32(1e-6))
    return seen


def _frames(count: int) -> Iterator[Floats]:
    """Orthonormal axes (3, 3) whose last points in directions spread evenly over half of the sphere.

    The directions are those of a Fibonacci lattice.
    """
    for step in np.arange(count) + 0.5:
        z = step / count
        turn = step * math.pi * (3 - math.sqrt(5))
        ring = math.sqrt(1 - z * z)
        direction = np.array([ring * math.cos(turn), ring * math.sin(turn), z])
        across = np.cross(direction, np.eye(3)[int(np.argmin(np.abs(direction)))])
        across /= np.linalg.norm(across)
        yield np.stack([across, np.cross(direction, across), direction]).astype(np.float32)


def _draw_scene(scene: _Scene, colours: Sequence[Colour], view: _View, colour: Floats, depth: Floats) -> None:
    nearest = np.full(view.height * view.width, NOTHING)
    for start in range(0, len(scene.faces), FACES_AT_ONCE):
        _draw_faces(scene, slice(start, start + FACES_AT_ONCE), view, nearest)
    pixels = np.flatnonzero(nearest != NOTHING)
    faces = scene.faces[(nearest[pixels] & np.uint64(0xFFFFFFFF)).astype(np.intp)]
    depth[pixels] = (nearest[pixels] >> np.uint64(32)).astype(np.float32) / np.float32(DEPTH_STEPS)
    weights = _barycentric(scene.screen, faces, pixels, view.width)
    normals = np.zeros((pixels.size, 3), np.float32)
    sky = np.zeros(pixels.size, np.float32)
    for corner, weight in enumerate(weights):
        normals += scene.normals[faces[:, corner]] * weight[:, None]
        sky += scene.sky[faces[:, corner]] * weight
    normals /= np.maximum(np.sqrt(np.einsum("ij,ij->i", normals, normals)), np.float32(1e-6))[:, None]
    palette = np.array([_linear(c) for c in colours], np.float32)
    colour[pixels] = _lit(palette[scene.part[faces[:, 0]]], normals, sky)
    colour *= _outline(depth.reshape(view.height, view.width)).reshape(-1, 1)


def _draw_faces(scene: _Scene, chosen: slice, view: _View, nearest: NDArray[np.uint64]) -> None:
    """Lower `nearest` (depth in the high, face in the low 32 bits) where faces turned to the viewer are nearer."""
    corners = scene.screen[scene.faces[chosen]]
    first, second, third = corners[:, 0], corners[:, 1], corners[:, 2]
    u, v = second - first, third - first
    area = u[:, 0] * v[:, 1] - u[:, 1] * v[:, 0]
    ids = np.flatnonzero(area < -LEAST_AREA_PX)
    corners, u, v, area = corners[ids], u[ids], v[ids], area[ids]
    slope_x = (u[:, 2] * v[:, 1] - v[:, 2] * u[:, 1]) / area
    slope_y = (v[:, 2] * u[:, 0] - u[:, 2] * v[:, 0]) / area
    face, row, column = _covered_pixels(corners, view)
    origin = corners[face, 0]
    depths = origin[:, 2] + slope_x[face] * (column + np.float32(0.5) - origin[:, 0])
    depths += slope_y[face] * (row + np.float32(0.5) - origin[:, 1])
    # At the rim of a steep face rounding could carry a pixel's depth beyond that of the corners.
    np.clip(depths, corners[:, :, 2].min(axis=1)[face], corners[:, :, 2].max(axis=1)[face], out=depths)
    key = (depths.astype(np.float64) * DEPTH_STEPS).astype(np.uint64) << np.uint64(32)
    key |= (ids[face] + chosen.start).astype(np.uint64)
    np.minimum.at(nearest, row.astype(np.intp) * view.width + column, key)


def _covered_pixels(corners: Floats, view: _View) -> tuple[NDArray[np.intp], NDArray[np.int32], NDArray[np.int32]]:
    """Face, row and column of each pixel whose centre lies in a face; an edge belongs to one of its two faces."""
    order = np.argsort(corners[:, :, 1], axis=1)
    low, middle, high = (np.take_along_axis(corners, order[:, k, None, None], axis=1)[:, 0] for k in range(3))
    first = np.clip(np.ceil(low[:, 1] - 0.5), 0, view.height).astype(np.int32)
    last = np.clip(np.ceil(high[:, 1] - 0.5), 0, view.height).astype(np.int32)
    face, row = _expanded(first, last)
    y = row.astype(np.float32) + np.float32(0.5)
    a, b, c = low[face], middle[face], high[face]
    along = a[:, 0] + (y - a[:, 1]) * _ratio(c[:, 0] - a[:, 0], c[:, 1] - a[:, 1])
    upper = y >= b[:, 1]
    start, end = np.where(upper[:, None], b, a), np.where(upper[:, None], c, b)
    bent = start[:, 0] + (y - start[:, 1]) * _ratio(end[:, 0] - start[:, 0], end[:, 1] - start[:, 1])
    left = np.clip(np.ceil(np.minimum(along, bent) - 0.5), 0, view.width).astype(np.int32)
    right = np.clip(np.ceil(np.maximum(along, bent) - 0.5), 0, view.width).astype(np.int32)
    span, column = _expanded(left, right)
    return face[span], row[span], column


def _expanded(first: NDArray[np.int32], last: NDArray[np.int32]) -> tuple[NDArray[np.intp], NDArray[np.int32]]:
    """Every whole number of the ranges first <= i < last, each with the number of its range."""
    counts = np.maximum(last - first, 0)
    owner = np.repeat(np.arange(counts.size), counts)
    ends = np.cumsum(counts)
    values = np.arange(owner.size, dtype=np.int32) - np.repeat(ends - counts - first, counts).astype(np.int32)
    return owner, values


def _ratio(numerator: Floats, denominator: Floats) -> Floats:
    safe: Floats = np.where(denominator == 0, np.float32(1), denominator)
    return numerator / safe


def _barycentric(
    screen: Floats, faces: NDArray[np.int32], pixels: NDArray[np.intp], width: int
) -> tuple[Floats, Floats, Floats]:
    a, b, c = (screen[faces[:, k], :2] for k in range(3))
    row, column = np.divmod(pixels, width)
    x = column.astype(np.float32) + np.float32(0.5) - a[:, 0]
    y = row.astype(np.float32) + np.float32(0.5) - a[:, 1]
    u, v = b - a, c - a
    area = u[:, 0] * v[:, 1] - u[:, 1] * v[:, 0]
    second = np.clip((x * v[:, 1] - y * v[:, 0]) / area, 0, 1)
    third = np.clip((u[:, 0] * y - u[:, 1] * x) / area, 0, 1 - second)
    return 1 - second - third, second, third


def _lit(colours: Floats, normals: Floats, sky: Floats) -> Floats:
    """Colour in linear light under a lamp above the viewer's left shoulder, a faint one ahead and the sky."""
    lamp = np.array(KEY_LIGHT, np.float32) / np.float32(np.linalg.norm(KEY_LIGHT))
    halfway = lamp + np.array([0, 0, 1], np.float32)
    halfway /= np.linalg.norm(halfway)
    facing = np.maximum(normals @ lamp, 0)
    open_sky = sky * sky
    direct = KEY * facing * (0.3 + 0.7 * sky) + FILL * np.maximum(normals[:, 2], 0) * (0.5 + 0.5 * sky)
    # Light that bounces between near surfaces takes on their colour, so hollows are deep in tone and not grey.
    bounced = open_sky[:, None] / (1 - colours * (1 - open_sky[:, None]))
    shine = HIGHLIGHT * np.maximum(normals @ halfway, 0) ** np.float32(GLOSS) * open_sky
    lit: Floats = colours * (direct[:, None] + np.float32(SKY) * bounced) + shine[:, None]
    return lit


def _outline(depth: Floats) -> Floats:
    """Factor that darkens the rim of what lies clearly in front of something else."""
    behind = np.zeros_like(depth)
    filled = np.minimum(depth, np.float32(1.5))
    down, across = filled[1:] - filled[:-1], filled[:, 1:] - filled[:, :-1]
    np.maximum(behind[:-1], down, out=behind[:-1])
    np.maximum(behind[1:], -down, out=behind[1:])
    np.maximum(behind[:, :-1], across, out=behind[:, :-1])
    np.maximum(behind[:, 1:], -across, out=behind[:, 1:])
    factor: Floats = 1 - np.float32(OUTLINE) * np.clip(behind / np.float32(OUTLINE_DEPTH) - 1, 0, 1)
    return factor


def _fade_with_depth(colour: Floats, depth: Floats, background: Floats) -> None:
    there = np.isfinite(depth)
    nearest, farthest = (depth[there].min(), depth[there].max()) if there.any() else (0.0, 1.0)
    fog = DEPTH_CUE * (depth[there] - nearest) / max(farthest - nearest, 1e-6)
    colour[there] += fog[:, None] * (background - colour[there])


def _draw_box(box: Box, view: _View, ink: float, colour: Floats, cover: Floats, depth: Floats) -> None:
    corners = view.project(_corners(np.array(box, np.float64)))
    line = np.zeros(view.height * view.width, bool)
    for corner in range(8):
        for axis in range(3):
            if not corner >> axis & 1:
                _draw_line(corners[corner], corners[corner | 1 << axis], view, depth, line)
    strength = np.where(np.isfinite(depth[line]), np.float32(BOX_OVER_SURFACE), np.float32(BOX_STRENGTH))
    colour[line] += strength[:, None] * (np.float32(ink) - colour[line])
    cover[line] += strength * (1 - cover[line])


def _draw_line(start: Floats, end: Floats, view: _View, depth: Floats, line: NDArray[np.bool_]) -> None:
    steps = int(np.abs(end - start)[:2].max() * 2) + 2
    points = start + np.linspace(0, 1, steps, dtype=np.float32)[:, None] * (end - start)
    for right in range(SUPERSAMPLING):
        for below in range(SUPERSAMPLING):
            columns = np.floor(points[:, 0] + right - 0.5).astype(np.intp)
            rows = np.floor(points[:, 1] + below - 0.5).astype(np.intp)
            inside = (columns >= 0) & (columns < view.width) & (rows >= 0) & (rows < view.height)
            pixels = rows[inside] * view.width + columns[inside]
            line[pixels[points[inside, 2] <= depth[pixels]]] = True


def _picture(colour: Floats, cover: Floats, view: _View, *, transparent: bool) -> NDArray[np.uint8]:
    channels = np.concatenate([colour, cover[:, None]], axis=1) if transparent else colour
    n = SUPERSAMPLING
    blocks = channels.reshape(view.height // n, n, view.width // n, n, channels.shape[1])
    mean = blocks.mean(axis=(1, 3))
    if transparent:
        mean[..., :3] /= np.maximum(mean[..., 3:], np.float32(1e-6))
    shown = np.clip(mean, 0, 1)
    shown[..., :3] = np.where(
        shown[..., :3] <= 0.0031308, 12.92 * shown[..., :3], 1.055 * shown[..., :3] ** (1 / 2.4) - 0.055
    )
    picture: NDArray[np.uint8] = np.rint(255 * shown).astype(np.uint8)
    return picture


def _linear(colour: Colour) -> Floats:
    c = np.clip(np.array(colour, np.float32), 0, 1)
    return np.where(c <= 0.04045, c / 12.92, ((c + 0.055) / 1.055) ** 2.4).astype(np.float32)
