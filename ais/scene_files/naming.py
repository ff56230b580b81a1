"""Names and paths that go into files which other programs run: nothing in them may be taken for a command."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

KEPT = " _-.,+()"
LONGEST = 48
REFUSED = frozenset("\"'\\;$%`*?[]{}~#\n\r")
"""Characters that a script's language, or the program that runs it, may read as more than a part of a name."""


def plain_name(name: str) -> str:
    """A name of letters, digits, blanks and a few marks, like the one that is given; never empty."""
    kept = "".join(char if char.isalnum() or char in KEPT else "_" for char in name)
    return " ".join(kept.split())[:LONGEST].strip() or "unnamed"


def unique_names(names: Iterable[str]) -> list[str]:
    """Plain names, none twice, whatever the case of their letters."""
    found: list[str] = []
    taken: set[str] = set()
    for name in names:
        wanted, number = plain_name(name), 2
        unique = wanted
        while unique.casefold() in taken:
            unique, number = f"{wanted} {number}", number + 1
        taken.add(unique.casefold())
        found.append(unique)
    return found


def path_from(script: Path, path: Path) -> str | None:
    """How a script names a file: relative to its own folder if they are on one branch, with forward slashes.

    Returns
    -------
    str or None
        None for a path that could be taken for more than a path.
    """
    here, there = Path(os.path.realpath(script.parent)), Path(os.path.realpath(path))
    try:
        near = len(Path(os.path.commonpath([here, there])).parts) > 1
        text = os.path.relpath(there, here) if near else str(there)
    except ValueError:
        text = str(there)  # on another drive
    text = text.replace(os.sep, "/")
    allowed = all(char.isprintable() and char not in REFUSED for char in text)
    return text if allowed and text == text.strip() and not text.startswith("-") else None
