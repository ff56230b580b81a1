"""Surfaces of volumes that may be larger than memory: made of slabs, and the same as those of the whole volume."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ais.components import Components
from ais.errors import AisError
from ais.prediction import SlabSource, slab_at, source_name
from ais.progress import SILENT, Progress
from ais.surface_pieces import STEP, Piece, Planes, lowest_inside, piece_of
from ais.surfaces import (
    MAX_VERTICES,
    PreparedVolume,
    Surface,
    bin_into,
    check_smoothing,
    check_usable,
    kept_components,
    placed,
    surface_of_pieces,
    surface_type,
    too_many_vertices,
)

WHOLE_BYTES = 1 << 28
"""A volume that, binned, takes no more memory than this is held as a whole, which is faster."""
SLAB_BYTES = 1 << 26
"""So much of a larger volume is held at a time, or `LEAST_PLANES` of it."""
LEAST_PLANES = 4
READ_BYTES = 1 << 25
"""So much is read at a time to be binned, or as many slices as are one in the binned volume."""
SHARED_PLANES = 3
"""Planes that a slab has in common with the next one."""


def surface_of_volume(
    volume: NDArray[Any] | SlabSource,
    level: float,
    *,
    voxel_sizes: tuple[float, float, float],
    origin: tuple[float, float, float] = (0.0, 0.0, 0.0),
    bin: int = 1,
    smooth: int = 0,
    min_volume: float = 0.0,
    progress: Progress = SILENT,
) -> Surface:
    """The closed surface around all voxels at or above a level, in angstrom, of a volume that is read in slabs.

    It is that of `ais.surfaces.isosurface` without dust, vertex by vertex. A volume that takes more than `WHOLE_BYTES`
    is read twice, slab by slab: once for its components, once for their surfaces; slabs without any are not read again.
    What stays in memory is the surface (24 bytes per triangle, and as much again while it is put in order; several
    times of that while it is smoothed), the runs of voxels along x, and a slab.

    Parameters
    ----------
    volume
        (nz, ny, nx), an array or a tomogram, of real numbers of any type or bool.
    level, voxel_sizes, origin, bin, smooth
        As of `ais.surfaces.isosurface`.
    min_volume
        Components below this volume are left out, in cubic angstrom.
    progress
        Told the slices done.

    Raises
    ------
    AisError
        As `ais.surfaces.isosurface`, or if the file cannot be read.
    """
    check_usable(volume.shape, volume.dtype, voxel_sizes, origin, bin)
    check_smoothing(smooth)
    planes = _PaddedPlanes(volume, bin)
    sizes, corner = placed(voxel_sizes, origin, bin)
    if math.prod(planes.shape) * planes.dtype.itemsize <= WHOLE_BYTES:
        padded = np.zeros(planes.shape, planes.dtype)
        planes.read(padded, 0)
        prepared = PreparedVolume(padded, sizes, corner)
        return prepared.surface(level, smooth=smooth, progress=progress).without_dust(min_volume)
    cut = lowest_inside(planes.dtype, level)
    window = _Window(planes)
    found = Components.of_padded_slabs(window.masks(cut, progress), planes.shape)
    volumes = found.voxels * math.prod(sizes)
    kept = kept_components(volumes, min_volume)
    pieces: list[Piece] = []
    vertices = 0
    for part in window.parts(found, kept, progress):
        piece = piece_of(part, level, found, sizes, corner, kept=kept, vertices_before=vertices)
        vertices += len(piece.vertices)
        if vertices > MAX_VERTICES:
            raise too_many_vertices()
        pieces.append(piece)
    return surface_of_pieces(pieces, volumes[:kept], smooth)


class _PaddedPlanes:
    """A volume, binned, with one voxel of zero all around, read some planes at a time.

    Attributes
    ----------
    shape, dtype
        (nz + 2, ny + 2, nx + 2) of the binned volume, and the type of its values.
    """

    def __init__(self, volume: NDArray[Any] | SlabSource, bin: int) -> None:
        self._volume = volume
        self._bin = bin
        nz, ny, nx = (-(-length // bin) + 2 for length in volume.shape)
        self.shape = (nz, ny, nx)
        self.dtype = surface_type(volume.dtype) if bin == 1 else np.dtype(np.float32)

    def read(self, target: NDArray[Any], first: int) -> None:
        """Fill an array (n, ny + 2, nx + 2), whose border along y and x is zero, with planes from `first` on."""
        begin, end = max(first, 1), min(first + len(target), self.shape[0] - 1)
        target[: begin - first] = 0
        target[end - first :] = 0
        inner = target[begin - first : end - first, 1:-1, 1:-1]
        nz, ny, nx = self._volume.shape
        step = max(1, READ_BYTES // (self._bin * ny * nx * self._volume.dtype.itemsize))
        for z in range(0, len(inner), step):
            part = inner[z : z + step]
            start = (begin - 1 + z) * self._bin
            values = slab_at(self._volume, start, min(start + len(part) * self._bin, nz))
            if self._bin == 1:
                part[...] = values
            else:
                bin_into(part, values, self._bin)
            if part.dtype.kind == "f" and not (math.isfinite(part.min()) and math.isfinite(part.max())):
                raise AisError(
                    f"{source_name(self._volume)} holds values that are not numbers (NaN or infinite): repair it first."
                )


class _Window:
    """The planes of a volume that are in memory; it moves along z."""

    def __init__(self, planes: _PaddedPlanes) -> None:
        nz, ny, nx = planes.shape
        self._source = planes
        self._step = max(LEAST_PLANES, SLAB_BYTES // (ny * nx * planes.dtype.itemsize) - SHARED_PLANES)
        self._values = np.zeros((min(nz, self._step + SHARED_PLANES), ny, nx), planes.dtype)
        self._first = self._end = 0

    def masks(self, cut: Any, progress: Progress) -> Iterator[tuple[int, NDArray[np.bool_]]]:
        """First plane and mask of one slab after the other."""
        count = self._source.shape[0]
        for z in range(0, count, self._step):
            progress.report(z, 2 * count, STEP)
            yield z, self._at(z, min(z + self._step, count)) >= cut

    def parts(self, found: Components, kept: int, progress: Progress) -> Iterator[Planes]:
        """Slab after slab in which there is something of the components that are kept, with the planes around it."""
        count, ny, nx = self._source.shape
        for begin in range(0, count - 1, self._step):
            end = min(begin + self._step, count - 1)
            progress.report(count + begin, 2 * count, STEP)
            low, high = np.searchsorted(found.starts, np.array([begin, end + 1]) * (ny * nx))
            if (found.owners[low:high] < kept).any():
                first = max(0, begin - 1)
                yield Planes(self._at(first, min(end + 2, count)), first, (begin, end))

    def _at(self, first: int, end: int) -> NDArray[Any]:
        """Planes from `first` to before `end`; those that have just been there are not read again."""
        known = max(0, min(self._end, end) - first) if first >= self._first else 0
        if known:
            self._values[:known] = self._values[first - self._first :][:known]
        self._source.read(self._values[known : end - first], first + known)
        self._first, self._end = first, end
        return self._values[: end - first]
