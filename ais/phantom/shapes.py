"""The shapes a simulated tomogram is made of: bilayers, tubes, ribosome-like and membrane-bound particles.

Positions are in angstrom, in the order (x, y, z), and densities are relative to protein = 1 above the ice.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float32]
DoubleArray = npt.NDArray[np.float64]

MEMBRANE_THICKNESS_A = 50.0
MICROTUBULE_RADIUS_A = 125.0
MICROTUBULE_LUMEN_RADIUS_A = 85.0
ACTIN_RADIUS_A = 35.0
GOLD_RADIUS_A = 50.0
RIBOSOME_RADIUS_A = 150.0
MEMBRANE_PROTEIN_HEIGHT_A = 185.0

_LEAFLET_OFFSET_A = 19.0
_LEAFLET_WIDTH_A = 6.0
_PROTOFILAMENTS = 13
_TUBULIN_RISE_A = 40.0
_ACTIN_RISE_A = 27.5
_ACTIN_TWIST_DEG = -166.6
_ACTIN_SUBUNIT_OFFSET_A = 16.0
_ACTIN_SUBUNIT_WIDTH_A = 13.0
_TEMPLATE_SPACING_A = 5.0
_TEMPLATE_BORDER_A = 30.0

# Each row is an ellipsoid: centre x, y, z and half axes x, y, z, in angstrom. The large subunit lies at positive z.
_RIBOSOME_LOBES = (
    (0.0, 0.0, 48.0, 108.0, 100.0, 70.0),
    (5.0, 88.0, 58.0, 44.0, 46.0, 42.0),
    (-66.0, 58.0, 36.0, 38.0, 38.0, 32.0),
    (-98.0, 86.0, 26.0, 26.0, 26.0, 26.0),
    (84.0, 46.0, 32.0, 40.0, 28.0, 28.0),
    (120.0, 64.0, 20.0, 22.0, 20.0, 20.0),
    (6.0, -40.0, -64.0, 68.0, 64.0, 44.0),
    (-8.0, -88.0, -54.0, 40.0, 46.0, 36.0),
    (0.0, 14.0, -66.0, 50.0, 40.0, 36.0),
    (-10.0, 64.0, -68.0, 60.0, 50.0, 42.0),
    (50.0, 88.0, -66.0, 34.0, 24.0, 24.0),
    (-54.0, 0.0, -50.0, 38.0, 42.0, 34.0),
)
# z = 0 is the middle of the bilayer, positive z points out of the vesicle. The stalk at the side makes it asymmetric.
_MEMBRANE_PROTEIN_LOBES = (
    (0.0, 0.0, 0.0, 28.0, 28.0, 28.0),
    (0.0, 0.0, 52.0, 15.0, 15.0, 50.0),
    (30.0, 0.0, 122.0, 34.0, 34.0, 40.0),
    (-15.0, 26.0, 122.0, 34.0, 34.0, 40.0),
    (-15.0, -26.0, 122.0, 34.0, 34.0, 40.0),
    (58.0, 8.0, 84.0, 12.0, 12.0, 74.0),
    (34.0, 4.0, 164.0, 26.0, 16.0, 16.0),
)


@dataclass(frozen=True)
class Vesicle:
    """A closed membrane whose radius depends smoothly on the direction.

    The radius in the unit direction u is ``radius * (1 + u.T @ stretch @ u + pear * (u @ axis) ** 3)``; with `stretch`
    and `pear` zero it is a sphere and every distance is exact.

    Parameters
    ----------
    centre
        (3,) position of the centre, A.
    radius
        Mean radius of the middle of the bilayer, A.
    stretch
        (3, 3) symmetric, without trace: elongates and flattens.
    axis, pear
        Unit vector and strength of a pear-like deformation.
    """

    centre: DoubleArray
    radius: float
    stretch: DoubleArray
    axis: DoubleArray
    pear: float

    @property
    def largest_radius(self) -> float:
        """An upper bound of the radius, A."""
        return self.radius * (1.0 + float(np.abs(np.linalg.eigvalsh(self.stretch)).max()) + abs(self.pear))

    def surface(self, directions: DoubleArray) -> tuple[DoubleArray, DoubleArray]:
        """Points on the middle of the bilayer and the outward normals there.

        Parameters
        ----------
        directions
            (n, 3) unit vectors seen from the centre.

        Returns
        -------
        points, normals
            (n, 3) positions in A and (n, 3) unit vectors.
        """
        radii, slopes = self._radius_and_slope(directions)
        normals = directions - slopes / radii[:, None]
        normals /= np.linalg.norm(normals, axis=1, keepdims=True)
        return self.centre + radii[:, None] * directions, normals

    def signed_distance(self, points: DoubleArray) -> DoubleArray:
        """Distance of (n, 3) points from the middle of the bilayer in A, negative inside; exact to first order."""
        offsets = points - self.centre
        lengths = np.maximum(np.linalg.norm(offsets, axis=1), 1e-6)
        radii, slopes = self._radius_and_slope(offsets / lengths[:, None])
        steepness = np.sqrt(1.0 + np.einsum("ij,ij->i", slopes, slopes) / lengths**2)
        return np.asarray((lengths - radii) / steepness)

    def _radius_and_slope(self, directions: DoubleArray) -> tuple[DoubleArray, DoubleArray]:
        bent = directions @ self.stretch
        quadratic = np.einsum("ij,ij->i", bent, directions)
        along = directions @ self.axis
        radii = self.radius * (1.0 + quadratic + self.pear * along**3)
        slopes = 2.0 * (bent - quadratic[:, None] * directions)
        slopes += (3.0 * self.pear * along**2)[:, None] * (self.axis - along[:, None] * directions)
        return radii, self.radius * slopes


@dataclass(frozen=True)
class Curve:
    """A smooth line through space with a frame that does not spin, sampled at even steps.

    Parameters
    ----------
    points
        (n, 3) positions, A.
    tangents, first_normals, second_normals
        (n, 3) unit vectors, a right-handed frame at each point.
    step
        Arc length between two points, A.
    """

    points: DoubleArray
    tangents: DoubleArray
    first_normals: DoubleArray
    second_normals: DoubleArray
    step: float

    @classmethod
    def through(cls, points: DoubleArray, step: float) -> Curve:
        """Resample an (n, 3) polyline at even arc length and give it a frame by parallel transport."""
        lengths = np.concatenate([[0.0], np.cumsum(np.linalg.norm(np.diff(points, axis=0), axis=1))])
        count = max(2, int(lengths[-1] / step) + 1)
        samples = np.arange(count) * (lengths[-1] / (count - 1))
        even = np.stack([np.interp(samples, lengths, points[:, axis]) for axis in range(3)], axis=1)
        tangents = np.gradient(even, axis=0)
        tangents /= np.linalg.norm(tangents, axis=1, keepdims=True)
        first = _transport(tangents)
        return cls(even, tangents, first, np.cross(tangents, first), float(lengths[-1] / (count - 1)))

    def every(self, stride: int) -> Curve:
        """The same line with only each `stride`-th point."""
        kept = slice(None, None, stride)
        return Curve(
            self.points[kept],
            self.tangents[kept],
            self.first_normals[kept],
            self.second_normals[kept],
            self.step * stride,
        )

    def between(self, start: int, stop: int) -> Curve:
        """The part with the points start ... stop - 1."""
        kept = slice(start, stop)
        return Curve(
            self.points[kept], self.tangents[kept], self.first_normals[kept], self.second_normals[kept], self.step
        )

    def ring(self, radius: float, count: int) -> DoubleArray:
        """(n * count, 3) positions around every point, at `radius` A from the line."""
        angles = 2.0 * np.pi * np.arange(count) / count
        around = (
            np.cos(angles)[None, :, None] * self.first_normals[:, None, :]
            + np.sin(angles)[None, :, None] * self.second_normals[:, None, :]
        )
        return np.asarray((self.points[:, None, :] + radius * around).reshape(-1, 3))


@dataclass(frozen=True)
class Template:
    """A particle in its reference orientation, sampled on a fine cube around the centroid of its mask.

    Parameters
    ----------
    density
        (n, n, n) float32 in array order (z, y, x).
    level
        (n, n, n) float32, positive inside the mask: roughly the depth below its surface, A.
    centre
        (3,) index (x, y, z) in the cube of the particle's position: the centroid of the mask.
    spacing
        Distance between samples, A.
    radius
        Radius in A around the position that holds the whole particle.
    """

    density: FloatArray
    level: FloatArray
    centre: DoubleArray
    spacing: float
    radius: float

    def sample(self, offsets: DoubleArray) -> tuple[FloatArray, npt.NDArray[np.bool_]]:
        """Density and mask at (n, 3) offsets (x, y, z) in A from the position, in the reference orientation."""
        from scipy import ndimage

        index = (offsets / self.spacing + self.centre).T[::-1]
        density = ndimage.map_coordinates(self.density, index, order=1, output=np.float32)
        level = ndimage.map_coordinates(self.level, index, order=1, output=np.float32, cval=-1.0)
        return density, level > 0.0


def bilayer_density(distance: DoubleArray, voxel_size: float) -> FloatArray:
    """Density of a membrane: two leaflets, seen by voxels of the given size.

    Parameters
    ----------
    distance
        Distance from the middle of the bilayer, A; any shape.
    voxel_size
        A; widens the leaflets, as a voxel averages over its extent.
    """
    width = math.hypot(_LEAFLET_WIDTH_A, voxel_size / math.sqrt(12.0))
    heads = np.exp(-0.5 * ((np.abs(distance) - _LEAFLET_OFFSET_A) / width) ** 2) * (_LEAFLET_WIDTH_A / width)
    tails = soft_step(_LEAFLET_OFFSET_A - np.abs(distance), voxel_size)
    return np.asarray(1.35 * heads + 0.12 * tails, dtype=np.float32)


def microtubule_density(radius: DoubleArray, azimuth: DoubleArray, along: DoubleArray, voxel_size: float) -> FloatArray:
    """Density of a microtubule with 13 protofilaments and tubulin monomers each 40 A along a three-start helix.

    Parameters
    ----------
    radius, azimuth, along
        Distance from the axis (A), angle around it (radians), and arc length (A).
    voxel_size
        A; softens the faces of the wall.
    """
    wall = soft_step(radius - MICROTUBULE_LUMEN_RADIUS_A, voxel_size) * soft_step(
        MICROTUBULE_RADIUS_A - radius, voxel_size
    )
    protofilaments = np.cos(_PROTOFILAMENTS * azimuth)
    monomers = np.cos(2.0 * np.pi * along / _TUBULIN_RISE_A - 3.0 * azimuth)
    return np.asarray(wall * (1.0 + 0.35 * protofilaments + 0.2 * monomers), dtype=np.float32)


def actin_subunits(curve: Curve) -> DoubleArray:
    """Centres (n, 3) in A of the subunits along a filament, on the left-handed genetic helix of actin."""
    count = max(2, int((len(curve.points) - 1) * curve.step / _ACTIN_RISE_A) + 1)
    position = np.minimum(np.arange(count) * _ACTIN_RISE_A / curve.step, len(curve.points) - 1.0)
    angle = np.radians(_ACTIN_TWIST_DEG) * np.arange(count)

    def at(values: DoubleArray) -> DoubleArray:
        samples = np.arange(len(values))
        return np.stack([np.interp(position, samples, values[:, axis]) for axis in range(3)], axis=1)

    sideways = np.cos(angle)[:, None] * at(curve.first_normals) + np.sin(angle)[:, None] * at(curve.second_normals)
    return np.asarray(at(curve.points) + _ACTIN_SUBUNIT_OFFSET_A * sideways)


def actin_subunit_density(squared_distance: DoubleArray, voxel_size: float) -> FloatArray:
    """Density of one actin subunit at squared distances (A^2) from its centre."""
    width = math.hypot(_ACTIN_SUBUNIT_WIDTH_A, voxel_size / math.sqrt(12.0))
    scale = 2.4 * (_ACTIN_SUBUNIT_WIDTH_A / width) ** 3
    return np.asarray(scale * np.exp(-0.5 * squared_distance / width**2), dtype=np.float32)


def ribosome_template(voxel_size: float) -> Template:
    """A ribosome-like particle of about 26 nm: two subunits of several lobes, with stalks and a grainy inside."""
    return _template(_RIBOSOME_LOBES, voxel_size, density=1.7, grain=0.28, floor=-np.inf)


def membrane_protein_template(voxel_size: float) -> Template:
    """A particle with a three-lobed head on a stalk, and a second stalk at its side, rising 18 nm from a membrane.

    The template's z axis is the outward normal of the membrane. What lies within the bilayer has density but is not
    part of the mask.
    """
    return _template(_MEMBRANE_PROTEIN_LOBES, voxel_size, density=1.4, grain=0.2, floor=MEMBRANE_THICKNESS_A / 2)


def membrane_protein_root(template: Template) -> DoubleArray:
    """(3,) offset (x, y, z) in A from the particle's position to where its axis meets the middle of the bilayer."""
    middle = (np.array(template.density.shape[::-1]) - 1) / 2.0
    return np.asarray((middle - template.centre) * template.spacing)


