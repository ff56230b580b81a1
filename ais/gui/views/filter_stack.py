"""The display filters of one slice, computed in the graphics driver and kept until the slice or the filters change."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ais.gui.display import DIFFERENCE_RATIO, DisplayFilter
from ais.gui.gl.pixel_buffer import PixelBuffer
from ais.gui.gl.program import ProgramCache, Uniform
from ais.gui.gl.texture import Texture2D
from ais.gui.gl.triangle import FullScreenTriangle
from ais.gui.views.filter_kernels import (
    MAX_BLOCKS,
    MAX_RADIUS,
    Blur,
    box,
    gaussian,
    halved_sizes,
    median_exchanges,
    packed_rows,
    unrolled_radius,
)
from ais.gui.views.packed_picture import PackedPass, PackedPicture, inside_enlarged, inside_halved, inside_of

DIFFERENCE_GAIN = 3.0
"""A difference of Gaussians is multiplied by this: what it passes best then keeps its contrast (1 / 0.334)."""

MEDIAN_5_FROM = 4.0
"""From this size on a median is taken over 5 x 5 pixels, below over 3 x 3."""

LARGEST_VALUE = 1e30
"""Larger values are cut off, as a filter's sums would not be finite."""


class Mix(NamedTuple):
    """What becomes of a filter's result: keep * base + gain * result + offset; base None is the filter's source."""

    keep: float = 0.0
    gain: float = 1.0
    offset: float = 0.0
    base: PackedPicture | None = None

    def uniforms(self) -> dict[str, Uniform]:
        """For `mixed.glsl`."""
        return {"keep": float(self.keep), "gain": float(self.gain), "offset": float(self.offset)}


