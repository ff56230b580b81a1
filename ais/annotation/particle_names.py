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


class TomogramNames:
    """The tomograms of a project, to be found by what files call them.

    Parameters
    ----------
    tomograms
        Those of the project.
    """

    def __init__(self, tomograms: Sequence[TomogramEntry]) -> None:
        self._entries = [(entry.name.casefold(), entry) for entry in tomograms]
        self._same: dict[str, list[TomogramEntry]] = {}
        self._folded: dict[str, list[TomogramEntry]] = {}
        self._bare: dict[str, list[TomogramEntry]] = {}
        self._numbers: dict[int, list[TomogramEntry]] = {}
        for folded, entry in self._entries:
            self._same.setdefault(entry.name, []).append(entry)
            self._folded.setdefault(folded, []).append(entry)
            self._bare.setdefault(bare_name(entry.name), []).append(entry)
            for number in numbers_in(entry.name):
                self._numbers.setdefault(number, []).append(entry)

    def find(
        self, name: str, current: TomogramEntry | None = None, rules: Iterable[NameRule] = ()
    ) -> TomogramEntry | None:
        """The tomogram that a file means by a name; None if there is none, or there are several.

        A name is like that of a tomogram if they are the same but for the case of letters, and then for endings such
        as ``.tomostar``, ``.mrc`` and ``_10.00Apx``; if it is the only whole number in it, as 1 for ``TS_01``; or if
        one is a part of the other, as ``TS_01`` of ``TS_01_bin4``.

        Parameters
        ----------
        name
            As the file has it; "" stands for `current`.
        current
            Of several tomograms of one name, this one.
        rules
            The first one that says something about the name counts; without one the name is taken as it is.
        """
        if not name:
            return current
        meant = next((found for rule in rules if (found := rule.meant(name)) is not None), name)
        return self._fitting(meant, current) if "*" in meant else self._alike(meant, current)

    def of_file(self, path: Path, current: TomogramEntry | None = None) -> TomogramEntry | None:
        """The tomogram that a file without names is about: the one that it is called by, else `current`."""
        same = self._folded.get(path.stem.casefold(), [])
        parts = self._parts_of(path.stem)
        if current in (same or parts):
            return current
        return next((each[0] for each in (same, parts) if len(each) == 1), current)

    def _alike(self, name: str, current: TomogramEntry | None) -> TomogramEntry | None:
        same = self._same.get(name, [])
        if len(same) > 1 and current in same:
            return current
        found = (
            same
            or self._folded.get(name.casefold())
            or self._bare.get(bare_name(name))
            or (self._numbers.get(int(name)) if name.isdecimal() else None)
            or self._with_part(name)
            or self._parts_of(name)
        )
        return found[0] if found is not None and len(found) == 1 else None

    def _fitting(self, pattern: str, current: TomogramEntry | None) -> TomogramEntry | None:
        """The only tomogram whose name fits a pattern with ``*``; of several of one name the current one."""
        wanted = re.compile(re.escape(pattern).replace(r"\*", ".*"), re.IGNORECASE | re.DOTALL)
        found = [entry for _, entry in self._entries if wanted.fullmatch(entry.name)]
        if len(found) == 1:
            return found[0]
        return current if current in found and len({entry.name for entry in found}) == 1 else None

    def _with_part(self, part: str) -> list[TomogramEntry]:
        folded = part.casefold()
        return [entry for name, entry in self._entries if _is_part(folded, name)]

    def _parts_of(self, name: str) -> list[TomogramEntry]:
        folded = name.casefold()
        return [entry for part, entry in self._entries if _is_part(part, folded)]


def bare_name(name: str) -> str:
    """A name without case and without what programs add at its end: ``ts_01`` for ``TS_01_10.00Apx.mrc``."""
    while True:
        shorter = _SIZE_AT_END.sub("", _VOLUME_AT_END.sub("", name))
        if shorter == name or not shorter:
            return name.casefold()
        name = shorter


def _is_part(part: str, name: str) -> bool:
    """Whether a text stands in another one as words of its own; both without upper case."""
    at = name.find(part) if part else -1
    while at >= 0:
        before, after = name[max(at - 1, 0) : at], name[at + len(part) : at + len(part) + 1]
        if not any(letter.isascii() and letter.isalnum() for letter in (before, after)):
            return True
        at = name.find(part, at + 1)
    return False
