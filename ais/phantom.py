"""The ground truth of a simulated tomogram: structures placed at random, none through another, and their density.

Structures are drawn on a canvas that reaches beyond the field of view, so that the imaged volume continues at its
faces as a real one does.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from ais import phantom_shapes as shapes
from ais.phantom_shapes import Curve, DoubleArray, FloatArray, Template, Vesicle
from ais.progress import SILENT, Progress

FEATURES = ("membrane", "microtubule", "actin", "ribosome", "membrane_protein", "carbon", "gold")
"""What a simulated tomogram contains; the label of a feature is its place in this list, counted from 1."""

FILAMENTS = ("microtubule", "actin")
PARTICLES = ("ribosome", "membrane_protein", "gold")

_GAP_A = 25.0
_ATTEMPTS = 200
_PROBE_SPACING_A = 20.0  # less than half the thickness of the thinnest structure
_GOLD_DENSITY = 9.0
_CARBON_DENSITY = 0.9
_CARBON_GRAIN = 0.45
_CARBON_HOLE_RADIUS_A = 6000.0
_CARBON_THICKNESS_A = 150.0
_CARBON_COVER = 0.09
_CURVE_STEP_A = 20.0

# How many there are in a cubic micrometre.
_PER_UM3 = {
    "vesicle": 1200.0,
    "microtubule": 1000.0,
    "actin": 2100.0,
    "ribosome": 15000.0,
    "gold": 1700.0,
}
_MEMBRANE_PROTEINS_PER_NM2 = 1.0 / 600.0

Box = tuple[slice, slice, slice]
BoolArray = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Canvas:
    """The density and the labels being drawn, and where each voxel lies.

    Parameters
    ----------
    density
        (z, y, x) float32, ice = 0, protein about 1.
    labels
        (z, y, x) uint8, 0 or 1 + the index in `FEATURES`.
    voxel_size
        A.
    margin
        Voxels (z, y, x) by which the canvas exceeds the field of view on each side.
    """

    density: FloatArray
    labels: npt.NDArray[np.uint8]
    voxel_size: float
    margin: tuple[int, int, int]

    @classmethod
    def blank(cls, shape: tuple[int, int, int], margin: tuple[int, int, int], voxel_size: float) -> Canvas:
        """An empty canvas around a field of view of the given (z, y, x) shape."""
        size = tuple(n + 2 * m for n, m in zip(shape, margin, strict=True))
        return cls(np.zeros(size, dtype=np.float32), np.zeros(size, dtype=np.uint8), voxel_size, margin)

    @property
    def field_of_view(self) -> Box:
        """The part of the canvas that becomes the tomogram."""
        z, y, x = (slice(m, n - m) for m, n in zip(self.margin, self.density.shape, strict=True))
        return z, y, x

    @property
    def extent(self) -> DoubleArray:
        """(3,) edge lengths (x, y, z) of the field of view, A."""
        inner = [n - 2 * m for n, m in zip(self.density.shape, self.margin, strict=True)]
        return np.array(inner[::-1]) * self.voxel_size

    def box(self, low: DoubleArray, high: DoubleArray) -> Box:
        """The voxels between two corners (x, y, z) in A, clipped to the canvas; may be empty."""
        start = np.floor(low[::-1] / self.voxel_size + np.array(self.margin)).astype(int)
        stop = np.ceil(high[::-1] / self.voxel_size + np.array(self.margin)).astype(int) + 1
        z, y, x = (
            slice(max(0, int(a)), max(0, min(int(b), n)))
            for a, b, n in zip(start, stop, self.density.shape, strict=True)
        )
        return z, y, x

    def axes(self, box: Box) -> tuple[DoubleArray, DoubleArray, DoubleArray]:
        """Positions of a box's voxels as (1, 1, nx), (1, ny, 1) and (nz, 1, 1) arrays x, y, z in A."""
        z, y, x = (
            (np.arange(part.start, max(part.start, part.stop)) - m) * self.voxel_size
            for part, m in zip(box, self.margin, strict=True)
        )
        return x[None, None, :], y[None, :, None], z[:, None, None]

    def add(self, box: Box, chosen: BoolArray, density: FloatArray, inside: BoolArray, feature: str) -> None:
        """Add density at the chosen voxels of a box and label those inside the structure, unless labelled before."""
        self.density[box][chosen] += density
        labels = self.labels[box]
        free = labels[chosen] == 0
        labels[chosen] = np.where(inside & free, FEATURES.index(feature) + 1, labels[chosen])

    def is_free(self, points: DoubleArray) -> bool:
        """Whether nothing is labelled at any of (n, 3) positions (x, y, z) in A; outside the canvas all is free."""
        index = np.rint(points[:, ::-1] / self.voxel_size).astype(np.intp) + np.array(self.margin)
        within = np.all((index >= 0) & (index < np.array(self.labels.shape)), axis=1)
        z, y, x = index[within].T
        return not self.labels[z, y, x].any()

    def within_view(self, points: DoubleArray, border: float = 0.0) -> BoolArray:
        """Which of (n, 3) positions in A lie in the field of view, at least `border` A from its faces."""
        low = -0.5 * self.voxel_size + border
        high = self.extent - 0.5 * self.voxel_size - border
        return np.asarray(np.all((points >= low) & (points < high), axis=1))


