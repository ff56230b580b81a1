"""The tables of a project file, and how files of earlier versions are brought up to date.

The file is plain SQLite. A mask is stored as tiles of 256 x 256 pixels, one bit per pixel (the first pixel in the
highest bit, 32 bytes per row), compressed with zlib; tile (0, 0) begins at pixel y = 0, x = 0, and a tile without a
painted pixel has no row. `history` and `history_changes` hold, for every edit, each changed row before and after.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

from ais.errors import AisError, describe_os_error
from ais.formats.plain_file import require_plain_file

APPLICATION_ID = 0x41495350  # "AISP"
MAGIC = b"SQLite format 3\x00"
HEADER_BYTES = 100

_VERSION_1 = """
CREATE TABLE tomograms (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    name TEXT NOT NULL,
    path TEXT NOT NULL,             -- absolute
    relative_path TEXT,             -- from the project's folder, with /
    nz INTEGER NOT NULL,
    ny INTEGER NOT NULL,
    nx INTEGER NOT NULL,
    header_voxel_size REAL NOT NULL,  -- A; 0 where the file does not say
    voxel_size REAL                 -- A; the user's override
);
CREATE TABLE features (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    position INTEGER NOT NULL,
    name TEXT NOT NULL,
    red REAL NOT NULL,
    green REAL NOT NULL,
    blue REAL NOT NULL,
    box_size INTEGER NOT NULL,      -- px
    brush_radius REAL NOT NULL,     -- px
    alpha REAL NOT NULL,
    visible INTEGER NOT NULL,
    outline INTEGER NOT NULL,
    level REAL NOT NULL,            -- isosurface, 0-255
    dust REAL NOT NULL              -- A^3
);
CREATE TABLE mask_tiles (
    tomogram INTEGER NOT NULL REFERENCES tomograms (id) DEFERRABLE INITIALLY DEFERRED,
    feature INTEGER NOT NULL REFERENCES features (id) DEFERRABLE INITIALLY DEFERRED,
    z INTEGER NOT NULL,
    tile_y INTEGER NOT NULL,
    tile_x INTEGER NOT NULL,
    bits BLOB NOT NULL,
    PRIMARY KEY (tomogram, feature, z, tile_y, tile_x)
);
CREATE INDEX mask_tiles_by_feature ON mask_tiles (feature);
CREATE TABLE ignore_tiles (
    tomogram INTEGER NOT NULL REFERENCES tomograms (id) DEFERRABLE INITIALLY DEFERRED,
    z INTEGER NOT NULL,
    tile_y INTEGER NOT NULL,
    tile_x INTEGER NOT NULL,
    bits BLOB NOT NULL,
    PRIMARY KEY (tomogram, z, tile_y, tile_x)
);
CREATE TABLE boxes (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    tomogram INTEGER NOT NULL REFERENCES tomograms (id) DEFERRABLE INITIALLY DEFERRED,
    feature INTEGER NOT NULL REFERENCES features (id) DEFERRABLE INITIALLY DEFERRED,
    z INTEGER NOT NULL,
    y INTEGER NOT NULL,
    x INTEGER NOT NULL,
    negative INTEGER NOT NULL
);
CREATE INDEX boxes_by_tomogram ON boxes (tomogram, feature);
CREATE INDEX boxes_by_feature ON boxes (feature);
CREATE TABLE models (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    name TEXT NOT NULL,
    path TEXT NOT NULL,
    relative_path TEXT,
    settings TEXT NOT NULL          -- JSON object
);
CREATE TABLE rules (
    position INTEGER PRIMARY KEY,
    rule TEXT NOT NULL              -- JSON object
);
CREATE TABLE pick_sets (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    tomogram INTEGER NOT NULL REFERENCES tomograms (id) DEFERRABLE INITIALLY DEFERRED,
    name TEXT NOT NULL,
    data TEXT NOT NULL              -- JSON object
);
CREATE INDEX pick_sets_by_tomogram ON pick_sets (tomogram);
CREATE TABLE settings (
    key TEXT PRIMARY KEY,
    value TEXT NOT NULL             -- JSON
);
CREATE TABLE view_state (           -- remembered, but not part of the work: no undo
    key TEXT PRIMARY KEY,
    value TEXT NOT NULL             -- JSON
);
CREATE TABLE normalizations (       -- computed from a tomogram's file of this size and time
    tomogram INTEGER PRIMARY KEY,
    rule TEXT NOT NULL,
    center REAL NOT NULL,
    scale REAL NOT NULL,
    file_bytes INTEGER NOT NULL,
    file_time_ns INTEGER NOT NULL
);
CREATE TABLE history (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    time TEXT NOT NULL,             -- ISO 8601, UTC
    operation TEXT NOT NULL,
    text TEXT NOT NULL,
    tomogram INTEGER,
    feature INTEGER,
    z INTEGER,
    y0 INTEGER,
    y1 INTEGER,
    x0 INTEGER,
    x1 INTEGER,
    undone INTEGER NOT NULL
);
CREATE TABLE history_changes (
    entry INTEGER NOT NULL REFERENCES history (id) DEFERRABLE INITIALLY DEFERRED,
    number INTEGER NOT NULL,
    in_table TEXT NOT NULL,
    key TEXT NOT NULL,              -- JSON array of the row's primary key
    before,                         -- NULL: no such row; a tile's bits; else the row as a JSON object
    after,
    PRIMARY KEY (entry, number)
);
"""

MIGRATIONS: tuple[str, ...] = (_VERSION_1,)
"""Script n brings a file of version n to version n + 1; a new file begins at 0."""


@dataclass(frozen=True)
class Table:
    """A table that edits change.

    Attributes
    ----------
    key, values
        Its columns: the primary key, and the others.
    """

    key: tuple[str, ...]
    values: tuple[str, ...]

    @property
    def is_tiles(self) -> bool:
        """Whether it holds compressed tiles, which history keeps as they are."""
        return self.values == ("bits",)


CONTENT: Mapping[str, Table] = MappingProxyType(
    {
        "tomograms": Table(
            ("id",), ("name", "path", "relative_path", "nz", "ny", "nx", "header_voxel_size", "voxel_size")
        ),
        "features": Table(
            ("id",),
            (
                *("position", "name", "red", "green", "blue", "box_size", "brush_radius"),
                *("alpha", "visible", "outline", "level", "dust"),
            ),
        ),
        "mask_tiles": Table(("tomogram", "feature", "z", "tile_y", "tile_x"), ("bits",)),
        "ignore_tiles": Table(("tomogram", "z", "tile_y", "tile_x"), ("bits",)),
        "boxes": Table(("id",), ("tomogram", "feature", "z", "y", "x", "negative")),
        "models": Table(("id",), ("name", "path", "relative_path", "settings")),
        "rules": Table(("position",), ("rule",)),
        "pick_sets": Table(("id",), ("tomogram", "name", "data")),
        "settings": Table(("key",), ("value",)),
    }
)
"""The tables that are the user's work: changed by edits only, restored by undo and redo."""


