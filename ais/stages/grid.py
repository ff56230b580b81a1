"""How a tomogram is divided into pieces that overlap, and which part of each counts."""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass
from typing import Any

from ais.errors import AisError

MOST_PIECES = 100_000
RECORD_ERRORS = (KeyError, TypeError, ValueError, OverflowError)
"""What a record raises that says something else than it should."""
Shape = tuple[int, int, int]
Range = tuple[int, int]
Box = tuple[Range, Range, Range]


@dataclass(frozen=True)
class Place:
    """Where a piece lies in its tomogram; all in voxels, in the order z, y, x, half open.

    Attributes
    ----------
    whole
        Shape of the tomogram.
    tile, overlap
        With which it was divided; see `places`.
    box
        What the piece holds.
    kept
        The part of it for which it counts. Those of all pieces fill the tomogram without gap or overlap; on each side
        on which a piece is cut off, at least half of the overlap lies around it.
    """

    whole: Shape
    tile: Shape
    overlap: Shape
    box: Box
    kept: Box

    @property
    def shape(self) -> Shape:
        """(nz, ny, nx) of the piece."""
        z, y, x = (stop - start for start, stop in self.box)
        return (z, y, x)

    @property
    def inside(self) -> tuple[slice, slice, slice]:
        """Where in the piece lies what counts."""
        z, y, x = (slice(k[0] - b[0], k[1] - b[0]) for k, b in zip(self.kept, self.box, strict=True))
        return (z, y, x)

    def name(self, tomogram: str) -> str:
        """``TS_001_z0000_y0448_x0000``: the tomogram and the piece's first voxel."""
        z, y, x = (start for start, _ in self.box)
        return f"{tomogram}_z{z:04d}_y{y:04d}_x{x:04d}"

    def spare(self, axis: int) -> int | None:
        """Voxels along an axis between what counts and where the piece is cut off; None if it nowhere is."""
        (start, stop), (first, last) = self.box[axis], self.kept[axis]
        cuts = [first - start] if start > 0 else []
        cuts += [stop - last] if stop < self.whole[axis] else []
        return min(cuts, default=None)

    def as_record(self) -> dict[str, Any]:
        """As a record holds it; `from_record` reads it back."""
        return {
            "tomogram_shape_zyx": list(self.whole),
            "tile_zyx": list(self.tile),
            "overlap_zyx": list(self.overlap),
            "piece_zyx": [list(one) for one in self.box],
            "counts_zyx": [list(one) for one in self.kept],
        }

    @classmethod
    def from_record(cls, entry: dict[str, Any]) -> Place:
        """Of what `as_record` gave; one of `RECORD_ERRORS` if it is something else."""
        whole, tile, overlap = (_shape(entry[f"{name}_zyx"]) for name in ("tomogram_shape", "tile", "overlap"))
        return cls(whole, tile, overlap, _box(entry["piece_zyx"]), _box(entry["counts_zyx"]))

    def all_of_tomogram(self) -> list[Place]:
        """All pieces of its tomogram, in order of z, y and x."""
        return places(self.whole, self.tile, self.overlap)


def places(shape: Shape, tile: Shape, overlap: Shape) -> list[Place]:
    """Pieces of equal size, as few as it takes, spread evenly over a tomogram.

    Parameters
    ----------
    shape
        (nz, ny, nx) of the tomogram.
    tile
        Largest piece, (nz, ny, nx). An axis that is no longer than the tile is not divided.
    overlap
        Voxels along z, y, x that neighbours share, at least.

    Returns
    -------
    list of Place
        Along x first, then y, then z.

    Raises
    ------
    AisError
        If the tile or the overlap makes no sense, or the pieces would be too many.
    """
    check_tile(tile, overlap)
    if min(shape) < 1:
        raise AisError(f"A tomogram of {_words(shape)} voxels cannot be divided.")
    count = math.prod(_count(*lengths) for lengths in zip(shape, tile, overlap, strict=True))
    if count > MOST_PIECES:
        raise AisError(
            f"Tiles of {_words(tile)} voxels would make {count:,} pieces of a tomogram of {_words(shape)}: give a "
            "larger --tile."
        )
    axes = [_along(*lengths) for lengths in zip(shape, tile, overlap, strict=True)]
    return [Place(shape, tile, overlap, (z[0], y[0], x[0]), (z[1], y[1], x[1])) for z, y, x in itertools.product(*axes)]


def check_tile(tile: Shape, overlap: Shape) -> None:
    """Raise an AisError unless tiles are at least a voxel, and wider than their overlap."""
    if min(tile) < 1 or min(overlap) < 0:
        raise AisError(f"A tile of {_words(tile)} voxels with an overlap of {_words(overlap)} makes no sense.")
    if any(shared >= edge for shared, edge in zip(overlap, tile, strict=True)):
        raise AisError(
            f"The overlap of {_words(overlap)} voxels must be smaller than the tile of {_words(tile)}: give a larger "
            "--tile or a smaller --overlap."
        )


def _count(length: int, tile: int, overlap: int) -> int:
    return 1 if length <= tile else -(-(length - overlap) // (tile - overlap))


def _along(length: int, tile: int, overlap: int) -> list[tuple[Range, Range]]:
    """What pieces hold along an axis, and the part that counts."""
    count = _count(length, tile, overlap)
    if count == 1:
        return [((0, length), (0, length))]
    starts = [number * (length - tile) // (count - 1) for number in range(count)]
    seams = [(before + tile + after) // 2 for before, after in itertools.pairwise(starts)]
    borders = [0, *seams, length]
    return [((start, start + tile), (borders[i], borders[i + 1])) for i, start in enumerate(starts)]


def _shape(entry: Any) -> Shape:
    z, y, x = (int(length) for length in entry)
    return (z, y, x)


def _box(entry: Any) -> Box:
    (z0, z1), (y0, y1), (x0, x1) = entry
    return ((int(z0), int(z1)), (int(y0), int(y1)), (int(x0), int(x1)))


def _words(shape: Shape) -> str:
    return "x".join(str(length) for length in shape)
