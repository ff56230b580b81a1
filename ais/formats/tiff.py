"""TIFF stacks: plain, ImageJ and OME-TIFF volumes (.tif .tiff .ome.tif).

Rows are kept in the order in which they are stored: the first row of a page is y = 0 of the volume. ImageJ draws it at
the top, Ais at the bottom; IMOD and RELION turn the rows of a TIFF over when they read it, so a volume that they have
converted to MRC is the mirror image in y of the TIFF read here.

References
----------
TIFF 6.0, Aldus (1992). OME-TIFF: Goldberg et al., Genome Biol. 6, R47 (2005).
"""

from __future__ import annotations

import math
import struct
import threading
import zlib
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np

from ais.errors import AisError, describe_os_error
from ais.formats.volume import Array, VolumeInfo
from ais.formats.voxel_file import VoxelFile

ANGSTROM = {
    "pm": 1e-2,
    "a": 1.0,
    "å": 1.0,
    "angstrom": 1.0,
    "ångström": 1.0,
    "nm": 10.0,
    "nanometer": 10.0,
    "nanometre": 10.0,
    "um": 1e4,
    "μm": 1e4,
    "micron": 1e4,
    "micrometer": 1e4,
    "micrometre": 1e4,
    "mm": 1e7,
    "millimeter": 1e7,
    "cm": 1e8,
    "centimeter": 1e8,
    "m": 1e10,
}
"""Length of a unit, as ImageJ and OME spell it; inches and pixels say nothing about a micrograph."""

READ_DTYPES = ("u1", "i1", "u2", "i2", "u4", "i4", "f2", "f4", "f8")
WRITTEN_DTYPES = {"bool": "u1", "uint8": "u1", "int8": "i2", "int16": "i2", "uint16": "u2"}
MAX_EXTENT = 1 << 20
BIGTIFF_BYTES = 1 << 32
DIRECTORY_BYTES = 512
MAX_TAGS = 4096
TAG_BYTES = (0, 1, 1, 2, 4, 8, 1, 1, 2, 4, 8, 4, 8, 4, 0, 0, 8, 8, 8)  # by the number of the tag's type
CENTIMETRE = 3
PRINTING_A = 1e4  # resolutions in pixels per centimetre that make larger voxels are meant for printers
FIGURES = 7

# What the decoders raise on damaged files; nothing else is expected of them.
DAMAGE = (
    ValueError,
    TypeError,
    KeyError,
    IndexError,
    AttributeError,
    AssertionError,
    ArithmeticError,
    RuntimeError,
    EOFError,
    zlib.error,
    MemoryError,
    ImportError,
    struct.error,
)


