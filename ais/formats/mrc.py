"""MRC files: tomograms, segmentations and maps (.mrc .rec .map .st .ali .mrcs).

References
----------
MRC2014: Cheng et al., J. Struct. Biol. 192, 146 (2015). IMOD's extensions: the stamp and flags in bytes 152-159.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from mrcfile.dtypes import HEADER_DTYPE

from ais.errors import AisError, describe_os_error
from ais.formats.volume import Array, VolumeInfo
from ais.formats.voxel_file import VoxelFile

HEADER_BYTES = 1024
IMOD_STAMP = 1146047817
IMOD_SIGNED_BYTES = 1
IMOD_INVERTED_ORIGIN = 4
PACKED_4_BIT = 101
DTYPES = {0: "i1", 1: "i2", 2: "f4", 6: "u2", 12: "f2", PACKED_4_BIT: "u1"}
REFUSED_MODES = {3: "complex 16-bit integers", 4: "complex numbers", 16: "RGB colours"}
WRITTEN_MODES = {"int8": 0, "int16": 1, "float32": 2, "uint16": 6, "float16": 12}
MAX_EXTENT = 1 << 20
MOST_EXTENDED = 1 << 26
ANISOTROPY_LIMIT = 10.0
LABEL_BYTES = 80
MAX_LABELS = 10


class MrcVolume:
    """An MRC file opened for reading; the voxels stay on disk until they are asked for.

    Parameters
    ----------
    path
        The file, not compressed.
    name
        How errors call it; by default its path.

    Raises
    ------
    AisError
        If the file is missing, empty, truncated, not an MRC file, or of a mode that is not a single grey volume.
    """

    def __init__(self, path: Path, name: str | None = None) -> None:
        self._name = name or str(path)
        header, order, size = _read_header(path, self._name)
        mode = int(header["mode"])
        counts = (int(header["nz"]), int(header["ny"]), int(header["nx"]))
        extended = int(header["nsymbt"])
        stored = _stored_dtype(header, mode, order)
        row_bytes = _row_bytes(header, order)
        offset = HEADER_BYTES + extended
        needed = _promised(header, order)
        if size < needed:
            raise AisError(
                f"{self._name} is truncated: its header promises {needed:,} bytes, but the file has {size:,}."
            )
        self._width = counts[2]
        self._packed = mode == PACKED_4_BIT
        axes, notes = _axis_order(header)
        if self._packed and axes != (0, 1, 2):
            raise AisError(f"{self._name} holds 4-bit voxels with reordered axes, which Ais does not read.")
        flags = _imod_flags(header, order) or 0
        self.info = _describe(header, counts, axes, stored.newbyteorder("="), _extended(path, extended, notes), notes)
        if flags & IMOD_INVERTED_ORIGIN:
            x, y, z = (-value if value else 0.0 for value in self.info.header_origin)
            self.info = replace(self.info, header_origin=(x, y, z))
        self._axes = axes
        stored_shape = (counts[0], counts[1], row_bytes if self._packed else counts[2])
        self._file = VoxelFile(path, stored, offset, stored_shape, self._name)

    def read(self, z0: int, z1: int, y: slice = slice(None), x: slice = slice(None)) -> Array:
        """Voxels of slices z0 to z1 - 1 in native byte order; see `Volume.read`."""
        if self._packed:
            return _unpack_nibbles(self._file.read(slice(z0, z1), y, slice(None)), self._width)[:, :, x]
        parts = [slice(z0, z1), y, x]
        first, second, third = (parts[self._axes.index(axis)] for axis in range(3))
        block = self._file.read(first, second, third).transpose(self._axes)
        return np.asarray(block, dtype=self.info.dtype)

    def close(self) -> None:
        """Release the file, so that it can be replaced or removed (Windows keeps open files locked)."""
        self._file.close()


class MrcWriter:
    """Writes an MRC file slab by slab in z order, with the statistics of all voxels in its header.

    Parameters
    ----------
    path
        Where to write; the caller wraps it in `atomic_path`.
    shape
        (nz, ny, nx) of the whole volume.
    dtype
        int8, int16, uint16, float16 or float32 is written as it is, uint8 as uint16 (mode 6), bool as int8, others
        as float32.
    voxel_sizes
        (z, y, x) in angstrom.
    origin
        (x, y, z) in angstrom; by default that of `like`.
    like
        A volume whose origin, start, cell angles and labels are kept.
    labels
        Further labels, at most 80 ASCII letters each.
    extended
        Keep the extended header of `like` as well.
    """

    def __init__(
        self,
        path: Path,
        shape: tuple[int, int, int],
        dtype: np.dtype[Any] | type | str,
        *,
        voxel_sizes: tuple[float, float, float],
        origin: tuple[float, float, float] | None = None,
        like: VolumeInfo | None = None,
        labels: Sequence[str] = (),
        extended: bool = False,
    ) -> None:
        self.shape = shape
        self.dtype = written_dtype(np.dtype(dtype))
        self._header = _new_header(shape, self.dtype, voxel_sizes, origin, like, labels)
        extra = like.extended_header if extended and like is not None else b""
        self._header["nsymbt"] = len(extra)
        if extra and like is not None:
            self._header["exttyp"] = like.extended_type
        self._statistics = _Statistics()
        self._slices = 0
        self._file = open(path, "wb")  # noqa: SIM115 - closed by close()
        self._file.write(self._header.tobytes() + extra)

    def write(self, slab: Array) -> None:
        """Append slices.

        Parameters
        ----------
        slab
            (n, ny, nx); cast to the file's type, without scaling.
        """
        block = np.ascontiguousarray(slab, dtype=self.dtype)
        if block.shape[1:] != self.shape[1:]:
            raise ValueError(f"a slab of shape {block.shape} does not fit into a volume of {self.shape}")
        self._statistics.add(block)
        self._slices += block.shape[0]
        self._file.write(block.data)

    def close(self) -> None:
        """Write the statistics into the header and close the file; all slices must have been written."""
        if self._slices != self.shape[0]:
            self._file.close()
            raise ValueError(f"{self._slices} of {self.shape[0]} slices were written")
        for field, value in self._statistics.values().items():
            self._header[field] = value
        self._file.seek(0)
        self._file.write(self._header.tobytes())
        self._file.close()

    def __enter__(self) -> MrcWriter:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if kind is None:
            self.close()
        else:
            self._file.close()


def written_dtype(dtype: np.dtype[Any]) -> np.dtype[Any]:
    """The type in which voxels of `dtype` stand in an MRC file."""
    if dtype.name in WRITTEN_MODES:
        return np.dtype(dtype.name)
    return np.dtype({"bool": "int8", "uint8": "uint16"}.get(dtype.name, "float32"))


class _Statistics:
    """Minimum, maximum, mean and standard deviation of voxels that arrive in parts."""

    def __init__(self) -> None:
        self._count = 0
        self._sum = 0.0
        self._squares = 0.0
        self._low = math.inf
        self._high = -math.inf

    def add(self, block: Array) -> None:
        if block.size == 0:
            return
        self._count += block.size
        self._sum += float(block.sum(dtype=np.float64))
        for plane in block:
            self._squares += float(np.square(plane, dtype=np.float64).sum())
        self._low = min(self._low, float(block.min()))
        self._high = max(self._high, float(block.max()))

    def values(self) -> dict[str, float]:
        mean = self._sum / self._count
        variance = max(self._squares / self._count - mean * mean, 0.0)
        return {"dmin": self._low, "dmax": self._high, "dmean": mean, "rms": math.sqrt(variance)}


def promised_bytes(path: Path, name: str) -> int:
    """The bytes of a whole MRC file, by the header at its beginning; the rest need not be there yet.

    Raises
    ------
    AisError
        If it does not begin as an MRC file that Ais reads.
    """
    header, order, _ = _read_header(path, name)
    return _promised(header, order)


def _promised(header: Any, order: str) -> int:
    rows = int(header["nz"]) * int(header["ny"])
    return HEADER_BYTES + int(header["nsymbt"]) + rows * _row_bytes(header, order)


def _row_bytes(header: Any, order: str) -> int:
    mode, width = int(header["mode"]), int(header["nx"])
    return (width + 1) // 2 if mode == PACKED_4_BIT else width * _stored_dtype(header, mode, order).itemsize


def _read_header(path: Path, name: str) -> tuple[Any, str, int]:
    try:
        size = path.stat().st_size
        with open(path, "rb") as file:
            raw = file.read(HEADER_BYTES)
    except OSError as error:
        raise AisError(describe_os_error(error, name)) from error
    if size == 0:
        raise AisError(f"{name} is empty.")
    if len(raw) < HEADER_BYTES:
        raise AisError(f"{name} is not an MRC file: it is shorter than the 1024 bytes of a header.")
    stamped = {b"\x44": "<", b"\x11": ">"}.get(raw[212:213])
    orders = [stamped] if stamped else []
    orders += [order for order in ("<", ">") if order != stamped]
    for order in orders:
        header = np.frombuffer(raw, HEADER_DTYPE.newbyteorder(order))[0]
        if _plausible(header):
            _refuse(header, name)
            return header, order, size
    raise AisError(f"{name} is not an MRC file, or its header is damaged.")


def _plausible(header: Any) -> bool:
    counts = [int(header[field]) for field in ("nx", "ny", "nz")]
    known = int(header["mode"]) in DTYPES or int(header["mode"]) in REFUSED_MODES
    return known and all(0 < count <= MAX_EXTENT for count in counts) and int(header["nsymbt"]) >= 0


def _refuse(header: Any, name: str) -> None:
    mode = int(header["mode"])
    if mode in REFUSED_MODES:
        raise AisError(f"{name} holds {REFUSED_MODES[mode]} (mode {mode}), not a grey volume.")
    if 401 <= int(header["ispg"]) <= 630:
        raise AisError(f"{name} is a stack of volumes (space group {int(header['ispg'])}): save them one by one.")


def _stored_dtype(header: Any, mode: int, order: str) -> np.dtype[Any]:
    if mode == 0:
        return np.dtype(
            "u1" if (flags := _imod_flags(header, order)) is not None and not flags & IMOD_SIGNED_BYTES else "i1"
        )
    return np.dtype(order + DTYPES[mode])


def _imod_flags(header: Any, order: str) -> int | None:
    """IMOD's flags, or None if the file does not carry IMOD's stamp (bytes 152 to 159)."""
    stamp, flags = np.frombuffer(header["extra2"].tobytes(), order + "i4", 2, offset=40)
    return int(flags) if int(stamp) == IMOD_STAMP else None


def _axis_order(header: Any) -> tuple[tuple[int, ...], list[str]]:
    """Transposition that turns (section, row, column) into (z, y, x), and what to say about it."""
    stored = tuple(int(header[field]) for field in ("maps", "mapr", "mapc"))
    if stored == (3, 2, 1):
        return (0, 1, 2), []
    if sorted(stored) != [1, 2, 3]:
        return (0, 1, 2), ["The header's axis order is not valid; columns, rows and sections are taken as x, y and z."]
    names = "".join("xyz"[axis - 1] for axis in reversed(stored))
    return tuple(stored.index(axis) for axis in (3, 2, 1)), [f"Axes stored as {names} are shown as xyz."]


def _describe(
    header: Any,
    counts: tuple[int, int, int],
    axes: tuple[int, ...],
    dtype: np.dtype[Any],
    extended: bytes,
    notes: list[str],
) -> VolumeInfo:
    starts = [int(header[field]) for field in ("nzstart", "nystart", "nxstart")]
    nz, ny, nx = (counts[axis] for axis in axes)
    start_z, start_y, start_x = (starts[axis] for axis in axes)
    origin = tuple(float(header["origin"][axis]) for axis in "xyz")
    if not all(math.isfinite(value) for value in origin):
        origin = (0.0, 0.0, 0.0)
        notes.append("The header's origin is not a number; zero is taken.")
    sizes = _voxel_sizes(header, notes)
    labels = header["label"][: max(0, min(int(header["nlabl"]), MAX_LABELS))]
    return VolumeInfo(
        shape=(nz, ny, nx),
        dtype=dtype,
        voxel_sizes=sizes,
        header_origin=(origin[0], origin[1], origin[2]),
        nstart=(start_x, start_y, start_z),
        cell_angles=_cell_angles(header),
        labels=tuple(bytes(label).decode("ascii", "replace").rstrip("\x00 ") for label in labels),
        extended_header=extended,
        extended_type=bytes(header["exttyp"]),
        notes=tuple(notes),
    )


def _extended(path: Path, count: int, notes: list[str]) -> bytes:
    if count > MOST_EXTENDED:
        notes.append(f"The extended header of {count:,} bytes is left out of files that are made of it.")
        return b""
    with open(path, "rb") as file:
        file.seek(HEADER_BYTES)
        return file.read(count)


def _cell_angles(header: Any) -> tuple[float, float, float]:
    alpha, beta, gamma = (float(header["cellb"][field]) for field in ("alpha", "beta", "gamma"))
    usable = all(0.0 < angle < 180.0 for angle in (alpha, beta, gamma))
    return (alpha, beta, gamma) if usable else (90.0, 90.0, 90.0)


def _voxel_sizes(header: Any, notes: list[str]) -> tuple[float, float, float]:
    """Voxel size (z, y, x) in angstrom; an axis without a usable one takes that of the others, and a note says so."""
    sizes = []
    for axis in "zyx":
        cell, samples = float(header["cella"][axis]), int(header["m" + axis])
        usable = samples > 0 and math.isfinite(cell) and cell > 0
        sizes.append(float(f"{cell / samples:.6g}") if usable else 0.0)  # the header holds single precision
    known = [size for size in sizes if size > 0]
    if not known:
        return (0.0, 0.0, 0.0)
    # x and y come from the detector and agree; the cell along z is what programs most often get wrong.
    typical = sizes[2] or sizes[1] or sizes[0]
    for index, axis in enumerate("zyx"):
        odd = sizes[index] <= 0 or not 1 / ANISOTROPY_LIMIT <= sizes[index] / typical <= ANISOTROPY_LIMIT
        if odd:
            notes.append(
                f"The header's cell along {axis} gives {sizes[index]:.4g} A; {typical:.4g} A is taken instead."
            )
            sizes[index] = typical
        elif abs(sizes[index] / typical - 1) > 0.01:
            notes.append(f"The voxel size along {axis} is {sizes[index]:.4g} A, along x {typical:.4g} A.")
    return (sizes[0], sizes[1], sizes[2])


def _unpack_nibbles(rows: Array, width: int) -> Array:
    pixels = np.empty((*rows.shape[:2], rows.shape[2] * 2), np.uint8)
    pixels[..., 0::2] = rows & 0x0F
    pixels[..., 1::2] = rows >> 4
    return pixels[..., :width]


def _new_header(
    shape: tuple[int, int, int],
    dtype: np.dtype[Any],
    voxel_sizes: tuple[float, float, float],
    origin: tuple[float, float, float] | None,
    like: VolumeInfo | None,
    labels: Sequence[str],
) -> Any:
    header = np.zeros((), HEADER_DTYPE.newbyteorder("<"))
    header["mode"] = WRITTEN_MODES[dtype.name]
    for axis, count, size in zip("zyx", shape, voxel_sizes, strict=True):
        header["n" + axis] = header["m" + axis] = count
        header["cella"][axis] = count * size
    for field, angle in zip(("alpha", "beta", "gamma"), like.cell_angles if like else (90.0,) * 3, strict=True):
        header["cellb"][field] = angle
    header["mapc"], header["mapr"], header["maps"] = 1, 2, 3
    header["ispg"], header["nversion"] = 1, 20141
    header["map"], header["machst"] = b"MAP ", (0x44, 0x44, 0, 0)
    placed = origin if origin is not None else like.header_origin if like else (0.0, 0.0, 0.0)
    for axis, value in zip("xyz", placed, strict=True):
        header["origin"][axis] = value
    if like is not None and origin is None:
        header["nxstart"], header["nystart"], header["nzstart"] = like.nstart
    texts = [*(like.labels if like else ())][: MAX_LABELS - len(labels)] + list(labels)
    header["nlabl"] = len(texts)
    for index, text in enumerate(texts):
        header["label"][index] = text.encode("ascii", "replace")[:LABEL_BYTES]
    return header