@dataclass
class Phantom:
    """Everything placed on a canvas.

    Parameters
    ----------
    canvas
        Density and labels, with the canvas' margin.
    positions
        For each name in `PARTICLES`, positions (x, y, z) in A.
    rotations
        For the same particles, (3, 3) matrices from the reference orientation to the tomogram.
    curves
        For each name in `FILAMENTS`, centre lines.
    vesicles
        The membranes.
    """

    canvas: Canvas
    positions: dict[str, list[DoubleArray]] = field(default_factory=lambda: {name: [] for name in PARTICLES})
    rotations: dict[str, list[DoubleArray]] = field(default_factory=lambda: {name: [] for name in PARTICLES})
    curves: dict[str, list[Curve]] = field(default_factory=lambda: {name: [] for name in FILAMENTS})
    vesicles: list[Vesicle] = field(default_factory=list)


def build_phantom(canvas: Canvas, random: np.random.Generator, progress: Progress = SILENT) -> Phantom:
    """Fill a canvas with carbon, membranes and the particles on them, microtubules, gold, actin and ribosomes.

    The numbers follow from the volume of the field of view; what finds no free place after some attempts is left out.

    Parameters
    ----------
    canvas
        Empty; drawn on in place.
    random
        Decides everything; the same generator state gives the same phantom.
    """
    phantom = Phantom(canvas)
    steps: tuple[tuple[str, Callable[[Phantom, np.random.Generator], None]], ...] = (
        ("carbon film", _add_carbon),
        ("an organelle", _add_organelle),
        ("microtubules", _add_microtubules),
        ("vesicles", _add_vesicles),
        ("membrane proteins", _add_membrane_proteins),
        ("gold beads", _add_gold),
        ("actin", _add_actin),
        ("ribosomes", _add_ribosomes),
    )
    for done, (text, step) in enumerate(steps):
        progress.report(done, len(steps), f"Drawing {text}")
        step(phantom, random)
    return phantom


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