class TiffVolume:
    """A TIFF stack opened for reading; uncompressed voxels stay on disk until they are asked for.

    Parameters
    ----------
    path
        The file. One stack of grey pages; a single page is a volume of one slice.
    name
        How errors call it; by default its path.

    Raises
    ------
    AisError
        If the file is missing, truncated, no TIFF file, in colour, or more than one volume.
    """

    def __init__(self, path: Path, name: str | None = None) -> None:
        import tifffile

        self._name = name or str(path)
        self._lock = threading.Lock()
        self._file: Any = None
        self._voxels: VoxelFile | None = None
        try:
            size = check_directories(path, self._name)
            self._file = tifffile.TiffFile(path, _multifile=False)
            series = max(self._file.series, key=lambda candidate: math.prod(candidate.shape))
            notes = [] if len(self._file.series) == 1 else [f"the largest of {len(self._file.series)} images is used"]
            shape = _volume_shape(series, self._name, notes)
            dtype = _dtype(series.dtype, self._name)
            sizes = tiff_voxel_sizes(self._file, shape[0], notes)
            self.info = VolumeInfo(shape=shape, dtype=dtype, voxel_sizes=sizes, notes=tuple(notes))
            self._pages = _pages(series, shape, size, self._name)
            if series.dataoffset is not None:
                self._map(path, dtype.newbyteorder(self._file.byteorder), series.dataoffset, size)
        except OSError as error:
            self.close()
            raise AisError(describe_os_error(error, path)) from error
        except DAMAGE as error:
            self.close()
            raise AisError(f"{self._name} is damaged or of a TIFF kind that cannot be read: copy it again.") from error
        except AisError:
            self.close()
            raise

    def read(self, z0: int, z1: int, y: slice = slice(None), x: slice = slice(None)) -> Array:
        """Voxels of slices z0 to z1 - 1 in native byte order; see `Volume.read`.

        Raises
        ------
        AisError
            If a compressed page is damaged.
        """
        if self._voxels is not None:
            return np.asarray(self._voxels.read(slice(z0, z1), y, x), dtype=self.info.dtype)
        if self._file is None:
            raise AisError(f"{self._name} has been closed.")
        rows, columns = (len(range(*part.indices(n))) for part, n in zip((y, x), self.info.shape[1:], strict=True))
        indices = range(*slice(z0, z1).indices(self.info.shape[0]))
        block = np.empty((len(indices), rows, columns), self.info.dtype)
        for target, z in zip(block, indices, strict=True):
            target[...] = self._page(z)[y, x]
        return block

    def close(self) -> None:
        """Release the file, so that it can be replaced or removed (Windows keeps open files locked)."""
        if self._voxels is not None:
            self._voxels.close()
        if self._file is not None:
            self._file.close()
        self._file = None

    def _map(self, path: Path, stored: np.dtype[Any], offset: int, size: int) -> None:
        needed = offset + math.prod(self.info.shape) * stored.itemsize
        if needed > size:
            raise AisError(f"{self._name} is truncated: its pages promise {needed:,} bytes, but the file has {size:,}.")
        self._voxels = VoxelFile(path, stored, offset, self.info.shape, self._name)
        self._file.close()
        self._file = None

    def _page(self, z: int) -> Array:
        try:
            with self._lock:
                page = np.asarray(self._pages[z].asarray(), self.info.dtype)
            return page.reshape(self.info.shape[1:])
        except OSError as error:
            raise AisError(describe_os_error(error, self._name)) from error
        except DAMAGE as error:
            raise AisError(f"{self._name} is damaged: its page {z + 1} cannot be unpacked.") from error


def write_tiff(
    path: Path,
    slabs: Array | Iterable[Array],
    shape: tuple[int, int, int],
    dtype: np.dtype[Any] | type | str,
    voxel_sizes: tuple[float, float, float],
) -> None:
    """Write a stack that ImageJ and Fiji open as a volume with its voxel size in nm.

    Parameters
    ----------
    path
        Where to write; the caller wraps it in `atomic_path`.
    slabs
        The volume (nz, ny, nx), or slabs (n, ny, nx) that come in z order.
    shape
        (nz, ny, nx) of the whole volume.
    dtype
        uint8, uint16, int16 and float32 are written as they are, bool as uint8, int8 as int16 (ImageJ knows no signed
        bytes), others as float32. Beyond 4 GB the file is a BigTIFF.
    voxel_sizes
        (z, y, x) in angstrom; nothing is written about them if one is not positive.

    Raises
    ------
    OSError
        If the disk is full.
    """
    import tifffile

    stored = np.dtype(WRITTEN_DTYPES.get(np.dtype(dtype).name, "f4"))
    expected = math.prod(shape) * stored.itemsize + shape[0] * DIRECTORY_BYTES
    lines = ["ImageJ=1.54f", f"images={shape[0]}", f"slices={shape[0]}", "hyperstack=true", "mode=grayscale"]
    calibration: dict[str, Any] = {}
    if all(math.isfinite(size) and size > 0 for size in voxel_sizes):
        z, y, x = (size / ANGSTROM["nm"] for size in voxel_sizes)
        lines += ["unit=nm", f"spacing={z!r}"]
        calibration = {"resolution": (1 / x, 1 / y), "resolutionunit": 1}
    with tifffile.TiffWriter(path, bigtiff=expected >= BIGTIFF_BYTES) as writer:
        writer.write(
            _written_pages(slabs, shape, stored),
            shape=shape,
            dtype=stored,
            photometric="minisblack",
            metadata=None,
            description="\n".join([*lines, "loop=false", ""]),
            software="Ais",
            **calibration,
        )


