"""The volumes that were made, as the user has searched and sorted them, and which of their files are still there."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING

from ais.formats.registry import volume_stem
from ais.gui.export_volumes import ExportResult

if TYPE_CHECKING:
    from ais.gui.background import Background, Work

LOOK_AGAIN_S = 5.0
MISSING = -1
"""In place of the size of a file that is not there."""


class ResultOrder(Enum):
    """How results are sorted; the value is what the user reads."""

    NEWEST = "Newest first"
    TOMOGRAM = "Tomogram"
    FEATURE = "Feature"
    MODEL = "Model"
    LARGEST = "Largest first"
    MISSING = "Missing first"


class ResultList:
    """What of the results is shown, in which order.

    Parameters
    ----------
    background
        Where the files are looked at.

    Attributes
    ----------
    search
        Parts of the names of tomogram, feature or model, separated by blanks; all must be there.
    order
        How they are sorted.
    sizes
        Path to bytes, or `MISSING`; a file that has not been looked at is not among them.
    """

    def __init__(self, background: Background) -> None:
        self._background = background
        self._work: Work | None = None
        self._looked: tuple[float, tuple[ExportResult, ...]] = (0.0, ())
        self._made_of: tuple[object, ...] = ()
        self._shown: tuple[ExportResult, ...] = ()
        self.search = ""
        self.order = ResultOrder.NEWEST
        self.sizes: dict[Path, int] = {}

    def shown(self, results: tuple[ExportResult, ...]) -> tuple[ExportResult, ...]:
        """The results that match, sorted; also has their files looked at, now and then."""
        self._look(results)
        made_of = (results, self.sizes, self.search, self.order)
        if not self._made_of or any(new is not old for new, old in zip(made_of, self._made_of, strict=True)):
            self._made_of = made_of
            words = self.search.casefold().split()
            found = [result for result in results if _matches(result, words)]
            self._shown = tuple(sorted(found, key=self._key()))
        return self._shown

    def is_missing(self, result: ExportResult) -> bool:
        """Whether the file has gone."""
        return self.sizes.get(result.path) == MISSING

    def look_again(self) -> None:
        """Have the files looked at now."""
        self._looked = (0.0, ())

    def _look(self, results: tuple[ExportResult, ...]) -> None:
        since, before = self._looked
        if (results is before and time.monotonic() - since < LOOK_AGAIN_S) or self._work is not None:
            return
        self._looked = (time.monotonic(), results)

        def show(sizes: dict[Path, int]) -> None:
            self._work = None
            if sizes != self.sizes:
                self.sizes = sizes

        paths = [result.path for result in results]
        self._work = self._background.run(lambda _: {path: _size(path) for path in paths}, show)

    def _key(self) -> Callable[[ExportResult], tuple[object, ...]]:
        match self.order:
            case ResultOrder.TOMOGRAM:
                return lambda result: (volume_stem(result.tomogram).casefold(), result.feature.casefold())
            case ResultOrder.FEATURE:
                return lambda result: (result.feature.casefold(), volume_stem(result.tomogram).casefold())
            case ResultOrder.MODEL:
                return lambda result: (result.model.name.casefold(), -result.finished)
            case ResultOrder.LARGEST:
                return lambda result: (-self.sizes.get(result.path, 0), -result.finished)
            case ResultOrder.MISSING:
                return lambda result: (not self.is_missing(result), -result.finished)
            case _:
                return lambda result: (-result.finished,)


def when_text(seconds: float, now: float) -> str:
    """A moment such as "14:05" today, "12 Mar" this year, else "12 Mar 2024"; both in seconds since 1970."""
    then, today = time.localtime(seconds), time.localtime(now)
    if then[:3] == today[:3]:
        return time.strftime("%H:%M", then)
    return time.strftime("%d %b" if then.tm_year == today.tm_year else "%d %b %Y", then)


def _matches(result: ExportResult, words: Sequence[str]) -> bool:
    text = f"{volume_stem(result.tomogram)} {result.feature} {result.model.name}".casefold()
    return all(word in text for word in words)


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return MISSING