def _add_carbon(phantom: Phantom, random: np.random.Generator) -> None:
    from scipy import ndimage

    canvas = phantom.canvas
    width, length, height = canvas.extent
    thickness = min(_CARBON_THICKNESS_A, 0.3 * height)
    middle = random.choice([0.28, 0.72]) * height
    angle = random.uniform(0.0, 2.0 * np.pi)
    hole = np.array([width, length]) / 2 - 0.9 * _CARBON_HOLE_RADIUS_A * np.array([np.cos(angle), np.sin(angle)])
    corner = np.array([0.0, 0.0, middle - thickness / 2 - canvas.voxel_size])
    reach = np.array([np.inf, np.inf, middle + thickness / 2 + canvas.voxel_size])
    box = canvas.box(np.where([True, True, False], -1e9, corner), np.minimum(reach, 1e9))
    x, y, z = canvas.axes(box)
    distance = np.sqrt((x - hole[0]) ** 2 + (y - hole[1]) ** 2)
    view = distance[0][canvas.field_of_view[1:]]
    depth = np.minimum(distance - np.quantile(view, 1.0 - _CARBON_COVER), thickness / 2 - np.abs(z - middle))
    grain = ndimage.gaussian_filter(
        random.standard_normal(depth.shape, dtype=np.float32), max(0.5, 7.0 / canvas.voxel_size), mode="nearest"
    )
    values = _CARBON_DENSITY + _CARBON_GRAIN * grain / max(float(grain.std()), 1e-6)
    near = depth > -canvas.voxel_size
    density = values[near] * shapes.soft_step(depth[near], canvas.voxel_size)
    canvas.add(box, near, density.astype(np.float32), depth[near] >= 0.0, "carbon")


def _add_organelle(phantom: Phantom, random: np.random.Generator) -> None:
    # The envelope of something larger than the field of view, which cuts it.
    extent = phantom.canvas.extent

    def draw() -> Vesicle:
        radius = random.uniform(0.4, 0.6) * float(max(extent[:2]))
        angle = random.uniform(0.0, 2.0 * np.pi)
        away = radius + random.uniform(-0.1, 0.15) * float(min(extent[:2]))
        centre = extent / 2 + away * np.array([np.cos(angle), np.sin(angle), 0.0])
        centre[2] = random.uniform(0.2, 0.8) * extent[2]
        return _random_vesicle(random, centre, radius)

    _place_vesicle(phantom, draw)


def _add_vesicles(phantom: Phantom, random: np.random.Generator) -> None:
    canvas = phantom.canvas
    for _ in range(_count(canvas, "vesicle", random)):
        _place_vesicle(
            phantom,
            lambda: _random_vesicle(random, random.uniform(0.0, 1.0, 3) * canvas.extent, random.uniform(170.0, 400.0)),
        )


def _place_vesicle(phantom: Phantom, draw: Callable[[], Vesicle]) -> None:
    for _ in range(_ATTEMPTS):
        vesicle = draw()
        if phantom.canvas.is_free(_shell_probes(vesicle)):
            draw_vesicle(phantom.canvas, vesicle)
            phantom.vesicles.append(vesicle)
            return


def _random_vesicle(random: np.random.Generator, centre: DoubleArray, radius: float) -> Vesicle:
    deformed = random.random() < 0.6
    strength = random.uniform(0.08, 0.2) if deformed else random.uniform(0.0, 0.02)
    turn = _random_rotation(random)
    elongated = np.diag([1.0, -0.35, -0.65]) if random.random() < 0.5 else np.diag([0.5, 0.5, -1.0])
    pear = random.uniform(0.0, 0.08) if deformed else 0.0
    return Vesicle(centre, radius, turn @ (strength * elongated) @ turn.T, turn[:, 1], pear)


def _shell_probes(vesicle: Vesicle) -> DoubleArray:
    count = min(400_000, int(4.0 * np.pi * (vesicle.largest_radius / _PROBE_SPACING_A) ** 2) + 50)
    points, normals = vesicle.surface(shapes.even_directions(count))
    reach = shapes.MEMBRANE_THICKNESS_A / 2 + _GAP_A
    return np.concatenate([points + offset * normals for offset in (-reach, 0.0, reach)])


def _add_microtubules(phantom: Phantom, random: np.random.Generator) -> None:
    radius = shapes.MICROTUBULE_RADIUS_A + _GAP_A
    for _ in range(_count(phantom.canvas, "microtubule", random)):
        curve = _place_curve(phantom.canvas, random, radius, random.uniform(0.7, 1.6), bend=90.0, slope=10.0)
        if curve is not None:
            draw_microtubule(phantom.canvas, curve)
            phantom.curves["microtubule"].append(curve)