def _written_pages(slabs: Iterable[Array], shape: tuple[int, int, int], stored: np.dtype[Any]) -> Iterator[Array]:
    count = 0
    for slab in slabs:
        for page in slab.reshape(-1, *slab.shape[-2:]):
            if page.shape != shape[1:]:
                raise ValueError(f"a page of shape {page.shape} does not fit into a volume of {shape}")
            count += 1
            yield np.ascontiguousarray(page, dtype=stored)
    if count != shape[0]:
        raise ValueError(f"{count} of {shape[0]} slices were written")


def check_directories(path: Path, name: str) -> int:
    """Follow the chain of pages to its end; a decoder stops silently where a truncated file breaks off.

    Returns
    -------
    int
        The file's size in bytes.
    """
    with open(path, "rb") as stream:
        size = stream.seek(0, 2)
        stream.seek(0)
        header = stream.read(16)
        order = {b"II": "<", b"MM": ">"}.get(header[:2], "")
        version = struct.unpack(f"{order}H", header[2:4])[0] if order and len(header) >= 8 else 0
        if version not in (42, 43):
            raise AisError(f"{name} is not a TIFF file.")
        word, short = ("Q", "Q") if version == 43 else ("I", "H")
        offset = _integer(order + word, header[8:16] if version == 43 else header[4:8], name)
        seen = set()
        while offset and offset not in seen:
            seen.add(offset)
            stream.seek(offset)
            entries = _integer(order + short, stream.read(struct.calcsize(short)), name)
            table = np.dtype(
                [(f, order + t) for f, t in (("tag", "H"), ("type", "H"), ("count", word), ("value", word))]
            )
            tags = stream.read(min(entries, MAX_TAGS) * table.itemsize)
            offset = _integer(order + word, stream.read(struct.calcsize(word)), name)
            _check_values(np.frombuffer(tags, table), size, name)
    if not seen:
        raise AisError(f"{name} is a TIFF file without an image.")
    return size


def _check_values(tags: Array, size: int, name: str) -> None:
    """Values that do not fit into a page's table of tags, such as the OME metadata, lie elsewhere in the file."""
    widths = np.array((*TAG_BYTES, 0), np.uint64)[np.minimum(tags["type"], len(TAG_BYTES))]
    stored = widths * tags["count"].astype(np.uint64)
    elsewhere = stored > tags.dtype["value"].itemsize
    if (elsewhere & (tags["value"].astype(np.float64) + stored > size)).any():
        raise AisError(f"{name} is truncated: a description of its pages lies beyond its end.")


def _integer(layout: str, data: bytes, name: str) -> int:
    if len(data) != struct.calcsize(layout):
        raise AisError(f"{name} is truncated: one of its pages lies beyond its end.")
    return int(struct.unpack(layout, data)[0])


def _volume_shape(series: Any, name: str, notes: list[str]) -> tuple[int, int, int]:
    """(nz, ny, nx), after axes of length one have been dropped."""
    axes = [(axis, int(n)) for axis, n in zip(series.axes, series.shape, strict=True) if n != 1 or axis in "YX"]
    lengths = dict(axes)
    if "S" in lengths:
        raise AisError(f"{name} is a colour image: convert it to grey values first.")
    stacked = [(axis, n) for axis, n in axes if axis not in "YX"]
    if len(stacked) > 1:
        what = f"{lengths['C']} channels" if "C" in lengths else f"{len(stacked)} stacks within each other"
        raise AisError(f"{name} holds {what} where one volume is expected: save one of them as a file of its own.")
    if [axis for axis, _ in axes[-2:]] != ["Y", "X"] or not all(0 < n <= MAX_EXTENT for _, n in axes):
        raise AisError(f"{name} is no stack of grey images: its axes are {series.axes}, its shape {series.shape}.")
    if stacked and stacked[0][0] in "CT":
        kind = "channels" if stacked[0][0] == "C" else "time points"
        notes.append(f"its {stacked[0][1]} {kind} are read as slices")
    return (stacked[0][1] if stacked else 1, lengths["Y"], lengths["X"])


