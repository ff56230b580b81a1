"""What every volume file offers: its geometry, and its voxels read slab by slab."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol, TypeAlias

import numpy as np

Array: TypeAlias = np.ndarray[Any, np.dtype[Any]]


@dataclass(frozen=True)
class VolumeLevel:
    """One of several sizes in which a file holds the same volume.

    Attributes
    ----------
    name
        What stands after the path to open it.
    shape
        (nz, ny, nx).
    voxel_sizes
        (z, y, x) in angstrom; 0.0 where the file does not say.
    """

    name: str
    shape: tuple[int, int, int]
    voxel_sizes: tuple[float, float, float]


@dataclass(frozen=True)
class VolumeInfo:
    """The geometry of a volume file and what must survive when its segmentation is written.

    Attributes
    ----------
    shape
        (nz, ny, nx).
    dtype
        Type of the voxels as they are read, in native byte order.
    voxel_sizes
        (z, y, x) in angstrom; 0.0 where the file does not say.
    header_origin
        (x, y, z) in angstrom, as MRC2014 defines it; zeros where `nstart` places the volume.
    nstart
        (x, y, z), the index of the first voxel, in voxels.
    cell_angles
        Angles of the cell in degrees.
    labels
        Text labels of the header.
    extended_header, extended_type
        Bytes between header and voxels, and the four letters that name their layout.
    notes
        Sentences about what is unusual in the file: reordered axes, an odd cell.
    levels
        The sizes in which the file holds the volume, finest first; empty where there is only one.
    """

    shape: tuple[int, int, int]
    dtype: np.dtype[Any]
    voxel_sizes: tuple[float, float, float] = (0.0, 0.0, 0.0)
    header_origin: tuple[float, float, float] = (0.0, 0.0, 0.0)
    nstart: tuple[int, int, int] = (0, 0, 0)
    cell_angles: tuple[float, float, float] = (90.0, 90.0, 90.0)
    labels: tuple[str, ...] = ()
    extended_header: bytes = b""
    extended_type: bytes = b""
    notes: tuple[str, ...] = ()
    levels: tuple[VolumeLevel, ...] = ()

    @property
    def origin(self) -> tuple[float, float, float]:
        """Position (x, y, z) of the centre of voxel (0, 0, 0) in angstrom, as ChimeraX places the map."""
        if any(self.header_origin):
            return self.header_origin
        z, y, x = self.voxel_sizes
        return (self.nstart[0] * x, self.nstart[1] * y, self.nstart[2] * z)


class Volume(Protocol):
    """A volume file that is open for reading."""

    @property
    def info(self) -> VolumeInfo:
        """Geometry and header."""
        ...

    def read(self, z0: int, z1: int, y: slice = slice(None), x: slice = slice(None)) -> Array:
        """Voxels of slices z0 to z1 - 1 in native byte order, shape (z1 - z0, ny, nx); may be a read-only view."""
        ...

    def close(self) -> None:
        """Release the file; reading is no longer possible."""
        ...