def _add_actin(phantom: Phantom, random: np.random.Generator) -> None:
    radius = shapes.ACTIN_RADIUS_A + 0.5 * _GAP_A
    for _ in range(_count(phantom.canvas, "actin", random)):
        curve = _place_curve(phantom.canvas, random, radius, random.uniform(0.3, 0.7), bend=50.0, slope=9.0)
        if curve is not None:
            draw_actin(phantom.canvas, curve)
            phantom.curves["actin"].append(curve)


def _place_curve(
    canvas: Canvas, random: np.random.Generator, radius: float, share: float, *, bend: float, slope: float
) -> Curve | None:
    # `share` is the length relative to the longer edge of the field of view, `bend` an amplitude in A and `slope` in
    # degrees out of the plane.
    length = share * float(max(canvas.extent[:2]))
    rings = np.arange(radius, 0.0, -_PROBE_SPACING_A)
    for attempt in range(3 * _ATTEMPTS):
        # Where a long one finds no place, a shorter one may.
        curve = _random_curve(canvas, random, length * (1.0 - 0.2 * attempt / _ATTEMPTS), bend, slope)
        if not canvas.is_free(curve.points):
            continue
        around = (curve.ring(r, max(6, int(2.0 * np.pi * r / _PROBE_SPACING_A))) for r in rings)
        if all(canvas.is_free(points) for points in around):
            return curve
    return None


def _random_curve(canvas: Canvas, random: np.random.Generator, length: float, bend: float, slope: float) -> Curve:
    border = np.minimum(0.2 * canvas.extent, [200.0, 200.0, 160.0])
    middle = random.uniform(border, canvas.extent - border)
    # A filament across the tilt axis (y) leaves no trace in a tomogram: every view sees it as the same line.
    angle, rise = np.radians(random.uniform(35.0, 145.0)), np.radians(random.uniform(-slope, slope))
    along = np.array([np.cos(angle) * np.cos(rise), np.sin(angle) * np.cos(rise), np.sin(rise)])
    across = np.array([-np.sin(angle), np.cos(angle), 0.0])
    position = np.linspace(-0.5, 0.5, max(8, int(length / _CURVE_STEP_A))) * length
    wave = 2.0 * np.pi * position / random.uniform(2600.0, 5000.0)
    sideways = bend * random.uniform(0.3, 1.0) * np.sin(wave + random.uniform(0.0, 2.0 * np.pi))
    upwards = 0.3 * bend * np.sin(wave + random.uniform(0.0, 2.0 * np.pi))
    bends = np.outer(sideways, across) + np.outer(upwards, np.cross(along, across))
    return Curve.through(middle + np.outer(position, along) + bends, _CURVE_STEP_A)


def _add_membrane_proteins(phantom: Phantom, random: np.random.Generator) -> None:
    canvas = phantom.canvas
    template = shapes.membrane_protein_template(canvas.voxel_size)
    root = shapes.membrane_protein_root(template)
    probes = _ball_probes(70.0)
    for vesicle in phantom.vesicles:
        area = 4.0 * np.pi * vesicle.radius**2 / 100.0
        count = min(2000, int(random.poisson(area * _MEMBRANE_PROTEINS_PER_NM2)))
        directions = random.standard_normal((count, 3))
        directions /= np.linalg.norm(directions, axis=1, keepdims=True)
        feet, normals = vesicle.surface(directions)
        for foot, normal in zip(feet, normals, strict=True):
            rotation = _rotation_onto(normal, random.uniform(0.0, 2.0 * np.pi))
            position = foot - rotation @ root
            stalk = foot + normal * (shapes.MEMBRANE_THICKNESS_A / 2 + _GAP_A)
            whole = canvas.within_view(position[None], min(90.0, 0.25 * float(canvas.extent.min())))[0]
            head = foot + normal * 0.64 * shapes.MEMBRANE_PROTEIN_HEIGHT_A
            if not whole or not canvas.is_free(np.concatenate([head + probes, stalk[None]])):
                continue
            draw_particle(canvas, template, position, rotation, "membrane_protein")
            phantom.positions["membrane_protein"].append(position)
            phantom.rotations["membrane_protein"].append(rotation)


