"""EM files (.em) of TOM, PyTom, Dynamo and the EM package: 512 bytes of header, then the voxels.

References
----------
Hegerl, J. Struct. Biol. 116, 30 (1996).
"""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np

from ais.errors import AisError, describe_os_error
from ais.formats.volume import Array, VolumeInfo
from ais.formats.voxel_file import VoxelFile

HEADER_BYTES = 512
BIG_ENDIAN, LITTLE_ENDIAN = (3, 4, 5), (1, 6)  # numbers of the machines that wrote them
DTYPES = {1: "i1", 2: "i2", 4: "i4", 5: "f4", 9: "f8"}
COMPLEX = 8
MAX_EXTENT = 1 << 20
COMMENT = slice(16, 96)
PIXEL_SIZE_AT = 96 + 4 * 6
STORED_PER_A = 100.0  # thousandths of a nanometre


class EmVolume:
    """An EM file opened for reading; the voxels stay on disk until they are asked for.

    Parameters
    ----------
    path
        The file.
    name
        How errors call it; by default its path.

    Raises
    ------
    AisError
        If the file is missing, truncated, or not an EM file of grey values.
    """

    def __init__(self, path: Path, name: str | None = None) -> None:
        called = name or str(path)
        try:
            size = path.stat().st_size
            with open(path, "rb") as file:
                header = file.read(HEADER_BYTES)
        except OSError as error:
            raise AisError(describe_os_error(error, called)) from error
        if len(header) < HEADER_BYTES or header[0] not in (*BIG_ENDIAN, *LITTLE_ENDIAN):
            raise AisError(f"{called} is not an EM file, or its header is damaged.")
        order = ">" if header[0] in BIG_ENDIAN else "<"
        nx, ny, nz = (int(n) for n in np.frombuffer(header, order + "i4", 3, offset=4))
        if header[3] == COMPLEX:
            raise AisError(f"{called} holds complex numbers, not a grey volume.")
        if header[3] not in DTYPES or not all(0 < n <= MAX_EXTENT for n in (nx, ny, nz)):
            raise AisError(f"{called} is not an EM file, or its header is damaged.")
        stored = np.dtype(order + DTYPES[header[3]])
        needed = HEADER_BYTES + nx * ny * nz * stored.itemsize
        if size < needed:
            raise AisError(f"{called} is truncated: its header promises {needed:,} bytes, but the file has {size:,}.")
        pixel = int(np.frombuffer(header, order + "i4", 1, offset=PIXEL_SIZE_AT)[0]) / STORED_PER_A
        pixel = pixel if math.isfinite(pixel) and pixel > 0 else 0.0
        comment = header[COMMENT].decode("ascii", "replace").rstrip("\x00 ")
        labels = (comment,) if comment.isprintable() and comment else ()
        self.info = VolumeInfo((nz, ny, nx), stored.newbyteorder("="), (pixel,) * 3, labels=labels)
        try:
            self._file = VoxelFile(path, stored, HEADER_BYTES, (nz, ny, nx), called)
        except OSError as error:
            raise AisError(describe_os_error(error, called)) from error

    def read(self, z0: int, z1: int, y: slice = slice(None), x: slice = slice(None)) -> Array:
        """Voxels of slices z0 to z1 - 1 in native byte order; see `Volume.read`."""
        return np.asarray(self._file.read(slice(z0, z1), y, x), dtype=self.info.dtype)

    def close(self) -> None:
        """Release the file."""
        self._file.close()
