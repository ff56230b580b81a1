"""Masks of the planes that are on the screen: as the project has them, plus the stroke that is being painted."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ais.annotation import Spans
from ais.errors import AisError
from ais.gui.display import Plane
from ais.gui.document import Document
from ais.project import Project

KEPT_BYTES = 256 << 20
PAINTED = 255


class MaskKey(NamedTuple):
    """Which mask: of a feature (or IGNORE) in a plane of a tomogram."""

    tomogram: int
    feature: int
    plane: Plane
    position: int


Rect = tuple[int, int, int, int]
"""(row0, row1, column0, column1), half open."""


@dataclass
class ShownMask:
    """A mask on the screen.

    Attributes
    ----------
    bits
        (rows, columns) of the plane's picture: all bits of what is painted, 255, else 0, as a texture takes it;
        changed in place by a stroke.
    revision
        Grows whenever the whole of it may have changed.
    painted
        Grows with every change by a stroke.
    stale
        Whether the project has changed since it was read.
    loading
        While it is being read: the value of `painted` when that was asked for; else None.
    dirty
        What strokes have changed since it was drawn last.
    any
        False only if nothing is painted.
    strokes_open
        How many strokes on it have not ended.
    erased
        Whether a stroke has erased before it was read for the first time.
    """

    bits: NDArray[np.uint8]
    revision: int = 0
    painted: int = 0
    stale: bool = True
    loading: int | None = None
    dirty: Rect | None = None
    any: bool = False
    strokes_open: int = 0
    erased: bool = False

    def take_dirty(self) -> Rect | None:
        """What strokes have changed since the last call; None if nothing."""
        dirty, self.dirty = self.dirty, None
        return dirty


class Masks:
    """The masks on the screen, read in the document's thread, painted on in the window's thread.

    A stroke shows at once and is submitted when it ends; the mask is then read again, so that what is seen in the
    end is always what the project holds.

    Parameters
    ----------
    document
        Whose masks they are.
    """

    def __init__(self, document: Document) -> None:
        self._document = document
        self._shown: OrderedDict[MaskKey, ShownMask] = OrderedDict()

    def get(self, key: MaskKey, shape: tuple[int, int]) -> ShownMask:
        """A mask to draw or paint on; empty until it has been read."""
        mask = self._shown.get(key)
        if mask is None:
            mask = self._shown[key] = ShownMask(np.zeros(shape, np.uint8))
            self._drop_old()
        self._shown.move_to_end(key)
        if mask.stale and mask.loading is None and not mask.strokes_open:
            self._load(key, mask)
        return mask

    def change(self, key: MaskKey, shape: tuple[int, int], spans: Spans, erase: bool) -> None:
        """Paint or erase runs of pixels on the screen; the project is not changed."""
        if not len(spans):
            return
        mask = self.get(key, shape)
        bits, value = mask.bits, 0 if erase else PAINTED
        for row, first, last in zip(spans.rows.tolist(), spans.first.tolist(), spans.last.tolist(), strict=True):
            bits[row, first : last + 1] = value
        rect = (
            int(spans.rows[0]),
            int(spans.rows[-1]) + 1,
            int(spans.first.min()),
            int(spans.last.max()) + 1,
        )
        self._touched(mask, rect, erase)

    def change_region(
        self, key: MaskKey, shape: tuple[int, int], y0: int, x0: int, region: NDArray[np.uint8], erase: bool
    ) -> None:
        """Paint or erase the pixels of a small picture on the screen; the project is not changed."""
        ny, nx = shape
        top, left = max(y0, 0), max(x0, 0)
        bottom, right = min(y0 + region.shape[0], ny), min(x0 + region.shape[1], nx)
        if top >= bottom or left >= right:
            return
        mask = self.get(key, shape)
        part = region[top - y0 : bottom - y0, left - x0 : right - x0] != 0
        mask.bits[top:bottom, left:right][part] = 0 if erase else PAINTED
        self._touched(mask, (top, bottom, left, right), erase)

    def begin_stroke(self, key: MaskKey, shape: tuple[int, int]) -> None:
        """Keep a mask from being read again until the stroke has ended."""
        self.get(key, shape).strokes_open += 1

    def end_stroke(self, key: MaskKey) -> None:
        """The stroke has been submitted, or given up: the mask may be read again, and will be."""
        mask = self._shown.get(key)
        if mask is not None:
            mask.strokes_open = max(mask.strokes_open - 1, 0)
            mask.stale = True

    def invalidate(self, tomogram: int | None = None, feature: int | None = None) -> None:
        """Have masks read again, of a tomogram and feature, or all."""
        for key, mask in self._shown.items():
            if (tomogram is None or key.tomogram == tomogram) and (feature is None or key.feature == feature):
                mask.stale = True

    def clear(self) -> None:
        """Forget all masks."""
        self._shown.clear()

    @property
    def loading(self) -> bool:
        """Whether some mask is being read."""
        return any(mask.loading is not None for mask in self._shown.values())

    def _touched(self, mask: ShownMask, rect: Rect, erase: bool) -> None:
        mask.painted += 1
        mask.erased = mask.erased or erase
        mask.any = mask.any or not erase
        old = mask.dirty
        mask.dirty = (
            rect
            if old is None
            else (min(old[0], rect[0]), max(old[1], rect[1]), min(old[2], rect[2]), max(old[3], rect[3]))
        )

    def _load(self, key: MaskKey, mask: ShownMask) -> None:
        mask.loading, mask.stale = mask.painted, False

        def read(project: Project) -> NDArray[np.uint8] | None:
            return _read(project, key)

        def show(bits: NDArray[np.uint8] | None) -> None:
            before, mask.loading = mask.loading, None
            if bits is None or bits.shape != mask.bits.shape:
                return
            if before != mask.painted or mask.strokes_open:
                mask.stale = True  # it was painted on meanwhile: what was read is already old
                if not mask.revision and not mask.erased:
                    # The first strokes began before there was anything to see: it comes up under them.
                    np.maximum(mask.bits, bits, out=mask.bits)
                    mask.any = mask.any or bool(bits.any())
                    mask.dirty = (0, bits.shape[0], 0, bits.shape[1])
                return
            mask.bits, mask.any, mask.dirty = bits, bool(bits.any()), None
            mask.revision += 1

        self._document.ask(read, show)

    def _drop_old(self) -> None:
        size = sum(mask.bits.nbytes for mask in self._shown.values())
        while size > KEPT_BYTES and len(self._shown) > 1:
            key = next(iter(self._shown))
            if self._shown[key].strokes_open:
                return
            size -= self._shown.pop(key).bits.nbytes


def _read(project: Project, key: MaskKey) -> NDArray[np.uint8] | None:
    """The mask as the project has it; None if its tomogram or feature has gone."""
    try:
        project.slice_shape(key.tomogram, key.feature, 0)
    except AisError:
        return None
    if key.plane == "xy":
        mask = project.mask(key.tomogram, key.feature, key.position)
    else:
        mask = project.mask_plane(key.tomogram, key.feature, key.plane, key.position)
    return np.negative(mask, out=mask)  # of one byte: 1 becomes PAINTED
