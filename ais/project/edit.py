"""One transaction of a project: every changed row is written together with how it was before, for undo and redo."""

from __future__ import annotations

import json
import sqlite3
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ais.annotation.entries import IGNORE, Region
from ais.annotation.tiles import (
    TILE_PX,
    TILE_ROW_BYTES,
    Bits,
    TileIndex,
    Tiles,
    compress_tile,
    cut_into_tiles,
    decompress_tile,
    painted_bounds,
)
from ais.errors import AisError
from ais.project.reading import ProjectReader
from ais.project.rows import check_text, read_object, stored_paths, write_json
from ais.project.schema import CONTENT

Key = tuple[Any, ...]
Image = bytes | str | None


class Edit:
    """Reads and changes a project within one transaction; given to `Operation.apply`.

    Attributes
    ----------
    project
        Reads the project as it is within the transaction.
    changes
        How many rows have been changed so far.
    """

    def __init__(self, project: ProjectReader, connection: sqlite3.Connection, entry: int) -> None:
        self.project = project
        self.changes = 0
        self._connection = connection
        self._entry = entry
        self._touched: dict[TileIndex, Bits] = {}
        self._region: Region | None = None

    @property
    def region(self) -> Region:
        """Where the edit acted: what `acted_on` said, with the bounds of the pixels that changed in that slice."""
        region = self._region or Region()
        return Region(region.tomogram, region.feature, region.z, region.bounds or painted_bounds(self._touched))

    @property
    def entry(self) -> int:
        """Number of this edit in the history; there is no such line unless it changes something."""
        return self._entry

    def acted_on(
        self,
        tomogram: int | None = None,
        feature: int | None = None,
        z: int | None = None,
        bounds: tuple[int, int, int, int] | None = None,
    ) -> None:
        """Say where the edit acts, before it changes anything there; the first call counts."""
        if self._region is None:
            self._region = Region(tomogram, feature, z, bounds)

    # Values

    def check_text(self, text: str) -> str:
        """The same text, or an AisError if it cannot be stored."""
        return check_text(text)

    def stored_paths(self, path: Path) -> dict[str, str | None]:
        """The columns that find a file again when the project or the file has moved."""
        return stored_paths(path, self.project.path.parent)

    def write_json(self, value: Any) -> str:
        """A value as JSON, or an AisError if it cannot be."""
        return write_json(value)

    # Rows

    def rows(self, sql: str, *values: Any) -> list[tuple[Any, ...]]:
        """Rows that a query selects."""
        return self._connection.execute(sql, values).fetchall()

    def insert(self, table: str, **values: Any) -> int:
        """Add a row; returns its number where the table numbers its rows."""
        columns = ", ".join(values)
        marks = ", ".join("?" * len(values))
        cursor = self._connection.execute(f"INSERT INTO {table} ({columns}) VALUES ({marks})", tuple(values.values()))
        number = int(cursor.lastrowid or 0)
        names = CONTENT[table].key
        key = tuple(values[name] for name in names) if names[0] in values else (number,)
        self._record(table, key, None, self._row(table, key))
        return number

    def update(self, table: str, key: Key, **values: Any) -> None:
        """Change columns of a row."""
        before = self._row(table, key)
        changes = ", ".join(f"{name} = ?" for name in values)
        self._connection.execute(f"UPDATE {table} SET {changes} WHERE {_where(table)}", (*values.values(), *key))
        after = self._row(table, key)
        if after != before:
            self._record(table, key, before, after)

    def delete(self, table: str, key: Key) -> None:
        """Remove a row."""
        before = self._row(table, key)
        if before is not None:
            self._connection.execute(f"DELETE FROM {table} WHERE {_where(table)}", key)
            self._record(table, key, before, None)

    def delete_where(self, table: str, **values: Any) -> None:
        """Remove all rows with these values."""
        for key in self.keys_where(table, **values):
            self.delete(table, key)

    def keys_where(self, table: str, **values: Any) -> list[Key]:
        """Primary keys of all rows with these values, in order."""
        names = ", ".join(CONTENT[table].key)
        condition = " AND ".join(f"{name} = ?" for name in values) or "1"
        sql = f"SELECT {names} FROM {table} WHERE {condition} ORDER BY {names}"
        return self._connection.execute(sql, tuple(values.values())).fetchall()

    # Masks

    def mask(self, tomogram: int, feature: int, z: int) -> NDArray[np.uint8]:
        """The mask (ny, nx) of 0 and 1 of a feature, or of the ignore regions, in a slice."""
        return self.project.ignore(tomogram, z) if feature == IGNORE else self.project.mask(tomogram, feature, z)

    def set_mask(self, tomogram: int, feature: int, z: int, mask: NDArray[Any]) -> None:
        """Replace a mask by another of the slice's shape; everything that is not 0 is painted."""
        shape = self.project.slice_shape(tomogram, feature, z)
        if mask.shape != shape:
            raise AisError(f"A mask of {mask.shape} pixels does not fit a slice of {shape} (rows, columns).")
        tiles = cut_into_tiles(mask)
        present = self.project.tile_indices(tomogram, feature, z)
        for index in sorted({*tiles, *present}):
            old = self._stored(tomogram, feature, z, index)
            self._write(tomogram, feature, z, index, old, tiles.get(index))

    def paint(self, tomogram: int, feature: int, z: int, tiles: Tiles) -> None:
        """Add painted pixels to a mask."""
        self.project.slice_shape(tomogram, feature, z)
        for index, bits in tiles.items():
            old = self._stored(tomogram, feature, z, index)
            self._write(tomogram, feature, z, index, old, bits if old is None else decompress_tile(old) | bits)

    def erase(self, tomogram: int, feature: int, z: int, tiles: Tiles) -> None:
        """Take painted pixels away from a mask."""
        self.project.slice_shape(tomogram, feature, z)
        for index, bits in tiles.items():
            old = self._stored(tomogram, feature, z, index)
            if old is not None:
                self._write(tomogram, feature, z, index, old, decompress_tile(old) & ~bits)

    def _stored(self, tomogram: int, feature: int, z: int, index: TileIndex) -> bytes | None:
        row = self._row(*tile_key(tomogram, feature, z, index))
        return row if isinstance(row, bytes) else None

    def _write(
        self, tomogram: int, feature: int, z: int, index: TileIndex, old: bytes | None, bits: Bits | None
    ) -> None:
        table, key = tile_key(tomogram, feature, z, index)
        new = compress_tile(bits) if bits is not None and bits.any() else None
        if new == old:
            return
        write_row(self._connection, table, key, new)
        self._record(table, key, old, new)
        self.acted_on(tomogram, feature, z)
        if self._region is not None and (self._region.tomogram, self._region.z) == (tomogram, z):
            blank = np.zeros((TILE_PX, TILE_ROW_BYTES), np.uint8)
            before = blank if old is None else decompress_tile(old)
            self._touched[index] = before ^ (blank if bits is None else bits)

    def _row(self, table: str, key: Key) -> Image:
        return read_row(self._connection, table, key)

    def _record(self, table: str, key: Key, before: Image, after: Image) -> None:
        self.changes += 1
        self._connection.execute(
            "INSERT INTO history_changes VALUES (?, ?, ?, ?, ?, ?)",
            (self._entry, self.changes, table, json.dumps(key), before, after),
        )


