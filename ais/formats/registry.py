"""Which volume formats Ais reads and writes: one line per format, found by the file's ending."""

from __future__ import annotations

import bz2
import gzip
import hashlib
import os
import shutil
import zlib
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ais.errors import AisError, describe_os_error
from ais.formats.atomic import atomic_path
from ais.formats.plain_file import require_plain_file
from ais.formats.volume import Array, Volume, VolumeInfo
from ais.formats.zarr_path import SUFFIXES as ZARR_SUFFIXES
from ais.formats.zarr_path import remote_address, zarr_path
from ais.progress import SILENT, Progress

CACHE_VARIABLE = "AIS_CACHE"
COMPRESSED: dict[str, Callable[..., Any]] = {".gz": gzip.open, ".bz2": bz2.open}
COPY_BYTES = 1 << 22
TRAILING_BYTES = 1 << 20
"""Some programs leave something behind the voxels."""
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
        Writes slabs (n, ny, nx), which come in z order, to a path; None: Ais only reads it.
    compressible
        Also read as .gz and .bz2.
    """

    name: str
    suffixes: tuple[str, ...]
    open: Callable[[Path, str], Volume]
    write: Callable[[Path, Iterable[Array], Geometry], None] | None
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
    from ais.formats.tiff_series import TiffSeries, is_series

    return TiffSeries(path) if is_series(path) else TiffVolume(path)


def _write_tiff(path: Path, slabs: Iterable[Array], geometry: Geometry) -> None:
    from ais.formats.tiff import write_tiff

    write_tiff(path, slabs, geometry.shape, geometry.dtype, geometry.voxel_sizes)


def _open_zarr(path: Path, name: str) -> Volume:
    from ais.formats.ome_zarr import OmeZarrVolume

    return OmeZarrVolume(path, name)


def _write_zarr(path: Path, slabs: Iterable[Array], geometry: Geometry) -> None:
    from ais.formats.ome_zarr_writer import write_ome_zarr

    origin = geometry.origin if geometry.origin is not None else geometry.like.origin if geometry.like else (0.0,) * 3
    write_ome_zarr(path, slabs, geometry.shape, geometry.dtype, geometry.voxel_sizes, origin)


def _open_em(path: Path, name: str) -> Volume:
    from ais.formats.em import EmVolume

    return EmVolume(path, name)


def _open_hdf(path: Path, name: str) -> Volume:
    from ais.formats.eman_hdf import HdfVolume

    return HdfVolume(path, name)


FORMATS = (
    VolumeFormat("MRC", (".mrc", ".rec", ".map", ".st", ".ali", ".mrcs"), _open_mrc, _write_mrc, compressible=True),
    VolumeFormat("TIFF", (".ome.tiff", ".ome.tif", ".tiff", ".tif"), _open_tiff, _write_tiff),
    VolumeFormat("OME-Zarr", ZARR_SUFFIXES, _open_zarr, _write_zarr),
    VolumeFormat("EM", (".em",), _open_em, None),
    VolumeFormat("EMAN2 HDF", (".hdf",), _open_hdf, None),
)


def volume_suffix(path: Path | str) -> str:
    """The ending that makes a file a volume, such as ``".ome.tif"`` or ``".mrc.gz"``; empty if it is none.

    A level of an OME-Zarr volume, as ``TS_001.zarr/1``, has the ending of the whole.
    """
    name = Path(path).name.lower()
    for form in FORMATS:
        for suffix in form.suffixes:
            endings = [suffix, *(suffix + packed for packed in COMPRESSED if form.compressible)]
            for ending in endings:
                if name.endswith(ending) and len(name) > len(ending):
                    return ending
    within = zarr_path(path)
    return within.suffix if within is not None else ""


def volume_stem(path: Path | str) -> str:
    """A volume's name without folder and ending: ``TS_001`` for ``data/TS_001.ome.tif``, also for ``TS_001.zarr/1``."""
    within = zarr_path(path)
    if within is not None:
        return within.stem
    path = Path(path)
    suffix = volume_suffix(path)
    stem = path.name[: -len(suffix)] if suffix else path.stem
    return (stem.rstrip("#").rstrip("_-.") or stem) if ".tif" in suffix else stem  # the pattern of a series


