"""The tomogram on the screen: its file, the reader of its slices, and what its values are like."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from ais.annotation import TomogramEntry
from ais.gui.contrast import ContrastStatistics
from ais.gui.display import Plane
from ais.gui.notices import Kind
from ais.gui.slice_reader import SliceReader
from ais.tomogram import Tomogram


@dataclass
class ShownTomogram:
    """An open tomogram.

    Attributes
    ----------
    entry
        What the project says of it.
    tomogram
        Its file.
    reader
        Reads its slices off the window's thread.
    statistics
        Its histogram and automatic contrast limits; None until they have been measured.
    """

    entry: TomogramEntry
    tomogram: Tomogram
    reader: SliceReader
    statistics: ContrastStatistics | None = field(default=None)
    _told: set[str] = field(default_factory=set)

    @classmethod
    def open(cls, entry: TomogramEntry, tomogram: Tomogram, wake: Callable[[], None]) -> ShownTomogram:
        """Start reading a tomogram that has been opened."""
        return cls(entry, tomogram, SliceReader(tomogram, wake))

    @property
    def shape(self) -> tuple[int, int, int]:
        """(nz, ny, nx)."""
        return self.tomogram.shape

    def picture_shape(self, plane: Plane) -> tuple[int, int]:
        """(rows, columns) of a plane's picture."""
        nz, ny, nx = self.shape
        return {"xy": (ny, nx), "xz": (nz, nx), "yz": (nz, ny)}[plane]

    def voxel(self, plane: Plane, position: int, row: float, column: float) -> tuple[float, float, float]:
        """The voxel (z, y, x) of a point (row, column) of a plane's picture."""
        if plane == "xy":
            return float(position), row, column
        return (row, float(position), column) if plane == "xz" else (row, column, float(position))

    def news(self) -> list[tuple[str, Kind]]:
        """What the user must know of the file's slices: what went wrong, or was replaced; each sentence once."""
        found: list[tuple[str | None, Kind]] = [(self.reader.problem, "problem"), (self.reader.note, "hint")]
        new: list[tuple[str, Kind]] = [(text, kind) for text, kind in found if text and text not in self._told]
        self._told.update(text for text, _ in new)
        return new

    def close(self) -> None:
        """Stop reading and release the file."""
        self.reader.close()
        self.tomogram.close()
