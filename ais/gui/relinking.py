"""Where tomograms went: which part of their paths is to be replaced by what, and how many would then be found."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from ais.annotation import TomogramEntry


@dataclass(frozen=True)
class Found:
    """What a replacement would do.

    Attributes
    ----------
    matching
        How many tomograms have the part in their paths.
    found
        How many of these would then be found.
    missing
        How many of the found ones are missing now.
    example
        The first path that would change, before and after; None if none would.
    """

    matching: int
    found: int
    missing: int
    example: tuple[str, str] | None


def look(entries: Sequence[TomogramEntry], find: str, replace: str) -> Found:
    """See which tomograms would be found when a part of their paths is replaced; reads the disk.

    Parameters
    ----------
    entries
        All tomograms.
    find, replace
        Parts of a path; slashes and backslashes are the same, as in `RelinkTomograms`.
    """
    find, replace = find.replace("\\", "/"), replace.replace("\\", "/")
    matching = found = missing = 0
    example = None
    for entry in entries:
        old = str(entry.path).replace("\\", "/")
        if not find or find not in old:
            continue
        new = old.replace(find, replace)
        matching += 1
        if Path(new).is_file():
            found += 1
            missing += entry.missing
        example = example or (old, new)
    return Found(matching, found, missing, example)


def common_folder(entries: Sequence[TomogramEntry]) -> str:
    """The folder that is common to all missing tomograms; empty if there is none."""
    parts = [Path(str(entry.path).replace("\\", "/")).parent.parts for entry in entries if entry.missing]
    if not parts:
        return ""
    common = []
    for level in zip(*parts, strict=False):
        if len(set(level)) > 1:
            break
        common.append(level[0])
    return str(Path(*common)).replace("\\", "/") if common else ""


def replacement(old: Path, new: Path) -> tuple[str, str]:
    """What was replaced between two paths of one file: the folders in front of what they have in common."""
    before, after = list(old.parts), list(new.parts)
    while len(before) > 1 and len(after) > 1 and before[-1] == after[-1]:
        before.pop()
        after.pop()
    return str(Path(*before)).replace("\\", "/"), str(Path(*after)).replace("\\", "/")
