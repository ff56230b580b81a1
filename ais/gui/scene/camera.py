"""From where the 3D scene is seen; in angstrom and in pixels of the view, without any drawing."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from ais.gui.scene.contents import Point

Size = tuple[float, float]
"""Width and height of the view in pixels."""

Quaternion = tuple[float, float, float, float]
Direction = Literal["front", "back", "left", "right", "top", "bottom"]
Floats = NDArray[np.float64]

MARGIN = 1.06
"""How much more than the box `Camera.fit` shows."""

NEAREST, FARTHEST = 1e-2, 1e9
"""Limits of a camera's distance in angstrom."""

_HALF = math.sqrt(0.5)
_VIEWS: MappingProxyType[str, Quaternion] = MappingProxyType(
    {
        "top": (1.0, 0.0, 0.0, 0.0),
        "bottom": (0.0, 1.0, 0.0, 0.0),
        "front": (_HALF, -_HALF, 0.0, 0.0),
        "back": (0.0, 0.0, _HALF, _HALF),
        "right": (0.5, -0.5, -0.5, -0.5),
        "left": (0.5, -0.5, 0.5, 0.5),
    }
)


@dataclass(frozen=True)
class Camera:
    """A viewer of the scene, who looks at a point; never changed, its methods give another one.

    The view's own axes are x to the right, y up and z towards the viewer. Pixels are counted from the top left corner
    of the view, x to the right and y down; the centre of the first pixel is 0.5, 0.5.

    Attributes
    ----------
    target
        What is looked at, in the middle of the view and what all turns about: x, y, z in angstrom.
    rotation
        Unit quaternion w, x, y, z that turns the scene's axes into the view's. Without a turn z points towards the
        viewer, y up and x to the right, as in the XY slice.
    distance
        From the target to the viewer, in angstrom. It tells how large things are also without perspective: what is
        in the target's plane is equally large with and without.
    perspective
        Whether far things are smaller.
    field_of_view
        Between the lower and the upper edge of the view, in degrees.
    """

    target: Point = (0.0, 0.0, 0.0)
    rotation: Quaternion = (1.0, 0.0, 0.0, 0.0)
    distance: float = 1000.0
    perspective: bool = True
    field_of_view: float = 30.0

    @property
    def axes(self) -> Floats:
        """(3, 3): the view's axes right, up and towards the viewer, each x, y, z of the scene."""
        w, x, y, z = self.rotation
        return np.array(
            [
                [1 - 2 * (y * y + z * z), 2 * (x * y - w * z), 2 * (x * z + w * y)],
                [2 * (x * y + w * z), 1 - 2 * (x * x + z * z), 2 * (y * z - w * x)],
                [2 * (x * z - w * y), 2 * (y * z + w * x), 1 - 2 * (x * x + y * y)],
            ]
        )

    @property
    def eye(self) -> Point:
        """Where the viewer is, x, y, z in angstrom."""
        return _point(np.array(self.target) + self.distance * self.axes[2])

    @property
    def _slope(self) -> float:
        """Half the height of what is seen per distance from the viewer."""
        return math.tan(math.radians(self.field_of_view) / 2)

    def orbit(self, dx: float, dy: float, size: Size) -> Camera:
        """The scene turned as a ball under the pointer, which has moved by `dx` to the right and `dy` down, in pixels.

        A way as long as the shorter side of the view is half a turn.
        """
        way = math.hypot(dx, dy)
        if way == 0:
            return self
        return self.turned(180 * way / max(min(size), 1.0), (dy / way, dx / way, 0.0))

    def roll(self, degrees: float) -> Camera:
        """The scene turned in the view, counter-clockwise."""
        return self.turned(degrees, (0.0, 0.0, 1.0))

    def turned(self, degrees: float, axis: Point = (0.0, 1.0, 0.0)) -> Camera:
        """The scene turned about an axis through the target, counter-clockwise if the axis points to the viewer.

        Parameters
        ----------
        degrees
            Of the turn.
        axis
            In the view's axes: right, up, towards the viewer; of any length but zero.
        """
        half = math.radians(degrees) / 2
        factor = math.sin(half) / max(math.hypot(*axis), 1e-12)
        turn = (math.cos(half), axis[0] * factor, axis[1] * factor, axis[2] * factor)
        return replace(self, rotation=_normalised(_product(turn, self.rotation)))

    def pan(self, dx: float, dy: float, size: Size) -> Camera:
        """The scene moved with the pointer, which has moved by `dx` to the right and `dy` down, in pixels."""
        step = self.angstrom_per_pixel(size)
        right, up, _ = self.axes
        return replace(self, target=_point(np.array(self.target) - dx * step * right + dy * step * up))

    def dolly(self, factor: float, at: tuple[float, float] | None = None, size: Size | None = None) -> Camera:
        """The viewer `factor` times as near, so that things grow if it is above 1.

        Parameters
        ----------
        factor
            Above 0.
        at, size
            A pixel x, y and the size of the view: what lies in the target's plane under it stays there.
        """
        distance = min(max(self.distance / max(factor, 1e-6), NEAREST), FARTHEST)
        nearer = replace(self, distance=distance)
        if at is None or size is None:
            return nearer
        dx, dy = at[0] - size[0] / 2, at[1] - size[1] / 2
        before, after = self.angstrom_per_pixel(size), nearer.angstrom_per_pixel(size)
        right, up, _ = self.axes
        move = (before - after) * (dx * right - dy * up)
        return replace(nearer, target=_point(np.array(self.target) + move))

    def fit(self, low: Point, high: Point, aspect: float) -> Camera:
        """The whole of a box in view, from the same direction.

        Parameters
        ----------
        low, high
            Opposite corners, x, y, z in angstrom.
        aspect
            Width of the view divided by its height.
        """
        ends = np.array([low, high], float)
        middle = ends.mean(axis=0)
        across, up, near = (np.abs(value) for value in ((box_corners(low, high) - middle) @ self.axes.T).T)
        if not self.perspective:
            near = np.zeros_like(near)
        needed = np.maximum(near + up / self._slope, near + across / (self._slope * max(aspect, 1e-3)))
        distance = min(max(float(needed.max()) * MARGIN, NEAREST), FARTHEST)
        return replace(self, target=_point(middle), distance=distance)

    def looking(self, along: Direction) -> Camera:
        """The scene from one of its sides, at the same target and distance.

        "top" is the view of an XY slice: z points towards the viewer. From "bottom" x still points to the right. From
        "front" (low y), "back", "left" (low x) and "right" z points up.
        """
        return replace(self, rotation=_VIEWS[along])

    def view_matrix(self) -> Floats:
        """(4, 4), acts on columns x, y, z, 1 in angstrom: into the view's axes with the viewer at the origin."""
        axes = self.axes
        matrix = np.eye(4)
        matrix[:3, :3] = axes
        matrix[:3, 3] = -axes @ np.array(self.target)
        matrix[2, 3] -= self.distance
        return matrix

    def near_and_far(self, low: Point, high: Point) -> tuple[float, float]:
        """Distances from the viewer between which a box lies, in angstrom; what is behind the viewer is left out."""
        corners = box_corners(low, high)
        depth = self.distance - (corners - np.array(self.target)) @ self.axes[2]
        room = 0.01 * max(float(np.ptp(corners, axis=0).max()), 1e-3)
        near, far = float(depth.min()) - room, float(depth.max()) + room
        if self.perspective:
            # Nearer than this the depth buffer could not tell the far surfaces apart.
            far = max(far, NEAREST)
            near = max(near, far / 2000, NEAREST / 10)
        return near, max(far, near + room)

    def projection_matrix(self, aspect: float, low: Point, high: Point) -> Floats:
        """(4, 4), from the view's axes to OpenGL's clip space.

        Parameters
        ----------
        aspect
            Width of the view divided by its height.
        low, high
            Opposite corners of a box that holds all that is drawn, x, y, z in angstrom.
        """
        near, far = self.near_and_far(low, high)
        matrix = np.zeros((4, 4))
        if self.perspective:
            matrix[0, 0], matrix[1, 1] = 1 / (self._slope * aspect), 1 / self._slope
            matrix[2, 2], matrix[2, 3] = -(far + near) / (far - near), -2 * far * near / (far - near)
            matrix[3, 2] = -1
        else:
            height = self._slope * self.distance
            matrix[0, 0], matrix[1, 1] = 1 / (height * aspect), 1 / height
            matrix[2, 2], matrix[2, 3] = -2 / (far - near), -(far + near) / (far - near)
            matrix[3, 3] = 1
        return matrix

    def project(self, points: NDArray[Any], size: Size) -> tuple[Floats, Floats]:
        """Where points of the scene are seen.

        Parameters
        ----------
        points
            (n, 3), x, y, z in angstrom.
        size
            Of the view.

        Returns
        -------
        ndarray
            (n, 2), x and y in pixels; not a number for points behind the viewer.
        ndarray
            (n,), distance from the viewer along the line of sight through the target, in angstrom.
        """
        seen = (np.asarray(points, float).reshape(-1, 3) - np.array(self.target)) @ self.axes.T
        depth = self.distance - seen[:, 2]
        if self.perspective:
            with np.errstate(divide="ignore", invalid="ignore"):
                scale = np.where(depth > 0, size[1] / (2 * self._slope * depth), np.nan)
        else:
            scale = np.full(len(seen), 1 / self.angstrom_per_pixel(size))
        x, y = size[0] / 2 + seen[:, 0] * scale, size[1] / 2 - seen[:, 1] * scale
        return np.stack([x, y], axis=1), depth

    def ray(self, x: float, y: float, size: Size) -> tuple[Point, Point]:
        """The line of sight through a pixel: where it begins, and its direction of length 1, both x, y, z."""
        step = self.angstrom_per_pixel(size)
        right, up, back = self.axes
        aside = step * ((x - size[0] / 2) * right - (y - size[1] / 2) * up)
        eye = np.array(self.target) + self.distance * back
        if not self.perspective:
            return _point(eye + aside), _point(-back)
        way = aside - self.distance * back
        return _point(eye), _point(way / np.linalg.norm(way))

    def angstrom_per_pixel(self, size: Size) -> float:
        """How large a pixel is in the target's plane."""
        return 2 * self._slope * self.distance / max(size[1], 1.0)


def box_corners(low: Point, high: Point) -> Floats:
    """(8, 3), the corners of a box; bit i of a corner's number tells its end along axis i."""
    which = np.arange(8)[:, None] >> np.arange(3) & 1
    corners: Floats = np.where(which, np.array(high, float), np.array(low, float))
    return corners


def _point(values: NDArray[Any]) -> Point:
    return float(values[0]), float(values[1]), float(values[2])


def _product(one: Quaternion, other: Quaternion) -> Quaternion:
    a, b, c, d = one
    w, x, y, z = other
    return (
        a * w - b * x - c * y - d * z,
        a * x + b * w + c * z - d * y,
        a * y - b * z + c * w + d * x,
        a * z + b * y - c * x + d * w,
    )


def _normalised(value: Quaternion) -> Quaternion:
    length = math.hypot(*value)
    w, x, y, z = (part / length for part in value)
    return w, x, y, z
