"""Models of Ais 1.x: a tar of metadata and an HDF5 file, read without unpacking to disk or running anything."""

from __future__ import annotations

import io
import json
import tarfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ais.errors import AisError, describe_os_error
from ais.formats.plain_file import require_plain_file

if TYPE_CHECKING:
    import h5py

SUFFIX = ".scnm"
KIND = "a model of Ais 1.x"
METADATA_END = "_metadata.json"
WEIGHTS_END = "_weights.h5"
PREVIEW_END = "_preview.png"
MAX_METADATA_BYTES = 16 << 20
MAX_WEIGHTS_BYTES = 4 << 30
MAX_PREVIEW_BYTES = 64 << 20
MAX_CONFIG_BYTES = 64 << 20
MOST_MEMBERS = 100
# A heap of an HDF5 file, in which strings lie: its first bytes, the length of its header and of each string's header.
HEAP_START = b"GCOL\x01\0\0\0"
HEAP_HEADER_BYTES = 16
HEAP_ALIGNMENT_BYTES = 8
MOST_HEAP_OBJECTS = 1 << 20


@dataclass(frozen=True)
class Scnm:
    """What a model file of Ais 1.x holds.

    Attributes
    ----------
    metadata
        Title, colour, voxel size and the like, as Ais 1.x wrote them: nothing in it is checked.
    network
        The HDF5 file with the network's description and weights.
    """

    metadata: dict[str, Any]
    network: bytes


@dataclass(frozen=True)
class StoredLayer:
    """Where the weights of one layer lie, and which they must be.

    Attributes
    ----------
    group
        The layer's group in the file, or that of the model around it.
    name
        The layer's own name.
    shapes
        Name and shape of each weight, such as ``{"kernel": (3, 3, 1, 64), "bias": (64,)}``.
    """

    group: str
    name: str
    shapes: Mapping[str, tuple[int, ...]]


def read_scnm(path: Path | str, data: bytes | None = None) -> Scnm:
    """Read a model file of Ais 1.x.

    Parameters
    ----------
    path
        The file.
    data
        What it holds, if it lies within another file; `path` is then only what errors call it.

    Raises
    ------
    AisError
        If it cannot be read, is cut off, or is no such file.
    """
    with open_members(path, KIND, MOST_MEMBERS, data) as (tar, members):
        metadata = read_member(tar, _only(members, METADATA_END, path), MAX_METADATA_BYTES, path)
        network = read_member(tar, _only(members, WEIGHTS_END, path), MAX_WEIGHTS_BYTES, path)
    return Scnm(_json_record(metadata, "metadata", path), network)


def read_scnm_preview(path: Path | str) -> bytes | None:
    """The preview as PNG bytes, None if there is none. Raises as `read_scnm`."""
    with open_members(path, KIND, MOST_MEMBERS) as (tar, members):
        found = [member for member in members if member.name.endswith(PREVIEW_END)]
        return read_member(tar, found[0], MAX_PREVIEW_BYTES, path) if found else None


def network_description(network: bytes, path: Path | str) -> dict[str, Any]:
    """Keras' description of the network in an HDF5 file, as it stands there: nothing in it is checked.

    Parameters
    ----------
    network
        The HDF5 file.
    path
        How errors call it.

    Raises
    ------
    AisError
        If the file is damaged or holds none.
    """
    with _opened(network, path) as file:
        if "model_config" not in file.attrs:
            raise AisError(f"{path} is damaged: it holds weights without a description of their network.")
        # A scalar string is one object of the file; an array of them could name the same megabytes again and again.
        attribute = file.attrs.get_id("model_config")
        if attribute.shape != () or attribute.get_storage_size() > MAX_CONFIG_BYTES:
            raise AisError(f"{path} is damaged: the description of its network cannot be read.")
        text = file.attrs["model_config"]
    return _json_record(text, "network", path)


def network_weights(network: bytes, wanted: Sequence[StoredLayer], path: Path | str) -> list[list[NDArray[np.float32]]]:
    """Weights of each layer wanted, in the order of their shapes.

    Parameters
    ----------
    network
        The HDF5 file.
    wanted
        Layers, with the weights that they must have.
    path
        How errors call the file.

    Raises
    ------
    AisError
        If weights are missing, of another shape, not numbers, or in another file.
    """
    with _opened(network, path) as file:
        return [_layer_weights(file, layer, path) for layer in wanted]


@contextmanager
def open_members(
    path: Path | str, kind: str, most: int, data: bytes | None = None
) -> Iterator[tuple[tarfile.TarFile, list[tarfile.TarInfo]]]:
    """The files in an uncompressed tar, listed; nothing is unpacked to disk.

    Parameters
    ----------
    path
        The tar.
    kind
        What it should be, for errors, such as ``"a model of Ais 1.x"``.
    most
        How many files it may hold.
    data
        What it holds, if it lies within another file.

    Raises
    ------
    AisError
        If it cannot be read, is none, is cut off, or holds more files.
    """
    if data is None:
        require_plain_file(path)
    try:
        with tarfile.open(path, "r:", None if data is None else io.BytesIO(data)) as tar:
            members = []
            for member in tar:
                members.append(member)
                if len(members) > most:
                    raise AisError(f"{path} is not {kind}: it holds more than {most} files.")
            yield tar, members
    except (tarfile.TarError, EOFError, ValueError) as error:
        raise AisError(f"{path} is not {kind}, or it is damaged or cut off.") from error
    except OSError as error:
        raise AisError(describe_os_error(error, path)) from error