def soft_step(depth: DoubleArray, voxel_size: float) -> DoubleArray:
    """The part (0 to 1) of a voxel that lies inside a face, `depth` A below it."""
    return np.clip(0.5 + depth / voxel_size, 0.0, 1.0)


def even_directions(count: int) -> DoubleArray:
    """(count, 3) unit vectors that cover the sphere evenly (a Fibonacci lattice)."""
    index = np.arange(count) + 0.5
    z = 1.0 - 2.0 * index / count
    angle = index * np.pi * (1.0 + math.sqrt(5.0))
    flat = np.sqrt(1.0 - z**2)
    return np.stack([flat * np.cos(angle), flat * np.sin(angle), z], axis=1)


def _transport(tangents: DoubleArray) -> DoubleArray:
    normals = np.empty_like(tangents)
    helper = np.eye(3)[np.argmin(np.abs(tangents[0]))]
    normal = np.cross(tangents[0], helper)
    for i, tangent in enumerate(tangents):
        normal = normal - (normal @ tangent) * tangent
        normal = normal / np.linalg.norm(normal)
        normals[i] = normal
    return normals


def _template(
    lobes: tuple[tuple[float, ...], ...], voxel_size: float, *, density: float, grain: float, floor: float
) -> Template:
    from scipy import ndimage

    shapes = np.array(lobes)
    reach = float(np.abs(shapes[:, :3]).max() + shapes[:, 3:].max()) + _TEMPLATE_BORDER_A
    half = int(np.ceil(reach / _TEMPLATE_SPACING_A))
    axis = np.arange(-half, half + 1) * _TEMPLATE_SPACING_A
    level = np.full((axis.size,) * 3, -np.inf)
    for x, y, z, a, b, c in lobes:
        scaled = np.sqrt(
            ((axis[:, None, None] - z) / c) ** 2
            + ((axis[None, :, None] - y) / b) ** 2
            + ((axis[None, None, :] - x) / a) ** 2
        )
        np.maximum(level, (1.0 - scaled) * min(a, b, c), out=level)
    texture = ndimage.gaussian_filter(np.random.default_rng(20).standard_normal(level.shape), 2.4, mode="wrap")
    values = density * soft_step(level, 2.0 * _TEMPLATE_SPACING_A) * (1.0 + grain * texture / texture.std())
    # Coarse voxels average over more than the template's spacing.
    blur = math.sqrt(max(voxel_size**2 - _TEMPLATE_SPACING_A**2, 0.0) / 12.0) / _TEMPLATE_SPACING_A
    values = ndimage.gaussian_filter(values, blur)
    level = np.where(axis[:, None, None] > floor, level, -1.0)
    centre = np.array(ndimage.center_of_mass(level > 0.0))[::-1]
    inside = np.argwhere(values > 0.01 * density)[:, ::-1]
    radius = float(np.linalg.norm(inside - centre, axis=1).max()) * _TEMPLATE_SPACING_A + voxel_size
    return Template(values.astype(np.float32), level.astype(np.float32), centre, _TEMPLATE_SPACING_A, radius)
