"""Where the views look: the cross-hair, what is brought into sight, contrast and the crop region."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ais.annotation import ChangeSetting
from ais.gui.display import PLANES, Contrast, Placement, Plane
from ais.gui.document import Crop, crop_key

if TYPE_CHECKING:
    from ais.gui.editor import Editor


class Sight:
    """Moves the views of the tomogram on the screen.

    Parameters
    ----------
    editor
        Whose views.
    """

    def __init__(self, editor: Editor) -> None:
        self._editor = editor

    def go_to(self, z: float | None = None, y: float | None = None, x: float | None = None) -> None:
        """Move the cross-hair, kept inside the tomogram and its crop region; None leaves a coordinate as it is."""
        editor, state = self._editor, self._editor.state
        if editor.shown is None:
            return
        wanted = [old if new is None else round(new) for old, new in zip(state.position, (z, y, x), strict=True)]
        limits = [(0, count) for count in editor.shown.shape]
        if editor.snapshot.crop is not None and z is not None:
            limits[0] = editor.snapshot.crop.z
        z0, y0, x0 = (min(max(at, low), high - 1) for at, (low, high) in zip(wanted, limits, strict=True))
        state.position = (z0, y0, x0)

    def show_voxel(self, z: float | None, y: float | None, x: float | None) -> None:
        """Move the cross-hair to a voxel, and the XY view if it is outside; None leaves a coordinate as it is."""
        self.go_to(z, y, x)
        if y is not None and x is not None:
            self.bring_into_view((round(y), round(y) + 1, round(x), round(x) + 1))

    def visit(self, tomogram: int, z: float, y: float, x: float, feature: int | None = None) -> None:
        """Show a voxel of a tomogram, which is opened if another one is on the screen, and select a feature."""
        editor = self._editor
        if feature is not None and editor.snapshot.feature(feature) is not None:
            editor.select_feature(feature)
        if editor.shown is not None and tomogram == editor.state.tomogram:
            self.show_voxel(z, y, x)
        else:
            editor.tomograms.go_there(tomogram, (z, y, x))
            editor.select_tomogram(tomogram)

    def step(self, count: int, plane: Plane = "xy") -> None:
        """Move by slices along a plane's normal."""
        target = self._editor.state.along(plane) + count
        self.go_to(**{"zyx"[PLANES.index(plane)]: target})

    def fit(self) -> None:
        """Show whole pictures."""
        for view in self._editor.state.views.values():
            view.placement = None

    def bring_into_view(self, bounds: tuple[int, int, int, int]) -> None:
        """Move the XY view if the middle of a region is outside: its first row, the row after it, columns likewise."""
        view = self._editor.state.views["xy"]
        if view.placement is None:
            return
        row, column = (bounds[0] + bounds[1]) / 2, (bounds[2] + bounds[3]) / 2
        x, y = view.placement.to_view(row, column, *view.size)
        if not (0 <= x <= view.size[0] and 0 <= y <= view.size[1]):
            view.placement = Placement(row, column, view.placement.scale)

    def use_contrast(self, contrast: Contrast) -> None:
        """Show other limits."""
        if contrast.low < contrast.high:
            self._editor.state.contrast = contrast
            self._editor.state.contrast_is_automatic = False

    def use_automatic_contrast(self) -> None:
        """Show the limits that were measured for this tomogram."""
        state, shown = self._editor.state, self._editor.shown
        if shown is not None and shown.statistics is not None:
            invert = state.contrast.invert if state.contrast is not None else False
            state.contrast = Contrast(shown.statistics.low, shown.statistics.high, invert)
            state.contrast_is_automatic = True

    def set_crop(self, crop: Crop | None) -> None:
        """Restrict what is shown, segmented and exported to a part of the tomogram; can be undone."""
        tomogram = self._editor.state.tomogram
        if tomogram is not None:
            value = None if crop is None else [list(crop.z), list(crop.y), list(crop.x)]
            self._editor.submit(ChangeSetting(crop_key(tomogram), value, "crop region"))