class FilterStack:
    """A slice and its display filters.

    Each filter's result is mixed with what it was given by its weight. So that contrast limits keep their meaning, a
    difference of Gaussians is multiplied by `DIFFERENCE_GAIN` and the slice's mean is added, and a gradient is scaled
    so that a step of height h gives the mean plus h. Beyond its edges the slice is its own mirror image (the edge
    pixel twice).

    Parameters
    ----------
    programs
        Where the shaders are compiled.
    triangle
        What is drawn.
    """

    def __init__(self, programs: ProgramCache, triangle: FullScreenTriangle) -> None:
        self._pass = PackedPass(programs, triangle)
        self._image: NDArray[np.float32] = np.zeros((1, 1), np.float32)
        self._reduction = 1
        self._filters: tuple[DisplayFilter, ...] = ()
        self._result: Texture2D | None = None
        self._buffer = PixelBuffer()
        self._free: dict[tuple[int, int], list[PackedPicture]] = {}
        self._changed = False
        self._done = -1
        self.version = 0

    def set_image(self, image: NDArray[np.float32], reduction: int = 1) -> None:
        """Filter another slice, (rows, columns), shrunk by a whole number before. It is not copied."""
        self._image = image
        self._reduction = reduction
        self.version += 1

    def set_filters(self, filters: Sequence[DisplayFilter]) -> None:
        """Choose the filters, first one first; those that do nothing cost nothing."""
        acting = tuple(item for item in filters if item.enabled and item.weight > 0)
        if acting != self._filters:
            self._filters = acting
            self._changed = True
            self.version += 1

    def result(self) -> Texture2D:
        """The filtered slice; computed if the slice or the filters have changed."""
        if self._result is not None and self._done == self.version:
            return self._result
        image, mean = _finite(self._image)
        image = _shrunk(image, self._reduction)
        shape = (image.shape[0], image.shape[1])
        resized = self._result is None or self._result.shape != shape
        if resized or self._changed:
            # Other filters need pictures of other sizes: those of before would only fill the memory.
            self._drop_pictures()
            self._changed = False
        if self._result is None or resized:
            if self._result is not None:
                self._result.release()
            self._result = Texture2D(shape[1], shape[0], "r32f")
        if self._filters:
            picture = self._take(shape)
            picture.upload(image)
            for item in self._filters:
                picture = self._filtered(picture, item, mean)
            self._buffer.unpack(picture.target, self._result)
            self._give(picture)
        else:
            self._result.upload(image)
        self._done = self.version
        return self._result

    def release(self) -> None:
        """Free everything in the graphics driver."""
        self._drop_pictures()
        self._buffer.release()
        if self._result is not None:
            self._result.release()
            self._result = None

    def _filtered(self, source: PackedPicture, item: DisplayFilter, mean: float) -> PackedPicture:
        """The picture after one filter; `source` is given back."""
        weight = min(item.weight, 1.0)
        size = item.size / self._reduction
        mix = Mix(1 - weight, weight)
        match item.kind:
            case "gaussian":
                result = self._blurred(source, gaussian(size), mix)
            case "box":
                result = self._blurred(source, box(size), mix)
            case "unsharp":
                result = self._blurred(source, gaussian(size), Mix(1 + weight, -weight))
            case "difference":
                gain = weight * DIFFERENCE_GAIN
                narrow = self._blurred(source, gaussian(size), Mix(1 - weight, gain, weight * mean))
                result = self._blurred(source, gaussian(size * DIFFERENCE_RATIO), Mix(1, -gain, base=narrow))
                self._give(narrow)
            case "sobel":
                result = self._windowed("sobel.frag", source, 1, mix._replace(offset=weight * mean), {})
            case "median":
                width = 5 if size >= MEDIAN_5_FROM else 3
                result = self._windowed("median.frag", source, width // 2, mix, _median_definitions(width))
        self._give(source)
        return result

    def _blurred(self, source: PackedPicture, blur: Blur, mix: Mix) -> PackedPicture:
        if not blur.halvings:
            return self._convolved(source, blur, mix._replace(base=mix.base or source))
        rows, columns = (halved_sizes(size, blur) for size in source.shape)
        chain = [source]
        for shape in zip(rows, columns, strict=True):
            chain.append(self._take(shape))
            self._pass.run("halve.frag", chain[-2], chain[-1], inside_halved(chain[-2], chain[-1]), {})
        smooth = self._convolved(chain[-1], blur, Mix())
        for larger in reversed(chain[:-1]):
            target = self._take(larger.shape)
            self._enlarge(
                smooth, target, mix._replace(base=mix.base or source) if larger is source else Mix(base=larger)
            )
            self._give(smooth)
            smooth = target
        for picture in chain[1:]:
            self._give(picture)
        return smooth

    def _convolved(self, source: PackedPicture, blur: Blur, mix: Mix) -> PackedPicture:
        along, result = self._take(source.shape), self._take(source.shape)
        radius = unrolled_radius(blur.radius)
        weights = np.pad(blur.weights, radius - blur.radius)
        rows = packed_rows(weights)
        blocks = len(rows) // 2
        self._pass.run(
            "blur_rows.frag",
            source,
            along,
            inside_of(source, radius, 0),
            {"blocks": blocks, "weights[0]": rows},
            {"MAX_BLOCKS": MAX_BLOCKS},
            {"BLOCKS": blocks},
        )
        self._pass.run(
            "blur_columns.frag",
            along,
            result,
            inside_of(source, 0, radius),
            {"radius": radius, "weights[0]": weights[radius:].astype(np.float32), **mix.uniforms()},
            {"MAX_RADIUS": MAX_RADIUS},
            {"RADIUS": radius},
            base=mix.base,
        )
        self._give(along)
        return result

    def _enlarge(self, source: PackedPicture, target: PackedPicture, mix: Mix) -> None:
        self._pass.run("enlarge.frag", source, target, inside_enlarged(source, target), mix.uniforms(), base=mix.base)

    def _windowed(
        self, shader: str, source: PackedPicture, radius: int, mix: Mix, definitions: dict[str, int | str]
    ) -> PackedPicture:
        result = self._take(source.shape)
        inside = inside_of(source, radius, radius)
        self._pass.run(shader, source, result, inside, mix.uniforms(), definitions)
        return result

    def _take(self, shape: tuple[int, int]) -> PackedPicture:
        free = self._free.get(shape)
        return free.pop() if free else PackedPicture(shape)

    def _give(self, picture: PackedPicture) -> None:
        self._free.setdefault(picture.shape, []).append(picture)

    def _drop_pictures(self) -> None:
        for pictures in self._free.values():
            for picture in pictures:
                picture.release()
        self._free.clear()


def _median_definitions(width: int) -> dict[str, int | str]:
    exchanges, middle = median_exchanges(width * width)
    sorting = " ".join(f"E(v{low}, v{high})" for low, high in exchanges)
    return {"WIDTH": width, "SORTING": sorting, "MIDDLE": f"v{middle}"}


def _finite(image: NDArray[np.float32]) -> tuple[NDArray[np.float32], float]:
    """The picture without what is not a number, and its mean."""
    image = np.ascontiguousarray(image, np.float32)
    with np.errstate(over="ignore", invalid="ignore"):
        total = float(image.sum())
    # One sum tells quickly that all is well; only if not is each pixel looked at.
    if np.isfinite(total) and abs(total) < LARGEST_VALUE:
        return image, total / image.size
    finite = np.isfinite(image)
    bounded = np.clip(image, -LARGEST_VALUE, LARGEST_VALUE)
    mean = float(bounded[finite].mean(dtype=np.float64)) if finite.any() else 0.0
    return np.where(finite, bounded, np.float32(mean)), mean


def _shrunk(image: NDArray[np.float32], by: int) -> NDArray[np.float32]:
    """The means of blocks of by x by pixels; blocks at the far ends may be smaller."""
    if by == 1:
        return image
    for axis in (0, 1):
        starts = np.arange(0, image.shape[axis], by)
        counts = np.diff(np.append(starts, image.shape[axis]))
        sums = np.add.reduceat(image, starts, axis=axis)
        image = np.asarray(sums / np.expand_dims(counts, 1 - axis), np.float32)
    return image
