"""Drawing structures on the canvas: each in its own surroundings only, density and label together."""

from __future__ import annotations

import math
from collections.abc import Iterator
from itertools import pairwise

import numpy as np

from ais.phantom import shapes
from ais.phantom.canvas import BoolArray, Box, Canvas
from ais.phantom.shapes import Curve, DoubleArray, Template, Vesicle

_GOLD_DENSITY = 9.0
_SECTION_A = 80.0


def draw_vesicle(canvas: Canvas, vesicle: Vesicle) -> None:
    """Draw a membrane of 5 nm with its two leaflets."""
    shell = shapes.MEMBRANE_THICKNESS_A / 2 + 1.5 * canvas.voxel_size
    reach = vesicle.largest_radius + shell
    whole = canvas.box(vesicle.centre - reach, vesicle.centre + reach)
    inner = 2.0 * vesicle.radius - vesicle.largest_radius - shell
    # A few slices at a time, since the box of a large vesicle is mostly empty.
    for z in range(whole[0].start, whole[0].stop, 8):
        box = (slice(z, min(z + 8, whole[0].stop)), whole[1], whole[2])
        x, y, height = canvas.axes(box)
        squared = (x - vesicle.centre[0]) ** 2 + (y - vesicle.centre[1]) ** 2 + (height - vesicle.centre[2]) ** 2
        near = (squared < reach**2) & (squared > max(inner, 0.0) ** 2)
        distance = vesicle.signed_distance(_positions(near, x, y, height))
        density = shapes.bilayer_density(distance, canvas.voxel_size)
        canvas.add(box, near, density, np.abs(distance) <= shapes.MEMBRANE_THICKNESS_A / 2, "membrane")


def draw_microtubule(canvas: Canvas, curve: Curve) -> None:
    """Draw a hollow tube of 25 nm; its label covers the lumen as well, as one would paint it."""
    reach = shapes.MICROTUBULE_RADIUS_A + canvas.voxel_size
    for box, chosen, radius, azimuth, along in _tube_sections(canvas, curve, reach):
        density = shapes.microtubule_density(radius, azimuth, along, canvas.voxel_size)
        canvas.add(box, chosen, density, radius <= shapes.MICROTUBULE_RADIUS_A, "microtubule")


def draw_actin(canvas: Canvas, curve: Curve) -> None:
    """Draw a filament of two strands of subunits; its label is a rod of 7 nm."""
    reach = 4.0 * math.hypot(13.0, canvas.voxel_size / 3.0)
    for centre in shapes.actin_subunits(curve):
        box = canvas.box(centre - reach, centre + reach)
        x, y, z = canvas.axes(box)
        squared = (x - centre[0]) ** 2 + (y - centre[1]) ** 2 + (z - centre[2]) ** 2
        canvas.density[box] += shapes.actin_subunit_density(squared, canvas.voxel_size)
    for box, chosen, radius, _azimuth, _along in _tube_sections(canvas, curve, shapes.ACTIN_RADIUS_A):
        canvas.add(box, chosen, np.zeros(radius.shape, np.float32), np.ones(radius.shape, bool), "actin")


def draw_particle(
    canvas: Canvas, template: Template, position: DoubleArray, rotation: DoubleArray, feature: str
) -> None:
    """Draw a template at a position (x, y, z) in A, turned by the matrix that maps reference to tomogram."""
    box = canvas.box(position - template.radius, position + template.radius)
    x, y, z = canvas.axes(box)
    near = (x - position[0]) ** 2 + (y - position[1]) ** 2 + (z - position[2]) ** 2 <= template.radius**2
    # A row vector times the matrix is the inverse rotation of a column vector: tomogram to reference.
    density, inside = template.sample((_positions(near, x, y, z) - position) @ rotation)
    canvas.add(box, near, density, inside, feature)


def draw_gold(canvas: Canvas, position: DoubleArray) -> None:
    """Draw a bead of 10 nm."""
    reach = shapes.GOLD_RADIUS_A + canvas.voxel_size
    box = canvas.box(position - reach, position + reach)
    x, y, z = canvas.axes(box)
    distance = np.sqrt((x - position[0]) ** 2 + (y - position[1]) ** 2 + (z - position[2]) ** 2)
    near = distance <= reach
    depth = shapes.GOLD_RADIUS_A - distance[near]
    density = _GOLD_DENSITY * shapes.soft_step(depth, canvas.voxel_size)
    canvas.add(box, near, density.astype(np.float32), depth >= 0.0, "gold")


def _tube_sections(
    canvas: Canvas, curve: Curve, reach: float
) -> Iterator[tuple[Box, BoolArray, DoubleArray, DoubleArray, DoubleArray]]:
    """Yield box, chosen voxels, and their distance, azimuth and arc length, for consecutive sections of a tube.

    Sections are divided by planes through the curve's points, across its tangent, so that each voxel belongs to one.
    """
    stride = max(1, int(_SECTION_A / curve.step))
    knots = [*range(0, len(curve.points) - 1, stride), len(curve.points) - 1]
    for a, b in pairwise(knots):
        start, stop = curve.points[a], curve.points[b]
        box = canvas.box(np.minimum(start, stop) - reach, np.maximum(start, stop) + reach)
        if any(part.stop <= part.start for part in box):
            continue
        x, y, z = canvas.axes(box)
        behind = _plane(x, y, z, start, curve.tangents[a])
        ahead = _plane(x, y, z, stop, curve.tangents[b])
        near = (behind >= 0.0) & ((ahead < 0.0) if b < knots[-1] else (ahead <= 0.0))
        fraction = (behind[near] / np.maximum(behind[near] - ahead[near], 1e-9))[:, None]
        offset = _positions(near, x, y, z) - (start + fraction * (stop - start))
        first = _blend(offset, curve.first_normals[a], curve.first_normals[b], fraction)
        second = _blend(offset, curve.second_normals[a], curve.second_normals[b], fraction)
        radius = np.hypot(first, second)
        close = radius <= reach
        near[near] = close
        along = (a + fraction[close, 0] * (b - a)) * curve.step
        yield box, near, radius[close], np.arctan2(second, first)[close], along


def _plane(x: DoubleArray, y: DoubleArray, z: DoubleArray, point: DoubleArray, normal: DoubleArray) -> DoubleArray:
    distance: DoubleArray = (x - point[0]) * normal[0] + (y - point[1]) * normal[1] + (z - point[2]) * normal[2]
    return distance


def _blend(offset: DoubleArray, first: DoubleArray, second: DoubleArray, fraction: DoubleArray) -> DoubleArray:
    along_both: DoubleArray = offset @ np.stack([first, second], axis=1)
    return along_both[:, 0] + fraction[:, 0] * (along_both[:, 1] - along_both[:, 0])


def _positions(chosen: BoolArray, x: DoubleArray, y: DoubleArray, z: DoubleArray) -> DoubleArray:
    indices = np.nonzero(chosen)
    points: DoubleArray = np.stack([x[0, 0, indices[2]], y[0, indices[1], 0], z[indices[0], 0, 0]], axis=1)
    return points
