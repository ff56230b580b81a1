"""Training sets as a TIFF: for each sample the slices of its image, then its labels, all float32.

The description of the first page is ``apix=<A>``, as Ais 1.x and its users expect; a second description holds JSON with
the shape and, under ``ais``, the record of all samples.
"""

from __future__ import annotations

import json
import logging
import math
import re
import struct
import warnings
import zlib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ais.errors import AisError
from ais.formats.atomic import atomic_path
from ais.formats.scnt import (
    PER_BOX,
    Sample,
    SetHeader,
    as_images,
    as_labels,
    check_geometry,
    is_positive,
    normalise_boxes,
)

RECORD_VERSION = 1
CLASSIC_TIFF_BYTES = (1 << 32) - (1 << 26)  # offsets have 32 bits; some room for the tags
MAX_COMPRESSION = 1000
BATCH_BYTES = 1 << 26


def write_tiff(path: Path, header: SetHeader, samples: Iterable[Sample]) -> None:
    """Write a training set; see `ais.formats.scnt.write_set`."""
    import tifffile

    shape = (header.n_samples, header.depth + 1, header.box_size, header.box_size)
    record = {"version": RECORD_VERSION, **asdict(header)}
    big = 4 * math.prod(shape) > CLASSIC_TIFF_BYTES
    with atomic_path(path) as temporary, tifffile.TiffWriter(temporary, bigtiff=big) as writer:
        writer.write(
            _planes(samples),
            shape=shape,
            dtype=np.float32,
            photometric="minisblack",
            description=f"apix={header.voxel_size!r}",
            metadata={"ais": record},
            software="Ais",
            contiguous=True,
        )


def read_tiff_header(path: Path) -> SetHeader:
    """What a training set in TIFF form is; see `ais.formats.scnt.read_header`."""
    with _opened(path) as tiff:
        header = _header(tiff, path)
        if header.n_positive >= 0:
            return header
        n_positive = 0
        for _, block in _batches(tiff, header, path):
            n_positive += sum(is_positive(as_labels(sample[-1], path)) for sample in block)
        return replace(header, n_positive=n_positive)


def read_tiff(path: Path) -> tuple[SetHeader, NDArray[np.float32], NDArray[np.uint8]]:
    """A whole training set in TIFF form; see `ais.formats.scnt.read_set`."""
    with _opened(path) as tiff:
        header = _header(tiff, path)
        side = header.box_size
        images = np.empty((header.n_samples, header.depth, side, side), np.float32)
        labels = np.empty((header.n_samples, side, side), np.uint8)
        for start, block in _batches(tiff, header, path):
            images[start : start + len(block)] = as_images(block[:, :-1], path)
            labels[start : start + len(block)] = as_labels(block[:, -1], path)
    if not header.samples:
        normalise_boxes(images)
    return replace(header, n_positive=sum(map(is_positive, labels))), images, labels


def _planes(samples: Iterable[Sample]) -> Iterator[NDArray[np.float32]]:
    for image, labels in samples:
        yield from np.asarray(image, np.float32)
        yield labels.astype(np.float32)


@contextmanager
def _opened(path: Path) -> Iterator[Any]:
    import tifffile

    # A damaged TIFF can fail anywhere in its reader, with errors that share no class.
    broken = (
        OSError,
        ValueError,
        TypeError,
        LookupError,
        ArithmeticError,
        RuntimeError,
        AttributeError,
        AssertionError,
    )
    try:
        with _quiet(), tifffile.TiffFile(path) as tiff:
            yield tiff
    except MemoryError as error:
        raise AisError(f"{path} does not fit in memory: use a smaller training set.") from error
    except (*broken, AssertionError, tifffile.TiffFileError, struct.error, zlib.error, EOFError, ImportError) as error:
        raise AisError(f"{path} is damaged or cut off: it cannot be read as a training set.") from error


@contextmanager
def _quiet() -> Iterator[None]:
    """Without the reader's own messages about a damaged file: the user gets one sentence instead."""
    reader = logging.getLogger("tifffile")
    level = reader.level
    reader.setLevel(logging.CRITICAL + 1)
    try:
        with warnings.catch_warnings(action="ignore"):
            yield
    finally:
        reader.setLevel(level)


