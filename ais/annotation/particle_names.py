"""Which tomogram of a project a name in a file of coordinates means."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from ais.annotation.entries import TomogramEntry
from ais.errors import AisError
from ais.formats.coord_numbers import numbers_in

NAME = "{name}"
_SIZE_AT_END = re.compile(r"[ _.-]*\(?\d+(?:\.\d+)?\s*(?:Apx|Å|A)\)?$", re.IGNORECASE)
_VOLUME_AT_END = re.compile(r"\.(?:tomostar|mrcs?|rec|map|st|tiff?)$", re.IGNORECASE)


@dataclass(frozen=True)
class NameRule:
    """How names in a file are turned into names of tomograms.

    Attributes
    ----------
    in_file
        A name in the file. ``{name}`` stands for the part that matters, ``*`` for anything, all else for itself,
        whatever the case of its letters.
    in_project
        The name of the tomogram, with ``{name}`` for the same part and ``*`` for anything.

    Raises
    ------
    AisError
        If a pattern is empty or has ``{name}`` twice, or only the second has it.
    """

    in_file: str = NAME
    in_project: str = NAME

    def __post_init__(self) -> None:
        for pattern in (self.in_file, self.in_project):
            if not pattern.strip():
                raise AisError(f"A pattern for names is empty: {NAME} stands for the whole name.")
            if pattern.count(NAME) > 1:
                raise AisError(f"{pattern} has {NAME} more than once.")
        if NAME in self.in_project and NAME not in self.in_file:
            raise AisError(f"{self.in_file} does not say which part of a name is meant by {NAME} in {self.in_project}.")

    def meant(self, name: str) -> str | None:
        """The name in the project, in which ``*`` may stand; None where the rule says nothing about a name."""
        literal = re.escape(self.in_file).replace(re.escape(NAME), "(.+)").replace(r"\*", ".*")
        found = re.fullmatch(literal, name, re.IGNORECASE | re.DOTALL)
        if found is None:
            return None
        return self.in_project.replace(NAME, found[1]) if NAME in self.in_file else self.in_project


WHOLE_NAME = NameRule()
"""Names in the file are those of tomograms, or like them."""


def find_tomogram(
    name: str,
    tomograms: Sequence[TomogramEntry],
    current: TomogramEntry | None = None,
    rules: Iterable[NameRule] = (),
) -> TomogramEntry | None:
    """The tomogram that a file means by a name; None if there is none, or there are several.

    Parameters
    ----------
    name
        As the file has it.
    tomograms
        Those of the project.
    current
        Of several tomograms of one name, this one.
    rules
        The first one that says something about the name counts; without one the name is taken as it is.
    """
    meant = next((found for rule in rules if (found := rule.meant(name)) is not None), name)
    return _like(meant, tomograms, current) if "*" in meant else tomogram_of(meant, tomograms, current)


def tomogram_of(
    name: str, tomograms: Sequence[TomogramEntry], current: TomogramEntry | None = None
) -> TomogramEntry | None:
    """The tomogram that is called so, or else the only one whose name is like it.

    A name is like that of a tomogram if they are the same but for the case of letters, and then for endings such as
    ``.tomostar``, ``.mrc`` and ``_10.00Apx``; if it is the only whole number in it, as 1 for ``TS_01``; or if one is a
    part of the other, as ``TS_01`` of ``TS_01_bin4``.
    """
    if not name:
        return current
    same = [entry for entry in tomograms if entry.name == name]
    if len(same) > 1 and current in same:
        return current
    folded, short = name.casefold(), bare_name(name)
    for found in (
        same,
        [entry for entry in tomograms if entry.name.casefold() == folded],
        [entry for entry in tomograms if bare_name(entry.name) == short],
        [entry for entry in tomograms if name.isdecimal() and int(name) in numbers_in(entry.name)],
        [entry for entry in tomograms if _is_part(name, entry.name)],
        [entry for entry in tomograms if _is_part(entry.name, name)],
    ):
        if found:
            return found[0] if len(found) == 1 else None
    return None


def tomogram_of_file(
    path: Path, tomograms: Sequence[TomogramEntry], current: TomogramEntry | None
) -> TomogramEntry | None:
    """The tomogram that a file without names is about: the one that it is called by, else `current`."""
    same = [entry for entry in tomograms if entry.name.casefold() == path.stem.casefold()]
    parts = [entry for entry in tomograms if _is_part(entry.name, path.stem)]
    if current in (same or parts):
        return current
    return next((each[0] for each in (same, parts) if len(each) == 1), current)


def bare_name(name: str) -> str:
    """A name without case and without what programs add at its end: ``ts_01`` for ``TS_01_10.00Apx.mrc``."""
    while True:
        shorter = _SIZE_AT_END.sub("", _VOLUME_AT_END.sub("", name))
        if shorter == name or not shorter:
            return name.casefold()
        name = shorter


def _like(pattern: str, tomograms: Sequence[TomogramEntry], current: TomogramEntry | None) -> TomogramEntry | None:
    """The only tomogram, or of several the current one, whose name fits a pattern with ``*``."""
    literal = re.escape(pattern).replace(r"\*", ".*")
    found = [entry for entry in tomograms if re.fullmatch(literal, entry.name, re.IGNORECASE | re.DOTALL)]
    if len(found) == 1:
        return found[0]
    return current if current in found and len({entry.name for entry in found}) == 1 else None


def _is_part(part: str, name: str) -> bool:
    if part.casefold() not in name.casefold():
        return False
    return re.search(rf"(?<![A-Za-z0-9]){re.escape(part)}(?![A-Za-z0-9])", name, re.IGNORECASE) is not None
