"""What is asked of a whole project at once: how much is annotated where, how many boxes there are, and what undo does.

Each answer is one query over an index, so that it can be asked again after every edit.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any

from ais.annotation.entries import IGNORE, HistoryEntry
from ais.errors import AisError
from ais.project import rows


@dataclass(frozen=True)
class BoxCount:
    """How many training boxes there are.

    Attributes
    ----------
    positive, negative
        Of those that show the feature, and of those that show what it is not.
    """

    positive: int
    negative: int


class ProjectOverview(ABC):
    """Questions about all of a project; a part of `ProjectReader`."""

    revision = 0

    @abstractmethod
    def _rows(self, sql: str, *values: Any) -> list[rows.Row]:
        """Rows that a query selects."""

    def content_revision(self) -> tuple[int, int]:
        """Differs from an earlier answer of this object whenever the content may have changed in between.

        Returns
        -------
        tuple of int
            Edits, undos and redos made through this object, and a number that changes when another program writes
            the file.
        """
        return self.revision, int(self._rows("PRAGMA data_version")[0][0])

    # Annotations

    def annotated_slices_of(self, tomogram: int) -> dict[int, list[int]]:
        """The annotated slices of a tomogram, of all features at once.

        Parameters
        ----------
        tomogram
            Its number.

        Returns
        -------
        dict
            Slices in order for each feature's number; IGNORE stands for the ignore regions. Features without painted
            pixels in this tomogram are left out.
        """
        sql = (
            f"SELECT DISTINCT {IGNORE}, z FROM ignore_tiles WHERE tomogram = ?1 "
            "UNION ALL SELECT DISTINCT feature, z FROM mask_tiles WHERE tomogram = ?1 ORDER BY 1, 2"
        )
        slices: dict[int, list[int]] = {}
        for feature, z in self._rows(sql, tomogram):
            slices.setdefault(feature, []).append(z)
        return slices

    def annotation_marks(self) -> dict[int, dict[int, int]]:
        """In how many slices each feature is annotated, in every tomogram.

        Returns
        -------
        dict
            For each tomogram's number, the count of annotated slices for each feature's number; IGNORE stands for the
            ignore regions. Tomograms and features without painted pixels are left out.
        """
        sql = (
            f"SELECT tomogram, {IGNORE}, COUNT(DISTINCT z) FROM ignore_tiles GROUP BY tomogram "
            "UNION ALL SELECT tomogram, feature, COUNT(DISTINCT z) FROM mask_tiles GROUP BY tomogram, feature"
        )
        marks: dict[int, dict[int, int]] = {}
        for tomogram, feature, count in self._rows(sql):
            marks.setdefault(tomogram, {})[feature] = count
        return marks

    def box_counts(self) -> dict[int, dict[int, BoxCount]]:
        """How many training boxes each feature has in every tomogram.

        Returns
        -------
        dict
            For each tomogram's number, the counts for each feature's number; without boxes it is left out.
        """
        sql = "SELECT tomogram, feature, COUNT(*), SUM(negative != 0) FROM boxes GROUP BY tomogram, feature"
        counts: dict[int, dict[int, BoxCount]] = {}
        for tomogram, feature, count, negative in self._rows(sql):
            counts.setdefault(tomogram, {})[feature] = BoxCount(count - negative, negative)
        return counts

    def pick_counts(self) -> dict[int, dict[int, int]]:
        """How many particles of each feature were picked by hand in every tomogram.

        Returns
        -------
        dict
            For each tomogram's number, the count for each feature's number; without picks it is left out.
        """
        sql = (
            "SELECT tomogram, json_extract(data, '$.feature'), json_array_length(data, '$.picks') FROM pick_sets "
            f"WHERE {rows.PICKED_BY_HAND} ORDER BY id"
        )
        counts: dict[int, dict[int, int]] = {}
        for tomogram, feature, count in self._rows(sql):
            if count:
                counts.setdefault(tomogram, {})[feature] = count
        return counts

    # History

    def history(self) -> list[HistoryEntry]:
        """Every edit that can be undone or redone, oldest first."""
        found = self._rows(f"SELECT {rows.HISTORY_COLUMNS} FROM history ORDER BY id")
        return [rows.history_of(row) for row in found]

    def recent_history(self, limit: int) -> list[HistoryEntry]:
        """The last edits that can be undone or redone, oldest first.

        Parameters
        ----------
        limit
            At most this many, 0 or more.

        Raises
        ------
        AisError
            If `limit` is negative.
        """
        if limit < 0:
            raise AisError(f"Ask for 0 or more lines of the history, not {limit}.")
        found = self._rows(f"SELECT {rows.HISTORY_COLUMNS} FROM history ORDER BY id DESC LIMIT ?", limit)
        return [rows.history_of(row) for row in reversed(found)]

    def history_length(self) -> int:
        """How many edits can be undone or redone."""
        return int(self._rows("SELECT COUNT(*) FROM history")[0][0])

    def undo_text(self) -> str:
        """What undo would take back, in the words of the history; empty if there is nothing to undo."""
        return self._text_of("SELECT text FROM history WHERE undone = 0 ORDER BY id DESC LIMIT 1")

    def redo_text(self) -> str:
        """What redo would make again, in the words of the history; empty if there is nothing to redo."""
        # What was undone comes after all that was not, so no long history is searched.
        last = "COALESCE((SELECT id FROM history WHERE undone = 0 ORDER BY id DESC LIMIT 1), 0)"
        return self._text_of(f"SELECT text FROM history WHERE id > {last} ORDER BY id LIMIT 1")

    def _text_of(self, sql: str) -> str:
        found = self._rows(sql)
        return str(found[0][0]) if found else ""
