"""The record beside an output: what made it, from which inputs, with which settings."""

from __future__ import annotations

import datetime
import getpass
import hashlib
import importlib.metadata
import json
import platform
import re
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ais import __version__
from ais.errors import AisError, describe_os_error
from ais.formats.atomic import atomic_path, flush, write_bytes, write_text
from ais.formats.plain_file import require_plain_file

RECORD_SUFFIX = ".json"
PROJECT_SUFFIX = ".aisproj"
PACKAGES = ("numpy", "scipy", "tensorflow")
SAMPLED_BLOCKS = 64
BLOCK_BYTES = 1 << 16
_SURROGATES = re.compile("[\ud800-\udfff]")


@dataclass(frozen=True)
class Identity:
    """What decides whether an existing output can be kept.

    Attributes
    ----------
    command
        The command that makes the output.
    inputs
        One entry per input file, from `describe_input`.
    settings
        All that changes the result; numbers, strings, lists and dicts of them.
    models
        Path, hash and features of the models that were used, by which they are found again. Their hashes among the
        settings decide, so that a model may be moved.
    """

    command: str
    inputs: list[dict[str, Any]]
    settings: dict[str, Any]
    models: list[dict[str, Any]] = field(default_factory=list)

    def matches(self, record: dict[str, Any]) -> bool:
        """Whether a record names the same command, the same inputs by content, and the same settings."""
        mine = {"command": self.command, "settings": self.settings, "inputs": [_content(i) for i in self.inputs]}
        theirs = {
            "command": record.get("command"),
            "settings": record.get("settings"),
            "inputs": [_content(i) for i in record.get("inputs", [])],
        }
        return bool(json.loads(json.dumps(mine)) == theirs)


def record_path(output: Path) -> Path:
    """Where the record of an output lies: ``TS_001__membrane.mrc.json`` beside ``TS_001__membrane.mrc``."""
    return output.with_name(output.name + RECORD_SUFFIX)


@dataclass
class RecordedFile:
    """An output that is being written.

    Attributes
    ----------
    path
        Where to write; it takes its final name later.
    result
        Figures for the record, such as the number of picks; filled by the writer.
    """

    path: Path
    result: dict[str, Any] = field(default_factory=dict)


@contextmanager
def recorded_output(output: Path, identity: Identity) -> Iterator[RecordedFile]:
    """Write an output and the record beside it, both whole or not at all.

    The record comes first and holds the fingerprint of the finished output. After a crash between the two the output
    is missing and is made again; an output that somebody has changed no longer fits its record and is never overwritten
    unasked. When an existing output cannot be replaced, it keeps the record that it had.

    Parameters
    ----------
    output
        The final path.
    identity
        What makes it.

    Raises
    ------
    AisError
        If the folder cannot be written, the disk is full, or an input is another by now.
    """
    started = time.monotonic()
    before = _record_bytes(output) if output.exists() else None
    is_written = False
    try:
        with atomic_path(output) as temporary:
            made = RecordedFile(temporary)
            yield made
            refuse_changed(identity.inputs)
            flush(made.path)  # a disk that is full says so now, before the record takes its name
            is_written = True
            _write(output, made.path, identity, made.result, time.monotonic() - started)
    except BaseException:
        if not is_written or _describes(output):
            raise  # a record beside the output is another's, who may have been faster, or the output is in its place
        if before is None:
            record_path(output).unlink(missing_ok=True)
        elif before != _record_bytes(output):
            write_bytes(record_path(output), before)
        raise


def _describes(output: Path) -> bool:
    """Whether an output is there, and its record is about it."""
    record = read_record(output)
    try:
        return record is not None and is_unchanged(output, record)
    except OSError:
        return False


def _record_bytes(output: Path) -> bytes | None:
    path = record_path(output)
    return path.read_bytes() if path.exists() else None


def write_record(output: Path, identity: Identity, result: dict[str, Any], seconds: float) -> None:
    """Write the record of an output that is finished, for commands that write their outputs themselves.

    Parameters
    ----------
    output
        A file, or the folder of an OME-Zarr volume.
    identity
        What made it.
    result
        Figures about it.
    seconds
        How long it took.

    Raises
    ------
    AisError
        If the record cannot be written.
    """
    _write(output, output, identity, result, seconds)


def json_text(document: object) -> str:
    """JSON in letters that can be read; names of files that are no text, which UTF-8 cannot hold, are escaped."""
    text = json.dumps(document, indent=1, ensure_ascii=False)
    return text if text.isascii() or not _SURROGATES.search(text) else json.dumps(document, indent=1)