def open_volume(path: Path | str) -> Volume:
    """Open a volume file for reading; no voxels are read yet.

    Parameters
    ----------
    path
        A file of one of `FORMATS`, or an OME-Zarr folder, address or level. Compressed MRC files are unpacked once into
        a cache.

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
        if (within := zarr_path(path)) is not None:
            if not remote_address(path):
                require_plain_file(within.root)
            return form.open(path, name)
        if path.is_dir():
            raise AisError(f"{name} is a folder, not a volume file.")
        if not volume_exists(path):
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
    require_plain_file(path)
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
    if form.write is None:
        raise AisError(f"{path} cannot be written: Ais reads {form.name} files, and writes MRC, TIFF and OME-Zarr.")
    if isinstance(voxels, np.ndarray):
        voxels = _writable(voxels)
        shape, dtype = voxels.shape, voxels.dtype
        slabs: Iterable[Array] = (voxels[z : z + 1] for z in range(voxels.shape[0]))
    else:
        slabs = voxels
    if shape is None or dtype is None:
        raise ValueError("slabs need the shape and the type of the whole volume")
    sizes = (voxel_sizes,) * 3 if isinstance(voxel_sizes, int | float) else voxel_sizes
    geometry = Geometry(shape, np.dtype(dtype), sizes, origin, like, label)
    if zarr_path(path) is not None:
        form.write(path, slabs, geometry)  # a folder, which it replaces by itself
        return
    with atomic_path(path) as temporary:
        form.write(temporary, slabs, geometry)


def find_volumes(folder: Path) -> list[Path]:
    """Volumes directly in a folder, OME-Zarr folders among them, sorted by name, without hidden and temporary ones."""
    return without_labels(sorted(_visible_volumes(folder)))


def without_labels(paths: Sequence[Path]) -> list[Path]:
    """Paths but for OME-Zarr labels that were written beside a volume of the same name."""
    stems = Counter(volume_stem(path) for path in paths)
    return [path for path in paths if stems[volume_stem(path)] == 1 or not _is_label_image(path)]


def _is_label_image(path: Path) -> bool:
    from ais.formats.ome_zarr_labels import is_label_image

    return is_volume_folder(path) and is_label_image(path)


def _visible_volumes(folder: Path) -> Iterator[Path]:
    for path in folder.iterdir():
        if not path.name.startswith(".") and ((path.is_file() and volume_suffix(path)) or is_volume_folder(path)):
            yield path


def is_volume_folder(path: Path) -> bool:
    """Whether a path is a folder that is one volume, or a level of it, by its name."""
    within = zarr_path(path)
    return within is not None and not within.zipped and path.is_dir()


def volume_exists(path: Path) -> bool:
    """Whether something is where a path points; of addresses, parts of a .zip and patterns, opening them tells."""
    within = zarr_path(path)
    if within is not None and (remote_address(path) or within.zipped):
        return remote_address(path) is not None or Path(within.root).exists()
    return path.exists() or ("#" in path.name and ".tif" in volume_suffix(path))


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
    if not path.suffix and not path.exists():
        raise AisError(f"{path} does not exist.")
    if path.is_dir():
        raise AisError(f"{path} is a folder: name a volume in it.")
    raise AisError(f"{path} is not a volume file that Ais knows: its name must end in one of {endings}.")


def _most_unpacked(begun: Path, path: Path) -> int:
    """Bytes that a compressed volume may have, by the header at the beginning of its copy; must fit on the disk."""
    from ais.formats.mrc import promised_bytes

    promised = promised_bytes(begun, str(path))
    if promised > shutil.disk_usage(begun.parent).free:
        raise AisError(
            f"{path} needs {promised / 1e9:.1f} GB unpacked, more than is free in {begun.parent}: "
            f"make room, or unpack it elsewhere and open that file."
        )
    return promised + TRAILING_BYTES


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
                written, limit = 0, 0
                while part := packed.read(COPY_BYTES):
                    progress.report(file.tell(), facts.st_size, path.name)
                    output.write(part)
                    written += len(part)
                    if not limit:
                        output.flush()
                        limit = _most_unpacked(temporary, path)
                    if written > limit:
                        raise AisError(f"{path} unpacks to more than its header says: it is not unpacked.")
        except (EOFError, gzip.BadGzipFile, ValueError, zlib.error) as error:
            raise AisError(f"{path} is damaged and cannot be unpacked: copy it again.") from error
        except OSError as error:
            if error.errno is None:  # bz2 says "Invalid data stream" in this way
                raise AisError(f"{path} is damaged and cannot be unpacked: copy it again.") from error
            raise
    return target
