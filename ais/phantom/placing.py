"""Where the structures of a simulated tomogram lie: placed at random, none through another.

The canvas reaches beyond the field of view, so that the imaged volume continues at its faces as a real one does.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import numpy as np

from ais.phantom import shapes
from ais.phantom.canvas import Canvas
from ais.phantom.drawing import draw_actin, draw_gold, draw_microtubule, draw_particle, draw_vesicle
from ais.phantom.shapes import Curve, DoubleArray, Vesicle
from ais.progress import SILENT, Progress

FILAMENTS = ("microtubule", "actin")
PARTICLES = ("ribosome", "membrane_protein", "gold")

_GAP_A = 25.0
_ATTEMPTS = 200
_PROBE_SPACING_A = 20.0  # less than half the thickness of the thinnest structure
_CARBON_DENSITY = 0.9
_CARBON_GRAIN = 0.45
_CARBON_HOLE_RADIUS_A = 6000.0
_CARBON_THICKNESS_A = 150.0
_CARBON_COVER = 0.09
_CURVE_STEP_A = 20.0
_LONGEST_A = 4000.0

# How many there are in a cubic micrometre.
_PER_UM3 = {
    "vesicle": 1200.0,
    "microtubule": 1000.0,
    "actin": 2100.0,
    "ribosome": 15000.0,
    "gold": 1700.0,
}
_MEMBRANE_PROTEINS_PER_NM2 = 1.0 / 600.0


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
    length = share * min(float(max(canvas.extent[:2])), _LONGEST_A)
    rings = np.arange(radius, 0.0, -_PROBE_SPACING_A)
    for attempt in range(3 * _ATTEMPTS):
        # Where a long one finds no place, a shorter one may.
        points = _random_line(canvas, random, length * (1.0 - 0.2 * attempt / _ATTEMPTS), bend, slope)
        if not canvas.is_free(points):
            continue
        curve = Curve.through(points, _CURVE_STEP_A)
        around = (curve.ring(r, max(6, int(2.0 * np.pi * r / _PROBE_SPACING_A))) for r in rings)
        if all(canvas.is_free(probes) for probes in around):
            return curve
    return None


def _random_line(canvas: Canvas, random: np.random.Generator, length: float, bend: float, slope: float) -> DoubleArray:
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
    return np.asarray(middle + np.outer(position, along) + bends)


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