def tile_key(tomogram: int, feature: int, z: int, index: TileIndex) -> tuple[str, Key]:
    """Table and primary key of a tile of a feature's mask, or of the ignore regions."""
    if feature == IGNORE:
        return "ignore_tiles", (tomogram, z, *index)
    return "mask_tiles", (tomogram, feature, z, *index)


def read_row(connection: sqlite3.Connection, table: str, key: Key) -> Image:
    """A row as history keeps it: a tile's bits, else its columns as a JSON object; None if there is no such row."""
    names = CONTENT[table].values
    sql = f"SELECT {', '.join(names)} FROM {table} WHERE {_where(table)}"
    row = connection.execute(sql, key).fetchone()
    if row is None:
        return None
    return row[0] if CONTENT[table].is_tiles else json.dumps(dict(zip(names, row, strict=True)), ensure_ascii=False)


def write_row(connection: sqlite3.Connection, table: str, key: Key, image: Image) -> None:
    """Make a row what history says it was; None removes it."""
    if image is None:
        connection.execute(f"DELETE FROM {table} WHERE {_where(table)}", key)
        return
    values = {"bits": image} if CONTENT[table].is_tiles else read_object(image)
    names = (*CONTENT[table].key, *CONTENT[table].values)
    row = (*key, *(values[name] for name in CONTENT[table].values))
    marks = ", ".join("?" * len(names))
    connection.execute(f"INSERT OR REPLACE INTO {table} ({', '.join(names)}) VALUES ({marks})", row)


def _where(table: str) -> str:
    return " AND ".join(f"{name} = ?" for name in CONTENT[table].key)
