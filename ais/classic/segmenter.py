"""A classic model made ready to segment, as `ais.segmentation.Segmenter` is for networks."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator
from typing import Literal, NamedTuple

import numpy as np

from ais.classic.filter import FloatArray, Measured, Reach, Sizes
from ais.classic.methods import classic_filter
from ais.errors import AisError, memory_errors
from ais.models.info import ModelInfo
from ais.progress import SILENT, Progress
from ais.tomogram import Normalization, Tomogram

Crop = tuple[int, int, int, int]
TOGETHER = 2
"""Slices computed in one go: more would share their neighbours, and let the screen wait longer."""
BAND_PX = 1 << 20
"""Pixels of a slice that are computed at once, where a method does not need the whole slice."""
SAMPLES, SAMPLE_PX = 12, 192
"""So many windows of so many pixels along each side, all over the tomogram, say what is usual in it."""
WINDOW_PLACES = 5
LARGEST_REACH = 256
"""In voxels; what is larger is better looked for in a binned tomogram."""
KEPT = 64
"""Measurements; each is a few numbers."""


class _About(NamedTuple):
    """All that a measurement depends on."""

    path: str
    shape: tuple[int, int, int]
    sizes: Sizes
    normalization: Normalization
    measured_by: tuple[object, ...]


Measurements = OrderedDict[_About, Measured]
"""What was usual in tomograms, the latest of them; may be shared, so that another strength measures nothing anew."""


class ClassicSegmenter:
    """A classic model made ready to segment slices; make one and use it for many tomograms.

    Lengths are of the tomogram's voxel size; nothing is rescaled. A tomogram is mirrored at its faces. What is usual
    in a tomogram is measured once, from windows all over it, so each part has the result that it has in the whole.

    Parameters
    ----------
    info
        Of the model.
    measurements
        Where what is usual in tomograms is kept; by default its own.

    Attributes
    ----------
    info
        Of the model.
    tta, batch_size
        Of no effect: a classic method finds the same in every rotation.

    Raises
    ------
    AisError
        If it is not a classic model.
    """

    def __init__(self, info: ModelInfo, measurements: Measurements | None = None) -> None:
        self.info = info
        self.tta = 1
        self.batch_size: int | Literal["auto"] = "auto"
        self._filter = classic_filter(info.architecture, info.arguments)
        self._measurements: Measurements = OrderedDict() if measurements is None else measurements

    @property
    def nbytes(self) -> int:
        """Memory that it keeps, about none."""
        return 1 << 16

    def predict_slices(
        self, tomogram: Tomogram, z0: int, z1: int, crop: Crop | None = None, *, progress: Progress = SILENT
    ) -> FloatArray:
        """Probabilities of slices z0 to z1 - 1: parameters and result as of `ais.segmentation.Segmenter`."""
        return np.concatenate([part for _, part in self.iter_slabs(tomogram, z0, z1, crop, progress=progress)])

    def iter_slabs(
        self,
        tomogram: Tomogram,
        z0: int = 0,
        z1: int | None = None,
        crop: Crop | None = None,
        *,
        progress: Progress = SILENT,
    ) -> Iterator[tuple[int, FloatArray]]:
        """The same in slabs of a few slices.

        Yields
        ------
        z, probabilities
            First slice of the slab, and (n, ny, nx) float32.

        Raises
        ------
        AisError
            If the range or the crop is outside the tomogram, its voxel size is not known, its values are not finite,
            or the lengths are far too many voxels.
        Cancelled
            If `progress` asks to stop.
        """
        z1, crop = tomogram.part(z0, z1, crop)
        sizes = self._sizes(tomogram)
        with memory_errors():
            limit = self._limit(tomogram, sizes)
            for z in range(z0, z1, TOGETHER):
                last = min(z + TOGETHER, z1)
                yield z, self._part(tomogram, z, last, crop, sizes, limit)
                progress.report(last - z0, z1 - z0, f"{tomogram.name}: {self.info.feature}")

    def _sizes(self, tomogram: Tomogram) -> Sizes:
        tomogram.require_voxel_size()
        z, y, x = (size if size > 0 else tomogram.voxel_size for size in tomogram.voxel_sizes)
        if max(self._filter.reach((z, y, x))) > LARGEST_REACH:
            raise AisError(
                f"The lengths of the model {self.info.feature} are too many voxels of {tomogram.path}, which are "
                f"{tomogram.voxel_size:g} A: choose shorter ones, or bin the tomogram first."
            )
        return z, y, x

    def _part(self, tomogram: Tomogram, z0: int, z1: int, crop: Crop, sizes: Sizes, limit: float) -> FloatArray:
        x0, x1, y0, y1 = crop
        if self._filter.whole_planes:
            _, ny, nx = tomogram.shape
            response = self._response(tomogram, (z0, z1), (0, ny), (0, nx), sizes)[:, y0:y1, x0:x1]
            return self._filter.values(response, limit)
        rows = max(BAND_PX // (x1 - x0), 1)
        bands = [(y, min(y + rows, y1)) for y in range(y0, y1, rows)]
        parts = [self._response(tomogram, (z0, z1), band, (x0, x1), sizes) for band in bands]
        return self._filter.values(np.concatenate(parts, axis=1), limit)

    def _response(
        self, tomogram: Tomogram, z: tuple[int, int], y: tuple[int, int], x: tuple[int, int], sizes: Sizes
    ) -> FloatArray:
        reach = self._filter.reach(sizes)
        return self._filter.response(surroundings(tomogram, z, y, x, reach), sizes)

    def _limit(self, tomogram: Tomogram, sizes: Sizes) -> float:
        if not self._filter.needs_sample:
            return self._filter.limit(())
        about = _About(str(tomogram.path), tomogram.shape, sizes, tomogram.normalization, self._filter.measured_by)
        known = self._measurements
        if about not in known:
            while len(known) >= KEPT:
                known.popitem(last=False)
            known[about] = self._filter.measure(self._sample(tomogram, sizes))
        known.move_to_end(about)
        return self._filter.limit(known[about])

    def _sample(self, tomogram: Tomogram, sizes: Sizes) -> FloatArray:
        """Responses in windows all over the tomogram, away from its faces where there is room."""
        nz, ny, nx = tomogram.shape
        heights = np.linspace(0.1 * (nz - 1), 0.9 * (nz - 1), min(SAMPLES, nz)).round().astype(int)
        found = []
        for number, z in enumerate(heights.tolist()):
            # Neighbours along z look at different places, and all windows together at every place about evenly.
            y, x = (_window(n, (number * step % WINDOW_PLACES) / (WINDOW_PLACES - 1)) for n, step in ((ny, 2), (nx, 3)))
            found.append(self._response(tomogram, (z, z + 1), y, x, sizes).ravel())
        return np.concatenate(found)


def _window(count: int, share: float) -> tuple[int, int]:
    length = min(count, SAMPLE_PX)
    first = round(share * (count - length))
    return first, first + length


def surroundings(
    tomogram: Tomogram, z: tuple[int, int], y: tuple[int, int], x: tuple[int, int], reach: Reach
) -> FloatArray:
    """Normalised values of a part of a tomogram and of what lies around it, mirrored beyond its faces.

    Parameters
    ----------
    tomogram
        What is read.
    z, y, x
        Half-open ranges in voxels.
    reach
        How many voxels more along (z, y, x), on both sides.

    Returns
    -------
    ndarray
        (z, y, x) float32.
    """
    spans, margins = [], []
    for (first, last), more, count in zip((z, y, x), reach, tomogram.shape, strict=True):
        start, stop = max(first - more, 0), min(last + more, count)
        spans.append((start, stop))
        margins.append((start - (first - more), last + more - stop))
    (z0, z1), rows, columns = spans
    values = tomogram.normalization.apply(tomogram.slab(z0, z1, slice(*rows), slice(*columns)))
    return np.pad(values, margins, mode="symmetric") if any(map(any, margins)) else values
