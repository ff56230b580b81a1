"""Slices of the tomogram on the screen as planes in the 3D scene: those of the cross-hair, with its contrast."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from ais.gui.display import PLANES, Contrast, Plane
from ais.gui.scene.contents import Point, SliceItem
from ais.gui.slice_reader import SliceRequest

if TYPE_CHECKING:
    from ais.gui.editor import Editor

MOST_PIXELS = 1024
"""Along a side; of a larger picture every nth pixel is taken, so that a slice costs the window's thread little."""


class SceneSlices:
    """The planes of the tomogram that are shown in the scene.

    Parameters
    ----------
    editor
        Whose tomogram, cross-hair and contrast they follow.

    Attributes
    ----------
    shown
        Which planes.
    alpha
        Their opacity, 0 to 1.
    """

    def __init__(self, editor: Editor) -> None:
        self._editor = editor
        self.shown: frozenset[Plane] = frozenset()
        self.alpha = 1.0
        self._made: dict[Plane, tuple[tuple[object, ...], SliceItem]] = {}

    def switch(self, plane: Plane) -> None:
        """Show a plane, or show it no longer."""
        self.shown ^= {plane}

    def items(self) -> tuple[SliceItem, ...]:
        """The planes that have been read; the same objects as long as nothing changes."""
        shown, state = self._editor.shown, self._editor.state
        if shown is None or state.contrast is None:
            self._made.clear()
            return ()
        for plane in [plane for plane in self._made if plane not in self.shown]:
            del self._made[plane]
        found = []
        for plane in PLANES:
            if plane not in self.shown:
                continue
            # The wish of the plane's own view, if there is one, so the two never compete.
            shown.reader.request(SliceRequest(plane, state.along(plane), state.slab))
            newest = shown.reader.newest(plane)
            if newest is not None:
                request, picture = newest
                found.append(self._item(plane, request.position, picture, state.contrast))
        return tuple(found)

    def _item(self, plane: Plane, position: int, picture: NDArray[np.float32], contrast: Contrast) -> SliceItem:
        rendering = self._editor.rendering
        made_of = (picture, position, contrast, self.alpha, rendering.voxel_size, rendering.origin)
        old = self._made.get(plane)
        if old is not None and all(one is other or one == other for one, other in _pairs(old[0], made_of)):
            return old[1]
        if old is not None and old[0][0] is picture and old[0][2] == contrast:
            grey = old[1].picture
        else:
            grey = grey_values(picture, contrast)
        step = step_of(picture.shape)
        lengths = [count * step * rendering.voxel_size for count in grey.shape]
        item = SliceItem(grey, *placed(plane, position, lengths, rendering.voxel_size, rendering.origin), self.alpha)
        self._made[plane] = made_of, item
        return item


def _pairs(old: tuple[object, ...], new: tuple[object, ...]) -> list[tuple[object, object]]:
    """What is compared: pictures by identity alone."""
    if old[0] is not new[0]:
        return [(0, 1)]
    return list(zip(old[1:], new[1:], strict=True))


def step_of(shape: tuple[int, ...]) -> int:
    """Every how manyth pixel of a picture is shown."""
    return max(1, -(-max(shape) // MOST_PIXELS))


def grey_values(picture: NDArray[np.float32], contrast: Contrast) -> NDArray[np.uint8]:
    """A picture (rows, columns) as grey values, of the same shape or, where it is large, of every nth pixel."""
    step = step_of(picture.shape)
    values = picture[step // 2 :: step, step // 2 :: step]
    gain = 255.0 / max(contrast.high - contrast.low, 1e-30)
    with np.errstate(over="ignore", invalid="ignore"):
        scaled = (values - np.float32(contrast.low)) * np.float32(gain)
        np.clip(scaled, 0, 255, out=scaled)
    grey = np.nan_to_num(scaled, copy=False).astype(np.uint8)
    return np.ascontiguousarray(255 - grey if contrast.invert else grey)


def placed(
    plane: Plane, position: int, lengths: list[float], voxel_size: float, origin: Point
) -> tuple[Point, Point, Point]:
    """Where a slice lies.

    Parameters
    ----------
    plane, position
        Which slice: its index along the plane's normal.
    lengths
        Of its columns and its rows (from row 0 to the last, from column 0 to the last), in angstrom.
    voxel_size, origin
        In angstrom; the origin is the centre of the first voxel, x, y, z.

    Returns
    -------
    tuple
        Outer corner of the first pixel, and the vectors along the columns and along the rows, as in `SliceItem`.
    """
    x, y, z = origin
    half, depth = voxel_size / 2, position * voxel_size
    down, across = lengths
    if plane == "xy":
        return (x - half, y - half, z + depth), (across, 0.0, 0.0), (0.0, down, 0.0)
    if plane == "xz":
        return (x - half, y + depth, z - half), (across, 0.0, 0.0), (0.0, 0.0, down)
    return (x + depth, y - half, z - half), (0.0, across, 0.0), (0.0, 0.0, down)
