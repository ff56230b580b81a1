"""Pieces of tomograms as files: written, found again, and seen as the tomograms of which they are pieces."""

from __future__ import annotations

import json
from collections.abc import Container, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ais.errors import AisError
from ais.formats.mrc import MrcWriter
from ais.formats.record import read_record
from ais.formats.tiff import write_tiff
from ais.stages.grid import RECORD_ERRORS, Place, Shape
from ais.stages.kept import digest, text_digest
from ais.tomogram import WHOLE, Normalization, Tomogram, normalised_slices

if TYPE_CHECKING:
    from numpy.typing import NDArray


@dataclass(frozen=True)
class Source:
    """What a piece must know of its tomogram.

    Attributes
    ----------
    name
        Of the tomogram.
    voxel_sizes, origin
        (z, y, x) and (x, y, z) of the tomogram in angstrom.
    normalization
        Of the whole tomogram.
    centers, scales
        Mean and standard deviation of each whole slice along the piece, for models of Ais 1.x.
    """

    name: str
    voxel_sizes: tuple[float, float, float]
    origin: tuple[float, float, float]
    normalization: Normalization
    centers: tuple[float, ...] = ()
    scales: tuple[float, ...] = ()

    def as_record(self) -> dict[str, Any]:
        """As a record holds it; `from_record` reads it back."""
        return {
            "tomogram": self.name,
            "voxel_sizes_A_zyx": list(self.voxel_sizes),
            "origin_A_xyz": list(self.origin),
            "center": self.normalization.center,
            "scale": self.normalization.scale,
            "slice_centers": list(self.centers),
            "slice_scales": list(self.scales),
        }

    @classmethod
    def from_record(cls, entry: dict[str, Any]) -> Source:
        """Of what `as_record` gave; one of `RECORD_ERRORS` if it is something else."""
        z, y, x = (float(size) for size in entry["voxel_sizes_A_zyx"])
        origin_x, origin_y, origin_z = (float(place) for place in entry["origin_A_xyz"])
        return cls(
            str(entry["tomogram"]),
            (z, y, x),
            (origin_x, origin_y, origin_z),
            Normalization(float(entry["center"]), float(entry["scale"])),
            tuple(float(value) for value in entry["slice_centers"]),
            tuple(float(value) for value in entry["slice_scales"]),
        )

    def origin_of(self, place: Place) -> tuple[float, float, float]:
        """(x, y, z) of a piece's first voxel, in angstrom."""
        z, y, x = (
            start * size + origin
            for (start, _), size, origin in zip(place.box, self.voxel_sizes, self.origin[::-1], strict=True)
        )
        return (x, y, z)


@dataclass(frozen=True)
class PieceFile:
    """A piece in a folder.

    Attributes
    ----------
    path
        The file.
    place, source
        By its record.
    """

    path: Path
    place: Place
    source: Source

    @classmethod
    def of(cls, path: Path) -> PieceFile:
        """A piece by its record; an AisError if that says nothing of it."""
        try:
            result = (read_record(path) or {})["result"]
            place, source = Place.from_record(result["place"]), Source.from_record(result["source"])
        except RECORD_ERRORS as error:
            raise _unknown_place(path) from error
        if not len(source.centers) == len(source.scales) == place.shape[0]:
            raise _unknown_place(path)
        return cls(path, place, source)

    def described(self) -> dict[str, Any]:
        """As the input of the next stage: by its content and its place."""
        facts = json.dumps([self.place.as_record(), self.source.as_record()])
        return {
            "path": str(self.path.resolve()),
            "size": self.path.stat().st_size,
            "fingerprint": f"{digest(self.path)} {text_digest(facts)}",
        }

    def facts(self) -> dict[str, Any]:
        """What a record says of it."""
        return {"place": self.place.as_record(), "source": self.source.as_record()}


