"""What identifies volumes that are more than one file: OME-Zarr folders and addresses, and series of TIFF files."""

from __future__ import annotations

import datetime
import hashlib
import os
from collections.abc import Iterable
from contextlib import closing
from pathlib import Path
from typing import Any

from ais.formats.tiff_series import is_series, series_files
from ais.formats.zarr_path import ZarrPath, remote_address, zarr_path
from ais.formats.zarr_store import MARKERS, METADATA_BYTES, open_store

SAMPLED_FILES = 64
BLOCK_BYTES = 1 << 16


def identity_of_parts(path: Path) -> dict[str, Any] | None:
    """Path, date, size and fingerprint, as `ais.formats.record.describe_input` gives them for a file.

    Returns
    -------
    dict or None
        None for a volume that is one file.

    Raises
    ------
    AisError
        If an address cannot be read.
    OSError
        If a file cannot be read.
    """
    found = zarr_path(path)
    if found is None:
        if not is_series(path):
            return None
        return _of_files(path, path.name, [(entry.name, entry) for entry in series_files(path, str(path))])
    if remote_address(path) is not None:
        return _of_address(found)
    if found.zipped:
        return _of_files(path, found.inside, [("", Path(found.root))])
    return _of_files(path, found.inside, _below(Path(found.root), labels=found.inside.startswith("labels")))


def _below(root: Path, *, labels: bool) -> list[tuple[str, Path]]:
    """All files of a folder; labels that have been put into an image do not make it another one."""
    named = []
    for folder, inside, files in os.walk(root):
        if not labels and Path(folder) == root and "labels" in inside:
            inside.remove("labels")
        inside.sort()
        named += [(Path(folder, name).relative_to(root).as_posix(), Path(folder, name)) for name in files]
    if not labels:  # it repeats what its groups say of themselves, those of labels too
        named = [(name, entry) for name, entry in named if name != ".zmetadata"]
    return sorted(named)


def _of_files(path: Path, inside: str, files: list[tuple[str, Path]]) -> dict[str, Any]:
    facts = [(name, entry, entry.stat()) for name, entry in files]
    digest = hashlib.blake2b(inside.encode(), digest_size=16)
    for name, _, one in facts:
        digest.update(f"{name}|{one.st_size}\n".encode("utf-8", "surrogateescape"))
    described = [entry for name, entry, _ in facts if name.rpartition("/")[2] in MARKERS]
    step = max(1, len(facts) // SAMPLED_FILES)
    for entry in [*described[:SAMPLED_FILES], *(entry for _, entry, _ in facts[::step])]:
        with open(entry, "rb") as file:
            digest.update(file.read(BLOCK_BYTES))
    latest = max((one.st_mtime for _, _, one in facts), default=0.0)
    return {
        "path": str(path.absolute()),
        "modified": datetime.datetime.fromtimestamp(latest, datetime.UTC).isoformat(timespec="seconds"),
        "size": sum(one.st_size for _, _, one in facts),
        "fingerprint": digest.hexdigest(),
    }


def _of_address(found: ZarrPath) -> dict[str, Any]:
    with closing(open_store(found)) as store:
        documents = [store.get(key, METADATA_BYTES) or b"" for key in _described(found.inside)]
    digest = hashlib.blake2b(found.inside.encode(), digest_size=16)
    for document in documents:
        digest.update(document + b"\n")
    address = "/".join(part for part in (found.root, found.inside) if part)
    return {"path": address, "modified": "", "size": sum(map(len, documents)), "fingerprint": digest.hexdigest()}


def _described(inside: str) -> Iterable[str]:
    folders = dict.fromkeys(["", inside, "0"])
    return [f"{folder}/{marker}" if folder else marker for folder in folders for marker in MARKERS]
