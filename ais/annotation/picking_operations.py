"""The edit that puts what was picked from segmented volumes into the project."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ais.annotation.operation import Operation
from ais.annotation.particle_set_operations import AddParticleSet, ReplaceParticles
from ais.annotation.particle_sets import ParticleLook, ParticleSet
from ais.errors import AisError
from ais.formats.coordinates import Coordinates

if TYPE_CHECKING:
    from ais.project.edit import Edit

PICKED = "picked"
"""In a set's origin: the feature that it was picked of."""


@dataclass(frozen=True, eq=False)
class NewPicks:
    """What was picked in one tomogram.

    Attributes
    ----------
    tomogram
        Its number.
    coordinates
        The particles.
    origin
        From what and how they were picked, as a JSON object.
    look
        How they are shown where none of the feature have been picked before.
    """

    tomogram: int
    coordinates: Coordinates
    origin: Mapping[str, Any]
    look: ParticleLook


@dataclass(frozen=True, eq=False)
class PutPicks(Operation[list[ParticleSet]]):
    """Put what was picked of a feature into one tomogram or many, in place of what was picked of it there before.

    Attributes
    ----------
    feature
        What was picked; its sets are called so at first.
    picks
        For each tomogram; one that is no longer in the project is left out.
    """

    feature: str
    picks: Sequence[NewPicks]

    def text(self, edit: Edit) -> str:
        """Names the feature, how many particles, and the tomogram or how many."""
        count = sum(len(one.coordinates) for one in self.picks)
        where = f"{len(self.picks)} tomograms"
        if len(self.picks) == 1:
            where = edit.project.tomogram_by_id(self.picks[0].tomogram).name
        return f"Pick {count} {self.feature} in {where}"

    def apply(self, edit: Edit) -> list[ParticleSet]:
        """Put them there; gives back the sets."""
        made = []
        for one in self.picks:
            try:
                edit.project.tomogram_by_id(one.tomogram)
            except AisError:
                if len(self.picks) == 1:
                    raise
                continue
            origin = {**one.origin, PICKED: self.feature}
            before = picked_before(edit.project.particle_sets(one.tomogram), self.feature)
            if before is None:
                add = AddParticleSet(one.tomogram, self.feature, one.coordinates, origin, one.look)
                made.append(add.apply(edit))
            else:
                made.append(ReplaceParticles(before.id, one.coordinates, origin).apply(edit))
        return made


def picked_before(sets: Sequence[ParticleSet], feature: str) -> ParticleSet | None:
    """The set of a tomogram that was picked of a feature; None if there is none."""
    return next((one for one in sets if one.origin.get(PICKED) == feature), None)