def write_piece(path: Path, suffix: str, values: NDArray[Any], source: Source, place: Place, label: str) -> None:
    """Write voxels (nz, ny, nx) of a piece as MRC or TIFF to a temporary path, whose ending does not count."""
    shape: Shape = place.shape
    if suffix == ".tif":
        write_tiff(path, values, shape, values.dtype, source.voxel_sizes)
        return
    with MrcWriter(
        path, shape, values.dtype, voxel_sizes=source.voxel_sizes, origin=source.origin_of(place), labels=[label]
    ) as writer:
        writer.write(values)


class PieceTomogram(Tomogram):
    """A piece as a tomogram of the whole's size, so that a network sees it as it would see the whole.

    Reflection at the tomogram's faces, the grid of the network's strides and of rescaling, and normalisation are those
    of the whole. Outside of the piece its voxels are reflected.

    Parameters
    ----------
    piece
        The piece, which is read.

    Raises
    ------
    AisError
        If the file cannot be read, has another shape than the piece, or values that are not finite.
    """

    def __init__(self, piece: PieceFile) -> None:
        super().__init__(piece.path, normalization=piece.source.normalization)
        self.name = piece.source.name
        self._place = piece.place
        self._source = piece.source
        try:
            if self.info.shape != piece.place.shape:
                raise wrong_shape(piece.path, self.info.shape, piece.place.shape)
            self._values = np.array(self._volume.read(0, self.info.shape[0]))
        finally:
            self.close()

    @property
    def shape(self) -> Shape:
        """(nz, ny, nx) of the whole tomogram."""
        return self._place.whole

    @property
    def voxel_sizes(self) -> tuple[float, float, float]:
        """(z, y, x) in angstrom."""
        return self._source.voxel_sizes

    @property
    def origin(self) -> tuple[float, float, float]:
        """Position (x, y, z) of the tomogram's first voxel in angstrom."""
        return self._source.origin

    def raw(self, z0: int, z1: int, y: slice = WHOLE, x: slice = WHOLE) -> NDArray[Any]:
        """Stored values of slices z0 to z1 - 1 of the tomogram; what lies outside of the piece is reflected."""
        chosen = [self._within(axis, part) for axis, part in enumerate((slice(z0, z1), y, x))]
        return np.asarray(self._values[np.ix_(*chosen)])

    def normalised_by_slice(self, z0: int, z1: int, y: slice = WHOLE, x: slice = WHOLE) -> NDArray[np.float32]:
        """As of the whole tomogram."""
        chosen = self._within(0, slice(z0, z1))
        centers, scales = (np.array(one, np.float32)[chosen] for one in (self._source.centers, self._source.scales))
        return normalised_slices(self.slab(z0, z1, y, x), centers, scales)

    def _within(self, axis: int, part: slice) -> NDArray[np.intp]:
        from ais.segmentation.network_grid import reflected

        index = np.arange(*part.indices(self._place.whole[axis])) - self._place.box[axis][0]
        return reflected(index, self._place.shape[axis])


def _unknown_place(path: Path) -> AisError:
    return AisError(f"The record beside {path} does not say where the piece belongs: remove both and make them again.")


def wrong_shape(path: Path, found: Sequence[int], expected: Sequence[int]) -> AisError:
    """What to say of a piece that has become another shape."""
    return AisError(
        f"{path} has {_words(found)} voxels and should have {_words(expected)}: save it with its shape, or remove it "
        "and make it again."
    )


def check_complete(expected: Iterable[str], there: Container[str], what: str, stage: str) -> None:
    """Raise an AisError if pieces that should be there, by their names, are not."""
    missing = [name for name in expected if name not in there]
    if missing:
        count = f"{len(missing)} pieces" if len(missing) > 1 else "one piece"
        raise AisError(f"{what} lacks {count}, such as {missing[0]}: run the stage {stage} again.")


def _words(shape: Sequence[int]) -> str:
    return " x ".join(str(length) for length in shape)
