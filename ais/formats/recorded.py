"""Records read back: what made an output, checked, since a record is a file that anybody may have written."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ais.errors import AisError, describe_os_error
from ais.formats.ome_zarr_labels import label_record
from ais.formats.record import RECORD_SUFFIX, record_path

MAX_RECORD_BYTES = 16 << 20
MAX_FILES = 100_000
SHOWN_LETTERS = 200
NO_FILE_NAME = re.compile(r'[\x00-\x1f/\\:*?"<>|]')


@dataclass(frozen=True)
class RecordedInput:
    """A file that was read for an output.

    Attributes
    ----------
    path
        Where it was, as the machine of then wrote it.
    content
        Its size in bytes and its fingerprint, or the hash of a model.
    role
        The option or argument that named it, in records of commands that read several; else empty.
    """

    path: str
    content: tuple[int | str, ...]
    role: str = ""

    @property
    def name(self) -> str:
        """The last part of the path, whichever system wrote it."""
        return re.split(r"[/\\]", self.path.rstrip("/\\"))[-1]

    @property
    def is_model(self) -> bool:
        """Whether it is a model, which is known by what it computes."""
        return self.role == "model"


@dataclass(frozen=True)
class Record:
    """What a record says.

    Attributes
    ----------
    path
        The record's file, or the OME-Zarr labels that carry it.
    command
        Whose work the output is.
    inputs, models
        The files that were read.
    settings
        All that changes the result.
    result
        Figures about the output.
    output
        The output's name, without a folder.
    content
        Size in bytes and fingerprint of the output; None for labels, which carry their record.
    about
        Version, date, host and the like, fit to be shown.
    """

    path: Path
    command: str
    inputs: tuple[RecordedInput, ...]
    models: tuple[RecordedInput, ...]
    settings: dict[str, Any]
    result: dict[str, Any]
    output: str
    content: tuple[int, str] | None
    about: dict[str, str]

    @property
    def original(self) -> Path:
        """Where the output lies that the record is about, if nobody has moved it."""
        return self.path if self.content is None else self.path.with_name(self.output)


def open_record(path: Path) -> Record:
    """Read a record.

    Parameters
    ----------
    path
        A record, an output with a record beside it, or OME-Zarr labels, which carry theirs.

    Raises
    ------
    AisError
        If there is none, or it is damaged.
    """
    if not path.exists():
        raise AisError(f"{path} does not exist.")
    if path.name.lower().endswith(RECORD_SUFFIX) and path.is_file():
        found = _read(path)
        if found is None:
            raise AisError(f"{path} is not a record that Ais wrote beside an output.")
        return _checked(path, found)
    beside = record_path(path)
    if beside.is_file() and (found := _read(beside)) is not None:
        return _checked(beside, found)
    carried = label_record(path) if path.is_dir() else None
    if carried:
        return _checked(path, {**carried, "output": {"name": path.name}}, is_carried=True)
    raise AisError(f"{path} has no record beside it, so what made it is not known.")


def is_record(path: Path) -> bool:
    """Whether a JSON file says that it is a record."""
    try:
        return path.is_file() and _read(path) is not None
    except AisError:
        return False


def _read(path: Path) -> dict[str, Any] | None:
    try:
        if path.stat().st_size > MAX_RECORD_BYTES:
            return None
        content = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise AisError(describe_os_error(error, path)) from error
    except (ValueError, RecursionError):
        return None
    if not isinstance(content, dict) or content.get("program") != "Ais" or "command" not in content:
        return None
    return content


def _checked(path: Path, found: dict[str, Any], *, is_carried: bool = False) -> Record:
    inputs = found.get("inputs")
    output = found.get("output")
    models = found.get("models", [])
    if not (
        isinstance(found["command"], str)
        and isinstance(inputs, list)
        and isinstance(models, list)
        and isinstance(output, dict)
        and isinstance(found.get("settings"), dict)
        and isinstance(found.get("result", {}), dict)
        and len(inputs) + len(models) <= MAX_FILES
    ):
        raise AisError(f"{path} is damaged: it does not say what was done to which files.")
    content = None if is_carried else _content(output)
    if content is None and not is_carried:
        raise AisError(f"{path} is damaged: it does not say what the output was.")
    return Record(
        path,
        shown(found["command"]),
        tuple(_input(path, entry, "") for entry in inputs),
        tuple(_input(path, entry, "model") for entry in models),
        found["settings"],
        found.get("result", {}),
        _file_name(path, output.get("name")),
        content,
        {
            key: shown(found[key])
            for key in ("version", "finished", "seconds", "host", "user", "system", "python", "packages")
            if key in found
        },
    )


def _input(record: Path, entry: Any, role: str) -> RecordedInput:
    if isinstance(entry, dict) and isinstance(entry.get("path"), str) and entry["path"] and "\0" not in entry["path"]:
        if role == "model" and isinstance(entry.get("hash"), str):
            return RecordedInput(entry["path"], (entry["hash"],), role)
        content, name = _content(entry), entry.get("role", "")
        if role != "model" and content is not None and isinstance(name, str):
            return RecordedInput(entry["path"], content, name)
    raise AisError(f"{record} is damaged: it does not say which files were read.")


def _file_name(record: Path, name: Any) -> str:
    if not isinstance(name, str) or not name.strip(" .") or NO_FILE_NAME.search(name):
        raise AisError(f"{record} is damaged: the name of its output is not the name of a file.")
    return name


def _content(entry: dict[str, Any]) -> tuple[int, str] | None:
    size, fingerprint = entry.get("size"), entry.get("fingerprint")
    if isinstance(size, int) and not isinstance(size, bool) and isinstance(fingerprint, str):
        return (size, fingerprint)
    return None


def shown(value: Any) -> str:
    """A value of a record on one line, without letters that a terminal would obey."""
    text = ", ".join(f"{key} {entry}" for key, entry in value.items()) if isinstance(value, dict) else str(value)
    return "".join(letter if letter.isprintable() else "?" for letter in text[:SHOWN_LETTERS])
