"""Finds the segmented volumes of a tomogram in the folders where they are written, in a thread."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from ais.formats.registry import volume_stem, volume_suffix

if TYPE_CHECKING:
    from ais.annotation.volume_looks import VolumeEntry
    from ais.gui.background import Background, Work

SEPARATOR = "__"
"""Between the names of tomogram and feature in a file's name."""

FileState = tuple[int, int]
"""Bytes, and nanoseconds of the last change: another one after a file was written again."""


@dataclass(frozen=True)
class SearchPlan:
    """Where is looked, and for what.

    Attributes
    ----------
    tomogram
        The tomogram's file.
    folders
        Where volumes may be.
    files
        Volumes that are known already; they are looked at wherever they are.
    exported
        When the newest of them was made, seconds since 1970; 0 for none.
    """

    tomogram: Path
    folders: frozenset[Path]
    files: frozenset[Path]
    exported: float = 0.0


def plan_of(tomogram: Path, folder: Path, exported: frozenset[Path], entries: Mapping[Path, VolumeEntry]) -> SearchPlan:
    """Volumes lie beside the tomogram, where exports go now, and where they went."""
    folders = {tomogram.parent, folder, *(path.parent for path in exported)}
    return SearchPlan(tomogram, frozenset(folders), exported | entries.keys())


class VolumeSearch:
    """What was found last.

    Parameters
    ----------
    background
        Where folders are read.

    Attributes
    ----------
    found
        Volumes that are there, with their states; those that carry the tomogram's name in the order of their names.
    plan
        What it was found by; None before the first search has ended.
    """

    def __init__(self, background: Background) -> None:
        self.found: dict[Path, FileState] = {}
        self.plan: SearchPlan | None = None
        self._background = background
        self._asked: SearchPlan | None = None
        self._again = False
        self._work: Work | None = None

    def follow(self, plan: SearchPlan | None) -> None:
        """Look if it is another plan than before; None for not now; once a frame."""
        if plan is None or self._work is not None or (plan == self._asked and not self._again):
            return
        self._asked, self._again = plan, False

        def show(found: dict[Path, FileState]) -> None:
            self._work = None
            if self._asked is not plan:
                return
            self.plan = plan
            if found != self.found:
                self.found = found

        def failed(_: str) -> None:
            self._work = None

        self._work = self._background.run(lambda _: find(plan), show, failed=failed)

    def forget(self) -> None:
        """Give up what was found, such as when another tomogram is on the screen."""
        self.plan, self._asked, self.found = None, None, {}

    def look_again(self) -> None:
        """Look once more, such as when other programs may have written files."""
        self._again = True


def find(plan: SearchPlan) -> dict[Path, FileState]:
    """The volumes that are there; folders that cannot be read have none."""
    prefix = volume_stem(plan.tomogram) + SEPARATOR
    named: dict[Path, FileState] = {}
    for folder in plan.folders:
        named |= dict(_in_folder(folder, prefix))
    found = {path: named[path] for path in sorted(named, key=lambda path: (path.name.casefold(), str(path)))}
    for path in sorted(plan.files - found.keys()):
        try:
            facts = path.stat()
        except OSError:
            continue
        found[path] = facts.st_size, facts.st_mtime_ns
    return found


@dataclass(frozen=True)
class FoundVolume:
    """A volume of a tomogram.

    Attributes
    ----------
    path
        Its file.
    name
        What the user reads: the feature, and the folder where there are several of that name.
    feature
        The feature's name as the file has it.
    by_hand
        Whether the user has added it.
    missing
        Whether the file is not there.
    """

    path: Path
    name: str
    feature: str
    by_hand: bool
    missing: bool


def volumes_of(
    tomogram: Path, found: Iterable[Path], exported: Collection[Path], entries: Mapping[Path, VolumeEntry]
) -> list[FoundVolume]:
    """The volumes of a tomogram that are to be listed.

    Parameters
    ----------
    tomogram
        Its file.
    found
        Files that are there.
    exported
        Those that are known to be made of it, whatever their names.
    entries
        What the project knows of volumes.
    """
    prefix = volume_stem(tomogram) + SEPARATOR
    there = list(found)
    paths = [path for path in there if path.name.startswith(prefix) or path in exported]
    paths += [path for path, entry in entries.items() if entry.by_hand and path not in paths]
    paths = [path for path in paths if path not in entries or entries[path].listed]
    features = [volume_stem(path).removeprefix(prefix) for path in paths]
    listed = []
    for path, feature in zip(paths, features, strict=True):
        name = feature if features.count(feature) == 1 else f"{feature} ({path.parent.name})"
        listed.append(FoundVolume(path, name, feature, path in entries and entries[path].by_hand, path not in there))
    return listed


def _in_folder(folder: Path, prefix: str) -> Iterable[tuple[Path, FileState]]:
    try:
        with os.scandir(folder) as entries:
            for entry in entries:
                if entry.name.startswith(prefix) and volume_suffix(entry.name) and entry.is_file():
                    facts = entry.stat()
                    yield folder / entry.name, (facts.st_size, facts.st_mtime_ns)
    except OSError:
        return
