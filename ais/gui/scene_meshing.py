"""Surfaces of segmented volumes for the scene: read, binned and meshed; what is here runs in threads."""

from __future__ import annotations

import math
import time
from collections import OrderedDict
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ais.annotation.volume_looks import MAX_BIN, Removal, Removals
from ais.components import Components, Indices
from ais.errors import AisError
from ais.gui.scene.contents import Point
from ais.prediction import FULL_SCALE, INT8_FULL_SCALE, ROUNDING, UNIT_SCALE_LIMIT
from ais.progress import SILENT, Progress
from ais.removal import chosen, judged
from ais.surfaces import PreparedVolume, Surface, bin_into, surface_type
from ais.tomogram import Tomogram

MOST_BYTES = 1 << 30
"""A volume that would need more memory than this is binned."""
COARSE_VOXELS = 8_000_000
"""So many voxels are meshed in less than 0.1 s: while a level is dragged, a larger volume is binned to this."""
MOST_RUNS = 2_000_000
"""Of voxels along x. Each has about 12 triangles; noise at a low level would fill the memory with them."""
SLAB_BYTES = 64 << 20
LEVELS_KEPT = 6
OTHER_VOXEL_SIZE = 0.01
BINNED_BYTES = 4
BYTE = np.dtype(np.uint8)


@dataclass(frozen=True)
class MeshWish:
    """What surface is wanted of a volume.

    Attributes
    ----------
    level
        On the scale of 0 to 255, above 0.
    smooth
        Steps of smoothing.
    removals, hidden
        Components that are not wanted.
    voxel_size
        Of the tomogram, in angstrom.
    origin
        x, y, z of the centre of its first voxel, in angstrom.
    coarse
        Whether it is to come soon rather than in full detail.
    """

    level: float
    smooth: int
    removals: Removals
    hidden: tuple[Removal, ...]
    voxel_size: float
    origin: Point
    coarse: bool = False

    def same_surface(self, other: MeshWish) -> bool:
        """Whether the surfaces are the same, but for components that are removed."""
        return replace(self, removals=other.removals, hidden=other.hidden) == other


