"""Edits that make a model's prediction annotation: a copy to be corrected, and verdicts about single tiles."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ais.annotation.box_operations import PlaceBoxes
from ais.annotation.entries import IGNORE
from ais.annotation.operation import Operation
from ais.annotation.painting_operations import slice_in_words
from ais.annotation.spans import polygon_spans, spans_to_mask
from ais.annotation.tiles import cut_into_tiles
from ais.errors import AisError

if TYPE_CHECKING:
    from ais.project.edit import Edit

FULL_SCALE = 255
MAX_TILE_PX = 4096


def present(values: NDArray[Any], threshold: float) -> NDArray[np.bool_]:
    """Where a prediction on the scale of 0-255 reaches a probability of 0 to 1.

    Raises
    ------
    AisError
        If the threshold is no probability.
    """
    if not 0 <= threshold <= 1:
        raise AisError(f"A threshold must be a probability from 0 to 1, not {threshold:g}.")
    return np.asarray(values >= threshold * FULL_SCALE)


@dataclass(frozen=True, eq=False)
class CopyPrediction(Operation[None]):
    """Make a model's output in a slice annotation.

    Attributes
    ----------
    tomogram, feature, z
        Where; feature may be IGNORE.
    values
        (ny, nx) uint8, the output on the scale of 0-255, of the slice or of a part of it.
    threshold
        Probability, 0 to 1, from which pixels are painted.
    model
        The model's name, for the history panel.
    y0, x0
        Where the output's first pixel lies in the slice.
    outline
        (n, 2): y, x of a lasso in pixels, outside of which nothing changes; None for none.
    replace
        Whether what was painted is erased where the output, and the outline if there is one, is; else the copy is added
        to it.
    """

    tomogram: int
    feature: int
    z: int
    values: NDArray[np.uint8]
    threshold: float
    model: str
    y0: int = 0
    x0: int = 0
    outline: ArrayLike | None = None
    replace: bool = False

    def text(self, edit: Edit) -> str:
        """Names the model and the slice."""
        where = slice_in_words(edit, self.tomogram, self.feature, self.z)
        return f"Copy of model {self.model}{' in outline' if self.outline is not None else ''}: {where}"

    def apply(self, edit: Edit) -> None:
        """Paint it."""
        ny, nx = shape = edit.project.slice_shape(self.tomogram, self.feature, self.z)
        rows, columns = self.values.shape
        inside = 0 <= self.y0 <= ny - rows and 0 <= self.x0 <= nx - columns
        if not inside:
            raise AisError(f"The output of model {self.model} does not lie in the slice: it is of another tomogram.")
        area = np.zeros(shape, bool)
        area[self.y0 : self.y0 + rows, self.x0 : self.x0 + columns] = True
        if self.outline is not None:
            enclosed = np.zeros(shape, bool)
            top, left, part = spans_to_mask(polygon_spans(self.outline, shape))
            enclosed[top : top + part.shape[0], left : left + part.shape[1]] = part != 0
            area &= enclosed
        painted = np.zeros(shape, bool)
        painted[self.y0 : self.y0 + rows, self.x0 : self.x0 + columns] = present(self.values, self.threshold)
        painted &= area
        if self.replace:
            before = edit.mask(self.tomogram, self.feature, self.z) != 0
            edit.set_mask(self.tomogram, self.feature, self.z, (before & ~area) | painted)
        else:
            edit.paint(self.tomogram, self.feature, self.z, cut_into_tiles(painted))


class Verdict(StrEnum):
    """What the user says about a prediction in a tile."""

    GOOD = "good"
    BAD = "bad"
    IGNORE = "ignore"


@dataclass(frozen=True, eq=False)
class JudgeTile(Operation[int | None]):
    """Write the user's verdict about a model's prediction in a square tile, as one step of undo.

    good
        In the tile the annotation becomes the prediction: what it leaves out is erased. At its centre a box is placed:
        a positive one, or where nothing reaches the threshold a negative one, since then it is the absence that is
        right.
    bad
        The feature is erased in the tile, and a negative box is placed at its centre.
    ignore
        The tile is painted as ignore region, which neither trains nor counts; no box is placed, and the annotation
        stays.

    With each verdict, boxes of the feature at exactly this centre go first, so a tile can be judged again; if it was
    ignored before, its ignore region is erased. The box covers the tile exactly when the feature's box size is the
    tile's.

    Attributes
    ----------
    tomogram, feature, z
        Where, and of what.
    y, x
        Pixel (size // 2, size // 2) of the tile.
    verdict
        What the user says.
    values
        (size, size) uint8, the prediction on the scale of 0-255.
    threshold
        Probability, 0 to 1, from which the feature is present.
    model
        The model's name, for the history panel.
    earlier
        The verdict that stands, when it is changed.
    """

    tomogram: int
    feature: int
    z: int
    y: int
    x: int
    verdict: Verdict
    values: NDArray[np.uint8]
    threshold: float
    model: str
    earlier: Verdict | None = None

    def text(self, edit: Edit) -> str:
        """Names the verdict and the slice."""
        where = slice_in_words(edit, self.tomogram, self.feature, self.z)
        return f"Judge tile of model {self.model} as {self.verdict}: {where}"

    def apply(self, edit: Edit) -> int | None:
        """Write it; gives back the number of the edit in the history, None if nothing had to be changed."""
        ny, nx = edit.project.slice_shape(self.tomogram, self.feature, self.z)
        size = self.values.shape[0]
        top, left = self.y - size // 2, self.x - size // 2
        if self.values.shape != (size, size) or not 1 <= size <= MAX_TILE_PX:
            raise AisError("A tile must be square.")
        if not (0 <= top <= ny - size and 0 <= left <= nx - size):
            raise AisError(f"A tile of {size} pixels at y, x = {(self.y, self.x)} does not lie in the slice.")
        whole = cut_into_tiles(np.ones((size, size), np.uint8), top, left)
        edit.acted_on(self.tomogram, self.feature, self.z, (top, top + size, left, left + size))
        if self.earlier is Verdict.IGNORE and self.verdict is not Verdict.IGNORE:
            edit.erase(self.tomogram, IGNORE, self.z, whole)
        for box in edit.project.boxes(self.tomogram, self.feature):
            if (box.z, box.y, box.x) == (self.z, self.y, self.x):
                edit.delete("boxes", (box.id,))
        if self.verdict is Verdict.IGNORE:
            edit.paint(self.tomogram, IGNORE, self.z, whole)
            return edit.entry if edit.changes else None
        painted = present(self.values, self.threshold)
        if self.verdict is Verdict.BAD:
            painted = np.zeros_like(painted)
        edit.erase(self.tomogram, self.feature, self.z, cut_into_tiles(~painted, top, left))
        edit.paint(self.tomogram, self.feature, self.z, cut_into_tiles(painted, top, left))
        centre = (self.z, self.y, self.x)
        PlaceBoxes(self.tomogram, self.feature, [centre], negative=not painted.any()).apply(edit)
        return edit.entry if edit.changes else None
