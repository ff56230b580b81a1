"""Which results of a stage are there already: as they were made, corrected by hand, or of older input and settings."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from enum import Enum, auto
from pathlib import Path
from typing import Any

from ais.errors import AisError, describe_os_error
from ais.formats.record import RECORD_SUFFIX, Identity, RecordedFile, read_record, record_path, recorded_output

DIGEST = "digest"


class State(Enum):
    """What is there in the place of a result."""

    MISSING = auto()
    FINISHED = auto()
    CORRECTED = auto()
    STALE = auto()


def state_of(output: Path, identity: Identity, *, overwrite: bool = False) -> State:
    """What is there.

    Parameters
    ----------
    output
        A result of a stage.
    identity
        What would make it now.
    overwrite
        Nothing that is there counts.

    Returns
    -------
    State
        ``FINISHED``: as it would be made now. ``CORRECTED``: that, changed by hand. ``STALE``: made by this stage from
        other input or settings, and not changed since.

    Raises
    ------
    AisError
        If it was made by something else, or changed by hand and would be made from something else now.
    """
    if overwrite or not output.exists():
        return State.MISSING
    record = record_of(output, identity.command)
    if record is None:
        raise AisError(f"{output} exists and was not made by this stage: choose another output folder or --overwrite.")
    if digest(output) == record["result"].get(DIGEST):
        return State.FINISHED if identity.matches(record) else State.STALE
    if identity.matches(record):
        return State.CORRECTED
    raise AisError(
        f"{output} was changed by hand, and what it is made from or the settings have changed since: move it elsewhere "
        "or --overwrite."
    )


@contextmanager
def staged_output(output: Path, identity: Identity) -> Iterator[RecordedFile]:
    """As `recorded_output`; the record tells whether a single voxel has been changed."""
    with recorded_output(output, identity) as made:
        yield made
        made.result[DIGEST] = digest(made.path)


def described(path: Path) -> dict[str, Any]:
    """A result of a stage as the input of the next: by all of its content, so that a change of a voxel is seen."""
    return {"path": str(path.resolve()), "size": path.stat().st_size, "fingerprint": digest(path)}


def digest(path: Path) -> str:
    """Of the whole content of a file.

    Raises
    ------
    AisError
        If it cannot be read.
    """
    try:
        with open(path, "rb") as file:
            return hashlib.file_digest(file, lambda: hashlib.blake2b(digest_size=16)).hexdigest()
    except OSError as error:
        raise AisError(describe_os_error(error, path)) from error


def text_digest(text: str) -> str:
    """Of a text."""
    return hashlib.blake2b(text.encode(), digest_size=16).hexdigest()


def records_in(folder: Path, command: str) -> dict[Path, dict[str, Any]]:
    """Results of a stage in a folder, by their records, sorted by name; those whose file is missing are left out."""
    outputs = [
        path.with_name(path.name.removesuffix(RECORD_SUFFIX)) for path in sorted(folder.glob(f"*{RECORD_SUFFIX}"))
    ]
    found = {path: record_of(path, command) for path in outputs if path.exists()}
    return {path: record for path, record in found.items() if record is not None}


def record_of(output: Path, command: str) -> dict[str, Any] | None:
    """The record of a result if a certain stage made it and all is in it that every record has; else None."""
    record = read_record(output)
    if record is None or record.get("command") != command:
        return None
    inputs = record.get("inputs")
    whole = isinstance(inputs, list) and all(isinstance(entry, dict) for entry in inputs)
    return record if whole and all(isinstance(record.get(part), dict) for part in ("settings", "result")) else None


def remove_others(folder: Path, command: str, wanted: set[Path]) -> list[Path]:
    """Remove results of a stage that are no longer wanted; returns those that stay, since they were changed by hand."""
    stay = []
    for path, record in records_in(folder, command).items():
        if path in wanted:
            continue
        if digest(path) == record["result"].get(DIGEST):
            path.unlink()
            record_path(path).unlink()
        else:
            stay.append(path)
    return stay
