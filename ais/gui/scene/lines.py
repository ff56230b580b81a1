"""Straight lines in the picture of the scene: the outline of the tomogram, and its axes in a corner."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ais.gui.scene.camera import Camera, Size, box_corners
from ais.gui.scene.contents import Point, Rgb

Lines = tuple[NDArray[np.float32], NDArray[np.float32]]
"""(2 n, 4) ends x, y, z, 1 one after the other, and (n, 4) colours red, green, blue, alpha."""

AXES_SHARE, AXES_LEAST_PX, AXES_MOST_PX = 0.07, 28.0, 72.0
"""Length of the axes as a share of the view's shorter side, and its limits in pixels."""

AXIS_COLOURS: tuple[Rgb, Rgb, Rgb] = ((0.84, 0.37, 0.25), (0.35, 0.70, 0.40), (0.35, 0.60, 0.90))
"""Of x, y and z."""

BOX_STRENGTH = 0.45


def box_lines(low: Point, high: Point, background: Rgb) -> Lines:
    """The twelve edges of a box, in a grey that is seen on the background."""
    corners = box_corners(low, high)
    pairs = [(corner, corner | 1 << axis) for corner in range(8) for axis in range(3) if not corner >> axis & 1]
    ends = np.ones((24, 4), np.float32)
    ends[:, :3] = corners[np.array(pairs).ravel()]
    grey = 0.1 if sum(background) > 1.5 else 0.85
    return ends, np.tile(np.array([grey, grey, grey, BOX_STRENGTH], np.float32), (12, 1))


def axes_ends(camera: Camera, size: Size) -> tuple[tuple[float, float], NDArray[np.float64]]:
    """Where the axes in the lower left corner begin and end.

    Parameters
    ----------
    camera
        From where the scene is seen.
    size
        Of the view.

    Returns
    -------
    tuple
        Pixel x, y where they begin.
    ndarray
        (3, 3): for x, y and z the pixel x and y of the end, and how far it points to the viewer, -1 to 1.
    """
    length = min(max(AXES_SHARE * min(size), AXES_LEAST_PX), AXES_MOST_PX)
    start = (1.5 * length, size[1] - 1.5 * length)
    turned = camera.axes.T * np.array([length, -length, 1.0])
    turned[:, :2] += start
    return start, turned


def axes_lines(camera: Camera, size: Size) -> Lines:
    """The axes of `axes_ends` as lines in clip space, the nearest last."""
    start, ends = axes_ends(camera, size)
    lines, colours = [], []
    for axis in np.argsort(ends[:, 2]):
        for x, y in (start, ends[axis, :2]):
            lines.append([2 * x / size[0] - 1, 1 - 2 * y / size[1], 0.0, 1.0])
        colours.append([*AXIS_COLOURS[axis], 1.0])
    return np.array(lines, np.float32), np.array(colours, np.float32)
