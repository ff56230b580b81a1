"""Which volume formats Ais reads and writes: one line per format, found by the file's ending."""

from __future__ import annotations

import bz2
import gzip
import hashlib
import os
import zlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ais.errors import AisError, describe_os_error
from ais.formats.atomic import atomic_path
from ais.formats.volume import Array, Volume, VolumeInfo
from ais.progress import SILENT, Progress

CACHE_VARIABLE = "AIS_CACHE"
COMPRESSED: dict[str, Callable[..., Any]] = {".gz": gzip.open, ".bz2": bz2.open}
COPY_BYTES = 1 << 22
LABEL_TYPES = ("uint8", "int16", "uint16")


@dataclass(frozen=True)
class Geometry:
    """What a volume that is about to be written looks like.

    Attributes
    ----------
    shape
        (nz, ny, nx).
    dtype
        Type of the slabs that come.
    voxel_sizes
        (z, y, x) in angstrom.
    origin
        (x, y, z) in angstrom; None: that of `like`.
    like
        A volume whose origin, start, cell angles and labels are kept.
    label
        One line that says what made the file.
    """

    shape: tuple[int, int, int]
    dtype: np.dtype[Any]
    voxel_sizes: tuple[float, float, float]
    origin: tuple[float, float, float] | None = None
    like: VolumeInfo | None = None
    label: str = ""


@dataclass(frozen=True)
class VolumeFormat:
    """A kind of volume file.

    Attributes
    ----------
    name
        What the user calls it.
    suffixes
        Endings in lower case; longer ones first where one is the end of another.
    open
        Opens a path; the second argument is how errors call the file.
    write
        Writes slabs (n, ny, nx), which come in z order, to a path.
    compressible
        Also read as .gz and .bz2.
    """

    name: str
    suffixes: tuple[str, ...]
    open: Callable[[Path, str], Volume]
    write: Callable[[Path, Iterable[Array], Geometry], None]
    compressible: bool = False


def _open_mrc(path: Path, name: str) -> Volume:
    from ais.formats.mrc import MrcVolume

    return MrcVolume(path, name)


def _write_mrc(path: Path, slabs: Iterable[Array], geometry: Geometry) -> None:
    from ais.formats.mrc import MrcWriter

    same_grid = geometry.like is not None and geometry.like.shape == geometry.shape
    with MrcWriter(
        path,
        geometry.shape,
        geometry.dtype,
        voxel_sizes=geometry.voxel_sizes,
        origin=geometry.origin,
        like=geometry.like,
        labels=[geometry.label],
        extended=same_grid,
    ) as writer:
        for slab in slabs:
            writer.write(slab)


def _open_tiff(path: Path, name: str) -> Volume:  # noqa: ARG001 - TIFF files are never unpacked, so the path is the name
    from ais.formats.tiff import TiffVolume

    return TiffVolume(path)


def _write_tiff(path: Path, slabs: Iterable[Array], geometry: Geometry) -> None:
    from ais.formats.tiff import write_tiff

    write_tiff(path, slabs, geometry.shape, geometry.dtype, geometry.voxel_sizes)


FORMATS = (
    VolumeFormat("MRC", (".mrc", ".rec", ".map", ".st", ".ali", ".mrcs"), _open_mrc, _write_mrc, compressible=True),
    VolumeFormat("TIFF", (".ome.tiff", ".ome.tif", ".tiff", ".tif"), _open_tiff, _write_tiff),
)


def volume_suffix(path: Path | str) -> str:
    """The ending that makes a file a volume, such as ``".ome.tif"`` or ``".mrc.gz"``; empty if it is none."""
    name = Path(path).name.lower()
    for form in FORMATS:
        for suffix in form.suffixes:
            endings = [suffix, *(suffix + packed for packed in COMPRESSED if form.compressible)]
            for ending in endings:
                if name.endswith(ending) and len(name) > len(ending):
                    return ending
    return ""


def volume_stem(path: Path | str) -> str:
    """A volume's name without folder and ending: ``TS_001`` for ``data/TS_001.ome.tif``."""
    path = Path(path)
    suffix = volume_suffix(path)
    return path.name[: -len(suffix)] if suffix else path.stem


def open_volume(path: Path | str) -> Volume:
    """Open a volume file for reading; no voxels are read yet.

    Parameters
    ----------
    path
        A file of one of `FORMATS`. Compressed MRC files are unpacked once into a cache.

    Returns
    -------
    Volume

    Raises
    ------
    AisError
        If the file is missing, a folder, of an unknown kind or damaged.
    """
    path = Path(path)
    name = str(path)
    form = _format_of(path)
    try:
        if path.is_dir():
            raise AisError(f"{name} is a folder, not a volume file.")
        if not path.exists():
            raise AisError(f"{name} does not exist.")
        return form.open(unpack(path), name)
    except OSError as error:
        raise AisError(describe_os_error(error)) from error