def _dtype(dtype: np.dtype[Any] | None, name: str) -> np.dtype[Any]:
    if dtype is None or dtype.str[1:] not in READ_DTYPES:
        raise AisError(f"{name} holds voxels of type {dtype}, which Ais does not read: convert it to float32.")
    return dtype.newbyteorder("=")


def _pages(series: Any, shape: tuple[int, int, int], size: int, name: str) -> list[Any]:
    """One page for each slice; a contiguous series needs none of them."""
    described = (series.parent.imagej_metadata or {}).get("images", 0) if series.kind == "imagej" else 0
    if series.dataoffset is not None:
        return []
    pages = list(series.pages)
    if len(pages) != shape[0] or any(page is None for page in pages) or len(pages) < described:
        raise AisError(f"{name} has {len(pages)} pages for {max(shape[0], described)} slices: it is incomplete.")
    for page in pages:
        ends = [a + n for a, n in zip(page.dataoffsets, page.databytecounts, strict=True)]
        if max(ends, default=0) > size:
            raise AisError(f"{name} is truncated: one of its pages lies beyond its end.")
    return pages


def tiff_voxel_sizes(file: Any, nz: int, notes: list[str]) -> tuple[float, float, float]:
    """(z, y, x) in angstrom, 0.0 where unknown, from OME, ImageJ or the resolution of the first page."""
    if file.is_ome:
        sizes = _ome_sizes(file.ome_metadata)
    elif file.is_imagej:
        sizes = _imagej_sizes(file.imagej_metadata, file.pages[0])
    else:
        unit = ANGSTROM["cm"] if _tag(file.pages[0], "ResolutionUnit") == CENTIMETRE else 0.0
        y, x = _resolution(file.pages[0], unit)
        sizes = (0.0, y, x) if max(y, x) < PRINTING_A else (0.0, 0.0, 0.0)
    z, y, x = (_rounded(size) for size in sizes)
    if x and not z:
        if nz > 1:
            notes.append("it does not give the distance of its slices: taken as equal to the pixel size")
        z = x
    return (z, y, x)


def _ome_sizes(xml: str) -> tuple[float, float, float]:
    try:
        pixels = ElementTree.fromstring(xml).find(".//{*}Pixels")
    except ElementTree.ParseError:
        return (0.0, 0.0, 0.0)
    given = pixels.attrib if pixels is not None else {}
    z, y, x = (
        _number(given.get(f"PhysicalSize{axis}")) * _unit(given.get(f"PhysicalSize{axis}Unit", "um")) for axis in "ZYX"
    )
    return (z, y, x)


def _imagej_sizes(metadata: dict[str, Any], page: Any) -> tuple[float, float, float]:
    unit = _unit(metadata.get("unit", ""))
    y, x = _resolution(page, unit)
    return (abs(_number(metadata.get("spacing"))) * unit, y, x)


def _resolution(page: Any, unit: float) -> tuple[float, float]:
    """Pixel size (y, x) from the first page's pixels per unit."""
    sizes = []
    for tag in ("YResolution", "XResolution"):
        pair = _tag(page, tag)
        usable = isinstance(pair, tuple) and len(pair) == 2 and pair[0] > 0 and pair[1] > 0
        sizes.append(pair[1] / pair[0] * unit if usable else 0.0)
    return (sizes[0], sizes[1])


def _tag(page: Any, name: str) -> Any:
    tag = page.tags.get(name)
    return None if tag is None else tag.value


def _unit(text: object) -> float:
    # ImageJ writes signs beyond ASCII as escapes, and Unicode has two micro signs.
    name = str(text).strip().lower().replace("\\u00b5", "μ").replace("µ", "μ").replace("\\u00c5", "å")
    return ANGSTROM.get(name) or ANGSTROM.get(name.removesuffix("s"), 0.0)


def _number(value: object) -> float:
    try:
        number = float(str(value))
    except ValueError:
        return 0.0
    return number if math.isfinite(number) else 0.0


def _rounded(size: float) -> float:
    """Seven figures: what remains of a pixel size after its inverse was stored as a fraction of integers."""
    return float(f"{size:.{FIGURES}g}") if math.isfinite(size) and size > 0 else 0.0