@dataclass(eq=False)
class LoadedVolume:
    """A volume in memory, ready for surfaces at any level; used by one thread at a time.

    Attributes
    ----------
    path
        Its file.
    bin
        How much it is binned.
    prepared
        In voxels: of size `bin`, with the first voxel of the volume at 0.
    factor
        By which its values become 0 to 255.
    shape
        (nz, ny, nx) of the file.
    note
        A sentence about what is unusual; else empty.
    coarser
        A copy that is binned more, once it was needed; itself where it is small.
    """

    path: Path
    bin: int
    prepared: PreparedVolume
    factor: float
    shape: tuple[int, int, int]
    note: str = ""
    coarser: LoadedVolume | None = None
    _components: OrderedDict[float, Components] = field(default_factory=OrderedDict)

    @property
    def bytes(self) -> int:
        """Memory that it takes."""
        coarser = self.coarser.bytes if self.coarser is not None and self.coarser is not self else 0
        return self.prepared.padded.nbytes + coarser

    def stored(self, level: float) -> float:
        """A level of the scale of 0 to 255 on the volume's own; however values were rounded when they were stored."""
        return level / self.factor * (1 - ROUNDING)

    def components(self, level: float) -> Components:
        """The components at a level of the scale of 0 to 255."""
        if level not in self._components:
            self._components[level] = self.prepared.components(self.stored(level), MOST_RUNS)
            while len(self._components) > LEVELS_KEPT:
                self._components.popitem(last=False)
        self._components.move_to_end(level)
        return self._components[level]

    def marks(self, marks: tuple[Removal, ...]) -> tuple[Removal, ...]:
        """Marks with their places in the binned copy."""
        if self.bin == 1:
            return marks
        return tuple(replace(m, z=m.z // self.bin, y=m.y // self.bin, x=m.x // self.bin) for m in marks)

    def for_dragging(self) -> LoadedVolume:
        """A copy that is meshed quickly."""
        if self.coarser is None:
            inner = self.prepared.padded[1:-1, 1:-1, 1:-1]
            more = max(1, math.ceil((inner.size / COARSE_VOXELS) ** (1 / 3)))
            if more == 1:
                self.coarser = self
            else:
                padded = _empty(inner.shape, more, np.dtype(np.float32))
                bin_into(padded[1:-1, 1:-1, 1:-1], inner, more)
                binned = self.bin * more
                self.coarser = LoadedVolume(self.path, binned, _in_voxels(padded, binned), self.factor, self.shape)
        return self.coarser


@dataclass(frozen=True, eq=False)
class VolumeMesh:
    """The surface of a volume, and what is known of its components, in the surface's order.

    Attributes
    ----------
    wish
        What was asked for.
    surface
        In angstrom.
    components
        In voxels of the binned volume.
    removed, hidden
        (k,) bool: what of them is not to be seen.
    cut
        Whether some voxels were taken out of components that are there.
    centroids
        (k, 3): z, y, x in voxels of the file.
    weights
        (k,) sum of the prediction over the component's voxels, on the scale of 0 to 255.
    peaks
        (k, 3): z, y, x in voxels of the file, where the prediction is highest.
    at_border
        (k,) bool: whether it reaches a face of the volume.
    bin
        How much the volume was binned for it.
    seconds
        How long it took.
    """

    wish: MeshWish
    surface: Surface
    components: Components
    removed: NDArray[np.bool_]
    hidden: NDArray[np.bool_]
    cut: bool
    centroids: NDArray[np.float64]
    weights: NDArray[np.float64]
    peaks: Indices
    at_border: NDArray[np.bool_]
    bin: int
    seconds: float


def load(
    path: Path, shape: tuple[int, int, int], bin: int | None, voxel_size: float, progress: Progress
) -> LoadedVolume:
    """Read a volume, slab by slab, and make it ready for surfaces.

    Parameters
    ----------
    path
        Its file.
    shape
        (nz, ny, nx) of the tomogram that it belongs to.
    bin
        How much to bin it; None for as little as the memory allows. One that is too large is binned more.
    voxel_size
        Of the tomogram, in angstrom.
    progress
        Told how far it is.

    Raises
    ------
    AisError
        If the file is missing, damaged, of another shape or with values that are not numbers.
    """
    with Tomogram.open(path) as volume:
        if volume.shape != shape:
            other, own = (" x ".join(map(str, each[::-1])) for each in (volume.shape, shape))
            raise AisError(f"{path} has {other} voxels, but the tomogram has {own}: export it again.")
        if volume.dtype.kind not in "buif":
            raise AisError(f"{path} holds values of the type {volume.dtype}, which is no segmentation.")
        least = least_bin(shape, volume.dtype)
        used = max(bin or 1, least)
        notes = []
        if volume.voxel_size > 0 and abs(volume.voxel_size / voxel_size - 1) > OTHER_VOXEL_SIZE:
            other, own = f"{volume.voxel_size:g} A", f"{voxel_size:g} A"
            notes.append(f"{path.name} says voxels of {other}; the surface is made with the {own} of the tomogram.")
        if used > (bin or 1):
            too_large = f"{path.name} is too large to be shown in full"
            notes.append(f"{too_large}: its surface is that of the mean of {used} x {used} x {used} voxels.")
        try:
            padded, factor = _read(volume, used, progress)
        except _TooWide:
            padded, factor = _read(volume, used, progress, narrow=False)
    return LoadedVolume(path, used, _in_voxels(padded, used), factor, shape, " ".join(notes))


def least_bin(shape: tuple[int, int, int], dtype: np.dtype[Any]) -> int:
    """How much a volume must be binned at least so that it takes no more memory than `MOST_BYTES`."""
    for binned in range(1, MAX_BIN):
        size = surface_type(dtype).itemsize if binned == 1 else BINNED_BYTES
        if math.prod(-(-count // binned) + 2 for count in shape) * size <= MOST_BYTES:
            return binned
    return MAX_BIN


def mesh(volume: LoadedVolume, wish: MeshWish, before: VolumeMesh | None, progress: Progress = SILENT) -> VolumeMesh:
    """The surface of a volume.

    Parameters
    ----------
    volume
        Used by no other thread meanwhile.
    wish
        What is wanted.
    before
        The one before; its surface is used again if it is the same.
    progress
        Asked between steps whether to go on.

    Raises
    ------
    AisError
        If the surface would be too large.
    """
    began = time.perf_counter()
    if wish.coarse:
        volume = volume.for_dragging()
    level = wish.level
    components = volume.components(level)
    progress.report(0, 0, volume.path.name)
    removals = Removals(volume.marks(wish.removals.removed), volume.marks(wish.removals.kept))
    verdict = judged(volume.components, removals, level)
    prepared, removed, cut = volume.prepared, verdict.whole, verdict.parts.size > 0
    hidden = chosen(volume.components, volume.marks(wish.hidden), level).whole
    if cut:
        prepared = prepared.cleared(verdict.parts)
        left = prepared.components(volume.stored(level), MOST_RUNS)
        same = components.at(left.some_voxels)
        components, removed, hidden = left, removed[same], hidden[same]
    elif before is not None and not before.cut and before.bin == volume.bin and wish.same_surface(before.wish):
        return replace(before, wish=wish, removed=removed, hidden=hidden)
    size, origin, binned = wish.voxel_size, wish.origin, volume.bin
    x, y, z = (at + corner * size for at, corner in zip(origin, prepared.corner, strict=True))
    placed = replace(prepared, voxel_sizes=(binned * size,) * 3, corner=(x, y, z))
    surface = placed.surface(volume.stored(level), smooth=wish.smooth, components=components, progress=progress)
    sums, peaks = components.sums_and_peaks(prepared.padded)
    middle = (binned - 1) / 2
    at_peaks = np.minimum(components.places(peaks) * binned + binned // 2, np.array(volume.shape) - 1)
    return VolumeMesh(
        wish=wish,
        surface=surface,
        components=components,
        removed=removed,
        hidden=hidden,
        cut=cut,
        centroids=components.centroids() * binned + middle,
        weights=sums * (volume.factor * binned**3),
        peaks=at_peaks,
        at_border=components.at_border(),
        bin=binned,
        seconds=time.perf_counter() - began,
    )


def highest_in(path: Path, places: Indices, binned: int) -> Indices:
    """Where the values of a volume are highest within blocks of binned x binned x binned voxels.

    Parameters
    ----------
    path
        Its file.
    places
        (n, 3): z, y, x of a voxel of each block.
    binned
        Side of the blocks.

    Returns
    -------
    ndarray
        (n, 3): z, y, x.
    """
    if binned == 1:
        return places
    found = np.array(places)
    with Tomogram.open(path) as volume:
        for row, place in enumerate(places):
            z, y, x = (int(at) // binned * binned for at in place)
            nz, ny, nx = volume.shape
            rows, columns = slice(y, min(y + binned, ny)), slice(x, min(x + binned, nx))
            block = volume.raw(z, min(z + binned, nz), rows, columns)
            found[row] = np.array((z, y, x)) + np.unravel_index(int(block.argmax()), block.shape)
    return found


class _TooWide(Exception):
    """Values do not fit into bytes."""


def _read(volume: Tomogram, binned: int, progress: Progress, *, narrow: bool = True) -> tuple[NDArray[Any], float]:
    """The values with a border of one voxel of zero, and the factor by which they become 0 to 255."""
    nz, ny, nx = volume.shape
    kind = volume.dtype
    # Bytes are stored as 16-bit integers, since readers disagree about the sign of 8-bit ones.
    as_bytes = narrow and binned == 1 and kind.kind in "iu" and kind.itemsize == 2
    stored = BYTE if as_bytes else surface_type(kind) if binned == 1 else np.dtype(np.float32)
    padded = _empty(volume.shape, binned, stored)
    inner = padded[1:-1, 1:-1, 1:-1]
    step = max(1, SLAB_BYTES // (ny * nx * kind.itemsize * binned)) * binned
    highest = 0.0
    for z in range(0, nz, step):
        progress.report(z, nz, volume.name)
        slab = volume.raw(z, min(nz, z + step))
        low, high = float(slab.min()), float(slab.max())
        if not (math.isfinite(low) and math.isfinite(high)):
            raise AisError(f"{volume.path} contains values that are not finite numbers (NaN or infinity).")
        if as_bytes and not 0 <= low <= high <= FULL_SCALE:
            raise _TooWide
        highest = max(highest, high)
        if binned == 1:
            inner[z : z + len(slab)] = slab
        else:
            bin_into(inner[z // binned : -(-(z + len(slab)) // binned)], slab, binned)
    if kind.kind == "f":
        return padded, FULL_SCALE if highest <= UNIT_SCALE_LIMIT else 1.0
    return padded, FULL_SCALE if kind.kind == "b" else FULL_SCALE / INT8_FULL_SCALE if kind == np.int8 else 1.0


def _empty(shape: tuple[int, ...], binned: int, dtype: np.dtype[Any]) -> NDArray[Any]:
    return np.zeros([-(-count // binned) + 2 for count in shape], dtype)


def _in_voxels(padded: NDArray[Any], binned: int) -> PreparedVolume:
    corner = (binned - 1) / 2 - binned
    return PreparedVolume(padded, (float(binned),) * 3, (corner,) * 3)