def _write(output: Path, content: Path, identity: Identity, result: dict[str, Any], seconds: float) -> None:
    record = {
        "program": "Ais",
        "version": __version__,
        "command": identity.command,
        "inputs": identity.inputs,
        "settings": identity.settings,
        **({"models": identity.models} if identity.models else {}),
        "result": result,
        "output": {"name": output.name, **content_of(content)},
        "seconds": round(seconds, 3),
        "finished": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        "host": platform.node(),
        "user": _user(),
        "system": f"{platform.system()} {platform.machine()}",
        "python": platform.python_version(),
        "packages": _packages(),
    }
    write_text(record_path(output), json_text(record) + "\n")


def _packages() -> dict[str, str]:
    """Versions of what the numbers depend on."""
    found = {}
    for name in PACKAGES:
        with suppress(importlib.metadata.PackageNotFoundError):
            found[name] = importlib.metadata.version(name)
    return found


def read_record(output: Path) -> dict[str, Any] | None:
    """The record beside an output, or None if there is none that can be read."""
    try:
        record = json.loads(record_path(output).read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return None
    return record if isinstance(record, dict) and record.get("program") == "Ais" else None


def is_finished(output: Path, identity: Identity, *, overwrite: bool = False) -> bool:
    """Whether an output exists that `identity` would make again, so that it can be kept.

    Parameters
    ----------
    output
        The file to be written.
    identity
        What would make it now.
    overwrite
        Make it again in any case.

    Returns
    -------
    bool
        True: keep the file. False: write it.

    Raises
    ------
    AisError
        If another file of that name is in the way and may not be overwritten.
    """
    if overwrite or not output.exists():
        return False
    record = read_record(output)
    if record is not None and identity.matches(record) and is_unchanged(output, record):
        return True
    raise AisError(f"{output} exists and was made from other input or settings: choose another folder or --overwrite.")


def describe_input(path: Path) -> dict[str, Any]:
    """An input's path, size, date and fingerprint.

    The fingerprint covers the size and 64 evenly spaced blocks of 64 KiB, so that a volume of many GiB
    is identified in milliseconds; files up to 4 MiB are covered whole. Of an OME-Zarr folder it
    covers the names and sizes of all files, and the beginnings of 64; of an address, what is said there of the volume.

    Raises
    ------
    AisError
        If the file cannot be read, or is none.
    """
    from ais.formats.volume_identity import identity_of_parts

    require_plain_file(path)
    try:
        parts = identity_of_parts(path)
        if parts is not None:
            return parts
        facts = path.stat()
        return {
            "path": str(path.resolve()),
            "modified": datetime.datetime.fromtimestamp(facts.st_mtime, datetime.UTC).isoformat(timespec="seconds"),
            **_size_and_fingerprint(path),
        }
    except OSError as error:
        raise AisError(describe_os_error(error, path)) from error


def refuse_changed(inputs: Sequence[dict[str, Any]]) -> None:
    """Make sure that what was read is what had been described before it was opened.

    Parameters
    ----------
    inputs
        From `describe_input`; projects, which change as they are used, and results of stages are passed over, and so
        are files that have been moved away since.

    Raises
    ------
    AisError
        If one was replaced or changed meanwhile, so that the output may be made from parts of both.
    """
    for entry in inputs:
        path = Path(entry["path"])
        if "modified" not in entry or path.suffix == PROJECT_SUFFIX or not path.exists():
            continue
        if _content(describe_input(path)) != _content(entry):
            raise AisError(f"{path} was replaced or changed while it was being read: run this again.")


def content_of(output: Path) -> dict[str, Any]:
    """Size and fingerprint of a file, or of an OME-Zarr folder, as `describe_input` tells them."""
    if output.is_dir():
        described = describe_input(output)
        return {"size": described["size"], "fingerprint": described["fingerprint"]}
    return _size_and_fingerprint(output)


def _size_and_fingerprint(path: Path) -> dict[str, Any]:
    size = path.stat().st_size
    digest = hashlib.blake2b(str(size).encode(), digest_size=16)
    last = max(0, size - BLOCK_BYTES)
    whole = size <= SAMPLED_BLOCKS * BLOCK_BYTES
    count = -(-size // BLOCK_BYTES) if whole else SAMPLED_BLOCKS
    with open(path, "rb") as file:
        for index in range(count):
            file.seek(index * BLOCK_BYTES if whole else index * last // (SAMPLED_BLOCKS - 1))
            digest.update(file.read(BLOCK_BYTES))
    return {"size": size, "fingerprint": digest.hexdigest()}


def is_unchanged(output: Path, record: dict[str, Any]) -> bool:
    """Whether an output is as it was when its record was written."""
    written = record.get("output", {})
    found = content_of(output)
    return all(written.get(key) == value for key, value in found.items())


def _content(entry: dict[str, Any]) -> list[Any]:
    return [entry.get("size"), entry.get("fingerprint")]


def _user() -> str:
    try:
        return getpass.getuser()
    except (OSError, KeyError, ImportError):
        return ""
