"""What may go through the pipe between the two processes."""

from __future__ import annotations

from typing import Any


def check_plain(value: Any) -> None:
    """TypeError unless arguments or a result consist of JSON-able values, tuples, and arrays of numbers.

    Anything else might not go through the pipe, or load libraries of the compute process into the window's.
    """
    if value is None or type(value) in (bool, int, float, str):
        return
    if type(value) in (list, tuple):
        for entry in value:
            check_plain(entry)
    elif type(value) is dict:
        for key, entry in value.items():
            if type(key) is not str:
                raise TypeError(f"the key {key!r} is not text")
            check_plain(entry)
    elif type(value).__module__ != "numpy" or getattr(value, "dtype", value).hasobject:
        raise TypeError(f"a {type(value).__name__} cannot be sent")
