"""Edits of sets of particles: add, replace, rename, remove, look; delete and move particles; join and copy sets."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from ais.annotation.operation import Operation
from ais.annotation.particle_sets import (
    MAX_POSITION,
    ParticleLook,
    ParticleSet,
    Position,
    checked_look,
    decode_positions,
    digest_of,
    encode_table,
    joined_numbers,
    set_data,
)
from ais.errors import AisError
from ais.formats.coord_table import Column
from ais.formats.coordinates import Coordinates, concatenate

if TYPE_CHECKING:
    from ais.project.edit import Edit

TABLE_NAME = ""  # tells the rows of tables from all others, and no set is called so


@dataclass(frozen=True, eq=False)
class AddParticleSet(Operation[ParticleSet]):
    """Add a set of particles to a tomogram.

    Attributes
    ----------
    tomogram
        Its number.
    name
        Shown in lists; if another set of the tomogram is called so, a number is added.
    coordinates
        The particles with all their columns; which tomograms they name does not matter.
    origin
        Where they are from, as a JSON object: ``file``, or ``volume`` and the settings of picking.
    look
        How they are shown.
    """

    tomogram: int
    name: str
    coordinates: Coordinates
    origin: Mapping[str, Any] = field(default_factory=dict)
    look: ParticleLook = field(default_factory=ParticleLook)

    def text(self, edit: Edit) -> str:
        """Names the set, how many particles, and the tomogram."""
        count = _count(len(self.coordinates))
        return f"Add {count} {self.name} to {edit.project.tomogram_by_id(self.tomogram).name}"

    def apply(self, edit: Edit) -> ParticleSet:
        """Add it; gives it back with the name that it got."""
        edit.project.tomogram_by_id(self.tomogram)
        edit.acted_on(self.tomogram)
        name = free_name(_checked_name(edit, self.name), edit.project.particle_sets(self.tomogram))
        return _insert(edit, self.tomogram, name, self.coordinates, self.origin, self.look)


@dataclass(frozen=True, eq=False)
class ReplaceParticles(Operation[ParticleSet]):
    """Give a set other particles, such as those of picking again; its name and look stay.

    Attributes
    ----------
    particle_set
        Its number.
    coordinates
        All of its particles.
    origin
        As in `AddParticleSet`; None leaves it as it is.
    """

    particle_set: int
    coordinates: Coordinates
    origin: Mapping[str, Any] | None = None

    def text(self, edit: Edit) -> str:
        """Names the set and how many it has then."""
        return f"Replace {_named(edit, self.particle_set)} by {_count(len(self.coordinates))}"

    def apply(self, edit: Edit) -> ParticleSet:
        """Replace them; those that were removed or moved before do not matter any more."""
        present = edit.project.particle_set(self.particle_set)
        edit.acted_on(present.tomogram)
        text = encode_table(self.coordinates)
        edit.update("pick_sets", (present.table,), data=edit.write_json({"table": text}))
        fresh = replace(
            present,
            digest=digest_of(text),
            total=len(self.coordinates),
            removed=np.zeros(len(self.coordinates), bool),
            moved={},
            origin=present.origin if self.origin is None else self.origin,
        )
        return _update(edit, fresh)


@dataclass(frozen=True)
class DeleteParticles(Operation[ParticleSet]):
    """Delete particles of a set.

    Attributes
    ----------
    particle_set
        Its number.
    particles
        Their numbers: rows of the set's table. Those that are deleted already are left out.
    """

    particle_set: int
    particles: Sequence[int]

    def text(self, edit: Edit) -> str:
        """Names how many and the set."""
        return f"Delete {_count(len(self.particles))} of {_named(edit, self.particle_set)}"

    def apply(self, edit: Edit) -> ParticleSet:
        """Delete them."""
        present = edit.project.particle_set(self.particle_set)
        numbers = joined_numbers(self.particles, present.total)
        numbers = numbers[~present.removed[numbers]]
        if not len(numbers):
            return present
        positions = present.positions(decode_positions(edit.project.particle_table_text(present)))
        _acted_at(edit, present, positions[numbers[0]])
        removed = present.removed.copy()
        removed[numbers] = True
        moved = {number: place for number, place in present.moved.items() if not removed[number]}
        return _update(edit, replace(present, removed=removed, moved=moved))


@dataclass(frozen=True)
class MoveParticle(Operation[ParticleSet]):
    """Move a particle of a set.

    Attributes
    ----------
    particle_set
        Its number.
    particle
        The particle's number: its row in the set's table.
    position
        x, y, z of its new centre in voxels.
    """

    particle_set: int
    particle: int
    position: Position

    def text(self, edit: Edit) -> str:
        """Names the set."""
        return f"Move a particle of {_named(edit, self.particle_set)}"

    def apply(self, edit: Edit) -> ParticleSet:
        """Move it."""
        present = edit.project.particle_set(self.particle_set)
        (number,) = joined_numbers([self.particle], present.total).tolist()
        if present.removed[number]:
            raise AisError("The particle has been deleted.")
        x, y, z = (float(at) for at in self.position)
        if not all(math.isfinite(at) and abs(at) <= MAX_POSITION for at in (x, y, z)):
            raise AisError(f"A particle cannot lie at x, y, z = {tuple(self.position)}.")
        _acted_at(edit, present, (x, y, z))
        return _update(edit, replace(present, moved={**present.moved, number: (x, y, z)}))


@dataclass(frozen=True, eq=False)
class SetParticleColumn(Operation[ParticleSet]):
    """Give the particles of a set a column, or replace one, such as their distance to a surface.

    Attributes
    ----------
    particle_set
        Its number.
    label
        Of the column; without blanks, as star files need it.
    values
        One for each row of the set's table, also for those that are removed; None takes the column away.
    """

    particle_set: int
    label: str
    values: Column | None

    def text(self, edit: Edit) -> str:
        """Names the column and the set."""
        verb = "Remove" if self.values is None else "Set"
        return f"{verb} the column {self.label} of {_named(edit, self.particle_set)}"

    def apply(self, edit: Edit) -> ParticleSet:
        """Write the table anew."""
        present = edit.project.particle_set(self.particle_set)
        edit.acted_on(present.tomogram)
        label = edit.check_text(self.label)
        if not label or any(letter.isspace() or not letter.isprintable() for letter in label):
            raise AisError("The name of a column has at least one letter, and no blanks.")
        if self.values is not None and len(self.values) != present.total:
            raise AisError(f"The column {label} has {len(self.values)} values for {present.total} particles.")
        table = edit.project.particle_table(present)
        columns = {name: column for name, column in table.columns.items() if name != label or self.values is not None}
        if self.values is not None:
            columns[label] = self.values
        text = encode_table(replace(table, columns=columns))
        edit.update("pick_sets", (present.table,), data=edit.write_json({"table": text}))
        return _update(edit, replace(present, digest=digest_of(text)))


@dataclass(frozen=True)
class RenameParticleSet(Operation[ParticleSet]):
    """Rename a set of particles.

    Attributes
    ----------
    particle_set
        Its number.
    name
        The new one; if another set of the tomogram is called so, a number is added.
    """

    particle_set: int
    name: str

    def text(self, edit: Edit) -> str:
        """Names the set before and after."""
        return f"Rename {_named(edit, self.particle_set)} to {self.name}"

    def apply(self, edit: Edit) -> ParticleSet:
        """Rename it."""
        present = edit.project.particle_set(self.particle_set)
        edit.acted_on(present.tomogram)
        others = [one for one in edit.project.particle_sets(present.tomogram) if one.id != present.id]
        name = free_name(_checked_name(edit, self.name), others)
        edit.update("pick_sets", (present.id,), name=name)
        return replace(present, name=name)


@dataclass(frozen=True)
class ChangeParticleLook(Operation[ParticleSet]):
    """Change how a set of particles is shown.

    Attributes
    ----------
    particle_set
        Its number.
    look
        The new one.
    everywhere
        Whether sets of the same name in other tomograms get it too.
    """

    particle_set: int
    look: ParticleLook
    everywhere: bool = False

    def text(self, edit: Edit) -> str:
        """Names the set."""
        where = " in all tomograms" if self.everywhere else ""
        return f"Change how {_named(edit, self.particle_set)} look{where}"

    def apply(self, edit: Edit) -> ParticleSet:
        """Change it."""
        present = edit.project.particle_set(self.particle_set)
        edit.acted_on(present.tomogram)
        look = _checked_look(self.look)
        if self.everywhere:
            for other in edit.project.all_particle_sets():
                if other.name == present.name and other.id != present.id:
                    _update(edit, replace(other, look=look))
        return _update(edit, replace(present, look=look))


@dataclass(frozen=True)
class RemoveParticleSet(Operation[None]):
    """Remove a set of particles from the project; a file that it is from stays."""

    particle_set: int

    def text(self, edit: Edit) -> str:
        """Names the set."""
        return f"Remove {_named(edit, self.particle_set)}"

    def apply(self, edit: Edit) -> None:
        """Remove it with its table."""
        present = edit.project.particle_set(self.particle_set)
        edit.acted_on(present.tomogram)
        _delete(edit, present)


@dataclass(frozen=True)
class DuplicateParticleSet(Operation[ParticleSet]):
    """Copy a set of particles, or some of it, within its tomogram.

    Attributes
    ----------
    particle_set
        Its number.
    particles
        Numbers of those that are copied: rows of the set's table; None for all.
    """

    particle_set: int
    particles: Sequence[int] | None = None

    def text(self, edit: Edit) -> str:
        """Names the set, and how many of it."""
        some = "" if self.particles is None else f"{_count(len(self.particles))} of "
        return f"Copy {some}{_named(edit, self.particle_set)}"

    def apply(self, edit: Edit) -> ParticleSet:
        """Copy it; gives back the copy."""
        present = edit.project.particle_set(self.particle_set)
        edit.acted_on(present.tomogram)
        name = free_name(present.name, edit.project.particle_sets(present.tomogram))
        if self.particles is not None:
            kept = np.zeros(present.total, bool)
            kept[joined_numbers(self.particles, present.total)] = True
            present = replace(present, removed=present.removed | ~kept)
        particles = present.particles(edit.project.particle_table(present))
        if not len(particles):
            raise AisError(f"There is nothing to copy of {present.name}.")
        return _insert(edit, present.tomogram, name, particles, present.origin, present.look)


@dataclass(frozen=True)
class MergeParticleSets(Operation[ParticleSet]):
    """Join sets of one tomogram; those after the first are gone then.

    Attributes
    ----------
    particle_sets
        Their numbers; the first keeps its name and look and gets the particles of the others.
    """

    particle_sets: Sequence[int]

    def text(self, edit: Edit) -> str:
        """Names the sets."""
        return f"Join {', '.join(_named(edit, number) for number in dict.fromkeys(self.particle_sets))}"

    def apply(self, edit: Edit) -> ParticleSet:
        """Join them; gives back the first."""
        sets = [edit.project.particle_set(number) for number in dict.fromkeys(self.particle_sets)]
        if len(sets) < 2:
            raise AisError("Choose two or more sets of particles to join.")
        if len({one.tomogram for one in sets}) > 1:
            raise AisError("Only sets of particles of one tomogram can be joined.")
        first = sets[0]
        edit.acted_on(first.tomogram)
        joined = concatenate([one.particles(edit.project.particle_table(one)) for one in sets])
        for other in sets[1:]:
            _delete(edit, other)
        return ReplaceParticles(first.id, joined).apply(edit)


def free_name(name: str, taken: Sequence[ParticleSet]) -> str:
    """The name, or if one of the sets has it, the name with the first number that is free."""
    names = {one.name.casefold() for one in taken}
    stem = re.sub(r" \d{1,4}$", "", name)
    free, number = name, 2
    while free.casefold() in names:
        free, number = f"{stem} {number}", number + 1
    return free


def _insert(
    edit: Edit, tomogram: int, name: str, table: Coordinates, origin: Mapping[str, Any], look: ParticleLook
) -> ParticleSet:
    text = encode_table(table)
    row = edit.insert("pick_sets", tomogram=tomogram, name=TABLE_NAME, data=edit.write_json({"table": text}))
    data = edit.write_json(set_data(row, digest_of(text), len(table), _checked_look(look), origin))
    return edit.project.particle_set(edit.insert("pick_sets", tomogram=tomogram, name=name, data=data))


def _update(edit: Edit, fresh: ParticleSet) -> ParticleSet:
    data = set_data(
        fresh.table, fresh.digest, fresh.total, fresh.look, fresh.origin, np.asarray(fresh.removed), fresh.moved
    )
    edit.update("pick_sets", (fresh.id,), data=edit.write_json(data))
    return edit.project.particle_set(fresh.id)


def _delete(edit: Edit, present: ParticleSet) -> None:
    edit.delete("pick_sets", (present.id,))
    edit.delete("pick_sets", (present.table,))


def _checked_name(edit: Edit, name: str) -> str:
    name = edit.check_text(name.strip())
    if not name:
        raise AisError("A set of particles needs a name.")
    return name


def _checked_look(look: ParticleLook) -> ParticleLook:
    try:
        return checked_look(look)
    except ValueError as error:
        raise AisError(str(error)) from error


def _acted_at(edit: Edit, present: ParticleSet, place: Iterable[float]) -> None:
    """Say where: the slice of a place x, y, z in voxels, and a square around it."""
    tomogram = edit.project.tomogram_by_id(present.tomogram)
    x, y, z = (float(at) for at in place)
    reach = present.look.radius / (tomogram.voxel_size or 1.0)
    bounds = (math.floor(y - reach), math.ceil(y + reach) + 1, math.floor(x - reach), math.ceil(x + reach) + 1)
    edit.acted_on(present.tomogram, None, min(max(round(z), 0), tomogram.shape[0] - 1), bounds)


def _named(edit: Edit, number: int) -> str:
    return edit.project.particle_set(number).name


def _count(number: int) -> str:
    return f"{number} particle{'s' if number != 1 else ''}"