def _only(members: Sequence[tarfile.TarInfo], end: str, path: Path | str) -> tarfile.TarInfo:
    found = [member for member in members if PurePosixPath(member.name).name.endswith(end)]
    if len(found) != 1:
        raise AisError(f"{path} is not a model of Ais 1.x: it holds {len(found)} files that end in {end}.")
    return found[0]


def read_member(tar: tarfile.TarFile, member: tarfile.TarInfo, limit: int, path: Path | str) -> bytes:
    """The bytes of a file in a tar; an AisError if it is a link or the like, incomplete, or larger than `limit`."""
    name = PurePosixPath(member.name).name
    if not member.isreg() or member.issparse() or member.size > limit:
        raise AisError(f"{path} is damaged: {name} in it is no plain file or far too large.")
    stream = tar.extractfile(member)
    data = b"" if stream is None else stream.read()
    if len(data) != member.size:
        raise AisError(f"{path} is cut off: {name} in it is incomplete.")
    return data


def _json_record(text: bytes | str, what: str, path: Path | str) -> dict[str, Any]:
    try:
        content = json.loads(text)
    except (ValueError, TypeError, RecursionError) as error:
        raise AisError(f"{path} is damaged: the description of its {what} is not JSON.") from error
    if not isinstance(content, dict):
        raise AisError(f"{path} is damaged: the description of its {what} is not a record.")
    return content


@contextmanager
def _opened(network: bytes, path: Path | str) -> Iterator[h5py.File]:
    import h5py

    try:
        with h5py.File(io.BytesIO(network), "r") as file:
            if file.id.get_create_plist().get_sizes() != (8, 8):
                raise ValueError("numbers of another size than everywhere")
            _check_heaps(network)
            yield file
    except (OSError, OverflowError, RuntimeError, KeyError, ValueError, TypeError) as error:
        raise AisError(f"{path} is damaged: its network cannot be read.") from error


def _check_heaps(network: bytes) -> None:
    # The HDF5 library never comes back from a heap with free space (object 0) of no size, or with an object so large
    # that its end is counted past the largest number and lies before it.
    at, objects = network.find(HEAP_START), 0
    while at >= 0:
        end = at + _number(network, at + 8, 8)
        inside = at + HEAP_HEADER_BYTES
        while inside + HEAP_HEADER_BYTES <= end <= len(network):
            size = _number(network, inside + 8, 8)
            if _number(network, inside, 2):
                size = HEAP_HEADER_BYTES - (-size // HEAP_ALIGNMENT_BYTES) * HEAP_ALIGNMENT_BYTES
            objects += 1
            if size == 0 or inside + size > end or objects > MOST_HEAP_OBJECTS:
                raise ValueError("a heap without an end")
            inside += size
        if end > len(network):
            raise ValueError("a heap that is cut off")
        at = network.find(HEAP_START, at + 1)


def _number(data: bytes, at: int, count: int) -> int:
    return int.from_bytes(data[at : at + count], "little")


def _layer_weights(file: h5py.File, layer: StoredLayer, path: Path | str) -> list[NDArray[np.float32]]:
    import h5py

    missing = AisError(f"{path} cannot be used as a model: its weights do not fit its layer '{layer.name[:80]}'.")
    group = _child(_child(file, "model_weights"), layer.group)
    if not isinstance(group, h5py.Group):
        raise missing
    found: dict[str, Any] = {}
    for parent, name, dataset in _datasets(group, layer.group):
        if parent == layer.name:
            found[name.partition(":")[0]] = dataset
    if set(found) != set(layer.shapes):
        raise missing
    weights = []
    for name, shape in layer.shapes.items():
        dataset = found[name]
        # The shape bounds what is read, also of a file that claims to unpack into more.
        if dataset.external or dataset.is_virtual or dataset.dtype.kind != "f" or dataset.shape != shape:
            raise missing
        values = dataset[()].astype(np.float32)
        if not np.isfinite(values).all():
            raise AisError(f"{path} cannot be used as a model: its weights hold values that are not numbers.")
        weights.append(values)
    return weights


def _datasets(group: h5py.Group, name: str) -> Iterator[tuple[str, str, h5py.Dataset]]:
    """The group just above, the name, and each dataset below a group; links to elsewhere are not followed."""
    import h5py

    pending, seen = [(group, name)], {group}
    while pending:
        parent, parent_name = pending.pop()
        for key in parent:
            child = _child(parent, key)
            if isinstance(child, h5py.Dataset):
                yield parent_name, key, child
            elif child is not None and child not in seen:
                seen.add(child)
                pending.append((child, key))


def _child(group: h5py.Group | None, name: str) -> h5py.Group | h5py.Dataset | None:
    import h5py

    for part in name.split("/"):
        if not isinstance(group, h5py.Group) or not isinstance(group.get(part, getlink=True), h5py.HardLink):
            return None
        group = group[part]
    return group