def unpack(path: Path, progress: Progress = SILENT) -> Path:
    """The plain file of a volume: itself, or its unpacked copy in the cache, made first if it is not there yet.

    `open_volume` does it too; this is for those who want to see how far it is, or to stop it.

    Raises
    ------
    AisError
        If it is of an unknown kind, or damaged.
    OSError
        If it cannot be read, or its copy not be written.
    Cancelled
        If the user has asked to stop.
    """
    _format_of(path)
    return _unpacked(path, progress) if path.suffix.lower() in COMPRESSED else path


def write_volume(
    path: Path | str,
    voxels: Array | Iterable[Array],
    *,
    voxel_sizes: tuple[float, float, float] | float,
    shape: tuple[int, int, int] | None = None,
    dtype: np.dtype[Any] | type | str | None = None,
    origin: tuple[float, float, float] | None = None,
    like: VolumeInfo | None = None,
    label: str = "Written by Ais",
) -> None:
    """Write a volume atomically, in the format that the path's ending names.

    Parameters
    ----------
    path
        The file; it is replaced if it exists.
    voxels
        (nz, ny, nx), or slabs (n, ny, nx) in z order, which are then written as they come.
    voxel_sizes
        (z, y, x) in angstrom, or one number for all.
    shape, dtype
        Of the whole volume; needed only when `voxels` are slabs.
    origin
        (x, y, z) in angstrom; by default that of `like`.
    like
        A volume whose origin, start, cell angles and labels are kept.
    label
        One line that says what made the file.

    Raises
    ------
    AisError
        If the ending is unknown, the folder cannot be written or the disk is full.
    """
    path = Path(path)
    form = _format_of(path)
    if path.suffix.lower() in COMPRESSED:
        raise AisError(f"{path} cannot be written compressed: leave out {path.suffix}.")
    if isinstance(voxels, np.ndarray):
        voxels = _writable(voxels)
        shape, dtype = voxels.shape, voxels.dtype
        slabs: Iterable[Array] = (voxels[z : z + 1] for z in range(voxels.shape[0]))
    else:
        slabs = voxels
    if shape is None or dtype is None:
        raise ValueError("slabs need the shape and the type of the whole volume")
    sizes = (voxel_sizes,) * 3 if isinstance(voxel_sizes, int | float) else voxel_sizes
    with atomic_path(path) as temporary:
        form.write(temporary, slabs, Geometry(shape, np.dtype(dtype), sizes, origin, like, label))


def find_volumes(folder: Path) -> list[Path]:
    """Volume files directly in a folder, sorted by name, without hidden and temporary ones."""
    return sorted(_visible_volumes(folder))


def _visible_volumes(folder: Path) -> Iterator[Path]:
    for path in folder.iterdir():
        if not path.name.startswith(".") and volume_suffix(path) and path.is_file():
            yield path


def readable_suffixes() -> Sequence[str]:
    """The endings of all volume files that Ais reads."""
    return [suffix for form in FORMATS for suffix in form.suffixes]


def _writable(voxels: Array) -> Array:
    """Integers wider than a volume file holds, narrowed if their values fit; three dimensions."""
    if voxels.ndim != 3:
        raise ValueError(f"a volume has three dimensions, not {voxels.ndim}")
    if voxels.dtype.kind in "iu" and voxels.dtype.itemsize > 2 and voxels.size:
        low, high = int(voxels.min()), int(voxels.max())
        for name in LABEL_TYPES:
            limits = np.iinfo(name)
            if limits.min <= low and high <= limits.max:
                return voxels.astype(name)
    return voxels


def _format_of(path: Path) -> VolumeFormat:
    suffix = volume_suffix(path)
    for form in FORMATS:
        if any(suffix.startswith(ending) for ending in form.suffixes):
            return form
    endings = " ".join(readable_suffixes())
    raise AisError(f"{path} is not a volume file that Ais knows: its name must end in one of {endings}.")


def _unpacked(path: Path, progress: Progress) -> Path:
    """The unpacked copy of a compressed file, made in the cache if it is not there yet."""
    from platformdirs import user_cache_path

    facts = path.stat()
    key = hashlib.sha256(f"{path.resolve()}|{facts.st_size}|{facts.st_mtime_ns}".encode()).hexdigest()[:16]
    folder = Path(os.environ.get(CACHE_VARIABLE) or user_cache_path("ais")) / "unpacked"
    target = folder / f"{key}-{path.stem}"
    if target.exists():
        return target
    with atomic_path(target) as temporary, open(temporary, "wb") as output:
        try:
            with path.open("rb") as file, COMPRESSED[path.suffix.lower()](file, "rb") as packed:
                while part := packed.read(COPY_BYTES):
                    progress.report(file.tell(), facts.st_size, path.name)
                    output.write(part)
        except (EOFError, gzip.BadGzipFile, ValueError, zlib.error) as error:
            raise AisError(f"{path} is damaged and cannot be unpacked: copy it again.") from error
        except OSError as error:
            if error.errno is None:  # bz2 says "Invalid data stream" in this way
                raise AisError(f"{path} is damaged and cannot be unpacked: copy it again.") from error
            raise
    return target
