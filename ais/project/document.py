"""The project: a document that holds tomograms, annotations, models, rules and picks, with undo across restarts."""

from __future__ import annotations

import datetime
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, TypeVar

from ais.annotation.entries import HistoryEntry, TomogramEntry
from ais.annotation.operation import Operation
from ais.errors import AisError, describe_os_error
from ais.formats.atomic import atomic_path
from ais.project import rows
from ais.project.database import copy_database, create_database, open_database, refuse_side_files
from ais.project.edit import Edit, write_row
from ais.project.reading import NORMALIZATION_RULE, ProjectReader, file_state

if TYPE_CHECKING:
    from ais.tomogram import Normalization

Result = TypeVar("Result")


class Project(ProjectReader):
    """An open project file (``.aisproj``); a context manager.

    Every change of its content goes through `apply`, is on disk when that returns, and can be undone, also after the
    project has been closed and opened again.

    Attributes
    ----------
    read_only
        Whether it can only be read.
    notice
        A sentence for the user: why it can only be read and who holds it, or that the file system is unsafe; else
        empty.
    """

    @classmethod
    def create(cls, path: Path | str) -> Project:
        """Make a new, empty project and open it.

        Raises
        ------
        AisError
            If the file exists already, or its folder cannot be written.
        """
        path = _absolute(path)
        create_database(path)
        return cls(open_database(path, read_only=False))

    @classmethod
    def open(cls, path: Path | str, read_only: bool = False) -> Project:
        """Open a project.

        Parameters
        ----------
        path
            The project file.
        read_only
            Only to read. A project that another program is editing, or that may not be written, is opened in this way
            too; `notice` then says why.

        Raises
        ------
        AisError
            If it is not a project, is damaged, or was written by a newer Ais; the file is then untouched.
        """
        return cls(open_database(_absolute(path), read_only))

    @property
    def read_only(self) -> bool:
        """Whether the project can only be read."""
        return self._database.lock is None

    @property
    def notice(self) -> str:
        """Why it can only be read, or that the file system is unsafe; else empty."""
        return self._database.notice

    def can_be_changed(self) -> bool:
        """Whether an edit can be made now: false too if its file has been moved, replaced or taken over meanwhile."""
        lock = self._database.lock
        try:
            if lock is not None:
                lock.check()
        except AisError:
            return False
        return lock is not None

    def __enter__(self) -> Project:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the project; one file remains. May be called twice."""
        with self._guard:
            self._database.close()

    # Edits

    def apply(self, operation: Operation[Result]) -> Result:
        """Make an edit; it is on disk when this returns.

        Edits that were undone before can no longer be redone. An edit that changes nothing leaves no trace.

        Parameters
        ----------
        operation
            What to do; see `ais.annotation`.

        Returns
        -------
        Result
            What the operation gives back.

        Raises
        ------
        AisError
            If the edit makes no sense, the project can only be read, or the disk is full; the project is then as it
            was.
        """
        with self._writing() as connection:
            entry = connection.execute(
                "INSERT INTO history (time, operation, text, undone) VALUES (?, ?, '', 0)",
                (_now(), type(operation).__name__),
            ).lastrowid
            edit = Edit(self, connection, int(entry or 0))
            text = operation.text(edit)
            result = operation.apply(edit)
            if not edit.changes:
                connection.execute("DELETE FROM history WHERE id = ?", (entry,))
                return result
            for table in ("history_changes WHERE entry", "history WHERE id"):
                connection.execute(f"DELETE FROM {table} IN (SELECT id FROM history WHERE undone)")
            region = edit.region
            connection.execute(
                "UPDATE history SET text = ?, tomogram = ?, feature = ?, z = ?, y0 = ?, y1 = ?, x0 = ?, x1 = ? "
                "WHERE id = ?",
                (text, region.tomogram, region.feature, region.z, *(region.bounds or (None,) * 4), entry),
            )
        self.revision += 1
        return result

    def undo(self) -> HistoryEntry | None:
        """Take the last edit back.

        Returns
        -------
        HistoryEntry or None
            What was undone and where, so that the view can go there; None if there is nothing to undo.

        Raises
        ------
        AisError
            If the project can only be read or the disk is full.
        """
        return self._travel("undone = 0 ORDER BY id DESC", "before", "DESC", undone=True)

    def redo(self) -> HistoryEntry | None:
        """Make the last edit that was undone again; returns and raises as `undo`."""
        return self._travel("undone = 1 ORDER BY id", "after", "ASC", undone=False)

    def _travel(self, which: str, image: str, order: str, undone: bool) -> HistoryEntry | None:
        with self._writing() as connection:
            found = connection.execute(f"SELECT {rows.HISTORY_COLUMNS} FROM history WHERE {which} LIMIT 1").fetchone()
            if found is None:
                return None
            changes = connection.execute(
                f"SELECT in_table, key, {image} FROM history_changes WHERE entry = ? ORDER BY number {order}", found[:1]
            )
            for table, key, row in changes:
                write_row(connection, table, rows.read_key(table, key), row)
            connection.execute("UPDATE history SET undone = ? WHERE id = ?", (undone, found[0]))
        self.revision += 1
        return rows.history_of((*found[:-1], undone))

    # What is remembered without undo

    def normalization(self, tomogram: int) -> Normalization:
        """Centre and scale of a tomogram by the rule ``global_mad``, computed once and then remembered.

        Raises
        ------
        AisError
            If the file is missing or cannot be read.
        """
        entry = self.tomogram_by_id(tomogram)
        if entry.normalization is not None:
            return entry.normalization
        with self.open_tomogram(entry) as opened:
            found = opened.normalization
        self._remember_normalization(entry, found)
        return found

    def set_view_state(self, key: str, value: Any) -> None:
        """Remember something about the view, such as contrast limits; forgotten silently if the project is read-only.

        Raises
        ------
        AisError
            If `value` cannot be written as JSON, or the disk is full.
        """
        text = rows.write_json(value)
        if not self.read_only:
            with self._writing() as connection:
                connection.execute("INSERT OR REPLACE INTO view_state VALUES (?, ?)", (key, text))

    def _remember_normalization(self, entry: TomogramEntry, found: Normalization) -> None:
        state = file_state(entry.path)
        if not self.read_only and state is not None:
            values = (entry.id, NORMALIZATION_RULE, found.center, found.scale, *state)
            with self._writing() as connection:
                connection.execute("INSERT OR REPLACE INTO normalizations VALUES (?, ?, ?, ?, ?, ?)", values)

    # The file

    def save_copy(self, path: Path | str) -> None:
        """Write a copy of the project, with its history, that finds its tomograms from its own folder.

        Parameters
        ----------
        path
            The copy; a file of that name is replaced once the copy is complete.

        Raises
        ------
        AisError
            If it is this project, one that is open, or cannot be written.
        """
        path = _absolute(path)
        if path == self.path:
            raise AisError(f"{path} is the project itself: choose another name for the copy.")
        refuse_side_files(path)
        with self._reading() as connection, atomic_path(path) as temporary:
            copy_database(connection, temporary, path.parent)

    @contextmanager
    def _writing(self) -> Iterator[Any]:
        with self._reading() as connection:
            lock = self._database.lock
            if lock is None:
                raise AisError(f"{self.path.name} is open for reading only. {self.notice}".strip())
            lock.check()
            connection.execute("BEGIN IMMEDIATE")
            try:
                yield connection
                connection.execute("COMMIT")
            except BaseException:
                if connection.in_transaction:
                    connection.execute("ROLLBACK")
                raise


def _absolute(path: Path | str) -> Path:
    try:
        return Path(os.path.realpath(rows.check_text(str(path))))
    except OSError as error:
        raise AisError(describe_os_error(error, path)) from error


def _now() -> str:
    return datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")
