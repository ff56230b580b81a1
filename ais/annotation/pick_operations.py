"""Edits of particles picked by hand: add, move, remove; kept as one pick set for each tomogram and feature."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ais.annotation.entries import Feature, HandPick, HandPicks
from ais.annotation.operation import Operation
from ais.errors import AisError

if TYPE_CHECKING:
    from ais.project.edit import Edit

MAX_PICKS = 100_000
MAX_RADIUS = 2048.0
DECIMALS = 3  # a thousandth of a voxel is below what a hand can place, and keeps the history small

Position = tuple[float, float, float]


@dataclass(frozen=True)
class AddPicks(Operation[list[HandPick]]):
    """Pick particles by hand.

    Attributes
    ----------
    tomogram, feature
        Where, and of what.
    positions
        z, y, x of each centre in voxels, inside the tomogram; a whole number is a voxel's centre. They are kept to a
        thousandth of a voxel, and one at the place of another is not repeated.
    radius
        Of all particles of the feature in this tomogram, in voxels; None leaves it as it is, which at first is the
        feature's brush radius.
    """

    tomogram: int
    feature: int
    positions: Sequence[Position]
    radius: float | None = None

    def text(self, edit: Edit) -> str:
        """Names how many, the feature and the tomogram."""
        return _in_words(edit, "Add", len(self.positions), self.tomogram, self.feature)

    def apply(self, edit: Edit) -> list[HandPick]:
        """Add them; gives back the new ones."""
        positions = [_checked(edit, self.tomogram, position) for position in self.positions]
        feature = edit.project.feature_by_id(self.feature)
        present = edit.project.hand_picks(self.tomogram, self.feature)
        if self.radius is not None:
            radius = _check_radius(self.radius)
        else:
            radius = feature.brush_radius if present is None else present.radius
        taken = {_place(pick) for pick in present.picks} if present else set()
        fresh = [position for position in dict.fromkeys(positions) if position not in taken]
        if len(taken) + len(fresh) > MAX_PICKS:
            raise AisError(f"A feature can have at most {MAX_PICKS} picks in a tomogram.")
        if not fresh and (present is None or radius == present.radius):
            return []
        _acted_on(edit, self.tomogram, self.feature, fresh, radius)
        return _join(edit, self.tomogram, feature, present, fresh, radius)


@dataclass(frozen=True)
class MovePick(Operation[HandPick]):
    """Move a particle that was picked by hand.

    Attributes
    ----------
    tomogram, feature
        Where, and of what.
    pick
        Its number.
    position
        z, y, x of its new centre in voxels, inside the tomogram.
    """

    tomogram: int
    feature: int
    pick: int
    position: Position

    def text(self, edit: Edit) -> str:
        """Names the feature and the tomogram."""
        return f"Move a pick {_of_in(edit, self.tomogram, self.feature)}"

    def apply(self, edit: Edit) -> HandPick:
        """Move it; gives back the pick at its new place."""
        present = _present(edit, self.tomogram, self.feature, [self.pick])
        moved = HandPick(self.pick, *_checked(edit, self.tomogram, self.position))
        _acted_on(edit, self.tomogram, self.feature, [_place(moved)], present.radius)
        _change(edit, present, picks=[moved if pick.id == self.pick else pick for pick in present.picks])
        return moved


@dataclass(frozen=True)
class RemovePicks(Operation[None]):
    """Remove particles that were picked by hand.

    Attributes
    ----------
    tomogram, feature
        Where, and of what.
    picks
        Their numbers.
    """

    tomogram: int
    feature: int
    picks: Sequence[int]

    def text(self, edit: Edit) -> str:
        """Names how many, the feature and the tomogram."""
        return _in_words(edit, "Remove", len(self.picks), self.tomogram, self.feature)

    def apply(self, edit: Edit) -> None:
        """Remove them."""
        present, gone = _present(edit, self.tomogram, self.feature, self.picks), set(self.picks)
        places = [_place(pick) for pick in present.picks if pick.id in gone]
        _acted_on(edit, self.tomogram, self.feature, places, present.radius)
        _change(edit, present, picks=[pick for pick in present.picks if pick.id not in gone])


@dataclass(frozen=True)
class SetPickRadius(Operation[None]):
    """Change the radius of a feature's particles in a tomogram.

    Attributes
    ----------
    tomogram, feature
        Where, and of what; some must have been picked there.
    radius
        In voxels.
    """

    tomogram: int
    feature: int
    radius: float

    def text(self, edit: Edit) -> str:
        """Names the feature, the tomogram and the radius."""
        return f"Set the radius of picks {_of_in(edit, self.tomogram, self.feature)} to {self.radius:g} voxels"

    def apply(self, edit: Edit) -> None:
        """Change it."""
        present = _present(edit, self.tomogram, self.feature, [])
        edit.acted_on(self.tomogram, self.feature)
        _change(edit, present, radius=_check_radius(self.radius))


def rename_picks(edit: Edit, feature: int, name: str) -> None:
    """Give the picks by hand of a feature its new name."""
    for found in edit.project.hand_picks_of_feature(feature):
        edit.update("pick_sets", (found.pick_set,), name=name)


def delete_picks(edit: Edit, feature: int, tomogram: int | None = None) -> None:
    """Remove the picks by hand of a feature in one tomogram, or in all."""
    for found in edit.project.hand_picks_of_feature(feature):
        if tomogram in (None, found.tomogram):
            edit.delete("pick_sets", (found.pick_set,))


def move_picks(edit: Edit, source: int, target: int) -> None:
    """Make the picks by hand of a feature those of another."""
    into = edit.project.feature_by_id(target)
    for found in edit.project.hand_picks_of_feature(source):
        present = edit.project.hand_picks(found.tomogram, target)
        if present is None:
            _change(edit, found, feature=into)
            continue
        taken = {_place(pick) for pick in present.picks}
        fresh = [_place(pick) for pick in found.picks if _place(pick) not in taken]
        _join(edit, found.tomogram, into, present, fresh, present.radius)
        edit.delete("pick_sets", (found.pick_set,))


def copy_picks(edit: Edit, source: int, copy: Feature) -> None:
    """Give a feature that has none the picks by hand of another."""
    for found in edit.project.hand_picks_of_feature(source):
        _join(edit, found.tomogram, copy, None, map(_place, found.picks), found.radius)


def _join(
    edit: Edit, tomogram: int, feature: Feature, present: HandPicks | None, places: Iterable[Position], radius: float
) -> list[HandPick]:
    """Add picks to those that are present, or make the first; gives back the new ones."""
    first = 1 if present is None else _next_number(edit, present)
    fresh = [HandPick(first + index, *place) for index, place in enumerate(places)]
    if present is not None:
        _change(edit, present, picks=[*present.picks, *fresh], radius=radius)
    else:
        data = edit.write_json(_data(feature.id, radius, first + len(fresh), fresh))
        edit.insert("pick_sets", tomogram=tomogram, name=feature.name, data=data)
    return fresh


def _change(
    edit: Edit,
    present: HandPicks,
    *,
    picks: Sequence[HandPick] | None = None,
    radius: float | None = None,
    feature: Feature | None = None,
) -> None:
    kept = present.picks if picks is None else picks
    free = max([_next_number(edit, present), *(pick.id + 1 for pick in kept)])
    owner = present.feature if feature is None else feature.id
    data = _data(owner, present.radius if radius is None else radius, free, kept)
    columns = {"data": edit.write_json(data)} | ({} if feature is None else {"name": feature.name})
    edit.update("pick_sets", (present.pick_set,), **columns)


def _data(feature: int, radius: float, free: int, picks: Iterable[HandPick]) -> dict[str, Any]:
    places = [[pick.id, pick.z, pick.y, pick.x] for pick in picks]
    return {"manual": True, "feature": feature, "radius": radius, "next": free, "picks": places}


def _next_number(edit: Edit, present: HandPicks) -> int:
    found = edit.rows("SELECT json_extract(data, '$.next') FROM pick_sets WHERE id = ?", present.pick_set)[0][0]
    return max([found if isinstance(found, int) else 1, *(pick.id + 1 for pick in present.picks)])


def _present(edit: Edit, tomogram: int, feature: int, picks: Sequence[int]) -> HandPicks:
    edit.project.tomogram_by_id(tomogram)
    edit.project.feature_by_id(feature)
    present = edit.project.hand_picks(tomogram, feature)
    if present is None:
        raise AisError(f"There are no picks {_of_in(edit, tomogram, feature)}: pick some first.")
    known = {pick.id for pick in present.picks}
    for pick in picks:
        if pick not in known:
            raise AisError(f"There is no pick number {pick} {_of_in(edit, tomogram, feature)}.")
    return present


def _checked(edit: Edit, tomogram: int, position: Sequence[float]) -> Position:
    shape = edit.project.tomogram_by_id(tomogram).shape
    if len(position) != 3 or not all(-0.5 <= at <= n - 0.5 for at, n in zip(position, shape, strict=True)):
        raise AisError(f"A pick at z, y, x = {tuple(position)} lies outside the tomogram of {shape} voxels.")
    z, y, x = (round(float(at), DECIMALS) + 0.0 for at in position)  # + 0.0: there is one zero
    return z, y, x


def _check_radius(radius: float) -> float:
    if not (math.isfinite(radius) and 0 < radius <= MAX_RADIUS):
        raise AisError(f"The radius of picks must be more than 0 and at most {MAX_RADIUS:g} voxels, not {radius:g}.")
    return float(radius)


def _acted_on(edit: Edit, tomogram: int, feature: int, places: Sequence[Position], radius: float) -> None:
    """Say where: the slice of the first place, and the bounds there of all places in that slice."""
    if not places:
        edit.acted_on(tomogram, feature)
        return
    depth = edit.project.tomogram_by_id(tomogram).shape[0]
    z = min(max(round(places[0][0]), 0), depth - 1)
    y, x = zip(*((y, x) for at, y, x in places if abs(at - z) <= 1), strict=True)
    low, high = (math.floor(min(y) - radius), math.floor(min(x) - radius)), (max(y) + radius, max(x) + radius)
    edit.acted_on(tomogram, feature, z, (low[0], math.ceil(high[0]) + 1, low[1], math.ceil(high[1]) + 1))


def _place(pick: HandPick) -> Position:
    return pick.z, pick.y, pick.x


def _in_words(edit: Edit, verb: str, count: int, tomogram: int, feature: int) -> str:
    return f"{verb} {count} pick{'s' if count != 1 else ''} {_of_in(edit, tomogram, feature)}"


def _of_in(edit: Edit, tomogram: int, feature: int) -> str:
    return f"of {edit.project.feature_by_id(feature).name} in {edit.project.tomogram_by_id(tomogram).name}"
