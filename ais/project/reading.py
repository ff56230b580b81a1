"""What can be read from a project: tomograms, features, masks, boxes, models, rules, pick sets, history."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray

from ais.annotation.entries import IGNORE, Box, Feature, HandPicks, ModelEntry, PickSet, TomogramEntry
from ais.annotation.tiles import TILE_PX, TileIndex, decompress_tile, paste_tiles, tile_line
from ais.annotation.volume_looks import VolumeEntry, volume_prefix
from ais.errors import AisError
from ais.fluorescence.overlay import Overlay
from ais.fluorescence.records import overlay_prefix
from ais.project import rows
from ais.project.database import Database, database_errors
from ais.project.overview import ProjectOverview
from ais.project.particles import ProjectParticles
from ais.project.schema import CONTENT

if TYPE_CHECKING:
    from ais.tomogram import Normalization, Tomogram

NORMALIZATION_RULE = "global_mad"


@dataclass(frozen=True)
class MaskVolume:
    """A feature's mask of a whole tomogram, read slice by slice.

    Attributes
    ----------
    project, tomogram, feature
        Whose mask it is.
    shape
        (nz, ny, nx).
    """

    project: ProjectReader
    tomogram: int
    feature: int
    shape: tuple[int, int, int]

    def slice(self, z: int) -> NDArray[np.uint8]:
        """Slice z, (ny, nx), 0 or 1."""
        return self.project.mask(self.tomogram, self.feature, z)

    def slab(self, z0: int, z1: int) -> NDArray[np.uint8]:
        """Slices z0 to z1 - 1, (z1 - z0, ny, nx), 0 or 1."""
        return np.stack([self.slice(z) for z in range(z0, z1)])

    def __iter__(self) -> Iterator[NDArray[np.uint8]]:
        """Every slice in order."""
        return (self.slice(z) for z in range(self.shape[0]))


class ProjectReader(ProjectOverview, ProjectParticles):
    """The reading side of a project; safe to use from several threads.

    Attributes
    ----------
    path
        The project file.
    revision
        Grows with every edit, undo and redo made through this object.
    """

    def __init__(self, database: Database) -> None:
        self.path = database.path
        self._database = database
        self._guard = threading.RLock()

    # Tomograms

    def tomograms(self) -> list[TomogramEntry]:
        """All tomograms in the order in which they were added."""
        found = self._rows(f"SELECT {rows.TOMOGRAM_COLUMNS} FROM tomograms ORDER BY id")
        return [self._tomogram(row) for row in found]

    def tomogram_by_id(self, tomogram: int) -> TomogramEntry:
        """A tomogram by its number, or an AisError."""
        found = self._rows(f"SELECT {rows.TOMOGRAM_COLUMNS} FROM tomograms WHERE id = ?", tomogram)
        if not found:
            raise AisError(f"{self.path.name} has no tomogram number {tomogram}.")
        return self._tomogram(found[0])

    def tomogram(self, name_or_path: str | Path) -> TomogramEntry:
        """A tomogram by its file, or by its name.

        Raises
        ------
        AisError
            If there is none, or several of that name.
        """
        entries = self.tomograms()
        path = Path(name_or_path)
        same = [entry for entry in entries if entry.path == path.absolute() or _same_file(entry.path, path)]
        same = same or [entry for entry in entries if entry.name == str(name_or_path)]
        # A path that no longer leads to a file still names its tomogram by the file's name; another file does not.
        same = same or [e for e in entries if e.path.name == path.name and (e.missing or not path.exists())]
        if not same:
            raise AisError(
                f"{self.path.name} has no tomogram {name_or_path}; its tomograms are: {rows.names_of(entries)}."
            )
        if len(same) > 1:
            places = ", ".join(str(entry.path) for entry in same)
            raise AisError(f"{name_or_path} is the name of several tomograms, give the path of one: {places}.")
        return same[0]

    def open_tomogram(self, entry: TomogramEntry) -> Tomogram:
        """Open a tomogram's file, with the project's voxel size and its normalisation if that is known already.

        Raises
        ------
        AisError
            If the file is missing, cannot be read, or is no longer the volume that was annotated; or if the tomogram
            has been removed from the project.
        """
        from ais.tomogram import Tomogram

        if entry.missing:
            raise AisError(f"{entry.path} is missing: relink the tomogram {entry.name} to where it is now.")
        found_rows = self._rows("SELECT voxel_size FROM tomograms WHERE id = ?", entry.id)
        if not found_rows:
            raise AisError(f"{self.path.name} has no tomogram {entry.name} any more.")
        tomogram = Tomogram(entry.path, found_rows[0][0], entry.normalization)
        if tomogram.shape != entry.shape:
            found = tomogram.shape
            tomogram.close()
            raise AisError(
                f"{entry.path} has changed: it is now {found}, but {entry.shape} (z, y, x) voxels were annotated; "
                "relink the tomogram to the volume that was annotated."
            )
        return tomogram

    # Features and annotations

    def features(self) -> list[Feature]:
        """All features in the user's order."""
        found = self._rows(f"SELECT {rows.FEATURE_COLUMNS} FROM features ORDER BY position, id")
        return [rows.feature_of(row) for row in found]

    def feature_by_id(self, feature: int) -> Feature:
        """A feature by its number, or an AisError."""
        found = self._rows(f"SELECT {rows.FEATURE_COLUMNS} FROM features WHERE id = ?", feature)
        if not found:
            raise AisError(f"{self.path.name} has no feature number {feature}.")
        return rows.feature_of(found[0])

    def feature(self, name: str) -> Feature:
        """A feature by its name, whatever the case of its letters, or an AisError."""
        features = self.features()
        for feature in features:
            if feature.name.casefold() == name.strip().casefold():
                return feature
        raise AisError(f"{self.path.name} has no feature {name}; its features are: {rows.names_of(features)}.")

    def mask(self, tomogram: int, feature: int, z: int) -> NDArray[np.uint8]:
        """A feature's mask in a slice, (ny, nx), 0 or 1."""
        return self._mask(tomogram, feature, z)

    def ignore(self, tomogram: int, z: int) -> NDArray[np.uint8]:
        """The regions of a slice that neither train nor count, (ny, nx), 0 or 1."""
        return self._mask(tomogram, IGNORE, z)

    def mask_volume(self, tomogram: int, feature: int) -> MaskVolume:
        """A feature's mask of the whole tomogram, read slice by slice."""
        return MaskVolume(self, tomogram, feature, self._shape(tomogram, feature))

    def mask_plane(self, tomogram: int, feature: int, plane: Literal["xz", "yz"], position: int) -> NDArray[np.uint8]:
        """A feature's mask in a plane across the slices; only the tiles that the plane cuts are read.

        Parameters
        ----------
        tomogram, feature
            Whose mask; feature IGNORE gives the ignore regions.
        plane
            ``"xz"`` or ``"yz"``.
        position
            The row y of an XZ plane, or the column x of a YZ plane, in voxels.

        Returns
        -------
        ndarray of uint8
            (nz, nx) for XZ, (nz, ny) for YZ; 0 or 1.

        Raises
        ------
        AisError
            If the tomogram, the feature or the plane does not exist.
        """
        nz, ny, nx = self._shape(tomogram, feature)
        side, length = (ny, nx) if plane == "xz" else (nx, ny)
        if not 0 <= position < side:
            raise AisError(f"A plane at {position} lies outside the tomogram (0 to {side - 1}).")
        table, condition, key = _tiles_of(tomogram, feature)
        across, along = ("tile_y", "tile_x") if plane == "xz" else ("tile_x", "tile_y")
        sql = f"SELECT z, {along}, bits FROM {table} WHERE {condition} AND {across} = ?"
        mask = np.zeros((nz, length), np.uint8)
        for z, index, data in self._rows(sql, *key, position // TILE_PX):
            here = slice(index * TILE_PX, (index + 1) * TILE_PX)
            if 0 <= z < nz and 0 <= here.start < length:
                line = tile_line(decompress_tile(data), plane, position % TILE_PX)
                mask[z, here] = line[: length - here.start]
        return mask

    def annotated_slices(self, tomogram: int, feature: int) -> list[int]:
        """The slices in which a feature, or with IGNORE an ignore region, has painted pixels."""
        table, condition, key = _tiles_of(tomogram, feature)
        return [row[0] for row in self._rows(f"SELECT DISTINCT z FROM {table} WHERE {condition} ORDER BY z", *key)]

    def tile_indices(self, tomogram: int, feature: int, z: int) -> list[TileIndex]:
        """The tiles of a slice in which a feature, or with IGNORE an ignore region, has painted pixels."""
        table, condition, key = _tiles_of(tomogram, feature)
        sql = f"SELECT tile_y, tile_x FROM {table} WHERE {condition} AND z = ? ORDER BY tile_y, tile_x"
        return [(row[0], row[1]) for row in self._rows(sql, *key, z)]

    def boxes(self, tomogram: int, feature: int) -> list[Box]:
        """A feature's training boxes in a tomogram, in the order in which they were placed."""
        sql = f"SELECT {rows.BOX_COLUMNS} FROM boxes WHERE tomogram = ? AND feature = ? ORDER BY id"
        return [rows.box_of(row) for row in self._rows(sql, tomogram, feature)]

    def slice_shape(self, tomogram: int, feature: int, z: int) -> tuple[int, int]:
        """(ny, nx) of a tomogram, or an AisError if it, the feature or the slice does not exist."""
        nz, ny, nx = self._shape(tomogram, feature)
        if not 0 <= z < nz:
            name = self._rows("SELECT name FROM tomograms WHERE id = ?", tomogram)[0][0]
            raise AisError(f"{name} has slices 0 to {nz - 1}, not {z}.")
        return ny, nx

    # Models, rules, picks, settings

    def models(self) -> list[ModelEntry]:
        """The models that the project uses, in the order in which they were added."""
        found = self._rows(f"SELECT {rows.MODEL_COLUMNS} FROM models ORDER BY id")
        return [rows.model_of(row, self.path.parent) for row in found]

    def rules(self) -> list[dict[str, Any]]:
        """The rules between models, in the order in which they act, as in ``RULES.json``."""
        return [rows.read_object(row[0]) for row in self._rows("SELECT rule FROM rules ORDER BY position")]

    def pick_sets(self, tomogram: int) -> list[PickSet]:
        """The pick sets of a tomogram, in the order in which they were added."""
        condition = "tomogram = ? AND name != ''"  # what has no name is the table of a set of particles
        sql = f"SELECT {rows.PICK_SET_COLUMNS} FROM pick_sets WHERE {condition} ORDER BY id"
        return [rows.pick_set_of(row) for row in self._rows(sql, tomogram)]

    def hand_picks(self, tomogram: int, feature: int) -> HandPicks | None:
        """The particles of a feature that were picked by hand in a tomogram; None if none ever were."""
        return self.hand_picks_of(tomogram).get(feature)

    def hand_picks_of(self, tomogram: int) -> dict[int, HandPicks]:
        """The particles that were picked by hand in a tomogram, for each feature's number."""
        condition = f"tomogram = ? AND {rows.PICKED_BY_HAND}"
        found = self._rows(f"SELECT {rows.PICK_SET_COLUMNS} FROM pick_sets WHERE {condition} ORDER BY id", tomogram)
        return {picks.feature: picks for picks in map(rows.hand_picks_of, found)}

    def hand_picks_of_feature(self, feature: int) -> list[HandPicks]:
        """The particles of a feature that were picked by hand, one entry for each tomogram that has some."""
        condition = f"{rows.PICKED_BY_HAND} AND json_extract(data, '$.feature') = ?"
        found = self._rows(f"SELECT {rows.PICK_SET_COLUMNS} FROM pick_sets WHERE {condition} ORDER BY id", feature)
        return [rows.hand_picks_of(row) for row in found]

    def setting(self, key: str, default: Any = None) -> Any:
        """A setting that belongs to the work, such as the region of interest; changed by `ChangeSetting`."""
        found = self._rows("SELECT value FROM settings WHERE key = ?", key)
        return rows.read_json(found[0][0]) if found else default

    def volumes(self, tomogram: int) -> list[VolumeEntry]:
        """What is known of segmented volumes of a tomogram, in the order in which they became known."""
        entries = [rows.volume_of(row, self.path.parent) for row in self._settings(volume_prefix(tomogram))]
        return sorted((entry for entry in entries if entry is not None), key=lambda entry: entry.number)

    def overlays(self, tomogram: int) -> list[Overlay]:
        """The fluorescence images over a tomogram, in the order in which they were added."""
        entries = [rows.fluorescence_of(row, self.path.parent) for row in self._settings(overlay_prefix(tomogram))]
        return sorted((entry for entry in entries if entry is not None), key=lambda entry: entry.number)

    def view_state(self, key: str, default: Any = None) -> Any:
        """Something remembered about the view, such as contrast limits; it has no undo."""
        found = self._rows("SELECT value FROM view_state WHERE key = ?", key)
        return rows.read_json(found[0][0]) if found else default

    # The whole

    def content_digest(self) -> str:
        """A fingerprint of all of the user's work; equal if and only if nothing in it differs."""
        import hashlib

        digest = hashlib.sha256()
        with self._reading() as connection:
            for name, table in CONTENT.items():
                # Where a file lies from the project's folder follows from its absolute path.
                columns = ", ".join(name for name in (*table.key, *table.values) if name != "relative_path")
                digest.update(f"{name} {columns}\n".encode())
                for row in connection.execute(f"SELECT {columns} FROM {name} ORDER BY {', '.join(table.key)}"):
                    kept = (*row[:-1], rows.moved_setting(row[-1], None)) if name == "settings" else row
                    digest.update(repr(kept).encode())
        return digest.hexdigest()

    def check_integrity(self) -> None:
        """Read the whole file and compare what belongs together; an AisError if it is damaged."""
        with self._reading() as connection:
            problems = [row[0] for row in connection.execute("PRAGMA integrity_check")]
            problems = [] if problems == ["ok"] else problems
            problems += [f"row without its owner in {row[0]}" for row in connection.execute("PRAGMA foreign_key_check")]
        if problems:
            raise AisError(f"{self.path} is damaged ({problems[0]}): restore it from a copy.")

    # Within

    @contextmanager
    def _reading(self) -> Iterator[sqlite3.Connection]:
        with self._guard, database_errors(self.path):
            yield self._database.connection

    def _rows(self, sql: str, *values: Any) -> list[rows.Row]:
        with self._reading() as connection:
            return connection.execute(sql, values).fetchall()

    def _settings(self, prefix: str) -> list[rows.Row]:
        """Key and value of the settings whose keys begin so."""
        return self._rows("SELECT key, value FROM settings WHERE substr(key, 1, ?) = ?", len(prefix), prefix)

    def _tomogram(self, row: rows.Row) -> TomogramEntry:
        entry = rows.tomogram_of(row, self.path.parent, None)
        normalization = None if entry.missing else self._normalization(entry)
        return rows.tomogram_of(row, self.path.parent, normalization) if normalization else entry

    def _normalization(self, entry: TomogramEntry) -> Normalization | None:
        sql = "SELECT center, scale, file_bytes, file_time_ns FROM normalizations WHERE tomogram = ? AND rule = ?"
        found = self._rows(sql, entry.id, NORMALIZATION_RULE)
        if not found or tuple(found[0][2:]) != file_state(entry.path):
            return None
        from ais.tomogram import Normalization

        return Normalization(*found[0][:2])

    def _shape(self, tomogram: int, feature: int) -> tuple[int, int, int]:
        """(nz, ny, nx) of a tomogram, or an AisError if it or the feature does not exist."""
        found = self._rows("SELECT nz, ny, nx FROM tomograms WHERE id = ?", tomogram)
        if not found:
            raise AisError(f"{self.path.name} has no tomogram number {tomogram}.")
        if feature != IGNORE:
            self.feature_by_id(feature)
        return rows.shape_of(*found[0])

    def _mask(self, tomogram: int, feature: int, z: int) -> NDArray[np.uint8]:
        shape = self.slice_shape(tomogram, feature, z)
        table, condition, key = _tiles_of(tomogram, feature)
        found = self._rows(f"SELECT tile_y, tile_x, bits FROM {table} WHERE {condition} AND z = ?", *key, z)
        return paste_tiles({(y, x): decompress_tile(bits) for y, x, bits in found}, shape)


def file_state(path: Path) -> tuple[int, int] | None:
    """Size and time of a file, which change when it does; None if it cannot be asked."""
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_size, status.st_mtime_ns


def _tiles_of(tomogram: int, feature: int) -> tuple[str, str, Sequence[int]]:
    if feature == IGNORE:
        return "ignore_tiles", "tomogram = ?", (tomogram,)
    return "mask_tiles", "tomogram = ? AND feature = ?", (tomogram, feature)


def _same_file(one: Path, other: Path) -> bool:
    try:
        return one.samefile(other)
    except (OSError, ValueError):
        return False
