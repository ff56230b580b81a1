"""What `ais info` says of records, and of outputs that have one beside them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ais.errors import AisError
from ais.formats.record import content_of, record_path
from ais.formats.recorded import Record, RecordedInput, is_record, open_record, shown

MAX_DEPTH = 8


def describe_record(path: Path) -> dict[str, Any]:
    """All that a record tells, and what has become of the output."""
    record = open_record(path)
    return {
        "path": str(path),
        "kind": "record",
        "command": record.command,
        "output": record.output,
        "state": _state(record),
        "inputs": [_file(one) for one in record.inputs],
        "models": [_file(one) for one in record.models],
        "settings": _plain(record.settings),
        "result": _plain(record.result),
        **record.about,
    }


def origin_of(path: Path) -> dict[str, Any]:
    """What made a file, under the key ``made``; nothing if no record lies beside it or the record is damaged."""
    try:
        if not is_record(record_path(path)):
            return {}
        record = open_record(record_path(path))
        about = {key: record.about[key] for key in ("version", "finished", "host") if key in record.about}
        return {"made": {"command": record.command, **about, "state": _state(record)}}
    except AisError:
        return {}


def _state(record: Record) -> str:
    if not record.original.exists():
        return "missing"
    now = content_of(record.original)
    return "as it was made" if (now["size"], now["fingerprint"]) == record.content else "changed since"


def _file(one: RecordedInput) -> dict[str, Any]:
    if one.is_model:
        return {"path": shown(one.path), "hash": shown(one.content[0])}
    size, fingerprint = one.content
    role = {"role": shown(one.role)} if one.role else {}
    return {**role, "path": shown(one.path), "bytes": size, "fingerprint": shown(fingerprint)}


def _plain(value: Any, depth: int = MAX_DEPTH) -> Any:
    """A setting, its text fit to be shown."""
    if value is None or isinstance(value, bool | int | float):
        return value
    if isinstance(value, dict) and depth:
        return {shown(name): _plain(entry, depth - 1) for name, entry in value.items()}
    if isinstance(value, list) and depth:
        return [_plain(entry, depth - 1) for entry in value]
    return shown(value)
