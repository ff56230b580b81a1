"""Reading sets of particles from a project; the tables with their columns are read apart, because they are large."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any

from ais.annotation.particle_sets import DAMAGED, ParticleSet, decode_table, set_of
from ais.errors import AisError
from ais.formats.coordinates import Coordinates
from ais.project import rows

# Rows of tables have no name, so that their long text is never looked into.
SETS = "name != '' AND json_extract(data, '$.particles') = 1"


class ProjectParticles(ABC):
    """Questions about sets of particles; a part of `ProjectReader`."""

    @abstractmethod
    def _rows(self, sql: str, *values: Any) -> list[rows.Row]:
        """Rows that a query selects."""

    def particle_sets(self, tomogram: int) -> list[ParticleSet]:
        """The sets of a tomogram, in the order in which they were added."""
        return self._sets("tomogram = ?", tomogram)

    def all_particle_sets(self) -> list[ParticleSet]:
        """The sets of all tomograms, in the order in which they were added."""
        return self._sets("1")

    def particle_set(self, number: int) -> ParticleSet:
        """A set by its number, or an AisError."""
        found = self._sets("id = ?", number)
        if not found:
            raise AisError(f"The project has no set of particles number {number}.")
        return found[0]

    def particle_table(self, particle_set: ParticleSet) -> Coordinates:
        """The whole table of a set, also of the particles that are removed, and before any was moved.

        Raises
        ------
        AisError
            If it is damaged, or the set has been removed from the project or got other particles since.
        """
        table = decode_table(self.particle_table_text(particle_set))
        if len(table) != particle_set.total:
            raise AisError(f"The particles {particle_set.name} have changed meanwhile.")
        if not any(table.tomograms):
            found = self._rows("SELECT name FROM tomograms WHERE id = ?", particle_set.tomogram)
            table.tomograms = [str(found[0][0]) if found else ""] * len(table)
        return table

    def particle_table_text(self, particle_set: ParticleSet) -> str:
        """A table as `ais.annotation.particle_sets` decodes it."""
        found = self._rows("SELECT data FROM pick_sets WHERE id = ?", particle_set.table)
        if not found:
            raise AisError(f"The particles {particle_set.name} are no longer in the project.")
        text = rows.read_object(found[0][0]).get("table")
        if not isinstance(text, str) or not text.isascii():
            raise AisError(DAMAGED)
        return text

    def particles(self, particle_set: ParticleSet) -> Coordinates:
        """The particles of a set as they are now, with all columns."""
        return particle_set.particles(self.particle_table(particle_set))

    def _sets(self, condition: str, *values: Any) -> list[ParticleSet]:
        sql = f"SELECT {rows.PICK_SET_COLUMNS} FROM pick_sets WHERE {condition} AND {SETS} ORDER BY id"
        found = (rows.pick_set_of(row) for row in self._rows(sql, *values))
        return [set_of(one.id, one.tomogram, one.name, one.data) for one in found]
