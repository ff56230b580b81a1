"""Settings of a site in a small TOML or JSON file: names and values, each of a type that is known."""

from __future__ import annotations

import json
import tomllib
from dataclasses import fields
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from ais.errors import AisError, describe_os_error

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

    Settings = TypeVar("Settings", bound=DataclassInstance)
else:
    Settings = TypeVar("Settings")


def read_settings(path: Path, kind: type[Settings]) -> Settings:
    """What a file says, and the defaults for what it does not say.

    Parameters
    ----------
    path
        Ends in ``.json``, or is TOML.
    kind
        A dataclass whose fields are texts, whole numbers and tuples of texts, each with a default. ``gpus`` may be
        written as a number too.

    Raises
    ------
    AisError
        If the file cannot be read, or says what is not known.
    """
    try:
        text = path.read_text(encoding="utf-8")
        found: Any = json.loads(text) if path.suffix.lower() == ".json" else tomllib.loads(text)
    except OSError as error:
        raise AisError(describe_os_error(error, path)) from error
    except (ValueError, RecursionError) as error:
        raise AisError(f"{path} is no TOML or JSON: {error}.") from error
    if not isinstance(found, dict):
        raise AisError(f'{path} must hold names and values, such as partition = "gpu".')
    usual = {one.name: one.default for one in fields(kind)}
    values: dict[str, Any] = {}
    for name, value in found.items():
        if name not in usual:
            raise AisError(f"{path} has '{name}', which is none of {', '.join(usual)}.")
        values[name] = _value(path, name, value, usual[name])
    return kind(**values)


def _value(path: Path, name: str, value: Any, usual: Any) -> Any:
    if isinstance(usual, tuple):
        lines = [value] if isinstance(value, str) else value
        if isinstance(lines, list) and all(isinstance(line, str) for line in lines):
            return tuple(lines)
        raise AisError(f"'{name}' in {path} must be a list of texts.")
    if name == "gpus" and type(value) is int:
        return str(value)
    if type(value) is not type(usual):
        raise AisError(f"'{name}' in {path} must be a {'whole number' if isinstance(usual, int) else 'text'}.")
    return value
