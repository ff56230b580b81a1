"""The keys of a Zarr store and the bytes behind them: in a folder, in a .zip file, or at an address.

Nothing is ever unpacked to disk, no key leads out of the store, and no more bytes are read than were asked for.
"""

from __future__ import annotations

import json
import os
import stat
import threading
import zipfile
import zlib
from pathlib import Path
from typing import Any, Protocol

from ais.errors import AisError, describe_os_error
from ais.formats.zarr_path import ZarrPath, remote_address

METADATA_BYTES = 1 << 24
MARKERS = ("zarr.json", ".zgroup", ".zattrs", ".zarray")


class Store(Protocol):
    """Bytes by key; any number of threads may read at once."""

    def get(self, key: str, limit: int) -> bytes | None:
        """All bytes of a key, or None if there is none; an AisError if there are more than `limit`."""
        ...

    def part(self, key: str, start: int | None, count: int) -> bytes | None:
        """`count` bytes from `start` on, or the last ones if `start` is None; fewer where the value ends earlier."""
        ...

    def close(self) -> None:
        """Release the store."""
        ...


def open_store(path: ZarrPath) -> Store:
    """Open the store that a path names.

    Raises
    ------
    AisError
        If it is missing or damaged.
    """
    address = remote_address(path.root)
    if address is not None:
        if path.zipped:
            raise AisError(f"{address} is a .zip at an address, which Ais does not read: copy it to this computer.")
        from ais.formats.web_store import WebStore

        return WebStore(address)
    return ZipStore(Path(path.root)) if path.zipped else FolderStore(Path(path.root))


def read_json(store: Store, key: str, name: str) -> dict[str, Any] | None:
    """A metadata document, or None if there is none.

    Raises
    ------
    AisError
        If it is no JSON object, or larger than any metadata.
    """
    data = store.get(key, METADATA_BYTES)
    if data is None:
        return None
    try:
        value = json.loads(data.decode("utf-8"))
    except (ValueError, RecursionError) as error:
        raise AisError(f"{name} is damaged: its {key} is not JSON.") from error
    if not isinstance(value, dict):
        raise AisError(f"{name} is damaged: its {key} is not a JSON object.")
    return value


class FolderStore:
    """Keys are files below a folder; links that lead out of it are refused."""

    def __init__(self, root: Path) -> None:
        self._name = str(root)
        if not root.exists():
            raise AisError(f"{root} does not exist.")
        if not root.is_dir():
            raise AisError(f"{root} is a file, but an OME-Zarr volume of this name is a folder.")
        self._root = os.path.realpath(root)

    def get(self, key: str, limit: int) -> bytes | None:
        """See `Store.get`."""
        return self._read(key, 0, limit, whole=True)

    def part(self, key: str, start: int | None, count: int) -> bytes | None:
        """See `Store.part`."""
        return self._read(key, start, count, whole=False)

    def close(self) -> None:
        """Nothing is kept open."""

    def _read(self, key: str, start: int | None, count: int, *, whole: bool) -> bytes | None:
        path = os.path.join(self._root, *key.split("/"))  # noqa: PTH118 - a chunk of many: quick
        try:
            real = os.path.realpath(path)
            if real != path and os.path.commonpath([real, self._root]) != self._root:
                raise AisError(f"{self._name} holds a link that leads out of it ({key}): it is not followed.")
            facts = os.stat(real)  # noqa: PTH116 - as above
            if not stat.S_ISREG(facts.st_mode):
                return None
            if whole and facts.st_size > count:
                raise _too_large(self._name, key, facts.st_size)
            with open(real, "rb") as file:
                file.seek(max(0, facts.st_size - count) if start is None else start)
                return file.read(count)
        except (FileNotFoundError, NotADirectoryError):
            return None
        except (OSError, ValueError) as error:
            if isinstance(error, OSError):
                raise AisError(describe_os_error(error, path)) from error
            raise AisError(f"{self._name} is damaged: {key!r} is not the name of a file.") from error


class ZipStore:
    """Keys are members of a .zip file, at its top or in its only folder."""

    def __init__(self, path: Path) -> None:
        self._name = str(path)
        self._lock = threading.Lock()
        try:
            self._archive = zipfile.ZipFile(path)
        except FileNotFoundError as error:
            raise AisError(f"{path} does not exist.") from error
        except OSError as error:
            raise AisError(describe_os_error(error, path)) from error
        except (zipfile.BadZipFile, ValueError, NotImplementedError, EOFError) as error:
            raise AisError(f"{path} is damaged, or not a .zip file: copy it again.") from error
        self._members = {entry.filename: entry for entry in self._archive.infolist()}
        tops = {name.split("/", 1)[0] for name in self._members}
        inner = f"{next(iter(tops))}/" if len(tops) == 1 else ""
        self._prefix = "" if any(marker in self._members for marker in MARKERS) else inner

    def get(self, key: str, limit: int) -> bytes | None:
        """See `Store.get`."""
        entry = self._members.get(self._prefix + key)
        if entry is None or entry.is_dir():
            return None
        if entry.file_size > limit:
            raise _too_large(self._name, key, entry.file_size)
        return self._read(entry, 0, limit)

    def part(self, key: str, start: int | None, count: int) -> bytes | None:
        """See `Store.part`."""
        entry = self._members.get(self._prefix + key)
        if entry is None or entry.is_dir():
            return None
        if entry.compress_type != zipfile.ZIP_STORED:
            raise AisError(f"{self._name} has compressed its shards, which Ais does not read: unpack it to a folder.")
        return self._read(entry, max(0, entry.file_size - count) if start is None else start, count)

    def close(self) -> None:
        """Close the file."""
        self._archive.close()

    def _read(self, entry: zipfile.ZipInfo, start: int, count: int) -> bytes:
        try:
            with self._lock, self._archive.open(entry) as file:
                file.seek(start)
                return file.read(count)
        except OSError as error:
            raise AisError(describe_os_error(error, self._name)) from error
        except (zipfile.BadZipFile, RuntimeError, NotImplementedError, ValueError, EOFError, zlib.error) as error:
            raise AisError(f"{self._name} is damaged, encrypted or packed in an unknown way: copy it again.") from error


def _too_large(name: str, key: str, size: int) -> AisError:
    return AisError(f"{name} is damaged: its {key} of {size:,} bytes is larger than it can be.")
