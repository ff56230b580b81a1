"""Fluorescence images over the tomogram on the screen as light in the 3D scene, thrown through it along z."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ais.fluorescence.placing import is_usable
from ais.gui.scene.contents import Affine, Point, ProjectionItem

if TYPE_CHECKING:
    from ais.gui.editor import Editor
    from ais.gui.fluorescence import ShownOverlay

DENSITY, MOST_DENSITY = 1.0, 5.0


class SceneProjections:
    """The visible fluorescence images of the tomogram as they are in the scene.

    Parameters
    ----------
    editor
        Whose images they are.

    Attributes
    ----------
    shown
        Whether they are in the scene.
    density
        Of the light, up to 5: see `ais.gui.scene.contents.ProjectionItem`; the opacity of each image lessens it.
    covers
        Whether they cover what is behind them, instead of adding their light to it.
    """

    def __init__(self, editor: Editor) -> None:
        self._editor = editor
        self.shown = False
        self.density = DENSITY
        self.covers = False
        self._made: list[tuple[tuple[object, ...], ProjectionItem | None]] = []

    def switch(self) -> None:
        """Show them, or show them no longer."""
        self.shown = not self.shown

    def items(self) -> tuple[ProjectionItem, ...]:
        """Those that have been read; the same objects as long as nothing changes."""
        editor = self._editor
        if not self.shown or editor.shown is None:
            self._made.clear()
            return ()
        rendering = editor.rendering
        low, high = rendering.bounds()
        origin, size = rendering.origin, rendering.voxel_size
        before = {made_of[0]: (made_of, item) for made_of, item in self._made}
        self._made = []
        for image in editor.fluorescence.shown():
            made_of = (image.version, self.density, low, high, origin, size)
            old = before.get(image.version)
            item = old[1] if old is not None and old[0] == made_of else self._item(image, low, high, origin, size)
            self._made.append((made_of, item))
        return tuple(item for _, item in self._made if item is not None)

    def _item(
        self, image: ShownOverlay, low: Point, high: Point, origin: Point, voxel_size: float
    ) -> ProjectionItem | None:
        to_scene = in_angstrom(image.to_tomogram, origin, voxel_size)
        heights = heights_of(image.overlay.z_range, low[2], high[2], voxel_size)
        density = self.density * image.overlay.opacity
        if heights is None or density <= 0 or not is_usable(image.to_tomogram):
            return None
        corners = (low[0], low[1], heights[0]), (high[0], high[1], heights[1])
        return ProjectionItem(image.pixels, to_scene, *corners, density)


def in_angstrom(to_tomogram: Affine, origin: Point, voxel_size: float) -> Affine:
    """What takes pixels of an image to x, y in angstrom, made of what takes them to voxels x, y.

    Parameters
    ----------
    to_tomogram
        Rows of an affine.
    origin, voxel_size
        In angstrom; the origin is the centre of the first voxel, x, y, z.
    """
    (a, b, c), (d, e, f) = to_tomogram
    size, (x, y, _) = voxel_size, origin
    return (a * size, b * size, c * size + x), (d * size, e * size, f * size + y)


def heights_of(
    z_range: tuple[int, int] | None, low: float, high: float, voxel_size: float
) -> tuple[float, float] | None:
    """From and to which z in angstrom an image lies over some slices; None if these are not in the tomogram.

    Parameters
    ----------
    z_range
        The first slice, and the one after the last; None for all.
    low, high
        Lower end of the first slice of the tomogram, and upper end of its last, in angstrom.
    voxel_size
        In angstrom.
    """
    if z_range is None:
        return low, high
    first, last = (low + voxel_size * number for number in z_range)
    first, last = max(first, low), min(last, high)
    return (first, last) if last > first else None