def _header(tiff: Any, path: Path) -> SetHeader:
    n_samples, depth, side = _geometry(tiff, path)
    record = _record(tiff)
    if record is None:
        return _unrecorded(tiff, path, n_samples, depth, side)
    try:
        header = SetHeader(
            n_samples,
            int(record["n_positive"]),
            side,
            depth,
            float(record["voxel_size"]),
            tuple(str(name) for name in record["features"]),
            str(record["normalization"]),
            tuple(dict(sample) for sample in record["samples"]),
            tuple(str(note) for note in record["notes"]),
        )
    except (KeyError, TypeError, ValueError) as error:
        raise AisError(f"{path} has an incomplete record of its samples: it is damaged.") from error
    if len(header.samples) != n_samples or not 0 <= header.voxel_size < math.inf:
        raise AisError(f"{path} has a record that does not fit its {n_samples} samples: it is damaged.")
    return header


def _geometry(tiff: Any, path: Path) -> tuple[int, int, int]:
    """Samples, depth and side; in files by other writers a single sample may have lost its axis."""
    if not tiff.series:
        raise AisError(f"{path} is a TIFF without images.")
    series = tiff.series[0]
    shape = tuple(int(side) for side in series.shape)
    shape = (1, *shape) if len(shape) == 3 else shape
    if len(shape) != 4 or shape[2] != shape[3] or shape[1] < 2 or series.dtype.kind not in "fiu":
        raise AisError(
            f"{path} is a TIFF of shape {series.shape}, not a training set of shape (samples, slices + 1, box, box)."
        )
    check_geometry(path, shape[0], shape[1] - 1, shape[2])
    if math.prod(shape) > MAX_COMPRESSION * path.stat().st_size:
        raise AisError(f"{path} is damaged: it claims {shape} numbers, more than it can hold.")
    if series.dataoffset is not None and series.dataoffset + series.nbytes > path.stat().st_size:
        raise AisError(f"{path} is truncated: it ends before its last sample; copy or make it again.")
    return shape[0], shape[1] - 1, shape[2]


def _record(tiff: Any) -> dict[str, Any] | None:
    for tag in tiff.pages[0].tags:
        if tag.name == "ImageDescription" and str(tag.value).lstrip().startswith("{"):
            try:
                record = json.loads(tag.value).get("ais")
            except (ValueError, RecursionError):
                continue
            if isinstance(record, dict):
                return record
    return None


def _unrecorded(tiff: Any, path: Path, n_samples: int, depth: int, side: int) -> SetHeader:
    found = re.search(r"apix\s*=\s*([-+.\deE]+)", str(tiff.pages[0].description))
    try:
        voxel_size = float(found[1]) if found else 0.0
    except ValueError:
        voxel_size = 0.0
    notes = [
        "The file does not say how its boxes were made: they are normalised one by one, which fits a model less well "
        "than boxes normalised by their whole tomogram."
    ]
    if not 0 < voxel_size < math.inf:
        voxel_size = 0.0
        notes.append("The file does not say its voxel size.")
    return SetHeader(n_samples, -1, side, depth, voxel_size, (_feature_from(path),), PER_BOX, (), tuple(notes))


def _feature_from(path: Path) -> str:
    """The feature's name from a file name like that of Ais 1.x, ``64x64x1_10.00Apx_Membrane.scnt``."""
    found = re.match(r"\d+x\d+(?:x\d+)?_[\d.]+Apx_(.+)", path.stem, re.IGNORECASE)
    return found[1] if found else path.stem


def _batches(tiff: Any, header: SetHeader, path: Path) -> Iterator[tuple[int, NDArray[Any]]]:
    """Blocks of samples (n, depth + 1, box, box), so that a large set is never in memory twice."""
    series = tiff.series[0]
    shape = (header.depth + 1, header.box_size, header.box_size)
    if series.dataoffset is None:
        yield 0, series.asarray().reshape(header.n_samples, *shape)
        return
    stored = series.dtype.newbyteorder(tiff.byteorder)
    sample_bytes = math.prod(shape) * stored.itemsize
    step = max(BATCH_BYTES // sample_bytes, 1)
    for start in range(0, header.n_samples, step):
        count = min(step, header.n_samples - start)
        offset = series.dataoffset + start * sample_bytes
        yield start, np.fromfile(path, stored, count * math.prod(shape), offset=offset).reshape(count, *shape)
