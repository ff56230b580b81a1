"""Training sets of Ais 1.x as a tar of small MRC files, read member by member without unpacking anything to disk."""

from __future__ import annotations

import json
import math
import tarfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ais.errors import AisError
from ais.formats.scnt import (
    GLOBAL_MAD,
    PER_BOX,
    SetHeader,
    as_images,
    as_labels,
    check_geometry,
    is_positive,
    normalise_boxes,
)

MAX_JSON_BYTES = 1 << 28
MRC_HEADER_BYTES = 1024
MRC_TYPES = {0: "i1", 1: "i2", 2: "f4", 6: "u2", 12: "f2"}


@dataclass(frozen=True)
class _Layout:
    """What the set's metadata say: slices in the files include the jitter around the sample's own."""

    header: SetHeader
    ids: tuple[str, ...]
    flavour: str
    slices: int


def read_tar_header(path: Path) -> SetHeader:
    """What a training set in tar form is; see `ais.formats.scnt.read_header`."""
    with _opened(path) as tar:
        layout = _layout(tar, path)
        n_positive = sum(is_positive(_labels(tar, layout, name, path)) for name in layout.ids)
    return replace(layout.header, n_positive=n_positive)


def read_tar(path: Path) -> tuple[SetHeader, NDArray[np.float32], NDArray[np.uint8]]:
    """A whole training set in tar form; see `ais.formats.scnt.read_set`."""
    with _opened(path) as tar:
        layout = _layout(tar, path)
        header = layout.header
        # Sizes come from the file's metadata: nothing is allocated before the first sample has been seen to fit them.
        images, labels = [], []
        first = (layout.slices - header.depth) // 2
        for name in layout.ids:
            stack = _read_mrc(tar, f"{layout.flavour}/{name}.mrc", layout, path)
            if len(stack) != layout.slices:
                raise AisError(f"{path} is damaged: {name} has {len(stack)} instead of {layout.slices} slices.")
            images.append(as_images(stack[first : first + header.depth], path))
            labels.append(_labels(tar, layout, name, path))
    stacked = np.stack(images)
    if header.normalization == PER_BOX:
        normalise_boxes(stacked)
    return replace(header, n_positive=sum(map(is_positive, labels))), stacked, np.stack(labels)


@contextmanager
def _opened(path: Path) -> Iterator[tarfile.TarFile]:
    try:
        with tarfile.open(path, "r:") as tar:
            yield tar
    except (tarfile.TarError, EOFError, OSError, ValueError, UnicodeError) as error:
        raise AisError(f"{path} is not a training set, or it is damaged or cut off.") from error


def _layout(tar: tarfile.TarFile, path: Path) -> _Layout:
    metadata, sources = (_read_json(tar, name, path) for name in ("metadata.json", "sources.json"))
    try:
        depth, jitter = int(metadata["box_depth"]), int(metadata.get("z_jitter") or 0)
        box_size, voxel_size = int(metadata["box_size"]), float(metadata["apix"])
        flavours = [str(name) for name in metadata["input_flavours"]]
        flavour = str(metadata.get("annotated_flavour") or flavours[0])
        features = [str(name) for name in metadata["features"]]
        samples = tuple(_sample(name, box_size, dict(source)) for name, source in sources.items())
    except (KeyError, TypeError, ValueError, IndexError, AttributeError, OverflowError) as error:
        raise AisError(f"{path} is damaged: its metadata are incomplete.") from error
    check_geometry(path, len(samples), depth + jitter, box_size)
    if depth < 1 or jitter < 0 or not 0 <= voxel_size < math.inf or not features:
        raise AisError(f"{path} is damaged: its metadata make no sense.")
    normalised = metadata.get("normalization") == GLOBAL_MAD
    notes = [] if normalised else ["The boxes hold the tomogram's own values: they are normalised one by one."]
    if len(features) > 1:
        notes.append(f"The set labels {' and '.join(features)} alike: they are taken as one feature.")
    header = SetHeader(
        len(samples),
        -1,
        box_size,
        depth,
        voxel_size,
        (" and ".join(features),),
        GLOBAL_MAD if normalised else PER_BOX,
        samples,
        tuple(notes),
    )
    return _Layout(header, tuple(sample["id"] for sample in samples), flavour, depth + jitter)


def _sample(name: str, box_size: int, source: dict[str, Any]) -> dict[str, Any]:
    return {
        "id": str(name),
        "tomogram": str(source["aisTomogramName"]),
        "tomogram_path": str(source.get("aisTomogramPath", "")),
        "feature": str(source["aisFeatureName"]),
        **{axis: int(source[f"aisBoxCoordinate{axis.upper()}"]) for axis in "zyx"},
        "box_size_annotated": int(source.get("aisBoxSizeAnnotate", box_size)),
        "box_size": box_size,
        "negative": bool(source.get("aisNegative", False)),
    }


def _read_json(tar: tarfile.TarFile, name: str, path: Path) -> dict[str, Any]:
    try:
        value = json.loads(_read_member(tar, name, MAX_JSON_BYTES, path))
    except (ValueError, RecursionError) as error:
        raise AisError(f"{path} is damaged: its {name} cannot be read.") from error
    if not isinstance(value, dict):
        raise AisError(f"{path} is damaged: its {name} is not what a training set has.")
    return value


def _labels(tar: tarfile.TarFile, layout: _Layout, name: str, path: Path) -> NDArray[np.uint8]:
    """Labels of the middle slice: the one in which the box was placed."""
    planes = _read_mrc(tar, f"y/{name}.mrc", layout, path)
    return as_labels(planes[len(planes) // 2], path)


def _read_mrc(tar: tarfile.TarFile, name: str, layout: _Layout, path: Path) -> NDArray[Any]:
    side = layout.header.box_size
    limit = 2 * MRC_HEADER_BYTES + 4 * layout.slices * side * side
    data = _read_member(tar, name, limit, path)
    damaged = AisError(f"{path} is damaged: its {name} is not a box of {side} x {side} pixels.")
    if len(data) < MRC_HEADER_BYTES:
        raise damaged
    order = ">" if data[212:213] == b"\x11" else "<"
    nx, ny, nz, mode = (int(number) for number in np.frombuffer(data, f"{order}i4", 4))
    (extended,) = (int(number) for number in np.frombuffer(data, f"{order}i4", 1, 92))
    if mode not in MRC_TYPES or (nx, ny) != (side, side) or not 1 <= nz <= layout.slices or extended < 0:
        raise damaged
    dtype, start = np.dtype(order + MRC_TYPES[mode]), MRC_HEADER_BYTES + extended
    if len(data) < start + nz * ny * nx * dtype.itemsize:
        raise damaged
    return np.frombuffer(data, dtype, nz * ny * nx, start).reshape(nz, ny, nx)


def _read_member(tar: tarfile.TarFile, name: str, limit: int, path: Path) -> bytes:
    try:
        member = tar.getmember(str(PurePosixPath(name)))
    except KeyError as error:
        raise AisError(f"{path} is not a training set, or damaged: it has no {name}.") from error
    if not member.isreg() or member.issparse() or member.size > limit:
        raise AisError(f"{path} is damaged: its {name} is no plain file or far too large.")
    stream = tar.extractfile(member)
    data = stream.read() if stream is not None else b""
    if len(data) != member.size:
        raise AisError(f"{path} is cut off: its {name} is incomplete.")
    return data