def check_header(path: Path) -> None:
    """Refuse a file that is not a project, without opening it as a database.

    Raises
    ------
    AisError
        If it is missing, a folder, something else, cut off, or written by a newer version.
    """
    require_plain_file(path)
    try:
        with path.open("rb") as file:
            header = file.read(HEADER_BYTES)
        size = path.stat().st_size
    except OSError as error:
        raise AisError(describe_os_error(error, path)) from error
    if len(header) < HEADER_BYTES or not header.startswith(MAGIC):
        raise AisError(f"{path} is not an Ais project, or is damaged: choose another file, or restore it from a copy.")
    if int.from_bytes(header[68:72], "big") != APPLICATION_ID:
        raise AisError(f"{path} is a database of another program, not an Ais project.")
    _refuse_newer(path, int.from_bytes(header[60:64], "big"))
    page = int.from_bytes(header[16:18], "big")
    expected = (65536 if page == 1 else page) * int.from_bytes(header[28:32], "big")
    interrupted = any(path.with_name(path.name + ending).exists() for ending in ("-wal", "-journal"))
    if size < expected and not interrupted:
        raise AisError(f"{path} is cut off: it has {size} of {expected} bytes; restore it from a copy.")


def check_schema(connection: sqlite3.Connection, path: Path, may_migrate: bool) -> None:
    """Refuse a database that is not a project, or that would run something by itself; reads only.

    Parameters
    ----------
    connection
        The database.
    path
        Its file, for messages.
    may_migrate
        Whether an earlier version is good enough.

    Raises
    ------
    AisError
        If it is of another program or a newer version, tables or columns are missing, or there are triggers, views or
        virtual tables.
    """
    if connection.execute("PRAGMA application_id").fetchone()[0] != APPLICATION_ID:
        raise AisError(f"{path} is not an Ais project.")
    version = _version(connection)
    _refuse_newer(path, version)
    if version < len(MIGRATIONS) and not may_migrate:
        raise AisError(f"{path} was written by an older Ais: open it once for editing to bring it up to date.")
    for kind, name, sql in connection.execute("SELECT type, name, sql FROM sqlite_master"):
        if kind in ("trigger", "view") or str(sql).lstrip().upper().startswith("CREATE VIRTUAL"):
            raise AisError(f"{path} has the {kind} {name}, which an Ais project does not have: it is not opened.")
    for name, columns in _expected_columns(version).items():
        found = {row[1] for row in connection.execute(f"PRAGMA table_info({name})")}
        if not columns <= found:
            raise AisError(f"{path} is damaged: its table {name} is missing or incomplete; restore it from a copy.")


def migrate(connection: sqlite3.Connection) -> None:
    """Bring a database to the current version in one transaction; does nothing to a current one."""
    version = _version(connection)
    if version == len(MIGRATIONS):
        return
    connection.execute("BEGIN IMMEDIATE")
    try:
        for script in MIGRATIONS[version:]:
            for statement in _statements(script):
                connection.execute(statement)
        connection.execute(f"PRAGMA user_version = {len(MIGRATIONS)}")
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:  # a full disk has ended it already
            connection.execute("ROLLBACK")
        raise


def _version(connection: sqlite3.Connection) -> int:
    return int(connection.execute("PRAGMA user_version").fetchone()[0])


def _refuse_newer(path: Path, version: int) -> None:
    if version > len(MIGRATIONS):
        raise AisError(
            f"{path} was written by a newer Ais (project version {version}, this one reads up to {len(MIGRATIONS)}): "
            "update Ais to open it."
        )


def _expected_columns(version: int) -> dict[str, set[str]]:
    with closing(sqlite3.connect(":memory:")) as blank:
        for script in MIGRATIONS[:version]:
            for statement in _statements(script):
                blank.execute(statement)
        names = [row[0] for row in blank.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        return {name: {row[1] for row in blank.execute(f"PRAGMA table_info({name})")} for name in names}


def _statements(script: str) -> Sequence[str]:
    without_comments = "\n".join(line.split("--")[0] for line in script.splitlines())
    return [statement for statement in without_comments.split(";") if statement.strip()]
