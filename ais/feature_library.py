"""Features as they were last used, by name, so that the next project's membrane looks like the last one's."""

from __future__ import annotations

import json
import math
import os
import threading
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from ais.annotation.entries import Colour, Feature
from ais.annotation.feature_operations import BOX_SIZES_PX, MAX_BRUSH_PX, AddFeature, file_safe_name
from ais.errors import AisError, describe_os_error
from ais.formats.atomic import write_text

FORMAT = "Ais feature library"
VERSION = 1
MAX_ENTRIES = 1000
MAX_BYTES = 4 << 20
DAMAGED_SUFFIX = ".damaged"


@dataclass(frozen=True)
class LibraryEntry:
    """What is remembered of a feature.

    Attributes
    ----------
    name
        As it was last written; names differ only if more than the case of their letters does.
    colour
        Red, green, blue, each 0 to 1.
    brush_radius
        In pixels.
    box_size
        Side of its training boxes in pixels.
    alpha
        Opacity of its overlay, 0 to 1.
    level
        Isosurface level on the 0-255 scale.
    dust
        Components below this volume are hidden in 3D, in cubic angstrom.
    """

    name: str
    colour: Colour
    brush_radius: float
    box_size: int
    alpha: float
    level: float
    dust: float


class FeatureLibrary:
    """Remembers features in one JSON file; safe to use from several threads.

    Attributes
    ----------
    path
        The file; it appears when the first feature is remembered.
    """

    def __init__(self, path: Path | str) -> None:
        self.path = Path(path)
        self._guard = threading.Lock()
        self._notice = ""

    @property
    def notice(self) -> str:
        """A sentence for the user if the file was damaged and has been put aside; else empty."""
        return self._notice

    def entries(self) -> list[LibraryEntry]:
        """All remembered features, the last used first.

        Raises
        ------
        AisError
            If the file cannot be read, or was written by a newer Ais.
        """
        with self._guard:
            return list(reversed(self._read().values()))

    def entry(self, name: str) -> LibraryEntry | None:
        """What is remembered under a name, whatever the case of its letters; raises as `entries`."""
        with self._guard:
            return self._read().get(_key(name))

    def remember(self, feature: Feature) -> None:
        """Remember a feature as it is now, in place of what was remembered under its name.

        Raises
        ------
        AisError
            If the file cannot be read or written, or was written by a newer Ais.
        """
        entry = LibraryEntry(
            *(feature.name, feature.colour, feature.brush_radius, feature.box_size),
            *(feature.alpha, feature.level, feature.dust),
        )
        with self._guard:
            entries = self._read()
            if entries and next(reversed(entries.values())) == entry:
                return
            entries.pop(_key(entry.name), None)
            entries[_key(entry.name)] = entry
            self._write(dict(list(entries.items())[-MAX_ENTRIES:]))

    def remove(self, name: str) -> None:
        """Forget a feature, if it is remembered; raises as `remember`."""
        with self._guard:
            entries = self._read()
            if entries.pop(_key(name), None) is not None:
                self._write(entries)

    def _read(self) -> dict[str, LibraryEntry]:
        """Remembered features by `_key`, the last used last; a damaged file is put aside."""
        try:
            if not self.path.exists():
                return {}
            data = self.path.read_bytes() if self.path.stat().st_size <= MAX_BYTES else b""
        except OSError as error:
            raise AisError(describe_os_error(error, self.path)) from error
        found = _parsed(data)
        if found is None:
            self._put_aside()
            return {}
        if found["version"] > VERSION:
            raise AisError(f"{self.path} was written by a newer Ais: update Ais to use it.")
        entries = [entry for values in found["features"] if (entry := _entry_of(values)) is not None]
        return {_key(entry.name): entry for entry in entries}

    def _put_aside(self) -> None:
        aside = self.path.with_name(self.path.name + DAMAGED_SUFFIX)
        try:
            os.replace(self.path, aside)
        except OSError as error:
            raise AisError(describe_os_error(error, self.path)) from error
        self._notice = f"{self.path} was damaged: it is kept as {aside.name}, and a new feature library is begun."

    def _write(self, entries: Mapping[str, LibraryEntry]) -> None:
        features = [asdict(entry) for entry in entries.values()]
        value = {"format": FORMAT, "version": VERSION, "features": features}
        write_text(self.path, json.dumps(value, indent=1, ensure_ascii=False) + "\n")


def as_operation(entry: LibraryEntry) -> AddFeature:
    """The edit that adds a remembered feature to a project."""
    return AddFeature(
        *(entry.name, entry.colour, entry.box_size, entry.brush_radius, entry.alpha, entry.level, entry.dust)
    )


def _key(name: str) -> str:
    return name.strip().casefold()


def _parsed(data: bytes) -> dict[str, Any] | None:
    """The file's outer object, or None if it is none of ours."""
    try:
        value = json.loads(data)
    except (ValueError, RecursionError):
        return None
    if not isinstance(value, dict) or value.get("format") != FORMAT:
        return None
    return value if isinstance(value.get("version"), int) and isinstance(value.get("features"), list) else None


def _entry_of(values: Any) -> LibraryEntry | None:
    """One remembered feature, or None if a project would not take it: the others are still of use."""
    try:
        red, green, blue = (_number(part, 0.0, 1.0) for part in values["colour"])
        entry = LibraryEntry(
            name=values["name"],
            colour=(red, green, blue),
            brush_radius=_number(values["brush_radius"], 0.1, MAX_BRUSH_PX),
            box_size=int(_number(values["box_size"], *BOX_SIZES_PX)),
            alpha=_number(values["alpha"], 0.0, 1.0),
            level=_number(values["level"], 0.0, 255.0),
            dust=_number(values["dust"], 0.0, math.inf),
        )
        entry.name.encode("utf-8")
        return entry if entry.name == file_safe_name(entry.name) else None
    except (KeyError, TypeError, ValueError, AttributeError):
        return None


def _number(value: Any, low: float, high: float) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise ValueError("no number")
    if not low <= value <= high:
        raise ValueError("out of range")
    return float(value)
