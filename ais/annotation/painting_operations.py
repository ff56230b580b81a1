"""Edits that paint or erase: brush strokes, lassos, and pictures such as those of the flood brush or a model."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ais.annotation.entries import IGNORE
from ais.annotation.operation import Operation
from ais.annotation.spans import Spans, polygon_spans, spans_to_tiles, stroke_spans
from ais.annotation.tiles import Tiles, cut_into_tiles
from ais.errors import AisError

if TYPE_CHECKING:
    from ais.project.edit import Edit


def slice_in_words(edit: Edit, tomogram: int, feature: int, where: int | str) -> str:
    """Such as "membrane, slice 12 of TS_001", for the history panel; `where` is a slice or words."""
    name = "ignore region" if feature == IGNORE else edit.project.feature_by_id(feature).name
    place = where if isinstance(where, str) else f"slice {where}"
    return f"{name}, {place} of {edit.project.tomogram_by_id(tomogram).name}"


@dataclass(frozen=True, eq=False)
class PaintStroke(Operation[None]):
    """Paint with the round brush along a path, without gaps at any speed.

    Attributes
    ----------
    tomogram, feature, z
        Where; feature IGNORE paints a region that neither trains nor counts.
    points
        (n, 2): y, x of the path in pixels; pixel centres have whole numbers.
    radius
        In pixels: every pixel whose centre is this near to the path is painted.
    """

    tomogram: int
    feature: int
    z: int
    points: ArrayLike
    radius: float

    def text(self, edit: Edit) -> str:
        """Names the slice."""
        return f"Paint {slice_in_words(edit, self.tomogram, self.feature, self.z)}"

    def apply(self, edit: Edit) -> None:
        """Paint the pixels near the path."""
        shape = edit.project.slice_shape(self.tomogram, self.feature, self.z)
        edit.paint(self.tomogram, self.feature, self.z, spans_to_tiles(stroke_spans(self.points, self.radius, shape)))


@dataclass(frozen=True, eq=False)
class EraseStroke(PaintStroke):
    """Erase with the round brush along a path; attributes as of `PaintStroke`."""

    def text(self, edit: Edit) -> str:
        """Names the slice."""
        return f"Erase {slice_in_words(edit, self.tomogram, self.feature, self.z)}"

    def apply(self, edit: Edit) -> None:
        """Erase the pixels near the path."""
        shape = edit.project.slice_shape(self.tomogram, self.feature, self.z)
        edit.erase(self.tomogram, self.feature, self.z, spans_to_tiles(stroke_spans(self.points, self.radius, shape)))


@dataclass(frozen=True, eq=False)
class StrokeAcross(Operation[None]):
    """Paint or erase with the round brush in an XZ or YZ view, across slices.

    Attributes
    ----------
    tomogram, feature
        Where; feature may be IGNORE.
    plane
        ``"xz"`` or ``"yz"``.
    position
        The row y of an XZ view, or the column x of a YZ view.
    points
        (n, 2): z, x in an XZ view, or z, y in a YZ view, in voxels.
    radius
        In voxels.
    erase
        Whether it erases.
    """

    tomogram: int
    feature: int
    plane: Literal["xz", "yz"]
    position: int
    points: ArrayLike
    radius: float
    erase: bool = False

    def text(self, edit: Edit) -> str:
        """Names the view."""
        place = f"{'y' if self.plane == 'xz' else 'x'} = {self.position}"
        return f"{'Erase' if self.erase else 'Paint'} {slice_in_words(edit, self.tomogram, self.feature, place)}"

    def apply(self, edit: Edit) -> None:
        """Change one line of pixels in every slice that the stroke crosses."""
        nz, ny, nx = edit.project.tomogram_by_id(self.tomogram).shape
        side, length = (ny, nx) if self.plane == "xz" else (nx, ny)
        if not 0 <= self.position < side:
            raise AisError(f"The view at {self.position} lies outside the tomogram (0 to {side - 1}).")
        change = edit.erase if self.erase else edit.paint
        spans = stroke_spans(self.points, self.radius, (nz, length))
        for z, tiles in self._slices(spans):
            change(self.tomogram, self.feature, z, tiles)

    def _slices(self, spans: Spans) -> Iterator[tuple[int, Tiles]]:
        for z in np.unique(spans.rows):
            first, last = spans.first[spans.rows == z], spans.last[spans.rows == z]
            if self.plane == "xz":
                line = Spans(np.full(first.size, self.position), first, last)
            else:
                rows = np.concatenate([np.arange(low, high + 1) for low, high in zip(first, last, strict=True)])
                columns = np.full(rows.size, self.position)
                line = Spans(rows, columns, columns)
            yield int(z), spans_to_tiles(line)


@dataclass(frozen=True, eq=False)
class FillPolygon(Operation[None]):
    """Paint or erase what a lasso encloses.

    Attributes
    ----------
    tomogram, feature, z
        Where; feature may be IGNORE.
    points
        (n, 2): y, x of the outline in pixels, n >= 3; the last is joined to the first. The outline belongs to it.
    erase
        Whether it erases.
    """

    tomogram: int
    feature: int
    z: int
    points: ArrayLike
    erase: bool = False

    def text(self, edit: Edit) -> str:
        """Names the slice."""
        verb = "Erase in" if self.erase else "Fill"
        return f"{verb} outline: {slice_in_words(edit, self.tomogram, self.feature, self.z)}"

    def apply(self, edit: Edit) -> None:
        """Change the pixels inside."""
        shape = edit.project.slice_shape(self.tomogram, self.feature, self.z)
        change = edit.erase if self.erase else edit.paint
        change(self.tomogram, self.feature, self.z, spans_to_tiles(polygon_spans(self.points, shape)))


@dataclass(frozen=True, eq=False)
class PaintRegion(Operation[None]):
    """Paint or erase the pixels of a small picture: of the flood brush, a threshold inside a lasso, or a model.

    Attributes
    ----------
    tomogram, feature, z
        Where; feature may be IGNORE.
    y0, x0
        Where the picture's first pixel lies in the slice.
    mask
        (ny, nx); everything that is not 0 is painted or erased, what lies outside the slice is left out.
    erase
        Whether it erases.
    verb
        What the history panel says before the feature's name, such as "Flood", "Threshold in outline:" or "Copy
        model to"; empty for a plain region.
    """

    tomogram: int
    feature: int
    z: int
    y0: int
    x0: int
    mask: NDArray[Any]
    erase: bool = False
    verb: str = ""

    def text(self, edit: Edit) -> str:
        """Names the slice."""
        verb = self.verb or ("Erase region in" if self.erase else "Paint region in")
        return f"{verb} {slice_in_words(edit, self.tomogram, self.feature, self.z)}"

    def apply(self, edit: Edit) -> None:
        """Change the pixels."""
        ny, nx = edit.project.slice_shape(self.tomogram, self.feature, self.z)
        if self.mask.ndim != 2:
            raise AisError("A region of a slice has rows and columns.")
        inside = self.mask[max(-self.y0, 0) : max(ny - self.y0, 0), max(-self.x0, 0) : max(nx - self.x0, 0)]
        change = edit.erase if self.erase else edit.paint
        tiles = cut_into_tiles(inside, max(self.y0, 0), max(self.x0, 0))
        change(self.tomogram, self.feature, self.z, tiles)
