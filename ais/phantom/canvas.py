"""The empty volume on which a simulated tomogram's structures are drawn, with their labels."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from ais.phantom.shapes import DoubleArray, FloatArray

Box: TypeAlias = tuple[slice, slice, slice]
BoolArray: TypeAlias = npt.NDArray[np.bool_]

FEATURES = ("membrane", "microtubule", "actin", "ribosome", "membrane_protein", "carbon", "gold")
"""What a simulated tomogram contains; the label of a feature is its place in this list, counted from 1."""


@dataclass(frozen=True)
class Canvas:
    """The density and the labels being drawn, and where each voxel lies.

    Parameters
    ----------
    density
        (z, y, x) float32, ice = 0, protein about 1.
    labels
        (z, y, x) uint8, 0 or 1 + the index in `FEATURES`.
    voxel_size
        A.
    margin
        Voxels (z, y, x) by which the canvas exceeds the field of view on each side.
    """

    density: FloatArray
    labels: npt.NDArray[np.uint8]
    voxel_size: float
    margin: tuple[int, int, int]

    @classmethod
    def blank(cls, shape: tuple[int, int, int], margin: tuple[int, int, int], voxel_size: float) -> Canvas:
        """An empty canvas around a field of view of the given (z, y, x) shape."""
        size = tuple(n + 2 * m for n, m in zip(shape, margin, strict=True))
        return cls(np.zeros(size, dtype=np.float32), np.zeros(size, dtype=np.uint8), voxel_size, margin)

    @property
    def field_of_view(self) -> Box:
        """The part of the canvas that becomes the tomogram."""
        z, y, x = (slice(m, n - m) for m, n in zip(self.margin, self.density.shape, strict=True))
        return z, y, x

    @property
    def extent(self) -> DoubleArray:
        """(3,) edge lengths (x, y, z) of the field of view, A."""
        inner = [n - 2 * m for n, m in zip(self.density.shape, self.margin, strict=True)]
        return np.array(inner[::-1]) * self.voxel_size

    def box(self, low: DoubleArray, high: DoubleArray) -> Box:
        """The voxels between two corners (x, y, z) in A, clipped to the canvas; may be empty."""
        start = np.floor(low[::-1] / self.voxel_size + np.array(self.margin)).astype(int)
        stop = np.ceil(high[::-1] / self.voxel_size + np.array(self.margin)).astype(int) + 1
        z, y, x = (
            slice(max(0, int(a)), max(0, min(int(b), n)))
            for a, b, n in zip(start, stop, self.density.shape, strict=True)
        )
        return z, y, x

    def axes(self, box: Box) -> tuple[DoubleArray, DoubleArray, DoubleArray]:
        """Positions of a box's voxels as (1, 1, nx), (1, ny, 1) and (nz, 1, 1) arrays x, y, z in A."""
        z, y, x = (
            (np.arange(part.start, max(part.start, part.stop)) - m) * self.voxel_size
            for part, m in zip(box, self.margin, strict=True)
        )
        return x[None, None, :], y[None, :, None], z[:, None, None]

    def add(self, box: Box, chosen: BoolArray, density: FloatArray, inside: BoolArray, feature: str) -> None:
        """Add density at the chosen voxels of a box and label those inside the structure, unless labelled before."""
        self.density[box][chosen] += density
        labels = self.labels[box]
        free = labels[chosen] == 0
        labels[chosen] = np.where(inside & free, FEATURES.index(feature) + 1, labels[chosen])

    def is_free(self, points: DoubleArray) -> bool:
        """Whether nothing is labelled at any of (n, 3) positions (x, y, z) in A; outside the canvas all is free."""
        # Most places are taken, and a few points tell.
        return self._is_blank(points[::16]) and self._is_blank(points)

    def _is_blank(self, points: DoubleArray) -> bool:
        index = np.rint(points[:, ::-1] / self.voxel_size).astype(np.intp) + np.array(self.margin)
        within = np.all((index >= 0) & (index < np.array(self.labels.shape)), axis=1)
        z, y, x = index[within].T
        return not self.labels[z, y, x].any()

    def within_view(self, points: DoubleArray, border: float = 0.0) -> BoolArray:
        """Which of (n, 3) positions in A lie in the field of view, at least `border` A from its faces."""
        low = -0.5 * self.voxel_size + border
        high = self.extent - 0.5 * self.voxel_size - border
        return np.asarray(np.all((points >= low) & (points < high), axis=1))
