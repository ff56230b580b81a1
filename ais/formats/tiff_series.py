"""A series of TIFF files, one slice each, named by a pattern: ``slice_####.tif`` for ``slice_0001.tif`` and so on."""

from __future__ import annotations

import re
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np

from ais.errors import AisError, describe_os_error
from ais.formats.tiff import TiffVolume
from ais.formats.volume import Array

MARK = "#"
MAX_FILES = 1 << 16


def is_series(path: Path) -> bool:
    """Whether a path stands for many files: its name has ``#`` for digits, and there is no such file."""
    return MARK in path.name and not path.exists()


class TiffSeries:
    """TIFF files of one slice each, in the order of their numbers; each is opened when it is asked for.

    Parameters
    ----------
    path
        The pattern; one ``#`` or several next to each other stand for the digits of the number.
    name
        How errors call the whole; by default the pattern.

    Raises
    ------
    AisError
        If there are no such files, two of them have the same number, one is missing in between, or the first is not one
        grey slice.
    """

    def __init__(self, path: Path, name: str | None = None) -> None:
        self._name = name or str(path)
        self._paths = series_files(path, self._name)
        self._closed = False
        first = TiffVolume(self._paths[0])
        try:
            if first.info.shape[0] != 1:
                raise AisError(f"{self._paths[0]} holds {first.info.shape[0]} slices, where a series has one each.")
            self.info = replace(first.info, shape=(len(self._paths), *first.info.shape[1:]))
        finally:
            first.close()

    def read(self, z0: int, z1: int, y: slice = slice(None), x: slice = slice(None)) -> Array:
        """Voxels of slices z0 to z1 - 1 in native byte order; see `Volume.read`.

        Raises
        ------
        AisError
            If a file is damaged, or differs from the first in size or type.
        """
        if self._closed:
            raise AisError(f"{self._name} has been closed.")
        planes = [self._plane(path, y, x) for path in self._paths[z0:z1]]
        return np.stack(planes) if planes else np.empty((0, *self.info.shape[1:]), self.info.dtype)[:, y, x]

    def close(self) -> None:
        """No file stays open."""
        self._closed = True

    def _plane(self, path: Path, y: slice, x: slice) -> Array:
        page = TiffVolume(path)
        try:
            if page.info.shape != (1, *self.info.shape[1:]) or page.info.dtype != self.info.dtype:
                raise AisError(f"{path} is not of the size and type of the first file of its series.")
            plane: Array = page.read(0, 1, y, x)[0]
            return plane
        finally:
            page.close()


def series_files(path: Path, name: str) -> list[Path]:
    """The files of a pattern in the order of their numbers; raises as `TiffSeries`."""
    before, digits, after = re.split(f"({MARK}+)", path.name, maxsplit=1)
    if MARK in after:
        raise AisError(f"{name} has # in two places: they stand for the digits of one number.")
    pattern = re.compile(re.escape(before) + r"(\d{1,9})" + re.escape(after))
    try:
        found = [(match, entry) for entry in path.parent.iterdir() if (match := pattern.fullmatch(entry.name))]
    except OSError as error:
        raise AisError(describe_os_error(error, path.parent)) from error
    numbered = sorted((int(match[1]), entry) for match, entry in found)
    if not numbered or len(numbered) > MAX_FILES:
        raise AisError(f"{name}: there are {len(numbered)} files of this pattern, where {digits} stands for digits.")
    for (earlier, one), (later, other) in pairwise(numbered):
        if earlier == later:
            raise AisError(f"{one} and {other.name} have the same number.")
        if later != earlier + 1:
            raise AisError(f"{name}: the slice after number {earlier} is missing, the next one is {later}.")
    return [entry for _, entry in numbered]