def _add_ribosomes(phantom: Phantom, random: np.random.Generator) -> None:
    canvas = phantom.canvas
    template = shapes.ribosome_template(canvas.voxel_size)
    for position in _place_balls(canvas, random, "ribosome", shapes.RIBOSOME_RADIUS_A):
        rotation = _random_rotation(random)
        draw_particle(canvas, template, position, rotation, "ribosome")
        phantom.positions["ribosome"].append(position)
        phantom.rotations["ribosome"].append(rotation)


def _add_gold(phantom: Phantom, random: np.random.Generator) -> None:
    for position in _place_balls(phantom.canvas, random, "gold", shapes.GOLD_RADIUS_A + _GAP_A):
        draw_gold(phantom.canvas, position)
        phantom.positions["gold"].append(position)
        phantom.rotations["gold"].append(np.eye(3))


def _place_balls(canvas: Canvas, random: np.random.Generator, feature: str, radius: float) -> Iterator[DoubleArray]:
    # The caller draws each before the next is placed.
    probes = _ball_probes(radius)
    border = np.minimum(radius, 0.5 * canvas.extent - 0.5 * canvas.voxel_size)
    low, high = border - 0.5 * canvas.voxel_size, canvas.extent - border - 0.5 * canvas.voxel_size
    for _ in range(_count(canvas, feature, random)):
        for _ in range(_ATTEMPTS):
            position = random.uniform(low, np.maximum(high, low + 1e-3))
            if canvas.is_free(position + probes):
                yield position
                break


def _count(canvas: Canvas, name: str, random: np.random.Generator) -> int:
    mean = _PER_UM3[name] * float(np.prod(canvas.extent)) * 1e-12
    return max(1, round(mean * random.uniform(0.85, 1.15)))


def _ball_probes(radius: float) -> DoubleArray:
    axis = np.arange(-radius, radius + 1e-6, _PROBE_SPACING_A)
    grid = np.stack(np.meshgrid(axis, axis, axis, indexing="ij"), axis=-1).reshape(-1, 3)
    surface = radius * shapes.even_directions(int(4.0 * np.pi * (radius / _PROBE_SPACING_A) ** 2) + 12)
    return np.concatenate([grid[np.linalg.norm(grid, axis=1) <= radius], surface])


def _random_rotation(random: np.random.Generator) -> DoubleArray:
    mixed = random.standard_normal((3, 3))
    basis, triangle = np.linalg.qr(mixed)
    basis *= np.sign(np.diag(triangle))
    if np.linalg.det(basis) < 0.0:
        basis[:, 0] *= -1.0
    return np.asarray(basis)


def _rotation_onto(normal: DoubleArray, spin: float) -> DoubleArray:
    helper = np.eye(3)[np.argmin(np.abs(normal))]
    first = np.cross(helper, normal)
    first /= np.linalg.norm(first)
    second = np.cross(normal, first)
    turned = np.cos(spin) * first + np.sin(spin) * second
    return np.stack([turned, np.cross(normal, turned), normal], axis=1)


def _tube_sections(
    canvas: Canvas, curve: Curve, reach: float
) -> Iterator[tuple[Box, BoolArray, DoubleArray, DoubleArray, DoubleArray]]:
    """Yield box, chosen voxels, and their distance, azimuth and arc length, for consecutive sections of a tube.

    Sections are divided by planes through the curve's points, across its tangent, so that each voxel belongs to one.
    """
    stride = max(1, int(80.0 / curve.step))
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
